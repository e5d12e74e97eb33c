"""Weights that others trained, put into this course's GPT: the families of GPT-2 and Llama.

A file of weights is tensors with names. Loading is saying, for each weight of ours, which of theirs it is made of and
how. Two traps lie in wait, and both give a model that runs and talks nonsense:

- GPT-2 keeps its matrices as [in out], the transpose of what torch's linear layers have.
- Rotary positions turn *pairs* of channels. This course and Hugging Face pair channel i with i + K/2, Meta and llama2.c
  pair 2i with 2i + 1. The same model has its rows in another order in each.
"""

import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from course_lib.config import read_json
from course_lib.downloads import RemoteFile, describe, fetch
from course_lib.errors import CourseError
from course_lib.model.config import TransformerConfig
from course_lib.model.gpt import GPT
from course_lib.text.gpt2 import gpt2_tokenizer
from course_lib.text.llama2c import Llama2cTokenizer
from course_lib.text.tokenizer import Tokenizer


class _Published(NamedTuple):
    """A model on Hugging Face's hub."""

    repository: str
    revision: str
    sha256: str | None  # of model.safetensors; None: this course has not seen the file
    description: dict[str, Any]  # what of its config.json matters here


def _gpt2_sizes(n_layer: int, n_head: int, n_embd: int) -> dict[str, Any]:
    sizes = {"vocab_size": 50257, "n_positions": 1024, "n_layer": n_layer, "n_head": n_head, "n_embd": n_embd}
    return {"model_type": "gpt2", **sizes}


_HUB = {
    "gpt2": _Published(
        "openai-community/gpt2",
        "607a30d783dfa663caf39e06633721c8d4cfcd7e",
        "248dfc3911869ec493c76e65bf2fcf7f615828b0254c12b473182f0f81d3a707",
        _gpt2_sizes(12, 12, 768),
    ),
    "gpt2-medium": _Published("openai-community/gpt2-medium", "main", None, _gpt2_sizes(24, 16, 1024)),
    "gpt2-large": _Published("openai-community/gpt2-large", "main", None, _gpt2_sizes(36, 20, 1280)),
    "gpt2-xl": _Published("openai-community/gpt2-xl", "main", None, _gpt2_sizes(48, 25, 1600)),
    "SmolLM2-135M": _Published(
        "HuggingFaceTB/SmolLM2-135M",
        "main",
        None,
        {
            "model_type": "llama",
            "vocab_size": 49152,
            "max_position_embeddings": 8192,
            "num_hidden_layers": 30,
            "num_attention_heads": 9,
            "num_key_value_heads": 3,
            "hidden_size": 576,
            "intermediate_size": 1536,
            "rms_norm_eps": 1e-5,
            "rope_theta": 100_000.0,
            "tie_word_embeddings": True,
        },
    ),
}
STORIES, STORIES_TOKENIZER = (
    RemoteFile(
        name=f"stories260K/{name}",
        url=f"https://huggingface.co/karpathy/tinyllamas/resolve/main/stories260K/{name}",
        sha256=sha256,
    )
    for name, sha256 in (
        ("stories260K.bin", "b0a507e7ad0f626624f17112325e66691f9076d622e1d3274d103d00299f2696"),
        ("tok512.bin", "037cb335abb25d1fa9e8ecae30ed2a3a8ace9302862ebcdc05d51a6bbb10c312"),
    )
)
PUBLISHED = ("stories260K", *_HUB)


class Pretrained(NamedTuple):
    """A model that somebody else trained."""

    model: GPT
    tokenizer: Tokenizer | None
    """Its `end_id` also begins a text; None where this course has no tokenizer for the model."""


def load_pretrained(name_or_folder: str | Path) -> Pretrained:
    """Load public weights.

    Args:
        name_or_folder: one of PUBLISHED, or a folder in Hugging Face's layout (config.json beside model.safetensors, or
            beside several files with their index), of the family of GPT-2 or Llama.

    Raises:
        DownloadError: a file is not to be had, or is not the one it should be.
        CourseError: there is no model of that name; a file is damaged; a tensor is missing, left over or of another
            shape; the model has a part that this course's GPT has not.
    """
    if name_or_folder == "stories260K":
        return Pretrained(load_llama2c(fetch(STORIES)), Llama2cTokenizer(fetch(STORIES_TOKENIZER)))
    if name_or_folder in _HUB:
        published = _HUB[str(name_or_folder)]
        url = f"https://huggingface.co/{published.repository}/resolve/{published.revision}/model.safetensors"
        path = fetch(RemoteFile(f"{name_or_folder}/model.safetensors", url, published.sha256))
        return _pretrained(published.description, _read_tensors(path), str(name_or_folder))
    folder = Path(name_or_folder)
    if not folder.is_dir():
        raise CourseError(
            f"There is no model named {str(name_or_folder)!r} and no folder of that name. Name one of "
            f"{', '.join(PUBLISHED)}, or a folder with config.json and model.safetensors."
        )
    description = read_json(folder / "config.json")
    index = folder / "model.safetensors.index.json"
    files = sorted(set(read_json(index)["weight_map"].values())) if index.exists() else ["model.safetensors"]
    tensors: dict[str, Tensor] = {}
    for file in files:
        tensors |= _read_tensors(folder / Path(file).name)
    return _pretrained(description, tensors, str(folder))


# ── From their tensors to ours ──


class Recipe(NamedTuple):
    """What one weight of ours is made of: their tensors with the shapes that they must have, and how."""

    theirs: Mapping[str, tuple[int, ...]]
    make: Callable[..., Tensor]


def _same(name: str, *shape: int) -> Recipe:
    return Recipe({name: shape}, lambda tensor: tensor)


def _transposed(name: str, *shape: int) -> Recipe:
    return Recipe({name: shape}, lambda tensor: tensor.T)


def gpt2_recipes(config: TransformerConfig) -> dict[str, Recipe]:
    """For each weight of a GPT with this configuration, what it is made of in a file of GPT-2's family.

    GPT-2's linear maps are `Conv1D`s, whose matrices are [in out]: x @ W instead of x @ Wᵀ. Where a matrix is square,
    no shape gives a forgotten transpose away.
    """
    d, f = config.d_model, config.mlp_width
    heads = (3 * config.n_heads, config.head_dim)
    recipes = {
        "embedding.weight": _same("wte.weight", config.vocab_size, d),
        "places": _same("wpe.weight", config.context_length, d),
        "norm.weight": _same("ln_f.weight", d),
        "norm.bias": _same("ln_f.bias", d),
    }
    for layer in range(config.n_layers):
        ours, theirs = f"blocks.{layer}.", f"h.{layer}."
        qkv, qkv_bias = {f"{theirs}attn.c_attn.weight": (d, 3 * d)}, {f"{theirs}attn.c_attn.bias": (3 * d,)}
        recipes |= {
            # Its columns are those of all queries, all keys, all values, head by head: just our order of matrices.
            f"{ours}attention.qkv": Recipe(qkv, lambda tensor: tensor.T.unflatten(0, heads)),
            f"{ours}attention.qkv_bias": Recipe(qkv_bias, lambda tensor: tensor.unflatten(0, heads)),
            f"{ours}attention.project.weight": _transposed(f"{theirs}attn.c_proj.weight", d, d),
            f"{ours}attention.project.bias": _same(f"{theirs}attn.c_proj.bias", d),
            f"{ours}mlp.expand.weight": _transposed(f"{theirs}mlp.c_fc.weight", d, f),
            f"{ours}mlp.expand.bias": _same(f"{theirs}mlp.c_fc.bias", f),
            f"{ours}mlp.project.weight": _transposed(f"{theirs}mlp.c_proj.weight", f, d),
            f"{ours}mlp.project.bias": _same(f"{theirs}mlp.c_proj.bias", d),
            f"{ours}attention_norm.weight": _same(f"{theirs}ln_1.weight", d),
            f"{ours}attention_norm.bias": _same(f"{theirs}ln_1.bias", d),
            f"{ours}mlp_norm.weight": _same(f"{theirs}ln_2.weight", d),
            f"{ours}mlp_norm.bias": _same(f"{theirs}ln_2.bias", d),
        }
    return recipes if config.tied else recipes | {"head.weight": _same("lm_head.weight", config.vocab_size, d)}


def llama_recipes(config: TransformerConfig) -> dict[str, Recipe]:
    """For each weight of a GPT with this configuration, what it is made of in a file of Llama's family, whose rotary
    pairs are channels i and i + K/2, as ours are."""
    d, f = config.d_model, config.mlp_width
    n_keys = config.kv_heads * config.head_dim
    heads = (config.n_heads + 2 * config.kv_heads, config.head_dim)
    recipes = {
        "embedding.weight": _same("model.embed_tokens.weight", config.vocab_size, d),
        "norm.weight": _same("model.norm.weight", d),
    }
    for layer in range(config.n_layers):
        ours, theirs = f"blocks.{layer}.", f"model.layers.{layer}."
        maps = {"q": (d, d), "k": (n_keys, d), "v": (n_keys, d)}
        recipes |= {
            f"{ours}attention.qkv": Recipe(
                {f"{theirs}self_attn.{name}_proj.weight": shape for name, shape in maps.items()},
                lambda *tensors: torch.cat(tensors).unflatten(0, heads),
            ),
            f"{ours}attention.project.weight": _same(f"{theirs}self_attn.o_proj.weight", d, d),
            f"{ours}mlp.gate.weight": _same(f"{theirs}mlp.gate_proj.weight", f, d),
            f"{ours}mlp.expand.weight": _same(f"{theirs}mlp.up_proj.weight", f, d),
            f"{ours}mlp.project.weight": _same(f"{theirs}mlp.down_proj.weight", d, f),
            f"{ours}attention_norm.weight": _same(f"{theirs}input_layernorm.weight", d),
            f"{ours}mlp_norm.weight": _same(f"{theirs}post_attention_layernorm.weight", d),
        }
    return recipes if config.tied else recipes | {"head.weight": _same("lm_head.weight", config.vocab_size, d)}


def translate_weights(recipes: Mapping[str, Recipe], tensors: Mapping[str, Tensor], origin: str) -> dict[str, Tensor]:
    """Our weights, made of their `tensors`.

    Raises:
        CourseError: a tensor is missing, left over, or of another shape; it is named, and so is `origin`.
    """
    expected = {name: shape for recipe in recipes.values() for name, shape in recipe.theirs.items()}
    if missing := sorted(expected.keys() - tensors.keys()):
        raise CourseError(f"{origin} lacks {len(missing)} tensors, the first is {missing[0]!r}. Is it another model's?")
    if extra := sorted(tensors.keys() - expected.keys()):
        raise CourseError(
            f"{origin} holds {len(extra)} tensors that have no place in this model, the first is {extra[0]!r}. "
            "Is it another model's?"
        )
    for name, shape in expected.items():
        if tensors[name].shape != shape:
            raise CourseError(f"{origin}: {name!r} has the shape {tuple(tensors[name].shape)}, expected {shape}.")
    return {
        ours: recipe.make(*(tensors[name].float() for name in recipe.theirs)).contiguous()
        for ours, recipe in recipes.items()
    }


# ── Hugging Face's files ──

# In some files, though they follow from the configuration: causal masks and the speeds of rotary pairs.
_NO_WEIGHTS = (".attn.bias", ".attn.masked_bias", ".rotary_emb.inv_freq")


def _pretrained(description: Mapping[str, Any], tensors: dict[str, Tensor], origin: str) -> Pretrained:
    family = description.get("model_type")
    recipes: dict[str, Recipe]
    if family == "gpt2":
        config = gpt2_config(description)
        # Some files have the whole model's names, some those of the part without a head.
        tensors = {name.removeprefix("transformer."): tensor for name, tensor in tensors.items()}
        recipes = gpt2_recipes(config)
    elif family == "llama":
        config = llama_config(description)
        recipes = llama_recipes(config)
    else:
        raise CourseError(f"{origin} is of the family {family!r}; this course can load gpt2 and llama.")
    tensors = {name: tensor for name, tensor in tensors.items() if not name.endswith(_NO_WEIGHTS)}
    if config.tied:  # the embedding once more, in files that were written without knowing it
        tensors.pop("lm_head.weight", None)
    weights = translate_weights(recipes, tensors, origin)
    model = GPT(config)
    model.load_state_dict(weights)
    is_gpt2 = family == "gpt2" and config.vocab_size == 50257
    return Pretrained(model.eval(), gpt2_tokenizer() if is_gpt2 else None)


def gpt2_config(description: Mapping[str, Any]) -> TransformerConfig:
    """The configuration that a GPT-2's config.json describes. Raises CourseError: a part that our GPT has not."""
    _require(description, activation_function="gelu_new", scale_attn_weights=True)
    _require(description, scale_attn_by_inverse_layer_idx=False, add_cross_attention=False)
    return TransformerConfig(
        vocab_size=_number(description, "vocab_size"),
        context_length=_number(description, "n_positions"),
        n_layers=_number(description, "n_layer"),
        n_heads=_number(description, "n_head"),
        d_model=_number(description, "n_embd"),
        d_hidden=description.get("n_inner"),
        positions="learned",
        norm="layer",
        norm_eps=description.get("layer_norm_epsilon", 1e-5),
        qk_norm=False,
        mlp="gelu",
        bias=True,
        tied=description.get("tie_word_embeddings", True),
    )


def llama_config(description: Mapping[str, Any]) -> TransformerConfig:
    """The configuration that a Llama's config.json describes. Raises CourseError: a part that our GPT has not."""
    _require(description, hidden_act="silu", attention_bias=False, mlp_bias=False, rope_scaling=None)
    rotary = description.get("rope_parameters") or {}
    _require(rotary, rope_type="default")
    width, n_heads = _number(description, "hidden_size"), _number(description, "num_attention_heads")
    if (head_dim := description.get("head_dim") or width // n_heads) * n_heads != width:
        raise CourseError(f"This Llama has {n_heads} heads of {head_dim} in a width of {width}; ours must fill it.")
    return TransformerConfig(
        vocab_size=_number(description, "vocab_size"),
        context_length=_number(description, "max_position_embeddings"),
        n_layers=_number(description, "num_hidden_layers"),
        n_heads=n_heads,
        n_kv_heads=description.get("num_key_value_heads"),
        d_model=width,
        d_hidden=_number(description, "intermediate_size"),
        rotary_base=float(rotary.get("rope_theta") or description.get("rope_theta") or 10_000.0),
        norm_eps=description.get("rms_norm_eps", 1e-6),
        qk_norm=False,
        mlp="swiglu",
        tied=description.get("tie_word_embeddings", False),
    )


def _require(description: Mapping[str, Any], **wanted: Any) -> None:
    for name, value in wanted.items():
        if description.get(name, value) != value:
            raise CourseError(f"This model has {name} = {description[name]!r}; this course's GPT knows only {value!r}.")


def _number(description: Mapping[str, Any], name: str) -> int:
    if not isinstance(description.get(name), int):
        raise CourseError(
            f"The model's config.json must say {name} as a whole number; found {description.get(name)!r}."
        )
    return description[name]


def _read_tensors(path: Path) -> dict[str, Tensor]:
    try:
        return safetensors.torch.load_file(path)
    except OSError as error:
        raise CourseError(f"{path} cannot be read: {error.strerror or error}. Is the folder complete?") from error
    except SafetensorError as error:
        raise CourseError(f"{path} holds {describe(path)}, and no safetensors ({error}). Download it again.") from error


# ── llama2.c's files ──


def load_llama2c(path: Path) -> GPT:
    """The model in a file of llama2.c.

    Seven int32 (width, width inside the MLP, layers, heads, heads for keys and values, vocabulary, context), then
    float32 weights, of each kind those of all layers together.

    Raises:
        CourseError: the file does not hold just what its first numbers promise.
    """
    data = path.read_bytes()
    if len(data) < 28:
        raise CourseError(f"{path} holds {describe(path)}, and no model of llama2.c.")
    d, f, n_layers, n_heads, n_kv_heads, vocab_size, context_length = struct.unpack_from("<7i", data)
    config = TransformerConfig(
        vocab_size=abs(vocab_size),  # a negative one says that the head has a matrix of its own
        context_length=context_length,
        n_layers=n_layers,
        n_heads=n_heads,
        n_kv_heads=n_kv_heads,
        d_model=d,
        d_hidden=f,
        norm_eps=1e-5,
        qk_norm=False,
        mlp="swiglu",
        tied=vocab_size > 0,
    )
    n_keys = config.kv_heads * config.head_dim
    stacks = {
        "model.embed_tokens.weight": (config.vocab_size, d),
        "input_layernorm.weight": (n_layers, d),
        "self_attn.q_proj.weight": (n_layers, d, d),
        "self_attn.k_proj.weight": (n_layers, n_keys, d),
        "self_attn.v_proj.weight": (n_layers, n_keys, d),
        "self_attn.o_proj.weight": (n_layers, d, d),
        "post_attention_layernorm.weight": (n_layers, d),
        "mlp.gate_proj.weight": (n_layers, f, d),
        "mlp.down_proj.weight": (n_layers, d, f),
        "mlp.up_proj.weight": (n_layers, f, d),
        "model.norm.weight": (d,),
        "rotary tables": (context_length, config.head_dim),  # cosines and sines: they follow from the configuration
    }
    if not config.tied:
        stacks["lm_head.weight"] = (config.vocab_size, d)
    n_numbers = sum(int(np.prod(shape)) for shape in stacks.values())
    if len(data) != 28 + 4 * n_numbers:
        raise CourseError(
            f"{path} holds {len(data):,} bytes; a model of llama2.c with these sizes has {28 + 4 * n_numbers:,}. "
            "Download it again."
        )
    numbers = torch.from_numpy(np.frombuffer(data, dtype="<f4", offset=28).copy())
    tensors = {}
    for name, part in zip(stacks, numbers.split([int(np.prod(shape)) for shape in stacks.values()]), strict=True):
        stack = part.view(stacks[name])
        if name.startswith(("model.", "lm_head")):
            tensors[name] = stack
        elif name != "rotary tables":
            tensors |= {f"model.layers.{layer}.{name}": stack[layer] for layer in range(n_layers)}
    for name, tensor in tensors.items():
        if name.endswith(("q_proj.weight", "k_proj.weight")):
            tensors[name] = halves_from_neighbours(tensor, config.head_dim)
    model = GPT(config)
    model.load_state_dict(translate_weights(llama_recipes(config), tensors, str(path)))
    return model.eval()


def halves_from_neighbours(rows: Tensor, head_dim: int) -> Tensor:
    """The rows [H·K D] of a query or key matrix, head by head in another order.

    llama2.c turns channels 2i and 2i + 1 as a pair, we turn i and i + K/2. The even rows of each head come first, then
    the odd ones. Scores are sums over all channels, so they do not change, as long as queries and keys go along.
    """
    heads = rows.unflatten(0, (-1, head_dim // 2, 2))
    return heads.transpose(1, 2).flatten(0, 2)
