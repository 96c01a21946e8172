"""A network in ONNX Runtime: tokens in, log-probabilities of the next token out. No torch is needed.

The file may come from anywhere: its size is bounded, it must hold all that it needs, and have just the input and the
output of ours.
"""

import os
from pathlib import Path
from typing import Any

import numpy as np

from logscan.errors import LogscanError, ModelError

LARGEST = 1 << 30  # bytes of a file
FATAL = 4  # of ONNX Runtime's levels of logging: what goes wrong is raised as well
CUDA, CPU = "CUDAExecutionProvider", "CPUExecutionProvider"

Tokens = np.ndarray[tuple[int, int], np.dtype[np.int64]]
LogProbs = np.ndarray[tuple[int, int, int], np.dtype[np.float32]]


class Session:
    """An open network. provider: where it runs; vocabulary: how many tokens it knows; at_once: calls that may run at
    once from several threads, which for small networks is faster than several threads for one call."""

    def __init__(self, session: Any) -> None:
        """Raises ModelError where inputs and outputs of the onnxruntime.InferenceSession are not ours."""
        inputs, outputs = session.get_inputs(), session.get_outputs()
        if [(i.name, i.type, len(i.shape)) for i in inputs] != [("tokens", "tensor(int64)", 2)]:
            raise ModelError("its input should be `tokens` (int64, batch x length)")
        if [(o.name, o.type, len(o.shape)) for o in outputs] != [("log_probs", "tensor(float)", 3)]:
            raise ModelError("its output should be `log_probs` (float32, batch x length x vocabulary)")
        if not all(isinstance(size, str) for size in inputs[0].shape) or not isinstance(outputs[0].shape[2], int):
            raise ModelError("batch and length should be of any size, and the vocabulary of one")
        self._session = session
        self.vocabulary: int = outputs[0].shape[2]
        self.provider = "ONNX Runtime, CUDA" if CUDA in session.get_providers() else "ONNX Runtime, CPU"
        self.at_once = 1 if CUDA in session.get_providers() else os.cpu_count() or 1

    def log_probs(self, tokens: Tokens) -> LogProbs:
        """(batch, length) tokens below `vocabulary`, rows padded at the right, to (batch, length, vocabulary): the
        log-probabilities of the token after each position, given that one and those before it. What is given for
        padding means nothing."""
        (found,) = self._session.run(["log_probs"], {"tokens": tokens})
        return found  # type: ignore[no-any-return]


def open_session(path: Path, threads: int = 1) -> Session:
    """The network on the GPU if there is one that works, else on `threads` cores for each call.

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
    options.intra_op_num_threads = threads
    exact = (CUDA, {"use_tf32": "0"})  # ten bits of mantissa would miss 1e-4
    choices: list[list[Any]] = [[exact, CPU]] if CUDA in onnxruntime.get_available_providers() else []
    for providers in [*choices, [CPU]]:
        try:
            session = Session(onnxruntime.InferenceSession(content, options, providers, enable_fallback=0))
            session.log_probs(np.ones((1, 2), np.int64))  # a GPU may be there and too old, or full
        except ModelError as error:
            raise ModelError(f"{path} is no network of logscan: {error}") from None
        except Exception:  # ONNX Runtime's errors have no common class, and many lines
            continue
        return session
    raise ModelError(f"{path} is damaged, or newer than ONNX Runtime {onnxruntime.__version__}: export the model again")


def _read(path: Path) -> bytes:
    """The file, if it can be trusted to need no other."""
    try:
        if path.stat().st_size > LARGEST:
            raise ModelError(f"{path} is larger than {LARGEST >> 20} MiB: no network of logscan")
        content = path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror}") from None
    if b"location" in content:  # the key under which ONNX names another file, or memory, that holds weights
        raise ModelError(f"{path} is no network of logscan: it keeps weights elsewhere")
    return content
