"""What is saved is what is read, whatever happens to the disk, the files or the process in between."""

import errno
import hashlib
import itertools
import json
import os
import pickle
import random
import re
import shutil
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from course_lib.training.checkpoints import (
    MANIFEST,
    MODEL,
    STATE,
    TENSORS,
    Checkpoint,
    CheckpointError,
    load_checkpoint,
    save_checkpoint,
)

FILES = [MODEL, TENSORS, STATE, MANIFEST]
CONFIG = {"model": {"d_model": 4, "n_layers": 1}, "betas": (0.9, 0.95)}


def save(folder: Path, step: int, **changes: Any) -> Path:
    """A small checkpoint whose every number depends on `step`."""
    arguments: dict[str, Any] = {
        "step": step,
        "model_state": {"weight": torch.full((3, 4), float(step)), "bias": torch.arange(3) + step},
        "run_state": {"optimizer": {"moments": [torch.full((5,), step / 7)], "lr": step / 3}, "seed": step},
        "metadata": CONFIG,
    }
    return save_checkpoint(folder, **{**arguments, **changes})


def load(folder: Path, **arguments: Any) -> Checkpoint:
    checkpoint = load_checkpoint(folder, **arguments)
    assert checkpoint is not None
    return checkpoint


def same(a: Any, b: Any) -> bool:
    """Equal in structure, and bit for bit in tensors."""
    if isinstance(a, Tensor):
        return a.dtype == b.dtype and a.shape == b.shape and a.numpy(force=True).tobytes() == b.numpy().tobytes()
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    return type(a) is type(b) and a == b


def test_everything_comes_back_bit_for_bit(tmp_path: Path) -> None:
    weight = torch.randn(7, 5, requires_grad=True)
    model_state = {
        "weight": weight,
        "tied": weight,
        "transposed": weight.T,
        "half": torch.randn(3).half(),
        "scalar": torch.tensor(float("nan")),
        "none": torch.empty(0, 3),
    }
    run_state = {
        "rng": torch.get_rng_state(),
        "python": random.Random(0).getstate(),
        "losses": [0.1 + 0.2, float("inf"), -0.0, 1e-320],
        "nested": {"step": 2**60, "name": "Straße", "nothing": None, "yes": True, "groups": [{"m": torch.ones(2)}]},
    }
    path = save_checkpoint(tmp_path, step=7, model_state=model_state, run_state=run_state, metadata=CONFIG)
    back = load(tmp_path)
    assert same(model_state, back.model_state)
    assert same(run_state, back.run_state)
    assert (back.step, back.path, back.metadata["model"]) == (7, path, CONFIG["model"])


def test_bfloat16_comes_back(tmp_path: Path) -> None:
    weight = torch.randn(9).bfloat16()
    save(tmp_path, 1, model_state={"weight": weight})
    assert torch.equal(load(tmp_path).model_state["weight"], weight)


@pytest.mark.parametrize("key", [0, "a/b", "$tensor"])
def test_keys_that_would_not_come_back_are_refused(tmp_path: Path, key: Any) -> None:
    with pytest.raises(TypeError, match="keys must be strings"):
        save(tmp_path, 1, run_state={"state": {key: torch.ones(1)}})


def test_an_empty_folder_holds_no_checkpoint(tmp_path: Path) -> None:
    assert load_checkpoint(tmp_path) is None
    assert load_checkpoint(tmp_path / "nowhere") is None


def test_the_last_three_saved_are_kept(tmp_path: Path) -> None:
    paths = [save(tmp_path, step) for step in (10, 20, 30, 40, 25)]  # 25: resumed from an older one
    assert sorted(tmp_path.iterdir()) == paths[-3:]
    assert load(tmp_path).step == 25


def test_others_may_read_what_their_umask_allows(tmp_path: Path) -> None:
    modes = {stat.S_IMODE(file.stat().st_mode) for file in save(tmp_path, 1).iterdir()}
    umask = os.umask(0)
    os.umask(umask)
    assert modes == {0o666 & ~umask}


def test_leftovers_of_a_kill_are_swept(tmp_path: Path) -> None:
    leftover = tmp_path / ".unfinished-00001-step-5"
    leftover.mkdir()
    (leftover / "model.safetensors").write_bytes(b"half")
    path = save(tmp_path, 5)
    assert list(tmp_path.iterdir()) == [path]


def flips(data: bytes) -> Iterator[bytes]:
    """`data` with one bit flipped, for every bit."""
    for place in range(len(data)):
        for bit in range(8):
            yield data[:place] + bytes([data[place] ^ 1 << bit]) + data[place + 1 :]


def truncations(data: bytes) -> Iterator[bytes]:
    return (data[:length] for length in range(len(data)))


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("damages", [flips, truncations])
def test_every_single_damage_is_noticed(tmp_path: Path, file: str, damages: Callable) -> None:
    """Every flipped bit and every cut of each file: an error, or else what was saved."""
    tensor, config = torch.ones(1), {}
    path = save(tmp_path, 1, model_state={"w": tensor}, run_state={"m": tensor}, metadata=config)
    whole = load(tmp_path)
    data = (path / file).read_bytes()
    n_errors = n_damages = 0
    for damaged in damages(data):
        (path / file).write_bytes(damaged)
        n_damages += 1
        try:
            assert same(vars(load(tmp_path)), vars(whole))
        except CheckpointError:
            n_errors += 1
    assert n_errors > 0.9 * n_damages  # the rest are flips of white space in the manifest


def test_a_thousand_flipped_bits_are_noticed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Anywhere in the data: the one saved before is read, and a notice says so."""
    rng = random.Random(0)
    save(tmp_path, 1)
    newest = save(tmp_path, 2, model_state={"weight": torch.randn(50, 50)})
    file = newest / MODEL
    data = file.read_bytes()
    for _ in range(1000):
        damaged = bytearray(data)
        damaged[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        file.write_bytes(damaged)
        assert load(tmp_path).step == 1
        notice = capsys.readouterr().err
        assert str(newest) in notice
        assert "Using 00001-step-1 instead" in notice


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("change", [Path.unlink, lambda path: path.write_bytes(path.read_bytes()[:-1])])
def test_without_one_of_its_files_the_checkpoint_before_is_used(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], file: str, change: Callable[[Path], None]
) -> None:
    save(tmp_path, 1)
    before = load(tmp_path)
    for step in (2, 3):
        change(save(tmp_path, step) / file)
    assert same(vars(load(tmp_path)), vars(before))
    notice = capsys.readouterr().err
    assert re.search(r"00003-step-3 is damaged.*\n.*00002-step-2 is damaged", notice)
    assert notice.count("Using 00001-step-1 instead") == 2
    assert {path.name for path in tmp_path.iterdir()} == {"00001-step-1", "00002-step-2", "00003-step-3"}


def spoil(path: Path, how: str) -> None:
    weights = path / "model.safetensors"
    if how == "missing":
        weights.unlink()
    elif how == "pickle":
        torch.save({"weight": torch.ones(3)}, weights)
    elif how == "old pickle":
        weights.write_bytes(pickle.dumps({"weight": 1}))
    elif how == "web page":
        weights.write_bytes(b"<!DOCTYPE html><title>404</title>")
    elif how == "lfs":
        weights.write_bytes(b"version https://git-lfs.github.com/spec/v1\n")
    elif how == "flipped":
        data = bytearray(weights.read_bytes())
        data[-1] ^= 1
        weights.write_bytes(data)
    elif how == "truncated":
        weights.write_bytes(weights.read_bytes()[:-1])
    elif how == "manifest":
        (path / "manifest.json").write_text("[]")


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ("missing", "model.safetensors is missing"),
        ("pickle", "or a pickle.*is not opened"),
        ("old pickle", "or a pickle.*is not opened"),
        ("web page", "an HTML or XML page"),
        ("lfs", "a pointer of Git LFS"),
        ("flipped", "the right size, but not the bytes that were saved"),
        ("truncated", "has 199 bytes where 200 were saved"),
        ("manifest", "something that was never saved"),
    ],
)
def test_the_error_says_what_was_found(tmp_path: Path, how: str, says: str) -> None:
    spoil(save(tmp_path, 1), how)
    with pytest.raises(CheckpointError, match=says):
        load_checkpoint(tmp_path)


def test_a_manifest_that_vouches_for_a_pickle_does_not_help_it(tmp_path: Path) -> None:
    path = save(tmp_path, 1)
    spoil(path, "pickle")
    weights = (path / "model.safetensors").read_bytes()
    manifest = json.loads((path / "manifest.json").read_text())
    manifest["model.safetensors"] = {"size": len(weights), "sha256": hashlib.sha256(weights).hexdigest()}
    (path / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(CheckpointError, match="something that was never saved"):
        load_checkpoint(tmp_path)


@pytest.mark.parametrize("file", [MODEL, TENSORS, STATE])
def test_a_manifest_that_vouches_for_damage_meets_no_other_error(tmp_path: Path, file: str) -> None:
    """As one made on purpose would: every bit flipped, with the checksum to match."""
    path = save(tmp_path, 1, model_state={"w": torch.ones(1)}, run_state={"m": torch.ones(1)})
    manifest = json.loads((path / MANIFEST).read_text())
    n_errors = 0
    for damaged in flips((path / file).read_bytes()):
        (path / file).write_bytes(damaged)
        manifest[file] = {"size": len(damaged), "sha256": hashlib.sha256(damaged).hexdigest()}
        (path / MANIFEST).write_text(json.dumps(manifest))
        try:
            load(tmp_path)
        except CheckpointError:
            n_errors += 1
    assert n_errors > 0


def test_a_file_in_place_of_the_folder(tmp_path: Path) -> None:
    torch.save({"weight": torch.ones(3)}, tmp_path / "model.pt")
    with pytest.raises(CheckpointError, match=r"model.pt is a ZIP archive or a pickle.*Expected the folder"):
        load_checkpoint(tmp_path / "model.pt")
    with pytest.raises(CheckpointError, match="Cannot write a checkpoint"):
        save(tmp_path / "model.pt", 1)


def test_another_configuration_is_refused_by_name(tmp_path: Path) -> None:
    save(tmp_path, 1)
    assert load(tmp_path, metadata=CONFIG).step == 1
    other = {**CONFIG, "model": {"d_model": 8, "n_layers": 1}}
    with pytest.raises(CheckpointError, match=r"model.d_model = 4, asked for is 8"):
        load_checkpoint(tmp_path, metadata=other)
    with pytest.raises(CheckpointError, match=r"extra = None, asked for is 1"):
        load_checkpoint(tmp_path, metadata={**CONFIG, "extra": 1})


def test_on_a_full_disk_the_earlier_checkpoint_stays(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource", reason="no limit on file sizes on this system")
    save(tmp_path, 1)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, hard))
    try:
        with pytest.raises(CheckpointError, match=r"it needs 4,0\d\d,\d{3} bytes, [\d,]+ are free.*intact"):
            save(tmp_path, 2, model_state={"weight": torch.ones(1_000_000)})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [path.name for path in tmp_path.iterdir()] == ["00001-step-1"]
    assert load(tmp_path).step == 1


@pytest.mark.skipif(os.name != "posix", reason="a folder can be forced to the disk on POSIX only")
def test_all_is_on_the_disk_before_it_counts_and_before_anything_is_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every whole file, then their names, only then the final name, then that one's folder; old ones go last."""
    oldest = save(tmp_path, 1)
    events: list[tuple[str, Any]] = []

    def note_fsync(descriptor: int) -> None:
        status = os.fstat(descriptor)
        events.append(("fsync", (status.st_ino, 0 if stat.S_ISDIR(status.st_mode) else status.st_size)))
        fsync(descriptor)

    def note_rename(path: Path, target: Path) -> Path:
        events.append(("rename", target))
        return rename(path, target)

    def note_deletion(path: Path, **options: Any) -> None:
        events.append(("delete", path)) if path.exists() else None
        rmtree(path, **options)

    fsync, rename, rmtree = os.fsync, Path.rename, shutil.rmtree
    monkeypatch.setattr(os, "fsync", note_fsync)
    monkeypatch.setattr(Path, "rename", note_rename)
    monkeypatch.setattr(shutil, "rmtree", note_deletion)
    path = save(tmp_path, 2, keep=1)
    files = {("fsync", (file.stat().st_ino, file.stat().st_size)) for file in path.iterdir()}
    assert len(files) == len(FILES)
    assert set(events[: len(files)]) == files
    assert events[len(files) :] == [
        ("fsync", (path.stat().st_ino, 0)),
        ("rename", path),
        ("fsync", (tmp_path.stat().st_ino, 0)),
        ("delete", oldest),
    ]


@pytest.mark.parametrize(("owner", "call"), [(Path, "mkdir"), (Path, "open"), (os, "fsync"), (Path, "rename")])
def test_wherever_room_runs_out_the_earlier_checkpoint_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, owner: Any, call: str
) -> None:
    """The n-th call of its kind finds the disk full, for every n."""

    def full_at(n: int, function: Callable) -> Callable:
        numbers = itertools.count()

        def called(*args: Any, **options: Any) -> Any:
            if next(numbers) == n:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return function(*args, **options)

        return called

    def contents(folder: Path) -> dict[str, bytes]:
        return {file.name: file.read_bytes() for file in folder.iterdir()}

    first = save(tmp_path, 1)
    before = contents(first)
    sizes = {name: len(data) for name, data in before.items()}
    usage = shutil.disk_usage(tmp_path)._replace(free=1234)
    for n in itertools.count():
        message = ""
        with monkeypatch.context() as patched:
            patched.setattr(shutil, "disk_usage", lambda _: usage)
            patched.setattr(owner, call, full_at(n, getattr(owner, call)))
            try:
                save(tmp_path, 1)
            except CheckpointError as error:
                message = str(error)
        assert contents(first) == before
        assert not list(tmp_path.glob(".unfinished-*"))
        if not message:
            break
        needed = re.search(r"it needs ([\d,]+) bytes, 1,234 are free", message)
        assert needed, message
        assert sum(sizes.values()) - sizes[MANIFEST] <= int(needed[1].replace(",", "")) <= sum(sizes.values())
    assert n > 0


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS])
def test_without_permission_the_error_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    save(tmp_path, 1)

    def refuse(*_: Any, **__: Any) -> None:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patched:
        patched.setattr(Path, "mkdir", refuse)
        with pytest.raises(CheckpointError, match=rf"{tmp_path}: {os.strerror(number)}.*may write to"):
            save(tmp_path, 2)
    assert load(tmp_path).step == 1


def test_an_unreadable_file_is_named(tmp_path: Path) -> None:
    path = save(tmp_path, 1)
    (path / "state.json").unlink()
    (path / "state.json").mkdir()
    with pytest.raises(CheckpointError, match=r"state.json cannot be read: .*directory"):
        load_checkpoint(tmp_path)
