"""Training the default detector: what is normal is learnt as a profile, and held against what was not learnt from.

Of a corpus with labels by session a share of the normal sessions, drawn at random, is learnt from; of one with labels
by line the normal lines of the first part; of one without labels everything.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from logscan.corpora import Corpus
from logscan.corpora.splits import logllama
from logscan.corpora.table import table_of
from logscan.detectors.baseline import Baseline
from logscan.detectors.profile import Profile, session_events
from logscan.errors import InputError
from logscan.evaluation.metrics import Bools, Floats
from logscan.findings.explain import score_of
from logscan.records import Reader
from logscan.scan import Progress, learn
from logscan.sources import Problem, Stream, open_streams
from logscan.templates.keys import Keys
from logscan.train.options import Model, Options, card_of, measured, split_of, threshold_of
from logscan.windows import Sessions, Window

SHARE = 0.8  # of what is normal


def train_baseline(
    corpus: Corpus, options: Options, progress: Progress, on_problem: Callable[[Problem], None]
) -> Model:
    """The profile of a corpus. Raises InputError where there is nothing to learn from, or labels match nothing."""
    streams = open_streams(corpus.paths, on_problem)
    window = Window.parse(options.window)
    reader = Reader(Keys(options.masks), on_problem, options.log_format, options.session, window)
    held_out = None
    if corpus.by == "session":
        profile, held_out = _by_session(corpus, streams, reader, options, progress)
    elif corpus.anomalous is not None:
        reader.anomalous = corpus.anomalous
        profile, held_out = _by_line(streams, reader, options.train_share or SHARE, progress)
    else:
        profile = learn(streams, reader, progress)
    if not profile.records:
        raise InputError(f"{corpus.name} holds nothing to learn from")
    card = card_of(corpus, profile, reader, options)
    card["fingerprint"] = profile.fingerprint()
    if held_out is not None and held_out.fingerprint and options.window in ("auto", "session"):
        card["fingerprint"], card["window"] = held_out.fingerprint, "session"
        card["split"] = split_of(replace(options, protocol="logllama", limit=None), SHARE, "session")
    if profile.sessions is not None:
        card["threshold"] = threshold_of(profile.sessions)
    if held_out is not None:
        card["held_out"] = {
            held_out.unit: len(held_out.scores),
            "anomalous": int(held_out.anomalous.sum()),
            f"normal_{held_out.unit}_learnt": held_out.learnt,
        }
        card |= measured(held_out.scores, held_out.anomalous, options.prevalence or corpus.prevalence)
    return Model(profile, card)


@dataclass(frozen=True)
class _HeldOut:
    """What was not learnt from: scores, and which are anomalous; fingerprint: of a corpus with labels by session."""

    unit: str
    scores: Floats
    anomalous: Bools
    learnt: int
    fingerprint: str = ""


def _by_session(
    corpus: Corpus, streams: Sequence[Stream], reader: Reader, options: Options, progress: Progress
) -> tuple[Profile, _HeldOut]:
    """Learn from a share of the normal sessions, judge all others as wholes."""
    table = table_of(corpus, streams, reader, progress)
    train, test = logllama(table.windows, options.train_share or SHARE, options.seed, False)
    learnt = train["window"]
    reader.only = pl.col("session").is_in(learnt.implode())
    profile = learn(streams, reader, progress)
    if profile.sessions is None:
        raise InputError(f"{len(learnt):,} normal sessions are too few to learn from")
    reader.only = pl.col("session").is_in(test["window"].implode())
    sessions = Sessions(limit=1 << 62)
    for stream in streams:
        for chunk in reader.chunks(stream):
            list(sessions.add(session_events(chunk)))
            progress("judging what was held out", chunk.read, stream.size)
    windows = sessions.close()
    judged = pl.DataFrame({"window": windows.ids}).join(test, on="window", maintain_order="left")
    scores, anomalous = profile.sessions.score(windows).window, judged["anomalous"].to_numpy()
    return profile, _HeldOut("sessions", scores, anomalous, profile.sessions.sessions_, table.fingerprint)


def _by_line(streams: Sequence[Stream], reader: Reader, share: float, progress: Progress) -> tuple[Profile, _HeldOut]:
    """Learn from the normal lines of the first part of each log, judge the lines of the rest one by one."""
    last = pl.lit(0)
    for stream in streams:
        lines = dict.fromkeys(stream.files, 0)
        for block in stream.blocks(lambda problem: None):
            lines[block.source] += len(block.lines)
        left = int(sum(lines.values()) * share)
        for source, n in lines.items():
            last = pl.when(pl.col("file") == source).then(min(left, n)).otherwise(last)
            left -= min(left, n)
    reader.only = ~pl.col("anomalous") & (pl.col("line") <= last)
    profile = learn(streams, reader, progress)
    if not profile.records:
        raise InputError("no line of the training part is labelled normal")
    reader.only = pl.col("anomalous").is_not_null() & (pl.col("line") > last)
    scores, anomalous = [], []
    for stream in streams:
        detector = Baseline(profile)
        records, evidence = [], []
        for chunk in reader.chunks(stream):
            records.append(chunk.records.select("source", "line", "anomalous"))
            evidence.append(detector.judge(chunk))
            progress("judging what was held out", chunk.read, stream.size)
        if records:
            strength = pl.concat([*evidence, detector.finish()]).group_by("source", "line").agg(score_of().max())
            judged = pl.concat(records).join(strength, on=["source", "line"], how="left", maintain_order="left")
            scores.append(judged["score"].fill_null(0.0).to_numpy())
            anomalous.append(judged["anomalous"].to_numpy())
    return profile, _HeldOut("lines", np.concatenate(scores), np.concatenate(anomalous), profile.records)
