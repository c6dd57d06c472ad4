//! Everything that answers: the simulated endpoint.

pub mod sim;
