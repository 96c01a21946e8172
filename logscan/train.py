"""Learning a model from a corpus, and how good it is on what it did not learn from.

    model = train(["hdfs/"], Options(train_share=0.8))
    save(Path("model"), model.profile, model.card)

Labels, by session or by line, say what to learn from and what to measure on; nothing is learnt from them otherwise.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from hashlib import blake2b
from typing import Any

import numpy as np
import orjson
import polars as pl

from logscan.corpora import Corpus, open_corpus
from logscan.corpora.table import table_of
from logscan.detectors.baseline import Baseline
from logscan.detectors.profile import Profile, session_events
from logscan.errors import InputError
from logscan.evaluation import measure
from logscan.evaluation.metrics import Bools, Floats
from logscan.findings.explain import score_of
from logscan.records import Reader
from logscan.scan import Progress, learn, no_progress
from logscan.sources import Problem, Stream, open_streams
from logscan.templates.keys import Keys
from logscan.windows import Sessions, Window


@dataclass(frozen=True)
class Options:
    """train_share: of the normal sessions (drawn by `seed`), or of the lines from the beginning; the rest is held out.
    prevalence: the share of anomalies that precision and F1 are also reported for; by default that of the corpus."""

    train_share: float = 0.8
    seed: int = 0
    prevalence: float | None = None
    log_format: str | None = None
    session: str | None = None
    window: str = "auto"
    masks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Model:
    """What was learnt, and what there is to say about it."""

    profile: Profile
    card: dict[str, Any]


def train(
    paths: Sequence[str],
    options: Options | None = None,
    progress: Progress = no_progress,
    on_problem: Callable[[Problem], None] = lambda problem: None,
) -> Model:
    """Learn what is normal: from the normal part of a labelled corpus, or from all of an unlabelled one.

    Raises InputError where there is nothing to learn from, or labels that match nothing.
    """
    options = options or Options()
    corpus = open_corpus(paths, options.log_format)
    streams = open_streams(corpus.paths, on_problem)
    window = Window.parse(options.window)
    reader = Reader(Keys(options.masks), on_problem, options.log_format, options.session, window)
    if corpus.by == "session":
        profile, held_out = _by_session(corpus, streams, reader, options, progress)
    elif corpus.anomalous is not None:
        reader.anomalous = corpus.anomalous
        profile, held_out = _by_line(streams, reader, options, progress)
    else:
        profile, held_out = learn(streams, reader, progress), None
    if not profile.records:
        raise InputError(f"{corpus.name} holds nothing to learn from")
    return Model(profile, _card(corpus, profile, reader, options, held_out))


@dataclass(frozen=True)
class _HeldOut:
    """What was not learnt from: scores, and which are anomalous."""

    unit: str
    scores: Floats
    anomalous: Bools
    learnt: int


def _by_session(
    corpus: Corpus, streams: Sequence[Stream], reader: Reader, options: Options, progress: Progress
) -> tuple[Profile, _HeldOut]:
    """Learn from a share of the normal sessions, judge all others as wholes."""
    digests = table_of(corpus, streams, reader).windows.select(digest="window", anomalous="anomalous")
    normal = digests.filter(~pl.col("anomalous"))["digest"]
    learnt = normal.sample(fraction=options.train_share, seed=options.seed, shuffle=True)
    reader.only = pl.col("session").is_in(learnt.implode())
    profile = learn(streams, reader, progress)
    if profile.sessions is None:
        raise InputError(f"{len(learnt):,} normal sessions are too few to learn from")
    reader.only = pl.col("session").is_in(digests["digest"].implode()) & ~pl.col("session").is_in(learnt.implode())
    sessions = Sessions(limit=1 << 62)
    for stream in streams:
        for chunk in reader.chunks(stream):
            list(sessions.add(session_events(chunk)))
            progress("judging what was held out", chunk.read, stream.size)
    windows = sessions.close()
    judged = pl.DataFrame({"digest": windows.ids}).join(digests, on="digest", maintain_order="left")
    scores = profile.sessions.score(windows).window
    return profile, _HeldOut("sessions", scores, judged["anomalous"].to_numpy(), profile.sessions.sessions_)


def _by_line(
    streams: Sequence[Stream], reader: Reader, options: Options, progress: Progress
) -> tuple[Profile, _HeldOut]:
    """Learn from the normal lines of the first part of each log, judge the lines of the rest one by one."""
    last = pl.lit(0)
    for stream in streams:
        lines = dict.fromkeys(stream.files, 0)
        for block in stream.blocks(lambda problem: None):
            lines[block.source] += len(block.lines)
        left = int(sum(lines.values()) * options.train_share)
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


def _card(
    corpus: Corpus, profile: Profile, reader: Reader, options: Options, held_out: _HeldOut | None
) -> dict[str, Any]:
    """What a reader of the model should know."""
    card: dict[str, Any] = {
        "corpus": corpus.name,
        "fingerprint": blake2b(orjson.dumps(profile.to_json()), digest_size=8).hexdigest(),
        "records": profile.records,
        "templates": len({profile.keys.template(key) for key in range(profile.keys.known)}),
        "sessions": profile.sessions.sessions_ if profile.sessions else 0,
        "options": {name: value for name, value in asdict(options).items() if value not in (None, ())},
        "layouts": [layout.to_dict() for layout in reader.by_format.values()],
        "notes": profile.notes,
    }
    if profile.sessions is not None:
        card["threshold"] = {
            "nats": round(profile.sessions.threshold_, 3),
            "how": "surprise of a session's worst step, on normal sessions held out in turn, without labels",
        }
    if held_out is None:
        return card
    card["held_out"] = {
        held_out.unit: len(held_out.scores),
        "anomalous": int(held_out.anomalous.sum()),
        f"normal_{held_out.unit}_learnt": held_out.learnt,
    }
    if held_out.anomalous.any() and not held_out.anomalous.all():
        card["metrics"] = asdict(measure(held_out.scores, held_out.anomalous))
        prevalence = options.prevalence or corpus.prevalence
        if prevalence is not None:
            card["at_prevalence"] = asdict(measure(held_out.scores, held_out.anomalous, prevalence=prevalence))
    return card
