"""What all stages of one training share, and whom it tells of its progress; no torch is needed to say so."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


class Progress(Protocol):
    """Is told after each epoch: the stage, how many of how many epochs, figures such as the losses."""

    def __call__(self, stage: str, epoch: int, epochs: int, figures: dict[str, float], /) -> None:
        """An epoch ended."""


def silent(stage: str, epoch: int, epochs: int, figures: dict[str, float], /) -> None:
    """No progress is shown."""


@dataclass(frozen=True)
class Run:
    """folder: for checkpoints, None for none
    prevalence: the share of anomalies that a threshold is put for, None for that of what is learnt from"""

    seed: int = 0
    folder: Path | None = None
    progress: Progress = silent
    prevalence: float | None = None
