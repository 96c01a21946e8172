"""Windows as traces of events, "E5 E22 E5", and how much each leans towards anomalous.

An event is a log key under the name that training gave it: E1, E2, ... in the order in which they were met, and E0 for
any that was not. What is longer than a network may read is read in parts, and the most anomalous part counts. Equal
traces are read once. No torch is needed where the network is exported.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Protocol, Self

import numpy as np
import numpy.typing as npt

from logscan.detectors.wholes import left_out
from logscan.networks.rows import by_length, in_parts, padded
from logscan.windows.sessions import Floats, Ints, Windows

AT_ONCE = 4_096  # tokens that a network reads at once


class Events:
    """The names of log keys. hashes: of E1, E2, ..."""

    def __init__(self, hashes: Sequence[str], all_hashes: Sequence[str]) -> None:
        """`all_hashes`: of all known keys, by number. Raises ValueError where one is missing there."""
        numbers = {name: number for number, name in enumerate(all_hashes)}
        missing = [name for name in hashes if name not in numbers]
        if missing:
            raise ValueError(f"no key {missing[0]}")
        self.hashes = list(hashes)
        self.names = [f"E{number}" for number in range(len(hashes) + 1)]
        self._of_name = {name: number for number, name in enumerate(self.names)}
        self._keys_of = np.array([len(all_hashes), *(numbers[name] for name in hashes)], np.int64)  # by number
        self._numbers = np.zeros(len(all_hashes) + 1, np.int64)  # by key; the last stands for all new ones
        self._numbers[self._keys_of] = np.arange(len(self.names))

    @classmethod
    def learnt(cls, windows: Sequence[Windows], all_hashes: Sequence[str]) -> Self:
        """Names for the keys that occur in windows."""
        met, first = np.unique(np.concatenate([part.keys for part in windows]), return_index=True)
        keys = met[np.argsort(first)].tolist()
        return cls([all_hashes[key] for key in keys if key < len(all_hashes)], all_hashes)

    def numbered(self, windows: Windows) -> Windows:
        """The same windows with the numbers of events in the place of keys."""
        numbers = self._numbers[np.minimum(windows.keys, len(self._numbers) - 1)]
        return replace(windows.of(windows.events.with_columns(key=numbers)), messages=None)

    def text(self, trace: Ints) -> str:
        """Such as "E5 E22 E5"."""
        return " ".join(self.names[number] for number in trace.tolist())

    def keys(self, names: Sequence[str]) -> Ints:
        """The keys with these names; of E0 one that no training knew. Raises KeyError for a name that is none."""
        return self._keys_of[[self._of_name[name] for name in names]]


def traces(windows: Windows) -> list[Ints]:
    """The numbers of the events of each window, which are `numbered`."""
    return np.split(windows.keys, windows.starts[1:-1]) if len(windows) else []


@dataclass(frozen=True)
class Labelled:
    """Distinct traces, long ones in parts. counts: (n,) windows that each is of; anomalous: (n,)"""

    traces: list[Ints]
    counts: Ints
    anomalous: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, normal: Windows, anomalous: Windows, events: Events, most: int) -> Self:
        """Windows with labels, in parts of at most so many events; each part has the label of the whole."""
        found, counts, labels = [], [], []
        for label, windows in ((False, normal), (True, anomalous)):
            numbered = events.numbered(windows)
            first, _, times = numbered.distinct()
            for trace, count in zip(traces(numbered.take(first)), times.tolist(), strict=True):
                for part in in_parts(trace, most):
                    found.append(part)
                    counts.append(count)
                    labels.append(label)
        return cls(found, np.array(counts, np.int64), np.array(labels))


class Reader(Protocol):
    """A network, in torch or exported."""

    @property
    def provider(self) -> str:
        """What runs it, in words."""

    @property
    def at_once(self) -> int:
        """Batches that it reads at once, each from a thread of its own."""

    def log_odds(self, tokens: Ints, lengths: Ints) -> npt.NDArray[np.float32]:
        """(b, n) tokens, padded at the right, and (b,) how many are real, to (b,) the log-odds of anomalous."""


@dataclass(frozen=True)
class Judge:
    """A network and what it reads. rows: the tokens of texts of traces; most: events of a part"""

    reader: Reader
    events: Events
    rows: Callable[[Sequence[str]], list[Ints]]
    most: int

    def log_odds(self, windows: Windows) -> Floats:
        """(n,) the logarithm of how much more probable anomalous is than normal."""
        numbered = self.events.numbered(windows)
        first, inverse, _ = numbered.distinct()
        return self._of(traces(numbered.take(first)))[inverse]

    def blame(self, windows: Windows) -> Floats:
        """(events,) by how much the log-odds of each window fall without each of its events; 0 in windows for which
        there is no time."""
        return left_out(self.events.numbered(windows), self._of)

    def _of(self, wanted: Sequence[Ints]) -> Floats:
        parts = [(owner, part) for owner, trace in enumerate(wanted) for part in in_parts(trace, self.most)]
        found = np.full(len(wanted), -np.inf)
        if parts:
            rows = self.rows([self.events.text(part) for _, part in parts])
            owners = np.array([owner for owner, _ in parts])
            np.maximum.at(found, owners, log_odds(self.reader, rows))
        return found


def log_odds(reader: Reader, rows: Sequence[Ints]) -> Floats:
    """(n,) of rows of tokens."""
    found = np.zeros(len(rows))

    def read(batch: Ints) -> None:
        found[batch] = reader.log_odds(*padded([rows[at] for at in batch]))

    with ThreadPoolExecutor(reader.at_once) as pool:
        list(pool.map(read, by_length([len(row) for row in rows], AT_ONCE)))
    return found
