"""Sizes and step counts by name. A preset changes numbers, never code."""

import os
from dataclasses import dataclass
from difflib import get_close_matches

from course_lib.config import Config
from course_lib.errors import CourseError
from course_lib.model import TransformerConfig
from course_lib.runtime import device
from course_lib.training import TrainingConfig

NOTEBOOK_PRESETS = ("smoke", "laptop", "gpu")


@dataclass(frozen=True)
class Preset(Config):
    """All that is chosen before a run: the model's sizes, the shape of a batch, and how to train."""

    n_layers: int
    """Number of blocks, one on top of the other."""
    n_heads: int
    """Number of attention heads in each block."""
    d_model: int
    """Width of the vector that stands for a token."""
    context_length: int
    """The most tokens that the model can look at; also the length of a row of a batch."""
    batch_size: int
    """Rows in a batch."""
    training: TrainingConfig
    dropout: float = 0.0
    """Share of each block's output that is dropped at random while training."""

    def __post_init__(self) -> None:
        if self.batch_size < 1:
            raise CourseError(f"batch_size is {self.batch_size}, but a batch needs at least 1 row.")
        self.model(vocab_size=1)  # refuses impossible sizes now, before a corpus is loaded

    def model(self, vocab_size: int) -> TransformerConfig:
        """The model of these sizes for a vocabulary, which only the corpus decides."""
        return TransformerConfig(
            vocab_size=vocab_size,
            context_length=self.context_length,
            n_layers=self.n_layers,
            n_heads=self.n_heads,
            d_model=self.d_model,
            dropout=self.dropout,
        )


WORLD = {
    # A few seconds, to see that all parts fit together.
    "smoke": Preset(
        n_layers=1,
        n_heads=2,
        d_model=32,
        context_length=128,
        batch_size=4,
        training=TrainingConfig(steps=20),
    ),
    # One minute on two CPU cores.
    "laptop": Preset(
        n_layers=1,
        n_heads=4,
        d_model=128,
        context_length=128,
        batch_size=8,
        training=TrainingConfig(steps=1_500, lr=0.02, muon_lr=0.015),
    ),
    "gpu": Preset(
        n_layers=4,
        n_heads=4,
        d_model=256,
        context_length=128,
        batch_size=64,
        training=TrainingConfig(steps=3_000, lr=0.005, muon_lr=0.005),
    ),
}

TEXT = {
    "smoke": Preset(
        n_layers=1,
        n_heads=2,
        d_model=32,
        context_length=32,
        batch_size=8,
        training=TrainingConfig(steps=20),
    ),
    # One minute on two CPU cores.
    "laptop": Preset(
        n_layers=2,
        n_heads=4,
        d_model=128,
        context_length=64,
        batch_size=20,
        training=TrainingConfig(steps=1_400, lr=0.015, muon_lr=0.02, decay=0.8),
    ),
    # The sizes of nanoGPT's recipe for one GPU; a text as short as Tiny Shakespeare is read often enough for dropout.
    "gpu": Preset(
        n_layers=6,
        n_heads=6,
        d_model=384,
        context_length=256,
        batch_size=64,
        dropout=0.2,
        training=TrainingConfig(steps=2_000, lr=0.003, muon_lr=0.02),
    ),
    # To nanoGPT's validation loss on Tiny Shakespeare with its recipe for the CPU, in a fraction of the time.
    "speedrun": Preset(
        n_layers=2,
        n_heads=4,
        d_model=128,
        context_length=64,
        batch_size=16,
        training=TrainingConfig(steps=205, lr=0.015, muon_lr=0.03, decay=0.7),
    ),
}


def find_preset(name: str, corpus: str) -> Preset:
    """The preset of that name for a corpus: the toy world has its own numbers, all real text shares another set.

    Raises CourseError, with the names there are, where there is none.
    """
    presets = WORLD if corpus == "world" else TEXT
    if name not in presets:
        raise CourseError(_unknown(name, tuple(presets), f"for {corpus}"))
    return presets[name]


def current_preset_name() -> str:
    """What COURSE_PRESET says; where it is not set, gpu on CUDA and laptop on anything else.

    Raises CourseError where COURSE_PRESET names none of smoke, laptop, gpu.
    """
    name = os.environ.get("COURSE_PRESET") or ("gpu" if device().type == "cuda" else "laptop")
    if name not in NOTEBOOK_PRESETS:
        raise CourseError(_unknown(name, NOTEBOOK_PRESETS, "in COURSE_PRESET"))
    return name


def training_steps(steps: int) -> int:
    """How long a lesson trains what it only wants to look at: a tenth of `steps` under the smoke preset, which asks
    whether all parts fit and not how good the result is."""
    return max(1, steps // 10) if current_preset_name() == "smoke" else steps


def _unknown(name: str, known: tuple[str, ...], where: str) -> str:
    near = get_close_matches(name, known, n=1)
    hint = f"Did you mean {near[0]!r}? " if near else ""
    return f"There is no preset {name!r} {where}. {hint}There are: {', '.join(known)}."
