"""The model: token ids in, scores of the next token out."""

from course_lib.model.attention import attention, attention_weights, causal_mask, document_mask, fused_attention
from course_lib.model.cache import KVCache
from course_lib.model.gpt import GPT, GPTConfig
from course_lib.model.layers import MLP, RMSNorm, rotary_table, rotate

__all__ = [
    "GPT",
    "MLP",
    "GPTConfig",
    "KVCache",
    "RMSNorm",
    "attention",
    "attention_weights",
    "causal_mask",
    "document_mask",
    "fused_attention",
    "rotary_table",
    "rotate",
]
