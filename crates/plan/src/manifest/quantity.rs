//! Numbers as manifests write them.

/// As a quantity of Kubernetes, to a thousandth: 14.5 is `14500m`.
pub(super) fn quantity(number: f64) -> String {
    let milli = (number * 1000.0).round();
    if milli % 1000.0 == 0.0 { format!("{}", milli / 1000.0) } else { format!("{milli}m") }
}

/// Down to a number that can be said: whole from 20 on, else with two significant digits.
pub(super) fn rounded_down(number: f64) -> f64 {
    if number <= 0.0 {
        return 0.0;
    }
    if number >= 20.0 {
        return number.floor();
    }
    let unit = 10.0_f64.powf(number.log10().floor() - 1.0);
    let rounded = (number / unit + 1e-9).floor() * unit;
    (rounded * 1e6).round() / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        for (number, text) in [(14.5, "14500m"), (48.0, "48"), (0.0625, "63m"), (1000.0, "1000")] {
            assert_eq!(quantity(number), text);
        }
        for (number, down) in
            [(48.9, 48.0), (14.57, 14.0), (4.87, 4.8), (0.0679, 0.067), (20.0, 20.0), (3.0, 3.0)]
        {
            assert_eq!(rounded_down(number), down);
        }
    }
}
