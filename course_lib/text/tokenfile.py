"""Token files: the ids of a long text on disk, mapped into memory, never taken for what they are not.

Layout: 512 bytes of header, which are MAGIC, then JSON (dtype, count, vocab_size and fingerprint of the tokenizer,
SHA-256 of the ids), then blanks; after them the ids, little-endian.
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NoReturn

import numpy as np

from course_lib.downloads import describe
from course_lib.errors import CourseError
from course_lib.files import write_whole
from course_lib.text.batches import Ids
from course_lib.text.tokenizer import Tokenizer

MAGIC = b"course tokens 1\n"
HEADER_BYTES = 512
DTYPES: dict[str, np.dtype] = {"uint16": np.dtype("<u2"), "uint32": np.dtype("<u4")}


@dataclass(frozen=True)
class _Header:
    dtype: str
    count: int
    vocab_size: int
    fingerprint: str
    sha256: str


def write_tokens(path: str | Path, ids: Ids, tokenizer: Tokenizer) -> None:
    """Write the ids of a text to a file, whole or not at all.

    Arguments:
        path: the file; its folder must exist. A file of that name is replaced.
        ids: token ids.
        tokenizer: the tokenizer that made them; the file can be opened with no other.

    Raises:
        CourseError: an id is not in the vocabulary, or the file cannot be written (no room, no permission).
    """
    ids = np.asarray(ids)
    if len(ids) and not 0 <= ids.min() <= ids.max() < tokenizer.vocab_size:
        raise CourseError(
            f"Ids run from {ids.min()} to {ids.max()}, but {tokenizer} has ids 0 to {tokenizer.vocab_size - 1}. "
            "Write them with the tokenizer that made them."
        )
    dtype = "uint16" if tokenizer.vocab_size <= 2**16 else "uint32"
    data = ids.astype(DTYPES[dtype]).tobytes()
    sha256 = hashlib.sha256(data).hexdigest()
    header = json.dumps(asdict(_Header(dtype, len(ids), tokenizer.vocab_size, tokenizer.fingerprint, sha256)))
    write_whole(Path(path), (MAGIC + header.encode()).ljust(HEADER_BYTES) + data)


@dataclass(frozen=True)
class TokenFile:
    """An open token file.

    Attributes:
        path: the file.
        ids: its token ids, mapped into memory: only what is used is read, and nothing can be written.
    """

    path: Path
    ids: np.ndarray

    @classmethod
    def open(cls, path: str | Path, tokenizer: Tokenizer, verify: bool = True) -> "TokenFile":
        """Open a token file, after a look at every byte of it.

        Arguments:
            path: the file.
            tokenizer: the tokenizer that its ids must be from.
            verify: whether to look at the ids too; not for a file whose ids have been found good before.

        Raises:
            CourseError: it is no token file, damaged, or of another vocabulary; the message says what was found.
        """
        path = Path(path)
        try:
            header = _read_header(path)
            size = path.stat().st_size - HEADER_BYTES
        except OSError as error:
            raise CourseError(f"{path} cannot be read: {error.strerror}. Is the path right?") from error
        if (header.vocab_size, header.fingerprint) != (tokenizer.vocab_size, tokenizer.fingerprint):
            _refuse(path, f"is of another vocabulary ({header.vocab_size} tokens) than {tokenizer}")
        dtype = DTYPES[header.dtype]
        if size != header.count * dtype.itemsize:
            _refuse(path, f"is damaged: {header.count} ids of {dtype.itemsize} bytes announced, {size} bytes found")
        ids: np.ndarray = np.empty(0, dtype)
        if header.count:  # the operating system refuses to map nothing
            ids = np.memmap(path, dtype, mode="r", offset=HEADER_BYTES)
        if not verify:
            return cls(path, ids)
        if (largest := int(ids.max(initial=0))) >= tokenizer.vocab_size:
            _refuse(path, f"is damaged: id {largest} at place {ids.argmax()}, which is not in {tokenizer}")
        if hashlib.sha256(ids.data).hexdigest() != header.sha256:
            _refuse(path, "is damaged: the ids are not those that were written (their SHA-256 differs)")
        return cls(path, ids)


def token_count(path: Path) -> int:
    """How many ids a token file holds, by its header. Raises CourseError: it is no token file."""
    return _read_header(path).count


def _read_header(path: Path) -> _Header:
    with path.open("rb") as file:
        head = file.read(HEADER_BYTES)
    if not head.startswith(MAGIC):
        _refuse(path, f"is no token file, but {describe(path)}")
    try:
        header = _Header(**json.loads(head.removeprefix(MAGIC)))
    except (ValueError, TypeError):
        _refuse(path, "is damaged: its header cannot be read")
    if str(header.dtype) not in DTYPES or type(header.count) is not int:
        _refuse(path, f"holds {header.count} ids of type {header.dtype!r}, but the type must be {' or '.join(DTYPES)}")
    return header


def _refuse(path: Path, reason: str) -> NoReturn:
    raise CourseError(f"{path} {reason}. Delete it and write it again from the text, with this tokenizer.")
