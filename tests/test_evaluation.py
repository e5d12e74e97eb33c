"""Losses over whole splits, and judgements about the toy world."""

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from course_lib.errors import CourseError
from course_lib.evaluation import bits_per_byte, evaluate, judge_world
from course_lib.model import GPT, Seq2Seq, TransformerConfig
from course_lib.text.batches import IGNORE, Batch, evaluation_documents, evaluation_windows
from course_lib.text.pairs import pair_batch
from course_lib.text.world import VALIDATION_SEED, World

V, T = 7, 6


@pytest.fixture
def model() -> GPT:
    torch.manual_seed(0)
    model = GPT(TransformerConfig(vocab_size=V, context_length=T, n_layers=1, n_heads=2, d_model=16, dropout=0.5))
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return model


def test_every_token_but_the_first_counts_once(model):
    ids = np.random.default_rng(0).integers(V, size=100)
    result = evaluate(model, evaluation_windows(ids, T, batch_size=5))
    model.eval()
    nats = 0.0
    for i in range(1, 100):
        start = (i - 1) // T * T
        logits = model(torch.from_numpy(ids[None, start:i]))[0, -1]
        nats += F.cross_entropy(logits, torch.tensor(ids[i])).item()
    assert result.n_tokens == 99
    assert result.nats == pytest.approx(nats, rel=1e-5)
    assert result.loss == pytest.approx(nats / 99, rel=1e-5)


def test_the_size_of_the_batches_does_not_matter(model):
    ids = np.append(np.random.default_rng(0).integers(3, size=60), 0)
    documents = [d for d in np.split(ids, np.flatnonzero(ids == 0) + 1) if 0 < len(d) <= T]
    results = [evaluate(model, evaluation_documents(np.concatenate(documents), 0, batch_size=n)) for n in (1, 3, 50)]
    assert len({result.n_tokens for result in results}) == 1
    assert results[0].nats == pytest.approx(results[1].nats, rel=1e-5) == pytest.approx(results[2].nats, rel=1e-5)


def test_documents_in_one_row_are_judged_each_by_itself(model):
    inputs, targets = torch.randint(V, (2, 1, T), generator=torch.Generator().manual_seed(0))
    together = Batch(inputs, targets, torch.tensor([[0, 0, 1, 1, 1, 2]]))
    alone = [Batch(inputs[:, span], targets[:, span]) for span in (slice(0, 2), slice(2, 5), slice(5, 6))]
    assert evaluate(model, [together]).nats == pytest.approx(evaluate(model, alone).nats, rel=1e-5)


def test_pairs_are_judged_with_their_sources():
    torch.manual_seed(0)
    config = TransformerConfig(vocab_size=V, context_length=T, n_layers=1, n_heads=2, d_model=16)
    model = Seq2Seq(config, config)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    sources, targets = [[1, 2, 3], [4]], [[5, 6], [1, 2, 3, 4]]
    result = evaluate(model, [pair_batch(sources, targets, end_id=0)])
    nats = 0.0
    for source, target in zip(sources, targets, strict=True):
        logits = model(torch.tensor([[0, *target]]), torch.tensor([source]))[0]
        nats += F.cross_entropy(logits, torch.tensor([*target, 0]), reduction="sum").item()
    assert result.n_tokens == 8
    assert result.nats == pytest.approx(nats, rel=1e-5)


@pytest.mark.parametrize("training", [True, False])
def test_evaluation_is_without_dropout_gradients_or_traces(model, training):
    model.train(training)
    batches = evaluation_windows(np.arange(50) % V, T)
    assert evaluate(model, batches) == evaluate(model, batches)
    assert model.training == training
    assert all(parameter.grad is None for parameter in model.parameters())


def test_nothing_to_predict_is_an_error(model):
    with pytest.raises(CourseError, match="not one token to predict"):
        evaluate(model, [])
    with pytest.raises(CourseError, match="not one token to predict"):
        evaluate(model, [Batch(torch.zeros(1, 2, dtype=torch.long), torch.full((1, 2), IGNORE))])


def test_a_uniform_guess_over_bytes_costs_eight_bits():
    assert bits_per_byte(100 * math.log(256), 100) == pytest.approx(8)


@dataclass
class Told:
    text: str
    kind: str


class TwoKinds:
    """A stand-in for the world: a third of its documents are facts, the others stories; it knows three sentences."""

    KINDS: ClassVar = {"sun is hot .": "fact", "sun is cold .": "fact", "once upon .": "story"}

    def is_true(self, text):
        return {"sun is hot .": True, "sun is cold .": False, "once upon .": True}.get(text)

    def kind(self, text):
        return self.KINDS.get(text)

    def documents(self, n, seed):
        assert seed == VALIDATION_SEED
        return [Told("sun is hot .", "fact") if i % 3 == 0 else Told("once upon .", "story") for i in range(n)]


def test_the_judge_counts_what_the_world_says():
    texts = ["sun is hot .", "sun is cold .", "once upon .", "hot sun", "sun is hot ."]
    judgement = judge_world(TwoKinds(), texts, n_reference=300)
    assert (judgement.n_texts, judgement.grammatical, judgement.true, judgement.false) == (5, 0.8, 0.6, 0.2)
    assert judgement.kinds == {"fact": 0.75, "story": 0.25}
    assert judgement.total_variation == pytest.approx(0.75 - 1 / 3)


def test_texts_that_are_all_nonsense_have_nothing_in_common_with_the_world():
    judgement = judge_world(TwoKinds(), ["hot sun"], n_reference=3)
    assert (judgement.grammatical, judgement.kinds, judgement.total_variation) == (0, {}, 1)


def test_the_judge_wants_texts():
    with pytest.raises(CourseError, match="no text to judge"):
        judge_world(TwoKinds(), [])


def test_the_worlds_own_documents_are_true_and_mixed_as_they_should_be():
    world = World()
    judgement = judge_world(world, [document.text for document in world.documents(1000, seed=123)], n_reference=3000)
    assert judgement.grammatical == judgement.true == 1
    assert judgement.false == 0
    assert judgement.total_variation < 0.1
