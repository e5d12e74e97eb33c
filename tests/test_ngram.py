"""Counts as a model: a distribution everywhere, Kneser-Ney as one would write it by hand, sealed at documents."""

from collections import Counter

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from course_lib.errors import CourseError
from course_lib.model import NgramModel, preceding

V, END = 6, 0


def kneser_ney(ids: list[int], order: int, before: list[int], end_id: int | None) -> list[float]:
    """Interpolated Kneser-Ney as the papers write it, for one place: dictionaries of tuples and nothing else."""

    def context(place: int) -> tuple[int, ...]:
        return tuple(seen_before(ids[: place + 1], order - 1, end_id))

    grams = Counter((*context(place), ids[place + 1]) for place in range(len(ids) - 1))
    levels = [grams]
    for _ in range(order - 1):
        levels.append(Counter(gram[1:] for gram in levels[-1]))  # in how many different contexts of one more token
    history = seen_before(before, order - 1, end_id)
    forecast = [1 / V] * V
    for level in reversed(levels):
        once, twice = (sum(count == n for count in level.values()) for n in (1, 2))
        discount = once / (once + 2 * twice) if once else 0.5
        length = len(next(iter(level))) - 1
        seen = {gram[-1]: n for gram, n in level.items() if gram[:-1] == tuple(history[len(history) - length :])}
        if seen:
            total = sum(seen.values())
            forecast = [
                max(seen.get(w, 0) - discount, 0) / total + discount * len(seen) / total * forecast[w] for w in range(V)
            ]
    return forecast


def seen_before(ids: list[int], n_tokens: int, end_id: int | None) -> list[int]:
    """The last tokens, with V for each that is not there or in another document."""
    window: list[int] = []
    for id in reversed(ids):
        if end_id in window:
            break
        window.append(id)
    padded = [V] * n_tokens + window[::-1]
    return padded[len(padded) - n_tokens :]


texts = st.lists(st.integers(0, V - 1), min_size=5, max_size=60)


@given(texts, texts, st.integers(1, 4), st.sampled_from([None, END]))
def test_it_is_kneser_ney_as_the_papers_write_it(ids, asked, order, end_id):
    model = NgramModel(torch.tensor(ids), order, V, end_id)
    forecasts = model(torch.tensor([asked]))[0].exp()
    for place in range(len(asked)):
        expected = torch.tensor(kneser_ney(ids, order, asked[: place + 1], end_id))
        torch.testing.assert_close(forecasts[place], expected, atol=1e-5, rtol=1e-4)
        assert forecasts[place].sum().item() == pytest.approx(1, abs=1e-5)


def test_what_was_never_seen_is_forecast_as_from_a_shorter_context():
    ids = torch.tensor([1, 2, 3, 1, 2, 4, 1, 2, 3, 5, 2, 3, 1])
    model = NgramModel(ids, 3, V)
    after_unseen, after_short = model(torch.tensor([[4, 3]]))[0, 1], model(torch.tensor([[3]]))[0, 0]
    torch.testing.assert_close(after_unseen, after_short)


def test_no_context_reaches_into_the_document_before():
    ids = torch.tensor([1, 2, END, 3, 4, END, 1, 3, END, 5, 4, END] * 3)
    model = NgramModel(ids, 4, V, end_id=END)
    first, second = torch.tensor([[1, 2, END, 3, 4]]), torch.tensor([[5, 5, END, 3, 4]])
    torch.testing.assert_close(model(first)[0, 2:], model(second)[0, 2:])
    alone = torch.tensor([[END, 3, 4]])
    torch.testing.assert_close(model(first)[0, 2:], model(alone)[0])
    open_text = NgramModel(ids, 4, V)
    assert (open_text(first)[0, 2:] - open_text(second)[0, 2:]).abs().max() > 0.01


def test_enough_text_teaches_the_rule_that_made_it():
    """A chain whose next token depends on the last two: three tokens a gram find it, two cannot."""
    generator = torch.Generator().manual_seed(0)
    rule = torch.rand(V, V, V, generator=generator).pow(4)
    rule /= rule.sum(-1, keepdim=True)
    ids = [0, 1]
    draws = iter(torch.rand(60_000, generator=generator).tolist())
    cumulative = rule.cumsum(-1).tolist()
    for u in draws:
        row = cumulative[ids[-2]][ids[-1]]
        ids.append(next((w for w, c in enumerate(row) if u < c), V - 1))
    pairs = torch.cartesian_prod(torch.arange(V), torch.arange(V))
    off = {
        order: (NgramModel(torch.tensor(ids), order, V)(pairs)[:, 1].exp() - rule.flatten(0, 1)).abs().mean().item()
        for order in (2, 3)
    }
    assert off[3] < 0.01
    assert off[2] > 5 * off[3]


def test_a_word_that_follows_one_other_only_is_not_expected_elsewhere():
    """ "san francisco": 9 times in one company; 6 other words stand in many. After an unseen word, they come first."""
    francisco, san = 1, 2
    others = [3, 4, 5, 3, 5, 4, 3, 0, 4, 0, 5, 0]
    ids = others + [san, francisco] * 9 + others
    forecast = NgramModel(torch.tensor(ids), 2, V + 1)(torch.tensor([[V]]))[0, 0]
    assert forecast[francisco] < forecast[[3, 4, 5]].min()
    assert Counter(ids)[francisco] > max(Counter(ids)[word] for word in (3, 4, 5))


def test_a_row_does_not_depend_on_the_others_of_its_batch():
    model = NgramModel(torch.randint(V, (200,), generator=torch.Generator().manual_seed(0)), 3, V)
    ids = torch.randint(V, (4, 7), generator=torch.Generator().manual_seed(1))
    for row in range(4):
        torch.testing.assert_close(model(ids)[row], model(ids[row : row + 1])[0])


@pytest.mark.parametrize(
    ("ids", "order", "message"),
    [
        ([1, 2, 3], 0, "order is 0"),
        ([1], 1, "has 1 tokens, too few"),
        ([1, 2, 3], 4, "has 3 tokens, too few to count n-grams of 4"),
        ([1, 2, V], 2, f"Token id {V} is not in a vocabulary of {V}"),
    ],
)
def test_what_cannot_be_counted_is_refused(ids, order, message):
    with pytest.raises(CourseError, match=message):
        NgramModel(torch.tensor(ids), order, V)


@given(
    st.lists(texts.map(lambda ids: ids[:5]), min_size=1, max_size=3), st.integers(0, 4), st.sampled_from([None, END])
)
def test_a_window_holds_the_last_tokens_of_this_document(rows, n_tokens, end_id):
    windows = preceding(torch.tensor(rows), n_tokens, nothing=V, end_id=end_id)
    for row, ids in enumerate(rows):
        for place in range(len(ids)):
            assert windows[row, place].tolist() == seen_before(ids[: place + 1], n_tokens, end_id)
    assert windows.shape == (len(rows), 5, n_tokens)
