"""The compiled part says what plain Python says, of any text."""

import re
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from logscan.native import cut, digits_reduced, distinct, grouped, heads, lines_at, newlines, split

TEXTS = st.text("019 aé\0\r𝄞", max_size=40) | st.text(max_size=40)


def lines_of(text: str) -> list[str]:
    """As lines.c describes them."""
    *ended, rest = text.split("\n")
    return [line.removesuffix("\r") for line in ended] or [rest]


@given(st.lists(TEXTS | st.sampled_from(["\r", "\n", "\r\n"])).map("\n".join))
def test_lines_are_those_of_plain_python(text: str) -> None:
    data = text.encode()
    assert split(data, newlines(data, b"\n")).to_list() == lines_of(text)


@given(st.lists(st.sampled_from(b"\n\0a").map(lambda byte: bytes([byte]))).map(b"".join), st.integers(1, 99))
@pytest.mark.parametrize("feed", [b"\n", b"\n\0", b"\0\n"])
def test_line_feeds_are_where_plain_python_finds_them(feed: bytes, data: bytes, times: int) -> None:
    data *= times
    expected = [at for at in range(0, len(data) - len(feed) + 1, len(feed)) if data[at : at + len(feed)] == feed]
    assert newlines(data, feed).tolist() == expected


@given(st.lists(st.lists(TEXTS), min_size=1), st.integers(0, 9), st.integers(0, 99))
def test_shapes_are_those_of_plain_python(chunks: list[list[str]], begin: int, length: int) -> None:
    texts = pl.concat([pl.Series("text", chunk, pl.String) for chunk in chunks]).slice(begin, length)
    shapes, expected = digits_reduced(texts), [re.sub("[0-9]+", "0", text) for text in texts]
    assert shapes.name == "text"
    assert shapes.to_list() == expected
    assert distinct(shapes).to_list() == list(dict.fromkeys(expected))


def test_a_text_of_any_length_has_a_shape() -> None:
    texts = ["7" * 1_000_000, "7a" * 500_000, *("x" * n + "77" + "x" * m for n in range(40) for m in range(40))]
    assert digits_reduced(pl.Series(texts)).to_list() == [re.sub("[0-9]+", "0", text) for text in texts]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(TEXTS), min_size=1), st.integers(0, 9), st.data())
def test_parts_stand_between_places_of_shapes(chunks: list[list[str]], begin: int, data: st.DataObject) -> None:
    texts = pl.concat([pl.Series("text", chunk, pl.String) for chunk in chunks]).slice(begin)
    shapes = digits_reduced(texts)
    places = {}  # in characters, of each shape
    for shape in distinct(shapes):
        end = data.draw(st.integers(0, len(shape)))
        places[shape] = (data.draw(st.none() | st.integers(0, end)), end)
    begins, ends = (
        pl.Series([None if places[s][0] is None else len(s[: places[s][n]].encode()) for s in places], dtype=pl.UInt32)
        for n in (0, 1)
    )

    def part(text: str) -> str | None:
        """With whole runs of digits."""
        runs = re.findall("[0-9]+|[^0-9]", text, re.DOTALL)
        begin, end = places[re.sub("[0-9]+", "0", text)]
        return None if begin is None else "".join(runs[begin:end])

    assert cut(texts, shapes, begins, ends).to_list() == [part(text) for text in texts]


def test_long_parts_outlive_their_texts() -> None:
    lines = b"".join(b"%d: a text of more than twelve bytes, %d\n" % (n, n) for n in range(10_000))
    texts = split(lines, newlines(lines, b"\n"))
    shapes = digits_reduced(texts)
    parts = cut(texts, shapes, pl.Series([3]), pl.Series([len(distinct(shapes)[0])]))
    del texts, shapes
    split(lines.upper(), newlines(lines, b"\n"))
    assert parts.to_list() == [f"a text of more than twelve bytes, {n}" for n in range(10_000)]


BEFORE = st.sampled_from(["", "a ", "0-0 ", "é0: "])
HEADED = st.builds("{}{}".format, st.sampled_from(["", "a ", "7-11 ", "12-3 ", "é5: "]), st.text("01é.;", max_size=9))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.lists(HEADED), min_size=1),
    BEFORE,
    st.integers(0, 6),
    st.integers(0, 3),
    st.sampled_from(["", ";", "é"]),
)
def test_heads_are_those_of_plain_python(
    chunks: list[list[str]], before: str, size: int, digits: int, after: str
) -> None:
    texts = [text for chunk in chunks for text in chunk]
    begins, ends, numbers = [], [], []
    for text in texts:
        found = re.match(before.replace("0", "[0-9]+"), text)
        begin = len(found[0].encode()) if found else 0
        end = min(begin + size, len(text.encode())) if found else 0
        while found and (text.encode()[end : end + 1] or b" ")[0] >> 6 == 2:
            end += 1
        number = (
            re.match(f"([0-9]{{{digits}}}){after or '$'}", text.encode()[end:].decode()) if found and digits else None
        )
        begins.append(text.encode()[begin:end])
        ends.append(end)
        numbers.append(int(number[1]) if number else -1)
    column = pl.concat([pl.Series("text", chunk, pl.String) for chunk in chunks])
    rows, found_ends, found_numbers = heads(column, before, size, digits, after)
    of = np.repeat(rows, np.diff(rows, append=len(texts)))  # the row with the head of each
    assert [begins[row] for row in of] == begins
    assert found_ends.tolist() == [ends[row] for row in rows]
    assert not digits or found_numbers.tolist() == numbers


def test_only_text_has_shapes() -> None:
    with pytest.raises(TypeError, match="not of Int64"):
        digits_reduced(pl.Series([1, 2]))


def test_many_distinct_shapes_are_told_apart() -> None:
    letters = [chr(ord("a") + n) for n in range(26)]
    texts = pl.Series([a + b + c + d for a in letters for b in letters for c in letters for d in letters[:5]])
    shapes = digits_reduced(texts + "7 and more than twelve bytes" + texts)
    assert shapes.to_physical().to_list() == list(range(len(texts)))
    assert shapes.n_unique() == len(texts)


@given(st.lists(st.integers(0, 7).map(lambda n: n << 61 | n) | st.integers(0, 2**64 - 1)))
def test_groups_are_those_of_plain_python(digests: list[int]) -> None:
    rows: dict[int, list[int]] = {}
    for row, digest in enumerate(digests):
        rows.setdefault(digest, []).append(row)
    order, starts = grouped(np.array(digests, np.uint64))
    assert [part.tolist() for part in np.split(order, starts[1:-1])] == ([*rows.values()] or [[]])
    assert (starts[0], starts[-1], len(starts)) == (0, len(digests), len(rows) + 1)


def test_many_groups_are_told_apart() -> None:
    digests = np.tile(np.arange(20_000, dtype=np.uint64) << 40, 2)
    order, starts = grouped(digests)
    assert (starts == np.arange(0, 40_001, 2)).all()
    assert (digests[order] == np.repeat(digests[:20_000], 2)).all()


def test_lines_outlive_the_text_that_they_were_cut_from() -> None:
    """Of several threads, whose columns share nothing, though they take the memory of others that are gone."""
    count = 9_000  # that take large pieces

    def cut(number: int) -> pl.Series:
        text = b"".join(b"%d: a line that is longer than twelve bytes\n" % (number * n) for n in range(count))
        split(text.upper(), newlines(text, b"\n"))
        return split(text, newlines(text, b"\n")).tail(10)

    with ThreadPoolExecutor(4) as pool:
        kept = list(pool.map(cut, range(25)))
    expected = [
        [f"{number * n}: a line that is longer than twelve bytes" for n in range(count - 10, count)]
        for number in range(25)
    ]
    assert [lines.to_list() for lines in kept] == expected


def read_at(content: bytes, offsets: list[int], feed: bytes, longest: int) -> Iterator[bytes]:
    """As again.c describes them."""
    for offset in offsets:
        head, width = content[offset : offset + longest], len(feed)
        ends = (at + width for at in range(0, len(head), width) if head[at : at + width] == feed)
        if not head:
            return
        if (end := next(ends, None)) is not None:
            yield head[:end]
        else:
            yield head + feed if len(head) == longest else head


@given(
    st.lists(st.sampled_from([b"\n", b"\0", b"\0\n", b"\n\0", b"a", b"b" * 30, b"c" * 700]), max_size=30).map(b"".join),
    st.lists(st.integers(0, 2_000), max_size=20),
    st.sampled_from([b"\n", b"\0\n", b"\n\0"]),
    st.integers(1, 30) | st.integers(500, 1_500),
)
def test_lines_are_read_where_they_begin(content: bytes, offsets: list[int], feed: bytes, longest: int) -> None:
    with tempfile.TemporaryFile() as file:
        file.write(content)
        file.flush()
        found = b"".join(lines_at(file.fileno(), np.array(offsets, np.int64), feed, longest))
    assert found == b"".join(read_at(content, offsets, feed, longest))


def test_lines_that_cannot_be_read_are_an_error() -> None:
    with pytest.raises(OSError, match="Bad file descriptor"):
        list(lines_at(-1, np.array([0]), b"\n", 9))
