"""A Llama that is asked for the label of an event trace: the second of the two systems of the third paper, where Llama
3.2 1B has an accuracy of 0.999 and an F1 of 0.995 on HDFS.

    Log trace: E5 E22 E5 ...            the prompt
    Label: Anomaly                      the completion, or "Label: Normal"

Tuned on such pairs by the cross-entropy of the completion's tokens and of the one that ends it. Where the paper reads
what the model writes, the two labels' probabilities are compared here: log p(Anomaly | ...) - log p(Normal | ...), of
the first tokens in which they differ, so that there is a score for every trace and no answer that cannot be read.

What is open there, and was chosen here: an event is a log key, see `traces`; a trace that is longer than `events` is
read in parts of equal size, each learnt with the label of the whole, and its most anomalous part counts; equal traces
are learnt once an epoch, with the root of their number as weight. The last epoch with the best F1 on held-out windows
is kept, and the threshold is a probability of one half, unless another one has a better F1 there.

With `pairs` it learns from a file of pairs, as `logscan train --write-pairs` writes it, in the place of the corpus'
windows; the corpus still tells what the names in it mean.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from logscan.detectors import trace_classifier
from logscan.detectors.pairs import LABELS, prompt_of, read_pairs
from logscan.detectors.trace_classifier import Phrased, TraceClassifier
from logscan.errors import InputError, OptionError
from logscan.networks.options import SCRATCH, Adapters
from logscan.windows.sessions import Ints, Windows

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from logscan.detectors.traces import Events, Reader
    from logscan.networks.pretrained import Base
    from logscan.networks.run import Run
    from logscan.networks.tuning import Wanted

EPOCHS = ("epochs",)  # what `--epochs` sets
IGNORED = -100  # target of what is not to be predicted


@dataclass(frozen=True)
class Options(trace_classifier.Options):
    """llm: hub id or path of a Llama, or `scratch` for a small one with random weights, of the `size`, in which each
    event is one token; llm_revision: of the hub
    pairs: a file of pairs to learn from
    """

    llm: str = "meta-llama/Llama-3.2-1B"
    llm_revision: str | None = None
    adapters: Adapters = "lora"
    epochs: int = 3
    learning_rate: float = 2e-4
    batch: int = 16
    at_once: int = 4
    events: int = 512
    pairs: str | None = None
    checkpointing: bool = True


PRESETS: dict[str, dict[str, Any]] = {
    "paper": {},
    "small": {
        "llm": SCRATCH,
        "size": {"layers": 2, "heads": 4, "hidden": 64, "intermediate": 176, "length": 1024},
        "adapters": "full",
        "epochs": 30,
        "learning_rate": 2e-3,
        "batch": 32,
        "at_once": 32,
        "checkpointing": False,
    },
}


class LlamaPrompt(TraceClassifier):
    """Learns from windows with labels."""

    name = "llama-prompt"
    place = "decoder"

    def __init__(self, options: Options | None = None) -> None:
        self.options = options or Options()

    def _fit(self, events: "Events", normal: Windows, anomalous: Windows, run: "Run") -> dict[str, Any]:
        pairs = self.options.pairs
        if pairs is not None:
            normal, anomalous = read_pairs(Path(pairs), events)
            if min(len(normal), len(anomalous)) < 2:
                raise InputError(f"{pairs}: {len(normal)} normal and {len(anomalous)} anomalous pairs are too few")
        return super()._fit(events, normal, anomalous, run)

    def _wanted(self) -> "Wanted":
        from logscan.networks.pretrained import DECODER
        from logscan.networks.tuning import Wanted

        return Wanted(DECODER, self.options.llm, self.options.llm_revision, 4 * self.options.events)

    def _scratch(self, events: "Events", seed: int) -> "Base":
        from logscan.networks.scratch import new_decoder

        return new_decoder(
            [prompt_of(events.text(np.arange(len(events.names)))), *LABELS], self.options.size, seed, True
        )

    def _phrased(self, tokenizer: "Tokenizer", special: dict[str, int | None]) -> Phrased:
        return Question(tokenizer, special["bos"], special["eos"], self.options.llm)


class Question(Phrased):
    """Prompt and completions in the words of a decoder. What is read of a trace is all up to where the labels part.

    shared: tokens with which both completions begin; words: the first in which they differ, of normal and of anomalous
    """

    def __init__(self, tokenizer: "Tokenizer", bos: int | None, eos: int | None, name: str) -> None:
        """Raises OptionError where the tokenizer lacks what is needed."""
        if eos is None:
            raise OptionError(f"--llm {name}: its tokenizer has no token that ends an answer (eos)")
        self.tokenizer = tokenizer
        self.bos = [] if bos is None else [bos]
        self.completions = [[*tokenizer.encode(label, add_special_tokens=False).ids, eos] for label in LABELS]
        normal, anomalous = self.completions
        if normal == anomalous:
            raise OptionError(f"--llm {name}: its tokenizer does not tell Normal from Anomaly")
        pairs = zip(normal, anomalous, strict=False)
        shared = next(n for n, (one, other) in enumerate(pairs) if one != other)
        self.shared, self.words = normal[:shared], (normal[shared], anomalous[shared])
        self.answer = max(map(len, self.completions)) - shared

    def rows(self, texts: Sequence[str]) -> list[Ints]:
        """The tokens of texts of traces."""
        found = self.tokenizer.encode_batch_fast([prompt_of(text) for text in texts], add_special_tokens=False)
        return [np.array([*self.bos, *prompt.ids, *self.shared], np.int64) for prompt in found]

    def network(self, model: Any) -> Any:
        """The Llama, and the completions that it learns."""
        import torch
        from torch.nn.functional import cross_entropy, pad

        longest = max(map(len, self.completions))
        filled = [[*one, *[IGNORED] * (longest - len(one))] for one in self.completions]
        shared, (normal, anomaly) = len(self.shared), self.words

        class Network(torch.nn.Module):
            completions: torch.Tensor

            def __init__(self) -> None:
                super().__init__()
                self.decoder = model
                self.register_buffer("completions", torch.tensor(filled, device=model.device), persistent=False)

            def logits(self, tokens: torch.Tensor, asked: torch.Tensor) -> torch.Tensor:
                """(b, m, vocabulary) of the token behind each of (b, m) positions. Padding is at the right, where it
                does not look."""
                states = self.decoder.model(input_ids=tokens, use_cache=False).last_hidden_state
                wanted = states.gather(1, asked[:, :, None].expand(-1, -1, states.shape[-1]))
                found: torch.Tensor = self.decoder.lm_head(wanted)
                return found.float()

            def log_odds(self, tokens: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
                logits = self.logits(tokens, lengths[:, None] - 1)[:, 0]
                return logits[:, anomaly] - logits[:, normal]

            def forward(self, tokens: torch.Tensor, lengths: torch.Tensor, anomalous: torch.Tensor) -> torch.Tensor:
                targets = self.completions[anomalous.long()]
                at = lengths[:, None] - shared + torch.arange(longest, device=tokens.device)
                whole = pad(tokens, (0, longest)).scatter(1, at, targets.clamp(min=0))
                logits = self.logits(whole, at - 1)
                nats = cross_entropy(logits.transpose(1, 2), targets, ignore_index=IGNORED, reduction="none")
                return nats.sum(1) / (targets != IGNORED).sum(1)

        return Network()

    def export(self, network: Any, path: Path) -> None:
        """All tokens are the prompt of an exported decoder, and no vectors follow."""
        from logscan.runtime.export import export_decoder

        export_decoder(network.decoder, range(network.decoder.config.vocab_size), self.words, path)

    def session(self, path: Path) -> "Reader":
        """What was exported."""
        return ExportedReader(path)


class ExportedReader:
    """The network in ONNX Runtime, see `traces.Reader`."""

    def __init__(self, path: Path) -> None:
        """Raises ModelError where it is none."""
        from logscan.runtime.session import open_decoder

        self._session = open_decoder(path)
        self._none = np.zeros((0, self._session.width), np.float32)
        self.provider, self.at_once = self._session.provider, self._session.at_once

    def log_odds(self, tokens: Ints, lengths: Ints) -> npt.NDArray[np.float32]:
        """(b,) of (b, n) tokens, of which `lengths` are real."""
        return self._session.log_odds(self._none, tokens, lengths - 1)
