"""Invariants: equations between counts that normal windows obey, such as: as many files are closed as are opened.

J.-G. Lou, Q. Fu, S. Yang, Y. Xu and J. Li, "Mining Invariants from Console Logs for System Problem Detection" (USENIX
ATC 2010). An invariant is a0 + a1 x1 + ... = 0 with small integers for a few of the counts x and 0 for all others,
which at least 98 % of the windows obey. They are searched for among single keys, then pairs, then triples; sets with a
smaller invariant in them are left out. A window is anomalous if it breaks one (`rule=any`).

Chosen here: the constant a0, which was not held against the paper's text. The paper takes its candidates from the
direction in which the counts of a set of keys have no extent; here all coefficients up to 3 are tried, against the most
frequent vector, which every invariant has to obey. A window is as strange as -log of the share of normal windows that
break what it breaks, the least often broken one, so that a calibrated threshold leaves out equations that hold too
loosely. Where there are more than `SETS` sets of a size, the search ends before that size.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations, product
from math import comb, gcd
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from logscan.detectors import count_matrix
from logscan.detectors.count_matrix import CELLS, CountDetector, Counts, parts
from logscan.windows.sessions import Floats, Ints

Bools = npt.NDArray[np.bool_]

SETS = 50_000  # of keys, of one size
FREQUENT = 64  # vectors that an equation is tried on first: what they break needs no look at the others


@dataclass(frozen=True)
class Options(count_matrix.Options):
    """support: share of normal windows that obey an invariant, at least
    keys: in an invariant, at most; coefficient: the largest one of a key
    rule: `calibrated` on normal windows held out in turn, or the paper's, by which `any` broken one is an anomaly"""

    support: float = 0.98
    keys: int = 3
    coefficient: int = 3
    rule: Literal["calibrated", "any"] = "calibrated"

    def __post_init__(self) -> None:
        """Raises ValueError for numbers that mean nothing."""
        super().__post_init__()
        if not 0 < self.support <= 1 or self.keys < 1 or self.coefficient < 1:
            raise ValueError("support should be above 0 and at most 1, keys and coefficient at least 1")


@dataclass(frozen=True)
class Equations:
    """Of one size. keys, factors: (i, size) columns in rising order and their coefficients; broken: (i,) share of the
    normal windows that break each."""

    keys: Ints
    factors: Ints
    broken: Floats

    def within(self, sets: Ints, columns: int) -> Bools:
        """(s,) which of (s, k) sets of columns have all the keys of an equation among them."""
        powers = columns ** np.arange(self.keys.shape[1])
        places = combinations(range(sets.shape[1]), self.keys.shape[1])
        found: Bools = np.any([np.isin(sets[:, part] @ powers, self.keys @ powers) for part in places], axis=0)
        return found


class Invariants(CountDetector):
    """equations_: (i, columns) coefficients of the counts; constants_: (i,); surprise_: (i,) nats of breaking each."""

    name = "invariants"
    provider = "numpy"

    def __init__(self, options: Options | None = None) -> None:
        self.options: Options = options or Options()

    def learn(self, counts: Counts, seed: int) -> dict[str, Any]:
        """Search."""
        ordered = counts.most_frequent(len(counts.weights))
        windows, columns = ordered.weights.sum(), ordered.matrix.shape[1]
        away, share = ordered.matrix - ordered.matrix[0], ordered.weights / windows
        found: list[Equations] = []
        for size in range(1, self.options.keys + 1):
            free = np.setdiff1d(np.arange(columns), found[0].keys) if found else np.arange(columns)
            if comb(len(free), size) > SETS:
                break
            sets = np.array(list(combinations(free, size)), np.int64).reshape(-1, size)
            for smaller in found:
                sets = sets[~smaller.within(sets, columns)]
            found.append(self._obeyed(away, share, sets))
        self.equations_ = np.concatenate([np.zeros((0, columns)), *(_dense(one, columns) for one in found)])
        self.constants_ = -self.equations_ @ ordered.matrix[0]
        broken = np.concatenate([np.zeros(0), *(one.broken for one in found)])
        self.surprise_ = -np.log((broken * windows + 0.5) / (windows + 1))
        return {"invariants": len(broken), "keys_at_most": len(found)}

    def _obeyed(self, away: Floats, share: Floats, sets: Ints) -> Equations:
        """The equations between (s, size) sets of columns. away: (d, columns) vectors less the first, the most frequent
        first; share: (d,) of windows that have each."""
        allowed = 1 - self.options.support + 1e-9
        size, kept = sets.shape[1], []
        for factors in _factors(size, self.options.coefficient):
            left, broken = sets, np.zeros(len(sets))
            for tried in (slice(FREQUENT), slice(None)):
                rows, weights = away[tried], share[tried]
                some = np.array_split(left, 1 + left.size * len(rows) // CELLS)
                broken = np.concatenate([weights @ (rows[:, part] @ factors != 0) for part in some])
                left, broken = left[broken <= allowed], broken[broken <= allowed]
            kept.append((left, np.tile(factors, (len(left), 1)), broken))
        return Equations(*map(np.concatenate, zip(*kept, strict=True)))

    def strangeness(self, matrix: Floats) -> Floats:
        """Nats of the most surprising equation that is broken, 0 where none is."""
        return np.concatenate([(broken * self.surprise_).max(1, initial=0) for broken in self._broken(matrix)])

    def blamed(self, matrix: Floats) -> Floats:
        """Nats of all equations that are broken, for each of their keys: to take a message away seldom mends them."""
        ours = self.equations_ != 0
        return np.concatenate([broken * self.surprise_ @ ours for broken in self._broken(matrix)])

    def _broken(self, matrix: Floats) -> Iterator[Bools]:
        """Part by part, (n, i) whether vectors break equations."""
        for part in parts(matrix, len(self.constants_)):
            yield part @ self.equations_.T + self.constants_ != 0

    def by_paper(self) -> float:
        """None may be broken."""
        return 0.0


def _factors(size: int, largest: int) -> Iterator[Ints]:
    """Coefficients without a common divisor, the first one above 0."""
    others = [factor for factor in range(-largest, largest + 1) if factor]
    for factors in product(range(1, largest + 1), *[others] * (size - 1)):
        if gcd(*factors) == 1:
            yield np.array(factors, np.int64)


def _dense(equations: Equations, columns: int) -> Floats:
    """(i, columns) the coefficients, 0 for all other keys."""
    dense = np.zeros((len(equations.keys), columns))
    np.put_along_axis(dense, equations.keys, equations.factors.astype(np.float64), axis=1)
    return dense
