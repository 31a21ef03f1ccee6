//! Compares the rungs of a ladder run from its folders → `comparison.json`, `ladder.html`, `ladder.md`.

use std::collections::BTreeMap;

use kneepoint_analysis::RunFacts;
use kneepoint_analysis::ladder::{Comparison, compare};
use kneepoint_model::run::RunFolder;
use kneepoint_model::run::names;
use kneepoint_reports::ladder::{LadderView, render};

use super::store::LadderStore;
use crate::failure::Failure;
use crate::stage::load::recover;

/// Compares the rungs and writes the report.
pub(crate) fn write_report(store: &LadderStore) -> Result<(Comparison, LadderView), Failure> {
    let comparison = compare(&store.ladder, &load_all_facts(store));
    let view = LadderView::build(&store.ladder, &comparison);
    store.folder.write_json(names::COMPARISON, &comparison)?;
    store.folder.write(names::LADDER_HTML, render::html(&view).map_err(Failure::internal)?.as_bytes())?;
    store.folder.write(names::LADDER_MD, render::markdown(&view).as_bytes())?;
    Ok((comparison, view))
}

/// Facts of all readable run folders; the report marks a rung without facts.
fn load_all_facts(store: &LadderStore) -> BTreeMap<String, RunFacts> {
    let mut all = BTreeMap::new();
    for name in store.ladder.rungs.iter().filter_map(|rung| rung.run.as_ref()) {
        // `ladder.json` is untrusted input: a name must not leave the folder of runs.
        let plain = name.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-');
        let read = || {
            let folder = RunFolder::open(&store.runs.join(name)).ok()?;
            // Phases of a killed run are rebuilt from their interval logs, if the folder is writable.
            let _ = recover(&folder);
            RunFacts::load(&folder).ok()
        };
        if let Some(facts) = plain.then(read).flatten() {
            all.insert(name.clone(), facts);
        }
    }
    all
}
