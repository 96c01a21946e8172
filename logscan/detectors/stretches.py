"""Where in a log its keys were written: it is cut into 32 to 64 equal stretches, however long it gets."""

from typing import Any

import numpy as np
import numpy.typing as npt

from logscan.windows.sessions import Floats, Ints

STRETCHES = 64  # at most


class Stretches:
    """In which stretches each key was written, given the keys of all records in their order."""

    def __init__(self) -> None:
        self._records = 0
        self._length = 16  # records in a stretch, doubled as the log grows
        self._written = np.zeros(0, np.uint64)  # (keys,) bit i: in stretch i

    def add(self, keys: Ints) -> None:
        """The keys of the next records."""
        while self._records + len(keys) > self._length * STRETCHES:
            self._length *= 2
            self._written = _halved(self._written)
        self._written = grown(self._written, int(keys.max(initial=-1)) + 1)
        while len(keys):
            stretch, begun = divmod(self._records, self._length)
            part, keys = np.split(keys, [self._length - begun])
            self._written[part] |= np.uint64(1 << stretch)
            self._records += len(part)

    def join(self, family: npt.NDArray[np.int32], known: int) -> None:
        """From here on there are so many keys, of which one stands for those of its family."""
        written = grown(self._written, len(family))
        self._written = np.zeros(known, np.uint64)
        np.bitwise_or.at(self._written, family, written)

    def few(self, share: float) -> npt.NDArray[np.bool_]:
        """(keys,) whether each was written in one stretch, or in at most this share of them."""
        return np.bitwise_count(self._written) <= max(1, share * self._begun)

    def runs(self) -> Floats:
        """(keys,) the share of the stretches from the first to the last in which each was written."""
        lowest = self._written & (~self._written + np.uint64(1))
        last = np.log2(np.maximum(self._written, 1).astype(np.float64)).astype(np.int64)
        runs: Floats = (last - np.bitwise_count(lowest - np.uint64(1)) + 1) / self._begun
        return runs

    @property
    def _begun(self) -> int:
        """Stretches so far."""
        return -(-self._records // self._length)


def grown(column: Any, length: int) -> Any:
    """The column with zeros behind it where it is shorter."""
    return np.concatenate([column, np.zeros(max(0, length - len(column)), column.dtype)])


def _halved(spread: Any) -> Any:
    """Bit i of the result is set where bit 2i or 2i + 1 was."""
    bits = (spread | (spread >> np.uint64(1))) & np.uint64(0x5555555555555555)
    for shift, mask in (
        (1, 0x3333333333333333),
        (2, 0x0F0F0F0F0F0F0F0F),
        (4, 0x00FF00FF00FF00FF),
        (8, 0x0000FFFF0000FFFF),
        (16, 0x00000000FFFFFFFF),
    ):
        bits = (bits | (bits >> np.uint64(shift))) & np.uint64(mask)
    return bits
