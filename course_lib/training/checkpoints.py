"""Checkpoints that survive a kill, a full disk and a flipped bit.

A checkpoint is a folder of four files: the weights, the tensors of the run (optimizer moments, random states), what is
no tensor as JSON, and a manifest with the size and SHA-256 of the other three. It is written under a temporary name,
forced to the disk, and only then renamed: whoever finds a checkpoint finds a whole one. Neither reading nor writing
involves a pickle, so opening a checkpoint from a stranger runs none of the stranger's code.
"""

import errno
import hashlib
import json
import os
import re
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors.torch
from safetensors import SafetensorError
from torch import Tensor

from course_lib.downloads import describe
from course_lib.errors import CourseError

MODEL, TENSORS, STATE, MANIFEST = "model.safetensors", "run.safetensors", "state.json", "manifest.json"
_NAME = re.compile(r"(\d{5,})-step-(\d+)")
_TEMPORARY = ".unfinished-"
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class CheckpointError(CourseError):
    """A checkpoint cannot be written, read, or used with this model. What was saved before is as it was."""


@dataclass(frozen=True)
class Checkpoint:
    """What `save_checkpoint` was given, read back; all tensors on the CPU."""

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
) -> Path:
    """Write one more checkpoint into `folder`, then delete all but the newest `keep`.

    Args:
        folder: Holds all checkpoints of one run; made if missing.
        step: Number of updates that are behind these weights.
        model_state: Weights by name, of any shape and dtype; two names may share one tensor.
        run_state: What else a bit-equal resume needs: nested dicts and lists of tensors, numbers, strings, None.
        metadata: What the weights belong to (configuration, tokenizer fingerprint, ...), as JSON.
        keep: How many checkpoints may stay.

    Returns:
        The new checkpoint's own folder.

    Raises:
        CheckpointError: Disk full (names the free and the needed bytes), no permission. Earlier checkpoints are intact.
    """
    folder = Path(folder)
    tensors: dict[str, Tensor] = {}
    state = {"step": step, "metadata": metadata, "run": _without_tensors(run_state, tensors, "run")}
    files = {
        MODEL: _tensor_bytes(model_state),
        TENSORS: _tensor_bytes(tensors),
        STATE: json.dumps(state).encode(),
    }
    files[MANIFEST] = json.dumps(
        {name: {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()} for name, data in files.items()},
        indent=1,
    ).encode()

    try:
        folder.mkdir(parents=True, exist_ok=True)
        for leftover in folder.glob(_TEMPORARY + "*"):
            shutil.rmtree(leftover)
        earlier = _checkpoints(folder)
        number = _number(earlier[0]) + 1 if earlier else 1
        final = folder / f"{number:05d}-step-{step}"
        temporary = folder / (_TEMPORARY + final.name)
        try:
            temporary.mkdir()
            for name, data in files.items():
                _write(temporary / name, data)
            _sync_folder(temporary)
            temporary.rename(final)
            _sync_folder(folder)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
        for old in earlier[keep - 1 :]:
            shutil.rmtree(old)
    except OSError as error:
        raise _writing_failed(folder, sum(map(len, files.values())), error) from error
    return final


def load_checkpoint(folder: Path | str, metadata: Mapping[str, Any] | None = None) -> Checkpoint | None:
    """Read the newest whole checkpoint of `folder`; each damaged one that is passed over is named on standard error.

    Args:
        folder: As given to `save_checkpoint`.
        metadata: What the caller is about to load the weights into. Compared with what was saved, key by key.

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
            checkpoint = _read(path)
        except CheckpointError as damage:
            damages.append(str(damage))
            continue
        for damage_text in damages:
            print(f"Notice: {damage_text} Using {path.name} instead.", file=sys.stderr)
        if metadata is not None:
            _compare(path, checkpoint.metadata, json.loads(json.dumps(metadata)))
        return checkpoint
    if damages:
        raise CheckpointError(
            "\n".join([f"No checkpoint in {folder} can be read.", *damages, "Copy it again, or train again elsewhere."])
        )
    return None


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


def _writing_failed(folder: Path, needed: int, error: OSError) -> CheckpointError:
    if error.errno in _FULL:
        free = shutil.disk_usage(folder).free
        return CheckpointError(
            f"No room for a checkpoint in {folder} ({error.strerror}): it needs {needed:,} bytes, {free:,} are free. "
            "Earlier checkpoints are intact. Make room and resume, or train into a folder on another disk."
        )
    return CheckpointError(
        f"Cannot write a checkpoint into {folder}: {error.strerror or error}. "
        "Earlier checkpoints are intact. Choose a folder that you may write to."
    )


# ---- reading ----


def _read(path: Path) -> Checkpoint:
    """Read one checkpoint, each file compared with the manifest before it is parsed."""
    try:
        manifest = json.loads(_bytes(path / MANIFEST))
        model, tensors, state = (_verified(path / name, manifest[name]) for name in (MODEL, TENSORS, STATE))
        values = json.loads(state)
        return Checkpoint(
            step=values["step"],
            model_state=safetensors.torch.load(model),
            run_state=_with_tensors(values["run"], safetensors.torch.load(tensors)),
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
