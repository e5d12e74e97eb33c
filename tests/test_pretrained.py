"""Weights of others in our classes: beside `transformers`, on the files that it writes; and what damaged files do."""

import json
import struct
from pathlib import Path

import pytest
import safetensors.torch
import torch
import torch.nn.functional as F
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM, PreTrainedModel

from course_lib.downloads import DownloadError
from course_lib.errors import CourseError
from course_lib.generation import Sampling, generate
from course_lib.model import GPT
from course_lib.model.layers import rotary_table, rotate
from course_lib.model.pretrained import (
    PUBLISHED,
    gpt2_recipes,
    halves_from_neighbours,
    llama_config,
    llama_recipes,
    load_llama2c,
    load_pretrained,
    translate_weights,
)

V = 40


def new_gpt2(**options: object) -> PreTrainedModel:
    config = GPT2Config(vocab_size=V, n_positions=16, n_layer=2, n_head=2, n_embd=16, **options)
    config.resid_pdrop = config.embd_pdrop = config.attn_pdrop = 0.0
    return GPT2LMHeadModel(config)


def new_llama(**options: object) -> PreTrainedModel:
    sizes = {"hidden_size": 32, "intermediate_size": 24, "num_hidden_layers": 2, "num_attention_heads": 4}
    return LlamaForCausalLM(LlamaConfig(vocab_size=V, max_position_embeddings=16, **sizes | options))


MODELS = {
    "GPT-2": (new_gpt2, {}, gpt2_recipes),
    "GPT-2, untied, narrow": (new_gpt2, {"tie_word_embeddings": False, "n_inner": 24}, gpt2_recipes),
    "Llama": (new_llama, {}, llama_recipes),
    "Llama, tied, shared keys": (new_llama, {"tie_word_embeddings": True, "num_key_value_heads": 2}, llama_recipes),
    "Llama, one key, other speeds": (new_llama, {"num_key_value_heads": 1, "rope_theta": 5e4}, llama_recipes),
}


@pytest.fixture(params=MODELS.values(), ids=MODELS)
def pair(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[GPT, PreTrainedModel, object]:
    """Ours, loaded from the files that theirs wrote."""
    new, options, recipes = request.param
    torch.manual_seed(0)
    theirs = new(**options)
    for parameter in theirs.parameters():
        torch.nn.init.normal_(parameter, mean=float(parameter.ndim == 1), std=0.2)
    theirs.eval().save_pretrained(tmp_path)
    return load_pretrained(tmp_path).model, theirs, recipes


def names_in_file(theirs: PreTrainedModel) -> dict[str, torch.Tensor]:
    """Its gradients, under the names that its files have, those of weights that are used twice once."""
    return {name.removeprefix("transformer."): weight.grad for name, weight in theirs.named_parameters()}


def test_logits_and_gradients_are_those_of_transformers(pair):
    ours, theirs, recipes = pair
    ids = torch.randint(V, (3, 16), generator=torch.Generator().manual_seed(0))
    mine, reference = ours(ids), theirs(ids).logits
    torch.testing.assert_close(mine, reference, atol=1e-4, rtol=1e-4)
    for logits in (mine, reference):
        F.cross_entropy(logits[:, :-1].flatten(0, 1), ids[:, 1:].flatten()).backward()
    # What makes our weights from theirs makes our gradients from theirs, for it only moves numbers about.
    expected = translate_weights(recipes(ours.config), names_in_file(theirs), "gradients")
    found = {name: weight.grad for name, weight in ours.named_parameters()}
    assert expected.keys() == found.keys()
    for name, gradient in found.items():
        torch.testing.assert_close(gradient, expected[name], atol=1e-4, rtol=1e-4)


def test_greedy_texts_are_those_of_transformers(pair):
    ours, theirs, _ = pair
    ids = torch.tensor([[3, 1, 4]])
    written = torch.stack(list(generate(ours, ids, 10, Sampling(temperature=0))), dim=1)
    reference = theirs.generate(
        ids,
        attention_mask=torch.ones_like(ids),
        max_new_tokens=10,
        min_new_tokens=10,
        do_sample=False,
        pad_token_id=0,
    )
    assert torch.equal(written, reference[:, 3:])


def test_weights_in_several_files_are_those_in_one(tmp_path):
    torch.manual_seed(0)
    theirs = new_llama()
    theirs.save_pretrained(tmp_path / "one")
    theirs.save_pretrained(tmp_path / "several", max_shard_size="10KB")
    assert len(list((tmp_path / "several").glob("*.safetensors"))) > 1
    one, several = (load_pretrained(tmp_path / name).model.state_dict() for name in ("one", "several"))
    assert one.keys() == several.keys()
    assert all(torch.equal(one[name], several[name]) for name in one)


def edit(folder: Path, change: object) -> None:
    path = folder / "model.safetensors"
    tensors = safetensors.torch.load_file(path)
    change(tensors)
    safetensors.torch.save_file(tensors, path)


def test_causal_masks_and_names_of_the_whole_model_are_no_obstacle(tmp_path):
    torch.manual_seed(0)
    new_gpt2().save_pretrained(tmp_path)
    before = load_pretrained(tmp_path).model.state_dict()

    def as_old_files_are(tensors: dict) -> None:
        for name in list(tensors):
            tensors[name.removeprefix("transformer.")] = tensors.pop(name)
        tensors["h.0.attn.bias"] = torch.ones(1, 1, 16, 16)
        tensors["h.1.attn.masked_bias"] = torch.tensor(-1e4)
        tensors["lm_head.weight"] = tensors["wte.weight"].clone()

    edit(tmp_path, as_old_files_are)
    after = load_pretrained(tmp_path).model.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)


@pytest.mark.parametrize(
    ("new", "change", "message"),
    [
        (new_gpt2, lambda t: t.pop("transformer.h.1.ln_2.bias"), "lacks 1 tensors, the first is 'h.1.ln_2.bias'"),
        (new_gpt2, lambda t: t.update(surprise=torch.zeros(1)), "have no place in this model, the first is 'surprise'"),
        (
            new_gpt2,
            lambda t: t.update({"transformer.h.0.mlp.c_fc.weight": torch.zeros(64, 16)}),
            r"'h.0.mlp.c_fc.weight' has the shape \(64, 16\), expected \(16, 64\)",
        ),
        (new_llama, lambda t: t.pop("lm_head.weight"), "lacks 1 tensors, the first is 'lm_head.weight'"),
        (
            new_llama,
            lambda t: t.update({"model.layers.1.self_attn.k_proj.weight": torch.zeros(16, 32)}),
            r"'model.layers.1.self_attn.k_proj.weight' has the shape \(16, 32\), expected \(32, 32\)",
        ),
        (
            new_llama,
            lambda t: t.update({"model.layers.0.self_attn.q_proj.bias": torch.zeros(32)}),
            "the first is 'model.layers.0.self_attn.q_proj.bias'",
        ),
    ],
)
def test_a_tensor_that_is_missing_left_over_or_of_another_shape_is_named(tmp_path, new, change, message):
    new().save_pretrained(tmp_path)
    edit(tmp_path, change)
    with pytest.raises(CourseError, match=message) as error:
        load_pretrained(tmp_path)
    assert str(tmp_path) in str(error.value)


@pytest.mark.parametrize(
    ("new", "change", "message"),
    [
        (new_gpt2, {"activation_function": "relu"}, "activation_function = 'relu'; this course's GPT knows only 'gelu"),
        (new_gpt2, {"model_type": "bert"}, "family 'bert'; this course can load gpt2 and llama"),
        (new_gpt2, {"n_layer": "2"}, "must say n_layer as a whole number; found '2'"),
        (new_llama, {"attention_bias": True}, "attention_bias = True"),
        (new_llama, {"rope_scaling": {"type": "linear"}}, "rope_scaling"),
        (new_llama, {"head_dim": 16}, "4 heads of 16 in a width of 32"),
    ],
)
def test_a_part_that_our_gpt_has_not_is_refused(tmp_path, new, change, message):
    new().save_pretrained(tmp_path)
    path = tmp_path / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(CourseError, match=message):
        load_pretrained(tmp_path)


def test_folders_that_hold_no_model_are_refused(tmp_path):
    with pytest.raises(CourseError, match="no model named 'gpt3' and no folder"):
        load_pretrained("gpt3")
    with pytest.raises(CourseError, match=r"config.json cannot be read"):
        load_pretrained(tmp_path)
    new_llama().save_pretrained(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"<html>no such file</html>")
    with pytest.raises(CourseError, match="an HTML or XML page"):
        load_pretrained(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(CourseError, match=r"model.safetensors cannot be read"):
        load_pretrained(tmp_path)
    for damaged in ("{", "[]"):
        (tmp_path / "config.json").write_text(damaged)
        with pytest.raises(CourseError, match=r"is not JSON|is damaged"):
            load_pretrained(tmp_path)


def test_an_index_reads_no_file_outside_its_folder(tmp_path):
    folder = tmp_path / "model"
    new_llama().save_pretrained(folder)
    (folder / "model.safetensors").rename(tmp_path / "elsewhere.safetensors")
    index = {"weight_map": {"model.norm.weight": "../elsewhere.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(CourseError, match=r"elsewhere.safetensors cannot be read"):
        load_pretrained(folder)


@pytest.mark.parametrize("name", [name for name in PUBLISHED if name != "stories260K"])
def test_published_models_are_asked_for_where_they_are(name, monkeypatch):
    monkeypatch.delenv("COURSE_DATA_DIR", raising=False)
    with pytest.raises(DownloadError, match=r"https://huggingface.co/.*/model.safetensors cannot be reached"):
        load_pretrained(name)


def test_a_published_model_is_taken_from_the_data_folder(tmp_path, monkeypatch):
    """SmolLM2's description, cut down to a size that a test can write."""
    monkeypatch.setenv("COURSE_DATA_DIR", str(tmp_path))
    new_llama().save_pretrained(tmp_path / "SmolLM2-135M")
    with pytest.raises(CourseError, match="SmolLM2-135M lacks"):
        load_pretrained("SmolLM2-135M")


# ── llama2.c ──


@pytest.fixture(scope="module")
def stories(data_file) -> Path:
    return data_file("stories260K/stories260K.bin")


def test_the_story_is_the_one_that_another_program_tells(data_file, stories, monkeypatch):
    monkeypatch.setenv("COURSE_DATA_DIR", str(stories.parents[1]))
    expected = data_file("stories260K/greedy_once_upon_a_time.txt").read_text(encoding="utf-8").removesuffix("\n")
    model, tokenizer = load_pretrained("stories260K")
    start = [tokenizer.end_id, *tokenizer.encode("Once upon a time")]
    # That program took 200 steps, of which the last ones wrote.
    columns = generate(model, [start], 201 - len(start), Sampling(temperature=0))
    assert tokenizer.decode([*start, *map(int, columns)]) == expected


def test_a_file_of_llama2c_is_the_llama_that_transformers_computes(stories):
    """The one independent check of the rows' order and of the head: the same numbers in transformers' Llama."""
    ours = load_llama2c(stories)
    config = ours.config
    theirs = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=config.vocab_size,
            hidden_size=config.d_model,
            intermediate_size=config.d_hidden,
            num_hidden_layers=config.n_layers,
            num_attention_heads=config.n_heads,
            num_key_value_heads=config.n_kv_heads,
            max_position_embeddings=config.context_length,
            rms_norm_eps=config.norm_eps,
            tie_word_embeddings=True,
        )
    ).eval()
    state, weights = ours.state_dict(), theirs.state_dict()
    for name, recipe in llama_recipes(config).items():
        parts = (
            state[name].flatten(0, 1).split([shape[0] for shape in recipe.theirs.values()])
            if "qkv" in name
            else [state[name]]
        )
        weights |= dict(zip(recipe.theirs, parts, strict=True))
    theirs.load_state_dict(weights | {"lm_head.weight": state["embedding.weight"]})
    ids = torch.randint(config.vocab_size, (2, 50), generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(ours(ids), theirs(ids).logits, atol=1e-4, rtol=1e-4)
    assert llama_config(theirs.config.to_dict()) == config


def test_turning_neighbours_is_turning_halves_of_reordered_rows():
    torch.manual_seed(0)
    n_heads, head_dim, width, n_tokens = 3, 8, 12, 5
    matrix, x = torch.randn(n_heads * head_dim, width), torch.randn(n_tokens, width)
    table = rotary_table(n_tokens, head_dim)
    ours = rotate((x @ halves_from_neighbours(matrix, head_dim).T).unflatten(-1, (n_heads, -1)).transpose(0, 1), table)
    # As in Su et al. 2021, equation 14: channels 2i and 2i + 1 are a complex number, multiplied by one of length 1.
    numbers = torch.view_as_complex((x @ matrix.T).unflatten(-1, (n_heads, head_dim // 2, 2)).contiguous())
    angles = torch.outer(torch.arange(n_tokens), 10_000.0 ** -(torch.arange(0, head_dim, 2) / head_dim))
    turned = torch.view_as_real(numbers * torch.polar(torch.ones_like(angles), angles)[:, None])
    expected = turned.transpose(-1, -2).flatten(-2).transpose(0, 1)  # first all real parts, then all imaginary ones
    torch.testing.assert_close(ours, expected)


def small_llama2c(vocab_size: int, path: Path) -> int:
    """A file of llama2.c with made-up weights; returns how many numbers it holds."""
    d, f, n_layers, n_heads, n_kv_heads, context = 8, 12, 2, 2, 1, 6
    n_keys = d // 2
    per_layer = 2 * d + 2 * d * d + 2 * n_keys * d + 3 * f * d
    n_numbers = V * d + n_layers * per_layer + d + context * (d // n_heads)
    n_numbers += V * d if vocab_size < 0 else 0
    header = struct.pack("<7i", d, f, n_layers, n_heads, n_kv_heads, vocab_size, context)
    path.write_bytes(header + torch.linspace(-1, 1, n_numbers).numpy().astype("<f4").tobytes())
    return n_numbers


def test_a_negative_vocabulary_says_that_the_head_has_weights_of_its_own(tmp_path):
    path = tmp_path / "model.bin"
    n_numbers = small_llama2c(-V, path)
    model = load_llama2c(path)
    assert not model.config.tied
    assert model.head.weight.flatten()[-1] == 1  # the last numbers of the file
    assert model.n_parameters == n_numbers - 6 * 4  # all but the rotary tables
    small_llama2c(V, path)
    assert load_llama2c(path).config.tied


@pytest.mark.parametrize("change", [lambda data: data[:-1], lambda data: data + b"\0", lambda data: data[:20]])
def test_a_file_that_does_not_hold_what_it_promises_is_refused(tmp_path, change):
    path = tmp_path / "model.bin"
    small_llama2c(V, path)
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(CourseError, match=r"a model of llama2.c with these sizes has|no model of llama2.c"):
        load_llama2c(path)


@pytest.mark.parametrize("data", [b"<!DOCTYPE html><html>" * 9, bytes(400)])
def test_a_file_of_another_kind_is_refused(tmp_path, data):
    path = tmp_path / "model.bin"
    path.write_bytes(data)
    with pytest.raises(CourseError):
        load_llama2c(path)
