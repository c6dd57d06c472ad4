//! Whether a model fits into the memory of an instance type, at the concurrency asked for.

use plimsoll_sim::llm::{GIB, Overheads, Physics};
use plimsoll_sim::presets::{ACCELERATORS, MODELS, accelerator, model};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::prices::{Instance, PriceBook};

/// Tokens of a step that activations are computed for: vLLM's default on a large accelerator.
const STEP_TOKENS: u32 = 8192;

/// What is to fit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FitQuestion {
    /// A model as in `plimsoll sim --list`: `llama-3.1-70b`.
    pub model: String,
    /// Requests in flight at one replica.
    pub in_flight: u32,
    /// Tokens of each, prompt and answer.
    pub tokens: u32,
}

/// Whether it fits into one instance type. Memory in GiB.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fit {
    /// The type.
    pub instance: String,
    /// Its accelerators, in words.
    pub accelerators: String,
    /// All their memory.
    pub memory: f64,
    /// The weights.
    pub weights: f64,
    /// Keys and values of all requests in flight.
    pub kv: f64,
    /// What the serving software takes besides, and leaves free.
    pub other: f64,
    /// Whether all of it fits.
    pub fits: bool,
    /// The most requests of that length that fit.
    pub most_in_flight: u32,
}

/// A question that cannot be answered.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum FitError {
    /// The model is not known.
    #[error("the model `{name}` is not known: `plimsoll sim --list` shows {}", models())]
    Model {
        /// What was asked for.
        name: String,
    },
    /// The accelerator of an instance type is not known.
    #[error(
        "`{instance}` has the accelerator `{accelerator}`, which is not known: the price book may say {}",
        accelerators()
    )]
    Accelerator {
        /// The type.
        instance: String,
        /// Its accelerator.
        accelerator: String,
    },
    /// No instance type says what it has.
    #[error(
        "no instance type of the price book says which accelerator it has: add accelerator = \"h100\" to it"
    )]
    NoAccelerators,
}

fn models() -> String {
    MODELS.iter().map(|model| model.name).collect::<Vec<_>>().join(", ")
}

fn accelerators() -> String {
    ACCELERATORS.iter().map(|each| each.name).collect::<Vec<_>>().join(", ")
}

/// Looks at every type of the price book that says which accelerators it has.
///
/// # Errors
/// The model or an accelerator is not known, or no type says what it has.
pub fn fit(question: &FitQuestion, book: &PriceBook) -> Result<Vec<Fit>, FitError> {
    let Some(found) = model(&question.model) else {
        return Err(FitError::Model { name: question.model.clone() });
    };
    let mut all = Vec::new();
    for instance in &book.instance {
        let Some(name) = &instance.accelerator else { continue };
        let Some(kind) = accelerator(name) else {
            return Err(FitError::Accelerator { instance: instance.name.clone(), accelerator: name.clone() });
        };
        let count = (instance.accelerators / instance.replicas).max(1);
        let overheads = Overheads::vllm(found, count, STEP_TOKENS);
        let physics = Physics { model: *found, accelerator: *kind, accelerators: count, overheads };
        all.push(row(question, instance, &physics));
    }
    if all.is_empty() { Err(FitError::NoAccelerators) } else { Ok(all) }
}

fn row(question: &FitQuestion, instance: &Instance, physics: &Physics) -> Fit {
    let memory = physics.accelerator.memory * f64::from(physics.accelerators);
    let weights = physics.model.weight_bytes();
    let each = physics.kv_bytes_per_token() * f64::from(question.tokens);
    let room = physics.kv_bytes();
    let count = physics.accelerators;
    Fit {
        instance: instance.name.clone(),
        accelerators: match count {
            1 => physics.accelerator.name.to_owned(),
            _ => format!("{count} x {}", physics.accelerator.name),
        },
        memory: memory / GIB,
        weights: weights / GIB,
        kv: each * f64::from(question.in_flight) / GIB,
        other: (memory - weights - room) / GIB,
        fits: each * f64::from(question.in_flight) <= room,
        most_in_flight: (room / each).max(0.0) as u32,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::instance;

    fn book(kinds: &[(&str, u32)]) -> PriceBook {
        let of = |(kind, count): &(&str, u32)| Instance {
            accelerator: Some((*kind).to_owned()),
            accelerators: *count,
            ..instance(&format!("{count}x{kind}"), 1.0)
        };
        PriceBook {
            version: 1,
            currency: "USD".to_owned(),
            as_of: "2026-11-22".to_owned(),
            instance: kinds.iter().map(of).collect(),
        }
    }

    #[test]
    fn weights_and_keys_and_values_must_fit_together() {
        let question = FitQuestion { model: "llama-3.1-8b".to_owned(), in_flight: 64, tokens: 2048 };
        let all = fit(&question, &book(&[("l4", 1), ("h100", 1), ("h100", 8)])).unwrap();
        // 8.03e9 parameters of 2 bytes; 131,072 bytes a token (research: Llama-3-8B), 16 GiB for 64 x 2048.
        assert!((all[0].weights - 14.957).abs() < 1e-2 && (all[0].kv - 16.0).abs() < 1e-9, "{:?}", all[0]);
        assert_eq!(all.iter().map(|each| each.fits).collect::<Vec<_>>(), [false, true, true]);
        assert!((200..=215).contains(&all[1].most_in_flight), "434k tokens: {:?}", all[1]);
        let large = FitQuestion { model: "llama-3.1-70b".to_owned(), ..question };
        let all = fit(&large, &book(&[("h100", 1), ("h100", 4)])).unwrap();
        assert_eq!((all[0].fits, all[0].most_in_flight), (false, 0), "the weights alone are too much");
        assert!(all[1].fits);
    }

    #[test]
    fn what_is_not_known_is_refused_with_what_is() {
        let question = FitQuestion { model: "gpt-9".to_owned(), in_flight: 1, tokens: 1 };
        let error = fit(&question, &book(&[("h100", 1)])).unwrap_err().to_string();
        assert!(
            error.starts_with("the model `gpt-9` is not known") && error.contains("llama-3-8b"),
            "{error}"
        );
        let known = FitQuestion { model: "llama-3-8b".to_owned(), ..question };
        let error = fit(&known, &book(&[("tpu", 1)])).unwrap_err().to_string();
        assert!(error.starts_with("`1xtpu` has the accelerator `tpu`, which is not known"), "{error}");
        let none = PriceBook { instance: vec![instance("x", 1.0)], ..book(&[]) };
        assert_eq!(fit(&known, &none), Err(FitError::NoAccelerators));
    }
}
