"""Values in a line: what a function was given, what it gave back."""

from numbers import Number
from typing import Any

import torch
from torch import Tensor

LONGEST = 12
"""Tensors and collections with more elements are described, not shown."""


def describe(value: Any) -> str:
    """`value` in a line: a small tensor as its numbers, a large one as its shape and type, a function as its name."""
    if isinstance(value, Tensor):
        if value.numel() <= LONGEST:
            return _numbers(value.detach().tolist())
        kind = str(value.dtype).removeprefix("torch.")
        return f"<{kind} tensor of shape {tuple(value.shape)}>"
    if callable(value) and hasattr(value, "__name__"):
        return str(value.__name__)
    if isinstance(value, dict) and len(value) <= LONGEST:
        return "{" + ", ".join(f"{key!r}: {describe(entry)}" for key, entry in value.items()) + "}"
    if isinstance(value, list | tuple) and len(value) <= LONGEST:
        opening, closing = "[]" if isinstance(value, list) else "()"
        if len(value) == 1 and closing == ")":
            closing = ",)"  # as Python writes it: (3) is no tuple
        return opening + ", ".join(describe(entry) for entry in value) + closing
    if isinstance(value, Number):
        return _numbers(value)
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def _numbers(value: Any) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(map(_numbers, value)) + "]"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def as_numbers(value: Any) -> Tensor | None:
    """`value` as a float64 tensor, detached and on the CPU; None if it is not made of real numbers alone."""
    if isinstance(value, Tensor):
        return None if value.is_complex() else value.detach().to("cpu", torch.float64)
    if isinstance(value, list | tuple):
        entries = [as_numbers(entry) for entry in value]
        if any(entry is None or entry.shape != entries[0].shape for entry in entries):  # type: ignore[union-attr]
            return None
        return torch.stack(entries) if entries else torch.empty(0, dtype=torch.float64)  # type: ignore[arg-type]
    try:
        return torch.as_tensor(value, dtype=torch.float64)
    except (TypeError, ValueError, RuntimeError, OverflowError):
        return None
