"""The training loop: a run that was cut short ends as it would have ended."""

import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from logscan.errors import InputError
from logscan.networks.batches import Batch, chunks, shuffled
from logscan.networks.run import Run, silent

torch = pytest.importorskip("torch", reason="needs logscan[train]")
torch.set_num_threads(1)

from logscan.networks.loop import Stage, train  # noqa: E402

SEQUENCES = [np.array([1, 4 + n % 3, 5 + n % 2, 7, 2]) for n in range(12)]


def new_network(seed: int = 0) -> Any:
    torch.manual_seed(seed)
    return torch.nn.Sequential(torch.nn.Embedding(8, 6), torch.nn.Dropout(0.3), torch.nn.Linear(6, 8))


def next_loss(network: Any, batch: Batch) -> tuple[Any, dict[str, float]]:
    tokens = torch.from_numpy(batch.tokens)
    return torch.nn.functional.cross_entropy(network(tokens)[:, :-1].flatten(0, 1), tokens[:, 1:].flatten()), {"n": 1.0}


def batches(epoch: int) -> Sequence[Batch]:
    cut = chunks(np.array([5] * 12), 8, 2)
    return shuffled(SEQUENCES, np.ones(12, np.int64), cut, 4, np.random.default_rng(epoch))


def stage(epochs: int = 6, rate: float = 0.01, **rest: Any) -> Stage[Batch]:
    return Stage("trial", epochs, rate, 0.01, rest.pop("loss", next_loss), batches, **rest)


def trained(run: Run, one: Stage[Batch], seed: int = 0) -> tuple[dict[str, Any], list[dict[str, float]]]:
    network = new_network(seed)
    history = train(network, one, run)
    return network.state_dict(), history


def equal(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return all(torch.equal(one[name], other[name]) for name in one) and one.keys() == other.keys()


def test_the_same_seed_has_the_same_weights() -> None:
    weights, history = trained(Run(seed=3), stage())
    again, _ = trained(Run(seed=3), stage())
    other, _ = trained(Run(seed=4), stage())
    assert equal(weights, again)
    assert not equal(weights, other)
    assert len(history) == 6
    assert history[-1]["loss"] < history[0]["loss"]
    assert history[0]["n"] == pytest.approx(1)


class Interrupted(Exception):
    """In the place of Control-C."""


@pytest.mark.parametrize("after", [1, 3, 5])
def test_a_run_that_is_interrupted_and_resumed_ends_as_one_that_was_not(tmp_path: Path, after: int) -> None:
    def interrupt(name: str, epoch: int, epochs: int, figures: dict[str, float], /) -> None:
        if epoch == after:
            raise Interrupted

    whole, history = trained(Run(1), stage(held_out=held_out, patience=2))
    with pytest.raises(Interrupted):
        trained(Run(1, tmp_path, interrupt), stage(held_out=held_out, patience=2))
    resumed, figures = trained(Run(1, tmp_path, silent), stage(held_out=held_out, patience=2), seed=9)
    assert equal(resumed, whole)
    assert figures == history
    again, figures = trained(Run(1, tmp_path, silent), stage(held_out=held_out, patience=2), seed=9)
    assert equal(again, whole)  # of a run that had ended
    assert figures == history
    assert [path.name for path in tmp_path.iterdir()] == ["trial.pt"]


def held_out(network: Any) -> float:
    network.eval()
    with torch.inference_mode():
        return float(np.mean([next_loss(network, batch)[0].item() for batch in batches(99)]))


CHILD = """
import os, signal, sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from test_loop import Run, stage, trained
def kill(name, epoch, epochs, figures):
    if epoch == 3:
        os.kill(os.getpid(), signal.SIGKILL)
trained(Run(1, Path(sys.argv[2]), kill), stage())
"""


@pytest.mark.slow
def test_a_run_that_is_killed_and_resumed_ends_as_one_that_was_not(tmp_path: Path) -> None:
    command = [sys.executable, "-c", CHILD, str(Path(__file__).parent), str(tmp_path)]
    assert subprocess.run(command, check=False, timeout=600).returncode == -signal.SIGKILL
    told = []
    run = Run(1, tmp_path, lambda name, epoch, epochs, figures: told.append(epoch))
    assert equal(trained(run, stage(), seed=9)[0], trained(Run(1), stage())[0])
    assert told == [4, 5, 6]


def test_early_stopping_keeps_the_best_weights() -> None:
    losses = iter([3.0, 1.0, 2.0, 1.5, 0.5])
    seen = []

    def planned(network: Any) -> float:
        seen.append({name: value.clone() for name, value in network.state_dict().items()})
        return next(losses)

    weights, history = trained(Run(), stage(epochs=20, held_out=planned, patience=2))
    assert [figures["held-out loss"] for figures in history] == [3.0, 1.0, 2.0, 1.5]
    assert equal(weights, seen[1])
    assert not equal(weights, seen[3])


def test_without_patience_or_held_out_all_epochs_run() -> None:
    rising = iter(range(9))
    assert len(trained(Run(), stage(held_out=lambda network: float(next(rising))))[1]) == 6
    assert len(trained(Run(), stage(patience=2))[1]) == 6


def test_no_epochs_leave_the_network_alone() -> None:
    weights, history = trained(Run(), stage(epochs=0))
    assert history == []
    assert equal(weights, new_network().state_dict())


def test_a_loss_that_is_no_number_is_said() -> None:
    def broken(network: Any, batch: Batch) -> tuple[Any, dict[str, float]]:
        return next_loss(network, batch)[0] * float("nan"), {}

    with pytest.raises(InputError, match="trial: the loss is no number any more"):
        trained(Run(), stage(loss=broken))
    with pytest.raises(InputError, match="trial: the loss is no number any more"):
        trained(Run(), stage(held_out=lambda network: float("nan")))


def test_a_checkpoint_of_something_else_is_said(tmp_path: Path) -> None:
    path = tmp_path / "trial.pt"
    trained(Run(0, tmp_path), stage(epochs=1))
    content = path.read_bytes()
    for broken in (b"", b"nothing", content[: len(content) // 2]):
        path.write_bytes(broken)
        with pytest.raises(InputError, match="is not of this training"):
            trained(Run(0, tmp_path), stage())
    torch.save({"network": torch.nn.Linear(2, 2).state_dict()}, path)
    with pytest.raises(InputError, match="is not of this training"):
        trained(Run(0, tmp_path), stage())
