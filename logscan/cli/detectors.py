"""Which detector a command trains, and its options."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from typer import Option

DETECTOR = "What is trained"  # panel of the help

Preset = Annotated[
    str | None,
    Option(help="A detector's named options, such as paper or small.", metavar="NAME", rich_help_panel=DETECTOR),
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
Encoder = Annotated[
    str | None,
    Option(help="A BERT for what reads messages: a hub id or a folder.", metavar="ID|PATH", rich_help_panel=DETECTOR),
]
Llm = Annotated[
    str | None,
    Option(
        "--llm", help="A Llama for what answers: a hub id or a folder.", metavar="ID|PATH", rich_help_panel=DETECTOR
    ),
]
Protocol = Annotated[
    str | None,
    Option(
        help="How a labelled corpus is split: logllama, logllm or time; by default logllm where a detector learns from "
        "anomalies, else logllama, which is that of `--detector all` too.",
        metavar="NAME",
        rich_help_panel=DETECTOR,
    ),
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
    detectors: Sequence[str],
    settings: Sequence[str] | None,
    config: Path | None,
    encoder: str | None,
    llm: str | None,
    include_base: bool = False,
) -> dict[str, Any]:
    """What was typed for these detectors, as nested settings: later ones win over earlier ones. Raises OptionError."""
    from logscan.detectors.variants import check_options
    from logscan.errors import OptionError
    from logscan.settings import merged, parsed, read_toml

    of_file = read_toml(config) if config else {}
    try:
        check_options(detectors, of_file)
    except OptionError as error:
        raise OptionError(f"{config}: {error}") from None
    named = {"encoder": encoder, "llm": llm, "include_base": include_base or None}
    return merged(of_file, parsed(settings or ()), {name: value for name, value in named.items() if value is not None})
