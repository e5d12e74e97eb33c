"""Corpora: the parts make up the whole, what is no text is refused, and without a network there is still the world."""

from collections.abc import Callable
from pathlib import Path

import pytest

from course_lib.downloads import DownloadError
from course_lib.errors import CourseError
from course_lib.text import corpora
from course_lib.text.corpora import Corpus, load_corpus, read_text, tokenizer_for, world_corpus
from course_lib.text.world import TRAINING_SEED, VALIDATION_SEED, World


@pytest.fixture
def own_file(tmp_path: Path) -> Callable[[bytes], Path]:
    def write(content: bytes) -> Path:
        path = tmp_path / "mine.txt"
        path.write_bytes(content)
        return path

    return write


@pytest.fixture
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(corpora, "TRAIN_DOCUMENTS", 300)
    monkeypatch.setattr(corpora, "VALIDATION_DOCUMENTS", 100)


@pytest.mark.usefixtures("_small")
def test_the_world_is_told_one_document_a_line() -> None:
    corpus = load_corpus("world")
    assert (corpus.name, corpus.tokenizer) == ("world", "word")
    assert corpus.world is not None
    for text, n, seed in ((corpus.train, 300, TRAINING_SEED), (corpus.val, 100, VALIDATION_SEED)):
        assert text.endswith("\n")
        assert text[:-1].split("\n") == [document.text for document in World().documents(n, seed)]
    assert corpus.train[:1000] != corpus.val[:1000]


@pytest.mark.usefixtures("_small")
def test_the_world_can_be_another_one() -> None:
    world = World(falsehoods=1.0)
    corpus = world_corpus(world)
    assert corpus.world is world
    assert corpus.train != load_corpus("world").train


def test_a_world_has_documents_enough_to_train_on() -> None:
    assert corpora.TRAIN_DOCUMENTS >= 10_000
    assert corpora.VALIDATION_DOCUMENTS == 1_000


@pytest.mark.usefixtures("_small")
@pytest.mark.parametrize("kind", ["char", "byte", "word", "bpe"])
def test_every_kind_of_tokenizer_encodes_the_world(kind: str) -> None:
    corpus = load_corpus("world")
    tokenizer = tokenizer_for(corpus, kind, vocab_size=300)
    assert tokenizer.kind == kind
    assert tokenizer.decode(tokenizer.encode(corpus.val)) == corpus.val
    assert tokenizer.encode(corpus.val).count(tokenizer.end_id) == 100


@pytest.mark.usefixtures("_small")
def test_the_words_are_those_of_the_world_and_not_of_a_sample() -> None:
    corpus = load_corpus("world")
    assert corpus.world is not None
    tokenizer = tokenizer_for(corpus)
    assert tokenizer.kind == "word"
    assert tokenizer.vocab_size == len(corpus.world.words()) + 1 > len(set(corpus.train.split())) + 1
    other_documents = corpus.world.documents(2000, seed=3)
    assert all(tokenizer.encode(document.text) for document in other_documents)


def test_the_size_of_a_bpe_vocabulary_can_be_chosen() -> None:
    corpus = Corpus("mine", "the cat sat on the mat, the cat and the hat\n" * 9, "the cat\n", None, "bpe")
    assert tokenizer_for(corpus, vocab_size=262).vocab_size == 262


@pytest.mark.parametrize("kind", ["char", "word"])
def test_what_only_the_validation_part_holds_can_be_encoded_too(kind: str) -> None:
    corpus = Corpus("mine", "a cat\n", "a dog!\n", None, "bpe")
    assert tokenizer_for(corpus, kind).encode(corpus.val)


def test_an_unknown_kind_of_tokenizer_is_refused() -> None:
    with pytest.raises(CourseError, match=r"'morse'.*char, byte, word, bpe"):
        tokenizer_for(Corpus("mine", "a", "b", None, "bpe"), "morse")


def test_shakespeare_is_cut_as_everybody_cuts_it(data_file: Callable[[str], Path]) -> None:
    whole = data_file("tinyshakespeare.txt").read_text(encoding="utf-8")
    corpus = load_corpus("shakespeare")
    assert corpus == load_corpus("default")
    assert corpus.train + corpus.val == whole
    assert len(corpus.train) == 1_003_854  # as in nanoGPT
    tokenizer = tokenizer_for(corpus)
    assert (tokenizer.kind, tokenizer.vocab_size) == ("char", 65)
    assert tokenizer.decode(tokenizer.encode(whole)) == whole


@pytest.mark.usefixtures("_small")
def test_without_a_network_the_world_takes_the_place_of_shakespeare_and_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("COURSE_DATA_DIR", raising=False)
    monkeypatch.setenv("COURSE_CACHE_DIR", str(tmp_path))
    with pytest.raises(DownloadError, match="COURSE_DATA_DIR"):
        load_corpus("shakespeare")
    assert load_corpus("default").name == "world"
    out, err = capsys.readouterr()
    assert out == ""
    assert "The toy world takes the place of Tiny Shakespeare" in err
    assert "COURSE_DATA_DIR" in err


def test_ones_own_file_is_cut_at_a_line_end(own_file: Callable[[bytes], Path]) -> None:
    lines = [f"line {n} é猫" for n in range(100)]
    corpus = load_corpus(str(own_file("\n".join(lines).encode())))
    assert (corpus.name, corpus.world, corpus.tokenizer) == ("mine.txt", None, "bpe")
    assert corpus.train + corpus.val == "\n".join(lines) + "\n"
    assert corpus.train.endswith("\n")
    assert 85 <= corpus.train.count("\n") <= 90


def test_a_file_of_one_line_is_cut_within_it(own_file: Callable[[bytes], Path]) -> None:
    corpus = load_corpus(str(own_file(b"x" * 99)))
    assert (corpus.train, corpus.val) == ("x" * 90, "x" * 9 + "\n")


def test_marks_and_line_ends_of_other_systems_are_understood(own_file: Callable[[bytes], Path]) -> None:
    assert read_text(own_file("\ufeffone\r\ntwo\r\n".encode())) == "one\ntwo\n"


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"", r"is empty \(0 bytes\)"),
        (b" \n\n", r"is empty \(3 bytes\)"),
        (b"good text\x00", "binary file: byte 9 is zero"),
        (b"good text \xff", r"not text in UTF-8: byte 10 is 0xff .*Save it as UTF-8"),
        ("cut off: é".encode()[:-1], "byte 9 is 0xc3"),
        ("Windows".encode("utf-16"), "UTF-16"),
    ],
)
def test_what_is_no_text_is_refused_with_what_was_found(
    own_file: Callable[[bytes], Path], content: bytes, found: str
) -> None:
    with pytest.raises(CourseError, match=found):
        load_corpus(str(own_file(content)))


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CourseError, match="one text file"):
        load_corpus(str(tmp_path))


def test_an_unknown_name_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(CourseError, match=r"'shakespear'.*world, shakespeare, default, or the path"):
        load_corpus("shakespear")
