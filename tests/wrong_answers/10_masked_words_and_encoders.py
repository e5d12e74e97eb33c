"""Wrong answers to the exercises of lesson 10, named after the diagnosis that they must get, and a second right one."""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

Pair = tuple[Tensor, Tensor]


def recipe(
    ids: Tensor, chosen: Tensor, fate: Tensor, substitutes: Tensor, mask_id: int, masked: float, kept: float
) -> Tensor:
    """What is shown if fates below `masked` are masked, those up to `kept` stay and all others are exchanged."""
    shown = torch.where(chosen & (fate < masked), mask_id, ids)
    return torch.where(chosen & (fate >= kept), substitutes, shown)


def chosen_by(draw: Tensor, ids: Tensor, end_id: int) -> Tensor:
    return (draw < 0.15) & (ids != end_id)


class Exercise1001:
    def right(ids: Tensor, draw: Tensor, fate: Tensor, substitutes: Tensor, mask_id: int, end_id: int) -> Pair:
        """Token by token, with Python's numbers."""
        shown, targets = [], []
        columns = [each.flatten().tolist() for each in (ids, draw, fate, substitutes)]
        for token, chance, what, other in zip(*columns, strict=True):
            if token == end_id or chance >= 0.15:
                shown.append(token)
                targets.append(-100)
                continue
            targets.append(token)
            shown.append(mask_id if what < 0.8 else token if what < 0.9 else other)
        return torch.tensor(shown).view(ids.shape), torch.tensor(targets).view(ids.shape)

    def not_two(ids: Tensor, draw: Tensor, fate: Tensor, substitutes: Tensor, mask_id: int, end_id: int) -> Tensor:
        return Exercise1001.right(ids, draw, fate, substitutes, mask_id, end_id)[0]

    def order_exchanged(
        ids: Tensor, draw: Tensor, fate: Tensor, substitutes: Tensor, mask_id: int, end_id: int
    ) -> Pair:
        return Exercise1001.right(ids, draw, fate, substitutes, mask_id, end_id)[::-1]

    def every_place_a_target(
        ids: Tensor, draw: Tensor, fate: Tensor, substitutes: Tensor, mask_id: int, end_id: int
    ) -> Pair:
        return Exercise1001.right(ids, draw, fate, substitutes, mask_id, end_id)[0], ids.clone()

    def end_chosen(ids: Tensor, draw: Tensor, fate: Tensor, substitutes: Tensor, mask_id: int, end_id: int) -> Pair:
        chosen = draw < 0.15
        return recipe(ids, chosen, fate, substitutes, mask_id, 0.8, 0.9), torch.where(chosen, ids, -100)

    def end_is_always_0(
        ids: Tensor, draw: Tensor, fate: Tensor, substitutes: Tensor, mask_id: int, end_id: int
    ) -> Pair:
        return Exercise1001.right(ids, draw, fate, substitutes, mask_id, 0)

    def wrong_dtype(ids: Tensor, draw: Tensor, fate: Tensor, substitutes: Tensor, mask_id: int, end_id: int) -> Pair:
        shown, targets = Exercise1001.right(ids, draw, fate, substitutes, mask_id, end_id)
        return shown.float(), targets.float()

    def others_chosen(ids: Tensor, draw: Tensor, fate: Tensor, substitutes: Tensor, mask_id: int, end_id: int) -> Pair:
        chosen = (draw >= 0.15) & (ids != end_id)
        return recipe(ids, chosen, fate, substitutes, mask_id, 0.8, 0.9), torch.where(chosen, ids, -100)

    def only_masks_are_targets(
        ids: Tensor, draw: Tensor, fate: Tensor, substitutes: Tensor, mask_id: int, end_id: int
    ) -> Pair:
        shown = recipe(ids, chosen_by(draw, ids, end_id), fate, substitutes, mask_id, 0.8, 0.9)
        return shown, torch.where(shown == mask_id, ids, -100)

    def only_changed_are_targets(
        ids: Tensor, draw: Tensor, fate: Tensor, substitutes: Tensor, mask_id: int, end_id: int
    ) -> Pair:
        shown = recipe(ids, chosen_by(draw, ids, end_id), fate, substitutes, mask_id, 0.8, 0.9)
        return shown, torch.where(shown != ids, ids, -100)

    def shown_as_target(
        ids: Tensor, draw: Tensor, fate: Tensor, substitutes: Tensor, mask_id: int, end_id: int
    ) -> Pair:
        """Writes into `ids` before it reads the targets from it."""
        chosen = chosen_by(draw, ids, end_id)
        ids = recipe(ids, chosen, fate, substitutes, mask_id, 0.8, 0.9)
        return ids, torch.where(chosen, ids, -100)

    def mutates_input(ids: Tensor, draw: Tensor, fate: Tensor, substitutes: Tensor, mask_id: int, end_id: int) -> Pair:
        chosen = chosen_by(draw, ids, end_id)
        targets = torch.where(chosen, ids, -100)
        ids[chosen & (fate < 0.8)] = mask_id
        return ids, targets

    def fate_chooses(ids: Tensor, draw: Tensor, fate: Tensor, substitutes: Tensor, mask_id: int, end_id: int) -> Pair:
        chosen = chosen_by(fate, ids, end_id)
        return recipe(ids, chosen, draw, substitutes, mask_id, 0.8, 0.9), torch.where(chosen, ids, -100)

    def true_or_false(ids: Tensor, draw: Tensor, fate: Tensor, substitutes: Tensor, mask_id: int, end_id: int) -> Pair:
        chosen = chosen_by(draw, ids, end_id)
        return recipe(ids, chosen, fate, substitutes, mask_id, 0.8, 0.9), chosen

    def another_mark(ids: Tensor, draw: Tensor, fate: Tensor, substitutes: Tensor, mask_id: int, end_id: int) -> Pair:
        chosen = chosen_by(draw, ids, end_id)
        return recipe(ids, chosen, fate, substitutes, mask_id, 0.8, 0.9), torch.where(chosen, ids, -1)

    def hides_those_not_chosen(
        ids: Tensor, draw: Tensor, fate: Tensor, substitutes: Tensor, mask_id: int, end_id: int
    ) -> Pair:
        chosen = chosen_by(draw, ids, end_id)
        shown = torch.where(chosen & (fate < 0.8), mask_id, ids)
        return torch.where(fate >= 0.9, substitutes, shown), torch.where(chosen, ids, -100)

    def end_hidden(ids: Tensor, draw: Tensor, fate: Tensor, substitutes: Tensor, mask_id: int, end_id: int) -> Pair:
        targets = torch.where(chosen_by(draw, ids, end_id), ids, -100)
        return recipe(ids, draw < 0.15, fate, substitutes, mask_id, 0.8, 0.9), targets

    def all_masked(ids: Tensor, draw: Tensor, fate: Tensor, substitutes: Tensor, mask_id: int, end_id: int) -> Pair:
        chosen = chosen_by(draw, ids, end_id)
        return ids.masked_fill(chosen, mask_id), torch.where(chosen, ids, -100)

    def stay_and_swap_exchanged(
        ids: Tensor, draw: Tensor, fate: Tensor, substitutes: Tensor, mask_id: int, end_id: int
    ) -> Pair:
        chosen = chosen_by(draw, ids, end_id)
        shown = torch.where(chosen, torch.where(fate < 0.8, mask_id, torch.where(fate < 0.9, substitutes, ids)), ids)
        return shown, torch.where(chosen, ids, -100)

    def never_exchanged(
        ids: Tensor, draw: Tensor, fate: Tensor, substitutes: Tensor, mask_id: int, end_id: int
    ) -> Pair:
        chosen = chosen_by(draw, ids, end_id)
        return recipe(ids, chosen, fate, substitutes, mask_id, 0.8, 2), torch.where(chosen, ids, -100)

    def never_left_standing(
        ids: Tensor, draw: Tensor, fate: Tensor, substitutes: Tensor, mask_id: int, end_id: int
    ) -> Pair:
        chosen = chosen_by(draw, ids, end_id)
        return recipe(ids, chosen, fate, substitutes, mask_id, 0.8, 0.8), torch.where(chosen, ids, -100)

    def mask_too_often(ids: Tensor, draw: Tensor, fate: Tensor, substitutes: Tensor, mask_id: int, end_id: int) -> Pair:
        chosen = chosen_by(draw, ids, end_id)
        return recipe(ids, chosen, fate, substitutes, mask_id, 0.9, 0.9), torch.where(chosen, ids, -100)

    def masks_overwritten(
        ids: Tensor, draw: Tensor, fate: Tensor, substitutes: Tensor, mask_id: int, end_id: int
    ) -> Pair:
        """The second `where` begins from `ids` again."""
        chosen = chosen_by(draw, ids, end_id)
        return torch.where(chosen & (fate >= 0.9), substitutes, ids), torch.where(chosen, ids, -100)

    def upside_down(ids: Tensor, draw: Tensor, fate: Tensor, substitutes: Tensor, mask_id: int, end_id: int) -> Pair:
        chosen = chosen_by(draw, ids, end_id)
        shown = torch.where(chosen & (fate >= 0.2), mask_id, ids)
        return torch.where(chosen & (fate < 0.1), substitutes, shown), torch.where(chosen, ids, -100)

    def one_draw_for_both(
        ids: Tensor, draw: Tensor, fate: Tensor, substitutes: Tensor, mask_id: int, end_id: int
    ) -> Pair:
        chosen = chosen_by(draw, ids, end_id)
        return recipe(ids, chosen, draw / 0.15, substitutes, mask_id, 0.8, 0.9), torch.where(chosen, ids, -100)

    def nothing_hidden(ids: Tensor, draw: Tensor, fate: Tensor, substitutes: Tensor, mask_id: int, end_id: int) -> Pair:
        """Fills a copy that indexing has made, and throws it away."""
        chosen = chosen_by(draw, ids, end_id)
        shown = ids.clone()
        shown[chosen].masked_fill_(fate[chosen] < 0.8, mask_id)
        return shown, torch.where(chosen, ids, -100)


def place_costs(logits: Tensor, targets: Tensor) -> Tensor:
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="none").view(targets.shape)


def kinds_of(shown: Tensor, targets: Tensor, mask_id: int) -> list[Tensor]:
    known = targets != -100
    masked, same = shown == mask_id, shown == targets
    return [masked & known, ~masked & ~same & known, same & known]


def kind_means(costs: Tensor, kinds: list[Tensor]) -> Tensor:
    return torch.stack([(costs * kind).sum() / kind.sum().clamp(min=1) for kind in kinds])


class Exercise1002:
    def right(logits: Tensor, shown: Tensor, targets: Tensor, mask_id: int) -> Tensor:
        """Place by place, in lists."""
        lists: list[list[float]] = [[], [], []]
        log_p = logits.double().log_softmax(-1)
        for row in range(len(shown)):
            for place in range(shown.shape[1]):
                target, seen = int(targets[row, place]), int(shown[row, place])
                if target != -100:
                    kind = 0 if seen == mask_id else 2 if seen == target else 1
                    lists[kind].append(-float(log_p[row, place, target]))
        return torch.tensor([sum(each) / len(each) if each else 0.0 for each in lists])

    def none_is_nan(logits: Tensor, shown: Tensor, targets: Tensor, mask_id: int) -> Tensor:
        costs = place_costs(logits, targets)
        return torch.stack([costs[kind].mean() for kind in kinds_of(shown, targets, mask_id)])

    def overflows(logits: Tensor, shown: Tensor, targets: Tensor, mask_id: int) -> Tensor:
        p = logits.exp() / logits.exp().sum(-1, keepdim=True)
        costs = -p.gather(-1, targets.clamp(min=0)[..., None])[..., 0].log()
        return kind_means(costs, kinds_of(shown, targets, mask_id))

    def untouched_counted(logits: Tensor, shown: Tensor, targets: Tensor, mask_id: int) -> Tensor:
        masked, same = shown == mask_id, shown == targets
        return kind_means(place_costs(logits, targets), [masked, ~masked & ~same, same])

    def one_number(logits: Tensor, shown: Tensor, targets: Tensor, mask_id: int) -> Tensor:
        return F.cross_entropy(logits.flatten(0, 1), targets.flatten())

    def sums(logits: Tensor, shown: Tensor, targets: Tensor, mask_id: int) -> Tensor:
        costs = place_costs(logits, targets)
        return torch.stack([costs[kind].sum() for kind in kinds_of(shown, targets, mask_id)])

    def divided_by_all_targets(logits: Tensor, shown: Tensor, targets: Tensor, mask_id: int) -> Tensor:
        return Exercise1002.sums(logits, shown, targets, mask_id) / (targets != -100).sum().clamp(min=1)

    def divided_by_all_places(logits: Tensor, shown: Tensor, targets: Tensor, mask_id: int) -> Tensor:
        costs = place_costs(logits, targets)
        return torch.stack([(costs * kind).mean() for kind in kinds_of(shown, targets, mask_id)])

    def mean_of_rows(logits: Tensor, shown: Tensor, targets: Tensor, mask_id: int) -> Tensor:
        costs, result = place_costs(logits, targets), []
        for kind in kinds_of(shown, targets, mask_id):
            rows = [costs[row][kind[row]].mean() for row in range(len(kind)) if kind[row].any()]
            result.append(torch.stack(rows).mean() if rows else torch.tensor(0.0))
        return torch.stack(result)

    def standing_among_exchanged(logits: Tensor, shown: Tensor, targets: Tensor, mask_id: int) -> Tensor:
        masked, exchanged, same = kinds_of(shown, targets, mask_id)
        return kind_means(place_costs(logits, targets), [masked, exchanged | same, same])

    def one_too_many(logits: Tensor, shown: Tensor, targets: Tensor, mask_id: int) -> Tensor:
        costs = place_costs(logits, targets)
        return torch.stack([(costs * kind).sum() / (kind.sum() + 1) for kind in kinds_of(shown, targets, mask_id)])

    def perplexity(logits: Tensor, shown: Tensor, targets: Tensor, mask_id: int) -> Tensor:
        return kind_means(place_costs(logits, targets), kinds_of(shown, targets, mask_id)).exp()

    def sign(logits: Tensor, shown: Tensor, targets: Tensor, mask_id: int) -> Tensor:
        return -kind_means(place_costs(logits, targets), kinds_of(shown, targets, mask_id))

    def bits(logits: Tensor, shown: Tensor, targets: Tensor, mask_id: int) -> Tensor:
        return kind_means(place_costs(logits, targets) / math.log(2), kinds_of(shown, targets, mask_id))

    def no_softmax(logits: Tensor, shown: Tensor, targets: Tensor, mask_id: int) -> Tensor:
        costs = -logits.gather(-1, targets.clamp(min=0)[..., None])[..., 0]
        return kind_means(costs, kinds_of(shown, targets, mask_id))

    def probabilities(logits: Tensor, shown: Tensor, targets: Tensor, mask_id: int) -> Tensor:
        return kind_means((-place_costs(logits, targets)).exp(), kinds_of(shown, targets, mask_id))

    def log_of_the_mean(logits: Tensor, shown: Tensor, targets: Tensor, mask_id: int) -> Tensor:
        return -Exercise1002.probabilities(logits, shown, targets, mask_id).log()

    def softmax_twice(logits: Tensor, shown: Tensor, targets: Tensor, mask_id: int) -> Tensor:
        return kind_means(place_costs(logits.softmax(-1), targets), kinds_of(shown, targets, mask_id))

    def wrong_axis(logits: Tensor, shown: Tensor, targets: Tensor, mask_id: int) -> Tensor:
        costs = -logits.log_softmax(1).gather(-1, targets.clamp(min=0)[..., None])[..., 0]
        return kind_means(costs, kinds_of(shown, targets, mask_id))

    def shown_scored(logits: Tensor, shown: Tensor, targets: Tensor, mask_id: int) -> Tensor:
        return kind_means(place_costs(logits, shown), kinds_of(shown, targets, mask_id))

    def shares_of_hits(logits: Tensor, shown: Tensor, targets: Tensor, mask_id: int) -> Tensor:
        return kind_means((logits.argmax(-1) == targets).float(), kinds_of(shown, targets, mask_id))

    def order_mixed(logits: Tensor, shown: Tensor, targets: Tensor, mask_id: int) -> Tensor:
        masked, exchanged, same = kinds_of(shown, targets, mask_id)
        return kind_means(place_costs(logits, targets), [masked, same, exchanged])


def same_text(documents: Tensor) -> Tensor:
    return documents[:, :, None] == documents[:, None, :]


class Exercise1003:
    def right(documents: Tensor, causal: bool) -> Tensor:
        """Place by place; padding looks at itself alone."""
        n_rows, n_places = documents.shape
        mask = torch.zeros(n_rows, n_places, n_places, dtype=torch.bool)
        for row in range(n_rows):
            for place in range(n_places):
                for other in range(place + 1 if causal else n_places):
                    same = documents[row, place] == documents[row, other]
                    mask[row, place, other] = bool(same) and (documents[row, place] >= 0 or place == other)
        return mask

    def wrong_type(documents: Tensor, causal: bool) -> list:
        return Exercise1003.right(documents, causal).tolist()

    def wrong_shape(documents: Tensor, causal: bool) -> Tensor:
        return Exercise1003.right(documents, causal)[:, None]

    def not_true_or_false(documents: Tensor, causal: bool) -> Tensor:
        return torch.zeros(1).where(Exercise1003.right(documents, causal), -math.inf)

    def padding_sees_nothing(documents: Tensor, causal: bool) -> Tensor:
        return Exercise1003.right(documents, causal) & (documents >= 0)[:, :, None]

    def upside_down(documents: Tensor, causal: bool) -> Tensor:
        return ~Exercise1003.right(documents, causal)

    def padding_seen(documents: Tensor, causal: bool) -> Tensor:
        mask = same_text(documents) | (documents < 0)[:, None, :]
        return mask.tril() if causal else mask

    def texts_ignored(documents: Tensor, causal: bool) -> Tensor:
        """Takes care of padding alone."""
        mask = (documents >= 0)[:, None, :].expand(-1, documents.shape[1], -1)
        return mask.tril() if causal else mask

    def document_0_lost(documents: Tensor, causal: bool) -> Tensor:
        mask = same_text(documents) & (documents > 0)[:, None, :]
        mask = mask | torch.eye(documents.shape[1], dtype=torch.bool) & (documents < 0)[:, None, :]
        return mask.tril() if causal else mask

    def causal_ignored(documents: Tensor, causal: bool) -> Tensor:
        return same_text(documents)

    def always_causal(documents: Tensor, causal: bool) -> Tensor:
        return same_text(documents).tril()

    def causal_for_encoders(documents: Tensor, causal: bool) -> Tensor:
        return same_text(documents) if causal else same_text(documents).tril()

    def or_for_and(documents: Tensor, causal: bool) -> Tensor:
        mask = same_text(documents)
        return mask | torch.ones_like(mask).tril() if causal else mask

    def only_ahead(documents: Tensor, causal: bool) -> Tensor:
        return same_text(documents).triu() if causal else same_text(documents)

    def not_itself(documents: Tensor, causal: bool) -> Tensor:
        mask = same_text(documents) & ~torch.eye(documents.shape[1], dtype=torch.bool)
        return mask.tril() if causal else mask

    def one_too_far(documents: Tensor, causal: bool) -> Tensor:
        return same_text(documents).tril(1) if causal else same_text(documents)

    def earlier_texts_seen(documents: Tensor, causal: bool) -> Tensor:
        mask = (documents[:, :, None] >= documents[:, None, :]) & (documents >= 0)[:, None, :]
        mask = mask | torch.eye(documents.shape[1], dtype=torch.bool)
        return mask.tril() if causal else mask

    def first_row_for_all(documents: Tensor, causal: bool) -> Tensor:
        mask = same_text(documents[:1]).expand(len(documents), -1, -1)
        return mask.tril() if causal else mask


LogProb = Callable[[str], float]


def sides(text: str) -> tuple[str, str]:
    left, right = f" {text} ".split(" _ ")
    return left.strip(), right.strip()


def logs(text: str, words: list[str], log_prob: LogProb) -> Tensor:
    return torch.tensor([log_prob(text.replace("_", word)) for word in words])


class Exercise1004:
    def right(text: str, words: list[str], log_prob: LogProb) -> Tensor:
        """By hand, with the largest taken off, in 64 bits."""
        parts = text.split(" ")
        place = parts.index("_")
        scores = [log_prob(" ".join([*parts[:place], word, *parts[place + 1 :]])) for word in words]
        shares = [math.exp(score - max(scores)) for score in scores]
        return torch.tensor(shares, dtype=torch.float64) / sum(shares)

    def underflow(text: str, words: list[str], log_prob: LogProb) -> Tensor:
        p = logs(text, words, log_prob).exp()
        return p / p.sum()

    def not_normalised(text: str, words: list[str], log_prob: LogProb) -> Tensor:
        return logs(text, words, log_prob).exp()

    def log_kept(text: str, words: list[str], log_prob: LogProb) -> Tensor:
        return logs(text, words, log_prob)

    def log_of_shares(text: str, words: list[str], log_prob: LogProb) -> Tensor:
        return logs(text, words, log_prob).log_softmax(0)

    def left_only(text: str, words: list[str], log_prob: LogProb) -> Tensor:
        return torch.tensor([log_prob(f"{sides(text)[0]} {word}") for word in words]).softmax(0)

    def left_not_normalised(text: str, words: list[str], log_prob: LogProb) -> Tensor:
        left = sides(text)[0]
        return (torch.tensor([log_prob(f"{left} {word}") for word in words]) - log_prob(left)).exp()

    def right_only(text: str, words: list[str], log_prob: LogProb) -> Tensor:
        return torch.tensor([log_prob(f"{word} {sides(text)[1]}") for word in words]).softmax(0)

    def word_alone(text: str, words: list[str], log_prob: LogProb) -> Tensor:
        return torch.tensor([log_prob(word) for word in words]).softmax(0)

    def blank_left_out(text: str, words: list[str], log_prob: LogProb) -> Tensor:
        rest = " ".join(sides(text))
        return torch.tensor([log_prob(f"{rest} {word}") for word in words]).softmax(0)

    def sides_added(text: str, words: list[str], log_prob: LogProb) -> Tensor:
        left, right = sides(text)
        return torch.tensor([log_prob(f"{left} {word}") + log_prob(f"{word} {right}") for word in words]).softmax(0)

    def divided_by_length(text: str, words: list[str], log_prob: LogProb) -> Tensor:
        return (logs(text, words, log_prob) / len(text.split())).softmax(0)

    def logs_shared_out(text: str, words: list[str], log_prob: LogProb) -> Tensor:
        scores = logs(text, words, log_prob)
        return scores / scores.sum()

    def impossible_is_nan(text: str, words: list[str], log_prob: LogProb) -> Tensor:
        """Takes off the mean, and not the largest."""
        scores = logs(text, words, log_prob).double()
        p = (scores - scores.mean()).exp()
        return p / p.sum()

    def impossible_is_likely(text: str, words: list[str], log_prob: LogProb) -> Tensor:
        return logs(text, words, log_prob).nan_to_num(neginf=0.0).softmax(0)

    def best_is_one(text: str, words: list[str], log_prob: LogProb) -> Tensor:
        scores = logs(text, words, log_prob)
        return (scores - scores.max()).exp()

    def sorted(text: str, words: list[str], log_prob: LogProb) -> Tensor:
        return logs(text, words, log_prob).softmax(0).sort(descending=True).values

    def upside_down(text: str, words: list[str], log_prob: LogProb) -> Tensor:
        return (-logs(text, words, log_prob)).softmax(0)

    def bits(text: str, words: list[str], log_prob: LogProb) -> Tensor:
        p = 2 ** logs(text, words, log_prob)
        return p / p.sum()

    def only_the_best(text: str, words: list[str], log_prob: LogProb) -> Tensor:
        return F.one_hot(logs(text, words, log_prob).argmax(), len(words)).float()

    def just_the_number(text: str, words: list[str], log_prob: LogProb) -> Tensor:
        return logs(text, words, log_prob).argmax()

    def raises(text: str, words: list[str], log_prob: LogProb) -> Tensor:
        """Leaves the blank in."""
        return torch.tensor([log_prob(text) for _ in words]).softmax(0)

    def wrong_type(text: str, words: list[str], log_prob: LogProb) -> list:
        return logs(text, words, log_prob).softmax(0).tolist()


Guess = Callable[[Tensor], Tensor]


def fill_in_order(ids: Tensor, mask_id: int, guess: Guess, score: Callable[[Tensor], Tensor]) -> Tensor:
    """Fill one blank after the other: always that with the highest score."""
    ids = ids.clone()
    while (ids == mask_id).any():
        chances = guess(ids)
        place = score(chances).where(ids == mask_id, -math.inf).argmax()
        ids[place] = chances[place].argmax()
    return ids


class Exercise1005:
    def right(ids: Tensor, mask_id: int, guess: Guess) -> Tensor:
        """With Python's own max, in lists."""
        words = ids.tolist()
        for _ in range(words.count(mask_id)):
            chances = guess(torch.tensor(words)).tolist()
            blanks = [place for place, word in enumerate(words) if word == mask_id]
            surest = max(blanks, key=lambda place: max(chances[place]))
            words[surest] = chances[surest].index(max(chances[surest]))
        return torch.tensor(words)

    def masks_left(ids: Tensor, mask_id: int, guess: Guess) -> Tensor:
        """Takes one step, and returns inside of the loop."""
        ids = ids.clone()
        while (ids == mask_id).any():
            best, words = guess(ids).max(-1)
            place = best.where(ids == mask_id, -1).argmax()
            ids[place] = words[place]
            return ids
        return ids

    def known_words_changed(ids: Tensor, mask_id: int, guess: Guess) -> Tensor:
        return guess(ids).argmax(-1)

    def asks_forever(ids: Tensor, mask_id: int, guess: Guess) -> Tensor:
        """Does not leave the known places out of the contest."""
        ids = ids.clone()
        while (ids == mask_id).any():
            best, words = guess(ids).max(-1)
            place = best.argmax()
            ids[place] = words[place]
        return ids

    def all_at_once(ids: Tensor, mask_id: int, guess: Guess) -> Tensor:
        return torch.where(ids == mask_id, guess(ids).argmax(-1), ids)

    def least_sure_first(ids: Tensor, mask_id: int, guess: Guess) -> Tensor:
        return fill_in_order(ids, mask_id, guess, lambda chances: -chances.amax(-1))

    def left_to_right(ids: Tensor, mask_id: int, guess: Guess) -> Tensor:
        ids = ids.clone()
        for place in (ids == mask_id).nonzero()[:, 0]:
            ids[place] = guess(ids)[place].argmax()
        return ids

    def right_to_left(ids: Tensor, mask_id: int, guess: Guess) -> Tensor:
        return fill_in_order(ids, mask_id, guess, lambda chances: torch.arange(len(chances)).float())

    def order_of_the_first_guess(ids: Tensor, mask_id: int, guess: Guess) -> Tensor:
        first = guess(ids).amax(-1)
        return fill_in_order(ids, mask_id, guess, lambda _: first)

    def by_entropy(ids: Tensor, mask_id: int, guess: Guess) -> Tensor:
        return fill_in_order(ids, mask_id, guess, lambda chances: (chances * chances.log()).sum(-1))

    def by_margin(ids: Tensor, mask_id: int, guess: Guess) -> Tensor:
        return fill_in_order(ids, mask_id, guess, lambda chances: chances.topk(2).values @ torch.tensor([1.0, -1.0]))

    def guessed_twice(ids: Tensor, mask_id: int, guess: Guess) -> Tensor:
        blank = ids == mask_id
        for _ in range(2):
            ids = torch.where(blank, guess(ids).argmax(-1), ids)
        return ids

    def least_likely_word(ids: Tensor, mask_id: int, guess: Guess) -> Tensor:
        ids = ids.clone()
        while (ids == mask_id).any():
            chances = guess(ids)
            place = chances.amax(-1).where(ids == mask_id, -1).argmax()
            ids[place] = chances[place].argmin()
        return ids

    def column_or_table(ids: Tensor, mask_id: int, guess: Guess) -> Tensor:
        return guess(Exercise1005.right(ids, mask_id, guess))

    def only_the_blanks(ids: Tensor, mask_id: int, guess: Guess) -> Tensor:
        return Exercise1005.right(ids, mask_id, guess)[ids == mask_id]

    def mutates_input(ids: Tensor, mask_id: int, guess: Guess) -> Tensor:
        while (ids == mask_id).any():
            best, words = guess(ids).max(-1)
            place = best.where(ids == mask_id, -1).argmax()
            ids[place] = words[place]
        return ids


def said(**entries: float) -> dict[str, float]:
    """The right predictions, with some entries exchanged."""
    right = {
        "masks": 1200,
        "suspect": 3 / 88,
        "leak": 1 / 32,
        "encoder": 0.2387,
        "decoder": 0.5199,
        "together": 0.625,
        "scores": 2,
    }
    return {**right, **entries}


class Exercise1006:
    def right() -> dict[str, float | Tensor]:
        return said(suspect=0.0341, leak=torch.tensor(0.03125), encoder=0.239, decoder=0.52, scores=2.0)

    def no_entry() -> dict[str, float]:
        return {"masks": 1200}

    def wrong_type() -> dict[str, float | str]:
        return said(masks="1200")

    def all_chosen() -> dict[str, float]:
        return said(masks=1500)

    def not_of_the_chosen() -> dict[str, float]:
        return said(masks=8000)

    def all_changed() -> dict[str, float]:
        return said(masks=1350)

    def not_masked() -> dict[str, float]:
        return said(masks=300)

    def a_share() -> dict[str, float]:
        return said(masks=0.12)

    def of_all_tokens() -> dict[str, float]:
        return said(suspect=0.03)

    def of_the_chosen() -> dict[str, float]:
        return said(suspect=0.2)

    def chosen_at_all() -> dict[str, float]:
        return said(suspect=0.15)

    def one_kind_only() -> dict[str, float]:
        return said(suspect=0.015 / 0.88)

    def one_kind_of_all() -> dict[str, float]:
        return said(suspect=0.015)

    def of_those_not_chosen() -> dict[str, float]:
        return said(suspect=0.03 / 0.85)

    def in_percent() -> dict[str, float]:
        return said(suspect=3.409)

    def the_others() -> dict[str, float]:
        return said(suspect=85 / 88)

    def no_leak() -> dict[str, float]:
        return said(leak=2)

    def last_forgotten() -> dict[str, float]:
        return said(leak=0)

    def divided_by_63() -> dict[str, float]:
        return said(leak=2 / 63)

    def only_one_copied() -> dict[str, float]:
        return said(leak=2 * 63 / 64)

    def half_copied() -> dict[str, float]:
        return said(leak=1.0)

    def second_only() -> dict[str, float]:
        return said(encoder=0.4774)

    def red_only() -> dict[str, float]:
        return said(encoder=0.6365)

    def yellow_forgotten() -> dict[str, float]:
        return said(encoder=0.6365 / 2)

    def decoders_loss() -> dict[str, float]:
        return said(encoder=0.5199)

    def nothing_seen() -> dict[str, float]:
        return said(encoder=0.8010)

    def in_bits() -> dict[str, float]:
        return said(decoder=0.75)

    def no_loss() -> dict[str, float]:
        return said(encoder=0)

    def two_as_likely() -> dict[str, float]:
        return said(encoder=3 / 8 * math.log(2))

    def whole_text() -> dict[str, float]:
        return said(decoder=1.0397)

    def encoders_loss() -> dict[str, float]:
        return said(decoder=0.2387)

    def second_word() -> dict[str, float]:
        return said(decoder=0.4774)

    def first_word() -> dict[str, float]:
        return said(decoder=0.5623)

    def all_alike() -> dict[str, float]:
        return said(decoder=math.log(3) / 2)

    def always_fits() -> dict[str, float]:
        return said(together=1)

    def does_not_fit() -> dict[str, float]:
        return said(together=0.375)

    def only_red() -> dict[str, float]:
        return said(together=9 / 16)

    def only_yellow() -> dict[str, float]:
        return said(together=1 / 16)

    def all_pairs_alike() -> dict[str, float]:
        return said(together=0.5)

    def three_of_nine() -> dict[str, float]:
        return said(together=1 / 3)

    def probabilities() -> dict[str, float]:
        return said(scores=1)

    def three_ones() -> dict[str, float]:
        return said(scores=3)

    def averaged() -> dict[str, float]:
        return said(scores=2 / 3)

    def without_cherry() -> dict[str, float]:
        return said(scores=5 / 3)

    def without_apple() -> dict[str, float]:
        return said(scores=4 / 3)

    def without_the_other_word() -> dict[str, float]:
        return said(scores=0.625)
