"""A network that runs in torch, as `runtime.session.Network` runs one that is exported."""

from typing import Any

import numpy as np
import torch


class InTorch:
    """Arrays in, arrays out."""

    provider = "torch"
    at_once = 1

    def __init__(self, network: torch.nn.Module) -> None:
        self._network = network.eval()

    def run(self, *arrays: Any) -> Any:
        """What comes out for these inputs: an array, or several."""
        device = next(self._network.parameters()).device
        with torch.inference_mode():
            found = self._network(*(torch.from_numpy(np.ascontiguousarray(array)).to(device) for array in arrays))
        parts = [value.float().cpu().numpy() for value in ([found] if isinstance(found, torch.Tensor) else found)]
        return parts if len(parts) > 1 else parts[0]
