"""Let a trained model continue a text, shown as it is written."""

from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any

import torch
import tyro

from course_lib.commands.run_folder import Run
from course_lib.generation import Sampling, generate, stream_text
from course_lib.runtime import device


@dataclass(frozen=True)
class Options:
    """Let a trained model continue a text."""

    model: Path
    """Folder of a training run."""
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
    trained = Run.open(options.model)
    tokenizer = trained.tokenizer
    ids = tokenizer.encode(options.prompt)
    # A document of the world begins after the end of another; so does a text that has no beginning yet.
    start = [trained.end_id] if trained.is_world or not ids else []
    end_id = trained.end_id if trained.is_world else None
    columns = generate(
        trained.trained_model(),
        [start + ids],
        options.tokens,
        options.sampling,
        end_id=end_id,
        generator=torch.Generator(device()).manual_seed(options.seed),
    )
    text = options.prompt
    print(text, end="", flush=True)
    written = takewhile(lambda token: token != end_id, (int(column) for column in columns))
    for piece in stream_text(written, tokenizer, prompt=ids, stop=options.stop):
        print(piece, end="", flush=True)
        text += piece
    print()
    return {"text": text}
