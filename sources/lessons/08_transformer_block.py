# ---
# title: The transformer block
# part: "III · The transformer"
# minutes: 75
# prerequisites: >-
#   Lessons 01 to 07; above all attention and its mask (07), the path around a layer (end of 03) and rotary positions (06).
# objectives:
#   - build attention with several heads by cutting one vector into views, and measure what single heads look at
#   - write the feed-forward network, layer norm and RMSNorm by hand, and say what each of them cannot do
#   - explain with measurements what residuals and norms do for a deep stack, and compare pre-norm with post-norm
#   - take one part after the other out of a block and judge the damage against the spread between seeds
#   - count parameters and FLOPs of a transformer by part, and say at which length attention's square takes over
# summary:
#   - Heads are a cut of the same vectors, a view and no copy, so H heads cost as much as one. Training lets them drift
#     apart, so that each favours other words and is missed for other forecasts, and none is missed much.
#   - The feed-forward network works on each word alone and cannot look aside; the norms throw away a vector's length
#     (layer norm its mean too), and give all that follows numbers of a known size.
#   - Residuals keep each word's own vector in the stream, and norms keep branches from growing with it. With pre-norm the
#     stream grows like the root of the depth and the top layers' gradients shrink with it; post-norm gives the top layers
#     large gradients however deep the stack is.
#   - One part at a time, three seeds each, the same steps for all; only a gap wider than the spread between seeds counts.
#   - A block has 12 D² parameters, two thirds of them in the feed-forward network. Its products with weights take 24 T D²
#     FLOPs, scores and weighted means 4 T² D, so that the square overtakes at 6 D words.
# quiz:
#   - question: >-
#       A head is taken out of a block of eight heads by setting its rows of the output projection to zero. Which other
#       heads' maps change in the *same* layer?
#     options:
#       - answer: All of them, since softmax shares out one hundred percent among the heads.
#         because: Softmax runs over the words within each head. Every head has its own hundred percent.
#       - answer: None.
#         right: true
#         because: Heads of one layer read the same input and do not see one another. What they found is added up only
#           afterwards, so only later layers can notice.
#       - answer: Those that stand after it in the vector.
#         because: The order in which heads are laid side by side means nothing. The projection reads them all at once.
#   - question: >-
#       Every vector that enters an RMSNorm (with a tiny eps) is multiplied by 5. What happens to what comes out?
#     options:
#       - answer: It is multiplied by 5 as well.
#         because: The root mean square is multiplied by 5 too, and the vector is divided by it.
#       - answer: Nothing.
#         right: true
#         because: Length is exactly what the norm throws away. Only the direction comes through, times the gain.
#       - answer: It is multiplied by the root of 5.
#         because: The root is taken of a mean of squares, and squares grow by 25. That root grows by 5.
#   - question: >-
#       An ablation shows 0.812 for the full model and 0.815 without a certain part, one seed each. What follows?
#     options:
#       - answer: The part helps by 0.003 nats.
#         because: Two seeds of one and the same model easily differ by more. Nobody has looked yet.
#       - answer: The part is useless and should go.
#         because: It may matter elsewhere, in a deeper model, at a larger learning rate or in a longer training, and even here
#           the measurement is too coarse to say.
#       - answer: Nothing, before the spread between seeds is known.
#         right: true
#         because: A difference is news only if it is wider than what luck does. Then it is news about this size and this
#           length of training.
# read_next:
#   - "[Vaswani and others, *Attention Is All You Need* (2017)](https://arxiv.org/abs/1706.03762): sections 3.2.2 and 3.3 are heads and feed-forward network; its norm stands after the sum."
#   - "[Xiong and others, *On Layer Normalization in the Transformer Architecture* (2020)](https://arxiv.org/abs/2002.04745): pre-norm and post-norm, in theory and in gradients."
#   - "[Zhang and Sennrich, *Root Mean Square Layer Normalization* (2019)](https://arxiv.org/abs/1910.07467): a norm without the mean, and why that is enough."
#   - "[Dong, Cordonnier and Loukas, *Attention is Not All You Need* (2021)](https://arxiv.org/abs/2103.03404): without residuals and feed-forward networks, attention makes all words alike, and fast."
#   - "[Voita and others, *Analyzing Multi-Head Self-Attention* (2019)](https://arxiv.org/abs/1905.09418): which heads specialise, and how many can be cut off afterwards."
# ---

# %% [markdown]
r"""
## What can attention not do?

Attention brings things together. *Juice* can fetch *apple* from three words away (lesson 07). But look at what comes
out of a head: a mean of values, with weights that are positive and add up to one. Suppose the values of four words
say how many apples each of them is about.
"""

# %%
import math
import time
from dataclasses import replace
from functools import partial

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from course_lib import claim
from course_lib.display import curves, table
from course_lib.presets import training_steps

torch.manual_seed(0)
apples = torch.tensor([2.0, 3.0, 0.0, 5.0])
weights = torch.randn(10_000, 4).mul(3).softmax(dim=-1)  # ten thousand ways to look at four words
means = weights @ apples
print(f"from {means.min():.2f} to {means.max():.2f}")

# %%
claim(means.min() >= 0 and means.max() <= 5, "no weights give less than the least value or more than the largest")

# %% [markdown]
r"""
However it looks, it cannot get past 5. So a head cannot say *two apples and three apples are five*, nor *not an
apple*, nor *apple and juice, therefore a glass*. The matrices around it do not help much: they multiply and add, and
once the weights are chosen, everything from the values to the output is one linear map. Somebody has to *compute*
something from what was brought. Where many layers shall follow one another, somebody also has to see that numbers
neither grow nor vanish, and that what a word was is not lost when something new comes in.

A transformer's **block** has a part for each of these. We build them, and then take them out one at a time. In the
usual order of today:
"""

# %% tags=["hide-input"]
from course_lib.display.plots import BLUE, INK, ORANGE, Picture, axes, legend

BOXES = {  # where each box stands, and what is in it
    0.8: "stream in\nT × D", 2.6: "norm", 4.4: "attention\nwords meet", 6.1: "+", 7.4: "norm",
    9.5: "feed-forward\neach word alone", 11.5: "+", 13.0: "stream out\nT × D",
}  # fmt: skip
picture = Picture(9, 1.8)
ax = picture.add_subplot()
ax.set(xlim=(0, 13.9), ylim=(-0.7, 1.3))
ax.axis("off")
drawn = {}
for place, text in BOXES.items():
    colour = ORANGE if len(text) > 4 and "stream" not in text else BLUE
    frame = {"boxstyle": "round,pad=0.45", "facecolor": "white", "edgecolor": colour, "linewidth": 2}
    drawn[place] = ax.text(place, 0, text, ha="center", va="center", fontsize=11, color=INK, bbox=frame, zorder=3)
straight = zip(BOXES, list(BOXES)[1:], strict=False)
around = [(0.8, 6.1), (6.1, 11.5)]  # the stream goes past each branch
for bend, pairs in ((0, straight), (-0.35, around)):
    for start, end in pairs:
        ax.annotate(
            "", (end, 0), (start, 0), zorder=1,
            arrowprops={"arrowstyle": "-|>", "color": INK, "linewidth": 1.4, "shrinkA": 3, "shrinkB": 3,
                        "patchA": drawn[start].get_bbox_patch(), "patchB": drawn[end].get_bbox_patch(),
                        "connectionstyle": f"arc3,rad={bend}"},
        )  # fmt: skip
picture

# %% [markdown]
r"""
Each of the two arcs leads past a branch: what was there before is kept, and what the branch has found is added to it.
"""

# %% [markdown]
r"""
## How do several heads fit into one vector?

Lesson 07 ended with two heads and said that they cost as much as one. Here is the layer in its plainest form. $D =
64$ numbers for each word, $H = 4$ heads, so each head has $K = D / H = 16$. Three matrices make queries, keys and
values for all heads at once; head number $h$ takes the columns from $hK$ to $(h + 1)K$.
"""

# %%
from course_lib.model import attention  # lesson 07's: causal unless told otherwise

B, T, D, H = 2, 10, 64, 4
K = D // H
x = torch.randn(B, T, D)
W_q, W_k, W_v, W_out = (torch.randn(D, D) / math.sqrt(D) for _ in range(4))


def heads_one_by_one(x):
    """[B, T, D] to [B, T, D]: each head on its own, then side by side, then mixed by the last matrix."""
    q, k, v = x @ W_q, x @ W_k, x @ W_v
    found = []
    for h in range(H):
        own = slice(h * K, (h + 1) * K)
        found.append(attention(q[..., own], k[..., own], v[..., own]))
    return torch.cat(found, dim=-1) @ W_out


print(tuple(heads_one_by_one(x).shape))

# %% [markdown]
r"""
The loop can go. Attention treats the last two axes as words and numbers, and does the same for everything in front of
them. So heads only have to become an axis in front, from `[B, T, D]` to `[B, H, T, K]`.
"""


# %%
def split(x, n_heads):
    """[B, T, H · K] to [B, H, T, K]."""
    return x.unflatten(-1, (n_heads, -1)).transpose(1, 2)


def merge(x):
    """[B, H, T, K] back to [B, T, H · K]."""
    return x.transpose(1, 2).flatten(-2)


def heads_at_once(x):
    q, k, v = (split(x @ W, H) for W in (W_q, W_k, W_v))
    return merge(attention(q, k, v)) @ W_out


claim(torch.allclose(heads_at_once(x), heads_one_by_one(x), atol=1e-5), "both forms give the same")
claim(split(x, H).data_ptr() == x.data_ptr(), "splitting copies nothing: it is a view of the same numbers")
wrong = x.reshape(B, H, T, K)
claim(not torch.equal(wrong, split(x, H)), "reshape straight to [B, H, T, K] has the right shape and the wrong numbers")

# %% [markdown]
r"""
The last line is a classic. `reshape` to the wanted shape runs without complaint, but it deals out the numbers in the
order in which they lie in memory, and so mixes words into heads. First cut the last axis, then exchange two axes.

PyTorch has this layer ready-made, and so has the library of this course. With the same numbers in their matrices they
must agree with ours (both keep matrices turned over, hence the `.T`).
"""

# %%
from course_lib.model import TransformerConfig
from course_lib.model.attention import Attention

config = TransformerConfig(vocab_size=584, context_length=128, n_layers=2, n_heads=H, d_model=D, qk_norm=False)
librarys = Attention(config, layer=0)
torchs = nn.MultiheadAttention(D, H, bias=False, batch_first=True)
stacked = torch.cat([W_q.T, W_k.T, W_v.T])  # 3D D
with torch.no_grad():
    librarys.qkv.copy_(stacked.view_as(librarys.qkv))
    librarys.project.weight.copy_(W_out.T)
    torchs.in_proj_weight.copy_(stacked)
    torchs.out_proj.weight.copy_(W_out.T)

    forbidden = torch.ones(T, T, dtype=torch.bool).triu(1)  # torch marks what must not be looked at
    from_torch, _ = torchs(x, x, x, attn_mask=forbidden, need_weights=False)
    claim(torch.allclose(from_torch, heads_at_once(x), atol=1e-5), "torch's MultiheadAttention gives what ours gives")
    claim(torch.allclose(librarys(x), heads_at_once(x), atol=1e-5), "and so does the library's Attention")

# %% [markdown]
r"""
From here on we use the library's. It can do a few things more, such as rotary positions (lesson 06). Another,
`qk_norm`, is off here; the table further below has a row for it.
"""

# %% [markdown]
r"""
## What do heads look at?

Nobody assigns tasks to heads. We train a small model of two blocks with four heads each on the toy world, with all
the parts that this lesson is about (the library's `GPT`, which lesson 09 builds, and the library's loop), and then
ask each head where it looks.
"""

# %%
from course_lib.evaluation import evaluate
from course_lib.model import GPT
from course_lib.text import TRAINING_SEED, VALIDATION_SEED, WordTokenizer, World, evaluation_documents
from course_lib.text.batches import DocumentRows
from course_lib.training import TrainingConfig, learning_rate_factor, train

world = World()
tokenizer = WordTokenizer(["\n", *world.words()])


def encode(documents):
    return tokenizer.encode("".join(document.text + "\n" for document in documents))


training_ids = encode(world.documents(8000, TRAINING_SEED))
held_out_documents = world.documents(200, VALIDATION_SEED)
held_out = evaluation_documents(encode(held_out_documents), tokenizer.end_id, batch_size=50)
floor = world.floor(held_out_documents).per_word
print(f"{len(training_ids):,} words to learn from; the floor of the held-out documents is {floor:.3f} nats per word")

# %%
torch.manual_seed(0)
reader = GPT(config)
recipe = TrainingConfig(steps=training_steps(200), lr=0.01, muon_lr=None)  # AdamW for all
start = time.perf_counter()
for _ in train(reader, DocumentRows(training_ids, tokenizer.end_id, 8, 96, seed=0), recipe):
    pass
print(f"{time.perf_counter() - start:.0f} s, held-out loss {evaluate(reader, held_out).loss:.3f} nats per word")

# %% [markdown]
r"""
A head's map says how much each word takes from each earlier one. The obvious thing to ask is whether a head has a
favourite *place*: the word itself, the one before it, the one before that. We average over all words of the held-out
documents, from the fifth of a document on. A second question: over how many words does it spread what it has to give?
The entropy of the weights tells (lesson 01), for $e^{\text{entropy}}$ is the number of words that would give this
entropy if all of them got the same. And a third: which *words* does a head favour, wherever they stand?

**Predict first.** The model forecasts the next word. Will its heads differ more in the places that they look at, or in
the words?
"""

# %%
from course_lib.inspection import attention_maps


def where_heads_look(model):
    """For each head: its shares of places, how many words it uses, its shares of words; then both for equal weights."""
    places, spread, n_words = 0.0, 0.0, 0
    words = torch.zeros(model.config.n_layers * H + 1, len(tokenizer.words))
    for batch in held_out:
        maps = torch.stack(attention_maps(model, batch.inputs)).transpose(1, 2).flatten(0, 1)  # L·H B T T
        equal = torch.ones_like(maps[:1]).tril()
        maps = torch.cat([maps, equal / equal.sum(dim=-1, keepdim=True)])
        counts = (batch.targets >= 0) & (torch.arange(maps.shape[-1]) >= 4)  # B T
        back = [maps.diagonal(-k, 2, 3) * counts[:, k:] for k in range(3)]
        places = places + torch.stack([each.sum(dim=(1, 2)) for each in back], dim=1)
        spread = spread + (torch.special.entr(maps).sum(dim=-1) * counts).sum(dim=(1, 2))
        taken = (maps * counts[:, :, None]).sum(dim=2)  # L·H+1 B T: how much all others take from this word
        words.index_add_(1, batch.inputs.flatten(), taken.flatten(1))
        n_words += counts.sum()
    return places / n_words, (spread / n_words).exp(), words / n_words


places, n_used, from_words = where_heads_look(reader)
names = [f"block {layer + 1}, head {head + 1}" for layer in range(2) for head in range(H)]
favourites = (from_words[:-1] - from_words[-1]).topk(3).indices  # most above their equal share
rows = [
    [
        name,
        *where.tolist(),
        f"{used:.1f}",
        "  ".join(f"{tokenizer.words[w].strip() or 'END'} {shares[w]:.0%}" for w in best),
    ]
    for name, where, used, shares, best in zip(names, places, n_used, from_words, favourites, strict=False)
]
equal = ["equal weights", *places[-1].tolist(), f"{n_used[-1]:.1f}", ""]
table(
    ["share taken from", "itself", "one back", "two back", "words used", "favourite words, and what they get"],
    [*rows, equal],
)

# %%
lift = (from_words[:-1] / from_words[-1]).gather(1, favourites[:, :1]).squeeze(1)
print("the favourite word gets so many times its equal share:", [round(each, 1) for each in lift.tolist()])
claim(places[:-1].max() < 0.25, "no head takes a quarter from the word itself, the one before, or the one before that")
claim(n_used[:-1].max() < 0.7 * n_used[-1], "every head uses far fewer words than equal weights would")
claim(
    n_used[H:-1].mean() < 6 < 18 < n_used[-1],
    "in the second block fewer than six words, where equal weights use over 18",
)
claim(
    len({tuple(sorted(each)) for each in favourites.tolist()}) >= 6,
    "at least six of the eight have favourites of their own",
)
claim(lift.max() > 2.5, "some head gives its favourite word more than 2.5 times the equal share")

# %% [markdown]
r"""
Places tell next to nothing: no head is *the* head for the word before. Words tell more. Equal weights would use
nineteen words; the heads of the second block use three or four, and most heads have a taste of their own. In the run
printed here one likes beginnings, one commas and full stops, one *his* and *her*.

But liking is not doing. What comes of it shows when we take a head away: set the columns to zero by which the last
matrix reads this one head, and see *which forecasts* become worse. Everything else stays as it was trained.
"""


# %%
@torch.no_grad()
def losses_by_word(model):
    """What the model pays for each word of the vocabulary, summed over the held-out documents: [V]."""
    paid = torch.zeros(len(tokenizer.words))
    for batch in held_out:
        targets = batch.targets.flatten()
        each = cross_entropy(model(batch.inputs).flatten(0, 1), targets, reduction="none")
        paid.index_add_(0, targets.clamp(min=0), each * (targets >= 0))
    return paid


n_targets = sum((batch.targets >= 0).sum().item() for batch in held_out)
whole, damage = losses_by_word(reader), []
for block in reader.blocks:
    weight = block.attention.project.weight.data
    for head in range(H):
        kept = weight[:, head * K : (head + 1) * K].clone()
        weight[:, head * K : (head + 1) * K] = 0
        damage.append(losses_by_word(reader) - whole)
        weight[:, head * K : (head + 1) * K] = kept
damage = torch.stack(damage)  # L·H V
hurt = damage.topk(3).indices
shares = damage.gather(1, hurt) / damage.sum(dim=1, keepdim=True)
rows = []
for name, lost, words, parts in zip(names, damage.sum(dim=1) / n_targets, hurt, shares, strict=True):
    which = "  ".join(f"{tokenizer.words[w].strip() or 'END'} {part:.0%}" for w, part in zip(words, parts, strict=True))
    rows.append([name, lost.item(), which])
table(["without", "nats per word more", "whose forecasts suffer most, and their share of it"], rows)

# %%
claim((damage.sum(dim=1) > 0).all(), "each head is missed")
claim(damage.sum(dim=1).max() / n_targets < 0.3, "none costs more than 0.3 nats per word, a single one that is")
claim(
    len({tuple(sorted(each)) for each in hurt.tolist()}) >= 6,
    "at least six of the eight are missed for words of their own",
)
claim(shares[:, 0].max() > 0.15, "in one head a single word of 582 makes up more than 15 % of the damage")

# %% [markdown]
r"""
Here the division of labour is visible. Every head is missed, none is missed much, and nearly every one is missed for
words of its own: without one of them *said* and *her* are forecast badly, without another *the* and *his*. Nobody
assigned that. Which job is done by which head is a matter of the seed, and what a head is missed for need not be what
it looks at.

In large models [Voita and others (2019)](https://arxiv.org/abs/1905.09418) found heads for the word beside, for grammar
and for rare words, and could cut off most of the others afterwards with little loss.
"""

# %% [markdown]
r"""
## Who computes?

After attention has brought things together, a small network of its own works on each word: a matrix that widens the
vector, a bend, a matrix that narrows it again. This is the **feed-forward network**, or **MLP** (multi-layer
perceptron).

$$\text{MLP}(x) = f(x\,W_1)\,W_2, \qquad W_1: D \times 4D, \quad W_2: 4D \times D$$

The bend $f$ acts on each number alone, and without it the two matrices would be one. Several are in use. The original
paper took ReLU; GPT-2 took the *GELU*, $z$ times the probability that a normal number is below $z$ ([Hendrycks and
Gimpel, 2016](https://arxiv.org/abs/1606.08415)); the library's default is the *squared* ReLU ([So and others,
2021](https://arxiv.org/abs/2109.08668)). Many models of today use SwiGLU ([Shazeer,
2020](https://arxiv.org/abs/2002.05202)), in which a third matrix, bent by $\text{silu}(z) = z\,\sigma(z)$, opens and
shuts the numbers of another.
"""

# %%
z = torch.linspace(-3, 2, 200)
bends = {
    "ReLU": z.relu(),
    "squared ReLU": z.relu() ** 2,
    "GELU": z * (1 + torch.erf(z / math.sqrt(2))) / 2,
    "silu (in SwiGLU)": z * z.sigmoid(),
}
curves(z, bends, xlabel="number before the bend, z", ylabel="after it")

# %%
from course_lib.model.layers import MLP

claim(torch.allclose(bends["GELU"], nn.functional.gelu(z), atol=1e-6), "GELU by its definition is torch's")
mlp = MLP(config)  # squared ReLU, no biases
W_1, W_2 = mlp.expand.weight.T, mlp.project.weight.T
claim(torch.allclose((x @ W_1).relu() ** 2 @ W_2, mlp(x), atol=1e-5), "two products and a bend: the library's MLP")
order = torch.randperm(T)
claim(torch.allclose(mlp(x[:, order]), mlp(x)[:, order], atol=1e-6), "permuted words give the outputs, permuted")
changed = torch.cat([torch.randn(B, 1, D), x[:, 1:]], dim=1)
claim(torch.allclose(mlp(changed)[:, 1:], mlp(x)[:, 1:], atol=1e-6), "a changed word changes its own output, no other")

# %% [markdown]
r"""
The last two claims say what it is and what it is not. The same two matrices serve every word at every place, and no
word learns anything of another. So the labour is divided: attention moves and does not compute, the MLP computes and
does not look. It is also the bigger of the two. Attention has four matrices of $D \times D$, the MLP two of $D \times
4D$:
"""

# %%
in_attention = sum(p.numel() for p in librarys.parameters())
in_mlp = sum(p.numel() for p in mlp.parameters())
print(f"attention {in_attention:,}, MLP {in_mlp:,}: {in_mlp / (in_mlp + in_attention):.1%} of the two together")
claim(in_attention == 4 * D**2 and in_mlp == 8 * D**2, "4 D² and 8 D²: two thirds of a block are in its MLP")

# %% [markdown]
r"""
## How large may a vector be?

Every part multiplies what it gets. A vector twice as long makes scores four times as large (query and key both grow),
and softmax four times as sharp. A squared ReLU answers with four times as much. So before a branch reads a vector,
its size is set to a standard. **Layer norm** subtracts the mean of the $D$ numbers and divides by their standard
deviation ([Ba and others, 2016](https://arxiv.org/abs/1607.06450)); **RMSNorm** leaves the mean alone and divides by
the root of the mean square ([Zhang and Sennrich, 2019](https://arxiv.org/abs/1910.07467)):

$$\text{LayerNorm}(x) = \frac{x - \bar x}{\sqrt{\overline{(x - \bar x)^2} + \epsilon}} \odot g + b, \qquad
\text{RMSNorm}(x) = \frac{x}{\sqrt{\overline{x^2} + \epsilon}} \odot g$$

A bar is the mean over the numbers of one word's vector, $g$ (and $b$) are learned, one number for each channel, and
the tiny $\epsilon$ keeps us from dividing by zero. Neither looks at other words or other texts.
"""


# %%
def layer_norm(x, gain, shift, eps=1e-5):
    centred = x - x.mean(dim=-1, keepdim=True)
    return centred / (centred.square().mean(dim=-1, keepdim=True) + eps).sqrt() * gain + shift


def rms_norm(x, gain, eps=1e-6):
    return x / (x.square().mean(dim=-1, keepdim=True) + eps).sqrt() * gain


gain, shift = torch.rand(D) + 0.5, torch.randn(D)
claim(
    torch.allclose(layer_norm(x, gain, shift), nn.functional.layer_norm(x, (D,), gain, shift), atol=1e-5),
    "our layer norm is torch's",
)
claim(
    torch.allclose(rms_norm(x, gain), nn.functional.rms_norm(x, (D,), gain, eps=1e-6), atol=1e-5),
    "our RMSNorm is torch's",
)

# %% [markdown]
r"""
A norm throws something away, and one should know what. Let us change a vector in three ways and see what the two
notice.
"""

# %%
word = torch.randn(D)
ones, zeros = torch.ones(D), torch.zeros(D)
changes = {"times 10": 10 * word, "plus 3 in every channel": word + 3, "another direction": torch.randn(D)}
rows = []
for name, other in changes.items():
    by_layer = (layer_norm(other, ones, zeros) - layer_norm(word, ones, zeros)).abs().max().item()
    by_rms = (rms_norm(other, ones) - rms_norm(word, ones)).abs().max().item()
    rows.append([name, by_layer, by_rms])
table(["the vector is changed", "layer norm's output moves by up to", "RMSNorm's by up to"], rows)

# %%
claim(rows[0][1] < 1e-3 and rows[0][2] < 1e-3, "neither notices a factor")
claim(rows[1][1] < 1e-3 < 0.3 < rows[1][2], "layer norm does not notice a constant in every channel, RMSNorm does")

# %% [markdown]
r"""
Length goes, direction stays; layer norm also drops the one direction in which all channels are equal. That RMSNorm
does as well without subtracting the mean was found by trying it, and it is cheaper. The library's default is RMSNorm.
"""

# %% [markdown]
r"""
## What holds twelve blocks together?

Now put the parts together. A block with switches, so that we can leave things out:
"""

# %%
from course_lib.model.layers import make_norm


class Block(nn.Module):
    """Attention, then the MLP. `without`: what is left out, of "attention", "MLP", "norms", "residuals"."""

    def __init__(self, config, layer, without=()):
        super().__init__()
        self.without, self.norm_place = without, config.norm_place
        norm = nn.Identity if "norms" in without else partial(make_norm, config)
        self.attention_norm, self.mlp_norm = norm(), norm()
        self.attention, self.mlp = Attention(config, layer), MLP(config)
        self.dropout = nn.Dropout(config.dropout)  # further below

    def forward(self, x, rotary=None, mask=None, cache=None, memory=None):
        if "attention" not in self.without:
            x = self.add(x, self.attention_norm, partial(self.attention, rotary=rotary, mask=mask))
        if "MLP" not in self.without:
            x = self.add(x, self.mlp_norm, self.mlp)
        return x

    def add(self, x, norm, branch):
        if "residuals" in self.without:
            return branch(norm(x))
        if self.norm_place == "post":
            return norm(x + self.dropout(branch(x)))
        return x + self.dropout(branch(norm(x)))


# %%
from course_lib.model import transformer

librarys_block = transformer.Block(config, layer=0)
ours = Block(config, layer=0)
librarys_block.load_state_dict(ours.state_dict())
claim(torch.allclose(ours(x), librarys_block(x), atol=1e-6), "with nothing left out, it is the library's block")

# %% [markdown]
r"""
The line `x + branch(norm(x))` is the **residual** connection of lesson 03. A branch reads the vector and *adds* to
it. What runs from bottom to top, with every branch adding something, is called the **residual stream**.

**Predict first.** We stack twelve blocks with random weights (standard deviation $1/\sqrt n$ before each product of
$n$ terms), and let random words run through. With norms and residuals, without one of the two, without both: in which
case do the vectors grow beyond all bounds, and in which do they die?
"""


# %%
def stack(n_layers, without=(), norm_place="pre", seed=0):
    torch.manual_seed(seed)
    sizes = TransformerConfig(
        vocab_size=584, context_length=64, n_layers=n_layers, n_heads=4, d_model=64,
        norm_place=norm_place, qk_norm=False, mlp="gelu",
    )  # fmt: skip
    blocks = nn.ModuleList(Block(sizes, layer, without) for layer in range(n_layers))
    for weight in blocks.parameters():
        if weight.dim() > 1:
            nn.init.normal_(weight, std=weight.shape[-1] ** -0.5)
    return blocks


def run(blocks, seed=1):
    """The stream before the first and after each block; the slope's length at each of these and at each MLP's weights."""
    torch.manual_seed(seed)
    stream = [torch.randn(4, 64, 64).requires_grad_()]
    for block in blocks:
        stream.append(block(stream[-1]))
    logits = nn.functional.rms_norm(stream[-1], (64,)) @ torch.randn(64, 582) / 8
    loss = cross_entropy(logits.flatten(0, 1), torch.randint(582, (256,)))
    weights = [block.mlp.project.weight for block in blocks]
    slopes = torch.autograd.grad(loss, [*stream, *weights])
    return [each.detach() for each in stream], [each.norm().item() for each in slopes]


def length(vectors):
    return vectors.norm(dim=-1).mean().item()


# %%
WIRINGS = {
    "norms and residuals": (),
    "no norms": ("norms",),
    "no residuals": ("residuals",),
    "neither": ("norms", "residuals"),
}
runs = {name: run(stack(12, without)) for name, without in WIRINGS.items()}
lengths = {name: [length(each) for each in stream] for name, (stream, _) in runs.items()}
curves(range(13), lengths, xlabel="blocks passed", ylabel="mean length of a vector", log="y")

# %%
slopes = {name: slopes[:13] for name, (_, slopes) in runs.items()}
table(
    ["wiring", "length after 12 blocks", "slope at the first / at the last block's end"],
    [[name, f"{lengths[name][-1]:.3g}", f"{slopes[name][0] / slopes[name][-1]:.2g}"] for name in WIRINGS],
)

# %%
claim(lengths["no norms"][-1] > 100 * lengths["no norms"][0], "without norms the vectors grow more than a hundredfold")
claim(lengths["neither"][-1] < lengths["neither"][0] / 100, "without both they shrink to less than a hundredth")
for name in ("norms and residuals", "no residuals"):
    claim(0.2 < lengths[name][-1] / lengths[name][0] < 10, f"{name}: the length stays within a factor of ten")

# %% [markdown]
r"""
Without norms each branch answers in proportion to what it reads, the stream grows by a factor at every block, and so
does the slope on its way back (lesson 03: factors multiply). With norms a branch gets vectors of one size, however
long the stream is, and so *adds* about the same amount each time. Vectors that have nothing to do with one another
stand at right angles, or nearly, and then it is the *squares* of the lengths that add up (Pythagoras: 3 and 4 make 5).
So the stream grows only like the root of the number of blocks. With neither, everything dies.

But then the third curve looks fine: norms without residuals. Vectors have a proper size. Is the path around the
branches superfluous, if only there are norms? Look at something else, at how *similar* the vectors of different words
have become. The cosine of two vectors is 1 if they point the same way, and around 0 if they have nothing to do with
one another.
"""


# %%
def likeness(vectors):
    """Mean cosine between the vectors of different words of a text; [B, T, D]."""
    unit = vectors / vectors.norm(dim=-1, keepdim=True)
    cosines = unit @ unit.transpose(1, 2)
    n = cosines.shape[-1]
    return ((cosines.sum(dim=(1, 2)) - n) / (n * (n - 1))).mean().item()


alike = {name: [likeness(each) for each in stream] for name, (stream, _) in runs.items()}
curves(range(13), alike, xlabel="blocks passed", ylabel="mean cosine between words")

# %%
print({name: round(each[-1], 2) for name, each in alike.items()})
claim(alike["no residuals"][-1] > 0.8, "without residuals the words of a text end up nearly the same")
claim(alike["no residuals"][-1] > alike["norms and residuals"][-1] + 0.2, "with residuals they stay further apart")

# %% [markdown]
r"""
Without the path around it, an untrained attention replaces each word by a mean over many. Repeat that, and all words
of a text have the same vector (without norms too, if more slowly: the branches outgrow what they add to); nothing
that comes after can tell them apart ([Dong and others, 2021](https://arxiv.org/abs/2103.03404), show it for attention
alone). Vectors of a healthy size, and nothing in them. The residual keeps each word in its own place: a branch adds
to it, and does not replace it.
"""

# %% [markdown]
r"""
## Before or after?

The paper of 2017 put its norms elsewhere, *after* the sum: $x \leftarrow \text{norm}(x + \text{branch}(x))$. This is
**post-norm**; what we built is **pre-norm**, $x \leftarrow x + \text{branch}(\text{norm}(x))$. In post-norm the
stream itself is normed again and again, and no straight path leads through the stack.

**Predict first.** Twelve blocks again, with the same random weights in both. How does the length of the stream change
from block to block? And the slope at the weights of each block's MLP: where is it largest, at the bottom or at the top?
"""

# %%
PLACES = {"pre-norm": "pre", "post-norm": "post"}
twelve = {name: run(stack(12, norm_place=place)) for name, place in PLACES.items()}
picture = Picture(9, 3.4)
for column, ylabel in enumerate(("mean length of the stream", "slope at the MLP's weights"), start=1):
    ax = axes(picture, xlabel="block", ylabel=ylabel, place=(1, 2, column))
    for (name, (stream, slopes)), colour, dash in zip(twelve.items(), (BLUE, ORANGE), ("-", "--"), strict=True):
        y = [length(each) for each in stream[1:]] if column == 1 else slopes[13:]
        ax.plot(range(1, 13), y, color=colour, linestyle=dash, linewidth=2.2, label=name)
    ax.set_ylim(bottom=0)
    if column == 1:
        legend(ax, loc="upper left")
picture

# %%
at_weights = {name: slopes[13:] for name, (_, slopes) in twelve.items()}
print({name: f"first block {each[0]:.2f}, last block {each[-1]:.2f}" for name, each in at_weights.items()})
claim(at_weights["pre-norm"][0] > 1.7 * at_weights["pre-norm"][-1], "pre-norm: the slope falls from bottom to top")
claim(
    0.5 < at_weights["post-norm"][0] / at_weights["post-norm"][-1] < 2, "post-norm: first and last within a factor of 2"
)
claim(at_weights["post-norm"][-1] > 1.7 * at_weights["pre-norm"][-1], "at the top post-norm's is clearly the larger")

# %% [markdown]
r"""
Post-norm sets the stream back to length 8, the root of $D = 64$, after every branch. With pre-norm it grows, and the
last norm, which stands before the head, divides by what it has grown to. So a change of the same size counts less at
the end, and the slope at the top block's weights is small. Does that depend on the depth of the stack?
"""

# %%
depths = [2, 4, 8, 16, 32]
stream_length, last_slope = {}, {}
for name, place in PLACES.items():
    results = [run(stack(depth, norm_place=place)) for depth in depths]
    stream_length[name] = [length(stream[-1]) for stream, _ in results]
    last_slope[name] = [slopes[-1] for _, slopes in results]
table(
    ["blocks", "stream, pre-norm", "stream, post-norm", "last MLP's slope, pre-norm", "post-norm"],
    [[str(depth), *row] for depth, *row in zip(depths, *stream_length.values(), *last_slope.values(), strict=True)],
)

# %%
grown = stream_length["pre-norm"][-1] / stream_length["pre-norm"][0]
fallen = {name: round(each[0] / each[-1], 2) for name, each in last_slope.items()}
print(f"from 2 to 32 blocks: pre-norm's stream grows {grown:.1f} times; slopes fall by the factor {fallen}")
claim(1.8 < grown < 4.5, "with sixteen times the blocks pre-norm's stream is a few times longer")
claim(max(stream_length["post-norm"]) < 1.05 * min(stream_length["post-norm"]), "post-norm's keeps its length")
claim(fallen["pre-norm"] > 1.7, "pre-norm: the deeper the stack, the smaller the slope at the top")
claim(fallen["post-norm"] < 1.5, "post-norm: as large on 32 blocks as on 2, or nearly")

# %% [markdown]
r"""
It does: with pre-norm the slope at the top falls about as the root of the depth rises, and with post-norm the top block
gets a slope of the same size at any depth. [Xiong and others (2020)](https://arxiv.org/abs/2002.04745) found just this,
in theory and in measurement, and concluded that it is why post-norm needs a **warm-up** (lesson 02) and pre-norm can do
without. Their models were deeper and trained for long; our two blocks, further below, will do without in both cases.
"""

# %% [markdown]
r"""
## And dropout?

Older recipes have one part more. **Dropout** sets each number of a branch's output to zero with probability $p$ while
training, at random and anew at every step, and divides the others by $1 - p$, so that the mean stays what it was
([Srivastava and others, 2014](https://jmlr.org/papers/v15/srivastava14a.html)). When the model is used, nothing is
dropped.
"""


# %%
def dropout(x, p, training):
    if not training:
        return x
    kept = torch.rand_like(x) >= p
    return x * kept / (1 - p)


many = torch.ones(100_000)
dropped = dropout(many, 0.2, training=True)
print(f"zeros: {(dropped == 0).float().mean():.1%}, the others: {dropped.max():.2f}, mean {dropped.mean():.3f}")
claim(abs(dropped.mean() - 1) < 0.01, "the mean is kept, within 1 %")
claim(
    torch.equal(dropout(many, 0.2, training=False), nn.Dropout(0.2).eval()(many)), "in use it does nothing, as torch's"
)
claim(
    set(nn.Dropout(0.2)(many).unique().tolist()) == set(dropped.unique().tolist()), "torch's gives the same two values"
)

# %% [markdown]
r"""
It is a remedy against learning by heart: no number can rely on another being there. It helps where a model reads the
same text many times over. The trainings below read fewer words than their text has, so few documents come up twice, and
there is nothing yet to learn by heart. The table has a row for dropout all the same.
"""

# %% [markdown]
r"""
## What is each part worth?

Time to take the parts out. The same model of two blocks, the same number of steps, the same batches in the same
order; in each row one thing is missing or changed. Three seeds each, for without the spread between seeds a
difference says nothing.

**Predict first.** Which removal costs most? Which costs nothing that we could measure?
"""


# %%
def fit(model, steps, seed, lr=0.01):
    """The loop of lesson 02: AdamW, a rate that falls over the second half; returns the loss at each step."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr, weight_decay=0.0, fused=True)
    batches = DocumentRows(training_ids, tokenizer.end_id, 6, 96, seed=seed)
    losses = []
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = lr * learning_rate_factor(step, steps, warmup=0, decay=0.5)
        batch = next(batches)
        logits = model(batch.inputs, batch.documents)
        loss = cross_entropy(logits.flatten(0, 1), batch.targets.flatten())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        losses.append(loss.item())
    return losses


# %%
def build(changes=None, without=(), seed=0):
    """The library's GPT with our blocks in it."""
    sizes = replace(config, **(changes or {}))
    torch.manual_seed(seed)
    model = GPT(sizes)
    model.blocks = nn.ModuleList(Block(sizes, layer, without) for layer in range(sizes.n_layers))
    if "norms" in without:
        model.norm = nn.Identity()
    return model


# %%
SEEDS, STEPS = range(3), training_steps(56)
recorded, held_out_losses = {}, {}


def measure(variants):
    """Train each variant with three seeds, and keep its training losses and what it pays on held-out documents."""
    start = time.perf_counter()
    for name, (changes, without) in variants.items():
        models = [build(changes, without, seed) for seed in SEEDS]
        recorded[name] = torch.tensor([fit(model, STEPS, seed) for model, seed in zip(models, SEEDS, strict=True)])
        held_out_losses[name] = torch.tensor([evaluate(model, held_out).loss for model in models])
    print(f"{len(variants) * len(SEEDS)} trainings in {time.perf_counter() - start:.0f} s")


measure(
    {
        "the full block": ({}, ()),
        "no attention": ({}, ("attention",)),
        "no MLP": ({}, ("MLP",)),
        "no residuals": ({}, ("residuals",)),
        "no norms": ({}, ("norms",)),
    }
)

# %% [markdown]
r"""
So much for what was taken out. The others keep all parts and change or add something. The last puts a norm on every
query and key before they meet, so that no score can grow large because a vector is long (`qk_norm` in the library).
"""

# %%
measure(
    {
        "one head": ({"n_heads": 1}, ()),
        "no positions": ({"positions": "none"}, ()),
        "post-norm": ({"norm_place": "post"}, ()),
        "dropout 0.2": ({"dropout": 0.2}, ()),
        "normed queries and keys": ({"qk_norm": True}, ()),
    }
)
claim(len(training_ids) / 2 > STEPS * 6 * 96, "each reads fewer than half as many words as the training text has")

# %%
full = held_out_losses["the full block"]
rows = [
    [name, each.mean().item(), each.std().item(), (each - full).mean().item()]
    for name, each in sorted(held_out_losses.items(), key=lambda item: -item[1].mean())
]
table(
    ["", "nats per word, mean of three seeds", "spread (standard deviation)", "worse than the full block by"],
    [*rows, ["the floor", floor, 0.0, floor - full.mean().item()]],
)

# %%
gap = {name: (each - full).mean().item() for name, each in held_out_losses.items()}
claim(
    max(gap, key=gap.get) == "no residuals" and gap["no residuals"] > 1.5,
    "without residuals it is worst, by over 1.5 nats",
)
claim(held_out_losses["no residuals"].min() > 3, "without residuals no seed gets below 3 nats a word")
claim(held_out_losses["no attention"].min() > 1.9, "without attention no seed gets below 1.9 nats a word")
claim(0.5 < gap["no attention"] < 2.2, "without attention it pays between 0.5 and 2.2 nats a word more")
others = {name: each for name, each in gap.items() if name not in ("no residuals", "no attention")}
claim(max(map(abs, others.values())) < 0.5, "all other changes move the loss by less than half a nat")
claim(gap["no MLP"] > 0.08, "the MLP is missed by more than 0.08 nats")
claim(min(gap["no positions"], gap["one head"]) > 0.02, "positions and four heads by more than 0.02")
claim(gap["dropout 0.2"] > 0, "dropout does not help")
first_ten = {name: recorded[name][:, :10].mean() for name in ("the full block", "no attention")}
claim(
    abs(first_ten["no attention"] - first_ten["the full block"]) < 0.15,
    "in the first ten steps attention is not missed",
)
claim(abs(gap["normed queries and keys"]) < 0.12, "normed queries and keys change little")
claim(max(gap["no norms"], gap["post-norm"]) < 0.06, "two blocks do without norms, or with norms after the sum")

# %% [markdown]
r"""
Two removals are catastrophes. Without **residuals** the model hardly gets beyond counting how often each word comes,
which pays 5.1 (lesson 04). The words have been mixed into one another, as the picture of cosines showed, and it takes
long to unlearn that. Without **attention** every forecast is made from one word alone. The best that can be had from
one word, 2.08, is known from lesson 04, and no MLP can get past it, however well it computes.

The rest is a matter of tenths and hundredths, and here the spread comes in. Most of the changes are small, but the
MLP, the positions and the cut into four heads are missed by more than luck explains, in this order. That a causal model
without positions does so well is known: since every word sees one word more than the one before it, the mask itself
betrays the order ([Haviv and others, 2022](https://arxiv.org/abs/2203.16634)). Dropout had nothing to prevent, and its
noise costs a little.

And the norms? Normed queries and keys make no difference that three seeds could show, and without norms, or with norms
after the sum, the model is even a little ahead after so few steps. It would be wrong to conclude that norms do harm. Two
blocks at this learning rate have nothing that they would repair, and the stack of twelve above showed what they are for.
Nor does the table recommend post-norm: the trouble that it is known for comes with depth.

An ablation answers one question: what does this part do *here*, at this size, after so many steps? Read published
tables of this kind with the same eyes.
"""

# %% [markdown]
r"""
## How does the damage come about?

The end of a training is one number. The curves say more. Choose what is taken out; the band is the range of three
seeds, the line their mean, both averaged over ten steps.
"""

# %% tags=["hide-input"]
from course_lib.display.widgets import Explorer, menu


def smooth(losses, width=10):
    """Mean over the last `width` steps, [seeds, steps] to [seeds, steps - width + 1]."""
    return losses.unfold(1, min(width, losses.shape[1]), 1).mean(dim=-1)


def show_part(part):
    picture = Picture()
    ax = axes(picture, xlabel="step", ylabel="training loss (nats per word)")
    for name, colour, dash in (("the full block", BLUE, "-"), (part, ORANGE, "--")):
        each = smooth(recorded[name])
        steps = range(STEPS - each.shape[1] + 1, STEPS + 1)
        ax.fill_between(steps, each.min(dim=0).values, each.max(dim=0).values, color=colour, alpha=0.25, linewidth=0)
        ax.plot(steps, each.mean(dim=0), color=colour, linestyle=dash, linewidth=2.2, label=name)
    ax.axhline(floor, color=INK, linewidth=1.4, linestyle=(0, (2, 2)))
    ax.text(0, floor + 0.06, "the floor", color=INK)
    ax.set(ylim=(0, 6.6), xlim=(0, STEPS))
    legend(ax, loc="upper right")
    gap = held_out_losses[part] - full
    line = f"{part}: {held_out_losses[part].mean():.3f} nats per word on held-out documents, {gap.mean():+.3f} against the full block"
    return picture, f"{line} (seed by seed: {', '.join(f'{each:+.3f}' for each in gap.tolist())})."


Explorer(
    show_part, part=menu([name for name in recorded if name != "the full block"], "no residuals", label="what changes")
)

# %% [markdown]
r"""
Look at where the curves part, and not only at where they end. The first thing to learn is how often each word comes,
and for that nobody needs a view of other words: in the first ten steps attention is hardly missed. Then comes what
follows one word, and while that is learned the two curves part. Without residuals even this is out of reach for a long
time: the word that stands *here* has been lost among the others.
"""

# %% [markdown]
r"""
## What does it cost?

A product of matrices of $n \times m$ and $m \times k$ takes $nmk$ multiplications and as many additions, $2nmk$
floating-point operations or **FLOPs**. That is nearly all that a transformer does, so the bill can be written by
hand. For one block, with $T$ words of $D$ numbers and an MLP of width $4D$:
"""


# %%
def bill(T, D):
    """Parameters and FLOPs of one block, forward, without biases and gains."""
    return {
        "queries, keys, values": (3 * D * D, 2 * T * D * 3 * D),
        "scores": (0, 2 * T * T * D),  # in each of the H heads T × K times K × T
        "weighted means": (0, 2 * T * T * D),
        "attention's output": (D * D, 2 * T * D * D),
        "MLP": (2 * D * 4 * D, 2 * 2 * T * D * 4 * D),
    }


# %%
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from course_lib.model import costs

n_words = 96
by_library = costs(reader.config, n_words)
for part, (n_parameters, flops) in bill(n_words, config.d_model).items():
    same = (config.n_layers * n_parameters, config.n_layers * flops) == tuple(by_library[part])
    claim(same, f"{part}: the bill by hand is the library's")

ids = torch.tensor(training_ids[:n_words])[None]
with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter, torch.no_grad():
    reader(ids)
counted = counter.get_total_flops()
print(f"FLOPs: {sum(cost.flops for cost in by_library.values()):,} on the bill, {counted:,} counted by torch")
claim(
    sum(cost.flops for cost in by_library.values()) == counted, "FLOPs: the bill is what torch counts, to the last one"
)
claim(
    sum(cost.parameters for cost in by_library.values()) == reader.n_parameters,
    "and the parameters are the model's own",
)

# %% [markdown]
r"""
(Norms, softmax and bends are left out on both sides; they are no products. Scores that the mask rules out are
counted, for most kernels compute them.) Now we may ask about models that we could not run here. **Predict first.** In
GPT-2, the small one (12 blocks, $D = 768$, 50,257 tokens, texts of 1,024), where are most of the parameters, and
where is most of the work?
"""

# %%
from course_lib.display.plots import paired_bars

gpt2 = TransformerConfig(
    vocab_size=50_257, context_length=1024, n_layers=12, n_heads=12, d_model=768, positions="learned",
    norm="layer", qk_norm=False, mlp="gelu", bias=True, tied=True,
)  # fmt: skip
parts = costs(gpt2, 1024)
total = [sum(each) for each in zip(*parts.values(), strict=True)]
print(f"{total[0]:,} parameters, {total[1] / 1e9:.0f} GFLOPs for one text of 1,024 tokens")
claim(total[0] == 124_439_808, "124,439,808 parameters, the number that is known from GPT-2")

shown = ["embedding", "queries, keys, values", "scores", "weighted means", "attention's output", "MLP", "head"]
share = {part: (parts[part].parameters / total[0], parts[part].flops / total[1]) for part in shown}
paired_bars(
    shown,
    {"share of parameters": [share[part][0] for part in shown], "share of FLOPs": [share[part][1] for part in shown]},
    limits=[(0, 0.75), (0, 0.75)],
)

# %%
claim(0.4 < share["MLP"][0] < 0.5, "the MLPs hold between 40 and 50 % of the parameters")
claim(share["embedding"][0] > 0.3, "the embedding more than 30 %")
claim(0.25 < share["head"][1] < 0.3, "the head takes more than a quarter of the work")
claim(
    share["scores"][1] + share["weighted means"][1] < 0.15,
    "what grows with the square takes less than 15 % of the work",
)

# %% [markdown]
r"""
The MLPs lead in both columns. The embedding holds almost a third of the parameters and costs no product at all, for
it is looked up; but the head uses the same numbers again (they are *tied*, lesson 09), and there they cost more than
a quarter of the work. And the famous square of attention? At 1,024 words it is a small item. It overtakes where
scores and means, $4T^2D$, equal the products with weights, $24TD^2$. That is at $T = 6D$.
"""

# %%
texts = [128 * 2**k for k in range(10)]
square = []
for T_now in texts:
    each = {part: flops for part, (_, flops) in bill(T_now, 768).items()}
    square.append((each["scores"] + each["weighted means"]) / sum(each.values()))
equal = {part: flops for part, (_, flops) in bill(6 * 768, 768).items()}
claim(2 * (equal["scores"] + equal["weighted means"]) == sum(equal.values()), "at T = 6 D = 4,608 it is exactly half")
curves(
    texts,
    {"scores and weighted means": square},
    xlabel="words in the text",
    ylabel="share of a block's FLOPs",
    marks={"T = 6 D = 4,608": (6 * 768, 0.5)},
    log="x",
)

# %% [markdown]
r"""
The wider the model, the longer the text may be before the square hurts. That is the arithmetic; what has to be
*stored* was the subject of lesson 07.

You have now every part of a transformer, and you know what each one is there for. What is missing is the frame: words
in at one end, a forecast out at the other, and weights that start at sensible sizes. The next lesson puts it together
and takes a model that others have trained.
"""
