//! The binary as a user meets it, all in one test program.

#[cfg(test)]
mod run;
#[cfg(test)]
mod selftest;
