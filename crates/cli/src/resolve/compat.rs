//! Options of Locust and the load test that this version does not have: accepted with a word, or answered.

use crate::args::output::CompatArgs;
use crate::exit::{UsageError, refuse};

/// Says what becomes of the options that are accepted for Locust's sake.
///
/// # Errors
/// One of them asks for something that comes with a later release; the text says what to use until then.
pub(super) fn answer(args: &CompatArgs, warnings: &mut Vec<String>) -> Result<(), UsageError> {
    refuse_what_comes_later(args)?;
    if let Some(file) = &args.locustfile {
        warnings.push(format!("locustfile `{file}` is not used: plimsoll is the load test itself"));
    }
    Ok(())
}

fn refuse_what_comes_later(args: &CompatArgs) -> Result<(), UsageError> {
    if args.embeddings_prompt_template.is_some() {
        refuse!(
            "--embeddings-prompt-template is a member of the request: use --extra-body '{{\"prompt_template\": \"…\"}}'"
        );
    }
    if args.normalize {
        refuse!("--normalize is a member of the request: use --extra-body '{{\"normalize\": true}}'");
    }
    if args.return_logits.is_some() {
        refuse!(
            "--return-logits is a member of the request: use --extra-body '{{\"return_logits\": [1, 2]}}'"
        );
    }
    if args.processes.is_some() {
        refuse!("--processes is not needed: one process uses all cores; --threads N sets how many");
    }
    let many_machines = args.master
        || args.worker
        || [
            &args.master_host,
            &args.master_port,
            &args.master_bind_host,
            &args.master_bind_port,
            &args.expect_workers,
            &args.expect_workers_max_wait,
        ]
        .iter()
        .any(|option| option.is_some());
    if many_machines {
        refuse!(
            "--master, --worker and their options come with a later release: one process uses all cores (--threads); \
             until then run one plimsoll per machine with a share of the rate or users each"
        );
    }
    Ok(())
}
