//! Options by what they are about, for interfaces that have no use for some of them.

/// How prompts are made.
pub(super) const PROMPTS: [&str; 7] = [
    "prompt-tokens",
    "prompt-chars",
    "prompt-text",
    "prompt",
    "prompt-randomize",
    "dataset",
    "prompt-cache-max-len",
];

/// How many tokens are asked for.
pub(super) const LENGTHS: [&str; 4] =
    ["max-tokens", "max-tokens-distribution", "max-tokens-range", "max-tokens-cap"];

/// How a language model is asked, besides its prompt and the length of its answer.
pub(super) const MODELS: [&str; 18] = [
    "dataset-shuffle-seed",
    "dataset-limit",
    "prompt-images-with-resolutions",
    "prompt-images-positioning",
    "strict-length",
    "cancel-rate",
    "logprobs",
    "temperature",
    "top-k",
    "n",
    "reasoning-effort",
    "clear-assistant",
    "first-visible-token",
    "extra-body",
    "acceptance-probs-override",
    "force-min-tokens",
    "forced-generation-file",
    "forced-generation-from-dataset",
];

/// What decides prompts and lengths, with the tokenizer that counts them.
pub(super) fn of_prompts() -> impl Iterator<Item = &'static str> {
    PROMPTS.into_iter().chain(["tokenizer"]).chain(LENGTHS)
}
