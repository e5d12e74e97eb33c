# ---
# title: Pretraining
# part: "IV · Training and sampling"
# minutes: 80
# may_take: 90
# prerequisites: >-
#   Lesson 01 (loss, floor, bits per byte) and lesson 07 (attention). The lessons between them come later.
# objectives:
#   - name every part of a pretraining run, from the text to the model card, and say what each hands to the next
#   - estimate a run before starting it (parameters, operations, seconds, memory) and hold the estimate against what it took
#   - read a loss curve against a known floor, and say how far a model still is from it
#   - interrupt a run and go on with it without losing an update
#   - say what each ingredient of a recipe gave, from runs that differ in nothing else
# summary:
#   - Text becomes token ids, ids become rows with targets that are shifted by one, rows become a loss, the loss becomes
#     an update; then comes the judgement on text that was held out, and a card that says what the model is and is not.
#   - Six operations for each parameter and token, over the machine's best rate, say roughly what a run must take. A dozen
#     steps tell the share of that rate that is reached, and with it the time.
#   - The distance to the floor, in nats per document, is what is left to learn. It belongs on text that was held out, and
#     says more beside samples that were judged.
#   - An update happens as a whole or not at all, and the run remembers where it is; so the loop can be left after any
#     step and entered again.
#   - Packing puts about twice as many words into a batch. Of four ingredients, Muon was missed most in a short run and
#     normalised queries and keys came second; a start from zero made no difference, and a falling rate did harm there.
# quiz:
#   - question: >-
#       You double the number of parameters and the number of tokens. How much longer does the run take, if the machine
#       works at the same rate?
#     options:
#       - answer: Twice as long.
#         because: Each of the two doublings doubles the work by itself. Together they multiply.
#       - answer: Four times as long.
#         right: true
#         because: The work is about six operations for each pair of a parameter and a token, 6 · N · D.
#       - answer: Eight times as long.
#         because: That would be three doublings. In the length of the *context* attention grows with the square, which is
#           another matter.
#   - question: >-
#       A run on the toy world ends 0.4 nats per document above the floor. Its owner trains a model of twice the size and
#       ends 0.3 *below* it, on the same held-out documents. What do you say?
#     options:
#       - answer: Congratulations, the larger model has understood the world better.
#         because: Nothing that predicts these documents word by word can pay less on average than the world itself.
#       - answer: Something is leaking, or the loss is divided by the wrong count.
#         right: true
#         because: Look at the mask, at the shift of the targets, at how rows are filled up, and at what the mean is taken over.
#       - answer: It overfits.
#         because: Overfitting shows on held-out documents as a *higher* loss. It never takes a model below the floor there.
#   - question: >-
#       A run of 3,000 steps is stopped by accident after 2,000. The weights were saved, and nothing else. What is lost?
#     options:
#       - answer: Nothing. The weights are the model.
#         because: They are the model and not the run. The optimizers' running means, the place in the data, the place in the
#           schedule and the random numbers are part of what the next step depends on.
#       - answer: The run can go on, but not as it would have gone on.
#         right: true
#         because: The optimizers begin with empty memories, the learning rate starts over, and the same text is read again.
#       - answer: Everything. It has to start from random weights.
#         because: The weights hold what 2,000 steps have found. It is a fine place to start another run from.
# read_next:
#   - "[Chowdhery and others, *PaLM: Scaling Language Modeling with Pathways* (2022)](https://arxiv.org/abs/2204.02311): section 4.1 proposes MFU, and holds the numbers of four famous runs against each other."
#   - "[Kaplan and others, *Scaling Laws for Neural Language Models* (2020)](https://arxiv.org/abs/2001.08361): where 6 · N · D comes from, with the small print (section 2.1)."
#   - "[Hoffmann and others, *Training Compute-Optimal Large Language Models* (2022)](https://arxiv.org/abs/2203.15556): how many tokens a model of a given size should read; about twenty for each parameter."
#   - "[Jordan and others, *Muon: An optimizer for hidden layers in neural networks* (2024)](https://kellerjordan.github.io/posts/muon/): the update that made most of the difference here."
#   - "[Mitchell and others, *Model Cards for Model Reporting* (2019)](https://arxiv.org/abs/1810.03993): what a card should hold, and whom it protects."
# ---

# %% [markdown]
r"""
## What does it take to make one?

A language model is made once and then used a million times. The making is called **pretraining**, and it is the part
that costs: the big ones take thousands of machines for months. Yours will take two processor cores and a fraction of a
minute. Everything else is the same, and nothing will be hidden.

Two things are taken on credit here. The model is a transformer, a stack of the attention that you met in lesson 07 and
of layers that look at one word at a time (lessons 08 and 09 build it). And its parameters are moved downhill a little
after each batch of text, by rules that lessons 02 and 12 take apart.

**Predict first.** The model of this lesson takes 500 small steps. It begins knowing nothing, not even that a sentence
ends. Of a hundred documents that it then writes about the toy world, how many will be grammatical to the last word? How
many will be *true*?
"""

# %% [markdown]
r"""
## What will it read?

The toy world tells as many documents as we like. We take thirty thousand to learn from, and a thousand others, drawn
apart, that the model will be judged on and never trained on.
"""

# %%
from course_lib import claim
from course_lib.display import table
from course_lib.text import VALIDATION_SEED, load_corpus

corpus = load_corpus("world")
world = corpus.world
reading = corpus.train.splitlines()
held_out = world.documents(1000, seed=VALIDATION_SEED)

print(f"{len(reading):,} documents, {len(corpus.train) / 1e6:.1f} MB, beginning with\n")
print(reading[0], "\n\n" + reading[1])

claim(
    [document.text for document in held_out] == corpus.val.splitlines(), "the corpus holds these 1,000 documents back"
)

# %% [markdown]
r"""
Held back is not the same as unseen. Many documents of this world are short, and a short one may well be told twice. A
model that did nothing but memorise would do well on those, so let us count them now, and keep the two kinds apart when
we judge.
"""

# %%
told_before = set(reading)
seen = [document for document in held_out if document.text in told_before]
unseen = [document for document in held_out if document.text not in told_before]
print(
    f"of the held-out documents, {len(seen)} also stand in the training text, word for word, and {len(unseen)} do not"
)

claim(0.25 < len(seen) / len(held_out) < 0.75, "between a quarter and three quarters of them do")

# %% [markdown]
r"""
Real corpora have the same fault on a larger scale, where it is called *contamination*, and can be counted only roughly.
"""

# %% [markdown]
r"""
## From words to a file of numbers

A model reads numbers. The world separates its words by blanks, so the simplest **tokenizer** will do: every word has a
number, and so has the end of a document. (Lesson 05 shows what one does with real text.)
"""

# %%
from course_lib.text import tokenizer_for

tokenizer = tokenizer_for(corpus)
ids = tokenizer.encode(corpus.train)
print(tokenizer, f"· {len(ids):,} tokens")
print(reading[0])
print(ids[: len(reading[0].split()) + 1], "... where", tokenizer.end_id, "is the end of the document")

# %% [markdown]
r"""
Eight hundred thousand numbers fit into memory with ease. A corpus for a large model does not: it lies on a disk as one
long **token file**, and the training loop picks pieces out of it. Here is ours, with two bytes for each number and a
line in front that says what it is.
"""

# %%
import tempfile
from pathlib import Path

from course_lib.text import TokenFile, write_tokens

output = tempfile.TemporaryDirectory()
path = Path(output.name, "train.tokens")
write_tokens(path, ids, tokenizer)

data = path.read_bytes()
print(f"{len(data):,} bytes: {data[:100]!r} ... then {list(data[512:524])} ...")
claim(len(data) == 512 + 2 * len(ids), "a header of 512 bytes, and two bytes for each token")

# %% [markdown]
r"""
The header is worth its bytes. A file of numbers looks the same whatever it means, and a training run on the wrong one
does not crash. It learns nonsense. So the file remembers which tokenizer made it, and refuses to
be opened with another. It also notices a single changed byte.
"""

# %%
from course_lib.errors import CourseError
from course_lib.text import ByteTokenizer

damaged = Path(output.name, "damaged.tokens")
damaged.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))

refusals = []
for file, opener in ((path, ByteTokenizer()), (damaged, tokenizer)):
    try:
        TokenFile.open(file, opener)
    except CourseError as error:
        refusals.append(str(error).replace(output.name, "..."))
        print(refusals[-1], "\n")
claim(len(refusals) == 2, "the wrong tokenizer and a flipped bit are both refused")

train_ids = TokenFile.open(path, tokenizer).ids

# %% [markdown]
r"""
## What does one batch look like?

An end token stands between any two documents. Each row begins with one, because the first word of a document has to be
predicted from something. Then comes the document, its end, the next document, and so on, and the row is cut off at the
length of the context. The **target** of a token is the one that follows it. A few rows make a batch.

How many, and how long they are, stands in the **preset**, the set of sizes that `COURSE_PRESET` chooses.
"""

# %%
import torch

from course_lib.presets import current_preset_name, find_preset
from course_lib.text import DocumentRows

preset = find_preset(current_preset_name(), "world")
batches = DocumentRows(train_ids, tokenizer.end_id, preset.batch_size, preset.context_length, seed=0)
batch = next(batches)

inputs, targets, documents = (each[0].tolist() for each in (batch.inputs, batch.targets, batch.documents))
row = [
    [tokenizer.token_text(token), tokenizer.token_text(target), document]
    for token, target, document in zip(inputs, targets, documents, strict=True)
]
border = documents.index(1)
print("shape of a batch:", tuple(batch.inputs.shape), "· the row around its first border between documents:")
table(["token", "target", "document of the row"], row[max(0, border - 3) : border + 3])

# %%
claim((batch.inputs[:, 1:] == batch.targets[:, :-1]).all(), "each target is the next token")
claim((batch.inputs[:, 0] == tokenizer.end_id).all(), "each row begins with an end token")

# %% [markdown]
r"""
(The end token is the line end, shown as `\\n`.) The last column is there for attention. No token may look at another document, for the two have nothing to do with each
other, and a model that looks for a connection wastes its time. So in these rows the mask of lesson 07 has a second
rule: *at or before me, and in my document.*

Why not give each document a row of its own? Because they differ in length, and a row has to be as long as the longest of
its batch.
"""

# %%
n_words = torch.tensor([len(text.split()) + 1 for text in reading])
in_batches = n_words[: len(n_words) // preset.batch_size * preset.batch_size].view(-1, preset.batch_size)
alone = n_words.sum() / (in_batches.amax(dim=1) * preset.batch_size).sum()
print(
    f"documents of {n_words.min()} to {n_words.max()} words; with a row for each, {alone:.0%} of a batch would be text"
)
claim(alone < 0.6, "rows of one document each would be less than six tenths text")

# %% [markdown]
r"""
The rest would be filling. Putting several documents into one row is called **packing**, and it gets about twice as many
words out of a batch of the same size.
"""

# %% [markdown]
r"""
## How long will it take?

One should know that before starting a run, above all if it costs money. First the model. This is where its parameters
are. (The *head* is the last matrix, which makes a logit for every word.)
"""

# %%
from collections import Counter

from course_lib.model import GPT
from course_lib.runtime import device

torch.manual_seed(0)
model = GPT(preset.model(tokenizer.vocab_size)).to(device())

parts = Counter()
for name, parameter in model.named_parameters():  # such as head.weight, or blocks.0.mlp.expand.weight
    words = name.split(".")
    parts[words[2] if words[0] == "blocks" else words[0]] += parameter.numel()
table(["part", "parameters"], [*parts.items(), ["all", model.n_parameters]])

# %% [markdown]
r"""
The embedding is a table to look things up in, and costs no arithmetic. Every other parameter is multiplied with
something once for each token, and the product is added to a sum: two operations. Going backward, for the gradients,
costs twice as much again. So training takes about **six operations for each parameter and token**:

$$\text{operations} \approx 6 \cdot N \cdot D, \qquad N \text{ parameters that multiply}, \quad D \text{ tokens read}$$

It is a rule of thumb. It leaves out the scores of attention and the work of the optimizer, and in a model as small as
this one the two are a good part of the whole.
"""

# %%
n_steps = preset.training.steps // 3  # the command line takes all of them, but you are waiting
n_tokens = n_steps * preset.batch_size * preset.context_length
multiplying = model.n_parameters - model.embedding.weight.numel()
operations = 6 * multiplying * n_tokens
print(f"{n_steps} steps: 6 · {multiplying:,} · {n_tokens:,} = {operations / 1e12:.2f} million million operations")

# %% [markdown]
r"""
And what can the machine do? The fastest thing that it does is to multiply large matrices, so that is the yardstick. A
product of two matrices of 1024 by 1024 takes $2 \cdot 1024^3$ operations.
"""

# %%
import time

from course_lib.runtime import autocast


def seconds(work, times):
    """How long each of several runs took, shortest first."""
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return sorted(taken)


square = torch.randn(1024, 1024, device=device())


def multiply():
    (square @ square)[0, 0].item()  # to read one number is to wait until all are there


with autocast(device()):  # in the precision that training uses here
    shortest, *_ = seconds(multiply, times=5)
peak = 2 * 1024**3 / shortest
print(
    f"the machine's best: {peak / 1e9:.0f} billion operations a second; at that rate the run takes {operations / peak:.1f} s"
)

# %% [markdown]
r"""
Nothing else is ever as fast as a large matrix product, so this is a bound, and an optimistic one. A real step also
moves numbers about, normalises them, looks things up, and hands small matrices to a machine that likes large ones. The
honest way to a good estimate is to try a few steps, on a copy that is thrown away.
"""

# %%
import copy

from course_lib.training import train

trial_batches = DocumentRows(train_ids, tokenizer.end_id, preset.batch_size, preset.context_length, seed=1)
trial = train(copy.deepcopy(model), trial_batches, preset.training)
for _ in range(3):
    next(trial)  # the first ones are slow: memory is asked for, and there is much to be set up
per_step = seconds(lambda: next(trial), times=12)[6]  # the middle one
estimate = per_step * n_steps
print(f"{per_step * 1000:.0f} ms a step, so {n_steps} steps should take about {estimate:.0f} s")
print(f"counted by the rule of thumb, that is {operations / n_steps / per_step / peak:.0%} of the machine's best")

# %% [markdown]
r"""
A share like the last one, with the rate below the line that the maker of the machine promises, is called **model FLOPs
utilization** or MFU. Chowdhery and others (2022), who proposed the measure, work out 21 % for the training of GPT-3 and 46
% for their own PaLM.

And the memory? For each parameter there is the parameter itself, its gradient, and what the optimizer remembers of it,
four bytes each. Two optimizers share the parameters here: AdamW remembers two numbers for each of its own, and Muon, which
has a section further down, one. On top comes what the forward pass has to keep for the way back.
"""

# %%
kept = {}


def note(tensor):
    kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
    return tensor


with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
    scores = trial.model(batch.inputs.to(device()), batch.documents.to(device()))
kept_for_backward = sum(kept.values()) - 4 * model.n_parameters  # the weights are among what is kept

remembered = sum(
    value.numel() * 4
    for optimizer in trial.optimizers
    for memory in optimizer.state.values()
    for value in memory.values()
    if torch.is_tensor(value)
)
table(
    ["in memory", "MB"],
    [
        ["weights", 4 * model.n_parameters / 1e6],
        ["their gradients", 4 * model.n_parameters / 1e6],
        ["what the optimizers remember", remembered / 1e6],
        ["kept from the forward pass", kept_for_backward / 1e6],
    ],
)

# %%
claim(4 < remembered / model.n_parameters < 8, "the optimizers remember between one and two numbers for each parameter")
claim(kept_for_backward > 8 * model.n_parameters, "what the forward pass keeps is more than weights and gradients")

# %% [markdown]
r"""
The last line grows with the batch, the other three with the model. At seven billion parameters it is 28 GB for the weights
alone, and with gradients and AdamW's two memories four times that, before the first word has been read.
"""

# %% [markdown]
r"""
## What does it know before it has read a word?

A run should begin with this line, because it costs nothing. An untrained model should prefer no word, and pay what an
even guess pays.
"""

# %%
import math

from course_lib.evaluation import evaluate
from course_lib.text import evaluation_documents


def nats_above_floor(model, documents):
    """What `model` pays for whole documents on top of what the world itself pays, in nats per document."""
    text = "".join(document.text + "\n" for document in documents)
    paid = evaluate(model, evaluation_documents(tokenizer.encode(text), tokenizer.end_id))
    return paid.nats / len(documents) - world.floor(documents).per_document


first_loss = evaluate(model, evaluation_documents(tokenizer.encode(corpus.val), tokenizer.end_id)).loss
print(f"first loss {first_loss:.4f}, ln V {math.log(tokenizer.vocab_size):.4f}")
claim(abs(first_loss - math.log(tokenizer.vocab_size)) < 0.01, "an untrained model pays ln V nats per word")

# %% [markdown]
r"""
Our model's head starts at zero, so this must hold to the last digit, and it tests little more than the counting. With
a head that starts at random, it also shows a model that is far too sure of something at birth.
"""

# %% [markdown]
r"""
## The run

Four times along the way we stop, let the model write two hundred documents, and have the world judge them. A document
is *grammatical* if some world with these names and things could tell it, and *true* if this one could: right facts,
right sums.
"""

# %%
from course_lib.evaluation import judge_world
from course_lib.generation import generate


def write(model, n_documents, seed=0):
    """Documents by `model`, each from the lone end token with which every document begins."""
    prompts = torch.full((n_documents, 1), tokenizer.end_id, device=device())
    generator = torch.Generator(device()).manual_seed(seed)
    columns = generate(model, prompts, preset.context_length, end_id=tokenizer.end_id, generator=generator)
    rows = torch.stack(list(columns), dim=1).tolist()  # `generate` hands out the next token of all rows at a time
    return [tokenizer.decode(row).split("\n")[0] for row in rows]


snapshots = {}


def take_snapshot(step):
    texts = write(model, 200)
    snapshots[step.number] = (
        nats_above_floor(model, held_out[:200]),
        judge_world(world, texts, n_reference=1000),
        texts,
    )


# %% [markdown]
r"""
The loop is all there is. `train` hands out one step at a time, and whatever we want to do between two steps, we do.
"""

# %%
from dataclasses import replace

from course_lib.display import LiveCurve

floor = world.floor(held_out)
batches = DocumentRows(train_ids, tokenizer.end_id, preset.batch_size, preset.context_length, seed=0)
run = train(model, batches, replace(preset.training, steps=n_steps))
live = LiveCurve(n_steps, floor=floor.per_word)

# %% [markdown]
r"""
Before the real thing, one experiment. People stop a training cell because they want to look at something, or by
mistake. What is lost? Below, the model itself presses the stop button, in the middle of a step, when the run has hardly
begun.
"""

# %%
import signal

moments = {max(2, n_steps * sixteenths // 16) for sixteenths in (1, 4, 8, 16)}
seconds_of_steps = {}


def watch():
    with live:
        for step in run:
            live.add(step.loss, step.number)
            seconds_of_steps[step.number] = step.seconds
            if step.number in moments:
                take_snapshot(step)


early = max(1, n_steps // 20)


def press_stop(*_):
    if run.step == early:  # so many updates are behind us, and the next is under way
        signal.raise_signal(signal.SIGINT)


button = model.register_forward_hook(press_stop)  # called whenever the model has computed its scores
try:
    watch()
except KeyboardInterrupt:
    print(f"interrupted: {run.step} updates made, {len(live.losses)} losses noted")
button.remove()

claim(run.step == early + 1, "the update that was under way has been completed")

# %% [markdown]
r"""
An update changes every parameter, one matrix after the other. If an interrupt could strike in between, half of the model
would be a step ahead of the other half. So `train` lets it wait until the step is complete. What is lost is a line in our
own record, since the loop was left before it could note that step's loss. The run itself knows how far it is, and so to
go on is to enter the loop again.
"""

# %%
watch()

# %%
claim(run.step == n_steps, "the run went on to its last step")
took = sum(seconds_of_steps.values())
speed = run.tokens / took
print(f"{took:.0f} s for the steps; estimated were {estimate:.0f} s")
print(f"{speed:,.0f} tokens a second")
claim(0.4 < took / estimate < 2.5, "the estimate is right within a factor of two and a half")

# %% [markdown]
r"""
The dotted line is the floor, as the thousand held-out documents have it. The curve is noisy because each point is one
batch, and some batches hold easier documents than others; a few points may even lie below the line. It first falls off a
cliff and then crawls. Most of the time of a run is spent on the last few per cent.

Here is the same run in documents instead of words, at the four moments.
"""

# %%
table(
    ["steps", "nats per document above the floor", "grammatical", "true"],
    [
        [str(step), gap, f"{judgement.grammatical:.0%}", f"{judgement.true:.0%}"]
        for step, (gap, judgement, _) in snapshots.items()
    ],
)

# %%
gaps = [gap for gap, _, _ in snapshots.values()]
judgements = [judgement for _, judgement, _ in snapshots.values()]
claim(gaps == sorted(gaps, reverse=True), "the model comes closer to the floor from moment to moment")
claim(gaps[-1] < 1.0, "at the end it pays less than one nat per document more than the world itself")
claim(judgements[0].true < judgements[-1].true / 2, "at the first moment, less than half as much is true as at the end")
claim(judgements[-1].grammatical > 0.75, "at the end, more than three in four are grammatical to the last word")
claim(judgements[-1].true > 0.65, "and nearly two in three are true, or more")

# %% [markdown]
r"""
How good was your guess? From nothing but examples, it has learned to end its sentences, to keep a name through most
stories, and who lives where. Nobody told it a rule.

Move through the moments and read what it wrote. The interesting ones are in the middle, where every sentence sounds right
and the sentences do not fit together.
"""

# %% tags=["hide-input"]
from course_lib.display import curves
from course_lib.display.widgets import Explorer, slider

smooth = torch.tensor(live.losses).unfold(0, max(1, n_steps // 50), 1).mean(dim=1)  # means of neighbouring steps
smooth_steps = live.steps[-len(smooth) :]


def draw(moment, sample):
    step = list(snapshots)[round(moment) - 1]
    gap, judgement, texts = snapshots[step]
    here = max(0, min(len(smooth) - 1, step - smooth_steps[0]))
    picture = curves(
        smooth_steps,
        {"loss": smooth},
        xlabel="optimizer step",
        ylabel="loss (nats per word)",
        lines={"floor": floor.per_word},
        marks={f"step {step}": (smooth_steps[here], smooth[here])},
        log="y",
    )
    text = texts[round(sample) - 1]
    verdict = {True: "true", False: "false", None: "not grammatical"}[world.is_true(text)]
    return (
        picture,
        f"step {step}: {gap:.2f} nats per document above the floor, {judgement.grammatical:.0%} grammatical, "
        f"{judgement.true:.0%} true. Sample {sample:.0f} ({verdict}): {text}",
    )


Explorer(
    draw,
    moment=slider(1, len(snapshots), 1, step=1, label="moment"),
    sample=slider(1, 20, 1, step=1, label="sample"),
)

# %% [markdown]
r"""
## Where does it look?

In lesson 07 a head was trained to find the fruit. Nobody asked this model to find one. It was asked for the next word, and
after *then she drank* the next word is the fruit that she took a sentence before. Here is where its heads look from the
word *drank*.
"""

# %%
from course_lib.display import heatmap
from course_lib.inspection import attention_maps

story = "clara was thirsty . she took one apple and made some juice . then she drank"
words = story.split()


def looks_of_the_last_word(text):
    """How much each head of each layer takes from each token when it stands at the last word of `text` [L · H, T]."""
    ids = torch.tensor([[tokenizer.end_id, *tokenizer.encode(text)]], device=device())
    return torch.cat([heads[0, :, -1] for heads in attention_maps(model, ids)]).cpu()


looks = looks_of_the_last_word(story)
heatmap(
    looks,
    [f"head {head}" for head in range(1, len(looks) + 1)],
    ["(end)", *words],
    xlabel="looked at",
    ylabel="from “drank”",
    number="",
)

# %%
from course_lib.text.world import FRUITS

place = 1 + words.index("apple")
most = {fruit: looks_of_the_last_word(story.replace("apple", fruit))[:, place].max().item() for fruit in FRUITS}
print("the most that any head takes from the fruit:", {fruit: round(share, 2) for fruit, share in most.items()})
claim(sum(most.values()) / len(most) > 0.35, "averaged over the fruits, some head gives the fruit more than a third")

no_fruit = looks_of_the_last_word(story.replace("apple", "the"))[:, place].max().item()
print(f"from *the* in the same place: {no_fruit:.2f}")
claim(no_fruit < sum(most.values()) / len(most), "a word that is no fruit gets less, in the same place")

# %% [markdown]
r"""
For nearly every fruit some head looks at it, and which head it is differs from fruit to fruit (and from seed to seed). It
is the trick of lesson 07, found again because the loss made it worth finding. The other heads look elsewhere. What for is
not written on them; lesson 19 asks such questions seriously.
"""

# %% [markdown]
r"""
## Has it learned, or memorised?

**Predict first.** We kept the held-out documents that stand in the training text apart from those that do not. (To stand
there is not yet to have been read: the run is over before it has seen all of the text.) On which of them is the model
closer to the floor, and by how much?
"""

# %%
gap_seen, gap_unseen = nats_above_floor(model, seen), nats_above_floor(model, unseen)
rows = []
for name, group, above in (("also in the training text", seen, gap_seen), ("new", unseen, gap_unseen)):
    words_each = sum(len(document.text.split()) + 1 for document in group) / len(group)
    rows.append([name, len(group), words_each, world.floor(group).per_document, above, above / words_each])
table(
    ["held-out documents", "how many", "words each", "floor (nats)", "above it, per document", "above it, per word"],
    rows,
)

# %%
claim(gap_unseen < 0.15 * world.floor(unseen).per_document, "on documents it never saw it pays less than 15 % on top")

# %% [markdown]
r"""
The new documents are longer, so there is more to pay for. Counted per word the two groups hardly differ, and which one
comes out ahead is a matter of the seed. A model that had only memorised would be lost on the new ones, as the long
memories of lesson 00 were. So what it has learned holds for texts that it never met.

The mean over all the documents, per word and per byte, is what you would report.
"""

# %%
final = evaluate(model, evaluation_documents(tokenizer.encode(corpus.val), tokenizer.end_id))
gap = final.nats / len(held_out) - floor.per_document
n_bytes = len(corpus.val.encode())
table(
    ["", "nats per document", "nats per word", "bits per byte"],
    [
        ["this model", final.nats / len(held_out), final.loss, final.nats / math.log(2) / n_bytes],
        ["the world itself", floor.per_document, floor.per_word, floor.per_byte / math.log(2)],
    ],
)

# %%
claim(0 < gap < 0.08 * floor.per_document, "over all held-out documents it ends within 8 % of the floor, and above it")

# %% [markdown]
r"""
Would more steps close the gap? We tried it outside this notebook with the same model, one run each, the learning rate
falling over the last seven tenths of the steps:

| documents to learn from | steps | each is read, on average | nats a document above the floor |
| --: | --: | --: | --: |
| 30,000 | 1,500 | 1.9 times | 0.184 |
| 30,000 | 2,400 | 3.0 times | 0.195 |
| 60,000 | 1,500 | 0.9 times | 0.173 |
| 100,000 | 2,400 | 0.9 times | 0.105 |

On the same thirty thousand documents 900 more steps made it worse. At the third reading the model begins to know the
texts rather than the language. With more to read, the same steps nearly halve the gap. In this world new text costs
nothing. Where text is scarce, more steps are no remedy.
"""

# %% [markdown]
r"""
## And on real text?

There is no floor to be seen there, so one compares with what others reached. **Tiny Shakespeare** is a megabyte of plays,
to be learned letter by letter, and a favourite of tutorials. A well-known teaching code, nanoGPT, has a recipe for
people without a GPU. We ran it on two cores: it took about 90 seconds and ended at 1.898 nats per letter, over the whole
validation part.

(With no network and no copy of the file, the toy world takes its place below, letter by letter too. Then the numbers are
others, and there is nothing to compare them with.)
"""

# %%
from course_lib.text import Windows, evaluation_windows

text = load_corpus("default")
letters = tokenizer_for(text, "char")
letter_ids = letters.encode(text.train)

size = "speedrun" if current_preset_name() == "laptop" else current_preset_name()
recipe = find_preset(size, "shakespeare")
validation = evaluation_windows(letters.encode(text.val), recipe.context_length)
print(f"{text.name}: {len(letter_ids):,} letters to learn from, {letters.vocab_size} different ones")
print(
    f"{recipe.n_layers} layers, {recipe.d_model} wide, {recipe.training.steps} steps of {recipe.batch_size} × {recipe.context_length} letters"
)

# %%
torch.manual_seed(0)
bard = GPT(recipe.model(letters.vocab_size)).to(device())
bard_run = train(bard, Windows(letter_ids, recipe.batch_size, recipe.context_length, seed=0), recipe.training)

with LiveCurve(recipe.training.steps, unit="nats per letter") as bard_live:
    for step in bard_run:
        bard_live.add(step.loss, step.number)

bard_loss = evaluate(bard, validation).loss
print(f"validation loss {bard_loss:.3f} nats per letter after {bard_live.seconds:.0f} s of training")
if text.name == "shakespeare":
    print(f"nanoGPT's recipe: 1.898 after our 90 s; this took {bard_live.seconds / 90:.0%} of that")

# %%
if text.name == "shakespeare":
    claim(bard_loss < 1.898, "the loss is lower than that of nanoGPT's recipe for the CPU")

# %% [markdown]
r"""
The model speaks a language of its own, with the rhythm of the plays:
"""

# %%
from course_lib.generation import stream_text

prompt = letters.encode("\n")
columns = generate(bard, [prompt], 240, generator=torch.Generator(device()).manual_seed(1))
print("".join(stream_text(columns, letters)))

# %% [markdown]
r"""
Words, line ends and speakers are there, and no sense. For more, the command `make pretrain` takes 1,400 larger steps
instead of 205. They took us a minute and a half and ended at 1.61. That is level with the best that lesson 04 got by
counting letters, without any gradient, before longer counts became too thin. The model can go on: a run of 1,630 steps
ended at 1.59, and `gpu` as a preset makes it larger.
"""

# %% [markdown]
r"""
## What did the recipe gain from what?

The machine was the same as nanoGPT's. Part of the gain is a smaller model that reads more text at a time, and part is a
better use of each step. Four ingredients of the recipe can be taken out from outside, without touching the library. In the
table below each row lacks one of them, and otherwise trains from the same random numbers on the same batches for the same
number of steps: twenty, with batches of 24 rows and rates that suit so short a run. Everything is done twice, with two
seeds.

**Predict first.** The four are: Muon, an optimizer for matrices; queries and keys that are brought to one length before
they meet; output layers that start at zero; a learning rate that falls to zero over the second half of the steps. Which
will be missed most in so short a run? Which not at all?
"""

# %%
from torch import nn


def without_qk_norm(model):
    for block in model.blocks:
        block.attention.qk_norm = None


def without_zero_start(model):
    for name, weight in model.named_parameters():
        if name.endswith(("project.weight", "head.weight")):
            nn.init.normal_(weight, std=0.02)


few = replace(recipe.training, steps=min(20, recipe.training.steps), lr=0.01, muon_lr=0.04, decay=0.5)
variants = {
    "all four": (few, None),
    "AdamW for the matrices, not Muon": (replace(few, muon_lr=None), None),
    "queries and keys as they come": (few, without_qk_norm),
    "output layers start at random": (few, without_zero_start),
    "the learning rate stays at its height": (replace(few, decay=0.0), None),
}


# %%
def short_run(config, change, seed):
    """Validation loss after the few steps, on a tenth of the validation part, and milliseconds a step."""
    torch.manual_seed(seed)
    model = GPT(recipe.model(letters.vocab_size)).to(device())
    if change:
        change(model)
    batches = Windows(letter_ids, 24, recipe.context_length, seed)
    spent = sum(step.seconds for step in train(model, batches, config))
    return evaluate(model, validation[: len(validation) // 10]).loss, 1000 * spent / config.steps


measured = {name: [short_run(*variant, seed) for seed in (0, 1)] for name, variant in variants.items()}
losses = {name: torch.tensor([loss for loss, _ in pair]) for name, pair in measured.items()}
worse = {name: loss - losses["all four"] for name, loss in losses.items()}  # run by run, with the same seed
table(
    [f"after {few.steps} steps", "loss, seed 0", "seed 1", "worse by", "and by", "ms a step"],
    [
        [
            name,
            *losses[name].tolist(),
            *(f"{each:+.3f}" for each in worse[name].tolist()),
            f"{min(ms for _, ms in pair):.0f}",
        ]
        for name, pair in measured.items()
    ],
)

# %%
if text.name == "shakespeare":
    muon, qk, zero, decay = list(worse.values())[1:]
    claim(muon.min() > 0.025, "without Muon both runs end higher, by more than 0.025")
    claim(qk.min() > 0.01, "without normalised queries and keys they do too, by more than 0.01")
    claim(zero.abs().max() < 0.03, "the start from zero makes less than 0.03 of difference")
    claim(decay.max() < 0, "and without the falling rate both runs end lower")

# %% [markdown]
r"""
Two of the four help from the first steps on, Muon most. (By the clock it wins less than by the step: the last column says
what each of its steps costs.) The start from zero can hardly be told from luck. And the falling rate does *harm* with
both seeds: a run of so few steps spends half of them slowing down. It stands in the recipe for longer runs. Each row of
such a table holds for the run it was measured on, and for no other; two seeds are the least that one should ask for.

What does Muon do? A gradient is a matrix, and a matrix stretches some directions more than others: its **singular
values** say how much. In a gradient a few directions are loud and most are nearly silent. Muon takes the running mean of
the gradients and brings all its singular values to about the same size, so that the quiet directions learn as fast as the
loud ones. Here is the gradient of one matrix, before and after.
"""

# %%
from course_lib.training.optim import orthogonalize

bard_batch = next(bard_run.batches).to(device())
scores = bard(bard_batch.inputs).flatten(0, 1)  # rows and places of the batch as one long list
loss = nn.functional.cross_entropy(scores, bard_batch.targets.flatten())
gradient = torch.autograd.grad(loss, bard.blocks[0].mlp.expand.weight)[0]

stretches = torch.linalg.svdvals(gradient.cpu())
equalised = torch.linalg.svdvals(orthogonalize(gradient).cpu())
curves(
    range(1, len(stretches) + 1),
    {"the gradient (largest = 1)": stretches / stretches[0], "after Muon's treatment": equalised},
    xlabel="direction, the loudest first",
    ylabel="singular value",
    log="y",
)

# %%
claim(stretches[0] > 10 * stretches.median(), "the loudest direction is more than 10 times as loud as the middle one")
claim(((equalised > 0.3) & (equalised < 1.3)).float().mean() > 0.9, "afterwards nine in ten lie between 0.3 and 1.3")

# %% [markdown]
r"""
A full decomposition at each step would cost too much. Muon uses five rounds of matrix products instead, a polynomial
that lifts small singular values steeply, leaves most of them between 0.7 and 1.2, and does not touch the directions. You
will write it in the exercises. It is for matrices between hidden layers. Embedding and head stay with AdamW.

On a GPU there is one ingredient more. Hardware that is made for matrix products in 16-bit numbers (*bfloat16*) does them
several times faster than in 32 bits, and the library uses them there.
"""

# %% [markdown]
r"""
## How do you hand the run over?

To the **command line**, once the notebook has shown that it works. There nobody has to keep a page open, and a
checkpoint is written every hundred steps, so that a crash costs little:

```
python -m course_lib train --corpus world --preset laptop --out runs/world
python -m course_lib train --corpus world --out runs/world --resume
python -m course_lib generate --model runs/world --prompt "anna lives in"
python -m course_lib evaluate --model runs/world
```

To a **GPU**, by doing nothing. The cells above ask for the best device that there is, and on CUDA the preset is `gpu`:
four layers of 256 for the world, six of 384 for Shakespeare, at the same lines of code. Set `COURSE_PRESET` to choose,
and expect to wait longer: these are models worth keeping.

To **several** GPUs, by a piece of arithmetic. Give each one a part of the batch and let each compute the gradient of its
part. What is the gradient of the whole batch?
"""


# %%
from course_lib.text import Batch


def gradients(batch):
    model.zero_grad()
    nn.functional.cross_entropy(model(batch.inputs, batch.documents).flatten(0, 1), batch.targets.flatten()).backward()
    return torch.cat([parameter.grad.flatten() for parameter in model.parameters()])


whole = next(run.batches).to(device())
halves = [
    Batch(*(each[rows] for each in (whole.inputs, whole.targets, whole.documents)))
    for rows in (slice(0, preset.batch_size // 2), slice(preset.batch_size // 2, None))
]
mean_of_halves = (gradients(halves[0]) + gradients(halves[1])) / 2
claim(
    torch.allclose(gradients(whole), mean_of_halves, atol=1e-5),
    "the gradient of the batch is the mean of the gradients of its halves, up to rounding",
)

# %% [markdown]
r"""
The mean of theirs, since both halves hold equally many targets. (Otherwise each counts by its number of targets.) So two
devices with half a batch each, which send each other their gradients and then make the same update, train the model
that one device would have trained. The same fact lets *one* device with too little
memory read a large batch in pieces (`accumulate` in the settings). Lesson 16 runs it for real.
"""

# %% [markdown]
r"""
## What do you tell the people who will use it?

A model is a file of numbers that answers everything in the same confident voice. Whoever gets it cannot see what it was
trained on, how well, and what it was never meant for. So it travels with a **model card**. Most of this one is filled in
from what the cells above measured, and the rest is what nobody but its maker can know.
"""

# %%
import platform

from IPython.display import Markdown

samples = write(model, 500, seed=1)
judged = judge_world(world, samples, n_reference=1000)
card = f"""\
### Model card: toy-world language model

| | |
| :-- | :-- |
| **What it is** | a decoder-only transformer, {preset.n_layers} layer(s), {preset.d_model} wide, {model.n_parameters:,} parameters, trained from random weights |
| **Reads and writes** | the {tokenizer.vocab_size - 1} words of the toy world (seed {world.seed}) and the end of a document; up to {preset.context_length} tokens |
| **Trained on** | {run.tokens:,} tokens, drawn from {len(reading):,} generated documents that are all true of that world; no text by or about real people |
| **Held-out loss** | {final.loss:.3f} nats per word, {gap:.2f} nats per document above the floor of {floor.per_document:.2f} |
| **of which on new documents** | {gap_unseen:.2f} above the floor ({len(seen) / len(held_out):.0%} of the held-out documents also stand in the training text) |
| **What it says** | of {len(samples)} documents drawn from it: {judged.true:.1%} true, {judged.false:.1%} grammatical and false, the rest not grammatical |
| **Cost** | {took:.0f} s on {device().type} ({platform.machine()}), {speed:,.0f} tokens a second |
| **Meant for** | learning how such models work |
| **Not meant for** | saying anything about our own world: its Anna, its towns and its dates are made up |
| **Known faults** | states falsehoods as calmly as truths, above all in sums; cannot read a word outside its vocabulary; knows nothing that its documents do not tell |
"""
Markdown(card)

# %%
false = [sample for sample in samples if world.is_true(sample) is False]
print(*false[:5], sep="\n")
claim(0 < judged.false < 0.15, "some of its documents, less than 15 %, are grammatical and false")

# %% [markdown]
r"""
Read these lines. What is not grammatical gives itself away. What is grammatical and false looks like everything else; we
know of it only because we own the world and can ask it. Lesson 20 is about these lines.

How good is it at sums, which in this world follow from a rule?
"""

# %%
from course_lib.text.world import NUMBERS

sums = [
    (a, b) for a in range(1, 6) for b in range(6)
]  # the places in NUMBERS that the world adds: two to six, one to six
answers = []
with torch.no_grad():
    for a, b in sums:
        asked = [tokenizer.end_id, *tokenizer.encode(f"{NUMBERS[a]} plus {NUMBERS[b]} is")]
        answers.append(tokenizer.words[model(torch.tensor([asked], device=device()))[0, -1].argmax()])
right = sum(answer == NUMBERS[a + b + 1] for answer, (a, b) in zip(answers, sums, strict=True))
print(f"{right} of {len(sums)} sums right")
claim(right < len(sums), "it does not get all thirty sums right, though each stood in its text many times")

# %% [markdown]
r"""
It answers them all in the same voice. To add is a rule for us. For the model so far it is a table with gaps.

And here is how the model is kept: the weights, the state of the run so that it can go on, and a manifest that notices
damage. The words and the sizes have to travel beside them; the command line writes them into the same folder.
"""

# %%
from course_lib.training import load_checkpoint, save_checkpoint

checkpoint = save_checkpoint(
    Path(output.name, "checkpoints"),
    step=run.step,
    model_state=model.state_dict(),
    run_state=run.state_dict(),
    metadata={"config": model.config.to_dict(), "tokenizer": tokenizer.fingerprint},
)
for file in sorted(checkpoint.iterdir()):
    print(f"{file.name:20} {file.stat().st_size:>10,} bytes")

# %%
metadata = {"config": model.config.to_dict(), "tokenizer": tokenizer.fingerprint}
copy_of_it = GPT(model.config).to(device())
copy_of_it.load_state_dict(load_checkpoint(Path(output.name, "checkpoints"), metadata).model_state)
claim(write(copy_of_it, 5) == write(model, 5), "the model that was read back writes the same documents")
output.cleanup()
