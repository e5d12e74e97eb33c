# ---
# title: Scaling laws
# part: "IV · Training and sampling"
# minutes: 60
# prerequisites: >-
#   Lesson 09 (what a decoder is made of, and what each part costs), lesson 12 (how a run is set up) and lesson 13 (the
#   run itself, 6 · N · D, the floor). Logarithms, and the slope of a straight line.
# objectives:
#   - count the operations of a training run before it is run, and turn them into days, energy and carbon
#   - fit a law of parameters and tokens to a grid of small runs, say how sure each of its numbers is, and compare its
#     irreducible part with a floor that is known
#   - test such a law on runs that it has not seen, and say how far it may be continued
#   - split a budget of operations between parameters and tokens, by search and by formula
#   - recognise a curve that jumps because of how it was counted, and a law that came from how its runs were made
# summary:
#   - A weight costs two operations for each token on the way forward and four on the way back, and attention's scores come
#     on top. Operations over rate is time, time by watts is energy, energy by grid is carbon, and each factor has to be said.
#   - For given exponents the fit is ordinary least squares, so one searches for two numbers. Fitted again to runs drawn
#     from the runs, it says how far luck moves each number. Whether the formula is right it does not say; the fitted floor
#     missed the true one.
#   - A law is tested by runs that it has not seen. Fitted to the cheap half of our grid it predicted the dear half far
#     better than a plain guess. Near the floor it promised losses that no model can have, and the guess won.
#   - At the best split, one more percent of parameters buys as much as one more percent of tokens. With two exponents of
#     about the same size, both should grow with about the square root of the budget.
#   - A score that asks for several things right at once is a power of the score for one, and stays near zero until late.
#     A law describes its runs, their learning rates, cool-downs and ways of counting included.
# quiz:
#   - question: >-
#       Two models are trained with the same operations: 1 billion parameters on 20 billion tokens, and 2 billion
#       parameters on 10 billion tokens. They end with the same loss. Where is the best model for this budget?
#     options:
#       - answer: Between the two, in size and in tokens.
#         right: true
#         because: For one budget the fitted loss over log N is a valley with a single lowest point. Equal heights lie on its two sides.
#       - answer: It is either of them, since nothing is better than equal.
#         because: They are equal to one another. The valley between them is lower than both.
#       - answer: At a still larger model, since larger models learn faster.
#         because: Beyond the lowest point each step to a larger model loses more by reading less than it gains by size.
#   - question: >-
#       A team trains one long run, notes the loss of its model at 10 %, 20 %, ... of the steps, and fits a law of the
#       number of tokens to these ten points. What is wrong?
#     options:
#       - answer: Nothing. Each point is a model that has read so many tokens.
#         because: It has, but at a learning rate that was still high. A run planned for so many tokens would have cooled down.
#       - answer: The early points are too high, for a run of that length would have ended its cool-down there.
#         right: true
#         because: The law then thinks too little of few tokens and too much of many. Each point needs a run, or at least a
#           cool-down, of its own.
#       - answer: Ten points are too few for a law with three numbers.
#         because: Ten would do if they were sound. These are not, and more of them would be unsound in the same way.
#   - question: >-
#       A benchmark counts an answer as right only if all ten of its words are. A model gets 80 % of single words right, the
#       next larger one 90 %, the next 95 %. What will the benchmark show, if words fail independently?
#     options:
#       - answer: 80 %, 90 %, 95 %.
#         because: That is the share of words. Ten in a row are right with the tenth power of it.
#       - answer: 11 %, 35 %, 60 %.
#         right: true
#         because: 0.8, 0.9 and 0.95 to the tenth power. A steady gain in words looks like a leap in answers.
#       - answer: 0 % until a threshold, then nearly 100 %.
#         because: The power bends the curve and makes it steeper. It does not make a step of it.
# read_next:
#   - "[Hoffmann and others, *Training Compute-Optimal Large Language Models* (2022)](https://arxiv.org/abs/2203.15556): the paper behind most of this lesson; read its three approaches side by side."
#   - "[Besiroglu and others, *Chinchilla Scaling: A replication attempt* (2024)](https://arxiv.org/abs/2404.10102): how a fit was checked from the pixels of a published figure, and what was found."
#   - "[Kaplan and others, *Scaling Laws for Neural Language Models* (2020)](https://arxiv.org/abs/2001.08361): the first large study. Then [Porian and others (2024)](https://arxiv.org/abs/2406.19146) on why its answer differed."
#   - "[Patterson and others, *Carbon Emissions and Large Neural Network Training* (2021)](https://arxiv.org/abs/2104.10350): the arithmetic of energy and carbon, with every factor stated."
#   - "[Schaeffer and others, *Are Emergent Abilities of Large Language Models a Mirage?* (2023)](https://arxiv.org/abs/2304.15004): sudden abilities, and the scores that make them sudden."
# ---

# %% [markdown]
r"""
## What would you get for ten times the money?

A model has been trained for a minute and is quite good. Now somebody offers you ten minutes. Should the next model be
larger, or should it read more? How much better will it be? And can you know that *before* the ten minutes are spent?

For ten minutes you could try. For three months of ten thousand GPUs you cannot. So one trains many small models, looks
for a pattern in their losses, and continues it. On real text the patterns turned out so regular that they are called
**scaling laws**.

We do the same, on the toy world. Training the small models takes longer than you want to wait, so they were trained
once (`make scaling` does it again), and a table in the library holds what came out. Every line is a whole run of its
own, with its own warm-up and cool-down, from its own random numbers.
"""

# %%
from course_lib import claim
from course_lib.display import table
from course_lib.scaling import load_runs

everything = load_runs()
runs = [run for run in everything if not run.held_out]  # the others are kept for an examination further down
widths = sorted({run.d_model for run in runs})
lengths = sorted({run.steps for run in runs})
by_size = {(run.d_model, run.steps): run for run in reversed(runs)}  # one seed of each size

print(f"{len(runs)} runs, {sum(run.flops for run in runs) / 1e12:.0f} million million operations in all")
table(
    ["width", "parameters", *(f"{steps} steps" for steps in lengths)],
    [
        [width, by_size[width, lengths[0]].parameters]
        + [round(by_size[width, steps].loss, 3) if (width, steps) in by_size else "" for steps in lengths]
        for width in widths
    ],
    caption="held-out loss, in nats per word",
)

# %% [markdown]
r"""
Down each column the models grow, along each row they read more. Every step is 8 rows of 128 tokens, so 100 steps are
about a hundred thousand tokens. Here are the same numbers as a picture, with one thing that no study on real text can
draw: the **floor**, what the world itself would pay for these documents (lesson 01).
"""

# %%
import math

from matplotlib.ticker import LogLocator, NullFormatter

from course_lib.display.plots import COLOURS, DASHES, INK, Picture, axes, legend, reference_lines
from course_lib.text import VALIDATION_SEED, World

world = World()
floor = world.floor(world.documents(1000, seed=VALIDATION_SEED)).per_word


def plain(*factor_axes):
    """Write the numbers on axes of factors as one would write them, at every 1, 2 and 5."""
    for axis in factor_axes:
        axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.set_major_formatter("{x:g}")
        axis.set_minor_formatter(NullFormatter())


def by_width(ax, height, chosen, across="tokens"):
    """A line for each of the chosen widths: `height(run)` over the tokens read, or over another field of the runs."""
    ax.set_xscale("log")
    for width, colour, dash in zip(chosen, COLOURS, DASHES, strict=False):
        row = [by_size[width, steps] for steps in lengths if (width, steps) in by_size]
        x, y = [getattr(run, across) for run in row], [height(run) for run in row]
        ax.plot(x, y, "o", linestyle=dash, color=colour, label=f"width {width}")


shown = [*widths[:-1:2], widths[-1]]
picture = Picture()
ax = axes(picture, xlabel="tokens read", ylabel="held-out loss (nats per word)")
by_width(ax, lambda run: run.loss, shown)
reference_lines(ax, {f"the floor of the world: {floor:.3f}": floor})
ax.set_ylim(bottom=0)
legend(ax)
picture

# %% [markdown]
r"""
## May I see one of these runs?

Why should you believe the points? Everything that a run needs is in its line, so take a small one, 32 wide and 200
steps long, and train it again. Halfway we also note the loss. We will need it later.
"""

# %%
from dataclasses import replace

import torch

from course_lib.evaluation import evaluate
from course_lib.model import GPT
from course_lib.presets import training_steps
from course_lib.text import DocumentRows, evaluation_documents, load_corpus, tokenizer_for
from course_lib.training import train

corpus = load_corpus("world")
tokenizer = tokenizer_for(corpus)
V = tokenizer.vocab_size
held_out = evaluation_documents(tokenizer.encode(corpus.val), tokenizer.end_id)
train_ids = tokenizer.encode(corpus.train)
print(f"{len(world.words())} words, a corpus of {len(train_ids):,} tokens, runs of up to {lengths[-1] * 8 * 128:,}")


def train_again(run):
    """The held-out loss of `run`, made anew, after half of its steps and at its end."""
    preset = run.preset
    config = replace(preset.training, steps=training_steps(run.steps))
    torch.manual_seed(run.seed)
    model = GPT(preset.model(V))
    batches = DocumentRows(train_ids, tokenizer.end_id, preset.batch_size, preset.context_length, run.seed)
    for step in train(model, batches, config):
        if step.number == config.steps // 2:
            halfway = evaluate(model, held_out).loss
    return halfway, evaluate(model, held_out).loss


record = by_size[32, 200]
halfway, again = train_again(record)
print(f"in the table {record.loss:.4f}, made again {again:.4f}")

# %% [markdown]
r"""
How far may the two be apart? Some sizes stand in the table twice, with nothing changed but the seed. What they differ
by is luck (lesson 02).
"""

# %%
from itertools import combinations

twins = [pair for pair in combinations(runs, 2) if len({(run.d_model, run.steps) for run in pair}) == 1]
apart = [abs(math.log(one.loss / other.loss)) for one, other in twins]
luck = sum(apart) / len(apart)  # how far two seeds are apart on average, as a share of the loss
print(f"{len(twins)} pairs of seeds: on average {luck:.1%} apart, at most {max(apart):.1%}")
if training_steps(record.steps) == record.steps:  # the smoke preset trains less, and ends elsewhere
    claim(abs(math.log(again / record.loss)) < max(0.02, 2 * luck), "the run made again is within luck of the table")
claim(lengths[-1] * 8 * 128 > len(train_ids), "the longest runs read more tokens than the corpus has")

# %% [markdown]
r"""
## What does one run cost, before it is run?

Seconds depend on the machine, and on who else uses it. Operations do not. A **FLOP** is one addition or multiplication,
and nearly all of them are in products of matrices. Take one weight $w$ in such a matrix, and one token. On the way
forward an input $x$ arrives, is multiplied by $w$, and the product is added to the sum of a neuron: 2 operations.

On the way back the neuron receives the slope $g$ of the loss for its sum (lesson 03). The weight wants its own slope,
$g \cdot x$, added up over all tokens: 2 operations. And the input wants to know its slope, $g \cdot w$, added up over
all neurons that it went to, so that the layer below can go on: another 2. That is 4 on the way back and 6 in all, for
each weight and each token:

$$C \approx 6 \cdot N \cdot D$$

Lesson 13 used this. Let torch count whether it is so.
"""

# %%
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from course_lib.model import costs

n_tokens = 8 * 128
ids = torch.zeros(8, 128, dtype=torch.long)


def counted(config):
    """FLOPs of one step as torch counts them: forward, and backward."""
    model = GPT(config)
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        loss = model(ids, ids).square().sum()
        forward = counter.get_total_flops()
        loss.backward()
    return forward, counter.get_total_flops() - forward


bill, as_predicted = {}, []
for width in widths:
    config = by_size[width, lengths[0]].preset.model(V)
    parts = costs(config, 128)
    forward, backward = counted(config)
    predicted = 8 * sum(part.flops for part in parts.values())
    as_predicted.append((forward, backward) == (predicted, 2 * predicted))
    bill[width] = (forward + backward, sum(part.parameters for part in parts.values()), parts["embedding"].parameters)
claim(all(as_predicted), "for every width torch counts what the library predicts, and backward exactly twice as many")

# %% [markdown]
r"""
Six, to the last operation. But six times *what*? The embedding is looked up and multiplies nothing, so its numbers do
not count. And attention multiplies queries with keys, which are no weights, and so its scores are not in $N$.
"""

# %%
rows, over, under = [], [], []
for width, (flops, n, embedding) in bill.items():
    over.append(6 * n * n_tokens / flops)
    under.append(6 * (n - embedding) * n_tokens / flops)
    rows.append([width, round(flops / 1e6), f"{over[-1]:.0%}", f"{under[-1]:.0%}", f"{2 * embedding / n:.0%}"])
claim(min(over) > 1 > max(under), "with all parameters 6ND is too much, without the embedding too little")
claim(over[0] > 1.3 and over[-1] < 1.25, "for the smallest model by more than 30 %, for the largest by less than 25 %")
table(["width", "million FLOPs a step", "6 · all · D", "6 · all but embedding · D", "embedding and head, of all"], rows)

# %% [markdown]
r"""
Counted with all parameters the rule says too much, for most of a narrow model is its list of word vectors. Counted
without the embedding it says too little, because of attention's scores. The wider the model, the closer both come to
the truth, since blocks grow with the square of the width and the rest in proportion to it (lesson 09). In a large model
nobody needs to care which $N$ is meant. Here it makes a difference of a third. From now on $N$ is all parameters.
"""

# %% [markdown]
r"""
## What is the pattern?

Take the widest model and follow it along its row. What matters is not the loss but what is left above the floor.

**Predict first.** From each column to the next the text is doubled. Will the distance to the floor shrink each time by
about the same *amount*, by about the same *factor*, or by less and less?
"""

# %%
from itertools import pairwise

widest = [by_size[widths[-1], steps] for steps in lengths if (widths[-1], steps) in by_size]
left = [run.loss - floor for run in widest]
luck_there = [run.loss for run in runs if (run.d_model, run.steps) == (widths[-1], 800)]
print("two seeds of the run of 800 steps:", luck_there)
claim(0.2 * left[3] < max(luck_there) - min(luck_there) < 0.1 * left[0], "a seed matters at the end of the row only")
shares = [None, *(now / before for before, now in pairwise(left))]
table(
    ["tokens", "above the floor", "of the one before"],
    [
        [f"{run.tokens:,}", gap, f"{share:.2f}" if share else ""]
        for run, gap, share in zip(widest, left, shares, strict=True)
    ],
)

# %% [markdown]
r"""
Not by the same amount, or it would be through the floor by now. It is nearer to a factor, though an unsteady one. Part
of the unsteadiness is luck: two seeds of the run of 800 steps are 0.009 apart, a third of what the table has left above
the floor there, and nothing beside what was left at the start. A quantity that is multiplied by the same factor
whenever another one doubles follows a **power law**:

$$L - E = \frac{B}{D^{\beta}}, \qquad \text{so} \qquad \ln(L - E) = \ln B - \beta \ln D$$

On axes where equal distances are equal factors it is a straight line, and its slope is $-\beta$. Doubling the text
leaves $2^{-\beta}$ of the distance. (The exercises fit such a line.)
"""

# %%
picture = Picture(height=3.4)
three = [widths[0], widths[3], widths[-1]]
for place, (ylabel, zero) in enumerate({"nats above the floor": floor, "loss (nats per word)": 0.0}.items(), start=1):
    ax = axes(picture, xlabel="tokens read", ylabel=ylabel, place=(1, 2, place))
    ax.set_yscale("log")
    by_width(ax, lambda run, zero=zero: run.loss - zero, three)
    plain(ax.yaxis)
    legend(ax)
picture

# %% [markdown]
r"""
On the left the widest model keeps nearly to a straight line. The narrowest bends upward, since it cannot hold more
however long it reads. The middle one bends down: where it falls, it has begun to learn facts (more of that later). On
the right, where the floor has not been subtracted, the widest bends as well.
"""

# %% [markdown]
r"""
## One formula for all of them?

A small model stops getting better however long it reads, and a large one that has read little cannot use its size.
[Hoffmann and others (2022)](https://arxiv.org/abs/2203.15556) put both into one formula, with a debt for too few
parameters and a debt for too little text:

$$L(N, D) = E + \frac{A}{N^{\alpha}} + \frac{B}{D^{\beta}}$$

Five numbers are to be found. It looks like a hard search, and is an easy one: *if* someone told us the two exponents,
the formula would be a sum of three known columns, $1$, $N^{-\alpha}$ and $D^{-\beta}$, times three unknown numbers.
That is least squares again. So try all pairs of exponents, and keep the best.
"""


# %%
from itertools import product

from course_lib.scaling import Law

N = torch.tensor([run.parameters for run in runs], dtype=torch.float64)
D = torch.tensor([run.tokens for run in runs], dtype=torch.float64)
L = torch.tensor([run.loss for run in runs], dtype=torch.float64)


def given_exponents(alpha, beta, floor=None):
    """The mean squared miss of the best law with these exponents, as a share of the loss, and that law's numbers.

    Without a `floor`, E is free as well.
    """
    columns = [(N / N.mean()) ** -alpha, (D / D.mean()) ** -beta] + ([torch.ones_like(L)] if floor is None else [])
    columns = torch.stack(columns, dim=1) / L[:, None]
    wanted = 1 - (floor or 0) / L
    solution = torch.linalg.lstsq(columns, wanted[:, None]).solution
    miss = (columns @ solution)[:, 0] - wanted
    a, b, E = [*solution[:, 0].tolist(), floor][:3]
    return miss.square().mean().item(), Law(E, a * N.mean().item() ** alpha, alpha, b * D.mean().item() ** beta, beta)


exponents = [each / 20 for each in range(1, 51)]
miss, by_hand = min((given_exponents(*pair) for pair in product(exponents, exponents)), key=lambda found: found[0])
print(f"{by_hand}\ntypically off by {miss**0.5:.1%}")

# %% [markdown]
r"""
Each column is divided by the loss, so that a miss counts as a share of it. (Sizes are measured by their mean only to
keep the numbers handy.) The library searches by slopes instead. It compares logarithms, and it judges by the **Huber
loss**, as Hoffmann and others did: the square of a small miss and the plain distance of a large one, so that a single
run far off the law cannot pull it over.
"""

# %%
from course_lib.scaling import fit

law = fit(runs)
by_library = law.loss(N, D)
print(law)
misses = (by_library / L).log()
print(f"typically off by {misses.square().mean().sqrt():.1%}, at most {misses.abs().max():.1%}")
claim((by_hand.loss(N, D) / by_library - 1).abs().max() < 0.2, "the two fits agree about every run within 20 %")
claim(misses.square().mean().sqrt() > 2 * luck, "the law is typically off by more than twice what two seeds are apart")
claim((misses[(L > 0.43) & (L < 0.56)] > 0).all(), "it expects too much of every run with a loss between 0.43 and 0.56")
claim(misses[(L > 0.64) & (L < 0.76)].mean() < 0, "and on average too little of those between 0.64 and 0.76")
claim(misses[L.argmax()] < -0.1 and misses[L.argmin()] < -0.1, "at both ends of the line it is more than 10 % too low")

# %%
picture = Picture(height=4)
ax = axes(picture, xlabel="loss that the law expects (nats per word)", ylabel="loss measured")
ax.set(xscale="log", yscale="log")
rank = torch.tensor([widths.index(run.d_model) for run in runs])
last = len(widths) - 1
groups = {f"width {widths[0]}": rank == 0, "between": (rank > 0) & (rank < last), f"width {widths[-1]}": rank == last}
for (name, these), marker, colour in zip(groups.items(), "so^", COLOURS, strict=False):
    ax.plot(by_library[these], L[these], marker, color=colour, label=name)
ax.plot([floor, L.max()], [floor, L.max()], "-", color=INK, linewidth=1)
reference_lines(ax, {"the floor of the world": floor})
plain(ax.xaxis, ax.yaxis)
legend(ax)
picture

# %% [markdown]
r"""
Five numbers describe all the runs, from a model of ten thousand parameters to one twelve times as large, and at first
sight it is a success. But the misses are larger than luck, and they are not scattered at random. The points go in a
wave around the line: above it at a loss of 0.7, below it at 0.5, and above it again at the very end. Somewhere on the
way our models learn the facts about the people of the world, and they learn them fast. A sum of two smooth debts has no
room for such a shoulder. Remember the lower left end, where the floor is; it will come back.
"""

# %% [markdown]
r"""
## How sure is it?

The law came from these runs. With other seeds the losses would be a little different, and so would the five numbers.
How different? We cannot make the grid a hundred times. But there is a trick, the **bootstrap** (Efron 1979): pretend
that the runs at hand are the world that runs are drawn from. Draw as many as there are, with repetition, so that some
come twice and some not at all. Fit. Do it again.
"""

# %%
generator = torch.Generator().manual_seed(0)
for _ in range(3):
    drawn = torch.randint(len(runs), (len(runs),), generator=generator).tolist()
    other = fit([runs[i] for i in drawn])
    print(f"{len(set(drawn))} of {len(runs)} runs: E {other.E:.3f}  alpha {other.alpha:.2f}  beta {other.beta:.2f}")

# %% [markdown]
r"""
The library does a thousand of them side by side. The middle 95 % of what comes out is the **95 % interval**.

**Predict first.** $E$ is the loss that no size and no amount of text takes away. For this world we know what that is.
Will the fitted $E$ hit it? Will at least its interval contain it? And which of the five numbers will be known worst?
"""

# %%
from course_lib.scaling import bootstrap

others = bootstrap(runs, n_fits=1000)
middle = torch.tensor([0.025, 0.975], dtype=torch.float64)


def interval(values):
    """From where to where the middle 95 % of the values lie."""
    return torch.tensor(list(values), dtype=torch.float64).quantile(middle).tolist()


known = {name: interval(getattr(each, name) for each in others) for name in ("E", "A", "alpha", "B", "beta")}
table(
    ["number", "fitted", "95 % interval"],
    [
        [name, f"{getattr(law, name):.3g}", f"{low if low > 1e-6 else 0:.3g} to {high:.3g}"]
        for name, (low, high) in known.items()
    ],
)

# %%
print(f"the floor is {floor:.3f}; the fitted E is {law.E:.3f}, its interval {known['E'][0]:.3f} to {known['E'][1]:.3f}")
claim(floor - 0.02 > law.E, "the fitted E lies below the floor of the world")
claim(known["E"][1] < floor, "and so does its whole interval")
claim(known["E"][0] < 0.02, "which begins at next to nothing")
claim(all(known[name][1] > 100 * known[name][0] for name in "AB"), "the ends of A, and of B, are a factor of 100 apart")

# %% [markdown]
r"""
It misses. The law holds that a larger model with more text would pay less than the world itself, and no model can. Its
interval begins at nothing at all, which is to say that the runs hardly determine $E$, and even so it does not reach up
to the floor. How can that be, with an interval of 95 %?

First the width. $A$ and $B$ are known worst, for the five numbers lean on one another: a lower $E$ with smaller
exponents gives nearly the same losses *on the grid*. $E$ is what lies beyond the last run, and a small bend of the
curves moves it far. Then the miss. The bootstrap knows about luck, since it shuffles what luck has dealt. It knows
nothing about the *formula*, which was ours, and which these runs do not quite follow. An interval answers "if the
formula is right". No number of resamples tells whether it is. Of real text, $E$ is often read as the entropy of the
language. It is found in this same way, from a grid that ends far above it, and nobody can look it up.
"""

# %% [markdown]
r"""
## Can it tell a run that nobody has made yet?

That is what a law is for, and it is the only test that counts. Begin far from the floor. Give the law only the cheaper
half of the grid, and let it predict the dearer half. Its rival is the guess that needs no law: each dearer run will be
as good as the best cheap one.
"""

# %%
cheap, dear = [run for run in runs if run.flops < 6e10], [run for run in runs if run.flops >= 6e10]
early, best_cheap = fit(cheap), min(run.loss for run in cheap)
by_law = sum(abs(early.loss(run.parameters, run.tokens) / run.loss - 1) for run in dear) / len(dear)
by_guess = sum(abs(best_cheap / run.loss - 1) for run in dear) / len(dear)
print(f"{len(cheap)} runs predict {len(dear)}: the law is off by {by_law:.1%}, the guess by {by_guess:.1%}")
print(early)
claim(3 * by_law < by_guess, "the guess is off by more than three times as much as the law")
claim(early.E < 0.05, "the law of the cheap runs has next to no floor")

# %% [markdown]
r"""
A useful law, though its $E$ is practically zero: these runs were too far away to know of a floor at all. Now the other
end. Two runs were kept out of all that was done so far. Both models are wider than any in the grid.

**Predict first.** The law of all the runs was typically off by six percent on the runs that it was fitted to. How far
will it be off here, and in which direction?
"""

# %%
exam = [run for run in everything if run.held_out]
dearest = max(run.flops for run in runs)
promised = [law.loss(run.parameters, run.tokens) for run in exam]
rows = []
for run, promise in zip(exam, promised, strict=True):
    low, high = interval(each.loss(run.parameters, run.tokens) for each in others)
    size = f"width {run.d_model}, {run.steps} steps"
    rows.append([size, f"{run.flops / dearest:.1f} ×", promise, f"{low:.3f} to {high:.3f}", run.loss])
    claim(promise < floor and run.loss > high, f"{size}: expected below the world's floor, measured above the interval")
table(["run", "FLOPs, of the grid's dearest", "expected", "95 % interval of the law", "measured"], rows)

# %% [markdown]
r"""
Too low, both times, and what it promises cannot be. That is the $E$ of the section before, come to collect.

What does a person do who *knows* the floor? Write it into the formula, and fit the other four numbers. Our own fit can
do that already.
"""

# %%
found = (given_exponents(*pair, floor) for pair in product(exponents, exponents))
miss_knowing, knowing = min(found, key=lambda each: each[0])
print(f"{knowing}\ntypically off by {miss_knowing**0.5:.1%} on the grid")
best_seen = min(run.loss for run in runs)
forecasts = {
    "E free": lambda run: law.loss(run.parameters, run.tokens),
    "E known": lambda run: knowing.loss(run.parameters, run.tokens),
    "as the best so far": lambda run: best_seen,
}
off = {name: [predict(run) / run.loss - 1 for run in exam] for name, predict in forecasts.items()}
for name, misses in off.items():
    print(f"{name}: off by", "  ".join(f"{one:+.1%}" for one in misses))
worst = {name: max(map(abs, misses)) for name, misses in off.items()}
claim(miss_knowing > miss, "on the grid the law that knows the floor fits worse")
claim(worst["E known"] < min(0.12, worst["E free"]), "it predicts the larger runs better, and within 12 %")
times = [(knowing.loss(run.parameters, run.tokens) - floor) / (run.loss - floor) for run in exam]
print("above the floor, expected over measured:", "  ".join(f"{each:.1f}" for each in times))
claim(all(1.3 < each < 5 for each in times), "above the floor the law that knows it expects 1.3 to 5 times too much")
claim(worst["as the best so far"] < worst["E known"], "but the guess that needs no law predicts them better still")

# %% [markdown]
r"""
On the grid the law that knows the floor fits worse, having one number less to turn. Outside it does better. A good fit
is not yet a good prediction: these are the held-out documents once more, with runs in their place. But do not praise it
too soon. So near the floor there is little left to predict, and to say "as the best so far" beats both laws. And
above the floor even the better law expects two and three times what there is.

On real text nobody has a floor to write in. But there one is far above it, and far from it the formula has held over
wide ranges. The makers of GPT-4 [report](https://arxiv.org/abs/2303.08774) that they predicted its final loss from runs
with at most a ten-thousandth of its operations.
"""

# %% [markdown]
r"""
## Larger, or longer?

A budget of $C$ operations buys $N$ parameters and $D = C / 6N$ tokens. More of the one is less of the other. Too small
a model cannot make use of what it reads, too large a model reads too little. Where is the lowest point between them?

Put $D = C/6N$ into the law, so that only $N$ is left, and set the slope to zero:

$$\frac{d}{dN}\Big(E + A N^{-\alpha} + B \big(\tfrac{6N}{C}\big)^{\beta}\Big) = 0 \quad\Longrightarrow\quad \alpha\, \frac{A}{N^{\alpha}} = \beta\, \frac{B}{D^{\beta}}$$

In words: one percent more parameters must buy as much as one percent more tokens. If it bought more, one would move
money from tokens to parameters. Solved for $N$ this is

$$N^{*} = \Big(\frac{\alpha A}{\beta B}\Big)^{\frac{1}{\alpha + \beta}} \Big(\frac{C}{6}\Big)^{\frac{\beta}{\alpha + \beta}}, \qquad D^{*} = \frac{C}{6 N^{*}}$$

$E$ is not in it. What cannot be bought has no say in how to spend. Is it the lowest point? Let a search over thirty
thousand sizes tell.
"""

# %%
from course_lib.scaling import optimum


def best_split(law, flops):
    ratio = law.alpha * law.A / (law.beta * law.B)
    n = ratio ** (1 / (law.alpha + law.beta)) * (flops / 6) ** (law.beta / (law.alpha + law.beta))
    return n, flops / (6 * n)


budget = 6 * by_size[widths[-1], 400].parameters * by_size[widths[-1], 400].tokens
sizes = torch.logspace(3.5, 6.5, 30_001, dtype=torch.float64)
found = sizes[law.loss(sizes, budget / (6 * sizes)).argmin()].item()
n, d = best_split(law, budget)
print(
    f"{budget:.2g} FLOPs: {n:,.0f} parameters by the formula, {found:,.0f} by search, and {d / n:.0f} tokens for each"
)
claim(abs(n / found - 1) < 0.001, "the formula finds what the search found, within a tenth of a percent")
claim(abs(optimum(law, budget).parameters / n - 1) < 1e-9, "and the library's `optimum` is this formula")

# %% [markdown]
r"""
**Predict first.** The budget is multiplied by ten. By what should the model grow: by ten, by about three, or not at
all?
"""

# %%
growth = 10 ** (law.beta / (law.alpha + law.beta))
low, high = interval(10 ** (each.beta / (each.alpha + each.beta)) for each in others)
size_low, size_high = interval(optimum(each, budget).parameters for each in others)
print(f"95 % interval of the best size for {budget:.2g} FLOPs: {size_low:,.0f} to {size_high:,.0f}")
growth_knowing = 10 ** (knowing.beta / (knowing.alpha + knowing.beta))
print(f"ten times the budget: the model × {growth:.1f} ({low:.1f} to {high:.1f}), the text × {10 / growth:.1f}")
print(f"by the law that knows the floor: the model × {growth_knowing:.1f}, the text × {10 / growth_knowing:.1f}")
claim(2 < growth < 5 and 2 < growth_knowing < 5, "by both laws the model should grow by a factor between 2 and 5")
claim(size_high > 2 * size_low, "the ends of the best size's interval are more than a factor of two apart")

# %% [markdown]
r"""
By about three, and the text by about three as well: neither by ten nor not at all. Here the poor $E$ does little harm.
It is not in the formula, and of the exponents, which it did spoil, only the ratio counts. The law that knows the floor
gives nearly the same advice. The best size itself is known only to a factor of two or three, for the valley is flat.

Move the budget. The two curves are the two laws, all splits of this budget along them. The band is where 95 % of the
resampled laws run, and the dots are runs of the table whose price (six times parameters times tokens, as in the law)
comes within 15 % of the budget. The run at the budget shown first lies below both curves: that is the wave again. At
the right end of the slider the law with the free $E$ goes through the floor.
"""

# %% tags=["hide-input"]
from course_lib.display.plots import BLUE, GREEN, GREY, ORANGE
from course_lib.display.widgets import Explorer, slider

grid_prices = [6 * run.parameters * run.tokens for run in everything]
size_axis = torch.logspace(4, 6.5, 80, dtype=torch.float64)


def valley(exponent):
    flops = 10**exponent
    n, d, loss = optimum(law, flops)
    text_axis = flops / (6 * size_axis)
    picture = Picture(height=4)
    ax = axes(picture, xlabel="parameters", ylabel="loss (nats per word)", title=f"{flops:.2g} FLOPs, however split")
    band = torch.stack([each.loss(size_axis, text_axis) for each in others[:200]]).quantile(middle, dim=0)
    ax.fill_between(size_axis, *band, color=GREY, alpha=0.3, linewidth=0)
    ax.plot(size_axis, law.loss(size_axis, text_axis), color=BLUE, linewidth=2.2, label="E free")
    ax.plot(size_axis, knowing.loss(size_axis, text_axis), "--", color=GREEN, linewidth=2.2, label="E known")
    near = [run for run, price in zip(everything, grid_prices, strict=True) if abs(math.log(price / flops)) < 0.15]
    ax.plot([run.parameters for run in near], [run.loss for run in near], "o", color=ORANGE, label="runs at this price")
    n_knowing, d_knowing, loss_knowing = optimum(knowing, flops)
    ax.plot([n, n_knowing], [loss, loss_knowing], "*", color=INK, markersize=14, label="best split")
    reference_lines(ax, {"the world's floor": floor})
    ax.set(xscale="log", ylim=(0.7 * floor, 3 * floor), xlim=(1e4, 10**6.5))
    legend(ax, loc="upper center")
    return picture, (
        f"Best split: {n:,.0f} parameters, {d:,.0f} tokens, loss {loss:.3f} with E free; {n_knowing:,.0f} parameters, "
        f"{d_knowing:,.0f} tokens, loss {loss_knowing:.3f} with E known. Runs at about this price: {len(near)}."
    )


low, high = math.log10(min(grid_prices)), math.log10(max(grid_prices)) + 1
Explorer(valley, exponent=slider(round(low, 1), round(high, 1), round(math.log10(budget), 1), label="log10 of FLOPs"))

# %% [markdown]
r"""
## What did this change?

GPT-3 had 175 billion parameters and read 300 billion tokens. Gopher, a year and a half later, had 280 billion and read
as many. Hoffmann and others fitted such laws to more than 400 runs, asked for the best split of Gopher's budget, and
trained what came out: **Chinchilla**, 70 billion parameters on 1.4 trillion tokens. At the same price it was the better
model on nearly every test. Here is their law, with the numbers as printed in the paper, and the same question.
"""

# %%
printed = Law(E=1.69, A=406.4, alpha=0.34, B=410.7, beta=0.28)  # Hoffmann and others 2022, equation 10
gopher, chinchilla = (280e9, 300e9), (70e9, 1.4e12)
gopher_budget = 5.76e23  # FLOPs, as the paper gives it
n, d, _ = optimum(printed, gopher_budget)
print(f"expected loss: Gopher {printed.loss(*gopher):.3f}, Chinchilla {printed.loss(*chinchilla):.3f} nats per token")
print(f"best split: {n / 1e9:.0f} billion parameters, {d / 1e12:.1f} trillion tokens, {d / n:.0f} for each parameter")
claim(printed.loss(*chinchilla) < printed.loss(*gopher), "by the law, Chinchilla beats Gopher")
claim(n < 35e9, "by the printed numbers, a model of less than 35 billion parameters would have been best")

# %% [markdown]
r"""
Something is odd. By this law they should have trained a model of half the size on twice the text. Their paper reads its
runs in three ways, of which this law is one; together they said somewhere between 40 and 70 billion, and they took the
upper end. Two years later [Besiroglu and others (2024)](https://arxiv.org/abs/2404.10102) read the runs off a figure of
the paper, fitted the same formula once more, and found other numbers. The first search had stopped before it was done,
the printed exponents had been rounded by enough to matter, and the printed intervals were so narrow that they would
have needed more than 600,000 runs.
"""

# %%
refitted = Law(E=1.8172, A=482.01, alpha=0.3478, B=2085.43, beta=0.3658)  # Besiroglu and others 2024
n, d, _ = optimum(refitted, gopher_budget)
print(f"refitted: {n / 1e9:.0f} billion parameters, {d / 1e12:.1f} trillion tokens, {d / n:.0f} for each parameter")
claim(65e9 < n < 80e9 and 15 < d / n < 25, "the refitted law asks for about 70 billion, 20 tokens a parameter")

for name, each in {"printed": printed, "refitted": refitted}.items():
    ten_times = 10 ** (each.beta / (each.alpha + each.beta))
    print(f"{name}: ten times the budget, the model × {ten_times:.2f}, the text × {10 / ten_times:.2f}")
claim(5 < 10**0.73 < 5.5, "with an exponent of 0.73 the model would grow a little over fivefold, the text not twofold")

# %% [markdown]
r"""
The refitted law asks for the model that was trained, with about twenty tokens for each parameter. That rule of thumb is
a fact about one kind of text and one range of budgets; in our world it was twelve at one budget. And look how little it
took: a few hundredths in an exponent are two very different orders to a data centre. That is why an interval belongs to
a law.

The first large study, [Kaplan and others (2020)](https://arxiv.org/abs/2001.08361), had given another order. The model
should grow with the budget to the power 0.73, fivefold for ten times the money, and the text not even twofold. Why the
difference? Hoffmann and others blamed the learning rate, whose fall had not been fitted to the length of each run.
[Pearce and Song (2024)](https://arxiv.org/abs/2406.12907) put most of it down to leaving the embedding out of $N$, at
sizes where it is a large part. [Porian and others (2024)](https://arxiv.org/abs/2406.19146) repeated the study and
found three causes: operations of the head that were not counted, a warm-up too long for small models, and optimizers
not tuned for each size. With these repaired the two studies agreed, and the fall of the rate was not what mattered.
"""

# %% [markdown]
r"""
## What did the famous ones cost?

Operations we can count. The rest is a chain of a few factors, each with an assumption in it. Operations over the rate
that a GPU reaches are GPU hours; hours by watts are energy; energy by what the grid emits is carbon. For GPT-3, [Brown
and others (2020)](https://arxiv.org/abs/2005.14165) give parameters, tokens and operations. [Patterson and others
(2021)](https://arxiv.org/abs/2104.10350) estimate 14.8 days on 10,000 GPUs (V100), 1,287 MWh and 552 tonnes of CO₂
equivalent. So every link between these totals can be worked out.
"""

# %%
flops, gpu_hours, energy, carbon = 3.14e23, 10_000 * 14.8 * 24, 1287, 552  # as published
rate = flops / (gpu_hours * 3600)
print(f"6ND: {6 * 175e9 * 300e9:.3g} FLOPs")
print(f"{gpu_hours / 1e6:.2f} million GPU hours, {rate / 1e12:.1f} million million FLOPs a second on each GPU")
print(f"{energy / gpu_hours * 1e6:.0f} watts for each GPU, {carbon / energy * 1000:.0f} grams a kWh")
claim(abs(6 * 175e9 * 300e9 / flops - 1) < 0.01, "6ND gives the published operations of GPT-3 within one percent")
claim(0.19 < rate / 125e12 < 0.21, "a fifth of the 125e12 FLOPs a second that the maker of the V100 promises")

# %% [markdown]
r"""
The watts include a share of the server and of the building's cooling. None of it was read off a meter: it is an
estimate made afterwards by others than the makers, but each of its links can be checked. The last depends on the place
most. Even within one country, Patterson and others write, it differs by five to ten times.

For Llama 3.1 with 405 billion parameters, the [report](https://arxiv.org/abs/2407.21783) gives tokens and operations,
and the [model card](https://github.com/meta-llama/llama-models/blob/main/models/llama3_1/MODEL_CARD.md) gives GPU
hours, the 700 watts of a GPU, and 8,930 tonnes. (989 million million operations a second is what the maker of the H100
promises for dense products of 16-bit numbers.)
"""

# %%
hours = 30.84e6
used = 3.8e25 / (hours * 3600) / 989e12
megawatt_hours = hours * 0.7 / 1000
print(f"6ND: {6 * 405e9 * 15.6e12:.3g} FLOPs; in {hours / 1e6:.1f} million hours that is {used:.0%} of the best rate")
print(f"{megawatt_hours:,.0f} MWh, and so {8930 / megawatt_hours * 1000:.0f} grams a kWh")
claim(abs(6 * 405e9 * 15.6e12 / 3.8e25 - 1) < 0.01, "6ND gives the published operations within one percent")
claim(100 * flops < 3.8e25, "it took more than a hundred times the operations of GPT-3")
claim(15 < megawatt_hours / energy < 18, "and between fifteen and eighteen times the energy")

# %% [markdown]
r"""
More than a hundred times the operations of GPT-3, for about seventeen times the energy: a GPU of 2024 does more with a
joule. (The two are counted differently, though. The card's watts are the GPU's alone, without server and building.)

Now every run can be budgeted. These are estimates for one machine: H100s at 40 % of their best, 700 watts and a tenth
on top, 400 grams a kWh, and a rent of two dollars an hour. All are our assumptions, and the rent is the most fleeting.
"""


# %%
def budget_of(flops, rate=989e12, share=0.4, watts=700, building=1.1, grams=400, rent=2.0):
    """GPU hours, dollars, MWh and tonnes of CO2 equivalent of a run."""
    hours = flops / (rate * share) / 3600
    energy = hours * watts * building / 1e6
    return hours, hours * rent, energy, energy * grams / 1000


famous = {
    "GPT-2 small, 10 billion tokens": 6 * 124e6 * 10e9,
    "GPT-3": 3.14e23,
    "Chinchilla": 6 * 70e9 * 1.4e12,
    "Llama 3.1 405B": 3.8e25,
}
ours = 3600 * budget_of(sum(run.flops for run in everything))[0]
claim(ours < 0.1, "by this reckoning, all our runs together would take such a GPU less than a tenth of a second")
claim(1800 < 15e12 / 8e9 < 2000, "and 15e12 tokens over 8e9 parameters are nearly two thousand for each")
table(
    ["run", "FLOPs", "GPU hours", "dollars", "MWh", "t CO2e"],
    [
        [name, f"{flops:.2g}", *(f"{each:,.2g}" if each < 10 else f"{each:,.0f}" for each in budget_of(flops))]
        for name, flops in famous.items()
    ],
)

# %% [markdown]
r"""
A tenth of a second for all our runs shows where such a reckoning ends: no GPU reaches 40 % of its best on matrices as
small as ours. Nor does it count the runs that failed, the small runs that a law was fitted to, the making of the
machines, or the use of the model afterwards, which may well be the larger part. That is why models in wide use are
trained far past the best split: a smaller one that reads more costs more to train and less each time that it answers.
Llama 3.1 with 8 billion parameters read 15 million million tokens, nearly two thousand for each parameter.
"""

# %% [markdown]
r"""
## Do abilities appear out of nowhere?

Along with the loss, each run was asked about facts. The toy world has sixty people, and for each of them a portrait
tells five facts: job, home, year of birth, food, pet. The model reads the words before a fact, and is right if it holds
the right word for the most probable one. Two scores were kept: the share of *facts* that are right, and the share of
*portraits* in which all five are.

**Predict first.** The cost of a fact, in nats, comes down as the runs get dearer. Will the two scores go up with it?
When half of all facts are right, how many of the portraits will be?
"""

# %%
picture = Picture(height=6.4)
scores = {
    "cost of a fact (nats)": lambda run: run.fact_loss,
    "facts right": lambda run: run.facts_right,
    "portraits right": lambda run: run.portraits_right,
}
for place, (title, height) in enumerate(scores.items(), start=1):
    ax = axes(picture, xlabel="FLOPs of the run" if place == 3 else "", ylabel=title, place=(3, 1, place))
    by_width(ax, height, shown, across="flops")
    ax.set_ylim(0, None if place == 1 else 1)
    if place == 1:
        legend(ax)
picture

# %% [markdown]
r"""
The cost comes down, and the share of single facts goes up with it. (The narrowest model learns hardly any.) The third
picture trails behind. Where a third or half of the facts are already right, it shows next to nothing, and then it takes
off. Somebody who saw only this one would say that an ability has *emerged*. The table shows what happened. If each of
the five facts is right with probability $p$, and one does not help the other, all five are right with probability
$p^5$. Even at $p = 0.5$ that is 3 %.
"""

# %%
p = torch.tensor([run.facts_right for run in everything], dtype=torch.float64)
portraits = torch.tensor([run.portraits_right for run in everything], dtype=torch.float64)
rows = []
for tenth in range(10):
    these = (p * 10).floor().clamp(max=9) == tenth
    if these.any():
        means = torch.stack([p, p**5, portraits])[:, these].mean(dim=1)
        rows.append([int(these.sum()), *(f"{each:.1%}" for each in means.tolist())])
table(["runs", "facts right, p", "p to the fifth", "portraits right"], rows)

# %%
few = (p > 0.1) & (p < 0.5)
claim((portraits[few] < 0.1).all(), "with a tenth to a half of the facts right, less than a tenth of the portraits are")
claim((portraits - p**5).abs().max() < 0.1, "p to the fifth is never off by more than 0.1")
first, last = by_size[widths[0], lengths[0]], by_size[widths[0], lengths[-1]]
for run in (first, last):
    print(f"width {run.d_model}, {run.steps} steps: {run.fact_loss:.2f} nats a fact, {run.facts_right:.0%} right")
claim(first.fact_loss - last.fact_loss > 0.6, "the narrowest model's longest run pays over 0.6 nats a fact less")
claim(abs(first.facts_right - last.facts_right) < 0.03, "and has hardly more of the facts right")

# %% [markdown]
r"""
So a gain in one score is a leap in the other, and a later one, in the very same models. In the collection of tasks
where most sudden abilities had been reported, [Schaeffer and others (2023)](https://arxiv.org/abs/2304.15004) found
more than nine in ten of them under two scores, both of which count an answer as right or not at all. Scored by how many
tokens were wrong, the same answers improved step by step. Before you believe in a jump, ask how it was counted, and
look at the loss.

Even the share of single facts is a score of right or wrong. In the narrowest model the true words became likelier but
not the likeliest, and this score saw next to nothing of it. Still, not all of the bend is made by the scores. Once a
wider model begins on the facts, their cost itself falls fast, for it learns how a portrait is worded before it learns
about whom. That one thing is learned after another is real. A score of all or nothing makes it look later and steeper
than it is.
"""

# %% [markdown]
r"""
## What would make such a law wrong?

A law knows only what its runs tell it, and there are quiet ways of telling it something else. Here are three, each on
our own numbers. The first is to save work: train one long run, note its loss along the way, and take that for the loss
of shorter runs. We noted one, when the run above was half done.
"""

# %%
short = by_size[record.d_model, record.steps // 2]
print(f"width {short.d_model}: {halfway:.3f} after 100 of 200 steps, {short.loss:.3f} at the end of a run of 100")
claim(halfway > 1.03 * short.loss, "halfway the loss is more than 3 % above that of a run of that length")

# %% [markdown]
r"""
The run of that length has cooled down, and the other is still taking large steps (lesson 12). A law made of such points
thinks too little of short runs. One need not train everything from the start to avoid it: a run at a constant rate can
be branched off into a cool-down at several places ([Hägele and others, 2024](https://arxiv.org/abs/2405.18392)), and
that is how much work is saved today.

The second is to count differently. What happens to the law if $N$ leaves out embedding and head, as Kaplan and others
did?
"""

# %%
inner = [replace(run, parameters=run.parameters - run.embedding_parameters) for run in runs]
rows, growths = [], []
for name, counted_so in {"all": runs, "without embedding and head": inner}.items():
    refit = fit(counted_so)
    smallest, largest = min(run.parameters for run in counted_so), max(run.parameters for run in counted_so)
    growths.append(10 ** (refit.beta / (refit.alpha + refit.beta)))
    rows.append([name, f"{smallest:,} to {largest:,}", refit.E, refit.alpha, refit.beta, f"× {growths[-1]:.1f}"])
claim(growths[1] > 1.2 * growths[0], "without embedding and head, the model is told to grow faster")
table(["parameters counted", "from, to", "E", "alpha", "beta", "ten times the budget, the model"], rows)

# %% [markdown]
r"""
The same runs and another column, and the law gives another order. Without the lists of word vectors the smallest model
is a twelfth of what it was and the largest two fifths, and so the same gain in loss is spread over a much longer range
of $N$. The exponent $\alpha$ shrinks, and the model's share of the budget grows. That is the direction in which the
study of 2020 erred. In large models the lists are a few percent, and it would not matter.

The third is not to tune. The table's rates differ from width to width, as a narrow model wants a larger one. What would
its narrowest have shown at the rate of the model sixteen times as wide?
"""

# %%
narrow, wide = by_size[widths[0], lengths[0]], exam[0]
_, untuned = train_again(replace(narrow, lr=wide.lr))
print(f"width {narrow.d_model}: {narrow.loss:.3f} at its rate of {narrow.lr}, {untuned:.3f} at {wide.lr}")
claim(wide.d_model == 16 * narrow.d_model, "the other rate is that of the run sixteen times as wide")
claim(untuned > 1.2 * narrow.loss, "with the rate of a wide model, the narrowest ends more than 20 % higher")

# %% [markdown]
r"""
A grid at one rate would have charged that to the small size of the model, and told you to buy larger ones. Whoever compares two recipes by their laws meets the same trap: the better-tuned one wins.
"""

# %% [markdown]
r"""
## Where does the toy mislead?

In all its numbers. The world has fewer than six hundred words, and sixty people, whose facts are learned in one
go. The largest runs know nearly all that there is to know, and end at the floor, where the formula was not made for.
Our models have one layer, and most of their parameters are lists of words. The longest runs read the corpus almost
twice, and text that is read twice is worth less than new text. The learning rates were compared at a few sizes only. A
law found here says nothing about the numbers of a large model.

What carries over is the way of working: small runs, each whole and each tuned, a formula with few numbers and their
intervals, and a test on runs outside the grid before anything is believed. In front of every straight line on doubly
logarithmic axes, ask who chose what was counted, where it has to end, and how near the runs have come to that end.
"""
