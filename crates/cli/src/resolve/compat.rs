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
    let postgres = [
        &args.grafana_url,
        &args.pghost,
        &args.pgport,
        &args.pguser,
        &args.pgpassword,
        &args.pgdatabase,
        &args.test_env,
        &args.test_version,
        &args.description,
        &args.override_plan_name,
    ];
    if args.timescale || postgres.iter().any(|option| option.is_some()) {
        warnings.push(
            "nothing is written to PostgreSQL by this version: the timescale, grafana and pg settings are accepted \
             without effect; the results folder has every request"
                .to_owned(),
        );
    }
    Ok(())
}

fn refuse_what_comes_later(args: &CompatArgs) -> Result<(), UsageError> {
    let embeddings = args.embeddings
        || args.normalize
        || args.return_logits.is_some()
        || [&args.embeddings_batch_size, &args.embeddings_dimensions, &args.embeddings_prompt_template]
            .iter()
            .any(|option| option.is_some());
    if embeddings {
        refuse!(
            "--embeddings and its options come with a later release: use the load test with locust for /v1/embeddings"
        );
    }
    let rerank = args.rerank
        || args.rerank_return_documents
        || args.no_rerank_return_documents
        || [&args.rerank_query, &args.rerank_top_n, &args.num_documents, &args.tokens_per_document]
            .iter()
            .any(|option| option.is_some());
    if rerank {
        refuse!(
            "--rerank and its options come with a later release: use the load test with locust for /v1/rerank"
        );
    }
    if args.html.is_some() {
        refuse!(
            "--html comes with a later release: use the results folder (--out), --json, --csv or --summary-file"
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
