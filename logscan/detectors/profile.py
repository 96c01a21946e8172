"""What a log is like: the table that the `baseline` detector learns and judges by.

A profile is filled chunk by chunk in bounded memory. It holds counts and templates, never a line:

    keys      how often each template was written, and in how many stretches of the log
    slots     the values of each slot that holds few: level, component, status, a word of the template
    rates     how fast each key comes, and how long it stays away
    sessions  the count vectors and steps of sessions
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson
import polars as pl

from logscan.columns import detached, framed, rows_of
from logscan.detectors.rates import MAX_KEYS, Peaks, Rates, RateTable, widened
from logscan.detectors.sessions import FEWEST, SessionDetector
from logscan.detectors.stretches import STRETCHES, Stretches, grown
from logscan.records import Chunk
from logscan.templates.keys import Keys
from logscan.templates.mining import LIMIT
from logscan.windows.sessions import EVENTS, Ints, Sessions, Windows

LOCAL = 0.1  # share of the stretches
SHORT_RUN = 0.25  # share of the stretches, or of the time
CHANCE = 7.0  # nats
FEW_VALUES = 5  # a slot of words with more values is open: a new one there says nothing
LEAST_FOR_VALUE = 20  # times that a slot must have been seen before a new value in it says something
FEW_OF_FIELD = 20  # the same for level, component and number, which carry meaning
MESSAGES = 50_000  # distinct messages kept until their slots are known
MESSAGES_A_TEMPLATE = 1_000
MAX_SEQUENCE_EVENTS = 4_000_000  # events of distinct session sequences that are learnt from

Slot = tuple[int, str]  # template and name; the name is a field, or the number of a word
FIELDS = ("level", "component", "kept")  # slots that are columns
STATE = "word "  # and a place: the slot of the words that tell templates apart there


class Profile:
    """Learns with `add`, ends with `finish`; then read-only.

    past: a finished profile that is learnt on, over the same keys, which `Keys.learn_on` opened again
    """

    def __init__(self, keys: Keys, past: "Profile | None" = None) -> None:
        self.keys = keys
        self._past = past
        self.records = 0
        self.counts: Ints = np.zeros(0, np.int64)
        self.slots: dict[Slot, dict[str, int]] = {}
        self.rates: Rates | None = None
        self.sessions: SessionDetector | None = None
        self.pause = 0  # microseconds: the longest within a session
        self.notes: list[str] = []
        self._stretches = Stretches()
        self._open: set[Slot] = set()
        self._messages = pl.DataFrame(schema={"template": pl.Int32, "message": pl.String, "n": pl.UInt32})
        self._templates: Counter[int] = Counter()  # records by template, before families are joined
        self._rates = RateTable() if past is None or past.rates is None else RateTable(past.rates.width)
        self._peaks = Peaks(self._rates.width)
        self._windows = Sessions()
        self._sequences: list[tuple[Windows, Ints]] = []

    def add(self, chunk: Chunk) -> None:
        """Learn from a chunk of normal records."""
        keys = chunk.records["key"].cast(pl.Int64).to_numpy()
        self.counts = grown(self.counts, int(keys.max(initial=-1)) + 1)
        self.counts += np.bincount(keys, minlength=len(self.counts))
        self.records += len(keys)
        self._stretches.add(keys)
        self._add_values(chunk)
        times = chunk.records["time"]
        timed = times.is_not_null().to_numpy()
        at = times.drop_nulls().dt.epoch("us").to_numpy()
        self._rates.add(keys[timed], at)
        if self._past is not None:
            self._peaks.add(keys[timed], at)
        for windows in self._windows.add(session_events(chunk)):
            self._add_sessions(windows)
            del windows  # not held while the next are got

    def finish(self, family: npt.NDArray[np.int32], own: bool = False) -> "Profile":
        """Everything was added. `family`: the key that stands for each (`Keys.freeze`). With `own` the profile will
        judge the log that it was learnt from."""
        self._add_sessions(self._windows.close())
        self._add_word_slots()
        self._join(family)
        self.rates = self._rates.rates(len(self.counts), own)
        if self._windows.closed_early:
            self.notes.append(f"{self._windows.closed_early:,} sessions were closed early: too many were open at once")
        if self.keys.templates.full:
            self.notes.append(f"more than {LIMIT:,} templates: further ones are not told apart")
        if len(self.counts) > MAX_KEYS:
            self.notes.append(
                f"bursts and silence are looked for in {MAX_KEYS:,} of {len(self.counts):,} kinds of line"
            )
        past = self._add_past(self._past, family) if self._past is not None else None
        if past or sum(int(counts.sum()) for _, counts in self._sequences) >= FEWEST:
            once, counts = merged(self._sequences or [(Sessions().close(), np.zeros(0, np.int64))])
            self.sessions = SessionDetector().fit(once, counts, past)
        self._sequences, self._past = [], None
        return self

    def _add_past(self, past: "Profile", family: npt.NDArray[np.int32]) -> SessionDetector | None:
        """Counts, values and rates of the past as learnt, too; gives its sessions, with the keys of now."""
        assert self.keys.families is not None
        assert past.rates is not None
        assert self.rates is not None
        moved = family[: len(past.counts)].astype(np.int64)
        counts = np.bincount(moved, past.counts, minlength=len(self.counts)).astype(np.int64)
        peaks = self._peaks.join(family, len(self.counts))
        pauses = self._rates.pauses(len(self.counts))
        self.rates = widened(past.rates, moved, counts > 0, self.rates, peaks, pauses)
        self.counts += counts
        self.records += past.records
        self.pause = max(self.pause, past.pause)
        written: Counter[int] = Counter()  # records of the past by template
        for key, n in enumerate(past.counts.tolist()):
            written[self.keys.template_of(key)] += n
        slots, opened = (
            {_slot_of(slot, self.keys.families.family): slot for slot in of} for of in (past.slots, past._open)
        )
        unread = {slot for slot in self.slots if slot[1].isdigit() and written[slot[0]] and slot not in slots}
        # of templates that were known, but for messages that were too many to keep
        self._open |= opened.keys() | unread
        self.slots = {slot: values for slot, values in self.slots.items() if slot not in self._open}
        for slot, before in slots.items():
            for value, n in past.slots[before].items():
                self._add_value(slot, value, n)
        for slot, old, word in self._words():  # that are of a slot since now
            if slot not in past._open and word not in past.slots.get(slot, {}):
                self._add_value(slot, word, written[old])
        return past.sessions.renamed(moved) if past.sessions else None

    def _join(self, family: npt.NDArray[np.int32]) -> None:
        """From here on one key stands for those of its family."""
        counts = grown(self.counts, len(family))
        slots, self.slots = self.slots, {}
        assert self.keys.families is not None
        template = self.keys.families.family
        self._open = {(int(template[old]), name) for old, name in self._open}
        for (old, name), values in slots.items():
            for value, n in values.items():
                self._add_value((int(template[old]), name), value, n)
        self.counts = np.bincount(family, counts, minlength=self.keys.known).astype(np.int64)
        self._stretches.join(family, self.keys.known)
        for slot, old, word in self._words():
            self._add_value(slot, word, self._templates.get(old, 0))
        self._rates.join(family)
        self._sequences = [(windows.renamed(family), counts) for windows, counts in self._sequences]

    def _words(self) -> Iterator[tuple[Slot, int, str]]:
        """The slots of names and states, with each template that has a word there."""
        families, templates = self.keys.families, self.keys.templates
        assert families is not None
        for number, word in families.word.items():
            yield (int(families.family[number]), "name"), number, word
        for (at, _), numbers in families.states.items():
            for number in numbers:
                yield (numbers[0], f"{STATE}{at}"), number, templates.template(number).split()[at]

    def state(self, key: int) -> str | None:
        """For a new key that is known but for its state: the slot and what stands in it, as `slot=value`."""
        assert self.keys.families is not None
        found = self.keys.families.state(self.keys.template_of(key))
        if found is None:
            return None
        place, word = found
        slot = self.keys.families.states[place][0], f"{STATE}{place[0]}"
        if sum(self.slots.get(slot, {}).values()) < LEAST_FOR_VALUE:
            return None
        return f"{slot[0]}.{slot[1]}={word}"

    def local(self) -> Ints:
        """The keys whose records keep together in the log.

        They lie in at most LOCAL of its stretches; or in one short run of stretches, or of its time, where as many
        records, strewn at random, would all fall with a probability below exp(-CHANCE).
        """
        share = np.clip(np.minimum(self._stretches.runs(), self._rates.runs(len(self.counts))), 1 / STRETCHES, 1.0)
        n = np.maximum(self.counts, 1)
        chance = np.log(n) + (n - 1) * np.log(share)
        together = self._stretches.few(LOCAL) | ((share <= SHORT_RUN) & (chance < -CHANCE))
        return np.flatnonzero((self.counts > 0) & together)

    def singletons(self) -> int:
        """Keys written once: their number tells how likely the next new key was (I. J. Good, Biometrika, 1953)."""
        return int((self.counts == 1).sum())

    def _add_values(self, chunk: Chunk) -> None:
        self._templates.update(dict(chunk.kinds.group_by("template").agg(pl.col("n").sum()).iter_rows()))
        for field in (*FIELDS, "name"):
            known = chunk.kinds.filter(pl.col(field).is_not_null())
            for template, value, n in (
                known.group_by("template", field, maintain_order=True).agg(pl.col("n").sum()).iter_rows()
            ):
                self._add_value((template, field), value, n)
        messages = pl.concat([self._messages, chunk.kinds.select("template", "message", "n")])
        messages = messages.group_by("template", "message", maintain_order=True).agg(pl.col("n").sum())
        few = pl.int_range(pl.len()).over("template") < MESSAGES_A_TEMPLATE
        self._messages = detached(messages.filter(few).head(MESSAGES))

    def _add_word_slots(self) -> None:
        template, n = self._messages["template"].to_list(), self._messages["n"].to_list()
        for row, slot, word in self.keys.templates.slots(self._messages["message"], self._messages["template"]):
            self._add_value((template[row], str(slot)), word, n[row])

    def _add_value(self, slot: Slot, value: str, n: int) -> None:
        if slot in self._open:
            return
        values = self.slots.setdefault(slot, {})
        values[value] = values.get(value, 0) + n
        if len(values) > (FEW_OF_FIELD if slot[1] in FIELDS else FEW_VALUES):
            del self.slots[slot]
            self._open.add(slot)

    def _add_sessions(self, windows: Windows) -> None:
        if not len(windows):
            return
        self.pause = max(self.pause, windows.pause())
        first, _, counts = windows.distinct()
        once = windows.take(first)
        self._sequences.append((Windows(once.events, once.starts), counts))
        if len(self._sequences) > 8:
            self._sequences = [merged(self._sequences)]
        if sum(len(w.events) for w, _ in self._sequences) > MAX_SEQUENCE_EVENTS:
            once, counts = self._sequences.pop()
            self.notes.append(f"{len(once):,} distinct sessions were too many to learn")

    def fingerprint(self) -> str:
        """Hex digits that tell what was learnt apart."""
        from hashlib import blake2b  # which takes a hundredth of a start

        return blake2b(orjson.dumps(self.to_json()), digest_size=8).hexdigest()

    def to_json(self) -> dict[str, Any]:
        """Counts and values of slots with few of them; no line of the log."""
        assert self.rates is not None
        return {
            "records": self.records,
            "counts": self.counts.tolist(),
            "slots": [[key, name, values] for (key, name), values in self.slots.items()],
            "open": sorted([key, name] for key, name in self._open),
            "rates": self.rates.to_json(),
            "pause": self.pause,
            "sessions": self.sessions.to_json() if self.sessions else None,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any], keys: Keys) -> "Profile":
        """The inverse of `to_json`. Raises KeyError, TypeError or ValueError on anything else."""
        profile = cls(keys)
        profile.records = int(data["records"])
        profile.counts = np.array(data["counts"], np.int64)
        profile.slots = {(int(key), str(name)): dict(values) for key, name, values in data["slots"]}
        profile._open = {(int(key), str(name)) for key, name in data["open"]}
        profile.rates = Rates.from_json(data["rates"])
        profile.pause = int(data.get("pause", 0))
        profile.sessions = SessionDetector.from_json(data["sessions"]) if data["sessions"] else None
        lengths = {len(profile.counts), len(profile.rates.burst), len(profile.rates.silence)}
        if lengths != {keys.known} or profile.rates.width <= 0:
            raise ValueError("its parts do not belong together")
        return profile


def session_events(chunk: Chunk) -> pl.DataFrame:
    """The chunk's records that belong to a session, as events of windows; with messages where the reader has them."""
    columns = [*EVENTS.columns[1:], *(["message"] if "message" in chunk.records else [])]
    events = framed([chunk.records["session"].alias("window"), *(chunk.records[name] for name in columns)])
    if not events["window"].null_count():
        return events
    return rows_of(events, events["window"].is_not_null().arg_true().to_numpy())


def merged(parts: list[tuple[Windows, Ints]]) -> tuple[Windows, Ints]:
    """Distinct sequences of several parts as one, with the sums of their counts."""
    everything = Windows.joined([windows for windows, _ in parts])
    first, inverse, _ = everything.distinct()
    counts = np.bincount(inverse, np.concatenate([counts for _, counts in parts]))
    return everything.take(first), counts.astype(np.int64)


def _slot_of(slot: Slot, family: npt.NDArray[np.int32]) -> Slot:
    """The slot that one of before is now, with the template that stands for the family of its own."""
    return slot if slot[1].startswith(STATE) else (int(family[slot[0]]), slot[1])
