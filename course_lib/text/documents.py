"""Documents from the files that large corpora come in: text, JSON lines, parquet tables.

They are read one after the other, so a file may be larger than memory.
"""

import gzip
import json
import sys
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from course_lib.errors import CourseError


class Found(NamedTuple):
    """A document, or what stands in its place."""

    place: str
    """File and line or row."""
    text: str | None
    """None where there is no document."""
    problem: str = ""
    """Why there is none."""


def read_documents(path: Path, field: str) -> Iterator[Found]:
    """Read a file of documents, one after the other.

    Arguments:
        path: plain text (.txt), in which every line is a document; JSON lines (.jsonl), each an object whose `field`
            is a document; either of them compressed (.gz); or a table (.parquet), whose column `field` holds documents.
        field: where in JSON and tables a document stands.

    Yields: what each line or row holds; nothing for a blank one.

    Raises:
        CourseError: the file is of another kind, cannot be read, or is damaged; a table without that column.
    """
    name = path.name.removesuffix(".gz")
    rows: Iterator[Any]
    parse: Callable[[Any], Any]
    if path.suffix == ".parquet":
        rows, unit, parse = _rows(path, field), "row", lambda value: value
    elif name.endswith((".jsonl", ".ndjson", ".txt")):
        rows, unit = _lines(path), "line"
        parse = _plain if name.endswith(".txt") else _from_json(field)
    else:
        raise CourseError(f"{path} is none of .txt, .jsonl, .parquet, .txt.gz, .jsonl.gz. Rename or convert it.")
    for number, row in enumerate(rows, start=1):
        place = f"{path}, {unit} {number}"
        try:
            text = parse(row)
            if not isinstance(text, str):
                raise ValueError(f"expected text, found {str(text)[:40]!r}, of type {type(text).__name__}")
            text.encode()  # half a surrogate pair, as JSON can hold it, is no character
        except ValueError as error:  # what is no JSON and no UTF-8 are such errors too
            yield Found(place, None, str(error))
        else:
            if text.strip():
                yield Found(place, text)


def _plain(line: bytes) -> str:
    return line.decode("utf-8-sig").removesuffix("\n").removesuffix("\r")


def _from_json(field: str) -> Callable[[bytes], Any]:
    def parse(line: bytes) -> Any:
        if not (line := line.strip()):
            return ""
        values = json.loads(line)
        if not isinstance(values, dict) or field not in values:
            keys = ", ".join(values) if isinstance(values, dict) else type(values).__name__
            raise ValueError(f"expected an object with the field {field!r}, found {keys[:80] or 'an empty one'}")
        return values[field]

    return parse


def _lines(path: Path) -> Iterator[bytes]:
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            yield from file
    except (OSError, EOFError, zlib.error) as error:  # the last three of what gzip raises
        reason = getattr(error, "strerror", None) or error
        raise CourseError(f"{path} cannot be read: {reason}. Is the path right, and the file complete?") from error


def _rows(path: Path, field: str) -> Iterator[Any]:
    try:
        import pyarrow
        from pyarrow import parquet
    except ModuleNotFoundError as error:
        raise CourseError(
            f"To read {path.name}, the package pyarrow is needed: {sys.executable} -m pip install pyarrow"
        ) from error
    try:
        with parquet.ParquetFile(path) as file:
            if field not in file.schema_arrow.names:
                names = ", ".join(file.schema_arrow.names)
                raise CourseError(f"{path} has no column {field!r}; it has: {names}. Name one of them with --field.")
            for batch in file.iter_batches(batch_size=1000, columns=[field]):
                yield from batch.column(0).to_pylist()
    except (OSError, pyarrow.ArrowException) as error:
        raise CourseError(f"{path} cannot be read: {error}. Is the path right, and the file complete?") from error
