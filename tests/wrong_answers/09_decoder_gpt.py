"""Wrong answers to the exercises of lesson 09, named after the diagnosis that they must get, and a second right one."""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Exercise0901:
    def right(model: nn.Module) -> nn.Module:
        """The other way round: the head takes the numbers, and the embedding takes the head's parameter."""
        with torch.no_grad():
            model.head.weight.copy_(model.embedding.weight)
        model.embedding.weight = model.head.weight
        return model

    def not_the_model(model: nn.Module) -> Tensor:
        model.head.weight = model.embedding.weight
        return model.head.weight

    def not_tied(model: nn.Module) -> nn.Module:
        weight = model.head.weight
        weight = model.embedding.weight  # noqa: F841
        return model

    def head_overwrites_embedding(model: nn.Module) -> nn.Module:
        model.embedding.weight = model.head.weight
        return model

    def exchanged(model: nn.Module) -> nn.Module:
        model.embedding.weight, model.head.weight = model.head.weight, model.embedding.weight
        return model

    def numbers_changed(model: nn.Module) -> nn.Module:
        model.head.weight = model.embedding.weight
        nn.init.normal_(model.head.weight, std=0.02)
        return model

    def transposed(model: nn.Module) -> nn.Module:
        model.head.weight = nn.Parameter(model.embedding.weight.T)
        return model

    def copied(model: nn.Module) -> nn.Module:
        model.head.weight = nn.Parameter(model.embedding.weight.clone())
        return model

    def two_parameters(model: nn.Module) -> nn.Module:
        model.head.weight.data = model.embedding.weight.data
        return model

    def not_trained(model: nn.Module) -> nn.Module:
        model.head.weight = model.embedding.weight.requires_grad_(False)
        return model

    def bias_lost(model: nn.Module) -> nn.Module:
        model.head = nn.Linear(*reversed(model.embedding.weight.shape), bias=False)
        model.head.weight = model.embedding.weight
        return model

    def bias_added(model: nn.Module) -> nn.Module:
        model.head = nn.Linear(*reversed(model.embedding.weight.shape))
        model.head.weight = model.embedding.weight
        return model

    def other_numbers(model: nn.Module) -> nn.Module:
        model.head.weight = nn.Parameter(model.embedding.weight + model.head.weight)
        return model

    def head_maps_nothing(model: nn.Module) -> nn.Module:
        model.head = model.embedding
        return model

    def rest_changed(model: nn.Module) -> nn.Module:
        model.head.weight = model.embedding.weight
        return model.eval()


def drawn(
    shapes: dict[str, tuple[int, ...]],
    std: Callable[[str], float],
    draw: Callable[[tuple[int, ...]], Tensor] = torch.randn,
    gain: float | None = 1.0,
    bias: float | None = 0.0,
) -> dict[str, Tensor]:
    weights = {}
    for name, shape in shapes.items():
        fixed = bias if name.endswith("bias") else gain if name.endswith("norm.weight") else None
        weights[name] = torch.full(shape, fixed) if fixed is not None else std(name) * draw(shape)
    return weights


def scaled(divisor: float) -> Callable[[str], float]:
    return lambda name: 0.02 / divisor if name.endswith("project.weight") else 0.02


class Exercise0902:
    def right(shapes: dict[str, tuple[int, ...]], n_layers: int) -> dict[str, Tensor]:
        """In place, with torch's own functions."""
        weights = {name: nn.Parameter(torch.empty(shape)) for name, shape in shapes.items()}
        for name, weight in weights.items():
            if name.endswith("norm.weight"):
                nn.init.ones_(weight)
            elif name.endswith("project.weight"):
                nn.init.normal_(weight, 0.0, 0.02 * (2 * n_layers) ** -0.5)
            elif name.endswith("weight"):
                nn.init.trunc_normal_(weight, std=0.02)
            else:
                nn.init.zeros_(weight)
        return weights

    def not_a_dictionary(shapes: dict[str, tuple[int, ...]], n_layers: int) -> list[Tensor]:
        return list(Exercise0902.right(shapes, n_layers).values())

    def other_names(shapes: dict[str, tuple[int, ...]], n_layers: int) -> dict[str, Tensor]:
        return {name: torch.zeros(shape) for name, shape in shapes.items() if name.endswith("bias")}

    def bias_of_ones(shapes: dict[str, tuple[int, ...]], n_layers: int) -> dict[str, Tensor]:
        return drawn(shapes, scaled(math.sqrt(2 * n_layers)), bias=1.0)

    def bias_drawn(shapes: dict[str, tuple[int, ...]], n_layers: int) -> dict[str, Tensor]:
        return drawn(shapes, scaled(math.sqrt(2 * n_layers)), bias=None)

    def gain_of_zeros(shapes: dict[str, tuple[int, ...]], n_layers: int) -> dict[str, Tensor]:
        return drawn(shapes, scaled(math.sqrt(2 * n_layers)), gain=0.0)

    def gain_drawn(shapes: dict[str, tuple[int, ...]], n_layers: int) -> dict[str, Tensor]:
        return drawn(shapes, scaled(math.sqrt(2 * n_layers)), gain=None)

    def not_drawn(shapes: dict[str, tuple[int, ...]], n_layers: int) -> dict[str, Tensor]:
        return drawn(shapes, scaled(math.sqrt(2 * n_layers)), draw=torch.ones)

    def not_centred(shapes: dict[str, tuple[int, ...]], n_layers: int) -> dict[str, Tensor]:
        return drawn(shapes, scaled(math.sqrt(2 * n_layers)), draw=torch.rand)

    def evenly_drawn(shapes: dict[str, tuple[int, ...]], n_layers: int) -> dict[str, Tensor]:
        return drawn(shapes, scaled(math.sqrt(2 * n_layers)), draw=lambda shape: 2 * torch.rand(shape) - 1)

    def not_scaled(shapes: dict[str, tuple[int, ...]], n_layers: int) -> dict[str, Tensor]:
        return drawn(shapes, lambda name: 1.0)

    def variance(shapes: dict[str, tuple[int, ...]], n_layers: int) -> dict[str, Tensor]:
        return drawn(shapes, lambda name: 0.02**0.5)

    def residual_not_scaled(shapes: dict[str, tuple[int, ...]], n_layers: int) -> dict[str, Tensor]:
        return drawn(shapes, scaled(1))

    def one_per_block(shapes: dict[str, tuple[int, ...]], n_layers: int) -> dict[str, Tensor]:
        return drawn(shapes, scaled(math.sqrt(n_layers)))

    def no_root(shapes: dict[str, tuple[int, ...]], n_layers: int) -> dict[str, Tensor]:
        return drawn(shapes, scaled(2 * n_layers))

    def multiplied(shapes: dict[str, tuple[int, ...]], n_layers: int) -> dict[str, Tensor]:
        return drawn(shapes, scaled((2 * n_layers) ** -0.5))

    def brackets(shapes: dict[str, tuple[int, ...]], n_layers: int) -> dict[str, Tensor]:
        return drawn(shapes, scaled(math.sqrt(2) * n_layers))

    def all_scaled(shapes: dict[str, tuple[int, ...]], n_layers: int) -> dict[str, Tensor]:
        return drawn(shapes, lambda name: 0.02 / math.sqrt(2 * n_layers))

    def other_spread(shapes: dict[str, tuple[int, ...]], n_layers: int) -> dict[str, Tensor]:
        return drawn(shapes, lambda name: 0.03)

    def drawn_once(shapes: dict[str, tuple[int, ...]], n_layers: int) -> dict[str, Tensor]:
        weights = {}
        for name, shape in shapes.items():
            torch.manual_seed(0)
            weights |= Exercise0902.right({name: shape}, n_layers)
        return weights

    def wrong_shape(shapes: dict[str, tuple[int, ...]], n_layers: int) -> dict[str, Tensor]:
        return {
            name: value.T if value.ndim == 2 else value for name, value in Exercise0902.right(shapes, n_layers).items()
        }

    def wrong_dtype(shapes: dict[str, tuple[int, ...]], n_layers: int) -> dict[str, Tensor]:
        return {name: value.double() for name, value in Exercise0902.right(shapes, n_layers).items()}


class Exercise0903:
    def right(T: int, V: int, L: int, H: int, G: int, D: int, W: int) -> int:
        """Product by product, head by head."""
        K = D // H
        products = [(T, D, V)]
        for _ in range(L):
            products += [(T, D, K)] * (H + 2 * G) + [(T, K, T), (T, T, K)] * H + [(T, D, D)]
            products += [(T, D, W), (T, D, W), (T, W, D)]
        return sum(2 * n * m * k for n, m, k in products)

    def multiplications_only(T: int, V: int, L: int, H: int, G: int, D: int, W: int) -> int:
        return Exercise0903.right(T, V, L, H, G, D, W) // 2

    def backward_too(T: int, V: int, L: int, H: int, G: int, D: int, W: int) -> int:
        return 3 * Exercise0903.right(T, V, L, H, G, D, W)

    def twice(T: int, V: int, L: int, H: int, G: int, D: int, W: int) -> int:
        return 2 * Exercise0903.right(T, V, L, H, G, D, W)

    def per_token(T: int, V: int, L: int, H: int, G: int, D: int, W: int) -> float:
        return Exercise0903.right(T, V, L, H, G, D, W) / T

    def keys_as_wide_as_queries(T: int, V: int, L: int, H: int, G: int, D: int, W: int) -> int:
        return 2 * T * (L * (4 * D * D + 2 * T * D + 3 * D * W) + D * V)

    def keys_of_one_head(T: int, V: int, L: int, H: int, G: int, D: int, W: int) -> int:
        return 2 * T * (L * (2 * D * D + 2 * D * D // H + 2 * T * D + 3 * D * W) + D * V)

    def scores_by_groups(T: int, V: int, L: int, H: int, G: int, D: int, W: int) -> int:
        narrow = G * D // H
        return 2 * T * (L * (2 * D * D + 2 * D * narrow + 2 * T * narrow + 3 * D * W) + D * V)

    def scores_of_one_head(T: int, V: int, L: int, H: int, G: int, D: int, W: int) -> int:
        narrow = G * D // H
        return 2 * T * (L * (2 * D * D + 2 * D * narrow + 2 * T * D // H + 3 * D * W) + D * V)

    def scores_for_every_width(T: int, V: int, L: int, H: int, G: int, D: int, W: int) -> int:
        narrow = G * D // H
        return 2 * T * (L * (2 * D * D + 2 * D * narrow + 2 * T * D * H + 3 * D * W) + D * V)

    def no_tables(T: int, V: int, L: int, H: int, G: int, D: int, W: int) -> int:
        return Exercise0903.right(T, V, L, H, G, D, W) - 4 * L * T * T * D

    def one_table(T: int, V: int, L: int, H: int, G: int, D: int, W: int) -> int:
        return Exercise0903.right(T, V, L, H, G, D, W) - 2 * L * T * T * D

    def masked_tables(T: int, V: int, L: int, H: int, G: int, D: int, W: int) -> int:
        return Exercise0903.no_tables(T, V, L, H, G, D, W) + 4 * L * T * (T + 1) // 2 * D

    def tables_not_squared(T: int, V: int, L: int, H: int, G: int, D: int, W: int) -> int:
        return Exercise0903.no_tables(T, V, L, H, G, D, W) + 4 * L * T * D

    def two_mlp_maps(T: int, V: int, L: int, H: int, G: int, D: int, W: int) -> int:
        return Exercise0903.right(T, V, L, H, G, D, W) - 2 * L * T * D * W

    def one_mlp_map(T: int, V: int, L: int, H: int, G: int, D: int, W: int) -> int:
        return Exercise0903.right(T, V, L, H, G, D, W) - 4 * L * T * D * W

    def mlp_four_times_wide(T: int, V: int, L: int, H: int, G: int, D: int, W: int) -> int:
        return Exercise0903.right(T, V, L, H, G, D, 4 * D)

    def no_head(T: int, V: int, L: int, H: int, G: int, D: int, W: int) -> int:
        return Exercise0903.right(T, 0, L, H, G, D, W)

    def head_at_the_last_place(T: int, V: int, L: int, H: int, G: int, D: int, W: int) -> int:
        return Exercise0903.right(T, 0, L, H, G, D, W) + 2 * D * V

    def head_in_each_block(T: int, V: int, L: int, H: int, G: int, D: int, W: int) -> int:
        return Exercise0903.right(T, L * V, L, H, G, D, W)

    def embedding_counted(T: int, V: int, L: int, H: int, G: int, D: int, W: int) -> int:
        return Exercise0903.right(T, 2 * V, L, H, G, D, W)

    def no_output(T: int, V: int, L: int, H: int, G: int, D: int, W: int) -> int:
        return Exercise0903.right(T, V, L, H, G, D, W) - 2 * L * T * D * D

    def values_forgotten(T: int, V: int, L: int, H: int, G: int, D: int, W: int) -> int:
        return Exercise0903.right(T, V, L, H, G, D, W) - 2 * L * T * D * (G * D // H)

    def no_maps(T: int, V: int, L: int, H: int, G: int, D: int, W: int) -> int:
        return 2 * T * (L * (2 * T * D + 3 * D * W) + D * V)

    def one_block(T: int, V: int, L: int, H: int, G: int, D: int, W: int) -> int:
        return Exercise0903.right(T, V, 1, H, G, D, W)


def heads(q: Tensor, k: Tensor, v: Tensor, hidden: Tensor | None = None, scale: float | None = None) -> Tensor:
    """Attention with as many keys as queries; `hidden` says where nobody looks."""
    T = q.shape[-2]
    if hidden is None:
        hidden = torch.ones(T, T, dtype=torch.bool).triu(1)
    scores = q @ k.mT * (q.shape[-1] ** -0.5 if scale is None else scale)
    return scores.masked_fill(hidden, -torch.inf).softmax(-1) @ v


def shared(q: Tensor, *keys_values: Tensor) -> tuple[Tensor, ...]:
    return tuple(each.repeat_interleave(q.shape[1] // each.shape[1], 1) for each in keys_values)


def in_turn(q: Tensor, *keys_values: Tensor) -> tuple[Tensor, ...]:
    return tuple(each.repeat(1, q.shape[1] // each.shape[1], 1, 1) for each in keys_values)


class Exercise0904:
    def right(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """Head by head, and without a copy."""
        n_shared = q.shape[1] // k.shape[1]
        return torch.stack([heads(q[:, h], k[:, h // n_shared], v[:, h // n_shared]) for h in range(q.shape[1])], 1)

    def groups_take_turns(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        return heads(q, *in_turn(q, k, v))

    def values_take_turns(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        return heads(q, *shared(q, k), *in_turn(q, v))

    def keys_take_turns(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        return heads(q, *in_turn(q, k), *shared(q, v))

    def groups_reversed(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        return heads(q, *shared(q, k.flip(1), v.flip(1)))

    def first_group_for_all(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        return heads(q, k[:, :1], v[:, :1])

    def mask_forgotten(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        return F.scaled_dot_product_attention(q, *shared(q, k, v))

    def mask_upside_down(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        return heads(q, *shared(q, k, v), torch.ones(q.shape[2], q.shape[2], dtype=torch.bool).tril(-1))

    def cannot_see_itself(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        return heads(q, *shared(q, k, v), torch.ones(q.shape[2], q.shape[2], dtype=torch.bool).triu())

    def sees_the_next(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        return heads(q, *shared(q, k, v), torch.ones(q.shape[2], q.shape[2], dtype=torch.bool).triu(2))

    def mask_after_softmax(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        k, v = shared(q, k, v)
        return (q @ k.mT / q.shape[-1] ** 0.5).softmax(-1).tril() @ v

    def not_scaled(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        return heads(q, *shared(q, k, v), scale=1.0)

    def divided_by_width(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        return heads(q, *shared(q, k, v), scale=1 / q.shape[-1])

    def scaled_by_another_axis(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        return heads(q, *shared(q, k, v), scale=(q.shape[1] * q.shape[3]) ** -0.5)

    def wrong_axis(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        k, v = shared(q, k, v)
        hidden = torch.ones(q.shape[2], q.shape[2], dtype=torch.bool).triu(1)
        return (q @ k.mT / q.shape[-1] ** 0.5).masked_fill(hidden, -torch.inf).softmax(-2) @ v

    def groups_averaged(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        return Exercise0904.right(q, k, v).unflatten(1, (k.shape[1], -1)).mean(2)

    def one_head_for_each_group(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        return Exercise0904.right(q, k, v)[:, :: q.shape[1] // k.shape[1]]

    def group_axis_left(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        return heads(q.unflatten(1, (k.shape[1], -1)), k[:, :, None], v[:, :, None])

    def heads_shuffled(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        return Exercise0904.group_axis_left(q, k, v).transpose(1, 2).flatten(1, 2)

    def heads_joined(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        return Exercise0904.right(q, k, v).transpose(1, 2).flatten(2)

    def mutates_input(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        q /= q.shape[-1] ** 0.5
        return heads(q, *shared(q, k, v), scale=1.0)


def rms(x: Tensor, gain: Tensor, eps: float = 1e-5) -> Tensor:
    return gain * x / (x.pow(2).mean(-1, keepdim=True) + eps).sqrt()


def spin(x: Tensor) -> Tensor:
    """Halves as complex numbers, turned to their places; the last axes are places and numbers."""
    half, n_places = x.shape[-1] // 2, x.shape[-2]
    speeds = 10_000.0 ** (-torch.arange(half) / half)
    turns = torch.exp(1j * torch.arange(n_places)[:, None] * speeds)
    numbers = torch.complex(x[..., :half], x[..., half:]) * turns
    return torch.cat([numbers.real, numbers.imag], -1)


def spin_neighbours(x: Tensor) -> Tensor:
    half = x.shape[-1] // 2
    together = torch.cat([x[..., 0::2], x[..., 1::2]], -1)
    return spin(together).unflatten(-1, (2, half)).transpose(-2, -1).flatten(-2)


def cut(x: Tensor, width: int) -> Tensor:
    return x.view(*x.shape[:2], -1, width).transpose(1, 2)


def look(x: Tensor, block: dict[str, Tensor], n_heads: int, **changed: Callable[..., Tensor]) -> Tensor:
    """Attention of one block; `changed` exchanges the way to cut, turn, share, attend or join."""
    width = x.shape[-1] // n_heads
    turn, cutting = changed.get("turn", spin), changed.get("cut", cut)
    q, k, v = (cutting(x @ block[name].T, width) for name in ("q", "k", "v"))
    q, k, v = turn(q), changed.get("turn_keys", turn)(k), changed.get("turn_values", lambda v: v)(v)
    found = changed.get("attend", heads)(q, *changed.get("share", shared)(q, k, v))
    joined = changed.get("join", lambda found: found.transpose(1, 2).flatten(2))(found)
    return joined @ block["project"].T


def think(x: Tensor, block: dict[str, Tensor]) -> Tensor:
    return (F.silu(x @ block["gate"].T) * (x @ block["expand"].T)) @ block["reduce"].T


def whole(
    ids: Tensor, weights: dict, n_heads: int, norm: Callable = rms, mlp: Callable = think, **changed: Callable
) -> Tensor:
    x = weights["embedding"][ids]
    for block in weights["blocks"]:
        x = x + look(norm(x, block["attention_norm"]), block, n_heads, **changed)
        x = x + mlp(norm(x, block["mlp_norm"]), block)
    return norm(x, weights["norm"]) @ weights["embedding"].T


class Exercise0905:
    def right(ids: Tensor, weights: dict, n_heads: int) -> Tensor:
        """With complex numbers, and without torch's norms."""
        return whole(ids, weights, n_heads)

    def last_norm_forgotten(ids: Tensor, weights: dict, n_heads: int) -> Tensor:
        x = weights["embedding"][ids]
        for block in weights["blocks"]:
            x = x + look(rms(x, block["attention_norm"]), block, n_heads)
            x = x + think(rms(x, block["mlp_norm"]), block)
        return x @ weights["embedding"].T

    def probabilities(ids: Tensor, weights: dict, n_heads: int) -> Tensor:
        return whole(ids, weights, n_heads).softmax(-1)

    def last_place_only(ids: Tensor, weights: dict, n_heads: int) -> Tensor:
        return whole(ids, weights, n_heads)[:, -1]

    def eps_missing(ids: Tensor, weights: dict, n_heads: int) -> Tensor:
        return whole(ids, weights, n_heads, norm=lambda x, gain: rms(x, gain, 0))

    def another_eps(ids: Tensor, weights: dict, n_heads: int) -> Tensor:
        return whole(ids, weights, n_heads, norm=lambda x, gain: rms(x, gain, 1e-6))

    def layer_norm(ids: Tensor, weights: dict, n_heads: int) -> Tensor:
        return whole(ids, weights, n_heads, norm=lambda x, gain: F.layer_norm(x, gain.shape, gain))

    def gain_forgotten(ids: Tensor, weights: dict, n_heads: int) -> Tensor:
        return whole(ids, weights, n_heads, norm=lambda x, gain: rms(x, torch.ones_like(gain)))

    def length_for_rms(ids: Tensor, weights: dict, n_heads: int) -> Tensor:
        return whole(ids, weights, n_heads, norm=lambda x, gain: gain * x / x.norm(dim=-1, keepdim=True))

    def normed_over_everything(ids: Tensor, weights: dict, n_heads: int) -> Tensor:
        return whole(ids, weights, n_heads, norm=lambda x, gain: gain * x / (x.pow(2).mean() + 1e-5).sqrt())

    def attention_norm_forgotten(ids: Tensor, weights: dict, n_heads: int) -> Tensor:
        x = weights["embedding"][ids]
        for block in weights["blocks"]:
            x = x + look(x, block, n_heads)
            x = x + think(rms(x, block["mlp_norm"]), block)
        return rms(x, weights["norm"]) @ weights["embedding"].T

    def gate_and_expand_exchanged(ids: Tensor, weights: dict, n_heads: int) -> Tensor:
        def mlp(x: Tensor, block: dict[str, Tensor]) -> Tensor:
            return think(x, {**block, "gate": block["expand"], "expand": block["gate"]})

        return whole(ids, weights, n_heads, mlp=mlp)

    def expand_forgotten(ids: Tensor, weights: dict, n_heads: int) -> Tensor:
        return whole(ids, weights, n_heads, mlp=lambda x, b: F.silu(x @ b["gate"].T) @ b["reduce"].T)

    def gelu(ids: Tensor, weights: dict, n_heads: int) -> Tensor:
        return whole(
            ids, weights, n_heads, mlp=lambda x, b: (F.gelu(x @ b["gate"].T) * (x @ b["expand"].T)) @ b["reduce"].T
        )

    def sigmoid(ids: Tensor, weights: dict, n_heads: int) -> Tensor:
        def mlp(x: Tensor, b: dict[str, Tensor]) -> Tensor:
            return ((x @ b["gate"].T).sigmoid() * (x @ b["expand"].T)) @ b["reduce"].T

        return whole(ids, weights, n_heads, mlp=mlp)

    def no_residual(ids: Tensor, weights: dict, n_heads: int) -> Tensor:
        x = weights["embedding"][ids]
        for block in weights["blocks"]:
            x = look(rms(x, block["attention_norm"]), block, n_heads)
            x = think(rms(x, block["mlp_norm"]), block)
        return rms(x, weights["norm"]) @ weights["embedding"].T

    def mlp_not_added(ids: Tensor, weights: dict, n_heads: int) -> Tensor:
        x = weights["embedding"][ids]
        for block in weights["blocks"]:
            x = x + look(rms(x, block["attention_norm"]), block, n_heads)
            x = think(rms(x, block["mlp_norm"]), block)
        return rms(x, weights["norm"]) @ weights["embedding"].T

    def stream_normed(ids: Tensor, weights: dict, n_heads: int) -> Tensor:
        x = weights["embedding"][ids]
        for block in weights["blocks"]:
            x = rms(x, block["attention_norm"])
            x = x + look(x, block, n_heads)
            x = rms(x, block["mlp_norm"])
            x = x + think(x, block)
        return rms(x, weights["norm"]) @ weights["embedding"].T

    def post_norm(ids: Tensor, weights: dict, n_heads: int) -> Tensor:
        x = weights["embedding"][ids]
        for block in weights["blocks"]:
            x = rms(x + look(x, block, n_heads), block["attention_norm"])
            x = rms(x + think(x, block), block["mlp_norm"])
        return rms(x, weights["norm"]) @ weights["embedding"].T

    def parallel(ids: Tensor, weights: dict, n_heads: int) -> Tensor:
        x = weights["embedding"][ids]
        for block in weights["blocks"]:
            found = look(rms(x, block["attention_norm"]), block, n_heads)
            x = x + found + think(rms(x, block["mlp_norm"]), block)
        return rms(x, weights["norm"]) @ weights["embedding"].T

    def same_norm_twice(ids: Tensor, weights: dict, n_heads: int) -> Tensor:
        blocks = [{**block, "mlp_norm": block["attention_norm"]} for block in weights["blocks"]]
        return whole(ids, {**weights, "blocks": blocks}, n_heads)

    def first_block_only(ids: Tensor, weights: dict, n_heads: int) -> Tensor:
        return whole(ids, {**weights, "blocks": weights["blocks"][:1]}, n_heads)

    def blocks_reversed(ids: Tensor, weights: dict, n_heads: int) -> Tensor:
        return whole(ids, {**weights, "blocks": weights["blocks"][::-1]}, n_heads)

    def embedding_scaled(ids: Tensor, weights: dict, n_heads: int) -> Tensor:
        width = weights["embedding"].shape[1]
        x = weights["embedding"][ids] * width**0.5
        for block in weights["blocks"]:
            x = x + look(rms(x, block["attention_norm"]), block, n_heads)
            x = x + think(rms(x, block["mlp_norm"]), block)
        return rms(x, weights["norm"]) @ weights["embedding"].T

    def no_positions(ids: Tensor, weights: dict, n_heads: int) -> Tensor:
        return whole(ids, weights, n_heads, turn=lambda x: x)

    def neighbours_paired(ids: Tensor, weights: dict, n_heads: int) -> Tensor:
        return whole(ids, weights, n_heads, turn=spin_neighbours)

    def values_turned(ids: Tensor, weights: dict, n_heads: int) -> Tensor:
        return whole(ids, weights, n_heads, turn_values=spin)

    def queries_turned_only(ids: Tensor, weights: dict, n_heads: int) -> Tensor:
        return whole(ids, weights, n_heads, turn_keys=lambda x: x)

    def turned_before_the_cut(ids: Tensor, weights: dict, n_heads: int) -> Tensor:
        def look_turned(x: Tensor, block: dict[str, Tensor]) -> Tensor:
            width = x.shape[-1] // n_heads
            q, k, v = spin(x @ block["q"].T), spin(x @ block["k"].T), x @ block["v"].T
            q, k, v = (cut(each, width) for each in (q, k, v))
            return heads(q, *shared(q, k, v)).transpose(1, 2).flatten(2) @ block["project"].T

        x = weights["embedding"][ids]
        for block in weights["blocks"]:
            x = x + look_turned(rms(x, block["attention_norm"]), block)
            x = x + think(rms(x, block["mlp_norm"]), block)
        return rms(x, weights["norm"]) @ weights["embedding"].T

    def mask_forgotten(ids: Tensor, weights: dict, n_heads: int) -> Tensor:
        return whole(ids, weights, n_heads, attend=F.scaled_dot_product_attention)

    def not_scaled(ids: Tensor, weights: dict, n_heads: int) -> Tensor:
        return whole(ids, weights, n_heads, attend=lambda q, k, v: heads(q, k, v, scale=1.0))

    def scaled_by_the_model(ids: Tensor, weights: dict, n_heads: int) -> Tensor:
        scale = weights["embedding"].shape[1] ** -0.5
        return whole(ids, weights, n_heads, attend=lambda q, k, v: heads(q, k, v, scale=scale))

    def groups_take_turns(ids: Tensor, weights: dict, n_heads: int) -> Tensor:
        return whole(ids, weights, n_heads, share=in_turn)

    def dealt_out_anew(ids: Tensor, weights: dict, n_heads: int) -> Tensor:
        return whole(ids, weights, n_heads, cut=lambda x, width: x.view(len(x), -1, x.shape[1], width))

    def one_wide_head(ids: Tensor, weights: dict, n_heads: int) -> Tensor:
        return whole(ids, weights, n_heads, cut=lambda x, width: x[:, None])

    def cannot_see_itself(ids: Tensor, weights: dict, n_heads: int) -> Tensor:
        hidden = torch.ones(ids.shape[1], ids.shape[1], dtype=torch.bool).triu()
        return whole(ids, weights, n_heads, attend=lambda q, k, v: heads(q, k, v, hidden))

    def joined_without_transposing(ids: Tensor, weights: dict, n_heads: int) -> Tensor:
        return whole(ids, weights, n_heads, join=lambda found: found.reshape(*ids.shape, -1))

    def transposed_project(ids: Tensor, weights: dict, n_heads: int) -> Tensor:
        blocks = [{**block, "project": block["project"].T} for block in weights["blocks"]]
        return whole(ids, {**weights, "blocks": blocks}, n_heads)

    def project_forgotten(ids: Tensor, weights: dict, n_heads: int) -> Tensor:
        identity = torch.eye(weights["embedding"].shape[1])
        blocks = [{**block, "project": identity} for block in weights["blocks"]]
        return whole(ids, {**weights, "blocks": blocks}, n_heads)

    def mutates_input(ids: Tensor, weights: dict, n_heads: int) -> Tensor:
        logits = whole(ids, weights, n_heads)
        weights["norm"] += 1
        return logits


ORDER = ("attention_norm", "q", "k", "v", "project", "mlp_norm", "gate", "reduce", "expand")


def read(
    numbers: Tensor,
    V: int,
    L: int,
    H: int,
    G: int,
    D: int,
    W: int,
    order: tuple[str, ...] = ORDER,
    move: Callable[[Tensor, str, int], Tensor] | None = None,
    by_layer: bool = False,
    begin: int = 0,
) -> dict:
    """The weights; `move` puts the rows of a matrix of n heads into order."""
    K = D // H
    shapes = {"q": (D, D), "k": (G * K, D), "v": (G * K, D), "project": (D, D)}
    shapes |= {"gate": (W, D), "reduce": (D, W), "expand": (W, D)}
    place = begin

    def take(*shape: int) -> Tensor:
        nonlocal place
        place += math.prod(shape)
        return numbers[place - math.prod(shape) : place].view(shape)

    embedding, blocks = take(V, D), [{} for _ in range(L)]
    steps = [(name, layer) for name in order for layer in range(L)]
    if by_layer:
        steps = [(name, layer) for layer in range(L) for name in order]
    for name, layer in steps:
        blocks[layer][name] = take(*shapes.get(name, (D,)))
    for block in blocks:
        for name, n_heads in (("q", H), ("k", G), ("v", G), ("project", H)):
            block[name] = (move or properly)(block[name], name, n_heads)
    return {"embedding": embedding, "blocks": blocks, "norm": take(D)}


def ordered(rows: Tensor, n_heads: int, last: bool = False) -> Tensor:
    """Row by row, in Python: even rows of each head, then odd ones."""
    K = len(rows) // n_heads
    firsts = (1, 0) if last else (0, 1)
    return torch.stack([rows[head * K + row] for head in range(n_heads) for f in firsts for row in range(f, K, 2)])


def properly(rows: Tensor, name: str, n_heads: int) -> Tensor:
    return ordered(rows, n_heads) if name in ("q", "k") else rows


class Exercise0906:
    def right(numbers: Tensor, V: int, L: int, H: int, G: int, D: int, W: int) -> dict:
        """Rows by number, in Python."""
        return read(numbers, V, L, H, G, D, W)

    def order_forgotten(numbers: Tensor, V: int, L: int, H: int, G: int, D: int, W: int) -> dict:
        return read(numbers, V, L, H, G, D, W, move=lambda rows, name, n: rows)

    def heads_mixed(numbers: Tensor, V: int, L: int, H: int, G: int, D: int, W: int) -> dict:
        return read(numbers, V, L, H, G, D, W, move=lambda rows, name, n: properly(rows, name, 1))

    def the_other_way_round(numbers: Tensor, V: int, L: int, H: int, G: int, D: int, W: int) -> dict:
        def move(rows: Tensor, name: str, n: int) -> Tensor:
            return rows.view(n, 2, -1, D).transpose(1, 2).reshape(-1, D) if name in ("q", "k") else rows

        # With K = 4 this is its own reverse.
        return read(numbers, V, L, H, G, D, W, move=move)

    def odd_rows_first(numbers: Tensor, V: int, L: int, H: int, G: int, D: int, W: int) -> dict:
        def move(rows: Tensor, name: str, n: int) -> Tensor:
            return ordered(rows, n, last=True) if name in ("q", "k") else rows

        return read(numbers, V, L, H, G, D, W, move=move)

    def heads_interleaved(numbers: Tensor, V: int, L: int, H: int, G: int, D: int, W: int) -> dict:
        def move(rows: Tensor, name: str, n: int) -> Tensor:
            return (
                rows.view(n, -1, 2, D).permute(2, 1, 0, 3).reshape(-1, D).contiguous() if name in ("q", "k") else rows
            )

        return read(numbers, V, L, H, G, D, W, move=move)

    def columns_moved(numbers: Tensor, V: int, L: int, H: int, G: int, D: int, W: int) -> dict:
        return read(numbers, V, L, H, G, D, W, move=lambda rows, name, n: properly(rows.T, name, H).T)

    def keys_cut_into_query_heads(numbers: Tensor, V: int, L: int, H: int, G: int, D: int, W: int) -> dict:
        def move(rows: Tensor, name: str, n: int) -> Tensor:
            return properly(rows, name, H if len(rows) // H > 1 else n)

        return read(numbers, V, L, H, G, D, W, move=move)

    def queries_cut_into_key_heads(numbers: Tensor, V: int, L: int, H: int, G: int, D: int, W: int) -> dict:
        return read(numbers, V, L, H, G, D, W, move=lambda rows, name, n: properly(rows, name, G))

    def values_moved(numbers: Tensor, V: int, L: int, H: int, G: int, D: int, W: int) -> dict:
        return read(
            numbers, V, L, H, G, D, W, move=lambda rows, name, n: rows if name == "project" else ordered(rows, n)
        )

    def project_moved(numbers: Tensor, V: int, L: int, H: int, G: int, D: int, W: int) -> dict:
        return read(numbers, V, L, H, G, D, W, move=lambda rows, name, n: rows if name == "v" else ordered(rows, n))

    def layer_by_layer(numbers: Tensor, V: int, L: int, H: int, G: int, D: int, W: int) -> dict:
        return read(numbers, V, L, H, G, D, W, by_layer=True)

    def mlp_parts_exchanged(numbers: Tensor, V: int, L: int, H: int, G: int, D: int, W: int) -> dict:
        return read(numbers, V, L, H, G, D, W, order=(*ORDER[:6], "gate", "expand", "reduce"))

    def norms_exchanged(numbers: Tensor, V: int, L: int, H: int, G: int, D: int, W: int) -> dict:
        weights = read(numbers, V, L, H, G, D, W)
        for block in weights["blocks"]:
            block["attention_norm"], block["mlp_norm"] = block["mlp_norm"], block["attention_norm"]
        return weights

    def other_part(numbers: Tensor, V: int, L: int, H: int, G: int, D: int, W: int) -> dict:
        return read(numbers, V, L, H, G, D, W, order=("attention_norm", "k", "q", *ORDER[3:]))

    def other_layer(numbers: Tensor, V: int, L: int, H: int, G: int, D: int, W: int) -> dict:
        weights = read(numbers, V, L, H, G, D, W)
        return {**weights, "blocks": weights["blocks"][::-1]}

    def other_place(numbers: Tensor, V: int, L: int, H: int, G: int, D: int, W: int) -> dict:
        return read(numbers, V, L, H, G, D, W, order=("attention_norm", "mlp_norm", *ORDER[1:5], *ORDER[6:]))

    def transposed(numbers: Tensor, V: int, L: int, H: int, G: int, D: int, W: int) -> dict:
        weights = read(numbers, V, L, H, G, D, W)
        for block in weights["blocks"]:
            block["project"] = block["project"].T
        return weights

    def columns_for_rows(numbers: Tensor, V: int, L: int, H: int, G: int, D: int, W: int) -> dict:
        return {**read(numbers, V, L, H, G, D, W), "embedding": numbers[: V * D].view(D, V).T}

    def header_skipped(numbers: Tensor, V: int, L: int, H: int, G: int, D: int, W: int) -> dict:
        return read(numbers, V, L, H, G, D, W, begin=7)

    def taken_from_the_end(numbers: Tensor, V: int, L: int, H: int, G: int, D: int, W: int) -> dict:
        return {**read(numbers, V, L, H, G, D, W), "norm": numbers[-D:]}

    def not_a_list(numbers: Tensor, V: int, L: int, H: int, G: int, D: int, W: int) -> dict:
        weights = read(numbers, V, L, H, G, D, W)
        return {**weights, "blocks": dict(enumerate(weights["blocks"]))}

    def not_a_dictionary(numbers: Tensor, V: int, L: int, H: int, G: int, D: int, W: int) -> list:
        return list(read(numbers, V, L, H, G, D, W).values())

    def not_a_block_for_each_layer(numbers: Tensor, V: int, L: int, H: int, G: int, D: int, W: int) -> dict:
        weights = read(numbers, V, L, H, G, D, W)
        return {**weights, "blocks": weights["blocks"][:1]}

    def no_entry(numbers: Tensor, V: int, L: int, H: int, G: int, D: int, W: int) -> dict:
        weights = read(numbers, V, L, H, G, D, W)
        return {"embedding": weights["embedding"], "layers": weights["blocks"], "norm": weights["norm"]}


def said(**changed: float | str) -> dict[str, float | str]:
    """Right predictions, some of them changed."""
    right = {"losses": 1024, "saved": 38_597_376, "silent": 1}
    letters = {"right": "C", "mask": "E", "shift": "B", "head": "G", "places": "A", "attention": "F", "frozen": "D"}
    return {**right, **letters, **changed}


class Exercise0907:
    def right() -> dict[str, float | str]:
        return said(losses=torch.tensor(1024), saved=38_597_376.0, right="c", mask=" E ")

    def one_for_each_row() -> dict[str, float | str]:
        return said(losses=8)

    def one_row() -> dict[str, float | str]:
        return said(losses=128)

    def every_id() -> dict[str, float | str]:
        return said(losses=1032)

    def one_too_few() -> dict[str, float | str]:
        return said(losses=1016)

    def pairs_counted() -> dict[str, float | str]:
        return said(losses=66048)

    def both_matrices() -> dict[str, float | str]:
        return said(saved=77_194_752)

    def half_a_matrix() -> dict[str, float | str]:
        return said(saved=19_298_688)

    def places_counted() -> dict[str, float | str]:
        return said(saved=786_432)

    def square() -> dict[str, float | str]:
        return said(saved=589_824)

    def biases() -> dict[str, float | str]:
        return said(saved=50257)

    def bias_too() -> dict[str, float | str]:
        return said(saved=38_647_633)

    def whole_model() -> dict[str, float | str]:
        return said(saved=124_439_808)

    def none_is_silent() -> dict[str, float | str]:
        return said(silent=0)

    def those_refused() -> dict[str, float | str]:
        return said(silent=3)

    def mlp_fits() -> dict[str, float | str]:
        return said(silent=2)

    def all_silent() -> dict[str, float | str]:
        return said(silent=4)

    def no_letter() -> dict[str, float | str]:
        return said(frozen=4)

    def no_entry() -> dict[str, float | str]:
        return {"losses": 1024}

    def frozen_learns() -> dict[str, float | str]:
        return said(frozen="F")

    def learns_nothing() -> dict[str, float | str]:
        return said(attention="D")

    def head_begins_well() -> dict[str, float | str]:
        return said(head="C")

    def begins_badly() -> dict[str, float | str]:
        return said(right="G")

    def mask_hides_later_words() -> dict[str, float | str]:
        return said(mask="B", shift="E")

    def mask_is_honest() -> dict[str, float | str]:
        return said(mask="C")

    def shift_needs_others() -> dict[str, float | str]:
        return said(shift="E")

    def shift_is_hard() -> dict[str, float | str]:
        return said(shift="F")

    def right_is_too_good() -> dict[str, float | str]:
        return said(right="B")

    def right_without_order() -> dict[str, float | str]:
        return said(right="A")

    def right_without_attention() -> dict[str, float | str]:
        return said(right="F")

    def places_too_good() -> dict[str, float | str]:
        return said(places="E")

    def places_in_order() -> dict[str, float | str]:
        return said(places="C")

    def places_without_words() -> dict[str, float | str]:
        return said(places="F")

    def attention_too_good() -> dict[str, float | str]:
        return said(attention="B")

    def attention_sees_others() -> dict[str, float | str]:
        return said(attention="A")
