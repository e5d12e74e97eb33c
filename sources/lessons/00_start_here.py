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
written every part of such a program, trained it, talked to it, and taken it apart to see what it knows and what it
makes up.

You do not have to wait for the end to meet one. The next two cells hold a complete language model. It is a poor one,
and you can read it in a minute. First, something to read: some of five thousand short documents from the **toy
world**, a small country that exists only inside this course.
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

**Predict first.** We let it look at 2, 4, 8 and 32 words. More and more of what it writes will be true. But true
sentences can be had in a cheap way: by repeating what one has read. Where among the memories will the model write
most that is true *and* its own?

Because the toy world is ours, we do not need to judge by feel. The world can say of any text whether it could have
told it. If not, the text is ungrammatical, or it contradicts itself, or it states something false.
"""

# %%
from course_lib.display import table
from course_lib.text import VALIDATION_SEED

already_written = set(documents)


def judge(texts):
    """Of the texts, the share that is true and new, true and copied word for word, and not true."""
    true = [text for text in texts if world.is_true(text)]
    copied = sum(text in already_written for text in true)
    return {
        "true, in its own words": (len(true) - copied) / len(texts),
        "true, but copied": copied / len(texts),
        "not true": 1 - len(true) / len(texts),
    }


samples, shares = {}, {}
for memory in (0, 1, 2, 4, 8, 32):
    followers, rng = learn(documents, memory), random.Random(0)
    samples[memory] = [babble(followers, memory, rng) for _ in range(300)]
    shares[memory] = judge(samples[memory])

by_the_world = judge([document.text for document in world.documents(1000, seed=VALIDATION_SEED)])
table(
    ["words of memory", *by_the_world],
    [[str(memory), *share.values()] for memory, share in shares.items()]
    + [["(new documents by the world itself)", *by_the_world.values()]],
)

# %%
own = {memory: share["true, in its own words"] for memory, share in shares.items()}
claim(shares[1]["not true"] > shares[4]["not true"] > shares[32]["not true"], "a longer memory tells more truth")
claim(shares[32]["true, but copied"] > 0.9, "with 32 words of memory, nearly everything is a copy")
one_way_on = sum(len(set(next_words)) == 1 for next_words in followers.values()) / len(followers)
claim(one_way_on > 0.9, "after 32 known words, in more than nine of ten cases only one word ever came next")
claim(max(own.values()) < by_the_world["true, in its own words"] / 2, "no memory comes half as far as the world itself")

# %% [markdown]
r"""
The middle column goes up to nearly all, and the first one never gets anywhere. A short memory loses the thread: it
cannot recall a name that was told ten words ago. A long one recites: after 32 known words there is hardly ever more
than one way to go on. In between it does a little of both. (Some repeating is fair. Many documents are so short that
even the world itself tells a third of them again, as the last row shows.)

A model that tells the truth in sentences of its own must notice that all towns are used alike, that what holds for
*anna* holds for any name, and that the name which matters may stand eighty words back. That is what this course
builds. If you are impatient, type `make pretrain CORPUS=world`, which trains such a model in about a minute; then
`.venv/bin/python -m course_lib evaluate --model runs/world` says how much of what it writes is true.

Step through the memories yourself.
"""

# %% tags=["hide-input"]
from course_lib.display import bars
from course_lib.display.widgets import Explorer, slider

memories = list(samples)


def draw(step):
    memory = memories[round(step)]
    picture = bars(
        list(by_the_world),
        list(shares[memory].values()),
        xlabel="share of 300 samples",
        number="{:.0%}",
        limits=(0, 1.15),
    )
    return picture, f"{memory} words of memory. It wrote: {samples[memory][0][:300]}"


Explorer(draw, step=slider(0, 5, 1, step=1, label="0, 1, 2, 4, 8, 32 words"))

# %% [markdown]
r"""
## How this course keeps its word

You have just met its three habits. It asks you to **predict** before you run: commit to an answer, even a wild one,
because being wrong is what makes the answer interesting. It **measures** what it says. And it has each statement of
fact that matters checked by a cell, in a `claim`: if the statement holds on your machine, the cell prints a tick;
otherwise it says so, and the notebook goes on.

Since the probabilities of the toy world are known exactly, every training curve on it shows the **floor**, the loss
that no model can go below. There you never have to wonder whether a number is good.

Each lesson from 01 on has **exercises** in a notebook of their own. You write a function and hand it to `check`,
which tries it on cases of its own and tells you, when something is wrong, which law is broken and what the mistake
looks like. It never gives the answer away. Three hints are folded below each exercise, and the solutions, with a
discussion of the mistakes that people make, wait in a folder of their own.

Nothing needs the network once the course is installed. Real text is fetched when a network is there, and the toy
world takes its place when not.
"""

# %% [markdown]
r"""
Click into a cell and press Shift+Enter to run it and go to the next. The first code cell of every notebook finds the
course, or installs it where it is missing, and prints what it runs on. To see more than that, ask the doctor: `%run
-m course_lib doctor` in a cell of its own says what is missing and how to get it.
"""

# %% [markdown] tags=["course-map"]
r"""
## The map

The way leads through five parts: how a number is made smaller, how text becomes numbers, the transformer, pretraining
and sampling, and from a predictor to an assistant. These lessons are there; minutes are for a first reading and for
the exercises.
"""

# %% [markdown]
r"""
## Three ways to go through it

**Alone.** Take the lessons in order and run every cell yourself; about two evenings for a lesson with its exercises.
Work on the copies of the exercises in `my_work/`, which `make lab` made for you: no update touches them. In a
notebook cell, `%run -m course_lib progress` shows which checks you have passed.

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
| $T$ | tokens in a text; in attention, $S$ tokens that are looked at | | $z$ | logits: scores before softmax |
| $D$ | numbers in a token's vector (model width) | | $p,\ q$ | probability; where both occur, $p$ is the truth and $q$ the model |
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
| **Ablation** | taking one part away and measuring what it costs |
| **Adam** | an update that divides each parameter's mean gradient by its usual size; AdamW shrinks the weights apart from that |
| **Analogy** | a is to b as c is to what? Answered by going from c the way that leads from a to b |
| **Attention** | for each token, a weighted mean over other tokens, with weights computed from the tokens themselves |
| **Autograd** | what computes gradients by itself, by remembering how each number was made |
| **Back-off** | asking a shorter context where the longer one was never seen |
| **Backpropagation** | the chain rule, applied from the loss backwards; all slopes for about the price of two more forward passes |
| **Batch** | the texts that are read together for one update |
| **Beam search** | a search for the likeliest text that goes on with the best few beginnings after each token |
| **Bits per byte** | the cost of a text in bits, divided by its length in bytes; comparable between tokenizers |
| **Block** | one layer of a transformer: attention, then a feed-forward part, each added to what came in |
| **Byte-pair encoding** | tokens made by joining, again and again, the most frequent pair of neighbours; BPE for short |
| **Calibrated** | right as often as it says it will be |
| **Checkpoint** | all that is needed to go on with a training run, in files |
| **Claim** | a sentence of a lesson that a cell checks |
| **Contamination** | held-out text that also stands in the training text |
| **Context** | the tokens that a model may look at when it predicts the next one |
| **Corpus** | a body of text to learn from |
| **Cosine similarity** | the cosine of the angle between two vectors: 1 for the same direction, 0 for none in common |
| **Cross-attention** | attention from the tokens of one text to those of another, as from a translation to its original |
| **Cross-entropy** | the mean cost −ln *p* of what came |
| **Decoder** | a model that sees only what stands to the left, and so can write |
| **Dropout** | setting some of a layer's outputs to 0 at random while training, so that no other part relies on them |
| **Embedding** | the vector that stands for a token |
| **Encoder** | a model that sees both sides |
| **Encoder-decoder** | a model that reads one text from both sides and writes another from left to right |
| **Entropy** | the lowest mean cost there is: what the true distribution itself pays |
| **Epoch** | one pass over the corpus |
| **Feed-forward part** | two linear maps with a bend between them, applied to each token alone; also MLP |
| **Fine-tuning** | training on, with other data |
| **Floor** | the loss that no model can go below |
| **FLOP** | one addition or multiplication of two numbers; in plural, what a computation costs |
| **Forecast** | a probability for each thing that may come, adding up to one |
| **Glitch token** | a token that the tokenizer has and the training text never showed |
| **Gradient** | for each parameter, how fast the loss changes with it |
| **Grouped-query attention** | fewer heads for keys and values than for queries, so that a cache has less to hold |
| **Hallucination** | a fluent statement without ground |
| **Head** | one of several lookups that attention makes side by side, each with queries, keys and values of its own |
| **Held-out** | kept away from training, to measure on |
| **Inference** | using a model, without training it |
| **KL divergence** | what a forecast pays on top of the entropy |
| **KV cache** | keys and values of earlier tokens, kept so that they need not be computed again |
| **Layer norm** | shifting a vector to mean 0 and scaling it to standard deviation 1; RMSNorm only scales |
| **Learning rate** | how large a step training takes |
| **Likelihood** | the probability that a model gives to a whole text |
| **Logits** | raw scores before softmax |
| **Loss** | the number that training makes smaller |
| **Mask** | which tokens may look at which; a causal one hides all that comes later |
| **Masked word** | a word hidden from a model that is to guess it from both sides |
| **MFU** | model FLOPs utilization: the share of a machine's best rate that a run turns into useful arithmetic |
| **Model card** | what the users of a model must know: its data, its measured quality, its purpose, its faults |
| **Momentum** | a running sum of gradients that takes their place in the update |
| **n-gram** | a sequence of n tokens; an n-gram model counts them |
| **Nat** | unit of −ln *p*; a bit is 0.693 nats |
| **Overfitting** | good on the training text, worse on held-out text |
| **Packing** | several documents in one row of a batch, so that little of it is filling |
| **Parameter** | a number that training adjusts |
| **Perplexity** | e to the loss |
| **Pretraining** | the first, long training, on plain text |
| **Prompt** | the beginning that a model is given |
| **Query, key, value** | what a token looks for, what it offers to be found by, what it hands over |
| **Ravine** | a valley of the loss that is steep across and flat along |
| **Residual connection** | adding what a layer computes to what it was given |
| **Residual stream** | the vector of a token on its way up, to which every block adds |
| **RoPE** | rotary positions: queries and keys are turned by an angle that grows with the position |
| **Sampling** | drawing the next token from the forecast |
| **SGD** | stochastic gradient descent: each update looks at a few examples only |
| **Smoothing** | giving some probability to what was never counted |
| **Softmax** | from logits to probabilities |
| **Special token** | a token that steers the model and that no text may spell |
| **Speculative decoding** | a small model drafts, the large one checks several tokens at once; the text is the large one's |
| **Teacher forcing** | training a decoder on the right beginning of the text, whatever it would have written itself |
| **Temperature** | what logits are divided by before softmax; low means careful |
| **Tied weights** | one matrix in two places: the embedding that also scores the vocabulary |
| **Token** | a piece of text with a number: a letter, a word, or something between |
| **Top-k, top-p, min-p** | three ways to rule out unlikely tokens before drawing: by count, by sum, by share of the likeliest |
| **Transformer** | a network of attention and feed-forward blocks |
| **Vocabulary** | all tokens that a model knows |
| **Warm-up** | small steps first, growing to full size |
| **Weights** | parameters, mostly those in matrices |
"""
