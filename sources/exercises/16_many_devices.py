# ---
# lesson: 16_many_devices
# ---

# %% [markdown]
r"""
Seven exercises about many devices, and none of them needs more than one. Other ranks are played: their part is done by
the check. You divide a batch, weigh its loss, and count bytes. Then you write an all-reduce, find programs that wait
for ever (no code there), save exchanges, and divide an optimiser.

Letters: there are n ranks, and r is the number of one, from 0 to n − 1. B rows are in a batch, T tokens in a rank's
part, L numbers in a vector, N parameters in a model, D numbers in a row.
"""

# %%
from collections.abc import Callable, Generator
from contextlib import nullcontext

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from course_lib import check
from course_lib.checks.lesson_16_many_devices import Replica

# %% [markdown] exercise="16.1"
r"""
A run on 8 GPUs stops. Tomorrow there are only 4. If the run is to go on as if nothing had happened, a step must mean
the same rows on 4 GPUs as on 8. So the rows of a batch may depend on the step alone, and only *who* reads which of them
depends on the number of ranks.

Here is the rule. The rows of the data have been shuffled into an `order`. It is read round and round: after its last
row comes its first again, as an endless sequence. Batch number `step`, counted from 0, is the B rows of this sequence
that begin at place `step` · B. Rank r gets part number r of n equal parts, so that all ranks' rows, one rank after the
other, are the batch in its order.

- **Takes** `order`, a list of row numbers; `batch_size`, B; `step`; `rank`, r; and `n_ranks`, n, which divides B.
- **Returns** the list of rows that this rank reads in this step, in order.

Example: the order is `[4, 0, 3, 1, 5, 2, 6]` and B is 4. Batch 0 is 4, 0, 3, 1. Batch 1 is 5, 2, 6, and then 4 again.
With two ranks, rank 0 reads `[5, 2]` of it and rank 1 reads `[6, 4]`. With four ranks, rank 2 reads `[6]`.
"""


# %%
def my_rows(order: list[int], batch_size: int, step: int, rank: int, n_ranks: int) -> list[int]:
    """The rows that rank number `rank` of `n_ranks` reads in step number `step`."""
    ### BEGIN SOLUTION
    each = batch_size // n_ranks
    start = step * batch_size + rank * each
    return [order[place % len(order)] for place in range(start, start + each)]
    ### END SOLUTION


# %%
check("16.1", my_rows)
# %% [markdown] tags=["hint"]
r"""
At which place of the endless sequence does batch number `step` begin, and how many places later does the part of rank
r?
"""

# %% [markdown] tags=["hint"]
r"""
Each rank has `batch_size // n_ranks` rows, and there are r ranks before it. For the place in `order` that belongs to a
place of the endless sequence, think of `%`.
"""

# %% [markdown] tags=["hint"]
r"""
`start = step * batch_size + rank * each`. The places are `range(start, start + each)`, and the row at a place is
`order[place % len(order)]`.
"""

# %% [markdown] tags=["discussion"]
r"""
- The number of ranks occurs only in the last division. What the batch is, is settled before anybody asks who reads it.
- The popular alternative gives each rank a part of the *data*, to be read on its own. With another number of ranks
  every batch is then another batch, and a run that resumes reads some rows twice and others not at all.
- Every n-th row instead of blocks would be as good: each row once, whatever n. All that matters is that everybody keeps
  the same rule. This course takes blocks, so that the parts can be put together again by laying them side by side.
- A step counts as one on 4 GPUs and on 8. To keep it so, the batch stays as it is, and each of fewer GPUs has more of
  it to do.
"""

# %% [markdown] exercise="16.2"
r"""
Two ranks have read their part of a batch. On rank 0 two tokens count, and cost 1 and 3 nats. On rank 1 it is only one,
which costs 5. The rest is padding. The loss of the batch is $(1 + 3 + 5) / 3 = 3$ nats a token. But if each rank takes
its own mean, 2 and 5, and these are averaged, it is 3.5, and the token of rank 1 weighs as much as both others
together.

You write what a rank does before it calls `backward()`. **Afterwards, the ranks' gradients are averaged**: added up and
divided by n. That is done for you. What has to go backward, so that this average is the gradient of the true mean over
all tokens that count, on whichever rank they are?

A rank knows its own tokens. For the rest there is `total`: each rank calls `total(x)` with a number, and each gets the
sum of all ranks' numbers. It is an all-reduce, so **all ranks have to call it, equally often**, even one on which no
token counts at all.

- **Takes** `losses`, shape `(T,)`, the nats of this rank's tokens; `counted`, shape `(T,)`, which of them count;
  `n_ranks`; and the function `total`. T may differ from rank to rank, and on one rank at least a token counts.
- **Returns** two things: the tensor on which this rank calls `backward()`, a single number that hangs on `losses`; and
  the mean over all tokens of all ranks that count, a number for the log, equal on all ranks.

Example, the one above: rank 0 returns 2.667 and 3, and rank 1 returns 3.333 and 3. (The mean of what goes backward is
3.)
"""


# %%
def rank_loss(
    losses: Float[Tensor, "T"], counted: Bool[Tensor, "T"], n_ranks: int, total: Callable[[float], float]
) -> tuple[Float[Tensor, ""], float]:
    """What this rank calls `backward()` on, and the mean loss over all tokens of all ranks."""
    ### BEGIN SOLUTION
    nats = losses[counted].sum()
    n_tokens = total(int(counted.sum()))
    return nats * n_ranks / n_tokens, total(nats.item()) / n_tokens
    ### END SOLUTION


# %%
check("16.2", rank_loss)
# %% [markdown] tags=["hint"]
r"""
The true mean is a sum over all tokens, divided by their number. Which part of that sum can this rank compute? Which
number does it have to ask the others for?
"""

# %% [markdown] tags=["hint"]
r"""
This rank's share is the *sum* of its nats over the number of all ranks' tokens. The shares would have to be added up,
but they are averaged. By how much is the result too small?
"""

# %% [markdown] tags=["hint"]
r"""
`nats = losses[counted].sum()` and `n_tokens = total(int(counted.sum()))`. What goes backward is
`nats * n_ranks / n_tokens`. For the log, the ranks add up their nats: `total(nats.item()) / n_tokens`.
"""

# %% [markdown] tags=["discussion"]
r"""
- It is the same as with batches that are added up on one device: divide sums by one common number, never take a mean of
  means.
- The factor n undoes the average, which divides by n. Leave it out, and with 8 ranks all gradients are an eighth. Adam
  would hardly notice. Shortening gradients to a length would, and so would anybody who compares two runs.
- `if counted.any():` around the call of `total` looks like care. It is a deadlock: the others wait for a rank that has
  nothing to say.
- `losses[counted].mean()` is 0 / 0 on a rank where no token counts. The sum over nothing is 0, and it still has a
  graph, so the rank can call `backward()` and take part in the exchange.
- The log of rank 0 alone would be a mean over an n-th of the batch. It would look like the true loss, only noisier.
"""

# %% [markdown] exercise="16.3"
r"""
Will it fit? In mixed precision a parameter takes 16 bytes: 2 for the weight, 2 for its gradient, and 12 for the
optimiser, which keeps a copy of the weight and its two running means in 4 bytes each ([Rajbhandari and others,
2020](https://arxiv.org/abs/1910.02054)). On n devices some of it can be divided by n:

| strategy | weights | gradients | optimiser |
| :-- | :-- | :-- | :-- |
| `"ddp"` | whole | whole | whole |
| `"zero1"` | whole | whole | divided |
| `"zero2"` | whole | divided | divided |
| `"fsdp"` | divided | divided | divided |

With `"fsdp"` something comes on top: while a layer is computed, its weights are there whole, at 2 bytes each. Count the
largest layer once. A single device has all weights anyhow and gathers nothing, so there it does not come on top. And
every device has the activations of its own rows, which no strategy divides.

- **Takes** numbers: `n_parameters`, N; `largest`, the parameters of the largest layer; `activations`, the bytes of one
  device's activations; the `strategy`; `n_devices`; and `capacity`, the bytes that one device may use.
- **Returns** two numbers: the bytes on each of `n_devices` devices, whether they fit or not; and the smallest number of
  devices on which it fits, which is when the bytes are at most `capacity`. That one is None if no number is enough.
  (You need not try more than 10,000 devices.)

Example: N is 8 billion, the largest layer has 0.5 billion, and the activations take 20 GB ($20 \cdot 10^9$ bytes). On 8
devices with `"zero1"` that is $16 + 16 + 96 / 8 + 20 = 64$ GB each. If a device may use 72 GB, 5 of them are enough.
With `"fsdp"` it is $128 / 8 + 1 + 20 = 37$ GB, and 3 are enough. With `"ddp"` it is 148 GB on each of however many, so
the second is None.
"""


# %%
def fits(
    n_parameters: float, largest: float, activations: float, strategy: str, n_devices: int, capacity: float
) -> tuple[float, int | None]:
    """Bytes on each of `n_devices` devices, and the smallest number of devices on which it fits (None: never)."""

    ### BEGIN SOLUTION
    def each(n: int) -> float:
        stage = ["ddp", "zero1", "zero2", "fsdp"].index(strategy)
        weights = 2 * n_parameters / (n if stage >= 3 else 1)
        gradients = 2 * n_parameters / (n if stage >= 2 else 1)
        optimizer = 12 * n_parameters / (n if stage >= 1 else 1)
        gathered = 2 * largest if stage == 3 and n > 1 else 0
        return weights + gradients + optimizer + gathered + activations

    return each(n_devices), next((n for n in range(1, 10_001) if each(n) <= capacity), None)
    ### END SOLUTION


# %%
check("16.3", fits)
# %% [markdown] tags=["hint"]
r"""
Write a small function inside yours that gives the bytes on one of n devices. Both numbers come from it.
"""

# %% [markdown] tags=["hint"]
r"""
Each strategy divides one thing more than the one before. With
`stage = ["ddp", "zero1", "zero2", "fsdp"].index(strategy)`, the optimiser is divided from stage 1 on, gradients from
stage 2 on, weights in stage 3. For the second number, try n = 1, 2, 3, ... until it fits.
"""

# %% [markdown] tags=["hint"]
r"""
`2 * N / (n if stage >= 3 else 1) + 2 * N / (n if stage >= 2 else 1) + 12 * N / (n if stage >= 1 else 1) + activations`,
and `2 * largest` on top if `stage == 3 and n > 1`. The smallest number is
`next((n for n in range(1, 10_001) if each(n) <= capacity), None)`.
"""

# %% [markdown] tags=["discussion"]
r"""
- Three quarters of the 16 bytes are the optimiser's. So `"zero1"` already saves most of what can be saved, and needs no
  more traffic than plain data parallelism.
- More devices never make the activations fit. What does: fewer rows at once, shorter rows, or activations that are
  computed a second time instead of being kept.
- It is not enough to compare all bytes with the memory of all devices. What is not divided is there n times.
- What comes on top of this sum: buffers of the communication, gaps between tensors, and what the driver takes. Whoever
  plans leaves a tenth of the memory free.
"""

# %% [markdown] exercise="16.4"
r"""
How do n ranks add up their vectors, if each can speak only to its neighbour? If one collected everything, its line
would carry n − 1 vectors while the others' are idle. In a **ring** ([Patarasuk and Yuan,
2009](https://doi.org/10.1016/j.jpdc.2008.09.002)) all lines are busy all the time.

Cut each vector into n pieces. In the first n − 1 rounds, every rank sends one piece to rank r + 1 (the last one to rank
0). It *adds* what it receives from rank r − 1 to its own piece of that number, and sends just that on in the next
round. So sums travel round and grow, and in the end each rank has one piece that is complete. In n − 1 further rounds
the complete pieces go round, and take the place of what the others have there.

With three ranks, and vectors of three numbers, so that each piece is one number:

| after | rank 0 | rank 1 | rank 2 | what was sent |
| :-- | :-- | :-- | :-- | :-- |
| the start | 1, 2, 3 | 10, 20, 30 | 100, 200, 300 | |
| round 0 | 1, 2, **303** | **11**, 20, 30 | 100, **220**, 300 | rank 0 sent its piece 0, rank 1 its piece 1, rank 2 its piece 2 |
| round 1 | 1, **222**, 303 | 11, 20, **333** | **111**, 220, 300 | rank 0 sent 303, rank 1 sent 11, rank 2 sent 220 |
| round 2 | **111**, 222, 303 | 11, **222**, 333 | 111, 220, **333** | rank 0 sent 222, rank 1 sent 333, rank 2 sent 111 |
| round 3 | 111, 222, **333** | **111**, 222, 333 | 111, **222**, 333 | rank 0 sent 111, rank 1 sent 222, rank 2 sent 333 |

You write the program of one rank, as a *generator*: a function with `yield` in it, which stops there and goes on later.

```python
received = yield piece
```

sends a piece to rank r + 1, waits for the others, and gives you what rank r − 1 has sent in the same round. All ranks
run this program, round for round. At the end, `return` the sum of all vectors.

- **Takes** `rank`, r; `n_ranks`, n; and this rank's `vector`, shape `(L,)`. n need not divide L, and L may be smaller
  than n.
- **Yields** 2(n − 1) times a piece, a tensor of at most ⌈L/n⌉ numbers. With n = 1 there is nothing to send.
- **Returns** the sum of all ranks' vectors, shape `(L,)`.

`vector.tensor_split(n)` cuts into exactly n pieces, of which some are one longer, or empty. (`chunk(n)` does not: there
may be fewer.) With `go_round(ring_all_reduce, vectors)` you can watch it.
"""


# %%
def go_round(program: Callable[[int, int, Tensor], Generator], vectors: list[Tensor]) -> list[Tensor]:
    """Run the programs of all ranks in step and print what they send; what each of them returns."""
    n = len(vectors)
    ranks = [program(rank, n, vector) for rank, vector in enumerate(vectors)]
    inbox, returned = [None] * n, []
    while not returned:
        sent = []
        for rank, each in enumerate(ranks):
            try:
                sent.append(each.send(inbox[rank]))
            except StopIteration as stop:
                returned.append(stop.value)
        if sent:
            print([piece.tolist() for piece in sent])
            inbox = [piece.clone() for piece in [sent[-1], *sent[:-1]]]
    return returned


# %%
def ring_all_reduce(rank: int, n_ranks: int, vector: Float[Tensor, "L"]) -> Generator[Tensor, Tensor, Tensor]:
    """One rank of a ring: yields pieces for the next rank, receives from the one before, returns the sum of all."""
    ### BEGIN SOLUTION
    pieces = [piece.clone() for piece in vector.tensor_split(n_ranks)]
    for i in range(n_ranks - 1):
        received = yield pieces[(rank - i) % n_ranks]
        pieces[(rank - i - 1) % n_ranks] += received
    for i in range(n_ranks - 1):
        received = yield pieces[(rank + 1 - i) % n_ranks]
        pieces[(rank - i) % n_ranks] = received
    return torch.cat(pieces)
    ### END SOLUTION


# %%
check("16.4", ring_all_reduce)
# %% [markdown] tags=["hint"]
r"""
Look at rank 1 in the table. Which piece does it send in rounds 0 and 1? Which number does the piece have that it
receives? Then the same for rank 2.
"""

# %% [markdown] tags=["hint"]
r"""
In round i of the first half, rank r sends piece r − i and receives piece r − i − 1, both modulo n: it will send that
one next. At the end of the half it has just completed piece r + 1, and with that the second half begins.
"""

# %% [markdown] tags=["hint"]
r"""
Keep `pieces = [piece.clone() for piece in vector.tensor_split(n_ranks)]`. First half:
`received = yield pieces[(rank - i) % n_ranks]`, then `pieces[(rank - i - 1) % n_ranks] += received`. Second half:
`received = yield pieces[(rank + 1 - i) % n_ranks]`, then `pieces[(rank - i) % n_ranks] = received`. In the end
`torch.cat(pieces)`.
"""

# %% [markdown] tags=["discussion"]
r"""
- Each rank sends 2(n − 1)/n of its vector. With more and more ranks that comes close to twice the vector, and never
  exceeds it. The time of a large all-reduce hardly depends on how many take part, as long as the lines are equally
  fast.
- The number of rounds grows with n, and each costs at least one trip. For short vectors trees are better, and real
  libraries choose between the two.
- The first half alone is a *reduce-scatter*, the second an *all-gather*. Sharded training uses them one at a time.
- All ranks end with the same bits, since every piece was added up in one order, once, and then copied. So replicas that
  start equal stay equal. The order is another for every piece and every n, though, which is why runs with different
  numbers of ranks differ in the last digits.
- Whole vectors that go round and are added up give the same sum in n − 1 rounds, and send n/2 times as much.
"""

# %% [markdown] exercise="16.5"
r"""
The most frightening failure of a run on many devices is the one without any message. The GPUs look busy, and nothing
happens. Somebody waits for somebody who waits for somebody else.

Eight small programs run on **three ranks**. Their calls bear letters. For each program and rank: where does it end?

- `all_reduce`, `all_gather`, `broadcast` and `barrier` are collective: the first call of a rank meets the first calls
  of the others, the second meets the second, and so on. If all three call the same operation, all three go on. As long
  as one has not come, or one calls a different operation, all that have come wait. (Real libraries may also stop with
  an error there, or mix up the data.)
- `send` and `recv` belong in pairs. Each waits until its counterpart has come.
- `all_reduce(x)` gives the sum of what the ranks bring. It does not know what their numbers mean.

```python
def log(rank):
    loss = all_reduce(my_loss)              # A
    if rank == 0:
        print(loss, all_reduce(my_tokens))  # B
    barrier()                               # C

def uneven(rank):           # ranks 0 and 1 have three batches, rank 2 has two
    for batch in my_batches:
        all_reduce(gradient(batch))         # A
    barrier()                               # B

def careful(rank):          # four batches each; on rank 1 the loss of the second is nan
    for batch in my_batches:
        if isnan(loss(batch)):
            continue
        all_reduce(gradient(batch))         # A

def start(rank):
    if rank == 0:
        broadcast(weights)                  # A
        barrier()                           # B
    else:
        barrier()                           # C
        broadcast(weights)                  # D
    all_gather(rank)                        # E

def own_best(rank):         # my_loss is 2.1 on rank 0, 2.4 on rank 1, 2.2 on rank 2
    if my_loss < 2.3:
        barrier()                           # A
        save()
    all_gather(my_loss)                     # B

def agreed(rank):           # the same three losses
    mean = all_reduce(my_loss) / 3          # A
    if mean < 2.3:
        barrier()                           # B
        save()
    all_gather(my_loss)                     # C

def crossed(rank):          # my_nats are 4, 6 and 9; my_tokens are 2, 3 and 3
    if rank == 0:
        nats = all_reduce(my_nats)          # A
        tokens = all_reduce(my_tokens)      # B
    else:
        tokens = all_reduce(my_tokens)      # C
        nats = all_reduce(my_nats)          # D
    print(nats / tokens)

def ring(rank):
    left = recv((rank - 1) % 3)             # A
    send((rank + 1) % 3, mine)              # B
```

- **Returns** a dictionary with nine entries. Eight bear the names of the programs, and hold three characters, for ranks
  0, 1 and 2: the letter of the call in which the rank waits for ever, or `-` if it gets to the end. The ninth,
  `"crossed_loss"`, is the number that **rank 1** prints in `crossed`, or `math.nan` if it prints none.

Example: if `log` had no line C, rank 0 would wait in B, the others would be through, and the answer would be `"B--"`.
"""


# %%
def waits() -> dict[str, str | float]:
    """Where each rank of each program ends: `return {"log": "B--", ..., "ring": "...", "crossed_loss": ...}`."""
    ### BEGIN SOLUTION
    return {
        "log": "BCC",
        "uneven": "AAB",
        "careful": "A-A",
        "start": "ACC",
        "own_best": "ABA",
        "agreed": "---",
        "crossed": "---",
        "ring": "AAA",
        "crossed_loss": (6 + 2 + 9) / (4 + 3 + 3),
    }
    ### END SOLUTION


# %%
check("16.5", waits)
# %% [markdown] tags=["hint"]
r"""
Take a sheet of paper with three columns, one for each rank. Write the calls of each rank below one another, in the
order in which it would make them if nobody had to wait. Then go down row by row.
"""

# %% [markdown] tags=["hint"]
r"""
The first row in which the operations differ is where everybody stops. The same goes for a row in which one column is
already empty: that rank is at its end, and the others wait. A loop is several rows. And two rows of the same operation
do meet, whatever line of the program they come from.
"""

# %% [markdown] tags=["hint"]
r"""
`uneven` stops in the third row, `careful` in the fourth, `start` and `own_best` in the first, `log` in the second. In
`agreed` all ranks compare the same number. In `crossed`, the first row adds up 4, 3 and 3. In `ring`, nobody ever
sends.
"""

# %% [markdown] tags=["discussion"]
r"""
`BCC`, `AAB`, `A-A`, `ACC`, `ABA`, `---`, `---`, `AAA`; 1.7.

- What is under `if rank == 0:` may print, write and compute, but never call the others.
- A decision that leads to a call has to be made from numbers that all ranks have. `agreed` is `own_best`, mended.
- In `careful` the worst comes before the end. From the second batch on, rank 1 adds its gradient of batch 3 to the
  others' of batch 2. No error, no wait, only a wrong gradient. A check for nan belongs *after* the exchange, where a
  single nan has reached all ranks.
- `crossed` is the worst of all: it ends, and prints wrong numbers, 0.588 on rank 0 and 1.7 on the others. The true loss
  is $19 / 8 = 2.375$.
- `ring` is mended if one rank sends first. Libraries also offer to send and receive at the same time.
- A time limit turns a silent wait into an error that says in which call a rank was waiting. Then the question is the
  one of this exercise: where were the others?
"""

# %% [markdown] exercise="16.6"
r"""
A step reads four small batches one after the other, because memory has room for one. On many ranks, each `backward()`
would also send all gradients round, four times in a step. Once is enough: the mean of sums is the sum of the means.

torch's data parallel wrapper has a switch for it. After a `backward()`, the ranks exchange gradients, and each `.grad`
becomes the mean over the ranks of whatever is in `.grad` by then. But not if the **forward pass** was made inside

```python
with replica.no_sync():
```

There, `backward()` only adds to this rank's own `.grad`.

- **Takes** `replica`, this rank's copy of the model, and `batches`, a list of one or more tensors of shape `(B, D)`,
  equally many and equally large on all ranks. `replica(batch)` gives the mean loss of a batch's rows. All `.grad` are
  None at first.
- **Leaves** in `.grad` the mean of the gradients of all batches of all ranks. No weight changes. The ranks exchange
  gradients **once**, and each batch is read once. Only one batch may be in memory at a time: call `backward()` for one
  before you read the next.
- **Returns** the mean loss of this rank's batches, a number.

Example: a model has one weight. For its two batches, this rank has the gradients 1 and 3, and the only other one has 5
and 7. Then `.grad` ends as 4 on both. If the exchange came after the first batch and not after the second, `.grad`
would end as 3 here and as 5 there, and the two replicas would not be the same any more.

`contextlib.nullcontext()`, which is imported, can stand in a `with` and does nothing.
"""


# %%
def accumulate(replica: Replica, batches: list[Float[Tensor, "B D"]]) -> float:
    """Fill `.grad` from all batches of all ranks with a single exchange; this rank's mean loss."""
    ### BEGIN SOLUTION
    loss = 0.0
    for number, batch in enumerate(batches, start=1):
        with nullcontext() if number == len(batches) else replica.no_sync():
            share = replica(batch) / len(batches)
            share.backward()
        loss += share.item()
    return loss
    ### END SOLUTION


# %%
check("16.6", accumulate)
# %% [markdown] tags=["hint"]
r"""
At which of the four batches does the exchange have to happen, so that nothing is added afterwards? And what must a loss
be divided by before it goes backward, if gradients are added up and a mean is wanted?
"""

# %% [markdown] tags=["hint"]
r"""
All batches but the last are read inside `with replica.no_sync():`, forward and backward. The last is read outside. You
can write two pieces of code for it, or one with `with nullcontext() if last else replica.no_sync():`.
"""

# %% [markdown] tags=["hint"]
r"""
In the loop, inside the `with`: `share = replica(batch) / len(batches)` and `share.backward()`. Add up `share.item()`
for the loss that is returned.
"""

# %% [markdown] tags=["discussion"]
r"""
- An exchange after every batch gives the same gradient and costs four times the traffic. No number in the log would
  tell.
- An exchange after the first batch alone is worse: it is fast, and wrong. The replicas drift apart, and only a
  comparison of weights between ranks would show it.
- `replica.no_sync()` on a line of its own makes something for a `with`, and throws it away.
- Why the forward pass decides: during it the wrapper gets ready for the exchange that goes on *while* the backward pass
  is still computing. So the `with` around `backward()` alone comes too late.
- There is a price with sharded gradients. Without an exchange, a rank has to keep gradients of all weights, whole,
  until the last batch. So ZeRO-2 and fully sharded training often exchange after every batch all the same.
- If batches hold unequally many tokens, divide sums by all ranks' tokens, as in 16.2, and not by the number of batches.
"""

# %% [markdown] exercise="16.7"
r"""
With plain data parallelism every rank has the same weights, the same gradient and the same optimiser state, and
computes the same update n times. ZeRO-1 ([Rajbhandari and others, 2020](https://arxiv.org/abs/1910.02054)) parts this
work. The L weights are cut into slices of ⌈L/n⌉: slice r begins at place r · ⌈L/n⌉. The last ones may be shorter, or
empty. Rank r keeps the state of slice r only, updates slice r only, and then the slices are gathered, so that all ranks
have all the new weights again.

You write one step of Adam for one rank. First the gradient is shortened: if its length *over all slices* is more than
`max_norm`, all of it is multiplied by `max_norm` / length. Then, with the gradient $g$ of the slice, and $t$ counted
from 1,

$$m \leftarrow 0.9\, m + 0.1\, g \qquad s \leftarrow 0.99\, s + 0.01\, g^2 \qquad
w \leftarrow w - \text{lr} \cdot \frac{m / (1 - 0.9^t)}{\sqrt{s / (1 - 0.99^t)} + 10^{-8}}$$

Two functions reach the other ranks, and **all ranks have to call them equally often and in the same order**: `total(x)`
gives the sum of all ranks' numbers x, and `gather(tensor)` a list of all ranks' tensors, in the order of the ranks.

- **Takes** `rank`, r; `n_ranks`, n; `weights`, shape `(L,)`, the same on all ranks; `gradient`, shape `(M,)`, which is
  slice r of the gradient, already averaged over the ranks (a reduce-scatter leaves it so); `state`, None in the first
  step, and later what you returned the step before; `lr`; `max_norm`; and `total` and `gather`.
- **Returns** two things: all the new weights, shape `(L,)`, and the new state `(m, s, t)`: two tensors of shape `(M,)`,
  and the number of updates made, this one included. Do not change what you are given: make new tensors.

Example: three weights `[1, 1, 1]`, two ranks, lr 0.1, `max_norm` 1. The slices are of 2 and 1. Rank 0 has the gradient
`[3, 0]`, rank 1 has `[4]`. Together they are 5 long, so the factor is ⅕, and the gradients are `[0.6, 0]` and `[0.8]`.
The new weights are `[0.9, 1, 0.9]` on both ranks. Rank 1 returns them with `([0.08], [0.0064], 1)`.
"""


# %%
def sharded_step(
    rank: int,
    n_ranks: int,
    weights: Float[Tensor, "L"],
    gradient: Float[Tensor, "M"],
    state: tuple[Float[Tensor, "M"], Float[Tensor, "M"], int] | None,
    lr: float,
    max_norm: float,
    total: Callable[[float], float],
    gather: Callable[[Tensor], list[Tensor]],
) -> tuple[Float[Tensor, "L"], tuple[Float[Tensor, "M"], Float[Tensor, "M"], int]]:
    """One step of Adam in slices: all the new weights, and the new state (m, s, t) of this rank's slice."""
    ### BEGIN SOLUTION
    each = -(-len(weights) // n_ranks)
    mine = weights[rank * each : (rank + 1) * each]
    m, s, t = state or (torch.zeros_like(mine), torch.zeros_like(mine), 0)
    length = total(gradient.square().sum().item()) ** 0.5
    g = gradient * (max_norm / length if length > max_norm else 1.0)
    m, s, t = 0.9 * m + 0.1 * g, 0.99 * s + 0.01 * g**2, t + 1
    step = (m / (1 - 0.9**t)) / ((s / (1 - 0.99**t)).sqrt() + 1e-8)
    return torch.cat(gather(mine - lr * step)), (m, s, t)
    ### END SOLUTION


# %%
check("16.7", sharded_step)
# %% [markdown] tags=["hint"]
r"""
Which parts of Adam look at one weight at a time? Those need nothing from the other ranks. Only two places do: the
length of the gradient, and the end.
"""

# %% [markdown] tags=["hint"]
r"""
Lengths add in squares: the length is the root of the `total` of the ranks' sums of squares. A rank whose slice is empty
has the sum 0, and calls `total` and `gather` like all others. With `each = -(-L // n_ranks)`, a division rounded up,
its weights are `weights[rank * each : (rank + 1) * each]`.
"""

# %% [markdown] tags=["hint"]
r"""
`m, s, t = state or (torch.zeros_like(mine), torch.zeros_like(mine), 0)`. Then
`length = total(gradient.square().sum().item()) ** 0.5`, and
`g = gradient * (max_norm / length if length > max_norm else 1.0)`. After the formulas,
`torch.cat(gather(mine - lr * step)), (m, s, t)`.
"""

# %% [markdown] tags=["discussion"]
r"""
- Adam looks at each weight by itself, so it does not matter how the weights are cut. An optimiser that looks at whole
  matrices, like Muon, would have to see them whole first.
- Shortening does not look at each weight by itself. A rank that measures its own slice gets a factor of its own. With
  one rank all is well, and the bug shows only when a second one comes.
- What is sent: a reduce-scatter of the gradients before, an all-gather of the weights after. Those are the two halves
  of the all-reduce that plain data parallelism makes, so the memory is saved at no cost in traffic.
- The state of the whole vector, with zeros outside the slice, gives the right weights too. It only saves nothing.
- A checkpoint of such a run is in n files, or is gathered first. If it is to be resumed on another number of ranks, the
  slices have to be cut anew.
"""
