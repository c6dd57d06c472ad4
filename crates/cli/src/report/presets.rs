//! The list of simulated servers.

use comfy_table::{CellAlignment, Table, presets};
use plimsoll_sim::batch::presets as classic;
use plimsoll_sim::llm::GIB;
use plimsoll_sim::presets as llm;

/// All presets, a line each: language models first, then classic models.
pub(crate) fn list() -> String {
    format!(
        "Language models (vLLM's scheduler; N of an accelerator: MODEL-NxACCELERATOR, such as llama-3.1-70b-8xh100)\n\
         {}\n\nClassic models (Triton's dynamic batching, one instance)\n{}\n\n\
         plimsoll sim NAME?option=value serves one, plimsoll run -H sim://NAME?option=value measures it; docs/SIM.md \
         has the options.\n",
        language_models(),
        classic_models()
    )
}

fn language_models() -> Table {
    let mut table =
        table(&["name", "KV tokens", "KV GiB", "longest request", "step alone, ms", "batch, tokens"]);
    for preset in llm::all() {
        let options = preset.options();
        let kv = options.kv_tokens();
        table.add_row([
            preset.name(),
            kv.to_string(),
            format!("{:.1}", kv as f64 * preset.physics.kv_bytes_per_token() / GIB),
            options.longest_request().to_string(),
            format!("{:.2}", (options.step_time.fixed + options.step_time.per_sequence) * 1e3),
            options.max_num_batched_tokens.to_string(),
        ]);
    }
    table
}

fn classic_models() -> Table {
    let mut table = table(&["name", "batch, ms", "item, ms", "items/s at most", "from"]);
    for preset in classic::ALL {
        let items = 32.0; // the largest batch of a preset
        let (batch, item) = (preset.per_batch.as_secs_f64(), preset.per_item.as_secs_f64());
        let source = if preset.error.is_some() { "published table" } else { "scaled" };
        table.add_row([
            preset.name.to_owned(),
            format!("{:.2}", batch * 1e3),
            format!("{:.2}", item * 1e3),
            format!("{:.0}", items / (batch + item * items)),
            source.to_owned(),
        ]);
    }
    table
}

fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(header.iter().copied());
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_is_listed_and_can_be_asked_for() {
        let list = list();
        let names: Vec<&str> = list
            .lines()
            .map(|line| line.split_whitespace().next().unwrap_or_default())
            .filter(|word| word.contains('-'))
            .collect();
        assert!(names.contains(&"llama-3-8b-h100") && names.contains(&"resnet50-t4"), "{list}");
        assert_eq!(names.len(), llm::all().count() + classic::ALL.len());
        for name in names {
            assert!(plimsoll_serve::sim::SimOptions::parse(name).is_ok(), "{name}");
        }
    }
}
