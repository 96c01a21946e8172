"""A BERT that classifies event traces, "E5 E22 E5 ...": the first of the two systems of the third paper, where it has
an accuracy of 0.998 and an F1 of 0.981 on HDFS (J. Devlin et al., "BERT: Pre-training of Deep Bidirectional
Transformers for Language Understanding", 2019, section 4, classifies single sentences so).

    C = tanh(W [CLS] + b)               BERT's pooler
    log-odds of anomalous = w C + c     the classifier on top, tuned together with BERT by cross-entropy

What is open there, and was chosen here: an event is a log key, see `traces`; one number is learnt where two classes
have two, which is the same; a trace that is longer than `events` is read in parts of equal size, each learnt with the
label of the whole, and its most anomalous part counts; equal traces are learnt once an epoch, with the root of their
number as weight. The last epoch with the best F1 on held-out windows is kept, and the threshold is a probability of one
half, unless another one has a better F1 there.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from logscan.detectors import trace_classifier
from logscan.detectors.trace_classifier import Phrased, TraceClassifier
from logscan.networks.options import SCRATCH
from logscan.windows.sessions import Ints

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from logscan.detectors.traces import Events, Reader
    from logscan.networks.pretrained import Base
    from logscan.networks.tuning import Wanted

EPOCHS = ("epochs",)  # what `--epochs` sets


@dataclass(frozen=True)
class Options(trace_classifier.Options):
    """encoder: hub id or path of a BERT, or `scratch` for a small one with random weights, of the `size`, in which each
    event is one token; encoder_revision: of the hub
    epochs, learning_rate, weight_decay: BERT's own figures for fine-tuning are 2 to 4, and 2e-5 to 5e-5
    """

    encoder: str = "google-bert/bert-base-uncased"
    encoder_revision: str | None = None


PRESETS: dict[str, dict[str, Any]] = {
    "paper": {},
    "small": {
        "encoder": SCRATCH,
        "size": {"layers": 2, "heads": 4, "hidden": 64, "intermediate": 256, "length": 514},
        "epochs": 30,
        "learning_rate": 1e-3,
        "at_once": 32,
        "events": 512,
    },
}


class Bert(TraceClassifier):
    """Learns from windows with labels."""

    name = "bert"
    place = "encoder"

    def __init__(self, options: Options | None = None) -> None:
        self.options = options or Options()

    def _wanted(self) -> "Wanted":
        from logscan.networks.pretrained import ENCODER
        from logscan.networks.tuning import Wanted

        return Wanted(ENCODER, self.options.encoder, self.options.encoder_revision, 4 * self.options.events)

    def _scratch(self, events: "Events", seed: int) -> "Base":
        from logscan.networks.scratch import new_encoder

        return new_encoder(events.names, self.options.size, seed, words=True)

    def _phrased(self, tokenizer: "Tokenizer", special: dict[str, int | None]) -> Phrased:
        return Sentence(tokenizer)


class Sentence(Phrased):
    """[CLS] E5 E22 E5 [SEP]"""

    def __init__(self, tokenizer: "Tokenizer") -> None:
        self.tokenizer = tokenizer

    def rows(self, texts: Sequence[str]) -> list[Ints]:
        """The tokens of texts of traces."""
        return [np.array(found.ids, np.int64) for found in self.tokenizer.encode_batch_fast(list(texts))]

    def network(self, model: Any) -> Any:
        """BERT and the classifier on its pooler."""
        import torch
        from torch.nn.functional import binary_cross_entropy_with_logits, dropout

        class Network(torch.nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.encoder = model
                self.classifier = torch.nn.Linear(model.config.hidden_size, 1, device=model.device)

            def log_odds(self, tokens: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
                mask = (torch.arange(tokens.shape[1], device=tokens.device) < lengths[:, None]).long()
                pooled = self.encoder(input_ids=tokens, attention_mask=mask).pooler_output
                pooled = dropout(pooled, model.config.hidden_dropout_prob, self.training)
                odds: torch.Tensor = self.classifier(pooled.to(self.classifier.weight.dtype))
                return odds[:, 0].float()

            def forward(self, tokens: torch.Tensor, lengths: torch.Tensor, anomalous: torch.Tensor) -> torch.Tensor:
                odds = self.log_odds(tokens, lengths)
                return binary_cross_entropy_with_logits(odds, anomalous.float(), reduction="none")

        return Network()

    def export(self, network: Any, path: Path) -> None:
        """The classifier is the projector of an exported encoder."""
        from logscan.runtime.export import export_encoder

        export_encoder(network.encoder, network.classifier, path)

    def session(self, path: Path) -> "Reader":
        """What was exported."""
        return ExportedReader(path)


class ExportedReader:
    """The network in ONNX Runtime, see `traces.Reader`."""

    def __init__(self, path: Path) -> None:
        """Raises ModelError where it is none."""
        from logscan.errors import ModelError
        from logscan.runtime.session import open_encoder

        self._session = open_encoder(path)
        if self._session.width != 1:
            raise ModelError(f"{path} is of another model: export the model again")
        self.provider, self.at_once = self._session.provider, self._session.at_once

    def log_odds(self, tokens: Ints, lengths: Ints) -> npt.NDArray[np.float32]:
        """(b,) of (b, n) tokens, of which `lengths` are real."""
        mask = (np.arange(tokens.shape[1]) < lengths[:, None]).astype(np.int64)
        return self._session.embed(tokens, mask)[:, 0]
