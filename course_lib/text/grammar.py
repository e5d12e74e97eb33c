"""Templates that tell documents, and the exact probability of every word that they tell.

A template is words, `{variables}`, and `[ one | or another ]` alternative of equal chance, all separated by blanks; a
variable may also be a part of a word:

    {person} lives in {person.home} [ | with {number} {pet}s ] .

What a variable may be is its domain: a list (equal chances), a mapping to weights that sum to 1, or a function of other
variables, named by its parameters, that returns either. `{person.home}` is a variable too, a function of `person`. A
variable is drawn at the word where it first shows, together with those that it depends on, and keeps its value to the
document's end. By then, the text must have told every draw: one text, one derivation.

The templates become one graph, whose nodes are words. A *place* is a node and the values known there, and one function,
`Grammar.onward`, says how a document goes on from a place. Sampling, scoring, prediction, enumeration and entropy are
walks over that function, so they agree with one another.
"""

import inspect
import math
import random
import re
from bisect import bisect
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import accumulate
from typing import Any, NamedTuple

END = "\n"
"""The word that ends every document. It stands in no text, but is predicted, and costs nats, like any other word."""

Choice = Sequence[Any] | Mapping[Any, float]
Domain = Choice | Callable[..., Choice]
Known = dict[str, Any]

_FORGOTTEN = ""  # in place of a value that no later draw depends on; no word is empty


class Form(NamedTuple):
    """One way to tell a document: its kind, its weight among the forms (any positive number), its template."""

    kind: str
    weight: float
    template: str


class Document(NamedTuple):
    """A text of one line (without the newline), its kind, and its log-probability in nats, the end included."""

    text: str
    kind: str
    log_prob: float


class Floor(NamedTuple):
    """The mean loss in nats that no model can beat. Words count the end, bytes the newline."""

    per_document: float
    per_word: float
    per_byte: float


class Node(NamedTuple):
    """A word of a template, the variable that it shows, if any, and what may follow it."""

    word: str  # with {} in place of the variable
    variable: str | None
    next: list[tuple[float, int]]  # probability, node
    paths: set[frozenset[str]]  # the variables that show from here on: a set for each way to the end
    later: frozenset[str]  # the variables that may show after this word
    looks_at: list[str]  # the variables that decide what follows
    memory: dict[tuple[Any, ...], "Steps"]  # what `onward` found, by the values of `looks_at`


class Step(NamedTuple):
    """One way on from a place: its probability and the log of it, the word, the next node, and the values drawn."""

    probability: float
    log_prob: float
    word: str
    node: int
    drawn: Known


class Steps(NamedTuple):
    """All ways on from a place: in a row, with the running sum of their probabilities, and by word."""

    row: list[Step]
    cumulative: list[float]
    by_word: dict[str, list[Step]]


class Reading(NamedTuple):
    """A place to which a text has led, with the probability of having come there in this way."""

    probability: float
    node: int
    known: Known


def chances(name: str, choice: Choice) -> list[tuple[Any, float]]:
    """The values of a domain with their probabilities; a ValueError where no text could tell them apart."""
    weights = choice if isinstance(choice, Mapping) else dict.fromkeys(choice, 1 / max(1, len(choice)))
    words = [str(value) for value in choice]
    if not words:
        raise ValueError(f"{name} has an empty domain")
    if twice := {word for word in words if words.count(word) > 1}:
        raise ValueError(f"{name} has several values that read {', '.join(sorted(twice))}")
    if odd := [word for word in words if word.split() != [word]]:
        raise ValueError(f"{name} has a value that is not exactly one word: {odd[0]!r}")
    if not (min(weights.values()) >= 0 and abs(math.fsum(weights.values()) - 1) <= 1e-9):
        raise ValueError(f"{name} has weights that are no probabilities: {list(weights.values())}")
    return [(value, weight) for value, weight in weights.items() if weight > 0]


_SLOT = re.compile(r"([^][{|}]*)\{(\w+(?:\.\w+)*)\}([^][{|}]*)")


def parse_word(token: str) -> tuple[str, str | None]:
    """A word of a template as its pattern, with {} in place of the variable that it shows, and that variable."""
    slot = _SLOT.fullmatch(token)
    if slot:
        return f"{slot[1]}{{}}{slot[3]}", slot[2]
    if re.search(r"[][{|}]", token):
        raise ValueError(f"{token!r} is no word, no variable and no bracket with a partner")
    return token, None


Way = list[tuple[str, str | None]]


@cache
def ways_through(template: str) -> list[Way]:
    """All ways through the brackets of a template, in the order of their alternatives: the words of each, parsed."""
    ways, _ = _ways(iter(template.split()))
    return ways


def _ways(tokens: Iterator[str]) -> tuple[list[Way], str]:
    """The ways up to the next `|` or `]` that belongs to no inner bracket, and which of them it was."""
    ways: list[Way] = [[]]
    for token in tokens:
        if token in ("|", "]"):
            return ways, token
        if token == "[":
            alternatives, closing = _ways(tokens)
            while closing == "|":
                more, closing = _ways(tokens)
                alternatives += more
            ways = [way + each for way in ways for each in alternatives]
        else:
            ways = [[*way, parse_word(token)] for way in ways]
    return ways, ""


class Grammar:
    """A source of documents whose probabilities are known.

    Args:
        forms: the ways to tell a document.
        variables: the domain of every variable that a template names without a dot.

    Raises:
        ValueError: a template that cannot be read, a variable without a domain or one that would be drawn and never
            told, an empty domain, values that are not one word each or read alike, weights that are negative or do not
            sum to 1. What a function returns is examined when it is first called.
    """

    def __init__(self, forms: Sequence[Form], variables: Mapping[str, Domain]) -> None:
        self._domains = {
            name: domain if callable(domain) else chances(name, domain) for name, domain in variables.items()
        }
        self._ancestry: dict[str, set[str]] = {}
        self._nodes: list[Node] = []
        self.forms = list(forms)
        self._form_at: dict[int, int] = {}  # the number of the form that ends at a node
        if not forms or not all(form.weight > 0 for form in forms):
            raise ValueError("a grammar needs forms, and each form a positive weight")
        total = math.fsum(form.weight for form in forms)
        start = []
        for number, form in enumerate(forms):
            end = self._add(END, None, [])
            self._form_at[end] = number
            start += [(p * form.weight / total, node) for p, node in self._link(form.template, end)]
        self._start = Reading(1.0, self._add("", None, start), {})

    # ── From templates to a graph of words ──

    def _link(self, template: str, end: int) -> list[tuple[float, int]]:
        """Add the nodes of a template, the last word first, so that what follows a word is there before it."""
        after = [(1.0, end)]
        open_brackets: list[tuple[list[tuple[float, int]], list[list[tuple[float, int]]]]] = []
        for token in reversed(template.split()):
            if token == "]":
                open_brackets.append((after, []))
            elif token in ("[", "|") and open_brackets:
                rest, branches = open_brackets[-1]
                branches.append(after)
                after = rest
                if token == "[":
                    open_brackets.pop()
                    after = [(p / len(branches), node) for branch in reversed(branches) for p, node in branch]
            else:
                after = [(1.0, self._add(*parse_word(token), after))]
        if open_brackets or any(node == end for _, node in after):
            raise ValueError(f"a bracket without its partner, or a document without a word: {template}")
        for path in set().union(*(self._nodes[node].paths for _, node in after)):
            if untold := frozenset().union(*map(self._ancestors, path)) - path:
                raise ValueError(f"{', '.join(sorted(untold))} may be drawn and never told: {template}")
        return after

    def _add(self, word: str, variable: str | None, after: list[tuple[float, int]]) -> int:
        followers = [self._nodes[node] for _, node in after]
        rest = {path for node in followers for path in node.paths} or {frozenset()}
        paths = {path | {variable} for path in rest} if variable else rest
        shown_next = {node.variable for node in followers if node.variable}
        looks_at = sorted(shown_next.union(*map(self._ancestors, shown_next)))
        self._nodes.append(Node(word, variable, after, paths, frozenset().union(*rest), looks_at, {}))
        return len(self._nodes) - 1

    def _parents(self, name: str) -> list[str]:
        """The variables that `name` is a function of."""
        if "." in name:
            return [name.rpartition(".")[0]]
        if name not in self._domains:
            raise ValueError(f"nothing says what {{{name}}} may be; known are {', '.join(sorted(self._domains))}")
        domain = self._domains[name]
        return list(inspect.signature(domain).parameters) if callable(domain) else []

    def _ancestors(self, name: str) -> set[str]:
        if name not in self._ancestry:
            parents = self._parents(name)
            self._ancestry[name] = set(parents).union(*map(self._ancestors, parents))
        return self._ancestry[name]

    # ── How a document goes on ──

    def attribute(self, value: Any, name: str) -> Choice:
        """The domain of `{variable.name}` where the variable has this value."""
        return [getattr(value, name)]

    def spell(self, pattern: str, value: Any = None) -> str:
        """The word that a pattern of a template stands for; `value`: of the variable that it shows, if any."""
        return pattern.replace("{}", str(value))

    def _draw(self, name: str, known: Known) -> list[tuple[float, Known]]:
        """The ways to know `name` as well, each with its probability."""
        if name in known:
            return [(1.0, known)]
        parents = self._parents(name)
        cases = [(1.0, known)]
        for parent in parents:
            cases = [(p * q, more) for p, case in cases for q, more in self._draw(parent, case)]
        return [(p * q, {**case, name: value}) for p, case in cases for value, q in self._values(name, parents, case)]

    def _values(self, name: str, parents: list[str], known: Known) -> list[tuple[Any, float]]:
        if "." in name:
            return chances(name, self.attribute(known[parents[0]], name.rpartition(".")[2]))
        domain = self._domains[name]
        return chances(name, domain(*(known[parent] for parent in parents))) if callable(domain) else domain

    def onward(self, node: int, known: Known) -> Steps:
        """How a document goes on from a place: every word that may come next, with its chance and where it leads."""
        at = self._nodes[node]
        key = tuple([known.get(name) for name in at.looks_at])
        if key not in at.memory:
            seen = {name: known[name] for name in at.looks_at if name in known}
            row = []
            for p, after in at.next:
                word, variable = self._nodes[after].word, self._nodes[after].variable
                for q, case in self._draw(variable, seen) if variable else [(1.0, seen)]:
                    drawn = {name: value for name, value in case.items() if name not in seen}
                    spelled = self.spell(word, case[variable] if variable else None)
                    row.append(Step(p * q, math.log(p * q), spelled, after, drawn))
            by_word = defaultdict(list)
            for step in row:
                by_word[step.word].append(step)
            at.memory[key] = Steps(row, list(accumulate(step.probability for step in row)), dict(by_word))
        return at.memory[key]

    # ── Walks ──

    def documents(self, n: int, seed: int) -> list[Document]:
        """Draw `n` documents. The same seed gives the same ones; a longer call begins with those of a shorter one."""
        rng = random.Random(seed)
        return [self._document(rng) for _ in range(n)]

    def _document(self, rng: random.Random) -> Document:
        _, node, known = self._start
        words, log_prob = [], 0.0
        while row := (steps := self.onward(node, known)).row:
            step = row[bisect(steps.cumulative, rng.random(), 0, len(row) - 1)] if len(row) > 1 else row[0]
            words.append(step.word)
            log_prob += step.log_prob
            node = step.node
            if step.drawn:
                known = {**known, **step.drawn}
        return Document(" ".join(words[:-1]), self.forms[self._form_at[node]].kind, log_prob)

    def every_document(self) -> Iterator[Document]:
        """Every derivation, one document each; only for a grammar that is small enough to be told to the end."""
        paths: list[tuple[Reading, tuple[str, ...], float]] = [(self._start, (), 0.0)]
        while paths:
            (_, node, known), words, log_prob = paths.pop()
            if node in self._form_at:
                yield Document(" ".join(words[:-1]), self.forms[self._form_at[node]].kind, log_prob)
            for step in self.onward(node, known).row:
                place = Reading(step.probability, step.node, {**known, **step.drawn})
                paths.append((place, (*words, step.word), log_prob + step.log_prob))

    def _follow(self, words: Sequence[str]) -> Iterator[list[Reading]]:
        """The readings of a text before its first word, and after each of its words."""
        readings = [self._start]
        yield readings
        for word in words:
            readings = [
                Reading(p * step.probability, step.node, {**known, **step.drawn} if step.drawn else known)
                for p, node, known in readings
                for step in self.onward(node, known).by_word.get(word, ())
            ]
            yield readings

    def readings(self, text: str) -> list[Reading]:
        """The derivations of a whole text: one where the grammar can tell it, none where it cannot."""
        *_, last = self._follow([*text.split(" "), END])
        return last

    def form_of(self, reading: Reading) -> int:
        """The number of the form that a whole text was read as."""
        return self._form_at[reading.node]

    def tell(self, way: Way, known: Known) -> list[str] | None:
        """The words of one way through a template; None where they depend on more than is known."""
        told = []
        for pattern, variable in way:
            cases = self._draw(variable, known) if variable else [(1.0, known)]
            if len(cases) > 1:
                return None
            told.append(self.spell(pattern, cases[0][1][variable] if variable else None))
        return told

    def log_prob(self, text: str) -> float:
        """The exact log-probability of any text in nats, its end included; -inf where the grammar cannot tell it."""
        readings = self.readings(text)
        return math.log(math.fsum(reading.probability for reading in readings)) if readings else -math.inf

    def kind(self, text: str) -> str | None:
        """The kind of document that a text is; None where the grammar cannot tell it."""
        readings = self.readings(text)
        return self.forms[self._form_at[readings[0].node]].kind if readings else None

    def blank(self, text: str, place: int) -> dict[str, float]:
        """What may stand in a blank: each word that fits into both sides of the text, with its probability.

        Args:
            text: a document that the grammar can tell.
            place: which of its words is not known, counted from 0.
        """
        words = text.split(" ")
        before, after = "".join(f"{word} " for word in words[:place]), words[place + 1 :]
        fits = {word: self.log_prob(f"{before}{' '.join([word, *after])}") for word in self.next_word(before)}
        total = math.fsum(map(math.exp, fits.values()))
        return {word: math.exp(nats) / total for word, nats in fits.items() if nats > -math.inf}

    def predictions(self, text: str) -> list[dict[str, float]]:
        """What may come before the first word of a text and after each of its words, each as `next_word` gives it."""
        return [self._next_word(readings) for readings in self._follow(text.split(" ") if text else [])]

    def next_word(self, prefix: str) -> dict[str, float]:
        """The probabilities of the word after a prefix.

        Args:
            prefix: complete words, each followed by one blank; or nothing at all.

        Returns:
            Words, or `END`, with their probabilities; `{}` where no document begins so.
        """
        *words, incomplete = prefix.split(" ")
        *_, last = self._follow(words)
        return {} if incomplete else self._next_word(last)

    def _next_word(self, readings: list[Reading]) -> dict[str, float]:
        total = math.fsum(reading.probability for reading in readings)
        after: dict[str, float] = defaultdict(float)
        for p, node, known in readings:
            for word, steps in self.onward(node, known).by_word.items():
                after[word] += p / total * math.fsum(step.probability for step in steps)
        return dict(after)

    def _everywhere(self) -> Iterator[tuple[float, Steps]]:
        """All places with the probability that a document comes there, and how it goes on.

        A value is forgotten once no later draw depends on it, and places that differ in nothing else become one. Nodes
        come in order, since whatever follows a word was added to the graph before it.
        """
        at: dict[int, dict[frozenset[tuple[str, Any]], float]] = defaultdict(lambda: defaultdict(float))
        at[self._start.node][frozenset()] = 1.0
        for node in reversed(range(len(self._nodes))):
            for values, p in at.pop(node, {}).items():
                known = dict(values)
                steps = self.onward(node, known)
                yield p, steps
                for step in steps.row:
                    later = self._nodes[step.node].later
                    same = not step.drawn and later == self._nodes[node].later
                    kept = values if same else frozenset(self._needed({**known, **step.drawn}, later).items())
                    at[step.node][kept] += p * step.probability

    def _needed(self, known: Known, later: frozenset[str]) -> Known:
        depended_on = set().union(*(self._ancestors(name) for name in later if name not in known))
        return {
            name: value if name in depended_on else _FORGOTTEN
            for name, value in known.items()
            if name in depended_on or name in later
        }

    def entropy(self) -> float:
        """The entropy in nats per document, in closed form: that of every step, averaged over all places."""
        return -math.fsum(p * step.probability * step.log_prob for p, steps in self._everywhere() for step in steps.row)

    def words(self) -> list[str]:
        """All words that documents may hold, sorted, without `END`."""
        values: dict[str, set[Any]] = defaultdict(set)
        for _, steps in self._everywhere():
            for step in steps.row:
                for name, value in step.drawn.items():
                    values[name].add(value)
        shown = {
            (node.word, value) for node in self._nodes for value in (values[node.variable] if node.variable else [None])
        }
        return sorted({self.spell(*each) for each in shown} - {"", END})

    def floor(self, documents: Iterable[Document]) -> Floor:
        """The least mean loss that these documents allow: their surprise to one who knows the grammar, in nats."""
        texts = [document.text for document in documents]
        nats = -math.fsum(self.log_prob(text) for text in texts)
        n_words = sum(len(text.split(" ")) + 1 for text in texts)
        n_bytes = sum(len(text.encode()) + 1 for text in texts)
        return Floor(nats / len(texts), nats / n_words, nats / n_bytes)
