"""The network: BERT encodes each message, a projector maps it into the space of the decoder's embeddings, a Llama reads
the prompt with them and answers.

    C_i  = tanh(W [CLS]_i + b)          the encoder's pooler
    E_i  = W_p C_i + b_p                the projector
    answer = Llama(prompt with E_1 ... E_n)
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import torch
from torch.nn.functional import cross_entropy

from logscan.detectors.logllm.options import Options
from logscan.detectors.logllm.prompt import ANSWERS, BEFORE, BEHIND, Prompt
from logscan.errors import OptionError
from logscan.networks import tuning
from logscan.networks.pretrained import DECODER, ENCODER, Base
from logscan.networks.scratch import new_decoder, new_encoder
from logscan.windows.sessions import Ints

IGNORED = -100  # target of what is not to be predicted
WEIGHTS = "weights.safetensors"
BASES = ("encoder", "decoder")  # folders with a configuration and a tokenizer each
ANSWER = 32  # tokens after which an answer is cut off


@dataclass(frozen=True)
class Batch:
    """tokens, mask: (m, n) the messages; index: (b, length) rows of the table that `Prompt` tells of
    targets: (b, length) the token behind each position, IGNORED where it is no answer; weights: (b,)"""

    tokens: Ints
    mask: Ints
    index: Ints
    targets: Ints
    weights: npt.NDArray[np.float32]


class Network(torch.nn.Module):
    """encoder, projector, decoder: what the three stages train by turns."""

    prompt: torch.Tensor  # the first rows of the table

    def __init__(self, encoder: Any, decoder: Any, prompt: Prompt) -> None:
        super().__init__()
        self.encoder, self.decoder = encoder, decoder
        self.projector = torch.nn.Linear(encoder.config.hidden_size, decoder.config.hidden_size)
        self.projector.to(decoder.device)
        self.register_buffer("prompt", torch.from_numpy(prompt.tokens).to(decoder.device), persistent=False)

    def embed(self, tokens: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """(m, n) tokens of messages to (m, width) embeddings."""
        pooled = self.encoder(input_ids=tokens, attention_mask=mask).pooler_output
        embeddings: torch.Tensor = self.projector(pooled.to(self.projector.weight.dtype))
        return embeddings

    def read(self, embeddings: torch.Tensor, index: torch.Tensor) -> torch.Tensor:
        """(b, length, width) what stands before the decoder. Padding is at the right, where it does not look."""
        words = self.decoder.get_input_embeddings()(self.prompt)
        return torch.cat([words, embeddings.to(words.dtype)])[index]

    def logits(self, embeddings: torch.Tensor, index: torch.Tensor, asked: Any) -> torch.Tensor:
        """(positions, vocabulary) of the token behind each of the positions `asked` of (b, length)."""
        states = self.decoder.model(inputs_embeds=self.read(embeddings, index), use_cache=False).last_hidden_state
        logits: torch.Tensor = self.decoder.lm_head(states[asked])
        return logits.float()

    def forward(self, batch: Batch) -> torch.Tensor:
        """(b,) the mean cross-entropy of the tokens of each answer, in nats."""
        tokens, mask, index, targets = (
            torch.from_numpy(part).to(self.prompt.device)
            for part in (batch.tokens, batch.mask, batch.index, batch.targets)
        )
        asked = targets != IGNORED
        nats = cross_entropy(self.logits(self.embed(tokens, mask), index, asked), targets[asked], reduction="none")
        sums = torch.zeros(len(index), device=nats.device).index_add(0, asked.nonzero()[:, 0], nats)
        return sums / asked.sum(1)

    def train(self, mode: bool = True) -> Self:
        """What is frozen is not trained either in what it drops out."""
        super().train(mode)
        for part in (self.encoder, self.decoder):
            part.train(mode and any(weights.requires_grad for weights in part.parameters()))
        return self


def check(options: Options) -> None:
    """Raises OptionError where a pretrained network cannot be had, or where both would not fit into memory."""
    tuning.check_memory(_wanted(options), options)


def new_network(options: Options, texts: list[str], seed: int) -> tuple[Network, tuple[Base, Base], Prompt]:
    """A network that knows nothing of the logs yet, its encoder and decoder, and the prompt in the decoder's words.

    texts: what a tokenizer from scratch is trained on. Raises OptionError where a model cannot be used, or where there
    is not enough memory to train it.
    """
    check(options)
    wanted = _wanted(options)
    torch.manual_seed(seed)
    encoder = tuning.opened(wanted[0], options, lambda: new_encoder(texts, options.size, seed))
    decoder = tuning.opened(wanted[1], options, lambda: new_decoder([BEFORE, BEHIND, *ANSWERS], options.size, seed))
    prompt = Prompt.of(decoder.tokenizer, decoder.bos, decoder.eos, decoder.name)
    longest = encoder.model.config.max_position_embeddings
    if longest < options.tokens:
        raise OptionError(f"--encoder {encoder.name} reads {longest} tokens at most: --set tokens={longest}")
    longest = decoder.model.config.max_position_embeddings - prompt.longest
    if longest < options.messages:
        raise OptionError(f"--llm {decoder.name} reads {longest} messages at most: --set messages={longest}")
    encoder.tokenizer.enable_truncation(options.tokens)
    torch.manual_seed(seed)
    return Network(encoder.model, decoder.model, prompt), (encoder, decoder), prompt


def restored(
    options: Options, folder: Path, digests: Sequence[str], prompt: Prompt
) -> tuple[Network, tuple[Base, Base]]:
    """A network as it was saved in a folder, and its encoder and decoder.

    Raises OptionError where one of these cannot be opened, ModelError where it is another one, or weights are damaged.
    """
    folders = [folder / place for place in BASES]
    network, (encoder, decoder) = tuning.restored(
        lambda encoder, decoder: Network(encoder, decoder, prompt),
        list(zip(_wanted(options), folders, digests, strict=True)),
        options,
        folder / WEIGHTS,
    )
    return network, (encoder, decoder)


def _wanted(options: Options) -> tuple[tuning.Wanted, tuning.Wanted]:
    """Encoder and decoder."""
    return (
        tuning.Wanted(ENCODER, options.encoder, options.encoder_revision, options.tokens),
        tuning.Wanted(DECODER, options.llm, options.llm_revision, options.messages),
    )


class TorchNetworks:
    """The network where it is not exported: encoder and decoder of `judging.Judge` in one."""

    provider = "torch"
    at_once = 1

    def __init__(self, network: Network, prompt: Prompt) -> None:
        self.network = network.eval()
        self.prompt = prompt
        self.width: int = network.decoder.config.hidden_size

    def embed(self, tokens: Ints, mask: Ints) -> npt.NDArray[np.float32]:
        """(b, n) tokens of messages to (b, width)."""
        with torch.inference_mode():
            embeddings = self.network.embed(self._there(tokens), self._there(mask))
            found: npt.NDArray[np.float32] = embeddings.float().cpu().numpy()
        return found

    def log_odds(self, embeddings: npt.NDArray[np.float32], index: Ints, last: Ints) -> npt.NDArray[np.float32]:
        """(b,) the logit of anomalous less that of normal, see `judging.Decoder`."""
        normal, anomalous = self.prompt.words
        asked = (np.arange(len(index)), last)
        with torch.inference_mode():
            logits = self.network.logits(self._there(embeddings), self._there(index), asked)
            found: npt.NDArray[np.float32] = (logits[:, anomalous] - logits[:, normal]).cpu().numpy()
        return found

    def answer(self, embeddings: npt.NDArray[np.float32], question: Ints) -> tuple[int, ...]:
        """What the decoder says to one question (length,), each time the most probable token, up to the last."""
        with torch.inference_mode():
            whole = self.network.read(self._there(embeddings), self._there(question[None]))
            said: list[int] = []
            while len(said) < ANSWER and (not said or said[-1] != self.prompt.normal[-1]):
                states = self.network.decoder.model(inputs_embeds=whole, use_cache=False).last_hidden_state
                said.append(int(self.network.decoder.lm_head(states[:, -1]).argmax()))
                word = self.network.decoder.get_input_embeddings()(torch.tensor([said[-1:]], device=whole.device))
                whole = torch.cat([whole, word], 1)
        return tuple(said)

    def _there(self, array: npt.NDArray[Any]) -> torch.Tensor:
        return torch.from_numpy(array).to(self.network.prompt.device)
