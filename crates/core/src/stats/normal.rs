//! Least squares in a few unknowns by the normal equations, with and without the demand that nothing be negative.

/// A least squares problem `min |A x - b|` in `N` unknowns, kept as `A'A` and `A'b`: rows can be added one by one, and
/// problems can be added up.
///
/// The columns are brought to length one before anything is solved, so that unknowns of very different size do no harm.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct NormalEquations<const N: usize> {
    gram: [[f64; N]; N],
    right: [f64; N],
}

/// A column of which less than this part is its own (the rest is a combination of others) cannot be told from them.
const OWN_PART_MIN: f64 = 1e-9;

impl<const N: usize> Default for NormalEquations<N> {
    fn default() -> Self {
        NormalEquations { gram: [[0.0; N]; N], right: [0.0; N] }
    }
}

impl<const N: usize> NormalEquations<N> {
    /// Adds a row of `A` and of `b`, `weight` times.
    pub(crate) fn add(&mut self, row: &[f64; N], target: f64, weight: f64) {
        for (i, &value) in row.iter().enumerate() {
            self.right[i] += weight * value * target;
            for (sum, &other) in self.gram[i].iter_mut().zip(row) {
                *sum += weight * value * other;
            }
        }
    }

    /// Adds all rows of another problem.
    pub(crate) fn merge(&mut self, other: &NormalEquations<N>) {
        for i in 0..N {
            self.right[i] += other.right[i];
            for j in 0..N {
                self.gram[i][j] += other.gram[i][j];
            }
        }
    }

    /// The part of column `j`, 0 to 1, that is no combination of the other columns in `among`: 1 less the R² of the
    /// regression on them. 0 for a column of zeros.
    pub(crate) fn own_part(&self, j: usize, among: &[bool; N]) -> f64 {
        let mut order: Vec<usize> = (0..N).filter(|&i| i != j && among[i] && self.gram[i][i] > 0.0).collect();
        order.push(j);
        // The last pivot of the factorisation is what the columns before leave of the last one.
        self.factor(&order).pivots.last().copied().unwrap_or(0.0)
    }

    /// The least squares solution with no negative unknown, all those outside `allowed` zero (Lawson and Hanson, Solving
    /// Least Squares Problems, 1974, chapter 23).
    pub(crate) fn non_negative(&self, allowed: &[bool; N]) -> [f64; N] {
        let mut allowed: [bool; N] = std::array::from_fn(|j| allowed[j] && self.gram[j][j] > 0.0);
        let mut passive = [false; N];
        let mut x = [0.0; N];
        // Each round ends with a smaller residual, so no set comes twice; the bound is for rounding errors.
        for _ in 0..8 * N {
            let Some(entering) = self.steepest(&x, &passive, &allowed) else {
                break;
            };
            passive[entering] = true;
            let before = x;
            if self.settle(&mut passive, &mut x).is_none() || x == before {
                (passive[entering], allowed[entering], x) = (false, false, before);
            }
        }
        x
    }

    /// The unknown at zero that reduces the residual most when it grows.
    fn steepest(&self, x: &[f64; N], passive: &[bool; N], allowed: &[bool; N]) -> Option<usize> {
        let gradient = |j: usize| {
            let explained: f64 = (0..N).map(|k| self.gram[j][k] * x[k]).sum();
            let largest = (0..N).map(|k| (self.gram[j][k] * x[k]).abs()).fold(self.right[j].abs(), f64::max);
            let left = self.right[j] - explained;
            if left > 1e-10 * largest { left / self.gram[j][j].sqrt() } else { 0.0 }
        };
        (0..N)
            .filter(|&j| allowed[j] && !passive[j])
            .map(|j| (j, gradient(j)))
            .filter(|&(_, slope)| slope > 0.0)
            .max_by(|a, b| a.1.total_cmp(&b.1))
            .map(|(j, _)| j)
    }

    /// Moves `x` to the solution on the passive set; unknowns that would become negative stop at zero and leave the set.
    fn settle(&self, passive: &mut [bool; N], x: &mut [f64; N]) -> Option<()> {
        loop {
            let goal = self.solve(passive)?;
            let step = (0..N)
                .filter(|&j| passive[j] && goal[j] <= 0.0)
                .map(|j| (j, if x[j] > goal[j] { x[j] / (x[j] - goal[j]) } else { 0.0 }))
                .min_by(|a, b| a.1.total_cmp(&b.1));
            let Some((leaving, step)) = step else {
                *x = goal;
                return Some(());
            };
            for j in 0..N {
                x[j] += step * (goal[j] - x[j]);
            }
            (passive[leaving], x[leaving]) = (false, 0.0);
        }
    }

    /// The solution with the unknowns in `among` free and all others zero; nothing if the columns do not determine it.
    fn solve(&self, among: &[bool; N]) -> Option<[f64; N]> {
        let order: Vec<usize> = (0..N).filter(|&j| among[j]).collect();
        let Factor { lower, pivots } = self.factor(&order);
        if pivots.iter().any(|&pivot| pivot < OWN_PART_MIN) {
            return None;
        }
        let mut y = [0.0; N];
        for i in 0..order.len() {
            let known: f64 = (0..i).map(|k| lower[i][k] * y[k]).sum();
            y[i] = (self.right[order[i]] / self.length(order[i]) - known) / lower[i][i];
        }
        let mut x = [0.0; N];
        for i in (0..order.len()).rev() {
            let known: f64 = (i + 1..order.len()).map(|k| lower[k][i] * y[k]).sum();
            y[i] = (y[i] - known) / lower[i][i];
            x[order[i]] = y[i] / self.length(order[i]);
        }
        Some(x)
    }

    fn length(&self, j: usize) -> f64 {
        self.gram[j][j].sqrt()
    }

    /// Cholesky's factor of the correlations of the columns in `order`, with the squares of its diagonal.
    fn factor(&self, order: &[usize]) -> Factor<N> {
        let mut lower = [[0.0; N]; N];
        let mut pivots = Vec::with_capacity(order.len());
        for (i, &row) in order.iter().enumerate() {
            for (k, &column) in order.iter().enumerate().take(i + 1) {
                let lengths = self.length(row) * self.length(column);
                let correlation = if lengths > 0.0 { self.gram[row][column] / lengths } else { 0.0 };
                let known: f64 = (0..k).map(|m| lower[i][m] * lower[k][m]).sum();
                let rest = correlation - known;
                if i == k {
                    pivots.push(rest.max(0.0));
                    lower[i][i] = rest.max(0.0).sqrt();
                } else {
                    lower[i][k] = if lower[k][k] > 0.0 { rest / lower[k][k] } else { 0.0 };
                }
            }
        }
        Factor { lower, pivots }
    }
}

struct Factor<const N: usize> {
    lower: [[f64; N]; N],
    /// What the columns before leave of each column, as a part of it.
    pivots: Vec<f64>,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ALL: [bool; 3] = [true; 3];

    fn problem(rows: &[([f64; 3], f64)]) -> NormalEquations<3> {
        let mut problem = NormalEquations::default();
        rows.iter().for_each(|(row, target)| problem.add(row, *target, 1.0));
        problem
    }

    fn assert_close(found: [f64; 3], expected: [f64; 3]) {
        let close = found.iter().zip(&expected).all(|(a, b)| (a - b).abs() <= 1e-9 * b.abs().max(1e-9));
        assert!(close, "{found:?} instead of {expected:?}");
    }

    #[test]
    fn known_solutions_are_found() {
        // Exact data of (2, 3e-6, 5), although the unknowns differ by six decades.
        let row = |a: f64, b: f64, c: f64| ([a, b * 1e6, c], 2.0 * a + 3.0 * b + 5.0 * c);
        let exact =
            problem(&[row(1.0, 0.0, 0.0), row(1.0, 2.0, 1.0), row(1.0, 5.0, 3.0), row(1.0, 1.0, 7.0)]);
        assert_close(exact.non_negative(&ALL), [2.0, 3e-6, 5.0]);
        // The free solution is (1, -1, 2). With the second at zero: 2 x = 0 + 1 and 2 z = 1 + 2, each a mean.
        let bound = problem(&[
            ([1.0, 1.0, 0.0], 0.0),
            ([0.0, 1.0, 1.0], 1.0),
            ([1.0, 0.0, 0.0], 1.0),
            ([0.0, 0.0, 1.0], 2.0),
        ]);
        assert_close(bound.non_negative(&ALL), [0.5, 0.0, 1.5]);
        // What is not allowed stays zero; all against the data is zero.
        assert_close(bound.non_negative(&[false, false, true]), [0.0, 0.0, 1.5]);
        assert_close(problem(&[([1.0, 2.0, 3.0], -1.0)]).non_negative(&ALL), [0.0; 3]);
        assert_close(NormalEquations::default().non_negative(&ALL), [0.0; 3]);
    }

    #[test]
    fn columns_that_repeat_others_are_seen_and_survived() {
        let twice = problem(&[([1.0, 2.0, 0.0], 3.0), ([2.0, 4.0, 0.0], 6.0), ([3.0, 6.0, 0.0], 9.0)]);
        assert!(twice.own_part(0, &ALL) < 1e-9 && twice.own_part(1, &ALL) < 1e-9);
        assert_eq!(twice.own_part(2, &ALL), 0.0);
        assert_eq!(twice.own_part(0, &[true, false, true]), 1.0);
        let found = twice.non_negative(&ALL);
        assert!((found[0] + 2.0 * found[1] - 3.0).abs() < 1e-9, "{found:?}");
        // Orthogonal columns are all their own; (1, 1) is half along (1, 0).
        let half = problem(&[([1.0, 1.0, 0.0], 0.0), ([0.0, 1.0, 1.0], 0.0)]);
        assert!((half.own_part(0, &[true, true, false]) - 0.5).abs() < 1e-12);
    }

    #[test]
    fn problems_add_up() {
        let rows = [([1.0, 2.0, 0.5], 3.0), ([0.1, 4.0, 1.0], 6.0), ([3.0, 1.0, 0.0], 9.0)];
        let mut sum = problem(&rows[..1]);
        sum.merge(&problem(&rows[1..]));
        assert_close(sum.non_negative(&ALL), problem(&rows).non_negative(&ALL));
    }

    proptest! {
        #[test]
        fn every_answer_is_the_optimum(
            rows in prop::collection::vec((prop::array::uniform3(0.0..10.0_f64), -5.0..50.0_f64), 3..30),
        ) {
            let problem = problem(&rows);
            let x = problem.non_negative(&ALL);
            // Karush, Kuhn and Tucker: no slope where an unknown is free, and none that pulls it up where it is zero.
            for j in 0..3 {
                let slope: f64 =
                    problem.right[j] - (0..3).map(|k| problem.gram[j][k] * x[k]).sum::<f64>();
                let scale = 1e-6 * problem.gram[j][j].max(problem.right[j].abs());
                prop_assert!(x[j] >= 0.0);
                prop_assert!(if x[j] > 0.0 { slope.abs() <= scale } else { slope <= scale }, "{x:?} {slope}");
            }
        }
    }
}
