//! From records to a summary: distributions, rates, verdicts.
