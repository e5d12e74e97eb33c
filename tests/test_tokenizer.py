"""Tokenizers: nothing is lost, tiktoken's engine does what the plain algorithm does, and nonsense is refused."""

import doctest
import json
import random
from typing import Any

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from course_lib.errors import CourseError
from course_lib.text import tokenizer
from course_lib.text.bpe import PATTERN
from course_lib.text.tokenizer import (
    BPETokenizer,
    ByteTokenizer,
    CharTokenizer,
    Tokenizer,
    WordTokenizer,
    tokenizer_from_dict,
)

TEXT = (
    "She's unhappy: the unhappiness of the happy is not happiness, it's 1234 times 12.\n\nÉté déjà, 猫が好き 🙂🙂!\n"
    * 3
)
BPE = BPETokenizer.train(TEXT, 300)
TOKENIZERS = [CharTokenizer.train(TEXT), ByteTokenizer(), WordTokenizer.train(TEXT), BPE]

any_text = st.text() | st.lists(st.sampled_from([*" \n'", "  ", *TEXT.split(), "happ", "\t", "é"])).map("".join)


def plain_encode(text: str, ranks: dict[bytes, int]) -> list[int]:
    """Byte-pair encoding as it is defined: join the neighbours that make the token of lowest rank, until none do."""
    ids = []
    for piece in regex.findall(PATTERN, text):
        parts = [bytes([byte]) for byte in piece.encode()]
        while True:
            joined = [
                (ranks[parts[i] + parts[i + 1]], i) for i in range(len(parts) - 1) if parts[i] + parts[i + 1] in ranks
            ]
            if not joined:
                break
            _, i = min(joined)
            parts[i : i + 2] = [parts[i] + parts[i + 1]]
        ids += [ranks[part] for part in parts]
    return ids


@given(any_text)
def test_bpe_encodes_as_the_plain_algorithm_does(text: str) -> None:
    assert BPE.encode(text) == plain_encode(text, {token: rank for rank, token in enumerate(BPE.tokens)})


def test_bpe_encodes_as_the_plain_algorithm_does_ten_thousand_times() -> None:
    """Strings of what is likely to go wrong: parts of learned words, odd blanks, marks that join, control bytes."""
    ranks = {token: rank for rank, token in enumerate(BPE.tokens)}
    parts = [
        *TEXT.split(),
        *"abehinpsy'0129 \n\t\r\x00\u00a0\u3000\u0301\u200d\ufe0f猫🙂é.!<|>",
        "  ",
        "happ",
        "<|endoftext|>",
    ]
    rng = random.Random(0)
    texts = {"".join(rng.choices(parts, k=rng.randint(1, 14))) for _ in range(12_000)}
    assert len(texts) > 10_000
    assert [text for text in texts if BPE.encode(text) != plain_encode(text, ranks)] == []


def test_bpe_finds_the_tokens_that_it_learned() -> None:
    assert BPE.vocab_size == 300
    assert len(BPE.encode(TEXT)) < len(TEXT.encode()) / 2


@given(any_text)
@pytest.mark.parametrize("each", [ByteTokenizer(), BPE], ids=lambda each: each.kind)
def test_bytes_and_bpe_give_every_text_back(each: Tokenizer, text: str) -> None:
    assert each.decode(each.encode(text)) == text


@pytest.mark.parametrize("each", TOKENIZERS, ids=lambda each: each.kind)
def test_every_tokenizer_gives_its_own_text_back(each: Tokenizer) -> None:
    assert each.decode(each.encode(TEXT)) == TEXT


@pytest.mark.parametrize("each", [ByteTokenizer(), BPE], ids=lambda each: each.kind)
def test_every_byte_is_a_token(each: Tokenizer) -> None:
    assert each.decode_bytes(range(256)) == bytes(range(256))
    assert each.decode([0xFF]) == "\ufffd"  # alone it is no UTF-8


@given(st.lists(st.lists(st.sampled_from(TEXT.split())), min_size=1))
def test_words_and_line_ends_come_back_as_they_were(lines: list[list[str]]) -> None:
    words = TOKENIZERS[2]
    text = "\n".join(" ".join(line) for line in lines)
    ids = words.encode(text)
    assert words.decode(ids) == text
    assert len(ids) == sum(map(len, lines)) + len(lines) - 1
    assert words.encode(text + " ") == ids  # a prefix: the next word would follow


@given(before=any_text, after=any_text)
@pytest.mark.parametrize("each", [ByteTokenizer(), BPE], ids=lambda each: each.kind)
def test_a_line_end_is_always_the_end_token(each: Tokenizer, before: str, after: str) -> None:
    assert each.encode(before + "\n" + after) == [*each.encode(before), each.end_id, *each.encode(after)]


def test_the_end_token_is_the_line_end_where_there_is_one() -> None:
    assert [each.token_text(each.end_id) for each in TOKENIZERS] == ["\\n"] * 4
    assert CharTokenizer("abc").end_id is None


def test_half_a_character_becomes_the_replacement_character() -> None:
    for each in (ByteTokenizer(), BPE):
        assert each.decode(each.encode("a\ud800b")) == "a\ufffdb"


def test_endless_runs_are_encoded_and_do_not_bring_the_engine_down() -> None:
    for character in " \n!":
        assert BPE.decode(BPE.encode(character * 300_000 + "x")) == character * 300_000 + "x"


@pytest.mark.parametrize("each", TOKENIZERS, ids=lambda each: each.kind)
def test_ids_out_of_the_vocabulary_are_refused(each: Tokenizer) -> None:
    for id in (-1, each.vocab_size):
        with pytest.raises(CourseError, match=f"{id} is not in this {each.kind} vocabulary"):
            each.decode([id])
        with pytest.raises(CourseError, match=f"0 to {each.vocab_size - 1}"):
            each.token_text(id)


def test_unknown_characters_and_words_are_named() -> None:
    with pytest.raises(CourseError, match=r"'z' is not among the 2 .*: ab"):
        CharTokenizer("ab").encode("abz")
    with pytest.raises(CourseError, match=r"'aple' is not among the 3 .*Did you mean one of these: apple\?"):
        WordTokenizer.train("apple juice").encode("aple juice")
    with pytest.raises(CourseError, match=r"'xyz' is not among the 3 that this tokenizer knows\.$"):
        WordTokenizer.train("apple juice").encode("apple xyz")


@pytest.mark.parametrize("text", ["apple  juice", " apple", "apple \njuice", "apple\n juice", "apple  "])
def test_words_with_blanks_that_would_be_lost_are_refused(text: str) -> None:
    with pytest.raises(CourseError, match="single blanks"):
        WordTokenizer.train("apple juice").encode(text)


@pytest.mark.parametrize("each", TOKENIZERS, ids=lambda each: each.kind)
def test_a_description_in_json_makes_the_same_tokenizer(each: Tokenizer) -> None:
    again = tokenizer_from_dict(json.loads(json.dumps(each.to_dict())))
    assert type(again) is type(each)
    assert again.encode(TEXT) == each.encode(TEXT)
    assert again.fingerprint == each.fingerprint


def test_fingerprints_tell_tokenizers_apart() -> None:
    different = [
        *TOKENIZERS,
        BPETokenizer.train(TEXT, 299),
        BPETokenizer([(97, 98), (98, 97)]),
        BPETokenizer([(98, 97), (97, 98)]),
        CharTokenizer("ab"),
        CharTokenizer("ba"),
        WordTokenizer(["\n", "a", "b"]),
        WordTokenizer(["\n", "b", "a"]),
    ]
    assert len({each.fingerprint for each in different}) == len(different)


@pytest.mark.parametrize(
    "description",
    [
        None,
        "char",
        {},
        {"kind": "morse"},
        {"kind": "char"},
        {"kind": "char", "characters": ["a"]},
        {"kind": "char", "characters": "aa"},
        {"kind": "char", "characters": ""},
        {"kind": "char", "characters": "ab", "extra": 1},
        {"kind": "byte", "extra": 1},
        {"kind": "word", "words": "a b"},
        {"kind": "word", "words": ["\n", 1]},
        {"kind": "word", "words": ["a", "b"]},
        {"kind": "word", "words": ["\n", "a b"]},
        {"kind": "word", "words": ["\n", "a\nb"]},
        {"kind": "word", "words": ["\n", ""]},
        {"kind": "bpe", "merges": []},
        {"kind": "bpe", "pattern": "other", "merges": []},
        {"kind": "bpe", "pattern": PATTERN, "merges": [[97]]},
        {"kind": "bpe", "pattern": PATTERN, "merges": [[97, "b"]]},
        {"kind": "bpe", "pattern": PATTERN, "merges": [[97, 256]]},
        {"kind": "bpe", "pattern": PATTERN, "merges": [[-1, 97]]},
        {"kind": "bpe", "pattern": PATTERN, "merges": [[97, 98], [97, 98]]},
    ],
)
def test_what_describes_no_tokenizer_is_refused(description: Any) -> None:
    with pytest.raises(CourseError):
        tokenizer_from_dict(description)


def test_tokens_are_shown_so_that_nothing_is_hidden() -> None:
    shown = {b" a": "␣a", b"\t": "\\t", b"\\n": "\\\\n", b"\xc3": "\\xc3", b"\xff ": "\\xff\\x20", b"\x7f": "\\x7f"}
    shown |= {"é".encode(): "é", "Я".encode(): "Я", "猫".encode(): "U+732B", "🙂".encode(): "U+1F642"}
    shown |= {"\x85".encode(): "U+0085", "\u200b".encode(): "U+200B"}
    assert {token: tokenizer.visible(token) for token in shown} == shown


def test_a_tokenizer_says_what_it_is() -> None:
    assert repr(BPE) == "BPETokenizer(vocab_size=300)"


def test_the_examples_in_the_docstrings_hold() -> None:
    assert doctest.testmod(tokenizer).attempted >= 1
    assert doctest.testmod(tokenizer).failed == 0
