//! Untrusted input: no string from the site may become markup, a link or a control code in a report. These tests append an
//! attack to every string of the inputs.

use kneepoint_analysis::{Analysis, RunFacts};
use kneepoint_model::db::DbWindow;
use kneepoint_model::summary::Summary;
use kneepoint_reports::{ReportView, render};
use scraper::{Html, Selector};
use serde_json::Value;

use crate::fixture;

pub(crate) const EVIL: &str = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'><a href=\"javascript:alert(3)\">`|{{ 7*7 }}\u{1b}[2J\u{202e}javascript:alert(4)";

/// Appends [`EVIL`] to every string that is not in `closed` and is not a URL.
pub(crate) fn poison(value: &mut Value, closed: &[String]) {
    match value {
        Value::String(text) if !closed.contains(text) && url::Url::parse(text).is_err() => {
            *text = format!("{text}{EVIL}");
        }
        Value::Array(items) => items.iter_mut().for_each(|item| poison(item, closed)),
        Value::Object(map) => {
            let keys: Vec<String> = map.keys().cloned().collect();
            for key in keys {
                let mut inner = map.remove(&key).expect("key is there");
                poison(&mut inner, closed);
                map.insert(key, inner);
            }
        }
        _ => {}
    }
}

/// Poisons a value through its JSON form; names of enum variants stay, because the value could not be parsed otherwise.
fn poisoned<T: serde::Serialize + serde::de::DeserializeOwned>(value: &T) -> T {
    let closed = enum_names();
    let mut json = serde_json::to_value(value).expect("serialises");
    poison(&mut json, &closed);
    serde_json::from_value(json).expect("only enum names must stay")
}

fn enum_names() -> Vec<String> {
    "proxy server engine db cache queue objects generator host hint likely proven n-plus-one cache-miss worker-starvation \
     uncompressed errors cpu-starvation pass fail inconclusive partial up smoke warm probe load profile down analyse gate \
     report done degraded skipped failed interrupted py_spy perf pprof_http pprof_self merged running wall gil samples \
     closed open ok server_error html asset api meta other passed warned not_compressed no_cache_headers native python \
     framepointers 1.1 2 set_cookie vary_cookie cache_control no_lifetime personal no_cache form_token hit miss expired bypass \
     stale revalidated mysql mariadb select insert update delete replace call other begin commit rollback savepoint \
     autocommit setting seen not_seen explain_tree explain_analyze explain_json analyze_json redis memcached none quiet noted unknown doubtful spoilt"
        .split_whitespace()
        .map(str::to_owned)
        .collect()
}

fn poisoned_view() -> ReportView {
    let run = fixture::run();
    let mut facts = RunFacts::new(poisoned(&run.facts.manifest));
    facts.stack = run.facts.stack.as_ref().map(poisoned);
    facts.site = run.facts.site.as_ref().map(poisoned);
    facts.warm = run.facts.warm.as_ref().map(poisoned);
    facts.probe = run.facts.probe.as_ref().map(poisoned);
    facts.phases = poisoned(&run.facts.phases);
    for phase in &mut facts.phases {
        phase.name.push_str(EVIL);
        phase.scenarios.insert(EVIL.into(), 1);
    }
    facts.access = run.facts.access.values().map(|access| (EVIL.to_owned(), poisoned(access))).collect();
    facts.db = run.facts.db.values().map(poisoned).map(|w: DbWindow| (w.phase.clone(), w)).collect();
    facts.samples.clone_from(&run.facts.samples);
    facts.profiles = run.facts.profiles.as_ref().map(poisoned);
    facts.unread = vec![EVIL.into()];
    facts.manifest.versions.insert(EVIL.into(), EVIL.into());
    facts.manifest.stopped_by = Some(EVIL.into());
    facts.manifest.complete = false;
    let mut analysis: Analysis = poisoned(&run.analysis);
    analysis.rules[0].not_evaluated = Some(EVIL.into());
    let mut summary: Summary = poisoned(&run.summary);
    for load in &mut summary.load {
        load.valid = false;
        load.why = vec![EVIL.into()];
    }
    let mut flames = run.flames;
    for flame in &mut flames {
        flame.title.push_str(EVIL);
    }
    ReportView::build(&facts, &analysis, &summary, &flames)
}

#[test]
fn html_contains_no_untrusted_markup() {
    let page = render::html(&poisoned_view()).expect("renders");
    assert!(page.matches("alert(1)").count() > 100, "the page contains the attack");
    assert!(
        !page.contains("</script><script>")
            && !page.contains("<img")
            && !page.contains("<a href=\"javascript")
    );
    assert!(page.contains("{{ 7*7 }}"), "template syntax in untrusted input is not evaluated");
    let page = Html::parse_document(&page);
    let all = |selector: &str| page.select(&Selector::parse(selector).expect("selector")).collect::<Vec<_>>();
    assert_eq!(all("script").len(), 1, "only that of kneepoint");
    assert!(all("img, object, embed").is_empty());
    for element in all("*") {
        for (name, value) in element.value().attrs() {
            assert!(!name.starts_with("on"), "{name} on {}", element.value().name());
            let link = ["href", "src", "action", "xlink:href"].contains(&name);
            assert!(!link || !value.to_ascii_lowercase().contains("script:"), "{name}={value}");
        }
    }
}

#[test]
fn frames_contain_the_flame_graph_and_nothing_of_the_title() {
    let page = Html::parse_document(&render::html(&poisoned_view()).expect("renders"));
    let frames: Vec<_> = page.select(&Selector::parse("iframe").expect("selector")).collect();
    assert_eq!(frames.len(), 3);
    for frame in frames {
        assert!(!frame.attr("srcdoc").expect("document").contains("alert("));
        assert_eq!(frame.attr("sandbox"), Some("allow-scripts"), "the frame never gets an origin");
    }
}

#[test]
fn markdown_contains_no_untrusted_markup() {
    let text = render::markdown(&poisoned_view());
    assert!(text.contains("alert(1)"), "the text contains the attack");
    for bad in ["\u{1b}", "\u{202e}", "](javascript"] {
        assert!(!text.contains(bad), "{bad:?}");
    }
    // HTML is inert inside code spans; outside it must be escaped.
    for line in text.lines() {
        let outside: String = line.split('`').step_by(2).collect();
        let escaped = line.replace("\\`", "");
        let outside = if escaped.contains('`') { escaped.split('`').step_by(2).collect() } else { outside };
        assert!(!outside.contains("<script") && !outside.contains("<img"), "{line}");
    }
    let width = |line: &str| line.replace("\\|", "").matches('|').count();
    let lines: Vec<&str> = text.lines().collect();
    for pair in lines.windows(2).filter(|pair| pair[0].starts_with('|') && pair[1].starts_with('|')) {
        assert_eq!(width(pair[0]), width(pair[1]), "a cell breaks its row: {}", pair[1]);
    }
}

#[test]
fn terminal_text_cannot_move_the_cursor() {
    let text = render::terminal(&poisoned_view(), false);
    assert!(text.contains("alert(1)"));
    assert!(text.chars().all(|c| c == '\n' || !c.is_control()), "no control character");
}
