"""Tokenizers, from text to ids and back: a list of byte strings, the tokens, and a rule that cuts text into them."""

import hashlib
import json
import operator
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from functools import cached_property
from typing import Any, ClassVar

import tiktoken

from course_lib.errors import CourseError
from course_lib.text.bpe import PATTERN, Pair, train_merges

BYTES = [bytes([value]) for value in range(256)]


class Tokenizer(ABC):
    """What all tokenizers have in common.

    Attributes:
        kind: the name of the rule, such as "char".
        tokens: the bytes of every token; its place in the list is its id.
        vocab_size: how many tokens there are.
        end_id: the id of the line end, which ends a document; None if there is no such token.
        fingerprint: SHA-256 of all that decides how a text is encoded. Equal fingerprints, equal ids.
    """

    kind: ClassVar[str]

    def __init__(self, tokens: Sequence[bytes]) -> None:
        self.tokens = list(tokens)
        self.vocab_size = len(self.tokens)
        ids = {token: id for id, token in enumerate(self.tokens)}
        if len(ids) < len(self.tokens) or not ids or b"" in ids:
            raise CourseError(f"A {self.kind} vocabulary needs tokens that are all different and not empty.")
        self.end_id = ids.get(b"\n")

    @abstractmethod
    def encode(self, text: str) -> list[int]:
        """Return the ids of the tokens that make up `text`; raise CourseError where the vocabulary has none."""

    def decode(self, ids: Iterable[int]) -> str:
        """Return the text that `ids` stand for; what is no valid UTF-8 becomes U+FFFD."""
        return self.decode_bytes(ids).decode(errors="replace")

    def decode_bytes(self, ids: Iterable[int]) -> bytes:
        """Return the bytes that `ids` stand for; raise CourseError where the vocabulary has no such id."""
        return b"".join(map(self.tokens.__getitem__, self._checked(ids)))

    def _checked(self, ids: Iterable[int]) -> list[int]:
        checked = [operator.index(id) for id in ids]
        for id in checked:
            if not 0 <= id < self.vocab_size:
                raise CourseError(
                    f"Token id {id} is not in this {self.kind} vocabulary, whose ids are 0 to {self.vocab_size - 1}. "
                    "Decode ids with the tokenizer that made them."
                )
        return checked

    def token_text(self, id: int) -> str:
        """Return one token as something to show: a blank as ␣, what fonts may lack as an escape."""
        (id,) = self._checked([id])
        return visible(self.tokens[id])

    @abstractmethod
    def to_dict(self) -> dict[str, Any]:
        """Return a description for a JSON file, which `tokenizer_from_dict` understands."""

    @cached_property
    def fingerprint(self) -> str:
        return hashlib.sha256(json.dumps(self.to_dict(), sort_keys=True).encode()).hexdigest()

    def __repr__(self) -> str:
        return f"{type(self).__name__}(vocab_size={self.vocab_size})"


class CharTokenizer(Tokenizer):
    """One token per character of an alphabet."""

    kind = "char"

    def __init__(self, characters: str) -> None:
        super().__init__([character.encode() for character in characters])
        self.characters = characters
        self._ids = {character: id for id, character in enumerate(characters)}

    @classmethod
    def train(cls, text: str) -> "CharTokenizer":
        """Take as alphabet the characters of `text`, in the order of their code points."""
        return cls("".join(sorted(set(text))))

    def encode(self, text: str) -> list[int]:
        try:
            return [self._ids[character] for character in text]
        except KeyError as error:
            raise CourseError(
                f"The character {error.args[0]!r} is not among the {self.vocab_size} that this tokenizer knows: "
                f"{visible(self.characters.encode())}. Leave it out, or use a byte or bpe tokenizer, which know all."
            ) from None

    def to_dict(self) -> dict[str, Any]:
        return {"kind": self.kind, "characters": self.characters}


class ByteTokenizer(Tokenizer):
    """One token per byte of the text in UTF-8."""

    kind = "byte"

    def __init__(self) -> None:
        super().__init__(BYTES)

    def encode(self, text: str) -> list[int]:
        # Half a surrogate pair is no character and has no UTF-8: it becomes U+FFFD, as it does in tiktoken.
        return list(text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode())

    def to_dict(self) -> dict[str, Any]:
        return {"kind": self.kind}


class WordTokenizer(Tokenizer):
    """One token per word, for texts whose words are separated by single blanks. The line end is a token of its own."""

    kind = "word"

    def __init__(self, words: Sequence[str]) -> None:
        super().__init__([word.encode() for word in words])
        if self.end_id is None or any(" " in word or ("\n" in word and word != "\n") for word in words):
            raise CourseError("A word vocabulary needs the line end as a token, and no blank or line end in any other.")
        self.words = list(words)
        self._ids = {word: id for id, word in enumerate(words)}

    @classmethod
    def train(cls, text: str) -> "WordTokenizer":
        """Take as vocabulary the words of `text`, in alphabetical order, after the line end."""
        return cls(["\n", *sorted(set(text.replace("\n", " ").split(" ")) - {""})])

    def encode(self, text: str) -> list[int]:
        """Return the ids of words and line ends; one blank at the very end, before a word to come, is ignored."""
        ids: list[int] = []
        try:
            for number, line in enumerate(text.removesuffix(" ").split("\n")):
                if number:
                    ids.append(self._ids["\n"])
                if line:
                    ids.extend(map(self._ids.__getitem__, line.split(" ")))
        except KeyError as error:
            raise CourseError(self._unknown(error.args[0])) from None
        return ids

    def _unknown(self, word: str) -> str:
        if not word:
            return "Words must be separated by single blanks; here two blanks stand together, or one beside a line end."
        near = ", ".join(get_close_matches(word, self.words, 3))
        hint = f" Did you mean one of these: {near}?" if near else ""
        return f"The word {word!r} is not among the {self.vocab_size} that this tokenizer knows.{hint}"

    def decode_bytes(self, ids: Iterable[int]) -> bytes:
        """Return the words in UTF-8, with one blank between two words and none around a line end."""
        spaced = b" ".join(map(self.tokens.__getitem__, self._checked(ids)))
        return spaced.replace(b" \n", b"\n").replace(b"\n ", b"\n")

    def to_dict(self) -> dict[str, Any]:
        return {"kind": self.kind, "words": self.words}


class BPETokenizer(Tokenizer):
    """Byte-pair encoding: tokens 0 to 255 are the bytes, and each merge makes one more. The engine is tiktoken's."""

    kind = "bpe"

    def __init__(self, merges: Sequence[Pair]) -> None:
        tokens = list(BYTES)
        for first, second in merges:
            if not (0 <= first < len(tokens) and 0 <= second < len(tokens)):
                raise CourseError(f"Token {len(tokens)} joins {first} and {second}, which are not both made before it.")
            tokens.append(tokens[first] + tokens[second])
        super().__init__(tokens)
        self.merges = list(merges)
        ranks = {token: rank for rank, token in enumerate(tokens)}
        self._engine = tiktoken.Encoding("course", pat_str=PATTERN, mergeable_ranks=ranks, special_tokens={})

    @classmethod
    def train(cls, text: str, vocab_size: int) -> "BPETokenizer":
        """Learn the merges from `text`; fewer than `vocab_size` tokens if no pair occurs twice any more."""
        return cls(train_merges(text, vocab_size))

    def encode(self, text: str) -> list[int]:
        return self._engine.encode_ordinary(text)

    def to_dict(self) -> dict[str, Any]:
        return {"kind": self.kind, "pattern": PATTERN, "merges": [list(pair) for pair in self.merges]}


def tokenizer_from_dict(description: Any) -> Tokenizer:
    """Return the tokenizer that `to_dict` described.

    Raises:
        CourseError: this is no description of a tokenizer.
        DownloadError: it is GPT-2's, whose file is not at hand and cannot be downloaded.
    """
    match description:
        case {"kind": "char", "characters": str(characters), **rest} if not rest:
            return CharTokenizer(characters)
        case {"kind": "byte", **rest} if not rest:
            return ByteTokenizer()
        case {"kind": "word", "words": [*words], **rest} if not rest and all(isinstance(word, str) for word in words):
            return WordTokenizer(words)
        case {"kind": "bpe", "pattern": pattern, "merges": [*merges], **rest} if not rest and pattern == PATTERN:
            if all(isinstance(pair, list | tuple) and [type(id) for id in pair] == [int, int] for pair in merges):
                return BPETokenizer([(first, second) for first, second in merges])
        case {"kind": "gpt2", **rest} if not rest:
            from course_lib.text.gpt2 import gpt2_tokenizer  # which is made of the classes here

            return gpt2_tokenizer()
    raise CourseError(
        f"Not the description of a char, byte, word, bpe or gpt2 tokenizer of this version: {str(description)[:200]}. "
        "Train it again, or use the version of the course that wrote it."
    )


def visible(token: bytes) -> str:
    r"""Return bytes as text that any font can show and no reader can misread.

    >>> print(visible(" the\n".encode()), visible("é猫".encode()), visible(b"\xff"))
    ␣the\n éU+732B \xff
    """
    try:
        text = token.decode()
    except UnicodeDecodeError:
        return "".join(chr(byte) if 32 < byte < 127 else f"\\x{byte:02x}" for byte in token)
    return "".join(map(_visible_character, text))


def _visible_character(character: str) -> str:
    if character == " ":
        return "␣"
    if character == "\\" or (ord(character) < 128 and not character.isprintable()):
        return character.encode("unicode_escape").decode()
    # Latin, Greek and Cyrillic are in every font that matters here.
    return character if ord(character) < 0x530 and character.isprintable() else f"U+{ord(character):04X}"
