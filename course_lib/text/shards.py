"""Large corpora: token files in shards, built in parallel and resumably, and read as one sequence of ids.

A folder of shards holds

    tokenizer.json              the tokenizer, for whoever opens the shards
    recipe.json                 what the shards are made from and how, so that only the same build is taken up again
    train-00000.tokens, ...     token files, each of as many documents (the last of what is left)
    val-00000.tokens, ...       the same for validation
    index.json                  written last: which shards there are, in which order, with counts

A shard is written whole or not at all. So a build that was killed goes on with the shards that are missing.
"""

import hashlib
import json
import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from multiprocessing import get_context, parent_process
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from course_lib.config import Config, read_json
from course_lib.errors import CourseError
from course_lib.files import write_whole
from course_lib.text.documents import Found, read_documents
from course_lib.text.tokenfile import TokenFile, token_count, write_tokens
from course_lib.text.tokenizer import Tokenizer, tokenizer_from_dict

INDEX, RECIPE, TOKENIZER, VERIFIED = "index.json", "recipe.json", "tokenizer.json", "verified.json"
SPLITS = ("train", "val")
NAMED = 5  # bad lines that are told one by one

# ── Building ──


@dataclass(frozen=True)
class Recipe(Config):
    """What decides every byte of a folder of shards."""

    tokenizer: str
    """What was asked for: gpt2, bpe-1024, or the fingerprint of one that was given."""
    inputs: list[list[Any]]
    """Name and bytes of each file, in order."""
    field: str = "text"
    """Where in JSON and tables a document stands."""
    val_share: float = 0.01
    """Share of the documents that are kept for validation."""
    documents_per_shard: int = 10_000

    def __post_init__(self) -> None:
        if not 0 < self.val_share < 1:
            raise CourseError(f"val_share is {self.val_share}; it is a share: more than 0, less than 1.")
        if self.documents_per_shard < 1:
            raise CourseError(f"documents_per_shard is {self.documents_per_shard}; it must be at least 1.")


def split_of(text: str, val_share: float) -> str:
    """ "val" for a share of all texts, chosen by their SHA-256, else "train".

    So it depends on nothing but the text: a corpus may grow or change its order, and a document that occurs twice
    never stands in both.
    """
    number = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
    return "val" if number < val_share * 2**64 else "train"


class Shard(NamedTuple):
    """What the index says of a shard."""

    file: str
    documents: int
    tokens: int


@dataclass
class Report:
    """How a build went."""

    shards: dict[str, list[Shard]] = field(default_factory=lambda: {split: [] for split in SPLITS})
    skipped: int = 0
    """Bad lines that were left out."""
    written: int = 0
    """Shards that were not there yet."""

    def documents(self, split: str) -> int:
        return sum(shard.documents for shard in self.shards[split])

    def tokens(self, split: str) -> int:
        return sum(shard.tokens for shard in self.shards[split])


def build_shards(
    inputs: Sequence[Path],
    folder: Path,
    recipe: Recipe,
    make_tokenizer: Callable[[], Tokenizer],
    workers: int = 1,
    skip_bad: bool = False,
    progress: Callable[[Iterable[Found]], Iterable[Found]] = iter,
) -> Report:
    """Turn files of documents into a folder of shards, or go on with a build that was stopped.

    The documents come in the order of `inputs`, whatever the number of workers, and each ends with the tokenizer's end
    token. All bytes of the folder follow from the inputs and the recipe.

    Arguments:
        inputs: what `read_documents` can read.
        folder: new, empty, or with a build of the same recipe.
        recipe: how; `new_recipe` makes it.
        make_tokenizer: called when the folder has no tokenizer yet.
        workers: processes that encode, beside this one, which reads; 1: this one does both.
        skip_bad: leave out what is no document, with a notice, instead of refusing it.
        progress: is handed all that is read, and hands it on.

    Raises:
        CourseError: no document, or none for one of the splits; something that is no document; the folder holds
            something else, or cannot be written. The shards that were written stay, and the same build goes on.
    """
    tokenizer = _start(folder, recipe, make_tokenizer)
    report = Report()
    description = json.dumps(tokenizer.to_dict())

    def documents() -> Iterator[str]:
        for found in progress(found for path in inputs for found in read_documents(path, recipe.field)):
            if found.text is not None:
                yield found.text
                continue
            if not skip_bad:
                raise CourseError(f"{found.place}: {found.problem}. Mend it, or leave such lines out with --skip-bad.")
            report.skipped += 1
            if report.skipped <= NAMED:
                print(f"left out {found.place}: {found.problem}", file=sys.stderr)

    def missing_and_present() -> Iterator["_Job"]:
        for split, number, texts in _blocks(documents(), recipe):
            path = folder / f"{split}-{number:05}.tokens"
            is_new = not path.exists()
            report.written += is_new
            yield _Job(path, split, len(texts), texts if is_new else [], description)

    for split, shard in _in_order(_make_shard, missing_and_present(), workers):
        report.shards[split].append(shard)
    for split in SPLITS:
        if not report.shards[split]:
            raise CourseError(
                f"There is no document for {split} among {sum(map(report.documents, SPLITS))}. Give more documents, or "
                f"another --val-share (now {recipe.val_share})."
            )
    index = {split: [shard._asdict() for shard in report.shards[split]] for split in SPLITS}
    _write(folder / INDEX, index | {"skipped": report.skipped})
    return report


def new_recipe(tokenizer: str, inputs: Sequence[Path], **settings: Any) -> Recipe:
    """A recipe for files. Raises CourseError where one is missing or empty."""
    sizes = []
    for path in inputs:
        if not path.is_file():
            raise CourseError(f"{path} is no file. Name the files of the corpus, one after the other.")
        sizes.append([path.name, path.stat().st_size])
    return Recipe(tokenizer, sizes, **settings)


def first_documents(inputs: Sequence[Path], field: str, n_characters: int) -> str:
    """The documents at the beginning of a corpus, one a line, to train a tokenizer on."""
    texts, n = [], 0
    for found in (found for path in inputs for found in read_documents(path, field)):
        if found.text is not None:
            texts.append(found.text + "\n")
            n += len(texts[-1])
            if n >= n_characters:
                break
    return "".join(texts)


def _start(folder: Path, recipe: Recipe, make_tokenizer: Callable[[], Tokenizer]) -> Tokenizer:
    """The tokenizer of a folder that is ready to be filled."""
    if (folder / RECIPE).exists():
        there = read_json(folder / RECIPE)
        for name, value in recipe.to_dict().items():
            if there.get(name) != value:
                raise CourseError(
                    f"{folder} was begun with {name} = {there.get(name)!r}, asked for is {value!r}. "
                    "Ask for the same, or choose another folder."
                )
        for unfinished in folder.glob("*.tmp"):  # of a build that was killed
            unfinished.unlink()
        return tokenizer_from_dict(read_json(folder / TOKENIZER))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # A build that was killed before it had a recipe has left its tokenizer at most.
        foreign = [path for path in folder.iterdir() if path.name != TOKENIZER and path.suffix != ".tmp"]
    except OSError as error:
        raise CourseError(f"{folder} cannot be made: {error.strerror}. Choose another folder.") from error
    if foreign:
        raise CourseError(
            f"{folder} holds {foreign[0].name!r}, so it is no build of shards to go on with. Choose another folder."
        )
    tokenizer = make_tokenizer()
    if tokenizer.end_id is None:
        raise CourseError(f"{tokenizer} has no end token, with which documents end. Use another tokenizer.")
    _write(folder / TOKENIZER, tokenizer.to_dict())
    _write(folder / RECIPE, recipe.to_dict())
    return tokenizer


def _write(path: Path, values: dict[str, Any]) -> None:
    write_whole(path, json.dumps(values, indent=1).encode())


def _blocks(documents: Iterable[str], recipe: Recipe) -> Iterator[tuple[str, int, list[str]]]:
    """Documents as they come, collected by split into blocks: split, number of the block in it, texts."""
    waiting: dict[str, list[str]] = {split: [] for split in SPLITS}
    numbers = dict.fromkeys(SPLITS, 0)
    for text in documents:
        split = split_of(text, recipe.val_share)
        waiting[split].append(text)
        if len(waiting[split]) == recipe.documents_per_shard:
            yield split, numbers[split], waiting[split]
            waiting[split] = []
            numbers[split] += 1
    for split in SPLITS:
        if waiting[split]:
            yield split, numbers[split], waiting[split]


class _Job(NamedTuple):
    path: Path
    split: str
    documents: int
    texts: list[str]  # none where the shard is there already
    tokenizer: str  # described in JSON


def _make_shard(job: _Job) -> tuple[str, Shard]:
    tokenizer = _tokenizer(job.tokenizer)
    if job.texts:
        ids = [np.array([*tokenizer.encode(text), tokenizer.end_id], np.uint32) for text in job.texts]
        write_tokens(job.path, np.concatenate(ids), tokenizer)
    return job.split, Shard(job.path.name, job.documents, token_count(job.path))


@cache
def _tokenizer(description: str) -> Tokenizer:
    return tokenizer_from_dict(json.loads(description))


def _in_order(function: Callable[[Any], Any], jobs: Iterable[Any], workers: int) -> Iterator[Any]:
    """`map`, by several processes; few jobs wait at a time, for each holds its documents."""
    if workers == 1:
        yield from map(function, jobs)
        return
    pool = ProcessPoolExecutor(workers, get_context("spawn"), _begin_worker)
    try:
        waiting: deque[Future[Any]] = deque()
        for job in jobs:
            waiting.append(pool.submit(function, job))
            if len(waiting) > 2 * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def _begin_worker() -> None:
    """An interrupt is the main process's business; and when that one is killed, this one ends too."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def end_with_parent() -> None:
        parent = parent_process()
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=end_with_parent, daemon=True).start()


# ── Reading ──


def shards_tokenizer(folder: Path) -> Tokenizer:
    """The tokenizer of a folder of shards. Raises CourseError where there is none."""
    return tokenizer_from_dict(read_json(folder / TOKENIZER))


def is_shards_folder(folder: str | Path) -> bool:
    """Whether shards have been built there, to the end."""
    return Path(folder, INDEX).is_file()


class TokenShards:
    """The token files of a corpus as one sequence of ids, of which only what is used is read.

    Looked up like an array by an array of places, which is how batches are drawn: `shards[places]`.

    Arguments:
        files: at least one token file, all of one vocabulary, in their order.
    """

    def __init__(self, files: Sequence[TokenFile]) -> None:
        self.files = files
        self._ends = np.cumsum([len(file.ids) for file in files])

    @classmethod
    def open(cls, folder: str | Path, split: str, tokenizer: Tokenizer) -> "TokenShards":
        """Open the shards of a split.

        Every byte is looked at when a shard is first opened; that it was good is then noted beside it, and holds until
        its size or its time changes. (In a folder that cannot be written, every time.)

        Arguments:
            folder: as `build_shards` makes it.
            split: "train" or "val".
            tokenizer: the tokenizer that the ids must be from.

        Raises:
            CourseError: there are no shards, or one is missing, damaged, of another vocabulary, or not the one that
                the index lists.
        """
        folder = Path(folder)
        if not is_shards_folder(folder):
            raise CourseError(
                f"{folder} is no folder of shards: {INDEX} is missing. "
                f"Make one, or finish it: python -m course_lib tokenize INPUT... --out {folder}"
            )
        listed = _listed(folder, split)
        verified = read_json(folder / VERIFIED) if (folder / VERIFIED).exists() else {}
        files, stamps = [], {}
        for shard in listed:
            path = folder / shard.file
            stamp = _stamp(path)
            files.append(TokenFile.open(path, tokenizer, verify=stamp is None or verified.get(shard.file) != stamp))
            stamps[shard.file] = stamp
            if len(files[-1].ids) != shard.tokens:
                raise CourseError(
                    f"{path} holds {len(files[-1].ids)} tokens, but {INDEX} lists {shard.tokens}: it is another "
                    "build's. Build the folder again."
                )
        if not verified.items() >= stamps.items():
            with suppress(CourseError):  # a folder that is only read
                _write(folder / VERIFIED, verified | stamps)
        return cls(files)

    def __len__(self) -> int:
        return int(self._ends[-1])

    def __getitem__(self, places: np.ndarray) -> np.ndarray:
        """The ids at `places`, an array of integers of any shape; negative ones count from the end."""
        places = np.asarray(places)
        if places.size and not -len(self) <= places.min() <= places.max() < len(self):
            raise IndexError(f"places {places.min()} to {places.max()} in a sequence of {len(self)} tokens")
        places = places % len(self)
        shards = np.searchsorted(self._ends, places, side="right")
        ids = np.empty(places.shape, self.files[0].ids.dtype)
        for number in np.unique(shards):
            here = shards == number
            file_ids = self.files[number].ids
            ids[here] = file_ids[places[here] - (self._ends[number] - len(file_ids))]
        return ids

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """All of it, in memory."""
        return np.concatenate([file.ids for file in self.files], dtype=dtype)


def _listed(folder: Path, split: str) -> list[Shard]:
    index = read_json(folder / INDEX)
    try:
        listed = [Shard(**shard) for shard in index[split]]
        if listed and all(Path(shard.file).name == shard.file and type(shard.tokens) is int for shard in listed):
            return listed
    except (KeyError, TypeError):
        pass
    raise CourseError(f"{folder / INDEX} is damaged: it does not list the shards of {split!r}. Delete it, build again.")


def _stamp(path: Path) -> list[int] | None:
    """What changes when a file does; None for a file that is not there."""
    try:
        there = path.stat()
    except OSError:
        return None
    return [there.st_size, there.st_mtime_ns]
