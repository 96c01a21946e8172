"""A bundle is a folder:

    model.json      format version, detector and options, corpus, threshold and how it was calibrated, metrics, versions
    keys.json       the table of templates and log keys
    profile.json    counts, values of slots with few of them, rates, sessions
    README.md       the same as model.json, to be read
    held_out.json   sequences of keys that it was tested on
    ...             what another detector than the baseline learnt, see its `save`; *.onnx once it is exported

There is no pickle in it and no line of a log. Writing is atomic: the folder is made beside its place, and both are
exchanged.
"""

import ctypes
import os
import shutil
import sys
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from logscan import __version__
from logscan.detectors.profile import Profile
from logscan.detectors.registry import BASELINE, Saved, known, saved_class
from logscan.errors import ModelError, OptionError
from logscan.formats import Layout
from logscan.templates.keys import Keys

if TYPE_CHECKING:  # a scan has no use for it
    from logscan.models.held_out import HeldOut

VERSION = 1
LARGEST = 1 << 30  # bytes of a file in a bundle
HERE, EXCHANGE = -100, 2  # AT_FDCWD, RENAME_EXCHANGE (RENAME_SWAP on macOS)

Card = dict[str, Any]


class Bundle(NamedTuple):
    """What a bundle holds; the keys are frozen, the detector is None where the profile judges alone."""

    keys: Keys
    profile: Profile
    card: Card
    detector: Saved | None


def save(
    folder: Path,
    profile: Profile,
    card: Mapping[str, Any],
    detector: Saved | None = None,
    held_out: "HeldOut | None" = None,
) -> Card:
    """Write a bundle, in the place of an older one if there is one. Gives back the whole card.

    Raises ModelError where the folder holds something else.
    """
    check_place(folder)
    whole: Card = {
        "version": VERSION,
        "detector": detector.name if detector else BASELINE,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "logscan": __version__,
        "python": sys.version.split()[0],
        **card,
    }
    folder.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        made.chmod(0o755)
        _write(made / "model.json", orjson.dumps(whole, option=orjson.OPT_INDENT_2))
        _write(made / "keys.json", orjson.dumps(profile.keys.to_json()))
        _write(made / "profile.json", orjson.dumps(profile.to_json()))
        _write(made / "README.md", card_text(whole).encode())
        if held_out is not None:
            _write(made / "held_out.json", orjson.dumps(held_out.to_json()))
        if detector is not None:
            detector.save(made)
        if folder.exists():
            _exchange(made, folder)
        else:
            os.replace(made, folder)
    finally:
        shutil.rmtree(made, ignore_errors=True)
    return whole


def check_place(folder: Path) -> None:
    """Raises ModelError where a bundle cannot be written: there is something else."""
    if folder.exists() and (not folder.is_dir() or (any(folder.iterdir()) and not (folder / "model.json").is_file())):
        raise ModelError(f"{folder} exists and is no model: name another place with --output")


def load(folder: Path, exported: bool = True) -> Bundle:
    """What is in the folder; `exported` is False where a network should run on torch although it is exported.

    Raises ModelError for anything that is no bundle, or that needs what is not installed.
    """
    card = read_card(folder)
    try:
        keys = Keys.from_json(_read(folder / "keys.json"))
        profile = Profile.from_json(_read(folder / "profile.json"), keys)
        cls = None if card["detector"] == BASELINE else saved_class(card["detector"])
        return Bundle(keys, profile, card, cls.load(folder, keys.hashes(), exported) if cls else None)
    except OptionError as error:
        raise ModelError(f"{folder} cannot be used: {error}") from None
    except (OSError, OverflowError) as error:
        reason = f"{error.filename}: {error.strerror}" if isinstance(error, OSError) else error
        raise ModelError(f"{folder} is damaged ({reason}): train it again") from None
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise ModelError(f"{folder} is damaged ({error}): train it again") from None


def load_held_out(folder: Path) -> "HeldOut":
    """The windows that the model was tested on. Raises ModelError."""
    from logscan.models.held_out import HeldOut

    try:
        return HeldOut.from_json(_read(folder / "held_out.json"))
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"{folder} is damaged ({error}): train it again") from None


def add_to_card(folder: Path, more: Mapping[str, Any]) -> Card:
    """The card with more in it, written again in place."""
    card = {**read_card(folder), **more}
    for name, data in (
        ("model.json", orjson.dumps(card, option=orjson.OPT_INDENT_2)),
        ("README.md", card_text(card).encode()),
    ):
        _write(folder / f".{name}.new", data)
        os.replace(folder / f".{name}.new", folder / name)
    return card


def read_card(folder: Path) -> Card:
    """What the bundle says of itself. Raises ModelError."""
    if not (folder / "model.json").is_file():
        raise ModelError(f"{folder} is no model: there is no model.json in it")
    card = _read(folder / "model.json")
    if not known(card.get("detector")) or not isinstance(card.get("version"), int):
        raise ModelError(f"{folder} was not written by logscan, or by a version that knows other detectors")
    if card["version"] > VERSION:
        raise ModelError(f"{folder} is of format {card['version']}, newer than this program reads: update logscan")
    return card


def layouts_of(card: Card) -> dict[str, Layout]:
    """The layouts of the logs that were learnt, by format. Raises ModelError."""
    try:
        layouts = [Layout.from_dict(layout) for layout in card["layouts"]]
    except (KeyError, TypeError, AttributeError, OptionError) as error:
        raise ModelError(f"the model's layouts cannot be used ({error}): train it again") from None
    return {layout.format.name: layout for layout in layouts}


def card_text(card: Card) -> str:
    """The card as Markdown."""
    rows = [f"- {name}: {value}" for name, value in card.items() if not isinstance(value, dict | list)]
    tables = [
        f"\n## {name}\n\n" + "\n".join(f"- {key}: {value}" for key, value in table.items())
        for name, table in card.items()
        if isinstance(table, dict) and table
    ]
    return "# A logscan model\n\n" + "\n".join(rows) + "\n" + "\n".join(tables) + "\n"


def _write(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _exchange(made: Path, folder: Path) -> None:
    """Put a folder in the place of another, which takes its: at once where the system can, so that there always is
    one, else one after the other."""
    libc = ctypes.CDLL(None, use_errno=True)
    if hasattr(libc, "renameat2"):  # Linux
        failed = libc.renameat2(HERE, os.fsencode(made), HERE, os.fsencode(folder), EXCHANGE)
    elif hasattr(libc, "renamex_np"):  # macOS
        failed = libc.renamex_np(os.fsencode(made), os.fsencode(folder), EXCHANGE)
    else:
        failed = True
    if failed:  # also by file systems that cannot exchange
        old = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
        os.replace(folder, old)
        os.replace(made, folder)
        os.replace(old, made)


def _read(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > LARGEST:
            raise ModelError(f"{path} is larger than a model can be")
        data = orjson.loads(path.read_bytes())
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror}") from None
    except orjson.JSONDecodeError:
        raise ModelError(f"{path} is damaged: train the model again") from None
    if not isinstance(data, dict):
        raise ModelError(f"{path} is damaged: train the model again")
    return data


def size_of(folder: Path) -> int:
    """Bytes of a bundle."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
