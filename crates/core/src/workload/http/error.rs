//! Why requests of the user's own making cannot be made.

use thiserror::Error;

/// Why requests cannot be made from templates and rows.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum HttpError {
    /// Braces that open a variable and are never closed.
    #[error(
        "{template} opens {{{{ at character {at} and never closes it: add }}}}, or write \\{{{{ for the braces themselves"
    )]
    Unclosed {
        /// Where the template was written.
        template: String,
        /// Where in it, counted from 1.
        at: usize,
    },
    /// A name that nothing has.
    #[error("{template} has the unknown variable `{name}`: {}there are {}", meant(.nearest.as_deref()), .known.join(", "))]
    Unknown {
        /// Where the template was written.
        template: String,
        /// The name.
        name: String,
        /// The one that was probably meant.
        nearest: Option<String>,
        /// Those that there are.
        known: Vec<String>,
    },
    /// Something between braces that cannot be read.
    #[error("{template} has {{{{{variable}}}}}, {why}")]
    Variable {
        /// Where the template was written.
        template: String,
        /// What stands between the braces.
        variable: String,
        /// What is wrong with it, and what to write.
        why: &'static str,
    },
    /// A letter of the user's that HTTP cannot carry there.
    #[error("{template} has {found}, which {place} cannot carry: {instead}")]
    Letter {
        /// Where the template was written.
        template: String,
        /// What cannot be carried.
        found: String,
        /// What cannot carry it.
        place: &'static str,
        /// What to write.
        instead: String,
    },
    /// A body that says that it is JSON and is not.
    #[error(
        "the first request's body from {template} is no JSON ({reason}): put texts between quotes or write \
         {{{{name|json}}}}, or say with --content-type what it is"
    )]
    NotJson {
        /// Where the template was written.
        template: String,
        /// What is wrong with it.
        reason: String,
    },
    /// An option that has no effect without the variable `prompt`.
    #[error(
        "--{0} shapes {{{{prompt}}}} and {{{{max_tokens}}}}, and nothing here has them: write one into --body, or leave it out"
    )]
    NoPrompt(&'static str),
    /// A file without rows.
    #[error("{0} has no rows: give CSV with a first line of names, or JSONL with an object on each line")]
    NoRows(String),
    /// A line of a file that is no row.
    #[error("line {line} of {file} {problem}")]
    Line {
        /// The file.
        file: String,
        /// Its number, counted from 1.
        line: u64,
        /// What is wrong with it, and what to do.
        problem: String,
    },
}

fn meant(nearest: Option<&str>) -> String {
    nearest.map(|name| format!("did you mean `{name}`? ")).unwrap_or_default()
}
