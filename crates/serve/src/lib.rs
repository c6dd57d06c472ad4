//! Everything that answers: the simulated endpoint, on a port or in process.

pub mod in_process;
pub mod sim;
