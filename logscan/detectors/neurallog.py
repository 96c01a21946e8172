"""NeuralLog: no log keys at all, messages as they are read by a BERT, and a transformer over their sequence.

Source: V.-H. Le and H. Zhang, "Log-based Anomaly Detection Without Log Parsing", 2021. Each message, without its
numbers, is the mean of a BERT's vectors of its word pieces; positions are added as sinusoids; one layer of a
transformer's encoder reads the window; the mean of what it makes decides. It learns from labelled windows.

What differs: variables are masked as a whole, where the paper drops digits and punctuation; a linear layer leads from
the encoder's width to `hidden`; norms stand before attention and not behind, which needs no warm-up; both kinds of
window count the same in training, and the threshold is put on held-out windows.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from logscan.detectors import semantic

if TYPE_CHECKING:
    import torch

EPOCHS = ("training.epochs",)


@dataclass(frozen=True)
class Options(semantic.Options):
    """layers, heads, hidden, intermediate, dropout: of the transformer; and what is in `semantic.Options`"""

    layers: int = 1
    heads: int = 12
    hidden: int = 768
    intermediate: int = 2_048
    dropout: float = 0.1

    def __post_init__(self) -> None:
        """Raises ValueError for a network that cannot be."""
        super().__post_init__()
        if min(self.layers, self.heads, self.intermediate) < 1 or self.hidden % self.heads or self.hidden < 2:
            raise ValueError("sizes should be at least 1, and hidden a multiple of heads")
        if self.hidden % 2 or not 0 <= self.dropout < 1:
            raise ValueError("hidden should be even, dropout at least 0 and less than 1")


PRESETS: dict[str, dict[str, Any]] = {
    "paper": {},
    "small": {"heads": 4, "hidden": 64, "intermediate": 128},
}


class NeuralLog(semantic.SemanticDetector):
    """See the module."""

    name = "neurallog"
    reads = "masked"
    options_class = Options

    def network(self, width: int) -> "torch.nn.Module":
        """A transformer's encoder."""
        import torch

        from logscan.networks.layers import Block, mean, sinusoids

        class Transformer(torch.nn.Module):
            positions: torch.Tensor

            def __init__(self, options: Options) -> None:
                super().__init__()
                self.project = torch.nn.Linear(width, options.hidden)
                self.register_buffer("positions", sinusoids(options.messages, options.hidden), persistent=False)
                self.blocks = torch.nn.ModuleList(
                    Block(options.hidden, options.heads, options.intermediate, options.dropout)
                    for _ in range(options.layers)
                )
                self.norm = torch.nn.LayerNorm(options.hidden)
                self.decide = torch.nn.Linear(options.hidden, 1)

            def forward(self, x: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
                x = self.project(x) + self.positions[: x.shape[1]]
                for block in self.blocks:
                    x = block(x, real)
                logits: torch.Tensor = self.decide(mean(self.norm(x), real))
                return logits[:, 0]

        return Transformer(self.options)
