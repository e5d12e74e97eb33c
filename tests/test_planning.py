"""Plans: arithmetic done again by hand, laws, what others reported of their runs, and memory as measured here."""

import json
import math
from dataclasses import replace
from itertools import chain

import psutil
import pytest
import torch
from transformers import AutoModelForCausalLM, GPT2Config, LlamaConfig

from course_lib import planning
from course_lib.__main__ import main
from course_lib.errors import CourseError
from course_lib.evaluation import total_nats
from course_lib.model import GPT, TransformerConfig
from course_lib.planning import DEVICES, FLOAT32, MIXED, MODELS, STRATEGIES, Plan
from course_lib.text.batches import Batch
from course_lib.training.optim import make_optimizers

H100 = DEVICES["H100"]
# Numbers that are easy to multiply.
TOY = replace(H100, name="toy", flops=1e9, memory=1e9, per_node=4, link_within=1e6, link_between=1e5, watts=500)


@pytest.fixture
def small() -> TransformerConfig:
    return TransformerConfig(vocab_size=10, context_length=8, n_layers=3, n_heads=2, d_model=4)


# ---- models and devices ----


@pytest.mark.parametrize(
    ("name", "theirs"),
    [
        ("gpt2", GPT2Config()),
        ("gpt2-medium", GPT2Config(n_embd=1024, n_layer=24, n_head=16)),
        ("gpt2-large", GPT2Config(n_embd=1280, n_layer=36, n_head=20)),
        ("gpt2-xl", GPT2Config(n_embd=1600, n_layer=48, n_head=25)),
        ("llama-2-7b", LlamaConfig()),
        (
            "llama-3-8b",
            LlamaConfig(vocab_size=128256, intermediate_size=14336, num_key_value_heads=8),
        ),
    ],
)
def test_known_models_have_as_many_parameters_as_in_transformers(name: str, theirs: GPT2Config | LlamaConfig) -> None:
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(theirs)
    assert planning.n_parameters(MODELS[name]) == sum(weight.numel() for weight in model.parameters())


@pytest.mark.parametrize(
    ("name", "billions"), [("gpt3-175b", 175), ("llama-3-70b", 70.6), ("llama-3.1-405b", 405.9), ("gpt2-xl", 1.56)]
)
def test_known_models_are_as_large_as_their_names_say(name: str, billions: float) -> None:
    assert planning.n_parameters(MODELS[name]) / 1e9 == pytest.approx(billions, rel=3e-3)


def test_this_machine_is_measured() -> None:
    device = planning.find_device("cpu")
    assert device.memory is not None
    assert device.memory == pytest.approx(psutil.virtual_memory().total, rel=0.01)
    assert 1e8 < device.flops < 1e15


def test_a_machine_that_does_not_tell_its_memory_is_taken_to_have_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("os.sysconf")
    device = planning.this_machine(n=8, seconds=0)
    assert device.memory is None
    assert Plan(MODELS["gpt3-175b"], 1e9, device).fits


# ---- FLOPs ----


def test_flops_are_six_a_parameter_and_those_of_attention() -> None:
    """PaLM's formula, with the parameters that multiply: all but the embedding, biases and gains."""
    c = MODELS["llama-3-8b"]
    d, f, v, n = 4096, 14336, 128256, 32
    multiplied = n * (2 * d * d + 2 * d * 1024 + 3 * d * f) + v * d
    assert planning.flops_per_token(c) == 6 * multiplied + 12 * n * d * c.context_length


def test_recomputing_takes_the_blocks_forward_once_more(small: TransformerConfig) -> None:
    head = 2 * 10 * 4  # of one token, forward
    forward = planning.flops_per_token(small) / 3
    assert planning.flops_per_token(small, recompute=True) == pytest.approx(4 * forward - head)


def test_gpt3_took_what_its_paper_says() -> None:
    """Brown et al. 2020, table D.1: 3.14e23 FLOPs for 300 billion tokens. That table leaves attention out."""
    plan = Plan(MODELS["gpt3-175b"], 300e9, DEVICES["A100-80GB"])
    assert plan.flops == pytest.approx(3.14e23, rel=0.04)


@pytest.mark.parametrize(
    ("name", "tokens", "hours", "factor"),
    [
        ("llama-3-8b", 15e12, 1.3e6, 2.2),  # the small one was trained less efficiently, or more often than once
        ("llama-3-70b", 15e12, 6.4e6, 1.3),
        ("llama-3.1-405b", 15.6e12, 30.84e6, 1.1),
    ],
)
def test_llama_took_about_the_device_hours_that_were_reported(
    name: str, tokens: float, hours: float, factor: float
) -> None:
    """The model cards of Llama 3 and 3.1. Plans are for a smooth run: they may promise less, but not much."""
    planned = Plan(MODELS[name], tokens, H100, devices=8192, strategy="fsdp").device_hours
    assert hours / factor < planned < hours


def test_llama_31_made_about_the_co2_that_was_reported() -> None:
    """Its model card: 1.46 million hours of 700 W, 420 tons."""
    plan = Plan(MODELS["llama-3-8b"], 1e12, H100)
    energy = plan.kilowatt_hours(pue=1.1) / plan.device_hours * 1.46e6
    assert energy * 0.4 / 1000 == pytest.approx(420, rel=0.1)


# ---- memory ----


def test_mixed_precision_with_adamw_takes_16_bytes_a_parameter_and_so_does_float32() -> None:
    """Rajbhandari et al. 2020, section 3.1 and figure 1: 7.5 billion parameters on 64 devices."""
    config = TransformerConfig(vocab_size=2, context_length=2, n_layers=2, n_heads=1, d_model=16384)
    n = planning.n_parameters(config)
    for device in (H100, DEVICES["T4"]):
        memory = Plan(config, 1, device).memory
        assert memory.weights + memory.gradients + memory.optimizer == 16 * n
    figures = dict(zip(STRATEGIES, (120, 31.4, 16.6, 1.9), strict=True))
    for strategy, gigabytes in figures.items():
        memory = Plan(config, 1, H100, devices=64, strategy=strategy).memory
        sizes = memory.weights + memory.gradients + memory.optimizer
        assert sizes / n * 7.5 == pytest.approx(gigabytes, rel=0.02)


@pytest.mark.parametrize("optimizer", planning.OPTIMIZERS)
@pytest.mark.parametrize("devices", [2, 7])
def test_what_is_parted_adds_up_to_the_whole(small: TransformerConfig, optimizer: str, devices: int) -> None:
    whole = Plan(small, 1, H100, devices=devices, optimizer=optimizer).memory
    parted = ("optimizer", "gradients", "weights")
    for stage, strategy in enumerate(STRATEGIES):
        each = Plan(small, 1, H100, devices=devices, optimizer=optimizer, strategy=strategy).memory
        for number, name in enumerate(parted):
            there = getattr(each, name) * (devices if number < stage else 1)
            assert there == pytest.approx(getattr(whole, name))
        assert each.activations == whole.activations
        assert each.total == pytest.approx(sum(each))


def test_a_parted_model_needs_room_for_the_part_that_is_computed() -> None:
    """By hand: a block of Llama 3 8B has 218 million weights, its embedding 525 million, of 2 bytes each."""
    plan = Plan(MODELS["llama-3-8b"], 1, H100, devices=8, strategy="fsdp")
    assert plan.memory.gathered == 2 * 128256 * 4096
    assert replace(plan, config=replace(plan.config, vocab_size=100)).memory.gathered == 2 * 218_112_000
    assert replace(plan, devices=1).memory.gathered == replace(plan, strategy="zero2").memory.gathered == 0


@pytest.mark.parametrize("optimizer", planning.OPTIMIZERS)
@pytest.mark.parametrize("bias", [False, True])
def test_state_is_what_a_model_here_really_holds(optimizer: str, bias: bool) -> None:
    """Weights, gradients and the optimizers' tensors after one update, to the byte."""
    config = TransformerConfig(
        vocab_size=50, context_length=8, n_layers=2, n_heads=2, d_model=16, bias=bias, norm="layer"
    )
    model = GPT(config)
    optimizers = make_optimizers(model, lr=0.1, muon_lr=0.1 if optimizer == "muon" else None)
    ids = torch.zeros(1, 8, dtype=torch.int64)
    total_nats(model, Batch(ids, ids)).backward()
    for each in optimizers:
        each.step()
    memory = Plan(config, 1, replace(H100, precision=FLOAT32), optimizer=optimizer).memory
    assert memory.weights == sum(weight.nbytes for weight in model.parameters())
    assert memory.gradients == sum(weight.grad.nbytes for weight in model.parameters() if weight.grad is not None)
    held = [value for each in optimizers for state in each.state.values() for value in state.values()]
    assert memory.optimizer == sum(value.nbytes for value in held if isinstance(value, torch.Tensor))


def kept_for_backward(config: TransformerConfig) -> int:
    """Bytes of all that autograd keeps of two rows, besides weights and tables."""
    model = GPT(config)
    own = {tensor.untyped_storage().data_ptr() for tensor in chain(model.parameters(), model.buffers())}
    kept: dict[int, torch.UntypedStorage] = {}  # the storages, so that none is freed and its place used again

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = storage
        return tensor

    ids = torch.zeros(2, config.context_length, dtype=torch.int64)
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        total_nats(model, Batch(ids, ids))
    return sum(storage.nbytes() for storage in kept.values())


LLAMA = {"qk_norm": False, "mlp": "swiglu", "n_kv_heads": 2, "d_hidden": 200}
BLOCKS = {
    "as it is": {},
    "as Llama": LLAMA,
    "as GPT-2": {"positions": "learned", "norm": "layer", "mlp": "gelu", "bias": True, "tied": True, "qk_norm": False},
    "shared and normalised keys": {"n_kv_heads": 1},
    "shared keys, not rotated": {"n_kv_heads": 2, "qk_norm": False, "positions": "sinusoidal"},
    "normalised keys, not rotated": {"positions": "none", "dropout": 0.1},
    "norms behind": {"norm_place": "post", "qk_norm": False, "norm": "layer"},
}


@pytest.mark.parametrize("parts", BLOCKS.values(), ids=BLOCKS)
def test_activations_are_what_a_model_here_really_keeps(parts: dict) -> None:
    """Within one in a hundred: means and sums of rows are not counted."""
    config = TransformerConfig(vocab_size=300, context_length=16, n_layers=3, n_heads=4, d_model=256, **parts)
    planned = planning.activation_bytes(config, 2 * 16, FLOAT32)
    assert planned == pytest.approx(kept_for_backward(config), rel=0.01)


def test_a_block_like_gpt2s_keeps_what_korthikanti_et_al_count() -> None:
    """34 bytes for each token and channel, without two for the masks of dropout, and without scores."""
    d = 768
    assert MIXED.activations * planning.block_activations(MODELS["gpt2"]) == (34 - 2) * d


def test_recomputing_keeps_the_input_of_each_block_and_one_block_whole(small: TransformerConfig) -> None:
    whole, recomputed = (planning.activation_bytes(small, 5, MIXED, again) for again in (False, True))
    block = planning.block_activations(small)
    assert whole - recomputed == 5 * 2 * (3 * block - (3 * 4 + block))


# ---- traffic ----


@pytest.mark.parametrize("n", [1, 2, 3, 8])
def test_a_ring_sends_what_a_played_ring_sends(n: int) -> None:
    """All-reduce played out: in each round every device hands one part to its neighbour."""
    parts = [[float(10 * device + part) for part in range(n)] for device in range(n)]
    expected = [sum(column) for column in zip(*parts, strict=True)]
    sent = 0
    for gather in (False, True):
        for turn in range(n - 1):
            moves = [(device, (device - turn + gather) % n) for device in range(n)]
            values = [parts[device][part] for device, part in moves]
            for (device, part), value in zip(moves, values, strict=True):
                there = parts[(device + 1) % n]
                there[part] = value if gather else there[part] + value
            sent += 1  # parts, by each device
    assert all(row == expected for row in parts)
    assert planning.ring_bytes(2 * n, n) == sent


def test_traffic_by_hand(small: TransformerConfig) -> None:
    n = planning.n_parameters(small)
    plan = Plan(small, 1, TOY, devices=4, accumulate=3)
    per_byte = {"ddp": 2, "zero1": 2, "zero2": 3 + 1, "fsdp": 3 * 3}
    for strategy, times in per_byte.items():
        assert replace(plan, strategy=strategy).bytes_sent == 3 / 4 * times * 2 * n
    assert replace(plan, devices=1).bytes_sent == 0
    assert plan.communication_seconds == pytest.approx(plan.bytes_sent / 1e6)
    assert replace(plan, devices=5).communication_seconds == pytest.approx(4 / 5 * 4 * n / 1e5)  # a second machine


# ---- time, money, energy ----


def test_days_by_hand() -> None:
    config = TransformerConfig(
        vocab_size=100, context_length=10, n_layers=1, n_heads=1, d_model=10, d_hidden=20, qk_norm=False
    )
    # Multiplied: maps 4·10·10, MLP 2·10·20, head 10·100; attention 12·10·10.
    flops = 6 * (400 + 400 + 1000) + 1200
    plan = Plan(config, tokens=864e6, device=TOY, devices=2, rows=3, accumulate=4, utilization=0.5)
    assert plan.tokens_per_step == 2 * 3 * 4 * 10
    assert plan.steps == 3_600_000
    assert plan.compute_seconds == pytest.approx(240 * flops / (2 * 1e9 * 0.5))
    parameters = 400 + 400 + 2 * 1000 + 3 * 10
    assert plan.communication_seconds == pytest.approx(2 * 1 / 2 * 2 * parameters / 1e6)
    step = max(240 * flops / 1e9, 2 * parameters / 1e6)
    assert plan.days == pytest.approx(3.6e6 * step / 86400)
    assert plan.device_hours == pytest.approx(plan.days * 48)
    assert plan.dollars() == pytest.approx(plan.device_hours * 2.5)
    assert plan.dollars(price=7) == pytest.approx(plan.device_hours * 7)
    assert plan.kilowatt_hours(pue=1.2) == pytest.approx(plan.device_hours * 0.5 * 1.2)


def test_twice_the_devices_halve_the_days_unless_sending_decides(small: TransformerConfig) -> None:
    free = replace(TOY, link_within=math.inf, link_between=math.inf)
    days = [Plan(small, 1e9, free, devices=n).days for n in (1, 2, 4, 64)]
    assert days == pytest.approx([days[0] / n for n in (1, 2, 4, 64)])
    slow = Plan(small, 1e9, replace(TOY, flops=1e12), devices=4)
    assert slow.communication_seconds > slow.compute_seconds
    assert slow.step_seconds == slow.communication_seconds
    assert slow.days > replace(slow, devices=2).days / 2


# ---- advice ----


def test_what_fits_leaves_a_tenth_free(small: TransformerConfig) -> None:
    need = Plan(small, 1, TOY).memory.total
    assert Plan(small, 1, replace(TOY, memory=need / 0.9 + 1)).fits
    assert not Plan(small, 1, replace(TOY, memory=need / 0.9 - 1)).fits


def test_advice_names_every_single_change_that_suffices() -> None:
    plan = Plan(MODELS["gpt2-xl"], 1e9, H100, devices=8, rows=32)
    assert not plan.fits
    advice = list(plan.advice())
    assert [each.partition(":")[0] for each in advice] == ["--rows 1 --accumulate 32", "--recompute"]
    helped = replace(plan, rows=1, accumulate=32)
    assert helped.fits
    assert helped.tokens_per_step == plan.tokens_per_step
    assert planning.gigabytes(helped.memory.total) in advice[0]
    assert replace(plan, recompute=True).fits
    assert not any(replace(plan, strategy=strategy).fits for strategy in STRATEGIES)


def test_where_no_single_change_suffices_all_together_may() -> None:
    plan = Plan(MODELS["llama-3-8b"], 1e9, H100, devices=8, rows=4)
    assert [each.partition(":")[0] for each in plan.advice()] == ["--rows 1 --accumulate 4 --strategy fsdp --recompute"]


def test_where_nothing_suffices_more_devices_may() -> None:
    plan = Plan(MODELS["llama-3-70b"], 1e9, H100, devices=4)
    (advice,) = plan.advice()
    devices = int(advice.split()[1])
    enough = replace(plan, devices=devices, strategy="fsdp", recompute=True)
    assert enough.fits
    assert not replace(enough, devices=devices // 2).fits


def test_where_no_number_of_devices_suffices_the_plan_says_so() -> None:
    (advice,) = Plan(MODELS["llama-3-8b"], 1e9, replace(H100, memory=1e9)).advice()
    assert "a shorter --context-length, a smaller model or a larger device" in advice


# ---- what is refused ----


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"devices": 0}, "devices is 0"),
        ({"rows": 0}, "rows is 0"),
        ({"accumulate": -1}, "accumulate is -1"),
        ({"tokens": math.nan}, "tokens is nan"),
        ({"utilization": 1.5}, "utilization is 1.5"),
        ({"strategy": "zero3"}, "ddp, zero1, zero2, fsdp"),
        ({"optimizer": "sgd"}, "adamw, muon"),
    ],
)
def test_impossible_plans_are_refused(small: TransformerConfig, change: dict, says: str) -> None:
    with pytest.raises(CourseError, match=says):
        replace(Plan(small, 1, TOY), **change)


# ---- the command ----


def test_the_command_says_what_the_plan_says(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["plan", "--model", "llama-3-8b", "--tokens", "15e12", "--devices", "64", "--grid", "0.5"]
    assert main([*arguments, "--json"]) == 0
    out, table = capsys.readouterr()
    result = json.loads(out)
    plan = Plan(MODELS["llama-3-8b"], 15e12, H100, devices=64)
    assert result["memory_bytes"] == {**plan.memory._asdict(), "total": plan.memory.total, "device": 80e9}
    assert result["co2_kg"] == pytest.approx(plan.kilowatt_hours(1.1) * 0.5)
    assert (result["fits"], result["advice"]) == (False, list(plan.advice()))
    assert (result["days"], result["dollars"]) == (plan.days, plan.dollars())
    for words in (
        "8,030,261,248 parameters",
        "180.6 GB of 80.0 GB",
        "does not fit",
        "fsdp: 55.2 GB",
    ):
        assert words in table
    assert main(["plan"]) == 0
    assert "not fit" not in capsys.readouterr().out


def test_sizes_on_the_command_line_replace_the_models(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "--model", "gpt2-large", "--n-layers", "2", "--device", "cpu", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    config = replace(MODELS["gpt2-large"], n_layers=2)
    n = sum(weight.numel() for weight in GPT(config).parameters())
    assert (result["parameters"], result["tokens"]) == (n, 20 * n)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--model", "gpt5"], "There are: gpt2, gpt2-medium"),
        (["--device", "abacus"], "There are: H100, A100-80GB, T4, cpu"),
        (["--pue", "0.9"], "pue is 0.9; it must be at least 1"),
        (["--price", "-1"], "price is -1"),
        (["--n-heads", "7"], "n_heads 7"),
    ],
)
def test_what_cannot_be_planned_is_explained(
    capsys: pytest.CaptureFixture[str], arguments: list[str], says: str
) -> None:
    assert main(["plan", *arguments]) == 2
    assert says in capsys.readouterr().err
