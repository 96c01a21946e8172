"""Families: templates that differ only in a name.

A miner that has seen `login of ann`, `login of bob` and `login of eve` a thousand times each may take them for three
templates. To a detector they are one, with a slot that holds names: a fourth name is then a new value and no new kind
of line, and a session of ann's is no other sequence than one of bob's. Templates are one family

- where they are equal but for words that were made with a number (`web-17`, `worker_3`), or
- where they are equal but for one word, at least LEAST of them, and the words look like names: they hold a sign
  inside, or some of them also tell other templates apart. Where a template holds a name that was found so, that place
  is a slot too, even if no other name was ever seen there.

Templates that are equal but for one word that is no name are kept apart, as states: `job started` and `job stopped` are
two events. `job exploded` is then a value that this place never had.

What was one family stays one when more is learnt: templates of a later stage join it, or form others with those that
were alone.
"""

import re
from collections import Counter, defaultdict

import numpy as np
import numpy.typing as npt
import polars as pl

from logscan.templates.table import Templates

LEAST = 3
NUMBERED = re.compile(r"[A-Za-z_.-]*<\*>[A-Za-z0-9_.-]*")
SIGNED = re.compile(r"\w[_.@/+-]\w")

Words = tuple[str, ...]
Place = tuple[int, Words]  # the position of a word, and the other words


class Families:
    """family: (known,) the template that stands for each known one; word: what tells the members of a family apart;
    states: places with the templates, at least two, that a state tells apart."""

    def __init__(self, templates: Templates) -> None:
        self.templates = templates
        self.family: npt.NDArray[np.int32] = np.zeros(0, np.int32)
        self.word: dict[int, str] = {}
        self.states: dict[Place, list[int]] = {}
        self._alike: dict[Words, int] = {}
        self._slots: dict[Place, int] = {}
        for known in templates.stages:
            self._extend([words_of(templates.template(number)) for number in range(known)])

    def of(self, templates: pl.Series) -> pl.DataFrame:
        """A row a template: `template`, the one that stands for its family, and `name`, the word that tells it apart,
        null where it has none."""
        numbers = templates.to_list()
        members = {number: self._member(number) for number in set(numbers)}
        schema = {"template": pl.Int32, "name": pl.String}
        return pl.DataFrame([members[number] for number in numbers], schema, orient="row")

    def state(self, number: int) -> tuple[Place, str] | None:
        """The place in which an unknown template has another state than those known, and its word there."""
        words = words_of(self.templates.template(number))
        return next(((place, words[place[0]]) for place in _places(words) if place in self.states), None)

    def _extend(self, words: list[Words]) -> None:
        """Take in the templates with these words, the first of which are in already."""
        family = self.family.tolist()
        for number in range(len(family), len(words)):
            own = words[number]
            first = self._alike.setdefault(own, number)
            place = next((place for place in _places(own) if place in self._slots), None)
            if first == number and place is not None:
                self.word[number] = own[place[0]]
                first = self._slots[place]
            family.append(family[first] if first < number else number)
        self.family = np.array(family, np.int32)
        for place, numbers in self._slots_for_names(words):
            free = [number for number in numbers if number not in self.word]
            if free:
                first = self._slots.setdefault(place, min(free))
                self.word.update((number, words[number][place[0]]) for number in free)
                for number in free:
                    self.family[self.family == number] = first

    def _slots_for_names(self, words: list[Words]) -> list[tuple[Place, list[int]]]:
        """Places where names stand, the fullest first, each with the templates that differ there."""
        siblings: dict[Place, list[int]] = defaultdict(list)
        for own, number in self._alike.items():
            for place in _places(own):
                siblings[place].append(number)
        found = {place: numbers for place, numbers in siblings.items() if len(numbers) >= LEAST}
        told = Counter(words[number][at] for (at, _), numbers in found.items() for number in numbers)

        def hold_names(place: Place, numbers: list[int]) -> bool:
            held = [words[number][place[0]] for number in numbers]
            signed = sum(bool(SIGNED.search(word)) for word in held)
            return signed * 2 > len(held) or sum(told[word] > 1 for word in held) >= LEAST - 1

        found = {place: numbers for place, numbers in found.items() if hold_names(place, numbers)}
        names_there = found.keys() | self._slots.keys()
        self.states = {
            place: numbers for place, numbers in siblings.items() if len(numbers) > 1 and place not in names_there
        }
        names = {words[number][at] for (at, _), numbers in found.items() for number in numbers}
        for place, numbers in siblings.items():
            if all(words[number][place[0]] in names for number in numbers):
                found.setdefault(place, numbers)
        return sorted(found.items(), key=lambda slot: (-len(slot[1]), slot[1]))

    def _member(self, number: int) -> tuple[int, str | None]:
        if number < len(self.family):
            return int(self.family[number]), self.word.get(self._alike[words_of(self.templates.template(number))])
        words = words_of(self.templates.template(number))
        if words in self._alike:
            return int(self.family[self._alike[words]]), None
        for place in _places(words):
            if place in self._slots:
                return self._slots[place], words[place[0]]
        return number, None


def words_of(template: str) -> Words:
    """The words of a template, those made with a number as `<*>`."""
    return tuple(NUMBERED.sub("<*>", word) if "<*>" in word else word for word in template.split())


def _places(words: Words) -> list[Place]:
    return [(at, words[:at] + words[at + 1 :]) for at in range(len(words)) if words[at] != "<*>"]
