"""A trained network as one ONNX file, compared with torch, and a smaller one with weights of eight bits.

The graph is written node by node with the operators of opset 23, which has attention, rotary embedding and RMS norm as
one operator each: about 300 for 18 layers. With PyTorch 2.13 torch.onnx.export made 579 of that opset, in which the
rotary embedding failed at any batch but one, or 1,239 of opset 18, which are slower. That both compute the same is not
taken on trust: `check`.
"""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

from logscan.errors import ModelError
from logscan.networks.vocabulary import PAD
from logscan.runtime.session import Session, Tokens

OPSET = 23
LIMIT = 1e-4  # difference of a log-probability at which an exported network is refused


def export(network: Any, path: Path) -> None:
    """Write a LlamaForCausalLM as ONNX: `tokens` (int64, batch x length, padded at the right) to `log_probs` (float32,
    batch x length x vocabulary), both for any batch and length.

    No mask is made for padding: attention looks only back, and what is padded comes after all that is real.
    """
    graph = _Graph()
    _llama(graph, network)
    graph.nodes[-1].output[0] = "log_probs"
    sizes = ["batch", "length", network.config.vocab_size]
    whole = helper.make_graph(
        graph.nodes,
        "logscan",
        [helper.make_tensor_value_info("tokens", TensorProto.INT64, sizes[:2])],
        [helper.make_tensor_value_info("log_probs", TensorProto.FLOAT, sizes)],
        graph.constants,
    )
    opset = [helper.make_opsetid("", OPSET)]
    model = helper.make_model(whole, opset_imports=opset, ir_version=helper.find_min_ir_version_for(opset))
    _write(model, path)


def largest_difference(network: Any, session: Session, batches: Iterable[Tokens]) -> float:
    """Between the log-probabilities of torch and of the session, where tokens are real; nan if one of them is."""
    network.eval()
    differences = [0.0]
    for tokens in batches:
        with torch.inference_mode():
            logits = network(input_ids=torch.from_numpy(tokens).to(network.device), use_cache=False).logits
            expected = torch.log_softmax(logits.float(), -1).cpu().numpy()
        difference = np.abs(session.log_probs(tokens) - expected)
        differences.append(float(difference[tokens != PAD].max(initial=0)))
    return float(np.max(differences))


def check(network: Any, session: Session, batches: Iterable[Tokens]) -> float:
    """`largest_difference`, if it is under `LIMIT`. Raises ModelError if not."""
    difference = largest_difference(network, session, batches)
    if not difference < LIMIT:
        raise ModelError(f"the exported network differs from torch by {difference:.1g}, {LIMIT:.0e} is the limit")
    return difference


def quantize(source: Path, target: Path) -> None:
    """Write an exported network with the weights of its matrices as integers, a scale for each column.

    The scale of what is multiplied with them is taken from each batch as a whole, so that a window's log-probabilities
    depend a little on what is beside it. Weights have seven bits: with eight, CPUs without VNNI overflow.
    """
    from onnxruntime.quantization import QuantType, quantize_dynamic
    from onnxruntime.quantization.quant_utils import add_pre_process_metadata

    model = onnx.load(source)
    add_pre_process_metadata(model)  # there is nothing to prepare, and it would warn
    made = _beside(target)
    quantize_dynamic(model, made, op_types_to_quantize=["MatMul"], per_channel=True, reduce_range=True,
                     weight_type=QuantType.QInt8)  # fmt: skip
    _write(onnx.load(made), target)


class _Graph:
    """Nodes and constants in the making. Values are known by their names."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[TensorProto] = []

    def constant(self, value: torch.Tensor | np.ndarray[Any, Any]) -> str:
        """A weight, or another array."""
        array = value.detach().float().cpu().numpy() if isinstance(value, torch.Tensor) else value
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(array), f"c{len(self.constants)}"))
        return self.constants[-1].name

    def integers(self, *values: int) -> str:
        """A vector of integers."""
        return self.constant(np.array(values, np.int64))

    def split(self, value: str, *sizes: int) -> list[str]:
        """Parts of these sizes along the last axis."""
        names = [f"v{len(self.nodes)}.{part}" for part in range(len(sizes))]
        self.nodes.append(helper.make_node("Split", [value, self.integers(*sizes)], names, axis=-1))
        return names

    def __call__(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """A node with one output."""
        name = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, inputs, [name], **attributes))
        return name

    def linear(self, value: str, *layers: torch.nn.Linear) -> str:
        """What several layers without bias make of the same value, side by side: one product is faster than three."""
        return self("MatMul", value, self.constant(torch.cat([layer.weight for layer in layers]).T))

    def norm(self, value: str, layer: Any) -> str:
        """RMS norm."""
        weight = self.constant(layer.weight)
        return self("RMSNormalization", value, weight, axis=-1, epsilon=layer.variance_epsilon)


def _llama(graph: _Graph, network: Any) -> None:
    """All nodes; the last one gives the log-probabilities."""
    config, model = network.config, network.model
    cos, sin, positions = _rotary(graph, model.rotary_emb.inv_freq)
    x = graph("Gather", graph.constant(model.embed_tokens.weight), "tokens")  # (batch, length, hidden)
    for layer in model.layers:
        attention, mlp = layer.self_attn, layer.mlp
        heads, key_heads = config.num_attention_heads, config.num_key_value_heads
        y = graph.norm(x, layer.input_layernorm)
        y = graph.linear(y, attention.q_proj, attention.k_proj, attention.v_proj)
        q, k, v = graph.split(y, *(size * attention.head_dim for size in (heads, key_heads, key_heads)))
        q = graph("RotaryEmbedding", q, cos, sin, positions, num_heads=heads)
        k = graph("RotaryEmbedding", k, cos, sin, positions, num_heads=key_heads)
        how = {"q_num_heads": heads, "kv_num_heads": key_heads, "is_causal": 1, "scale": attention.scaling}
        x = graph("Add", x, graph.linear(graph("Attention", q, k, v, **how), attention.o_proj))
        y = graph.norm(x, layer.post_attention_layernorm)
        gate, up = graph.split(graph.linear(y, mlp.gate_proj, mlp.up_proj), *[config.intermediate_size] * 2)
        silu = graph("Mul", gate, graph("Sigmoid", gate))
        x = graph("Add", x, graph.linear(graph("Mul", silu, up), mlp.down_proj))
    graph("LogSoftmax", graph.linear(graph.norm(x, model.norm), network.lm_head), axis=-1)


def _rotary(graph: _Graph, frequencies: torch.Tensor) -> tuple[str, str, str]:
    """cos and sin (length, head_dim / 2) of the angles at each position, and positions (batch, length)."""
    sizes = graph("Shape", "tokens")
    length = graph("Squeeze", graph("Shape", "tokens", start=1))
    zero, one = graph.constant(np.array(0, np.int64)), graph.constant(np.array(1, np.int64))
    row = graph("Range", zero, length, one)
    column = graph("Cast", graph("Unsqueeze", row, graph.integers(1)), to=TensorProto.FLOAT)
    angles = graph("Mul", column, graph.constant(frequencies))
    return graph("Cos", angles), graph("Sin", angles), graph("Expand", row, sizes)


def _beside(path: Path) -> Path:
    return path.with_name(f"{path.name}.new")


def _write(model: onnx.ModelProto, path: Path) -> None:
    """Atomically, once it is checked."""
    onnx.checker.check_model(model, full_check=True)
    made = _beside(path)
    made.write_bytes(model.SerializeToString(deterministic=True))
    os.replace(made, path)
