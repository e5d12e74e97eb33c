"""Attention: every token asks a question of other tokens and takes a weighted mean of their answers.

`attention` is the form to read, `fused_attention` computes the same in one kernel, and `Attention` is the layer of all
models: of a decoder, an encoder, and of a decoder that looks at an encoder's tokens.
Shapes: B batch, T tokens that ask (queries), S tokens that are asked (keys), D model width, H heads, G heads for keys
and values, K width of a head.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from course_lib.model.cache import KeysValues, KVCache
from course_lib.model.config import TransformerConfig
from course_lib.model.layers import RMSNorm, rotate


def causal_mask(n_queries: int, n_keys: int, device: torch.device | None = None) -> Bool[Tensor, "T S"]:
    """True where a query may look: at its own position and before. The queries are the last `n_queries` positions."""
    return torch.ones(n_queries, n_keys, dtype=torch.bool, device=device).tril(n_keys - n_queries)


def document_mask(documents: Int[Tensor, "B T"], causal: bool = True) -> Bool[Tensor, "B 1 T T"]:
    """True where a token may look: within its own document only.

    Args:
        documents: for each token a number that all tokens of its document share.
        causal: whether it may look at its own position and before only.
    """
    same = documents[:, None, :, None] == documents[:, None, None, :]
    n_tokens = documents.shape[1]
    return same & causal_mask(n_tokens, n_tokens, documents.device) if causal else same


def attention_weights(
    q: Float[Tensor, "*B T K"],
    k: Float[Tensor, "*B S K"],
    mask: Bool[Tensor, "*#B #T S"] | None = None,
    causal: bool = True,
) -> Float[Tensor, "*B T S"]:
    """How much each query takes from each key: softmax over the keys of q·k / √K. Rows sum to 1.

    Args:
        q: queries: what each token looks for.
        k: keys: what each token offers to be found by.
        mask: True where a query may look (at least one key each).
        causal: what no mask means: that a query may look at its own position and before; else it may look everywhere.

    Source: Vaswani et al. 2017, "Attention Is All You Need", equation 1.
    """
    if mask is None and causal:
        mask = causal_mask(q.shape[-2], k.shape[-2], q.device)
    scores = q @ k.transpose(-2, -1) / q.shape[-1] ** 0.5
    if mask is not None:
        scores = scores.masked_fill(~mask, -torch.inf)
    return scores.softmax(dim=-1)


def attention(
    q: Float[Tensor, "*B T K"],
    k: Float[Tensor, "*B S K"],
    v: Float[Tensor, "*B S K"],
    mask: Bool[Tensor, "*#B #T S"] | None = None,
    causal: bool = True,
) -> Float[Tensor, "*B T K"]:
    """The mean of the values `v`, weighted for each query by `attention_weights`."""
    return attention_weights(q, k, mask, causal) @ v


def fused_attention(
    q: Float[Tensor, "*B T K"],
    k: Float[Tensor, "*B S K"],
    v: Float[Tensor, "*B S K"],
    mask: Bool[Tensor, "*#B #T S"] | None = None,
    causal: bool = True,
) -> Float[Tensor, "*B T K"]:
    """What `attention` computes, without ever holding the T × S table of weights.

    Source: Dao et al. 2022, "FlashAttention" (torch picks the kernel).
    """
    n_queries, n_keys = q.shape[-2], k.shape[-2]
    causal = causal and mask is None and n_queries > 1  # a single query is the last position, and may look everywhere
    if causal and n_queries != n_keys:
        mask = causal_mask(n_queries, n_keys, q.device)
    return F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=causal and mask is None)


class Attention(nn.Module):
    """Multi-head attention: of tokens to one another, or of a decoder's tokens to a source.

    Normalised queries and keys (if so configured) bound the scores, so that training stays stable at high learning
    rates. With fewer heads for keys and values than for queries, each of them serves a group of queries, and a cache
    has less to hold.

    Sources: Vaswani et al. 2017, section 3.2.2 (heads); Su et al. 2021, "RoFormer" (rotary); Henry et al. 2020,
    "Query-Key Normalization for Transformers"; Ainslie et al. 2023, "GQA" (grouped queries).

    Args:
        config: sizes and parts.
        layer: which of the cache's layers is this one's.
        causal: whether a token may look only at itself and before, where no mask says otherwise.
    """

    def __init__(self, config: TransformerConfig, layer: int, causal: bool = True) -> None:
        super().__init__()
        self.layer, self.causal = layer, causal
        self.n_heads, self.n_kv_heads = config.n_heads, config.kv_heads
        # A matrix [K D] for each head of queries, then of keys, then of values: one product computes them all.
        n_maps = self.n_heads + 2 * self.n_kv_heads
        rows = nn.Linear(config.d_model, n_maps * config.head_dim, bias=False)
        self.qkv = nn.Parameter(rows.weight.detach().unflatten(0, (n_maps, config.head_dim)))
        self.qkv_bias = nn.Parameter(torch.zeros(n_maps, config.head_dim)) if config.bias else None
        n_gains = self.n_heads + self.n_kv_heads
        self.qk_norm = RMSNorm(n_gains, 1, config.head_dim, eps=config.norm_eps) if config.qk_norm else None
        self.project = nn.Linear(config.d_model, config.d_model, config.bias)

    def forward(
        self,
        x: Float[Tensor, "B T D"],
        rotary: Float[Tensor, "2 T K"] | None = None,
        mask: Bool[Tensor, "B 1 #T S"] | None = None,
        cache: KVCache | None = None,
        source: KeysValues | None = None,
    ) -> Float[Tensor, "B T D"]:
        """What each token of `x` takes from the tokens that it looks at.

        Args:
            x: the tokens that ask.
            rotary: the rows of `rotary_table` for their places.
            mask: True where a token may look.
            cache: keys and values of earlier tokens, which are looked at too. It is extended by these.
            source: what `keys_values` made of other tokens, which are looked at instead.
        """
        q, k, v = self.queries_keys_values(x, rotary, cache, source)
        mixed = fused_attention(q, k, v, mask, self.causal)
        return self.project(mixed.transpose(1, 2).flatten(-2))

    def queries_keys_values(
        self,
        x: Float[Tensor, "B T D"],
        rotary: Float[Tensor, "2 T K"] | None = None,
        cache: KVCache | None = None,
        source: KeysValues | None = None,
    ) -> tuple[Float[Tensor, "B H T K"], Float[Tensor, "B H S K"], Float[Tensor, "B H S K"]]:
        """In every head: what each token of `x` looks for, what it can find, and what it is then handed."""
        n_queries, n_keys = self.n_heads, self.n_kv_heads
        if source is None:
            turned, v = self._maps(x, slice(None)).split((n_queries + n_keys, n_keys), dim=1)
            normal = self._normal(turned)
            normal = normal if rotary is None else rotate(normal, rotary)
            q, k = normal.split((n_queries, n_keys), dim=1)
            if cache is not None:
                k, v = cache.append(self.layer, k, v)
        else:
            q = self._normal(self._maps(x, slice(n_queries)), slice(n_queries))
            k, v = source
        if (n_sharing := n_queries // n_keys) > 1:
            k, v = k.repeat_interleave(n_sharing, dim=1), v.repeat_interleave(n_sharing, dim=1)
        return q, k, v

    def keys_values(self, x: Float[Tensor, "B S D"]) -> KeysValues:
        """What the tokens of a source offer and hand over: to be computed once, and looked at by many."""
        each = self._maps(x, slice(self.n_heads, None))
        k, v = each[:, : self.n_kv_heads], each[:, self.n_kv_heads :]
        return self._normal(k, slice(self.n_heads, None)), v

    def _maps(self, x: Float[Tensor, "B T D"], heads: slice) -> Float[Tensor, "B N T K"]:
        weight, bias = self.qkv[heads], None if self.qkv_bias is None else self.qkv_bias[heads].flatten()
        return F.linear(x, weight.flatten(0, 1), bias).unflatten(-1, weight.shape[:2]).transpose(1, 2)

    def _normal(self, x: Float[Tensor, "B N T K"], gains: slice | None = None) -> Float[Tensor, "B N T K"]:
        return x if self.qk_norm is None else self.qk_norm(x, gains)
