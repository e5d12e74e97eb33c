"""The course's model with the same weights in another library, to be compared with."""

from transformers import Qwen3Config, Qwen3ForCausalLM

from course_lib.model import GPT


def qwen3_twin(model: GPT) -> Qwen3ForCausalLM:
    """`model` as a Qwen3 of Hugging Face's transformers: the same logits, from the same numbers.

    All heads of a layer must have the same gains for queries, and for keys: Qwen3 has one of each a layer. It
    too normalises queries and keys and turns them by halves. Its MLP multiplies a gate with a second map:
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
        "model.embed_tokens": model.embedding.weight,
        "model.norm": model.norm.weight,
        "lm_head": model.head.weight,
    }
    for place, block in enumerate(model.blocks):
        layer = f"model.layers.{place}."
        n_heads = config.n_heads
        query, key, value = (each.flatten(0, 1) for each in block.attention.qkv.split(n_heads))
        q_gain, k_gain = block.attention.qk_norm.weight[[0, n_heads]].flatten(1)
        weights |= {
            layer + "input_layernorm": block.attention_norm.weight,
            layer + "self_attn.q_proj": query,
            layer + "self_attn.k_proj": key,
            layer + "self_attn.v_proj": value,
            layer + "self_attn.o_proj": block.attention.project.weight,
            layer + "self_attn.q_norm": q_gain,
            layer + "self_attn.k_norm": k_gain,
            layer + "post_attention_layernorm": block.mlp_norm.weight,
            layer + "mlp.gate_proj": block.mlp.expand.weight,
            layer + "mlp.up_proj": block.mlp.expand.weight,
            layer + "mlp.down_proj": block.mlp.project.weight,
        }
    twin.load_state_dict({f"{name}.weight": weight for name, weight in weights.items()})
    return twin.eval()
