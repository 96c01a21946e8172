"""LoRA: a frozen base that is tuned through small matrices beside it (E. Hu et al., "LoRA: Low-Rank Adaptation of Large
Language Models", 2021); on a base of four bits it is QLoRA (T. Dettmers et al., 2023)."""

from typing import Any

import torch

from logscan.networks.options import Lora

TARGETS = {"bert": ["query", "value"], "llama": ["q_proj", "v_proj"]}


def add_adapters(model: Any, lora: Lora) -> None:
    """Adapters on the attention of a BERT or a Llama, in place, of float32 whatever the base is."""
    from peft import LoraConfig, inject_adapter_in_model

    config = LoraConfig(
        r=lora.r, lora_alpha=lora.alpha, lora_dropout=lora.dropout, target_modules=TARGETS[model.config.model_type]
    )
    inject_adapter_in_model(config, model)
    for name, weights in model.named_parameters():
        if "lora_" in name:  # steps of a small learning rate would be lost in sixteen bits
            weights.data = weights.data.float()


def set_learning(part: torch.nn.Module, learning: bool) -> None:
    """Freeze a part of a network, or train it: its adapters and a pooler where it has adapters, else all of it.

    A pooler is small, and a BERT that was made for another task comes without one.
    """
    names = [name for name, _ in part.named_parameters()]
    adapted = any("lora_" in name for name in names)
    for name, weights in part.named_parameters():
        weights.requires_grad_(learning and (not adapted or "lora_" in name or name.startswith("pooler.")))


def effective_weight(layer: Any) -> torch.Tensor:
    """(out, in) float32: what a linear layer multiplies with, its base dequantised and its adapter added."""
    adapted = hasattr(layer, "get_delta_weight")
    base = layer.get_base_layer() if adapted else layer
    state = getattr(base.weight, "quant_state", None)
    weight: torch.Tensor = base.weight.detach()
    if state is not None:
        from bitsandbytes.functional import dequantize_4bit

        weight = dequantize_4bit(weight.data, state)
    weight = weight.float()
    for name in layer.active_adapters if adapted else ():
        weight = weight + layer.get_delta_weight(name).detach().float()
    return weight.cpu()
