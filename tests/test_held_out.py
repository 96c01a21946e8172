"""The windows in a bundle: distinct ones with how often they were met, and the texts of their messages."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import orjson
import polars as pl
import pytest

from logscan.models.held_out import HeldOut
from logscan.templates import Messages
from logscan.windows import Windows

WindowsOf = Callable[[Sequence[Sequence[int]]], Windows]

KEYS = [[0, 1], [2, 1], [0, 1], [0], [0]]
ANOMALOUS = np.array([False, True, False, True, False])


@pytest.fixture
def read(windows_of: WindowsOf) -> Windows:
    """Windows in which the keys 0 and 2 have one message, and the table knows others."""
    windows = windows_of(KEYS)
    messages = Messages.restored(["no one says this", "begin", "nor this", "end"], "masked")
    events = windows.events.with_columns(message=pl.Series([1, 3, 1, 3, 1, 3, 1, 1], dtype=pl.Int32))
    return replace(windows.of(events), messages=messages)


def stored(held_out: HeldOut) -> dict[str, Any]:
    data: dict[str, Any] = orjson.loads(orjson.dumps(held_out.to_json()))
    return data


def counts(held_out: HeldOut) -> dict[tuple[int, ...], tuple[int, int]]:
    """How many windows of each sequence of keys were normal and anomalous."""
    keys = np.split(held_out.windows.keys, held_out.windows.starts[1:-1])
    both = zip(held_out.normal.tolist(), held_out.anomalous.tolist(), strict=True)
    return dict(zip((tuple(each.tolist()) for each in keys), both, strict=True))


def test_windows_of_keys(windows_of: WindowsOf) -> None:
    held_out = HeldOut.of(windows_of(KEYS), ANOMALOUS)
    again = HeldOut.from_json(stored(held_out))
    assert counts(again) == counts(held_out) == {(0, 1): (2, 0), (2, 1): (0, 1), (0,): (1, 1)}
    assert again.windows.messages is None
    assert again.windows.events.columns == held_out.windows.events.columns
    assert stored(again) == stored(held_out)


def test_windows_that_say_the_same_are_equal(read: Windows) -> None:
    held_out = HeldOut.of(read, ANOMALOUS)
    again = HeldOut.from_json(stored(held_out))
    assert counts(again) == counts(held_out) == {(0, 1): (2, 1), (0,): (1, 1)}
    assert again.windows.messages is not None
    assert (again.windows.messages.texts, again.windows.messages.input) == (["begin", "end"], "masked")
    assert again.windows.by_message().keys.tolist() == [0, 1, 0]
    assert again.windows.events.schema == held_out.windows.events.schema
    assert stored(again) == stored(held_out)


def test_scores_of_distinct_windows_as_those_of_all(read: Windows) -> None:
    scores, anomalous = HeldOut.of(read, ANOMALOUS).labelled(np.array([0.9, 0.1]))
    assert scores.tolist() == [0.9, 0.9, 0.1, 0.9, 0.1]
    assert anomalous.tolist() == [False, False, False, True, True]


@pytest.mark.parametrize(
    "broken",
    [
        {"numbers": [0, 1]},
        {"numbers": [0, 1, 2]},
        {"numbers": [0, 1, -1]},
        {"texts": ["begin"]},
        {"texts": ["begin", "begin"]},
        {"texts": None},
    ],
)
def test_what_is_broken_is_refused(read: Windows, broken: dict[str, Any]) -> None:
    data = stored(HeldOut.of(read, ANOMALOUS))
    data["messages"] |= broken
    with pytest.raises((KeyError, TypeError, ValueError)):
        HeldOut.from_json(data)
