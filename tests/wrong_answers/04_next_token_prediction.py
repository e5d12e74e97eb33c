"""Wrong answers to the exercises of lesson 04, named after the diagnosis that they must get, and a second right one."""

import math
from bisect import bisect_left, bisect_right
from collections import Counter
from itertools import accumulate, pairwise

import torch
from torch import Tensor

Documents = list[list[int]]


def flat_pairs(flat: list[int], vocab_size: int) -> Tensor:
    counts = torch.zeros(vocab_size, vocab_size)
    for a, b in pairwise(flat):
        counts[a, b] += 1
    return counts


class Exercise0401:
    def right(documents: Documents, vocab_size: int) -> Tensor:
        flat = torch.tensor([0] + [token for document in documents for token in [*document, 0]])
        pairs = flat[:-1] * vocab_size + flat[1:]
        return torch.bincount(pairs, minlength=vocab_size**2).view(vocab_size, vocab_size)

    def dictionary(documents: Documents, vocab_size: int) -> Counter:
        return Counter(pair for d in documents for pair in zip([0, *d], [*d, 0], strict=True))

    def wrong_type(documents: Documents, vocab_size: int) -> list:
        return Exercise0401.right(documents, vocab_size).tolist()

    def transposed(documents: Documents, vocab_size: int) -> Tensor:
        counts = torch.zeros(vocab_size, vocab_size)
        for document in documents:
            for a, b in zip([0, *document], [*document, 0], strict=True):
                counts[b, a] += 1
        return counts

    def no_end_marks(documents: Documents, vocab_size: int) -> Tensor:
        return sum(flat_pairs(document, vocab_size) for document in documents)

    def no_end(documents: Documents, vocab_size: int) -> Tensor:
        return sum(flat_pairs([0, *document], vocab_size) for document in documents)

    def no_start(documents: Documents, vocab_size: int) -> Tensor:
        return sum(flat_pairs([*document, 0], vocab_size) for document in documents)

    def across_documents(documents: Documents, vocab_size: int) -> Tensor:
        return flat_pairs([0, *(token for document in documents for token in document), 0], vocab_size)

    def end_twice(documents: Documents, vocab_size: int) -> Tensor:
        return flat_pairs([token for document in documents for token in [0, *document, 0]], vocab_size)

    def outer_marks_missing(documents: Documents, vocab_size: int) -> Tensor:
        return flat_pairs([token for document in documents for token in [*document, 0]], vocab_size)

    def counted_once(documents: Documents, vocab_size: int) -> Tensor:
        flat = torch.tensor([0] + [token for document in documents for token in [*document, 0]])
        counts = torch.zeros(vocab_size, vocab_size)
        counts[flat[:-1], flat[1:]] += 1
        return counts

    def once_a_document(documents: Documents, vocab_size: int) -> Tensor:
        counts = torch.zeros(vocab_size, vocab_size)
        for document in documents:
            padded = torch.tensor([0, *document, 0])
            counts[padded[:-1], padded[1:]] += 1
        return counts

    def shares(documents: Documents, vocab_size: int) -> Tensor:
        counts = Exercise0401.right(documents, vocab_size)
        return counts / counts.sum(1, keepdim=True)

    def one_document(documents: Documents, vocab_size: int) -> Tensor:
        for document in documents:
            counts = torch.zeros(vocab_size, vocab_size)
            for a, b in zip([0, *document], [*document, 0], strict=True):
                counts[a, b] += 1
        return counts

    def both_ways(documents: Documents, vocab_size: int) -> Tensor:
        counts = Exercise0401.right(documents, vocab_size)
        return counts + counts.T

    def skips_the_empty(documents: Documents, vocab_size: int) -> Tensor:
        return Exercise0401.right([document for document in documents if document], vocab_size)

    def every_second_pair(documents: Documents, vocab_size: int) -> Tensor:
        counts = torch.zeros(vocab_size, vocab_size)
        for document in documents:
            padded = [0, *document, 0]
            for i in range(0, len(padded) - 1, 2):
                counts[padded[i], padded[i + 1]] += 1
        return counts

    def wrong_size(documents: Documents, vocab_size: int) -> Tensor:
        seen = sorted({0, *(token for document in documents for token in document)})
        return Exercise0401.right([[seen.index(token) for token in document] for document in documents], len(seen))

    def column_of_totals(documents: Documents, vocab_size: int) -> Tensor:
        return Exercise0401.right(documents, vocab_size).sum(0)

    def not_reset(documents: Documents, vocab_size: int) -> Tensor:
        counts, before = torch.zeros(vocab_size, vocab_size), 0
        for document in documents:
            for token in document:
                counts[before, token] += 1
                before = token
            counts[before, 0] += 1
        return counts

    def one_document_left_out(documents: Documents, vocab_size: int) -> Tensor:
        return Exercise0401.right(documents[1:], vocab_size)

    def other_end_mark(documents: Documents, vocab_size: int) -> Tensor:
        end = vocab_size - 1
        return sum(flat_pairs([end, *document, end], vocab_size) for document in documents)

    def starts_from_ones(documents: Documents, vocab_size: int) -> Tensor:
        return Exercise0401.right(documents, vocab_size) + torch.ones(vocab_size, vocab_size)

    def raises(documents: Documents, vocab_size: int) -> Tensor:
        counts = torch.zeros(vocab_size, vocab_size)
        for document in documents:
            padded = [0, *document, 0]
            for i in range(len(padded)):
                counts[padded[i], padded[i + 1]] += 1
        return counts

    def mutates_input(documents: Documents, vocab_size: int) -> Tensor:
        counts = torch.zeros(vocab_size, vocab_size)
        for document in documents:
            document.insert(0, 0)
            document.append(0)
            counts += flat_pairs(document, vocab_size)
        return counts

    def returns_nothing(documents: Documents, vocab_size: int) -> None:
        flat_pairs(documents[0], vocab_size)


class Exercise0402:
    def right(counts: Tensor, k: float) -> Tensor:
        return (counts + k) / (counts.sum(-1)[..., None] + k * counts.shape[-1])

    def k_once_below(counts: Tensor, k: float) -> Tensor:
        return (counts + k) / (counts.sum(-1, keepdim=True) + k)

    def k_only_above(counts: Tensor, k: float) -> Tensor:
        return (counts + k) / counts.sum(-1, keepdim=True)

    def k_only_below(counts: Tensor, k: float) -> Tensor:
        return counts / (counts.sum(-1, keepdim=True) + k * counts.shape[-1])

    def one_for_the_total(counts: Tensor, k: float) -> Tensor:
        return (counts + k) / (counts.sum(-1, keepdim=True) + counts.shape[-1])

    def always_one(counts: Tensor, k: float) -> Tensor:
        return Exercise0402.right(counts, 1)

    def no_smoothing(counts: Tensor, k: float) -> Tensor:
        return counts / counts.sum(-1, keepdim=True)

    def added_to_shares(counts: Tensor, k: float) -> Tensor:
        shares = counts / counts.sum(-1, keepdim=True) + k
        return shares / shares.sum(-1, keepdim=True)

    def only_the_unseen(counts: Tensor, k: float) -> Tensor:
        raised = torch.where(counts == 0, k, counts.float())
        return raised / raised.sum(-1, keepdim=True)

    def only_the_seen(counts: Tensor, k: float) -> Tensor:
        raised = torch.where(counts > 0, counts + k, 0.0)
        return raised / raised.sum(-1, keepdim=True)

    def no_keepdim(counts: Tensor, k: float) -> Tensor:
        return (counts + k) / (counts + k).sum(-1)

    def wrong_axis(counts: Tensor, k: float) -> Tensor:
        return (counts + k) / (counts + k).sum(0, keepdim=True)

    def sums_over_everything(counts: Tensor, k: float) -> Tensor:
        return (counts + k) / (counts + k).sum()

    def counts_contexts(counts: Tensor, k: float) -> Tensor:
        return (counts + k) / (counts.sum(-1, keepdim=True) + k * len(counts))

    def kinds_for_v(counts: Tensor, k: float) -> Tensor:
        return (counts + k) / (counts.sum(-1, keepdim=True) + k * (counts > 0).sum(-1, keepdim=True))

    def softmax(counts: Tensor, k: float) -> Tensor:
        return (counts + k).softmax(-1)

    def k_twice_below(counts: Tensor, k: float) -> Tensor:
        raised = counts + k
        return raised / (raised.sum(-1, keepdim=True) + k * counts.shape[-1])

    def brackets(counts: Tensor, k: float) -> Tensor:
        return counts + k / (counts.sum(-1, keepdim=True) + k * counts.shape[-1])

    def unseen_gets_nothing(counts: Tensor, k: float) -> Tensor:
        seen = counts.sum(-1, keepdim=True) > 0
        return torch.where(seen, Exercise0402.right(counts, k), 0.0)

    def not_normalised(counts: Tensor, k: float) -> Tensor:
        return (counts + k) / (counts.sum(-1, keepdim=True) + k * counts.max())

    def counts_only(counts: Tensor, k: float) -> Tensor:
        return counts + k

    def log_probabilities(counts: Tensor, k: float) -> Tensor:
        return Exercise0402.right(counts, k).log()

    def rounded(counts: Tensor, k: float) -> Tensor:
        return (counts + k) // (counts + k).sum(-1, keepdim=True)

    def mutates_input(counts: Tensor, k: float) -> Tensor:
        counts += 1
        return counts / counts.sum(-1, keepdim=True)


class Exercise0403:
    def right(p: Tensor, documents: Documents) -> Tensor:
        before = torch.tensor([token for document in documents for token in [0, *document]])
        comes = torch.tensor([token for document in documents for token in [*document, 0]])
        return torch.nn.functional.nll_loss(p.log()[before], comes)

    def no_mean(p: Tensor, documents: Documents) -> list:
        return [-p[a, b].log().item() for d in documents for a, b in zip([0, *d], [*d, 0], strict=True)]

    def sum(p: Tensor, documents: Documents) -> float:
        return math.fsum(Exercise0403.no_mean(p, documents))

    def mean_of_means(p: Tensor, documents: Documents) -> float:
        return math.fsum(Exercise0403.right(p, [document]) for document in documents) / len(documents)

    def end_not_guessed(p: Tensor, documents: Documents) -> float:
        costs = [-p[a, b].log().item() for d in documents for a, b in zip([0, *d], d, strict=False)]
        return math.fsum(costs) / len(costs)

    def start_not_guessed(p: Tensor, documents: Documents) -> float:
        costs = [-p[a, b].log().item() for d in documents for a, b in zip(d, [*d[1:], 0], strict=True)]
        return math.fsum(costs) / len(costs)

    def no_end_marks(p: Tensor, documents: Documents) -> float:
        costs = [-p[a, b].log().item() for d in documents for a, b in pairwise(d)]
        return math.fsum(costs) / len(costs)

    def divides_by_tokens(p: Tensor, documents: Documents) -> float:
        return Exercise0403.sum(p, documents) / math.fsum(map(len, documents))

    def wrong_divisor(p: Tensor, documents: Documents) -> float:
        return Exercise0403.sum(p, documents) / math.fsum(len(document) + 2 for document in documents)

    def per_document(p: Tensor, documents: Documents) -> float:
        return Exercise0403.sum(p, documents) / len(documents)

    def sign(p: Tensor, documents: Documents) -> float:
        return -Exercise0403.right(p, documents)

    def bits(p: Tensor, documents: Documents) -> float:
        return Exercise0403.right(p, documents) / math.log(2)

    def perplexity(p: Tensor, documents: Documents) -> float:
        return Exercise0403.right(p, documents).exp()

    def decimal_logarithm(p: Tensor, documents: Documents) -> float:
        costs = [-p[a, b].log10().item() for d in documents for a, b in zip([0, *d], [*d, 0], strict=True)]
        return math.fsum(costs) / len(costs)

    def no_logarithm(p: Tensor, documents: Documents) -> float:
        shares = [p[a, b].item() for d in documents for a, b in zip([0, *d], [*d, 0], strict=True)]
        return math.fsum(shares) / len(shares)

    def logarithm_of_the_mean(p: Tensor, documents: Documents) -> float:
        return -math.log(Exercise0403.no_logarithm(p, documents))

    def transposed(p: Tensor, documents: Documents) -> float:
        return Exercise0403.right(p.T, documents)

    def across_documents(p: Tensor, documents: Documents) -> float:
        return Exercise0403.right(p, [[token for document in documents for token in document]])

    def end_twice(p: Tensor, documents: Documents) -> float:
        flat = torch.tensor([token for document in documents for token in [0, *document, 0]])
        return -p[flat[:-1], flat[1:]].log().mean()

    def outer_marks_missing(p: Tensor, documents: Documents) -> float:
        flat = torch.tensor([token for document in documents for token in [*document, 0]])
        return -p[flat[:-1], flat[1:]].log().mean()

    def always_from_the_start(p: Tensor, documents: Documents) -> float:
        return -p[0, [token for document in documents for token in [*document, 0]]].log().mean()

    def guesses_the_token_before(p: Tensor, documents: Documents) -> float:
        before = [token for document in documents for token in [0, *document]]
        return -p[before, before].log().mean()

    def one_document(p: Tensor, documents: Documents) -> float:
        for document in documents:
            return Exercise0403.right(p, [document])

    def distinct_pairs(p: Tensor, documents: Documents) -> float:
        pairs = {pair for d in documents for pair in zip([0, *d], [*d, 0], strict=True)}
        return -math.fsum(math.log(p[pair]) for pair in pairs) / len(pairs)

    def softmaxed(p: Tensor, documents: Documents) -> Tensor:
        before = [token for document in documents for token in [0, *document]]
        comes = torch.tensor([token for document in documents for token in [*document, 0]])
        return torch.nn.functional.cross_entropy(p[before], comes)

    def unused_zero(p: Tensor, documents: Documents) -> float:
        counts = Exercise0401.right(documents, len(p))
        return -(counts * p.log()).sum() / counts.sum()

    def zeros_made_small(p: Tensor, documents: Documents) -> float:
        return Exercise0403.right(p + 1e-9, documents)

    def zero_left_out(p: Tensor, documents: Documents) -> float:
        costs = [cost for cost in Exercise0403.no_mean(p, documents) if math.isfinite(cost)]
        return math.fsum(costs) / len(costs)

    def raises(p: Tensor, documents: Documents) -> float:
        costs = [-math.log(p[a, b]) for d in documents for a, b in zip([0, *d], [*d, 0], strict=True)]
        return math.fsum(costs) / len(costs)


class Exercise0404:
    def right(p: Tensor, u: list[float]) -> list[int]:
        text, before = [], 0
        for number in u:
            likely = [token for token, share in enumerate(p[before].tolist()) if share > 0]
            totals = list(accumulate(p[before, likely].tolist()))
            before = likely[min(bisect_right(totals, number), len(likely) - 1)]
            if not before:
                break
            text.append(before)
        return text

    def own_luck(p: Tensor, u: list[float]) -> list[int]:
        text, before = [], 0
        while len(text) < len(u):
            before = int(torch.multinomial(p[before], 1))
            if before == 0:
                break
            text.append(before)
        return text

    def one_token(p: Tensor, u: list[float]) -> int:
        return bisect_right(p[0].cumsum(0).tolist(), u[0])

    def keeps_the_end(p: Tensor, u: list[float]) -> list[int]:
        text, before = [], 0
        for number in u:
            before = bisect_right(p[before].cumsum(0).tolist(), number)
            text.append(before)
            if before == 0:
                break
        return text

    def starts_with_the_end_mark(p: Tensor, u: list[float]) -> list[int]:
        return [0, *Exercise0404.right(p, u)]

    def does_not_stop(p: Tensor, u: list[float]) -> list[int]:
        text = [0]
        for number in u:
            text.append(bisect_right(p[text[-1]].cumsum(0).tolist(), number))
        return text[1:]

    def equal_counts_as_above(p: Tensor, u: list[float]) -> list[int]:
        text, before = [], 0
        for number in u:
            before = min(bisect_left(p[before].cumsum(0).tolist(), number), len(p) - 1)
            if before == 0:
                break
            text.append(before)
        return text

    def no_probability_left(p: Tensor, u: list[float]) -> list[int]:
        text, before = [], 0
        for number in u:
            before = int(torch.searchsorted(p[before].cumsum(0), number, right=True).clamp(max=len(p) - 1))
            if before == 0:
                break
            text.append(before)
        return text

    def no_context(p: Tensor, u: list[float]) -> list[int]:
        text = []
        for number in u:
            token = bisect_right(p[0].cumsum(0).tolist(), number)
            if token == 0:
                break
            text.append(token)
        return text

    def likeliest(p: Tensor, u: list[float]) -> list[int]:
        text, before = [], 0
        for _ in u:
            before = int(p[before].argmax())
            if before == 0:
                break
            text.append(before)
        return text

    def one_number_for_all(p: Tensor, u: list[float]) -> list[int]:
        return Exercise0404.right(p, u[:1] * len(u))

    def transposed(p: Tensor, u: list[float]) -> list[int]:
        return Exercise0404.right(p.T, u)

    def no_running_total(p: Tensor, u: list[float]) -> list[int]:
        text, before = [], 0
        for number in u:
            above = (p[before] > number).nonzero().flatten().tolist()
            before = above[0] if above else len(p) - 1
            if before == 0:
                break
            text.append(before)
        return text

    def even(p: Tensor, u: list[float]) -> list[int]:
        text = [int(number * len(p)) for number in u]
        return text[: text.index(0)] if 0 in text else text

    def one_before(p: Tensor, u: list[float]) -> list[int]:
        text, before = [], 0
        for number in u:
            before = int((p[before].cumsum(0) <= number).sum()) - 1
            if before == 0:
                break
            text.append(before)
        return text

    def no_tokens(p: Tensor, u: list[float]) -> str:
        return " ".join(map(str, Exercise0404.right(p, u)))

    def wrong_first_row(p: Tensor, u: list[float]) -> list[int]:
        text, before = [], 1
        for number in u:
            before = bisect_right(p[before].cumsum(0).tolist(), number)
            if before == 0:
                break
            text.append(before)
        return text

    def wrong_axis(p: Tensor, u: list[float]) -> list[int]:
        text, before, totals = [], 0, p.cumsum(0)
        for number in u:
            before = int((totals[before] <= number).sum().clamp(max=len(p) - 1))
            if before == 0:
                break
            text.append(before)
        return text

    def sorted(p: Tensor, u: list[float]) -> list[int]:
        text, before = [], 0
        for number in u:
            row, tokens = p[before].sort(descending=True)
            before = int(tokens[min(bisect_right(row.cumsum(0).tolist(), number), len(p) - 1)])
            if before == 0:
                break
            text.append(before)
        return text

    def last_above(p: Tensor, u: list[float]) -> list[int]:
        text, before = [], 0
        for number in u:
            before = int((p[before].cumsum(0) > number).nonzero()[-1])
            if before == 0:
                break
            text.append(before)
        return text

    def skips_a_number(p: Tensor, u: list[float]) -> list[int]:
        return Exercise0404.right(p, u[1:])

    def first_token_only(p: Tensor, u: list[float]) -> list[int]:
        return Exercise0404.right(p, u)[:1]

    def raises(p: Tensor, u: list[float]) -> list[int]:
        text, before, i = [], 0, 0
        while True:
            before = bisect_right(p[before].cumsum(0).tolist(), u[i])
            i += 1
            if before == 0:
                return text
            text.append(before)


class Exercise0405:
    def right(ids: Tensor, length: int, step: int) -> tuple:
        starts = torch.arange(0, max(len(ids) - length, 0), step)
        places = starts[:, None] + torch.arange(length)
        return ids[places], ids[places + 1]

    def no_pair(ids: Tensor, length: int, step: int) -> Tensor:
        return Exercise0405.right(ids, length, step)[0]

    def exchanged(ids: Tensor, length: int, step: int) -> tuple:
        return Exercise0405.right(ids, length, step)[::-1]

    def not_shifted(ids: Tensor, length: int, step: int) -> tuple:
        inputs, _ = Exercise0405.right(ids, length, step)
        return inputs, inputs.clone()

    def shifted_back(ids: Tensor, length: int, step: int) -> tuple:
        inputs, _ = Exercise0405.right(ids, length, step)
        return inputs, Exercise0405.right(ids.roll(2), length, step)[1]

    def shifted_inside_the_row(ids: Tensor, length: int, step: int) -> tuple:
        inputs, _ = Exercise0405.right(ids, length, step)
        return inputs, inputs.roll(-1, dims=1)

    def wraps_around(ids: Tensor, length: int, step: int) -> tuple:
        return ids.unfold(0, length, step), ids.roll(-1).unfold(0, length, step)

    def last_row_lost(ids: Tensor, length: int, step: int) -> tuple:
        return Exercise0405.right(ids[:-1], length, step)

    def step_ignored(ids: Tensor, length: int, step: int) -> tuple:
        return Exercise0405.right(ids, length, 1)

    def rows_end_to_end(ids: Tensor, length: int, step: int) -> tuple:
        return Exercise0405.right(ids, length, length)

    def row_without_targets(ids: Tensor, length: int, step: int) -> tuple:
        return ids.unfold(0, length, step), ids[1:].unfold(0, length, step)

    def next_row(ids: Tensor, length: int, step: int) -> tuple:
        inputs, targets = Exercise0405.right(ids, length, step)
        return inputs, torch.cat([inputs[1:], targets[-1:]])

    def shifted_too_far(ids: Tensor, length: int, step: int) -> tuple:
        return Exercise0405.right(ids, length, step)[0], Exercise0405.right(ids.roll(-1), length, step)[1]

    def last_target_made_up(ids: Tensor, length: int, step: int) -> tuple:
        inputs, targets = Exercise0405.right(ids, length, step)
        targets[:, -1] = 0
        return inputs, targets

    def columns(ids: Tensor, length: int, step: int) -> tuple:
        inputs, targets = Exercise0405.right(ids, length, step)
        return inputs.T, targets.T

    def one_target_a_row(ids: Tensor, length: int, step: int) -> tuple:
        inputs, targets = Exercise0405.right(ids, length, step)
        return inputs, targets[:, -1]

    def no_tensor(ids: Tensor, length: int, step: int) -> tuple:
        return tuple(part.tolist() for part in Exercise0405.right(ids, length, step))

    def floats(ids: Tensor, length: int, step: int) -> tuple:
        inputs, targets = Exercise0405.right(ids, length, step)
        return torch.zeros(inputs.shape) + inputs, torch.zeros(targets.shape) + targets

    def row_length(ids: Tensor, length: int, step: int) -> tuple:
        inputs, _ = Exercise0405.right(ids, length, step)
        return inputs[:, :-1], inputs[:, 1:]

    def other_starts(ids: Tensor, length: int, step: int) -> tuple:
        n = len(Exercise0405.right(ids, length, step)[0])
        starts = torch.randint(max(len(ids) - length, 1), (n, 1)) + torch.arange(length)
        return ids[starts], ids[starts + 1]

    def shifted_by_a_row(ids: Tensor, length: int, step: int) -> tuple:
        inputs, _ = Exercise0405.right(ids, length, step)
        return inputs, Exercise0405.right(torch.cat([ids[length - 1 :], ids.new_zeros(length - 1)]), length, step)[1]

    def empty_shape(ids: Tensor, length: int, step: int) -> tuple:
        inputs, targets = Exercise0405.right(ids, length, step)
        return (inputs, targets) if len(inputs) else (torch.tensor([], dtype=torch.int64),) * 2

    def raises(ids: Tensor, length: int, step: int) -> tuple:
        starts = range(0, len(ids) - length, step)
        return torch.stack([ids[s : s + length] for s in starts]), torch.stack(
            [ids[s + 1 : s + length + 1] for s in starts]
        )


HAND = {
    "contexts": 8000,
    "weights": 3720,
    "trained_table": 0.32,
    "bits_per_byte": 0.9,
    "bigram": 4,
    "add_one": 2,
    "leak": 2,
}


class Exercise0406:
    def right() -> dict:
        return {**HAND, "trained_table": torch.tensor(0.3213), "bits_per_byte": 0.9017}

    def no_entry() -> dict:
        return {"contexts": 8000}

    def counts_the_guess() -> dict:
        return HAND | {"contexts": 20**4}

    def multiplied() -> dict:
        return HAND | {"contexts": 60}

    def biases_forgotten() -> dict:
        return HAND | {"weights": 3600}

    def vector_for_nothing() -> dict:
        return HAND | {"weights": 3730}

    def vectors_forgotten() -> dict:
        return HAND | {"weights": 2720}

    def one_vector_in() -> dict:
        return HAND | {"weights": 100 * 10 + 10 * 20 + 20 + 20 * 100 + 100}

    def tables_for_each_place() -> dict:
        return HAND | {"weights": 3 * 100 * 10 + 30 * 20 + 20 + 20 * 100 + 100}

    def only_after_a() -> dict:
        return HAND | {"trained_table": 0.562}

    def four_of_eight() -> dict:
        return HAND | {"trained_table": 0.281}

    def nothing_to_pay() -> dict:
        return HAND | {"trained_table": 0.0}

    def no_context() -> dict:
        return HAND | {"trained_table": -(6 / 7 * math.log(3 / 7) + 1 / 7 * math.log(1 / 7))}

    def bits() -> dict:
        return HAND | {"trained_table": 0.464}

    def nats_per_byte() -> dict:
        return HAND | {"bits_per_byte": 0.625}

    def bits_per_token() -> dict:
        return HAND | {"bits_per_byte": 3.61}

    def multiplied_by_ln_2() -> dict:
        return HAND | {"bits_per_byte": 0.433}

    def bigram_line_1() -> dict:
        return HAND | {"bigram": 1}

    def bigram_line_2() -> dict:
        return HAND | {"bigram": 2}

    def bigram_line_3() -> dict:
        return HAND | {"bigram": 3}

    def add_one_line_1() -> dict:
        return HAND | {"add_one": 1}

    def add_one_line_3() -> dict:
        return HAND | {"add_one": 3}

    def add_one_line_4() -> dict:
        return HAND | {"add_one": 4}

    def split_1_is_sound() -> dict:
        return HAND | {"leak": 1}

    def split_3_is_sound() -> dict:
        return HAND | {"leak": 3}

    def split_4_is_sound() -> dict:
        return HAND | {"leak": 4}

    def no_such_split() -> dict:
        return HAND | {"leak": 5}


def discounted(counts: Tensor, discount: float, shorter: Tensor) -> Tensor:
    total, kinds = counts.sum(1, keepdim=True), (counts > 0).sum(1, keepdim=True)
    table = (counts - discount).clamp(min=0) / total + discount * kinds / total * shorter
    return torch.where(total > 0, table, shorter)


def continuation(n: Tensor, discount: float) -> Tensor:
    return (n - discount).clamp(min=0) / n.sum() + discount * (n > 0).sum() / n.sum() / len(n)


class Exercise0407:
    def right(counts: Tensor, discount: float) -> Tensor:
        v = len(counts)
        n = [sum(counts[c, w].item() > 0 for c in range(v)) for w in range(v)]
        m = sum(number > 0 for number in n)
        shorter = [(max(number - discount, 0) + discount * m / v) / sum(n) for number in n]
        table = []
        for row in counts.tolist():
            total, kinds = sum(row), sum(count > 0 for count in row)
            table.append(
                [
                    (max(count - discount, 0) + discount * kinds * shorter[w]) / total if total else shorter[w]
                    for w, count in enumerate(row)
                ]
            )
        return torch.tensor(table)

    def plain_frequencies(counts: Tensor, discount: float) -> Tensor:
        return discounted(counts, discount, continuation(counts.sum(0), discount))

    def kinds_exchanged(counts: Tensor, discount: float) -> Tensor:
        return discounted(counts, discount, continuation((counts > 0).sum(1), discount))

    def lower_not_discounted(counts: Tensor, discount: float) -> Tensor:
        n = (counts > 0).sum(0)
        return discounted(counts, discount, n / n.sum())

    def lower_loses_the_discount(counts: Tensor, discount: float) -> Tensor:
        n = (counts > 0).sum(0)
        return discounted(counts, discount, (n - discount).clamp(min=0) / n.sum())

    def lower_spreads_without_m(counts: Tensor, discount: float) -> Tensor:
        n = (counts > 0).sum(0)
        return discounted(counts, discount, (n - discount).clamp(min=0) / n.sum() + discount / n.sum() / len(n))

    def lower_takes_v_for_m(counts: Tensor, discount: float) -> Tensor:
        n = (counts > 0).sum(0)
        return discounted(counts, discount, (n - discount).clamp(min=0) / n.sum() + discount / n.sum())

    def lower_not_spread(counts: Tensor, discount: float) -> Tensor:
        n = (counts > 0).sum(0)
        return discounted(counts, discount, ((n - discount).clamp(min=0) + discount * (n > 0).sum()) / n.sum())

    def even_fallback(counts: Tensor, discount: float) -> Tensor:
        return discounted(counts, discount, torch.full((len(counts),), 1 / len(counts)))

    def discount_not_spent(counts: Tensor, discount: float) -> Tensor:
        return (counts - discount).clamp(min=0) / counts.sum(1, keepdim=True)

    def kinds_forgotten(counts: Tensor, discount: float) -> Tensor:
        total = counts.sum(1, keepdim=True)
        shorter = continuation((counts > 0).sum(0), discount)
        return (counts - discount).clamp(min=0) / total + discount / total * shorter

    def not_divided(counts: Tensor, discount: float) -> Tensor:
        total, kinds = counts.sum(1, keepdim=True), (counts > 0).sum(1, keepdim=True)
        shorter = continuation((counts > 0).sum(0), discount)
        return (counts - discount).clamp(min=0) / total + discount * kinds * shorter

    def v_for_kinds(counts: Tensor, discount: float) -> Tensor:
        total = counts.sum(1, keepdim=True)
        shorter = continuation((counts > 0).sum(0), discount)
        return (counts - discount).clamp(min=0) / total + discount * len(counts) / total * shorter

    def kinds_before(counts: Tensor, discount: float) -> Tensor:
        total, n = counts.sum(1, keepdim=True), (counts > 0).sum(0)
        return (counts - discount).clamp(min=0) / total + discount * n / total * continuation(n, discount)

    def below_zero(counts: Tensor, discount: float) -> Tensor:
        total, kinds = counts.sum(1, keepdim=True), (counts > 0).sum(1, keepdim=True)
        return (counts - discount) / total + discount * kinds / total * continuation((counts > 0).sum(0), discount)

    def backs_off(counts: Tensor, discount: float) -> Tensor:
        total, kinds = counts.sum(1, keepdim=True), (counts > 0).sum(1, keepdim=True)
        shorter = continuation((counts > 0).sum(0), discount)
        return torch.where(counts > 0, (counts - discount) / total, discount * kinds / total * shorter)

    def no_discount(counts: Tensor, discount: float) -> Tensor:
        total, kinds = counts.sum(1, keepdim=True), (counts > 0).sum(1, keepdim=True)
        return counts / total + discount * kinds / total * continuation((counts > 0).sum(0), discount)

    def only_shares(counts: Tensor, discount: float) -> Tensor:
        return counts / counts.sum(1, keepdim=True)

    def transposed(counts: Tensor, discount: float) -> Tensor:
        return Exercise0407.right(counts, discount).T

    def only_the_shorter(counts: Tensor, discount: float) -> Tensor:
        return continuation((counts > 0).sum(0), discount).expand(len(counts), -1)

    def nan_for_the_unseen(counts: Tensor, discount: float) -> Tensor:
        total, kinds = counts.sum(1, keepdim=True), (counts > 0).sum(1, keepdim=True)
        shorter = continuation((counts > 0).sum(0), discount)
        return (counts - discount).clamp(min=0) / total + discount * kinds / total * shorter

    def unseen_gets_nothing(counts: Tensor, discount: float) -> Tensor:
        return Exercise0407.nan_for_the_unseen(counts, discount).nan_to_num()

    def unseen_context(counts: Tensor, discount: float) -> Tensor:
        seen = counts.sum(1, keepdim=True) > 0
        return torch.where(seen, Exercise0407.right(counts, discount), 1 / len(counts))

    def wrong_shape(counts: Tensor, discount: float) -> Tensor:
        return Exercise0407.right(counts, discount)[0]

    def shorter_is_wrong(counts: Tensor, discount: float) -> Tensor:
        n = (counts > 0).sum(0)
        return discounted(counts, discount, (n + discount) / (n + discount).sum())

    def no_keepdim(counts: Tensor, discount: float) -> Tensor:
        shorter = continuation((counts > 0).sum(0), discount)
        return ((counts - discount).clamp(min=0) + discount * (counts > 0).sum(1) * shorter) / counts.sum(1)

    def shorter_by_rows(counts: Tensor, discount: float) -> Tensor:
        return discounted(counts, discount, continuation((counts > 0).sum(0), discount)[:, None])

    def wrong_n(counts: Tensor, discount: float) -> Tensor:
        n, v = (counts > 0).sum(0), len(counts)
        shorter = ((n - discount).clamp(min=0) + discount * (n > 0).sum() / v) / counts.sum()
        return discounted(counts, discount, shorter)

    def wrong_kinds(counts: Tensor, discount: float) -> Tensor:
        total, kinds = counts.sum(1, keepdim=True), (counts > 0).sum()
        shorter = continuation((counts > 0).sum(0), discount)
        return (counts - discount).clamp(min=0) / total + discount * kinds / total * shorter

    def discounts_in_proportion(counts: Tensor, discount: float) -> Tensor:
        shorter = continuation((counts > 0).sum(0), discount)
        return (1 - discount) * counts / counts.sum(1, keepdim=True) + discount * shorter

    def rows_do_not_add_up(counts: Tensor, discount: float) -> Tensor:
        return Exercise0407.right(counts, discount) * 0.5
