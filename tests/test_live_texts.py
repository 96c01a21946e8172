"""Texts of lines that came: those of late are at hand, earlier ones are read again, those of a rotated file too."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from logscan.live import texts
from logscan.live.texts import Texts
from logscan.sources import Problem
from logscan.sources.follow import Follower

Place = tuple[int, int]


@pytest.fixture
def follower(tmp_path: Path) -> Iterator[Follower]:
    (tmp_path / "a.log").touch()
    (tmp_path / "b.log").touch()
    following = Follower([str(tmp_path / "a.log"), str(tmp_path / "b.log")], None, said)
    yield following
    following.close()


def said(problem: Problem) -> None:
    raise AssertionError(problem)


def write(path: Path, follower: Follower, kept: Texts, lines: list[str]) -> list[Place]:
    """Gives where they are."""
    with path.open("a") as out:
        out.writelines(f"{line}\n" for line in lines)
    places: list[Place] = []
    while len(places) < len(lines):
        arrived = follower.arrivals(1.0)
        kept.add(arrived)
        places += [row for one in arrived for row in one.lines.select("line", "offset").iter_rows()]
    return places


def test_lines_that_come_one_by_one_take_few_tables(tmp_path: Path, follower: Follower) -> None:
    kept, n = Texts(follower), 40
    places = {
        name: [write(tmp_path / name, follower, kept, [f"{name} {at}"])[0] for at in range(n)]
        for name in ("a.log", "b.log")
    }
    assert len(kept._kept) == 2
    (tmp_path / "a.log").unlink()  # nothing is read again
    (tmp_path / "b.log").unlink()
    for file, (name, rows) in enumerate(places.items()):
        assert kept.of(file, rows) == {line: (f"{name} {line - 1}", None) for line in range(1, n + 1)}
        assert kept.in_order([(file, *rows[7]), (file, *rows[2])]) == [(f"{name} 7", None), (f"{name} 2", None)]


def test_earlier_lines_are_read_again(tmp_path: Path, follower: Follower, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(texts, "KEPT", 100)
    monkeypatch.setattr(texts, "LEAST", 20)
    kept, path = Texts(follower), tmp_path / "a.log"
    places = [write(path, follower, kept, [f"line {at}"])[0] for at in range(30)]
    assert kept._bytes <= 100
    assert {line: text for line, (text, _) in kept.of(0, places).items()} == {n + 1: f"line {n}" for n in range(30)}
    os.rename(path, tmp_path / "a.log.1")
    places += write(path, follower, kept, ["new"] * 20)
    assert kept.of(0, places[:1]) == {1: ("line 0", None)}
    (tmp_path / "a.log.1").write_text("other\n")  # what is there now is not what was read
    assert kept.of(0, places[:1]) == {}
    assert kept.in_order([(0, *places[0])]) == [("", None)]
