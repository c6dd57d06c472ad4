//! The simulator against what theory says: a long seeded run must give the numbers of the closed forms.

#[cfg(test)]
mod batch;
#[cfg(test)]
mod fleet;
#[cfg(test)]
mod play;
#[cfg(test)]
mod soak;
