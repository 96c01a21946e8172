"""Layers that several networks share, for windows that are padded at the right: nothing they make of a window depends
on what it is padded with. x: (batch, length, width); real: (batch, length) bool, False for padding."""

import math

import torch
from torch.nn.functional import gelu, scaled_dot_product_attention


class Bidirectional(torch.nn.Module):
    """A recurrent layer read from both ends to (batch, length, 2 hidden). Each window is turned at its own end, else
    the way back would begin in the padding."""

    def __init__(self, kind: type[torch.nn.LSTM] | type[torch.nn.GRU], width: int, hidden: int) -> None:
        super().__init__()
        self.forth = kind(width, hidden, batch_first=True)
        self.back = kind(width, hidden, batch_first=True)

    def forward(self, x: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
        """See the class."""
        position = torch.arange(real.shape[1], device=real.device)
        turned = torch.where(real, real.sum(1, keepdim=True) - 1 - position, position)
        forth, _ = self.forth(x)
        back, _ = self.back(_at(x, turned))
        return torch.cat([forth, _at(back, turned)], -1)


def _at(x: torch.Tensor, position: torch.Tensor) -> torch.Tensor:
    return torch.gather(x, 1, position[..., None].expand(-1, -1, x.shape[2]))


class Block(torch.nn.Module):
    """A layer of a transformer's encoder (A. Vaswani et al., "Attention is all you need", 2017), norms first."""

    def __init__(self, hidden: int, heads: int, intermediate: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = torch.nn.Linear(hidden, 3 * hidden)
        self.output = torch.nn.Linear(hidden, hidden)
        self.widen, self.narrow = torch.nn.Linear(hidden, intermediate), torch.nn.Linear(intermediate, hidden)
        self.attention_norm, self.norm = torch.nn.LayerNorm(hidden), torch.nn.LayerNorm(hidden)
        self.dropout = torch.nn.Dropout(dropout)

    def forward(self, x: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
        """(batch, length, hidden), as x."""
        batch, length, hidden = x.shape
        qkv = self.qkv(self.attention_norm(x)).reshape(batch, length, 3, self.heads, hidden // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4).unbind(0)
        y = scaled_dot_product_attention(q, k, v, attn_mask=real[:, None, None, :].expand(-1, -1, length, -1))
        x = x + self.dropout(self.output(y.transpose(1, 2).reshape(batch, length, hidden)))
        x = x + self.dropout(self.narrow(gelu(self.widen(self.norm(x)))))
        return x


def mean(x: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
    """(batch, width) of what is real."""
    return (x * real[..., None]).sum(1) / real.sum(1, keepdim=True)


def sinusoids(length: int, hidden: int) -> torch.Tensor:
    """(length, hidden), hidden even: the positions of a transformer."""
    angles = torch.arange(length)[:, None] * torch.exp(torch.arange(0, hidden, 2) * (-math.log(10_000) / hidden))
    return torch.stack([angles.sin(), angles.cos()], -1).reshape(length, hidden)
