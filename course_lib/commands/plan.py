"""Say what a training run would need: memory, traffic between devices, days, cost, energy."""

import argparse
from dataclasses import dataclass
from typing import Any

import tyro

from course_lib.errors import CourseError
from course_lib.model import TransformerConfig
from course_lib.planning import Plan, find_device, find_model, gigabytes, n_parameters

TOKENS_PER_PARAMETER = 20  # Hoffmann et al. 2022, "Training Compute-Optimal Large Language Models", table 3


@dataclass(frozen=True)
class Options:
    """Say what a training run would need: memory, traffic between devices, days, cost, energy."""

    model: str
    """gpt2, gpt2-medium, gpt2-large, gpt2-xl, gpt3-175b, llama-2-7b, llama-3-8b, llama-3-70b or llama-3.1-405b: where
    all sizes that are not given come from."""
    config: tyro.conf.OmitArgPrefixes[TransformerConfig]
    tokens: float | None = None
    """Tokens to train on, such as 15e12; none given: 20 a parameter."""
    device: str = "H100"
    """H100, A100-80GB, T4, or cpu: this machine, whose speed is measured."""
    devices: int = Plan.devices
    """How many devices."""
    rows: int = Plan.rows
    """Rows, as long as the context, that a device has in work at once."""
    accumulate: int = Plan.accumulate
    """Batches whose gradients are added up for one update."""
    strategy: str = Plan.strategy
    """What is parted among devices: ddp (nothing), zero1 (optimizer), zero2 (gradients too), fsdp (weights too)."""
    optimizer: str = Plan.optimizer
    """adamw, or muon for the matrices inside the blocks."""
    recompute: tyro.conf.FlagCreatePairsOff[bool] = Plan.recompute
    """Keep only each block's input, and compute all else again when gradients are due."""
    utilization: float = Plan.utilization
    """Share of the peak FLOP/s that is reached."""
    price: float | None = None
    """US dollars an hour for one device; none given: H100 2.50, A100-80GB 1.50, T4 0.35, cpu 0.10."""
    pue: float = 1.1
    """What the whole data centre draws for each unit of energy that the devices draw."""
    grid: float = 0.4
    """Kilograms of CO2 for a kilowatt-hour: 0.4 lies between the USA and the world in 2023."""

    def __post_init__(self) -> None:
        for name, least in (("price", 0), ("pue", 1), ("grid", 0)):
            value = getattr(self, name)
            if value is not None and not value >= least:
                raise CourseError(f"{name} is {value}; it must be at least {least}.")


def defaults(arguments: list[str]) -> Options:
    """What holds where the command line says nothing: the sizes of the model that it names."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--model", default="gpt2")
    chosen, _ = parser.parse_known_args(arguments)
    return Options(chosen.model, find_model(chosen.model))


def run(options: Options) -> dict[str, Any]:
    """Print the plan as a table, and what would help if it does not fit. Bytes and seconds are of one device."""
    n = n_parameters(options.config)
    plan = Plan(
        config=options.config,
        tokens=TOKENS_PER_PARAMETER * n if options.tokens is None else options.tokens,
        device=find_device(options.device),
        devices=options.devices,
        rows=options.rows,
        accumulate=options.accumulate,
        strategy=options.strategy,
        optimizer=options.optimizer,
        recompute=options.recompute,
        utilization=options.utilization,
    )
    energy = plan.kilowatt_hours(options.pue)
    result: dict[str, Any] = {
        "parameters": n,
        "tokens": plan.tokens,
        "flops": plan.flops,
        "steps": plan.steps,
        "tokens_per_step": plan.tokens_per_step,
        "memory_bytes": plan.memory._asdict() | {"total": plan.memory.total, "device": plan.device.memory},
        "fits": plan.fits,
        "advice": [] if plan.fits else list(plan.advice()),
        "bytes_sent_per_step": plan.bytes_sent,
        "compute_seconds_per_step": plan.compute_seconds,
        "communication_seconds_per_step": plan.communication_seconds,
        "days": plan.days,
        "device_hours": plan.device_hours,
        "dollars": plan.dollars(options.price),
        "kilowatt_hours": energy,
        "co2_kg": energy * options.grid,
    }
    _report(plan, result)
    return result


def _report(plan: Plan, result: dict[str, Any]) -> None:
    c, memory, device = plan.config, plan.memory, plan.device
    how = f"{plan.strategy}, {plan.optimizer}" + ", recomputing" * plan.recompute
    lines = [
        ("model", f"{result['parameters']:,} parameters, {c.n_layers} layers of width {c.d_model}"),
        ("data", f"{plan.tokens:.3g} tokens, {plan.tokens / result['parameters']:.3g} a parameter"),
        ("devices", f"{plan.devices} × {device.name}, {device.flops:.3g} FLOP/s each; {how}"),
        ("a step", f"{plan.tokens_per_step:,} tokens in rows of {c.context_length:,}; {plan.steps:,} steps"),
        ("", ""),
        ("memory of each device", ""),
        *((f"  {name}", gigabytes(size)) for name, size in memory._asdict().items()),
        ("  together", f"{gigabytes(memory.total)} of {gigabytes(device.memory) if device.memory else 'unknown'}"),
        ("", ""),
        ("each step", ""),
        ("  computing", f"{plan.compute_seconds:.3g} s at {plan.utilization:.0%} of the peak"),
        ("  sending", f"{plan.communication_seconds:.3g} s for {gigabytes(plan.bytes_sent)}, behind it at best"),
        ("", ""),
        ("the whole run", f"{plan.flops:.3g} FLOPs"),
        ("  time", f"{_short(plan.days)} days, {_short(plan.device_hours)} device-hours"),
        ("  cost", f"{_short(result['dollars'])} US dollars"),
        ("  energy", f"{_short(result['kilowatt_hours'])} kWh, {_short(result['co2_kg'])} kg of CO2"),
    ]
    for name, value in lines:
        print(f"{name:24}{value}".rstrip())
    if not plan.fits:
        print("\nThis does not fit into the memory, of which a tenth must stay free. What would help:")
        for advice in result["advice"]:
            print(f"  {advice}")


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
