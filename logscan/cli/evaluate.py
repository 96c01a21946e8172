"""`logscan evaluate`."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

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

EPILOG = """Examples
  logscan evaluate hdfs/              # what needs no training
  logscan evaluate model hdfs/        # a model, on what it was not trained on
  logscan evaluate hdfs/ --detector counts,logllama --preset small
  logscan evaluate hdfs/ --detector logllama,logllama:rl.episodes=0
  logscan evaluate hdfs/ --detector all --preset small --limit 2000
  logscan evaluate BGL.log --protocol time --format markdown --html page.html

A detector's name may be followed by settings of its own, each behind a colon. Labelled corpora lie as for \
`logscan train`; a model that was trained on the same corpus is tested on what its split had left for that."""

SHOWN = "What is shown"  # panel of the help


class Form(StrEnum):
    """How results are written."""

    table = "table"
    markdown = "markdown"
    json = "json"


def evaluate(
    paths: Annotated[
        list[str],
        Argument(metavar="[MODEL...] CORPUS", help="Models that `logscan train` wrote, and a labelled corpus."),
    ],
    *,
    detector: Annotated[
        str | None,
        Option(
            help="Names of detectors to train, with commas between them, or all, of which those that cannot be "
            "trained here are left out; by default baseline,counts where there is no MODEL.",
            metavar="NAMES",
            rich_help_panel=DETECTOR,
        ),
    ] = None,
    preset: Preset = None,
    epochs: Epochs = None,
    settings: Settings = None,
    config: Config = None,
    encoder: Encoder = None,
    llm: Llm = None,
    protocol: Protocol = None,
    train_share: TrainShare = None,
    limit: Limit = None,
    seed: Annotated[
        int,
        Option(help="Draws the split, and all that is random in a training.", metavar="N", rich_help_panel=DETECTOR),
    ] = 0,
    seeds: Annotated[
        str | None,
        Option(
            help="In place of --seed several, such as 0,1,2: means with intervals.",
            metavar="N,N",
            rich_help_panel=DETECTOR,
        ),
    ] = None,
    log_format: LogFormat = None,
    session: Session = None,
    window: Window = "auto",
    mask: Masks = None,
    prevalence: Annotated[
        float | None,
        Option(
            help="Figures also for this share of anomalies; by default that of the corpus, where it is known.",
            min=1e-6,
            max=0.999999,
            metavar="SHARE",
            rich_help_panel=SHOWN,
        ),
    ] = None,
    form: Annotated[
        Form, Option("--format", help="table, markdown or json.", metavar="NAME", rich_help_panel=SHOWN)
    ] = Form.table,
    plots: Annotated[
        Path | None,
        Option(help="Write figures into this folder, as SVG and as PNG.", metavar="DIR", rich_help_panel=SHOWN),
    ] = None,
    html: Annotated[
        Path | None, Option(help="Write a page with all of it.", metavar="FILE", rich_help_panel=SHOWN)
    ] = None,
    progress: Annotated[bool, Option(help="A bar on a terminal, after a second.", show_default=False)] = True,
) -> None:
    """Measure models, or detectors trained now, on a labelled corpus."""
    from logscan.cli.detectors import settings_of
    from logscan.cli.progress import shown_epochs, shown_progress
    from logscan.corpora.reading import ReadOptions
    from logscan.detectors.variants import usual_protocol
    from logscan.evaluation.compare import DEFAULT, Options
    from logscan.evaluation.compare import evaluate as run

    detectors = tuple(name.strip() for name in detector.split(",")) if detector else ()
    options = Options(
        detectors=detectors,
        preset=preset,
        settings=settings_of(detectors or DEFAULT, settings, config, encoder, llm),
        epochs=epochs,
        seeds=_numbers(seeds) if seeds else (seed,),
        prevalence=prevalence,
        read=ReadOptions(
            protocol=protocol or usual_protocol(detectors),
            train_share=train_share,
            limit=limit,
            log_format=log_format,
            session=session,
            window=window,
            masks=tuple(mask or ()),
        ),
    )
    problems = Problems()
    with shown_progress(progress) as advance, shown_epochs(progress) as epoch:
        compared = run(paths, options, advance, problems.say, epoch)
    if plots is not None:
        from logscan.evaluation.plots import plots as draw

        written = draw(compared.evaluation, compared.curves, plots)
        typer.echo(f"{len(written)} figures written to {plots}", err=True)
    if html is not None:
        from logscan.evaluation.page import page
        from logscan.reports.file import write_whole

        write_whole(html, page(compared.evaluation, compared.curves))
    if form is Form.json:
        import orjson

        sys.stdout.write(orjson.dumps(compared.evaluation.to_json(), option=orjson.OPT_INDENT_2).decode() + "\n")
    else:
        from rich.console import Console

        from logscan.evaluation.tables import markdown, table

        if form is Form.markdown:
            sys.stdout.write(markdown(compared.evaluation))
        else:
            table(compared.evaluation, Console())
    if compared.failed:
        raise compared.failed[0]
    problems.exit_if_fatal()


def _numbers(text: str) -> tuple[int, ...]:
    """Such as 0,1,2. Raises OptionError."""
    from logscan.errors import OptionError

    try:
        numbers = tuple(dict.fromkeys(int(part) for part in text.split(",")))
    except ValueError:
        raise OptionError(f"--seeds {text!r} should be numbers such as 0,1,2") from None
    if min(numbers) < 0:
        raise OptionError(f"--seeds {text!r} should not be negative")
    return numbers
