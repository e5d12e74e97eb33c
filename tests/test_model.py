"""The GPT as a whole: what it may see, what it remembers, where it starts, and that it can learn."""

import math
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from course_lib.errors import CourseError
from course_lib.model import GPT, KVCache, RMSNorm, TransformerConfig
from course_lib.model.config import POSITIONS
from course_lib.model.gradients import squared_relu, unit_rms

V, T = 11, 12


SIZES = {"vocab_size": V, "context_length": T, "n_layers": 2, "n_heads": 4, "d_model": 16}


@pytest.fixture
def model(parts: dict) -> GPT:
    """A small model whose every weight matters: the zeros that it would start from are filled."""
    torch.manual_seed(0)
    model = GPT(TransformerConfig(**SIZES | parts))
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return model.eval()


def some_ids(rows: int = 2, columns: int = T, seed: int = 1) -> torch.Tensor:
    return torch.randint(V, (rows, columns), generator=torch.Generator().manual_seed(seed))


def test_no_output_depends_on_a_later_token(model):
    ids = some_ids()
    before = model(ids)
    for position in range(T):
        changed = ids.clone()
        changed[:, position] = (changed[:, position] + 1) % V
        after = model(changed)
        torch.testing.assert_close(after[:, :position], before[:, :position], atol=0, rtol=0)
        assert (after[:, position:] - before[:, position:]).abs().amax(dim=-1).min() > 1e-6


def test_no_gradient_flows_to_a_later_token(model):
    embedded = []
    model.embedding.register_forward_hook(lambda *args: embedded.append(args[-1].requires_grad_()) or args[-1])
    for position in range(T):
        logits = model(some_ids())
        (gradient,) = torch.autograd.grad(logits[:, position].sin().sum(), embedded.pop())
        reached = gradient.abs().sum(-1) > 0
        assert reached[:, : position + 1].all()
        assert not reached[:, position + 1 :].any()


def test_the_order_of_earlier_tokens_matters_just_where_it_is_told():
    """A single layer without positions takes what came before as a bag; every way of telling places mends that."""
    ids = some_ids(rows=1)
    swapped = ids[:, [2, 1, 0, *range(3, T)]]
    for positions in POSITIONS:
        torch.manual_seed(0)
        model = GPT(TransformerConfig(V, T, n_layers=1, n_heads=2, d_model=16, positions=positions))
        for parameter in model.parameters():
            torch.nn.init.normal_(parameter, std=0.3)
        difference = (model(ids) - model(swapped))[:, 3:].abs().max()
        assert (difference < 1e-5) == (positions == "none"), positions


@pytest.mark.parametrize("pieces", [[1] * T, [T], [5, 1, 1, 5], [3, 4, 5]])
def test_reading_piece_by_piece_with_a_cache_equals_reading_at_once(model, pieces):
    ids = some_ids()
    cache = model.new_cache()
    with torch.no_grad():
        logits = torch.cat([model(piece, cache=cache) for piece in ids.split(pieces, dim=1)], dim=1)
    torch.testing.assert_close(logits, model(ids), atol=1e-5, rtol=1e-5)
    assert cache.position == T


def test_two_caches_of_one_model_do_not_meet(model):
    first, second = some_ids(seed=1), some_ids(seed=2)
    caches = model.new_cache(), model.new_cache()
    with torch.no_grad():
        for column in range(T):
            a, b = (
                model(ids[:, column : column + 1], cache=cache)
                for ids, cache in zip((first, second), caches, strict=True)
            )
    torch.testing.assert_close(a[:, 0], model(first)[:, -1], atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(b[:, 0], model(second)[:, -1], atol=1e-5, rtol=1e-5)


def test_a_row_does_not_depend_on_the_others_of_its_batch(model):
    ids = some_ids(rows=5)
    together = model(ids)
    for row in range(5):
        torch.testing.assert_close(model(ids[row : row + 1])[0], together[row], atol=1e-5, rtol=1e-5)


def test_padding_changes_nothing_before_it_nor_after_it(model):
    ids = some_ids(columns=7)
    expected = model(ids)
    padding = torch.zeros(2, 5, dtype=torch.long)
    torch.testing.assert_close(model(torch.cat([ids, padding], dim=1))[:, :7], expected, atol=1e-5, rtol=1e-5)
    apart = torch.tensor([[0] * 5 + [1] * 7] * 2)
    padded = model(torch.cat([padding, ids], dim=1), documents=apart)
    torch.testing.assert_close(padded[:, 5:], expected, atol=1e-5, rtol=1e-5)


def test_documents_in_one_row_are_read_as_if_each_stood_alone(model):
    ids = some_ids()
    documents = torch.tensor([[0, 0, 0, 0, 1, 2, 2, 2, 2, 2, 3, 3], [0] * 7 + [1] * 5])
    together = model(ids, documents)
    for row, lengths in enumerate(([4, 1, 5, 2], [7, 5])):
        alone = [model(document[None]) for document in ids[row].split(lengths)]
        torch.testing.assert_close(together[row], torch.cat(alone, dim=1)[0], atol=1e-5, rtol=1e-5)


def test_an_untrained_model_finds_all_tokens_equally_likely():
    torch.manual_seed(0)
    model = GPT(TransformerConfig(vocab_size=50, context_length=8, n_layers=2, n_heads=2, d_model=16))
    logits = model(torch.randint(50, (4, 8)))
    torch.testing.assert_close(logits.softmax(-1), torch.full((4, 8, 50), 1 / 50))
    loss = F.cross_entropy(logits.flatten(0, 1), torch.randint(50, (32,)))
    assert loss.item() == pytest.approx(math.log(50), abs=0.1)


def test_with_any_parts_the_loss_starts_near_that_of_a_guess(parts):
    torch.manual_seed(0)
    config = TransformerConfig(**SIZES | {"vocab_size": 65, "d_model": 64} | parts)
    ids, targets = torch.randint(65, (2, 16, T))
    loss = F.cross_entropy(GPT(config)(ids).flatten(0, 1), targets.flatten())
    assert loss.item() == pytest.approx(math.log(65), abs=0.1)


def test_one_batch_can_be_learned_by_heart(parts):
    torch.manual_seed(0)
    config = TransformerConfig(vocab_size=20, context_length=16, n_layers=2, n_heads=4, d_model=32)
    model = GPT(replace(config, **parts))
    ids, targets = torch.randint(20, (2, 4, 16))
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    for _ in range(200):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(ids).flatten(0, 1), targets.flatten())
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.2  # a guess pays 3 nats


def test_every_parameter_gets_a_gradient_once_the_zeros_are_gone(model):
    model(some_ids()).sin().sum().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().max() > 0, name


@pytest.mark.parametrize("silent", ["blocks.0.attention", "blocks.0.mlp"])
def test_dropout_acts_on_both_branches_in_training_only(silent):
    torch.manual_seed(0)
    model = GPT(TransformerConfig(vocab_size=V, context_length=T, n_layers=1, n_heads=2, d_model=16, dropout=0.5))
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter)
    torch.nn.init.zeros_(model.get_submodule(silent).project.weight)
    ids = some_ids()
    assert not torch.equal(model.train()(ids), model(ids))
    assert torch.equal(model.eval()(ids), model(ids))


def test_the_number_of_parameters_is_what_counting_by_hand_gives():
    model = GPT(TransformerConfig(vocab_size=7, context_length=5, n_layers=3, n_heads=2, d_model=8))
    block = 4 * 8 * 8 + 2 * 8 * 32 + 2 * 8 + 2 * 2 * 4  # attention, MLP, two norms, norms of queries and keys by head
    assert model.n_parameters == 7 * 8 + 3 * block + 8 + 8 * 7


def test_the_saved_weights_are_the_parameters_and_nothing_else(model):
    assert set(model.state_dict()) == {name for name, _ in model.named_parameters()}


def test_rms_norm_equals_its_formula():
    norm = RMSNorm(6)
    torch.nn.init.normal_(norm.weight)
    x = torch.randn(3, 6) * 10
    expected = x / (x.pow(2).mean(-1, keepdim=True) + 1e-6).sqrt() * norm.weight
    torch.testing.assert_close(norm(x), expected)


@pytest.mark.parametrize("x", [torch.linspace(-2, 3, 30).reshape(2, 3, 5), torch.zeros(2, 5)], ids=["any", "0"])
def test_gradients_worked_out_by_hand_are_those_of_finite_differences(x: torch.Tensor):
    torch.manual_seed(0)
    root_of_eps = torch.tensor(0.1, dtype=torch.float64)
    assert torch.autograd.gradcheck(unit_rms, (x.double().requires_grad_(), root_of_eps))
    assert torch.autograd.gradcheck(squared_relu, ((x.double() + 0.01).requires_grad_(),))


def test_with_and_without_gradients_the_same_comes_out():
    x = torch.randn(3, 4, 5)
    for function in (squared_relu, lambda x: unit_rms(x, torch.tensor(0.1))):
        with torch.no_grad():
            expected = function(x)
        assert torch.equal(function(x), expected)


def test_gradients_worked_out_by_hand_leave_what_they_are_given_as_it_is():
    for function in (squared_relu, lambda x: unit_rms(x, torch.tensor(0.1))):
        x, gradient = torch.randn(4, 5, requires_grad=True), torch.randn(4, 5)
        before = x.detach().clone(), gradient.clone()
        function(x).backward(gradient)
        assert torch.equal(x, before[0])
        assert torch.equal(gradient, before[1])


def test_more_tokens_than_the_context_are_refused(model):
    with pytest.raises(ValueError, match="13 tokens do not fit into a context of 12"):
        model(some_ids(columns=T + 1))
    cache = model.new_cache()
    with torch.no_grad():
        model(some_ids(), cache=cache)
        with pytest.raises(ValueError, match="13 tokens do not fit"):
            model(some_ids(columns=1), cache=cache)


def test_a_cache_refuses_what_it_cannot_hold():
    with pytest.raises(ValueError, match="holds 4 tokens, 5 were asked for"):
        KVCache(n_layers=1, context_length=4).append(0, torch.zeros(1, 1, 5, 2), torch.zeros(1, 1, 5, 2))


def test_a_cache_cannot_be_told_documents(model):
    with pytest.raises(ValueError, match="not both"):
        model(some_ids(), documents=torch.zeros(2, T, dtype=torch.long), cache=model.new_cache())


GOOD = {
    "vocab_size": 65,
    "context_length": 64,
    "n_layers": 2,
    "n_heads": 4,
    "d_model": 128,
    "dropout": 0.1,
    "positions": "rotary",
    "n_kv_heads": 2,
    "norm": "layer",
    "norm_place": "post",
    "norm_eps": 1e-5,
    "qk_norm": False,
    "mlp": "swiglu",
    "d_hidden": None,
    "bias": True,
    "tied": True,
    "rotary_base": 5e5,
}


def test_a_config_survives_the_way_through_a_dictionary():
    assert TransformerConfig.from_dict(GOOD).to_dict() == GOOD
    short = {"vocab_size": 65, "context_length": 64, "n_layers": 2, "n_heads": 4, "d_model": 128, "dropout": 0}
    assert TransformerConfig.from_dict(short) == TransformerConfig(65, 64, 2, 4, 128)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_layer": 3}, "no setting 'n_layer'; did you mean 'n_layers'"),
        ({"zzz": 3}, "it has: vocab_size, context_length"),
        ({"n_layers": 2.5}, "n_layers is 2.5, but must be of type int"),
        ({"n_layers": True}, "n_layers is True"),
        ({"n_layers": "2"}, "n_layers is '2'"),
        ({"dropout": True}, "dropout is True"),
        ({"n_layers": 0}, "n_layers is 0, but a model needs at least 1"),
        ({"d_model": 20}, "d_model is 20 and n_heads 4, so a head is 5 wide; .* a multiple of 8"),
        ({"d_model": 18, "n_heads": 4}, "choose d_model as a multiple of 4"),
        ({"n_kv_heads": 3}, "n_heads is 4 and n_kv_heads 3"),
        ({"n_kv_heads": 0}, "n_kv_heads is 0"),
        ({"d_hidden": -1}, "d_hidden is -1"),
        ({"norm_eps": 0.0}, "norm_eps is 0.0, but must be more than 0"),
        ({"norm": "batch"}, "norm is 'batch'; it must be one of rms, layer"),
        ({"norm_place": "before"}, "norm_place is 'before'; it must be one of pre, post"),
        ({"mlp": "relu"}, "mlp is 'relu'; it must be one of relu2, gelu, swiglu"),
        ({"positions": "learned"}, "rotary_base is 500000.0, but positions are learned"),
        ({"dropout": 1.0}, "dropout is 1.0"),
        ({"positions": "rotated"}, "positions is 'rotated'; it must be one of rotary, learned"),
    ],
)
def test_a_wrong_config_is_refused_with_a_reason(change, message):
    with pytest.raises(CourseError, match=message):
        TransformerConfig.from_dict(GOOD | change)


def test_a_missing_setting_is_named():
    with pytest.raises(CourseError, match="needs the setting 'd_model'"):
        TransformerConfig.from_dict({name: value for name, value in GOOD.items() if name != "d_model"})
