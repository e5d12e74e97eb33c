"""Text: the toy world that makes it, corpora, tokenizers, token files, and the batches that a model is fed."""

from course_lib.text.batches import IGNORE, Batch, DocumentRows, Windows, evaluation_documents, evaluation_windows
from course_lib.text.bpe import train_merges
from course_lib.text.corpora import Corpus, load_corpus, read_text, tokenizer_for, world_corpus
from course_lib.text.gpt2 import gpt2_tokenizer
from course_lib.text.grammar import END
from course_lib.text.masking import MaskedRows, mask_words
from course_lib.text.pairs import Pairs, pair_batch
from course_lib.text.second_language import Tolan, translate
from course_lib.text.shards import TokenShards, build_shards
from course_lib.text.tokenfile import TokenFile, write_tokens
from course_lib.text.tokenizer import (
    BPETokenizer,
    ByteTokenizer,
    CharTokenizer,
    Tokenizer,
    WordTokenizer,
    tokenizer_from_dict,
)
from course_lib.text.world import TRAINING_SEED, VALIDATION_SEED, World

__all__ = [
    "END",
    "IGNORE",
    "TRAINING_SEED",
    "VALIDATION_SEED",
    "BPETokenizer",
    "Batch",
    "ByteTokenizer",
    "CharTokenizer",
    "Corpus",
    "DocumentRows",
    "MaskedRows",
    "Pairs",
    "TokenFile",
    "TokenShards",
    "Tokenizer",
    "Tolan",
    "Windows",
    "WordTokenizer",
    "World",
    "build_shards",
    "evaluation_documents",
    "evaluation_windows",
    "gpt2_tokenizer",
    "load_corpus",
    "mask_words",
    "pair_batch",
    "read_text",
    "tokenizer_for",
    "tokenizer_from_dict",
    "train_merges",
    "translate",
    "world_corpus",
    "write_tokens",
]
