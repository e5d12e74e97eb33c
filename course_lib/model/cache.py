"""What generation remembers: the keys and values of the tokens read so far, so that none is computed twice."""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

KeysValues = tuple[Float[Tensor, "B G S K"], Float[Tensor, "B G S K"]]


class Memory(NamedTuple):
    """What a decoder keeps of the source that it looks at."""

    keys_values: list[KeysValues]  # layer by layer
    mask: Bool[Tensor, "B 1 1 S"] | None  # True where there is a token; None: everywhere

    def select(self, rows: Int[Tensor, " N"]) -> "Memory":
        """These rows, in this order; a row may be taken several times."""
        return Memory([(k[rows], v[rows]) for k, v in self.keys_values], None if self.mask is None else self.mask[rows])


class KVCache:
    """Keys and values of the first `position` tokens, layer by layer. The cache, not the model, knows the position.

    For generation without gradients. Shapes: B batch, H heads, T new tokens, S tokens so far, K width of a head.

    Args:
        n_layers: of the model that it serves.
        context_length: the most tokens that it holds.
        padding: how many tokens at the beginning of each row only fill it up, for rows of unequal length: no other
            token looks at them. None where there are none.
        memory: of the source, for a decoder that looks at one.
    """

    def __init__(
        self,
        n_layers: int,
        context_length: int,
        padding: Int[Tensor, " B"] | None = None,
        memory: Memory | None = None,
    ) -> None:
        self.position = 0
        self.context_length = context_length
        self.padding = padding
        self.memory = memory
        self._keys: list[Tensor | None] = [None] * n_layers
        self._values: list[Tensor | None] = [None] * n_layers

    def append(
        self, layer: int, keys: Float[Tensor, "B H T K"], values: Float[Tensor, "B H T K"]
    ) -> tuple[Float[Tensor, "B H S K"], Float[Tensor, "B H S K"]]:
        """Remember a layer's new keys and values; returns all of them from the first token on."""
        return self._extend(self._keys, layer, keys), self._extend(self._values, layer, values)

    def advance(self, n_tokens: int) -> None:
        """Move on, once every layer has appended its `n_tokens` new tokens."""
        self.position += n_tokens

    def rewind(self, position: int) -> None:
        """Forget all tokens from `position` on. Raises ValueError where there are not that many."""
        if not 0 <= position <= self.position:
            raise ValueError(f"the cache holds {self.position} tokens, so it cannot go back to {position}")
        self.position = position

    def select(self, rows: Int[Tensor, " N"]) -> None:
        """Go on with these rows, in this order; a row may be taken several times."""
        self._keys = [None if each is None else each[rows] for each in self._keys]
        self._values = [None if each is None else each[rows] for each in self._values]
        self.padding = None if self.padding is None else self.padding[rows]
        self.memory = None if self.memory is None else self.memory.select(rows)

    def mask(self, n_tokens: int) -> Bool[Tensor, "B 1 T S"] | None:
        """Where the next `n_tokens` may look: at themselves and before, and not at padding. None: at all before them.

        A token of padding looks at itself, for to look nowhere is no weighted mean.
        """
        if self.padding is None:
            return None
        keys = torch.arange(self.position + n_tokens, device=self.padding.device)
        queries = keys[self.position :, None]
        text = (keys <= queries) & (keys >= self.padding[:, None, None])
        return (text | (keys == queries))[:, None]

    def positions(self, n_tokens: int) -> Int[Tensor, "B T"] | None:
        """How many tokens of its text stand before each of the next `n_tokens`; None: all that stand in its row."""
        if self.padding is None:
            return None
        places = torch.arange(self.position, self.position + n_tokens, device=self.padding.device)
        return (places - self.padding[:, None]).clamp(min=0)

    @property
    def n_bytes(self) -> int:
        """Bytes that the tokens so far take up in it."""
        held = [each[:, :, : self.position] for each in (*self._keys, *self._values) if each is not None]
        return sum(each.numel() * each.element_size() for each in held)

    def _extend(self, store: list[Tensor | None], layer: int, new: Tensor) -> Tensor:
        end = self.position + new.shape[2]
        if end > self.context_length:
            raise ValueError(f"the cache holds {self.context_length} tokens, {end} were asked for")
        buffer = store[layer]
        if buffer is None:
            buffer = store[layer] = new.new_empty(*new.shape[:2], self.context_length, new.shape[3])
        buffer.narrow(2, self.position, new.shape[2]).copy_(new)
        return buffer.narrow(2, 0, end)
