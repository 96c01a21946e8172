"""What a training is told, and what it gives."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from logscan.corpora import Corpus
from logscan.detectors.profile import Profile
from logscan.detectors.registry import BASELINE, Saved
from logscan.detectors.sessions import SessionDetector
from logscan.evaluation import measure
from logscan.evaluation.metrics import Bools, Floats
from logscan.models.held_out import HeldOut
from logscan.records import Reader


@dataclass(frozen=True)
class Options:
    """train_share: of what is learnt from, as the protocol says; None for its own
    prevalence: the share of anomalies that precision and F1 are also reported for; by default that of the corpus
    detector, settings: a name, and its options as nested settings
    protocol: of labelled corpora, see `corpora.splits`; `baseline` is held against sessions or lines of its own
    limit: at most so many windows, for a trial"""

    train_share: float | None = None
    seed: int = 0
    prevalence: float | None = None
    log_format: str | None = None
    session: str | None = None
    window: str = "auto"
    masks: tuple[str, ...] = ()
    detector: str = BASELINE
    settings: Mapping[str, Any] = field(default_factory=dict)
    protocol: str = "logllama"
    limit: int | None = None


@dataclass(frozen=True)
class Model:
    """What was learnt, and what there is to say about it; held_out: the windows that it was tested on."""

    profile: Profile
    card: dict[str, Any]
    detector: Saved | None = None
    held_out: HeldOut | None = None


def card_of(corpus: Corpus, profile: Profile, reader: Reader, options: Options) -> dict[str, Any]:
    """What a reader of any model should know."""
    chosen = {name: value for name, value in asdict(options).items() if value not in (None, (), {})}
    return {
        "corpus": corpus.name,
        **sizes_of(profile),
        "options": {name: value for name, value in chosen.items() if name != "detector"},
        "layouts": [layout.to_dict() for layout in reader.by_format.values()],
        "notes": profile.notes,
    }


def sizes_of(profile: Profile) -> dict[str, int]:
    """How much was learnt."""
    return {
        "records": profile.records,
        "templates": len({profile.keys.template(int(key)) for key in np.flatnonzero(profile.counts)}),
        "sessions": profile.sessions.sessions_ if profile.sessions else 0,
    }


def threshold_of(sessions: SessionDetector) -> dict[str, Any]:
    """The threshold of the default detector, for the card."""
    return {
        "nats": round(sessions.threshold_, 3),
        "how": "surprise of a session's worst step, on normal sessions held out in turn, without labels",
    }


def split_of(options: Options, share: float, window: str) -> dict[str, Any]:
    """How a corpus was split, for the card. share: the usual one to learn from; window: how the logs were cut."""
    return {
        "protocol": options.protocol,
        "train_share": options.train_share or share,
        "seed": options.seed,
        "limit": options.limit,
        "window": window,
    }


def measured(scores: Floats, anomalous: Bools, prevalence: float | None) -> dict[str, Any]:
    """The metrics of held-out scores, as they are and at a prevalence; none where there is one class only."""
    if anomalous.all() or not anomalous.any():
        return {}
    found = {"metrics": asdict(measure(scores, anomalous))}
    if prevalence is not None:
        found["at_prevalence"] = asdict(measure(scores, anomalous, prevalence=prevalence))
    return found
