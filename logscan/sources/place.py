"""Where the reading of a source stands, and how its file is found again after it was rotated, copied or replaced.

A file is known by its device and inode, which a rename keeps, and by the bytes that were read of it, since a new file
may get the inode of a deleted one. A copy, made before the file was emptied, has the same bytes at another inode.
"""

import hashlib
import os
import stat
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from logscan.sources.discovery import is_compressed, rotation

EDGE = 1024  # bytes that are compared at the beginning of what was read, and as many at its end


@dataclass(frozen=True)
class Place:
    """Up to where the lines of one file, or of one client, were given.

    source, file: as in `Arrived`; line, offset: of the first line that was not given
    ended: nothing more comes from this file; it is kept so that its lines can be read again, and its number is not
    real: the path of the file behind links; modified: in nanoseconds since 1970, when it was last looked at
    known, digest: bytes read, and the digest of the first and last of them
    cursor: where a client stands, in its own terms
    """

    source: str
    file: int
    line: int = 1
    offset: int = 0
    ended: bool = False
    real: str = ""
    device: int = 0
    inode: int = 0
    modified: int = 0
    known: int = 0
    digest: str = ""
    cursor: str = ""

    def to_json(self) -> dict[str, Any]:
        """As an object of plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Place":
        """What `to_json` gave."""
        return cls(**data)

    def is_in(self, path: str, copy: bool = False) -> bool:
        """Whether this is the file; or, with `copy`, whether it has the same bytes, of which some must be known."""
        try:
            file = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        except OSError:
            return False
        try:
            status = os.fstat(file)
            if not stat.S_ISREG(status.st_mode) or status.st_size < self.known:
                return False
            if not copy and (status.st_dev, status.st_ino) != (self.device, self.inode):
                return False
            return (self.known > 0 or not copy) and digest(*edges(file, self.known)) == self.digest
        finally:
            os.close(file)


def edges(file: int, known: int) -> tuple[bytes, bytes]:
    """The first and the last bytes among the first `known` of an open file."""
    size = min(EDGE, known)
    return os.pread(file, size, 0), os.pread(file, size, known - size)


def digest(head: bytes, tail: bytes) -> str:
    """What tells these bytes without showing them."""
    return hashlib.blake2b(head + tail, digest_size=16).hexdigest()


@dataclass(frozen=True)
class Trail:
    """Where a file is now, None where it is gone; and the files that came after it, without the present one."""

    found: str | None
    later: tuple[str, ...]


def trace(place: Place, present: str) -> Trail:
    """What became of a file, `present` being the real path at which its log is written now."""
    if place.known > 0 and place.is_in(present):
        return Trail(present, ())
    family = dict(_family(place.real, place.source, present))
    young = list(reversed(family))
    found = next((path for path in (present, place.real, *young) if place.is_in(path)), None)
    if found is None:
        found = next((path for path in young if path != present and place.is_in(path, copy=True)), None)
    others = [path for path in family if path not in (found, present)]
    if found is None or (found == present and place.known == 0):
        # An empty file tells nothing: it may have been filled, copied and emptied since.
        return Trail(found, tuple(path for path in others if _modified(path) > place.modified))
    if found == present:
        return Trail(found, ())
    # A file that took its place came next, whatever its name says of its age; then those between it and the present.
    again = [path for path in others if path == place.real]
    oldest, newest = family.get(found, (3,)), family.get(present, (3,))
    between = [
        path
        for path in others
        if path != place.real and oldest < family[path] and (family[path] < newest or _modified(path) > place.modified)
    ]
    return Trail(found, (*again, *between))


def _family(*paths: str) -> Iterator[tuple[str, tuple[int, ...]]]:
    """A log and its rotated siblings that are not compressed, oldest first, with their ages.

    A link and what it leads to have siblings in both folders; a link that was renamed stands for what it leads to.
    """
    members: dict[str, tuple[int, ...]] = {}
    for path in paths:
        folder, name = os.path.split(path)
        stem = rotation(name)[0]
        try:
            others = os.listdir(folder or ".")
        except OSError:
            continue
        for other in others:
            beside = os.path.join(folder, other)
            if rotation(other)[0] == stem and not is_compressed(other) and os.path.isfile(beside):
                members.setdefault(os.path.realpath(beside), rotation(other)[1])
    yield from sorted(members.items(), key=lambda member: member[1])


def _modified(path: str) -> int:
    try:
        return os.stat(path).st_mtime_ns
    except OSError:
        return 0
