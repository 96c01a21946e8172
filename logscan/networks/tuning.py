"""Pretrained networks that are tuned: opened if memory allows, prepared, and restored from what was trained of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

import torch

from logscan.networks import memory
from logscan.networks.adapters import add_adapters, set_learning
from logscan.networks.options import SCRATCH, Adapters, Lora
from logscan.networks.pretrained import DECODER, ENCODER, Base, empty, open_decoder, open_encoder, saved_base
from logscan.networks.weights import check_weights, load_weights

N = TypeVar("N", bound=torch.nn.Module)


class How(Protocol):
    """Options of a detector that tunes what was pretrained."""

    @property
    def adapters(self) -> Adapters:
        """Of a base that is not from scratch, which is trained in full."""

    @property
    def lora(self) -> Lora:
        """The adapters' sizes."""

    @property
    def at_once(self) -> int:
        """What is read in one forward pass of training."""

    @property
    def checkpointing(self) -> bool:
        """Less memory for activations, which are worked out twice."""


@dataclass(frozen=True)
class Wanted:
    """A base as it was asked for. architecture: ENCODER or DECODER; name: hub id, path, or SCRATCH;
    tokens: of what it reads, at most"""

    architecture: str
    name: str
    revision: str | None
    tokens: int


def check_memory(wanted: Sequence[Wanted], how: How) -> None:
    """Raises OptionError where bases that are not from scratch would not fit into memory to be trained."""
    needed = 0
    for one in wanted:
        if one.name != SCRATCH:
            network = empty(one.architecture, one.name, one.revision)
            tokens = min(one.tokens, network.config.max_position_embeddings) * how.at_once
            needed += memory.needed(network, how.adapters, how.lora, tokens, how.checkpointing)
    memory.check(needed, f"to train {' and '.join(one.name for one in wanted)}")


def opened(wanted: Wanted, how: How, scratch: Callable[[], Base]) -> Base:
    """A base, from `scratch` where it is asked for so, prepared. Raises OptionError where it cannot be used."""
    if wanted.name == SCRATCH:
        base = scratch()
    else:
        open_ = {ENCODER: open_encoder, DECODER: open_decoder}[wanted.architecture]
        base = open_(wanted.name, wanted.revision, how.adapters)
    prepare(base, how)
    return base


def prepare(base: Base, how: How) -> None:
    """Add adapters to what has learnt before and is not trained in full, and checkpointing."""
    if how.checkpointing:
        base.model.activation_checkpointing_enable()
    if base.digest:
        add_adapters(base.model, how.lora)


def trained_parts(network: torch.nn.Module) -> dict[str, torch.nn.Parameter]:
    """All that is trained of a network, by name; its parts are bases, and what is on top of them."""
    for part in network.children():
        set_learning(part, True)
    return {name: weights for name, weights in network.named_parameters() if weights.requires_grad}


def restored(
    build: Callable[..., N], saved: Sequence[tuple[Wanted, Path, str]], how: How, weights: Path
) -> tuple[N, list[Base]]:
    """A network that `build` makes of the models of its bases, as it was saved, and these bases.

    saved: of each base what was asked for, the folder that `save_base` wrote, and the digest
    Raises OptionError where a base cannot be opened, ModelError where it is another one, or weights are damaged.
    """
    if not any(digest for *_, digest in saved):
        blank = [empty(one.architecture, str(folder)) for one, folder, _ in saved]
        with torch.device("meta"):
            check_weights(trained_parts(build(*blank)), weights)
    bases = [
        saved_base(one.architecture, folder, one.name, one.revision, digest, how.adapters)
        for one, folder, digest in saved
    ]
    for base in bases:
        prepare(base, how)
    network = build(*(base.model for base in bases))
    load_weights(trained_parts(network), weights)
    return network, bases


def on(device: Any, *arrays: Any) -> list[torch.Tensor]:
    """Arrays as tensors there."""
    return [torch.from_numpy(array).to(device) for array in arrays]
