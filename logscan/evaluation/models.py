"""A model that was trained before, and the windows of a corpus that it is measured on.

If the corpus is the one that it was trained on, that is the test part of the same split; else all labelled windows.
The logs are read by the keys and layouts of the model.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from logscan.corpora import Corpus
from logscan.corpora.reading import Labelled, Passes, ReadOptions, parts_of, window_of
from logscan.corpora.splits import PROTOCOLS, Split, protocol_of, sample
from logscan.corpora.table import table_of
from logscan.detectors.variants import flat
from logscan.errors import InputError, ModelError
from logscan.evaluation.contestants import ByProfile, Contestant, Ranking
from logscan.models.bundle import layouts_of, load, size_of
from logscan.records import Reader
from logscan.scan import Progress
from logscan.sources import Problem, open_streams
from logscan.templates.messages import Messages
from logscan.windows import Window


@dataclass(frozen=True)
class Opened:
    """A model and its windows. protocol: of the split, or "none"; learnt: windows of the split that it learnt from."""

    contestant: Contestant
    test: Labelled
    protocol: str
    window: str
    learnt: int


def open_model(
    folder: Path, corpus: Corpus, options: ReadOptions, progress: Progress, on_problem: Callable[[Problem], None]
) -> Opened:
    """The model in a folder, and the corpus as it reads it.

    Raises ModelError for a model that cannot be used, InputError where the windows are of one class only.
    """
    bundle = load(folder)
    card, detector = bundle.card, bundle.detector
    streams = open_streams(corpus.paths, on_problem)
    reads = None if detector is None else detector.reads
    messages = Messages(reads, bundle.keys.templates.masks) if reads else None
    reader = Reader(bundle.keys, on_problem, options.log_format, options.session, messages=messages)
    reader.by_format = layouts_of(card)
    past = _split_of(folder, card)
    window = options.window
    if window in (None, "auto"):
        window = past.window or window_of(corpus, protocol_of(options.protocol).window, streams, reader)
    reader.window = Window.parse(window)
    reader.group = corpus.group if window == "session" else None
    found = table_of(corpus, streams, reader, progress)
    same = card.get("fingerprint") == found.fingerprint and window == past.window
    chosen = past if same else options
    table = found.windows
    if same:
        parts = parts_of(table, past, window)
        note = f"{folder}: trained on this corpus, and tested on the {len(parts.test):,} windows left for that"
    else:
        if options.limit is not None:
            table = sample(table, options.limit, options.seed, False)
        if table["anomalous"].all() or not table["anomalous"].any():
            raise InputError(f"labels of one class only in {len(table):,} windows of {corpus.name}")
        parts = Split("none", window, table["window"].clear(), table["window"], table)
        note = f"{folder}: tested on all {len(table):,} labelled windows, whatever it was trained on"
    test = Passes(corpus, reader, streams, progress, parts).look(parts.test, "reading the test part")
    if detector is None:
        contestant = ByProfile(bundle.profile, reader, corpus, window == "session", progress).contestant()
    else:
        contestant = Contestant(
            detector.name,
            lambda windows: detector.score(windows).window,
            ranking=detector if isinstance(detector, Ranking) else None,
            options=flat(asdict(detector.options)),
        )
    contestant = replace(
        contestant,
        options={"model": str(folder), **contestant.options},
        seed=chosen.seed,
        size=size_of(folder),
        notes=(note, *contestant.notes),
    )
    return Opened(contestant, test, parts.protocol, window, len(parts.train))


def _split_of(folder: Path, card: Mapping[str, Any]) -> ReadOptions:
    """How the corpus of its training was split, the window None where it was not. Raises ModelError."""
    stated = card.get("split")
    if stated is None:
        return ReadOptions()
    kinds = {"protocol": str, "train_share": float, "seed": int, "limit": int | None, "window": str}
    if not isinstance(stated, Mapping) or any(not isinstance(stated.get(name), kind) for name, kind in kinds.items()):
        raise ModelError(f"{folder} is damaged (split): train it again")
    if stated["protocol"] not in PROTOCOLS:
        raise ModelError(f"{folder} was trained by the protocol {stated['protocol']!r}, which this version lacks")
    return ReadOptions(**{name: stated[name] for name in kinds})
