"""The lines around the lines to blame."""

from collections import defaultdict
from collections.abc import Iterable

from logscan.findings.finding import Line


def around(lines: Iterable[Line], before_and_after: int, body: int) -> dict[str, set[int]]:
    """Source -> numbers of the lines around these, and up to `body` further lines of a record of several."""
    numbers: defaultdict[str, set[int]] = defaultdict(set)
    own: defaultdict[str, set[int]] = defaultdict(set)
    for line in lines:
        last = line.last_line or line.line
        near = numbers[line.source]
        near.update(range(max(1, line.line - before_and_after), line.line))
        near.update(range(line.line + 1, min(last, line.line + body) + 1))
        near.update(range(last + 1, last + before_and_after + 1))
        own[line.source].add(line.line)
    return {source: near - own[source] for source, near in numbers.items() if near - own[source]}
