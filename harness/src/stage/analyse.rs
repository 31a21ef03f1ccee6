//! Analyse: findings as a pure function of the run folder → `analysis.json`.

use kneepoint_analysis::{Analysis, RunFacts, analyse as analyse_facts};
use kneepoint_model::run::names;
use kneepoint_model::stage::Stage;

use crate::failure::Failure;
use crate::run::Run;
use crate::stage::load;

pub(crate) fn analyse(run: &mut Run) -> Result<(RunFacts, Analysis), Failure> {
    load::recover(&run.folder)?;
    run.save()?;
    let facts = run.load_facts()?;
    let analysis = analyse_facts(&facts);
    run.folder.write_json(names::ANALYSIS, &analysis)?;
    run.note(Stage::Analyse, format!("{} findings", analysis.findings.len()));
    Ok((facts, analysis))
}
