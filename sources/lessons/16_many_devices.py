# ---
# title: Many devices
# part: "IV · Training and sampling"
# minutes: 70
# may_take: 90
# prerequisites: >-
#   Lesson 12 (the training loop, accumulation, checkpoints), lesson 13 (pretraining) and lesson 15 (operations, days
#   and money of a run).
# objectives:
#   - cut a batch among several processes so that together they make the very update that one would make
#   - build the ring by which processes add up their gradients, and count what each of them sends
#   - say what is sent at which moment of a step, whole models on every device or parted ones, and predict it to the
#     byte
#   - explain how a run of many processes stops, by a death or by a disagreement, and how it goes on without loss
#   - plan a run, with memory, traffic and days of each device, and tell which change makes it fit
# summary:
#   - Every rank takes its rows of the same batch. Divided by the tokens of the whole batch, all ranks' gradients add up
#     to the gradient of one process. A mean of means does not, as soon as one rank has fewer tokens to predict.
#   - In a ring each of n ranks sends 2 (n - 1)/n times the bytes of the gradient, so hardly more for a thousand than
#     for ten. Half of it leaves each rank with the sum of its part (reduce-scatter), half hands the parts round
#     (all-gather).
#   - Replicas exchange gradients once a step, at the last accumulated batch. Fully sharded ranks hold one n-th of
#     weights, gradients and optimizer memory, and gather every block twice for each batch.
#   - Ranks wait for each other in every collective. If their orders differ, all wait until a timeout; if one dies, all
#     end. A checkpoint written in parts is read by any number of ranks. With as many as before, the run goes on bit for
#     bit.
#   - A weight costs 16 bytes with AdamW, and activations come on top. Sharding divides the first and recomputing
#     shrinks the second. More devices also make the batch larger, and that is where data parallelism ends.
# quiz:
#   - question: >-
#       One rank prints all ranks' losses every hundred steps, and calls `ranks.gather(loss)` for it, inside
#       `if ranks.rank == 0`. What happens at step 100?
#     options:
#       - answer: Rank 0 gets a list with its own loss only.
#         because: The call is one that all ranks must make. It is not over before the others have joined in.
#       - answer: Rank 0 waits there, and the others wait for it in the next exchange of gradients, until the timeout.
#         right: true
#         because: Let all ranks make the call, and only the printing depend on the rank.
#       - answer: The other ranks notice, and send their losses.
#         because: A rank takes part in a collective by calling it. Nobody does it in its name.
#   - question: >-
#       A run on 8 devices with whole models is moved to 16, with the same rows on each device. What does each device
#       send in a step, compared with before?
#     options:
#       - answer: Twice as much.
#         because: It would be about so if all sent their gradients to all. In a ring it goes from 2 · 7/8 to 2 · 15/16.
#       - answer: About 7 % more.
#         right: true
#         because: (15/16) / (7/8) is 1.07, and no number of devices brings it above 2 times the gradient.
#       - answer: Half as much, since each has half of the work.
#         because: Each has as many rows as before, and a gradient is as large as the model, whatever the rows.
#   - question: >-
#       A model of 30 billion parameters is fully sharded over 16 devices of 80 GB, and does not fit. On each device
#       weights, gradients and optimizer take 30 GB, and activations 90. What helps?
#     options:
#       - answer: Twice as many devices.
#         because: It saves 15 GB. The activations are as large as before, since each device has rows of its own.
#       - answer: Recomputing activations.
#         right: true
#         because: What does not fit is not the model but what is kept for the backward pass, and that is what shrinks.
#       - answer: Accumulating over more batches.
#         because: That makes the update's batch larger. One batch at a time takes as much memory as before.
# read_next:
#   - "[Li and others, *PyTorch Distributed: Experiences on Accelerating Data Parallel Training* (2020)](https://arxiv.org/abs/2006.15704): how gradients are sent while others are still being computed."
#   - "[Rajbhandari and others, *ZeRO: Memory Optimizations Toward Training Trillion Parameter Models* (2020)](https://arxiv.org/abs/1910.02054): what is held many times over, and the three stages of not doing so."
#   - "[Zhao and others, *PyTorch FSDP: Experiences on Scaling Fully Sharded Data Parallel* (2023)](https://arxiv.org/abs/2304.11277): the library behind the second half of this lesson."
#   - "[Grattafiori and others, *The Llama 3 Herd of Models* (2024)](https://arxiv.org/abs/2407.21783): section 3.3 tells how 16,384 GPUs were made one, and how often they failed."
#   - "[Shoeybi and others, *Megatron-LM* (2019)](https://arxiv.org/abs/1909.08053) and [Huang and others, *GPipe* (2019)](https://arxiv.org/abs/1811.06965): cutting up the matrices, and cutting up the layers."
# ---

# %% [markdown]
r"""
## How do many devices become one?

Llama 3 with 8 billion parameters is a small model as such models go. Suppose that you want to train it on 15 million
million tokens, about as many as it was given, with one H100, a GPU of 80 GB. Lesson 15 gave the operations; the
library's `Plan` does that arithmetic, and that of memory.
"""

# %%
from course_lib import claim
from course_lib.planning import DEVICES, Plan, find_model, gigabytes, n_parameters

H100 = DEVICES["H100"]
llama = find_model("llama-3-8b")
N = n_parameters(llama)
alone = Plan(llama, tokens=15e12, device=H100)
years = alone.days / 365
print(f"{N:,} parameters · 16 bytes = {gigabytes(16 * N)}; the device has {gigabytes(H100.memory)}")
print(f"15 million million tokens, at {alone.utilization:.0%} of the best rate: {years:.0f} years")
claim(1.5 < 16 * N / H100.memory < 1.7, "weights, gradients and optimizer alone are over 1.5 times the memory")
claim(60 < years < 80, "one device would need about seventy years")

# %% [markdown]
r"""
Two different troubles. It is too *slow*: seventy years. And it is too *large*: each parameter takes 16 bytes (we shall
count them), and these alone do not fit.

So one takes many devices. A program runs on each, as a process with a memory of its own, and the processes can do
nothing but compute and send each other messages. Each is called a **rank** and has a number, from 0. How must they talk
so that the *result* is that of one big device? First we play the ranks ourselves, then real ones do it: your machine
can run two or three as well as any.
"""

# %% [markdown]
r"""
## Can a batch be cut in two?

Here is a small decoder, and batches of eight rows. It all stands in a file of a temporary folder, since the processes
that we start later will need it too.
"""

# %%
import os
import sys
import tempfile
from pathlib import Path

folder = tempfile.TemporaryDirectory()
_ = Path(folder.name, "recipe.py").write_text(r'''
import torch

from course_lib.model import GPT, TransformerConfig
from course_lib.text import TRAINING_SEED, DocumentRows, WordTokenizer, World
from course_lib.training import ALONE, TrainingConfig, train

tokenizer = WordTokenizer.train(" ".join(World().words()))
ids = tokenizer.encode("".join(each.text + "\n" for each in World().documents(300, TRAINING_SEED)))
sizes = TransformerConfig(tokenizer.vocab_size, context_length=64, n_layers=2, n_heads=4, d_model=64)

def new_run(ranks=ALONE, steps=20, accumulate=1):
    """The same weights and the same batches whenever it is called, by whichever rank."""
    torch.manual_seed(0)
    config = TrainingConfig(steps, lr=0.01, muon_lr=None, accumulate=accumulate)
    batches = DocumentRows(ids, tokenizer.end_id, batch_size=8, context_length=64, seed=0)
    return train(GPT(sizes), batches, config, ranks)
''')
sys.path.insert(0, folder.name)
from recipe import new_run, sizes

# %% [markdown]
r"""
Who takes which rows? The simplest rule: all ranks draw the *same* batch, from the same seed, and rank $r$ of $n$ keeps
the $r$-th of $n$ equal pieces. Then nobody has to hand out anything.
"""


# %%
def my_rows(rank, n_ranks, n_rows=8):
    each = n_rows // n_ranks
    return slice(rank * each, (rank + 1) * each)


shares = {n: [list(range(8))[my_rows(rank, n)] for rank in range(n)] for n in (1, 2, 4)}
for n, rows in shares.items():
    print(f"{n} ranks:", *rows)
joined = [[i for rows in each for i in rows] for each in shares.values()]
claim(joined == 3 * [list(range(8))], "joined, they are the batch")

# %% [markdown]
r"""
Whatever the number of ranks, as long as it divides the batch, the shares make up the same batch. So a run may be
stopped on four ranks and go on with two.

Now let two ranks compute gradients of their halves. For the moment we play both of them ourselves.
"""

# %%
import torch
from torch.nn import functional as F

from course_lib.text.batches import IGNORE

run = new_run()
for _ in range(3):
    next(run)
model, batch = run.model, next(run.batches)


def total_loss(rows, targets=batch.targets):
    """The sum of the loss over all tokens of these rows that are to be predicted, and how many there are."""
    logits = model(batch.inputs[rows], batch.documents[rows]).flatten(0, 1)
    total = F.cross_entropy(logits, targets[rows].flatten(), reduction="sum", ignore_index=IGNORE)
    return total, int((targets[rows] != IGNORE).sum())


def gradient(loss):
    gradients = torch.autograd.grad(loss, list(model.parameters()), retain_graph=True)
    return torch.cat([each.flatten() for each in gradients])


total, n_tokens = total_loss(slice(None))
whole = gradient(total / n_tokens)
halves = [gradient(total / n_tokens) for total, n_tokens in (total_loss(my_rows(rank, 2)) for rank in range(2))]
off = ((halves[0] + halves[1]) / 2 - whole).norm() / whole.norm()
print(f"{len(whole):,} numbers; the mean of the halves is off by {off:.1e} of the length")
claim(off < 1e-5, "the mean of the halves' gradients is the gradient of the whole batch")

# %% [markdown]
r"""
The derivative of a sum is the sum of the derivatives; nothing else is behind **data parallelism**. The ranks start
with equal weights, each computes a gradient from its rows, they take the mean, and each makes the update. Equal weights
and equal updates give equal weights, and so on for the whole run. Once all have begun, nobody sends a weight again.

**Predict first.** Suppose that not every token is to be predicted: in rank 0's rows only the first eight of each, as
when the rest is padding. Each rank takes the mean over *its* tokens, and then the mean of the two is taken. Is that
still the gradient of the whole batch?
"""

# %%
targets = batch.targets.clone()
targets[my_rows(0, 2), 8:] = IGNORE
total, n_all = total_loss(slice(None), targets)
whole = gradient(total / n_all)
totals, counts = zip(*(total_loss(my_rows(rank, 2), targets) for rank in range(2)), strict=True)
print(f"tokens to predict: {counts[0]} on rank 0, {counts[1]} on rank 1; loss {total / n_all:.4f}")

ways = {
    "mean of means": sum(gradient(total / n) for total, n in zip(totals, counts, strict=True)) / 2,
    "divide by all tokens, then add": sum(gradient(total / n_all) for total in totals),
}
errors = {name: ((way - whole).norm() / whole.norm()).item() for name, way in ways.items()}
for name, error in errors.items():
    print(f"{name}: off by {error:.2g} of the length")
claim(errors["mean of means"] > 0.05, "the mean of means is off by more than 5 %")
claim(errors["divide by all tokens, then add"] < 1e-5, "with the count of all ranks' tokens it is right")

# %% [markdown]
r"""
It is not: a token on rank 0 got eight times the say of one on rank 1. It is the trap of lesson 12 once more, where the
batches lay one after the other instead of side by side. Divide the *sum* by the number of tokens of **all** ranks, then
add. (PyTorch's tools take the mean of the ranks where we want the sum. To make up for it, multiply the loss by their
number.) And how does a rank know the count of all? Here each has drawn the whole batch. Otherwise they would have to
add up their counts before they begin.
"""

# %% [markdown]
r"""
## How do a thousand ranks add?

Each rank has a gradient as long as the model, and each wants the sum of all. This is an **all-reduce**. The first idea
is that all send theirs to rank 0, which adds them up and sends the sum to everybody. With a thousand ranks, rank 0
would receive 999 models and send 999, while the others wait.

A better idea needs no chief. Put the ranks in a ring, and let each only ever send to the next. Cut each gradient into
as many parts as there are ranks. In the first half of the work each part travels round once and collects: whoever gets
it adds its own. At the end every rank has the complete sum of *one* part. In the second half the finished parts travel
round once more, and whoever gets one keeps a copy.
"""


# %%
def ring(parts):
    """Ranks with a list of parts each become ranks that all have the sum. After each step: who has sent what."""
    n = len(parts)
    for step in range(2 * (n - 1)):
        messages = [(rank, (rank - step) % n) for rank in range(n)]  # all ranks send at once, each a different part
        sent = [parts[rank][part] for rank, part in messages]
        for (rank, part), numbers in zip(messages, sent, strict=True):
            mine = parts[(rank + 1) % n]
            adds = step < n - 1
            mine[part] = [a + b for a, b in zip(mine[part], numbers, strict=True)] if adds else numbers
        yield messages


# %% [markdown]
r"""
To see it work, let rank 0 have nothing but 1s, rank 1 nothing but 10s, then 100s and 1000s. A sum shows by its digits
whose numbers are in it.
"""

# %%
parts = [[[10**rank] for _ in range(4)] for rank in range(4)]
stages = [([[part[0] for part in row] for row in parts], [])]
for messages in ring(parts):
    stages.append(([[part[0] for part in row] for row in parts], messages))
claim(stages[-1][0] == [[1111] * 4] * 4, "in the end all ranks have all four parts complete")
claim(all(row.count(1111) == 1 for row in stages[3][0]), "halfway each has one complete part")

# %% tags=["hide-input"]
from matplotlib.patches import Rectangle

from course_lib.display.plots import BLUE, GREEN, GREY, INK, ORANGE, PURPLE, SKY, Picture, axes

SHADES = {1: "#ffffff", 2: "#d3e6f2", 3: "#8fc0dd", 4: "#0072B2"}
picture = Picture(width=9, height=5.4)
titles = ["start", *(f"step {k}: add" for k in (1, 2, 3)), "", *(f"step {k}: copy" for k in (4, 5, 6))]
for place, stage in zip((1, 2, 3, 4, 6, 7, 8), stages, strict=True):
    ax = axes(picture, xlabel="part" if place > 4 else "", ylabel="", title=titles[place - 1], place=(2, 4, place))
    arrived = {((rank + 1) % 4, part) for rank, part in stage[1]}
    for rank, row in enumerate(stage[0]):
        for part, number in enumerate(row):
            here, digits = (rank, part) in arrived, f"{number:d}".count("1")
            edge, width = (ORANGE, 2.6) if here else (GREY, 0.6)
            square = Rectangle((part - 0.46, rank - 0.46), 0.92, 0.92, zorder=2 + here, linewidth=width, edgecolor=edge)
            ax.add_patch(square).set_facecolor(SHADES[digits])
            ink = "white" if digits == 4 else INK
            ax.text(part, rank, number, ha="center", va="center", fontsize=10, color=ink, zorder=4)
    ax.set(xlim=(-0.6, 3.6), ylim=(3.6, -0.6), aspect="equal", xticks=range(4), yticks=range(4))
    ax.set_yticklabels([f"rank {rank}" if place in (1, 6) else "" for rank in range(4)])
    ax.grid(visible=False)
    ax.spines[:].set_visible(False)
picture

# %% [markdown]
r"""
Each square is a part that a rank holds, the darker the more ranks are in it; orange frames are what has just come in.
In every step each rank sends one part and receives one. After step 3 every rank has one square that is complete: this
half is a **reduce-scatter**. The other half is an **all-gather**. Both will be needed by themselves. Such calls, which
all ranks make together, are **collectives**.

**Predict first.** With four ranks, how many times the bytes of its gradient does each rank send? And with a thousand?
"""

# %%
from course_lib.display import table


def all_reduce(lists):
    """The sum of all lists, on all ranks, and how many numbers each rank has sent."""
    n, length = len(lists), len(lists[0]) // len(lists)
    parts = [[row[k * length : (k + 1) * length] for k in range(n)] for row in lists]
    sent = [0] * n
    for messages in ring(parts):
        for rank, part in messages:
            sent[rank] += len(parts[rank][part])
    return [[number for part in row for number in part] for row in parts], sent


rows, right = [], []
for n in (2, 4, 10, 100):
    lists = [[(rank + i) ** 2 for i in range(200)] for rank in range(n)]
    sums, sent = all_reduce(lists)
    right.append(all(row == [sum(column) for column in zip(*lists, strict=True)] for row in sums))
    right.append(all(each == 2 * (n - 1) / n * 200 for each in sent))
    rows.append([n, f"{sent[0] / 200:.2f} ×", f"{n - 1} ×"])
claim(all(right), "all ranks have the sum, and each has sent exactly 2 (n - 1)/n times the gradient")
table(["ranks", "each sends in a ring", "rank 0 would send, and receive"], rows)

# %% [markdown]
r"""
There are $2(n-1)$ steps, in each of which a rank sends an $n$-th of the gradient:

$$\text{bytes sent by each rank} = 2\,\frac{n-1}{n} \cdot \text{bytes of the gradient}$$

With four ranks it is one and a half times, with a thousand $2 \cdot 999/1000$, which is 1.998 times. It never comes to
more than twice the gradient, and no way of adding among ranks gets by with less ([Patarasuk and Yuan,
2009](https://doi.org/10.1016/j.jpdc.2008.09.002)). What does grow is the number of steps, and each has a delay of its
own. So for short messages among many ranks other ways are better.
"""

# %% [markdown]
r"""
## Does it work with real processes?

Now the real thing. `torchrun` is PyTorch's command that starts one program several times, tells each copy its rank and
where to find the others, and watches over them. `launch` of this library calls it. In the program, `joined` makes the
processes one group, and `torch.distributed` (`dist`) lets them talk. Here is our ring once more, with real messages
between three processes, beside PyTorch's own all-reduce.
"""

# %%
import json
import subprocess
import time

from course_lib.training import launch

_ = Path(folder.name, "ring.py").write_text(r"""
import json, torch
import torch.distributed as dist
from course_lib.training import joined
from course_lib.training.distributed import Traffic

with joined(timeout=120) as ranks:
    me, n = ranks.rank, ranks.number
    mine = torch.arange(12.0) * 10**me
    parts = [part.clone() for part in mine.chunk(n)]
    sent = 0
    for step in range(2 * (n - 1)):
        part, arriving = (me - step) % n, (me - 1 - step) % n
        message = torch.empty_like(parts[arriving])
        waiting = [dist.isend(parts[part], (me + 1) % n), dist.irecv(message, (me - 1) % n)]
        for each in waiting:
            each.wait()
        sent += parts[part].nbytes
        parts[arriving] = parts[arriving] + message if step < n - 1 else message
    with Traffic() as traffic:
        dist.all_reduce(mine)  # in place
    found = {"ring": torch.cat(parts).tolist(), "torch": mine.tolist(), "sent": sent, "counted": traffic.bytes.total()}
    found = ranks.gather(found)
    if me == 0:
        open("ring.json", "w").write(json.dumps(found))
""")
environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "CUDA_VISIBLE_DEVICES": ""}


def start(program, n_ranks, restarts=0, fails=False):
    """Run a program of the folder in several processes, to their end: what they said, and the seconds it took."""
    began = time.perf_counter()
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "cwd": folder.name, "env": environment}
    with launch([program], n_ranks, restarts, **streams) as process:
        try:
            said, _ = process.communicate(timeout=240)
        finally:
            process.terminate()  # if the cell is stopped; torchrun then ends the others
    if bool(process.returncode) != fails:
        raise RuntimeError(said)
    return said, time.perf_counter() - began


said, seconds = start("ring.py", 3)
found = json.loads(Path(folder.name, "ring.json").read_text())
for rank, each in enumerate(found):
    print(f"rank {rank}: {each['ring'][:4]} ..., sent {each['sent']} bytes, torch's {each['counted']}")
claim(all(each["ring"] == each["torch"] == [111.0 * i for i in range(12)] for each in found), "ours is torch's sum")
claim({each["sent"] for each in found} == {2 * 2 * 12 * 4 // 3}, "each has sent 2 · 2/3 of its 48 bytes")
claim(all(each["sent"] == each["counted"] for each in found), "and that is what the library counts for all_reduce")
print(f"{seconds:.0f} seconds, most of them for three Pythons to import PyTorch")

# %% [markdown]
r"""
(Torch chooses by itself how its messages go. The library's `Traffic` notes which calls are made and how large they are,
and counts them as a ring would send them. So shall we from now on.)

Now train, in two ways, with two processes and in one launch. `Replicas` keeps the whole model in each process and adds
up gradients: PyTorch's **distributed data parallel**, DDP. `Shards` is for later. The program writes down what it finds
and, in a *diary*, which blocks were computed and which messages sent, in which order. How it does so need not concern
you now.
"""

# %%
_ = Path(folder.name, "both.py").write_text(r"""
import json, torch
from contextlib import nullcontext
from course_lib.training import joined, save_checkpoint
from course_lib.training.distributed import Replicas, Shards, Traffic
from recipe import new_run

class Diary(Traffic):
    def __init__(self, model):
        super().__init__()
        self.pages = []
        note = lambda *words: lambda *_: self.pages.append(words)
        model.embedding.register_forward_pre_hook(note("forward", "embedding"))
        for i, block in enumerate(model.blocks):
            block.register_forward_pre_hook(note("forward", f"block {i}"))
            block.register_full_backward_pre_hook(note("backward", f"block {i}"))

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        before = self.bytes.copy()
        result = super().__torch_dispatch__(operation, types, args, kwargs)
        self.pages += [[name, n_bytes] for name, n_bytes in (self.bytes - before).items()]
        return result

class Hasty(Replicas):
    def synchronized(self, wrapped, now):  # exchanges gradients after every batch, also where it could wait
        return nullcontext()

def held(run):
    '''Bytes that this rank holds.'''
    local = lambda tensor: tensor.to_local() if hasattr(tensor, "to_local") else tensor
    weights = list(run.model.parameters())
    memory = [each for of in run.state_dict()["optimizers"].values() for each in of.values() if hasattr(each, "shape")]
    parts = {"weights": weights, "gradients": [weight.grad for weight in weights], "optimizer": memory}
    return {name: sum(local(each).nbytes for each in tensors) for name, tensors in parts.items()}

def look_at(ranks, name):
    found = {}
    if name != "Hasty":
        run = new_run(ranks)
        found = {"losses": [step.loss for step in run], "held": ranks.gather(held(run))}
    if name == "Shards":
        states = {"model_state": run.model.state_dict(), "run_state": run.state_dict(), "metadata": {}}
        save_checkpoint("unharmed", step=run.step, ranks=ranks, **states)
    for accumulate in (1, 3):
        run = new_run(ranks, accumulate=accumulate)
        next(run)
        with Diary(run.model) as diary:
            after = next(run).loss
        found[f"of {accumulate}"] = {"bytes": diary.bytes, "pages": diary.pages, "loss": after}
    return found

with joined(timeout=120) as replicas:
    everything = {"Replicas": replicas, "Hasty": Hasty(), "Shards": Shards()}
    found = {name: look_at(ranks, name) for name, ranks in everything.items()}
    if replicas.rank == 0:
        open("both.json", "w").write(json.dumps(found))
""")
said, seconds = start("both.py", 2)
both = json.loads(Path(folder.name, "both.json").read_text())
print(f"two processes, {seconds:.0f} seconds, PyTorch's import included")

# %%
one = [step.loss for step in new_run()]
print(f"one process: loss {one[0]:.7f} at the first step, {one[-1]:.7f} at the last")


def worst(losses, expected):
    return max(abs(a / b - 1) for a, b in zip(losses, expected, strict=True))


for name in ("Replicas", "Shards"):
    losses = both[name]["losses"]
    print(
        f"two as {name}: {losses[-1]:.7f} at the last, in no step off by more than {worst(losses, one):.1e} of the loss"
    )
    claim(worst(losses, one) <= 1e-5, f"{name}: the losses of one process")
claim(one[-1] < 0.6 * one[0], "and the run does learn something")

# %% [markdown]
r"""
Two processes, one run. Only the last digits may differ, since floating-point numbers added in another order do not give
the same last bit. What did the two say to each other? Predict it: the gradient of every parameter, once a step, around
a ring of two. And the loss, one number of 8 bytes, so that all know it.
"""

# %%
n_weights = sum(weight.numel() for weight in model.parameters())


def around(n_bytes, n=2):
    """What a rank sends to gather, or to add up and part, so many bytes."""
    return n_bytes * (n - 1) // n


predicted = 2 * around(4 * n_weights) + 2 * around(8)
measured = both["Replicas"]["of 1"]["bytes"]
print(f"{n_weights:,} weights; predicted {predicted:,} bytes, measured {measured}")
claim(measured == {"all_reduce": predicted}, "the traffic of a step is as predicted, to the byte")

# %% [markdown]
r"""
## Must they talk after every batch?

If an update is made of three accumulated batches (lesson 12), a rank can add up its own three gradients in silence and
exchange the sum. PyTorch has `no_sync` for it. In the library's loop it is `ranks.synchronized(model, now)`, where
`now` is true for the last batch only. The class `Hasty` in the program above leaves it out.

**Predict first.** How much more does the hasty one send, and does its loss come out differently?
"""

# %%
patient, hasty = both["Replicas"]["of 3"], both["Hasty"]["of 3"]
print(f"silent until the last batch: {patient['bytes']['all_reduce']:>9,} bytes, loss {patient['loss']:.6f}")
print(f"after every batch:           {hasty['bytes']['all_reduce']:>9,} bytes, loss {hasty['loss']:.6f}")
claim(patient["bytes"] == measured, "with accumulation an update sends what it sends without")
claim(hasty["bytes"]["all_reduce"] == 6 * around(4 * n_weights) + 8, "hasty ranks send every gradient three times")
claim(abs(hasty["loss"] / patient["loss"] - 1) < 1e-5, "and have nothing from it: the loss is the same")

# %% [markdown]
r"""
Three times the traffic for the same update, a bug that no curve shows. The other way round is worse: ranks that forget
to synchronise at the last batch make an update each of their own, and from there on train different models.
"""

# %% [markdown]
r"""
## What does each rank hold that the others hold too?

All ranks together are faster now, but not one byte smaller. Each holds the whole model, its gradient, and what AdamW
remembers: 16 bytes a parameter, on a hundred devices a hundred times. [Rajbhandari and others
(2020)](https://arxiv.org/abs/1910.02054) called their remedy **ZeRO**, for zero redundancy, and it comes in three
stages. The first is almost free.

Look at the ring again. Halfway, after the reduce-scatter, each rank has the complete sum of one part of the gradient.
AdamW looks at each weight by itself. So let the rank update *that part* of the weights, there and then, and hand round
the updated weights instead of the gradients. For every other part it needs no optimizer memory. (An exercise writes
this step.) What is sent is a reduce-scatter and an all-gather, together the bytes of the one all-reduce before.

So **stage 1** parts the optimizer's memory and costs nothing. **Stage 2** lets go of the gradient's other parts as well,
as soon as they are added up. **Stage 3** parts the weights themselves. Then no rank has the model, and before a block
can compute, its weights have to be gathered from all. PyTorch's form of it is **fully sharded data parallel**, FSDP.

What is gathered when? This is the diary of one step of our two ranks, in the order of what happened. Above: whole
models. Below: shards.
"""

# %% tags=["hide-input"]
KINDS = {"forward": SKY, "backward": GREEN, "all_gather": ORANGE, "reduce_scatter": PURPLE, "all_reduce": BLUE}
picture = Picture(width=9.6, height=6)
for place, (title, name) in enumerate({"replicas (DDP)": "Replicas", "shards (FSDP)": "Shards"}.items(), start=1):
    pages = both[name]["of 1"]["pages"]
    below = "order of events in one step" if place == 2 else ""
    ax = axes(picture, xlabel=below, ylabel="", title=title, place=(2, 1, place))
    for moment, (kind, what) in enumerate(pages):
        low = 1.06 if isinstance(what, str) else 0
        ax.add_patch(Rectangle((moment + 0.04, low), 0.92, 0.98, facecolor=KINDS[kind], alpha=0.45))
        size = what if low else f"{what / 1000:.0f} kB" if what > 1000 else f"{what} B"
        words = f"{kind.replace('_', '-').replace('all-gather', 'gather')}\n{size}"
        ax.text(moment + 0.5, low + 0.49, words, rotation=90, ha="center", va="center", fontsize=10)
    ax.set(xlim=(0, 14.1), ylim=(-0.05, 2.1), xticks=[], yticks=[0.49, 1.55])
    ax.set_yticklabels(["send", "compute"])
    ax.grid(visible=False)
picture

# %% [markdown]
r"""
Above, the ranks are silent while they compute, and exchange all gradients at the end. (In a large model they are sent
in buckets, each as soon as it is full, while the layers below are still at work.) Below, embedding, norm and head, the
*root*, are gathered first, and then each block just before it computes. When a block is done, its weights are thrown
away, and so they have to be gathered a second time for the backward pass. Its gradients are added up and parted soon
after. (The block that goes backward next is asked for a little earlier, so that it is there in time.) The root stays
until the end and is gathered once.

So the bill can be predicted: all weights' gradients reduce-scattered once, the blocks gathered twice, the root once.
"""

# %%
in_blocks = sum(weight.numel() for weight in model.blocks.parameters())
root = n_weights - in_blocks
expected = {"all_gather": around(4 * (2 * in_blocks + root)), "reduce_scatter": around(4 * n_weights), "all_reduce": 8}
of_shards = both["Shards"]["of 1"]["bytes"]
print("predicted", expected)
print("measured ", of_shards)
claim(of_shards == expected, "the traffic of a sharded step is as predicted, to the byte")
once_again = both["Shards"]["of 3"]["bytes"]
claim(once_again == expected | {"all_gather": 3 * expected["all_gather"]}, "accumulating thrice, it gathers thrice")
ratio = sum(of_shards.values()) / measured["all_reduce"]
print(f"that is {ratio:.2f} times the traffic of replicas")
claim(1 < ratio < 1.5, "shards send more than replicas, by less than half")

# %% [markdown]
r"""
Here too the gradients wait for the last of three batches. But each batch needs the weights anew, and so accumulation
does not make sharding cheaper. In a large model the root is a small part, and the bill is nearly three times the
model's bytes where it was two. (To clip, sharded ranks also put together the lengths of their parts, one number for
each weight tensor, which the counter does not see.)

And what has been won? Each rank added up the bytes of the tensors that it really holds. Beside it stands the plan,
where parted things take an n-th with n ranks:
"""

# %%
from dataclasses import replace

from course_lib.planning import FLOAT32

desk = replace(DEVICES["T4"], precision=FLOAT32)  # all numbers in 32 bits, as they are here
rows, equal = [], []
for strategy, name in {"ddp": "Replicas", "fsdp": "Shards"}.items():
    plan = Plan(sizes, 1e6, desk, devices=2, strategy=strategy).memory
    for part in ("weights", "gradients", "optimizer"):
        bytes_planned = getattr(plan, part)
        of_ranks = [held[part] for held in both[name]["held"]]
        equal += [each == bytes_planned for each in of_ranks]
        rows.append([strategy, part, *(f"{each:,}" for each in of_ranks), f"{bytes_planned:,.0f}"])
claim(all(equal), "every rank holds what the plan says, to the byte")
claim(sum(both["Replicas"]["held"][0].values()) == 16 * n_weights, "with whole models, 16 bytes a weight")
table(["", "bytes of", "rank 0", "rank 1", "planned"], rows)

# %% [markdown]
r"""
Each parameter costs a replica 4 bytes of weight, 4 of gradient and twice 4 for AdamW's two means: 16. With 16-bit
numbers it is 16 again, 2 and 2 and then 12 for the optimizer, which keeps a copy of the weight in 32 bits besides the
means (lesson 12). What is *not* parted is what each rank computes for its own rows, the activations. We come to them.
"""

# %% [markdown]
r"""
## What if they disagree about what comes next?

A collective is over only when all ranks have called it. So all ranks have to make the same calls in the same order.
Nobody checks; they follow the same program. What if the program says `if rank == 0`? To see it, write a rank as a
generator that yields the name of each collective it calls, and let a scheduler play the network. (A generator stops at
its `yield` until it is asked to go on. It can also be handed something there: with `received = yield piece`, the
scheduler's `rank.send(message)` makes `message` the value of `received`. The exercises use that for a ring.)
"""


# %%
def play(ranks):
    """Let ranks run on as long as all wait in the same collective."""
    while True:
        calls = [next(rank, "the end") for rank in ranks]
        if len(set(calls)) > 1:
            return "deadlock: " + ", ".join(f"rank {rank} waits in {call}" for rank, call in enumerate(calls))
        if calls[0] == "the end":
            return "all came to the end"


def program(rank, who_prints):
    for step in range(1, 4):
        yield f"all-reduce of step {step}"
        if step == 2 and rank in who_prints:  # it wants to print all ranks' losses
            yield f"gather of step {step}"


ends = [play([program(rank, who_prints) for rank in range(3)]) for who_prints in ([0, 1, 2], [0])]
print(*ends, sep="\n")
claim(
    ends[1].startswith("deadlock: rank 0 waits in gather of step 2, rank 1 waits in all-reduce of step 3"),
    "all are stuck",
)

# %% [markdown]
r"""
Rank 0 waits for the others to tell their losses, and the others, which know nothing of it, wait in the next step for
rank 0's gradients. Nobody crashes, and the devices look busy. This is a **deadlock**. (The network knows nothing of
steps. Had both been all-reduces of equal size, it would have added a loss to a gradient, and gone on.)

Now with real processes. Rank 0 asks for the sum of the losses and then for the losses one by one; rank 1 the other way
round. Only a timeout can end it. Usually it is minutes; here it is four seconds.
"""

# %%
_ = Path(folder.name, "deadlock.py").write_text(r"""
import torch
import torch.distributed as dist
from datetime import timedelta
from course_lib.training import joined

with joined(timeout=120) as ranks:
    impatient = dist.new_group(timeout=timedelta(seconds=4))
    loss, losses = torch.tensor([1.5 + ranks.rank]), [torch.zeros(1), torch.zeros(1)]
    total = lambda: dist.all_reduce(loss, group=impatient)
    gather = lambda: dist.all_gather(losses, loss, group=impatient)
    try:
        for call in (total, gather) if ranks.rank == 0 else (gather, total):
            call()
        print("never reached", flush=True)
    except RuntimeError as error:
        print(f"rank {ranks.rank} gave up:", str(error).split("] ")[-1], flush=True)
        raise SystemExit(1)
""")
said, seconds = start("deadlock.py", 2, fails=True)
print(*sorted(line for line in said.splitlines() if "gave up" in line), sep="\n")
claim("gave up" in said and "never reached" not in said, "nobody came past the calls, until the timeout ended them")

# %% [markdown]
r"""
So no collective may stand under an `if` that ranks decide differently, nor in an `except`, nor in a loop whose length
depends on a rank's own data. Printing may depend on the rank; computing what is printed may not. And an error must be
an error of all: if the disk of rank 1 is full, the others would wait for it in the next call. The library's
`ranks.together()` is a block after which all ranks tell each other whether they succeeded.
"""

# %% [markdown]
r"""
## And if one of them dies?

The [report on Llama 3](https://arxiv.org/abs/2407.21783) counts 419 unexpected interruptions in 54 days, on up to
16,384 GPUs (section 3.3.4).
"""

# %%
between = 54 * 24 / 419
print(f"one every {between:.1f} hours; shared among the devices: each in {between * 16384 / 24 / 365:.1f} years")
claim(3 < between < 3.2, "something broke about every three hours")

# %% [markdown]
r"""
A part that fails once in some six years is a good part. But there are sixteen thousand, and as all wait for all, one
failure stops the whole run. So a large run is *made* of restarts. Ours is sharded, saves every five steps, and loses
rank 1 after step 13, without warning. `torchrun` notices, ends the others and starts the program again.
"""

# %%
_ = Path(folder.name, "struck.py").write_text(r"""
import os
from course_lib.training import joined, load_checkpoint, save_checkpoint
from recipe import new_run

with joined(shard=True, timeout=120) as ranks:
    run = new_run(ranks)
    saved = load_checkpoint("checkpoints", {}, ranks)  # of the weights, this rank's rows
    if saved is not None:
        ranks.load_weights(run.model, saved.model_state)
        run.load_state_dict(saved.run_state)
    steps = []
    for step in run:
        steps.append(step.number)
        if step.number % 5 == 0:
            states = {"model_state": run.model.state_dict(), "run_state": run.state_dict(), "metadata": {}}
            save_checkpoint("checkpoints", step=step.number, ranks=ranks, **states)
        if step.number == 13 and saved is None and ranks.rank == 1:
            print("rank 1 made the steps", steps, flush=True)
            os._exit(1)  # no tidying up, no good-bye
    if ranks.rank == 1:
        print("rank 1 made the steps", steps, flush=True)
""")
said, seconds = start("struck.py", 2, restarts=1)
lives = [line for line in said.splitlines() if line.startswith("rank 1 made")]
print(*lives, sep="\n")
claim(len(lives) == 2 and lives[1].endswith("20]"), "after the restart the run came to its end")

# %% [markdown]
r"""
The second life begins after 10, the last step that was saved, and three steps are made again.

**Predict first.** The run that nobody struck, in the launch of `both.py`, saved its weights too. Are they the same, or
almost the same? And could *one* process, which knows nothing of shards, go on from what two have saved?
"""

# %%
from course_lib.training import load_checkpoint

harmed, unharmed = (load_checkpoint(Path(folder.name, name)) for name in ("checkpoints", "unharmed"))
same = [torch.equal(harmed.model_state[name], weight) for name, weight in unharmed.model_state.items()]
print(f"step {harmed.step}: {sum(same)} of {len(same)} weights equal to the last bit")
claim(all(same), "the killed run ends with the weights of the unharmed one, bit for bit")
print(*sorted(path.name for path in harmed.path.iterdir()))

# %% [markdown]
r"""
Bit for bit. Each rank has written its own rows, and one list, the manifest, holds the hashes of all files together. The
loader puts the rows one after the other and takes those that it needs, so it does not matter how many ranks have
written and how many read. Let this process, alone, go on from step 10.
"""

# %%
import shutil

(of_ten,) = Path(folder.name, "checkpoints").glob("*-step-10")
shutil.copytree(of_ten, Path(folder.name, "early", of_ten.name))
saved = load_checkpoint(Path(folder.name, "early"))
run = new_run()
run.model.load_state_dict(saved.model_state)
run.load_state_dict(saved.run_state)
rest, of_two = [step.loss for step in run], both["Shards"]["losses"]
print(f"went on after step {saved.step}; last loss {rest[-1]:.7f}, that of two ranks {of_two[-1]:.7f}")
claim(worst(rest, of_two[saved.step :]) <= 1e-5, "what two ranks began, one process continues, with the same losses")
folder.cleanup()

# %% [markdown]
r"""
On your own machines, the command line does all of this: `torchrun --standalone --nproc-per-node 2 -m course_lib train
--shard --resume`, where each process takes a GPU if there are any. When the run is finished, `python -m course_lib
export` makes one file of the whole weights, for any program that knows nothing of ranks.
"""

# %% [markdown]
r"""
## Will it fit, and how long will it take?

You have now counted almost everything that a plan is made of. Back to Llama 3 with 8 billion parameters and to eight
H100s, with two rows of 8,192 tokens on each.

With $N$ parameters, $n$ devices and 16-bit numbers, each device holds

$$\underbrace{2N}_{\text{weights}} + \underbrace{2N}_{\text{gradients}} + \underbrace{12N}_{\text{optimizer}} + \text{activations},$$

where stage 1 (`zero1`) divides the third term by $n$, stage 2 (`zero2`) the second too, stage 3 (`fsdp`) all three.
(Stage 3 also needs room for the whole weights of the one part that is being computed.)

**Predict first.** A tenth of the memory should stay free. With which of the four does it fit: replicas, stage 1, 2, 3?
"""

# %%
by_hand = {"ddp": 16 * N, "zero1": 4 * N + 12 * N / 8, "zero2": 2 * N + 14 * N / 8, "fsdp": 16 * N / 8}
eight = {strategy: Plan(llama, 15e12, H100, devices=8, rows=2, strategy=strategy) for strategy in by_hand}
as_planned = {strategy: sum(plan.memory[:3]) / by_hand[strategy] for strategy, plan in eight.items()}
claim(all(abs(each - 1) < 1e-9 for each in as_planned.values()), "the plan's first three parts are these formulas")

# %% tags=["hide-input"]
PARTS = ("weights", "gradients", "optimizer", "activations", "gathered")
STYLES = [(BLUE, ""), (SKY, "//"), (GREEN, ".."), (ORANGE, ""), (PURPLE, "xx")]


def memory_bars(plans, limit):
    """For each named plan, its memory in parts."""
    picture = Picture(width=8.4, height=1.7 + 0.5 * len(plans))
    ax = axes(picture, xlabel="GB on each device", ylabel="")
    left = [0.0] * len(plans)
    for place, (part, (colour, hatch)) in enumerate(zip(PARTS, STYLES, strict=True)):
        long = [plan.memory[place] / 1e9 for plan in plans.values()]
        ax.barh(list(plans), long, left=left, color=colour, edgecolor="white", hatch=hatch, label=part)
        left = [a + b for a, b in zip(left, long, strict=True)]
    ax.axvline(limit / 1e9, color=INK, linestyle="--", linewidth=2)
    right, white = 1.2 * max(*left, limit / 1e9), {"color": "white", "pad": 0.5}
    side = "left" if limit / 1e9 < right / 2 else "right"
    ax.text(limit / 1e9, -0.62, f" the device: {limit / 1e9:.0f} GB ", fontsize=11, va="center", ha=side)
    for row, total in enumerate(left):
        ax.text(total + 0.02 * right, row, f"{total:,.0f}", va="center", fontsize=11, bbox=white)
    ax.set(ylim=(len(plans) - 0.4, -0.9), xlim=(0, right))
    ax.grid(axis="y", visible=False)
    picture.legend(loc="outside lower center", ncols=5, fontsize=11, frameon=False)
    return picture


again = {f"{name}, recomputing": replace(eight[name], recompute=True) for name in ("ddp", "zero1", "fsdp")}
memory_bars(eight | again, H100.memory)

# %%
claim(not any(plan.fits for plan in eight.values()), "as they are, none of the four fits with a tenth to spare")
claim([each.fits for each in again.values()] == [False, True, True], "recomputing, sharded ones fit, replicas do not")
more = again["fsdp, recomputing"].compute_seconds / eight["fsdp"].compute_seconds
claim(1.3 < more < 1.34, "recomputing takes about a third more operations")
print("advice for fsdp:", *eight["fsdp"].advice(), sep="\n  ")

# %% [markdown]
r"""
With none, as the bars show. For replicas the model's share alone is too much. Full sharding has shrunk that from 128 GB
to 16, and there are still the **activations**: each device keeps, for each token of its own rows, everything that the
backward pass will want to see again. More devices do nothing about those. What helps is fewer rows, shorter rows, or
**recomputing** ([Chen and others, 2016](https://arxiv.org/abs/1604.06174)): keep only what goes into each block, and
compute the rest a second time when its turn comes. It costs about a third more operations.

Now time. A step computes, and meanwhile it sends; whichever takes longer decides, if all goes well. A device computes
the longer, the more tokens it has. What it sends in a step is the same for any number of tokens.
"""

# %%
rows = []
for devices in (8, 64, 1024, 16384):
    plan = Plan(llama, 15e12, H100, devices=devices, strategy="fsdp", recompute=True)
    busy = f"{plan.compute_seconds:.2f} s", f"{plan.communication_seconds:.2f} s"
    rows.append([f"{devices:,}", *busy, f"{plan.tokens_per_step / 1e6:,.2f} million", f"{plan.days:,.1f}"])
claim(H100.link_within == 9 * H100.link_between, "to another machine a device sends at a ninth of the rate")
claim(plan.communication_seconds < plan.compute_seconds, "even there, sending hides behind computing")
claim(plan.tokens_per_step > 130e6, "but a step of 16,384 devices has over 130 million tokens")
table(["devices", "computing", "sending", "tokens in a step", "days in all"], rows, caption="Llama 3 8B, one row each")

# %% [markdown]
r"""
Between eight and sixty-four something happens: a machine holds eight such GPUs, and what goes to another machine goes
through a link that is nine times slower. From there on sending hardly changes, as the ring promises. So a thousand
devices, a thousand times as fast? Look at the column before the last. Each device needs at least a row of its own, and
so the *batch* grows with the devices. A batch twice as large makes half as many updates, and beyond some size each is
hardly better than before ([McCandlish and others, 2018](https://arxiv.org/abs/1812.06162)). And the large model?
"""

# %%
large = find_model("llama-3.1-405b")
few, many = (Plan(large, 15.6e12, H100, devices=n, strategy="fsdp", recompute=True) for n in (2048, 16384))
for plan in (few, many):
    print(f"{plan.devices:,} devices, {gigabytes(plan.memory.total)} on each: {plan.days:.0f} days", end=", ")
    print(f"{plan.tokens_per_step / 1e6:.1f} million tokens a step, {plan.device_hours / 1e6:.1f} million device hours")
claim(few.fits and many.fits, "sharded and recomputed, 405 billion parameters fit")
claim(16e6 < few.tokens_per_step < 17e6, "2,048 devices with a row each have over 16 million tokens a step")
claim(2 < few.days / 365 < 2.3, "and take more than two years")
smooth = replace(many, recompute=False)
print(f"without recomputing: {smooth.device_hours / 1e6:.1f} million hours; the model card says 30.84")
claim(0.85 < smooth.device_hours / 30.84e6 < 1.05, "the plan's hours are within 15 % of those on the model card")
claim(not smooth.fits, "without recomputing it would not fit")

# %% [markdown]
r"""
It would *fit*. But a step had "16M" tokens, says table 4 of the report. With a row for each device that is 2,048
devices and over two years. To use eight times as many on the same batch, several have to work on the *same* row.

There are two ways. **Tensor parallelism** cuts up each matrix, so that devices of one machine compute pieces of the
same product and add them up inside every block. **Pipeline parallelism** gives each device some of the layers and sends
activations from one to the next, with several small batches under way so that few stand idle. Llama 3 405B used both:
eight devices shared each matrix, sixteen such groups shared the layers, and 128 of those were data parallel. The hours
on its [model card](https://github.com/meta-llama/llama-models/blob/main/models/llama3_1/MODEL_CARD.md) are about those
of the plan without recomputing. (No wonder: the plan's 40 % of the best rate is about what table 4 reports.)
"""

# %% [markdown]
r"""
Plan your own. Start with the model that you would like to have and the devices that you can get, and find what fits.
The device hours times a price are the cost; the prices are assumptions of 2025, to be taken within a factor of two.
"""

# %% tags=["hide-input"]
from course_lib.display.widgets import Explorer, menu, slider
from course_lib.planning import MODELS, STRATEGIES


def explore(model, device, doublings, strategy, rows, recompute):
    config = MODELS[model]
    tokens = 20 * n_parameters(config)
    plan = Plan(config, tokens, DEVICES[device], 2**doublings, rows, strategy=strategy, recompute=recompute == "yes")
    text = (
        f"{plan.devices:,} × {device}: {gigabytes(plan.memory.total)} on each. {tokens / 1e9:,.0f} billion tokens "
        f"(20 a parameter), {plan.tokens_per_step:,} a step: {plan.days:,.1f} days and {plan.dollars():,.0f} dollars. "
        f"In a step, {plan.compute_seconds:.2f} s of computing and {plan.communication_seconds:.2f} s of sending."
    )
    if not plan.fits:
        text += " It does not fit. What would help: " + "; ".join(plan.advice()) + "."
    return memory_bars({strategy: plan}, DEVICES[device].memory), text


Explorer(
    explore,
    model=menu(list(MODELS), "llama-3-8b"),
    device=menu(list(DEVICES), "H100"),
    doublings=slider(0, 14, 3, step=1, label="devices: 2 to the"),
    strategy=menu(list(STRATEGIES), "zero1"),
    rows=slider(1, 16, 1, step=1, label="rows on each"),
    recompute=menu(["no", "yes"], "yes"),
)

# %% [markdown]
r"""
(The same in the terminal: `python -m course_lib plan --model llama-3-8b --devices 64 --strategy fsdp --recompute`.)

Where does the toy mislead? Two processes on one machine are a network without distance, and our model is so small that
a launch takes longer than the run. The *bytes* were those of the law, to the last one; the seconds were not worth a
look. Nor does the plan know them: it takes for granted that sending hides behind computing. To get there is a craft.
"""
