"""How fast text is written, with a cache, beside `transformers.generate`.

A model of 4 layers × 128 continues one text, and 32 at once, by 256 tokens. Beside the course's `generate` stand the
same weights in transformers' Qwen3, whose text must be the same, and a GPT-2 of the same size.
"""

import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor
from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedModel

from course_lib.generation import Sampling, generate
from course_lib.model import GPT, TransformerConfig
from report import Row, alternate
from twin import qwen3_twin

VOCAB_SIZE, NEW_TOKENS = 512, 256


def random_model(context_length: int = 512) -> GPT:
    """4 layers × 128, with weights that make it write something other than one token."""
    torch.manual_seed(0)
    sizes = TransformerConfig(vocab_size=VOCAB_SIZE, context_length=context_length, n_layers=4, n_heads=4, d_model=128)
    model = GPT(sizes)
    for weight in model.parameters():
        if weight.ndim == 2:
            torch.nn.init.normal_(weight, std=0.1)
    return model.eval()


def ours(model: GPT, prompts: Tensor) -> Tensor:
    return torch.stack(list(generate(model, prompts, NEW_TOKENS, Sampling(temperature=0))), dim=1)


def theirs(model: PreTrainedModel, prompts: Tensor) -> Tensor:
    written = model.generate(
        prompts,
        attention_mask=torch.ones_like(prompts),
        max_new_tokens=NEW_TOKENS,
        min_new_tokens=NEW_TOKENS,
        do_sample=False,
        pad_token_id=0,
    )
    return written[:, prompts.shape[1] :]


def seconds(write: Callable[[Any, Tensor], Tensor], model: Any, prompts: Tensor) -> float:
    start = time.perf_counter()
    write(model, prompts)
    return time.perf_counter() - start


def rows(repeats: int = 7, device: str = "cpu") -> list[Row]:
    model = random_model().to(device)
    twin = qwen3_twin(model).to(device)
    sizes = GPT2Config(
        vocab_size=VOCAB_SIZE, n_positions=512, n_embd=128, n_layer=4, n_head=4, bos_token_id=0, eos_token_id=0
    )
    gpt2 = GPT2LMHeadModel(sizes).eval().to(device)
    table = []
    for batch_size, reach in ((1, 2.0), (32, 3.0)):
        prompts = torch.arange(batch_size, device=device)[:, None] % VOCAB_SIZE
        if not torch.equal(ours(model, prompts), theirs(twin, prompts)):
            raise SystemExit("The two libraries write different texts from the same weights.")
        rivals = [(ours, model), (theirs, twin), (theirs, gpt2)]
        timed = [partial(seconds, *rival, prompts) for rival in rivals]
        mine, same, other = (batch_size * NEW_TOKENS / statistics.median(each) for each in alternate(timed, repeats))
        for name, rate, bar in (("the same weights", same, reach), ("GPT-2", other, None)):
            table.append(
                Row(
                    f"writing on a {device.upper()}, {batch_size} at once, {name}",
                    f"{mine:,.0f} tokens/s",
                    f"transformers, {name}: {rate:,.0f}",
                    mine / rate,
                    bar,
                )
            )
    return [*table, by_context(repeats, device)]


def by_context(repeats: int, device: str) -> Row:
    """A token that has 1,000 before it beside one that has 64."""
    model = random_model(context_length=1024).to(device)

    def after(n_tokens: int) -> float:
        written = generate(
            model, torch.zeros(1, n_tokens, dtype=torch.long, device=device), 21, Sampling(temperature=0)
        )
        next(written)  # reads the prompt
        start = time.perf_counter()
        for _ in written:
            pass
        return (time.perf_counter() - start) / 20

    near, far = map(statistics.median, alternate([lambda: after(64), lambda: after(1000)], repeats))
    return Row(
        f"writing on a {device.upper()}, 1,000 tokens of context",
        f"{far * 1e3:.2f} ms a token",
        f"its own with 64: {near * 1e3:.2f} ms",
        near / far,
        1 / 1.2,
    )
