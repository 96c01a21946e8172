"""LogLLM as a detector: fit, score, blame, save, load, export."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import orjson

from logscan.detectors.logllm.options import Options
from logscan.detectors.registry import loading
from logscan.detectors.sessions import Scores
from logscan.detectors.thresholds import best_between, logistic
from logscan.errors import InputError, ModelError
from logscan.settings import build
from logscan.templates.messages import Input
from logscan.windows.sessions import Floats, Windows

if TYPE_CHECKING:
    from logscan.detectors.logllm.judging import Judge
    from logscan.detectors.logllm.network import Network, TorchNetworks
    from logscan.detectors.logllm.prompt import Prompt
    from logscan.networks.pretrained import Base
    from logscan.networks.run import Run

STATE = "detector.json"
BASES = ("encoder", "decoder")  # folders with a tokenizer each, and the names of what is exported
EXPORTED = (".int8.onnx", ".onnx")  # of both, the best first
ANSWERED = 100  # held-out windows whose answers are read


class LogLLM:
    """Learns from windows with labels what it is to answer.

    threshold_: the log-odds of anomalous above which a window is so
    """

    name = "logllm"
    supervised = True

    judge: "Judge"
    network: "Network"
    threshold_: float
    _bases: "tuple[Base, Base]"  # encoder and decoder

    def __init__(self, options: Options | None = None) -> None:
        self.options = options or Options()

    @property
    def reads(self) -> Input:
        """What it reads of a message."""
        return self.options.input

    @property
    def provider(self) -> str:
        """What runs the networks, in words."""
        return self.judge.encoder.provider

    def check(self) -> None:
        """Raises OptionError where a pretrained network cannot be had, or where both would not fit into memory."""
        from logscan.detectors.logllm.network import check

        check(self.options)

    def fit(
        self, normal: Windows, hashes: Sequence[str], ends: bool, run: "Run", anomalous: Windows | None = None
    ) -> dict[str, Any]:
        """Train in three stages, and put the threshold where held-out windows are told apart best. Gives figures.

        Raises InputError where there are no anomalous windows, OptionError where a model cannot be used.
        """
        if anomalous is None or len(anomalous) < 2:
            raise InputError(f"{self.name} learns from anomalous windows too, and there are none to learn from")
        from logscan.detectors.logllm.judging import Judge
        from logscan.detectors.logllm.network import TorchNetworks, new_network
        from logscan.detectors.logllm.training import Examples, learn
        from logscan.networks.rows import encoded
        from logscan.networks.tuning import trained_parts

        assert normal.messages is not None
        texts = normal.messages.texts
        rng = np.random.default_rng(run.seed)
        learnt, held_out = zip(*(kind.parted(self.options.held_out, rng) for kind in (normal, anomalous)), strict=True)
        examples = Examples.of(*learnt)
        met = np.unique(np.concatenate(examples.messages))
        made = new_network(self.options, [texts[number] for number in met], run.seed)
        self.network, self._bases, prompt = made
        tokenizer = self._bases[0].tokenizer
        losses = learn(self.network, examples, encoded(tokenizer, texts), prompt, self.options, run)
        networks = TorchNetworks(self.network, prompt)
        self.judge = Judge(networks, networks, tokenizer, prompt, self.options.messages)
        good, bad = (self.judge.log_odds(windows) for windows in held_out)
        self.threshold_ = best_between(good, bad, run.prevalence, usual=0.0)
        return {
            "parameters": sum(weights.numel() for weights in self.network.parameters()),
            "trained_parameters": sum(weights.numel() for weights in trained_parts(self.network).values()),
            "messages": len(met),
            "distinct_windows": len(examples.messages),
            "epochs": sum(map(len, losses.values())),
            "losses": losses,
            "answers": self._answered(*held_out),
            "threshold": {
                "log_odds": round(self.threshold_, 3),
                "how": "of the answer anomalous, 0 unless F1 is better elsewhere on windows held out from training",
            },
        }

    def score(self, windows: Windows) -> Scores:
        """Scores of windows: the probability of the answer anomalous, moved so that 0.5 is the threshold. An event has
        that of its window, see `blame` for what makes it so."""
        scores = logistic(self.judge.log_odds(windows), self.threshold_)
        return Scores(scores, np.repeat(scores, windows.lengths))

    def blame(self, windows: Windows) -> Floats:
        """(events,) by how much the log-odds of each window fall without each of its messages."""
        return self.judge.blame(windows)

    def answers(self, windows: Windows) -> list[str]:
        """What the decoder says to each window, word by word as in the paper: normal, anomalous, or another text, which
        the paper counts as neither. Only networks in torch do so."""
        from logscan.detectors.logllm.network import TorchNetworks

        networks, decoder = TorchNetworks(self.network, self.judge.prompt), self._bases[1].tokenizer
        known = dict(zip(self.judge.prompt.answers, ("normal", "anomalous"), strict=True))
        found = []
        for embeddings, questions in self.judge.asked(windows):
            said = [networks.answer(embeddings, question) for question in questions]
            answers = [known.get(words, decoder.decode(words)) for words in said]
            found.append("anomalous" if "anomalous" in answers else answers[0])
        return found

    def _answered(self, normal: Windows, anomalous: Windows) -> dict[str, int]:
        """How many answers to held-out windows are right, wrong, or neither normal nor anomalous."""
        found = {"right": 0, "wrong": 0, "unread": 0}
        for kind, windows in (("normal", normal), ("anomalous", anomalous)):
            for answer in self.answers(windows.take(np.arange(min(ANSWERED, len(windows))))):
                known = answer in ("normal", "anomalous")
                found["right" if answer == kind else "wrong" if known else "unread"] += 1
        return found

    def save(self, folder: Path) -> None:
        """Write what was learnt: a JSON file, the weights that were trained, and of both bases what tells which they
        are, their tokenizers, and with `include_base` their weights."""
        from logscan.detectors.logllm.network import WEIGHTS
        from logscan.networks.pretrained import save_base
        from logscan.networks.tuning import trained_parts
        from logscan.networks.weights import save_weights

        bases = dict(zip(BASES, self._bases, strict=True))
        state = {
            "options": asdict(self.options),
            "threshold": self.threshold_,
            **{name: {"revision": base.revision, "digest": base.digest} for name, base in bases.items()},
        }
        (folder / STATE).write_bytes(orjson.dumps(state))
        for name, base in bases.items():
            save_base(base, folder / name, self.options.include_base and bool(base.digest))
        save_weights(trained_parts(self.network), folder / WEIGHTS)

    @classmethod
    def load(cls, folder: Path, hashes: Sequence[str], exported: bool = True) -> Self:
        """What `save` wrote; runs on ONNX Runtime where it is exported, unless that is not wanted, else on torch.

        Raises ModelError where neither can be used, OptionError where a base is gone, KeyError, TypeError or ValueError
        where it is damaged.
        """
        from logscan.detectors.logllm.judging import Judge
        from logscan.detectors.logllm.prompt import Prompt
        from logscan.networks.pretrained import saved_tokenizer

        state = orjson.loads((folder / STATE).read_bytes())
        detector = cls(build(Options, state["options"]))
        detector.threshold_ = float(state["threshold"])
        tokenizer, _ = saved_tokenizer(folder / BASES[0])
        tokenizer.enable_truncation(detector.options.tokens)
        decoders, special = saved_tokenizer(folder / BASES[1])
        prompt = Prompt.of(decoders, special["bos"], special["eos"], detector.options.llm)
        both = [[folder / f"{base}{end}" for base in BASES] for end in EXPORTED]
        paths = next((pair for pair in both if exported and all(path.is_file() for path in pair)), None)
        if paths is None:
            encoder: Any = detector._torch(folder, state, prompt)
            decoder = encoder
        else:
            encoder, decoder = _sessions(*paths)
        detector.judge = Judge(encoder, decoder, tokenizer, prompt, detector.options.messages)
        return detector

    def _torch(self, folder: Path, state: dict[str, Any], prompt: "Prompt") -> "TorchNetworks":
        with loading(folder):
            from logscan.detectors.logllm.network import TorchNetworks, restored
        digests = [str(state[name]["digest"]) for name in BASES]
        self.network, self._bases = restored(self.options, folder, digests, prompt)
        return TorchNetworks(self.network, prompt)

    def export(self, folder: Path, windows: Windows) -> float:
        """Write both networks as ONNX, adapters merged. Gives the largest difference of the log-odds of these windows.

        Raises ModelError where that is not small.
        """
        from logscan.runtime.export import compare, export_decoder, export_encoder, renewed

        prompt = self.judge.prompt
        with renewed(folder) as made:
            export_encoder(self.network.encoder, self.network.projector, made / f"{BASES[0]}.onnx")
            export_decoder(self.network.decoder, prompt.tokens.tolist(), prompt.words, made / f"{BASES[1]}.onnx")
            encoder, decoder = _sessions(*(made / f"{base}.onnx" for base in BASES))
            judge = replace(self.judge, encoder=encoder, decoder=decoder)
            return compare(self.judge.log_odds, judge.log_odds, [(windows,)])

    def quantize(self, folder: Path) -> None:
        """Write the exported networks with weights of eight bits, beside them."""
        from logscan.runtime.export import quantize

        for base in BASES:
            quantize(folder / f"{base}.onnx", folder / f"{base}.int8.onnx")


def _sessions(encoder_path: Path, decoder_path: Path) -> tuple[Any, Any]:
    """Both networks in ONNX Runtime. Raises ModelError."""
    from logscan.runtime.session import open_decoder, open_encoder

    encoder, decoder = open_encoder(encoder_path), open_decoder(decoder_path)
    if encoder.width != decoder.width:
        raise ModelError(f"{encoder_path} and {decoder_path.name} are of different models: export the model again")
    return encoder, decoder
