"""The parts of a page that are files beside this one."""

from base64 import b64encode
from hashlib import sha256
from importlib.resources import files


def part(name: str) -> str:
    """The text of a file, such as `page.css`."""
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def named(text: str) -> str:
    """What a Content-Security-Policy calls this script or style."""
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"
