# ---
# title: Sampling
# part: "IV · Training and sampling"
# minutes: 85
# prerequisites: >-
#   Lesson 01 (forecasts, entropy, what a word costs), lesson 07 (attention) and lesson 13 (a model that was trained on
#   the toy world). The lessons between them come later.
# objectives:
#   - let a model write, word by word, and say why greedy text is always the same, and why a table of pairs ends in a
#     circle
#   - say what temperature, top-k, top-p and min-p do to a forecast, and what each of them buys and costs in text
#   - explain why a penalty on repetition can cost truth, and why the likeliest text is not the text you want
#   - explain what a KV cache keeps, what it saves and what it weighs, and how prompts of unequal length share a batch
#   - let a small model draft for a large one without changing the distribution of what is written, and compute how many
#     passes that saves
# summary:
#   - Forecast, choose, append, repeat. Always taking the likeliest word gives one text only. A table of pairs must run
#     into a circle; a transformer often does, because repetition feeds on itself.
#   - Temperature raises a forecast to the power 1/T; above 1 that helps every unlikely word, good or bad. The cuts remove
#     the tail, where much of the impossible probability sits. Top-k counts words, top-p adds up probability, min-p
#     compares with the likeliest, and only the last two adapt to how sure the model is.
#   - A penalty cannot tell a stutter from a name that has to be said again. And a search for the likeliest text finds what is
#     untypical, and what the model overrates.
#   - Keys and values of what has been read never change while the context holds it all, so they are kept, two vectors for
#     each layer and token. Shorter prompts are filled up on the left, and nobody may look at the filling.
#   - Accept a drafted word with probability min(1, p/q), else draw from what p has more than q. The text is the large
#     model's own, in distribution, and the share accepted is, on average at each place, one minus the total variation
#     distance of the two forecasts.
# quiz:
#   - question: >-
#       A model gives *a* one half, *b* three tenths and *c* one fifth. You set the temperature to 0.01. What will it write,
#       asked a hundred times?
#     options:
#       - answer: About 50 times a, 30 times b and 20 times c.
#         because: That is temperature 1. At 0.01 each probability is raised to the power 100 before it is normalised.
#       - answer: A hundred times a.
#         right: true
#         because: The ratio of a to b is (5/3) to the power 100, about 10 to the power 22. The other two will not be seen.
#       - answer: Each about equally often, because the logits shrink.
#         because: Dividing by 0.01 makes the logits a hundred times larger. They shrink at a high temperature.
#   - question: >-
#       A model is sure of the next word, and gives it 0.97. It shares out the rest among ten thousand others. Which setting
#       can still let one of the others through?
#     options:
#       - answer: top-k with k = 40.
#         right: true
#         because: Forty words stay, whatever the forecast looks like, and 39 of them are others.
#       - answer: top-p at 0.9.
#         because: The first word alone holds 0.97, which is at least 0.9, so it stays alone.
#       - answer: min-p at 0.1.
#         because: The others would need 0.097 each, and all of them together have only 0.03.
#   - question: >-
#       Somebody replaces the drafting model of speculative decoding by a much worse one, which guesses all words alike. What
#       happens to the text?
#     options:
#       - answer: It gets worse, since more of it comes from the worse model.
#         because: What is accepted or drawn again follows the large model's forecast exactly, whoever drafts.
#       - answer: It stays as good, and takes more passes of the large model.
#         right: true
#         because: The rule corrects every draft. Only the share of accepted words falls, and with it what is saved.
#       - answer: It gets better, since the large model decides more often.
#         because: It always decides. The distribution of the text is the large model's, before and after.
# read_next:
#   - "[Holtzman and others, *The Curious Case of Neural Text Degeneration* (2020)](https://arxiv.org/abs/1904.09751): why likely text is dull, and top-p. The pictures alone are worth it."
#   - "[Fan and others, *Hierarchical Neural Story Generation* (2018)](https://arxiv.org/abs/1805.04833): the paper that brought top-k into use."
#   - "[Leviathan and others, *Fast Inference from Transformers via Speculative Decoding* (2023)](https://arxiv.org/abs/2211.17192): the rule, its proof, and how many words to draft."
#   - "[Pope and others, *Efficiently Scaling Transformer Inference* (2022)](https://arxiv.org/abs/2211.05102): what the cache and the batch cost when the model has hundreds of billions of parameters."
# ---

# %% [markdown]
r"""
## A forecast is not a text. Who chooses?

A trained model answers one question: *given these words, how likely is each word to come next?* You want a story.
Between the two stands a decision, made again after every word, and it is not made by the model. It is made by a few
lines of yours, and they can turn the very same model into a bore, a poet or a babbler.

This lesson is about those lines. First we need a model. Two things are on credit: it is a transformer, a stack of the
attention of lesson 07 and of layers that look at one word at a time, and it is pretrained on the toy world as in
lesson 13. The next cell repeats that in short and takes about half a minute.
"""

# %%
from dataclasses import replace

import torch

from course_lib import claim
from course_lib.display import LiveCurve
from course_lib.model import GPT
from course_lib.presets import current_preset_name, find_preset
from course_lib.runtime import device
from course_lib.text import VALIDATION_SEED, DocumentRows, load_corpus, tokenizer_for
from course_lib.training import train

corpus = load_corpus("world")
world, tokenizer = corpus.world, tokenizer_for(corpus)
end = tokenizer.end_id  # the number of the word that ends every document, and stands before the next
training_ids = tokenizer.encode(corpus.train)
held_out = world.documents(1000, seed=VALIDATION_SEED)

preset = find_preset(current_preset_name(), "world")
training = replace(preset.training, steps=min(500, preset.training.steps))
torch.manual_seed(0)
model = GPT(preset.model(tokenizer.vocab_size)).to(device())
batches = DocumentRows(training_ids, end, preset.batch_size, preset.context_length, seed=0)

with LiveCurve(training.steps, floor=world.floor(held_out).per_word) as live:
    for step in train(model, batches, training):
        live.add(step.loss, step.number)
model.eval()
print(f"{model.n_parameters:,} parameters, {tokenizer.vocab_size} words, the last loss {step.loss:.3f} nats per word")

# %% [markdown]
r"""
Now let it write, by hand. Words are numbers here, and a document begins after the end of another. So a text is a list
of numbers that starts with `end`. The loop has four steps: forecast, choose, append, repeat.
"""


# %%
@torch.no_grad()
def forecast(ids):
    """The probability of every word to come next after these."""
    return model(torch.tensor([ids], device=device()))[0, -1].softmax(dim=-1).cpu()


def write(choose, limit=100):
    """A document, word by word."""
    ids = [end]
    while len(ids) <= limit:
        word = choose(forecast(ids))
        if word == end:
            break
        ids.append(word)
    return tokenizer.decode(ids[1:])


def likeliest(p):
    return p.argmax().item()


for _ in range(3):
    print(write(likeliest))

# %% [markdown]
r"""
That is the whole of **autoregression**: a model that reads what it has written and goes on from there. The name means
that it predicts itself.

It also shows what is wrong with the most obvious choice. To take the likeliest word each time is called **greedy**.
There is no chance in it, so the second document is the first one again, and so is the hundredth. The world could tell
millions of others.

**Predict first.** Here is a worse case, the table of word pairs from lesson 01: for each word, how often each other
word came next. Start it at any of its words, always take the likeliest follower, and do not stop where a document
ends. In how many of the nearly six hundred cases will it go round in a circle sooner or later: in a few, in half, or
in all?
"""

# %%
V = tokenizer.vocab_size
ids = torch.tensor(training_ids)
counts = torch.full((V, V), 0.001)  # a trace, so that no pair is impossible
counts.index_put_((ids[:-1], ids[1:]), torch.tensor(1.0), accumulate=True)
pairs = counts / counts.sum(dim=1, keepdim=True)  # row: the word before; column: the word after
follower = pairs.argmax(dim=1).tolist()


def walk(word):
    """The words on the way from `word` until one comes for the second time, and the circle that this closes."""
    seen = []
    while word not in seen:
        seen.append(word)
        word = follower[word]
    return seen, seen[seen.index(word) :]


started = [word for word in range(V) if counts[word].sum() > 1]
circles = [walk(word)[1] for word in started]
different_ones = {frozenset(circle): circle for circle in circles}.values()
print(f"{len(started)} words to start from; the circles that they end in:")
for circle in different_ones:
    print("   ", " ".join(tokenizer.token_text(word) for word in circle))

claim(
    550 < len(started) < 600 and len(different_ones) < 10, "nearly six hundred beginnings end in fewer than ten circles"
)

# %% [markdown]
r"""
In all, and there was never any doubt. The table looks at one word, and after each word it has one way on. There are
only so many words. So after at most that many steps it stands where it has stood before, and from there it does what
it did before. (The sign `\n` is the end of a document.) This is how it sounds when it starts with a name. Darker words
were said before.
"""

# %%
from course_lib.display import coloured_tokens

spoken = tokenizer.encode("anna")
while len(spoken) < 30:
    spoken.append(follower[spoken[-1]])
again = [float(word in spoken[:place]) for place, word in enumerate(spoken)]
coloured_tokens([tokenizer.token_text(word) + " " for word in spoken], again)

# %% [markdown]
r"""
Each step is the best guess there is, and the whole is something that nobody would ever say. For a transformer the
same argument promises a circle only after more steps than anybody will take, since there are $V^n$ windows of $n$
words. Large models loop much sooner, and for another reason: they have learned that what was said is likely to be said
again. Holtzman and others (2020) saw GPT-2's likeliest text repeat a phrase, with each repetition making the next one
likelier.

The forecast itself says what to do instead. Here is one.
"""

# %%
from course_lib.display import token_bars

names = [tokenizer.token_text(word) for word in range(V)]
names[end] = "(end)"
prompt = "rosa and erik saw a film . it was a"
film = [end, *tokenizer.encode(prompt)]
next_word = forecast(film)
token_bars(next_word, names, title=prompt + " ...")

# %%
claim(0.5 < next_word[tokenizer.encode("film")[0]] < 0.8, "the next word is film in about two cases of three")

# %% [markdown]
r"""
It does not say *film*. It says *film, in about two cases of three*. So do that: **draw** the next word, each one with
the probability that it was given.
"""

# %%
dice = torch.Generator().manual_seed(5)


def drawn(p):
    return torch.multinomial(p, 1, generator=dice).item()


for _ in range(4):
    print(write(drawn), "\n")

# %% [markdown]
r"""
A different one each time. To judge such writing we need a few hundred documents, and our loop is slow: it writes one
at a time, and for each word it reads everything from the beginning. The library's `generate` avoids both, in ways that
you will build in the second half of this lesson. Otherwise it is the same loop, and here is the evidence.
"""

# %%
from course_lib.generation import Sampling, generate

as_it_is = Sampling()  # no setting: draw from the forecast itself


def write_many(n, sampling=as_it_is, seed=0):
    """`n` documents at once."""
    start = torch.full((n, 1), end)
    dice = torch.Generator(device()).manual_seed(seed)
    columns = generate(model, start, preset.context_length - 1, sampling, end_id=end, generator=dice)
    rows = torch.stack(list(columns), dim=1).tolist()
    return [tokenizer.decode(row[: row.index(end)] if end in row else row) for row in rows]


claim(
    write_many(3, Sampling(temperature=0)) == 3 * [write(likeliest)], "greedy, the library writes what our loop wrote"
)

# %% [markdown]
r"""
(Temperature 0 is the customary name for greedy. The next section says why.) Now two hundred documents, drawn. The
world can say of each whether it is **true**, and whether it is at least **grammatical**, which means that a world with
other facts, or with other sums, could tell it.

It also knows how often it tells each kind of document itself, so the two mixtures of kinds can be compared. How far
apart they are is measured by the **total variation**: half of the sum of all differences, each taken without its sign.
It is 0 for equal mixtures and 1 for two that have nothing in common.
"""

# %%
from course_lib.evaluation import judge_world


def judge(texts):
    return judge_world(world, texts, n_reference=1000)


plain = write_many(200)
ours = judge(plain)
by_luck = judge([document.text for document in world.documents(200, seed=7)])
print(f"different {len(set(plain)) / 200:.0%}, grammatical {ours.grammatical:.0%}, true {ours.true:.0%}")
print(
    f"mixture of kinds off by {ours.total_variation:.2f}; of 200 documents by the world, {by_luck.total_variation:.2f}"
)

# %%
from collections import Counter

from course_lib.display.plots import paired_bars

theirs = Counter(document.kind for document in held_out)
kinds = sorted(theirs)
paired_bars(
    kinds,
    {
        "the world's own": [theirs[kind] / len(held_out) for kind in kinds],
        "the model's": [ours.kinds.get(kind, 0.0) for kind in kinds],
    },
    limits=[(0, 0.26), (0, 0.26)],
)

# %%
claim(len(set(plain)) > 180, "of 200 drawn documents more than 180 are different, where greedy has one")
claim(ours.true > 0.6, "more than 60 % of them are true")
claim(ours.total_variation < 0.3, "the mixture of kinds is within 0.3 of the world's")

# %% [markdown]
r"""
The world's own two hundred are not at 0 either, for a sample has its luck.

So drawing brings back the variety, and takes a price. Some of the documents are broken, and some are false. Is there
something in between?
"""

# %% [markdown]
r"""
## How bold should it be?

Here is a forecast of four words, and here is the knob that everybody turns. Divide all logits by a number $T$, the
**temperature**, before the softmax:

$$p_i = \frac{e^{z_i / T}}{\sum_j e^{z_j / T}}$$

Since $e^{z / T}$ is $(e^{z})^{1/T}$, this raises each probability to the power $1/T$ and makes them add up to one
again. At $T = \frac12$ they are squared.
"""

# %%
from course_lib.display import table

p = torch.tensor([0.5, 0.3, 0.15, 0.05])


def with_temperature(logits, T):
    return (logits / T).softmax(dim=-1)


claim(torch.allclose(with_temperature(p.log(), 0.5), p**2 / (p**2).sum()), "temperature 1/2 squares and normalises")
table(
    ["temperature", "a", "b", "c", "d"],
    [[T, *with_temperature(p.log(), T).tolist()] for T in (0.1, 0.5, 1.0, 2.0, 10.0)],
)

# %% [markdown]
r"""
Cold, the *likeliest* gets likelier, until in the limit $T \to 0$ the first takes all, which is greedy. Hot, all words
move toward the same share. The order never changes. These are laws, so let us try them on a thousand random forecasts.
"""


# %%
def entropy(p):
    """In nats: how undecided a forecast is."""
    return -(p * p.clamp(min=1e-30).log()).sum(dim=-1)


z = 3 * torch.randn(1000, 50, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
hotter = [0.05, 0.2, 0.5, 1.0, 1.5, 3.0, 10.0]
undecided = torch.stack([entropy(with_temperature(z, T)) for T in hotter])

claim((undecided.diff(dim=0) > 0).all(), "the hotter, the more undecided: entropy rises with temperature")
claim(all(torch.equal(with_temperature(z, T).argsort(), z.argsort()) for T in hotter), "the order stays the same")
claim(torch.equal(with_temperature(z, 1.0), z.softmax(dim=-1)), "temperature 1 is the model itself")

# %%
for T in (0.3, 1.0, 1.5):
    print(f"T = {T}")
    for text in write_many(3, Sampling(temperature=T), seed=3):
        print("   ", text)

# %% [markdown]
r"""
**Predict first.** We write two hundred documents at each of six temperatures from 0.2 to 2. Where will the largest
share be true? Where will the kinds of documents be mixed as in the world?
"""

# %%
temperatures = [0.2, 0.5, 1.0, 1.25, 1.5, 2.0]
samples = {T: plain if T == 1 else write_many(200, Sampling(temperature=T)) for T in temperatures}
verdicts = {T: judge(texts) for T, texts in samples.items()}
different = {T: len(set(texts)) / len(texts) for T, texts in samples.items()}
table(
    ["temperature", "different", "grammatical", "true", "kinds told", "mixture off by"],
    [
        [T, different[T], verdict.grammatical, verdict.true, len(verdict.kinds), verdict.total_variation]
        for T, verdict in verdicts.items()
    ],
)

# %%
from course_lib.display import curves

curves(
    temperatures,
    {
        "true": [verdicts[T].true for T in temperatures],
        "different": [different[T] for T in temperatures],
        "mixture off by": [verdicts[T].total_variation for T in temperatures],
    },
    xlabel="temperature",
    ylabel="share (or distance)",
)

# %%
off = {T: verdict.total_variation for T, verdict in verdicts.items()}
claim(off[1.0] < off[0.2] - 0.2, "at temperature 0.2 the mixture is much further off than at 1")
claim(verdicts[1.0].true > verdicts[1.5].true + 0.2, "above 1 the share of truth falls fast")
claim(verdicts[2.0].true < 0.2, "at 2 hardly anything is true")
claim(len(verdicts[0.2].kinds) < len(kinds), "at 0.2 some kinds of documents are never told")

# %% [markdown]
r"""
Somewhat below 1 the text tends to be truer, and it is about fewer things. Hot text says hardly anything. (The last two
columns look at grammatical documents only. At temperature 2 so few are left that luck and shortness decide which.)

Training asked for the *data's own distribution*, and temperature 1 is the only one at which the model says what it was
trained to say. At any other we have bent its forecast. The *forecasts* are best at 1, as we shall see; of the mixtures
near it, two hundred documents cannot say which is best.

Nor does cold cure errors. Where a model's *favourite* is wrong, the colder it gets, the more often it says so. Train
this model from another seed, and you may well find its coldest documents less true than its cool ones.

We can look closer than by counting documents. Take 150 held-out ones and ask at every word: what did the model say,
and what could come in truth?
"""

# %%
from course_lib.text import evaluation_documents

exam = held_out[:150]
truth = []
for document in exam:
    for may_come in world.predictions(document.text):
        row = torch.zeros(V)
        for word, probability in may_come.items():
            row[tokenizer.encode(word)] = probability
        truth.append(row)
truth = torch.stack(truth)  # one row for each word of the 150 documents

exam_ids = tokenizer.encode("".join(document.text + "\n" for document in exam))
with torch.no_grad():
    logits = torch.cat(
        [model(batch.inputs.to(device())).cpu()[batch.targets >= 0] for batch in evaluation_documents(exam_ids, end)]
    )
print(f"{len(truth):,} places; at {(truth > 0).sum(dim=1).eq(1).float().mean():.0%} of them only one word is possible")


def distance(p, q):
    """Total variation, row by row."""
    return (p - q).abs().sum(dim=-1) / 2


off_truth = {T: distance(with_temperature(logits, T), truth).mean().item() for T in temperatures}
print("mean distance from the true forecast:", {T: round(d, 3) for T, d in off_truth.items()})
claim(off_truth[1.0] == min(off_truth.values()), "of these temperatures, 1 brings the model closest to the truth")

# %%
nats = {T: entropy(with_temperature(logits, T)).mean().item() for T in torch.linspace(0.2, 2.0, 37).tolist()}
of_the_world = entropy(truth).mean().item()
claim(
    abs(entropy(logits.softmax(-1)).mean() - of_the_world) < 0.08,
    "at temperature 1 the model is about as undecided as the world",
)

curves(
    list(nats),
    {"forecasts of the model": list(nats.values())},
    xlabel="temperature",
    ylabel="entropy (nats per word)",
    lines={"the world's own": of_the_world},
)

# %% [markdown]
r"""
The curve crosses the line close to 1. (If it does so a little below, that is as it should be: a model that has not
quite learned the world has reason to be a little more undecided.) Far to the left the model pretends to know more than
anybody can, and far to the right it pretends to know less than it does.

And yet, at temperature 1 some documents were broken or false. How, if the forecasts are that good? Add up, at each
place, the probability that the model gives to words that *cannot* come there, in a true document: words that break the
grammar, and words that break a fact.
"""

# %%
possible = truth > 0
lengths = [len(document.text.split()) + 1 for document in exam]


def nonsense(p):
    """Probability on impossible words: the mean over all places, and the chance that a whole document has none."""
    wasted = (p * ~possible).sum(dim=1)
    survives = [(1 - part).prod() for part in wasted.split(lengths)]
    return wasted.mean().item(), torch.stack(survives).mean().item()


rows = []
for T in (0.5, 1.0, 1.25, 1.5):
    per_word, survives = nonsense(with_temperature(logits, T))
    rows.append([T, f"{per_word:.2%}", survives, verdicts[T].true])
table(["temperature", "on impossible words", "so a document survives", "true, as counted"], rows)

# %%
claim(
    all(abs(row[2] - row[3]) < 0.12 for row in rows),
    "the expected share without an impossible word agrees with the counted share of true documents within 0.12",
)
claim(rows[0][2] > rows[1][2] + 0.03, "at 0.5 a document has a better chance than at 1")

p1 = logits.softmax(dim=1)
on_each = p1 * ~possible
heavy = on_each[on_each > 0.02].sum() / on_each.sum()
print(f"at temperature 1, {heavy:.0%} of it stands in single words that have more than 2 %")
claim(0.002 < on_each.sum(dim=1).mean() < 0.02, "at temperature 1, less than two percent of a forecast is nonsense")
claim(0.1 < heavy < 0.8, "part of the nonsense stands in single words, and part is spread out")

# %% [markdown]
r"""
At temperature 1 less than two percent of a forecast is nonsense. But a document takes some thirty draws, and one bad
draw spoils it. Part of the nonsense stands in single words: where the model does not know a fact, it may give a wrong
town a good share. No cut helps against that. The rest is spread over hundreds of others, each nearly ruled out;
together they are the **tail** of the forecast. Heat feeds it. Here is a document from temperature 1.5, coloured by
what each word cost at temperature 1. A dark word was a surprise. Some surprises are honest: a document may begin with
any of about a hundred words. The others came out of the tail.
"""

# %%
readable = [text for text in samples[1.5] if 12 < len(text.split()) < 40 and world.is_true(text) is None]
broken = readable[0] if readable else samples[1.5][0]
broken_ids = tokenizer.encode(broken)
cost = [-forecast([end, *broken_ids[:place]])[word].log().item() for place, word in enumerate(broken_ids)]
coloured_tokens([names[word] + " " for word in broken_ids], cost, caption="−ln p of each word (point at one)")

# %% [markdown]
r"""
Cooling thins the tail, and takes the variety along with it. What if we cut the tail off and leave the rest as it is?
"""

# %% [markdown]
r"""
## Where does the tail begin?

Three answers are in use. **Top-k** (Fan and others, 2018): after the $k$ likeliest words. **Top-p** (Holtzman and
others, 2020): as soon as the likeliest words together hold a given probability; they call that the *nucleus*.
**Min-p** (Nguyen and others, [2024](https://arxiv.org/abs/2407.01082)): at words that have less than a given share of
what the likeliest has. (The *p* in the two names is a number that you set, and not the same one. It is not the
forecast.) A word that is cut off gets the logit $-\infty$, which softmax turns into exactly 0.
"""


# %%
def top_k(logits, k):
    words = logits.argsort(descending=True, stable=True)[:k]  # of equals, the one with the lower number
    kept = torch.full_like(logits, -torch.inf)
    kept[words] = logits[words]
    return kept


def top_p(logits, enough):
    ranked, words = logits.sort(descending=True, stable=True)
    share = ranked.softmax(dim=0)
    likelier = share.cumsum(dim=0) - share  # what all likelier words hold together
    kept = logits.clone()
    kept[words[likelier >= enough]] = -torch.inf
    return kept


def min_p(logits, ratio):
    share = logits.softmax(dim=0)
    return logits.masked_fill(share < ratio * share.max(), -torch.inf)


small = torch.tensor([0.5, 0.3, 0.15, 0.05]).log()
for name, kept in {
    "top-k, 1": top_k(small, 1),
    "top-p, 0.7": top_p(small, 0.7),
    "min-p, 0.2": min_p(small, 0.2),
}.items():
    print(f"{name:11}", [round(share, 3) for share in kept.softmax(dim=0).tolist()])

# %%
from itertools import product

from course_lib.generation import keep_min_p, keep_top_k, keep_top_p

some = logits[:200]
claim(torch.equal(torch.stack([top_k(row, 10) for row in some]), keep_top_k(some, 10)), "our top-k is the library's")
claim(torch.equal(torch.stack([top_p(row, 0.9) for row in some]), keep_top_p(some, 0.9)), "our top-p is the library's")
claim(torch.equal(torch.stack([min_p(row, 0.1) for row in some]), keep_min_p(some, 0.1)), "our min-p is the library's")

uncut, cut = small.softmax(dim=0), top_k(small, 3).softmax(dim=0)
claim(torch.allclose(cut[0] / cut[2], uncut[0] / uncut[2]), "a cut leaves the ratios among what stays as they were")

# %% [markdown]
r"""
Top-p is said to keep the *smallest* set of words that holds enough. With seven words there are 127 sets, few enough to
try them all.
"""

# %%
subsets = torch.tensor(list(product([0.0, 1.0], repeat=7)))[1:]
fits = []
for seed in range(300):
    z = 2 * torch.randn(7, generator=torch.Generator().manual_seed(seed))
    share = z.softmax(dim=0)
    nucleus = keep_top_p(z[None], 0.8)[0].isfinite()
    holds = subsets @ share
    smallest = subsets[holds >= 0.8].sum(dim=1).min()
    best_of_that_size = holds[subsets.sum(dim=1) == smallest].max()
    fits.append(nucleus.sum() == smallest and abs(share[nucleus].sum() - best_of_that_size) < 1e-5)
claim(all(fits), "in 300 forecasts no set is smaller, and none of its size holds more")

# %% [markdown]
r"""
Where do the three differ? Compare a place where the model is sure with one where it cannot be. After *then she drank
apple* one word makes sense. At the very beginning of a document there are about a hundred.

**Predict first.** Top-k with $k = 10$ keeps ten words at both places. How many will top-p (0.9) and min-p (0.1) keep?
"""

# %%
places = {
    "... then she drank apple": "clara was thirsty . she took one apple and made some juice . then she drank apple",
    "it was a ...": prompt,
    "(the first word)": "",
}
cuts = {
    "top-k, 10": lambda logits: keep_top_k(logits, 10),
    "top-k, 40": lambda logits: keep_top_k(logits, 40),
    "top-p, 0.9": lambda logits: keep_top_p(logits, 0.9),
    "min-p, 0.1": lambda logits: keep_min_p(logits, 0.1),
}
rows = []
for name, text in places.items():
    at_place = forecast([end, *tokenizer.encode(text)]).log()[None]
    n_possible = len(world.next_word(text + " " if text else ""))
    rows.append([name, n_possible, *(int(cut(at_place).isfinite().sum()) for cut in cuts.values())])
table(["place", "possible in truth", *cuts], rows)

# %%
claim((rows[0][1], rows[2][1]) == (1, 98), "in truth one word is possible after the apple, and 98 are at the beginning")
claim(rows[0][4] == rows[0][5] == 1, "where one word is possible, top-p and min-p keep one")
claim(rows[2][4] > 30, "at the first word top-p keeps more than thirty")
claim(rows[2][5] < 30, "and min-p fewer than thirty")
claim(max(rows[1][4], rows[1][5]) < rows[1][1], "at the film, both drop words that could well come")

# %% [markdown]
r"""
Ten is too many where the model is sure: nine of them are nonsense. And it is far too few where ninety-eight
beginnings are possible. No $k$ is right for both. Top-p and min-p look at the forecast first. They have their weak
spots too: at the film, both drop words that could well come. And at the first word *the* is so much likelier than any
name that min-p finds the names small, and drops them.

So a cut can err in two ways. It can leave nonsense in, and it can cut truth off. On the 150 documents both are
measured without drawing a single word. And since a document needs *all* of its words, we also count how many of the
150 could still be told after the cut. (We heat first and cut afterwards, as the library does. Cut first, and heat
could no longer change which words stay.)
"""

# %%
told_words = torch.tensor(exam_ids)[:, None]


def cut_off(after_cut):
    """How much of the truth a cut removes at each word, and the share of the 150 documents that loses none of its own."""
    stays = after_cut.isfinite()
    lost = (truth * ~stays).sum(dim=1).mean().item()
    whole = [part.all() for part in stays.gather(1, told_words).split(lengths)]
    return lost, torch.stack(whole).float().mean().item()


measured, everything = {}, {"no cut": lambda logits: logits, **cuts}
for T in (1.0, 1.5):
    for name, cut in everything.items():
        after_cut = cut(logits / T)
        measured[T, name] = *nonsense(after_cut.softmax(dim=1)), *cut_off(after_cut)
table(
    [
        "temperature",
        "cut",
        "on impossible words",
        "so a document survives",
        "of the truth cut off",
        "can still be told",
    ],
    [[T, name, f"{a:.2%}", b, f"{c:.2%}", d] for (T, name), (a, b, c, d) in measured.items()],
)

# %%
from_truth = {name: 1 - cut_off(cut(truth.log()))[1] for name, cut in cuts.items()}
print("documents lost even by a perfect forecast:", {name: f"{lost:.0%}" for name, lost in from_truth.items()})
claim(0.12 < from_truth["top-p, 0.9"] < 0.3, "top-p loses about one document in five even from a perfect forecast")

# %%
claim(measured[1.0, "top-p, 0.9"][0] < 0.75 * measured[1.0, "no cut"][0], "top-p removes a good part of the nonsense")
claim(measured[1.0, "top-p, 0.9"][2] < 0.02, "and cuts off less than 2 % of the truth")
claim(measured[1.0, "top-k, 10"][0] > measured[1.0, "top-p, 0.9"][0], "top-k with 10 leaves more nonsense than that")
claim(measured[1.0, "top-k, 10"][2] > measured[1.0, "top-p, 0.9"][2], "and cuts off more truth: it loses both ways")
claim(
    measured[1.5, "min-p, 0.1"][0] < 0.5 * measured[1.5, "top-p, 0.9"][0],
    "at temperature 1.5, min-p leaves less than half of the nonsense that top-p leaves",
)

# %% [markdown]
r"""
At temperature 1, top-p takes out a good part of the nonsense, and loses about one percent of the truth at each word.
Over a whole document that adds up as the nonsense did: even from a perfect forecast, about one document
in five could no longer be told. Fewer slips for less variety: that is the bargain that made it popular.

In the heat the picture changes. The tail as a whole has grown fat, so a set that must
hold 0.9 has to take some of it in. Min-p asks how small a word is beside the likeliest, and each single word of the
tail is still small. So min-p stands the heat.

Does the text bear that out? A hundred and fifty documents for each cut, at temperature 1.5.
"""

# %%
settings = {"top-k, 10": {"top_k": 10}, "top-p, 0.9": {"top_p": 0.9}, "min-p, 0.1": {"min_p": 0.1}}
hot = {"no cut": verdicts[1.5]}
for name, setting in settings.items():
    hot[name] = judge(write_many(150, Sampling(temperature=1.5, **setting)))
table(
    ["at temperature 1.5", "grammatical", "true", "mixture off by"],
    [[name, verdict.grammatical, verdict.true, verdict.total_variation] for name, verdict in hot.items()],
)

# %%
claim(hot["no cut"].true < 0.5, "without a cut less than half is true")
claim(hot["top-p, 0.9"].true > hot["no cut"].true + 0.2, "top-p adds more than 20 % of all documents to that")
claim(hot["min-p, 0.1"].true > hot["top-p, 0.9"].true + 0.03, "and min-p more than top-p")
claim(hot["min-p, 0.1"].true > 0.75, "with min-p more than three in four are true")
claim(
    hot["top-k, 10"].total_variation > hot["min-p, 0.1"].total_variation + 0.03,
    "ten words are too few for this world: top-k with 10 tells a poorer mixture than min-p",
)
claim(
    measured[1.5, "min-p, 0.1"][1] > measured[1.0, "no cut"][1],
    "at 1.5 with min-p, a document has a better chance to survive than at 1 without a cut",
)

# %% [markdown]
r"""
It is the same model at the same temperature, and less than half is true, or more than three in four. Only the lines
that choose are different.
"""

# %% [markdown]
r"""
## Should it be punished for repeating itself?

The circles of the first section suggest another remedy. Keskar and others
([2019](https://arxiv.org/abs/1909.05858)) push down the logit of every word that has been said: they divide it by a
penalty above 1. For a negative logit that would push it *up*, so programs since then multiply there.
"""


# %%
def penalize(logits, said, penalty):
    """Logits [V], with those of the words in `said` pushed down."""
    lower = logits.clone()
    lower[said] = torch.where(logits[said] > 0, logits[said] / penalty, logits[said] * penalty)
    return lower


from course_lib.generation import penalize_repetition

z = 3 * torch.randn(500, 30, generator=torch.Generator().manual_seed(0))
said = torch.randint(30, (500, 8), generator=torch.Generator().manual_seed(1))
by_us = torch.stack([penalize(row, words.tolist(), 1.3) for row, words in zip(z, said, strict=True)])
claim(torch.allclose(by_us, penalize_repetition(z, said, 1.3)), "our penalty is the library's")

spoken = tokenizer.encode("anna")
while len(spoken) < 30:
    spoken.append(penalize(pairs[spoken[-1]].log(), spoken, 1.5).argmax().item())
print(tokenizer.decode(spoken).replace("\n", " / "))
claim(
    len(set(spoken)) > 15,
    "with a penalty of 1.5, the first thirty words of the table are more than fifteen different ones",
)

# %% [markdown]
r"""
No more *do you do you*. What exactly does the penalty promise, though? "A word that was said never gets likelier"?
That is true of its logit. It is true of all said words taken together. It is not true of each.
"""

# %%
z = torch.tensor([4.0, 0.5, 1.0])  # the first two were said
print("before:", [round(p, 3) for p in z.softmax(0).tolist()])
print("after: ", [round(p, 3) for p in penalize(z, [0, 1], 2.0).softmax(0).tolist()])

many = 3 * torch.randn(500, 30, generator=torch.Generator().manual_seed(2))
marked = torch.zeros(500, 30, dtype=torch.bool).scatter(1, said, True)
lower = penalize_repetition(many, said, 1.3)
claim((lower <= many).all(), "no logit rises")
together = [(each.softmax(1) * marked).sum(1) for each in (many, lower)]
claim((together[1] <= together[0] + 1e-6).all(), "all said words together never get likelier")
claim(penalize(z, [0, 1], 2.0).softmax(0)[1] > z.softmax(0)[1], "a single one can")

# %% [markdown]
r"""
The second word was said too, and the penalty helps it, because the first one was hit so much harder.

There is a worse wart. In lesson 01 a number added to all logits changed nothing, since softmax does not care. So a
model is free to put its logits anywhere. The penalty does care: it looks at where zero is.
"""

# %%
rows = []
for shift in (-10.0, 0.0, 10.0):
    after_penalty = penalize(small + shift, [0], 1.3).softmax(dim=0)
    rows.append([shift, (small + shift).softmax(dim=0)[0].item(), after_penalty[0].item()])
claim(abs(rows[0][1] - rows[2][1]) < 1e-4, "before the penalty the shift makes no difference")
claim(
    rows[2][2] < rows[1][2] / 3,
    "raised by ten, the same forecast gives the said word less than a third of what it gives unshifted",
)
table(["added to all logits", "said word, before", "said word, after a penalty of 1.3"], rows)

# %% [markdown]
r"""
The same forecast and the same penalty give quite different results, depending on a number that means nothing. So a
penalty that suits one model may be harmless in a second and ruinous in a third.

Our model's drawn documents do not go in circles, so there is nothing to cure. What does the cure do to them?
"""

# %%
penalties = [1.0, 1.3, 1.6]
punished = {1.0: plain} | {x: write_many(150, Sampling(repetition_penalty=x)) for x in penalties[1:]}
true_share = {x: judge(texts).true for x, texts in punished.items()}
hit = [text for text in punished[1.6] if world.is_true(text) is not True and 25 < len(text.split()) < 60]
print(*hit[:2], sep="\n")
table(["penalty", "share true"], [[x, share] for x, share in true_share.items()])

# %%
claim(true_share[1.0] > true_share[1.3] + 0.03, "a penalty of 1.3 costs truth")
claim(true_share[1.3] > true_share[1.6] + 0.08, "one of 1.6 costs more")

# %% [markdown]
r"""
It costs truth, and a lot of it. A lamp that was lost has to be a lamp again when it is found. A friend must keep her
name, and every sentence needs its full stop. And the word that ends a document has stood at the beginning, so it is
punished too, and documents run on. The penalty cannot tell a stutter from a word that has to come back.
"""

# %% [markdown]
r"""
## Why not look for the likeliest text?

Greedy takes the likeliest *word*, step by step. That is not the likeliest *text*: a cheap beginning can have an
expensive end. Look once more at the film. In two cases of three it goes on with *film so ...*, and then eight words
share what follows, and after them another seven. A plain *good film* is rarer at first, and then nothing is open any
more.

**Beam search** keeps several beginnings in mind, the *beams*. Extend each by every word, keep the `width` likeliest
of all that come out, repeat.
"""


# %%
@torch.no_grad()
def beams_by_hand(prompt, n_words, width):
    """The `width` likeliest texts found, each with its log-probability."""
    beams = [(0.0, prompt)]
    for _ in range(n_words):
        grown = []
        for log_p, ids in beams:
            if ids[-1] == end and len(ids) > len(prompt):  # this one has ended, and stays as it is
                grown.append((log_p, ids))
                continue
            best = forecast(ids).log().topk(width)
            grown += [
                (log_p + more, [*ids, word])
                for more, word in zip(best.values.tolist(), best.indices.tolist(), strict=True)
            ]
        beams = sorted(grown, reverse=True)[:width]
    return beams


from course_lib.generation import beam_search

by_hand = beams_by_hand(film, 25, width=3)
by_library = beam_search(model, film, 25, width=3, end_id=end)
claim(by_hand[0][1][len(film) :] == by_library[0].ids, "the library finds the same text")
gaps = [abs(log_p - beam.log_prob) for (log_p, _), beam in zip(by_hand, by_library, strict=True)]
claim(max(gaps) < 1e-3, "and three at the same prices")

# %%
before_it = world.predictions(prompt)
given = sum(torch.tensor(before_it[place][word]).log().item() for place, word in enumerate(prompt.split()))


def tell(ids):
    return tokenizer.decode([word for word in ids if word != end])


rows, film_cost = [], {}
for width in (1, 4, 16, 64):
    best = beam_search(model, film, 25, width=width, end_id=end)[0]
    film_cost[width] = -best.log_prob
    in_truth = given - world.log_prob(f"{prompt} {tell(best.ids)}")
    rows.append([str(width), tell(best.ids), -best.log_prob, in_truth])
table(["width", prompt + " ...", "cost by the model (nats)", "by the world"], rows)

# %%
claim(film_cost[64] < film_cost[1] - 0.1, "with 64 beams it finds an ending that is cheaper than greedy's")

# %% [markdown]
r"""
Greedy misses the cheaper ending, and a wide search finds it. Is wider always better, then? We ask for a whole
document, from nothing.

**Predict first.** At the first word, width 4 keeps greedy's choice and three others. Is its best document at least as
likely as greedy's?
"""

# %%
rows, found = [], {}
for width in (1, 2, 4, 16, 128):
    found[width] = beam_search(model, [end], 100, width=width, end_id=end)
    best = found[width][0]
    text = tell(best.ids)
    rows.append([str(width), text[:70] + (" ..." if len(text) > 70 else ""), len(best.ids), -best.log_prob])
table(["width", "best document", "words", "cost (nats)"], rows)

# %%
claim(
    found[4][0].log_prob < found[1][0].log_prob - 3, "with width 4 the best is twenty times less likely than greedy's"
)
claim(any(tell(beam.ids).startswith("dear diary") for beam in found[4]), "some of its beams begin with dear diary")
claim(found[128][0].log_prob > found[1][0].log_prob, "with width 128 it is likelier")

# %% [markdown]
r"""
No. What width 4 finds is dearer by several nats, and each nat is a factor of 2.7. Its beams were taken by beginnings
such as *dear diary , it is*: five words for the price of one, since after *dear* the other four are certain. Greedy's
document pays early, for what it is about, so it was thrown out before the diary had to pay for its weekday, weather,
town and all the rest. Beams compare texts *so far*. There is no law by which more beams find a likelier text. There
is the hope, and from some width on it comes true.

And what have we got then? Here are the five best of the widest search, and what they cost in the world.
"""

# %%
rows = [[tell(beam.ids), -beam.log_prob, -world.log_prob(tell(beam.ids))] for beam in found[128][:5]]
print(f"documents of the world cost {world.entropy():.1f} nats on average")
table(["document", "cost by the model", "by the world"], rows)

# %%
claim(rows[0][1] < 0.7 * world.entropy(), "the likeliest document found costs much less than an average one")
claim(sum(by_model < by_world for _, by_model, by_world in rows) >= 4, "of the five, the model overrates at least four")

ranked = sorted(held_out, key=lambda document: -document.log_prob)
n_words = [len(document.text.split()) + 1 for document in ranked]
likely, all_of_them, unlikely = (sum(part) / len(part) for part in (n_words[:100], n_words, n_words[-100:]))
print(
    f"words, on average: the likeliest tenth {likely:.0f}, all {all_of_them:.0f}, the least likely tenth {unlikely:.0f}"
)
claim(likely < all_of_them < unlikely, "likelier documents are shorter")

# %% [markdown]
r"""
So the likeliest text is not the best one. It surprises nobody. The world tells one like it now and then, and most of
what it tells is nothing like it. Think of Millbrook in lesson 01, where it rains on 70 of 100 days. The single
likeliest run of 100 days is rain on every one of them, and nobody has ever seen that. A typical run has about thirty
dry days somewhere.

Two more things are odd about the winners. Every further word can only add to the price, so likely texts tend to be
short. And the model asks less for its winners than the world does. That is no accident: whoever picks the highest of
many thousand estimates will, as a rule, get one that was estimated too high.

So beams are for tasks whose input leaves little open, such as translation. Stories are drawn.
"""

# %% [markdown]
r"""
## When should it stop?

There are three ways. The model can say so: it was trained to forecast the end of a document like any other word. Or a
limit on the number of words says so, in case the model never does. Or the text says so. Left alone, a model writes
both parts of a conversation, so it must be stopped where it begins to speak for *you*. Such a **stop string** need
not be one token. Here it is two, a name and a colon, and the name alone means nothing.
"""

# %%
from course_lib.generation import stream_text

friend = next(fact.value for fact in world.facts() if fact.subject == "anna" and fact.trait == "friend")
question = [end, *tokenizer.encode(f"anna : where do you live now , {friend} ? {friend} :")]


def answer():
    columns = generate(
        model, [question], 60, Sampling(top_p=0.9), end_id=end, generator=torch.Generator(device()).manual_seed(0)
    )
    for (word,) in columns:
        yield word.item()


whole = "".join(stream_text(answer(), tokenizer, prompt=question))
pieces = list(stream_text(answer(), tokenizer, prompt=question, stop=(" anna :",)))
print("without a stop string:", whole.strip())
print("with it, in pieces:   ", pieces)

claim(" anna :" in whole, "it would have gone on for anna")
claim("".join(pieces) == whole.split(" anna :")[0], "the text ends before the stop string")

# %% [markdown]
r"""
`stream_text` hands over each piece as soon as it is certain, which is what you see when an assistant types. Certain
means that nothing shown has to be taken back. The word *anna* was written and not handed over: it might have been the
first half of the stop string, and it was. Had no colon followed, it would have come a moment late. With tokens
smaller than words there is one more reason to wait. A letter such as *é* is two bytes, and a token may end between
them.
"""

# %% [markdown]
r"""
## Why read everything again for each word?

Our loop gave the model one word, then two, then three. To write 100 words, it read $1 + 2 + \dots + 100 = 5050$ of
them. How much of that work is new each time? Take one head of attention over eight vectors. A query looks at all keys
up to its own place, and takes a mean of their values. We compute that at once, with the library's function from
lesson 07, and then one vector at a time, keeping all keys and values.
"""

# %%
from course_lib.model import attention

dice = torch.Generator().manual_seed(0)
x = torch.randn(8, 16, generator=dice)  # T D: eight tokens, 16 numbers each
w_q, w_k, w_v = torch.randn(3, 16, 16, generator=dice) / 4  # D K, three times

at_once = attention(x @ w_q, x @ w_k, x @ w_v)

keys, values = torch.empty(0, 16), torch.empty(0, 16)  # S K: nothing has been read yet
one_by_one = []
for new in x:
    keys = torch.cat((keys, new[None] @ w_k))
    values = torch.cat((values, new[None] @ w_v))
    weights = (new @ w_q @ keys.T / 16**0.5).softmax(dim=0)
    one_by_one.append(weights @ values)

claim(torch.allclose(at_once, torch.stack(one_by_one), atol=1e-5), "one by one, with keys and values kept, is the same")

# %% [markdown]
r"""
In one layer, a key depends on its own token and on no other. So a key, once computed, is good for ever, and so is a
value, as long as the beginning of the text stays in view. (When the context is full, the library forgets the older
half and reads the newer one afresh.) New for a new word are one query, one key and one value. The keys and values that
are kept are the **KV cache**. Why no queries? A query is asked once, at its own place, and nobody will ask it again.
In a model of several layers each keeps its own. The vectors in the upper layers do not change either, because the
causal mask of lesson 07 lets no old word see a new one.

In the library a cache is an object that the model extends whenever it reads.
"""

# %%
document = torch.tensor([[end, *tokenizer.encode(held_out[3].text)]], device=device())
with torch.no_grad():
    at_once = model(document).softmax(dim=-1)
    cache = model.new_cache()
    one_by_one = torch.cat(
        [model(document[:, t : t + 1], cache=cache).softmax(dim=-1) for t in range(document.shape[1])], dim=1
    )

print(f"{document.shape[1]} words, the largest difference of any probability: {(at_once - one_by_one).abs().max():.1e}")
claim(torch.allclose(at_once, one_by_one, atol=1e-5), "with a cache the forecasts are the same")

# %% [markdown]
r"""
What does it save? Take a model of four layers and measure the time for *one more word*, when thirty words stand
already, and when a thousand do. We do that on the CPU. (On a GPU, so small a model shows no gain.)
"""

# %%
import time

from course_lib.model import TransformerConfig

deeper = GPT(TransformerConfig(vocab_size=V, context_length=1024, n_layers=4, n_heads=4, d_model=128)).eval()
read = torch.randint(V, (1, 1024))
n_read = [32, 64, 128, 256, 512, 1000]


def milliseconds(work, times):
    """The shortest of several: whatever disturbs a measurement makes it longer. On one thread, for a fair comparison."""
    threads, taken = torch.get_num_threads(), []
    torch.set_num_threads(1)
    try:
        for _ in range(times):
            start = time.perf_counter()
            work()
            if torch.cuda.is_available():
                torch.cuda.synchronize()
            taken.append(time.perf_counter() - start)
    finally:
        torch.set_num_threads(threads)
    return 1000 * min(taken)


def next_word_with(cache, n):
    deeper(read[:, n : n + 1], cache=cache)
    cache.rewind(n)  # forget it again, so that the measurement can be repeated


without, with_cache, weighs = [], [], []
with torch.no_grad():
    for n in n_read:
        cache = deeper.new_cache()
        deeper(read[:, :n], cache=cache)
        weighs.append(cache.n_bytes)
        without.append(milliseconds(lambda n=n: deeper(read[:, : n + 1]), times=6))
        with_cache.append(milliseconds(lambda n=n, cache=cache: next_word_with(cache, n), times=20))

curves(
    n_read,
    {"reading everything again": without, "with a cache": with_cache},
    xlabel="words that stand already",
    ylabel="next word (milliseconds)",
    log="xy",
)

# %%
table(
    ["words", "without (ms)", "with (ms)", "times faster", "cache (kB)"],
    [
        [n, a, b, f"{a / b:.1f}", f"{size / 1000:.0f}"]
        for n, a, b, size in zip(n_read, without, with_cache, weighs, strict=True)
    ],
)

# %%
claim(without[-1] > 4 * with_cache[-1], "after 1,000 words the cache makes the next one at least four times faster")
claim(without[-1] / without[0] > 1.5 * with_cache[-1] / with_cache[0], "and with it the time grows less with length")

# %% [markdown]
r"""
Without a cache the time for each word grows with the length of the text. So the time for a whole text grows with its
square, or faster. With a cache it hardly grows at this size: the new query has to be compared with every key, and
that is little work beside the matrices.

Nothing is free. The cache lies in memory: $L$ layers, $B$ texts, $S$ tokens in each, two vectors of width $D$ for
every token ($T$ is the temperature here), four bytes a number:

$$\text{bytes} = 2 \cdot L \cdot B \cdot S \cdot D \cdot 4$$
"""

# %%
claim(
    all(size == 2 * 4 * 1 * n * 128 * 4 for n, size in zip(n_read, weighs, strict=True)),
    "that is what the words in the caches weigh, to the byte",
)

layers, d_model, tokens, bytes_each = 32, 4096, 100_000, 2
print(f"a large model's cache:   {2 * layers * tokens * d_model * bytes_each / 1e9:.0f} GB")
print(f"its matrices, about:     {12 * layers * d_model**2 * bytes_each / 1e9:.0f} GB")

# %% [markdown]
r"""
(Room for the full context is reserved from the start.) The last two lines are for a model of 32 layers that are 4,096
wide, in 16-bit numbers, with a hundred thousand tokens in its context. (A block's matrices hold about $12 D^2$
numbers.) The matrices are shared by everybody who uses the machine, and the cache is for *one* of them. So the cache
decides how many people a machine can serve, and that is why newer models let several heads share their keys and
values.
"""

# %% [markdown]
r"""
## How do you write for thirty people at once?

One row does not keep a machine busy. For each word it fetches all weights from memory, uses each of them once, and
begins again. With 32 rows it fetches them once for all, and so it is with whatever else each step costs.
"""

# %%
words_per_second = {}
for n_rows in (1, 8, 32):
    start_tokens = torch.full((n_rows, 1), end)
    spent = milliseconds(
        lambda rows=start_tokens: list(generate(model, rows, 40, generator=torch.Generator(device()).manual_seed(0))),
        times=2,
    )
    words_per_second[n_rows] = n_rows * 40 / spent * 1000
table(["rows", "words per second"], [[n, f"{speed:,.0f}"] for n, speed in words_per_second.items()])

# %%
claim(
    words_per_second[32] > 3 * words_per_second[1],
    "32 rows together are written at more than three times the speed of one",
)

# %% [markdown]
r"""
But people do not ask questions of equal length, and a tensor has no ragged edge. Shorter prompts must be filled up
with something, the **padding**. On which side? The next word is forecast at the *last* column, so that is where all
prompts must end: they are filled up on the left. And nobody may look at the filling, so attention gets one more rule:
*at or before me, and not at padding.* (What about positions? A short prompt is shifted to the right. But this model's
attention knows only how far apart two tokens are, so the shift does no harm.)
"""

# %%
questions = ["anna lives in", "once upon a time there was a", prompt]
prompts = [[end, *tokenizer.encode(text)] for text in questions]
longest = max(map(len, prompts))
padded = torch.tensor([[end] * (longest - len(ids)) + ids for ids in prompts], device=device())
padding = torch.tensor([longest - len(ids) for ids in prompts], device=device())
for row, n_padding in zip(padded.tolist(), padding.tolist(), strict=True):
    print(" ".join(f"{'·' if place < n_padding else names[word]:>6}" for place, word in enumerate(row)))

with torch.no_grad():
    alone = torch.stack([forecast(ids) for ids in prompts])
    told = model(padded, cache=model.new_cache(padding))[:, -1].softmax(dim=-1).cpu()
    not_told = model(padded)[:, -1].softmax(dim=-1).cpu()
print(f"\nfarthest from the forecast alone: {distance(alone, told).max():.0e} if the padding is known, ", end="")
print(f"{distance(alone, not_told).max():.3f} if not")

claim(distance(alone, told).max() < 1e-4, "when the cache knows the padding, each row is forecast as if it were alone")
claim(distance(alone, not_told).max() > 0.001, "when it does not, the padding is read as text, and forecasts change")

# %%
greedy = Sampling(temperature=0)
together = torch.stack(list(generate(model, prompts, 20, greedy, end_id=end)), dim=1).tolist()
one_each = [torch.stack(list(generate(model, [ids], 20, greedy)), dim=1)[0].tolist() for ids in prompts]


def up_to_end(ids):
    return ids[: ids.index(end)] if end in ids else ids


for text, ids in zip(questions, together, strict=True):
    print(text, "...", tokenizer.decode(up_to_end(ids)))
claim(
    list(map(up_to_end, together)) == list(map(up_to_end, one_each)),
    "prompts of unequal length, continued together, give what each gives alone",
)

# %% [markdown]
r"""
## Can a small model do most of the work?

*Dear ...* You know the next word, and so does the cheapest of models: after *dear* only *diary* comes. It is a waste
to ask a large one for every word. But how could we use a small one without letting its poorer judgement into the text?

**Speculative decoding** (Leviathan and others, 2023; Chen and others, [2023](https://arxiv.org/abs/2302.01318)) lets
the small model *draft* a few words, and the large one check them all in a single pass. It can do that because a pass
gives a forecast at every place at once, not only at the last.

Everything hangs on the rule for checking. At some place let $p$ be the large model's forecast, after whatever heat and
cuts we chose, and $q$ the small one's. (The large model plays the truth here.) The draft says $x$, drawn from $q$.
Accept it with probability $\min(1, \frac{p(x)}{q(x)})$: always, if the large model likes $x$ at least as much as the
small one, and less often the more the small one overrated it. If $x$ is refused, draw another word from

$$\frac{\max(0,\ p - q)}{\sum \max(0,\ p - q)}$$

that is, from what the large model gives *more* than the small one, made to add up to one.

**Predict first.** Why so complicated? Would it not do to draw from $p$ itself after a refusal?
"""

# %%
p = torch.tensor([0.50, 0.25, 0.15, 0.10])  # the large model
q = torch.tensor([0.10, 0.60, 0.20, 0.10])  # the small one
n = 20_000
dice = torch.Generator().manual_seed(0)

draft = torch.multinomial(q, n, replacement=True, generator=dice)
accepted = torch.rand(n, generator=dice) < (p / q)[draft]
from_the_rest = torch.multinomial((p - q).clamp(min=0), n, replacement=True, generator=dice)
from_p_again = torch.multinomial(p, n, replacement=True, generator=dice)

rows, shares = [["wanted: p", *p.tolist()]], {}
for name, second in {"refused: from what p has more": from_the_rest, "refused: from p": from_p_again}.items():
    written = torch.where(accepted, draft, second)
    shares[name] = torch.bincount(written, minlength=4) / n
    rows.append([name, *shares[name].tolist()])
table(["20,000 words", "a", "b", "c", "d"], rows)

# %%
right, wrong = shares.values()
claim(distance(right, p) < 0.02, "with the rule, words come as often as the large model says")
claim(distance(wrong, p) > 0.1, "drawing from p after a refusal does not give p")
overlap = torch.minimum(p, q).sum()
claim(abs(accepted.float().mean() - overlap) < 0.02, "the share accepted is the sum of min(p, q)")
claim(abs(overlap - (1 - distance(p, q))) < 1e-6, "which is one minus the total variation distance")

# %% [markdown]
r"""
It would not do. Word *b* has had its full share of 0.25 from the drafts alone, and drawing from $p$ gives it a second
chance. With the rule the words come out right, and exactly so. Here is the proof. By the draft, a word is written
with probability $q \cdot \min(1, \frac pq) = \min(p, q)$. A refusal happens with probability $1 - \sum \min(p, q)$,
and because $\sum p = 1$ this equals $\sum \max(0, p - q)$, the very number below the line. They cancel, so by a
refusal a word is written with probability $\max(0, p - q)$. Together:

$$\min(p, q) + \max(0, p - q) = p$$

The small model's judgement is gone. What it decides is only how often we get a word for free: in a share
$\sum \min(p, q)$ of the drafts at each place, which is one minus the total variation distance of the two forecasts
there.

Now for real. The large model is ours. The small one is the table of word pairs, which costs nothing to ask. Two lines
need a word. The `else` belongs to the `for`, and runs only if the loop was not left by a `break`: here, if every
drafted word was accepted. Everything in `ids` but the newest word has been read, so the cache goes back to one before
it, and thereby forgets what was refused.
"""


# %%
@torch.no_grad()
def speculate(n_drafted, dice):
    """One document; also how often the large model was asked, and how many drafted words it looked at and accepted."""
    ids, cache = [end], model.new_cache()
    passes = looked_at = taken = 0
    while len(ids) < 100:
        draft = []
        for _ in range(n_drafted):
            draft.append(torch.multinomial(pairs[(ids + draft)[-1]], 1, generator=dice).item())
        unread = torch.tensor([ids[cache.position :] + draft], device=device())
        checks = model(unread, cache=cache)[0, -len(draft) - 1 :].softmax(dim=-1).cpu()
        passes += 1
        for p, word in zip(checks, draft, strict=False):
            q = pairs[ids[-1]]
            looked_at += 1
            if torch.rand(1, generator=dice) < p[word] / q[word]:
                taken += 1
                ids.append(word)
            else:
                ids.append(torch.multinomial((p - q).clamp(min=0), 1, generator=dice).item())
                break
            if word == end:
                break
        else:  # all were accepted, and the last forecast has not been used: one more word, for nothing
            ids.append(torch.multinomial(checks[-1], 1, generator=dice).item())
        if ids[-1] == end:
            break
        cache.rewind(len(ids) - 1)
    return ids, passes, looked_at, taken


# %%
dice = torch.Generator().manual_seed(0)
rows, tally = [], {}
for n_drafted in (1, 4, 8):
    runs = [speculate(n_drafted, dice) for _ in range(20)]
    n_words = sum(len(ids) - 1 for ids, *_ in runs)
    passes, looked_at, taken = (sum(run[i] for run in runs) for i in (1, 2, 3))
    tally[n_drafted] = n_words, passes, looked_at, taken
    rows.append([n_drafted, taken / looked_at, passes / n_words, f"{n_words / passes:.2f}"])
table(["drafted at once", "share accepted", "passes for each word", "words for each pass"], rows)

# %%
small_model = pairs[torch.tensor([word for document in exam for word in (end, *tokenizer.encode(document.text))])]
expected = torch.minimum(logits.softmax(dim=-1), small_model).sum(dim=1).mean().item()
print(
    f"on the 150 documents the two forecasts overlap by {expected:.3f} on average; 1 / (1 - that) = {1 / (1 - expected):.2f}"
)
_, _, looked_at, taken = (sum(column) for column in zip(*tally.values(), strict=True))
claim(abs(taken / looked_at - expected) < 0.08, "that is about the share of the drafted words that was accepted")
claim(0.3 < expected < 0.45, "about four drafted words in ten")
claim(
    tally[4][1] < 0.8 * tally[4][0],
    "with four drafted at once, the large model is asked fewer than 8 times for 10 words",
)

# %% [markdown]
r"""
A table that knows nothing but neighbours, and about four of its words in ten are accepted. So the model is asked fewer
than eight times for ten words, and the text is as good as its own, because it *is* its own: not word for word, but in
distribution. Longer drafts hardly help: after the first refusal the rest is thrown away. If every drafted word had the
same chance $\alpha$, a pass would give $1 + \alpha + \alpha^2 + \dots$ words, and however long the draft, that stays
below $\frac{1}{1 - \alpha}$. Compare it with the last column.

To be honest, on *this* model you save no time. It is so small that the Python around it takes longer. The trick pays
where a pass means fetching many gigabytes of weights, and where the machine is not yet kept busy by many rows. There,
checking five words costs about as much as writing one, for the same reason as with thirty people at once.
"""

# %% [markdown]
r"""
## Your turn to choose

Below is the model's forecast, and you take the part of the lines that choose. Press a word to append it, or let one be
drawn. The darker a word's ground, the more it cost. Write a document that costs as little as you can manage, and then
one of more than 8 nats that could still be true. Which one would you rather read?
"""

# %% tags=["hide-input"]
from course_lib.display.widgets import TokenChooser

TokenChooser(lambda ids: forecast(ids).tolist(), names, [end, *tokenizer.encode("anna")])

# %% [markdown]
r"""
And here are the knobs, on one forecast at a time. Find a setting for the first word that keeps about as many words as
the world allows there, ninety-eight. Then look at what the same setting does after *drank apple*.
"""

# %% tags=["hide-input"]
from course_lib.display.widgets import Explorer, menu, slider


def draw(place, temperature, top_p, min_p):
    hot_logits = forecast([end, *tokenizer.encode(places[place])]).log()[None] / temperature
    kept = keep_top_p(hot_logits, top_p)
    if min_p > 0:
        kept = keep_min_p(kept, min_p)
    p = kept.softmax(dim=1)[0]
    n_kept = int(kept.isfinite().sum())
    possible_words = [
        tokenizer.encode(word)[0] for word in world.next_word(places[place] + " " if places[place] else "")
    ]
    return token_bars(p, names, title=place), (
        f"{n_kept} of {V} words stay, {len(possible_words)} are possible in truth; "
        f"impossible words hold {1 - p[possible_words].sum():.1%}; entropy {entropy(p):.2f} nats"
    )


Explorer(
    draw,
    place=menu(list(places), "(the first word)"),
    temperature=slider(0.1, 3, 1, label="temperature"),
    top_p=slider(0.05, 1, 0.9, step=0.05, label="top-p"),
    min_p=slider(0, 1, 0, step=0.05, label="min-p"),
)

# %% [markdown]
r"""
When somebody tells you that a model is dull, or mad, or repeats itself, ask for the settings first. Its forecasts may
be excellent. What you read is always made by two: a model that forecasts, and a few lines that choose.
"""
