"""Logs that journalctl, docker and kubectl print. Small programs of these names stand for the real ones, which need a
server behind them; they print what is in a file, in the same form."""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import polars as pl
import pytest

from logscan import formats
from logscan.sources import Problem, fetch, open_streams, piped, siblings
from logscan.sources.clients import client_of
from logscan.sources.follow import Arrived, Follower
from logscan.sources.place import Place

STAMPED = r"""#!/bin/sh
echo "$(basename "$0") $*" >> calls
for last; do true; done
if [ "$last" != web ]; then
    echo "Error response from daemon: No such container: $last" >&2
    exit 1
fi
echo "Defaulted container \"app\" out of: app, sidecar" >&2
case "$*" in
    *--follow*--tail=*) tail="${*##*--tail=}"; exec tail -n "${tail%% *}" -f log ;;
    *--follow*) exec tail -n +1 -f log ;;
    *) grep -v -e warn log; grep -e warn log >&2; exit 0 ;;
esac
"""
JOURNALCTL = r"""#!/bin/sh
echo "$(basename "$0") $*" >> calls
first=1
case "$*" in
    *--unit=nothing*) echo "No journal files were found." >&2; exit 1 ;;
    *--after-cursor=*) cursor="${*##*--after-cursor=}"; first=$((1 + $(grep -nF "${cursor%% *}" log | cut -d: -f1))) ;;
esac
case "$*" in
    *--follow*--lines=*) lines="${*##*--lines=}"; exec tail -n "${lines%% *}" -f log ;;
    *--follow*) exec tail -n "+$first" -f log ;;
    *) cat log ;;
esac
"""


def stamped(number: int, text: str) -> str:
    """A line as docker prints it, which leaves zeros at the end of a second away."""
    return f"2026-01-31T01:02:{number // 10:02}.{number % 10}Z {text}\n"


def entry(number: int, text: str) -> str:
    """A line as journalctl prints it."""
    return (
        f'{{"__CURSOR":"s=6b;i={number};x","__REALTIME_TIMESTAMP":"176982132{number}456789","_PID":"4711",'
        f'"PRIORITY":"6","SYSLOG_IDENTIFIER":"sshd","_HOSTNAME":"web02","MESSAGE":"{text}"}}\n'
    )


@pytest.fixture
def clients(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """The programs are first on PATH; gives what adds to the log that they print."""
    (tmp_path / "bin").mkdir()
    for name, code in (("docker", STAMPED), ("kubectl", STAMPED), ("journalctl", JOURNALCTL)):
        (tmp_path / "bin" / name).write_text(code)
        (tmp_path / "bin" / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "log").touch()

    def put(*lines: str) -> None:
        with open("log", "a", encoding="utf-8") as file:
            file.writelines(lines)

    return put


class Followed:
    """A follower, and all that it gave."""

    def __init__(self, name: str, tail: int | None = None, places: Sequence[Place] | None = None) -> None:
        self.problems: list[Problem] = []
        self.arrived: list[Arrived] = []
        self.follower = Follower([name], tail, self.problems.append, places)

    def until(self, count: int, seconds: float = 60.0) -> list[str]:
        """So many lines, as soon as they are there, and no more shortly after; 0: all until the end."""
        texts: list[str] = []
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not (self.follower.over and len(texts) >= count):
            came = self.follower.arrivals(0.1)
            if not came and len(texts) >= count > 0:
                break
            self.arrived += came
            texts += [text for arrived in came for text in arrived.lines["text"]]
        return texts


@pytest.fixture
def follow() -> Iterator[Callable[..., Followed]]:
    """Makes followers, and ends them."""
    made: list[Followed] = []

    def start(name: str, tail: int | None = None, places: Sequence[Place] | None = None) -> Followed:
        made.append(Followed(name, tail, places))
        return made[-1]

    yield start
    for followed in made:
        followed.follower.close()


def read(name: str) -> tuple[list[str], list[Problem]]:
    """All that a source gives, which a second reading gives as well."""
    problems: list[Problem] = []
    (stream,) = open_streams([name], problems.append, spool=True)
    assert stream.name == name
    first, second = ([line for block in stream.blocks(problems.append) for line in block.lines["text"]] for _ in "12")
    assert first == second
    assert siblings(name) == []
    return first, list(dict.fromkeys(problems))


def test_what_names_a_client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    named = {name: client_of(name) for name in ("journal:", "journal:ssh.service", "docker:web", "kubectl:shop/cart-0")}
    assert [client.program for client in named.values() if client] == ["journalctl", "journalctl", "docker", "kubectl"]
    for other in ("docker:", "kubectl:", "journal", "-", "app.log", "./journal:x", "http:x"):
        assert client_of(other) is None
    Path("docker:web").touch()
    assert client_of("docker:web") is None  # a file is a file first


def test_docker_in_batch(clients: Callable[..., None]) -> None:
    clients(stamped(1, "listening on port 8080"), stamped(2, ""), stamped(3, "warn: low"), stamped(4, "2026-01-31 x"))
    assert read("docker:web") == (["listening on port 8080", "", "2026-01-31 x", "warn: low"], [])
    assert fetch("docker:web", [4]) == {4: "warn: low"}
    assert Path("calls").read_text() == "docker logs --timestamps web\n"


def test_kubectl_in_batch(clients: Callable[..., None]) -> None:
    clients(stamped(1, "one"))
    assert read("kubectl:shop/web") == (["one"], [])
    assert read("kubectl:web") == (["one"], [])
    calls = Path("calls").read_text().splitlines()
    assert calls == ["kubectl logs --timestamps --namespace=shop web", "kubectl logs --timestamps web"]


def test_the_journal_in_batch(clients: Callable[..., None]) -> None:
    clients(*(entry(n, f"Accepted publickey for ann from 192.0.2.7 port 5200{n}") for n in range(9)))
    texts, problems = read("journal:ssh.service")
    assert len(texts) == 9
    assert problems == []
    assert Path("calls").read_text() == "journalctl --output=json --all --no-pager --unit=ssh.service\n"
    assert formats.detect(pl.Series(texts)).format.name == "journald"


def test_a_client_that_fails_is_said_in_one_line(clients: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    said = "cannot be read: docker ended with status 1: Error response from daemon: No such container: db"
    assert read("docker:db") == ([], [Problem("docker:db", said, fatal=True)])
    assert read("journal:nothing")[1][0].message.endswith(
        "journalctl ended with status 1: No journal files were found."
    )
    clients(stamped(1, "one"))
    Path("bin/docker").write_text('#!/bin/sh\ncat log\necho "error from daemon: EOF" >&2\nexit 1\n')
    said = "breaks off in or after line 1: docker ended with status 1: error from daemon: EOF"
    assert read("docker:web") == (["one"], [Problem("docker:web", said, fatal=True)])
    monkeypatch.setenv("PATH", "")
    said = "cannot be read: kubectl is not installed, or not on PATH"
    assert read("kubectl:web") == ([], [Problem("kubectl:web", said, fatal=True)])


@pytest.mark.parametrize(
    ("name", "line"), [("docker:web", stamped), ("kubectl:shop/web", stamped), ("journal:", entry)]
)
def test_a_client_is_followed_and_resumed(
    clients: Callable[..., None],
    follow: Callable[..., Followed],
    name: str,
    line: Callable[[int, str], str],
) -> None:
    def shown(*numbers: int) -> list[str]:
        return [f"line {n}" if line is stamped else line(n, f"line {n}").rstrip() for n in numbers]

    clients(line(1, "line 1"), line(2, "line 2"), line(3, "line 3"))
    web = follow(name, tail=2)
    assert web.until(2) == shown(2, 3)
    clients(line(4, "line 4"))
    began = time.perf_counter()
    assert web.until(1) == shown(4)
    assert time.perf_counter() - began < 2
    assert [(a.source, a.file, a.ended) for a in web.arrived] == [(name, 0, False)] * len(web.arrived)
    assert pl.concat(a.lines for a in web.arrived)["line"].to_list() == [1, 2, 3]
    assert web.follower.arrivals(0.5) == []
    assert web.follower.caught_up
    assert not web.follower.over
    assert web.follower.lines_at(0, [(1, 0)]) == {}
    places = [Place.from_json(place.to_json()) for place in web.follower.places()]
    web.follower.close()
    clients(line(5, "line 5"), line(6, "line 6"))
    again = follow(name, tail=0, places=places)
    assert again.until(2) == shown(5, 6)
    assert again.arrived[0].lines["line"][0] == 4
    assert again.arrived[0].file == 0
    assert (web.problems, again.problems) == ([], [])


def test_lines_of_one_moment_are_resumed_by_their_number(
    clients: Callable[..., None], follow: Callable[..., Followed]
) -> None:
    clients(stamped(1, "a"), stamped(2, "b"), stamped(2, "c"))
    web = follow("docker:web")
    assert web.until(3) == ["a", "b", "c"]
    clients(stamped(2, "d"))
    assert web.until(1) == ["d"]
    places = web.follower.places()
    web.follower.close()
    clients(stamped(2, "e"), stamped(3, "f"))
    assert follow("docker:web", places=places).until(2) == ["e", "f"]


def test_a_client_that_never_ran_is_over(clients: Callable[..., None], follow: Callable[..., Followed]) -> None:
    db = follow("docker:db", tail=0)
    assert db.until(0) == []
    assert db.follower.over
    assert [(a.file, a.ended) for a in db.arrived] == [(0, True)]
    said = "cannot be read: docker ended with status 1: Error response from daemon: No such container: db"
    assert db.problems == [Problem("docker:db", said, fatal=True)]


def test_a_client_that_ends_is_started_again(
    clients: Callable[..., None], follow: Callable[..., Followed], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(piped, "PAUSES", (0.1, 0.2))
    Path("bin/docker").write_text('#!/bin/sh\necho "$*" >> calls\ncat log\necho "unexpected EOF" >&2\nexit 1\n')
    clients(stamped(1, "one"))
    web = follow("docker:web", tail=0)
    assert web.until(1) == ["one"]
    while not web.problems:  # it has ended
        assert web.follower.arrivals(0.1) == []
    clients(stamped(2, "two"))
    assert web.until(1) == ["two"]
    said = "docker ended with status 1: unexpected EOF; it is started again"
    assert set(web.problems) == {Problem("docker:web", said, fatal=False)}
    calls = Path("calls").read_text().splitlines()
    assert calls[0] == "logs --timestamps --follow --tail=0 web"
    assert calls[1] == "logs --timestamps --follow --since=2026-01-31T01:02:00.1Z web"


@pytest.mark.slow
def test_clients_end_with_the_follower(clients: Callable[..., None], follow: Callable[..., Followed]) -> None:
    Path("bin/docker").write_text("#!/bin/sh\ntrap '' TERM\necho $$ > pid\ncat log\nwhile :; do sleep 0.1; done\n")
    clients(stamped(1, "one"))
    web = follow("docker:web")
    assert web.until(1) == ["one"]
    began = time.monotonic()
    web.follower.close()
    assert time.monotonic() - began < 4
    with pytest.raises(ProcessLookupError):
        os.kill(int(Path("pid").read_text()), 0)
