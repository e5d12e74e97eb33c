"""Wrong answers to the exercises of lesson 13, named after the diagnosis that they must get, and a second right one."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from course_lib import training as library

Packed = tuple[Tensor, Tensor, Tensor]


def cut(stream: list[int], end_id: int, context_length: int) -> Packed:
    """Full rows of inputs and targets, and numbers that start at 0 in each row."""
    rows: list[tuple[list[int], list[int], list[int]]] = []
    for start in range(0, len(stream) - context_length, context_length):
        inputs = stream[start : start + context_length]
        numbers = [sum(token == end_id for token in inputs[1 : place + 1]) for place in range(context_length)]
        rows.append((inputs, stream[start + 1 : start + context_length + 1], numbers))
    columns = zip(*rows, strict=True) if rows else ([], [], [])
    inputs, targets, numbers = (torch.tensor(column, dtype=torch.long).view(-1, context_length) for column in columns)
    return inputs, targets, numbers


def stream_of(documents: list[list[int]], end_id: int) -> list[int]:
    return [end_id, *(token for document in documents for token in (*document, end_id))]


class Exercise1301:
    def right(documents: list[list[int]], end_id: int, context_length: int) -> Packed:
        return cut(stream_of(documents, end_id), end_id, context_length)

    def targets_first(documents: list[list[int]], end_id: int, context_length: int) -> Packed:
        inputs, targets, numbers = Exercise1301.right(documents, end_id, context_length)
        return targets, inputs, numbers

    def no_end_in_front(documents: list[list[int]], end_id: int, context_length: int) -> Packed:
        return cut(stream_of(documents, end_id)[1:], end_id, context_length)

    def no_end_tokens(documents: list[list[int]], end_id: int, context_length: int) -> Packed:
        return cut([token for document in documents for token in document], end_id, context_length)

    def other_end_token(documents: list[list[int]], end_id: int, context_length: int) -> Packed:
        return cut(stream_of(documents, 0), 0, context_length)

    def two_ends(documents: list[list[int]], end_id: int, context_length: int) -> Packed:
        stream = [token for document in documents for token in (end_id, *document, end_id)]
        return cut([end_id, *stream, end_id], end_id, context_length)

    def row_without_last_target(documents: list[list[int]], end_id: int, context_length: int) -> Packed:
        stream = stream_of(documents, end_id)
        n = len(stream) // context_length * context_length
        inputs = torch.tensor(stream, dtype=torch.long)[:n].view(-1, context_length)
        targets = torch.tensor([*stream[1:], end_id], dtype=torch.long)[:n].view(-1, context_length)
        begins = inputs == end_id
        begins[:, 0] = False
        return inputs, targets, begins.cumsum(1)

    def leftover_kept(documents: list[list[int]], end_id: int, context_length: int) -> Packed:
        stream = stream_of(documents, end_id)
        missing = -(len(stream) - 1) % context_length
        return cut([*stream, *[end_id] * missing], end_id, context_length)

    def last_row_dropped(documents: list[list[int]], end_id: int, context_length: int) -> Packed:
        inputs, targets, numbers = Exercise1301.right(documents, end_id, context_length)
        return inputs[:-1], targets[:-1], numbers[:-1]

    def gap_between_rows(documents: list[list[int]], end_id: int, context_length: int) -> Packed:
        stream = torch.tensor(stream_of(documents, end_id))
        rows = stream[: len(stream) // (context_length + 1) * (context_length + 1)].view(-1, context_length + 1)
        begins = rows[:, :-1] == end_id
        begins[:, 0] = False
        return rows[:, :-1], rows[:, 1:], begins.cumsum(1)

    def rows_as_in_the_lesson(documents: list[list[int]], end_id: int, context_length: int) -> Packed:
        stream = stream_of(documents, end_id)
        rows, start = [], 0
        while start + context_length < len(stream):
            rows.append(stream[start : start + context_length + 1])
            start += context_length
            while start < len(stream) and stream[start] != end_id:
                start += 1
        filled = torch.tensor(rows, dtype=torch.long).view(-1, context_length + 1)
        return filled[:, :-1], filled[:, 1:], (filled[:, :-1] == end_id).cumsum(1) - 1

    def overlapping_rows(documents: list[list[int]], end_id: int, context_length: int) -> Packed:
        stream = torch.tensor(stream_of(documents, end_id))
        if len(stream) <= context_length:
            return Exercise1301.right(documents, end_id, context_length)
        rows = stream.unfold(0, context_length + 1, 1)
        begins = rows[:, :-1] == end_id
        begins[:, 0] = False
        return rows[:, :-1], rows[:, 1:], begins.cumsum(1)

    def rows_begin_at_documents(documents: list[list[int]], end_id: int, context_length: int) -> Packed:
        """A row is closed where the next document does not fit."""
        rows, row = [], [end_id]
        for document in documents:
            if len(row) + len(document) > context_length and len(row) > 1:
                rows.append(row)
                row = [end_id]
            row = [*row, *document, end_id][: context_length + 1]
        rows.append(row)
        filled = torch.tensor([row + [end_id] * (context_length + 1 - len(row)) for row in rows])
        begins = filled[:, :-1] == end_id
        begins[:, 0] = False
        return filled[:, :-1], filled[:, 1:], begins.cumsum(1)

    def targets_not_shifted(documents: list[list[int]], end_id: int, context_length: int) -> Packed:
        inputs, _, numbers = Exercise1301.right(documents, end_id, context_length)
        return inputs, inputs.clone(), numbers

    def wraps_around(documents: list[list[int]], end_id: int, context_length: int) -> Packed:
        inputs, _, numbers = Exercise1301.right(documents, end_id, context_length)
        return inputs, inputs.roll(-1, dims=1), numbers

    def shifted_backwards(documents: list[list[int]], end_id: int, context_length: int) -> Packed:
        inputs, _, numbers = Exercise1301.right(documents, end_id, context_length)
        return inputs, inputs.roll(1, dims=1), numbers

    def shifted_twice(documents: list[list[int]], end_id: int, context_length: int) -> Packed:
        inputs, targets, numbers = Exercise1301.right(documents, end_id, context_length)
        return inputs, targets.roll(-1, dims=1), numbers

    def last_target_wrong(documents: list[list[int]], end_id: int, context_length: int) -> Packed:
        inputs, targets, numbers = Exercise1301.right(documents, end_id, context_length)
        targets[:, -1] = -100
        return inputs, targets, numbers

    def last_target_missing(documents: list[list[int]], end_id: int, context_length: int) -> Packed:
        inputs, targets, numbers = Exercise1301.right(documents, end_id, context_length)
        return inputs, targets[:, :-1], numbers

    def counts_from_one(documents: list[list[int]], end_id: int, context_length: int) -> Packed:
        inputs, targets, numbers = Exercise1301.right(documents, end_id, context_length)
        return inputs, targets, numbers + 1

    def numbers_go_on(documents: list[list[int]], end_id: int, context_length: int) -> Packed:
        inputs, targets, _ = Exercise1301.right(documents, end_id, context_length)
        return inputs, targets, (inputs == end_id).flatten().cumsum(0).view_as(inputs) - 1

    def starts_below_zero(documents: list[list[int]], end_id: int, context_length: int) -> Packed:
        inputs, targets, _ = Exercise1301.right(documents, end_id, context_length)
        return inputs, targets, (inputs == end_id).cumsum(1) - 1

    def first_end_counted(documents: list[list[int]], end_id: int, context_length: int) -> Packed:
        inputs, targets, _ = Exercise1301.right(documents, end_id, context_length)
        return inputs, targets, (inputs == end_id).cumsum(1)

    def end_closes_only(documents: list[list[int]], end_id: int, context_length: int) -> Packed:
        inputs, targets, numbers = Exercise1301.right(documents, end_id, context_length)
        later = (inputs == end_id).long()
        later[:, 0] = 0
        return inputs, targets, numbers - later

    def looks_at_targets(documents: list[list[int]], end_id: int, context_length: int) -> Packed:
        inputs, targets, _ = Exercise1301.right(documents, end_id, context_length)
        return inputs, targets, (targets == end_id).cumsum(1)

    def marks_not_numbers(documents: list[list[int]], end_id: int, context_length: int) -> Packed:
        inputs, targets, _ = Exercise1301.right(documents, end_id, context_length)
        return inputs, targets, (inputs == end_id).long()

    def all_one_document(documents: list[list[int]], end_id: int, context_length: int) -> Packed:
        inputs, targets, numbers = Exercise1301.right(documents, end_id, context_length)
        return inputs, targets, 0 * numbers

    def not_empty(documents: list[list[int]], end_id: int, context_length: int) -> Packed:
        stream = stream_of(documents, end_id)
        if len(stream) > context_length:
            return Exercise1301.right(documents, end_id, context_length)
        stream += [end_id] * (context_length + 1 - len(stream))
        return cut(stream, end_id, context_length)

    def mutates_input(documents: list[list[int]], end_id: int, context_length: int) -> Packed:
        for document in documents:
            document.append(end_id)
        stream = [end_id, *(token for document in documents for token in document)]
        return cut(stream, end_id, context_length)

    def wrong_type(documents: list[list[int]], end_id: int, context_length: int) -> tuple[list, list, list]:
        inputs, targets, numbers = Exercise1301.right(documents, end_id, context_length)
        return inputs.tolist(), targets.tolist(), numbers.tolist()


Nats = Callable[[Tensor, Tensor], Tensor]


def costs(nats: Nats, inputs: Tensor, targets: Tensor, context_length: int) -> list[Tensor]:
    pairs = zip(inputs.split(context_length), targets.split(context_length), strict=True)
    return [nats(*pair) for pair in pairs]


class Exercise1302:
    def right(nats: Nats, ids: Tensor, context_length: int) -> Tensor:
        return torch.cat(costs(nats, ids[:-1], ids[1:], context_length)).mean()

    def sum(nats: Nats, ids: Tensor, context_length: int) -> Tensor:
        return torch.cat(costs(nats, ids[:-1], ids[1:], context_length)).sum()

    def mean_of_window_means(nats: Nats, ids: Tensor, context_length: int) -> float:
        means = [window.mean().item() for window in costs(nats, ids[:-1], ids[1:], context_length)]
        total = 0.0
        for mean in means:
            total += mean
        return total / len(means)

    def divides_by_windows(nats: Nats, ids: Tensor, context_length: int) -> Tensor:
        windows = costs(nats, ids[:-1], ids[1:], context_length)
        return torch.cat(windows).sum() / len(windows)

    def counts_the_first_token(nats: Nats, ids: Tensor, context_length: int) -> Tensor:
        return torch.cat(costs(nats, ids[:-1], ids[1:], context_length)).sum() / len(ids)

    def counts_missing_tokens(nats: Nats, ids: Tensor, context_length: int) -> Tensor:
        windows = costs(nats, ids[:-1], ids[1:], context_length)
        return torch.cat(windows).sum() / (len(windows) * context_length)

    def last_window_dropped(nats: Nats, ids: Tensor, context_length: int) -> float:
        total, n = 0.0, 0
        for start in range(0, len(ids) - context_length, context_length):
            stop = start + context_length
            total += nats(ids[start:stop], ids[start + 1 : stop + 1]).sum().item()
            n += context_length
        return total / n

    def token_lost_at_borders(nats: Nats, ids: Tensor, context_length: int) -> Tensor:
        pieces = [piece for piece in ids.split(context_length) if len(piece) > 1]
        return torch.cat([nats(piece[:-1], piece[1:]) for piece in pieces]).mean()

    def overlapping_windows(nats: Nats, ids: Tensor, context_length: int) -> Tensor:
        rows = ids.unfold(0, min(context_length, len(ids) - 1) + 1, 1)
        return torch.cat([nats(row[:-1], row[1:]) for row in rows]).mean()

    def not_shifted(nats: Nats, ids: Tensor, context_length: int) -> Tensor:
        return torch.cat(costs(nats, ids, ids, context_length)).mean()

    def swapped(nats: Nats, ids: Tensor, context_length: int) -> Tensor:
        return torch.cat(costs(nats, ids[1:], ids[:-1], context_length)).mean()

    def wraps_around(nats: Nats, ids: Tensor, context_length: int) -> Tensor:
        return torch.cat(costs(nats, ids, ids.roll(-1), context_length)).mean()

    def predicts_the_first_token(nats: Nats, ids: Tensor, context_length: int) -> Tensor:
        before = torch.cat([torch.zeros(1, dtype=ids.dtype), ids[:-1]])
        return torch.cat(costs(nats, before, ids, context_length)).mean()

    def perplexity(nats: Nats, ids: Tensor, context_length: int) -> Tensor:
        return Exercise1302.right(nats, ids, context_length).exp()

    def window_too_long(nats: Nats, ids: Tensor, context_length: int) -> Tensor:
        return nats(ids[:-1], ids[1:]).mean()

    def asks_nothing(nats: Nats, ids: Tensor, context_length: int) -> float:
        return 3.0

    def not_once_each(nats: Nats, ids: Tensor, context_length: int) -> Tensor:
        """Windows that begin half a window apart."""
        starts = range(0, len(ids) - 1, (context_length + 1) // 2)
        windows = [
            nats(ids[:-1][start : start + context_length], ids[1:][start : start + context_length]) for start in starts
        ]
        return torch.cat(windows).mean()

    def windows_too_short(nats: Nats, ids: Tensor, context_length: int) -> Tensor:
        return torch.cat(costs(nats, ids[:-1], ids[1:], 1)).mean()

    def inputs_without_target(nats: Nats, ids: Tensor, context_length: int) -> float:
        total = 0.0
        for start in range(0, len(ids), context_length):
            stop = start + context_length
            total += nats(ids[start:stop], ids[start + 1 : stop + 1]).sum().item()
        return total / (len(ids) - 1)

    def padded(nats: Nats, ids: Tensor, context_length: int) -> Tensor:
        missing = -(len(ids) - 1) % context_length
        inputs = torch.cat([ids[:-1], torch.zeros(missing, dtype=ids.dtype)])
        targets = torch.cat([ids[1:], torch.full((missing,), -100)])
        return torch.cat(costs(nats, inputs, targets, context_length)).sum() / (len(ids) - 1)

    def wrong_shape(nats: Nats, ids: Tensor, context_length: int) -> Tensor:
        return torch.cat(costs(nats, ids[:-1], ids[1:], context_length))

    def raises(nats: Nats, ids: Tensor, context_length: int) -> Tensor:
        windows = ids[:-1].view(-1, context_length), ids[1:].view(-1, context_length)
        return torch.stack([nats(*pair) for pair in zip(*windows, strict=True)]).mean()


def estimated(**changed: Callable[..., float]) -> Callable[..., dict[str, float]]:
    """The right estimate with some entries changed: each a function of parameters, Muon's, tokens, peak and use."""
    right: dict[str, Callable[..., float]] = {
        "flops": lambda n, m, d, f, u: 6 * n * d,
        "seconds": lambda n, m, d, f, u: 6 * n * d / f / u,
        "bytes": lambda n, m, d, f, u: 4 * (4 * n - m),
        "tokens_per_parameter": lambda n, m, d, f, u: d / n,
    }
    return lambda *given: {name: entry(*given) for name, entry in {**right, **changed}.items()}


class Exercise1303:
    def right(n: int, m: int, d: int, f: float, u: float) -> dict[str, Any]:
        forward = torch.tensor(2.0 * n, dtype=torch.float64) * d
        return {
            "tokens_per_parameter": d / n,
            "bytes": 4 * sum((n, n, n, n - m)),
            "seconds": 3 * forward / u / f,
            "flops": 3 * forward,
        }

    def forward_only(n: int, m: int, d: int, f: float, u: float) -> dict[str, float]:
        return estimated(flops=lambda n, m, d, f, u: 2 * n * d)(n, m, d, f, u)

    def backward_only(n: int, m: int, d: int, f: float, u: float) -> dict[str, float]:
        return estimated(flops=lambda n, m, d, f, u: 4 * n * d)(n, m, d, f, u)

    def half_the_flops(n: int, m: int, d: int, f: float, u: float) -> dict[str, float]:
        return estimated(flops=lambda n, m, d, f, u: 3 * n * d)(n, m, d, f, u)

    def no_tokens(n: int, m: int, d: int, f: float, u: float) -> dict[str, float]:
        return estimated(flops=lambda n, m, d, f, u: 6 * n)(n, m, d, f, u)

    def no_factor(n: int, m: int, d: int, f: float, u: float) -> dict[str, float]:
        return estimated(flops=lambda n, m, d, f, u: n * d)(n, m, d, f, u)

    def only_adam(n: int, m: int, d: int, f: float, u: float) -> dict[str, float]:
        return estimated(flops=lambda n, m, d, f, u: 6 * (n - m) * d)(n, m, d, f, u)

    def utilization_multiplied(n: int, m: int, d: int, f: float, u: float) -> dict[str, float]:
        return estimated(seconds=lambda n, m, d, f, u: 6 * n * d / f * u)(n, m, d, f, u)

    def utilization_ignored(n: int, m: int, d: int, f: float, u: float) -> dict[str, float]:
        return estimated(seconds=lambda n, m, d, f, u: 6 * n * d / f)(n, m, d, f, u)

    def hours(n: int, m: int, d: int, f: float, u: float) -> dict[str, float]:
        return estimated(seconds=lambda n, m, d, f, u: 6 * n * d / f / u / 3600)(n, m, d, f, u)

    def upside_down(n: int, m: int, d: int, f: float, u: float) -> dict[str, float]:
        return estimated(seconds=lambda n, m, d, f, u: f * u / (6 * n * d))(n, m, d, f, u)

    def muon_like_adam(n: int, m: int, d: int, f: float, u: float) -> dict[str, float]:
        return estimated(bytes=lambda n, m, d, f, u: 16 * n)(n, m, d, f, u)

    def adam_like_muon(n: int, m: int, d: int, f: float, u: float) -> dict[str, float]:
        return estimated(bytes=lambda n, m, d, f, u: 12 * n)(n, m, d, f, u)

    def optimizers_swapped(n: int, m: int, d: int, f: float, u: float) -> dict[str, float]:
        return estimated(bytes=lambda n, m, d, f, u: 12 * (n - m) + 16 * m)(n, m, d, f, u)

    def weights_only(n: int, m: int, d: int, f: float, u: float) -> dict[str, float]:
        return estimated(bytes=lambda n, m, d, f, u: 4 * n)(n, m, d, f, u)

    def no_optimizer(n: int, m: int, d: int, f: float, u: float) -> dict[str, float]:
        return estimated(bytes=lambda n, m, d, f, u: 8 * n)(n, m, d, f, u)

    def no_gradients(n: int, m: int, d: int, f: float, u: float) -> dict[str, float]:
        return estimated(bytes=lambda n, m, d, f, u: 12 * (n - m) + 8 * m)(n, m, d, f, u)

    def muon_remembers_nothing(n: int, m: int, d: int, f: float, u: float) -> dict[str, float]:
        return estimated(bytes=lambda n, m, d, f, u: 16 * (n - m) + 8 * m)(n, m, d, f, u)

    def weights_twice(n: int, m: int, d: int, f: float, u: float) -> dict[str, float]:
        return estimated(bytes=lambda n, m, d, f, u: 20 * (n - m) + 16 * m)(n, m, d, f, u)

    def numbers_not_bytes(n: int, m: int, d: int, f: float, u: float) -> dict[str, float]:
        return estimated(bytes=lambda n, m, d, f, u: 4 * n - m)(n, m, d, f, u)

    def counts_muon_twice(n: int, m: int, d: int, f: float, u: float) -> dict[str, float]:
        return estimated(bytes=lambda n, m, d, f, u: 16 * n + 12 * m)(n, m, d, f, u)

    def half_precision(n: int, m: int, d: int, f: float, u: float) -> dict[str, float]:
        return estimated(bytes=lambda n, m, d, f, u: 2 * (4 * n - m))(n, m, d, f, u)

    def muon_left_out(n: int, m: int, d: int, f: float, u: float) -> dict[str, float]:
        return estimated(bytes=lambda n, m, d, f, u: 16 * (n - m) + 4 * m)(n, m, d, f, u)

    def muon_on_top(n: int, m: int, d: int, f: float, u: float) -> dict[str, float]:
        return estimated(bytes=lambda n, m, d, f, u: 16 * n + 4 * m)(n, m, d, f, u)

    def other_unit(n: int, m: int, d: int, f: float, u: float) -> dict[str, float]:
        return estimated(bytes=lambda n, m, d, f, u: (16 * n - 4 * m) / 1e6)(n, m, d, f, u)

    def parameters_per_token(n: int, m: int, d: int, f: float, u: float) -> dict[str, float]:
        return estimated(tokens_per_parameter=lambda n, m, d, f, u: n / d)(n, m, d, f, u)

    def whole_numbers(n: int, m: int, d: int, f: float, u: float) -> dict[str, float]:
        return estimated(tokens_per_parameter=lambda n, m, d, f, u: d // n)(n, m, d, f, u)

    def no_entry(n: int, m: int, d: int, f: float, u: float) -> tuple[float, ...]:
        return tuple(estimated()(n, m, d, f, u).values())


def said(**changed: Any) -> dict[str, Any]:
    right = {"A": "memorises", "B": "no shift", "C": "lr too high", "D": "healthy", "E": "leak", "F": "wrong tokenizer"}
    return {**right, **changed}


class Exercise1304:
    def right() -> dict[str, str]:
        return {run: f" {word.upper()}" for run, word in said().items()}

    def a_is_not_healthy() -> dict[str, str]:
        return said(A="healthy")

    def a_is_not_leak() -> dict[str, str]:
        return said(A="leak", E="memorises")

    def a_is_not_wrong_tokenizer() -> dict[str, str]:
        return said(A="wrong tokenizer")

    def b_is_not_leak() -> dict[str, str]:
        return said(B="leak")

    def b_is_not_healthy() -> dict[str, str]:
        return said(B="healthy")

    def c_is_not_wrong_tokenizer() -> dict[str, str]:
        return said(C="wrong tokenizer", F="lr too high")

    def c_is_not_lr_too_low() -> dict[str, str]:
        return said(C="lr too low")

    def d_is_not_lr_too_low() -> dict[str, str]:
        return said(D="lr too low")

    def d_is_not_memorises() -> dict[str, str]:
        return said(D="memorises")

    def e_is_not_healthy() -> dict[str, str]:
        return said(E="healthy")

    def e_is_not_no_shift() -> dict[str, str]:
        return said(E="no shift")

    def f_is_not_memorises() -> dict[str, str]:
        return said(F="memorises")

    def f_is_not_lr_too_high() -> dict[str, str]:
        return said(F="lr too high")

    def unknown_word() -> dict[str, str]:
        return said(A="overfitting")

    def no_entry() -> dict[str, str]:
        return {"A": "memorises"}


A, B, C = 3.4445, -4.7750, 2.0315


def newton_schulz(x: Tensor, steps: int, a: float = A, b: float = B, c: float = C) -> Tensor:
    for _ in range(steps):
        square = x @ x.mT
        x = (a * torch.eye(len(x)) + b * square + c * square @ square) @ x
    return x


class Exercise1305:
    def right(gradient: Tensor, steps: int = 5) -> Tensor:
        """The library's own, which multiplies the polynomials first and X once."""
        return library.orthogonalize(gradient, steps)

    def not_normalised(gradient: Tensor, steps: int = 5) -> Tensor:
        return newton_schulz(gradient, steps)

    def explodes(gradient: Tensor, steps: int = 5) -> Tensor:
        x = gradient / gradient.norm()
        for _ in range(steps):
            square = x @ x.mT
            x = A * x + B * square + C * square @ square
        return x

    def square_of_entries(gradient: Tensor, steps: int = 5) -> Tensor:
        x = gradient / gradient.norm()
        for _ in range(steps):
            square = x @ x.mT
            x = A * x + (B * square + C * square * square) @ x
        return x

    def square_never_renewed(gradient: Tensor, steps: int = 5) -> Tensor:
        x = gradient / gradient.norm()
        square = x @ x.mT
        for _ in range(steps):
            x = A * x + (B * square + C * square @ square) @ x
        return x

    def norm_squared(gradient: Tensor, steps: int = 5) -> Tensor:
        return newton_schulz(gradient / gradient.square().sum(), steps)

    def scaled_for_its_shape(gradient: Tensor, steps: int = 5) -> Tensor:
        rows, columns = gradient.shape
        return newton_schulz(gradient / gradient.norm(), steps) * max(1, rows / columns) ** 0.5

    def only_normalised(gradient: Tensor, steps: int = 5) -> Tensor:
        return gradient / (gradient.norm() + 1e-7)

    def one_step_only(gradient: Tensor, steps: int = 5) -> Tensor:
        return newton_schulz(gradient / gradient.norm(), 1)

    def ignores_steps(gradient: Tensor, steps: int = 5) -> Tensor:
        return newton_schulz(gradient / gradient.norm(), 5)

    def one_step_off(gradient: Tensor, steps: int = 5) -> Tensor:
        return newton_schulz(gradient / gradient.norm(), steps - 1)

    def largest_entry(gradient: Tensor, steps: int = 5) -> Tensor:
        return newton_schulz(gradient / gradient.abs().max(), steps)

    def spectral_norm(gradient: Tensor, steps: int = 5) -> Tensor:
        return newton_schulz(gradient / torch.linalg.matrix_norm(gradient, ord=2), steps)

    def svd(gradient: Tensor, steps: int = 5) -> Tensor:
        u, _, v = torch.linalg.svd(gradient, full_matrices=False)
        return u @ v

    def elementwise_sign(gradient: Tensor, steps: int = 5) -> Tensor:
        return gradient.sign()

    def rows_normalised(gradient: Tensor, steps: int = 5) -> Tensor:
        return newton_schulz(gradient / gradient.norm(dim=1, keepdim=True), steps)

    def elementwise_powers(gradient: Tensor, steps: int = 5) -> Tensor:
        x = gradient / gradient.norm()
        for _ in range(steps):
            x = A * x + B * x**3 + C * x**5
        return x

    def a_added_everywhere(gradient: Tensor, steps: int = 5) -> Tensor:
        x = gradient / gradient.norm()
        for _ in range(steps):
            square = x @ x.T
            x = (A + B * square + C * square @ square) @ x
        return x

    def square_on_the_wrong_side(gradient: Tensor, steps: int = 5) -> Tensor:
        x = gradient / gradient.norm()
        for _ in range(steps):
            square = x.T @ x
            x = A * x + (B * square + C * square @ square) @ x
        return x

    def no_fourth_power(gradient: Tensor, steps: int = 5) -> Tensor:
        x = gradient / gradient.norm()
        for _ in range(steps):
            x = A * x + B * x @ x.T @ x + C * x @ x.T @ x
        return x

    def swapped_coefficients(gradient: Tensor, steps: int = 5) -> Tensor:
        return newton_schulz(gradient / gradient.norm(), steps, A, C, B)

    def sign_of_b(gradient: Tensor, steps: int = 5) -> Tensor:
        return newton_schulz(gradient / gradient.norm(), steps, A, -B, C)

    def other_coefficients(gradient: Tensor, steps: int = 5) -> Tensor:
        return newton_schulz(gradient / gradient.norm(), steps, 1.5, -0.5, 0.0)

    def normalised_every_step(gradient: Tensor, steps: int = 5) -> Tensor:
        x = gradient
        for _ in range(steps):
            x = newton_schulz(x / x.norm(), 1)
        return x

    def scale_restored(gradient: Tensor, steps: int = 5) -> Tensor:
        return newton_schulz(gradient / gradient.norm(), steps) * gradient.norm()

    def not_transposed_back(gradient: Tensor, steps: int = 5) -> Tensor:
        x = gradient.T if gradient.shape[0] > gradient.shape[1] else gradient
        return newton_schulz(x / (x.norm() + 1e-7), steps)

    def nan_for_zero_gradient(gradient: Tensor, steps: int = 5) -> Tensor:
        return newton_schulz(gradient / gradient.norm(), steps)

    def depends_on_scale(gradient: Tensor, steps: int = 5) -> Tensor:
        return newton_schulz(gradient / (gradient.norm() + 1e-3), steps)

    def too_rough(gradient: Tensor, steps: int = 5) -> Tensor:
        return newton_schulz(gradient / (gradient.norm() + 1e-7), steps, 3.44, -4.77, 2.03)

    def mutates_input(gradient: Tensor, steps: int = 5) -> Tensor:
        gradient /= gradient.norm() + 1e-7
        return newton_schulz(gradient, steps)


LONG_ROWS = {"batch_size": 3, "context_length": 128}


class Exercise1306:
    def right() -> dict[str, Any]:
        return {"context_length": torch.tensor(96), "batch_size": 4.0, "lr": 0.08, "muon_lr": 0.08, "decay": 0.8}

    def over_budget() -> dict[str, Any]:
        return {"batch_size": 8, "lr": 0.02}

    def too_many_updates() -> dict[str, Any]:
        return {"steps": 400, "batch_size": 1, "context_length": 32, "lr": 0.02}

    def unknown_setting() -> dict[str, Any]:
        return {"learning_rate": 0.02}

    def not_a_number() -> dict[str, Any]:
        return {"lr": "0.02"}

    def out_of_range() -> dict[str, Any]:
        return {"context_length": 256, "batch_size": 1}

    def not_whole() -> dict[str, Any]:
        return {"batch_size": 12_288 / 32 / 80, "context_length": 80, "lr": 0.02}

    def wrong_type() -> list:
        return [32, 6, 64, 0.003]

    def diverged() -> dict[str, Any]:
        return {"lr": 5.0}

    def lr_too_low() -> dict[str, Any]:
        """The baseline."""
        return {}

    def lr_too_high() -> dict[str, Any]:
        return {**LONG_ROWS, "lr": 0.2, "decay": 0.5}

    def muon_lr_too_low() -> dict[str, Any]:
        return {**LONG_ROWS, "lr": 0.02, "muon_lr": 0.001, "decay": 0.5}

    def too_few_updates() -> dict[str, Any]:
        return {"steps": 8, "batch_size": 12, "context_length": 128, "lr": 0.05, "muon_lr": 0.05, "decay": 0.5}

    def rows_too_short() -> dict[str, Any]:
        return {"batch_size": 12, "context_length": 32, "lr": 0.05, "muon_lr": 0.05, "decay": 0.5}

    def budget_left() -> dict[str, Any]:
        return {"steps": 16, "lr": 0.02, "decay": 0.5}

    def long_warmup() -> dict[str, Any]:
        return {**LONG_ROWS, "lr": 0.02, "warmup": 0.9}

    def weight_decay_too_high() -> dict[str, Any]:
        return {**LONG_ROWS, "lr": 0.05, "muon_lr": 0.05, "decay": 0.5, "weight_decay": 5.0}

    def no_cool_down() -> dict[str, Any]:
        return {**LONG_ROWS, "lr": 0.07}

    def not_enough() -> dict[str, Any]:
        return {**LONG_ROWS, "lr": 0.015, "decay": 1.0}
