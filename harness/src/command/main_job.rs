//! The main job and its shorter forms: a run folder is made, the sentence is said, the verdict is printed.

use std::sync::Arc;

use kneepoint_crawler::{render_crontab, render_systemd_units, warm_order};
use kneepoint_model::event::Stage;
use kneepoint_model::exit::ExitCode;
use kneepoint_model::load::HttpVersion;
use kneepoint_model::run::names;
use kneepoint_model::secret::is_secret;
use kneepoint_model::site::SiteMap;
use kneepoint_model::stack::StackInfo;

use super::{console_of, plan, results, watchers};
use crate::announce::Announcer;
use crate::cli::{Common, RunArgs, StackArgs, TargetArgs, WatchArgs};
use crate::config::{Overrides, Plan, Rate};
use crate::console;
use crate::failure::Failure;
use crate::pipeline::{self, Asked};
use crate::run::Run;
use crate::signals::Stop;

pub(super) fn run(common: &Common, args: &RunArgs, asked: Asked) -> Result<ExitCode, Failure> {
    let mut overrides = target(&args.target);
    overrides.users = args.users;
    overrides.http = args.http2.then_some(HttpVersion::Http2);
    overrides.fail_on = args.fail_on;
    overrides.rate = args.rate.as_deref().map(rate).transpose()?;
    overrides.stages.clone_from(&args.stages);
    overrides.replay.clone_from(&args.replay);
    overrides.speed = args.speed;
    overrides.otlp.clone_from(&args.watch.otlp);
    overrides.loads = asked.0.contains(&Stage::Load);
    let plan = plan(common, &overrides)?;
    say(common, &plan, asked, &args.watch).map(|(exit, _)| exit)
}

pub(super) fn smoke(common: &Common, args: &TargetArgs) -> Result<ExitCode, Failure> {
    let plan = plan(common, &target(args))?;
    let (exit, run) = say(common, &plan, Asked::SMOKE, &WatchArgs::default())?;
    if common.format == crate::cli::Format::Human
        && let Some(site) = run.folder.read_json_if_there::<SiteMap>(names::SITE)?
    {
        console::print(&results::smoke_lines(&site));
    }
    Ok(exit)
}

pub(super) fn warm(common: &Common, args: &TargetArgs, print_cron: Option<u32>) -> Result<ExitCode, Failure> {
    let plan = plan(common, &target(args))?;
    let Some(minutes) = print_cron else {
        return say(common, &plan, Asked::WARM, &WatchArgs::default()).map(|(exit, _)| exit);
    };
    let (exit, run) = speak(common, &plan, Asked::SMOKE, &WatchArgs::default())?;
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

fn say(common: &Common, plan: &Plan, asked: Asked, watch: &WatchArgs) -> Result<(ExitCode, Run), Failure> {
    let (exit, run) = speak(common, plan, asked, watch)?;
    results::print(common, &run)?;
    Ok((exit, run))
}

fn speak(common: &Common, plan: &Plan, asked: Asked, watch: &WatchArgs) -> Result<(ExitCode, Run), Failure> {
    let stop = Stop::listen()?;
    let exporter = if asked.has_load() { watchers::exporter(&plan.report)? } else { None };
    let events = Arc::new(Announcer::new(console_of(common)));
    let mut run = Run::create(plan, command_line(), Arc::clone(&events), stop)?;
    let title = format!("kneepoint · {}", run.manifest.target);
    let exit = watchers::told(&events, (watch, &title), exporter, || pipeline::say(plan, asked, &mut run))?;
    if let Some(stopped_by) = &run.manifest.stopped_by {
        console::complain(stopped_by);
    }
    Ok((exit, run))
}

pub(super) fn target(args: &TargetArgs) -> Overrides {
    Overrides {
        attach: args.attach.clone(),
        unix_socket: args.unix_socket.clone(),
        ca_file: args.cacert.clone(),
        own_target: args.own_target,
        ..stack(&args.stack)
    }
}

pub(super) fn stack(args: &StackArgs) -> Overrides {
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

pub(super) fn rate(text: &str) -> Result<Rate, Failure> {
    Rate::parse(text).ok_or_else(|| {
        Failure::new(ExitCode::Usage, format!("--rate: `{text}` is not a rate; write `auto` or `50/s`"))
    })
}

/// The command line for the manifest, with what may be secret masked.
pub(super) fn command_line() -> Vec<String> {
    mask(std::env::args())
}

fn mask(words: impl Iterator<Item = String>) -> Vec<String> {
    // `--env KEY=VALUE` and `--env=KEY=VALUE`: every sign may be the one that ends a name.
    let masked = |word: String| {
        let names = word
            .match_indices('=')
            .find(|(at, _)| is_secret(word[..*at].rsplit('=').next().unwrap_or_default()));
        match names {
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
        assert_eq!(mask(words.map(str::to_owned).into_iter()), masked);
    }
}
