"""What right answers of lesson 04 obey, and what wrong ones look like.

Shape letters: V vocabulary, T tokens in a row, N rows. Token 0 is the end mark, and stands before and behind every
document. Tables have the token before in their rows and the one that comes in their columns.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from course_lib.checks.describe import as_numbers, describe
from course_lib.checks.registry import exercise
from course_lib.checks.trial import Mistake, Returned, Trial, any_of, tensor_shows

LN2 = math.log(2)
Documents = list[list[int]]


def _close(got: object, wanted: object) -> bool:
    ours, theirs = as_numbers(got), as_numbers(wanted)
    return (
        ours is not None
        and theirs is not None
        and ours.shape == theirs.shape
        and torch.allclose(ours, theirs, rtol=1e-4, atol=1e-4, equal_nan=True)
    )


def _documents(trial: Trial, n: int, vocab_size: int, longest: int) -> Documents:
    """`n` documents of 1 to `longest` tokens, none of them the end mark; low tokens more often."""
    lengths = (1 + trial.integers(longest, n)).tolist()
    return [
        (
            1 + trial.integers(vocab_size - 1, length) * trial.integers(vocab_size - 1, length) // (vocab_size - 1)
        ).tolist()
        for length in lengths
    ]


def _pairs(document: Sequence[int]) -> list[tuple[int, int]]:
    return list(pairwise([0, *document, 0]))


def _all_pairs(documents: Documents) -> list[tuple[int, int]]:
    return [pair for document in documents for pair in _pairs(document)]


def _table(pairs: Iterable[tuple[int, ...]], vocab_size: int) -> Tensor:
    counts = torch.zeros(vocab_size, vocab_size, dtype=torch.int64)
    for a, b in pairs:
        counts[a, b] += 1
    return counts


# ── 04.1 ──


@exercise("04.1", title="Count what comes after what", stars=1, minutes=10)
def bigram_counts(trial: Trial) -> None:
    law = "at [a, b] stands how often b came after a, the end mark standing before and behind every document"
    # The likely mistakes all give something else on this.
    _agrees_on_counts(trial, [[1, 2, 2, 3, 2, 2], [3, 1, 1, 1], [3, 1, 1, 1], [4, 1, 2]], 5, law)
    _agrees_on_counts(trial, [[1, 2, 2], [1]], 3, law)
    _agrees_on_counts(trial, [[2, 1, 3]], 4, law)
    _agrees_on_counts(trial, _documents(trial, 12, 7, 9), 7, law)
    _agrees_on_counts(trial, [[2, 1]], 5, "the table has a row and a column for each token, also for those not seen")
    _agrees_on_counts(trial, [[1, 2], [], [2], []], 3, "an empty document is one pair: the end mark after the end mark")


def _agrees_on_counts(trial: Trial, documents: Documents, vocab_size: int, law: str) -> None:
    answer = trial(documents=documents, vocab_size=vocab_size)
    right = _table(_all_pairs(documents), vocab_size)
    answer.requires(
        not isinstance(answer.value, dict),
        "what comes back is a table of shape (V, V)",
        "dictionary",
        "Yours is a dictionary. Wanted is a tensor with a place for every pair, also for those that never came.",
    )
    expected = right.float() if isinstance(answer.value, Tensor) and answer.value.is_floating_point() else right

    def table(pairs: Iterable[tuple[int, ...]]) -> Tensor:
        return _table(pairs, vocab_size)

    inner = [pair for document in documents for pair in pairwise(document)]
    starts = [(0, document[0]) for document in documents if document]
    ends = [(document[-1], 0) for document in documents if document]
    joined = [token for document in documents for token in document]
    shares = right / right.sum(1, keepdim=True).clamp(min=1)
    end_twice = pairwise([token for document in documents for token in (0, *document, 0)])
    no_outer_marks = pairwise([token for document in documents for token in (0, *document)][1:])
    filled = [document for document in documents if document]
    befores = [0, *(document[-1] for document in documents if document)]
    not_reset = [
        pair for before, document in zip(befores, filled, strict=False) for pair in pairwise([before, *document, 0])
    ]
    empty = [(0, 0)] * sum(not document for document in documents)
    answer.equals(
        expected,
        law,
        Mistake("transposed", right.T, "Rows and columns are exchanged: the row is the token *before*."),
        *any_of(
            "no_end_marks",
            "Only the pairs inside the documents were counted. The first token comes after the end mark, and the end "
            "mark comes after the last.",
            table(inner),
            table(inner + empty),
        ),
        *any_of(
            "no_end",
            "How documents end was not counted: after its last token comes the end mark.",
            table(inner + starts),
            table(inner + starts + empty),
        ),
        *any_of(
            "no_start",
            "How documents begin was not counted: their first token comes after the end mark.",
            table(inner + ends),
            table(inner + ends + empty),
        ),
        *any_of(
            "across_documents",
            "The last token of a document is counted as coming before the first of the next one. Between them stands "
            "the end mark.",
            table(pairwise(joined)),
            table(pairwise([0, *joined, 0])),
            table(pairwise([0, *joined])),
            table(pairwise([*joined, 0])),
        ),
        *any_of(
            "not_reset",
            "Later documents do not begin after the end mark, but after whatever token came last before them. Is the "
            "token before put back to 0 at the start of each document?",
            *([table(not_reset)] if len(filled) > 1 else []),
        ),
        *any_of(
            "end_twice",
            "The end mark comes after the end mark too often. With the documents laid in a row, one end mark between "
            "two of them is enough: it is the end of one and what the next one's first token follows.",
            table(end_twice),
            table([*pairwise([0, *(token for document in documents for token in (0, *document, 0)), 0])]),
        ),
        *any_of(
            "outer_marks_missing",
            "With the documents laid in a row, there must also be an end mark in front of the first one and behind the "
            "last one.",
            table(no_outer_marks),
            table(pairwise([token for document in documents for token in (0, *document)])),
            table(pairwise([token for document in documents for token in (*document, 0)])),
        ),
        Mistake(
            "counted_once",
            (right > 0).double(),
            "Every pair that occurs has a 1. An assignment, or `counts[a, b] += 1` with lists of indices, counts a "
            "pair that comes twice only once.",
        ),
        *any_of(
            "once_a_document",
            "A pair that comes twice in a document was counted once, or a document that comes twice was.",
            table(pair for document in documents for pair in set(_pairs(document))),
            table(pair for document in set(map(tuple, documents)) for pair in _pairs(document)),
            sum(
                ((table(_pairs(document)) > 0).long() for document in documents),
                start=torch.zeros(vocab_size, vocab_size, dtype=torch.int64),
            ),
        ),
        Mistake("shares", shares, "Every row adds up to 1. Wanted are the counts themselves."),
        Mistake("shares", right / right.sum(), "The table adds up to 1. Wanted are the counts themselves."),
        *any_of(
            "one_document",
            "Only one of the documents was counted. Is there a `return` inside the loop, or a new table in each round?",
            *(table(_pairs(document)) for document in (documents[:1] + documents[-1:] if len(documents) > 1 else [])),
        ),
        *any_of(
            "one_document_left_out",
            "One of the documents was not counted.",
            *(right - table(_pairs(document)) for document in (documents if len(documents) > 1 else [])),
        ),
        Mistake("starts_from_ones", right + 1, "Every count is one too high: the table does not start from 0."),
        *any_of(
            "other_end_mark",
            "Another token stands for the end. The end mark is token 0.",
            table(
                (a or vocab_size - 1, b or vocab_size - 1)
                for document in documents
                for a, b in (_pairs(document) if document else [])
            ),
        ),
        *any_of(
            "two_apart",
            "These are tokens that stand two places apart. Count neighbours.",
            table(
                pair for document in documents for pair in zip([0, *document, 0], [0, *document, 0][2:], strict=False)
            ),
        ),
        Mistake(
            "both_ways", right + right.T, "Every pair was counted in both directions. Only what comes *after* counts."
        ),
        *any_of(
            "skips_the_empty",
            "An empty document is left out. It is a document too: what comes first in it is its end.",
            *([table(_all_pairs(filled))] if empty else []),
        ),
        Mistake(
            "every_second_pair",
            table(pair for document in documents for pair in _pairs(document)[::2]),
            "Only every second pair was counted. Two pairs in a row share a token: `zip(padded, padded[1:])`.",
        ),
        tensor_shows(
            "wrong_size",
            lambda got: got.ndim == 2 and got.shape != right.shape,
            f"Yours has shape {_shape_of(answer.value)}. The table is V by V, whatever tokens occur.",
        ),
        tensor_shows(
            "column_of_totals",
            lambda got: got.ndim == 1 and len(got) == vocab_size,
            "That is one number a token. Wanted is one for every *pair* of tokens.",
        ),
    )


def _shape_of(value: object) -> str:
    """The shape of a tensor, as a tuple."""
    return str(tuple(value.shape)) if isinstance(value, Tensor) else "none"


# ── 04.2 ──


@exercise("04.2", title="A little for everybody", stars=1, minutes=10)
def add_k(trial: Trial) -> None:
    law = "a probability is (count + k) / (count of the context + k V)"
    square = torch.tensor([[3, 1, 0, 0], [0, 6, 2, 5], [1, 0, 0, 9], [0, 2, 0, 1]])
    for counts, k in (
        (square, 0.3),
        (square, 0.01),
        (trial.integers(9, 5, 5), 2.0),
        (trial.integers(4, 3, 7), 0.3),
        (trial.integers(4, 2, 3, 6), 0.7),
        (trial.integers(30, 6), 0.2),
    ):
        _agrees_with_add_k(trial, counts, k, law)
    _agrees_with_add_k(
        trial, torch.tensor([[3, 1, 0, 0], [0, 0, 0, 0]]), 1.0, "a context that was never seen forecasts evenly"
    )
    _agrees_with_add_k(trial, torch.tensor([[7, 0, 1], [0, 0, 0]]), 0.001, "a context that was never seen is even")
    _agrees_with_add_k(trial, torch.tensor([[2, 0, 5], [1, 1, 0]]), 1, "k may be a whole number, too")


def _agrees_with_add_k(trial: Trial, counts: Tensor, k: float, law: str) -> None:
    vocab_size = counts.shape[-1]
    total = counts.sum(-1, keepdim=True)
    raised = counts.float() + k
    right = raised / raised.sum(-1, keepdim=True)
    share = counts / total
    eased = counts / total.clamp(min=1)
    answer = trial(counts=counts, k=k)
    sums = raised.sum(-1)
    answer.equals(
        right,
        law,
        Mistake(
            "k_once_below",
            raised / (total + k),
            "Below the line there is one k too few for V tokens: a row's sum grows by k for *each* of them.",
        ),
        Mistake(
            "k_twice_below",
            raised / (raised.sum(-1, keepdim=True) + k * vocab_size),
            "Below the line, k V was added twice: the sum of the raised counts holds it already.",
        ),
        Mistake(
            "brackets",
            counts + k / (total + k * vocab_size),
            "Brackets are missing: `counts + k / ...` divides k alone.",
        ),
        *any_of(
            "unseen_gets_nothing",
            "All is right but the contexts that were never seen. With k above 0 the formula holds for them too.",
            *([torch.where(total > 0, right, 0.0)] if (total == 0).any() and (total > 0).any() else []),
        ),
        *any_of(
            "k_only_above",
            "The counts grew, and their total below the line did not. So a row adds up to more than 1.",
            raised / total,
            raised / total.clamp(min=1),
        ),
        Mistake(
            "k_only_below",
            counts / (total + k * vocab_size),
            "The total grew, and the counts above the line did not: what was never seen still has probability 0.",
        ),
        Mistake(
            "one_for_the_total",
            raised / (total + vocab_size),
            "Below the line you add V, which is right for k = 1 only. It is k times V.",
        ),
        Mistake(
            "always_one",
            (counts + 1) / (total + vocab_size),
            "That is the answer for k = 1, whatever k is.",
        ),
        *any_of(
            "no_smoothing",
            "These are the bare shares: nothing was added. (A *factor* k cancels.)",
            *([] if k == 0 else [share, eased]),
        ),
        *any_of(
            "added_to_shares",
            "k was added to the *shares*. It is added to the counts, before anything is divided.",
            eased + k,
            share + k,
            (eased + k) / (eased + k).sum(-1, keepdim=True),
            (share + k) / (share + k).sum(-1, keepdim=True),
        ),
        *any_of(
            "only_the_unseen",
            "Only the zeros got their k. Add it to every count, or what was seen once loses against what was not.",
            _normalised(torch.where(counts == 0, k, counts.float())),
            torch.where(counts == 0, k, counts.float()) / (total + k * vocab_size),
        ),
        *any_of(
            "only_the_seen",
            "Zeros stayed zeros: what was never counted gets its k as well. That is what the k is for.",
            _normalised(torch.where(counts > 0, raised, 0.0)),
            torch.where(counts > 0, right, 0.0),
        ),
        *any_of(
            "no_keepdim",
            "The sums of the rows were laid on the *columns*: without `keepdim=True` the axis is gone, and what is "
            "left lines up with the wrong one.",
            *(
                [raised / sums, raised / (counts.sum(-1) + k * vocab_size)]
                if counts.ndim > 1 and counts.shape[-2] == vocab_size
                else []
            ),
        ),
        *any_of(
            "wrong_axis",
            "The probabilities add up to 1 along another axis. What comes is the last one.",
            *(raised / raised.sum(axis, keepdim=True) for axis in range(counts.ndim - 1)),
            *(raised / (counts.sum(axis, keepdim=True) + k * vocab_size) for axis in range(counts.ndim - 1)),
        ),
        Mistake(
            "sums_over_everything",
            raised / raised.sum(),
            "One sum over the whole table normalises all rows together. Each context has a sum of its own.",
        ),
        Mistake(
            "counts_contexts",
            raised / (total + k * len(counts)),
            "Below the line, k is multiplied by the number of rows. What adds up is a row, so V is how many columns "
            "there are: `counts.shape[-1]`.",
        ),
        Mistake(
            "counts_contexts",
            raised / (total + k * counts.numel()),
            "Below the line, k is multiplied by the number of entries of the whole table. What adds up is a row.",
        ),
        *any_of(
            "kinds_for_v",
            "Below the line, k is multiplied by the number of tokens that were *seen*. All V of them got a k.",
            *([raised / (total + k * (counts > 0).sum(-1, keepdim=True))] if (counts == 0).any() else []),
        ),
        *any_of(
            "softmax",
            "That is a softmax. Counts are proportions already: divide.",
            raised.softmax(-1),
            counts.float().softmax(-1),
            right.softmax(-1),
        ),
        Mistake("counts_only", raised, "These are the raised counts. Divide each by the sum of its row."),
        Mistake("log_probabilities", right.log(), "These are logarithms. Wanted are the probabilities."),
        tensor_shows(
            "rounded",
            lambda got: (got == got.round()).all() and not (right == right.round()).all(),
            "There are whole numbers only. Was a float written into a tensor of whole numbers, or `//` used?",
        ),
        tensor_shows(
            "nan_for_the_unseen",
            lambda got: got.isnan().any(),
            "There is nan in it: 0 / 0, from a context that was never seen. Add k before you divide.",
        ),
        tensor_shows(
            "not_normalised",
            lambda got: (got.sum(-1) - 1).abs().max() > 1e-3,
            "There is a row that does not add up to 1.",
        ),
    )


def _normalised(rows: Tensor) -> Tensor:
    return rows / rows.sum(-1, keepdim=True)


# ── 04.3 ──


@exercise("04.3", title="Judge a table", stars=2, minutes=15)
def nats_per_guess(trial: Trial) -> None:
    law = "the loss is the sum of -ln p over all guesses, divided by their number, ends included"
    for documents in (
        [[1, 3, 2, 3, 1, 1, 2], [2], [3, 3, 1]],
        _documents(trial, 6, 4, 8),
        [[2, 1, 1]],
        _documents(trial, 4, 4, 5),
    ):
        _agrees_on_nats(trial, trial.normal(4, 4).softmax(-1), documents, law)
    _agrees_on_nats(
        trial, torch.tensor([[0.5, 0.5], [0.25, 0.75]]), [[1, 1], []], "an empty document is one guess: its end"
    )
    _agrees_on_nats(trial, trial.normal(4, 4).softmax(-1), [[]], "an empty document is one guess: its end")

    # Forbidden, and never asked for: after 1 comes no end, after 2 no 2.
    cut = torch.tensor([[0.1, 0.6, 0.3], [0.0, 0.5, 0.5], [0.3, 0.7, 0.0]])
    documents = [[1, 2], [2, 1, 1, 2]]
    pairs = _all_pairs(documents)
    trial(p=cut, documents=documents).equals(
        _mean_cost(cut, pairs),
        "a zero in the table does no harm where it is not asked for",
        Mistake(
            "unused_zero",
            lambda got: not math.isfinite(float(got)),
            "The table has zeros at pairs that none of these documents contains. Is there a 0 times infinity? Take "
            "only the entries that are needed.",
        ),
        Mistake(
            "zeros_made_small",
            lambda got: abs(float(got) - _mean_cost(cut, pairs)) < 0.1,
            "Close, but not equal. Is something small added to every probability?",
        ),
    )
    documents = [[1, 2], [1], [2, 1, 2]]
    pairs = _all_pairs(documents)
    possible = [pair for pair in pairs if cut[pair] > 0]
    trial(p=cut, documents=documents).equals(
        math.inf,
        "if something comes that the table thinks impossible, the loss is infinite",
        *any_of(
            "zero_left_out",
            "The guess with probability 0 was left out. That hides the one mistake for which there is no excuse.",
            _mean_cost(cut, possible),
            _mean_cost(cut, possible) * len(possible) / len(pairs),
        ),
        Mistake(
            "zeros_made_small",
            lambda got: math.isfinite(float(got)) and float(got) > 0,
            "Something keeps the probability above 0: a minimum, or a small number that is added. Then the table's "
            "probabilities are not its own any more.",
        ),
        Mistake("sign", -math.inf, "The sign is turned round: a cost is never below 0."),
    )


def _mean_cost(p: Tensor, pairs: Sequence[tuple[int, int]]) -> float:
    return -sum(math.log(p[pair]) for pair in pairs) / len(pairs)


def _agrees_on_nats(trial: Trial, p: Tensor, documents: Documents, law: str) -> None:
    pairs = _all_pairs(documents)
    right = _mean_cost(p, pairs)
    total = right * len(pairs)
    n_tokens = sum(map(len, documents))
    joined = [token for document in documents for token in document]

    def mean(which: list[tuple[int, int]]) -> float | None:
        return _mean_cost(p, which) if which else None

    def mean_of_means(parts: list[list[tuple[int, int]]]) -> float | None:
        return sum(_mean_cost(p, part) for part in parts) / len(parts) if all(parts) else None

    by_document = [_pairs(document) for document in documents]
    answer = trial(p=p, documents=documents)
    number = as_numbers(answer.value)
    answer.requires(
        number is None or number.numel() == 1 or number.numel() not in (len(pairs), len(documents)),
        "what comes back is one number",
        "no_mean",
        "Yours are several. Wanted is one average over all guesses of all documents.",
    )
    answer.equals(
        right,
        law,
        *any_of(
            "mean_of_means",
            "That is the mean of the documents' means, in which a guess in a short document weighs more. Add up "
            "everything and divide once.",
            mean_of_means(by_document) if len(documents) > 1 else None,
            mean_of_means([part[:-1] for part in by_document]) if len(documents) > 1 else None,
        ),
        *any_of(
            "end_not_guessed",
            "The ends were not guessed. After its last token comes the end mark.",
            mean([pair for part in by_document for pair in part[:-1]]),
        ),
        *any_of(
            "start_not_guessed",
            "The first tokens were not guessed. They come after the end mark.",
            mean([pair for part in by_document for pair in part[1:]]),
        ),
        *any_of(
            "no_end_marks",
            "Only pairs inside the documents were taken. The first token is guessed from the end "
            "mark, and the end is guessed too.",
            mean([pair for part in by_document for pair in part[1:-1]]),
        ),
        *any_of(
            "divides_by_tokens",
            "The sum is right. It is divided by the number of tokens, and there is one guess more in each document.",
            total / n_tokens if n_tokens else None,
        ),
        *any_of(
            "wrong_divisor",
            "The sum is right. What it is divided by is not the number of guesses.",
            *(total / (n_tokens + extra) for extra in (1, -1, 2 * len(documents)) if n_tokens + extra > 0),
        ),
        Mistake("sum", total, "That is the sum of all costs. Divide it by the number of guesses."),
        Mistake("per_document", total / len(documents), "That is the cost of a *document*, on average."),
        Mistake("sign", -right, "The sign is turned round: a cost is never below 0."),
        Mistake("bits", right / LN2, "These are bits. Nats want the natural logarithm."),
        Mistake("perplexity", math.exp(right), "That is the perplexity: e to the power of the answer."),
        Mistake("decimal_logarithm", right / math.log(10), "That is the logarithm to base 10. Take the natural one."),
        *any_of(
            "no_logarithm",
            "That is the average probability. A cost is minus the logarithm of a probability.",
            sum(float(p[pair]) for pair in pairs) / len(pairs),
        ),
        *any_of(
            "logarithm_of_the_mean",
            "You averaged the probabilities first and took the logarithm then. Each guess has a cost of its own.",
            -math.log(sum(float(p[pair]) for pair in pairs) / len(pairs)),
        ),
        *any_of(
            "transposed",
            "Rows and columns are exchanged: the row is the token *before*.",
            _mean_cost(p.T, pairs),
        ),
        *any_of(
            "across_documents",
            "The documents were laid in a row without an end mark between them: the first token of one is guessed from "
            "the last of another.",
            mean([*pairwise(joined)]),
            mean([*pairwise([0, *joined, 0])]),
            mean([*pairwise([0, *joined])]),
            mean([*pairwise([*joined, 0])]),
            mean(
                [
                    pair
                    for before, document in zip([[0], *documents], documents, strict=False)
                    for pair in pairwise([*before[-1:], *document, 0])
                ]
            )
            if all(documents)
            else None,
        ),
        *any_of(
            "softmaxed",
            "The table holds probabilities already. Yours takes a softmax of them (as torch's `cross_entropy` does).",
            _mean_cost(p.softmax(-1), pairs),
        ),
        *any_of(
            "product",
            "That is the probability of everything together. Wanted is what a guess costs on average.",
            math.exp(-total) if total < 6 else None,
        ),
        *any_of(
            "end_twice",
            "Between two documents the end mark is guessed from the end mark. With the documents laid in a row, one "
            "end mark between two of them is enough.",
            *(
                [mean([*pairwise([token for document in documents for token in (0, *document, 0)])])]
                if len(documents) > 1
                else []
            ),
        ),
        *any_of(
            "outer_marks_missing",
            "With the documents laid in a row, there must also be an end mark in front of the first one and behind the "
            "last one.",
            mean([*pairwise([token for document in documents for token in (0, *document)])]),
            mean([*pairwise([token for document in documents for token in (*document, 0)])]),
            mean([*pairwise([token for document in documents for token in (0, *document)][1:])]),
        ),
        *any_of(
            "always_from_the_start",
            "Every token is guessed from the end mark. The row is that of the token just before.",
            _mean_cost(p, [(0, b) for _, b in pairs]),
        ),
        *any_of(
            "guesses_the_token_before",
            "What is looked up is not the probability of what comes.",
            _mean_cost(p, [(a, a) for a, _ in pairs]),
            _mean_cost(p, [(b, b) for _, b in pairs]),
        ),
        *any_of(
            "one_document",
            "Only one of the documents counts in yours. Is there a `return` inside the loop, or a sum that is reset?",
            *(_mean_cost(p, part) for part in (by_document if len(documents) > 1 else [])),
            *(_mean_cost(p, part) * len(part) / len(pairs) for part in (by_document if len(documents) > 1 else [])),
        ),
        *any_of(
            "distinct_pairs",
            "A pair that comes twice costs twice. Was a set taken, or a table of 0 and 1?",
            *([_mean_cost(p, sorted(set(pairs)))] if len(set(pairs)) < len(pairs) else []),
        ),
        Mistake(
            "not_a_cost_at_all",
            lambda got: math.isnan(float(got)),
            "It is not a number (nan). What was divided by 0, or what was infinite twice?",
        ),
    )


# ── 04.4 ──


@exercise("04.4", title="Let it write", stars=2, minutes=20)
def write(trial: Trial) -> None:
    example = torch.tensor([[0.0, 0.5, 0.5], [0.25, 0.0, 0.75], [0.5, 0.5, 0.0]])
    law = "each token is the first in its row whose running total is above the random number"
    p = torch.tensor([[0.1, 0.2, 0.1, 0.6], [0.1, 0.3, 0.4, 0.2], [0.1, 0.5, 0.15, 0.25], [0.1, 0.45, 0.2, 0.25]])
    # The likely mistakes all give something else on the first of these.
    for u in ([0.34, 0.57, 0.5, 0.35, 0.13, 0.25], [0.34, 0.85, 0.71, 0.19, 0.13, 0.13]):
        _agrees_on_text(trial, p, u, law)
    _agrees_on_text(trial, p, [0.6, 0.9, 0.05, 0.7, 0.3], "the text stops when the end mark is drawn, without it")
    _agrees_on_text(trial, example, [0.7, 0.1, 0.4, 0.9], "the text stops when the end mark is drawn, without it")
    _agrees_on_text(trial, p, [0.05, 0.7, 0.6], "if the end mark is drawn first, the text is empty")
    _agrees_on_text(trial, p, [], "without random numbers nothing is drawn")
    for n in (5, 7):
        drawn = (0.05 + trial.normal(n, n).abs()).softmax(-1)
        drawn[:, 0] = 0.02
        _agrees_on_text(trial, _normalised(drawn), _away_from_edges(trial, _normalised(drawn), 8), law)

    exact = "a random number that equals a running total is not below it, so the next token is drawn"
    for u in ([0.5, 0.5, 0.2], [0.5, 0.0], [0.0, 0.25, 0.0]):
        _agrees_on_text(trial, example, u, exact)
    zeros = torch.tensor([[0.0, 0.0, 0.0, 1.0], [0.0, 0.0, 1.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.5, 0.5, 0.0]])
    _agrees_on_text(
        trial, zeros, [0.0, 0.0, 0.0, 0.0], "a token with probability 0 is never drawn, also if the random number is 0"
    )
    short = torch.tensor([[0.0, 0.3, 0.3998, 0.3], [0.3, 0.3, 0.3998, 0.0], [0.0, 0.4, 0.5998, 0.0]])
    short = torch.cat([short, torch.tensor([[0.5, 0.4998, 0.0, 0.0]])])
    _agrees_on_text(
        trial,
        short,
        [0.9999, 0.9999, 0.9999, 0.9999],
        "where rounding leaves the total below the random number, the last token that has any probability is drawn",
    )


def _away_from_edges(trial: Trial, p: Tensor, n: int) -> list[float]:
    """Random numbers that lie clearly inside the stretch of a token, in whatever row they are used."""
    edges = p.double().cumsum(-1).flatten()
    found: list[float] = []
    while len(found) < n:
        number = round(float(trial.integers(9800, 1)) / 10000 + 0.01005, 5)
        if (edges - number).abs().min() > 1e-4:
            found.append(number)
    return found


def _first_above(row: Tensor, number: float) -> int:
    above = [i for i, total in enumerate(row.double().cumsum(0).tolist()) if total > number + 1e-9]
    return above[0] if above else int(row.nonzero()[-1])


def _first_not_below(row: Tensor, number: float) -> int:
    above = [i for i, total in enumerate(row.double().cumsum(0).tolist()) if total >= number - 1e-9]
    return above[0]


def _written(
    p: Tensor,
    u: Sequence[float],
    draw: Callable[[Tensor, float], int] = _first_above,
    follow: bool = True,
    stop: bool = True,
    keep_end: bool = False,
    start: int = 0,
) -> list[int]:
    text: list[int] = []
    before = start
    for number in u:
        token = draw(p[before], number)
        if token == 0 and stop:
            return [*text, 0] if keep_end else text
        text.append(token)
        before = token if follow else 0
    return text


def _agrees_on_text(trial: Trial, p: Tensor, u: list[float], law: str) -> None:
    right = _written(p, u)
    answer = trial(p=p, u=u)
    last_token = p.shape[-1] - 1

    def first_above_or(missing: int) -> Callable[[Tensor, float], int]:
        return lambda row, number: next((i for i, t in enumerate(row.cumsum(0).tolist()) if t > number), missing)

    def likeliest(row: Tensor, _: float) -> int:
        return int(row.argmax())

    def backwards(row: Tensor, number: float) -> int:
        return last_token - _first_above(row.flip(0), number)

    def own_probability(row: Tensor, number: float) -> int:
        return next((i for i, share in enumerate(row.tolist()) if share > number), last_token)

    def even(row: Tensor, number: float) -> int:
        return int(number * len(row))

    def first_value_above(row: Tensor, number: float) -> int:
        return next((i for i, value in enumerate(row.tolist()) if value > number), last_token)

    def how_many_not_above(row: Tensor, number: float) -> int:
        return min(int((row <= number).sum()), last_token)

    def sorted_row(row: Tensor, number: float) -> int:
        return int(row.argsort(descending=True)[_first_above(row.sort(descending=True).values, number)])

    def sorted_row_place(row: Tensor, number: float) -> int:
        return _first_above(row.sort(descending=True).values, number)

    def one_further(row: Tensor, number: float) -> int:
        return min(_first_above(row, number) + 1, last_token)

    def one_before(row: Tensor, number: float) -> int:
        return _first_above(row, number) - 1

    def nearest(row: Tensor, number: float) -> int:
        return int((row - number).abs().argmin())

    def renewed(row: Tensor, _: float) -> int:
        return _first_above(row, u[0])

    numbers = as_numbers(answer.value)
    answer.requires(
        not isinstance(answer.value, str) and numbers is not None,
        "what comes back is a list of tokens, whole numbers",
        "no_tokens",
        f"Yours is {describe(answer.value)}.",
    )
    own_luck = not _close(numbers, right) and not _close(numbers, trial(p=p, u=u).value)
    answer.requires(
        not own_luck,
        "the same random numbers give the same text",
        "own_luck",
        "Called twice with the same inputs, yours gave different texts. All the luck there is comes in `u`: do not "
        "draw numbers of your own.",
    )
    text = answer.value
    if isinstance(text, int):
        text = [text]
        answer.requires(False, law, "one_token", "That is a single token. Wanted is a list of all, in their order.")
    table = p.T
    answer.equals(
        right,
        law,
        *any_of(
            "keeps_the_end",
            "The end mark is part of the text. It only says that the text is over: leave it out.",
            *([_attempt(p, u, keep_end=True)] if _attempt(p, u, keep_end=True) != right else []),
            [*right, 0],
        ),
        Mistake(
            "starts_with_the_end_mark",
            [0, *right],
            "The text begins with the end mark. That is only the row to begin with.",
        ),
        Mistake(
            "starts_with_the_end_mark",
            [0, *_attempt(p, u, keep_end=True)],
            "The text stands between end marks. They are not part of it.",
        ),
        *any_of(
            "first_token_only",
            "The first token is right, and then the text ends. Is there a `return` or a `break` that should not be "
            "there, or does the second token come from the wrong row?",
            *([right[:1]] if len(right) > 1 else []),
        ),
        *any_of(
            "does_not_stop",
            "It goes on after the end mark. When token 0 is drawn, the text is over, whatever is left in `u`.",
            _attempt(p, u, stop=False),
            [token for token in _attempt(p, u, stop=False) if token],
        ),
        Mistake(
            "equal_counts_as_above",
            _attempt(p, u, _first_not_below),
            "A random number that is *equal* to a running total is not below it: go on to the next token. (With "
            "`torch.searchsorted`, say `right=True`.) Or else a token with probability 0 can be drawn.",
        ),
        *any_of(
            "no_probability_left",
            "Rounding left the total a hair below the random number, and the token that yours takes then has "
            "probability 0, or is none at all. Take the last one whose probability is not 0.",
            *(_attempt(p, u, first_above_or(missing)) for missing in (last_token, 0)),
            *(_attempt(p, u, first_above_or(missing)) for missing in (last_token + 1, -1)),
        ),
        *any_of(
            "no_context",
            "Every token is drawn from the row of the end mark. The row is that of the token drawn last.",
            _attempt(p, u, follow=False),
            _attempt(p, u, follow=False, stop=False),
        ),
        *any_of(
            "likeliest",
            "That is the likeliest token, each time. The random number should decide.",
            _attempt(p, u, likeliest),
        ),
        *any_of(
            "one_number_for_all",
            "The same random number is used again and again. Each token takes the next one.",
            _attempt(p, u, renewed),
        ),
        *any_of(
            "transposed",
            "Rows and columns are exchanged: the row is the token *before*, and adds up to 1.",
            _attempt(table, u),
        ),
        *any_of(
            "no_running_total",
            "The random number is compared with the probabilities themselves. Compare it with their running total: "
            "`cumsum`.",
            _attempt(p, u, own_probability),
            _attempt(p, u, nearest),
        ),
        *any_of(
            "even",
            "Tokens are drawn evenly, as if all were equally likely. A likely one has a longer stretch.",
            _attempt(p, u, even),
        ),
        *any_of(
            "backwards",
            "The running total is taken from the other end of the row.",
            _attempt(p, u, backwards),
            _attempt(p, [1 - number for number in u]),
        ),
        *any_of(
            "one_further",
            "It draws the token *behind* the one wanted. The first whose running total is above is the one.",
            _attempt(p, u, one_further),
        ),
        *any_of(
            "one_before",
            "It draws the token *in front of* the one wanted: the last whose running total is not above.",
            _attempt(p, u, one_before),
        ),
        *any_of(
            "skips_a_number",
            "One of the random numbers is passed over. The first one draws the first token, the next the second.",
            _attempt(p, u[1:]),
            _attempt(p, u[::2]),
            *([_attempt(p, u[:-1])] if len(right) == len(u) else []),
        ),
        *any_of(
            "wrong_axis",
            "The running total goes down the columns. It goes along a row, the one of the token before.",
            _attempt(p.cumsum(0), u, first_value_above),
            _attempt(p.cumsum(0), u, how_many_not_above),
            _attempt(p.flatten().cumsum(0).view_as(p), u, first_value_above),
        ),
        *any_of(
            "wrong_first_row",
            "The first token is not drawn from the row of the end mark, `p[0]`.",
            *(_attempt(p, u, start=start) for start in range(1, len(p))),
        ),
        *any_of(
            "sorted",
            "The running total is taken in sorted order. Walk along the row as it is.",
            _attempt(p, u, sorted_row),
            _attempt(p, u, sorted_row_place),
        ),
        *any_of(
            "last_above",
            "That is the *last* token whose running total is above the random number. The first one is wanted.",
            *([[last_token] * len(u)] if len(u) > 1 else []),
        ),
        *any_of(
            "reversed",
            "The text is written from its end. The token drawn first stands first.",
            *([right[::-1]] if len(right) > 1 else []),
        ),
        Mistake(
            "does_not_stop",
            lambda got: bool(right) and len(got) > len(right) and [int(token) for token in got[: len(right)]] == right,
            "It goes on where the text should be over. When token 0 is drawn, the loop ends (`break`), whatever is "
            "left in `u`.",
        ),
    )


def _attempt(p: Tensor, u: Sequence[float], draw: Callable[[Tensor, float], int] = _first_above, **how: Any) -> Any:
    """What is written, or None where something that is no token is drawn on the way."""
    try:
        return _written(p, u, draw, **how)
    except IndexError:
        return None


# ── 04.5 ──


@exercise("04.5", title="Windows, and the same text shifted by one", stars=2, minutes=15)
def windows(trial: Trial) -> None:
    law = "row i begins at token i · step, and under each token stands the one that comes next"
    for n, length, step in (
        (13, 4, 3),
        (12, 4, 3),
        (14, 4, 4),
        (9, 4, 4),
        (8, 4, 4),
        (10, 3, 1),
        (11, 2, 5),
        (7, 1, 1),
    ):
        _agrees_on_windows(trial, 50 + trial.integers(900, n), length, step, law)
    _agrees_on_windows(trial, torch.tensor([5, 6, 7, 8, 9, 4, 3]), 3, 2, law)
    _agrees_on_windows(trial, 50 + trial.integers(900, 5), 4, 4, "a text one token longer than a row gives one row")
    for n in (4, 3):
        _agrees_on_windows(
            trial, 50 + trial.integers(900, n), 4, 2, "a text in which no row fits gives none, of shape (0, length)"
        )


def _cut(ids: Tensor, length: int, starts: Iterable[int], shift: int = 0) -> Tensor:
    rows = [ids[start + shift : start + shift + length] for start in starts]
    return torch.stack(rows) if rows else ids.new_zeros(0, length)


def _agrees_on_windows(trial: Trial, ids: Tensor, length: int, step: int, law: str) -> None:
    n = len(ids)
    starts = range(0, max(0, n - length), step)
    answer = trial(ids=ids, length=length, step=step)
    answer.requires(
        isinstance(answer.value, tuple | list | Tensor) and len(answer.value) == 2,
        "what comes back is a pair: the inputs and the targets",
        "no_pair",
        "Yours is not a pair.",
    )
    inputs, targets = answer.entry(0), answer.entry(1)
    right, shifted = _cut(ids, length, starts), _cut(ids, length, starts, 1)
    for part in (inputs, targets):
        _is_table_of_tokens(part, length, len(starts))

    rolled = ids.roll(-1)
    too_many = range(0, max(0, n - length + 1), step)

    def both(first: Tensor, second: Tensor) -> bool:
        return _close(inputs.value, first) and _close(targets.value, second)

    is_right = both(right, shifted)
    for condition, mistake, says in (
        (
            len(starts) > 0 and both(shifted, right),
            "exchanged",
            "Inputs and targets are exchanged: yours asks for the token *before*.",
        ),
        (
            len(too_many) > len(starts) and both(_cut(ids, length, too_many), _cut(rolled, length, too_many)),
            "wraps_around",
            "The last target is the first token of the text. What comes after the last token is not known, so a row "
            "that would need it is left out.",
        ),
        (
            len(starts) > 1 and both(right[:-1], shifted[:-1]),
            "last_row_lost",
            "One more row fits, with its targets. The last place that a row needs is `start + length`, and the "
            "text's last place is `n - 1`. Is one taken off twice?",
        ),
        (
            len(starts) == 1 and both(right[:0], shifted[:0]),
            "last_row_lost",
            "A row fits, with its targets: the text is longer than `length` by at least one.",
        ),
        (
            step != 1 and both(_cut(ids, length, range(n - length)), _cut(ids, length, range(n - length), 1)),
            "step_ignored",
            "Every row begins one token later than the one before. It should be `step` tokens.",
        ),
        (
            step != length
            and both(
                _cut(ids, length, range(0, n - length, length)), _cut(ids, length, range(0, n - length, length), 1)
            ),
            "rows_end_to_end",
            "Every row begins where the one before ended. It should begin `step` tokens after that one *began*.",
        ),
    ):
        inputs.requires(is_right or not condition, law, mistake, says)
    every = range(n - length + 1)
    sliced = range(0, max(0, n - length + 1), step)
    inputs.equals(
        right,
        law,
        *any_of(
            "row_without_targets",
            "There is a row too many: its last token has no target in the text.",
            *([_cut(ids, length, sliced)] if len(sliced) > len(starts) else []),
        ),
        *any_of(
            "does_not_begin_at_the_beginning",
            "The first row should begin with the first token of the text.",
            shifted if len(starts) else None,
        ),
        *any_of(
            "backwards",
            "The order is turned round. The first row begins the text.",
            *([right.flip(0), right.flip(1), right.flip(0, 1)] if len(starts) > 1 else []),
        ),
        tensor_shows(
            "too_few_rows",
            lambda got: got.ndim == 2 and got.shape[1] == length and len(got) < len(right),
            f"There are too few rows: {len(right)} fit.",
        ),
        tensor_shows(
            "too_many_rows",
            lambda got: got.ndim == 2 and got.shape[1] == length and len(got) > len(right),
            f"There are too many rows: {len(right)} fit, together with their targets.",
        ),
        tensor_shows(
            "columns",
            lambda got: got.shape == right.T.shape and got.shape != right.shape,
            "Rows and columns are exchanged: the shape is (N, length).",
        ),
        tensor_shows(
            "other_starts",
            lambda got: (
                got.shape == right.shape
                and {*map(tuple, got.tolist())} <= {*map(tuple, _cut(ids, length, every).tolist())}
            ),
            f"The rows begin at the wrong places. They should begin at {', '.join(map(str, starts))}.",
        ),
    )
    targets.equals(
        shifted,
        law,
        *(
            []
            if not len(starts)
            else [
                Mistake(
                    "not_shifted",
                    right,
                    "The targets are the inputs. A model would learn to copy. They have to stand one token further on.",
                ),
                Mistake(
                    "shifted_back",
                    lambda got: (got[:, 1:] == right[:, :-1]).all() and length > 1,
                    "They are shifted the wrong way: under each token stands the one *before*.",
                ),
                Mistake(
                    "shifted_inside_the_row",
                    right.roll(-1, 1),
                    "The last target of each row is the row's own first token. Shift the text, and cut it afterwards.",
                ),
                Mistake(
                    "wraps_around",
                    right.flatten().roll(-1).view_as(right),
                    "The last target of all is the first token of the text.",
                ),
                Mistake(
                    "next_row",
                    lambda got: len(starts) > 1 and (got[:-1] == right[1:]).all(),
                    "Each row's targets are the row that comes next. They begin one token later, not one row.",
                ),
                Mistake(
                    "shifted_too_far",
                    lambda got: (got[:, :-2] == right[:, 2:]).all() if length > 2 else False,
                    "They are shifted by two. It is one token.",
                ),
                tensor_shows(
                    "shifted_by_a_row",
                    lambda got: got.shape == shifted.shape and length > 1 and (got[:, 0] == shifted[:, -1]).all(),
                    "The targets begin where the row ends. They begin one token after the row *begins*.",
                ),
                tensor_shows(
                    "last_target_made_up",
                    lambda got: got.shape == shifted.shape and (got[:, :-1] == shifted[:, :-1]).all(),
                    "All is right but the last column: the token that comes after the row stands in the text.",
                ),
                tensor_shows(
                    "last_target_made_up",
                    lambda got: got.shape == shifted.shape and (got[:-1] == shifted[:-1]).all() and len(shifted) > 1,
                    "All is right but the last row.",
                ),
            ]
        ),
    )


def _is_table_of_tokens(part: Returned, length: int, n_rows: int) -> None:
    value = part.value
    part.requires(
        isinstance(value, Tensor),
        "inputs and targets are tensors",
        "no_tensor",
        f"Yours is of type {type(value).__name__}. `torch.stack` makes one of a list of rows.",
    )
    part.requires(
        not (value.ndim == 1 and n_rows == 0 and value.numel() == 0),
        "where no row fits, the shape is (0, length)",
        "empty_shape",
        "Yours has shape (0,). Keep the second axis: `ids.new_zeros(0, length)`.",
    )
    part.requires(
        not (value.ndim == 1 and n_rows > 0 and value.numel() == n_rows and length > 1),
        "there is a target for every token of every row",
        "one_target_a_row",
        "Yours is one token for each row. Wanted are as many targets as inputs: under each token the one that comes.",
    )
    part.requires(
        value.shape not in ((n_rows, length + 1), (n_rows, length - 1)),
        "a row has `length` tokens, and so have its targets",
        "row_length",
        f"Yours have {value.shape[-1]}. A row and its targets together span {length + 1} tokens of the text.",
    )
    part.requires(
        not value.is_floating_point(),
        "tokens are whole numbers",
        "floats",
        f"Yours has dtype {value.dtype}. (`torch.zeros` and `torch.empty` make floats unless told otherwise.)",
    )


# ── 04.6 ──


@exercise("04.6", title="By hand", stars=2, minutes=20)
def by_hand(trial: Trial) -> None:
    said = trial()

    def expect(key: str, right: float, law: str, *mistakes: Mistake) -> None:
        tolerance = 1e-6 if isinstance(right, int) else 0.012
        said.entry(key).equals(right, law, *mistakes, tolerance=tolerance, reveal=False)

    expect(
        "contexts",
        8000,
        "a 4-gram is three tokens of context and one to be guessed",
        Mistake("counts_the_guess", 20**4, "That is how many 4-grams there are. The last token is not context."),
        Mistake("counts_too_few", 20**2, "That is a context of two tokens."),
        *any_of(
            "multiplied",
            "The first place can hold any of the 20 words, and with each of them the second any of the 20 ...",
            80,
            60,
        ),
        Mistake(
            "power_upside_down", 3**20, "The base and the exponent are exchanged: three places, 20 words for each."
        ),
        Mistake("no_word_twice", 20 * 19 * 18, "A word may come twice in a context."),
        Mistake("counts_shorter_ones", 20 + 20**2 + 20**3, "Shorter contexts are not counted here."),
    )
    expect(
        "weights",
        3720,
        "what is learned are the vectors, the hidden layer and the head",
        Mistake("biases_forgotten", 3600, "The biases are missing: one for each hidden unit, one for each logit."),
        *any_of("biases_forgotten", "One layer's biases are missing.", 3700, 3620),
        Mistake(
            "vector_for_nothing",
            3730,
            "The lesson's model has one vector more, for places where there is no token. Here are 100 vectors only.",
        ),
        Mistake("one_vector_in", 3320, "The hidden layer takes three vectors side by side, not one."),
        Mistake("tables_for_each_place", 5720, "There is one table of vectors. All places of the window share it."),
        Mistake("vectors_forgotten", 2720, "The vectors are learned, too."),
        Mistake("head_forgotten", 1620, "The head is missing: from the hidden units to a logit for each token."),
        Mistake(
            "no_embedding", 100 * 3 * 20 + 20 + 2100, "That is without vectors. Tokens come in as 10 numbers each."
        ),
        Mistake("only_one_layer", 1000 + 30 * 100 + 100, "Between the vectors and the logits there is a hidden layer."),
    )
    after_a = -(0.75 * math.log(0.75) + 0.25 * math.log(0.25))
    expect(
        "trained_table",
        4 / 7 * after_a,
        "gradient descent on a table of logits ends where the counts are",
        Mistake(
            "only_after_a",
            after_a,
            "That is the average after `a`. Three of the seven pairs begin with another letter: what do those cost?",
        ),
        Mistake(
            "four_of_eight", 4 / 8 * after_a, "Eight letters are seven pairs of neighbours. The first is not guessed."
        ),
        Mistake("nothing_to_pay", 0, "After `a`, two letters come. No table knows which, so something remains."),
        Mistake("bits", 4 / 7 * after_a / LN2, "These are bits."),
        Mistake("total", 4 * after_a, "That is the sum. The average over seven pairs is wanted."),
        Mistake("even", math.log(3), "That is the loss of an even guess, before the first step."),
        Mistake("even", 4 / 7 * LN2, "After `a`, the two letters are not equally frequent."),
        Mistake(
            "mean_of_rows", after_a / 3, "Not every letter comes before another equally often: weigh each row by that."
        ),
        Mistake(
            "no_context",
            -sum(n / 7 * math.log(n / 7) for n in (3, 3, 1)),
            "That takes no notice of the letter before. A table of pairs does.",
        ),
        Mistake(
            "no_context",
            -sum(n / 8 * math.log(n / 8) for n in (4, 3, 1)),
            "That takes no notice of the letter before. A table of pairs does.",
        ),
    )
    expect(
        "bits_per_byte",
        2500 / LN2 / 4000,
        "bits per byte are all the bits, divided by all the bytes",
        Mistake("nats_per_byte", 0.625, "These are nats per byte. A bit is 0.693 nats."),
        Mistake("multiplied_by_ln_2", 0.625 * LN2, "A bit is *less* than a nat, so there are more bits than nats."),
        Mistake("bits_per_token", 2.5 / LN2, "These are bits per token. How many bytes is a token, on average?"),
        Mistake("upside_down", 2.5 / LN2 * 4, "A token is several bytes, so a byte costs less than a token."),
        Mistake(
            "nats_times_bytes", 10, "A token is four bytes, so a byte costs less than a token. And a bit is 0.693 nats."
        ),
        Mistake("bits_are_eight", 2500 / 4000 / 8, "A bit is not an eighth of a nat here: a nat is 1 / ln 2 bits."),
    )
    lines = {
        1: "Line 1 hardly moves between 300 documents and 30,000, at over 5 nats.",
        2: "Line 2 begins near the even guess and still falls fast at 30,000 documents.",
        3: "Line 3 is the lowest of all, and it still gains at 30,000 documents.",
        4: "Line 4 stands at about 2 nats, and from 3,000 documents on it gains little.",
    }
    choose = (
        "Go through the four models in the same way: how many contexts does each have to fill, and what does it do "
    )
    choose += "where it has few counts?"
    for key, right, law in (
        ("bigram", 4, "one token of context tells a good deal, and there are few contexts to fill"),
        ("add_one", 2, "with many contexts and few counts in each, the free counts outweigh the real ones"),
    ):
        expect(
            key,
            right,
            law,
            *(
                Mistake(f"{key}_line_{line}", line, f"{what} Does that fit? {choose}")
                for line, what in lines.items()
                if line != right
            ),
            Mistake(
                "no_such_line", lambda got: float(got) not in (1, 2, 3, 4), "The answer is a line's number, 1 to 4."
            ),
        )
    splits = {
        1: "In split 1 no letter is in both parts, and no two letters are alike.",
        3: "In split 3 no letter is in both parts. To call a new word *unknown*, one need only know the training text.",
        4: "In split 4 no letter is in both parts. That the two parts differ in date makes it harder, not easier.",
    }
    expect(
        "leak",
        2,
        "a split leaks if what is held out also stands in the training text",
        *(Mistake(f"split_{number}_is_sound", number, why) for number, why in splits.items()),
        Mistake("no_such_split", lambda got: float(got) not in (1, 2, 3, 4), "There are splits 1 to 4."),
    )


# ── 04.7 ──


@exercise("04.7", title="Kneser and Ney's table", stars=3, minutes=30)
def kneser_ney(trial: Trial) -> None:
    law = "p(w | c) is the discounted share, and what was saved is spent as p(w) says"
    example = torch.tensor([[0, 2, 0], [0, 1, 1], [4, 0, 0]])
    wide = torch.tensor([[0, 5, 1, 0, 2], [3, 0, 0, 0, 0], [1, 0, 7, 2, 0], [0, 0, 0, 0, 0], [4, 1, 0, 0, 0]])
    # The likely mistakes all give something else on this: token 4 never came, and every token was followed by some.
    first = torch.tensor([[2, 5, 0, 1, 0], [3, 0, 1, 0, 0], [1, 0, 7, 2, 0], [1, 0, 0, 0, 0], [6, 1, 0, 2, 0]])
    _agrees_with_kneser_ney(trial, first, 0.6, law)
    _agrees_with_kneser_ney(trial, example, 0.5, law)
    for n, discount in ((5, 0.75), (8, 0.3), (12, 0.9)):
        counts = (trial.integers(9, n, n) - 4).clamp(min=0) * trial.integers(4, n, n)
        counts[:, 0] += 1
        _agrees_with_kneser_ney(trial, counts, discount, law)
    _agrees_with_kneser_ney(
        trial, wide, 0.75, "after a token that was never followed by anything, the forecast is p(w)"
    )
    never = wide.clone()
    never[:, 3] = 0
    _agrees_with_kneser_ney(
        trial, never, 0.4, "a token that never came has N(w) = 0, and still gets its share of what p(w) saved"
    )


def _clipped(numbers: Tensor, discount: float) -> Tensor:
    return (numbers - discount).clamp(min=0)


def _lower(after_how_many: Tensor, discount: float) -> Tensor:
    n = after_how_many.sum()
    return _clipped(after_how_many, discount) / n + discount * (after_how_many > 0).sum() / n / len(after_how_many)


def _mixed(counts: Tensor, discount: float, shorter: Tensor) -> Tensor:
    total, kinds = counts.sum(1, keepdim=True), (counts > 0).sum(1, keepdim=True)
    mixed = (_clipped(counts, discount) + discount * kinds * shorter) / total.clamp(min=1)
    return torch.where(total > 0, mixed, shorter)


def _agrees_with_kneser_ney(trial: Trial, counts: Tensor, discount: float, law: str) -> None:
    v = len(counts)
    counts_f = counts.double()
    total, kinds = counts_f.sum(1, keepdim=True), (counts > 0).sum(1, keepdim=True).double()
    above, saved = _clipped(counts_f, discount), discount * kinds
    n_before, n_after = (counts > 0).sum(0).double(), (counts > 0).sum(1).double()
    shorter = _lower(n_before, discount)
    right = _mixed(counts_f, discount, shorter)
    unseen = (total == 0).squeeze(1)
    bare = n_before / n_before.sum()
    even = torch.full((v,), 1 / v, dtype=torch.float64)
    frequency = counts_f.sum(0)

    def with_lower(lower: Tensor) -> Tensor:
        return _mixed(counts_f, discount, lower)

    def where_seen(table: Tensor, otherwise: Tensor | float) -> Tensor:
        return torch.where(total > 0, table, torch.as_tensor(otherwise, dtype=torch.float64))

    n = n_before.sum()
    m = (n_before > 0).sum()
    safe = total.clamp(min=1)
    answer = trial(counts=counts, discount=discount)
    spread = (above + saved * shorter) / safe
    with_seen_share = where_seen((1 - discount) * counts_f / safe + discount * shorter, shorter)
    unclipped = (counts_f - discount + saved * shorter) / safe
    answer.equals(
        right.float(),
        law,
        *any_of(
            "plain_frequencies",
            "The shorter forecast counts how often w came. Here it counts after how many *different* tokens: that is "
            "the idea of Kneser and Ney.",
            with_lower(_lower(frequency, discount)),
            with_lower(frequency / frequency.sum()),
        ),
        *any_of(
            "kinds_exchanged",
            "For the shorter forecast, N(w) is after how many tokens w came. Yours counts how many came after w: the "
            "sum runs along the other axis.",
            with_lower(_lower(n_after, discount)),
            with_lower(n_after / n_after.sum()),
        ),
        *any_of(
            "lower_not_discounted",
            "p(w) itself is not discounted: yours is N(w) / N, and a token that never came would get nothing. Take "
            "the discount off there too, and spread it evenly.",
            with_lower(bare),
        ),
        *any_of(
            "lower_loses_the_discount",
            "In p(w), the discount is taken off and not handed on: its second term is missing.",
            with_lower(_clipped(n_before, discount) / n),
        ),
        *any_of(
            "lower_spreads_without_m",
            "In p(w), the second term lacks the factor M: the discount was taken off M times.",
            with_lower(_clipped(n_before, discount) / n + discount / n / v),
        ),
        *any_of(
            "lower_takes_v_for_m",
            "In p(w), the discount was taken off once for each token that *came*, M in all. Yours hands it out V "
            "times.",
            *([with_lower(_clipped(n_before, discount) / n + discount / n)] if m < v else []),
        ),
        *any_of(
            "lower_not_spread",
            "In p(w), what was saved is given to every token whole. It is shared by all V of them: 1 / V.",
            with_lower(_clipped(n_before, discount) / n + discount * m / n),
        ),
        *any_of(
            "even_fallback",
            "What was saved is spread evenly. It should go where p(w) says.",
            with_lower(even),
        ),
        *any_of(
            "discount_not_spent",
            "The discount is taken off, and nothing is done with it: the second term is missing, so a row adds up to "
            "less than 1.",
            where_seen(above / safe, shorter),
            where_seen(above / safe, 0.0),
        ),
        *any_of(
            "kinds_forgotten",
            "The second term lacks the factor kinds(c). The discount was taken off that many times, and all of it "
            "has to be handed on.",
            where_seen((above + discount * shorter) / safe, shorter),
        ),
        *any_of(
            "not_divided",
            "The second term is not divided by C(c). What was saved is a *share* of the row.",
            where_seen(above / safe + saved * shorter, shorter),
        ),
        *any_of(
            "v_for_kinds",
            "The second term hands out V discounts. Only the tokens that came had one taken off: kinds(c) of them.",
            where_seen((above + discount * v * shorter) / safe, shorter),
        ),
        *any_of(
            "kinds_before",
            "kinds(c) is how many different tokens came *after* c: the sum of a row of `counts > 0`. Yours seems to be "
            "the sum of a column.",
            where_seen((above + discount * n_before[:, None] * shorter) / safe, shorter),
            where_seen((above + discount * n_before * shorter) / safe, shorter),
        ),
        *any_of(
            "below_zero",
            "The discount was taken off the zeros too: tokens that never came have less than they should. Cut off at "
            "0: `clamp(min=0)`.",
            where_seen(unclipped, shorter),
            _mixed_unclipped(counts_f, discount, n_before),
            with_lower((n_before - discount) / n + discount * m / n / v) if m < v else None,
        ),
        *any_of(
            "backs_off",
            "The shorter forecast is used only where nothing was counted. It is added for *every* token, seen or not.",
            where_seen(torch.where(counts > 0, above / safe, saved * shorter / safe), shorter),
            where_seen(torch.where(counts > 0, above / safe, shorter), shorter),
        ),
        *any_of(
            "no_discount",
            "Nothing was taken off the counts, so that with the second term a row adds up to more than 1.",
            where_seen((counts_f + saved * shorter) / safe, shorter),
        ),
        *any_of(
            "only_shares",
            "These are the bare shares. Where are discount and shorter forecast?",
            where_seen(counts_f / safe, shorter),
            where_seen(counts_f / safe, 0.0),
        ),
        *any_of(
            "transposed",
            "Rows and columns are exchanged: the row is the token before.",
            right.T,
            _mixed(counts_f.T, discount, _lower(n_after, discount)).T,
            _mixed(counts_f.T, discount, _lower(n_after, discount)),
        ),
        *any_of("only_the_shorter", "That is p(w) alone. The row of c comes on top.", shorter, shorter.expand(v, v)),
        tensor_shows(
            "nan_for_the_unseen",
            lambda got: got.isnan().any() and unseen.any() and _close(got[~unseen], right[~unseen]),
            "All is right but the rows of tokens that were never followed by anything: 0 / 0 is nan there. Put p(w) in "
            "their place.",
        ),
        *any_of(
            "unseen_gets_nothing",
            "All is right but the rows of tokens that were never followed by anything. They get p(w), not 0.",
            *([spread] if unseen.any() else []),
        ),
        tensor_shows(
            "unseen_context",
            lambda got: unseen.any() and got.shape == right.shape and _close(got[~unseen], right[~unseen]),
            "All is right but the rows of tokens that were never followed by anything. They get p(w).",
        ),
        tensor_shows(
            "rounded",
            lambda got: (got == got.round()).all(),
            "There are whole numbers only. Was a float written into a tensor of whole numbers?",
        ),
        tensor_shows(
            "nan",
            lambda got: got.isnan().any(),
            "There is nan in it: 0 / 0, or infinity less infinity.",
        ),
        *any_of(
            "no_keepdim",
            "The sums of the rows were laid on the *columns*: without `keepdim=True` the axis is gone, and what is "
            "left lines up with the wrong one.",
            (above + saved * shorter) / total.squeeze(1),
            (above + discount * n_after * shorter) / safe,
            (above + discount * n_after * shorter) / total.squeeze(1),
            above / safe + discount * n_after * shorter / total.squeeze(1),
        ),
        *any_of(
            "shorter_by_rows",
            "p(w) was laid on the rows. It belongs to the token that *comes*, the column.",
            (above + saved * shorter[:, None]) / safe,
        ),
        *any_of(
            "wrong_n",
            "In p(w), N is the sum of all N(w): how many different pairs there are. Yours divides by something else.",
            *(
                with_lower((_clipped(n_before, discount) + discount * m / v) / wrong)
                for wrong in (counts_f.sum(), v, m, v * v)
            ),
            *(with_lower(n_before / wrong) for wrong in (counts_f.sum(), v, m)),
        ),
        *any_of(
            "wrong_kinds",
            "kinds(c) is how many *different* tokens came after c, one number for each row.",
            where_seen((above + discount * total * shorter) / safe, shorter),
            where_seen((above + discount * n * shorter) / safe, shorter),
            where_seen((above + discount * m * shorter) / safe, shorter),
        ),
        *any_of(
            "discounts_in_proportion",
            "Every count was made smaller by the same *share* of itself. The discount is the same number off each.",
            with_seen_share,
        ),
        tensor_shows(
            "shorter_is_wrong",
            lambda got: _rows_add_up(got) and _takes_another_shorter(got, above / safe, saved / safe, ~unseen),
            "The first term is right, and each row adds up to 1. But what was saved is spent as another forecast says: "
            f"look at your p(w). Here it should be {describe(shorter[:12])}.",
        ),
        tensor_shows(
            "rows_do_not_add_up",
            lambda got: got.shape == right.shape and not _rows_add_up(got),
            "There is a row that does not add up to 1. What is taken off in the first term has to come back in the "
            "second.",
        ),
    )


def _mixed_unclipped(counts: Tensor, discount: float, n_before: Tensor) -> Tensor:
    """The table if the discount is taken off the zeros in both forecasts."""
    n, v = n_before.sum(), len(counts)
    shorter = (n_before - discount) / n + discount * (n_before > 0).sum() / n / v
    total, kinds = counts.sum(1, keepdim=True), (counts > 0).sum(1, keepdim=True)
    return torch.where(total > 0, (counts - discount + discount * kinds * shorter) / total.clamp(min=1), shorter)


def _rows_add_up(got: Tensor) -> bool:
    return bool((got.double().sum(-1) - 1).abs().max() < 1e-3)


def _takes_another_shorter(got: Tensor, first: Tensor, weight: Tensor, seen: Tensor) -> bool:
    """Whether the table is `first` + `weight` · q for one and the same forecast q in all rows."""
    q = (got.double()[seen] - first[seen]) / weight[seen]
    return bool((q - q[0]).abs().max() < 1e-3 and (q > -1e-3).all())
