"""Self-attention: every token asks a question of the tokens before it and takes a weighted mean of their answers.

`attention` is the form to read, `fused_attention` computes the same in one kernel, and `SelfAttention` is the layer.
Shapes: B batch, T tokens that ask (queries), S tokens that are asked (keys), D model width, H heads, K width
of a head.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from course_lib.model.cache import KVCache
from course_lib.model.layers import RMSNorm, rotate


def causal_mask(n_queries: int, n_keys: int, device: torch.device | None = None) -> Bool[Tensor, "T S"]:
    """True where a query may look: at its own position and before. The queries are the last `n_queries` positions."""
    return torch.ones(n_queries, n_keys, dtype=torch.bool, device=device).tril(n_keys - n_queries)


def document_mask(documents: Int[Tensor, "B T"]) -> Bool[Tensor, "B 1 T T"]:
    """True where a token may look: at its own position and before, and within its own document only.

    Args:
        documents: for each token a number that all tokens of its document share.
    """
    same = documents[:, None, :, None] == documents[:, None, None, :]
    n_tokens = documents.shape[1]
    return same & causal_mask(n_tokens, n_tokens, documents.device)


def attention_weights(
    q: Float[Tensor, "*B T K"], k: Float[Tensor, "*B S K"], mask: Bool[Tensor, "*#B T S"] | None = None
) -> Float[Tensor, "*B T S"]:
    """How much each query takes from each key: softmax over the keys of q·k / √K. Rows sum to 1.

    Args:
        q: queries: what each token looks for.
        k: keys: what each token offers to be found by.
        mask: True where a query may look (at least one key each); None means causal.

    Source: Vaswani et al. 2017, "Attention Is All You Need", equation 1.
    """
    if mask is None:
        mask = causal_mask(q.shape[-2], k.shape[-2], q.device)
    scores = q @ k.transpose(-2, -1) / q.shape[-1] ** 0.5
    return scores.masked_fill(~mask, -torch.inf).softmax(dim=-1)


def attention(
    q: Float[Tensor, "*B T K"],
    k: Float[Tensor, "*B S K"],
    v: Float[Tensor, "*B S K"],
    mask: Bool[Tensor, "*#B T S"] | None = None,
) -> Float[Tensor, "*B T K"]:
    """The mean of the values `v`, weighted for each query by `attention_weights`."""
    return attention_weights(q, k, mask) @ v


def fused_attention(
    q: Float[Tensor, "*B T K"],
    k: Float[Tensor, "*B S K"],
    v: Float[Tensor, "*B S K"],
    mask: Bool[Tensor, "*#B T S"] | None = None,
) -> Float[Tensor, "*B T K"]:
    """What `attention` computes, without ever holding the T × S table of weights.

    Source: Dao et al. 2022, "FlashAttention" (torch picks the kernel).
    """
    n_queries, n_keys = q.shape[-2], k.shape[-2]
    causal = mask is None and n_queries > 1  # a single query is the last position, and may look everywhere
    if causal and n_queries != n_keys:
        mask = causal_mask(n_queries, n_keys, q.device)
    return F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=causal and mask is None)


class SelfAttention(nn.Module):
    """Multi-head self-attention, with rotary positions where wanted, and queries and keys of fixed length.

    Normalised queries and keys bound the scores, so that training stays stable at high learning rates.

    Sources: Vaswani et al. 2017 (heads); Su et al. 2021, "RoFormer" (rotary); Henry et al. 2020, "Query-Key
    Normalization for Transformers".
    """

    def __init__(self, d_model: int, n_heads: int, layer: int) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.layer = layer  # which of the cache's layers is this one's
        # One matrix each for queries, keys and values [3 D D], side by side so that one product computes all three.
        matrices = [nn.Linear(d_model, d_model, bias=False).weight.detach() for _ in range(3)]
        self.qkv = nn.Parameter(torch.stack(matrices))
        self.qk_norm = RMSNorm(2, 1, 1, 1, d_model // n_heads)  # a gain for queries and one for keys
        self.project = nn.Linear(d_model, d_model, bias=False)

    def forward(
        self,
        x: Float[Tensor, "B T D"],
        rotary: Float[Tensor, "2 T K"] | None,
        mask: Bool[Tensor, "B 1 T S"] | None = None,
        cache: KVCache | None = None,
    ) -> Float[Tensor, "B T D"]:
        """Let the tokens of `x` look at each other and at what `cache` holds; `rotary` are the rows of their places."""
        q, k, v = self.queries_keys_values(x, rotary)
        if cache is not None:
            k, v = cache.append(self.layer, k, v)
        mixed = fused_attention(q, k, v, mask)
        return self.project(mixed.transpose(1, 2).flatten(-2))

    def queries_keys_values(
        self, x: Float[Tensor, "B T D"], rotary: Float[Tensor, "2 T K"] | None
    ) -> tuple[Float[Tensor, "B H T K"], Float[Tensor, "B H T K"], Float[Tensor, "B H T K"]]:
        """What each token of `x` looks for, what it offers to be found by, and what it hands over, in every head."""
        each = F.linear(x, self.qkv.flatten(0, 1)).unflatten(-1, (3, self.n_heads, -1)).permute(2, 0, 3, 1, 4)
        normal = self.qk_norm(each[:2])
        q, k = normal if rotary is None else rotate(normal, rotary)
        return q, k, each[2]
