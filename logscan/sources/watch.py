"""Says when to look again: at once where the system tells of changes, else a few times a second.

Linux tells of them by inotify, but not on network and container mounts, where others write. A file is watched by its
open handle, so whatever its name is by now.
"""

import contextlib
import os
import select
import sys
from time import monotonic

import numpy as np

if sys.platform == "linux":
    from inotify_simple import INotify, flags

BUSY, IDLE = 0.03, 0.25  # seconds between two looks where nothing tells
_REMOTE = ("nfs", "cifs", "smb", "fuse", "9p", "virtiofs", "ceph", "glusterfs", "afs", "lustre", "vboxsf", "beegfs")
_EVENT = np.dtype([("watch", "<i4"), ("mask", "<u4"), ("cookie", "<u4"), ("length", "<u4")])


class Watch:
    """Files, folders and pipes to wait for."""

    def __init__(self) -> None:
        self._poll = select.poll()
        self._folders: set[str] = set()  # of which the system tells
        self._mounts = _mounts()
        self._busy_at = 0.0
        self._files: INotify | None = None
        self._names: INotify | None = None
        if sys.platform == "linux":
            with contextlib.suppress(OSError):  # no more instances for this user
                self._files, self._names = INotify(nonblocking=True), INotify(nonblocking=True)
                self._poll.register(self._files.fileno(), select.POLLIN)
                self._poll.register(self._names.fileno(), select.POLLIN)

    def file(self, file: int, path: str) -> int | None:
        """The number under which changes of an open file will be told; None where nobody tells of them."""
        if self._files is None or self._remote(path):
            return None
        try:
            return int(self._files.add_watch(f"/proc/self/fd/{file}", flags.MODIFY | flags.ATTRIB))
        except OSError:  # no /proc, or no more watches for this user
            return None

    def forget(self, number: int) -> None:
        """An end of `file`."""
        if self._files is not None:
            with contextlib.suppress(OSError):  # the file was deleted, its watch with it
                self._files.rm_watch(number)

    def folder(self, path: str) -> None:
        """Tell of names that come and go in a folder."""
        if self._names is None or path in self._folders:
            return
        mask = flags.CREATE | flags.MOVED_TO | flags.MOVED_FROM | flags.DELETE | flags.ONLYDIR
        try:
            self._names.add_watch(path, mask)
        except OSError:
            return
        self._folders.add(path)

    def pipe(self, file: int) -> None:
        """Wait for an open pipe, too."""
        self._poll.register(file, select.POLLIN)

    def forget_pipe(self, file: int) -> None:
        """An end of `pipe`."""
        with contextlib.suppress(KeyError):
            self._poll.unregister(file)

    def wait(self, seconds: float) -> None:
        """Until something is told, or the time is over."""
        self._poll.poll(max(0.0, seconds) * 1000)

    def changed(self) -> tuple[set[int], bool]:
        """The numbers of files that changed, and whether names did; a number below zero: any file may have."""
        if self._files is None or self._names is None:
            return set(), False
        watches = np.frombuffer(_drain(self._files.fileno()), _EVENT)["watch"]
        names = _drain(self._names.fileno())
        if names:  # a folder may have been replaced; watching one twice is watching it once
            folders, self._folders = self._folders, set()
            for folder in folders:
                self.folder(folder)
        return set(np.unique(watches).tolist()), bool(names)

    def busy(self) -> None:
        """Something came."""
        self._busy_at = monotonic()

    @property
    def pause(self) -> float:
        """Seconds between two looks at files of which nobody tells."""
        return BUSY if monotonic() - self._busy_at < 5 else IDLE

    def close(self) -> None:
        for notifier in (self._files, self._names):
            if notifier is not None:
                notifier.close()

    def _remote(self, path: str) -> bool:
        kinds = [(len(point), kind) for point, kind in self._mounts if f"{path}/".startswith(point)]
        return bool(kinds) and max(kinds)[1].startswith(_REMOTE)


def _mounts() -> list[tuple[str, str]]:
    """Mount points, with a slash at their ends, and the types of their file systems."""
    try:
        with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
            rows = [line.split() for line in file]
    except OSError:
        return []
    return [(row[4].rstrip("/") + "/", row[row.index("-") + 1]) for row in rows]


def _drain(file: int) -> bytes:
    """All events that wait."""
    parts = []
    with contextlib.suppress(BlockingIOError):
        while True:
            parts.append(os.read(file, 1 << 16))
    return b"".join(parts)
