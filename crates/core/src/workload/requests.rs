//! The one workload: prompts from any source, with lengths, images and cancellations.

use std::sync::Arc;

use bytes::Bytes;
use rand::RngExt;

use crate::record::RequestId;
use crate::seed::Seed;
use crate::spec::{ImagePosition, OutputLength};
use crate::workload::chars::CharPrompts;
use crate::workload::corpus::BREAK;
use crate::workload::images::Images;
use crate::workload::lines::{Line, Lines};
use crate::workload::numbers::random_numbers;
use crate::workload::placeholders::{IMAGE_PLACEHOLDER, place_images};
use crate::workload::prompts::CorpusPrompts;
use crate::workload::{Prompt, RequestSpec, Tokenizer, Workload};

/// Prompt and output tokens of each request of a trace, in its order, where the trace has them.
pub type TraceLengths = Arc<[(Option<u32>, Option<u32>)]>;

/// Where prompts come from, ready to be asked for.
pub enum Source {
    /// Prompts of exactly so many tokens.
    Corpus {
        /// Their maker.
        prompts: CorpusPrompts,
        /// Tokens of each prompt, unless a trace says otherwise.
        tokens: u32,
    },
    /// Prompts of exactly so many characters.
    Chars(CharPrompts),
    /// Texts or whole bodies of the user's own.
    Lines(Lines),
}

/// Makes all requests of a run.
pub struct Requests {
    /// The seed of every choice.
    pub seed: Seed,
    /// Where prompts come from.
    pub source: Source,
    /// One line on the source, for people.
    pub source_name: String,
    /// Counts prompts whose length is not known by construction. Without it they stay uncounted.
    pub counter: Option<Arc<dyn Tokenizer>>,
    /// Whether the run asks for chats.
    pub chat: bool,
    /// Put random numbers before the user's texts, so that no two are alike. (Other sources do so themselves.)
    pub randomize: bool,
    /// Whether the run asks for tokens to be generated.
    pub generates: bool,
    /// Tokens to generate.
    pub output: OutputLength,
    /// Lengths that take precedence.
    pub trace: Option<TraceLengths>,
    /// Images of the requests that have none of their own.
    pub images: Images,
    /// Where they stand.
    pub image_position: ImagePosition,
    /// Share of requests cancelled after their first token, 0 to 1.
    pub cancel_rate: f64,
}

/// A prompt, its images, and what is known of its lengths.
struct Asked {
    prompt: Prompt,
    images: Arc<[Bytes]>,
    prompt_tokens: Option<u32>,
    max_tokens: Option<u32>,
}

impl Workload for Requests {
    fn request(&self, id: RequestId) -> RequestSpec {
        let (input, output) = self.trace_row(id);
        let asked = self.ask(id, input);
        let max_tokens = asked.max_tokens.or(output).unwrap_or_else(|| self.output.sample(self.seed, id));
        // A server counts images as well, by rules of its own.
        let countable = asked.images.is_empty();
        RequestSpec {
            id,
            prompt: asked.prompt,
            max_tokens,
            prompt_tokens: asked.prompt_tokens.filter(|_| countable),
            images: asked.images,
            cancel: self.cancel_rate > 0.0
                && self.seed.keyed("cancel", id.0).random::<f64>() < self.cancel_rate,
        }
    }

    fn describe(&self) -> String {
        let mut text = self.source_name.clone();
        if self.randomize {
            text += " made unique by random numbers";
        }
        text += &self.images.describe();
        if self.generates {
            text += &format!(", {} tokens out", self.output);
        }
        if self.trace.is_some() {
            text += " where the trace gives no lengths";
        }
        if self.cancel_rate > 0.0 {
            text += &format!(", {} % cancelled after the first token", self.cancel_rate * 100.0);
        }
        text
    }

    fn inexact(&self) -> u64 {
        match &self.source {
            Source::Corpus { prompts, .. } => prompts.inexact(),
            _ => 0,
        }
    }
}

impl Requests {
    /// What the trace says of a request, if it goes that far. No request asks for 0 tokens because of a trace.
    fn trace_row(&self, id: RequestId) -> (Option<u32>, Option<u32>) {
        let row = usize::try_from(id.0).ok().and_then(|row| self.trace.as_ref()?.get(row).copied());
        let (input, output) = row.unwrap_or_default();
        (input, output.map(|tokens| tokens.max(1)))
    }

    fn ask(&self, id: RequestId, input: Option<u32>) -> Asked {
        match &self.source {
            Source::Corpus { prompts, tokens } => {
                let (text, tokens) = prompts.build(id, input.unwrap_or(*tokens));
                self.text(text, Some(tokens), self.images.of(id))
            }
            Source::Chars(prompts) => {
                let text = prompts.build(id);
                let tokens = self.count(&text);
                self.text(text, tokens, self.images.of(id))
            }
            Source::Lines(lines) => self.line(id, lines.choose(self.seed, id)),
        }
    }

    fn line(&self, id: RequestId, line: &Line) -> Asked {
        match line {
            Line::Prompt { text, images, tokens } => {
                let images = if images.is_empty() { self.images.of(id) } else { images.clone() };
                if self.randomize {
                    let text: Arc<str> = format!("{}{BREAK}{text}", random_numbers(self.seed, id)).into();
                    let tokens = self.count(&text);
                    return self.text(text, tokens, images);
                }
                let tokens = *tokens.get_or_init(|| self.count(text));
                self.text(text.clone(), tokens, images)
            }
            Line::Body { members, max_tokens } => Asked {
                prompt: Prompt::Members(members.clone()),
                images: Arc::default(),
                prompt_tokens: None,
                max_tokens: *max_tokens,
            },
        }
    }

    /// A prompt with a placeholder for each image, unless it has them already.
    fn text(&self, text: Arc<str>, prompt_tokens: Option<u32>, images: Arc<[Bytes]>) -> Asked {
        let place = !images.is_empty() && !text.contains(IMAGE_PLACEHOLDER);
        let text = if place { place_images(&text, images.len(), self.image_position).into() } else { text };
        Asked { prompt: Prompt::Text(text), images, prompt_tokens, max_tokens: None }
    }

    fn count(&self, text: &str) -> Option<u32> {
        u32::try_from(self.counter.as_ref()?.prompt_tokens(text, self.chat)).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::{Corpus, LengthShape, Pick};
    use crate::workload::CorpusOptions;
    use crate::workload::tokenizer::tests::Words;

    fn asking(source: Source) -> Requests {
        Requests {
            seed: Seed(5),
            source,
            source_name: "prompts".to_owned(),
            counter: Some(Arc::new(Words)),
            chat: true,
            generates: true,
            randomize: false,
            output: OutputLength::constant(128),
            trace: None,
            images: Images::default(),
            image_position: ImagePosition::SpaceEvenly,
            cancel_rate: 0.0,
        }
    }

    fn corpus(tokens: u32) -> Source {
        let options = CorpusOptions {
            corpus: Corpus::Verse,
            instruction: None,
            shared_prefix_tokens: 0,
            randomize: false,
            chat: true,
        };
        Source::Corpus { prompts: CorpusPrompts::new(&options, Arc::new(Words), Seed(5)), tokens }
    }

    fn lines(pick: Pick, json: &[&str]) -> Source {
        let lines = json.iter().map(|json| Line::parse(json, true).unwrap()).collect();
        Source::Lines(Lines::new(lines, pick).unwrap())
    }

    fn text(request: &RequestSpec) -> &str {
        match &request.prompt {
            Prompt::Text(text) => text,
            Prompt::Members(_) | Prompt::Payload(_) => panic!("a text was expected"),
        }
    }

    #[test]
    fn a_request_is_a_function_of_its_number() {
        let mut requests = asking(corpus(64));
        requests.output = OutputLength { mean: 100, shape: LengthShape::Normal, range: 0.3, cap: None };
        requests.cancel_rate = 0.5;
        let forwards: Vec<_> = (0..50).map(|id| requests.request(RequestId(id))).collect();
        let mut backwards: Vec<_> = (0..50).rev().map(|id| requests.request(RequestId(id))).collect();
        backwards.reverse();
        assert_eq!(forwards, backwards);
        assert!(forwards.iter().all(|request| request.prompt_tokens == Some(64)));
        assert_eq!(requests.inexact(), 0);
    }

    #[test]
    fn a_trace_takes_precedence_as_far_as_it_goes() {
        let mut requests = asking(corpus(64));
        requests.trace = Some([(Some(40), Some(7)), (None, None), (Some(100), Some(0))].into());
        let lengths = |id| {
            let request = requests.request(RequestId(id));
            (request.prompt_tokens, request.max_tokens)
        };
        assert_eq!(lengths(0), (Some(40), 7));
        assert_eq!(lengths(1), (Some(64), 128));
        assert_eq!(lengths(2), (Some(100), 1));
        assert_eq!(lengths(3), (Some(64), 128));
    }

    #[test]
    fn lines_cycle_or_are_drawn() {
        let json = [r#"{"prompt":"zero"}"#, r#"{"prompt":"one"}"#, r#"{"prompt":"two"}"#];
        let cycled = asking(lines(Pick::Cycle, &json));
        let drawn = asking(lines(Pick::Random, &json));
        let texts = |requests: &Requests| -> Vec<String> {
            (0..300).map(|id| text(&requests.request(RequestId(id))).to_owned()).collect()
        };
        assert_eq!(texts(&cycled)[..4], ["zero", "one", "two", "zero"]);
        let drawn = texts(&drawn);
        for word in ["zero", "one", "two"] {
            let times = drawn.iter().filter(|text| *text == word).count();
            assert!((60..140).contains(&times), "{word}: {times} of 300");
        }
    }

    #[test]
    fn a_body_keeps_its_own_length_and_images_stay_with_prompts() {
        let body = r#"{"messages":[{"role":"user","content":"a"}],"max_tokens":9}"#;
        let request = asking(lines(Pick::Cycle, &[body])).request(RequestId(0));
        assert_eq!((request.max_tokens, request.prompt_tokens), (9, None));
        assert!(matches!(request.prompt, Prompt::Members(_)));
    }

    #[test]
    fn images_get_placeholders_unless_the_prompt_has_them() {
        let json = [
            r#"{"prompt":"abcd"}"#,
            r#"{"prompt":"<image>ab","images":["x"]}"#,
            r#"{"prompt":"ab","images":["x"]}"#,
        ];
        let mut requests = asking(lines(Pick::Cycle, &json));
        requests.images = Images::same(vec![Bytes::from("one"), Bytes::from("two")]);
        let asked: Vec<_> = (0..3).map(|id| requests.request(RequestId(id))).collect();
        let texts: Vec<_> = asked.iter().map(text).collect();
        assert_eq!(texts, ["a<image>b<image>cd", "<image>ab", "a<image>b"]);
        assert_eq!(asked[2].images[..], [Bytes::from("x")]);
        assert!(asked.iter().all(|request| request.prompt_tokens.is_none()));
    }

    #[test]
    fn randomized_texts_are_all_different_and_counted() {
        let mut requests = asking(Source::Lines(Lines::same("How deep is the harbour?")));
        assert_eq!(requests.request(RequestId(3)).prompt_tokens, Some(12));
        requests.randomize = true;
        let asked: Vec<_> = (0..1000).map(|id| requests.request(RequestId(id))).collect();
        let distinct: std::collections::HashSet<_> = asked.iter().map(text).collect();
        assert_eq!(distinct.len(), 1000);
        assert!(asked.iter().all(|request| text(request).ends_with("How deep is the harbour?")));
        assert_eq!(asked[0].prompt_tokens, Some(12 + 4 + 2));
    }

    #[test]
    fn about_the_share_asked_for_is_cancelled() {
        let mut requests = asking(Source::Lines(Lines::same("a")));
        let cancelled =
            |requests: &Requests| (0..10_000).filter(|&id| requests.request(RequestId(id)).cancel).count();
        assert_eq!(cancelled(&requests), 0);
        requests.cancel_rate = 0.1;
        assert!((850..1150).contains(&cancelled(&requests)), "{}", cancelled(&requests));
        requests.cancel_rate = 1.0;
        assert_eq!(cancelled(&requests), 10_000);
    }

    #[test]
    fn it_says_what_it_asks() {
        let mut requests = asking(corpus(64));
        assert_eq!(requests.describe(), "prompts, 128 tokens out");
        requests.randomize = true;
        requests.images = Images::same(vec![Bytes::from("one"), Bytes::from("two")]);
        requests.cancel_rate = 0.05;
        assert_eq!(
            requests.describe(),
            "prompts made unique by random numbers, 2 images each, 128 tokens out, 5 % cancelled after the first token"
        );
    }
}
