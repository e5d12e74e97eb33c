"""Muon and AdamW against independent references, and which weight is whose."""

import pytest
import torch

from course_lib.model import GPT, GPTConfig
from course_lib.training import Muon, make_optimizers, orthogonalize


@pytest.fixture
def model() -> GPT:
    torch.manual_seed(0)
    return GPT(GPTConfig(vocab_size=7, context_length=8, n_layers=2, n_heads=2, d_model=16))


@pytest.mark.parametrize("shape", [(32, 32), (96, 32), (32, 96), (3, 16, 64)])
def test_orthogonalizing_brings_all_singular_values_near_one_and_keeps_the_directions(shape):
    matrices = torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    u, values, v = torch.linalg.svd(matrices, full_matrices=False)
    result = orthogonalize(matrices)
    inner = u.mT @ result @ v.mT
    kept = inner.diagonal(dim1=-2, dim2=-1)
    torch.testing.assert_close(inner, torch.diag_embed(kept), atol=1e-9, rtol=0)
    large = values > 0.02 * values.norm(dim=-1, keepdim=True)
    assert (kept[large] > 0.6).all()
    assert (kept < 1.3).all()


def test_orthogonalizing_ignores_the_scale():
    matrix = torch.randn(8, 24, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(orthogonalize(matrix * 1e-3), orthogonalize(matrix), atol=1e-3, rtol=1e-3)
    assert (orthogonalize(torch.zeros(8, 24)) == 0).all()


@pytest.mark.parametrize("shape", [(24, 8), (8, 24), (16, 16)])
def test_muon_equals_the_one_in_torch(shape):
    generator = torch.Generator().manual_seed(0)
    start = torch.randn(shape, generator=generator)
    ours, theirs = torch.nn.Parameter(start.clone()), torch.nn.Parameter(start.clone())
    optimizers = [
        Muon([ours], lr=0.1, weight_decay=0.3),
        torch.optim.Muon([theirs], lr=0.1, weight_decay=0.3, adjust_lr_fn="original"),
    ]
    for _ in range(5):
        ours.grad = torch.randn(shape, generator=generator)
        theirs.grad = ours.grad.clone()
        for optimizer in optimizers:
            optimizer.step()
    # Theirs multiplies in bfloat16, which holds 8 bits.
    assert (ours - theirs).norm() < 0.02 * (ours - start).norm()


def test_muon_treats_each_of_several_matrices_as_if_it_were_alone():
    generator = torch.Generator().manual_seed(0)
    starts = [torch.randn(shape, generator=generator) for shape in ((8, 8), (8, 8), (4, 8), (8, 8))]
    together = [torch.nn.Parameter(start.clone()) for start in starts]
    alone = [torch.nn.Parameter(start.clone()) for start in starts]
    for a, b in zip(together, alone, strict=True):
        a.grad = torch.randn(a.shape, generator=generator)
        b.grad = a.grad.clone()
        Muon([b], lr=0.1).step()
    Muon(together, lr=0.1).step()
    for a, b in zip(together, alone, strict=True):
        torch.testing.assert_close(a, b)


def test_muon_leaves_a_weight_without_gradient_as_it_is():
    still, moving = (torch.nn.Parameter(torch.ones(4, 4)) for _ in range(2))
    moving.grad = torch.eye(4)
    Muon([still, moving], lr=0.1, weight_decay=0.5).step()
    assert (still == 1).all()
    assert (moving != 1).any()


def test_adamw_follows_its_formula(model):
    (optimizer,) = make_optimizers(model, lr=0.01, weight_decay=0.1)
    decays = {id(weight): group["weight_decay"] for group in optimizer.param_groups for weight in group["params"]}
    assert len(decays) == len(list(model.parameters()))
    expected = {id(weight): weight.detach().clone() for weight in model.parameters()}
    mean = {key: torch.zeros_like(weight) for key, weight in expected.items()}
    square = {key: torch.zeros_like(weight) for key, weight in expected.items()}
    for step in range(1, 4):
        for weight in model.parameters():
            key = id(weight)
            weight.grad = torch.randn_like(weight)
            mean[key] = 0.8 * mean[key] + 0.2 * weight.grad
            square[key] = 0.95 * square[key] + 0.05 * weight.grad**2
            corrected = mean[key] / (1 - 0.8**step), square[key] / (1 - 0.95**step)
            expected[key] *= 1 - 0.01 * decays[key]
            expected[key] -= 0.01 * corrected[0] / (corrected[1].sqrt() + 1e-8)
        optimizer.step()
    for weight in model.parameters():
        torch.testing.assert_close(weight, expected[id(weight)], atol=1e-6, rtol=1e-5)


def test_each_weight_has_one_optimizer_and_gains_do_not_decay(model):
    optimizers = make_optimizers(model, lr=0.01, muon_lr=0.02, weight_decay=0.1)
    names = {id(weight): name for name, weight in model.named_parameters()}
    owned = {
        (type(optimizer).__name__, group["weight_decay"], group["peak_lr"]): {
            names[id(each)] for each in group["params"]
        }
        for optimizer in optimizers
        for group in optimizer.param_groups
    }
    matrices = {name for name in names.values() if "norm" not in name}
    hidden = {name for name in matrices if name.startswith("blocks.")}
    assert owned == {
        ("Muon", 0.1, 0.02): hidden,
        ("AdamW", 0.1, 0.01): matrices - hidden,
        ("AdamW", 0.0, 0.01): set(names.values()) - matrices,
    }
    assert sum(len(group) for group in owned.values()) == len(names)
