"""Every knob of LogLLM, with the paper's value as default where it gives one."""

from dataclasses import dataclass, field
from typing import Any

from logscan.networks.options import SCRATCH, Adapters, Lora, Size
from logscan.templates.messages import Input

EPOCHS = ("embedder.epochs", "whole.epochs")  # what `--epochs` sets


@dataclass(frozen=True)
class Answer:
    """Stage 1: the decoder learns what an answer looks like. samples: windows that it is shown in an epoch, drawn with
    the minority oversampled; epochs: 0 leaves the stage out."""

    samples: int = 1_000
    epochs: int = 1
    learning_rate: float = 5e-4

    def __post_init__(self) -> None:
        """Raises ValueError for numbers that mean nothing."""
        if self.samples < 1 or self.epochs < 0 or not self.learning_rate > 0:
            raise ValueError("samples should be at least 1, epochs at least 0, and learning_rate above 0")


@dataclass(frozen=True)
class Tuning:
    """Stage 2, the encoder and the projector, or stage 3, everything. epochs: 0 leaves the stage out."""

    epochs: int = 2
    learning_rate: float = 5e-5

    def __post_init__(self) -> None:
        """Raises ValueError for numbers that mean nothing."""
        if self.epochs < 0 or not self.learning_rate > 0:
            raise ValueError("epochs should be at least 0, and learning_rate above 0")


@dataclass(frozen=True)
class Options:
    """input: what is read of a message, see `templates/messages.py`
    encoder, llm: hub id or path of a BERT and of a Llama, or `scratch` for a small one with random weights
    encoder_revision, llm_revision: of the hub
    size: of networks from scratch
    adapters: how pretrained networks are trained, those from scratch are so in full: `qlora` freezes weights of four
    bits and trains LoRA beside them, `lora` freezes weights as they are, `full` trains them
    beta: the share that the rarer class is oversampled to
    batch: windows a step; at_once: windows whose gradients are held in memory at once
    answer, embedder, whole: the three stages
    held_out: share of the windows that is kept from training, to find the threshold on
    tokens: of a message, what is longer is cut; messages: of a window, what is longer is read in parts
    checkpointing: less memory for activations, which are worked out twice
    include_base: keep the weights of pretrained networks in the bundle, too
    """

    input: Input = "masked"
    encoder: str = "google-bert/bert-base-uncased"
    encoder_revision: str | None = None
    llm: str = "meta-llama/Meta-Llama-3-8B"
    llm_revision: str | None = None
    size: Size = field(default_factory=Size)
    adapters: Adapters = "qlora"
    lora: Lora = field(default_factory=Lora)
    beta: float = 0.3
    batch: int = 16
    at_once: int = 4
    weight_decay: float = 0.01
    answer: Answer = field(default_factory=Answer)
    embedder: Tuning = field(default_factory=Tuning)
    whole: Tuning = field(default_factory=Tuning)
    held_out: float = 0.1
    tokens: int = 128
    messages: int = 512
    checkpointing: bool = True
    include_base: bool = False

    def __post_init__(self) -> None:
        """Raises ValueError for numbers that mean nothing."""
        if not 0 < self.beta < 1 or not 0 < self.held_out < 1:
            raise ValueError("beta and held_out should lie between 0 and 1")
        if min(self.batch, self.at_once, self.messages) < 1 or self.batch % self.at_once:
            raise ValueError("messages should be at least 1, and batch a multiple of at_once")
        if self.tokens < 3:
            raise ValueError("tokens should be at least 3: the first and the last are no words")
        if self.weight_decay < 0:
            raise ValueError("weight_decay should be at least 0")
        if not self.answer.epochs + self.embedder.epochs + self.whole.epochs:
            raise ValueError("answer.epochs, embedder.epochs or whole.epochs should be at least 1")


PRESETS: dict[str, dict[str, Any]] = {
    "paper": {},
    "small": {
        "encoder": SCRATCH,
        "llm": SCRATCH,
        "size": {"hidden": 64, "intermediate": 176},
        "adapters": "full",
        "at_once": 16,
        "answer": {"epochs": 4, "learning_rate": 1e-3},
        "embedder": {"epochs": 1, "learning_rate": 1e-3},
        "whole": {"epochs": 20, "learning_rate": 1e-3},
        "checkpointing": False,
    },
}
