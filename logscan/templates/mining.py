"""Mining: messages that are alike become one pattern, but states become several and names one.

drain3 groups messages of one length that share most of their words. That joins `VM started` with
`VM stopped`, which are two events, as well as `login of alice` with `login of bob`, which are one.
Two rules tell them apart without knowing the language:

1. A place with few different words holds states, each an event of its own; unless a mask found an id there.
2. Words in a place with more than few are names: where such a name stands after the same word again
   (`user bob`, `user=bob`), it is a variable there too, however few are there.
"""

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Self

from logscan.templates.masks import WILDCARD
from logscan.templates.patterns import WORD, Index, Pattern

if TYPE_CHECKING:
    from logscan.templates.clusters import Clusters

SIMILARITY = 0.6  # share of equal words from which messages are alike
FEW = 4  # different words in one place that are states; twice as many in messages of two or three words
LIMIT = 20_000  # templates; what is new after them falls to one last key
_NAMES = 100_000  # names remembered

_STATE = re.compile(r"[A-Za-z]{2}|^[^<\x00]+$")  # a word with letters of its own beside what was masked
_NAME = re.compile(r"[A-Za-z][\w.-]*")


class Miner:
    """Patterns and their keys: `patterns[key]`, 0 up. A pattern can become more general, never another."""

    def __init__(self, limit: int = LIMIT) -> None:
        self.patterns: list[Pattern] = []
        self._limit = limit
        self._index = Index()
        self._earlier: list[Index] = []  # asked before it
        self._keys_in: defaultdict[int, set[int]] = defaultdict(set)  # cluster of drain3 -> keys
        self._names: set[tuple[str, str]] = set()

    @classmethod
    def of(cls, patterns: Sequence[Pattern], earlier: Sequence[int] = (), learning: bool = False) -> Self:
        """A miner that knows `patterns` and nothing else. Of equal ones the first key is given. With `learning` they
        can become more general by what is added.

        earlier: how many there were at the end of each stage but the last; what fits a pattern of one stage never
        meets those of a later one.
        """
        miner = cls()
        miner.patterns = list(patterns)
        for key, pattern in enumerate(miner.patterns[: miner._limit]):
            if key in earlier:
                miner._earlier.append(miner._index)
                miner._index = Index()
            miner._index.add(pattern, key)
            if learning:
                cluster, _ = miner._drain.add_log_message(" ".join(pattern))
                miner._keys_in[cluster.cluster_id].add(key)
        return miner

    def __len__(self) -> int:
        return len(self.patterns)

    @cached_property
    def _drain(self) -> "Clusters":
        """Loaded where something is learnt: a known log needs none."""
        from logscan.templates.clusters import Clusters

        return Clusters(sim_th=SIMILARITY, param_str=WORD, parametrize_numeric_tokens=False)

    @property
    def full(self) -> bool:
        """No more is learnt: what fits no pattern has the last key."""
        return len(self.patterns) > self._limit

    def find(self, message: Pattern) -> int | None:
        """The key of `message` if it fits a pattern; the last key when full."""
        for index in (*self._earlier, self._index):
            if (key := index.find(message)) is not None:
                return key
        return len(self) - 1 if self.full else None

    def add(self, messages: Iterable[Pattern]) -> list[int]:
        """A key for each message; learns from those that fit no pattern."""
        if not self.full:
            messages = list(messages)
            self._mine(dict.fromkeys(messages))
        return [self._key(message) for message in messages]

    def nameless(self) -> list[Pattern]:
        """The patterns without the names that are known by now: so some can be equal."""
        return [self._nameless(pattern) for pattern in self.patterns]

    def _key(self, message: Pattern) -> int:
        key = self.find(message)
        assert key is not None, "a message that was learnt fits a pattern"
        return key

    def _mine(self, messages: Iterable[Pattern]) -> None:
        """Learns from distinct messages, some at a time, which bounds what is held."""
        distinct = iter(messages)
        while not self.full and (some := list(islice(distinct, self._limit))):
            new = [message for message in some if self.find(message) is None]
            if new and len(self) == self._limit:
                self._insert((WORD,))
            elif new:
                self._learn(new)
        if self.full:
            vars(self).pop("_drain", None)  # nothing will need it
            self._keys_in.clear()

    def _learn(self, new: list[Pattern]) -> None:
        """Learns new messages, grouped by drain3's clusters; earlier patterns of a cluster join its group."""
        groups: defaultdict[int, list[Pattern]] = defaultdict(list)
        for message in new:
            cluster, _ = self._drain.add_log_message(" ".join(message))
            groups[cluster.cluster_id].append(message)
        for number, group in groups.items():
            group += [self.patterns[key] for key in sorted(self._keys_in[number])]
            self._note_names(group)
        events: defaultdict[Pattern, set[Pattern]] = defaultdict(set)  # pattern -> what fits it
        clusters: defaultdict[Pattern, set[int]] = defaultdict(set)
        for number, group in groups.items():
            for part in _split(group):
                pattern = self._nameless(_general(part))
                events[pattern].update(part)
                clusters[pattern].add(number)
        keys = {pattern: key for key, pattern in enumerate(self.patterns)}
        for pattern, members in events.items():
            if not members <= keys.keys():
                key = self._settle(pattern, [keys[member] for member in members if member in keys])
                for number in clusters[pattern]:
                    self._keys_in[number].add(key)

    def _settle(self, pattern: Pattern, earlier: list[int]) -> int:
        """The key of `pattern`: that of the one earlier pattern that it generalises, else a new one."""
        if len(earlier) != 1:  # a new event; or states proved to be names, and the first few keep their keys
            return self._insert(pattern)
        key = self._index.add(pattern, earlier[0])
        if key == earlier[0]:
            self.patterns[key] = pattern
        return key

    def _insert(self, pattern: Pattern) -> int:
        """The key of `pattern`: a new one unless it is known; past the limit, the last key."""
        if len(self) == self._limit:
            self.patterns.append((WORD,))
        if self.full:
            return len(self) - 1
        key = self._index.add(pattern, len(self))
        if key == len(self):
            self.patterns.append(pattern)
        return key

    def _note_names(self, group: list[Pattern]) -> None:
        befores: Sequence[str] = [""] * len(group)
        for column in zip(*group, strict=True):
            names = list(map(_name, column, befores))
            if len(set(column)) > _few(group) and len(self._names) < _NAMES:
                self._names.update(name for name in names if name[1] != WILDCARD)
            befores = [name for _, name in names]

    def _nameless(self, pattern: Pattern) -> Pattern:
        """`pattern` with WORD for names; or with them, if too little else is left."""
        bare = []
        before = ""
        for word in pattern:
            name = _name(word, before)
            bare.append(WORD if name in self._names else word)
            before = WILDCARD if name in self._names else name[1]
        return tuple(bare) if len(bare) - bare.count(WORD) >= equal_words(len(bare)) else pattern


def equal_words(length: int) -> int:
    """How many words must be equal for messages of `length` words to be alike: one may always differ."""
    return max(1, min(length - 1, math.ceil(SIMILARITY * length - 1e-9)))


def _few(group: Sequence[Pattern]) -> int:
    return FEW if len(group[0]) > 3 else 2 * FEW


def _split(group: list[Pattern]) -> Iterator[list[Pattern]]:
    """Parts of `group` with the same word in each place of states."""
    columns = enumerate(zip(*group, strict=True))
    states = [at for at, column in columns if _are_states(set(column), _few(group))]
    parts: defaultdict[Pattern, list[Pattern]] = defaultdict(list)
    for message in group:
        parts[tuple(message[at] for at in states)].append(message)
    yield from parts.values()


def _are_states(words: set[str], few: int) -> bool:
    """Few words, none a bare variable, and not all with a variable in them."""
    return 1 < len(words) <= few and all(map(_STATE.search, words)) and not all(WILDCARD in word for word in words)


def _name(word: str, before: str) -> tuple[str, str]:
    """What `word` may name, after the word before: (user, bob) for `bob` after `user` and for `user=bob`."""
    found = [] if WILDCARD in word else _NAME.findall(word)
    return ([before, *found][-2], found[-1]) if found else (before, WILDCARD)


def _general(group: Sequence[Pattern]) -> Pattern:
    """The pattern that all of `group` fit."""
    return tuple(column[0] if len(set(column)) == 1 else WORD for column in zip(*group, strict=True))
