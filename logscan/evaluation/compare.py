"""Detectors side by side on one corpus: trained now under one protocol, or models that were trained before.

    compared = evaluate(["model", "hdfs/"], Options(detectors=("baseline", "counts")))
    compared.evaluation.to_json()

All detectors learn from the same windows and are judged on the same: the corpus is read once a seed, and once more
for what others read of messages. One that cannot be trained or fails is left out, and the others are measured.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import takewhile
from pathlib import Path
from time import perf_counter
from traceback import clear_frames

from logscan.corpora import Corpus, open_corpus
from logscan.corpora.reading import Data, Labelled, ReadOptions, read
from logscan.detectors.registry import Tuning, check_enough, training
from logscan.detectors.variants import Variant, variants
from logscan.errors import InputError, LogscanError, OptionError
from logscan.evaluation.contestants import ByProfile, Contestant, Ranking, size_of
from logscan.evaluation.curves import Curves
from logscan.evaluation.models import open_model
from logscan.evaluation.results import Evaluation, Result, over_seeds
from logscan.networks.run import Progress as Epochs
from logscan.networks.run import Run, silent
from logscan.scan import Progress, no_progress
from logscan.settings import Settings
from logscan.sources import Problem, open_streams
from logscan.templates.messages import Input, Messages

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
    """curves: one a result of the evaluation, of the first seed
    failed: errors that the user should hear of when the others are shown: not of what `all` brought and cannot be
    trained here, which the evaluation names beside them"""

    evaluation: Evaluation
    curves: tuple[Curves, ...]
    failed: tuple[Exception, ...] = ()


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
    option cannot be used, and where a named detector can be seen to lack what it learns from; where none could be
    measured, what went wrong with the first.
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
    runs: list[list[Measured]] = [[] for _ in chosen]
    errors: dict[int, Exception] = {}  # by the number of the variant, which is not tried again
    for seed in options.seeds if chosen else ():
        data = _readings(corpus, replace(options.read, seed=seed), progress, on_problem)
        left = {n: variant for n, variant in enumerate(chosen) if n not in errors}
        errors |= _untrainable(left, data(chosen[0].reads), must=not any(runs))
        for n, variant in enumerate(chosen):
            if n not in errors:
                try:
                    runs[n].append(_measured(variant, data(variant.reads), seed, share, progress, epochs))
                except Exception as error:  # whatever it is, the others may have taken hours
                    errors[n] = error
                    clear_frames(error.__traceback__)  # a network that did not fit would stay in memory
    rows += [(alike[0][0], over_seeds([result for _, result, _ in alike]), alike[0][2]) for alike in runs if alike]
    if not rows:
        raise next(iter(errors.values()))
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
            left_out=tuple((chosen[n].name, _why(error, len(runs[n]))) for n, error in sorted(errors.items())),
        ),
        tuple(drawn for *_, drawn in rows),
        tuple(e for n, e in sorted(errors.items()) if not (chosen[n].of_all and isinstance(e, LogscanError))),
    )


def _readings(
    corpus: Corpus, options: ReadOptions, progress: Progress, on_problem: Callable[[Problem], None]
) -> Callable[[Input | None], Data]:
    """The corpus with what is read of messages, read when it is first asked for."""

    @cache
    def reading(reads: Input | None) -> Data:
        return read(corpus, options, progress, on_problem, Messages(reads, options.masks) if reads else None)

    return reading


def _untrainable(chosen: Mapping[int, Variant], data: Data, must: bool) -> dict[int, Exception]:
    """What can be seen to lack windows to learn from or a pretrained network, before the first is trained; must: raise
    what is wrong with one that was named."""
    errors: dict[int, Exception] = {}
    normal, anomalous = data.train.by_label()
    for n, variant in chosen.items():
        if variant.detector is None:
            continue
        detector = variant.detector(variant.options)
        try:
            check_enough(detector, data.corpus.name, normal, anomalous)
            with training(variant.name):
                if isinstance(detector, Tuning):
                    detector.check()
        except LogscanError as error:
            if must and not variant.of_all:
                raise
            errors[n] = error
    return errors


def _why(error: Exception, seeds: int) -> str:
    """In one line; seeds: those measured before."""
    line = (str(error).strip() or "it failed").splitlines()[0]
    kind = "" if isinstance(error, LogscanError) else f"{type(error).__name__}: "
    return f"{'' if not seeds else f'seed number {seeds + 1}: '}{kind}{line}"


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
        return replace(baseline, seed=seed, notes=(note, *baseline.notes, *variant.notes))
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
        notes=variant.notes,
    )
