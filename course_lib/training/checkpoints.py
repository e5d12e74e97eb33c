"""Checkpoints that survive a kill, a full disk and a flipped bit.

A checkpoint is a folder of four files: the weights, the tensors of the run (optimizer moments, random states), what is
no tensor as JSON, and a manifest with the size and SHA-256 of the other three. It is written under a temporary name,
forced to the disk, and only then renamed: whoever finds a checkpoint finds a whole one. Neither reading nor writing
involves a pickle, so opening a checkpoint from a stranger runs none of the stranger's code.

Where weights are divided among ranks, each rank writes its own rows, so there are more files of tensors. One after the
other they are the whole, from which any other number of ranks takes the rows that it needs.
"""

import errno
import hashlib
import json
import os
import re
import shutil
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from course_lib.downloads import describe
from course_lib.errors import CourseError
from course_lib.training.distributed import ALONE, Ranks

MODEL, TENSORS, STATE, MANIFEST = "model.safetensors", "run.safetensors", "state.json", "manifest.json"
_NAME = re.compile(r"(\d{5,})-step-(\d+)")
_TEMPORARY = ".unfinished-"
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class CheckpointError(CourseError):
    """A checkpoint cannot be written, read, or used with this model. What was saved before is as it was."""


@dataclass(frozen=True)
class Checkpoint:
    """What `save_checkpoint` was given, read back; all tensors on the CPU, of divided weights this rank's rows."""

    step: int
    model_state: dict[str, Tensor]
    run_state: dict[str, Any]
    metadata: dict[str, Any]
    path: Path


def save_checkpoint(
    folder: Path | str,
    *,
    step: int,
    model_state: Mapping[str, Tensor],
    run_state: Mapping[str, Any],
    metadata: Mapping[str, Any],
    keep: int = 3,
    ranks: Ranks = ALONE,
) -> Path:
    """Write one more checkpoint into `folder`, then delete all but the newest `keep`.

    Args:
        folder: Holds all checkpoints of one run; made if missing.
        step: Number of updates that are behind these weights.
        model_state: Weights by name, of any shape and dtype; two names may share one tensor.
        run_state: What else a bit-equal resume needs: nested dicts and lists of tensors, numbers, strings, None.
        metadata: What the weights belong to (configuration, tokenizer fingerprint, ...), as JSON.
        keep: How many checkpoints may stay.
        ranks: The processes that save together, each of which calls this. All see the same `folder`.

    Returns:
        The new checkpoint's own folder.

    Raises:
        CheckpointError: Disk full (names the free and the needed bytes), no permission. Earlier checkpoints are intact.
    """
    folder = Path(folder)
    tensors: dict[str, Tensor] = {}
    state = {"step": step, "metadata": metadata, "run": _without_tensors(run_state, tensors, "run")}
    # What may be divided when it is loaded, as it is now or not: the weights, and what is stored under their names.
    of_weights = {name: each for name, each in tensors.items() if not model_state.keys().isdisjoint(name.split("/"))}
    state["divided"] = {name: len(each) for name, each in {**model_state, **of_weights}.items() if each.ndim}
    files = {
        _part(name, ranks): _tensor_bytes(mine)
        for name, all_of_them in ((MODEL, model_state), (TENSORS, tensors))
        if (mine := ranks.own(all_of_them)) or ranks.rank == 0
    }
    if ranks.rank == 0:
        files[STATE] = json.dumps(state).encode()
    entries = {name: {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()} for name, data in files.items()}
    manifest = {name: entry for of_rank in ranks.gather(entries) for name, entry in of_rank.items()}

    temporary = final = folder
    try:
        # The first rank makes the place and, once all have written into it, gives it its name.
        with ranks.together(), _explained(folder, manifest):
            if ranks.rank == 0:
                temporary, final = _place(folder, step)
        temporary, final = ranks.gather((temporary, final))[0]
        with ranks.together(), _explained(folder, manifest):
            for name, data in files.items():
                _write(temporary / name, data)
        with ranks.together(), _explained(folder, manifest):
            if ranks.rank == 0:
                _write(temporary / MANIFEST, json.dumps(manifest, indent=1).encode())
                _sync_folder(temporary)
                temporary.rename(final)
                _sync_folder(folder)
                for old in _checkpoints(folder)[keep:]:
                    shutil.rmtree(old)
    finally:
        if ranks.rank == 0 and temporary != folder:
            shutil.rmtree(temporary, ignore_errors=True)
    return final


def load_checkpoint(
    folder: Path | str, metadata: Mapping[str, Any] | None = None, ranks: Ranks = ALONE
) -> Checkpoint | None:
    """Read the newest whole checkpoint of `folder`; each damaged one that is passed over is named on standard error.

    Args:
        folder: As given to `save_checkpoint`.
        metadata: What the caller is about to load the weights into. Compared with what was saved, key by key.
        ranks: The processes that load together, in any number. Where weights are divided among them, this one keeps
            only its rows of the weights, and of whatever in the run's state is stored under a weight's name.

    Returns:
        The checkpoint, or None where `folder` holds none (nothing was saved yet).

    Raises:
        CheckpointError: All checkpoints are damaged, or the newest whole one belongs to another configuration.
    """
    folder = Path(folder)
    if folder.is_file():
        raise CheckpointError(f"{folder} is {describe(folder)}. Expected the folder of a training run.")
    damages = []
    for path in _checkpoints(folder):
        try:
            checkpoint = _read(path, ranks)
        except CheckpointError as damage:
            damages.append(str(damage))
            continue
        for damage_text in damages if ranks.rank == 0 else []:
            print(f"Notice: {damage_text} Using {path.name} instead.", file=sys.stderr)
        if metadata is not None:
            _compare(path, checkpoint.metadata, json.loads(json.dumps(metadata)))
        return checkpoint
    if damages:
        raise CheckpointError(
            "\n".join([f"No checkpoint in {folder} can be read.", *damages, "Copy it again, or train again elsewhere."])
        )
    return None


def has_checkpoint(folder: Path | str) -> bool:
    """Whether `folder` holds a checkpoint, whole or damaged."""
    return bool(_checkpoints(Path(folder)))


def _checkpoints(folder: Path) -> list[Path]:
    """All checkpoints in `folder`, the last saved first (by number: a resume may come to the same step again)."""
    if not folder.is_dir():
        return []
    return sorted((path for path in folder.iterdir() if _NAME.fullmatch(path.name)), key=_number, reverse=True)


def _number(path: Path) -> int:
    return int(path.name.split("-")[0])


# ---- writing ----


def _without_tensors(value: Any, tensors: dict[str, Tensor], name: str) -> Any:
    """`value` as JSON can hold it, each tensor moved to `tensors` and replaced by `{"$tensor": its name}`."""
    if isinstance(value, Tensor):
        tensors[name] = value
        return {"$tensor": name}
    if isinstance(value, Mapping):
        if not all(isinstance(key, str) and key != "$tensor" and "/" not in key for key in value):
            raise TypeError(f"{name}: keys must be strings without '/', other than '$tensor'; got {list(value)}")
        return {key: _without_tensors(item, tensors, f"{name}/{key}") for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_tensors(item, tensors, f"{name}/{index}") for index, item in enumerate(value)]
    return value


def _tensor_bytes(tensors: Mapping[str, Tensor]) -> bytes:
    # The clone unties tensors that share memory, which safetensors refuses.
    return safetensors.torch.save({name: t.detach().cpu().contiguous().clone() for name, t in tensors.items()})


def _part(name: str, ranks: Ranks) -> str:
    """The name of this rank's part of a file."""
    stem, _, suffix = name.partition(".")
    return name if ranks.shards == 1 else f"{stem}-{ranks.shard + 1:05d}-of-{ranks.shards:05d}.{suffix}"


def _place(folder: Path, step: int) -> tuple[Path, Path]:
    """Make the folder for a new checkpoint, after sweeping what a kill left; also the name that it will have."""
    folder.mkdir(parents=True, exist_ok=True)
    for leftover in folder.glob(_TEMPORARY + "*"):
        shutil.rmtree(leftover)
    earlier = _checkpoints(folder)
    number = _number(earlier[0]) + 1 if earlier else 1
    final = folder / f"{number:05d}-step-{step}"
    temporary = folder / (_TEMPORARY + final.name)
    temporary.mkdir()
    return temporary, final


def _write(path: Path, data: bytes) -> None:
    # Written here and not by safetensors' own save_file, which makes files that only their owner may read.
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    """Force the names in `folder` to the disk. Windows has no such call."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextmanager
def _explained(folder: Path, manifest: Mapping[str, Any]) -> Iterator[None]:
    """Say what it means for a learner that something could not be written."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            needed, free = sum(entry["size"] for entry in manifest.values()), shutil.disk_usage(folder).free
            raise CheckpointError(
                f"No room for a checkpoint in {folder} ({error.strerror}): it needs {needed:,} bytes, {free:,} are "
                "free. Earlier checkpoints are intact. Make room and resume, or train into a folder on another disk."
            ) from error
        raise CheckpointError(
            f"Cannot write a checkpoint into {folder}: {error.strerror or error}. "
            "Earlier checkpoints are intact. Choose a folder that you may write to."
        ) from error


# ---- reading ----


def _read(path: Path, ranks: Ranks) -> Checkpoint:
    """Read one checkpoint, each file compared with the manifest before it is parsed."""
    try:
        manifest = json.loads(_bytes(path / MANIFEST))
        values = json.loads(_verified(path / STATE, manifest[STATE]))
        n_rows = values["divided"] if ranks.shards > 1 else {}
        return Checkpoint(
            step=values["step"],
            model_state=_tensors(path, MODEL, manifest, n_rows, ranks),
            run_state=_with_tensors(values["run"], _tensors(path, TENSORS, manifest, n_rows, ranks)),
            metadata=values["metadata"],
            path=path,
        )
    except (KeyError, TypeError, ValueError, SafetensorError) as error:
        raise CheckpointError(f"{path} is damaged: it holds something that was never saved ({error!r}).") from error


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise CheckpointError(f"{path.parent} is damaged: {path.name} is missing.") from None
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror}.") from error


def _verified(path: Path, entry: Mapping[str, Any]) -> bytes:
    data = _bytes(path)
    if len(data) == entry["size"] and hashlib.sha256(data).hexdigest() == entry["sha256"]:
        return data
    if len(data) == entry["size"]:
        found = "has the right size, but not the bytes that were saved (SHA-256 differs)"
    else:
        found = f"has {len(data):,} bytes where {entry['size']:,} were saved; it holds {describe(path)}"
    raise CheckpointError(f"{path.parent} is damaged: {path.name} {found}.")


def _tensors(
    path: Path, name: str, manifest: Mapping[str, Any], n_rows: Mapping[str, int], ranks: Ranks
) -> dict[str, Tensor]:
    """Read the tensors of a file or of all its parts: this rank's of the `n_rows` of some, all others whole."""
    stem, _, suffix = name.partition(".")
    parts = [path / part for part in sorted(manifest) if re.fullmatch(rf"{stem}(-\d+-of-\d+)?\.{suffix}", part)]
    if not parts:
        raise KeyError(name)
    pieces: dict[str, list[Tensor]] = defaultdict(list)
    passed: Counter[str] = Counter()
    for part in parts:
        for key, tensor in safetensors.torch.load(_verified(part, manifest[part.name])).items():
            if key in n_rows:
                wanted, start = ranks.part(n_rows[key]), passed[key]
                passed[key] += len(tensor)
                # Copied, so that the rest of the file need not stay in memory.
                tensor = tensor[max(0, wanted.start - start) : max(0, wanted.stop - start)].clone()
            pieces[key].append(tensor)
    return {key: torch.cat(several) if len(several) > 1 else several[0] for key, several in pieces.items()}


def _with_tensors(value: Any, tensors: Mapping[str, Tensor]) -> Any:
    """The inverse of `_without_tensors`."""
    if isinstance(value, dict):
        if "$tensor" in value:
            return tensors[value["$tensor"]]
        return {key: _with_tensors(item, tensors) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_tensors(item, tensors) for item in value]
    return value


def _compare(path: Path, saved: Mapping[str, Any], wanted: Mapping[str, Any], prefix: str = "") -> None:
    for key in sorted(saved.keys() | wanted.keys()):
        old, new = saved.get(key), wanted.get(key)
        if isinstance(old, dict) and isinstance(new, dict):
            _compare(path, old, new, f"{prefix}{key}.")
        elif old != new:
            raise CheckpointError(
                f"{path} belongs to another configuration: it was saved with {prefix}{key} = {old!r}, "
                f"asked for is {new!r}. Use the same configuration, or start a new run in another folder."
            )
