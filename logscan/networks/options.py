"""Options that detectors with pretrained networks share. No torch is needed to read them."""

from dataclasses import dataclass
from typing import Literal

Adapters = Literal["qlora", "lora", "full"]

SCRATCH = "scratch"  # in the place of a hub id or a path: a small network with random weights


@dataclass(frozen=True)
class Lora:
    """r: rank; alpha: the adapter counts alpha / r; dropout: of what goes into it"""

    r: int = 8
    alpha: int = 16
    dropout: float = 0.1

    def __post_init__(self) -> None:
        """Raises ValueError for numbers that mean nothing."""
        if self.r < 1 or self.alpha < 1 or not 0 <= self.dropout < 1:
            raise ValueError("r and alpha should be at least 1, dropout at least 0 and less than 1")


@dataclass(frozen=True)
class Size:
    """Of a network from scratch. vocabulary: tokens at most; length: tokens of the longest text."""

    layers: int = 2
    heads: int = 4
    hidden: int = 128
    intermediate: int = 352
    vocabulary: int = 2_000
    length: int = 4_096

    def __post_init__(self) -> None:
        """Raises ValueError for a network that cannot be."""
        if min(self.layers, self.heads, self.hidden, self.intermediate, self.length) < 1 or self.vocabulary < 300:
            raise ValueError("sizes should be at least 1, and vocabulary at least 300")
        if self.hidden % (2 * self.heads):
            raise ValueError("hidden should be a multiple of twice the heads: rotary embedding turns pairs")


@dataclass(frozen=True)
class Training:
    """Of a network by AdamW. batch: windows a step; patience: epochs without a better one on what is held out, after
    which training ends, 0: never; the best one is kept"""

    epochs: int = 20
    batch: int = 64
    learning_rate: float = 1e-3
    weight_decay: float = 0.01
    patience: int = 0

    def __post_init__(self) -> None:
        """Raises ValueError for numbers that mean nothing."""
        if self.epochs < 1 or self.batch < 1 or self.patience < 0:
            raise ValueError("epochs and batch should be at least 1, patience at least 0")
        if not self.learning_rate > 0 or self.weight_decay < 0:
            raise ValueError("learning_rate should be above 0, weight_decay at least 0")
