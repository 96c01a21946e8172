"""Detectors side by side on one corpus: trained now under one protocol, or models that were trained before.

    compared = evaluate(["model", "hdfs/"], Options(detectors=("baseline", "counts")))
    compared.evaluation.to_json()

All detectors learn from the same windows and are judged on the same: the corpus is read once a seed, and once more
for what others read of messages.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import takewhile
from pathlib import Path
from time import perf_counter

from logscan.corpora import Corpus, open_corpus
from logscan.corpora.reading import Data, Labelled, ReadOptions, read
from logscan.detectors.registry import check_enough, training
from logscan.detectors.variants import Variant, variants
from logscan.errors import InputError, OptionError
from logscan.evaluation.contestants import ByProfile, Contestant, Ranking, size_of
from logscan.evaluation.curves import Curves
from logscan.evaluation.models import open_model
from logscan.evaluation.results import Evaluation, Result, over_seeds
from logscan.networks.run import Progress as Epochs
from logscan.networks.run import Run, silent
from logscan.scan import Progress, no_progress
from logscan.settings import Settings
from logscan.sources import Problem, open_streams
from logscan.templates.messages import Messages

DEFAULT = ("baseline", "counts")


@dataclass(frozen=True)
class Options:
    """detectors: to be trained, see `variants`; DEFAULT where there are no models either
    preset, settings, epochs: for all detectors that know them
    seeds: each draws a split and a training of its own; prevalence: None for that of the corpus, if it is known
    read: how the corpus is read and split; its seed is not looked at"""

    detectors: tuple[str, ...] = ()
    preset: str | None = None
    settings: Settings = field(default_factory=dict)
    epochs: int | None = None
    seeds: tuple[int, ...] = (0,)
    prevalence: float | None = None
    read: ReadOptions = field(default_factory=ReadOptions)


@dataclass(frozen=True)
class Compared:
    """curves: one a result of the evaluation, of the first seed."""

    evaluation: Evaluation
    curves: tuple[Curves, ...]


@dataclass(frozen=True)
class _Frame:
    """What results stand on."""

    protocol: str
    window: str
    learnt: int
    test: Labelled


Measured = tuple[_Frame, Result, Curves]


def evaluate(
    paths: Sequence[str],
    options: Options | None = None,
    progress: Progress = no_progress,
    on_problem: Callable[[Problem], None] = lambda problem: None,
    epochs: Epochs = silent,
) -> Compared:
    """Measure models and detectors on a corpus: paths are the folders of models, and behind them those of the corpus.

    epochs: is told of each epoch of a neural detector. Raises LogscanError where a model, the corpus, its labels or an
    option cannot be used, or what a training needs is not installed.
    """
    options = options or Options()
    models = [Path(path) for path in takewhile(lambda path: (Path(path) / "model.json").is_file(), paths)]
    if len(models) == len(paths):
        raise OptionError(f"name a labelled corpus behind {', '.join(map(str, models)) or 'the models'}")
    wanted = options.detectors or (() if models else DEFAULT)
    chosen = variants(wanted, options.preset, options.settings, options.epochs)
    corpus = open_corpus(paths[len(models) :], options.read.log_format)
    if corpus.anomalous is None:
        open_streams(corpus.paths, on_problem)  # says what is not there
        raise InputError(f"{corpus.name} has no labels to measure against: see the layouts of `logscan train --help`")
    share = corpus.prevalence if options.prevalence is None else options.prevalence
    rows = [_of_model(folder, corpus, options.read, share, progress, on_problem) for folder in models]
    runs = []
    for seed in options.seeds if chosen else ():
        read_by = {
            reads: read(
                corpus,
                replace(options.read, seed=seed),
                progress,
                on_problem,
                Messages(reads, options.read.masks) if reads else None,
            )
            for reads in dict.fromkeys(variant.reads for variant in chosen)
        }
        runs.append([_measured(variant, read_by[variant.reads], seed, share, progress, epochs) for variant in chosen])
    rows += [
        (alike[0][0], over_seeds([result for _, result, _ in alike]), alike[0][2]) for alike in zip(*runs, strict=True)
    ]
    frame = rows[-1][0]
    return Compared(
        Evaluation(
            corpus=corpus.name,
            layout=corpus.layout,
            protocol=frame.protocol,
            window=frame.window,
            train=frame.learnt,
            test=len(frame.test.windows),
            anomalous=int(frame.test.anomalous.sum()),
            lines=len(frame.test.windows.events),
            results=tuple(result for _, result, _ in rows),
        ),
        tuple(drawn for *_, drawn in rows),
    )


def _of_model(
    folder: Path,
    corpus: Corpus,
    options: ReadOptions,
    prevalence: float | None,
    progress: Progress,
    on_problem: Callable[[Problem], None],
) -> Measured:
    opened = open_model(folder, corpus, options, progress, on_problem)
    frame = _Frame(opened.protocol, opened.window, opened.learnt, opened.test)
    return (frame, *opened.contestant.measured(opened.test, prevalence))


def _measured(
    variant: Variant, data: Data, seed: int, prevalence: float | None, progress: Progress, epochs: Epochs
) -> Measured:
    frame = _Frame(data.split.protocol, data.split.window, len(data.split.train), data.test)
    return (frame, *trained(variant, data, seed, prevalence, progress, epochs).measured(data.test, prevalence))


def trained(
    variant: Variant, data: Data, seed: int, prevalence: float | None, progress: Progress, epochs: Epochs
) -> Contestant:
    """A detector, trained on the training part, and ready to be measured."""
    ends = data.split.window == "session"
    if variant.detector is None:
        note = "learns while the corpus is read: its time to train is not known apart"
        baseline = ByProfile(data.profile, data.reader, data.corpus, ends, progress).contestant()
        return replace(baseline, seed=seed, notes=(note, *baseline.notes))
    normal, anomalous = data.train.by_label()
    detector = variant.detector(variant.options)
    check_enough(detector, data.corpus.name, normal, anomalous)

    def ended(stage: str, epoch: int, of: int, figures: dict[str, float], /) -> None:
        epochs(f"{variant.name}, seed {seed}: {stage}", epoch, of, figures)

    began = perf_counter()
    with training(variant.name):
        detector.fit(normal, data.reader.keys.hashes(), ends, Run(seed, None, ended, prevalence), anomalous)
    return Contestant(
        variant.name,
        lambda windows: detector.score(windows).window,
        ranking=detector if isinstance(detector, Ranking) else None,
        options=variant.settings,
        seed=seed,
        train=perf_counter() - began,
        size=size_of(detector),
    )
