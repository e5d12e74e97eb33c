"""The model beside an independent implementation, transformers' Qwen3, with the same weights."""

import pytest
import torch
import torch.nn.functional as F

from course_lib.generation import Sampling, generate
from course_lib.model import GPT, TransformerConfig
from twin import qwen3_twin

V = 50


@pytest.fixture(scope="module")
def model() -> GPT:
    torch.manual_seed(0)
    model = GPT(TransformerConfig(vocab_size=V, context_length=64, n_layers=3, n_heads=2, d_model=32))
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, mean=float(parameter.ndim == 1), std=0.2)
    for block in model.blocks:
        gains = block.attention.qk_norm.weight.data
        gains[:] = gains[[0, 0, 2, 2]]  # one for all queries and one for all keys of a layer, as Qwen3 has them
    return model.eval()


def test_logits_and_gradients_are_the_same(model):
    twin = qwen3_twin(model)
    ids = torch.randint(V, (3, 40), generator=torch.Generator().manual_seed(0))
    ours, theirs = model(ids), twin(ids).logits
    torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-4)

    for logits in (ours, theirs):
        F.cross_entropy(logits[:, :-1].flatten(0, 1), ids[:, 1:].flatten()).backward()
    attention = [block.attention for block in model.blocks]
    for name, gradient in {
        "model.embed_tokens": model.embedding.weight.grad,
        "model.layers.0.self_attn.q_proj": attention[0].qkv.grad[:2].flatten(0, 1),
        "model.layers.1.self_attn.v_proj": attention[1].qkv.grad[4:].flatten(0, 1),
        "model.layers.1.self_attn.k_norm": attention[1].qk_norm.weight.grad[2:].sum(dim=0).flatten(),
        "model.layers.2.mlp.down_proj": model.blocks[2].mlp.project.weight.grad,
        "lm_head": model.head.weight.grad,
    }.items():
        torch.testing.assert_close(gradient, twin.get_submodule(name).weight.grad, atol=1e-4, rtol=1e-4)
    gate, up = (twin.get_submodule(f"model.layers.0.mlp.{name}_proj").weight.grad for name in ("gate", "up"))
    torch.testing.assert_close(model.blocks[0].mlp.expand.weight.grad, gate + up, atol=1e-4, rtol=1e-4)


def test_prompts_of_unequal_length_are_continued_alike(model):
    prompts = [[3], [7, 1, 4, 9, 2], [5, 5, 8]]
    ours = torch.stack(list(generate(model, prompts, 30, Sampling(temperature=0))), dim=1)
    twin = qwen3_twin(model)
    for prompt, row in zip(prompts, ours, strict=True):
        ids = torch.tensor([prompt])
        written = twin.generate(
            ids,
            attention_mask=torch.ones_like(ids),
            max_new_tokens=30,
            min_new_tokens=30,
            do_sample=False,
            pad_token_id=0,
        )
        assert torch.equal(written[0, len(prompt) :], row)
