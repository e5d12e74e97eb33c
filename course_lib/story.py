"""One story through the course: the same held-out documents of the toy world, predicted by better and better models.

The documents are the 1,000 of `VALIDATION_SEED`, each predicted word by word from its beginning, its end included.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from torch import nn

from course_lib.evaluation import bits_per_byte, evaluate
from course_lib.text import VALIDATION_SEED, WordTokenizer, World, evaluation_documents
from course_lib.text.corpora import VALIDATION_DOCUMENTS
from course_lib.text.grammar import Floor

HEADER = ("lesson", "model", "nats per word", "bits per byte", "nats per document above the floor")


@dataclass(frozen=True)
class Line:
    """A model of the story, the lesson that makes it, and what it paid when the course was last measured."""

    lesson: str
    model: str
    nats_per_word: float


STORY = (
    Line("01", "all words equally likely", 6.370),
    Line("04", "how often each word comes", 5.113),
    Line("04", "the word before, counted", 2.076),
    Line("04", "the word before, learned", 2.076),
    Line("04", "the four words before, counted", 0.664),
    Line("04", "a window of words, learned", 0.627),
    Line("09", "a transformer", 0.435),
)


@dataclass(frozen=True)
class Score:
    """What predicting the held-out documents cost."""

    nats_per_word: float
    bits_per_byte: float
    above_floor: float
    """Nats per document that were paid beyond what the best possible forecast pays."""


def score(model: nn.Module) -> Score:
    """Let `model` predict the held-out documents, in the ids of the world's word tokenizer."""
    ids = _held_out().ids
    return _score(evaluate(model, evaluation_documents(ids, end_id=ids[-1])).loss)


def story(through: str, measured: Mapping[str, Score]) -> list[tuple[str, str, float, float, float]]:
    """The rows of the story's table, in its columns `HEADER`, down to a lesson and the floor.

    Args:
        through: the number of the last lesson to be told of, such as "04".
        measured: scores from this very run, by the name of the model; the others are as once measured.

    Raises:
        ValueError: something was measured that is not in the story.
    """
    told = [line for line in STORY if line.lesson <= through]
    strange = set(measured) - {line.model for line in told}
    if strange:
        raise ValueError(f"{sorted(strange)} is not in the story through lesson {through}")
    scores = [(line, measured.get(line.model) or _score(line.nats_per_word)) for line in told]
    rows = [(line.lesson, line.model, s.nats_per_word, s.bits_per_byte, s.above_floor) for line, s in scores]
    floor = _score(_held_out().floor.per_word)
    return [*rows, ("", "the floor: the world's own rules", floor.nats_per_word, floor.bits_per_byte, 0.0)]


@dataclass(frozen=True)
class _HeldOut:
    ids: list[int]
    n_bytes: int
    floor: Floor


@cache
def _held_out() -> _HeldOut:
    world = World()
    documents = world.documents(VALIDATION_DOCUMENTS, VALIDATION_SEED)
    text = "".join(document.text + "\n" for document in documents)
    tokenizer = WordTokenizer.train(" ".join(world.words()))
    return _HeldOut(tokenizer.encode(text), len(text.encode()), world.floor(documents))


def _score(nats_per_word: float) -> Score:
    held_out = _held_out()
    nats = nats_per_word * len(held_out.ids)
    above_floor = nats / VALIDATION_DOCUMENTS - held_out.floor.per_document
    return Score(nats_per_word, bits_per_byte(nats, held_out.n_bytes), above_floor)
