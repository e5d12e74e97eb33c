"""Wrong answers to the exercises of lesson 14, named after the diagnosis that they must get, and a second right one."""

import heapq
import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor


class Exercise1401:
    def right(logits: Tensor, temperature: float) -> Tensor:
        """Row by row, with an `exp` of its own."""
        rows = []
        for row in logits.reshape(-1, logits.shape[-1]):
            if temperature == 0:
                powers = (torch.arange(len(row)) == row.argmax()).float()
            else:
                powers = ((row - row.max()) / temperature).exp()
            rows.append(powers / powers.sum())
        return torch.stack(rows).reshape(logits.shape)

    def multiplied(logits: Tensor, temperature: float) -> Tensor:
        powers = logits.softmax(-1) ** temperature
        return powers / powers.sum(-1, keepdim=True)

    def no_effect(logits: Tensor, temperature: float) -> Tensor:
        p = logits.softmax(-1) / temperature
        return p / p.sum(-1, keepdim=True)

    def returns_logits(logits: Tensor, temperature: float) -> Tensor:
        return logits / temperature

    def log_probabilities(logits: Tensor, temperature: float) -> Tensor:
        return (logits / temperature).log_softmax(-1)

    def divides_probabilities(logits: Tensor, temperature: float) -> Tensor:
        return logits.softmax(-1) / temperature

    def softmax_twice(logits: Tensor, temperature: float) -> Tensor:
        return (logits.softmax(-1) / temperature).softmax(-1)

    def wrong_axis(logits: Tensor, temperature: float) -> Tensor:
        return (logits / temperature).softmax(0)

    def sums_over_everything(logits: Tensor, temperature: float) -> Tensor:
        powers = (logits / temperature).exp()
        return powers / powers.sum()

    def not_normalised(logits: Tensor, temperature: float) -> Tensor:
        return logits.softmax(-1) ** (1 / temperature)

    def no_keepdim(logits: Tensor, temperature: float) -> Tensor:
        powers = (logits / temperature).exp()
        return powers / powers.sum(-1)

    def nan_at_zero(logits: Tensor, temperature: float) -> Tensor:
        return (logits / temperature).softmax(-1)

    def zero_ignored(logits: Tensor, temperature: float) -> Tensor:
        return (logits / (temperature or 1)).softmax(-1)

    def index_at_zero(logits: Tensor, temperature: float) -> Tensor:
        if temperature == 0:
            return logits.argmax(-1)
        return (logits / temperature).softmax(-1)

    def one_winner_for_all_rows(logits: Tensor, temperature: float) -> Tensor:
        if temperature == 0:
            p = torch.zeros_like(logits)
            p.view(-1)[logits.argmax()] = 1
            return p
        return (logits / temperature).softmax(-1)

    def others_keep_something(logits: Tensor, temperature: float) -> Tensor:
        if temperature == 0:
            return logits.scatter(-1, logits.argmax(-1, keepdim=True), 1.0)
        return (logits / temperature).softmax(-1)

    def uniform_at_zero(logits: Tensor, temperature: float) -> Tensor:
        return (logits / (temperature or math.inf)).softmax(-1)

    def equals_share(logits: Tensor, temperature: float) -> Tensor:
        return (logits / (temperature + 1e-8)).softmax(-1)

    def every_equal_wins(logits: Tensor, temperature: float) -> Tensor:
        if temperature == 0:
            return (logits == logits.amax(-1, keepdim=True)).float()
        return (logits / temperature).softmax(-1)

    def last_of_equals(logits: Tensor, temperature: float) -> Tensor:
        if temperature == 0:
            likeliest = logits.argsort(dim=-1, stable=True)[..., -1:]
            return torch.zeros_like(logits).scatter(-1, likeliest, 1.0)
        return (logits / temperature).softmax(-1)

    def underflows(logits: Tensor, temperature: float) -> Tensor:
        if temperature == 0:
            return Exercise1401.right(logits, 0)
        powers = logits.softmax(-1) ** (1 / temperature)
        return powers / powers.sum(-1, keepdim=True)

    def overflows(logits: Tensor, temperature: float) -> Tensor:
        if temperature == 0:
            return Exercise1401.right(logits, 0)
        powers = (logits / temperature).exp()
        return powers / powers.sum(-1, keepdim=True)

    def small_taken_for_zero(logits: Tensor, temperature: float) -> Tensor:
        return Exercise1401.right(logits, 0 if temperature < 0.01 else temperature)

    def temperature_has_a_floor(logits: Tensor, temperature: float) -> Tensor:
        return Exercise1401.right(logits, max(temperature, 0.05) if temperature else 0)

    def one_max_for_all_rows(logits: Tensor, temperature: float) -> Tensor:
        if temperature == 0:
            return Exercise1401.right(logits, 0)
        powers = ((logits - logits.max()) / temperature).exp()
        if temperature < 0.01:
            return (logits / temperature).softmax(-1)
        return powers / powers.sum(-1, keepdim=True)

    def not_finite(logits: Tensor, temperature: float) -> Tensor:
        if temperature == 0:
            return Exercise1401.right(logits, 0)
        return ((logits - logits.mean(-1, keepdim=True)) / temperature).softmax(-1)

    def mutates_input(logits: Tensor, temperature: float) -> Tensor:
        logits /= temperature
        return logits.softmax(-1)

    def raises(logits: Tensor, temperature: float) -> Tensor:
        return (logits * (1 / temperature)).softmax(-1)

    def wrong_dtype(logits: Tensor, temperature: float) -> Tensor:
        if temperature == 0:
            return F.one_hot(logits.argmax(-1), logits.shape[-1])
        return (logits / temperature).softmax(-1)


def ranks(logits: Tensor) -> Tensor:
    """How many tokens of its row go before each token, by comparing all pairs."""
    n = logits.shape[-1]
    earlier = torch.ones(n, n, dtype=torch.bool).tril(-1)
    mine, other = logits[..., :, None], logits[..., None, :]
    return ((other > mine) | ((other == mine) & earlier)).sum(-1)


class Exercise1402:
    def right(logits: Tensor, k: int) -> Tensor:
        return logits.where(ranks(logits) < k, torch.tensor(-torch.inf))

    def keeps_equals(logits: Tensor, k: int) -> Tensor:
        kth = logits.topk(min(k, logits.shape[-1])).values[..., -1:]
        return logits.masked_fill(logits < kth, -torch.inf)

    def drops_equals(logits: Tensor, k: int) -> Tensor:
        if k >= logits.shape[-1]:
            return logits
        following = logits.topk(k + 1).values[..., -1:]
        return logits.masked_fill(logits <= following, -torch.inf)

    def one_too_many(logits: Tensor, k: int) -> Tensor:
        return Exercise1402.right(logits, k + 1)

    def one_too_few(logits: Tensor, k: int) -> Tensor:
        kth = logits.topk(min(k, logits.shape[-1])).values[..., -1:]
        return logits.masked_fill(logits <= kth, -torch.inf)

    def smallest(logits: Tensor, k: int) -> Tensor:
        ids = logits.argsort(dim=-1)[..., :k]
        return torch.full_like(logits, -torch.inf).scatter(-1, ids, logits.gather(-1, ids))

    def counted_from_the_smallest(logits: Tensor, k: int) -> Tensor:
        return logits.masked_fill(logits < logits.kthvalue(k, keepdim=True).values, -torch.inf)

    def nan_from_infinity(logits: Tensor, k: int) -> Tensor:
        return logits + (ranks(logits) >= k) * -torch.inf

    def others_stay(logits: Tensor, k: int) -> Tensor:
        ids = logits.abs().argsort(dim=-1, descending=True, stable=True)[..., :k]
        return torch.full_like(logits, -torch.inf).scatter(-1, ids, logits.gather(-1, ids))

    def too_many_stay(logits: Tensor, k: int) -> Tensor:
        return logits.masked_fill(logits < logits.mean(-1, keepdim=True), -torch.inf)

    def upside_down(logits: Tensor, k: int) -> Tensor:
        kth = logits.topk(min(k, logits.shape[-1])).values[..., -1:]
        return logits.masked_fill(logits >= kth, -torch.inf)

    def over_the_batch(logits: Tensor, k: int) -> Tensor:
        return Exercise1402.right(logits.flatten(), k).view_as(logits)

    def first_row_for_all(logits: Tensor, k: int) -> Tensor:
        kept = logits.reshape(-1, logits.shape[-1])[0].topk(min(k, logits.shape[-1])).indices
        cut = torch.full_like(logits, -torch.inf)
        cut[..., kept] = logits[..., kept]
        return cut

    def no_keepdim(logits: Tensor, k: int) -> Tensor:
        kth = logits.topk(min(k, logits.shape[-1])).values[..., -1]
        return logits.masked_fill(logits < kth, -torch.inf)

    def wrong_axis(logits: Tensor, k: int) -> Tensor:
        return Exercise1402.right(logits.transpose(0, -1), k).transpose(0, -1)

    def only_the_values(logits: Tensor, k: int) -> Tensor:
        return logits.topk(min(k, logits.shape[-1])).values

    def only_the_ids(logits: Tensor, k: int) -> Tensor:
        return logits.topk(min(k, logits.shape[-1])).indices

    def not_cut(logits: Tensor, k: int) -> Tensor:
        logits.clone().scatter(-1, logits.argsort(dim=-1)[..., :-k], -torch.inf)
        return logits

    def zero_instead_of_minus_infinity(logits: Tensor, k: int) -> Tensor:
        return logits * (ranks(logits) < k)

    def not_put_back(logits: Tensor, k: int) -> Tensor:
        values = logits.sort(-1, descending=True).values
        values[..., k:] = -torch.inf
        return values

    def mask_not_put_back(logits: Tensor, k: int) -> Tensor:
        return logits.masked_fill(torch.arange(logits.shape[-1]) >= k, -torch.inf)

    def mask_gathered(logits: Tensor, k: int) -> Tensor:
        place = logits.argsort(dim=-1, descending=True, stable=True)  # taken for the rank
        return logits.masked_fill(place >= k, -torch.inf)

    def probabilities(logits: Tensor, k: int) -> Tensor:
        return Exercise1402.right(logits, k).softmax(-1)

    def log_probabilities(logits: Tensor, k: int) -> Tensor:
        return Exercise1402.right(logits.log_softmax(-1), k)

    def mask(logits: Tensor, k: int) -> Tensor:
        return ranks(logits) < k

    def finite_instead_of_minus_infinity(logits: Tensor, k: int) -> Tensor:
        return logits.masked_fill(ranks(logits) >= k, -1e9)

    def tie_breaker(logits: Tensor, k: int) -> Tensor:
        ids = (logits - 1e-6 * torch.arange(logits.shape[-1])).topk(min(k, logits.shape[-1])).indices
        return torch.full_like(logits, -torch.inf).scatter(-1, ids, logits.gather(-1, ids))

    def wrong_equals(logits: Tensor, k: int) -> Tensor:
        ids = logits.argsort(dim=-1, stable=True)[..., -k:]
        return torch.full_like(logits, -torch.inf).scatter(-1, ids, logits.gather(-1, ids))

    def mutates_input(logits: Tensor, k: int) -> Tensor:
        logits[ranks(logits) >= k] = -torch.inf
        return logits

    def raises(logits: Tensor, k: int) -> Tensor:
        ids = logits.sort(-1, descending=True, stable=True).indices[..., torch.arange(k)]
        return torch.full_like(logits, -torch.inf).scatter(-1, ids, logits.gather(-1, ids))

    def wrong_type(logits: Tensor, k: int) -> list:
        return Exercise1402.right(logits, k).tolist()


def by_rank(logits: Tensor, p: float, needed: Callable[[Tensor, float], Tensor]) -> Tensor:
    """Cut by what `needed` says of the probabilities in descending order."""
    kept = needed(logits.softmax(-1).sort(-1, descending=True).values, p)
    return logits.masked_fill(~kept.gather(-1, ranks(logits)), -torch.inf)


class Exercise1403:
    def right(logits: Tensor, p: float) -> Tensor:
        """Row by row, token by token, until the sum is reached."""
        cut = torch.full(logits.shape, -torch.inf)
        for row, out in zip(logits.reshape(-1, logits.shape[-1]), cut.view(-1, logits.shape[-1]), strict=True):
            probabilities, held = row.softmax(0).tolist(), 0.0
            for token in sorted(range(len(row)), key=lambda token: -probabilities[token]):
                if held < p:
                    out[token] = row[token]
                held += probabilities[token]
        return cut

    def nothing_left(logits: Tensor, p: float) -> Tensor:
        return by_rank(logits, p, lambda sure, p: sure.cumsum(-1) <= p)

    def leaves_out_the_crossing_one(logits: Tensor, p: float) -> Tensor:
        values, ids = logits.sort(-1, descending=True)
        removed = values.softmax(-1).cumsum(-1) > p
        removed[..., 0] = False
        return torch.full_like(logits, -torch.inf).scatter(-1, ids, values.masked_fill(removed, -torch.inf))

    def one_too_many(logits: Tensor, p: float) -> Tensor:
        values, ids = logits.sort(-1, descending=True)
        p_sorted = values.softmax(-1)
        removed = p_sorted.cumsum(-1) - p_sorted >= p
        removed = torch.cat((torch.zeros_like(removed[..., :1]), removed[..., :-1]), dim=-1)
        return torch.full_like(logits, -torch.inf).scatter(-1, ids, values.masked_fill(removed, -torch.inf))

    def ascending(logits: Tensor, p: float) -> Tensor:
        values, ids = logits.sort(-1)
        p_sorted = values.softmax(-1)
        removed = p_sorted.cumsum(-1) - p_sorted >= p
        return torch.full_like(logits, -torch.inf).scatter(-1, ids, values.masked_fill(removed, -torch.inf))

    def sums_logits(logits: Tensor, p: float) -> Tensor:
        values, ids = logits.sort(-1, descending=True)
        removed = values.cumsum(-1) - values >= p
        return torch.full_like(logits, -torch.inf).scatter(-1, ids, values.masked_fill(removed, -torch.inf))

    def min_p(logits: Tensor, p: float) -> Tensor:
        probabilities = logits.softmax(-1)
        return logits.masked_fill(probabilities < p * probabilities.amax(-1, keepdim=True), -torch.inf)

    def threshold_for_each(logits: Tensor, p: float) -> Tensor:
        return logits.masked_fill(logits.softmax(-1) < 1 - p, -torch.inf)

    def one_minus_p(logits: Tensor, p: float) -> Tensor:
        return Exercise1403.right(logits, 1 - p)

    def not_sorted(logits: Tensor, p: float) -> Tensor:
        probabilities = logits.softmax(-1)
        return logits.masked_fill(probabilities.cumsum(-1) - probabilities >= p, -torch.inf)

    def too_few_stay(logits: Tensor, p: float) -> Tensor:
        return Exercise1403.right(logits, p**2)

    def share_of_the_vocabulary(logits: Tensor, p: float) -> Tensor:
        return Exercise1402.right(logits, math.ceil(p * logits.shape[-1]))

    def over_the_batch(logits: Tensor, p: float) -> Tensor:
        return Exercise1403.right(logits.flatten(), p).view_as(logits)

    def first_row_for_all(logits: Tensor, p: float) -> Tensor:
        first = Exercise1403.right(logits, p).reshape(-1, logits.shape[-1])[0]
        return Exercise1402.right(logits, int(first.isfinite().sum()))

    def wrong_axis(logits: Tensor, p: float) -> Tensor:
        return Exercise1403.right(logits.transpose(0, -1), p).transpose(0, -1)

    def keeps_equals(logits: Tensor, p: float) -> Tensor:
        lowest = Exercise1403.right(logits, p).nan_to_num(neginf=torch.inf).amin(-1, keepdim=True)
        return logits.masked_fill(logits < lowest, -torch.inf)

    def not_put_back(logits: Tensor, p: float) -> Tensor:
        values = logits.sort(-1, descending=True).values
        sure = values.softmax(-1)
        return values.masked_fill(sure.cumsum(-1) - sure >= p, -torch.inf)

    def mask_not_put_back(logits: Tensor, p: float) -> Tensor:
        sure = logits.softmax(-1).sort(-1, descending=True).values
        return logits.masked_fill(sure.cumsum(-1) - sure >= p, -torch.inf)

    def mask_gathered(logits: Tensor, p: float) -> Tensor:
        sure, ids = logits.softmax(-1).sort(-1, descending=True)
        removed = sure.cumsum(-1) - sure >= p
        return logits.masked_fill(removed.gather(-1, ids), -torch.inf)

    def upside_down(logits: Tensor, p: float) -> Tensor:
        return logits.masked_fill(Exercise1403.right(logits, p).isfinite(), -torch.inf)

    def zero_instead_of_minus_infinity(logits: Tensor, p: float) -> Tensor:
        return Exercise1403.right(logits, p).nan_to_num(neginf=0.0)

    def finite_instead_of_minus_infinity(logits: Tensor, p: float) -> Tensor:
        return Exercise1403.right(logits, p).nan_to_num(neginf=-10_000.0)

    def probabilities(logits: Tensor, p: float) -> Tensor:
        return Exercise1403.right(logits, p).softmax(-1)

    def not_all_at_one(logits: Tensor, p: float) -> Tensor:
        return by_rank(
            logits,
            p,
            lambda sure, p: torch.arange(sure.shape[-1]) <= (sure.cumsum(-1) > p).int().argmax(-1, keepdim=True),
        )

    def wrong_equals(logits: Tensor, p: float) -> Tensor:
        """Counts rightly, and then takes as many from the end of an ascending sort."""
        ids = logits.argsort(dim=-1, stable=True)
        n_kept = Exercise1403.right(logits, p).isfinite().sum(-1, keepdim=True)
        inside = torch.arange(logits.shape[-1]) >= logits.shape[-1] - n_kept
        return logits.masked_fill(~torch.zeros_like(inside).scatter(-1, ids, inside), -torch.inf)

    def mutates_input(logits: Tensor, p: float) -> Tensor:
        logits[Exercise1403.right(logits, p).isinf()] = -torch.inf
        return logits


Three = tuple[Tensor, Tensor, Tensor]


def extended(x: Tensor, w_k: Tensor, w_v: Tensor, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
    return torch.cat((keys, (x @ w_k)[:, None]), 1), torch.cat((values, (x @ w_v)[:, None]), 1)


def look(q: Tensor, keys: Tensor, values: Tensor, scale: float | None = None, dim: int = -1) -> Tensor:
    scores = torch.einsum("bk,bsk->bs", q, keys) * (scale or keys.shape[-1] ** -0.5)
    return torch.einsum("bs,bsk->bk", scores.softmax(dim), values)


class Exercise1404:
    def right(x: Tensor, w_q: Tensor, w_k: Tensor, w_v: Tensor, keys: Tensor, values: Tensor) -> Three:
        """Text by text, through torch's own attention, into caches with room for one more."""
        outputs, all_keys, all_values = [], [], []
        for token, old_keys, old_values in zip(x, keys, values, strict=True):
            k, v = torch.vstack((old_keys, token @ w_k)), torch.vstack((old_values, token @ w_v))
            outputs.append(F.scaled_dot_product_attention((token @ w_q)[None, None], k[None], v[None])[0, 0])
            all_keys.append(k)
            all_values.append(v)
        return torch.stack(outputs), torch.stack(all_keys), torch.stack(all_values)

    def not_three(x: Tensor, w_q: Tensor, w_k: Tensor, w_v: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        return look(x @ w_q, *extended(x, w_k, w_v, keys, values))

    def output_last(x: Tensor, w_q: Tensor, w_k: Tensor, w_v: Tensor, keys: Tensor, values: Tensor) -> Three:
        keys, values = extended(x, w_k, w_v, keys, values)
        return keys, values, look(x @ w_q, keys, values)

    def wrong_axis(x: Tensor, w_q: Tensor, w_k: Tensor, w_v: Tensor, keys: Tensor, values: Tensor) -> Three:
        keys, values = torch.cat((keys, (x @ w_k)[:, None])), torch.cat((values, (x @ w_v)[:, None]))
        return x @ w_v, keys, values

    def caches_exchanged(x: Tensor, w_q: Tensor, w_k: Tensor, w_v: Tensor, keys: Tensor, values: Tensor) -> Three:
        keys, values = extended(x, w_k, w_v, keys, values)
        return look(x @ w_q, keys, values), values, keys

    def not_extended(x: Tensor, w_q: Tensor, w_k: Tensor, w_v: Tensor, keys: Tensor, values: Tensor) -> Three:
        return look(x @ w_q, *extended(x, w_k, w_v, keys, values)), keys, values

    def only_the_new(x: Tensor, w_q: Tensor, w_k: Tensor, w_v: Tensor, keys: Tensor, values: Tensor) -> Three:
        return look(x @ w_q, *extended(x, w_k, w_v, keys, values)), x @ w_k, x @ w_v

    def appended_at_the_front(x: Tensor, w_q: Tensor, w_k: Tensor, w_v: Tensor, keys: Tensor, values: Tensor) -> Three:
        keys, values = torch.cat(((x @ w_k)[:, None], keys), 1), torch.cat(((x @ w_v)[:, None], values), 1)
        return look(x @ w_q, keys, values), keys, values

    def forgets_one(x: Tensor, w_q: Tensor, w_k: Tensor, w_v: Tensor, keys: Tensor, values: Tensor) -> Three:
        keys, values = extended(x, w_k, w_v, keys[:, 1:], values[:, 1:])
        return look(x @ w_q, keys, values), keys, values

    def transposed(x: Tensor, w_q: Tensor, w_k: Tensor, w_v: Tensor, keys: Tensor, values: Tensor) -> Three:
        keys, values = extended(x, w_k.T, w_v.T, keys, values)
        return look(x @ w_q.T, keys, values), keys, values

    def caches_the_input(x: Tensor, w_q: Tensor, w_k: Tensor, w_v: Tensor, keys: Tensor, values: Tensor) -> Three:
        keys, values = torch.cat((keys, x[:, None]), 1), torch.cat((values, x[:, None]), 1)
        return look(x @ w_q, keys, values), keys, values

    def caches_the_query(x: Tensor, w_q: Tensor, w_k: Tensor, w_v: Tensor, keys: Tensor, values: Tensor) -> Three:
        keys, values = extended(x, w_q, w_v, keys, values)
        return look(x @ w_k, keys, values), keys, values

    def wrong_matrix(x: Tensor, w_q: Tensor, w_k: Tensor, w_v: Tensor, keys: Tensor, values: Tensor) -> Three:
        keys, values = extended(x, w_k, w_k, keys, values)
        return look(x @ w_q, keys, values), keys, values

    def extra_axis(x: Tensor, w_q: Tensor, w_k: Tensor, w_v: Tensor, keys: Tensor, values: Tensor) -> Three:
        keys, values = extended(x, w_k, w_v, keys, values)
        return F.scaled_dot_product_attention((x @ w_q)[:, None], keys, values), keys, values

    def does_not_see_itself(x: Tensor, w_q: Tensor, w_k: Tensor, w_v: Tensor, keys: Tensor, values: Tensor) -> Three:
        return look(x @ w_q, keys, values), *extended(x, w_k, w_v, keys, values)

    def sees_only_itself(x: Tensor, w_q: Tensor, w_k: Tensor, w_v: Tensor, keys: Tensor, values: Tensor) -> Three:
        return look(x @ w_q, (x @ w_k)[:, None], (x @ w_v)[:, None]), *extended(x, w_k, w_v, keys, values)

    def mask_from_the_wrong_end(
        x: Tensor, w_q: Tensor, w_k: Tensor, w_v: Tensor, keys: Tensor, values: Tensor
    ) -> Three:
        keys, values = extended(x, w_k, w_v, keys, values)
        return F.scaled_dot_product_attention((x @ w_q)[:, None], keys, values, is_causal=True)[:, 0], keys, values

    def no_scaling(x: Tensor, w_q: Tensor, w_k: Tensor, w_v: Tensor, keys: Tensor, values: Tensor) -> Three:
        keys, values = extended(x, w_k, w_v, keys, values)
        return look(x @ w_q, keys, values, scale=1.0), keys, values

    def scaled_by_d_model(x: Tensor, w_q: Tensor, w_k: Tensor, w_v: Tensor, keys: Tensor, values: Tensor) -> Three:
        keys, values = extended(x, w_k, w_v, keys, values)
        return look(x @ w_q, keys, values, scale=x.shape[-1] ** -0.5), keys, values

    def scaled_without_root(x: Tensor, w_q: Tensor, w_k: Tensor, w_v: Tensor, keys: Tensor, values: Tensor) -> Three:
        keys, values = extended(x, w_k, w_v, keys, values)
        return look(x @ w_q, keys, values, scale=1 / keys.shape[-1]), keys, values

    def scaled_by_length(x: Tensor, w_q: Tensor, w_k: Tensor, w_v: Tensor, keys: Tensor, values: Tensor) -> Three:
        keys, values = extended(x, w_k, w_v, keys, values)
        return look(x @ w_q, keys, values, scale=keys.shape[1] ** -0.5), keys, values

    def scaled_the_wrong_way(x: Tensor, w_q: Tensor, w_k: Tensor, w_v: Tensor, keys: Tensor, values: Tensor) -> Three:
        keys, values = extended(x, w_k, w_v, keys, values)
        return look(x @ w_q, keys, values, scale=keys.shape[-1] ** 0.5), keys, values

    def keys_and_values_exchanged(
        x: Tensor, w_q: Tensor, w_k: Tensor, w_v: Tensor, keys: Tensor, values: Tensor
    ) -> Three:
        keys, values = extended(x, w_k, w_v, keys, values)
        return look(x @ w_q, values, keys), keys, values

    def returns_weights(x: Tensor, w_q: Tensor, w_k: Tensor, w_v: Tensor, keys: Tensor, values: Tensor) -> Three:
        keys, values = extended(x, w_k, w_v, keys, values)
        scores = (x @ w_q)[:, None] @ keys.transpose(1, 2) / keys.shape[-1] ** 0.5
        return scores.softmax(-1)[:, 0], keys, values

    def key_asks(x: Tensor, w_q: Tensor, w_k: Tensor, w_v: Tensor, keys: Tensor, values: Tensor) -> Three:
        keys, values = extended(x, w_k, w_v, keys, values)
        return look(keys[:, -1], keys, values), keys, values

    def input_asks(x: Tensor, w_q: Tensor, w_k: Tensor, w_v: Tensor, keys: Tensor, values: Tensor) -> Three:
        keys, values = extended(x, w_k, w_v, keys, values)
        return look(x, keys, values), keys, values

    def mixes_keys(x: Tensor, w_q: Tensor, w_k: Tensor, w_v: Tensor, keys: Tensor, values: Tensor) -> Three:
        keys, values = extended(x, w_k, w_v, keys, values)
        return look(x @ w_q, keys, keys), keys, values

    def no_softmax(x: Tensor, w_q: Tensor, w_k: Tensor, w_v: Tensor, keys: Tensor, values: Tensor) -> Three:
        keys, values = extended(x, w_k, w_v, keys, values)
        scores = (x @ w_q)[:, None] @ keys.transpose(1, 2) / keys.shape[-1] ** 0.5
        return (scores @ values)[:, 0], keys, values

    def softmax_over_the_batch(x: Tensor, w_q: Tensor, w_k: Tensor, w_v: Tensor, keys: Tensor, values: Tensor) -> Three:
        keys, values = extended(x, w_k, w_v, keys, values)
        return look(x @ w_q, keys, values, dim=0), keys, values

    def softmax_over_one(x: Tensor, w_q: Tensor, w_k: Tensor, w_v: Tensor, keys: Tensor, values: Tensor) -> Three:
        keys, values = extended(x, w_k, w_v, keys, values)
        scores = (x @ w_q)[:, None] @ keys.transpose(1, 2) / keys.shape[-1] ** 0.5
        return (scores.softmax(1) @ values)[:, 0], keys, values

    def plain_mean(x: Tensor, w_q: Tensor, w_k: Tensor, w_v: Tensor, keys: Tensor, values: Tensor) -> Three:
        keys, values = extended(x, w_k, w_v, keys, values)
        return values.mean(1), keys, values

    def across_the_batch(x: Tensor, w_q: Tensor, w_k: Tensor, w_v: Tensor, keys: Tensor, values: Tensor) -> Three:
        keys, values = extended(x, w_k, w_v, keys, values)
        scores = x @ w_q @ keys.reshape(-1, keys.shape[-1]).T / keys.shape[-1] ** 0.5
        return scores.softmax(-1) @ values.reshape(-1, values.shape[-1]), keys, values

    def raises(x: Tensor, w_q: Tensor, w_k: Tensor, w_v: Tensor, keys: Tensor, values: Tensor) -> Three:
        keys, values = torch.cat((keys, x @ w_k), 1), torch.cat((values, x @ w_v), 1)
        return look(x @ w_q, keys, values), keys, values

    def mutates_input(x: Tensor, w_q: Tensor, w_k: Tensor, w_v: Tensor, keys: Tensor, values: Tensor) -> Three:
        keys[:, -1:], values[:, -1:] = (x @ w_k)[:, None], (x @ w_v)[:, None]
        return look(x @ w_q, keys, values), keys, values


Forecast = Callable[[list[int]], Tensor]


def search(
    forecast: Forecast,
    prompt: list[int],
    n_tokens: int,
    width: int,
    start: float = 0.0,
    add: Callable[[float, float], float] = lambda score, log_p: score + log_p,
    context: Callable[[list[int], list[int]], list[int]] = lambda prompt, ids: prompt + ids,
    copies: int = 1,
) -> list[tuple[float, list[int]]]:
    beams = [(start, [])] * copies
    for _ in range(n_tokens):
        grown = [
            (add(score, log_p), [*ids, token])
            for score, ids in beams
            for token, log_p in enumerate(forecast(context(prompt, ids)).tolist())
        ]
        beams = heapq.nlargest(width, grown)
    return beams


class Exercise1405:
    def right(next_log_probs: Forecast, prompt: list[int], n_tokens: int, width: int) -> Tensor:
        """With tensors: the `width` best of a flat table of sums, from which parent and token are read off."""
        texts, scores = torch.tensor([prompt]), torch.zeros(1)
        for _ in range(n_tokens):
            table = scores[:, None] + torch.stack([next_log_probs(text.tolist()) for text in texts])
            scores, places = table.flatten().topk(min(width, table.numel()))
            parents, tokens = places // table.shape[1], places % table.shape[1]
            texts = torch.cat((texts[parents], tokens[:, None]), dim=1)
        return texts[0, len(prompt) :]

    def greedy(next_log_probs: Forecast, prompt: list[int], n_tokens: int, width: int) -> list[int]:
        return search(next_log_probs, prompt, n_tokens, width, copies=width)[0][1]

    def forgets_the_earlier_score(next_log_probs: Forecast, prompt: list[int], n_tokens: int, width: int) -> list[int]:
        return search(next_log_probs, prompt, n_tokens, width, add=lambda score, log_p: log_p)[0][1]

    def adds_probabilities(next_log_probs: Forecast, prompt: list[int], n_tokens: int, width: int) -> list[int]:
        return search(next_log_probs, prompt, n_tokens, width, add=lambda score, log_p: score + math.exp(log_p))[0][1]

    def multiplies_logs(next_log_probs: Forecast, prompt: list[int], n_tokens: int, width: int) -> list[int]:
        return search(next_log_probs, prompt, n_tokens, width, start=1.0, add=lambda score, log_p: score * log_p)[0][1]

    def least_likely(next_log_probs: Forecast, prompt: list[int], n_tokens: int, width: int) -> list[int]:
        return search(next_log_probs, prompt, n_tokens, width, add=lambda score, log_p: score - log_p)[0][1]

    def worst_beam(next_log_probs: Forecast, prompt: list[int], n_tokens: int, width: int) -> list[int]:
        return search(next_log_probs, prompt, n_tokens, width)[-1][1]

    def last_step_greedy(next_log_probs: Forecast, prompt: list[int], n_tokens: int, width: int) -> list[int]:
        best = search(next_log_probs, prompt, n_tokens - 1, width)[0][1]
        return [*best, int(next_log_probs(prompt + best).argmax())]

    def beams_never_compete(next_log_probs: Forecast, prompt: list[int], n_tokens: int, width: int) -> list[int]:
        first = next_log_probs(prompt).sort(descending=True)
        beams = [(score, [token]) for score, token in zip(first.values.tolist(), first.indices.tolist(), strict=True)][
            :width
        ]
        for _ in range(n_tokens - 1):
            following = []
            for score, ids in beams:
                log_probs = next_log_probs(prompt + ids)
                following.append((score + log_probs.max().item(), [*ids, int(log_probs.argmax())]))
            beams = following
        return max(beams)[1]

    def never_cut(next_log_probs: Forecast, prompt: list[int], n_tokens: int, width: int) -> list[int]:
        beams = [(0.0, [])]
        for _ in range(n_tokens):
            grown = []
            for score, ids in beams:
                log_probs = next_log_probs(prompt + ids)
                best = log_probs.topk(min(width, len(log_probs)))
                grown += [(score + log_probs[token].item(), [*ids, token]) for token in best.indices.tolist()]
            beams = grown
        return max(beams)[1]

    def ignores_its_own_tokens(next_log_probs: Forecast, prompt: list[int], n_tokens: int, width: int) -> list[int]:
        return search(next_log_probs, prompt, n_tokens, width, context=lambda prompt, ids: prompt)[0][1]

    def forgets_the_prompt(next_log_probs: Forecast, prompt: list[int], n_tokens: int, width: int) -> list[int]:
        return search(next_log_probs, prompt, n_tokens, width, context=lambda prompt, ids: ids)[0][1]

    def only_the_last_token(next_log_probs: Forecast, prompt: list[int], n_tokens: int, width: int) -> list[int]:
        return search(next_log_probs, prompt, n_tokens, width, context=lambda prompt, ids: [(prompt + ids)[-1]])[0][1]

    def returns_the_prompt_too(next_log_probs: Forecast, prompt: list[int], n_tokens: int, width: int) -> list[int]:
        return prompt + search(next_log_probs, prompt, n_tokens, width)[0][1]

    def returns_all_beams(next_log_probs: Forecast, prompt: list[int], n_tokens: int, width: int) -> list[list[int]]:
        return [ids for _, ids in search(next_log_probs, prompt, n_tokens, width)]

    def returns_the_score_too(next_log_probs: Forecast, prompt: list[int], n_tokens: int, width: int) -> tuple:
        return search(next_log_probs, prompt, n_tokens, width)[0]

    def returns_the_score(next_log_probs: Forecast, prompt: list[int], n_tokens: int, width: int) -> float:
        return search(next_log_probs, prompt, n_tokens, width)[0][0]

    def wrong_length(next_log_probs: Forecast, prompt: list[int], n_tokens: int, width: int) -> list[int]:
        return search(next_log_probs, prompt, n_tokens - len(prompt), width)[0][1]

    def mutates_input(next_log_probs: Forecast, prompt: list[int], n_tokens: int, width: int) -> list[int]:
        for _ in range(n_tokens):
            prompt.append(int(next_log_probs(prompt).argmax()))
        return prompt[-n_tokens:]

    def raises(next_log_probs: Forecast, prompt: list[int], n_tokens: int, width: int) -> list[int]:
        beams = [(0.0, [])]
        for _ in range(n_tokens):
            grown = []
            for score, ids in beams:
                best = next_log_probs(prompt + ids).topk(width)
                grown += [(score + best.values[i].item(), [*ids, int(best.indices[i])]) for i in range(width)]
            beams = heapq.nlargest(width, grown)
        return beams[0][1]


def missing(p: Tensor, q: Tensor) -> Tensor:
    gap = (p - q).clamp(min=0)
    return gap / gap.sum() if gap.any() else p


def keep(p: Tensor, q: Tensor, drafted: int) -> float:
    return min(1.0, float(p[drafted] / q[drafted]))


class Exercise1406:
    def right(p: Tensor, q: Tensor, drafted: int) -> tuple[Tensor, Tensor]:
        """What is missing is what p has beyond the overlap, and it sums to what the overlap leaves."""
        overlap = torch.minimum(p, q)
        again = p if overlap.equal(p) else (p - overlap) / (1 - overlap.sum())
        return overlap[drafted] / q[drafted], again

    def not_two(p: Tensor, q: Tensor, drafted: int) -> float:
        return keep(p, q, drafted)

    def exchanged(p: Tensor, q: Tensor, drafted: int) -> tuple[Tensor, float]:
        return missing(p, q), keep(p, q, drafted)

    def all_at_once(p: Tensor, q: Tensor, drafted: int) -> tuple[Tensor, Tensor]:
        return (p / q).clamp(max=1), missing(p, q)

    def always_kept(p: Tensor, q: Tensor, drafted: int) -> tuple[float, Tensor]:
        return 1.0, p

    def never_kept(p: Tensor, q: Tensor, drafted: int) -> tuple[float, Tensor]:
        return 0.0, p

    def ratio_upside_down(p: Tensor, q: Tensor, drafted: int) -> tuple[float, Tensor]:
        return keep(q, p, drafted), missing(p, q)

    def not_limited(p: Tensor, q: Tensor, drafted: int) -> tuple[Tensor, Tensor]:
        return p[drafted] / q[drafted], missing(p, q)

    def probability_of_refusal(p: Tensor, q: Tensor, drafted: int) -> tuple[float, Tensor]:
        return 1 - keep(p, q, drafted), missing(p, q)

    def share_of_both(p: Tensor, q: Tensor, drafted: int) -> tuple[Tensor, Tensor]:
        return p[drafted] / (p + q)[drafted], missing(p, q)

    def another_distribution(p: Tensor, q: Tensor, drafted: int) -> tuple[float, Tensor]:
        return keep(p, q, drafted), torch.full_like(p, 1 / len(p))

    def all_or_nothing(p: Tensor, q: Tensor, drafted: int) -> tuple[float, Tensor]:
        return float(p[drafted] >= q[drafted]), missing(p, q)

    def kept_with_probability_p(p: Tensor, q: Tensor, drafted: int) -> tuple[Tensor, Tensor]:
        return p[drafted], missing(p, q)

    def not_divided(p: Tensor, q: Tensor, drafted: int) -> tuple[Tensor, Tensor]:
        return torch.minimum(p, q)[drafted], missing(p, q)

    def rate_of_all_tokens(p: Tensor, q: Tensor, drafted: int) -> tuple[Tensor, Tensor]:
        return torch.minimum(p, q).sum(), missing(p, q)

    def logarithm(p: Tensor, q: Tensor, drafted: int) -> tuple[Tensor, Tensor]:
        return p[drafted].log() - q[drafted].log(), missing(p, q)

    def not_normalised(p: Tensor, q: Tensor, drafted: int) -> tuple[float, Tensor]:
        return keep(p, q, drafted), (p - q).clamp(min=0)

    def redraws_from_p(p: Tensor, q: Tensor, drafted: int) -> tuple[float, Tensor]:
        return keep(p, q, drafted), p

    def p_without_the_draft(p: Tensor, q: Tensor, drafted: int) -> tuple[float, Tensor]:
        others = p.clone()
        others[drafted] = 0
        return keep(p, q, drafted), others / others.sum()

    def absolute_difference(p: Tensor, q: Tensor, drafted: int) -> tuple[float, Tensor]:
        gap = (p - q).abs()
        return keep(p, q, drafted), gap / gap.sum()

    def draft_minus_model(p: Tensor, q: Tensor, drafted: int) -> tuple[float, Tensor]:
        return keep(p, q, drafted), missing(q, p)

    def redraws_from_the_draft(p: Tensor, q: Tensor, drafted: int) -> tuple[float, Tensor]:
        return keep(p, q, drafted), q

    def softmax_of_the_difference(p: Tensor, q: Tensor, drafted: int) -> tuple[float, Tensor]:
        return keep(p, q, drafted), (p - q).clamp(min=0).softmax(0)

    def what_both_share(p: Tensor, q: Tensor, drafted: int) -> tuple[float, Tensor]:
        overlap = torch.minimum(p, q)
        return keep(p, q, drafted), overlap / overlap.sum()

    def negative_probabilities(p: Tensor, q: Tensor, drafted: int) -> tuple[float, Tensor]:
        return keep(p, q, drafted), (p - q) / (p - q).sum()

    def nan_when_equal(p: Tensor, q: Tensor, drafted: int) -> tuple[float, Tensor]:
        gap = (p - q).relu()
        return keep(p, q, drafted), gap / gap.sum()

    def zeros_when_equal(p: Tensor, q: Tensor, drafted: int) -> tuple[float, Tensor]:
        gap = (p - q).relu()
        return keep(p, q, drafted), gap / gap.sum().clamp(min=1e-9)

    def not_p_when_equal(p: Tensor, q: Tensor, drafted: int) -> tuple[float, Tensor]:
        return keep(p, q, drafted), torch.full_like(p, 1 / len(p)) if p.equal(q) else missing(p, q)

    def depends_on_the_draft(p: Tensor, q: Tensor, drafted: int) -> tuple[float, Tensor]:
        chance = keep(p, q, drafted)
        return chance, q if chance == 1 else missing(p, q)

    def taken_for_equal(p: Tensor, q: Tensor, drafted: int) -> tuple[float, Tensor]:
        gap = (p - q).clamp(min=0)
        return keep(p, q, drafted), gap / gap.sum() if gap.sum() > 1e-3 else p

    def no_distribution(p: Tensor, q: Tensor, drafted: int) -> tuple[float, Tensor | None]:
        chance = keep(p, q, drafted)
        return chance, None if chance == 1 else missing(p, q)

    def wrong_type(p: Tensor, q: Tensor, drafted: int) -> tuple[float, int]:
        return keep(p, q, drafted), int(missing(p, q).argmax())


def said(**changed: float) -> dict[str, float]:
    """Rounded right numbers, some of them changed."""
    right = {"colder": 0.94, "endless_heat": 1.79, "top_p_keeps": 4, "min_p_keeps": 5, "cache_bytes": 2_304_000}
    return {**right, "kept_drafts": 0.6, "tokens_per_pass": 2.53, **changed}


class Exercise1407:
    def right() -> dict[str, float]:
        return said()

    def colder_not_normalised() -> dict[str, float]:
        return said(colder=0.64)

    def colder_is_warmer() -> dict[str, float]:
        return said(colder=0.67)

    def colder_unchanged() -> dict[str, float]:
        return said(colder=0.8)

    def colder_doubled() -> dict[str, float]:
        return said(colder=1.6)

    def colder_halved() -> dict[str, float]:
        return said(colder=0.4)

    def colder_greedy() -> dict[str, float]:
        return said(colder=1)

    def colder_softmax_of_probabilities() -> dict[str, float]:
        return said(colder=0.77)

    def colder_other_token() -> dict[str, float]:
        return said(colder=0.06)

    def colder_in_percent() -> dict[str, float]:
        return said(colder=94)

    def heat_in_bits() -> dict[str, float]:
        return said(endless_heat=2.58)

    def heat_without_log() -> dict[str, float]:
        return said(endless_heat=6)

    def heat_without_limit() -> dict[str, float]:
        return said(endless_heat=math.inf)

    def heat_is_cold() -> dict[str, float]:
        return said(endless_heat=0)

    def heat_not_applied() -> dict[str, float]:
        return said(endless_heat=1.39)

    def heat_in_decimal() -> dict[str, float]:
        return said(endless_heat=0.78)

    def heat_probability() -> dict[str, float]:
        return said(endless_heat=0.17)

    def top_p_leaves_one_out() -> dict[str, float]:
        return said(top_p_keeps=3)

    def top_p_one_too_many() -> dict[str, float]:
        return said(top_p_keeps=5)

    def top_p_as_threshold() -> dict[str, float]:
        return said(top_p_keeps=0)

    def top_p_like_min_p() -> dict[str, float]:
        return said(top_p_keeps=1)

    def top_p_rest() -> dict[str, float]:
        return said(top_p_keeps=2)

    def top_p_probability() -> dict[str, float]:
        return said(top_p_keeps=0.92)

    def top_p_keeps_all() -> dict[str, float]:
        return said(top_p_keeps=6)

    def min_p_as_threshold() -> dict[str, float]:
        return said(min_p_keeps=3)

    def min_p_like_top_p() -> dict[str, float]:
        return said(min_p_keeps=4)

    def min_p_rest() -> dict[str, float]:
        return said(min_p_keeps=1)

    def min_p_keeps_all() -> dict[str, float]:
        return said(min_p_keeps=6)

    def min_p_threshold() -> dict[str, float]:
        return said(min_p_keeps=0.05)

    def cache_of_one_kind() -> dict[str, float]:
        return said(cache_bytes=5 * 3 * 200 * 96 * 4)

    def cache_in_numbers() -> dict[str, float]:
        return said(cache_bytes=2 * 5 * 3 * 200 * 96)

    def cache_of_one_kind_in_numbers() -> dict[str, float]:
        return said(cache_bytes=5 * 3 * 200 * 96)

    def cache_of_one_text() -> dict[str, float]:
        return said(cache_bytes=2 * 5 * 200 * 96 * 4)

    def cache_of_one_layer() -> dict[str, float]:
        return said(cache_bytes=2 * 3 * 200 * 96 * 4)

    def cache_of_one_head() -> dict[str, float]:
        return said(cache_bytes=2 * 5 * 3 * 200 * 16 * 4)

    def cache_of_one_token() -> dict[str, float]:
        return said(cache_bytes=2 * 5 * 3 * 96 * 4)

    def cache_with_heads_twice() -> dict[str, float]:
        return said(cache_bytes=2 * 5 * 3 * 200 * 6 * 96 * 4)

    def cache_in_bits() -> dict[str, float]:
        return said(cache_bytes=2 * 5 * 3 * 200 * 96 * 32)

    def cache_with_queries() -> dict[str, float]:
        return said(cache_bytes=3 * 5 * 3 * 200 * 96 * 4)

    def cache_in_larger_units() -> dict[str, float]:
        return said(cache_bytes=2.3)

    def cache_of_scores() -> dict[str, float]:
        return said(cache_bytes=5 * 3 * 6 * 200 * 200 * 4)

    def drafts_refused() -> dict[str, float]:
        return said(kept_drafts=0.4)

    def same_by_chance() -> dict[str, float]:
        return said(kept_drafts=0.28)

    def summed_distance() -> dict[str, float]:
        return said(kept_drafts=0.8)

    def one_minus_summed_distance() -> dict[str, float]:
        return said(kept_drafts=0.2)

    def mean_of_ratios() -> dict[str, float]:
        return said(kept_drafts=0.67)

    def always_kept() -> dict[str, float]:
        return said(kept_drafts=1)

    def without_the_extra_token() -> dict[str, float]:
        return said(tokens_per_pass=1.53)

    def one_power_short() -> dict[str, float]:
        return said(tokens_per_pass=2.19)

    def each_by_itself() -> dict[str, float]:
        return said(tokens_per_pass=3.1)

    def each_by_itself_without_the_extra() -> dict[str, float]:
        return said(tokens_per_pass=2.1)

    def all_kept() -> dict[str, float]:
        return said(tokens_per_pass=4)

    def drafts_only() -> dict[str, float]:
        return said(tokens_per_pass=3)

    def endless_drafts() -> dict[str, float]:
        return said(tokens_per_pass=3.33)

    def chance_of_all() -> dict[str, float]:
        return said(tokens_per_pass=0.34)

    def no_entry() -> dict[str, float]:
        return {"colder": 0.94}

    def wrong_type() -> dict[str, str]:
        return said(colder="0.94?")

    def wrong_value() -> dict[str, float]:
        return said(endless_heat=3.0)
