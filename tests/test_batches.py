"""Batches: every token is predicted from what stands before it, documents stay apart, and a stopped run resumes."""

from itertools import islice

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from jaxtyping import TypeCheckError

from course_lib.errors import CourseError
from course_lib.text.batches import IGNORE, Batch, DocumentRows, Windows, evaluation_documents, evaluation_windows

END = 0
documents_strategy = st.lists(st.lists(st.integers(1, 9), max_size=7), min_size=1, max_size=12)


def joined(documents: list[list[int]]) -> list[int]:
    return [id for document in documents for id in [*document, END]]


def sources(seed: int = 5) -> list[Windows]:
    ids = joined([[1 + (3 * n + i) % 9 for i in range(n % 6)] for n in range(40)])
    return [Windows(ids, 3, 8, seed), DocumentRows(ids, END, 3, 8, seed)]


def equal(one: Batch, other: Batch) -> bool:
    return all(
        (a is None and b is None) or torch.equal(a, b)
        for a, b in zip(vars(one).values(), vars(other).values(), strict=True)
    )


@pytest.mark.parametrize("dtype", [np.uint16, np.uint32, np.int64])
def test_windows_are_pieces_of_the_text_with_the_token_that_follows(dtype: type) -> None:
    ids = np.arange(100, 130).astype(dtype)  # no two alike: a token tells its place
    batches = Windows(ids, 4, 8, seed=0)
    starts = set()
    for batch in islice(batches, 100):
        assert batch.inputs.shape == batch.targets.shape == (4, 8)
        assert batch.inputs.dtype == batch.targets.dtype == torch.int64
        assert batch.inputs.is_contiguous()
        assert batch.targets.is_contiguous()
        assert batch.documents is None
        assert torch.equal(batch.inputs, batch.inputs[:, :1] + torch.arange(8))
        assert torch.equal(batch.targets, batch.inputs + 1)
        starts |= set(batch.inputs[:, 0].tolist())
    assert starts == set(range(100, 122))  # every place from which a window and one token more fit


def test_a_text_of_one_window_and_one_token_is_just_long_enough() -> None:
    assert next(Windows([1, 2, 3], 1, 2, seed=0)).targets.tolist() == [[2, 3]]


@given(documents_strategy, st.integers(1, 10), st.integers(0, 99))
def test_rows_begin_with_a_document_go_on_with_the_next_and_are_cut_off(
    documents: list[list[int]], context_length: int, seed: int
) -> None:
    ids = joined(documents)
    if len(ids) <= context_length:
        with pytest.raises(CourseError):
            DocumentRows(ids, END, 2, context_length, seed)
        return
    # What a row may be: [end, document, end, document, ...] and, beside it, the number of the document in the row.
    possible = []
    for first in range(len(documents)):
        row = [END, *joined(documents[first:])]
        numbers = [number for number, document in enumerate(documents[first:]) for _ in range(len(document) + 1)]
        if len(row) > context_length:
            possible.append((row[:context_length], row[1 : context_length + 1], numbers[:context_length]))
    rows = DocumentRows(ids, END, 2, context_length, seed)
    for batch in islice(rows, 5):
        assert batch.documents is not None
        for row in zip(batch.inputs.tolist(), batch.targets.tolist(), batch.documents.tolist(), strict=True):
            assert row in possible


def test_every_document_gets_to_begin_a_row_the_first_included() -> None:
    ids = joined([[n] for n in range(1, 10)])
    batches = DocumentRows(ids, END, 4, 6, seed=0)
    seen = {id for batch in islice(batches, 50) for id in batch.inputs[:, 1].tolist()}
    assert seen == set(range(1, 8))  # documents 8 and 9 have not enough after them to fill a row


def test_no_attention_would_cross_documents() -> None:
    batch = next(sources()[1])
    assert batch.documents is not None
    begins = batch.inputs == END
    steps = batch.documents.diff(dim=1, prepend=torch.full((3, 1), -1))
    assert torch.equal(steps, begins.long())  # a new number exactly at each end token, which belongs to what follows


@pytest.mark.parametrize("which", [0, 1], ids=["windows", "rows"])
def test_the_same_seed_gives_the_same_order_and_another_another(which: int) -> None:
    one, same, other = (sources(seed)[which] for seed in (5, 5, 6))
    first = list(islice(one, 4))
    assert all(map(equal, first, islice(same, 4)))
    assert not any(map(equal, first, islice(other, 4)))
    assert not equal(first[0], first[1])


@pytest.mark.parametrize("which", [0, 1], ids=["windows", "rows"])
def test_a_run_resumes_with_the_next_batch_whatever_was_read_before(which: int) -> None:
    batches, resumed = sources()[which], sources()[which]
    for _ in range(7):
        next(batches)
    state = batches.state_dict()
    expected = list(islice(batches, 3))
    for _ in range(2):  # the copy has its own past
        next(resumed)
    resumed.load_state_dict(state)
    assert all(map(equal, expected, islice(resumed, 3)))
    assert state == {"seed": 5, "next_batch": 7}  # plain numbers, fit for JSON, and untouched by what was read since


def test_another_seed_cannot_be_resumed() -> None:
    with pytest.raises(CourseError, match="seed 5, but now the seed is 6"):
        sources(6)[0].load_state_dict(sources(5)[0].state_dict())


@pytest.mark.parametrize("ids", [[], [1], [1, 2, 3, 4, 5, 6, 7, END]])
def test_a_text_shorter_than_a_context_is_refused(ids: list[int]) -> None:
    with pytest.raises(CourseError, match=rf"has {len(ids)} tokens, but a context of 8 needs at least 9"):
        Windows(ids, 2, 8, seed=0)
    with pytest.raises(CourseError, match=rf"has {len(ids)} tokens, but a context of 8 needs at least 9"):
        DocumentRows(ids, END, 2, 8, seed=0)


def test_documents_without_an_end_are_refused() -> None:
    with pytest.raises(CourseError, match="does not end with the end token"):
        DocumentRows([1, 2, END, 3], END, 2, 2, seed=0)
    with pytest.raises(CourseError, match="does not end with the end token"):
        evaluation_documents([1, 2, END, 3], END)
    with pytest.raises(CourseError, match="does not end with the end token"):
        evaluation_documents([], END)


@given(st.integers(2, 60), st.integers(1, 20), st.integers(1, 4))
def test_evaluation_predicts_every_token_but_the_first_exactly_once(
    n: int, context_length: int, batch_size: int
) -> None:
    ids = np.arange(100, 100 + n, dtype=np.uint16)
    batches = evaluation_windows(ids, context_length, batch_size)
    assert all(batch.inputs.shape[1] == context_length for batch in batches)
    assert all(len(batch.inputs) == batch_size for batch in batches[:-1])
    inputs = torch.cat([batch.inputs for batch in batches])
    targets = torch.cat([batch.targets for batch in batches])
    counted = targets != IGNORE
    assert targets[counted].tolist() == list(range(101, 100 + n))
    assert torch.equal(inputs[counted] + 1, targets[counted])
    assert len(inputs) == -(-(n - 1) // context_length)  # no window more than needed


@pytest.mark.parametrize("ids", [[], [1]])
def test_there_is_nothing_to_evaluate_in_less_than_two_tokens(ids: list[int]) -> None:
    with pytest.raises(CourseError, match=f"has {len(ids)} tokens"):
        evaluation_windows(ids, 8)


@given(documents_strategy, st.integers(1, 5))
def test_documents_are_evaluated_each_from_its_own_start(documents: list[list[int]], batch_size: int) -> None:
    batches = evaluation_documents(joined(documents), END, batch_size)
    rows = [row for batch in batches for row in zip(batch.inputs.tolist(), batch.targets.tolist(), strict=True)]
    assert len(rows) == len(documents)
    for document, (inputs, targets) in zip(documents, rows, strict=True):
        n = len(document) + 1
        assert inputs[:n] == [END, *document]
        assert targets[:n] == [*document, END]
        assert all(id == END for id in inputs[n:])
        assert all(target == IGNORE for target in targets[n:])
    assert all(len(batch.inputs) == batch_size for batch in batches[:-1])
    assert all((batch.targets[:, -1] != IGNORE).any() for batch in batches)  # no column is all padding


@pytest.mark.parametrize("which", [0, 1], ids=["windows", "rows"])
def test_a_batch_moves_to_a_device_as_a_whole(which: int) -> None:
    batch = next(sources()[which])
    moved = batch.to("meta")
    for name, tensor in vars(batch).items():
        there = getattr(moved, name)
        assert (there is None) if tensor is None else (there.device.type, there.shape) == ("meta", tensor.shape)


def test_tensors_of_the_wrong_shape_are_noticed_in_these_tests() -> None:
    good = torch.zeros(2, 3, dtype=torch.int64)
    Batch(good, good)
    for bad in (good[0], good[:, :2], good.float()):
        with pytest.raises(TypeCheckError):
            Batch(good, bad)
