"""Training in three stages, on windows of which the rarer kind is oversampled.

1  the decoder learns what an answer looks like, on a few windows
2  the encoder and the projector learn what the decoder is to be told
3  all of them are tuned together
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from logscan.detectors.logllm.network import IGNORED, Batch, Network
from logscan.detectors.logllm.options import Answer, Options, Tuning
from logscan.detectors.logllm.prompt import Prompt
from logscan.networks.adapters import set_learning
from logscan.networks.batches import pooled, repeated
from logscan.networks.loop import Stage, train
from logscan.networks.rows import in_parts, padded, sequences
from logscan.networks.run import Run
from logscan.windows.sessions import Ints, Windows


@dataclass(frozen=True)
class Examples:
    """Distinct windows with their labels. messages: the numbers of each one's messages; counts: (n,) how many windows
    each is; anomalous: (n,)"""

    messages: list[Ints]
    counts: Ints
    anomalous: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, normal: Windows, anomalous: Windows) -> "Examples":
        """Labelled windows."""
        kinds = []
        for windows in (normal, anomalous):
            first, _, counts = windows.by_message().distinct()
            kinds.append((sequences(windows.take(first)), counts))
        (good, often), (bad, bad_often) = kinds
        labels = np.repeat([False, True], [len(good), len(bad)])
        return cls([*good, *bad], np.concatenate([often, bad_often]), labels)

    def in_parts(self, most: int) -> "Examples":
        """Windows of more than so many messages in parts, each with the label of the whole."""
        parts = [in_parts(messages, most) for messages in self.messages]
        of = np.repeat(np.arange(len(parts)), [len(those) for those in parts])
        return Examples([part for those in parts for part in those], self.counts[of], self.anomalous[of])

    def oversampled(self, beta: float, rng: np.random.Generator) -> Ints:
        """(n,) how often each window is shown in an epoch, so that the rarer kind has the share `beta`.

        Of N windows with a share alpha < beta of the rarer kind these are drawn up to beta (1 - alpha) / (1 - beta) N
        (LogLLM, section on oversampling): each as often as all others, what is left over at random.
        """
        total, bad = int(self.counts.sum()), int(self.counts[self.anomalous].sum())
        rarer = self.anomalous if bad <= total - bad else ~self.anomalous
        few = int(self.counts[rarer].sum())
        wanted = round(beta / (1 - beta) * (total - few))
        shown = self.counts.copy()
        if few and wanted > few:
            times, left = divmod(wanted, few)
            shown[rarer] *= times
            shown[rarer] += rng.multivariate_hypergeometric(self.counts[rarer], left)
        return shown


def learn(
    network: Network, examples: Examples, rows: list[Ints], prompt: Prompt, options: Options, run: Run
) -> dict[str, list[float]]:
    """Train the network in place, in those of the three stages that have epochs. Gives the loss of each epoch of each.

    rows: the encoder's tokens of each message
    """
    examples = examples.in_parts(options.messages)
    shown = examples.oversampled(options.beta, np.random.default_rng([run.seed, 0]))
    some = np.random.default_rng([run.seed, 1]).multinomial(options.answer.samples, shown / shown.sum())
    planned: tuple[tuple[str, Answer | Tuning, Ints, tuple[bool, bool, bool]], ...] = (
        ("answer", options.answer, some, (False, False, True)),
        ("embedder", options.embedder, shown, (True, True, False)),
        ("whole", options.whole, shown, (True, True, True)),
    )
    losses = {}
    for number, (name, how, counts, learning) in enumerate(planned):
        for part, learns in zip((network.encoder, network.projector, network.decoder), learning, strict=True):
            set_learning(part, learns)

        def batches(epoch: int, number: int = number, counts: Ints = counts) -> list[Batch]:
            rng = np.random.default_rng([run.seed, number, epoch])
            return list(_batches(examples, counts, rows, prompt, options.at_once, rng))

        stage = Stage(
            name=name,
            epochs=how.epochs,
            learning_rate=how.learning_rate,
            weight_decay=options.weight_decay,
            loss=_loss,
            batches=batches,
            accumulate=options.batch // options.at_once,
        )
        losses[name] = [round(figures["loss"], 4) for figures in train(network, stage, run)]
    return losses


def _loss(network: torch.nn.Module, batch: Batch) -> tuple[torch.Tensor, dict[str, float]]:
    nats = network(batch)
    weights = torch.from_numpy(batch.weights).to(nats.device)
    return (nats * weights).sum() / weights.sum(), {}


def _batches(
    examples: Examples, counts: Ints, rows: list[Ints], prompt: Prompt, size: int, rng: np.random.Generator
) -> Iterator[Batch]:
    """All windows that are shown, in random order; windows of about the same length are together."""
    shown = repeated(np.flatnonzero(counts), int(counts.sum()))
    for together in pooled([len(examples.messages[at]) for at in shown], size, rng):
        chosen = shown[together]
        yield batch([examples.messages[n] for n in chosen], examples.anomalous[chosen], counts[chosen], rows, prompt)


def batch(
    messages: Sequence[Ints], anomalous: npt.NDArray[np.bool_], counts: Ints, rows: list[Ints], prompt: Prompt
) -> Batch:
    """Windows with their answers; a message that several of them hold is there once.

    Equal windows are shown as one, which weighs as the root of their number: by their number itself, what is met once
    is hardly learnt, and it is what tells of windows that were never met.
    """
    met, numbers = np.unique(np.concatenate(messages), return_inverse=True)
    tokens, lengths = padded([rows[number] for number in met])
    mask = (np.arange(tokens.shape[1]) < lengths[:, None]).astype(np.int64)
    ends = np.cumsum([len(one) for one in messages])[:-1]
    answered = [prompt.answered(one, bool(bad)) for one, bad in zip(np.split(numbers, ends), anomalous, strict=True)]
    index, lengths = padded([those for those, _ in answered])
    targets = np.full(index.shape, IGNORED)
    for row, (those, answer) in enumerate(answered):
        targets[row, len(those) - answer - 1 : len(those) - 1] = prompt.tokens[those[-answer:]]
    return Batch(tokens, mask, index, targets, np.sqrt(counts).astype(np.float32))
