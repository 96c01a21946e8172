"""What visits every byte of a log, compiled: text as a column of lines (lines.c), their shapes (shapes.c), parts of
lines between places of their shapes (cut.c), and what lines begin with (heads.c). And what puts many rows into groups
(groups.c), and reads the many lines of findings again (again.c).

With arrays and columns each takes ten passes and as many copies. The library is plain C without Python in it.
"""

import ctypes
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

NOWHERE = 2**32 - 1
SEED = int.from_bytes(os.urandom(8))  # so that nobody can write lines whose hashes are equal
USUAL = 64  # bytes that most lines have or more
Pointer, Text, Size = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int64

Buffer = bytes | memoryview
Positions = np.ndarray[Any, np.dtype[np.int64]]  # in bytes
UInts = np.ndarray[Any, np.dtype[np.uint32]]
Ints = np.ndarray[Any, np.dtype[np.int32]]

_library = ctypes.CDLL(str(Path(__file__).with_name("liblogscan.so")), use_errno=True)
_library.find_feeds.argtypes = [Pointer, Size, Text, Size, Pointer, Size]
_library.find_feeds.restype = Size
_library.split_lines.argtypes = [Pointer, Size, Pointer, Size, Pointer, Pointer]
_library.cut_texts.argtypes = [Pointer, Pointer, Pointer, Pointer, Pointer, Pointer]
_library.find_heads.argtypes = [Pointer, Text, Size, Size, Size, Text, Size, Pointer, Pointer, Pointer, Pointer]
_library.number_shapes.argtypes = [Pointer, ctypes.c_uint64, Pointer, Pointer, Pointer]
_library.read_lines.argtypes = [ctypes.c_int, Pointer, Size, Text, Size, Size, Pointer, Size, Pointer]
_library.read_lines.restype = Size
_library.group_rows.argtypes = [Pointer, Size, ctypes.c_uint64, Pointer, Pointer]
_library.group_rows.restype = Size
_new_capsule, _pointer = ctypes.pythonapi.PyCapsule_New, ctypes.pythonapi.PyCapsule_GetPointer
_new_capsule.argtypes, _new_capsule.restype = [Pointer, ctypes.c_char_p, Pointer], ctypes.py_object
_pointer.argtypes, _pointer.restype = [ctypes.py_object, ctypes.c_char_p], Pointer


class _Given:
    """A column of text that C gives away, for polars to take."""

    def __init__(self) -> None:
        self._schema, self._array = (ctypes.create_string_buffer(size) for size in (9 * 8, 10 * 8))  # of the structs
        self.places = ctypes.addressof(self._schema), ctypes.addressof(self._array)

    def __arrow_c_array__(self, requested_schema: object = None) -> tuple[object, object]:
        schema, array = self.places
        return _new_capsule(schema, b"arrow_schema", None), _new_capsule(array, b"arrow_array", None)


def _place(data: Buffer) -> int:
    """Where they are in memory."""
    return np.frombuffer(data, np.uint8).ctypes.data


def newlines(data: Buffer, feed: bytes) -> Positions:
    """Where (count,) the line feeds are in code units, of which `feed` is one."""
    room = len(data) // USUAL
    while True:
        positions = np.empty(room, np.int64)
        count = _library.find_feeds(_place(data), len(data), feed, len(feed), positions.ctypes.data, room)
        if count <= room:
            return positions[:count]
        room = count


def split(text: Buffer, feeds: Positions) -> pl.Series:
    """The lines of valid UTF-8 that end at these line feeds, without them and a carriage return before them; where
    there are none, all of it is one line."""
    lines = _Given()
    if not _library.split_lines(_place(text), len(text), feeds.ctypes.data, len(feeds), *lines.places):
        raise MemoryError("no memory for lines")
    return pl.Series(lines).alias("text")


def digits_reduced(text: pl.Series) -> pl.Series:
    """Each text (n,) with every run of digits reduced to `0`, as an Enum of the distinct results in the order in which
    they are met."""
    stream, numbers, shapes = text.__arrow_c_stream__(), np.empty(len(text), np.uint32), _Given()
    texts = _pointer(stream, b"arrow_array_stream")
    _check(_library.number_shapes(texts, SEED, numbers.ctypes.data, *shapes.places), text)
    return pl.Series(text.name, numbers).cat.to(pl.Enum(pl.Series(shapes)))


def cut(text: pl.Series, shapes: pl.Series, begins: pl.Series, ends: pl.Series) -> pl.Series:
    """Of each text (n,) what stands between two places of its shape (n,), an Enum of `digits_reduced`. begins, ends: in
    bytes of each of its distinct shapes (see `distinct`); null where there is no such part."""
    numbers = np.ascontiguousarray(shapes.to_physical().to_numpy(), np.uint32)
    places = [np.ascontiguousarray(place.fill_null(NOWHERE).to_numpy(), np.uint32) for place in (begins, ends)]
    parts, at = [], 0
    for chunk in text.get_chunks():
        stream, part = chunk.__arrow_c_stream__(), _Given()
        arrays = [array.ctypes.data for array in (numbers[at:], *places)]
        _check(_library.cut_texts(_pointer(stream, b"arrow_array_stream"), *arrays, *part.places), text)
        parts.append(pl.Series(part))
        at += len(chunk)
    return pl.concat(parts, rechunk=False)


def heads(text: pl.Series, before: str, size: int, digits: int, after: str) -> tuple[UInts, UInts, Ints]:
    """Where in a column (n,) the head of a text, that is `size` bytes behind what has the shape `before`, differs from
    that of the text before it: (rows (r,), where their heads end (r,) in bytes, 0 for a text that does not begin so,
    the number (n,) of so many digits that stands behind each head and before `after`, or the end if that is empty; -1
    if none does)."""
    stream, count = text.__arrow_c_stream__(), ctypes.c_int64()
    rows, ends = np.empty(len(text), np.uint32), np.empty(len(text), np.uint32)
    numbers = np.empty(len(text), np.int32)
    said = before.encode(), len(before.encode()), size, digits, after.encode(), len(after.encode())
    arrays = (array.ctypes.data for array in (rows, ends, numbers))
    texts = _pointer(stream, b"arrow_array_stream")
    _check(_library.find_heads(texts, *said, *arrays, ctypes.byref(count)), text)
    return rows[: count.value], ends[: count.value], numbers


def _check(status: int, text: pl.Series) -> None:
    if status < 0:
        raise TypeError(f"shapes are of text as Arrow's views, not of {text.dtype} as this polars gives it")
    if not status:
        raise MemoryError("no memory for what is made of lines")


def distinct(shapes: pl.Series) -> pl.Series:
    """The shapes that an Enum of them names, each once. Where rows were left out, not all of them have one."""
    assert isinstance(shapes.dtype, pl.Enum)
    return shapes.dtype.categories


def lines_at(descriptor: int, offsets: Positions, feed: bytes, longest: int) -> Iterator[bytes]:
    """The lines of an open file that begin at these offsets, with their line feeds, some at a time, up to the first one
    of which nothing can be read: the last of the file may have no line feed, and one that is longer gets one."""
    room, used = np.empty(2 * longest + len(feed), np.uint8), ctypes.c_int64()
    while len(offsets):
        count = _library.read_lines(
            *(descriptor, offsets.ctypes.data, len(offsets)),
            *(feed, len(feed), longest),
            *(room.ctypes.data, len(room), ctypes.byref(used)),
        )
        if count < 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        if not count:
            return
        yield room[: used.value].tobytes()
        offsets = offsets[count:]


def grouped(digests: npt.NDArray[np.uint64]) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.int64]]:
    """(n,) the rows of one group after the other, groups in the order of their first row, and (groups + 1,) where each
    begins among them. Rows are of one group where their digests are equal."""
    digests = np.ascontiguousarray(digests)
    order, starts = np.empty(len(digests), np.uint32), np.empty(len(digests) + 1, np.int64)
    count = _library.group_rows(digests.ctypes.data, len(digests), SEED, order.ctypes.data, starts.ctypes.data)
    if count < 0:
        raise MemoryError("no memory to put rows into groups")
    return order, starts[: count + 1].copy()
