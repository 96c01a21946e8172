"""Networks that torch.onnx.export traces: what they compute, what they hold, and which files are refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from logscan.errors import ModelError
from logscan.runtime.session import int8_of, open_traced

torch = pytest.importorskip("torch", reason="needs logscan[train]")
pytest.importorskip("onnxscript", reason="needs logscan[train]")
torch.set_num_threads(1)

from logscan.networks.in_torch import InTorch  # noqa: E402
from logscan.runtime.traced import export_traced, round_weights  # noqa: E402

INPUTS = {"vectors": ("float32", "batch", "length", "width"), "mask": ("int64", "batch", "length")}
OUTPUTS = {"odds": ("float32", "batch"), "pooled": ("float32", "batch", "width")}


class Classifier(torch.nn.Module):  # type: ignore[misc,name-defined]
    """An LSTM over vectors; the first of its outputs is one number a window."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = torch.nn.LSTM(8, 4, batch_first=True, bidirectional=True)
        self.head = torch.nn.Linear(8, 1)

    def forward(self, vectors: Any, mask: Any) -> tuple[Any, Any]:
        states, _ = self.lstm(vectors * mask[..., None])
        pooled = states.mean(1)
        return self.head(pooled)[:, 0], pooled


def batch(rng: np.random.Generator, rows: int, length: int) -> tuple[Any, Any]:
    return rng.normal(size=(rows, length, 8)).astype(np.float32), rng.integers(0, 2, (rows, length))


@pytest.mark.slow
def test_an_lstm_with_two_outputs_for_any_batch_and_length(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network, path, rng = Classifier(), tmp_path / "detector.onnx", np.random.default_rng(0)
    batches = [batch(rng, rows, length) for rows, length in ((1, 1), (3, 5), (7, 30))]
    int8_of(path).write_bytes(b"of an older network")
    assert export_traced(network, INPUTS, OUTPUTS, path, batches) < 1e-5
    assert [file.name for file in tmp_path.iterdir()] == ["detector.onnx"]
    assert b".py" not in path.read_bytes()
    session = open_traced(path, INPUTS, OUTPUTS)
    assert session.sizes == {"width": 8}
    for found, expected in zip(session.run(*batches[2]), InTorch(network).run(*batches[2]), strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-5)
    with pytest.raises(ModelError, match="its input should be `tokens`"):
        open_traced(path, {"tokens": ("int64", "batch")}, OUTPUTS)

    round_weights(path)
    small = open_traced(int8_of(path), INPUTS, OUTPUTS)
    assert int8_of(path).stat().st_size < path.stat().st_size
    np.testing.assert_allclose(small.run(*batches[2])[0], session.run(*batches[2])[0], atol=0.02)


@pytest.mark.slow
def test_what_differs_from_torch_leaves_the_old_file(tmp_path: Path) -> None:
    class Fickle(torch.nn.Module):  # type: ignore[misc,name-defined]
        """Computes another thing when it is traced."""

        def __init__(self) -> None:
            super().__init__()
            self.head = torch.nn.Linear(8, 8)

        def forward(self, vectors: Any) -> Any:
            return self.head(vectors) + (1.0 if torch.compiler.is_compiling() else 0.0)

    path = tmp_path / "detector.onnx"
    path.write_bytes(b"old")
    declared = dict.fromkeys(("vectors", "found"), ("float32", "batch", "width"))
    inputs, outputs = ({name: sizes} for name, sizes in declared.items())
    with pytest.raises(ModelError, match="differs from torch by 1"):
        export_traced(Fickle(), inputs, outputs, path, [(np.ones((2, 8), np.float32),)])
    assert [file.read_bytes() for file in tmp_path.iterdir()] == [b"old"]
