"""Measure a trained model on the validation text, and for the toy world on what it says."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from course_lib.commands.run_folder import Run
from course_lib.errors import CourseError
from course_lib.evaluation import judge_world
from course_lib.text.world import World


@dataclass(frozen=True)
class Options:
    """Measure a trained model on the validation text."""

    model: Path
    """Folder of a training run."""
    samples: int = 300
    """Documents that a model of the toy world writes, to be judged."""

    def __post_init__(self) -> None:
        if self.samples < 1:
            raise CourseError(f"samples is {self.samples}, but at least 1 document is needed to judge a model by.")


def run(options: Options) -> dict[str, Any]:
    """Print and return the scores; for the world also the shares of grammatical and of true samples."""
    trained = Run.open(options.model)
    model = trained.trained_model()
    result: dict[str, Any] = asdict(trained.score(model))
    if trained.is_world:
        judgement = judge_world(World(), trained.sample(model, options.samples))
        result |= {
            "samples": judgement.n_texts,
            "grammatical": judgement.grammatical,
            "true": judgement.true,
            "false": judgement.false,
            "total_variation": judgement.total_variation,
            "kinds": judgement.kinds,
        }
    for name, value in result.items():
        if isinstance(value, float):
            print(f"{name:18} {value:.4f}")
    return result
