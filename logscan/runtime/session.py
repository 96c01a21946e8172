"""Networks in ONNX Runtime, as `export` writes them. No torch is needed.

The files may come from anywhere: their sizes are bounded, they must hold all that they need, but for large networks
whose weights are in one file beside them, and have just the inputs and the output of ours.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import numpy as np

from logscan.errors import LogscanError, ModelError
from logscan.runtime.apart import keeps_apart
from logscan.runtime.rows import Rows

LARGEST = 1 << 30  # bytes of a file
LARGEST_BESIDE = 1 << 36  # and of the file of weights beside it
FATAL = 4  # of ONNX Runtime's levels of logging: what goes wrong is raised as well
CUDA, CPU = "CUDAExecutionProvider", "CPUExecutionProvider"
TYPES = {"int64": "tensor(int64)", "float32": "tensor(float)"}
FIXED = ("vocabulary", "width")  # sizes that a network has; all others are free

Declared = Mapping[str, Sequence[str]]  # inputs or outputs by name: type and sizes
Tokens = np.ndarray[tuple[int, int], np.dtype[np.int64]]
LogProbs = np.ndarray[tuple[int, int, int], np.dtype[np.float32]]
Integers = np.ndarray[Any, np.dtype[np.int64]]
Floats = np.ndarray[Any, np.dtype[np.float32]]


class Network:
    """An open network. sizes: those that are fixed; provider: where it runs; at_once: calls that may run at once from
    several threads, which for small networks is faster than several threads for one call."""

    inputs: ClassVar[Declared]
    outputs: ClassVar[Declared]

    def __init__(self, session: Any) -> None:
        """Raises ModelError where inputs and output of the onnxruntime.InferenceSession are not ours."""
        self._session = session
        self.sizes: dict[str, int] = {}
        self._take("input", session.get_inputs(), self.inputs)
        self._take("output", session.get_outputs(), self.outputs)
        self.provider = "ONNX Runtime, CUDA" if CUDA in session.get_providers() else "ONNX Runtime, CPU"
        self.at_once = 1 if CUDA in session.get_providers() else os.cpu_count() or 1

    def _take(self, kind: str, values: Sequence[Any], wanted: Declared) -> None:
        """Compare what the file declares with what is ours, and keep the sizes that are fixed."""
        given = [(value.name, value.type, len(value.shape)) for value in values]
        if given != [(name, TYPES[type_], len(sizes)) for name, (type_, *sizes) in wanted.items()]:
            ours = (f"`{name}` ({type_}, {' x '.join(sizes)})" for name, (type_, *sizes) in wanted.items())
            raise ModelError(f"its {kind} should be {', '.join(ours)}")
        for value, (_, *names) in zip(values, wanted.values(), strict=True):
            for size, name in zip(value.shape, names, strict=True):
                if name not in FIXED and not isinstance(size, str):
                    raise ModelError(f"{name} should be of any size")
                if name in FIXED and not isinstance(size, int):
                    raise ModelError(f"{name} should be of one size")
                if name in FIXED:
                    self.sizes[name] = size

    def run(self, *arrays: Any) -> Any:
        """What comes out for these inputs: an array, or several."""
        found = self._session.run(None, dict(zip(self.inputs, arrays, strict=True)))
        return found[0] if len(found) == 1 else found

    def try_out(self) -> None:
        """Run once, with inputs as small as they may be: a GPU may be there and too old, or full."""
        self.run(
            *(np.zeros([self.sizes.get(size, 1) for size in sizes], type_) for type_, *sizes in self.inputs.values())
        )


class Session(Network):
    """A language model. vocabulary: how many tokens it knows; tree: tokens of a tree that is read fast."""

    inputs: ClassVar = {
        "tokens": ("int64", "rows", "length"),
        "seen": ("int64", "rows", "seen"),
        "until": ("int64", "rows", "seen"),
    }
    outputs: ClassVar = {"log_probs": ("float32", "rows", "length", "vocabulary")}
    tree = 512

    def __init__(self, session: Any) -> None:
        super().__init__(session)
        self.vocabulary = self.sizes["vocabulary"]

    def log_probs(self, tokens: Tokens, stops: Tokens | None = None) -> LogProbs:
        """(batch, length) tokens below `vocabulary`, rows padded at the right, to (batch, length, vocabulary): the
        log-probabilities of the token after each position, given that one and those before it, or with (batch, length)
        stops those that it follows on in a `networks.trees.Tree`. What is given for padding means nothing."""
        rows = Rows.of(tokens, np.full_like(tokens, tokens.shape[1]) if stops is None else stops)
        found = self.run(rows.tokens, rows.seen, rows.until)
        return found.reshape(-1, self.vocabulary)[rows.numbers]  # type: ignore[no-any-return]


class Encoder(Network):
    """What makes a vector of a message. width: its size."""

    inputs: ClassVar = {"tokens": ("int64", "batch", "length"), "mask": ("int64", "batch", "length")}
    outputs: ClassVar = {"embeddings": ("float32", "batch", "width")}

    def __init__(self, session: Any) -> None:
        super().__init__(session)
        self.width = self.sizes["width"]

    def embed(self, tokens: Tokens, mask: Tokens) -> Floats:
        """(batch, length) tokens, rows padded at the right, and which of them are real, 1 or 0, to (batch, width)."""
        return self.run(tokens, mask)  # type: ignore[no-any-return]


class States(Network):
    """What makes a vector of each token of a message. width: its size."""

    inputs: ClassVar = Encoder.inputs
    outputs: ClassVar = {"states": ("float32", "batch", "length", "width")}

    def __init__(self, session: Any) -> None:
        super().__init__(session)
        self.width = self.sizes["width"]

    def states(self, tokens: Tokens, mask: Tokens) -> Floats:
        """(batch, length) tokens, rows padded at the right, and which of them are real, 1 or 0, to (batch, length,
        width). What is given for padding means nothing."""
        return self.run(tokens, mask)  # type: ignore[no-any-return]


class Decoder(Network):
    """What judges a sequence of vectors within its prompt. width: their size."""

    inputs: ClassVar = {
        "embeddings": ("float32", "events", "width"),
        "index": ("int64", "batch", "length"),
        "last": ("int64", "batch"),
    }
    outputs: ClassVar = {"log_odds": ("float32", "batch")}

    def __init__(self, session: Any) -> None:
        super().__init__(session)
        self.width = self.sizes["width"]

    def log_odds(self, embeddings: Floats, index: Tokens, last: Integers) -> Floats:
        """(events, width) vectors, (batch, length) rows of the prompt's tokens and after them of the vectors, padded at
        the right, and (batch,) the position that is asked, to (batch,): the second word's logit less the first's."""
        return self.run(embeddings, index, last)  # type: ignore[no-any-return]


def open_session(path: Path) -> Session:
    """A language model, see `_open`."""
    return _open(path, Session)


def open_encoder(path: Path) -> Encoder:
    """An encoder of messages, see `_open`."""
    return _open(path, Encoder)


def open_states(path: Path) -> States:
    """An encoder of tokens, see `_open`."""
    return _open(path, States)


def open_decoder(path: Path) -> Decoder:
    """A decoder, see `_open`."""
    return _open(path, Decoder)


def open_traced(path: Path, inputs: Declared, outputs: Declared) -> Network:
    """A network with these inputs and outputs, which `traced` wrote; see `_open`."""
    return _open(path, type("Traced", (Network,), {"inputs": inputs, "outputs": outputs}))


def int8_of(path: Path) -> Path:
    """The file that holds the same network with weights of eight bits."""
    return path.with_suffix(f".int8{path.suffix}")


def beside(path: Path) -> Path:
    """The file that holds the weights of a large network."""
    return path.with_name(f"{path.name}.data")


N = TypeVar("N", bound=Network)


def _open(path: Path, kind: type[N]) -> N:
    """The network on the GPU if there is one that works, else on one core for each call.

    Raises LogscanError where onnxruntime is not installed, ModelError where the file is damaged or foreign.
    """
    try:
        import onnxruntime
    except ImportError:
        raise LogscanError("this model runs on ONNX Runtime: pip install 'logscan[cpu]' (or 'logscan[gpu]')") from None
    content = _read(path)
    onnxruntime.set_default_logger_severity(FATAL)  # it tells on stderr when a GPU that it could use is not there
    options = onnxruntime.SessionOptions()
    options.log_severity_level = FATAL
    options.intra_op_num_threads = 1
    options.enable_mem_pattern = False  # it would keep one of each size that comes, and there are many
    options.add_session_config_entry("session.load_model_format", "ONNX")  # another format would not be looked through
    options.add_session_config_entry("session.model_external_initializers_file_folder_path", str(path.parent.resolve()))
    exact = (CUDA, {"use_tf32": "0"})  # ten bits of mantissa would miss 1e-4
    choices: list[list[Any]] = [[exact, CPU]] if CUDA in onnxruntime.get_available_providers() else []
    for providers in [*choices, [CPU]]:
        try:
            network = kind(onnxruntime.InferenceSession(content, options, providers, enable_fallback=0))
            network.try_out()
        except ModelError as error:
            raise ModelError(f"{path} is no network of logscan: {error}: export the model again") from None
        except Exception:  # ONNX Runtime's errors have no common class, and many lines
            continue
        return network
    raise ModelError(f"{path} is damaged, or newer than ONNX Runtime {onnxruntime.__version__}: export the model again")


def _read(path: Path) -> bytes:
    """The file, if it can be trusted to need no other than the one beside it that it may."""
    data = beside(path)
    try:
        if path.stat().st_size > LARGEST:
            raise ModelError(f"{path} is larger than {LARGEST >> 20} MiB: no network of logscan")
        content = path.read_bytes()
        if keeps_apart(content, data.name) and data.stat().st_size > LARGEST_BESIDE:
            raise ModelError(f"{data} is larger than {LARGEST_BESIDE >> 30} GiB: no network of logscan")
    except OSError as error:
        raise ModelError(f"{error.filename} cannot be read: {error.strerror}") from None
    except ValueError:
        raise ModelError(f"{path} is no network of logscan: it keeps weights elsewhere") from None
    return content
