"""The story's table: whatever can be recomputed in seconds is; the lessons that train a model hold their own line."""

import math

import pytest
import torch
from torch import nn

from course_lib.model import NgramModel
from course_lib.story import HEADER, STORY, Score, score, story
from course_lib.text import load_corpus, tokenizer_for

CORPUS = load_corpus("world")
TOKENIZER = tokenizer_for(CORPUS)


class Uniform(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("nothing", torch.zeros(TOKENIZER.vocab_size))

    def forward(self, ids, documents=None):
        return self.nothing.expand(*ids.shape, -1)


def counted(order: int) -> NgramModel:
    ids = torch.tensor(TOKENIZER.encode(CORPUS.train))
    return NgramModel(ids, order, TOKENIZER.vocab_size, end_id=TOKENIZER.end_id)


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("all words equally likely", Uniform),
        ("how often each word comes", lambda: counted(1)),
        ("the word before, counted", lambda: counted(2)),
        ("the four words before, counted", lambda: counted(5)),
    ],
)
def test_a_line_is_what_its_model_pays(name, make):
    (line,) = [line for line in STORY if line.model == name]
    assert score(make()).nats_per_word == pytest.approx(line.nats_per_word, abs=0.001)


def test_the_columns_say_the_same_thing_in_three_units():
    """Hand-made: the words, bytes and documents of the held-out text turn one number into the others."""
    text = CORPUS.val
    n_words, n_documents = len(TOKENIZER.encode(text)), text.count("\n")
    made = score(Uniform())
    nats = made.nats_per_word * n_words
    assert made.nats_per_word == pytest.approx(math.log(TOKENIZER.vocab_size))
    assert made.bits_per_byte == pytest.approx(nats / math.log(2) / len(text.encode()))
    *_, floor = story("01", {})
    assert floor[2] * n_words / n_documents == pytest.approx(nats / n_documents - made.above_floor)


def test_the_story_only_gets_better_and_never_reaches_the_floor():
    rows = story("99", {})
    losses = [row[2] for row in rows]
    assert losses == sorted(losses, reverse=True)
    assert rows[-1][4] == 0
    assert all(row[4] > 0 for row in rows[:-1])
    assert all(len(row) == len(HEADER) for row in rows)


def test_what_was_measured_now_takes_the_place_of_what_was_measured_once():
    now = Score(1.5, 0.5, 30.0)
    rows = {row[1]: row for row in story("04", {"the word before, learned": now})}
    assert rows["the word before, learned"][2:] == (1.5, 0.5, 30.0)
    with pytest.raises(ValueError, match=r"\['a parrot'\] is not in the story through lesson 04"):
        story("04", {"a parrot": now})
    assert [row[0] for row in story("01", {})] == ["01", ""]
