"""DeepLog: an LSTM over the last ten log keys foresees the next one.

Source: M. Du, F. Li, G. Zheng and V. Srikumar, "DeepLog: Anomaly Detection and Diagnosis from System Logs through Deep
Learning" (2017), its model of log keys (that of parameter values is left out).

A normal program writes few kinds of lines after the same ten: a network of two LSTM layers gives the probability of
each key to come next. By the paper (`rule=top-k`) a key that is not among the g = 9 most probable is an anomaly, and so
is a session that holds one. The default (`rule=surprise`) calibrates a threshold on the probability itself: of the few
keys of a simple log nine are nearly all.

What was chosen: keys enter as learnt vectors, which is what the paper's one-hot vectors are once they are multiplied
with the first weights; before the first key stand marks of the beginning, so that the first keys are judged too; the
end of a session is foreseen as a key is, since what is cut short would be missed else; one key in a hundred is hidden
in training, so that the network can go on after one never seen.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from logscan.detectors.key_network import KeyNetwork, Training
from logscan.detectors.next_key import Weighted
from logscan.networks.histories import READ, HistoryJudge, Steps, learn
from logscan.networks.judging import Judge, Scorer
from logscan.networks.run import Run
from logscan.networks.vocabulary import Vocabulary
from logscan.windows.sessions import Ints

EPOCHS = ("epochs",)


@dataclass(frozen=True)
class Options(Training):
    """The paper's network. history: keys that are read; layers, hidden: of the LSTM"""

    history: int = 10
    layers: int = 2
    hidden: int = 64

    def __post_init__(self) -> None:
        """Raises ValueError for a network that cannot be."""
        super().__post_init__()
        if min(self.history, self.layers, self.hidden) < 1:
            raise ValueError("history, layers and hidden should be at least 1")


class DeepLog(KeyNetwork):
    """See `NextKey`."""

    name = "deeplog"
    options_type = Options
    options: Options

    def _network(self, vocabulary: int) -> Any:
        from torch import Tensor, nn

        class Network(nn.Module):
            """(batch, history) tokens to (batch, vocabulary) log-probabilities of the next."""

            def __init__(self, hidden: int, layers: int) -> None:
                super().__init__()
                self.keys = nn.Embedding(vocabulary, hidden)
                self.lstm = nn.LSTM(hidden, hidden, layers, batch_first=True)
                self.head = nn.Linear(hidden, vocabulary)

            def forward(self, tokens: Tensor) -> Tensor:
                states, _ = self.lstm(self.keys(tokens))
                found: Tensor = self.head(states[:, -1]).log_softmax(-1)
                return found

        return Network(self.options.hidden, self.options.layers)

    def _learn(self, normal: Weighted, held_out: Weighted, run: Run) -> list[dict[str, float]]:
        history = self.options.history
        return learn(self.network, Steps.of(*normal, history), Steps.of(*held_out, history), self.options, run)

    def _judge(self, scorer: Scorer, vocabulary: Vocabulary, ends: bool) -> Judge:
        return HistoryJudge(scorer, vocabulary, context=self.options.history, overlap=0, ends=ends)

    def _examples(self, sequences: Sequence[Ints]) -> list[Ints]:
        found = Steps.of(sequences, np.ones(len(sequences), np.int64), self.options.history).histories
        return [found[first : first + READ] for first in range(0, len(found), READ)]
