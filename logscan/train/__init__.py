"""Learning a model from a corpus, and how good it is on what it did not learn from.

    model = train(["hdfs/"], Options(train_share=0.8))
    save(Path("model"), model.profile, model.card, model.detector, model.held_out)

`update` learns on, from more logs.
Labels, by session, by line or by file, say what to learn from and what to measure on.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

from logscan.corpora import open_corpus
from logscan.detectors.registry import BASELINE
from logscan.networks.run import Progress as Epochs
from logscan.networks.run import silent
from logscan.scan import Progress, no_progress
from logscan.sources import Problem
from logscan.train.baseline import train_baseline
from logscan.train.network import train_network
from logscan.train.options import Model, Options
from logscan.train.update import update

__all__ = ["Model", "Options", "train", "update"]


def train(
    paths: Sequence[str],
    options: Options | None = None,
    progress: Progress = no_progress,
    on_problem: Callable[[Problem], None] = lambda problem: None,
    epochs: Epochs = silent,
    checkpoints: Path | None = None,
    resume: bool = False,
) -> Model:
    """Learn what is normal: from the normal part of a labelled corpus, or from all of an unlabelled one.

    epochs: is told of each epoch of a neural detector
    checkpoints: where that leaves its state; resume: it goes on from there, with the same data and options

    Raises InputError where there is nothing to learn from, or labels that match nothing; OptionError.
    """
    options = options or Options()
    corpus = open_corpus(paths, options.log_format)
    if options.detector == BASELINE:
        return train_baseline(corpus, options, progress, on_problem)
    return train_network(corpus, options, progress, on_problem, epochs, checkpoints, resume)
