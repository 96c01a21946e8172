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
from typing import Any

import polars as pl

from logscan.detectors.baseline import SequenceDetector
from logscan.detectors.drift import Drift, way_out
from logscan.errors import InputError
from logscan.findings.finding import Finding
from logscan.live import normal, state
from logscan.live.clock import Clock
from logscan.live.feed import Feed, Held
from logscan.live.judge import LiveJudge, Steps
from logscan.live.tell import Teller
from logscan.live.texts import Texts
from logscan.records import Chunk
from logscan.scan import Options, Progress, Result, Run, extended, in_words, no_progress, with_session
from logscan.sources import Problem
from logscan.sources.follow import Arrived, Follower
from logscan.sources.place import Place
from logscan.windows import OpenWindows
from logscan.windows.sessions import MAX_OPEN

PATIENCE = 60_000_000  # microseconds that a session may pause at the least
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
        self._judges: dict[str, LiveJudge] = {}
        self._drift: Drift | None = None
        self._untaken: list[Finding] = []  # in the state, and maybe not given
        self._run = Run(options or Options(), self.result, progress, self._problem)
        path = self.begin.state
        if path is not None and not path.parent.is_dir():  # before much is learnt
            raise InputError(f"the state {path} cannot be written: there is no folder {path.parent}")
        saved = None if path is None or not path.exists() else (path, *state.load(path))
        places = None
        if saved is not None:
            with state.understood(saved[0]):
                places = [Place.from_json(place) for place in saved[1]["places"]]
        self.follower = Follower(paths, self.begin.tail, self._problem, places)
        self.result.sources = self._sources() or tuple(paths)
        self.texts = Texts(self.follower)
        self._normal = self._what_is_normal(paths, saved is not None)
        self._feed = Feed(self._normal.reader)
        if self._normal.finished:
            self._judge_by(self._normal)
        if saved is not None:
            with state.understood(saved[0]):
                self._restore(*saved)
        self._save(lasting=True)

    def stop(self) -> None:
        """End after what is being judged; may be called by a signal handler."""
        self._stopped = True

    def findings(self) -> Iterator[Finding]:
        """Findings as soon as they are known."""
        with closing(self.follower):
            yield from self._given()
            while not self._stopped:
                arrived = self.follower.arrivals(0.02 if self._feed.waiting else WAIT)
                self.bytes += self.texts.add(arrived)
                now = self._clock()
                if arrived:
                    self._came, self.last["last_line"] = now, time()
                for source, chunk in chain(self._feed.chunks(self._in_pieces(arrived), now), self._feed.overdue(now)):
                    self._take(source, chunk, now)
                over = self.follower.over and not arrived
                if over or now - self._looked >= LOOK:
                    self._look(now, over)
                self._save()
                yield from self._given()
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
        own = [f"{name}: {note}" for name, judge in self._judges.items() for note in judge.notes]
        return tuple(dict.fromkeys([*self.result.notes, *self._normal.profile.notes, *own]))

    def _what_is_normal(self, paths: Sequence[str], resumed: bool) -> normal.Normal:
        run, path = self._run, self.begin.state
        if run.options.model is not None:
            return normal.of_model(run, run.options.model)
        if path is not None and resumed:
            beside = state.model_beside(path)
            if not beside.exists():
                words = "name the --model that it was written with, or delete it to begin anew"
                raise InputError(f"{path} goes with a model, and {beside} is none: {words}")
            return normal.of_model(run, beside)
        if run.options.baseline:
            found = normal.of_baseline(run)
        else:
            found = normal.of_logs(run, paths, self.follower.places())
            if found.wanted:
                first = f"the first {normal.LEAST:,} records are learnt, and what comes after them is judged"
                self._problem(
                    Problem(self.result.sources[0], f"holds too little to know what is normal: {first}", False)
                )
                return found
        return normal.finish(run, found, None if path is None else state.model_beside(path))

    def _sources(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(place.source for place in self.follower.places()))

    def _judge_by(self, found: normal.Normal) -> None:
        """From now on what arrives is judged."""
        self._normal = found
        self._feed.reader = found.reader
        detector = self._run.detector or found.profile.sessions
        self._steps = Steps(detector) if isinstance(detector, SequenceDetector) else None
        self._teller = Teller(found.profile, self._run.options, found.reader, self.texts)
        model = self._run.options.model
        if model is not None:
            refresh = way_out(str(model), found.card["detector"], self.result.sources)
            self._drift = Drift(found.profile, str(model), refresh)

    def _judge(self, source: str) -> LiveJudge:
        """The judge of a log."""
        if source not in self._judges:
            window, profile = self._run.window, self._normal.profile
            pause = max(2 * profile.pause, PATIENCE) if window.by_session else 0
            ends = profile.sessions.last() if window.by_session and profile.sessions else None
            messages = self._normal.reader.messages
            detector = self._run.detector or profile.sessions
            reach = (detector.reach or 0) if isinstance(detector, SequenceDetector) else 0
            windows = OpenWindows(
                pause, window.records or 0, ends, messages, time=window.microseconds or 0, reach=reach
            )
            self._judges[source] = LiveJudge(
                profile, windows, self._run.detector, messages, self._run.span, self._steps
            )
            for judge in self._judges.values():
                judge.open.limit = MAX_OPEN // len(self._judges)
        return self._judges[source]

    def _take(self, source: str, chunk: Chunk, now: float) -> None:
        """Judge a chunk, or learn from it while it is not known what is normal."""
        records = chunk.records
        if source not in self.result.sources:
            self.result.sources = self._sources()
        lines = int((records["last_line"] - records["line"] + 1).sum())
        self.result.records += len(records)
        self.result.lines += lines
        self.result.times = extended(self.result.times, records["time"])
        if not self._normal.finished:
            self._normal.learn(chunk)
            if not self._normal.wanted:
                path = self.begin.state
                beside = None if path is None else state.model_beside(path)
                self._judge_by(normal.finish(self._run, self._normal, beside))
            return
        if self._drift is not None and (word := self._drift.add(chunk)):
            self._problem(Problem(source, word, fatal=False))
        self._teller.lines_came(lines)
        self._tell(source, self._judge(source).judge_at(chunk, int(now * 1e6)))

    def _look(self, now: float, over: bool) -> None:
        """Judge what did not come; with `over` what was waited for in vain."""
        self._looked = now
        for source, judge in self._judges.items():
            self._tell(source, judge.finish() if over else judge.look(int(now * 1e6)))
        self._count()
        self.on_look(self)

    def _count(self) -> None:
        self.result.windows = sum(judge.windows for judge in self._judges.values())
        self.result.layouts = {name: in_words(layout) for name, layout in self._normal.reader.layouts.items()}

    def _tell(self, source: str, evidence: pl.DataFrame) -> None:
        if not len(evidence):
            return
        layout = self._normal.reader.layouts.get(source)
        pattern = layout.session if layout is not None and self._run.window.by_session else None
        for finding in self._teller.findings(evidence, time()):
            self.last["last_finding"] = time()
            self.found[finding.kind] += 1
            self._untaken.append(with_session(finding, pattern))
        self.result.over, self.result.accepted = self._teller.over, self._teller.accepted

    def _problem(self, problem: Problem) -> None:
        if problem not in self.result.problems:
            self.result.problems.append(problem)
            self._say(problem)

    def _save(self, needed: bool = False, lasting: bool = False) -> None:
        """Write the state, if there is a reason."""
        now = self._clock()
        due = now - self._saved >= max(LOOK, 10 * self._save_took) and self._saved <= self._came
        if self.begin.state is None or not self._normal.finished or not (self._untaken or due or needed or lasting):
            return
        self._saved = now
        data, frames = self._state(now)
        state.save(self.begin.state, data, frames, lasting)
        self._save_took = self._clock() - now

    def _state(self, now: float) -> state.State:
        reader, result = self._normal.reader, self.result
        sources, held = list(self._judges), self._feed.held
        data: dict[str, Any] = {
            "places": [place.to_json() for place in self.follower.places()],
            "model": self._normal.identity,
            "reader": reader.to_json(),
            "held": [[file, one.source, one.time] for file, one in held.items()],
            "judges": [[source, self._judges[source].to_json()] for source in sources],
            "teller": self._teller.to_json(),
            "drift": self._drift.to_json() if self._drift else None,
            "findings": state.listed(self._untaken),
            "counted": [result.lines, result.records, self.bytes, self.seconds, dict(self.found)],
            "times": result.times,
            "last": self.last,
            "problems": [[one.source, one.message, one.fatal] for one in result.problems],
        }
        frames = {f"held-{file}": one.lines for file, one in held.items()}
        for number, source in enumerate(sources):
            for name, frame in self._judges[source].frames(int(now * 1e6)).items():
                frames[f"{name}-{number}"] = frame
        return data, frames

    def _restore(self, path: Path, data: dict[str, Any], frames: dict[str, pl.DataFrame]) -> None:
        now, result = self._clock(), self.result
        for file, source, before in data["held"]:
            self._feed.held[file] = Held(source, frames[f"held-{file}"], now, state.time_of(before))
            self.texts.add([Arrived(source, file, frames[f"held-{file}"], ended=False)])
        self._untaken = state.findings_of(data["findings"])
        result.lines, result.records, self.bytes, result.seconds, found = data["counted"]
        self.found.update(found)
        self.last = data["last"]
        if data["times"]:
            result.times = (datetime.fromisoformat(data["times"][0]), datetime.fromisoformat(data["times"][1]))
        result.problems = [Problem(*problem) for problem in data["problems"]]
        if data["model"] == self._normal.identity:
            self._restore_by_key(data, frames, now)
        else:
            message = "was written with another model: sessions begin anew, and findings may be told again"
            self._problem(Problem(str(path), message, fatal=False))

    def _restore_by_key(self, data: dict[str, Any], frames: dict[str, pl.DataFrame], now: float) -> None:
        """Go on with what means something with the keys of one model only."""
        self._normal.reader.restore(data["reader"])
        for number, (source, judge) in enumerate(data["judges"]):
            own = {name: frames[f"{name}-{number}"] for name in ("open", "early", "carried", "beats")}
            self._judge(source).restore(judge, own, int(now * 1e6))
        self._teller.restore(data["teller"])
        if self._drift is not None and data["drift"] is not None:
            self._drift.restore(data["drift"])
