"""What right answers of lesson 06 obey, and what wrong ones look like.

Shape letters: V words, D numbers of a word's vector, C words of company, Q questions, T places, K numbers that are
turned, P tokens that are no padding.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import normalize

from course_lib.checks.registry import exercise
from course_lib.checks.trial import Mistake, Returned, Trial

# ── 06.1 ──


@exercise("06.1", title="Look it up, but not the padding", stars=1, minutes=10)
def look_up(trial: Trial) -> None:
    example = torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    _looks_up(trial, example, torch.tensor([2, 0, 2]), 0)
    for tokens, pad in (
        (torch.tensor([[2, 4, 0, 3, 3], [0, 5, 6, 4, 2]]), 3),
        (torch.tensor([1, 5, 0, 2]), 5),
        (trial.integers(4, 2, 3, 2), 2),
        (torch.tensor([4, 1, 6, 1]), 3),
    ):
        _looks_up(trial, trial.normal(7, 4) + 0.5, tokens, pad)
    _looks_up(trial, trial.normal(7, 4), torch.tensor([3, 3]), 3)

    table, tokens, pad = trial.normal(6, 3), torch.tensor([[1, 4, 2], [4, 5, 2]]), 2
    weights = trial.normal(2, 3, 3)
    answer = trial(table=table.requires_grad_(), tokens=tokens, pad=pad)
    law = "each lookup of a row adds one gradient to it, and padding adds none"
    no_gradient = "no_gradient"
    lost = (
        "It has lost its connection to the table, so nothing can train it. Was it a `.detach()`, `.data`, "
        "`torch.no_grad()`, or a new `torch.tensor(...)` made of numbers?"
    )
    answer.requires(isinstance(answer.value, Tensor) and answer.value.requires_grad, law, no_gradient, lost)
    (got,) = torch.autograd.grad((answer.value * weights).sum(), answer.inputs["table"], allow_unused=True)
    answer.requires(got is not None, law, no_gradient, lost)
    right = torch.zeros(6, 3)
    for row, weight in zip(tokens.flatten().tolist(), weights.view(-1, 3), strict=True):
        if row != pad:
            right[row] += weight
    Returned(got, f"the gradient for {answer.call}", answer.inputs).equals(
        right,
        law,
        Mistake(
            "divided_by_frequency",
            right / torch.tensor([1.0, 1, 1, 1, 2, 1])[:, None],
            "The gradient of a row that was looked up twice was halved. (`scale_grad_by_freq`?) Leave it whole.",
        ),
    )


def _looks_up(trial: Trial, table: Tensor, tokens: Tensor, pad: int) -> None:
    rows = table[tokens]
    words = (tokens != pad)[..., None]
    right = rows * words
    as_place = rows.clone()
    if pad < rows.shape[-2]:
        as_place[..., pad, :] = 0
    as_channel = rows.clone()
    if pad < rows.shape[-1]:
        as_channel[..., pad] = 0
    answer = trial(table=table, tokens=tokens, pad=pad)
    answer.equals(
        right,
        "each word becomes its row of the table, and padding becomes zeros",
        Mistake(
            "padding_kept",
            rows,
            "The padding has the vector that stands in its row. (`padding_idx` of `embedding` is not enough: it only "
            "keeps the gradient away.)",
        ),
        Mistake(
            "only_padding",
            rows * ~words,
            "It is the wrong way round: the padding keeps its vector and the words have lost theirs.",
        ),
        Mistake(
            "padding_is_always_0",
            rows * (tokens != 0)[..., None],
            f"Word 0 has become zeros. Here the padding is number {pad}, and 0 is a word like any other.",
        ),
        Mistake(
            "everything_zero",
            lambda got: got.shape == right.shape and not got.any(),
            "Every vector is zero, that of real words too. `tokens != pad` compares number by number.",
        ),
        Mistake(
            "padding_left_out",
            rows[tokens != pad] if bool((tokens == pad).any()) else None,
            "The padding has been dropped. The result has a vector for *every* place, zeros where the padding is.",
        ),
        Mistake(
            "pad_as_place",
            as_place,
            "The *place* number `pad` was set to zero. Wanted are zeros wherever the *token* is `pad`.",
        ),
        Mistake(
            "pad_as_channel",
            as_channel,
            "Number `pad` of every vector was set to zero. `pad` is the number of a word.",
        ),
        Mistake(
            "filled_with_one_number",
            lambda got: (
                got.shape == right.shape
                and torch.equal(got[words[..., 0]], right[words[..., 0]])
                and got[~words[..., 0]].unique().numel() == 1
                and bool((got[~words[..., 0]] != 0).all())
            ),
            "The words are right, and the padding is filled with something else than 0.",
        ),
        Mistake(
            "one_hot",
            lambda got: got.shape == (*tokens.shape, len(table)) and set(got.unique().tolist()) <= {0, 1},
            "These are the one-hot vectors. Multiply them by the table: `one_hot @ table`.",
        ),
    )


# ── 06.2 ──


@exercise("06.2", title="More often than by chance", stars=2, minutes=15)
def ppmi(trial: Trial) -> None:
    square = torch.tensor([[3.0, 9.0, 1.0], [1.0, 2.0, 7.0], [5.0, 2.0, 2.0]])
    for counts in (square, torch.tensor([[6.0, 2.0], [0.0, 8.0]]), 1.0 + trial.integers(30, 4, 6)):
        _weighs_company(trial, counts, "PPMI is max(0, ln(p(w, c) / (p(w) · p(c)))), with the shares of the counts")
    sparse = trial.integers(9, 6, 5).clamp(min=4).float() - 4
    _weighs_company(trial, sparse, "a pair that never met has a PPMI of 0")
    empty = sparse.clone()
    empty[2] = 0
    empty[:, 1] = 0
    _weighs_company(trial, empty, "a word or a company that was never met has a PPMI of 0 with everything")
    _weighs_company(trial, 1e6 * square, "PPMI depends on shares, so a million times the counts change nothing")


def _weighs_company(trial: Trial, counts: Tensor, law: str) -> None:
    counts = counts.float()
    total, rows, columns = counts.sum(), counts.sum(1, keepdim=True), counts.sum(0, keepdim=True)
    pmi = (counts * total / (rows * columns)).log()

    def positive(values: Tensor) -> Tensor:
        return values.nan_to_num(nan=0.0, posinf=0.0, neginf=0.0).clamp(min=0)

    right = positive(pmi)
    met = counts > 0
    square = len(counts) == counts.shape[1]
    nearly = {
        "smoothed": [positive(_pmi_smoothed(counts, extra)) for extra in (1.0, 0.5, 0.1, 0.01)],
        "rows": [positive((counts * total / (rows * rows.T)).log())] if square else [],
        "columns": [positive((counts * total / (columns.T * columns)).log())] if square else [],
        "crossed": [positive((counts * total / (columns.T * rows.T)).log())] if square else [],
    }

    def one_of(kind: str) -> Callable[[Tensor], bool]:
        return lambda got: any(
            got.shape == wrong.shape and torch.allclose(got.float(), wrong, 1e-3, 1e-3) for wrong in nearly[kind]
        )

    trial(counts=counts).equals(
        right,
        law,
        Mistake("sign", positive(-pmi), "The ratio is upside down: what chance would give belongs below."),
        Mistake(
            "empty_is_nan",
            lambda got: (
                bool(got.isnan().any()) and not got[rows.squeeze(1) > 0][:, columns.squeeze(0) > 0].isnan().any()
            ),
            "There is a nan where a whole row or column is empty: 0 divided by 0. (A nan stays a nan in `clamp`.) "
            "Replace it with 0.",
        ),
        Mistake(
            "never_met_is_nan",
            lambda got: bool(got.isnan().any()),
            "There is a nan where a pair never met. ln 0 is −∞, and 0 · −∞ is nan. Decide those places by the counts.",
        ),
        Mistake(
            "never_met_is_infinite",
            lambda got: bool(got.isinf().any()),
            "There is an infinite number where a pair never met. It should be 0 there.",
        ),
        Mistake(
            "negative_kept",
            lambda got: bool((got < 0).any()) and torch.allclose(got[right > 0].float(), right[right > 0], 1e-3, 1e-3),
            "Where a pair meets less often than by chance, yours is negative. The first P stands for *positive*.",
        ),
        Mistake(
            "absolute_value",
            lambda got: torch.allclose(got[met].float(), pmi[met].abs(), 1e-3, 1e-3),
            "The sign was taken off. A pair that meets *less* often than by chance has 0, not a positive number.",
        ),
        Mistake("bits", right / math.log(2), "These are bits, from the logarithm to base 2. Wanted are nats."),
        Mistake("log10", right / math.log(10), "That is the logarithm to base 10. Wanted is the natural one."),
        Mistake(
            "no_log",
            lambda got: torch.allclose(got[right > 0].float(), right[right > 0].exp(), 1e-3, 1e-3),
            "That is the ratio. Its logarithm is missing.",
        ),
        Mistake(
            "one_more",
            positive((1 + counts * total / (rows * columns)).log()),
            "1 was added before the logarithm (`log1p`?). That makes every ratio larger; wanted is ln of the ratio.",
        ),
        Mistake(
            "only_the_ones_above",
            lambda got: torch.allclose(got.float(), torch.where(pmi > 0, counts, 0.0), 1e-3, 1e-3),
            "These are the counts, where the PMI is above 0. Return the PMI there.",
        ),
        Mistake(
            "weighted",
            positive(counts / total * pmi),
            "Each entry was multiplied by p(w, c). That is its share of the mean; PMI is the logarithm alone.",
        ),
        Mistake(
            "only_zeros",
            lambda got: got.shape == right.shape and not got.any() and bool(right.any()),
            "Every entry is 0, so no ratio was above 1. Is N in it? p(w, c), p(w) and p(c) are all *shares* of N. "
            "And are both sums below the line? `a / b * c` multiplies by c.",
        ),
        Mistake(
            "no_total",
            (counts / (rows * columns)).log(),
            "Counts were divided by products of sums, and N is missing. Each of the three is a *share* of N.",
        ),
        Mistake(
            "count_not_divided",
            positive((counts * total * total / (rows * columns)).log()),
            "N is in it once too often: p(w, c) is the count *divided by N*.",
        ),
        Mistake(
            "not_by_row",
            positive((counts / columns * total).log()),
            "The column's sum is in it and the row's is not. Frequent words would be near to everybody.",
        ),
        Mistake(
            "not_by_column",
            positive((counts / rows * total).log()),
            "The row's sum is in it and the column's is not. Frequent company, such as *the*, would count most.",
        ),
        Mistake(
            "rows_for_columns",
            one_of("rows"),
            "The sums of rows were used for the columns, too. The table is not symmetric: p(c) comes from column sums.",
        ),
        Mistake(
            "columns_for_rows",
            one_of("columns"),
            "The sums of columns were used for the rows, too. The table is not symmetric: p(w) comes from row sums.",
        ),
        Mistake(
            "crossed",
            one_of("crossed"),
            "The two sums are crossed: entry (w, c) was divided by the sum of *column* w and of *row* c.",
        ),
        Mistake(
            "smoothed",
            one_of("smoothed"),
            "A number was added to the counts. It invents meetings that never were; decide the zeros afterwards.",
        ),
        Mistake(
            "transposed",
            right.T if not square or not torch.allclose(right, right.T) else None,
            "It is the right table on its side. Words are rows, company is columns.",
        ),
    )


def _pmi_smoothed(counts: Tensor, extra: float) -> Tensor:
    counts = counts + extra
    return (counts * counts.sum() / (counts.sum(1, keepdim=True) * counts.sum(0, keepdim=True))).log()


# ── 06.3 ──


@exercise("06.3", title="The nearest words", stars=2, minutes=15)
def nearest(trial: Trial) -> None:
    law = "the nearest words are those with the largest cosine, the word itself left out"
    for n_words, width, n in ((30, 6, 5), (12, 3, 11), (50, 4, 1), (40, 5, 8)):
        vectors = trial.normal(n_words, width) * trial.normal(n_words, 1).exp()
        for word in (0, n_words // 3, n_words - 1):
            _finds_nearest(trial, vectors, word, n, law)
    _finds_nearest(trial, torch.tensor([[4.0, 0.0], [30.0, 40.0], [0.0, 2.0], [10.0, 1.0]]), 0, 2, law)

    # Along axes every cosine is exactly -1, 0 or 1, however it is computed.
    axes = torch.tensor([[2.0, 0, 0], [0, 1, 0], [1, 0, 0], [0, 0, 4], [-1, 0, 0], [0, -2, 0]])
    _finds_nearest(trial, axes, 2, 5, "of equal cosines the lower number comes first, and only the word is left out")
    unseen = torch.tensor([[0.0, 1, 0], [1, 0, 0], [-1, 0, 0], [0.0, 0, 0], [2, 0, 0], [0, 0, -1]])
    _finds_nearest(trial, unseen, 1, 5, "a vector of zeros has the cosine 0 with every word")
    many = torch.zeros(40, 2)
    many[torch.arange(40), torch.arange(40) % 2] = 1.0 + torch.arange(40) % 3
    _finds_nearest(trial, many, 7, 30, "of equal cosines the lower number comes first, and only the word is left out")


def _finds_nearest(trial: Trial, vectors: Tensor, word: int, n: int, law: str) -> None:
    unit = normalize(vectors, dim=1)
    cosine = unit @ unit[word]
    dots = vectors @ vectors[word]
    distance = (vectors - vectors[word]).norm(dim=1)

    def best(scores: Tensor, own: float = -math.inf, length: int = n) -> Tensor:
        scores = scores.clone()
        scores[word] = own
        return scores.sort(descending=True, stable=True).indices[:length]

    right = best(cosine)
    same_as_word = set((cosine == 1).nonzero().flatten().tolist()) - {word}

    def numbers(got: Tensor) -> list[int]:
        return [int(number) for number in got]

    def has_itself(got: Tensor) -> bool:
        return word in numbers(got)

    def same(got: Tensor, expected: Tensor) -> bool:
        return numbers(got) == expected.tolist()

    def without_copies(found: list[int]) -> list[int]:
        return [number for number in found if number not in same_as_word | {word}]

    answer = trial(vectors=vectors, word=word, n=n)
    answer.equals(
        right,
        law,
        Mistake(
            "not_whole_numbers",
            lambda got: got.shape == right.shape and got.is_floating_point() and same(got, right),
            "The numbers of the words are right, and they should be whole numbers (a tensor of integers).",
        ),
        Mistake(
            "zeros_come_first",
            lambda got: bool((unit[numbers(got)[0]] == 0).all()),
            "A vector of zeros was divided by its length, which gives nan, and nan is sorted before everything. Its "
            "cosine should be 0. (`normalize` knows that.)",
        ),
        Mistake(
            "drops_copies",
            lambda got: (
                bool(same_as_word)
                and numbers(got)[0] != word
                and without_copies(numbers(got)) == without_copies(right.tolist())
            ),
            "Another word points in exactly the same direction, and it is missing or comes last. Leave out the word by "
            "its number, not everything whose cosine is 1.",
        ),
        Mistake(
            "returns_cosines",
            lambda got: got.shape == right.shape and torch.allclose(got.float(), cosine[right], 1e-3, 1e-3),
            "These are the cosines. Wanted are the numbers of the words.",
        ),
        Mistake(
            "numbers_move_up",
            lambda got: same(got, right - (right > word).long()),
            "The word was cut out of the list *before* sorting, so all words behind it have moved up by one number.",
        ),
        Mistake(
            "dot_product",
            lambda got: same(got, best(dots)),
            "You rank by the dot product, so long vectors win. Divide each of them by its own length: "
            "`norm(dim=1, keepdim=True)`.",
        ),
        Mistake(
            "wrong_axis",
            lambda got: same(got, best(_columns_unit(vectors) @ _columns_unit(vectors)[word])),
            "The *columns* were made length 1. A word is a row: `dim=1`.",
        ),
        Mistake(
            "euclidean",
            lambda got: same(got, best(-distance)),
            "You rank by the distance between the points. Vectors in the same direction can be far apart; take the "
            "cosine.",
        ),
        Mistake(
            "own_cosine_zero",
            lambda got: has_itself(got) and (cosine < 0).any() and same(got, best(cosine, own=0.0)),
            "The word itself is among its own neighbours. Its cosine was set to 0, and other words are below 0.",
        ),
        Mistake(
            "own_cosine_minus_one",
            lambda got: has_itself(got) and same(got, best(cosine, own=-1.0)),
            "The word itself is among its own neighbours. Its cosine was set to −1, and another word really has −1.",
        ),
        Mistake(
            "drops_the_first",
            lambda got: has_itself(got) and not same_as_word <= set(numbers(got)),
            "The word itself is in the list, and another one is missing that points in the same direction. You left "
            "out the first after sorting, and the first was not the word. Leave it out by its *number*.",
        ),
        Mistake(
            "includes_itself",
            has_itself,
            "The word is among its own neighbours. Nothing is nearer to it, and nobody asked for that: leave it out.",
        ),
        Mistake(
            "zeros_come_last",
            lambda got: bool((vectors == 0).all(1).any()) and (vectors[numbers(got)[-1]] == 0).all(),
            "A vector of zeros is ranked last. Its cosine is 0, which is above that of words that point away.",
        ),
        Mistake(
            "ties",
            lambda got: (
                got.shape == right.shape
                and len(set(numbers(got))) == len(got)
                and torch.equal(cosine[got.long()], cosine[right])
            ),
            "The cosines are right, and some of them are equal: there the lower number has to come first. `topk` "
            "does not promise that. `sort(descending=True, stable=True)` does.",
        ),
        Mistake(
            "drops_the_nearest",
            lambda got: same(got, best(cosine, length=n + 1)[1:]),
            "The nearest word is missing. The word itself was left out twice: once by its number, and once more as "
            "the first of the list.",
        ),
        Mistake(
            "farthest",
            lambda got: same(got, best(-cosine)) or same(got, best(cosine, length=len(vectors)).flip(0)[:n]),
            "These are the words that are farthest away. Sort so that the largest cosine comes first.",
        ),
        Mistake(
            "nearest_last",
            lambda got: n > 1 and same(got, right.flip(0)),
            "The right words, the nearest *last*. Turn the order round.",
        ),
        Mistake(
            "divides_by_squares",
            lambda got: same(got, best(dots / vectors.square().sum(1))),
            "The other word's length was divided out twice, so short vectors win. (Is a root missing?)",
        ),
        Mistake(
            "absolute_value",
            lambda got: same(got, best(cosine.abs())),
            "The sign of the cosine was lost. A word that points the opposite way is as far off as can be.",
        ),
        Mistake(
            "not_n",
            lambda got: got.ndim == 1 and len(got) != n and same(got, best(cosine, length=len(got))),
            f"The order is right, and the length is not: {n} words were asked for.",
        ),
    )


def _columns_unit(vectors: Tensor) -> Tensor:
    return normalize(vectors, dim=0)


# ── 06.4 ──


@exercise("06.4", title="King − man + woman", stars=2, minutes=20)
def analogies(trial: Trial) -> None:
    def different(n_words: int, n_questions: int) -> Tensor:
        return torch.stack([trial.normal(n_words).argsort()[:3] for _ in range(n_questions)])

    for n_words, width, n_questions in ((25, 4, 20), (60, 8, 20), (40, 3, 30)):
        vectors = trial.normal(n_words, width) * (0.7 * trial.normal(n_words, 1)).exp()
        _solves(trial, vectors, different(n_words, n_questions))
    _solves(trial, trial.normal(30, 5) - torch.tensor([2.0, 0, 0, 0, 0]), different(30, 12))
    twice = different(20, 10)
    twice[:5, 2], twice[5:, 2] = twice[:5, 0], twice[5:, 1]
    _solves(trial, trial.normal(20, 4), twice)

    one = torch.tensor([[0, 1, 2]])
    _solves(trial, torch.tensor([[2.0, 0.0], [0.0, 1.0], [3.0, 4.0], [-1.0, 1.0], [1.0, 1.0]]), one)
    _solves(trial, torch.tensor([[3.0, 0.0], [4.0, 1.0], [4.0, -1.0], [1.0, 2.0], [-1.0, -1.0]]), one)
    _solves(trial, torch.tensor([[3.0, 1.0], [1.0, 0.0], [2.0, -1.0], [-1.0, -0.5], [-2.0, 0.2]]), one)
    _solves(trial, torch.tensor([[3.0, 1.0], [1.0, 0.0], [2.0, -1.0], [-3.0, 0.5], [-2.0, 0.2]]), one)


def _solves(trial: Trial, vectors: Tensor, questions: Tensor) -> None:
    unit = normalize(vectors, dim=1)
    first, second, third = questions.unbind(1)

    def answers(
        target: Tensor, words: Tensor = unit, left_out: Tensor | None = questions, mark: float = -math.inf
    ) -> Tensor:
        scores = target @ words.T
        return (scores if left_out is None else scores.scatter(1, left_out, mark)).argmax(1)

    a, b, c = unit[first], unit[second], unit[third]
    raw_a, raw_b, raw_c = vectors[first], vectors[second], vectors[third]
    target = b - a + c
    right = answers(target)
    scores = target @ unit.T
    own = scores.scatter(1, questions, -math.inf)
    everywhere = scores.clone()
    everywhere[:, questions.flatten()] = -math.inf
    first_only = scores.clone()
    first_only[:, questions[0]] = -math.inf
    cosine = unit @ unit.T
    product = (1 + cosine[second]) * (1 + cosine[third]) / (1 + cosine[first] + 1e-3)
    step = normalize(b - a, dim=1)
    raw_target = raw_b - raw_a + raw_c
    distance = -(raw_target[:, None] - vectors).norm(dim=2)
    answer = trial(vectors=vectors, questions=questions)
    answer.equals(
        right,
        "the answer is the word, not among a, b and c, with the largest cosine to b − a + c of unit vectors",
        *(
            Mistake(name, wrong, says)
            for name, wrong, says in (
                (
                    "set_to_minus_one",
                    answers(target, mark=-1.0),
                    "The scores of a, b and c were set to −1. The target is no unit vector, so a score can be lower: "
                    "take −∞.",
                ),
                (
                    "set_to_zero",
                    answers(target, mark=0.0),
                    "The scores of a, b and c were set to 0. Where all others are negative, 0 wins: take −∞.",
                ),
                (
                    "a_allowed",
                    answers(target, left_out=questions[:, 1:]),
                    "a is among the answers. It seldom wins; here it does. Leave it out as well.",
                ),
                (
                    "inputs_allowed",
                    answers(target, left_out=None),
                    "Some answers are words of their own question. The inputs a, b and c must be left out.",
                ),
                (
                    "b_allowed",
                    answers(target, left_out=questions[:, [0, 2]]),
                    "b is among the answers. Is c alone left out? All three should be.",
                ),
                (
                    "c_allowed",
                    answers(target, left_out=questions[:, :2]),
                    "c is among the answers. Is b alone left out? All three should be.",
                ),
                (
                    "left_out_everywhere",
                    everywhere.argmax(1),
                    "The words of *all* questions are left out everywhere. Each question forbids its own three.",
                ),
                (
                    "left_out_of_the_first",
                    first_only.argmax(1),
                    "The words of the first question were left out of every one. Each question forbids its own three.",
                ),
                (
                    "step_backwards",
                    answers(a - b + c),
                    "The step goes the wrong way: that is a − b + c. From a to b it is b − a.",
                ),
                (
                    "roles_mixed",
                    answers(a + b - c),
                    "That is a + b − c. The step b − a is added to c.",
                ),
                (
                    "all_added",
                    answers(a + b + c),
                    "All three were added. a has to be taken off.",
                ),
                (
                    "c_forgotten",
                    answers(b - a),
                    "That is the word nearest to the step b − a. The step has to be taken from c.",
                ),
                (
                    "step_forgotten",
                    answers(c),
                    "That is the word nearest to c: the step b − a is missing.",
                ),
                ("a_forgotten", answers(b + c), "That is the word nearest to b + c: a has to be taken off."),
                (
                    "not_normalised",
                    answers(raw_target, vectors),
                    "The vectors have kept their lengths, and the long ones win. Make all of them length 1 first.",
                ),
                (
                    "inputs_not_normalised",
                    answers(raw_target),
                    "The candidates have length 1, and a, b and c have not: a long one drowns the step.",
                ),
                (
                    "candidates_not_normalised",
                    answers(target, vectors),
                    "a, b and c have length 1, and the candidates have not: long vectors win.",
                ),
                (
                    "euclidean",
                    distance.scatter(1, questions, -math.inf).argmax(1),
                    "You look for the smallest distance from b − a + c, with vectors of all lengths. Wanted is the "
                    "largest cosine.",
                ),
                (
                    "step_made_length_one",
                    answers(step + c),
                    "The step b − a was stretched to length 1. It keeps its own length.",
                ),
                (
                    "wrong_axis",
                    answers(
                        *_arithmetic(normalize(vectors, dim=0), questions),
                    ),
                    "The *columns* were made length 1. A word is a row: `dim=1`.",
                ),
                (
                    "multiplied",
                    product.scatter(1, questions, -math.inf).argmax(1),
                    "That multiplies and divides cosines (known as 3CosMul). Here they are added and subtracted.",
                ),
                (
                    "farthest",
                    scores.scatter(1, questions, math.inf).argmin(1),
                    "That is the word with the *smallest* cosine.",
                ),
                (
                    "absolute_value",
                    scores.abs().scatter(1, questions, -math.inf).argmax(1),
                    "The sign of the cosine was lost. A word that points the opposite way is no answer.",
                ),
                (
                    "one_answer",
                    right[0] if len(questions) > 1 else None,
                    "That is the answer to the first question alone. There is one for each row.",
                ),
            )
        ),
        Mistake(
            "inputs_among_answers",
            lambda got: got.shape == right.shape and bool((got[:, None] == questions).any()),
            "At least one answer is a word of its own question. a, b and c must be left out. (And something else is "
            "not right yet, too.)",
        ),
        Mistake(
            "column",
            lambda got: got.shape == (len(questions), 1) and torch.equal(got[:, 0].long(), right),
            "The answers are right, in a column. Wanted is the shape (Q,).",
        ),
        Mistake(
            "returns_scores",
            lambda got: got.shape == own.shape,
            "There is one number per word and question, so these are scores. Wanted is the word with the largest.",
        ),
        Mistake(
            "returns_cosine",
            lambda got: torch.allclose(got.float(), own.amax(1), 1e-3, 1e-3),
            "That is the largest score. Wanted is the number of the word that has it.",
        ),
        Mistake(
            "returns_vectors",
            lambda got: got.shape == target.shape,
            "These are vectors. Wanted is the number of the word that is nearest to each of them.",
        ),
    )


def _arithmetic(words: Tensor, questions: Tensor) -> tuple[Tensor, Tensor]:
    a, b, c = words[questions].unbind(1)
    return b - a + c, words


# ── 06.5 ──


@exercise("06.5", title="A table of clock hands", stars=2, minutes=15)
def clocks(trial: Trial) -> None:
    for n_positions, width, base in (
        (20, 12, 1000.0),
        (3, 4, 100.0),
        (8, 8, 50.0),
        (9, 6, 10_000.0),
        (7, 2, 1000.0),
        (1, 6, 10.0),
    ):
        _turns_hands(trial, n_positions, width, base)


def _turns_hands(trial: Trial, n_positions: int, width: int, base: float) -> None:
    places = torch.arange(n_positions).double()
    even = torch.arange(0, width, 2).double()

    def table(angles: Tensor) -> Tensor:
        return torch.stack([angles.sin(), angles.cos()], -1).flatten(1)

    def hands(exponent: Tensor, at: Tensor = places, base: float = base) -> Tensor:
        return torch.outer(at, base**exponent)

    angles = hands(-even / width)
    right = table(angles)
    column = hands(-torch.arange(width).double() / width)
    by_column = torch.where(torch.arange(width) % 2 == 0, column.sin(), column.cos())
    doubled = hands(-2 * torch.arange(width).double() / width)
    by_column_doubled = torch.where(torch.arange(width) % 2 == 0, doubled.sin(), doubled.cos())
    last = max(width - 2, 1)
    answer = trial(n_positions=n_positions, width=width, base=base)
    answer.equals(
        right.float(),
        "columns 2i and 2i + 1 hold sin(ωᵢ t) and cos(ωᵢ t), with ωᵢ = base^(−2i / D)",
        Mistake(
            "angles_only",
            lambda got: got.shape == angles.shape and torch.allclose(got.double(), angles, 1e-3, 1e-3),
            "These are the angles. Each of them gives two columns, its sine and its cosine.",
        ),
        Mistake(
            "angles_repeated",
            lambda got: torch.allclose(got.double(), angles.repeat_interleave(2, 1), 1e-3, 1e-3) and n_positions > 1,
            "These are the angles, each of them twice. Take the sine of one and the cosine of the other.",
        ),
        Mistake(
            "halves",
            torch.cat([angles.sin(), angles.cos()], 1),
            "All sines come first and all cosines after them. Here the two of one hand stand next to each other.",
        ),
        Mistake(
            "halves_cosine_first",
            torch.cat([angles.cos(), angles.sin()], 1),
            "All cosines come first and all sines after them. Wanted are sine and cosine of one hand next to each "
            "other, the sine before the cosine.",
        ),
        Mistake(
            "cosine_first",
            torch.stack([angles.cos(), angles.sin()], -1).flatten(1),
            "Sine and cosine have changed places: the sine belongs in the even column.",
        ),
        Mistake(
            "only_sines",
            lambda got: torch.allclose(got.double(), angles.sin().repeat_interleave(2, 1), 1e-3, 1e-3),
            "Both columns of a hand hold the sine. The odd one wants the cosine.",
        ),
        Mistake(
            "only_cosines",
            lambda got: torch.allclose(got.double(), angles.cos().repeat_interleave(2, 1), 1e-3, 1e-3),
            "Both columns of a hand hold the cosine. The even one wants the sine.",
        ),
        Mistake(
            "one_row_missing_at_the_start",
            table(hands(-even / width, places + 1)),
            "The first row belongs to place 1. It should be place 0, where every hand stands at twelve.",
        ),
        Mistake(
            "transposed",
            right.T.float(),
            "It is the right table on its side: places are rows.",
        ),
        Mistake(
            "exponent_halved",
            table(hands(-even / 2 / width)),
            "The hands slow down too little: the exponent is −i / D. It is −2i / D, with i the number of the *hand*.",
        ),
        Mistake(
            "exponent_doubled",
            table(hands(-2 * even / width)),
            "The hands slow down too much: the exponent is −4i / D. If you count i in steps of 2, it is 2i already.",
        ),
        Mistake(
            "column_in_exponent",
            by_column,
            "Sine and cosine of one hand have different speeds: the column's number stands in the exponent where 2i "
            "belongs. Both columns of a hand have the same i.",
        ),
        Mistake(
            "column_doubled_in_exponent",
            by_column_doubled,
            "Twice the column's number stands in the exponent. Columns 2i and 2i + 1 both have the exponent −2i / D.",
        ),
        Mistake(
            "exponent_sign",
            table(hands(even / width)),
            "The hands get *faster* from pair to pair: the minus in the exponent is missing.",
        ),
        Mistake(
            "hands_from_one",
            table(hands(-(even + 2) / width)),
            "The hands were counted from 1. The first is i = 0, and its speed is 1.",
        ),
        Mistake(
            "floor_division",
            table(hands(torch.floor(-even / width))),
            "The exponents are whole numbers. `//` rounds down; wanted is `/`.",
        ),
        Mistake(
            "slowest_first",
            table(angles.flip(1)),
            "The hands are in the wrong order: the fastest, with speed 1, comes first.",
        ),
        Mistake(
            "reaches_the_base",
            table(hands(-even / last)),
            "The last hand has exactly the speed 1 / base. It does not quite get there: the exponent is −2i / D, not "
            "−2i / (D − 2).",
        ),
        Mistake(
            "fixed_base",
            table(hands(-even / width, base=10_000.0)) if base != 10_000 else None,
            f"It is the table for the base 10,000, and {base:g} was asked for.",
        ),
        Mistake("one_speed", table(places[:, None].expand(-1, width // 2)), "All hands have the same speed."),
        Mistake(
            "degrees",
            table(torch.deg2rad(angles)),
            "The angles were taken for degrees. They are radians already.",
        ),
        Mistake(
            "whole_turns",
            table(2 * math.pi * angles),
            "The angle has a factor 2π too much: speeds are radians per place, not turns.",
        ),
        Mistake(
            "speeds_are_linear",
            table(torch.outer(places, 1 - even / width)),
            "The speeds fall in a straight line. They are powers of the base.",
        ),
        Mistake(
            "negated",
            table(-angles),
            "The sines have the wrong sign: the hands turn backwards.",
        ),
        tolerance=2e-3,
    )


# ── 06.6 ──


@exercise("06.6", title="Turn the words", stars=3, minutes=25)
def turn(trial: Trial) -> None:
    _turns(trial, trial.normal(6, 8), torch.arange(6), 50.0)
    _turns(trial, torch.tensor([[1.0, 0.0, 0.0, 1.0]]), torch.tensor([2]), 100.0)
    _turns(trial, trial.normal(2, 3, 5, 6), torch.tensor([3, 9, 0, 4, 4]), 1000.0)
    _turns(trial, trial.normal(4, 4, 4), torch.tensor([7, 2, 11, 30]), 20.0)
    _turns(trial, trial.normal(3, 1, 8), torch.tensor([40]), 10_000.0)
    _turns(trial, trial.normal(4, 2), torch.tensor([1, 2, 3, 5]), 10.0)


def _turns(trial: Trial, x: Tensor, positions: Tensor, base: float) -> None:
    width = x.shape[-1]
    double = x.double()
    even = torch.arange(0, width, 2).double()

    def angles_of(exponent: Tensor, at: Tensor = positions, base: float = base) -> Tensor:
        return torch.outer(at.double(), base**exponent)

    angles = angles_of(-even / width)
    left, right_half = double.chunk(2, -1)

    def halves(angles: Tensor, sign: int = 1, first: Tensor = left, second: Tensor = right_half) -> Tensor:
        cos, sin = angles.cos(), sign * angles.sin()
        return torch.cat([first * cos - second * sin, first * sin + second * cos], -1)

    def neighbours(angles: Tensor, sign: int = 1) -> Tensor:
        cos, sin = angles.cos(), sign * angles.sin()
        first, second = double[..., 0::2], double[..., 1::2]
        return torch.stack([first * cos - second * sin, first * sin + second * cos], -1).flatten(-2)

    right = halves(angles)
    cos, sin = angles.cos(), angles.sin()
    new_left = left * cos - right_half * sin
    new_right = left * sin + right_half * cos
    mixed = angles.repeat_interleave(2, -1)
    rolled = torch.cat([-right_half, left], -1)
    swapped_neighbours = torch.stack([-double[..., 1::2], double[..., 0::2]], -1).flatten(-2)
    pairs = neighbours(angles)
    counted = torch.arange(len(positions))
    all_numbers = torch.arange(width).double()
    along_first = (
        halves(angles.view(len(positions), *[1] * (x.ndim - 2), -1))
        if x.ndim > 2 and len(x) == len(positions)
        else None
    )
    answer = trial(x=x, positions=positions, base=base)
    answer.equals(
        right.float(),
        "pair (i, i + K/2) of a vector at place t turns by the angle t · base^(−2i / K), and nothing else changes",
        Mistake(
            "counts_from_zero",
            halves(angles_of(-even / width, counted)),
            "The vectors were turned as if their places were 0, 1, 2, … Here they are others: use `positions`.",
        ),
        Mistake(
            "unchanged",
            x if not torch.allclose(right, double, atol=1e-2) else None,
            "The vectors come back as they were. Nothing has turned.",
        ),
        Mistake(
            "neighbours_paired",
            pairs if width > 2 else None,
            "Neighbours were paired, 0 with 1, 2 with 3, as in the paper. Here number i belongs to number i + K/2.",
        ),
        Mistake(
            "turned_backwards",
            halves(angles, -1),
            "It turns the other way: the two sines have changed their signs.",
        ),
        Mistake(
            "neighbours_backwards",
            neighbours(angles, -1) if width > 2 else None,
            "Neighbours were paired, and turned the wrong way. Number i belongs to number i + K/2; see the signs.",
        ),
        Mistake(
            "both_plus",
            torch.cat([left * cos + right_half * sin, left * sin + right_half * cos], -1),
            "Both sines have a plus. The one in the first formula has a minus; without it, lengths change. "
            "(For `x * cos + partners * sin`, the first half's partners are negative.)",
        ),
        Mistake(
            "both_minus",
            torch.cat([left * cos - right_half * sin, right_half * cos - left * sin], -1),
            "Both sines have a minus. The one in the second formula has a plus.",
        ),
        Mistake(
            "overwritten",
            torch.cat([new_left, new_left * sin + right_half * cos], -1),
            "The second half was computed from the *new* first half. Both formulas use the old numbers.",
        ),
        Mistake(
            "overwritten_from_the_right",
            torch.cat([left * cos - new_right * sin, new_right], -1),
            "The first half was computed from the *new* second half. Both formulas use the old numbers.",
        ),
        Mistake(
            "sine_and_cosine_exchanged",
            torch.cat([left * sin - right_half * cos, left * cos + right_half * sin], -1),
            "Sine and cosine have changed places. At place 0, where the angle is 0, nothing may turn.",
        ),
        Mistake(
            "halves_interleaved",
            torch.stack([new_left, new_right], -1).flatten(-2) if width > 2 else None,
            "The numbers are right, and in the wrong order: the two of each pair were put next to each other. Join "
            "the halves one behind the other (`cat`).",
        ),
        Mistake(
            "halves_exchanged",
            torch.cat([new_right, new_left], -1),
            "The two halves have changed places in the result.",
        ),
        Mistake(
            "neighbours_in_halves",
            torch.cat([pairs[..., 0::2], pairs[..., 1::2]], -1) if width > 2 else None,
            "Neighbours were paired, and the result has them in halves. Cut `x` into halves as well: number i belongs "
            "to number i + K/2.",
        ),
        Mistake(
            "angles_interleaved",
            double * mixed.cos() + rolled * mixed.sin() if width > 2 else None,
            "The two numbers of a pair turn by different angles: yours are repeated as for pairs of neighbours "
            "(`repeat_interleave`). For halves it is `torch.cat([angles, angles], dim=-1)`.",
        ),
        Mistake(
            "angles_in_halves",
            double * torch.cat([cos, cos], -1) + swapped_neighbours * torch.cat([sin, sin], -1) if width > 2 else None,
            "The partners are neighbours, and the angles are laid out for halves. Number i belongs to number i + K/2.",
        ),
        Mistake(
            "angle_for_each_number",
            lambda got: any(
                torch.allclose(got.double(), double * each.cos() + rolled * each.sin(), 2e-3, 2e-3)
                for each in (angles_of(-all_numbers / width), angles_of(-2 * all_numbers / width))
            ),
            "Each of the K numbers has an angle of its own. There are K/2 angles, one for both numbers of a pair.",
        ),
        Mistake(
            "second_formula",
            torch.cat([new_left, left * cos + right_half * sin], -1),
            "The first half is right. In the second, sine and cosine have changed places.",
        ),
        Mistake(
            "counts_from_one",
            halves(angles_of(-even / width, positions + 1)),
            "Everything has turned one place too far.",
        ),
        Mistake(
            "along_the_first_axis",
            along_first,
            "The places were laid along the first axis. They belong to the last but one, T.",
        ),
        Mistake(
            "exponent_halved",
            halves(angles_of(-even / 2 / width)) if width > 2 else None,
            "The exponent is −i / K. It is −2i / K, with i the number of the pair.",
        ),
        Mistake(
            "exponent_doubled",
            halves(angles_of(-2 * even / width)) if width > 2 else None,
            "The exponent is −4i / K. If you count i in steps of 2, or divide by K/2, it is 2i already.",
        ),
        Mistake(
            "exponent_sign",
            halves(angles_of(even / width)) if width > 2 else None,
            "The pairs turn *faster* from one to the next: the minus in the exponent is missing.",
        ),
        Mistake(
            "slowest_first",
            halves(angles.flip(-1)) if width > 2 else None,
            "The speeds are in the wrong order: pair 0 turns fastest, by 1 radian per place.",
        ),
        Mistake(
            "one_speed",
            halves(positions.double()[:, None].expand(-1, width // 2)) if width > 2 else None,
            "All pairs turn with the same speed. Each has its own, base^(−2i / K).",
        ),
        Mistake(
            "fixed_base",
            halves(angles_of(-even / width, base=10_000.0)) if base != 10_000 and width > 2 else None,
            f"It has turned with the base 10,000, and {base:g} was asked for.",
        ),
        Mistake(
            "degrees",
            halves(torch.deg2rad(angles)),
            "The angles were taken for degrees. They are radians already.",
        ),
        Mistake(
            "whole_turns",
            halves(2 * math.pi * angles),
            "The angle has a factor 2π too much: speeds are radians per place, not turns.",
        ),
        Mistake(
            "added",
            double + torch.stack([sin, cos], -1).flatten(-2),
            "The clock was added to the vector. Here the vector itself is turned.",
        ),
        Mistake(
            "added_in_halves",
            double + torch.cat([sin, cos], -1),
            "The clock was added to the vector. Here the vector itself is turned.",
        ),
        Mistake(
            "multiplied_only",
            double * torch.cat([cos, sin], -1),
            "The first half was multiplied by cosines and the second by sines. In a turn each number of a pair also "
            "gets a part of the other.",
        ),
        Mistake(
            "cosines_only",
            double * torch.cat([cos, cos], -1),
            "Only the cosines are there. In a turn each number also gets a part of its partner, times the sine.",
        ),
        Mistake(
            "first_half_only",
            torch.cat([new_left, right_half], -1),
            "Only the first half has turned, and the second is as it was.",
        ),
        Mistake(
            "half_the_result",
            new_left.float(),
            "That is the first half of the result. Join it with the second: `torch.cat([...], dim=-1)`.",
        ),
        Mistake(
            "partners_reversed",
            _partners_reversed(double, angles) if width > 2 else None,
            "Number i was paired with number K − 1 − i. Its partner is number i + K/2.",
        ),
        tolerance=2e-3,
    )


def _partners_reversed(x: Tensor, angles: Tensor) -> Tensor:
    left, right = x.chunk(2, -1)
    right = right.flip(-1)
    return torch.cat(
        [left * angles.cos() - right * angles.sin(), (left * angles.sin() + right * angles.cos()).flip(-1)], -1
    )


# ── 06.7 ──


@exercise("06.7", title="Places and distances, by thinking", stars=2, minutes=20)
def predictions(trial: Trial) -> None:
    said = trial()

    def expect(key: str, right: float, law: str, *mistakes: Mistake, tolerance: float = 2e-3) -> None:
        said.entry(key).equals(right, law, *mistakes, tolerance=tolerance, reveal=False)

    expect(
        "gradient",
        0.075,
        "a row gets one gradient for each time that it is looked up, and a mean divides by all its numbers",
        Mistake("looked_up_once", 0.025, "That is the gradient of one lookup. How often is *cat* looked up?"),
        Mistake("sum_not_mean", 3, "That would be so for the sum of the numbers. The loss is their mean."),
        Mistake(
            "mean_over_words",
            0.75,
            "You divided by the four words. The mean runs over all numbers, ten for each word.",
        ),
        Mistake("mean_over_vector", 0.3, "You divided by the ten numbers of one vector. There are four of them."),
        Mistake(
            "divided_by_rows",
            lambda got: abs(got - 3 / 20) < 1e-3 or abs(got - 1 / 20) < 1e-3,
            "You divided by the numbers in the two rows. The mean runs over what was looked up, four vectors.",
        ),
        Mistake("no_slope", 0, "The loss grows if that number grows. So its gradient is not 0."),
        tolerance=1e-4,
    )
    expect(
        "pmi",
        math.log(4),
        "PMI is the logarithm of p(w, c) / (p(w) · p(c)), and each of these is a *share* of the total",
        Mistake("twice", math.log(8), "You doubled the count of the pair alone. What else has doubled?"),
        Mistake("halved", math.log(2), "The sums have doubled, and so has the total. Count again what cancels."),
        Mistake(
            "four_times", math.log(16), "The total has doubled, and so have the two sums. Count again what cancels."
        ),
        Mistake("ratio", 4, "That is the ratio. PMI is its logarithm."),
        Mistake("by_chance", 0, "Two words that met as often as by chance have a PMI of 0. These met more often."),
        Mistake("bits", 2, "These are bits. Take the natural logarithm."),
        Mistake("log10", math.log10(4), "That is the logarithm to base 10. Take the natural one."),
        Mistake("upside_down", -math.log(4), "The ratio is upside down: they met *more* often than by chance."),
    )
    expect(
        "hands",
        24,
        "two places have the same vector if every hand has made a whole number of turns between them",
        Mistake("product", 96, "That works, and something smaller does as well."),
        Mistake(
            "one_hand",
            lambda got: got in (8, 12),
            "One of the hands is back where it was. The other one is not.",
        ),
        Mistake("common_divisor", 4, "That divides both turns. Both hands must have made whole turns."),
        Mistake("sum", 20, "At that distance neither hand has made a whole number of turns."),
        Mistake("half_turn", 6, "At that distance one of the hands points the opposite way."),
        Mistake("multiple", 48, "That works, and something smaller does as well."),
        tolerance=1e-5,
    )
    right_score = 6 * math.cos(math.radians(30))
    expect(
        "score",
        right_score,
        "the dot product is the product of the lengths times the cosine of the angle between the turned arrows",
        Mistake(
            "distance_only",
            -3,
            "You took the cosine of 4 · 30°. That would be right if both arrows pointed the same way before.",
        ),
        Mistake(
            "not_turned", 0, "The two are at right angles *before* they are turned, and they turn by different angles."
        ),
        Mistake(
            "one_backwards",
            -right_score,
            "The size is right. Draw both arrows: the query starts at 0° and the key at 90°, and both turn towards "
            "larger angles.",
        ),
        Mistake(
            "unit_length",
            lambda got: abs(abs(got) - math.cos(math.radians(30))) < 2e-3,
            "That is the cosine of the angle. The arrows have lengths, too.",
        ),
        Mistake("sine", 3, "That is the sine in place of the cosine."),
        Mistake(
            "lengths_added",
            5 * math.cos(math.radians(30)),
            "The lengths were added. In a dot product they are multiplied.",
        ),
        Mistake("lengths_only", 6, "That is the product of the lengths, for arrows that point the same way."),
        Mistake(
            "radians",
            lambda got: abs(got - 6 * math.cos(30)) < 5e-3 or abs(got - 6 * math.cos(120)) < 5e-3,
            "Your calculator took degrees for radians.",
        ),
    )
    expect(
        "unmet",
        36,
        "in a window of 16 two words are at most 15 apart, and in one of 24 there are 24 − d pairs at distance d",
        Mistake(
            "sixteen_was_met",
            28,
            "You began at distance 17. Words 1 and 16 of a window are 15 apart, so distance 16 is new.",
        ),
        Mistake(
            "fifteen_was_not_met", 45, "You began at distance 15. The first and the last of 16 words are 15 apart."
        ),
        Mistake(
            "both_directions",
            72,
            "Each pair was counted twice. A word looks at those before it, and not at those behind it.",
        ),
        Mistake("distances", 8, "That is how many *distances* are new. Each occurs in several pairs."),
        Mistake(
            "new_places",
            lambda got: got in (156, 164),
            "These are pairs in which one word stands at a *place* that is new. Rotary scores know distances only.",
        ),
        Mistake("all_pairs", lambda got: got in (300, 276, 576), "These are all pairs. Most of them are near enough."),
        Mistake("known_pairs", 264, "These are the pairs whose distance *was* met."),
        Mistake(
            "pairs_of_the_new_words",
            64,
            "Not every one of the 8 new words is far from all of the first 8.",
        ),
        tolerance=1e-5,
    )
    _reads_the_table(said)


ROWS = {"none": "E", "learned": "D", "sinusoidal": "B", "rotary": "C", "clocks": "A"}
"""Which program of 06.7 is which."""


def _reads_the_table(said: Returned) -> None:
    program = {letter: name for name, letter in ROWS.items()}
    hints = {
        ("learned", "*"): (
            "answers_without_a_row",
            "A table of 16 rows has nothing for place 30. What happens to a program that asks for it?",
        ),
        ("none", "learned"): ("none_fails", "Without positions, there is no place at which it could fail."),
        ("none", "*"): (
            "none_sees_places",
            "Without positions, the two words give the same dot product wherever they stand.",
        ),
        ("sinusoidal", "learned"): ("clocks_fail", "Clocks can be computed for every place. They never fail."),
        ("sinusoidal", "none"): ("added_clocks_see_nothing", "Its numbers do not depend on the places at all."),
        ("sinusoidal", "*"): (
            "added_clocks_know_distance_only",
            "In that row the score depends on the distance alone. With clocks *added to words* four products are "
            "summed up. Do all four of them depend on the distance alone?",
        ),
        ("rotary", "learned"): ("turning_fails", "A vector can be turned to every place. Nothing fails."),
        ("rotary", "none"): ("turning_does_nothing", "In that row the distance makes no difference."),
        ("rotary", "clocks"): (
            "rotary_forgets_the_words",
            "At distance 0 both words turn by the same angle. So what must the dot product be there?",
        ),
        ("rotary", "*"): (
            "rotary_moves",
            "In that row the score changes if both words move on by the same number of places.",
        ),
        ("clocks", "learned"): ("clock_fails", "Clocks can be computed for every place. They never fail."),
        ("clocks", "none"): (
            "clock_stands_still",
            "In that row the distance makes no difference, and no clock stands.",
        ),
        ("clocks", "rotary"): (
            "clock_with_words",
            "Four hands of length 1, each compared with itself: what is the dot product at distance 0?",
        ),
        ("clocks", "*"): (
            "clock_moves",
            "The dot product of two clocks depends on their distance only. In that row it does not.",
        ),
    }
    for name in ("learned", "none", "sinusoidal", "rotary", "clocks"):
        entry = said.entry(name)
        letter = str(entry.value).strip().upper()
        law = f"the numbers of {name!r} are those of its program"
        entry.requires(
            isinstance(entry.value, str) and letter in program,
            law,
            "no_letter",
            f"Under {name!r} there should be one of the letters A to E, as text in quotation marks.",
        )
        if letter != ROWS[name]:
            mistake, says = hints.get((name, program[letter])) or hints[(name, "*")]
            entry.requires(False, law, mistake, says)
