"""Choosing the next token, and the chain of choices that makes a text."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from course_lib.errors import CourseError
from course_lib.generation import (
    Sampling,
    beam_search,
    choose,
    generate,
    keep_min_p,
    keep_top_k,
    keep_top_p,
    penalize_repetition,
    stream_text,
)
from course_lib.model import GPT, TransformerConfig
from course_lib.text import BPETokenizer, ByteTokenizer, CharTokenizer, WordTokenizer

V, T = 9, 8


@pytest.fixture
def model() -> GPT:
    torch.manual_seed(0)
    model = GPT(TransformerConfig(vocab_size=V, context_length=T, n_layers=2, n_heads=2, d_model=16))
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    return model


def prompt(rows: int = 3, columns: int = 2) -> torch.Tensor:
    return torch.randint(V, (rows, columns), generator=torch.Generator().manual_seed(5))


def text(model: GPT, ids: object, n_tokens: int, *settings: Sampling, **options: object) -> torch.Tensor:
    return torch.stack(list(generate(model, ids, n_tokens, *settings, **options)), dim=1)


GREEDY = Sampling(temperature=0)


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


def test_of_equal_scores_top_k_keeps_the_first():
    assert keep_top_k(torch.tensor([[2.0, 5.0, 5.0, 5.0, 1.0]]), 2).isfinite().tolist() == [[0, 1, 1, 0, 0]]


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
    drawn = choose(logits.expand(40_000, 4), Sampling(**settings), generator=seeded())
    shares = torch.bincount(drawn, minlength=4) / len(drawn)
    torch.testing.assert_close(shares, torch.tensor(expected), atol=0.01, rtol=0)
    assert (shares[torch.tensor(expected) == 0] == 0).all()


def test_temperature_zero_and_near_zero_take_the_likeliest():
    logits = torch.randn(50, V, generator=seeded())
    assert torch.equal(choose(logits, GREEDY), logits.argmax(-1))
    assert torch.equal(choose(logits, Sampling(temperature=1e-39)), logits.argmax(-1))


@pytest.mark.parametrize("length", [1, 2, T])
def test_greedy_text_is_the_argmax_of_reading_everything_again(model, length):
    ids = prompt(columns=length)
    written = text(model, ids, T - length + 1, GREEDY)
    for column in written.T:
        assert torch.equal(model.eval()(ids)[:, -1].argmax(-1), column)
        ids = torch.cat([ids, column[:, None]], dim=1)


def test_past_the_context_each_token_follows_from_at_least_half_of_it(model):
    model.eval()
    ids = prompt(columns=3)
    written = text(model, ids, 4 * T, GREEDY)
    everything = torch.cat([ids, written], dim=1)
    start = 0
    for end in range(3, everything.shape[1]):
        if end - start > T:
            start = end - T // 2
        assert end - start >= min(end, T // 2)
        assert torch.equal(model(everything[:, start:end])[:, -1].argmax(-1), everything[:, end])


def test_a_prompt_longer_than_the_context_is_read_from_its_end(model):
    ids = prompt(columns=3 * T)
    assert torch.equal(text(model, ids, 5, GREEDY), text(model, ids[:, -T:], 5, GREEDY))


def test_even_a_context_of_one_goes_on():
    model = GPT(TransformerConfig(vocab_size=V, context_length=1, n_layers=1, n_heads=1, d_model=4))
    assert text(model, prompt(columns=1), 5).shape == (3, 5)


def test_rows_written_together_are_those_written_alone(model):
    ids = prompt(rows=4)
    together = text(model, ids, 2 * T, GREEDY)
    for row in range(4):
        assert torch.equal(text(model, ids[row : row + 1], 2 * T, GREEDY)[0], together[row])


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
        ({"temperature": float("nan")}, "temperature is nan"),
        ({"top_k": 0}, "top_k is 0"),
        ({"top_p": 0.0}, "top_p is 0.0"),
        ({"top_p": 1.5}, "top_p is 1.5"),
        ({"min_p": 0.0}, "min_p is 0.0"),
        ({"repetition_penalty": 0.5}, "repetition_penalty is 0.5"),
    ],
)
def test_a_wrong_setting_is_refused_at_once(settings, message):
    with pytest.raises(CourseError, match=message):
        Sampling(**settings)


@pytest.mark.parametrize(
    ("prompts", "n_tokens", "message"),
    [
        (prompt(), -1, "-1; it must not be negative"),
        (prompt(columns=0), 5, "holds no token"),
        ([[1, 2], []], 5, "holds no token"),
        ([], 5, "holds no token"),
    ],
)
def test_what_cannot_be_continued_is_refused_at_once(model, prompts, n_tokens, message):
    with pytest.raises(CourseError, match=message):
        generate(model, prompts, n_tokens)


# Prompts of unequal length


def unequal(*lengths: int) -> list[list[int]]:
    return [prompt(rows=1, columns=n)[0].tolist() for n in lengths]


def test_prompts_of_unequal_length_are_continued_as_if_each_were_alone(model):
    prompts = unequal(1, 4, 2, 4)
    together = text(model, prompts, T - 4, GREEDY)
    for row, each in zip(together, prompts, strict=True):
        assert torch.equal(text(model, [each], T - 4, GREEDY)[0], row)


def test_past_the_context_a_padded_row_follows_from_its_own_text(model):
    prompts = unequal(1, 5)
    written = text(model, prompts, 3 * T, GREEDY)
    for each, row in zip(prompts, written.tolist(), strict=True):
        padding = 5 - len(each)
        everything = [0] * padding + each + row
        start = 0
        for end in range(5, len(everything)):
            if end - start > T:
                start = end - T // 2
            scores = model.eval()(torch.tensor([everything[max(start, padding) : end]]))[0, -1]
            assert scores.argmax() == everything[end]


def test_what_stands_on_padding_changes_nothing(model):
    model.eval()
    outcomes = []
    for filler in (0, 5):
        cache = model.new_cache(torch.tensor([2, 0]))
        ids = torch.tensor([[filler, filler, 3, 4], [1, 2, 3, 4]])
        outcomes.append((model(ids, cache=cache)[:, 2:], model(ids[:, 3:], cache=cache)))
    for one, other in zip(*outcomes, strict=True):
        torch.testing.assert_close(one, other)
    torch.testing.assert_close(outcomes[0][0][0], model(torch.tensor([[3, 4]]))[0], atol=1e-5, rtol=1e-5)


# Min-p and the repetition penalty


@given(scores, st.floats(0.01, 1))
def test_min_p_keeps_what_has_that_share_of_the_likeliest(logits, p):
    kept = keep_min_p(logits, p)
    chosen = kept.isfinite()
    probabilities = logits.double().softmax(-1)
    least = p * probabilities.max()
    assert (kept[chosen] == logits[chosen]).all()
    assert chosen[0, logits.argmax()]
    assert (probabilities[chosen] >= least - 1e-5 * least).all()
    assert (probabilities[~chosen] <= least + 1e-5 * least).all()


def test_a_penalty_makes_the_tokens_so_far_less_likely_and_leaves_the_others_their_scores():
    logits = torch.tensor([[3.0, -2.0, 0.5, 1.0], [3.0, -2.0, 0.5, 1.0]])
    history = torch.tensor([[0, 1, 1, 0], [3, 3, 3, 3]])
    assert penalize_repetition(logits, history, 2.0).tolist() == [[1.5, -4.0, 0.5, 1.0], [3.0, -2.0, 0.5, 0.5]]
    assert torch.equal(penalize_repetition(logits, history, 1.0), logits)


def test_the_penalty_counts_the_prompt_what_was_written_and_no_padding(model):
    sampling = Sampling(temperature=0, repetition_penalty=1e6)
    prompts = [[0, 1], [7]]
    written = text(model, prompts, 4, sampling)
    for each, row in zip(prompts, written.tolist(), strict=True):
        alone = text(model, [each], 4, sampling)[0].tolist()
        assert row == alone
        positive = model.eval()(torch.tensor([each]))[0, -1] > 0
        assert row[0] not in each or not positive.any()


def test_a_penalty_without_a_history_penalizes_nothing():
    logits = torch.tensor([[1.0, 2.0]])
    assert choose(logits, Sampling(temperature=0, repetition_penalty=9.0)) == 1
    assert choose(logits, Sampling(temperature=0, repetition_penalty=9.0), history=torch.tensor([[1]])) == 0


# Text as it comes


def pieces(text: str, tokenizer: object, **settings: object) -> list[str]:
    return list(stream_text(tokenizer.encode(text), tokenizer, **settings))


@given(st.text(max_size=20))
def test_the_pieces_make_up_the_text(text):
    tokenizer = ByteTokenizer()
    ids = tokenizer.encode(text)
    assert "".join(stream_text(ids, tokenizer)) == tokenizer.decode(ids)


def test_a_piece_is_never_half_a_character():
    assert pieces("a🍏b", ByteTokenizer()) == ["a", "🍏", "b"]
    assert list(stream_text([0x61, 0xF0, 0x9F], ByteTokenizer())) == ["a", "\ufffd"]


def test_words_are_separated_from_each_other_and_from_the_prompt():
    tokenizer = WordTokenizer.train("she drank apple juice")
    ids = tokenizer.encode("she drank apple juice")
    assert list(stream_text(ids[2:], tokenizer, prompt=ids[:2])) == [" apple", " juice"]


@given(st.text("ab", max_size=12), st.lists(st.text("ab", min_size=1, max_size=4), max_size=3))
def test_the_text_ends_before_the_stop_string_that_is_complete_first(text, stop):
    shown = pieces(text, CharTokenizer("ab"), stop=stop)
    complete = next((n for n in range(len(text) + 1) if any(text[:n].endswith(each) for each in stop)), None)
    expected = text if complete is None else text[: min(text.find(each) for each in stop if each in text[:complete])]
    assert "".join(shown) == expected
    assert "" not in shown


def test_no_more_is_held_back_than_may_be_the_beginning_of_a_stop_string():
    assert pieces("abaab", CharTokenizer("ab"), stop=["bb"]) == ["a", "ba", "a", "b"]


def test_a_stop_string_may_lie_across_tokens_and_nothing_is_read_after_it():
    tokenizer = BPETokenizer.train("the end the end", 260)
    ids = iter(tokenizer.encode("so it was the end of it"))
    assert "".join(stream_text(ids, tokenizer, stop=["e en"])) == "so it was th"
    assert tokenizer.decode(ids).endswith("of it")


def test_a_stop_string_in_the_prompt_stops_nothing():
    tokenizer = CharTokenizer("ab")
    assert "".join(stream_text(tokenizer.encode("ab"), tokenizer, prompt=tokenizer.encode("bb"), stop=["bb"])) == "ab"


def test_an_empty_stop_string_is_refused():
    with pytest.raises(CourseError, match="stop string is empty"):
        stream_text([], ByteTokenizer(), stop=[""])


# Beam search


def log_prob(model: GPT, start: list[int], ids: list[int]) -> float:
    scores = model.eval()(torch.tensor([start + ids[:-1]]))[0, len(start) - 1 :].log_softmax(-1)
    return sum(row[id].item() for row, id in zip(scores, ids, strict=True))


def test_a_beam_of_one_is_greedy(model):
    [beam] = beam_search(model, [3, 1], 5, 1)
    assert beam.ids == text(model, [[3, 1]], 5, GREEDY)[0].tolist()


def test_beams_are_different_sorted_and_know_their_probability(model):
    beams = beam_search(model, [3, 1], 5, 6)
    assert len({tuple(beam.ids) for beam in beams}) == 6
    assert [beam.log_prob for beam in beams] == sorted((beam.log_prob for beam in beams), reverse=True)
    for beam in beams:
        assert beam.log_prob == pytest.approx(log_prob(model, [3, 1], beam.ids), abs=1e-4)


def test_a_beam_as_wide_as_there_are_beginnings_finds_the_best_of_all(model):
    beams = beam_search(model, [3], 3, V * V)
    every = [[a, b, c] for a in range(V) for b in range(V) for c in range(V)]
    best = max(every, key=lambda ids: log_prob(model, [3], ids))
    assert beams[0].ids == best


def test_a_continuation_that_ended_keeps_its_probability_and_ends_once(model):
    lengths = set()
    for end_id in range(V):
        for beam in beam_search(model, [3], 6, 2 * V, end_id=end_id):
            assert beam.ids.count(end_id) == (end_id in beam.ids)
            assert end_id not in beam.ids[:-1]
            assert beam.log_prob == pytest.approx(log_prob(model, [3], beam.ids), abs=1e-4)
            lengths |= {len(beam.ids)} if end_id in beam.ids else set()
    assert len(lengths) > 2


def test_the_search_stops_when_all_have_ended(model):
    calls = []

    def only_ends(_model, _inputs, logits):
        calls.append(1)
        logits[..., 2] = 1000
        return logits

    model.register_forward_hook(only_ends)
    assert beam_search(model, [3], 7, 1, end_id=2)[0].ids == [2]
    assert len(calls) == 1


@pytest.mark.parametrize(("start", "n_tokens", "width"), [([], 3, 2), ([1], 3, 0), ([1, 2, 3], T, 2)])
def test_a_search_that_cannot_be_made_is_refused(model, start, n_tokens, width):
    with pytest.raises(CourseError, match=r"at least 1|Ask for fewer"):
        beam_search(model, start, n_tokens, width)
