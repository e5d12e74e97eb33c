"""What a notebook is told in a line or two."""

import os


def say(text: str) -> None:
    """Print `text`, with question marks for what an old console cannot write."""
    try:
        print(text)
    except UnicodeEncodeError:
        print(text.encode("ascii", "replace").decode())


def strict() -> bool:
    """Whether a failed check or claim is an error, as in the tests and in solutions: `COURSE_STRICT=1`."""
    return os.environ.get("COURSE_STRICT") == "1"
