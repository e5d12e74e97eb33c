"""What right answers of lesson 03 obey, and what wrong ones look like.

Shape letters: N examples, D numbers in, M numbers out, V vocabulary.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from course_lib.checks.describe import as_numbers, describe
from course_lib.checks.registry import exercise
from course_lib.checks.trial import Mistake, Returned, Trial

Graph = dict[str, list[tuple[str, float]]]
"""From which values, and with which local slopes, each value was computed."""


# ── 03.1 ──


@exercise("03.1", title="Teach the engine to divide", stars=1, minutes=10)
def divide(trial: Trial) -> None:
    for a, b in ((3.0, 4.0), (6.0, 2.0), (3.0, -4.0), (-2.5, 0.75), (0.0, 5.0), (7.0, 0.01)):
        _agrees_with_divide(trial, a, b)


def _agrees_with_divide(trial: Trial, a: float, b: float) -> None:
    answer = trial(a=a, b=b)
    answer.requires(
        not (isinstance(answer.value, tuple | list) and len(answer.value) == 3),
        "what comes back is (value, (slope_a, slope_b))",
        "not_nested",
        "You return three things side by side. The two slopes belong into a pair of their own, behind the value.",
    )
    answer.requires(
        isinstance(answer.value, tuple | list) and len(answer.value) == 2,
        "what comes back is (value, (slope_a, slope_b))",
        "no_pair",
        "Yours is not a pair.",
    )
    answer.entry(0).equals(
        a / b,
        "the value is a / b",
        Mistake(
            "slopes_first",
            lambda got: isinstance(got, tuple | list),
            "The slopes come first in yours. The value does, and then the pair of slopes.",
        ),
        Mistake("upside_down", b / a if a else None, "That is b / a."),
        Mistake("multiplies", a * b, "That is the product."),
        Mistake("rounds_down", float(a // b), "`//` rounds down to a whole number. Divide with `/`."),
    )
    slopes = answer.entry(1)
    right_a, right_b = 1 / b, -a / b**2
    slopes.requires(
        isinstance(slopes.value, tuple | list | Tensor) and len(slopes.value) == 2,
        "the second thing that comes back is the pair (slope_a, slope_b)",
        "no_pair_of_slopes",
        "Yours is not a pair. There are two inputs, and each has a slope.",
    )
    slopes.entry(0).equals(
        right_a,
        "the slope along a says by how much a / b changes per unit of a, while b stays",
        Mistake("swapped", right_b, "That is the slope along b. The one along a comes first."),
        Mistake("constant_slope", 1.0, "A step of a moves a / b by less if b is large. Which multiple of a is it?"),
        Mistake("slope_a_is_b", b, "b is the slope of a *product* along a. This is a quotient."),
        Mistake(
            "slope_a_sign", -right_a, "The sign is turned round: a larger a gives a larger a / b if b is positive."
        ),
        Mistake("slope_a_is_value", a / b, "That is the value itself. How much does it gain when a grows by 1?"),
        Mistake("divides_twice", 1 / b**2, "That divides by b twice. With b fixed, a / b is a straight line in a."),
    )
    slopes.entry(1).equals(
        right_b,
        "the slope along b says by how much a / b changes per unit of b, while a stays",
        Mistake("slope_b_sign", -right_b, "The size is right, and the sign is not: dividing by more gives less."),
        Mistake("forgot_a", -1 / b**2, "That is the slope of 1 / b. Here a stands above the line."),
        Mistake(
            "forgot_a_and_sign",
            1 / b**2,
            "That misses a factor and a sign: a stands above the line, and dividing by more gives less.",
        ),
        Mistake(
            "brackets",
            -a,
            "That is −a: `-a / b * b` divides by b and multiplies by it again. Write `b * b` in brackets, or `b**2`.",
        ),
        Mistake("not_squared", -a / b, "That is minus the value. The power of b goes down by one: from −1 to −2."),
        Mistake("not_squared", a / b, "That is the value. What is the derivative of the power −1 of b?"),
        Mistake("one_power_too_many", -a / b**3, "The power of b goes from −1 to −2, not to −3."),
        Mistake(
            "factor_of_the_power",
            -2 * a / b**2,
            "There is a 2 too much. The power that comes in front is −1, the one that b had before.",
        ),
        Mistake(
            "nearly",
            lambda got: math.isclose(float(got), right_b, rel_tol=0.05),
            "Nearly. Was it computed from a small step? Here the slope itself is wanted, and a formula gives it.",
        ),
        Mistake("b_held_fixed", 0.0, "Zero would mean that b does not matter."),
        Mistake("slope_of_a_logarithm", -1 / b, "Where is a? And b gets the power −2."),
        Mistake("inverse_slope", 1 / b, "That is the slope along a. Along b it is another."),
        Mistake(
            "slope_of_a_difference",
            lambda got: math.isclose(float(got), a / (b + 1) - a / b, rel_tol=1e-4, abs_tol=1e-9),
            "That is what a whole step of 1 in b changes. A slope belongs to a step that is as small as one likes.",
        ),
    )


# ── 03.2 ──


class Watched(dict[str, list[tuple[str, float]]]):
    """A graph that counts how often something is looked up in it."""

    lookups = 0

    def __getitem__(self, name: str) -> list[tuple[str, float]]:
        self.lookups += 1
        return super().__getitem__(name)

    def get(self, name: str, default: Any = None) -> Any:
        self.lookups += 1
        return super().get(name, default)


@exercise("03.2", title="Backward through any graph", stars=2, minutes=25)
def gradients(trial: Trial) -> None:
    # Nothing in it looks like anything else: two uses by one value, two users, and names in no order.
    mixed: Graph = {
        "y": [("x", 3.0)],
        "h": [("y", 0.5)],
        "loss": [("s", 2.0), ("h", 5.0)],
        "x": [],
        "s": [("h", -1.5), ("h", 4.0), ("z", 6.0)],
        "z": [],
    }
    _agrees_with_gradients(trial, mixed, "loss")
    cube: Graph = {"loss": [("square", 2.0), ("a", 4.0)], "square": [("a", 2.0), ("a", 2.0)], "a": []}
    _agrees_with_gradients(trial, cube, "loss")
    chain: Graph = {"a": [], "b": [("a", 3.0)], "c": [("b", -2.0)], "d": [("c", 0.5)]}
    _agrees_with_gradients(trial, chain, "d")
    # `early` is used by `last` itself and by `late`: whoever hands on at the first occasion is caught.
    for uses in (["early", "late"], ["late", "early"]):
        crossing: Graph = {
            "early": [("x", 3.0)],
            "last": [(name, {"early": 2.0, "late": 5.0}[name]) for name in uses],
            "x": [],
            "late": [("early", 10.0)],
        }
        _agrees_with_gradients(trial, crossing, "last")
    twice: Graph = {"y": [("x", 2.0), ("x", 3.0)], "x": []}
    _agrees_with_gradients(trial, twice, "y")
    partial: Graph = {
        "after": [("loss", 7.0), ("w", 2.0)],
        "w": [("u", 4.0)],
        "u": [],
        "loss": [("h", 2.0)],
        "other": [("w", 3.0), ("v", 5.0)],
        "h": [("w", -1.5)],
        "v": [],
    }
    _agrees_with_gradients(trial, partial, "loss")
    for n in (5, 7, 9, 12, 16):
        graph, last = _random_graph(trial, n)
        _agrees_with_gradients(trial, graph, last)

    answer = trial(graph=Watched(_ladder(15)), last="v15")
    _holds_gradients(answer, dict.fromkeys(answer.inputs["graph"], 1.0), "v15")
    answer.requires(
        answer.inputs["graph"].lookups < 20_000,
        "every value hands on its gradient once, so that the work grows with the number of edges",
        "every_path",
        f"The numbers are right. But in this graph of 16 values yours looked {answer.inputs['graph'].lookups:,} times "
        "at the inputs of one: it walks every path by itself, and each further value doubles their number. Add up what "
        "arrives at a value, and hand on the total, once.",
    )
    answer = trial(graph=_ladder(40), last="v40")
    _holds_gradients(answer, dict.fromkeys(answer.inputs["graph"], 1.0), "v40")


def _ladder(rungs: int) -> Graph:
    """Each value is half the one before plus half the one before: 2 to the power of `rungs` paths, and slopes of 1."""
    graph: Graph = {f"v{i}": [(f"v{i - 1}", 0.5), (f"v{i - 1}", 0.5)] for i in range(1, rungs + 1)}
    return {"v0": [], **graph}


def _random_graph(trial: Trial, n: int) -> tuple[Graph, str]:
    """A graph of `n` values in a shuffled order, and the last but one of them in the order of computing."""
    letters = [chr(ord("a") + int(i)) for i in trial.normal(26).argsort()[:n]]
    edges: Graph = {}
    for place, name in enumerate(letters):
        n_inputs = min(place, int(trial.integers(4, 1)))
        sources = [letters[int(trial.integers(place, 1))] for _ in range(n_inputs)]
        if n - 2 <= place and not sources:
            sources = letters[place - 2 : place]
        edges[name] = [(source, round(float(trial.normal(1)), 2) or 1.0) for source in sources]
    shuffled = [letters[int(i)] for i in trial.normal(n).argsort()]
    return {name: edges[name] for name in shuffled}, letters[-2]


def _order(graph: Graph, last: str) -> list[str]:
    """What `last` was computed from, each behind its own inputs."""
    order: list[str] = []

    def visit(name: str) -> None:
        if name not in order:
            for source, _ in graph[name]:
                visit(source)
            order.append(name)

    visit(last)
    return order


def _passed_on(graph: Graph, last: str, order: list[str], first: float = 1.0, others: float = 0.0) -> dict[str, float]:
    """The gradients if values hand on what they have in this `order`."""
    grads = {**dict.fromkeys(graph, others), last: first}
    for name in order:
        for source, slope in graph[name]:
            grads[source] += slope * grads[name]
    return grads


def _walks(graph: Graph, last: str, revisit: bool) -> Iterator[list[str]]:
    """Orders in which one may come by the values on the way back from `last`, without waiting for anything."""
    for turn in (1, -1):
        for depth_first in (True, False):
            waiting, walk = [last], []
            while waiting:
                name = waiting.pop() if depth_first else waiting.pop(0)
                if revisit or name not in walk:
                    walk.append(name)
                    waiting += [source for source, _ in graph[name]][::turn]
            yield walk


def _recursive(graph: Graph, last: str, turn: int, once: bool = False) -> dict[str, float]:
    """The gradients if a recursion hands on the total at every visit, or `once`, at the first."""
    grads = {**dict.fromkeys(graph, 0.0), last: 1.0}
    seen: set[str] = set()

    def back(name: str) -> None:
        if once and name in seen:
            return
        seen.add(name)
        for source, slope in graph[name][::turn]:
            grads[source] += slope * grads[name]
            back(source)

    back(last)
    return grads


def _ready(graph: Graph, last: str) -> list[str]:
    """The order of values that wait for every user in the graph, whether or not `last` depends on it."""
    waiting_for = [source for edges in graph.values() for source, _ in edges]
    ready, order = [last], []
    while ready:
        name = ready.pop()
        order.append(name)
        for source, _ in graph[name]:
            waiting_for.remove(source)
            if source not in waiting_for:
                ready.append(source)
    return order


def _agrees_with_gradients(trial: Trial, graph: Graph, last: str) -> None:
    order = _order(graph, last)
    right = _passed_on(graph, last, order[::-1])

    def values(grads: Mapping[str, float]) -> list[float]:
        return [float(grads[name]) for name in graph]

    def like(*wrong: Mapping[str, float]) -> Callable[[Any], bool]:
        return lambda got: any(_alike(got, values(grads)) and not _alike(got, values(right)) for grads in wrong)

    reached = set(order)
    users = {
        name: [(user, slope) for user in order for source, slope in graph[user] if source == name] for name in graph
    }
    once_per_user = [
        _passed_on({name: list(keep(graph[name]).items()) for name in graph}, last, order[::-1])
        for keep in (dict, lambda edges: dict(reversed(edges)))
    ]

    def overwritten(got: list[float]) -> bool:
        """Whether every gradient is one of the contributions to it, given the others."""
        named = dict(zip(graph, got, strict=True))
        return named[last] == 1 and all(
            any(
                math.isclose(named[name], slope * named[user], rel_tol=1e-4, abs_tol=1e-6)
                for user, slope in users[name]
            )
            for name in reached - {last}
        )

    slopes_added = dict.fromkeys(graph, 0.0)
    for name in order[::-1]:
        for source, slope in graph[name]:
            slopes_added[source] += slope
    no_slopes = _passed_on({name: [(source, 1.0) for source, _ in graph[name]] for name in graph}, last, order[::-1])

    answer = trial(graph=graph, last=last)
    _holds_gradients(
        answer,
        right,
        last,
        Mistake(
            "no_seed",
            lambda got: not any(map(float, got)),
            "Everything is 0: nobody put in the 1 to begin with. A value's slope with respect to itself is 1.",
        ),
        Mistake(
            "last_not_one",
            lambda got: (
                float(got[list(graph).index(last)]) != 1
                and all(float(g) == r or name == last for name, g, r in zip(graph, got, values(right), strict=True))
            ),
            "The slope of `last` with respect to itself is 1. All else is right.",
        ),
        Mistake(
            "other_seed",
            lambda got: (
                (factor := float(got[list(graph).index(last)])) != 1
                and _alike([float(g) for g in got], [factor * r for r in values(right)])
            ),
            "All of them are off by one and the same factor. What stands at `last` to begin with is 1, whatever its "
            "value is.",
        ),
        Mistake(
            "starts_everything_at_one",
            like(_passed_on(graph, last, order[::-1], others=1.0)),
            "Every value began with a gradient of 1. Only `last` does: the others begin with 0.",
        ),
        Mistake(
            "one_edge_per_input",
            like(*once_per_user),
            "A value that is used twice *by one operation*, as in a · a, was counted once. Both uses contribute.",
        ),
        Mistake(
            "slopes_not_multiplied",
            like(slopes_added, {**slopes_added, last: 1.0}),
            "You add up local slopes. A contribution is the slope *times* the gradient of the value that was computed.",
        ),
        Mistake(
            "slopes_ignored",
            like(no_slopes),
            "You count the paths and leave out the slopes. Each contribution is multiplied by its local slope.",
        ),
        Mistake(
            "only_last_hands_on",
            like(_passed_on(graph, last, [last])),
            "Only `last` has handed something on. The others had their turn before anything had reached them, or not "
            "at all. Start at `last`, and go from there to the inputs.",
        ),
        Mistake(
            "waits_for_strangers",
            like(_passed_on(graph, last, _ready(graph, last))),
            "Some value is still waiting: one of its users has no part in `last`, and never has anything to hand on. "
            "Count only uses by what `last` depends on.",
        ),
        Mistake(
            "trusts_the_order",
            like(_passed_on(graph, last, list(graph)), _passed_on(graph, last, list(graph)[::-1])),
            "You go through the names as they stand in the dictionary, and those are in no particular order. Find an "
            "order first in which each value stands behind its inputs.",
        ),
        Mistake(
            "hands_on_twice",
            like(
                *(_recursive(graph, last, turn) for turn in (1, -1)),
                *(_passed_on(graph, last, walk) for walk in _walks(graph, last, revisit=True)),
            )
            if len(graph) < 8
            else None,
            "A value that is reached a second time hands on its *total* again, with what it handed on before still in "
            "it. It should wait until all contributions have arrived, and hand on once.",
        ),
        Mistake(
            "hands_on_too_early",
            like(
                *(_recursive(graph, last, turn, once=True) for turn in (1, -1)),
                *(_passed_on(graph, last, walk) for walk in _walks(graph, last, revisit=False)),
            ),
            "A value handed on its gradient when it was first reached. A later use then added to it, and that part "
            "never went on. Wait until all its users have had their turn.",
        ),
        Mistake(
            "unused_not_zero",
            lambda got: all(
                math.isclose(float(g), r, rel_tol=1e-4, abs_tol=1e-6) or name not in reached
                for name, g, r in zip(graph, got, values(right), strict=True)
            ),
            "All that `last` depends on is right. But a value that it does not depend on has the slope 0.",
        ),
        Mistake(
            "overwrites",
            lambda got: overwritten([float(g) for g in got]),
            "Where a value is used several times, only one of the contributions is left: `=` overwrites what came "
            "before. Contributions add, `+=`.",
        ),
    )


def _alike(got: Any, wrong: list[float]) -> bool:
    return len(got) == len(wrong) and all(
        math.isclose(float(g), w, rel_tol=1e-4, abs_tol=1e-6) for g, w in zip(got, wrong, strict=True)
    )


def _holds_gradients(answer: Returned, right: Mapping[str, float], last: str, *mistakes: Mistake) -> None:
    """Demand the gradients `right`; a mistake is shown by their list, in the order of the graph."""
    law = f"a gradient is the sum, over all uses, of slope times the user's gradient (here `last` is {last!r})"
    got = answer.value
    answer.requires(
        isinstance(got, Mapping),
        "what comes back is a dictionary from names to gradients",
        "no_dictionary",
        f"Yours is of type {type(got).__name__}.",
    )
    missing = [name for name in right if name not in got]
    answer.requires(
        not missing,
        "every name of the graph has a gradient",
        "names_missing",
        f"Yours has none for {', '.join(map(repr, missing))}. Those on which `last` does not depend get 0.",
    )
    answer.requires(
        not set(got) - set(right),
        "only names of the graph have a gradient",
        "strange_names",
        "Yours holds others as well.",
    )
    for name in right:
        number = as_numbers(got[name])
        answer.requires(
            got[name] is not None and number is not None and number.ndim == 0,
            "a gradient is one number",
            "no_number",
            f"That of {name!r} is none. If `last` does not depend on a value, its slope is 0.",
        )
    values = [float(got[name]) for name in right]
    wrong = [name for name, g in zip(right, values, strict=True) if not _alike([g], [right[name]])]
    if wrong:
        name = wrong[0]
        unknown = Mistake("wrong_gradient", None, f"That of {name!r} is {float(got[name]):.4g}, not {right[name]:.4g}.")
        seen = next((mistake for mistake in mistakes if mistake.gives is not None and mistake.gives(values)), unknown)
        answer.requires(False, law, seen.id, f"{seen.says}\n  wanted: {describe(dict(right))}")


# ── 03.3 ──


@exercise("03.3", title="Backward through a matrix product", stars=2, minutes=15)
def matmul_backward(trial: Trial) -> None:
    example = [torch.tensor(rows) for rows in ([[1.0, 2.0]], [[1.0, 0.0, 2.0], [0.0, 3.0, 1.0]], [[1.0, 0.0, -1.0]])]
    # Where all sizes are equal, a forgotten transpose runs through and can be named.
    _agrees_with_matmul_backward(trial, trial.normal(3, 3), trial.normal(3, 3), trial.normal(3, 3))
    _agrees_with_matmul_backward(trial, *example)
    for lead, n, d, m in (((), 4, 3, 2), ((2,), 3, 3, 3), ((2,), 5, 3, 4), ((3, 2), 2, 5, 3), ((1,), 1, 2, 6)):
        inputs = trial.normal(*lead, n, d), trial.normal(d, m), trial.normal(*lead, n, m)
        _agrees_with_matmul_backward(trial, *inputs)


def _agrees_with_matmul_backward(trial: Trial, x: Tensor, w: Tensor, grad: Tensor) -> None:
    right_x = grad @ w.mT
    every_w = x.mT @ grad
    right_w = every_w.reshape(-1, *w.shape).sum(0)
    n_rows = x.numel() // x.shape[-1]

    def product(left: Tensor, right: Tensor) -> Tensor | None:
        """Their product, where the shapes allow one."""
        try:
            return left @ right
        except RuntimeError:
            return None

    answer = trial(x=x, w=w, grad=grad)
    _is_tuple_of(answer, 2, "the gradient of x and that of w")
    shape = f"x has shape {tuple(x.shape)}, w {tuple(w.shape)}, grad {tuple(grad.shape)}"
    answer.entry(0).equals(
        right_x,
        f"the gradient of x collects what each of its entries does to its row of x @ w ({shape})",
        Mistake("swapped", right_w, "That is the gradient of w. The one of x comes first."),
        Mistake(
            "w_not_transposed",
            product(grad, w),
            "`w` is not transposed. It fits only because all sizes are equal here: the gradient has to come back from "
            "M numbers to D, the other way through w.",
        ),
        Mistake("forward_again", x @ w, "That is the forward product once more. Where is the gradient that came in?"),
        Mistake(
            "w_from_the_left", product(w, grad), "`w` stands on the wrong side: rows of `grad` belong to examples."
        ),
        Mistake(
            "w_from_the_left",
            product(w.T, grad),
            "`w.T` stands on the wrong side: the rows of `grad` belong to examples, and each is multiplied by w.T.",
        ),
        Mistake(
            "elementwise",
            lambda got: grad.shape == w.shape and (_near(got, grad * w) or _near(got, grad * w.T)),
            "`*` multiplies entry by entry. What was a matrix product forward is one backward, too: `@`.",
        ),
        Mistake(
            "grad_not_used",
            product(x @ w, w.T),
            "The gradient that came in, `grad`, is not in it. The output `x @ w` has no business on the way back to x.",
        ),
        Mistake(
            "x_summed_over_batch",
            lambda got: right_x.ndim > got.ndim and _near(got, right_x.reshape(-1, *got.shape).sum(0)),
            "You added up the axes in front. That is for w, which they share. Each of them has its own x.",
        ),
        Mistake("grad_transposed", product(grad.mT, w), "Not `grad` is transposed here but `w`."),
        Mistake("grad_transposed", product(grad.mT, w.T), "`grad` stays as it is; `w` alone is transposed."),
        Mistake("transposed_result", right_x.mT, "That is the transpose of the right answer."),
        Mistake(
            "slope_alone",
            w.T.sum(0).expand(x.shape) if w.T.sum(0).shape[-1:] == x.shape[-1:] else None,
            "That is the slope of the *sum* of the outputs. The gradient that came in, `grad`, is not in it.",
        ),
        Mistake(
            "averaged_x", right_x / n_rows, "That is divided by the number of rows. Only a loss can bring a mean in."
        ),
        Mistake("x_unchanged_grad", grad if grad.shape == x.shape else None, "That is `grad`, as it came in."),
    )
    answer.entry(1).equals(
        right_w,
        f"the gradient of w collects what each of its entries does, in every row ({shape})",
        Mistake(
            "x_not_transposed",
            product(x, grad),
            "`x` is not transposed. It fits only because all sizes are equal here: the sum has to run over the rows.",
        ),
        Mistake(
            "x_from_the_right",
            lambda got: any(
                wrong is not None and not _near(wrong, right_w.T) and _near(got, wrong)
                for wrong in (product(grad, x), product(grad, x.mT), product(x, grad.mT))
            ),
            "The sum does not run over the rows. Which order and which transpose make (D, M) of (N, D) and (N, M)?",
        ),
        Mistake(
            "elementwise",
            lambda got: grad.shape == x.shape and _near(got, grad * x),
            "`*` multiplies entry by entry. What was a matrix product forward is one backward, too: `@`.",
        ),
        Mistake(
            "summed_before_the_product",
            lambda got: (
                x.ndim > 2
                and len(every_w) > 1
                and _near(got, x.reshape(-1, *x.shape[-2:]).sum(0).T @ grad.reshape(-1, *grad.shape[-2:]).sum(0))
            ),
            "You added up the axes in front first and multiplied afterwards, so that each x meets every other's "
            "gradient. Multiply first, or make one long list of rows.",
        ),
        Mistake(
            "transposed_gradient",
            right_w.T,
            "That is its transpose, (M, D). The gradient of w has the shape of w: x.T comes first, then grad.",
        ),
        Mistake(
            "batch_axis_left",
            lambda got: got.ndim > 2 and torch.allclose(got, every_w, rtol=1e-4, atol=1e-4),
            "There is one gradient for every entry of the axes in front. They all used the same w: add them up.",
        ),
        Mistake(
            "batch_averaged",
            lambda got: (
                every_w.ndim > 2
                and torch.allclose(got, every_w.reshape(-1, *w.shape).mean(0), rtol=1e-4, atol=1e-4)
                and not torch.allclose(got, right_w, rtol=1e-4, atol=1e-4)
            ),
            "You take the mean over the axes in front. The uses of one w *add*. A mean in the loss is in `grad`.",
        ),
        Mistake(
            "averaged",
            right_w / n_rows if n_rows > 1 else None,
            "That is divided by the number of rows. If the loss is a mean, that is in `grad` already.",
        ),
        Mistake(
            "averaged",
            right_w / x.shape[-2] if x.shape[-2] > 1 else None,
            "That is divided by N. If the loss is a mean, that is in `grad` already.",
        ),
        Mistake(
            "first_of_the_batch",
            lambda got: (
                every_w.ndim > 2
                and len(every_w) > 1
                and any(torch.allclose(got, one, rtol=1e-4, atol=1e-4) for one in every_w.reshape(-1, *w.shape))
            ),
            "Only one of the batch is in it. All of them used the same w: add their gradients up.",
        ),
        Mistake(
            "axis_of_one_left",
            lambda got: got.ndim > 2 and _near(got.reshape(right_w.shape), right_w),
            "The numbers are right, and an axis of size 1 is left in front: sum without `keepdim`.",
        ),
        Mistake(
            "everything_summed",
            lambda got: got.ndim == 0,
            "That is one number, the sum over everything. (In torch, a sum over an empty list of axes is over all.)",
        ),
        Mistake(
            "one_axis_summed",
            lambda got: (
                every_w.ndim > 3
                and any(
                    got.shape == every_w.sum(axis).shape
                    and torch.allclose(got, every_w.sum(axis), rtol=1e-4, atol=1e-4)
                    for axis in range(every_w.ndim - 2)
                )
            ),
            "You summed over one of the axes in front, and there can be more of them.",
        ),
        Mistake(
            "inputs_not_used",
            grad.reshape(n_rows, -1).sum(0).expand(w.shape),
            "That is the sum of `grad` over the rows, which is what a *bias* gets. Each row has to be weighted by its "
            "x.",
        ),
    )


def _is_tuple_of(answer: Returned, n: int, what: str) -> None:
    answer.requires(
        isinstance(answer.value, tuple | list) and len(answer.value) == n,
        f"what comes back is a tuple of {n}: {what}",
        "not_all_gradients",
        f"Yours is not: it is of type {type(answer.value).__name__}"
        + (f" and has {len(answer.value)}." if isinstance(answer.value, tuple | list) else "."),
    )


# ── 03.4 ──


@exercise("03.4", title="Take a broadcast back", stars=2, minutes=15)
def sum_to_shape(trial: Trial) -> None:
    example = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    cases: list[tuple[Tensor, tuple[int, ...]]] = [(example, (3,)), (trial.normal(3, 2, 4), (2, 1))]
    cases += [(example, (2, 1)), (example, (1, 3)), (example, ()), (trial.normal(3, 3), (3,))]
    for larger, shape in (
        ((2, 3), (2, 3)),
        ((4,), (1,)),
        ((4,), (4,)),
        ((3, 2, 4), (4,)),
        ((3, 2, 4), (2, 4)),
        ((3, 3), (3, 1)),
        ((3, 2, 4), (3, 1, 1)),
        ((3, 2, 4), (1, 2, 1)),
        ((3, 2, 4), (1,)),
        ((3, 2, 4), (1, 1, 1)),
        ((2, 1, 4), (1, 4)),
        ((2, 2, 2, 2), (2, 1, 2)),
        ((1, 3), (3,)),
        ((1, 1), (1, 1)),
        ((), ()),
    ):
        cases.append((trial.normal(*larger), shape))
    for grad, small in cases:
        _agrees_with_sum_to_shape(trial, grad, small)


def _agrees_with_sum_to_shape(trial: Trial, grad: Tensor, shape: tuple[int, ...]) -> None:
    right = grad.sum_to_size(shape)
    front = grad.ndim - len(shape)
    repeats = grad.numel() // max(1, right.numel())
    # What comes out if shapes are lined up at their first axis.
    from_the_left = grad.sum(tuple(range(len(shape), grad.ndim))) if front else grad
    for axis, size in enumerate(shape):
        if size == 1:
            from_the_left = from_the_left.sum(axis, keepdim=True)
    unaligned = grad
    for axis, size in enumerate(shape):
        if size == 1:
            unaligned = unaligned.sum(axis, keepdim=True)
    while unaligned.ndim > len(shape):
        unaligned = unaligned.sum(0)
    ones = [axis for axis, size in enumerate(shape) if size == 1 and grad.shape[front + axis] != 1]
    front_only = grad.sum(dim=tuple(range(front))) if front else grad
    # Contributions along one kind of axis added, along the other averaged.
    in_front = math.prod(grad.shape[:front])
    part_averaged = [right / n for n in (in_front, repeats // max(1, in_front)) if n > 1]

    trial(grad=grad, shape=shape).equals(
        right,
        f"a value of shape {shape}, broadcast to {tuple(grad.shape)}, gets the sum of its copies' gradients",
        Mistake(
            "everything_summed",
            lambda got: (
                right.numel() > 1
                and torch.allclose(got, grad.sum().expand(got.shape), rtol=1e-4, atol=1e-4)
                and got.numel() <= right.numel()
            ),
            "You summed over everything. Only axes along which the value was repeated are summed. (In torch, an empty "
            "list of axes means all of them.)",
        ),
        Mistake(
            "nothing_summed",
            lambda got: got.shape == grad.shape and torch.equal(got, grad),
            "That is `grad` as it came in. Each entry was used several times, so its gradient is a sum.",
        ),
        Mistake(
            "aligned_left",
            lambda got: (
                front > 0
                and len(shape) > 0
                and got.shape == from_the_left.shape
                and torch.allclose(got, from_the_left, rtol=1e-4, atol=1e-4)
            ),
            "You summed over the last axes, as if shapes were lined up at the first. Broadcasting lines them up at the "
            "*last* axis: what is missing is missing in front.",
        ),
        Mistake(
            "averaged",
            lambda got: (
                repeats > 1
                and got.shape == right.shape
                and any(torch.allclose(got, mean, rtol=1e-4, atol=1e-4) for mean in [right / repeats, *part_averaged])
            ),
            "That is the mean over the copies. Contributions add: if four copies each raise the loss, "
            "the original raises it four times.",
        ),
        Mistake(
            "one_copy",
            lambda got: (
                repeats > 1
                and got.shape == right.shape
                and any(
                    torch.equal(got, copy.reshape(shape)) for copy in (_copy(grad, shape, place) for place in (0, -1))
                )
            ),
            "That is the gradient of one of the copies. All of them came from one value: add them up.",
        ),
        Mistake(
            "axes_of_one_left",
            lambda got: bool(ones) and got.shape == front_only.shape and torch.allclose(got, front_only, atol=1e-4),
            "Missing axes are summed, but `shape` also has a 1 where `grad` has more. The value was repeated along "
            "that axis, too.",
        ),
        Mistake(
            "axis_kept",
            lambda got: (
                got.ndim > right.ndim
                and got.numel() == right.numel()
                and torch.allclose(got.flatten(), right.flatten(), rtol=1e-4, atol=1e-4)
            ),
            "The numbers are right, and there is an axis too many. An axis that `shape` does not have is summed "
            "without `keepdim`.",
        ),
        Mistake(
            "front_axes_left",
            lambda got: (
                got.ndim > len(shape)
                and torch.allclose(got.sum(tuple(range(got.ndim - len(shape)))), right, rtol=1e-4, atol=1e-4)
            ),
            f"`shape` has {len(shape)} axes, and yours has more. Those that are missing in front are summed as well, "
            "and then they are gone.",
        ),
        Mistake(
            "axes_not_lined_up",
            lambda got: _near(got, unaligned),
            "Axis k of `shape` is not axis k of `grad` while `grad` has more axes. First sum over those in front.",
        ),
        Mistake(
            "axis_lost",
            lambda got: (
                got.ndim < right.ndim
                and got.numel() == right.numel()
                and torch.allclose(got.flatten(), right.flatten(), rtol=1e-4, atol=1e-4)
            ),
            "The numbers are right, and an axis of size 1 has been lost. `keepdim=True` keeps it.",
        ),
        Mistake(
            "python_number",
            lambda got: not isinstance(got, Tensor) and not shape,
            "That is a Python number. A tensor of shape () is a tensor without axes.",
        ),
    )


def _copy(grad: Tensor, shape: tuple[int, ...], place: int) -> Tensor:
    """One entry, first or last, along every axis along which a value of `shape` was repeated."""
    while grad.ndim > len(shape):
        grad = grad[place]
    for axis, size in enumerate(shape):
        if size == 1:
            grad = grad.select(axis, place).unsqueeze(axis)
    return grad


# ── 03.5 ──


@exercise("03.5", title="Backward through softmax and cross-entropy", stars=2, minutes=15)
def cross_entropy_backward(trial: Trial) -> None:
    example = torch.tensor([[0.0, math.log(2), 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]])
    _agrees_with_cross_entropy_backward(trial, trial.normal(3, 4), torch.tensor([1, 2, 1]))
    _agrees_with_cross_entropy_backward(trial, example, torch.tensor([1, 2]))
    for n, v in ((4, 5), (6, 4), (5, 5), (1, 3), (20, 7)):
        targets = trial.integers(v, n)
        targets[-1] = targets[0]  # a target that comes twice
        _agrees_with_cross_entropy_backward(trial, trial.normal(n, v, scale=2), targets)

    large = torch.tensor([[1000.0, 0.0, 998.0], [0.0, -200.0, 0.0]])
    targets = torch.tensor([1, 1])
    trial(logits=large, targets=targets).equals(
        _closed_form(large, targets),
        "large logits give a finite gradient",
        Mistake(
            "overflows",
            lambda got: not got.isfinite().all(),
            "Yours breaks: exp(1000) is infinite, and so is what is divided by a probability that was rounded to 0. "
            "torch's `softmax` survives the first, and the closed form divides by no probability.",
        ),
        Mistake(
            "limited",
            lambda got: bool(got.isfinite().all()),
            "Something in yours puts a limit on large numbers, or adds a small one, and that shows here. torch's "
            "`softmax` needs neither.",
        ),
    )


def _closed_form(logits: Tensor, targets: Tensor) -> Tensor:
    return (logits.softmax(-1) - torch.nn.functional.one_hot(targets, logits.shape[-1])) / len(logits)


def _agrees_with_cross_entropy_backward(trial: Trial, logits: Tensor, targets: Tensor) -> None:
    n, v = logits.shape
    p = logits.softmax(-1)
    y = torch.nn.functional.one_hot(targets, v).float()
    right = (p - y) / n
    columns, rows, turned = p.clone(), p.clone(), p.clone()
    columns[:, targets] -= 1
    if targets.max() < n <= v:  # else an index error says it
        rows[targets] -= 1
        turned[targets, torch.arange(n)] -= 1
    across = logits.softmax(0)

    answer = trial(logits=logits, targets=targets)
    answer.equals(
        right,
        "each entry is the slope of the mean loss along that logit",
        Mistake(
            "not_divided",
            p - y if n > 1 else None,
            "That is the gradient of the *sum* over the predictions. The loss is their mean: where is the N?",
        ),
        Mistake("sign", -right, "The sign is turned round. A larger logit at the target makes the loss *smaller*."),
        Mistake("sign", y - p, "The sign is turned round, and the mean over N is missing."),
        Mistake("divided_twice", (p - y) / n**2 if n > 1 else None, "It is divided by N twice. Once is enough."),
        Mistake(
            "averaged_over_rows",
            lambda got: _near(got, (p - y).mean(0)) or _near(got, (p - y).mean()),
            "You took the mean of the gradients. The mean in the loss only divides by N: every logit keeps an entry "
            "of its own.",
        ),
        Mistake("divided_by_all", (p - y) / (n * v), "That is divided by N · V. The mean runs over N predictions."),
        Mistake(
            "divided_by_vocabulary",
            (p - y) / v if n != v else None,
            "That is divided by V. The mean runs over the N predictions.",
        ),
        Mistake(
            "probabilities_only",
            lambda got: _near(got, p) or _near(got, p / n),
            "These are the probabilities. At the target, something has to be taken off: a larger logit there helps.",
        ),
        Mistake(
            "whole_columns",
            lambda got: any(_near(got, wrong) for wrong in (columns, columns / n)),
            "1 was taken off in *every* row, in each column that is somebody's target. `p[:, targets]` picks whole "
            "columns; `p[torch.arange(N), targets]` picks one place in each row.",
        ),
        Mistake(
            "targets_pick_rows",
            lambda got: any(_near(got, wrong) for wrong in (rows, rows / n, turned, turned / n)),
            "You look up the *rows* that the targets name. Rows are predictions; a target names a column. Take "
            "`p[torch.arange(N), targets]`, one place in each row.",
        ),
        Mistake(
            "one_part_divided",
            lambda got: _near(got, p / n - y) or _near(got, p - y / n),
            "Only one of the two parts was divided by N. Mind the brackets.",
        ),
        Mistake(
            "target_only",
            lambda got: _near(got, (p - 1) * y / n) or _near(got, (p - 1) * y),
            "Only the targets have a gradient. The other logits stand in the sum below the line: raising one of them "
            "takes probability from the target.",
        ),
        Mistake(
            "other_axis",
            lambda got: _near(got, (across - y) / n) or _near(got, across - y),
            "The softmax runs over the predictions. It belongs along the vocabulary, the last axis.",
        ),
        Mistake(
            "no_softmax",
            lambda got: _near(got, (logits - y) / n) or _near(got, logits - y),
            "You take the logits themselves for p. They become probabilities by a softmax.",
        ),
        Mistake(
            "log_probabilities",
            lambda got: _near(got, (logits.log_softmax(-1) - y) / n) or _near(got, logits.log_softmax(-1) - y),
            "You take *log*-probabilities for p. The closed form has the probabilities themselves.",
        ),
        Mistake(
            "stops_at_probabilities",
            lambda got: _near(got, -y / p / n) or _near(got, -y / p),
            "That is the gradient with respect to the *probabilities*. The softmax is still to be passed.",
        ),
        Mistake(
            "stops_at_log_probabilities",
            lambda got: _near(got, -y / n) or _near(got, -y),
            "That is the gradient with respect to the *log*-probabilities. The log-softmax is still to be passed.",
        ),
        Mistake(
            "softmax_slope_alone",
            lambda got: _near(got, (p - y) * p * (1 - p) / n) or _near(got, (p - y) * p * (1 - p)),
            "There is a factor p · (1 − p) too much: that belongs to squared error. With the logarithm it cancels.",
        ),
        Mistake(
            "diagonal_only",
            lambda got: _near(got, -y * (1 - p) / n) or _near(got, (-y / p) * p * (1 - p) / n),
            "Only the slope of each probability along its own logit is in it. Each logit moves all probabilities.",
        ),
        Mistake(
            "loss_itself",
            lambda got: got.ndim < 2 and bool((got - torch.nn.functional.cross_entropy(logits, targets)).abs() < 1e-4),
            "That is the loss. Wanted is its gradient, one number for each logit.",
        ),
        Mistake(
            "rows_do_not_add_up",
            lambda got: got.shape == right.shape and bool((got.sum(-1).abs() > 1e-3).any()),
            "Adding the same number to all logits of a row does not change the loss, so each row of the gradient adds "
            "up to 0. Yours do not.",
        ),
    )


def _near(got: Any, wrong: Tensor) -> bool:
    return tuple(got.shape) == tuple(wrong.shape) and torch.allclose(
        torch.as_tensor(got).double(), wrong.double(), rtol=1e-4, atol=1e-5
    )


# ── 03.6 ──

WHY_RIGHT = {
    1: "Line 1 is the forward product, with the bias added to every row.",
    2: "Line 2 is a ReLU: what is below 0 becomes 0.",
    3: "Line 3 is right: the mean of M · N squares has the derivative 2 · (A − Y) divided by their number.",
    5: "Line 5 is the backward pass of a matrix product, as in 03.3: (D, N) times (N, M).",
    6: "Line 6 is the backward pass of a broadcast, as in 03.4: the bias was used once in every row.",
    7: "Line 7 is the backward pass of a matrix product, as in 03.3: (N, M) times (M, D).",
}


@exercise("03.6", title="Read a backward pass", stars=2, minutes=20)
def predictions(trial: Trial) -> None:
    said = trial()

    def expect(key: str, right: float, law: str, *mistakes: Mistake) -> None:
        said.entry(key).equals(right, law, *mistakes, tolerance=1e-3, reveal=False)

    expect(
        "grad_c",
        -8,
        "the gradient of c comes from d, through the sum",
        Mistake("c_outer_slope", -4, "That is the value of d. The slope of a square is twice that."),
        Mistake("c_sign", 8, "The size is right. Is d above or below 0?"),
        Mistake("c_is_the_loss", 16, "That is the value of L. How fast does it change with d?"),
        Mistake("c_local", 1, "1 is the local slope of the sum. It is multiplied by the gradient of d."),
        Mistake("c_local", 0, "c does matter: L changes with d, and d with c."),
        Mistake("c_from_c", -12, "That is 2c. The square is taken of d, and d is not c."),
    )
    expect(
        "grad_b",
        -16,
        "the gradient of b is that of c, times the local slope of the product",
        Mistake(
            "b_factor_missing", -8, "That is the gradient of c. The product multiplies it: by which of its factors?"
        ),
        Mistake("b_own_factor", 24, "You multiplied by b itself. The slope of a · b along b is the *other* factor."),
        Mistake("b_sign", 16, "The size is right, and the sign is not."),
        Mistake("b_local", 2, "That is the local slope alone. Multiply it by the gradient that arrives at c."),
    )
    expect(
        "grad_a",
        16,
        "a is used twice, and the contributions of both uses add",
        Mistake("a_product_only", 24, "That is the contribution over the product. a also goes into the sum directly."),
        Mistake("a_sum_only", -8, "That is the contribution over the sum. a also goes into the product."),
        Mistake("a_contributions_multiplied", -192, "You multiplied the two contributions. They add."),
        Mistake("a_contributions_subtracted", 32, "You subtracted one contribution from the other. They add."),
        Mistake("a_sign", -16, "The size is right, and the sign is not. Is −8 times b above or below 0?"),
        Mistake("a_sign", -32, "Look at the sign of −8 times b again; b is negative, too."),
        Mistake("a_local", -2, "That is the slope of d along a. The square comes on top."),
        Mistake("a_outer_slope", 8, "The inner slopes are right. The slope of the square is 2d, not d."),
    )
    expect(
        "overwritten",
        24,
        "with `=`, the contribution that comes last is all that is left",
        Mistake(
            "overwritten_order", -8, "That is the first contribution, and `=` does away with it when c has its turn."
        ),
        Mistake("overwritten_adds", 16, "That is the right gradient, with `+=`. This engine does not add."),
        Mistake(
            "overwritten_local", -3, "That is the local slope of the product. It is multiplied by the gradient of c."
        ),
        Mistake("overwritten_sign", -24, "The size is right. The gradient of c is negative, and b is, too."),
    )
    expect(
        "twice",
        32,
        "torch adds to `.grad` until somebody resets it",
        Mistake("twice_reset", 16, "That is one gradient: as if it had been reset in between. Nothing was."),
        Mistake("twice_reset", 0, "Nobody resets it to 0."),
        Mistake("twice_squared", 256, "The second gradient is added to the first, not multiplied with it."),
        Mistake(
            "twice_overwritten", 48, "torch itself does add up the contributions of both uses: take the right gradient."
        ),
        Mistake("twice_overwritten", 24, "torch itself does add up the contributions of both uses, and both passes."),
        Mistake(
            "twice_grows",
            72,
            "Only what is in `.grad` of `a` and `b` stays. c, d and L are new in the second pass, and begin at 0.",
        ),
    )
    shown = said.entry("wrong_line")
    shown.equals(
        4,
        "exactly one of the seven lines is wrong",
        *(
            Mistake(f"line_{line}_is_right", line, why + " Go through the others in the same way: what should each do?")
            for line, why in WHY_RIGHT.items()
        ),
        Mistake("no_such_line", lambda got: float(got) not in range(1, 8), "There are lines 1 to 7."),
        reveal=False,
    )
    expect(
        "dW_shown",
        1,
        "the code does what it says: dH = dA * (dA > 0), and dW = X.T @ dH",
        Mistake("shown_is_right_one", -4, "That is what dW should be. What do the lines as they stand compute?"),
        Mistake("shown_no_mask", -3, "That lets everything pass. Line 4 lets pass what is positive in dA."),
        Mistake("shown_not_divided", 2, "Line 3 divides by the number of entries, which is 2."),
        Mistake("shown_zero", 0, "One of the two entries of dA is positive. It passes, and meets its x."),
        Mistake("shown_first_factor", 0.5, "Line 3 has a factor 2 in front, which the division by 2 takes back."),
    )
    expect(
        "dW_right",
        -4,
        "the ReLU lets the gradient of an example pass where its input H is positive",
        Mistake("right_is_shown_one", 1, "That is what the code shows. Put the wrong line right and go on from there."),
        Mistake(
            "right_no_mask", -3, "That lets both examples pass. Where H is negative, the output is 0 whatever W is."
        ),
        Mistake("right_not_multiplied", -2, "That is the gradient at H. Each example's is multiplied by its x."),
        Mistake("right_sign", 4, "The size is right. The second example gives 1 and should give 3: should W grow?"),
        Mistake("right_not_divided", -8, "The loss is a mean over two entries."),
        Mistake("right_zero", 0, "One of the two entries of H is positive. Its gradient passes."),
    )


# ── 03.7 ──


@exercise("03.7", title="Backward through a layer norm", stars=3, minutes=35)
def layer_norm_backward(trial: Trial) -> None:
    # In the statement's example too many mistakes look alike, so it comes last.
    for shape, eps in (
        ((2, 6), 1e-5),
        ((4, 6), 1e-5),
        ((5,), 1e-5),
        ((4, 4), 1e-5),
        ((2, 3, 5), 1e-5),
        ((3, 8), 0.5),
        ((2, 2, 3, 4), 2.0),
    ):
        x = 2 * trial.normal(*shape) + 1
        gain = trial.normal(shape[-1]).abs() + 0.3
        _agrees_with_layer_norm_backward(trial, x, gain, trial.normal(*shape), eps)
    x, gain, grad = torch.tensor([[1.0, 1.0, 3.0, 3.0], [2.0, 1.0, 1.0, 1.0], [1.0, 0.0, 0.0, 0.0]])
    _agrees_with_layer_norm_backward(trial, x, gain, grad, 0.0)


def _agrees_with_layer_norm_backward(trial: Trial, x: Tensor, gain: Tensor, grad: Tensor, eps: float) -> None:
    d = x.shape[-1]
    n_rows = x.numel() // d

    def mean(values: Tensor) -> Tensor:
        return values.mean(-1, keepdim=True)

    def rows(values: Tensor) -> Tensor:
        return values.reshape(n_rows, d)

    centred = x - mean(x)
    sigma = (mean(centred.square()) + eps).sqrt()

    def of_x(g: Tensor, sigma: Tensor = sigma, factor: Tensor | float = 1.0) -> Tensor:
        x_hat = centred / sigma
        return factor * (g - mean(g) - x_hat * mean(g * x_hat)) / sigma

    x_hat = centred / sigma
    g = grad * gain
    right = of_x(g)
    right_gain, right_bias = rows(grad * x_hat).sum(0), rows(grad).sum(0)
    unbiased = (centred.square().sum(-1, keepdim=True) / (d - 1) + eps).sqrt()
    no_eps = mean(centred.square()).sqrt()
    wrong_eps = no_eps + eps

    answer = trial(x=x, gain=gain, grad=grad, eps=eps)
    _is_tuple_of(answer, 3, "the gradients of x, of the gain and of the bias")
    # The easy ones first: what is wrong in x̂ shows there, by itself.
    order = "The three come in the order x, gain, bias."
    answer.entry(2).equals(
        right_bias,
        "the bias was added to every row, so its gradient is the sum of grad over all axes but the last",
        Mistake(
            "wrong_order",
            lambda got: _near(got, right_gain) or _near(got, right),
            f"That is another one's gradient. {order}",
        ),
        Mistake(
            "bias_not_summed",
            lambda got: got.ndim > 1 and got.shape == grad.shape,
            "There is one for every row. The same bias was added to all of them: sum over all axes but the last.",
        ),
        Mistake(
            "bias_averaged",
            lambda got: n_rows > 1 and _near(got, right_bias / n_rows),
            "That is the mean over the rows. Contributions of several uses add.",
        ),
        Mistake(
            "everything_summed",
            lambda got: got.ndim == 0,
            "That is one number, and the bias has an entry for every place of the last axis. Here `x` has no other "
            "axis, so nothing is to be summed. (A sum over an empty list of axes is, in torch, over all of them.)",
        ),
        Mistake(
            "summed_over_features",
            lambda got: _near(got, grad.sum(-1)) or _near(got, grad.sum(-1, keepdim=True)),
            "You summed over the last axis. The bias has an entry for each place of it: sum over the others.",
        ),
        Mistake(
            "one_axis_summed",
            lambda got: got.ndim > 1 and got.shape[-1] == d,
            "There are axes left in front. Sum over all axes but the last, however many there are.",
        ),
        Mistake("gain_in_the_bias", rows(g).sum(0), "The bias is added after the gain, so the gain has no part in it."),
    )
    answer.entry(1).equals(
        right_gain,
        "the gain multiplied x̂ in every row, so its gradient is the sum of grad · x̂ over all axes but the last",
        Mistake("wrong_order", lambda got: _near(got, right), f"That is the gradient of x. {order}"),
        Mistake(
            "gain_without_x_hat",
            lambda got: _near(got, right_bias),
            "That is the bias's gradient. The gain was multiplied by x̂.",
        ),
        Mistake(
            "gain_with_x",
            lambda got: _near(got, rows(grad * x).sum(0)),
            "You weight by x. The gain was multiplied by x̂, which is x after the mean and the deviation.",
        ),
        Mistake(
            "gain_with_centred",
            lambda got: _near(got, rows(grad * centred).sum(0)),
            "The mean is taken off, and the division by σ is missing.",
        ),
        Mistake(
            "gain_in_the_gain",
            lambda got: _near(got, rows(g * x_hat).sum(0)),
            "The gain itself is in it. The slope of γ · x̂ along γ is x̂.",
        ),
        Mistake(
            "gain_not_summed",
            lambda got: got.ndim > 1,
            "There are axes left in front. The same gain was used in every row: sum over all axes but the last.",
        ),
        Mistake(
            "gain_averaged",
            lambda got: n_rows > 1 and _near(got, right_gain / n_rows),
            "That is the mean over the rows. Contributions of several uses add.",
        ),
        Mistake(
            "unbiased",
            lambda got: (
                _near(got, rows(grad * centred / unbiased).sum(0))
                or _near(got, rows(grad * centred / x.std(-1, keepdim=True)).sum(0))
                or _near(got, rows(grad * centred / (x.std(-1, keepdim=True) + eps)).sum(0))
            ),
            "Your deviation divides by D − 1, as torch's `std()` and `var()` do. Here it is D: `unbiased=False`.",
        ),
        Mistake(
            "variance_not_deviation",
            lambda got: _near(got, rows(grad * centred / sigma**2).sum(0)),
            "You divide by the variance. x̂ is divided by its square root.",
        ),
        Mistake(
            "eps_outside",
            lambda got: eps > 1e-3 and _near(got, rows(grad * centred / wrong_eps).sum(0)),
            f"With eps = {eps}, σ is not right: eps is added to the variance, *inside* the square root.",
        ),
        Mistake(
            "eps_forgotten",
            lambda got: (
                eps > 1e-3
                and (
                    _near(got, rows(grad * centred / no_eps).sum(0))
                    or _near(got, rows(grad * centred / (no_eps**2 + 1e-5).sqrt()).sum(0))
                )
            ),
            f"With eps = {eps}, σ is not right: yours leaves `eps` out, or has a fixed number in its place.",
        ),
        Mistake(
            "other_axis",
            lambda got: (
                n_rows > 1
                and _near(
                    got,
                    rows(grad * (x - x.mean(0)) / (x.var(0, unbiased=False) + eps).sqrt()).sum(0),
                )
            ),
            "Mean and deviation run over the first axis. Every row is normalised by itself, along the last.",
        ),
    )
    answer.entry(0).equals(
        right,
        "the gradient of x counts what each x does to x̂ directly, over the mean, and over σ",
        Mistake(
            "statistics_held_fixed",
            lambda got: _near(got, g / sigma) or _near(got, grad / sigma),
            "Mean and deviation are taken for constants in it. Each x moves both of them, and with them every x̂ of its "
            "row.",
        ),
        Mistake(
            "deviation_held_fixed",
            lambda got: _near(got, (g - mean(g)) / sigma),
            "The way over the mean is in it, and the way over σ is missing: each x moves σ, and σ every x̂ of its row.",
        ),
        Mistake(
            "mean_held_fixed",
            lambda got: _near(got, (g - x_hat * mean(g * x_hat)) / sigma),
            "The way over σ is in it, and the way over the mean is missing.",
        ),
        Mistake(
            "gain_forgotten",
            lambda got: any(
                _near(got, wrong)
                for wrong in (
                    of_x(grad),
                    (g - mean(grad) - x_hat * mean(grad * x_hat)) / sigma,
                    (g - mean(g) - x_hat * mean(grad * x_hat)) / sigma,
                    (g - mean(grad) - x_hat * mean(g * x_hat)) / sigma,
                )
            ),
            "Somewhere the gain is missing. The gradient of x̂ is grad · gain, wherever it appears.",
        ),
        Mistake(
            "gain_afterwards",
            lambda got: _near(got, gain * of_x(grad)),
            "The gain is multiplied at the end. On the way back it comes first, and the means are of grad · gain.",
        ),
        Mistake(
            "sums_for_means",
            lambda got: (
                _near(got, (g - g.sum(-1, keepdim=True) - x_hat * (g * x_hat).sum(-1, keepdim=True)) / sigma)
                or _near(got, (g - mean(g) - x_hat * (g * x_hat).sum(-1, keepdim=True)) / sigma)
                or _near(got, (g - g.sum(-1, keepdim=True) - x_hat * mean(g * x_hat)) / sigma)
            ),
            "There is a sum where a mean belongs: μ and σ each hold a 1/D.",
        ),
        Mistake(
            "sign_of_a_way",
            lambda got: (
                _near(got, (g + mean(g) - x_hat * mean(g * x_hat)) / sigma)
                or _near(got, (g - mean(g) + x_hat * mean(g * x_hat)) / sigma)
                or _near(got, (g + mean(g) + x_hat * mean(g * x_hat)) / sigma)
            ),
            "All the parts are there, and a sign is wrong: a larger mean or a larger σ makes x̂ *smaller*.",
        ),
        Mistake(
            "gradient_of_x_hat",
            lambda got: _near(got, g),
            "That is the gradient of x̂. The way from x̂ back to x is still missing.",
        ),
        Mistake(
            "brackets",
            lambda got: (
                not _near(got, right)
                and (
                    _near(got, g - mean(g) - x_hat * mean(g * x_hat) / sigma)
                    or _near(got, g / sigma - mean(g) - x_hat * mean(g * x_hat))
                    or _near(got, (g - mean(g)) / sigma - x_hat * mean(g * x_hat))
                )
            ),
            "Only a part of it is divided by σ. Mind the brackets.",
        ),
        Mistake(
            "sign",
            lambda got: _near(got, -right),
            "The sign of the whole is turned round.",
        ),
        Mistake(
            "not_divided_by_sigma",
            lambda got: _near(got, right * sigma) and not _near(got, right),
            "The division by σ is missing: stretching x by σ shrinks the slopes by as much.",
        ),
        Mistake(
            "divided_by_variance",
            lambda got: _near(got, right / sigma) and not _near(got, right),
            "You divide by the variance, or by σ twice.",
        ),
        Mistake(
            "centred_for_x_hat",
            lambda got: (
                _near(got, (g - mean(g) - centred * mean(g * centred)) / sigma)
                or _near(got, (g - mean(g) - centred * mean(g * x_hat)) / sigma)
                or _near(got, (g - mean(g) - x_hat * mean(g * centred)) / sigma)
            ),
            "There is an x − μ where x̂ belongs, which is divided by σ.",
        ),
        Mistake(
            "twice_the_variance_way",
            lambda got: (
                _near(got, (g - mean(g) - 2 * x_hat * mean(g * x_hat)) / sigma)
                or _near(got, (g - mean(g) - 0.5 * x_hat * mean(g * x_hat)) / sigma)
            ),
            "The way over σ is off by a factor 2. The square root brings a ½ into the slope, the square a 2.",
        ),
        Mistake(
            "mean_of_a_product",
            lambda got: (
                _near(got, (g - mean(g) - x_hat * mean(g) * mean(x_hat)) / sigma)
                or _near(got, (g - mean(g) - mean(g * x_hat)) / sigma)
            ),
            "The way over σ is not right: each entry gets x̂ times the *mean of the product* g · x̂.",
        ),
        Mistake(
            "unbiased",
            lambda got: _near(got, of_x(g, unbiased)),
            "Your deviation divides by D − 1. Here it is D.",
        ),
        Mistake(
            "eps_in_one_place",
            lambda got: eps > 1e-3 and (_near(got, of_x(g, no_eps)) or _near(got, of_x(g, wrong_eps))),
            f"With eps = {eps}, σ is not right in the gradient of x: eps belongs inside the square root, everywhere.",
        ),
        Mistake(
            "means_over_everything",
            lambda got: n_rows > 1 and _near(got, (g - g.mean() - x_hat * (g * x_hat).mean()) / sigma),
            "The means run over the whole tensor. Each row has its own: `mean(dim=-1, keepdim=True)`.",
        ),
        Mistake(
            "points_along_a_shift",
            lambda got: got.shape == right.shape and bool((got.sum(-1).abs() > 1e-3 * (1 + got.abs().sum(-1))).any()),
            "Adding the same number to all x of a row changes no output, so each row of the gradient adds up to 0. "
            "Yours do not: look at the way over the mean.",
        ),
    )
