"""Messages as a detector reads them: distinct texts by number, and in bounded memory."""

from collections.abc import Sequence
from itertools import pairwise

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from logscan.templates import Input, Messages
from logscan.templates.keys import Keys
from logscan.templates.messages import CHARACTERS, LIMIT

TEXTS = ["tile 0 drawn", "tile 0 lost", "job-0 of ann is done"]


def keys_of(texts: Sequence[str], keys: Keys) -> pl.Series:
    kinds = pl.DataFrame({"message": texts}, schema={"message": pl.String}).select(
        pl.col("message").str.replace_all(r"\d+", "0"), level=pl.lit("INFO"), kept=pl.lit(None, pl.String)
    )
    return keys.of(kinds)["key"]


def numbered(texts: Sequence[str | None], messages: Messages, keys: Keys | None = None) -> list[int | None]:
    """The numbers of messages, whose keys are frozen where they are given."""
    known = keys or Keys()
    messages.begin(known)
    column = pl.Series("message", texts, dtype=pl.String)
    found = messages.of(column, keys_of([text or "" for text in texts], known))
    assert found.name == "message"
    assert found.dtype == pl.Int32
    return found.to_list()


def learnt(texts: Sequence[str] = TEXTS) -> Keys:
    keys = Keys()
    keys_of(texts, keys)
    keys.freeze()
    return keys


def test_what_is_a_variable_by_its_look_is_masked_and_nothing_else() -> None:
    messages = Messages()
    assert numbered(["tile 0 drawn", "tile 0 lost", "tile 0 of 0 MB", "tile 0 drawn", None], messages) == [
        0,
        1,
        2,
        0,
        3,
    ]
    assert messages.texts == ["tile <*> drawn", "tile <*> lost", "tile <*> of <*>", ""]
    assert len(messages) == 4
    assert numbered(["tile 0 sold", "tile 0 lost"], messages) == [4, 1]


def test_the_user_s_own_masks_go_first() -> None:
    messages = Messages(masks=[r"\bof \w+"])
    numbered(["job-0 of ann is done", "job-0 of bob is done"], messages)
    assert messages.texts == ["job-<*> is done"]  # a list of variables is one


def test_raw_messages_stay_as_they_are() -> None:
    messages = Messages("raw", masks=["tile"])
    assert numbered(["tile 17 drawn", "tile 18 drawn", "tile 17 drawn"], messages) == [0, 1, 0]
    assert messages.texts == ["tile 17 drawn", "tile 18 drawn"]


@pytest.mark.parametrize(
    ("reads", "texts"), [("template", ["tile <*> lost", "a new one"]), ("template-id", ["E1", "E3"])]
)
def test_messages_that_are_made_of_keys_wait_until_these_are_frozen(reads: Input, texts: list[str]) -> None:
    messages = Messages(reads)
    assert numbered(TEXTS, messages, Keys()) == [None] * 3
    assert numbered(["tile 0 lost", "a new one", "tile 0 lost"], messages, learnt()) == [0, 1, 0]
    assert messages.texts == texts


def test_the_text_of_a_new_key_stays_when_its_template_becomes_more_general() -> None:
    keys, messages = learnt(), Messages("template")
    lines = [f"door of {name} was opened by {name} today" for name in ("ann", "bob", "cleo", "dan", "eve", "finn")]
    numbers = [numbered([line], messages, keys)[0] for line in lines]
    made = [messages.named(pl.Series([key], dtype=pl.Int32))[0] for key in keys_of(lines, keys)]
    assert set(made) <= set(numbers)


def test_keys_of_another_reader_have_texts_of_their_own() -> None:
    messages = Messages("template")
    assert numbered(TEXTS[:1], messages, learnt()) == [0]
    assert numbered(["door open"], messages, learnt(["door open"])) == [1]
    assert messages.texts == ["tile <*> drawn", "door open"]


@given(st.lists(st.lists(st.text(max_size=4), max_size=20), max_size=5))
def test_equal_texts_have_one_number_in_whatever_blocks_they_come(blocks: list[list[str]]) -> None:
    messages = Messages("raw")
    numbers = [number for block in blocks for number in numbered(block, messages)]
    texts = [text for block in blocks for text in block]
    assert [messages.texts[number] for number in numbers if number is not None] == texts
    assert len(set(messages.texts)) == len(messages)
    assert all(b - a <= 1 for a, b in pairwise([-1, *sorted({n for n in numbers if n is not None})]))


@pytest.mark.parametrize("text", ["{}", "{}" + "x" * 4000], ids=["many", "long"])
def test_beyond_the_limit_a_new_message_stands_as_its_template(text: str) -> None:
    keys, messages = learnt(["tile 0 drawn"]), Messages("raw")
    most = min(LIMIT, CHARACTERS // len(text.format("000000")) + 1)
    messages.begin(keys)
    many = pl.Series([text.format(f"{n:06}") for n in range(most)])
    messages.of(many, pl.Series([0], dtype=pl.Int32).new_from_index(0, most))
    full = len(messages)
    assert numbered(["tile 17 drawn", many[1], "tile 18 drawn"], messages, keys) == [full, 1, full]
    assert messages.texts[full:] == ["tile <*> drawn"]
