"""Windows as vectors of counts, one number a log key, and what all detectors that read nothing else share.

    columns     0 counts the keys that were not seen in training, the others are the keys in the order of their hashes
    rows        equal vectors once, with the number of windows that have them as weight
    threshold   calibrated on normal windows that are held out in turn, or where the rule of the paper puts it
    blame       of a message: how much less strange its window is without it, or without all of its key

What is saved are the vectors with their weights, not what was made of them: loading learns from them again, with the
same seed, so that scores are the same and there is nothing to unpickle.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import orjson

from logscan.detectors.sessions import Scores
from logscan.detectors.thresholds import exceeded_by, ratio
from logscan.errors import ModelError
from logscan.networks.vocabulary import UNKNOWN, Vocabulary
from logscan.settings import build
from logscan.windows.sessions import Floats, Ints, Windows

if TYPE_CHECKING:
    from logscan.networks.run import Run

STATE = "detector.json"
CELLS = 1 << 22  # of a matrix that is judged at once, 32 MiB
CALIBRATED = "calibrated"  # the rule that all have beside that of their paper
MARGIN = 1e-6  # above the threshold's own value: equal vectors have equal values but for rounding


@dataclass(frozen=True)
class Options:
    """folds: parts of the normal windows that are held out in turn from a training of their own, for the threshold
    false_positives: share of held-out normal windows that may be called anomalous"""

    folds: int = 5
    false_positives: float = 0.003

    def __post_init__(self) -> None:
        """Raises ValueError for numbers that mean nothing."""
        if self.folds < 2 or not 0 < self.false_positives < 1:
            raise ValueError("folds should be at least 2, and false_positives lie between 0 and 1")


@dataclass(frozen=True)
class Counts:
    """Distinct count vectors. matrix: (d, columns); weights: (d,) windows that have each."""

    matrix: Floats
    weights: Ints

    @classmethod
    def of(cls, windows: Windows, vocabulary: Vocabulary) -> Self:
        """Those of windows, in an order that does not depend on how keys are numbered."""
        _, first, weights = np.unique(windows.vectors, return_index=True, return_counts=True)
        matrix = matrix_of(windows.take(first), vocabulary)
        order = np.lexsort(matrix.T)
        return cls(matrix[order], weights[order])

    def most_frequent(self, most: int) -> "Counts":
        """As many of the vectors as may be, the most frequent first."""
        chosen = np.argsort(-self.weights, kind="stable")[:most]
        return Counts(self.matrix[chosen], self.weights[chosen])

    def held_out(self, folds: int, rng: np.random.Generator) -> Iterator[tuple["Counts", Ints, "Counts"]]:
        """Windows in parts drawn at random. For each part: the windows without it, and those vectors of the part that
        the others do not have, by their rows and as vectors; keys that the others do not have are counted in column 0,
        as keys never seen."""
        windows = rng.permutation(np.repeat(np.arange(len(self.weights)), self.weights))
        for fold in range(min(folds, len(windows)) if len(windows) > 1 else 0):
            kept = self.weights - np.bincount(windows[fold::folds], minlength=len(self.weights))
            seen = kept @ self.matrix > 0
            seen[0] = True
            matrix = self.matrix[:, seen]
            matrix[:, 0] += self.matrix[:, ~seen].sum(1)
            alone = np.flatnonzero(kept == 0)
            yield Counts(matrix[kept > 0], kept[kept > 0]), alone, Counts(matrix[alone], self.weights[alone])

    def to_json(self) -> dict[str, list[int]]:
        """What is not 0, and the weights."""
        rows, columns = np.nonzero(self.matrix)
        counts = self.matrix[rows, columns].astype(int)
        parts = {"rows": rows, "columns": columns, "counts": counts, "weights": self.weights}
        return {name: part.tolist() for name, part in parts.items()}

    @classmethod
    def from_json(cls, state: dict[str, list[int]], columns: int) -> Self:
        """What `to_json` gave. Raises KeyError, IndexError, TypeError or ValueError for anything else."""
        matrix = np.zeros((len(state["weights"]), columns))
        matrix[state["rows"], state["columns"]] = state["counts"]
        return cls(matrix, np.array(state["weights"], np.int64))


def matrix_of(windows: Windows, vocabulary: Vocabulary) -> Floats:
    """(n, columns) how often each window has each key; column 0 counts keys that are not in the vocabulary."""
    columns = width_of(vocabulary)
    row = np.repeat(np.arange(len(windows)), windows.lengths)
    cells = np.bincount(row * columns + vocabulary.tokens(windows) - UNKNOWN, minlength=len(windows) * columns)
    return cells.reshape(len(windows), columns).astype(np.float64)


def parts(matrix: Floats, width: int) -> list[Floats]:
    """The rows in parts that need not more than CELLS numbers where each row needs `width`, one part at least."""
    return np.array_split(matrix, 1 + len(matrix) * width // CELLS)


def width_of(vocabulary: Vocabulary) -> int:
    """Columns of a matrix."""
    return 1 + len(vocabulary.hashes)


class CountDetector(ABC):
    """A detector of count vectors: a method says how it learns from them, and how strange others are.

    threshold_: the strangeness above which a window is anomalous
    """

    name: str
    supervised = False
    reads = None
    provider = "scikit-learn"
    options: Any

    vocabulary: Vocabulary
    threshold_: float
    _learnt: Counts
    _seed: int

    @abstractmethod
    def learn(self, counts: Counts, seed: int) -> dict[str, Any]:
        """From normal windows. Gives figures."""

    @abstractmethod
    def strangeness(self, matrix: Floats) -> Floats:
        """(n, columns) counts to (n,) numbers, 0 at the least."""

    @abstractmethod
    def by_paper(self) -> float:
        """Where the rule of the paper puts the threshold."""

    def fit(
        self, normal: Windows, hashes: Sequence[str], ends: bool, run: "Run", anomalous: Windows | None = None
    ) -> dict[str, Any]:
        """Learn from normal windows alone, and put the threshold. Gives figures."""
        self.vocabulary, self._seed = Vocabulary.learnt(normal, hashes), run.seed
        self._learnt = Counts.of(normal, self.vocabulary)
        figures = self.learn(self._learnt, run.seed)
        if self.options.rule == CALIBRATED:
            limit = exceeded_by(self.options.false_positives, self._as_new(run))
            how = f"{self.options.false_positives:.2%} of the normal windows are stranger, held out in turn"
        else:
            limit, how = self.by_paper(), f"of the paper: {self.options.rule}"
        self.threshold_ = limit * (1 + MARGIN) + MARGIN
        return {
            "keys": len(self.vocabulary.hashes),
            "vectors": len(self._learnt.weights),
            **figures,
            "threshold": {"strangeness": float(f"{self.threshold_:.4g}"), "how": how},
        }

    def _as_new(self, run: "Run") -> Floats:
        """(n,) how strange the normal windows are; one whose counts no other has, as judged by what others taught."""
        values = self.strangeness(self._learnt.matrix)
        other = copy(self)
        for kept, rows, alone in self._learnt.held_out(self.options.folds, np.random.default_rng(run.seed)):
            if not len(rows):
                continue
            other.learn(kept, run.seed)
            values[rows] = other.strangeness(alone.matrix)
        return np.repeat(values, self._learnt.weights)

    def score(self, windows: Windows) -> Scores:
        """Scores of windows, equal for equal counts; an event has that of its window, see `blame`."""
        _, first, inverse = np.unique(windows.vectors, return_index=True, return_inverse=True)
        at_once = max(1, CELLS // width_of(self.vocabulary))
        parts = [first[begin : begin + at_once] for begin in range(0, len(first), at_once)]
        values = [self.strangeness(matrix_of(windows.take(part), self.vocabulary)) for part in parts]
        scores = ratio(np.concatenate([np.zeros(0), *values]), self.threshold_)[inverse]
        return Scores(scores, np.repeat(scores, windows.lengths))

    def blame(self, windows: Windows) -> Floats:
        """(events,) how much less strange each window is without this message, or, where that is more, without all
        that have its key."""
        columns = width_of(self.vocabulary)
        column = self.vocabulary.tokens(windows) - UNKNOWN
        at_once = max(1, CELLS // columns)
        found = np.zeros(len(windows.events))
        for begin in range(0, len(windows), at_once):
            part = windows.take(np.arange(begin, min(begin + at_once, len(windows))))
            rows = slice(windows.starts[begin], windows.starts[begin + len(part)])
            blamed = self.blamed(matrix_of(part, self.vocabulary))
            found[rows] = blamed[np.repeat(np.arange(len(part)), part.lengths), column[rows]]
        return found

    def blamed(self, matrix: Floats) -> Floats:
        """(n, columns) counts to how much each is to blame, at the places where there are any."""
        row, column = np.nonzero(matrix)
        whole, fallen = self.strangeness(matrix), np.zeros_like(matrix)
        at_once = max(1, CELLS // matrix.shape[1])
        for begin in range(0, len(row), at_once):
            rows, columns = row[begin : begin + at_once], column[begin : begin + at_once]
            one_less, none = matrix[rows], matrix[rows]
            one_less[np.arange(len(rows)), columns] -= 1
            none[np.arange(len(rows)), columns] = 0
            least = np.minimum(self.strangeness(one_less), self.strangeness(none))
            fallen[rows, columns] = whole[rows] - least
        return fallen

    def save(self, folder: Path) -> None:
        """Write the vectors that were learnt from, and the threshold."""
        state = {
            "options": asdict(self.options),
            "vocabulary": self.vocabulary.hashes,
            "seed": self._seed,
            "threshold": self.threshold_,
            "learnt": self._learnt.to_json(),
        }
        (folder / STATE).write_bytes(orjson.dumps(state))

    @classmethod
    def load(cls, folder: Path, hashes: Sequence[str], exported: bool = True) -> Self:
        """What `save` wrote, learnt again.

        Raises ModelError where scikit-learn is missing, KeyError, IndexError, TypeError or ValueError for damage.
        """
        state = orjson.loads((folder / STATE).read_bytes())
        detector = cls()
        detector.options = build(type(detector.options), state["options"])
        detector.vocabulary = Vocabulary(state["vocabulary"], hashes)
        detector._learnt = Counts.from_json(state["learnt"], width_of(detector.vocabulary))
        detector._seed, detector.threshold_ = int(state["seed"]), float(state["threshold"])
        try:
            detector.learn(detector._learnt, detector._seed)
        except ImportError as error:
            if (error.name or "").partition(".")[0] != "sklearn":
                raise
            raise ModelError(f"{folder} needs scikit-learn: pip install 'logscan[classic]'") from None
        return detector
