"""The course's model with the same weights in another library, to be compared with."""

from transformers import Qwen3Config, Qwen3ForCausalLM

from course_lib.model import GPT


def qwen3_twin(model: GPT) -> Qwen3ForCausalLM:
    """`model` as a Qwen3 of Hugging Face's transformers: the same logits, from the same numbers.

    Qwen3 too normalises queries and keys and turns them by halves. Its MLP multiplies a gate with a second map:
    relu(gate(x)) · up(x). With both set to `expand`, that is the squared ReLU.
    """
    config = model.config
    twin = Qwen3ForCausalLM(
        Qwen3Config(
            vocab_size=config.vocab_size,
            max_position_embeddings=config.context_length,
            num_hidden_layers=config.n_layers,
            num_attention_heads=config.n_heads,
            num_key_value_heads=config.n_heads,
            hidden_size=config.d_model,
            head_dim=config.d_model // config.n_heads,
            intermediate_size=4 * config.d_model,
            hidden_act="relu",
            rms_norm_eps=1e-6,
            tie_word_embeddings=False,
            bos_token_id=None,
            eos_token_id=None,
        )
    )
    weights = {
        "model.embed_tokens": model.embedding,
        "model.norm": model.norm,
        "lm_head": model.head,
    }
    for place, block in enumerate(model.blocks):
        layer = f"model.layers.{place}."
        weights |= {
            layer + "input_layernorm": block.attention_norm,
            layer + "self_attn.q_proj": block.attention.query,
            layer + "self_attn.k_proj": block.attention.key,
            layer + "self_attn.v_proj": block.attention.value,
            layer + "self_attn.o_proj": block.attention.project,
            layer + "self_attn.q_norm": block.attention.q_norm,
            layer + "self_attn.k_norm": block.attention.k_norm,
            layer + "post_attention_layernorm": block.mlp_norm,
            layer + "mlp.gate_proj": block.mlp.expand,
            layer + "mlp.up_proj": block.mlp.expand,
            layer + "mlp.down_proj": block.mlp.project,
        }
    twin.load_state_dict({f"{name}.weight": part.weight for name, part in weights.items()})
    return twin.eval()
