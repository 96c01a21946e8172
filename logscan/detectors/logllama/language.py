"""The language model: the architecture of LLaMA-2, trained from scratch to predict the next key of normal sequences."""

from collections import Counter
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch.nn.functional import cross_entropy
from transformers import LlamaConfig, LlamaForCausalLM

from logscan.detectors.logllama.options import Language
from logscan.errors import ModelError
from logscan.networks.batches import Batch, by_length, chunks, shuffled
from logscan.networks.loop import Stage, train
from logscan.networks.run import Run
from logscan.networks.vocabulary import BEGIN, END, PAD, UNKNOWN
from logscan.networks.weights import shapes
from logscan.windows.sessions import Ints

MEMORY = 8_192  # tokens that are scored at once


def new_network(vocabulary: int, options: Language, seed: int) -> LlamaForCausalLM:
    """Random weights for so many tokens."""
    torch.manual_seed(seed)
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=vocabulary,
            hidden_size=options.hidden,
            intermediate_size=options.intermediate,
            num_hidden_layers=options.layers,
            num_attention_heads=options.heads,
            num_key_value_heads=options.heads,
            head_dim=options.head_dim,
            max_position_embeddings=options.context,
            pad_token_id=PAD,
            bos_token_id=BEGIN,
            eos_token_id=END,
        )
    )


def check_size(path: Path, vocabulary: int, options: Language) -> None:
    """See that a file holds as many weights as such a network has, before one is built: it may not fit into memory.

    Raises ModelError where it does not.
    """
    layers, hidden, wide = options.layers, options.hidden, options.intermediate
    attended = options.heads * options.head_dim
    asked: Counter[tuple[int, ...]] = Counter({(vocabulary, hidden): 2, (hidden,): 2 * layers + 1})
    for shape, n in (((attended, hidden), 3), ((hidden, attended), 1), ((wide, hidden), 2), ((hidden, wide), 1)):
        asked[shape] += n * layers
    if Counter(shapes(path).values()) != asked:
        raise ModelError(f"{path} is damaged (it is not of the size that the options ask for): train it again")


def learn(
    network: torch.nn.Module,
    normal: tuple[list[Ints], Ints],
    held_out: tuple[list[Ints], Ints],
    options: Language,
    run: Run,
) -> list[dict[str, float]]:
    """Next-key cross-entropy on normal sequences, each standing for as many as its weight says.

    normal, held_out: distinct sequences of tokens, and how many windows each is
    """
    sequences, weights = normal
    cut = chunks(np.array([len(sequence) for sequence in sequences]), options.context, options.overlap)

    def batches(epoch: int) -> list[Batch]:
        return shuffled(sequences, weights, cut, options.batch, np.random.default_rng([run.seed, epoch]))

    def loss(model: torch.nn.Module, batch: Batch) -> tuple[torch.Tensor, dict[str, float]]:
        surprises, weight = surprise(model, batch, options.unknown)
        return (surprises * weight).sum() / weight.sum(), {}

    def held_out_loss(model: torch.nn.Module) -> float:
        return mean_surprise(model, *held_out, options)

    stage = Stage(
        name="language model",
        epochs=options.epochs,
        learning_rate=options.learning_rate,
        weight_decay=options.weight_decay,
        loss=loss,
        batches=batches,
        held_out=held_out_loss if held_out[0] else None,
        patience=options.patience,
    )
    return train(network, stage, run)


def surprise(network: torch.nn.Module, batch: Batch, unknown: float = 0.0) -> tuple[torch.Tensor, torch.Tensor]:
    """(b, length - 1) cross-entropy of each next token in nats, and its weight, 0 where it is not to be predicted.

    A share `unknown` of the keys is hidden from the network, not from the loss. Padding is at the right, where causal
    attention does not look.
    """
    logits, tokens, weight = next_logits(network, batch, unknown)
    return cross_entropy(logits.transpose(1, 2), tokens, reduction="none"), weight


def next_logits(
    network: torch.nn.Module, batch: Batch, unknown: float = 0.0
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """(b, length - 1, vocabulary) logits of each next token, (b, length - 1) that token, and its weight."""
    device = next(network.parameters()).device
    tokens = torch.from_numpy(batch.tokens).to(device)
    shown = tokens
    if unknown:
        hidden = (torch.rand(tokens.shape, device=device) < unknown) & (tokens > UNKNOWN)
        shown = torch.where(hidden, UNKNOWN, tokens)
    logits = network(input_ids=shown, use_cache=False).logits[:, :-1].float()
    weight = torch.from_numpy(batch.targets * batch.weights[:, None]).to(device)[:, 1:]
    return logits, tokens[:, 1:], weight


def mean_surprise(network: torch.nn.Module, sequences: list[Ints], weights: Ints, options: Language) -> float:
    """Nats a token, over weighted sequences."""
    network.eval()
    with torch.inference_mode():
        parts = [
            surprise(network, batch)
            for batch in by_length(sequences, options.context, options.overlap, MEMORY, weights)
        ]
    total = sum(float((nats * weight).sum()) for nats, weight in parts)
    return total / sum(float(weight.sum()) for _, weight in parts)


class TorchScorer:
    """The network where it is not exported: `runtime.Session` does the same without torch."""

    provider = "torch"
    at_once = 1

    def __init__(self, network: torch.nn.Module) -> None:
        self.network = network.eval()

    def log_probs(self, tokens: Ints, stops: Ints | None = None) -> npt.NDArray[np.float32]:
        """See `judging.Scorer`."""
        device = next(self.network.parameters()).device
        with torch.inference_mode():
            branches = {} if stops is None else _branches(torch.from_numpy(stops).to(device))
            logits = self.network(input_ids=torch.from_numpy(tokens).to(device), use_cache=False, **branches).logits
            log_probs: npt.NDArray[np.float32] = logits.float().log_softmax(-1).cpu().numpy()
        return log_probs


def _branches(stops: torch.Tensor) -> dict[str, torch.Tensor]:
    """What the network is told of trees with these (b, length) stops: what each token looks at, and its position."""
    at = torch.arange(stops.shape[1], device=stops.device)
    seen = (at <= at[:, None]) & (at[:, None] < stops[:, None])
    return {"attention_mask": seen[:, None], "position_ids": seen.sum(-1) - 1}
