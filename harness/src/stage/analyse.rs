//! Analyse: a pure function of the folder → `analysis.json`.

use kneepoint_analysis::{Analysis, RunFacts, analyse as think};
use kneepoint_model::run::names;
use kneepoint_model::stage::Stage;

use crate::failure::Failure;
use crate::run::Run;
use crate::stage::load;

pub(crate) fn analyse(run: &mut Run) -> Result<(RunFacts, Analysis), Failure> {
    load::recover(&run.folder)?;
    run.save()?;
    let facts = RunFacts::load(&run.folder).map_err(Failure::internal)?;
    let analysis = think(&facts);
    run.folder.write_json(names::ANALYSIS, &analysis)?;
    run.note(Stage::Analyse, format!("{} findings", analysis.findings.len()));
    Ok((facts, analysis))
}
