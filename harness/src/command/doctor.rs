//! `kneepoint doctor`: what can be measured on this machine, and the fix for what cannot.

use std::fmt::Write as _;

use kneepoint_model::exit::ExitCode;
use serde::Serialize;

use crate::cli::{Common, Format};
use crate::console;
use crate::failure::Failure;

#[derive(Serialize)]
struct Check {
    name: String,
    ok: bool,
    detail: String,
    fix: String,
}

pub(super) fn check_machine(common: &Common) -> Result<ExitCode, Failure> {
    let home = super::absolute_home(common)?;
    let stack = kneepoint_stack::doctor(&home).into_iter().map(|c| Check {
        name: c.name.to_owned(),
        ok: c.ok,
        detail: c.detail,
        fix: c.fix.unwrap_or_default(),
    });
    let profiler = kneepoint_profiler::capabilities().into_iter().map(|c| Check {
        name: c.name,
        ok: c.ok,
        detail: c.why,
        fix: c.fix,
    });
    let checks: Vec<Check> = stack.chain(profiler).collect();
    if common.format == Format::Json {
        console::print(&serde_json::to_string_pretty(&checks).map_err(Failure::internal)?);
    } else {
        console::print(&render_table(&checks));
    }
    Ok(ExitCode::Ok)
}

fn render_table(checks: &[Check]) -> String {
    let width = checks.iter().map(|check| check.name.chars().count()).max().unwrap_or(0);
    let mut text = String::new();
    for check in checks {
        let mark = if check.ok { "✓" } else { "✗" };
        let _ = writeln!(text, "{mark} {:<width$}  {}", check.name, check.detail);
        if !check.ok && !check.fix.is_empty() {
            let _ = writeln!(text, "  {:<width$}  fix: {}", "", check.fix);
        }
    }
    let missing = checks.iter().filter(|check| !check.ok).count();
    let _ = write!(text, "\n{} of {} checks passed.", checks.len() - missing, checks.len());
    text
}
