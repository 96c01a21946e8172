"""Trained networks as ONNX files, compared with torch, and smaller ones with weights of eight bits.

The graph is written node by node with the operators of opset 23, which has attention, rotary embedding and RMS norm as
one operator each: about 400 for 18 layers. With PyTorch 2.13 torch.onnx.export made 579 of that opset, in which the
rotary embedding failed at any batch but one, or 1,239 of opset 18, which are slower. That both compute the same is not
taken on trust: `compare`.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

from logscan.errors import ModelError
from logscan.networks.adapters import effective_weight
from logscan.networks.vocabulary import PAD
from logscan.runtime import bert, llama
from logscan.runtime.graph import Graph
from logscan.runtime.session import Session, Tokens

LIMIT = 1e-4  # difference of a log-probability, or of an embedding, at which an exported network is refused
ROUNDING = 50  # times what torch is off by rounding alone, mostly 1e-6, that such a difference may be
LEVELS = 64  # of a weight of eight bits, on each side of zero


def export(network: Any, path: Path) -> None:
    """Write a LlamaForCausalLM as ONNX: `tokens` (int64, rows x length) with `seen` and `until` (int64, rows x seen),
    see `runtime.rows`, to `log_probs` (float32, rows x length x vocabulary), for any of these sizes.

    Raises ModelError where it cannot be written so.
    """
    with Graph(path) as graph:
        x = graph("Gather", graph.constant(network.model.embed_tokens.weight), "tokens")
        x = graph.rms_norm(llama.layers(graph, network.model, x, "tokens", ("seen", "until")), network.model.norm)
        graph("LogSoftmax", graph.linear(x, network.lm_head), axis=-1)
        looked_at = [_integers(name, "rows", "seen") for name in ("seen", "until")]
        inputs = [_integers("tokens", "rows", "length"), *looked_at]
        graph.write(inputs, _floats("log_probs", "rows", "length", network.config.vocab_size))


def export_encoder(encoder: Any, projector: torch.nn.Linear, path: Path) -> None:
    """Write a BertModel and what projects its pooled vectors: `tokens` (int64, batch x length, padded at the right) and
    `mask` (int64, batch x length, 1 where a token is real) to `embeddings` (float32, batch x width).

    Raises ModelError where it cannot be written so.
    """
    with Graph(path) as graph:
        graph.linear(bert.pooled(graph, encoder, "tokens", "mask"), projector)
        inputs = [_integers(name, "batch", "length") for name in ("tokens", "mask")]
        graph.write(inputs, _floats("embeddings", "batch", projector.out_features))


def export_states(encoder: Any, path: Path) -> None:
    """Write a BertModel without its pooler: `tokens` and `mask` as for `export_encoder`, to `states` (float32, batch x
    length x width), the last hidden ones, which mean nothing where a token is not real.

    Raises ModelError where it cannot be written so.
    """
    with Graph(path) as graph:
        bert.states(graph, encoder, "tokens", "mask")
        inputs = [_integers(name, "batch", "length") for name in ("tokens", "mask")]
        graph.write(inputs, _floats("states", "batch", "length", encoder.config.hidden_size))


def export_decoder(decoder: Any, prompt: Sequence[int], words: tuple[int, int], path: Path) -> None:
    """Write a LlamaForCausalLM that reads a prompt and vectors of messages, and chooses between two words.

    `embeddings` (float32, events x width) are those vectors. They and the tokens of the `prompt` are rows of a table,
    the prompt's first; `index` (int64, batch x length, padded at the right) tells which rows each sequence is made of,
    and `last` (int64, batch) the position after which a word is asked for. `log_odds` (float32, batch): how much
    likelier the second of the `words` is there than the first, as the difference of their logits.
    Raises ModelError where it cannot be written so.
    """
    model = decoder.model
    with Graph(path) as graph:
        known = graph.constant(model.embed_tokens.weight[list(prompt)])
        x = graph("Gather", graph("Concat", known, "embeddings", axis=0), "index")
        x = llama.layers(graph, model, x, "index")
        x = graph("GatherND", x, graph("Unsqueeze", "last", graph.integers(1)), batch_dims=1)
        first, second = effective_weight(decoder.lm_head)[list(words)]
        graph("MatMul", graph.rms_norm(x, model.norm), graph.constant(second - first))
        embeddings = _floats("embeddings", "events", model.config.hidden_size)
        inputs = [embeddings, _integers("index", "batch", "length"), _integers("last", "batch")]
        graph.write(inputs, _floats("log_odds", "batch"))


def compare(
    expected: Callable[..., Any],
    found: Callable[..., Any],
    batches: Iterable[tuple[Any, ...]],
    exactly: Callable[..., Any] | None = None,
) -> float:
    """The largest difference between what torch and a session make of the same arrays, if it is under `LIMIT`.

    exactly: what torch makes of them in double precision. Deep networks amplify what is rounded in a step of thousands:
    torch is far from itself there, too, and what is no more than `ROUNDING` times as much is no fault of the export.
    Raises ModelError if it is too large, or if a number is none.
    """
    largest = 0.0
    for batch in batches:
        wanted = expected(*batch)
        differences, limits = np.abs(found(*batch) - wanted), np.array(LIMIT)
        if exactly is not None and not (differences < limits).all():
            limits = np.maximum(limits, ROUNDING * np.abs(wanted - exactly(*batch)).max(-1, keepdims=True))
        if not (fits := differences < limits).all():
            raise ModelError(
                f"the exported network differs from torch by {differences[~fits].max():.1g}, {LIMIT:.0e} is the limit"
            )
        largest = max(largest, float(differences.max(initial=0)))
    return largest


@contextmanager
def renewed(folder: Path) -> Iterator[Path]:
    """A place to write exported networks in. At the end they go into the folder, in the place of all older ones; where
    something is raised, these stay."""
    with TemporaryDirectory(prefix=".export-", dir=folder) as made:
        yield Path(made)
        for old in folder.glob("*.onnx*"):
            old.unlink()
        for path in Path(made).iterdir():
            os.replace(path, folder / path.name)


def check(network: Any, session: Session, batches: Iterable[Tokens]) -> float:
    """`compare` the log-probabilities that a LlamaForCausalLM gives where tokens are real."""
    network.eval()

    @cache
    def doubled() -> Any:
        return deepcopy(network).double()

    return compare(
        lambda tokens: _log_probs(network, tokens),
        lambda tokens: session.log_probs(tokens)[tokens != PAD],
        ((batch,) for batch in batches),
        lambda tokens: _log_probs(doubled(), tokens),
    )


def _log_probs(network: Any, tokens: Tokens) -> Any:
    """(real tokens, vocabulary) what torch makes of them."""
    with torch.inference_mode():
        logits = network(input_ids=torch.from_numpy(tokens).to(network.device), use_cache=False).logits
        precise = torch.promote_types(logits.dtype, torch.float32)
        return torch.log_softmax(logits, -1, dtype=precise).cpu().numpy()[tokens != PAD]


def quantize(source: Path, target: Path) -> None:
    """Write an exported network with the weights of its matrices as integers, a scale for each column.

    The scale of what is multiplied with them is taken from each batch as a whole, so that a window's score depends a
    little on what is beside it. Weights have seven bits: with eight, CPUs without VNNI overflow.
    """
    model = onnx.load(source, load_external_data=False)
    weights = {tensor.name: tensor for tensor in model.graph.initializer}
    names = {value.name: value.name for value in model.graph.input}  # of values, there and here
    rounded: dict[str, list[str]] = {}  # values as integers, with scale and zero

    def weight(name: str) -> np.ndarray[Any, Any]:
        return numpy_helper.to_array(weights[name], str(source.parent))

    with Graph(target) as graph:
        for node in model.graph.node:
            if node.op_type == "MatMul" and node.input[1] in weights and len(weights[node.input[1]].dims) == 2:
                value = names[node.input[0]]
                if value not in rounded:
                    rounded[value] = graph.nodes("DynamicQuantizeLinear", [value], 3)
                names[node.output[0]] = _product(graph, rounded[value], weight(node.input[1]))
                continue
            for name in node.input:
                if name not in names:
                    names[name] = graph.constant(weight(name))
            how = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
            made = graph.nodes(node.op_type, [names[name] for name in node.input], len(node.output), **how)
            names |= zip(node.output, made, strict=True)
        graph.write(model.graph.input, model.graph.output[0])


def _product(graph: Graph, rounded: list[str], weight: np.ndarray[Any, Any]) -> str:
    """A value in integers, its scale and zero, times a matrix that is rounded here."""
    value, scale, zero = rounded
    scales = np.abs(weight).max(0) / LEVELS
    scales[scales == 0] = 1
    integers = graph.constant(np.rint(weight / scales).astype(np.int8))
    product = graph("Cast", graph("MatMulInteger", value, integers, zero), to=TensorProto.FLOAT)
    return graph("Mul", product, graph("Mul", scale, graph.constant(scales)))


def _integers(name: str, *sizes: str | int) -> Any:
    return helper.make_tensor_value_info(name, TensorProto.INT64, sizes)


def _floats(name: str, *sizes: str | int) -> Any:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, sizes)
