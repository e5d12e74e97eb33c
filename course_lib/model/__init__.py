"""The model: token ids in, scores of the next token out."""

from course_lib.model.attention import attention, attention_weights, causal_mask, document_mask, fused_attention
from course_lib.model.cache import KVCache
from course_lib.model.config import TransformerConfig
from course_lib.model.costs import Cost, costs
from course_lib.model.encoder import Encoder
from course_lib.model.gpt import GPT
from course_lib.model.layers import MLP, RMSNorm, rotary_table, rotate, sinusoidal_table
from course_lib.model.ngram import NgramModel
from course_lib.model.seq2seq import Given, Seq2Seq
from course_lib.model.window import WindowModel, preceding

__all__ = [
    "GPT",
    "MLP",
    "Cost",
    "Encoder",
    "Given",
    "KVCache",
    "NgramModel",
    "RMSNorm",
    "Seq2Seq",
    "TransformerConfig",
    "WindowModel",
    "attention",
    "attention_weights",
    "causal_mask",
    "costs",
    "document_mask",
    "fused_attention",
    "preceding",
    "rotary_table",
    "rotate",
    "sinusoidal_table",
]
