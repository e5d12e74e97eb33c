"""What the first cell of every notebook calls."""

import platform

import course_lib.runtime
from course_lib.presets import current_preset_name


def setup() -> None:
    """Fix the seeds and print what this notebook runs on: preset, device, versions.

    Raises CourseError when COURSE_PRESET names a preset that does not exist.
    """
    import torch

    course_lib.runtime.seed_everything(0)
    device = course_lib.runtime.device()
    where = (
        torch.cuda.get_device_name() if device.type == "cuda" else f"{device.type}, {torch.get_num_threads()} threads"
    )
    print(f"preset {current_preset_name()} · {where} · Python {platform.python_version()} · torch {torch.__version__}")
