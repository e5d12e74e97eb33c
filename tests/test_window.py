"""The window model: what it sees, what it cannot see, where it starts, and that it can learn."""

import math

import pytest
import torch
import torch.nn.functional as F

from course_lib.model import WindowModel
from course_lib.text import Windows
from course_lib.training import TrainingConfig, train

V, W, END = 7, 3, 0


def filled(end_id: int | None = None) -> WindowModel:
    """A model whose every weight matters: the zeros that it would start from are filled."""
    torch.manual_seed(0)
    model = WindowModel(V, W, d_embedding=4, d_hidden=16, end_id=end_id)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter)
    return model


def some_ids(rows: int = 2, columns: int = 9) -> torch.Tensor:
    return torch.randint(1, V, (rows, columns), generator=torch.Generator().manual_seed(1))


def test_it_sees_the_last_tokens_and_no_others():
    model, ids = filled(), some_ids()
    before = model(ids)
    for position in range(ids.shape[1]):
        changed = ids.clone()
        changed[:, position] = changed[:, position] % (V - 1) + 1
        differs = (model(changed) - before).abs().amax(dim=(0, 2)) > 1e-5
        assert differs.nonzero().flatten().tolist() == list(range(position, min(position + W, ids.shape[1])))


def test_it_is_bengios_equation():
    """b + U tanh(d + H x), x the vectors of the window side by side; Bengio et al. 2003, equation 1."""
    model, ids = filled(), some_ids(rows=1)
    (hidden, d), (u, b), c = (
        (model.hidden.weight, model.hidden.bias),
        (model.head.weight, model.head.bias),
        model.embedding.weight,
    )
    x = torch.cat([c[ids[0, 4]], c[ids[0, 5]], c[ids[0, 6]]])
    torch.testing.assert_close(model(ids)[0, 6], b + u @ torch.tanh(d + hidden @ x))


def test_no_window_reaches_into_the_document_before():
    model = filled(end_id=END)
    first, second = torch.tensor([[1, 2, END, 3, 4]]), torch.tensor([[5, 5, END, 3, 4]])
    torch.testing.assert_close(model(first)[0, 2:], model(second)[0, 2:])
    torch.testing.assert_close(model(first)[0, 2:], model(torch.tensor([[END, 3, 4]]))[0])


def test_untrained_it_finds_all_tokens_equally_likely():
    logits = WindowModel(V, W, 4, 8)(some_ids())
    loss = F.cross_entropy(logits.flatten(0, 1), some_ids().flatten())
    assert loss.item() == pytest.approx(math.log(V))


def test_it_learns_what_three_tokens_back_decides():
    """The text repeats with period 4, so the next token is the one of three places back."""
    ids = [1, 2, 1, 3] * 50
    torch.manual_seed(0)
    model = WindowModel(V, W, d_embedding=4, d_hidden=16)
    config = TrainingConfig(steps=150, lr=0.02, muon_lr=None)
    *_, last = train(model, Windows(ids, batch_size=8, context_length=16, seed=0), config)
    # After a lone 1 at a row's beginning, 2 and 3 are equally likely: all the rest is certain.
    assert last.loss < 0.05
