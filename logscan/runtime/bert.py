"""A BERT in ONNX, from tokens to a vector of each, or to what its pooler makes of the first: LogLLM's encoder."""

from typing import Any

from onnx import TensorProto

from logscan.errors import ModelError
from logscan.runtime.graph import Graph

ACTIVATIONS: dict[str, tuple[str, dict[str, str]]] = {
    "gelu": ("Gelu", {}),
    "gelu_new": ("Gelu", {"approximate": "tanh"}),
    "gelu_pytorch_tanh": ("Gelu", {"approximate": "tanh"}),
    "relu": ("Relu", {}),
}


def pooled(graph: Graph, model: Any, tokens: str, mask: str) -> str:
    """All of a BertModel: tokens and mask as for `states`, to (batch, hidden). Raises ModelError as that does."""
    first = graph("Gather", states(graph, model, tokens, mask), graph.integer(0), axis=1)
    return graph("Tanh", graph.linear(first, model.pooler.dense))


def states(graph: Graph, model: Any, tokens: str, mask: str) -> str:
    """A BertModel without its pooler: tokens and mask (batch, length), 1 where a token is real, to (batch, length,
    hidden), which mean nothing where a token is not real.

    Raises ModelError where its activation is not one of `ACTIVATIONS`.
    """
    config = model.config
    if config.hidden_act not in ACTIVATIONS:
        raise ModelError(f"a BERT with {config.hidden_act} cannot be exported: {', '.join(ACTIVATIONS)} can")
    activation, how = ACTIVATIONS[config.hidden_act]
    x = _embeddings(graph, model.embeddings, tokens)
    real = _real(graph, tokens, mask)
    heads = config.num_attention_heads
    for layer in model.encoder.layer:
        attention, output = layer.attention.self, layer.attention.output
        q, k, v = (graph.linear(x, part) for part in (attention.query, attention.key, attention.value))
        y = graph("Attention", q, k, v, real, q_num_heads=heads, kv_num_heads=heads, scale=attention.scaling)
        x = graph.layer_norm(graph("Add", graph.linear(y, output.dense), x), output.LayerNorm)
        y = graph(activation, graph.linear(x, layer.intermediate.dense), **how)
        x = graph.layer_norm(graph("Add", graph.linear(y, layer.output.dense), x), layer.output.LayerNorm)
    return x


def _embeddings(graph: Graph, embeddings: Any, tokens: str) -> str:
    """(batch, length, hidden). All tokens are of the first type, so that its vector is added to those of positions."""
    words = graph("Gather", graph.constant(embeddings.word_embeddings.weight), tokens)
    positions = graph.constant(embeddings.position_embeddings.weight + embeddings.token_type_embeddings.weight[0])
    length = graph("Shape", tokens, start=1)
    here = graph("Slice", positions, graph.integers(0), length)
    return graph.layer_norm(graph("Add", words, here), embeddings.LayerNorm)


def _real(graph: Graph, tokens: str, mask: str) -> str:
    """(batch, 1, length, length): which tokens are looked at from each; ONNX Runtime repeats it for heads alone."""
    row = graph("Unsqueeze", graph("Cast", mask, to=TensorProto.BOOL), graph.integers(1, 2))
    length = graph("Shape", tokens, start=1)
    return graph("Expand", row, graph("Concat", graph.integers(1, 1), length, graph.integers(1), axis=0))
