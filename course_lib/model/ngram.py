"""Counting as a language model: which tokens followed the last few, and how often.

Shapes: B batch, T tokens, V vocabulary; N places, C contexts, E different continuations of contexts.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from course_lib.errors import CourseError
from course_lib.model.window import preceding


@dataclass(frozen=True)
class _Counts:
    """What followed each context of one length."""

    keys: Int[Tensor, " C"]  # sorted; a context is known by its place here
    starts: Int[Tensor, " D"]  # where each context's continuations begin in the two lists below; D = C + 1
    tokens: Int[Tensor, " E"]
    probabilities: Float[Tensor, " E"]  # what the counts alone give, after the discount
    left: Float[Tensor, " C"]  # what the discount took off: the weight of the forecast from one token less


class NgramModel(nn.Module):
    """Interpolated Kneser-Ney: trust the longest context that was seen, and ask the next shorter one for the rest.

    A context that was counted gives each of its continuations its share, less a discount; all discounts together go to
    the forecast from a context that is one token shorter. The shorter ones do not count how often a token came, but
    after how many *different* tokens: so a word that only ever follows one other is not expected anywhere else.

    Has no trained parameters, and answers like any other model: log-probabilities are logits too.

    Source: Kneser and Ney 1995, "Improved backing-off for m-gram language modeling"; the discount n₁ / (n₁ + 2 n₂) is
    that of Ney, Essen and Kneser 1994; interpolated as in Chen and Goodman 1998, "An Empirical Study of Smoothing
    Techniques for Language Modeling".
    """

    def __init__(self, ids: Int[Tensor, " T"], order: int, vocab_size: int, end_id: int | None = None) -> None:
        """Count.

        Args:
            ids: the text, as token ids.
            order: tokens in an n-gram, the predicted one included (n).
            vocab_size: number of different tokens (V).
            end_id: the token that ends a document; contexts do not reach into the document before. None: one long text.

        Raises:
            CourseError: the order is not positive, the text is shorter than one n-gram, or an id is too large.
        """
        super().__init__()
        if order < 1:
            raise CourseError(f"The order is {order}, but an n-gram has at least 1 token.")
        if len(ids) < max(order, 2):
            raise CourseError(
                f"The text has {len(ids)} tokens, too few to count n-grams of {order}. Use a longer text."
            )
        if int(ids.max()) >= vocab_size:
            raise CourseError(f"Token id {int(ids.max())} is not in a vocabulary of {vocab_size}.")
        self.order = order
        self.vocab_size = vocab_size
        self.end_id = end_id
        shortest, *self._levels = self._count(ids.long())
        unigram = torch.full((vocab_size,), float(shortest.left) / vocab_size)
        unigram[shortest.tokens] += shortest.probabilities
        self.register_buffer("unigram", unigram)
        self.unigram: Tensor

    def _count(self, ids: Int[Tensor, " T"]) -> list[_Counts]:
        """Counts for contexts of 0, 1, ... `order` - 1 tokens."""
        before = preceding(ids[None, :-1], self.order - 1, self.vocab_size, self.end_id)[0]
        following = ids[1:]
        # A context is a number, made of the number of its newer part and the token further left.
        keys, contexts = [torch.zeros(1, dtype=torch.long)], [torch.zeros_like(following)]
        for reach in range(1, self.order):
            longer = contexts[-1] * (self.vocab_size + 1) + before[:, -reach]
            unique, place = longer.unique(return_inverse=True)
            keys.append(unique)
            contexts.append(place)

        pairs, counts = (contexts[-1] * self.vocab_size + following).unique(return_counts=True)
        levels = []
        for reach in reversed(range(self.order)):
            levels.append(self._level(keys[reach], pairs, counts))
            # Below the longest, a pair counts once for each different token that stood to its left.
            shorter = keys[reach][pairs // self.vocab_size] // (self.vocab_size + 1)
            pairs, counts = (shorter * self.vocab_size + pairs % self.vocab_size).unique(return_counts=True)
        return levels[::-1]

    def _level(self, keys: Int[Tensor, " C"], pairs: Int[Tensor, " E"], counts: Int[Tensor, " E"]) -> _Counts:
        contexts = pairs // self.vocab_size
        once, twice = int((counts == 1).sum()), int((counts == 2).sum())
        discount = once / (once + 2 * twice) if once else 0.5
        totals = torch.zeros(len(keys)).index_add_(0, contexts, counts.float())
        kinds = contexts.bincount(minlength=len(keys))
        starts = torch.cat((torch.zeros(1, dtype=torch.long), kinds.cumsum(0)))
        shares = (counts - discount) / totals[contexts]
        return _Counts(keys, starts, pairs % self.vocab_size, shares, discount * kinds / totals)

    @torch.no_grad()
    def forward(self, ids: Int[Tensor, "B T"], documents: Int[Tensor, "B T"] | None = None) -> Float[Tensor, "B T V"]:
        """Log-probabilities of what comes after each token. What `documents` says, the end tokens say already."""
        before = preceding(ids, self.order - 1, self.vocab_size, self.end_id).flatten(0, 1)
        forecast = self.unigram.repeat(ids.numel(), 1)
        contexts = torch.zeros(ids.numel(), dtype=torch.long)
        for reach, level in enumerate(self._levels, start=1):
            contexts = _find(level.keys, contexts, before[:, -reach], self.vocab_size + 1)
            seen = contexts >= 0
            forecast *= torch.where(seen, level.left[contexts], 1.0)[:, None]
            known = contexts[seen]
            n_kinds = level.starts[known + 1] - level.starts[known]
            rows = seen.nonzero()[:, 0].repeat_interleave(n_kinds)
            first = (level.starts[known] - (n_kinds.cumsum(0) - n_kinds)).repeat_interleave(n_kinds)
            entries = first + torch.arange(len(rows))
            forecast[rows, level.tokens[entries]] += level.probabilities[entries]
        return forecast.log().view(*ids.shape, self.vocab_size)


def _find(
    keys: Int[Tensor, " C"], shorter: Int[Tensor, " N"], token: Int[Tensor, " N"], base: int
) -> Int[Tensor, " N"]:
    """The place of each longer context in `keys`, -1 where it was never seen."""
    wanted = shorter * base + token
    place = torch.searchsorted(keys, wanted).clamp(max=len(keys) - 1)
    return torch.where((shorter >= 0) & (keys[place] == wanted), place, -1)
