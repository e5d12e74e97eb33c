# ---
# title: Masked words and encoders
# part: "III · The transformer"
# minutes: 65
# prerequisites: >-
#   Lessons 01 to 09: cross-entropy and its floor, attention and its mask, and the decoder that lesson 09 assembled from
#   them.
# objectives:
#   - say what a reader of both sides can know that no reader of the left side can, and measure the difference
#   - explain why a model without the causal mask cannot be trained to predict the next token, and hide words instead
#   - build the masking recipe of BERT and give a reason for each of its numbers
#   - put rows of unequal length into one batch, and test that the filling changes nothing
#   - say what an encoder is good for, and why it neither writes nor scores a text
# summary:
#   - What follows a gap often settles it. The best possible forecast from the left alone is a hard limit for every
#     decoder, and where the right side decides, a small encoder beats it, because it answers an easier question.
#   - Without the causal mask, the next token stands in the input. The loss falls below the floor, which is a leak and
#     no success. So the answer itself has to be taken out of the input.
#   - A share of the tokens is chosen. Of these 80 % become a mask, 10 % another token and 10 % stay, and only
#     they enter the loss. So the model must doubt every word that it sees, and pays for that with few targets in a row.
#   - Short rows are filled up, and a mask keeps every token from looking at the filling. Then a document gets the same
#     answer alone and in a batch, and that is the test.
#   - An encoder turns a text into vectors that know both sides, to sort or to search by. Its forecasts for several gaps
#     are made apart and may contradict each other, and their product is no probability of the text.
# quiz:
#   - question: >-
#       Somebody trains a transformer without a causal mask on next-token prediction and reports a loss of 0.1 nats per
#       word on held-out documents of the toy world, where the floor is above 0.4. What happened?
#     options:
#       - answer: Seeing both sides makes forecasts that much better.
#         because: Each target stands in the input, one place to the right. That is copying, not forecasting.
#       - answer: The answer was in the input, and the model has learned to copy it.
#         right: true
#         because: A loss below the floor is a leak. Asked to continue a text, where nothing stands to the right, this
#           model is lost.
#       - answer: The held-out documents were also in the training text.
#         because: A model could then remember some of them. It would not carry the whole mean so far down.
#   - question: >-
#       An encoder was trained with every chosen word replaced by the mask, never by another word, never left. What
#       has it never been asked?
#     options:
#       - answer: What a masked word was.
#         because: That is the only thing that it was asked.
#       - answer: Anything about a place where a word is to be seen.
#         right: true
#         because: No visible place ever was a target, so its vectors there were shaped only by how they help the masked
#           ones. And in use there are no masks at all.
#       - answer: Anything about the words to the right of a mask.
#         because: It sees them, and to guess the masked word it has to use them.
#   - question: >-
#       Two words of a sentence are masked. The encoder says that the first is *loved* or *hated*, one half each, and
#       the second *surely* or *never*, one half each. Both forecasts are perfect. You draw both words at once. How
#       often do they fit together, if *loved* always goes with *surely* and *hated* always with *never*?
#     options:
#       - answer: Always, because both forecasts are perfect.
#         because: Each is perfect for its own gap, over all fillings of the other one. Neither knows which was taken.
#       - answer: In half of the cases.
#         right: true
#         because: Two independent coins agree half of the time. Fill one, ask again, and the other becomes sure.
#       - answer: Never.
#         because: Sometimes the two draws agree by luck.
# read_next:
#   - "[Devlin and others, *BERT* (2019)](https://arxiv.org/abs/1810.04805): section 3.1 has the recipe, appendix C.2 what other mixtures do."
#   - "[Liu and others, *RoBERTa* (2019)](https://arxiv.org/abs/1907.11692): the same model, trained longer on more text with masks drawn afresh each time, and much better for it."
#   - "[Wettig and others, *Should You Mask 15% in Masked Language Modeling?* (2022)](https://arxiv.org/abs/2202.08005): larger models prefer to have more words hidden."
#   - "[Salazar and others, *Masked Language Model Scoring* (2019)](https://arxiv.org/abs/1910.14659): what the product of an encoder's forecasts is good for, although it is no probability."
#   - "[Reimers and Gurevych, *Sentence-BERT* (2019)](https://arxiv.org/abs/1908.10084): vectors of whole sentences that can be compared."
# ---

# %% [markdown]
r"""
## Which word is missing?

*Clara was thirsty. She took one ▁▁▁ and made some juice. Then she drank apple juice in the garden.*

You have filled the gap, and you did not fill it from what stands before it. Up to the gap, the text could go on with
any fruit. What settles it comes nine places later.

**Predict first.** The toy world has eight fruits, all equally common. How sure can a reader be who sees only the left
side of the gap, however clever? And one who sees both sides?
"""

# %%
import math
import random
import time

import numpy as np
import torch

from course_lib import claim
from course_lib.display import table
from course_lib.display.plots import paired_bars
from course_lib.text import IGNORE, VALIDATION_SEED, load_corpus, tokenizer_for

corpus = load_corpus("world")
world, tokenizer = corpus.world, tokenizer_for(corpus, "word")


def left_side(text, place):
    """The exact forecast for a place of a text, from the words before it alone."""
    return world.next_word("".join(word + " " for word in text.split()[:place]))


juice = "clara was thirsty . she took one apple and made some juice . then she drank apple juice in the garden ."
from_left, from_both = left_side(juice, 7), world.blank(juice, 7)
fruits = sorted(from_left)
paired_bars(
    fruits,
    {
        "from the left side": [from_left[fruit] for fruit in fruits],
        "from both sides": [from_both.get(fruit, 0) for fruit in fruits],
    },
    limits=[(0, 1.25), (0, 1.25)],
    highlight=fruits.index("apple"),
)

# %%
claim(abs(from_left["apple"] - 1 / 8) < 1e-9, "from the left side, apple has probability one eighth")
claim(from_both == {"apple": 1.0}, "from both sides, it is certain")

# %% [markdown]
r"""
One eighth, and certain. These are no model's guesses. The world knows its own rules, so it can compute both exactly:
`world.next_word` from what stands before, and `world.blank` from both sides. The second is a matter of trying every
word in the gap and comparing how likely the *whole* text becomes:

$$p(\text{word} \mid \text{both sides}) = \frac{p(\text{text with this word})}{\sum_{w} p(\text{text with } w)}$$

The right side does not always settle everything. It may only narrow the choice.
"""

# %%
film = (
    "rosa and erik saw a film . it was a film so clever that it was slow . they hated it and will never see it again ."
)
from_left, from_both = left_side(film, 16), world.blank(film, 16)
print("from the left:", {word: round(p, 3) for word, p in from_left.items()})
print("from both    :", {word: round(p, 3) for word, p in from_both.items()})

claim(len(from_left) == 7 and len(from_both) == 4, "seven words fit the left side, four of them fit both")

# %% [markdown]
r"""
*So clever that it was ...* can go on with anything but *clever*. After *they hated it*, only the four words of blame
are left.

Every decoder that we have built stands where the left column stands. No training will take it further, since what it
would need is not in its input. So this lesson changes the input.
"""

# %% [markdown]
r"""
## Is it enough to take the mask away?

A decoder does not see the right side because a causal mask forbids it (lesson 07). The library's `Encoder` is the
decoder of lesson 09 with one argument changed, `causal=False`. Everything else is the same class, with the same blocks,
the same head and the same number of parameters.

**Predict first.** So let us train an `Encoder` exactly as we trained decoders: at every place, predict the next word.
It sees more than any decoder, and should do better. The floor of the held-out documents is drawn as a dotted line.
Where will its loss end?
"""

# %%
from course_lib.display import curves
from course_lib.model import GPT, Encoder, TransformerConfig
from course_lib.presets import training_steps
from course_lib.text import DocumentRows
from course_lib.training import TrainingConfig, train

ids = tokenizer.encode(corpus.train)
documents = world.documents(1000, VALIDATION_SEED)
floor = world.floor(documents).per_word

torch.manual_seed(0)
V = tokenizer.vocab_size
cheat = Encoder(TransformerConfig(vocab_size=V, context_length=64, n_layers=1, n_heads=4, d_model=64))
rows = DocumentRows(ids, tokenizer.end_id, batch_size=8, context_length=64, seed=0)
losses = [step.loss for step in train(cheat, rows, TrainingConfig(steps=training_steps(180), lr=0.02))]

# %%
curves(
    range(len(losses)),
    {"loss": losses},
    xlabel="step",
    ylabel="loss (nats per word)",
    lines={f"floor: {floor:.2f}": floor},
    log="y",
)

# %%
last_loss = float(np.mean(losses[-20:]))
print(f"floor {floor:.3f}, loss in the last twenty steps {last_loss:.3f}")
claim(last_loss < floor - 0.1, "the loss ends far below the floor")

# %% [markdown]
r"""
Below the floor, after a few seconds. Lesson 01 told us what to think of that: a loss too good to be true is a bug
report. The word that comes next at place 5 stands in the input at place 6, and without the mask place 5 may look there.
The model has learned to say what its right neighbour is.

To see what that is worth, ask it where there is no right neighbour: at the end of a beginning. We cut held-out
documents somewhere and ask for the next word, as one would to write a text.
"""


# %%
@torch.no_grad()
def cost_of_next(model, texts, rng):
    """Mean cost in nats of the next word, where a text is cut at a random place and nothing stands to the right."""
    costs = []
    for text in texts:
        row = [tokenizer.end_id, *tokenizer.encode(text)]
        end = rng.randrange(1, len(row))
        log_p = model(torch.tensor([row[:end]]))[0, -1].log_softmax(dim=-1)
        costs.append(-log_p[row[end]].item())
    return float(np.mean(costs))


cheat.eval()
texts = [document.text for document in documents]
short = [text for text in texts if len(text.split()) < 64]
cheat_cost = cost_of_next(cheat, short[:200], random.Random(0))
print(f"with the answer in sight {last_loss:.2f} nats, without it {cheat_cost:.2f}; guessing evenly: {math.log(V):.2f}")
claim(cheat_cost > 10 * last_loss, "without the answer in sight it pays more than ten times as much")

# %% [markdown]
r"""
More than ten times the price. What it learned to read off is not there. A decoder gets from one pass a training example
at every place, *because* the mask hides from each place what comes next. Take the mask away, and the examples give away
their answers.

So if every word may look everywhere, the answer must not be there to be looked at. We have to hide it in the input.
"""

# %% [markdown]
r"""
## How do you hide a word?

Put something else in its place. We add one token to the vocabulary, the **mask**, and let its id be the first that no
word has. Then we choose some places at random, remember what stood there, and cover it.
"""

# %%
mask_id = V  # word ids are 0 to V - 1


def hide(ids, share, rng):
    """Cover a share of the ids. Returns what is shown, and the targets: what stood there, or IGNORE."""
    chosen = (rng.random(ids.shape) < share) & (ids != tokenizer.end_id)
    return np.where(chosen, mask_id, ids), np.where(chosen, ids, IGNORE)


def word_of(id):
    return {mask_id: "▁▁▁", IGNORE: "·", tokenizer.end_id: "(end)"}.get(id) or tokenizer.token_text(id)


row = np.array(tokenizer.encode(juice))
shown, targets = hide(row, 0.15, np.random.default_rng(4))
print("shown  :", *map(word_of, shown.tolist()))
print("targets:", *map(word_of, targets.tolist()))

# %% [markdown]
r"""
`IGNORE` is the number −100, which torch's `cross_entropy` leaves out of its mean unless told otherwise. So the loss
asks about the covered places only. (The end token is never covered. It says where a document begins, and nobody needs
to guess that.)

This would train. [BERT](https://arxiv.org/abs/1810.04805), the model that made the idea famous in 2018, does it a
little differently, for this reason: when such a model is *used*, to sort letters, say, nothing is covered. It would
then meet only inputs of a kind that it was never asked about, since every question in its training stood at a mask. At
a place with a word it could be lazy. So of the chosen places, 80 % get the mask, 10 % get any word at all, and 10 %
keep theirs.
"""


# %%
def bert_hide(ids, share, rng):
    """As `hide`, but of the chosen tokens only 80 % become the mask; 10 % become any token, 10 % stay."""
    chosen = (rng.random(ids.shape) < share) & (ids != tokenizer.end_id)
    fate = rng.random(ids.shape)
    shown = np.where(chosen & (fate < 0.8), mask_id, ids)
    shown = np.where(chosen & (fate >= 0.9), rng.integers(mask_id, size=ids.shape), shown)
    return shown, np.where(chosen, ids, IGNORE)


many = np.array(tokenizer.encode("\n".join(texts)))
shown, targets = bert_hide(many, 0.15, np.random.default_rng(0))
chosen = targets != IGNORE
masked = shown[chosen] == mask_id
same = shown[chosen] == targets[chosen]
print(f"chosen {chosen.mean():.1%}; of these masked {masked.mean():.1%}, unchanged {same.mean():.1%}")
wrong = (shown != many) & (shown != mask_id)
print(f"of the words that are still to be seen, {wrong.sum() / (shown != mask_id).sum():.1%} are wrong")

# %%
from course_lib.text import mask_words

library = mask_words(many, mask_id, np.random.default_rng(0), share=0.15, never=tokenizer.end_id)
claim(
    (library[0] == shown).all() and (library[1] == targets).all(),
    "the library's mask_words hides exactly the same words",
)

# %% [markdown]
r"""
What does that do to the model? Take a chosen place where it sees a word. In one half of these cases the word is right,
in the other half it was put there by chance. The loss asks about both alike, so the model has to weigh: does this word
fit its surroundings? And it cannot tell chosen places from the others, so it has to be prepared everywhere. We will see
it do that.

How much this matters depends on the use. In BERT's own appendix (C.2) the mixture made little difference once the whole
model was trained further on another task, and more where its vectors were used as they were.

The other number is the share. **Predict first.** A decoder learns from all words of a row. Of a row of 128 tokens,
about how many does the encoder learn from at 15 %? What speaks against choosing seven in ten instead?
"""

# %%
from course_lib.text import MaskedRows

rows = []
for share in (0.15, 0.4, 0.7):
    batches = MaskedRows(ids, tokenizer.end_id, mask_id, batch_size=64, context_length=128, seed=0, share=share)
    batch = next(batches)
    per_row = (batch.targets != IGNORE).sum(dim=1).float().mean().item()
    context = 1 - (batch.inputs == mask_id).float().mean().item()
    rows.append([f"{share:.0%}", per_row, f"{context:.0%}"])
table(["share chosen", "targets in a row of 128", "places that show a word"], rows)

# %%
claim(15 < rows[0][1] < 21, "at 15 %, a row of 128 tokens has about nineteen targets")

# %% [markdown]
r"""
About nineteen, a seventh of what a decoder gets from the same arithmetic. That is the price of looking both ways. A
larger share gives more targets and makes each of them harder, since what they are to be guessed from is hidden as well.
BERT took 15 %. Later work ([Wettig and others, 2022](https://arxiv.org/abs/2202.08005)) found that large models do
better with 40 %. We have seconds and not days, so we take 40 %.
"""

# %% [markdown]
r"""
## What does it learn in half a minute?

One block with eight heads. Heads matter here. A covered place starts with the vector of the mask, the same at every
gap, and a head makes its query from that. So each head asks the same question at every gap: what stands just before
me, say, or is there a fruit somewhere? Eight heads are eight such questions. (The queries of a second block could
depend on what the first one brought back. But each step would then take nearly twice as long, and in half a minute that
did not pay when we tried it.)

While it trains we keep copies of its weights at a few moments, to be judged afterwards. First half of the way.
"""

# %%
from itertools import islice

ENCODER_STEPS = training_steps(600)
DECODER_STEPS = training_steps(170)

torch.manual_seed(0)
encoder = Encoder(TransformerConfig(vocab_size=V + 1, context_length=128, n_layers=1, n_heads=8, d_model=128))
batches = MaskedRows(ids, tokenizer.end_id, mask_id, batch_size=8, context_length=128, seed=0, share=0.4)
run = train(encoder, batches, TrainingConfig(steps=ENCODER_STEPS, lr=0.02, muon_lr=0.04))
moments = {max(1, ENCODER_STEPS * sixth // 6) for sixth in range(1, 7)}
copies, encoder_losses = {}, []


def follow(steps):
    """Take these steps of training; keep each loss, and the weights at the moments."""
    for step in steps:
        encoder_losses.append(step.loss)
        if step.number in moments:
            copies[step.number] = {name: weight.clone() for name, weight in encoder.state_dict().items()}


started = time.perf_counter()
follow(islice(run, ENCODER_STEPS // 2))
print(f"{encoder.n_parameters:,} parameters, {len(encoder_losses)} steps, {time.perf_counter() - started:.0f} s")
print(f"loss at first {encoder_losses[0]:.3f}, ln of {V + 1} is {math.log(V + 1):.3f}")
claim(abs(encoder_losses[0] - math.log(V + 1)) < 0.01, "the loss starts at ln V, as that of any model without opinions")

# %%
started = time.perf_counter()
follow(run)
encoder.eval()
encoder_targets = run.tokens  # what the loss has asked about so far
print(f"{len(encoder_losses)} steps, {encoder_targets:,} words guessed, another {time.perf_counter() - started:.0f} s")
print(f"loss at the end {np.mean(encoder_losses[-25:]):.2f}")
claim(np.mean(encoder_losses[-25:]) < 1, "it ends below 1 nat per hidden word")

# %% [markdown]
r"""
To compare, we need a decoder. It gets the same documents, the same size (less the mask's vectors) and about a quarter of
the time. Yet it guesses three quarters as many words, for every word of every row is a target.
"""

# %%
torch.manual_seed(0)
decoder = GPT(TransformerConfig(vocab_size=V, context_length=128, n_layers=1, n_heads=8, d_model=128))
rows = DocumentRows(ids, tokenizer.end_id, batch_size=8, context_length=128, seed=0)
started = time.perf_counter()
run = train(decoder, rows, TrainingConfig(steps=DECODER_STEPS, lr=0.02, muon_lr=0.015))
decoder_losses = [step.loss for step in run]
decoder.eval()
print(f"{decoder.n_parameters:,} parameters, {DECODER_STEPS} steps, {time.perf_counter() - started:.0f} s")
print(f"{run.tokens:,} words guessed, loss at the end {np.mean(decoder_losses[-25:]):.2f}")
claim(run.tokens > 0.6 * encoder_targets, "more than 60 % of the encoder's words, in less than 30 % of its steps")

# %% [markdown]
r"""
## How do you ask a thousand questions at once?

Each of the thousand held-out documents gets one gap at a random place. One document at a time would be slow. A batch is
a rectangle, though, and the documents are of different lengths. The short ones must be filled up, and the filling,
called **padding**, must not change any answer. In a decoder it stands to the right of everything, where nobody looks.
An encoder looks everywhere.
"""

# %%
three = [[tokenizer.end_id, *tokenizer.encode(text)] for text in (texts[0], texts[1], juice)]
longest = max(map(len, three))
padded = torch.tensor([row + [-1] * (longest - len(row)) for row in three])  # -1: no token at all
is_word = padded >= 0
may_look = is_word[:, None, :].expand(-1, longest, -1)  # B T S: whoever asks (T), only words answer (S)
print("lengths", [len(row) for row in three], "padded to", tuple(padded.shape), "mask", tuple(may_look.shape))

with torch.no_grad():
    alone = [encoder(torch.tensor([row]))[0] for row in three]
    ignored = encoder.score(encoder.read(padded.clamp(min=0)))  # padding taken for words, and no mask
    masked_off = encoder.score(encoder.read(padded.clamp(min=0), may_look[:, None]))  # None: for all heads

# %%
for name, together in {"without a mask": ignored, "with the mask": masked_off}.items():
    off = [(together[i, : len(row)] - alone[i]).abs().max().item() for i, row in enumerate(three)]
    print(f"{name:15} largest change of a logit in each document:", *(f"{each:.5f}" for each in off))

with torch.no_grad():
    by_itself = encoder(padded)
for i, row in enumerate(three):
    claim(torch.allclose(masked_off[i, : len(row)], alone[i], atol=1e-3), f"document {i}: with the mask, as if alone")
    claim(
        torch.allclose(by_itself[i, : len(row)], alone[i], atol=1e-3), "the library does so wherever an id is negative"
    )

# %% [markdown]
r"""
Without the mask, the answers of a document depend on which others happen to share its batch, a mistake that no error
message will ever report. (The second is the longest, so it has no padding and nothing to lose.) With the mask they
agree up to rounding. The test is worth remembering, for it needs no right answer: *the same document, alone and in
company.* (The padding places themselves compute something too. Nobody reads it.)
"""

# %% [markdown]
r"""
## Who guesses best?

Now the thousand gaps, and five readers. One knows only how common each word is. The decoder reads up to the gap. The
first perfect reader does the same, with the world's own rules. The encoder and the second perfect reader see both
sides.

**Predict first.** We sort the gaps by what the perfect readers say: settled from the left alone (more than 99 % sure),
open from the left and settled by both sides, or open even so. The perfect reader of the left side is the limit that no
decoder can ever pass, and the encoder trained for seconds. Will it pass that limit, and in which group?
"""

# %%
texts.sort(key=lambda text: len(text.split()))  # neighbours of like length need little padding
rng = random.Random(0)
places = [rng.randrange(len(text.split())) for text in texts]
answers = torch.tensor([tokenizer.encode(text)[place] for text, place in zip(texts, places, strict=True)])


def batches_of_gaps(texts, places, covers=None):
    """Rows with the end token first, padded with -1, 100 at a time; `covers`: the id that each shows at its place."""
    for first in range(0, len(texts), 100):
        group = [[tokenizer.end_id, *tokenizer.encode(text)] for text in texts[first : first + 100]]
        at = torch.tensor(places[first : first + 100]) + 1  # the end token stands first
        rows = torch.tensor([row + [-1] * (max(map(len, group)) - len(row)) for row in group])
        if covers is not None:
            rows[torch.arange(len(rows)), at] = covers[first : first + 100]
        yield rows, at


@torch.no_grad()
def ask_encoder(model, texts, places, covers=None):
    """Log-probabilities of the word in each gap, [N, V], which is covered by the mask; the mask is no answer."""
    covers = torch.full((len(texts),), mask_id) if covers is None else covers
    said = [model(rows)[torch.arange(len(at)), at, :V] for rows, at in batches_of_gaps(texts, places, covers)]
    return torch.cat(said).log_softmax(dim=-1)


@torch.no_grad()
def ask_decoder(model, texts, places):
    """The same from the left side: what comes after the word before the gap."""
    said = [model(rows.clamp(min=0))[torch.arange(len(at)), at - 1] for rows, at in batches_of_gaps(texts, places)]
    return torch.cat(said).log_softmax(dim=-1)


def as_log_p(forecasts):
    """Forecasts of the world as log-probabilities, [N, V]."""
    p = torch.zeros(len(forecasts), V)
    for row, forecast in zip(p, forecasts, strict=True):
        row[tokenizer.encode(" ".join(word for word in forecast if word != "\n"))] = torch.tensor(
            [share for word, share in forecast.items() if word != "\n"]
        )
    return p.log()


# %%
how_common = torch.bincount(torch.tensor(ids), minlength=V).float()
how_common[tokenizer.end_id] = 0
gaps = list(zip(texts, places, strict=True))
readers = {
    "how common words are": (how_common / how_common.sum()).log().expand(len(gaps), V),
    "decoder": ask_decoder(decoder, texts, places),
    "perfect, left side": as_log_p([left_side(*gap) for gap in gaps]),
    "encoder": ask_encoder(encoder, texts, places),
    "perfect, both sides": as_log_p([world.blank(*gap) for gap in gaps]),
}
right = {name: log_p.argmax(dim=1) == answers for name, log_p in readers.items()}
nats = {name: -log_p.gather(1, answers[:, None])[:, 0] for name, log_p in readers.items()}
accuracy = {name: each.float().mean().item() for name, each in right.items()}
cost = {name: each.mean().item() for name, each in nats.items()}
table(["reader", "right", "nats per gap"], [[name, f"{accuracy[name]:.1%}", cost[name]] for name in readers])

# %%
sure_left = readers["perfect, left side"].exp().amax(dim=1) > 0.99
sure_both = readers["perfect, both sides"].exp().amax(dim=1) > 0.99
groups = {
    "settled from the left": sure_left,
    "settled by both sides only": sure_both & ~sure_left,
    "open even from both": ~sure_both,
}
shares = {
    name: {group: right[name][inside].float().mean().item() for group, inside in groups.items()}
    for name in ("decoder", "perfect, left side", "encoder", "perfect, both sides")
}
table(
    ["right in gaps that are", *(f"{group} ({int(inside.sum())})" for group, inside in groups.items())],
    [[name, *(f"{share:.0%}" for share in each.values())] for name, each in shares.items()],
)

# %%
middle = "settled by both sides only"
claim(int(groups[middle].sum()) > 80, "more than eighty of the thousand gaps are settled by both sides only")
claim(
    shares["encoder"][middle] > shares["perfect, left side"][middle] + 0.2,
    "there the encoder is ahead of the best possible left reader by more than 20 %",
)
claim(shares["encoder"][middle] > shares["decoder"][middle] + 0.2, "and of the decoder by as much")
by_left = {name: share["settled from the left"] for name, share in shares.items()}
claim(by_left["decoder"] > max(0.9, by_left["encoder"] + 0.02), "where the left settles it, the decoder is ahead")
claim(cost["decoder"] > cost["perfect, left side"] - 0.02, "over all, the decoder does not pass the left side's limit")
claim(accuracy["encoder"] > accuracy["decoder"] + 0.01, "over all, the encoder fills more than 1 % more of the gaps")
claim(cost["encoder"] < cost["decoder"] - 0.06, "and pays less, by more than 0.06 nats per gap")
claim(abs(accuracy["encoder"] - accuracy["perfect, left side"]) < 0.04, "the best left reader is about as often right")

# %% [markdown]
r"""
The middle column is what encoders are about. In these gaps the best possible forecast from the left is right in about a
third of the cases, and no training and no size can change that for a decoder. A small encoder, after half a minute, is
far beyond it. Its question is easier: what a model can know is decided first by what it is shown, and only then by how
well it was trained.

The first column is the price. Where the left side settles the word, the decoder is right more often. It has practised
just that question, with every word before it in sight, while a third of what the encoder read in training was covered.

Over all gaps the encoder is ahead of the decoder. Do not read too much into that lead. With more training the decoder
would come closer, up to the perfect left reader, which is about as often right as our encoder and pays a little less.
But there every decoder ends, and the encoder can go on. How far was it on its way? Here are the copies that we kept.
"""

# %%
late = Encoder(encoder.config)
late.eval()
learning = {}
for step, weights in copies.items():
    late.load_state_dict(weights)
    learning[step] = -ask_encoder(late, texts, places).gather(1, answers[:, None]).mean().item()

picture = curves(
    list(learning),
    {"encoder": list(learning.values())},
    xlabel="step",
    ylabel="cost (nats per gap)",
    lines={
        "best possible from the left side": cost["perfect, left side"],
        "floor: best possible from both sides": cost["perfect, both sides"],
    },
    log="y",
)
picture.axes[0].set_ylim(bottom=0.05)
picture

# %%
first, *_, last = learning.values()
print(f"first copy {first:.2f}, last copy {last:.2f}")
claim(last < 0.6 * first, "from the first copy to the last, the cost falls by more than 40 %")

# %% [markdown]
r"""
The curve has not come to rest, and far below it lies the floor of its own question, which a perfect reader of both
sides would pay. So the mean over all gaps is still a matter of patience. The middle column is a matter of principle.
"""

# %% [markdown]
r"""
## What does it say about a single gap?

The film once more, and three other gaps, beside the truth.
"""


# %%
def forecasts(text, place):
    """What encoder, decoder and the world say about a gap: three dictionaries; the last is empty for an impossible text."""
    said = [ask(model, [text], [place])[0].exp() for ask, model in ((ask_encoder, encoder), (ask_decoder, decoder))]
    known = [{word_of(id): share for id, share in enumerate(p.tolist())} for p in said]
    try:
        return *known, world.blank(text, place)
    except ZeroDivisionError:  # no word makes this a text that the world can tell
        return *known, {}


examples = [(film, 16), (juice, 7), ("anna lives in mossford .", 0), ("what does an owl eat ? it eats mice .", 3)]
for text, place in examples:
    words = text.split()
    guess, _, truth = forecasts(text, place)
    print(" ".join([*words[:place], "▁▁▁", *words[place + 1 :]]))
    for name, forecast in {"encoder": guess, "truth": truth}.items():
        top = sorted(forecast.items(), key=lambda item: -item[1])[:5]
        print(f"   {name:8}", ", ".join(f"{word} {p:.2f}" for word, p in top))

# %%
guess = forecasts(juice, 7)[0]
claim(sum(guess.get(fruit, 0) for fruit in fruits) > 0.5, "the encoder gives most of the gap before juice to fruit")
claim(guess.get("apple", 0) < 0.6, "but is far from sure that it is the apple")

# %% [markdown]
r"""
For the juice, it has found out that a fruit is missing. *Which* fruit stands nine places further on, and to fetch it
from there is what it has not learned yet. Lesson 07 saw heads learn to fetch a fruit, but they trained on nothing else.

Try gaps of your own: put `_` where the word is missing. Words and blanks must be those of the toy world, with a blank
before each full stop; without a `_`, the gap is at the end. Move it through one sentence and see where the two models
change places.
"""

# %% tags=["hide-input"]
from course_lib.display.widgets import Explorer, text_box
from course_lib.errors import CourseError


def draw(text):
    words = text.split()
    place = words.index("_") if "_" in words else len(words)
    blank = [*words[:place], "anna", *words[place + 1 :]]  # some word, to be covered
    try:
        guess, from_left, truth = forecasts(" ".join(blank), place)
    except CourseError as error:
        guess, from_left, truth = {"?": 0.0}, {}, {}
        note = str(error)
    else:
        note = f"{len(truth)} words fit in truth" if truth else "the world cannot tell this text, whatever the word"
    names = sorted(guess | truth, key=lambda word: -max(guess.get(word, 0), truth.get(word, 0)))[:6]
    each = {"truth, both sides": truth, "encoder": guess, "decoder, left side": from_left}
    picture = paired_bars(
        names, {name: [p.get(word, 0) for word in names] for name, p in each.items()}, limits=[(0, 1.5)] * 3
    )
    best = names[0]
    return picture, f"{text}: {best} has {truth.get(best, 0):.2f}, by the encoder {guess.get(best, 0):.2f}; {note}."


Explorer(
    draw, text=text_box("rosa and erik saw a film . it was a _ film . they hated it and will never see it again .")
)

# %% [markdown]
r"""
Now look back at the odd tenth of the recipe. At some chosen places the model saw a word that was wrong, so it has
learned to doubt. We can use that. Put a random word into each of the thousand documents, cover nothing, and ask the
encoder what it thinks stands there.
"""

# %%
draw_word = torch.Generator().manual_seed(0)
false = torch.randint(1, V, (len(texts),), generator=draw_word)  # 0 is the end token
rows = []
for name, covers in {"a false word": false, "the right word": answers, "the mask": None}.items():
    p = readers["encoder"].exp() if covers is None else ask_encoder(encoder, texts, places, covers).exp()
    counted = false != answers  # in a few, chance has put the right word there
    believed = "" if covers is None else p.gather(1, covers[:, None])[counted].mean().item()
    rows.append([name, believed, p.gather(1, answers[:, None])[counted].mean().item()])
table(["it sees", "believes what it sees", "probability of the right word"], rows)

# %%
claim(rows[1][1] > 0.65, "a right word is believed, with more than 65 % on average")
claim(rows[0][1] < 0.15, "a false one is not, with less than 15 % on average")
claim(rows[0][2] > 0.5, "and the word that should stand there gets more than half on average")
claim(rows[1][2] < rows[2][2] + 0.1, "a right word makes the encoder little surer than the mask does")

# %% [markdown]
r"""
It reads like a suspicious proofreader. A false word hardly misleads it, and a right one makes it little surer than the
mask does. By the recipe it should trust more: a word that fits has most likely stayed, for chance would have had to hit
it among 584. Had every chosen word become a mask, no place with a visible word would ever have been asked, and what came
out there would be anything.
"""

# %% [markdown]
r"""
## What is it good for, if it does not write?

For reading. Before the head turns them into logits, the encoder has a vector for every word, and each of these has
taken in both sides. Take *good*. In the toy world there are good films, good kings, *good night* and *good idea*, and
lesson 06 gave them all the same vector, that of the word. Here are the vectors that leave the encoder, for every *good*
in the held-out documents of these kinds.
"""


# %%
@torch.no_grad()
def vectors_of(model, text):
    """The model's vector for each word of a text, [T, D]."""
    return model.read(torch.tensor([[tokenizer.end_id, *tokenizer.encode(text)]]))[0, 1:]


uses = [
    (document, place)
    for document in documents
    for place, word in enumerate(document.text.split())
    if word == "good" and document.kind in ("film", "tale", "diary", "dialogue")
]
kinds = [document.kind for document, _ in uses]
vectors = torch.stack([vectors_of(encoder, document.text)[place] for document, place in uses])


def nearest_alike(vectors, kinds):
    """How often the nearest other vector, by angle, is of the same kind; and how often one at random is."""
    vectors = torch.nn.functional.normalize(vectors, dim=1)
    nearest = (vectors @ vectors.T).fill_diagonal_(-1).argmax(dim=1).tolist()
    alike = np.mean([kinds[i] == kinds[j] for i, j in enumerate(nearest)])
    return alike, np.mean([[a == b for a in kinds] for b in kinds])


alike, chance = nearest_alike(vectors, kinds)
print(f"{len(uses)} times good: the nearest other one is in a document of the same kind in {alike:.0%}")
print(f"one at random is in {chance:.0%}")
claim(alike > 0.9, "the nearest other use of the word is of the same kind in more than 90 %")

# %%
from course_lib.display.plots import COLOURS, Picture, axes, legend

centred = vectors - vectors.mean(dim=0)
directions = torch.linalg.svd(centred, full_matrices=False).Vh[:2]
flat = centred @ directions.T
picture = Picture(6.4, 3.8)
ax = axes(picture, xlabel="first direction", ylabel="second direction", title="the vectors of one word, good")
for kind, colour, marker in zip(("film", "tale", "diary", "dialogue"), COLOURS, "os^D", strict=False):
    inside = torch.tensor([each == kind for each in kinds])
    ax.plot(*flat[inside].T, marker, color=colour, markersize=7, alpha=0.7, label=kind)
legend(ax, loc="center left", bbox_to_anchor=(1, 0.5))
picture

# %% [markdown]
r"""
(The picture shows the two directions in which these vectors differ most, their principal components.) One word, and
several clouds. Nobody told the model that *good night* has nothing to do with a film.

The mean over all words is a vector for a whole document. To find documents that are close to each other, compare those.
But whoever reports how well that works should also report a baseline, and the obvious one is an encoder that was never
trained.
"""

# %%
torch.manual_seed(1)
untrained = Encoder(encoder.config)
several = documents[:250]
for name, model in {"trained": encoder, "never trained": untrained}.items():
    means = torch.stack([vectors_of(model, document.text).mean(dim=0) for document in several])
    share, by_chance = nearest_alike(means, [document.kind for document in several])
    print(f"{name:14} nearest document of the same kind: {share:.0%}   (one at random: {by_chance:.0%})")
    claim(share > 0.85, f"{name}: the nearest document is of the same kind in more than 85 %")

# %% [markdown]
r"""
The untrained one does it too. At the start every block passes its input on, so its mean is one of random vectors, one
for each word: a list of the words that a document uses. Here each kind has its own words, and a list is enough. So this
test cannot show that the encoder understands anything. The one with *good* can, for without context all those vectors
are the same.

This is how encoders are used: to find documents that are close to a question, to sort them, or to mark words in them
(is this a name?). A small head on top is trained with few examples, since the reading is already there. For comparing
whole sentences, models are trained further on just that
([Sentence-BERT](https://arxiv.org/abs/1908.10084)); the plain mean is the crudest way.
"""

# %% [markdown]
r"""
## Can it fill two gaps at once?

*Rosa and Erik saw a film. It was a ▁▁▁ film. They ▁▁▁ it and will ▁▁▁ see it again.* Four words of praise go with
*loved* and *surely*, four of blame with *hated* and *never*.

**Predict first.** Take not our encoder but the perfect reader of both sides. Each gap gets a forecast for itself, the
other two being covered, and we draw the three words. How often do they fit together?
"""

# %%
from itertools import product

from course_lib.text.world import BLAME, PRAISE

frame = "rosa and erik saw a film . it was a {} film . they {} it and will {} see it again ."
ways = list(product(PRAISE + BLAME, ("loved", "hated"), ("surely", "never")))
p = np.array([math.exp(world.log_prob(frame.format(*way))) for way in ways])
p = p / p.sum()  # how likely each way of filling all three is, in truth
alone = [{word: p[[way[gap] == word for way in ways]].sum() for way in ways for word in [way[gap]]} for gap in range(3)]
print({word: round(float(share), 2) for gap in alone[1:] for word, share in gap.items()})

at_once = np.array([math.prod(alone[gap][word] for gap, word in enumerate(way)) for way in ways])
print(f"drawn apart, the three words fit together in {at_once[p > 0].sum():.0%}")
claim(abs(at_once[p > 0].sum() - 0.25) < 1e-9, "three perfect forecasts, drawn apart, fit together in one case of four")

# %% [markdown]
r"""
In one case of four. Nothing is wrong with any of the three forecasts. Each is right about its own gap, averaged over
all that may stand in the others, and none of them knows what the others will be. A decoder does not have this trouble,
as it chooses one word, *reads it*, and goes on. An encoder can do the same if we fill one gap at a time and ask again.
"""


# %%
@torch.no_grad()
def fill(rows, order, generator):
    """Draw words for the masked places of each row; `order` has groups of places, and each group is drawn at once."""
    rows = rows.clone()
    for group in order:
        p = encoder(rows)[:, group, 1:V].softmax(dim=-1)  # no end token, no mask
        rows[:, group] = 1 + torch.multinomial(p.flatten(0, 1), 1, generator=generator).view(len(rows), -1)
    return rows


def share_told(rows):
    """Share of the rows that the world can tell."""
    return float(np.mean([world.log_prob(tokenizer.decode(row[1:])) > -math.inf for row in rows.tolist()]))


row = torch.tensor([tokenizer.end_id, *tokenizer.encode(frame.format("good", "loved", "surely"))])
gap_places = [i + 1 for i, word in enumerate(frame.split()) if word == "{}"]
row[gap_places] = mask_id
copies_of_row = row.expand(200, -1)
draw_words = torch.Generator().manual_seed(0)
together = share_told(fill(copies_of_row, [gap_places], draw_words))
in_turn = share_told(fill(copies_of_row, [[place] for place in gap_places], draw_words))
print(f"our encoder, 200 draws: at once {together:.0%} fit together, one after the other {in_turn:.0%}")
claim(together < 0.5, "at once, fewer than half fit together")
claim(in_turn > together + 0.05, "one after the other, more do, by at least 5 % of all draws")

# %% [markdown]
r"""
In turn is better. Ours still contradicts itself often, for it is no perfect reader; a perfect one, filling in turn,
never would.

So why not write like that: cover everything, and fill one word after the other? It can be done, and here it is, beside
the decoder. Both write 100 documents. The encoder must be told how long the document is to be, since it fills places
and has no way to stop; it gets the lengths of short held-out documents.
"""

# %%
from course_lib.generation import generate

lengths = random.Random(0).sample([len(text.split()) for text in texts if len(text.split()) <= 24], 100)
draw_words = torch.Generator().manual_seed(0)
written = []
for length in sorted(set(lengths)):
    blank_page = torch.full((lengths.count(length), length + 1), mask_id)
    blank_page[:, 0] = tokenizer.end_id
    filled = fill(blank_page, [[place] for place in range(1, length + 1)], draw_words)
    written += [tokenizer.decode(row[1:]) for row in filled.tolist()]

start = [[tokenizer.end_id]] * 100
columns = generate(decoder, start, 100, end_id=tokenizer.end_id, generator=draw_words)
spoken = [tokenizer.decode(row).split("\n")[0] for row in torch.stack(list(columns), dim=1).tolist()]

grammatical = {
    name: float(np.mean([world.kind(text) is not None for text in each]))
    for name, each in {"encoder, word by word": written, "decoder": spoken}.items()
}
print("encoder:", written[60], "\ndecoder:", spoken[0])
print("grammatical:", {name: f"{share:.0%}" for name, share in grammatical.items()})

# %%
claim(
    grammatical["decoder"] > grammatical["encoder, word by word"] + 0.1,
    "the decoder writes grammatical documents far more often, by over 10 % of all",
)

# %% [markdown]
r"""
The decoder writes better, although it trained for a quarter of the time and its documents are longer. It does what it was
trained to do. The encoder never met a page on which nearly everything is covered: in training, about a third was.
(Models that are trained with every share of masks, from nothing to all, do learn to write in this way. They are called
masked diffusion models; [Sahoo and others, 2024](https://arxiv.org/abs/2406.07524), say how to train one.)
"""

# %% [markdown]
r"""
## How likely is this text?

There is one question more that a decoder answers and an encoder does not. A decoder's forecasts multiply to the
probability of the text (lesson 01): the first word, times the second after the first, and so on. An encoder gives each
word a probability too, given all others. Why not multiply those?

Let the perfect reader do it for the film. There are eight ways in which the three words can be filled, and together
they have probability 1, given the rest.

**Predict first.** For each of the eight texts, take the probability of each of the three words, given everything else,
and multiply. What do the eight products add up to?
"""

# %%
products = {}
for way in ways:
    text = frame.format(*way)
    if world.log_prob(text) > -math.inf:
        words = text.split()
        products[way] = math.prod(world.blank(text, place - 1)[words[place - 1]] for place in gap_places)
print({" ".join(way): round(each, 3) for way, each in products.items()})
print(f"{len(products)} texts, sum of the products {sum(products.values()):.2f}")
claim(abs(sum(products.values()) - 2) < 1e-9, "the products of eight texts that exclude each other add up to 2")

# %% [markdown]
r"""
Two. Given a word of blame and *never*, *hated* is certain, and given blame and *hated*, *never* is. Only the quality
costs something, one in four. That the film is blamed and not praised is a coin toss worth $\ln 2$, and nobody pays for
it, because each word finds it settled by the others. A sum above one is no distribution.

Such a product still *ranks* texts usefully, an ungrammatical one low, say
([Salazar and others, 2019](https://arxiv.org/abs/1910.14659), call it a pseudo-log-likelihood). But no perplexity, no
bits per byte and no honest comparison with a decoder can be had from it.
"""

# %% [markdown]
r"""
## Which one, then?

| | decoder | encoder |
| :-- | :-- | :-- |
| a word sees | itself and what stands before it | everything |
| learns from | every word of a row | the hidden ones |
| fills a gap | from the left side only | from both sides |
| writes | yes, word after word | hardly |
| gives a text a probability | yes | no |
| gives a vector for each word that knows both sides | no | yes |

BERT (2018) came in two sizes of 110 and 340 million parameters and for a few years nearly every task of reading was
done with it or a descendant. [RoBERTa](https://arxiv.org/abs/1907.11692) (2019) showed that it had been trained too
little. Then decoders grew so large that they could read well enough and write besides, and one model for everything
won. Where many texts have to be sorted or searched, encoders are still at work, for they are small and read a text in
one pass.

The two can also be joined. Let an encoder read a sentence, both sides at once, and a decoder write another one while it
looks at what was read. That is how the transformer began, as a translator, and it is the next lesson.
"""
