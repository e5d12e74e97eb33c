"""How good a model is: its loss over a whole split, in bits per byte, and what its texts say about the toy world.

Shapes: B batch, T tokens.
"""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from course_lib.errors import CourseError
from course_lib.runtime import autocast, in_mode
from course_lib.text.batches import IGNORE, Batch
from course_lib.text.world import VALIDATION_SEED, World


def total_nats(model: nn.Module, batch: Batch) -> Float[Tensor, ""]:
    """Cross-entropy of all targets of a batch together, in nats; targets equal to IGNORE cost nothing."""
    with autocast(batch.inputs.device):
        logits = model(batch.inputs, batch.documents if batch.source is None else batch.source)
    return F.cross_entropy(logits.flatten(0, 1).float(), batch.targets.flatten(), ignore_index=IGNORE, reduction="sum")


def n_targets(batch: Batch) -> int:
    """How many tokens of a batch are to be predicted."""
    return int((batch.targets != IGNORE).sum())


@dataclass(frozen=True)
class Evaluation:
    """What predicting a split cost."""

    nats: float
    """Of all predicted tokens together."""
    n_tokens: int
    """How many were predicted."""

    @property
    def loss(self) -> float:
        """Nats per predicted token."""
        return self.nats / self.n_tokens


@torch.no_grad()
def evaluate(model: nn.Module, batches: Iterable[Batch]) -> Evaluation:
    """The loss of `model` over all `batches`, every target counted once and alike."""
    at = next(chain(model.parameters(), model.buffers())).device
    nats, n_tokens = 0.0, 0
    with in_mode(model, training=False):
        for batch in batches:
            nats += total_nats(model, batch.to(at)).item()
            n_tokens += n_targets(batch)
    if not n_tokens:
        raise CourseError("There is not one token to predict in what was to be evaluated. Give a longer text.")
    return Evaluation(nats, n_tokens)


def bits_per_byte(nats: float, n_bytes: int) -> float:
    """A loss that can be compared across tokenizers: what the text cost in bits, for each of its bytes."""
    return nats / math.log(2) / n_bytes


@dataclass(frozen=True)
class Judgement:
    """What texts say about a toy world. Shares are of all texts, and add up: grammatical = true + false."""

    n_texts: int
    grammatical: float
    """Share that the world, or one with other facts and sums, can say."""
    true: float
    """Share that the truthful world can say."""
    false: float
    """Share that is grammatical, and false in this world."""
    kinds: dict[str, float]
    """Share of each kind of document among the grammatical texts."""
    total_variation: float
    """Distance of `kinds` from the world's own documents: 0 is the same mixture, 1 has nothing in common."""


def judge_world(world: World, texts: Sequence[str], n_reference: int = 10_000) -> Judgement:
    """Hold `texts` (documents without their end) against the world that they should be about.

    Args:
        world: the truthful world.
        texts: what a model wrote.
        n_reference: how many of the world's own documents say how often each kind should occur.
    """
    if not texts:
        raise CourseError("There is no text to judge. Generate some first.")
    verdicts = [world.is_true(text) for text in texts]
    kinds = _shares([kind for text in texts if (kind := world.kind(text)) is not None])
    expected = _shares([document.kind for document in world.documents(n_reference, VALIDATION_SEED)])
    distance = sum(abs(kinds.get(kind, 0) - expected.get(kind, 0)) for kind in kinds | expected) / 2
    return Judgement(
        n_texts=len(texts),
        grammatical=sum(verdict is not None for verdict in verdicts) / len(texts),
        true=sum(verdict is True for verdict in verdicts) / len(texts),
        false=sum(verdict is False for verdict in verdicts) / len(texts),
        kinds=kinds,
        total_variation=distance if kinds else 1.0,
    )


def _shares(kinds: Sequence[str]) -> dict[str, float]:
    return {kind: count / len(kinds) for kind, count in sorted(Counter(kinds).items())}
