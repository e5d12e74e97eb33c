"""The tokenizers of llama2.c, as its files hold them: pieces of text with a score each."""

import struct
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

from course_lib.downloads import describe
from course_lib.errors import CourseError
from course_lib.text.tokenizer import Tokenizer

_BEGIN, _FIRST_BYTE = 1, 3  # 0 is unknown, 1 begins a text, 2 ends one; then come the 256 bytes


class Llama2cTokenizer(Tokenizer):
    """Join the two neighbours that make the best-scored token, again and again: SentencePiece's way of byte pairs.

    A text begins with a blank, which decoding takes away again, and a character that is no token is written in bytes.
    `end_id` is the token that begins a text, for in these models it also tells that the text before it has ended.

    Source: Kudo and Richardson 2018, "SentencePiece"; the file format is that of Karpathy's llama2.c.

    Arguments:
        path: a file such as tok512.bin.

    Raises:
        CourseError: the file is none of these.
    """

    kind = "llama2c"

    def __init__(self, path: Path) -> None:
        data = path.read_bytes()
        tokens, self.scores, place = [], [], 4  # the file begins with the length of the longest token
        try:
            while place < len(data):
                score, length = struct.unpack_from("<fi", data, place)
                tokens.append(struct.unpack_from(f"{length}s", data, place + 8)[0])
                self.scores.append(score)
                place += 8 + length
        except struct.error:
            raise CourseError(f"{path} holds {describe(path)}, and no tokenizer of llama2.c.") from None
        super().__init__(tokens)
        self.end_id = _BEGIN
        self._path = path

    @cached_property
    def _ids(self) -> dict[bytes, int]:
        return {token: id for id, token in enumerate(self.tokens)}

    def encode(self, text: str) -> list[int]:
        ids = []
        for character in f" {text}" if text else "":
            piece = character.encode(errors="replace")
            ids += [self._ids[piece]] if piece in self._ids else [_FIRST_BYTE + byte for byte in piece]
        while joined := self._best_pair(ids):
            place, id = joined
            ids[place : place + 2] = [id]
        return ids

    def _best_pair(self, ids: list[int]) -> tuple[int, int] | None:
        """Where the best-scored token begins that two neighbours make (the first of equals), and its id."""
        joined = [self._ids.get(self.tokens[left] + self.tokens[right]) for left, right in pairwise(ids)]
        found = [(self.scores[id], -place, id) for place, id in enumerate(joined) if id is not None]
        if not found:
            return None
        _, place, id = max(found)
        return -place, id

    def decode_bytes(self, ids: Any) -> bytes:
        pieces = [self._bytes_of(id) for id in self._checked(ids) if id >= _FIRST_BYTE]
        return b"".join(pieces).removeprefix(b" ")

    def _bytes_of(self, id: int) -> bytes:
        return bytes([id - _FIRST_BYTE]) if id < _FIRST_BYTE + 256 else self.tokens[id]

    def to_dict(self) -> dict[str, Any]:
        return {"kind": self.kind, "tokens": [token.hex() for token in self.tokens], "scores": self.scores}
