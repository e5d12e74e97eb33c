"""What a training run will need, before it is started: memory, traffic between devices, days, money, energy.

Formulas first, each by itself; then `Plan`, which puts them together. They are for transformers of this course's
kind, trained with data parallelism (every device has rows of its own), whose weights may be cut up among the devices.

Shapes: D model width, H heads, G heads for keys and values, K width of a head, F width inside the MLP, V vocabulary.
"""

import math
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import torch

from course_lib.errors import CourseError
from course_lib.model.config import TransformerConfig
from course_lib.model.costs import costs

STRATEGIES = ("ddp", "zero1", "zero2", "fsdp")
OPTIMIZERS = ("adamw", "muon")

# ── Models ──


def _gpt(n_layers: int, n_heads: int, d_model: int, context_length: int = 1024) -> TransformerConfig:
    return TransformerConfig(
        vocab_size=50257,
        context_length=context_length,
        n_layers=n_layers,
        n_heads=n_heads,
        d_model=d_model,
        positions="learned",
        norm="layer",
        qk_norm=False,
        mlp="gelu",
        bias=True,
        tied=True,
    )


def _llama(
    n_layers: int, n_heads: int, n_kv_heads: int, d_model: int, d_hidden: int, vocab_size: int, context_length: int
) -> TransformerConfig:
    return TransformerConfig(
        vocab_size=vocab_size,
        context_length=context_length,
        n_layers=n_layers,
        n_heads=n_heads,
        n_kv_heads=n_kv_heads,
        d_model=d_model,
        d_hidden=d_hidden,
        qk_norm=False,
        mlp="swiglu",
    )


# Sizes: Radford et al. 2019, table 2; Brown et al. 2020, "Language Models are Few-Shot Learners", table 2.1; Touvron et
# al. 2023, "Llama 2", and its model card; Grattafiori et al. 2024, "The Llama 3 Herd of Models", table 3. The contexts
# are those of pretraining.
MODELS = {
    "gpt2": _gpt(12, 12, 768),
    "gpt2-medium": _gpt(24, 16, 1024),
    "gpt2-large": _gpt(36, 20, 1280),
    "gpt2-xl": _gpt(48, 25, 1600),
    "gpt3-175b": _gpt(96, 96, 12288, context_length=2048),
    "llama-2-7b": _llama(32, 32, 32, 4096, 11008, vocab_size=32000, context_length=4096),
    "llama-3-8b": _llama(32, 32, 8, 4096, 14336, vocab_size=128256, context_length=8192),
    "llama-3-70b": _llama(80, 64, 8, 8192, 28672, vocab_size=128256, context_length=8192),
    "llama-3.1-405b": _llama(126, 128, 8, 16384, 53248, vocab_size=128256, context_length=8192),
}

# ── Devices ──


class Precision(NamedTuple):
    """Bytes that the numbers of a run take. Weights, gradients and AdamW together take 16 a parameter in either."""

    weights: int
    gradients: int
    optimizer: int
    """What the optimizer keeps of a weight besides its running means: a copy in float32, where weights are shorter."""
    activations: int


FLOAT32 = Precision(weights=4, gradients=4, optimizer=0, activations=4)
# Rajbhandari et al. 2020, "ZeRO: Memory Optimizations Toward Training Trillion Parameter Models", section 3.1.
MIXED = Precision(weights=2, gradients=2, optimizer=4, activations=2)
MEAN_BYTES = 4  # a running mean of the optimizer is kept in float32


@dataclass(frozen=True)
class Device:
    """What does the work, and how it is tied to others of its kind."""

    name: str
    flops: float
    """Peak of dense matrix products in the precision it trains in, FLOP/s."""
    memory: float | None
    """Bytes; None: unknown, and taken to suffice."""
    precision: Precision
    per_node: int
    """How many of them a machine holds."""
    link_within: float
    """Bytes a second that one sends to another in its machine (and receives meanwhile)."""
    link_between: float
    """The same to one in another machine."""
    watts: float
    price: float
    """US dollars an hour: what clouds asked in 2025, within a factor of two. Look up what yours asks."""


# NVIDIA's data sheets of the H100 SXM, A100 80GB SXM and T4 (without sparsity), and of DGX H100 and DGX A100 for the
# links: half of NVLink's 900 and 600 GB/s goes each way, and there is one network port of 400 and 200 Gb/s a GPU. Four
# T4s, on 16 lanes of PCIe 3 each, share 50 Gb/s in a cloud's machine. A T4 has no bfloat16; this course trains in
# float32 there.
DEVICES = {
    "H100": Device("H100", 989e12, 80e9, MIXED, 8, 450e9, 50e9, watts=700, price=2.5),
    "A100-80GB": Device("A100-80GB", 312e12, 80e9, MIXED, 8, 300e9, 25e9, watts=400, price=1.5),
    "T4": Device("T4", 8.1e12, 16e9, FLOAT32, 4, 16e9, 50e9 / 8 / 4, watts=70, price=0.35),
}


def find_device(name: str) -> Device:
    """The device of that name; "cpu" is this machine, measured. Raises CourseError where there is none."""
    if name == "cpu":
        return this_machine()
    return _find(DEVICES, name, "device", "cpu (this machine)")


def find_model(name: str) -> TransformerConfig:
    """The sizes of a well-known model. Raises CourseError where there is none of that name."""
    return _find(MODELS, name, "model")


def _find(known: dict[str, Any], name: str, what: str, *more: str) -> Any:
    if name not in known:
        raise CourseError(f"There is no {what} {name!r} to plan with. There are: {', '.join([*known, *more])}.")
    return known[name]


def this_machine(n: int = 1024, seconds: float = 0.3) -> Device:
    """This machine as a device: products of `n` × `n` matrices on all its threads are timed for some `seconds`.

    Links, watts and price are assumptions: another process here, a network of 10 Gb/s, a desktop's processor.
    """
    a, b = torch.randn(2, n, n)
    best, end = math.inf, time.perf_counter() + seconds
    a @ b  # the first product also starts the threads
    while (started := time.perf_counter()) < end or best == math.inf:
        a @ b
        best = min(best, time.perf_counter() - started)
    return Device("cpu", 2 * n**3 / best, _memory_here(), FLOAT32, 1, 10e9, 10e9 / 8, watts=65, price=0.1)


def _memory_here() -> float | None:
    if hasattr(os, "sysconf"):  # not on Windows
        return float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    return None


# ── Formulas ──


def n_parameters(config: TransformerConfig) -> int:
    """Trained numbers of a decoder."""
    return sum(cost.parameters for cost in costs(config, 1).values())


def flops_per_token(config: TransformerConfig, recompute: bool = False) -> float:
    """FLOPs of training on one token of a row as long as the context: about 6 a parameter, and those of attention.

    Forward once, and twice as many backward; with `recompute`, the blocks once more forward.

    Sources: Kaplan et al. 2020, "Scaling Laws for Neural Language Models", section 2.1; Chowdhery et al. 2022, "PaLM",
    appendix B (6N + 12·L·H·K·T).
    """
    forward = {part: cost.flops / config.context_length for part, cost in costs(config, config.context_length).items()}
    total = 3 * sum(forward.values())
    return total + sum(forward.values()) - forward["head"] if recompute else total


def mean_numbers(config: TransformerConfig, optimizer: str) -> int:
    """Numbers in the optimizer's running means: AdamW has two of every weight, Muon one of each matrix in the blocks.

    Sources: Kingma and Ba 2015, algorithm 1; Jordan et al. 2024, "Muon: An optimizer for hidden layers".
    """
    total = 2 * n_parameters(config)
    if optimizer == "adamw":
        return total
    maps = costs(replace(config, bias=False), 1)
    return total - sum(maps[part].parameters for part in ("queries, keys, values", "attention's output", "MLP"))


def block_activations(config: TransformerConfig) -> int:
    """Numbers that one block keeps of each token until its gradients have been computed.

    Every operation keeps what its derivative is made of. The weights of attention are not among it: the fused kernel
    computes them again. For a block like GPT-2's these are 16 D, which is what the source counts (in 2 bytes each:
    34 s·b·h less the masks of dropout); normalised or rotated queries and keys, and shared heads, as this course
    computes them one operation after the other, keep more. Kernels that fuse them keep less.

    Source: Korthikanti et al. 2022, "Reducing Activation Recomputation in Large Transformer Models", section 4.1.
    """
    c, d, keys = config, config.d_model, config.kv_heads * config.head_dim
    rotated, shared = c.positions == "rotary", c.kv_heads < c.n_heads
    heads = d + 2 * keys  # queries, keys, values, as they come out of their maps
    if shared and (rotated or c.qk_norm):
        heads = 0  # nothing looks back at them: what follows are copies of all three
    if c.qk_norm:
        heads += d + keys  # brought to one length, before the gains
    if c.qk_norm or rotated:
        heads += d + keys  # as attention gets them
    if shared:
        heads += 2 * d  # keys and values, once for each head
    attention = d + heads + d  # what the maps are given, and what the output's map is given
    mlp = d + c.mlp_width * (4 if c.mlp == "swiglu" else 2)  # given; before and after each bend and product
    masks = 2 * d if c.dropout else 0
    norms = 2 * d  # what each was given, or an RMSNorm made of it
    return attention + mlp + masks + norms


def activation_bytes(config: TransformerConfig, n_tokens: int, precision: Precision, recompute: bool = False) -> float:
    """Bytes of activations at their peak, when `n_tokens` tokens have gone forward and none backward.

    With `recompute` each block keeps only its input, and all else of one block at a time is there while its gradients
    are computed (Chen et al. 2016, "Training Deep Nets with Sublinear Memory Cost"; Korthikanti et al. 2022, section
    5). The log-probabilities of the vocabulary are float32 in any precision.
    """
    blocks = config.n_layers * block_activations(config)
    if recompute:
        blocks = config.n_layers * config.d_model + block_activations(config)
    last = config.d_model * (2 if config.norm_place == "pre" else 1)  # what the head is given, and a norm keeps
    return n_tokens * (precision.activations * (blocks + last) + 4 * config.vocab_size)


def ring_bytes(n_bytes: float, n_devices: int) -> float:
    """Bytes that each device sends to gather `n_bytes` that lie in equal parts on all of them, or to add up and part.

    In a ring, n - 1 parts pass by every device. An all-reduce is both, one after the other: 2 (n - 1)/n · bytes.

    Source: Patarasuk and Yuan 2009, "Bandwidth optimal all-reduce algorithms for clusters of workstations".
    """
    return (n_devices - 1) / n_devices * n_bytes


# ── A plan ──


class Memory(NamedTuple):
    """Bytes on one device."""

    weights: float
    gradients: float
    optimizer: float
    activations: float
    gathered: float
    """Whole weights of the part that is being computed, where each device keeps but a part of them."""

    @property
    def total(self) -> float:
        return sum(self)


# CUDA's own needs and the gaps between tensors take the rest.
USABLE = 0.9


@dataclass(frozen=True)
class Plan:
    """A training run that has not begun. All properties follow from the fields."""

    config: TransformerConfig
    """The model; every row is as long as its context."""
    tokens: float
    """Tokens to train on."""
    device: Device
    devices: int = 1
    """How many devices."""
    rows: int = 1
    """Rows that a device has in work at once."""
    accumulate: int = 1
    """Batches whose gradients are added up for one update."""
    strategy: str = "ddp"
    """What of a run is parted among the devices: "ddp": nothing, "zero1": optimizer, "zero2": gradients too, "fsdp":
    weights too."""
    optimizer: str = "adamw"
    """"adamw" for all weights, or "muon" for the matrices inside the blocks and AdamW for the rest."""
    recompute: bool = False
    """Keep only each block's input, and compute all else again when gradients are due."""
    utilization: float = 0.4
    """Share of the peak FLOP/s that is reached; 0.38 to 0.43 for Llama 3 405B (its paper, table 4)."""

    def __post_init__(self) -> None:
        for name in ("devices", "rows", "accumulate", "tokens"):
            if not getattr(self, name) >= 1:
                raise CourseError(f"{name} is {getattr(self, name)}; it must be at least 1.")
        if not 0 < self.utilization <= 1:
            raise CourseError(f"utilization is {self.utilization}; it is a share: more than 0, at most 1.")
        for name, known in {"strategy": STRATEGIES, "optimizer": OPTIMIZERS}.items():
            if getattr(self, name) not in known:
                raise CourseError(f"{name} is {getattr(self, name)!r}; it must be one of {', '.join(known)}.")

    @property
    def memory(self) -> Memory:
        """What lies on each device.

        Source of the parting: Rajbhandari et al. 2020, "ZeRO", section 5; for "fsdp" also Zhao et al. 2023, "PyTorch
        FSDP".
        """
        n, precision = n_parameters(self.config), self.device.precision
        means = MEAN_BYTES * mean_numbers(self.config, self.optimizer)
        stage = STRATEGIES.index(self.strategy)

        def part(from_stage: int) -> int:
            return self.devices if stage >= from_stage else 1

        c = self.config
        block = n_parameters(replace(c, n_layers=2)) - n_parameters(replace(c, n_layers=1))
        largest = max(block, c.vocab_size * c.d_model)
        return Memory(
            weights=precision.weights * n / part(3),
            gradients=precision.gradients * n / part(2),
            optimizer=(means + precision.optimizer * n) / part(1),
            activations=activation_bytes(c, self.rows * c.context_length, precision, self.recompute),
            gathered=precision.weights * largest if part(3) > 1 else 0.0,
        )

    @property
    def fits(self) -> bool:
        """Whether the device has the memory, with a tenth to spare."""
        return self.device.memory is None or self.memory.total <= USABLE * self.device.memory

    @property
    def tokens_per_step(self) -> int:
        return self.devices * self.rows * self.accumulate * self.config.context_length

    @property
    def steps(self) -> int:
        """Updates."""
        return math.ceil(self.tokens / self.tokens_per_step)

    @property
    def flops(self) -> float:
        """FLOPs of the whole run, without what is computed again."""
        return self.tokens * flops_per_token(self.config)

    @property
    def bytes_sent(self) -> float:
        """Bytes that each device sends for one update.

        Gradients are added up: once (ddp, zero1: where they are kept whole, the sum can wait for the last batch) or
        for every accumulated batch. The updated weights are gathered once (zero1, zero2), or, where nobody keeps them
        whole, for every batch on the way forward and again on the way back.
        """
        n, precision = n_parameters(self.config), self.device.precision
        times = {  # gradients, weights
            "ddp": (2, 0),
            "zero1": (1, 1),
            "zero2": (self.accumulate, 1),
            "fsdp": (self.accumulate, 2 * self.accumulate),
        }
        gradients, weights = times[self.strategy]
        return ring_bytes(gradients * precision.gradients * n + weights * precision.weights * n, self.devices)

    @property
    def compute_seconds(self) -> float:
        """For the matrix products of one update."""
        flops = self.tokens_per_step * flops_per_token(self.config, self.recompute)
        return flops / (self.devices * self.device.flops * self.utilization)

    @property
    def communication_seconds(self) -> float:
        """For what one update sends, through the narrowest link of the ring."""
        within = self.devices <= self.device.per_node
        return self.bytes_sent / (self.device.link_within if within else self.device.link_between)

    @property
    def step_seconds(self) -> float:
        """For one update. Sending goes on behind the computation, so whichever takes longer decides: at best."""
        return max(self.compute_seconds, self.communication_seconds)

    @property
    def days(self) -> float:
        return self.tokens / self.tokens_per_step * self.step_seconds / 86_400

    @property
    def device_hours(self) -> float:
        return self.days * 24 * self.devices

    def dollars(self, price: float | None = None) -> float:
        """Cost, at `price` US dollars for a device and hour; None: the device's own."""
        return self.device_hours * (self.device.price if price is None else price)

    def kilowatt_hours(self, pue: float) -> float:
        """Energy at the devices' full power; `pue`: what the whole data centre draws for each unit they draw.

        Source: Patterson et al. 2021, "Carbon Emissions and Large Neural Network Training", section 2.
        """
        return self.device_hours * self.device.watts / 1000 * pue

    def advice(self) -> Iterator[str]:
        """What would make a plan fit that does not: each single change that suffices, or all of them, or what else."""
        changes: dict[str, dict[str, Any]] = {}
        if self.rows > 1:
            accumulate = self.accumulate * self.rows  # an update has as many tokens as before
            changes[f"--rows 1 --accumulate {accumulate}"] = {"rows": 1, "accumulate": accumulate}
        if self.devices > 1:
            for strategy in STRATEGIES[STRATEGIES.index(self.strategy) + 1 :]:
                changes[f"--strategy {strategy}"] = {"strategy": strategy}
        if not self.recompute:
            changes["--recompute"] = {"recompute": True}
        enough = {words: plan for words, change in changes.items() if (plan := replace(self, **change)).fits}
        if not enough:
            for weaker in STRATEGIES[:-1]:  # of several strategies, the last is the one that parts most
                changes.pop(f"--strategy {weaker}", None)
            together = {name: value for change in changes.values() for name, value in change.items()}
            smallest = replace(self, **together)
            enough = {" ".join(changes): smallest} if smallest.fits else {}
        for words, plan in enough.items():
            yield f"{words}: {gigabytes(plan.memory.total)} a device"
        if not enough:
            yield from self._more_devices()

    def _more_devices(self) -> Iterator[str]:
        most_parted = replace(self, strategy="fsdp", rows=1, recompute=True)
        for devices in (2**power for power in range(1, 21)):
            if (plan := replace(most_parted, devices=devices)).fits:
                yield (
                    f"--devices {devices} --strategy fsdp --rows 1 --recompute: {gigabytes(plan.memory.total)} a device"
                )
                return
        yield (
            "a shorter --context-length, a smaller model or a larger device: already the activations of one row "
            f"({gigabytes(most_parted.memory.activations)} with --recompute) and one gathered part are too much"
        )


def gigabytes(n_bytes: float) -> str:
    """Bytes to be read by people."""
    for unit, size in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6)):
        if n_bytes >= size:
            return f"{n_bytes / size:,.1f} {unit}"
    return f"{n_bytes / 1e3:,.1f} kB"
