"""`logscan train`."""

from pathlib import Path
from typing import Annotated

import typer
from typer import Argument, Option

from logscan.cli.inputs import LogFormat, Masks, Problems, Session, Window

EPILOG = """[bold]Examples[/]
  logscan train good/                        [dim]# learn from a known-good run[/]
  logscan scan app.log --model model         [dim]# scan with what was learnt[/]
  logscan train hdfs/ --prevalence 0.0293    [dim]# learn from labels, and test[/]

A labelled corpus is a folder with a log and anomaly_label.csv (BlockId,Label), or a log whose first column \
is its label, `-` for normal. A share of what is normal is learnt from; the model is tested on all else."""

MODEL = Path("model")


def train(
    corpus: Annotated[list[str], Argument(metavar="CORPUS", help="Known-good logs, or a labelled corpus.")],
    *,
    output: Annotated[Path, Option("--output", "-o", help="Where to write the model.", metavar="DIR")] = MODEL,
    train_share: Annotated[
        float,
        Option(help="Of a labelled corpus' normal part, to learn from.", min=0.001, max=0.999, metavar="SHARE"),
    ] = 0.8,
    prevalence: Annotated[
        float | None,
        Option(help="Precision and F1 also for this share of anomalies.", min=1e-6, max=1, metavar="SHARE"),
    ] = None,
    seed: Annotated[int, Option(help="Draws the sessions to learn from.", metavar="N")] = 0,
    log_format: LogFormat = None,
    session: Session = None,
    window: Window = "auto",
    mask: Masks = None,
    progress: Annotated[bool, Option(help="A bar on a terminal, after a second.", show_default=False)] = True,
) -> None:
    """Learn from logs what is normal, for `logscan scan --model`."""
    from logscan.cli.progress import shown_progress
    from logscan.errors import ModelError
    from logscan.models.bundle import check_place, save
    from logscan.reports.visible import visible
    from logscan.train import Options
    from logscan.train import train as run

    check_place(output)
    options = Options(train_share, seed, prevalence, log_format, session, window, tuple(mask or ()))
    problems = Problems()
    with shown_progress(progress) as advance:
        model = run(corpus, options, advance, problems.say)
    try:
        card = save(output, model.profile, model.card)
    except OSError as error:
        raise ModelError(f"{output} cannot be written: {error.strerror}") from None
    learnt = ", ".join(f"{card[what]:,} {what}" for what in ("records", "templates", "sessions"))
    typer.echo(f"{visible(str(output))}: {learnt}")
    for name in ("metrics", "at_prevalence"):
        if name in card:
            held_out = card["held_out"]
            unit = "sessions" if "sessions" in held_out else "lines"
            m = card[name]
            typer.echo(
                f"held out, {held_out[unit]:,} {unit} at a prevalence of {m['prevalence']:.2%}: "
                f"precision {m['precision']:.4f}, recall {m['recall']:.4f}, F1 {m['f1']:.4f}"
            )
    problems.exit_if_fatal()
