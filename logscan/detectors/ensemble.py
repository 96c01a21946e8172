"""An ensemble: the baseline's sessions, LogLLaMA and RAPID judge the same windows, and the majority decides.

They look at different things: at how often each event occurs and at single steps, at all that came before an event, at
what messages say. A normal window that is odd to one of them by accident is rarely so to another, while an anomaly
shows in more than one way. No label is needed, and those that are there are not looked at.

    fit     every part learns from some normal windows and judges the others, in turn; then it learns from all
    score   to each part, a window is as rare as were those of the judged normal windows that are at least as strange
            to it; the second rarest of the three rarities is that of the window, so that two parts must agree

A window is anomalous where its rarity is one that no more than a share `false_positives` of the judged normal windows
exceed.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import orjson

from logscan.detectors.logllama import options as logllama
from logscan.detectors.logllama.detector import LogLLaMA
from logscan.detectors.next_key import folds
from logscan.detectors.rapid import Options as RapidOptions
from logscan.detectors.rapid import Rapid
from logscan.detectors.sessions import Scores, SessionDetector
from logscan.detectors.thresholds import exceeded_by, ratio
from logscan.networks.semantics import SemanticOptions
from logscan.settings import build
from logscan.windows.sessions import Floats, Windows

if TYPE_CHECKING:
    from logscan.networks.run import Run

STATE = "detector.json"
AGREE = 2  # parts
REMEMBERED = 10_000  # judged normal windows, the strangest; all others are as common as the last of these
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
    """How rare values are, held against those of normal windows, in nats: minus the logarithm of the share of these
    that are as high or higher. Beyond the highest it goes on as if the tail were exponential.

    n: normal windows; highest: (m,) the values of the strangest, in rising order
    """

    def __init__(self, n: int, highest: Floats) -> None:
        self.n, self.highest = n, highest
        self._values, first = np.unique(highest, return_index=True)
        self._nats = np.log(n / (len(highest) - first))
        tail = highest[-max(1, round(TAIL * n)) :]
        self._slope = 1 / ((tail - tail[0]).mean() or 1.0)

    def __call__(self, values: Floats) -> Floats:
        """(n,) nats."""
        beyond = np.maximum(values - self._values[-1], 0) * self._slope
        nats: Floats = np.interp(values, self._values, self._nats, left=0.0) + beyond
        return nats


class Ensemble:
    """sessions, logllama, rapid: the parts; rarity_: of each, what its values mean; threshold_: nats of rarity above
    which a window is anomalous."""

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
        judged = []
        for kept, out, part in folds(normal, self.options.folds, run):
            trial = Ensemble(self.options)
            trial._learn(kept, hashes, ends, part)
            judged.append(_highest(trial._strangeness(out), out))
        figures = self._learn(normal, hashes, ends, run)
        if not judged:  # too few to keep any from learning
            judged.append(_highest(self._strangeness(normal), normal))
        strange = np.concatenate(judged, axis=1)
        self.rarity_ = [Rarity(len(normal), np.sort(values)[-REMEMBERED:]) for values in strange]
        self.threshold_ = exceeded_by(self.options.false_positives, _agreed(self._rarities(strange)))
        return {
            **figures,
            "threshold": {
                "nats": round(self.threshold_, 3),
                "how": f"a window is anomalous if {AGREE} of {len(strange)} parts find it stranger than all but "
                f"{np.exp(-self.threshold_):.2%} of normal windows that they had not learnt, "
                f"so that {self.options.false_positives:.2%} of these are",
            },
        }

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
        return Scores(ratio(agreed, self.threshold_), ratio(self._rarities(events).mean(0), self.threshold_))

    def _strangeness(self, windows: Windows) -> Floats:
        """(parts, events) how strange each event is: its step against the threshold of its session, its nats of
        surprise, its distance. A window is as strange to a part as its strangest event."""
        steps = self.sessions.score(windows).event
        nats, ends = self.logllama.surprise(windows)
        last = windows.starts[1:] - 1
        nats[last] = np.maximum(nats[last], ends)  # an end too early is blamed on the last event
        return np.stack([steps, nats, self.rapid.distances(windows)])

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
