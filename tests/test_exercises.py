"""Every exercise of every lesson: the blank is not yet written, wrong answers get their diagnosis, right ones pass."""

import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest
import torch

from course_lib.checks import EXERCISES
from course_lib.checks.judge import judge

ROOT = Path(__file__).parents[1]
GENERAL = {"not_yet_written", "returns_nothing", "raises", "wrong_type", "wrong_shape", "wrong_dtype", "not_finite"}
"""Diagnoses that any exercise can give; an exercise needs five wrong answers beyond these."""


def load(path: Path) -> ModuleType:
    spec = spec_from_file_location("wrong_answers_" + path.stem, path)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def answers() -> Iterator[tuple[str, str, Callable]]:
    """(exercise, name, function) of each class `ExerciseNNNN`; the name is the diagnosis it must get, or "right"."""
    for path in sorted((ROOT / "tests" / "wrong_answers").glob("[0-9]*.py")):
        for name, group in vars(load(path)).items():
            if name.startswith("Exercise"):
                exercise_id = f"{name[-4:-2]}.{name[-2:].lstrip('0')}"
                for function in vars(group).values():
                    if callable(function):
                        yield exercise_id, function.__name__, function


ANSWERS = list(answers())


def case(answer: tuple) -> str:
    return "-".join(answer[:2])


@pytest.mark.parametrize("answer", [a for a in ANSWERS if a[1] == "right"], ids=case)
def test_a_right_answer_written_another_way_passes(answer: tuple[str, str, Callable]) -> None:
    exercise_id, _, function = answer
    result = judge(EXERCISES[exercise_id], function)
    assert result.passed, result.message


@pytest.mark.parametrize("answer", [a for a in ANSWERS if a[1] != "right"], ids=case)
def test_a_wrong_answer_is_rejected_with_its_own_diagnosis(
    answer: tuple[str, str, Callable], request: pytest.FixtureRequest
) -> None:
    exercise_id, mistake, function = answer
    if mistake == "never_returns":
        request.getfixturevalue("untraced_workers")
    result = judge(EXERCISES[exercise_id], function)
    assert result.mistake == mistake, result.message
    assert not result.passed


@pytest.mark.parametrize("exercise_id", EXERCISES)
def test_every_exercise_has_five_wrong_answers_of_its_own_and_a_right_one(exercise_id: str) -> None:
    names = [name for number, name, _ in ANSWERS if number == exercise_id]
    assert "right" in names
    assert len(set(names) - GENERAL - {"right"}) >= 5


def test_every_answer_belongs_to_an_exercise() -> None:
    assert {number for number, _, _ in ANSWERS} == set(EXERCISES)


@pytest.mark.parametrize("exercise_id", EXERCISES)
def test_what_is_not_written_yet_is_called_that(exercise_id: str) -> None:
    def stub(*arguments: object) -> None:
        raise NotImplementedError()

    for blank in (stub, ...):
        result = judge(EXERCISES[exercise_id], blank)
        assert result.mistake == "not_yet_written"
        assert "not yet written" in result.message


def test_exercises_are_listed_in_order_with_what_a_learner_wants_to_know() -> None:
    assert list(EXERCISES) == sorted(EXERCISES)
    for exercise_id, exercise in EXERCISES.items():
        assert exercise.id == exercise_id
        assert exercise.lesson.startswith(exercise_id[:2])
        assert (ROOT / "sources" / "exercises" / f"{exercise.lesson}.py").exists()
        assert exercise.stars in (1, 2, 3)
        assert 1 <= exercise.minutes <= 60


@pytest.mark.parametrize("path", sorted((ROOT / "sources" / "exercises").glob("*.py")), ids=lambda path: path.stem)
def test_a_source_offers_exactly_the_registered_exercises_and_its_own_answers_pass(path: Path, tmp_path: Path) -> None:
    """A source is a Python script as it stands: under COURSE_STRICT it runs through only if every answer passes."""
    environment = {**os.environ, "COURSE_STRICT": "1", "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"}
    done = subprocess.run(
        [sys.executable, "-W", "error", path],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr
    expected = [f"✓ {e.id} · {e.title}: all laws hold." for e in EXERCISES.values() if e.lesson == path.stem]
    assert [line for line in done.stdout.splitlines() if line.startswith("✓")] == expected


@pytest.mark.parametrize("answer", [a for a in ANSWERS if a[1] == "right"], ids=case)
def test_a_check_leaves_no_trace_in_random_numbers(answer: tuple[str, str, Callable]) -> None:
    torch.manual_seed(7)
    random.seed(7)
    before = torch.get_rng_state(), random.getstate()
    judge(EXERCISES[answer[0]], answer[2])
    assert torch.equal(torch.get_rng_state(), before[0])
    assert random.getstate() == before[1]
