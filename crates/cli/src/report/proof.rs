//! The proof of an arrival process as a table: measured beside theory.

use comfy_table::{CellAlignment, Table, presets};
use plimsoll_core::load::proof::{ArrivalProof, Figure, ProofVerdict};

/// The table and its verdict.
pub(crate) fn render(proof: &ArrivalProof) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(["figure", "measured", "theory", "bounds", ""]);
    let mut add = |name: String, figure: &Figure| {
        table.add_row([
            name,
            number(figure.measured),
            number(figure.expected),
            format!("{} .. {}", number(figure.low), number(figure.high)),
            if figure.holds() { "holds" } else { "FAILS" }.to_owned(),
        ]);
    };
    add("rate, per second".to_owned(), &proof.rate);
    add("cv of the gaps".to_owned(), &proof.cv);
    add("arrivals in the time of all gaps".to_owned(), &proof.total);
    for row in &proof.dispersion {
        add(format!("dispersion in {} windows of {} s", row.windows, number(row.window_s)), &row.idc);
    }
    for column in table.column_iter_mut().skip(1).take(3) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let table: Vec<String> = table.to_string().lines().map(|line| line.trim_end().to_owned()).collect();
    let ks = match proof.ks {
        Some(ks) => {
            format!("Kolmogorov-Smirnov: distance {}, p-value {}", number(ks.distance), number(ks.p_value))
        }
        None => "Kolmogorov-Smirnov: not needed, equal gaps are exact".to_owned(),
    };
    let shares: Vec<String> = proof
        .shares
        .iter()
        .map(|share| format!("{} {}", share.threads, if share.equal { "the same" } else { "DIFFERENT" }))
        .collect();
    let verdict = match &proof.verdict {
        ProofVerdict::Proven => "PROVEN: every figure agrees with theory\n".to_owned(),
        ProofVerdict::Refuted(reasons) => {
            let reasons: String = reasons.iter().map(|reason| format!("  - {reason}\n")).collect();
            format!("REFUTED: these figures do not agree with theory\n{reasons}")
        }
    };
    format!(
        "{}, seed {}, {} gaps\n{}\n{ks}\nShared out over threads: {}\n{verdict}",
        proof.process,
        proof.seed,
        proof.gaps,
        table.join("\n"),
        shares.join(", "),
    )
}

/// Six significant digits: these figures are compared, not read in passing.
fn number(value: f64) -> String {
    let digits = if value == 0.0 { 0 } else { value.abs().log10().floor() as i32 + 1 };
    let decimals = usize::try_from((6 - digits).clamp(0, 9)).unwrap_or(0);
    let text = format!("{value:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use plimsoll_core::load::GapDistribution;
    use plimsoll_core::seed::Seed;
    use plimsoll_core::time::Rate;

    use super::*;

    #[test]
    fn proofs() {
        let rate = Rate::try_from(600.0).unwrap();
        let [poisson, constant] = [GapDistribution::Poisson, GapDistribution::Constant]
            .map(|gaps| ArrivalProof::of(rate, gaps, Seed(1), 10_000).unwrap());
        let refuted = ArrivalProof {
            verdict: ProofVerdict::Refuted(vec!["the rate is off".to_owned()]),
            ..constant.clone()
        };
        insta::assert_snapshot!([poisson, constant, refuted].map(|proof| render(&proof)).join("\n"));
    }
}
