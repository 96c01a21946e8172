"""Following logs: what arrives is read, judged and told, until the end of the logs or of the process::

    watch = Watch(["app.log"], Options(model=Path("model")))
    for finding in watch.findings():
        print(finding.score, finding.reason)

Without a model or a baseline, what is in the logs at the beginning is what is normal. With a state every line counts
once, whatever happens: the state is written before the findings of its lines are given, and holds them; those that may
not have been taken are given again.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import chain
from pathlib import Path
from time import monotonic, time

from logscan.errors import InputError
from logscan.findings.finding import Finding
from logscan.live import normal, state
from logscan.live.clock import Clock
from logscan.live.feed import Feed
from logscan.live.judges import Judges
from logscan.live.state import State
from logscan.live.texts import Texts
from logscan.records import Chunk
from logscan.scan import Options, Progress, Result, Run, extended, in_words, no_progress
from logscan.sources import Problem
from logscan.sources.follow import Arrived, Follower
from logscan.sources.place import Place

WAIT = 0.25  # seconds for lines
LOOK = 1.0  # seconds between two looks at what did not come


@dataclass(frozen=True)
class Begin:
    """tail: lines before the present end of each log at which to begin, None: at its beginning; state: where to go on
    from, and where to write that."""

    tail: int | None = 0
    state: Path | None = None


class Watch:
    """Follows the logs of these paths. Raises LogscanError as `scan` does.

    result: what `scan` would count, up to now, without the findings; found: how many of each kind; bytes: that came;
    last: when the last line came, and the last finding, in seconds since 1970, 0 where none did
    on_look: called about once a second
    """

    def __init__(
        self,
        paths: Sequence[str],
        options: Options | None = None,
        begin: Begin | None = None,
        progress: Progress = no_progress,
        on_problem: Callable[[Problem], None] = lambda problem: None,
        on_look: Callable[["Watch"], None] = lambda watch: None,
    ) -> None:
        self.begin = begin or Begin()
        self.result = Result()
        self.found: Counter[str] = Counter()
        self.bytes = 0
        self.last = {"last_line": 0.0, "last_finding": 0.0}
        self.on_look = on_look
        self._say = on_problem
        self._stopped = False
        self._began = monotonic()
        self._clock = Clock()
        self._saved = self._looked = self._came = self._clock()
        self._save_took = 0.0
        self._untaken: list[Finding] = []  # in the state, and maybe not given
        self._run = Run(options or Options(), self.result, progress, self._problem)
        path = self.begin.state
        if path is not None and not path.parent.is_dir():  # before much is learnt
            raise InputError(f"the state {path} cannot be written: there is no folder {path.parent}")
        saved = None if path is None or not path.exists() else state.load(path)
        places = None
        if path is not None and saved is not None:
            with state.understood(path):
                places = [Place.from_json(place) for place in saved.part("places").data]
        self.follower = Follower(paths, self.begin.tail, self._problem, places)
        self.result.sources = self._sources() or tuple(paths)
        self.texts = Texts(self.follower)
        self._normal = normal.of(self._run, paths, self.follower.places(), path, saved is not None)
        self._feed = Feed(self._normal.reader)
        self._judges = Judges(self._run, self._normal, self.texts) if self._normal.finished else None
        if path is not None and saved is not None:
            with state.understood(path):
                self._restore(path, saved)
        self._save(lasting=True)

    def stop(self) -> None:
        """End after what is being judged; may be called by a signal handler."""
        self._stopped = True

    def findings(self) -> Iterator[Finding]:
        """Findings as soon as they are known."""
        with closing(self.follower):
            yield from self._given()
            while not self._stopped:
                arrived = self.follower.arrivals(min(WAIT, self._feed.patience(self._clock())))
                self.bytes += self.texts.add(arrived)
                now = self._clock()
                if arrived:
                    self._came, self.last["last_line"] = now, time()
                for source, chunk in chain(self._feed.chunks(self._in_pieces(arrived), now), self._feed.overdue(now)):
                    self._take(source, chunk, now)
                yield from self._given()
                over = self.follower.over and not arrived
                if over or now - self._looked >= LOOK:
                    self._look(now, over)
                    yield from self._given()
                self._save()
                if over:
                    break
            self._count()
            self._save(lasting=True)

    def _in_pieces(self, arrived: Iterable[Arrived]) -> Iterator[Arrived]:
        """No more at once than is wanted to know what is normal."""
        for one in arrived:
            lines = one.lines
            while not self._normal.finished and len(lines) > (wanted := self._normal.wanted + 1):  # the last is held
                yield replace(one, lines=lines.head(wanted), ended=False)
                lines = lines.slice(wanted)
            yield replace(one, lines=lines)

    def _given(self) -> Iterator[Finding]:
        """The findings, after each of which the taker has done with the ones before; then they leave the state."""
        if self._untaken:
            self._save()
            yield from self._untaken
            self._untaken = []
            self._save(needed=True)

    def context(self, wanted: Mapping[str, set[int]]) -> dict[str, dict[int, str]]:
        """The texts of lines that came lately, by source."""
        newest = dict(self._normal.reader.files.keys())
        found = {}
        for source, lines in wanted.items():
            if source in newest:
                texts = self.texts.kept(newest[source], sorted(lines))
                found[source] = {line: text for line, (text, _) in texts.items()}
        return found

    @property
    def seconds(self) -> float:
        """Since the beginning, of the state if there is one."""
        return self.result.seconds + monotonic() - self._began

    @property
    def notes(self) -> tuple[str, ...]:
        """What the reader of the findings should know."""
        judges = self._judges.of if self._judges else {}
        own = [f"{name}: {note}" for name, judge in judges.items() for note in judge.notes]
        return tuple(dict.fromkeys([*self.result.notes, *self._normal.profile.notes, *own]))

    def _sources(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(place.source for place in self.follower.places()))

    def _take(self, source: str, chunk: Chunk, now: float) -> None:
        """Judge a chunk, or learn from it while it is not known what is normal."""
        records, self._came = chunk.records, now  # of a line that was held, too
        if source not in self.result.sources:
            self.result.sources = self._sources()
        lines = int((records["last_line"] - records["line"] + 1).sum())
        self.result.records += len(records)
        self.result.lines += lines
        self.result.times = extended(self.result.times, records["time"])
        if self._judges is not None:
            self._tell(self._judges.findings(source, chunk, lines, now))
            return
        self._normal.learn(chunk)
        if not self._normal.wanted:
            self._normal = normal.finish(self._run, self._normal, self.begin.state)
            self._feed.reader = self._normal.reader
            self._judges = Judges(self._run, self._normal, self.texts)

    def _look(self, now: float, over: bool) -> None:
        """Judge what did not come; with `over` what was waited for in vain."""
        self._looked = now
        if self._judges is not None:
            self._tell(self._judges.look(now, over))
        self._count()
        self.on_look(self)

    def _count(self) -> None:
        if self._judges is not None:
            self.result.windows = sum(judge.windows for judge in self._judges.of.values())
        self.result.layouts = {name: in_words(layout) for name, layout in self._normal.reader.layouts.items()}

    def _tell(self, findings: Iterable[Finding]) -> None:
        for finding in findings:
            self.last["last_finding"] = time()
            self.found[finding.kind] += 1
            self._untaken.append(finding)

    def _problem(self, problem: Problem) -> None:
        if problem not in self.result.problems:
            self.result.problems.append(problem)
            self._say(problem)

    def _save(self, needed: bool = False, lasting: bool = False) -> None:
        """Write the state, if there is a reason."""
        now = self._clock()
        due = now - self._saved >= max(LOOK, 10 * self._save_took) and self._saved <= self._came
        path, judges = self.begin.state, self._judges
        if path is None or judges is None or not (self._untaken or due or needed or lasting):
            return
        self._saved = now
        state.save(path, self._state(judges, now), lasting)
        self._save_took = self._clock() - now

    def _state(self, judges: Judges, now: float) -> State:
        result = self.result
        return State.of(
            {
                "places": State([place.to_json() for place in self.follower.places()]),
                "held": self._feed.state(),
                "findings": State(state.listed(self._untaken)),
                "counted": State([result.lines, result.records, self.bytes, self.seconds, dict(self.found)]),
                "times": State(result.times),
                "last": State(self.last),
                "problems": State([[one.source, one.message, one.fatal] for one in result.problems]),
                "model": State(self._normal.identity),
                "judges": judges.state(now),
            }
        )

    def _restore(self, path: Path, saved: State) -> None:
        """Go on with what `_state` gave."""
        now, result, data = self._clock(), self.result, saved.data
        self.texts.add(self._feed.restore(saved.part("held"), now))
        self._untaken = state.findings_of(data["findings"])
        result.lines, result.records, self.bytes, result.seconds, found = data["counted"]
        self.found.update(found)
        self.last = data["last"]
        if data["times"]:
            result.times = (datetime.fromisoformat(data["times"][0]), datetime.fromisoformat(data["times"][1]))
        result.problems = [Problem(*problem) for problem in data["problems"]]
        if self._judges is not None and data["model"] == self._normal.identity:
            self._judges.restore(saved.part("judges"), now)
        else:
            message = "was written with another model: sessions begin anew, and findings may be told again"
            self._problem(Problem(str(path), message, fatal=False))
