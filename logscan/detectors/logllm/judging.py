"""How much the answer to each window leans towards anomalous, and which of its messages make it do so.

No torch is needed where the networks are exported.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from logscan.detectors.logllm.prompt import Prompt
from logscan.detectors.wholes import left_out
from logscan.networks.rows import by_length, encoded, groups, in_parts, padded, sequences
from logscan.windows.sessions import Floats, Ints, Windows

HELD = 1 << 27  # numbers of embeddings that are held at once, 512 MiB
AT_ONCE = 4_096  # tokens that a network reads at once

Embeddings = npt.NDArray[np.float32]


class Encoder(Protocol):
    """A BERT with the projector behind it, in torch or exported."""

    @property
    def provider(self) -> str:
        """What runs it, in words."""

    @property
    def at_once(self) -> int:
        """Batches that it reads at once, each from a thread of its own."""

    @property
    def width(self) -> int:
        """Numbers in an embedding."""

    def embed(self, tokens: Ints, mask: Ints) -> Embeddings:
        """(b, n) tokens of messages, and whether each is one, to (b, width) in the decoder's space."""


class Decoder(Protocol):
    """A Llama that is asked about windows, in torch or exported."""

    @property
    def at_once(self) -> int:
        """Batches that it reads at once, each from a thread of its own."""

    def log_odds(self, embeddings: Embeddings, index: Ints, last: Ints) -> npt.NDArray[np.float32]:
        """(m, width) messages, (b, n) rows of the table that `Prompt` tells of, and (b,) the last position of each, to
        (b,): the logit of anomalous less that of normal."""


@dataclass(frozen=True)
class Judge:
    """The two networks and what they read. tokenizer: the encoder's, which cuts what is too long; messages: of a part
    of a window, at most."""

    encoder: Encoder
    decoder: Decoder
    tokenizer: Tokenizer
    prompt: Prompt
    messages: int

    def log_odds(self, windows: Windows) -> Floats:
        """(n,) the logarithm of how much more probable the answer anomalous is than normal; of a window in parts, that
        of the most anomalous part. Equal windows are read once."""
        first, inverse, _ = windows.by_message().distinct()
        return self._of(windows, sequences(windows.take(first)))[inverse]

    def blame(self, windows: Windows) -> Floats:
        """(events,) by how much the log-odds of each window fall without each of its messages; 0 in windows for which
        there is no time."""
        return left_out(windows.by_message(), lambda wanted: self._of(windows, wanted))

    def asked(self, windows: Windows) -> Iterator[tuple[Embeddings, list[Ints]]]:
        """Of each window the embeddings of its messages, and a question for each of its parts."""
        assert windows.messages is not None
        for messages in sequences(windows):
            met, numbers = np.unique(messages, return_inverse=True)
            embeddings = self._embed([windows.messages.texts[number] for number in met])
            yield embeddings, [self.prompt.question(part) for part in in_parts(numbers, self.messages)]

    def _of(self, windows: Windows, wanted: Sequence[Ints]) -> Floats:
        """The log-odds of sequences of the windows' messages."""
        assert windows.messages is not None
        texts = windows.messages.texts
        parts = [(owner, part) for owner, messages in enumerate(wanted) for part in in_parts(messages, self.messages)]
        found = np.full(len(wanted), -np.inf)
        for group in groups(parts, HELD // self.encoder.width):
            met, numbers = np.unique(np.concatenate([part for _, part in group]), return_inverse=True)
            embeddings = self._embed([texts[number] for number in met])
            ends = np.cumsum([len(part) for _, part in group])[:-1]
            questions = [self.prompt.leading(part) for part in np.split(numbers, ends)]
            owners = np.array([owner for owner, _ in group], np.int64)
            np.maximum.at(found, owners, self._ask(embeddings, questions))
        return found

    def _embed(self, texts: Sequence[str]) -> Embeddings:
        """(m, width) of messages, each of which is encoded once."""
        rows = encoded(self.tokenizer, texts)
        embeddings = np.zeros((len(rows), self.encoder.width), np.float32)

        def embed(batch: Ints) -> None:
            tokens, lengths = padded([rows[at] for at in batch])
            mask = (np.arange(tokens.shape[1]) < lengths[:, None]).astype(np.int64)
            embeddings[batch] = self.encoder.embed(tokens, mask)

        with ThreadPoolExecutor(self.encoder.at_once) as pool:
            list(pool.map(embed, by_length([len(row) for row in rows], AT_ONCE)))
        return embeddings

    def _ask(self, embeddings: Embeddings, questions: Sequence[Ints]) -> Floats:
        """(q,) log-odds."""
        found = np.zeros(len(questions))

        def ask(batch: Ints) -> None:
            index, lengths = padded([questions[at] for at in batch])
            found[batch] = self.decoder.log_odds(embeddings, index, lengths - 1)

        with ThreadPoolExecutor(self.decoder.at_once) as pool:
            list(pool.map(ask, by_length([len(question) for question in questions], AT_ONCE)))
        return found
