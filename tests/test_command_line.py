"""The commands as they are typed: what they print, what they leave behind, and that nothing is ever lost."""

import errno
import json
import math
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from course_lib.__main__ import COMMANDS, main
from course_lib.commands import doctor, run_folder
from course_lib.generation import Sampling
from course_lib.text import TokenFile, corpora, tokenizer_from_dict
from course_lib.text.world import VALIDATION_SEED, World

# One small model for all: a moment to train, and with dropout, so that a resume needs every random number.
SMALL = ["--n-layers", "1", "--n-heads", "1", "--d-model", "8", "--context-length", "8", "--batch-size", "2"]
SMALL += ["--dropout", "0.2", "--preset", "smoke"]

Run = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module", autouse=True)
def _quick() -> Iterator[None]:
    """One thread, for tiny matrices gain nothing from a second; and short samples at the end of a run."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run_folder, "SAMPLE_TOKENS", 20)
        yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def text_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two thousand words of no meaning."""
    rng = random.Random(0)
    words = ["the", "cat", "sat", "on", "a", "mat", "héhé"]
    lines = (" ".join(rng.choices(words, k=10)) for _ in range(200))
    path = tmp_path_factory.mktemp("corpus") / "my.txt"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command in this process with `--json`: its result."""

    def run_command(*arguments: str | Path) -> dict[str, Any]:
        status = main([*map(str, arguments), "--json"])
        captured = capsys.readouterr()
        assert status == 0, captured.err
        assert captured.out.count("\n") == 1
        return json.loads(captured.out)

    return run_command


@pytest.fixture
def fail(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Run a command that must end with status 2: what it says."""

    def run_command(*arguments: str | Path) -> str:
        assert main([*map(str, arguments), "--json"]) == 2
        captured = capsys.readouterr()
        assert captured.out == ""
        assert captured.err.count("Error: ") == 1
        return captured.err

    return run_command


@pytest.fixture(scope="module")
def trained(text_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run on the text file. Not to be changed by a test: copy it."""
    out = tmp_path_factory.mktemp("runs") / "trained"
    assert (
        main(["train", "--corpus", str(text_file), "--out", str(out), "--steps", "12", "--save-every", "4", *SMALL])
        == 0
    )
    return out


@pytest.fixture(scope="module")
def world_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run on a little of the toy world."""
    out = tmp_path_factory.mktemp("runs") / "world"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(corpora, "TRAIN_DOCUMENTS", 300)
        patch.setattr(corpora, "VALIDATION_DOCUMENTS", 50)
        assert main(["train", "--corpus", "world", "--out", str(out), "--preset", "smoke", "--steps", "3"]) == 0
    return out


@pytest.fixture(scope="module")
def whole(text_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of 200 steps that nothing came between."""
    out = tmp_path_factory.mktemp("runs") / "whole"
    assert main(["train", "--corpus", str(text_file), "--out", str(out), "--steps", "200", *SMALL]) == 0
    return out


def start(*arguments: str | Path) -> subprocess.Popen[str]:
    """A command in a process of its own, on one thread, as bit-equality needs equal threads."""
    return subprocess.Popen(
        [sys.executable, "-m", "course_lib", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def wait_for(there: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 120
    while not there():
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline
        time.sleep(0.005)


def weights(out: Path) -> bytes:
    """The bytes of the newest checkpoint's weights."""
    return max((out / "checkpoints").iterdir()).joinpath("model.safetensors").read_bytes()


# ---- train ----


def test_train_reports_what_it_did(text_file: Path, tmp_path: Path, run: Run) -> None:
    out = tmp_path / "run"
    result = run("train", "--corpus", text_file, "--out", out, "--steps", 7, "--accumulate", 2, *SMALL)
    assert result.keys() >= {
        "val_loss",
        "floor",
        "gap_per_document",
        "bits_per_byte",
        "steps",
        "resumed_from",
        "tokens",
    }
    assert result.keys() >= {"seconds", "tokens_per_second", "peak_memory_bytes", "checkpoint"}
    assert result["steps"] == 7
    assert result["tokens"] == 7 * 2 * 2 * 8  # steps, accumulated batches, rows, tokens of a row
    assert result["tokens_per_second"] == pytest.approx(result["tokens"] / result["seconds"])
    assert (result["floor"], result["gap_per_document"], result["resumed_from"]) == (None, None, None)
    assert Path(result["checkpoint"]).is_dir()
    assert {path.name for path in out.iterdir()} == {
        *("config.json", "tokenizer.json", "train.tokens", "val.tokens"),
        *("checkpoints", "loss_curve.png", "samples.txt", "result.json"),
    }
    assert (out / "loss_curve.png").read_bytes().startswith(b"\x89PNG")
    assert len((out / "samples.txt").read_text(encoding="utf-8")) > 10


def test_bits_per_byte_are_the_loss_in_other_units(text_file: Path, trained: Path, run: Run) -> None:
    result = run("evaluate", "--model", trained)
    tokenizer = tokenizer_from_dict(json.loads((trained / "tokenizer.json").read_text(encoding="utf-8")))
    ids = TokenFile.open(trained / "val.tokens", tokenizer).ids
    n_bytes = len(corpora.load_corpus(str(text_file)).val.encode()) - len(tokenizer.tokens[ids[0]])
    assert result["bits_per_byte"] == pytest.approx(result["val_loss"] * (len(ids) - 1) / n_bytes / math.log(2))


def test_json_goes_to_standard_output_and_all_else_to_standard_error(
    text_file: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    arguments = ["train", "--corpus", str(text_file), "--steps", "3", *SMALL, "--out"]
    assert main([*arguments, str(tmp_path / "a"), "--json"]) == 0
    captured = capfd.readouterr()
    assert json.loads(captured.out)["steps"] == 3
    assert "3/3" in captured.err  # the progress bar
    assert "loss" in captured.err
    assert main([*arguments, str(tmp_path / "b")]) == 0
    samples = (tmp_path / "b" / "samples.txt").read_text(encoding="utf-8")
    assert capfd.readouterr().out.strip() == samples.strip()


def test_a_finished_run_ends_at_once_with_the_same_numbers(
    text_file: Path, trained: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = json.loads((trained / "result.json").read_text())
    monkeypatch.setattr("course_lib.commands.train.train", None)  # whoever trains, fails
    full = run("train", "--corpus", text_file, "--out", trained, "--steps", 12, *SMALL, "--resume")
    short = run("train", "--out", trained, "--resume")
    assert full == short == before | {"resumed_from": 12}


def test_killed_and_resumed_equals_uninterrupted(text_file: Path, whole: Path, tmp_path: Path, run: Run) -> None:
    """SIGKILL in the middle: the same weights in the end, bit for bit, and the same loss."""
    out = tmp_path / "killed"
    arguments = ["train", "--corpus", text_file, "--out", out, "--steps", 200, "--save-every", 20, *SMALL, "--resume"]
    process = start(*arguments)
    folder = out / "checkpoints"
    wait_for(lambda: folder.is_dir() and any(folder.glob("0*-step-*")), process)
    process.kill()
    process.communicate()
    assert not (out / "result.json").exists()
    result = run(*arguments)
    assert 20 <= result["resumed_from"] < 200
    expected = json.loads((whole / "result.json").read_text())
    assert (result["val_loss"], result["tokens"]) == (expected["val_loss"], expected["tokens"])
    assert weights(out) == weights(whole)


@pytest.mark.usefixtures("ctrl_c_interrupts")
@pytest.mark.skipif(os.name != "posix", reason="sends the signal that ctrl-C sends on POSIX")
def test_interrupted_nothing_is_lost(text_file: Path, whole: Path, tmp_path: Path, run: Run) -> None:
    """Ctrl-C long before the first checkpoint is due saves one, says how to go on, and the resumed run is the same."""
    out = tmp_path / "stopped"
    process = start(
        *("train", "--corpus", text_file, "--out", out, "--steps", 200, "--save-every", 10_000, *SMALL, "--resume")
    )
    assert process.stderr is not None
    read = ""
    while "loss" not in read:  # the progress bar shows the first steps
        assert process.poll() is None, read
        read += process.stderr.read(1)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate()
    assert process.returncode == 130
    assert "Traceback" not in err
    assert f"Go on with: python -m course_lib train --resume --out {out}" in err
    result = run("train", "--resume", "--out", out)
    assert 0 < result["resumed_from"] < 200
    assert weights(out) == weights(whole)


@pytest.mark.skipif(os.name != "posix", reason="limits the size of files, which only POSIX can")
def test_on_a_full_disk_the_run_can_be_resumed(text_file: Path, tmp_path: Path, fail: Callable[..., str]) -> None:
    import resource

    arguments = ["train", "--corpus", text_file, "--out", tmp_path / "run", "--steps", 8, "--save-every", 4, *SMALL]
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, hard))
    try:
        message = fail(*arguments)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "bytes, " in message
    assert "are free" in message
    assert main([*map(str, arguments), "--resume"]) == 0


def test_a_loss_that_explodes_is_no_traceback(text_file: Path, tmp_path: Path, fail: Callable[..., str]) -> None:
    out = tmp_path / "run"
    message = fail("train", "--corpus", text_file, "--out", out, "--steps", 50, "--lr", "1e30", *SMALL)
    assert "the update was not made" in message
    assert len(list((out / "checkpoints").iterdir())) == 1  # what was trained before is there


def test_weights_that_are_no_numbers_are_not_scored(text_file: Path, tmp_path: Path, fail: Callable[..., str]) -> None:
    arguments = ["train", "--corpus", text_file, "--out", tmp_path / "run", "--steps", 1, "--lr", "inf", *SMALL]
    assert "The validation loss is nan" in fail(*arguments)


def test_a_damaged_checkpoint_is_passed_over(
    trained: Path, tmp_path: Path, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(trained, tmp_path / "run")
    newest = max((tmp_path / "run" / "checkpoints").iterdir())
    newest.joinpath("run.safetensors").write_bytes(b"")
    assert main(["generate", "--model", str(tmp_path / "run"), "--tokens", "1"]) == 0
    assert f"{newest} is damaged" in capsys.readouterr().err
    result = run("train", "--out", tmp_path / "run", "--resume")
    assert result["resumed_from"] == 8
    assert weights(tmp_path / "run") == weights(trained)


def test_another_configuration_is_refused(
    text_file: Path, trained: Path, tmp_path: Path, fail: Callable[..., str]
) -> None:
    message = fail("train", "--corpus", text_file, "--out", trained, "--steps", 13, *SMALL, "--resume")
    assert "saved with config.settings.training.steps = 12, asked for is 13" in message
    shutil.copytree(trained, tmp_path / "run")
    config = tmp_path / "run" / "config.json"
    config.write_text(config.read_text().replace('"d_model": 8', '"d_model": 16'))
    assert "config.settings.d_model = 8, asked for is 16" in fail("generate", "--model", tmp_path / "run")


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("config.json", "{", "config.json is damaged: it is not JSON"),
        ("config.json", "[]", "expected a JSON object"),
        ("config.json", '{"corpus": "world", "model": {}}', "config.json: RunConfig has no setting 'model'"),
        ("tokenizer.json", '{"kind": "byte"}', "saved with tokenizer = "),
        ("tokenizer.json", None, "tokenizer.json cannot be read"),
        ("val.tokens", "<html>", "an HTML or XML page"),
        ("checkpoints", None, "No checkpoint has been saved"),
    ],
)
def test_a_damaged_folder_is_named(
    trained: Path, tmp_path: Path, fail: Callable[..., str], name: str, content: str | None, says: str
) -> None:
    folder = tmp_path / "run"
    shutil.copytree(trained, folder)
    if content is not None:
        (folder / name).write_text(content)
    elif name == "checkpoints":
        shutil.rmtree(folder / name)
    else:
        (folder / name).unlink()
    assert says in fail("evaluate", "--model", folder)


def test_a_folder_in_use_is_left_alone(trained: Path, tmp_path: Path, fail: Callable[..., str]) -> None:
    assert "is not empty. Add --resume" in fail("train", "--corpus", "world", "--out", trained)
    (tmp_path / "thesis.tex").touch()
    message = fail("train", "--corpus", "world", "--preset", "smoke", "--out", tmp_path, "--resume")
    assert "holds 'thesis.tex', so it is no training run's" in message
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_run_that_was_killed_before_its_first_checkpoint_starts_over(
    text_file: Path, trained: Path, tmp_path: Path, run: Run
) -> None:
    for missing in ({"config.json", "val.tokens", "checkpoints"}, {"checkpoints"}):
        folder = tmp_path / str(len(missing))
        shutil.copytree(trained, folder, ignore=lambda _, names: missing & set(names))  # noqa: B023
        (folder / "train.tokens").write_bytes(b"half")
        arguments = ["train", "--corpus", text_file, "--out", folder, "--steps", 2, *SMALL]
        assert run(*arguments, "--resume")["resumed_from"] is None


@pytest.mark.parametrize(
    ("content", "arguments", "says"),
    [
        (b"", [], "is empty"),
        (b"caf\xe9\n" * 100, [], "not text in UTF-8: byte 3 is 0xe9"),
        (b"ab\0cd", [], "binary file: byte 2"),
        (b"ab\ncd\n", [], "a context of 8 needs at least 9"),
        (b"a b\n" * 999, ["--preset", "lptop"], "no preset 'lptop'"),
        (b"a b\n" * 999, ["--n-heads", "3"], "n_heads"),
        (b"a b\n" * 999, ["--steps", "0"], "steps is 0"),
        (b"a b\n" * 999, ["--save-every", "0"], "save_every is 0"),
        (None, [], "no corpus and no file named"),
    ],
)
def test_bad_input_is_explained_and_leaves_nothing(
    tmp_path: Path, fail: Callable[..., str], content: bytes | None, arguments: list[str], says: str
) -> None:
    if content is not None:
        (tmp_path / "my.txt").write_bytes(content)
    out = tmp_path / "out"
    assert says in fail("train", "--corpus", tmp_path / "my.txt", "--out", out, *SMALL, *arguments)
    assert not out.exists()


def test_a_context_must_hold_a_document_of_the_world(
    tmp_path: Path, fail: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(corpora, "TRAIN_DOCUMENTS", 300)
    message = fail("train", "--corpus", "world", "--out", tmp_path / "out", "--preset", "smoke", "--context-length", 8)
    assert "context_length is 8, but a document of the world has" in message


def test_a_folder_that_cannot_be_written(text_file: Path, fail: Callable[..., str]) -> None:
    message = fail("train", "--corpus", text_file, "--out", text_file / "run", *SMALL)
    assert "cannot be written" in message


def test_default_is_the_world_where_shakespeare_is_not_to_be_had(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("COURSE_DATA_DIR", raising=False)
    monkeypatch.setenv("COURSE_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(corpora, "TRAIN_DOCUMENTS", 300)
    monkeypatch.setattr(corpora, "VALIDATION_DOCUMENTS", 20)
    monkeypatch.chdir(tmp_path)
    assert main(["train", "--preset", "smoke", "--steps", "1"]) == 0
    assert "takes the place of Tiny Shakespeare" in capsys.readouterr().err
    assert json.loads(Path("runs/default/config.json").read_text())["corpus"] == "world"
    assert run("train", "--preset", "smoke", "--steps", 1, "--resume")["resumed_from"] == 1


# ---- the world ----


def test_the_floor_is_that_of_the_validation_documents(world_run: Path) -> None:
    result = json.loads((world_run / "result.json").read_text())
    documents = World().documents(50, VALIDATION_SEED)
    n_tokens = sum(len(document.text.split(" ")) + 1 for document in documents)
    nats = -sum(document.log_prob for document in documents)
    assert result["floor"] == pytest.approx(nats / n_tokens)
    assert result["gap_per_document"] == pytest.approx((result["val_loss"] * n_tokens - nats) / 50)
    n_bytes = sum(len(document.text.encode()) + 1 for document in documents)
    assert result["bits_per_byte"] == pytest.approx(result["val_loss"] * n_tokens / math.log(2) / n_bytes)


def test_evaluate_judges_what_a_model_of_the_world_says(world_run: Path, run: Run) -> None:
    result = run("evaluate", "--model", world_run, "--samples", 5)
    trained = json.loads((world_run / "result.json").read_text())
    assert {key: result[key] for key in ("val_loss", "floor", "gap_per_document")} == {
        key: trained[key] for key in ("val_loss", "floor", "gap_per_document")
    }
    assert result["samples"] == 5
    assert result["grammatical"] == pytest.approx(result["true"] + result["false"])
    assert 0 <= result["total_variation"] <= 1


def test_a_document_of_the_world_begins_and_ends(world_run: Path, run: Run) -> None:
    text = run("generate", "--model", world_run, "--tokens", 400)["text"]
    assert "\n" not in text
    assert text.split(" ")[0] in World().words()
    prompt = World().documents(1, VALIDATION_SEED)[0].text.split(" ")[0] + " "
    continued = run("generate", "--model", world_run, "--prompt", prompt, "--tokens", 3)["text"]
    assert continued.startswith(prompt.strip())


def test_a_run_of_another_version_of_the_world_is_not_scored(
    world_run: Path, fail: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(World, "log_prob", lambda *_: -math.inf)
    assert "another version of the toy world" in fail("evaluate", "--model", world_run)


# ---- generate ----


def test_generate_continues_the_prompt(trained: Path, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["generate", "--model", str(trained), "--prompt", "the cat", "--tokens", "9"]
    greedy = run(*arguments, "--temperature", 0)["text"]
    assert greedy.startswith("the cat")
    assert len(greedy) > len("the cat")
    assert run(*arguments, "--temperature", 0, "--seed", 1)["text"] == greedy
    assert run(*arguments, "--top-k", 1)["text"] == greedy
    texts = {run(*arguments, "--seed", seed)["text"] for seed in range(5)}
    assert len(texts) > 1
    assert main(arguments) == 0
    assert capsys.readouterr().out.removesuffix("\n") in texts  # seed 0, streamed


def test_generate_ends_before_the_first_stop_string(
    trained: Path, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["generate", "--model", str(trained), "--prompt", "the cat", "--tokens", "60"]
    whole = run(*arguments)["text"]
    written = whole.removeprefix("the cat")
    stop = next(each for each in written[5:] if each.isascii() and each.isalnum())
    first = "the cat" + written[: written.index(stop)]
    assert run(*arguments, "--stop", stop)["text"] == first
    assert run(*arguments, "--stop", "no such string", stop)["text"] == first
    assert run(*arguments, "--stop", "no such string")["text"] == whole
    assert main([*arguments, "--stop", stop]) == 0
    assert capsys.readouterr().out == first + "\n"


def test_generate_chooses_as_it_is_told(trained: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def note(_model: object, _prompts: object, _n_tokens: int, sampling: Sampling, **_: object) -> Iterator[object]:
        told.append(sampling)
        return iter(())

    told: list[Sampling] = []
    monkeypatch.setattr("course_lib.commands.generate.generate", note)
    run("generate", "--model", trained)
    run("generate", "--model", trained, "--min-p", 0.1, "--repetition-penalty", 1.3)
    run("generate", "--model", trained, "--top-k", 5, "--top-p", 0.9, "--temperature", 0.7)
    assert told == [
        Sampling(),
        Sampling(min_p=0.1, repetition_penalty=1.3),
        Sampling(top_k=5, top_p=0.9, temperature=0.7),
    ]


def test_generate_shows_no_half_characters(
    trained: Path, run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sentence = "née 猫!".encode()
    columns = [torch.tensor([byte]) for byte in sentence]
    monkeypatch.setattr("course_lib.commands.generate.generate", lambda *_, **__: iter(columns))
    printed = []
    monkeypatch.setattr("builtins.print", lambda text="", **_: printed.append(text))
    assert main(["generate", "--model", str(trained), "--prompt", "a"]) == 0
    assert "".join(printed) == "anée 猫!"
    assert printed.count("é") == printed.count("猫") == 1


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--temperature", "-1"], "temperature is -1"),
        (["--top-p", "0"], "top_p is 0"),
        (["--min-p", "1.5"], "min_p is 1.5"),
        (["--repetition-penalty", "0.5"], "repetition_penalty is 0.5"),
        (["--stop", ""], "stop string is empty"),
        (["--tokens", "-1"], "must not be negative"),
    ],
)
def test_settings_of_generate_are_checked(
    trained: Path, fail: Callable[..., str], arguments: list[str], says: str
) -> None:
    assert says in fail("generate", "--model", trained, *arguments)


def test_generate_speaks_for_a_model_that_others_trained(data_file: Callable[[str], Path], run: Run) -> None:
    expected = data_file("stories260K/greedy_once_upon_a_time.txt").read_text(encoding="utf-8").removesuffix("\n")
    arguments = ["generate", "--model", "stories260K", "--temperature", 0]
    assert run(*arguments, "--prompt", "Once upon a time", "--tokens", 220)["text"].startswith(expected)
    assert run(*arguments, "--prompt", "The cat", "--tokens", 5)["text"].startswith("The cat ")
    assert run(*arguments, "--tokens", 5)["text"][0].isupper()  # a new story, without a blank before it


def test_a_model_without_a_tokenizer_cannot_be_asked(tmp_path: Path, fail: Callable[..., str]) -> None:
    sizes = {"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1}
    LlamaForCausalLM(LlamaConfig(vocab_size=9, **sizes)).save_pretrained(tmp_path)
    assert "no tokenizer for it" in fail("generate", "--model", tmp_path)
    LlamaForCausalLM(LlamaConfig(vocab_size=9, **sizes)).save_pretrained(tmp_path / "parts", max_shard_size="1KB")
    assert "no tokenizer for it" in fail("generate", "--model", tmp_path / "parts")


def test_a_model_that_there_is_not_gets_the_public_ones_named(fail: Callable[..., str]) -> None:
    message = fail("generate", "--model", "gpt9")
    assert "There is no training run in gpt9" in message
    assert "stories260K, gpt2," in message


def test_what_is_no_run_is_no_model(tmp_path: Path, fail: Callable[..., str]) -> None:
    assert "There is no training run in" in fail("generate", "--model", tmp_path)
    (tmp_path / "model.pt").write_bytes(b"PK\x03\x04")
    assert "model.pt is a file. Expected the folder" in fail("generate", "--model", tmp_path / "model.pt")


# ---- doctor ----


def test_doctor_finds_nothing_missing_here(run: Run) -> None:
    result = run("doctor")
    assert result["ok"]
    assert {"Python", "torch", "cache", "device", "Tiny Shakespeare"} <= {each["name"] for each in result["findings"]}


def test_doctor_looks_for_what_the_package_depends_on() -> None:
    import tomllib

    pyproject = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))
    assert [each.split(">=")[0] for each in pyproject["project"]["dependencies"]] == list(doctor.NEEDED)


def test_doctor_says_how_to_get_what_is_missing(
    run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(doctor.importlib.util, "find_spec", lambda name: None if name == "tiktoken" else object())
    result = run("doctor")
    assert not result["ok"]
    (finding,) = (each for each in result["findings"] if not each["ok"])
    assert finding["name"] == "tiktoken"
    assert finding["advice"].endswith("-m pip install tiktoken")


def test_doctor_tries_the_cache(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("COURSE_CACHE_DIR", str(tmp_path / "file" / "cache"))
    result = run("doctor")
    assert not result["ok"]
    (finding,) = (each for each in result["findings"] if each["name"] == "cache")
    assert "COURSE_CACHE_DIR" in finding["advice"]


def test_doctor_sees_shakespeare(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def found() -> bool:
        return next(each["ok"] for each in run("doctor")["findings"] if each["name"] == "Tiny Shakespeare")

    monkeypatch.setenv("COURSE_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("COURSE_DATA_DIR", str(tmp_path))
    assert not found()
    (tmp_path / "tinyshakespeare.txt").touch()
    assert found()


def test_doctor_notices_a_gpu_that_torch_does_not_see(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("course_lib.runtime.device", lambda: torch.device("cpu"))
    monkeypatch.setattr(doctor.shutil, "which", lambda name: f"/usr/bin/{name}")
    assert "CUDA build" in doctor.torch_device().advice


# ---- all commands ----


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([name, "--help"])
    assert ended.value.code == 0
    module = import_module(f"course_lib.commands.{name}")
    assert module.Options.__doc__.split("\n")[0].split(".")[0] in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["trian"], "invalid choice: 'trian'"),
        ([], "required: COMMAND"),
        (["generate"], "--model"),
        (["train", "--stepz", "3", "--corpus", "world"], "--stepz"),
        (["train", "--steps", "many", "--corpus", "world"], "many"),
    ],
)
def test_what_was_mistyped_is_named(arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    captured = capsys.readouterr()
    assert says in captured.err
    assert captured.out == ""


def test_help_and_doctor_do_without_what_is_missing() -> None:
    """With no third-party package at all, as right after a clone."""
    for arguments, status in ((["--help"], 0), (["doctor"], 0), (["train", "--out", "x"], 2)):
        process = subprocess.run(
            [sys.executable, "-S", "-m", "course_lib", *arguments],
            cwd=Path(__file__).parents[1],
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
        )
        assert process.returncode == status, process.stderr
        assert "Traceback" not in process.stderr
    assert "is not installed. `python -m course_lib doctor`" in process.stderr


def test_permission_denied_is_no_traceback(fail: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", "the/folder")

    monkeypatch.setattr(doctor, "run", refuse)
    assert "the/folder: Permission denied. Mend its permissions" in fail("doctor")


def test_a_terminal_without_the_character_shows_its_number() -> None:
    script = "from course_lib import __main__ as m; from course_lib.commands import doctor;"
    script += "doctor.run = lambda _: print('\\N{BLACK STAR}'); m.main(['doctor'])"
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    assert subprocess.check_output([sys.executable, "-c", script], env=environment).strip() == rb"\u2605"


def test_a_fault_of_our_own_is_not_called_a_missing_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(COMMANDS, "nothing", "a command without a module")
    with pytest.raises(ModuleNotFoundError):
        main(["nothing"])


def test_ctrl_c_is_status_130(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted(_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(doctor, "run", interrupted)
    assert main(["doctor"]) == 130
    assert "Interrupted" in capsys.readouterr().err
