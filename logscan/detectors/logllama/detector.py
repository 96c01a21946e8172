"""LogLLaMA: a language model of log keys, trained from scratch on normal sequences and reinforced on Top-K prediction.

Source: the paper "LogLLaMA: Transformer-based log anomaly detection with LLaMA" (2025), which follows "LogGPT: Log
Anomaly Detection via GPT" (X. Han, S. Yuan and M. Trabelsi, 2023) with another network.

    fit     language.py: next-key cross-entropy; reinforce.py: REINFORCE; then the threshold
    score   each key's surprise, -log p(key | keys before), and its rank among all keys

The paper's rule (`rule=top-k`): a window is anomalous if any true key is outside the K most probable, K being half of
the keys seen in training. The default (`rule=surprise`): if its least probable key is less probable than a threshold
that is calibrated on held-out normal windows. By both, a key that was never seen is an anomaly.

What differs from the paper: the end of a session is predicted as a key is; sequences longer than the context are read
in overlapping chunks; equal sequences are learnt once, with their number as weight.
"""

import os
from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import asdict, replace
from math import ceil, log
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import orjson

from logscan.detectors.logllama.options import Options
from logscan.detectors.sessions import Scores
from logscan.errors import ModelError
from logscan.networks.batches import by_length
from logscan.networks.judging import Expected, Judge, Judged, Scorer
from logscan.networks.run import Run
from logscan.networks.vocabulary import Vocabulary
from logscan.settings import build
from logscan.windows.sessions import Floats, Hashes, Ints, Windows

STATE = "detector.json"
WEIGHTS = "weights.safetensors"
INT8, FLOAT = EXPORTED = ("detector.int8.onnx", "detector.onnx")  # the first that is there is used
COMPARED = 4_096  # tokens that torch and ONNX Runtime read at once to be compared


HeldOut = tuple[Floats, npt.NDArray[np.bool_]]  # worst nats of windows, and whether their counts were learnt


class LogLLaMA:
    """threshold_: nats; k_: of the Top-K; vectors_: digests of the event counts of normal windows; sessions_: windows
    learnt from; span_: lines of the log over which a long one extends."""

    name = "logllama"
    supervised = False
    reads = None
    judge: Judge

    def __init__(self, options: Options | None = None) -> None:
        self.options = options or Options()

    def fit(
        self,
        normal: Windows,
        hashes: Sequence[str],
        ends: bool,
        run: Run,
        anomalous: Windows | None = None,
    ) -> dict[str, Any]:
        """Learn from normal windows, and in the reinforcement from labelled anomalous ones where there are some.

        hashes: of all known keys, by number; ends: whether a window's end means something, as that of a session does.
        Gives figures of the training.
        """
        vocabulary = Vocabulary.learnt(normal, hashes)
        self.k_ = max(1, ceil(self.options.top_k * len(vocabulary.hashes)))
        self.sessions_, self.span_, self.vectors_ = len(normal), normal.span(), np.unique(normal.vectors)
        self.held_out_ = [
            self._judged_by_others(kept, out, vocabulary, ends, part, anomalous)
            for kept, out, part in _folds(normal, self.options.folds, run)
        ]
        kept, held_out = _split(normal, self.options.held_out, run.seed)
        self.network, self.judge, figures = self._train(kept, held_out, vocabulary, ends, run, anomalous)
        if not self.held_out_:
            worst = self.judge.judge(held_out).worst_nats(held_out)
            self.held_out_ = [(worst, np.isin(held_out.vectors, kept.vectors))]
        self.calibrate()
        threshold = {
            "nats": round(self.threshold_, 3),
            "top_k": self.k_,
            "how": "surprise of a window's least probable key, on normal windows held out from training",
        }
        return {**figures, "threshold": threshold}

    def _train(
        self, kept: Windows, held_out: Windows, vocabulary: Vocabulary, ends: bool, run: Run, anomalous: Windows | None
    ) -> tuple[Any, Judge, dict[str, Any]]:
        """A network, what judges by it, and figures of its training."""
        from logscan.detectors.logllama.language import TorchScorer, learn, new_network
        from logscan.detectors.logllama.reinforce import reinforce

        def weighted(windows: Windows) -> tuple[list[Ints], Ints]:
            first, _, counts = windows.distinct()
            return vocabulary.sequences(windows.take(first), ends), counts

        lm = self.options.lm
        network = new_network(len(vocabulary), lm, run.seed)
        learnt = weighted(kept)
        epochs = learn(network, learnt, weighted(held_out), lm, run)
        bad = ([], np.zeros(0, np.int64)) if anomalous is None else weighted(anomalous)
        episodes = reinforce(network, learnt, bad, self.k_, lm, self.options.rl, run)
        figures = {
            "parameters": sum(weights.numel() for weights in network.parameters()),
            "keys": len(vocabulary.hashes),
            "distinct_windows": len(learnt[0]),
            "epochs": len(epochs),
            "held_out_loss": min(figures["held-out loss"] for figures in epochs),
            "rewards": [round(figures["reward"], 4) for figures in episodes],
        }
        return network, Judge(TorchScorer(network), vocabulary, lm.context, lm.overlap, ends), figures

    def _judged_by_others(
        self, kept: Windows, out: Windows, vocabulary: Vocabulary, ends: bool, run: Run, anomalous: Windows | None
    ) -> HeldOut:
        """Normal windows as a network judges them that learnt from others."""
        learnt, held_out = _split(kept, self.options.held_out, run.seed)
        _, judge, _ = self._train(learnt, held_out, vocabulary, ends, run, anomalous)
        return judge.judge(out).worst_nats(out), np.isin(out.vectors, kept.vectors)

    def calibrate(self) -> None:
        """Put the threshold where a share `false_positives` of the held-out normal windows would be anomalous, but
        never below the surprise of a key that has the probability `improbable`."""
        options, improbable = self.options, self.options.improbable
        worst, seen = (np.concatenate(parts) for parts in zip(*self.held_out_, strict=True))
        if options.combine == "counts":
            improbable, worst = options.improbable_counts, np.where(seen, 0.0, worst)
        allowed = int(options.false_positives * len(worst))
        self.threshold_ = max(-log(improbable), float(np.sort(worst)[::-1][allowed]))

    def with_rule(self, options: Options) -> Self:
        """The same networks by the `rule` and the `combine` of other options, as `fit` would have calibrated them."""
        other = copy(self)
        other.options = replace(self.options, rule=options.rule, combine=options.combine)
        other.calibrate()
        return other

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
        return Scores(usual * worst / (worst + limit), np.repeat(usual, windows.lengths) * steps / (steps + limit))

    def _excused(self, windows: Windows) -> npt.NDArray[np.bool_]:
        """(n,) whether a window cannot be anomalous, whatever its steps are."""
        return self.seen(windows.vectors) & (self.options.combine == "counts")

    def surprise(self, windows: Windows, own: bool = False) -> tuple[Floats, Floats]:
        """(events,) the surprise of each key and (n,) of each window's end, in nats; 0 where the rule is Top-K and it
        is in it."""
        judged = self._by_rule(self.judge.judge(windows))
        return judged.nats, judged.end_nats

    def _by_rule(self, judged: Judged) -> Judged:
        if self.options.rule == "surprise":
            return judged
        nats, end_nats = judged.nats * (judged.ranks >= self.k_), judged.end_nats * (judged.end_ranks >= self.k_)
        return Judged(nats, judged.ranks, end_nats, judged.end_ranks)

    def thresholds(self, windows: Windows, more_than: int = 0) -> Floats:
        """(n,) nats of surprise above which a key makes each window anomalous."""
        limit = self.threshold_ if self.options.rule == "surprise" else 0.0
        return np.where(self._excused(windows), np.inf, limit)

    def seen(self, vectors: Hashes, more_than: int = 0) -> npt.NDArray[np.bool_]:
        """(n,) whether a normal window had the same event counts."""
        return np.isin(vectors, self.vectors_)

    def expected(self, windows: Windows, rows: Ints, at_end: npt.NDArray[np.bool_]) -> list[Expected]:
        """What was most probable in the place of each of these events, or behind it where its window ends too early."""
        return self.judge.expected(windows, rows, at_end)

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
        detector = cls(build(Options, state["options"]))
        detector.threshold_, detector.k_ = float(state["threshold"]), int(state["k"])
        detector.sessions_, detector.span_ = int(state["sessions"]), int(state["span"])
        detector.vectors_ = np.array(state["vectors"], np.uint64)
        vocabulary, lm = Vocabulary(state["vocabulary"], hashes), detector.options.lm
        path = next((folder / name for name in EXPORTED if exported and (folder / name).is_file()), None)
        if path is None:
            scorer: Scorer = detector._torch(folder / WEIGHTS, len(vocabulary))
        else:
            from logscan.runtime.session import open_session

            scorer = session = open_session(path)
            if session.vocabulary != len(vocabulary):
                raise ModelError(f"{path} is of another model: export the model again")
        detector.judge = Judge(scorer, vocabulary, lm.context, lm.overlap, bool(state["ends"]))
        return detector

    def _torch(self, path: Path, vocabulary: int) -> Any:
        try:
            from logscan.detectors.logllama.language import TorchScorer, check_size, new_network
            from logscan.networks.weights import load_weights
        except ImportError:
            raise ModelError(
                f"{path.parent} is not exported: run `logscan export` on it where it was trained, "
                "or pip install 'logscan[train]'"
            ) from None
        check_size(path, vocabulary, self.options.lm)
        self.network = new_network(vocabulary, self.options.lm, 0)
        load_weights(self.network.state_dict(), path)
        return TorchScorer(self.network)

    def export(self, folder: Path, windows: Windows) -> float:
        """Write the network as ONNX into the bundle that it was loaded from without what was exported before; gives
        its largest difference from torch on these windows. Raises ModelError where that is too large."""
        from logscan.runtime.export import check, export
        from logscan.runtime.session import open_session

        judge, made = self.judge, folder / f".{FLOAT}"
        try:
            export(self.network, made)
            batches = by_length(judge.vocabulary.sequences(windows, judge.ends), judge.context, judge.overlap, COMPARED)
            difference = check(self.network, open_session(made), (batch.tokens for batch in batches))
            (folder / INT8).unlink(missing_ok=True)
            os.replace(made, folder / FLOAT)
        finally:
            made.unlink(missing_ok=True)
        return difference

    def quantize(self, folder: Path) -> None:
        """Write what was exported with weights of eight bits beside it."""
        from logscan.runtime.export import quantize

        quantize(folder / FLOAT, folder / INT8)


def _folds(windows: Windows, folds: int, run: Run) -> Iterator[tuple[Windows, Windows, Run]]:
    """Parts of the windows to learn from, each with the rest, which is judged, and a run of its own."""
    if len(windows) < 2 * folds:
        return
    order = np.random.default_rng([run.seed, 1]).permutation(len(windows))
    for fold in range(folds):
        name = f"calibration {fold + 1} of {folds}"

        def ended(stage: str, epoch: int, epochs: int, figures: dict[str, float], /, name: str = name) -> None:
            run.progress(f"{name}, {stage}", epoch, epochs, figures)

        folder = None if run.folder is None else run.folder / name
        if folder is not None:
            folder.mkdir(exist_ok=True)
        kept, out = np.delete(order, np.s_[fold::folds]), order[fold::folds]
        yield windows.take(np.sort(kept)), windows.take(np.sort(out)), Run(run.seed + fold + 1, folder, ended)


def _split(windows: Windows, share: float, seed: int) -> tuple[Windows, Windows]:
    """The windows to learn from and those that are held out, at least one each; a single one is both."""
    order = np.random.default_rng(seed).permutation(len(windows))
    out = max(1, min(round(share * len(windows)), len(windows) - 1))
    return windows.take(np.sort(order[out:] if len(windows) > 1 else order)), windows.take(np.sort(order[:out]))
