"""The learner's progress survives damage, a full disk and missing rights, and never gets in the way."""

import json
from pathlib import Path

import pytest

from course_lib import progress
from course_lib.checks import EXERCISES
from course_lib.commands import exercises as exercises_command
from course_lib.commands import progress as progress_command


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "someone" / "progress.json"
    monkeypatch.setattr(progress, "progress_file", lambda: path)
    return path


def test_what_is_recorded_is_there_afterwards(file: Path) -> None:
    assert progress.passed() == {}
    progress.record("01.2")
    progress.record("01.1")
    assert list(progress.passed()) == ["01.1", "01.2"]
    assert [path.name for path in file.parent.iterdir()] == ["progress.json"]


def test_the_day_of_the_first_pass_stays(file: Path) -> None:
    file.parent.mkdir()
    file.write_text(json.dumps({"passed": {"01.1": "2001-02-03"}}), encoding="utf-8")
    progress.record("01.1")
    progress.record("01.2")
    assert progress.passed()["01.1"] == "2001-02-03"


def test_a_leaderboard_keeps_the_best_in_order_and_no_more_than_its_places(file: Path) -> None:
    assert progress.leaderboard("13.6") == []
    for score in (0.5, 0.25, 0.75, *([0.6] * progress.PLACES)):
        progress.record("13.6", score)
    scores = [score for score, _ in progress.leaderboard("13.6")]
    assert scores == [0.25, 0.5] + [0.6] * (progress.PLACES - 2)
    assert list(progress.passed()) == ["13.6"]
    assert progress.leaderboard("13.5") == []


def test_progress_from_before_there_were_leaderboards_is_kept(file: Path) -> None:
    file.parent.mkdir()
    file.write_text(json.dumps({"passed": {"01.1": "2001-02-03"}}), encoding="utf-8")
    progress.record("13.6", 0.5)
    assert list(progress.passed()) == ["01.1", "13.6"]


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"7",
        b"{}",
        b'{"passed": []}',
        b'{"passed": {"01.1": 7}}',
        b'{"passed": {}, "scores": []}',
        b'{"passed": {}, "scores": {"13.6": [0.5]}}',
        b'{"passed": {}, "scores": {"13.6": [["0.5", "2001-02-03"]]}}',
        b"\xff\xfe\x00",
        b"[" * 100_000,
        b"<html>",
    ],
    ids=lambda damage: repr(damage[:12]),
)
def test_a_damaged_file_is_set_aside_and_a_new_one_begun(
    damage: bytes, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file.parent.mkdir()
    for number in (1, 2):
        file.write_bytes(damage)
        progress.record("01.1")
        assert list(progress.passed()) == ["01.1"]
        assert (file.parent / f"progress.damaged-{number}.json").read_bytes() == damage
    assert "damaged" in capsys.readouterr().err


def test_where_nothing_can_be_written_there_is_only_a_notice(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.parent.write_text("a file where the folder should be", encoding="utf-8")
    progress.record("01.1")
    assert progress.passed() == {}
    assert "could not be noted" in capsys.readouterr().err
    assert file.parent.read_text(encoding="utf-8") == "a file where the folder should be"


def test_a_full_disk_loses_neither_the_old_progress_nor_leaves_a_scrap(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    progress.record("01.1")

    def full(self: Path, *arguments: object, **options: object) -> None:
        self.write_bytes(b'{"pas')
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_text", full)
        progress.record("01.2")
    assert list(progress.passed()) == ["01.1"]
    assert [path.name for path in file.parent.iterdir()] == ["progress.json"]
    assert "No space left" in capsys.readouterr().err


def test_a_file_that_cannot_be_read_is_not_overwritten(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    progress.record("01.1")

    def denied(self: Path, *arguments: object, **options: object) -> None:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_text", denied)
        assert progress.passed() == {}
        progress.record("01.2")
    assert list(progress.passed()) == ["01.1"]
    assert "Permission denied" in capsys.readouterr().err


def test_a_damaged_file_that_cannot_be_moved_is_told_and_nothing_else(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file.parent.mkdir()
    file.write_text("{", encoding="utf-8")

    def denied(self: Path, target: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "replace", denied)
    assert progress.passed() == {}
    assert "could not be moved away" in capsys.readouterr().err
    assert file.read_text(encoding="utf-8") == "{"


def test_progress_belongs_to_the_user() -> None:
    assert progress.progress_file().name == "progress.json"
    assert progress.progress_file().parent.name == "course_lib"


def test_the_exercises_command_lists_them_all_and_marks_those_solved(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    progress.record("01.3")
    listed = exercises_command.run(exercises_command.Options())
    assert [entry["id"] for entry in listed] == list(EXERCISES)
    assert all(set(entry) == {"id", "title", "stars", "minutes", "lesson"} for entry in listed)
    marked = [line for line in capsys.readouterr().out.splitlines() if "✓" in line]
    assert len(marked) == 1
    assert EXERCISES["01.3"].title in marked[0]


def test_the_progress_command_counts_and_says_what_is_next(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for exercise_id in ("01.1", "01.2", "99.9"):
        progress.record(exercise_id)
    shown = progress_command.run(progress_command.Options())
    assert list(shown["passed"]) == ["01.1", "01.2"], "an exercise that no longer exists does not count"
    assert shown["lessons"]["01_loss_functions"]["passed"] == 2
    assert shown["next"] == "01.3"
    assert "next: 01.3" in capsys.readouterr().out
    for exercise_id in EXERCISES:
        progress.record(exercise_id)
    assert progress_command.run(progress_command.Options())["next"] is None
