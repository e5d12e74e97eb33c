"""What generation remembers: the keys and values of the tokens read so far, so that none is computed twice."""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor


class KVCache:
    """Keys and values of the first `position` tokens, layer by layer. The cache, not the model, knows the position.

    For generation without gradients. Shapes: B batch, H heads, T new tokens, S tokens so far, K width of a head.

    Args:
        n_layers: of the model that it serves.
        context_length: the most tokens that it holds.
        padding: how many tokens at the beginning of each row only fill it up, for rows of unequal length: no other
            token looks at them. None where there are none.
    """

    def __init__(self, n_layers: int, context_length: int, padding: Int[Tensor, " B"] | None = None) -> None:
        self.position = 0
        self.context_length = context_length
        self.padding = padding
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
