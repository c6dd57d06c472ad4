//! What lint found, as compilers say it: place, severity, what, and what to do.

use plimsoll_plan::lint::{Findings, RULES, Severity};

use super::style::{Style, Tone};

/// All findings, and a line that sums them up.
pub(crate) fn text(found: &Findings, style: Style) -> String {
    let mut out = String::new();
    for finding in &found.findings {
        let tone = match finding.severity {
            Severity::Error => Tone::Bad,
            Severity::Warning => Tone::Doubt,
        };
        out.push_str(&format!(
            "{}:{}: {}: {} {}\n    {}\n",
            finding.file,
            finding.line,
            style.paint(tone, finding.severity.word()),
            finding.what,
            style.paint(Tone::Faint, &format!("[{}]", finding.rule)),
            finding.todo
        ));
    }
    out.push_str(&summary(found));
    out
}

fn summary(found: &Findings) -> String {
    let count = |severity| found.findings.iter().filter(|finding| finding.severity == severity).count();
    let looked = match (found.known, found.unknown) {
        (known, 0) => format!("{} looked at", counted(known, "document")),
        (known, others) => {
            format!("{} looked at, {others} of other kinds left alone", counted(known, "document"))
        }
    };
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    match errors + warnings {
        0 if found.known == 0 => format!(
            "nothing was looked at: of {} none is a HorizontalPodAutoscaler, a ScaledObject of KEDA, an InferenceService or \
             LLMInferenceService of KServe, a Service of Knative, or rules of prometheus-adapter\n",
            counted(found.unknown, "document")
        ),
        0 => format!("nothing found; {looked}\n"),
        _ => format!("{}, {}; {looked}\n", counted(errors, "error"), counted(warnings, "warning")),
    }
}

fn counted(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// All rules, and why there is each.
pub(crate) fn rules() -> String {
    RULES.iter().map(|rule| format!("{} ({})\n    {}\n", rule.name, rule.severity.word(), rule.why)).collect()
}
