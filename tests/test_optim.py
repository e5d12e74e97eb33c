"""Muon and AdamW against independent references, and which weight is whose."""

import subprocess
import sys

import pytest
import torch

from course_lib.model import GPT, Seq2Seq, TransformerConfig
from course_lib.training import AdamW, Muon, make_optimizers, orthogonalize


@pytest.fixture
def model() -> GPT:
    torch.manual_seed(0)
    return GPT(TransformerConfig(vocab_size=7, context_length=8, n_layers=2, n_heads=2, d_model=16))


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


@pytest.mark.parametrize("rule", [Muon, AdamW])
def test_a_weight_without_gradient_is_left_as_it_is(rule):
    still, moving = (torch.nn.Parameter(torch.ones(4, 4)) for _ in range(2))
    moving.grad = torch.eye(4)
    rule([still, moving], lr=0.1, weight_decay=0.5).step()
    assert (still == 1).all()
    assert (moving != 1).all()


def test_adamw_equals_the_one_in_torch():
    generator = torch.Generator().manual_seed(0)
    start = torch.randn(5, 3, generator=generator)
    ours, theirs = torch.nn.Parameter(start.clone()), torch.nn.Parameter(start.clone())
    settings = {"weight_decay": 0.3, "betas": (0.8, 0.95)}
    our_rule, their_rule = AdamW([ours], lr=0.1, **settings), torch.optim.AdamW([theirs], lr=0.1, **settings)
    for factor in (0.5, 1.0, 1.0, 0.25):
        ours.grad = torch.randn(5, 3, generator=generator)
        theirs.grad = ours.grad.clone()
        our_rule.step(factor)
        their_rule.param_groups[0]["lr"] = 0.1 * factor
        their_rule.step()
        torch.testing.assert_close(ours, theirs)


def test_each_weight_has_one_optimizer_and_gains_do_not_decay(model):
    names = {weight: name for name, weight in model.named_parameters()}
    owned = {
        (type(each), each.lr, each.weight_decay): {names[weight] for weight in each.state}
        for each in make_optimizers(model, lr=0.01, muon_lr=0.02, weight_decay=0.1)
    }
    gains = {name for name in names.values() if "norm" in name}
    hidden = {name for name in names.values() if name.startswith("blocks.")} - gains
    assert owned == {
        (Muon, 0.02, 0.1): hidden,
        (AdamW, 0.01, 0.1): {"embedding.weight", "head.weight"},
        (AdamW, 0.01, 0.0): gains,
    }
    assert sum(map(len, owned.values())) == len(names)


def test_matrices_of_all_blocks_are_muons_and_biases_do_not_decay():
    parts = {"norm": "layer", "bias": True, "positions": "learned"}
    config = TransformerConfig(vocab_size=7, context_length=8, n_layers=1, n_heads=2, d_model=16, **parts)
    model = Seq2Seq(config, config)
    names = {weight: name for name, weight in model.named_parameters()}
    matrices, gains, muon = (
        {names[weight] for weight in each.state} for each in make_optimizers(model, 0.01, 0.02, weight_decay=0.1)
    )
    assert gains == {name for name in names.values() if "norm" in name or name.endswith("bias")}
    assert muon == {name for name in names.values() if ".blocks." in name} - gains
    halves = ("encoder.", "decoder.")
    assert matrices == {f"{half}{name}" for half in halves for name in ("embedding.weight", "places")} | {
        "decoder.head.weight"
    }


def test_muon_moves_a_stack_as_it_moves_its_matrices_alone():
    generator = torch.Generator().manual_seed(0)
    start, gradient = torch.randn(2, 3, 24, 8, generator=generator)
    stack = torch.nn.Parameter(start.clone())
    alone = [torch.nn.Parameter(matrix.clone()) for matrix in start]
    stack.grad = gradient
    for matrix, its_gradient in zip(alone, gradient, strict=True):
        matrix.grad = its_gradient
    Muon([stack], lr=0.1).step()
    Muon(alone, lr=0.1).step()
    torch.testing.assert_close(stack, torch.stack(alone))
    assert not torch.equal(stack, start)


def test_without_muon_all_matrices_are_adamws(model):
    matrices, gains = make_optimizers(model, lr=0.01)
    assert type(matrices) is type(gains) is AdamW
    assert len(matrices.state) + len(gains.state) == len(list(model.parameters()))


def test_training_does_not_load_torchs_compiler():
    script = """
import sys, torch
from course_lib.training import make_optimizers
from course_lib.model import GPT, TransformerConfig
model = GPT(TransformerConfig(vocab_size=5, context_length=4, n_layers=1, n_heads=1, d_model=4))
model(torch.zeros(1, 4, dtype=torch.long)).sum().backward()
torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
for optimizer in make_optimizers(model, 0.1, 0.1):
    optimizer.step()
sys.exit("torch._dynamo" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
