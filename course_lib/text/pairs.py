"""Pairs of texts, for a model that turns one into the other.

Shapes: B rows of a batch, S tokens of the longest source, T of the longest target and its end.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch.nn.utils.rnn import pad_sequence

from course_lib.errors import CourseError
from course_lib.text.batches import IGNORE, Batch, SeededBatches


class Pairs(SeededBatches):
    """Endless batches of pairs, drawn at random. In each, the target is predicted from the source and its own past.

    Arguments:
        sources: token ids of each source, at least one.
        targets: token ids of what each is turned into.
        end_id: the id of the end token, with which every target begins and ends.
        batch_size: pairs in a batch (B).
        seed: not negative; decides all that is drawn.

    Raises:
        CourseError: there is no pair, or a source without a target.
    """

    def __init__(
        self,
        sources: Sequence[Sequence[int]],
        targets: Sequence[Sequence[int]],
        end_id: int,
        batch_size: int,
        seed: int,
    ) -> None:
        super().__init__(seed)
        if not sources or len(sources) != len(targets):
            raise CourseError(f"Found {len(sources)} sources and {len(targets)} targets; every source needs a target.")
        self.sources, self.targets = sources, targets
        self.end_id = end_id
        self.batch_size = batch_size

    def _batch(self, rng: np.random.Generator) -> Batch:
        rows = rng.integers(len(self.sources), size=self.batch_size)
        return pair_batch([self.sources[row] for row in rows], [self.targets[row] for row in rows], self.end_id)


def pair_batch(sources: Sequence[Sequence[int]], targets: Sequence[Sequence[int]], end_id: int) -> Batch:
    """These pairs as one batch: each target is predicted from a lone end token to its own end.

    Where a row is shorter than the longest, its source goes on with IGNORE, which no model takes for a token.
    """
    return Batch(
        inputs=_side_by_side([[end_id, *target] for target in targets], end_id),
        targets=_side_by_side([[*target, end_id] for target in targets], IGNORE),
        source=_side_by_side(sources, IGNORE),
    )


def _side_by_side(rows: Sequence[Sequence[int]], filling: int) -> torch.Tensor:
    return pad_sequence([torch.tensor(row) for row in rows], batch_first=True, padding_value=filling)
