"""The training loop: epochs, early stopping, checkpoints.

Every epoch draws its order and its dropout from the seed and its own number, so that a run that was killed ends, when
it is resumed, as it would have ended. `accelerate` places it: on a GPU in bf16, on several when started by `accelerate
launch`, else on the CPU.
"""

import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, Generic, TypeVar

import torch
from accelerate import Accelerator

from logscan.errors import InputError
from logscan.networks.run import Run

B = TypeVar("B")  # what a batch is

WARMUP = 0.05  # share of all steps in which the learning rate rises
LOWEST = 0.05  # share of the learning rate that is left at the end


@dataclass(frozen=True)
class Stage(Generic[B]):
    """One stage of a training, of the parameters that require gradients.

    loss(network, batch): the mean loss of a batch, and figures to be shown
    batches(epoch): the batches of an epoch
    held_out(network): the loss on what is held out, lower is better, and of equal ones the later; or figures of which
    "held-out loss" is it; None: the last epoch's network is kept
    patience: epochs without a better one, after which the stage ends; 0: never
    accumulate: batches whose gradients make one step
    """

    name: str
    epochs: int
    learning_rate: float
    weight_decay: float
    loss: Callable[[torch.nn.Module, B], tuple[torch.Tensor, dict[str, float]]]
    batches: Callable[[int], Sequence[B]]
    held_out: Callable[[torch.nn.Module], float | dict[str, float]] | None = None
    patience: int = 0
    accumulate: int = 1


@dataclass
class _State:
    epoch: int = 0
    best: float = math.inf
    best_epoch: int = 0
    weights: dict[str, torch.Tensor] = field(default_factory=dict)
    history: list[dict[str, float]] = field(default_factory=list)


def train(network: torch.nn.Module, stage: Stage[B], run: Run) -> list[dict[str, float]]:
    """Train the network in place; it ends with its best weights. Gives the figures of each epoch.

    Raises InputError where the loss is no number any more, or the checkpoint is not of this training.
    """
    if not stage.epochs:
        return []
    accelerator = Accelerator(mixed_precision="no")  # else bf16 would stay in the network's `forward`
    learning = _learning(network)
    optimizer = torch.optim.AdamW(
        learning.values(), lr=stage.learning_rate, weight_decay=stage.weight_decay, fused=True
    )
    state = _State()
    checkpoint = None if run.folder is None else run.folder / f"{stage.name}.pt"
    if checkpoint is not None and checkpoint.is_file():
        state = _load(checkpoint, learning, optimizer)
    model, optimizer = accelerator.prepare(network, optimizer)
    while state.epoch < stage.epochs and not _patience_is_over(state, stage):
        figures = _epoch(model, optimizer, stage, run, state.epoch, accelerator)
        state.epoch += 1
        if stage.held_out is not None:
            found = stage.held_out(network)
            figures |= found if isinstance(found, dict) else {"held-out loss": found}
        if not math.isfinite(figures["loss"] + figures.get("held-out loss", 0.0)):
            raise InputError(f"{stage.name}: the loss is no number any more; try a lower learning rate")
        if figures.get("held-out loss", -math.inf) <= state.best:
            state.best, state.best_epoch = figures.get("held-out loss", -math.inf), state.epoch
            state.weights = {name: value.detach().clone() for name, value in learning.items()}
        state.history.append(figures)
        if checkpoint is not None and accelerator.is_main_process:
            _save(checkpoint, learning, optimizer, state)
        run.progress(stage.name, state.epoch, stage.epochs, figures)
    _restore(learning, state.weights)
    return state.history


def _learning(network: torch.nn.Module) -> dict[str, torch.nn.Parameter]:
    """What is trained: of a network with frozen parts, gigabytes perhaps, no checkpoint holds these."""
    return {name: weights for name, weights in network.named_parameters() if weights.requires_grad}


def _restore(learning: Mapping[str, torch.nn.Parameter], weights: Mapping[str, torch.Tensor]) -> None:
    """Put weights in their places. Raises KeyError or RuntimeError where they are of another network."""
    with torch.no_grad():
        for name, parameter in learning.items():
            parameter.copy_(weights[name])


def _patience_is_over(state: _State, stage: Stage[B]) -> bool:
    return bool(stage.patience) and state.epoch - state.best_epoch >= stage.patience


def _epoch(
    model: torch.nn.Module, optimizer: Any, stage: Stage[B], run: Run, epoch: int, accelerator: Accelerator
) -> dict[str, float]:
    """One pass over the batches; gives the means of the figures."""
    torch.manual_seed(run.seed * 1_000_003 + epoch)
    batches = stage.batches(epoch)
    sums: dict[str, float] = {}
    model.train()
    with accelerator.split_between_processes(list(batches), apply_padding=True) as mine:
        for n, batch in enumerate(mine):
            rate = _schedule((epoch * len(mine) + n) / (stage.epochs * len(mine)))
            for group in optimizer.param_groups:
                group["lr"] = stage.learning_rate * rate
            with torch.autocast(accelerator.device.type, torch.bfloat16, enabled=torch.cuda.is_available()):
                loss, figures = stage.loss(model, batch)
            accelerator.backward(loss / stage.accumulate)
            if (n + 1) % stage.accumulate == 0 or n + 1 == len(mine):
                accelerator.clip_grad_norm_(model.parameters(), 1.0)
                optimizer.step()
                optimizer.zero_grad()
            for name, value in {"loss": loss.item(), **figures}.items():
                sums[name] = sums.get(name, 0.0) + value / len(mine)
    return sums


def _schedule(done: float) -> float:
    """The learning rate's factor when that share of all steps is done: it rises, then falls as a cosine does."""
    return min(1.0, done / WARMUP + 0.01) * (LOWEST + (1 - LOWEST) * (1 + math.cos(math.pi * done)) / 2)


def _save(path: Path, learning: Mapping[str, torch.nn.Parameter], optimizer: Any, state: _State) -> None:
    """Atomically: killed at any moment, the older checkpoint or the newer one is there."""
    made = path.with_suffix(".new")
    weights = {name: value.detach() for name, value in learning.items()}
    torch.save({"network": weights, "optimizer": optimizer.state_dict(), **vars(state)}, made)
    os.replace(made, path)


def _load(path: Path, learning: Mapping[str, torch.nn.Parameter], optimizer: torch.optim.Optimizer) -> _State:
    try:
        saved = torch.load(path, map_location="cpu", weights_only=True)
        _restore(learning, saved.pop("network"))
        optimizer.load_state_dict(saved.pop("optimizer"))
        return _State(**saved)
    except (RuntimeError, EOFError, UnpicklingError, AttributeError, KeyError, TypeError, ValueError):
        raise InputError(f"{path} is not of this training: remove it, or use the options of the one it is of") from None
