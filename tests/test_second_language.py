"""Tolan: the same documents with the same probabilities, one translation each, and a true alignment."""

import math

import pytest

from course_lib.text import Tolan, World, translate
from course_lib.text.grammar import ways_through
from course_lib.text.second_language import GLOSSES
from course_lib.text.world import FORMS, forms_in


@pytest.fixture(scope="module")
def world() -> World:
    return World()


@pytest.fixture(scope="module")
def tolan(world: World) -> Tolan:
    return Tolan(world)


@pytest.fixture(scope="module")
def texts(world: World) -> list[str]:
    return [document.text for document in world.documents(2_000, seed=7)]


def test_there_and_back_again_is_the_same_text(world, tolan, texts):
    for text in texts:
        assert translate(translate(text, world, tolan).text, tolan, world).text == text


def test_a_text_is_as_probable_in_one_language_as_in_the_other(world, tolan, texts):
    for text in texts:
        assert tolan.log_prob(translate(text, world, tolan).text) == pytest.approx(world.log_prob(text), abs=1e-9)


def test_both_languages_have_the_same_entropy(world, tolan):
    assert tolan.entropy() == pytest.approx(world.entropy(), abs=1e-9)


def test_what_tolan_tells_can_be_told_in_english(world, tolan):
    documents = tolan.documents(500, seed=3)
    told = {translate(document.text, tolan, world).text for document in documents}
    assert all(world.is_true(text) for text in told)
    assert {document.kind for document in documents} == {form.kind for form in world.forms}


@pytest.mark.parametrize("dials", [{"falsehoods": 0.3}, {"bias": 0.8}, {"until": 1965}])
def test_the_dials_of_the_world_turn_tolan_too(dials):
    world = World(**dials, people=10, things=4)
    tolan = Tolan(world)
    assert tolan.entropy() == pytest.approx(world.entropy(), abs=1e-9)
    for document in world.documents(200, seed=1):
        translated = translate(document.text, world, tolan).text
        assert tolan.log_prob(translated) == pytest.approx(document.log_prob, abs=1e-9)


def test_all_texts_of_a_small_world_are_different_in_tolan_and_have_probability_one_together():
    world = World(people=5, towns=2, animals=2, events=2, things=2)
    total, texts, n = 0.0, set(), 0
    for document in Tolan(world).every_document():
        total += math.exp(document.log_prob)
        texts.add(document.text)
        n += 1
    assert total == pytest.approx(1, abs=1e-9)
    assert len(texts) == n > 5_000


def test_every_form_is_told_in_both_languages_with_the_same_choices():
    english, glosses = forms_in(FORMS), forms_in(GLOSSES)
    assert [form[:2] for form in english] == [form[:2] for form in glosses]
    for form, gloss in zip(english, glosses, strict=True):
        assert len(ways_through(form.template)) == len(ways_through(gloss.template))


def test_a_sentence_with_its_alignment(world, tolan):
    translation = translate("which is bigger , a cat or a horse ? the horse is bigger .", world, tolan)
    assert translation.text == "yhojh pokkil oz , jed hulzi ul ? hulzi pokkil oz ."
    #                           which bigger is ,  cat horse or ?  horse bigger is .
    assert translation.renders == [0, 2, 1, 3, 5, 8, 6, 9, 11, 13, 12, 14]


def test_an_alignment_joins_words_of_one_meaning(world, tolan, texts):
    """A Tolan word has the stem of the English word that it renders; and every word of Tolan renders one."""
    for text in texts[:500]:
        english = text.split(" ")
        translation = translate(text, world, tolan)
        assert len(translation.renders) == len(translation.text.split(" "))
        for word, place in zip(translation.text.split(" "), translation.renders, strict=True):
            assert place is not None, (text, word)
            assert word.startswith(tolan.spell(english[place]))
        assert len(set(translation.renders)) == len(translation.renders)


def test_verbs_and_adjectives_agree_with_the_person(world, tolan):
    for name, she, ending in (("anna", "she", "a"), ("adam", "he", "o")):
        text = f"{name} was thirsty . {she} took one plum and made some juice . "
        text += f"then {she} drank plum juice in the garden ."
        words = translate(text, world, tolan).text.split(" ")
        assert words[:2] == [name, f"dholzdw{ending}"]
        assert [word for word in words if word.startswith(("duug", "neti", "tlemg"))] == [
            f"duug{ending}",  # took
            f"neti{ending}",  # made
            f"tlemg{ending}",  # drank
        ]


def test_english_articles_are_rendered_by_nothing_and_come_back(world, tolan):
    translation = translate("which is bigger , a cat or an owl ? the cat is bigger .", world, tolan)
    back = translate(translation.text, tolan, world)
    words = back.text.split(" ")
    assert [word for word, place in zip(words, back.renders, strict=True) if place is None] == ["a", "an", "the"]


def test_what_is_no_document_is_not_translated(world, tolan):
    with pytest.raises(ValueError, match="no document that can be translated: 'a cat is'"):
        translate("a cat is", world, tolan)
    with pytest.raises(ValueError, match="no document"):
        translate("which is bigger , a cat or an owl ? the cat is bigger .", tolan, world)


def test_the_vocabulary_holds_every_word_and_no_english_one_but_names(world, tolan, texts):
    words = set(tolan.words())
    said = {word for text in texts for word in translate(text, world, tolan).text.split(" ")}
    assert said <= words
    shared = {word for word in words & set(world.words()) if word.isalpha()}
    names = {str(entity) for entity in [*world.variables["person"], *world.variables["town"]]}
    rivers = {entity.traits["river"] for entity in world.variables["town"]}
    assert shared - names - rivers == {"him", "pet"}  # by chance the disguise of other words
