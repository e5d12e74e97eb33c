"""Two functions with their gradients worked out by hand: from what came out of them, in a third of the operations.

Automatic differentiation takes a function apart into steps, and keeps and walks through each of them. Where the whole
has a short derivative, that is a waste of time and memory. (Where no gradient is asked for, neither way is taken.)
"""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor


def unit_rms(x: Float[Tensor, "*N D"], root_of_eps: Tensor) -> Float[Tensor, "*N D"]:
    """Each vector divided by its root mean square: x / s with s² = mean(x²) + ε."""
    return _UnitRMS.apply(x, root_of_eps) if torch.is_grad_enabled() else x / _scale(x, root_of_eps)


def squared_relu(x: Float[Tensor, "*N"]) -> Float[Tensor, "*N"]:
    """The square of what is positive, and 0 of what is not."""
    return _SquaredReLU.apply(x) if torch.is_grad_enabled() else x.relu().square()


def _scale(x: Float[Tensor, "*N D"], root_of_eps: Tensor) -> Float[Tensor, "*N 1"]:
    root_mean_square = torch.linalg.vector_norm(x, dim=-1, keepdim=True) / x.shape[-1] ** 0.5
    return torch.hypot(root_mean_square, root_of_eps)  # hypot(a, b) = √(a² + b²)


class _UnitRMS(torch.autograd.Function):
    """n = x / s. As ds/dx = n / D, dx = (dn - n mean(n dn)) / s: what would stretch the vector is without effect."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, root_of_eps: Tensor) -> Tensor:
        scale = _scale(x, root_of_eps)
        normal = x / scale
        ctx.save_for_backward(normal, scale)
        return normal

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        normal, scale = ctx.saved_tensors
        (gradient,) = gradients
        stretch = torch.linalg.vecdot(normal, gradient).unsqueeze(-1) / normal.shape[-1]
        return torch.addcmul(gradient, normal, stretch, value=-1).div_(scale), None


class _SquaredReLU(torch.autograd.Function):
    """y = r² with r = max(x, 0), so dx = 2 r dy. Where x is negative, r is 0: so much for the slope of the maximum."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        positive = x.relu()
        ctx.save_for_backward(positive)
        return positive.square()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        (positive,) = ctx.saved_tensors
        (gradient,) = gradients
        return (gradient * positive).mul_(2)
