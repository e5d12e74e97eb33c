"""Wrong answers to the exercises of lesson 16, named after the diagnosis that they must get, and a second right one."""

import itertools
import math
from collections.abc import Callable, Generator
from typing import Any

import torch
from torch import Tensor

from course_lib.checks.lesson_16_many_devices import Replica


def named(**answers: Callable) -> type:
    """A class of answers whose functions bear the names that they are given here."""
    for name, function in answers.items():
        function.__name__ = name
    return type("Answers", (), answers)


class Exercise1601:
    def right(order: list, batch_size: int, step: int, rank: int, n_ranks: int) -> Tensor:
        """By cutting the endless sequence, as a tensor."""
        endless = itertools.islice(itertools.cycle(order), step * batch_size, (step + 1) * batch_size)
        return torch.tensor(list(endless)).chunk(n_ranks)[rank]

    def strided(order: list, batch_size: int, step: int, rank: int, n_ranks: int) -> list:
        return Exercise1601.right(order, batch_size, step, 0, 1).tolist()[rank::n_ranks]

    def batch_for_each_rank(order: list, batch_size: int, step: int, rank: int, n_ranks: int) -> list:
        start = (step * n_ranks + rank) * batch_size
        return [order[i % len(order)] for i in range(start, start + batch_size)]

    def whole_batch(order: list, batch_size: int, step: int, rank: int, n_ranks: int) -> Tensor:
        return Exercise1601.right(order, batch_size, step, 0, 1)

    def same_rows_for_all(order: list, batch_size: int, step: int, rank: int, n_ranks: int) -> Tensor:
        return Exercise1601.right(order, batch_size, step, 0, n_ranks)

    def data_divided_first(order: list, batch_size: int, step: int, rank: int, n_ranks: int) -> list:
        size, each = len(order) // n_ranks, batch_size // n_ranks
        part = order[rank * size : (rank + 1) * size]
        return [part[i % size] for i in range(step * each, (step + 1) * each)]

    def data_divided_unevenly(order: list, batch_size: int, step: int, rank: int, n_ranks: int) -> list:
        part = order[rank * len(order) // n_ranks : (rank + 1) * len(order) // n_ranks] or order
        each = batch_size // n_ranks
        return [part[i % len(part)] for i in range(step * each, (step + 1) * each)]

    def every_nth_of_the_data(order: list, batch_size: int, step: int, rank: int, n_ranks: int) -> list:
        part, each = order[rank::n_ranks], batch_size // n_ranks
        return [part[i % len(part)] for i in range(step * each, (step + 1) * each)]

    def step_ignored(order: list, batch_size: int, step: int, rank: int, n_ranks: int) -> Tensor:
        return Exercise1601.right(order, batch_size, 0, rank, n_ranks)

    def step_from_one(order: list, batch_size: int, step: int, rank: int, n_ranks: int) -> list:
        start, each = (step - 1) * batch_size, batch_size // n_ranks
        return [order[i % len(order)] for i in range(start + rank * each, start + (rank + 1) * each)]

    def rank_from_one(order: list, batch_size: int, step: int, rank: int, n_ranks: int) -> list:
        start, each = step * batch_size, batch_size // n_ranks
        return [order[i % len(order)] for i in range(start + (rank - 1) * each, start + rank * each)]

    def ranks_reversed(order: list, batch_size: int, step: int, rank: int, n_ranks: int) -> Tensor:
        return Exercise1601.right(order, batch_size, step, n_ranks - 1 - rank, n_ranks)

    def steps_overlap(order: list, batch_size: int, step: int, rank: int, n_ranks: int) -> list:
        each = batch_size // n_ranks
        return [order[((step + rank) * each + i) % len(order)] for i in range(each)]

    def step_counted_in_rows(order: list, batch_size: int, step: int, rank: int, n_ranks: int) -> list:
        each = batch_size // n_ranks
        return [order[(step + rank * each + i) % len(order)] for i in range(each)]

    def cut_at_the_end(order: list, batch_size: int, step: int, rank: int, n_ranks: int) -> list:
        each = batch_size // n_ranks
        batch = order[step * batch_size :][:batch_size]
        return batch[rank * each : (rank + 1) * each]

    def rest_dropped(order: list, batch_size: int, step: int, rank: int, n_ranks: int) -> Tensor:
        step %= max(1, len(order) // batch_size)
        return Exercise1601.right(order, batch_size, step, rank, n_ranks)

    def places_not_rows(order: list, batch_size: int, step: int, rank: int, n_ranks: int) -> range:
        each = batch_size // n_ranks
        return range(step * batch_size + rank * each, step * batch_size + (rank + 1) * each)

    def one_short(order: list, batch_size: int, step: int, rank: int, n_ranks: int) -> Tensor:
        return Exercise1601.right(order, batch_size, step, rank, n_ranks)[:-1]

    def not_in_order(order: list, batch_size: int, step: int, rank: int, n_ranks: int) -> list:
        return sorted(Exercise1601.right(order, batch_size, step, rank, n_ranks).tolist())

    def no_list(order: list, batch_size: int, step: int, rank: int, n_ranks: int) -> int:
        return order[(step * batch_size + rank * batch_size // n_ranks) % len(order)]

    def wrong_value(order: list, batch_size: int, step: int, rank: int, n_ranks: int) -> Tensor:
        return Exercise1601.right(order, batch_size, step, rank, n_ranks) + 1


class Exercise1602:
    def right(losses: Tensor, counted: Tensor, n_ranks: int, total: Callable) -> tuple[Tensor, Tensor]:
        """With the nats asked for first, and the mean number of tokens in place of n."""
        nats = torch.where(counted, losses, 0.0).sum()
        everybody = total(nats)
        n_tokens = total(counted.sum())
        return nats / (n_tokens / n_ranks), torch.tensor(everybody / n_tokens)

    def mean_of_means(losses: Tensor, counted: Tensor, n_ranks: int, total: Callable) -> tuple[Tensor, float]:
        mean = losses[counted].sum() / max(1, int(counted.sum()))
        return mean, total(mean.item()) / n_ranks

    def ranks_forgotten(losses: Tensor, counted: Tensor, n_ranks: int, total: Callable) -> tuple[Tensor, float]:
        share = losses[counted].sum() / total(counted.sum())
        return share, total(share)

    def divided_by_ranks_twice(losses: Tensor, counted: Tensor, n_ranks: int, total: Callable) -> tuple[Tensor, float]:
        share = losses[counted].sum() / total(counted.sum())
        return share / n_ranks, total(share)

    def sum_of_nats(losses: Tensor, counted: Tensor, n_ranks: int, total: Callable) -> tuple[Tensor, float]:
        nats = losses[counted].sum()
        return nats, total(nats) / total(counted.sum())

    def positions_counted(losses: Tensor, counted: Tensor, n_ranks: int, total: Callable) -> tuple[Tensor, float]:
        nats, n_tokens = losses[counted].sum(), total(len(losses))
        return nats * n_ranks / n_tokens, total(nats) / n_tokens

    def masked_count(losses: Tensor, counted: Tensor, n_ranks: int, total: Callable) -> tuple[Tensor, float]:
        n_tokens = total(counted.sum())
        return losses.sum() * n_ranks / n_tokens, total(losses.sum()) / n_tokens

    def sum_weighted(losses: Tensor, counted: Tensor, n_ranks: int, total: Callable) -> tuple[Tensor, float]:
        number = int(counted.sum())
        nats, n_tokens = losses[counted].sum(), total(number)
        return nats * n_ranks * number / n_tokens, total(nats) / n_tokens

    def nan_from_empty_rank(losses: Tensor, counted: Tensor, n_ranks: int, total: Callable) -> tuple[Tensor, float]:
        n_tokens = total(counted.sum())
        mean = losses[counted].mean()
        return mean * counted.sum() * n_ranks / n_tokens, total(mean * counted.sum()) / n_tokens

    def a_rank_never_comes(losses: Tensor, counted: Tensor, n_ranks: int, total: Callable) -> tuple[Tensor, float]:
        if not counted.any():
            return losses.sum() * 0, 0.0
        nats, n_tokens = losses[counted].sum(), total(counted.sum())
        return nats * n_ranks / n_tokens, total(nats) / n_tokens

    def endless_calls(losses: Tensor, counted: Tensor, n_ranks: int, total: Callable) -> tuple[Tensor, float]:
        n_tokens = 0
        for one in [*counted, *[False] * (20 - len(counted))]:
            n_tokens += total(bool(one))
        return losses[counted].sum() * n_ranks / n_tokens, 0.0

    def empty_rank_has_no_graph(losses: Tensor, counted: Tensor, n_ranks: int, total: Callable) -> tuple[Tensor, float]:
        nats = losses[counted].sum() if counted.any() else torch.tensor(0.0)
        n_tokens = total(counted.sum())
        return nats * n_ranks / n_tokens, total(nats) / n_tokens

    def no_graph(losses: Tensor, counted: Tensor, n_ranks: int, total: Callable) -> tuple[float, float]:
        nats, n_tokens = losses[counted].sum().item(), total(counted.sum())
        return nats * n_ranks / n_tokens, total(nats) / n_tokens

    def not_one_number(losses: Tensor, counted: Tensor, n_ranks: int, total: Callable) -> tuple[Tensor, float]:
        n_tokens = total(counted.sum())
        return losses[counted] * n_ranks / n_tokens, total(losses[counted].sum()) / n_tokens

    def reports_what_goes_backward(
        losses: Tensor, counted: Tensor, n_ranks: int, total: Callable
    ) -> tuple[Tensor, float]:
        back = losses[counted].sum() * n_ranks / total(counted.sum())
        return back, back.item()

    def reports_its_share(losses: Tensor, counted: Tensor, n_ranks: int, total: Callable) -> tuple[Tensor, float]:
        share = losses[counted].sum() / total(counted.sum())
        return share * n_ranks, share.item()

    def reports_its_own(losses: Tensor, counted: Tensor, n_ranks: int, total: Callable) -> tuple[Tensor, float]:
        nats, number = losses[counted].sum(), int(counted.sum())
        return nats * n_ranks / total(number), nats.item() / max(1, number)

    def reports_mean_of_means(losses: Tensor, counted: Tensor, n_ranks: int, total: Callable) -> tuple[Tensor, float]:
        nats, number = losses[counted].sum(), int(counted.sum())
        return nats * n_ranks / total(number), total(nats.item() / max(1, number)) / n_ranks

    def reports_masked(losses: Tensor, counted: Tensor, n_ranks: int, total: Callable) -> tuple[Tensor, float]:
        n_tokens = total(counted.sum())
        return losses[counted].sum() * n_ranks / n_tokens, total(losses.sum()) / n_tokens

    def reports_n_times(losses: Tensor, counted: Tensor, n_ranks: int, total: Callable) -> tuple[Tensor, float]:
        back = losses[counted].sum() * n_ranks / total(counted.sum())
        return back, total(back)

    def reports_sum(losses: Tensor, counted: Tensor, n_ranks: int, total: Callable) -> tuple[Tensor, float]:
        nats = losses[counted].sum()
        return nats * n_ranks / total(counted.sum()), total(nats)

    def wrong_gradient(losses: Tensor, counted: Tensor, n_ranks: int, total: Callable) -> tuple[Tensor, float]:
        nats, n_tokens = losses[counted].sum(), total(counted.sum())
        return nats.square() * n_ranks / n_tokens, total(nats) / n_tokens

    def raises(losses: Tensor, counted: Tensor, n_ranks: int, total: Callable) -> tuple[Tensor, float]:
        n_tokens = total(counted)
        return losses[counted].sum() * n_ranks / n_tokens, 0.0

    def no_entry(losses: Tensor, counted: Tensor, n_ranks: int, total: Callable) -> Tensor:
        return losses[counted].sum() * n_ranks / total(counted.sum())


def one_device(
    n_parameters: float,
    largest: float,
    activations: float,
    strategy: str,
    n: int,
    parts: tuple[float, float, float] = (2, 2, 12),
    stages: tuple[str, ...] = ("ddp", "zero1", "zero2", "fsdp"),
    gathered: float = 2,
) -> float:
    weights, gradients, optimizer = parts
    stage = stages.index(strategy)
    total = optimizer * n_parameters / (n if stage > 0 else 1)
    total += gradients * n_parameters / (n if stage > 1 else 1)
    total += weights * n_parameters / (n if stage > 2 else 1)
    return total + activations + (gathered * largest if stage == 3 and n > 1 else 0)


def counted_otherwise(count: Callable[..., float]) -> Callable:
    """What the bytes of one device are, and the fewest devices, if bytes are counted so."""

    def answer(
        n_parameters: float, largest: float, activations: float, strategy: str, n_devices: int, capacity: float
    ) -> tuple[float, int | None]:
        model = (n_parameters, largest, activations, strategy)
        fewest = next((n for n in range(1, 1000) if count(*model, n) <= capacity), None)
        return count(*model, n_devices), fewest

    return answer


def fewest_otherwise(change: Callable[..., Any]) -> Callable:
    """The right bytes, and something else for the fewest devices."""

    def answer(*facts: Any) -> tuple[float, Any]:
        n_parameters, _, activations, _, n_devices, capacity = facts
        number, fewest = counted_otherwise(one_device)(*facts)
        everything = 16 * n_parameters + activations
        return number, change(fewest, n_devices=n_devices, capacity=capacity, everything=everything, bytes=number)

    return answer


def by_formula(
    n_parameters: float, largest: float, activations: float, strategy: str, n_devices: int, capacity: float
) -> tuple[float, int | None]:
    """The right answer, solved for n."""
    stage = ("ddp", "zero1", "zero2", "fsdp").index(strategy)
    divided = (0, 12, 14, 16)[stage] * n_parameters
    fixed = 16 * n_parameters - divided + activations
    here = fixed + divided / n_devices + (2 * largest if stage == 3 and n_devices > 1 else 0)
    if 16 * n_parameters + activations <= capacity:
        return here, 1
    room = capacity - fixed - (2 * largest if stage == 3 else 0)
    return here, math.ceil(divided / room) if room > 0 and divided else None


def always_gathered(*model: Any) -> float:
    *_, strategy, n = model
    return one_device(*model) + (2 * model[1] if strategy == "fsdp" and n == 1 else 0)


def full_is_refused(*facts: Any) -> tuple[float, int | None]:
    *model, n_devices, capacity = facts
    fewest = next((n for n in range(1, 1000) if one_device(*model, n) < capacity), None)
    return one_device(*model, n_devices), fewest


Exercise1603 = named(
    right=by_formula,
    activations_divided=counted_otherwise(
        lambda N, largest, act, strategy, n: one_device(N, largest, act / n, strategy, n)
    ),
    activations_forgotten=counted_otherwise(lambda N, largest, act, *rest: one_device(N, largest, 0, *rest)),
    gathered_forgotten=counted_otherwise(lambda *model: one_device(*model, gathered=0)),
    gathered_alone=counted_otherwise(always_gathered),
    gathered_with_everything=counted_otherwise(lambda *model: one_device(*model, gathered=16)),
    gathered_in_parameters=counted_otherwise(lambda *model: one_device(*model, gathered=1)),
    everything_divided=counted_otherwise(lambda N, largest, act, strategy, n: 16 * N / n + act),
    nothing_divided=counted_otherwise(lambda N, largest, act, strategy, n: 16 * N + act),
    only_weights_divided=counted_otherwise(lambda *model: one_device(*model, parts=(2, 2, 12)[::-1])),
    one_strategy_early=counted_otherwise(
        lambda *model: one_device(*model[:3], {"ddp": "zero1", "zero1": "zero2"}.get(model[3], "fsdp"), model[4])
    ),
    copy_forgotten=counted_otherwise(lambda *model: one_device(*model, parts=(2, 2, 8))),
    all_in_four_bytes=counted_otherwise(lambda *model: one_device(*model, parts=(4, 4, 8))),
    only_the_weights=counted_otherwise(lambda *model: one_device(*model, parts=(2, 0, 0))),
    gradients_forgotten=counted_otherwise(lambda *model: one_device(*model, parts=(2, 0, 12))),
    gigabytes=counted_otherwise(lambda *model: one_device(*model) / 1e9),
    all_devices_together=counted_otherwise(lambda *model: one_device(*model) * model[-1]),
    none_missing=fewest_otherwise(lambda fewest, **_: 0 if fewest is None else fewest),
    none_although_it_fits=fewest_otherwise(lambda fewest, **_: None),
    bytes_or_none=fewest_otherwise(lambda fewest, bytes, **_: fewest and bytes),
    not_whole=fewest_otherwise(lambda fewest, **_: fewest and fewest - 0.3),
    full_is_refused=full_is_refused,
    one_less_is_too_few=fewest_otherwise(lambda fewest, **_: fewest and fewest - 1),
    pooled=fewest_otherwise(lambda fewest, everything, capacity, **_: fewest and math.ceil(everything / capacity)),
    power_of_two=fewest_otherwise(lambda fewest, **_: fewest and 2 ** math.ceil(math.log2(fewest))),
    n_devices_returned=fewest_otherwise(
        lambda fewest, n_devices, **_: None if fewest is None else max(fewest, n_devices)
    ),
    too_few=fewest_otherwise(lambda fewest, **_: fewest and 1),
    too_many=fewest_otherwise(lambda fewest, **_: fewest and fewest + 2),
    wrong_value=counted_otherwise(lambda *model: one_device(*model) * 1.01),
    wrong_type=fewest_otherwise(lambda fewest, **_: fewest and f"{fewest} devices"),
    no_entry=lambda *facts: by_formula(*facts)[0],
)


def ring(
    sends: Callable = lambda r, i: r - i,
    takes: Callable = lambda r, i: r - i - 1,
    adds: bool = True,
    sends_back: Callable = lambda r, i: r + 1 - i,
    takes_back: Callable = lambda r, i: r - i,
    adds_back: bool = False,
    rounds: tuple[int, int] = (0, 0),
    ends: Callable = lambda pieces, n: torch.cat(pieces),
    packed: Callable = lambda place, piece: piece,
    unpacked: Callable = lambda received: received,
) -> Callable:
    """A ring all-reduce with these faults."""

    def program(rank: int, n_ranks: int, vector: Tensor) -> Generator:
        pieces = list(vector.tensor_split(n_ranks))
        halves = ((sends, takes, adds, rounds[0]), (sends_back, takes_back, adds_back, rounds[1]))
        for first, second, add, more in halves:
            for i in range(n_ranks - 1 + more if n_ranks > 1 else 0):
                place = first(rank, i) % n_ranks
                received = unpacked((yield packed(place, pieces[place])))
                place = second(rank, i) % n_ranks
                pieces[place] = pieces[place] + received if add else received
        return ends(pieces, n_ranks)

    return program


def right_ring(rank: int, n_ranks: int, vector: Tensor) -> Generator:
    """Rank r ends with piece r complete; padded, in one row of n pieces, and what arrives is all that is kept."""
    each = -(-len(vector) // n_ranks)
    rows = torch.zeros(n_ranks, each)
    rows.flatten()[: len(vector)] = vector
    moving = rows[rank - 1]
    for i in range(2, n_ranks + 1):
        moving = (yield moving) + rows[rank - i]
    rows[rank] = moving
    for i in range(1, n_ranks):
        moving = yield moving
        rows[rank - i] = moving
    return rows.flatten()[: len(vector)]


def whole_vectors(rank: int, n_ranks: int, vector: Tensor) -> Generator:
    total, moving = vector, vector
    for _ in range(n_ranks - 1):
        moving = yield moving
        total = total + moving
    return total


def stops_early(rank: int, n_ranks: int, vector: Tensor) -> Generator:
    total, moving = vector, vector
    for _ in range(n_ranks - 1 - (rank == 0)):
        moving = yield moving
        total = total + moving
    return total


def bare(rank: int, n_ranks: int, vector: Tensor) -> Generator:
    for _ in range(n_ranks - 1):
        yield
    return vector


def text(rank: int, n_ranks: int, vector: Tensor) -> Generator:
    yield f"hello from {rank}"
    return vector


def endless(rank: int, n_ranks: int, vector: Tensor) -> Generator:
    while True:
        vector = vector + (yield vector[:1])


def stumbles(rank: int, n_ranks: int, vector: Tensor) -> Generator:
    pieces = vector.chunk(n_ranks)
    received = yield pieces[rank]
    return torch.cat([*pieces[:rank], received, *pieces[rank + 1 :]]) + vector.unknown


def says_nothing(rank: int, n_ranks: int, vector: Tensor) -> Generator:
    yield from right_ring(rank, n_ranks, vector)


def padded(rank: int, n_ranks: int, vector: Tensor) -> Generator:
    rest = -len(vector) % n_ranks
    result = yield from right_ring(rank, n_ranks, torch.cat([vector, torch.zeros(rest)]))
    return result


def unequal(rank: int, n_ranks: int, vector: Tensor) -> Generator:
    result = yield from right_ring(rank, n_ranks, vector)
    return result * (1 + 0.1 * rank)


Exercise1604 = named(
    right=right_ring,
    first_half_only=ring(rounds=(0, -(10**6))),
    first_half_too_short=ring(rounds=(-1, 0)),
    pieces_of_one_rank=ring(adds=False),
    added_in_second_half=ring(adds_back=True),
    kept_at_the_wrong_place=ring(takes=lambda r, i: r - i, takes_back=lambda r, i: r + 1 - i),
    from_the_wrong_side=ring(takes=lambda r, i: r - i + 1, takes_back=lambda r, i: r - i + 2),
    same_piece_every_round=ring(
        sends=lambda r, i: r, takes=lambda r, i: r - 1, sends_back=lambda r, i: r + 1, takes_back=lambda r, i: r
    ),
    counts_upwards=ring(
        sends=lambda r, i: r + i,
        takes=lambda r, i: r + i - 1,
        sends_back=lambda r, i: r + i + 1,
        takes_back=lambda r, i: r + i,
    ),
    second_half_too_short=ring(rounds=(0, -1)),
    mean_not_sum=ring(ends=lambda pieces, n: torch.cat(pieces) / n),
    own_vector=ring(rounds=(-(10**6), -(10**6))),
    still_in_pieces=ring(ends=lambda pieces, n: pieces),
    whole_vectors_sent=whole_vectors,
    number_of_piece_sent=ring(packed=lambda place, piece: (place, piece), unpacked=lambda received: received[1]),
    sends_too_much=ring(packed=lambda place, piece: [piece, piece], unpacked=lambda received: received[0]),
    number_of_rounds=ring(rounds=(1, 0)),
    a_rank_stops_early=stops_early,
    sends_nothing=bare,
    strange_piece=text,
    endless_rounds=endless,
    rank_returns_nothing=says_nothing,
    no_generator=lambda rank, n_ranks, vector: vector,
    wrong_shape=padded,
    wrong_value=unequal,
    raises=stumbles,
)

RIGHT = {
    "log": "BCC",
    "uneven": "AAB",
    "careful": "A-A",
    "start": "ACC",
    "own_best": "ABA",
    "agreed": "---",
    "crossed": "---",
    "ring": "AAA",
    "crossed_loss": 1.7,
}


def saying(**entries: Any) -> Callable[[], dict]:
    """The right answers, but for these."""
    return lambda: {**RIGHT, **entries}


def but(name: str) -> Callable[[], dict]:
    return lambda: {key: value for key, value in RIGHT.items() if key != name}


Exercise1605 = named(
    right=saying(log="b c c", careful="a-a", crossed_loss=torch.tensor(1.7)),
    log_is_not_000=saying(log="---"),
    log_is_not_B00=saying(log="B--"),
    log_is_not_CCC=saying(log="CCC"),
    log_is_otherwise=saying(log="CBB"),
    uneven_is_not_000=saying(uneven="---"),
    uneven_is_not_BBA=saying(uneven="BBA"),
    uneven_is_not_AA0=saying(uneven="AA-"),
    careful_is_not_AAA=saying(careful="AAA"),
    careful_is_not_0A0=saying(careful="-A-"),
    careful_is_otherwise=saying(careful="A--"),
    start_is_not_000=saying(start="---"),
    start_is_not_BDD=saying(start="BDD"),
    own_best_is_not_A0A=saying(own_best="A-A"),
    own_best_is_not_000=saying(own_best="---"),
    agreed_is_not_BCB=saying(agreed="BCB"),
    crossed_is_not_ACC=saying(crossed="ACC", crossed_loss=math.nan),
    ring_is_not_000=saying(ring="---"),
    ring_is_otherwise=saying(ring="B-A"),
    as_it_should_be=saying(crossed_loss=19 / 8),
    of_rank_0=saying(crossed_loss=10 / 17),
    own_numbers=saying(crossed_loss=2),
    nobody_prints=saying(crossed_loss=math.nan),
    sum_only=saying(crossed_loss=17.0),
    wrong_value=saying(crossed_loss=1.5),
    wrong_type=saying(crossed_loss=None),
    no_places=saying(log=["B", "C", "C"]),
    no_entry=but("crossed_loss"),
)


class Exercise1606:
    def right(replica: Replica, batches: list[Tensor]) -> Tensor:
        """In two pieces, with one `with` around a loop."""
        *first, last = batches
        losses = []
        with replica.no_sync():
            for batch in first:
                loss = replica(batch)
                (loss / len(batches)).backward()
                losses.append(loss.detach())
        loss = replica(last)
        (loss / len(batches)).backward()
        return torch.stack([*losses, loss.detach()]).mean()

    def exchanges_every_time(replica: Replica, batches: list[Tensor]) -> float:
        loss = 0.0
        for batch in batches:
            share = replica(batch) / len(batches)
            share.backward()
            loss += share.item()
        return loss

    def never_exchanged(replica: Replica, batches: list[Tensor]) -> float:
        with replica.no_sync():
            return Exercise1606.exchanges_every_time(replica, batches)

    def exchanged_too_early(replica: Replica, batches: list[Tensor]) -> float:
        share = replica(batches[0]) / len(batches)
        share.backward()
        loss = share.item()
        with replica.no_sync():
            for batch in batches[1:]:
                share = replica(batch) / len(batches)
                share.backward()
                loss += share.item()
        return loss

    def no_sync_not_entered(replica: Replica, batches: list[Tensor]) -> float:
        loss = 0.0
        for number, batch in enumerate(batches, start=1):
            if number < len(batches):
                replica.no_sync()
            share = replica(batch) / len(batches)
            share.backward()
            loss += share.item()
        return loss

    def forward_outside(replica: Replica, batches: list[Tensor]) -> float:
        loss = 0.0
        for number, batch in enumerate(batches, start=1):
            share = replica(batch) / len(batches)
            if number < len(batches):
                with replica.no_sync():
                    share.backward()
            else:
                share.backward()
            loss += share.item()
        return loss

    def not_divided(replica: Replica, batches: list[Tensor]) -> float:
        for number, batch in enumerate(batches, start=1):
            if number < len(batches):
                with replica.no_sync():
                    replica(batch).backward()
            else:
                loss = replica(batch)
                loss.backward()
        return loss.item()

    def last_batch_only(replica: Replica, batches: list[Tensor]) -> float:
        loss = 0.0
        for batch in batches:
            replica.zero_grad()
            share = replica(batch) / len(batches)
            share.backward()
            loss += share.item()
        return loss

    def divided_twice(replica: Replica, batches: list[Tensor]) -> float:
        loss = Exercise1606.right(replica, batches)
        replica.weight.grad /= len(batches)
        return loss

    def multiplied_by_ranks(replica: Replica, batches: list[Tensor]) -> float:
        loss = Exercise1606.right(replica, batches)
        replica.weight.grad *= 3 if len(batches) == 4 else 2
        return loss

    def holds_all_batches(replica: Replica, batches: list[Tensor]) -> float:
        with replica.no_sync():
            losses = [replica(batch) for batch in batches[:-1]]
        loss = torch.stack([*losses, replica(batches[-1])]).mean()
        loss.backward()
        return loss.item()

    def one_big_batch(replica: Replica, batches: list[Tensor]) -> float:
        loss = replica(torch.cat(batches))
        loss.backward()
        return loss.item()

    def reads_twice(replica: Replica, batches: list[Tensor]) -> float:
        with replica.no_sync():
            loss = Exercise1606.exchanges_every_time(replica, batches)
        (0 * replica(batches[-1])).backward()
        return loss

    def batch_left_out(replica: Replica, batches: list[Tensor]) -> float:
        return Exercise1606.right(replica, batches[1:])

    def updates_weights(replica: Replica, batches: list[Tensor]) -> float:
        loss = Exercise1606.right(replica, batches)
        with torch.no_grad():
            replica.weight -= 0.1 * replica.weight.grad
        return loss

    def replica_not_called(replica: Replica, batches: list[Tensor]) -> float:
        return 0.0

    def no_backward(replica: Replica, batches: list[Tensor]) -> float:
        return sum(replica(batch).item() for batch in batches) / len(batches)

    def wrong_gradient(replica: Replica, batches: list[Tensor]) -> float:
        loss = Exercise1606.right(replica, batches)
        replica.weight.grad = -replica.weight.grad
        return loss

    def reports_sum(replica: Replica, batches: list[Tensor]) -> float:
        return Exercise1606.right(replica, batches) * len(batches)

    def reports_last(replica: Replica, batches: list[Tensor]) -> float:
        Exercise1606.right(replica, batches)
        return (batches[-1] @ replica.weight - 1).square().mean().item()

    def reports_divided_twice(replica: Replica, batches: list[Tensor]) -> float:
        return Exercise1606.right(replica, batches) / len(batches)


class Step:
    """A step of Adam in slices, in parts that can be exchanged for wrong ones."""

    def __init__(self, **parts: Callable) -> None:
        for name, part in parts.items():
            setattr(self, name, part)

    @staticmethod
    def start(rank: int, n: int, weights: Tensor, gradient: Tensor) -> int:
        return rank * math.ceil(len(weights) / n)

    @staticmethod
    def before(state: Any, mine: Tensor, whole: Tensor) -> tuple[Tensor, Tensor, int]:
        return (0 * mine, 0 * mine, 0) if state is None else state

    @staticmethod
    def length(gradient: Tensor, total: Callable) -> float:
        return math.sqrt(total(float(gradient @ gradient)))

    @staticmethod
    def factor(length: float, max_norm: float) -> float:
        return min(1.0, max_norm / (length + 1e-6))

    @staticmethod
    def means(m: Tensor, s: Tensor, g: Tensor) -> tuple[Tensor, Tensor]:
        return m.lerp(g, 0.1), s.lerp(g.square(), 0.01)

    @staticmethod
    def step(m: Tensor, s: Tensor, t: int) -> Tensor:
        return m / (1 - 0.9**t) / (torch.sqrt(s / (1 - 0.99**t)) + 1e-8)

    @staticmethod
    def end(mine: Tensor, step: Tensor, gather: Callable, weights: Tensor, start: int) -> Any:
        return torch.hstack(gather(mine - step))

    @staticmethod
    def kept(m: Tensor, s: Tensor, t: int, start: int, whole: Tensor) -> Any:
        return m, s, t

    def __call__(
        self,
        rank: int,
        n_ranks: int,
        weights: Tensor,
        gradient: Tensor,
        state: Any,
        lr: float,
        max_norm: float,
        total: Callable,
        gather: Callable,
    ) -> tuple[Any, Any]:
        start = self.start(rank, n_ranks, weights, gradient)
        mine = weights[start : start + len(gradient)]
        m, s, t = self.before(state, mine, weights)
        g = gradient * self.factor(self.length(gradient, total), max_norm)
        m, s = self.means(m, s, g)
        new = self.end(mine, lr * self.step(m, s, t + 1), gather, weights, start)
        return new, self.kept(m, s, t + 1, start, weights)


def stepping(**parts: Callable) -> Callable:
    step = Step(**parts)

    def answer(
        rank: int,
        n_ranks: int,
        weights: Tensor,
        gradient: Tensor,
        state: Any,
        lr: float,
        max_norm: float,
        total: Callable,
        gather: Callable,
    ) -> tuple[Any, Any]:
        return step(rank, n_ranks, weights, gradient, state, lr, max_norm, total, gather)

    return answer


def spread(slice_: Tensor, start: int, whole: Tensor) -> Tensor:
    """A slice, with zeros all around."""
    wide = torch.zeros_like(whole)
    wide[start : start + len(slice_)] = slice_
    return wide


def corrected(m: Tensor, s: Tensor, t: int, start: int, whole: Tensor) -> tuple[Tensor, Tensor, int]:
    return m / (1 - 0.9**t), s / (1 - 0.99**t), t


def alone_if_empty(
    rank: int,
    n_ranks: int,
    weights: Tensor,
    gradient: Tensor,
    state: Any,
    lr: float,
    max_norm: float,
    total: Callable,
    gather: Callable,
) -> tuple[Any, Any]:
    if len(gradient) == 0:
        return weights, (gradient, gradient, 1)
    return Step()(rank, n_ranks, weights, gradient, state, lr, max_norm, total, gather)


def speaks_first(
    rank: int,
    n_ranks: int,
    weights: Tensor,
    gradient: Tensor,
    state: Any,
    lr: float,
    max_norm: float,
    total: Callable,
    gather: Callable,
) -> tuple[Any, Any]:
    if rank == 0:
        gather(weights)
    return Step()(rank, n_ranks, weights, gradient, state, lr, max_norm, total, gather)


def changes_its_state(
    rank: int,
    n_ranks: int,
    weights: Tensor,
    gradient: Tensor,
    state: Any,
    lr: float,
    max_norm: float,
    total: Callable,
    gather: Callable,
) -> tuple[Any, Any]:
    new, kept = Step()(rank, n_ranks, weights, gradient, state, lr, max_norm, total, gather)
    if state is not None:
        state[0].mul_(0.9)
    return new, kept


Exercise1607 = named(
    right=stepping(),
    clipped_by_own_slice=stepping(length=lambda g, total: float(g.norm())),
    lengths_added=stepping(length=lambda g, total: total(float(g.norm()))),
    root_forgotten=stepping(length=lambda g, total: total(float(g @ g))),
    not_clipped=stepping(factor=lambda length, max_norm: 1.0),
    stretched=stepping(factor=lambda length, max_norm: max_norm / length),
    state_forgotten=stepping(before=lambda state, mine, whole: (0 * mine, 0 * mine, state[2] if state else 0)),
    whole_state=stepping(
        kept=lambda m, s, t, start, whole: (spread(m, start, whole), spread(s, start, whole), t),
    ),
    no_running_mean=stepping(means=lambda m, s, g: (g, 0.99 * s + 0.01 * g**2)),
    shares_exchanged=stepping(means=lambda m, s, g: (0.1 * m + 0.9 * g, 0.99 * s + 0.01 * g**2)),
    gradient_added_whole=stepping(means=lambda m, s, g: (0.9 * m + g if m.any() else 0.1 * g, 0.99 * s + 0.01 * g**2)),
    not_squared=stepping(means=lambda m, s, g: (0.9 * m + 0.1 * g, 0.99 * s + 0.01 * g)),
    one_beta_for_both=stepping(means=lambda m, s, g: (0.9 * m + 0.1 * g, 0.9 * s + 0.1 * g**2)),
    corrected_mean_kept=stepping(
        means=lambda m, s, g: (0.9 * m + 0.1 * g, 0.99 * s + 0.01 * g**2),
        kept=lambda m, s, t, start, whole: (m, s / (1 - 0.99**t), t),
    ),
    step_not_counted=stepping(kept=lambda m, s, t, start, whole: (m, s, t - 1)),
    step_counted_twice=stepping(kept=lambda m, s, t, start, whole: (m, s, t + 1)),
    no_triple=stepping(kept=lambda m, s, t, start, whole: {"m": m, "s": s, "t": t}),
    not_gathered=stepping(end=lambda mine, step, gather, weights, start: mine - step),
    not_put_together=stepping(end=lambda mine, step, gather, weights, start: gather(mine - step)),
    unchanged=stepping(end=lambda mine, step, gather, weights, start: weights),
    others_stale=stepping(
        end=lambda mine, step, gather, weights, start: torch.cat(
            [weights[:start], mine - step, weights[start + len(mine) :]]
        )
    ),
    wrong_direction=stepping(end=lambda mine, step, gather, weights, start: torch.cat(gather(mine + step))),
    no_bias_correction=stepping(step=lambda m, s, t: m / (s.sqrt() + 1e-8)),
    eps_inside_the_root=stepping(step=lambda m, s, t: m / (1 - 0.9**t) / torch.sqrt(s / (1 - 0.99**t) + 1e-8)),
    corrected_by_old_t=stepping(step=lambda m, s, t: Step.step(m, s, t - 1)),
    update_not_weights=stepping(end=lambda mine, step, gather, weights, start: torch.cat(gather(-step))),
    slices_reversed=stepping(end=lambda mine, step, gather, weights, start: torch.cat(gather(mine - step)[::-1])),
    start_by_own_length=stepping(start=lambda rank, n, weights, gradient: rank * len(gradient)),
    slices_rounded_down=stepping(start=lambda rank, n, weights, gradient: rank * (len(weights) // n)),
    without_lr=stepping(
        end=lambda mine, step, gather, weights, start: torch.cat(gather(mine - 10 * step)),
    ),
    a_rank_never_comes=alone_if_empty,
    different_calls=speaks_first,
    mutates_input=changes_its_state,
    no_pair=lambda *given: Step()(*given)[0],
)
