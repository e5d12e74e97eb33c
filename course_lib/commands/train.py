"""Pretrain a language model: corpus → tokenizer → tokens → training → checkpoint → loss curve → samples."""

import argparse
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import tyro
from tqdm import tqdm

from course_lib.commands.run_folder import (
    CHECKPOINTS,
    CONFIG,
    CURVE,
    RESULT,
    SAMPLES,
    Run,
    RunConfig,
    load_weights,
    read_config,
)
from course_lib.config import read_json
from course_lib.display.plots import loss_curve
from course_lib.errors import CourseError
from course_lib.presets import Preset, current_preset_name, find_preset
from course_lib.runtime import device, peak_memory_bytes
from course_lib.text import load_corpus
from course_lib.training import Checkpoint, NonFiniteError, Ranks, joined, save_checkpoint, train
from course_lib.training.checkpoints import has_checkpoint
from course_lib.training.loop import interrupts_deferred


@dataclass(frozen=True)
class Options:
    """Pretrain a language model from random weights.

    In several processes, each with its share of every batch: torchrun --standalone --nproc-per-node 2 -m course_lib
    train. With --max-restarts 3 before -m and --resume behind train, they start again from the last checkpoint when one
    of them fails; for that, set TORCH_DISABLE_SHARE_RDZV_TCP_STORE=1, or they look for each other in the wrong place.
    """

    corpus: str
    """world, shakespeare, the path of a text file, a folder that `tokenize` made, or default: Shakespeare where it is
    to be had, else the world."""
    preset: str
    """Where all other defaults come from: smoke, laptop, gpu, and for text speedrun."""
    out: Path
    """Folder for all that the run makes; it must be new or empty."""
    settings: tyro.conf.OmitArgPrefixes[Preset]
    resume: tyro.conf.FlagCreatePairsOff[bool] = False
    """Go on with the run in that folder; start it if there is none."""
    save_every: int = 100
    """Steps from one checkpoint to the next."""
    shard: tyro.conf.FlagCreatePairsOff[bool] = False
    """Divide the weights among several processes, in place of a copy in each (FSDP2 in place of DDP)."""
    timeout: float = 600
    """Seconds after which a process that does not answer the others is given up."""

    def __post_init__(self) -> None:
        if self.save_every < 1:
            raise CourseError(f"save_every is {self.save_every}, but must be at least 1 step.")
        if not self.timeout > 0:
            raise CourseError(f"timeout is {self.timeout}, but must be more than 0 seconds.")


def defaults(arguments: list[str]) -> Options:
    """What holds where the command line says nothing: the preset's numbers, or those of the run to be resumed."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--corpus", default="default")
    parser.add_argument("--preset")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--resume", action="store_true")
    chosen, _ = parser.parse_known_args(arguments)

    corpus = chosen.corpus
    out = chosen.out or Path("runs", Path(corpus).stem)
    saved = read_config(out) if chosen.resume and (out / CONFIG).exists() else None
    if corpus == "default":
        wants_help = {"-h", "--help"} & set(arguments)
        corpus = saved.corpus if saved else "shakespeare" if wants_help else load_corpus("default").name
    preset = chosen.preset or current_preset_name()
    settings = saved.settings if saved and not chosen.preset else find_preset(preset, corpus)
    return Options(corpus, preset, out, settings)


def run(options: Options) -> dict[str, Any]:
    """Train to the end, or until ctrl-C, which loses nothing: what is trained by then is saved and can be resumed.

    Of several processes the first one reports, and the others end without a word.
    """
    try:
        return _run(options)
    except KeyboardInterrupt:
        if (options.out / CONFIG).exists():
            _say(f"\nGo on with: python -m course_lib train --resume --out {options.out}")
        raise


def _run(options: Options) -> dict[str, Any]:
    config = options.settings.training
    with joined(options.shard, options.timeout) as ranks, _first_speaks(ranks):
        current, checkpoint = _prepare(options, ranks)
        resumed_from = checkpoint.step if checkpoint else None
        if checkpoint and checkpoint.step == config.steps and (current.folder / RESULT).exists():
            _say(f"Finished already, after {config.steps} steps.")
            finished = read_json(current.folder / RESULT)
            return {**finished, "resumed_from": resumed_from, "checkpoint": str(checkpoint.path)}

        model = current.new_model()
        training = train(model, current.batches(), config, ranks)
        losses: list[float] = []  # of every step that is behind the weights
        seconds = 0.0
        if checkpoint:
            load_weights(model, checkpoint, ranks)
            training.load_state_dict(checkpoint.run_state["training"])
            losses, seconds = checkpoint.run_state["losses"], checkpoint.run_state["seconds"]
        path = checkpoint.path if checkpoint else None
        unsaved = False
        if ranks.rank == 0:
            size = f"{model.n_parameters:,} parameters, {current.tokenizer.vocab_size} tokens, {config.steps} steps"
            _say(f"{size}, {device()}" + (f", {ranks.number} processes" if ranks.number > 1 else ""))

        def save() -> Path:
            state = {"training": training.state_dict(), "losses": losses, "seconds": seconds}
            return save_checkpoint(
                current.folder / CHECKPOINTS,
                step=training.step,
                model_state=model.state_dict(),
                run_state=state,
                metadata=current.metadata,
                ranks=ranks,
            )

        bar = tqdm(total=config.steps, initial=training.step, unit="step", file=sys.stderr, disable=ranks.rank > 0)
        # An interrupt waits until a step and its record, on all ranks, are done.
        with bar, interrupts_deferred() as interrupts:
            try:
                while training.step < config.steps:
                    step = next(training)
                    losses.append(step.loss)
                    seconds += step.seconds
                    unsaved = True
                    if step.number % options.save_every == 0 or step.number == config.steps:
                        path, unsaved = save(), False
                    bar.set_postfix_str(f"loss {step.loss:.3f}", refresh=False)
                    bar.update()
                    if ranks.total(len(interrupts)):
                        raise KeyboardInterrupt
            except (KeyboardInterrupt, NonFiniteError):
                if unsaved:
                    save()
                raise

    model = current.trained_model()  # as it was saved: whole, whatever it was divided among
    scores = current.score(model)
    result = asdict(scores) | {
        "steps": training.step,
        "resumed_from": resumed_from,
        "tokens": training.tokens,
        "seconds": seconds,
        "tokens_per_second": training.tokens / seconds,
        "peak_memory_bytes": peak_memory_bytes(),
        "checkpoint": str(path),
    }
    texts = current.sample(model, n_texts=10 if current.is_world else 1)
    picture = loss_curve(
        range(1, training.step + 1),
        losses,
        validation=([training.step], [scores.val_loss]),
        floor=scores.floor,
    )
    current.write(CURVE, picture.png())
    current.write(SAMPLES, "\n".join([*texts, ""]).encode())
    current.write(RESULT, json.dumps(result, indent=2).encode())
    _report(current, result, texts)
    return result


@contextmanager
def _first_speaks(ranks: Ranks) -> Iterator[None]:
    """End all ranks but the first at the end of the block, with the status of the first, which says what there is."""
    try:
        yield
    except (CourseError, KeyboardInterrupt) as error:
        if ranks.rank > 0:
            raise SystemExit(2 if isinstance(error, CourseError) else 130) from None
        raise
    if ranks.rank > 0:
        raise SystemExit(0)


def _prepare(options: Options, ranks: Ranks) -> tuple[Run, Checkpoint | None]:
    """The run in the folder that was asked for, and where it stands; None before the first checkpoint."""
    folder, config = options.out, RunConfig(options.corpus, options.settings)
    ranks.rows(options.settings.batch_size)  # refuses now what cannot be shared out
    with ranks.together():
        if not options.resume and ranks.rank == 0 and folder.is_dir() and any(folder.iterdir()):
            raise CourseError(
                f"{folder} is not empty. Add --resume to go on with the run in it, or choose another folder."
            )
        # Before its first checkpoint, a run is started over.
        goes_on = (folder / CONFIG).exists() and has_checkpoint(folder / CHECKPOINTS)
        if ranks.rank == 0 and not goes_on:
            Run.start(folder, config)
    with ranks.together():
        current = Run.open(folder)
        return current, current.load_checkpoint(config, ranks)


def _report(current: Run, result: dict[str, Any], texts: list[str]) -> None:
    print("\n".join(texts))
    _say(f"\n{result['steps']} steps in {result['seconds']:.1f} s, {result['tokens_per_second']:,.0f} tokens a second")
    _say(f"validation loss {result['val_loss']:.4f} nats per token, {result['bits_per_byte']:.3f} bits per byte")
    if result["floor"] is not None:
        _say(f"floor {result['floor']:.4f}: the model needs {result['gap_per_document']:.2f} nats a document more")
    _say(f"in {current.folder}: {CURVE}, {SAMPLES}, {CHECKPOINTS}")
    _say(f"let it talk: python -m course_lib generate --model {current.folder}")


def _say(text: str) -> None:
    print(text, file=sys.stderr)
