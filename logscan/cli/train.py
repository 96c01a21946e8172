"""`logscan train`."""

from pathlib import Path
from typing import Annotated

import typer
from typer import Argument, Option

EPILOG = """Examples:

  logscan train good/                         learn from a known-good run

  logscan train hdfs/ --prevalence 0.0293     learn from the normal sessions of a labelled corpus, and test on the rest

  logscan scan app.log --model model          scan with what was learnt"""


def train(
    corpus: Annotated[list[str], Argument(metavar="CORPUS...", help="Known-good logs, or a labelled corpus.")],
    output: Annotated[Path, Option("--output", "-o", help="Where to write the model.", metavar="DIR")] = Path("model"),
    train_share: Annotated[
        float, Option(help="Share of a labelled corpus' normal part to learn from.", min=0.001, max=0.999)
    ] = 0.8,
    prevalence: Annotated[
        float | None, Option(help="Report precision and F1 also for this share of anomalies.", min=1e-6, max=1.0)
    ] = None,
    seed: Annotated[int, Option(help="Draws the sessions to learn from.")] = 0,
    log_format: Annotated[str | None, Option(help="A format's name or a pattern.", metavar="NAME")] = None,
    session: Annotated[str | None, Option(help="What identifies a session; one group marks the id.", metavar="REGEX")] = None,
    window: Annotated[str, Option(help="auto, session, a time such as 60s, or a number of records.")] = "auto",
    mask: Annotated[
        list[str] | None, Option(help="Text that varies, in addition to what is masked anyway.", metavar="REGEX")
    ] = None,
    progress: Annotated[bool | None, Option(help="A progress bar; by default on a terminal.")] = None,
) -> None:
    """Learn from logs what is normal, for `logscan scan --model`."""
    from logscan.cli.progress import shown_progress
    from logscan.cli.scan import say
    from logscan.models.bundle import save
    from logscan.train import Options
    from logscan.train import train as run

    options = Options(train_share, seed, prevalence, log_format, session, window, tuple(mask or ()))
    problems = []
    with shown_progress(progress) as advance:
        model = run(corpus, options, advance, lambda problem: (problems.append(problem), say(problem))[1])
    card = save(output, model.profile, model.card)
    typer.echo(f"{output}: {card['templates']:,} templates, {card['records']:,} records, {card['sessions']:,} sessions")
    for name in ("metrics", "at_prevalence"):
        if name in card:
            held_out = card["held_out"]
            unit = "sessions" if "sessions" in held_out else "lines"
            m = card[name]
            typer.echo(
                f"held out, {held_out[unit]:,} {unit} at a prevalence of {m['prevalence']:.2%}: "
                f"precision {m['precision']:.3f}, recall {m['recall']:.3f}, F1 {m['f1']:.3f}"
            )
    if any(problem.fatal for problem in problems):
        raise typer.Exit(2)
