//! Models, each with the numbers of its `config.json` on Hugging Face.

use crate::llm::Model;

/// All that presets know.
pub const MODELS: &[Model] = &[
    // meta-llama/Meta-Llama-3-8B: 8.030e9 parameters in bfloat16.
    dense("llama-3-8b", 8.030e9, [32, 4096, 32, 8, 128], 8192),
    // meta-llama/Llama-3.1-8B: the same with a longer context.
    dense("llama-3.1-8b", 8.030e9, [32, 4096, 32, 8, 128], 131_072),
    // meta-llama/Llama-3.1-70B and Llama-3.3-70B: 70.554e9 parameters in bfloat16.
    dense("llama-3.1-70b", 70.554e9, [80, 8192, 64, 8, 128], 131_072),
    // Qwen/Qwen2.5-7B-Instruct: 7.616e9 parameters in bfloat16.
    dense("qwen2.5-7b", 7.616e9, [28, 3584, 28, 4, 128], 32_768),
    // Qwen/Qwen2.5-72B-Instruct: 72.706e9 parameters in bfloat16.
    dense("qwen2.5-72b", 72.706e9, [80, 8192, 64, 8, 128], 32_768),
    // mistralai/Mistral-7B-v0.3: 7.248e9 parameters in bfloat16; no sliding window since v0.2.
    dense("mistral-7b", 7.248e9, [32, 4096, 32, 8, 128], 32_768),
    // mistralai/Mixtral-8x7B-v0.1: 46.703e9 parameters in bfloat16, 12.880e9 active; 8 experts of 3 matrices of
    // 4096 x 14336 in 32 layers, 2 for each token.
    Model {
        active_params: 12.880e9,
        dense_bytes: 2.0 * (46.703e9 - 45.097e9),
        expert_bytes: 2.0 * 45.097e9,
        expert_share: 2.0 / 8.0,
        ..dense("mixtral-8x7b", 46.703e9, [32, 4096, 32, 8, 128], 32_768)
    },
    // Qwen/Qwen3-30B-A3B: 30.532e9 parameters in bfloat16, 3.345e9 active; 128 experts of 3 matrices of 2048 x 768 in
    // 48 layers, 8 for each token.
    Model {
        active_params: 3.345e9,
        dense_bytes: 2.0 * (30.532e9 - 28.991e9),
        expert_bytes: 2.0 * 28.991e9,
        expert_share: 8.0 / 128.0,
        ..dense("qwen3-30b-a3b", 30.532e9, [48, 2048, 32, 4, 128], 40_960)
    },
    // openai/gpt-oss-20b: 20.915e9 parameters, 3.609e9 active; 32 experts of 3 matrices of 2880 x 2880 in 24 layers in
    // MXFP4 (4.25 bits), 4 for each token, the rest in bfloat16. Every second layer has a window of 128 tokens.
    Model {
        active_params: 3.609e9,
        dense_bytes: 2.0 * (20.915e9 - 19.110e9),
        expert_bytes: 4.25 / 8.0 * 19.110e9,
        expert_share: 4.0 / 32.0,
        full_attention_layers: 12,
        ..dense("gpt-oss-20b", 20.915e9, [24, 2880, 64, 8, 64], 131_072)
    },
];

/// The model of this name.
pub fn model(name: &str) -> Option<&'static Model> {
    MODELS.iter().find(|model| model.name == name)
}

/// A dense model in 16 bits of so many parameters. `shape`: layers, hidden width, heads, heads of keys and values, width
/// of a head.
const fn dense(name: &'static str, params: f64, shape: [u32; 5], context: u32) -> Model {
    let [layers, hidden, query_heads, kv_heads, head_dim] = shape;
    Model {
        name,
        active_params: params,
        dense_bytes: 2.0 * params,
        expert_bytes: 0.0,
        expert_share: 0.0,
        layers,
        full_attention_layers: layers,
        hidden,
        query_heads,
        kv_heads,
        head_dim,
        kv_element_bytes: 2,
        context,
    }
}
