"""GPT-2's own tokenizer, from the file that OpenAI published with the model."""

from functools import cache
from pathlib import Path
from typing import Any

import tiktoken

from course_lib.downloads import RemoteFile, fetch
from course_lib.text.bpe import GPT2_PATTERN
from course_lib.text.tokenizer import Tokenizer

# Under the name that tiktoken's own cache gives it, so that a folder filled by tiktoken serves here too.
MERGES = RemoteFile(
    name="tiktoken/6d1cbeee0f20b3d9449abfede4726ed8212e3aee",
    url="https://openaipublic.blob.core.windows.net/gpt-2/encodings/main/vocab.bpe",
    sha256="1ce1664773c50f3e0cc8842619a93edc4624525b728b188a9e0be33b7726adc5",
)
END_OF_TEXT = "<|endoftext|>"


class GPT2Tokenizer(Tokenizer):
    """Byte-pair encoding with GPT-2's 50,000 merges; its last token, which no text encodes to, ends a document.

    Source: Radford et al. 2019, "Language Models are Unsupervised Multitask Learners", section 2.2.
    """

    kind = "gpt2"

    def __init__(self, merges: Path) -> None:
        """`merges`: GPT-2's vocab.bpe."""
        ranks = {token: rank for rank, token in enumerate(_tokens(merges.read_text(encoding="utf-8")))}
        super().__init__([*ranks, END_OF_TEXT.encode()])
        self.end_id = len(ranks)
        self._engine = tiktoken.Encoding("gpt2", pat_str=GPT2_PATTERN, mergeable_ranks=ranks, special_tokens={})

    def encode(self, text: str) -> list[int]:
        return self._engine.encode_ordinary(text)

    def to_dict(self) -> dict[str, Any]:
        return {"kind": self.kind}


@cache
def gpt2_tokenizer() -> GPT2Tokenizer:
    """Return GPT-2's tokenizer, after a download of half a megabyte if it is not at hand.

    Raises:
        DownloadError: its file is not at hand and cannot be downloaded.
    """
    return GPT2Tokenizer(fetch(MERGES))


def _tokens(merges: str) -> list[bytes]:
    """All tokens but the last, by id: the 256 bytes, then what each line of the file joins."""
    # The file writes every byte as a character that can be seen: those that can be are themselves and come first, the
    # others (the blank is Ġ) are 256, 257, ...
    seen = [byte for byte in range(256) if chr(byte).isprintable() and chr(byte) != " "]
    hidden = [byte for byte in range(256) if byte not in seen]
    byte_of = {chr(byte): byte for byte in seen} | {chr(256 + n): byte for n, byte in enumerate(hidden)}
    joined = (line.replace(" ", "") for line in merges.splitlines()[1:])
    return [*(bytes([byte]) for byte in seen + hidden), *(bytes(map(byte_of.__getitem__, token)) for token in joined)]
