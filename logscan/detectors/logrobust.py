"""LogRobust: templates as vectors of their words, read from both ends with attention to what matters.

Source: X. Zhang, Y. Xu, Q. Lin et al., "Robust Log-Based Anomaly Detection on Unstable Log Data", 2019. A template's
vector is the sum of its words' vectors, weighted by TF-IDF, so that a template that was changed a little stays where it
was; a Bi-LSTM reads the sequence; each step has a weight tanh(w h), and their weighted sum decides. It learns from
labelled windows.

What differs: the words are an encoder's tokens in their context where the paper has FastText; the weights of words are
scaled to a sum of 1; the attention has one w for all steps, since windows have any length; both kinds of window count
the same in training; the threshold is put on held-out windows, where the paper takes the more probable label.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from logscan.detectors import semantic

if TYPE_CHECKING:
    import torch

EPOCHS = ("training.epochs",)


@dataclass(frozen=True)
class Options(semantic.Options):
    """hidden: of the LSTM, in each direction, and what is beside it in `semantic.Options`"""

    hidden: int = 128

    def __post_init__(self) -> None:
        """Raises ValueError for numbers that mean nothing."""
        super().__post_init__()
        if self.hidden < 1:
            raise ValueError("hidden should be at least 1")


PRESETS: dict[str, dict[str, Any]] = {"paper": {}, "small": {"hidden": 64}}


class LogRobust(semantic.SemanticDetector):
    """See the module."""

    name = "logrobust"
    reads = "template"
    by_rarity = True
    options_class = Options

    def network(self, width: int) -> "torch.nn.Module":
        """A Bi-LSTM with attention."""
        import torch

        from logscan.networks.layers import Bidirectional

        class AttentionLstm(torch.nn.Module):
            def __init__(self, hidden: int) -> None:
                super().__init__()
                self.lstm = Bidirectional(torch.nn.LSTM, width, hidden)
                self.attention = torch.nn.Linear(2 * hidden, 1)
                self.decide = torch.nn.Linear(2 * hidden, 1)

            def forward(self, x: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
                states = self.lstm(x, real)
                attention = torch.tanh(self.attention(states)) * real[..., None]
                logits: torch.Tensor = self.decide((attention * states).sum(1))
                return logits[:, 0]

        return AttentionLstm(self.options.hidden)
