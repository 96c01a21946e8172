"""What detectors share that judge windows by their most surprising key: the rules, and what `scan` asks of them.

The rules: by `top-k` a window is anomalous if a key has `k_` more probable ones, as in most papers; by `surprise` if
one is less probable than a threshold that is calibrated on held-out normal windows.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
import orjson

from logscan.detectors.registry import loading
from logscan.detectors.sessions import Scores
from logscan.detectors.thresholds import ratio
from logscan.networks.judging import Expected, Judge, Judged, Scorer
from logscan.networks.run import Run
from logscan.networks.vocabulary import Vocabulary
from logscan.settings import build
from logscan.windows.sessions import Floats, Hashes, Ints, Windows

STATE = "detector.json"
WEIGHTS = "weights.safetensors"
INT8, FLOAT = EXPORTED = ("detector.int8.onnx", "detector.onnx")  # the first that is there is used

Weighted = tuple[list[Ints], Ints]  # distinct sequences of tokens, and how many windows each is


class NextKey(ABC):
    """threshold_: nats; k_: of the top-k rule; vectors_: digests of the event counts of normal windows; sessions_:
    windows learnt from; span_: lines of the log over which a long one extends."""

    name: str
    supervised = False
    reads = None
    options_type: ClassVar[type[Any]]
    options: Any  # with `rule`
    network: Any  # a torch module, where it is not exported
    judge: Judge
    threshold_: float
    k_: int
    vectors_: Hashes
    sessions_: int
    span_: int

    def __init__(self, options: Any = None) -> None:
        self.options = options or self.options_type()

    def score(self, windows: Windows) -> Scores:
        """Scores of windows and events by the rule of the options; 0.5 is the threshold."""
        return self.scored(windows, self.judge.judge(windows))

    def scored(self, windows: Windows, judged: Judged) -> Scores:
        """The scores of windows that are judged already."""
        if self.options.rule == "surprise":
            worst, steps = judged.worst_nats(windows), judged.nats.copy()
            ends, limit = judged.end_nats, self.threshold_
        else:
            worst, steps = judged.worst_ranks(windows).astype(np.float64), judged.ranks.astype(np.float64)
            ends, limit = judged.end_ranks.astype(np.float64), self.k_ - 0.5
        last = windows.starts[1:] - 1
        steps[last] = np.maximum(steps[last], ends)  # an end too early is blamed on the last event
        usual = np.where(self._excused(windows), 0.5, 1.0)
        return Scores(usual * ratio(worst, limit), np.repeat(usual, windows.lengths) * ratio(steps, limit))

    @property
    def reach(self) -> int | None:
        """As many events as a network reads at once, by default; None where event counts have a say, too."""
        return None if self.by_counts else 512

    @property
    def by_counts(self) -> bool:
        """Whether a window whose event counts were seen cannot be anomalous."""
        return False

    def _excused(self, windows: Windows) -> npt.NDArray[np.bool_]:
        """(n,) whether a window cannot be anomalous, whatever its steps are."""
        return self.seen(windows.vectors) if self.by_counts else np.zeros(len(windows), bool)

    def surprise(self, windows: Windows, own: bool = False) -> tuple[Floats, Floats]:
        """(events,) the surprise of each key and (n,) of each window's end, in nats; 0 where the rule is the top-k and
        it is in it."""
        judged = self.judge.judge_more(windows)
        if self.options.rule == "surprise":
            return judged.nats, judged.end_nats
        return judged.nats * (judged.ranks >= self.k_), judged.end_nats * (judged.end_ranks >= self.k_)

    def thresholds(self, windows: Windows, more_than: int = 0) -> Floats:
        """(n,) nats of surprise above which a key makes each window anomalous."""
        limit = self.threshold_ if self.options.rule == "surprise" else 0.0
        return np.where(self._excused(windows), np.inf, limit)

    def early(self, worst: Floats, whole: Callable[[Ints], Windows]) -> Floats:
        """(n,) the same for windows that are not complete, whatever follows in them."""
        return np.full(len(worst), self.threshold_ if self.options.rule == "surprise" else 0.0)

    def seen(self, vectors: Hashes, more_than: int = 0) -> npt.NDArray[np.bool_]:
        """(n,) whether a normal window had the same event counts."""
        return np.isin(vectors, self.vectors_)

    def expected(self, windows: Windows, rows: Ints, at_end: npt.NDArray[np.bool_]) -> list[Expected]:
        """What was most probable in the place of each of these events, or behind it where its window ends too early."""
        return self.judge.expected(windows, rows, at_end)

    def told_threshold(self) -> dict[str, Any]:
        """What a card says of the threshold."""
        return {
            "nats": round(self.threshold_, 3),
            "top_k": self.k_,
            "how": "surprise of a window's least probable key, on normal windows held out from training",
        }

    @property
    def provider(self) -> str:
        """What runs the network."""
        return self.judge.scorer.provider

    def save(self, folder: Path) -> None:
        """Write what was learnt: a JSON file and the weights."""
        from logscan.networks.weights import save_weights

        state = {
            "options": asdict(self.options),
            "vocabulary": self.judge.vocabulary.hashes,
            "ends": self.judge.ends,
            "threshold": self.threshold_,
            "k": self.k_,
            "sessions": self.sessions_,
            "span": self.span_,
            "vectors": self.vectors_.tolist(),
        }
        (folder / STATE).write_bytes(orjson.dumps(state))
        save_weights(self.network.state_dict(), folder / WEIGHTS)

    @classmethod
    def load(cls, folder: Path, hashes: Sequence[str], exported: bool = True) -> Self:
        """What `save` wrote, for keys with these hashes; runs on ONNX Runtime where it is exported, unless that is not
        wanted, else on torch.

        Raises ModelError where neither can be used, KeyError, TypeError or ValueError where it is damaged.
        """
        state = orjson.loads((folder / STATE).read_bytes())
        detector = cls(build(cls.options_type, state["options"]))
        detector.threshold_, detector.k_ = float(state["threshold"]), int(state["k"])
        detector.sessions_, detector.span_ = int(state["sessions"]), int(state["span"])
        detector.vectors_ = np.array(state["vectors"], np.uint64)
        vocabulary = Vocabulary(state["vocabulary"], hashes)
        path = next((folder / name for name in EXPORTED if exported and (folder / name).is_file()), None)
        if path is not None:
            scorer = detector._exported(path, len(vocabulary))
        else:
            with loading(folder):
                scorer = detector._in_torch(folder / WEIGHTS, len(vocabulary))
        detector.judge = detector._judge(scorer, vocabulary, bool(state["ends"]))
        return detector

    @abstractmethod
    def _judge(self, scorer: Scorer, vocabulary: Vocabulary, ends: bool) -> Judge:
        """What judges by a network."""

    @abstractmethod
    def _exported(self, path: Path, vocabulary: int) -> Scorer:
        """The network in a file of ONNX. Raises ModelError."""

    @abstractmethod
    def _in_torch(self, path: Path, vocabulary: int) -> Scorer:
        """The network, which is kept, with the weights in a file. Raises ModelError; ImportError without torch."""


def weighted(windows: Windows, vocabulary: Vocabulary, ends: bool) -> Weighted:
    """The distinct sequences of tokens of windows, and how many windows each is."""
    first, _, counts = windows.distinct()
    return vocabulary.sequences(windows.take(first), ends), counts


def folds(windows: Windows, parts: int, run: Run) -> Iterator[tuple[Windows, Windows, Run]]:
    """Parts of the windows to learn from, each with the rest, which is judged, and a run of its own."""
    if len(windows) < 2 * parts:
        return
    order = np.random.default_rng([run.seed, 1]).permutation(len(windows))
    for fold in range(parts):
        name = f"calibration {fold + 1} of {parts}"

        def ended(stage: str, epoch: int, epochs: int, figures: dict[str, float], /, name: str = name) -> None:
            run.progress(f"{name}, {stage}", epoch, epochs, figures)

        folder = None if run.folder is None else run.folder / name
        if folder is not None:
            folder.mkdir(exist_ok=True)
        kept, out = np.delete(order, np.s_[fold::parts]), order[fold::parts]
        yield windows.take(np.sort(kept)), windows.take(np.sort(out)), Run(run.seed + fold + 1, folder, ended)
