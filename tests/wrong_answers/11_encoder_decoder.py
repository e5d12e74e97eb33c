"""Wrong answers to the exercises of lesson 11, named after the diagnosis that they must get, and a second right one."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention
from torch.nn.utils.rnn import pad_sequence


def rectangle(rows: list[list[int]], filling: int) -> Tensor:
    return pad_sequence([torch.tensor(row, dtype=torch.long) for row in rows], batch_first=True, padding_value=filling)


def begun(targets: list[list[int]], end: int, filling: int | None = None) -> Tensor:
    return rectangle([[end, *target] for target in targets], end if filling is None else filling)


def ended(targets: list[list[int]], end: int, filling: int = -100) -> Tensor:
    return rectangle([[*target, end] for target in targets], filling)


class Exercise1101:
    def right(targets: list[list[int]], end: int) -> tuple[Tensor, Tensor]:
        """With torch's own filling."""
        return begun(targets, end), ended(targets, end)

    def exchanged(targets: list[list[int]], end: int) -> tuple[Tensor, Tensor]:
        return ended(targets, end), begun(targets, end)

    def not_shifted(targets: list[list[int]], end: int) -> tuple[Tensor, Tensor]:
        return ended(targets, end, end), ended(targets, end)

    def input_filled_with_ignore(targets: list[list[int]], end: int) -> tuple[Tensor, Tensor]:
        return begun(targets, end, -100), ended(targets, end)

    def inputs_end_as_well(targets: list[list[int]], end: int) -> tuple[Tensor, Tensor]:
        return rectangle([[end, *target, end] for target in targets], end), ended(targets, end)

    def label_filled_with_end(targets: list[list[int]], end: int) -> tuple[Tensor, Tensor]:
        return begun(targets, end), ended(targets, end, end)

    def labels_are_inputs(targets: list[list[int]], end: int) -> tuple[Tensor, Tensor]:
        return begun(targets, end), begun(targets, end)

    def end_behind_the_filling(targets: list[list[int]], end: int) -> tuple[Tensor, Tensor]:
        words = rectangle(targets, -100)
        return begun(targets, end), torch.cat([words, torch.full((len(targets), 1), end)], 1)

    def no_end(targets: list[list[int]], end: int) -> tuple[Tensor, Tensor]:
        return begun(targets, end), rectangle(targets, -100)

    def sentences_in_columns(targets: list[list[int]], end: int) -> tuple[Tensor, Tensor]:
        return begun(targets, end).T, ended(targets, end).T

    def not_a_pair(targets: list[list[int]], end: int) -> Tensor:
        return begun(targets, end)[:1]

    def last_word_unread(targets: list[list[int]], end: int) -> tuple[Tensor, Tensor]:
        return begun(targets, end)[:, :-1], rectangle(targets, -100)

    def filled_on_the_left(targets: list[list[int]], end: int) -> tuple[Tensor, Tensor]:
        rows = [torch.tensor([end, *target]) for target in targets]
        left = pad_sequence(rows, batch_first=True, padding_value=end, padding_side="left")
        return left, ended(targets, end)

    def label_filled_on_the_left(targets: list[list[int]], end: int) -> tuple[Tensor, Tensor]:
        rows = [torch.tensor([*target, end]) for target in targets]
        left = pad_sequence(rows, batch_first=True, padding_value=-100, padding_side="left")
        return begun(targets, end), left

    def input_filled_with_zero(targets: list[list[int]], end: int) -> tuple[Tensor, Tensor]:
        return begun(targets, end, 0), ended(targets, end)

    def begins_with_zero(targets: list[list[int]], end: int) -> tuple[Tensor, Tensor]:
        return rectangle([[0, *target] for target in targets], 0), ended(targets, end)

    def label_filled_with_zero(targets: list[list[int]], end: int) -> tuple[Tensor, Tensor]:
        return begun(targets, end), ended(targets, end, 0)

    def shifted_twice(targets: list[list[int]], end: int) -> tuple[Tensor, Tensor]:
        labels = ended(targets, end)
        return begun(targets, end), torch.cat([labels[:, 1:], torch.full_like(labels[:, :1], -100)], 1)


def attend(
    x: Tensor,
    source: Tensor,
    lengths: Tensor,
    w_q: Tensor,
    w_k: Tensor,
    w_v: Tensor,
    mask: Callable[[Tensor, Tensor], Tensor] = lambda places, lengths: places < lengths,
    scale: float | None = None,
    values: Tensor | None = None,
) -> Tensor:
    """Heads on an axis of their own, with any part replaced: B H T K."""
    real = mask(torch.arange(source.shape[1]), lengths[:, None])[:, None, None]
    v = source[:, None] @ w_v if values is None else values
    return scaled_dot_product_attention(x[:, None] @ w_q, source[:, None] @ w_k, v, attn_mask=real, scale=scale)


def join(heads: Tensor) -> Tensor:
    return heads.transpose(1, 2).flatten(2)


def parts(
    x: Tensor, source: Tensor, lengths: Tensor, w_q: Tensor, w_k: Tensor, w_v: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Scores B H T S, the mask B 1 1 S of real words, values B H S K."""
    real = torch.arange(source.shape[1]) < lengths[:, None]
    scores = (x[:, None] @ w_q) @ (source[:, None] @ w_k).mT / w_q.shape[-1] ** 0.5
    return scores, real[:, None, None], source[:, None] @ w_v


class Exercise1102:
    def right(x: Tensor, source: Tensor, lengths: Tensor, w_q: Tensor, w_k: Tensor, w_v: Tensor) -> Tensor:
        """Sentence by sentence and head by head, without a mask."""
        rows = []
        for each, other, length in zip(x, source, lengths.tolist(), strict=True):
            words = other[:length]
            heads = [
                ((each @ q) @ (words @ k).T / q.shape[1] ** 0.5).softmax(-1) @ (words @ v)
                for q, k, v in zip(w_q, w_k, w_v, strict=True)
            ]
            rows.append(torch.cat(heads, dim=-1))
        return torch.stack(rows)

    def filling_seen(*inputs: Tensor) -> Tensor:
        return join(attend(*inputs, mask=lambda places, lengths: places < lengths + 99))

    def one_filling_seen(*inputs: Tensor) -> Tensor:
        return join(attend(*inputs, mask=lambda places, lengths: places <= lengths))

    def filling_on_the_left(*inputs: Tensor) -> Tensor:
        return join(attend(*inputs, mask=lambda places, lengths: places >= len(places) - lengths))

    def one_length_for_all(*inputs: Tensor) -> Tensor:
        return join(attend(*inputs, mask=lambda places, lengths: places < lengths[:1].expand_as(lengths)))

    def looks_at_itself(x: Tensor, source: Tensor, lengths: Tensor, w_q: Tensor, w_k: Tensor, w_v: Tensor) -> Tensor:
        return join(attend(x, x, lengths, w_q, w_k, w_v))

    def roles_exchanged(x: Tensor, source: Tensor, lengths: Tensor, w_q: Tensor, w_k: Tensor, w_v: Tensor) -> Tensor:
        return join(attend(source, x, lengths, w_q, w_k, w_v))

    def values_are_keys(x: Tensor, source: Tensor, lengths: Tensor, w_q: Tensor, w_k: Tensor, w_v: Tensor) -> Tensor:
        return join(attend(x, source, lengths, w_q, w_k, w_k))

    def not_scaled(*inputs: Tensor) -> Tensor:
        return join(attend(*inputs, scale=1.0))

    def heads_not_transposed(*inputs: Tensor) -> Tensor:
        heads = attend(*inputs)
        return heads.reshape(len(heads), heads.shape[2], -1)

    def heads_interleaved(*inputs: Tensor) -> Tensor:
        return attend(*inputs).permute(0, 2, 3, 1).flatten(2)

    def heads_apart(*inputs: Tensor) -> Tensor:
        return attend(*inputs)

    def causal(*inputs: Tensor) -> Tensor:
        x, source, lengths, w_q, w_k, w_v = inputs
        real = (torch.arange(source.shape[1]) < lengths[:, None])[:, None, None]
        mask = real & torch.ones(x.shape[1], source.shape[1], dtype=torch.bool).tril()
        return join(
            scaled_dot_product_attention(x[:, None] @ w_q, source[:, None] @ w_k, source[:, None] @ w_v, attn_mask=mask)
        )

    def filling_matters(*inputs: Tensor) -> Tensor:
        scores, real, v = parts(*inputs)
        return join((scores - 1000.0 * ~real).softmax(-1) @ v)

    def nan(*inputs: Tensor) -> Tensor:
        scores, real, v = parts(*inputs)
        return join((scores + (~real).float() * -torch.inf).softmax(-1) @ v)

    def inverted(*inputs: Tensor) -> Tensor:
        scores, real, v = parts(*inputs)
        return join(scores.masked_fill(real, -torch.inf).softmax(-1) @ v)

    def mask_after_softmax(*inputs: Tensor) -> Tensor:
        scores, real, v = parts(*inputs)
        return join(scores.softmax(-1).masked_fill(~real, 0.0) @ v)

    def zero_as_score(*inputs: Tensor) -> Tensor:
        scores, real, v = parts(*inputs)
        return join(scores.masked_fill(~real, 0.0).softmax(-1) @ v)

    def last_word_hidden(*inputs: Tensor) -> Tensor:
        return join(attend(*inputs, mask=lambda places, lengths: places < lengths - 1))

    def hides_queries(*inputs: Tensor) -> Tensor:
        scores, _, v = parts(*inputs)
        real = torch.arange(scores.shape[2]) < inputs[2][:, None]
        return join(scores.masked_fill(~real[:, None, :, None], -torch.inf).softmax(-1) @ v)

    def source_only(x: Tensor, source: Tensor, lengths: Tensor, w_q: Tensor, w_k: Tensor, w_v: Tensor) -> Tensor:
        return join(attend(source, source, lengths, w_q, w_k, w_v))

    def values_of_the_target(x: Tensor, source: Tensor, lengths: Tensor, *matrices: Tensor) -> Tensor:
        return join(attend(x, source, lengths, *matrices, values=x[:, None] @ matrices[2]))

    def keys_of_the_target(x: Tensor, source: Tensor, lengths: Tensor, *matrices: Tensor) -> Tensor:
        return join(attend(x, x, lengths, *matrices, values=source[:, None] @ matrices[2]))

    def divided_by_width(*inputs: Tensor) -> Tensor:
        return join(attend(*inputs, scale=1 / inputs[3].shape[-1]))

    def scaled_by_model_width(*inputs: Tensor) -> Tensor:
        return join(attend(*inputs, scale=inputs[0].shape[-1] ** -0.5))

    def softmax_over_queries(*inputs: Tensor) -> Tensor:
        scores, real, v = parts(*inputs)
        return join(scores.masked_fill(~real, -torch.inf).softmax(-2) @ v)

    def softmax_over_heads(*inputs: Tensor) -> Tensor:
        scores, real, v = parts(*inputs)
        return join(scores.masked_fill(~real, -torch.inf).softmax(1) @ v)

    def heads_mixed_up(*inputs: Tensor) -> Tensor:
        return attend(*inputs).sum(1)

    def weights_not_output(*inputs: Tensor) -> Tensor:
        scores, real, _ = parts(*inputs)
        return scores.masked_fill(~real, -torch.inf).softmax(-1)

    def plain_mean(*inputs: Tensor) -> Tensor:
        scores, real, v = parts(*inputs)
        return join(torch.zeros_like(scores).masked_fill(~real, -torch.inf).softmax(-1) @ v)


Scores = Callable[[list[int]], Tensor]


class Exercise1103:
    def right(next_scores: Scores, end: int, n_most: int) -> Tensor:
        """One growing list, as a tensor, cut at the end."""
        tokens = [end]
        while len(tokens) <= n_most:
            tokens.append(next_scores(tokens).softmax(-1).argmax().item())
            if tokens[-1] == end:
                return torch.tensor(tokens[1:-1], dtype=torch.long)
        return torch.tensor(tokens[1:])

    def end_included(next_scores: Scores, end: int, n_most: int) -> list[int]:
        words: list[int] = []
        while len(words) < n_most and words[-1:] != [end]:
            words.append(int(next_scores([end, *words]).argmax()))
        return words

    def beginning_included(next_scores: Scores, end: int, n_most: int) -> list[int]:
        return [end, *Exercise1103.right(next_scores, end, n_most).tolist()]

    def never_begins(next_scores: Scores, end: int, n_most: int) -> list[int]:
        tokens = [end]
        while end not in tokens:
            tokens.append(int(next_scores(tokens).argmax()))
        return tokens[1:]

    def goes_on_after_the_end(next_scores: Scores, end: int, n_most: int) -> list[int]:
        words: list[int] = []
        for _ in range(n_most):
            words.append(int(next_scores([end, *words]).argmax()))
        return words

    def end_skipped(next_scores: Scores, end: int, n_most: int) -> list[int]:
        return [word for word in Exercise1103.goes_on_after_the_end(next_scores, end, n_most) if word != end]

    def goes_on_for_ever(next_scores: Scores, end: int, n_most: int) -> list[int]:
        words: list[int] = []
        while True:
            token = int(next_scores([end, *words]).argmax())
            if token == end:
                return words
            words.append(token)

    def stops_too_early(next_scores: Scores, end: int, n_most: int) -> list[int]:
        return Exercise1103.right(next_scores, end, n_most - 1).tolist()

    def always_asks_the_same(next_scores: Scores, end: int, n_most: int) -> list[int]:
        return Exercise1103.right(lambda tokens: next_scores([end]), end, n_most).tolist()

    def only_the_last_token(next_scores: Scores, end: int, n_most: int) -> list[int]:
        return Exercise1103.right(lambda tokens: next_scores(tokens[-1:]), end, n_most).tolist()

    def beginning_forgotten(next_scores: Scores, end: int, n_most: int) -> list[int]:
        return Exercise1103.right(lambda tokens: next_scores(tokens[1:]), end, n_most).tolist()

    def least_likely(next_scores: Scores, end: int, n_most: int) -> list[int]:
        return Exercise1103.right(lambda tokens: -next_scores(tokens), end, n_most).tolist()

    def absolute_value(next_scores: Scores, end: int, n_most: int) -> list[int]:
        return Exercise1103.right(lambda tokens: next_scores(tokens).abs() * 10, end, n_most).tolist()

    def last_word_lost(next_scores: Scores, end: int, n_most: int) -> list[int]:
        return Exercise1103.right(next_scores, end, n_most).tolist()[:-1]

    def one_too_many(next_scores: Scores, end: int, n_most: int) -> list[int]:
        return Exercise1103.right(next_scores, end, n_most + 1).tolist()

    def order_reversed(next_scores: Scores, end: int, n_most: int) -> list[int]:
        return Exercise1103.right(lambda tokens: next_scores(tokens[:0:-1] + tokens[:1]), end, n_most).tolist()

    def end_is_zero(next_scores: Scores, end: int, n_most: int) -> list[int]:
        words: list[int] = []
        while len(words) < n_most:
            token = int(next_scores([end, *words]).argmax())
            if token == 0:
                break
            words.append(token)
        return words

    def not_whole(next_scores: Scores, end: int, n_most: int) -> list[float]:
        words = Exercise1103.right(next_scores, end, n_most).tolist()
        return [float(next_scores([end, *words[:n]]).max()) + 0.123 for n in range(len(words))]

    def reading_past_the_end(next_scores: Scores, end: int, n_most: int) -> list[int]:
        words = Exercise1103.right(next_scores, end, n_most).tolist()
        return words + [end] * (n_most - len(words))


Renders = list[list[int | None]]


def looked(maps: list[Tensor], renders: Renders, row: int = 0) -> list[tuple[int, int | None]]:
    """For each word: where it looks most, and what it renders."""
    return [
        (int(weights.mean(0)[t + row].argmax()), place)
        for weights, places in zip(maps, renders, strict=True)
        for t, place in enumerate(places)
    ]


def share(pairs: list[tuple[int, int | None]]) -> float:
    return sum(most == place for most, place in pairs) / len(pairs)


class Exercise1104:
    def right(maps: list[Tensor], renders: Renders) -> Tensor:
        """Sums over the heads, and a mean of truths."""
        hits = [
            weights.sum(0)[t].argmax() == place
            for weights, places in zip(maps, renders, strict=True)
            for t, place in enumerate(places)
            if place is not None
        ]
        return torch.stack(hits).float().mean()

    def first_place_left_out(maps: list[Tensor], renders: Renders) -> float:
        return share([pair for pair in looked(maps, renders) if pair[1]])

    def none_counted(maps: list[Tensor], renders: Renders) -> float:
        return share(looked(maps, renders))

    def row_too_far(maps: list[Tensor], renders: Renders) -> float:
        return share([pair for pair in looked(maps, renders, 1) if pair[1] is not None])

    def mean_of_sentences(maps: list[Tensor], renders: Renders) -> float:
        pairs = [pair for pair in zip(maps, renders, strict=True) if set(pair[1]) != {None}]
        each = [Exercise1104.right([weights], [places]).item() for weights, places in pairs]
        return sum(each) / len(each)

    def one_head(maps: list[Tensor], renders: Renders) -> float:
        return Exercise1104.right([weights[:1] for weights in maps], renders).item()

    def loudest_head(maps: list[Tensor], renders: Renders) -> float:
        return Exercise1104.right([weights.amax(0, keepdim=True) for weights in maps], renders).item()

    def percent(maps: list[Tensor], renders: Renders) -> float:
        return 100 * Exercise1104.right(maps, renders).item()

    def misses(maps: list[Tensor], renders: Renders) -> float:
        return 1 - Exercise1104.right(maps, renders).item()

    def none_is_a_hit(maps: list[Tensor], renders: Renders) -> float:
        pairs = looked(maps, renders)
        return sum(place is None or most == place for most, place in pairs) / len(pairs)

    def end_counted(maps: list[Tensor], renders: Renders) -> float:
        pairs = [pair for pair in looked(maps, renders) if pair[1] is not None]
        return share(pairs) * len(pairs) / (len(pairs) + len(maps))

    def heads_apart(maps: list[Tensor], renders: Renders) -> float:
        each = [
            Exercise1104.right([weights[head : head + 1] for weights in maps], renders).item()
            for head in range(len(maps[0]))
        ]
        return sum(each) / len(each)

    def row_too_early(maps: list[Tensor], renders: Renders) -> float:
        return share([pair for pair in looked(maps, renders, -1) if pair[1] is not None])

    def any_head(maps: list[Tensor], renders: Renders) -> float:
        hits = [
            bool((weights[:, t].argmax(-1) == place).any())
            for weights, places in zip(maps, renders, strict=True)
            for t, place in enumerate(places)
            if place is not None
        ]
        return sum(hits) / len(hits)

    def hits_not_share(maps: list[Tensor], renders: Renders) -> int:
        return sum(most == place for most, place in looked(maps, renders))

    def mean_weight(maps: list[Tensor], renders: Renders) -> Tensor:
        weights = [
            each.mean(0)[t, place]
            for each, places in zip(maps, renders, strict=True)
            for t, place in enumerate(places)
            if place is not None
        ]
        return torch.stack(weights).mean()

    def looks_least(maps: list[Tensor], renders: Renders) -> float:
        return Exercise1104.right([-weights for weights in maps], renders).item()


def search(log_probs: Scores, end: int, n_most: int, width: int, mode: str = "") -> list[int]:
    """Beam search by tensors of candidates; `mode` names what goes wrong."""
    beams: list[tuple[float, list[int]]] = [(0.0, [end])]
    aside: list[tuple[float, list[int]]] = []
    for _ in range(n_most):
        grown: list[tuple[float, list[int]]] = []
        for score, tokens in beams:
            if len(tokens) > 1 and end in tokens[1:] and mode != "go on":
                if mode != "drop":
                    price = float(log_probs([end, *tokens[1:]])[end]) if mode == "pay" else 0.0
                    grown.append((score + price, tokens))
                continue
            following = log_probs(tokens[1:] if mode == "forgotten" else tokens)
            total = following if mode == "newest" else score + (following.exp() if mode == "added" else following)
            children = [(float(each), [*tokens, token]) for token, each in enumerate(total)]
            grown += [max(children)] if mode == "one child" and len(tokens) > 1 else children
        if not grown:
            break
        grown.sort(key=lambda beam: beam[0] if mode == "least" else -beam[0])
        beams = grown[:width]
        if mode == "aside":
            aside += [beam for beam in beams if beam[1][-1] == end]
            beams = [beam for beam in grown if beam[1][-1] != end][:width]
        if mode == "first" and any(end in tokens[1:] for _, tokens in beams):
            beams = [beam for beam in beams if end in beam[1][1:]]
            break
        if not mode and beams[0][1][-1] == end:
            break  # nothing can overtake it any more
    beams = sorted(beams + aside, key=lambda beam: -beam[0]) if mode == "aside" else beams
    if mode == "divided":
        beams.sort(key=lambda beam: -beam[0] / (len(beam[1]) - 1))
    if mode == "only ended":
        beams = [beam for beam in beams if end in beam[1][1:]] or beams
    words = beams[0][1][1:]
    return words[: words.index(end)] if end in words else words


class Exercise1105:
    def right(next_log_probs: Scores, end: int, n_most: int, width: int) -> list[int]:
        """Stops as soon as the best beam has ended."""
        return search(next_log_probs, end, n_most, width)

    def greedy(next_log_probs: Scores, end: int, n_most: int, width: int) -> list[int]:
        return search(next_log_probs, end, n_most, 1)

    def end_included(next_log_probs: Scores, end: int, n_most: int, width: int) -> list[int]:
        return [*search(next_log_probs, end, n_most, width), end]

    def beginning_included(next_log_probs: Scores, end: int, n_most: int, width: int) -> list[int]:
        return [end, *search(next_log_probs, end, n_most, width)]

    def ended_beams_go_on(next_log_probs: Scores, end: int, n_most: int, width: int) -> list[int]:
        return search(next_log_probs, end, n_most, width, "go on")

    def end_paid_again(next_log_probs: Scores, end: int, n_most: int, width: int) -> list[int]:
        return search(next_log_probs, end, n_most, width, "pay")

    def ended_beams_dropped(next_log_probs: Scores, end: int, n_most: int, width: int) -> list[int]:
        return search(next_log_probs, end, n_most, width, "drop")

    def stops_at_the_first_end(next_log_probs: Scores, end: int, n_most: int, width: int) -> list[int]:
        return search(next_log_probs, end, n_most, width, "first")

    def divided_by_length(next_log_probs: Scores, end: int, n_most: int, width: int) -> list[int]:
        return search(next_log_probs, end, n_most, width, "divided")

    def only_ended_win(next_log_probs: Scores, end: int, n_most: int, width: int) -> list[int]:
        return search(next_log_probs, end, n_most, width, "only ended")

    def forgets_the_earlier_score(next_log_probs: Scores, end: int, n_most: int, width: int) -> list[int]:
        return search(next_log_probs, end, n_most, width, "newest")

    def adds_probabilities(next_log_probs: Scores, end: int, n_most: int, width: int) -> list[int]:
        return search(next_log_probs, end, n_most, width, "added")

    def beginning_forgotten(next_log_probs: Scores, end: int, n_most: int, width: int) -> list[int]:
        return search(next_log_probs, end, n_most, width, "forgotten")

    def least_likely(next_log_probs: Scores, end: int, n_most: int, width: int) -> list[int]:
        return search(next_log_probs, end, n_most, width, "least")

    def one_child_each(next_log_probs: Scores, end: int, n_most: int, width: int) -> list[int]:
        return search(next_log_probs, end, n_most, width, "one child")

    def goes_on_for_ever(next_log_probs: Scores, end: int, n_most: int, width: int) -> list[int]:
        return search(next_log_probs, end, n_most, 10**6, "never cut")

    def ended_set_aside(next_log_probs: Scores, end: int, n_most: int, width: int) -> list[int]:
        return search(next_log_probs, end, n_most, width, "aside")


def said(**others: object) -> dict[str, object]:
    right = {
        "cross_scores": 42,
        "decoder_runs": 6,
        "encoder_runs": 1,
        "target_changed": 3,
        "source_changed": 6,
        "right": "B",
        "not_shifted": "A",
        "not_causal": "C",
        "filling_seen": "D",
        "no_cross": "E",
    }
    return right | others


class Exercise1106:
    def right() -> dict[str, object]:
        """Numbers of another kind, small letters."""
        return said(cross_scores=torch.tensor(42.0), right=" b ")

    def end_token_forgotten() -> dict[str, object]:
        return said(cross_scores=35)

    def self_attention() -> dict[str, object]:
        return said(cross_scores=36)

    def encoder_attention() -> dict[str, object]:
        return said(cross_scores=49)

    def added() -> dict[str, object]:
        return said(cross_scores=13)

    def as_in_training() -> dict[str, object]:
        return said(decoder_runs=1)

    def itself_left_out() -> dict[str, object]:
        return said(target_changed=2)

    def one_word_one_forecast() -> dict[str, object]:
        return said(source_changed=1)

    def end_not_asked() -> dict[str, object]:
        return said(decoder_runs=5)

    def source_read_each_time() -> dict[str, object]:
        return said(encoder_runs=6)

    def no_causal_mask() -> dict[str, object]:
        return said(target_changed=6)

    def causal_cross_attention() -> dict[str, object]:
        return said(source_changed=3)

    def no_letter() -> dict[str, object]:
        return said(right=2)

    def right_mistaken() -> dict[str, object]:
        return said(right="D")

    def not_shifted_mistaken() -> dict[str, object]:
        return said(not_shifted="C", not_causal="A")

    def no_cross_mistaken() -> dict[str, object]:
        return said(no_cross="A")

    def masked_self_attention() -> dict[str, object]:
        return said(cross_scores=21)

    def both_together() -> dict[str, object]:
        return said(cross_scores=169)

    def one_run_too_many() -> dict[str, object]:
        return said(decoder_runs=7)

    def word_by_word() -> dict[str, object]:
        return said(encoder_runs=7)

    def never_read() -> dict[str, object]:
        return said(encoder_runs=0)

    def counted_from_one() -> dict[str, object]:
        return said(target_changed=4)

    def only_its_own() -> dict[str, object]:
        return said(target_changed=1)

    def end_left_out() -> dict[str, object]:
        return said(source_changed=5)

    def source_counted() -> dict[str, object]:
        return said(source_changed=7)

    def not_causal_mistaken() -> dict[str, object]:
        return said(not_causal="A")

    def filling_seen_mistaken() -> dict[str, object]:
        return said(filling_seen="B")
