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
#   - interrupt a run and go on with it without losing a step
#   - say what made the run fast, with a measured number for each part
# summary:
#   - Text becomes token ids, ids become rows with targets that are shifted by one, rows become a loss, the loss becomes
#     an update; then comes the judgement on text that was held out, and a card that says what the model is and is not.
#   - Six operations for each parameter and token, divided by what the machine does in a second, is a lower bound for the
#     time. A dozen steps tell the share that is reached, and then the estimate is good.
#   - The distance to the floor, in nats per document, is what is left to learn. It belongs on text that was held out, and
#     says more beside samples that were judged.
#   - An update happens as a whole or not at all, and the run remembers where it is; so the loop can be left after any
#     step and entered again.
#   - Packing gave more than three times the text in the same time, and updates that turn all directions of a matrix at
#     one speed (Muon) gave most of the rest. What two other ingredients gave could not be told from luck.
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
that costs: the big ones take thousands of machines for months. Yours will take two processor cores and less than half
a minute. Everything else is the same, and nothing will be hidden.

Two things are taken on credit here. The model is a transformer, a stack of the attention that you met in lesson 07 and
of layers that look at one word at a time (lessons 08 and 09 build it). And its parameters are moved downhill a little
after each batch of text, by rules that lessons 02 and 12 take apart.

**Predict first.** We give the model of this lesson 25 seconds. It begins knowing nothing, not even that a sentence
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
Real corpora have the same fault on a larger scale, where it is called *contamination*, and there nobody knows the count.
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
The line in front is worth its bytes. A file of numbers looks the same whatever it means, and a training run on the
wrong one does not crash. It learns nonsense, politely. So the file remembers which tokenizer made it, and refuses to
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

Each row begins where a document begins. It holds that document, then whatever document comes next, and is cut off after
128 tokens. The **target** of a token is the one that follows it. Eight rows make a batch.
"""

# %%
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
claim((batch.inputs[:, 0] == tokenizer.end_id).all(), "each row begins with the end of some document")

# %% [markdown]
r"""
The last column is there for attention. No token may look at another document, for the two have nothing to do with each
other, and a model that looks for a connection wastes its time. So in these rows the mask of lesson 07 has a second
rule: *at or before me, and in my document.*

Why not give each document a row of its own? Because they differ in length, and a row has to be as long as the longest.
"""

# %%
n_words = [len(text.split()) + 1 for text in reading]
alone = sum(n_words) / (len(n_words) * max(n_words))
print(f"from {min(n_words)} to {max(n_words)} words; with a document to a row, {alone:.0%} of it all would be text")
claim(alone < 1 / 3, "rows of one document each would be two thirds filling or more")

# %% [markdown]
r"""
Putting several documents into one row is called **packing**, and it is the first speed-up of this lesson: more than three
times as much text in the same time.
"""

# %% [markdown]
r"""
## How long will it take?

One should know that before starting a run, above all if it costs money. First the model. Its sizes come from the
**preset**, and this is where its parameters are.
"""

# %%
from collections import Counter

import torch

from course_lib.model import GPT
from course_lib.runtime import device

torch.manual_seed(0)
model = GPT(preset.model(tokenizer.vocab_size)).to(device())

parts = Counter()
for name, parameter in model.named_parameters():
    parts[name.split(".")[2] if name.startswith("blocks") else name.split(".")[0]] += parameter.numel()
table(["part", "parameters"], [*parts.items(), ["all", model.n_parameters]])

# %% [markdown]
r"""
The embedding is a table to look things up in, and costs no arithmetic. Every other parameter is multiplied with
something once for each token, and the product is added to a sum: two operations. Going backward, for the gradients,
costs twice as much again. So a step takes about **six operations for each parameter and token**:

$$\text{operations} \approx 6 \cdot N \cdot D, \qquad N \text{ parameters that multiply}, \quad D \text{ tokens read}$$

And what can the machine do? The fastest thing that it does is to multiply large matrices, so that is the yardstick. A
product of two matrices of 1024 by 1024 takes $2 \cdot 1024^3$ operations.
"""

# %%
import time


def seconds(work, times=5):
    """The shortest of several runs: what disturbs a measurement makes it longer, never shorter."""
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        taken.append(time.perf_counter() - start)
    return min(taken)


square = torch.randn(1024, 1024, device=device())
peak = 2 * 1024**3 / seconds(lambda: square @ square)

n_steps = preset.training.steps // 2  # half of what the command line takes: you are waiting
n_tokens = n_steps * preset.batch_size * preset.context_length
multiplying = model.n_parameters - model.embedding.weight.numel()
operations = 6 * multiplying * n_tokens

print(f"the machine's best: {peak / 1e9:.0f} billion operations a second")
print(f"the run: 6 · {multiplying:,} · {n_tokens:,} = {operations / 1e12:.2f} million million operations")
print(f"at that rate: {operations / peak:.1f} s")

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
    next(trial)  # the first ones are slow: memory is asked for, kernels are chosen
per_step = seconds(lambda: next(trial), times=12)
estimate = per_step * n_steps
print(f"{per_step * 1000:.0f} ms a step, so {n_steps} steps should take {estimate:.0f} s or a little more")
print(f"that is {operations / n_steps / per_step / peak:.0%} of the machine's best")

# %% [markdown]
r"""
The share in the last line has a name, **model FLOPs utilization** or MFU. The training of GPT-3 is said to have reached
21 % of what its machines could do, that of PaLM 46 % (Chowdhery and others, 2022, who proposed the measure).

And the memory? For each parameter there is the parameter, its gradient, and what the optimizer remembers of it. Four
bytes each. AdamW remembers two numbers and Muon one.
"""

# %%
weights = model.n_parameters * 4
remembered = sum(
    value.numel() * 4
    for optimizer in trial.optimizers
    for memory in optimizer.state.values()
    for value in memory.values()
    if torch.is_tensor(value)
)
print(f"weights {weights / 1e6:.1f} MB, gradients as much, the optimizers' memories {remembered / 1e6:.1f} MB")
claim(weights < remembered < 2 * weights, "the memories take between one and two times the weights")

# %% [markdown]
r"""
This is small change for a model of this size. At seven billion parameters it is 28 GB for the weights alone, and with
gradients and AdamW's two memories four times that; then the machine is chosen by this line.
"""

# %% [markdown]
r"""
## What does it know before it has read a word?

Every run should begin with this line, because it costs nothing and finds many mistakes. An untrained model should
prefer no word, and pay what an even guess pays.
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
## The run

Four times along the way we stop, let the model write two hundred documents, and have the world judge them. The loop is
all there is: `train` hands out one step at a time, and whatever we want to do between two steps, we do.
"""

# %%
from course_lib.evaluation import judge_world
from course_lib.generation import generate


def write(model, n_documents, seed=0):
    """Documents by `model`, each from the lone end token with which every document begins."""
    prompts = torch.full((n_documents, 1), tokenizer.end_id, device=device())
    generator = torch.Generator(device()).manual_seed(seed)
    columns = list(generate(model, prompts, preset.context_length, end_id=tokenizer.end_id, generator=generator))
    return [tokenizer.decode(row).split("\n")[0] for row in torch.stack(columns, dim=1).tolist()]


moments = {max(1, n_steps * sixteenths // 16) for sixteenths in (1, 4, 8, 16)}
snapshots = {}


def take_snapshot(step):
    texts = write(model, 200)
    snapshots[step.number] = (nats_above_floor(model, held_out[:300]), judge_world(world, texts), texts)


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
mistake. What is lost? Below, a line presses the stop button for us when the run has hardly begun.
"""

# %%
import signal


def watch(until=None):
    with live:
        for step in run:
            live.add(step.loss)
            if step.number in moments:
                take_snapshot(step)
            if step.number == until:
                signal.raise_signal(signal.SIGINT)


try:
    watch(until=min(moments))
except KeyboardInterrupt:
    print(f"interrupted after {run.step} updates")

claim(
    run.step == len(live.losses) == min(moments), "every update that was made is accounted for, and none is half made"
)

# %% [markdown]
r"""
An update changes every parameter, one matrix after the other. If an interrupt could strike in between, half of the model
would be a step ahead of the other half. So wherever it comes, `train` lets it wait until the step is complete. The run
itself knows how far it is, and so to go on is to enter the loop again.
"""

# %%
watch()

# %%
claim(run.step == n_steps, "the run went on to its last step")
took = live.seconds
print(f"{took:.0f} s with the samples; the estimate for the steps alone was {estimate:.0f} s")
print(f"{run.tokens / took:,.0f} tokens a second")

# %% [markdown]
r"""
The dotted line is the floor: what the world itself pays for these words. The curve is noisy because each point is one
batch, and some batches hold easier documents than others. It first falls off a cliff, while the model learns which words
are common and which follow which, and then crawls. Most of the time of a run is spent on the last few per cent.

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
claim(judgements[0].true < 0.4, "at the first moment, less than two documents in five are true")
claim(judgements[-1].grammatical > 0.8, "at the end, more than four in five are grammatical to the last word")
claim(judgements[-1].true > 0.75, "and more than three in four are true")

# %% [markdown]
r"""
How good was your guess? In less than half a minute, from nothing but examples, it has learned to end its sentences,
to keep a name through a story, who lives where, what an owl eats, and that five plus three is eight. Nobody told it a rule.

Move through the moments and read what it wrote. The interesting ones are in the middle, where it has the melody and not
yet the words.
"""

# %% tags=["hide-input"]
from course_lib.display import curves
from course_lib.display.widgets import Explorer, slider

smooth = torch.tensor(live.losses).unfold(0, max(1, n_steps // 50), 1).mean(dim=1)
smooth_steps = [n_steps - len(smooth) + place + 1 for place in range(len(smooth))]


def draw(moment, sample):
    step = list(snapshots)[round(moment) - 1]
    gap, judgement, texts = snapshots[step]
    here = max(0, min(len(smooth) - 1, step - smooth_steps[0]))
    picture = curves(
        smooth_steps,
        {"loss": smooth},
        xlabel="optimizer step",
        ylabel="loss (nats per word)",
        lines={"floor: no model can go below": floor.per_word},
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
    """How much each head takes from each token when it stands at the last word of `text` [H, T]."""
    ids = torch.tensor([[tokenizer.end_id, *tokenizer.encode(text)]], device=device())
    return attention_maps(model, ids)[0][0, :, -1].cpu()


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
claim(
    sum(most.values()) / len(most) > 0.35,
    "averaged over the fruits, some head gives the fruit more than a third of its attention",
)

# %% [markdown]
r"""
One of them (which one is chance, and other seeds share the work differently) has found the same trick as the head of
lesson 07, because the loss made it worth finding. The other heads look elsewhere. What for is not written on them; lesson
19 asks such questions seriously.
"""

# %% [markdown]
r"""
## Has it learned, or memorised?

**Predict first.** We kept the held-out documents that stand in the training text apart from those that do not. On which
is the model closer to the floor, and by how much?
"""

# %%
gap_seen, gap_unseen = nats_above_floor(model, seen), nats_above_floor(model, unseen)
table(
    ["held-out documents", "how many", "words each", "floor (nats)", "above the floor (nats)"],
    [
        [name, len(group), sum(len(d.text.split()) for d in group) / len(group), world.floor(group).per_document, gap]
        for name, group, gap in (("also in the training text", seen, gap_seen), ("new", unseen, gap_unseen))
    ],
)

# %%
claim(
    gap_unseen < 0.15 * world.floor(unseen).per_document, "even on documents it never saw it pays less than 15 % on top"
)

# %% [markdown]
r"""
The new ones are longer, have more places to go wrong, and cost more. But a model that had only memorised would not be
near the floor on them: it would be lost, as the long memories of lesson 00 were. What this one carries over is how names,
towns and jobs are *used*, from those it read together to those it did not.

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
## And on real text?

There is no floor to be seen there, so one compares with what others reached. **Tiny Shakespeare** is a megabyte of plays
that half the tutorials of the world train on, letter by letter. A well-known teaching code, nanoGPT, has a recipe for
people without a GPU that ends at a validation loss of 1.898 nats per letter, over the whole validation part; on two
cores it took about 90 seconds.

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
        bard_live.add(step.loss)

bard_loss = evaluate(bard, validation).loss
print(f"validation loss {bard_loss:.3f} nats per letter after {bard_live.seconds:.0f} s of training")
print(f"that is {bard_live.seconds / 90:.0%} of 90 s")

# %%
if text.name == "shakespeare":
    claim(bard_loss < 1.898, "the loss is lower than that of nanoGPT's recipe for the CPU")

# %% [markdown]
r"""
That is better than where nanoGPT's recipe ends, in the share of its time that the last line says. The model speaks a
language of its own, with the rhythm of the plays:
"""

# %%
from course_lib.generation import stream_text

prompt = letters.encode("\n")
columns = generate(bard, [prompt], 240, generator=torch.Generator(device()).manual_seed(1))
print("".join(stream_text(columns, letters)))

# %% [markdown]
r"""
Words, line ends and speakers are there, and no sense. For more, the command `make pretrain` takes 1,200 steps instead of
180, and `gpu` as a preset takes a larger model. (Lesson 04 has a surprise in store: on this text a table of counts, made
without any gradient, is harder to beat than one would think.)
"""

# %% [markdown]
r"""
## Where does the speed come from?

Not from the machine: nanoGPT ran on the same one. Part of it is a smaller model that reads more text at a time, and part is
a better use of each step. Four ingredients of the recipe can be taken out from outside, without touching the library.
Each row below trains from the same random numbers on the same batches for the same number of steps, and lacks something.

**Predict first.** The four are: Muon, an optimizer for matrices; queries and keys that are brought to one length before
they meet; output layers that start at zero; a learning rate that falls to zero over the second half. Which will be
missed most? And which not at all?
"""

# %%
from torch import nn


def without_qk_norm(model):
    for block in model.blocks:
        block.attention.qk_norm = nn.Identity()


def without_zero_start(model):
    for name, weight in model.named_parameters():
        if name.endswith("project.weight") or name == "head.weight":
            nn.init.normal_(weight, std=0.02)


def without_both(model):
    without_qk_norm(model)
    without_zero_start(model)


few = replace(recipe.training, steps=max(2, recipe.training.steps * 2 // 9))
adamw = replace(few, muon_lr=None, lr=0.003)  # of 0.001, 0.003 and 0.01 the rate that suits it best
variants = {
    "the recipe": (few, None),
    "AdamW for the matrices, not Muon": (adamw, None),
    "queries and keys as they come": (few, without_qk_norm),
    "output layers start at random": (few, without_zero_start),
    "the learning rate stays at its height": (replace(few, decay=0.0), None),
    "all four at once": (replace(adamw, decay=0.0), without_both),
}


def short_run(config, change, seed=0):
    """Validation loss after the few steps, on a fifth of the validation part, and milliseconds a step."""
    torch.manual_seed(seed)
    model = GPT(recipe.model(letters.vocab_size)).to(device())
    if change:
        change(model)
    start = time.perf_counter()
    for _ in train(model, Windows(letter_ids, recipe.batch_size, recipe.context_length, seed), config):
        pass
    spent = time.perf_counter() - start
    return evaluate(model, validation[: len(validation) // 5]).loss, 1000 * spent / config.steps


# %%
measured = {name: short_run(*variant) for name, variant in variants.items()}
best, _ = measured["the recipe"]
table(
    [f"after {few.steps} steps", "loss (nats per letter)", "worse by", "ms a step"],
    [[name, loss, loss - best, f"{ms:.0f}"] for name, (loss, ms) in measured.items()],
)

# %% [markdown]
r"""
How much of such a difference is luck? Two runs of the same recipe that differ in nothing but their seed will say.
"""

# %%
again, _ = short_run(few, None, seed=1)
luck = abs(again - best)
print(f"the recipe with another seed: {again:.3f}, which is {luck:.3f} away")

losses = {name: loss for name, (loss, _) in measured.items()}
if text.name == "shakespeare":
    without_muon = losses["AdamW for the matrices, not Muon"]
    claim(without_muon > best + 0.05, "without Muon the loss is higher by more than 0.05")
    claim(
        all(without_muon > losses[name] for name in list(losses)[2:5]), "no other single ingredient is missed as much"
    )
    claim(losses["all four at once"] > best + 0.1, "without all four it is higher by more than 0.1")

# %% [markdown]
r"""
Muon it is, by far. Normalised queries and keys give a little. The other two cannot be told from luck here, and that is
worth knowing: a start from zero was in the recipe because it makes the first loss exactly $\ln V$ and lets large models
begin calmly, and a falling rate pays when a run is long enough to settle. In so few steps neither has anything to do. Each
row of such a table holds for the run it was measured on, and for no other.

And what does Muon do? A gradient is a matrix, and a matrix stretches some directions more than others: its **singular
values** say how much. In a gradient a few directions are loud and most are nearly silent, so a plain step moves the
weights along the loud ones only. Muon takes the running mean of the gradients and makes all its singular values about
equal, so that the quiet directions learn as fast as the loud ones.
"""

# %%
from course_lib.training.optim import orthogonalize

bard_batch = next(bard_run.batches)
loss = nn.functional.cross_entropy(
    bard(bard_batch.inputs.to(device())).flatten(0, 1), bard_batch.targets.to(device()).flatten()
)
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
claim(stretches[0] > 20 * stretches.median(), "the loudest direction is more than 20 times as loud as the middle one")
claim(((equalised > 0.3) & (equalised < 1.3)).float().mean() > 0.9, "afterwards nine in ten lie between 0.3 and 1.3")

# %% [markdown]
r"""
A full decomposition at each step would cost too much. Muon uses five rounds of matrix products instead, a polynomial
that pushes every singular value towards one and leaves the directions alone; you will write it in the exercises. It is
for matrices between hidden layers. Embedding and head stay with AdamW.

On a GPU two more ingredients count that would not help here. Matrix products in 16-bit numbers (*bfloat16*) run several
times faster on hardware that is made for them; the library switches them on where that is so. And `torch.compile` fuses
small operations; on two cores and a model this small, compiling takes longer than the whole run.
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
four layers of 256 for the world, six of 384 for Shakespeare, at the same lines of code. Set `COURSE_PRESET` to choose.

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
    "the gradient of the batch is the mean of the gradients of its halves",
)

# %% [markdown]
r"""
The mean of theirs. So two devices with half a batch each, which send each other their gradients and then all make the
same update, train exactly the model that one device would have trained. The same fact lets *one* device with too little
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

best_judgement = judge_world(world, write(model, 500, seed=1))
card = f"""\
### Model card: toy-world language model

| | |
| :-- | :-- |
| **What it is** | a decoder-only transformer, {preset.n_layers} layer(s), {preset.d_model} wide, {model.n_parameters:,} parameters, trained from random weights |
| **Reads and writes** | the {tokenizer.vocab_size - 1} words of the toy world (seed {world.seed}) and the end of a document; up to {preset.context_length} tokens |
| **Trained on** | {len(reading):,} generated documents, {run.tokens:,} tokens in {run.step} steps; all of them true of that world; no text by or about people |
| **Held-out loss** | {final.loss:.3f} nats per word, {gap:.2f} nats per document above the floor of {floor.per_document:.2f} |
| **of which on new documents** | {gap_unseen:.2f} above the floor ({len(seen) / len(held_out):.0%} of the held-out documents also stand in the training text) |
| **What it says** | of 500 documents at temperature 1: {best_judgement.grammatical:.0%} grammatical, {best_judgement.true:.0%} true, {best_judgement.false:.1%} grammatical and false |
| **Cost** | {took:.0f} s on {device().type} ({platform.machine()}), {run.tokens / took:,.0f} tokens a second |
| **Meant for** | learning how such models work |
| **Not meant for** | saying anything about our own world: its Anna, its towns and its dates are made up |
| **Known faults** | states falsehoods as calmly as truths; cannot read a word outside its vocabulary; knows nothing that its documents do not tell |
"""
Markdown(card)

# %%
claim(best_judgement.false < 0.05, "fewer than one document in twenty is a grammatical falsehood")

# %% [markdown]
r"""
Read the row *what it says* once more. What is not grammatical gives itself away. What is grammatical and false does not,
however rare it is here: we know of it only because we own the world, and its readers do not. Lesson 20 is about that.

And here is how such a model is kept: all that a later lesson, or somebody else, needs to make it speak.
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
