"""How surprising each key of a window is to a network that predicts the next one."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Protocol

import numpy as np
import numpy.typing as npt

from logscan.detectors.sessions import END as END_STEP
from logscan.networks.batches import Batch, by_length
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

    def log_probs(self, tokens: Ints) -> npt.NDArray[np.float32]:
        """(batch, length, vocabulary) of the token after each of (batch, length) ones."""


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
        """Surprise and rank of each key; equal windows are read once."""
        first, inverse, _ = windows.distinct()
        sequences = self.vocabulary.sequences(windows.take(first), self.ends)
        starts = np.concatenate([[0], np.cumsum([len(sequence) for sequence in sequences], dtype=np.int64)])
        nats, ranks = np.zeros(starts[-1]), np.zeros(starts[-1], np.int64)
        most = max(self.context, min(TOKENS, AT_ONCE // len(self.vocabulary)))
        batches = by_length(sequences, self.context, self.overlap, most)
        with ThreadPoolExecutor(self.scorer.at_once) as pool:
            for batch, (surprise, rank) in pool.map(self._read, batches):
                rows, columns = np.nonzero(batch.targets[:, 1:])
                begin = np.array([starts[chunk.sequence] + chunk.begin for chunk in batch.chunks])
                at = begin[rows] + columns + 1
                nats[at], ranks[at] = surprise[rows, columns], rank[rows, columns]
        unknown = np.concatenate([*sequences, np.zeros(0, np.int64)]) == UNKNOWN
        nats[unknown], ranks[unknown] = UNSEEN, len(self.vocabulary)
        begin = starts[inverse] + 1  # behind BEGIN
        at = np.arange(len(windows.events)) + np.repeat(begin - windows.starts[:-1], windows.lengths)
        if not self.ends:
            return Judged(nats[at], ranks[at], np.zeros(len(windows)), np.zeros(len(windows), np.int64))
        last = begin + windows.lengths
        return Judged(nats[at], ranks[at], nats[last], ranks[last])

    def _read(self, batch: Batch) -> tuple[Batch, tuple[Floats, Ints]]:
        """The batch, and (b, length - 1) the surprise and the rank of each of its tokens but the first."""
        log_probs = self.scorer.log_probs(batch.tokens)[:, :-1]
        found = np.take_along_axis(log_probs, batch.tokens[:, 1:, None], -1)
        return batch, (-found[..., 0].astype(np.float64), (log_probs > found).sum(-1))

    def expected(self, windows: Windows, rows: Ints, at_end: npt.NDArray[np.bool_]) -> list[Expected]:
        """What was most probable in the place of each of these events, or behind it where its window ends too early."""
        window = np.searchsorted(windows.starts, rows, "right") - 1
        sequences = self.vocabulary.sequences(windows, ends=False)
        lengths = rows - windows.starts[window] + 1 + at_end
        before = [sequences[n][:length][-self.context :] for n, length in zip(window, lengths, strict=True)]
        names = [tokens.tobytes() for tokens in before]
        asked = dict(islice(dict(zip(names, before, strict=True)).items(), EXPLAINED))
        found: dict[bytes, Expected] = {}
        for batch in by_length(list(asked.values()), self.context, self.overlap, TOKENS):
            log_probs = self.scorer.log_probs(batch.tokens)
            for row, chunk in enumerate(batch.chunks):
                tokens = batch.tokens[row, : chunk.stop]
                found[tokens.tobytes()] = self._most_probable(log_probs[row, chunk.stop - 1])
        return [found.get(name, []) for name in names]

    def _most_probable(self, log_probs: npt.NDArray[np.float32]) -> Expected:
        """Of (vocabulary,) log-probabilities."""
        order = np.argsort(-log_probs)[: ALTERNATIVES + FIRST].tolist()
        best = [token for token in order if token >= FIRST or (token == END and self.ends)]
        return [
            (END_STEP if token == END else int(self.vocabulary.keys[token - FIRST]), float(np.exp(log_probs[token])))
            for token in best[:ALTERNATIVES]
        ]


def _highest(values: npt.NDArray[np.generic], windows: Windows) -> Floats:
    """(n,) the highest of the (events,) values of each window."""
    return np.maximum.reduceat(values, windows.starts[:-1]) if len(windows) else np.zeros(0)
