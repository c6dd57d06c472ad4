//! Statistics of samples: moments, a test against a distribution, least squares.

mod kolmogorov;
mod moments;
mod mser;
mod normal;

pub(crate) use kolmogorov::{kolmogorov_p_value, largest_distance};
pub(crate) use moments::Moments;
pub(crate) use mser::mser5;
pub(crate) use normal::NormalEquations;
