"""How surprising each key of a window is to a network that predicts the next one."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Protocol

import numpy as np
import numpy.typing as npt

from logscan.detectors.sessions import END as END_STEP
from logscan.networks import rows
from logscan.networks.batches import by_length
from logscan.networks.trees import Forest
from logscan.networks.vocabulary import END, FIRST, UNKNOWN, Vocabulary
from logscan.windows.sessions import Floats, Ints, Windows

UNSEEN = 50.0  # nats of surprise of a key that was never seen
AT_ONCE = 1 << 20  # probabilities that are held at once
TOKENS = 2_048  # that are read at once: what is made of more does not fit a CPU's cache
ALTERNATIVES = 3  # keys that are named as expected
EXPLAINED = 2_000  # steps for which they are, in one call

Expected = list[tuple[int, float]]  # keys, or END_STEP, with their probabilities; the most probable first


class Scorer(Protocol):
    """A network, in torch or exported."""

    @property
    def provider(self) -> str:
        """What runs it, in words."""

    @property
    def at_once(self) -> int:
        """Batches that it reads at once, each from a thread of its own."""

    def log_probs(self, tokens: Ints, stops: Ints | None = None) -> npt.NDArray[np.float32]:
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


@dataclass(frozen=True)
class Judge:
    """A network and what it reads. context, overlap: tokens, see `batches`; ends: whether a window's end is a step."""

    scorer: Scorer
    vocabulary: Vocabulary
    context: int
    overlap: int
    ends: bool

    def judge(self, windows: Windows) -> Judged:
        """Surprise and rank of each key; equal windows are read once, and so is what several begin with."""
        first, inverse, _ = windows.distinct()
        sequences = self.vocabulary.sequences(windows.take(first), self.ends)
        starts = np.concatenate([[0], np.cumsum([len(sequence) for sequence in sequences], dtype=np.int64)])
        nats, ranks = self._read(sequences, starts)
        begin = starts[inverse] + 1  # behind BEGIN
        at = np.arange(len(windows.events)) + np.repeat(begin - windows.starts[:-1], windows.lengths)
        if not self.ends:
            return Judged(nats[at], ranks[at], np.zeros(len(windows)), np.zeros(len(windows), np.int64))
        last = begin + windows.lengths
        return Judged(nats[at], ranks[at], nats[last], ranks[last])

    def _read(self, sequences: Sequence[Ints], starts: Ints) -> tuple[Floats, Ints]:
        """(starts[-1],) the surprise and the rank of each token of the sequences, one after the other."""
        forest = Forest.of(sequences, self.context, self.overlap)
        tokens = forest.tokens

        def judged(chosen: Ints) -> tuple[Ints, tuple[Floats, Ints]]:
            steps = forest.steps(chosen)
            log_probs = self.scorer.log_probs(steps.tokens, steps.stops)
            return steps.at, _judged(log_probs, steps.places, tokens[steps.at])

        nats, ranks = np.zeros(len(tokens)), np.zeros(len(tokens), np.int64)
        most = max(self.context, min(TOKENS, AT_ONCE // len(self.vocabulary)))
        batches = [*rows.by_length(forest.lengths, most)]
        with ThreadPoolExecutor(self.scorer.at_once) as pool:
            for at, found in (pool.map if len(batches) > 1 else map)(judged, batches):  # to start a thread takes time
                nats[at], ranks[at] = found
        nats[tokens == UNKNOWN], ranks[tokens == UNKNOWN] = UNSEEN, len(self.vocabulary)
        return nats, ranks

    def expected(self, windows: Windows, rows: Ints, at_end: npt.NDArray[np.bool_]) -> list[Expected]:
        """What was most probable in the place of each of these events, or behind it where its window ends too early."""
        window = np.searchsorted(windows.starts, rows, "right") - 1
        sequences = self.vocabulary.sequences(windows, ends=False)
        lengths = rows - windows.starts[window] + 1 + at_end
        before = [sequences[n][:length][-self.context :] for n, length in zip(window, lengths, strict=True)]
        names = [tokens.tobytes() for tokens in before]
        asked = dict(islice(dict(zip(names, before, strict=True)).items(), EXPLAINED))
        log_probs = self._after(list(asked.values()))
        found = {name: self._most_probable(row) for name, row in zip(asked, log_probs, strict=True)}
        return [found.get(name, []) for name in names]

    def _after(self, sequences: list[Ints]) -> npt.NDArray[np.float32]:
        """(n, vocabulary) of the token after each of sequences within the context."""
        found = np.zeros((len(sequences), len(self.vocabulary)), np.float32)
        for batch in by_length(sequences, self.context, self.overlap, TOKENS):
            log_probs = self.scorer.log_probs(batch.tokens)
            for row, chunk in enumerate(batch.chunks):
                found[chunk.sequence] = log_probs[row, chunk.stop - 1]
        return found

    def _most_probable(self, log_probs: npt.NDArray[np.float32]) -> Expected:
        """Of (vocabulary,) log-probabilities."""
        order = np.argsort(-log_probs)[: ALTERNATIVES + FIRST].tolist()
        best = [token for token in order if token >= FIRST or (token == END and self.ends)]
        return [
            (END_STEP if token == END else int(self.vocabulary.keys[token - FIRST]), float(np.exp(log_probs[token])))
            for token in best[:ALTERNATIVES]
        ]


def _judged(log_probs: npt.NDArray[np.float32], places: Ints, tokens: Ints) -> tuple[Floats, Ints]:
    """(n,) the surprise and the rank of each token behind its place; what is asked several times is looked at once."""
    size = log_probs.shape[-1]
    asked, again = np.unique(places * size + tokens, return_inverse=True)
    found = log_probs.ravel()[asked]
    ranks = (log_probs.reshape(-1, size)[asked // size] > found[:, None]).sum(-1)
    return -found[again].astype(np.float64), ranks[again]


def _highest(values: npt.NDArray[np.generic], windows: Windows) -> Floats:
    """(n,) the highest of the (events,) values of each window."""
    return np.maximum.reduceat(values, windows.starts[:-1]) if len(windows) else np.zeros(0)
