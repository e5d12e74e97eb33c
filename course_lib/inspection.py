"""What goes on inside a model: which tokens look at which.

Shapes: B batch, H heads, T tokens.
"""

from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from course_lib.model import GPT, attention_weights
from course_lib.model.attention import SelfAttention
from course_lib.runtime import in_mode


def attention_maps(
    model: GPT, ids: Int[Tensor, "B T"], documents: Int[Tensor, "B T"] | None = None
) -> list[Float[Tensor, "B H T T"]]:
    """How much each token takes from each other one when `model` reads `ids`: a map for every layer. Rows sum to 1.

    The fused form of attention never holds these weights, so they are computed once more, from the same inputs.

    Args:
        model: left as it is.
        ids: token ids.
        documents: which document of its row each token belongs to, as for the model.
    """
    maps = []

    def note(layer: SelfAttention, inputs: tuple[Any, ...]) -> None:
        x, rotary, mask, _ = inputs
        q, k, _ = layer.queries_keys_values(x, rotary)
        maps.append(attention_weights(q, k, mask))

    layers = [module for module in model.modules() if isinstance(module, SelfAttention)]
    hooks = [layer.register_forward_pre_hook(note) for layer in layers]
    try:
        with torch.no_grad(), in_mode(model, training=False):
            model(ids, documents)
    finally:
        for hook in hooks:
            hook.remove()
    return maps
