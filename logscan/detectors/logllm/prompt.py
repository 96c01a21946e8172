"""What the decoder reads and answers.

    Below is a sequence of system log messages: [message] [message] ...
    Is this sequence normal or anomalous?
    The sequence is anomalous.

A message stands there as one vector, the rest as token embeddings. Both are rows of one table: first the tokens of
`Prompt.tokens`, behind them the messages; what the decoder reads is an index into it.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from tokenizers import Tokenizer

from logscan.errors import OptionError
from logscan.windows.sessions import Ints

BEFORE = "Below is a sequence of system log messages:"
BEHIND = "\nIs this sequence normal or anomalous?\n"
ANSWERS = ("The sequence is normal.", "The sequence is anomalous.")


@dataclass(frozen=True)
class Prompt:
    """Tokens of the decoder: before and behind the messages, and of both answers, which end with `eos`."""

    before: tuple[int, ...]
    behind: tuple[int, ...]
    normal: tuple[int, ...]
    anomalous: tuple[int, ...]

    @classmethod
    def of(cls, tokenizer: Tokenizer, bos: int | None, eos: int | None, name: str) -> "Prompt":
        """In the words of a decoder's tokenizer. Raises OptionError where it lacks what is needed."""
        if eos is None:
            raise OptionError(f"--llm {name}: its tokenizer has no token that ends an answer (eos)")

        def words(text: str) -> tuple[int, ...]:
            return tuple(tokenizer.encode(text, add_special_tokens=False).ids)

        normal, anomalous = ((*words(answer), eos) for answer in ANSWERS)
        if normal == anomalous:
            raise OptionError(f"--llm {name}: its tokenizer does not tell normal from anomalous")
        return cls((*(() if bos is None else (bos,)), *words(BEFORE)), words(BEHIND), normal, anomalous)

    @cached_property
    def shared(self) -> int:
        """Tokens with which both answers begin."""
        pairs = zip(self.normal, self.anomalous, strict=False)
        return next(n for n, (one, other) in enumerate(pairs) if one != other)

    @property
    def words(self) -> tuple[int, int]:
        """The first tokens in which the answers differ, of normal and of anomalous."""
        return self.normal[self.shared], self.anomalous[self.shared]

    @property
    def tokens(self) -> Ints:
        """The first rows of the table."""
        return np.array((*self.before, *self.behind, *self.normal, *self.anomalous), np.int64)

    @property
    def longest(self) -> int:
        """Tokens beside the messages, at most."""
        return len(self.before) + len(self.behind) + max(len(self.normal), len(self.anomalous))

    @property
    def answers(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Normal and anomalous."""
        return self.normal, self.anomalous

    def question(self, messages: Ints) -> Ints:
        """The index for messages with these numbers, up to where the decoder answers."""
        return self._rows(messages, 0, 0)

    def leading(self, messages: Ints) -> Ints:
        """The same, up to where the two answers part."""
        return self._rows(messages, len(self.before) + len(self.behind), self.shared)

    def answered(self, messages: Ints, anomalous: bool) -> tuple[Ints, int]:
        """The index for messages and an answer, and how many tokens at its end are that answer."""
        begin = len(self.before) + len(self.behind) + (len(self.normal) if anomalous else 0)
        length = len(self.anomalous if anomalous else self.normal)
        return self._rows(messages, begin, length), length

    def _rows(self, messages: Ints, begin: int, length: int) -> Ints:
        behind = len(self.before) + np.arange(len(self.behind))
        told = begin + np.arange(length)
        return np.concatenate([np.arange(len(self.before)), len(self.tokens) + messages, behind, told])
