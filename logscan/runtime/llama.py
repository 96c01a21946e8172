"""The layers of a Llama in ONNX: LogLLaMA's language model and LogLLM's decoder are made of them."""

from typing import Any

import numpy as np
import torch
from onnx import TensorProto

from logscan.errors import ModelError
from logscan.runtime.graph import Graph


def layers(graph: Graph, model: Any, x: str, tokens: str, seen: tuple[str, str] | None = None) -> str:
    """All layers of a LlamaModel, without the norm at the end.

    x: (batch, length, hidden) embeddings of tokens; tokens: a value that has their sizes, (batch, length); seen: what
    each row looks at, `seen` and `until` of `runtime.rows`, without which each token looks at all before it in its row.
    No mask is made for padding then: what is padded comes after all that is real.
    Raises ModelError where the model computes otherwise.
    """
    config = model.config
    if config.hidden_act != "silu":
        raise ModelError(f"a Llama with {config.hidden_act} cannot be exported: silu is needed")
    heads, key_heads = config.num_attention_heads, config.num_key_value_heads
    mask: list[str] = []
    if seen:
        *mask, positions = _looks(graph, tokens, *seen)
        last = graph("Squeeze", graph("Shape", seen[0], start=1))
    else:
        last = graph("Squeeze", graph("Shape", tokens, start=1))
        positions = graph("Expand", graph("Range", graph.integer(0), last, graph.integer(1)), graph("Shape", tokens))
    angles = _rotary(graph, model.rotary_emb, last)
    q_turn, k_turn = ((*_of_all_heads(graph, n, *angles), positions) for n in (heads, key_heads))
    for layer in model.layers:
        attention, mlp = layer.self_attn, layer.mlp
        y = graph.rms_norm(x, layer.input_layernorm)
        q = graph.linear(y, attention.q_proj, rows=_in_pairs(heads, attention.head_dim))
        k = graph.linear(y, attention.k_proj, rows=_in_pairs(key_heads, attention.head_dim))
        v = graph.linear(y, attention.v_proj)
        q = graph("RotaryEmbedding", q, *q_turn, num_heads=1, interleaved=1)
        k = graph("RotaryEmbedding", k, *k_turn, num_heads=1, interleaved=1)
        if seen:
            flat = graph.integers(-1, key_heads * attention.head_dim)
            k, v = (graph("Gather", graph("Reshape", of, flat), seen[0]) for of in (k, v))
        how = {"q_num_heads": heads, "kv_num_heads": key_heads, "is_causal": int(not mask), "scale": attention.scaling}
        x = graph("Add", x, graph.linear(graph("Attention", q, k, v, *mask, **how), attention.o_proj))
        y = graph.rms_norm(x, layer.post_attention_layernorm)
        gate, up = graph.linear(y, mlp.gate_proj), graph.linear(y, mlp.up_proj)
        silu = graph("Mul", gate, graph("Sigmoid", gate))
        x = graph("Add", x, graph.linear(graph("Mul", silu, up), mlp.down_proj))
    return x


def _in_pairs(heads: int, size: int) -> Any:
    """The rows of a matrix for q or k in another order, the two numbers that are turned together side by side, so that
    all heads can be turned as a single one: ONNX Runtime is slow for heads of a few numbers. What attention makes of q
    and k does not depend on their order within a head."""
    return np.arange(heads * size).reshape(heads, 2, size // 2).swapaxes(1, 2).ravel()


def _of_all_heads(graph: Graph, heads: int, *angles: str) -> list[str]:
    """(length, heads * head_dim / 2) the same of each head."""
    return [graph("Tile", of, graph.integers(1, heads)) for of in angles]


def _rotary(graph: Graph, rotary: Any, last: str) -> tuple[str, str]:
    """cos and sin (last + 1, head_dim / 2) of the angles at each position up to the last."""
    if "dynamic" in rotary.rope_type or rotary.rope_type == "longrope":
        raise ModelError(
            f"a Llama with rope of type {rotary.rope_type} cannot be exported: its angles change with length"
        )
    positions = graph("Range", graph.integer(0), graph("Add", last, graph.integer(1)), graph.integer(1))
    column = graph("Cast", graph("Unsqueeze", positions, graph.integers(1)), to=TensorProto.FLOAT)
    angles = graph("Mul", column, graph.constant(rotary.inv_freq))
    cos, sin = graph("Cos", angles), graph("Sin", angles)
    if rotary.attention_scaling != 1:
        scale = graph.constant(torch.tensor(rotary.attention_scaling))
        cos, sin = graph("Mul", cos, scale), graph("Mul", sin, scale)
    return cos, sin


def _looks(graph: Graph, tokens: str, seen: str, until: str) -> tuple[str, str]:
    """(batch, 1, length, seen) 0 where a token looks at another, else no number; (batch, length) at how many it looks,
    which is its position."""
    number = graph("Range", graph.integer(0), graph("Size", tokens), graph.integer(1))
    number = graph("Unsqueeze", graph("Reshape", number, graph("Shape", tokens)), graph.integers(2))
    seen, until = (graph("Unsqueeze", of, graph.integers(1)) for of in (seen, until))
    looks = graph("And", graph("LessOrEqual", seen, number), graph("Less", number, until))
    count = graph("ReduceSum", graph("Cast", looks, to=TensorProto.FLOAT), graph.integers(2), keepdims=0)
    zero, never = (graph.constant(np.array(number, np.float32)) for number in (0, -np.inf))
    mask = graph("Where", graph("Unsqueeze", looks, graph.integers(1)), zero, never)
    return mask, graph("Cast", count, to=TensorProto.INT64)
