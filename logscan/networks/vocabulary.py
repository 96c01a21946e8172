"""Log keys as the tokens of a network."""

from collections.abc import Sequence
from typing import Self

import numpy as np

from logscan.windows.sessions import Ints, Windows

PAD, BEGIN, END, UNKNOWN = range(4)  # an UNKNOWN key was not seen in training
FIRST = 4  # token of the first key


class Vocabulary:
    """The keys seen in training, in the order of their stable hashes: tokens do not depend on how keys are numbered."""

    def __init__(self, hashes: Sequence[str], all_hashes: Sequence[str]) -> None:
        """`hashes` of the vocabulary's keys, which are among `all_hashes`, those of all known keys by number.

        Raises ValueError where they are not.
        """
        numbers = {name: number for number, name in enumerate(all_hashes)}
        self.hashes = sorted(hashes)
        missing = [name for name in self.hashes if name not in numbers]
        if missing:
            raise ValueError(f"no key {missing[0]}")
        self.keys: Ints = np.array([numbers[name] for name in self.hashes], np.int64)  # by token - FIRST
        self._tokens = np.full(len(all_hashes) + 1, UNKNOWN)  # by key; the last stands for all new ones
        self._tokens[self.keys] = FIRST + np.arange(len(self.keys))

    @classmethod
    def learnt(cls, windows: Windows, all_hashes: Sequence[str]) -> Self:
        """The keys that occur in windows."""
        known = len(all_hashes)
        return cls([all_hashes[key] for key in np.unique(windows.keys) if key < known], all_hashes)

    def __len__(self) -> int:
        """Tokens, those that are no keys included."""
        return FIRST + len(self.hashes)

    def tokens(self, windows: Windows) -> Ints:
        """(events,) the token of each event."""
        tokens: Ints = self._tokens[np.minimum(windows.keys, len(self._tokens) - 1)]
        return tokens

    def sequences(self, windows: Windows, ends: bool) -> list[Ints]:
        """The tokens of each window behind BEGIN; with `ends`, an END follows."""
        tokens = self.tokens(windows)
        head, tail = np.array([BEGIN]), np.array([END][:ends], np.int64)
        return [
            np.concatenate([head, tokens[start:stop], tail])
            for start, stop in zip(windows.starts[:-1], windows.starts[1:], strict=True)
        ]
