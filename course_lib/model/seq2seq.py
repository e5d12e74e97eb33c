"""An encoder-decoder: one text in, another out. The decoder looks at the encoder's vectors through cross-attention.

Shapes: B batch, S tokens of the source, T tokens of the target, D model width, V vocabulary of the target.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from course_lib.errors import CourseError
from course_lib.model.cache import KVCache, Memory
from course_lib.model.config import TransformerConfig
from course_lib.model.transformer import Block, Transformer
from course_lib.runtime import in_mode


class Seq2Seq(nn.Module):
    """A transformer that reads a source in both directions and writes a target from left to right.

    Source: Vaswani et al. 2017, "Attention Is All You Need", figure 1, with the parts that the configurations name.

    Args:
        source: sizes and parts of the encoder.
        target: of the decoder; as wide as the encoder, with as many heads for keys and values.

    Raises:
        CourseError: the two do not fit each other, or the encoder's head, which it has not, is to be tied.
    """

    def __init__(self, source: TransformerConfig, target: TransformerConfig) -> None:
        super().__init__()
        if source.d_model != target.d_model:
            raise CourseError(
                f"The encoder's d_model is {source.d_model} and the decoder's {target.d_model}, but the decoder looks "
                "at the encoder's vectors: give both the same."
            )
        if source.tied:
            raise CourseError("The source is tied, but an encoder that only reads has no head. Tie the target.")
        self.encoder = Transformer(source, causal=False, has_head=False)
        self.decoder = Transformer(target, has_source=True)

    @property
    def n_parameters(self) -> int:
        """Number of trained numbers."""
        return self.encoder.n_parameters + self.decoder.n_parameters

    def forward(self, ids: Int[Tensor, "B T"], source: Int[Tensor, "B S"]) -> Float[Tensor, "B T V"]:
        """Scores (logits) of what comes after each token of the target.

        Args:
            ids: the target so far (in training: the right one, moved by one place).
            source: token ids; a negative one is none: it only fills up a shorter row, and no token sees it.

        Raises:
            ValueError: more tokens than a context holds.
        """
        return self.decode(ids, self.encode(source))

    def encode(self, source: Int[Tensor, "B S"]) -> Memory:
        """What the decoder's layers will look at: computed once for a source, however long the target."""
        is_token = (source >= 0)[:, None, None]
        mask = None if is_token.all() else is_token
        x = self.encoder.read(source.clamp(min=0), None if mask is None else mask.expand(-1, -1, source.shape[1], -1))
        layers = [part.cross for part in self.decoder.modules() if isinstance(part, Block)]
        return Memory([cross.keys_values(x) for cross in layers], mask)

    def decode(self, ids: Int[Tensor, "B T"], memory: Memory, cache: KVCache | None = None) -> Float[Tensor, "B T V"]:
        """Scores of what comes after each token, given the source that `memory` is of; `cache` as for a GPT."""
        mask, positions = (None, None) if cache is None else (cache.mask(ids.shape[1]), cache.positions(ids.shape[1]))
        return self.decoder.score(self.decoder.read(ids, mask, positions, cache, memory))

    def given(self, source: Int[Tensor, "B S"]) -> "Given":
        """The language model of the target that remains once the source is known: to be sampled like any other."""
        return Given(self, source)


class Given(nn.Module):
    """An encoder-decoder whose source is known: p(next token | target so far, source), used like a GPT.

    Args:
        model: the encoder-decoder.
        source: token ids, a row for each text that will be written.
    """

    def __init__(self, model: Seq2Seq, source: Int[Tensor, "B S"]) -> None:
        super().__init__()
        self.model = model
        self.config = model.decoder.config
        with torch.no_grad(), in_mode(model, training=False):
            self.memory = model.encode(source)

    def new_cache(self, padding: Int[Tensor, " B"] | None = None) -> KVCache:
        """An empty cache with the source in it; `padding`: how many tokens at the beginning of each row are none."""
        return KVCache(self.config.n_layers, self.config.context_length, padding, self.memory)

    def forward(self, ids: Int[Tensor, "B T"], cache: KVCache | None = None) -> Float[Tensor, "B T V"]:
        """Scores (logits) of what comes after each token; `cache` as for a GPT."""
        # Those of a cache may be in another order: a search goes on with some rows and leaves others.
        memory = self.memory if cache is None or cache.memory is None else cache.memory
        return self.model.decode(ids, memory, cache)
