//! `DEBUG = True`: invisible in throughput, but it keeps every statement in memory and shows settings to everyone.
//! Detected by the debug page in the crawl, or by the stack's toggles.

use kneepoint_model::finding::{Evidence, Finding, Rule, Severity, finding_id};
use kneepoint_model::run::names;
use kneepoint_model::site::PageProblem;
use kneepoint_model::text::single_line;
use kneepoint_model::tier::Tier;

use super::context::evidence;
use super::text::MAX_QUOTED;
use super::{Context, RuleOutcome};

pub(super) fn check(context: &Context<'_>) -> RuleOutcome {
    let page = context
        .facts
        .site
        .iter()
        .flat_map(|site| &site.pages)
        .find(|page| page.problems.iter().any(|problem| matches!(problem, PageProblem::DebugPage)));
    let switch = context.facts.stack.iter().flat_map(|stack| &stack.toggles).find(|(name, value)| {
        let name = name.to_ascii_uppercase();
        (name == "DEBUG" || name.ends_with("_DEBUG"))
            && matches!(value.trim().to_ascii_lowercase().as_str(), "1" | "true" | "on" | "yes")
    });
    if context.facts.site.is_none() && context.facts.stack.is_none() {
        return RuleOutcome::inconclusive("neither the crawl nor the stack's toggles are known");
    }
    let mut all: Vec<Evidence> = Vec::new();
    all.extend(page.map(|page| {
        evidence(format!("{} shows Django's debug page", single_line(&page.path, MAX_QUOTED)), names::SITE)
    }));
    all.extend(switch.map(|(name, value)| {
        evidence(
            format!(
                "the stack runs with {}={}",
                single_line(name, MAX_QUOTED),
                single_line(value, MAX_QUOTED)
            ),
            names::STACK,
        )
    }));
    if all.is_empty() {
        return RuleOutcome::default();
    }
    let path = page.map_or("/kneepoint-no-such-page/", |page| page.path.as_str());
    RuleOutcome::found(vec![Finding {
        id: finding_id(Rule::DebugMode, Tier::Server, None),
        rule: Rule::DebugMode,
        severity: if page.is_some() { Severity::Proven } else { Severity::Likely },
        tier: Tier::Server,
        route: None,
        title: "the site runs with DEBUG = True".to_owned(),
        evidence: all,
        saving: None,
        fix: "set `DEBUG = False` and `ALLOWED_HOSTS` in the settings of the deployed site".to_owned(),
        reproduce: format!("curl -s {} | grep -o 'DEBUG = True'", context.url(path)),
    }])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;

    #[test]
    fn a_debug_page_is_proof_and_a_toggle_is_likely() {
        let mut facts = fixtures::healthy();
        facts.stack.as_mut().expect("stack").toggles.insert("BOOKSTORE_DEBUG".into(), "1".into());
        assert_eq!(fixtures::findings(&facts, check)[0].severity, Severity::Likely);
        facts.site.as_mut().expect("site").pages[1].problems.push(PageProblem::DebugPage);
        assert_eq!(fixtures::findings(&facts, check)[0].severity, Severity::Proven);
    }

    #[test]
    fn a_toggle_that_is_off_is_no_finding() {
        let mut facts = fixtures::healthy();
        facts.stack.as_mut().expect("stack").toggles.insert("DEBUG".into(), "0".into());
        assert!(fixtures::findings(&facts, check).is_empty());
    }
}
