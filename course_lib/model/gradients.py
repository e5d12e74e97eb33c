"""Two functions with their gradients worked out by hand: from what came out of them, in a third of the operations.

Automatic differentiation takes a function apart into steps, and keeps and walks through each of them. Where the whole
has a short derivative, that is a waste of time and memory.
"""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor


class UnitRMS(torch.autograd.Function):
    """Each vector divided by its root mean square: n = x / s with s² = mean(x²) + ε.

    ds/dx = n / D, so that dx = (dn - n mean(n dn)) / s: what would stretch the vector is without effect.
    """

    @staticmethod
    def forward(ctx: Any, x: Float[Tensor, "*N D"], root_of_eps: Tensor) -> Float[Tensor, "*N D"]:
        root_mean_square = torch.linalg.vector_norm(x, dim=-1, keepdim=True) / x.shape[-1] ** 0.5
        scale = torch.hypot(root_mean_square, root_of_eps)  # hypot(a, b) = √(a² + b²)
        normal = x / scale
        ctx.save_for_backward(normal, scale)
        return normal

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Float[Tensor, "*N D"], None]:
        normal, scale = ctx.saved_tensors
        (gradient,) = gradients
        stretch = torch.linalg.vecdot(normal, gradient).unsqueeze(-1) / normal.shape[-1]
        return torch.addcmul(gradient, normal, stretch, value=-1).div_(scale), None


class SquaredReLU(torch.autograd.Function):
    """The square of what is positive, and 0 of what is not: y = r² with r = max(x, 0), so that dx = 2 r dy.

    Where x is negative, r is 0: the second factor of the chain rule, 0 or 1, has nothing left to do.
    """

    @staticmethod
    def forward(ctx: Any, x: Float[Tensor, "*N"]) -> Float[Tensor, "*N"]:
        positive = x.relu()
        ctx.save_for_backward(positive)
        return positive.square()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Float[Tensor, "*N"]:
        (positive,) = ctx.saved_tensors
        (gradient,) = gradients
        return (gradient * positive).mul_(2)
