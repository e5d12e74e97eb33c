"""What generation remembers: the keys and values of the tokens read so far, so that none is computed twice."""

from jaxtyping import Float
from torch import Tensor


class KVCache:
    """Keys and values of the first `position` tokens, layer by layer. The cache, not the model, knows the position.

    For generation without gradients. Shapes: B batch, H heads, T new tokens, S tokens so far, K width of a head.
    """

    def __init__(self, n_layers: int, context_length: int) -> None:
        self.position = 0
        self.context_length = context_length
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

    def _extend(self, store: list[Tensor | None], layer: int, new: Tensor) -> Tensor:
        end = self.position + new.shape[2]
        if end > self.context_length:
            raise ValueError(f"the cache holds {self.context_length} tokens, {end} were asked for")
        buffer = store[layer]
        if buffer is None:
            buffer = store[layer] = new.new_empty(*new.shape[:2], self.context_length, new.shape[3])
        buffer[:, :, self.position : end] = new
        return buffer[:, :, :end]
