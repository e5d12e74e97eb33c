"""The encoder: every token sees every other one of its document, whatever stands around it."""

import math

import pytest
import torch
import torch.nn.functional as F

from course_lib.model import Encoder, TransformerConfig

V, T = 11, 10
SIZES = {"vocab_size": V, "context_length": T, "n_layers": 2, "n_heads": 4, "d_model": 16}


@pytest.fixture
def model(parts: dict) -> Encoder:
    """A small encoder whose every weight matters."""
    torch.manual_seed(0)
    model = Encoder(TransformerConfig(**SIZES | parts))
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return model.eval()


def some_ids(rows: int = 2, columns: int = T, seed: int = 1) -> torch.Tensor:
    return torch.randint(V, (rows, columns), generator=torch.Generator().manual_seed(seed))


def test_every_output_depends_on_every_token(model):
    ids = some_ids()
    before = model(ids)
    for position in range(T):
        changed = ids.clone()
        changed[:, position] = (changed[:, position] + 1) % V
        assert (model(changed) - before).abs().amax(dim=-1).min() > 1e-6


def test_a_row_does_not_depend_on_the_others_of_its_batch(model):
    ids = some_ids(rows=4)
    together = model(ids)
    for row in range(4):
        torch.testing.assert_close(model(ids[row : row + 1])[0], together[row], atol=1e-5, rtol=1e-5)


def test_what_fills_up_a_shorter_row_is_seen_by_none(model):
    ids = some_ids(columns=6)
    filled = F.pad(ids, (0, 4), value=-100)
    torch.testing.assert_close(model(filled)[:, :6], model(ids), atol=1e-5, rtol=1e-5)
    assert model(filled).isfinite().all()


def test_documents_in_one_row_are_read_as_if_each_stood_alone(model):
    ids = some_ids(rows=1)
    documents = torch.tensor([[0, 0, 0, 1, 2, 2, 2, 2, 3, 3]])
    alone = [model(document[None]) for document in ids[0].split([3, 1, 4, 2])]
    torch.testing.assert_close(model(ids, documents), torch.cat(alone, dim=1), atol=1e-5, rtol=1e-5)


def test_without_positions_the_order_of_the_tokens_is_the_order_of_the_outputs_and_nothing_else():
    torch.manual_seed(0)
    order = torch.randperm(T)
    ids = some_ids()
    for positions in ("none", "rotary", "learned", "sinusoidal"):
        model = Encoder(TransformerConfig(**SIZES, positions=positions))
        for parameter in model.parameters():
            torch.nn.init.normal_(parameter, std=0.3)
        difference = (model(ids[:, order]) - model(ids)[:, order]).abs().max()
        assert (difference < 1e-5) == (positions == "none"), positions


def test_the_loss_starts_near_that_of_a_guess_and_one_batch_can_be_learned_by_heart(parts):
    torch.manual_seed(0)
    model = Encoder(TransformerConfig(**SIZES | {"vocab_size": 40, "d_model": 64} | parts))
    # No token twice in a row: without positions, two of them could not be told apart.
    ids = torch.stack([torch.randperm(40)[:T] for _ in range(4)])
    targets = torch.randint(40, (4, T))
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    losses = []
    for _ in range(80):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(ids).flatten(0, 1), targets.flatten())
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[0] == pytest.approx(math.log(40), abs=0.1)
    assert losses[-1] < 0.1


def test_more_tokens_than_the_context_are_refused(model):
    with pytest.raises(ValueError, match="11 tokens do not fit into a context of 10"):
        model(some_ids(columns=T + 1))
