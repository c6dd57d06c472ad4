//! The command that prepares the server for a cell.

use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, anyhow};

use super::matrix::{Axis, Cell, variable};
use crate::session::Interrupts;

/// From one look at the command to the next.
const LOOK: Duration = Duration::from_millis(50);

/// How a cell's preparation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Prepared {
    Yes,
    /// The user pressed Ctrl+C meanwhile.
    Interrupted,
}

/// Runs `command` in a shell, with the cell's values in its text and its environment, and waits for its end.
///
/// # Errors
/// It cannot be started, or says that it failed.
pub(super) fn run(
    command: &str,
    axes: &[Axis],
    cell: &Cell,
    interrupts: &mut Interrupts,
) -> anyhow::Result<Prepared> {
    let filled = fill(command, axes, cell);
    let pairs = axes.iter().zip(&cell.values);
    let environment = pairs.map(|(axis, value)| (variable(&axis.name), value.clone()));
    let mut child = Command::new("sh")
        .args(["-c", &filled])
        .envs(environment)
        .env("SWEEP_REPEAT", cell.repeat.to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::null()) // stdout is for results; what the command has to say belongs on stderr
        .spawn()
        .context("cannot start a shell for --each-cmd")?;
    let mut interrupted = false;
    loop {
        if let Some(status) = child.try_wait().context("cannot wait for --each-cmd")? {
            return match (interrupted, status.success()) {
                (true, _) => Ok(Prepared::Interrupted),
                (false, true) => Ok(Prepared::Yes),
                (false, false) => Err(anyhow!("--each-cmd ended with {status}: `{filled}`")),
            };
        }
        // A terminal sends Ctrl+C to the command as well; it is waited for, whatever it makes of it.
        interrupted |= interrupts.within(LOOK);
    }
}

/// The command with values in place of `{name}`, quoted for the shell.
fn fill(command: &str, axes: &[Axis], cell: &Cell) -> String {
    let pairs = axes.iter().zip(&cell.values);
    pairs.fold(command.to_owned(), |text, (axis, value)| {
        text.replace(&format!("{{{}}}", axis.name), &quoted(value))
    })
}

fn quoted(value: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,+@%".contains(c);
    if !value.is_empty() && value.chars().all(plain) {
        value.to_owned()
    } else {
        format!("'{}'", value.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stand_in_the_command_as_one_word_each() {
        let axes = ["batch", "model-dir"].map(|name| Axis { name: name.to_owned(), is_option: false });
        let values = vec!["8".to_owned(), "it's here; rm".to_owned()];
        let cell = Cell { number: 1, values, repeat: 1 };
        let filled = fill("serve -b {batch} -d {model-dir} {other}", &axes, &cell);
        assert_eq!(filled, r"serve -b 8 -d 'it'\''s here; rm' {other}");
        assert_eq!(variable("model-dir"), "SWEEP_MODEL_DIR");
    }

    #[test]
    fn a_command_sees_its_cell_and_its_failure_is_told() {
        let axes = [Axis { name: "batch".to_owned(), is_option: false }];
        let cell = Cell { number: 1, values: vec!["8".to_owned()], repeat: 2 };
        let mut interrupts = Interrupts::listen().unwrap();
        let mut try_it = |command: &str| run(command, &axes, &cell, &mut interrupts);
        assert_eq!(
            try_it("test {batch} = 8 && test $SWEEP_BATCH = 8 && test $SWEEP_REPEAT = 2").unwrap(),
            Prepared::Yes
        );
        let error = try_it("exit {batch}").unwrap_err().to_string();
        assert_eq!(error, "--each-cmd ended with exit status: 8: `exit 8`");
    }
}
