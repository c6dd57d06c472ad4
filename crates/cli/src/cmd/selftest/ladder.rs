//! How a ladder of loads is climbed: until a rung breaks.

use crate::stored::ceiling::Rung;

/// Streams at once, each with a token every 10 ms.
pub(super) const STREAMS: [u32; 9] = [50, 100, 200, 400, 600, 800, 1000, 1500, 2000];
/// Small requests per second.
pub(super) const RATES: [u32; 8] = [1000, 2000, 4000, 8000, 12_000, 16_000, 24_000, 32_000];

/// Climbs at most so many rungs, one after the other, and ends with the first that does not hold twice: one hiccup of the host
/// is no limit.
///
/// # Errors
/// A rung could not be tried.
pub(super) fn climb(
    ladder: &[u32],
    most: usize,
    mut step: impl FnMut(u32) -> anyhow::Result<Rung>,
) -> anyhow::Result<Vec<Rung>> {
    let mut climbed = Vec::new();
    for &load in ladder.iter().take(most) {
        let mut rung = step(load)?;
        if !rung.holds() {
            rung = step(load)?;
        }
        let holds = rung.holds();
        climbed.push(rung);
        if !holds {
            break;
        }
    }
    Ok(climbed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ladder_is_climbed_until_a_rung_breaks_or_it_is_enough() {
        let climbed = |breaks_at: u32, most: usize| -> Vec<u32> {
            let step = |load| {
                let broken = (load >= breaks_at).then(|| "too much".to_owned());
                Ok(Rung { load, reached: f64::from(load), error_p99_ms: None, broken, server_late: false })
            };
            climb(&STREAMS, most, step).unwrap().iter().map(|rung| rung.load).collect()
        };
        assert_eq!(climbed(300, usize::MAX), [50, 100, 200, 400]);
        assert_eq!(climbed(300, 2), [50, 100]);
        assert_eq!(climbed(u32::MAX, usize::MAX), STREAMS);
    }

    #[test]
    fn one_hiccup_ends_no_ladder() {
        let mut hiccups = 1;
        let step = |load| {
            let broken = (load == 100 && hiccups > 0).then(|| "late".to_owned());
            hiccups -= i32::from(broken.is_some());
            Ok(Rung { load, reached: 1.0, error_p99_ms: None, broken, server_late: false })
        };
        let climbed = climb(&STREAMS, 3, step).unwrap();
        assert_eq!(climbed.len(), 3);
        assert!(climbed.iter().all(Rung::holds));
    }
}
