"""From streams to chunks of records: whole records, one table of keys, and sessions."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from logscan.errors import OptionError
from logscan.records import Chunk, Reader, session_pattern
from logscan.sources import Block, Problem, Stream, open_streams
from logscan.templates import Input, Messages
from logscan.templates.keys import Keys
from logscan.windows import Window

Write = Callable[[str, Sequence[str]], str]


@dataclass(frozen=True)
class InSmallBlocks(Stream):
    """A stream in blocks of so many bytes."""

    block: int = 1

    def blocks(self, on_problem: Callable[[Problem], None], size: int = 0, max_line: int = 1 << 20) -> Iterator[Block]:
        return super().blocks(on_problem, self.block, max_line)


def reader(**options: Any) -> Reader:
    problems: list[Problem] = []
    return Reader(Keys(), problems.append, **options)


def read(paths: list[str], how: Reader) -> list[Chunk]:
    return [chunk for stream in open_streams(paths, how.on_problem) for chunk in how.chunks(stream)]


def records(chunks: list[Chunk]) -> pl.DataFrame:
    return pl.concat(chunk.records for chunk in chunks)


LINES = [
    "2026-01-31 06:00:00,001 INFO Queue: job-4711001 taken from ann",
    "2026-01-31 06:00:00,002 INFO Queue: job-4711002 taken from bob",
    "2026-01-31 06:00:01,000 ERROR Worker: job-4711001 failed",
    "Traceback (most recent call last):",
    '  File "worker.py", line 7, in draw',
    "    raise ValueError('no such tile')",
    "ValueError: no such tile",
    "2026-01-31 06:00:02,000 INFO Queue: job-4711002 done",
]


def test_a_record_of_several_lines_is_one(write: Write) -> None:
    chunks = read([write("farm.log", LINES)], reader())
    found = records(chunks)
    assert found["line"].to_list() == [1, 2, 3, 8]
    assert found["last_line"].to_list() == [1, 2, 7, 8]
    assert found["offset"].to_list() == [sum(len(line) + 1 for line in LINES[:n]) for n in (0, 1, 2, 7)]
    assert sum(chunk.kinds["n"].sum() for chunk in chunks) == 4
    assert chunks[-1].read == sum(len(line) + 1 for line in LINES)


@settings(deadline=None, max_examples=10)
@given(st.integers(20, 400), st.integers(0, 3))
def test_blocks_of_any_size_give_the_same_records(block: int, again: int) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "farm.log"
        path.write_text("\n".join(LINES * (1 + again)) + "\n")
        whole, parts = reader(log_format="log4j"), reader(log_format="log4j")
        (stream,) = open_streams([str(path)], whole.on_problem)
        small = InSmallBlocks(stream.name, stream.files, stream.size, stream.named, block)
        expected = records(list(whole.chunks(stream))).drop("kind")
        found = list(parts.chunks(small))
        assert records(found).drop("kind").equals(expected)
        assert [chunk.read for chunk in found] == sorted(chunk.read for chunk in found)


def test_files_are_numbered_and_share_their_keys(write: Write) -> None:
    how = reader()
    chunks = read([write("a.log", LINES[:2] * 5), write("b.log", LINES[:2] * 5)], how)
    assert [Path(source).name for source in how.sources] == ["a.log", "b.log"]
    assert records(chunks)["source"].to_list() == [0] * 10 + [1] * 10
    assert records(chunks)["key"].n_unique() == len(how.keys)
    assert sorted(how.layouts) == how.sources


def test_the_session_of_the_first_log_is_that_of_the_others(write: Write, farm: Callable[..., object]) -> None:
    long = write("long.log", farm(seconds=200).lines)  # type: ignore[attr-defined]
    short = write("short.log", LINES[:2])
    how = reader()
    assert records(read([long, short], how)).filter(pl.col("source") == 1)["session"].null_count() == 0
    assert records(read([short], reader()))["session"].null_count() == 2  # too short to tell


def test_only_what_is_wanted_is_read_and_learnt(write: Write) -> None:
    how = reader()
    how.only = pl.col("line") == 3
    assert records(read([write("farm.log", LINES)], how))["line"].to_list() == [3]
    assert len(how.keys) == 1


def test_records_without_keys_are_the_same_and_nothing_is_learnt(write: Write) -> None:
    how = reader(only=pl.col("line") > 1)
    (stream,) = open_streams([write("farm.log", LINES)], how.on_problem)
    parts = list(how.unkeyed(stream))
    assert len(how.keys) == 0
    assert parts[-1][1] == stream.size
    keyed = records(list(how.chunks(stream))).drop("kind", "key")
    assert pl.concat(part for part, _ in parts).equals(keyed)


def test_a_label_is_told_by_the_session_of_the_log_however_it_is_cut(write: Write) -> None:
    ann = pl.Series(["ann"]).hash(seed=0)[0]
    how = reader(session=r"from (\w+)", window=Window.parse("3"), anomalous=pl.col("session") == ann)
    path = write("farm.log", LINES)
    found = records(read([path], how))
    assert found["session"].to_list() == [0, 0, 0, 1]
    assert found["anomalous"].to_list() == [True, False, None, None]
    how.only = pl.col("anomalous")
    assert records(read([path], how))["line"].to_list() == [1]
    how.only = pl.col("session") == 1
    assert records(read([path], how))["line"].to_list() == [8]


def test_records_are_grouped_by_their_file(write: Write) -> None:
    group = pl.when(pl.col("file").str.ends_with("b.log")).then(7).cast(pl.UInt64)
    found = records(read([write("a.log", LINES[:2]), write("b.log", LINES[:1])], reader(group=group)))
    assert found["session"].to_list() == [None, None, 7]


def test_kinds_know_what_their_records_say(write: Write) -> None:
    chunks = read([write("farm.log", LINES)], reader())
    said = pl.concat(
        chunk.records.join(chunk.kinds.with_row_index("kind"), on="kind", maintain_order="left") for chunk in chunks
    )
    assert said["level"].to_list() == ["INFO", "INFO", "ERROR", "INFO"]
    assert said["component"].to_list() == ["Queue", "Queue", "Worker", "Queue"]
    assert "ValueError" in said["message"][2]
    assert (said["key"] == said["key_right"]).all()


def said(chunks: list[Chunk], messages: Messages) -> list[str | None]:
    """The message of each record, as it is read."""
    numbers = records(chunks)["message"]
    assert numbers.dtype == pl.Int32
    return [None if number is None else messages.texts[number] for number in numbers]


TAKEN = "job-<*> taken from {}"
RAW = ["job-4711001 taken from ann", "job-4711002 taken from bob", "job-4711001 failed ValueError: no such tile"]


@pytest.mark.parametrize(
    ("reads", "texts"),
    [
        ("masked", [TAKEN.format("ann"), TAKEN.format("bob"), "job-<*> failed ValueError: no such tile"]),
        ("raw", RAW),
        ("template", [None] * 3),
        ("template-id", [None] * 3),
    ],
)
def test_messages_stand_beside_keys(write: Write, reads: Input, texts: list[str | None]) -> None:
    messages = Messages(reads)
    how = reader(messages=messages)
    path = write("farm.log", LINES)
    chunks = read([path], how)
    assert said(chunks, messages)[:3] == texts
    plain = records(read([path], reader()))
    assert records(chunks).drop("message").equals(plain)
    assert "message" not in plain.columns
    assert chunks[0].kinds.columns == read([path], reader())[0].kinds.columns


def test_messages_that_are_made_of_keys_are_those_of_frozen_keys(write: Write) -> None:
    good = write("good.log", LINES)
    new = write("new.log", [*LINES, "2026-01-31 06:00:03,000 WARN Queue: all workers are gone"])
    for reads in ("template", "template-id"):
        messages = Messages(reads)
        how = reader(messages=messages)
        read([good], how)
        how.freeze()
        chunks = read([new], how)
        keys = records(chunks)["key"].to_list()
        texts = [how.keys.template(key) if reads == "template" else f"E{key}" for key in keys]
        assert said(chunks, messages) == texts
        assert keys[-1] >= how.keys.known


def test_what_is_unwanted_has_no_message(write: Write) -> None:
    messages = Messages("raw")
    how = reader(messages=messages, only=pl.col("line") == 2)
    (stream,) = open_streams([write("farm.log", LINES)], how.on_problem)
    assert "text" not in pl.concat(part for part, _ in how.unkeyed(stream)).columns
    assert len(messages) == 0
    assert said(list(how.chunks(stream)), messages) == messages.texts == [RAW[1]]
    how.only = pl.lit(False)
    assert said(list(how.chunks(stream)), messages) == []


@pytest.mark.parametrize("reads", ["masked", "raw"])
def test_messages_are_the_same_in_blocks_of_any_size(write: Write, reads: Input) -> None:
    whole, parts = Messages(reads), Messages(reads)
    path = write("farm.log", LINES * 20)
    (stream,) = open_streams([path], print)
    small = InSmallBlocks(stream.name, stream.files, stream.size, stream.named, 300)
    expected = list(reader(log_format="log4j", messages=whole).chunks(stream))
    found = list(reader(log_format="log4j", messages=parts).chunks(small))
    assert said(found, parts) == said(expected, whole)
    assert parts.texts == whole.texts


@pytest.mark.parametrize("reads", ["masked", "raw"])
@pytest.mark.parametrize("name", ["Android", "BGL", "Hadoop", "HDFS", "Linux", "OpenStack", "Windows", "Zookeeper"])
def test_messages_of_real_logs_are_what_their_lines_end_with(data: Path, name: str, reads: Input) -> None:
    """Or begin with, where the message of a line goes on behind it."""
    path = data / "loghub_2k" / f"{name}_2k.log"
    table = pl.read_csv(f"{path}_structured.csv", infer_schema=False)
    messages = Messages(reads)
    found = dict(zip(*_columns(read([str(path)], reader(messages=messages)), messages), strict=True))
    content = table["Content"].to_list()
    if reads == "raw":
        if name == "OpenStack":
            pytest.skip("its format masks paths and instances")
        same = sum(found.get(n, "").rstrip() == text.rstrip() for n, text in enumerate(content, 1))
        assert same >= 0.9 * len(found)
    else:
        assert len(set(found.values())) < 0.5 * len(set(content))
        assert not any(character in text for text in found.values() for character in "123456789")


def _columns(chunks: list[Chunk], messages: Messages) -> tuple[list[int], list[str]]:
    texts = [text for text in said(chunks, messages) if text is not None]
    return records(chunks)["line"].to_list(), texts


def test_a_number_with_a_meaning_is_kept(write: Write) -> None:
    how = reader()
    line = '192.0.2.{n} - - [31/Jan/2026:06:00:0{n} +0000] "GET /x HTTP/1.1" {status} 120'
    lines = [line.format(n=n, status=status) for n, status in enumerate([200, 200, 404, 500])]
    chunks = read([write("access.log", lines)], how)
    keys = records(chunks)["key"].to_list()
    assert keys[0] == keys[1]
    assert len(set(keys)) == 3


def test_a_pattern_for_sessions(write: Write) -> None:
    chunks = read([write("farm.log", LINES)], reader(session=r"from (\w+)"))
    ann, bob, nobody, none = records(chunks)["session"].to_list()
    assert len({ann, bob}) == 2
    assert nobody is None is none
    assert session_pattern(r"job-\d+") == r"(job-\d+)"
    assert session_pattern(r"(?:job|task)-(\d+)") == r"(?:job|task)-(\d+)"


@pytest.mark.parametrize(
    ("pattern", "complaint"),
    [("(", "no regular expression"), ("(a)(b)", "2 groups"), (r"(?<=job-)\d+", "no regular expression")],
)
def test_a_pattern_for_sessions_that_is_none(pattern: str, complaint: str) -> None:
    with pytest.raises(OptionError, match=complaint):
        session_pattern(pattern)


def test_an_empty_file_has_no_chunk(write: Write) -> None:
    problems: list[Problem] = []
    how = Reader(Keys(), problems.append)
    assert read([write("empty.log", [])], how) == []
    assert [problem.message for problem in problems] == ["is empty"]
