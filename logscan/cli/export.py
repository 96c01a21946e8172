"""`logscan export`."""

from pathlib import Path
from typing import Annotated

import typer
from typer import Argument, Option

EPILOG = """Examples
  logscan export model            # now it scans without torch
  logscan export model --int8     # its F1 beside that of the other
  logscan scan app.log --model model

What is written computes what the weights do in torch, or the command fails."""


def export(
    model: Annotated[Path, Argument(metavar="MODEL", help="A folder that `logscan train` wrote.")],
    int8: Annotated[bool, Option("--int8", help="Also with weights of eight bits, which are then used.")] = False,
) -> None:
    """Write a trained network as ONNX beside its weights, checked against them."""
    from logscan.models.export import export as run
    from logscan.reports.visible import visible

    found = run(model, int8)["export"]
    from logscan.runtime.export import LIMIT  # which needs torch: `run` says so where it is missing

    rounded = ", which is rounding: torch differs as much from itself in double precision"
    typer.echo(
        f"{visible(str(model))}: ONNX and torch differ by {found['largest_difference']:.1e} at most "
        f"on {found['windows_compared']:,} windows{rounded if found['largest_difference'] >= LIMIT else ''}"
    )
    for name in ("float", "int8"):
        if name in found:
            figures = found[name]
            f1 = f", F1 {figures['f1']:.4f} at a prevalence of {figures['prevalence']:.2%}" if "f1" in figures else ""
            typer.echo(f"{name}: {figures['bytes']:,} bytes{f1}")
