"""Makes a tiny language model for tests: a two-layer Llama with random weights and a byte-level BPE trained on made-up words.

usage: make_model.py FOLDER

The folder then serves transformers (safetensors), llama.cpp (tiny.gguf, the same weights) and any reader of tokenizer.json.
Nothing is downloaded. The same seed gives the same files.
"""

import json
import pathlib
import random
import sys

import gguf
import numpy as np
from safetensors.numpy import save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

HIDDEN, INNER, LAYERS, HEADS, KV_HEADS, HEAD, CONTEXT, VOCABULARY = 256, 1024, 2, 4, 2, 64, 2048, 2048
SPECIAL = ["<unk>", "<s>", "</s>", "<|user|>", "<|assistant|>", "<|system|>"]
TEMPLATE = (
    "{% for m in messages %}<|{{ m['role'] }}|>{{ m['content'] }}</s>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


def train_tokenizer():
    draw = random.Random(0)
    syllable = lambda: draw.choice("bcdfghklmnprstvw") + draw.choice("aeiou")
    words = ["".join(syllable() for _ in range(draw.randint(1, 4))) for _ in range(3000)]
    sentence = lambda: " ".join(draw.choice(words) for _ in range(draw.randint(5, 30))) + draw.choice(".?!")
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(
        [sentence() for _ in range(4000)],
        trainers.BpeTrainer(
            vocab_size=VOCABULARY, initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()), special_tokens=SPECIAL,
            show_progress=False,
        ),
    )
    return tokenizer


def random_weights(vocabulary):
    """Weights by their Hugging Face names."""
    draw = np.random.default_rng(0)
    matrix = lambda rows, columns: draw.normal(0, 0.02, (rows, columns)).astype(np.float32)
    ones = lambda: np.ones(HIDDEN, np.float32)
    weights = {"model.embed_tokens.weight": matrix(vocabulary, HIDDEN)}
    for layer in range(LAYERS):
        name = f"model.layers.{layer}."
        weights |= {
            name + "input_layernorm.weight": ones(),
            name + "self_attn.q_proj.weight": matrix(HEADS * HEAD, HIDDEN),
            name + "self_attn.k_proj.weight": matrix(KV_HEADS * HEAD, HIDDEN),
            name + "self_attn.v_proj.weight": matrix(KV_HEADS * HEAD, HIDDEN),
            name + "self_attn.o_proj.weight": matrix(HIDDEN, HEADS * HEAD),
            name + "post_attention_layernorm.weight": ones(),
            name + "mlp.gate_proj.weight": matrix(INNER, HIDDEN),
            name + "mlp.up_proj.weight": matrix(INNER, HIDDEN),
            name + "mlp.down_proj.weight": matrix(HIDDEN, INNER),
        }
    head = matrix(vocabulary, HIDDEN)
    head[: len(SPECIAL)] = 0  # special tokens, the end among them, are never the likeliest: answers have full length
    return weights | {"model.norm.weight": ones(), "lm_head.weight": head}


def write_hugging_face(folder, tokenizer, weights):
    vocabulary = tokenizer.get_vocab_size()
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "chat_template.jinja").write_text(TEMPLATE)
    write = lambda name, value: (folder / name).write_text(json.dumps(value, indent=2) + "\n")
    write("tokenizer_config.json", {
        "tokenizer_class": "PreTrainedTokenizerFast", "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>",
        "pad_token": "</s>", "model_max_length": CONTEXT, "chat_template": TEMPLATE,
    })
    write("generation_config.json", {"do_sample": False, "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 2})
    write("config.json", {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "dtype": "float32", "hidden_act": "silu",
        "vocab_size": vocabulary, "hidden_size": HIDDEN, "intermediate_size": INNER, "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS, "num_key_value_heads": KV_HEADS, "head_dim": HEAD,
        "max_position_embeddings": CONTEXT, "rms_norm_eps": 1e-6, "rope_theta": 10000.0,
        "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 2, "tie_word_embeddings": False,
    })
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


def interleave(weight, heads):
    """llama.cpp rotates neighbouring pairs where Hugging Face rotates halves: reorders the rows of a projection."""
    return weight.reshape(heads, 2, HEAD // 2, HIDDEN).swapaxes(1, 2).reshape(weight.shape)


def gguf_tensors(weights):
    names = {
        "model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output",
        "input_layernorm": "attn_norm", "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k",
        "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output", "post_attention_layernorm": "ffn_norm",
        "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
    }
    for name, weight in weights.items():
        stem = name.removesuffix(".weight")
        if stem.startswith("model.layers."):
            _, _, layer, stem = stem.split(".", 3)
            heads = {"self_attn.q_proj": HEADS, "self_attn.k_proj": KV_HEADS}.get(stem)
            yield f"blk.{layer}.{names[stem]}.weight", interleave(weight, heads) if heads else weight
        else:
            yield names[stem] + ".weight", weight


def write_gguf(path, tokenizer, weights):
    writer = gguf.GGUFWriter(str(path), "llama")
    writer.add_name("tiny")
    writer.add_block_count(LAYERS)
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(HIDDEN)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_key_length(HEAD)
    writer.add_value_length(HEAD)
    writer.add_rope_dimension_count(HEAD)
    writer.add_rope_freq_base(10000.0)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_vocab_size(tokenizer.get_vocab_size())
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    tokens = sorted(tokenizer.get_vocab(), key=tokenizer.token_to_id)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    control, normal = gguf.TokenType.CONTROL, gguf.TokenType.NORMAL
    writer.add_token_types([control if token in SPECIAL else normal for token in tokens])
    merges = json.loads(tokenizer.to_str())["model"]["merges"]
    writer.add_token_merges([" ".join(pair) for pair in merges])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)
    writer.add_pad_token_id(2)
    writer.add_add_bos_token(False)
    writer.add_chat_template(TEMPLATE)
    for name, weight in gguf_tensors(weights):
        writer.add_tensor(name, np.ascontiguousarray(weight))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True)
    tokenizer = train_tokenizer()
    weights = random_weights(tokenizer.get_vocab_size())
    write_hugging_face(folder, tokenizer, weights)
    write_gguf(folder / "tiny.gguf", tokenizer, weights)


main()
