"""Files that are there whole or not at all."""

import os
from contextlib import suppress
from pathlib import Path

from course_lib.errors import CourseError


def write_whole(path: Path, data: bytes) -> None:
    """Write a file under another name, force it to the disk, and only then give it its name, in place of a former one.

    Raises:
        CourseError: it cannot be written (no room, no permission, no such folder). A former file is as it was.
    """
    unfinished = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        with unfinished.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    except OSError as error:
        raise CourseError(
            f"{path} cannot be written: {error.strerror}. Free the disk, mend the permissions, or take another folder."
        ) from error
    finally:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)
