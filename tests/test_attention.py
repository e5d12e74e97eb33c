"""Attention: the readable form, the fused one, the masks, and rotary positions."""

import pytest
import torch

from course_lib.model import (
    attention,
    attention_weights,
    causal_mask,
    document_mask,
    fused_attention,
    rotary_table,
    rotate,
)


def qkv(n_queries: int, n_keys: int, seed: int = 0) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(2, 3, n, 8, generator=generator, requires_grad=True) for n in (n_queries, n_keys, n_keys)]


def documents(*rows: list[int]) -> torch.Tensor:
    return torch.tensor(rows)


@pytest.mark.parametrize(
    ("n_queries", "n_keys", "mask"),
    [
        (7, 7, None),
        (1, 7, None),
        (3, 7, None),
        (7, 7, document_mask(documents([0, 0, 1, 1, 1, 2, 2], [5, 5, 5, 5, 5, 5, 3]))),
        (7, 7, torch.eye(7, dtype=torch.bool)),
    ],
    ids=["causal", "one query", "three queries", "documents", "each to itself"],
)
def test_the_fused_form_equals_the_readable_one_in_values_and_gradients(n_queries, n_keys, mask):
    outcomes = []
    for form in (attention, fused_attention):
        inputs = qkv(n_queries, n_keys)
        out = form(*inputs, mask)
        outcomes.append((out, *torch.autograd.grad(out.sin().sum(), inputs)))
    for readable, fused in zip(*outcomes, strict=True):
        torch.testing.assert_close(readable, fused, atol=1e-5, rtol=1e-5)


def test_attention_is_the_weighted_mean_computed_one_query_at_a_time():
    q, k, v = (x[0, 0].detach().double() for x in qkv(5, 5))
    for t in range(5):
        scores = torch.stack([q[t].dot(k[s]) / 8**0.5 for s in range(t + 1)])
        weights = scores.exp() / scores.exp().sum()
        expected = sum(weights[s] * v[s] for s in range(t + 1))
        torch.testing.assert_close(attention(q, k, v)[t], expected)


def test_weights_are_a_distribution_over_what_the_mask_allows():
    q, k, _ = qkv(6, 6)
    weights = attention_weights(q, k)
    torch.testing.assert_close(weights.sum(-1), torch.ones(2, 3, 6))
    assert (weights[..., ~causal_mask(6, 6)] == 0).all()
    assert (weights[..., causal_mask(6, 6)] > 0).all()


def test_one_root_of_the_width_keeps_the_scores_at_variance_one():
    generator = torch.Generator().manual_seed(0)
    for width in (4, 64, 256):
        q, k = torch.randn(2, 500, width, generator=generator)
        weights = attention_weights(q, k, torch.ones(500, 500, dtype=torch.bool))
        scores = weights.log() - weights.log().mean(-1, keepdim=True)
        assert scores.var().item() == pytest.approx(1, rel=0.1)


def test_the_causal_mask_counts_queries_from_the_end():
    assert causal_mask(2, 4).tolist() == [[True, True, True, False], [True, True, True, True]]


def test_the_document_mask_is_causal_and_stays_within_documents():
    mask = document_mask(documents([4, 4, 9]))
    assert mask.tolist() == [[[[True, False, False], [True, True, False], [False, False, True]]]]


def test_rotary_scores_depend_on_the_offset_alone():
    table = rotary_table(200, 16)
    q, k = torch.randn(2, 16, generator=torch.Generator().manual_seed(0))
    q, k = rotate(q.expand(200, 16), table), rotate(k.expand(200, 16), table)
    scores = q @ k.T
    for offset in (-150, -7, 0, 1, 42):
        diagonal = scores.diagonal(offset)
        torch.testing.assert_close(diagonal, diagonal[:1].expand_as(diagonal), atol=1e-4, rtol=1e-4)
    assert scores.diagonal(0)[0] != pytest.approx(scores.diagonal(1)[0].item(), abs=1e-2)


def test_rotating_is_multiplication_by_a_complex_number_of_modulus_one():
    x = torch.randn(2, 9, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    turned = rotate(x, rotary_table(9, 6).double())
    for pair in range(3):
        angle = torch.arange(9) * 10_000.0 ** (-2 * pair / 6)
        expected = torch.complex(x[..., pair], x[..., pair + 3]) * torch.polar(torch.ones(9), angle)
        torch.testing.assert_close(turned[..., pair], expected.real, atol=1e-6, rtol=1e-6)
        torch.testing.assert_close(turned[..., pair + 3], expected.imag, atol=1e-6, rtol=1e-6)
