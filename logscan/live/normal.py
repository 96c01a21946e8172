"""What is normal in a log that is followed: a model, a baseline, or what the log holds already."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from pathlib import Path
from typing import Any

import orjson
import polars as pl

from logscan.detectors.profile import Profile
from logscan.errors import InputError
from logscan.live import state
from logscan.models import bundle
from logscan.records import EVERYTHING, Chunk, Reader
from logscan.scan import Run
from logscan.sources import Problem, open_streams, siblings
from logscan.sources.place import Place
from logscan.templates.keys import Keys

LEAST = 1_000  # records to learn from; while there are fewer, what arrives is learnt


@dataclass
class Normal:
    """A reader with keys, and the profile that it fills until it is `finished`. card: of the model."""

    reader: Reader
    profile: Profile
    finished: bool
    card: dict[str, Any]

    @cached_property
    def identity(self) -> str:
        """What tells a model from others: with another one, keys have other numbers."""
        made = [self.card.get("detector"), self.card.get("created"), self.reader.keys.hashes()]
        return blake2b(orjson.dumps(made), digest_size=8).hexdigest()

    def learn(self, chunk: Chunk) -> None:
        """Learn from more records, which were not judged."""
        self.profile.add(chunk)

    @property
    def wanted(self) -> int:
        """Records that are still to be learnt before anything can be judged."""
        return max(0, LEAST - self.profile.records)


def of(run: Run, paths: Sequence[str], places: Sequence[Place], path: Path | None, resumed: bool) -> Normal:
    """What the options say. path: of the state, which holds something where it is `resumed`. Raises LogscanError."""
    if run.options.model is not None:
        return of_model(run, run.options.model)
    if path is not None and resumed:
        beside = state.model_beside(path)
        if not beside.exists():
            words = "name the --model that it was written with, or delete it to begin anew"
            raise InputError(f"{path} goes with a model, and {beside} is none: {words}")
        return of_model(run, beside)
    if run.options.baseline:
        return finish(run, of_baseline(run), path)
    found = of_logs(run, paths, places)
    if not found.wanted:
        return finish(run, found, path)
    first = f"the first {LEAST:,} records are learnt, and what comes after them is judged"
    message = f"holds too little to know what is normal: {first}"
    run.on_problem(Problem(run.result.sources[0], message, fatal=False))
    return found


def of_model(run: Run, folder: Path) -> Normal:
    """A model, whatever detector it holds. Raises ModelError."""
    model = bundle.load(folder)
    return Normal(run.reader_of(model), model.profile, True, model.card)


def of_baseline(run: Run) -> Normal:
    """The logs that are named as the baseline. Raises InputError."""
    reader, profile = run.learn_baseline()
    return Normal(reader, profile, True, {})


def of_logs(run: Run, paths: Sequence[str], places: Sequence[Place]) -> Normal:
    """What was written before these places, where following begins; to be finished."""
    reader = run.reader(Keys(run.options.masks))
    reader.on_problem = lambda problem: None if problem.fatal else run.on_problem(problem)  # what follows will say it
    for place in places:
        reader.only = reader.only & ((pl.col("file") != place.source) | (pl.col("line") < place.line))
    streams = open_streams([path for path in paths if path != "-"], lambda problem: None)
    alone = [stream for stream in streams if len(stream.files) == 1 and Path(stream.name).is_file()]
    older = [str(path) for stream in alone for path in siblings(stream.name)]
    normal = Normal(reader, Profile(reader.keys), False, {})
    for stream in [*open_streams(older, run.on_problem), *streams]:
        for chunk in reader.chunks(stream):
            normal.learn(chunk)
            run.progress("learning", chunk.read, stream.size)
    reader.only, reader.on_problem = EVERYTHING, run.on_problem
    return normal


def finish(run: Run, normal: Normal, path: Path | None) -> Normal:
    """What was learnt is frozen, and kept as a model beside the state, if there is one: its keys keep their numbers."""
    if not normal.finished:
        normal.profile.finish(normal.reader.freeze())
        normal.finished = True
    if path is None:
        return normal
    folder = state.model_beside(path)
    layouts = [layout.to_dict() for layout in normal.reader.by_format.values()]
    bundle.save(folder, normal.profile, {"records": normal.profile.records, "layouts": layouts})
    return of_model(run, folder)
