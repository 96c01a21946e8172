"""What several tests share: a service's log to put faults into, files, and the place of the real logs."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

import polars as pl
import pytest

from logscan.windows import Sessions, Windows
from logscan.windows.sessions import EVENTS

DATA = Path(os.environ.get("LOGSCAN_DATA", Path(__file__).parents[2] / "shared" / "data"))
BEGIN = datetime(2026, 1, 31, 6)
USERS = ("ann", "bob", "cleo", "dan", "eve", "finn", "gus", "hal")

Event = tuple[float, str]  # seconds since the beginning, and what was written: level, component: message


@dataclass(frozen=True)
class Log:
    """A record an event, each at its time."""

    events: tuple[Event, ...]
    begin: datetime = BEGIN

    def plus(self, *events: Event) -> "Log":
        """With more events."""
        return replace(self, events=(*self.events, *events))

    def without(self, part: str, start: float = 0, end: float = float("inf")) -> "Log":
        """Without what holds `part` between two times."""
        return replace(self, events=tuple(e for e in self.events if part not in e[1] or not start < e[0] < end))

    def edited(self, old: str, new: str) -> "Log":
        """With the first event that holds `old` changed."""
        at = next(n for n, (_, text) in enumerate(self.events) if old in text)
        seconds, text = self.events[at]
        return replace(self, events=(*self.events[:at], (seconds, text.replace(old, new)), *self.events[at + 1 :]))

    @property
    def lines(self) -> list[str]:
        """In the order of time."""
        return [
            f"{(self.begin + timedelta(milliseconds=int(seconds * 1000))).isoformat(' ', 'milliseconds')} {text}"
            for seconds, text in sorted(self.events, key=lambda event: event[0])
        ]


def make_log(seed: int = 1, seconds: int = 1200) -> Log:
    """A render farm with nothing wrong: jobs of six steps beside each other, logins, a beat every five seconds."""
    random = Random(seed)
    events: list[Event] = []
    for beat in range(0, seconds, 5):
        events.append((beat + random.random() / 50, f"INFO Monitor: {random.randint(3, 90)} % of memory in use"))
    at = 1.0
    while at < seconds - 30:
        job, user = f"job-{random.randint(10**6, 10**7)}", random.choice(USERS)
        steps = [f"Queue: {job} taken from {user}", f"Loader: {job} scene of {random.randint(2, 99)} MB read"]
        steps += [f"Worker: {job} tile {n} drawn" for n in range(1, random.randint(2, 5))]
        steps += [f"Joiner: {job} tiles put together", f"Store: {job} stored as /var/lib/farm/{job}.png"]
        steps += [f"Queue: {job} done"]
        now = at
        for step in steps:
            events.append((now, f"INFO {step}"))
            now += 0.2 + random.random()
        at += random.random() * 8
    for _ in range(seconds // 10):
        user, state = random.choice(USERS), random.choice(("full", "full", "guest"))
        events.append((random.random() * seconds, f"INFO Account: user {user} logged in with {state} rights"))
        if random.random() < 0.1:
            events.append((random.random() * seconds, f"WARN Account: user {user} mistyped the password"))
    return Log(tuple(events))


@pytest.fixture(scope="session")
def farm() -> Callable[..., Log]:
    """`make_log`."""
    return make_log


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, Sequence[str]], str]:
    """Writes lines to a file in `tmp_path` and gives its path."""

    def to_file(name: str, lines: Sequence[str]) -> str:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        return str(path)

    return to_file


@pytest.fixture(scope="session")
def windows_of() -> Callable[[Sequence[Sequence[int]]], Windows]:
    """Sequences of keys, none of them empty, as windows 0, 1, ..."""

    def windows(sequences: Sequence[Sequence[int]]) -> Windows:
        sessions = Sessions()
        list(sessions.add(events([(n, key) for n, keys in enumerate(sequences) for key in keys])))
        return sessions.close()

    return windows


def events(rows: Sequence[tuple[int, int]]) -> pl.DataFrame:
    """(window, key) of records that stand in lines 1, 2, ..."""
    table = pl.DataFrame(rows, schema={"window": pl.UInt64, "key": pl.Int32}, orient="row")
    lines = table.with_columns(line=pl.int_range(1, pl.len() + 1), source=0, offset=0, time=None)
    return lines.select(pl.col(name).cast(kind) for name, kind in EVENTS.schema.items())


@pytest.fixture(scope="session")
def events_of() -> Callable[[Sequence[tuple[int, int]]], pl.DataFrame]:
    """`events`."""
    return events


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of real logs, which are not part of this repository."""
    if not DATA.is_dir():
        pytest.skip(f"no real logs in {DATA}: set LOGSCAN_DATA")
    return DATA
