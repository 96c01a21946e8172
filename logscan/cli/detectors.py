"""Which detector a command trains, and its options."""

from pathlib import Path
from typing import Annotated, Any

from typer import Option

DETECTOR = "What is trained"  # panel of the help

Preset = Annotated[
    str | None,
    Option(help="A detector's named options: paper (the default) or small.", metavar="NAME", rich_help_panel=DETECTOR),
]
Epochs = Annotated[
    int | None, Option(help="In place of the detector's own number.", min=1, metavar="N", rich_help_panel=DETECTOR)
]
Settings = Annotated[
    list[str] | None,
    Option(
        "--set",
        help="An option of the detector, such as rl.episodes=0; may be repeated.",
        metavar="KEY=VALUE",
        rich_help_panel=DETECTOR,
    ),
]
Config = Annotated[
    Path | None,
    Option("--config", "-c", help="TOML with options of the detector.", metavar="FILE", rich_help_panel=DETECTOR),
]
Protocol = Annotated[
    str,
    Option(help="How a labelled corpus is split: logllama, logllm or time.", metavar="NAME", rich_help_panel=DETECTOR),
]
TrainShare = Annotated[
    float | None,
    Option(
        help="Of a labelled corpus, to learn from.",
        min=0.001,
        max=0.999,
        metavar="SHARE",
        rich_help_panel=DETECTOR,
    ),
]
Limit = Annotated[
    int | None,
    Option(help="At most so many windows, for a trial.", min=2, metavar="N", rich_help_panel=DETECTOR),
]


def settings_of(
    detector: str, preset: str | None, epochs: int | None, settings: list[str] | None, config: Path | None
) -> dict[str, Any]:
    """What was typed, as nested settings: later ones win over earlier ones. Raises OptionError."""
    from logscan.detectors.logllama.detector import LogLLaMA
    from logscan.detectors.logllama.options import PRESETS
    from logscan.errors import OptionError
    from logscan.settings import merged, parsed, read_toml

    if detector != LogLLaMA.name:
        if detector != "baseline":
            raise OptionError(f"--detector {detector!r} cannot be trained: there are baseline, {LogLLaMA.name}")
        if preset or epochs or settings or config:
            raise OptionError("the baseline detector has no options: leave out --preset, --epochs, --set and --config")
        return {}
    if preset is not None and preset not in PRESETS:
        raise OptionError(f"--preset {preset!r} is none of {', '.join(PRESETS)}")
    return merged(
        PRESETS[preset or "paper"],
        read_toml(config) if config else {},
        parsed(settings or ()),
        {"lm": {"epochs": epochs}} if epochs else {},
    )
