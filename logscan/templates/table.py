"""`Templates`: from a column of messages to a column of keys."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import polars as pl

from logscan.errors import ModelError, OptionError
from logscan.regex import checked
from logscan.templates.masks import mask
from logscan.templates.mining import LIMIT, Miner
from logscan.templates.patterns import LONGEST, WORD, Likeness, Pattern, show, words

_CACHE = 4_000_000  # characters of masked messages whose key is remembered


class Templates:
    """Log keys and their templates: mines until `freeze`, then only recognises, and keys what is new apart. What is new
    by then can be taken in behind what is known, and is one stage more.

    A key never changes its meaning, though its template may become more general. Keys of one call are final.
    What follows can teach a template that fits an earlier message better: ask for the keys of a training set
    in one call, or again after `freeze`, when a message has the key that it will have wherever it is met.
    """

    def __init__(self, masks: Sequence[str] = ()) -> None:
        """`masks`: regular expressions (Rust's) for the user's own variables, which become `<*>` before ours.

        Raises OptionError.
        """
        self.masks = tuple(masks)
        self.frozen = False
        self.stages: tuple[int, ...] = ()  # known templates after each time that learning ended
        self._known = Miner()
        self._novel = Miner()
        self._keys: dict[str, int] = {}  # masked message -> key
        self._size = 0  # characters in it
        self._likeness: Likeness | None = None
        for pattern in self.masks:
            checked(pattern, "--mask")

    def __len__(self) -> int:
        return len(self._known) + len(self._novel)

    @property
    def known(self) -> int:
        """Keys below are those learnt before `freeze`."""
        return len(self._known)

    @property
    def full(self) -> bool:
        """The limit of templates was reached: what fits none is no longer told apart, and has one key."""
        return self._known.full or self._novel.full

    def freeze(self) -> None:
        """Ends learning: the known templates stay as they are."""
        if not self.frozen:
            self._freeze(self._known.nameless())

    def take_in(self) -> None:
        """The new templates are known from here on, with the keys that they had; past the limit, with the last key."""
        if new := self._novel.nameless():
            patterns = [*self._known.patterns, *new]
            if len(patterns) > LIMIT:
                patterns[LIMIT:] = [(WORD,)]
            self._freeze(patterns, self.stages)

    def keys(self, messages: pl.Series) -> npt.NDArray[np.int32]:
        """A key for each of `messages` (String, digit-reduced; null is an empty one): (n,)."""
        masked = mask(messages.fill_null(""), self.masks).to_list()
        distinct = [*dict.fromkeys(masked)]
        keys = dict(zip(distinct, self._keys_of(distinct), strict=True))
        return np.array([keys[text] for text in masked], np.int32)

    def template(self, key: int) -> str:
        """Such as `Received block <*> of size <*>`. Raises IndexError for a key that was never given."""
        return show(self._pattern(key))

    def slots(self, messages: pl.Series, keys: pl.Series) -> Iterator[tuple[int, int, str]]:
        """(row, slot, word) for each place in a message where mining, not a mask, found a variable of its key.

        A slot is the word's place in the message, so it stays when the template becomes more general.
        """
        of_row = keys.to_list()
        variable = {key: [at for at, word in enumerate(self._pattern(key)) if word == WORD] for key in set(of_row)}
        rows = [row for row, key in enumerate(of_row) if variable[key]]
        masked = mask(messages.gather(rows), self.masks) if rows else ()
        for row, text in zip(rows, masked, strict=True):
            found = words(text)
            yield from ((row, at, found[at]) for at in variable[of_row[row]] if at < len(found))

    def nearest(self, key: int) -> int | None:
        """For a novel `key` the known template that shares at least half of its words, or None."""
        if key < self.known:
            return None
        if self._likeness is None:
            self._likeness = Likeness(self._known.patterns)
        return self._likeness.nearest(self._pattern(key))

    def to_json(self) -> dict[str, Any]:
        """The known templates; no message. A variable that mining found is null: no word is taken for one."""
        earlier = {"stages": list(self.stages[:-1])} if len(self.stages) > 1 else {}
        return {"masks": list(self.masks), "templates": _listed(self._known.patterns), **earlier}

    def new(self) -> list[list[str | None]]:
        """The templates that are not known: for `restore`."""
        return _listed(self._novel.patterns)

    def restore(self, new: object) -> None:
        """Goes on with what `new` gave. Raises ModelError."""
        if not isinstance(new, list):
            raise _broken("`templates`, a list,")
        self._novel = Miner.of([_checked(pattern) for pattern in new], learning=True)

    @classmethod
    def from_json(cls, data: object) -> Self:
        """The frozen table that `to_json` gave. Raises ModelError."""
        if not isinstance(data, dict):
            raise _broken("an object")
        masks, table, earlier = data.get("masks"), data.get("templates"), data.get("stages", [])
        if not isinstance(masks, list) or not all(isinstance(pattern, str) for pattern in masks):
            raise _broken("`masks`, a list of texts,")
        if not isinstance(table, list) or len(table) > LIMIT + 1:
            raise _broken("`templates`, a list,")
        if not isinstance(earlier, list) or any(type(stage) is not int for stage in earlier):
            raise _broken("`stages`, a list of numbers,")
        if not all(a < b for a, b in pairwise([-1, *earlier, len(table)])):
            raise _broken("`stages` in their order")
        try:
            templates = cls(masks)
        except OptionError as error:
            raise ModelError(f"templates.json: {error}") from None
        templates._freeze([_checked(pattern) for pattern in table], tuple(earlier))
        return templates

    def _freeze(self, patterns: Sequence[Pattern], earlier: tuple[int, ...] = ()) -> None:
        """Makes `patterns` the known ones, without what only mining needs."""
        self.stages = (*earlier, len(patterns))
        self._known, self._novel = Miner.of(patterns, earlier), Miner()
        self._likeness = None
        self._keys.clear()
        self._size = 0
        self.frozen = True

    def _pattern(self, key: int) -> Pattern:
        if not 0 <= key < len(self):
            raise IndexError(f"no log key {key}: there are {len(self)}")
        return self._known.patterns[key] if key < self.known else self._novel.patterns[key - self.known]

    def _keys_of(self, masked: list[str]) -> list[int]:
        new = [text for text in masked if text not in self._keys]
        self._size += sum(map(len, new))
        before, learning = (0, self._known) if not self.frozen else (self.known, self._novel)
        if self.frozen:
            found = [self._known.find(words(text)) for text in new]
            self._keys.update((text, key) for text, key in zip(new, found, strict=True) if key is not None)
            new = [text for text, key in zip(new, found, strict=True) if key is None]
        numbers = learning.add(map(words, new))
        self._keys.update(zip(new, (before + number for number in numbers), strict=True))
        keys = [self._keys[text] for text in masked]
        if self._size > _CACHE:
            self._keys.clear()
            self._size = 0
        return keys


def _listed(patterns: Sequence[Pattern]) -> list[list[str | None]]:
    return [[None if word == WORD else word for word in pattern] for pattern in patterns]


def _checked(pattern: object) -> Pattern:
    if not isinstance(pattern, list) or len(pattern) > LONGEST:
        raise _broken(f"a template of at most {LONGEST} words")
    if not all(word is None or (isinstance(word, str) and word.split() == [word]) for word in pattern):
        raise _broken("words without blanks")
    return tuple(WORD if word is None else word for word in pattern)


def _broken(expected: str) -> ModelError:
    return ModelError(f"templates.json is damaged or foreign ({expected} expected): train the model again")
