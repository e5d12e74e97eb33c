"""Words hidden from a model that is to guess them: what an encoder learns from."""

import numpy as np
import torch
from jaxtyping import Int

from course_lib.text.batches import IGNORE, Batch, DocumentRows, Ids


def mask_words(
    ids: Int[np.ndarray, "*N"], mask_id: int, rng: np.random.Generator, share: float = 0.15, never: int | None = None
) -> tuple[Int[np.ndarray, "*N"], Int[np.ndarray, "*N"]]:
    """Choose a share of all tokens to be guessed, and hide most of them.

    Of those chosen, 80 % become the mask, 10 % any token at all, and 10 % stay: so a model cannot take a token that is
    no mask at its word, and has to think about every place.

    Args:
        ids: token ids, all below `mask_id`.
        mask_id: the id of the mask, one more than the last id of the vocabulary.
        rng: source of random numbers.
        share: of the tokens that are to be guessed.
        never: an id that is not chosen: that of the end token.

    Returns:
        What the model is shown, and the targets: the id that stood there, or IGNORE where nothing is to be guessed.

    Source: Devlin et al. 2019, "BERT", section 3.1, task 1.
    """
    chosen = (rng.random(ids.shape) < share) & (ids != never)
    fate = rng.random(ids.shape)
    shown = np.where(chosen & (fate < 0.8), mask_id, ids)
    shown = np.where(chosen & (fate >= 0.9), rng.integers(mask_id, size=ids.shape), shown)
    return shown, np.where(chosen, ids, IGNORE)


class MaskedRows(DocumentRows):
    """The rows of `DocumentRows`, each token with its document, some of them masked and to be guessed.

    Arguments, errors: as for `DocumentRows`; `mask_id` and `share` as for `mask_words`.
    """

    def __init__(
        self,
        ids: Ids,
        end_id: int,
        mask_id: int,
        batch_size: int,
        context_length: int,
        seed: int,
        share: float = 0.15,
    ) -> None:
        super().__init__(ids, end_id, batch_size, context_length, seed)
        self.mask_id = mask_id
        self.share = share

    def _batch(self, rng: np.random.Generator) -> Batch:
        batch = super()._batch(rng)
        shown, targets = mask_words(batch.inputs.numpy(), self.mask_id, rng, self.share, never=self.end_id)
        return Batch(torch.from_numpy(shown), torch.from_numpy(targets), batch.documents)
