"""What a transformer costs, part by part: numbers to store, and multiplications to make.

Shapes: T tokens, D model width, H heads, G heads for keys and values, K width of a head, F width inside the MLP,
V vocabulary, L layers.
"""

from typing import NamedTuple

from course_lib.model.config import TransformerConfig


class Cost(NamedTuple):
    """What a part of a model costs, in all its layers together."""

    parameters: int
    """Trained numbers."""
    flops: int
    """Multiplications and additions of its matrix products in one forward pass; a backward pass takes twice as many."""


def costs(config: TransformerConfig, n_tokens: int) -> dict[str, Cost]:
    """The cost of each part of a decoder or an encoder that reads one row of `n_tokens` tokens.

    A product of matrices [n m] and [m k] is n·m·k multiplications and as many additions. Scores that a causal mask
    rules out are counted: most kernels compute them. What is no matrix product (norms, softmax, sums) is left out.
    """
    c, n_layers = config, config.n_layers
    n_maps = (c.n_heads + 2 * c.kv_heads) * c.head_dim
    n_mlp_maps = 3 if c.mlp == "swiglu" else 2
    bias = int(c.bias)
    per_norm = c.d_model * (2 if c.norm == "layer" and c.bias else 1)
    n_norms = 2 * n_layers + (c.norm_place == "pre")
    qk_gains = n_layers * (c.n_heads + c.kv_heads) * c.head_dim if c.qk_norm else 0
    mlp_biases = (n_mlp_maps - 1) * c.mlp_width + c.d_model

    def product(rows: int, columns: int) -> int:
        return 2 * n_tokens * rows * columns

    return {
        "embedding": Cost(c.vocab_size * c.d_model, 0),
        "positions": Cost(c.context_length * c.d_model if c.positions == "learned" else 0, 0),
        "queries, keys, values": Cost(n_layers * n_maps * (c.d_model + bias), n_layers * product(n_maps, c.d_model)),
        "scores": Cost(0, n_layers * product(n_tokens, c.d_model)),
        "weighted means": Cost(0, n_layers * product(n_tokens, c.d_model)),
        "attention's output": Cost(n_layers * c.d_model * (c.d_model + bias), n_layers * product(c.d_model, c.d_model)),
        "MLP": Cost(
            n_layers * (n_mlp_maps * c.d_model * c.mlp_width + bias * mlp_biases),
            n_layers * n_mlp_maps * product(c.mlp_width, c.d_model),
        ),
        "norms": Cost(n_norms * per_norm + qk_gains, 0),
        "head": Cost(0 if c.tied else c.vocab_size * c.d_model, product(c.vocab_size, c.d_model)),
    }
