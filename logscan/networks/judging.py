"""How surprising each key of a window is to a network that predicts the next one."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from typing import Protocol

import numpy as np
import numpy.typing as npt

from logscan.detectors.sessions import END as END_STEP
from logscan.networks import rows
from logscan.networks.trees import Forest, Steps
from logscan.networks.vocabulary import END, FIRST, PAD, UNKNOWN, Vocabulary
from logscan.windows.sessions import Floats, Hashes, Ints, Windows

UNSEEN = 50.0  # nats of surprise of a key that was never seen
AT_ONCE = 1 << 20  # probabilities that are held at once
TOKENS = 512  # that are read at once: what is made of more does not fit a CPU's cache
REMEMBERED = 1 << 19  # tokens of windows that are remembered, at least those of the last call: 8 MB
ALTERNATIVES = 3  # keys that are named as expected
EXPLAINED = 2_000  # new steps for which they are, in one call

LogProbs = npt.NDArray[np.float32]
Expected = list[tuple[int, float]]  # keys, or END_STEP, with their probabilities; the most probable first


class Scorer(Protocol):
    """A network, in torch or exported."""

    @property
    def provider(self) -> str:
        """What runs it, in words."""

    @property
    def at_once(self) -> int:
        """Batches that it reads at once, each from a thread of its own."""

    def log_probs(self, tokens: Ints, stops: Ints | None = None) -> LogProbs:
        """(batch, length, vocabulary) of the token after each of (batch, length) ones, given that one and those that it
        follows on: all before it, or where there are (batch, length) stops as `Tree` says."""


@dataclass(frozen=True)
class Judged:
    """nats, ranks: (events,) of each key; end_nats, end_ranks: (n,) of the end of each window, 0 where none is meant.

    A rank is the number of keys that were more probable. That of a key never seen is the size of the vocabulary.
    """

    nats: Floats
    ranks: Ints
    end_nats: Floats
    end_ranks: Ints

    def worst_nats(self, windows: Windows) -> Floats:
        """(n,) the surprise of each window's least probable key."""
        return np.maximum(_highest(self.nats, windows), self.end_nats)

    def worst_ranks(self, windows: Windows) -> Ints:
        """(n,) the highest rank of each window's keys."""
        return np.maximum(_highest(self.ranks, windows), self.end_ranks).astype(np.int64)


class Before:
    """Windows that were read, by their digests. nats, ranks: of each of their tokens, one window behind the other, in
    the first `used` places."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """All of them."""
        self.nats, self.ranks, self.used = np.zeros(0), np.zeros(0, np.int64), 0
        self._starts: dict[int, int] = {}

    def lacks(self, digests: Hashes) -> Ints:
        """Which of these windows were not read."""
        return np.array([n for n, digest in enumerate(digests.tolist()) if digest not in self._starts], np.int64)

    def starts(self, digests: Hashes) -> Ints:
        """(n,) where the tokens of each of these windows begin."""
        return np.array([self._starts[digest] for digest in digests.tolist()], np.int64)

    def add(self, digests: Hashes, starts: Ints, nats: Floats, ranks: Ints) -> None:
        """More windows; starts: where each begins among these tokens."""
        begin, self.used = self.used, self.used + len(nats)
        if self.used > len(self.nats):  # at least twice as many places
            self.nats = np.concatenate([self.nats, np.zeros(self.used)])
            self.ranks = np.concatenate([self.ranks, np.zeros(self.used, np.int64)])
        self.nats[begin : self.used], self.ranks[begin : self.used] = nats, ranks
        self._starts.update(zip(digests.tolist(), (begin + starts).tolist(), strict=True))


@dataclass(frozen=True)
class Judge:
    """A network and what it reads. context, overlap: tokens, see `batches`; ends: whether a window's end is a step."""

    scorer: Scorer
    vocabulary: Vocabulary
    context: int
    overlap: int
    ends: bool
    _before: Before = field(default_factory=Before, init=False, repr=False, compare=False)
    _explained: dict[bytes, Expected] = field(default_factory=dict, init=False, repr=False, compare=False)

    def judge(self, windows: Windows) -> Judged:
        """Surprise and rank of each key; equal windows are read once, and so is what several begin with."""
        return self._judge(windows, Before())

    def judge_more(self, windows: Windows) -> Judged:
        """The same of a part of many windows; those that were in a part before are not read again."""
        if self._before.used > REMEMBERED:
            self._before.forget()
        return self._judge(windows, self._before)

    def _judge(self, windows: Windows, before: Before) -> Judged:
        """The same; what was not read before is added to that."""
        first, inverse, _ = windows.distinct()
        digests = windows.sequences[first]
        if len(new := before.lacks(digests)):
            sequences = self.vocabulary.sequences(windows.take(first[new]), self.ends)
            starts = np.concatenate([[0], np.cumsum([len(sequence) for sequence in sequences], dtype=np.int64)])
            before.add(digests[new], starts[:-1], *self._read(sequences, starts))
        begin = before.starts(digests)[inverse] + 1  # behind BEGIN
        at = np.arange(len(windows.events)) + np.repeat(begin - windows.starts[:-1], windows.lengths)
        nats, ranks = before.nats, before.ranks
        if not self.ends:
            return Judged(nats[at], ranks[at], np.zeros(len(windows)), np.zeros(len(windows), np.int64))
        last = begin + windows.lengths
        return Judged(nats[at], ranks[at], nats[last], ranks[last])

    def _read(self, sequences: Sequence[Ints], starts: Ints) -> tuple[Floats, Ints]:
        """(starts[-1],) the surprise and the rank of each token of the sequences, one after the other."""
        forest = Forest.of(sequences, self.context, self.overlap)
        tokens = forest.tokens
        nats, ranks = np.zeros(len(tokens)), np.zeros(len(tokens), np.int64)

        def take(steps: Steps, log_probs: LogProbs) -> None:
            nats[steps.at], ranks[steps.at] = _judged(log_probs, steps.places, tokens[steps.at])

        self._through(forest, take)
        nats[tokens == UNKNOWN], ranks[tokens == UNKNOWN] = UNSEEN, len(self.vocabulary)
        return nats, ranks

    def _through(self, forest: Forest, take: Callable[[Steps, LogProbs], None]) -> None:
        """Read all trees. What comes of a batch is taken at once, in the thread that read it."""

        def read(chosen: Ints) -> None:
            steps = forest.steps(chosen)
            take(steps, self.scorer.log_probs(steps.tokens, steps.stops))

        most = max(self.context, min(TOKENS, AT_ONCE // len(self.vocabulary)))
        batches = [*rows.by_length(forest.lengths, most)]
        with ThreadPoolExecutor(self.scorer.at_once) as pool:
            list((pool.map if len(batches) > 1 else map)(read, batches))  # to start a thread takes time

    def expected(self, windows: Windows, rows: Ints, at_end: npt.NDArray[np.bool_]) -> list[Expected]:
        """What was most probable in the place of each of these events, or behind it where its window ends too early."""
        window = np.searchsorted(windows.starts, rows, "right") - 1
        sequences = self.vocabulary.sequences(windows, ends=False)
        lengths = rows - windows.starts[window] + 1 + at_end
        before = [sequences[n][:length][-self.context :] for n, length in zip(window, lengths, strict=True)]
        names = [tokens.tobytes() for tokens in before]
        if len(self._explained) > 10 * EXPLAINED:
            self._explained.clear()
        new = {name: tokens for name, tokens in zip(names, before, strict=True) if name not in self._explained}
        asked = dict(islice(new.items(), EXPLAINED))
        self._explained.update(zip(asked, map(self._most_probable, self._after([*asked.values()])), strict=True))
        return [self._explained.get(name, []) for name in names]

    def _after(self, sequences: list[Ints]) -> LogProbs:
        """(n, vocabulary) of the token after each of sequences within the context."""
        forest = Forest.of([np.append(tokens, PAD) for tokens in sequences], self.context + 1, self.overlap)
        last = np.append(forest.sequence[1:] > forest.sequence[:-1], True)[: len(forest.tokens)]
        found = np.zeros((len(sequences), len(self.vocabulary)), np.float32)

        def take(steps: Steps, log_probs: LogProbs) -> None:
            asked = np.flatnonzero(last[steps.at])
            found[forest.sequence[steps.at[asked]]] = log_probs.reshape(-1, found.shape[1])[steps.places[asked]]

        self._through(forest, take)
        return found

    def _most_probable(self, log_probs: LogProbs) -> Expected:
        """Of (vocabulary,) log-probabilities."""
        order = np.argsort(-log_probs)[: ALTERNATIVES + FIRST].tolist()
        best = [token for token in order if token >= FIRST or (token == END and self.ends)]
        return [
            (END_STEP if token == END else int(self.vocabulary.keys[token - FIRST]), float(np.exp(log_probs[token])))
            for token in best[:ALTERNATIVES]
        ]


def _judged(log_probs: LogProbs, places: Ints, tokens: Ints) -> tuple[Floats, Ints]:
    """(n,) the surprise and the rank of each token behind its place; what is asked several times is looked at once."""
    size = log_probs.shape[-1]
    asked, again = np.unique(places * size + tokens, return_inverse=True)
    found = log_probs.ravel()[asked]
    ranks = (log_probs.reshape(-1, size)[asked // size] > found[:, None]).sum(-1)
    return -found[again].astype(np.float64), ranks[again]


def _highest(values: npt.NDArray[np.generic], windows: Windows) -> Floats:
    """(n,) the highest of the (events,) values of each window."""
    return np.maximum.reduceat(values, windows.starts[:-1]) if len(windows) else np.zeros(0)
