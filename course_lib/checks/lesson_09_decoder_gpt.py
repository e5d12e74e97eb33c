"""What right answers of lesson 09 obey, and what wrong ones look like.

Shape letters: B texts, T tokens, V words, D model width, L blocks, H heads, G heads for keys and values, K numbers in a
head, F width inside the MLP.
"""

import math
from collections import UserDict
from collections.abc import Callable, Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_lib.checks.registry import exercise
from course_lib.checks.trial import Mistake, Returned, Trial, any_of

# ── 09.1 ──


class _Tiny(nn.Module):
    """What 09.1 is given: two tables and something between them."""

    def __init__(self, embedding: Tensor, head: Tensor, bias: Tensor | None) -> None:
        super().__init__()
        self.embedding = nn.Embedding.from_pretrained(embedding, freeze=False)
        self.mix = nn.Linear(embedding.shape[1], embedding.shape[1])
        self.bias = "no" if bias is None else "a"
        self.head = nn.Linear(embedding.shape[1], len(embedding), bias=bias is not None)
        with torch.no_grad():
            self.head.weight.copy_(head)
            if bias is not None:
                self.head.bias.copy_(bias)

    def forward(self, ids: Tensor) -> Tensor:
        return self.head(torch.tanh(self.mix(self.embedding(ids))))

    def __repr__(self) -> str:
        n_words, width = self.embedding.weight.shape
        return f"<model with V={n_words}, D={width}, {self.bias} bias in the head>"


@exercise("09.1", title="One matrix, two uses", stars=1, minutes=10)
def tie(trial: Trial) -> None:
    for n_words, width, with_bias in ((5, 3, False), (7, 7, True), (11, 4, True)):
        bias = trial.normal(n_words) if with_bias else None
        model = _Tiny(trial.normal(n_words, width), trial.normal(n_words, width), bias)
        _is_tied(trial, model)


def _is_tied(trial: Trial, model: _Tiny) -> None:
    before = {name: value.detach().clone() for name, value in model.state_dict().items()}
    table, old_head = before["embedding.weight"], before["head.weight"]
    answer = trial(model=model)
    tied = answer.value
    embedding = getattr(getattr(tied, "embedding", None), "weight", None)
    head = getattr(getattr(tied, "head", None), "weight", None)
    law = "head.weight is embedding.weight, with the numbers of the embedding"
    answer.requires(
        isinstance(tied, nn.Module) and isinstance(embedding, Tensor) and isinstance(head, Tensor),
        "what comes back is the model, with its parts `embedding` and `head`, each with a `weight`",
        "not_the_model",
        "Yours has not all of them. Return the model itself, `return model`, with both parts in place.",
    )
    if not isinstance(tied, nn.Module) or not isinstance(embedding, Tensor) or not isinstance(head, Tensor):
        return  # for the types alone
    answer.requires(
        head.shape == table.shape and embedding.shape == table.shape,
        law,
        "transposed",
        f"Their shapes are {tuple(embedding.shape)} and {tuple(head.shape)}. Both layers keep their matrix as (V, D), "
        "so nothing has to be transposed.",
    )
    read, scored = embedding.detach(), head.detach()
    if not torch.equal(read, table):
        answer.requires(
            not (torch.equal(read, old_head) and torch.equal(scored, old_head)),
            law,
            "head_overwrites_embedding",
            "They are alike, but with the numbers of the *head*. Keep those of the embedding.",
        )
        answer.requires(
            not (torch.equal(read, old_head) and torch.equal(scored, table)),
            law,
            "exchanged",
            "The two matrices were exchanged. There should be one of them left.",
        )
        answer.requires(False, law, "numbers_changed", "The embedding's numbers have changed. Keep them as they were.")
    answer.requires(
        not torch.equal(scored, old_head), law, "not_tied", "The head still has its own matrix, with its own numbers."
    )
    answer.requires(torch.equal(scored, table), law, "other_numbers", "The head has other numbers than the embedding.")
    answer.requires(
        head.data_ptr() == embedding.data_ptr(),
        law,
        "copied",
        "The head has a copy of the embedding's numbers. After one step of training the two would differ.",
    )
    answer.requires(
        head is embedding,
        law,
        "two_parameters",
        "They share their memory, and are still two parameters with two gradients. (`.data`, `.detach()` or a new "
        "`nn.Parameter`?) Assign the parameter itself.",
    )
    answer.requires(
        embedding.requires_grad and any(embedding is one for one in tied.parameters()),
        "the shared matrix is one of the model's parameters, and is trained",
        "not_trained",
        "Yours would not be trained: it asks for no gradient, or is no `nn.Parameter` any more.",
    )
    now = tied.state_dict()
    bias = before.get("head.bias")
    answer.requires(
        bias is None or ("head.bias" in now and torch.equal(now["head.bias"], bias)),
        "the head's bias stays as it was",
        "bias_lost",
        "The bias has gone, or is another one. Change the head's `weight`, and leave the head in its place.",
    )
    answer.requires(
        bias is not None or "head.bias" not in now,
        "a head without a bias stays one",
        "bias_added",
        "The head has got a bias. (A new `nn.Linear` has one by default.) Leave the head in its place.",
    )
    vectors = table[:2]
    try:
        logits = tied.get_submodule("head")(vectors)
    except Exception:
        logits = None
    answer.requires(
        isinstance(logits, Tensor) and torch.allclose(logits.detach(), F.linear(vectors, table, bias), 1e-4, 1e-4),
        "the head still maps a vector of D numbers to V logits",
        "head_maps_nothing",
        "Yours does not. Share the *weight* of the two parts, and leave `model.head` the `nn.Linear` that it is.",
    )
    answer.requires(
        all(name in now and torch.equal(now[name], value) for name, value in before.items() if name.startswith("mix"))
        and tied.training,
        "everything but the head's weight stays as it was",
        "rest_changed",
        "Another part of the model has changed.",
    )


# ── 09.2 ──

_GPT2_STD = 0.02


@exercise("09.2", title="GPT-2's first numbers", stars=2, minutes=15)
def initialise(trial: Trial) -> None:
    for n_layers, width in ((8, 96), (3, 120)):
        _draws(trial, n_layers, width)


def _draws(trial: Trial, n_layers: int, width: int) -> None:
    shapes: dict[str, tuple[int, ...]] = {"embedding.weight": (100, width), "places.weight": (120, width)}
    for layer in (0, n_layers - 1):
        block = f"blocks.{layer}."
        shapes |= {
            f"{block}attention_norm.weight": (width,),
            f"{block}attention_norm.bias": (width,),
            f"{block}attention.qkv.weight": (3 * width, width),
            f"{block}attention.qkv.bias": (3 * width,),
            f"{block}attention.project.weight": (width, width),
            f"{block}attention.project.bias": (width,),
            f"{block}mlp.expand.weight": (2 * width, width),
            f"{block}mlp.project.weight": (width, 2 * width),
        }
    shapes |= {"norm.weight": (width,), "norm.bias": (width,)}
    answer = trial(shapes=shapes, n_layers=n_layers)
    answer.requires(
        isinstance(answer.value, Mapping),
        "what comes back is a dictionary from names to tensors",
        "not_a_dictionary",
        f"Yours is of type {type(answer.value).__name__}.",
    )
    answer.requires(
        set(answer.value) == set(shapes),
        "the result has the names of `shapes`",
        "other_names",
        "Some names are missing, or there are names that nobody asked for. Is every case in the loop, and `return` "
        "behind it?",
    )
    for name, shape in shapes.items():
        entry = answer.entry(name)
        value = entry.value
        law = f"{name!r} is a tensor of 32-bit numbers, shape {shape}"
        entry.requires(
            isinstance(value, Tensor), law, "wrong_type", f"Yours is of type {type(value).__name__}, and no tensor."
        )
        entry.requires(value.shape == shape, law, "wrong_shape", f"Yours has shape {tuple(value.shape)}.")
        entry.requires(value.dtype == torch.float32, law, "wrong_dtype", f"Yours has dtype {value.dtype}.")
        numbers = value.detach()
        entry.requires(bool(numbers.isfinite().all()), f"{name!r} is finite", "not_finite", "Yours has nan or ∞.")
        if name.endswith("bias"):
            _is_bias(entry, name, numbers)
        elif name.endswith("norm.weight"):
            _is_gain(entry, name, numbers)
        else:
            _is_normal(entry, name, numbers, n_layers)
    pairs = [
        (f"blocks.{first}.{part}", f"blocks.{second}.{other}")
        for first, part, second, other in (
            (0, "attention.project.weight", n_layers - 1, "attention.project.weight"),
            (0, "mlp.expand.weight", n_layers - 1, "mlp.expand.weight"),
        )
    ]
    for first, second in pairs:
        answer.requires(
            not torch.equal(answer.value[first].detach(), answer.value[second].detach()),
            "every matrix is drawn anew",
            "drawn_once",
            f"{first!r} and {second!r} hold the same numbers. Is a seed set for each, or one tensor used twice?",
        )


def _is_bias(entry: Returned, name: str, numbers: Tensor) -> None:
    law = f"{name!r} is a bias, and begins at 0"
    entry.requires(not bool((numbers == 1).all()), law, "bias_of_ones", "Yours is all ones. Ones are for gains.")
    entry.requires(
        not bool(numbers.any()), law, "bias_drawn", "Yours holds other numbers than 0. (Which case comes first?)"
    )


def _is_gain(entry: Returned, name: str, numbers: Tensor) -> None:
    law = f"{name!r} is the gain of a norm, and begins at 1"
    entry.requires(
        bool(numbers.any()), law, "gain_of_zeros", "Yours is all zeros, so this norm would let nothing through."
    )
    entry.requires(
        bool((numbers == 1).all()),
        law,
        "gain_drawn",
        "Yours was drawn at random. The names of gains end in `norm.weight`; that case must come before the rest.",
    )


def _is_normal(entry: Returned, name: str, numbers: Tensor, n_layers: int) -> None:
    writes = name.endswith("project.weight")
    std = _GPT2_STD / math.sqrt(2 * n_layers) if writes else _GPT2_STD
    law = f"{name!r} has a standard deviation of " + (f"0.02 / √(2 · {n_layers}) = {std:.4g}" if writes else "0.02")
    got, mean = float(numbers.std()), float(numbers.mean())
    entry.requires(got > 0, law, "not_drawn", "Yours holds one and the same number everywhere. Draw it at random.")

    def not_like(wrong: float, mistake: str, says: str, width: float = 0.05) -> None:
        entry.requires(abs(got / wrong - 1) > width, law, mistake, f"Yours has {got:.4g}. {says}")

    # The mean of n numbers strays by std / √n; 6 of these never happen.
    centred = abs(mean) < 6 * got / math.sqrt(numbers.numel())
    entry.requires(
        centred,
        f"{name!r} has the mean 0",
        "not_centred",
        f"Yours has the mean {mean:.3g}. `randn` and `normal_` draw around 0; `rand` draws from 0 to 1.",
    )
    flatness = float((numbers / got).pow(4).mean())  # 3 for a normal distribution, 1.8 for an even one
    entry.requires(
        flatness > 2.2,
        f"{name!r} comes from a normal distribution",
        "evenly_drawn",
        "Yours is drawn evenly between two limits (`rand`, `uniform_`). Take `randn` or `normal_`.",
    )
    if abs(got / std - 1) <= 0.05:
        return
    not_like(1.0, "not_scaled", "Those are the numbers of `randn` as they come. Multiply them.")
    not_like(_GPT2_STD**2, "variance", "0.02 is the standard deviation, and not the variance, nor is it squared.")
    not_like(_GPT2_STD**0.5, "variance", "0.02 is the standard deviation and not the variance: no root of it.")
    if writes:
        not_like(_GPT2_STD, "residual_not_scaled", "This matrix writes into the stream: divide by √(2L).")
        not_like(_GPT2_STD / math.sqrt(n_layers), "one_per_block", "That is 0.02 / √L. Each block writes *twice*.")
        not_like(_GPT2_STD / (2 * n_layers), "no_root", "That is 0.02 / (2L). The root is missing.")
        not_like(_GPT2_STD / n_layers, "no_root", "That is 0.02 / L. Variances add up, so divide by √(2L).")
        not_like(_GPT2_STD * math.sqrt(2 * n_layers), "multiplied", "That is 0.02 *times* √(2L). Divide.")
        not_like(_GPT2_STD / 2 * math.sqrt(n_layers), "root_of_half", "√(2L) is the root of 2 *times* L.")
        not_like(
            _GPT2_STD / math.sqrt(2) * math.sqrt(n_layers),
            "brackets",
            "That is 0.02 / √2 · √L. `a / b * c` multiplies by c: put the divisor into brackets.",
        )
        not_like(
            _GPT2_STD / math.sqrt(2) * n_layers,
            "brackets",
            "That is 0.02 / √2 · L. Both 2 and L stand under the root.",
        )
        not_like(
            _GPT2_STD / (math.sqrt(2) * n_layers), "brackets", "That is 0.02 / (√2 · L). L stands under the root, too."
        )
    else:
        not_like(
            _GPT2_STD / math.sqrt(2 * n_layers),
            "all_scaled",
            "√(2L) is for the matrices whose names end in `project.weight`. This one does not.",
        )
    entry.requires(False, law, "other_spread", f"Yours has {got:.4g}.")


# ── 09.3 ──


@exercise("09.3", title="The work of one pass", stars=2, minutes=20)
def forward_flops(trial: Trial) -> None:
    # In the example some mistakes look alike, so it is not the first.
    _counts_work(trial, 57, 581, 3, 12, 3, 48, 100)
    _counts_work(trial, 10, 100, 2, 4, 2, 32, 64)
    _counts_work(trial, 1, 1000, 5, 8, 1, 64, 170)
    _counts_work(trial, 512, 32000, 32, 32, 32, 4096, 11008)


def _counts_work(
    trial: Trial,
    n_tokens: int,
    vocab_size: int,
    n_layers: int,
    n_heads: int,
    n_kv_heads: int,
    d_model: int,
    d_hidden: int,
) -> None:
    T, V, L, H, G, D, W = n_tokens, vocab_size, n_layers, n_heads, n_kv_heads, d_model, d_hidden
    narrow = G * (D // H)

    def flops(
        keys: float = narrow,
        tables: float = 2 * T * D,
        mlp: float = 3 * D * W,
        head: float = D * V,
        outside: float = 0,
        queries: float = D * D,
        output: float = D * D,
        layers: int = L,
    ) -> float:
        block = queries + 2 * D * keys + output + tables + mlp
        return 2 * T * (layers * block + head) + outside

    right = flops()
    trial(n_tokens=T, vocab_size=V, n_layers=L, n_heads=H, n_kv_heads=G, d_model=D, d_hidden=W).equals(
        int(right),
        "FLOPs are 2 · rows · inner · columns, summed over every matrix product of the forward pass",
        Mistake(
            "multiplications_only",
            right / 2,
            "That is half of it: the multiplications. Each comes with an addition.",
        ),
        Mistake(
            "backward_too", right * 3, "That is three times as much, with the backward pass. Forward alone, please."
        ),
        Mistake("twice", right * 2, "That is twice as much. Multiplications and additions are counted already: 2nmk."),
        Mistake("per_token", right / T if T > 1 else None, "That is the work for one token. The row has T of them."),
        *any_of(
            "keys_as_wide_as_queries",
            "Keys and values were counted as wide as the queries. They have only G heads of K numbers.",
            *([flops(keys=D)] if G != H else []),
        ),
        *any_of(
            "keys_of_one_head",
            "Keys and values were counted K wide. They have G heads, each K wide.",
            *([flops(keys=D // H)] if G > 1 else []),
        ),
        *any_of(
            "scores_by_groups",
            "The tables were counted for G heads. Each of the H query heads makes its own.",
            *([flops(tables=2 * T * narrow), flops(tables=T * (D + narrow))] if G != H else []),
        ),
        *any_of(
            "scores_of_one_head",
            "The tables were counted for one head. There are H of them.",
            *([flops(tables=2 * T * (D // H))] if H > 1 else []),
        ),
        *any_of(
            "scores_for_every_width",
            "Each of the H heads was counted with all D numbers. A head has K = D / H of them.",
            *([flops(tables=2 * T * D * H)] if H > 1 else []),
        ),
        Mistake("no_tables", flops(tables=0), "Scores and mixing are missing: the two products without parameters."),
        Mistake(
            "one_table",
            flops(tables=T * D),
            "One of the two tables is missing, or half of each: scores are one product, and mixing the values is "
            "another. Count the full T × T.",
        ),
        *any_of(
            "masked_tables",
            "You counted only what the causal mask lets through. Count the full T × T.",
            *([flops(tables=(T + 1) * D), flops(tables=(T - 1) * D)] if T > 1 else []),
        ),
        *any_of(
            "tables_not_squared",
            "The tables were counted with T operations for each number. They are T × T.",
            *([flops(tables=2 * D)] if T > 1 else []),
        ),
        Mistake("two_mlp_maps", flops(mlp=2 * D * W), "The MLP has three matrices here: gate, expand and back."),
        Mistake("one_mlp_map", flops(mlp=D * W), "The MLP has three matrices here: gate, expand and back."),
        *any_of(
            "mlp_four_times_wide",
            "F was taken for 4 · D. It is given.",
            flops(mlp=12 * D * D),
            flops(mlp=8 * D * D),
        ),
        Mistake("no_head", flops(head=0), "The head is missing: D → V at each of the T places."),
        Mistake("head_at_the_last_place", flops(head=D * V / T) if T > 1 else None, "The head works at *every* place."),
        *any_of(
            "head_in_each_block",
            "The head was counted once for each block. It comes once, after the last.",
            *([flops(head=L * D * V)] if L > 1 else []),
        ),
        *any_of(
            "embedding_counted",
            "The embedding was counted as a product. It looks up rows; nothing is multiplied.",
            flops(head=2 * D * V),
            flops(outside=2 * V * D),
            flops(outside=V * D),
            flops(outside=T * D),
            flops(outside=2 * T * D),
        ),
        Mistake("no_output", flops(output=0), "One D × D matrix of attention is missing. Is it the output?"),
        *any_of(
            "values_forgotten",
            "One of the two narrow matrices is missing: there are keys and values.",
            flops(keys=narrow / 2),
        ),
        Mistake("no_maps", flops(keys=0, queries=0, output=0), "The four matrices of attention are missing."),
        *any_of(
            "one_block",
            "Only one block was counted.",
            *([flops(layers=1)] if L > 1 else []),
        ),
        tolerance=1e-9,
    )


# ── 09.4 ──


@exercise("09.4", title="Queries that share a key", stars=2, minutes=15)
def grouped_attention(trial: Trial) -> None:
    for n_texts, n_heads, n_groups, n_tokens, width in (
        (2, 3, 3, 5, 4),
        (1, 4, 1, 6, 8),
        (3, 6, 2, 5, 4),
        (2, 6, 3, 4, 6),
    ):
        shared = (n_texts, n_groups, n_tokens, width)
        inputs = {
            "q": 2 * trial.normal(n_texts, n_heads, n_tokens, width),
            "k": trial.normal(*shared),
            "v": trial.normal(*shared),
        }
        _attends_in_groups(trial, inputs)
    # With one token many mistakes look alike, so the example is not the first.
    example = {"q": trial.normal(1, 4, 1, 1), "k": trial.normal(1, 2, 1, 1), "v": torch.tensor([[[[5.0]], [[7.0]]]])}
    _attends_in_groups(trial, example)


def _attends_in_groups(trial: Trial, inputs: dict[str, Tensor]) -> None:
    q, k, v = inputs["q"], inputs["k"], inputs["v"]
    n_texts, n_heads, n_tokens, width = q.shape
    n_groups = k.shape[1]
    group = torch.arange(n_heads) * n_groups // n_heads
    turns = torch.arange(n_heads) % n_groups
    hidden = torch.ones(n_tokens, n_tokens, dtype=torch.bool).triu(1)

    def attend(
        keys: Tensor = group,
        values: Tensor = group,
        scale: float = width**-0.5,
        hide: Tensor | None = hidden,
        axis: int = -1,
    ) -> Tensor:
        scores = q @ k[:, keys].transpose(-2, -1) * scale
        if hide is not None:
            scores = scores.masked_fill(hide, -math.inf)
        return scores.softmax(axis).nan_to_num(0.0) @ v[:, values]

    right = attend()
    late = (q @ k[:, group].transpose(-2, -1) * width**-0.5).softmax(-1).masked_fill(hidden, 0) @ v[:, group]
    grouped = right.view(n_texts, n_groups, -1, n_tokens, width)
    n_shared = n_heads // n_groups
    dealt = right.view(n_texts, n_groups, n_shared, n_tokens, width).transpose(1, 2).reshape(right.shape)
    answer = trial(**inputs)
    answer.equals(
        right,
        f"each of the {n_heads} query heads attends causally to the keys and values of its group, one of {n_groups}",
        Mistake(
            "groups_take_turns",
            attend(turns, turns),
            "The query heads take the groups in turn: 0, 1, 0, 1, … Neighbours share: 0, 0, 1, 1. (`repeat` does the "
            "one, `repeat_interleave` the other.)",
        ),
        Mistake(
            "values_take_turns",
            attend(group, turns),
            "The keys are those of the right group, and the values are not. Both are shared in the same way.",
        ),
        Mistake(
            "keys_take_turns",
            attend(turns, group),
            "The values are those of the right group, and the keys are not. Both are shared in the same way.",
        ),
        Mistake(
            "groups_reversed",
            attend(group.flip(0), group.flip(0)),
            "The groups stand in reverse: the first is the last.",
        ),
        Mistake(
            "first_group_for_all",
            attend(0 * group, 0 * group),
            "All query heads use the first head of keys and values. (A number in place of a group?)",
        ),
        Mistake("mask_forgotten", attend(hide=None), "Every token sees the whole text. The causal mask is missing."),
        Mistake(
            "mask_upside_down",
            attend(hide=hidden.T),
            "Tokens see what comes *after* them, and nothing before: the mask is upside down.",
        ),
        *any_of(
            "cannot_see_itself",
            "A token may look at its own place, too. The diagonal is hidden in yours.",
            attend(hide=hidden | torch.eye(n_tokens, dtype=torch.bool)),
            lambda got: bool(got[:, :, 0].isnan().all() and not got[:, :, 1:].isnan().any()),
        ),
        Mistake("sees_the_next", attend(hide=hidden.triu(2)), "Each token sees one place too far: the next word."),
        Mistake("mask_after_softmax", late, "The mask came after the softmax, so the weights do not sum to 1."),
        Mistake("not_scaled", attend(scale=1.0), "The scores were not divided by √K."),
        Mistake("divided_by_width", attend(scale=1 / width), "The scores were divided by K, and not by its root."),
        *any_of(
            "scaled_by_another_axis",
            "The scores were divided by a root, but not that of K, which is the *last* axis.",
            *(attend(scale=n**-0.5) for n in (n_heads * width, n_groups * width, n_tokens, n_heads)),
        ),
        Mistake("wrong_axis", attend(axis=-2), "The softmax went over the queries. Each *query* has one unit to give."),
        Mistake(
            "groups_averaged",
            lambda got: n_shared > 1 and torch.allclose(got, grouped.mean(2), atol=1e-4),
            "The query heads of a group were averaged. Each keeps its own output: H of them, not G.",
        ),
        Mistake(
            "one_head_for_each_group",
            lambda got: n_shared > 1 and torch.allclose(got, grouped[:, :, 0], atol=1e-4),
            "There is one output for each group. Wanted is one for each of the H query heads.",
        ),
        Mistake(
            "group_axis_left",
            lambda got: got.shape == grouped.shape and torch.allclose(got, grouped, atol=1e-4),
            "The numbers are right. Join the two axes for groups and heads in a group: `.flatten(1, 2)`.",
        ),
        Mistake(
            "heads_shuffled",
            dealt,
            "The outputs are right, and stand in another order: the first of each group first. Keep the heads' order.",
        ),
        Mistake(
            "heads_joined",
            lambda got: torch.allclose(got, right.transpose(1, 2).flatten(2), atol=1e-4),
            "The heads have been joined already. Wanted is (B, H, T, K).",
        ),
    )


# ── 09.5 ──


class _Weights(UserDict[str, Any]):
    """Weights that are described in a few words."""

    def __repr__(self) -> str:
        n_words, width = self["embedding"].shape
        blocks = self["blocks"]
        if not blocks:
            return f"<weights: V={n_words}, D={width}, no block>"
        return f"<weights: V={n_words}, D={width}, L={len(blocks)}, G·K={len(blocks[0]['k'])}>"


def _some_weights(trial: Trial, V: int, L: int, H: int, G: int, K: int, W: int, size: float = 1.0) -> _Weights:
    D = H * K

    def matrix(rows: int, columns: int, scale: float = 1.0) -> Tensor:
        return trial.normal(rows, columns) * scale / columns**0.5

    def gain() -> Tensor:
        return 1 + 0.4 * trial.normal(D)

    blocks = [
        {
            "attention_norm": gain(),
            "q": matrix(D, D, 1.5),
            "k": matrix(G * K, D, 1.5),
            "v": matrix(G * K, D),
            "project": matrix(D, D),
            "mlp_norm": gain(),
            "gate": matrix(W, D, 1.5),
            "expand": matrix(W, D),
            "reduce": matrix(D, W),
        }
        for _ in range(L)
    ]
    return _Weights(embedding=size * trial.normal(V, D), blocks=blocks, norm=gain())


def _norm(x: Tensor, gain: Tensor, variant: str = "") -> Tensor:
    D = x.shape[-1]
    match variant:
        case "layer_norm":
            return F.layer_norm(x, (D,), gain, None, 1e-5)
        case "gain_forgotten":
            return x * (x.square().mean(-1, keepdim=True) + 1e-5).rsqrt()
        case "eps_missing":
            return gain * x * x.square().mean(-1, keepdim=True).rsqrt()
        case "another_eps":
            return F.rms_norm(x, (D,), gain, 1e-6)
        case "another_eps_2":
            return F.rms_norm(x, (D,), gain, 1e-8)
        case "eps_outside_the_root":
            return gain * x / (x.square().mean(-1, keepdim=True).sqrt() + 1e-5)
        case "length_for_rms":
            return gain * x / (x.square().sum(-1, keepdim=True) + 1e-5).sqrt()
        case "root_forgotten":
            return gain * x / (x.square().mean(-1, keepdim=True) + 1e-5)
        case "normed_over_everything":
            return gain * x * (x.square().mean() + 1e-5).rsqrt()
        case "another_eps_3":
            return F.rms_norm(x, (D,), gain, 1e-3)
        case "normed_over_places":
            return gain * x * (x.square().mean(1, keepdim=True) + 1e-5).rsqrt()
        case _:
            return F.rms_norm(x, (D,), gain, 1e-5)


def _turned(x: Tensor, variant: str = "") -> Tensor:
    """Heads [B H T K] turned to their places."""
    K, T = x.shape[-1], x.shape[-2]
    first = 1 if variant == "places_from_one" else 0
    base = 100.0 if variant == "another_base" else 10_000.0
    speeds = base ** (-torch.arange(0, K, 2) / K)
    if variant == "one_speed":
        speeds = torch.ones(K // 2)
    angles = torch.outer(torch.arange(first, T + first), speeds)
    if variant == "turned_backwards":
        angles = -angles
    cos, sin = angles.cos(), angles.sin()
    if variant == "neighbours_paired":
        even, odd = x[..., 0::2], x[..., 1::2]
        return torch.stack([even * cos - odd * sin, even * sin + odd * cos], -1).flatten(-2)
    left, right = x.chunk(2, -1)
    return torch.cat([left * cos - right * sin, left * sin + right * cos], -1)


def _attention(x: Tensor, block: Mapping[str, Tensor], H: int, variant: str = "") -> Tensor:
    B, T, D = x.shape
    if variant == "one_wide_head":
        H = 1
    K = D // H
    maps = {name: block[name] for name in ("q", "k", "v", "project")}
    if variant.startswith("transposed_"):
        name = variant.removeprefix("transposed_")
        if maps[name].shape[0] != maps[name].shape[1]:
            raise ValueError
        maps[name] = maps[name].T
    if variant == "queries_and_keys_exchanged":
        maps["q"], maps["k"] = maps["k"], maps["q"]
    if variant == "keys_and_values_exchanged":
        maps["k"], maps["v"] = maps["v"], maps["k"]
    q, k, v = (F.linear(x, maps[name]) for name in ("q", "k", "v"))
    if variant == "turned_before_the_cut":
        q, k = (_turned(each[:, None])[:, 0] for each in (q, k))
    if variant == "dealt_out_anew":
        q, k, v = (each.reshape(B, -1, T, K) for each in (q, k, v))
    elif variant == "heads_interleaved":
        q, k, v = (each.unflatten(-1, (K, -1)).permute(0, 3, 1, 2) for each in (q, k, v))
    else:
        q, k, v = (each.unflatten(-1, (-1, K)).transpose(1, 2) for each in (q, k, v))
    if variant not in ("no_positions", "turned_before_the_cut"):
        q = q if variant == "keys_turned_only" else _turned(q, variant)
        k = k if variant == "queries_turned_only" else _turned(k, variant)
        v = _turned(v) if variant == "values_turned" else v
    G = k.shape[1]
    group = torch.arange(H) % G if variant == "groups_take_turns" else torch.arange(H) * G // H
    k, v = k[:, group], v[:, group]
    scale = {"not_scaled": 1.0, "scaled_by_the_model": D**-0.5, "divided_by_width": 1 / K}.get(variant, K**-0.5)
    scores = q @ k.transpose(-2, -1) * scale
    hidden = torch.ones(T, T, dtype=torch.bool).triu(1)
    if variant == "mask_upside_down":
        hidden = hidden.T
    if variant == "cannot_see_itself":
        hidden = hidden | torch.eye(T, dtype=torch.bool)
    if variant == "sees_the_next":
        hidden = hidden.triu(2)
    if variant == "mask_after_softmax":
        heads = scores.softmax(-1).masked_fill(hidden, 0) @ v
    elif variant == "mask_forgotten":
        heads = scores.softmax(-1) @ v
    else:
        heads = scores.masked_fill(hidden, -math.inf).softmax(-1).nan_to_num(0.0) @ v
    joined = heads.reshape(B, T, D) if variant == "joined_without_transposing" else heads.transpose(1, 2).flatten(2)
    return joined if variant == "project_forgotten" else F.linear(joined, maps["project"])


_ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "gelu": F.gelu,
    "relu": F.relu,
    "sigmoid": torch.sigmoid,
    "no_activation": lambda x: x,
    "squared_relu": lambda x: F.relu(x).square(),
}


def _mlp(x: Tensor, block: Mapping[str, Tensor], variant: str = "") -> Tensor:
    gate, expand = F.linear(x, block["gate"]), F.linear(x, block["expand"])
    if variant == "gate_and_expand_exchanged":
        gate, expand = expand, gate
    hidden = _ACTIVATIONS.get(variant, F.silu)(gate)
    match variant:
        case "expand_forgotten":
            pass
        case "gate_forgotten":
            hidden = F.silu(expand)
        case "added_not_multiplied":
            hidden = hidden + expand
        case "silu_of_the_product":
            hidden = F.silu(gate * expand)
        case "silu_of_both":
            hidden = hidden * F.silu(expand)
        case _:
            hidden = hidden * expand
    return F.linear(hidden, block["reduce"])


def _gpt(ids: Tensor, weights: Mapping[str, Any], H: int, part: str = "", variant: str = "") -> Tensor:
    """The right logits; with `variant`, those of a GPT with this mistake in this `part`."""

    def of(name: str) -> str:
        return variant if name == part else ""

    def norm(x: Tensor, gain: Tensor, where: str) -> Tensor:
        return x if of("norm") == f"{where}_forgotten" else _norm(x, gain, of("norm"))

    wiring = of("wiring")
    x = weights["embedding"][ids]
    if wiring == "embedding_scaled":
        x = x * x.shape[-1] ** 0.5
    if wiring == "embedding_normed":
        x = F.rms_norm(x, (x.shape[-1],), None, 1e-5)
    blocks = list(weights["blocks"])
    if wiring == "blocks_reversed":
        blocks.reverse()
    if wiring == "first_block_only":
        blocks = blocks[:1]
    if wiring == "last_block_only":
        blocks = blocks[-1:]
    if wiring == "one_block_again_and_again":
        blocks = blocks[:1] * len(blocks)
    if wiring == "last_block_again_and_again":
        blocks = blocks[-1:] * len(blocks)
    for block in blocks:
        names = ("attention_norm", "mlp_norm")
        first, second = (block[name] for name in (reversed(names) if wiring == "norms_exchanged" else names))
        if wiring == "same_norm_twice":
            second = first
        before = x
        if wiring == "post_norm":
            x = _norm(x + _attention(x, block, H), first)
            x = _norm(x + _mlp(x, block), second)
            continue
        if wiring == "mlp_first":
            x = x + _mlp(_norm(x, second), block)
            x = x + _attention(_norm(x, first), block, H)
            continue
        normed = norm(x, first, "attention_norm")
        found = _attention(normed, block, H, of("attention"))
        x = found if wiring in ("no_residual", "attention_not_added") else x + found
        if wiring == "stream_normed":
            x = normed + found
        if wiring == "attention_left_out":
            x = before
        if wiring == "block_norms_last":  # the sum is normed, too
            x = _norm(before + found, first)
        read = before if wiring == "parallel" else x
        normed = norm(read, second, "mlp_norm")
        if wiring == "same_input_twice":
            normed = norm(before, first, "")
        found = _mlp(normed, block, of("mlp"))
        if wiring == "stream_normed":
            x = normed
        if wiring == "from_the_start":
            x = before + found
        elif wiring in ("no_residual", "mlp_not_added"):
            x = found
        elif wiring != "mlp_left_out":
            x = x + found
    x = x if of("end") == "last_norm_forgotten" else _norm(x, weights["norm"], of("norm"))
    logits = F.linear(x, weights["embedding"])
    match of("end"):
        case "probabilities":
            return logits.softmax(-1)
        case "log_probabilities":
            return logits.log_softmax(-1)
        case "last_place_only":
            return logits[:, -1]
        case "last_place_only_2":
            return logits[:, -1:]
        case "vectors":
            return x
        case "ids_chosen":
            return logits.argmax(-1)
        case "rows_normed":
            return F.linear(x, _norm(weights["embedding"], weights["norm"]))
        case _:
            return logits


_END = {
    "last_norm_forgotten": "The last norm is missing.",
    "probabilities": "These are probabilities. Return the logits, without a softmax.",
    "log_probabilities": "A log-softmax was taken already. Return the logits as they are.",
    "last_place_only": "Only the last place has come back. Wanted are the logits at every place.",
    "last_place_only_2": "Only the last place has come back. Wanted are the logits at every place.",
    "vectors": "These are the vectors after the last norm. The head is missing: times every row of the embedding.",
    "ids_chosen": "These are the ids of the best words. Return the logits themselves.",
    "rows_normed": "The embedding's rows were normed for the head. Take them as they are.",
}
_NORM = {
    "gain_forgotten": "The gain of the norm is missing.",
    "eps_missing": "The 10⁻⁵ under the root is missing. It counts where a vector is small, as here.",
    "another_eps": "Another number than 10⁻⁵ is added under the root. It counts where a vector is small, as here.",
    "another_eps_2": "Another number than 10⁻⁵ is added under the root. It counts where a vector is small, as here.",
    "another_eps_3": "Another number than 10⁻⁵ is added under the root.",
    "eps_outside_the_root": "The 10⁻⁵ was added to the root. It belongs *under* it, to the mean of the squares.",
    "layer_norm": "That is LayerNorm, which takes off the mean first. RMSNorm does not.",
    "length_for_rms": "Everything is too small by √D. Was x divided by its length, the root of the *sum* of squares? "
    "Take the root of their *mean*. (Or were the logits divided by √D? There is no such factor.)",
    "root_forgotten": "You divided by the mean of the squares, and not by its root.",
    "normed_over_places": "The mean of the squares ran over the places. Each token is normed by its own D numbers.",
    "normed_over_everything": "One mean was taken of all numbers of all tokens. Each token has a mean of its own.",
    "attention_norm_forgotten": "Attention reads the stream as it is. Norm it first, with `attention_norm`.",
    "mlp_norm_forgotten": "The MLP reads the stream as it is. Norm it first, with `mlp_norm`.",
}
_MLP = {
    "gate_and_expand_exchanged": "Gate and expand are exchanged: silu is taken of the *gate*.",
    "expand_forgotten": "`expand` is missing: silu(gate) is multiplied by it.",
    "gate_forgotten": "`gate` is missing: silu is taken of it, and the result multiplied by `expand`.",
    "added_not_multiplied": "silu(gate) and expand were added. Multiply them.",
    "silu_of_the_product": "silu was taken of the product. Take it of the gate, and multiply then.",
    "silu_of_both": "silu was taken of both. It is taken of the gate only.",
    "gelu": "That is GELU in place of silu.",
    "relu": "That is ReLU in place of silu.",
    "sigmoid": "That is the sigmoid. silu(x) is x times sigmoid(x).",
    "no_activation": "There is no activation: silu of the gate is missing.",
    "squared_relu": "That is the squared ReLU in place of silu.",
}
_WIRING = {
    "embedding_scaled": "The embedding was multiplied by √D (as in the first transformer). Here it is taken as it is.",
    "embedding_normed": "The embedding was normed before the first block. The stream begins with it as it is.",
    "attention_left_out": "Attention's output is not added to the stream at all.",
    "mlp_left_out": "The MLP's output is not added to the stream at all.",
    "no_residual": "The old stream is lost. Both attention and MLP *add* to it.",
    "attention_not_added": "Attention's output took the place of the stream. Add it.",
    "mlp_not_added": "The MLP's output took the place of the stream. Add it.",
    "stream_normed": "The stream itself was normed (`x = norm(x)`), and the result added to that. Norm only what "
    "attention and MLP *read*.",
    "post_norm": "The norms come after the sums (post-norm). Here they come before, and x is left alone.",
    "block_norms_last": "The stream was normed after attention was added. Only what is read gets normed.",
    "from_the_start": "The MLP was added to the stream from before attention, so attention's own output is lost.",
    "parallel": "The MLP reads the stream from *before* attention (a parallel block). It reads the new one.",
    "same_norm_twice": "`attention_norm` was used for both. The MLP has `mlp_norm`.",
    "same_input_twice": "The MLP reads what attention read. It reads the *new* stream, through `mlp_norm`.",
    "mlp_first": "The MLP comes before attention. It comes after.",
    "norms_exchanged": "The two norms of a block are exchanged.",
    "blocks_reversed": "The blocks were gone through backwards.",
    "first_block_only": "Only the first block was used. (A `return` inside the loop, or `blocks[0]`?)",
    "last_block_only": "Only the last block counts. Does each one begin from the embedding again?",
    "one_block_again_and_again": "The first block was used again and again. Each has its own weights.",
    "last_block_again_and_again": "The last block was used again and again. Each has its own weights.",
}
_ATTENTION = {
    "project_forgotten": "`project` is missing.",
    "no_positions": "Nothing was turned, or not along the places: the model does not know their order.",
    "mask_forgotten": "Earlier places change when a later word is exchanged: the causal mask is missing.",
    "mask_upside_down": "Tokens see what comes *after* them, and nothing before: the mask is upside down.",
    "cannot_see_itself": "A token may look at its own place, too. The diagonal is hidden in yours.",
    "sees_the_next": "Each token sees one place too far: the next word, which it should predict.",
    "mask_after_softmax": "The mask came after the softmax, so the weights do not sum to 1.",
    "neighbours_paired": "Numbers 2i and 2i + 1 were turned as a pair. Here i and i + K/2 are.",
    "turned_backwards": "Queries and keys turn the other way round. Is a sign exchanged?",
    "values_turned": "The values were turned, too. Turn queries and keys only.",
    "queries_turned_only": "Only the queries were turned. The keys turn as well.",
    "keys_turned_only": "Only the keys were turned. The queries turn as well.",
    "another_base": "The base is another one than 10000.",
    "one_speed": "All pairs turn at one speed. Pair i turns by t · 10000^(−2i/K).",
    "turned_before_the_cut": "The vectors were turned before they were cut into heads, "
    "so pairs lie in different heads. Cut first.",
    "not_scaled": "The scores were not divided by √K.",
    "scaled_by_the_model": "The scores were divided by √D. Take √K, the width of a head.",
    "divided_by_width": "The scores were divided by K, and not by its root.",
    "groups_take_turns": "The query heads take the key heads in turn: 0, 1, 0, 1, … Neighbours share one: 0, 0, 1, 1.",
    "dealt_out_anew": "A `view` to (B, H, T, K) deals the numbers out anew. Make it (B, T, H, K) and transpose.",
    "one_wide_head": "There is one head as wide as the model. Cut queries, keys and values into heads of K first.",
    "heads_interleaved": "Head h took every H-th number. It owns the neighbours hK to hK + K − 1.",
    "joined_without_transposing": "The heads were joined without transposing back to (B, T, H, K) first.",
    "queries_and_keys_exchanged": "Queries and keys are exchanged.",
    "keys_and_values_exchanged": "Keys and values are exchanged.",
    "transposed_q": "The matrix of the queries is on its side: `x @ q` where `x @ q.T` is wanted.",
    "transposed_k": "The matrix of the keys is on its side: `x @ k` where `x @ k.T` is wanted.",
    "transposed_v": "The matrix of the values is on its side: `x @ v` where `x @ v.T` is wanted.",
    "transposed_project": "`project` is on its side: `x @ project` where `x @ project.T` is wanted.",
}
_SAME = {"another_eps_2": "another_eps", "another_eps_3": "another_eps", "last_place_only_2": "last_place_only"}


@exercise("09.5", title="The whole GPT", stars=3, minutes=45)
def gpt(trial: Trial) -> None:
    def ids(V: int, *shape: int) -> Tensor:
        return trial.integers(V, *shape)

    bare = _some_weights(trial, 7, 0, 1, 1, 6, 5)
    example = _Weights(embedding=torch.tensor([[3.0, 4.0], [1.0, 0.0]]), blocks=[], norm=torch.ones(2))
    law = "without a block, the logits are norm(embedding of the token) times every row of the embedding"
    _speaks(trial, torch.tensor([[0, 1]]), example, 1, law, end=_END, norm=_NORM, wiring=_WIRING)
    for H in (1, 3):
        _speaks(trial, ids(7, 3, 4), bare, H, law, end=_END, norm=_NORM, wiring=_WIRING)
    small = _some_weights(trial, 7, 0, 1, 1, 6, 5, size=0.004)
    _speaks(trial, ids(7, 2, 3), small, 1, f"{law}, with 10⁻⁵ under the root", norm=_NORM, wiring=_WIRING)

    silent = _some_weights(trial, 9, 1, 2, 2, 4, 10)
    silent["blocks"][0]["project"].zero_()
    law = "a block whose attention writes nothing adds mlp(norm(x)) to the stream"
    _speaks(trial, ids(9, 2, 3), silent, 2, law, mlp=_MLP, norm=_NORM, wiring=_WIRING, attention=_ATTENTION)

    alone = _some_weights(trial, 9, 1, 2, 2, 4, 10)
    alone["blocks"][0]["reduce"].zero_()
    law = "a single token can only look at itself, so attention adds project(v(norm(x))), with heads joined in order"
    _speaks(trial, ids(9, 3, 1), alone, 2, law, attention=_ATTENTION, norm=_NORM, wiring=_WIRING)

    single = _some_weights(trial, 9, 1, 1, 1, 8, 10)
    single["blocks"][0]["reduce"].zero_()
    law = "one head attends causally, with queries and keys turned to their places"
    _speaks(trial, ids(9, 2, 6), single, 1, law, attention=_ATTENTION, norm=_NORM, wiring=_WIRING)

    several = _some_weights(trial, 9, 1, 4, 4, 4, 10)
    several["blocks"][0]["reduce"].zero_()
    law = "four heads, each with its own queries, keys and values, attend causally and are joined in their order"
    _speaks(trial, ids(9, 2, 5), several, 4, law, attention=_ATTENTION, norm=_NORM, wiring=_WIRING)

    shared = _some_weights(trial, 9, 1, 6, 2, 4, 10)
    shared["blocks"][0]["reduce"].zero_()
    law = "six heads of queries share two of keys and values, neighbours the same"
    _speaks(trial, ids(9, 2, 5), shared, 6, law, attention=_ATTENTION, norm=_NORM, wiring=_WIRING)

    law = "each block adds attention(norm(x)) to the stream, then mlp(norm(x)) of the new stream"
    for L, H, G in ((1, 2, 2), (3, 4, 2)):
        full = _some_weights(trial, 11, L, H, G, 4, 12)
        _speaks(
            trial, ids(11, 2, 7), full, H, law, wiring=_WIRING, norm=_NORM, attention=_ATTENTION, mlp=_MLP, end=_END
        )
    small = _some_weights(trial, 9, 1, 2, 1, 4, 10, size=0.004)
    for name in ("project", "reduce"):
        small["blocks"][0][name].mul_(0.002)
    _speaks(trial, ids(9, 1, 4), small, 2, "every norm adds 10⁻⁵ under its root", norm=_NORM)


def _speaks(trial: Trial, ids: Tensor, weights: _Weights, n_heads: int, law: str, **parts: dict[str, str]) -> None:
    right = _gpt(ids, weights, n_heads)
    answer = trial(ids=ids, weights=weights, n_heads=n_heads)
    value = answer.value
    if (
        isinstance(value, Tensor)
        and value.shape == right.shape
        and torch.allclose(value.detach().float(), right, 1e-4, 1e-4)
    ):
        answer.equals(right, law)
        return
    mistakes = []
    for part, says in parts.items():
        for variant, sentence in says.items():
            try:
                wrong = _gpt(ids, weights, n_heads, part, variant)
            except (ValueError, RuntimeError, IndexError):
                continue  # this mistake cannot be made with these shapes
            mistakes.append(Mistake(_SAME.get(variant, variant), wrong, sentence))
    if "attention" in parts:
        mistakes.append(
            Mistake(
                "cannot_see_itself",
                lambda got: bool(got[:, 0].isnan().all() and not got[:, 1:].isnan().any()),
                "The first place is nan, and the others are not: the first token has nothing to look at. It may look "
                "at its own place.",
            )
        )
    answer.equals(right, law, *mistakes)


# ── 09.6 ──


@exercise("09.6", title="Somebody else's weights", stars=3, minutes=40)
def load(trial: Trial) -> None:
    for V, L, H, G, K, W in ((5, 1, 1, 1, 4, 6), (7, 2, 2, 2, 4, 5), (6, 3, 4, 2, 8, 10)):
        _loads(trial, V, L, H, G, K, W)


def _loads(trial: Trial, V: int, L: int, H: int, G: int, K: int, W: int) -> None:
    D = H * K
    stacks: dict[str, tuple[int, ...]] = {
        "attention_norm": (D,),
        "q": (D, D),
        "k": (G * K, D),
        "v": (G * K, D),
        "project": (D, D),
        "mlp_norm": (D,),
        "gate": (W, D),
        "reduce": (D, W),
        "expand": (W, D),
    }
    n_block = sum(math.prod(shape) for shape in stacks.values())
    n_tables = 16 * K
    # Every number is its own place in the file, so what is wrong can be read off.
    numbers = torch.arange(V * D + L * n_block + D + n_tables, dtype=torch.float32)
    parts: dict[str, Tensor] = {"embedding": numbers[: V * D].view(V, D)}
    begin = V * D
    for name, shape in stacks.items():
        end = begin + L * math.prod(shape)
        parts[name] = numbers[begin:end].view(L, *shape)
        begin = end
    parts["norm"] = numbers[begin : begin + D]
    answer = trial(numbers=numbers, vocab_size=V, n_layers=L, n_heads=H, n_kv_heads=G, d_model=D, d_hidden=W)
    answer.requires(
        isinstance(answer.value, Mapping),
        'what comes back is a dictionary with "embedding", "blocks" and "norm"',
        "not_a_dictionary",
        f"Yours is of type {type(answer.value).__name__}.",
    )
    answer.entry("embedding").equals(
        parts["embedding"],
        "the embedding is the first V · D numbers, row by row",
        *any_of(
            "columns_for_rows",
            "The numbers were dealt out column by column. The file is written row by row.",
            numbers[: V * D].view(D, V).T,
        ),
        Mistake(
            "header_skipped",
            numbers[7 : V * D + 7].view(V, D),
            "The first numbers are missing. `numbers` begins behind the sizes: there is nothing to be skipped.",
        ),
        tolerance=0,
    )
    blocks = answer.entry("blocks")
    value = blocks.value
    blocks.requires(
        isinstance(value, list | tuple), '"blocks" is a list', "not_a_list", f"Yours is of type {type(value).__name__}."
    )
    blocks.requires(
        len(value) == L,
        f'"blocks" has a dictionary for each of the {L} layers',
        "not_a_block_for_each_layer",
        f"Yours has {len(value)}.",
    )
    for layer in range(L):
        block = blocks.entry(layer)
        for name in stacks:
            _is_loaded(block.entry(name), name, layer, parts, numbers, stacks, (V, L, H, G, K, W))
    tables = numbers[-n_tables:]
    answer.entry("norm").equals(
        parts["norm"],
        "the last norm is the D numbers behind the last `expand`",
        Mistake(
            "taken_from_the_end",
            tables[-D:] if n_tables >= D else None,
            "These are the last D numbers of the file. "
            "Behind the last norm come cosines and sines, which nobody needs.",
        ),
        tolerance=0,
    )


def _is_loaded(
    entry: Returned,
    name: str,
    layer: int,
    parts: dict[str, Tensor],
    numbers: Tensor,
    stacks: dict[str, tuple[int, ...]],
    sizes: tuple[int, ...],
) -> None:
    V, _, H, G, K, W = sizes
    D = H * K
    rows = parts[name][layer]
    n = {"q": H, "k": G, "v": G}.get(name, 0)
    right = rows[_halves(n, K)] if name in ("q", "k") else rows
    mistakes: list[Mistake] = []
    # The file read layer by layer: all parts of a layer together.
    place = V * D + layer * sum(math.prod(shape) for shape in stacks.values())
    for other, shape in stacks.items():
        length = math.prod(shape)
        if other == name:
            by_layer = numbers[place : place + length].view(shape)
        place += length
    if not torch.equal(by_layer, rows):
        says = "The file was read layer by layer. It has, of each part, all layers together."
        mistakes += any_of("layer_by_layer", says, *([by_layer, by_layer[_halves(n, K)]] if n else [by_layer]))
    if name in ("q", "k"):
        mistakes += any_of(
            "order_forgotten",
            "The rows stand as in the file, where 2i and 2i + 1 are a pair. In each head: even rows first.",
            rows,
        )
        every = torch.arange(len(rows))
        mistakes += any_of(
            "heads_mixed",
            "The even rows of *all* heads come first. The order is for each head of K rows.",
            rows[torch.cat([every[0::2], every[1::2]])],
        )
        back = torch.stack([torch.arange(K // 2), torch.arange(K // 2) + K // 2], 1).flatten()
        mistakes += any_of(
            "the_other_way_round",
            "That is the way from halves to neighbours. The file has neighbours, and halves are wanted.",
            torch.cat([rows[head * K : (head + 1) * K][back] for head in range(n)]),
        )
        odd_first = torch.cat([torch.arange(1, K, 2), torch.arange(0, K, 2)])
        mistakes += any_of(
            "odd_rows_first",
            "The odd rows come first. Counted from 0, the even ones do.",
            torch.cat([rows[head * K : (head + 1) * K][odd_first] for head in range(n)]),
        )
        mistakes += any_of(
            "heads_interleaved",
            "The rows of one pair number of all heads were put together. Each head keeps its own K rows.",
            rows.view(n, K // 2, 2, D).permute(2, 1, 0, 3).reshape(-1, D),
            rows.view(n, K // 2, 2, D).permute(1, 2, 0, 3).reshape(-1, D),
        )
        columns = _halves(H, K)
        mistakes += any_of(
            "columns_moved",
            "The *columns* were put into another order. The heads lie along the rows.",
            rows[:, columns],
            right[:, columns],
        )
        if G != H and name == "k" and len(rows) % H == 0 and (len(rows) // H) % 2 == 0:
            mistakes += any_of(
                "keys_cut_into_query_heads",
                "The keys were cut into H heads. They have G heads, each K wide.",
                rows[_halves(H, len(rows) // H)],
            )
        if G != H and name == "q":
            mistakes += any_of(
                "queries_cut_into_key_heads",
                "The queries were cut into G heads. They have H heads, each K wide.",
                rows[_halves(G, D // G)],
            )
    if name == "v":
        mistakes += any_of(
            "values_moved",
            "The values were put into another order, too. They are not turned, so they stay as they are.",
            rows[_halves(G, K)],
        )
    if name == "project":
        mistakes += any_of(
            "project_moved",
            "The output's rows or columns were put into another order. Only queries and keys are.",
            rows[_halves(H, K)],
            rows[:, _halves(H, K)],
        )
    if rows.ndim == 2:
        says = "It is the right part on its side. All matrices in the file are (output, input), as yours should be."
        on_its_side = rows.flatten().view(*reversed(rows.shape)).T
        moved = [on_its_side[_halves(n, K)]] if n else []
        mistakes += any_of("transposed", says, right.T, rows.T, on_its_side, *moved)
    if name in ("gate", "reduce", "expand"):
        says = "The three parts of the MLP are mixed up. The file has gate, *reduce*, expand, in this order."
        start, size = int(parts["gate"][0, 0, 0]), D * W
        n_layers = len(parts["gate"])
        shape = stacks[name]
        for third in range(3):
            begin = start + (third * n_layers + layer) * size
            wrong = numbers[begin : begin + size].view(shape)
            if not torch.equal(wrong, rows):
                mistakes += any_of("mlp_parts_exchanged", says, wrong)
    if name in ("attention_norm", "mlp_norm"):
        other_norm = parts["mlp_norm" if name == "attention_norm" else "attention_norm"][layer]
        mistakes += any_of("norms_exchanged", "The two norms are exchanged.", other_norm)
    for other, stack in parts.items():
        if other in stacks and other != name and len(stack) and stack[0].shape == rows.shape:
            says = f"These are the numbers of {other!r}. Compare the order of the parts with the table."
            moved = [stack[layer][_halves(n, K)]] if n else []
            mistakes += any_of("other_part", says, stack[layer], *moved)
    mistakes += any_of(
        "other_layer",
        "These are the numbers of another layer.",
        *(
            stack
            for index, whole in enumerate(parts[name])
            if index != layer
            for stack in ([whole, whole[_halves(n, K)]] if n else [whole])
        ),
    )
    mistakes.append(
        Mistake(
            "all_layers",
            lambda got: tuple(got.shape) == tuple(parts[name].shape),
            "These are the numbers of all layers. Each block gets those of its own.",
        )
    )
    value = entry.value
    if isinstance(value, Tensor) and value.numel() and value.isfinite().all():
        begins, wanted = int(value.flatten()[0]), int(right.flatten()[0])
        mistakes.append(
            Mistake(
                "other_place",
                lambda got: got.shape == right.shape and begins != wanted,
                f"It begins with number {begins:,} of the file, and number {wanted:,} was expected, counted from 0. "
                "Add up how long the parts before it are.",
            )
        )
    order = ", in each head the even rows first, then the odd ones" if name in ("q", "k") else ""
    entry.equals(
        right, f"{name!r} of block {layer} has the numbers of its part and layer{order}", *mistakes, tolerance=0
    )


def _halves(n_heads: int, width: int) -> list[int]:
    """The order of rows in which those of a pair are half a head apart."""
    return [head * width + row for head in range(n_heads) for row in [*range(0, width, 2), *range(1, width, 2)]]


# ── 09.7 ──


@exercise("09.7", title="Seven programs, six of them broken", stars=2, minutes=20)
def predictions(trial: Trial) -> None:
    said = trial()

    def expect(key: str, right: float, law: str, *mistakes: Mistake) -> None:
        said.entry(key).equals(right, law, *mistakes, tolerance=1e-9, reveal=False)

    expect(
        "losses",
        8 * 128,
        "every place that is read predicts the id behind it",
        Mistake("one_for_each_row", 8, "That would be one prediction for each row. Each *place* makes one."),
        Mistake("one_row", lambda got: got in (127, 128, 129), "That is about one row. There are eight."),
        Mistake("every_id", 8 * 129, "The last id of a row is not read. It is only a target."),
        Mistake("one_too_few", 8 * 127, "The last place that is read has a target as well: the id that was left out."),
        Mistake(
            "pairs_counted",
            lambda got: got in (8 * 128 * 129 / 2, 8 * 128 * 128, 8 * 127 * 128 / 2, 8 * 129 * 130 / 2),
            "These are pairs of places, as in a table of scores. How many *predictions* are there?",
        ),
    )
    expect(
        "saved",
        50257 * 768,
        "an untied head has a matrix of its own, with a row of D numbers for each word",
        Mistake("both_matrices", 2 * 50257 * 768, "These are both matrices. One of them is there in any case."),
        Mistake("half_a_matrix", 50257 * 768 / 2, "That is half a matrix. A whole one is added."),
        Mistake("places_counted", 1024 * 768, "That is the table of the places. The head has a row for each *word*."),
        Mistake("square", 768 * 768, "The head goes from D to V, and not from D to D."),
        Mistake(
            "biases", lambda got: got in (50257, 768, 50257 + 768), "These are as many as one bias has. It is a matrix."
        ),
        Mistake("bias_too", lambda got: got in (50257 * 769, 50258 * 768), "The head of GPT-2 has no bias."),
        Mistake(
            "whole_model",
            lambda got: got in (124_439_808, 124_439_808 + 50257 * 768),
            "That is the whole model. How many parameters does the second matrix add?",
        ),
    )
    expect(
        "silent",
        1,
        "`copy_` refuses a matrix whose shape is another one on its side",
        Mistake("none_is_silent", 0, "Is there none that has the same shape on its side?"),
        Mistake("those_refused", 3, "That is how many are refused."),
        Mistake(
            "mlp_fits", 2, "Each matrix is copied into its own layer: the first of the MLP does not go into the second."
        ),
        Mistake("all_silent", 4, "A 768 × 2304 matrix does not fit a layer that wants 2304 × 768."),
    )
    _reads_symptoms(said)


_PROGRAMS = {"right": "C", "mask": "E", "shift": "B", "head": "G", "places": "A", "attention": "F", "frozen": "D"}
"""Which program of 09.7 is which."""


def _reads_symptoms(said: Returned) -> None:
    program = {letter: name for name, letter in _PROGRAMS.items()}
    too_good = "The loss of that program is far below what anybody can honestly reach."
    hints = {
        ("frozen", "*"): ("frozen_learns", "That program has learned: its loss has changed. What is never changed?"),
        ("*", "frozen"): (
            "learns_nothing",
            "That program has learned nothing at all, and this mistake does not stop it.",
        ),
        ("head", "*"): (
            "head_begins_well",
            "With large numbers in the head, the first logits are large, and wrong. What becomes of the first loss?",
        ),
        ("*", "head"): ("begins_badly", "That program begins far above ln 584. Who makes large logits from the start?"),
        ("mask", "shift"): (
            "mask_hides_later_words",
            "In that program no earlier prediction depends on a later word. Without a mask it would.",
        ),
        ("mask", "*"): (
            "mask_is_honest",
            "In that program no earlier prediction moves if a later word is exchanged. So its mask works.",
        ),
        ("shift", "mask"): (
            "shift_needs_others",
            "To say the word that one stands on, one need not look elsewhere. That program does look elsewhere.",
        ),
        ("shift", "*"): (
            "shift_is_hard",
            "What could be easier than to say the word that one has just read? The loss of that program is too high.",
        ),
        ("right", "mask"): ("right_is_too_good", too_good),
        ("right", "shift"): ("right_is_too_good", too_good),
        ("right", "places"): (
            "right_without_order",
            "That program does not care in which order the words came. A GPT that has all its parts does.",
        ),
        ("right", "attention"): (
            "right_without_attention",
            "That program looks at the last word alone.",
        ),
        ("places", "mask"): ("places_too_good", too_good),
        ("places", "shift"): ("places_too_good", too_good),
        ("places", "right"): (
            "places_in_order",
            "The prediction of that program moves if the order of the words is shuffled. From what would it know?",
        ),
        ("places", "attention"): (
            "places_without_words",
            "That program knows the last word only. Without positions, it would still see *which* words came before.",
        ),
        ("attention", "mask"): ("attention_too_good", too_good),
        ("attention", "shift"): ("attention_too_good", too_good),
        ("attention", "*"): (
            "attention_sees_others",
            "The prediction of that program depends on the first word. How could it, if no word looks at another?",
        ),
    }
    for name in ("frozen", "head", "mask", "shift", "attention", "places", "right"):
        entry = said.entry(name)
        letter = str(entry.value).strip().upper()
        law = f"the numbers of {name!r} are those of its program"
        entry.requires(
            isinstance(entry.value, str) and letter in program,
            law,
            "no_letter",
            f"Under {name!r} there should be one of the letters A to G, as text in quotation marks.",
        )
        taken = program[letter]
        if taken != name:
            keys = ((name, taken), ("*", taken), (name, "*"))
            mistake, says = next(hints[key] for key in keys if key in hints)
            entry.requires(False, law, mistake, says)
