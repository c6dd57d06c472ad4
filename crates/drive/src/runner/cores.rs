//! What the cores of this process did, and for whom: tells a client that shares its cores from one whose host is slow.

use std::fs;
use std::time::Duration;

use crate::clock;

/// The kernel's account of the cores on which the current thread may run, and of this process, at one moment.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Cores {
    /// Time that all processes used.
    used: Duration,
    /// Time that the host of a virtual machine took away.
    stolen: Duration,
    /// All time there was.
    total: Duration,
    /// Time that this process used, on any core.
    own: Duration,
}

/// What became of the cores between two moments, as shares of their time, 0 to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct CoreShares {
    /// Used by other processes.
    pub(super) others: f64,
    /// Taken by the host of a virtual machine.
    pub(super) stolen: f64,
}

impl Cores {
    /// Reads the account now. All zero where the kernel does not keep one.
    pub(super) fn now() -> Self {
        let own = Duration::from_nanos(clock::now(libc::CLOCK_PROCESS_CPUTIME_ID));
        let text = fs::read_to_string("/proc/stat").unwrap_or_default();
        Cores { own, ..Cores::read(&text, ticks_per_second(), may_run_on()) }
    }

    /// Adds up the lines `cpuN user nice system idle iowait irq softirq steal …` of the cores that `ours` holds.
    fn read(text: &str, ticks_per_second: u32, ours: impl Fn(usize) -> bool) -> Self {
        let mut sum = [0_u64; 8];
        for line in text.lines() {
            let mut words = line.split_ascii_whitespace();
            let Some(number) = words.next().and_then(|name| name.strip_prefix("cpu")?.parse().ok()) else {
                continue;
            };
            if ours(number) {
                sum.iter_mut().zip(words).for_each(|(sum, word)| *sum += word.parse().unwrap_or(0));
            }
        }
        let time = |ticks: u64| Duration::from_secs(ticks) / ticks_per_second.max(1);
        let [user, nice, system, _, _, _, _, steal] = sum;
        Cores {
            used: time(user + nice + system),
            stolen: time(steal),
            total: time(sum.iter().sum()),
            own: Duration::ZERO,
        }
    }

    /// What became of the cores since `earlier`. Own time spent on other cores makes `others` too small, never too large.
    pub(super) fn since(self, earlier: Cores) -> CoreShares {
        let total = self.total.saturating_sub(earlier.total).as_secs_f64();
        let own = self.own.saturating_sub(earlier.own);
        let others = self.used.saturating_sub(earlier.used).saturating_sub(own).as_secs_f64();
        let stolen = self.stolen.saturating_sub(earlier.stolen).as_secs_f64();
        let share = |time: f64| if total > 0.0 { (time / total).min(1.0) } else { 0.0 };
        CoreShares { others: share(others), stolen: share(stolen) }
    }
}

/// The unit of `/proc/stat`: 100 on every Linux that matters, but the kernel may say otherwise.
fn ticks_per_second() -> u32 {
    // SAFETY: the call takes no pointers.
    u32::try_from(unsafe { libc::sysconf(libc::_SC_CLK_TCK) }).unwrap_or(100)
}

/// On which cores the current thread may run; on all, if the kernel does not say.
fn may_run_on() -> impl Fn(usize) -> bool {
    // SAFETY: an all-zero set is a valid, empty set.
    let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    // SAFETY: the size is that of the set, which is valid for writing.
    let known = unsafe { libc::sched_getaffinity(0, size_of::<libc::cpu_set_t>(), &raw mut set) } == 0;
    move |core| {
        // SAFETY: the number is within the set.
        !known || (core < libc::CPU_SETSIZE as usize && unsafe { libc::CPU_ISSET(core, &set) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEFORE: &str = "cpu  9 9 9 9 9 9 9 9 0 0\n\
        cpu0 100 0 50 1000 0 0 0 10 0 0\n\
        cpu1 500 0 50 1000 7 0 3 20 0 0\n\
        intr 1 2 3\n";
    const AFTER: &str = "cpu  9 9 9 9 9 9 9 9 0 0\n\
        cpu0 900 0 250 1000 0 0 0 10 0 0\n\
        cpu1 530 5 75 1035 7 0 3 25 0 0\n";

    fn shares(ours: fn(usize) -> bool, own_millis: u64) -> CoreShares {
        let read = |text, own| Cores { own, ..Cores::read(text, 100, ours) };
        read(AFTER, Duration::from_millis(own_millis)).since(read(BEFORE, Duration::ZERO))
    }

    #[test]
    fn what_others_used_is_told_from_what_the_host_took() {
        // Core 1 had a second: 0.6 s used, 0.05 s stolen, 0.35 s idle.
        assert_eq!(shares(|core| core == 1, 200), CoreShares { others: 0.4, stolen: 0.05 });
        assert_eq!(shares(|core| core == 1, 700), CoreShares { others: 0.0, stolen: 0.05 });
        assert_eq!(shares(|core| core == 0, 0), CoreShares { others: 1.0, stolen: 0.0 });
        assert_eq!(shares(|_| false, 0), CoreShares::default());
    }

    #[test]
    fn this_machine_keeps_an_account() {
        let (before, now) = (Cores::default(), Cores::now());
        assert!(now.total > Duration::ZERO && now.own > Duration::ZERO);
        let shares = now.since(before);
        assert!((0.0..=1.0).contains(&shares.others) && (0.0..=1.0).contains(&shares.stolen), "{shares:?}");
    }
}
