"""Token files: what was written is what is read, and nothing else passes for a token file."""

import errno
import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from course_lib.errors import CourseError
from course_lib.text.tokenfile import HEADER_BYTES, MAGIC, TokenFile, write_tokens
from course_lib.text.tokenizer import CharTokenizer, Tokenizer, WordTokenizer

TOKENIZER = CharTokenizer("\nabc")
IDS = [1, 2, 3, 0, 3, 2, 1, 0]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    write_tokens(tmp_path / "text.tokens", IDS, TOKENIZER)
    return tmp_path / "text.tokens"


def many_words(n: int) -> WordTokenizer:
    return WordTokenizer(["\n", *map(str, range(n - 1))])


@pytest.mark.parametrize(("vocab_size", "dtype"), [(2**16, np.uint16), (2**16 + 1, np.uint32)])
def test_ids_come_back_in_the_smallest_type_that_holds_them(tmp_path: Path, vocab_size: int, dtype: type) -> None:
    tokenizer = many_words(vocab_size)
    ids = [0, vocab_size - 1, 7]
    write_tokens(tmp_path / "text.tokens", ids, tokenizer)
    file = TokenFile.open(tmp_path / "text.tokens", tokenizer)
    assert file.ids.tolist() == ids
    assert file.ids.dtype == dtype
    assert file.path == tmp_path / "text.tokens"


def test_ids_are_mapped_and_cannot_be_written(path: Path) -> None:
    ids = TokenFile.open(str(path), TOKENIZER).ids
    assert isinstance(ids, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        ids[0] = 1


def test_a_text_without_tokens_can_be_kept_too(tmp_path: Path) -> None:
    write_tokens(tmp_path / "text.tokens", [], TOKENIZER)
    assert len(TokenFile.open(tmp_path / "text.tokens", TOKENIZER).ids) == 0


def with_header(**changes: object) -> Callable[[bytes], bytes]:
    def change(content: bytes) -> bytes:
        header = json.loads(content[len(MAGIC) : HEADER_BYTES]) | changes
        return (MAGIC + json.dumps(header).encode()).ljust(HEADER_BYTES) + content[HEADER_BYTES:]

    return change


DAMAGES: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "empty": (lambda content: b"", r"no token file, but nothing \(0 bytes\)"),
    "html": (lambda content: b"<html>Not found</html>", "no token file, but an HTML or XML page"),
    "lfs": (lambda content: b"version https://git-lfs.github.com/spec/v1\n", "no token file, but a pointer of Git LFS"),
    "other": (lambda content: b"To be, or not to be", "no token file, but other data, starting with b'To be"),
    "header cut": (lambda content: content[:100], "its header cannot be read"),
    "header no json": (lambda content: content.replace(b"{", b"[", 1), "its header cannot be read"),
    "header no dict": (lambda content: (MAGIC + b"[1]").ljust(512), "its header cannot be read"),
    "header too long": (with_header(extra=1), "its header cannot be read"),
    "truncated": (lambda content: content[:-1], "8 ids of 2 bytes announced, 15 bytes found"),
    "no ids left": (lambda content: content[:HEADER_BYTES], "8 ids of 2 bytes announced, 0 bytes found"),
    "prolonged": (lambda content: content + b"\0", "8 ids of 2 bytes announced, 17 bytes found"),
    "wrong count": (with_header(count=7), "7 ids of 2 bytes announced, 16 bytes found"),
    "count no number": (with_header(count="8"), "holds 8 ids of type"),
    "wider dtype": (with_header(dtype="uint32"), "8 ids of 4 bytes announced"),
    "unknown dtype": (with_header(dtype="float16"), "type 'float16', but the type must be uint16 or uint32"),
    "dtype no name": (with_header(dtype=["uint16"]), "must be uint16 or uint32"),
    "other vocabulary": (with_header(fingerprint="0" * 64), r"another vocabulary \(4 tokens\) than CharTokenizer"),
    "id out of range": (lambda content: content[:-2] + b"\4\0", "id 4 at place 7, which is not in CharTokenizer"),
    "flipped": (lambda content: content[:-2] + b"\1\0", "SHA-256 differs"),
}


@pytest.mark.parametrize(("damage", "found"), DAMAGES.values(), ids=DAMAGES)
def test_every_damage_is_noticed_and_named(path: Path, damage: Callable[[bytes], bytes], found: str) -> None:
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(CourseError, match=found) as caught:
        TokenFile.open(path, TOKENIZER)
    assert str(path) in str(caught.value)
    assert "write it again" in str(caught.value)


def test_no_flipped_bit_goes_unnoticed(path: Path) -> None:
    good = path.read_bytes()
    used = [*range(len(good.partition(b"}")[0]) + 1), *range(HEADER_BYTES, len(good))]  # all but the filling blanks
    for place in used:
        for bit in range(8):
            bad = bytearray(good)
            bad[place] ^= 1 << bit
            path.write_bytes(bad)
            with pytest.raises(CourseError):
                TokenFile.open(path, TOKENIZER)


def test_no_cut_goes_unnoticed(path: Path) -> None:
    good = path.read_bytes()
    for length in range(len(good)):
        path.write_bytes(good[:length])
        with pytest.raises(CourseError):
            TokenFile.open(path, TOKENIZER)


def test_all_is_on_the_disk_before_it_counts(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole file is forced to the disk, and only then takes the former one's place."""
    events = []

    def note_fsync(descriptor: int) -> None:
        events.append(("fsync", os.fstat(descriptor).st_ino, os.fstat(descriptor).st_size))
        fsync(descriptor)

    def note_replace(unfinished: Path, target: Path) -> Path:
        events.append(("replace", unfinished.stat().st_ino, target))
        return replace(unfinished, target)

    fsync, replace = os.fsync, Path.replace
    monkeypatch.setattr(os, "fsync", note_fsync)
    monkeypatch.setattr(Path, "replace", note_replace)
    write_tokens(path, [1, 2], TOKENIZER)
    status = path.stat()
    assert events == [("fsync", status.st_ino, status.st_size), ("replace", status.st_ino, path)]


@pytest.mark.parametrize(
    "other", [CharTokenizer("\nacb"), CharTokenizer("\nabcd"), WordTokenizer(["\n", "a", "b", "c"])]
)
def test_a_file_of_another_vocabulary_is_refused(path: Path, other: Tokenizer) -> None:
    with pytest.raises(CourseError, match="another vocabulary"):
        TokenFile.open(path, other)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CourseError, match=r"nowhere\.tokens cannot be read: No such file"):
        TokenFile.open(tmp_path / "nowhere.tokens", TOKENIZER)


@pytest.mark.parametrize("bad", [4, -1])
def test_ids_out_of_range_are_not_written(path: Path, bad: int) -> None:
    with pytest.raises(CourseError, match="ids 0 to 3"):
        write_tokens(path, [1, bad], TOKENIZER)
    assert TokenFile.open(path, TOKENIZER).ids.tolist() == IDS


def test_on_a_full_disk_the_former_file_stays_and_nothing_else_does(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(CourseError, match="cannot be written: No space left"):
        write_tokens(path, [1], TOKENIZER)
    assert TokenFile.open(path, TOKENIZER).ids.tolist() == IDS
    assert list(path.parent.iterdir()) == [path]


def test_who_has_the_former_file_open_keeps_it(path: Path) -> None:
    former = TokenFile.open(path, TOKENIZER)
    write_tokens(path, IDS[::-1], TOKENIZER)
    assert former.ids.tolist() == IDS
    assert TokenFile.open(path, TOKENIZER).ids.tolist() == IDS[::-1]


def test_a_missing_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CourseError, match="cannot be written: No such file"):
        write_tokens(tmp_path / "missing" / "text.tokens", IDS, TOKENIZER)
