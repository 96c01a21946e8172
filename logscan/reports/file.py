"""A report in a file that is whole at any moment."""

import os
from pathlib import Path
from shutil import copymode

from logscan.errors import InputError


def write_whole(path: Path, text: str) -> None:
    """Write the file anew and put it in its place at once: a reader sees the old one or the new one, never half of it.

    A pipe or a device is simply written to. Raises InputError.
    """
    try:
        place = path.resolve()  # a link stays a link
        if place.exists() and not place.is_file():
            place.write_text(text, encoding="utf-8")
            return
        made = place.with_name(f".{place.name}.{os.getpid()}.new")
        try:
            made.write_text(text, encoding="utf-8")
            if place.exists():
                copymode(place, made)
            made.replace(place)
        finally:
            made.unlink(missing_ok=True)
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}") from None
