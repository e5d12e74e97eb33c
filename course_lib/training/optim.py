"""From gradients to updates: Muon for the matrices inside the blocks, AdamW for all else."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from course_lib.model.layers import RMSNorm


class Optimizer:
    """A rule that updates some weights from their gradients, and what it remembers of each of them in `state`.

    Not torch's own: making one of those loads torch's compiler, which costs every program that trains a second.

    Args:
        weights: what it updates.
        lr: learning rate, of which `step` uses a share.
        weight_decay: share of each weight, times the learning rate, that an update takes away. Apart from the gradient
            (Loshchilov and Hutter 2019, "Decoupled Weight Decay Regularization").
    """

    def __init__(self, weights: Iterable[nn.Parameter], lr: float, weight_decay: float = 0.0) -> None:
        self.state: dict[nn.Parameter, dict[str, Any]] = {weight: {} for weight in weights}
        self.lr = lr
        self.weight_decay = weight_decay

    @torch.no_grad()
    def step(self, factor: float = 1.0) -> None:
        """Update every weight that has a gradient, with `factor` times the learning rate."""
        lr = factor * self.lr
        for weight, direction in self.directions():
            if self.weight_decay:
                weight.mul_(1 - lr * self.weight_decay)
            weight.add_(direction, alpha=-lr)

    def directions(self) -> Iterable[tuple[nn.Parameter, Tensor]]:
        """Take note of the gradients; yield each weight that has one, and what a learning rate of 1 subtracts."""
        raise NotImplementedError


class AdamW(Optimizer):
    """Move each number by the mean of its gradients over their root mean square, so by about `lr` whatever their scale.

    Source: Kingma and Ba 2015, "Adam: A Method for Stochastic Optimization", algorithm 1.

    Args:
        weights, lr, weight_decay: see Optimizer.
        betas: share of the past kept in the running means of gradients and of their squares.
    """

    def __init__(
        self,
        weights: Iterable[nn.Parameter],
        lr: float,
        weight_decay: float = 0.0,
        betas: tuple[float, float] = (0.9, 0.999),
    ) -> None:
        super().__init__(weights, lr, weight_decay)
        self.betas = betas

    def directions(self) -> Iterable[tuple[nn.Parameter, Tensor]]:
        beta1, beta2 = self.betas
        for weight, state in self.state.items():
            if (gradient := weight.grad) is not None:
                if not state:
                    state |= {"mean": torch.zeros_like(weight), "square": torch.zeros_like(weight), "updates": 0}
                state["updates"] += 1
                state["mean"].lerp_(gradient, 1 - beta1)
                state["square"].lerp_(gradient.square(), 1 - beta2)
                # Both means began at zero, and are too small at first by a known share.
                known, known_square = 1 - beta1 ** state["updates"], 1 - beta2 ** state["updates"]
                root_mean_square = state["square"].sqrt().div_(known_square**0.5).add_(1e-8)
                yield weight, (state["mean"] / known).div_(root_mean_square)


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

    Source: Jordan et al. 2024, "Muon: An optimizer for hidden layers in neural networks".

    Args:
        weights: matrices, or stacks of them.
        lr, weight_decay: see Optimizer.
        momentum: share of the past kept in the running mean of gradients; applied once more ahead (Nesterov).
    """

    def __init__(
        self, weights: Iterable[nn.Parameter], lr: float, weight_decay: float = 0.0, momentum: float = 0.95
    ) -> None:
        super().__init__(weights, lr, weight_decay)
        self.momentum = momentum

    def directions(self) -> Iterable[tuple[nn.Parameter, Tensor]]:
        # Matrices of one shape are orthogonalised together: few large products instead of many small ones.
        by_shape = defaultdict(list)
        for weight, state in self.state.items():
            if (gradient := weight.grad) is not None:
                if not state:
                    state["mean"] = torch.zeros_like(weight)
                state["mean"].lerp_(gradient, 1 - self.momentum)
                by_shape[weight.shape].append((weight, gradient.lerp(state["mean"], self.momentum)))
        for (*_, rows, columns), pairs in by_shape.items():
            weights, means = zip(*pairs, strict=True)
            directions = self.orthogonalized(torch.stack(means)) * max(1, rows / columns) ** 0.5
            yield from zip(weights, directions, strict=True)

    def orthogonalized(self, matrices: Float[Tensor, "*N rows columns"]) -> Float[Tensor, "*N rows columns"]:
        return orthogonalize(matrices)


def make_optimizers(
    model: nn.Module,
    lr: float,
    muon_lr: float | None = None,
    weight_decay: float = 0.0,
    muon: type[Muon] = Muon,
) -> list[Optimizer]:
    """The optimizers that train `model` together.

    Muon is for maps between hidden spaces, the matrices in `blocks`. Embedding and head have one axis that counts
    tokens, and gains and biases are vectors: those are AdamW's. Gains are not decayed, for 0 is no natural value of
    theirs.

    Args:
        model: any module; what is trained by Muon belongs to a submodule named `blocks`.
        lr: learning rate of AdamW.
        muon_lr: learning rate of Muon; None leaves its matrices to AdamW.
        weight_decay: for all matrices.
        muon: another form of Muon, for weights that are not all here.
    """
    norms = [part for part in model.modules() if isinstance(part, RMSNorm)]
    gains = {weight for norm in norms for weight in norm.parameters()}
    gains |= {weight for name, weight in model.named_parameters() if weight.ndim < 2 or name.endswith("bias")}
    matrices = [weight for weight in model.parameters() if weight not in gains]
    of_blocks = {weight for name, weight in model.named_parameters() if "blocks" in name.split(".")}
    inside = set() if muon_lr is None else of_blocks
    # Shorter memories than usual (0.9 and 0.95): runs of a few hundred steps gain from them.
    betas = (0.8, 0.95)
    optimizers: list[Optimizer] = [
        AdamW([weight for weight in matrices if weight not in inside], lr, weight_decay, betas),
        AdamW([weight for weight in model.parameters() if weight in gains], lr, betas=betas),
    ]
    if muon_lr is not None:
        optimizers.append(muon([each for each in matrices if each in inside], muon_lr, weight_decay, momentum=0.9))
    return optimizers
