//! The simulator against what theory says: a long seeded run must give the numbers of the closed forms.

mod batch;
mod play;
