"""A decoder-only transformer: token ids in, a score for every possible next token out, at every position.

Shapes: B batch, T tokens, V vocabulary.
"""

from jaxtyping import Float, Int
from torch import Tensor

from course_lib.model.attention import document_mask
from course_lib.model.cache import KVCache
from course_lib.model.config import TransformerConfig
from course_lib.model.transformer import Transformer, positions_in_documents


class GPT(Transformer):
    """A transformer in which every token sees only itself and what stands before it, and forecasts what comes next.

    Source: Radford et al. 2019 (GPT-2), with the parts that its configuration names.
    """

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__(config)

    def new_cache(self, padding: Int[Tensor, " B"] | None = None) -> KVCache:
        """An empty cache that fits this model; `padding`: how many tokens at the beginning of each row are none."""
        return KVCache(self.config.n_layers, self.config.context_length, padding)

    def forward(
        self,
        ids: Int[Tensor, "B T"],
        documents: Int[Tensor, "B T"] | None = None,
        cache: KVCache | None = None,
    ) -> Float[Tensor, "B T V"]:
        """Scores (logits) of what comes after each token.

        Args:
            ids: token ids; with a `cache`, only those that it has not seen yet.
            documents: which document of its row each token belongs to; no token sees another document.
            cache: what was computed for earlier tokens. It is extended by these.

        Raises:
            ValueError: more tokens than the context holds, or both `documents` and a `cache`.
        """
        if cache is not None:
            if documents is not None:
                raise ValueError("a cache holds one document per row: pass documents or cache, not both")
            mask, positions = cache.mask(ids.shape[1]), cache.positions(ids.shape[1])
        elif documents is not None:
            mask, positions = document_mask(documents), positions_in_documents(documents)
        else:
            mask, positions = None, None
        return self.score(self.read(ids, mask, positions, cache))
