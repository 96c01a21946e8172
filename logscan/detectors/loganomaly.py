"""LogAnomaly: DeepLog that also counts.

Source: W. Meng et al., "LogAnomaly: Unsupervised Detection of Sequential and Quantitative Anomalies in Unstructured
Logs" (2019).

A program that opens a file closes it: beside the order of the last keys a second LSTM reads how often each has been
written, and both together foresee the next key. Rules as in `deeplog`.

What was chosen: in the place of template2vec, vectors of templates from synonyms and antonyms that an operator lists,
keys have vectors that are learnt with the network, so that a key never seen is an anomaly and is not taken for the
known one that it is most like; at each of the keys that are read the second LSTM gets the counts of those up to it, as
shares of all that are read.
"""

from dataclasses import dataclass
from typing import Any

from logscan.detectors.deeplog import DeepLog
from logscan.detectors.deeplog import Options as DeepLogOptions

EPOCHS = ("epochs",)
PRESETS: dict[str, dict[str, Any]] = {"paper": {}, "small": {"hidden": 64}}


@dataclass(frozen=True)
class Options(DeepLogOptions):
    """history: keys that are read; layers, hidden: of each of the two LSTMs"""

    hidden: int = 128


class LogAnomaly(DeepLog):
    """See `NextKey`."""

    name = "loganomaly"
    options_type = Options

    def _network(self, vocabulary: int) -> Any:
        import torch
        from torch import Tensor, nn

        class Network(nn.Module):
            """(batch, history) tokens to (batch, vocabulary) log-probabilities of the next."""

            def __init__(self, hidden: int, layers: int) -> None:
                super().__init__()
                self.keys = nn.Embedding(vocabulary, hidden)
                self.order = nn.LSTM(hidden, hidden, layers, batch_first=True)
                self.amount = nn.LSTM(vocabulary, hidden, layers, batch_first=True)
                self.head = nn.Linear(2 * hidden, vocabulary)

            def forward(self, tokens: Tensor) -> Tensor:
                counts = nn.functional.one_hot(tokens, vocabulary).float().cumsum(1) / tokens.shape[1]
                order, _ = self.order(self.keys(tokens))
                amount, _ = self.amount(counts)
                both = torch.cat([order[:, -1], amount[:, -1]], -1)
                found: Tensor = self.head(both).log_softmax(-1)
                return found

        return Network(self.options.hidden, self.options.layers)
