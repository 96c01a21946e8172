"""Sessions of ONNX Runtime: without torch, quiet, and not with any file that comes along."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from logscan.errors import ModelError
from logscan.runtime.session import open_decoder, open_encoder, open_session

ODDS = np.log(np.array([[0.5, 0.25, 0.25], [0.125, 0.125, 0.75], [0.25, 0.5, 0.25]], np.float32))


def model(
    name: str = "tokens",
    kind: int = TensorProto.INT64,
    shape: tuple[int | str, ...] = ("rows", "length"),
    output: str = "log_probs",
) -> onnx.ModelProto:
    """The next token depends on the last one: a table of log-probabilities."""
    graph = helper.make_graph(
        [helper.make_node("Gather", ["table", name], [output])],
        "table",
        [
            helper.make_tensor_value_info(name, kind, shape),
            *(helper.make_tensor_value_info(name, kind, (shape[0], "seen")) for name in ("seen", "until")),
        ],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, [*shape, 3])],
        [numpy_helper.from_array(ODDS, "table")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 23)], ir_version=11)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("runtime") / "detector.onnx"
    onnx.save(model(), path)
    return path


def python(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False)


def test_tokens_to_log_probabilities(file: Path) -> None:
    session = open_session(file)
    assert session.vocabulary == 3
    assert session.provider in ("ONNX Runtime, CPU", "ONNX Runtime, CUDA")
    tokens = np.array([[0, 1, 2, 1], [2, 2, 0, 0]])
    np.testing.assert_array_equal(session.log_probs(tokens), ODDS[tokens])


def test_no_torch_is_needed_and_nothing_is_said(file: Path) -> None:
    code = """
import sys
for name in ("torch", "transformers", "accelerate", "onnx", "onnxscript", "polars"):
    sys.modules[name] = None
from pathlib import Path
import numpy as np
from logscan.runtime.session import open_session
session = open_session(Path(sys.argv[1]))
print(session.provider, session.log_probs(np.array([[1]])).argmax())
"""
    done = python(code, str(file))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout in ("ONNX Runtime, CPU 2\n", "ONNX Runtime, CUDA 2\n")


def test_without_onnxruntime_it_is_said_what_to_install(file: Path) -> None:
    code = """
import sys
sys.modules["onnxruntime"] = None
from pathlib import Path
from logscan.errors import LogscanError
from logscan.runtime.session import open_session
try:
    open_session(Path(sys.argv[1]))
except LogscanError as error:
    print(error)
"""
    done = python(code, str(file))
    assert done.stdout == "this model runs on ONNX Runtime: pip install 'logscan[cpu]' (or 'logscan[gpu]')\n"


@pytest.mark.parametrize(
    ("made", "complaint"),
    [
        (model(name="input_ids"), "input should be `tokens`"),
        (model(kind=TensorProto.INT32), "input should be `tokens`"),
        (model(shape=("rows",)), "input should be `tokens`"),
        (model(output="logits"), "output should be `log_probs`"),
        (model(shape=(1, "length")), "rows should be of any size"),
        (model(shape=("rows", 24)), "length should be of any size"),
    ],
)
def test_foreign_networks(made: onnx.ModelProto, complaint: str, tmp_path: Path) -> None:
    onnx.save(made, tmp_path / "foreign.onnx")
    refused(tmp_path / "foreign.onnx", complaint)


def refused(path: Path, complaint: str) -> None:
    with pytest.raises(ModelError, match=complaint) as caught:
        open_session(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def apart(path: Path, location: str) -> onnx.ModelProto:
    """A model whose weights are in another file of that folder."""
    made = model()
    onnx.save(made, path, save_as_external_data=True, size_threshold=0, location=location)
    assert (path.parent / location).exists()
    return made


def test_weights_in_another_file_are_not_read(tmp_path: Path) -> None:
    apart(tmp_path / "apart.onnx", "weights")
    refused(tmp_path / "apart.onnx", "keeps weights elsewhere")


def test_weights_in_the_file_beside_it_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    apart(tmp_path / "detector.onnx", "detector.onnx.data")
    np.testing.assert_array_equal(open_session(tmp_path / "detector.onnx").log_probs(np.array([[1]])), ODDS[[[1]]])
    monkeypatch.chdir(tmp_path)
    np.testing.assert_array_equal(open_session(Path("detector.onnx")).log_probs(np.array([[1]])), ODDS[[[1]]])
    data = tmp_path / "detector.onnx.data"
    os.truncate(data, 8)
    refused(tmp_path / "detector.onnx", "is damaged")
    os.truncate(data, (1 << 36) + 1)  # sparse
    with pytest.raises(ModelError, match=r"onnx\.data is larger than 64 GiB"):
        open_session(tmp_path / "detector.onnx")
    data.unlink()
    with pytest.raises(ModelError, match=r"onnx\.data cannot be read: No such file"):
        open_session(tmp_path / "detector.onnx")


def entry(*pairs: tuple[int, bytes]) -> bytes:
    """Fields of protobuf, all of bytes."""
    return b"".join(bytes([number << 3 | 2, len(value)]) + value for number, value in pairs)


@pytest.mark.parametrize(
    "told",
    [
        entry((1, b"location"), (2, b"detector.onnx.data"), (2, b"weights")),  # the last one counts
        entry((3, b"j" + bytes([30])), (1, b"location"), (2, b"detector.onnx.data"), (2, b"weights")),
        entry((2, b"weights"), (1, b"location")),
        entry((1, b"location"), (2, b"/etc/passwd")),
        entry((1, b"location"), (2, b"*/_ORT_MEM_ADDR_/*")),
        entry((1, b"location"), (2, b"sub/detector.onnx.data")),
    ],
)
def test_nothing_else_is_read(told: bytes, tmp_path: Path) -> None:
    """What protobuf understands, and a search for bytes would not."""
    path = tmp_path / "detector.onnx"
    apart(path, "detector.onnx.data")
    shutil.copy(tmp_path / "detector.onnx.data", tmp_path / "weights")
    honest = entry((1, b"location"), (2, b"detector.onnx.data"))
    foreign = onnx.load(path, load_external_data=False)
    foreign.graph.initializer[0].ClearField("external_data")
    tensor = foreign.graph.initializer[0].SerializeToString()
    foreign.graph.initializer[0].ParseFromString(tensor + entry((13, honest)))
    path.write_bytes(foreign.SerializeToString())
    open_session(path)
    foreign.graph.initializer[0].ParseFromString(tensor + entry((13, told)))
    path.write_bytes(foreign.SerializeToString())
    refused(path, "keeps weights elsewhere")


def test_weights_of_a_node_are_not_read_from_elsewhere(tmp_path: Path) -> None:
    path = tmp_path / "detector.onnx"
    apart(path, "detector.onnx.data")
    foreign = onnx.load(path, load_external_data=False)
    constant = helper.make_node("Constant", [], ["table"], value=foreign.graph.initializer[0])
    foreign.graph.ClearField("initializer")
    foreign.graph.node.insert(0, constant)
    path.write_bytes(foreign.SerializeToString())
    refused(path, "keeps weights elsewhere")


def test_each_kind_of_network_is_told_from_the_others(file: Path) -> None:
    with pytest.raises(ModelError, match=r"input should be `tokens` \(int64, batch x length\), `mask` \(int64, "):
        open_encoder(file)
    with pytest.raises(ModelError, match=r"input should be `embeddings` \(float32, events x width\), `index`"):
        open_decoder(file)


@pytest.mark.parametrize("content", [b"", b"\0", b"version https://git-lfs.github.com/spec/v1\n", b"PK\x03\x04", b"{}"])
def test_what_is_no_onnx(content: bytes, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "odd.onnx").write_bytes(content)
    refused(tmp_path / "odd.onnx", "is damaged|is no network")
    assert capfd.readouterr() == ("", "")


def test_a_newer_operator_set(tmp_path: Path) -> None:
    newer = model()
    newer.opset_import[0].version = 999
    (tmp_path / "newer.onnx").write_bytes(newer.SerializeToString())
    refused(tmp_path / "newer.onnx", r"newer than ONNX Runtime \d.*: export the model again")


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    refused(tmp_path / "none.onnx", "No such file")
    refused(tmp_path, "Is a directory")


def test_a_file_that_is_far_too_large(tmp_path: Path) -> None:
    with (tmp_path / "large.onnx").open("wb") as file:
        file.truncate((1 << 30) + 1)  # sparse
    refused(tmp_path / "large.onnx", "larger than 1024 MiB")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(at=st.integers(0, 10**6), byte=st.integers(0, 255), cut=st.booleans())
def test_a_damaged_file_is_refused_or_runs(file: Path, tmp_path: Path, at: int, byte: int, cut: bool) -> None:
    """One byte may be changed in a weight, which nobody can tell; nothing else may happen than a clear refusal."""
    content = bytearray(file.read_bytes())
    at %= len(content)
    content[at] = byte
    (tmp_path / "damaged.onnx").write_bytes(content[:at] if cut else content)
    try:
        session = open_session(tmp_path / "damaged.onnx")
    except ModelError:
        refused(tmp_path / "damaged.onnx", "is damaged|is no network")
    else:
        assert session.log_probs(np.array([[0, 1]])).shape == (1, 2, session.vocabulary)
