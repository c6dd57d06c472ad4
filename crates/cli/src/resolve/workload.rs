//! What is asked: which source of prompts was meant, and whether lengths can be drawn.

use std::path::Path;

use plimsoll_core::nearest::nearest;
use plimsoll_core::spec::{
    Corpus, ImageBytes, ImagePosition, LengthShape, OutputLength, Pick, PromptSource, WorkloadSpec,
};

use super::{Context, images, in_folder};
use crate::args::RunArgs;
use crate::args::values::PositionName;
use crate::args::workload::WorkloadArgs;
use crate::exit::{UsageError, refuse};

/// The workload, and the corpus whose texts are to be forced as answers, if any. A prompt's file is read here.
pub(super) fn resolve(
    args: &RunArgs,
    context: &Context,
    given: &dyn Fn(&str) -> bool,
    warnings: &mut Vec<String>,
) -> Result<(WorkloadSpec, Option<Corpus>), UsageError> {
    let typed = &args.workload;
    let prompts = prompts(typed, context, given, warnings)?;
    let forced_from = match (&prompts, typed.forced_generation_from_dataset) {
        (_, false) => None,
        (PromptSource::Corpus { corpus, .. } | PromptSource::Chars { corpus, .. }, true) => Some(*corpus),
        (
            PromptSource::Text(_)
            | PromptSource::Jsonl { .. }
            | PromptSource::Payloads(_)
            | PromptSource::Http(_),
            true,
        ) => {
            refuse!(
                "--forced-generation-from-dataset takes texts of a bundled data set: add -d verse or -d code"
            )
        }
    };
    if let PromptSource::Corpus { tokens, .. } = prompts
        && typed.prompt_cache_max_len > tokens
    {
        refuse!(
            "--prompt-cache-max-len {} is more than the {tokens} tokens of a prompt: make it smaller, or -p larger",
            typed.prompt_cache_max_len
        );
    }
    let workload = WorkloadSpec {
        prompts,
        randomize: typed.prompt_randomize,
        shared_prefix_tokens: typed.prompt_cache_max_len,
        output: output(typed)?,
        images: typed.prompt_images_with_resolutions.iter().map(|size| (size.0, size.1)).collect(),
        image_bytes: images(args, given)?,
        image_position: match typed.prompt_images_positioning {
            PositionName::SpaceEvenly => ImagePosition::SpaceEvenly,
            PositionName::End => ImagePosition::End,
        },
        tokenizer: typed.tokenizer.clone(),
        cancel_rate: typed.cancel_rate,
    };
    Ok((workload, forced_from))
}

/// Images by their bytes, which are not images by their resolutions.
fn images(args: &RunArgs, given: &dyn Fn(&str) -> bool) -> Result<Option<ImageBytes>, UsageError> {
    let bytes = images::resolve(&args.images, given)?;
    if bytes.is_some() && !args.workload.prompt_images_with_resolutions.is_empty() {
        refuse!(
            "--image-bytes and --prompt-images-with-resolutions both say what images are like: give one of them"
        );
    }
    Ok(bytes)
}

fn prompts(
    typed: &WorkloadArgs,
    context: &Context,
    given: &dyn Fn(&str) -> bool,
    warnings: &mut Vec<String>,
) -> Result<PromptSource, UsageError> {
    if typed.prompt_tokens == 0 {
        refuse!("-p 0 leaves nothing to ask: give at least 1 token");
    }
    let source = match &typed.prompt_text {
        Some(_) if given("dataset") => {
            refuse!("--prompt-text and --dataset both say what is asked: give one of them")
        }
        Some(text) => prompt_text(text, typed, context)?,
        None => dataset(typed, context)?,
    };
    let generated = matches!(source, PromptSource::Corpus { .. } | PromptSource::Chars { .. });
    for option in ["prompt-tokens", "prompt-chars", "prompt"] {
        if !generated && given(option) {
            warnings
                .push(format!("--{option} shapes generated prompts: the prompts given are sent as they are"));
        }
    }
    if !matches!(source, PromptSource::Jsonl { .. })
        && (given("dataset-limit") || given("dataset-shuffle-seed"))
    {
        refuse!("--dataset-limit and --dataset-shuffle-seed choose lines of a file: add -d @file.jsonl");
    }
    Ok(source)
}

fn prompt_text(text: &str, typed: &WorkloadArgs, context: &Context) -> Result<PromptSource, UsageError> {
    let Some(path) = text.strip_prefix('@') else {
        if text.is_empty() {
            refuse!("--prompt-text is empty: give a text, or @file");
        }
        return Ok(PromptSource::Text(text.to_owned()));
    };
    let path = in_folder(&context.folder, Path::new(path));
    if is_jsonl(&path) {
        return Ok(jsonl(&path, Pick::Random, typed));
    }
    let text = std::fs::read_to_string(&path).map_err(|error| {
        UsageError(format!("cannot read the prompt in {} ({error}): check the path after @", path.display()))
    })?;
    if text.trim().is_empty() {
        refuse!("the prompt in {} is empty: write a text into it", path.display());
    }
    Ok(PromptSource::Text(text))
}

fn dataset(typed: &WorkloadArgs, context: &Context) -> Result<PromptSource, UsageError> {
    const NAMES: [&str; 3] = ["verse", "limericks", "code"];
    let name = typed.dataset.as_str();
    let corpus = match name {
        "verse" | "limericks" | "limerics" => Corpus::Verse,
        "code" => Corpus::Code,
        // The load test of old took the path of a file without the @.
        _ if name.starts_with('@') || name.ends_with(".jsonl") => {
            let path = in_folder(&context.folder, Path::new(name.trim_start_matches('@')));
            return Ok(jsonl(&path, Pick::Cycle, typed));
        }
        _ => {
            let hint = nearest(name, NAMES.into_iter()).map(|name| format!("did you mean {name}?"));
            let hint = hint.unwrap_or_else(|| "write verse, code or @file.jsonl".to_owned());
            refuse!("unknown data set `{name}`: {hint}");
        }
    };
    Ok(match typed.prompt_chars {
        Some(chars) => PromptSource::Chars { corpus, chars: chars.get() },
        None => {
            PromptSource::Corpus { corpus, tokens: typed.prompt_tokens, instruction: typed.prompt.clone() }
        }
    })
}

fn is_jsonl(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "jsonl")
}

fn jsonl(path: &Path, pick: Pick, typed: &WorkloadArgs) -> PromptSource {
    PromptSource::Jsonl {
        path: path.display().to_string(),
        pick,
        shuffle_seed: typed.dataset_shuffle_seed,
        limit: typed.dataset_limit.map(std::num::NonZeroUsize::get),
    }
}

fn output(typed: &WorkloadArgs) -> Result<OutputLength, UsageError> {
    let mean = typed.max_tokens;
    if mean == 0 {
        refuse!("-o 0 asks for no tokens, and lengths are drawn from 1 up: give at least 1");
    }
    let shape = typed.max_tokens_distribution.shape();
    let cap = typed.max_tokens_cap.map(std::num::NonZeroU32::get);
    let least = match shape {
        LengthShape::Constant => f64::from(mean),
        LengthShape::Uniform => f64::from(mean) * (1.0 - typed.max_tokens_range),
        LengthShape::Normal | LengthShape::Exponential => 1.0,
    };
    if let Some(cap) = cap.filter(|&cap| least > f64::from(cap)) {
        refuse!(
            "--max-tokens-cap {cap} is below every length that -o {mean} can draw: raise the cap, or lower -o"
        );
    }
    Ok(OutputLength { mean, shape, range: typed.max_tokens_range, cap })
}
