//! Statistics of samples: moments, and a test against a distribution.

mod kolmogorov;
mod moments;

pub(crate) use kolmogorov::{kolmogorov_p_value, largest_distance};
pub(crate) use moments::Moments;
