"""What each kind of record says by itself: how much it speaks of trouble, and the values that its slots never held."""

from collections.abc import Sequence
from math import log
from typing import Any

import polars as pl

from logscan.detectors.profile import FIELDS, LEAST_FOR_VALUE, Profile
from logscan.detectors.trouble import trouble

KindOfRecord = tuple[Any, ...]  # the values of KIND
JudgedKind = tuple[float, list[tuple[float, str]]]  # how much it speaks of trouble, and its strange values

SLOTS = (*FIELDS, "name")  # that are columns of kinds
KIND = ["template", *SLOTS, "message"]  # what tells kinds of record apart
REMEMBERED = 50_000  # kinds of record that were judged
RARE_VALUE = 2  # times at most that a value is seen in its log to be strange there


class KindJudge:
    """Judges kinds of record against a finished profile; own: it is that of the log itself."""

    def __init__(self, profile: Profile, own: bool) -> None:
        self.profile = profile
        self.own = own
        self._known: dict[KindOfRecord, JudgedKind] = {}

    def judge(self, kinds: pl.DataFrame) -> list[JudgedKind]:
        """What each kind of record says by itself, remembered for those met before."""
        rows = [*zip(*(kinds[name].to_list() for name in KIND), strict=True)]
        new = [*dict.fromkeys(row for row in rows if row not in self._known)]
        if new and len(self._known) + len(new) > REMEMBERED:
            self._known.clear()
            new = [*dict.fromkeys(rows)]
        if new:
            troubled = trouble(pl.DataFrame(new, kinds[KIND].schema, orient="row"))
            self._known.update(zip(new, zip(troubled, self._values(new), strict=True), strict=True))
        judged = [self._known[row] for row in rows]
        if len(self._known) > REMEMBERED:  # of one chunk alone: nearly all of its kinds are new, and so are the next
            self._known.clear()
        return judged

    def _values(self, kinds: Sequence[KindOfRecord]) -> list[list[tuple[float, str]]]:
        """The strange values of each kind of record, with how surprising they are."""
        found: list[list[tuple[float, str]]] = [[] for _ in kinds]
        templates = self.profile.keys.templates
        closed = {template for template, slot in self.profile.slots if slot.isdigit()}
        judged = {slots: self._of_slots(*slots) for slots in {kind[:-1] for kind in kinds}}
        for strange, kind in zip(found, kinds, strict=True):
            strange.extend(judged[kind[:-1]])
        worded = [at for at, kind in enumerate(kinds) if kind[0] in closed]
        messages = pl.Series([kinds[at][-1] for at in worded], dtype=pl.String)
        keys = pl.Series([kinds[at][0] for at in worded], dtype=pl.Int32)
        for row, slot, word in templates.slots(messages, keys):
            found[worded[row]].append(self._of_slot(keys[row], str(slot), word))
        return [[value for value in strange if value[0] > 0] for strange in found]

    def _of_slots(self, template: int, *values: str | None) -> list[tuple[float, str]]:
        """The values of SLOTS in a template as of `_of_slot`."""
        if template >= self.profile.keys.templates.known:
            return []
        named = zip(SLOTS, values, strict=True)
        return [self._of_slot(template, slot, value) for slot, value in named if value is not None]

    def _of_slot(self, template: int, slot: str, value: str) -> tuple[float, str]:
        """How surprising a value is in its slot, 0 where it is not, and what it is."""
        values = self.profile.slots.get((template, slot), {})
        seen, n = values.get(value, 0), sum(values.values())
        if n < LEAST_FOR_VALUE or seen > (RARE_VALUE if self.own else 0):
            return 0.0, ""
        share = (seen or len(values)) / (n + len(values))  # of a new value: Witten-Bell, as for steps
        return -log(share), f"{template}.{slot}={value}"
