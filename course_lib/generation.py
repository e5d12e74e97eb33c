"""Text from a model: predict the next token, choose one, append it, repeat.

Shapes: B rows written at once, T tokens of the prompt, V vocabulary.
"""

from collections.abc import Iterator

import torch
from jaxtyping import Float, Int
from torch import Tensor

from course_lib.errors import CourseError
from course_lib.model import GPT
from course_lib.runtime import in_mode


def keep_top_k(logits: Float[Tensor, "B V"], k: int) -> Float[Tensor, "B V"]:
    """Leave the k highest scores, exactly k of them, and rule the rest out (-inf)."""
    values, ids = logits.topk(min(k, logits.shape[-1]), dim=-1)
    return torch.full_like(logits, -torch.inf).scatter(-1, ids, values)


def keep_top_p(logits: Float[Tensor, "B V"], p: float) -> Float[Tensor, "B V"]:
    """Leave the smallest set of most probable tokens that holds at least probability p; rule the rest out (-inf).

    Source: Holtzman et al. 2020, "The Curious Case of Neural Text Degeneration" (nucleus sampling).
    """
    values, ids = logits.sort(dim=-1, descending=True, stable=True)
    probabilities = values.softmax(dim=-1)
    before = probabilities.cumsum(dim=-1) - probabilities  # probability of all that rank higher
    values = values.masked_fill(before >= p, -torch.inf)
    return torch.full_like(logits, -torch.inf).scatter(-1, ids, values)


def choose(
    logits: Float[Tensor, "B V"],
    *,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    generator: torch.Generator | None = None,
) -> Int[Tensor, " B"]:
    """One token for each row: the likeliest at temperature 0, else drawn after temperature, then top-k, then top-p."""
    if temperature == 0:
        return logits.argmax(dim=-1)
    logits = (logits - logits.amax(dim=-1, keepdim=True)) / temperature  # shifted, so that nothing overflows
    if top_k is not None:
        logits = keep_top_k(logits, top_k)
    if top_p is not None:
        logits = keep_top_p(logits, top_p)
    return torch.multinomial(logits.softmax(dim=-1), 1, generator=generator)[:, 0]


def generate(
    model: GPT,
    prompt: Int[Tensor, "B T"],
    n_tokens: int,
    *,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    end_id: int | None = None,
    generator: torch.Generator | None = None,
) -> Iterator[Int[Tensor, " B"]]:
    """Continue every row of `prompt`, yielding one column of token ids at a time as it is chosen.

    When the context is full, the model starts afresh from the newest half of it and reads on from there: each token is
    predicted from at least half a context, and reading that half again costs one token's work for each token gained.

    Args:
        model: on the device where `prompt` is.
        prompt: what was said so far, at least one token a row.
        n_tokens: how many columns to yield; fewer if every row has ended.
        temperature: the scores are divided by it; below 1 the likely gets likelier, 0 always takes the likeliest.
        top_k: choose among the k likeliest tokens only.
        top_p: choose among the likeliest tokens that together hold probability p only.
        end_id: a row that chose this token has ended, and repeats it from then on.
        generator: source of random numbers, on the prompt's device; None takes torch's global one.

    Raises:
        CourseError: a setting out of its range, or an empty prompt.
    """
    if prompt.shape[1] == 0:
        raise CourseError("The prompt holds no token, and a model continues from at least one. Write something first.")
    if n_tokens < 0:
        raise CourseError(f"The number of tokens to generate is {n_tokens}; it must not be negative.")
    if temperature < 0:
        raise CourseError(f"temperature is {temperature}; it must be 0 (always the likeliest) or more.")
    if top_k is not None and top_k < 1:
        raise CourseError(f"top_k is {top_k}; it counts the tokens to choose among, so it must be at least 1.")
    if top_p is not None and not 0 < top_p <= 1:
        raise CourseError(f"top_p is {top_p}; it is a probability, more than 0 and at most 1.")
    context_length = model.config.context_length
    ended = torch.zeros(len(prompt), dtype=torch.bool, device=prompt.device)

    def columns() -> Iterator[Int[Tensor, " B"]]:
        cache, unread, history = model.new_cache(), prompt[:, -context_length:], prompt
        for _ in range(n_tokens):
            if cache.position + unread.shape[1] > context_length:
                cache, unread = model.new_cache(), history[:, -max(1, context_length // 2) :]
            with torch.no_grad(), in_mode(model, training=False):
                logits = model(unread, cache=cache)[:, -1]
            ids = choose(logits, temperature=temperature, top_k=top_k, top_p=top_p, generator=generator)
            if end_id is not None:
                ids[ended] = end_id
                ended.logical_or_(ids == end_id)
            yield ids
            if ended.all():
                return
            unread = ids[:, None]
            history = torch.cat((history[:, -context_length:], unread), dim=1)

    # Not a generator itself: so a wrong setting is refused here and now, not when the first token is asked for.
    return columns()
