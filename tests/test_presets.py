"""Presets: every name leads to a model that can be built, and a wrong name to those there are."""

import dataclasses
import json

import pytest
import torch

from course_lib import presets
from course_lib.errors import CourseError
from course_lib.model import GPT
from course_lib.presets import NOTEBOOK_PRESETS, TEXT, WORLD, Preset, current_preset_name, find_preset, training_steps

ALL = [*WORLD.values(), *TEXT.values()]


def test_notebooks_find_their_presets_for_every_corpus() -> None:
    for corpus in ("world", "shakespeare", "my.txt"):
        for name in NOTEBOOK_PRESETS:
            assert isinstance(find_preset(name, corpus), Preset)


def test_the_world_has_numbers_of_its_own() -> None:
    assert find_preset("laptop", "world") != find_preset("laptop", "shakespeare")
    assert find_preset("laptop", "shakespeare") == find_preset("laptop", "some/file.txt")


@pytest.mark.parametrize("preset", ALL)
def test_a_preset_survives_json(preset: Preset) -> None:
    assert Preset.from_dict(json.loads(json.dumps(preset.to_dict()))) == preset


@pytest.mark.parametrize("preset", ALL)
def test_a_preset_is_a_model(preset: Preset) -> None:
    config = preset.model(vocab_size=11)
    with torch.device("meta"):
        model = GPT(config)
    assert model.embedding.weight.shape == (11, preset.d_model)
    assert len(model.blocks) == preset.n_layers
    assert (config.context_length, config.n_heads, config.dropout) == (
        preset.context_length,
        preset.n_heads,
        preset.dropout,
    )


def test_an_unknown_name_is_answered_with_those_there_are() -> None:
    with pytest.raises(
        CourseError, match=r"no preset 'labtop' for world. Did you mean 'laptop'\? .*smoke, laptop, gpu"
    ):
        find_preset("labtop", "world")
    with pytest.raises(CourseError, match="no preset 'speedrun' for world"):
        find_preset("speedrun", "world")


@pytest.mark.parametrize(
    ("changes", "says"),
    [({"batch_size": 0}, "batch_size is 0"), ({"d_model": 7}, "d_model is 7"), ({"dropout": 1.0}, "dropout is 1.0")],
)
def test_impossible_sizes_are_refused_at_once(changes: dict[str, float], says: str) -> None:
    with pytest.raises(CourseError, match=says):
        dataclasses.replace(WORLD["smoke"], **changes)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"training": {"steps": 5, "learning_rate": 1.0}}, "TrainingConfig has no setting 'learning_rate'"),
        ({"training": 5}, "training is 5, but must be of type TrainingConfig"),
        ({"heads": 5}, "Preset has no setting 'heads'"),
    ],
)
def test_settings_are_read_strictly(changes: dict, says: str) -> None:
    with pytest.raises(CourseError, match=says):
        Preset.from_dict(WORLD["smoke"].to_dict() | changes)


def test_the_environment_chooses_the_preset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSE_PRESET", "smoke")
    assert current_preset_name() == "smoke"
    monkeypatch.setenv("COURSE_PRESET", "smoek")
    with pytest.raises(CourseError, match=r"no preset 'smoek' in COURSE_PRESET. Did you mean 'smoke'\?"):
        current_preset_name()


@pytest.mark.parametrize(("kind", "name"), [("cuda", "gpu"), ("mps", "laptop"), ("cpu", "laptop")])
def test_where_nothing_is_set_the_device_chooses(monkeypatch: pytest.MonkeyPatch, kind: str, name: str) -> None:
    monkeypatch.delenv("COURSE_PRESET", raising=False)
    monkeypatch.setattr(presets, "device", lambda: torch.device(kind))
    assert current_preset_name() == name


def test_a_smoke_preset_is_the_smallest() -> None:
    for family in (WORLD, TEXT):
        assert min(family, key=lambda name: family[name].training.steps) == "smoke"


@pytest.mark.parametrize(("preset", "expected"), [("smoke", [30, 1]), ("laptop", [300, 4]), ("gpu", [300, 4])])
def test_a_lessons_own_trainings_are_short_under_smoke_alone(preset, expected, monkeypatch):
    monkeypatch.setenv("COURSE_PRESET", preset)
    assert [training_steps(300), training_steps(4)] == expected
