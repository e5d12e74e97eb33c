"""The sizes and the parts of a transformer: what decides its weights and what it computes with them."""

from dataclasses import dataclass

from course_lib.config import Config
from course_lib.errors import CourseError

POSITIONS = ("rotary", "learned", "sinusoidal", "none")
NORMS = ("rms", "layer")
NORM_PLACES = ("pre", "post")
MLPS = ("relu2", "gelu", "swiglu")


@dataclass(frozen=True)
class TransformerConfig(Config):
    """The sizes and parts of a transformer; where nothing is said, those that learn fastest in this course."""

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
    n_kv_heads: int | None = None
    """Number of heads for keys and values, each shared by a group of query heads; None: as many as there are heads."""
    norm: str = "rms"
    """How vectors are brought to one length: "rms" (RMSNorm) or "layer" (LayerNorm)."""
    norm_place: str = "pre"
    """Where that happens: "pre", to what a branch reads, or "post", to the stream after a branch was added to it."""
    norm_eps: float = 1e-6
    """Added to the mean square or variance that is divided by."""
    qk_norm: bool = True
    """Whether queries and keys are brought to one length too."""
    mlp: str = "relu2"
    """What stands between the MLP's matrices: "relu2" (squared ReLU), "gelu", or "swiglu", which has a third matrix."""
    d_hidden: int | None = None
    """Width inside the MLP; None: four times d_model."""
    bias: bool = False
    """Whether the maps inside the blocks, and LayerNorms, add a constant."""
    tied: bool = False
    """Whether the head scores tokens with the very vectors of the embedding."""
    rotary_base: float = 10_000.0
    """The slowest rotary pair turns by about one over this much a position; only for rotary positions."""

    def __post_init__(self) -> None:
        for name in ("vocab_size", "context_length", "n_layers", "n_heads", "d_model", "n_kv_heads", "d_hidden"):
            size = getattr(self, name)
            if size is not None and size < 1:
                raise CourseError(f"{name} is {size}, but a model needs at least 1.")
        if self.d_model % self.n_heads:
            raise CourseError(
                f"d_model is {self.d_model} and n_heads {self.n_heads}: each head needs an equal share of the width, "
                f"so choose d_model as a multiple of {self.n_heads}."
            )
        if self.positions == "rotary" and self.head_dim % 2:
            raise CourseError(
                f"d_model is {self.d_model} and n_heads {self.n_heads}, so a head is {self.head_dim} wide; rotary "
                f"positions turn pairs of channels, so choose d_model as a multiple of {2 * self.n_heads}."
            )
        if self.n_heads % self.kv_heads:
            raise CourseError(
                f"n_heads is {self.n_heads} and n_kv_heads {self.n_kv_heads}: groups of equal size share keys and "
                "values, so choose an n_kv_heads that divides n_heads."
            )
        if not 0 <= self.dropout < 1:
            raise CourseError(f"dropout is {self.dropout}, but it is a share: at least 0, less than 1.")
        if not self.norm_eps > 0:
            raise CourseError(f"norm_eps is {self.norm_eps}, but must be more than 0: a vector of zeros has no length.")
        choices = {"positions": POSITIONS, "norm": NORMS, "norm_place": NORM_PLACES, "mlp": MLPS}
        for name, known in choices.items():
            if getattr(self, name) not in known:
                raise CourseError(f"{name} is {getattr(self, name)!r}; it must be one of {', '.join(known)}.")
        if self.positions != "rotary" and self.rotary_base != TransformerConfig.rotary_base:
            raise CourseError(
                f"rotary_base is {self.rotary_base}, but positions are {self.positions}, so nothing is turned. "
                "Leave one of the two out."
            )

    @property
    def head_dim(self) -> int:
        """Width of a head (K)."""
        return self.d_model // self.n_heads

    @property
    def kv_heads(self) -> int:
        """Number of heads for keys and values (G)."""
        return self.n_heads if self.n_kv_heads is None else self.n_kv_heads

    @property
    def mlp_width(self) -> int:
        """Width inside the MLP (F)."""
        return 4 * self.d_model if self.d_hidden is None else self.d_hidden
