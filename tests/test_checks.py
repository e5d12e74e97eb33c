"""The judge never raises for a learner, whatever an answer does, and says what is wrong. Claims hold the text."""

import _thread
import io
import random
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from course_lib import progress
from course_lib.checks import EXERCISES, CheckResult, Exercise, check, claim, deadline, judge, registry
from course_lib.checks.describe import as_numbers, describe
from course_lib.checks.judge import judge as try_answer
from course_lib.checks.trial import BrokenLaw, Mistake, Trial


@pytest.fixture(autouse=True)
def _own_progress(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "progress_file", lambda: tmp_path / "progress.json")
    monkeypatch.delenv("COURSE_STRICT", raising=False)


def doubled(trial: Trial) -> None:
    x = torch.tensor([1.0, 2.0])
    trial(x=x).equals(2 * x, "every number is doubled", Mistake("squared", x**2, "That is the square."))


DOUBLE = Exercise("99.1", "Double it", 1, 5, "99_tests", doubled)


def endless(x: torch.Tensor) -> torch.Tensor:
    while True:
        pass


def endless_and_stubborn(x: torch.Tensor) -> torch.Tensor:
    strikes = 0
    while strikes < 3:
        try:
            while True:
                pass
        except BaseException:
            strikes += 1
    raise deadline.OutOfTime


def endless_printing(x: torch.Tensor) -> torch.Tensor:
    while True:
        print("again")


def changes_its_input(x: torch.Tensor) -> torch.Tensor:
    x *= 2
    return x


def recursive(x: torch.Tensor) -> torch.Tensor:
    return recursive(x)


def leaves(x: torch.Tensor) -> torch.Tensor:
    sys.exit(3)


def no_check_is_running() -> bool:
    """Whether every worker is gone; one that has just been stopped may take a moment."""
    for thread in threading.enumerate():
        if thread.name == "check":
            thread.join(5)
    return all(thread.name != "check" for thread in threading.enumerate())


class Doubler:
    """A right answer that is no function, and whose result has a gradient."""

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        return x.mul(2).requires_grad_()


class Moody:
    """Raises whenever it is looked at."""

    def __repr__(self) -> str:
        raise KeyError("no")

    __array__ = __float__ = __repr__


@pytest.mark.parametrize(
    ("answer", "mistake", "told"),
    [
        (
            lambda x: x**2,
            "squared",
            ["Broken law: every number is doubled.", "That is the square.", "[1, 4]", "[2, 4]"],
        ),
        (lambda x: x + 1, "wrong_value", ["differ most at [1]: yours is 3, wanted 4"]),
        (lambda: 1, "wrong_signature", ["(x)", "<lambda>()"]),
        (lambda x, y: x, "wrong_signature", ["<lambda>(x, y)"]),
        (torch.tensor([2.0, 4.0]), "not_a_function", ["the function itself"]),
        (None, "not_a_function", ["None"]),
        (lambda x: None, "returns_nothing", ["`return`"]),
        (lambda x: 1 / 0, "raises", ["ZeroDivisionError: division by zero", "line ", "x=[1, 2]"]),
        (recursive, "raises", ["RecursionError"]),
        (leaves, "raises", ["SystemExit: 3"]),
        (changes_its_input, "mutates_input", ["changed `x`"]),
        (lambda x: [2.0, 4.0], "wrong_type", ["type list, wanted Tensor"]),
        (lambda x: "2 4", "wrong_type", ["type str"]),
        (lambda x: (value for value in x), "wrong_type", ["type generator"]),
        (lambda x: {"x": x}, "wrong_type", ["type dict"]),
        (lambda x: (2 * x)[None], "wrong_shape", ["(1, 2), wanted (2,)"]),
        (lambda x: torch.zeros(3), "wrong_shape", ["(3,), wanted (2,)"]),
        (lambda x: (2 * x).long(), "wrong_dtype", ["torch.int64, wanted torch.float32"]),
        (lambda x: x / 0, "not_finite", ["infinite"]),
        (lambda x: x * torch.nan, "not_finite", ["nan"]),
        (lambda x: Moody(), "check_failed", ["fault of the course"]),
        (torch.nn.Identity(), "wrong_value", []),
        (torch.neg, "wrong_value", []),
    ],
)
def test_a_bad_answer_is_told_what_is_wrong_and_raises_nothing(
    answer: Any, mistake: str, told: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    result = try_answer(DOUBLE, answer)
    assert result.mistake == mistake, result.message
    assert not result
    for part in told:
        assert part in result.message
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("answer", "told"),
    [(endless, "x=[1, 2]"), (endless_and_stubborn, "endless loop"), (endless_printing, "It also printed")],
)
@pytest.mark.usefixtures("untraced_workers")
def test_an_answer_that_never_returns_is_stopped(
    answer: Callable, told: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(judge, "SECONDS", 0.5)
    result = try_answer(DOUBLE, answer)
    assert result.mistake == "never_returns"
    assert told in result.message
    assert "restart" not in result.message
    assert capsys.readouterr() == ("", "")
    assert no_check_is_running()


@pytest.mark.parametrize(
    "answer",
    [lambda x: 2 * x, lambda x: 2 * x.double(), lambda x, y=1: x + x, lambda *x: x[0] * 2, Doubler()],
    ids=["plain", "more precise", "optional argument", "any arguments", "object"],
)
def test_every_way_of_being_right_passes(answer: Callable) -> None:
    result = try_answer(DOUBLE, answer)
    assert result.passed, result.message
    assert result.mistake is None


def test_the_learners_line_is_named_and_not_that_of_a_library() -> None:
    def outer(x: torch.Tensor) -> torch.Tensor:
        return torch.cat([x, torch.stack([])])

    result = try_answer(DOUBLE, outer)
    assert f"where:  line {outer.__code__.co_firstlineno + 1} in outer: `return torch.cat" in result.message


def test_prints_are_kept_out_of_sight_and_mentioned(capsys: pytest.CaptureFixture[str]) -> None:
    def chatty(x: torch.Tensor) -> torch.Tensor:
        print("one\ntwo")
        print("three")
        return 2 * x

    result = try_answer(DOUBLE, chatty)
    assert result.passed
    assert "printed 3 lines" in result.message
    assert capsys.readouterr().out == ""


@pytest.mark.usefixtures("untraced_workers")
def test_a_thread_that_cannot_be_stopped_is_left_behind() -> None:
    gate = threading.Event()
    with pytest.raises(deadline.DeadlineError) as late:
        deadline.run_with_deadline(gate.wait, 0.1)
    assert not late.value.stopped
    gate.set()
    assert no_check_is_running()


def test_and_the_learner_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def late(work: Callable, seconds: float) -> None:
        raise deadline.DeadlineError(stopped=False)

    monkeypatch.setattr(judge, "run_with_deadline", late)
    result = try_answer(DOUBLE, endless)
    assert result.mistake == "never_returns"
    assert "restart the kernel" in result.message


@pytest.mark.usefixtures("untraced_workers", "ctrl_c_interrupts")
def test_an_interrupt_stops_the_check_and_reaches_the_notebook() -> None:
    timer = threading.Timer(0.3, _thread.interrupt_main)
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        try_answer(DOUBLE, endless)
    timer.join()
    assert no_check_is_running()


@pytest.mark.usefixtures("untraced_workers")
def test_only_the_worker_is_ever_interrupted() -> None:
    """Work that ends just when its time is up, again and again: it is either done or late, and nothing else is hit."""
    outcomes = set()
    for attempt in range(40):
        finish = time.perf_counter() + 0.045 + 0.0005 * (attempt % 20)

        def work(finish: float = finish) -> None:
            while time.perf_counter() < finish:
                pass

        try:
            deadline.run_with_deadline(work, 0.05)
            outcomes.add("done")
        except deadline.DeadlineError as late:
            outcomes.add("late, stopped" if late.stopped else "late, left behind")
    assert outcomes <= {"done", "late, stopped"}
    assert no_check_is_running()


def test_what_the_work_raises_comes_out() -> None:
    def work() -> None:
        raise LookupError("gone")

    with pytest.raises(LookupError, match="gone"):
        deadline.run_with_deadline(work, 5)


def test_the_global_random_generators_are_seeded_for_the_answer_and_put_back() -> None:
    def lucky(trial: Trial) -> None:
        trial().requires(False, "luck", "unlucky", "No.")

    drawn = []

    def draws() -> float:
        drawn.append((random.random(), np.random.random(), torch.rand(1).item()))  # noqa: NPY002
        return 1.0

    for seed in (1, 2):
        random.seed(seed)
        np.random.seed(seed)  # noqa: NPY002
        torch.manual_seed(seed)
        before = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()  # noqa: NPY002
        assert try_answer(Exercise("99.2", "Luck", 1, 1, "99_tests", lucky), draws).mistake == "unlucky"
        assert before == (random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist())  # noqa: NPY002
    assert drawn[0] == drawn[1]


def test_the_same_inputs_at_every_check() -> None:
    first, second = Trial(None), Trial(None)
    assert torch.equal(first.normal(3, 4), second.normal(3, 4))
    assert torch.equal(first.integers(5, 9), second.integers(5, 9))


@pytest.fixture
def _double_is_registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(EXERCISES, DOUBLE.id, DOUBLE)


@pytest.mark.usefixtures("_double_is_registered")
class TestCheck:
    def test_a_pass_is_printed_and_noted(self, capsys: pytest.CaptureFixture[str]) -> None:
        result = check("99.1", lambda x: x + x)
        assert result == CheckResult("99.1", True, "✓ 99.1 · Double it: all laws hold.", None)
        assert capsys.readouterr().out == result.message + "\n"
        assert list(progress.passed()) == ["99.1"]

    def test_a_failure_is_printed_and_not_noted(self, capsys: pytest.CaptureFixture[str]) -> None:
        result = check("99.1", lambda x: x**2)
        assert not result
        assert capsys.readouterr().out == result.message + "\n"
        assert progress.passed() == {}

    def test_an_answer_left_out_is_not_yet_written(self) -> None:
        assert check("99.1").mistake == "not_yet_written"

    @pytest.mark.parametrize("answer", [lambda x: x**2, ...])
    def test_strictly_a_failure_is_an_error(self, answer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("COURSE_STRICT", "1")
        with pytest.raises(AssertionError, match="Double it"):
            check("99.1", answer)

    def test_strictly_a_pass_is_not_noted(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("COURSE_STRICT", "1")
        assert check("99.1", lambda x: x + x)
        assert progress.passed() == {}

    def test_a_contest_shows_the_leaderboard_with_this_answer_in_its_place(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        def laws(trial: Trial) -> None:
            trial.score = trial(x=torch.tensor(1.0)).value

        monkeypatch.setitem(EXERCISES, "99.3", Exercise("99.3", "Get low", 1, 1, "99_tests", laws))
        for answer in (0.5, 0.25, 0.75):
            assert check("99.3", lambda x, answer=answer: answer).score == answer
        *_, second, third = capsys.readouterr().out.splitlines()
        assert "0.5000" in second
        assert "←" not in second
        assert "0.7500" in third
        assert third.endswith("this one")
        assert [score for score, _ in progress.leaderboard("99.3")] == [0.25, 0.5, 0.75]

    def test_the_result_is_shown_once_in_a_notebook(self, capsys: pytest.CaptureFixture[str]) -> None:
        result = try_answer(DOUBLE, lambda x: x)
        assert result._ipython_display_() is None
        assert capsys.readouterr().out == ""


def test_an_unknown_exercise_gets_near_ones_named() -> None:
    result = check("1.1", lambda x: x)
    assert result.mistake == "unknown_exercise"
    assert "01.1" in result.message
    assert all(exercise_id in check("banana", abs).message for exercise_id in EXERCISES)


def test_an_unknown_exercise_is_an_error_strictly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSE_STRICT", "1")
    with pytest.raises(AssertionError, match=r"no exercise '01\.99'"):
        check("01.99", abs)


def test_an_exercise_id_is_given_once() -> None:
    with pytest.raises(ValueError, match=r"two exercises are called 01\.1"):
        registry.exercise("01.1", title="Again", stars=1, minutes=1)(doubled)


class TestLaws:
    """What `Trial` and `Returned` promise to those who write laws."""

    def returned(self, value: Any) -> Any:
        return Trial(lambda: value)()

    def test_a_number_may_come_as_any_kind_of_number(self) -> None:
        for value in (2, 2.0, torch.tensor(2.0), torch.tensor(2), np.float32(2), np.int64(2), True + True):
            self.returned(value).equals(2.0, "two")

    @pytest.mark.parametrize("value", ["2", 2 + 0j, torch.tensor(2 + 0j), None.__class__, {2}, [2, [2]], [2, "2"]])
    def test_and_not_as_something_else(self, value: Any) -> None:
        with pytest.raises(BrokenLaw) as broken:
            self.returned(value).equals(2.0, "two")
        assert broken.value.mistake == "wrong_type"

    def test_numbers_in_a_collection_may_be_mixed(self) -> None:
        self.returned((torch.tensor(1.0, requires_grad=True), 2)).equals([1.0, 2.0], "one and two")
        self.returned([]).equals([], "nothing")

    def test_an_expected_nan_is_met_by_nan_alone(self) -> None:
        self.returned(torch.tensor([torch.nan])).equals(torch.tensor([torch.nan]), "nan")
        with pytest.raises(BrokenLaw):
            self.returned(torch.tensor([0.0])).equals(torch.tensor([torch.nan]), "nan")

    def test_a_mistake_that_cannot_apply_is_passed_over(self) -> None:
        mistake = Mistake("large", lambda got: float(got) > 1, "Too large.")
        with pytest.raises(BrokenLaw) as broken:
            self.returned(torch.ones(2)).equals(torch.zeros(2), "zero", mistake)
        assert broken.value.mistake == "wrong_value"

    def test_the_right_value_is_shown_only_where_it_may_be(self) -> None:
        for reveal in (True, False):
            with pytest.raises(BrokenLaw) as broken:
                self.returned(1.0).equals(1234.0, "the number", reveal=reveal)
            assert ("1234" in " ".join(broken.value.lines)) == reveal

    def test_an_entry_is_held_against_laws_of_its_own(self) -> None:
        self.returned({"a": 1}).entry("a").equals(1, "one")
        self.returned((1, 2)).entry(1).equals(2, "two")
        for value, key in (({"a": 1}, "b"), ((1, 2), 2), (7, 0), (torch.zeros(2), "a")):
            with pytest.raises(BrokenLaw) as broken:
                self.returned(value).entry(key)
            assert broken.value.mistake == "no_entry"

    def test_a_remark_reaches_only_those_who_pass(self) -> None:
        def laws(trial: Trial) -> None:
            trial.remark = "Well done."
            trial().equals(1, "one")

        exercise = Exercise("99.3", "One", 1, 1, "99_tests", laws)
        assert "Well done." in try_answer(exercise, lambda: 1).message
        assert "Well done." not in try_answer(exercise, lambda: 2).message

    @pytest.mark.parametrize("change", [lambda x: x.unsqueeze_(0), lambda x: x.fill_(7)])
    def test_any_change_of_the_input_is_noticed(self, change: Callable) -> None:
        for x in (torch.tensor([1.0, torch.nan]), torch.tensor([1, 2])):
            with pytest.raises(BrokenLaw) as broken:
                Trial(change)(x=x)
            assert broken.value.mistake == "mutates_input"
            assert x.shape == (2,)
            assert x[0] == 1, "the check's own tensor stays"

    def test_changed_lists_are_noticed_too(self) -> None:
        with pytest.raises(BrokenLaw) as broken:
            Trial(lambda ids, text: ids.append(1) or ids)(ids=[3], text="a")
        assert "`ids`" in broken.value.lines[0]

    def test_changed_tensors_in_collections_are_noticed_too(self) -> None:
        def weights() -> dict[str, Any]:
            return {"head": torch.ones(2), "blocks": [{"q": torch.ones(3)}]}

        def changes_a_block(weights: dict[str, Any]) -> int:
            weights["blocks"][0]["q"] += 1
            return 1

        for change in (changes_a_block, lambda w: w.pop("head").sum(), lambda w: w["blocks"].clear() or 1):
            with pytest.raises(BrokenLaw) as broken:
                Trial(change)(weights=weights())
            assert broken.value.mistake == "mutates_input"
        Trial(lambda weights: weights["blocks"][0]["q"] + 1)(weights=weights())


@pytest.mark.parametrize(
    ("value", "line"),
    [
        (torch.tensor([1.0, 0.333333]), "[1, 0.3333]"),
        (torch.tensor(7), "7"),
        (torch.zeros(3, 5, dtype=torch.int64), "<int64 tensor of shape (3, 5)>"),
        (abs, "abs"),
        ({"a": [1, (2.5,)]}, "{'a': [1, (2.5,)]}"),
        ("text", "'text'"),
        ("x" * 200, "'" + "x" * 76 + "..."),
        (float("inf"), "inf"),
        (list(range(100)), repr(list(range(100)))[:77] + "..."),
    ],
)
def test_values_are_described_in_a_line(value: Any, line: str) -> None:
    assert describe(value) == line


def test_numbers_are_read_from_whatever_holds_them() -> None:
    assert as_numbers(np.ones((2, 3))).shape == (2, 3)
    assert as_numbers(object()) is None
    assert as_numbers(10**400) is None


class TestClaim:
    @pytest.mark.parametrize("true", [True, np.True_, torch.tensor(True), torch.tensor([[True]]), np.array([True])])
    def test_what_holds_is_said(self, true: Any, capsys: pytest.CaptureFixture[str]) -> None:
        claim(true, "water is wet")
        assert capsys.readouterr().out == "✓ water is wet\n"

    @pytest.mark.parametrize("false", [False, np.False_, torch.tensor(False)])
    def test_what_does_not_hold_is_a_note_for_a_reader(self, false: Any, capsys: pytest.CaptureFixture[str]) -> None:
        claim(false, "water is dry")
        out = capsys.readouterr().out
        assert "Not so here: water is dry" in out
        assert "✓" not in out

    def test_and_an_error_strictly(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("COURSE_STRICT", "1")
        claim(True, "water is wet")
        with pytest.raises(AssertionError, match="water is dry"):
            claim(torch.tensor(False), "water is dry")

    @pytest.mark.parametrize(
        "condition", [None, 1, 0.5, "yes", torch.tensor([True, False]), np.ones(2) > 0, torch.ones(1)]
    )
    def test_what_is_not_one_truth_value_is_a_badly_put_claim(self, condition: Any) -> None:
        with pytest.raises(TypeError, match="one truth value"):
            claim(condition, "water is wet")


def test_a_console_that_cannot_write_a_tick_gets_a_question_mark(monkeypatch: pytest.MonkeyPatch) -> None:
    console = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", console)
        claim(True, "2 − 1 = 1")
    console.seek(0)
    assert console.read().strip() == "? 2 ? 1 = 1"
