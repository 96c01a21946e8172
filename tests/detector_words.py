"""A detector as another package may bring it: it reads messages, and must have anomalies to learn from."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import orjson

from logscan.detectors.sessions import Scores
from logscan.networks.run import Run
from logscan.settings import build
from logscan.templates.messages import Input
from logscan.windows import Windows

EPOCHS = ("passes",)
PRESETS: dict[str, dict[str, Any]] = {"deep": {"passes": 9}}


@dataclass(frozen=True)
class Options:
    """passes, encoder: mean nothing."""

    passes: int = 1
    encoder: str = "none"
    include_base: bool = False
    input: Input = "masked"


class Words:
    """bad_: the messages that only anomalous windows held."""

    name = "words"
    supervised = True
    provider = "a set"

    def __init__(self, options: Options | None = None) -> None:
        self.options = options or Options()

    @property
    def reads(self) -> Input:
        """As the options say."""
        return self.options.input

    def fit(
        self, normal: Windows, hashes: Sequence[str], ends: bool, run: Run, anomalous: Windows | None = None
    ) -> dict[str, Any]:
        """Learn from both."""
        assert anomalous is not None
        self.bad_ = said(anomalous) - said(normal)
        for epoch in range(self.options.passes):
            run.progress("reading", epoch + 1, self.options.passes, {"loss": 0.25})
        figures = {"messages": len(self.bad_), "epochs": self.options.passes, "held_out_loss": 0.25, "losses": [0.25]}
        return {**figures, "threshold": {"how": "one bad message is enough"}}

    def score(self, windows: Windows) -> Scores:
        """1 for a bad message, and for its window."""
        assert windows.messages is not None
        bad = np.array([text in self.bad_ for text in windows.messages.texts], np.float64)
        events = bad[windows.events["message"].to_numpy()]
        return Scores(np.maximum.reduceat(events, windows.starts[:-1]), events)

    def save(self, folder: Path) -> None:
        """In a folder of its own."""
        (folder / "words").mkdir()
        state = {"options": asdict(self.options), "bad": sorted(self.bad_)}
        (folder / "words" / "bad.json").write_bytes(orjson.dumps(state))

    @classmethod
    def load(cls, folder: Path, hashes: Sequence[str], exported: bool = True) -> Self:
        """What `save` wrote."""
        state = orjson.loads((folder / "words" / "bad.json").read_bytes())
        detector = cls(build(Options, state["options"]))
        detector.bad_ = set(state["bad"])
        return detector


class Kept:
    """One that cannot be saved."""

    name = "kept"
    supervised = False
    reads = None

    def __init__(self, options: Options | None = None) -> None:
        self.options = options or Options()

    def fit(
        self, normal: Windows, hashes: Sequence[str], ends: bool, run: Run, anomalous: Windows | None = None
    ) -> dict[str, Any]:
        """Learn nothing."""
        return {}

    def score(self, windows: Windows) -> Scores:
        """Nothing is strange."""
        return Scores(np.zeros(len(windows)), np.zeros(len(windows.events)))


def said(windows: Windows) -> set[str]:
    """The messages of windows."""
    assert windows.messages is not None
    return {windows.messages.texts[number] for number in windows.events["message"].unique()}
