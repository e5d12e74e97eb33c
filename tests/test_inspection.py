"""Attention maps: they are the weights that the model itself used, and looking at them leaves no trace."""

import pytest
import torch

import course_lib.inspection as inspection
from course_lib.inspection import attention_maps
from course_lib.model import GPT, TransformerConfig

V, T, LAYERS, H, D = 11, 7, 3, 2, 16
B, K = 2, D // H

DOCUMENTS = torch.tensor([[0, 0, 0, 1, 2, 2, 2], [5] * 4 + [3] * 3])


@pytest.fixture
def model() -> GPT:
    """A small model whose every weight matters, and whose dropout would show if it acted."""
    torch.manual_seed(0)
    config = TransformerConfig(vocab_size=V, context_length=T, n_layers=LAYERS, n_heads=H, d_model=D, dropout=0.5)
    model = GPT(config)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return model.eval()


def some_ids(columns: int = T) -> torch.Tensor:
    return torch.randint(V, (B, columns), generator=torch.Generator().manual_seed(1))


def trace_of(model: GPT, ids: torch.Tensor, documents: torch.Tensor | None) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """What goes into the attention of each layer, and what comes out."""
    seen = []
    hooks = [
        block.attention.register_forward_hook(lambda _, inputs, output: seen.append((inputs[0], output)))
        for block in model.blocks
    ]
    with torch.no_grad():
        model(ids, documents)
    for hook in hooks:
        hook.remove()
    return seen


@pytest.mark.parametrize("columns", [1, 2, T])
def test_there_is_a_map_for_every_layer_with_a_row_for_every_token_of_every_head(model, columns):
    maps = attention_maps(model, some_ids(columns))
    assert [each.shape for each in maps] == [(B, H, columns, columns)] * LAYERS


@pytest.mark.parametrize("documents", [None, DOCUMENTS], ids=["one document", "several"])
def test_each_row_is_a_mean_over_no_later_token_and_no_other_document(model, documents):
    numbers_of = torch.zeros(B, T, dtype=torch.long) if documents is None else documents
    for weights in attention_maps(model, some_ids(), documents):
        torch.testing.assert_close(weights.sum(-1), torch.ones(B, H, T))
        for row, numbers in enumerate(numbers_of.tolist()):
            for query in range(T):
                for key in range(T):
                    may_look = key <= query and numbers[key] == numbers[query]
                    assert ((weights[row, :, query, key] > 0) == may_look).all()


@pytest.mark.parametrize("documents", [None, DOCUMENTS], ids=["one document", "several"])
def test_values_mixed_by_the_map_are_what_the_layer_itself_puts_out(model, documents):
    """There are fewer tokens than a head is wide, so that no other weights would mix the values to the same."""
    assert T < K
    ids = some_ids()
    maps = attention_maps(model, ids, documents)
    for block, weights, (x, output) in zip(model.blocks, maps, trace_of(model, ids, documents), strict=True):
        values = (x @ block.attention.qkv[2 * H :].flatten(0, 1).T).view(B, T, H, K)
        mixed = torch.einsum("bhts,bshk->bthk", weights, values).reshape(B, T, D)
        expected = mixed @ block.attention.project.weight.T
        torch.testing.assert_close(output, expected, atol=1e-5, rtol=1e-5)


def test_the_layers_and_heads_look_at_different_things(model):
    heads = torch.stack(attention_maps(model, some_ids()), dim=1).flatten(1, 2)[0]
    for one in range(LAYERS * H):
        for other in range(one):
            assert (heads[one] - heads[other]).abs().max() > 1e-3


@pytest.mark.parametrize("training", [True, False])
def test_looking_is_the_same_in_both_modes_and_changes_neither_mode_nor_output(model, training):
    ids = some_ids()
    maps, before = attention_maps(model, ids), model(ids)
    for module in model.train(training).modules():
        assert module.training == training
    again = attention_maps(model, ids)
    assert all(module.training == training for module in model.modules())
    for one, other in zip(maps, again, strict=True):
        assert torch.equal(one, other)
        assert not other.requires_grad
    assert torch.is_grad_enabled()
    assert torch.equal(model.eval()(ids), before)
    assert all(parameter.grad is None for parameter in model.parameters())


def stop(*_: object) -> None:
    raise RuntimeError("stopped")


@pytest.mark.parametrize("place", [None, "", "blocks.1.attention", "norm"])
@pytest.mark.parametrize("training", [True, False])
def test_nothing_stays_behind_even_where_the_model_fails(model, monkeypatch, place, training):
    model.train(training)
    if place is None:
        attention_maps(model, some_ids())
    else:
        failing = model.get_submodule(place).register_forward_pre_hook(stop)
        with pytest.raises(RuntimeError, match="stopped"):
            attention_maps(model, some_ids())
        failing.remove()
    assert all(module.training == training for module in model.modules())
    monkeypatch.setattr(inspection, "attention_weights", stop)
    with pytest.raises(RuntimeError, match="stopped"):  # so that a hook which is still there would be noticed
        attention_maps(model, some_ids())
    model(some_ids())
