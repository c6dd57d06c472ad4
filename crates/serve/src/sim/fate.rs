//! What will befall a request: drawn from the seed and the request's index alone.

use rand::RngExt;

use super::options::SimOptions;

/// A fault that a request suffers, at most one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    Http500,
    Http429,
    StreamError,
    Truncate,
    Empty,
    WrongLength,
    WrongUsage,
    BadJson,
    BadChunk,
}

/// The order of [`SimOptions::fault_rates`].
const FAULTS: [Fault; 9] = [
    Fault::Http500,
    Fault::Http429,
    Fault::StreamError,
    Fault::Truncate,
    Fault::Empty,
    Fault::WrongLength,
    Fault::WrongUsage,
    Fault::BadJson,
    Fault::BadChunk,
];

/// What will befall one request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Fate {
    pub(crate) fault: Fault,
    /// Where in the answer a fault in its middle strikes, from 0 to 1.
    at: f64,
}

impl Fate {
    /// The fate of the request with this index. All draws are made always, so that one rate does not shift another's.
    pub(crate) fn draw(options: &SimOptions, index: u64) -> Self {
        let mut rng = options.seed.keyed("sim-faults", index);
        let mut lot: f64 = rng.random();
        let at = rng.random();
        for (fault, rate) in FAULTS.into_iter().zip(options.fault_rates()) {
            if lot < rate {
                return Fate { fault, at };
            }
            lot -= rate;
        }
        Fate { fault: Fault::None, at }
    }

    /// How many of the `asked` tokens are sent. A cut leaves at least the first one, and takes at least the last one
    /// when there are two.
    pub(crate) fn tokens_of(&self, asked: u32) -> u32 {
        match self.fault {
            _ if asked == 0 => 0,
            Fault::Empty => 0,
            Fault::StreamError | Fault::Truncate | Fault::WrongLength => {
                let cut = 1 + (self.at * f64::from(asked.saturating_sub(1))) as u32;
                cut.min(asked.saturating_sub(1)).max(1)
            }
            _ => asked,
        }
    }

    /// The number of tokens that the counts tell when so many were sent.
    pub(crate) fn told_of(&self, sent: u32) -> u32 {
        if self.fault == Fault::WrongUsage { sent.saturating_mul(2).saturating_add(1) } else { sent }
    }

    /// Whether a fault in the middle strikes the event that carries `count` tokens after the first `sent` of `all`.
    pub(crate) fn strikes(&self, sent: u32, count: u32, all: u32) -> bool {
        let place = (self.at * f64::from(all)) as u32;
        (sent..sent.saturating_add(count)).contains(&place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_have_their_shares_and_repeat() {
        let options = SimOptions::parse("error_rate=0.1&truncate_rate=0.2&seed=7").unwrap();
        let fates: Vec<Fate> = (0..10_000).map(|index| Fate::draw(&options, index)).collect();
        let share = |fault| fates.iter().filter(|fate| fate.fault == fault).count() as f64 / 10_000.0;
        for (fault, rate) in
            [(Fault::Http500, 0.1), (Fault::Truncate, 0.2), (Fault::None, 0.7), (Fault::Empty, 0.0)]
        {
            // Five standard deviations of a share of 10,000 draws are at most 0.025.
            assert!((share(fault) - rate).abs() < 0.025, "{fault:?}: {}", share(fault));
        }
        assert!(fates.iter().enumerate().all(|(index, fate)| *fate == Fate::draw(&options, index as u64)));
    }

    #[test]
    fn a_cut_leaves_something_and_takes_something() {
        for at in [0.0, 0.5, 0.999_999] {
            let fate = |fault| Fate { fault, at };
            for asked in 2..40 {
                let sent = fate(Fault::Truncate).tokens_of(asked);
                assert!((1..asked).contains(&sent), "{sent} of {asked}");
            }
            assert_eq!(fate(Fault::WrongLength).tokens_of(1), 1);
            assert_eq!(fate(Fault::Empty).tokens_of(9), 0);
            assert_eq!(fate(Fault::None).tokens_of(9), 9);
        }
    }

    #[test]
    fn a_fault_in_the_middle_strikes_exactly_one_event() {
        for at in [0.0, 0.5, 0.999_999] {
            let fate = Fate { fault: Fault::BadJson, at };
            for (all, size) in [(1, 1), (10, 1), (10, 3)] {
                let struck = (0..all).step_by(size as usize).filter(|sent| fate.strikes(*sent, size, all));
                assert_eq!(struck.count(), 1, "{at} {all} {size}");
            }
        }
    }
}
