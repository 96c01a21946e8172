"""What the user named into streams."""

import os
from pathlib import Path

import pytest

from logscan.sources import Problem, open_streams, siblings
from logscan.sources.discovery import rotation


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, which is the current one."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def make(*names: str, content: bytes = b"a line\n") -> None:
    for name in names:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_bytes(content)


def files(*paths: str) -> list[list[str]]:
    """The files of each stream; nothing may be wrong."""
    problems: list[Problem] = []
    streams = open_streams(paths, problems.append)
    assert problems == []
    return [list(stream.files) for stream in streams]


# Each list: one log, oldest first.
ROTATIONS = [
    ["app.log.10", "app.log.2.gz", "app.log.1", "app.log"],
    ["controller.log.2016-12-19-9", "controller.log.2016-12-19-16", "controller.log.2016-12-19-20", "controller.log"],
    ["app-20251231.log.zst", "app-20260101.log", "app.log"],
    ["app.log-20251231.gz", "app.log-20260101.gz", "app.log"],
    ["app.log-2026010122", "app.log-2026010123.xz", "app.log"],
    ["app.log-1767225600", "app.log-1767229200", "app.log"],
    ["app.2025-12-31.0.log", "app.2025-12-31.1.log", "app.2025-12-31.10.log", "app.2026-01-01.0.log.gz", "app.log"],
    ["app-2025-12-31T23-59-59.log", "app-2026-01-01T00-00-00.log", "app.log"],
    ["app.log.2025-12-31_16-30-00", "app.log.2026-01-01_16-30-00", "app.log"],
    ["2025-12-31.log", "2026-01-01.log"],
    ["app.2025-12.log", "app.2026-01.log"],
    ["Xorg.0.log.old", "Xorg.0.log"],
    ["syslog.2.gz", "syslog.1", "syslog"],
    ["messages-20251228", "messages-20260104", "messages"],
]


@pytest.mark.parametrize("names", ROTATIONS, ids=lambda names: names[0])
def test_a_rotated_log_is_one_stream_in_the_order_of_time(folder: Path, names: list[str]) -> None:
    make(*names)
    assert files(".") == [[f"./{name}" for name in names]]
    assert files("*") == [names]
    assert files(*sorted(names)) == [names]
    assert files(names[-1]) == [names[-1:]]
    assert siblings(names[-1]) == [Path(name) for name in names[:-1]]
    assert siblings(folder / names[1]) == [folder / names[0]]
    assert open_streams(["."], print)[0].name == f"./{names[-1]}"


@pytest.mark.parametrize(
    "names",
    [
        ["10.0.0.1", "10.0.0.2"],
        ["Xorg.0.log", "Xorg.1.log"],
        ["node-1.log", "node-2.log"],
        ["app.log", "app.err"],
        ["train.log", "test.log"],
        ["app-20260101-host1.log", "app-20260101-host2.log"],
        ["run1234567890.log", "run1234567891.log"],
        ["a/app.log", "b/app.log.1"],
    ],
    ids=lambda names: names[0],
)
def test_other_logs_stay_apart(folder: Path, names: list[str]) -> None:
    make(*names)
    assert files(*names) == [[name] for name in names]


def test_the_place_of_a_file_among_its_siblings() -> None:
    assert rotation("app.log.2.gz") == ("app.log", (1, -2))
    assert rotation("app-20260101.log") == ("app.log", (0, 20260101))
    assert rotation("app.log") == ("app.log", (2,))


def test_empty_siblings_are_no_baseline(folder: Path) -> None:
    make("app.log", "app.log.2")
    make("app.log.1", content=b"")
    assert siblings("app.log") == [Path("app.log.2")]


def test_a_folder_is_searched_without_hidden_files_and_backups(folder: Path) -> None:
    make(
        "logs/b.log",
        "logs/deep/er/a.log",
        "logs/.hidden",
        "logs/.git/config",
        "logs/b.log~",
        "logs/#b.log#",
        "logs/b.swp",
    )
    os.mkfifo("logs/fifo")
    assert files("logs") == [["logs/b.log"], ["logs/deep/er/a.log"]]
    assert files("logs/*") == files("logs")
    assert files("logs/**/*.log") == [["logs/b.log"], ["logs/deep/er/a.log"]]
    assert files("logs/b.log~") == [["logs/b.log~"]]


def test_a_file_is_read_once_by_the_name_that_came_first(folder: Path) -> None:
    make("logs/a.log")
    os.symlink("a.log", "logs/link.log")
    assert files("logs/a.log", "./logs/a.log", "logs", str(folder / "logs/a.log")) == [["logs/a.log"]]
    assert files("-", "-") == [["-"]]


def test_a_name_with_the_signs_of_a_pattern_is_a_file_first(folder: Path) -> None:
    make("a[1].log", "a1.log")
    assert files("a[1].log") == [["a[1].log"]]


def test_what_is_missing_is_said_and_the_rest_is_read(folder: Path) -> None:
    make("a.log")
    Path("empty").mkdir()
    os.symlink("nowhere", "dangling")
    problems: list[Problem] = []
    streams = open_streams(["no.log", "*.txt", "empty", "dangling", "a.log"], problems.append)
    assert [stream.name for stream in streams] == ["a.log"]
    assert problems == [
        Problem("no.log", "cannot be read: No such file or directory", fatal=True),
        Problem("*.txt", "matches no file", fatal=True),
        Problem("empty", "holds no file to read", fatal=True),
        Problem("dangling", "cannot be read: No such file or directory", fatal=True),
    ]


def test_an_empty_file_is_fatal_only_if_it_was_named(folder: Path) -> None:
    make("logs/empty.log", content=b"")
    make("logs/full.log")
    for paths, fatal in (
        (["logs"], False),
        (["logs/*"], False),
        (["logs/empty.log"], True),
        (["logs", "logs/empty.log"], True),
    ):
        problems: list[Problem] = []
        for stream in open_streams(paths, problems.append):
            list(stream.blocks(problems.append))
        assert problems == [Problem("logs/empty.log", "is empty", fatal=fatal)]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_what_is_unreadable_is_said_and_the_rest_is_read(folder: Path) -> None:
    make("logs/a.log", "logs/secret.log", "logs/closed/b.log")
    Path("logs/secret.log").chmod(0)
    Path("logs/closed").chmod(0)
    problems: list[Problem] = []
    streams = open_streams(["logs"], problems.append)
    Path("logs/closed").chmod(0o700)
    assert [stream.name for stream in streams] == ["logs/a.log"]
    assert sorted(problem.source for problem in problems) == ["logs/closed", "logs/secret.log"]
    assert all(problem.fatal and "Permission denied" in problem.message for problem in problems)
