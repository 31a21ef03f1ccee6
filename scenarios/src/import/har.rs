//! A scenario from a browser's recording: HAR, as every browser's developer tools write it ("save all as HAR").
//!
//! The pages and calls of one origin become steps in the order in which they were made, with the pauses that were made
//! between them. What the page itself must give anew (CSRF tokens) is taken from the page; what a page brings with it (images,
//! scripts, styles) and other origins are counted and left out. Source: HAR 1.2, W3C Web Performance draft.

mod entry;
mod token;

use serde_json::Value;

use self::entry::{Entry, Kind};
use super::bodies::{self, Written};
use super::draft::{Draft, DraftStep, Setting, literal, quoted, table};
use super::{Counted, ImportError, Imported};
use crate::scenario::Method;
use crate::shape::shape;

const KIND: &str =
    "HAR (JSON with `log.entries`; in the browser's developer tools: network, \"save all as HAR\")";
/// More steps than this are no journey that a person can read.
const MOST_STEPS: usize = 200;
/// Pauses below this are the browser's, not the visitor's.
const LEAST_PAUSE_MS: u64 = 500;
/// Longest pause of a scenario.
const MOST_PAUSE_MS: u64 = 600_000;
/// Headers that say what is wanted, and not who is asking.
const KEPT_HEADERS: [&str; 2] = ["accept", "x-requested-with"];

/// What was left out, counted.
#[derive(Debug, Default)]
struct Left {
    garbage: u64,
    assets: u64,
    elsewhere: u64,
    failed: u64,
    uploads: u64,
    methods: u64,
    many: u64,
}

/// Makes a scenario of a recording; `source_name` is how it is called in it.
///
/// # Errors
/// It is no HAR, or nothing in it could be asked for again.
pub fn from_har(text: &str, source_name: &str) -> Result<Imported, ImportError> {
    let source_name = source_name.to_owned();
    let not_one = |why: String| ImportError::NotOne { source_name: source_name.clone(), kind: KIND, why };
    let mut har: Value = serde_json::from_str(text).map_err(|error| not_one(error.to_string()))?;
    let Some(Value::Array(raw)) = har.pointer_mut("/log/entries").map(Value::take) else {
        return Err(not_one("it has no list of entries".to_owned()));
    };
    let mut left = Left::default();
    let read: Vec<Option<Entry>> = raw.into_iter().map(Entry::read).collect();
    left.garbage = read.iter().filter(|entry| entry.is_none()).count() as u64;
    let mut entries: Vec<Entry> = read.into_iter().flatten().collect();
    entries.sort_by_key(|entry| entry.began_ms);
    let first = entries.iter().find(|entry| entry.kind == Kind::Page).or(entries.first());
    let Some(origin) = first.map(|entry| entry.origin.clone()) else {
        let why = format!("none of its {} entries can be read", left.garbage);
        return Err(ImportError::Nothing { source_name, why });
    };
    let (steps, secrets) = steps(entries, &origin, &mut left);
    let said = left.said(&source_name, &origin, steps.len());
    if steps.is_empty() {
        return Err(ImportError::Nothing { source_name, why: said.join(" ") });
    }
    let mut remarks = said;
    if !secrets.is_empty() {
        remarks.push(format!(
            "Values of {} are secrets and were not taken over: write your own where it says {}.",
            secrets.join(", "),
            bodies::CHANGE_ME
        ));
    }
    let writes = steps.iter().any(|step| !matches!(step.method.as_str(), "GET" | "HEAD"));
    let mut settings = vec![Setting {
        remark: "What a redirect led to was recorded, and is a step of its own.",
        key: "follow_redirects",
        value: "false".to_owned(),
    }];
    if writes {
        settings.push(Setting {
            remark: "It changes data: it is refused against a site that is not thrown away afterwards, unless this is false.",
            key: "needs_throw_away",
            value: "true".to_owned(),
        });
    }
    let description = format!("what was recorded at {origin}");
    let draft = Draft {
        remarks: remarks.clone(),
        name: "har".to_owned(),
        description,
        settings,
        steps,
        ..Draft::default()
    };
    Imported::checked(&draft, remarks)
}

impl Left {
    fn said(&self, source: &str, origin: &str, steps: usize) -> Vec<String> {
        let mut said =
            vec![format!("{} at {origin}, recorded in {source}.", Counted(steps as u64, "request"))];
        let left: Vec<String> = [
            (
                self.assets,
                "image, script, style or font that pages bring with them",
                "images, scripts, styles and fonts that pages bring with them",
            ),
            (self.elsewhere, "request to another origin", "requests to other origins"),
            (self.failed, "request that failed or was given up", "requests that failed or were given up"),
            (self.uploads, "upload of files", "uploads of files"),
            (
                self.methods,
                "request with a method that a step does not have",
                "requests with a method that a step does not have",
            ),
            (self.garbage, "entry that could not be read", "entries that could not be read"),
            (self.many, "request after the first 200", "requests after the first 200"),
        ]
        .into_iter()
        .filter(|(count, ..)| *count > 0)
        .map(|(count, one, many)| format!("{count} {}", if count == 1 { one } else { many }))
        .collect();
        if !left.is_empty() {
            said.push(format!("Left out: {}.", left.join(", ")));
        }
        said
    }
}

/// The steps, and the names of secrets that were taken out of them.
fn steps(entries: Vec<Entry>, origin: &str, left: &mut Left) -> (Vec<DraftStep>, Vec<String>) {
    let (mut steps, mut secrets) = (Vec::<DraftStep>::new(), Vec::new());
    let mut ended_ms = None;
    let mut tokens = token::Tokens::default();
    for entry in entries {
        let is_ours = entry.origin == origin;
        let ended = entry.began_ms + entry.took_ms;
        let counted = match () {
            () if !is_ours => &mut left.elsewhere,
            () if entry.kind == Kind::Asset => &mut left.assets,
            () if !(200..400).contains(&entry.status) => &mut left.failed,
            () if entry.is_upload() => &mut left.uploads,
            () if !Method::ALL.iter().any(|method| method.name() == entry.method) => &mut left.methods,
            () if steps.len() >= MOST_STEPS => &mut left.many,
            () => {
                let pause = ended_ms.map_or(0, |last| entry.began_ms.saturating_sub(last));
                let written = step(&entry, pause, &mut tokens, &mut steps);
                secrets.extend(written);
                ended_ms = Some(ended);
                continue;
            }
        };
        *counted += 1;
        // What a page brings with it is part of the page: the visitor's pause begins after it.
        if is_ours {
            ended_ms = ended_ms.max(Some(ended));
        }
    }
    secrets.sort();
    secrets.dedup();
    (steps, secrets)
}

/// Adds the step of an entry; gives the names of the secrets that it does not write.
fn step(entry: &Entry, pause_ms: u64, tokens: &mut token::Tokens, steps: &mut Vec<DraftStep>) -> Vec<String> {
    // What a browser accepts as a page is of no use to anybody else.
    let is_page = entry.kind == Kind::Page;
    let mut headers: Vec<(String, String)> = entry
        .headers
        .iter()
        .filter(|(name, _)| !is_page || name != "accept")
        .filter(|(name, value)| KEPT_HEADERS.contains(&name.as_str()) && !value.chars().any(char::is_control))
        .map(|(name, value)| (name.clone(), literal(value)))
        .collect();
    if let Some((name, placeholder)) = tokens.header(entry, steps) {
        headers.push((name, format!("{{{placeholder}}}")));
    }
    let body = body(entry, tokens, steps);
    let mut draft = DraftStep {
        name: format!("{} {}", entry.method, shape(&entry.target)).chars().take(120).collect(),
        method: entry.method.clone(),
        path: literal(&entry.target),
        ..DraftStep::default()
    };
    if entry.headers.iter().any(|(name, _)| name == "authorization") {
        draft.remarks.push(
            "It was sent with an Authorization header, which is not written here; headers.authorization = \"…\"".to_owned(),
        );
    }
    let Written { headers: of_body, settings, secrets } = body;
    headers.extend(of_body);
    if !headers.is_empty() {
        draft.settings.push(("headers".to_owned(), table(&headers)));
    }
    draft.settings.extend(settings);
    draft.settings.push(("expect".to_owned(), format!("{{ status = [{}] }}", entry.status)));
    if pause_ms >= LEAST_PAUSE_MS && !steps.is_empty() {
        let rounded = (pause_ms.min(MOST_PAUSE_MS) + 50) / 100 * 100;
        draft.settings.push(("think".to_owned(), format!("{{ ms = {} }}", rounded.min(MOST_PAUSE_MS))));
    }
    if entry.kind == Kind::Page && entry.method == "GET" {
        tokens.page(steps.len());
    }
    steps.push(draft);
    secrets
}

fn body(entry: &Entry, tokens: &mut token::Tokens, steps: &mut [DraftStep]) -> Written {
    let Some((content_type, text)) =
        entry.body.as_ref().filter(|_| !matches!(entry.method.as_str(), "GET" | "HEAD"))
    else {
        return Written::default();
    };
    if content_type.starts_with("application/x-www-form-urlencoded") {
        let fields: Vec<(String, String)> =
            url::form_urlencoded::parse(text.as_bytes()).into_owned().collect();
        let known: Vec<(String, String)> =
            fields.iter().filter_map(|(name, _)| Some((name.clone(), tokens.field(name, steps)?))).collect();
        let known = |name: &str| {
            known.iter().find(|(field, _)| field == name).map(|(_, placeholder)| placeholder.clone())
        };
        bodies::form(&fields, &known)
    } else if content_type.contains("json") {
        bodies::json(text, content_type)
    } else {
        bodies::plain(text, content_type)
    }
}

/// For steps that take a value from a page.
fn extract(draft: &mut DraftStep, placeholder: &str, source: &str) {
    draft.settings.push((format!("extract.{placeholder}"), source.to_owned()));
}

/// `{ css = "…", attr = "…" }`.
fn css(selector: &str, attr: &str) -> String {
    format!("{{ css = {}, attr = {} }}", quoted(selector), quoted(attr))
}
