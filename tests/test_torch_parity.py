"""Encoder and encoder-decoder beside torch's own layers, with the same weights: the same vectors and gradients."""

from collections.abc import Callable
from functools import partial

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_lib.model import Encoder, Seq2Seq, TransformerConfig
from course_lib.model.transformer import Block, Transformer

V, T, S, D, H = 11, 9, 7, 16, 4
CONFIG = TransformerConfig(
    vocab_size=V,
    context_length=T,
    n_layers=2,
    n_heads=H,
    d_model=D,
    d_hidden=24,
    positions="learned",
    norm="layer",
    norm_eps=1e-5,
    qk_norm=False,
    mlp="gelu",
    bias=True,
)
POST = TransformerConfig(**CONFIG.to_dict() | {"norm_place": "post"})
THEIRS = {
    "nhead": H,
    "dim_feedforward": 24,
    "dropout": 0.0,
    "activation": partial(F.gelu, approximate="tanh"),
    "batch_first": True,
}


def randomize(model: nn.Module) -> nn.Module:
    for parameter in model.parameters():
        nn.init.normal_(parameter, std=0.3)
    return model.eval()


Of = Callable[[nn.Parameter], Tensor]


def block_weights(block: Block, of: Of) -> dict[str, Tensor]:
    """What is `of` the weights of a block, under torch's names and in torch's shapes."""
    has_source = hasattr(block, "cross")
    norms = [block.attention_norm, *([block.cross_norm] if has_source else []), block.mlp_norm]
    named = {f"norm{number}": norm for number, norm in enumerate(norms, start=1)}
    named |= {"linear1": block.mlp.expand, "linear2": block.mlp.project, "self_attn.out_proj": block.attention.project}
    attentions = {"self_attn": block.attention}
    if has_source:
        named["multihead_attn.out_proj"] = block.cross.project
        attentions["multihead_attn"] = block.cross
    weights = {f"{name}.{key}": of(weight) for name, part in named.items() for key, weight in part.named_parameters()}
    for name, attention in attentions.items():
        weights[f"{name}.in_proj_weight"] = of(attention.qkv).flatten(0, 1)
        weights[f"{name}.in_proj_bias"] = of(attention.qkv_bias).flatten()
    return weights


def stack_weights(model: Transformer, of: Of) -> dict[str, Tensor]:
    """The same for all blocks and the last norm."""
    weights = {f"norm.{name}": of(weight) for name, weight in model.norm.named_parameters()}
    for number, block in enumerate(model.blocks):
        weights |= {f"layers.{number}.{name}": weight for name, weight in block_weights(block, of).items()}
    return weights


def compare(ours: Tensor, theirs: Tensor, gradients: Callable[[Of], dict[str, Tensor]], their_model: nn.Module) -> None:
    """The same output, and the same gradients of every weight."""
    torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-4)
    ours.sin().sum().backward()
    theirs.sin().sum().backward()
    parameters = dict(their_model.named_parameters())
    mine = gradients(lambda weight: weight.grad)
    assert mine.keys() == parameters.keys()
    for name, gradient in mine.items():
        torch.testing.assert_close(gradient, parameters[name].grad, atol=1e-4, rtol=1e-4)


def detached(weight: nn.Parameter) -> Tensor:
    return weight.detach()


@pytest.mark.filterwarnings("ignore:enable_nested_tensor")
@pytest.mark.parametrize("config", [CONFIG, POST], ids=["pre", "post"])
def test_the_encoder_equals_torchs(config):
    torch.manual_seed(0)
    ours = randomize(Encoder(config))
    layer = nn.TransformerEncoderLayer(D, **THEIRS, norm_first=config.norm_place == "pre")
    last = nn.LayerNorm(D) if config.norm_place == "pre" else None
    theirs = nn.TransformerEncoder(layer, config.n_layers, last)
    theirs.load_state_dict(stack_weights(ours, detached))

    ids = torch.randint(V, (3, T))
    ids[1, 5:] = -100
    x = (ours.embedding(ids.clamp(min=0)) + ours.places[:T]).detach()
    documents = (ids >= 0).long()
    mask = documents[:, None, :, None] == documents[:, None, None, :]
    mine = ours.read(ids.clamp(min=0), mask)
    reference = theirs(x, src_key_padding_mask=ids < 0)
    is_token = ids >= 0
    compare(mine[is_token], reference[is_token], partial(stack_weights, ours), theirs)
    torch.testing.assert_close(ours(ids)[is_token], ours.score(mine)[is_token], atol=1e-5, rtol=1e-5)


@pytest.mark.filterwarnings("ignore:enable_nested_tensor")
@pytest.mark.parametrize("config", [CONFIG, POST], ids=["pre", "post"])
def test_the_encoder_decoder_equals_torchs(config):
    torch.manual_seed(0)
    ours = randomize(Seq2Seq(config, config))
    is_pre = config.norm_place == "pre"
    layers = {"num_encoder_layers": config.n_layers, "num_decoder_layers": config.n_layers, "norm_first": is_pre}
    theirs = nn.Transformer(D, **THEIRS, **layers)
    if not is_pre:  # torch's has a norm behind the last norm, the paper's model has not
        theirs.encoder.norm = theirs.decoder.norm = None

    def both_halves(of: Of) -> dict[str, Tensor]:
        halves = {"encoder": ours.encoder, "decoder": ours.decoder}
        return {f"{half}.{name}": w for half, part in halves.items() for name, w in stack_weights(part, of).items()}

    theirs.load_state_dict(both_halves(detached))

    source, ids = torch.randint(V, (3, S)), torch.randint(V, (3, T))
    source[2, 3:] = -100
    x = (ours.encoder.embedding(source.clamp(min=0)) + ours.encoder.places[:S]).detach()
    y = (ours.decoder.embedding(ids) + ours.decoder.places[:T]).detach()
    nothing = source < 0
    causal = nn.Transformer.generate_square_subsequent_mask(T).isinf()
    reference = theirs(x, y, tgt_mask=causal, src_key_padding_mask=nothing, memory_key_padding_mask=nothing)
    memory = ours.encode(source)
    compare(ours.decoder.read(ids, memory=memory), reference, both_halves, theirs)
