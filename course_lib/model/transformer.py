"""The body that all transformers of this course have in common: token ids in, a vector for each token out, and a head.

Shapes: B batch, T tokens, S tokens of a source or so far, D model width, K width of a head, V vocabulary.
"""

from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from course_lib.model.attention import Attention
from course_lib.model.cache import KVCache, Memory
from course_lib.model.config import TransformerConfig
from course_lib.model.layers import MLP, make_norm, rotary_table, sinusoidal_table


class Block(nn.Module):
    """Attention, then (in a decoder with a source) attention to the source, then the MLP: each adds what it found.

    Source of "post": Vaswani et al. 2017, section 3.1; of "pre": Xiong et al. 2020, "On Layer Normalization in the
    Transformer Architecture", figure 1.
    """

    def __init__(self, config: TransformerConfig, layer: int, causal: bool = True, has_source: bool = False) -> None:
        super().__init__()
        self.norm_place = config.norm_place
        self.attention_norm = make_norm(config)
        self.attention = Attention(config, layer, causal)
        if has_source:
            self.cross_norm = make_norm(config)
            self.cross = Attention(config, layer, causal=False)
        self.mlp_norm = make_norm(config)
        self.mlp = MLP(config)
        self.dropout = nn.Dropout(config.dropout) if config.dropout else nn.Identity()

    def forward(
        self,
        x: Float[Tensor, "B T D"],
        rotary: Float[Tensor, "2 T K"] | None = None,
        mask: Bool[Tensor, "B 1 T S"] | None = None,
        cache: KVCache | None = None,
        memory: Memory | None = None,
    ) -> Float[Tensor, "B T D"]:
        x = self._add(x, self.attention_norm, partial(self.attention, rotary=rotary, mask=mask, cache=cache))
        if memory is not None:
            source = memory.keys_values[self.cross.layer]
            x = self._add(x, self.cross_norm, partial(self.cross, mask=memory.mask, source=source))
        return self._add(x, self.mlp_norm, self.mlp)

    def _add(self, x: Tensor, norm: nn.Module, branch: Callable[[Tensor], Tensor]) -> Float[Tensor, "B T D"]:
        if self.norm_place == "post":
            return norm(x + self.dropout(branch(x)))
        return x + self.dropout(branch(norm(x)))


class Transformer(nn.Module):
    """Token embedding, positions, blocks, a last norm where the blocks' own do not come last, and a linear head.

    Output projections, biases and head start at zero: at first every block passes its input on and every token is
    equally likely, so the loss starts at ln V.

    Sources: Vaswani et al. 2017; zero-initialised projections: Zhang et al. 2019, "Fixup Initialization",
    and modded-nanogpt.

    Args:
        config: sizes and parts.
        causal: whether a token sees only itself and what stands before it.
        has_source: whether its blocks look at a source too.
        has_head: whether it scores the vocabulary; without, it is the encoder of an encoder-decoder.
    """

    def __init__(
        self, config: TransformerConfig, causal: bool = True, has_source: bool = False, has_head: bool = True
    ) -> None:
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(config.vocab_size, config.d_model)
        # Learned and sinusoidal positions are added to the tokens' vectors; rotary ones turn queries and keys.
        self.places: Tensor | None
        self.rotary: Tensor | None
        if config.positions == "learned":
            self.places = nn.Parameter(0.02 * torch.randn(config.context_length, config.d_model))
        elif config.positions == "sinusoidal":
            places = sinusoidal_table(config.context_length, config.d_model)
            self.register_buffer("places", places, persistent=False)
        else:
            self.places = None
        turns = config.positions == "rotary"
        rotary = rotary_table(config.context_length, config.head_dim, config.rotary_base) if turns else None
        self.register_buffer("rotary", rotary, persistent=False)
        self.blocks = nn.ModuleList(Block(config, layer, causal, has_source) for layer in range(config.n_layers))
        self.norm = make_norm(config) if config.norm_place == "pre" else nn.Identity()
        untied = has_head and not config.tied
        self.head = nn.Linear(config.d_model, config.vocab_size, bias=False) if untied else None
        for name, weight in self.named_parameters():
            if name.endswith(("project.weight", "head.weight", "bias")):
                nn.init.zeros_(weight)
        if config.tied:  # so small that a token does not call for itself, for its own vector is the one most like it
            nn.init.normal_(self.embedding.weight, std=1 / config.d_model)

    @property
    def n_parameters(self) -> int:
        """Number of trained numbers."""
        return sum(parameter.numel() for parameter in self.parameters())

    def read(
        self,
        ids: Int[Tensor, "B T"],
        mask: Bool[Tensor, "B 1 T S"] | None = None,
        positions: Int[Tensor, "*B T"] | None = None,
        cache: KVCache | None = None,
        memory: Memory | None = None,
    ) -> Float[Tensor, "B T D"]:
        """A vector for each token, which has taken in what the token may see.

        Args:
            ids: token ids; with a `cache`, only those that it has not seen yet.
            mask: True where a token may look; None: what `causal` says.
            positions: how many tokens of its own document stand before each token; None: all that stand in its row.
            cache: what was computed for earlier tokens. It is extended by these.
            memory: of the source.

        Raises:
            ValueError: more tokens than the context holds.
        """
        start = 0 if cache is None else cache.position
        end = start + ids.shape[1]
        if end > self.config.context_length:
            raise ValueError(f"{end} tokens do not fit into a context of {self.config.context_length}")
        x = self.embedding(ids)
        if self.places is not None:
            x = x + self.places[slice(start, end) if positions is None else positions]
        rotary = None if self.rotary is None else self.rotary[:, start:end]
        for block in self.blocks:
            x = block(x, rotary, mask, cache, memory)
        if cache is not None:
            cache.advance(ids.shape[1])
        return self.norm(x)

    def score(self, x: Float[Tensor, "B T D"]) -> Float[Tensor, "B T V"]:
        """Scores (logits) of the vocabulary.

        Source of `tied`: Press and Wolf 2017, "Using the Output Embedding to Improve Language Models".
        """
        return F.linear(x, self.embedding.weight if self.head is None else self.head.weight)


def positions_in_documents(documents: Int[Tensor, "B T"]) -> Int[Tensor, "B T"]:
    """How many tokens of its own document stand before each token."""
    positions = torch.arange(documents.shape[1], device=documents.device)
    begins = documents != documents.roll(1, dims=1)
    return positions - (positions * begins).cummax(dim=1).values
