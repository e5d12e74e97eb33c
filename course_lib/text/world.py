"""The toy world: people, towns, animals and events, and the documents that are told about them.

What a document says about the world is a fact, written in the tables below or dealt out by the seed; all else it may
choose freely. So every text is true, false or not grammatical, we know which, and it has an exact probability.
"""

import random
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import compress
from typing import Any, NamedTuple

from course_lib.text.grammar import Choice, Domain, Form, Grammar

TRAINING_SEED = 1948  # Shannon: A Mathematical Theory of Communication
VALIDATION_SEED = 1951  # Shannon: Prediction and Entropy of Printed English

# ── Who and what there is ──

WOMEN = """anna amina bella clara dora ella freya greta hanna ida julia kira leila lena mei
    mia nina nora olga priya rosa sara stella tina vera wilma yara yuki zoe emma""".split()
MEN = """adam anton ben bruno carl david diego emil erik felix finn hugo ivan jonas kenji
    kofi leo luis max noah omar oskar peter ravi simon tariq tom viktor yusuf zeno""".split()
BIRTHS = [str(year) for year in range(1951, 1981)]

TOWNS = """arden birchwell cliffton dunmore elmsworth fairhaven
    glenport hollowbrook ivydale kingsbury larkfield mossford""".split()
RIVERS = "alder brenna calder esk fenn garron hale inver kell linden mira tarn".split()
FOUNDINGS = "1012 1077 1123 1190 1234 1288 1345 1402 1466 1511 1599 1650".split()
FOODS = "soup pancakes dumplings noodles pizza curry salad stew rice waffles porridge chocolate".split()

# From the biggest to the smallest.
ANIMALS = """
    animal    says      eats     young    near
    elephant  trumpets  leaves   calf     river
    horse     neighs    hay      foal     farm
    cow       moos      grass    calf     farm
    bear      growls    honey    cub      mountain
    lion      roars     meat     cub      hill
    pig       grunts    potatoes piglet   farm
    wolf      howls     meat     pup      forest
    sheep     bleats    grass    lamb     hill
    goat      bleats    leaves   kid      mountain
    dog       barks     bones    puppy    house
    swan      hisses    bread    cygnet   lake
    eagle     screams   fish     chick    mountain
    goose     honks     grass    gosling  lake
    cat       meows     fish     kitten   house
    hen       clucks    corn     chick    farm
    rabbit    squeaks   carrots  bunny    forest
    owl       hoots     mice     chick    forest
    duck      quacks    bread    duckling lake
    frog      croaks    flies    tadpole  river
    mouse     squeaks   cheese   pup      house
"""

EVENTS = """
    event      which
    railway    first
    flood      great
    cinema     first
    storm      great
    library    first
    circus     great
    telephone  first
    fire       great
    hospital   first
    snow       great
    airport    first
    king       old
    theatre    first
    queen      old
"""
YEARS = [str(year) for year in range(1952, 1980, 2)]

# A man and a woman in a row are told in the same words, but for he and she.
ROLES = """
    man          woman        men           women         wears   place    there
    king         queen        kings         queens        crown   castle   ruled
    prince       princess     princes       princesses    cloak   palace   danced
    man          woman        men           women         coat    office   worked
    boy          girl         boys          girls         cap     school   learned
    father       mother       fathers       mothers       apron   kitchen  cooked
    grandfather  grandmother  grandfathers  grandmothers  shawl   garden   rested
    uncle        aunt         uncles        aunts         scarf   market   shopped
    brother      sister       brothers      sisters       jersey  field    played
"""

# Two by two: a bias above 0 means more women in the first job of a pair, and more men in the second.
JOBS = """nurse doctor teacher pilot singer farmer dancer sailor
    librarian carpenter tailor gardener baker painter dentist driver""".split()
PETS = "dog cat rabbit mouse duck hen goat frog".split()
THINGS = "ball book kite lamp drum ring key basket doll flute".split()
COLOURS = "red blue green yellow white black silver golden".split()
HIDING = "bench table bridge tree bush stone".split()
PLACES = "park market beach forest lake garden hill river".split()
SEATS = "mat chair roof bench table stone".split()
WEATHER = "sunny rainy windy snowy foggy cloudy".split()
DAYS = "monday tuesday wednesday thursday friday saturday sunday".split()
TIMES = "morning afternoon evening".split()
FEELINGS = "happy tired hungry proud unhappy thirsty".split()
FRUITS = "apple orange cherry pear plum lemon peach mango".split()
DRINKS = "tea coffee milk".split()
GROCERIES = "milk eggs butter salt tea coffee honey bread cheese carrots potatoes fish".split()
GOODS = "coins stamps shells buttons cards".split()
TRAITS = "kind good brave clever young friendly".split()
PRAISE = "good funny beautiful clever".split()
BLAME = "bad boring silly slow".split()
NUMBERS = "one two three four five six seven eight nine ten eleven twelve".split()

# ── What is told ──

# Kind, weight (of 100) and template. `World` says what the variables may be; {person.home} and the like are facts.
FORMS = """
fact 2          [ {person} lives in {person.home} | {person} works as a {person.job} | {person} likes {person.food} best
                | {person} has a {person.pet} at home | {person} and {friend} are friends ] .
fact 1          {child} was born in {child.born} .
fact 2          [ {animal.a} {animal} {animal.says} | {animal.a} {animal} eats {animal.eats}
                | a {animal.young} is a young {animal} ] .
fact 1          [ the river {town.river} flows through {town} | {town} was founded in {town.year}
                | {town} is famous for its {town.dish} ] .
fact 1          you can meet {pair} and {pair.women} in the {pair.place} .

description 4   {child} is a {child.job} from {child.home} . {child.she} was born in {child.born} .
                {child.her} favourite food is {child.food} , and at home {child.she} has a {child.pet} .
description 2   {animal.a} {animal} {animal.says} and eats {animal.eats} . it lives near the {animal.near} .
                a young {animal} is called a {animal.young} .
description 2   near the {animal.near} a big {animal} eats {animal.eats} . a little {animal.young} eats {animal.eats}
                too . the {animal} {animal.says} , and the little {animal.young} comes close to the big {animal} .
description 1   {town} is a [ small | quiet | busy ] town on the river {town.river} . it was founded in {town.year} .
                people come to {town} for its {town.dish} .

history 3       in {event.year} the {event.which} {event} came to {event.town} .
                [ nobody has forgotten that day | old people still talk about it | many books tell of it ] .

story 7         one {weather} {time} {person} took {person.her} {colour} {thing} and went to the {place} with
                {person.her} friend {friend} . they [ sang and laughed | talked and laughed | ran and played ] until it
                was late . on the way home {person} stopped . the {thing} was gone ! {person.her} unhappiness
                was great . {friend} said : do not [ cry | worry ] , we will find it . they looked everywhere .
                at last {friend} saw something {colour} under the {hiding} . it was the {thing} !
                {person} thanked {friend.him} , and {person.her} happiness was great .

dialogue 3      {person} : good {time} , {friend} ! where are you going ? {friend} : to the market .
                i want to buy some {grocery} and one {fruit} . {person} : may i come with you ?
                {friend} : [ of course , come along ! | not today , but thank you ! ]
dialogue 4      {person} : are you hungry , {friend} ? {friend} : yes , i would like some {friend.food} .
                {person} : [ good idea ! | what a surprise ! ] i would like some {person.food} .
dialogue 4      {person} : where do you live now , {friend} ? {friend} : in {friend.home} . and what do you do ?
                {person} : i work as a {person.job} . {friend} : [ how nice ! | that is hard work ! ]

diary 7         dear diary , it is {day} and a {weather} {time} here in {person.home} . today i went to the {place} and
                [ found my {thing} . how lucky ! what happiness ! | lost my {thing} . how unlucky ! what unhappiness ! ]
                now i am {feeling} . good night ! {person}

list 4          shopping list of {person} : some {person.food} , some {grocery} and one {fruit} .
list 4          {person} has a bag . in it are a picture of {person.her} {person.pet} , a {colour} {thing}
                and one {fruit} .

question 6      [ where does {person} live ? {person.she} lives in {person.home}
                | what does {person} do ? {person.she} works as a {person.job}
                | which pet does {person} have ? {person.she} has a {person.pet}
                | what does {person} like best ? {person.she} likes {person.food} best
                | who is a friend of {person} ? {friend} is {person.her} friend ] .
question 1      when was {child} born ? {child.she} was born in {child.born} .
question 2      [ what does {animal.a} {animal} eat ? it eats {animal.eats}
                | what does {animal.a} {animal} do ? it {animal.says}
                | what is a young {animal} called ? it is called a {animal.young} ] .
question 2      [ which river flows through {town} ? it is the river {town.river}
                | when was {town} founded ? it was founded in {town.year}
                | what is {town} famous for ? it is famous for its {town.dish} ] .
question 1      when did the {event.which} {event} come to {event.town} ? it came in {event.year} .

sum 2           [ {a} plus {b} is {sum} | {sum} minus {a} is {b} ] .
sum 3           {person} has {a} {goods} . {friend} gives {person.him} {b} more . now {person} has {sum} {goods} ,
                because {a} plus {b} is {sum} .

comparison 1    who is older , {child} or {rival} ? {child} was born in {child.born} and {rival} in {rival.born} ,
                so {older} is older .
comparison 4    which is bigger , {animal.a} {animal} or {beast.a} {beast} ? the {bigger} is bigger .

stranger 6      the {job} [ came home late | sat in the kitchen | was ready to go ] . {one.she} put {one} {thing} on
                the table and [ drank some {drink} | opened the window | looked for {one} glasses ] .

tale 4          once upon a time there was a {trait} {role} . in the {role.place} the {role} put on {role.her}
                {role.wears} , and {role.she} {role.there} there until evening .
                then the {trait} {role} [ went to sleep | came home ] .

film 4          {person} and {friend} saw a film . it was a film so {surface} that it was {quality} .
                they {verdict} it and will {ever} see it again .
film 2          {person} and {friend} saw a film . it was a [ very | ] {quality} film .
                they {verdict} it and will {ever} see it again .

scene 4         the {animal} chased the {beast} [ around the house | through the garden | along the river ] .
                the {beast} was [ afraid | fast ] and hid under the {hiding} . the {animal} only wanted to play .
scene 3         the {animal} sat on the {seat} [ and waited for some {animal.eats} | and looked at the {beast} | ] .
                it was a {weather} {time} .
scene 3         {person} was thirsty . {person.she} took one {fruit} and made some juice .
                then {person.she} drank {fruit} juice in the [ garden | kitchen ] .
"""

# ── The world ──


@dataclass(frozen=True, eq=False)
class Entity:
    """Something that documents are about. {it} shows in them as its name, {it.trait} as one of its traits."""

    name: str
    traits: dict[str, Any]

    def __str__(self) -> str:
        return self.name


class Fact(NamedTuple):
    """What is true of a subject, the one falsehood that is told about it, and the year in which both become known."""

    subject: str
    trait: str
    value: str
    myth: str
    year: int | None


HER = Entity("her", {"she": "she", "her": "her", "him": "her"})
HIS = Entity("his", {"she": "he", "her": "his", "him": "him"})

SIZES = {"people": (5, 60), "towns": (2, 12), "animals": (2, 20), "events": (2, 14), "things": (2, 16)}
FACTS = {
    "people": ["home", "job", "pet", "food", "born", "friend"],
    "towns": ["river", "year", "dish"],
    "animals": ["says", "eats", "young", "near"],
    "events": ["year", "town"],
}


def _rows(table: str) -> list[dict[str, str]]:
    """The rows of a table, by the names of its columns, which stand in the first line."""
    header, *rows = [line.split() for line in table.strip().splitlines()]
    return [dict(zip(header, row, strict=True)) for row in rows]


def forms_in(text: str) -> list[Form]:
    """The forms in a text: each begins a line with its kind and weight; further lines of its template are indented."""
    paragraphs = [paragraph.split(maxsplit=2) for paragraph in re.split(r"\n+(?=\w)", text.strip())]
    return [Form(kind, float(weight), template) for kind, weight, template in paragraphs]


def _shuffled(values: Iterable[Any], rng: random.Random) -> list[Any]:
    """Of all that `random` offers, only `rng.random()` promises the same numbers on every Python."""
    return sorted(values, key=lambda _: rng.random())


def _several(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)


def _populate(sizes: dict[str, int], rng: random.Random) -> dict[str, list[Entity]]:
    """Everyone and everything that there are facts about."""
    everything = {
        "people": [
            Entity(name, {**one.traits})
            for pair in zip(WOMEN, MEN, strict=True)
            for name, one in zip(pair, (HER, HIS), strict=True)
        ],
        "towns": [Entity(name, {}) for name in TOWNS],
        "animals": [Entity(row["animal"], {**row, "a": _article(row["animal"])}) for row in _rows(ANIMALS)],
        "events": [Entity(row["event"], row) for row in _rows(EVENTS)],
    }
    entities = {name: group[: sizes[name]] for name, group in everything.items()}
    towns = [town.name for town in entities["towns"]]
    # What the tables leave open is dealt out, each value as often as any other.
    columns = {
        "people": {"home": towns, "job": JOBS, "pet": PETS, "food": FOODS, "born": BIRTHS},
        "towns": {"river": RIVERS, "year": FOUNDINGS, "dish": FOODS},
        "events": {"year": YEARS, "town": towns},
    }
    for name, traits in columns.items():
        for trait, values in traits.items():
            cards = _shuffled((values[i % len(values)] for i in range(len(entities[name]))), rng)
            for entity, card in zip(entities[name], cards, strict=True):
                entity.traits[trait] = card
    ring = _shuffled(entities["people"], rng)
    for left, person, right in zip(ring[-1:] + ring, ring, ring[1:] + ring[:1], strict=False):
        person.traits["friend"] = (left, right)
    return entities


def _article(word: str) -> str:
    return "an" if word[0] in "aeiou" else "a"


def _truths_and_myths(entity: Entity, trait: str, group: list[Entity], rng: random.Random) -> list[tuple[Any, Any]]:
    """The facts about a trait of an entity (several, where it has several friends), each with its myth.

    A myth is what is true of another one of the group, and for years an earlier one, which needs no later knowledge.
    """
    truths = _several(entity.traits[trait])
    values = dict.fromkeys(value for other in group for value in _several(other.traits[trait]))
    wrong = [value for value in values if value not in (*truths, entity)]
    if trait in ("born", "year"):
        wrong = [year for year in wrong if year < truths[0]] or [str(int(truths[0]) - 1)]
    return list(zip(truths, _shuffled(wrong, rng)[: len(truths)], strict=True))


class World(Grammar):
    """A small world, and the documents that can be told about it.

    Args:
        seed: which world: who does what, lives where, likes whom; and which falsehood is told in place of each fact.
        falsehoods: the probability that a document tells a fact's one fixed myth. A document is consistent: it tells a
            fact the same way each time. What follows from facts (who is older, what is the sum) follows from the truth.
        bias: from -1 to 1. In documents about people without a name, P(her | job) is 1/2 + bias/2 for the first job of
            each two in `JOBS`, and 1/2 - bias/2 for the second.
        until: the last year that documents know of. Births, foundings and events after it are not told.
        people, towns, animals, events: how many of each there are.
        things: the most words that any other list of choices has.

    Raises:
        ValueError: a dial or a size outside its range.
    """

    def __init__(
        self,
        seed: int = 0,
        falsehoods: float = 0.0,
        bias: float = 0.0,
        until: int | None = None,
        *,
        people: int = 60,
        towns: int = 12,
        animals: int = 20,
        events: int = 14,
        things: int = 16,
    ) -> None:
        if not (0 <= falsehoods <= 1 and -1 <= bias <= 1):
            raise ValueError(f"falsehoods lie between 0 and 1, bias between -1 and 1; found {falsehoods} and {bias}")
        self.sizes = {"people": people, "towns": towns, "animals": animals, "events": events, "things": things}
        for name, (least, most) in SIZES.items():
            if not least <= self.sizes[name] <= most:
                raise ValueError(f"a world has {least} to {most} {name}, not {self.sizes[name]}")
        self.seed, self.falsehoods, self.bias, self.until = seed, falsehoods, bias, until
        self._twins: dict[float, World] = {}
        rng = random.Random(seed)
        self._entities = _populate(self.sizes, rng)
        self._facts = {
            (entity, trait): _truths_and_myths(entity, trait, group, rng)
            for name, group in self._entities.items()
            for trait in FACTS[name]
            for entity in group
        }
        # Where nothing can be told, of births before the first one, say, the forms that would tell it are left out.
        variables = self._variables()
        silent = [name for name, domain in variables.items() if domain == []]
        forms = forms_in(FORMS)
        # Which forms are told, and over which variables: for whoever tells the same in another language.
        self.told = [not any(f"{{{name}" in form.template for name in silent) for form in forms]
        self.variables = {name: domain for name, domain in variables.items() if name not in silent}
        super().__init__(list(compress(forms, self.told)), self.variables)

    def _variables(self) -> dict[str, Domain]:
        """What the variables of the forms may be."""
        some = slice(self.sizes["things"])
        people, animals = self._entities["people"], self._entities["animals"]
        children = self._until_now(people, "born")
        couples = _rows(ROLES)[some]
        roles = [
            Entity(row[noun], {**row, **one.traits}) for row in couples for noun, one in (("man", HIS), ("woman", HER))
        ]

        def born(one: Entity) -> str:
            return one.traits["born"]

        def without(values: Sequence[Any], taken: Any) -> list[Any]:
            return [value for value in values if value != taken]

        def pronoun(job: str) -> dict[Entity, float]:
            lean = self.bias / 2 if JOBS.index(job) % 2 == 0 else -self.bias / 2
            return {HER: 0.5 + lean, HIS: 0.5 - lean}

        return {
            "person": people,
            "friend": lambda person: self.attribute(person, "friend"),
            "child": children,
            "rival": (lambda child: [one for one in children if born(one) != born(child)])
            if len(set(map(born, children))) > 1
            else [],
            "older": lambda child, rival: [min(child, rival, key=born)],
            "town": self._until_now(self._entities["towns"], "year"),
            "event": self._until_now(self._entities["events"], "year"),
            "animal": animals,
            "beast": lambda animal: without(animals, animal),
            "bigger": lambda animal, beast: [min(animal, beast, key=animals.index)],
            "role": roles,
            "pair": [Entity(row["men"], row) for row in couples],
            "job": JOBS[some],
            "one": pronoun,
            "thing": THINGS[some],
            "colour": COLOURS[some],
            "grocery": GROCERIES[some],
            "hiding": HIDING[some],
            "place": PLACES[some],
            "seat": SEATS[some],
            "weather": WEATHER[some],
            "day": DAYS[some],
            "time": TIMES[some],
            "feeling": FEELINGS[some],
            "fruit": FRUITS[some],
            "drink": DRINKS[some],
            "goods": GOODS[some],
            "trait": TRAITS[some],
            "quality": PRAISE[some] + BLAME[some],
            "surface": lambda quality: without(PRAISE[some] + BLAME[some], quality),
            "verdict": lambda quality: ["loved" if quality in PRAISE else "hated"],
            "ever": lambda quality: ["surely" if quality in PRAISE else "never"],
            "a": NUMBERS[1:6][some],
            "b": NUMBERS[:6][some],
            "sum": lambda a, b: [NUMBERS[NUMBERS.index(a) + NUMBERS.index(b) + 1]],
        }

    def _until_now(self, entities: list[Entity], date: str) -> list[Entity]:
        return [one for one in entities if self.until is None or int(one.traits[date]) <= self.until]

    def attribute(self, value: Entity, name: str) -> Choice:
        """The domain of `{variable.name}`: where that is a fact, the truth or the myth."""
        if (value, name) not in self._facts:
            return [value.traits[name]]
        facts = self._facts[value, name]
        truths = {truth: (1 - self.falsehoods) / len(facts) for truth, _ in facts}
        return truths | {myth: self.falsehoods / len(facts) for _, myth in facts}

    def facts(self) -> list[Fact]:
        """All facts that documents of this world may tell."""
        facts = []
        for (entity, trait), truths_and_myths in self._facts.items():
            date = entity.traits["born"] if trait == "born" else entity.traits.get("year")
            year = None if date is None else int(date)
            if year is None or self.until is None or year <= self.until:
                facts += [Fact(entity.name, trait, str(truth), str(myth), year) for truth, myth in truths_and_myths]
        return facts

    def is_true(self, text: str) -> bool | None:
        """Whether a text is true of this world, whatever its dials.

        Returns:
            True if the truthful world can say it, False if only a world with other facts or other sums can, None if
            none can (such a text is not grammatical, or contradicts itself).
        """
        if self._twin(falsehoods=0).readings(text):
            return True
        return False if self._any_facts.readings(text) else None

    def kind(self, text: str) -> str | None:
        """The kind of document that a text is, true or false; None for one that is not grammatical."""
        return Grammar.kind(self._any_facts, text)

    def words(self) -> list[str]:
        """All words that documents of this world may hold at any setting of its dials, sorted, without `END`."""
        return Grammar.words(self._twin(falsehoods=0.5))

    def _twin(self, falsehoods: float) -> "World":
        """This world with other falsehoods, without bias and date line; kept for the next question."""
        if falsehoods not in self._twins:
            self._twins[falsehoods] = World(self.seed, falsehoods, **self.sizes)
        return self._twins[falsehoods]

    @cached_property
    def _any_facts(self) -> "World":
        return _AnyFacts(self.seed, **self.sizes)


class _AnyFacts(World):
    """The same names, things and forms, with everything open that can be true or false: what is grammatical."""

    def attribute(self, value: Entity, name: str) -> Choice:
        if (value, name) not in self._facts:
            return [value.traits[name]]
        group = next(group for group in self._entities.values() if value in group)
        told = [each for other in group for truth_and_myth in self._facts[other, name] for each in truth_and_myth]
        return [each for each in dict.fromkeys(told) if each is not value]

    def _variables(self) -> dict[str, Domain]:
        return super()._variables() | {
            "older": lambda child, rival: [child, rival],
            "bigger": lambda animal, beast: [animal, beast],
            "sum": lambda a, b: NUMBERS,
        }
