# ---
# title: A GPT from its parts
# part: "III · The transformer"
# minutes: 80
# prerequisites: >-
#   Lessons 01 to 08: cross-entropy and the floor, gradient descent, tokens and their embeddings, attention, and the
#   block that stands around it.
# objectives:
#   - assemble a GPT from embedding, positions, blocks, norm and head, and say what each hands on
#   - predict the loss of an untrained model, and say what is wrong where it starts elsewhere
#   - show that one pass makes a forecast at every position, and use a small batch's own floor to find mistakes
#   - tell what tying the head, RMSNorm, SwiGLU, rotary positions and grouped queries change in size, work and loss
#   - load weights that somebody else trained into a class of your own, and prove that they arrived
# summary:
#   - Ids become vectors, places are added (or turned into the queries and keys), each block adds to the vectors, a last
#     norm evens their length, and the head compares them with a vector for each token. What comes out are logits
#     [B, T, V].
#   - An untrained model should pay ln V. Random logits of standard deviation s cost about s²/2 more, as long as s is
#     small; a start far above ln V says that the weights of the head, or of what feeds it, are too large.
#   - The causal mask makes position t the same whatever stands after it. So one pass over T tokens gives the losses of
#     T prefixes. A batch has a floor of its own, and a model that gets below it has seen what it should forecast.
#   - Tying removes one of two V × D matrices. The other changes make small differences in size and work, and after a
#     short training most lie close to the spread of the seeds. Grouped queries pay off in what generation remembers.
#   - A file of weights is a list of numbers; the loader has to know their order, which way matrices lie and how rotary
#     channels are paired. Wrong guesses run without an error. Equal logits prove a right one.
# quiz:
#   - question: >-
#       A new model with a vocabulary of 50,257 tokens (ln V is 10.8) starts its training with a loss of 95. What do you
#       look at first?
#     options:
#       - answer: The learning rate, which must be too high.
#         because: The first loss is computed before the first update. No learning rate has had any effect on it.
#       - answer: The size of the initial weights, for the logits must be huge.
#         right: true
#         because: Paying 95 nats means being sure of the wrong tokens. An ignorant model with small logits pays ln V.
#       - answer: Nothing, an untrained model is bad.
#         because: An untrained model that gives all tokens the same chance pays 10.8. This one is worse than ignorant.
#   - question: >-
#       Your GPT, trained on fresh batches, pays less than the floor of the data that it is judged on. What fits best?
#     options:
#       - answer: It is unusually well trained.
#         because: The floor is what the data's own probabilities pay. Training can only approach it.
#       - answer: Positions were forgotten.
#         because: Then it knows less than it could, and pays more.
#       - answer: The attention is not causal, so each position can look at its own answer.
#         right: true
#         because: The token to be forecast stands among the inputs, one place further on. Without the mask it can be
#           copied.
#   - question: >-
#       You load a published model into your own class. All shapes fit, nothing complains, and it talks nonsense. Which
#       cause fits?
#     options:
#       - answer: A square matrix lies transposed, or the rotary channels are paired in another way.
#         right: true
#         because: Neither shows in a shape. A comparison of logits with those of a trusted implementation shows both.
#       - answer: The model has more layers than yours.
#         because: Then tensors would be left over, and a careful loader complains about that.
#       - answer: The weights were trained on another computer.
#         because: Weights are numbers. Another machine changes the last digits of the logits, not the words.
# read_next:
#   - "[Radford and others, *Language Models are Unsupervised Multitask Learners* (2019)](https://cdn.openai.com/better-language-models/language_models_are_unsupervised_multitask_learners.pdf): GPT-2; section 2.3 tells in one paragraph what was changed in the block and at initialisation."
#   - "[Touvron and others, *LLaMA: Open and Efficient Foundation Language Models* (2023)](https://arxiv.org/abs/2302.13971): section 2.2 lists the three changes of this lesson, each with its source."
#   - "[Press and Wolf, *Using the Output Embedding to Improve Language Models* (2017)](https://arxiv.org/abs/1608.05859): why one matrix can serve at both ends."
#   - "[Ainslie and others, *GQA* (2023)](https://arxiv.org/abs/2305.13245): what grouped queries save when text is generated, and what they cost."
#   - "[Eldan and Li, *TinyStories* (2023)](https://arxiv.org/abs/2305.07759): the texts from which the small model of the last section learned, and how small a model can be and still tell a story."
# ---

# %% [markdown]
r"""
## What is still missing around a block?

You have a block: vectors go in, one for each word, the words take from one another by attention, each thinks for
itself in the MLP, and vectors of the same shape come out. Blocks can be stacked as high as one likes. But a stack of
blocks cannot read a word, and it cannot say one.

Three things are missing, and each is small. At the bottom, something that turns token ids into vectors and tells
where each one stands. At the top, something that turns vectors into a score for every token of the vocabulary. And
just before that, one more norm, since the vectors have grown block by block.
"""

# %%
import math
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import nn

from course_lib import claim
from course_lib.display import bars, curves, graph, table

graph(
    {
        "ids": ["token ids", "B T"],
        "embedding": ["embedding", "B T D"],
        "places": ["places", "T D"],
        "sum": ["+"],
        "blocks": ["block × L", "B T D"],
        "norm": ["norm", "B T D"],
        "head": ["head: logits", "B T V"],
    },
    [("places", "sum"), *pairwise(["ids", "embedding", "sum", "blocks", "norm", "head"])],
    highlight=["blocks"],
)

# %% [markdown]
r"""
The letters are those of the whole course: B texts in a batch, T tokens in each, D numbers in a vector, V tokens in
the vocabulary, L blocks. We write the parts anew, as plainly as they can be written, beginning with the two halves of
a block. Attention takes the fused routine of lesson 07, the MLP is that of lesson 08 with the GELU that GPT-2 used.
"""

# %%
from course_lib.model import fused_attention


class SelfAttention(nn.Module):
    """Each token takes from itself and from those before it: [B, T, D] to [B, T, D]."""

    def __init__(self, d_model, n_heads, causal=True):
        super().__init__()
        self.n_heads, self.causal = n_heads, causal
        self.query, self.key, self.value, self.project = (nn.Linear(d_model, d_model, bias=False) for _ in range(4))

    def forward(self, x):
        q, k, v = (
            each(x).unflatten(-1, (self.n_heads, -1)).transpose(1, 2)  # B H T K
            for each in (self.query, self.key, self.value)
        )
        mixed = fused_attention(q, k, v, causal=self.causal)
        return self.project(mixed.transpose(1, 2).flatten(-2))


class MLP(nn.Module):
    """Each token on its own: wider, a bend, and back."""

    def __init__(self, d_model):
        super().__init__()
        self.expand = nn.Linear(d_model, 4 * d_model, bias=False)
        self.project = nn.Linear(4 * d_model, d_model, bias=False)

    def forward(self, x):
        return self.project(F.gelu(self.expand(x), approximate="tanh"))


# %% [markdown]
r"""
The block and the model are handed their parts instead of making them. That costs nothing now, and later it lets us
exchange a part without touching the rest.
"""


# %%
class Block(nn.Module):
    """Attention and MLP, each reading through a norm and adding what it found."""

    def __init__(self, attention_norm, attention, mlp_norm, mlp):
        super().__init__()
        self.attention_norm, self.attention = attention_norm, attention
        self.mlp_norm, self.mlp = mlp_norm, mlp

    def forward(self, x):
        x = x + self.attention(self.attention_norm(x))
        return x + self.mlp(self.mlp_norm(x))


class TinyGPT(nn.Module):
    """Token ids [B, T] to logits [B, T, V]: at each place, a score for every token that may come next."""

    def __init__(self, vocab_size, d_model, blocks, norm, places=None, tied=False):
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.places = places  # learned vectors [context, D], or None where attention itself knows the places
        self.blocks = nn.ModuleList(blocks)
        self.norm = norm
        self.head = nn.Linear(d_model, vocab_size, bias=False)
        if tied:
            self.head.weight = self.embedding.weight

    def forward(self, ids):
        x = self.embedding(ids)
        if self.places is not None:
            x = x + self.places[: ids.shape[1]]
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x))


# %% [markdown]
r"""
That is all of it. Assembled the way GPT-2 was, with learned places and LayerNorm (we leave out the biases), and with
sizes that suit a toy world:
"""

# %%
from course_lib.text import TRAINING_SEED, VALIDATION_SEED, WordTokenizer, World, evaluation_documents

world = World()
tokenizer = WordTokenizer(["\n", *world.words()])
V = tokenizer.vocab_size


def gpt2_style(vocab_size, context_length, n_layers, n_heads, d_model, causal=True, tied=False):
    """A TinyGPT of GPT-2's parts, without biases."""

    def layer_norm():
        return nn.LayerNorm(d_model, bias=False)

    blocks = [
        Block(layer_norm(), SelfAttention(d_model, n_heads, causal), layer_norm(), MLP(d_model))
        for _ in range(n_layers)
    ]
    places = nn.Parameter(torch.randn(context_length, d_model))
    return TinyGPT(vocab_size, d_model, blocks, layer_norm(), places, tied)


torch.manual_seed(0)
gpt = gpt2_style(V, context_length=128, n_layers=2, n_heads=4, d_model=64)
ids = torch.tensor([tokenizer.encode("\nanna lives in")])
logits = gpt(ids)
print("ids", tuple(ids.shape), "→ logits", tuple(logits.shape))
print(f"{sum(p.numel() for p in gpt.parameters()):,} parameters")

# %% [markdown]
r"""
Is it the same model as the library's `GPT`, which later lessons train? The library keeps the matrices of queries,
keys and values in one tensor; apart from that the names agree. So we copy our random weights into it and compare what
comes out.
"""

# %%
from course_lib.model import GPT, TransformerConfig


def for_the_library(ours):
    """The weights of a TinyGPT under the names of the library's GPT."""
    weights = dict(ours.state_dict())
    for layer, block in enumerate(ours.blocks):
        name = f"blocks.{layer}.attention."
        rows = torch.cat([weights.pop(f"{name}{part}.weight") for part in ("query", "key", "value")])
        weights[f"{name}qkv"] = rows.unflatten(0, (-1, rows.shape[1] // block.attention.n_heads))
    return weights


config = TransformerConfig(
    vocab_size=V, context_length=128, n_layers=2, n_heads=4, d_model=64,
    positions="learned", norm="layer", norm_eps=1e-5, mlp="gelu", qk_norm=False,
)  # fmt: skip
theirs = GPT(config)
theirs.load_state_dict(for_the_library(gpt))
some_ids = torch.randint(V, (3, 50))
largest = (gpt(some_ids) - theirs(some_ids)).abs().max().item()
claim(largest < 1e-4, "our GPT and the library's give the same logits to 1e-4")

# %% [markdown]
r"""
## How do scores become a forecast?

The last row of the logits belongs to the word *in*, and scores what may come after it. Softmax makes it a forecast,
exactly as in lesson 01. With random weights, what does it say about the town where Anna lives?

**Predict first.** There are $V$ tokens, not quite six hundred. A model that knows nothing and says so gives each of
them $1/V$ and pays $\ln V = 6.37$ nats per word. Ours knows nothing either. Will it pay 6.37 nats, a bit more, or
much more?
"""

# %%
forecast = logits[0, -1].softmax(dim=-1).tolist()
names = [tokenizer.token_text(id) for id in range(V)]
curves(
    range(1, V + 1),
    {"untrained": sorted(forecast, reverse=True)},
    xlabel="tokens, from the likeliest to the unlikeliest",
    ylabel="probability",
    lines={"1/V: all alike": 1 / V},
)

# %%
held_out = world.documents(1000, seed=VALIDATION_SEED)


def in_rows(documents, batch_size):
    """Batches of one document a row, with the target of each token; where a row is filled up, the target is ignored."""
    text = "".join(document.text + "\n" for document in documents)
    return evaluation_documents(tokenizer.encode(text), tokenizer.end_id, batch_size)


def loss_of(model, batch):
    """Mean cost of a batch's words (nats)."""
    return F.cross_entropy(model(batch.inputs).flatten(0, 1), batch.targets.flatten())


batch = in_rows(held_out[:64], batch_size=64)[0]
with torch.no_grad():
    start_loss = loss_of(gpt, batch).item()
print(f"V = {V}, ln V = {math.log(V):.3f}, our untrained GPT pays {start_loss:.3f}")
claim(
    max(forecast) > 2.5 / V and min(forecast) < 0.4 / V,
    "some tokens get more than 2.5 times their share, some less than 0.4",
)
claim(0.05 < start_loss - math.log(V) < 0.4, "untrained, PyTorch's usual weights pay 0.05 to 0.4 more than ln V")

# %% [markdown]
r"""
A bit more. The curve shows why: with random weights some tokens get several times as much as others, and preferring
tokens for no reason costs. How much? Suppose the logits are random with standard deviation $s$. The token that comes
has a logit of zero on average, and pays the logarithm of the sum of all $e^{z_i}$. The mean of $e^z$ for a normal $z$
is $e^{s^2/2}$, so

$$\text{loss at the start} \approx \ln\big(V\, e^{s^2/2}\big) = \ln V + \frac{s^2}{2}$$

The norm hands the head vectors of D numbers around one in size, so weights of standard deviation $\sigma$ give $s =
\sigma\sqrt{D}$. We draw all weights anew, from small to large, with $D = 64$.
"""


# %%
def draw_weights(model, std):
    """All matrices from a normal distribution; those that write to the stream smaller, as in GPT-2."""
    for name, weight in model.named_parameters():
        if weight.ndim == 2:
            shrink = (2 * len(model.blocks)) ** 0.5 if name.endswith("project.weight") else 1.0
            nn.init.normal_(weight, std=std / shrink)


rows = []
for std in (0.02, 0.1, 0.3, 1.0):
    torch.manual_seed(0)
    draw_weights(gpt, std)
    with torch.no_grad():
        s = gpt(batch.inputs).std().item()
        rows.append([f"{std:g}", std * 8, s, math.log(V) + s**2 / 2, loss_of(gpt, batch).item()])
table(["σ of the weights", "σ √D", "s: spread of the logits", "ln V + s²/2", "loss"], rows)

# %%
claim(abs(rows[0][-1] - math.log(V)) < 0.1, "with weights of 0.02 the loss starts within 0.1 of ln V")
claim(all(abs(row[3] - row[4]) < 0.5 for row in rows[:3]), "up to σ = 0.3 the formula is off by less than 0.5")
claim(rows[3][-1] > 15, "with weights of 1 it starts above 15 nats")
with torch.no_grad():
    fresh_loss = loss_of(GPT(config), batch).item()
claim(abs(fresh_loss - math.log(V)) < 1e-4, "the library's GPT starts at ln V")
torch.manual_seed(0)
draw_weights(gpt, 0.02)  # from here on, ours has the weights of the first row

# %% [markdown]
r"""
The first row is GPT-2's choice (0.02, and the matrices that write to the stream divided by $\sqrt{2L}$, since $2L$ of
them add up there). It starts within a few hundredths of $\ln V$. The last row starts with a loss far above: a model
that is *sure* of nonsense. (There the formula says too much: with so large a spread the sum is little more than its
largest term, and some six hundred draws do not reach as far out as the mean of $e^z$ asks.) Such a model first has to
unlearn, and wastes steps on it.

The library goes one step further and starts the head at zero. Then all logits are zero and the loss is $\ln V$
exactly. In either case the check is the same, and it costs one line: **before the first step, compare the loss with
ln V**. A model that starts elsewhere has been put together wrongly, or initialised wrongly, or is being fed something
else than you think.
"""

# %% [markdown]
r"""
## How many forecasts does one pass make?

A document of 20 words holds 21 questions: what comes first, what comes after the first word, what after the first
two, and so on, up to the end of the document. One could cut 21 prefixes and run the model 21 times.

**Predict first.** Run once over the whole document and look at the logits of all places. How do they compare with
those of the last place of each prefix? The whole document contains the answers, after all.
"""

# %%
text = tokenizer.encode("\n" + held_out[0].text + "\n")
inputs, targets = torch.tensor([text[:-1]]), torch.tensor(text[1:])

with torch.no_grad():
    at_once = F.cross_entropy(gpt(inputs)[0], targets, reduction="none")
    one_by_one = torch.stack([F.cross_entropy(gpt(inputs[:, : t + 1])[0, -1], targets[t]) for t in range(len(targets))])
print(f"{len(targets)} forecasts; largest difference {(at_once - one_by_one).abs().max():.1e}")
claim(torch.allclose(at_once, one_by_one, atol=1e-4), "one pass gives the losses of all prefixes")

# %% [markdown]
r"""
The same, to the last digits. That is the work of the causal mask: whatever stands after place $t$ never enters the
logits at $t$, so it makes no difference whether it is there. The embedding, the norms, the MLP and the head look at
one place at a time anyway; attention is the only part that could leak, and in every block it is masked.

That makes training cheap: one forward pass and one backward pass train all T places at once. The law behind it is
worth a test of its own, whenever you write such a model: change a word, and nothing before it may move.
"""

# %%
changed = inputs.clone()
changed[0, 10] = tokenizer.encode("anna")[0] if names[inputs[0, 10]] != "anna" else 0
with torch.no_grad():
    moved = (gpt(changed) - gpt(inputs))[0].abs().amax(dim=-1)  # T: how much the logits moved at each place
print([round(each, 3) for each in moved[6:16].tolist()])
claim(
    moved[:10].max() < 1e-6 and moved[10:].min() > 1e-4,
    "another word at place 10 changes places 10 and later, and no other",
)

# %% [markdown]
r"""
## Can it learn eight documents by heart?

Before one trains for long, there is a test that takes a few seconds. Take a single small batch and train on it again
and again. With 180,000 parameters and some two hundred words, learning them by heart should be easy. A model that
cannot do *that* has a part that is not connected, and no amount of data will help.

**Predict first.** How low will the loss get on these eight documents? To zero?
"""

# %%
eight = in_rows(world.documents(8, seed=TRAINING_SEED), batch_size=8)[0]
for row in eight.targets[:3]:
    print(tokenizer.decode(row[row >= 0].tolist()).strip(), "\n")
n_words = int((eight.targets >= 0).sum())
print(n_words, "words and end tokens in all eight")

# %%
from course_lib.presets import training_steps


def learn_by_heart(model, batch, steps=120):
    """Train on one batch again and again; the loss before each step."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.003)
    losses = []
    for _ in range(training_steps(steps)):  # fewer under the smoke preset
        loss = loss_of(model, batch)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


losses = learn_by_heart(gpt, eight)
print(f"first {losses[0]:.3f}, last {losses[-1]:.4f} nats per word")

# %% [markdown]
r"""
Low, but it does not reach zero, however long one goes on. All eight documents begin with the same input, a lone end
token, and then go on with different words. Nobody can know which. A batch has a **floor of its own**: for each
beginning that occurs in it, count how it goes on. The best forecast of a batch is these counts, and we can compute
what it pays.
"""

# %%
from collections import Counter, defaultdict


def floor_of(batch):
    """The lowest loss that a causal model can have on this batch (nats per word)."""
    after = defaultdict(Counter)
    for row in batch.targets.tolist():
        words = [id for id in row if id >= 0]
        for t, word in enumerate(words):
            after[tuple(words[:t])][word] += 1
    nats = sum(-n * math.log(n / followers.total()) for followers in after.values() for n in followers.values())
    return nats / sum(followers.total() for followers in after.values())


floor_of_eight = floor_of(eight)
print(f"floor of these eight documents: {floor_of_eight:.4f}; our GPT: {losses[-1]:.4f}")
claim(
    floor_of_eight - 1e-4 < losses[-1] < floor_of_eight + 0.03,
    "learned by heart: within 0.03 of the batch's floor, above it",
)

# %% [markdown]
r"""
Now let us break it on purpose, twice. In the first version the attention is not causal: the mask was forgotten. In
the second the targets were not moved one word on, so that each place is asked for the very word that stands there.

**Predict first.** Will these two fail the test?
"""

# %%
from course_lib.text import Batch

torch.manual_seed(0)
no_mask = gpt2_style(V, 128, n_layers=2, n_heads=4, d_model=64, causal=False)
not_moved = gpt2_style(V, 128, n_layers=2, n_heads=4, d_model=64)
for model in (no_mask, not_moved):
    draw_weights(model, 0.02)

same_word = Batch(eight.inputs, eight.inputs.where(eight.targets >= 0, eight.targets))
by_heart = {
    "as it should be": losses,
    "mask forgotten": learn_by_heart(no_mask, eight),
    "targets not moved": learn_by_heart(not_moved, same_word),
}
curves(
    range(1, len(losses) + 1),
    by_heart,
    xlabel="step on the same eight documents",
    ylabel="loss (nats per word)",
    lines={"the batch's own floor": floor_of_eight},
    log="y",
)

# %%
last = {name: each[-1] for name, each in by_heart.items()}
print({name: round(loss, 4) for name, loss in last.items()})
claim(last["mask forgotten"] < 0.8 * floor_of_eight, "without the mask the loss goes below the floor")
claim(last["targets not moved"] < 0.8 * floor_of_eight, "with targets that were not moved too")

# %% [markdown]
r"""
They pass with flying colours, and that is what gives them away. Both get *below* the floor, which no model can that
has to forecast. One looks at the answer in the next column, the other has it in its own. "The loss is wonderfully
low" is what a leak looks like from outside.

So the test on one batch tells two kinds of mistakes apart. Stuck far above the floor: something is not connected, not
trained, or fed with the wrong ids. Below it: the answer leaks. On real text nobody knows the floor of the *data*, but
every batch has one of its own, and it can be counted.
"""

# %% [markdown]
r"""
## Must a token have two vectors?

Our model keeps two matrices of size V × D. The embedding holds a vector for each token, what it *brings*. The head
holds a vector for each token too, and scores a token by the dot product of that vector with what the last block
worked out. Both say in D numbers what a word is like. One matrix can do both jobs: the head is **tied** to the
embedding. In `TinyGPT` this is the line `self.head.weight = self.embedding.weight`.
"""

# %%
untied, tied = (gpt2_style(V, 128, 2, 4, 64, tied=each) for each in (False, True))
n_untied, n_tied = (sum(p.numel() for p in model.parameters()) for model in (untied, tied))
print(f"{n_untied:,} parameters, tied {n_tied:,}: {n_untied - n_tied:,} fewer, which is V × D = {V} × 64")
claim(n_untied - n_tied == V * 64, "tying saves V × D parameters")

# %% [markdown]
r"""
Gradient descent needs nothing new for that. A parameter that enters twice gets a gradient from each of its uses, and
they add up.

Fewer parameters, and one matrix that has to please two masters: is the tied model worse after a short training on the
toy world? For such comparisons we use the library's GPT and its training loop from here on. A run is 80 steps of a
small model (one block, 64 numbers wide), so it shows how a model *starts* to learn. Three seeds for each of the two.
(`muon_lr` is the learning rate of Muon, an optimiser that learns fast here and trains the matrices of the blocks.
AdamW, with `lr`, trains the rest. Lesson 13 looks at both.)
"""

# %%
from course_lib.evaluation import evaluate
from course_lib.text import DocumentRows
from course_lib.training import TrainingConfig, train

training_ids = tokenizer.encode(
    "".join(document.text + "\n" for document in world.documents(15_000, seed=TRAINING_SEED))
)
held_out_rows = in_rows(held_out[:200], batch_size=100)
small = {"vocab_size": V, "context_length": 128, "n_layers": 1, "n_heads": 4, "d_model": 64}


def short_training(seed=0, **changes):
    """Held-out loss (nats per word) of a small GPT after a short training."""
    torch.manual_seed(seed)
    model = GPT(TransformerConfig(**small | changes))
    rows = DocumentRows(training_ids, tokenizer.end_id, batch_size=6, context_length=96, seed=seed)
    for _ in train(model, rows, TrainingConfig(steps=training_steps(80), lr=0.04, muon_lr=0.03)):
        pass
    return evaluate(model, held_out_rows).loss


two_matrices = [short_training(seed) for seed in range(3)]
one_matrix = [short_training(seed, tied=True) for seed in range(3)]
for name, each in {"two matrices": two_matrices, "one matrix": one_matrix}.items():
    print(f"{name}: {min(each):.3f} to {max(each):.3f}")

# %%
claim(max(one_matrix) < min(two_matrices), "after this short training the worst tied run beats the best untied one")

# %% [markdown]
r"""
Better: even the worst of its seeds is. A likely reason is that with little training each token's vector is learned
from few examples, and in the tied model every example teaches it from both sides. That holds for short trainings.
Given enough data, the second matrix is room to store things in, and many large models untie: Llama 2 with its 7
billion parameters has two matrices. Small models tie, because for them the two are a large share of everything. We
come back to that share below.
"""

# %% [markdown]
r"""
## How close to the floor?

In lesson 04 the best model saw a window of eight words, and paid about six nats a document more than the floor. Now a
transformer of one block, 128 numbers wide, reads everything that was said. Nothing is new in this cell except the
size.
"""

# %%
from course_lib.story import HEADER, STORY, score, story

torch.manual_seed(0)
model = GPT(TransformerConfig(vocab_size=V, context_length=128, n_layers=1, n_heads=4, d_model=128))
rows = DocumentRows(training_ids, tokenizer.end_id, batch_size=8, context_length=128, seed=0)
for _ in train(model, rows, TrainingConfig(steps=training_steps(400), lr=0.02, muon_lr=0.015)):
    pass
floor = world.floor(held_out).per_word
measured = score(model)
print(f"held out: {measured.nats_per_word:.3f} nats per word, floor {floor:.3f}")
rows = story("09", {"a transformer": measured})
table(HEADER, rows)

# %%
windows = next(row for row in rows if row[1] == "a window of words, learned")
once = next(line.nats_per_word for line in STORY if line.model == "a transformer")
claim(abs(measured.nats_per_word - once) < 0.02, "the transformer: within 0.02 of what later lessons will show")
claim(floor < measured.nats_per_word < windows[2], "the transformer is above the floor and below every model before it")
claim(
    measured.above_floor < 0.25 * windows[4],
    "of what the window model paid above the floor, it pays less than a quarter",
)

# %% [markdown]
r"""
Of the six nats a document that separated the window from the floor, more than three quarters are gone. The window had
to know beforehand how far back the answer stands. Attention looks for it.

A forecast for every next word is also all that is needed to *write*. Draw a word from the forecast, put it behind the
others, ask again. A **temperature** may divide the logits first: below 1 it widens the gaps between them, so that
likely words become likelier still. This loop is the plainest way to write, and it works for every model of this
lesson. (It reads the whole text anew for each word. Lesson 14 stops that waste, and deals with ways to draw.)
"""


# %%
@torch.no_grad()
def write(model, ids, n_tokens, end_id, temperature=1.0, seed=0):
    """Continue `ids` until the end token or for `n_tokens` more; temperature 0 takes the likeliest each time."""
    generator = torch.Generator().manual_seed(seed)
    for _ in range(n_tokens):
        logits = model(torch.tensor([ids]))[0, -1]
        if temperature == 0:
            id = int(logits.argmax())
        else:
            id = int(torch.multinomial((logits / temperature).softmax(dim=-1), 1, generator=generator))
        if id == end_id:
            break
        ids = [*ids, id]
    return ids


for seed in range(4):
    written = tokenizer.decode(write(model, [tokenizer.end_id], 100, tokenizer.end_id, seed=seed)).strip()
    verdict = {True: "true", False: "false", None: "not grammatical"}[world.is_true(written)]
    print(f"({verdict}) {written}\n")

# %% [markdown]
r"""
## What has changed since GPT-2?

Less than one might think. [LLaMA](https://arxiv.org/abs/2302.13971) (2023, section 2.2) names three changes in its
blocks, and its successors added a fourth. RMSNorm takes the place of LayerNorm. The MLP gets a third matrix that
opens and shuts its channels (SwiGLU). Positions are no longer added at the bottom; each attention turns its queries
and keys by their places (rotary, lesson 06). And in the larger Llamas that followed several query heads share one
head of keys and values, **grouped-query attention**. `TinyGPT` and `Block` stay as they are. They get other parts.
"""

# %%
from course_lib.model import rotary_table, rotate


class GroupedAttention(nn.Module):
    """Attention with rotary positions, in which each head of keys and values serves a group of query heads."""

    def __init__(self, d_model, n_heads, n_kv_heads, context_length):
        super().__init__()
        head_dim = d_model // n_heads
        self.n_heads, self.n_kv_heads = n_heads, n_kv_heads
        self.query, self.project = (nn.Linear(d_model, d_model, bias=False) for _ in range(2))
        self.key, self.value = (nn.Linear(d_model, n_kv_heads * head_dim, bias=False) for _ in range(2))
        self.register_buffer("turns", rotary_table(context_length, head_dim), persistent=False)

    def forward(self, x):
        turns = self.turns[:, : x.shape[1]]
        q = rotate(self.query(x).unflatten(-1, (self.n_heads, -1)).transpose(1, 2), turns)  # B H T K
        k = rotate(self.key(x).unflatten(-1, (self.n_kv_heads, -1)).transpose(1, 2), turns)  # B G T K
        v = self.value(x).unflatten(-1, (self.n_kv_heads, -1)).transpose(1, 2)
        k, v = (each.repeat_interleave(self.n_heads // self.n_kv_heads, dim=1) for each in (k, v))
        return self.project(fused_attention(q, k, v).transpose(1, 2).flatten(-2))


class SwiGLU(nn.Module):
    """An MLP in which one map opens and shuts the channels of another."""

    def __init__(self, d_model, d_hidden):
        super().__init__()
        self.gate, self.expand = (nn.Linear(d_model, d_hidden, bias=False) for _ in range(2))
        self.project = nn.Linear(d_hidden, d_model, bias=False)

    def forward(self, x):
        return self.project(F.silu(self.gate(x)) * self.expand(x))


# %%
def llama_style(vocab_size, context_length, n_layers, n_heads, n_kv_heads, d_model, d_hidden, tied):
    """A TinyGPT of Llama's parts."""

    def rms_norm():
        return nn.RMSNorm(d_model, eps=1e-5)

    def block():
        attention = GroupedAttention(d_model, n_heads, n_kv_heads, context_length)
        return Block(rms_norm(), attention, rms_norm(), SwiGLU(d_model, d_hidden))

    blocks = [block() for _ in range(n_layers)]
    return TinyGPT(vocab_size, d_model, blocks, rms_norm(), tied=tied)


llama = llama_style(V, 128, n_layers=2, n_heads=4, n_kv_heads=2, d_model=64, d_hidden=168, tied=False)
theirs = GPT(
    TransformerConfig(
        vocab_size=V, context_length=128, n_layers=2, n_heads=4, n_kv_heads=2, d_model=64,
        d_hidden=168, mlp="swiglu", norm_eps=1e-5, qk_norm=False,
    )
)  # fmt: skip
theirs.load_state_dict(for_the_library(llama))
claim((llama(some_ids) - theirs(some_ids)).abs().max() < 1e-4, "our Llama and the library's agree to 1e-4")

# %% [markdown]
r"""
In the library all this is configuration. That makes it cheap to ask what each part changes: the number of parameters,
the arithmetic for each token (of one forward pass over 96 tokens), what has to be remembered of each token when text
is generated (its keys and values, four bytes a number), and the loss after the same short training. The first row is
the library's default: rotary, RMSNorm, squared ReLU, queries and keys normalised, two matrices. Which of the changes
are visible in the loss at all, beyond what the seeds differ by?
"""

# %%
from course_lib.model.costs import costs

variants = {
    "learned positions": {"positions": "learned"},
    "no positions": {"positions": "none"},
    "LayerNorm": {"norm": "layer"},
    "GELU": {"mlp": "gelu"},
    "SwiGLU, 2/3 as wide": {"mlp": "swiglu", "d_hidden": 168},
    "one head of keys and values": {"n_kv_heads": 1},
}


def sizes(**changes):
    """Parameters, thousand FLOPs per token, bytes to remember per token."""
    config = TransformerConfig(**small | changes)
    parts = costs(config, n_tokens=96).values()
    remembered = 2 * config.n_layers * config.kv_heads * config.head_dim * 4
    return [sum(p.parameters for p in parts), round(sum(p.flops for p in parts) / 96 / 1000), remembered]


after = {name: short_training(**changes) for name, changes in variants.items()}
spread = f"{min(two_matrices):.3f} to {max(two_matrices):.3f}"
table(
    ["model", "parameters", "thousand FLOPs per token", "bytes to remember", "loss, 80 steps"],
    [["the default (3 seeds)", *sizes(), spread]]
    + [["tied (3 seeds)", *sizes(tied=True), f"{min(one_matrix):.3f} to {max(one_matrix):.3f}"]]
    + [[name, *sizes(**changes), f"{after[name]:.3f}"] for name, changes in variants.items()],
)

# %%
same = ("LayerNorm", "GELU", "SwiGLU, 2/3 as wide")
low, high = min(two_matrices), max(two_matrices)
claim(all(low - 0.03 < after[name] < high + 0.03 for name in same), "norm and bend land within 0.03 of the seeds")
claim(after["one head of keys and values"] < high + 0.06, "one head of keys and values is at most 0.06 behind them")
claim(after["learned positions"] < low, "learned positions start to learn faster here")
claim(after["no positions"] > high, "a model without positions is behind")
claim(sizes(n_kv_heads=1)[2] * 4 == sizes()[2], "one head of keys and values leaves a quarter to remember")

# %% [markdown]
r"""
Few of them. Eighty steps of one small model cannot tell LayerNorm from RMSNorm, or GELU and SwiGLU from squared ReLU:
the differences are hardly larger than luck, and each row is a single seed. One head of keys and values for four of
queries may cost a little. What does stand out is what concerns the tokens' own vectors (tying) and the places
(learned ones help at first, none at all hurt).

So why did everybody change? RMSNorm computes less for the same effect. SwiGLU was a few hundredths of a nat better
than GELU in the larger trainings of Shazeer, who [introduced it](https://arxiv.org/abs/2002.05202); he offers no
explanation and attributes the success "to divine benevolence". Rotary positions have no table that ends. And grouped
queries are about the last column but one. While a model writes, the keys and values of every token so far lie in
memory, and with long texts and many readers that is what fills the machine.

How do we know that the library's GPT *is* the architecture of those papers, and not something like it? The project's
tests put the same random weights into it and into the GPT-2 and the Llama of Hugging Face's `transformers`, the
implementation that most people use, and require equal logits. You have just shown that your class equals the
library's, so it equals theirs too (GPT-2's biases aside, which we left out).
"""

# %% [markdown]
r"""
## Where do the parameters sit?

The published models differ from ours in their sizes, and these are a handful of numbers. The picture shows how the
parameters are shared out. Choose a model from the menu, or let the sliders speak. GPT-2's and Llama's numbers are
those of their configuration files.

**Predict first.** GPT-2 small has 12 blocks and a vocabulary of 50,257 tokens. What share of its parameters is the
embedding? And what happens to that share in a model five times as wide?
"""

# %%
KNOWN = {
    "GPT-2 small": TransformerConfig(
        vocab_size=50257, context_length=1024, n_layers=12, n_heads=12, d_model=768,
        positions="learned", norm="layer", mlp="gelu", qk_norm=False, bias=True, tied=True,
    ),
    "Llama 2 7B": TransformerConfig(
        vocab_size=32000, context_length=4096, n_layers=32, n_heads=32, d_model=4096,
        d_hidden=11008, mlp="swiglu", qk_norm=False,
    ),
    "this lesson's transformer": model.config,
}  # fmt: skip


def n_parameters(config):
    return sum(part.parameters for part in costs(config, n_tokens=1).values())


for name, known in KNOWN.items():
    print(f"{name}: {n_parameters(known):,} parameters")
claim(n_parameters(KNOWN["GPT-2 small"]) == 124_439_808, "GPT-2 small has 124,439,808 parameters")
claim(6.7e9 < n_parameters(KNOWN["Llama 2 7B"]) < 6.8e9, "Llama 2 7B has 6.7 billion")
claim(n_parameters(model.config) == model.n_parameters, "and the count for our own model is right")

# %% tags=["hide-input"]
from course_lib.display.widgets import Explorer, menu, slider


def in_bars(config):
    """Each part's share of the parameters, all blocks together."""
    sizes = {name: part.parameters for name, part in costs(config, n_tokens=1).items()}
    sizes["attention"] = sizes.pop("queries, keys, values") + sizes.pop("attention's output")
    times = f" × {config.n_layers}"
    labels = ["embedding", "positions", "attention" + times, "MLP" + times, "head (tied)" if config.tied else "head"]
    shares = [100 * sizes[label.split(" ")[0]] / sum(sizes.values()) for label in labels]
    return bars(labels, shares, xlabel="share of the parameters (%)", number="{:.1f} %", limits=(0, 100))


def draw(which, layers, heads, head_width, kv_heads, vocabulary):
    config = KNOWN.get(which)
    if config is None:
        heads = int(heads)
        groups = max(g for g in range(1, int(min(kv_heads, heads)) + 1) if heads % g == 0)
        config = TransformerConfig(
            vocab_size=int(vocabulary), context_length=1024, n_layers=int(layers), n_heads=heads, n_kv_heads=groups,
            d_model=heads * int(head_width), d_hidden=4 * heads * int(head_width), mlp="gelu",
        )  # fmt: skip
    flops = sum(part.flops for part in costs(config, n_tokens=1).values())
    remembered = 4 * config.n_layers * config.kv_heads * config.head_dim
    return in_bars(config), (
        f"{which}: {config.n_layers} blocks of width {config.d_model}, {config.n_heads} heads ({config.kv_heads} for keys "
        "and values), "
        f"{config.vocab_size:,} tokens: {n_parameters(config):,} parameters, {flops / 1e6:,.1f} million FLOPs for a token "
        f"(without looking back), {remembered / 1024:,.1f} KiB to remember of each token at two bytes a number."
    )


Explorer(
    draw,
    which=menu(["as the sliders say", *KNOWN], "as the sliders say", label="model"),
    layers=slider(1, 48, 12, step=1, label="blocks"),
    heads=slider(1, 32, 12, step=1, label="heads"),
    head_width=slider(16, 128, 64, step=16, label="width of a head"),
    kv_heads=slider(1, 32, 12, step=1, label="heads of keys, values"),
    vocabulary=slider(500, 100_000, 50_000, step=500, label="vocabulary"),
)

# %%
from dataclasses import replace

wide = replace(KNOWN["GPT-2 small"], d_model=5 * 768)
share = {
    name: costs(known, 1)["embedding"].parameters / n_parameters(known)
    for name, known in (KNOWN | {"GPT-2 small, 5 × as wide": wide}).items()
}
print({name: f"{each:.0%}" for name, each in share.items()})
in_ours = costs(model.config, 1)
claim(0.30 < share["GPT-2 small"] < 0.32, "31 % of GPT-2 small is its embedding")
claim(share["GPT-2 small, 5 × as wide"] < 0.1, "five times as wide, it would be less than 10 %")
claim(share["Llama 2 7B"] < 0.03, "of Llama 2 7B it is less than 3 %")
both = (in_ours["embedding"].parameters + in_ours["head"].parameters) / model.n_parameters
claim(both > 0.4, "embedding and head are more than 40 % of this lesson's transformer")

# %% [markdown]
r"""
Nearly a third of GPT-2 small is a list of word vectors. The embedding grows in proportion to the width, the blocks with
its square, so in wide models the share shrinks to a few percent, and a second matrix for the head is cheap. That is
when untying makes sense. In our own transformer the two matrices are more than two fifths of everything.
"""

# %% [markdown]
r"""
## Can it be somebody else's model?

An architecture is a place to put numbers. If your class is right, then numbers that a stranger found by training must
work in it.

[stories260K](https://huggingface.co/karpathy/tinyllamas) is a Llama with about 260,000 parameters, the smallest of
those that Andrej Karpathy trained on [TinyStories](https://arxiv.org/abs/2305.07759), short stories in the words of
small children that larger models wrote. Its file is one megabyte, and it knows nothing of our names. It begins with
seven whole numbers, the sizes, and the rest are the weights, one after the other. We fetch it and compare its
checksum with a known one, because whoever loads numbers from the net should know that they are the right ones.
"""

# %%
import numpy as np

from course_lib.downloads import DownloadError, fetch
from course_lib.model.pretrained import STORIES, load_pretrained

try:
    path = fetch(STORIES)  # its checksum is compared
    library_stories, story_tokens = load_pretrained("stories260K")  # for comparison later, and for its tokenizer
except DownloadError as error:
    path = None
    print(f"This section goes without its model: {error}")

# %%
if path is not None:
    d_model, d_hidden, n_layers, n_heads, n_kv_heads, vocab_size, context_length = np.fromfile(path, "<i4", 7).tolist()
    numbers = torch.from_numpy(np.fromfile(path, "<f4", offset=28))
    print(f"width {d_model}, MLP {d_hidden}, {n_layers} blocks, {n_heads} heads, {n_kv_heads} of keys and values")
    print(f"{vocab_size} tokens, context {context_length}; then {len(numbers):,} numbers")

# %% [markdown]
r"""
Which number goes where is a matter of reading the author's code ([llama2.c](https://github.com/karpathy/llama2.c)):
embedding first, then for each *kind* of weight those of all blocks together. Written down beside our names, the order
is a table, and loading is to walk along it. (What is left over at the end are tables of sines and cosines, which we
compute ourselves.)
"""

# %%
if path is not None:
    n_keys = n_kv_heads * d_model // n_heads
    in_order = {
        "embedding.weight": (vocab_size, d_model),
        "attention_norm.weight": (n_layers, d_model),
        "attention.query.weight": (n_layers, d_model, d_model),
        "attention.key.weight": (n_layers, n_keys, d_model),
        "attention.value.weight": (n_layers, n_keys, d_model),
        "attention.project.weight": (n_layers, d_model, d_model),
        "mlp_norm.weight": (n_layers, d_model),
        "mlp.gate.weight": (n_layers, d_hidden, d_model),
        "mlp.project.weight": (n_layers, d_model, d_hidden),
        "mlp.expand.weight": (n_layers, d_hidden, d_model),
        "norm.weight": (d_model,),
    }
    weights, place = {}, 0
    for name, shape in in_order.items():
        stack = numbers[place : place + math.prod(shape)].view(shape)
        place += math.prod(shape)
        if name in ("embedding.weight", "norm.weight"):
            weights[name] = stack
        else:
            weights |= {f"blocks.{layer}.{name}": stack[layer] for layer in range(n_layers)}
    weights["head.weight"] = weights["embedding.weight"]  # tied
    print(f"{place:,} numbers used, {len(numbers) - place:,} left: {context_length} × {d_model // n_heads}")
    claim(len(numbers) - place == context_length * d_model // n_heads, "what is left over are the tables of angles")

# %% [markdown]
r"""
Now into the class that you saw built above. Every name must find its place and every shape must fit, or
`load_state_dict` raises an error. It raises none.

**Predict first.** Will it tell a story?
"""

# %%
if path is not None:
    stories = llama_style(vocab_size, context_length, n_layers, n_heads, n_kv_heads, d_model, d_hidden, tied=True)
    stories.load_state_dict(weights)
    prompt = [story_tokens.end_id, *story_tokens.encode("Once upon a time")]
    print(story_tokens.decode(write(stories, prompt, 60, story_tokens.end_id, temperature=0)))

# %% [markdown]
r"""
Something is there: words, and a hint of sentences. But this is no story. All shapes were right, nothing complained,
and the model is broken. An error would have been kinder.

The cause is a convention. Rotary positions turn *pairs* of channels. Ours pair channel $i$ of a head with channel $i
+ K/2$, one from each half, as Hugging Face's code does. The author of this file pairs neighbours, $2i$ with $2i + 1$,
as Meta's does. Either is right as long as training and use agree. So the rows of our query and key matrices have to
be put in another order, head by head: first the even ones, then the odd ones.
"""


# %%
def halves_from_neighbours(rows, head_dim):
    """The rows [H·K, D] of a query or key matrix, in each head first the even ones, then the odd ones."""
    heads = rows.unflatten(0, (-1, head_dim // 2, 2))  # H, pair, member of the pair, D
    return heads.transpose(1, 2).flatten(0, 2)


print(halves_from_neighbours(torch.arange(8)[:, None], head_dim=8).flatten().tolist())

# %%
if path is not None:
    for name in weights:
        if name.endswith(("query.weight", "key.weight")):
            weights[name] = halves_from_neighbours(weights[name], d_model // n_heads)
    stories = llama_style(vocab_size, context_length, n_layers, n_heads, n_kv_heads, d_model, d_hidden, tied=True)
    stories.load_state_dict(weights)
    told = write(stories, prompt, 150, story_tokens.end_id, temperature=0)
    print(story_tokens.decode(told))

# %%
if path is not None:
    beginning = "Once upon a time, there was a little girl named Lily"
    claim(story_tokens.decode(told).startswith(beginning), "the story begins with a little girl named Lily")
    with torch.no_grad():
        difference = (stories(torch.tensor([told])) - library_stories(torch.tensor([told]))).abs().max().item()
    claim(difference < 1e-4, "your class and the library's loader agree in every logit to 1e-4")

# %% [markdown]
r"""
There is Lily. Nobody in this course trained that model, and it runs in a class of some eighty lines, of which you
know each one. The claim about every logit is the proof: not that the story sounds right, but that two implementations
agree.

GPT-2 has a trap of its own kind. Its matrices are kept as $[\text{in}, \text{out}]$ and applied as `x @ W`, while
PyTorch's linear layers keep $[\text{out}, \text{in}]$ and compute `x @ W.T`. Where a matrix is not square, a
forgotten transpose raises an error. Attention's output projection *is* square, and no shape gives it away.

Always taking the likeliest token, the model tells the same story every time, and one that goes in circles. Drawn from
the forecasts, each seed gives another. Change the seed, or the first words.
"""

# %%
if path is not None:
    prompt = [story_tokens.end_id, *story_tokens.encode("One day, a small dragon")]
    for seed in (0, 1):
        print(story_tokens.decode(write(stories, prompt, 120, story_tokens.end_id, temperature=0.8, seed=seed)), "\n")

# %% [markdown]
r"""
A quarter of a million numbers, and it knows that stories have names in them, that somebody wants something, and that
mothers speak. But it soon loses its own thread. What more numbers and more text do to that is the subject of the
lessons on training and scale.

You have now built the decoder, the half of the original transformer that the GPTs kept. It only ever looks back,
since it has to forecast. Not every task is a forecast. If the whole text lies before you, and one word of it is
blotted out, it would be foolish not to look at both sides. That takes a model without the mask, and another way of
training it, for you have just seen what happens if one merely forgets it. The next lesson builds it.
"""
