//! How much of its draft a server that decodes speculatively accepted, by position in the draft.

use crate::record::Record;
use crate::summary::Acceptance;

/// Positions that are kept; drafts are a handful of tokens long.
const MAX_POSITIONS: usize = 64;

/// Sums by position, of the `ok` requests of the measured window.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Speculation {
    positions: Vec<(u64, f64)>,
}

impl Speculation {
    pub(super) fn add(&mut self, record: &Record) {
        self.add_sums(record.acceptance.iter().take(MAX_POSITIONS).map(|&share| (1, share)));
    }

    pub(super) fn merge(&mut self, other: &Speculation) {
        self.add_sums(other.positions.iter().copied());
    }

    fn add_sums(&mut self, sums: impl Iterator<Item = (u64, f64)>) {
        for (position, (n, sum)) in sums.enumerate() {
            if position == self.positions.len() {
                self.positions.push((0, 0.0));
            }
            let mine = &mut self.positions[position];
            *mine = (mine.0 + n, mine.1 + sum);
        }
    }

    /// The mean over the requests that told a share for the position.
    pub(super) fn acceptance(&self) -> Vec<Acceptance> {
        let mean = |(index, &(n, sum)): (usize, &(u64, f64))| Acceptance {
            position: u32::try_from(index + 1).unwrap_or(u32::MAX),
            n,
            mean: sum / n as f64,
        };
        self.positions.iter().enumerate().map(mean).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Phase, RequestId};
    use crate::time::Offset;

    #[test]
    fn positions_have_their_own_means() {
        let record = |acceptance: &[f64]| Record {
            acceptance: acceptance.to_vec(),
            ..Record::due(RequestId(0), Phase::Measure, 0, Offset::ZERO)
        };
        let (mut one, mut other) = (Speculation::default(), Speculation::default());
        one.add(&record(&[0.8, 0.5]));
        one.add(&record(&[]));
        other.add(&record(&[0.6]));
        other.add(&record(&[1.0; 100]));
        one.merge(&other);
        let acceptance = one.acceptance();
        assert_eq!(acceptance.len(), MAX_POSITIONS);
        assert_eq!((acceptance[0].position, acceptance[0].n), (1, 3));
        assert!((acceptance[0].mean - 0.8).abs() < 1e-12);
        assert_eq!((acceptance[1].n, acceptance[1].mean), (2, 0.75));
        assert_eq!(Speculation::default().acceptance(), []);
    }
}
