"""The windows that a model was tested on, kept in its bundle, so that an exported network can be compared with it.

They are sequences of key numbers with how often each was met, normal and anomalous. For a detector that reads messages
there are also these, as it reads them: no line of a log, unless it reads them raw.
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import polars as pl

from logscan.templates.messages import Messages
from logscan.windows.sessions import EVENTS, Ints, Windows, starts_of

if TYPE_CHECKING:
    from logscan.evaluation.metrics import Bools, Floats

MOST = 1_000_000  # events that are kept


@dataclass(frozen=True)
class HeldOut:
    """windows: distinct ones, as texts where they have messages; normal, anomalous: (n,) how many of each there were;
    whole: whether all were kept."""

    windows: Windows
    normal: Ints
    anomalous: Ints
    whole: bool = True

    @classmethod
    def of(cls, windows: Windows, anomalous: "Bools") -> Self:
        """Of labelled windows; the most frequent ones where they are too many."""
        first, inverse, counts = (windows if windows.messages is None else windows.by_message()).distinct()
        bad = np.bincount(inverse, anomalous, minlength=len(first)).astype(np.int64)
        order = np.argsort(-counts, kind="stable")
        kept = order[np.cumsum(windows.lengths[first][order]) <= MOST]
        return cls(windows.take(first[kept]), (counts - bad)[kept], bad[kept], len(kept) == len(first))

    def labelled(self, scores: "Floats") -> "tuple[Floats, Bools]":
        """(n,) scores of the distinct windows as those of all, and which are anomalous."""
        labels = np.repeat([False, True], [self.normal.sum(), self.anomalous.sum()])
        return np.concatenate([np.repeat(scores, self.normal), np.repeat(scores, self.anomalous)]), labels

    def to_json(self) -> dict[str, Any]:
        """Numbers only, and the texts of messages."""
        data: dict[str, Any] = {
            "keys": self.windows.keys.tolist(),
            "lengths": self.windows.lengths.tolist(),
            "normal": self.normal.tolist(),
            "anomalous": self.anomalous.tolist(),
            "whole": self.whole,
        }
        if self.windows.messages is not None:
            met, numbers = np.unique(self.windows.events["message"].to_numpy(), return_inverse=True)
            texts = [self.windows.messages.texts[number] for number in met]
            data["messages"] = {"input": self.windows.messages.input, "texts": texts, "numbers": numbers.tolist()}
        return data

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """The inverse. Raises KeyError, TypeError or ValueError on anything else."""
        keys, lengths = np.array(data["keys"], np.int32), np.array(data["lengths"], np.int64)
        starts = starts_of(lengths)
        if starts[-1] != len(keys) or (lengths < 1).any():
            raise ValueError("the lengths of its windows are not those of their keys")
        numbers = np.repeat(np.arange(len(lengths)), lengths)
        events = pl.DataFrame({"window": numbers, "key": keys}).with_columns(source=0, line=0, offset=0, time=None)
        return cls(
            _with_messages(Windows(events.cast(EVENTS.schema), starts), data.get("messages")),
            np.array(data["normal"], np.int64),
            np.array(data["anomalous"], np.int64),
            bool(data["whole"]),
        )


def _with_messages(windows: Windows, data: dict[str, Any] | None) -> Windows:
    """The windows with what `to_json` gave of their messages."""
    if data is None:
        return windows
    messages = Messages.restored(map(str, data["texts"]), data["input"])
    numbers = np.array(data["numbers"], np.int32)
    if len(numbers) != len(windows.keys) or (len(numbers) and not 0 <= numbers.min() <= numbers.max() < len(messages)):
        raise ValueError("the numbers of its messages are not those of their texts")
    return replace(windows.of(windows.events.with_columns(message=pl.Series(numbers))), messages=messages)
