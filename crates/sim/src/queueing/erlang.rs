//! Erlang's two formulas (A. K. Erlang, 1917), by a recursion that neither overflows nor cancels.

/// The share of arrivals that find all of `servers` busy and are lost (M/G/c/c; Erlang B): `offered` is the arrival
/// rate times the mean service time, 0 or more. Exact for any law of service times.
pub fn erlang_b(servers: u32, offered: f64) -> f64 {
    // B(0) = 1, B(k) = a B(k-1) / (k + a B(k-1)): for example Cooper, Introduction to Queueing Theory, 1981, ch. 3.
    (1..=servers).fold(1.0, |lost, k| offered * lost / (f64::from(k) + offered * lost))
}

/// The share of arrivals that find all of `servers` busy and wait (M/M/c; Erlang C). Exact for exponential service
/// times and `offered < servers`; 1 beyond, where the queue grows without end.
pub fn erlang_c(servers: u32, offered: f64) -> f64 {
    let utilisation = offered / f64::from(servers);
    if utilisation >= 1.0 {
        return 1.0;
    }
    let lost = erlang_b(servers, offered);
    lost / (1.0 - utilisation * (1.0 - lost))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_agree_with_the_printed_tables() {
        for (servers, offered, lost) in
            [(1, 1.0, 0.5), (2, 1.0, 0.2), (5, 3.0, 0.110_05), (10, 5.0, 0.018_385), (100, 100.0, 0.075_70)]
        {
            let ours = erlang_b(servers, offered);
            assert!((ours - lost).abs() < 5e-6, "B({servers}, {offered}) = {ours}");
        }
        // By hand from the defining sums: 9/14 and 4/9.
        for (servers, offered, waits) in
            [(1, 0.7, 0.7), (2, 1.5, 9.0 / 14.0), (3, 2.0, 4.0 / 9.0), (4, 4.5, 1.0)]
        {
            let ours = erlang_c(servers, offered);
            assert!((ours - waits).abs() < 1e-12, "C({servers}, {offered}) = {ours}");
        }
    }

    #[test]
    fn thousands_of_servers_do_not_overflow() {
        // Halfin and Whitt (1981) at beta = 1: a wait for [1 + Phi(1) / phi(1)]^-1 = 0.2234 of arrivals in the limit.
        let waits = erlang_c(10_000, 9_900.0);
        assert!((waits - 0.223).abs() < 0.005, "{waits}");
    }
}
