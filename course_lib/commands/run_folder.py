"""The folder of a training run: settings, tokenizer, tokens and checkpoints, which together are a model that talks."""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from course_lib.config import Config, read_json
from course_lib.errors import CourseError
from course_lib.evaluation import bits_per_byte, evaluate
from course_lib.files import write_whole
from course_lib.generation import generate
from course_lib.model import GPT
from course_lib.presets import Preset
from course_lib.runtime import device, seed_everything
from course_lib.text import (
    Batch,
    DocumentRows,
    TokenFile,
    Tokenizer,
    TokenShards,
    Windows,
    evaluation_documents,
    evaluation_windows,
    load_corpus,
    tokenizer_for,
    tokenizer_from_dict,
    write_tokens,
)
from course_lib.text.batches import Ids
from course_lib.text.shards import is_shards_folder, shards_tokenizer
from course_lib.text.world import World
from course_lib.training import ALONE, Checkpoint, CheckpointError, Ranks, load_checkpoint

CONFIG, TOKENIZER, TRAIN_TOKENS, VAL_TOKENS = "config.json", "tokenizer.json", "train.tokens", "val.tokens"
CHECKPOINTS, CURVE, SAMPLES, RESULT = "checkpoints", "loss_curve.png", "samples.txt", "result.json"
SAMPLE_TOKENS = 400  # a page of text; no document of the world is nearly as long
_FILES = {CONFIG, TOKENIZER, TRAIN_TOKENS, VAL_TOKENS, CHECKPOINTS, CURVE, SAMPLES, RESULT}


@dataclass(frozen=True)
class RunConfig(Config):
    """What a run was started with."""

    corpus: str
    """world, shakespeare, or the path of a text file or of a folder of shards."""
    settings: Preset


@dataclass(frozen=True)
class Scores:
    """How well a model predicts the validation text."""

    val_loss: float
    """Nats per predicted token."""
    floor: float | None
    """What no model can beat, in nats per predicted token; None where nobody knows it."""
    gap_per_document: float | None
    """Nats above the floor, per document."""
    bits_per_byte: float


@dataclass(frozen=True)
class Run:
    """A run whose settings and tokenizer are known; its texts are opened when they are first needed."""

    folder: Path
    config: RunConfig
    tokenizer: Tokenizer

    @classmethod
    def start(cls, folder: Path, config: RunConfig) -> "Run":
        """Write settings, tokenizer and tokens into `folder`, replacing those of an attempt that was never trained.

        Raises:
            CourseError: the corpus is not to be had or too short for a context, or the folder holds other things or
                cannot be written. Nothing has been written then, or what is there can be started over.
        """
        if folder.is_dir():
            foreign = sorted({path.name for path in folder.iterdir() if path.suffix != ".tmp"} - _FILES)
            if foreign:
                raise CourseError(f"{folder} holds {foreign[0]!r}, so it is no training run's. Choose another folder.")
        tokenizer, train, val = _tokens(config.corpus)
        run = cls(folder, config, tokenizer)
        # Both refuse a text that is too short: before anything is written.
        run._batches(train)
        run._validation(val)

        run.write(TOKENIZER, json.dumps(tokenizer.to_dict()).encode())
        write_tokens(folder / VAL_TOKENS, val, tokenizer)
        if isinstance(train, TokenShards):  # they stay where they are
            (folder / TRAIN_TOKENS).unlink(missing_ok=True)
        else:
            write_tokens(folder / TRAIN_TOKENS, train, tokenizer)
        run.write(CONFIG, json.dumps(config.to_dict(), indent=2).encode())
        return run

    @classmethod
    def open(cls, folder: Path) -> "Run":
        """The run that `folder` holds. Raises CourseError where it holds none, or its settings are damaged."""
        if folder.is_file():
            raise CourseError(f"{folder} is a file. Expected the folder of a training run, as `train --out` makes it.")
        if not (folder / CONFIG).is_file():
            raise CourseError(
                f"There is no training run in {folder}: {CONFIG} is missing. "
                f"Make one: python -m course_lib train --out {folder}"
            )
        return cls(folder, read_config(folder), tokenizer_from_dict(read_json(folder / TOKENIZER)))

    @property
    def is_world(self) -> bool:
        """Whether the texts are documents of the toy world."""
        return self.config.corpus == "world"

    @property
    def metadata(self) -> dict[str, Any]:
        """What its checkpoints must agree with."""
        return {"config": self.config.to_dict(), "tokenizer": self.tokenizer.fingerprint}

    def write(self, name: str, data: bytes) -> None:
        """Write one file of the folder, whole or not at all."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CourseError(f"{self.folder} cannot be written: {error.strerror}. Take another folder.") from error
        write_whole(self.folder / name, data)

    def batches(self) -> Windows:
        """What it trains on: for the world rows that begin at a document, for real text windows from anywhere."""
        path = self.folder / TRAIN_TOKENS
        if not path.exists():
            return self._batches(TokenShards.open(self.config.corpus, "train", self.tokenizer))
        return self._batches(TokenFile.open(path, self.tokenizer).ids)

    def _batches(self, ids: Ids) -> Windows:
        settings = self.config.settings
        shape = settings.batch_size, settings.context_length, settings.training.seed
        return DocumentRows(ids, self.end_id, *shape) if self.is_world else Windows(ids, *shape)

    def _validation(self, ids: Ids) -> list[Batch]:
        """The whole split: for the world each document from its own start, for real text windows side by side."""
        context_length = self.config.settings.context_length
        if not self.is_world:
            return evaluation_windows(ids, context_length)
        batches = evaluation_documents(ids, self.end_id)
        longest = max(batch.inputs.shape[1] for batch in batches)
        if longest > context_length:
            raise CourseError(
                f"context_length is {context_length}, but a document of the world has {longest} tokens, "
                f"and must fit into the context. Use --context-length {longest} or more."
            )
        return batches

    @property
    def end_id(self) -> int:
        if self.tokenizer.end_id is None:
            raise CourseError("The vocabulary has no line end, with which documents end. Train on text with lines.")
        return self.tokenizer.end_id

    def new_model(self) -> GPT:
        """A model with random weights, always the same for one seed, on the best device there is."""
        seed_everything(self.config.settings.training.seed)
        return GPT(self.config.settings.model(self.tokenizer.vocab_size)).to(device())

    def load_checkpoint(self, config: RunConfig | None = None, ranks: Ranks = ALONE) -> Checkpoint | None:
        """The newest checkpoint; None if there is none yet. Raises CheckpointError if it is not of this `config`."""
        config = config or self.config
        return load_checkpoint(self.folder / CHECKPOINTS, {**self.metadata, "config": config.to_dict()}, ranks)

    def trained_model(self) -> GPT:
        """The model as last saved."""
        checkpoint = self.load_checkpoint()
        if checkpoint is None:
            raise CheckpointError(
                f"No checkpoint has been saved in {self.folder} yet. "
                f"Train first: python -m course_lib train --resume --out {self.folder}"
            )
        model = self.new_model()
        load_weights(model, checkpoint)
        return model

    def score(self, model: GPT) -> Scores:
        """How well `model` predicts the whole validation text, and for the world how well anyone could."""
        ids = TokenFile.open(self.folder / VAL_TOKENS, self.tokenizer).ids
        evaluation = evaluate(model, self._validation(ids))
        if not math.isfinite(evaluation.nats):
            raise CourseError(
                f"The validation loss is {evaluation.loss}: the weights have left the range of numbers. "
                "Train again in another folder, with a lower learning rate."
            )
        text = self.tokenizer.decode(ids if self.is_world else ids[1:])  # what was predicted
        bpb = bits_per_byte(evaluation.nats, len(text.encode()))
        if not self.is_world:
            return Scores(evaluation.loss, None, None, bpb)
        documents = text.removesuffix("\n").split("\n")
        floor = -sum(map(World().log_prob, documents))
        if not math.isfinite(floor):
            raise CourseError(f"{self.folder} is of another version of the toy world. Train again in a new folder.")
        return Scores(evaluation.loss, floor / evaluation.n_tokens, (evaluation.nats - floor) / len(documents), bpb)

    def sample(self, model: GPT, n_texts: int) -> list[str]:
        """Texts by `model` at temperature 1, the same at every call: documents of the world, or pieces of real text."""
        prompt = torch.full((n_texts, 1), self.end_id, device=device())
        generator = torch.Generator(device()).manual_seed(0)
        end_id = self.end_id if self.is_world else None
        columns = list(generate(model, prompt, SAMPLE_TOKENS, end_id=end_id, generator=generator))
        texts = [self.tokenizer.decode(row) for row in torch.stack(columns, dim=1).tolist()]
        return [text.split("\n")[0] for text in texts] if self.is_world else texts


def _tokens(corpus: str) -> tuple[Tokenizer, Ids, Ids]:
    """A corpus as ids, to train on and to be judged by, and the tokenizer that they are from."""
    if is_shards_folder(corpus):
        tokenizer = shards_tokenizer(Path(corpus))
        train, val = (TokenShards.open(corpus, split, tokenizer) for split in ("train", "val"))
        return tokenizer, train, val
    text = load_corpus(corpus)
    tokenizer = tokenizer_for(text)
    return tokenizer, tokenizer.encode(text.train), tokenizer.encode(text.val)


def read_config(folder: Path) -> RunConfig:
    """The settings in `folder`."""
    values = read_json(folder / CONFIG)
    try:
        return RunConfig.from_dict(values)
    except CourseError as error:
        raise CourseError(f"{folder / CONFIG}: {error}") from error


def load_weights(model: GPT, checkpoint: Checkpoint, ranks: Ranks = ALONE) -> None:
    """Put a checkpoint's weights into `model`."""
    try:
        ranks.load_weights(model, checkpoint.model_state)
    except RuntimeError as error:
        raise CheckpointError(
            f"{checkpoint.path} does not fit the model of this version of the course: {error}. Train again."
        ) from error
