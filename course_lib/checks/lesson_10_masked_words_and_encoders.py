"""What right answers of lesson 10 obey, and what wrong ones look like.

Shape letters: B rows, T places in a row, V words that a model knows, W words that are tried in a blank.
"""

import itertools
import math
from collections.abc import Callable

import torch
from torch import Tensor

from course_lib.checks.registry import exercise
from course_lib.checks.trial import BrokenLaw, Mistake, Trial, any_of, tensor_shows

IGNORE = -100
"""The target at a place where nothing is to be guessed."""

# ── 10.1 ──


@exercise("10.1", title="Hide some of the words", stars=1, minutes=15)
def hide(trial: Trial) -> None:
    ids = torch.tensor([7, 3, 9, 4, 0])
    draw, fate = torch.tensor([0.05, 0.6, 0.1, 0.14, 0.02]), torch.tensor([0.18, 0.4, 0.95, 0.85, 0.5])
    _hides(trial, ids, draw, fate, torch.tensor([1, 2, 5, 8, 6]), 10, 0)
    for shape, n_words, end in (((40,), 30, 0), ((6, 25), 50, 3), ((2, 5, 9), 12, 11), ((200,), 8, 2)):
        ids, substitutes = trial.integers(n_words, *shape), trial.integers(n_words, *shape)
        draw, fate = _uniform(trial, *shape) * 0.4, _uniform(trial, *shape)
        _hides(trial, ids, draw, fate, substitutes, n_words, end)
    none = torch.full((5,), 0.9)
    _hides(trial, torch.tensor([4, 2, 0, 1, 4]), none, none - 0.3, torch.tensor([1, 1, 2, 3, 3]), 5, 0)


def _uniform(trial: Trial, *shape: int) -> Tensor:
    """Numbers between 0 and 1, none of them a multiple of 0.05, where rounding would decide."""
    return (trial.integers(1000, *shape) + 0.5) / 1000


def _hides(trial: Trial, ids: Tensor, draw: Tensor, fate: Tensor, other: Tensor, mask_id: int, end_id: int) -> None:
    below = draw < 0.15
    chosen = below & (ids != end_id)

    def shown_if(chosen: Tensor, masked: Tensor, swapped: Tensor) -> Tensor:
        return torch.where(chosen & swapped, other, torch.where(chosen & masked, mask_id, ids))

    def targets_if(chosen: Tensor, words: Tensor = ids, mark: int = IGNORE) -> Tensor:
        return torch.where(chosen, words, mark)

    masked, swapped = fate < 0.8, fate >= 0.9
    everywhere = torch.ones_like(chosen)
    shown, targets = shown_if(chosen, masked, swapped), targets_if(chosen)
    answer = trial(ids=ids, draw=draw, fate=fate, substitutes=other, mask_id=mask_id, end_id=end_id)
    answer.requires(
        (isinstance(answer.value, tuple | list) and len(answer.value) == 2)
        or (isinstance(answer.value, Tensor) and answer.value.shape == (2, *ids.shape)),
        "two things come back",
        "not_two",
        "Return both, in this order: `return shown, targets`.",
    )
    if bool(chosen.any()):
        answer.entry(1).equals(
            targets,
            "the targets hold the word at every place that was chosen, and −100 at all others",
            *any_of("order_exchanged", "These are the words as shown. The targets come second.", shown),
            *any_of(
                "every_place_a_target",
                "Every place has a target. Where nothing was chosen it should be −100, or the model would earn its "
                "praise by copying.",
                ids,
            ),
            *any_of(
                "end_is_always_0",
                f"Token 0 was taken for the end mark. Here the end mark is {end_id}.",
                targets_if(below & (ids != 0)) if end_id else None,
            ),
            *any_of(
                "end_chosen",
                f"An end mark ({end_id} here) has become a target. It is never chosen, whatever was drawn for it.",
                targets_if(below),
            ),
            *any_of(
                "others_chosen",
                "Those that were *not* to be chosen have become targets. Chosen is what is below 0.15.",
                targets_if(~below & (ids != end_id)),
                targets_if(~below),
                targets_if(~chosen),
            ),
            *any_of(
                "only_masks_are_targets",
                "Only words behind a mask have become targets. Those that were exchanged or left standing were chosen "
                "as well, and are to be guessed too.",
                targets_if(chosen & masked),
            ),
            *any_of(
                "only_changed_are_targets",
                "A chosen word that was left standing has no target. It counts: the model is not told that it was "
                "chosen.",
                targets_if(chosen & (shown != ids)),
                targets_if(chosen & (masked | swapped)),
            ),
            *any_of(
                "shown_as_target",
                "The targets hold what is *shown* at the chosen places. They should hold the word that stood there.",
                targets_if(chosen, shown),
            ),
            *any_of(
                "fate_chooses",
                "It looks as if `fate` had decided which words are chosen. That is the work of `draw`.",
                targets_if((fate < 0.15) & (ids != end_id)),
                targets_if(fate < 0.15),
            ),
            tensor_shows(
                "true_or_false",
                lambda got: torch.equal(got.bool(), chosen) and int(got.max()) <= 1,
                "That says which places were chosen. Wanted is the word that stood there.",
            ),
            tensor_shows(
                "another_mark",
                lambda got: (
                    torch.equal(got[chosen], ids[chosen])
                    and got[~chosen].unique().numel() == 1
                    and bool((got[~chosen] != IGNORE).all())
                ),
                "The chosen places are right. All others should hold −100, the number that the loss leaves out.",
            ),
        )
    else:
        answer.entry(1).equals(targets, "where nothing is chosen, every target is −100")
    answer.entry(0).equals(
        shown,
        "of the chosen words, those with a fate below 0.8 become the mask, from 0.9 on the substitute; all else stays",
        *any_of(
            "hides_those_not_chosen",
            "Words were changed that nobody chose. `fate` says what happens to a word *if* it was chosen.",
            shown_if(everywhere, masked, swapped),
            shown_if(everywhere, masked, swapped & chosen),
            shown_if(ids != end_id, masked, swapped),
            torch.where(chosen & masked, mask_id, torch.where(swapped, other, ids)),
        ),
        *any_of("end_hidden", f"An end mark ({end_id} here) was hidden.", shown_if(below, masked, swapped)),
        *any_of(
            "all_masked",
            "Every chosen word has become the mask. Some get the substitute, and some stay.",
            shown_if(chosen, everywhere, ~everywhere),
        ),
        *any_of(
            "stay_and_swap_exchanged",
            "Two fates are exchanged: from 0.8 to 0.9 the word stays, and from 0.9 on it is exchanged.",
            shown_if(chosen, masked, (fate >= 0.8) & (fate < 0.9)),
        ),
        *any_of(
            "never_exchanged",
            "No word was exchanged for its substitute. That is the fate from 0.9 on.",
            shown_if(chosen, masked, ~everywhere),
        ),
        *any_of(
            "never_left_standing",
            "Every chosen word that is not masked was exchanged. From 0.8 to 0.9 it stays.",
            shown_if(chosen, masked, ~masked),
        ),
        *any_of(
            "mask_too_often",
            "Words with a fate between 0.8 and 0.9 were masked. They stay as they are.",
            shown_if(chosen, fate < 0.9, swapped),
        ),
        *any_of(
            "masks_overwritten",
            "Masks were written and have vanished again. The substitute is for a fate from 0.9 on *only*.",
            shown_if(chosen, ~everywhere, fate < 0.9),
            shown_if(chosen, masked, fate < 0.9),
            shown_if(chosen, ~everywhere, swapped),
            shown_if(chosen, ~everywhere, everywhere),
        ),
        *any_of(
            "upside_down",
            "The shares are upside down: most of the chosen should become the mask, those with a fate *below* 0.8.",
            shown_if(chosen, fate >= 0.8, fate < 0.1),
            shown_if(chosen, fate >= 0.2, fate < 0.1),
            shown_if(chosen, fate > 0.8, ~everywhere),
        ),
        *any_of(
            "one_draw_for_both",
            "`draw` has decided the fate as well. Among the chosen it is always below 0.15, so use `fate`.",
            shown_if(chosen, draw < 0.8, draw >= 0.9),
            shown_if(chosen, draw < 0.8 * 0.15, draw >= 0.9 * 0.15),
        ),
        *any_of(
            "nothing_hidden", "Everything is shown as it was. Nothing is hidden.", ids if bool(chosen.any()) else None
        ),
        *any_of(
            "order_exchanged",
            "These are the targets. What the model is shown comes first.",
            targets,
        ),
    )


# ── 10.2 ──


@exercise("10.2", title="Three kinds of target", stars=2, minutes=15)
def losses_by_kind(trial: Trial) -> None:
    third = torch.tensor([[[0.0, 0, 0], [math.log(2), 0, 0], [math.log(6), 0, 0], [1, 2, 3]]])
    _judges_kinds(trial, third, torch.tensor([[2, 1, 0, 1]]), torch.tensor([[0, 0, 0, IGNORE]]))
    for n_rows, n_places, n_words in ((3, 30, 9), (1, 40, 6), (5, 24, 14)):
        logits = trial.normal(n_rows, n_places, n_words, scale=2.0)
        shown, targets = _kinds(trial, n_rows, n_places, n_words)
        _judges_kinds(trial, logits, shown, targets)
        if n_rows == 5:
            large = "what is added to all logits of a place changes nothing, not even when it is large"
            _judges_kinds(trial, logits + 500, shown, targets, large)
    shown, targets = _kinds(trial, 2, 12, 5)
    targets[(shown != 4) & (shown != targets)] = IGNORE
    empty = "a kind that does not occur has the loss 0"
    _judges_kinds(trial, trial.normal(2, 12, 5), shown, targets, empty)
    _judges_kinds(trial, trial.normal(2, 12, 5), shown, torch.full_like(targets, IGNORE), empty)


def _kinds(trial: Trial, n_rows: int, n_places: int, n_words: int) -> tuple[Tensor, Tensor]:
    """Words as shown, and targets of all three kinds; the mask is the last word."""
    ids, others = trial.integers(n_words - 1, n_rows, n_places), trial.integers(n_words - 1, n_rows, n_places)
    kind = trial.integers(6, n_rows, n_places)
    kind[0, :9] = torch.tensor([0, 0, 1, 2, 0, 2, 2, 3, 1])
    others = torch.where(others == ids, (ids + 1) % (n_words - 1), others)
    shown = torch.where(kind == 0, n_words - 1, torch.where(kind == 1, others, ids))
    return shown, torch.where(kind < 3, ids, IGNORE)


def _judges_kinds(
    trial: Trial,
    logits: Tensor,
    shown: Tensor,
    targets: Tensor,
    law: str = "each kind has the mean, over the places of that kind, of −ln p(target)",
) -> None:
    mask_id = logits.shape[-1] - 1
    is_target = targets != IGNORE
    kinds = [shown == mask_id, (shown != mask_id) & (shown != targets), shown == targets]
    kinds = [kind & is_target for kind in kinds]
    safe = targets.clamp(min=0)

    def cost(logits: Tensor, words: Tensor = safe, dim: int = -1) -> Tensor:
        return -logits.double().log_softmax(dim).gather(-1, words[..., None])[..., 0]

    def means(costs: Tensor, kinds: list[Tensor] = kinds) -> Tensor:
        return torch.stack([(costs * kind).sum() / kind.sum().clamp(min=1) for kind in kinds])

    def sums(costs: Tensor) -> Tensor:
        return torch.stack([(costs * kind).sum() for kind in kinds])

    costs = cost(logits)
    right = means(costs)
    untouched = [kinds[0], (shown != mask_id) & (shown != targets), kinds[2]]
    by_row = [[costs[row][kind[row]].mean() for row in range(len(kind)) if kind[row].any()] for kind in kinds]
    of_rows = torch.stack([torch.stack(each).mean() if each else torch.zeros(()).double() for each in by_row])
    n_targets = int(is_target.sum())
    hits = (logits.argmax(-1) == targets).double()
    every = costs[is_target].mean() if n_targets else torch.zeros(()).double()
    answer = trial(logits=logits, shown=shown, targets=targets, mask_id=mask_id)
    some = bool(right.any())
    answer.equals(
        right.float(),
        law,
        tensor_shows(
            "none_is_nan",
            lambda got: (
                got.shape == (3,)
                and bool(got.isnan().any())
                and torch.allclose(got.nan_to_num(0.0).double(), right, 1e-3, 1e-3)
            ),
            "A kind that does not occur has given nan: 0 divided by 0, or the mean of nothing. It should be 0.",
        ),
        tensor_shows(
            "overflows",
            lambda got: bool((~got.isfinite()).any()) and bool((logits > 100).any()),
            "Large logits have become infinite or nan on their way through exp. Use `log_softmax` or `cross_entropy`.",
        ),
        *any_of(
            "untouched_counted",
            "Places without a target were counted among the exchanged. Their target is −100, which no word equals.",
            means(costs * is_target, untouched),
            means(costs, untouched),
        ),
        *any_of(
            "one_number",
            "That is one mean for all targets. Wanted are three, in a tensor of shape (3,).",
            *((every, every.expand(3)) if some else ()),
        ),
        *any_of("sums", "These are the sums. Divide each by the number of *its* places.", sums(costs)),
        *any_of(
            "divided_by_all_targets",
            "Each sum was divided by the number of *all* targets. Divide by the number of places of that kind.",
            sums(costs) / max(n_targets, 1),
        ),
        *any_of(
            "divided_by_all_places",
            "Each sum was divided by the number of all places. Divide by the number of places of that kind.",
            sums(costs) / targets.numel(),
            torch.stack([costs.masked_fill(~kind, 0).mean() for kind in kinds]),
        ),
        *any_of(
            "mean_of_rows",
            "A mean was taken in each row, and then the mean of these. Each *place* counts the same, whatever its row.",
            of_rows,
        ),
        *any_of(
            "standing_among_exchanged",
            "Words that were left standing were counted among the exchanged. *Exchanged* means: not the target.",
            means(costs, [kinds[0], kinds[1] | kinds[2], kinds[2]]),
        ),
        *any_of(
            "one_too_many",
            "Each sum was divided by one more than the number of places. To keep off 0 / 0, divide by at least 1.",
            sums(costs) / (torch.stack([kind.sum() for kind in kinds]) + 1),
        ),
        *any_of("perplexity", "That is exp of the losses, the perplexities. Wanted are the losses.", right.exp()),
        *any_of("sign", "The sign is wrong: a loss is −ln p, and never below 0.", -right if some else None),
        *any_of("bits", "These are bits. Take the natural logarithm.", right / math.log(2) if some else None),
        *any_of(
            "no_softmax",
            "The logits themselves were averaged. They are no log-probabilities yet: `log_softmax`.",
            means(-logits.double().gather(-1, safe[..., None])[..., 0]),
            means(logits.double().gather(-1, safe[..., None])[..., 0]),
        ),
        *any_of("probabilities", "These are mean probabilities. Wanted is the mean of −ln p.", means((-costs).exp())),
        *any_of(
            "log_of_the_mean",
            "That is the logarithm of the mean probability. Wanted is the mean of the logarithms.",
            -means((-costs).exp()).log(),
            torch.where(right > 0, -means((-costs).exp()).log(), 0.0),
        ),
        *any_of(
            "softmax_twice",
            "It looks as if softmax had been applied before `cross_entropy`, which does it itself.",
            means(cost(logits.double().softmax(-1))),
        ),
        *any_of(
            "wrong_axis",
            "The softmax runs along the wrong axis: for each place, over the words (`dim=-1`).",
            means(cost(logits, dim=1)),
            means(cost(logits, dim=0)),
        ),
        *any_of(
            "shown_scored",
            "The words as *shown* were scored. The right answer stands in `targets`.",
            means(cost(logits, shown)),
        ),
        *any_of("shares_of_hits", "These are shares of right guesses. Wanted are mean losses.", means(hits)),
        *any_of(
            "order_mixed",
            "The three numbers are right, and in another order. Wanted: masked, exchanged, left standing.",
            *(right[list(order)] for order in itertools.permutations(range(3)) if order != (0, 1, 2)),
        ),
    )


# ── 10.3 ──


@exercise("10.3", title="Who is in whose text", stars=2, minutes=15)
def may_look(trial: Trial) -> None:
    first = torch.tensor([[4, 4, 4, 1, 1, -1]])
    encoder, decoder = (trial(documents=first, causal=causal).value for causal in (False, True))
    same = (first[:, :, None] == first[:, None, :])[:, :5]
    trial.requires(
        not (_sees(encoder, same.tril()) and _sees(decoder, same)),
        "a word of an encoder may look in both directions, and one of a decoder may not",
        "causal_for_encoders",
        "The two cases are exchanged: it is `causal=True` that forbids looking ahead.",
    )
    for documents in (
        first,
        torch.tensor([[4, 4, 1, -1]]),
        torch.tensor([[0, 0, 0, 1, 1, 2]]),
        torch.tensor([[0, 0, 1, 1, 1, -1, -1], [3, 3, 3, 3, 0, 0, -1], [2, 0, 0, 1, 1, 1, 1]]),
        torch.tensor([[-1, -1, 5, 5, 2], [7, 7, 7, 7, 7]]),
        torch.tensor([[1]]),
        torch.tensor([[-1, -1], [0, -1]]),
    ):
        for causal in (False, True):
            _allows(trial, documents, causal)


def _sees(got: object, right: Tensor) -> bool:
    """Whether `got` is a mask with these first rows."""
    return isinstance(got, Tensor) and got.ndim == 3 and torch.equal(got[:, : right.shape[1]], right)


def _allows(trial: Trial, documents: Tensor, causal: bool) -> None:
    n_places = documents.shape[1]
    is_text = documents >= 0
    same = documents[:, :, None] == documents[:, None, :]
    square = torch.ones(n_places, n_places, dtype=torch.bool)
    before = square.tril() if causal else square
    right = same & before
    itself = torch.eye(n_places, dtype=torch.bool)
    answer = trial(documents=documents, causal=causal)
    got = answer.value
    law = "a word may look at the places of its own text" + (", up to its own" if causal else ", in both directions")
    answer.requires(
        isinstance(got, Tensor),
        "what comes back is a mask",
        "wrong_type",
        f"Yours is of type {type(got).__name__}, wanted a tensor of True and False.",
    )
    answer.requires(
        got.shape == right.shape,
        "there is a square of places for each row",
        "wrong_shape",
        f"Yours has shape {tuple(got.shape)}, wanted {tuple(right.shape)}.",
    )
    answer.requires(
        got.dtype == torch.bool,
        "what comes back is a mask",
        "not_true_or_false",
        f"Yours has dtype {got.dtype}, wanted `torch.bool`: True where a place may look.",
    )

    def words(mask: Tensor) -> Tensor:
        """The rows of real words; what padding looks at is free."""
        return mask[is_text]

    wrong_words = (
        (
            "upside_down",
            [~right],
            "It is upside down: True should say that a place *may* look.",
        ),
        (
            "padding_seen",
            [
                (same | ~is_text[:, None, :]) & before,
                (same | ~is_text[:, None, :]) & (before | ~is_text[:, None, :]),
            ],
            "Words look at padding. No word may, whatever text it is in.",
        ),
        (
            "texts_ignored",
            [is_text[:, None, :] & before, before.expand_as(right)],
            "Words look at other texts of their row. They may look at places with the same number only.",
        ),
        (
            "document_0_lost",
            [right & (documents > 0)[:, None, :], right & (documents > 0)[:, :, None]],
            "The text with number 0 has vanished. It is a text like any other; padding has −1.",
        ),
        (
            "causal_ignored",
            [same] if causal else [],
            "`causal` was True, and words look at what comes after them.",
        ),
        (
            "always_causal",
            [] if causal else [same & square.tril()],
            "`causal` was False, and words cannot look at what comes after them.",
        ),
        (
            "or_for_and",
            [same | before] if causal else [],
            "Two conditions were joined by *or*. A word may look where it is its own text *and* not ahead.",
        ),
        (
            "only_ahead",
            [same & square.triu()],
            "Words look at themselves and *ahead*. The triangle is the wrong one: `tril` keeps what comes before.",
        ),
        (
            "not_itself",
            [right & ~itself, same & square.tril(-1)],
            "Words cannot look at themselves. They may.",
        ),
        (
            "one_too_far",
            [same & square.tril(1)] if causal else [],
            "Words see one place too far, and so the very word that is to be told.",
        ),
        (
            "earlier_texts_seen",
            [
                (documents[:, :, None] >= documents[:, None, :]) & is_text[:, None, :] & before,
                (documents[:, :, None] >= documents[:, None, :]) & before,
            ],
            "Words look at other texts as well, those with a lower number. Only equal numbers are one text.",
        ),
        (
            "first_row_for_all",
            [right[:1].expand_as(right)],
            "Every row has the mask of the first row. Each has its own texts.",
        ),
    )
    if torch.equal(words(got), words(right)):
        answer.requires(
            bool(got[~is_text].any(-1).all()),
            "every place may look somewhere",
            "padding_sees_nothing",
            "A row of the mask that belongs to padding is all False. The softmax over no place at all is nan, and nan "
            "spreads. Let padding look at something: nobody reads what it finds.",
        )
        return
    for name, masks, says in wrong_words:
        for mask in masks:
            answer.requires(
                not torch.equal(words(got), words(mask)),
                law,
                name,
                says,
            )
    if bool((words(got) & ~is_text[:, None, :].expand_as(right)[is_text]).any()):
        answer.requires(False, law, "padding_seen", "Words look at padding. No word may, whatever text it is in.")
    answer.equals(right, law)


# ── 10.4 ──


@exercise("10.4", title="A blank, filled from the left", stars=2, minutes=15)
def fill_blank(trial: Trial) -> None:
    names = ["ana", "bought", "some", "blue", "tea", "and", "paint", "drank", "it", "."]
    mild, sharp = _language(trial, names, 1.0), _language(trial, names, 25.0)
    texts = [
        "ana bought some _ and drank it .",
        "_ bought some tea and ana drank some tea .",
        "ana drank _",
        "some blue paint and some _ tea and ana bought it . ana drank it and bought some tea .",
    ]
    whole = "a word is the likelier in the blank, the likelier the whole text is with it"
    for text in texts:
        _fills(trial, text, names[:7], mild, whole)
    _fills(trial, "ana bought _ tea .", ["blue", "some"], mild, whole)
    long = "a long text has a tiny probability, and the shares are what they are"
    _fills(trial, " ".join(["ana _ some tea .", *["ana drank it ."] * 7]), names[2:8], sharp, long)
    none = "a word that makes the text impossible has the probability 0"

    def some_impossible(text: str) -> float:
        return -math.inf if "paint" in text.split() else mild(text)

    _fills(trial, "ana bought some _ and drank it .", ["tea", "paint", "blue"], some_impossible, none)


def _language(trial: Trial, names: list[str], scale: float) -> Callable[[str], float]:
    """The log-probability of texts, by a model that tells each word, and the end, by all words before it."""
    table = trial.normal(len(names), len(names) + 1, scale=scale).tolist()
    start = trial.normal(len(names) + 1, scale=scale).tolist()
    number = {name: place for place, name in enumerate(names)}

    def log_prob(text: str) -> float:
        if not isinstance(text, str):
            raise TypeError(f"log_prob takes one text, and got {type(text).__name__}")
        for word in text.split():
            if word not in number:
                raise ValueError(f"there is no word {word!r} in this language")
        scores, total = list(start), 0.0
        for which in [*(number[word] for word in text.split()), len(names)]:
            largest = max(scores)
            total += scores[which] - largest - math.log(sum(math.exp(score - largest) for score in scores))
            if which < len(names):
                scores = [0.7 * old + new for old, new in zip(scores, table[which], strict=True)]
        return total

    return log_prob


def _fills(trial: Trial, text: str, candidates: list[str], log_prob: Callable[[str], float], law: str) -> None:
    place = text.split().index("_")
    before, after = text.split()[:place], text.split()[place + 1 :]

    def scores(left: list[str], right: list[str]) -> Tensor:
        return torch.tensor([log_prob(" ".join([*left, word, *right])) for word in candidates], dtype=torch.float64)

    whole = scores(before, after)
    right = whole.softmax(0)
    left_only = scores(before, []).softmax(0)
    ahead = [log_prob(" ".join(before))] if before else [log_prob("")]
    length = len(text.split())
    finite = bool(whole.isfinite().all())
    shares = whole / whole.sum()

    def like(wrong: Tensor) -> Tensor | None:
        """`wrong`, if it can be told from the right one."""
        return None if torch.allclose(wrong, right, 2e-3, 2e-3) else wrong

    def up_to_a_factor(got: Tensor) -> bool:
        return (
            got.shape == right.shape
            and float(got.sum()) < 0.9
            and bool((got >= 0).all())
            and torch.allclose(got.double(), whole.exp(), rtol=1e-2, atol=0)
            and bool(got.any())
        )

    answer = trial(text=text, words=candidates, log_prob=log_prob)
    answer.equals(
        right.float(),
        law,
        tensor_shows(
            "underflow",
            lambda got: (
                got.shape == right.shape and float(whole.max()) < -80 and (bool(got.isnan().any()) or not got.any())
            ),
            "The probability of such a long text is rounded to 0 by exp, and then 0 is divided by 0. Take the largest "
            "log-probability off all of them first, as `softmax` does.",
        ),
        tensor_shows("not_normalised", up_to_a_factor, "These are probabilities of texts. Divide by their sum."),
        *any_of(
            "best_is_one",
            "These are the probabilities of texts, compared with the best one. Divide by their sum.",
            (whole - whole.max()).exp(),
        ),
        *any_of("log_kept", "These are logarithms. Wanted are probabilities, which sum to 1.", whole),
        *any_of(
            "log_of_shares",
            "These are the logarithms of the probabilities. Take exp of them.",
            whole.log_softmax(0),
        ),
        *any_of(
            "left_only",
            "Only what stands to the *left* of the blank was used. The words behind it tell something, too.",
            like(left_only),
        ),
        *any_of(
            "left_not_normalised",
            "Only what stands to the *left* was used, and the sum is not 1.",
            scores(before, []).exp(),
            (scores(before, []) - ahead[0]).exp(),
        ),
        *any_of(
            "right_only",
            "Only what stands to the *right* of the blank was used.",
            like(scores([], after).softmax(0)),
        ),
        *any_of(
            "word_alone",
            "The word was scored all by itself. Its text is what makes it likely or not.",
            like(scores([], []).softmax(0)),
        ),
        *any_of(
            "blank_left_out",
            "The blank seems to have been filled at another place, or at the end of the text.",
            like(scores([*before, *after], []).softmax(0)),
            like(scores([], [*before, *after]).softmax(0)),
        ),
        *any_of(
            "sides_added",
            "The two sides were scored apart and then put together. Score one text, with the word in it.",
            like((scores(before, []) + scores([], after)).softmax(0)),
            like((scores(before, []).softmax(0) + scores([], after).softmax(0)) / 2),
        ),
        *any_of(
            "divided_by_length",
            "The log-probabilities were divided by the number of words. That makes everything more equal than it is.",
            *(like((whole / n).softmax(0)) for n in (length, length + 1, length - 1) if n > 0),
            like((whole / len(text)).softmax(0)),
        ),
        *any_of(
            "logs_shared_out",
            "The logarithms themselves were divided by their sum. Take exp first.",
            shares if finite else None,
        ),
        tensor_shows(
            "impossible_is_nan",
            lambda got: not finite and bool(got.isnan().any()),
            "One of the words has the log-probability −∞, and the result is nan. −∞ − (−∞) is nan, and so is 0 · ∞. "
            "exp of −∞ is just 0.",
        ),
        tensor_shows(
            "impossible_is_likely",
            lambda got: got.shape == right.shape and bool((got[whole.isinf()] > 0.01).any()),
            "A word that makes the text impossible has got a probability. exp of −∞ is 0; let it be.",
        ),
        *any_of(
            "upside_down",
            "It is upside down: the likeliest word has got least.",
            (-whole).softmax(0) if finite else None,
        ),
        *any_of(
            "bits", "That is 2 to the power of the logarithm. They are natural ones.", (whole * math.log(2)).softmax(0)
        ),
        *any_of(
            "only_the_best",
            "Everything was given to the likeliest word. Wanted are the probabilities of all of them.",
            like(torch.nn.functional.one_hot(whole.argmax(), len(candidates)).double()),
        ),
        tensor_shows(
            "sorted",
            lambda got: (
                got.shape == right.shape
                and torch.allclose(got.double().sort().values, right.sort().values, 2e-3, 2e-3)
                and torch.equal(got, got.sort(descending=bool(got[0] > got[-1])).values)
            ),
            "The probabilities are right, and sorted. They should stand in the order of `words`.",
        ),
        *any_of(
            "just_the_number", "That is which word is the likeliest. Wanted are all probabilities.", int(whole.argmax())
        ),
        tolerance=2e-3,
    )


# ── 10.5 ──

Guess = Callable[[Tensor], Tensor]

MOST_CALLS = 1500
"""So often, and far more than any answer needs, one guesser may be asked."""


class AskedTooOften(RuntimeError):
    """A guesser was asked without end."""


@exercise("10.5", title="The surest first", stars=3, minutes=25)
def fill_all(trial: Trial) -> None:
    for n_places, n_words, n_blanks in ((11, 5, 8), (9, 6, 9), (16, 20, 7), (7, 6, 1), (5, 6, 0)):
        for _ in range(12):
            guess = _guesser(trial, n_places, n_words)
            ids = trial.integers(n_words, n_places)
            ids[trial.normal(n_places).argsort()[:n_blanks]] = n_words
            fills = _fills_by_rule(ids, n_words, guess)
            if len({tuple(each.tolist()) for each in fills.values()}) == len(fills) or n_blanks < 8:
                break  # in a text with many blanks every mistake shows, and none looks like another
        _fills_all(trial, ids, n_words, guess, fills)


def _guesser(trial: Trial, n_places: int, n_words: int) -> Guess:
    """A model that tells each word by all others, those near by more than those far off; a mask tells it nothing."""
    ahead, behind = (trial.normal(n_words + 1, n_words, scale=3.0) for _ in range(2))
    ahead[n_words] = behind[n_words] = 0
    own = trial.normal(n_places, n_words)
    calls = iter(range(MOST_CALLS))
    steps = torch.arange(n_places)[:, None] - torch.arange(n_places)
    near = torch.where(steps > 0, 0.6 ** steps.abs(), 0.0)

    def guess(ids: Tensor) -> Tensor:
        if next(calls, None) is None:
            raise AskedTooOften("there is no end to it")
        ids = torch.as_tensor(ids).long()
        if ids.shape[-1:] != (n_places,):
            raise ValueError(f"guess takes a whole text of {n_places} places, and got shape {tuple(ids.shape)}")
        return (own + near @ ahead[ids] + near.T @ behind[ids]).softmax(-1)

    return guess


def _fill_by(ids: Tensor, mask_id: int, guess: Guess, choose: Callable[[Tensor, Tensor], int]) -> Tensor:
    """Fill the blanks one by one; `choose` names the next place, from the guesses and from what is still masked."""
    ids = ids.clone()
    while bool((ids == mask_id).any()):
        chances = guess(ids)
        place = choose(chances, ids == mask_id)
        ids[place] = chances[place].argmax()
    return ids


def _at_most(score: Tensor, open_: Tensor) -> int:
    """Which of the open places has the highest score."""
    return int(score.masked_fill(~open_, -math.inf).argmax())


def _fills_by_rule(ids: Tensor, mask_id: int, guess: Guess) -> dict[str, Tensor]:
    """What comes out by the right rule, and by others."""
    blank = ids == mask_id
    first = guess(ids)
    order = first.amax(-1)
    places = torch.arange(len(ids)).double()

    def by(score: Callable[[Tensor], Tensor]) -> Tensor:
        return _fill_by(ids, mask_id, guess, lambda chances, open_: _at_most(score(chances), open_))

    def margin(chances: Tensor) -> Tensor:
        best = chances.topk(2).values
        return best[:, 0] - best[:, 1]

    at_once = torch.where(blank, first.argmax(-1), ids)
    return {
        "right": by(lambda chances: chances.amax(-1)),
        "all_at_once": at_once,
        "least_sure_first": by(lambda chances: -chances.amax(-1)),
        "left_to_right": by(lambda _: -places),
        "right_to_left": by(lambda _: places),
        "order_of_the_first_guess": by(lambda _: order),
        "by_entropy": by(lambda chances: (chances * chances.clamp(min=1e-30).log()).sum(-1)),
        "by_margin": by(margin),
        "guessed_twice": torch.where(blank, guess(at_once).argmax(-1), ids),
        "least_likely_word": _least_likely(ids, mask_id, guess),
    }


RULES = {
    "all_at_once": "Every blank has the word that the model gave when *all* of them were still blank. After each word, "
    "ask it again, with the word in its place.",
    "least_sure_first": "The blanks were filled beginning with the *least* sure.",
    "left_to_right": "The blanks were filled from left to right. The order is that of the largest probability.",
    "right_to_left": "The blanks were filled from right to left. The order is that of the largest probability.",
    "order_of_the_first_guess": "The model was asked again for the words, but the *order* is still that of the first "
    "guess. A new word can make another blank the surest.",
    "by_entropy": "The order is that of the smallest entropy. Here the surest is the blank whose best word has the "
    "largest probability.",
    "by_margin": "The order is that of the distance between the best and the second best word. Here the best one alone "
    "counts.",
    "guessed_twice": "All blanks were filled together, and then all of them once more. One word at a time, which then "
    "stays.",
    "least_likely_word": "The order may be right, but the *least* likely words were written.",
}
"""What to say to whoever followed another rule in 10.5."""


def _fills_all(trial: Trial, ids: Tensor, mask_id: int, guess: Guess, fills: dict[str, Tensor]) -> None:
    blank = ids == mask_id
    right, first = fills["right"], guess(ids)
    try:
        answer = trial(ids=ids, mask_id=mask_id, guess=guess)
    except BrokenLaw as broken:
        if not isinstance(broken.__cause__, AskedTooOften):
            raise
        raise BrokenLaw(
            "asks_forever",
            "Broken law: each call of the model fills one blank, until there is none.",
            f"Yours asked {MOST_CALLS} times and was not finished. Does a place with a *known* word win each time? "
            "Take the largest probability among the masked places only. Or is the number of a *blank* taken for "
            "that of a place?",
            f"tried:  {trial.happening}",
        ) from broken
    answer.equals(
        right,
        "the blank with the largest probability is filled first, and then the model is asked again",
        tensor_shows(
            "masks_left",
            lambda got: got.shape == ids.shape and bool((got == mask_id).any()),
            "There are masks left. Go on until there is none.",
        ),
        tensor_shows(
            "known_words_changed",
            lambda got: got.shape == ids.shape and not torch.equal(got[~blank].long(), ids[~blank]),
            "A word has changed that was known from the beginning. Only masks are to be filled: leave all other places "
            "out of the contest.",
        ),
        *(Mistake(rule, fills[rule], says) for rule, says in RULES.items()),
        tensor_shows(
            "column_or_table",
            lambda got: got.shape == first.shape,
            "These are probabilities. Wanted is the text, one number for each place.",
        ),
        *any_of(
            "only_the_blanks",
            "These are the words for the blanks. Wanted is the whole text.",
            right[blank] if not bool(blank.all()) else None,
        ),
    )


def _least_likely(ids: Tensor, mask_id: int, guess: Guess) -> Tensor:
    ids = ids.clone()
    while bool((ids == mask_id).any()):
        chances = guess(ids)
        place = _at_most(chances.amax(-1), ids == mask_id)
        ids[place] = chances[place].argmin()
    return ids


# ── 10.6 ──


@exercise("10.6", title="Numbers about a perfect guesser", stars=2, minutes=20)
def predictions(trial: Trial) -> None:
    said = trial()

    def expect(key: str, right: float, law: str, *mistakes: Mistake, tolerance: float = 2e-3) -> None:
        said.entry(key).equals(right, law, *mistakes, tolerance=tolerance, reveal=False)

    expect(
        "masks",
        1200,
        "15 of 100 tokens are chosen, and of these 80 of 100 become the mask",
        Mistake("all_chosen", 1500, "That is how many are *chosen*. Not all of them become the mask."),
        Mistake("not_of_the_chosen", 8000, "80 % is a share of those that were chosen."),
        Mistake("all_changed", 1350, "That counts the exchanged as well. They do not become the mask."),
        Mistake("not_masked", 300, "These are the chosen that do *not* become the mask."),
        Mistake("a_share", 0.12, "That is a share. How many of the 10,000 are these?"),
    )
    _suspects(expect)
    expect(
        "leak",
        2 / 64,
        "what the model can see it can copy, and the mean runs over all 64 targets",
        Mistake("no_leak", 2, "So it would be if every target had to be guessed. Which of them stands in the window?"),
        Mistake("last_forgotten", 0, "One of the 64 targets cannot be copied. Which one does not stand in the window?"),
        Mistake("divided_by_63", 2 / 63, "The mean runs over all 64 targets, those that are copied included."),
        Mistake("only_one_copied", 2 * 63 / 64, "Count again which targets stand in the window, and which do not."),
        Mistake("half_copied", 1, "Each place sees the *whole* window, not half of it."),
        tolerance=3e-4,
    )
    _losses(expect)
    expect(
        "together",
        5 / 8,
        "two words that are drawn apart know nothing of each other, so their probabilities are multiplied",
        Mistake(
            "always_fits",
            1,
            "That would be so if the second word were drawn *after* the first, with the first in its place.",
        ),
        Mistake("does_not_fit", 3 / 8, "That is the chance that it is none of the three, or the same text twice."),
        Mistake("only_red", 9 / 16, "That is *red* with one of its two fruits. One more text exists."),
        Mistake("only_yellow", 1 / 16, "That is *yellow banana* alone."),
        Mistake("all_pairs_alike", 1 / 2, "The pairs are not equally likely: *red* is drawn more often than *yellow*."),
        Mistake("three_of_nine", 1 / 3, "There are 2 first words and 3 second words, and they are not equally likely."),
    )
    expect(
        "scores",
        2,
        "a score is the product of p(first given second) and p(second given first), and all scores are added up",
        Mistake(
            "probabilities",
            1,
            "Probabilities of all texts sum to 1. Compute the three scores; they are no probabilities.",
        ),
        Mistake("three_ones", 3, "After *red* there is more than one possible word, so not every score is 1."),
        Mistake(
            "averaged",
            2 / 3,
            "That is a mean, or the score of *red apple* alone. Add the scores of all texts.",
        ),
        Mistake("without_cherry", 5 / 3, "The score of *red cherry* is missing."),
        Mistake("without_apple", 4 / 3, "The score of *red apple* is missing."),
        Mistake(
            "without_the_other_word",
            5 / 8,
            "You multiplied the probabilities of the words by themselves. Each is told with the *other one known*.",
        ),
    )


def _suspects(expect: Callable[..., None]) -> None:
    expect(
        "suspect",
        0.03 / 0.88,
        "of all tokens that are shown as a word, those that were chosen are a share",
        Mistake("of_all_tokens", 0.03, "That is a share of *all* tokens. Some of these are shown as the mask."),
        Mistake("of_the_chosen", 0.2, "That is the share of the *chosen* that are shown as a word."),
        Mistake("chosen_at_all", 0.15, "That holds before one has looked. Most of the chosen are shown as the mask."),
        Mistake(
            "one_kind_only", 0.015 / 0.88, "There are two kinds: the exchanged, and those that were left standing."
        ),
        Mistake("one_kind_of_all", 0.015, "There are two kinds, and it is a share of those that are shown as a word."),
        Mistake("of_those_not_chosen", 0.03 / 0.85, "You divided by those that were not chosen. Whose share is it?"),
        Mistake("in_percent", 3.409, "That is in percent. Say it as a number between 0 and 1."),
        Mistake("the_others", 0.85 / 0.88, "That is the share of those that were *not* chosen."),
        tolerance=2e-4,
    )


def _losses(expect: Callable[..., None]) -> None:
    red = math.log(3) - 2 / 3 * math.log(2)
    first = 2 * math.log(2) - 3 / 4 * math.log(3)
    text = 3 / 2 * math.log(2)
    alone = (first + text) / 2
    expect(
        "encoder",
        3 / 8 * red,
        "a hidden first word is certain, and a hidden second word is not if the first is red",
        Mistake(
            "second_only", 3 / 4 * red, "That is the loss of a hidden *second* word. Half of the time it is the first."
        ),
        Mistake("red_only", red, "That is the loss after *red*. How often does it come to that?"),
        Mistake(
            "yellow_forgotten", red / 2, "After *yellow* nothing is left to guess. How often is the first word red?"
        ),
        Mistake("decoders_loss", text / 2, "That is the loss of a reader from left to right."),
        Mistake("nothing_seen", alone, "So it is if the other word is not looked at. It can be seen."),
        Mistake("in_bits", 3 / 8 * red / math.log(2), "These are bits. Take the natural logarithm."),
        Mistake("no_loss", 0, "After *red* two words are possible. Even a perfect guesser cannot know which it was."),
        Mistake("two_as_likely", 3 / 8 * math.log(2), "After *red* the two words are not equally likely."),
    )
    expect(
        "decoder",
        text / 2,
        "the first word is told with nothing before it, the second after the first",
        Mistake("whole_text", text, "That is the loss of a whole text. It has two words, and the mean was asked for."),
        Mistake("in_bits", 3 / 4, "These are bits. Take the natural logarithm."),
        Mistake("nothing_seen", alone, "So it is if the second word is told without the first. The first can be seen."),
        Mistake(
            "encoders_loss", 3 / 8 * red, "The first word is not certain for a reader who has not seen the second."
        ),
        Mistake("second_word", 3 / 4 * red, "That is the second word's loss. Take the mean over both words."),
        Mistake("first_word", first, "That is the first word's loss. Take the mean over both words."),
        Mistake("all_alike", math.log(3) / 2, "The three texts are not equally likely."),
    )
