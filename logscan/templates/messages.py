"""Messages beside keys: the texts that a detector of messages reads, as numbers.

What it reads of a message is one of the four inputs that LogLLM's paper compares:

    masked       what is a variable by its look becomes `<*>` (masks.py); no miner takes part
    raw          the message as it stands in the log, but for what its format masks
    template     the template of its log key
    template-id  the name of its log key, such as E17
"""

from collections.abc import Iterable, Sequence
from typing import Literal, Self

import polars as pl

from logscan.templates.keys import Keys
from logscan.templates.masks import mask

Input = Literal["masked", "raw", "template", "template-id"]

LIMIT = 300_000  # texts, and
CHARACTERS = 64 << 20  # characters in them: beyond these, a new message stands as its template


class Messages:
    """Distinct texts by number, as a detector reads them; one table for all that is read beside each other.

    texts: by number; keys: the table of the `Reader` that they come from
    """

    def __init__(self, input: Input = "masked", masks: Sequence[str] = ()) -> None:
        self.input = input
        self.masks = tuple(masks)
        self.texts: list[str] = []
        self.keys: Keys | None = None
        self._numbers: dict[str, int] = {}
        self._characters = 0
        self._of_key: dict[int, int] = {}

    @classmethod
    def restored(cls, texts: Iterable[str], input: Input) -> Self:
        """A table with these texts, the first of which is number 0."""
        messages = cls(input)
        messages.extend(texts)
        return messages

    def extend(self, texts: Iterable[str]) -> None:
        """Number these texts, in their order."""
        for text in texts:
            self._add(text)

    def begin(self, keys: Keys) -> None:
        """From here on `keys` is the table of the messages' log keys."""
        self.keys = keys
        self._of_key.clear()

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def of_keys(self) -> bool:
        """Whether the texts are made of log keys, and so cannot be known before these are frozen."""
        return self.input in ("template", "template-id")

    def of(self, messages: pl.Series, keys: pl.Series) -> pl.Series:
        """(n,) Int32, the number of each of `messages` (String, null is an empty one), whose log key is in `keys`.

        For `masked` they are digit-reduced. Of log keys that are still learnt the numbers are null: they come with
        `Windows.renamed`.
        """
        if self.of_keys:
            return self.named(keys)
        texts = messages.fill_null("")
        if self.input == "masked":
            texts = mask(texts, self.masks)
        said = pl.DataFrame({"text": texts, "key": keys})
        distinct = said.unique("text", keep="first", maintain_order=True)
        numbers = pl.Series([self._number(text, key) for text, key in distinct.iter_rows()], dtype=pl.Int32)
        table = distinct.select("text", message=numbers)
        return said.join(table, on="text", maintain_order="left")["message"]

    def named(self, keys: pl.Series) -> pl.Series:
        """(n,) Int32, the number of the text that is made of each log key, null until the keys are frozen."""
        assert self.keys is not None
        if self.keys.families is None:
            return pl.Series("message", [None], dtype=pl.Int32).new_from_index(0, len(keys))
        distinct = keys.unique(maintain_order=True)
        for key in distinct:
            if key not in self._of_key:  # the template of a new key may become more general, its text stays
                self._of_key[key] = self._add(f"E{key}" if self.input == "template-id" else self.keys.template(key))
        numbers = pl.Series([self._of_key[key] for key in distinct], dtype=pl.Int32)
        return keys.replace_strict(distinct, numbers, return_dtype=pl.Int32).alias("message")

    def _number(self, text: str, key: int) -> int:
        if text not in self._numbers and (len(self.texts) >= LIMIT or self._characters >= CHARACTERS):
            assert self.keys is not None
            text = self.keys.template(key)
        return self._add(text)

    def _add(self, text: str) -> int:
        number = self._numbers.get(text)
        if number is None:
            number = self._numbers[text] = len(self.texts)
            self.texts.append(text)
            self._characters += len(text)
        return number
