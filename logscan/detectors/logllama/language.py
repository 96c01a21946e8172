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
from logscan.networks import rows
from logscan.networks.batches import pooled
from logscan.networks.loop import Stage, train
from logscan.networks.run import Run
from logscan.networks.trees import TREE, Forest, Steps
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
    forest, held_out_forest = (Forest.of(of, options.context, options.overlap) for of in (normal[0], held_out[0]))

    def batches(epoch: int) -> list[Ints]:
        return shuffled(forest, options.batch, np.random.default_rng([run.seed, epoch]))

    def loss(model: torch.nn.Module, batch: Ints) -> tuple[torch.Tensor, dict[str, float]]:
        surprises, weight = surprise(model, forest, normal[1], batch, options.unknown)
        return (surprises * weight).sum() / weight.sum(), {}

    def held_out_loss(model: torch.nn.Module) -> float:
        return mean_surprise(model, held_out_forest, held_out[1])

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


def shuffled(forest: Forest, size: int, rng: np.random.Generator) -> list[Ints]:
    """All trees in batches that hold about `size` sequences, in random order."""
    each = -(-size * len(forest.trees) // max(1, forest.pieces))
    return pooled(forest.lengths, each, rng)


def surprise(
    network: torch.nn.Module, forest: Forest, weights: Ints, chosen: Ints, unknown: float = 0.0
) -> tuple[torch.Tensor, torch.Tensor]:
    """(n,) cross-entropy of each step of the chosen trees in nats, and the weight of its sequence.

    A share `unknown` of the keys is hidden from the network, not from the loss.
    """
    steps = forest.steps(chosen)
    logits = next_logits(network, steps, unknown)
    tokens, weight = forest.tokens[steps.at], weights[forest.sequence[steps.at]]
    true = torch.from_numpy(tokens).to(logits.device)
    return cross_entropy(logits, true, reduction="none"), torch.from_numpy(weight).to(logits.device).float()


def next_logits(network: torch.nn.Module, steps: Steps, unknown: float = 0.0) -> torch.Tensor:
    """(n, vocabulary) logits of the token that is predicted in each step."""
    device = next(network.parameters()).device
    tokens, stops, places = (torch.from_numpy(of).to(device) for of in (steps.tokens, steps.stops, steps.places))
    if unknown:
        hidden = (torch.rand(tokens.shape, device=device) < unknown) & (tokens > UNKNOWN)
        tokens = torch.where(hidden, UNKNOWN, tokens)
    logits: torch.Tensor = network(input_ids=tokens, use_cache=False, **_branches(stops)).logits
    return logits.flatten(0, 1).index_select(0, places).float()


def mean_surprise(network: torch.nn.Module, forest: Forest, weights: Ints) -> float:
    """Nats a token, over weighted sequences."""
    network.eval()
    with torch.inference_mode():
        parts = [surprise(network, forest, weights, chosen) for chosen in rows.by_length(forest.lengths, MEMORY)]
    total = sum(float((nats * weight).sum()) for nats, weight in parts)
    return total / sum(float(weight.sum()) for _, weight in parts)


class TorchScorer:
    """The network where it is not exported: `runtime.Session` does the same without torch."""

    provider = "torch"
    at_once = 1
    tree = TREE

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
