"""Learning on: a model of the default detector takes in what more logs say, without those that it was made from.

What is added up is as if all had been learnt at once: records, values of slots, event counts and steps of sessions.
What was measured on logs that are gone is kept, or gets wider:

    keys       keep their numbers; new ones come behind them
    families   stay together; a template that is new can join one, or make one with those that were alone
    bursts     the larger limit of both, in buckets of the old width
    silence    the longer pause of both, where a key keeps its beat in both; a key that the new logs lack keeps its own
    sessions   the higher threshold of both; the new one is calibrated on the new sessions, held out in turn, each
               judged by the old ones and the other new ones

So a model that was learnt on rather misses something than that it calls normal logs strange.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from logscan.corpora import open_corpus
from logscan.errors import InputError, OptionError
from logscan.models.bundle import layouts_of, load
from logscan.records import Reader
from logscan.scan import Progress, learn, no_progress
from logscan.sources import Problem, open_streams
from logscan.train.options import Model, sizes_of, threshold_of
from logscan.windows import Window

# of the program that wrote it, written anew; and of what the model was held against before
ANEW = ("version", "detector", "logscan", "python", "held_out", "metrics", "at_prevalence", "split")


def update(
    folder: Path,
    paths: Sequence[str],
    log_format: str | None = None,
    progress: Progress = no_progress,
    on_problem: Callable[[Problem], None] = lambda problem: None,
) -> Model:
    """The model in a folder with what is normal in more logs; of labelled ones, all that is not labelled anomalous.

    Raises ModelError for a model that cannot be used, OptionError for one with another detector, InputError where there
    is nothing to learn from.
    """
    bundle = load(folder)
    if bundle.detector is not None:
        name = bundle.detector.name
        raise OptionError(
            f"{name} cannot learn on: `logscan train OLD NEW --detector {name}` learns from all logs at once"
        )
    corpus = open_corpus(paths, log_format)
    card, past = bundle.card, bundle.profile
    chosen = card.get("options", {})
    window = Window.parse(chosen.get("window", "auto"))
    reader = Reader(bundle.keys, on_problem, log_format, chosen.get("session"), window, group=corpus.group)
    reader.by_format = layouts_of(card)
    if corpus.anomalous is not None:
        reader.anomalous = corpus.anomalous
        reader.only = ~pl.col("anomalous")
    bundle.keys.learn_on()
    profile = learn(open_streams(corpus.paths, on_problem), reader, progress, past=past)
    if profile.records == past.records:
        raise InputError(f"{corpus.name} holds nothing to learn from")
    new = {what: n - int(card.get(what, 0)) for what, n in sizes_of(profile).items()}
    now = datetime.now(UTC).isoformat(timespec="seconds")
    learnt = {"corpus": corpus.name, "updated": now, "fingerprint": profile.fingerprint(), **new}
    kept = {name: value for name, value in card.items() if name not in ANEW}
    kept |= sizes_of(profile)
    kept["updated"], kept["fingerprint"] = now, learnt["fingerprint"]
    kept["layouts"] = [layout.to_dict() for layout in reader.by_format.values()]
    kept["notes"] = [*dict.fromkeys([*card.get("notes", []), *profile.notes])]
    kept["updates"] = [*card.get("updates", []), learnt]
    if profile.sessions is not None:
        kept["threshold"] = threshold_of(profile.sessions)
    return Model(profile, kept)
