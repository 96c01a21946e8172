"""A trained network as ONNX beside its weights, compared with them on the windows that the model was tested on."""

import os
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from logscan.detectors.logllama.detector import EXPORTED, LogLLaMA
from logscan.errors import ModelError, OptionError
from logscan.evaluation import measure
from logscan.models.bundle import Card, add_to_card, load, load_held_out
from logscan.models.held_out import HeldOut
from logscan.networks.batches import by_length
from logscan.runtime.session import open_session

INT8, FLOAT = EXPORTED
COMPARED = 1_000  # windows that torch and ONNX Runtime both score
TOKENS = 4_096  # in a batch of them


def export(folder: Path, int8: bool = False) -> Card:
    """Write the network of a bundle as ONNX, with `int8` also with weights of eight bits, which are then used.

    Gives the card with what was compared. Raises ModelError where the bundle has no network, or where what ONNX Runtime
    computes is not what torch does; OptionError where torch or onnx is missing.
    """
    try:
        from logscan.runtime.export import check, quantize
        from logscan.runtime.export import export as write
    except ImportError as error:
        raise OptionError(f"export needs torch and onnx ({error}): pip install 'logscan[train]'") from None
    detector, card = _detector(folder)
    held_out = load_held_out(folder)
    made = folder / f".{FLOAT}"
    try:
        write(detector.network, made)
        session = open_session(made)
        judge = replace(detector.judge, scorer=session)
        few = held_out.windows.take(np.arange(min(COMPARED, len(held_out.windows))))
        batches = by_length(judge.vocabulary.sequences(few, judge.ends), judge.context, judge.overlap, TOKENS)
        difference = check(detector.network, session, (batch.tokens for batch in batches))
        os.replace(made, folder / FLOAT)
    finally:
        made.unlink(missing_ok=True)
    found: dict[str, Any] = {
        "windows_compared": len(few),
        "largest_difference": difference,
        "float": _figures(folder / FLOAT, detector, held_out, card),
    }
    (folder / INT8).unlink(missing_ok=True)
    if int8:
        quantize(folder / FLOAT, folder / INT8)
        found["int8"] = _figures(folder / INT8, detector, held_out, card)
    return add_to_card(folder, {"export": found})


def _detector(folder: Path) -> tuple[LogLLaMA, Card]:
    bundle = load(folder, exported=False)
    if bundle.detector is None:
        raise ModelError(f"{folder} holds no network: the {bundle.card['detector']} detector scans as it is")
    return bundle.detector, bundle.card


def _figures(path: Path, detector: LogLLaMA, held_out: HeldOut, card: Card) -> dict[str, Any]:
    """Size of an exported network, and its metrics where the windows have labels."""
    detector.judge = replace(detector.judge, scorer=open_session(path))
    scores, anomalous = held_out.labelled(detector.score(held_out.windows).window)
    figures: dict[str, Any] = {"bytes": path.stat().st_size}
    if anomalous.any() and not anomalous.all():
        prevalence = card.get("at_prevalence", {}).get("prevalence")
        figures |= asdict(measure(scores, anomalous, prevalence=prevalence))
    return figures
