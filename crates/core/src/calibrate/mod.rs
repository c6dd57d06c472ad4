//! From the records of runs to the constants of a step-by-step model of the server: what it takes, and how sure that is.
//!
//! ```text
//!  records of a run --> ObservedRun --> rows: TTFT and TPOT as sums over steps --> Fit --> Constants
//!                            |                                                              |
//!                            '--> the simulator replays the run with these constants <------'
//!                                          |
//!                                 Comparison: measured beside predicted
//! ```

mod compare;
mod constants;
mod file;
mod fit;
mod observed;
mod rows;
mod slots;
mod timeline;

pub use compare::{Compared, Comparison, Quantity, compare};
pub use constants::{Constant, Constants};
pub use file::{CALIBRATION_SCHEMA, Calibration, CalibrationError, Interval, Limits, Source};
pub use fit::{Estimate, Fit, Identified, fit};
pub use observed::{ObservedRequest, ObservedRun, RunError, RunNotes};
pub use rows::StepLimits;
pub use slots::{Slots, slots};
