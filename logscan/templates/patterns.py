"""A pattern: the words of a message, with WORD where mining found that the word varies."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any

from logscan.templates.masks import WILDCARD

Pattern = tuple[str, ...]
WORD = "\x00"  # no word of a message: `words` takes it for a blank
LONGEST = 256  # words of a message that count


def words(text: str) -> Pattern:
    """The words of a masked message, LONGEST at most."""
    return tuple(text.replace(WORD, " ").split(None, LONGEST)[:LONGEST])


def show(pattern: Pattern) -> str:
    """The pattern as people read it: both kinds of variable are `<*>`."""
    return " ".join(WILDCARD if word == WORD else word for word in pattern)


class Index:
    """Patterns in a tree, a level a word. A message meets the pattern with the most exact first words."""

    def __init__(self) -> None:
        self._trees: dict[int, dict[str, Any]] = {}  # by number of words; the last word leads to a key

    def add(self, pattern: Pattern, key: int) -> int:
        """Adds `pattern`; returns its key, which is an older one if it was there already."""
        node = self._trees.setdefault(len(pattern), {})
        for word in pattern[:-1]:
            node = node.setdefault(word, {})
        return int(node.setdefault(pattern[-1] if pattern else "", key))

    def find(self, message: Pattern) -> int | None:
        """The key of the pattern that `message` fits, or None."""
        tree = self._trees.get(len(message))
        return None if tree is None else _find(tree, message or ("",), 0)


def _find(node: dict[str, Any], message: Pattern, at: int) -> int | None:
    for word in (message[at], WORD):
        below = node.get(word)
        if below is None:
            continue
        key = below if at + 1 == len(message) else _find(below, message, at + 1)
        if key is not None:
            return int(key)
    return None


class Likeness:
    """Finds the pattern that shares most words with another one, of whatever length."""

    def __init__(self, patterns: Iterable[Pattern]) -> None:
        self._sizes: list[int] = []
        self._with: defaultdict[str, list[int]] = defaultdict(list)
        for number, pattern in enumerate(patterns):
            constants = _constants(pattern)
            self._sizes.append(len(constants))
            for word in constants:
                self._with[word].append(number)

    def nearest(self, pattern: Pattern) -> int | None:
        """The number of the pattern that shares most words with `pattern`, at least half (Dice), or None."""
        constants = _constants(pattern)
        shared = Counter(number for word in constants for number in self._with.get(word, ()))
        share = {number: 2 * count / (len(constants) + self._sizes[number]) for number, count in shared.items()}
        best = min(share, key=lambda number: (-share[number], number), default=None)
        return best if best is not None and share[best] >= 0.5 else None


def _constants(pattern: Pattern) -> set[str]:
    return set(pattern) - {WORD, WILDCARD}
