"""`logscan train`."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from shutil import rmtree
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer import Argument, Option

from logscan.cli.detectors import (
    DETECTOR,
    Config,
    Encoder,
    Epochs,
    Limit,
    Llm,
    Preset,
    Protocol,
    Settings,
    TrainShare,
)
from logscan.cli.inputs import LogFormat, Masks, Problems, Session, Window

if TYPE_CHECKING:
    from logscan.train import Model

EPILOG = """Examples
  logscan train good/                        # learn from a known-good run
  logscan scan app.log --model model         # scan with what was learnt
  logscan train --update model yesterday.log # learn on
  logscan train hdfs/ --prevalence 0.0293    # learn from labels, and test
  logscan train hdfs/ --detector logllama --preset small --set combine=counts

A labelled corpus is a folder with a log and anomaly_label.csv (BlockId,Label), with labels.csv, with normal/ and \
abnormal/, or a log whose first column is its label, `-` for normal. A share of what is normal is learnt from; the \
model is tested on all else."""

MODEL = Path("model")


def train(
    corpus: Annotated[list[str], Argument(metavar="CORPUS", help="Known-good logs, or a labelled corpus.")],
    *,
    output: Annotated[
        Path | None,
        Option(
            "--output",
            "-o",
            help="Where to write the model, by default model, or the place of the one that is updated.",
            metavar="DIR",
        ),
    ] = None,
    update: Annotated[Path | None, Option(help="A model that learns on, from more logs.", metavar="MODEL")] = None,
    detector: Annotated[
        str, Option(help="The name of a detector.", metavar="NAME", rich_help_panel=DETECTOR)
    ] = "baseline",
    preset: Preset = None,
    epochs: Epochs = None,
    settings: Settings = None,
    config: Config = None,
    encoder: Encoder = None,
    llm: Llm = None,
    include_base: Annotated[
        bool, Option("--include-base", help="Pretrained weights in the model, too.", rich_help_panel=DETECTOR)
    ] = False,
    protocol: Protocol = None,
    resume: Annotated[
        bool, Option("--resume", help="Go on with a training that was cut short.", rich_help_panel=DETECTOR)
    ] = False,
    train_share: TrainShare = None,
    limit: Limit = None,
    prevalence: Annotated[
        float | None,
        Option(help="Precision and F1 also for this share of anomalies.", min=1e-6, max=1, metavar="SHARE"),
    ] = None,
    seed: Annotated[int, Option(help="Draws the sessions to learn from.", metavar="N")] = 0,
    log_format: LogFormat = None,
    session: Session = None,
    window: Window = "auto",
    mask: Masks = None,
    write_pairs: Annotated[
        Path | None,
        Option(
            help="Write the training part as pairs of prompt and completion, for other trainers, and train nothing.",
            metavar="FILE",
        ),
    ] = None,
    progress: Annotated[bool, Option(help="A bar on a terminal, after a second.", show_default=False)] = True,
) -> None:
    """Learn from logs what is normal, for `logscan scan --model`."""
    from logscan.cli.detectors import settings_of
    from logscan.cli.progress import shown_epochs, shown_progress
    from logscan.detectors.registry import BASELINE, detector_class
    from logscan.detectors.variants import usual_protocol, variants
    from logscan.errors import OptionError
    from logscan.models.bundle import check_place
    from logscan.reports.visible import visible
    from logscan.train import Options
    from logscan.train import train as run

    if update is not None:
        other: dict[str, object] = {
            "detector": detector != BASELINE,
            "preset": preset,
            "epochs": epochs,
            "set": settings,
            "config": config,
        }
        other |= {"encoder": encoder, "llm": llm, "include-base": include_base, "protocol": protocol, "resume": resume}
        other |= {"train-share": train_share, "limit": limit, "prevalence": prevalence, "seed": seed}
        other |= {"session": session, "window": window != "auto", "mask": mask, "write-pairs": write_pairs}
        for name in (name for name, value in other.items() if value):
            raise OptionError(f"--update learns on as the model was trained: leave out --{name}")
        return _update(update, corpus, output or update, log_format, progress)
    output = output or MODEL
    problems, masks = Problems(), tuple(mask or ())
    if write_pairs is not None:
        from logscan.corpora.reading import ReadOptions
        from logscan.train.pairs import pairs_of

        usual = ReadOptions(protocol or "logllm", train_share, seed, limit, log_format, session, window, masks)
        with shown_progress(progress) as advance:
            pairs = pairs_of(corpus, usual, write_pairs, advance, problems.say)
        typer.echo(f"{visible(str(write_pairs))}: {pairs:,} pairs")
        return problems.exit_if_fatal()
    check_place(output)
    if resume and detector == BASELINE:
        raise OptionError("the baseline detector has nothing to resume: leave out --resume")
    detector_class(detector)  # one, and not `all`
    typed = settings_of([detector], settings, config, encoder, llm, include_base)
    (variant,) = variants([detector], preset, typed, epochs)
    options = Options(
        train_share=train_share,
        seed=seed,
        prevalence=prevalence,
        log_format=log_format,
        session=session,
        window=window,
        masks=masks,
        detector=detector,
        settings=variant.chosen,
        protocol=protocol or usual_protocol([detector]),
        limit=limit,
    )
    checkpoints = output.parent / f".{output.name}.training"
    with shown_progress(progress) as advance, shown_epochs(progress) as epoch:
        model = run(corpus, options, advance, problems.say, epoch, checkpoints, resume)
    if os.environ.get("RANK", "0") != "0":  # one of several processes that `accelerate launch` started
        return
    card = _saved(output, model)
    rmtree(checkpoints, ignore_errors=True)
    typer.echo(f"{visible(str(output))}: {_sizes(card)}")
    if "training" in card:
        typer.echo(f"{card['detector']}: {', '.join(_figures(card['training']))}")
    for name in ("metrics", "at_prevalence"):
        if name in card:
            held_out = card["held_out"]
            unit = next(iter(held_out))
            m = card[name]
            typer.echo(
                f"held out, {held_out[unit]:,} {unit} at a prevalence of {m['prevalence']:.2%}: "
                f"precision {m['precision']:.4f}, recall {m['recall']:.4f}, F1 {m['f1']:.4f}"
            )
    problems.exit_if_fatal()


def _update(model: Path, logs: list[str], output: Path, log_format: str | None, progress: bool) -> None:
    """Learn on."""
    from logscan.cli.progress import shown_progress
    from logscan.models.bundle import check_place
    from logscan.reports.visible import visible
    from logscan.train import update

    problems = Problems()
    check_place(output)
    with shown_progress(progress) as advance:
        learnt = update(model, logs, log_format, advance, problems.say)
    card = _saved(output, learnt)
    typer.echo(f"{visible(str(output))}: {_sizes(card)}; new: {_sizes(card['updates'][-1])}")
    problems.exit_if_fatal()


def _saved(output: Path, model: "Model") -> dict[str, Any]:
    """The model, written. Gives its card."""
    from logscan.errors import ModelError
    from logscan.models.bundle import save

    try:
        return save(output, model.profile, model.card, model.detector, model.held_out)
    except OSError as error:
        raise ModelError(f"{output} cannot be written: {error.strerror}") from None


def _sizes(card: Mapping[str, Any]) -> str:
    return ", ".join(f"{card[what]:,} {what}" for what in ("records", "templates", "sessions"))


def _figures(training: Mapping[str, Any]) -> Iterator[str]:
    """The numbers of a training, in words."""
    for name, value in training.items():
        if isinstance(value, float):
            yield f"{name.replace('_', ' ')} {value:.4f}"
        elif isinstance(value, int):
            yield f"{value:,} {name.replace('_', ' ')}"
