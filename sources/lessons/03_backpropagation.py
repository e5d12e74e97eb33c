# ---
# title: Backpropagation
# part: "I · Learning is making a number smaller"
# minutes: 80
# prerequisites: >-
#   Lessons 01 and 02, and from school the derivative: what a slope is, the product rule, the chain rule. A look at
#   Python's classes and at the matrix product `@` helps.
# objectives:
#   - work out the slopes of a small expression by hand, from its end back to its inputs, also where a value is used twice
#   - write an engine that does it for any expression, and say in which order it must go and what the slopes cost
#   - derive the backward rule of a matrix product, a broadcast sum, softmax with cross-entropy, and layer norm
#   - find a wrong backward with a gradient check, and use torch's autograd without its traps
#   - predict whether the slopes of a deep network vanish or explode, and say what initialisation and residuals do to that
# summary:
#   - Start with a slope of one at the end. Each value hands to each of its parents its own slope times the local slope,
#     and where a value was used several times, what comes back along all uses is added up.
#   - A value may hand on its slope when all who used it have handed theirs. Against a topological order, each is visited
#     once, and all slopes together cost a small multiple of one evaluation, however many inputs there are.
#   - For a product Y = XW the slopes are GWᵀ and XᵀG, for a broadcast sum they are summed over what was copied, for softmax
#     with mean cross-entropy they are (p − y)/N, and layer norm takes away the mean and the part along its own output.
#   - Central differences in float64 agree with a right backward to many digits, and with a wrong one to few, whatever the step.
#     In torch, `.grad` is added to until it is zeroed, and `no_grad` and `detach` cut the record.
#   - Every layer multiplies the slope by a factor, so depth raises that factor to a power. Initialisation brings it near one;
#     a residual connection adds a path whose factor is exactly one.
# quiz:
#   - question: >-
#       In an expression, a value $a$ is used twice: $b = 3a$ and $c = a^2$, and the loss is $b + c$. At $a = 5$, what is
#       the slope of the loss at $a$?
#     options:
#       - answer: 13, which is 3 + 10.
#         right: true
#         because: Along $b$ come 3, along $c$ come $2a = 10$. Turning $a$ moves the loss along both paths at once.
#       - answer: 30, which is 3 · 10.
#         because: Slopes multiply *along* one path. The two uses lie beside each other, not one behind the other.
#       - answer: 10, for the later use replaces the earlier one.
#         because: That is the bug of writing `grad =` where `grad +=` is meant. Both uses move the loss.
#   - question: >-
#       A network has a million parameters and one loss. What does one backward pass cost, roughly?
#     options:
#       - answer: A million evaluations of the loss, one for each parameter.
#         because: That is the price of finite differences (two million, if they are central). The backward pass shares the work.
#       - answer: A few evaluations of the loss.
#         right: true
#         because: Each step of the forward pass is answered by one or two steps of about its own size. How many inputs
#           there are does not enter.
#       - answer: Nothing, for the slopes are by-products of the forward pass.
#         because: The record is a by-product, and it takes memory. The slopes are not. The backward pass computes about
#           twice as much again.
#   - question: >-
#       You forget to zero the gradients between two steps of gradient descent. What happens?
#     options:
#       - answer: Torch raises an error at the second backward.
#         because: It does not. Adding up is intended, since a parameter may be used in several losses.
#       - answer: Each step uses the slope of the last loss only, so nothing changes.
#         because: Then `.grad` would have to be overwritten. It is added to.
#       - answer: Each step goes along the sum of all slopes so far, and the loss swings instead of settling.
#         right: true
#         because: It is momentum with β = 1, which forgets nothing. In the valley of the courier the loss never comes to rest.
# read_next:
#   - "[Rumelhart, Hinton and Williams, *Learning representations by back-propagating errors* (1986)](https://doi.org/10.1038/323533a0): four pages, and the reason why the method is known by this name."
#   - "[Baydin and others, *Automatic Differentiation in Machine Learning: a Survey* (2018)](https://arxiv.org/abs/1502.05767): reverse mode beside forward mode and symbolic calculus, and who had it first."
#   - "[Karpathy, *micrograd*](https://github.com/karpathy/micrograd): the best-known scalar engine; ours keeps slopes where it keeps functions."
#   - "[Glorot and Bengio, *Understanding the difficulty of training deep feedforward neural networks* (2010)](https://proceedings.mlr.press/v9/glorot10a.html): how deep networks of sigmoid and tanh lose their slopes, layer by layer."
#   - "[He and others, *Delving Deep into Rectifiers* (2015)](https://arxiv.org/abs/1502.01852) and [*Deep Residual Learning* (2015)](https://arxiv.org/abs/1512.03385): the factor two for relu, and the path around the layers."
# ---

# %% [markdown]
r"""
## What does a slope cost?

To go downhill one has to know the slope for each parameter. Lesson 02 had an honest way to find one: turn the
parameter a little up, a little down, and look how the loss changed. Let us send the bill. The model is the table of
lesson 01, one logit for each pair of words, and the loss is its cross-entropy on a thousand pairs.
"""

# %%
import inspect
import math
import random
import time

import torch
from torch.nn.functional import cross_entropy

from course_lib import claim
from course_lib.display import curves, graph, table
from course_lib.text import END, TRAINING_SEED, World

world = World()
number_of = {word: number for number, word in enumerate([*world.words(), END])}
words = " ".join(document.text + " " + END for document in world.documents(60, TRAINING_SEED)).split()
ids = torch.tensor([number_of[word] for word in words[:1001]])
before, after = ids[:-1], ids[1:]

torch.manual_seed(0)
logits = torch.randn(len(number_of), len(number_of), dtype=torch.float64, requires_grad=True)


def bigram_loss(logits):
    return cross_entropy(logits[before], after)


print(f"{logits.numel():,} parameters")

# %% [markdown]
r"""
We find 100 of these slopes by differences, two evaluations for each, and then *all* of them by torch's `backward`, which
so far we took on trust.
"""

# %%
h, by_differences = 1e-5, []
places = list(zip(before[:100].tolist(), after[:100].tolist(), strict=True))
start = time.perf_counter()
with torch.no_grad():
    for place in places:
        kept = logits[place].item()
        logits[place] = kept + h
        up = bigram_loss(logits)
        logits[place] = kept - h
        down = bigram_loss(logits)
        logits[place] = kept
        by_differences.append(((up - down) / (2 * h)).item())
seconds_differences = time.perf_counter() - start

torch.autograd.grad(bigram_loss(logits), logits)  # the first pass of all also loads torch's machinery
start = time.perf_counter()
bigram_loss(logits).backward()
seconds_backward = time.perf_counter() - start

# %%
by_backward = torch.tensor([logits.grad[place].item() for place in places])
claim(torch.allclose(by_backward, torch.tensor(by_differences), atol=1e-6), "the hundred slopes are the same")

whole_table = seconds_differences / 100 * logits.numel()
print(f"by differences: 100 slopes in {seconds_differences:.2f} s, the whole table in {whole_table / 60:.0f} minutes")
print(f"by backward: the whole table in {seconds_backward:.3f} s")
claim(seconds_differences > seconds_backward, "a hundred slopes by differences took longer than all by backward")
claim(whole_table > 1000 * seconds_backward, "for the whole table, differences take over a thousand times as long")

# %% [markdown]
r"""
A hundred slopes by differences took longer than a third of a million by `backward`. Differences need two evaluations
for each parameter, and the models of this course have more parameters than this table. If that were the price of a
step, nobody would train anything.

So `backward` knows something that we do not, and not about cross-entropy: it does the same with any loss one writes
down. How?
"""

# %% [markdown]
r"""
## How does a change travel?

One parcel of the courier: 3 kilometres, 14 minutes. The pace $w$ stands at 4 minutes per kilometre. We compute the
squared miss one small step at a time, and give each intermediate value a name.
"""

# %%
w, x, y = 4.0, 3.0, 14.0

time_needed = w * x
miss = time_needed - y
loss = miss**2
print(f"time {time_needed}, miss {miss}, loss {loss}")

# %% [markdown]
r"""
Now ask for slopes, beginning at the *end*. If the miss grew by a tiny amount, how many times that amount would the
loss grow? The derivative of a square is twice the number: $2 \cdot (-2) = -4$. If the time grew by a tiny amount, the
miss would grow by the same, so for the time it is $-4$ as well. And if the pace grew by a tiny amount, the time would
grow by three times that, for there are three kilometres; and the loss by $-4$ times *that*.
"""

# %%
d_miss = 2 * miss  # how fast the loss moves with the miss
d_time = d_miss * 1  # ... with the time
d_w = d_time * x  # ... with the pace
print(f"slopes: miss {d_miss}, time {d_time}, pace {d_w}")

h = 1e-5
claim(abs((((w + h) * x - y) ** 2 - ((w - h) * x - y) ** 2) / (2 * h) - d_w) < 1e-6, "wiggling the pace gives −12 too")

# %% [markdown]
r"""
That is the chain rule of school, read from the outside in:

$$\frac{\partial\,\text{loss}}{\partial w} \;=\; \frac{\partial\,\text{loss}}{\partial\,\text{miss}} \cdot \frac{\partial\,\text{miss}}{\partial\,\text{time}} \cdot \frac{\partial\,\text{time}}{\partial w} \;=\; (-4) \cdot 1 \cdot 3$$

Each factor belongs to one small step and needs nothing but the numbers that the step has seen. And the beginning is
shared. The slope for the kilometres would be $d_\text{time} \cdot w$: the $-4$ is already there, and one
multiplication is left to do. Whoever starts at the end always has at hand what the next value needs.
"""

# %% [markdown]
r"""
## And if a value is used twice?

Two parcels, one pace. The second is 5 km and took 24 minutes, the loss is the sum of both squares.

**Predict first.** By the first parcel alone, the slope at the pace is $-12$. By the second alone it would be
$2 \cdot (20 - 24) \cdot 5 = -40$. What is it for the sum of the two squares: $-52$, $480$, or $-40$, since the second
came last?
"""


# %%
def two_parcels(w):
    return (w * 3 - 14) ** 2 + (w * 5 - 24) ** 2


slope = (two_parcels(4 + h) - two_parcels(4 - h)) / (2 * h)
print(f"{slope:.4f}")
claim(abs(slope + 52) < 1e-6, "the slopes along the two uses add up to −52")

# %% [markdown]
r"""
They add up. A turn of the pace moves the loss along both paths at once, and for a tiny turn neither notices the other.
So the whole art is in two sentences. **Along a path, slopes multiply. Where paths come together, they add.** For a
value $v$ from which values $u_1, u_2, \dots$ were made directly:

$$\frac{\partial\,\text{loss}}{\partial v} = \sum_i \frac{\partial\,\text{loss}}{\partial u_i} \cdot \frac{\partial u_i}{\partial v}$$

Nothing in this needs a human. It needs a record of what was made from what.
"""

# %% [markdown]
r"""
## Who keeps the record?

The numbers themselves can. We wrap a number in an object that remembers its **parents**, the values that it was made
from, and for each of them the local slope: how fast it would move with that parent. Python lets a class say what `+`
and `*` mean, so ordinary formulas leave the record as they go.
"""


# %%
class Value:
    """A number that remembers what it was made from, and how fast it moves with each part."""

    def __init__(self, data, parents=(), slopes=(), name=""):
        self.data = data
        self.grad = 0.0  # the gradient: how fast the loss moves with this value, once we know
        self.parents = parents
        self.slopes = slopes
        self.name = name

    def __add__(self, other):
        other = as_value(other)
        return Value(self.data + other.data, (self, other), (1.0, 1.0), "+")

    def __mul__(self, other):
        other = as_value(other)
        return Value(self.data * other.data, (self, other), (other.data, self.data), "×")


def as_value(number):
    return number if isinstance(number, Value) else Value(float(number))


# %% [markdown]
r"""
A sum moves just as each part does, hence two slopes of one. A product moves with its left factor as fast as the right
one is large, and the other way round. Each operation that we add brings its own, taken from any table of derivatives.
Two will be new to you, and networks are full of them: tanh, an S-shaped curve that squeezes every number between $-1$
and $1$, and **relu**, which turns negative numbers into zero and leaves the others alone.
"""

# %%
Value.__pow__ = lambda a, n: Value(a.data**n, (a,), (n * a.data ** (n - 1),), f"^{n}")
Value.exp = lambda a: Value(math.exp(a.data), (a,), (math.exp(a.data),), "exp")
Value.log = lambda a: Value(math.log(a.data), (a,), (1 / a.data,), "ln")
Value.tanh = lambda a: Value(math.tanh(a.data), (a,), (1 - math.tanh(a.data) ** 2,), "tanh")
Value.relu = lambda a: Value(max(a.data, 0.0), (a,), (float(a.data > 0),), "relu")

Value.__sub__ = lambda a, b: Value(a.data - as_value(b).data, (a, as_value(b)), (1.0, -1.0), "−")

# the rest is made of these
Value.__neg__ = lambda a: a * -1.0
Value.__truediv__ = lambda a, b: a * as_value(b) ** -1
Value.__radd__, Value.__rmul__ = Value.__add__, Value.__mul__
Value.__rsub__ = lambda a, b: as_value(b) - a
Value.__rtruediv__ = lambda a, b: as_value(b) / a

# %%
pace = Value(4.0, name="pace")
loss = (pace * 3 - 14) ** 2 + (pace * 5 - 24) ** 2
print("loss", loss.data, "made by", loss.name, "from", [parent.data for parent in loss.parents])

# %% [markdown]
r"""
Nothing here goes back yet. First try: from a value, go to each of its parents, take along the slope
times the local slope, and do the same from there. Whoever is reached adds what is brought to its own slope.
"""


# %%
def backward_along_every_path(value, slope=1.0):
    """Adds to each value's slope what every path brings to it; returns how many visits that took."""
    value.grad += slope
    return 1 + sum(
        backward_along_every_path(parent, slope * local)
        for parent, local in zip(value.parents, value.slopes, strict=True)
    )


visits = backward_along_every_path(loss)
print(f"slope at the pace: {pace.grad}, after {visits} visits")
claim(pace.grad == -52, "it finds −52")

# %% [markdown]
r"""
Right, and short. Now something that looks harmless: start with a number and double it, `v = v + v`, again and again.

**Predict first.** After 16 doublings there are 17 values. How many visits will it make?
"""

# %%
v = start = Value(1.0)
for _ in range(16):
    v = v + v
visits = backward_along_every_path(v)
print(f"slope {start.grad:.0f}, after {visits:,} visits")
claim(start.grad == 2**16 and visits == 2**17 - 1, "the slope is 2^16, and the visits are 2^17 − 1")

# %% [markdown]
r"""
More than a hundred thousand visits to 17 values. Each doubling offers two paths back, and we walked all $2^{16}$ of
them. A deep network has more paths than one could ever walk.

Each value should be visited once, and hand on its *whole* slope. Then it must not be visited too early. Take
$a = 3x$, $b = a \cdot a$ and the loss $a + b$. The loss hands one to $a$, and one to $b$. If $a$ now hands on the one
that it has, it forgets what $b$ is still going to bring.
"""


# %%
def hand_on(value):
    """Adds this value's slope, times the local slope, to each parent's."""
    for parent, slope in zip(value.parents, value.slopes, strict=True):
        parent.grad += slope * value.grad


for order_of_visits in ("loss a b", "loss b a"):
    x = Value(2.0)
    a = x * 3
    b = a * a
    visited = {"a": a, "b": b, "loss": a + b}
    visited["loss"].grad = 1.0
    for name in order_of_visits.split():
        hand_on(visited[name])
    print(f"in the order {order_of_visits}: slope at x is {x.grad}")
claim(x.grad == 39, "(1 + 2a) · 3 is 39, and the second order finds it")

# %% [markdown]
r"""
The rule is: a value may hand on its slope when everyone who used it has handed on theirs. An order in which every
value stands *after* its parents is called a **topological order**, and we want it backwards. To make one, go into a
value's parents first, and write the value down when you come back from them.
"""


# %%
def topological_order(root):
    """All values that `root` was made from, and `root` itself; each once, after its parents."""
    order, seen = [], set()

    def visit(value):
        if value not in seen:
            seen.add(value)
            for parent in value.parents:
                visit(parent)
            order.append(value)

    visit(root)
    return order


def backward(root):
    """Adds to the slope of every value how fast `root` moves with it."""
    root.grad = 1.0
    for value in reversed(topological_order(root)):
        hand_on(value)


# %% [markdown]
r"""
The set `seen` keeps a value from being written down twice. (Python lets a function call itself about a thousand levels
deep. For longer chains the same is done with a list of what is still open.)

That is the engine. How long is it, all in all?
"""

# %%
engine = {f for f in vars(Value).values() if inspect.isfunction(f)} | {as_value, hand_on, topological_order, backward}
n_lines = sum(len(inspect.getsource(function).strip().splitlines()) for function in engine)
print(n_lines, "lines")
claim(n_lines < 100, "the engine has fewer than a hundred lines")

v = start = Value(1.0)
for _ in range(16):
    v = v + v
backward(v)
claim(start.grad == 2**16 and len(topological_order(v)) == 17, "17 visits find the slope of 2^16")

# %% [markdown]
r"""
Here is the record of the two parcels, drawn by walking through it. Boxes with arrows are a **graph**, and this one is
called the *computational graph* of the loss. Each box shows a name, the number, and the loss's slope for it; the
constants show their number alone.
"""


# %%
def drawing(root, with_data=None, with_grad=None, active=()):
    """The record behind `root`; the sets `with_data`, `with_grad` say whose value and slope are known already."""
    key = {value: str(number) for number, value in enumerate(topological_order(root))}
    nodes, edges = {}, []
    for value in key:
        data = f"{value.data:g}" if with_data is None or value in with_data else "?"
        grad = f"{value.grad:g}" if with_grad is None or value in with_grad else "?"
        nodes[key[value]] = [value.name.ljust(9), data, f"slope {grad}".ljust(9)] if value.name else [data]
        edges += [(key[parent], key[value]) for parent in value.parents]
    return graph(nodes, edges, highlight=[key[value] for value in active])


pace = Value(4.0, name="pace")
time_1, time_2 = pace * 3, pace * 5
miss_1, miss_2 = time_1 - 14, time_2 - 24
square_1, square_2 = miss_1**2, miss_2**2
both = square_1 + square_2
steps_made = [time_1, time_2, miss_1, miss_2, square_1, square_2, both]
names = ["time 1: ×", "time 2: ×", "miss 1: −", "miss 2: −", "square 1", "square 2", "loss: +"]
for value, name in zip(steps_made, names, strict=True):
    value.name = name

backward(both)
drawing(both)

# %% [markdown]
r"""
Two paths lead from the pace to the loss, and backward they bring $-12$ and $-40$. Step through it yourself. The slider
first makes the values, from the left, and then hands back the slopes, from the right.
"""

# %%
in_order = topological_order(both)
steps_made = [value for value in in_order if value.parents]  # all but the inputs, in the engine's order


def slopes_after(steps):
    """Sets the slopes as they are after so many steps back: first the loss gets its one, then each value hands on."""
    for value in in_order:
        value.grad = 0.0
    if steps > 0:
        both.grad = 1.0
    for value in steps_made[::-1][: max(0, steps - 1)]:
        hand_on(value)


def short_name(value):
    return value.name.split(":")[0]


def what_is_handed_on(value):
    return "; ".join(
        f"{short_name(parent)} gets {value.grad:g} · {slope:g} = {value.grad * slope:g} and now has {parent.grad:g}"
        for parent, slope in zip(value.parents, value.slopes, strict=True)
        if parent.name
    )


# %% tags=["hide-input"]
from course_lib.display.widgets import Explorer, slider


def draw_step(step):
    forward, back = min(int(step), len(steps_made)), max(0, int(step) - len(steps_made))
    slopes_after(back)
    known = {value for value in in_order if not value.parents} | set(steps_made[:forward])
    with_grad = {value for value in in_order if value.grad != 0}
    if step == 0:
        active, text = [], "Only the inputs are there. Move the slider to the right."
    elif back == 0:
        active = [steps_made[forward - 1]]
        numbers = " and ".join(f"{parent.data:g}" for parent in active[0].parents)
        text = f"Forward. {short_name(active[0])} is made from {numbers}, and is {active[0].data:g}."
    elif back == 1:
        active, text = [both], "Backward. The loss moves with itself at a slope of 1."
    else:
        active = [steps_made[::-1][back - 2]]
        text = (
            f"Backward. {short_name(active[0])} has {active[0].grad:g}, and hands on: {what_is_handed_on(active[0])}."
        )
    return drawing(both, known, with_grad, active), text


Explorer(draw_step, step=slider(0, 2 * len(steps_made) + 1, 12, step=1))

# %% [markdown]
r"""
Did you see the pace wait? It gets its first part in one step and its second several steps later, and only then is
its slope complete. If it had parents of its own, it would have to hold still until then.
"""

# %% [markdown]
r"""
## How do we know that it is right?

Three examples prove little. Let chance write the formulas: start with four numbers, and twelve times apply a random
operation to random values among those that exist already, so that values get reused. The same program runs on our
engine and on torch, which has an engine of its own.
"""

# %%
OPERATIONS = {
    "add": lambda a, b: a + b,
    "subtract": lambda a, b: a - b,
    "multiply": lambda a, b: a * b,
    "divide": lambda a, b: a / (b * b + 1),
    "square": lambda a, b: a.tanh() ** 2,
    "exp": lambda a, b: a.tanh().exp(),
    "log": lambda a, b: (a * a + 1).log(),
    "relu": lambda a, b: a.relu() + 0.1 * b,
}


def run_program(program, inputs):
    values = list(inputs)
    for operation, i, j in program:
        values.append(OPERATIONS[operation](values[i], values[j]))
    return values[-1] + values[-2] * values[-3]


# %%
rng = random.Random(0)
worst = 0.0
for _ in range(200):
    program = [(rng.choice(list(OPERATIONS)), rng.randrange(n), rng.randrange(n)) for n in range(4, 16)]
    numbers = [rng.gauss(0, 1) for _ in range(4)]

    ours = [Value(number) for number in numbers]
    result = run_program(program, ours)
    backward(result)

    theirs = torch.tensor(numbers, dtype=torch.float64, requires_grad=True)
    run_program(program, theirs.unbind()).backward()

    for value, slope in zip(ours, theirs.grad.tolist(), strict=True):
        worst = max(worst, abs(value.grad - slope) / (1 + abs(slope)))

print(f"200 random formulas; largest difference from torch {worst:.1e}")
claim(worst < 1e-9, "on 200 random formulas the engine's slopes are torch's, to a part in a billion")

# %% [markdown]
r"""
So far for slopes. Do they teach anything? A tiny network shall learn *exclusive or*: it answers $+1$ if exactly one of
two inputs is $+1$, and $-1$ otherwise. No weighted sum of the inputs can do that. The network takes four weighted
sums, bends each with tanh, and takes a weighted sum of those.
"""

# %%
rng = random.Random(1)
hidden = [[Value(rng.gauss(0, 1)) for _ in range(3)] for _ in range(4)]  # two weights and a bias each
outer = [Value(rng.gauss(0, 1)) for _ in range(5)]
parameters = [parameter for unit in [*hidden, outer] for parameter in unit]


def network(x1, x2):
    bent = [(a * x1 + b * x2 + c).tanh() for a, b, c in hidden]
    return sum((weight * h for weight, h in zip(outer, bent, strict=False)), outer[-1])


cases = [(-1, -1, -1), (-1, 1, 1), (1, -1, 1), (1, 1, -1)]  # two inputs and the right answer
history = []
for _ in range(150):
    loss = sum((network(x1, x2) - y) ** 2 for x1, x2, y in cases) / 4
    for parameter in parameters:
        parameter.grad = 0.0
    backward(loss)
    for parameter in parameters:
        parameter.data -= 0.1 * parameter.grad
    history.append(loss.data)

print(f"loss {history[0]:.2f} → {history[-1]:.4f}")
print({(x1, x2): round(network(x1, x2).data, 2) for x1, x2, _ in cases})
claim(history[-1] < 0.05, "the little network has learned exclusive or")

# %% [markdown]
r"""
Seventeen parameters, and the same loop that trains every model of this course: loss, zero the slopes, backward, step,
and again. Our engine is slow, since each number is a Python object, but torch runs on the same principle. It is called
**reverse-mode automatic differentiation**, and in the trade of neural networks **backpropagation**.

What about the price? Time would tell about Python, so count arithmetic instead. The **forward pass**, which computes the
loss, does one operation for each value that it makes. The **backward pass** does one multiplication and one addition for
each arrow. We let the number of inputs grow.
"""

# %%
rows = []
for n_inputs in (10, 50, 250):
    inputs = [Value(rng.gauss(0, 1)) for _ in range(n_inputs)]
    root = sum((value * 0.5 for value in inputs), Value(0.0)).tanh() ** 2
    order = topological_order(root)
    forward_cost = sum(bool(value.parents) for value in order)
    backward_cost = sum(2 * len(value.parents) for value in order)
    rows.append([str(n_inputs), forward_cost, backward_cost, backward_cost / forward_cost, 2 * n_inputs * forward_cost])

table(["inputs", "operations forward", "backward", "backward / forward", "by central differences"], rows)

# %%
claim(all(row[3] <= 4 for row in rows), "the backward pass costs at most four forward passes, for any number of inputs")

# %% [markdown]
r"""
At most four, since no operation has more than two parents. (We did not count the local slopes. With everything counted,
value and slopes together are known to cost less than six times the value alone, and two to three times is typical:
[Baydin and others](https://arxiv.org/abs/1502.05767), section 3.2.) The last column grows with the *square* of the
inputs. This answers the question at the top: all slopes for the price of a few evaluations.

Two things it costs all the same. The backward pass needs the numbers that the forward pass saw, so they must be kept
until then, and training takes much more memory than using a model. And one sweep from the end gives the slopes of
*one* output; a thousand outputs would take a thousand sweeps. But a loss is a single number.
"""

# %% [markdown]
r"""
## What is the slope of a whole matrix?

A real model has no place for an object per number. Its values are arrays, its operations make arrays from arrays, and
each operation needs a rule that takes the slope of the loss for each number of its output, an array $G$ of the
output's shape, and returns the same for its inputs. The engine around it does not change.

Written out, each output number has a local slope for each input number. That table is called the **Jacobian**. For the
product of two $64 \times 64$ matrices it has 4,096 rows and 4,096 columns, for each of the two. Nobody writes it out.
We need only $G$ *times* the Jacobian, the sum over all output numbers of their slope times the local slope (a
**vector–Jacobian product**), and for each operation there is a short formula for that. To find it, look at one entry. For $Y = X W$:

$$Y_{nk} = \sum_d X_{nd}\, W_{dk}$$

Where does $X_{nd}$ occur? In row $n$ of $Y$, in every column $k$, each time with the factor $W_{dk}$. Along a path,
multiply; where paths come together, add:

$$\frac{\partial\,\text{loss}}{\partial X_{nd}} = \sum_k G_{nk}\, W_{dk} = (G\, W^\top)_{nd}$$

With $X$ of shape $[N, D]$, $W$ of $[D, K]$, and therefore $G$ of $[N, K]$: which product of $X$ and $G$ has the shape of
$W$?
"""


# %%
def matmul_backward(G, X, W):
    """Slopes for X [N D] and W [D K] from those for X @ W, G [N K]."""
    return G @ W.T, X.T @ G


# %% [markdown]
r"""
Only $X^\top G$ fits, with $[D, N]$ times $[N, K]$, and a look at one entry confirms it: $W_{dk}$ occurs in column $k$,
for every $n$, with the factor $X_{nd}$. Shapes are a good memory aid, but no proof. The proof is a comparison with
torch, on many random shapes.
"""


# %%
def same_as_torch(forward, backward, make_inputs, trials=50):
    """Largest difference of our slopes from torch's over `trials` random inputs, relative to the largest slope."""
    worst = 0.0
    for seed in range(trials):
        torch.manual_seed(seed)
        inputs = make_inputs()
        leaves = [x.requires_grad_() for x in inputs if x.is_floating_point()]
        out = forward(*inputs)
        G = torch.randn_like(out)
        theirs = torch.autograd.grad(out, leaves, G)
        ours = backward(G, *[x.detach() for x in inputs])
        for our, their in zip(ours, theirs, strict=True):
            assert our.shape == their.shape
            worst = max(worst, ((our - their).abs().max() / (1 + their.abs().max())).item())
    return worst


def sizes(n):
    """`n` random sizes from 1 to 7."""
    return torch.randint(1, 8, (n,)).tolist()


# %%
def matmul_inputs():
    N, D, K = sizes(3)
    return torch.randn(N, D, dtype=torch.float64), torch.randn(D, K, dtype=torch.float64)


worst = same_as_torch(torch.matmul, matmul_backward, matmul_inputs)
claim(worst < 1e-12, "our backward of the matrix product is torch's, on 50 random shapes")

# %% [markdown]
r"""
Two products, each with as much arithmetic as the one of the forward pass. Hence the rule of thumb that a backward pass
costs twice a forward pass.

Next, adding a bias: $Y = X + b$, with $X$ of $[N, D]$ and $b$ of $[D]$. Torch copies $b$ into every row, which is
called **broadcasting**. For $X$ nothing happens, $G$ goes through as it is. And $b$? It was used $N$ times. We know
what happens to a value that is used several times.
"""


# %%
def add_backward(G, X, b):
    """Slopes for X [N D] and b [D] from those for X + b."""
    return G, G.sum(dim=0)


def add_inputs():
    N, D = sizes(2)
    return torch.randn(N, D, dtype=torch.float64), torch.randn(D, dtype=torch.float64)


claim(same_as_torch(torch.add, add_backward, add_inputs) < 1e-12, "our backward of the broadcast sum is torch's")

# %% [markdown]
r"""
Copying forward means summing backward. In general: sum over every axis along which something was copied, until the
slope has the shape of what it belongs to. One of the exercises makes that a function for all shapes.
"""

# %% [markdown]
r"""
## What comes back from a forecast?

Every model of this course ends in softmax and cross-entropy. One row of logits $z$, and word $c$ came:

$$\text{loss} = -z_c + \ln \sum_j e^{z_j}$$

The first part moves with $z_c$ alone, at $-1$. The second moves with $z_i$ at $e^{z_i} / \sum_j e^{z_j}$, since the
derivative of $\ln u$ is $1/u$ times that of $u$. But that quotient is the softmax, $p_i$. Together, with $y_i$ one for
the word that came and zero for the others:

$$\frac{\partial\,\text{loss}}{\partial z_i} = p_i - y_i$$

This is what lesson 01 showed as bars: forecast minus what happened. Over $N$ rows the loss is a mean, so each row has
a share of $1/N$.
"""


# %%
def cross_entropy_backward(G, logits, targets):
    """Slopes for the logits [N V] from that for their mean cross-entropy with the targets [N]; G is a single number."""
    p = logits.softmax(dim=1)
    p[torch.arange(len(targets)), targets] -= 1
    return (G * p / len(targets),)


def cross_entropy_inputs():
    N, V = sizes(2)
    return 3 * torch.randn(N, V, dtype=torch.float64), torch.randint(V, (N,))


worst = same_as_torch(cross_entropy, cross_entropy_backward, cross_entropy_inputs)
claim(worst < 1e-12, "(p − y) / N is torch's slope of the mean cross-entropy")

# %% [markdown]
r"""
Our little engine could have found the same slopes, from exp, ln, + and ×. But a formula for the whole takes two lines,
needs one array of memory, and never divides by a tiny probability. Libraries keep such a rule for every operation that
matters, and their engine strings the rules together.
"""

# %% [markdown]
r"""
## Can we do one that is not easy?

Transformers contain **layer norm** ([Ba and others, 2016](https://arxiv.org/abs/1607.06450)), which puts the numbers of
a row on a common scale: subtract their mean $\mu$, divide by their standard deviation $\sigma$, then stretch and shift
by two learned vectors $\gamma$ and $\beta$:

$$\hat x_i = \frac{x_i - \mu}{\sigma}, \qquad \sigma = \sqrt{\tfrac1D \textstyle\sum_j (x_j - \mu)^2 + \varepsilon}, \qquad y_i = \gamma_i\, \hat x_i + \beta_i$$

The small $\varepsilon$ saves us from dividing by zero. For $\gamma$ and $\beta$ we have all we need: they are copied into
every row, so their slopes are sums over the rows, of $G \hat x$ and of $G$. What is hard is $x$. Each $x_j$ moves its
own $\hat x_j$ directly, and every $\hat x_i$ of the row through $\mu$ and through $\sigma$.

Let all $x_i$ move by small amounts $dx_i$, and write a bar for the mean over a row. The mean moves by
$\overline{dx}$. From $\sigma^2 = \overline{(x - \mu)^2} + \varepsilon$ follows
$2\sigma\, d\sigma = 2\,\overline{(x - \mu)\, dx}$, for the deviations $x - \mu$ have mean zero and do not feel
$d\mu$. So $d\sigma = \overline{\hat x\, dx}$, and by the rule for quotients

$$d\hat x_i = \frac{dx_i - \overline{dx}}{\sigma} - \hat x_i\, \frac{d\sigma}{\sigma} = \frac1\sigma \Big( dx_i - \overline{dx} - \hat x_i\, \overline{\hat x\, dx} \Big)$$

This is the forward direction, how a change travels from $x$ to $\hat x$. The local slope from $x_j$ to $\hat x_i$
stands in it: $\frac1\sigma \big([i = j] - \frac1D - \frac1D \hat x_i \hat x_j\big)$. Exchange $i$ and $j$, and it stays
the same. So the backward pass uses the very same formula, with the slopes $g_i = G_i \gamma_i$ in the place of $dx_i$:

$$\frac{\partial\,\text{loss}}{\partial x_i} = \frac1\sigma \Big( g_i - \overline{g} - \hat x_i\, \overline{\hat x\, g} \Big)$$
"""

# %%
EPS = 1e-5


def layer_norm(X, gamma, beta):
    """Each row of X [N D] on a common scale, stretched by gamma [D] and shifted by beta [D]."""
    centred = X - X.mean(dim=1, keepdim=True)
    sigma = ((centred**2).mean(dim=1, keepdim=True) + EPS).sqrt()
    return gamma * centred / sigma + beta


def layer_norm_backward(G, X, gamma, beta):
    """Slopes for X, gamma and beta from those for layer_norm(X, gamma, beta)."""
    centred = X - X.mean(dim=1, keepdim=True)
    sigma = ((centred**2).mean(dim=1, keepdim=True) + EPS).sqrt()
    x_hat, g = centred / sigma, G * gamma
    along = (g * x_hat).mean(dim=1, keepdim=True)
    return (g - g.mean(dim=1, keepdim=True) - x_hat * along) / sigma, (G * x_hat).sum(dim=0), G.sum(dim=0)


# %%
def layer_norm_inputs():
    N, D = sizes(2)
    return [torch.randn(*shape, dtype=torch.float64) for shape in ((N, D), (D,), (D,))]


def torch_layer_norm(X, gamma, beta):
    return torch.nn.functional.layer_norm(X, gamma.shape, gamma, beta, EPS)


X, gamma, beta = layer_norm_inputs()
claim(torch.allclose(layer_norm(X, gamma, beta), torch_layer_norm(X, gamma, beta)), "our layer norm is torch's")
worst = same_as_torch(torch_layer_norm, layer_norm_backward, layer_norm_inputs)
claim(worst < 1e-9, "and so is our backward, for all three inputs")

# %% [markdown]
r"""
The two subtracted terms have a meaning. Adding a number to all of a row, or stretching the row, leaves $\hat x$ as it
was (but for the small $\varepsilon$). So the loss has no slope in these two directions, and the terms take out the part
of $g$ that lies along them.
"""

# %% [markdown]
r"""
## How would you catch a mistake?

We had torch to compare with. Whoever writes a new operation has not. But there is the honest, slow way of the first
section, and for a test it is quick enough: small arrays, all slopes by central differences, in 64 bits. This is called
a **gradient check**. The output is an array, so to get one loss, weigh its numbers with a random $G$ and add them up.
"""


# %%
def gradient_check(forward, backward, inputs, h=1e-5):
    """Largest difference of the slopes from `backward` and central differences, in units of the largest of the slopes."""
    torch.manual_seed(0)
    out = forward(*inputs)
    G = torch.randn_like(out)
    worst = 0.0
    for x, slopes in zip(inputs, backward(G, *inputs), strict=False):  # slopes for the leading inputs
        numeric, flat = torch.zeros_like(x), x.view(-1)  # the same numbers, in one row
        for place, kept in enumerate(flat.tolist()):
            flat[place] = kept + h
            up = (forward(*inputs) * G).sum()
            flat[place] = kept - h
            down = (forward(*inputs) * G).sum()
            flat[place] = kept
            numeric.view(-1)[place] = (up - down) / (2 * h)
        worst = max(worst, ((slopes - numeric).abs().max() / slopes.abs().max().clamp_min(1e-9)).item())
    return worst


# %%
torch.manual_seed(1)
X, W = torch.randn(4, 6, dtype=torch.float64), torch.randn(6, 5, dtype=torch.float64)
gamma, beta = torch.randn(2, 6, dtype=torch.float64)
targets = torch.tensor([0, 3, 5, 2])

ours = {
    "matrix product": gradient_check(torch.matmul, matmul_backward, [X, W]),
    "broadcast sum": gradient_check(torch.add, add_backward, [X, beta]),
    "cross-entropy": gradient_check(cross_entropy, cross_entropy_backward, [X, targets]),
    "layer norm": gradient_check(layer_norm, layer_norm_backward, [X, gamma, beta]),
}
for name, error in ours.items():
    print(f"{name:15} {error:.1e}")
claim(max(ours.values()) < 1e-7, "all four agree with differences to seven digits")

# %% [markdown]
r"""
Now two mistakes such as people make. In the first, layer norm treats $\sigma$ as if it were a constant. In the second,
the mean over rows is forgotten in cross-entropy.
"""


# %%
def forgets_sigma(G, X, gamma, beta):
    centred = X - X.mean(dim=1, keepdim=True)
    sigma = ((centred**2).mean(dim=1, keepdim=True) + EPS).sqrt()
    g = G * gamma
    return (g - g.mean(dim=1, keepdim=True)) / sigma, (G * centred / sigma).sum(dim=0), G.sum(dim=0)


def forgets_the_mean(G, logits, targets):
    return (cross_entropy_backward(G, logits, targets)[0] * len(targets),)


wrong = {
    "σ taken for a constant": gradient_check(layer_norm, forgets_sigma, [X, gamma, beta]),
    "mean forgotten": gradient_check(cross_entropy, forgets_the_mean, [X, targets]),
}
print({name: round(error, 2) for name, error in wrong.items()})
claim(min(wrong.values()) > 0.05, "each of the two mistakes is off by more than 5 %")
claim(
    abs(wrong["mean forgotten"] - 3 / 4) < 1e-6, "with the mean over four rows forgotten, 3/4 of each slope is too much"
)

# %% [markdown]
r"""
No doubt is left. And it matters, because wrong slopes seldom announce themselves. The second mistake, for one, acts like
a learning rate that is four times too large. A model may well learn with it, only worse, and one blames the data.

How small should the step $h$ be? As in lesson 02, too large is inexact, and too small drowns in rounding. Here is the
right layer norm, the same in torch's usual 32 bits, and the first mistake.
"""

# %%
in_64, in_32 = [X, gamma, beta], [X.float(), gamma.float(), beta.float()]
rows = []
for h in (1e-1, 1e-3, 1e-5, 1e-8, 1e-12):
    right = [gradient_check(layer_norm, layer_norm_backward, inputs, h) for inputs in (in_64, in_32)]
    rows.append([h, *right, gradient_check(layer_norm, forgets_sigma, in_64, h)])
table(
    ["step h", "right, 64 bits", "right, 32 bits", "σ constant, 64 bits"], [[f"{n:.0e}" for n in row] for row in rows]
)

# %%
claim(rows[2][1] < 1e-8, "in 64 bits, with h = 1e-5, the right backward agrees to eight digits")
claim(min(row[2] for row in rows) > 1e-5, "in 32 bits it agrees to five digits at the very most")
claim(min(row[3] for row in rows) > 0.05, "the wrong one disagrees by 5 % or more at every step")

# %% [markdown]
r"""
In 64 bits the right one is best around $10^{-5}$, and gets worse on either side. The wrong one is equally wrong for
every $h$. That is how to tell the two apart when a single number leaves you in doubt. In 32 bits even the best $h$ is
poor, and a small mistake could hide there. So check in 64.
"""

# %% [markdown]
r"""
## How does torch do it?

As we do. Every operation on a tensor with `requires_grad=True` leaves a record, with a function for the backward
pass; and `backward()` walks the records in reverse. To teach it a new operation, one writes both passes into a class.
Ours go in as they are, and torch has a gradient check of its own.
"""


# %%
class OurLayerNorm(torch.autograd.Function):
    @staticmethod
    def forward(ctx, X, gamma, beta):
        ctx.save_for_backward(X, gamma, beta)  # what the backward pass will need
        return layer_norm(X, gamma, beta)

    @staticmethod
    def backward(ctx, G):
        return layer_norm_backward(G, *ctx.saved_tensors)


inputs = [each.clone().requires_grad_() for each in (X, gamma, beta)]
claim(torch.autograd.gradcheck(OurLayerNorm.apply, inputs), "torch's own gradient check passes our layer norm")
print("record of the result:", OurLayerNorm.apply(*inputs).grad_fn.name())

# %% [markdown]
r"""
`.grad` is *added to*, as in our engine, and for the same reason: a parameter may be used twice. Torch cannot know when
you begin a new step, so you have to say it, by zeroing. What if one forgets? Here are the six parcels of lesson 01, and
sixty steps of gradient descent, with and without zeroing.

**Predict first.** Does the one that forgets arrive sooner, later, or not at all?
"""

# %%
kilometres = torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
minutes = torch.tensor([6.0, 11.0, 14.0, 22.0, 24.0, 31.0])


def descend(zeroing, lr=0.004, steps=60):
    pace, losses = torch.tensor(4.0, requires_grad=True), []
    for _ in range(steps):
        loss = ((pace * kilometres - minutes) ** 2).mean()
        losses.append(loss.item())
        if zeroing:
            pace.grad = None
        loss.backward()
        with torch.no_grad():  # the step itself is no part of the formula
            pace -= lr * pace.grad
    return losses


with_zeroing, without = descend(True), descend(False)
picture = curves(
    range(60),
    {"zeroed at each step": with_zeroing, "forgotten": without},
    xlabel="step",
    ylabel="mean squared error (minutes²)",
)
picture.axes[0].set_ylim(0, 28)  # room for the legend
picture

# %%
claim(max(with_zeroing[40:]) < min(with_zeroing) + 0.01, "with zeroing, the loss has come to rest")
claim(max(without[40:]) > 5 * min(without[40:]), "without, it still swings by a factor of more than five")

# %% [markdown]
r"""
Not at all. Each step goes along the sum of all slopes so far. That is the momentum of lesson 02 with $\beta = 1$: a ball
without friction, which rolls through the valley and up the other side for ever. On purpose, adding up is useful: the
slopes of several small batches, then one step (lesson 12).

Two ways to cut the record stand beside it. Within `torch.no_grad()` none is kept, which saves the memory when a model
is only used. And `detach()` gives a tensor's numbers without its past, so that no slope flows back through it.
"""

# %%
x = torch.tensor(3.0, requires_grad=True)
whole = torch.autograd.grad(x * x, x)[0].item()
half = torch.autograd.grad(x * x.detach(), x)[0].item()
with torch.no_grad():
    unrecorded = x * x
print(f"slope of x·x: {whole}; with one factor detached: {half}; under no_grad recorded: {unrecorded.requires_grad}")
claim(whole == 6 and half == 3, "detaching one of two uses halves the slope of x·x")

# %% [markdown]
r"""
## What happens in a deep network?

Back to "along a path, slopes multiply". A network of 20 layers is a path of 20 factors. Take a bare one: 64 numbers go
in, and each layer is $f(h) = \text{relu}(h W)\, V$. It multiplies by a matrix, sets to zero what is negative, and
multiplies by a second matrix, so that what comes out may have either sign. (In a transformer you will meet just this
under the name of feed-forward network.) All matrices are random, for training has not begun.

We hand some slope to the output, let torch bring it back, and measure how large it is at the input of each layer. (The
argument `residual` is for later.)
"""


# %%
def make_layers(gain, depth=20, width=64, seed=0):
    """Random pairs W, V. Their entries have standard deviation `gain` / √width in W, and 1 / √width in V."""
    generator = torch.Generator().manual_seed(seed)
    entries = torch.randn(depth, 2, width, width, generator=generator) / math.sqrt(width)
    return [(gain * W, V) for W, V in entries]


def f(h, W, V):
    return (h @ W).relu() @ V


def slopes_by_depth(layers, residual=0.0):
    """Size of the slope at the input of each layer, and at the output, in units of that at the output."""
    generator = torch.Generator().manual_seed(1)
    h = torch.randn(64, len(layers[0][0]), generator=generator).requires_grad_()
    stations = [h]
    for W, V in layers:
        h = h + residual * f(h, W, V) if residual else f(h, W, V)
        stations.append(h)
    G = torch.randn(h.shape, generator=generator)
    sizes = torch.stack([slope.norm() for slope in torch.autograd.grad(h, stations, G)])
    return (sizes / sizes[-1]).tolist()


# %% [markdown]
r"""
**Predict first.** The entries of $W$ have standard deviation $g / \sqrt{64}$. At $g = 1$ such a matrix neither lengthens
nor shortens a vector, on average. For which of $g = 0.5$, $1$, $\sqrt 2$ and $2$ does the slope at the first layer have
about the size that it had at the last? And by how much are the others off: 2, 20, a thousand or more?
"""


# %%
def by_layer(sizes):
    """A picture of the sizes of slopes, over the depth."""
    picture = curves(
        range(21), sizes, xlabel="layer (0: the input, 20: the output)", ylabel="slope (at the output: 1)", log="y"
    )
    picture.axes[0].set_xticks(range(0, 21, 5))
    return picture


gains = {"g = 2": 2.0, "g = √2": math.sqrt(2), "g = 1": 1.0, "g = 0.5": 0.5}
plain = {name: slopes_by_depth(make_layers(gain)) for name, gain in gains.items()}
by_layer(plain)

# %%
print({name: f"{sizes[0]:.1e}" for name, sizes in plain.items()})
claim(plain["g = 0.5"][0] < 1e-8, "at g = 0.5 less than a hundred-millionth of the slope is left")
claim(3e-4 < plain["g = 1"][0] < 3e-3, "at g = 1 about a thousandth is left")
claim(1 / 3 < plain["g = √2"][0] < 3, "at g = √2 the slope keeps its size, within a factor of three")
claim(300 < plain["g = 2"][0] < 3000, "at g = 2 it has grown about a thousandfold")

# %% [markdown]
r"""
Only at $g = \sqrt 2$. At $g = 1$ and $g = 2$ it is off by about a thousand, one way and the other, and at $g = 0.5$ by far
more. The lines are straight on an axis of factors: every layer multiplies by about the same factor, and the twentieth
power does the rest. The slope **vanishes** or **explodes**. At $g = 1$ the matrices are neutral, but relu lets only half
of the numbers through. So each layer halves the *square* of the size; $(1/2)^{20}$ is a millionth, and its root a
thousandth. With $g = \sqrt 2$ the matrix makes up for the lost half.

A good **initialisation** is no more than that: before a relu with $n$ inputs, a standard deviation of $\sqrt{2/n}$
([He and others, 2015](https://arxiv.org/abs/1502.01852)). Without one, or before tanh, which hardly bends small
numbers, $\sqrt{1/n}$; and where a matrix is not square, so that forward and backward pass would like different $n$, the
compromise $\sqrt{2/(n_\text{in} + n_\text{out})}$ ([Glorot and Bengio, 2010](https://proceedings.mlr.press/v9/glorot10a.html)).

It is a delicate balance all the same. Training moves the weights, and 100 layers forgive less than 20. Is there a
network whose backward pass is safe, whatever the layers do?
"""

# %% [markdown]
r"""
## What if every layer had a path around it?

Let each layer *add* to what comes in, instead of replacing it: $h + f(h)$ in the place of $f(h)$. This is a **residual
connection** ([He and others, 2015](https://arxiv.org/abs/1512.03385)). Now $h$ is used twice, and you know what that
means for the backward pass: two contributions add up, and one of them is $G$ itself, times exactly one.
"""

# %%
root = math.sqrt(20)
around = {
    "h + f(h), g = √2": slopes_by_depth(make_layers(math.sqrt(2)), residual=1),
    "h + f(h), g = 0.5": slopes_by_depth(make_layers(0.5), residual=1),
    "h + f(h)/√20, g = √2": slopes_by_depth(make_layers(math.sqrt(2)), residual=1 / root),
    "f(h), g = 0.5": plain["g = 0.5"],
}
by_layer(around)

# %%
print({name: f"{sizes[0]:.1e}" for name, sizes in around.items()})
claim(2 < around["h + f(h), g = 0.5"][0] < 5, "with weights that are too small, the slope arrives, a few times larger")
claim(300 < around["h + f(h), g = √2"][0] < 3000, "with g = √2 it has grown about a thousandfold")
claim(1.3 < around["h + f(h)/√20, g = √2"][0] < 2.2, "with f divided by √20 it grows by less than 2.2")

# %% [markdown]
r"""
The slope no longer vanishes, but it can still explode. At $g = \sqrt 2$ both contributions are equally large and have
nothing to do with each other, so their squares add up, each layer doubles the squared size, and $2^{20}$ has the root
1,024. Dividing $f$ by the root of the number of layers repairs that: the squared factor is then $1 + 1/20$, and
$(1 + 1/20)^{20}$ is about $e$, with the root 1.6. With $L$ layers it is $(1 + 1/L)^L$, which never exceeds $e$.

Both tools are in every transformer. Its layers add to a stream that runs from the first to the last, layer norm keeps
the size of what they read from it, and GPT-2 shrinks the initial weights of what is added by the root of the number of
additions
([Radford and others, 2019](https://cdn.openai.com/better-language-models/language_models_are_unsupervised_multitask_learners.pdf),
section 2.3). Lessons 08 and 09 build all this.
"""

# %% [markdown]
r"""
## Does it matter for learning?

A slope that was divided by a billion still points downhill, one might say. So let two networks learn one wave of a
sine. Both start from the *same* matrices, those of $g = 0.5$, in 20 layers of width 32. One has the path around each
layer, with $f$ divided by $\sqrt{20}$. The rest is plain gradient descent.
"""

# %%
places = torch.linspace(-1, 1, 64)[:, None]
wave = torch.sin(math.pi * places)
features = torch.cat([places, torch.ones_like(places)], dim=1)


def learn(residual, lr, steps=200, width=32):
    """The losses of a network of 20 layers with g = 0.5 on the wave."""
    generator = torch.Generator().manual_seed(100)
    first = torch.randn(2, width, generator=generator)
    last = torch.randn(width, 1, generator=generator) / math.sqrt(width)
    layers = make_layers(0.5, width=width)
    parameters = [first, last, *[M for layer in layers for M in layer]]
    for M in parameters:
        M.requires_grad_()
    losses = []
    for _ in range(steps):
        h = features @ first
        for W, V in layers:
            h = h + residual * f(h, W, V) if residual else f(h, W, V)
        loss = ((h @ last - wave) ** 2).mean()
        losses.append(loss.item())
        slopes = torch.autograd.grad(loss, parameters)
        with torch.no_grad():
            for M, slope in zip(parameters, slopes, strict=True):
                M -= lr * slope
    return losses


# %%
learned = {"f(h)": learn(0, lr=0.01), "h + f(h)/√20": learn(1 / root, lr=0.01)}
print({name: round(losses[-1], 2) for name, losses in learned.items()})
curves(range(200), learned, xlabel="step", ylabel="mean squared error", log="y")

# %%
flat = wave.var(correction=0).item()  # what the best constant answer pays
straight = features @ torch.linalg.lstsq(features, wave).solution  # the best straight line
line = (straight - wave).square().mean().item()
print(f"best constant {flat:.2f}, best straight line {line:.2f}")
claim(min(learned["f(h)"]) > 0.99 * flat, "the plain network never gets past a constant answer")
claim(learned["h + f(h)/√20"][-1] < line / 2, "with a path around its layers it gets far past the best straight line")

# %% [markdown]
r"""
The same matrices learn with the path around them, and without it they do not even begin. Then why not multiply its tiny slopes by a billion?
"""

# %%
ends = {f"{10**k:.0e}": learn(0, lr=10.0**k, steps=40)[-1] for k in range(10)}
print({rate: round(end, 2) for rate, end in ends.items()})
claim(not any(end < 0.99 * flat for end in ends.values()), "no learning rate from 1 to a billion gets it going")

# %% [markdown]
r"""
With the smaller rates nothing moves. With the larger ones the first movement goes too far, and the next one to infinity
(`nan`). What vanishes in the backward pass vanishes in the forward pass too: the output is next to zero, and hardly
depends on the input. None of these rates repairs that; the path around the layers does.

That completes the loop of learning. A loss says how wrong we are (lesson 01), a step goes downhill (lesson 02), and now
it is clear where "downhill" comes from, for any number of parameters. What is left is to choose what to learn. The
next part begins with text.
"""
