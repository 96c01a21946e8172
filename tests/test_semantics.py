"""Vectors of messages: what they are made of, and that they come back as they were saved."""

from pathlib import Path

import numpy as np
import pytest

from logscan.errors import ModelError, OptionError
from logscan.networks.options import Size
from logscan.networks.rows import encoded
from logscan.networks.semantics import SemanticOptions, Semantics

torch = pytest.importorskip("torch", reason="needs logscan[train]")
torch.set_num_threads(1)

from small_models import save_encoder  # noqa: E402

TEXTS = ["job <*> taken", "scene of <*> MB read", "tile <*> drawn", "disk of <*> failed"]
TINY = Size(layers=1, heads=2, hidden=32, intermediate=64, vocabulary=400, length=64)
SMALL = SemanticOptions(size=TINY, tokens=16)


def test_a_message_is_the_mean_of_its_tokens_whatever_is_beside_it() -> None:
    semantics = Semantics.opened(SMALL, TEXTS, 0)
    vectors = semantics.vectors(TEXTS)
    assert vectors.shape == (4, 32)
    alone = [semantics.states(encoded(semantics.tokenizer, [text]))[0].mean(0) for text in TEXTS]
    np.testing.assert_allclose(vectors, alone, atol=1e-5)
    assert np.ptp(vectors, axis=0).max() > 0.1


def test_weights_say_which_tokens_count() -> None:
    semantics = Semantics.opened(SMALL, TEXTS, 0)
    (tokens,) = encoded(semantics.tokenizer, TEXTS[:1])
    (states,) = semantics.states([tokens])
    weights = np.full(semantics.tokenizer.get_vocab_size(), 1e-12)
    weights[tokens[1]] = 3.0
    np.testing.assert_allclose(semantics.vectors(TEXTS[:1], weights)[0], states[1], atol=1e-5)


def test_a_long_message_is_cut_and_no_message_is_none() -> None:
    semantics = Semantics.opened(SMALL, TEXTS, 0)
    long, longer = semantics.vectors(["job taken " * 20, "job taken " * 30])
    np.testing.assert_allclose(long, longer, atol=1e-5)
    assert semantics.vectors([]).shape == (0, 32)
    assert np.isfinite(semantics.vectors([""])).all()


@pytest.mark.parametrize("include", [False, True])
def test_a_pretrained_encoder_is_saved_by_its_digest_or_whole(tmp_path: Path, include: bool) -> None:
    options = SemanticOptions(encoder=str(save_encoder(tmp_path / "bert", TEXTS, TINY)), tokens=16)
    semantics = Semantics.opened(options, TEXTS, 0)
    (tmp_path / "bundle").mkdir()
    known = semantics.save(tmp_path / "bundle", include)
    loaded = Semantics.load(tmp_path / "bundle", options, known, exported=False)
    np.testing.assert_array_equal(loaded.vectors(TEXTS), semantics.vectors(TEXTS))
    place = tmp_path / "bundle" / "encoder" if include else tmp_path / "bert"
    (weights,) = place.glob("*.safetensors")
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    with pytest.raises(ModelError, match="have changed"):
        Semantics.load(tmp_path / "bundle", options, known, exported=False)


def test_one_from_scratch_is_saved_and_exported(tmp_path: Path) -> None:
    semantics = Semantics.opened(SMALL, TEXTS, 0)
    vectors = semantics.vectors(TEXTS)
    known = semantics.save(tmp_path, False)
    loaded = Semantics.load(tmp_path, SMALL, known, exported=True)
    assert loaded.encoder.provider == "torch"
    np.testing.assert_array_equal(loaded.vectors(TEXTS), vectors)
    loaded.export(tmp_path)
    exported = Semantics.load(tmp_path, SMALL, known, exported=True)
    assert exported.encoder.provider.startswith("ONNX Runtime")
    np.testing.assert_allclose(exported.vectors(TEXTS), vectors, atol=1e-5)
    exported.quantize(tmp_path)
    small = Semantics.load(tmp_path, SMALL, known, exported=True).vectors(TEXTS)
    assert 0 < np.abs(small - vectors).max() < 0.3


def test_an_encoder_that_reads_too_little_is_said() -> None:
    with pytest.raises(OptionError, match="--set tokens=64"):
        Semantics.opened(SemanticOptions(size=TINY, tokens=65), TEXTS, 0)
    with pytest.raises(ValueError, match="at least 3"):
        SemanticOptions(tokens=2)
