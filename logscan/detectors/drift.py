"""Drift: a model that meets much more that is new than its own data held.

How probable the next record of a kind never seen was, is told by the kinds that were written once (Good and Turing; see
`Profile.singletons`). A fault writes kinds never seen, too, but it passes, or says the same over and over. So records
are counted in blocks, of each kind few in a block, and half of the blocks of late must hold much more than expected.
"""

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from logscan.detectors.profile import Profile
from logscan.detectors.registry import BASELINE
from logscan.records import Chunk
from logscan.windows.sessions import Ints

BLOCK = 500  # records
BLOCKS = 20  # that are looked back on
FEWEST = 6  # blocks before anything is said
ALIKE = 10  # records of one kind in a block that count
LEAST = 0.03  # share of a block
MORE = 5  # times the share that was to be expected


class Drift:
    """Is fed what a model judges, in bounded memory; says once what there is to say.

    model: as the user named it; way_out: what to do about it, see `way_out`
    """

    def __init__(self, profile: Profile, model: str, way_out: str) -> None:
        self.known = profile.keys.known
        self.limit = max(LEAST, MORE * (profile.singletons() + 0.5) / max(profile.records, 1))
        self.model, self.way_out = model, way_out
        self.said = False
        self._blocks: list[tuple[int, int]] = []  # records of new kinds, and how many of them count
        self._rest: Ints = np.zeros(0, np.int64)  # of the block that is not full

    def add(self, chunk: Chunk) -> str | None:
        """Take in the next records; gives a line for the user once there is much that is new."""
        if self.said:
            return None
        keys = np.append(self._rest, chunk.records["key"].to_numpy())
        if len(keys) < BLOCK:
            self._rest = keys
            return None
        full = len(keys) // BLOCK
        keys, self._rest = keys[: full * BLOCK], keys[full * BLOCK :]
        rows = np.flatnonzero(keys >= self.known)
        alike, counts = np.unique(rows // BLOCK << 32 | keys[rows], return_counts=True)  # of a kind, in a block
        new, counted = (np.bincount(alike >> 32, of, full).astype(int) for of in (counts, np.minimum(counts, ALIKE)))
        for block in zip(new.tolist(), counted.tolist(), strict=True):
            self._blocks = [*self._blocks[-BLOCKS + 1 :], block]
            n = len(self._blocks)
            if n == FEWEST or (n > FEWEST and block[1]):  # no median is raised by a block without
                from statistics import median  # which a short log has no use for

                usual = median(counted for _, counted in self._blocks) / BLOCK
                if usual >= self.limit:
                    self.said = True
                    return self._word()
        return None

    def _word(self) -> str:
        records = len(self._blocks) * BLOCK
        share = 100 * sum(new for new, _ in self._blocks) / records
        seen = f"{share:.0f} % of the last {records:,} records are of kinds that {self.model} has never seen"
        return f"{seen}: {self.way_out}"

    def to_json(self) -> dict[str, Any]:
        """What was seen of late."""
        return {"said": self.said, "blocks": self._blocks, "rest": self._rest.tolist()}

    def restore(self, data: Mapping[str, Any]) -> None:
        """Go on with what `to_json` gave. Raises KeyError, TypeError or ValueError on anything else."""
        self.said = bool(data["said"])
        self._blocks = [(int(new), int(counted)) for new, counted in data["blocks"]][-BLOCKS:]
        self._rest = np.array(data["rest"][:BLOCK], np.int64)


def way_out(model: str, detector: str, logs: Sequence[str]) -> str:
    """The command that makes the model know these logs, as it was trained with this detector."""
    named = shlex.join(logs) if len(logs) <= 3 and "-" not in logs else "LOG..."
    if detector == BASELINE:
        return f"learn them with logscan train --update {shlex.quote(model)} {named}"
    return f"train it again with both logs, logscan train OLD {named} --detector {detector}"
