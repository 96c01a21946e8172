"""New names in known lines: what a past with other users, hosts and databases makes look new.

Each template that is new, but equal to a known one up to one or two words, suggests a name in the place of another. It
is one where the same word explains RECURS such templates, or where such lines are written all along the log, as
ordinary traffic is. They are then no new kinds of line.
"""

import re
from collections import Counter, defaultdict

import numpy as np
import numpy.typing as npt

from logscan.detectors.trouble import WORDS
from logscan.templates.families import words_of
from logscan.templates.keys import Keys

RECURS = 3
SWAPPED = 2  # words of a template that may be names
SHORTEST = 4  # words of a template that can be recognised without them
MOST = 5_000  # templates of one length that are compared
PARTS = re.compile(r"[\w.-]+")

Texts = npt.NDArray[np.object_]


def new_names(new: list[int], everywhere: set[int], keys: Keys) -> dict[int, str]:
    """For those of the new keys that are known up to names: the name, the one that recurs most.

    everywhere: the new keys that are written all along the log
    """
    if len(new) < RECURS and not everywhere:
        return {}
    known = _by_length([words_of(keys.template(key)) for key in range(keys.known)])
    swapped: dict[int, frozenset[str]] = {}
    for key in new:
        words = words_of(keys.template(key))
        if len(words) >= SHORTEST and len(words) in known:
            names = _swapped(np.array(words, dtype=object), known[len(words)])
            if names and not any(re.search(WORDS, name) for name in names):
                swapped[key] = names
    recurring = Counter(name for names in swapped.values() for name in names)
    return {
        key: max(names, key=lambda name: recurring[name])
        for key, names in swapped.items()
        if key in everywhere or all(recurring[name] >= RECURS for name in names)
    }


def _by_length(templates: list[tuple[str, ...]]) -> dict[int, Texts]:
    grouped: dict[int, list[tuple[str, ...]]] = defaultdict(list)
    for words in templates:
        if len(words) >= SHORTEST and len(grouped[len(words)]) < MOST:
            grouped[len(words)].append(words)
    return {length: np.array(same, dtype=object) for length, same in grouped.items()}


def _swapped(words: Texts, known: Texts) -> frozenset[str]:
    """The parts of (length,) words that tell them from the nearest of the (n, length) known ones; none where those are
    too far."""
    differs = (known != words) & (words != "<*>") & (known != "<*>")
    distance = differs.sum(axis=1)
    nearest = int(distance.argmin())
    if distance[nearest] > min(SWAPPED, len(words) // 2):
        return frozenset()
    differs = (known[nearest] != words) & (words != "<*>") & (differs[nearest] | (distance[nearest] == 0))
    parts: set[str] = set()
    for at in np.flatnonzero(differs):
        parts |= set(PARTS.findall(words[at])) - set(PARTS.findall(known[nearest, at]))
    return frozenset(parts)
