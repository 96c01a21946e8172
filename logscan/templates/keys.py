"""Log keys: a template together with what carries meaning beside its text, its level and a number such as a status.

`GET <*>` answered 200 and `GET <*>` answered 503 have one template and two keys. While learning, every template has
keys of its own; `freeze` joins those of a family (see `Families`), and from then on what is new gets keys from `known`
up. After `learn_on` it is learnt until the next `freeze`. A key keeps its number and what it stands for; one that is
found to be of a family with another then, has its number for nothing from there on.
"""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import orjson
import polars as pl

from logscan.templates.families import Families
from logscan.templates.table import Templates

LIMIT = 300_000  # keys; beyond it, level and number no longer make one

Entry = tuple[int, str | None, str | None]  # template, level, kept


class Keys:
    """The table of log keys over a table of templates."""

    def __init__(self, masks: Sequence[str] = ()) -> None:
        self.templates = Templates(masks)
        self.families: Families | None = None  # once frozen
        self.known = 0  # keys below were learnt; those of unknown templates and values come after
        self._entries: list[Entry] = []
        self._numbers: dict[Entry, int] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def of(self, kinds: pl.DataFrame) -> pl.DataFrame:
        """For kinds of record with `message`, `level` and `kept`: their `template` and `key`, and `name`, the word that
        tells members of a family apart."""
        raw = pl.Series("template", self.templates.keys(kinds["message"]), dtype=pl.Int32)
        named = self.families.of(raw) if self.families else raw.to_frame().with_columns(name=pl.lit(None, pl.String))
        entries = zip(named["template"].to_list(), kinds["level"].to_list(), kinds["kept"].to_list(), strict=True)
        keys = pl.Series("key", [self._number(entry) for entry in entries], dtype=pl.Int32)
        return named.with_columns(keys)

    def freeze(self) -> npt.NDArray[np.int32]:
        """End learning; gives for each key so far the one that stands for its family."""
        if self.templates.frozen:
            self.templates.take_in()
        else:
            self.templates.freeze()
        self.families = Families(self.templates)
        learnt, last = self._entries, self.templates.known - 1
        self._entries = learnt[: self.known]
        self._numbers = {entry: number for number, entry in enumerate(self._entries)}
        family = self.families.family
        joined = [(int(family[min(template, last)]), level, kept) for template, level, kept in learnt]
        keys = np.array([self._number(entry) for entry in joined], np.int32)
        self.known = len(self._entries)
        return keys

    def learn_on(self) -> None:
        """Learn again, beginning with what is known: each new template has keys of its own until `freeze`."""
        self.families = None

    def template(self, key: int) -> str:
        """Such as `Received block <*> of size <*>`, or `404 GET` where a number belongs to the key."""
        template, _, kept = self._entries[key]
        text = self.templates.template(template)
        return f"{kept} {text}" if kept else text

    def hashes(self) -> list[str]:
        """A digest of each known key, by number: it depends on what the key is, not on when it was met."""
        from hashlib import blake2b  # which takes a hundredth of a start

        wholes = ([self.templates.template(template), *rest] for template, *rest in self._entries[: self.known])
        return [blake2b(orjson.dumps(whole), digest_size=8).hexdigest() for whole in wholes]

    def template_of(self, key: int) -> int:
        """The number of a key's template."""
        return self._entries[key][0]

    def nearest(self, key: int) -> str | None:
        """The known template nearest to that of a new key."""
        nearest = self.templates.nearest(self._entries[key][0])
        return None if nearest is None else self.templates.template(nearest)

    def _number(self, entry: Entry) -> int:
        number = self._numbers.get(entry)
        if number is None:
            if len(self._entries) >= LIMIT:
                entry = (entry[0], None, None)
                if entry in self._numbers:
                    return self._numbers[entry]
            number = self._numbers[entry] = len(self._entries)
            self._entries.append(entry)
        return number

    def new(self) -> dict[str, Any]:
        """What was met since learning ended: for `restore`."""
        return {"templates": self.templates.new(), "keys": [list(entry) for entry in self._entries[self.known :]]}

    def restore(self, new: dict[str, Any]) -> None:
        """Go on with what `new` gave, of the same keys."""
        self.templates.restore(new["templates"])
        for template, level, kept in new["keys"]:
            self._number((int(template), level, kept))

    def to_json(self) -> dict[str, Any]:
        """What was learnt: templates, and the keys over them."""
        return {"templates": self.templates.to_json(), "keys": [list(entry) for entry in self._entries[: self.known]]}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """The inverse, frozen. Raises KeyError, TypeError, ValueError or ModelError on anything else."""
        keys = cls()
        keys.templates = Templates.from_json(data["templates"])
        keys.families = Families(keys.templates)
        for template, level, kept in data["keys"]:
            if not 0 <= int(template) < keys.templates.known:
                raise ValueError(f"no template {template}")
            keys._number((int(template), level, kept))
        keys.known = len(keys._entries)
        return keys
