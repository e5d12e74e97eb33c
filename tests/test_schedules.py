"""The learning rate over a run."""

import pytest

from course_lib.training import learning_rate_factor


def factors(steps: int, warmup: float, decay: float) -> list[float]:
    return [learning_rate_factor(step, steps, warmup, decay) for step in range(steps)]


def test_it_rises_stays_and_falls_in_straight_lines():
    assert factors(10, 0.4, 0.5) == pytest.approx([0.25, 0.5, 0.75, 1, 1, 1, 0.8, 0.6, 0.4, 0.2])


@pytest.mark.parametrize("steps", [1, 2, 7, 100])
@pytest.mark.parametrize(("warmup", "decay"), [(0, 0), (0, 1), (1, 0), (1, 1), (0.1, 0.5), (0.7, 0.7), (0.001, 0.001)])
def test_every_update_moves_and_none_exceeds_the_peak(steps, warmup, decay):
    assert all(0 < factor <= 1 for factor in factors(steps, warmup, decay))


def test_without_warm_up_or_decay_it_is_constant():
    assert factors(5, 0, 0) == [1] * 5


def test_the_mean_over_a_run_follows_from_the_shares():
    assert sum(factors(1000, 0.2, 0.6)) / 1000 == pytest.approx(1 - 0.2 / 2 - 0.6 / 2, abs=0.001)
