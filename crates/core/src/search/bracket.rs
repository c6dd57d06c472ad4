//! Between which loads the capacity of a tier lies, and which load to look at next.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use super::crossing::{Seen, crossing};
use super::grid::Grid;
use super::standing::{Sign, Standing};

/// The factor by which loads grow until one fails.
const WIDENING: f64 = 2.0;
/// A bracket of so many precisions or less is closed by evidence; a wider one is halved by looks.
const FINE: f64 = 3.0;
/// Where evidence is looked for, in precisions below and above where the capacity seems to be: nearer it is dear, and
/// farther away it would not be near enough.
const BELOW: [f64; 3] = [0.63, 0.42, 0.2];
const ABOVE: [f64; 3] = [0.5, 0.9, 1.4];

/// So many precisions below where the capacity seems to be, a load that passes is an answer, if not the best.
const IN_HAND: f64 = 2.0;

/// All loads of a tier that were tried, by their numbers.
pub(super) type Points = BTreeMap<i32, Standing>;

/// What a tier wants next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Want {
    /// A look at the load with this number.
    Look(i32),
    /// Evidence at this load.
    Decide(i32),
    /// Nothing: the search of this tier is over.
    Nothing,
}

/// What is known of the capacity of a tier, by numbers of loads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// The largest load that passes below all that fail.
    pub(super) pass: Option<i32>,
    /// The smallest load that fails.
    pub(super) fail: Option<i32>,
    /// The smallest load that this client cannot put on the server, if none fails below it.
    pub(super) too_much: Option<i32>,
}

impl Found {
    pub(super) fn of(points: &Points) -> Self {
        let first = |sign| points.iter().find(|(_, point)| point.sign == sign).map(|(&index, _)| index);
        // A load that passes above one that fails is a fluke, or the failure was: the lower one is believed (RFC 9971).
        let fail = first(Sign::Fail);
        let below = points.range(..fail.unwrap_or(i32::MAX));
        let pass = below.filter(|(_, point)| point.sign == Sign::Pass).map(|(&index, _)| index).next_back();
        let too_much = first(Sign::TooMuch).filter(|&index| fail.is_none_or(|fail| index < fail));
        Found { pass, fail, too_much }
    }
}

/// What to try next; `hurried` where any answer is better than the best.
pub(super) fn want(points: &Points, grid: &Grid, hurried: bool) -> Want {
    let good = |sign| matches!(sign, Sign::Pass | Sign::Good);
    let pass = Found::of(points).pass;
    let above = points.range(pass.map_or(i32::MIN, |pass| pass + 1)..);
    let bad = above.clone().find(|(_, point)| !good(point.sign)).map(|(&index, point)| (index, point.sign));
    let below = points.range(..bad.map_or(i32::MAX, |(index, _)| index));
    let good =
        below.filter(|(_, point)| good(point.sign)).map(|(&index, point)| (index, point.sign)).next_back();
    let stride = grid.steps(WIDENING);
    match (good, bad) {
        (None, None) => Want::Look(grid.first()),
        (None, Some((bad, _))) if bad > grid.min => Want::Look((bad - stride).max(grid.min)),
        (None, Some((bad, Sign::Bad))) => Want::Decide(bad),
        (Some((good, _)), None) if good < grid.max => Want::Look((good + stride).min(grid.max)),
        (Some((good, Sign::Good)), None) => Want::Decide(good),
        (Some((good, _)), Some((bad, _))) => between(points, good, bad, grid, hurried),
        _ => Want::Nothing,
    }
}

/// Within a bracket: halves it, or looks for evidence on both sides of where the capacity seems to be.
fn between(points: &Points, good: i32, bad: i32, grid: &Grid, hurried: bool) -> Want {
    let Found { pass, fail, too_much } = Found::of(points);
    if grid.ratio(good, bad) > FINE * grid.precision() && bad - good > 1 {
        return Want::Look(good + (bad - good) / 2);
    }
    let seems = guess(points, pass.unwrap_or(good), fail.or(too_much).unwrap_or(bad), grid);
    let near_enough =
        |index: i32, share: f64| (seems - grid.load(index).ln()).abs() <= share * grid.precision();
    let closed = pass.zip(fail.or(too_much)).is_some_and(|(pass, fail)| fail - pass <= 1);
    let lower =
        closed || pass.is_some_and(|pass| near_enough(pass, BELOW[0]) || grid.load(pass).ln() > seems);
    // Between the ends that are known; a failure found by a look alone is no end.
    let bottom = pass.map_or(grid.min, |pass| pass + 1);
    let top = fail.or(too_much).map_or(grid.max, |fail| fail - 1);
    if !lower {
        let [far, usual, near] = BELOW.map(|share| (seems - share * grid.precision()).exp());
        let range = [grid.from(far).max(bottom), grid.up_to(near).min(top)];
        // In a hurry, while nothing near passes, a load that seems to fail is not worth the time: a lower one gives an
        // answer sooner. (Without a hurry it is: whoever leaves those loads out errs downwards.)
        let in_hand = pass.is_some_and(|pass| near_enough(pass, IN_HAND));
        let worth = |point: &Standing| !hurried || in_hand || point.sign == Sign::Good;
        let untried = grid.index(usual).clamp(grid.min, top.max(grid.min));
        return open(points, range, untried, -1, bottom..=top, worth);
    }
    let upper = closed || too_much.is_some() || fail.is_some_and(|fail| near_enough(fail, ABOVE[2]));
    if !upper {
        let [near, usual, far] = ABOVE.map(|share| (seems + share * grid.precision()).exp());
        let range = [grid.from(near).max(bottom), grid.up_to(far).min(top)];
        return open(points, range, grid.from(usual).max(bottom), 1, bottom..=top, |_| true);
    }
    Want::Nothing
}

/// A load that can still be decided and is worth it: the one within `range` that has most evidence already, else `untried`,
/// or the next one farther out if that is neither.
fn open(
    points: &Points,
    range: [i32; 2],
    untried: i32,
    outwards: i32,
    possible: RangeInclusive<i32>,
    worth: impl Fn(&Standing) -> bool,
) -> Want {
    let undecided = |point: &Standing| matches!(point.sign, Sign::Good | Sign::Bad) && worth(point);
    if range[0] <= range[1] {
        let begun = points.range(range[0]..=range[1]).filter(|(_, point)| undecided(point));
        if let Some((&index, _)) = begun.max_by(|a, b| a.1.seconds.total_cmp(&b.1.seconds)) {
            return Want::Decide(index);
        }
    }
    let mut index = untried;
    while possible.contains(&index) {
        match points.get(&index) {
            Some(point) if !undecided(point) => index += outwards,
            _ => return Want::Decide(index),
        }
    }
    Want::Nothing
}

/// The logarithm of the load at which the first objective seems to be missed, between a load that is or seems good and one
/// that is or seems bad. Where the line through the misses leaves that bracket, as at a sudden knee, it is the middle.
fn guess(points: &Points, good: i32, bad: i32, grid: &Grid) -> f64 {
    let (low, high) = (grid.load(good).ln(), grid.load(bad).ln());
    let reach = FINE * grid.precision();
    let objectives = points.values().map(|point| point.pressures.len()).max().unwrap_or(0);
    let crossings = (0..objectives).filter_map(|objective| {
        let seen = points.iter().filter_map(|(&index, point)| {
            let &(pressure, weight) = point.pressures.get(objective)?;
            Some(Seen { at: grid.load(index).ln(), pressure, weight: weight * kernel(pressure) })
        });
        let near: Vec<Seen> = seen.filter(|one| (low - reach..=high + reach).contains(&one.at)).collect();
        crossing(&near)
    });
    let middle = f64::midpoint(low, high);
    crossings.reduce(f64::min).filter(|seems| (low..=high).contains(seems)).unwrap_or(middle)
}

/// Loads at which the objective is missed much more or less often than allowed say little of where the limit is: a curve
/// is a line only nearby.
fn kernel(pressure: f64) -> f64 {
    (-0.5 * pressure * pressure).exp()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::settings::{Guard, Settings, Tier, Variable};
    use crate::slo::{Kind, Slos};

    /// Loads of 1.25 % apart around 1.
    fn grid() -> Grid {
        Grid::new(&Settings {
            variable: Variable::Rate,
            start: 1.0,
            min: 0.5,
            max: 8.0,
            precision: 0.05,
            exceed_ratio: 0.2,
            trial_min: 5.0,
            trial_max: 60.0,
            budget: None,
            guard: Guard { arrivals: 1.0, service: 1.0, overload: 0.07 },
            tiers: vec![Tier { name: String::new(), slos: Slos::default_for(Kind::Classic) }],
        })
    }

    fn points(signs: &[(i32, Sign)]) -> Points {
        let standing = |sign| Standing {
            sign,
            seconds: 1.0,
            more: None,
            binding: None,
            confirmed: false,
            pressures: Vec::new(),
        };
        signs.iter().map(|&(index, sign)| (index, standing(sign))).collect()
    }

    #[test]
    fn what_is_wanted_next() {
        use Sign::{Bad, Fail, Good, Near, Pass, TooMuch};
        let grid = grid();
        let (least, most) = (grid.min, grid.max);
        for (what, signs, expected) in [
            ("the beginning", &[][..], Want::Look(0)),
            ("twice as much", &[(0, Good)], Want::Look(56)),
            ("as far as the greatest load", &[(most - 3, Good)], Want::Look(most)),
            ("the greatest load seems to pass", &[(most, Good)], Want::Decide(most)),
            ("the greatest load passes", &[(most, Pass)], Want::Nothing),
            ("half as much", &[(0, Bad)], Want::Look(least)),
            ("the least load seems to fail", &[(least, Bad)], Want::Decide(least)),
            ("the least load fails", &[(least, Fail)], Want::Nothing),
            ("halves", &[(0, Good), (56, Bad)], Want::Look(28)),
            // Within 15 %: below the middle first, where evidence is cheap, then above it.
            ("the lower end first", &[(0, Good), (10, Bad)], Want::Decide(3)),
            ("then the upper", &[(0, Good), (4, Pass), (8, Bad)], Want::Decide(8)),
            ("both ends are known", &[(4, Pass), (8, Fail)], Want::Nothing),
            ("a load too close to call is passed over", &[(0, Good), (2, Near), (10, Bad)], Want::Decide(0)),
            ("neighbours", &[(4, Pass), (5, Fail)], Want::Nothing),
            ("a fluke above a failure", &[(4, Pass), (5, Fail), (20, Pass)], Want::Nothing),
            ("too much for the client", &[(4, Pass), (5, TooMuch)], Want::Nothing),
        ] {
            assert_eq!(want(&points(signs), &grid, false), expected, "{what}");
        }
        for (what, signs, expected) in [
            ("below one that seems to fail", &[(0, Good), (3, Bad), (10, Fail)], Want::Decide(2)),
            ("that one, with a pass in hand", &[(0, Pass), (3, Bad), (8, Fail)], Want::Decide(3)),
        ] {
            assert_eq!(want(&points(signs), &grid, true), expected, "in a hurry: {what}");
        }
    }

    #[test]
    fn a_pass_above_a_failure_is_not_believed() {
        use Sign::{Fail, Pass};
        let found = Found::of(&points(&[(1, Pass), (3, Pass), (5, Fail), (7, Pass), (9, Fail)]));
        assert_eq!(found, Found { pass: Some(3), fail: Some(5), too_much: None });
    }
}
