//! `run`, `load`, `profile`, `smoke`, `warm`: create a run folder, execute the pipeline, print the results.

use std::sync::Arc;

use kneepoint_crawler::{render_crontab, render_systemd_units, warm_order};
use kneepoint_model::exit::ExitCode;
use kneepoint_model::load::HttpVersion;
use kneepoint_model::run::names;
use kneepoint_model::secret::is_secret;
use kneepoint_model::site::SiteMap;
use kneepoint_model::stack::StackInfo;
use kneepoint_model::stage::Stage;

use super::{live_output, load_plan, new_console, results};
use crate::announce::Announcer;
use crate::cli::{Common, LiveArgs, RunArgs, StackArgs, TargetArgs};
use crate::config::{Overrides, Plan, Rate};
use crate::console;
use crate::failure::Failure;
use crate::pipeline::{self, StageSet};
use crate::run::Run;
use crate::signals::Shutdown;

pub(super) fn run(common: &Common, args: &RunArgs, stages: StageSet) -> Result<ExitCode, Failure> {
    let mut overrides = target_overrides(&args.target);
    overrides.users = args.users;
    overrides.http = args.http2.then_some(HttpVersion::Http2);
    overrides.fail_on = args.fail_on;
    overrides.rate = args.rate.as_deref().map(parse_rate).transpose()?;
    overrides.segments.clone_from(&args.segments);
    overrides.replay.clone_from(&args.replay);
    overrides.speed = args.speed;
    overrides.otlp.clone_from(&args.live.otlp);
    overrides.has_open_phase = stages.0.contains(&Stage::Load);
    let plan = load_plan(common, &overrides)?;
    run_and_print(common, &plan, stages, &args.live).map(|(exit, _)| exit)
}

pub(super) fn smoke(common: &Common, args: &TargetArgs) -> Result<ExitCode, Failure> {
    let plan = load_plan(common, &target_overrides(args))?;
    let (exit, run) = run_and_print(common, &plan, StageSet::SMOKE, &LiveArgs::default())?;
    if common.format == crate::cli::Format::Human
        && let Some(site) = run.folder.read_json_if_exists::<SiteMap>(names::SITE)?
    {
        console::print(&results::render_smoke_lines(&site));
    }
    Ok(exit)
}

pub(super) fn warm(common: &Common, args: &TargetArgs, print_cron: Option<u32>) -> Result<ExitCode, Failure> {
    let plan = load_plan(common, &target_overrides(args))?;
    let Some(minutes) = print_cron else {
        return run_and_print(common, &plan, StageSet::WARM, &LiveArgs::default()).map(|(exit, _)| exit);
    };
    let (exit, run) = run_pipeline(common, &plan, StageSet::SMOKE, &LiveArgs::default())?;
    if exit == ExitCode::Ok {
        let site: SiteMap = run.folder.read_json(names::SITE)?;
        let stack: StackInfo = run.folder.read_json(names::STACK)?;
        let pages = warm_order(&site, plan.warm.pages);
        let (service, timer) = render_systemd_units(&stack.base_url, &stack.via, &pages, minutes);
        console::print(&format!(
            "# crontab -e\n{}\n# /etc/systemd/system/kneepoint-warm.service\n{service}\n# /etc/systemd/system/kneepoint-warm.timer\n{timer}",
            render_crontab(&stack.base_url, &stack.via, &pages, minutes)
        ));
    }
    Ok(exit)
}

fn run_and_print(
    common: &Common,
    plan: &Plan,
    stages: StageSet,
    live: &LiveArgs,
) -> Result<(ExitCode, Run), Failure> {
    let (exit, run) = run_pipeline(common, plan, stages, live)?;
    results::print_summary(common, &run)?;
    Ok((exit, run))
}

fn run_pipeline(
    common: &Common,
    plan: &Plan,
    stages: StageSet,
    live: &LiveArgs,
) -> Result<(ExitCode, Run), Failure> {
    let shutdown = Shutdown::listen()?;
    let exporter = if stages.has_load() { live_output::start_exporter(&plan.report)? } else { None };
    let events = Arc::new(Announcer::new(new_console(common)));
    let mut run = Run::create(plan, command_line(), Arc::clone(&events), shutdown)?;
    let title = format!("kneepoint · {}", run.manifest.target);
    let exit = live_output::with_live_output(&events, (live, &title), exporter, || {
        pipeline::execute(plan, stages, &mut run)
    })?;
    if let Some(stopped_by) = &run.manifest.stopped_by {
        console::print_error(stopped_by);
    }
    Ok((exit, run))
}

pub(super) fn target_overrides(args: &TargetArgs) -> Overrides {
    Overrides {
        attach: args.attach.clone(),
        unix_socket: args.unix_socket.clone(),
        ca_file: args.cacert.clone(),
        own_target: args.own_target,
        ..stack_overrides(&args.stack)
    }
}

pub(super) fn stack_overrides(args: &StackArgs) -> Overrides {
    Overrides {
        driver: args.driver,
        topology: args.topology.clone(),
        db: args.db,
        size: args.size,
        seed: args.seed,
        env: args.env.clone(),
        python: args.python.clone(),
        ..Overrides::default()
    }
}

pub(super) fn parse_rate(text: &str) -> Result<Rate, Failure> {
    Rate::parse(text).ok_or_else(|| {
        Failure::new(ExitCode::Usage, format!("--rate: `{text}` is not a rate; write `auto` or `50/s`"))
    })
}

/// The command line for the manifest, with secrets masked.
pub(super) fn command_line() -> Vec<String> {
    mask_secrets(std::env::args())
}

fn mask_secrets(words: impl Iterator<Item = String>) -> Vec<String> {
    // `--env KEY=VALUE` and `--env=KEY=VALUE`: any `=` may end the name of a secret.
    let masked = |word: String| {
        let secret = word
            .match_indices('=')
            .find(|(at, _)| is_secret(word[..*at].rsplit('=').next().unwrap_or_default()));
        match secret {
            Some((at, _)) => format!("{}=***", &word[..at]),
            None => word,
        }
    };
    words.map(masked).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_do_not_reach_the_manifest() {
        let words =
            ["kneepoint", "--env", "KP_DB_PASSWORD=a=b", "--env=KP_SECRET_KEY=c", "KP_SESSIONS=cache"];
        let masked =
            ["kneepoint", "--env", "KP_DB_PASSWORD=***", "--env=KP_SECRET_KEY=***", "KP_SESSIONS=cache"];
        assert_eq!(mask_secrets(words.map(str::to_owned).into_iter()), masked);
    }
}
