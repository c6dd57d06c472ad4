//! A calibrated server as a file: what it takes to simulate it, and where the numbers come from.

use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::constants::{Constant, Constants};
use super::fit::{Fit, Identified};

/// The version of the form of [`Calibration`].
pub const CALIBRATION_SCHEMA: &str = "plimsoll.calibration/1";

/// A calibrated server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    /// The version of this form: [`CALIBRATION_SCHEMA`].
    pub schema: String,
    /// The model that answered.
    pub model: String,
    /// What the scheduler allows. The names are vLLM's.
    pub limits: Limits,
    /// How long things take, seconds.
    pub constants: Constants,
    /// Where all that comes from. It changes nothing in the simulation.
    pub source: Source,
}

/// What the scheduler allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Most requests in a step.
    pub max_num_seqs: NonZeroU32,
    /// Most tokens in a step.
    pub max_num_batched_tokens: NonZeroU32,
    /// Most tokens of a request, prompt and answer together.
    pub max_model_len: NonZeroU32,
    /// Blocks of the KV cache.
    pub kv_blocks: NonZeroU32,
    /// Tokens in a block.
    pub block_size: NonZeroU32,
}

/// Where a [`Calibration`] comes from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// The results folders it was fitted to.
    pub runs: Vec<String>,
    /// Requests that were used.
    pub requests: usize,
    /// Median of the relative errors of TTFT of these requests.
    pub ttft_error: f64,
    /// The same of TPOT.
    pub tpot_error: f64,
    /// What the runs say of each constant.
    pub intervals: Vec<Interval>,
}

/// The 95 % interval of a constant.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Interval {
    /// Which.
    pub constant: Constant,
    /// Lower end, seconds.
    pub low: f64,
    /// Upper end, seconds.
    pub high: f64,
    /// Whether the runs determine it.
    pub identified: bool,
}

/// A calibration that cannot be used.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum CalibrationError {
    /// Of another version.
    #[error(
        "its schema is `{0}`, and this version reads `{CALIBRATION_SCHEMA}`: calibrate again, or use the version that wrote it"
    )]
    Schema(String),
    /// A time that is negative or not a number.
    #[error("constants.{} is {value}, but must be 0 s or more", constant.name())]
    Constant {
        /// Which.
        constant: Constant,
        /// Its value, seconds.
        value: f64,
    },
}

impl Calibration {
    /// What a fit found, with the limits that the server has.
    pub fn of(model: &str, runs: Vec<String>, limits: Limits, constants: Constants, fit: &Fit) -> Self {
        let intervals = fit.estimates.iter().map(|estimate| Interval {
            constant: estimate.constant,
            low: estimate.low,
            high: estimate.high,
            identified: estimate.identified == Identified::Well,
        });
        Calibration {
            schema: CALIBRATION_SCHEMA.to_owned(),
            model: model.to_owned(),
            limits,
            constants,
            source: Source {
                runs,
                requests: fit.requests,
                ttft_error: fit.ttft_error,
                tpot_error: fit.tpot_error,
                intervals: intervals.collect(),
            },
        }
    }

    /// Whether it can be simulated.
    ///
    /// # Errors
    /// It is of another version, or a constant makes no sense.
    pub fn check(&self) -> Result<(), CalibrationError> {
        if self.schema != CALIBRATION_SCHEMA {
            return Err(CalibrationError::Schema(self.schema.clone()));
        }
        for constant in Constant::ALL {
            let value = self.constants.get(constant);
            if !(value.is_finite() && value >= 0.0) {
                return Err(CalibrationError::Constant { constant, value });
            }
        }
        Ok(())
    }

    /// The `sim://` target of a server like it. What a request takes outside the steps has no place there.
    pub fn sim_target(&self) -> String {
        let Limits { max_num_seqs, max_num_batched_tokens, max_model_len, kv_blocks, block_size } =
            self.limits;
        let constants = &self.constants;
        // A preset says what kind of server it is; each of its figures is replaced.
        format!(
            "sim://{SIM_BASE}?max_num_seqs={max_num_seqs}&max_num_batched_tokens={max_num_batched_tokens}\
             &max_model_len={max_model_len}&block_size={block_size}&kv_blocks={kv_blocks}&prefix_caching=false\
             &step_fixed={:e}&step_batched={:e}&step_per_sequence={:e}&step_per_context_token={:e}&step_per_prefill_token={:e}\
             &step_per_prefill_pair={:e}",
            rounded(constants.fixed),
            rounded(constants.batched),
            rounded(constants.per_sequence),
            rounded(constants.per_context_token),
            rounded(constants.per_prefill_token),
            rounded(constants.per_prefill_pair),
        )
    }
}

/// The preset that [`Calibration::sim_target`] begins with: a dense model.
const SIM_BASE: &str = "llama-3-8b-h100";

/// To four significant digits: more are not known.
fn rounded(value: f64) -> f64 {
    format!("{value:.3e}").parse().unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calibration() -> Calibration {
        let whole = |value| NonZeroU32::new(value).expect("not zero");
        let limits = Limits {
            max_num_seqs: whole(8),
            max_num_batched_tokens: whole(2048),
            max_model_len: whole(32768),
            kv_blocks: whole(16384),
            block_size: whole(16),
        };
        let constants = Constants {
            per_request: 0.002,
            fixed: 0.00712345,
            per_prefill_token: 3.6e-5,
            ..Constants::default()
        };
        let interval = Interval { constant: Constant::Fixed, low: 0.007, high: 0.0072, identified: true };
        let source = Source { runs: vec!["low".to_owned()], intervals: vec![interval], ..Source::default() };
        Calibration {
            schema: CALIBRATION_SCHEMA.to_owned(),
            model: "m".to_owned(),
            limits,
            constants,
            source,
        }
    }

    #[test]
    fn what_is_written_is_read_and_nothing_unknown() {
        let written = serde_json::to_value(calibration()).unwrap();
        assert_eq!(serde_json::from_value::<Calibration>(written.clone()).unwrap(), calibration());
        let mut typo = written;
        typo["limits"]["max_num_seq"] = 4.into();
        let error = serde_json::from_value::<Calibration>(typo).unwrap_err().to_string();
        assert!(error.contains("unknown field `max_num_seq`"), "{error}");
    }

    #[test]
    fn nonsense_is_refused() {
        assert_eq!(calibration().check(), Ok(()));
        let mut later = calibration();
        later.schema = "plimsoll.calibration/2".to_owned();
        assert!(later.check().unwrap_err().to_string().contains("reads `plimsoll.calibration/1`"));
        for value in [-1.0, f64::NAN, f64::INFINITY] {
            let mut wrong = calibration();
            wrong.constants.per_prefill_pair = value;
            let error = wrong.check().unwrap_err().to_string();
            assert!(error.starts_with("constants.per_prefill_pair is "), "{error}");
        }
    }

    #[test]
    fn the_target_has_every_figure() {
        assert_eq!(
            calibration().sim_target(),
            "sim://llama-3-8b-h100?max_num_seqs=8&max_num_batched_tokens=2048&max_model_len=32768&block_size=16\
             &kv_blocks=16384&prefix_caching=false&step_fixed=7.123e-3&step_batched=0e0&step_per_sequence=0e0\
             &step_per_context_token=0e0&step_per_prefill_token=3.6e-5&step_per_prefill_pair=0e0"
        );
    }
}
