//! Everything that answers: the simulated endpoint.
