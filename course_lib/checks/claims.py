"""A sentence of the text, held by a number."""

from typing import Any

from course_lib.checks.speech import say, strict


def claim(condition: Any, sentence: str) -> None:
    """Say that `sentence` holds, or that here it does not.

    Seeds and hardware move numbers, so for a reader a claim that fails is a note and the notebook goes on; under
    `COURSE_STRICT=1` it is an error.

    Arguments:
        condition: one truth value: a bool, or a tensor or array with a single one.
        sentence: what the text claims, without a full stop.

    Raises:
        AssertionError: `condition` is false, under `COURSE_STRICT=1`.
        TypeError: `condition` is not one truth value, so the claim is badly put.
    """
    try:
        held = condition.item() if hasattr(condition, "item") else condition
    except (RuntimeError, ValueError):
        held = None  # a tensor or array of several values
    if not isinstance(held, bool):
        raise TypeError(f"a claim needs one truth value, not {type(condition).__name__} ({condition!r}): {sentence}")
    if held:
        say(f"✓ {sentence}")
    elif strict():
        raise AssertionError(f"the text claims: {sentence}")
    else:
        say(f"≠ Not so here: {sentence}. Another seed, device or version can do that; read on.")
