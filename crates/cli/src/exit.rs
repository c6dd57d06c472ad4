//! What the process tells its caller: the exit codes, and the errors that end it early.

use std::process::ExitCode;

use plimsoll_core::summary::Summary;
use thiserror::Error;

/// Exit codes (METRICS: Exit codes).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// The run passed.
    Passed = 0,
    /// The run itself failed: target unreachable, failure ratio above the limit, disk full.
    Failed = 1,
    /// Bad usage or configuration.
    Usage = 2,
    /// The measurement is INVALID: the client measured itself.
    Invalid = 3,
    /// An objective was missed (k6's code, so that CI recipes carry over).
    ObjectiveMissed = 99,
    /// Interrupted twice; a search for a capacity, at all.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}

/// The exit code that the results of a run deserve.
pub(crate) fn code_of(summary: &Summary, max_fail_ratio: f64, exit_code_on_error: u8) -> u8 {
    let (failed, total) = (summary.counts.total_failed, summary.counts.total);
    if total == 0 {
        Exit::Failed as u8 // nothing was asked, so nothing passed
    } else if failed as f64 / total as f64 > max_fail_ratio && exit_code_on_error != 0 {
        exit_code_on_error
    } else if !summary.validity.valid {
        Exit::Invalid as u8
    } else if summary.missed() {
        Exit::ObjectiveMissed as u8
    } else {
        Exit::Passed as u8
    }
}

/// Something typed or configured that cannot be used: says what, where, and what to do instead.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("{0}")]
pub(crate) struct UsageError(pub(crate) String);

/// The user had enough before there was anything to report.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("interrupted before the first trial: there is nothing to report")]
pub(crate) struct NothingYet;

/// Ends a function with a [`UsageError`] whose text is formatted like `format!`.
macro_rules! refuse {
    ($($text:tt)*) => {
        return Err($crate::exit::UsageError(format!($($text)*)))
    };
}
pub(crate) use refuse;

#[cfg(test)]
mod tests {
    use super::*;
    use plimsoll_core::slo::Verdict;

    use crate::report::fixture;

    #[test]
    fn results_get_the_exit_code_they_deserve() {
        assert_eq!(code_of(&fixture::valid(), 0.01, 1), 0);
        assert_eq!(code_of(&fixture::valid(), 0.005, 1), 1);
        assert_eq!(code_of(&fixture::valid(), 0.0, 0), 0);
        assert_eq!(code_of(&fixture::invalid(), 0.01, 1), 3);
        assert_eq!(code_of(&fixture::nothing_answered(), 0.01, 1), 1);
        assert_eq!(code_of(&Summary::default(), 0.01, 1), 1);
        for (verdict, expected) in [(Verdict::Pass, 0), (Verdict::Undecided, 0), (Verdict::Fail, 99)] {
            let mut judged = fixture::judged();
            judged.slos.truncate(1);
            judged.slos[0].verdict = verdict;
            assert_eq!(code_of(&judged, 0.01, 1), expected, "{verdict:?}");
            judged.validity.valid = false;
            assert_eq!(code_of(&judged, 0.01, 1), 3, "INVALID wins over {verdict:?}");
        }
        let mut overloaded = fixture::judged();
        overloaded.slos.truncate(1);
        overloaded.validity.overloaded = true;
        assert_eq!(code_of(&overloaded, 0.01, 1), 99);
        let mut stopped = fixture::valid();
        stopped.run.stopped_by = Some("error_rate>5% over 10s: 6.0 % of 100 requests".to_owned());
        assert_eq!(code_of(&stopped, 0.01, 1), 99);
    }
}
