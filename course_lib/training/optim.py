"""From gradients to updates: Muon for the matrices inside the blocks, AdamW for all else."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.optim import AdamW, Optimizer


def orthogonalize(matrices: Float[Tensor, "*N rows columns"], steps: int = 5) -> Float[Tensor, "*N rows columns"]:
    """The nearest matrix whose singular values are all about 1 (between 0.7 and 1.2), without computing an SVD.

    Each Newton-Schulz step, X ← (a + b XXᵀ + c (XXᵀ)²) X, applies an odd polynomial to all singular values at once and
    keeps the singular vectors. Its coefficients trade exactness at 1 for a steep rise near 0. All steps are polynomials
    in the same XXᵀ, so they are taken on that small square matrix, and X itself is multiplied once, at the end.

    Source: Jordan et al. 2024, "Muon: An optimizer for hidden layers in neural networks".
    """
    a, b, c = 3.4445, -4.7750, 2.0315
    is_tall = matrices.shape[-2] > matrices.shape[-1]
    x = matrices.mT if is_tall else matrices
    x = x / (torch.linalg.matrix_norm(x, keepdim=True) + 1e-7)
    square = x @ x.mT
    identity = torch.eye(square.shape[-1], dtype=x.dtype, device=x.device)
    product = identity
    for _ in range(steps):
        polynomial = a * identity + b * square + c * square @ square
        product = polynomial @ product
        square = polynomial @ square @ polynomial
    x = product @ x
    return x.mT if is_tall else x


class Muon(Optimizer):
    """Momentum, with each matrix's update orthogonalised: it turns all directions at the same speed.

    Source: Jordan et al. 2024, "Muon"; decoupled weight decay as in AdamW (Loshchilov and Hutter 2019).

    Args:
        matrices: parameters of two dimensions.
        lr: how far one update moves each singular direction.
        momentum: share of the past kept in the running mean of gradients; applied once more ahead (Nesterov).
        weight_decay: share of each weight, times `lr`, that an update takes away.
    """

    def __init__(
        self, matrices: Iterable[nn.Parameter], lr: float, momentum: float = 0.95, weight_decay: float = 0.0
    ) -> None:
        super().__init__(matrices, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> None:  # type: ignore[override]
        """Update every parameter that has a gradient."""
        for group in self.param_groups:
            # Matrices of one shape are orthogonalised together: few large products instead of many small ones.
            by_shape = defaultdict(list)
            for weight in group["params"]:
                if (gradient := weight.grad) is not None:
                    mean = self.state[weight].setdefault("mean", torch.zeros_like(weight))
                    mean.lerp_(gradient, 1 - group["momentum"])
                    by_shape[weight.shape].append((weight, gradient.lerp(mean, group["momentum"])))
            for (rows, columns), updates in by_shape.items():
                weights, directions = zip(*updates, strict=True)
                for weight, direction in zip(weights, orthogonalize(torch.stack(directions)), strict=True):
                    weight.mul_(1 - group["lr"] * group["weight_decay"])
                    weight.add_(direction, alpha=-group["lr"] * max(1, rows / columns) ** 0.5)


def make_optimizers(
    model: nn.Module, lr: float, muon_lr: float | None = None, weight_decay: float = 0.0
) -> list[Optimizer]:
    """The optimizers that train `model` together; each holds every `peak_lr` that a schedule scales.

    Muon is for maps between hidden spaces, the matrices in `model.blocks`. Embedding and head have one axis that counts
    tokens, and gains are vectors: those are AdamW's. Gains are not decayed, for 0 is no natural value of theirs.

    Args:
        model: a GPT, or any module with `blocks`.
        lr: peak learning rate of AdamW.
        muon_lr: peak learning rate of Muon; None leaves its matrices to AdamW.
        weight_decay: for all matrices.
    """
    hidden = (
        {id(weight) for weight in model.get_submodule("blocks").parameters() if weight.ndim == 2}
        if muon_lr is not None
        else set()
    )
    matrices = [weight for weight in model.parameters() if weight.ndim == 2 and id(weight) not in hidden]
    gains = [weight for weight in model.parameters() if weight.ndim < 2]
    groups = [{"params": matrices, "weight_decay": weight_decay}, {"params": gains, "weight_decay": 0.0}]
    # Shorter memories than usual (0.9 and 0.95): runs of a few hundred steps gain from them.
    optimizers: list[Optimizer] = [AdamW(groups, lr=lr, betas=(0.8, 0.95))]
    if muon_lr is not None:
        hidden_matrices = [weight for weight in model.parameters() if id(weight) in hidden]
        optimizers.append(Muon(hidden_matrices, muon_lr, momentum=0.9, weight_decay=weight_decay))
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["peak_lr"] = group["lr"]
    return optimizers
