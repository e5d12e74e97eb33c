"""Turn large corpora into token files: documents → ids → a folder of shards, for `train --corpus FOLDER`."""

import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import tyro
from tqdm import tqdm

from course_lib.config import read_json
from course_lib.errors import CourseError
from course_lib.text import BPETokenizer, Tokenizer, build_shards, gpt2_tokenizer, tokenizer_from_dict
from course_lib.text.shards import SPLITS, Recipe, first_documents, new_recipe

TRAINING_CHARACTERS = 5_000_000  # enough for the usual words, and for a minute


@dataclass(frozen=True)
class Options:
    """Turn large corpora into token files. A build that was stopped goes on when the same command is given again."""

    inputs: Annotated[tuple[Path, ...], tyro.conf.Positional]
    """Files of documents: .txt (one a line), .jsonl, .parquet (columns as in FineWeb-Edu), .txt.gz, .jsonl.gz."""
    out: Path
    """Folder for the shards: new, or with a build of the same files to go on with."""
    tokenizer: str = "gpt2"
    """gpt2; bpe-N: N tokens, learned from the beginning of the files; or the tokenizer.json of a training run."""
    field: str = Recipe.field
    """Where in JSON and tables a document stands."""
    val_share: float = Recipe.val_share
    """Share of the documents that are kept for validation, chosen by their SHA-256."""
    documents_per_shard: int = Recipe.documents_per_shard
    """Documents in each file."""
    workers: int = 1
    """Processes that encode; more than 1: beside the one that reads."""
    skip_bad: tyro.conf.FlagCreatePairsOff[bool] = False
    """Leave out lines that hold no document, and say so, instead of refusing them."""

    def __post_init__(self) -> None:
        if not self.inputs:
            raise CourseError("There is no file to read. Name the files of the corpus, one after the other.")
        if self.workers < 1:
            raise CourseError(f"workers is {self.workers}, but somebody has to work: at least 1.")


def run(options: Options) -> dict[str, Any]:
    """Build the shards; say how many documents and tokens there are. Ctrl-C and kills lose no finished shard."""
    name, make_tokenizer = _tokenizer(options)
    recipe = new_recipe(
        name,
        options.inputs,
        field=options.field,
        val_share=options.val_share,
        documents_per_shard=options.documents_per_shard,
    )
    try:
        report = build_shards(
            options.inputs,
            options.out,
            recipe,
            make_tokenizer,
            options.workers,
            options.skip_bad,
            progress=partial(tqdm, unit=" documents", file=sys.stderr),
        )
    except KeyboardInterrupt:
        print("\nGo on by giving the same command again.", file=sys.stderr)
        raise
    for split in SPLITS:
        n, files = report.documents(split), len(report.shards[split])
        print(f"{split:5}  {n:,} documents, {report.tokens(split):,} tokens, {files:,} file{'s' * (files != 1)}")
    if report.skipped:
        print(f"{report.skipped:,} lines that hold no document were left out")
    print(f"train on them: python -m course_lib train --corpus {options.out}", file=sys.stderr)
    return {
        "documents": {split: report.documents(split) for split in SPLITS},
        "tokens": {split: report.tokens(split) for split in SPLITS},
        "shards": {split: len(report.shards[split]) for split in SPLITS},
        "written": report.written,
        "skipped": report.skipped,
    }


def _tokenizer(options: Options) -> tuple[str, Callable[[], Tokenizer]]:
    """What the recipe calls the tokenizer, and how to make it."""
    if options.tokenizer == "gpt2":
        return "gpt2", gpt2_tokenizer
    if match := re.fullmatch(r"bpe-(\d+)", options.tokenizer):
        if (vocab_size := int(match[1])) < 256:
            raise CourseError(f"The tokenizer is {options.tokenizer}, but the 256 bytes alone are 256 tokens.")
        return options.tokenizer, partial(_learned, options, vocab_size)
    path = Path(options.tokenizer)
    if not path.is_file():
        raise CourseError(
            f"There is no tokenizer {options.tokenizer!r}. Name gpt2, bpe-N such as bpe-4096, or the path of a "
            "tokenizer.json that this course wrote."
        )
    tokenizer = tokenizer_from_dict(read_json(path))
    return tokenizer.fingerprint, lambda: tokenizer


def _learned(options: Options, vocab_size: int) -> Tokenizer:
    print(f"learning {vocab_size} tokens from the beginning of the files", file=sys.stderr)
    return BPETokenizer.train(first_documents(options.inputs, options.field, TRAINING_CHARACTERS), vocab_size)
