"""What goes on inside a model: which tokens look at which.

Shapes: B batch, H heads, T tokens, S tokens of a source.
"""

from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from course_lib.model import GPT, Encoder, Seq2Seq, attention_weights
from course_lib.model.attention import Attention
from course_lib.runtime import in_mode


def attention_maps(
    model: GPT | Encoder, ids: Int[Tensor, "B T"], documents: Int[Tensor, "B T"] | None = None
) -> list[Float[Tensor, "B H T T"]]:
    """How much each token takes from each other one when `model` reads `ids`: a map for every layer. Rows sum to 1.

    The fused form of attention never holds these weights, so they are computed once more, from the same inputs.

    Args:
        model: left as it is.
        ids: token ids.
        documents: which document of its row each token belongs to, as for the model.
    """
    return _maps(model, "attention", ids, documents)


def cross_attention_maps(
    model: Seq2Seq, ids: Int[Tensor, "B T"], source: Int[Tensor, "B S"]
) -> list[Float[Tensor, "B H T S"]]:
    """How much each token of the target takes from each of the source: a map for every layer. Rows sum to 1.

    Args:
        model: left as it is.
        ids: the target so far.
        source: token ids, as for the model.
    """
    return _maps(model, "cross", ids, source)


def _maps(model: nn.Module, part: str, *inputs: Any) -> list[Tensor]:
    """The weights of all attention that has this name in its block, from the first layer to the last."""
    maps = []

    def note(layer: Attention, inputs: tuple[Any, ...], options: dict[str, Any]) -> None:
        looks = {name: value for name, value in options.items() if name != "mask"}
        q, k, _ = layer.queries_keys_values(*inputs, **looks)
        maps.append(attention_weights(q, k, options["mask"], layer.causal))

    named = [layer for name, layer in model.named_modules() if name.endswith(f".{part}")]
    layers = [layer for layer in named if isinstance(layer, Attention)]
    hooks = [layer.register_forward_pre_hook(note, with_kwargs=True) for layer in layers]
    try:
        with torch.no_grad(), in_mode(model, training=False):
            model(*inputs)
    finally:
        for hook in hooks:
            hook.remove()
    return maps
