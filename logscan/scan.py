"""The whole way, for a command line or a notebook: logs in, findings out.

    result = scan(["app.log"], baseline=["good.log"])
    for finding in result.findings: ...
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from time import perf_counter

import polars as pl

from logscan.detectors.baseline import Baseline
from logscan.detectors.profile import Profile
from logscan.findings.explain import explain
from logscan.findings.finding import Finding
from logscan.findings.merge import Evidence
from logscan.records import Chunk, Reader
from logscan.sources import Problem, Stream, open_streams
from logscan.templates.keys import Keys

BUDGET = 20  # findings per 10,000 lines
MIN_SCORE = 0.5


@dataclass
class Result:
    """findings: the strangest first"""

    findings: list[Finding] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    lines: int = 0
    records: int = 0
    seconds: float = 0.0
    formats: dict[str, str] = field(default_factory=dict)


def learn(streams: Iterable[Stream], reader: Reader, own: bool = False) -> Profile:
    """The profile of known-good logs."""
    profile = Profile(reader.keys)
    for stream in streams:
        for chunk in reader.chunks(stream):
            profile.add(chunk)
    return profile.finish(reader.freeze(), own)


def scan(
    paths: Sequence[str], *, baseline: Sequence[str] = (), budget: float = BUDGET, min_score: float = MIN_SCORE
) -> Result:
    """Scan logs against a known-good one, or, without one, each log against itself."""
    began = perf_counter()
    result = Result()
    streams = open_streams(paths, result.problems.append)
    found: list[Finding] = []
    if baseline:
        reader = Reader(Keys(), result.problems.append)
        profile = learn(open_streams(baseline, result.problems.append), reader)
        for stream in streams:
            found += _judge(stream, reader, profile, result, own=False)
    else:
        for stream in streams:
            reader = Reader(Keys(), result.problems.append)
            profile = learn([stream], reader, own=True)
            found += _judge(stream, reader, profile, result, own=True)
    found.sort(key=lambda finding: (-finding.score, finding.source, finding.first_line))
    most = max(int(budget), int(budget * result.lines / 10_000))
    result.findings = [finding for finding in found if finding.score >= min_score][:most]
    result.seconds = perf_counter() - began
    return result


def _judge(stream: Stream, reader: Reader, profile: Profile, result: Result, own: bool) -> list[Finding]:
    detector = Baseline(profile, own)
    evidence = Evidence()
    for chunk in reader.chunks(stream):
        evidence.add(detector.judge(chunk))
        result.records += len(chunk.records)
        result.lines += int((chunk.records["last_line"] - chunk.records["line"] + 1).sum())
    evidence.add(detector.finish())
    return [explain(cause, profile, reader.sources, own) for cause in evidence.causes()]
