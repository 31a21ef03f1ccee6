//! Reports use the standard terms of the glossary: words of kneepoint's former private vocabulary occur in no rendered
//! report.

use kneepoint_reports::{ReportView, render};

use crate::fixture::Run;
use crate::{experiment, fixture, ladder};

/// Words and phrases that a performance engineer would have to decode, in all their forms.
const BANNED: [&str; 28] = [
    "stranger",
    "strangers",
    "mend",
    "mends",
    "mended",
    "mending",
    "manoeuvre",
    "manoeuvres",
    "bent",
    "promise",
    "promised",
    "promises",
    "climb",
    "climbs",
    "climbed",
    "climbing",
    "the wish",
    "told of",
    "not said",
    "what came of",
    "alone",
    "carries",
    "bought",
    "its like",
    "so many",
    "sentence",
    "sentences",
    "could judge",
];

/// Every report of the fixtures in every text format, with its name.
fn reports() -> Vec<(String, String)> {
    let mut all = Vec::new();
    let view = |run: &Run| ReportView::build(&run.facts, &run.analysis, &run.summary, &run.flames);
    for (name, view) in [("run", view(&fixture::run())), ("empty run", view(&fixture::nothing()))] {
        all.push((format!("{name}, HTML"), render::html(&view).expect("renders")));
        all.push((format!("{name}, Markdown"), render::markdown(&view)));
        all.push((format!("{name}, terminal"), render::terminal(&view, false)));
    }
    for (name, view) in [("ladder", ladder::view()), ("empty ladder", ladder::nothing())] {
        use kneepoint_reports::ladder::render;
        all.push((format!("{name}, HTML"), render::html(&view).expect("renders")));
        all.push((format!("{name}, Markdown"), render::markdown(&view)));
        all.push((format!("{name}, terminal"), render::terminal(&view, false)));
    }
    let report = experiment::report();
    all.push(("experiment, HTML".to_owned(), report.html().expect("renders")));
    all.push(("experiment, Markdown".to_owned(), report.markdown()));
    all.push(("experiment, terminal".to_owned(), report.terminal(false)));
    all
}

/// The text around each occurrence of `phrase` as whole words; both are in lower case.
fn occurrences<'a>(text: &'a str, phrase: &str) -> Vec<&'a str> {
    let is_word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    text.match_indices(phrase)
        .filter(|(at, _)| {
            !is_word(text[..*at].chars().next_back()) && !is_word(text[at + phrase.len()..].chars().next())
        })
        .map(|(at, _)| {
            let from = (0..=at.saturating_sub(60)).rev().find(|i| text.is_char_boundary(*i)).unwrap_or(0);
            let until = (at + phrase.len() + 60..text.len()).find(|i| text.is_char_boundary(*i));
            &text[from..until.unwrap_or(text.len())]
        })
        .collect()
}

#[test]
fn no_report_contains_a_banned_word() {
    let mut found = Vec::new();
    for (name, text) in reports() {
        let text = text.to_lowercase();
        for phrase in BANNED {
            found.extend(
                occurrences(&text, phrase).into_iter().map(|at| format!("{name}: {phrase:?} in …{at}…")),
            );
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn only_whole_words_are_found() {
    assert_eq!(occurrences("bent, unbent and bent_over", "bent"), ["bent, unbent and bent_over"]);
    assert!(occurrences("standalone recommendations", "alone").is_empty());
}
