"""RAPID: nothing is trained; a window is held against the normal ones that are most like it, token by token.

Source: G. No, Y. Lee, H. Kang and P. Kang, "Training-free retrieval-based log anomaly detection with pre-trained
language model considering token-level information", 2024.

    fit     an encoder reads normal windows as texts; each has a vector for retrieval
    score   the nearest normal windows are retrieved, the core set; each token of the window has the distance to the
            nearest token of the core set; the farthest token decides

What was chosen: a window is the tokens of its messages, one after the other, with [SEP] behind each, in parts of
`context` tokens at most; its vector is the mean of its tokens' states; distances are 1 - cosine; the core set are the
`core` nearest parts; at most `memory` distinct ones are kept, the most frequent, as tokens, which are read again when
they are retrieved. The threshold is put where a share of held-out normal windows exceeds it. A message has the distance
of its farthest token.

With `encoder=scratch` the states mean nothing but what is written beside what; the paper's encoder is a BERT.
"""

from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self
from zipfile import BadZipFile

import numpy as np
import orjson

from logscan.detectors.registry import loading
from logscan.detectors.sessions import Scores
from logscan.detectors.thresholds import exceeded_by, ratio
from logscan.errors import ModelError, OptionError
from logscan.networks.rows import encoded
from logscan.networks.semantics import SemanticOptions, Semantics, Vectors
from logscan.settings import build
from logscan.windows.sessions import Floats, Ints, Windows

if TYPE_CHECKING:
    from logscan.networks.run import Run

STATE = "detector.json"
MEMORY = "memory.npz"
AT_ONCE = 64  # windows whose states are held at once
LEAST = 0.02  # distance of tokens that say the same: what stands beside them changes their states a little
HELD = 256  # remembered ones whose states are held for the next


@dataclass(frozen=True)
class Options(SemanticOptions):
    """context: tokens of a part of a window, at most; core: parts of normal windows that one is held against
    memory: distinct parts of normal windows that are kept; held_out: share of the normal windows for the threshold
    false_positives: share of these that may be called anomalous
    and what is in `SemanticOptions`
    """

    context: int = 512
    core: int = 5
    memory: int = 10_000
    held_out: float = 0.2
    false_positives: float = 0.003

    def __post_init__(self) -> None:
        """Raises ValueError for numbers that mean nothing."""
        super().__post_init__()
        if self.context < self.tokens or min(self.core, self.memory) < 1:
            raise ValueError("context should be at least tokens, core and memory at least 1")
        if not 0 < self.held_out < 1 or not 0 < self.false_positives < 1:
            raise ValueError("held_out and false_positives should lie between 0 and 1")


PRESETS: dict[str, dict[str, Any]] = {"paper": {"encoder": "google-bert/bert-base-uncased"}, "small": {}}


class Part(NamedTuple):
    """A part of a window. tokens: (n,); events: (n - 1,) the row of the event that each comes from, but [CLS]"""

    tokens: Ints
    events: Ints


class Rapid:
    """threshold_: distance above which a window is anomalous; memory_: (n,) rows of tokens; vectors_: (n, width) of
    these, of length 1"""

    name = "rapid"
    supervised = False
    reads = "masked"

    semantics: Semantics
    threshold_: float
    memory_: list[Ints]
    vectors_: Vectors
    _states: dict[int, Vectors]  # of what was retrieved

    def __init__(self, options: Options | None = None) -> None:
        self.options = options or Options()

    @property
    def provider(self) -> str:
        """What runs the encoder, in words."""
        return self.semantics.encoder.provider

    def fit(
        self, normal: Windows, hashes: Sequence[str], ends: bool, run: "Run", anomalous: Windows | None = None
    ) -> dict[str, Any]:
        """Remember normal windows. Gives figures. Raises OptionError where the encoder cannot be used."""
        assert normal.messages is not None
        learnt, held_out = normal.parted(self.options.held_out, np.random.default_rng(run.seed))
        met = np.unique(learnt.events["message"].to_numpy())
        self.semantics = Semantics.opened(self.options, [normal.messages.texts[number] for number in met], run.seed)
        assert self.semantics.base is not None
        longest = self.semantics.base.model.config.max_position_embeddings
        if longest < self.options.context:
            raise OptionError(f"--encoder {self.options.encoder} reads {longest} tokens: --set context={longest}")
        first, _, counts = learnt.by_message().distinct()
        often = np.argsort(-counts, kind="stable")[: self.options.memory]
        parts = {part.tokens.tobytes(): part.tokens for part in self._parts(learnt.take(first[often]))}
        self._remember(list(parts.values())[: self.options.memory])
        distances = _highest(self.distances(held_out), held_out)
        self.threshold_ = max(exceeded_by(self.options.false_positives, distances), LEAST)
        how = f"which {self.options.false_positives:.1%} of held-out normal windows exceed"
        return {
            "messages": len(met),
            "distinct_windows": len(self.memory_),
            "threshold": {"distance": round(self.threshold_, 4), "how": how},
        }

    def _remember(self, memory: list[Ints]) -> None:
        self.memory_, self._states = memory, {}
        parts = [memory[at : at + AT_ONCE] for at in range(0, len(memory), AT_ONCE)]
        self.vectors_ = np.concatenate([_means(self.semantics.states(part)) for part in parts])

    def score(self, windows: Windows) -> Scores:
        """Scores of windows, and of each message by its own distance."""
        distances = self.distances(windows)
        return Scores(
            ratio(_highest(distances, windows), self.threshold_),
            ratio(distances, self.threshold_),
        )

    def distances(self, windows: Windows) -> Floats:
        """(events,) from 0 to 2, how far each message's farthest token is from all of the core set; equal windows are
        read once, and those that are remembered not at all."""
        first, inverse, _ = windows.by_message().distinct()
        distinct = windows.take(first)
        found = np.zeros(len(distinct.events))
        remembered = {row.tobytes() for row in self.memory_}
        parts = [part for part in self._parts(distinct) if part.tokens.tobytes() not in remembered]
        for at in range(0, len(parts), AT_ONCE):
            some = parts[at : at + AT_ONCE]
            states = self.semantics.states([part.tokens for part in some])
            nearest = np.argsort(-_means(states) @ self.vectors_.T, axis=1, kind="stable")[:, : self.options.core]
            self._retrieve(np.unique(nearest).tolist())
            for part, mine, core in zip(some, states, nearest.tolist(), strict=True):
                known = np.concatenate([self._states[row] for row in core])
                away = 1 - (_unit(mine[1:]) @ known.T).max(1)
                np.maximum.at(found, part.events, np.maximum(away, 0))
        begin = distinct.starts[inverse]
        rows = np.arange(len(windows.events)) + np.repeat(begin - windows.starts[:-1], windows.lengths)
        return found[rows]

    def _retrieve(self, wanted: list[int]) -> None:
        """See to it that the states of these remembered parts are held."""
        if len(self._states) > HELD:
            self._states = {row: self._states[row] for row in wanted if row in self._states}
        missing = [row for row in wanted if row not in self._states]
        states = self.semantics.states([self.memory_[row] for row in missing])
        self._states |= {row: _unit(one) for row, one in zip(missing, states, strict=True)}

    def _parts(self, windows: Windows) -> Iterator[Part]:
        """Windows as texts of at most `context` tokens: [CLS], and each message with [SEP] behind it."""
        assert windows.messages is not None
        met, places = np.unique(windows.events["message"].to_numpy(), return_inverse=True)
        rows = encoded(self.semantics.tokenizer, [windows.messages.texts[number] for number in met])
        for start, end in zip(windows.starts[:-1].tolist(), windows.starts[1:].tolist(), strict=True):
            begin, lengths = start, np.array([len(rows[place]) - 1 for place in places[start:end]])
            while begin < end:
                fit = max(1, int(np.searchsorted(np.cumsum(lengths), self.options.context - 1, "right")))
                said = [rows[place] for place in places[begin : min(begin + fit, end)]]
                events = np.repeat(np.arange(begin, begin + len(said)), lengths[:fit])
                yield Part(np.concatenate([said[0][:1], *(row[1:] for row in said)]), events)
                begin, lengths = begin + fit, lengths[fit:]

    def save(self, folder: Path) -> None:
        """Write a JSON file, what is remembered, and the encoder, see `Semantics.save`."""
        state = {
            "options": asdict(self.options),
            "threshold": self.threshold_,
            "encoder": self.semantics.save(folder, self.options.include_base),
        }
        (folder / STATE).write_bytes(orjson.dumps(state))
        lengths = np.array([len(row) for row in self.memory_])
        with (folder / MEMORY).open("wb") as file:
            np.savez_compressed(file, tokens=np.concatenate(self.memory_), lengths=lengths, vectors=self.vectors_)

    @classmethod
    def load(cls, folder: Path, hashes: Sequence[str], exported: bool = True) -> Self:
        """What `save` wrote; the encoder runs on ONNX Runtime where it is exported, unless that is not wanted.

        Raises ModelError where neither can be used, OptionError where the encoder is gone, KeyError, TypeError or
        ValueError where it is damaged.
        """
        state = orjson.loads((folder / STATE).read_bytes())
        detector = cls(build(Options, state["options"]))
        detector.threshold_ = float(state["threshold"])
        with loading(folder):
            detector.semantics = Semantics.load(folder, detector.options, state["encoder"], exported)
        try:
            with np.load(folder / MEMORY, allow_pickle=False) as kept:
                tokens, lengths, vectors = (kept[name] for name in ("tokens", "lengths", "vectors"))
        except (OSError, EOFError, BadZipFile) as error:
            raise ModelError(f"{folder / MEMORY} is damaged ({error}): train it again") from None
        if vectors.shape != (len(lengths), detector.semantics.width) or lengths.sum() != len(tokens):
            raise ModelError(f"{folder / MEMORY} is not of this model: train it again")
        detector.memory_, detector.vectors_ = np.split(tokens, np.cumsum(lengths)[:-1]), vectors
        detector._states = {}
        return detector

    def export(self, folder: Path, windows: Windows) -> float:
        """Write the encoder as ONNX. Gives the largest difference of the distances of these windows.

        Raises ModelError where that is not small.
        """
        from logscan.runtime.export import compare, renewed

        with renewed(folder) as made:
            exported = copy(self)
            exported.semantics, exported._states = self.semantics.export(made), {}
            return compare(self.distances, exported.distances, [(windows,)])

    def quantize(self, folder: Path) -> None:
        """Write the exported encoder with weights of eight bits, beside it."""
        self.semantics.quantize(folder)


def _unit(states: Vectors) -> Vectors:
    """Vectors of length 1."""
    found: Vectors = states / np.maximum(np.linalg.norm(states, axis=1, keepdims=True), np.finfo(np.float32).tiny)
    return found


def _means(states: Sequence[Vectors]) -> Vectors:
    """(n, width) the means of the states of n parts, of length 1."""
    return _unit(np.stack([one.mean(0) for one in states]))


def _highest(distances: Floats, windows: Windows) -> Floats:
    """(n,) of the (events,) distances of each window."""
    return np.maximum.reduceat(distances, windows.starts[:-1]) if len(windows) else np.zeros(0)
