"""The last few keys before each key: what DeepLog and its kin predict from. Equal histories are read once."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from logscan.networks.judging import AT_ONCE, TOKEN, Judge, Tokens
from logscan.networks.run import Run
from logscan.networks.vocabulary import UNKNOWN
from logscan.windows.sessions import Ints, scatter

READ = 1_024  # histories that are read at once
HIDDEN = 0.01  # share of keys that a network does not see in training, so that it learns to go on after a new one


@dataclass(frozen=True)
class Steps:
    """Distinct steps of sequences. histories: (d, h) the distinct histories, BEGIN where there is no key yet; which:
    (p,) the history of each distinct step, in rising order; tokens: (p,) what follows; counts: (p,) how often;
    inverse: (steps,) which of them each step of the sequences is, in their order."""

    histories: Ints
    which: Ints
    tokens: Ints
    counts: Ints
    inverse: Ints

    @classmethod
    def of(cls, sequences: Sequence[Ints], weights: Ints, length: int) -> "Steps":
        """From sequences of tokens, each as often as its weight says, with histories of so many tokens."""
        flat = np.concatenate([*sequences, np.zeros(0, np.int64)]).astype(np.int32)
        lengths = np.array([len(sequence) for sequence in sequences], np.int64)
        start = np.repeat(np.cumsum(lengths) - lengths, lengths)
        step = np.flatnonzero(np.arange(len(flat)) > start)

        def before(steps: Ints) -> Ints:
            """(n, length) what the sequences hold before these steps."""
            tokens: Ints = flat[np.maximum(steps[:, None] + np.arange(-length, 0), start[steps][:, None])]
            return tokens.astype(np.int64)

        digest = np.zeros(len(step), np.uint64)
        for back in range(1, length + 1):
            digest += scatter(flat[np.maximum(step - back, start[step])] + (np.int64(back) << 32))
        both = digest + scatter(flat[step].astype(np.int64))
        _, first, inverse = np.unique(both, return_index=True, return_inverse=True)
        _, one, which = np.unique(digest[first], return_index=True, return_inverse=True)
        order = np.argsort(which, kind="stable")
        place = np.empty(len(order), np.int64)
        place[order] = np.arange(len(order))
        counts = np.zeros(len(first), np.int64)
        np.add.at(counts, place[inverse], np.repeat(weights, np.maximum(lengths - 1, 0)))
        tokens = flat[step[first[order]]].astype(np.int64)
        return cls(before(step[first[one]]), which[order], tokens, counts, place[inverse])


@dataclass(frozen=True)
class HistoryJudge(Judge):
    """A judge whose network reads `context` tokens and gives the log-probabilities of the next one, (n, vocabulary)."""

    def _read(self, sequences: Sequence[Ints], starts: Ints) -> Tokens:
        steps = Steps.of(sequences, np.ones(len(sequences), np.int64), self.context)
        size = max(1, min(READ, AT_ONCE // len(self.vocabulary)))
        bounds = np.searchsorted(steps.which, np.arange(0, len(steps.histories) + size, size))

        def read(part: int) -> Tokens:
            mine = slice(bounds[part], bounds[part + 1])
            log_probs = self.scorer.log_probs(steps.histories[part * size : (part + 1) * size])
            return self._found(log_probs, steps.which[mine] - part * size, steps.tokens[mine])

        with ThreadPoolExecutor(self.scorer.at_once) as pool:
            parts = list(pool.map(read, range(len(bounds) - 1)))
        tokens = np.zeros(starts[-1], TOKEN)
        if parts:
            tokens[np.delete(np.arange(starts[-1]), starts[:-1])] = np.concatenate(parts)[steps.inverse]
        return tokens


def learn(network: Any, normal: Steps, held_out: Steps, options: Any, run: Run) -> list[dict[str, float]]:
    """Cross-entropy of the next token, each distinct step standing for as many as its count says.

    options: epochs, patience, batch, learning_rate. Gives the figures of the epochs.
    """
    import torch

    from logscan.networks.loop import Stage, train

    def tensors(steps: Steps, chosen: Ints) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        device = next(network.parameters()).device
        parts = (steps.histories[steps.which[chosen]], steps.tokens[chosen], steps.counts[chosen])
        histories, tokens, counts = (torch.from_numpy(part).to(device) for part in parts)
        return histories, tokens, counts.float()

    def batches(epoch: int) -> list[Ints]:
        order = np.random.default_rng([run.seed, epoch]).permutation(len(normal.tokens))
        return np.array_split(order, -(-len(order) // options.batch))

    def loss(model: torch.nn.Module, batch: Ints) -> tuple[torch.Tensor, dict[str, float]]:
        histories, tokens, counts = tensors(normal, batch)
        hidden = (torch.rand(histories.shape, device=histories.device) < HIDDEN) & (histories > UNKNOWN)
        nats = -model(torch.where(hidden, UNKNOWN, histories)).gather(1, tokens[:, None])[:, 0]
        return (nats * counts).sum() / counts.sum(), {}

    def held_out_loss(model: torch.nn.Module) -> float:
        model.eval()
        total = 0.0
        with torch.inference_mode():
            for first in range(0, len(held_out.tokens), READ):
                chosen = np.arange(first, min(first + READ, len(held_out.tokens)))
                histories, tokens, counts = tensors(held_out, chosen)
                total += float(-(model(histories).gather(1, tokens[:, None])[:, 0] * counts).sum())
        return total / float(held_out.counts.sum())

    stage = Stage(
        name="next keys",
        epochs=options.epochs,
        learning_rate=options.learning_rate,
        weight_decay=options.weight_decay,
        loss=loss,
        batches=batches,
        held_out=held_out_loss,
        patience=options.patience,
    )
    return train(network, stage, run)
