//! Objectives from their text to their verdict.

mod binomial;
mod parse;
mod set;
