"""The encoder-decoder: what each half may see, and that it is a language model once the source is given."""

import math

import pytest
import torch
import torch.nn.functional as F

from course_lib.errors import CourseError
from course_lib.generation import Sampling, beam_search, generate
from course_lib.inspection import cross_attention_maps
from course_lib.model import Seq2Seq, TransformerConfig

V, W, T = 11, 13, 10  # vocabularies of source and target, context
SIZES = {"context_length": T, "n_layers": 2, "n_heads": 4, "d_model": 16}


def new_model(parts: dict, **sizes: int) -> Seq2Seq:
    torch.manual_seed(0)
    target = SIZES | {"vocab_size": W} | sizes | parts
    source = target | {"vocab_size": V, "n_layers": 1, "tied": False}
    return Seq2Seq(TransformerConfig(**source), TransformerConfig(**target))


@pytest.fixture
def model(parts: dict) -> Seq2Seq:
    """A small model whose every weight matters."""
    model = new_model(parts)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return model.eval()


def some_ids(vocab_size: int, rows: int = 2, columns: int = T, seed: int = 1) -> torch.Tensor:
    return torch.randint(vocab_size, (rows, columns), generator=torch.Generator().manual_seed(seed))


def test_no_output_depends_on_a_later_token_of_the_target_and_all_on_every_token_of_the_source(model):
    source, ids = some_ids(V), some_ids(W)
    before = model(ids, source)
    for position in range(T):
        changed = ids.clone()
        changed[:, position] = (changed[:, position] + 1) % W
        after = model(changed, source)
        torch.testing.assert_close(after[:, :position], before[:, :position], atol=0, rtol=0)
        assert (after[:, position:] - before[:, position:]).abs().amax(dim=-1).min() > 1e-6
        changed = source.clone()
        changed[:, position] = (changed[:, position] + 1) % V
        assert (model(ids, changed) - before).abs().amax(dim=-1).min() > 1e-7


def test_without_positions_the_order_of_the_source_does_not_matter():
    torch.manual_seed(0)
    source, ids, order = some_ids(V), some_ids(W), torch.randperm(T)
    for positions in ("none", "rotary", "learned", "sinusoidal"):
        model = new_model({"positions": positions})
        for parameter in model.parameters():
            torch.nn.init.normal_(parameter, std=0.3)
        difference = (model(ids, source[:, order]) - model(ids, source)).abs().max()
        assert (difference < 1e-5) == (positions == "none"), positions


def test_the_number_of_parameters_is_that_of_both_halves(model):
    assert model.n_parameters == sum(parameter.numel() for parameter in model.parameters())


def test_what_fills_up_a_shorter_source_is_seen_by_none(model):
    source, ids = some_ids(V, columns=6), some_ids(W)
    filled = F.pad(source, (0, 4), value=-100)
    torch.testing.assert_close(model(ids, filled), model(ids, source), atol=1e-5, rtol=1e-5)


def test_a_row_does_not_depend_on_the_others_of_its_batch(model):
    source, ids = some_ids(V, rows=4), some_ids(W, rows=4)
    source[2, 5:] = -100
    together = model(ids, source)
    for row in range(4):
        alone = model(ids[row : row + 1], source[row : row + 1])
        torch.testing.assert_close(alone[0], together[row], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("pieces", [[1] * T, [4, 1, 5]])
def test_writing_piece_by_piece_with_a_cache_equals_writing_at_once(model, pieces):
    source, ids = some_ids(V), some_ids(W)
    source[1, 7:] = -100
    given = model.given(source)
    cache = given.new_cache()
    with torch.no_grad():
        logits = torch.cat([given(piece, cache=cache) for piece in ids.split(pieces, dim=1)], dim=1)
    torch.testing.assert_close(logits, model(ids, source), atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(given(ids), model(ids, source), atol=1e-5, rtol=1e-5)


def test_greedy_texts_are_those_that_asking_for_each_token_anew_gives(model):
    source = some_ids(V, rows=3)
    source[1, 4:] = -100
    written = torch.stack(list(generate(model.given(source), [[0], [0], [0]], T - 1, Sampling(temperature=0))), dim=1)
    ids = torch.zeros(3, 1, dtype=torch.long)
    for _ in range(T - 1):
        ids = torch.cat((ids, model(ids, source)[:, -1:].argmax(dim=-1)), dim=1)
    assert torch.equal(written, ids[:, 1:])


def test_beams_of_one_source_have_the_probability_that_the_model_gives_them(model):
    source = some_ids(V, rows=1)
    source[0, 6:] = -100
    beams = beam_search(model.given(source), [0], 5, width=4)
    for beam in beams:
        log_probs = model(torch.tensor([[0, *beam.ids[:-1]]]), source).log_softmax(dim=-1)[0]
        assert beam.log_prob == pytest.approx(log_probs[range(5), beam.ids].sum().item(), abs=1e-4)
    greedy = beam_search(model.given(source), [0], 5, width=1)
    assert beams[0].log_prob >= greedy[0].log_prob - 1e-6


def test_cross_attention_maps_are_the_weights_that_were_used(model):
    source, ids = some_ids(V), some_ids(W, columns=6)
    source[1, 7:] = -100
    maps = cross_attention_maps(model, ids, source)
    assert [each.shape for each in maps] == [(2, 4, 6, T)] * 2
    seen = []
    for block in model.decoder.blocks:
        block.cross.register_forward_hook(lambda *args: seen.append(args[-1]))
    model(ids, source)
    values = [v for _, v in model.encode(source).keys_values]
    for weights, v, block, output in zip(maps, values, model.decoder.blocks, seen, strict=True):
        torch.testing.assert_close(weights.sum(dim=-1), torch.ones(2, 4, 6))
        assert (weights[1, :, :, 7:] == 0).all()
        mixed = weights @ v.repeat_interleave(4 // v.shape[1], dim=1)
        expected = block.cross.project(mixed.transpose(1, 2).flatten(-2))
        torch.testing.assert_close(output, expected, atol=1e-5, rtol=1e-5)


def test_the_loss_starts_near_that_of_a_guess_and_one_batch_can_be_learned_by_heart(parts):
    model = new_model(parts, vocab_size=40, d_model=32)
    source, ids, targets = some_ids(V, 4), some_ids(40, 4), some_ids(40, 4, seed=2)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    losses = []
    for _ in range(80):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(ids, source).flatten(0, 1), targets.flatten())
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[0] == pytest.approx(math.log(40), abs=0.1)
    assert losses[-1] < 0.1


def test_every_parameter_gets_a_gradient_once_the_zeros_are_gone(model):
    model(some_ids(W), some_ids(V)).sin().sum().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().max() > 0, name


def test_halves_that_do_not_fit_are_refused():
    small, large = (TransformerConfig(vocab_size=V, **SIZES | {"d_model": width}) for width in (16, 32))
    with pytest.raises(CourseError, match="d_model is 16 and the decoder's 32"):
        Seq2Seq(small, large)
    shared = TransformerConfig(vocab_size=V, **SIZES, n_kv_heads=2)
    tied = TransformerConfig(vocab_size=V, **SIZES, tied=True)
    with pytest.raises(CourseError, match="no head"):
        Seq2Seq(tied, small)
    assert Seq2Seq(shared, small)(some_ids(W - 2), some_ids(V)).shape == (2, T, V)
