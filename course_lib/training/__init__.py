"""Training: from a loss to updates, step by step, in a way that can be stopped and taken up again."""

from course_lib.training.checkpoints import Checkpoint, CheckpointError, load_checkpoint, save_checkpoint
from course_lib.training.distributed import ALONE, Ranks, joined, launch
from course_lib.training.loop import NonFiniteError, Step, TrainingConfig, TrainingRun, train
from course_lib.training.optim import AdamW, Muon, Optimizer, make_optimizers, orthogonalize
from course_lib.training.schedules import learning_rate_factor

__all__ = [
    "ALONE",
    "AdamW",
    "Checkpoint",
    "CheckpointError",
    "Muon",
    "NonFiniteError",
    "Optimizer",
    "Ranks",
    "Step",
    "TrainingConfig",
    "TrainingRun",
    "joined",
    "launch",
    "learning_rate_factor",
    "load_checkpoint",
    "make_optimizers",
    "orthogonalize",
    "save_checkpoint",
    "train",
]
