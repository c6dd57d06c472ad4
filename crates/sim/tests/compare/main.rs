//! What is promised of a comparison of runs, on simulated servers.

#[cfg(test)]
mod proof;
