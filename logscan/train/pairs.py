"""The training part of a labelled corpus as pairs of prompt and completion, for trainers of language models."""

from collections.abc import Callable, Sequence
from pathlib import Path

from logscan.corpora import open_corpus
from logscan.corpora.reading import ReadOptions, read
from logscan.detectors.pairs import write_pairs
from logscan.detectors.traces import Events
from logscan.errors import InputError
from logscan.scan import Progress, no_progress
from logscan.sources import Problem


def pairs_of(
    paths: Sequence[str],
    options: ReadOptions,
    file: Path,
    progress: Progress = no_progress,
    on_problem: Callable[[Problem], None] = lambda problem: None,
) -> int:
    """Write a file as `detectors.pairs` tells; gives how many pairs it holds.

    Raises InputError where there are no labels, where they leave windows of one kind only, or nothing can be written.
    """
    data = read(open_corpus(paths, options.log_format), options, progress, on_problem)
    normal, anomalous = data.train.by_label()
    if anomalous is None:
        raise InputError(
            f"{data.corpus.name}: there is no anomalous window in the training part: --protocol logllm leaves some"
        )
    events = Events.learnt([normal, anomalous], data.reader.keys.hashes())
    try:
        return write_pairs(file, normal, anomalous, events)
    except OSError as error:
        raise InputError(f"{file} cannot be written: {error.strerror}") from None
