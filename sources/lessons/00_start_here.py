# ---
# title: Start here
# part: Before the first lesson
# minutes: 25
# prerequisites: You can read and write short Python programs. That is all.
# objectives:
#   - know what you will build, in which order, and how long it takes
#   - run a notebook, move a picture, and know what a claim and an exercise check do
#   - have a working environment, or know which command tells you what is missing
#   - find a symbol or a word that you forgot
# ---

# %% [markdown]
r"""
## What is it that you will build?

A program that has read a lot of text and can go on with any beginning. By the end of this course you will have
written every part of such a program, trained it, talked to it, and taken it apart to see what it knows, what it makes
up, and how to tell the two apart.

You do not have to wait for the end to meet one. The next two cells hold a complete language model. It is a poor one,
and you can read it in a minute. First, something to read: a thousand short documents from the **toy world**, a small
country that exists only inside this course.
"""

# %%
from course_lib import claim
from course_lib.text import END, TRAINING_SEED, World

world = World()
documents = [document.text for document in world.documents(5000, seed=TRAINING_SEED)]
for text in documents[:4]:
    print(text, "\n")

# %% [markdown]
r"""
And here is the model. It goes through the documents and notes, for each word, which words came next. To write
something, it starts at the beginning of a document and draws one of the noted words, again and again. How many of the
last words it looks at before it draws is its `memory`.
"""

# %%
import random
from collections import defaultdict


def learn(texts, memory):
    """For every run of `memory` words: the list of the words that came next."""
    followers = defaultdict(list)
    for text in texts:
        words = [END] * memory + text.split() + [END]
        for i in range(memory, len(words)):
            followers[tuple(words[i - memory : i])].append(words[i])
    return followers


def babble(followers, memory, rng):
    """A new document, drawn word by word."""
    words = [END] * memory
    while len(words) == memory or words[-1] != END:
        words.append(rng.choice(followers[tuple(words[len(words) - memory :])]))
    return " ".join(words[memory:-1])


one_word_of_memory = learn(documents, memory=1)
rng = random.Random(0)
for _ in range(4):
    print(babble(one_word_of_memory, 1, rng), "\n")

# %% [markdown]
r"""
Every pair of neighbours is fine, and the whole wanders about like somebody who forgets the sentence while saying it.
A longer memory should help.

**Predict first.** We let it look at 2, 4 and 8 words. More and more of what it writes will be grammatical. Will more
of it be *true* as well? And is there something else that rises, something we would rather not have?

Because the toy world is ours, we do not need to judge by feel. The world can be asked of any text whether it could
say it, whether it could only say it with something false in it, or not at all.
"""

# %%
from course_lib.display import table

already_written = set(documents)
samples, shares = {}, {}
for memory in (0, 1, 2, 4, 8):
    followers, rng = learn(documents, memory), random.Random(0)
    samples[memory] = [babble(followers, memory, rng) for _ in range(200)]
    verdicts = [world.is_true(text) for text in samples[memory]]
    shares[memory] = {
        "makes no sense": verdicts.count(None) / 200,
        "makes sense, but is false": verdicts.count(False) / 200,
        "true": verdicts.count(True) / 200,
        "copied, word for word": sum(text in already_written for text in samples[memory]) / 200,
    }

table(["words of memory", *shares[0]], [[str(memory), *share.values()] for memory, share in shares.items()])

# %%
claim(shares[8]["makes no sense"] < shares[1]["makes no sense"], "a longer memory makes more sense")
claim(shares[8]["copied, word for word"] > shares[1]["copied, word for word"] + 0.2, "a longer memory copies more")
claim(
    shares[8]["copied, word for word"] > shares[8]["true"] / 2,
    "most of what is true with eight words of memory is a copy",
)

# %% [markdown]
r"""
Sense rises, and truth rises with it. So does the last column, just as fast: most of what is true at eight words of
memory was **copied**, word for word. The model has not come to know the world. It has longer pieces by heart. And the
half that makes no sense falls apart *in spite of* the long memory, mostly because a name was told more than eight
words ago.

Nor can the memory just be made longer still. Then nothing is left of it but copies. A model that makes sense, tells
the truth and has *not* read its sentences anywhere must notice that all the towns are used alike, that what holds for
*anna* holds for any name, and that the name which matters may stand a hundred words back. That is what this course
builds. If you are impatient, type `make pretrain CORPUS=world`: it trains such a model in about a minute and puts
what it writes to the test that you have just seen.

Step through the five memories yourself.
"""

# %% tags=["hide-input"]
from course_lib.display import bars
from course_lib.display.widgets import Explorer, slider

memories = list(samples)


def draw(step):
    memory = memories[round(step)]
    picture = bars(
        list(shares[memory]),
        list(shares[memory].values()),
        xlabel="share of 200 samples",
        number="{:.0%}",
        highlight=3,
        limits=(0, 1.15),
    )
    return picture, f"{memory} words of memory. It wrote: {samples[memory][0][:300]}"


Explorer(draw, step=slider(0, 4, 1, step=1, label="memory: 0, 1, 2, 4, 8"))

# %% [markdown]
r"""
## How this course keeps its word

You have just met its three habits. It asks you to **predict** before you run: commit to an answer, even a wild one,
because a wrong prediction is remembered better than a right sentence. It **measures** what it says. And it has each
statement of fact that matters checked by a cell, in a `claim`: if the statement holds on your machine, the cell
prints a tick, and if your hardware or another version lands somewhere else, it says so and goes on.

Since the probabilities of the toy world are known exactly, every curve will show the **floor**, the loss that no
model can go below. You will never have to wonder whether a number is good.

Each lesson has **exercises** in a notebook of their own. You write a function and hand it to `check`, which tries it
on cases of its own and tells you, when something is wrong, which law is broken and what the mistake looks like. It
never gives the answer away. Three hints are folded below each exercise, and the solutions, with a discussion of the
mistakes that people make, wait in a folder of their own.

Nothing needs the network once the course is installed. Real text is fetched when a network is there, and the toy
world takes its place when not.
"""

# %% [markdown] tags=["course-map"]
r"""
## The map
"""

# %% [markdown]
r"""
## Three ways to go through it

**Alone.** Take the lessons in order and run every cell yourself; about two evenings for a lesson with its exercises.
Work on the copies of the exercises in `my_work/`, which `make lab` made for you: no update touches them. `python -m
course_lib progress` shows which checks you have passed, and `python -m course_lib doctor` what your installation
lacks and how to get it.

**In the cloud.** The badges at the top of each notebook open it in Colab, Kaggle, Binder or Codespaces. The first
cell installs what is missing. Save a copy there before you close the page, for the machine is thrown away.

**With a class.** A lesson fills about ninety minutes: the predictions are made for shows of hands, and the exercises
for pairs. Every notebook runs on two processor cores without a graphics card, so that any laptop will do.

One setting is worth knowing. `COURSE_PRESET` chooses the size of what is trained: `smoke` to see in seconds that
everything runs, `laptop` for two cores, `gpu` for a card with 16 GB. If you set nothing, the device decides. A preset
changes sizes and numbers of steps, never the code.
"""

# %% [markdown]
r"""
## Symbols

| letter | meaning | | symbol | meaning |
| :-- | :-- | :-- | :-- | :-- |
| $B$ | texts in a batch | | $x,\ y$ | input, target |
| $T$ | tokens in a text (of queries; $S$ of keys) | | $z$ | logits: scores before softmax |
| $D$ | numbers in a token's vector (model width) | | $p,\ q$ | probability: of the data, of the model |
| $H,\ K$ | attention heads, numbers in a head | | $\theta,\ w$ | parameters: all of them, one of them |
| $F$ | width inside the feed-forward part | | $\eta$ | learning rate |
| $V$ | tokens in the vocabulary | | $\nabla$ | gradient |
| $L$ | layers (blocks) | | $\ln,\ \log_2$ | logarithm in nats, in bits |

A shape is written as in the code: `logits [B, T, V]` is a block of $B \times T \times V$ numbers.
"""

# %% [markdown]
r"""
## Words

| word | meaning |
| :-- | :-- |
| **Attention** | for each token, a weighted mean over other tokens, with weights computed from the tokens themselves |
| **Batch** | the texts that are read together for one update |
| **Checkpoint** | all that is needed to go on with a training run, in files |
| **Context** | the tokens that a model may look at when it predicts the next one |
| **Corpus** | a body of text to learn from |
| **Cross-entropy** | the mean cost −ln *p* of what came |
| **Decoder** | a model that sees only what stands to the left, and so can write |
| **Embedding** | the vector that stands for a token |
| **Encoder** | a model that sees both sides |
| **Entropy** | the cross-entropy of the true distribution with itself |
| **Epoch** | one pass over the corpus |
| **Fine-tuning** | training on, with other data |
| **Floor** | the loss that no model can go below |
| **Gradient** | for each parameter, how fast the loss changes with it |
| **Hallucination** | a fluent statement without ground |
| **Held-out** | kept away from training, to measure on |
| **Inference** | using a model, without training it |
| **KV cache** | keys and values of earlier tokens, kept so that they need not be computed again |
| **Logits** | raw scores before softmax |
| **Loss** | the number that training makes smaller |
| **Nat** | unit of −ln *p*; a bit is 0.693 nats |
| **Overfitting** | good on the training text, worse on held-out text |
| **Parameter** | a number that training adjusts |
| **Perplexity** | e to the loss |
| **Pretraining** | the first, long training, on plain text |
| **Prompt** | the beginning that a model is given |
| **Sampling** | drawing the next token from the forecast |
| **Softmax** | from logits to probabilities |
| **Temperature** | what logits are divided by before softmax; low means careful |
| **Token** | a piece of text with a number: a letter, a word, or something between |
| **Transformer** | a network of attention and feed-forward blocks |
| **Vocabulary** | all tokens that a model knows |
| **Weights** | parameters, mostly those in matrices |
"""
