"""Writes the log of an order service on a good morning, `good.log`, and on a bad one, `shop.log`.

Each order is a session: eight lines or so that carry its id, among those of other orders. Health checks come
every ten seconds, cache statistics every minute; people log in, a few mistype, gateways are slow at times.
Into `shop.log` seven faults are put, no two alike; `faults.csv` says between which lines each of them lies.

    python examples/make_log.py [FOLDER]
"""

import csv
import sys
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import NamedTuple

TRACE = """\
java.lang.IllegalStateException: no tax rate for region 7
	at shop.invoice.TaxTable.rate(TaxTable.java:88)
	at shop.invoice.InvoiceWriter.total(InvoiceWriter.java:142)
	at shop.invoice.InvoiceWriter.write(InvoiceWriter.java:61)
	at shop.order.Checkout.run(Checkout.java:217)
	at java.base/java.util.concurrent.ThreadPoolExecutor.runWorker(ThreadPoolExecutor.java:1136)
	at java.base/java.lang.Thread.run(Thread.java:833)
Caused by: java.util.NoSuchElementException: region 7
	at java.base/java.util.Optional.orElseThrow(Optional.java:377)
	at shop.invoice.TaxTable.rate(TaxTable.java:85)
	... 5 more"""


class Event(NamedTuple):
    """A line, or a record of several."""

    seconds: float  # since the beginning of the log
    text: str
    fault: str | None


class Shop:
    """Writes events in any order; `lines` puts them in that of time."""

    def __init__(self, seed: int, start: datetime, seconds: int) -> None:
        self.random = Random(seed).random  # the one method whose numbers are the same in every Python
        self.start, self.seconds = start, seconds
        self.events: list[Event] = []
        self.order, self.orders = self.below(20_000) + 30_000, 0  # the last id, and how many
        self.fault: str | None = None  # the fault that what is said now belongs to

    def below(self, n: int) -> int:
        return int(self.random() * n)

    def pick(self, *choices: str) -> str:
        return choices[self.below(len(choices))]

    def user(self) -> str:
        return f"u{1000 + int(self.random() ** 2 * 900)}"  # some come often

    def address(self) -> str:
        return f"{self.pick('192.0.2', '198.51.100', '203.0.113')}.{1 + self.below(250)}"

    def say(self, at: float, level: str, component: str, message: str, thread: str = "") -> None:
        """One record: `at` in seconds since the beginning."""
        time = (self.start + timedelta(milliseconds=int(at * 1000))).isoformat(" ", "milliseconds")
        head = f"{time.replace('.', ',')} {level:5} [{thread or f'exec-{1 + self.below(8)}'}] {component}"
        self.events.append(Event(at, f"{head} - {message}", self.fault))

    def every(self, beat: float, action: Callable[[float], None]) -> None:
        """Does it regularly, late by up to 20 milliseconds."""
        for n in range(int(self.seconds / beat)):
            action(n * beat + self.random() * 0.02)

    def often(self, gap: float, action: Callable[[float], None], until: float = 0) -> None:
        """Does it at random, `gap` seconds apart on average."""
        at = self.random() * gap
        while at < self.seconds - until:
            action(at)
            at += self.random() * 2 * gap

    # What happens on any day

    def place_order(self, at: float, swap: tuple[str, str] | None = None, breaks: bool = False) -> None:
        """The steps of an order; `swap` exchanges two of them, `breaks` ends it with an exception."""
        self.order += 1 + self.below(3)
        self.orders += 1
        order, user, thread = f"order-{self.order}", self.user(), f"exec-{1 + self.orders % 8}"
        items, begin = 1 + self.below(5), at
        total = f"{9 + self.below(400)}.{10 + self.below(90)} EUR"
        gone, slow, low, coupon = (self.random() < share for share in (0.03, 0.05, 0.04, 0.2))
        steps = {"receive": f"INFO Checkout {order} received from {user} at {self.address()}, items={items}"}
        steps["price"] = f"INFO Pricing {order} priced at {total}"
        if coupon:
            steps["coupon"] = f"INFO Pricing {order} coupon SPRING{5 * self.below(6)} applied"
        if low:
            steps["low"] = f"WARN Inventory stock of item {100 + self.below(400)} is low: {2 + self.below(8)} left"
        steps["reserve"] = f"INFO Inventory {order} reserved in warehouse w{1 + self.below(3)}, items={items}"
        if gone and not breaks and not swap:
            steps["cancel"] = f"INFO Checkout {order} cancelled by {user}"
            steps["release"] = f"INFO Inventory {order} released, items={items}"
        else:
            if slow:
                steps["slow"] = f"WARN Payment {order} gateway slow: {2000 + self.below(900)} ms"
            steps["pay"] = f"INFO Payment {order} paid {total} by {self.pick('card', 'card', 'debit', 'wallet')}"
            steps["invoice"] = f"INFO Invoice {order} written to /var/lib/shop/invoices/{self.order}.pdf"
            steps["mail"] = f"INFO Mail {order} confirmation sent to {user}"
            steps["ship"] = f"INFO Shipping {order} handed to {self.pick('north', 'south')} depot, items={items}"
            steps["complete"] = f"INFO Checkout {order} completed in"
        if swap:
            one, other = swap
            steps[one], steps[other] = steps[other], steps[one]
        for step, text in steps.items():
            level, component, message = text.split(" ", 2)
            if step == "invoice" and breaks:
                self.say(at, "ERROR", component, f"{order} not written, giving up\n{TRACE}", thread)
                break
            took = f" {(at - begin) * 1000:.0f} ms" if step == "complete" else ""
            self.say(at, level, component, message + took, thread)
            at += 0.05 + self.random() * 0.9

    def log_in(self, at: float) -> None:
        user, address = "admin" if self.random() < 0.03 else self.user(), self.address()
        if self.random() < 0.08:
            self.say(at, "WARN", "Account", f"login of {user} from {address} refused: wrong password")
            at += 2 + self.random() * 6
        state = self.pick("ACTIVE", "ACTIVE", "ACTIVE", "TRIAL")
        self.say(at, "INFO", "Account", f"login of {user} from {address}, state={state}")

    def retry(self, at: float) -> None:
        self.say(at, "WARN", "Mail", f"relay busy, message {self.below(90_000)} put back in the queue")

    def check_health(self, at: float) -> None:
        message = f"health check passed: database {1 + self.below(6)} ms, {self.below(4)} mails waiting"
        self.say(at, "INFO", "Health", message, "timer-1")

    def tell_cache(self, at: float) -> None:
        message = f"{40_000 + self.below(9000)} entries, {90 + self.below(8)}% hits, {self.below(300)} evicted"
        self.say(at, "INFO", "Cache", message, "timer-2")

    def clean_up(self, at: float) -> None:
        self.say(at, "DEBUG", "Cleaner", f"{self.below(40)} baskets older than 30 days removed", "timer-3")

    def ordinary(self) -> None:
        """A morning on which nothing is wrong."""
        self.often(5.5, self.place_order, until=20)
        self.often(8, self.log_in, until=10)
        self.often(90, self.retry)
        self.every(10, self.check_health)
        self.every(60, self.tell_cache)
        self.every(300, self.clean_up)

    # What is wrong on the bad one

    def faults(self) -> None:
        """Seven, spread over an hour: see `KINDS`."""
        self.fault = "exception"
        self.place_order(1310.2, breaks=True)
        self.fault = "frozen account"
        self.say(1675.6, "INFO", "Account", f"login of {self.user()} from {self.address()}, state=FROZEN")
        self.fault = "unreserved payment"
        self.place_order(2048.4, swap=("reserve", "pay"))
        self.fault = "retry storm"
        for n in range(160):
            self.retry(2290 + n * 0.03 + self.random() * 0.02)
        self.fault = "disk full"
        self.disk_full(3010)
        self.fault = "guessed password"
        for n in range(45):
            message = "login of admin from 203.0.113.66 refused: wrong password"
            self.say(3322 + n * 0.7 + self.random() * 0.3, "WARN", "Account", message)
        self.say(3355.1, "INFO", "Account", "login of admin from 203.0.113.66, state=ACTIVE")
        self.silence("missed health checks", 2605, 2845)

    def disk_full(self, at: float) -> None:
        self.say(at, "WARN", "Storage", "volume /var/lib/shop is 97% full", "timer-3")
        self.say(at + 4.1, "ERROR", "Storage", "cannot write to /var/lib/shop/invoices: no space left on device")
        self.say(at + 4.2, "WARN", "Invoice", "writer paused, 3 invoices held in memory")
        self.say(at + 6.7, "ERROR", "Storage", "cannot write to /var/lib/shop/invoices: no space left on device")
        self.say(at + 9.0, "INFO", "Storage", "removed 212 files of /var/lib/shop/tmp, 61% full", "timer-3")
        self.say(at + 9.3, "INFO", "Invoice", "writer resumed, 3 invoices written")

    def silence(self, fault: str, start: float, end: float) -> None:
        """Takes the health checks away; the last one before and the first one after are the fault's lines."""
        checks = sorted(event for event in self.events if " Health - " in event.text)
        gone = {event for event in checks if start < event.seconds < end}
        last = max(event for event in checks if event.seconds <= start)
        first = min(event for event in checks if event.seconds >= end)
        marked = [event._replace(fault=fault) if event in (last, first) else event for event in self.events]
        self.events = [event for event in marked if event not in gone]

    def lines(self) -> tuple[list[str], dict[str, tuple[int, int]]]:
        """The log in the order of time, and fault -> its first and last line (1-based)."""
        lines: list[str] = []
        spans: dict[str, tuple[int, int]] = {}
        for event in sorted(self.events, key=lambda event: event.seconds):
            first = len(lines) + 1
            lines += event.text.split("\n")
            if event.fault:
                spans[event.fault] = (spans.get(event.fault, (first, 0))[0], len(lines))
        return lines, spans


KINDS = {  # fault -> the kind of finding
    "exception": "new",
    "frozen account": "value",
    "unreserved payment": "order",
    "retry storm": "burst",
    "missed health checks": "silent",
    "disk full": "new",
    "guessed password": "burst",
}


def main(folder: Path) -> None:
    """Writes the three files."""
    good = Shop(seed=1, start=datetime(2026, 3, 2, 8), seconds=2400)
    good.ordinary()
    bad = Shop(seed=2, start=datetime(2026, 3, 3, 8), seconds=3600)
    bad.ordinary()
    bad.faults()
    lines, spans = bad.lines()
    write(folder / "good.log", good.lines()[0])
    write(folder / "shop.log", lines)
    with (folder / "faults.csv").open("w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(("fault", "kind", "first_line", "last_line"))
        table.writerows((fault, KINDS[fault], *spans[fault]) for fault in sorted(spans, key=spans.__getitem__))


def write(path: Path, lines: Sequence[str]) -> None:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
