//! Log probabilities that the server makes up: those of a token and of the words that follow it in the cycle.

use serde_json::{Map, Value, json};

use super::completion::Form;
use crate::sim::frames::{WORD, WORD_COUNT, token};

/// Log probability of the token itself; each alternative has one less. Together they stay below 1.
const FIRST: f64 = -0.5;

/// The member `logprobs` of a choice: tokens `from` to `from + count`, each with so many alternatives. `offset` is
/// where the first of them stands in the text, in characters.
pub(super) fn logprobs(form: Form, from: u32, count: u32, alternatives: u32, offset: usize) -> Value {
    match form {
        Form::Chat => chat(from, count, alternatives),
        Form::Text => text(from, count, alternatives, offset),
    }
}

fn chat(from: u32, count: u32, alternatives: u32) -> Value {
    let entry = |place: u32, rank: u32| {
        let word = token(place.wrapping_add(rank));
        json!({"token": word, "logprob": at_rank(rank), "bytes": word.as_bytes()})
    };
    let content = |place: u32| {
        let mut token = entry(place, 0);
        token["top_logprobs"] = ranks(alternatives).map(|rank| entry(place, rank)).collect();
        token
    };
    json!({"content": (from..from + count).map(content).collect::<Vec<Value>>()})
}

fn text(from: u32, count: u32, alternatives: u32, offset: usize) -> Value {
    let top = |place: u32| -> Map<String, Value> {
        let entry = |rank: u32| (token(place.wrapping_add(rank)).to_owned(), at_rank(rank).into());
        // vLLM names the sampled token even where no alternatives were asked for.
        ranks(alternatives.max(1)).map(entry).collect()
    };
    json!({
        "text_offset": (0..count as usize).map(|place| offset + place * WORD).collect::<Vec<_>>(),
        "token_logprobs": vec![FIRST; count as usize],
        "tokens": (from..from + count).map(token).collect::<Vec<_>>(),
        "top_logprobs": (from..from + count).map(top).collect::<Vec<_>>(),
    })
}

/// Ranks of the words of the cycle: the vocabulary has no more.
fn ranks(alternatives: u32) -> std::ops::Range<u32> {
    0..alternatives.min(WORD_COUNT)
}

fn at_rank(rank: u32) -> f64 {
    FIRST - f64::from(rank)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_say_the_same() {
        let chat = logprobs(Form::Chat, 15, 2, 2, 7);
        assert_eq!(chat["content"][0]["token"], " blue");
        assert_eq!(
            chat["content"][1]["top_logprobs"][1],
            json!({
                "token": " work", "logprob": -1.5, "bytes": [32, 119, 111, 114, 107],
            })
        );
        let text = logprobs(Form::Text, 15, 2, 2, 7);
        assert_eq!(
            text,
            json!({
                "text_offset": [7, 12], "token_logprobs": [-0.5, -0.5], "tokens": [" blue", " time"],
                "top_logprobs": [{" blue": -0.5, " time": -1.5}, {" time": -0.5, " work": -1.5}],
            })
        );
    }

    #[test]
    fn they_are_probabilities() {
        let entry = &logprobs(Form::Chat, 0, 1, 20, 0)["content"][0];
        let top = entry["top_logprobs"].as_array().unwrap();
        let sum: f64 = top.iter().map(|top| top["logprob"].as_f64().unwrap().exp()).sum();
        assert!(sum < 1.0, "{sum}");
        assert_eq!((top.len(), &top[0]["token"]), (16, &entry["token"]));
    }
}
