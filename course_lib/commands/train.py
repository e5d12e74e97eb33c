"""Pretrain a language model: corpus → tokenizer → tokens → training → checkpoint → loss curve → samples."""

import argparse
import json
import sys
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
from course_lib.training import Checkpoint, NonFiniteError, save_checkpoint, train
from course_lib.training.loop import interrupts_deferred


@dataclass(frozen=True)
class Options:
    """Pretrain a language model from random weights."""

    corpus: str
    """world, shakespeare, the path of a text file, or default: Shakespeare where it is to be had, else the world."""
    preset: str
    """Where all other defaults come from: smoke, laptop, gpu, and for text speedrun."""
    out: Path
    """Folder for all that the run makes; it must be new or empty."""
    settings: tyro.conf.OmitArgPrefixes[Preset]
    resume: tyro.conf.FlagCreatePairsOff[bool] = False
    """Go on with the run in that folder; start it if there is none."""
    save_every: int = 100
    """Steps from one checkpoint to the next."""

    def __post_init__(self) -> None:
        if self.save_every < 1:
            raise CourseError(f"save_every is {self.save_every}, but must be at least 1 step.")


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
    """Train to the end, or until ctrl-C, which loses nothing: what is trained by then is saved and can be resumed."""
    try:
        return _run(options)
    except KeyboardInterrupt:
        if (options.out / CONFIG).exists():
            _say(f"\nGo on with: python -m course_lib train --resume --out {options.out}")
        raise


def _run(options: Options) -> dict[str, Any]:
    current, checkpoint = _prepare(options)
    config = current.config.settings.training
    resumed_from = checkpoint.step if checkpoint else None
    if checkpoint and checkpoint.step == config.steps and (current.folder / RESULT).exists():
        _say(f"Finished already, after {config.steps} steps.")
        finished = read_json(current.folder / RESULT)
        return {**finished, "resumed_from": resumed_from, "checkpoint": str(checkpoint.path)}

    model = current.new_model()
    training = train(model, current.batches(), config)
    losses: list[float] = []  # of every step that is behind the weights
    seconds = 0.0
    if checkpoint:
        load_weights(model, checkpoint)
        training.load_state_dict(checkpoint.run_state["training"])
        losses, seconds = checkpoint.run_state["losses"], checkpoint.run_state["seconds"]
    path = checkpoint.path if checkpoint else None
    unsaved = False
    _say(f"{model.n_parameters:,} parameters, {current.tokenizer.vocab_size} tokens, {config.steps} steps, {device()}")

    def save() -> Path:
        state = {"training": training.state_dict(), "losses": losses, "seconds": seconds}
        return save_checkpoint(
            current.folder / CHECKPOINTS,
            step=training.step,
            model_state=model.state_dict(),
            run_state=state,
            metadata=current.metadata,
        )

    try:
        with tqdm(total=config.steps, initial=training.step, unit="step", file=sys.stderr) as bar:
            while training.step < config.steps:
                # Step, its record and its checkpoint are one: an interrupt waits until all three are done.
                with interrupts_deferred():
                    step = next(training)
                    losses.append(step.loss)
                    seconds += step.seconds
                    unsaved = True
                    if step.number % options.save_every == 0 or step.number == config.steps:
                        path, unsaved = save(), False
                bar.set_postfix_str(f"loss {step.loss:.3f}", refresh=False)
                bar.update()
    except (KeyboardInterrupt, NonFiniteError):
        if unsaved:
            with interrupts_deferred():
                save()
        raise

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


def _prepare(options: Options) -> tuple[Run, Checkpoint | None]:
    """The run in the folder that was asked for, and where it stands; None before the first checkpoint."""
    folder, config = options.out, RunConfig(options.corpus, options.settings)
    if options.resume and (folder / CONFIG).exists():
        saved = Run.open(folder)
        checkpoint = saved.load_checkpoint(config)
        if checkpoint:
            return saved, checkpoint
    elif not options.resume and folder.is_dir() and any(folder.iterdir()):
        raise CourseError(f"{folder} is not empty. Add --resume to go on with the run in it, or choose another folder.")
    return Run.start(folder, config), None


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
