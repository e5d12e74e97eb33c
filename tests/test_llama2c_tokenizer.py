"""The tokenizer of llama2.c, on its real file: round trips, and the merges of an independent reading of its rule."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_lib.errors import CourseError
from course_lib.text.llama2c import Llama2cTokenizer


@pytest.fixture(scope="module")
def tokenizer(data_file) -> Llama2cTokenizer:
    return Llama2cTokenizer(data_file("stories260K/tok512.bin"))


def merged_step_by_step(tokenizer: Llama2cTokenizer, text: str) -> list[bytes]:
    """The rule once more, on pieces instead of ids."""
    score = dict(zip(tokenizer.tokens, tokenizer.scores, strict=True))
    pieces = []
    for character in " " + text:
        piece = character.encode()
        pieces += [piece] if piece in score else [f"<0x{byte:02X}>".encode() for byte in piece]
    while True:
        best = None
        for place in range(len(pieces) - 1):
            joined = pieces[place] + pieces[place + 1]
            if joined in score and (best is None or score[joined] > score[pieces[best] + pieces[best + 1]]):
                best = place
        if best is None:
            return pieces
        pieces[best : best + 2] = [pieces[best] + pieces[best + 1]]


def test_a_sentence_in_its_tokens(tokenizer):
    assert tokenizer.vocab_size == 512
    assert tokenizer.end_id == 1
    ids = tokenizer.encode("Once upon a time")
    assert [tokenizer.token_text(id) for id in ids] == ["␣Once", "␣upon", "␣a", "␣time"]
    assert tokenizer.encode("") == []
    assert tokenizer.decode([1, *ids]) == "Once upon a time"


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=40))
def test_any_text_survives_and_is_cut_by_the_rule(tokenizer, text):
    ids = tokenizer.encode(text)
    assert tokenizer.decode(ids) == text
    if text:
        assert [tokenizer.tokens[id] for id in ids] == merged_step_by_step(tokenizer, text)


def test_what_begins_and_ends_a_text_is_not_shown(tokenizer):
    ids = tokenizer.encode("a cat")
    assert tokenizer.decode([1, *ids, 2]) == "a cat"


def test_equal_files_have_equal_fingerprints(tokenizer, tmp_path, data_file):
    data = data_file("stories260K/tok512.bin").read_bytes()
    copy, other = tmp_path / "copy.bin", tmp_path / "other.bin"
    copy.write_bytes(data)
    other.write_bytes(data[:-1] + b"Z")
    assert Llama2cTokenizer(copy).fingerprint == tokenizer.fingerprint
    assert Llama2cTokenizer(other).fingerprint != tokenizer.fingerprint


@pytest.mark.parametrize("change", [lambda data: data[:-3], lambda data: b"<html>" + data, lambda data: data[:2]])
def test_a_damaged_file_is_refused(tmp_path: Path, data_file, change):
    path = tmp_path / "tok.bin"
    path.write_bytes(change(data_file("stories260K/tok512.bin").read_bytes()))
    with pytest.raises(CourseError):
        Llama2cTokenizer(path)
