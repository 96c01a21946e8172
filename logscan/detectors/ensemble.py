"""An ensemble: the baseline's sessions, LogLLaMA and RAPID judge the same windows, and the majority decides.

They look at different things: at which events occur how often and at single steps, at all that came before an event, at
what messages say. A normal window that is odd to one of them by accident is rarely so to another, while an anomaly
shows in more than one way. No label is needed, and those that are there are not looked at.

    fit     every part learns from some normal windows and judges the others, in turn; then it learns from all
    score   to each part, a window is as rare as were those of the judged normal windows that are at least as strange
            to it; the second rarest of the three rarities is that of the window, so that two parts must agree

A window that no normal one equals in its event counts is anomalous where its rarity is one that no more than a share
`false_positives` of the judged normal windows have with new counts. Known counts nearly excuse it, as in the baseline:
to two parts it must be stranger than all judged normal windows.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from math import exp, log
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt
import orjson

from logscan.detectors.logllama import options as logllama
from logscan.detectors.logllama.detector import LogLLaMA
from logscan.detectors.next_key import folds
from logscan.detectors.rapid import LEAST, Rapid
from logscan.detectors.rapid import Options as RapidOptions
from logscan.detectors.sessions import Scores, SessionDetector
from logscan.detectors.thresholds import exceeded_by
from logscan.networks.semantics import SemanticOptions
from logscan.settings import build
from logscan.windows.sessions import Floats, Windows

if TYPE_CHECKING:
    from logscan.networks.run import Run

STATE = "detector.json"
AGREE = 2  # parts
COMMON = 0.05  # share of the judged normal windows that is never rare, however few of them have new event counts
REMEMBERED = 10_000  # judged normal windows, the strangest; what is no stranger than the last of them is not rare
SAME = 1e-3  # nats, or distance: values that differ by less may be equal ones, for they come from torch or from ONNX
TAIL = 0.01  # share of them that tells how much rarer than all of them what is stranger still is


@dataclass(frozen=True)
class Options(SemanticOptions):
    """lm, rl: of LogLLaMA, see there
    context: tokens that RAPID reads at once
    folds: parts of the normal windows that are judged in turn; each costs a training of LogLLaMA
    false_positives: share of the judged normal windows that may be called anomalous
    and what is in `SemanticOptions`, of RAPID
    """

    lm: logllama.Language = field(default_factory=logllama.Language)
    rl: logllama.Reinforcement = field(default_factory=logllama.Reinforcement)
    context: int = 512
    folds: int = 2
    false_positives: float = 0.001

    def __post_init__(self) -> None:
        """Raises ValueError for numbers that mean nothing."""
        super().__post_init__()
        if self.context < self.tokens or self.folds < 2:
            raise ValueError("context should be at least tokens, and folds at least 2")
        if not 0 < self.false_positives < 1:
            raise ValueError("false_positives should lie between 0 and 1")


EPOCHS = logllama.EPOCHS
PRESETS: dict[str, dict[str, Any]] = {
    "paper": {"encoder": "google-bert/bert-base-uncased"},
    "small": logllama.PRESETS["small"],
}


class Rarity:
    """How rare values are, held against those of normal windows, in nats: minus the logarithm of the share that is as
    high or higher, the value itself among them. Beyond the highest it goes on as if the tail were exponential.

    n: normal windows; highest: (m,) the values of the strangest, in rising order
    """

    def __init__(self, n: int, highest: Floats) -> None:
        self.n, self.highest = n, highest
        tail = highest[-max(1, round(TAIL * n)) :]
        self._slope = 1 / ((tail - tail[0]).mean() or 1.0)

    def __call__(self, values: Floats) -> Floats:
        """(n,) nats."""
        below = np.searchsorted(self.highest, values - SAME)
        as_high = np.where(below > 0, len(self.highest) - below, self.n)
        beyond = np.maximum(values - self.highest[-1], 0) * self._slope
        return np.asarray(np.log((self.n + 1) / (as_high + 1)) + beyond)


class Ensemble:
    """sessions, logllama, rapid: the parts; rarity_: of each, what its values mean; threshold_: nats of rarity above
    which a window of new event counts is anomalous."""

    name = "ensemble"
    supervised = False
    reads = Rapid.reads

    sessions: SessionDetector
    logllama: LogLLaMA
    rapid: Rapid
    rarity_: list[Rarity]
    threshold_: float

    def __init__(self, options: Options | None = None) -> None:
        self.options = options or Options()

    @property
    def provider(self) -> str:
        """What runs the networks, in words."""
        return self.logllama.provider

    def fit(
        self, normal: Windows, hashes: Sequence[str], ends: bool, run: "Run", anomalous: Windows | None = None
    ) -> dict[str, Any]:
        """Learn from normal windows alone. Gives figures. Raises OptionError where the encoder cannot be used."""
        judged = [
            self._judged_by_others(kept, out, hashes, ends, part)
            for kept, out, part in folds(normal, self.options.folds, run)
        ]
        figures = self._learn(normal, hashes, ends, run)
        if not judged:  # too few to keep any from learning
            judged = [(_highest(self._strangeness(normal), normal), np.zeros(len(normal), bool))]
        strange, new = (np.concatenate(one, axis=-1) for one in zip(*judged, strict=True))
        self.rarity_ = [Rarity(len(normal), np.sort(values)[-REMEMBERED:]) for values in strange]
        agreed = exceeded_by(self.options.false_positives, np.where(new, _agreed(self._rarities(strange)), 0.0))
        self.threshold_ = max(agreed, -log(COMMON))
        return {
            **figures,
            "threshold": {
                "nats": round(self.threshold_, 3),
                "how": f"of new event counts, {AGREE} of {len(strange)} parts finding a window stranger than all but "
                f"{exp(-self.threshold_):.2%} of the normal windows that they had not learnt",
            },
        }

    def _judged_by_others(
        self, kept: Windows, out: Windows, hashes: Sequence[str], ends: bool, run: "Run"
    ) -> tuple[Floats, npt.NDArray[np.bool_]]:
        """How strange normal windows are to parts that learnt from others, and whether their event counts are new."""
        trial = Ensemble(self.options)
        trial._learn(kept, hashes, ends, run)
        return _highest(trial._strangeness(out), out), ~trial.sessions.seen(out.vectors)

    def _learn(self, normal: Windows, hashes: Sequence[str], ends: bool, run: "Run") -> dict[str, Any]:
        """All parts from the same windows; what they would call anomalous themselves does not matter."""
        options = self.options
        semantic = {name: getattr(options, name) for name in SemanticOptions.__dataclass_fields__}
        self.sessions = SessionDetector().fit(normal)
        self.logllama = LogLLaMA(logllama.Options(lm=options.lm, rl=options.rl, folds=0))
        self.rapid = Rapid(RapidOptions(**semantic, context=options.context))
        learnt = self.logllama.fit(normal, hashes, ends, run), self.rapid.fit(normal, hashes, ends, run)
        return {name: figure for figures in reversed(learnt) for name, figure in figures.items() if name != "threshold"}

    def score(self, windows: Windows) -> Scores:
        """Scores of windows by the rarity on which two parts agree, and of each event by the mean of its rarities: how
        rare a window would be to each part in which this were the strangest event."""
        events = self._strangeness(windows)
        agreed = _agreed(self._rarities(_highest(events, windows)))
        mean = self._rarities(events).mean(0)
        beyond_all = max(self.threshold_, log(self.rarity_[0].n + 1))
        limits = np.where(self.sessions.seen(windows.vectors), beyond_all, self.threshold_)
        return Scores(agreed / (agreed + limits), mean / (mean + np.repeat(limits, windows.lengths)))

    def _strangeness(self, windows: Windows) -> Floats:
        """(parts, events) how strange each event is: the surprise of its step and that of its key after all before, in
        nats, and its distance from the nearest ones. A window is as strange to a part as its strangest event."""
        last = windows.starts[1:] - 1
        found = []
        for nats, ends in (self.sessions.surprise(windows), self.logllama.surprise(windows)):
            nats[last] = np.maximum(nats[last], ends)  # an end too early is blamed on the last event
            found.append(nats)
        return np.stack([*found, np.maximum(self.rapid.distances(windows), LEAST)])

    def _rarities(self, strange: Floats) -> Floats:
        return np.stack([rarity(values) for rarity, values in zip(self.rarity_, strange, strict=True)])

    def save(self, folder: Path) -> None:
        """Write a JSON file, and LogLLaMA and RAPID into folders of their own."""
        state = {
            "options": asdict(self.options),
            "threshold": self.threshold_,
            "normal": [{"n": rarity.n, "highest": rarity.highest.tolist()} for rarity in self.rarity_],
            "sessions": self.sessions.to_json(),
        }
        (folder / STATE).write_bytes(orjson.dumps(state))
        for part in (self.logllama, self.rapid):
            (folder / part.name).mkdir()
            part.save(folder / part.name)

    @classmethod
    def load(cls, folder: Path, hashes: Sequence[str], exported: bool = True) -> Self:
        """What `save` wrote; see the parts for what runs them, and for the errors."""
        state = orjson.loads((folder / STATE).read_bytes())
        detector = cls(build(Options, state["options"]))
        detector.threshold_ = float(state["threshold"])
        detector.rarity_ = [Rarity(int(one["n"]), np.array(one["highest"], np.float64)) for one in state["normal"]]
        detector.sessions = SessionDetector.from_json(state["sessions"])
        detector.logllama = LogLLaMA.load(folder / LogLLaMA.name, hashes, exported)
        detector.rapid = Rapid.load(folder / Rapid.name, hashes, exported)
        return detector

    def export(self, folder: Path, windows: Windows) -> float:
        """Write the networks of the parts as ONNX; gives the largest difference from torch, in nats or in distance, on
        these windows. Raises ModelError where that is not small."""
        return max(part.export(folder / part.name, windows) for part in (self.logllama, self.rapid))

    def quantize(self, folder: Path) -> None:
        """Write what was exported with weights of eight bits, beside it."""
        for part in (self.logllama, self.rapid):
            part.quantize(folder / part.name)


def _highest(events: Floats, windows: Windows) -> Floats:
    """(parts, n) of the (parts, events) of each window."""
    return np.maximum.reduceat(events, windows.starts[:-1], axis=1) if len(windows) else np.zeros((len(events), 0))


def _agreed(rarities: Floats) -> Floats:
    """(n,) the highest of (parts, n) rarities that so many parts reach."""
    agreed: Floats = np.sort(rarities, axis=0)[-AGREE]
    return agreed
