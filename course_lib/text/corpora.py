"""Corpora by name: the toy world, Tiny Shakespeare, or one's own text file; a part to train on and one to judge by."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from course_lib.downloads import DownloadError, RemoteFile, fetch
from course_lib.errors import CourseError
from course_lib.text.grammar import Document
from course_lib.text.tokenizer import BPETokenizer, ByteTokenizer, CharTokenizer, Tokenizer, WordTokenizer
from course_lib.text.world import TRAINING_SEED, VALIDATION_SEED, World

TRAIN_DOCUMENTS = 30_000
VALIDATION_DOCUMENTS = 1_000

TINY_SHAKESPEARE = RemoteFile(
    name="tinyshakespeare.txt",
    url="https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt",
    sha256="86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
)


@dataclass(frozen=True)
class Corpus:
    """A text to learn from, and one to be judged by."""

    name: str
    train: str
    val: str
    world: World | None  # the world that the texts tell of; None for real text
    tokenizer: str  # the kind of tokenizer that suits it


def load_corpus(name_or_path: str) -> Corpus:
    """Return a corpus.

    Arguments:
        name_or_path: "world", "shakespeare", "default" (Shakespeare where it is to be had, else the world, with a
            notice), or the path of a text file.

    Raises:
        DownloadError: Tiny Shakespeare is not at hand and cannot be downloaded.
        CourseError: there is no corpus and no file of that name, or the file is no text.
    """
    match name_or_path:
        case "world":
            return world_corpus(World())
        case "shakespeare":
            text = read_text(fetch(TINY_SHAKESPEARE))
            cut = len(text) * 9 // 10
            return Corpus("shakespeare", text[:cut], text[cut:], world=None, tokenizer="char")
        case "default":
            try:
                return load_corpus("shakespeare")
            except DownloadError as error:
                print(f"The toy world takes the place of Tiny Shakespeare. {error}", file=sys.stderr)
                return load_corpus("world")
    path = Path(name_or_path)
    if not path.exists():
        raise CourseError(
            f"There is no corpus and no file named {name_or_path!r}. "
            "Name one of world, shakespeare, default, or the path of a text file."
        )
    if path.is_dir():
        raise CourseError(
            f"{path} is a folder, in which there are no finished shards. A corpus is one text file, or a folder that "
            "`python -m course_lib tokenize` has filled to the end."
        )
    text = read_text(path)
    text += "" if text.endswith("\n") else "\n"
    nine_tenths = len(text) * 9 // 10
    # At the last line end between 80 and 90 %; a text without one is cut where it must be.
    cut = text.rfind("\n", len(text) * 8 // 10, nine_tenths) + 1 or nine_tenths
    return Corpus(path.name, text[:cut], text[cut:], world=None, tokenizer="bpe")


def world_corpus(world: World) -> Corpus:
    """Return documents of a world, one a line: for training and for validation, from seeds that are kept apart."""
    return Corpus(
        "world",
        _lines(world.documents(TRAIN_DOCUMENTS, TRAINING_SEED)),
        _lines(world.documents(VALIDATION_DOCUMENTS, VALIDATION_SEED)),
        world,
        tokenizer="word",
    )


def _lines(documents: Sequence[Document]) -> str:
    return "".join(document.text + "\n" for document in documents)


def tokenizer_for(corpus: Corpus, kind: str | None = None, vocab_size: int = 1024) -> Tokenizer:
    """Make the tokenizer of a corpus.

    Arguments:
        corpus: what it shall encode.
        kind: "char", "byte", "word" or "bpe"; None for the kind that suits the corpus.
        vocab_size: how many tokens a bpe tokenizer shall have; the other kinds have as many as they need.

    Raises:
        CourseError: there is no tokenizer of that kind.
    """
    match kind or corpus.tokenizer:
        case "char":
            # The alphabet of both parts, as is customary: else a letter that only validation has could not be scored.
            return CharTokenizer.train(corpus.train + corpus.val)
        case "byte":
            return ByteTokenizer()
        case "word":
            every_word = " ".join(corpus.world.words()) if corpus.world else corpus.train + corpus.val
            return WordTokenizer.train(every_word)
        case "bpe":
            return BPETokenizer.train(corpus.train, vocab_size)
        case other:
            raise CourseError(f"There is no tokenizer of kind {other!r}. Choose one of char, byte, word, bpe.")


def read_text(path: Path) -> str:
    """Return a text file's content, with every line end as a single "\\n".

    Raises:
        CourseError: the file is empty, no text, not in UTF-8, or cannot be read; the message says which, and where.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise CourseError(f"{path} cannot be read: {error.strerror}. A corpus is one text file.") from error
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise CourseError(f"{path} is text in UTF-16 or UTF-32. Save it as UTF-8, which every editor offers.")
    if (place := data.find(b"\0")) >= 0:
        raise CourseError(f"{path} is a binary file: byte {place} is zero. A corpus is plain text; export it as such.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise CourseError(
            f"{path} is not text in UTF-8: byte {error.start} is {data[error.start]:#04x} ({error.reason}). "
            "Save it as UTF-8, which every editor offers."
        ) from None
    if not text.strip():
        raise CourseError(f"{path} is empty ({len(data)} bytes). A corpus needs text to learn from.")
    return text.replace("\r\n", "\n")
