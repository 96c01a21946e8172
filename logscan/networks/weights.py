"""Trained weights in a safetensors file."""

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from logscan.errors import ModelError


def save_weights(weights: Mapping[str, torch.Tensor], path: Path) -> None:
    """Write weights by name."""
    whole = {name: value.detach().cpu().contiguous() for name, value in weights.items()}
    path.write_bytes(save(whole))  # `save_file` makes a file that only its owner can read


def check_weights(weights: Mapping[str, torch.Tensor], path: Path) -> None:
    """Raises ModelError where a file does not hold just these weights in these sizes; only its header is read, and the
    weights may be on no device: a network that a stranger's bundle asks for is not built before that."""
    wanted, found = {name: tuple(value.shape) for name, value in weights.items()}, shapes(path)
    if wanted != found:
        odd = sorted(name for name in {*wanted, *found} if wanted.get(name) != found.get(name))
        raise ModelError(f"{path} is damaged ({odd[0]} is not as it should be): train it again")


def shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """Of the weights in a file, as its header tells them, which safetensors holds against the size of the file.

    Raises ModelError where there is no such file.
    """
    try:
        with safe_open(path, "pt") as file:
            return {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118 - no dict
    except (SafetensorError, OSError) as error:
        raise ModelError(f"{path} is damaged ({str(error).splitlines()[0]}): train it again") from None


def load_weights(weights: Mapping[str, torch.Tensor], path: Path) -> None:
    """Put what `save_weights` wrote in the places of these weights. Raises ModelError."""
    check_weights(weights, path)
    with safe_open(path, "pt") as file, torch.no_grad():
        for name, value in weights.items():
            value.copy_(file.get_tensor(name))
