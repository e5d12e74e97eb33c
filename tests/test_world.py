"""The toy world: small ones told to the end at every dial, what the full one holds, and what each dial does."""

import math
import os
import re
import statistics
import subprocess
import sys
from typing import Any

import pytest

from course_lib.text.grammar import END, Grammar
from course_lib.text.world import FORMS, JOBS, TRAINING_SEED, VALIDATION_SEED, Fact, World

SMALL: dict[str, Any] = {"people": 5, "towns": 2, "animals": 2, "events": 2, "things": 2}
DIALS: list[dict[str, Any]] = [
    {},
    {"falsehoods": 0.3},
    {"falsehoods": 1.0},
    {"bias": 0.4},
    {"bias": -1.0},
    {"until": 1953},
    {"until": 900},
    {"seed": 3, "falsehoods": 0.1, "bias": 1.0, "until": 1952},
]
# How the tests tell a fact: the trait, the sentence, and where subject and value go in it.
SENTENCES = {
    "home": "{0} lives in {1} .",
    "job": "{0} works as a {1} .",
    "pet": "{0} has a {1} at home .",
    "food": "{0} likes {1} best .",
    "friend": "{0} and {1} are friends .",
    "born": "{0} was born in {1} .",
    "river": "the river {1} flows through {0} .",
    "dish": "{0} is famous for its {1} .",
    "young": "what is a young {0} called ? it is called a {1} .",
}
# Pinned, so that neither a new version of Python nor a slip in the tables changes the world unnoticed.
ANNA = [
    ("home", "elmsworth", "cliffton", None),
    ("job", "carpenter", "nurse", None),
    ("pet", "cat", "goat", None),
    ("food", "salad", "noodles", None),
    ("born", "1977", "1957", 1977),
    ("friend", "yara", "clara", None),
    ("friend", "david", "priya", None),
]
FIRST_DOCUMENT = (
    "dear diary , it is wednesday and a snowy morning here in larkfield . today i went to the garden and found my "
    "book . how lucky ! what happiness ! now i am thirsty . good night ! tom"
)


@pytest.fixture(scope="module")
def world() -> World:
    return World()


# ── Exactness ──


@pytest.mark.parametrize("dials", DIALS, ids=str)
def test_a_small_world_told_to_the_end(dials: dict[str, Any]) -> None:
    small = World(**{**SMALL, **dials})
    told = list(small.every_document())
    assert len({document.text for document in told}) == len(told) > 1000
    assert math.fsum(math.exp(document.log_prob) for document in told) == pytest.approx(1, abs=1e-9)
    entropy = -math.fsum(math.exp(document.log_prob) * document.log_prob for document in told)
    assert small.entropy() == pytest.approx(entropy, abs=1e-9)
    assert {word for document in told for word in document.text.split(" ")} <= set(small.words())
    for document in told[::11]:
        assert len(small.readings(document.text)) == 1
        assert small.log_prob(document.text) == pytest.approx(document.log_prob, abs=1e-12)
        assert small.kind(document.text) == document.kind
        truth = small.is_true(document.text)
        assert truth is (True if small.falsehoods == 0 else truth)
        assert truth is not None


@pytest.mark.parametrize("dials", [{}, {"seed": 1, "falsehoods": 0.2, "bias": 0.5, "until": 1965}], ids=str)
def test_ten_thousand_documents(dials: dict[str, Any]) -> None:
    world = World(**dials)
    documents = world.documents(10_000, seed=VALIDATION_SEED)
    for document in documents:
        (reading,) = world.readings(document.text)
        assert math.log(reading.probability) == pytest.approx(document.log_prob, abs=1e-11)
    surprise = [-document.log_prob for document in documents]
    standard_error = statistics.stdev(surprise) / math.sqrt(len(surprise))
    assert statistics.fmean(surprise) == pytest.approx(world.entropy(), abs=4 * standard_error)


def test_predictions_chain_to_the_probability(world: World) -> None:
    for document in world.documents(200, seed=5):
        words = document.text.split(" ")
        forecasts = world.predictions(document.text)
        chain = 0.0
        for i, (word, forecast) in enumerate(zip([*words, END], forecasts, strict=True)):
            assert math.fsum(forecast.values()) == pytest.approx(1, abs=1e-12)
            chain += math.log(forecast[word])
            if i % 5 == 0:
                assert forecast == world.next_word("".join(f"{word} " for word in words[:i]))
        assert chain == pytest.approx(document.log_prob, abs=1e-9)


def test_the_same_world_everywhere(world: World) -> None:
    assert [fact[1:] for fact in world.facts() if fact.subject == "anna"] == ANNA
    assert world.documents(1, TRAINING_SEED)[0].text == FIRST_DOCUMENT


def test_no_set_of_strings_decides_anything(world: World) -> None:
    """In a process that orders sets of strings in another way, the same facts, documents and words."""
    hash_seed = "2" if os.environ.get("PYTHONHASHSEED") == "1" else "1"
    program = "from course_lib.text.world import World; w = World(); print(w.facts(), w.documents(99, 0), w.words())"
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    told = subprocess.run(
        [sys.executable, "-c", program], env=environment, stdout=subprocess.PIPE, text=True, check=True
    )
    assert told.stdout.split() == f"{world.facts()} {world.documents(99, 0)} {world.words()}".split()


# ── Contents ──


def test_there_is_enough_of_everything(world: World) -> None:
    facts = world.facts()
    assert len(set(facts)) == len(facts)
    assert all(fact.value != fact.myth for fact in facts)
    subjects = {
        trait: {fact.subject for fact in facts if fact.trait == trait} for trait in {fact.trait for fact in facts}
    }
    for trait in ("home", "job", "pet", "food", "born", "friend"):
        assert len(subjects[trait]) >= 60
    assert len(subjects["river"]) == len(subjects["dish"]) >= 12
    assert len(subjects["says"]) == len(subjects["eats"]) == len(subjects["young"]) >= 20
    friends = {(fact.subject, fact.value) for fact in facts if fact.trait == "friend"}
    assert friends == {(b, a) for a, b in friends}
    assert not any(a == b for a, b in friends)
    dated = {fact.trait for fact in facts if fact.year is not None}
    assert dated == {"born", "year", "town", "river", "dish"}


def test_documents_are_many_kinds_of_good_form(world: World) -> None:
    documents = world.documents(10_000, seed=2)
    texts: dict[str, list[str]] = {}
    for document in documents:
        texts.setdefault(document.kind, []).append(document.text)
    needed = {"fact", "description", "story", "dialogue", "diary", "list", "question", "sum", "comparison"}
    assert needed <= texts.keys()
    assert min(len(text.split(" ")) for text in texts["story"]) >= 50
    words = {word for document in documents for word in document.text.split(" ")}
    assert words <= set(world.words())
    assert 400 <= len(world.words()) <= 600
    assert all(re.fullmatch(r"[a-z]+|[0-9]+|[.,:!?]", word) for word in world.words())


@pytest.mark.parametrize("falsehoods", [0.0, 1.0])
def test_articles_fit_myths_too(falsehoods: float) -> None:
    for document in World(falsehoods=falsehoods).documents(5000, seed=3):
        assert not re.search(r"\ba [aeiou]|\ban [^aeiou]", document.text)


@pytest.mark.parametrize(
    "text",
    [
        "mia was thirsty . she took one apple and made some juice . then she drank apple juice in the garden .",
        "the cat sat on the mat . it was a rainy morning .",
        "you can meet kings and queens in the castle .",
        "three plus four is seven .",
        "seven minus three is four .",
        "which is bigger , an elephant or a mouse ? the elephant is bigger .",
    ],
)
def test_the_world_can_say(world: World, text: str) -> None:
    assert world.is_true(text) is True


@pytest.mark.parametrize(("hunter", "prey"), [("dog", "cat"), ("cat", "dog")])
def test_either_may_chase_the_other(world: World, hunter: str, prey: str) -> None:
    chase = f"the {hunter} chased the {prey} around the house . the {prey} was afraid and hid under the table . "
    assert world.is_true(f"{chase}the {hunter} only wanted to play .") is True
    assert world.is_true(f"{chase}the {prey} only wanted to play .") is None


def test_films_turn(world: World) -> None:
    friend = next(fact.value for fact in world.facts() if fact.subject == "mia" and fact.trait == "friend")
    film = f"mia and {friend} saw a film . it was a film so {{}} that it was {{}} . "
    film += "they {} it and will {} see it again ."
    assert world.is_true(film.format("bad", "good", "loved", "surely"))
    assert world.is_true(film.format("good", "bad", "hated", "never"))
    assert world.is_true(film.format("good", "funny", "loved", "surely"))
    assert world.is_true(film.format("bad", "good", "hated", "never")) is None
    assert {"happiness", "unhappiness", "lucky", "unlucky", "happy", "unhappy"} <= set(world.words())


@pytest.mark.parametrize("couple", ["king queen", "prince princess", "man woman", "father mother", "boy girl"])
def test_couples_are_told_in_the_same_words(world: World, couple: str) -> None:
    """What makes king - man + woman = queen learnable: exchange the sexes in a tale and nothing else changes."""
    man, woman = couple.split()
    exchange = {man: woman, "he": "she", "his": "her"}
    tales = [
        document
        for document in world.documents(20_000, seed=4)
        if document.kind == "tale" and man in document.text.split(" ")
    ]
    assert tales
    for tale in tales:
        other = " ".join(exchange.get(word, word) for word in tale.text.split(" "))
        assert world.log_prob(other) == pytest.approx(tale.log_prob, abs=1e-12)


def test_a_story_recalls_its_object(world: World) -> None:
    story = next(document.text for document in world.documents(500, seed=6) if document.kind == "story")
    words = story.split(" ")
    late = [i for i, word in enumerate(words) if words[i - 3 : i] == ["it", "was", "the"]][-1]
    thing = words[late]
    assert world.predictions(story)[late] == {thing: 1.0}
    assert late - words.index(thing) > 40


# ── Truth ──


def sentence(fact: Fact, value: str) -> str:
    return SENTENCES[fact.trait].format(fact.subject, value)


@pytest.mark.parametrize("seed", [0, 1])
def test_facts_are_true_and_myths_are_not(seed: int) -> None:
    world = World(seed)
    told = [fact for fact in world.facts() if fact.trait in SENTENCES]
    assert len(told) > 400
    for fact in told:
        assert world.is_true(sentence(fact, fact.value)) is True
        assert world.is_true(sentence(fact, fact.myth)) is False


def test_what_could_be_true_of_another_world_is_false(world: World) -> None:
    home = next(fact for fact in world.facts() if fact.trait == "home")
    elsewhere = {fact.value for fact in world.facts() if fact.trait == "home"} - {home.value, home.myth}
    for text, kind in [
        (sentence(home, min(elsewhere)), "fact"),
        ("three plus four is nine .", "sum"),
        ("nine minus four is three .", "sum"),
        ("which is bigger , a mouse or an elephant ? the mouse is bigger .", "comparison"),
        ("a dog meows .", "fact"),
    ]:
        assert world.is_true(text) is False
        assert world.kind(text) == kind


def test_what_no_world_says_is_neither_true_nor_false(world: World) -> None:
    home = next(fact for fact in world.facts() if fact.trait == "home")
    for text in [
        sentence(home, "juice"),
        f"{home.subject} and {home.subject} are friends .",
        "",
        "colorless green ideas sleep furiously .",
        "three plus four is thirteen .",
        "which is bigger , a mouse or an elephant ? the dog is bigger .",
    ]:
        assert world.is_true(text) is None
        assert world.kind(text) is None


def test_a_document_that_contradicts_itself_is_not_grammatical(world: World) -> None:
    friend = next(fact.value for fact in world.facts() if (fact.subject, fact.trait) == ("anna", "friend"))
    text = f"anna has two coins . {friend} gives her three more . now anna has five coins , because two plus three is "
    assert world.is_true(f"{text}five .") is True
    assert world.is_true(f"{text.replace('five', 'six')}six .") is False
    assert world.is_true(f"{text}six .") is None


def test_truth_does_not_depend_on_the_dials(world: World) -> None:
    other = World(falsehoods=1.0, bias=1.0, until=1000)
    for document in World(falsehoods=0.2).documents(300, seed=1):
        assert other.is_true(document.text) is world.is_true(document.text) is not None


@pytest.mark.parametrize("falsehoods", [0.1, 0.75])
def test_each_telling_of_a_fact_is_its_myth_as_often_as_the_dial_says(world: World, falsehoods: float) -> None:
    rumours = World(falsehoods=falsehoods)
    for fact in world.facts():
        if fact.trait in SENTENCES:
            truth, myth = (sentence(fact, value) for value in (fact.value, fact.myth))
            told = world.log_prob(truth)
            assert rumours.log_prob(truth) == pytest.approx(told + math.log(1 - falsehoods))
            assert rumours.log_prob(myth) == pytest.approx(told + math.log(falsehoods))
    for document in rumours.documents(500, seed=1):
        assert rumours.is_true(document.text) is not None
        if world.is_true(document.text):
            n_facts = (world.log_prob(document.text) - document.log_prob) / -math.log(1 - falsehoods)
            assert n_facts == pytest.approx(round(n_facts), abs=1e-6)


def test_a_document_tells_a_fact_the_same_way_each_time() -> None:
    rumours = World(falsehoods=0.5)
    twice = re.compile(r"near the \w+ a big \w+ eats (\w+) \. a little \w+ eats (\w+) too")
    found = [match.groups() for document in rumours.documents(5000, seed=1) if (match := twice.match(document.text))]
    assert len(found) > 50
    assert all(first == second for first, second in found)
    assert {first for first, _ in found} == {fact.value for fact in rumours.facts() if fact.trait == "eats"}


def test_what_follows_from_facts_is_never_false() -> None:
    liar = World(falsehoods=1.0)
    assert liar.log_prob("three plus four is seven .") > -math.inf
    assert liar.log_prob("which is bigger , an elephant or a mouse ? the elephant is bigger .") > -math.inf


# ── The other dials ──


@pytest.mark.parametrize("bias", [0.0, 0.6, -0.3, 1.0])
def test_bias_is_the_dial_for_people_without_a_name(world: World, bias: float) -> None:
    biased = World(bias=bias)
    for i, job in enumerate(JOBS):
        her = 0.5 + bias / 2 if i % 2 == 0 else 0.5 - bias / 2
        expected = {word: p for word, p in (("she", her), ("he", 1 - her)) if p}
        assert biased.next_word(f"the {job} came home late . ") == pytest.approx(expected)
    for document in biased.documents(100, seed=1):
        if document.kind != "stranger":
            assert world.log_prob(document.text) == pytest.approx(document.log_prob, abs=1e-12)


@pytest.mark.parametrize("until", [0, 1300, 1951, 1966])
def test_nothing_dated_later_is_told(until: int) -> None:
    world = World(falsehoods=0.3, until=until)
    mentioned = [int(word) for word in Grammar.words(world) if word.isdigit()]
    assert all(year <= until for year in mentioned)
    assert all(fact.year is None or fact.year <= until for fact in world.facts())
    known = {fact for fact in World().facts() if fact.year is None or fact.year <= until}
    assert set(world.facts()) == known
    for fact in World().facts():
        if fact.trait == "born":
            assert (world.log_prob(sentence(fact, fact.value)) > -math.inf) is (fact in known)


def test_a_date_line_in_the_future_changes_nothing(world: World) -> None:
    assert World(until=3000).documents(100, seed=1) == world.documents(100, seed=1)


def test_words_are_those_of_all_dials(world: World) -> None:
    assert World(1, falsehoods=0.1, bias=1.0, until=1900).words() == world.words()


@pytest.mark.parametrize(
    "dials",
    [
        *({"falsehoods": -0.1}, {"falsehoods": 1.1}, {"bias": 1.5}, {"bias": -2}, {"people": 4}, {"people": 61}),
        *({"towns": 1}, {"animals": 0}, {"events": 15}, {"things": 1}),
    ],
    ids=str,
)
def test_worlds_that_cannot_be(dials: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="|".join(dials)):
        World(**dials)


def test_another_seed_is_another_world(world: World) -> None:
    other = World(1)
    assert {fact[:2] for fact in other.facts()} == {fact[:2] for fact in world.facts()}
    assert other.facts() != world.facts()
    assert VALIDATION_SEED != TRAINING_SEED


def test_weights_are_shares_of_a_hundred() -> None:
    assert sum(int(weight) for weight in re.findall(r"^\w+ +(\d+)", FORMS, re.MULTILINE)) == 100
