"""Pretrained models by hub id or path, with their tokenizers: BERT as encoder, Llama as decoder.

No code that comes with a model is run, and of weights only safetensors are read. What is on the hub is asked for once;
after that it is in its cache, and no network is needed.
"""

import logging
import shutil
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path
from typing import Any

import orjson
from tokenizers import Tokenizer

from logscan.errors import ModelError, OptionError
from logscan.networks.options import Adapters

ENCODER, DECODER = "bert", "llama"  # architectures
OPTION = {ENCODER: "--encoder", DECODER: "--llm"}
VOCABULARIES = ("vocab.txt", "tokenizer.model")  # of tokenizers that are older than tokenizer.json
FILES = ("*.json", "*.safetensors", *VOCABULARIES)
NEEDED = ("[CLS]", "[SEP]", "[PAD]")  # tokens of an encoder
TIMEOUT = 10.0  # seconds in which the hub should answer
PACKS = "support_avx512bf16_for_cpu"  # of a layer of bitsandbytes
WEIGHTS = ("*.safetensors", "*.safetensors.index.json")
TOKENIZER = "tokenizer.json"
SPECIAL = "special.json"  # the ids of special tokens, in a folder that `save_base` wrote


@dataclass(frozen=True)
class Base:
    """model: a BertModel or a LlamaForCausalLM; tokenizer: neither pads nor cuts
    name: as typed; folder: where it lies, None for one from scratch; revision: of the hub
    digest: of the weights, empty where these are trained themselves
    bos, eos, pad: tokens, None where there is none"""

    model: Any
    tokenizer: Tokenizer
    name: str
    folder: Path | None
    revision: str | None
    digest: str
    bos: int | None
    eos: int | None
    pad: int


def open_encoder(name: str, revision: str | None = None, adapters: Adapters = "full") -> Base:
    """A BERT by hub id or path, see `_open`. Raises OptionError."""
    base = _open(ENCODER, name, revision, adapters)
    missing = [token for token in NEEDED if base.tokenizer.token_to_id(token) is None]
    if missing:
        raise OptionError(f"--encoder {name}: its tokenizer has no {', '.join(missing)}, as that of a BERT has")
    return base


def open_decoder(name: str, revision: str | None = None, adapters: Adapters = "full") -> Base:
    """A Llama by hub id or path, see `_open`. Raises OptionError."""
    return _open(DECODER, name, revision, adapters)


def empty(architecture: str, name: str, revision: str | None = None) -> Any:
    """The model without its weights, on no device: what is needed for it is known before it is loaded.

    Raises OptionError.
    """
    import torch

    config = _config(_checked(architecture, name, revision))
    with torch.device("meta"):
        return _class(architecture)(config)


def _class(architecture: str) -> Any:
    from transformers import BertModel, LlamaForCausalLM

    return BertModel if architecture == ENCODER else LlamaForCausalLM


def _config(folder: Path) -> Any:
    from transformers import AutoConfig

    return AutoConfig.from_pretrained(folder, local_files_only=True)


def save_base(base: Base, folder: Path, weights: bool) -> None:
    """Configuration, tokenizer and, if asked for, the weights that it was opened with: a folder as `open_encoder` and
    `open_decoder` take."""
    folder.mkdir()
    if base.folder is None:
        base.model.config.save_pretrained(folder)
    else:
        kept = ("config.json", *(WEIGHTS if weights else ()))
        for path in (path for name in kept for path in sorted(base.folder.glob(name))):
            shutil.copyfile(path, folder / path.name)
    base.tokenizer.save(str(folder / TOKENIZER))
    (folder / SPECIAL).write_bytes(orjson.dumps({"bos": base.bos, "eos": base.eos, "pad": base.pad}))


def saved_tokenizer(folder: Path) -> tuple[Tokenizer, dict[str, int | None]]:
    """What `save_base` wrote: the tokenizer, and the tokens bos, eos and pad. Raises ValueError where it is damaged."""
    try:
        tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
    except Exception as error:  # it raises no other class
        raise ValueError(f"{folder / TOKENIZER}: {_first_line(error)}") from None
    special = orjson.loads((folder / SPECIAL).read_bytes())
    return tokenizer, {name: special[name] for name in ("bos", "eos", "pad")}


def saved_base(
    architecture: str, folder: Path, name: str, revision: str | None, digest: str, adapters: Adapters
) -> Base:
    """What `save_base` wrote. Without a digest with random weights; else with its own, from the folder or from where
    it came. Raises OptionError, and ModelError where that has changed."""
    if not digest:
        tokenizer, special = _tokenizer(architecture, name, folder)
        model = _class(architecture)(_config(folder))
        return Base(model, tokenizer, name, folder, revision, digest, **special)
    inside = any(folder.glob(WEIGHTS[0]))
    base = _open(architecture, str(folder) if inside else name, None if inside else revision, adapters)
    if base.digest != digest:
        raise ModelError(f"{name} is not what it was when the model was trained: its weights have changed")
    return replace(base, name=name, revision=revision)


def digest_of(folder: Path) -> str:
    """Of all weights in a folder, hex."""
    digest = blake2b(digest_size=16)
    for path in sorted(folder.glob("*.safetensors")):
        with path.open("rb") as file:
            while part := file.read(1 << 24):
                digest.update(part)
    return digest.hexdigest()


def _open(architecture: str, name: str, revision: str | None, adapters: Adapters) -> Base:
    """qlora: weights of four bits (NF4); lora: of sixteen on a GPU; full, and all else on a CPU: float32."""
    import torch
    from safetensors import SafetensorError

    folder = _checked(architecture, name, revision)
    if not any(folder.glob("*.safetensors")):
        raise OptionError(f"{OPTION[architecture]} {name} has no weights as safetensors, and no others are read")
    tokenizer, special = _tokenizer(architecture, name, folder)
    gpu = torch.cuda.is_available()
    how: dict[str, Any] = {"dtype": torch.bfloat16 if gpu and adapters != "full" else torch.float32}
    if adapters == "qlora":
        how |= {"quantization_config": _four_bits(how["dtype"]), "device_map": {"": 0 if gpu else "cpu"}}
    try:
        model = _class(architecture).from_pretrained(folder, use_safetensors=True, local_files_only=True, **how)
    except (OSError, ValueError, RuntimeError, KeyError, SafetensorError) as error:
        raise OptionError(f"{OPTION[architecture]} {name} cannot be loaded: {_first_line(error)}") from None
    for layer in model.modules():  # else bitsandbytes packs weights anew for such CPUs, with coarser scales
        if hasattr(layer, PACKS):
            setattr(layer, PACKS, False)
    known = None if Path(name).is_dir() else folder.name  # the hub's cache names folders by revision
    model.eval()
    digest = "" if adapters == "full" else digest_of(folder)
    return Base(model, tokenizer, name, folder, known, digest, **special)


def _four_bits(compute: Any) -> Any:
    """NF4 with double quantization, as QLoRA has it. Raises ImportError without bitsandbytes."""
    import bitsandbytes  # noqa: F401 - transformers tells of its absence in many lines
    import transformers

    config: Any = transformers.BitsAndBytesConfig
    return config(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=compute,
        llm_int8_skip_modules=["pooler", "lm_head"],
    )


def _checked(architecture: str, name: str, revision: str | None) -> Path:
    """The folder of a model, if it is one of this architecture. Raises OptionError."""
    _quiet()
    folder = _folder(architecture, name, revision)
    option = f"{OPTION[architecture]} {name}"
    try:
        config = orjson.loads((folder / "config.json").read_bytes())
    except OSError:
        raise OptionError(f"{option} is no model: there is no config.json in it") from None
    except orjson.JSONDecodeError:
        raise OptionError(f"{option} is damaged: its config.json is no JSON") from None
    found = config.get("model_type") if isinstance(config, dict) else None
    if found != architecture:
        raise OptionError(f"{option} is of the family {found or 'of none'}, {architecture} is needed")
    return folder


def _folder(architecture: str, name: str, revision: str | None) -> Path:
    """Where the model lies: a path that was named, or the hub's cache, which is filled if it must be."""
    if Path(name).is_dir():
        return Path(name)
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    option = f"{OPTION[architecture]} {name}"
    try:
        return Path(snapshot_download(name, revision=revision, allow_patterns=[*FILES], local_files_only=True))
    except HFValidationError:
        raise OptionError(f"{option} is neither a folder nor the id of a model") from None
    except LocalEntryNotFoundError:
        pass
    try:
        HfApi().model_info(name, revision=revision, timeout=TIMEOUT)  # asked once, where a download tries for long
        return Path(snapshot_download(name, revision=revision, allow_patterns=[*FILES]))
    except Exception as error:  # of the hub or of the network, which have no common class
        raise OptionError(
            f"{option} is no folder, and the hub does not give it ({_first_line(error)}): name a path, or check the id"
        ) from None


def _tokenizer(architecture: str, name: str, folder: Path) -> tuple[Tokenizer, dict[str, Any]]:
    """The tokenizer, and the tokens bos, eos and pad."""
    if (folder / SPECIAL).is_file():
        tokenizer, special = saved_tokenizer(folder)
    elif not any((folder / kept).is_file() for kept in (TOKENIZER, *VOCABULARIES)):  # transformers would make one up
        raise OptionError(f"{OPTION[architecture]} {name} has no tokenizer: there is no {TOKENIZER} in it")
    else:
        from transformers import AutoTokenizer

        try:
            whole = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        except Exception as error:  # what is missing shows in many ways
            raise OptionError(
                f"{OPTION[architecture]} {name} has no tokenizer that can be used: {_first_line(error)}"
            ) from None
        tokenizer = whole.backend_tokenizer
        special = {"bos": whole.bos_token_id, "eos": whole.eos_token_id, "pad": whole.pad_token_id}
    tokenizer.no_padding()
    tokenizer.no_truncation()
    if not tokenizer.encode("The sequence is normal.", add_special_tokens=False).ids:
        raise OptionError(f"{OPTION[architecture]} {name}: its tokenizer gives no tokens")
    return tokenizer, {**special, "pad": special["pad"] or 0}


def _quiet() -> None:
    import huggingface_hub.utils
    import transformers.utils.logging

    said: Any = transformers.utils.logging
    said.set_verbosity_error()
    said.disable_progress_bar()
    hub: Any = huggingface_hub.utils
    hub.disable_progress_bars()
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
