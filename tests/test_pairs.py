"""Pairs: every target is predicted from its own source, and what only fills up is no token."""

from itertools import islice

import pytest
import torch

from course_lib.errors import CourseError
from course_lib.text import IGNORE, Pairs, pair_batch

END = 0


def test_a_batch_by_hand():
    batch = pair_batch([[5, 6, 7], [8]], [[1], [2, 3]], END)
    assert batch.source.tolist() == [[5, 6, 7], [8, IGNORE, IGNORE]]
    assert batch.inputs.tolist() == [[END, 1, END], [END, 2, 3]]
    assert batch.targets.tolist() == [[1, END, IGNORE], [2, 3, END]]
    assert batch.documents is None


def test_pairs_stay_together_and_all_of_them_come():
    sources = [[10 + n] * (1 + n % 4) for n in range(12)]
    targets = [[30 + n] * (1 + n % 3) for n in range(12)]
    seen = set()
    for batch in islice(Pairs(sources, targets, END, batch_size=5, seed=0), 40):
        assert len(batch.source) == len(batch.inputs) == len(batch.targets) == 5
        for source, shown, target in zip(batch.source, batch.inputs, batch.targets, strict=True):
            n = int(source[0]) - 10
            assert source[source != IGNORE].tolist() == sources[n]
            assert target[target != IGNORE].tolist() == [*targets[n], END]
            assert shown[: len(targets[n]) + 1].tolist() == [END, *targets[n]]
            seen.add(n)
    assert seen == set(range(12))


def test_a_stopped_run_goes_on_with_the_same_pairs():
    pairs = Pairs([[n] for n in range(1, 50)], [[n] for n in range(1, 50)], END, 3, seed=1)
    next(pairs)
    again = Pairs(pairs.sources, pairs.targets, END, 3, seed=1)
    again.load_state_dict(pairs.state_dict())
    assert torch.equal(next(pairs).source, next(again).source)
    with pytest.raises(CourseError, match="seed 1, but now the seed is 2"):
        Pairs(pairs.sources, pairs.targets, END, 3, seed=2).load_state_dict(pairs.state_dict())


def test_batches_can_be_moved_to_a_device():
    batch = pair_batch([[5]], [[1]], END).to("meta")
    assert batch.source.device.type == batch.targets.device.type == "meta"


@pytest.mark.parametrize(("sources", "targets"), [([], []), ([[1]], [[2], [3]])])
def test_a_source_without_a_target_is_refused(sources, targets):
    with pytest.raises(CourseError, match="every source needs a target"):
        Pairs(sources, targets, END, 3, seed=0)
