"""Vectors of messages by what they say, from a BERT that is not trained here: words that were never seen mean something
beside those that were.

A message is the mean of the last hidden states of its tokens, [CLS] and [SEP] among them, as sentence encoders have it
(N. Reimers and I. Gurevych, "Sentence-BERT", 2019); where tokens have weights, the weighted mean. `encoder=scratch` is
a small BERT with random weights: its vectors tell texts apart, and are near each other where texts share words.

No torch is needed where the encoder is exported.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self

import numpy as np
import numpy.typing as npt

from logscan.errors import ModelError, OptionError
from logscan.networks.options import SCRATCH, Size
from logscan.networks.rows import by_length, encoded, padded
from logscan.windows.sessions import Floats, Ints

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from logscan.networks.pretrained import Base

FOLDER = "encoder"  # of a bundle
EXPORTED = ("encoder.int8.onnx", "encoder.onnx")  # the first that is there is used
WEIGHTS = "model.safetensors"
AT_ONCE = 4_096  # tokens that are read at once

Vectors = npt.NDArray[np.float32]


@dataclass(frozen=True)
class SemanticOptions:
    """encoder: hub id or path of a BERT, or `scratch` for a small one with random weights; it is never trained
    encoder_revision: of the hub; size: of one from scratch
    tokens: that are read of a message, what is longer is cut
    include_base: keep the weights of a pretrained encoder in the bundle, too
    """

    encoder: str = SCRATCH
    encoder_revision: str | None = None
    size: Size = field(default_factory=Size)
    tokens: int = 128
    include_base: bool = False

    def __post_init__(self) -> None:
        """Raises ValueError for numbers that mean nothing."""
        if self.tokens < 3:
            raise ValueError("tokens should be at least 3: the first and the last are no words")


class Encoder(Protocol):
    """A BERT, in torch or exported."""

    @property
    def provider(self) -> str:
        """What runs it, in words."""

    @property
    def at_once(self) -> int:
        """Batches that it reads at once, each from a thread of its own."""

    @property
    def width(self) -> int:
        """Numbers in a state."""

    def states(self, tokens: Ints, mask: Ints) -> Vectors:
        """(b, n) tokens, padded at the right, and whether each is one, to (b, n, width)."""


@dataclass
class Semantics:
    """encoder, tokenizer: what reads; base: what they come from, None where they are exported"""

    encoder: Encoder
    tokenizer: "Tokenizer"
    base: "Base | None" = None

    @classmethod
    def opened(cls, options: SemanticOptions, texts: Sequence[str], seed: int) -> Self:
        """An encoder that has learnt elsewhere, or one from scratch, with words from these texts. Raises OptionError
        where it cannot be used."""
        from logscan.networks.pretrained import digest_of, open_encoder
        from logscan.networks.scratch import new_encoder

        if options.encoder == SCRATCH:
            base = new_encoder(texts, options.size, seed)
        else:
            base = open_encoder(options.encoder, options.encoder_revision)
            assert base.folder is not None
            base = replace(base, digest=digest_of(base.folder))
        longest = base.model.config.max_position_embeddings
        if longest < options.tokens:
            raise OptionError(f"--encoder {base.name} reads {longest} tokens at most: --set tokens={longest}")
        base.tokenizer.enable_truncation(options.tokens)
        return cls(_TorchEncoder(base.model), base.tokenizer, base)

    @property
    def width(self) -> int:
        """Numbers in a vector."""
        return self.encoder.width

    def vectors(self, texts: Sequence[str], weights: Floats | None = None) -> Vectors:
        """(m, width) of distinct texts. weights: (vocabulary,) of each token, above 0, None for equal ones."""
        found = np.zeros((len(texts), self.width), np.float32)
        rows = encoded(self.tokenizer, texts)
        for at, states in enumerate(self.states(rows)):
            shares = np.ones(len(states)) if weights is None else weights[rows[at]]
            found[at] = (shares / shares.sum()).astype(np.float32) @ states
        return found

    def states(self, rows: Sequence[Ints]) -> list[Vectors]:
        """(n, width) of the tokens of each row."""
        found: list[Vectors] = [np.zeros((0, self.width), np.float32)] * len(rows)

        def read(batch: Ints) -> None:
            tokens, lengths = padded([rows[at] for at in batch])
            mask = (np.arange(tokens.shape[1]) < lengths[:, None]).astype(np.int64)
            for at, states, length in zip(batch, self.encoder.states(tokens, mask), lengths, strict=True):
                found[at] = states[:length]

        with ThreadPoolExecutor(self.encoder.at_once) as pool:
            list(pool.map(read, by_length([len(row) for row in rows], AT_ONCE)))
        return found

    def save(self, folder: Path, include_base: bool) -> dict[str, str | None]:
        """Write configuration, tokenizer, and the weights of an encoder from scratch, of another if that is wanted.
        Gives what `load` needs to know."""
        from logscan.networks.pretrained import digest_of, save_base
        from logscan.networks.weights import save_weights

        assert self.base is not None
        place = folder / FOLDER
        save_base(self.base, place, include_base)
        if self.base.folder is not None:
            return {"revision": self.base.revision, "digest": self.base.digest}
        save_weights(self.base.model.state_dict(), place / WEIGHTS)
        return {"revision": None, "digest": digest_of(place)}

    @classmethod
    def load(cls, folder: Path, options: SemanticOptions, known: dict[str, Any], exported: bool) -> Self:
        """What `save` wrote; the encoder in ONNX Runtime where it is exported, unless that is not wanted.

        Raises ModelError where neither can be used, OptionError where a pretrained encoder is gone.
        """
        from logscan.networks.pretrained import saved_tokenizer
        from logscan.runtime.session import open_states

        paths = [folder / name for name in EXPORTED if exported and (folder / name).is_file()]
        if paths:
            tokenizer, _ = saved_tokenizer(folder / FOLDER)
            tokenizer.enable_truncation(options.tokens)
            return cls(open_states(paths[0]), tokenizer)
        return cls._torch(folder / FOLDER, options, known)

    @classmethod
    def _torch(cls, place: Path, options: SemanticOptions, known: dict[str, Any]) -> Self:
        from logscan.networks.pretrained import digest_of, open_encoder

        inside = any(place.glob("*.safetensors"))
        base = open_encoder(str(place)) if inside else open_encoder(options.encoder, known["revision"])
        assert base.folder is not None
        if digest_of(base.folder) != known["digest"]:
            raise ModelError(
                f"{options.encoder} is not what it was when the model was trained: its weights have changed"
            )
        base.tokenizer.enable_truncation(options.tokens)
        return cls(_TorchEncoder(base.model), base.tokenizer, replace(base, digest=known["digest"]))

    def export(self, folder: Path) -> Self:
        """Write the encoder as ONNX. Gives one that runs it."""
        from logscan.runtime.export import export_states
        from logscan.runtime.session import open_states

        assert self.base is not None
        path = folder / EXPORTED[-1]
        export_states(self.base.model, path)
        return replace(self, encoder=open_states(path), base=None)

    def quantize(self, folder: Path) -> None:
        """Write what `export` wrote with weights of eight bits, beside it."""
        from logscan.runtime.export import quantize

        quantize(folder / EXPORTED[-1], folder / EXPORTED[0])


class _TorchEncoder:
    provider = "torch"
    at_once = 1

    def __init__(self, model: Any) -> None:
        import torch

        self.model = model.eval().to("cuda" if torch.cuda.is_available() else "cpu")
        self.width: int = model.config.hidden_size

    def states(self, tokens: Ints, mask: Ints) -> Vectors:
        import torch

        here = [torch.from_numpy(part).to(self.model.device) for part in (tokens, mask)]
        with torch.inference_mode():
            found: Vectors = self.model(input_ids=here[0], attention_mask=here[1]).last_hidden_state.cpu().numpy()
        return found


def rarity(rows: Sequence[Ints], vocabulary: int) -> Floats:
    """(vocabulary,) the inverse document frequency of each token, ln((n + 1) / n_token), where n_token of n texts have
    it, that of one which none has as if one had it; the frequency within a text is how often its mean counts it."""
    having = np.bincount(np.concatenate([np.unique(row) for row in rows]), minlength=vocabulary)
    return np.log((len(rows) + 1) / np.maximum(having, 1))


def of_rarity(idf: Floats) -> dict[str, Any]:
    """To be saved: those tokens that are not the rarest."""
    seen = np.flatnonzero(idf < idf.max())
    return {"tokens": len(idf), "rarest": float(idf.max()), "seen": seen.tolist(), "values": idf[seen].tolist()}


def as_rarity(saved: dict[str, Any]) -> Floats:
    """(vocabulary,) what `of_rarity` made."""
    idf = np.full(int(saved["tokens"]), float(saved["rarest"]))
    idf[saved["seen"]] = saved["values"]
    return idf
