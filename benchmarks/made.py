"""Logs that are made: the ordinary ones of a cluster's syslog, an nginx and a service that writes JSON, and three that
are as bad as can be. The same seed gives the same log.

    python benchmarks/made.py KIND OUT.log [--lines 2000000] [--seed 1]
"""

import argparse
import json
import string
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

START = datetime(2026, 3, 2, 8)
FEW = 1_000  # sessions that come one by one
AT_ONCE = 60  # flows of a syslog that go on side by side

Flow = tuple[float, str, tuple[str, ...]]  # how often, the program, and what one process of it says, step by step

SYSLOG: Sequence[Flow] = (
    (30, "crond(pam_unix)", ("session opened for user {user} by (uid=0)", "session closed for user {user}")),
    (25, "sshd", (
        "Accepted publickey for {user} from {ip} port {port} ssh2", "session opened for user {user} by (uid=0)",
        "session closed for user {user}",
    )),
    (6, "sshd", ("Failed password for {user} from {ip} port {port} ssh2", "Connection closed by {ip}")),
    (2, "sshd", ("Did not receive identification string from {ip}",)),
    (20, "crond", ("({user}) CMD (run-parts /etc/cron.hourly)",)),
    (10, "crond", ("({user}) CMD (/usr/lib64/sa/sa1 {n} {n})",)),
    (25, "snmpd", ("Got trap from peer on fd {n}", "Connection from {ip}", "Received SNMP packet(s) from {ip}")),
    (20, "dhcpd", (
        "DHCPDISCOVER from {mac} via eth{digit}", "DHCPOFFER on {ip} to {mac} via eth{digit}",
        "DHCPREQUEST for {ip} ({ip}) from {mac} via eth{digit}", "DHCPACK on {ip} to {mac} via eth{digit}",
    )),
    (2, "dhcpd", ("DHCPDISCOVER from {mac} via eth{digit}: network 10.{digit}.0/21: no free leases",)),
    (15, "gmetad", ("data_thread() got not answer from any [Cluster_{letter}] datasource",)),
    (12, "ib_sm.x", (
        "[ib_sm_sweep.c:{n}]: No topology change", "[ib_sm_sweep.c:{n}]: Fabric sweep took {n} msec, {n} nodes",
    )),
    (10, "pbs_mom", (
        "scan_for_exiting, job {n}.admin{digit} task {digit} terminated", "job {n}.admin{digit} obit sent, status 0",
    )),
    (8, "postfix/smtpd", (
        "connect from unknown[{ip}]", "{hex}: client=unknown[{ip}]", "disconnect from unknown[{ip}]",
    )),
    (8, "postfix/qmgr", ("{hex}: from=<{user}@example.com>, size={n}, nrcpt={digit} (queue active)", "{hex}: removed")),
    (8, "ntpd", ("synchronized to {ip}, stratum {digit}", "time reset +{digit}.{n} s")),
    (6, "in.tftpd", ("tftp: client does not accept options", "sending NAK ({digit}, File not found) to {ip}")),
    (6, "xinetd", ("START: auth pid={n} from={ip}", "EXIT: auth status=0 pid={n} duration={digit}(sec)")),
    (5, "kernel", ("eth{digit}: link up, 1000Mbps, full-duplex",)),
    (4, "kernel", ("martian source {ip} from {ip}, on dev eth{digit}", "ll header: {mac}:{mac}:08:00")),
    (3, "kernel", (
        "kjournald starting.  Commit interval {digit}", "EXT3-fs: mounted filesystem with ordered data mode.",
    )),
    (3, "kernel", ("scsi{digit} : Device sd{letter} not ready.",)),
    (2, "kernel", ("CPU {digit}: Machine Check Exception: {digit} Bank {digit}: {hex}{hex}",)),
    (2, "kernel", ("Losing some ticks... checking if CPU frequency changed.",)),
    (2, "syslog-ng", ("STATS: dropped {n}", "Changing permissions on special file /dev/xconsole")),
    (1, "Server Administrator", (
        "Instrumentation Service EventID: {n}  Temperature sensor returned to a normal value  Sensor location: "
        "BMC Ambient Temp  Temperature sensor value (in Degrees Celsius): {digit}{digit}.0",
    )),
    (0.01, "kernel", ("mptscsih: ioc{digit}: attempting task abort! (sc={hex})", "Out of Memory: Killed process {n}")),
)  # fmt: skip

PAGES = (  # how often, method, path, statuses
    (30, "GET", "/static/{asset}.{hex}.js", (200, 200, 200, 304)),
    (25, "GET", "/images/{asset}-{n}.png", (200, 200, 304, 404)),
    (25, "GET", "/products/{n}/{asset}?ref={asset}&page={digit}", (200, 200, 200, 200, 404)),
    (20, "GET", "/", (200, 200, 301)),
    (15, "GET", "/search?q={asset}+{asset}&sort={asset}", (200,)),
    (12, "POST", "/api/v1/carts/{uuid}/items", (201, 201, 201, 409)),
    (12, "GET", "/api/v1/orders/{n}", (200, 200, 401)),
    (6, "PUT", "/api/v1/users/{n}/settings", (204, 204, 400)),
    (6, "HEAD", "/healthz", (200,)),
    (4, "POST", "/login", (302, 302, 403)),
    (2, "GET", "/wp-login.php", (404,)),
    (1, "OPTIONS", "/api/v1/orders", (204,)),
    (0.05, "GET", "/api/v1/reports/{uuid}", (500, 502, 504)),
)
AGENTS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{n}.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_{digit}) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/{n} Safari",
    "Mozilla/5.0 (iPhone; CPU iPhone OS {n}_{digit} like Mac OS X) AppleWebKit/605.1.15 Mobile/15E{n}",
    "Mozilla/5.0 (X11; Linux x86_64; rv:{n}.0) Gecko/20100101 Firefox/{n}.0",
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "curl/8.{digit}.{digit}",
    "python-requests/2.{n}.{digit}",
)

EVENTS: Sequence[tuple[float, str, str, str, dict[str, Any]]] = (  # how often, level, logger, message, further fields
    (30, "info", "http.server", "request handled", {"method": "{verb}", "path": "/api/{asset}/{n}", "ms": "#"}),
    (20, "debug", "cache", "hit for key {asset}:{n}", {"ttl": "#"}),
    (15, "info", "shop.cart", "item {n} added to cart {uuid}", {"user": "{user}", "quantity": "#"}),
    (12, "info", "shop.order", "order {n} placed by {user}", {"total": "#", "currency": "EUR"}),
    (10, "info", "db.pool", "connection {digit} of pool {asset} returned after {n} ms", {}),
    (8, "debug", "auth", "token for {user} refreshed", {"client": {"ip": "{ip}", "agent": "{asset}/{digit}.{digit}"}}),
    (6, "info", "shop.mail", "confirmation sent to {user}@example.com", {"queue": "{asset}"}),
    (4, "warn", "db.query", "slow query on table {asset} took {n} ms", {"rows": "#"}),
    (3, "warn", "http.client", "retrying request to {ip}:{port}, attempt {digit}", {}),
    (1, "error", "shop.payment", "gateway refused order {n}: code {digit}", {"user": "{user}"}),
    (0.01, "error", "worker", "job {uuid} failed: connection reset by {ip}", {"retries": "#"}),
)
WORDS = [
    "lamp", "chair", "table", "shelf", "sofa", "desk", "mirror", "carpet", "pillow", "blanket", "basket", "vase",
    "clock", "frame", "stool", "bench", "cabinet", "drawer", "curtain", "candle", "kettle", "teapot", "bowl", "plate",
    "fork", "spoon", "knife", "mug", "glass", "jar", "tray", "oven",
]  # fmt: skip
USERS = ("root", "postgres", "backup", *(f"user{letter}" for letter in string.ascii_lowercase))


class Values(dict[str, str]):
    """What stands in the place of a name in braces, another one each time."""

    def __init__(self, random: Random) -> None:
        super().__init__()
        self._random = random

    def __missing__(self, name: str) -> str:
        return str(getattr(self, name)())

    def below(self, n: int) -> int:
        return int(self._random.random() * n)

    def pick(self, choices: Sequence[str]) -> str:
        """Some come often."""
        return choices[int(self._random.random() ** 2 * len(choices))]

    def n(self) -> int:
        return self.below(10 ** (1 + self.below(5)))

    def digit(self) -> int:
        return self.below(10)

    def port(self) -> int:
        return 1024 + self.below(64_000)

    def letter(self) -> str:
        return string.ascii_uppercase[self.below(26)]

    def ip(self) -> str:
        return f"10.{self.below(4)}.{int(self._random.random() ** 2 * 256)}.{self.below(256)}"

    def mac(self) -> str:
        return f"00:11:43:{self.below(256):02x}:{self.below(256):02x}:{self.below(256):02x}"

    def hex(self) -> str:
        return f"{self.below(1 << 32):08x}"

    def uuid(self) -> str:
        return f"{self.hex()}-{self.below(1 << 16):04x}-4{self.below(1 << 12):03x}-a000-{self.below(1 << 48):012x}"

    def user(self) -> str:
        return self.pick(USERS)

    def asset(self) -> str:
        return self.pick(WORDS)

    def verb(self) -> str:
        return self.pick(("GET", "POST", "PUT", "DELETE"))


def often(random: Random, rows: Sequence[tuple[Any, ...]]) -> Iterator[int]:
    """Numbers of rows without end, each as often as its first column says."""
    weights = [row[0] for row in rows]
    while True:
        yield from random.choices(range(len(rows)), weights, k=10_000)


def moments(random: Random, gap: float) -> Iterator[datetime]:
    """Times without end, `gap` seconds apart on average."""
    seconds = 0.0
    while True:
        yield START + timedelta(seconds=seconds)
        seconds += random.random() * 2 * gap


def syslog(seed: int) -> Iterator[str]:
    """Of a cluster: daemons of many nodes, a process of each saying some steps among those of others."""
    random = Random(seed)
    values, chosen = Values(random), often(random, SYSLOG)

    def begun() -> tuple[str, Iterator[str]]:
        _, program, steps = SYSLOG[next(chosen)]
        tag = program if program == "kernel" or " " in program else f"{program}[{1 + values.below(32_000)}]"
        return f"bn{1 + values.below(900)} {tag}: ", iter(steps)

    running = [begun() for _ in range(AT_ONCE)]
    for time in moments(random, 0.02):
        at = values.below(AT_ONCE)
        while (step := next(running[at][1], None)) is None:
            running[at] = begun()
        yield f"{time:%b %e %H:%M:%S} {running[at][0]}{step.format_map(values)}"


def nginx(seed: int) -> Iterator[str]:
    """An access log, combined."""
    random = Random(seed)
    values, chosen = Values(random), often(random, PAGES)
    for time in moments(random, 0.02):
        _, method, path, statuses = PAGES[next(chosen)]
        status, size = statuses[values.below(len(statuses))], int(random.random() ** 4 * 200_000)
        agent = AGENTS[int(random.random() ** 2 * len(AGENTS))].format_map(values)
        referrer = f"https://shop.example.com/products/{values.n()}" if random.random() < 0.6 else "-"
        request = f"{method} {path.format_map(values)} HTTP/{1 + (random.random() < 0.6)}.1"
        yield f'{values.ip()} - - [{time:%d/%b/%Y:%H:%M:%S} +0000] "{request}" {status} {size} "{referrer}" "{agent}"'


def json_lines(seed: int) -> Iterator[str]:
    """Of a service, each line with the id of its trace."""
    random = Random(seed)
    values, chosen = Values(random), often(random, EVENTS)

    def filled(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: filled(inner) for name, inner in value.items()}
        return values.n() if value == "#" else str(value).format_map(values)

    for time in moments(random, 0.02):
        _, level, logger, message, more = EVENTS[next(chosen)]
        said = {"time": f"{time.isoformat(timespec='milliseconds')}Z", "level": level, "logger": logger}
        trace = values.hex() + values.hex()
        yield json.dumps({**said, "message": filled(message), **filled(more), "trace_id": trace}, separators=(",", ":"))


def distinct(seed: int) -> Iterator[str]:
    """Every message of words that no other one has."""
    random = Random(seed)
    for time in moments(random, 0.01):
        words = (format(random.getrandbits(40), "x").translate(LETTERS) for _ in range(8))
        yield f"{time:%Y-%m-%d %H:%M:%S} INFO app: {' '.join(words)}"


def sessions(seed: int, at_once: int) -> Iterator[str]:
    """In the form of HDFS: so many blocks are begun before the first of them ends, and again. First come a few that end
    at once, by which a session is known."""
    random = Random(seed)
    times = moments(random, 0.001)
    steps = ("DataNode$DataXceiver: Receiving block blk_{}", "DataNode$PacketResponder: Received block blk_{}")

    def line(step: str, block: int) -> str:
        return f"{next(times):%y%m%d %H%M%S} {block % 9999} INFO dfs.{step.format(block)} src: /10.0.0.7:50010"

    for block in range(FEW):
        yield from (line(step, 1_000_000 + block) for step in steps)
    while True:
        blocks = [random.getrandbits(60) + (1 << 60) for _ in range(at_once)]
        for step in steps:
            yield from (line(step, block) for block in blocks)


def templates(seed: int, kinds: int) -> Iterator[str]:
    """So many kinds of line, each of words of its own, at random."""
    random = Random(seed)
    words = [format(random.getrandbits(30), "x").translate(LETTERS) for _ in range(kinds // 10)]
    made = [" ".join(random.choices(words, k=7)) for _ in range(kinds)]
    for time in moments(random, 0.01):
        yield f"{time:%Y-%m-%d %H:%M:%S} INFO app: {made[int(random.random() * kinds)]} {random.getrandbits(20)}"


LETTERS = str.maketrans(string.digits, "ghijklmnop")  # hexadecimal digits as words
LOGS: dict[str, Callable[[int], Iterator[str]]] = {"syslog": syslog, "nginx": nginx, "json": json_lines}


def write(out: Path, lines: Iterable[str], most: int) -> None:
    """The first lines of a log."""
    with out.open("w") as file:
        file.writelines(f"{line}\n" for line in islice(lines, most))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=LOGS)
    parser.add_argument("out", type=Path)
    parser.add_argument("--lines", type=int, default=2_000_000)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    write(args.out, LOGS[args.kind](args.seed), args.lines)


if __name__ == "__main__":
    main()
