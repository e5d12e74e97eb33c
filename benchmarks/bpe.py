"""Seconds to learn byte pairs, beside Hugging Face's `tokenizers`, which is written in Rust."""

import statistics
import time

from tokenizers import Regex, Tokenizer, models, pre_tokenizers, trainers

from course_lib.text import load_corpus
from course_lib.text.bpe import PATTERN, train_merges
from report import Row, alternate

VOCAB_SIZE = 1024


def ours(text: str) -> float:
    start = time.perf_counter()
    train_merges(text, VOCAB_SIZE)
    return time.perf_counter() - start


def theirs(text: str) -> float:
    start = time.perf_counter()
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(PATTERN), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=VOCAB_SIZE, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator([text], trainer)
    return time.perf_counter() - start


def rows(repeats: int = 5) -> list[Row]:
    text = load_corpus("shakespeare").train
    results = alternate([lambda: ours(text), lambda: theirs(text)], repeats)
    mine, other = map(statistics.median, results)
    return [
        Row(
            f"{VOCAB_SIZE} byte pairs of Tiny Shakespeare",
            f"{mine:.2f} s",
            f"tokenizers: {other:.2f} s",
            other / mine,
            0.2,
        )
    ]
