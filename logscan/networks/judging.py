"""How surprising each key of a window is to a network that predicts the next one."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt

from logscan.detectors.sessions import END as END_STEP
from logscan.networks import rows
from logscan.networks.trees import Forest
from logscan.networks.vocabulary import BEGIN, END, FIRST, PAD, UNKNOWN, Vocabulary
from logscan.windows.sessions import Floats, Hashes, Ints, Windows, starts_of

UNSEEN = 50.0  # nats of surprise of a key that was never seen
AT_ONCE = 1 << 20  # probabilities that are held at once
TOKENS = 512  # that are read at once: what is made of more does not fit a CPU's cache
REMEMBERED = 1 << 19  # tokens of windows that are remembered, at least those of the last call: 16 MB
ALTERNATIVES = 3  # keys that are named as expected
TOKEN = np.dtype(  # what a network says of a token: nats of surprise, how many were more probable, and the best of all
    [("nats", "f4"), ("rank", "i4"), ("best", "i4", ALTERNATIVES), ("log_prob", "f4", ALTERNATIVES)]
)

LogProbs = npt.NDArray[np.float32]
Tokens = npt.NDArray[np.void]  # of TOKEN
Expected = list[tuple[int, float]]  # keys, or END_STEP, with their probabilities; the most probable first


class Scorer(Protocol):
    """A network, in torch or exported."""

    @property
    def provider(self) -> str:
        """What runs it, in words."""

    @property
    def at_once(self) -> int:
        """Batches that it reads at once, each from a thread of its own."""

    @property
    def tree(self) -> int:
        """Tokens of a tree that it reads fast."""

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
    """Windows that were read, by their digests. tokens: of TOKEN, one window behind the other, in the first `used`
    places."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """All of them."""
        self.tokens, self.used = np.zeros(0, TOKEN), 0
        self._starts: dict[int, int] = {}

    def lacks(self, digests: Hashes) -> Ints:
        """Which of these windows were not read."""
        return np.array([n for n, digest in enumerate(digests.tolist()) if digest not in self._starts], np.int64)

    def starts(self, digests: Hashes) -> Ints:
        """(n,) where the tokens of each of these windows begin."""
        return np.array([self._starts[digest] for digest in digests.tolist()], np.int64)

    def add(self, digests: Hashes, starts: Ints, tokens: Tokens) -> None:
        """More windows; starts: where each begins among these tokens."""
        begin, self.used = self.used, self.used + len(tokens)
        if self.used > len(self.tokens):  # at least twice as many places
            self.tokens = np.concatenate([self.tokens, np.zeros(self.used, TOKEN)])
        self.tokens[begin : self.used] = tokens
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

    def judge(self, windows: Windows) -> Judged:
        """Surprise and rank of each key; equal windows are read once, and so is what several begin with."""
        return self._judge(windows, Before())

    def judge_more(self, windows: Windows) -> Judged:
        """The same of a part of many windows; those that were in a part before are not read again."""
        if self._before.used > REMEMBERED:
            self._before.forget()
        return self._judge(windows, self._before)

    def expected(self, windows: Windows, rows: Ints, at_end: npt.NDArray[np.bool_]) -> list[Expected]:
        """What was most probable in the place of each of these events, or behind it where its window ends too early,
        if ends are steps. No window that `judge_more` had last is read again."""
        window = np.searchsorted(windows.starts, rows, "right") - 1
        at, which = np.unique(
            self._begins(windows, self._before)[window] + rows - windows.starts[window] + at_end, return_inverse=True
        )
        told = [*map(self._named, self._before.tokens["best"][at], self._before.tokens["log_prob"][at])]
        return [told[n] for n in which.tolist()]

    def _judge(self, windows: Windows, before: Before) -> Judged:
        begin, none = self._begins(windows, before), np.zeros(len(windows))
        at = np.arange(windows.starts[-1]) + np.repeat(begin - windows.starts[:-1], windows.lengths)
        of = before.tokens["nats"][at].astype(np.float64), before.tokens["rank"][at].astype(np.int64)
        if not self.ends:
            return Judged(*of, none, none.astype(np.int64))
        last = begin + windows.lengths
        return Judged(*of, before.tokens["nats"][last].astype(np.float64), before.tokens["rank"][last].astype(np.int64))

    def _begins(self, windows: Windows, before: Before) -> Ints:
        """(n,) where the tokens of each window begin among those that were read, behind BEGIN; what was not read before
        is read and added to that."""
        first, inverse, _ = windows.distinct()
        digests = windows.sequences[first]
        if len(new := before.lacks(digests)):
            sequences = self.vocabulary.sequences(windows.take(first[new]), self.ends)
            starts = starts_of(np.array([len(sequence) for sequence in sequences], np.int64))
            tokens, flat = self._read(sequences, starts), np.concatenate(sequences)
            tokens["nats"][flat == UNKNOWN], tokens["rank"][flat == UNKNOWN] = UNSEEN, len(self.vocabulary)
            before.add(digests[new], starts[:-1], tokens)
        return before.starts(digests)[inverse] + 1

    def _read(self, sequences: Sequence[Ints], starts: Ints) -> Tokens:
        """(starts[-1],) of each token of the sequences, one after the other."""
        forest = Forest.of(sequences, self.context, self.overlap, self.scorer.tree)
        tokens = np.zeros(len(forest.tokens), TOKEN)

        def read(chosen: Ints) -> None:
            steps = forest.steps(chosen)
            log_probs = self.scorer.log_probs(steps.tokens, steps.stops)
            tokens[steps.at] = self._found(log_probs, steps.places, forest.tokens[steps.at])

        most = max(self.context, min(TOKENS, AT_ONCE // len(self.vocabulary)))
        batches = [*rows.by_length(forest.lengths, most)][::-1]  # the long ones first, so that all threads end at once
        with ThreadPoolExecutor(self.scorer.at_once) as pool:
            list((pool.map if len(batches) > 1 else map)(read, batches))  # to start a thread takes time
        return tokens

    def _found(self, log_probs: LogProbs, places: Ints, tokens: Ints) -> Tokens:
        """(n,) of each token behind its place; what is asked several times is looked at once."""
        size = log_probs.shape[-1]
        every: Ints = places * size + tokens
        wanted = np.zeros(log_probs.size, bool)
        wanted[every] = True
        asked = np.flatnonzero(wanted)
        number = np.empty(log_probs.size, np.int64)
        number[asked] = at = np.arange(len(asked))
        probable = log_probs.reshape(-1, size)[asked // size]
        found = np.zeros(len(asked), TOKEN)
        of_asked = probable[at, asked % size]
        found["nats"], found["rank"] = -of_asked, np.count_nonzero(probable > of_asked[:, None], -1)
        probable[:, [PAD, BEGIN, UNKNOWN, *([] if self.ends else [END])]] = -np.inf
        for n in range(ALTERNATIVES):
            best = probable.argmax(-1)
            found["best"][:, n], found["log_prob"][:, n] = best, probable[at, best]
            probable[at, best] = -np.inf
        return found[number[every]]

    def _named(self, best: npt.NDArray[np.int32], log_probs: LogProbs) -> Expected:
        """The best tokens, (ALTERNATIVES,) with their log-probabilities, as keys; there may be fewer."""
        there = log_probs > -np.inf
        return [
            (END_STEP if token == END else int(self.vocabulary.keys[token - FIRST]), p)
            for token, p in zip(best[there].tolist(), np.exp(log_probs[there]).tolist(), strict=True)
        ]


def _highest(values: npt.NDArray[np.generic], windows: Windows) -> Floats:
    """(n,) the highest of the (events,) values of each window."""
    return np.maximum.reduceat(values, windows.starts[:-1]) if len(windows) else np.zeros(0)
