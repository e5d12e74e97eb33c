"""Tolan, the second language of the toy world: the same documents, with other words, in another order, with endings.

Each form of the world is told a second time, over the same variables. So a text has one right translation, which is as
probable as the text itself, and for every word of it we know which word it renders.

Tolan has no articles. The verb comes last, an adjective after its noun. What English says with prepositions, Tolan says
with the noun's ending: -en in, -ul on or near, -ad to, -ex from, -om with or as, -us of, -or for or through, -ub under,
and -an for what the verb acts on; an adjective takes the ending of its noun. Verbs and adjectives that say something
about a person end in -a for a woman and -o for a man.

The templates below are written in glosses: an English word stands for the Tolan word with its meaning, what follows a +
is an ending. (`{person.end}` is the ending for that person.)
"""

from collections import Counter
from itertools import compress
from typing import Any, NamedTuple

from course_lib.text.grammar import Choice, Grammar, Way, ways_through
from course_lib.text.world import MEN, RIVERS, TOWNS, WOMEN, World, forms_in

# One for each form of the world, in the same order, with the same brackets.
GLOSSES = """
fact 2          [ {person} {person.home}+en lives+{person.end} | {person} {person.job}+om works+{person.end}
                | {person} {person.food}+an best likes+{person.end} | {person} home+en {person.pet}+an has+{person.end}
                | {person} {friend} and friends are+e ] .
fact 1          {child} {child.born}+en born+{child.end} was .
fact 2          [ {animal} {animal.says} | {animal} {animal.eats}+an eats | {animal.young} {animal} young is ] .
fact 1          [ river {town.river} {town}+or flows | {town} {town.year}+en founded was
                | {town} {town.dish}+us famous is ] .
fact 1          {pair.place}+en {pair}+an {pair.women}+an and meet you can .

description 4   {child} {child.home}+ex {child.job} is . {child.she} {child.born}+en born+{child.end} was .
                food favourite {child.her} {child.food} is , and home+en {child.she} {child.pet}+an has+{child.end} .
description 2   {animal} {animal.says} and {animal.eats}+an eats . it {animal.near}+ul lives .
                {animal} young {animal.young} called is .
description 2   {animal.near}+ul {animal} big {animal.eats}+an eats . {animal.young} little {animal.eats}+an too eats .
                {animal} {animal.says} , and {animal.young} little {animal}+ad big+ad close comes .
description 1   {town} {town.river}+ul river+ul town [ small | quiet | busy ] is . it {town.year}+en founded was .
                people {town.dish}+or {town}+ad come .

history 3       {event} {event.which} {event.year}+en {event.town}+ad came .
                [ day+an that+an nobody forgotten has | people old it+us still talk | books many it+us tell ] .

story 7         one {time} {weather} {person} {thing}+an {colour}+an {person.her}+an took+{person.end} and friend+om
                {person.her}+om {friend}+om {place}+ad went+{person.end} . they [ sang and laughed | talked and laughed
                | ran and played ] until it late was . home+ad way+ul {person} stopped+{person.end} . {thing} gone was !
                unhappiness {person.her} great was . {friend} said+{friend.end} : not [ cry | worry ] do , it+an we
                find will . they everywhere looked . last+en {friend} {hiding}+ub something+an {colour}+an
                saw+{friend.end} . it {thing} was ! {person} {friend.him}+an thanked+{person.end} ,
                and happiness {person.her} great was .

dialogue 3      {person} : {time} good , {friend} ! where you going are ? {friend} : market+ad .
                i some+an {grocery}+an and one+an {fruit}+an buy want . {person} : i you+om come may ?
                {friend} : [ of course , along come ! | today not , but you+an thank ! ]
dialogue 4      {person} : you hungry+{friend.end} are , {friend} ? {friend} : yes , i some+an {friend.food}+an like
                would . {person} : [ idea good ! | surprise what ! ] i some+an {person.food}+an like would .
dialogue 4      {person} : where do you now live , {friend} ? {friend} : {friend.home}+en . and what do you do ?
                {person} : i {person.job}+om work . {friend} : [ nice how ! | that work hard is ! ]

diary 7         diary dear , it {day} is and here {person.home}+en {time} {weather} . today i {place}+ad
                went+{person.end} and [ {thing}+an my+an found+{person.end} . lucky how ! happiness what !
                | {thing}+an my+an lost+{person.end} . unlucky how ! unhappiness what ! ]
                now i {feeling} am+{person.end} . night good ! {person}

list 4          {person}+us list shopping : {person.food} some , {grocery} some and {fruit} one .
list 4          {person} bag+an has+{person.end} . it+en picture {person.pet}+us {person.her}+us , {thing} {colour}
                and {fruit} one are .

question 6      [ {person} where does live ? {person.she} {person.home}+en lives+{person.end}
                | {person} what does do ? {person.she} {person.job}+om works+{person.end}
                | {person} pet+an which+an does have ? {person.she} {person.pet}+an has+{person.end}
                | {person} what best does like ? {person.she} {person.food}+an best likes+{person.end}
                | {person}+us friend who is ? {friend} friend {person.her} is ] .
question 1      {child} when born+{child.end} was ? {child.she} {child.born}+en born+{child.end} was .
question 2      [ {animal} what does eat ? it {animal.eats}+an eats | {animal} what does do ? it {animal.says}
                | {animal} young what called is ? it {animal.young} called is ] .
question 2      [ {town}+or river which flows ? it river {town.river} is
                | {town} when founded was ? it {town.year}+en founded was
                | {town} what+us famous is ? it {town.dish}+us famous is ] .
question 1      {event} {event.which} {event.town}+ad when did come ? it {event.year}+en came .

sum 2           [ {a} {b} plus {sum} is | {sum} {a} minus {b} is ] .
sum 3           {person} {goods}+an {a} has+{person.end} . {friend} {person.him}+ad {b} more gives+{friend.end} .
                now {person} {goods}+an {sum} has+{person.end} , because {a} {b} plus {sum} is .

comparison 1    who older is , {child} {rival} or ? {child} {child.born}+en and {rival} {rival.born}+en born+e was ,
                so {older} older is .
comparison 4    which bigger is , {animal} {beast} or ? {bigger} bigger is .

stranger 6      {job} [ late home+ad came | kitchen+en sat | go+ad ready was ] . {one.she} table+ul {thing}+an {one}+an
                put+{one.end} and [ {drink}+an some+an drank+{one.end} | window+an opened+{one.end}
                | glasses+an {one}+an looked+{one.end} ] .

tale 4          once time+ul {role} {trait} there was . {role.place}+en {role} {role.wears}+an {role.her}+an on
                put+{role.end} , and {role.she} evening until there {role.there} .
                then {role} {trait} [ sleep+ad went+{role.end} | home+ad came+{role.end} ] .

film 4          {person} {friend} and film+an saw . it film so {surface} was that it {quality} was .
                they it+an {verdict} and it+an {ever} again see will .
film 2          {person} {friend} and film+an saw . it film [ very | ] {quality} was .
                they it+an {verdict} and it+an {ever} again see will .

scene 4         {animal} {beast}+an [ house+us around | garden+us through | river+us along ] chased .
                {beast} [ afraid | fast ] was and {hiding}+ub hid . {animal} only play wanted .
scene 3         {animal} {seat}+ul sat [ and {animal.eats}+or some waited | and {beast}+an looked | ] .
                it {time} {weather} was .
scene 3         {person} thirsty+{person.end} was . {person.she} {fruit}+an one+an took+{person.end} and juice+an
                some+an made+{person.end} . then {person.she} [ garden+en | kitchen+en ] juice+an {fruit}+us
                drank+{person.end} .
"""

# Each consonant changes places with its neighbour in sound, and the vowels move on by one.
_STEMS = str.maketrans("bpdtgkvfzslrmncjwyxqaeiou", "pbtdkgfvszrlnmjcywqxeioua")
_NAMES = {*WOMEN, *MEN, *TOWNS, *RIVERS}


class Translation(NamedTuple):
    """A text in the other language, and where it comes from."""

    text: str
    renders: list[int | None]
    """For each word, the place of the word that it renders in the original; None: none does (an English article)."""


class Tolan(Grammar):
    """The documents of a world, told in Tolan, with the probabilities that they have in English.

    Args:
        world: who and what there is, and its dials.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        forms = list(compress(forms_in(GLOSSES), world.told))
        super().__init__(forms, world.variables)

    def attribute(self, value: Any, name: str) -> Choice:
        """As in the world; and `{person.end}`, by which verbs and adjectives agree with a person."""
        if name == "end":
            return ["a" if value.traits["she"] == "she" else "o"]
        return self.world.attribute(value, name)

    def spell(self, pattern: str, value: Any = None) -> str:
        """The Tolan word for a gloss. Names, numbers and signs are the same as in English, but for their endings."""
        stem, _, ending = super().spell(pattern, value).partition("+")
        return (stem if stem in _NAMES else stem.translate(_STEMS)) + ending


def translate(text: str, source: Grammar, target: Grammar) -> Translation:
    """Tell in the language of `target` what `text` tells in that of `source`: a world and its Tolan, or the reverse.

    Raises:
        ValueError: the text is no document of `source`.
    """
    readings = source.readings(text)
    if not readings:
        raise ValueError(f"this is no document that can be translated: {text!r}")
    number, known = source.form_of(readings[0]), readings[0].known
    words = text.split(" ")
    pairs = zip(ways_through(source.forms[number].template), ways_through(target.forms[number].template), strict=True)
    way, same_way = next(pair for pair in pairs if source.tell(pair[0], known) == words)
    places = {origin: place for place, origin in enumerate(_origins(way))}
    told = target.tell(same_way, known) or []
    return Translation(" ".join(told), [places.get(origin) for origin in _origins(same_way)])


def _origins(way: Way) -> list[tuple[str, int]]:
    """What each word of a template renders: a variable or an English word, and how often that came before."""
    seen: Counter[str] = Counter()
    origins = []
    for pattern, variable in way:
        stem, _, _ = pattern.partition("+")
        meaning = variable if variable and "{}" in stem else stem
        origins.append((meaning, seen[meaning]))
        seen[meaning] += 1
    return origins
