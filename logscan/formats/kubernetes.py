"""Kubernetes: the files of its container runtime, and the lines of its own programs."""

import re

from logscan.formats.format import Fields, Format
from logscan.formats.structured import read_inner

CRI_HEADER = (
    r"^(?P<time>\d+-\d+-\d+T\d+:\d+:\d+(?:\.\d+)?(?:Z|[+-]\d+:\d+)) (?P<component>stdout|stderr) [FP] "
    r"(?P<message>.*)$"
)


def read_cri(shape: str) -> Fields | None:
    """The line that the container wrote. None where the header does not match."""
    found = re.match(CRI_HEADER, shape)
    return read_inner(found["message"], found["component"]) if found else None


CRI = Format(
    name="cri",
    about="container runtime (containerd, CRI-O): `time stream F message`",
    examples=(
        "2026-01-31T01:02:03.456789012Z stdout F listening on port 8080",
        "2026-01-31T01:02:04.456789012Z stdout F GET /health took 2 ms",
        "2026-01-31T01:02:05.456789012+01:00 stderr P panic: runtime error: ",
        "2026-01-31T01:02:05.456789012+01:00 stderr F index out of range",
        "2026-01-31T01:02:06.456789012Z stdout F listening on port 8080",
    ),
    header=CRI_HEADER,
    read=read_cri,
)

KLOG = Format(
    name="klog",
    about="klog and glog: `I0131 01:02:03.456789 thread file.go:12] message`",
    examples=(
        "I0131 01:02:03.456789       1 controller.go:116] Starting workers",
        'E0131 01:02:04.456789       1 reflector.go:138] "Failed to watch" err="connection refused"',
        "W0131 01:02:05.456789    4711 warnings.go:70] policy/v1beta1 is deprecated",
        "F0131 01:02:06.456789    4711 server.go:274] failed to run",
        "I0131 01:02:07.456789       1 controller.go:120] Stopping workers",
    ),
    header=r"^(?P<level>[IWEF])(?P<time>\d+ \d+:\d+:\d+\.\d+)\s+(?P<pid>\d+) (?P<component>[\w./-]+):\d+\] "
    r"(?P<message>.*)$",
    times=("%m%d %H:%M:%S%.f", "%Y%m%d %H:%M:%S%.f"),
)
