"""Networks of any kind as ONNX files: traced by torch.onnx.export, for those that are not worth a graph by hand.

What goes in and comes out is declared by name as in `session`, e.g. {"tokens": ("int64", "batch", "length")}; the sizes
that a network has are called `vocabulary` or `width`, all others are free.
"""

import logging
import os
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

from logscan.errors import ModelError, OptionError
from logscan.networks.in_torch import InTorch
from logscan.runtime.export import compare
from logscan.runtime.session import FIXED, LARGEST, Declared, int8_of, open_traced

OPSET = 20  # from 23 on there is an operator of attention, whose masks ONNX Runtime does not repeat for all queries
LEVELS = 127  # of a weight of eight bits, on each side of zero
SMALLEST = 256  # numbers that are worth being rounded
KINDS = {"int64": TensorProto.INT64, "float32": TensorProto.FLOAT}


def export_traced(
    network: torch.nn.Module,
    inputs: Declared,
    outputs: Declared,
    path: Path,
    batches: Sequence[tuple[Any, ...]],
) -> float:
    """Write a network as ONNX and give its largest difference from torch on these batches of inputs.

    It is traced with the first batch. What was there before, with weights of eight bits too, is replaced once the new
    one is known to be right.
    Raises ModelError where the network cannot be traced or does not compute the same, OptionError without onnxscript.
    """
    try:
        import onnxscript  # noqa: F401
    except ImportError:
        raise OptionError("export of this network needs onnxscript: pip install 'logscan[train]'") from None
    network.eval()
    free = {name for _, *sizes in inputs.values() for name in sizes if name not in FIXED}
    dims = {name: torch.export.Dim(name) for name in free}
    shapes = {
        name: {axis: dims[size] for axis, size in enumerate(sizes) if size in dims}
        for name, (_, *sizes) in inputs.items()
    }
    device = next(network.parameters()).device
    first = [_twice(array, axes) for array, axes in zip(batches[0], shapes.values(), strict=True)]
    examples = tuple(torch.from_numpy(array).to(device) for array in first)
    with _quiet():
        try:
            program = torch.onnx.export(
                network,
                examples,
                dynamo=True,
                dynamic_shapes=tuple(shapes.values()),
                input_names=list(inputs),
                output_names=list(outputs),
                opset_version=OPSET,
                verbose=False,
            )
        except torch.onnx.errors.OnnxExporterError as error:
            raise ModelError(f"the network cannot be traced: {str(error).splitlines()[0]}") from None
    assert program is not None
    model = program.model_proto
    _declare(model.graph.input, inputs)
    _declare(model.graph.output, outputs)
    del model.graph.value_info[:]  # of the example: an LSTM's length is taken from there
    for part in (model, model.graph, *model.graph.node, *model.graph.initializer):
        del part.metadata_props[:]  # among them are paths of this machine
    made = path.with_name(f".{path.name}")
    try:
        _write(model, made)
        session = open_traced(made, inputs, outputs)
        difference = compare(_joined(InTorch(network).run), _joined(session.run), batches)
        int8_of(path).unlink(missing_ok=True)
        os.replace(made, path)
    finally:
        made.unlink(missing_ok=True)
    return difference


def round_weights(path: Path) -> None:
    """Write an exported network again, as `int8_of` names it, with weights as integers of eight bits, a scale for each
    row: a quarter of the size. They are made floats again where they are used, so that an LSTM, too, can have them."""
    model = onnx.load(path)
    nodes = []
    for weight in list(model.graph.initializer):
        array = numpy_helper.to_array(weight)
        if array.dtype != np.float32 or array.ndim < 2 or array.size < SMALLEST:
            continue
        scales = np.maximum(np.abs(array).max(axis=-1), np.finfo(np.float32).tiny) / LEVELS
        integers = np.rint(array / scales[..., None]).astype(np.int8)
        rows = {"integers": integers.reshape(-1, array.shape[-1]), "scales": scales.reshape(-1)}
        model.graph.initializer.remove(weight)
        rows["shape"] = np.array(array.shape, np.int64)
        names = {part: f"{weight.name}.{part}" for part in rows}
        model.graph.initializer.extend(numpy_helper.from_array(value, names[part]) for part, value in rows.items())
        flat = f"{weight.name}.flat"
        nodes.append(helper.make_node("DequantizeLinear", [names["integers"], names["scales"]], [flat], axis=0))
        nodes.append(helper.make_node("Reshape", [flat, names["shape"]], [weight.name]))
    for node in reversed(nodes):
        model.graph.node.insert(0, node)
    made = path.with_name(f".{path.name}")
    _write(model, made)
    os.replace(made, int8_of(path))


def _twice(array: Any, free: Iterable[int]) -> Any:
    """An array with no free size of one: torch takes that for a size that the network has."""
    for axis in free:
        array = np.repeat(array, 2, axis) if array.shape[axis] == 1 else array
    return np.ascontiguousarray(array)


def _declare(values: Any, declared: Declared) -> None:
    """Put in what the network is known to take and to give."""
    fixed = [[size.dim_value for size in value.type.tensor_type.shape.dim] for value in values]
    del values[:]
    for (name, (kind, *sizes)), found in zip(declared.items(), fixed, strict=True):
        shape = [found[axis] if size in FIXED else size for axis, size in enumerate(sizes)]
        values.append(helper.make_tensor_value_info(name, KINDS[kind], shape))


def _write(model: onnx.ModelProto, path: Path) -> None:
    """The network, once it is checked."""
    onnx.checker.check_model(model, full_check=True)
    content = model.SerializeToString(deterministic=True)
    if len(content) > LARGEST:
        raise ModelError(f"the network is larger than {LARGEST >> 20} MiB and cannot be exported")
    path.write_bytes(content)


def _joined(run: Any) -> Any:
    """Several outputs as one array, to be compared."""

    def joined(*arrays: Any) -> Any:
        found = run(*arrays)
        return np.concatenate([x.ravel() for x in found]) if isinstance(found, list) else found

    return joined


@contextmanager
def _quiet() -> Iterator[None]:
    """What torch says while it traces is about itself."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
