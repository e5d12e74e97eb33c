"""Text from a model: predict the next token, choose one, append it, repeat.

Shapes: B rows written at once, T tokens of the prompt, S tokens so far, V vocabulary.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from course_lib.config import Config
from course_lib.errors import CourseError
from course_lib.model import GPT, Given, KVCache
from course_lib.runtime import in_mode
from course_lib.text import Tokenizer


@dataclass(frozen=True)
class Sampling(Config):
    """How the next token is chosen from the scores: each setting in turn, in this order, then a draw."""

    repetition_penalty: float = 1.0
    """Above 1, tokens that occurred already become less likely."""
    temperature: float = 1.0
    """The scores are divided by it: below 1 the likely gets likelier, 0 always takes the likeliest."""
    top_k: int | None = None
    """Choose among the k likeliest tokens only."""
    top_p: float | None = None
    """Choose among the likeliest tokens that together have this probability."""
    min_p: float | None = None
    """Choose among the tokens with at least this share of the likeliest one's probability."""

    def __post_init__(self) -> None:
        if not self.repetition_penalty >= 1:
            raise CourseError(f"repetition_penalty is {self.repetition_penalty}; it must be 1 (none) or more.")
        if not self.temperature >= 0:
            raise CourseError(f"temperature is {self.temperature}; it must be 0 (always the likeliest) or more.")
        if self.top_k is not None and self.top_k < 1:
            raise CourseError(f"top_k is {self.top_k}; it counts the tokens to choose among, so it must be at least 1.")
        for name in ("top_p", "min_p"):
            share = getattr(self, name)
            if share is not None and not 0 < share <= 1:
                raise CourseError(f"{name} is {share}; it is a probability, more than 0 and at most 1.")


def penalize_repetition(
    logits: Float[Tensor, "B V"], history: Int[Tensor, "B S"], penalty: float
) -> Float[Tensor, "B V"]:
    """Make the tokens of `history` less likely: their scores are divided by `penalty`, or multiplied if negative.

    Source: Keskar et al. 2019, "CTRL", section 4.1; for negative scores as everyone does it since.
    """
    seen = logits.gather(-1, history)
    return logits.scatter(-1, history, torch.where(seen > 0, seen / penalty, seen * penalty))


def keep_top_k(logits: Float[Tensor, "B V"], k: int) -> Float[Tensor, "B V"]:
    """Leave the k highest scores, exactly k of them (the lower id of equals), and rule the rest out (-inf).

    Source: Fan et al. 2018, "Hierarchical Neural Story Generation".
    """
    values, ids = logits.sort(dim=-1, descending=True, stable=True)
    return torch.full_like(logits, -torch.inf).scatter(-1, ids[..., :k], values[..., :k])


def keep_top_p(logits: Float[Tensor, "B V"], p: float) -> Float[Tensor, "B V"]:
    """Leave the smallest set of most probable tokens that holds at least probability p; rule the rest out (-inf).

    Source: Holtzman et al. 2020, "The Curious Case of Neural Text Degeneration" (nucleus sampling).
    """
    values, ids = logits.sort(dim=-1, descending=True, stable=True)
    probabilities = values.softmax(dim=-1)
    before = probabilities.cumsum(dim=-1) - probabilities  # probability of all that rank higher
    values = values.masked_fill(before >= p, -torch.inf)
    return torch.full_like(logits, -torch.inf).scatter(-1, ids, values)


def keep_min_p(logits: Float[Tensor, "B V"], p: float) -> Float[Tensor, "B V"]:
    """Leave the tokens that have at least p times the probability of the likeliest; rule the rest out (-inf).

    Source: Nguyen et al. 2024, "Turning Up the Heat: Min-p Sampling for Creative and Coherent LLM Outputs".
    """
    least = logits.amax(dim=-1, keepdim=True) + math.log(p)
    return logits.masked_fill(logits < least, -torch.inf)


def choose(
    logits: Float[Tensor, "B V"],
    sampling: Sampling = Sampling(),
    *,
    history: Int[Tensor, "B S"] | None = None,
    generator: torch.Generator | None = None,
) -> Int[Tensor, " B"]:
    """One token for each row.

    Args:
        logits: scores of the next token.
        sampling: how to choose.
        history: the tokens so far, for a repetition penalty.
        generator: source of random numbers, on the device of `logits`; None takes torch's global one.
    """
    if sampling.repetition_penalty != 1 and history is not None:
        logits = penalize_repetition(logits, history, sampling.repetition_penalty)
    if sampling.temperature == 0:
        return logits.argmax(dim=-1)
    logits = (logits - logits.amax(dim=-1, keepdim=True)) / sampling.temperature  # shifted, so that nothing overflows
    if sampling.top_k is not None:
        logits = keep_top_k(logits, sampling.top_k)
    if sampling.top_p is not None:
        logits = keep_top_p(logits, sampling.top_p)
    if sampling.min_p is not None:
        logits = keep_min_p(logits, sampling.min_p)
    return torch.multinomial(logits.softmax(dim=-1), 1, generator=generator)[:, 0]


def generate(
    model: GPT | Given,
    prompts: Int[Tensor, "B T"] | Sequence[Sequence[int]],
    n_tokens: int,
    sampling: Sampling = Sampling(),
    *,
    end_id: int | None = None,
    generator: torch.Generator | None = None,
) -> Iterator[Int[Tensor, " B"]]:
    """Continue every prompt, yielding one column of token ids at a time as it is chosen.

    When the context is full, the model starts afresh from the newest half of it and reads on from there: each token is
    predicted from at least half a context, and reading that half again costs one token's work for each token gained.

    Args:
        model: on any device.
        prompts: what was said so far, at least one token each: a tensor, or lists of unequal length. Each is continued
            as if it were alone.
        n_tokens: how many columns to yield; fewer if every row has ended.
        sampling: how each token is chosen.
        end_id: a row that chose this token has ended, and repeats it from then on.
        generator: source of random numbers, on the model's device; None takes torch's global one.

    Raises:
        CourseError: an empty prompt, or a negative number of tokens.
    """
    if not len(prompts) or min(map(len, prompts)) == 0:
        raise CourseError("The prompt holds no token, and a model continues from at least one. Write something first.")
    if n_tokens < 0:
        raise CourseError(f"The number of tokens to generate is {n_tokens}; it must not be negative.")
    context_length = model.config.context_length
    ids, padding = _side_by_side(prompts, next(model.parameters()).device)
    ended = torch.zeros(len(ids), dtype=torch.bool, device=ids.device)

    def columns() -> Iterator[Int[Tensor, " B"]]:
        history, unread, cache = ids, *_fresh_start(model, ids, padding, context_length)
        for _ in range(n_tokens):
            if cache.position + unread.shape[1] > context_length:
                unread, cache = _fresh_start(model, history, padding, max(1, context_length // 2))
            chosen = choose(_next_scores(model, unread, cache), sampling, history=history, generator=generator)
            if end_id is not None:
                chosen[ended] = end_id
                ended.logical_or_(chosen == end_id)
            yield chosen
            if end_id is not None and ended.all():
                return
            unread = chosen[:, None]
            history = torch.cat((history, unread), dim=1)

    # Not a generator itself: so a wrong setting is refused here and now, not when the first token is asked for.
    return columns()


def _next_scores(model: GPT | Given, unread: Int[Tensor, "B T"], cache: KVCache) -> Float[Tensor, "B V"]:
    """The scores of what comes next, once `unread` has been read into `cache`."""
    with torch.inference_mode(), in_mode(model, training=False):
        return model(unread, cache=cache)[:, -1]


def _side_by_side(
    prompts: Int[Tensor, "B T"] | Sequence[Sequence[int]], device: torch.device
) -> tuple[Int[Tensor, "B T"], Int[Tensor, " B"]]:
    """Prompts of any lengths as one tensor, so that all end in the last column, and how much padding each one has.

    The padding repeats a prompt's first token: so it adds nothing to what occurred already.
    """
    rows = prompts.tolist() if isinstance(prompts, Tensor) else prompts
    longest = max(map(len, rows))
    missing = [longest - len(row) for row in rows]
    padded = [[row[0]] * n + list(row) for row, n in zip(rows, missing, strict=True)]
    return torch.tensor(padded, device=device), torch.tensor(missing, device=device)


def _fresh_start(
    model: GPT | Given, history: Int[Tensor, "B S"], padding: Int[Tensor, " B"], n_tokens: int
) -> tuple[Int[Tensor, "B T"], KVCache]:
    """The newest `n_tokens` of `history`, to be read into an empty cache."""
    unread = history[:, -n_tokens:]
    left = (padding - (history.shape[1] - unread.shape[1])).clamp(min=0)
    return unread, model.new_cache(left if left.any() else None)


def stream_text(
    ids: Iterable[int | Tensor], tokenizer: Tokenizer, *, prompt: Sequence[int] = (), stop: Sequence[str] = ()
) -> Iterator[str]:
    """The text that tokens stand for, piece by piece, as early as it is certain.

    A piece waits while it ends in half a character, of those that are several bytes, or in what may be the beginning of
    a stop string.

    Args:
        ids: tokens as they come, one at a time, such as the columns of `generate` for one prompt.
        tokenizer: made them.
        prompt: the tokens before them, whose text is not repeated.
        stop: once one of these strings is complete, the text ends before it, wherever the borders between tokens are.

    Raises:
        CourseError: an empty stop string.
    """
    if "" in stop:
        raise CourseError("A stop string is empty, and would stop every text before it begins. Leave it out.")

    def pieces() -> Iterator[str]:
        read = list(prompt)
        text = tokenizer.decode(read)
        begin = shown = len(text)
        for id in ids:
            read.append(int(id))
            text = tokenizer.decode(read)
            if ends := [place for each in stop if (place := text.find(each, begin)) >= 0]:
                text = text[: min(ends)]
                break
            certain = len(text) - _uncertain(text[begin:], stop)
            if certain > shown:
                yield text[shown:certain]
                shown = certain
        if text[shown:]:
            yield text[shown:]

    return pieces()


def _uncertain(text: str, stop: Sequence[str]) -> int:
    """How many characters at the end of `text` may still change or turn out to be the beginning of a stop string."""
    begun = [n for each in stop for n in range(1, len(each)) if text.endswith(each[:n])]
    half_a_character = len(text) - len(text.rstrip("\ufffd"))
    return max([half_a_character, *begun])


class Beam(NamedTuple):
    """One continuation: its token ids, and its log-probability in nats."""

    ids: list[int]
    log_prob: float


def beam_search(
    model: GPT | Given, prompt: Sequence[int], n_tokens: int, width: int, *, end_id: int | None = None
) -> list[Beam]:
    """Look for the most probable continuation: after every token, go on with the `width` likeliest beginnings only.

    Args:
        model: on any device.
        prompt: token ids to continue, at least one; together with the continuation they must fit into the context.
        n_tokens: how many tokens to add.
        width: how many beginnings are kept; 1 is greedy.
        end_id: a continuation ends with this token.

    Returns:
        Up to `width` continuations, the likeliest first.

    Raises:
        CourseError: an empty prompt, a width below 1, or more tokens than the context holds.

    Source: Sutskever et al. 2014, "Sequence to Sequence Learning with Neural Networks", section 3.2.
    """
    if not prompt or width < 1:
        raise CourseError(f"Found {len(prompt)} tokens to continue and a width of {width}; both must be at least 1.")
    if len(prompt) + n_tokens > model.config.context_length:
        raise CourseError(
            f"{len(prompt)} tokens and {n_tokens} more do not fit into a context of {model.config.context_length}. "
            "Ask for fewer."
        )
    device = next(model.parameters()).device
    unread, cache = torch.tensor([list(prompt)], device=device), model.new_cache()
    ids = torch.empty(1, 0, dtype=torch.long, device=device)
    log_probs, ended = torch.zeros(1, device=device), torch.zeros(1, dtype=torch.bool, device=device)
    for _ in range(n_tokens):
        following = _next_scores(model, unread, cache).log_softmax(dim=-1)
        if end_id is not None:  # what has ended goes on in one way only, which costs nothing
            following[ended] = -torch.inf
            following[ended, end_id] = 0.0
        together = (log_probs[:, None] + following).flatten()
        log_probs, places = together.topk(min(width, int(together.isfinite().sum())))
        rows, unread = places // following.shape[1], (places % following.shape[1])[:, None]
        cache.select(rows)
        ids = torch.cat((ids[rows], unread), dim=1)
        ended = ended[rows] | (unread[:, 0] == end_id if end_id is not None else False)
        if ended.all():
            break
    return [
        Beam(row[: row.index(end_id) + 1] if end_id in row else row, log_prob)
        for row, log_prob in zip(ids.tolist(), log_probs.tolist(), strict=True)
    ]
