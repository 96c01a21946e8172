"""The table of seen count vectors: a window is anomalous if no normal one held the same events equally often.

M. Landauer, F. Skopik and M. Wurzenberger ("A critical review of common log data sets used for evaluation of
sequence-based anomaly detection techniques", 2024) found it hard to beat, which makes it what a learnt model is to be
held against. The order of the events is not looked at, and there is no threshold to choose.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import orjson

from logscan.detectors.sessions import Scores
from logscan.windows.sessions import Windows

if TYPE_CHECKING:
    from logscan.networks.run import Run

STATE = "detector.json"


@dataclass(frozen=True)
class Options:
    """There is nothing to choose."""


class CountVectors:
    """vectors_: sorted digests of the event counts of normal windows."""

    name = "counts"
    supervised = False
    reads = None
    provider = "numpy"

    def __init__(self, options: Options | None = None) -> None:
        self.options = options or Options()

    def fit(
        self,
        normal: Windows,
        hashes: Sequence[str],
        ends: bool,
        run: "Run",
        anomalous: Windows | None = None,
    ) -> dict[str, Any]:
        """Learn from normal windows alone. Gives figures of the training."""
        self.vectors_ = np.unique(normal.vectors)
        return {"vectors": len(self.vectors_)}

    def score(self, windows: Windows) -> Scores:
        """1 for a window, and for each of its events, whose counts are new, else 0."""
        new = (~np.isin(windows.vectors, self.vectors_)).astype(np.float64)
        return Scores(new, np.repeat(new, windows.lengths))

    def save(self, folder: Path) -> None:
        """Write the digests, as numbers."""
        (folder / STATE).write_bytes(orjson.dumps({"vectors": self.vectors_.tolist()}))

    @classmethod
    def load(cls, folder: Path, hashes: Sequence[str], exported: bool = True) -> Self:
        """What `save` wrote. Raises KeyError, TypeError or ValueError where it is damaged."""
        detector = cls()
        detector.vectors_ = np.array(orjson.loads((folder / STATE).read_bytes())["vectors"], np.uint64)
        return detector
