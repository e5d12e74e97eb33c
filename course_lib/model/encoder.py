"""A bidirectional encoder: every token sees every other one, and a head guesses the words that were masked.

Shapes: B batch, T tokens, V vocabulary.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from course_lib.model.attention import document_mask
from course_lib.model.config import TransformerConfig
from course_lib.model.transformer import Transformer, positions_in_documents


class Encoder(Transformer):
    """A transformer in which every token sees all the others.

    Source: Devlin et al. 2019, "BERT: Pre-training of Deep Bidirectional Transformers", with the parts that its
    configuration names.
    """

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__(config, causal=False)

    def forward(self, ids: Int[Tensor, "B T"], documents: Int[Tensor, "B T"] | None = None) -> Float[Tensor, "B T V"]:
        """Scores (logits) of what stands at each place.

        Args:
            ids: token ids; a negative one is none: it only fills up a shorter row, and no token sees it.
            documents: which document of its row each token belongs to; no token sees another document.

        Raises:
            ValueError: more tokens than the context holds.
        """
        is_none = ids < 0
        if documents is None and is_none.any():
            documents = torch.zeros_like(ids)
        if documents is None:
            return self.score(self.read(ids))
        documents = documents.masked_fill(is_none, -1)  # all that is none makes up a document of its own
        mask = document_mask(documents, causal=False)
        return self.score(self.read(ids.clamp(min=0), mask, positions_in_documents(documents)))
