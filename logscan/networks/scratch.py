"""Small encoders and decoders with random weights and a tokenizer trained on the log, for `--encoder scratch` and
`--llm scratch`: no download, and what they know they learn from the corpus."""

from collections.abc import Iterable, Sequence

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import BertConfig, BertModel, LlamaConfig, LlamaForCausalLM

from logscan.networks.options import SCRATCH, Size
from logscan.networks.pretrained import Base


def new_encoder(texts: Iterable[str], size: Size, seed: int, words: bool = False) -> Base:
    """A BertModel that reads the words of the texts; with `words` these alone, each as one token."""
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokenizer = _words(texts, special) if words else _trained(texts, size, special)
    ends = [(token, tokenizer.token_to_id(token)) for token in ("[CLS]", "[SEP]")]
    tokenizer.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=ends)
    torch.manual_seed(seed)
    config = BertConfig(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=size.hidden,
        num_hidden_layers=size.layers,
        num_attention_heads=size.heads,
        intermediate_size=size.intermediate,
        max_position_embeddings=size.length,
        initializer_range=size.hidden**-0.5,  # the usual 0.02 is made for thousands of dimensions
    )
    return Base(BertModel(config), tokenizer, SCRATCH, None, None, "", None, None, 0)


def new_decoder(texts: Iterable[str], size: Size, seed: int, words: bool = False) -> Base:
    """A LlamaForCausalLM that writes the words of the texts; with `words` these alone, each as one token."""
    special = ["<pad>", "<s>", "</s>"]
    tokenizer = _words(texts, [*special, "<unk>"]) if words else _trained(texts, size, special)
    pad, bos, eos = range(3)
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=size.hidden,
        intermediate_size=size.intermediate,
        num_hidden_layers=size.layers,
        num_attention_heads=size.heads,
        num_key_value_heads=size.heads,
        max_position_embeddings=size.length,
        initializer_range=size.hidden**-0.5,
        pad_token_id=pad,
        bos_token_id=bos,
        eos_token_id=eos,
    )
    return Base(LlamaForCausalLM(config), tokenizer, SCRATCH, None, None, "", bos, eos, pad)


def _trained(texts: Iterable[str], size: Size, special: list[str]) -> Tokenizer:
    """Pairs of bytes, as many as there is room for, in which any text can be written. A BERT has word pieces, but the
    trainer of these finds others each time, and a training that was killed could not go on."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size.vocabulary,
        special_tokens=special,
        show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def _words(texts: Iterable[str], special: Sequence[str]) -> Tokenizer:
    """What stands between spaces, behind the special tokens, of which one is for words that are not there."""
    unknown = next(token for token in special if "unk" in token.lower())
    known = dict.fromkeys([*special, *(word for text in texts for word in text.split())])
    tokenizer = Tokenizer(models.WordLevel({word: n for n, word in enumerate(known)}, unk_token=unknown))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return tokenizer
