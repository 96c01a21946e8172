"""A trained network as ONNX beside its weights, compared with them on the windows that the model was tested on."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from logscan.detectors.registry import Exportable, Saved
from logscan.errors import ModelError, OptionError
from logscan.evaluation import measure
from logscan.models.bundle import Card, add_to_card, load, load_held_out

COMPARED = 1_000  # windows that torch and ONNX Runtime both score


def export(folder: Path, int8: bool = False) -> Card:
    """Write the network of a bundle as ONNX, with `int8` also with weights of eight bits, which are then used.

    Gives the card with what was compared. Raises ModelError where the bundle has no network, or where what ONNX Runtime
    computes is not what torch does; OptionError where torch or onnx is missing.
    """
    try:
        import onnx  # noqa: F401
        import torch  # noqa: F401
    except ImportError as error:
        raise OptionError(f"export needs torch and onnx ({error}): pip install 'logscan[train]'") from None
    bundle = load(folder, exported=False)
    detector, hashes = bundle.detector, bundle.keys.hashes()
    if not isinstance(detector, Exportable):
        raise ModelError(f"{folder} holds no network: the {bundle.card['detector']} detector scans as it is")
    held_out = load_held_out(folder)

    def figures(kind: str) -> dict[str, Any]:
        """Size of what is exported, and its metrics where the windows have labels."""
        files = [path for path in folder.rglob("*.onnx*") if (".int8.onnx" in path.name) == (kind == "int8")]
        exported: Saved = type(detector).load(folder, hashes)
        scores, anomalous = held_out.labelled(exported.score(held_out.windows).window)
        found: dict[str, Any] = {"bytes": sum(path.stat().st_size for path in files)}
        if anomalous.any() and not anomalous.all():
            prevalence = bundle.card.get("at_prevalence", {}).get("prevalence")
            found |= asdict(measure(scores, anomalous, prevalence=prevalence))
        return found

    few = held_out.windows.take(np.arange(min(COMPARED, len(held_out.windows))))
    found = {"windows_compared": len(few), "largest_difference": detector.export(folder, few)}
    found["float"] = figures("float")
    if int8:
        detector.quantize(folder)
        found["int8"] = figures("int8")
    return add_to_card(folder, {"export": found})
