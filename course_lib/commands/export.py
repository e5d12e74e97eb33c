"""Write a trained model's weights into one file, however many ranks have saved them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors.torch

from course_lib.commands.run_folder import Run
from course_lib.files import write_whole


@dataclass(frozen=True)
class Options:
    """Write a trained model's weights into one safetensors file, by the names of its parameters."""

    model: Path
    """Folder of a training run."""
    out: Path
    """The file to write; what is there is replaced."""


def run(options: Options) -> dict[str, Any]:
    """Write the weights as they were last saved; returns where, and how many numbers they are."""
    model = Run.open(options.model).trained_model()
    data = safetensors.torch.save({name: weight.detach().cpu() for name, weight in model.named_parameters()})
    write_whole(options.out, data)
    print(f"{model.n_parameters:,} parameters in {options.out}")
    return {"path": str(options.out), "parameters": model.n_parameters}
