"""Costs: what they say is what a counter counts, for every part that a model can have."""

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from course_lib.model import GPT, Encoder, TransformerConfig, costs


def config_of(parts: dict) -> TransformerConfig:
    return TransformerConfig(vocab_size=50, context_length=32, n_layers=3, n_heads=4, **{"d_model": 16} | parts)


@pytest.mark.parametrize("kind", [GPT, Encoder])
def test_parameters_and_flops_are_those_that_are_counted(kind, parts):
    config = config_of(parts)
    model = kind(config)
    counted = costs(config, n_tokens=20)
    assert sum(cost.parameters for cost in counted.values()) == model.n_parameters
    # The counter does not know the fused kernel of a CPU.
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
        model(torch.zeros(1, 20, dtype=torch.long))
    assert sum(cost.flops for cost in counted.values()) == counter.get_total_flops()


def test_each_part_has_the_parameters_of_its_modules(parts):
    config = config_of(parts)
    model, counted = GPT(config), costs(config, n_tokens=1)

    def numbers(*names: str) -> int:
        return sum(weight.numel() for name, weight in model.named_parameters() if any(each in name for each in names))

    assert counted["embedding"].parameters == numbers("embedding")
    assert counted["positions"].parameters == numbers("places")
    assert counted["queries, keys, values"].parameters == numbers("qkv")
    assert counted["attention's output"].parameters == numbers("attention.project")
    assert counted["MLP"].parameters == numbers("mlp.")
    assert counted["norms"].parameters == numbers("norm")
    assert counted["head"].parameters == numbers("head.")


def test_gpt2_has_the_size_that_is_published():
    """Radford et al. 2019 write 117 M by mistake; counted, the smallest model has 124,439,808 parameters."""
    parts = {"positions": "learned", "norm": "layer", "qk_norm": False, "mlp": "gelu", "bias": True, "tied": True}
    config = TransformerConfig(vocab_size=50257, context_length=1024, n_layers=12, n_heads=12, d_model=768, **parts)
    assert sum(cost.parameters for cost in costs(config, n_tokens=1024).values()) == 124_439_808
