"""The order in which findings are told: the strangest first, but not ten times the same place before any other."""

from collections import Counter
from collections.abc import Iterable
from heapq import heapify, heappop, heappush

from logscan.findings.finding import Finding

PLACE = 200  # lines of a log that are one place
AGAIN = 0.01  # of score that each finding costs the next one at the same place


def ranked(findings: Iterable[Finding]) -> list[Finding]:
    """All findings, best first; each one at a place that was told before stands behind by AGAIN."""
    waiting = [(-f.score, f.source, f.first_line, 0, n, f) for n, f in enumerate(findings)]
    heapify(waiting)
    told: Counter[tuple[str, int]] = Counter()
    order: list[Finding] = []
    while waiting:
        _, source, line, counted, n, finding = heappop(waiting)
        place = (source, line // PLACE)
        if told[place] > counted:  # others were told here since
            heappush(waiting, (AGAIN * told[place] - finding.score, source, line, told[place], n, finding))
            continue
        told[place] += 1
        order.append(finding)
    return order
