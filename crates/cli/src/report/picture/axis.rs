//! An axis of a chart: from values to pixels, and where its ticks are.

use crate::report::numbers::short;
use crate::report::page::{Axis, Scale};

/// Ticks of an even axis, about.
const TICKS: f64 = 6.0;

/// An axis whose values lie between two pixels.
pub(super) struct Ruler {
    scale: Scale,
    least: f64,
    most: f64,
    from: f64,
    to: f64,
}

impl Ruler {
    /// The ruler on which all of `values` find a place between the pixels `from` and `to`. An even axis begins at zero,
    /// unless it is one of time.
    pub(super) fn new(axis: &Axis, values: impl Iterator<Item = f64>, from: f64, to: f64) -> Self {
        let values =
            values.filter(|value| value.is_finite() && (axis.scale == Scale::Linear || *value > 0.0));
        let (least, most) =
            values.fold((f64::MAX, f64::MIN), |(least, most), value| (least.min(value), most.max(value)));
        let (least, most) = match axis.scale {
            _ if least > most => (1.0, 10.0),
            Scale::Linear => (least.min(0.0), if most > least.min(0.0) { most } else { 1.0 }),
            Scale::Log => (least / 1.15, (most * 1.15).max(least * 1.5)),
            Scale::Nines => (least, most.max(least * 1.5)),
        };
        Ruler { scale: axis.scale, least, most, from, to }
    }

    /// The pixel of a value.
    pub(super) fn at(&self, value: f64) -> f64 {
        let place = match self.scale {
            Scale::Linear => (value - self.least) / (self.most - self.least),
            Scale::Log | Scale::Nines => (value / self.least).ln() / (self.most / self.least).ln(),
        };
        self.from + place * (self.to - self.from)
    }

    /// The pixel of a value, or the nearest end of the axis.
    pub(super) fn within(&self, value: f64) -> f64 {
        let (low, high) = (self.from.min(self.to), self.from.max(self.to));
        let pixel = self.at(value);
        if pixel.is_nan() { self.from } else { pixel.clamp(low, high) }
    }

    /// Whether a value lies on the axis.
    pub(super) fn has(&self, value: f64) -> bool {
        (self.least..=self.most).contains(&value)
    }

    /// The ticks with their texts.
    pub(super) fn ticks(&self) -> Vec<(f64, String)> {
        let found: Vec<f64> = match self.scale {
            Scale::Linear => even(self.least, self.most),
            Scale::Log => powers(self.least, self.most),
            Scale::Nines => {
                [2.0, 4.0, 10.0, 20.0].into_iter().chain((2..8).map(|nines| 10_f64.powi(nines))).collect()
            }
        };
        let text = |value: f64| if self.scale == Scale::Nines { percentile(value) } else { plain(value) };
        found.into_iter().filter(|value| self.has(*value)).map(|value| (value, text(value))).collect()
    }
}

/// Round numbers at equal distances.
fn even(least: f64, most: f64) -> Vec<f64> {
    let rough = (most - least) / TICKS;
    let power = 10_f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .map(|step| step * power)
        .find(|step| *step >= rough)
        .unwrap_or(rough);
    let first = (least / step).ceil() as i64;
    (first..=(most / step).floor() as i64).map(|number| number as f64 * step).collect()
}

/// Powers of ten, and round numbers between them where there are only a few.
fn powers(least: f64, most: f64) -> Vec<f64> {
    let decades = (most / least).log10();
    let steps: &[f64] = match decades {
        ..1.5 => &[1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0],
        1.5..3.0 => &[1.0, 2.0, 5.0],
        _ => &[1.0],
    };
    let all = least.log10().floor() as i32..=most.log10().ceil() as i32;
    all.flat_map(|power| steps.iter().map(move |step| step * 10_f64.powi(power))).collect()
}

/// The percentile above which one in `place` lies.
fn percentile(place: f64) -> String {
    let nines = (place.log10() - 1e-9).ceil().max(1.0) as usize;
    let text = format!("{:.nines$}", 100.0 * (1.0 - 1.0 / place));
    format!("p{}", text.trim_end_matches('0').trim_end_matches('.'))
}

/// A number without zeros that say nothing: `0.5`, `20`, `1 500`.
fn plain(value: f64) -> String {
    let text = short(value);
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(scale: Scale, values: &[f64]) -> Vec<String> {
        let ruler = Ruler::new(&Axis::new("", scale), values.iter().copied(), 0.0, 100.0);
        ruler.ticks().into_iter().map(|(_, text)| text).collect()
    }

    #[test]
    fn ticks_are_round() {
        assert_eq!(texts(Scale::Linear, &[3.0, 47.0]), ["0", "10", "20", "30", "40"]);
        assert_eq!(
            texts(Scale::Log, &[11.0, 5_000.0]),
            ["10", "20", "50", "100", "200", "500", "1 000", "2 000", "5 000"]
        );
        assert_eq!(
            texts(Scale::Log, &[1.0, 1e6]),
            ["1", "10", "100", "1 000", "10 000", "100 000", "1 000 000"]
        );
        assert_eq!(texts(Scale::Nines, &[1.0, 5_000.0]), ["p50", "p75", "p90", "p95", "p99", "p99.9"]);
    }

    #[test]
    fn nothing_and_one_value_have_an_axis_too() {
        for (scale, values) in
            [(Scale::Linear, &[][..]), (Scale::Log, &[]), (Scale::Linear, &[0.0]), (Scale::Log, &[5.0])]
        {
            let ruler = Ruler::new(&Axis::new("", scale), values.iter().copied(), 0.0, 100.0);
            assert!(ruler.at(5.0).is_finite() && ruler.at(1.0).is_finite(), "{scale:?} {values:?}");
            assert!(!ruler.ticks().is_empty(), "{scale:?} {values:?}");
        }
    }
}
