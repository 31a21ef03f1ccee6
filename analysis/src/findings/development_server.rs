//! The load runs on the development server: `runserver` is one process with a thread per connection (0.28 times the
//! throughput of two sync workers on the same machine), and Django's documentation forbids it in production.

use kneepoint_model::finding::{Finding, Rule, Severity, finding_id};
use kneepoint_model::run::names;
use kneepoint_model::stack::TierInfo;
use kneepoint_model::text::single_line;
use kneepoint_model::tier::Tier;

use super::context::evidence;
use super::text::MAX_QUOTED;
use super::{Context, RuleOutcome};

/// Names of development servers in the description of a tier.
pub const NAMES: [&str; 4] = ["runserver", "wsgiserver", "werkzeug", "development server"];

/// True when a tier is a development server by its description.
pub(super) fn is_development(server: &TierInfo) -> bool {
    let what = server.what.to_ascii_lowercase();
    NAMES.iter().any(|name| what.contains(name))
}

pub(super) fn check(context: &Context<'_>) -> RuleOutcome {
    let server = context.facts.stack.as_ref().and_then(|stack| stack.tier(Tier::Server));
    let Some(server) = server else {
        return RuleOutcome::inconclusive("the application server is unknown");
    };
    let found = is_development(server).then(|| Finding {
        id: finding_id(Rule::DevelopmentServer, Tier::Server, None),
        rule: Rule::DevelopmentServer,
        severity: Severity::Likely,
        tier: Tier::Server,
        route: None,
        title: "the site runs on the development server".to_owned(),
        evidence: vec![evidence(
            format!("the server tier is {}", single_line(&server.what, MAX_QUOTED)),
            names::STACK,
        )],
        saving: None,
        fix: "run `gunicorn <project>.wsgi --workers 2` (start with one worker per core) behind nginx"
            .to_owned(),
        reproduce: format!("curl -sI {} | grep -i '^server:'", context.url("/")),
    });
    RuleOutcome::found(found.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;

    #[test]
    fn runserver_is_named() {
        let mut facts = fixtures::healthy();
        let stack = facts.stack.as_mut().expect("stack");
        stack.tiers.iter_mut().find(|t| t.tier == Tier::Server).expect("server").what =
            "Django 5.2 runserver (one process)".into();
        assert_eq!(fixtures::findings(&facts, check).len(), 1);
        assert!(fixtures::findings(&fixtures::healthy(), check).is_empty());
    }

    #[test]
    fn an_unknown_server_is_inconclusive() {
        let mut facts = fixtures::healthy();
        facts.stack = None;
        fixtures::with_context(&facts, |context| assert!(check(context).not_evaluated.is_some()));
    }
}
