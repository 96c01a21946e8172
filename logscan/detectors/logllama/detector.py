"""LogLLaMA: a language model of log keys, trained from scratch on normal sequences and reinforced on Top-K prediction.

Source: the paper "LogLLaMA: Transformer-based log anomaly detection with LLaMA" (2025), which follows "LogGPT: Log
Anomaly Detection via GPT" (X. Han, S. Yuan and M. Trabelsi, 2023) with another network.

    fit     language.py: next-key cross-entropy; reinforce.py: REINFORCE; then the threshold
    score   each key's surprise, -log p(key | keys before), and its rank among all keys

The paper's rule (`rule=top-k`): a window is anomalous if any true key is outside the K most probable, K being half of
the keys seen in training. The default (`rule=surprise`): if its least probable key is less probable than a threshold
that is calibrated on held-out normal windows. By both, a key that was never seen is an anomaly.

What differs from the paper: the end of a session is predicted as a key is; sequences longer than the context are read
in overlapping chunks; equal sequences are learnt once, with their number as weight, and what several begin with is
read once.
"""

import os
from collections.abc import Sequence
from copy import copy
from dataclasses import replace
from math import ceil, log
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from logscan.detectors.logllama.options import Options
from logscan.detectors.next_key import FLOAT, INT8, NextKey, folds, weighted
from logscan.detectors.thresholds import exceeded_by
from logscan.errors import ModelError
from logscan.networks.batches import by_length
from logscan.networks.judging import Judge, Scorer
from logscan.networks.run import Run
from logscan.networks.vocabulary import Vocabulary
from logscan.windows.sessions import Floats, Windows

COMPARED = 4_096  # tokens that torch and ONNX Runtime read at once to be compared


HeldOut = tuple[Floats, npt.NDArray[np.bool_]]  # worst nats of windows, and whether their counts were learnt


class LogLLaMA(NextKey):
    """See `NextKey`."""

    name = "logllama"
    options_type = Options
    options: Options

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
            for kept, out, part in folds(normal, self.options.folds, run)
        ]
        kept, held_out = normal.parted(self.options.held_out, np.random.default_rng(run.seed))
        self.network, self.judge, figures = self._train(kept, held_out, vocabulary, ends, run, anomalous)
        if not self.held_out_:
            worst = self.judge.judge(held_out).worst_nats(held_out)
            self.held_out_ = [(worst, np.isin(held_out.vectors, kept.vectors))]
        self.calibrate()
        return {**figures, "threshold": self.told_threshold()}

    def _train(
        self, kept: Windows, held_out: Windows, vocabulary: Vocabulary, ends: bool, run: Run, anomalous: Windows | None
    ) -> tuple[Any, Judge, dict[str, Any]]:
        """A network, what judges by it, and figures of its training."""
        from logscan.detectors.logllama.language import TorchScorer, learn, new_network
        from logscan.detectors.logllama.reinforce import reinforce

        lm = self.options.lm
        network = new_network(len(vocabulary), lm, run.seed)
        learnt = weighted(kept, vocabulary, ends)
        epochs = learn(network, learnt, weighted(held_out, vocabulary, ends), lm, run)
        bad = ([], np.zeros(0, np.int64)) if anomalous is None else weighted(anomalous, vocabulary, ends)
        episodes = reinforce(network, learnt, bad, self.k_, lm, self.options.rl, run)
        figures = {
            "parameters": sum(weights.numel() for weights in network.parameters()),
            "keys": len(vocabulary.hashes),
            "distinct_windows": len(learnt[0]),
            "epochs": len(epochs),
            "held_out_loss": min(figures["held-out loss"] for figures in epochs),
            "rewards": [round(figures["reward"], 4) for figures in episodes],
        }
        return network, self._judge(TorchScorer(network), vocabulary, ends), figures

    def _judged_by_others(
        self, kept: Windows, out: Windows, vocabulary: Vocabulary, ends: bool, run: Run, anomalous: Windows | None
    ) -> HeldOut:
        """Normal windows as a network judges them that learnt from others."""
        learnt, held_out = kept.parted(self.options.held_out, np.random.default_rng(run.seed))
        _, judge, _ = self._train(learnt, held_out, vocabulary, ends, run, anomalous)
        return judge.judge(out).worst_nats(out), np.isin(out.vectors, kept.vectors)

    def calibrate(self) -> None:
        """Put the threshold where a share `false_positives` of the held-out normal windows would be anomalous, but
        never below the surprise of a key that has the probability `improbable`.

        With counts it is put as the baseline puts its own: few normal windows have counts that were never seen, and
        the worst of few says little, so that `improbable` is the most that it may ask.
        """
        options, improbable = self.options, -log(self.options.improbable)
        worst, seen = (np.concatenate(parts) for parts in zip(*self.held_out_, strict=True))
        if options.combine == "counts":
            allowed = exceeded_by(options.false_positives_counts, np.where(seen, 0.0, worst))
            self.threshold_ = min(improbable, max(-log(options.improbable_counts), allowed))
        else:
            self.threshold_ = max(improbable, exceeded_by(options.false_positives, worst))

    def with_rule(self, options: Options) -> Self:
        """The same networks by the `rule` and the `combine` of other options, as `fit` would have calibrated them."""
        other = copy(self)
        other.options = replace(self.options, rule=options.rule, combine=options.combine)
        other.calibrate()
        return other

    @property
    def by_counts(self) -> bool:
        """Whether a window whose event counts were seen cannot be anomalous."""
        return self.options.combine == "counts"

    def _judge(self, scorer: Scorer, vocabulary: Vocabulary, ends: bool) -> Judge:
        return Judge(scorer, vocabulary, self.options.lm.context, self.options.lm.overlap, ends)

    def _exported(self, path: Path, vocabulary: int) -> Scorer:
        from logscan.runtime.session import open_session

        session = open_session(path)
        if session.vocabulary != vocabulary:
            raise ModelError(f"{path} is of another model: export the model again")
        return session

    def _in_torch(self, path: Path, vocabulary: int) -> Scorer:
        from logscan.detectors.logllama.language import TorchScorer, check_size, new_network
        from logscan.networks.weights import load_weights

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
