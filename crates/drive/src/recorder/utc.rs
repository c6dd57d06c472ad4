//! Wall time as people and folders write it: UTC, to the second.

use std::time::Duration;

/// RFC 3339 of a wall time since the Unix epoch: `2026-11-22T06:14:33Z`.
pub fn rfc3339(wall: Duration) -> String {
    let Civil { year, month, day, hour, minute, second } = civil(wall);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// The same for names of files, without colons: `2026-11-22T06-14-33Z`.
pub(super) fn for_file_name(wall: Duration) -> String {
    rfc3339(wall).replace(':', "-")
}

struct Civil {
    year: u64,
    month: u64,
    day: u64,
    hour: u64,
    minute: u64,
    second: u64,
}

/// The civil date of a moment, by Howard Hinnant's `civil_from_days` (chrono-compatible low-level date algorithms):
/// years begin in March, so that the leap day is the last of its year.
fn civil(wall: Duration) -> Civil {
    let seconds = wall.as_secs();
    let days = seconds / 86_400 + 719_468; // since 1 March of year 0
    let era = days / 146_097;
    let day_of_era = days % 146_097;
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153; // months since March
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    Civil {
        year: era * 400 + year_of_era + u64::from(month <= 2),
        month,
        day: day_of_year - (153 * shifted + 2) / 5 + 1,
        hour: seconds / 3_600 % 24,
        minute: seconds / 60 % 60,
        second: seconds % 60,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_moments() {
        for (seconds, expected) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_709_251_199, "2024-02-29T23:59:59Z"),
            (1_709_251_200, "2024-03-01T00:00:00Z"),
            (1_795_328_073, "2026-11-22T06:14:33Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(rfc3339(Duration::from_secs(seconds)), expected);
        }
        assert_eq!(for_file_name(Duration::from_secs(1_795_328_073)), "2026-11-22T06-14-33Z");
    }
}
