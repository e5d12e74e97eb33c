"""What right answers of lesson 13 obey, and what wrong ones look like.

Shape letters: B rows, T tokens of a row, L tokens of a text; R rows and C columns of a matrix.
"""

import math
import time
from collections.abc import Callable
from functools import cache
from numbers import Real
from typing import Any, NamedTuple

import torch
from torch import Tensor

from course_lib.checks.describe import as_numbers
from course_lib.checks.registry import exercise
from course_lib.checks.trial import Mistake, Returned, Trial

# ── 13.1 ──


@exercise("13.1", title="Pack documents into rows", stars=2, minutes=20)
def pack(trial: Trial) -> None:
    # With the statement's documents, rows that lose a token in between look like rows that begin at documents.
    _agrees_with_pack(trial, [[5, 6, 7, 8, 2], [9], [4, 3, 1]], 0, 4)
    _agrees_with_pack(trial, [[5, 6, 7, 8], [9], [4, 3]], 0, 4)
    # What is left over decides which mistakes show: next to nothing, nothing at all, a row but for its last target.
    for end_id, context_length, left_over in ((0, 8, 3), (7, 5, 0), (3, 6, 5)):
        documents = [
            [token + (token >= end_id) for token in trial.integers(40, 1 + int(length)).tolist()]
            for length in trial.integers(9, 12)
        ]
        n_predicted = sum(len(document) + 1 for document in documents)
        documents[-1] += [40] * ((left_over - n_predicted) % context_length)
        _agrees_with_pack(trial, documents, end_id, context_length)

    nothing = trial(documents=[[1, 2], [3]], end_id=0, context_length=6)
    for place in range(3):
        entry = nothing.entry(place)
        numbers = as_numbers(entry.value)
        entry.requires(
            numbers is not None and numbers.shape == (0, 6),
            "a text too short for one full row gives no rows: tensors of shape (0, T)",
            "not_empty",
            "Here the stream has six tokens, so five inputs have a target, and a row needs six.",
        )


def _agrees_with_pack(trial: Trial, documents: list[list[int]], end_id: int, context_length: int) -> None:
    flat = [end_id]
    for document in documents:
        flat += [*document, end_id]
    stream = torch.tensor(flat)
    n_rows = (len(stream) - 1) // context_length

    def rows(stream: Tensor, first: int = 0) -> Tensor:
        """As many full rows as the stream fills from place `first` on."""
        n = (len(stream) - first) // context_length
        return stream[first : first + n * context_length].view(n, context_length)

    inputs, targets = rows(stream)[:n_rows], rows(stream, 1)
    begins = inputs == end_id
    later = begins.clone()
    later[:, 0] = False
    numbers = later.cumsum(1)

    def more_rows(right: Tensor) -> Callable[[Any], bool]:
        return lambda got: len(got) == n_rows + 1 and got.shape[1] == context_length and got[:n_rows].equal(right)

    answer = trial(documents=documents, end_id=end_id, context_length=context_length)
    unmarked = stream[stream != end_id]
    one_in_front = torch.cat([stream[:1], unmarked])
    gaps = stream.unfold(0, context_length + 1, context_length + 1)
    at_documents = [row for row in stream.unfold(0, context_length, 1) if row[0] == end_id]
    answer.entry(0).equals(
        inputs,
        "the inputs are the stream end, document, end, document, ..., cut into rows of T without gap or overlap",
        Mistake(
            "targets_first",
            lambda got: got.equal(targets) and answer.value[1].equal(inputs),
            "Those are the targets. The inputs come first.",
        ),
        Mistake(
            "no_end_tokens",
            lambda got: (
                (not (got == end_id).any() and _begins_alike(got, rows(unmarked)))
                or (len(got) > 1 and not (got[1:] == end_id).any() and _begins_alike(got, rows(one_in_front)))
            ),
            "The documents follow one another without an end token between them. Nothing tells the model where one "
            "ends, and it never learns to end one.",
        ),
        Mistake(
            "no_end_in_front",
            lambda got: _begins_alike(got, rows(stream[1:])),
            "Your stream begins with the first document. An end token belongs before it: what else should its first "
            "word be predicted from?",
        ),
        Mistake(
            "other_end_token",
            lambda got: (
                got.shape == inputs.shape
                and bool((got != inputs)[begins].all() and got[~begins].equal(inputs[~begins]))
            ),
            f"Where the end token should stand, yours has another number. Here `end_id` is {end_id}.",
        ),
        Mistake(
            "two_ends",
            lambda got: _begins_alike(got, rows(stream.repeat_interleave(1 + (stream == end_id).long()))),
            "Two end tokens stand between documents. One does both: it closes a document and opens the next.",
        ),
        Mistake(
            "row_without_last_target",
            lambda got: len(stream) % context_length == 0 and got.equal(rows(stream)),
            "The last row is full of inputs, but its last input has no token after it to predict. A row needs T inputs "
            "*and* T targets, so T + 1 tokens of the stream.",
        ),
        Mistake(
            "leftover_kept",
            more_rows(inputs),
            "There is a row too many: what was left over at the end has been filled up. It should be left out.",
        ),
        Mistake(
            "last_row_dropped",
            lambda got: n_rows > 1 and got.equal(inputs[:-1]),
            "The last row is missing, and there are enough tokens for it: L tokens have L − 1 inputs with a target.",
        ),
        Mistake(
            "rows_as_in_the_lesson",
            lambda got: (
                got.shape[1] == context_length
                and len(got) > 1
                and all(any(row.equal(at_document) for at_document in at_documents) for row in got)
            ),
            "Your rows each begin at a document, as in the lesson. Here they follow one another without a gap.",
        ),
        Mistake(
            "gap_between_rows",
            lambda got: len(gaps) > 1 and _begins_alike(got, gaps[:, :-1]),
            "Between two rows a token is lost: you cut pieces of T + 1 and start the next behind it. The last target "
            "of one row is the first input of the next.",
        ),
        Mistake(
            "overlapping_rows",
            lambda got: len(got) > n_rows and _begins_alike(got, stream.unfold(0, context_length, 1)),
            "A row begins at every token, so nearly every token is in T rows. The next row begins where one ends.",
        ),
        Mistake(
            "rows_begin_at_documents",
            lambda got: got.shape[1] == context_length and len(got) > 1 and bool((got[:, 0] == end_id).all()),
            "Each of your rows begins with an end token: rows are closed where documents end. Cut the stream every T "
            "tokens, whatever stands there; else the room that is left in a row tells how long documents are.",
        ),
    )
    answer.entry(1).equals(
        targets,
        "the target of every input is the token after it in the stream",
        Mistake("targets_not_shifted", inputs, "Your targets are the inputs themselves. A copy is easy to predict."),
        Mistake(
            "wraps_around",
            inputs.roll(-1, 1),
            "At the end of a row, your target is that row's first token: `roll` comes round. Take the first token of "
            "the next row, by shifting the stream before it is cut.",
        ),
        Mistake(
            "wraps_around",
            lambda got: got.equal(inputs.flatten().roll(-1).view_as(inputs)),
            "The very last target is the first token of all: `roll` comes round. Shift the whole stream, with the "
            "tokens that are left over still on it.",
        ),
        Mistake(
            "shifted_backwards",
            lambda got: got.shape == targets.shape and got[:, 1:].equal(inputs[:, :-1]),
            "Your targets are the tokens *before* the inputs. The model would have to predict what it has just read.",
        ),
        Mistake(
            "shifted_twice",
            lambda got: got.shape == targets.shape and got[:, :-1].equal(targets[:, 1:]),
            "Your targets are two tokens ahead of the inputs. One is what `logits[t]` is trained to predict.",
        ),
        Mistake(
            "last_target_wrong",
            lambda got: got.shape == targets.shape and got[:, :-1].equal(targets[:, :-1]),
            "All is right but the last target of rows. It is the first input of the *next* row, or what comes after "
            "the last one: shift the stream before you cut it.",
        ),
        Mistake(
            "last_target_missing",
            lambda got: got.shape == (n_rows, context_length - 1) and got.equal(targets[:, :-1]),
            "Each row has one target too few. The last one stands in the next row: shift the stream before you cut it.",
        ),
    )
    answer.entry(2).equals(
        numbers,
        "the first token of a row is in document 0, and each end token after it begins the next document",
        Mistake("counts_from_one", numbers + 1, "Yours count from 1. The first document of a row has number 0."),
        Mistake(
            "numbers_go_on",
            lambda got: (
                got.equal((stream == end_id).cumsum(0)[: inputs.numel()].view_as(inputs) - 1)
                or got.equal((stream == end_id).cumsum(0)[: inputs.numel()].view_as(inputs))
            ),
            "Yours are counted through the whole stream. Every row counts for itself, from 0.",
        ),
        Mistake(
            "starts_below_zero",
            begins.cumsum(1) - 1,
            "A row that begins in the middle of a document starts at −1. Its first token is in document 0, whatever "
            "it is.",
        ),
        Mistake(
            "first_end_counted",
            begins.cumsum(1),
            "A row that begins with an end token starts at 1. The first token of a row is in document 0, whatever it "
            "is.",
        ),
        Mistake(
            "end_closes_only",
            lambda got: _is_end_in_the_old_document(got, begins),
            "Your end tokens belong to the document that they close. They belong to the one that they open: it is "
            "predicted from them.",
        ),
        Mistake(
            "looks_at_targets",
            (targets == end_id).cumsum(1),
            "The number goes up one place too early, where the *target* is an end token. Look at the inputs.",
        ),
        Mistake(
            "marks_not_numbers",
            lambda got: got.equal(begins.long()) or got.equal(later.long()),
            "Those are marks, 1 at an end token and 0 elsewhere. Sum them up along the row (`cumsum`).",
        ),
        Mistake(
            "all_one_document",
            torch.zeros_like(inputs),
            "Everything is in document 0, so attention would look from one document into the next.",
        ),
    )


def _begins_alike(got: Tensor, wrong: Tensor) -> bool:
    """Whether `got` holds the first rows of `wrong`, give or take two at the end."""
    n = min(len(got), len(wrong))
    return n > 0 and abs(len(got) - len(wrong)) <= 2 and got.shape[1:] == wrong.shape[1:] and got[:n].equal(wrong[:n])


def _is_end_in_the_old_document(got: Tensor, begins: Tensor) -> bool:
    """Whether numbers go up one place after each end token, whatever they start from."""
    before = torch.nn.functional.pad(begins, (1, 0))[:, :-1].cumsum(1)
    first_ignored = torch.nn.functional.pad(begins, (1, 0))[:, :-1]
    first_ignored[:, 1] = False
    return got.equal(before) or got.equal(first_ignored.cumsum(1))


# ── 13.2 ──


@exercise("13.2", title="Judge a whole split", stars=2, minutes=15)
def split_loss(trial: Trial) -> None:
    cost = trial.normal(12, 12).abs() + 0.3
    for length, context_length in ((5, 3), (38, 8), (33, 8), (34, 8), (7, 20)):
        _agrees_with_split_loss(trial, cost, trial.integers(12, length), context_length)


def _agrees_with_split_loss(trial: Trial, cost: Tensor, ids: Tensor, context_length: int) -> None:
    targets_seen: list[int] = []
    lengths_differ: list[bool] = []
    no_tokens: list[bool] = []

    def nats(inputs: Tensor, targets: Tensor) -> Tensor:
        inputs, targets = torch.as_tensor(inputs), torch.as_tensor(targets)
        if inputs.ndim != 1 or targets.ndim != 1:
            raise ValueError(
                f"nats takes one window, two tensors of shape (t,): not {tuple(inputs.shape)}, {tuple(targets.shape)}"
            )
        targets_seen.append(len(targets))
        # What is amiss here is said below, where it can be said by name.
        lengths_differ.append(len(inputs) != len(targets))
        no_tokens.append(bool((targets < 0).any()))
        n = min(len(inputs), len(targets))
        return price(inputs[:n], targets[:n].clamp(min=0))

    def price(inputs: Tensor, targets: Tensor) -> Tensor:
        """What the targets cost: it depends on the token before, and is dearer early in a window."""
        return cost[inputs, targets] + 2 / (1 + torch.arange(len(targets)))

    def per_token(step: int, size: int, ids: Tensor = ids) -> list[Tensor]:
        """Costs in windows of `size` predictions that begin `step` apart."""
        starts = range(0, len(ids) - 1, step)
        return [price(ids[start:-1][:size], ids[start + 1 :][:size]) for start in starts]

    windows = per_token(context_length, context_length)
    n = len(ids) - 1
    total = float(torch.cat(windows).sum())
    full = [window for window in windows if len(window) == context_length]
    pieces = [piece for piece in ids.split(context_length) if len(piece) > 1]
    sliding = [window for window in per_token(1, context_length) if len(window) == context_length]
    before = torch.cat([ids.new_zeros(1), ids[:-1]])

    answer = trial(nats=nats, ids=ids, context_length=context_length)
    law = "the loss is the mean cost of all tokens but the first, each predicted once, in windows that do not overlap"
    answer.requires(
        bool(targets_seen), law, "asks_nothing", "Your function never called `nats`, which knows what tokens cost."
    )
    answer.requires(
        not any(lengths_differ),
        "a window has one target for each input",
        "inputs_without_target",
        "One of yours has not. The last token of the text is nobody's input, because nothing follows it.",
    )
    answer.requires(
        not any(no_tokens),
        "every target is a token of the text",
        "padded",
        "One of yours is below 0. Nothing has to be filled up here: the last window may be shorter.",
    )
    answer.requires(
        max(targets_seen) <= context_length,
        f"a window has at most T tokens, here {context_length}",
        "window_too_long",
        f"You asked for {max(targets_seen)} predictions at once, and the model's context ends before that.",
    )

    def mean(windows: list[Tensor]) -> float | None:
        return float(torch.cat(windows).mean()) if windows else None

    def mean_of_means(windows: list[Tensor]) -> float | None:
        return float(torch.stack([window.mean() for window in windows]).mean()) if windows else None

    answer.equals(
        total / n,
        law,
        Mistake("sum", total, "That is what the whole split costs. Divide by the number of predicted tokens."),
        Mistake(
            "mean_of_window_means",
            mean_of_means(windows),
            "Each window was averaged by itself and then the windows: a token in a short last window counts more than "
            "the others. Add up costs, and divide once.",
        ),
        Mistake(
            "divides_by_windows",
            total / len(windows),
            "The total is divided by the number of windows. Divide by the number of predicted tokens.",
        ),
        Mistake(
            "counts_the_first_token",
            total / len(ids),
            f"The total is divided by all {len(ids)} tokens. The first is never predicted: {n} are.",
        ),
        Mistake(
            "counts_missing_tokens",
            total / (len(windows) * context_length),
            "The total is divided as if the last window were full. Count the tokens that were predicted.",
        ),
        Mistake(
            "last_window_dropped",
            lambda got: any(_close(got, wrong) for wrong in (mean(full), _over(full, n), mean_of_means(full))),
            "The tokens after the last full window are missing. Let the last window be shorter.",
        ),
        Mistake(
            "token_lost_at_borders",
            lambda got: any(
                _close(got, wrong)
                for cut in (
                    [price(piece[:-1], piece[1:]) for piece in pieces],
                    [price(piece[:-1], piece[1:]) for piece in ids.split(context_length + 1) if len(piece) > 1],
                )
                for wrong in (mean(cut), mean_of_means(cut), _over(cut, n), _over(cut, len(ids)))
            ),
            "The first token of every piece is never predicted. A window's targets reach one token further than its "
            "inputs: cut the inputs `ids[:-1]` and the targets `ids[1:]` in the same places.",
        ),
        Mistake(
            "overlapping_windows",
            lambda got: any(
                _close(got, wrong)
                for cut in (sliding, per_token(1, context_length))
                for wrong in (mean(cut), mean_of_means(cut))
            ),
            "A window begins at every token, so most tokens are counted T times and those at both ends less often. "
            "Begin the next window where one ends.",
        ),
        Mistake(
            "not_shifted",
            lambda got: any(
                _close(got, wrong)
                for cut in (
                    [price(piece, piece) for piece in ids.split(context_length)],
                    [price(piece, piece) for piece in ids[:-1].split(context_length)],
                    [price(piece, piece) for piece in ids[1:].split(context_length)],
                )
                for wrong in (mean(cut), _over(cut, n))
            ),
            "Inputs and targets are the same tokens. The target of an input is the token after it.",
        ),
        Mistake(
            "swapped",
            mean(
                [
                    price(b, a)
                    for a, b in zip(ids[:-1].split(context_length), ids[1:].split(context_length), strict=True)
                ]
            ),
            "Inputs and targets have changed places: `nats(inputs, targets)`.",
        ),
        Mistake(
            "wraps_around",
            mean(
                [
                    price(a, b)
                    for a, b in zip(ids.split(context_length), ids.roll(-1).split(context_length), strict=True)
                ]
            ),
            "The last token is made to predict the first: `roll` comes round. Nothing follows the last token.",
        ),
        Mistake(
            "predicts_the_first_token",
            mean([price(a, b) for a, b in zip(before.split(context_length), ids.split(context_length), strict=True)]),
            "The first token was predicted too, from an invented one. Nothing stands before it, so it is left out.",
        ),
        Mistake(
            "perplexity", math.exp(total / n), "That is e to the loss, the perplexity. The loss itself is the mean."
        ),
        Mistake(
            "windows_too_short",
            lambda got: math.isfinite(float(got)) and sum(targets_seen) == n and len(targets_seen) > len(windows),
            f"You asked for {len(targets_seen)} windows where {len(windows)} are enough. In a shorter window a model "
            "sees less, and does worse: make all but the last T long.",
        ),
        Mistake(
            "not_once_each",
            lambda got: math.isfinite(float(got)) and sum(targets_seen) != n,
            f"Your windows have {sum(targets_seen)} targets together. All tokens but the first are {n}, and each is "
            "predicted once.",
        ),
    )


def _close(got: Any, wrong: float | None) -> bool:
    return wrong is not None and math.isclose(float(got), wrong, rel_tol=1e-4, abs_tol=1e-4)


def _over(windows: list[Tensor], n: int) -> float | None:
    return float(torch.cat(windows).sum()) / n if windows else None


# ── 13.3 ──


@exercise("13.3", title="Estimate the run before starting it", stars=2, minutes=15)
def estimate(trial: Trial) -> None:
    for n_parameters, n_muon, n_tokens, peak, utilization in (
        (124_000_000, 85_000_000, 10_000_000_000, 3.12e14, 0.35),
        (400_000, 300_000, 2_000_000, 2e11, 0.4),
        (3_000_000, 0, 30_000_000, 1e12, 0.5),
        (1_000_000, 900_000, 300_000, 5e10, 0.2),
    ):
        said = trial(
            n_parameters=n_parameters,
            n_muon=n_muon,
            n_tokens=n_tokens,
            flops_per_second=peak,
            utilization=utilization,
        )
        flops = 6 * n_parameters * n_tokens
        n_adam = n_parameters - n_muon
        said.entry("flops").equals(
            _in_the_notation_of(said.entry("flops").value, flops),
            "training takes 6 FLOPs per parameter and token",
            Mistake("forward_only", flops / 3, "With 2 per parameter and token, that is the forward pass alone."),
            Mistake("backward_only", flops * 2 / 3, "With 4 per parameter and token, that is the backward pass alone."),
            Mistake("half_the_flops", flops / 2, "A multiplication *and* an addition: 2 forward, and twice that back."),
            Mistake("no_tokens", 6 * n_parameters, "That is the price of one token. The run has many."),
            _other_unit(flops),
            Mistake("no_factor", n_parameters * n_tokens, "The 6 is missing: 2 forward and 4 backward."),
            Mistake("only_adam", 6 * n_adam * n_tokens, "Muon's parameters are multiplied too: count them all."),
            Mistake(
                "only_muon", 6 * n_muon * n_tokens if n_muon else None, "AdamW's parameters count too, all of them."
            ),
        )
        said.entry("seconds").equals(
            flops / peak / utilization,
            "the time is the FLOPs divided by what the machine really does in a second, peak times utilization",
            Mistake(
                "utilization_multiplied",
                flops / peak * utilization,
                "So a machine would be the faster the less of it is used. The utilization belongs below the line.",
            ),
            Mistake("utilization_ignored", flops / peak, "That is the time at the machine's peak, which none reaches."),
            Mistake("hours", flops / peak / utilization / 3600, "Those are hours. Wanted are seconds."),
            Mistake("minutes", flops / peak / utilization / 60, "Those are minutes. Wanted are seconds."),
            Mistake("upside_down", peak * utilization / flops, "That is turned over: runs per second."),
            Mistake("percent", flops / peak / utilization * 100, "The utilization is a share already, no percentage."),
        )
        said.entry("bytes").equals(
            _in_the_notation_of(said.entry("bytes").value, 16 * n_adam + 12 * n_muon),
            "a weight is 4 bytes, its gradient 4, and each number that its optimizer remembers 4 more",
            Mistake(
                "muon_like_adam",
                16 * n_parameters,
                "That is 16 bytes for every weight. Those of Muon need less: it remembers one number each, not two.",
            ),
            Mistake(
                "adam_like_muon",
                12 * n_parameters,
                "That is 12 bytes for every weight. AdamW remembers two numbers for each of its own.",
            ),
            Mistake(
                "optimizers_swapped",
                12 * n_adam + 16 * n_muon,
                "AdamW remembers two numbers per weight and Muon one. Yours is the other way round.",
            ),
            Mistake("weights_only", 4 * n_parameters, "Those are the weights alone, what it takes to *use* the model."),
            Mistake(
                "no_optimizer",
                8 * n_parameters,
                "Those are weights and gradients. What the optimizer remembers is missing.",
            ),
            Mistake("no_gradients", 12 * n_adam + 8 * n_muon, "The gradients are missing: one number for each weight."),
            Mistake(
                "no_weights",
                8 * n_adam + 4 * n_muon,
                "Only what the optimizers remember is in it; weights and gradients are missing.",
            ),
            Mistake("numbers_not_bytes", 4 * n_adam + 3 * n_muon, "Those are numbers. Each is stored in 4 bytes."),
            _other_unit(16 * n_adam + 12 * n_muon),
            Mistake(
                "muon_left_out",
                lambda got, m=n_muon, n=n_adam: m > 0 and float(got) in (16 * n, 16 * n + 4 * m),
                "Muon's weights need room too: 4 bytes each, 4 for the gradient, 4 for what Muon remembers.",
            ),
            Mistake(
                "muon_on_top",
                16 * n_parameters + 4 * n_muon,
                "Muon's running mean comes in place of AdamW's two numbers, not on top of them.",
            ),
            Mistake(
                "muon_remembers_nothing",
                16 * n_adam + 8 * n_muon if n_muon else None,
                "Muon remembers something too, one number for each of its weights: 12 bytes, not 8.",
            ),
            Mistake(
                "weights_twice",
                20 * n_adam + 16 * n_muon,
                "The weights are counted twice. A weight of AdamW's is four numbers with itself, one of Muon's three.",
            ),
            Mistake("bits", 8 * (16 * n_adam + 12 * n_muon), "Those are bits. A byte has 8."),
            Mistake(
                "counts_muon_twice",
                16 * n_parameters + 12 * n_muon,
                "Muon's weights are counted twice. AdamW trains `n_parameters - n_muon` of them.",
            ),
            Mistake("half_precision", 8 * n_adam + 6 * n_muon, "That is 2 bytes a number. A 32-bit number takes 4."),
        )
        said.entry("tokens_per_parameter").equals(
            n_tokens / n_parameters,
            "tokens per parameter is tokens divided by parameters",
            Mistake("parameters_per_token", n_parameters / n_tokens, "That is turned over: parameters per token."),
            Mistake("whole_numbers", n_tokens // n_parameters, "Yours is rounded down: `/` divides, `//` also rounds."),
            Mistake("per_adam_parameter", n_tokens / n_adam, "Count all parameters, not AdamW's alone."),
        )


def _in_the_notation_of(got: object, right: int) -> float:
    """A large number as the learner's is printed, in full if whole and short if not, so that the two compare."""
    return right if isinstance(got, int) else float(right)


def _other_unit(right: float) -> Mistake:
    return Mistake(
        "other_unit",
        lambda got: any(_close(got * unit, right) for unit in (1e3, 1e6, 1e9, 1e12, 2**10, 2**20, 2**30)),
        "That is right in thousands, millions or the like. Give the number itself.",
    )


# ── 13.4 ──

_WORDS = ("healthy", "memorises", "leak", "no shift", "wrong tokenizer", "lr too high", "lr too low")

# What in each run speaks against each word.
_EVIDENCE = {
    "A": (
        "memorises",
        {
            "healthy": "The two losses of a healthy run stay together. Here they are 4 nats apart, and validation "
            "rises.",
            "leak": "Had it trained on the validation documents too, it would know those as well. Here they cost it "
            "4.10.",
            "no shift": "If only a copy were asked for, validation would be as easy as training. It costs 4.10.",
            "wrong tokenizer": "With its words exchanged, the validation text would soon cost more than guessing, "
            "6.37. Here it never does. Besides, what explains a training loss below the floor?",
            "lr too high": "A training loss that falls without a jump, to 0.21, is not thrown about by long steps.",
            "lr too low": "It is at 0.47 after 50 updates, and below the floor after 100: hardly slow.",
        },
    ),
    "B": (
        "no shift",
        {
            "healthy": "0.00 is below the floor, 0.38. No model predicts documents that it has not seen for nothing.",
            "memorises": "A model that has learnt its documents by heart is no better on others. This one is at 0.00 "
            "there.",
            "leak": "Learning documents by heart takes longer than 20 updates, and even then it has to be found "
            "out, at the first words, which document it is. That costs more than 0.00.",
            "wrong tokenizer": "With its words exchanged, the validation text would cost more than guessing. It costs "
            "0.00.",
            "lr too high": "With steps too long the loss jumps. This one falls at once and stays.",
            "lr too low": "It is done after 20 updates. Nothing could be further from slow.",
        },
    ),
    "C": (
        "lr too high",
        {
            "healthy": "After 20 updates it is at 17.91, far above the 6.37 of pure guessing, and it jumps after that.",
            "memorises": "What is learnt by heart has a low training loss. This one's is 1.37 at best.",
            "leak": "A leak makes both losses too good, below the floor. Here both end a nat above it.",
            "no shift": "A copy is learnt in a few updates. After 20, this run is worse than guessing.",
            "wrong tokenizer": "That would spoil the validation loss alone. Here the training loss is as bad.",
            "lr too low": "Small steps cannot take a loss from 6.37 to 17.91: it would creep downwards, without a "
            "jump.",
        },
    ),
    "D": (
        "healthy",
        {
            "memorises": "Then training would be below the floor, and validation far above. They are 0.44 and 0.46.",
            "leak": "Then both would be below the floor, 0.38. They come close to it, and stay above.",
            "no shift": "A copy costs nothing after a few updates. This run is at 0.87 after 100.",
            "wrong tokenizer": "With its words exchanged, the validation text would cost more than guessing. It costs "
            "0.46.",
            "lr too high": "The loss falls from start to end, without a jump, and ends 0.1 above the floor.",
            "lr too low": "From 6.37 to 1.20 in 50 updates is not slow, and it ends within 0.1 of the floor.",
        },
    ),
    "E": (
        "leak",
        {
            "healthy": "0.16 on validation is below the floor, 0.38. That is better than possible on text that was "
            "not seen.",
            "memorises": "Then the validation documents would be dear, as everything is that was not learnt by heart. "
            "They cost 0.16.",
            "no shift": "A copy costs 0.00 after a few updates. This run needs 100 to get to 0.2, and stays there.",
            "wrong tokenizer": "With its words exchanged, the validation text would cost more than guessing. It costs "
            "0.16.",
            "lr too high": "Both losses fall without a jump. The trouble is how far.",
            "lr too low": "It is at 0.45 after 50 updates. The trouble is not that it is slow.",
        },
    ),
    "F": (
        "wrong tokenizer",
        {
            "healthy": "The training loss is. The validation loss, 13.51, is twice what pure guessing costs.",
            "memorises": "Its training loss, 0.44, is above the floor: it has not learnt its documents by heart. And "
            "merely unknown documents of the same world would not cost 9.28 after 20 updates.",
            "leak": "A leak makes validation too good. 13.51 is anything but.",
            "no shift": "Then both losses would be 0.00.",
            "lr too high": "Then the training loss would jump too. It falls smoothly, and is that of another run, "
            "digit by digit.",
            "lr too low": "The training loss falls from 6.37 to 1.20 in 50 updates: hardly slow.",
        },
    ),
}


@exercise("13.4", title="Read six curves", stars=2, minutes=15)
def diagnoses(trial: Trial) -> None:
    said = trial()
    law = "a run's curve fits what is said about it"
    for run, (right, evidence) in _EVIDENCE.items():
        entry = said.entry(run)
        word = entry.value.strip().lower() if isinstance(entry.value, str) else None
        entry.requires(
            word in _WORDS,
            f"what happened in run {run} is said in one of the seven words",
            "unknown_word",
            f"The words are {', '.join(map(repr, _WORDS))}.",
        )
        entry.requires(
            word == right, law, f"{run.lower()}_is_not_{str(word).replace(' ', '_')}", evidence.get(str(word), "")
        )


# ── 13.5 ──

_COEFFICIENTS = 3.4445, -4.7750, 2.0315


@exercise("13.5", title="Muon's step: make all directions equally strong", stars=3, minutes=25)
def orthogonalize(trial: Trial) -> None:
    _agrees_with_orthogonalize(trial, torch.tensor([[3.0, -8.0], [4.0, 6.0]]), 3)
    _agrees_with_orthogonalize(trial, torch.tensor([[0.0, 3.0], [4.0, 0.0]]), 1)
    for shape, steps in (((5, 5), 5), ((4, 9), 5), ((9, 4), 5), ((1, 6), 5), ((7, 3), 3), ((6, 6), 8)):
        _agrees_with_orthogonalize(trial, trial.normal(*shape), steps)

    gradient = trial.normal(5, 8)
    usual, small, large = (trial(gradient=scale * gradient, steps=5).value for scale in (1.0, 1e-3, 1e3))
    for scaled, name in ((small, "a thousandth"), (large, "a thousand times")):
        trial.requires(
            torch.allclose(scaled.double(), usual.double(), atol=5e-3),
            "the size of the gradient does not matter",
            "depends_on_scale",
            f"{name.capitalize()} the gradient gives another result. Dividing by the norm should take its size out of "
            "it.",
        )
    trial(gradient=torch.zeros(3, 4), steps=5).equals(
        torch.zeros(3, 4),
        "a gradient of zeros gives zeros",
        Mistake(
            "nan_for_zero_gradient",
            lambda got: not got.isfinite().all(),
            "0 divided by 0 is nan, and one nan reaches every weight. Add a small number to the norm, 1e-7 say.",
        ),
    )


def _agrees_with_orthogonalize(trial: Trial, gradient: Tensor, steps: int) -> None:
    exact = gradient.double()
    u, s, v = torch.linalg.svd(exact, full_matrices=False)
    norm = exact.norm()

    def through_svd(
        values: Tensor, steps: int = steps, coefficients: tuple[float, float, float] = _COEFFICIENTS
    ) -> Tensor:
        """The gradient with singular values that went through the polynomial, computed without a single iteration."""
        a, b, c = coefficients
        for _ in range(steps):
            values = a * values + b * values**3 + c * values**5
        return u * values @ v

    a, b, c = _COEFFICIENTS

    def iterate(step: Callable[[Tensor], Tensor], start: Tensor = exact / norm) -> Tensor:
        for _ in range(steps):
            start = step(start)
        return start

    right = through_svd(s / norm)
    is_square = len(set(gradient.shape)) == 1
    first = exact @ exact.T / norm**2
    answer = trial(gradient=gradient, steps=steps)
    answer.equals(
        right.float(),
        "the singular vectors stay, and every singular value, divided by the Frobenius norm, goes through the "
        "polynomial",
        Mistake("only_normalised", exact / norm, "That is the gradient divided by its norm, before any iteration."),
        Mistake(
            "one_step_only",
            through_svd(s / norm, 1) if steps > 1 else None,
            f"That is right after one step. Here `steps` is {steps}.",
        ),
        Mistake(
            "ignores_steps",
            lambda got: steps != 5 and torch.allclose(got.double(), through_svd(s / norm, 5), rtol=1e-3, atol=1e-3),
            f"Yours takes five steps always. Here `steps` is {steps}.",
        ),
        Mistake(
            "one_step_off",
            lambda got: any(
                torch.allclose(got.double(), through_svd(s / norm, n), rtol=1e-3, atol=1e-3)
                for n in (steps - 1, steps + 1)
            ),
            "Yours takes one step too many or too few.",
        ),
        Mistake(
            "largest_entry",
            through_svd(s / exact.abs().max()),
            "You divide by the largest entry. A singular value can be far larger than that; the Frobenius norm is "
            "never smaller than the largest of them.",
        ),
        Mistake(
            "spectral_norm",
            through_svd(s / s.max()),
            "You divide by the largest singular value. That works, and takes the decomposition that the iteration is "
            "to spare. The Frobenius norm is only a sum of squares.",
        ),
        Mistake("svd", u @ v, "Those singular values are exactly 1, from a decomposition. Wanted is the iteration."),
        Mistake(
            "elementwise_sign",
            gradient.sign(),
            "That is the sign of each entry. It makes entries equally large, not directions.",
        ),
        Mistake(
            "rows_normalised",
            lambda got: any(
                torch.allclose(got.double(), wrong, rtol=1e-3, atol=1e-3)
                for dim in (0, 1)
                for unit in [exact / exact.norm(dim=dim, keepdim=True)]
                for wrong in (unit, iterate(_step, unit))
            ),
            "Each row or column was divided by a norm of its own, which turns the singular vectors. The whole matrix "
            "has one norm.",
        ),
        Mistake(
            "elementwise_powers",
            iterate(lambda x: a * x + b * x**3 + c * x**5),
            "The powers were taken entry by entry. XXᵀ is a matrix product, `x @ x.T`.",
        ),
        Mistake(
            "a_added_everywhere",
            lambda got: torch.allclose(
                got.double(),
                iterate(lambda x: (a + b * x @ x.T + c * x @ x.T @ x @ x.T) @ x),
                rtol=1e-3,
                atol=1e-3,
                equal_nan=True,
            ),
            "`a + b * square + ...` adds a to every entry of the matrix. It belongs on the diagonal (`a * "
            "torch.eye(R)`), or outside: `a * x + (...) @ x`.",
        ),
        Mistake(
            "square_on_the_wrong_side",
            iterate(lambda x: a * x + (b * x.T @ x + c * x.T @ x @ x.T @ x) @ x) if is_square else None,
            "You multiply XᵀX from the left. From the left it is XXᵀ; XᵀX would belong on the right of X.",
        ),
        Mistake(
            "no_fourth_power",
            iterate(lambda x: a * x + (b + c) * x @ x.T @ x),
            "c stands before the *square* of XXᵀ: `square @ square`.",
        ),
        Mistake(
            "square_of_entries",
            iterate(lambda x: a * x + (b * x @ x.T + c * (x @ x.T) ** 2) @ x),
            "c stands before XXᵀ times itself, a matrix product: `square @ square`, not `square * square`.",
        ),
        Mistake(
            "square_never_renewed",
            iterate(lambda x: a * x + (b * first + c * first @ first) @ x),
            "XXᵀ was computed once, from the first X. Each step has an X of its own.",
        ),
        Mistake(
            "norm_squared",
            through_svd(s / norm**2),
            "You divide by the sum of the squares. The norm is the root of it.",
        ),
        Mistake(
            "scaled_for_its_shape",
            right * max(1, gradient.shape[0] / gradient.shape[1]) ** 0.5
            if gradient.shape[0] > gradient.shape[1]
            else None,
            "The singular values are right up to a factor for the matrix's shape. Muon multiplies by it afterwards.",
        ),
        Mistake("swapped_coefficients", through_svd(s / norm, steps, (a, c, b)), "b and c have changed places."),
        Mistake(
            "sign_of_b",
            # By its size alone: numbers that grow like this keep no digits.
            lambda got: math.isclose(
                float(got.double().norm().log()),
                float(through_svd(s / norm, steps, (a, -b, c)).norm().log()),
                rel_tol=1e-3,
            ),
            "The second coefficient, b, is negative.",
        ),
        Mistake(
            "other_coefficients",
            lambda got: any(
                torch.allclose(got.double(), through_svd(s / norm, steps, wrong), rtol=1e-3, atol=1e-3)
                for wrong in ((1.5, -0.5, 0.0), (15 / 8, -10 / 8, 3 / 8), (2.0, -1.5, 0.5))
            ),
            "Those are coefficients of an iteration that settles at 1, slowly. Take the three of the exercise.",
        ),
        Mistake(
            "normalised_every_step",
            iterate(lambda x: _step(x / x.norm())),
            "The norm was divided out in every step. Once is enough, before the first: later singular values are to "
            "stay.",
        ),
        Mistake("normalised_last", right / right.norm(), "The result was divided by its norm. Only the gradient is."),
        Mistake("scale_restored", right * norm, "The result was multiplied by the norm again. Its size is to be lost."),
        Mistake(
            "not_transposed_back",
            right.T if not is_square else None,
            "The matrix was transposed for the iteration and not transposed back.",
        ),
        Mistake(
            "not_normalised",
            lambda got: not bool(got.isfinite().all()),
            "The numbers explode: singular values far above 1 went in, and the fifth power takes over. Divide by the "
            "Frobenius norm, `gradient.norm()`, before the first step.",
        ),
        Mistake(
            "explodes",
            lambda got: bool(got.abs().max() > 100),
            "The numbers explode. Either singular values above 1 went in, or one of the products is another one: XXᵀ "
            "is `x @ x.T`, with the `x` of this step, and both of its powers are multiplied by X.",
        ),
        Mistake(
            "too_rough",
            lambda got: got.shape == right.shape and bool((got - right).abs().max() < 0.05),
            "Nearly. Was it computed in a coarse format like bfloat16, or with rounded coefficients, or a small number "
            "that is not small against the norm?",
        ),
        tolerance=5e-3,
    )


def _step(x: Tensor) -> Tensor:
    a, b, c = _COEFFICIENTS
    square = x @ x.T
    return a * x + (b * square + c * square @ square) @ x


# ── 13.6 ──

BUDGET, MOST_STEPS = 12_288, 32
"""Tokens and updates that a recipe may use: together they bound how long the check takes."""
BASELINE_GAP, GOOD_GAP = 93, 36
"""Nats per document above the floor: of the baseline, rounded, and what passes."""
PATIENCE = 3.5
"""Seconds until the training is over. A little later the check is stopped from outside, and the answer is blamed."""

_BASELINE: dict[str, Any] = {
    "steps": 32,
    "batch_size": 6,
    "context_length": 64,
    "lr": 0.003,
    "muon_lr": None,
    "warmup": 0.1,
    "decay": 0.0,
    "clip": 1.0,
    "weight_decay": 0.0,
}
_RANGES: dict[str, tuple[float, float]] = {
    "steps": (1, MOST_STEPS),
    "batch_size": (1, BUDGET),
    "context_length": (1, 128),
    "lr": (0, 10),
    "muon_lr": (0, 10),
    "warmup": (0, 1),
    "decay": (0, 1),
    "clip": (1e-3, 1e6),
    "weight_decay": (0, 10),
}
_WHOLE = ("steps", "batch_size", "context_length")


class _Task(NamedTuple):
    """What a recipe is tried on."""

    ids: list[int]
    end_id: int
    vocab_size: int
    held_out: list[Any]  # batches
    n_documents: int
    floor: float  # nats of all held-out documents together
    worst: float  # the gap of a uniform guess


@cache
def _task() -> _Task:
    # Here and not above, so that whoever only wants to know what exercises there are need not load all this.
    from course_lib.text import TRAINING_SEED, VALIDATION_SEED, WordTokenizer, World, evaluation_documents

    world = World(people=6, towns=3, animals=4, events=3, things=2)
    held_out = world.documents(50, VALIDATION_SEED)
    train, val = (
        "".join(document.text + "\n" for document in documents)
        for documents in (world.documents(600, TRAINING_SEED), held_out)
    )
    tokenizer = WordTokenizer.train(train + val)
    end_id = tokenizer.end_id
    assert end_id is not None
    floor = -math.fsum(document.log_prob for document in held_out)
    ids, val_ids = tokenizer.encode(train), tokenizer.encode(val)
    return _Task(
        ids,
        end_id,
        tokenizer.vocab_size,
        evaluation_documents(val_ids, end_id),
        len(held_out),
        floor,
        (len(val_ids) * math.log(tokenizer.vocab_size) - floor) / len(held_out),
    )


@exercise("13.6", title="Beat the baseline within a token budget", stars=3, minutes=30)
def recipe(trial: Trial) -> None:
    began = time.monotonic()
    answer = trial()
    settings = _settings(answer)
    gap = _gap(trial, settings, began)
    task = _task()
    law = f"the recipe ends at most {GOOD_GAP} nats per document above the floor"
    ended = f"Yours ends {gap:.1f} above it; the baseline about {BASELINE_GAP}."
    if not math.isfinite(gap):
        ended = "Yours broke off, because a loss or a gradient was no finite number."

    def hint(condition: bool, mistake: str, says: str) -> None:
        answer.requires(gap <= GOOD_GAP or not condition, law, mistake, f"{ended} {says}")

    lr, muon_lr, steps, row = (settings[name] for name in ("lr", "muon_lr", "steps", "context_length"))
    used = steps * settings["batch_size"] * row
    hint(
        not gap < 1.2 * task.worst,
        "diverged",
        f"A model that has learnt nothing is at {task.worst:.0f}: this one was made worse. Are the steps too long?",
    )
    hint(
        used < 0.8 * BUDGET,
        "budget_left",
        f"It used {used:,} of {BUDGET:,} tokens. Take more updates, or more tokens in each.",
    )
    hint(
        lr < 0.015,
        "lr_too_low",
        f"In {steps} updates of at most {lr:g}, no weight gets far. For a run this short `lr` can be many times "
        "higher.",
    )
    hint(
        lr >= 0.08,
        "lr_too_high",
        f"AdamW moves every weight by about {lr:g} in each update, which is too far. Try a lower `lr`.",
    )
    hint(
        muon_lr is not None and muon_lr < 0.03,
        "muon_lr_too_low",
        "Under that `muon_lr` the matrices inside the block turn too slowly for so few updates. It can be several "
        "times higher.",
    )
    hint(
        muon_lr is not None and muon_lr > 0.5,
        "muon_lr_too_high",
        "Under that `muon_lr`, each update replaces most of a matrix. Try a lower one.",
    )
    hint(
        settings["weight_decay"] >= 1,
        "weight_decay_too_high",
        "Its weight decay takes away a good part of what it learns. A run that reads its text hardly once needs none.",
    )
    hint(
        steps < 24,
        "too_few_updates",
        f"It made {steps} updates where {MOST_STEPS} are allowed. At this stage many small batches do more than few "
        "large ones.",
    )
    hint(
        row < 85,
        "rows_too_short",
        f"Its rows have {row} tokens, and documents up to 85: what comes late in a document it has hardly ever "
        "trained on. Use longer rows, and fewer of them.",
    )
    hint(settings["warmup"] > 0.4, "long_warmup", "It spends most of its few updates on warming up.")
    hint(
        settings["decay"] < 0.2,
        "no_cool_down",
        "Its learning rate is as high at the end as in the middle, so the last steps still jump about. Let it fall "
        "to 0 (`decay`).",
    )
    hint(
        True,
        "not_enough",
        "The knobs that do most are `lr`, rows of 128 instead of 64, `muon_lr` and `decay`. Change one at a time.",
    )
    trial.score = gap
    trial.remark = (
        f"Passed: {gap:.1f} nats per document above the floor, at most {GOOD_GAP} was wanted. The baseline ends about "
        f"{BASELINE_GAP} above it."
    )


def _settings(answer: Returned) -> dict[str, Any]:
    """The baseline with the learner's changes, all of them possible."""
    chosen = answer.value
    answer.requires(
        isinstance(chosen, dict),
        "a recipe is a dictionary of settings",
        "wrong_type",
        f"Yours is of type {type(chosen).__name__}.",
    )
    for name in chosen:
        answer.requires(
            name in _BASELINE,
            "a recipe holds only settings of the table",
            "unknown_setting",
            f"There is no setting {name!r}. There are {', '.join(_BASELINE)}.",
        )
    settings = {**_BASELINE, **chosen}
    for name, value in settings.items():
        least, most = _RANGES[name]
        if name == "muon_lr" and value is None:
            continue
        number = as_numbers(value) if isinstance(value, Real | Tensor) and not isinstance(value, bool) else None
        answer.requires(
            number is not None and number.ndim == 0,
            "every setting is a number" + " or, for muon_lr, None",
            "not_a_number",
            f"{name!r} is {value!r}.",
        )
        settings[name] = float(number)  # type: ignore[arg-type]
        if name == "steps":
            answer.requires(
                not settings[name] > most,
                f"a recipe makes at most {MOST_STEPS} updates",
                "too_many_updates",
                f"Yours makes {value}. (Each takes time, whatever its size, and the check has only a few seconds.)",
            )
        answer.requires(
            least <= settings[name] <= most,
            f"{name!r} is a number from {least} to {most:g}",
            "out_of_range",
            f"In yours it is {value}.",
        )
        if name in _WHOLE:
            answer.requires(
                settings[name].is_integer(),
                f"{name!r} is a whole number",
                "not_whole",
                f"In yours it is {value}. (`//` divides whole numbers and rounds down.)",
            )
            settings[name] = int(settings[name])
    used = settings["steps"] * settings["batch_size"] * settings["context_length"]
    answer.requires(
        used <= BUDGET,
        f"a recipe reads at most {BUDGET:,} tokens: steps times batch_size times context_length",
        "over_budget",
        f"Yours reads {settings['steps']} · {settings['batch_size']} · {settings['context_length']} = {used:,}.",
    )
    return settings


def _gap(trial: Trial, settings: dict[str, Any], began: float) -> float:
    """Train by a recipe; nats per held-out document above the floor, infinite where the training broke off."""
    from course_lib.evaluation import evaluate
    from course_lib.model import GPT, TransformerConfig
    from course_lib.text import DocumentRows
    from course_lib.training import NonFiniteError, TrainingConfig, train

    task = _task()
    torch.default_generator.manual_seed(0)  # not torch's own function, which would seed the GPU as well
    model = GPT(TransformerConfig(task.vocab_size, context_length=128, n_layers=1, n_heads=2, d_model=64))
    rows = DocumentRows(task.ids, task.end_id, settings["batch_size"], settings["context_length"], seed=0)
    others = {name: value for name, value in settings.items() if name not in ("batch_size", "context_length")}
    try:
        for step in train(model, rows, TrainingConfig(**others)):
            trial.requires(
                time.monotonic() - began < PATIENCE,
                f"{settings['steps']} updates take a second or two",
                "machine_too_busy",
                f"After {PATIENCE} seconds {step.number} were done, so the check gave up. That says nothing about "
                "your recipe: this machine is slow or busy now. Try again when nothing else runs.",
            )
    except NonFiniteError:
        return math.inf
    gap = (evaluate(model, task.held_out).nats - task.floor) / task.n_documents
    return gap if math.isfinite(gap) else math.inf
