//! Replicas by Allen and Cunneen's formula.

use super::Service;
use crate::headroom::{Split, least};

/// The least replicas with which the wait at `rate` is no longer than it was at the certified load of one; nothing if none
/// are enough.
pub(super) fn replicas(service: &Service, rate: f64, arrival_cv: f64, split: Split) -> Option<u32> {
    let allowed = service.wait_allowed();
    let found = least(|replicas| {
        let wait = match split {
            Split::LeastInFlight => service.wait(replicas, rate, arrival_cv),
            Split::Random | Split::RoundRobin => {
                let scv = split.at_replica(arrival_cv * arrival_cv, replicas);
                service.wait(1, rate / f64::from(replicas), scv.sqrt())
            }
        };
        wait <= allowed * (1.0 + 1e-9)
    });
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::certified;

    #[test]
    fn replicas_alone_carry_what_one_carries_and_pooled_ones_more() {
        let service = Service::of(&certified(60.0, 62.0)).unwrap();
        for times in [1_u32, 7, 40] {
            let rate = f64::from(times) * 60.0;
            assert_eq!(replicas(&service, rate, 1.0, Split::Random), Some(times));
            assert!(replicas(&service, rate, 1.0, Split::LeastInFlight) <= Some(times));
        }
        let forty = replicas(&service, 2400.0, 1.0, Split::LeastInFlight);
        assert!(forty < Some(39) && forty > Some(35), "{forty:?}: between saturation and the certificate");
        assert!(replicas(&service, 2400.0, 4.0, Split::Random) >= Some(41));
    }
}
