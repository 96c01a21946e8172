"""Small networks of the true architectures with random weights, saved as a model from the hub is."""

from pathlib import Path
from typing import Any

from logscan.networks.options import Size
from logscan.networks.pretrained import Base

SIZE = Size(layers=2, heads=2, hidden=64, intermediate=128, vocabulary=400, length=160)  # the least that NF4 takes


def save_model(base: Base, folder: Path, **special: str) -> Path:
    """Weights, configuration and tokenizer, with the names of special tokens."""
    from transformers import PreTrainedTokenizerFast

    base.model.save_pretrained(folder)
    fast: Any = PreTrainedTokenizerFast
    tokenizer = fast(tokenizer_object=base.tokenizer, **special)
    tokenizer.save_pretrained(folder)
    return folder


def save_encoder(folder: Path, texts: list[str], size: Size = SIZE) -> Path:
    """A BERT whose word pieces come from the texts."""
    from logscan.networks.scratch import new_encoder

    special = {"cls_token": "[CLS]", "sep_token": "[SEP]", "pad_token": "[PAD]", "unk_token": "[UNK]"}
    return save_model(new_encoder(texts, size, 0), folder, **special)


def save_decoder(folder: Path, size: Size = SIZE) -> Path:
    """A Llama that knows no words but those of a question."""
    from logscan.networks.scratch import new_decoder

    base = new_decoder(["Is this sequence normal or anomalous?"], size, 0)
    return save_model(base, folder, bos_token="<s>", eos_token="</s>", pad_token="<pad>")
