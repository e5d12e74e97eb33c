"""The parts of a transformer block that look at one token at a time.

Shapes: B batch, T tokens, D model width, K width of a head; N any.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from course_lib.model.config import TransformerConfig
from course_lib.model.gradients import squared_relu, unit_rms


class RMSNorm(nn.Module):
    """Scale each vector to root mean square 1, then each channel by a learned gain.

    Args:
        shape: of the gain. Its last axis is the vectors'; those before it, if any, stretch as in any product.
        eps: added to the mean square, so that a vector of zeros stays one.

    Source: Zhang and Sennrich 2019, "Root Mean Square Layer Normalization", equation 4.
    """

    root_of_eps: Tensor

    def __init__(self, *shape: int, eps: float = 1e-6) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(shape))
        self.register_buffer("root_of_eps", torch.tensor(eps**0.5), persistent=False)

    def forward(self, x: Float[Tensor, "*N D"], gains: slice | None = None) -> Float[Tensor, "*N D"]:
        """`x` normalised; `gains`: where `x` is but a part of what is normalised here, the gains of that part."""
        weight = self.weight if gains is None else self.weight[gains]
        return unit_rms(x, self.root_of_eps) * weight


def make_norm(config: TransformerConfig) -> nn.Module:
    """The norm of a vector of the stream.

    Source of "layer": Ba et al. 2016, "Layer Normalization", equation 4.
    """
    if config.norm == "layer":
        return nn.LayerNorm(config.d_model, config.norm_eps, bias=config.bias)
    return RMSNorm(config.d_model, eps=config.norm_eps)


class MLP(nn.Module):
    """Two linear maps with a bend between them, wider inside than outside; each token on its own.

    Sources: So et al. 2021, "Primer: Searching for Efficient Transformers", section 4 (squared ReLU); Hendrycks and
    Gimpel 2016, "Gaussian Error Linear Units", section 2, in its approximation by tanh, which is GPT-2's; Shazeer 2020,
    "GLU Variants Improve Transformer", equation 6 (SwiGLU: one map opens and shuts the channels of another).
    """

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.kind = config.mlp
        self.expand = nn.Linear(config.d_model, config.mlp_width, config.bias)
        self.gate = nn.Linear(config.d_model, config.mlp_width, config.bias) if config.mlp == "swiglu" else None
        self.project = nn.Linear(config.mlp_width, config.d_model, config.bias)

    def forward(self, x: Float[Tensor, "B T D"]) -> Float[Tensor, "B T D"]:
        hidden = self.expand(x)
        if self.gate is not None:
            hidden = F.silu(self.gate(x)) * hidden
        elif self.kind == "gelu":
            hidden = F.gelu(hidden, approximate="tanh")
        else:
            hidden = squared_relu(hidden)
        return self.project(hidden)


def sinusoidal_table(n_positions: int, d_model: int, base: float = 10_000.0) -> Float[Tensor, "T D"]:
    """A vector for each position: sines (even channels) and cosines (odd ones) of it, at speeds from 1 down to 1/base.

    Channels 2i and 2i + 1 are the hand of a clock that turns by base^(-2i / d_model) radians per position.

    Source: Vaswani et al. 2017, "Attention Is All You Need", section 3.5.
    """
    speeds = base ** -(torch.arange(0, d_model, 2) / d_model)
    angles = torch.outer(torch.arange(n_positions), speeds)
    return torch.stack((angles.sin(), angles.cos()), dim=-1).flatten(1)[:, :d_model]


def rotary_table(n_positions: int, head_dim: int, base: float = 10_000.0) -> Float[Tensor, "2 T K"]:
    """Cosines and sines of the angles by which rotary attention turns each pair of channels at each position.

    Pair i turns by base^(-2i / head_dim) radians per position: the first once in 6 tokens, the last hardly at all.
    Channels i and i + K/2 are a pair; the sine of the left one is negative, as in a rotation matrix.

    Source: Su et al. 2021, "RoFormer", equation 15.
    """
    speeds = base ** -(torch.arange(0, head_dim, 2) / head_dim)
    angles = torch.outer(torch.arange(n_positions), speeds)
    cos, sin = angles.cos(), angles.sin()
    return torch.stack((torch.cat((cos, cos), dim=-1), torch.cat((-sin, sin), dim=-1)))


def rotate(x: Float[Tensor, "*B T K"], table: Float[Tensor, "2 T K"]) -> Float[Tensor, "*B T K"]:
    """Turn channel pair (i, i + K/2) of each token by its position's angle.

    The dot product of two turned vectors depends on their positions only through the difference: that is what tells
    attention how far apart two tokens are.

    Args:
        x: queries or keys, one row for each position.
        table: the rows of `rotary_table` that belong to these positions.
    """
    cos, sin = table
    partners = x.roll(x.shape[-1] // 2, dims=-1)
    return torch.addcmul(x * cos, partners, sin)
