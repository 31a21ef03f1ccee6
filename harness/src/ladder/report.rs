//! The comparison of a stored climb, thought and written again from its folders → `comparison.json`, `ladder.html`,
//! `ladder.md`.

use std::collections::BTreeMap;

use kneepoint_analysis::RunFacts;
use kneepoint_analysis::ladder::{Comparison, compare};
use kneepoint_model::run::RunFolder;
use kneepoint_model::run::names;
use kneepoint_reports::ladder::{LadderView, render};

use super::store::Store;
use crate::failure::Failure;
use crate::stage::load::recover;

/// Thinks about a climb and writes what is said of it.
pub(crate) fn report(store: &Store) -> Result<(Comparison, LadderView), Failure> {
    let comparison = compare(&store.ladder, &facts(store));
    let view = LadderView::build(&store.ladder, &comparison);
    store.folder.write_json(names::COMPARISON, &comparison)?;
    store.folder.write(names::LADDER_HTML, render::html(&view).map_err(Failure::internal)?.as_bytes())?;
    store.folder.write(names::LADDER_MD, render::markdown(&view).as_bytes())?;
    Ok((comparison, view))
}

/// The facts of every run folder that can be read; one that cannot is left out, and its rung says so.
fn facts(store: &Store) -> BTreeMap<String, RunFacts> {
    let mut all = BTreeMap::new();
    for name in store.ladder.rungs.iter().filter_map(|rung| rung.run.as_ref()) {
        // `ladder.json` may come from elsewhere: only a plain name leads to a folder beside the others.
        let plain = name.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-');
        let read = || {
            let folder = RunFolder::open(&store.runs.join(name)).ok()?;
            // What a killed climb left unfinished is put together from its interval logs, where the folder can be written.
            let _ = recover(&folder);
            RunFacts::load(&folder).ok()
        };
        if let Some(facts) = plain.then(read).flatten() {
            all.insert(name.clone(), facts);
        }
    }
    all
}
