"""Bytes into lines: real files, pipes and archives, whole and broken."""

import bz2
import codecs
import gzip
import io
import lzma
import os
import random
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from logscan.sources import Block, Problem, Stream, fetch, lines_at, open_streams
from logscan.sources.inputs import forget, spool
from logscan.sources.lines import split

Compress = Callable[[bytes], bytes]
COMPRESS: dict[str, Compress] = {
    "gzip": gzip.compress,
    "zstd": zstandard.ZstdCompressor(write_checksum=True).compress,  # as the command does
    "xz": lzma.compress,
    "bzip2": lambda content: bz2.compress(content, 1),  # blocks of 100 kB, of which only whole ones can be read
}
compressed = pytest.mark.parametrize("compress", COMPRESS.values(), ids=COMPRESS.keys())


def read(path: Path, size: int = 64, max_line: int = 1 << 20) -> tuple[pl.DataFrame, list[Problem]]:
    """All lines of a file, and what was wrong with it."""
    problems: list[Problem] = []
    (stream,) = open_streams([str(path)], problems.append)
    blocks = list(stream.blocks(problems.append, size, max_line))
    assert all(block.source == str(path) for block in blocks)
    if blocks and not problems:
        assert blocks[-1].read == stream.size == path.stat().st_size
    return pl.concat(block.lines for block in blocks) if blocks else pl.DataFrame(), problems


def texts(path: Path) -> list[str]:
    lines, problems = read(path)
    assert problems == []
    assert lines["line"].to_list() == list(range(1, len(lines) + 1))
    return lines["text"].to_list()


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def numbered(count: int) -> bytes:
    return b"".join(b"line %d of many\n" % number for number in range(1, count + 1))


# Bytes that come in the neighbourhood of everything that is special: line ends, marks, cut characters, surrogates.
ANY_BYTES = st.one_of(
    st.binary(max_size=60),
    st.lists(
        st.sampled_from(
            [
                b"\n",
                b"\r",
                b"\r\n",
                b"\0",
                b"a",
                b"word ",
                "ö€😀".encode(),
                b"\xff",
                b"\xe2\x82",
                b"\xed\xa0\x80",
                b"\x1b[31m",
            ]
        ),
        max_size=30,
    ).map(b"".join),
).filter(lambda content: not content.startswith((codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)))


def in_chunks(content: bytes, size: int) -> list[bytes]:
    return [content[at : at + size] for at in range(0, len(content), size)]


@given(ANY_BYTES, st.integers(3, 70))
def test_lines_give_the_content_back_whatever_the_block_size(content: bytes, size: int) -> None:
    pieces = list(split(in_chunks(content, size)))
    rows = [row for piece in pieces for row in piece.lines.iter_rows()]
    expected = content.split(b"\n")
    if not expected[-1]:
        expected.pop()
    ended = content.count(b"\n")
    assert len(rows) == len(expected)
    offset = 0
    for index, ((line, start, text, raw), whole) in enumerate(zip(rows, expected, strict=True)):
        body = whole.removesuffix(b"\r") if index < ended else whole
        assert line == index + 1
        assert start == offset
        assert (raw if raw is not None else text.encode()) == body
        assert text == body.decode("utf-8", "backslashreplace")
        offset += len(whole) + 1


@given(ANY_BYTES, st.integers(3, 70), st.integers(1, 12))
def test_long_lines_are_cut_the_same_whatever_the_block_size(content: bytes, size: int, max_line: int) -> None:
    whole = list(split([content] if content else [], max_line))
    parts = list(split(in_chunks(content, size), max_line))
    if whole:
        assert pl.concat(piece.lines for piece in parts).equals(pl.concat(piece.lines for piece in whole))
        uncut = list(split([content]))
        assert [piece.lines["offset"].to_list() for piece in whole] == [
            piece.lines["offset"].to_list() for piece in uncut
        ]
    assert [line for piece in parts for line in piece.cut] == [line for piece in whole for line in piece.cut]


@given(
    st.text(st.sampled_from("a\r\n\0ö€😀\ufeff"), max_size=30),
    st.sampled_from([codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE]),
    st.integers(3, 70),
)
def test_utf_16(text: str, mark: bytes, size: int) -> None:
    codec = "utf-16-le" if mark == codecs.BOM_UTF16_LE else "utf-16-be"
    content = mark + text.encode(codec)
    rows = [row for piece in split(in_chunks(content, size)) for row in piece.lines.iter_rows()]
    *ended, last = text.split("\n")
    expected = [*(line.removesuffix("\r") for line in ended), last]
    assert [row[2] for row in rows] == (expected if expected[-1] else expected[:-1])
    for _, offset, line, raw in rows:
        assert raw is None
        assert content[offset:].startswith(line.encode(codec))


@given(st.binary(max_size=40), st.sampled_from([codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE]), st.integers(3, 50))
def test_utf_16_that_is_none(content: bytes, mark: bytes, size: int) -> None:
    content = mark + content
    codec = "utf-16-le" if mark == codecs.BOM_UTF16_LE else "utf-16-be"
    for _, offset, text, raw in (row for piece in split(in_chunks(content, size)) for row in piece.lines.iter_rows()):
        body = text.encode(codec) if raw is None else raw
        assert content[offset:].startswith(body)
        assert text == body.decode(codec, "backslashreplace")


def test_a_utf_8_mark_is_no_text_but_counts_in_offsets(tmp_path: Path) -> None:
    lines, _ = read(written(tmp_path / "marked.log", codecs.BOM_UTF8 + b"one\r\ntwo"))
    assert lines.rows() == [(1, 3, "one", None), (2, 8, "two", None)]


def test_junk_among_lines_is_shown_and_kept(tmp_path: Path) -> None:
    lines, problems = read(written(tmp_path / "a.log", b"good\nbad \xff\xfe\r\nnul \0 and \x1b[31mred\nmid\rdle"))
    assert lines["text"].to_list() == ["good", r"bad \xff\xfe", "nul \0 and \x1b[31mred", "mid\rdle"]
    assert lines["raw"].to_list() == [None, b"bad \xff\xfe", None, None]
    assert problems == []


@compressed
def test_compression_is_told_by_content(tmp_path: Path, compress: Compress) -> None:
    path = written(tmp_path / "app.log", compress(numbered(3000)) + compress(b"second member\n"))
    assert texts(path) == [*numbered(3000).decode().splitlines(), "second member"]
    assert texts(written(tmp_path / "plain.gz", b"not packed\n")) == ["not packed"]


@compressed
@pytest.mark.parametrize("size", [1 << 10, 1 << 16])
def test_blocks_of_an_archive_end_where_those_of_its_content_do(tmp_path: Path, compress: Compress, size: int) -> None:
    content = b"".join(b"%d %s\n" % (n, b"x" * (n % 90)) for n in range(size // 8))
    paths = [written(tmp_path / "app.log", content), written(tmp_path / "packed", compress(content))]
    plain, packed = (list(Stream(str(path), (str(path),), 1).blocks(print, size)) for path in paths)
    assert [block.lines["line"].to_list() for block in packed] == [block.lines["line"].to_list() for block in plain]
    assert len(plain) > 1


@compressed
def test_a_cut_off_archive_gives_what_can_be_read(tmp_path: Path, compress: Compress) -> None:
    source = random.Random(1)
    content = "".join(f"{number} {source.random()}\n" for number in range(50_000)).encode()
    packed = compress(content)
    lines, problems = read(written(tmp_path / "broken", packed[: len(packed) // 2]), size=1 << 16)
    assert len(lines) > 10_000
    assert content.startswith("\n".join(lines["text"]).encode())
    assert [problem.fatal for problem in problems] == [True]
    assert f"breaks off in or after line {len(lines)}" in problems[0].message


@compressed
def test_a_damaged_archive_is_said(tmp_path: Path, compress: Compress) -> None:
    packed = bytearray(compress(random.Random(3).randbytes(50_000).hex().encode()))
    packed[len(packed) // 2] ^= 0xFF
    _, problems = read(written(tmp_path / "damaged", bytes(packed)))
    assert [problem.fatal for problem in problems] == [True]


@compressed
def test_an_archive_of_nothing_is_empty(tmp_path: Path, compress: Compress) -> None:
    path = written(tmp_path / "nothing", compress(b""))
    lines, problems = read(path)
    assert lines.is_empty()
    assert problems == [Problem(str(path), "is empty", fatal=True)]


def test_binary_junk_is_scanned(tmp_path: Path) -> None:
    content = random.Random(2).randbytes(1 << 20)
    lines, _ = read(written(tmp_path / "core", content), size=1 << 16)
    joined = b"\n".join(raw if raw is not None else text.encode() for text, raw in lines.select("text", "raw").rows())
    assert joined == content.replace(b"\r\n", b"\n").removesuffix(b"\n")


def test_a_giant_line_is_cut_and_said_once(tmp_path: Path) -> None:
    content = b"first\n" + b"x" * 1000 + b"\nthird\n" + b"y" * 500 + b"\nlast"
    path = written(tmp_path / "giant.log", content)
    for size in (16, 64, 4096):
        lines, problems = read(path, size=size, max_line=32)
        assert lines["text"].to_list() == ["first", "x" * 32, "third", "y" * 32, "last"]
        assert lines["offset"].to_list() == [0, 6, 1007, 1013, 1514]
        assert problems == [Problem(str(path), "2 lines were cut to 32 bytes, the first of them line 2", fatal=False)]


def test_one_line_of_any_length_takes_bounded_memory(tmp_path: Path) -> None:
    path = tmp_path / "one.zst"
    with path.open("wb") as file, zstandard.ZstdCompressor().stream_writer(file) as packer:
        for _ in range(400):
            packer.write(bytes(1 << 20))
    code = (
        "import resource, sys; from logscan.sources import open_streams\n"
        "(stream,) = open_streams(sys.argv[1:], print)\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "lengths = [len(block.lines['text'][0]) for block in stream.blocks(print)]\n"
        "print(lengths, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) >> 10)\n"
    )
    out = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True).stdout
    lengths, grown = out.splitlines()[-1].rsplit(" ", 1)
    assert lengths == f"[{1 << 20}]"
    assert int(grown) < 250  # MiB; the line has 400


def test_fetch_reads_lines_again(tmp_path: Path) -> None:
    for path in (tmp_path / "a.log", tmp_path / "a.gz"):
        path.write_bytes(gzip.compress(numbered(500)) if path.suffix == ".gz" else numbered(500))
        assert fetch(str(path), [499, 2, 2, 900]) == {2: "line 2 of many", 499: "line 499 of many"}
    assert fetch(str(tmp_path / "gone"), [1]) == {}
    assert fetch(str(tmp_path / "gone"), []) == {}


@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("end", ["", "\n", "\r"])
@pytest.mark.parametrize("block", [5, 64, 1 << 20])
def test_lines_are_read_again_at_their_places(
    tmp_path: Path, codec: str, end: str, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever ends them, however long they are, and in whatever pieces the content of a pipe comes."""
    monkeypatch.setattr("logscan.sources.stream.PIECE", block)
    mark = {"utf-16-le": codecs.BOM_UTF16_LE, "utf-16-be": codecs.BOM_UTF16_BE}.get(codec, b"")
    lines = ["", "a\r", "ਊ\u0a0a ✓", "\r\r", "b" * 200, "", "last"]
    content = mark + "\n".join(lines).encode(codec) + end.encode(codec.removesuffix("-sig"))
    path = written(tmp_path / "app.log", content.replace("✓".encode(), b"\xff"))
    whole, _ = read(path)
    known = {line: (text, raw) for line, _, text, raw in whole.rows()}
    places = dict(whole.select("line", "offset").rows())
    for begin in (forget, spool):  # as a file, and as what can only be read on
        begin(str(path))
        for wanted in (list(places), [2, 5], [len(places)], [1], [3, 7, 3]):
            found = lines_at(str(path), [(line, places[line]) for line in wanted])
            assert found == {line: known[line] for line in wanted}
        assert lines_at(str(path), [(900, 10_000), (1, places[1])]) == {1: known[1]}  # the file was longer
    forget(str(path))


@compressed
def test_lines_of_an_archive_are_read_again_at_their_places(compress: Compress, tmp_path: Path) -> None:
    long = b"x" * ((1 << 20) + 3) + b"\r\nshort\n"
    path = written(tmp_path / "app.log", compress(numbered(3) + long))
    whole, _ = read(path, 1 << 16)
    assert lines_at(str(path), whole.select("line", "offset").rows()) == {
        line: (text, raw) for line, _, text, raw in whole.rows()
    }
    assert lines_at(str(path), []) == lines_at(str(tmp_path / "gone"), [(1, 0)]) == {}


PIPED = """
import sys
from logscan.sources import fetch, open_streams
(stream,) = open_streams(["-"], print, spool=True)
assert (stream.name, stream.size) == ("-", None)
first = next(stream.blocks(print, 1000)).lines["text"][0]     # a sample, then all of it
assert [len(list(stream.blocks(print, 1000))) for _ in range(2)] == [int(sys.argv[1])] * 2
print(first, fetch("-", [2, 4999]))
"""


@compressed
def test_a_spooled_pipe_can_be_read_again(compress: Compress) -> None:
    content = compress(numbered(5000))
    blocks = len(list(split_blocks(content)))
    command = [sys.executable, "-c", PIPED, str(blocks)]
    run = subprocess.run(command, input=content, capture_output=True, check=True)
    assert run.stdout.decode() == "line 1 of many {2: 'line 2 of many', 4999: 'line 4999 of many'}\n"


def split_blocks(content: bytes) -> list[Block]:
    """The blocks of a content as a file of the same bytes gives them."""
    from logscan.sources.compression import chunks
    from logscan.sources.inputs import Input

    pieces = split(chunks(Input(io.BytesIO(content)), 1000, print))
    return [Block("", piece.lines, 0) for piece in pieces]


def test_a_pipe_is_read_as_it_comes() -> None:
    """The first block is there while the writer has not ended."""
    code = (
        "from logscan.sources import open_streams\n"
        "(stream,) = open_streams(['-'], print)\n"
        "for block in stream.blocks(print, 1000): print(block.lines['line'][-1], flush=True)\n"
    )
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(numbered(200))
        process.stdin.flush()
        assert int(process.stdout.readline()) > 10
        process.stdin.close()
        assert int(process.stdout.read().split()[-1]) == 200


def test_a_named_pipe_is_read(tmp_path: Path) -> None:
    path = tmp_path / "fifo"
    os.mkfifo(path)
    writer = threading.Thread(target=lambda: path.write_bytes(numbered(50)))
    writer.start()
    (stream,) = open_streams([str(path)], print, spool=True)
    assert stream.size is None
    assert sum(len(block.lines) for block in stream.blocks(print)) == 50
    writer.join()
    assert fetch(str(path), [50]) == {50: "line 50 of many"}


def test_an_empty_pipe_is_said() -> None:
    code = (
        "from logscan.sources import open_streams\n"
        "(stream,) = open_streams(['-'], print)\n"
        "assert list(stream.blocks(print)) == []\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True
    )
    assert run.stdout == "Problem(source='-', message='is empty', fatal=True)\n"


def test_a_full_disk_names_the_way_out(tmp_path: Path) -> None:
    code = (
        "import resource, signal\n"
        "from logscan.errors import InputError\n"
        "from logscan.sources import open_streams\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
        "(stream,) = open_streams(['-'], print, spool=True)\n"
        "try: list(stream.blocks(print, 1000))\n"
        "except InputError as error: print(error)\n"
    )
    run = subprocess.run([sys.executable, "-c", code], input=numbered(5000), capture_output=True, check=True)
    assert run.stdout.startswith(b"cannot keep a copy of - in ")
    assert b"TMPDIR" in run.stdout


def test_a_file_that_vanishes_is_said(tmp_path: Path) -> None:
    path = written(tmp_path / "a.log", b"one\n")
    problems: list[Problem] = []
    (stream,) = open_streams([str(path)], problems.append)
    path.unlink()
    assert list(stream.blocks(problems.append)) == []
    assert problems == [Problem(str(path), "cannot be read: No such file or directory", fatal=True)]


def test_a_stream_counts_what_it_read_over_its_files(tmp_path: Path) -> None:
    paths = [written(tmp_path / name, numbered(3)) for name in ("app.log.1", "app.log")]
    (stream,) = open_streams([str(path) for path in paths], print)
    assert isinstance(stream, Stream)
    size = len(numbered(3))
    assert [block.read for block in stream.blocks(print)] == [size, 2 * size]
    assert [block.lines["line"].to_list() for block in stream.blocks(print)] == [[1, 2, 3]] * 2
