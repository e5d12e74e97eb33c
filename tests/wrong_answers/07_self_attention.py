"""Wrong answers to the exercises of lesson 07, named after the diagnosis that they must get, and a second right one."""

import math

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import normalize, one_hot, scaled_dot_product_attention


class Exercise0701:
    def right(q: Tensor, k: Tensor) -> Tensor:
        return torch.einsum("...tk,...sk->...ts", q / q.shape[-1] ** 0.25, k / k.shape[-1] ** 0.25)

    def not_scaled(q: Tensor, k: Tensor) -> Tensor:
        return q @ k.mT

    def divided_by_width(q: Tensor, k: Tensor) -> Tensor:
        return q @ k.mT / q.shape[-1]

    def multiplied(q: Tensor, k: Tensor) -> Tensor:
        return q @ k.mT * q.shape[-1] ** 0.5

    def power_before_division(q: Tensor, k: Tensor) -> Tensor:
        return q @ k.mT / q.shape[-1] ** 1 / 2

    def whole_division(q: Tensor, k: Tensor) -> Tensor:
        return q @ k.mT // math.sqrt(q.shape[-1])

    def reshaped(q: Tensor, k: Tensor) -> Tensor:
        return q @ k.reshape(*k.shape[:-2], k.shape[-1], k.shape[-2]) / math.sqrt(q.shape[-1])

    def scaled_by_keys(q: Tensor, k: Tensor) -> Tensor:
        return q @ k.mT / k.shape[-2] ** 0.5

    def scaled_by_queries(q: Tensor, k: Tensor) -> Tensor:
        """`shape[1]` is the width of a matrix, and of a batch it is something else."""
        return q @ k.mT / q.shape[1] ** 0.5

    def scaled_by_leading_axis(q: Tensor, k: Tensor) -> Tensor:
        return q @ k.mT / q.shape[-1 if q.ndim == 2 else 0] ** 0.5

    def transposed(q: Tensor, k: Tensor) -> Tensor:
        return k @ q.mT / q.shape[-1] ** 0.5

    def softmax_already(q: Tensor, k: Tensor) -> Tensor:
        return (q @ k.mT / q.shape[-1] ** 0.5).softmax(-1)

    def masked(q: Tensor, k: Tensor) -> Tensor:
        products = q @ k.mT / q.shape[-1] ** 0.5
        return products.masked_fill(torch.ones_like(products).triu(1).bool(), -torch.inf)

    def cosine(q: Tensor, k: Tensor) -> Tensor:
        return normalize(q, dim=-1) @ normalize(k, dim=-1).mT

    def fewer_axes_only(q: Tensor, k: Tensor) -> Tensor:
        return torch.mm(q, k.t()) / math.sqrt(q.shape[1])

    def wrong_shape(q: Tensor, k: Tensor) -> Tensor:
        return (q @ k.mT / q.shape[-1] ** 0.5).squeeze()

    def raises(q: Tensor, k: Tensor) -> Tensor:
        return q @ k / q.shape[-1] ** 0.5

    def mutates_input(q: Tensor, k: Tensor) -> Tensor:
        q /= q.shape[-1] ** 0.5
        return q @ k.mT


class Exercise0702:
    def right(n_queries: int, n_keys: int) -> Tensor:
        rows = [[key <= n_keys - n_queries + query for key in range(n_keys)] for query in range(n_queries)]
        return torch.tensor(rows)

    def inverted(n_queries: int, n_keys: int) -> Tensor:
        return torch.ones(n_queries, n_keys, dtype=torch.bool).triu(n_keys - n_queries + 1)

    def upside_down(n_queries: int, n_keys: int) -> Tensor:
        return torch.ones(n_queries, n_keys, dtype=torch.bool).triu(n_keys - n_queries)

    def excludes_itself(n_queries: int, n_keys: int) -> Tensor:
        return torch.arange(n_keys) < torch.arange(n_keys - n_queries, n_keys)[:, None]

    def queries_come_first(n_queries: int, n_keys: int) -> Tensor:
        return torch.arange(n_keys) <= torch.arange(n_queries)[:, None]

    def offset_backwards(n_queries: int, n_keys: int) -> Tensor:
        return torch.ones(n_queries, n_keys, dtype=torch.bool).tril(n_queries - n_keys)

    def sees_one_ahead(n_queries: int, n_keys: int) -> Tensor:
        return torch.ones(n_queries, n_keys, dtype=torch.bool).tril(n_keys - n_queries + 1)

    def last_see_all(n_queries: int, n_keys: int) -> Tensor:
        return torch.ones(n_queries, n_keys, dtype=torch.bool)

    def nothing_allowed(n_queries: int, n_keys: int) -> Tensor:
        return torch.zeros(n_queries, n_keys, dtype=torch.bool).tril(n_keys - n_queries)

    def only_itself(n_queries: int, n_keys: int) -> Tensor:
        return torch.eye(n_keys, dtype=torch.bool)[n_keys - n_queries :]

    def axes_swapped(n_queries: int, n_keys: int) -> Tensor:
        return torch.ones(n_keys, n_queries, dtype=torch.bool).tril(n_queries - n_keys)

    def row_for_every_position(n_queries: int, n_keys: int) -> Tensor:
        return torch.ones(n_keys, n_keys, dtype=torch.bool).tril()

    def earlier_keys_left_out(n_queries: int, n_keys: int) -> Tensor:
        return torch.ones(n_queries, n_queries, dtype=torch.bool).tril()

    def additive(n_queries: int, n_keys: int) -> Tensor:
        return torch.full((n_queries, n_keys), -torch.inf).triu(n_keys - n_queries + 1)

    def numbers_not_bool(n_queries: int, n_keys: int) -> Tensor:
        return torch.ones(n_queries, n_keys).tril(n_keys - n_queries)

    def wrong_type(n_queries: int, n_keys: int) -> np.ndarray:
        return np.tri(n_queries, n_keys, n_keys - n_queries, dtype=bool)


def hidden(scores: Tensor, mask: Tensor, fill: float = -torch.inf) -> Tensor:
    return scores.masked_fill(~mask, fill)


class Exercise0703:
    def right(scores: Tensor, mask: Tensor) -> Tensor:
        """By the formula, without torch's softmax."""
        largest = torch.where(mask, scores, -torch.inf).amax(-1, keepdim=True)
        shifted = torch.where(mask, scores - torch.where(largest.isinf(), 0, largest), -torch.inf)
        powers = shifted.exp()
        return powers / powers.sum(-1, keepdim=True).clamp(min=1e-9)

    def mask_ignored(scores: Tensor, mask: Tensor) -> Tensor:
        return scores.softmax(-1)

    def mask_after_softmax(scores: Tensor, mask: Tensor) -> Tensor:
        return scores.softmax(-1) * mask

    def zero_as_score(scores: Tensor, mask: Tensor) -> Tensor:
        return (scores * mask).softmax(-1)

    def inverted(scores: Tensor, mask: Tensor) -> Tensor:
        return scores.masked_fill(mask, -torch.inf).softmax(-1)

    def wrong_axis(scores: Tensor, mask: Tensor) -> Tensor:
        return hidden(scores, mask).softmax(-2).nan_to_num()

    def over_everything(scores: Tensor, mask: Tensor) -> Tensor:
        return hidden(scores, mask).flatten(-2).softmax(-1).view_as(scores)

    def no_softmax(scores: Tensor, mask: Tensor) -> Tensor:
        return hidden(scores, mask)

    def not_normalised(scores: Tensor, mask: Tensor) -> Tensor:
        return hidden(scores, mask).exp()

    def logarithms(scores: Tensor, mask: Tensor) -> Tensor:
        return hidden(scores, mask).log_softmax(-1)

    def rows_do_not_sum_to_one(scores: Tensor, mask: Tensor) -> Tensor:
        return hidden(scores, mask).softmax(-1) / scores.shape[-1]

    def fill_not_low_enough(scores: Tensor, mask: Tensor) -> Tensor:
        return hidden(scores, mask, -10000).softmax(-1)

    def mask_not_stretched(scores: Tensor, mask: Tensor) -> Tensor:
        scores = scores.clone()
        scores[~mask] = -torch.inf
        return scores.softmax(-1).nan_to_num()

    def overflows(scores: Tensor, mask: Tensor) -> Tensor:
        powers = scores.exp() * mask
        return powers / powers.sum(-1, keepdim=True)

    def one_max_for_all_rows(scores: Tensor, mask: Tensor) -> Tensor:
        powers = (scores - scores.max()).exp() * mask
        return powers / powers.sum(-1, keepdim=True)

    def forbidden_scores_matter(scores: Tensor, mask: Tensor) -> Tensor:
        weights = scores.softmax(-1) * mask
        return weights / weights.sum(-1, keepdim=True)

    def infinity_times_mask(scores: Tensor, mask: Tensor) -> Tensor:
        return (scores + ~mask * -torch.inf).softmax(-1)

    def nan_on_empty_rows(scores: Tensor, mask: Tensor) -> Tensor:
        return hidden(scores, mask).softmax(-1)

    def uniform_on_empty_rows(scores: Tensor, mask: Tensor) -> Tensor:
        return hidden(scores, mask, -1e9).softmax(-1)

    def as_if_all_allowed(scores: Tensor, mask: Tensor) -> Tensor:
        return hidden(scores, mask | ~mask.any(-1, keepdim=True)).softmax(-1)

    def empty_rows_spread(scores: Tensor, mask: Tensor) -> Tensor:
        weights = hidden(scores, mask).softmax(-1)
        return torch.zeros_like(weights) if weights.isnan().any() else weights

    def no_gradient(scores: Tensor, mask: Tensor) -> Tensor:
        return torch.tensor(Exercise0703.right(scores, mask).tolist())

    def overwrites_what_backward_needs(scores: Tensor, mask: Tensor) -> Tensor:
        weights = hidden(scores, mask).softmax(-1)
        weights[weights.isnan()] = 0
        return weights

    def nan_in_gradient(scores: Tensor, mask: Tensor) -> Tensor:
        additive = torch.zeros(mask.shape).masked_fill(~mask, -torch.inf)
        return (scores + additive).softmax(-1).nan_to_num()

    def mutates_input(scores: Tensor, mask: Tensor) -> Tensor:
        return scores.masked_fill_(~mask, -torch.inf).softmax(-1).nan_to_num()


def parts(x: Tensor, w_q: Tensor, w_k: Tensor, w_v: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Scores that are not yet divided, the values, and the causal mask."""
    q, k, v = x @ w_q, x @ w_k, x @ w_v
    return q @ k.mT, v, torch.ones(x.shape[-2], x.shape[-2], dtype=torch.bool).tril()


class Exercise0704:
    def right(x: Tensor, w_q: Tensor, w_k: Tensor, w_v: Tensor) -> Tensor:
        """Token by token, as if the later ones did not exist yet."""
        outputs = []
        for t in range(x.shape[-2]):
            seen = x[..., : t + 1, :]
            scores = torch.einsum("...k,...sk->...s", x[..., t, :] @ w_q, seen @ w_k) / w_q.shape[1] ** 0.5
            outputs.append(torch.einsum("...s,...sk->...k", scores.softmax(-1), seen @ w_v))
        return torch.stack(outputs, dim=-2)

    def no_mask(x: Tensor, w_q: Tensor, w_k: Tensor, w_v: Tensor) -> Tensor:
        return scaled_dot_product_attention(x @ w_q, x @ w_k, x @ w_v)

    def upside_down(x: Tensor, w_q: Tensor, w_k: Tensor, w_v: Tensor) -> Tensor:
        products, v, mask = parts(x, w_q, w_k, w_v)
        return hidden(products / w_q.shape[1] ** 0.5, mask.mT).softmax(-1) @ v

    def inverted(x: Tensor, w_q: Tensor, w_k: Tensor, w_v: Tensor) -> Tensor:
        products, v, mask = parts(x, w_q, w_k, w_v)
        return hidden(products / w_q.shape[1] ** 0.5, ~mask).softmax(-1) @ v

    def excludes_itself(x: Tensor, w_q: Tensor, w_k: Tensor, w_v: Tensor) -> Tensor:
        products, v, mask = parts(x, w_q, w_k, w_v)
        return hidden(products / w_q.shape[1] ** 0.5, mask.tril(-1), -1e9).softmax(-1) @ v

    def sees_one_ahead(x: Tensor, w_q: Tensor, w_k: Tensor, w_v: Tensor) -> Tensor:
        products, v, mask = parts(x, w_q, w_k, w_v)
        return hidden(products / w_q.shape[1] ** 0.5, torch.ones_like(mask).tril(1)).softmax(-1) @ v

    def mask_after_softmax(x: Tensor, w_q: Tensor, w_k: Tensor, w_v: Tensor) -> Tensor:
        products, v, _mask = parts(x, w_q, w_k, w_v)
        return (products / w_q.shape[1] ** 0.5).softmax(-1).tril() @ v

    def zero_as_score(x: Tensor, w_q: Tensor, w_k: Tensor, w_v: Tensor) -> Tensor:
        products, v, _mask = parts(x, w_q, w_k, w_v)
        return (products.tril() / w_q.shape[1] ** 0.5).softmax(-1) @ v

    def not_scaled(x: Tensor, w_q: Tensor, w_k: Tensor, w_v: Tensor) -> Tensor:
        products, v, mask = parts(x, w_q, w_k, w_v)
        return hidden(products, mask).softmax(-1) @ v

    def divided_by_width(x: Tensor, w_q: Tensor, w_k: Tensor, w_v: Tensor) -> Tensor:
        products, v, mask = parts(x, w_q, w_k, w_v)
        return hidden(products / w_q.shape[1], mask).softmax(-1) @ v

    def scaled_by_model_width(x: Tensor, w_q: Tensor, w_k: Tensor, w_v: Tensor) -> Tensor:
        products, v, mask = parts(x, w_q, w_k, w_v)
        return hidden(products / x.shape[-1] ** 0.5, mask).softmax(-1) @ v

    def scaled_by_tokens(x: Tensor, w_q: Tensor, w_k: Tensor, w_v: Tensor) -> Tensor:
        products, v, mask = parts(x, w_q, w_k, w_v)
        return hidden(products / products.shape[-1] ** 0.5, mask).softmax(-1) @ v

    def multiplied(x: Tensor, w_q: Tensor, w_k: Tensor, w_v: Tensor) -> Tensor:
        products, v, mask = parts(x, w_q, w_k, w_v)
        return hidden(products * w_q.shape[1] ** 0.5, mask).softmax(-1) @ v

    def texts_mix(x: Tensor, w_q: Tensor, w_k: Tensor, w_v: Tensor) -> Tensor:
        return Exercise0704.right(x.reshape(-1, x.shape[-1]), w_q, w_k, w_v).view(*x.shape[:-1], -1)

    def roles_swapped(x: Tensor, w_q: Tensor, w_k: Tensor, w_v: Tensor) -> Tensor:
        return Exercise0704.right(x, w_k, w_q, w_v)

    def values_are_inputs(x: Tensor, w_q: Tensor, w_k: Tensor, w_v: Tensor) -> Tensor:
        return Exercise0704.right(x, w_q, w_k, torch.eye(x.shape[-1]))

    def values_are_keys(x: Tensor, w_q: Tensor, w_k: Tensor, w_v: Tensor) -> Tensor:
        return Exercise0704.right(x, w_q, w_k, w_k)

    def values_are_queries(x: Tensor, w_q: Tensor, w_k: Tensor, w_v: Tensor) -> Tensor:
        return Exercise0704.right(x, w_q, w_k, w_q)

    def softmax_over_queries(x: Tensor, w_q: Tensor, w_k: Tensor, w_v: Tensor) -> Tensor:
        """`dim=1` is the axis of the keys as long as there is one text."""
        products, v, mask = parts(x, w_q, w_k, w_v)
        return hidden(products / w_q.shape[1] ** 0.5, mask).softmax(1) @ v

    def weights_transposed(x: Tensor, w_q: Tensor, w_k: Tensor, w_v: Tensor) -> Tensor:
        products, v, mask = parts(x, w_q, w_k, w_v)
        return hidden(products / w_q.shape[1] ** 0.5, mask).softmax(-1).mT @ v

    def no_softmax(x: Tensor, w_q: Tensor, w_k: Tensor, w_v: Tensor) -> Tensor:
        products, v, _mask = parts(x, w_q, w_k, w_v)
        return products.tril() / w_q.shape[1] ** 0.5 @ v

    def plain_mean(x: Tensor, w_q: Tensor, w_k: Tensor, w_v: Tensor) -> Tensor:
        return (x @ w_v).cumsum(-2) / torch.arange(1, x.shape[-2] + 1)[:, None]

    def returns_weights(x: Tensor, w_q: Tensor, w_k: Tensor, w_v: Tensor) -> Tensor:
        products, _v, mask = parts(x, w_q, w_k, w_v)
        return hidden(products / w_q.shape[1] ** 0.5, mask).softmax(-1)

    def returns_values(x: Tensor, w_q: Tensor, w_k: Tensor, w_v: Tensor) -> Tensor:
        return x @ w_v

    def sees_the_future(x: Tensor, w_q: Tensor, w_k: Tensor, w_v: Tensor) -> Tensor:
        products, v, mask = parts(x, w_q, w_k, w_v)
        return hidden(products / w_q.shape[1] ** 0.5, mask, -1).softmax(-1) @ v

    def first_is_not_its_own_value(x: Tensor, w_q: Tensor, w_k: Tensor, w_v: Tensor) -> Tensor:
        return Exercise0704.right(x, w_q, w_k, w_v) / w_q.shape[1] ** 0.5

    def fewer_axes_only(x: Tensor, w_q: Tensor, w_k: Tensor, w_v: Tensor) -> Tensor:
        q, k, v = x @ w_q, x @ w_k, x @ w_v
        mask = torch.ones(len(x), len(x), dtype=torch.bool).tril()
        return hidden(q @ k.transpose(0, 1) / w_q.shape[1] ** 0.5, mask).softmax(-1) @ v

    def overflows(x: Tensor, w_q: Tensor, w_k: Tensor, w_v: Tensor) -> Tensor:
        products, v, mask = parts(x, w_q, w_k, w_v)
        powers = (products / w_q.shape[1] ** 0.5).exp() * mask
        return powers / powers.sum(-1, keepdim=True) @ v

    def wrong_shape(x: Tensor, w_q: Tensor, w_k: Tensor, w_v: Tensor) -> Tensor:
        return Exercise0704.right(x, w_q, w_k, w_v)[..., -1, :]

    def wrong_value(x: Tensor, w_q: Tensor, w_k: Tensor, w_v: Tensor) -> Tensor:
        """Each token sees the one before and itself."""
        products, v, mask = parts(x, w_q, w_k, w_v)
        return hidden(products / w_q.shape[1] ** 0.5, mask.triu(-1)).softmax(-1) @ v


def places(lengths: Tensor, n_tokens: int) -> tuple[Tensor, Tensor, Tensor]:
    """Numbers of queries and keys, and for each text the number of its first real place: [T 1], [T], [B 1 1]."""
    keys = torch.arange(n_tokens)
    return keys[:, None], keys, (n_tokens - lengths)[:, None, None]


class Exercise0705:
    def right(lengths: Tensor, n_tokens: int) -> Tensor:
        mask = torch.zeros(len(lengths), n_tokens, n_tokens, dtype=torch.bool)
        for text, length in zip(mask, lengths.tolist(), strict=True):
            text[n_tokens - length :, n_tokens - length :] = torch.ones(length, length).tril()
        return mask

    def ignores_padding(lengths: Tensor, n_tokens: int) -> Tensor:
        return torch.ones(len(lengths), n_tokens, n_tokens, dtype=torch.bool).tril()

    def no_causality(lengths: Tensor, n_tokens: int) -> Tensor:
        _, key, first = places(lengths, n_tokens)
        return (key >= first).expand(-1, n_tokens, -1)

    def either_is_enough(lengths: Tensor, n_tokens: int) -> Tensor:
        query, key, first = places(lengths, n_tokens)
        return (key <= query) | (key >= first)

    def padding_on_the_right(lengths: Tensor, n_tokens: int) -> Tensor:
        query, key, _ = places(lengths, n_tokens)
        return (key <= query) & (key < lengths[:, None, None])

    def length_taken_for_padding(lengths: Tensor, n_tokens: int) -> Tensor:
        query, key, _ = places(lengths, n_tokens)
        return (key <= query) & (key >= lengths[:, None, None])

    def hides_queries_only(lengths: Tensor, n_tokens: int) -> Tensor:
        query, key, first = places(lengths, n_tokens)
        return (key <= query) & (query >= first)

    def padding_may_look(lengths: Tensor, n_tokens: int) -> Tensor:
        return Exercise0705.right(lengths, n_tokens) | torch.eye(n_tokens, dtype=torch.bool)

    def loses_first_token(lengths: Tensor, n_tokens: int) -> Tensor:
        return Exercise0705.right(lengths - 1, n_tokens)

    def sees_last_padding(lengths: Tensor, n_tokens: int) -> Tensor:
        query, key, first = places(lengths, n_tokens)
        return (key <= query) & (key >= first - 1)

    def transposed(lengths: Tensor, n_tokens: int) -> Tensor:
        return Exercise0705.right(lengths, n_tokens).mT

    def inverted(lengths: Tensor, n_tokens: int) -> Tensor:
        query, key, first = places(lengths, n_tokens)
        return (key > query) | (key < first)

    def upside_down(lengths: Tensor, n_tokens: int) -> Tensor:
        query, key, first = places(lengths, n_tokens)
        return (key >= query) & (key >= first)

    def excludes_itself(lengths: Tensor, n_tokens: int) -> Tensor:
        query, key, first = places(lengths, n_tokens)
        return (key < query) & (key >= first)

    def one_length_for_all(lengths: Tensor, n_tokens: int) -> Tensor:
        return Exercise0705.right(lengths.min().expand(len(lengths)), n_tokens)

    def longest_text_decides(lengths: Tensor, n_tokens: int) -> Tensor:
        return Exercise0705.right(lengths, int(lengths.max()))

    def longest_text_decides_where_padding_ends(lengths: Tensor, n_tokens: int) -> Tensor:
        query, key, _ = places(lengths, n_tokens)
        return (key <= query) & (key >= (lengths.max() - lengths)[:, None, None])

    longest_text_decides_where_padding_ends.__name__ = "longest_text_decides"

    def no_causality_block(lengths: Tensor, n_tokens: int) -> Tensor:
        mask = torch.zeros(len(lengths), n_tokens, n_tokens, dtype=torch.bool)
        for text, length in zip(mask, lengths.tolist(), strict=True):
            text[-length:, -length:] = True
        return mask

    no_causality_block.__name__ = "no_causality"

    def hides_by_distance(lengths: Tensor, n_tokens: int) -> Tensor:
        query, key, _ = places(lengths, n_tokens)
        return (key <= query) & (query - key < lengths[:, None, None])

    def keys_only(lengths: Tensor, n_tokens: int) -> Tensor:
        return torch.arange(n_tokens) >= n_tokens - lengths[:, None]

    def axis_for_heads(lengths: Tensor, n_tokens: int) -> Tensor:
        return Exercise0705.right(lengths, n_tokens)[:, None]

    def additive(lengths: Tensor, n_tokens: int) -> Tensor:
        return torch.zeros(1).masked_fill(~Exercise0705.right(lengths, n_tokens), -torch.inf)

    def numbers_not_bool(lengths: Tensor, n_tokens: int) -> Tensor:
        return Exercise0705.right(lengths, n_tokens).int()


class Exercise0706:
    def right(keys: Tensor, wanted: Tensor, n_symbols: int) -> tuple[Tensor, Tensor]:
        """The symbol in binary: ten numbers are enough."""
        bits = 2.0 * (torch.arange(n_symbols)[:, None] >> torch.arange(10) & 1) - 1
        return 10 * 10**0.5 * bits[wanted], bits[keys]

    def too_soft(keys: Tensor, wanted: Tensor, n_symbols: int) -> tuple[Tensor, Tensor]:
        return 5 * n_symbols**0.5 * one_hot(wanted, n_symbols).float(), one_hot(keys, n_symbols).float()

    def scale_forgotten(keys: Tensor, wanted: Tensor, n_symbols: int) -> tuple[Tensor, Tensor]:
        return 20 * one_hot(wanted, n_symbols).float(), one_hot(keys, n_symbols).float()

    def crowded(keys: Tensor, wanted: Tensor, n_symbols: int) -> tuple[Tensor, Tensor]:
        """Directions on a circle."""
        angle = 2 * torch.pi * torch.arange(n_symbols) / n_symbols
        circle = torch.stack([angle.cos(), angle.sin()], dim=1)
        return 1000 * circle[wanted], circle[keys]

    def largest_key_wins(keys: Tensor, wanted: Tensor, n_symbols: int) -> tuple[Tensor, Tensor]:
        return 100 * wanted[:, None].float(), keys[:, None].float()

    def places_not_keys(keys: Tensor, wanted: Tensor, n_symbols: int) -> tuple[Tensor, Tensor]:
        one_hot = 100 * torch.eye(n_symbols)
        return one_hot[wanted], one_hot[: len(keys)]

    def avoids_the_key(keys: Tensor, wanted: Tensor, n_symbols: int) -> tuple[Tensor, Tensor]:
        q, k = Exercise0706.right(keys, wanted, n_symbols)
        return -q, k

    def ties(keys: Tensor, wanted: Tensor, n_symbols: int) -> tuple[Tensor, Tensor]:
        """In binary with 0 and 1: 3 is contained in 7."""
        bits = (torch.arange(n_symbols)[:, None] >> torch.arange(10) & 1).float()
        return 100 * bits[wanted], bits[keys]

    def knows_what_is_stored(keys: Tensor, wanted: Tensor, n_symbols: int) -> tuple[Tensor, Tensor]:
        return 1000 * (wanted[:, None] == keys).float(), torch.eye(len(keys))

    def another_key(keys: Tensor, wanted: Tensor, n_symbols: int) -> tuple[Tensor, Tensor]:
        """Vectors of their own for queries and keys."""
        return 100 * torch.randn(n_symbols, 64)[wanted], torch.randn(n_symbols, 64)[keys]

    def infinite_numbers(keys: Tensor, wanted: Tensor, n_symbols: int) -> tuple[Tensor, Tensor]:
        return torch.inf * one_hot(wanted, n_symbols), one_hot(keys, n_symbols).float()

    def overflows(keys: Tensor, wanted: Tensor, n_symbols: int) -> tuple[Tensor, Tensor]:
        return 1e30 * one_hot(wanted, n_symbols), 1e30 * one_hot(keys, n_symbols)

    def whole_numbers(keys: Tensor, wanted: Tensor, n_symbols: int) -> tuple[Tensor, Tensor]:
        return 1000 * one_hot(wanted, n_symbols), one_hot(keys, n_symbols)

    def widths_differ(keys: Tensor, wanted: Tensor, n_symbols: int) -> tuple[Tensor, Tensor]:
        return 100 * torch.eye(len(wanted)), torch.eye(len(keys))

    def pair_swapped(keys: Tensor, wanted: Tensor, n_symbols: int) -> tuple[Tensor, Tensor]:
        return Exercise0706.right(wanted, keys, n_symbols)

    def wrong_number_of_rows(keys: Tensor, wanted: Tensor, n_symbols: int) -> tuple[Tensor, Tensor]:
        return 100 * torch.eye(n_symbols)[wanted], torch.eye(n_symbols + 1)

    def not_a_pair(keys: Tensor, wanted: Tensor, n_symbols: int) -> Tensor:
        q, k = Exercise0706.right(keys, wanted, n_symbols)
        return (q @ k.T).softmax(-1)

    def wrong_type(keys: Tensor, wanted: Tensor, n_symbols: int) -> tuple[list, list]:
        return wanted.tolist(), keys.tolist()

    def wrong_shape(keys: Tensor, wanted: Tensor, n_symbols: int) -> tuple[Tensor, Tensor]:
        return wanted.float(), keys.float()


def said(**changed: float) -> dict[str, float]:
    """Right numbers, some of them changed."""
    counts = {"all_scores": 4096, "allowed_scores": 2080, "twice_as_long": 4.0, "changed_outputs": 4}
    return {**counts, "output": 8, "spread": 8, "equal_scores": 0.25, **changed}


class Exercise0707:
    def right() -> dict[str, float]:
        return said()

    def masked_already() -> dict[str, float]:
        return said(all_scores=2080)

    def each_pair_once() -> dict[str, float]:
        return said(all_scores=2016)

    def without_itself() -> dict[str, float]:
        return said(all_scores=4032)

    def one_per_token() -> dict[str, float]:
        return said(all_scores=64)

    def times_width() -> dict[str, float]:
        return said(all_scores=64**3)

    def allowed_without_itself() -> dict[str, float]:
        return said(allowed_scores=2016)

    def half_of_all() -> dict[str, float]:
        return said(allowed_scores=2048)

    def mask_forgotten() -> dict[str, float]:
        return said(allowed_scores=4096)

    def linear() -> dict[str, float]:
        return said(twice_as_long=2)

    def cubic() -> dict[str, float]:
        return said(twice_as_long=8)

    def size_not_factor() -> dict[str, float]:
        return said(twice_as_long=128 * 128)

    def added_not_multiplied() -> dict[str, float]:
        return said(twice_as_long=3)

    def even_mean() -> dict[str, float]:
        return said(output=6)

    def winner_takes_all() -> dict[str, float]:
        return said(output=10)

    def weights_swapped() -> dict[str, float]:
        return said(output=4)

    def unnormalised() -> dict[str, float]:
        return said(output=32)

    def scores_as_weights() -> dict[str, float]:
        return said(output=10.99)

    def weight_not_output() -> dict[str, float]:
        return said(output=0.75)

    def variance() -> dict[str, float]:
        return said(spread=64)

    def scaled_already() -> dict[str, float]:
        return said(spread=1)

    def inverse() -> dict[str, float]:
        return said(spread=0.125)

    def two_factors() -> dict[str, float]:
        return said(spread=11.3)

    def over_all_tokens() -> dict[str, float]:
        return said(equal_scores=1 / 64)

    def one_too_few() -> dict[str, float]:
        return said(equal_scores=0.33)

    def one_too_many() -> dict[str, float]:
        return said(equal_scores=0.2)

    def percent() -> dict[str, float]:
        return said(equal_scores=25)

    def count_not_weight() -> dict[str, float]:
        return said(equal_scores=4)

    def no_scores_no_weight() -> dict[str, float]:
        return said(equal_scores=0)

    def itself_forgotten() -> dict[str, float]:
        return said(changed_outputs=3)

    def seen_from_before() -> dict[str, float]:
        return said(changed_outputs=61)

    def everything_changes() -> dict[str, float]:
        return said(changed_outputs=64)

    def only_itself_changes() -> dict[str, float]:
        return said(changed_outputs=1)

    def only_the_next() -> dict[str, float]:
        return said(changed_outputs=2)

    def counted_from_one() -> dict[str, float]:
        return said(changed_outputs=5)

    def no_entry() -> dict[str, float]:
        return {"all_scores": 4096}
