"""A detector that has learnt, from now or long ago, and what is measured of it on windows with labels."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any, Protocol, runtime_checkable

import numpy as np
import orjson
import polars as pl

from logscan.corpora import Corpus
from logscan.corpora.reading import Labelled
from logscan.detectors.baseline import Baseline
from logscan.detectors.profile import Profile
from logscan.detectors.registry import Saved
from logscan.detectors.sessions import Scores
from logscan.evaluation.curves import Curves, Step, curves, rank_sweep
from logscan.evaluation.metrics import Floats
from logscan.evaluation.results import Cost, Result
from logscan.findings.explain import score_of
from logscan.models.bundle import size_of as bytes_of
from logscan.networks.judging import Judge, Judged
from logscan.records import Reader
from logscan.scan import Progress
from logscan.sources import open_streams
from logscan.windows import Windows

ALONE = 20  # windows that are judged one by one, for the latency


@runtime_checkable
class Ranking(Protocol):
    """A detector with a Top-K rule."""

    judge: Judge
    k_: int

    def scored(self, windows: Windows, judged: Judged) -> Scores:
        """The scores of windows that are judged already."""


@dataclass(frozen=True)
class Contestant:
    """score: windows -> (n,) scores, 0.5 the threshold; alone: whether a window can be judged by itself;
    ranking: what has a Top-K rule; train: seconds; size: bytes"""

    name: str
    score: Callable[[Windows], Floats]
    alone: bool = True
    ranking: Ranking | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0
    train: float | None = None
    size: float | None = None
    notes: tuple[str, ...] = ()

    def measured(self, test: Labelled, prevalence: float | None) -> tuple[Result, Curves]:
        """How good and how fast it is on labelled windows, some of each class; sweeps and curves are at the
        prevalence."""
        top_k: tuple[Step, ...] = ()
        began = perf_counter()
        if self.ranking is None:
            scores = self.score(test.windows)
            seconds = perf_counter() - began
        else:
            judged = self.ranking.judge.judge(test.windows)
            scores = self.ranking.scored(test.windows, judged).window
            seconds = perf_counter() - began
            keys = len(self.ranking.judge.vocabulary.hashes)
            top_k = rank_sweep(judged.worst_ranks(test.windows), test.anomalous, keys, self.ranking.k_, prevalence)
        windows, lines = len(test.windows), len(test.windows.events)
        cost = Cost(
            train=self.train,
            score=seconds,
            windows_per_second=windows / seconds,
            lines_per_second=lines / seconds,
            latency=self._latency(test.windows) if self.alone else None,
            size=self.size,
        )
        result = Result.of(
            self.name,
            scores,
            test.anomalous,
            prevalence=prevalence,
            top_k=top_k,
            cost=cost,
            options=self.options,
            seeds=(self.seed,),
            notes=self.notes,
        )
        return result, curves(scores, test.anomalous, prevalence=prevalence)

    def _latency(self, windows: Windows) -> float:
        """Milliseconds, the median of some windows from all over."""
        taken = []
        for at in np.linspace(0, len(windows) - 1, ALONE).astype(np.int64):
            one = windows.take(np.array([at]))
            began = perf_counter()
            self.score(one)
            taken.append(1000 * (perf_counter() - began))
        return float(np.median(taken))


@dataclass(frozen=True)
class ByProfile:
    """The baseline over windows: sessions as wholes, else the strangest record of each."""

    profile: Profile
    reader: Reader
    corpus: Corpus
    by_session: bool
    progress: Progress

    @property
    def whole(self) -> bool:
        """Whether windows are judged as wholes."""
        return self.by_session and self.profile.sessions is not None

    @property
    def size(self) -> int:
        """Bytes of what would be saved."""
        return len(orjson.dumps(self.profile.to_json())) + len(orjson.dumps(self.profile.keys.to_json()))

    def score(self, windows: Windows) -> Floats:
        """(n,) scores."""
        if self.by_session and self.profile.sessions is not None:
            return self.profile.sessions.score(windows).window
        self.reader.only = pl.col("session").is_in(pl.Series(windows.ids).implode())
        strongest = pl.concat(list(self._evidence())).group_by("session").agg(score_of().max())
        found = pl.DataFrame({"session": windows.ids}).join(strongest, on="session", how="left", maintain_order="left")
        return found["score"].fill_null(0.0).to_numpy()

    def _evidence(self) -> Iterator[pl.DataFrame]:
        """What is strange in the records that the reader gives."""
        for stream in open_streams(self.corpus.paths, lambda problem: None):
            detector = Baseline(self.profile)
            for chunk in self.reader.chunks(stream):
                yield detector.judge(chunk)
                self.progress("judging", chunk.read, stream.size)
            yield detector.finish()

    def contestant(self) -> Contestant:
        """To be measured."""
        again = () if self.whole else ("its time to score holds a reading of the log",)
        return Contestant("baseline", self.score, self.whole, size=self.size, notes=again)


def size_of(detector: object) -> int | None:
    """Bytes of what would be saved, where that is known."""
    if not isinstance(detector, Saved):
        return None
    with TemporaryDirectory() as name:
        detector.save(Path(name))
        return bytes_of(Path(name))
