"""Let a trained model continue a text, shown as it is written."""

from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any

import torch
import tyro

from course_lib.commands.run_folder import Run
from course_lib.errors import CourseError
from course_lib.generation import Sampling, generate, stream_text
from course_lib.model import GPT
from course_lib.model.pretrained import PUBLISHED, load_pretrained
from course_lib.runtime import device
from course_lib.text import Tokenizer


@dataclass(frozen=True)
class Options:
    """Let a trained model continue a text."""

    model: str
    """Folder of a training run, or a model that others trained: stories260K, gpt2, gpt2-medium, gpt2-large, gpt2-xl, or
    a folder with its config.json and model.safetensors."""
    sampling: tyro.conf.OmitArgPrefixes[Sampling]
    prompt: str = ""
    """What to continue; empty: a new text."""
    tokens: int = 200
    """The most tokens to add; a document of the toy world may end sooner."""
    stop: tuple[str, ...] = ()
    """End before the first of these strings."""
    seed: int = 0
    """Another seed, another text; the same seed, the same text."""


def run(options: Options) -> dict[str, Any]:
    """Print the text while it is written; returns it whole, prompt included."""
    model, tokenizer, is_document = _load(options.model)
    start, end_id = tokenizer.encode(options.prompt), tokenizer.end_id
    # A document begins after the end of another; so does a text that has no beginning yet.
    if is_document or not start:
        if end_id is None:
            raise CourseError("The vocabulary has no line end, after which a text could begin. Give a --prompt.")
        start = [end_id, *start]
    columns = generate(
        model.to(device()),
        [start],
        options.tokens,
        options.sampling,
        end_id=end_id if is_document else None,
        generator=torch.Generator(device()).manual_seed(options.seed),
    )
    text = options.prompt
    print(text, end="", flush=True)
    written = takewhile(lambda token: not (is_document and token == end_id), (int(column) for column in columns))
    for piece in stream_text(written, tokenizer, prompt=start, stop=options.stop):
        print(piece, end="", flush=True)
        text += piece
    print()
    return {"text": text}


def _load(name: str) -> tuple[GPT, Tokenizer, bool]:
    """A model, its tokenizer, and whether its texts are documents that begin and end with an end token."""
    folder = Path(name)
    if name not in PUBLISHED and not folder.exists():
        raise CourseError(
            f"There is no training run in {folder}, and no public model of that name. "
            f"Make one: python -m course_lib train --out {folder}; or name one of {', '.join(PUBLISHED)}."
        )
    if name in PUBLISHED or any(folder.glob("*.safetensors")):
        model, tokenizer = load_pretrained(name)
        if tokenizer is None:
            raise CourseError(f"{name} can be loaded, but this course has no tokenizer for it, so it cannot be asked.")
        return model, tokenizer, True
    run = Run.open(folder)
    return run.trained_model(), run.tokenizer, run.is_world
