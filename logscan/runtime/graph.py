"""A network in the making as one ONNX file: nodes and weights, written once they are checked.

Weights of more than 1 GiB in all are kept in a second file beside it, of the same name with `.data`: the format holds
no more than 2 GiB, and ONNX Runtime maps that file into memory. They are written as they come, so that a network of any
size needs no more memory here than 1 GiB and a few times its largest matrix.
"""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

import numpy as np
import onnx
import torch
from onnx import TensorProto, ValueInfoProto, helper

from logscan.networks.adapters import effective_weight
from logscan.runtime.session import LARGEST, beside

OPSET = 23
WITHIN = LARGEST - (1 << 24)  # bytes of weights in the file itself: 16 MiB are left for all else
SMALL = 1 << 10  # bytes up to which a constant never moves out: sizes and axes must be known to infer shapes
PAGE = 1 << 12  # bytes; weights begin at a page, so that they can be mapped


class Graph:
    """Nodes and constants, to be used in a `with`. Values are known by their names."""

    def __init__(self, path: Path) -> None:
        """path: where `write` puts the network."""
        self._path, self._folder = path, path.with_name(f"{path.name}.new")
        opset = [helper.make_opsetid("", OPSET)]
        empty = helper.make_graph([], "logscan", [], [])
        self._model = helper.make_model(empty, opset_imports=opset, ir_version=helper.find_min_ir_version_for(opset))
        self._graph = self._model.graph
        self._bytes = 0
        self._data: BinaryIO | None = None

    def __enter__(self) -> Self:
        shutil.rmtree(self._folder, ignore_errors=True)  # of a process that was killed
        self._folder.mkdir()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._data:
            self._data.close()
        shutil.rmtree(self._folder)

    def nodes(self, operator: str, inputs: Sequence[str], outputs: int, **attributes: Any) -> list[str]:
        """A node with several outputs."""
        name = f"v{len(self._graph.node)}"
        names = [name] if outputs == 1 else [f"{name}.{part}" for part in range(outputs)]
        self._graph.node.append(helper.make_node(operator, inputs, names, **attributes))
        return names

    def __call__(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """A node with one output."""
        return self.nodes(operator, inputs, 1, **attributes)[0]

    def constant(self, value: torch.Tensor | np.ndarray[Any, Any]) -> str:
        """A weight, or another array."""
        array = value.detach().float().cpu().numpy() if isinstance(value, torch.Tensor) else value
        name = f"c{len(self._graph.initializer)}"
        tensor = self._graph.initializer.add(name=name)
        tensor.dims.extend(array.shape)
        tensor.data_type = helper.np_dtype_to_tensor_dtype(array.dtype)
        tensor.raw_data = array.tobytes()
        self._bytes += array.nbytes
        if self._data:
            self._move(tensor)
        elif self._bytes > WITHIN:
            self._data = beside(self._folder / self._path.name).open("wb")
            for made in self._graph.initializer:
                self._move(made)
        return name

    def _move(self, tensor: TensorProto) -> None:
        """A constant into the file beside, unless it is small."""
        assert self._data
        if len(tensor.raw_data) <= SMALL:
            return
        self._data.seek(-self._data.tell() % PAGE, os.SEEK_CUR)
        where = {"location": beside(self._path).name, "offset": self._data.tell(), "length": len(tensor.raw_data)}
        self._data.write(tensor.raw_data)
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
        for key, value in where.items():
            tensor.external_data.add(key=key, value=str(value))

    def integers(self, *values: int) -> str:
        """A vector of integers."""
        return self.constant(np.array(values, np.int64))

    def integer(self, value: int) -> str:
        """One integer, of no dimension."""
        return self.constant(np.array(value, np.int64))

    def linear(self, value: str, layer: Any, rows: Any = slice(None)) -> str:
        """A linear layer, or these rows of what it makes. Adapters are merged. Where several layers read the same
        value, a product for each is faster than to split one of all."""
        product = self("MatMul", value, self.constant(effective_weight(layer)[rows].T))
        return product if layer.bias is None else self("Add", product, self.constant(layer.bias[rows]))

    def rms_norm(self, value: str, layer: Any) -> str:
        """The norm of Llama."""
        weight = self.constant(layer.weight)
        return self("RMSNormalization", value, weight, axis=-1, epsilon=layer.variance_epsilon)

    def layer_norm(self, value: str, layer: Any) -> str:
        """The norm of BERT."""
        weight, bias = self.constant(layer.weight), self.constant(layer.bias)
        return self("LayerNormalization", value, weight, bias, axis=-1, epsilon=layer.eps)

    def write(self, inputs: Sequence[ValueInfoProto], output: ValueInfoProto) -> None:
        """The network with these inputs, atomically, once it is checked. The last node gives the output."""
        self._graph.node[-1].output[0] = output.name
        self._graph.input.extend(inputs)
        self._graph.output.append(output)
        made = self._folder / self._path.name
        if self._data:
            self._data.close()
        made.write_bytes(self._model.SerializeToString(deterministic=True))
        onnx.checker.check_model(made, full_check=True)
        install(made, self._path)


def install(made: Path, path: Path) -> None:
    """Move a network that was written elsewhere, under the same name, with its file of weights; what was there is
    replaced, and no network is ever beside the weights of another."""
    data, old = beside(made), beside(path)
    if data.exists():
        path.unlink(missing_ok=True)
        os.replace(data, old)
        os.replace(made, path)
    else:
        os.replace(made, path)
        old.unlink(missing_ok=True)
