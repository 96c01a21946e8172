"""Whether there is memory for a training, before anything large is loaded."""

from typing import Any

import torch

from logscan.errors import OptionError
from logscan.networks.adapters import TARGETS
from logscan.networks.options import Adapters, Lora

FOUR_BITS = 0.56  # bytes a weight of a quantised matrix, its scales included
ADAMW = 16  # bytes a trained parameter: float32, its gradient and two moments
SPARE = 0.9  # share of free memory that may be used


def needed(network: Any, adapters: Adapters, lora: Lora, tokens: int, checkpointing: bool) -> int:
    """Bytes to train a network, roughly: its weights, what AdamW keeps for the trained parameters, and activations.

    network: without its weights (see `pretrained.empty`); tokens: in one forward pass
    Activations of a layer are taken as 34 numbers of the hidden size a token (V. Korthikanti et al., "Reducing
    Activation Recomputation in Large Transformer Models", 2022, without the squares of attention, which are not kept);
    with checkpointing one number is kept a layer, and one layer is worked out at a time. The logits are float32.
    """
    config = network.config
    total = sum(weights.numel() for weights in network.parameters())
    gpu = torch.cuda.is_available()
    trained = total if adapters == "full" else _adapted(network, lora)
    match adapters:
        case "qlora":
            matrices = sum(m.weight.numel() for m in network.modules() if isinstance(m, torch.nn.Linear))
            weights = matrices * FOUR_BITS + (total - matrices) * (2 if gpu else 4)
        case "lora":
            weights = total * (2 if gpu else 4)
        case "full":
            weights = 0  # among the trained ones
    layers = config.num_hidden_layers
    kept = layers + 34 if checkpointing else 34 * layers
    activations = tokens * config.hidden_size * kept * (2 if gpu else 4) + tokens * config.vocab_size * 8
    return int(weights + trained * ADAMW + activations)


def _adapted(network: Any, lora: Lora) -> int:
    """Parameters of the adapters."""
    adapted = [
        m for name, m in network.named_modules() if name.rpartition(".")[2] in TARGETS[network.config.model_type]
    ]
    return sum(lora.r * (m.in_features + m.out_features) for m in adapted)


def available() -> int:
    """Free bytes: of the GPU if there is one, else of the machine."""
    if torch.cuda.is_available():
        return int(torch.cuda.mem_get_info()[0])
    from psutil import virtual_memory

    return int(virtual_memory().available)


def check(needed: int, what: str) -> None:
    """Raises OptionError where there is not enough memory for it."""
    there = available()
    if needed > SPARE * there:
        raise OptionError(
            f"{what} needs about {needed / 2**30:.1f} GiB, and {there / 2**30:.1f} GiB are free: "
            "try --set adapters=qlora, --set at_once=1, or a smaller --llm"
        )
