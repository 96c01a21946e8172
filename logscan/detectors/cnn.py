"""CNN: convolutions over the sequence of messages, as over the words of a sentence.

Source: S. Lu, X. Wei, Y. Li and L. Wang, "Detecting Anomaly in Big Data System Logs Using Convolutional Neural
Network", 2018. Three convolutions of different widths run beside each other over the vectors of log keys, the highest
value of each filter is kept, and a dense layer decides. It learns from labelled windows.

What differs: the paper learns the vectors of log keys (logkey2vec, 29 x 128); here they are those of the templates in
an encoder, so that a new one means something. Windows keep their length. Both kinds of window count the same in
training, and the threshold is put on held-out windows, where the paper takes the more probable label.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from logscan.detectors import semantic

if TYPE_CHECKING:
    import torch

EPOCHS = ("training.epochs",)
SPANS = (3, 4, 5)  # messages that a filter sees


@dataclass(frozen=True)
class Options(semantic.Options):
    """filters: of each convolution; dropout: before the dense layer; and what is in `semantic.Options`"""

    filters: int = 128
    dropout: float = 0.5

    def __post_init__(self) -> None:
        """Raises ValueError for numbers that mean nothing."""
        super().__post_init__()
        if self.filters < 1 or not 0 <= self.dropout < 1:
            raise ValueError("filters should be at least 1, dropout at least 0 and less than 1")


PRESETS: dict[str, dict[str, Any]] = {"paper": {}, "small": {"filters": 32}}


class Cnn(semantic.SemanticDetector):
    """See the module."""

    name = "cnn"
    reads = "template"
    options_class = Options

    def network(self, width: int) -> "torch.nn.Module":
        """Three convolutions, and the highest value of each of their filters."""
        import torch
        from torch.nn.functional import leaky_relu, pad

        class Convolutions(torch.nn.Module):
            def __init__(self, filters: int, dropout: float) -> None:
                super().__init__()
                self.convolutions = torch.nn.ModuleList(torch.nn.Conv1d(width, filters, span) for span in SPANS)
                self.dropout = torch.nn.Dropout(dropout)
                self.decide = torch.nn.Linear(len(SPANS) * filters, 1)

            def forward(self, x: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
                padding = torch.where(real, 0.0, -torch.inf)[:, None]
                found = []
                for convolution, span in zip(self.convolutions, SPANS, strict=True):
                    values = leaky_relu(convolution(pad(x.transpose(1, 2), (0, span - 1))))
                    found.append((values + padding).amax(2))
                logits: torch.Tensor = self.decide(self.dropout(torch.cat(found, 1)))
                return logits[:, 0]

        return Convolutions(self.options.filters, self.options.dropout)
