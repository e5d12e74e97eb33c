"""The trainer of byte-pair encodings against the plain algorithm, which counts everything anew for every merge."""

import doctest
from collections import Counter
from itertools import pairwise

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from course_lib.text import bpe
from course_lib.text.bpe import PATTERN, train_merges


def plain_merges(text: str, vocab_size: int) -> list[tuple[int, int]]:
    pieces = [list(piece.encode()) for piece in regex.findall(PATTERN, text)]
    merges: list[tuple[int, int]] = []
    while len(merges) < vocab_size - 256:
        counts = Counter(pair for piece in pieces for pair in pairwise(piece))
        if not counts or max(counts.values()) < 2:
            break
        best = min(counts, key=lambda pair: (-counts[pair], pair))
        for piece in pieces:
            i = 0
            while i < len(piece) - 1:
                if (piece[i], piece[i + 1]) == best:
                    piece[i : i + 2] = [256 + len(merges)]
                i += 1
        merges.append(best)
    return merges


@given(st.text("aab  '\n1é", max_size=200), st.integers(256, 290))
def test_merges_are_those_of_the_plain_algorithm(text: str, vocab_size: int) -> None:
    assert train_merges(text, vocab_size) == plain_merges(text, vocab_size)


@given(st.lists(st.text("abc", max_size=5), max_size=60).map("\n".join))
def test_a_pair_that_loses_places_to_another_is_still_found_where_it_stays(words: str) -> None:
    text = "bc\n" * 9 + "abc\n" * 2 + "ab\n" * 3 + words
    assert train_merges(text, 330) == plain_merges(text, 330)


def test_merges_of_real_words_are_those_of_the_plain_algorithm() -> None:
    text = "unhappiness makes the unhappy unhappier; happiness makes the happy happier, and the happiest happy.\n" * 3
    assert train_merges(text, 330) == plain_merges(text, 330)


def test_it_stops_when_no_pair_occurs_twice() -> None:
    assert train_merges("ab ab", 1000) == [(97, 98)]
    assert train_merges("", 1000) == []


def test_a_vocabulary_without_room_for_the_bytes_is_refused() -> None:
    with pytest.raises(ValueError, match="255"):
        train_merges("text", 255)


@given(st.text() | st.text(" \n\ta'1!"))
def test_pieces_make_up_the_text_and_none_crosses_a_line_end(text: str) -> None:
    pieces = regex.findall(PATTERN, text)
    assert "".join(pieces) == text
    assert all(piece == "\n" for piece in pieces if "\n" in piece)


def test_the_examples_in_the_docstrings_hold() -> None:
    assert doctest.testmod(bpe).attempted >= 2
    assert doctest.testmod(bpe).failed == 0
