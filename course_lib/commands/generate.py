"""Let a trained model continue a text, shown as it is written."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from course_lib.commands.run_folder import Run
from course_lib.generation import generate
from course_lib.runtime import device


@dataclass(frozen=True)
class Options:
    """Let a trained model continue a text."""

    model: Path
    """Folder of a training run."""
    prompt: str = ""
    """What to continue; empty: a new text."""
    tokens: int = 200
    """The most tokens to add; a document of the toy world may end sooner."""
    temperature: float = 1.0
    """0 always takes the likeliest token; higher is more daring."""
    top_k: int | None = None
    """Choose among the k likeliest tokens only."""
    top_p: float | None = None
    """Choose among the likeliest tokens that together have this probability."""
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
        torch.tensor([start + ids], device=device()),
        options.tokens,
        temperature=options.temperature,
        top_k=options.top_k,
        top_p=options.top_p,
        end_id=end_id,
        generator=torch.Generator(device()).manual_seed(options.seed),
    )
    text = options.prompt
    print(text, end="", flush=True)
    for (token,) in columns:
        if token == end_id:
            break
        ids.append(int(token))
        new = tokenizer.decode(ids)[len(text) :]
        # Half a character, of those that are several bytes, waits for its other half.
        if not new.endswith("\ufffd"):
            print(new, end="", flush=True)
            text += new
    new = tokenizer.decode(ids)[len(text) :]
    print(new)
    return {"text": text + new}
