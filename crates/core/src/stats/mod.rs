//! Statistics of samples and series: moments, ranks, tests, change points, least squares.

mod change_points;
mod kolmogorov;
mod mann_whitney;
mod moments;
mod mser;
mod normal;
mod rank;
mod trend;

pub use change_points::{ChangePoint, ChangePointOptions, change_points};
pub(crate) use kolmogorov::{kolmogorov_p_value, largest_distance};
pub use mann_whitney::larger_p_value;
pub(crate) use moments::Moments;
pub(crate) use mser::mser5;
pub(crate) use normal::NormalEquations;
pub use rank::median;
pub use trend::{TREND_MAX, TREND_MIN, Trend, trend};
