"""Generator and discriminator of FastLogAD, and how they are trained, see `fastlogad`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from logscan.networks.batches import pooled
from logscan.networks.layers import Block, sinusoids
from logscan.networks.loop import Stage, train
from logscan.networks.rows import padded
from logscan.networks.run import Run
from logscan.networks.vocabulary import FIRST, PAD, UNKNOWN
from logscan.windows.sessions import Ints

if TYPE_CHECKING:
    from logscan.detectors.fastlogad import Options

MASK = UNKNOWN  # what stands in the place of a masked key: the generator meets no other of these
NEAREST = 1e-6  # square of the distance of a pseudo anomaly, at least, else its loss has no bound


class Reader(torch.nn.Module):
    """Tokens (batch, length) to (batch, length, hidden): a transformer's encoder."""

    positions: torch.Tensor

    def __init__(self, vocabulary: int, options: "Options") -> None:
        super().__init__()
        self.tokens = torch.nn.Embedding(vocabulary, options.hidden)
        self.register_buffer("positions", sinusoids(options.context + 1, options.hidden), persistent=False)
        self.blocks = torch.nn.ModuleList(
            Block(options.hidden, options.heads, options.intermediate, options.dropout) for _ in range(options.layers)
        )
        self.norm = torch.nn.LayerNorm(options.hidden)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """See the class."""
        real = tokens != PAD
        x = self.tokens(tokens) + self.positions[: tokens.shape[1]]
        for block in self.blocks:
            x = block(x, real)
        states: torch.Tensor = self.norm(x)
        return states


class Discriminator(torch.nn.Module):
    """Tokens (batch, length) to (batch,) distances from the centre."""

    def __init__(self, vocabulary: int, options: "Options") -> None:
        super().__init__()
        self.reader = Reader(vocabulary, options)
        self.project = torch.nn.Linear(options.hidden, options.hidden, bias=False)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """See the class."""
        return torch.sqrt(self.squares(tokens))

    def squares(self, tokens: torch.Tensor) -> torch.Tensor:
        """(batch,) squares of the distances."""
        vectors: torch.Tensor = self.project(self.reader(tokens)[:, 0]).float()
        return (vectors * vectors).mean(1)


class Both(torch.nn.Module):
    """What is trained together."""

    def __init__(self, vocabulary: int, options: "Options") -> None:
        super().__init__()
        self.generator = Reader(vocabulary, options)
        self.fill = torch.nn.Linear(options.hidden, vocabulary)
        self.discriminator = Discriminator(vocabulary, options)
        self.options = options

    def forward(self, tokens: torch.Tensor, weights: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Tokens (batch, length) of normal windows and what each counts (batch,), to the losses of the two."""
        masked = self._masked(tokens)
        logits = self.fill(self.generator(torch.where(masked, MASK, tokens))).float()
        nats = cross_entropy(logits.transpose(1, 2), tokens, reduction="none") * weights[:, None]
        generating = nats[masked].sum() / (masked * weights[:, None]).sum().clamp(min=1e-9)
        pseudo = torch.where(masked, self._drawn(logits.detach()), tokens)
        other = weights * (pseudo != tokens).any(1)
        near = self.discriminator.squares(tokens)
        far = self.discriminator.squares(pseudo).clamp(min=NEAREST)
        spread = (near * weights).sum() / weights.sum()
        away = (-torch.log(-torch.expm1(-far)) * other).sum() / other.sum().clamp(min=1e-9)
        return generating, spread + away

    def _masked(self, tokens: torch.Tensor) -> torch.Tensor:
        """(batch, length) which keys are masked: a share of each window, drawn for each, at least one."""
        shares = torch.empty(len(tokens), 1, device=tokens.device).uniform_(self.options.least, self.options.most)
        order = torch.rand(tokens.shape, device=tokens.device).masked_fill(tokens < UNKNOWN, 2.0)
        return (order < torch.maximum(shares, order.amin(1, keepdim=True) + 1e-6)) & (tokens >= UNKNOWN)

    def _drawn(self, logits: torch.Tensor) -> torch.Tensor:
        """(batch, length) keys as the generator draws them, and some that were never seen."""
        batch, length, vocabulary = logits.shape
        probable = logits[..., FIRST:].softmax(-1).reshape(-1, vocabulary - FIRST)
        drawn = torch.multinomial(probable, 1).reshape(batch, length) + FIRST
        never = torch.rand(drawn.shape, device=drawn.device) < self.options.unknown
        return torch.where(never, UNKNOWN, drawn)


def learn(both: Both, rows: Sequence[Ints], weights: Ints, options: "Options", run: Run) -> list[float]:
    """Train in place, on distinct windows and how often each was there. Gives the loss of each epoch."""
    how = options.training

    def batches(epoch: int) -> list[Ints]:
        return pooled([len(row) for row in rows], how.batch, np.random.default_rng([run.seed, epoch]))

    def loss(network: torch.nn.Module, chosen: Ints) -> tuple[torch.Tensor, dict[str, float]]:
        device = next(network.parameters()).device
        tokens = torch.from_numpy(padded([rows[at] for at in chosen])[0]).to(device)
        counts = torch.from_numpy(weights[chosen]).float().to(device)
        generating, apart = network(tokens, counts)
        return generating + apart, {"generator": generating.item(), "discriminator": apart.item()}

    stage = Stage("fastlogad", how.epochs, how.learning_rate, how.weight_decay, loss, batches)
    return [round(figures["loss"], 4) for figures in train(both, stage, run)]
