"""Logs that only their own clients can read: journalctl, docker and kubectl as child processes.

    journal:  journal:UNIT    docker:NAME    kubectl:POD    kubectl:NAMESPACE/POD

What the clients say themselves comes out of the same pipe, since `docker logs` sends there what the container wrote to
stderr. It is told apart by its form: lines of the journal are JSON, the others are asked for with time stamps, by which
they can also be resumed, and which are then taken off.
"""

import errno
import json
import os
import re
import subprocess
from datetime import UTC, datetime
from typing import NamedTuple

from logscan.sources.lines import MAX_LINE

_SOURCE = re.compile(r"(journal):(.*)|(docker|kubectl):(.+)")
_PROGRAMS = {"journal": "journalctl"}
_TIME = rb"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)"
_STAMP = re.compile(rb"^" + _TIME + rb"(?: |$)", re.MULTILINE)
_ENTRY = re.compile(rb"^\{", re.MULTILINE)
_CURSOR = re.compile(rb'"__CURSOR"\s*:\s*("(?:[^"\\]|\\.)*")')
_PATIENCE = 2.0  # seconds for a client to end when it is asked to


class Client(NamedTuple):
    """A log that a program prints. kind: journal, docker or kubectl; name: of the unit, container or pod, or empty."""

    source: str
    kind: str
    name: str

    @property
    def program(self) -> str:
        """The name of the program."""
        return _PROGRAMS.get(self.kind, self.kind)

    def command(self, follow: bool = False, tail: int | None = None, after: str = "") -> list[str]:
        """How it is called: for all lines, for those from `tail` lines before the end, or after a cursor."""
        if self.kind == "journal":
            command = ["journalctl", "--output=json", "--all", "--no-pager"]
            command += [f"--unit={self.name}"] if self.name else []
            if after:
                command.append(f"--since={after}" if after.startswith("@") else f"--after-cursor={after}")
            if follow:
                command += ["--follow", "--no-tail" if tail is None or after else f"--lines={tail}"]
            return command
        command = [self.kind, "logs", "--timestamps"]
        command += ["--follow"] if follow else []
        command += [f"--tail={tail}"] if tail is not None and not after else []
        if after:
            command.append(f"--since{'-time' if self.kind == 'kubectl' else ''}={after.split()[1]}")
        namespace, _, pod = self.name.rpartition("/") if self.kind == "kubectl" else ("", "", self.name)
        return [*command, *([f"--namespace={namespace}"] if namespace else []), pod]

    def start(self, command: list[str]) -> "subprocess.Popen[bytes]":
        """The running program. Raises OSError with a clear text."""
        try:
            return subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, bufsize=0
            )
        except FileNotFoundError as error:
            raise OSError(errno.ENOENT, f"{self.program} is not installed, or not on PATH") from error

    def present(self) -> str:
        """A cursor after all that was written before now."""
        now = datetime.now(UTC)
        return f"@{now.timestamp():.6f}" if self.kind == "journal" else f"0 {now.isoformat()[:26]}Z"


def client_of(source: str) -> Client | None:
    """The client that a source names; None for other sources, and for a file of that name."""
    found = _SOURCE.fullmatch(source)
    if found is None or os.path.lexists(source):
        return None
    return Client(source, found[1] or found[3], found[2] or found[4] or "")


class Output:
    """What a client prints, made into plain lines of the log.

    cursor: where the log stands after the lines that were given; said: the last of the client's own words
    """

    def __init__(self, client: Client, after: str = "") -> None:
        self.cursor = after
        self.said = ""
        self._json = client.kind == "journal"
        self._rest = b""
        self._again = "" if self._json else after  # lines up to here come once more

    def add(self, data: bytes) -> bytes:
        """The log's whole lines in what was printed next."""
        data = self._rest + data
        end = data.rfind(b"\n") + 1
        self._rest = data[end:][: MAX_LINE + 100]  # the end of an endless line is cut off later anyway
        return self._lines(data[:end])

    def end(self) -> bytes:
        """The last line, if no line feed ended it."""
        rest, self._rest = self._rest, b""
        return self._lines(rest)

    def _lines(self, data: bytes) -> bytes:
        if not data:
            return data
        pattern = _ENTRY if self._json else _STAMP
        if len(pattern.findall(data)) < data.count(b"\n") + (not data.endswith(b"\n")):
            lines = data.splitlines(keepends=True)
            own = [line for line in lines if not pattern.match(line)]
            words = (line.decode(errors="replace").strip() for line in reversed(own))
            self.said = next(filter(None, words), self.said)
            data = b"".join(line for line in lines if pattern.match(line))
        if self._again:
            data = self._newer(data)
        if not data:
            return b""
        if self._json:
            at = data.rfind(b'"__CURSOR"')
            if found := _CURSOR.match(data, at) if at >= 0 else None:
                self.cursor = str(json.loads(found[1]))
            return data
        last = _STAMP.match(data, data.rfind(b"\n", 0, len(data) - 1) + 1)
        if last is not None:
            stamp = last[0].strip()
            count = data.count(b"\n" + stamp + b" ") + data.startswith(stamp + b" ")
            known = self.cursor.split() or ["0", ""]
            self.cursor = f"{count + int(known[0]) * (known[1] == stamp.decode())} {stamp.decode()}"
        return _STAMP.sub(b"", data)

    def _newer(self, data: bytes) -> bytes:
        """Without the lines that were given before a restart: older ones, and so many of the same time."""
        count, stamp = self._again.split()
        last, same, at = _nanoseconds(_STAMP.match(stamp.encode())), int(count), 0
        while at < len(data):
            time = _nanoseconds(_STAMP.match(data, at))
            if time > last or (time == last and same == 0):
                self._again = ""
                break
            same -= time == last
            at = data.find(b"\n", at) + 1 or len(data)
        else:
            self._again = f"{same} {stamp}"
        return data[at:]


def _nanoseconds(stamp: re.Match[bytes] | None) -> int:
    """Since 1970; 0 where there is no stamp."""
    if stamp is None:
        return 0
    seconds, fraction, zone = (part.decode() for part in stamp.groups(b""))
    return int(datetime.fromisoformat(seconds + zone).timestamp()) * 10**9 + int(fraction[:9].ljust(9, "0"))


class Printed:
    """All that a client prints, to be read as a file. Raises OSError where it fails, at its end if it gave lines."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._process = client.start(client.command())
        self._output = Output(client)
        self._unread = b""
        self._ended = False

    def read(self, size: int, /) -> bytes:
        assert self._process.stdout is not None
        while not self._unread and not self._ended:
            if data := self._process.stdout.read(1 << 16):
                self._unread = self._output.add(data)
            else:
                self._unread, self._ended = self._output.end(), True
        data, self._unread = self._unread[:size], self._unread[size:]
        if not data and size:
            failed = failure(self._client, self._process, self._output.said)
            if failed:
                raise OSError(errno.EIO, failed)
        return data

    def close(self) -> None:
        stop(self._process)


def failure(client: Client, process: "subprocess.Popen[bytes]", said: str) -> str:
    """Why a client that printed its last ended, in one line; empty where all is well."""
    try:
        status = process.wait(_PATIENCE)
    except subprocess.TimeoutExpired:
        return ""
    if status == 0:
        return ""
    how = f"signal {-status}" if status < 0 else f"status {status}"
    return f"{client.program} ended with {how}" + (f": {said}" if said else "")


def stop(process: "subprocess.Popen[bytes]") -> None:
    """End a client, by force if it does not heed."""
    if process.stdout is not None:
        process.stdout.close()
    process.terminate()
    try:
        process.wait(_PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
