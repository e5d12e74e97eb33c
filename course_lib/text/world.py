"""The toy world: people, towns, animals and events, and the documents told about them.

Whatever a document says about the world is a fact of one of the tables below, and whatever it may choose freely stands in its
template. So a text is true, false or ungrammatical, and we know which; and every text has an exact probability.
"""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from course_lib.text.grammar import Choice, Domain, Form, Grammar

TRAINING_SEED = 1948  # Shannon, "A Mathematical Theory of Communication"
VALIDATION_SEED = 1951  # Shannon, "Prediction and Entropy of Printed English"

# ── Words ────────────────────────────────────────────────────────────────────────────────────────────────────────────

WOMEN = """anna amina bella clara dora ella freya greta hanna ida julia kira leila lena mei
    mia nina nora olga priya rosa sara stella tina vera wilma yara yuki zoe emma""".split()
MEN = """adam anton ben bruno carl david diego emil erik felix finn hugo ivan jonas kenji
    kofi leo luis max noah omar oskar peter ravi simon tariq tom viktor yusuf zeno""".split()
BIRTHS = [str(year) for year in range(1931, 1991)]

TOWNS = """arden birchwell cliffton dunmore elmsworth fairhaven
    glenport hollowbrook ivydale kingsbury larkfield mossford""".split()
RIVERS = "alder brenna calder esk fenn garron hale inver kell linden mira tarn".split()
FOUNDINGS = "1012 1077 1123 1190 1234 1288 1345 1402 1466 1511 1599 1650".split()
FOODS = "soup pancakes dumplings noodles pizza curry salad stew rice waffles porridge chocolate".split()

# From the biggest to the smallest.
ANIMALS = """
    animal    says      eats     young    near
    elephant  trumpets  leaves   calf     river
    cow       moos      grass    calf     farm
    horse     neighs    hay      foal     farm
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
    event     which
    railway   first
    flood     great
    cinema    first
    storm     great
    library   first
    circus    great
    telephone first
    fire      great
    hospital  first
    snow      great
    airport   first
    king      old
    theatre   first
    queen     old
"""
YEARS = [str(year) for year in range(1904, 2016, 8)]

# Men and women, old and young, in like places: each row tells its two people in the same words.
ROLES = """
    man         woman       men           women         wears    place    there
    king        queen       kings         queens        crown    castle   ruled
    prince      princess    princes       princesses    cloak    palace   danced
    man         woman       men           women         coat     office   worked
    boy         girl        boys          girls         cap      school   learned
    father      mother      fathers       mothers       apron    kitchen  cooked
    grandfather grandmother grandfathers  grandmothers  shawl    garden   rested
    uncle       aunt        uncles        aunts         scarf    market   shopped
    brother     sister      brothers      sisters       jersey   field    played
"""

# At a bias above 0, she is met more often in the first of each two jobs, and he in the second.
JOBS = """nurse doctor teacher pilot singer farmer dancer sailor
    librarian carpenter tailor gardener baker painter dentist driver""".split()
PETS = "dog cat rabbit mouse duck hen goat frog".split()
THINGS = "ball book kite lamp drum ring key basket doll flute".split()
COLOURS = "red blue green yellow white black silver golden".split()
HIDING = "bench table bridge tree cart stone bush boat".split()
PLACES = "park market beach forest lake garden hill station".split()
SEATS = "mat chair wall roof sofa stone".split()
WEATHER = "sunny rainy windy snowy foggy cloudy".split()
DAYS = "monday tuesday wednesday thursday friday saturday sunday".split()
TIMES = "morning afternoon evening".split()
FEELINGS = "happy tired hungry proud unhappy nervous".split()
DRINKS = "tea coffee milk cocoa".split()
FRUITS = "apple orange cherry pear plum lemon peach mango".split()
GROCERIES = "milk eggs butter salt sugar flour tea coffee onions honey bread cheese".split()
GOODS = "coins stamps shells buttons cards".split()
TRAITS = "kind good brave clever young friendly".split()
PRAISE = "good funny beautiful clever".split()
BLAME = "bad boring silly slow".split()
NUMBERS = """one two three four five six seven eight nine ten eleven twelve thirteen fourteen
    fifteen sixteen seventeen eighteen nineteen twenty""".split()

# ── Documents ────────────────────────────────────────────────────────────────────────────────────────────────────────

FORMS = [
    Form(
        "fact",
        5,
        """[ {person} lives in {person.home} | {person} works as a {person.job} | {person} has a {person.pet} at home
        | {person} likes {person.food} best | {person} and {friend} are friends ] .""",
    ),
    Form("fact", 1, "{child} was born in {child.born} ."),
    Form(
        "fact",
        2,
        """[ {animal.a} {animal} {animal.says} | {animal.a} {animal} eats {animal.eats}
        | a {animal.young} is a young {animal} ] .""",
    ),
    Form(
        "fact",
        2,
        """[ the river {town.river} flows through {town} | {town} was founded in {town.year}
        | {town} is famous for its {town.dish} ] .""",
    ),
    Form("fact", 1, "you can meet {pair} and {pair.women} in the {pair.place} ."),
    Form(
        "description",
        8,
        """{child} is a {child.job} from {child.home} . {child.she} was born in {child.born} .
        {child.her} favourite food is {child.food} , and at home {child.she} has a {child.pet} .""",
    ),
    Form(
        "description",
        3,
        """{animal.a} {animal} {animal.says} and eats {animal.eats} . it lives near the {animal.near} .
        a young {animal} is called a {animal.young} .""",
    ),
    Form(
        "description",
        2,
        """near the {animal.near} a big {animal} eats {animal.eats} . a little {animal.young} eats
        {animal.eats} too . the {animal} {animal.says} , and the little {animal.young} comes close to the big {animal} .""",
    ),
    Form(
        "description",
        3,
        """{town} is a [ small | quiet | busy ] town on the river {town.river} . it was founded in
        {town.year} . people come to {town} for its {town.dish} .""",
    ),
    Form(
        "history",
        5,
        """in {event.year} the {event.which} {event} came to {event.town} .
        [ nobody has forgotten that day | old people still talk about it | you can read about it in many books ] .""",
    ),
    Form(
        "story",
        10,
        """one {weather} {time} {person} took {person.her} {colour} {thing} and went to the {place} with
        {person.her} friend {friend} . they [ sang and laughed | talked and laughed | ran and played ] until it was late . on
        the way home {person} stopped . the {thing} was gone ! {person.her} unhappiness was great . {friend} said : do not
        [ cry | worry ] , we will find it . they went back and looked everywhere . at last {friend} saw something {colour}
        under the {hiding} . it was the {thing} ! {person} thanked {friend.him} and carried {person.her} {thing} home , and
        {person.her} happiness was great .""",
    ),
    Form(
        "dialogue",
        4,
        """{person} : good {time} , {friend} ! where are you going ? {friend} : to the {place} . i want to buy
        some {grocery} . {person} : may i come with you ? {friend} : [ of course , come along ! | not today , but thank you ! ]""",
    ),
    Form(
        "dialogue",
        4,
        """{person} : are you hungry , {friend} ? {friend} : yes , i would like some {friend.food} . {person} :
        [ good idea ! | what a surprise ! ] i would like some {person.food} .""",
    ),
    Form(
        "dialogue",
        4,
        """{person} : where do you live now , {friend} ? {friend} : in {friend.home} . and what do you do ?
        {person} : i work as a {person.job} . {friend} : [ how nice ! | is that hard ? {person} : [ sometimes . | not at all . ] ]""",
    ),
    Form(
        "diary",
        6,
        """dear diary , it is {day} and a {weather} {time} here in {person.home} . today i went to the {place} and
        [ found my {thing} . i am so lucky ! what happiness ! | lost my {thing} . i am so unlucky ! what unhappiness ! ]
        now i am {feeling} . good night ! {person}""",
    ),
    Form("list", 3, "shopping list of {person} : {grocery} , {second} , {third} and some {person.food} ."),
    Form(
        "list",
        3,
        """{person} has a bag . in the bag are a {colour} {thing} , a {other_colour} {other_thing} and a picture of
        {person.her} {person.pet} .""",
    ),
    Form(
        "question",
        7,
        """[ where does {person} live ? {person.she} lives in {person.home}
        | what does {person} do ? {person.she} works as a {person.job}
        | which pet does {person} have ? {person.she} has a {person.pet}
        | what does {person} like best ? {person.she} likes {person.food} best
        | who is a friend of {person} ? {friend} is {person.her} friend ] .""",
    ),
    Form("question", 2, "when was {child} born ? {child.she} was born in {child.born} ."),
    Form(
        "question",
        2,
        """[ what does {animal.a} {animal} eat ? it eats {animal.eats}
        | what does {animal.a} {animal} do ? it {animal.says}
        | what is a young {animal} called ? it is called a {animal.young} ] .""",
    ),
    Form(
        "question",
        2,
        """[ which river flows through {town} ? it is the river {town.river}
        | when was {town} founded ? it was founded in {town.year}
        | what is {town} famous for ? it is famous for its {town.dish} ] .""",
    ),
    Form("question", 1, "when did the {event.which} {event} come to {event.town} ? it came in {event.year} ."),
    Form("sum", 3, "[ {a} plus {b} is {sum} | {sum} minus {a} is {b} ] ."),
    Form(
        "sum",
        3,
        """{person} has {a} {goods} . {friend} gives {person.him} {b} more . now {person.she} has {sum} {goods} ,
        because {a} plus {b} is {sum} .""",
    ),
    Form(
        "comparison",
        3,
        """who is older , {child} or {rival} ? {child} was born in {child.born} and {rival} in {rival.born} ,
        so {older} is older .""",
    ),
    Form("comparison", 3, "which is bigger , {animal.a} {animal} or {beast.a} {beast} ? the {bigger} is bigger ."),
    Form(
        "stranger",
        5,
        """the {job} [ came home late | sat in the kitchen | was ready to go ] . {one.she} put {one} {thing} on
        the table and [ drank some {drink} | opened the window | looked for {one} keys ] .""",
    ),
    Form(
        "tale",
        5,
        """once upon a time there was a {trait} {role} . every day {role.she} put on {role.her} {role.wears} , went
        to the {role.place} and {role.there} there until evening . then the {trait} {role} [ slept | came home ] .""",
    ),
    Form(
        "film",
        4,
        """{person} and {friend} saw a film . it was a film so {surface} that it was {quality} . they {verdict} it
        and will {ever} see it again .""",
    ),
    Form(
        "film",
        2,
        """{person} and {friend} saw a film . it was a [ very | ] {quality} film . they {verdict} it and will {ever}
        see it again .""",
    ),
    Form(
        "scene",
        4,
        """the {animal} chased the {beast} [ around the house | through the garden | along the river ] . the {beast}
        was [ afraid | fast ] and hid under the {hiding} . the {animal} only wanted to play .""",
    ),
    Form(
        "scene",
        3,
        """the {animal} sat on the {seat} [ and waited for some {animal.eats} | and looked at the {beast} | ] . it
        was a {weather} {time} .""",
    ),
    Form(
        "scene",
        3,
        """{person} was thirsty . {person.she} took one {fruit} and made some juice . then {person.she} drank
        {fruit} juice in the [ garden | kitchen ] .""",
    ),
]
"""Every kind of document. {person.home} and the like are facts, which can be told falsely; what else there is, see `World`."""


# ── The world ────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, eq=False)
class Entity:
    """Something that documents are about. {it} shows in them as its name, {it.trait} as one of its traits."""

    name: str
    traits: dict[str, Any]

    def __str__(self) -> str:
        return self.name


class Fact(NamedTuple):
    """What is true of a subject, the one falsehood that is told about it, and the year before which neither can be told."""

    subject: str
    trait: str
    value: str
    myth: str
    year: int | None


HER = Entity("her", {"she": "she", "her": "her", "him": "her"})
HIS = Entity("his", {"she": "he", "her": "his", "him": "him"})

FACTS = {
    "people": ["home", "job", "pet", "food", "born", "friend"],
    "towns": ["river", "year", "dish"],
    "animals": ["says", "eats", "young", "near"],
    "events": ["year", "town"],
}
SIZES = {"people": (5, 60), "towns": (2, 12), "animals": (2, 20), "events": (2, 14), "things": (3, 20)}


def _rows(table: str) -> list[dict[str, str]]:
    """The rows of a table, by the names of its columns, which stand in the first line."""
    header, *rows = [line.split() for line in table.strip().splitlines()]
    return [dict(zip(header, row, strict=True)) for row in rows]


def _shuffled(values: Iterable[Any], rng: random.Random) -> list[Any]:
    """Of all that `random` offers, only `rng.random()` promises the same numbers on every Python."""
    return sorted(values, key=lambda _: rng.random())


def _entities(sizes: dict[str, int], rng: random.Random) -> dict[str, list[Entity]]:
    """Everything that has facts; what the tables leave open is dealt out, each value as often as any other."""

    def dealt(values: Sequence[str], n: int) -> list[str]:
        return _shuffled((values[i % len(values)] for i in range(n)), rng)

    things, n_towns, n_people = sizes["things"], sizes["towns"], sizes["people"]
    dealt_towns = zip(dealt(RIVERS, n_towns), dealt(FOUNDINGS, n_towns), dealt(FOODS, n_towns), strict=True)
    towns = [
        Entity(name, {"river": river, "year": year, "dish": dish})
        for name, (river, year, dish) in zip(TOWNS[:n_towns], dealt_towns, strict=True)
    ]
    animals = [Entity(row["animal"], row) for row in _rows(ANIMALS)[: sizes["animals"]]]
    for animal in animals:
        animal.traits["a"] = "an" if animal.name[0] in "aeiou" else "a"
    events = [Entity(row["event"], row) for row in _rows(EVENTS)[: sizes["events"]]]
    for event, year, town in zip(events, dealt(YEARS, len(events)), dealt(TOWNS[:n_towns], len(events)), strict=True):
        event.traits.update(year=year, town=town)
    names = [name for couple in zip(WOMEN, MEN, strict=True) for name in couple][:n_people]
    people = [Entity(name, dict((HIS if name in MEN else HER).traits)) for name in names]
    lists = {
        "home": TOWNS[:n_towns],
        "job": JOBS[:things],
        "pet": PETS[:things],
        "food": FOODS[:things],
        "born": BIRTHS,
    }
    for trait, values in lists.items():
        for person, value in zip(people, dealt(values, n_people), strict=True):
            person.traits[trait] = value
    ring = _shuffled(people, rng)
    for i, person in enumerate(ring):
        person.traits["friend"] = (ring[i - 1], ring[(i + 1) % n_people])
    return {"people": people, "towns": towns, "animals": animals, "events": events}


def _several(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)


def _truths_and_myths(entity: Entity, trait: str, group: list[Entity], rng: random.Random) -> list[tuple[Any, Any]]:
    """The facts about a trait of an entity: several if it has several friends. A myth is true of another one of the group.

    The myth of a year is an earlier one, so that what is told by a year needs no later knowledge.
    """
    truths = _several(entity.traits[trait])
    values = dict.fromkeys(value for other in group for value in _several(other.traits[trait]))
    wrong = [value for value in values if value not in (*truths, entity)]
    if truths[0] in BIRTHS + YEARS + FOUNDINGS:
        wrong = [year for year in wrong if year < truths[0]] or [str(int(truths[0]) - 1)]
    return list(zip(truths, _shuffled(wrong, rng)[: len(truths)], strict=True))


class World(Grammar):
    """A small world, and the documents that can be told about it.

    Args:
        seed: which world: who does what, lives where, likes whom; and which falsehood is told of each fact.
        falsehoods: the probability that a document tells a fact's one fixed myth in its place. A document is consistent: it tells
            a fact the same way each time. What follows from facts (who is older, what is the sum) is never false.
        bias: from -1 to 1; in documents about people without a name, P(her | job) is 1/2 + bias/2 for the first job of each pair in
            `JOBS` and 1/2 - bias/2 for the second.
        until: the last year that documents know of: births, foundings and events after it are not told.
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
        things: int = 20,
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
        self._entities = _entities(self.sizes, rng)
        self._facts = {
            (entity, trait): _truths_and_myths(entity, trait, group, rng)
            for name, group in self._entities.items()
            for trait in FACTS[name]
            for entity in group
        }
        variables = self._variables()
        # Where nothing is left to tell, of births before the first one, say, the forms that would tell it are left out.
        silent = [name for name, domain in variables.items() if not callable(domain) and not domain]
        forms = [form for form in FORMS if not any(f"{{{name}" in form.template for name in silent)]
        super().__init__(forms, {name: domain for name, domain in variables.items() if name not in silent})

    def _variables(self) -> dict[str, Domain]:
        """What the variables of the forms may be."""
        some = slice(self.sizes["things"])
        people, animals = self._entities["people"], self._entities["animals"]
        children = self._until(people, "born")
        couples = _rows(ROLES)[some]
        roles = [
            Entity(row[noun], {**row, **one.traits}) for row in couples for noun, one in (("man", HIS), ("woman", HER))
        ]

        def others(values: Sequence[Any], *taken: Any) -> list[Any]:
            return [value for value in values if value not in taken]

        def pronoun(job: str) -> dict[Entity, float]:
            lean = self.bias / 2 if JOBS.index(job) % 2 == 0 else -self.bias / 2
            return {HER: 0.5 + lean, HIS: 0.5 - lean}

        return {
            "person": people,
            "friend": lambda person: self.attribute(person, "friend"),
            "child": children,
            "rival": (lambda child: others(children, child)) if len(children) > 1 else [],
            "older": lambda child, rival: [min(child, rival, key=lambda one: one.traits["born"])],
            "town": self._until(self._entities["towns"], "year"),
            "event": self._until(self._entities["events"], "year"),
            "animal": animals,
            "beast": lambda animal: others(animals, animal),
            "bigger": lambda animal, beast: [min(animal, beast, key=animals.index)],
            "role": roles,
            "pair": [Entity(row["men"], row) for row in couples],
            "job": JOBS[some],
            "one": pronoun,
            "thing": THINGS[some],
            "other_thing": lambda thing: others(THINGS[some], thing),
            "colour": COLOURS[some],
            "other_colour": lambda colour: others(COLOURS[some], colour),
            "grocery": GROCERIES[some],
            "second": lambda grocery: others(GROCERIES[some], grocery),
            "third": lambda grocery, second: others(GROCERIES[some], grocery, second),
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
            "quality": [*PRAISE[some], *BLAME[some]],
            "surface": lambda quality: others([*PRAISE[some], *BLAME[some]], quality),
            "verdict": lambda quality: ["loved" if quality in PRAISE else "hated"],
            "ever": lambda quality: ["surely" if quality in PRAISE else "never"],
            "a": NUMBERS[1:10][some],
            "b": NUMBERS[:10][some],
            "sum": lambda a, b: [NUMBERS[NUMBERS.index(a) + NUMBERS.index(b) + 1]],
        }

    def _until(self, entities: list[Entity], trait: str) -> list[Entity]:
        return [one for one in entities if self.until is None or int(one.traits[trait]) <= self.until]

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
            year = entity.traits["born"] if trait == "born" else entity.traits.get("year")
            if year is None or self.until is None or int(year) <= self.until:
                facts += [
                    Fact(entity.name, trait, str(truth), str(myth), None if year is None else int(year))
                    for truth, myth in truths_and_myths
                ]
        return facts

    def is_true(self, text: str) -> bool | None:
        """Whether a text is true.

        Returns:
            True if a truthful world of these people and things can say it, False if only one with falsehoods can, and None if neither
            can: such a text is not grammatical. The dials of this world make no difference.
        """
        return True if self._twin(0.0).readings(text) else False if self._twin(0.5).readings(text) else None

    def words(self) -> list[str]:
        """All words that documents of this world may hold at any setting of the dials, sorted, without `END`."""
        return Grammar.words(self._twin(0.5))

    def _twin(self, falsehoods: float) -> "World":
        """The same world without bias and date line, kept for the next time."""
        if falsehoods not in self._twins:
            self._twins[falsehoods] = World(self.seed, falsehoods, **self.sizes)
        return self._twins[falsehoods]
