"""The training loop: what a step does, what stops it, and that a stopped run goes on as if it had not been."""

import _thread
import contextlib
import copy
import itertools
import math
import random
import re
import signal
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from course_lib.errors import CourseError
from course_lib.evaluation import evaluate, total_nats
from course_lib.model import GPT, TransformerConfig
from course_lib.runtime import seed_everything
from course_lib.text.batches import IGNORE, Batch, Windows
from course_lib.training import (
    NonFiniteError,
    TrainingConfig,
    TrainingRun,
    learning_rate_factor,
    load_checkpoint,
    loop,
    save_checkpoint,
    train,
)

V, T = 11, 8


class Listed:
    """The batches of a list, again and again."""

    def __init__(self, batches: Sequence[Batch]) -> None:
        self.batches = batches
        self.next_batch = 0

    def __next__(self) -> Batch:
        self.next_batch += 1
        return self.batches[(self.next_batch - 1) % len(self.batches)]

    def state_dict(self) -> dict[str, Any]:
        return {"next_batch": self.next_batch}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.next_batch = state["next_batch"]


def new_model(dropout: float = 0.0, seed: int = 0) -> GPT:
    seed_everything(seed)
    return GPT(TransformerConfig(vocab_size=V, context_length=T, n_layers=1, n_heads=2, d_model=16, dropout=dropout))


def new_run(dropout: float = 0.0, seed: int = 0, **settings: Any) -> TrainingRun:
    ids = np.random.default_rng(7).integers(V, size=500)
    config = TrainingConfig(**{"steps": 8, "lr": 0.02, "muon_lr": 0.05, "weight_decay": 0.1, **settings})
    return train(new_model(dropout, seed), Windows(ids, batch_size=3, context_length=T, seed=5), config)


def weights(run: TrainingRun) -> dict[str, torch.Tensor]:
    return {name: weight.detach().clone() for name, weight in run.model.named_parameters()}


def before_call(owner: object, name: str, do_first: Callable) -> None:
    method = getattr(owner, name)

    def wrapped(*args: Any) -> Any:
        do_first(*args)
        return method(*args)

    setattr(owner, name, wrapped)


def flat(nested: dict[str, Any], path: str = "") -> dict[str, torch.Tensor]:
    parts = [
        flat(v, f"{path}/{k}") if isinstance(v, dict) else {f"{path}/{k}": torch.as_tensor(v)}
        for k, v in nested.items()
    ]
    return {name: tensor for part in parts for name, tensor in part.items()}


def equal(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


# What a step is


def test_a_run_makes_its_steps_and_ends():
    run = new_run(steps=5)
    before = weights(run)
    steps = list(run)
    assert [step.number for step in steps] == [1, 2, 3, 4, 5]
    assert all(step.tokens == 3 * T for step in steps)
    assert (run.step, run.tokens) == (5, 5 * 3 * T)
    assert list(run) == []
    after = weights(run)
    assert all(not torch.equal(before[name], after[name]) for name in before)


def test_making_a_run_changes_nothing():
    model = new_model()
    state = torch.get_rng_state()
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    train(model, Windows(range(100), 2, T, seed=0), TrainingConfig(steps=3))
    assert equal(before, model.state_dict())
    assert torch.equal(state, torch.get_rng_state())


def test_the_loss_of_a_step_is_that_of_its_batch_before_the_update():
    run = new_run(accumulate=2)
    for _ in range(3):
        place = run.batches.state_dict()
        expected = evaluate(run.model, list(itertools.islice(run.batches, 2))).loss
        run.batches.load_state_dict(place)
        assert next(run).loss == pytest.approx(expected, rel=1e-5)


def test_it_learns_one_batch_by_heart():
    ids = np.random.default_rng(0).integers(V, size=T + 1)
    run = train(new_model(), Windows(ids, 1, T, seed=0), TrainingConfig(steps=60))
    losses = [step.loss for step in run]
    assert losses[0] == pytest.approx(math.log(V), abs=0.1)
    assert losses[-1] < 0.05


def test_accumulating_small_batches_equals_one_big_batch():
    generator = torch.Generator().manual_seed(0)
    inputs, targets = torch.randint(V, (2, 6, T), generator=generator)
    targets[0, 2:] = IGNORE  # so that the small batches count differently many tokens
    documents = torch.tensor([[0] * 3 + [1] * 5] * 6)
    whole = Batch(inputs, targets, documents)
    parts = [Batch(inputs[i : i + 2], targets[i : i + 2], documents[i : i + 2]) for i in (0, 2, 4)]
    big = train(new_model(), Listed([whole]), TrainingConfig(steps=4))
    small = train(new_model(), Listed(parts), TrainingConfig(steps=4, accumulate=3))
    for one, other in zip(big, small, strict=True):
        assert one.tokens == other.tokens == 6 * T - 6
        assert one.loss == pytest.approx(other.loss, rel=1e-4)
        assert one.grad_norm == pytest.approx(other.grad_norm, rel=1e-3)
    for name, weight in weights(big).items():
        torch.testing.assert_close(weight, weights(small)[name], atol=1e-3, rtol=1e-3)


def test_a_long_gradient_is_shortened_and_a_short_one_is_not():
    for clip in (0.01, 1000.0):
        run = new_run(clip=clip)
        step = next(run)
        used = torch.stack([weight.grad.norm() for weight in run.model.parameters()]).norm().item()
        assert 0.01 < step.grad_norm < 1000
        assert used == pytest.approx(min(step.grad_norm, clip), rel=1e-3)


def test_the_learning_rates_follow_the_schedule():
    run = new_run(steps=10, warmup=0.3, decay=0.5)
    used: list[float] = []
    for optimizer in run.optimizers:
        before_call(optimizer, "step", used.append)
    for step in run:
        factor = learning_rate_factor(step.number - 1, 10, 0.3, 0.5)
        assert step.lr == pytest.approx(0.02 * factor)
        assert used[-3:] == [factor] * 3


@pytest.mark.parametrize("training", [True, False])
def test_between_steps_the_model_is_in_the_callers_mode(training):
    run = new_run(dropout=0.5)
    modes = []
    run.model.register_forward_hook(lambda module, *_: modes.append(module.training))
    run.model.train(training)
    for _ in run:
        assert run.model.training == training
    assert modes == [True] * 8


# What goes on as if it had not stopped


@pytest.mark.parametrize("dropout", [0.0, 0.3])
@pytest.mark.parametrize("through_disk", [False, True])
def test_a_resumed_run_equals_an_uninterrupted_one_bit_for_bit(dropout, through_disk, tmp_path: Path):
    whole = new_run(dropout)
    expected_steps = list(whole)

    first = new_run(dropout)
    first_steps = [next(first) for _ in range(3)]
    model_state = {name: tensor.clone() for name, tensor in first.model.state_dict().items()}
    run_state = first.state_dict()
    if through_disk:
        save_checkpoint(tmp_path, step=3, model_state=model_state, run_state=run_state, metadata={})
        loaded = load_checkpoint(tmp_path)
        model_state, run_state = loaded.model_state, loaded.run_state
    list(first)  # what happens to the run afterwards must not reach what was saved

    second = new_run(dropout, seed=99)
    second.model.load_state_dict(model_state)
    second.load_state_dict(run_state)
    assert (second.step, second.tokens) == (3, 9 * T)
    assert first_steps + list(second) == expected_steps
    assert equal(weights(second), weights(whole))


class Noisy(Windows):
    """Batches with random numbers of all three kinds in them, as a reader's own augmentation might draw them."""

    def __next__(self) -> Batch:
        batch = super().__next__()
        batch.inputs[0, 0] = random.randrange(V)
        batch.inputs[0, 1] = np.random.randint(V)  # noqa: NPY002 - the global generator is meant
        batch.inputs[0, 2] = torch.randint(V, ())
        return batch


def noisy_run(seed: int = 0) -> TrainingRun:
    ids = np.random.default_rng(7).integers(V, size=500)
    config = TrainingConfig(steps=8, lr=0.02, muon_lr=0.05, warmup=0.5)
    return train(new_model(0.3, seed), Noisy(ids, batch_size=3, context_length=T, seed=5), config)


PARTS = {
    "step": r"/step",
    "tokens": r"/tokens",
    "place in the data": r"/batches/next_batch",
    "random numbers of Python": r"/rng/.*python",
    "random numbers of NumPy": r"/rng/.*numpy",
    "random numbers of torch": r"/rng/.*torch",
    "AdamW's means": r"/optimizers/embedding\.weight/mean",
    "AdamW's squares": r"/optimizers/embedding\.weight/square",
    "AdamW's updates": r"/optimizers/embedding\.weight/updates",
    "a gain's means": r"/optimizers/norm\.weight/mean",
    "Muon's means": r"/optimizers/blocks\.0\.mlp\.expand\.weight/mean",
}


@pytest.mark.parametrize("part", [None, *PARTS])
def test_whatever_is_left_out_of_a_saved_run_would_be_missed(part: str | None) -> None:
    """With all parts, the resumed run is the whole one; with one part as in a run that has just begun, it is not."""
    whole = noisy_run()
    expected = list(whole)
    first = noisy_run()
    for _ in range(3):
        next(first)
    model_state, state = copy.deepcopy(first.model.state_dict()), first.state_dict()
    second = noisy_run(seed=99)
    fresh = second.state_dict()

    def leave_out(saved: dict[str, Any], begun: dict[str, Any], path: str) -> int:
        n = 0
        for name, value in saved.items():
            if isinstance(value, dict):
                n += leave_out(value, begun.get(name, {}), f"{path}/{name}")
            elif part and re.fullmatch(PARTS[part], f"{path}/{name}"):
                saved[name] = begun.get(name, value * 0)
                n += 1
        return n

    assert leave_out(state, fresh, "") == (part is not None)
    second.model.load_state_dict(model_state)
    second.load_state_dict(state)
    is_same = list(second) == expected[3:] and equal(weights(second), weights(whole)) and second.tokens == whole.tokens
    assert is_same == (part is None)


def test_a_saved_run_is_tensors_numbers_and_strings_by_name():
    run = new_run()
    next(run)

    def check(value: object) -> None:
        if isinstance(value, dict):
            assert all(isinstance(name, str) for name in value)
            for each in value.values():
                check(each)
        else:
            assert isinstance(value, torch.Tensor | int | float | str)

    check(run.state_dict())


def test_stopping_and_going_on_is_the_same_run():
    whole, stopped = new_run(), new_run()
    list(whole)
    for step in stopped:
        if step.number == 3:
            break
    list(stopped)
    assert equal(weights(whole), weights(stopped))


# What stops it before the update


def spoil_logits(run: TrainingRun, patch: pytest.MonkeyPatch, value: float) -> None:
    forward = run.model.forward
    patch.setattr(run.model, "forward", lambda *args: forward(*args) * value)


def spoil_loss(run: TrainingRun, patch: pytest.MonkeyPatch, value: float) -> None:
    patch.setattr(loop, "total_nats", lambda *args: total_nats(*args) + value)


def spoil_gradient(run: TrainingRun, patch: pytest.MonkeyPatch, value: float) -> None:
    clip = torch.nn.utils.clip_grad_norm_

    def spoiled_clip(parameters: list[torch.Tensor], max_norm: float) -> torch.Tensor:
        parameters[0].grad[0, 0] = value
        return clip(parameters, max_norm)

    patch.setattr(torch.nn.utils, "clip_grad_norm_", spoiled_clip)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("spoil", [spoil_logits, spoil_loss, spoil_gradient])
def test_a_number_that_is_not_finite_stops_before_the_update(spoil, value):
    whole, run = new_run(), new_run()
    list(whole)
    next(run)
    before, state = weights(run), run.state_dict()
    with pytest.MonkeyPatch.context() as patch:
        spoil(run, patch, value)
        with pytest.raises(NonFiniteError, match=r"^Step 2: .*(nan|inf)"):
            next(run)
    assert equal(weights(run), before)
    assert equal(flat(run.state_dict()["optimizers"]), flat(state["optimizers"]))
    assert (run.step, run.batches.state_dict()) == (state["step"], state["batches"])
    list(run)
    assert equal(weights(run), weights(whole))


# What an interrupt may not tear

MOMENTS = {
    "forward": lambda run, strike: run.model.register_forward_hook(strike),
    "backward": lambda run, strike: run.model.embedding.weight.register_hook(strike),
    "before AdamW": lambda run, strike: before_call(run.optimizers[0], "step", strike),
    "before Muon": lambda run, strike: before_call(run.optimizers[2], "step", strike),
    "within Muon": lambda run, strike: before_call(run.optimizers[2], "directions", strike),
}


@pytest.mark.usefixtures("ctrl_c_interrupts")
@pytest.mark.parametrize("moment", list(MOMENTS))
def test_an_interrupt_waits_for_the_end_of_the_step(moment):
    whole, run = new_run(), new_run()
    list(whole)
    run.model.eval()
    handler = signal.getsignal(signal.SIGINT)
    strikes = iter([signal.SIGINT])

    def strike(*args: object) -> None:
        for each in strikes:
            signal.raise_signal(each)

    MOMENTS[moment](run, strike)
    with pytest.raises(KeyboardInterrupt):
        next(run)
    assert run.step == 1
    assert signal.getsignal(signal.SIGINT) is handler
    assert not run.model.training
    list(run)
    assert equal(weights(run), weights(whole))


@pytest.mark.usefixtures("ctrl_c_interrupts")
def test_interrupts_at_random_moments_tear_no_step():
    whole, run = new_run(steps=1000, decay=0), new_run(steps=1000, decay=0)
    rng = random.Random(0)
    for _ in range(40):
        began = time.perf_counter()
        next(whole)
        one_step = time.perf_counter() - began
        timer = threading.Timer(rng.uniform(0, 2 * one_step), _thread.interrupt_main)
        with contextlib.suppress(KeyboardInterrupt):
            timer.start()
            list(run)
        timer.join()
        assert run.model.training
    assert run.step < 1000
    for behind, ahead in ((run, whole), (whole, run)):
        while behind.step < ahead.step:
            next(behind)
    assert equal(weights(run), weights(whole))


def test_an_ignored_interrupt_stays_ignored():
    run = new_run()
    run.model.register_forward_hook(lambda *_: signal.raise_signal(signal.SIGINT))
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        assert len(list(run)) == 8
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_run_in_another_thread_is_the_same_run():
    whole, run = new_run(), new_run()
    list(whole)
    worker = threading.Thread(target=lambda: list(run))
    worker.start()
    worker.join()
    assert equal(weights(run), weights(whole))


# Its settings


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"steps": 0}, "steps is 0"),
        ({"accumulate": 0}, "accumulate is 0"),
        ({"lr": -0.1}, "lr is -0.1"),
        ({"lr": math.nan}, "lr is nan"),
        ({"muon_lr": -1.0}, "muon_lr is -1.0"),
        ({"weight_decay": -1.0}, "weight_decay is -1.0"),
        ({"clip": -1.0}, "clip is -1.0"),
        ({"warmup": 1.5}, "warmup is 1.5"),
        ({"decay": -0.5}, "decay is -0.5"),
    ],
)
def test_a_setting_out_of_range_is_refused(settings, message):
    with pytest.raises(CourseError, match=message):
        TrainingConfig(**{"steps": 1, **settings})


def test_settings_survive_the_way_through_a_dictionary():
    config = TrainingConfig(steps=3, muon_lr=None, accumulate=2)
    assert TrainingConfig.from_dict(config.to_dict()) == config
    with pytest.raises(CourseError, match="did you mean 'warmup'"):
        TrainingConfig.from_dict({"steps": 3, "warm_up": 0.1})
