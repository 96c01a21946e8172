"""LogBERT: keys that are hidden are guessed from what is on both sides of them.

Source: H. Guo, S. Yuan and X. Wu, "LogBERT: Log Anomaly Detection via BERT" (2021).

    masked log key prediction    a share of the keys of a normal window is hidden, a Transformer's encoder guesses them
    hypersphere minimisation     the vector of the token DIST before the window is drawn to the centre of all of these,
                                 so that normal windows look alike; it counts `alpha`, and judges nothing itself

By the paper (`rule=top-k`) a key that is not among the g most probable in its place is odd, and a window with more than
r odd keys is anomalous. The default (`rule=surprise`): a window is anomalous if its least probable key is less probable
than a threshold that is calibrated on held-out normal windows.

What was chosen: where the paper hides keys at random and judges those, every key is judged once, in turns in which
every second (third, ...) is hidden, so that scores are no matter of luck; the end of a session is a key that can be
hidden; the centre is found again at the beginning of each epoch; windows longer than `context` are read in chunks that
overlap; one key in a hundred is shown as one never seen, so that the network can go on beside it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from logscan.detectors.key_network import KeyNetwork, Training
from logscan.detectors.next_key import Weighted
from logscan.detectors.sessions import Scores
from logscan.detectors.thresholds import ratio
from logscan.networks.batches import Batch, by_length, chunks, shuffled
from logscan.networks.histories import HIDDEN
from logscan.networks.judging import TOKEN, Judge, Judged, Scorer, Tokens
from logscan.networks.run import Run
from logscan.networks.vocabulary import PAD, UNKNOWN, Vocabulary
from logscan.windows.sessions import Floats, Ints, Windows


@dataclass(frozen=True)
class Options(Training):
    """The paper's network. layers, heads, hidden: of the encoder, which is as wide within; dropout: of its layers
    masked: share of the keys that is hidden in training; to be judged they are hidden in 1 / masked turns
    candidates, misses: g and r of the paper's rule
    alpha: of the hypersphere in the loss
    context, overlap: tokens read at once; a longer window is read in chunks that share `overlap` tokens
    """

    candidates: int = 6
    misses: int = 0
    improbable: float = 0.01
    layers: int = 2
    heads: int = 4
    hidden: int = 256
    dropout: float = 0.1
    masked: float = 0.5
    alpha: float = 0.1
    context: int = 512
    overlap: int = 128
    batch: int = 32
    learning_rate: float = 1e-3

    def __post_init__(self) -> None:
        """Raises ValueError for a network that cannot be."""
        super().__post_init__()
        if min(self.layers, self.heads, self.hidden) < 1 or self.hidden % self.heads or self.hidden % 2:
            raise ValueError("sizes should be at least 1, and hidden even and a multiple of heads")
        if not 1 <= self.overlap < self.context:
            raise ValueError("overlap should be at least 1 and less than context")
        if not (0 < self.masked <= 0.5 and 0 <= self.dropout < 1 and self.alpha >= 0 and self.misses >= 0):
            raise ValueError("masked should be at most a half, dropout less than 1, alpha and misses not below 0")


READ = 2_048  # tokens that are read at once
EPOCHS = ("epochs",)
PRESETS: dict[str, dict[str, Any]] = {"paper": {}, "small": {"hidden": 64}}


def hidden_in_turns(batch: Batch, turns: int) -> Iterator[npt.NDArray[np.bool_]]:
    """For each turn (b, length) which tokens are hidden: in all of them together, each that is to be judged once."""
    for turn in range(turns):
        yield batch.targets & (np.arange(batch.tokens.shape[1]) % turns == turn)


@dataclass(frozen=True)
class MaskJudge(Judge):
    """A judge whose network guesses tokens that are hidden: the token behind the vocabulary hides one."""

    turns: int = 2

    def _read(self, sequences: Sequence[Ints], starts: Ints) -> Tokens:
        tokens = np.zeros(starts[-1], TOKEN)
        for batch in by_length(sequences, self.context, self.overlap, max(self.context, READ)):
            begin = np.array([starts[chunk.sequence] + chunk.begin for chunk in batch.chunks])
            for hidden in hidden_in_turns(batch, self.turns):
                log_probs = self.scorer.log_probs(np.where(hidden, len(self.vocabulary), batch.tokens))
                rows, columns = np.nonzero(hidden)
                tokens[begin[rows] + columns] = self._found(log_probs, np.flatnonzero(hidden), batch.tokens[hidden])
        return tokens


class LogBERT(KeyNetwork):
    """See `NextKey`."""

    name = "logbert"
    options_type = Options
    options: Options
    outputs: ClassVar = {"log_probs": ("float32", "batch", "length", "vocabulary")}

    def _network(self, vocabulary: int) -> Any:
        import torch
        from torch import Tensor, nn

        class Network(nn.Module):
            """(batch, length) tokens, padded at the right, to (batch, length, vocabulary) log-probabilities of what is
            or was there; with `states` also the vectors, of which the first is DIST's."""

            places: Tensor

            def __init__(self, options: Options) -> None:
                super().__init__()
                width = options.hidden
                self.keys = nn.Embedding(vocabulary + 1, width)
                turns = torch.arange(options.context)[:, None] / 10_000 ** (torch.arange(0, width, 2) / width)
                self.register_buffer("places", torch.cat([turns.sin(), turns.cos()], -1), persistent=False)
                layer = nn.TransformerEncoderLayer(
                    width, options.heads, width, options.dropout, "gelu", batch_first=True, norm_first=True
                )
                self.encoder = nn.TransformerEncoder(layer, options.layers, enable_nested_tensor=False)
                self.head = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, vocabulary))

            def forward(self, tokens: Tensor, states: bool = False) -> Any:
                x = self.keys(tokens) + self.places[: tokens.shape[1]]
                x = self.encoder(x, src_key_padding_mask=tokens == PAD)
                log_probs = self.head(x).log_softmax(-1)
                return (log_probs, x) if states else log_probs

        return Network(self.options)

    @property
    def _turns(self) -> int:
        return round(1 / self.options.masked)

    def _learn(self, normal: Weighted, held_out: Weighted, run: Run) -> list[dict[str, float]]:
        import torch

        from logscan.networks.loop import Stage, train

        options, (sequences, weights) = self.options, normal
        cut = chunks(np.array([len(sequence) for sequence in sequences]), options.context, options.overlap)
        mask = self.network.keys.num_embeddings - 1
        centre = torch.zeros(options.hidden)

        def batches(epoch: int) -> list[Batch]:
            find_centre()
            return shuffled(sequences, weights, cut, options.batch, np.random.default_rng([run.seed, epoch]))

        def find_centre() -> None:
            self.network.eval()
            centre.zero_()
            with torch.inference_mode():
                for batch in by_length(sequences, options.context, options.overlap, READ, weights):
                    _, states = self.network(torch.from_numpy(batch.tokens).to(device()), states=True)
                    centre.add_(torch.from_numpy(batch.weights) @ states[:, 0].float().cpu())
            centre.div_(sum(float(weights[chunk.sequence]) for chunk in cut))

        def device() -> torch.device:
            return next(self.network.parameters()).device  # type: ignore[no-any-return]

        def guessed(
            model: torch.nn.Module, batch: Batch, hidden: torch.Tensor, shown: torch.Tensor
        ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
            """Weighted nats of the hidden tokens, the sum of their weights, and the vectors."""
            tokens = torch.from_numpy(batch.tokens).to(device())
            log_probs, states = model(torch.where(hidden, mask, shown), states=True)
            weight = torch.from_numpy(batch.weights).to(device())[:, None] * hidden
            nats = -log_probs.float().gather(-1, tokens[..., None])[..., 0]
            return (nats * weight).sum(), weight.sum(), states

        def loss(model: torch.nn.Module, batch: Batch) -> tuple[torch.Tensor, dict[str, float]]:
            tokens, targets = (torch.from_numpy(part).to(device()) for part in (batch.tokens, batch.targets))
            drawn = torch.rand(tokens.shape, device=device())
            hidden = targets & (drawn < options.masked)
            unknown = (tokens > UNKNOWN) & (drawn > 1 - HIDDEN)
            nats, weight, states = guessed(model, batch, hidden, torch.where(unknown, UNKNOWN, tokens))
            weights = torch.from_numpy(batch.weights).to(device())
            apart = (states[:, 0].float() - centre.to(device())).square().sum(-1)
            sphere = (apart * weights).sum() / weights.sum()
            return nats / weight.clamp(min=1) + options.alpha * sphere, {"sphere": sphere.item()}

        def held_out_loss(model: torch.nn.Module) -> float:
            model.eval()
            nats, weight = 0.0, 0.0
            with torch.inference_mode():
                for batch in by_length(held_out[0], options.context, options.overlap, READ, held_out[1]):
                    for hidden in hidden_in_turns(batch, self._turns):
                        shown = torch.from_numpy(batch.tokens).to(device())
                        part, of, _ = guessed(model, batch, torch.from_numpy(hidden).to(device()), shown)
                        nats, weight = nats + float(part), weight + float(of)
            return nats / weight

        stage = Stage(
            name="hidden keys",
            epochs=options.epochs,
            learning_rate=options.learning_rate,
            weight_decay=options.weight_decay,
            loss=loss,
            batches=batches,
            held_out=held_out_loss,
            patience=options.patience,
        )
        return train(self.network, stage, run)

    @property
    def reach(self) -> int | None:
        """None: what follows a key says what it should be, as what came before it."""
        return None

    def _judge(self, scorer: Scorer, vocabulary: Vocabulary, ends: bool) -> Judge:
        return MaskJudge(scorer, vocabulary, self.options.context, self.options.overlap, ends, self._turns)

    def _examples(self, sequences: list[Ints]) -> list[Ints]:
        return [batch.tokens for batch in by_length(sequences, self.options.context, self.options.overlap, READ)]

    def scored(self, windows: Windows, judged: Judged) -> Scores:
        """The scores of windows that are judged already; by the paper's rule a window's odd keys are counted."""
        scores = super().scored(windows, judged)
        if self.options.rule == "surprise":
            return scores
        return Scores(ratio(self._odd(windows, judged).astype(np.float64), self.options.misses + 0.5), scores.event)

    def _odd(self, windows: Windows, judged: Judged) -> Ints:
        """(n,) keys that are not among the candidates."""
        odd: Ints = np.concatenate([[0], np.cumsum(judged.ranks >= self.k_)])
        return odd[windows.starts[1:]] - odd[windows.starts[:-1]] + (judged.end_ranks >= self.k_)

    def surprise(self, windows: Windows, own: bool = False) -> tuple[Floats, Floats]:
        """(events,) of each key and (n,) of each end, in nats; by the paper's rule 0 for those that are not odd, and
        where there are too few odd ones in a window."""
        judged = self.judge.judge(windows)
        if self.options.rule == "surprise":
            return judged.nats, judged.end_nats
        anomalous = self._odd(windows, judged) > self.options.misses
        nats = judged.nats * (judged.ranks >= self.k_) * np.repeat(anomalous, windows.lengths)
        return nats, judged.end_nats * (judged.end_ranks >= self.k_) * anomalous
