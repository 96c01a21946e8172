"""Export to ONNX: it computes what torch does, for any batch and length, and stays near with weights of eight bits."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import LlamaConfig, LlamaForCausalLM

from logscan.errors import ModelError
from logscan.networks.vocabulary import PAD
from logscan.runtime.export import LIMIT, check, export, quantize
from logscan.runtime.session import Session, Tokens, open_session

torch.set_num_threads(1)

SHAPES = [(1, 1), (1, 2), (2, 1), (1, 24), (5, 7), (3, 64), (1, 512)]


def llama(vocabulary: int = 20, layers: int = 2, heads: int = 3, **sizes: Any) -> Any:
    """Random weights, larger than those that training begins with, so that no part is without effect."""
    torch.manual_seed(1)
    config = LlamaConfig(vocab_size=vocabulary, num_hidden_layers=layers, num_attention_heads=heads,
                         **{"num_key_value_heads": heads, "hidden_size": 12, "intermediate_size": 32, "head_dim": 6,
                            "initializer_range": 0.3, "pad_token_id": PAD, **sizes})  # fmt: skip
    network: Any = LlamaForCausalLM(config)
    for name, weight in network.named_parameters():
        if "norm" in name or "bias" in name:
            torch.nn.init.uniform_(weight, 0.5, 1.5)
    return network


def tokens(batch: int, length: int, vocabulary: int = 20) -> Tokens:
    return np.random.default_rng(length).integers(1, vocabulary, (batch, length))


@pytest.fixture(scope="module")
def network() -> Any:
    return llama()


@pytest.fixture(scope="module")
def file(network: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("export") / "detector.onnx"
    export(network, path)
    return path


@pytest.fixture(scope="module")
def session(file: Path) -> Session:
    return open_session(file)


def test_it_computes_what_torch_does(network: Any, session: Session) -> None:
    assert check(network, session, [tokens(*shape) for shape in SHAPES]) < LIMIT
    for shape in SHAPES:
        found = session.log_probs(tokens(*shape))
        assert found.shape == (*shape, 20)
        assert found.dtype == np.float32


@pytest.mark.parametrize(
    "sizes",
    [
        {"num_key_value_heads": 1},
        {"head_dim": 8, "hidden_size": 16, "heads": 4, "num_key_value_heads": 2},
        {"head_dim": 2, "layers": 1},
        {"tie_word_embeddings": True},
        {"rope_parameters": {"rope_type": "default", "rope_theta": 500.0}},
        {"rope_parameters": {"rope_type": "linear", "rope_theta": 500.0, "factor": 4.0}},
        {"rope_parameters": {"rope_type": "yarn", "rope_theta": 500.0, "factor": 4.0}, "max_position_embeddings": 32},
        {"attention_bias": True, "mlp_bias": True},
        {"rms_norm_eps": 0.1},
        {"vocabulary": 5, "max_position_embeddings": 4},
    ],
)
def test_other_sizes(sizes: dict[str, Any], tmp_path: Path) -> None:
    other = llama(**sizes)
    export(other, tmp_path / "other.onnx")
    batches = [tokens(*shape, vocabulary=5) for shape in [(1, 1), (3, 30)]]
    assert check(other, open_session(tmp_path / "other.onnx"), batches) < LIMIT


@pytest.mark.parametrize("vocabulary", [20, 2000])
def test_the_size_of_the_paper(vocabulary: int, tmp_path: Path) -> None:
    paper = llama(vocabulary, layers=18, heads=12, hidden_size=60, intermediate_size=160, initializer_range=0.05)
    export(paper, tmp_path / "paper.onnx")
    session = open_session(tmp_path / "paper.onnx")
    assert session.vocabulary == vocabulary
    check(paper, session, [tokens(*shape, vocabulary) for shape in [(1, 1), (64, 24), (2, 512)]])


@given(st.lists(st.lists(st.integers(1, 19), min_size=1, max_size=9), min_size=1, max_size=5))
def test_padding_changes_nothing(session: Session, rows: list[list[int]]) -> None:
    padded = np.full((len(rows), max(map(len, rows)) + 1), PAD)
    for at, row in enumerate(rows):
        padded[at, : len(row)] = row
    together = session.log_probs(padded)
    np.testing.assert_allclose(np.exp(together).sum(-1), 1, atol=1e-5)
    for at, row in enumerate(rows):
        alone = session.log_probs(np.array([row]))[0]
        np.testing.assert_allclose(together[at, : len(row)], alone, atol=1e-5)


def test_what_is_padded_is_not_compared(network: Any, session: Session) -> None:
    class Wrong(Session):
        def __init__(self) -> None: ...

        def log_probs(self, tokens: Tokens, stops: Tokens | None = None) -> Any:
            return session.log_probs(tokens, stops) + np.where(tokens == PAD, 9, 0)[..., None]

    assert check(network, Wrong(), [np.array([[1, 2, PAD, PAD]])]) < LIMIT
    assert check(network, Wrong(), [np.array([[PAD, PAD]])]) == 0


def test_another_network_is_refused(session: Session) -> None:
    other = llama()
    torch.nn.init.normal_(other.model.layers[1].mlp.down_proj.weight)
    with pytest.raises(ModelError, match=r"differs from torch by [\d.]+, 1e-04 is the limit"):
        check(other, session, [tokens(2, 5)])


def test_a_network_that_amplifies_what_is_rounded_is_none_that_differs(tmp_path: Path) -> None:
    rough = llama(layers=4, initializer_range=1.0)
    export(rough, tmp_path / "rough.onnx")
    session, batch = open_session(tmp_path / "rough.onnx"), tokens(5, 30)
    assert LIMIT < check(rough, session, [batch]) < 0.01

    class Off(Session):
        def __init__(self) -> None: ...

        def log_probs(self, tokens: Tokens, stops: Tokens | None = None) -> Any:
            off = np.zeros((*tokens.shape, 1), np.float32)
            off[0, 0] = 2 * LIMIT  # where nothing is amplified yet
            return session.log_probs(tokens, stops) + off

    with pytest.raises(ModelError, match=r"differs from torch by 0\.0002, 1e-04 is the limit"):
        check(rough, Off(), [batch])


def test_a_network_that_is_no_number_is_refused(tmp_path: Path) -> None:
    broken = llama()
    torch.nn.init.constant_(broken.lm_head.weight, math.nan)
    export(broken, tmp_path / "broken.onnx")
    with pytest.raises(ModelError, match="differs from torch by nan"):
        check(broken, open_session(tmp_path / "broken.onnx"), [tokens(1, 2), tokens(1, 3)])


@pytest.mark.parametrize(
    ("sizes", "why"),
    [
        ({"rope_parameters": {"rope_type": "dynamic", "rope_theta": 500.0, "factor": 2.0}}, "rope of type dynamic"),
        ({"hidden_act": "gelu"}, "with gelu cannot be exported: silu is needed"),
    ],
)
def test_what_cannot_be_exported(sizes: dict[str, Any], why: str, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=why):
        export(llama(**sizes), tmp_path / "detector.onnx")
    assert not list(tmp_path.iterdir())


def test_the_same_network_gives_the_same_file(network: Any, file: Path, tmp_path: Path) -> None:
    export(llama(), tmp_path / "again.onnx")
    assert (tmp_path / "again.onnx").read_bytes() == file.read_bytes()


def test_one_file_of_standard_operators(file: Path) -> None:
    assert [path.name for path in file.parent.iterdir()] == [file.name]
    model = onnx.load(file)
    assert {(opset.domain, opset.version) for opset in model.opset_import} == {("", 23)}
    assert not model.graph.metadata_props  # nothing of the machine that made it
    assert not any(node.doc_string or node.metadata_props for node in model.graph.node)


def test_export_is_quiet_and_atomic(
    network: Any, tmp_path: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "detector.onnx").write_text("old")
    export(network, tmp_path / "detector.onnx")
    quantize(tmp_path / "detector.onnx", tmp_path / "detector.int8.onnx")
    assert capfd.readouterr() == ("", "")
    assert not caplog.records
    assert {path.name for path in tmp_path.iterdir()} == {"detector.onnx", "detector.int8.onnx"}


def test_a_quantised_network_stays_near(tmp_path: Path) -> None:
    wide = llama(heads=4, hidden_size=48, intermediate_size=96, head_dim=12, initializer_range=0.15)
    export(wide, tmp_path / "float.onnx")
    quantize(tmp_path / "float.onnx", tmp_path / "int8.onnx")
    assert (tmp_path / "int8.onnx").stat().st_size < 0.45 * (tmp_path / "float.onnx").stat().st_size
    exact, near = (open_session(tmp_path / name).log_probs(tokens(8, 20)) for name in ("float.onnx", "int8.onnx"))
    np.testing.assert_allclose(np.exp(near).sum(-1), 1, atol=1e-5)
    assert 0 < np.abs(near - exact).mean() < 0.05
    assert (near.argmax(-1) == exact.argmax(-1)).mean() > 0.9


def test_much_is_kept_beside(network: Any, session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("logscan.runtime.graph.WITHIN", 5_000)  # it takes a network of 1 GiB else
    path = tmp_path / "detector.onnx"
    for _ in range(2):  # the second time, there is something to replace
        export(network, path)
        quantize(path, tmp_path / "detector.int8.onnx")
    names = ["detector.int8.onnx", "detector.int8.onnx.data", "detector.onnx", "detector.onnx.data"]
    assert sorted(file.name for file in tmp_path.iterdir()) == names
    some = tokens(3, 12)
    np.testing.assert_array_equal(open_session(path).log_probs(some), session.log_probs(some))
    beside = open_session(tmp_path / names[0]).log_probs(some)
    monkeypatch.undo()
    quantize(path, tmp_path / names[0])
    np.testing.assert_array_equal(open_session(tmp_path / names[0]).log_probs(some), beside)
    export(network, path)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["detector.int8.onnx", "detector.onnx"]
