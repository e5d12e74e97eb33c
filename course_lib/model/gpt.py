"""A decoder-only transformer: token ids in, a score for every possible next token out, at every position.

Shapes: B batch, T tokens, D model width, K width of a head, V vocabulary.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from course_lib.config import Config
from course_lib.errors import CourseError
from course_lib.model.attention import SelfAttention, document_mask
from course_lib.model.cache import KVCache
from course_lib.model.layers import MLP, RMSNorm, rotary_table, sinusoidal_table

POSITIONS = ("rotary", "learned", "sinusoidal", "none")


@dataclass(frozen=True)
class GPTConfig(Config):
    """The sizes of a GPT."""

    vocab_size: int
    """Number of different tokens."""
    context_length: int
    """The most tokens that the model can look at."""
    n_layers: int
    """Number of blocks, one on top of the other."""
    n_heads: int
    """Number of attention heads in each block."""
    d_model: int
    """Width of the vector that stands for a token."""
    dropout: float = 0.0
    """Share of each block's output that is dropped at random while training: for a text that is read many times."""
    positions: str = "rotary"
    """How a token's place is told: "rotary", "learned", "sinusoidal" or "none"."""

    def __post_init__(self) -> None:
        for name in ("vocab_size", "context_length", "n_layers", "n_heads", "d_model"):
            if getattr(self, name) < 1:
                raise CourseError(f"{name} is {getattr(self, name)}, but a model needs at least 1.")
        if self.d_model % (2 * self.n_heads):
            raise CourseError(
                f"d_model is {self.d_model} and n_heads {self.n_heads}: each head needs an even share of the width, "
                f"so choose d_model as a multiple of {2 * self.n_heads}."
            )
        if not 0 <= self.dropout < 1:
            raise CourseError(f"dropout is {self.dropout}, but it is a share: at least 0, less than 1.")
        if self.positions not in POSITIONS:
            raise CourseError(f"positions is {self.positions!r}; it must be one of {', '.join(POSITIONS)}.")


class Block(nn.Module):
    """Attention, then the MLP; each reads the normalised stream and adds what it found to it."""

    def __init__(self, config: GPTConfig, layer: int) -> None:
        super().__init__()
        self.attention_norm = RMSNorm(config.d_model)
        self.attention = SelfAttention(config.d_model, config.n_heads, layer)
        self.mlp_norm = RMSNorm(config.d_model)
        self.mlp = MLP(config.d_model)
        self.dropout = nn.Dropout(config.dropout) if config.dropout else nn.Identity()

    def forward(
        self,
        x: Float[Tensor, "B T D"],
        rotary: Float[Tensor, "2 T K"] | None,
        mask: Bool[Tensor, "B 1 T S"] | None,
        cache: KVCache | None,
    ) -> Float[Tensor, "B T D"]:
        x = x + self.dropout(self.attention(self.attention_norm(x), rotary, mask, cache))
        return x + self.dropout(self.mlp(self.mlp_norm(x)))


class GPT(nn.Module):
    """The model of this course: token embedding, blocks, norm, and a linear head that scores the vocabulary.

    Output projections and head start at zero: at first every block passes its input on and every token is equally
    likely, so the loss starts at ln V.

    Source: Radford et al. 2019 (GPT-2), with the parts named in `layers` and `attention` exchanged for newer ones;
    zero-initialised projections: Zhang et al. 2019, "Fixup Initialization", and modded-nanogpt.
    """

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(config.vocab_size, config.d_model)
        self.blocks = nn.ModuleList(Block(config, layer) for layer in range(config.n_layers))
        self.norm = RMSNorm(config.d_model)
        self.head = nn.Linear(config.d_model, config.vocab_size, bias=False)
        # Learned and sinusoidal positions are added to the tokens' vectors; rotary ones turn queries and keys.
        self.places: Tensor | None
        self.rotary: Tensor | None
        if config.positions == "learned":
            self.places = nn.Parameter(0.02 * torch.randn(config.context_length, config.d_model))
        else:
            added = sinusoidal_table(config.context_length, config.d_model)
            self.register_buffer("places", added if config.positions == "sinusoidal" else None, persistent=False)
        turned = rotary_table(config.context_length, config.d_model // config.n_heads)
        self.register_buffer("rotary", turned if config.positions == "rotary" else None, persistent=False)
        for name, weight in self.named_parameters():
            if name.endswith("project.weight") or name == "head.weight":
                nn.init.zeros_(weight)

    @property
    def n_parameters(self) -> int:
        """Number of trained numbers."""
        return sum(parameter.numel() for parameter in self.parameters())

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
        if documents is not None and cache is not None:
            raise ValueError("a cache holds one document per row: pass documents or cache, not both")
        start = 0 if cache is None else cache.position
        end = start + ids.shape[1]
        if end > self.config.context_length:
            raise ValueError(f"{end} tokens do not fit into a context of {self.config.context_length}")
        rotary = None if self.rotary is None else self.rotary[:, start:end]
        if cache is not None:
            mask = cache.mask(ids.shape[1])
        else:
            mask = None if documents is None else document_mask(documents)
        x = self.embedding(ids)
        if self.places is not None:
            x = x + self.places[_positions(start, end, documents, cache)]
        for block in self.blocks:
            x = block(x, rotary, mask, cache)
        if cache is not None:
            cache.advance(ids.shape[1])
        return self.head(self.norm(x))


def _positions(
    start: int, end: int, documents: Int[Tensor, "B T"] | None, cache: KVCache | None
) -> Int[Tensor, "... T"]:
    """How many tokens of its own document stand before each token; for padding, 0."""
    positions = torch.arange(start, end)
    if documents is not None:
        positions = positions.to(documents.device)
        begins = documents != documents.roll(1, dims=1)
        return positions - (positions * begins).cummax(dim=1).values
    if cache is not None and cache.padding is not None:
        return (positions.to(cache.padding.device) - cache.padding[:, None]).clamp(min=0)
    return positions
