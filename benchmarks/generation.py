"""How fast text is written, beside `transformers.generate`: python benchmarks/generation.py

256 new tokens by a model of 4 layers × 128, greedy, with a cache, one text at a time and 32 at once. Beside the
course's `generate` stand the same weights in transformers' Qwen3, whose text must be the same, and a GPT-2 of the same
size. Runs of all three alternate, and the median of several counts.
"""

import platform
import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedModel

from course_lib.generation import Sampling, generate
from course_lib.model import GPT, TransformerConfig
from twin import qwen3_twin

VOCAB_SIZE, CONTEXT, NEW_TOKENS, REPEATS = 512, 512, 256, 7


def random_model() -> GPT:
    """4 layers × 128, with weights that make it write something other than one token."""
    torch.manual_seed(0)
    model = GPT(TransformerConfig(vocab_size=VOCAB_SIZE, context_length=CONTEXT, n_layers=4, n_heads=4, d_model=128))
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


def main() -> None:
    model = random_model()
    twin = qwen3_twin(model)
    gpt2_sizes = GPT2Config(
        vocab_size=VOCAB_SIZE, n_positions=CONTEXT, n_embd=128, n_layer=4, n_head=4, bos_token_id=0, eos_token_id=0
    )
    gpt2 = GPT2LMHeadModel(gpt2_sizes).eval()
    print(f"{platform.machine()}, {torch.get_num_threads()} threads, torch {torch.__version__}\n")
    print("| batch | tokens/s | transformers, same weights | ratio | transformers, GPT-2 | ratio |")
    print("| --: | --: | --: | --: | --: | --: |")
    for batch_size in (1, 32):
        prompts = torch.arange(batch_size)[:, None] % VOCAB_SIZE
        if not torch.equal(ours(model, prompts), theirs(twin, prompts)):
            raise SystemExit("The two libraries write different texts from the same weights.")
        rivals = [(ours, model), (theirs, twin), (theirs, gpt2)]
        rounds = [[seconds(write, each, prompts) for write, each in rivals] for _ in range(REPEATS)]
        mine, same, other = (batch_size * NEW_TOKENS / statistics.median(each) for each in zip(*rounds, strict=True))
        print(f"| {batch_size} | {mine:,.0f} | {same:,.0f} | {mine / same:.2f} | {other:,.0f} | {mine / other:.2f} |")


if __name__ == "__main__":
    main()
