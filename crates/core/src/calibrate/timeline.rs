//! What a server had in hand, as a function of time that can be asked at any moment.

/// A change of a [`Timeline`]: from `at` on it grows by `value + slope (t - at) + curve (t - at)²`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Change {
    /// When, seconds.
    pub(super) at: f64,
    /// By how much at once.
    pub(super) value: f64,
    /// And by how much a second from then on.
    pub(super) slope: f64,
    /// And by how much a second squared.
    pub(super) curve: f64,
}

/// A function of time, quadratic between changes and zero before the first. It includes the changes of its moment.
#[derive(Clone, Debug, Default)]
pub(super) struct Timeline {
    /// Value, slope and curve from each moment on.
    pieces: Vec<Change>,
}

impl Timeline {
    /// The sum of all changes, in any order.
    pub(super) fn of(mut changes: Vec<Change>) -> Self {
        changes.sort_by(|a, b| a.at.total_cmp(&b.at));
        let mut pieces: Vec<Change> = Vec::with_capacity(changes.len());
        let mut now = Change::default();
        for change in changes {
            let span = change.at - now.at;
            now = Change {
                at: change.at,
                value: now.value_after(span) + change.value,
                slope: now.slope + 2.0 * now.curve * span + change.slope,
                curve: now.curve + change.curve,
            };
            match pieces.last_mut().filter(|last| last.at == now.at) {
                Some(last) => *last = now,
                None => pieces.push(now),
            }
        }
        Timeline { pieces }
    }

    /// Its value at a moment.
    pub(super) fn at(&self, time: f64) -> f64 {
        let begun = self.pieces.partition_point(|piece| piece.at <= time);
        begun.checked_sub(1).map_or(0.0, |last| self.pieces[last].value_after(time - self.pieces[last].at))
    }

    /// The seconds so far at which its value, one that only jumps, was `level`.
    pub(super) fn time_at(&self, level: f64) -> Timeline {
        let mut changes = Vec::new();
        let mut slope = 0.0;
        for piece in &self.pieces {
            let wanted = f64::from(u8::from((piece.value - level).abs() < 0.5));
            if wanted != slope {
                changes.push(Change { at: piece.at, slope: wanted - slope, ..Change::default() });
                slope = wanted;
            }
        }
        Timeline::of(changes)
    }

    /// What it grows by after `from` and up to `to`.
    pub(super) fn growth(&self, from: f64, to: f64) -> f64 {
        self.at(to) - self.at(from)
    }
}

impl Change {
    fn value_after(&self, span: f64) -> f64 {
        self.value + span * (self.slope + span * self.curve)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(at: f64, value: f64, slope: f64, curve: f64) -> Change {
        Change { at, value, slope, curve }
    }

    #[test]
    fn changes_add_up_in_any_order() {
        // A jump of 2 at 1; a ramp of 3 a second from 2 to 4; a parabola t² from 4 to 6, ended with its slope.
        let changes = vec![
            change(4.0, 0.0, -3.0, 1.0),
            change(1.0, 2.0, 0.0, 0.0),
            change(6.0, 0.0, -4.0, -1.0),
            change(2.0, 0.0, 3.0, 0.0),
        ];
        let timeline = Timeline::of(changes);
        for (time, value) in
            [(0.0, 0.0), (1.0, 2.0), (1.9, 2.0), (3.0, 5.0), (4.0, 8.0), (5.0, 9.0), (6.0, 12.0), (9.0, 12.0)]
        {
            assert!((timeline.at(time) - value).abs() < 1e-12, "{time}: {}", timeline.at(time));
        }
        assert!((timeline.growth(3.0, 5.0) - 4.0).abs() < 1e-12);
        assert_eq!(Timeline::of(Vec::new()).at(5.0), 0.0);
    }

    #[test]
    fn time_at_a_level_is_counted() {
        let jumps = [(1.0, 1.0), (2.0, 1.0), (4.0, -1.0), (5.0, -1.0)];
        let timeline = Timeline::of(jumps.map(|(at, value)| change(at, value, 0.0, 0.0)).to_vec());
        let alone = timeline.time_at(1.0);
        assert_eq!([0.0, 1.5, 3.0, 4.5, 9.0].map(|at| alone.at(at)), [0.0, 0.5, 1.0, 1.5, 2.0]);
    }
}
