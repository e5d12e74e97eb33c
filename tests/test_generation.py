"""Choosing the next token, and the chain of choices that makes a text."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from course_lib.errors import CourseError
from course_lib.generation import choose, generate, keep_top_k, keep_top_p
from course_lib.model import GPT, GPTConfig

V, T = 9, 8


@pytest.fixture
def model() -> GPT:
    torch.manual_seed(0)
    model = GPT(GPTConfig(vocab_size=V, context_length=T, n_layers=2, n_heads=2, d_model=16))
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    return model


def prompt(rows: int = 3, columns: int = 2) -> torch.Tensor:
    return torch.randint(V, (rows, columns), generator=torch.Generator().manual_seed(5))


def text(model: GPT, ids: torch.Tensor, n_tokens: int, **settings: object) -> torch.Tensor:
    return torch.stack(list(generate(model, ids, n_tokens, **settings)), dim=1)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


scores = st.lists(st.floats(-20, 20, width=32), min_size=1, max_size=12).map(lambda row: torch.tensor([row]))


@given(scores, st.integers(1, 15))
def test_top_k_keeps_exactly_the_k_highest(logits, k):
    kept = keep_top_k(logits, k)
    chosen = kept.isfinite()
    assert chosen.sum() == min(k, logits.shape[1])
    assert (kept[chosen] == logits[chosen]).all()
    if not chosen.all():
        assert logits[chosen].min() >= logits[~chosen].max()


@given(scores, st.floats(0.01, 1))
def test_top_p_keeps_the_smallest_set_that_holds_p(logits, p):
    kept = keep_top_p(logits, p)
    chosen = kept.isfinite()
    probabilities = logits.softmax(-1)
    assert (kept[chosen] == logits[chosen]).all()
    assert probabilities[chosen].sum() >= p - 1e-5
    assert probabilities[chosen].sum() - probabilities[chosen].min() < p + 1e-5
    if not chosen.all():
        assert logits[chosen].min() >= logits[~chosen].max()


def test_each_row_has_its_own_set():
    logits = torch.tensor([[0.9, 0.05, 0.05], [0.3, 0.3, 0.4]]).log()
    assert keep_top_p(logits, 0.5).isfinite().tolist() == [[True, False, False], [True, False, True]]
    assert keep_top_k(logits, 1).isfinite().tolist() == [[True, False, False], [False, False, True]]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, [0.5, 0.3, 0.15, 0.05]),
        ({"temperature": 0.5}, [0.6849, 0.2466, 0.0616, 0.0068]),
        ({"top_k": 2}, [0.625, 0.375, 0, 0]),
        ({"top_p": 0.79}, [0.625, 0.375, 0, 0]),
        ({"temperature": 0.5, "top_p": 0.8}, [0.7353, 0.2647, 0, 0]),
        ({"top_k": 3, "top_p": 0.8}, [0.625, 0.375, 0, 0]),
    ],
)
def test_tokens_are_drawn_as_often_as_the_settings_say(settings, expected):
    logits = torch.tensor([[0.5, 0.3, 0.15, 0.05]]).log() + 3
    drawn = choose(logits.expand(40_000, 4), generator=seeded(), **settings)
    shares = torch.bincount(drawn, minlength=4) / len(drawn)
    torch.testing.assert_close(shares, torch.tensor(expected), atol=0.01, rtol=0)
    assert (shares[torch.tensor(expected) == 0] == 0).all()


def test_temperature_zero_and_near_zero_take_the_likeliest():
    logits = torch.randn(50, V, generator=seeded())
    assert torch.equal(choose(logits, temperature=0), logits.argmax(-1))
    assert torch.equal(choose(logits, temperature=1e-39), logits.argmax(-1))


@pytest.mark.parametrize("length", [1, 2, T])
def test_greedy_text_is_the_argmax_of_reading_everything_again(model, length):
    ids = prompt(columns=length)
    written = text(model, ids, T - length + 1, temperature=0)
    for column in written.T:
        assert torch.equal(model.eval()(ids)[:, -1].argmax(-1), column)
        ids = torch.cat([ids, column[:, None]], dim=1)


def test_past_the_context_each_token_follows_from_at_least_half_of_it(model):
    model.eval()
    ids = prompt(columns=3)
    written = text(model, ids, 4 * T, temperature=0)
    everything = torch.cat([ids, written], dim=1)
    start = 0
    for end in range(3, everything.shape[1]):
        if end - start > T:
            start = end - T // 2
        assert end - start >= min(end, T // 2)
        assert torch.equal(model(everything[:, start:end])[:, -1].argmax(-1), everything[:, end])


def test_a_prompt_longer_than_the_context_is_read_from_its_end(model):
    ids = prompt(columns=3 * T)
    assert torch.equal(text(model, ids, 5, temperature=0), text(model, ids[:, -T:], 5, temperature=0))


def test_even_a_context_of_one_goes_on():
    model = GPT(GPTConfig(vocab_size=V, context_length=1, n_layers=1, n_heads=1, d_model=4))
    assert text(model, prompt(columns=1), 5).shape == (3, 5)


def test_rows_written_together_are_those_written_alone(model):
    ids = prompt(rows=4)
    together = text(model, ids, 2 * T, temperature=0)
    for row in range(4):
        assert torch.equal(text(model, ids[row : row + 1], 2 * T, temperature=0)[0], together[row])


def test_a_row_that_ended_repeats_its_end_and_the_text_stops_with_the_last_row(model):
    ids = prompt(rows=6)
    free = text(model, ids, 30, generator=seeded())
    ended = text(model, ids, 500, end_id=4, generator=seeded())
    firsts = [row.tolist().index(4) for row in ended]
    assert len(set(firsts)) > 1
    assert ended.shape[1] == max(firsts) + 1
    for row, first in enumerate(firsts):
        assert (ended[row, first:] == 4).all()
    shortest = min(firsts) + 1
    assert torch.equal(ended[:, :shortest], free[:, :shortest])


def test_the_same_generator_writes_the_same_text(model):
    first = text(model, prompt(), 20, generator=seeded(1))
    assert torch.equal(first, text(model, prompt(), 20, generator=seeded(1)))
    assert not torch.equal(first, text(model, prompt(), 20, generator=seeded(2)))


def test_tokens_come_one_at_a_time_and_the_model_works_only_when_asked(model):
    calls = []
    model.register_forward_pre_hook(lambda module, args: calls.append(args[0].shape[1]))
    columns = generate(model, prompt(columns=3), 4)
    assert calls == []
    for _ in range(3):
        assert next(columns).shape == (3,)
    assert calls == [3, 1, 1]


@pytest.mark.parametrize("training", [True, False])
def test_between_two_tokens_model_and_gradients_are_the_callers(model, training):
    model.train(training)
    modes = []
    model.register_forward_hook(lambda module, *_: modes.append((module.training, torch.is_grad_enabled())))
    columns = generate(model, prompt(), 5)
    next(columns)
    assert modes == [(False, False)]
    assert model.training == training
    assert torch.is_grad_enabled()


def test_what_was_written_can_be_trained_on(model):
    written = text(model, prompt(), 4)
    model(written).sum().backward()
    assert model.embedding.weight.grad.abs().sum() > 0


def test_nothing_is_written_when_nothing_is_asked(model):
    assert list(generate(model, prompt(), 0)) == []


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"temperature": -1}, "temperature is -1"),
        ({"top_k": 0}, "top_k is 0"),
        ({"top_p": 0.0}, "top_p is 0.0"),
        ({"top_p": 1.5}, "top_p is 1.5"),
        ({"n_tokens": -1}, "-1; it must not be negative"),
        ({"prompt": prompt(columns=0)}, "holds no token"),
    ],
)
def test_a_wrong_setting_is_refused_at_once(model, settings, message):
    with pytest.raises(CourseError, match=message):
        generate(model, **{"prompt": prompt(), "n_tokens": 5, **settings})
