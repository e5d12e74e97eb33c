"""Scaling laws: a law that is known is found again, and the table that comes with the course is what it says it is."""

import math
import random
import statistics
import tomllib
from dataclasses import astuple, replace
from fnmatch import fnmatch
from itertools import pairwise, product
from pathlib import Path

import pytest

import scaling as benchmark  # benchmarks/scaling.py
from course_lib import scaling
from course_lib.errors import CourseError
from course_lib.model import GPT, costs
from course_lib.scaling import Law, Point, bootstrap, fit, load_runs, optimum
from course_lib.text import World
from course_lib.text.corpora import VALIDATION_DOCUMENTS
from course_lib.text.world import VALIDATION_SEED

CHINCHILLA = Law(E=1.69, A=406.4, alpha=0.34, B=410.7, beta=0.28)
TOY = Law(E=0.4, A=90.0, alpha=0.6, B=1500.0, beta=0.8)
SIZES = {
    CHINCHILLA: ((1e7, 1e8, 1e9, 1e10), (1e9, 1e10, 1e11, 1e12)),
    TOY: ((1e4, 3e4, 9e4, 3e5), (1e5, 4e5, 2e6, 8e6)),
}


def made(law: Law, noise: float = 0.0, seed: int = 0) -> list[Point]:
    """Runs that follow a law, each off by a random factor."""
    rng = random.Random(seed)
    return [Point(int(n), int(d), law.loss(n, d) * math.exp(rng.gauss(0, noise))) for n, d in product(*SIZES[law])]


# The fit


@pytest.mark.parametrize("law", [CHINCHILLA, TOY], ids=["Chinchilla", "toy"])
def test_a_law_is_found_again_in_runs_that_follow_it(law):
    assert astuple(fit(made(law))) == pytest.approx(astuple(law), rel=1e-3)


def misfit(law: Law, runs: list[Point]) -> float:
    """The sum of Huber losses, written out."""
    total = 0.0
    for run in runs:
        off = abs(
            math.log(law.E + law.A * run.parameters**-law.alpha + law.B * run.tokens**-law.beta) - math.log(run.loss)
        )
        total += off**2 / 2 if off < scaling.DELTA else scaling.DELTA * (off - scaling.DELTA / 2)
    return total


@pytest.mark.parametrize("noise", [0.003, 0.03])
def test_no_law_nearby_fits_better(noise):
    runs = made(TOY, noise)
    law = fit(runs)
    assert misfit(law, runs) < misfit(TOY, runs)
    for name, factor in product(("E", "A", "alpha", "B", "beta"), (0.999, 1.001)):
        assert misfit(replace(law, **{name: getattr(law, name) * factor}), runs) > misfit(law, runs)


def test_one_spoiled_run_does_not_spoil_the_law():
    """The reason for Huber's loss: by least squares, this run would move the floor by a fifth."""
    runs = made(TOY)
    runs[-1] = replace(runs[-1], loss=runs[-1].loss * 1.5)
    law = fit(runs)
    assert pytest.approx(TOY.E, rel=0.02) == law.E


def test_intervals_hold_the_truth_about_as_often_as_they_say():
    held = {"E": 0, "alpha": 0, "beta": 0}
    for seed in range(8):
        laws = bootstrap(made(TOY, noise=0.01, seed=seed), n_fits=80)
        for name in held:
            values = sorted(getattr(law, name) for law in laws)
            held[name] += values[2] <= getattr(TOY, name) <= values[-3]
    assert min(held.values()) >= 6


def test_less_noise_gives_narrower_intervals():
    def width(noise: float) -> float:
        floors = sorted(law.E for law in bootstrap(made(TOY, noise), n_fits=80))
        return floors[-3] - floors[2]

    assert 0 < width(0.002) < width(0.02) / 3


def test_a_bootstrap_is_the_same_for_the_same_seed_only():
    runs = made(TOY, noise=0.01)
    assert bootstrap(runs, 3, seed=1) == bootstrap(runs, 3, seed=1) != bootstrap(runs, 3, seed=2)


@pytest.mark.parametrize("fitted", [fit, bootstrap])
@pytest.mark.parametrize(
    ("runs", "says"),
    [
        ([], "0 different numbers of parameters"),
        ([run for run in made(TOY) if run.parameters < 5e4], "2 different numbers of parameters"),
        ([run for run in made(TOY) if run.tokens < 5e5], "2 different numbers of tokens"),
        ([*made(TOY), Point(10_000, 100_000, 0.0)], "not above 0"),
        ([*made(TOY), Point(10_000, 100_000, math.nan)], "not above 0"),
    ],
)
def test_runs_that_cannot_tell_a_law_are_refused(fitted, runs, says):
    with pytest.raises(CourseError, match=says):
        fitted(runs)


# The optimum


@pytest.mark.parametrize("law", [CHINCHILLA, TOY], ids=["Chinchilla", "toy"])
@pytest.mark.parametrize("flops", [1e12, 1e15, 5.76e23])
def test_no_other_split_of_the_budget_is_better(law, flops):
    best = optimum(law, flops)
    assert 6 * best.parameters * best.tokens == pytest.approx(flops)
    assert best.loss == pytest.approx(law.loss(best.parameters, best.tokens))
    others = [best.parameters * 1.001**step for step in range(-5000, 5001)]
    found = min(others, key=lambda parameters: law.loss(parameters, flops / 6 / parameters))
    assert found == pytest.approx(best.parameters, rel=2e-3)


# The table


RUNS = load_runs()
FITTED = [run for run in RUNS if not run.held_out]


@pytest.fixture(scope="module")
def vocab_size() -> int:
    return len(World().words()) + 1


def test_the_table_holds_what_the_benchmark_makes_and_nothing_else():
    assert sorted(map(str, ((run.preset, run.held_out) for run in RUNS))) == sorted(map(str, benchmark.plan()))


def test_an_installed_course_has_the_table():
    """Files that are no Python are installed only where pyproject.toml says so."""
    root = Path(__file__).parents[1]
    settings = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    (pattern,) = settings["tool"]["setuptools"]["package-data"]["course_lib"]
    assert fnmatch(str(Path(str(scaling.TABLE)).relative_to(root / "course_lib")), pattern)


@pytest.mark.parametrize("run", RUNS, ids=lambda run: f"{run.d_model} wide, {run.steps} steps, seed {run.seed}")
def test_sizes_and_costs_of_a_run_are_those_of_its_settings(run, vocab_size):
    config = run.preset.model(vocab_size)
    parts = costs(config, n_tokens=run.preset.context_length)
    assert run.parameters == GPT(config).n_parameters
    assert run.embedding_parameters == 2 * config.vocab_size * config.d_model
    assert run.tokens == run.steps * run.preset.batch_size * run.preset.context_length
    per_token = 3 * sum(part.flops for part in parts.values()) / run.preset.context_length
    assert run.flops == pytest.approx(per_token * run.tokens, rel=1e-12)


def test_every_outcome_is_possible(vocab_size):
    world = World()
    floor = world.floor(world.documents(VALIDATION_DOCUMENTS, VALIDATION_SEED)).per_word
    for run in RUNS:
        assert floor < run.loss < math.log(vocab_size)
        assert run.fact_loss > 0
        # A wrong fact spoils one portrait at most, and a portrait has five.
        assert 1 - 5 * (1 - run.facts_right) - 1e-4 <= run.portraits_right <= run.facts_right


def test_more_text_and_more_parameters_help():
    losses = {(run.d_model, run.steps): run.loss for run in FITTED if run.seed == 0}
    for (width, few), (same, many) in pairwise(sorted(losses)):
        assert width != same or losses[width, few] > losses[width, many]
    longest = max(steps for _, steps in losses)
    for narrow, wide in pairwise(width for width, steps in sorted(losses) if steps == longest):
        assert losses[narrow, longest] > losses[wide, longest]


def errors(law: Law, runs: list[scaling.Run]) -> list[float]:
    return [abs(law.loss(run.parameters, run.tokens) / run.loss - 1) for run in runs]


def test_the_law_of_the_table_belongs_to_the_table():
    """It is no close fit: this world ends, and then no power law holds. But it is far from that of mixed-up losses."""
    larger = [run for run in RUNS if run.held_out]
    assert min(run.parameters for run in larger) > max(run.parameters for run in FITTED)
    law = fit(FITTED)
    assert statistics.median(errors(law, FITTED)) < 0.06
    assert max(errors(law, larger)) < 0.3
    mixed = [replace(run, loss=other.loss) for run, other in zip(FITTED, reversed(FITTED), strict=True)]
    assert statistics.median(errors(fit(mixed), mixed)) > 0.1
    assert min(errors(fit(mixed), larger)) > 0.5


def test_a_run_that_is_made_again_ends_where_the_table_has_it():
    recorded = min(RUNS, key=lambda run: run.flops)
    again = benchmark.Bench().run(recorded.preset, recorded.held_out)
    assert again.loss == pytest.approx(recorded.loss, rel=0.05)
    assert again.fact_loss == pytest.approx(recorded.fact_loss, rel=0.1)
    outcome = {"loss": 0.0, "fact_loss": 0.0, "facts_right": 0.0, "portraits_right": 0.0}
    assert replace(again, **outcome) == replace(recorded, **outcome)
