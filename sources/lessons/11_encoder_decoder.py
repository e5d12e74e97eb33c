# ---
# title: "Encoder and decoder: translation"
# part: "III · The transformer"
# minutes: 75
# prerequisites: >-
#   Lessons 07 and 08 (attention, its masks and its heads, and the block that is built around it), lesson 09 (the decoder,
#   which writes one word at a time), lesson 10 (the encoder, which reads in both directions).
# objectives:
#   - say what makes translation more than exchanging words, and measure how far a dictionary gets
#   - build cross-attention from self-attention, with its shapes and its two masks, and show it equal to the library's
#   - train a decoder on all places of a target at once, and say what is different when it writes alone
#   - read where a decoder looks, compare it with the true alignment, and say what such a map does not tell
#   - explain what beam search looks for, and why finding it does not always help
# summary:
#   - Word order, endings and articles depend on other words. A dictionary of our toy language gets hardly a sentence
#     right, and with the right order as a present still most of them wrong.
#   - In cross-attention the queries come from the target and the keys and values from the source, so its table has T
#     rows and S columns. It needs no causal mask, for the source is all there; it needs one for padding.
#   - The right target, shifted by one place, is the input, and every place is predicted in one pass. Alone, the
#     decoder reads its own words, so after one mistake it goes on from a text that it never met in training.
#   - Where Tolan leaves a choice open, the decoder mostly looks at the word that decides it. Where grammar has decided
#     already, it may look anywhere; a map shows where weights are, not what was needed.
#   - Beam search keeps several beginnings and finds texts that the model holds more probable. Whether they are better
#     depends on the model; a search cannot repair a probability.
# quiz:
#   - question: >-
#       A source has S words and the target so far has T. Which shape has one head's table of cross-attention weights,
#       and which of its entries are forbidden?
#     options:
#       - answer: T × S, and none is forbidden but the columns of padding.
#         right: true
#         because: A row for each query, and queries come from the target. All of the source was there before the first
#           word was written, so there is no future in it to hide.
#       - answer: T × S, and those above the diagonal are forbidden.
#         because: The causal mask hides later words of the *target*, and stands in the decoder's self-attention.
#           Applied here it would hide the end of the source from the first words, which may need it most.
#       - answer: S × S, as in the encoder.
#         because: That is the encoder's self-attention, where source words ask source words.
#   - question: >-
#       In training a decoder's loss falls to nearly zero within a few steps, whatever source it is given. What has
#       probably happened?
#     options:
#       - answer: The language is easy.
#         because: With a wrong source even a perfect model cannot know which sentence will come, so its loss has a
#           floor well above zero.
#       - answer: Inputs and targets were not shifted, and each place is asked for the word that it was given.
#         right: true
#         because: Copying the input needs no source and no grammar. Written alone, such a model has nothing to copy.
#       - answer: Teacher forcing was left out.
#         because: Without the right words as input the task becomes harder, not easier.
#   - question: >-
#       Beam search finds a translation to which the model gives more probability than to the greedy one, and it is
#       wrong. Who made the mistake?
#     options:
#       - answer: The search. A wider beam would have found the right one.
#         because: A wider beam looks for something even more probable. The wrong sentence already beats the greedy
#           one, and perhaps the right one too.
#       - answer: The model, if it gives the right translation less probability than the wrong one.
#         right: true
#         because: Then the search did what it was asked to do. Ask the model for the probability of the right
#           translation, and you know.
#       - answer: Nobody. A more probable translation is better by definition.
#         because: More probable according to this model. Whether it says the same as the source is another question.
# read_next:
#   - "[Vaswani and others, *Attention Is All You Need* (2017)](https://arxiv.org/abs/1706.03762): figure 1 is this lesson's model; section 3.2.3 names its three uses of attention, and section 6.1 the beam."
#   - "[Sutskever, Vinyals and Le, *Sequence to Sequence Learning with Neural Networks* (2014)](https://arxiv.org/abs/1409.3215): encoder and decoder without attention; a whole sentence has to pass through one vector."
#   - "[Bahdanau, Cho and Bengio, *Neural Machine Translation by Jointly Learning to Align and Translate* (2014)](https://arxiv.org/abs/1409.0473): the first attention, between decoder and encoder; figure 3 shows alignments like ours for English and French."
#   - "[Stahlberg and Byrne, *On NMT Search Errors and Model Errors: Cat Got Your Tongue?* (2019)](https://arxiv.org/abs/1908.10090): an exact search, and what it found to be the most probable translation."
# ---

# %% [markdown]
r"""
## Why not word for word?

To translate a sentence, why not look up every word in a dictionary and write down what it says?

The toy world has a second language, called **Tolan**. It tells the same documents, by a grammar of its own. Because
both grammars are ours, we can translate without any learning, and we know for each word of the translation which
English word it renders. Here is a sentence with lines from each word to the word it came from.
"""

# %%
import copy
import math
from collections import Counter, defaultdict
from itertools import pairwise

import torch

from course_lib import claim
from course_lib.display import curves, graph, heatmap, table
from course_lib.text import TRAINING_SEED, VALIDATION_SEED, Tolan, World, translate

world = World()
tolan = Tolan(world)

text = "the hen sat on the chair and looked at the wolf . it was a rainy evening ."
translation = translate(text, world, tolan)
print(translation.text)
print(translation.renders)
claim(len(text.split()) - len(set(translation.renders)) == 6, "six English words are rendered by none")

# %% tags=["hide-input"]
from course_lib.display.plots import BLUE, FONT_SIZE, GREY, INK, Picture


def alignment_picture(text, translation):
    """The two sentences in two rows, and a line from each word to the one that it renders."""
    picture = Picture(width=8.4, height=2.4)
    ax = picture.add_subplot()
    ax.set_axis_off()
    places = []
    for words, height in ((text.split(), 1), (translation.text.split(), 0)):
        widths = [len(word) + 0.7 * sum(map(word.count, "mw")) + 2.2 for word in words]  # m and w are wide
        starts = [sum(widths[:i]) + widths[i] / 2 - sum(widths) / 2 for i in range(len(words))]
        places.append(starts)
        used = set(translation.renders) if height else set(range(len(words)))
        for i, (word, x) in enumerate(zip(words, starts, strict=True)):
            ax.text(x, height, word, ha="center", va="center", fontsize=FONT_SIZE - 1, color=INK if i in used else GREY)
    for x, place in zip(places[1], translation.renders, strict=True):
        if place is not None:
            ax.plot([x, places[0][place]], [0.13, 0.87], color=BLUE, linewidth=1.6)
    edge = max(abs(x) for row in places for x in row) + 3
    for name, height in (("English:", 1), ("Tolan:", 0)):
        ax.text(-edge - 9, height, name, va="center", fontsize=FONT_SIZE - 1, color=BLUE)
    ax.set(xlim=(-edge - 9, edge), ylim=(-0.2, 1.2))
    return picture


alignment_picture(text, translation)

# %% [markdown]
r"""
The lines cross. In Tolan the verb comes last, so *looked at the wolf* becomes *wolf looked*, and an adjective stands
after its noun. Six English words have no line: Tolan has no articles, and it says *on* and *at* by the ending of the
noun. *Hen* is `him`; *on the chair* is one word, `jheolul`, with the ending *-ul*.

Endings also depend on words that stand elsewhere. Compare:
"""

# %%
for english in (
    "the nurse came home late . she put her doll on the table and opened the window .",
    "the nurse came home late . he put his doll on the table and opened the window .",
    "yusuf lives in fairhaven .",
):
    print(english, "\n   ", translate(english, world, tolan).text)

# %% [markdown]
r"""
In the first two only *she* and *her* differ, and in Tolan the verbs *put* and *opened* change with them: *-a* when a
woman does it, *-o* when a man does. In the third no pronoun tells, and the ending of *lives* follows from the name.
(`World` and `Tolan` are grammars; what is the same in both is what they choose between, so a text and its
translation are equally probable.)
"""

# %%
MAX_WORDS = 24


def short_texts(n, seed):
    """The texts of at most 24 words among `n` documents, each once."""
    texts = (document.text for document in world.documents(n, seed))
    return list(dict.fromkeys(text for text in texts if len(text.split()) <= MAX_WORDS))


known = short_texts(14_000, TRAINING_SEED)
unseen = [text for text in short_texts(2500, VALIDATION_SEED) if text not in set(known)][:500]
known_translations = [translate(text, world, tolan) for text in known]
unseen_translations = [translate(text, world, tolan) for text in unseen]
print(len(known), "pairs to learn from,", len(unseen), "unseen sentences")

both = [
    (world.log_prob(a), tolan.log_prob(b.text)) for a, b in zip(unseen[:100], unseen_translations[:100], strict=True)
]
claim(all(abs(a - b) < 1e-9 for a, b in both), "a text and its translation have equal log-probability")

# %% [markdown]
r"""
We take texts of at most 24 words, each once. None of the 500 for testing is among those for learning. Now the
dictionary. We make the best one that these pairs allow: for each English word, the Tolan word that renders it most
often, or nothing if mostly nothing does.

**Predict first.** How many of the 500 sentences will the dictionary translate exactly right? And how many if we
give it the right order of the words as a present, so that it only has to get the words themselves right?
"""

# %%
seen_as = defaultdict(Counter)
for english, told in zip(known, known_translations, strict=True):
    rendered = dict(zip(told.renders, told.text.split(), strict=True))
    for place, word in enumerate(english.split()):
        seen_as[word][rendered.get(place, "")] += 1
dictionary = {word: forms.most_common(1)[0][0] for word, forms in seen_as.items()}

in_english_order, in_tolan_order = [], []
for english, told in zip(unseen, unseen_translations, strict=True):
    entries = [dictionary.get(word, word) for word in english.split()]
    in_english_order.append(" ".join(entry for entry in entries if entry))
    in_tolan_order.append(" ".join(entries[place] if place is not None else "" for place in told.renders))

rights = [told.text for told in unseen_translations]


def exact(answers, rights):
    """Share of the answers that are right in every word."""
    return sum(answer == right for answer, right in zip(answers, rights, strict=True)) / len(rights)


table(
    ["dictionary", "exactly right"],
    [
        ["word for word", exact(in_english_order, rights)],
        ["with the order as a present", exact(in_tolan_order, rights)],
    ],
)

# %%
print(unseen[0], "\n   ", in_english_order[0], "\n   ", rights[0])
claim(exact(in_english_order, rights) < 0.08, "word for word, less than 8 % of the sentences are right")
claim(exact(in_tolan_order, rights) < 0.3, "and with the right order less than three in ten")

# %% [markdown]
r"""
Hardly any, and with the order for free still most of them wrong, because a noun's ending depends on what the sentence
does with it. What a word becomes depends on the other words. That sounds like a job for attention.
"""

# %% [markdown]
r"""
## Who reads, and who writes?

Two jobs have to be done. The source has to be *read*: all of it is there, so every word may look at every word,
before and behind it. And the target has to be *written*, one word at a time, like the text of any language model.
An **encoder-decoder** has one half for each. The encoder is lesson 10's, the decoder is lesson 09's, and
between them is the one new part: the writer looks at what the reader has made of the source.
"""

# %%
graph(
    {
        "source": ["source", "hen sat on …"],
        "encoder": ["encoder", "self-attention,", "no mask; MLP"],
        "target": ["target so far", "[end] him"],
        "self": ["self-attention,", "causal mask"],
        "cross": ["cross-attention", "T × S"],
        "mlp": ["MLP,", "head"],
        "next": ["next word:", "jheolul"],
    },
    [
        ("source", "encoder"),
        ("target", "self"),
        ("encoder", "cross"),
        ("self", "cross"),
        ("cross", "mlp"),
        ("mlp", "next"),
    ],
    highlight=["cross"],
)

# %% [markdown]
r"""
In lesson 07 queries, keys and values were all made from the same vectors $x$. Now there are two sets of vectors:
$y_t$ for the $T$ words of the target and $x_s$ for the $S$ words of the source. Who asks? The writer does. Who
has something to offer? The source.

$$q_t = y_t\, W_q \qquad k_s = x_s\, W_k \qquad v_s = x_s\, W_v$$

The rest stays as it was: scores, softmax over the source words, mean of the values. That is **cross-attention**.
The idea is older than the transformer. The recurrent translator of [Sutskever and others
(2014)](https://arxiv.org/abs/1409.3215) had to press the source into one vector of fixed size. In that of [Bahdanau
and others (2014)](https://arxiv.org/abs/1409.0473) the decoder looked at all words of the source, with weights, at
every step.
"""


# %%
def cross_attend(y, x, w_q, w_k, w_v, is_token):
    """What target vectors `y` [B T D] take from source vectors `x` [B S D] in H heads, [B H T K], and their weights.

    The matrices are [H K D]; `is_token` [B S] is false where a source is only filled up.
    """
    q = torch.einsum("btd,hkd->bhtk", y, w_q)
    k = torch.einsum("bsd,hkd->bhsk", x, w_k)
    v = torch.einsum("bsd,hkd->bhsk", x, w_v)
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    scores = scores.masked_fill(~is_token[:, None, None, :], -math.inf)
    weights = scores.softmax(dim=-1)
    return weights @ v, weights


torch.manual_seed(0)
y, x = torch.randn(2, 5, 32), torch.randn(2, 7, 32)  # two pairs: 5 words of target, 7 of source
w_q, w_k, w_v = torch.randn(3, 4, 8, 32) / 32**0.5  # four heads of 8 numbers
is_token = torch.tensor([[True] * 7, [True] * 4 + [False] * 3])  # the second source has four words only
mixed, weights = cross_attend(y, x, w_q, w_k, w_v, is_token)
print("weights", tuple(weights.shape), "= B H T S     outcome", tuple(mixed.shape), "= B H T K")

# %% [markdown]
r"""
(`einsum` is told by its letters which axes to multiply and sum: here over $D$, for each head.) There is no causal
mask. The source was complete before the first word was written, so nothing in it is the future. But there is a
mask, because sentences of a batch have unequal lengths. The shorter ones are filled up, and nobody may look at the
filling.

Two laws test it. Whatever stands in the filling, nothing comes out differently. And the outcome equals that of the
library's layer, given the same matrices.
"""

# %%
from course_lib.model import Seq2Seq, TransformerConfig
from course_lib.model.attention import Attention

other_filling = x.clone()
other_filling[1, 4:] = 100 * torch.randn(3, 32)
claim(
    torch.equal(cross_attend(y, other_filling, w_q, w_k, w_v, is_token)[0], mixed), "what fills up a source is not seen"
)

config = TransformerConfig(vocab_size=10, context_length=16, n_layers=1, n_heads=4, d_model=32, qk_norm=False)
layer = Attention(config, layer=0, causal=False)
with torch.no_grad():
    layer.qkv.copy_(torch.cat([w_q, w_k, w_v]))
    by_library = layer(y, mask=is_token[:, None, None, :], source=layer.keys_values(x))
    by_hand = layer.project(mixed.transpose(1, 2).flatten(-2))
claim(torch.allclose(by_hand, by_library, atol=1e-5), "cross-attention by hand is the library's")

# %% [markdown]
r"""
The library computes `keys_values(x)` apart from the rest. The source does not change while the target grows, so its
keys and values are computed once per sentence, however many words are written.
"""

# %% [markdown]
r"""
## How is it taught?

A pair in the training data is a source and its right translation. We give the decoder the translation *shifted by
one place*: it reads the end token, which here means "begin", then the first word, and so on, and at each place it
has to name the word that comes next.
"""

# %%
from course_lib.text import Pairs, WordTokenizer, pair_batch

english_words = WordTokenizer.train(" ".join(world.words()))
tolan_words = WordTokenizer.train(" ".join(tolan.words()))
END = tolan_words.end_id

short = min(unseen, key=lambda text: len(text.split()))
source = english_words.encode(short)
target = tolan_words.encode(translate(short, world, tolan).text)
names = [*tolan_words.decode(target).split(), "[end]"]
table(["place", "reads", "has to name"], [[str(t), names[t - 1], names[t]] for t in range(len(names))])

# %% [markdown]
r"""
Two lists, one shifted against the other. Shorter rows have to be filled up, and in three different ways: inputs with
any token, for nothing is asked there; targets with −100, which cross-entropy leaves out; sources with a negative
number too, from which the model makes its padding mask.
"""


# %%
def batch_by_hand(sources, targets):
    """Inputs, targets [B T] and sources [B S] of some pairs."""
    inputs = [[END, *target] for target in targets]
    wanted = [[*target, END] for target in targets]
    n, s = max(map(len, wanted)), max(map(len, sources))
    return (
        torch.tensor([row + [END] * (n - len(row)) for row in inputs]),
        torch.tensor([row + [-100] * (n - len(row)) for row in wanted]),
        torch.tensor([row + [-100] * (s - len(row)) for row in sources]),
    )


unseen_sources = [english_words.encode(text) for text in unseen]
unseen_targets = [tolan_words.encode(right) for right in rights]
held_out = pair_batch(unseen_sources, unseen_targets, END)
parts = (held_out.inputs, held_out.targets, held_out.source)
claim(all(map(torch.equal, parts, batch_by_hand(unseen_sources, unseen_targets))), "by hand we get the library's batch")

# %% [markdown]
r"""
One pass through the decoder then predicts *all* places, because the causal mask lets each see only what stands
before it. Written one after the other, they would take as many passes as there are words. Giving the decoder the
right words as its past, whatever it would have said itself, is called **teacher forcing**.

The language models of earlier lessons were trained in this way too. Nobody gave it a name there, since no other way
was in sight.

**Predict first.** On the toy world every loss has a floor, which no model can beat. For its English documents it is
about 0.4 nats per word. What is it for a translator into Tolan?
"""

# %% [markdown]
r"""
## Does it learn to translate?

The floor is zero. Given the source there is exactly one right translation, so each next word is certain. Whatever
loss we see is the model's own fault.

Ours has one block in each half, vectors of 128 numbers and four heads. The transformer of 2017 had six blocks in
each half and 512 numbers. We train in three stretches, and after the first we put a copy aside for later: a
translator that has just begun to learn.
"""

# %%
from course_lib.evaluation import evaluate
from course_lib.presets import training_steps
from course_lib.training import TrainingConfig, train

STEPS, EARLY = training_steps(430), training_steps(80)
torch.manual_seed(0)
sizes = {"context_length": 64, "n_layers": 1, "n_heads": 4, "d_model": 128}
model = Seq2Seq(
    TransformerConfig(vocab_size=english_words.vocab_size, **sizes),
    TransformerConfig(vocab_size=tolan_words.vocab_size, **sizes),
)
batches = Pairs(
    [english_words.encode(text) for text in known],
    [tolan_words.encode(told.text) for told in known_translations],
    END,
    batch_size=32,
    seed=0,
)
print(f"{model.n_parameters:,} parameters, {len(known):,} pairs")

# %%
losses, training = [], train(model, batches, TrainingConfig(steps=STEPS, lr=0.01, muon_lr=0.03))


def train_until(last):
    """Goes on with the training until step `last`."""
    for step in training:
        losses.append(step.loss)
        if step.number == last:
            break
    print(f"step {last}: loss of the last ten steps {torch.tensor(losses[-10:]).mean():.3f} nats per word")


train_until(EARLY)
early = copy.deepcopy(model)

# %%
train_until(STEPS // 2)

# %%
train_until(STEPS)
curves(
    range(1, STEPS + 1),
    {"loss": losses},
    xlabel="optimizer step (32 pairs each)",
    ylabel="loss (nats per word)",
    lines={"ln V": math.log(tolan_words.vocab_size)},
    log="y",
)

# %%
at_end = evaluate(model, [held_out]).loss
print(f"loss on unseen sentences at the end: {at_end:.4f} nats per word")
claim(abs(losses[0] - math.log(tolan_words.vocab_size)) < 0.1, "the loss starts at ln V")
claim(at_end < 0.06, "on unseen sentences it ends below 0.06 nats per word")
floor = world.floor(world.documents(1000, VALIDATION_SEED)).per_word
claim(0.35 < floor < 0.45, "without a source, the floor of English documents is about 0.4 nats per word")

# %% [markdown]
r"""
The loss axis counts factors, since a loss whose floor is zero can go on falling by factors for as long as we train.
"""

# %% [markdown]
r"""
## Can it write alone?

Nobody shifts the right answer into place now. The source is encoded once. Then the decoder names a word, gets
it back as input, names the next, until it says that the sentence has ended. Taking the likeliest word each time is
called **greedy** decoding.
"""


# %%
@torch.no_grad()
def greedy(model, source, max_tokens=40):
    """The translations of sources [B S], word by word: [B, at most 40]."""
    memory = model.encode(source)  # once
    ids = torch.full((len(source), 1), END)
    ended = torch.zeros(len(source), dtype=torch.bool)
    for _ in range(max_tokens):
        chosen = model.decode(ids, memory)[:, -1].argmax(dim=-1)
        chosen[ended] = END
        ids = torch.cat([ids, chosen[:, None]], dim=1)
        ended |= chosen == END
        if ended.all():
            break
    return ids[:, 1:]


def texts_of(ids):
    """The words of each row up to its end."""
    rows = [row[: row.index(END)] if END in row else row for row in ids.tolist()]
    return [tolan_words.decode(row) for row in rows]


model.eval()
by_hand = texts_of(greedy(model, held_out.source[:100]))
for i in range(4):
    print(unseen[i], "\n   ", by_hand[i])

# %% [markdown]
r"""
Every step here reads the whole target again. With a cache, each step reads one new token and finds keys and values
of the earlier ones computed already. The library's `generate` does that. It wants a language model, and
`model.given(source)` is one: the decoder with its source held fast.
"""

# %%
from course_lib.generation import Sampling, generate

ALWAYS_THE_LIKELIEST = Sampling(temperature=0)


def write(model, source, sampling=ALWAYS_THE_LIKELIEST, max_tokens=40, generator=None):
    """The same with a cache."""
    begin = [[END]] * len(source)
    steps = generate(model.given(source), begin, max_tokens, sampling, end_id=END, generator=generator)
    return texts_of(torch.stack(list(steps), dim=1))


answers = write(model, held_out.source)
claim(answers[:100] == by_hand, "with a cache it writes the same translations as without")
print(f"exactly right: {exact(answers, rights):.1%} of {len(rights)} unseen sentences")
claim(exact(answers, rights) >= 0.9, "at least nine of ten unseen sentences are right in every word")

# %% [markdown]
r"""
The sentences were not among those it learned from, and a sentence counts only if every word, every ending and the
order are right. What went wrong in the others?
"""

# %%
wrong = [i for i, answer in enumerate(answers) if answer != rights[i]]
for i in wrong[:5]:
    print(unseen[i], "\n    wrote:", answers[i], "\n    right:", rights[i])

# %% [markdown]
r"""
Compare the lines word by word. You may find one that loses its way in a long sentence, says a word twice or names
somebody else, and one that is right but for an ending, *-a* in place of *-o*. Whether a name is a woman's or a
man's cannot be worked out from the sentence. It has to be learned for each of sixty names, from the sentences in
which an ending gives it away.

Mistakes of another kind come from sources that are unlike all it has learned from. We take short sentences *from its
own training data* that it translates right, and put them one after the other, two by two. In Tolan that is no harder:
one says the first, then the second. No word is new, and the two together are no longer than what it has learned from.
"""


# %%
def translations(texts):
    return write(model, pair_batch([english_words.encode(text) for text in texts], [[0]] * len(texts), END).source)


brief = [text for text in known if len(text.split()) <= 11][:60]
told = {text: translate(text, world, tolan).text for text in brief}
mastered = [text for text, answer in zip(brief, translations(brief), strict=True) if answer == told[text]] or brief
two = [f"{a} {b}" for a, b in pairwise(mastered)]
two_rights = [f"{told[a]} {told[b]}" for a, b in pairwise(mastered)]
two_answers = translations(two)
print(two[0], "\n    wrote:", two_answers[0], "\n    right:", two_rights[0])
print(
    f"alone {len(mastered)} of {len(brief)} are right, of {len(two)} pairs of them {exact(two_answers, two_rights):.0%}"
)
claim(len(mastered) > 30, "alone, more than 30 of 60 are right")
claim(exact(two_answers, two_rights) < 0.2, "of two together less than one in five")

# %% [markdown]
r"""
It has learned to translate the *kinds of documents it met*, with other names and things in their places. The rule
that two sentences are translated one after the other, which we would not even think of writing down, it has not
learned. In its data no such pair occurred, so nothing in the loss asked for it.

Is there a price for teacher forcing? In training the decoder saw right words only. Alone, it reads its own. We ask
the early copy of the model, which makes more mistakes. Take those of 200 sentences that it gets wrong, and compare
what it says *after* its first wrong word: once with the right words as its past, once alone.
"""

# %%
early.eval()
with torch.no_grad():
    forced = early(held_out.inputs[:200], held_out.source[:200]).argmax(dim=-1)
alone = greedy(early, held_out.source[:200], max_tokens=forced.shape[1])
alone = torch.nn.functional.pad(alone, (0, forced.shape[1] - alone.shape[1]), value=END)
wanted = held_out.targets[:200]
asked = wanted >= 0

missed = (forced != wanted) & asked
after_first = (missed.cumsum(dim=1) > 0) & asked
after_first &= ~(missed & (missed.cumsum(dim=1) == 1))  # not the first mistake itself
after = {
    name: (said == wanted)[after_first].float().mean().item()
    for name, said in {"reads the right words": forced, "reads its own": alone}.items()
}
table(["after its first mistake, the early model", "words right"], [[name, share] for name, share in after.items()])

# %%
right_forced, right_alone = (((said == wanted) | ~asked).all(dim=1) for said in (forced, alone))
claim((right_forced != right_alone).float().mean() < 0.01, "up to the first mistake the two do not differ")
claim(
    after["reads the right words"] > after["reads its own"] + 0.05,
    "after it, of 100 words over five fewer are right when it reads its own",
)

# %% [markdown]
r"""
As long as every word is right, its own words *are* the right words, so the same sentences come out right both ways.
The difference begins after a mistake: from there the model continues a sentence of a kind that training never
showed. This is called **exposure bias**. The words are compared place by place, so a left-out word also moves all
that follow.
"""

# %% [markdown]
r"""
## Does it look where it should?

Nobody told the decoder which word renders which. But we know, and we can see where it looks. The row of the map that
belongs to a word is that of the place which has to *name* it, one place before it is read.

**Predict first.** When the decoder is about to write a word, how often is the source word that gets most of its
attention the one that the grammar says it renders? Nearly always, half of the time, seldom?
"""

# %%
from matplotlib.patches import Rectangle

from course_lib.inspection import cross_attention_maps


def look(text):
    """The translation of a text and the weights with which each word of it was chosen, [H T S]."""
    told = translate(text, world, tolan)
    batch = pair_batch([english_words.encode(text)], [tolan_words.encode(told.text)], END)
    return told, cross_attention_maps(model, batch.inputs, batch.source)[0][0]


def with_alignment(picture, renders):
    """Adds an orange frame where the grammar says that the words belong together."""
    for t, place in enumerate(renders):
        if place is not None:
            picture.axes[0].add_patch(Rectangle((place - 0.5, t - 0.5), 1, 1, fill=False, color="#D55E00", linewidth=2))
    return picture


told, heads = look(text)
rows = [*told.text.split(), "[end]"]
with_alignment(
    heatmap(
        heads.mean(dim=0),
        rows,
        text.split(),
        xlabel="source word looked at",
        ylabel="word about to be written",
        title="mean of four heads; frame: true alignment",
        number="",
    ),
    told.renders,
)

# %% [markdown]
r"""
Some frames are dark inside, others are empty. To see a pattern we count, on 300 unseen sentences, and ask a second
question about each word: was there anything to find out? Often Tolan itself leaves hardly a choice. Once *rainy
evening* has been said, *was* has to come and then a full stop, whatever the source says. The grammar `tolan` tells
the probability of each word given those before it, without any source. We call a word *open* if that is below one
half.
"""

# %%
maps = cross_attention_maps(model, held_out.inputs[:300], held_out.source[:300])[0]  # B H T S
found = []  # for each aligned word: open or not, and for each head and for their mean: is it the true one?
for each_map, told in zip(maps, unseen_translations, strict=False):
    words = told.text.split()
    for t, place in enumerate(told.renders):
        if place is not None:
            before = "".join(word + " " for word in words[:t])
            weights = torch.cat([each_map[:, t], each_map[:, t].mean(dim=0, keepdim=True)])
            found.append((tolan.next_word(before)[words[t]] < 0.5, (weights.argmax(dim=-1) == place).tolist()))

hits = {}
for name, wanted in {"open": True, "given by the words before": False}.items():
    shares = torch.tensor([hit for is_open, hit in found if is_open == wanted]).float()
    hits[name] = [len(shares), shares[:, :4].mean(dim=0).max().item(), shares[:, 4].mean().item()]
table(
    ["word about to be written", "words", "true one looked at most: best head", "mean of heads"],
    [[name, *row] for name, row in hits.items()],
)

# %%
opened, given = hits.values()
claim(opened[2] > 0.6, "for an open word, the true one gets most attention more than 60 % of the time")
claim(opened[2] > opened[1], "the mean of the heads points better than the best head")
claim(given[2] < 0.5, "for a word that was given anyway in less than 50 %")

# %% [markdown]
r"""
It depends on the word. Where the source decides, the decoder mostly looks at the deciding word, although nothing in
the loss says where to look. Where the word follows from those before it, the loss has no reason to send the look
anywhere, and it wanders. And the four heads together point better than the best of them alone: they share the work.

Even for open words the map does not match the grammar in full, and it need not. What stands at a place of the
source is no longer a single word. The encoder has mixed the sentence, so the vector at *chair* may hold something
about *on*, and the vector at a full stop may hold nearly anything. A map tells where weights are and not why, as
lesson 07 warned.

Here you can step through some sentences. The hatched bar is the true source of the word.
"""

# %% tags=["hide-input"]
from course_lib.display import bars
from course_lib.display.widgets import Explorer, menu, slider

samples = [text, *(each for each in sorted(unseen[:60], key=len)[6::13] if each != text)]


def explore(sentence, word, heads):
    told, weights = look(sentence)
    words = told.text.split()
    t = min(int(word), len(words)) - 1
    row = weights[:, t].mean(dim=0) if heads == "mean of four" else weights[int(heads) - 1, t]
    picture = bars(
        sentence.split(),
        row.tolist(),
        xlabel="share of attention",
        title=" ".join([*words[:t], f"[{words[t]}?]"]),
        highlight=told.renders[t],
        number="{:.2f}",
        limits=(0, 1.15),
    )
    place = told.renders[t]
    renders = "no single word" if place is None else f"“{sentence.split()[place]}”"
    most = sentence.split()[int(row.argmax())]
    return picture, f"Word {t + 1} of {len(words)}, “{words[t]}”, renders {renders}; it looks most at “{most}”."


Explorer(
    explore,
    sentence=menu(samples, samples[0], label="sentence"),
    word=slider(1, 24, 2, step=1, label="word of the translation"),
    heads=menu(["mean of four", "1", "2", "3", "4"], "mean of four", label="head"),
)

# %% [markdown]
r"""
## Is the likeliest word the way to the likeliest sentence?

Greedy decoding never takes anything back. Suppose that *it* begins a sentence with probability 0.6 and *she* with
0.4, but after *it* many words are possible and after *she* nearly always the same comes.
"""

# %%
after_word = {
    "": {"it": 0.6, "she": 0.4},
    "it": {"rains": 0.35, "snows": 0.35, "is": 0.3},
    "she": {"sings": 0.9, "sang": 0.1},
}


def search(width):
    """Keeps the `width` most probable beginnings at every step."""
    beginnings = [([""], 1.0)]
    for _ in range(2):
        further = [([*words, word], p * q) for words, p in beginnings for word, q in after_word[words[-1]].items()]
        beginnings = sorted(further, key=lambda beginning: -beginning[1])[:width]
    return beginnings


for width in (1, 2):
    words, p = search(width)[0]
    print(f"width {width}: {' '.join(words)}, probability {p:.2f}")

claim(search(2)[0][1] > search(1)[0][1], "with two beginnings it finds a sentence that is more probable")

# %% [markdown]
r"""
Greedy took the better word and got the worse sentence, 0.21 against 0.36. Keeping two beginnings instead of one was
enough. This is **beam search**, and the number of beginnings is its *width*. It still guarantees nothing: what fell
out of the beam is lost. Only a search that rules out every other text is sure, and it is seldom affordable.

**Predict first.** Our model gets nearly everything right greedily, so we ask its early copy too. On 30 sentences,
will width 4 find more probable translations? And will more of them be right?
"""

# %%
from course_lib.generation import beam_search


def best_of_beam(model, i, width):
    """The most probable translation found for unseen sentence i, and its log-probability."""
    best = beam_search(model.given(torch.tensor([unseen_sources[i]])), [END], 30, width, end_id=END)[0]
    return texts_of(torch.tensor([best.ids]))[0], best.log_prob


results, rows = {}, []
for name, translator in {"trained": model, "early": early}.items():
    for width in (1, 4):
        results[name, width] = [best_of_beam(translator, i, width) for i in range(30)]
        said, log_probs = zip(*results[name, width], strict=True)
        rows.append([f"{name}, width {width}", exact(said, rights[:30]), sum(log_probs) / 30])
table(["model", "exactly right", "mean log-probability (nats per sentence)"], rows)

# %%
more_probable = {
    name: sum(b[1] > a[1] + 1e-3 for a, b in zip(results[name, 1], results[name, 4], strict=True))
    for name in ("trained", "early")
}
print("of 30, the beam found something more probable for", more_probable)
claim(more_probable["early"] > more_probable["trained"], "the beam finds more to improve in the early model")
claim(rows[3][2] > rows[2][2], "for the early model its translations are more probable on average")
claim(abs(rows[3][1] - rows[2][1]) < 0.15, "but of 30 sentences, less than five more or fewer are right")
claim(abs(rows[1][1] - rows[0][1]) < 0.12, "and for the trained model less than four")

# %%
changed = [i for i in range(30) if results["early", 1][i][0] != results["early", 4][i][0]]
for i in changed[:4]:
    print(unseen[i])
    for width in (1, 4):
        said, log_prob = results["early", width][i]
        print(f"    width {width}, {log_prob:6.2f} nats: {said}", "  (right)" if said == rights[i] else "")

growth = [len(results["early", 4][i][0].split()) - len(results["early", 1][i][0].split()) for i in changed]
print(f"{len(changed)} changed by the beam: {sum(n < 0 for n in growth)} shorter, {sum(n > 0 for n in growth)} longer")

# %% [markdown]
r"""
The beam did find what it was looking for. But more *probable to this model* is not the same as *right*. Where the
model is mistaken, a better search finds the mistake more surely. The trained model leaves it next to nothing to do:
when each word is nearly certain, greedy already walks along the top.

There is also a bias in it. Every further word multiplies the probability by something below one, so short sentences
have an advantage; the last line counts what that did here. Many systems correct for length, and the transformer of
2017 used width 4 and such a correction. [Stahlberg and Byrne (2019)](https://arxiv.org/abs/1908.10090) searched
exactly in a transformer that translates English into German. For more than half of their sentences its most probable
translation was the empty one.
"""

# %% [markdown]
r"""
## What is left without the source?

The decoder on its own is a language model of Tolan. We can see how much each half contributes by
taking the source away. In one trial we silence cross-attention: its outcome is multiplied by zero. In the other
we give every sentence the source of another.

**Predict first.** Which is worse for the loss, no source or a wrong one?
"""

# %%
silent = copy.deepcopy(model)
with torch.no_grad():
    silent.decoder.blocks[0].cross.project.weight.zero_()

exchanged = pair_batch(unseen_sources[1:] + unseen_sources[:1], unseen_targets, END)
costs = {
    "right source": evaluate(model, [held_out]).loss,
    "no source": evaluate(silent, [held_out]).loss,
    "wrong source": evaluate(model, [exchanged]).loss,
    "guessing evenly": math.log(tolan_words.vocab_size),
}
bars(list(costs), list(costs.values()), xlabel="loss on unseen sentences (nats per word)", number="{:.2f}")

# %%
claim(
    costs["right source"] < costs["no source"] < costs["wrong source"] < costs["guessing evenly"],
    "a wrong source costs more than none, and less than guessing evenly",
)
n_words = sum(len(target) + 1 for target in unseen_targets)  # with the end
by_the_rules = -sum(map(tolan.log_prob, rights)) / n_words
print(
    f"knowing Tolan and no source: by the rules {by_the_rules:.2f} nats per word, the silenced decoder {costs['no source']:.2f}"
)
claim(costs["no source"] > 2 * by_the_rules, "the silenced decoder pays more than twice what Tolan's own rules pay")

# %%
generator = torch.Generator().manual_seed(0)
written = write(silent, held_out.source[:40], Sampling(temperature=0.7), generator=generator)
print(*written[:4], sep="\n")
possible = sum(tolan.log_prob(each) > -math.inf for each in written)
print(f"{possible} of 40 are texts that Tolan could tell of this world; {len(set(written))} of the 40 are different")
claim(possible < 24, "less than six of ten are texts that Tolan could tell")

# %% [markdown]
r"""
A wrong source is worse than none: the decoder believes what it reads. Without one it still writes Tolan of a sort, but
it is a poor language model. The grammar knows no source either and pays far less. This decoder never had to choose what
to say; the source always did that for it. Left alone it may say nearly the same thing again and again, or mix what does
not belong together. (How many of its texts are possible differs much from one training to the next.)

So the work is divided as one would wish. The decoder knows how Tolan goes on, and cross-attention tells it about
what.
"""

# %% [markdown]
r"""
## Where are the two halves today?

The transformer was invented for this task and in this form. Most large models since have only one half. Put the
source and the target in one row, *source, separator, target*, and a decoder as in lesson 09 can look back at the
source with its ordinary self-attention: one set of matrices for both, one kind of text to train on, and translation
becomes a case of continuing. What it gives up is reading the source in both directions. [Zhang and others
(2022)](https://arxiv.org/abs/2202.00528) compared such forms for translation and report that differences between
architectures often matter in small models, and that the gap narrows as models grow.

Two halves remain where source and target are different things. In [Whisper
(2022)](https://arxiv.org/abs/2212.04356) the encoder reads sound and the decoder writes text, through the very
cross-attention that you built above.
"""
