"""The grammar: probabilities worked out by hand, random grammars told to the end, and everything that is refused."""

import math
import random
import re
from dataclasses import dataclass
from itertools import count

import pytest

from course_lib.text.grammar import END, Domain, Form, Grammar, ways_through


@dataclass(frozen=True)
class Person:
    name: str
    she: str

    def __str__(self) -> str:
        return self.name


ANN, BEA, CAL = Person("ann", "she"), Person("bea", "she"), Person("cal", "he")

PETS = Grammar(
    [
        Form("pet", 3, "{who} has [ a {pet} | two {pet} ] ."),
        Form("riddle", 1, "{who.she} is {who} ."),
    ],
    {
        "who": {ANN: 0.5, BEA: 0.25, CAL: 0.25},
        "pet": lambda who: ["cat", "dog"] if who is ANN else {"cat": 0.75, "dog": 0.25, "owl": 0.0},
    },
)
# Worked out by hand from the definitions above.
TOLD = {
    **{f"ann has {many} {pet} .": 0.75 * 0.5 * 0.5 * 0.5 for many in ("a", "two") for pet in ("cat", "dog")},
    **{f"{who} has {many} cat .": 0.75 * 0.25 * 0.5 * 0.75 for who in ("bea", "cal") for many in ("a", "two")},
    **{f"{who} has {many} dog .": 0.75 * 0.25 * 0.5 * 0.25 for who in ("bea", "cal") for many in ("a", "two")},
    "she is ann .": 0.25 * 0.5,
    "she is bea .": 0.25 * 0.25,
    "he is cal .": 0.25 * 0.25,
}


def random_grammar(seed: int) -> Grammar:
    """A few forms of random order, weights, functions, traits and alternatives, in which no two draws look alike."""
    rng = random.Random(seed)
    new = count()

    def some_words() -> list[str]:
        return [f"w{next(new)}" for _ in range(rng.randint(1, 3))]

    def weighted() -> dict[str, float]:
        values = some_words()
        shares = [rng.random() for _ in values]
        return {value: share / math.fsum(shares) for value, share in zip(values, shares, strict=True)}

    people = [ANN, BEA, CAL]
    by_name = {who: weighted() for who in people}
    by_two = {(who, word): some_words() for who in people for word in ("x", "y")}
    variables: dict[str, Domain] = {
        "who": people,
        "other": lambda who: [one for one in people if one is not who],
        "word": {"x": 0.3, "y": 0.7},
        "thing": lambda who: by_name[who],
        "both": lambda who, word: by_two[who, word],
    }
    # A thing tells who it belongs to; `both` tells two draws: as long as these are told as well, any order will do.
    pieces = [
        "{who}",
        "{who.she}",
        "{other}",
        "{other.she}",
        "{word}",
        "{thing}",
        "{both}",
        "[ | {thing} ]",
        "[ {both} | so {both} ]",
    ]

    def template() -> str:
        parts = rng.sample(pieces, rng.randint(1, 5))
        shown = [*parts, *(part for part in ("{who}", "{other}", "{word}") if part not in parts)]
        left, right = rng.sample(shown, len(shown)), some_words()
        branches = " | ".join([*right, "[ so | or ] so", ""])
        return f"w{next(new)} " + " ".join(left) + f" [ {branches} ] ."

    return Grammar([Form(f"kind{i}", rng.randint(1, 5), template()) for i in range(3)], variables)


def test_probabilities_are_those_of_the_definition() -> None:
    told = {document.text: math.exp(document.log_prob) for document in PETS.every_document()}
    assert told == pytest.approx(TOLD)
    assert math.fsum(told.values()) == pytest.approx(1)
    for text, probability in TOLD.items():
        assert PETS.log_prob(text) == pytest.approx(math.log(probability))
        assert PETS.kind(text) == ("riddle" if " is " in text else "pet")


def test_documents_come_as_often_as_their_probability_says() -> None:
    n = 20_000
    drawn = [document.text for document in PETS.documents(n, seed=0)]
    for text, probability in TOLD.items():
        assert drawn.count(text) / n == pytest.approx(probability, abs=4 * math.sqrt(probability / n))
    assert set(drawn) == set(TOLD)


def test_a_name_told_late_is_weighed_by_what_came_before() -> None:
    assert PETS.next_word("she is ") == pytest.approx({"ann": 2 / 3, "bea": 1 / 3})
    assert PETS.next_word("he is ") == {"cal": 1.0}
    assert PETS.next_word("") == pytest.approx(
        {"ann": 0.375, "bea": 0.1875, "cal": 0.1875, "she": 0.25 * 0.75, "he": 0.25 * 0.25}
    )


@pytest.mark.parametrize("seed", range(12))
def test_all_walks_agree(seed: int) -> None:
    grammar = random_grammar(seed)
    told = list(grammar.every_document())
    assert len({document.text for document in told}) == len(told)
    assert math.fsum(math.exp(document.log_prob) for document in told) == pytest.approx(1, abs=1e-12)
    entropy = -math.fsum(math.exp(document.log_prob) * document.log_prob for document in told)
    assert grammar.entropy() == pytest.approx(entropy, abs=1e-12)
    assert grammar.words() == sorted({word for document in told for word in document.text.split(" ")})
    for document in [*told[:: 1 + len(told) // 50], *grammar.documents(50, seed=1)]:
        assert len(grammar.readings(document.text)) == 1
        assert grammar.kind(document.text) == document.kind
        assert grammar.log_prob(document.text) == pytest.approx(document.log_prob, abs=1e-12)
        words = document.text.split(" ")
        after = grammar.predictions(document.text)
        chain = [math.log(forecast[word]) for forecast, word in zip(after, [*words, END], strict=True)]
        assert math.fsum(chain) == pytest.approx(document.log_prob, abs=1e-12)
        for i, forecast in enumerate(after):
            assert math.fsum(forecast.values()) == pytest.approx(1, abs=1e-12)
            assert forecast == grammar.next_word("".join(f"{word} " for word in words[:i]))


def test_words_include_those_that_were_drawn_long_before_they_show() -> None:
    riddle = Grammar([Form("riddle", 1, "{who.she} sings ; it is {who}")], {"who": [ANN, BEA, CAL]})
    assert riddle.words() == [";", "ann", "bea", "cal", "he", "is", "it", "she", "sings"]


def test_a_longer_call_begins_like_a_shorter_one() -> None:
    assert PETS.documents(5, seed=7) == PETS.documents(50, seed=7)[:5]
    assert PETS.documents(50, seed=7) != PETS.documents(50, seed=8)
    assert PETS.documents(0, seed=7) == []


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            " ",
            END,
            ".",
            "ann",
            "ann has a cat",
            "ann has a cat . .",
            "cal has a owl .",
            "he is ann .",
            "Ann has a cat .",
        ),
        *(" ann has a cat .", "ann has a cat . ", "ann has  a cat .", "ann has a\tcat .", "ann has a cat .\n"),
        *("ann has a cat . \n", "\nann has a cat ."),
    ],
)
def test_other_texts_have_no_probability(text: str) -> None:
    assert PETS.log_prob(text) == -math.inf
    assert PETS.readings(text) == []
    assert PETS.kind(text) is None


def test_predictions_stop_where_no_document_goes_on() -> None:
    start, *rest = PETS.predictions("ann is a cat")
    assert start == PETS.next_word("")
    assert list(rest[0]) == ["has"]
    assert rest[1:] == [{}, {}, {}]
    assert PETS.predictions("ann has a cat .")[-1] == {END: 1.0}
    for prefix in ("bob ", " ", "ann", "ann  ", "ann has a cat . . ", f"ann has a cat . {END} "):
        assert PETS.next_word(prefix) == {}


def test_a_text_told_in_two_ways_has_the_probability_of_both() -> None:
    twice = Grammar([Form("a", 1, "[ so | so ] it is")], {})
    assert len(twice.readings("so it is")) == 2
    assert twice.log_prob("so it is") == pytest.approx(0)


def test_a_variable_may_be_a_part_of_a_word() -> None:
    plural = Grammar([Form("a", 1, "[ two {pet}s | un{pet}ly ] here")], {"pet": ["cat", "dog"]})
    texts = {document.text: document.log_prob for document in plural.every_document()}
    assert set(texts) == {"two cats here", "two dogs here", "uncatly here", "undogly here"}
    for text, log_prob in texts.items():
        assert plural.log_prob(text) == pytest.approx(log_prob) == pytest.approx(math.log(0.25))
    assert plural.words() == ["cats", "dogs", "here", "two", "uncatly", "undogly"]


def test_a_blank_is_filled_as_bayes_says() -> None:
    everything = {document.text: math.exp(document.log_prob) for document in PETS.every_document()}
    for text in everything:
        for place in range(len(text.split(" "))):
            words = text.split(" ")
            same = {
                other.split(" ")[place]: p
                for other, p in everything.items()
                if other.split(" ")[:place] + other.split(" ")[place + 1 :] == words[:place] + words[place + 1 :]
                and len(other.split(" ")) == len(words)
            }
            expected = {word: p / sum(same.values()) for word, p in same.items()}
            assert PETS.blank(text, place) == pytest.approx(expected)


def test_the_ways_through_a_template_come_in_the_order_of_its_alternatives() -> None:
    ways = [" ".join(pattern for pattern, _ in way) for way in ways_through("a [ b | [ c | ] d | e {x} ] f")]
    assert ways == ["a b f", "a c d f", "a d f", "a e {} f"]


def test_floor_counts_ends_and_newlines() -> None:
    documents = [document for document in PETS.every_document() if document.kind == "riddle"]
    nats = -math.log(0.125) - 2 * math.log(0.0625)
    floor = PETS.floor(documents)
    assert floor.per_document == pytest.approx(nats / 3)
    assert floor.per_word == pytest.approx(nats / (5 + 5 + 5))
    assert floor.per_byte == pytest.approx(nats / (13 + 13 + 12))
    spoken = Grammar([Form("a", 1, "[ größe | straße ] .")], {})
    assert spoken.floor(spoken.documents(10, seed=0)).per_byte == pytest.approx(
        math.log(2) / (len("größe .".encode()) + 1)
    )


@pytest.mark.parametrize(
    ("template", "variables", "complaint"),
    [
        ("{x} .", {"x": []}, "empty domain"),
        ("{x} .", {"x": {}}, "empty domain"),
        ("{x} .", {"x": ["a", "b", "a"]}, "several values that read a"),
        ("{x} .", {"x": [ANN, Person("ann", "he")]}, "several values that read ann"),
        ("{x} .", {"x": ["two words"]}, "not exactly one word: 'two words'"),
        ("{x} .", {"x": ["a", ""]}, "not exactly one word: ''"),
        ("{x} .", {"x": ["a", END]}, "not exactly one word"),
        ("{x} .", {"x": {"a": 0.5, "b": 0.6}}, "weights that are no probabilities"),
        ("{x} .", {"x": {"a": 0.5, "b": math.nan}}, "weights that are no probabilities"),
        ("{x} .", {"x": {"a": 1.5, "b": -0.5}}, "weights that are no probabilities"),
        ("{x} .", {}, "nothing says what {x} may be"),
        ("{x.she} .", {"x": [ANN]}, "x may be drawn and never told"),
        ("{x.she} [ is {x} | sings ] .", {"x": [ANN]}, "x may be drawn and never told"),
        ("{y} .", {"x": ["a"], "y": lambda x: ["b"]}, "x may be drawn and never told"),
        ("[ a | b", {}, "no word, no variable"),
        ("a | b", {}, "no word, no variable"),
        ("a ]", {}, "without its partner"),
        ("{x .", {"x": ["a"]}, "no word, no variable"),
        ("{x}{x} .", {"x": ["a"]}, "no word, no variable"),
        ("x} .", {"x": ["a"]}, "no word, no variable"),
        ("", {}, "without a word"),
        ("[ a | ]", {}, "without a word"),
    ],
)
def test_refusals(template: str, variables: dict[str, Domain], complaint: str) -> None:
    with pytest.raises(ValueError, match=re.escape(complaint)):
        Grammar([Form("kind", 1, template)], variables)


@pytest.mark.parametrize("domain", [[], ["b", "b"], ["b c"], {"b": 0.9}, {"b": 2, "c": -1}])
def test_what_a_function_returns_is_examined(domain: list[str] | dict[str, float]) -> None:
    grammar = Grammar([Form("kind", 1, "{x} {y} .")], {"x": ["a"], "y": lambda x: domain})
    with pytest.raises(ValueError, match="y has"):
        grammar.entropy()


@pytest.mark.parametrize("weight", [0.0, -1.0, math.nan])
def test_a_form_needs_a_weight(weight: float) -> None:
    with pytest.raises(ValueError, match="weight"):
        Grammar([Form("kind", weight, "a ."), Form("kind", 3, "b .")], {})
    with pytest.raises(ValueError, match="form"):
        Grammar([], {})
