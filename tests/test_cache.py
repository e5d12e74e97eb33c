"""The cache of keys and values: going back, reordering rows, rows of unequal length, and what it weighs."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from course_lib.model import GPT, KVCache, TransformerConfig

V, T, LAYERS, D = 11, 10, 2, 16


@pytest.fixture(params=["rotary", "learned"])
def model(request: pytest.FixtureRequest) -> GPT:
    """A small model whose every weight matters: the zeros that it would start from are filled."""
    torch.manual_seed(0)
    sizes = {"vocab_size": V, "context_length": T, "n_layers": LAYERS, "n_heads": 2, "d_model": D}
    model = GPT(TransformerConfig(**sizes, positions=request.param))
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return model.eval()


def some_ids(rows: int = 3, columns: int = T, seed: int = 1) -> torch.Tensor:
    return torch.randint(V, (rows, columns), generator=torch.Generator().manual_seed(seed))


def read(model: GPT, ids: torch.Tensor, cache: KVCache, *pieces: int) -> torch.Tensor:
    """The logits of `ids`, read one after the other in pieces of these lengths; at once if there are none."""
    with torch.no_grad():
        return torch.cat([model(piece, cache=cache) for piece in ids.split(pieces or [ids.shape[1]], dim=1)], dim=1)


def assert_close(actual: torch.Tensor, expected: torch.Tensor) -> None:
    torch.testing.assert_close(actual, expected, atol=1e-5, rtol=1e-5)


# What is handed to it


def test_it_gives_back_all_that_a_layer_handed_in_and_nothing_of_another_layer():
    cache = KVCache(n_layers=2, context_length=5)
    keys, values = torch.randn(2, 2, 3, 1, 5, 4, generator=torch.Generator().manual_seed(0))  # layers first
    seen = []
    for begin, end in ((0, 3), (3, 4), (4, 5)):
        for layer in range(2):
            new = keys[layer, :, :, begin:end], values[layer, :, :, begin:end]
            seen.append((layer, end, *cache.append(layer, *new)))
        assert cache.position == begin  # until the last layer is done, all stand at the same place
        cache.advance(end - begin)
    for layer, end, all_keys, all_values in seen:
        assert torch.equal(all_keys, keys[layer, :, :, :end])
        assert torch.equal(all_values, values[layer, :, :, :end])


# Going back


@pytest.mark.parametrize("position", [0, 1, 6, T - 1])
@pytest.mark.parametrize("padding", [None, [0, 4, 1]])
def test_after_going_back_other_tokens_are_read_as_if_they_had_been_the_first(model, position, padding):
    padding = None if padding is None else torch.tensor(padding)
    first, other = some_ids(seed=1), some_ids(seed=2)
    other[:, :position] = first[:, :position]
    expected = read(model, other, model.new_cache(padding))[:, position:]
    cache = model.new_cache(padding)
    read(model, first, cache)
    cache.rewind(position)
    assert cache.position == position
    assert_close(read(model, other[:, position:], cache), expected)
    cache.rewind(position)  # and once more, in two pieces
    assert_close(read(model, other[:, position:], cache, 1, T - position - 1), expected)


def test_going_back_to_where_it_stands_changes_nothing(model):
    ids = some_ids()
    cache = model.new_cache()
    read(model, ids[:, :4], cache)
    cache.rewind(4)
    assert_close(read(model, ids[:, 4:], cache), model(ids)[:, 4:])


@pytest.mark.parametrize("position", [-1, 4, T])
def test_it_cannot_go_back_to_where_it_never_was(model, position):
    cache = model.new_cache()
    read(model, some_ids(columns=3), cache)
    with pytest.raises(ValueError, match=f"holds 3 tokens, so it cannot go back to {position}"):
        cache.rewind(position)
    assert cache.position == 3


# Reordering rows


@pytest.mark.parametrize("rows", [[2, 0, 1], [1, 1, 1], [2], [0, 2, 2, 0, 1]])
@pytest.mark.parametrize("padding", [None, [0, 4, 1]])
@pytest.mark.parametrize("n_read", [0, 1, 5])
def test_going_on_with_some_rows_equals_reading_those_rows_afresh(model, rows, padding, n_read):
    """The rows go on differently, so those that are copies of one part."""
    rows = torch.tensor(rows)
    padding = None if padding is None else torch.tensor(padding)
    begun, rest = some_ids(columns=n_read, seed=1), some_ids(len(rows), T - n_read, seed=2)
    cache = model.new_cache(padding)
    if n_read:
        read(model, begun, cache)
    cache.select(rows)
    continued = read(model, rest, cache, 2, T - n_read - 2)
    afresh = model.new_cache(None if padding is None else padding[rows])
    assert_close(continued, read(model, torch.cat((begun[rows], rest), dim=1), afresh)[:, n_read:])


def test_selecting_leaves_the_position_and_going_back_still_works(model):
    ids = some_ids()
    cache = model.new_cache()
    read(model, ids[:, :6], cache)
    cache.select(torch.tensor([2, 1]))
    assert cache.position == 6
    cache.rewind(3)
    assert_close(read(model, ids[[2, 1], 3:], cache), model(ids[[2, 1]])[:, 3:])


# Rows of unequal length


@given(st.lists(st.integers(0, T), min_size=1, max_size=4), st.integers(0, T), st.integers(1, T))
def test_the_mask_says_where_each_token_may_look(padding, position, n_tokens):
    cache = KVCache(n_layers=1, context_length=2 * T, padding=torch.tensor(padding))
    cache.advance(position)
    mask = cache.mask(n_tokens)
    assert mask.shape == (len(padding), 1, n_tokens, position + n_tokens)
    for row, n_padding in enumerate(padding):
        for t in range(n_tokens):
            query = position + t
            allowed = [key == query or n_padding <= key < query for key in range(position + n_tokens)]
            assert mask[row, 0, t].tolist() == allowed


def test_without_padding_there_is_no_mask():
    cache = KVCache(n_layers=1, context_length=T)
    assert cache.mask(3) is None
    cache.advance(4)
    assert cache.mask(1) is None


@pytest.mark.parametrize("pieces", [[T], [2, 5, 3], [1] * T])
def test_padding_of_no_tokens_changes_nothing(model, pieces):
    ids = some_ids()
    cache = model.new_cache(torch.zeros(3, dtype=torch.long))
    assert_close(read(model, ids, cache, *pieces), model(ids))


@pytest.mark.parametrize("pieces", [[T], [2, 5, 3], [1] * T])
def test_a_padded_row_is_read_as_if_its_text_stood_alone(model, pieces):
    ids, padding = some_ids(rows=4), [0, 3, 6, T - 1]
    logits = read(model, ids, model.new_cache(torch.tensor(padding)), *pieces)
    assert logits.isfinite().all()
    for row, n_padding in enumerate(padding):
        assert_close(logits[row, n_padding:], model(ids[row : row + 1, n_padding:])[0])


# What it weighs, and what it holds


@pytest.mark.parametrize(("dtype", "size"), [(torch.float32, 4), (torch.float64, 8)])
def test_it_weighs_keys_and_values_of_every_layer_for_every_token_so_far(model, dtype, size):
    model.to(dtype)
    cache = model.new_cache()
    assert cache.n_bytes == 0
    for n_tokens in range(1, T + 1):
        read(model, some_ids(columns=1), cache)
        assert cache.n_bytes == 2 * LAYERS * 3 * n_tokens * D * size
    cache.rewind(4)
    assert cache.n_bytes == 2 * LAYERS * 3 * 4 * D * size
    cache.select(torch.tensor([0, 0, 1, 2, 2]))
    assert cache.n_bytes == 2 * LAYERS * 5 * 4 * D * size


def test_a_full_cache_takes_no_more_until_it_has_gone_back():
    cache = KVCache(n_layers=1, context_length=4)
    column = torch.zeros(1, 1, 1, 2)
    cache.append(0, column.expand(1, 1, 3, 2), column.expand(1, 1, 3, 2))
    cache.advance(3)
    with pytest.raises(ValueError, match="holds 4 tokens, 5 were asked for"):
        cache.append(0, column.expand(1, 1, 2, 2), column.expand(1, 1, 2, 2))
    cache.append(0, column, column)
    cache.advance(1)
    with pytest.raises(ValueError, match="holds 4 tokens, 5 were asked for"):
        cache.append(0, column, column)
    cache.rewind(3)
    keys, values = cache.append(0, column, column)
    assert keys.shape == values.shape == (1, 1, 4, 2)
