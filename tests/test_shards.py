"""Shards: all documents and nothing else, in order, however often the build was stopped; read as one sequence."""

import gzip
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pyarrow
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from course_lib.__main__ import main
from course_lib.commands import run_folder, tokenize
from course_lib.errors import CourseError
from course_lib.text import (
    BPETokenizer,
    ByteTokenizer,
    CharTokenizer,
    DocumentRows,
    TokenFile,
    TokenShards,
    Windows,
    evaluation_windows,
    gpt2_tokenizer,
    shards,
    tokenizer_from_dict,
    write_tokens,
)
from course_lib.text.batches import Batch
from course_lib.text.documents import read_documents
from course_lib.text.shards import Recipe, build_shards, new_recipe, split_of

TEXTS = [f"document {n}: " + "héhé 猫 " * (n % 4) + "end" for n in range(60)]
SHARE = 0.2  # so that few documents do for both splits
BYTES = ByteTokenizer()


def write_jsonl(path: Path, texts: list[str]) -> Path:
    lines = [json.dumps({"id": n, "text": text}) for n, text in enumerate(texts)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def write_gz(path: Path, content: bytes) -> Path:
    with gzip.open(path, "wb") as file:
        file.write(content)
    return path


def write_table(path: Path, values: list[Any], column: str = "text") -> Path:
    """As FineWeb-Edu's files: a column of texts among others."""
    table = pyarrow.table({column: values, "score": [3.5] * len(values)})
    parquet.write_table(table, path, row_group_size=7)
    return path


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write_jsonl(tmp_path / "a.jsonl", TEXTS)


def build(inputs: list[Path], folder: Path, **settings: Any) -> shards.Report:
    """A build with bytes as tokens."""
    recipe = {"val_share": SHARE, "documents_per_shard": 7}
    recipe |= {name: settings.pop(name) for name in list(settings) if name in Recipe.__dataclass_fields__}
    return build_shards(inputs, folder, new_recipe("byte", inputs, **recipe), ByteTokenizer, **settings)


@pytest.fixture
def folder(source: Path, tmp_path: Path) -> Path:
    build([source], tmp_path / "shards")
    return tmp_path / "shards"


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def documents(folder: Path, split: str) -> list[str]:
    """What the shards of a split say, document by document; the texts hold no line end."""
    text = BYTES.decode(np.asarray(TokenShards.open(folder, split, BYTES)))
    assert text.endswith("\n")
    return text.removesuffix("\n").split("\n")


# ---- documents ----


def test_all_kinds_of_files_give_the_same_documents(tmp_path: Path, source: Path) -> None:
    lines = "\r\n".join(["", *TEXTS, "  ", ""]).encode()
    (tmp_path / "a.txt").write_bytes(b"\xef\xbb\xbf" + lines)
    files = [
        source,
        tmp_path / "a.txt",
        write_gz(tmp_path / "b.txt.gz", lines),
        write_gz(tmp_path / "c.jsonl.gz", source.read_bytes() + b"\n"),
        write_table(tmp_path / "d.parquet", [*TEXTS, ""]),
    ]
    for path in files:
        assert [found.text for found in read_documents(path, "text")] == TEXTS


def test_a_document_may_have_many_lines_where_the_file_allows_it(tmp_path: Path) -> None:
    text = "one\n\ntwo\u2028three\n"
    for path in (write_jsonl(tmp_path / "a.jsonl", [text]), write_table(tmp_path / "a.parquet", [text])):
        assert [found.text for found in read_documents(path, "text")] == [text]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (b'{"text": "cut', "Unterminated string"),
        (b'{"words": "a", "n": 1}', "expected an object with the field 'text', found words, n"),
        (b"{}", "found an empty one"),
        (b'["text"]', "found list"),
        (b'{"text": 7}', "expected text, found '7', of type int"),
        (b'{"text": null}', "of type NoneType"),
        (b'{"text": "\\ud83d"}', "surrogates not allowed"),
        (b'{"text": "\xff"}', "can't decode byte 0xff"),
    ],
)
def test_a_bad_line_is_named_refused_and_left_out_on_demand(
    tmp_path: Path, line: bytes, problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path, good = tmp_path / "a.jsonl", write_jsonl(tmp_path / "good.jsonl", TEXTS)
    lines = good.read_bytes().splitlines()
    path.write_bytes(b"\n".join([*lines[:20], line, *lines[20:]]))
    with pytest.raises(CourseError, match=r"a\.jsonl, line 21: .*--skip-bad") as caught:
        build([path], tmp_path / "out")
    assert problem in str(caught.value)
    assert not (tmp_path / "out" / "index.json").exists()
    report = build([path], tmp_path / "out", skip_bad=True)  # and goes on from there
    assert report.skipped == 1
    assert json.loads((tmp_path / "out" / "index.json").read_text())["skipped"] == 1
    assert f"left out {path}, line 21: " in capsys.readouterr().err
    build([good], tmp_path / "good")
    for split in ("train", "val"):
        assert documents(tmp_path / "out", split) == documents(tmp_path / "good", split)


def test_many_bad_lines_are_all_counted_and_few_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_table(tmp_path / "a.parquet", [*TEXTS, *[None] * 30])
    assert build([path], tmp_path / "out", skip_bad=True).skipped == 30
    told = capsys.readouterr().err
    assert told.count("left out") == shards.NAMED
    assert "a.parquet, row 61: expected text, found 'None', of type NoneType" in told


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.csv", b"text\nhello\n", "none of .txt, .jsonl, .parquet"),
        ("a.parquet", b"text\nhello\n", "a.parquet cannot be read: .*Is the path right, and the file complete"),
        ("a.txt.gz", b"hello\n", "a.txt.gz cannot be read: Not a gzipped file"),
    ],
)
def test_a_file_that_is_none_is_named(tmp_path: Path, name: str, content: bytes, says: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(CourseError, match=says):
        list(read_documents(tmp_path / name, "text"))


def test_every_damage_to_a_compressed_file_is_noticed(tmp_path: Path) -> None:
    """Cut at any place, or any byte changed behind the name and time that it begins with."""
    texts = [f"line {n}" for n in range(20)]
    path = write_gz(tmp_path / "a.txt.gz", "\n".join(texts).encode())
    good = path.read_bytes()
    header = good.index(b"a.txt\0") + 6
    damaged = [good[:length] for length in range(1, len(good))]
    damaged += [good[:place] + bytes([good[place] ^ 255]) + good[place + 1 :] for place in range(header, len(good))]
    for content in damaged:
        path.write_bytes(content)
        with pytest.raises(CourseError, match=r"a\.txt\.gz cannot be read: .*Is the path right"):
            list(read_documents(path, "text"))


def test_a_table_without_that_column_says_which_it_has(tmp_path: Path) -> None:
    path = write_table(tmp_path / "a.parquet", ["hello"], column="content")
    with pytest.raises(CourseError, match="no column 'text'; it has: content, score"):
        list(read_documents(path, "text"))
    assert [found.text for found in read_documents(path, "content")] == ["hello"]


def test_without_pyarrow_the_message_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_table(tmp_path / "a.parquet", ["hello"])
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(CourseError, match="pip install pyarrow"):
        list(read_documents(path, "text"))


# ---- building ----


def test_every_document_is_in_the_split_that_its_text_decides_in_order(folder: Path) -> None:
    for split in ("train", "val"):
        assert documents(folder, split) == [text for text in TEXTS if split_of(text, SHARE) == split]
    assert len(documents(folder, "train")) + len(documents(folder, "val")) == len(TEXTS)


def test_the_share_of_validation_is_the_one_asked_for_and_grows_by_addition() -> None:
    texts = [str(n) for n in range(20_000)]
    small, large = ({text for text in texts if split_of(text, share) == "val"} for share in (0.01, 0.3))
    assert len(small) / 20_000 == pytest.approx(0.01, rel=0.3)
    assert len(large) / 20_000 == pytest.approx(0.3, rel=0.05)
    assert small < large


def test_several_files_are_one_corpus(tmp_path: Path, folder: Path) -> None:
    one, two = write_jsonl(tmp_path / "one.jsonl", TEXTS[:25]), write_table(tmp_path / "two.parquet", TEXTS[25:])
    build([one, two], tmp_path / "both")
    both = contents(tmp_path / "both")
    assert both.pop("recipe.json") != (folder / "recipe.json").read_bytes()
    assert both.items() <= contents(folder).items()


def test_the_index_counts_what_is_there(folder: Path, source: Path) -> None:
    index = json.loads((folder / "index.json").read_text())
    for split in ("train", "val"):
        for number, shard in enumerate(index[split]):
            assert shard["file"] == f"{split}-{number:05}.tokens"
            ids = TokenFile.open(folder / shard["file"], BYTES).ids
            assert shard["tokens"] == len(ids)
            assert shard["documents"] == np.count_nonzero(ids == BYTES.end_id)
        assert all(shard["documents"] == 7 for shard in index[split][:-1])
    there = {path.name for path in folder.iterdir()} - {"index.json", "recipe.json", "tokenizer.json"}
    assert there == {shard["file"] for split in ("train", "val") for shard in index[split]}
    report = build([source], folder)
    assert report.documents("train") == sum(shard["documents"] for shard in index["train"])
    assert report.tokens("val") == sum(shard["tokens"] for shard in index["val"])


@pytest.mark.parametrize("n_written", [0, 1, 4])
def test_stopped_and_resumed_equals_built_at_once(
    source: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, n_written: int
) -> None:
    def full(path: Path, *arguments: Any) -> None:
        if len(list(path.parent.glob("*.tokens"))) == n_written:
            (path.parent / f"{path.name}.99.tmp").write_bytes(b"half")  # as a kill leaves it
            raise CourseError("stopped")
        write_tokens(path, *arguments)

    out = tmp_path / "out"
    with monkeypatch.context() as patch:
        patch.setattr(shards, "write_tokens", full)
        with pytest.raises(CourseError, match="stopped"):
            build([source], out)
    assert len(list(out.glob("*.tokens"))) == n_written
    assert not shards.is_shards_folder(out)
    before = {path.name: path.stat().st_mtime_ns for path in out.glob("*.tokens")}
    report = build([source], out)
    assert report.written == sum(map(len, report.shards.values())) - n_written
    assert contents(out) == contents(folder)
    assert before.items() <= {path.name: path.stat().st_mtime_ns for path in out.iterdir()}.items()
    assert build([source], out).written == 0


# The command, in a process that reads for ever once it has read half: it cannot finish before it is killed.
HALF_READ = """
import sys, time
from course_lib.__main__ import main
from course_lib.text import shards

def read_half(*arguments):
    for number, found in enumerate(read(*arguments)):
        if number == 30:
            time.sleep(1000)
        yield found

read, shards.read_documents = shards.read_documents, read_half
main(sys.argv[1:])
"""


def test_killed_with_two_workers_and_resumed_equals_built_by_one(source: Path, folder: Path, tmp_path: Path) -> None:
    """SIGKILL in the middle: the workers end too, and the finished build is the same, byte for byte."""
    (tmp_path / "byte.json").write_text(json.dumps(BYTES.to_dict()))
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    arguments = ["tokenize", source, "--tokenizer", tmp_path / "byte.json", "--val-share", SHARE]
    arguments += ["--documents-per-shard", 7, "--workers"]
    process = subprocess.Popen([sys.executable, "-c", HALF_READ, *map(str, arguments), "2", "--out", str(killed)])
    deadline = time.monotonic() + 300
    while len(list(killed.glob("*.tokens"))) < 2:
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)
    workers = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.wait()
    assert len(workers) >= 2
    assert psutil.wait_procs(workers, timeout=60)[1] == []
    assert not shards.is_shards_folder(killed)
    for workers_now, out in ((2, killed), (1, whole)):
        assert main([*map(str, arguments), str(workers_now), "--out", str(out)]) == 0
    assert contents(killed) == contents(whole)
    assert contents(whole).items() - contents(folder).items() == {("recipe.json", contents(whole)["recipe.json"])}


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"val_share": 0.3}, "was begun with val_share = 0.2, asked for is 0.3"),
        ({"documents_per_shard": 8}, "documents_per_shard = 7"),
        ({"field": "id"}, "field = 'text'"),
    ],
)
def test_another_build_does_not_go_on_in_the_same_folder(source: Path, folder: Path, changes: dict, says: str) -> None:
    before = contents(folder)
    with pytest.raises(CourseError, match=says):
        build([source], folder, **changes)
    write_jsonl(source, TEXTS[1:])
    with pytest.raises(CourseError, match="begun with inputs = "):
        build([source], folder)
    assert contents(folder) == before


def test_a_folder_of_other_things_is_left_alone(source: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "thesis.tex").touch()
    with pytest.raises(CourseError, match=r"holds 'thesis\.tex'"):
        build([source], tmp_path / "thesis")
    assert [path.name for path in (tmp_path / "thesis").iterdir()] == ["thesis.tex"]
    with pytest.raises(CourseError, match=r"a\.jsonl cannot be made"):
        build([source], source)


def test_a_build_that_was_killed_before_it_had_a_recipe_starts_over(source: Path, folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "tokenizer.json").write_text("{}")
    (out / "recipe.json.99.tmp").write_text("{")
    build([source], out)
    (out / "recipe.json.99.tmp").unlink(missing_ok=True)
    assert contents(out) == contents(folder)


@pytest.mark.parametrize(("share", "split"), [(1e-9, "val"), (1 - 1e-9, "train")])
def test_a_split_without_documents_is_refused(source: Path, tmp_path: Path, share: float, split: str) -> None:
    with pytest.raises(CourseError, match=f"no document for {split} among 60. .*--val-share"):
        build([source], tmp_path / "out", val_share=share)
    assert not (tmp_path / "out" / "index.json").exists()


def test_a_tokenizer_without_an_end_is_refused(source: Path, tmp_path: Path) -> None:
    with pytest.raises(CourseError, match="has no end token"):
        build_shards([source], tmp_path / "out", new_recipe("char", [source]), lambda: CharTokenizer("abc"))


def test_on_a_full_disk_no_half_index_stays(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Path, target: Path) -> Path:
        if target.name == "index.json":
            raise OSError(28, "No space left on device")
        return rename(self, target)

    rename = Path.replace
    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(CourseError, match=r"index\.json cannot be written: No space left"):
        build([source], tmp_path / "out")
    assert not [name for name in contents(tmp_path / "out") if not name.endswith((".tokens", "recipe.json", "er.json"))]


# ---- reading ----


def token_shards(parts: list[np.ndarray]) -> TokenShards:
    return TokenShards([TokenFile(Path(str(n)), part) for n, part in enumerate(parts)])


@given(st.lists(st.lists(st.integers(0, 9), max_size=5), min_size=1, max_size=6), st.data())
def test_shards_are_looked_up_like_one_array(parts: list[list[int]], data: st.DataObject) -> None:
    whole = np.array([*chain(*parts)], np.uint16)
    sharded = token_shards([np.array(part, np.uint16) for part in parts])
    assert len(sharded) == len(whole)
    assert np.array_equal(np.asarray(sharded), whole)
    assert np.asarray(sharded, np.int64).dtype == np.int64
    if len(whole):
        place = st.integers(-len(whole), len(whole) - 1)
        places = np.array(data.draw(st.lists(st.tuples(place, place), max_size=8)), int).reshape(-1, 2)
        found = sharded[places]
        assert found.dtype == np.uint16
        assert np.array_equal(found, whole[places])
    for outside in (len(whole), -len(whole) - 1):
        with pytest.raises(IndexError):
            sharded[np.array([outside])]


def equal(one: Batch, other: Batch) -> bool:
    return all(
        (a is None and b is None) or torch.equal(a, b)
        for a, b in zip(vars(one).values(), vars(other).values(), strict=True)
    )


@pytest.mark.parametrize(
    "draw",
    [lambda ids: Windows(ids, 16, 30, seed=1), lambda ids: DocumentRows(ids, BYTES.end_id, 16, 30, seed=1)],
    ids=["windows", "rows"],
)
def test_batches_from_shards_are_those_from_one_file(
    folder: Path, tmp_path: Path, draw: Callable[[Any], Windows]
) -> None:
    sharded = TokenShards.open(folder, "train", BYTES)
    assert len(sharded.files) > 3
    write_tokens(tmp_path / "one.tokens", np.asarray(sharded), BYTES)
    from_shards, from_one = draw(sharded), draw(TokenFile.open(tmp_path / "one.tokens", BYTES).ids)
    assert all(map(equal, islice(from_shards, 20), islice(from_one, 20)))


def test_shards_stay_on_disk_until_they_are_used(folder: Path) -> None:
    sharded = TokenShards.open(folder, "train", BYTES)
    assert all(isinstance(file.ids, np.memmap) for file in sharded.files)
    assert Windows(sharded, 2, 8, seed=0).ids is sharded


def test_validation_from_shards_is_that_from_one_file(folder: Path) -> None:
    sharded = TokenShards.open(folder, "val", BYTES)
    one, other = evaluation_windows(sharded, 50), evaluation_windows(np.asarray(sharded), 50)
    assert len(one) == len(other)
    assert all(map(equal, one, other))


def test_documents_are_found_in_a_text_longer_than_what_is_looked_at_at_once() -> None:
    ids = np.ones(2**21 + 99, np.uint16)
    ends = [5, 2**20 - 1, 2**20, 2**21 - 1, 2**21, len(ids) - 1]
    ids[ends] = 0
    assert DocumentRows(ids, 0, 1, 1, seed=0)._starts.tolist() == [-1, *ends[:-1]]


DAMAGES = {
    "flipped": (lambda path: path.write_bytes(path.read_bytes()[:-2] + b"x\0"), "SHA-256 differs"),
    "cut": (lambda path: path.write_bytes(path.read_bytes()[:-1]), "is damaged"),
    "missing": (lambda path: path.unlink(), "cannot be read: No such file"),
    "other": (lambda path: write_tokens(path, [1, 2, 10], BYTES), "holds 3 tokens, but index.json lists"),
    "other vocabulary": (lambda path: write_tokens(path, [1], CharTokenizer("\nab")), "another vocabulary"),
}


@pytest.mark.parametrize("again", [False, True], ids=["first look", "after a good look"])
@pytest.mark.parametrize(("damage", "says"), DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_shard_is_named(folder: Path, damage: Callable[[Path], Any], says: str, again: bool) -> None:
    if again:
        TokenShards.open(folder, "train", BYTES)
    damage(folder / "train-00002.tokens")
    with pytest.raises(CourseError, match=says) as caught:
        TokenShards.open(folder, "train", BYTES)
    assert str(folder / "train-00002.tokens") in str(caught.value)
    TokenShards.open(folder, "val", BYTES)  # the others are as good as before


def test_what_was_found_good_is_not_looked_at_again_until_it_changes(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_at: list[str] = []
    hash_bytes = shards.hashlib.sha256

    def note(data: bytes = b"") -> Any:
        looked_at.append("shard")
        return hash_bytes(data)

    monkeypatch.setattr("hashlib.sha256", note)
    n = len(list(folder.glob("train-*")))
    TokenShards.open(folder, "train", BYTES)
    assert len(looked_at) == n
    TokenShards.open(folder, "train", BYTES)
    assert len(looked_at) == n
    os.utime(folder / "train-00001.tokens", ns=(1, 1))
    TokenShards.open(folder, "train", BYTES)
    assert len(looked_at) == n + 1
    TokenShards.open(folder, "val", BYTES)
    TokenShards.open(folder, "train", BYTES)
    assert len(looked_at) == n + 1 + len(list(folder.glob("val-*")))


def test_a_folder_that_is_only_read_is_looked_at_every_time(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise CourseError("read-only")

    monkeypatch.setattr(shards, "_write", refuse)
    TokenShards.open(folder, "train", BYTES)
    assert not (folder / "verified.json").exists()
    TokenShards.open(folder, "train", BYTES)


@pytest.mark.parametrize(
    ("index", "says"),
    [
        (None, "no folder of shards: index.json is missing. Make one, or finish it"),
        ("{", "is not JSON"),
        ("{}", "does not list the shards of 'train'"),
        ('{"train": []}', "does not list"),
        ('{"train": [{"file": "../a", "documents": 1, "tokens": 1}]}', "does not list"),
        ('{"train": [{"file": "a", "documents": 1, "tokens": "1"}]}', "does not list"),
        ('{"train": [{"file": "a"}]}', "does not list"),
    ],
)
def test_a_damaged_index_is_named(folder: Path, index: str | None, says: str) -> None:
    (folder / "index.json").unlink()
    if index is not None:
        (folder / "index.json").write_text(index)
    with pytest.raises(CourseError, match=says) as caught:
        TokenShards.open(folder, "train", BYTES)
    assert str(folder) in str(caught.value)


# ---- the commands ----

SMALL = ["--preset", "smoke", "--n-heads", "1", "--d-model", "8", "--context-length", "8", "--steps", "3"]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Any]]:
    """Run a command in this process with `--json`: its result."""
    monkeypatch.setattr(run_folder, "SAMPLE_TOKENS", 5)

    def run_command(*arguments: str | Path) -> dict[str, Any]:
        status = main([*map(str, arguments), "--json"])
        captured = capsys.readouterr()
        assert status == 0, captured.err
        return json.loads(captured.out)

    return run_command


@pytest.fixture
def fail(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Run a command that must end with status 2: what it says."""

    def run_command(*arguments: str | Path) -> str:
        assert main(list(map(str, arguments))) == 2
        return capsys.readouterr().err

    return run_command


def test_the_command_says_what_it_made(source: Path, tmp_path: Path, run: Callable[..., dict[str, Any]]) -> None:
    out = tmp_path / "out"
    arguments = ["tokenize", source, "--out", out, "--tokenizer", "bpe-300", "--val-share", SHARE]
    result = run(*arguments)
    tokenizer = tokenizer_from_dict(json.loads((out / "tokenizer.json").read_text()))
    for split in ("train", "val"):
        texts = [text for text in TEXTS if split_of(text, SHARE) == split]
        ids = np.asarray(TokenShards.open(out, split, tokenizer))
        assert (result["documents"][split], result["tokens"][split]) == (len(texts), len(ids))
        assert ids.tolist() == [id for text in texts for id in [*tokenizer.encode(text), tokenizer.end_id]]
    assert result["shards"] == {"train": 1, "val": 1}
    assert (result["written"], result["skipped"]) == (2, 0)
    assert run(*arguments)["written"] == 0


def test_bpe_is_learned_from_the_first_documents(
    source: Path, tmp_path: Path, run: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = TEXTS[:5]
    monkeypatch.setattr(tokenize, "TRAINING_CHARACTERS", sum(len(text) + 1 for text in first))
    run("tokenize", source, "--out", tmp_path / "out", "--tokenizer", "bpe-270", "--val-share", SHARE)
    expected = BPETokenizer.train("\n".join([*first, ""]), 270)
    assert expected.vocab_size == 270
    assert json.loads((tmp_path / "out" / "tokenizer.json").read_text()) == json.loads(json.dumps(expected.to_dict()))


def test_a_tokenizer_can_be_given(source: Path, tmp_path: Path, run: Callable[..., dict[str, Any]]) -> None:
    (tmp_path / "mine.json").write_text(json.dumps(BYTES.to_dict()))
    out = tmp_path / "out"
    run("tokenize", source, "--out", out, "--tokenizer", tmp_path / "mine.json", "--val-share", SHARE)
    assert documents(out, "train") == [text for text in TEXTS if split_of(text, SHARE) == "train"]
    assert json.loads((out / "recipe.json").read_text())["tokenizer"] == BYTES.fingerprint


def test_gpt2s_tokenizer_ends_documents_with_its_own_token(
    source: Path, tmp_path: Path, run: Callable[..., dict[str, Any]], data_file: Callable[[str], Path]
) -> None:
    data_file("tiktoken/6d1cbeee0f20b3d9449abfede4726ed8212e3aee")
    out = tmp_path / "out"
    result = run("tokenize", source, "--out", out, "--val-share", SHARE)
    ids = np.asarray(TokenShards.open(out, "train", gpt2_tokenizer()))
    assert np.count_nonzero(ids == 50256) == result["documents"]["train"]
    assert run("train", "--corpus", out, "--out", tmp_path / "run", *SMALL)["steps"] == 3
    assert run("evaluate", "--model", tmp_path / "run")["val_loss"] == pytest.approx(np.log(50257), rel=0.1)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--tokenizer", "gpt3"], "no tokenizer 'gpt3'. Name gpt2, bpe-N"),
        (["--tokenizer", "bpe-255"], "256 bytes alone are 256 tokens"),
        (["--val-share", "1"], "val_share is 1.0"),
        (["--documents-per-shard", "0"], "documents_per_shard is 0"),
        (["--workers", "0"], "workers is 0"),
        (["--field", "body"], "expected an object with the field 'body', found id, text"),
    ],
)
def test_what_cannot_be_built_is_explained(
    source: Path, tmp_path: Path, fail: Callable[..., str], arguments: list[str], says: str
) -> None:
    assert says in fail("tokenize", source, "--out", tmp_path / "out", "--tokenizer", "bpe-256", *arguments)


def test_files_must_be_named_and_be_there(tmp_path: Path, fail: Callable[..., str]) -> None:
    assert "no file to read" in fail("tokenize", "--out", tmp_path / "out")
    assert "is no file. Name the files" in fail("tokenize", tmp_path, "--out", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_interrupt_says_how_to_go_on(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(shards, "write_tokens", interrupt)
    assert main(["tokenize", str(source), "--out", str(tmp_path / "out"), "--tokenizer", "bpe-256"]) == 130
    assert "Go on by giving the same command again" in capsys.readouterr().err


def test_a_model_is_trained_from_shards_as_from_one(
    source: Path, folder: Path, tmp_path: Path, run: Callable[..., dict[str, Any]]
) -> None:
    """However the corpus is cut up: the same weights, to the bit. And the run folder can be used without it."""
    build([source], tmp_path / "one", documents_per_shard=1000)
    weights = []
    for corpus in (folder, tmp_path / "one"):
        out = tmp_path / f"{corpus.name}-run"
        result = run("train", "--corpus", corpus, "--out", out, *SMALL)
        weights.append(max((out / "checkpoints").iterdir()).joinpath("model.safetensors").read_bytes())
        assert not (out / "train.tokens").exists()
        shutil.rmtree(corpus)
        assert run("evaluate", "--model", out)["val_loss"] == result["val_loss"]
    assert weights[0] == weights[1]


def test_a_run_is_resumed_where_its_shards_are(
    folder: Path, tmp_path: Path, run: Callable[..., dict[str, Any]], fail: Callable[..., str]
) -> None:
    out = tmp_path / "run"
    arguments = ["train", "--corpus", folder, "--out", out, *SMALL, "--resume"]
    (out / "checkpoints").mkdir(parents=True)
    (out / "train.tokens").write_bytes(b"of an attempt with another corpus")
    run(*arguments)
    shutil.rmtree(max((out / "checkpoints").iterdir()))
    (out / "result.json").unlink()
    (folder / "index.json").rename(folder / "away")
    assert f"{folder} is a folder, in which there are no finished shards" in fail(*arguments)
    (folder / "away").rename(folder / "index.json")
    assert run(*arguments)["steps"] == 3


def test_a_run_says_when_its_shards_are_gone(folder: Path, tmp_path: Path) -> None:
    config = run_folder.RunConfig(str(folder), run_folder.Preset.from_dict(json.loads(PRESET)))
    current = run_folder.Run.start(tmp_path / "run", config)
    assert next(current.batches()).inputs.shape == (2, 8)
    shutil.rmtree(folder)
    with pytest.raises(CourseError, match="no folder of shards"):
        run_folder.Run.open(tmp_path / "run").batches()


PRESET = (
    """{"n_layers": 1, "n_heads": 1, "d_model": 8, "context_length": 8, "batch_size": 2, "training": {"steps": 1}}"""
)
