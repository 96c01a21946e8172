"""Following files: every line exactly once, whatever becomes of its file."""

import codecs
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from logscan.sources import MAX_LINE, Problem, fetch, watch
from logscan.sources.follow import Arrived, Follower
from logscan.sources.place import Place

Follow = Callable[..., "Followed"]

STEP = 0.011  # seconds: the time of a file has no finer steps than the ticks of the system, at most 10 ms


class Followed:
    """A follower, and all that it gave."""

    def __init__(self, names: Sequence[str], tail: int | None = None, places: Sequence[Place] | None = None) -> None:
        self.problems: list[Problem] = []
        self.arrived: list[Arrived] = []
        self.follower = Follower(names, tail, self.problems.append, places)

    def take(self, wait: float = 0.0) -> list[str]:
        """The texts of what comes, until nothing does any more for `wait` seconds."""
        texts: list[str] = []
        while came := self.follower.arrivals(wait):
            self.arrived += came
            texts += [text for arrived in came for text in arrived.lines["text"]]
        return texts

    def until(self, count: int, seconds: float = 60.0) -> list[str]:
        """So many texts, as soon as they are there."""
        texts: list[str] = []
        deadline = time.monotonic() + seconds
        while len(texts) < count and time.monotonic() < deadline:
            came = self.follower.arrivals(0.1)
            self.arrived += came
            texts += [text for arrived in came for text in arrived.lines["text"]]
        return texts

    def saved(self) -> list[Place]:
        """The places, written to a file and read again."""
        return [
            Place.from_json(place) for place in json.loads(json.dumps([p.to_json() for p in self.follower.places()]))
        ]


@pytest.fixture
def follow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Follow]:
    """Makes followers in `tmp_path`, which is the current folder, and ends them."""
    monkeypatch.chdir(tmp_path)
    made: list[Followed] = []

    def start(*names: str, tail: int | None = None, places: Sequence[Place] | None = None) -> Followed:
        made.append(Followed(names, tail, places))
        return made[-1]

    yield start
    for followed in made:
        followed.follower.close()


def put(name: str, text: str | bytes) -> None:
    with open(name, "ab") as file:
        file.write(text.encode() if isinstance(text, str) else text)


def rows(followed: Followed) -> list[tuple[str, int, int, int, str]]:
    return [
        (a.source, a.file, *row) for a in followed.arrived for row in a.lines.select("line", "offset", "text").rows()
    ]


def test_lines_come_with_their_numbers_and_offsets(follow: Follow) -> None:
    put("app.log", "one\ntwo\r\nthr")
    app = follow("app.log")
    assert app.take() == ["one", "two"]
    assert app.follower.caught_up
    put("app.log", "ee\n")
    assert app.until(1) == ["three"]
    assert rows(app) == [("app.log", 0, 1, 0, "one"), ("app.log", 0, 2, 4, "two"), ("app.log", 0, 3, 9, "three")]
    assert app.follower.lines_at(0, [(3, 9), (1, 0)]) == {3: ("three", None), 1: ("one", None)}
    assert not app.follower.over
    assert app.problems == []


@pytest.mark.parametrize(("tail", "first"), [(0, 5), (1, 4), (3, 2), (9, 1)])
@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "utf-16-le", "utf-16-be"])
def test_it_begins_before_the_end(follow: Follow, tail: int, first: int, codec: str) -> None:
    mark = {"utf-16-le": codecs.BOM_UTF16_LE, "utf-16-be": codecs.BOM_UTF16_BE}.get(codec, b"")
    plain = codec.removesuffix("-sig")
    put("app.log", mark + "lïne 1\nline 2\nline 3\nline 4\nun".encode(codec))
    app = follow("app.log", tail=tail)
    put("app.log", "finished\n".encode(plain))
    assert app.until(5 - first + 1) == ["lïne 1", "line 2", "line 3", "line 4", "unfinished"][first - 1 :]
    lines = app.arrived[0].lines
    assert lines["line"][0] == first
    whole = pl.concat(a.lines for a in app.arrived)
    assert fetch("app.log", whole["line"].to_list()) == dict(whole.select("line", "text").rows())
    wanted = [(line, offset) for line, offset in whole.select("line", "offset").rows()]
    assert app.follower.lines_at(0, wanted) == {
        line: (text, None) for line, text in whole.select("line", "text").rows()
    }


def test_the_end_of_a_large_file_is_found(follow: Follow) -> None:
    count = 400_000
    Path("app.log").write_text("".join(f"line number {n}\n" for n in range(1, count + 1)))
    app = follow("app.log", tail=100_000)
    assert len(app.take()) == 100_000
    assert app.arrived[0].lines.row(0)[0::2] == (300_001, "line number 300001")
    assert len(app.arrived) > 1  # about a MiB at a time


def test_junk_is_given_as_it_is(follow: Follow) -> None:
    put("app.log", b"bad \xff\xfe\nnul \0\0 here\n\n\r\n\xe2\x82")
    app = follow("app.log")
    assert app.take() == [r"bad \xff\xfe", "nul \0\0 here", "", ""]
    put("app.log", b"\xac\n")
    assert app.until(1) == ["€"]
    assert app.arrived[0].lines["raw"].to_list() == [b"bad \xff\xfe", None, None, None]
    assert app.follower.lines_at(0, [(1, 0)]) == {1: (r"bad \xff\xfe", b"bad \xff\xfe")}


def test_an_endless_line_is_cut_and_said(follow: Follow) -> None:
    put("app.log", "first\n" + "x" * (2 * MAX_LINE))
    app = follow("app.log")
    assert app.take() == ["first"]
    put("app.log", "x" * MAX_LINE + "\nlast\n")
    assert [len(text) for text in app.until(2)] == [MAX_LINE, 4]
    assert rows(app)[-1][2:4] == (3, 6 + 3 * MAX_LINE + 1)
    assert [problem.message for problem in app.problems] == [
        f"lines longer than {MAX_LINE} bytes are cut, the first of them line 2"
    ]


def test_a_written_line_comes_at_once(follow: Follow) -> None:
    put("app.log", "one\n")
    app = follow("app.log")
    app.take()
    waits = []
    for n in range(20):
        time.sleep(0.01)
        put("app.log", f"{n}\n")
        began = time.perf_counter()
        assert app.until(1) == [str(n)]
        waits.append(time.perf_counter() - began)
    assert sorted(waits)[10] < 0.01


def rename(path: str, keep: int = 9) -> None:
    """As logrotate does."""
    for n in range(keep, 0, -1):
        if os.path.exists(f"{path}.{n}"):
            os.rename(f"{path}.{n}", f"{path}.{n + 1}")
    os.rename(path, f"{path}.1")


def copytruncate(path: str, keep: int = 9) -> None:
    """As logrotate does."""
    for n in range(keep, 0, -1):
        if os.path.exists(f"{path}.{n}"):
            os.rename(f"{path}.{n}", f"{path}.{n + 1}")
    time.sleep(STEP)
    shutil.copy(path, f"{path}.1")
    os.truncate(path, 0)
    time.sleep(STEP)


def test_a_rename_is_followed_to_the_end_of_the_old_file(follow: Follow) -> None:
    put("app.log", "one\n")
    app = follow("app.log")
    with open("app.log", "a", buffering=1) as writer:
        assert app.take() == ["one"]
        rename("app.log")
        writer.write("two\n")
        assert app.until(1) == ["two"]
        put("app.log", "new one\n")
        writer.write("three\n")
        assert app.until(2) == ["three", "new one"]
        writer.write("four\n")  # it has not noticed yet
        assert app.until(1) == ["four"]
    assert rows(app)[-2:] == [("app.log", 1, 1, 0, "new one"), ("app.log", 0, 4, 14, "four")]
    assert app.follower.lines_at(0, [(4, 14)]) == {4: ("four", None)}
    assert app.problems == []


@pytest.mark.slow
def test_an_old_file_ends_after_a_while_with_its_unfinished_line(follow: Follow) -> None:
    put("app.log", "one\ntw")
    app = follow("app.log")
    app.take()
    rename("app.log")
    put("app.log", "new\n")
    assert app.until(2) == ["new", "tw"]
    assert [(a.file, a.ended) for a in app.arrived] == [(0, False), (1, False), (0, True)]
    assert app.follower.lines_at(0, [(2, 4), (1, 0)]) == {1: ("one", None), 2: ("tw", None)}
    again = follow("app.log", places=app.saved())
    assert again.take() == []
    assert again.follower.lines_at(0, [(2, 4)]) == {2: ("tw", None)}
    os.remove("app.log")
    assert app.take(7) == []
    assert app.arrived[-1].ended
    put("app.log", "newer\n")
    assert app.until(1) == ["newer"]
    assert app.arrived[-1].file == 2
    assert app.problems == []


@pytest.mark.parametrize("after", ["", "x\n", "much longer than it was before, so that no size tells\n"])
def test_copytruncate(follow: Follow, after: str) -> None:
    put("app.log", "one\ntwo\n")
    app = follow("app.log")
    assert app.take() == ["one", "two"]
    put("app.log", "three\n")
    copytruncate("app.log")
    put("app.log", after)
    assert app.take(0.05) == ["three", *after.splitlines()]
    assert rows(app)[2] == ("app.log", 0, 3, 8, "three")
    put("app.log", "last\n")
    assert app.until(1) == ["last"]
    assert rows(app)[-1][1:3] == (1, 1 + bool(after))
    assert app.follower.lines_at(0, [(1, 0)]) == {1: ("one", None)}
    assert app.problems == []


def test_a_file_that_is_emptied_without_a_copy_is_said(follow: Follow) -> None:
    put("app.log", "one\nunfin")
    app = follow("app.log")
    assert app.take() == ["one"]
    os.truncate("app.log", 0)
    put("app.log", "1\n")
    assert app.until(2) == ["unfin", "1"]
    assert [(a.file, a.ended) for a in app.arrived] == [(0, False), (0, True), (1, False)]
    assert [problem.message for problem in app.problems] == [
        "was emptied and not copied: lines that were written just before it may be lost"
    ]


def test_a_writer_that_goes_on_at_its_old_offset_leaves_a_hole(follow: Follow) -> None:
    put("app.log", "one\n" * 30_000)
    app = follow("app.log", tail=0)
    with open("app.log", "r+b", buffering=0) as writer:
        writer.seek(0, os.SEEK_END)
        copytruncate("app.log")
        writer.write(b"two\n")
    assert app.until(1) == ["two"]
    assert rows(app) == [("app.log", 1, 1, 120_000, "two")]
    assert app.follower.lines_at(1, [(1, 120_000)]) == {1: ("two", None)}


def test_delete_and_recreate(follow: Follow) -> None:
    put("app.log", "one\n")
    app = follow("app.log")
    assert app.take() == ["one"]
    for n in range(5):
        os.remove("app.log")
        put("app.log", f"again {n}\n")
        assert app.until(1) == [f"again {n}"]
    assert [a.file for a in app.arrived] == [0, 1, 2, 3, 4, 5]
    assert app.problems == []


def test_a_symlink_that_is_switched(follow: Follow) -> None:
    os.makedirs("v1")
    os.makedirs("v2")
    put("v1/app.log", "one\n")
    put("v2/app.log", "two\n")
    os.symlink("v1/app.log", "app.log")
    app = follow("app.log")
    assert app.take() == ["one"]
    put("v1/app.log", "last of one\n")
    os.symlink("v2/app.log", "next")
    os.rename("next", "app.log")
    assert app.until(2) == ["last of one", "two"]
    put("v1/app.log", "late\n")
    put("v2/app.log", "more\n")
    assert sorted(app.until(2)) == ["late", "more"]
    rename("v2/app.log")
    put("v2/app.log", "rotated behind the link\n")
    assert app.until(1) == ["rotated behind the link"]
    assert app.problems == []


def test_folders_and_patterns_find_what_appears_later(follow: Follow) -> None:
    os.makedirs("logs/deep")
    put("logs/a.log", "a\n")
    put("logs/a.log.1", "older\n")
    put("logs/b.log.gz", "packed\n")
    both = follow("logs", "*.txt", tail=0)
    assert both.take() == []
    assert [problem.message for problem in both.problems] == ["matches no file; waiting for it"]
    put("logs/deep/c.log", "c\n")
    put("x.txt", "x\n")
    assert sorted(both.until(2)) == ["c", "x"]
    os.makedirs("logs/new")
    put("logs/new/d.log", "d\n")
    put("logs/new/d.log.gz", "packed\n")
    assert both.until(1) == ["d"]
    rename("logs/a.log")
    put("logs/a.log", "a again\n")
    assert both.until(1) == ["a again"]
    assert {a.source for a in both.arrived} == {"logs/deep/c.log", "x.txt", "logs/new/d.log", "logs/a.log"}
    assert len({a.file for a in both.arrived}) == len(both.arrived)


def test_a_file_renamed_within_a_folder_is_not_read_again(follow: Follow) -> None:
    put("app.log", "one\n")
    app = follow(".")
    assert app.take() == ["one"]
    os.rename("app.log", "saved by hand.log")
    put("app.log", "two\n")
    assert app.until(1) == ["two"]
    assert app.take(1.2) == []


def test_dated_files_are_one_log(follow: Follow) -> None:
    put("app-2026-01-01.log", "one\n")
    put("app-2026-01-02.log", "two\n")
    app = follow("*.log")
    assert app.take() == ["two"]
    put("app-2026-01-03.log", "three\n")
    assert app.until(1) == ["three"]
    places = app.saved()
    app.follower.close()
    put("app-2026-01-03.log", "four\n")
    put("app-2026-01-04.log", "five\n")
    put("app-2026-01-05.log", "six\n")
    app = follow("*.log", places=places)
    assert app.take() == ["four", "five", "six"]
    assert [(a.source, a.file) for a in app.arrived] == [
        ("app-2026-01-03.log", 1),
        ("app-2026-01-05.log", 2),
        ("app-2026-01-05.log", 3),
    ]


def test_two_names_of_one_file_are_one(follow: Follow) -> None:
    put("app.log", "one\n")
    os.symlink("app.log", "link.log")
    app = follow("app.log", "link.log", ".", "*.log")
    assert app.take() == ["one"]
    rename("app.log")
    put("app.log", "two\n")
    assert app.until(1) == ["two"]
    assert app.take(0.1) == []


def test_a_file_that_is_not_there_yet(follow: Follow) -> None:
    app = follow("later/app.log", tail=0)
    assert app.problems == [
        Problem("later/app.log", "cannot be read: No such file or directory; waiting for it", fatal=False)
    ]
    os.mkdir("later")
    put("later/app.log", "one\n")
    assert app.until(1) == ["one"]
    assert not app.follower.over


@pytest.mark.parametrize("rotate", [rename, copytruncate])
@pytest.mark.parametrize("times", [0, 1, 3])
def test_it_goes_on_after_a_restart(follow: Follow, rotate: Callable[[str], None], times: int) -> None:
    put("app.log", "one\ntwo\nunfin")
    app = follow("app.log")
    assert app.take() == ["one", "two"]
    places = app.saved()
    put("app.log", "ished\nthree\n")
    expected = ["unfinished", "three"]
    for n in range(times):
        rotate("app.log")
        put("app.log", f"{n}\n")
        expected.append(str(n))
    app = follow("app.log", places=places)
    assert app.take() == expected
    assert rows(app)[0] == ("app.log", 0, 3, 8, "unfinished")
    assert [a.file for a in app.arrived] == list(range(times + 1))
    put("app.log", "last\n")
    assert app.until(1) == ["last"]
    assert app.problems == []
    assert follow("app.log", places=app.saved()).take() == []


def test_what_is_gone_for_good_is_said(follow: Follow) -> None:
    put("app.log", "one\n")
    app = follow("app.log")
    app.take()
    places = app.saved()
    put("app.log", "lost\n")
    app.follower.close()
    os.remove("app.log")
    put("app.log", "new\n")  # maybe at the same inode
    again = follow("app.log", places=places)
    assert again.take() == ["new"]
    assert [a.file for a in again.arrived] == [1]
    assert again.problems == [
        Problem("app.log", "is not the file it was, which is gone: lines may be lost", fatal=False)
    ]


def test_without_inotify_it_looks_a_few_times_a_second(follow: Follow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "_REMOTE", ("",))  # every file system is one where others write
    put("app.log", "one\n")
    app = follow("app.log")
    assert app.take() == ["one"]
    put("app.log", "two\n")
    began = time.perf_counter()
    assert app.until(1) == ["two"]
    assert time.perf_counter() - began < 1
    rename("app.log")
    put("app.log", "three\n")
    assert app.until(1) == ["three"]


def test_a_named_pipe_outlives_its_writers(follow: Follow) -> None:
    os.mkfifo("fifo")
    app = follow("fifo")
    for n in range(2):
        put("fifo", f"{n}\nunfinished ")
        assert app.until(1) == [f"{n}" if n == 0 else "unfinished 1"]
    assert app.take() == []
    assert app.follower.caught_up
    assert not app.follower.over
    assert app.follower.places() == []


def test_standard_input_is_followed_to_its_end() -> None:
    code = (
        "from logscan.sources.follow import Follower\n"
        "app = Follower(['-'], 0, print)\n"
        "while not app.over:\n"
        "    for a in app.arrivals(5): print(a.file, a.lines['text'].to_list(), a.ended, flush=True)\n"
    )
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write("one\ntw")
        process.stdin.flush()
        assert process.stdout.readline() == "0 ['one'] False\n"
        process.stdin.write("o\nthree")
        process.stdin.close()
        assert process.stdout.read() in ("0 ['two', 'three'] True\n", "0 ['two'] False\n0 ['three'] True\n")


class Life:
    """A log that is written, rotated in one way, and followed with interruptions."""

    def __init__(self, folder: str, way: str) -> None:
        self.path = os.path.join(folder, "app.log")
        self.way = way
        self.written: list[str] = []
        self.given: dict[int, list[tuple[int, str]]] = {}
        self.problems: list[Problem] = []
        self.half = False  # a line is half written
        self.day = 0
        self.create()
        self.app: Followed | None = Followed([self.path])
        self.places: list[Place] = []

    def create(self) -> None:
        if self.way == "switch of a link":
            self.day += 1
            real = f"{self.path}-{20260100 + self.day}"
            put(real, "")
            os.symlink(real, f"{self.path}~")
            os.replace(f"{self.path}~", self.path)
        else:
            put(self.path, "")

    def take(self, all_of_it: bool = False) -> None:
        if self.app is not None:
            self.app.arrived.clear()
            if all_of_it:
                self.app.until(len(self.written) - sum(map(len, self.given.values())))
            self.app.take()
            for arrived in self.app.arrived:
                self.given.setdefault(arrived.file, []).extend(arrived.lines.select("line", "text").rows())

    def write(self, count: int) -> None:
        for _ in range(count):
            self.written.append(f"{len(self.written) + 1:04} line")
            put(self.path, f"{self.written[-1]}\n")

    def partial(self, _: int) -> None:
        self.written.append(f"{len(self.written) + 1:04} line")
        put(self.path, self.written[-1][:4])
        self.half = True
        self.take()

    def finish_line(self) -> None:
        if self.half:
            put(self.path, f"{self.written[-1][4:]}\n")
            self.half = False

    def look(self, _: int) -> None:
        self.take()

    def rotate(self, count: int) -> None:
        if self.way == "copytruncate":
            copytruncate(self.path, 99)
        else:
            if self.way == "rename":
                rename(self.path, 99)
            self.create()
        self.write(count % 3)

    def rotate_twice(self, count: int) -> None:
        self.rotate(count)
        self.rotate(count + 1)

    def recreate(self, _: int) -> None:
        if self.app is not None and self.way != "switch of a link":
            self.take(all_of_it=True)
            os.remove(self.path)
            self.create()

    def kill(self, count: int) -> None:
        if self.app is not None:
            if count % 2:
                self.take()
            self.places = self.app.saved()
            self.problems += self.app.problems
            self.app.follower.close()
            self.app = None

    def start(self, _: int) -> None:
        self.app = self.app or Followed([self.path], 0, self.places)

    def end(self) -> None:
        self.start(0)
        self.take(all_of_it=True)
        self.kill(0)


OPERATIONS = (Life.write, Life.partial, Life.look, Life.rotate, Life.rotate_twice, Life.recreate, Life.kill, Life.start)
WAYS = ("rename", "copytruncate", "switch of a link")


@settings(max_examples=40)
@given(st.lists(st.tuples(st.sampled_from(OPERATIONS), st.integers(0, 5)), max_size=25), st.sampled_from(WAYS))
def test_every_line_arrives_once(operations: list[tuple[Callable[[Life, int], None], int]], way: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        life = Life(folder, way)
        for operation, count in operations:
            life.finish_line()
            operation(life, count)
        life.finish_line()
        life.end()
    assert life.problems == []
    assert sorted(text for rows in life.given.values() for _, text in rows) == life.written
    for rows in life.given.values():
        assert [line for line, _ in rows] == list(range(1, len(rows) + 1))
        assert rows == sorted(rows, key=lambda row: row[1])
