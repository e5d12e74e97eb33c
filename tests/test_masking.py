"""Masked words: what is hidden, what is shown in its place, and what is to be guessed."""

from itertools import islice

import numpy as np
import pytest
import torch

from course_lib.text import IGNORE, DocumentRows, MaskedRows, mask_words

MASK, END = 50, 0


def test_what_is_not_chosen_is_shown_as_it_is_and_what_is_chosen_is_the_target():
    ids = np.random.default_rng(1).integers(MASK, size=(40, 30))
    shown, targets = mask_words(ids, MASK, np.random.default_rng(0))
    chosen = targets != IGNORE
    assert (targets[chosen] == ids[chosen]).all()
    assert (shown[~chosen] == ids[~chosen]).all()
    assert shown.dtype == targets.dtype == ids.dtype


def test_shares_are_those_of_the_recipe():
    ids = np.random.default_rng(1).integers(1, MASK, size=400_000)
    shown, targets = mask_words(ids, MASK, np.random.default_rng(0))
    chosen = targets != IGNORE
    assert chosen.mean() == pytest.approx(0.15, abs=0.003)
    masked, same = (shown == MASK)[chosen].mean(), (shown == ids)[chosen].mean()
    assert masked == pytest.approx(0.8, abs=0.01)
    assert same == pytest.approx(0.1 + 0.1 / MASK, abs=0.01)
    others = shown[chosen & (shown != MASK) & (shown != ids)]
    assert others.size / chosen.sum() == pytest.approx(0.1, abs=0.01)
    counts = np.bincount(others, minlength=MASK)
    assert counts.min() > 0.7 * counts.mean()  # any token, each as often as the others
    wide, _ = mask_words(ids, MASK, np.random.default_rng(0), share=0.5)
    assert (wide == MASK).mean() == pytest.approx(0.4, abs=0.01)


def test_one_token_can_be_spared():
    ids = np.array([END, 5, END, 6] * 500)
    _, targets = mask_words(ids, MASK, np.random.default_rng(0), share=0.9, never=END)
    assert not (targets == END).any()
    assert (targets == 5).any()


def test_masked_rows_are_rows_of_documents_with_some_words_hidden():
    ids = [id for n in range(60) for id in [*range(1, 3 + n % 7), END]]
    masked, plain = MaskedRows(ids, END, MASK, 4, 12, seed=3), DocumentRows(ids, END, 4, 12, seed=3)
    for batch, whole in islice(zip(masked, plain, strict=True), 20):
        chosen = batch.targets != IGNORE
        assert torch.equal(torch.where(chosen, batch.targets, batch.inputs), whole.inputs)
        assert torch.equal(batch.documents, whole.documents)
        assert (whole.inputs[chosen] != END).all()
    again = MaskedRows(ids, END, MASK, 4, 12, seed=3)
    again.load_state_dict(masked.state_dict())
    ours, theirs = next(masked), next(again)
    assert torch.equal(ours.inputs, theirs.inputs)
    assert torch.equal(ours.targets, theirs.targets)
