"""Evidence to causes: one cause, one finding, however many lines it wrote.

Records of evidence within NEAR lines of each other are one episode; episodes that share a kind of line are one cause.
So are all records with the same strange value, all bursts or silences at one time, all improbable steps of the same
kind, and all windows that are anomalous above all for the same kind of line.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property

import numpy as np
import polars as pl

from logscan.columns import detached, digests_of, rows_of
from logscan.detectors.evidence import EVIDENCE, together
from logscan.detectors.profile import Profile
from logscan.findings.finding import MAX_LINES, Kind
from logscan.findings.names import new_names
from logscan.native import grouped
from logscan.windows.sessions import Ints, places

NEAR = 3  # lines
FEW_NAMES = 2  # new values of a slot beyond which it is taken to hold names
SAME_TIME = timedelta(seconds=60)  # between bursts, or silences, that are one
EVERYWHERE = 10  # of 20 equal stretches of the log
MANY_EPISODES = 20  # in which a key is too common to tie others together
STATE_SLOT = r"\.(?:level|component|kept|word \d+)$"  # a slot of values that are told one by one
NAMES = "names"  # in the place of a slot: names in lines that are otherwise known
MANY = 200_000  # rows of evidence that are held before the surplus of each kind is only counted
Item = int | str  # a key or a value
SAME = ["kind", "key", "about"]


@dataclass(frozen=True)
class Cause:
    """What will be one finding. what: its keys or values; rows: its evidence, in the order of the log; count: records,
    more than `rows` where evidence was cut."""

    kind: Kind
    what: frozenset[Item]
    rows: pl.DataFrame
    count: int

    @cached_property
    def keys(self) -> list[int]:
        """The distinct log keys of its rows."""
        keys: list[int] = np.unique(self.rows["key"].to_numpy()).tolist()
        return keys


@dataclass
class Evidence:
    """The evidence of one stream, in bounded memory: only MAX_LINES rows of what is over and over the same.

    whole: of a whole log; else a part of one, of which nobody knows what belongs together: a kind of line is a cause
    """

    profile: Profile
    whole: bool = True
    _frames: list[pl.DataFrame] = field(default_factory=lambda: [EVIDENCE])
    _rows: int = 0
    _kept: int = 0  # rows that were left when there were too many
    _surplus: dict[tuple[object, ...], int] = field(default_factory=dict)

    def add(self, rows: pl.DataFrame) -> None:
        """Take more rows with the columns of EVIDENCE."""
        self._frames.append(rows)
        self._rows += len(rows)
        if self._rows > max(MANY, 2 * self._kept):
            self._cut(pl.concat(self._frames))

    def _cut(self, rows: pl.DataFrame) -> None:
        """Keep the first rows of those that are the same."""
        order, starts = grouped(digests_of(rows[SAME]))
        same = rows_of(rows[SAME], order[starts[:-1]])
        for what, n in zip(same.iter_rows(), (np.diff(starts) - MAX_LINES).tolist(), strict=True):
            if n > 0:
                self._surplus[what] = self._surplus.get(what, 0) + n
        kept = detached(rows_of(rows, np.sort(order[places(starts) < MAX_LINES])))
        self._frames, self._rows, self._kept = [kept], len(kept), len(kept)

    def causes(self) -> Iterator[Cause]:
        """What the evidence shows."""
        rows = together(self._frames).sort("source", "line", maintain_order=True)
        kinds = self._values_in_known_lines(rows).partition_by("kind", as_dict=True)
        grouping: dict[Kind, Callable[[pl.DataFrame], Iterable[tuple[frozenset[Item], pl.DataFrame]]]] = {
            "new": _episodes if self.whole else lambda rows: _equal(rows, ["key"]),
            "rare": lambda rows: _episodes(_without_opening(rows)),
            "value": _values,
            "burst": _at_one_time,
            "silent": _at_one_time,
            "order": lambda rows: _equal(rows, ["key", "about"]),
            "count": lambda rows: _equal(rows, ["key", "about"]),
            "window": lambda rows: _equal(rows, ["about"]),
        }
        for kind, causes in grouping.items():
            for what, group in causes(kinds[kind,]) if (kind,) in kinds else ():
                same = group.select(SAME).unique().iter_rows() if self._surplus else ()
                surplus = sum(self._surplus.get(one, 0) for one in same)
                yield Cause(kind, what, group, _records(group) + surplus)

    def _values_in_known_lines(self, rows: pl.DataFrame) -> pl.DataFrame:
        """The rows of new keys that are known but for a name, or for a state, as evidence of that value."""
        new = pl.col("kind") == "new"
        keys = [*dict.fromkeys(rows["key"].filter(rows["kind"] == "new").to_list())]
        names = new_names(keys, _everywhere(rows.filter(new)) if len(rows) >= EVERYWHERE else set(), self.profile.keys)
        values = {key: f"{NAMES}={names[key]}" if key in names else self.profile.state(key) for key in keys}
        if not any(values.values()):
            return rows
        value = pl.col("key").replace_strict(list(values), list(values.values()), default=None, return_dtype=pl.String)
        is_value = new & value.is_not_null()
        return rows.with_columns(
            about=pl.when(is_value).then(value).otherwise("about"),
            kind=pl.when(is_value).then(pl.lit("value")).otherwise("kind"),
        )


def _everywhere(new: pl.DataFrame) -> set[int]:
    """The keys that are written all along the log."""
    stretch = (pl.col("line") * 20 // pl.col("line").max().over("source")).alias("stretch")
    found = new.group_by("key").agg(stretch.n_unique())
    return set(found.filter(pl.col("stretch") >= EVERYWHERE)["key"].to_list())


def _without_opening(rows: pl.DataFrame) -> pl.DataFrame:
    """Without the kinds of line that a log opens with, unless they speak of trouble: how a program starts, and starts
    again later, is found nowhere else by nature."""
    opening = rows.filter((_runs(rows, NEAR) == 1) & (pl.col("line").first() <= NEAR) & (pl.col("trouble") == 0))
    return rows.filter(~pl.col("key").is_in(opening["key"].unique().implode()))


def _episodes(rows: pl.DataFrame) -> Iterator[tuple[frozenset[Item], pl.DataFrame]]:
    told = rows.select(pl.col("key").cast(pl.Int64), episode=_runs(rows, NEAR)).unique(maintain_order=True)
    keys, episode = told["key"].to_numpy(), told["episode"].to_numpy()
    episodes = _counted(keys)
    links: list[list[Item]] = [[key] for key in episodes]
    for pair, n in _counted((keys[:-1] << 32 | keys[1:])[episode[:-1] == episode[1:]]).items():
        a, b = divmod(pair, 1 << 32)
        most = max(episodes[a], episodes[b])
        if most < MANY_EPISODES or n >= most / 5:  # what is everywhere ties nothing together
            links.append([a, b])
    return _by(rows, "key", _joined(links))


def _values(rows: pl.DataFrame) -> Iterator[tuple[frozenset[Item], pl.DataFrame]]:
    """A value is one cause, whatever slots it appears in. A slot of words that took in more than FEW_NAMES new
    values holds names: they all are one cause, together with those of every slot that took in one of them."""
    slot, value = pl.col("about").str.extract("^(.*?)="), pl.col("about").str.extract("^.*?=(.*)$")
    name = value.str.extract(r"^\W*(.[\w.@/+-]*)").fill_null(value)  # `(bob)` and `bob,` are one name
    rows = rows.with_columns(slot=slot, value=pl.when(slot.str.contains(STATE_SLOT)).then(value).otherwise(name))
    slots = rows.group_by("slot", maintain_order=True).agg(pl.col("value").unique(maintain_order=True))
    groups = [
        [values]
        if slot == NAMES or (len(values) > FEW_NAMES and not re.search(STATE_SLOT, slot))
        else [[v] for v in values]
        for slot, values in slots.iter_rows()
    ]
    return _by(rows, "value", _joined([values for group in groups for values in group]))


def _at_one_time(rows: pl.DataFrame) -> Iterator[tuple[frozenset[Item], pl.DataFrame]]:
    time = rows["time"].to_numpy()
    order = np.argsort(time, kind="stable")
    run = np.zeros(len(rows), np.int64)
    run[order[1:]] = np.cumsum(np.diff(time[order]) > SAME_TIME)
    for group in rows.with_columns(run=pl.Series(run)).partition_by("run", include_key=False):
        yield frozenset(group["key"].to_list()), group


def _equal(rows: pl.DataFrame, columns: list[str]) -> Iterator[tuple[frozenset[Item], pl.DataFrame]]:
    for what, group in rows.partition_by(columns, as_dict=True).items():
        yield frozenset(what), group


def _by(rows: pl.DataFrame, column: str, cause: dict[Item, int]) -> Iterator[tuple[frozenset[Item], pl.DataFrame]]:
    """The rows by the cause of what stands in a column."""
    rows = rows.with_columns(cause=pl.col(column).replace_strict(list(cause), list(cause.values())))
    for group in rows.partition_by("cause"):
        yield frozenset(group[column].to_list()), group[EVIDENCE.columns]


def _records(rows: pl.DataFrame) -> int:
    """How many records these sorted rows are of."""
    source, line = rows["source"].to_numpy(), rows["line"].to_numpy()
    return 1 + int(((np.diff(source) != 0) | (np.diff(line) != 0)).sum())


def _counted(values: Ints) -> dict[int, int]:
    """How often each value is there."""
    distinct, counts = np.unique(values, return_counts=True)
    return dict(zip(distinct.tolist(), counts.tolist(), strict=True))


def _runs(rows: pl.DataFrame, near: int) -> pl.Series:
    """(n,) the number of the run of each of the sorted rows; within one, no two lie farther apart than `near` lines."""
    apart = (pl.col("line") - pl.col("last_line").shift(1) > near) | (pl.col("source") != pl.col("source").shift(1))
    return rows.select(apart.fill_null(True).cum_sum().alias("run"))["run"]


def _joined(groups: list[list[Item]]) -> dict[Item, int]:
    """A number for each item; items that share a group, directly or through others, get the same one."""
    members = [[item] for item in dict.fromkeys(item for group in groups for item in group)]
    numbers = {item: number for number, (item,) in enumerate(members)}
    for group in groups:
        parts = {numbers[item] for item in group}
        most = max(parts, key=lambda part: len(members[part]))  # the others join it, so that an item seldom moves
        for part in parts - {most}:
            numbers.update(dict.fromkeys(members[part], most))
            members[most] += members[part]
    return numbers
