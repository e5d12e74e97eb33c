"""From token ids to what a model is trained and judged on: batches of input tokens and the tokens that follow them.

Shapes: B rows of a batch, T tokens of a row.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from course_lib.errors import CourseError

# The target where nothing is to be predicted: the one that torch's cross_entropy ignores unless told otherwise.
IGNORE = -100


class LookedUpIds(Protocol):
    """Token ids that are looked up by an array of places of any shape, as in numpy's arrays, and in shards of one."""

    def __len__(self) -> int: ...

    def __getitem__(self, places: np.ndarray, /) -> np.ndarray: ...


Ids = Sequence[int] | np.ndarray | LookedUpIds


@dataclass(frozen=True)
class Batch:
    """Rows of tokens, and for each token the one to be predicted from it and from what stands before it."""

    inputs: Int[Tensor, "B T"]  # token ids
    targets: Int[Tensor, "B T"]  # the id of the token that follows, or IGNORE
    documents: Int[Tensor, "B T"] | None = None  # which document of its row a token belongs to; None: all to one
    source: Int[Tensor, "B S"] | None = None  # what the row is a translation of, say; IGNORE where there is no token

    def to(self, device: torch.device | str) -> "Batch":
        documents, source = (None if part is None else part.to(device) for part in (self.documents, self.source))
        return Batch(self.inputs.to(device), self.targets.to(device), documents, source)


class SeededBatches(Iterator[Batch]):
    """Endless batches, of which number n is drawn from the seed and n alone.

    So the order is the same whatever was read before, and the place to resume from is one number.

    Arguments:
        seed: not negative; decides all that is drawn.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.next_batch = 0

    def __next__(self) -> Batch:
        batch = self._batch(np.random.default_rng([self.seed, self.next_batch]))
        self.next_batch += 1
        return batch

    def _batch(self, rng: np.random.Generator) -> Batch:
        raise NotImplementedError

    def state_dict(self) -> dict[str, Any]:
        """Return the place of the next batch: what was handed out already is taken as trained on."""
        return {"seed": self.seed, "next_batch": self.next_batch}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        if state["seed"] != self.seed:
            raise CourseError(
                f"These batches were drawn from seed {state['seed']}, but now the seed is {self.seed}: "
                "resume with the same seed, or start anew."
            )
        self.next_batch = state["next_batch"]


class Windows(SeededBatches):
    """Endless batches of windows that begin anywhere in the text.

    Arguments:
        ids: the text, as token ids; may be memory-mapped, and in shards.
        batch_size: windows in a batch (B).
        context_length: tokens in a window (T).
        seed: not negative; decides all that is drawn.

    Raises:
        CourseError: the text is shorter than a window and the token after it.
    """

    def __init__(self, ids: Ids, batch_size: int, context_length: int, seed: int) -> None:
        super().__init__(seed)
        self.ids: LookedUpIds = np.asarray(ids) if isinstance(ids, Sequence) else ids
        self.batch_size = batch_size
        self.context_length = context_length
        if len(self.ids) <= context_length:
            raise CourseError(
                f"The text has {len(self.ids)} tokens, but a context of {context_length} needs at least "
                f"{context_length + 1}. Use a longer text or a shorter context_length."
            )

    def _batch(self, rng: np.random.Generator) -> Batch:
        starts = self._draw_starts(rng)
        rows = self.ids[starts[:, None] + np.arange(self.context_length + 1)].astype(np.int64)
        return Batch(torch.from_numpy(rows[:, :-1].copy()), torch.from_numpy(rows[:, 1:].copy()))

    def _draw_starts(self, rng: np.random.Generator) -> np.ndarray:
        return rng.integers(len(self.ids) - self.context_length, size=self.batch_size)


class DocumentRows(Windows):
    """Endless batches of rows that begin where a document begins, with attention kept within each document.

    A row is the end token, the document's tokens, the end token, the next document's, ... cut off at T. The end token
    that closes a document is also the first input of the next, so every document is predicted from a lone end token.
    A row is never cut shorter to spare a document: that would tell the model how long the documents are.

    Arguments, errors: as for `Windows`, and
        end_id: the id of the end token, with which `ids` must end.
    """

    def __init__(self, ids: Ids, end_id: int, batch_size: int, context_length: int, seed: int) -> None:
        super().__init__(ids, batch_size, context_length, seed)
        self.end_id = end_id
        # Place -1 is the last end token of all: it serves the first document, which has none before it.
        starts = np.concatenate([[-1], _document_ends(self.ids, end_id)])
        self._starts = starts[starts < len(self.ids) - context_length]

    def _draw_starts(self, rng: np.random.Generator) -> np.ndarray:
        return self._starts[rng.integers(len(self._starts), size=self.batch_size)]

    def _batch(self, rng: np.random.Generator) -> Batch:
        batch = super()._batch(rng)
        documents = (batch.inputs == self.end_id).cumsum(dim=1) - 1
        return Batch(batch.inputs, batch.targets, documents)


def evaluation_windows(ids: Ids, context_length: int, batch_size: int = 64) -> list[Batch]:
    """Cut a text into windows that do not overlap, so that every token but the first is predicted exactly once.

    The last window is filled up with targets that are ignored.

    Arguments:
        ids: the text, as token ids.
        context_length: tokens in a window (T).
        batch_size: windows in a batch (B); fewer in the last batch.

    Raises:
        CourseError: the text has less than two tokens, so nothing is to be predicted.
    """
    ids = np.asarray(ids, np.int64)
    if len(ids) < 2:
        raise CourseError(f"The text has {len(ids)} tokens; there is something to predict only from 2 on.")
    missing = -(len(ids) - 1) % context_length
    inputs = torch.from_numpy(np.pad(ids[:-1], (0, missing)).reshape(-1, context_length))
    targets = torch.from_numpy(np.pad(ids[1:], (0, missing), constant_values=IGNORE).reshape(-1, context_length))
    return [Batch(*rows) for rows in zip(inputs.split(batch_size), targets.split(batch_size), strict=True)]


def evaluation_documents(ids: Ids, end_id: int, batch_size: int = 64) -> list[Batch]:
    """Give every document a row of its own, in their order: predict its tokens and its end from a lone end token.

    Shorter documents are filled up with targets that are ignored.

    Arguments:
        ids: the documents, each closed by the end token.
        end_id: the id of the end token.
        batch_size: documents in a batch (B); fewer in the last batch.

    Raises:
        CourseError: the text does not end with the end token.
    """
    ids = np.asarray(ids, np.int64)
    documents = np.split(ids, _document_ends(ids, end_id)[:-1] + 1)
    batches = []
    for first in range(0, len(documents), batch_size):
        group = [torch.from_numpy(document) for document in documents[first : first + batch_size]]
        targets = torch.nn.utils.rnn.pad_sequence(group, batch_first=True, padding_value=IGNORE)
        inputs = targets.roll(1, dims=1)  # each row's own end, or an ignored place, comes round to its beginning
        inputs[inputs == IGNORE] = end_id
        batches.append(Batch(inputs, targets))
    return batches


def _document_ends(ids: LookedUpIds, end_id: int) -> np.ndarray:
    """The places of all end tokens."""
    if len(ids) == 0 or ids[np.array([-1])] != end_id:
        raise CourseError(
            f"The text does not end with the end token ({end_id}), so its last document has no end. "
            "End the text with a line end, and encode it with the tokenizer that end_id is from."
        )
    piece = 2**20  # a long text is not to be in memory at once
    places = (np.arange(first, min(first + piece, len(ids))) for first in range(0, len(ids), piece))
    return np.concatenate([here[ids[here] == end_id] for here in places])
