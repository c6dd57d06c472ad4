//! From the description of a workload to the workload: everything slow or fallible happens here, before the run.

use std::path::Path;
use std::sync::Arc;

use plimsoll_core::seed::Seed;
use plimsoll_core::spec::{HttpSpec, Interface, Pick, PromptSource, WorkloadSpec};
use plimsoll_core::workload::{
    CharPrompts, CorpusOptions, CorpusPrompts, HttpRequests, IMAGE_PLACEHOLDER, Line, Lines, Requests,
    Source, Tokenizer, TraceLengths, Workload,
};

use super::dataset::{self, Choice};
use super::{PayloadError, WorkloadError, http, images, load_tokenizer, payloads};

/// A workload that is ready, and the tokenizer that it counts with, if one was needed or named.
pub type Loaded = (Arc<dyn Workload>, Option<Arc<dyn Tokenizer>>);

/// Reads and checks everything that a workload needs. The interface says whether requests are chats
/// and whether they generate tokens; the lengths of a trace
/// take the place of the workload's own, row by row.
///
/// # Errors
/// Says which part of the workload is impossible, missing or malformed.
pub fn load(
    spec: &WorkloadSpec,
    seed: Seed,
    interface: Interface,
    trace: Option<TraceLengths>,
) -> Result<Loaded, WorkloadError> {
    if let PromptSource::Payloads(payloads) = &spec.prompts {
        return Ok((Arc::new(payloads::load(payloads, seed)?), None));
    }
    if let PromptSource::Http(http) = &spec.prompts {
        return Ok((Arc::new(own_requests(http, spec, seed, interface, trace)?), None));
    }
    let chat = interface.is_chat();
    spec.output.validate()?;
    if !(0.0..=1.0).contains(&spec.cancel_rate) {
        return Err(WorkloadError::CancelRate(spec.cancel_rate));
    }
    let tokenizer = match &spec.tokenizer {
        Some(named) => Some(load_tokenizer(Some(named))?),
        None if must_count(spec) => Some(load_tokenizer(None)?),
        None => None,
    };
    let images = images::of_prompts(spec, seed)?;
    let (source, source_name) = source(spec, seed, chat, tokenizer.as_ref())?;
    let requests = Requests {
        seed,
        source,
        source_name,
        // Counted only with the tokenizer that the user named: the bundled one would guess.
        counter: tokenizer.clone().filter(|_| spec.tokenizer.is_some()),
        chat,
        generates: interface.has_length(),
        randomize: spec.randomize,
        output: spec.output,
        trace,
        images,
        image_position: spec.image_position,
        cancel_rate: spec.cancel_rate,
    };
    Ok((Arc::new(requests), tokenizer))
}

/// The user's own requests, with the prompts that their variables may need.
fn own_requests(
    http: &HttpSpec,
    spec: &WorkloadSpec,
    seed: Seed,
    interface: Interface,
    trace: Option<TraceLengths>,
) -> Result<HttpRequests, WorkloadError> {
    let bodies = http::contents(http, seed)?;
    let table = http.vars.as_ref().map(http::table).transpose()?;
    let requests = HttpRequests::new(http, &bodies, table, seed)?;
    let prompts = if requests.needs_prompts() {
        let of_prompts = WorkloadSpec { prompts: (*http.prompts).clone(), ..spec.clone() };
        Some(load(&of_prompts, seed, interface, trace)?.0)
    } else {
        None
    };
    Ok(requests.ready(prompts, &bodies)?)
}

/// Whether prompts cannot be made without counting tokens.
fn must_count(spec: &WorkloadSpec) -> bool {
    match spec.prompts {
        PromptSource::Corpus { .. } => true,
        PromptSource::Chars { .. } => spec.shared_prefix_tokens > 0,
        PromptSource::Text(_) | PromptSource::Jsonl { .. } => false,
        PromptSource::Payloads(_) | PromptSource::Http(_) => false,
    }
}

/// The source of prompts and one line on it.
fn source(
    spec: &WorkloadSpec,
    seed: Seed,
    chat: bool,
    tokenizer: Option<&Arc<dyn Tokenizer>>,
) -> Result<(Source, String), WorkloadError> {
    match &spec.prompts {
        PromptSource::Corpus { corpus, tokens, instruction } => {
            let tokenizer = tokenizer.map_or_else(|| load_tokenizer(None), |loaded| Ok(loaded.clone()))?;
            let options = CorpusOptions {
                corpus: *corpus,
                instruction: instruction.clone(),
                shared_prefix_tokens: spec.shared_prefix_tokens,
                randomize: spec.randomize,
                chat,
            };
            let name = format!("{tokens}-token prompts from `{}`", corpus.name());
            let shared = match spec.shared_prefix_tokens {
                0 => String::new(),
                n => format!(", about the first {n} tokens shared,"),
            };
            let prompts = CorpusPrompts::new(&options, tokenizer, seed);
            prompts.check(*tokens)?;
            Ok((Source::Corpus { prompts, tokens: *tokens }, name + &shared))
        }
        PromptSource::Chars { chars: 0, .. } => Err(WorkloadError::NoCharacters),
        PromptSource::Chars { corpus, chars } => {
            let mut prompts = CharPrompts::new(*corpus, *chars, spec.randomize, seed);
            if let Some(tokenizer) = tokenizer.filter(|_| spec.shared_prefix_tokens > 0) {
                prompts = prompts.with_shared_prefix(spec.shared_prefix_tokens, tokenizer.as_ref());
            }
            Ok((Source::Chars(prompts), format!("{chars}-character prompts from `{}`", corpus.name())))
        }
        PromptSource::Text(text) => {
            let placeholders = text.matches(IMAGE_PLACEHOLDER).count();
            if placeholders != 0 && placeholders != spec.images_per_prompt() {
                return Err(WorkloadError::Placeholders { placeholders, images: spec.images_per_prompt() });
            }
            let name = format!("one prompt of {} characters", text.chars().count());
            Ok((Source::Lines(Lines::same(text)), name))
        }
        // Payloads are no prompts: `load` has taken them.
        PromptSource::Payloads(_) | PromptSource::Http(_) => Err(PayloadError::NoValues.into()),
        PromptSource::Jsonl { path, pick, shuffle_seed, limit } => {
            let choice = Choice { shuffle_seed: *shuffle_seed, limit: *limit };
            lines(spec, Path::new(path), &choice, *pick, chat)
        }
    }
}

/// The lines of a data set, checked against what else is asked for.
fn lines(
    spec: &WorkloadSpec,
    path: &Path,
    choice: &Choice,
    pick: Pick,
    chat: bool,
) -> Result<(Source, String), WorkloadError> {
    let numbered = dataset::read(path, choice, chat)?;
    for (line, content) in &numbered {
        let (line, path) = (*line, path.to_owned());
        match content {
            Line::Body { .. } if spec.randomize => return Err(WorkloadError::RandomizedBody { line, path }),
            Line::Body { .. } if spec.images_per_prompt() > 0 => {
                return Err(WorkloadError::ImagesInBody { line, path });
            }
            _ => {}
        }
    }
    let order = match pick {
        Pick::Cycle => "in turn",
        Pick::Random => "at random",
    };
    let name = format!("{} prompts from {}, {order}", numbered.len(), path.display());
    let lines = numbered.into_iter().map(|(_, line)| line).collect();
    let lines = Lines::new(lines, pick).ok_or_else(|| WorkloadError::NoLines(path.to_owned()))?;
    Ok((Source::Lines(lines), name))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use plimsoll_core::record::RequestId;
    use plimsoll_core::spec::{Corpus, ImagePosition, LengthShape, OutputLength};
    use plimsoll_core::workload::{Prompt, RequestSpec};

    use super::*;

    const TOKENIZER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/workload/testdata");

    fn asking(prompts: PromptSource) -> WorkloadSpec {
        WorkloadSpec {
            prompts,
            randomize: false,
            shared_prefix_tokens: 0,
            output: OutputLength::constant(64),
            images: Vec::new(),
            image_bytes: None,
            image_position: ImagePosition::End,
            tokenizer: Some(TOKENIZER.to_owned()),
            cancel_rate: 0.0,
        }
    }

    fn verse(tokens: u32) -> PromptSource {
        PromptSource::Corpus { corpus: Corpus::Verse, tokens, instruction: None }
    }

    fn ready(spec: &WorkloadSpec) -> Loaded {
        load(spec, Seed(9), Interface::Chat, None).map_err(|error| error.to_string()).unwrap()
    }

    fn refused(spec: &WorkloadSpec) -> String {
        load(spec, Seed(9), Interface::Chat, None).err().expect("an error").to_string()
    }

    fn text(request: &RequestSpec) -> &str {
        match &request.prompt {
            Prompt::Text(text) => text,
            Prompt::Members(_) | Prompt::Payload(_) => panic!("a text was expected"),
        }
    }

    /// A data set of these lines; it is deleted with the returned handle.
    fn jsonl(lines: &str, pick: Pick) -> (tempfile::NamedTempFile, PromptSource) {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(lines.as_bytes()).unwrap();
        let path = file.path().to_str().unwrap().to_owned();
        (file, PromptSource::Jsonl { path, pick, shuffle_seed: None, limit: None })
    }

    fn interface(chat: bool) -> Interface {
        if chat { Interface::Chat } else { Interface::Completions }
    }

    #[test]
    fn prompts_have_exactly_the_tokens_asked_for_by_the_users_tokenizer() {
        for corpus in [Corpus::Verse, Corpus::Code] {
            for chat in [true, false] {
                for tokens in [4, 16, 17, 64, 512, 1024] {
                    let prompts = PromptSource::Corpus { corpus, tokens, instruction: None };
                    let (workload, tokenizer) =
                        load(&asking(prompts), Seed(9), interface(chat), None).unwrap();
                    let tokenizer = tokenizer.unwrap();
                    for id in 0..3 {
                        let request = workload.request(RequestId(id));
                        assert_eq!(request.prompt_tokens, Some(tokens));
                        assert_eq!(tokenizer.prompt_tokens(text(&request), chat), tokens as usize);
                    }
                    assert_eq!(workload.inexact(), 0);
                }
            }
        }
        assert_eq!(ready(&asking(verse(64))).0.describe(), "64-token prompts from `verse`, 64 tokens out");
    }

    #[test]
    fn the_bundled_encoding_is_loaded_only_where_prompts_are_made_by_tokens() {
        let (file, lines) = jsonl("{\"prompt\":\"a\"}", Pick::Cycle);
        let chars = PromptSource::Chars { corpus: Corpus::Code, chars: 99 };
        for (prompts, shared, loaded) in [
            (PromptSource::Text("a".to_owned()), 10, false),
            (lines, 10, false),
            (chars.clone(), 0, false),
            (chars, 10, true),
            (verse(64), 0, true),
        ] {
            let spec = WorkloadSpec { tokenizer: None, shared_prefix_tokens: shared, ..asking(prompts) };
            let (workload, tokenizer) = ready(&spec);
            assert_eq!(tokenizer.is_some(), loaded, "{}", workload.describe());
            let by_construction = matches!(spec.prompts, PromptSource::Corpus { .. });
            assert_eq!(workload.request(RequestId(0)).prompt_tokens.is_some(), by_construction);
        }
        drop(file);
    }

    #[test]
    fn a_trace_decides_lengths() {
        let trace = Some([(Some(100), Some(5)), (Some(1), None)].into());
        let (workload, _) = load(&asking(verse(64)), Seed(9), Interface::Chat, trace).unwrap();
        let lengths = |id| {
            let request = workload.request(RequestId(id));
            (request.prompt_tokens, request.max_tokens)
        };
        assert_eq!((lengths(0), lengths(2)), ((Some(100), 5), (Some(64), 64)));
        // No chat is shorter than its template.
        assert_eq!((lengths(1), workload.inexact()), ((Some(3), 64), 1));
    }

    #[test]
    fn data_sets_texts_and_characters_are_asked() {
        let (file, lines) =
            jsonl("{\"prompt\":\"hello\"}\n{\"messages\":[{}],\"max_tokens\":3}", Pick::Cycle);
        let workload = ready(&asking(lines)).0;
        assert_eq!(workload.request(RequestId(0)).prompt_tokens, Some(6));
        assert_eq!(workload.request(RequestId(3)).max_tokens, 3);
        let expected = format!("2 prompts from {}, in turn, 64 tokens out", file.path().display());
        assert_eq!(workload.describe(), expected);

        let mut spec = asking(PromptSource::Text("abcd".to_owned()));
        spec.images = vec![(8, 8)];
        assert_eq!(text(&ready(&spec).0.request(RequestId(0))), "abcd<image>");

        let spec = asking(PromptSource::Chars { corpus: Corpus::Verse, chars: 333 });
        assert_eq!(text(&ready(&spec).0.request(RequestId(1))).len(), 333);
    }

    #[test]
    fn impossible_workloads_are_refused() {
        let (_file, lines) = jsonl("{\"prompt\":\"a\"}\n{\"messages\":[{}]}", Pick::Cycle);
        let with = |change: fn(&mut WorkloadSpec), prompts: &PromptSource| {
            let mut spec = asking(prompts.clone());
            change(&mut spec);
            refused(&spec)
        };
        let zero = OutputLength { mean: 0, shape: LengthShape::Uniform, range: 0.3, cap: None };
        for (error, expected) in [
            (refused(&asking(verse(2))), "ask for at least 3"),
            (refused(&WorkloadSpec { output: zero, ..asking(verse(64)) }), "a mean of 0 output tokens"),
            (with(|spec| spec.cancel_rate = f64::NAN, &verse(64)), "from 0 to 1"),
            (with(|spec| spec.images = vec![(0, 8)], &verse(64)), "0x8 pixels"),
            (with(|spec| spec.tokenizer = Some("a/b".to_owned()), &verse(64)), "downloads nothing"),
            (with(|spec| spec.randomize = true, &lines), "line 2 of "),
            (with(|spec| spec.images = vec![(8, 8)], &lines), "line 2 of "),
            (refused(&asking(PromptSource::Chars { corpus: Corpus::Code, chars: 0 })), "0 characters"),
            (
                with(|spec| spec.images = vec![(8, 8)], &PromptSource::Text("<image><image>".into())),
                "2 `<image>`",
            ),
        ] {
            assert!(error.contains(expected), "{error}");
        }
    }
}
