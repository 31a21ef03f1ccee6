//! Builds a scenario from a browser recording in HAR format ("save all as HAR" in the developer tools).
//!
//! The page loads and script calls of one origin become steps in recorded order, with the recorded pauses. CSRF tokens are
//! extracted from the pages. Page assets (images, scripts, styles) and requests to other origins are counted and skipped.
//! Source: HAR 1.2, W3C Web Performance draft.

mod csrf;
mod entry;

use kneepoint_model::text::{clip, plural, plural_form};
use serde_json::Value;

use self::csrf::CsrfTokens;
use self::entry::{EntryKind, HarEntry};
use super::draft::{DraftScenario, DraftStep, Setting, escape_braces, inline_table, quote_toml};
use super::step_body::{self, StepBody};
use super::{ImportError, Imported};
use crate::scenario::Method;
use crate::url_template::derive_url_template;

const KIND: &str =
    "a HAR file (JSON with `log.entries`; in the browser's developer tools: network, \"save all as HAR\")";
/// Limit of steps, so that a person can read the journey.
const MAX_STEPS: usize = 200;
/// Shorter pauses come from the browser, not from the user.
const MIN_PAUSE_MS: u64 = 500;
/// Longest think time that a scenario allows.
const MAX_PAUSE_MS: u64 = 600_000;
/// Headers that are imported, because they select the kind of response and do not identify the user.
const KEPT_HEADERS: [&str; 2] = ["accept", "x-requested-with"];

/// Numbers of skipped entries by reason.
#[derive(Debug, Default)]
struct SkippedEntries {
    unparseable: u64,
    assets: u64,
    other_origins: u64,
    failed: u64,
    uploads: u64,
    methods: u64,
    beyond_limit: u64,
}

/// Builds a scenario from a recording; `source_name` is the name of the recording in texts.
///
/// # Errors
/// The text is not HAR, or it contains no request that can be repeated.
pub fn from_har(text: &str, source_name: &str) -> Result<Imported, ImportError> {
    let source_name = source_name.to_owned();
    let wrong_format =
        |why: String| ImportError::WrongFormat { source_name: source_name.clone(), kind: KIND, why };
    let mut har: Value = serde_json::from_str(text).map_err(|error| wrong_format(error.to_string()))?;
    let Some(Value::Array(raw)) = har.pointer_mut("/log/entries").map(Value::take) else {
        return Err(wrong_format("it has no array `log.entries`".to_owned()));
    };
    let mut skipped = SkippedEntries::default();
    let parsed: Vec<Option<HarEntry>> = raw.into_iter().map(HarEntry::parse).collect();
    skipped.unparseable = parsed.iter().filter(|entry| entry.is_none()).count() as u64;
    let mut entries: Vec<HarEntry> = parsed.into_iter().flatten().collect();
    entries.sort_by_key(|entry| entry.began_ms);
    let first = entries.iter().find(|entry| entry.kind == EntryKind::Page).or(entries.first());
    let Some(origin) = first.map(|entry| entry.origin.clone()) else {
        let why = format!("none of its {} entries can be parsed", skipped.unparseable);
        return Err(ImportError::NothingUsable { source_name, why });
    };
    let (steps, secrets) = build_steps(entries, &origin, &mut skipped);
    let mut notes = skipped.describe(&source_name, &origin, steps.len());
    if steps.is_empty() {
        return Err(ImportError::NothingUsable { source_name, why: notes.join(" ") });
    }
    if !secrets.is_empty() {
        notes.push(format!(
            "The values of {} are secrets and were not imported: replace {} with your own values.",
            secrets.join(", "),
            step_body::CHANGE_ME
        ));
    }
    let writes = steps.iter().any(|step| !matches!(step.method.as_str(), "GET" | "HEAD"));
    let mut settings = vec![Setting {
        remark: "The target of each redirect was recorded as a step of its own.",
        key: "follow_redirects",
        value: "false".to_owned(),
    }];
    if writes {
        settings.push(Setting::needs_throw_away());
    }
    let description = format!("requests recorded at {origin}");
    let draft = DraftScenario {
        remarks: notes.clone(),
        name: "har".to_owned(),
        description,
        settings,
        steps,
        ..DraftScenario::default()
    };
    Imported::from_draft(&draft, notes)
}

impl SkippedEntries {
    /// Sentences about what was imported and what was skipped.
    fn describe(&self, source: &str, origin: &str, steps: usize) -> Vec<String> {
        let mut notes = vec![format!("{} at {origin}, recorded in {source}.", plural(steps, "request"))];
        let skipped: Vec<String> = [
            (
                self.assets,
                "image, script, style or font of a page",
                "images, scripts, styles and fonts of pages",
            ),
            (self.other_origins, "request to another origin", "requests to other origins"),
            (self.failed, "request that failed or was aborted", "requests that failed or were aborted"),
            (self.uploads, "file upload", "file uploads"),
            (self.methods, "request with an unsupported method", "requests with an unsupported method"),
            (self.unparseable, "entry that could not be parsed", "entries that could not be parsed"),
            (self.beyond_limit, "request after the first 200", "requests after the first 200"),
        ]
        .into_iter()
        .filter(|(count, ..)| *count > 0)
        .map(|(count, one, many)| format!("{count} {}", plural_form(count, one, many)))
        .collect();
        if !skipped.is_empty() {
            notes.push(format!("Skipped: {}.", skipped.join(", ")));
        }
        notes
    }
}

/// Builds the steps; also returns the names of the secrets that were replaced in them.
fn build_steps(
    entries: Vec<HarEntry>,
    origin: &str,
    skipped: &mut SkippedEntries,
) -> (Vec<DraftStep>, Vec<String>) {
    let (mut steps, mut secrets) = (Vec::<DraftStep>::new(), Vec::new());
    let mut ended_ms = None;
    let mut tokens = CsrfTokens::default();
    for entry in entries {
        let is_same_origin = entry.origin == origin;
        let ended = entry.began_ms + entry.took_ms;
        let counter = match () {
            () if !is_same_origin => &mut skipped.other_origins,
            () if entry.kind == EntryKind::Asset => &mut skipped.assets,
            () if !(200..400).contains(&entry.status) => &mut skipped.failed,
            () if entry.is_upload() => &mut skipped.uploads,
            () if !Method::ALL.iter().any(|method| method.name() == entry.method) => &mut skipped.methods,
            () if steps.len() >= MAX_STEPS => &mut skipped.beyond_limit,
            () => {
                let pause = ended_ms.map_or(0, |last| entry.began_ms.saturating_sub(last));
                let replaced = add_step(&entry, pause, &mut tokens, &mut steps);
                secrets.extend(replaced);
                ended_ms = Some(ended);
                continue;
            }
        };
        *counter += 1;
        // Assets belong to their page: the think time begins after the last of them.
        if is_same_origin {
            ended_ms = ended_ms.max(Some(ended));
        }
    }
    secrets.sort();
    secrets.dedup();
    (steps, secrets)
}

/// Adds the step of an entry; returns the names of the secrets that were replaced in it.
fn add_step(
    entry: &HarEntry,
    pause_ms: u64,
    tokens: &mut CsrfTokens,
    steps: &mut Vec<DraftStep>,
) -> Vec<String> {
    // The Accept header of a page load only describes the browser.
    let is_page = entry.kind == EntryKind::Page;
    let mut headers: Vec<(String, String)> = entry
        .headers
        .iter()
        .filter(|(name, _)| !is_page || name != "accept")
        .filter(|(name, value)| KEPT_HEADERS.contains(&name.as_str()) && !value.chars().any(char::is_control))
        .map(|(name, value)| (name.clone(), escape_braces(value)))
        .collect();
    if let Some((name, placeholder)) = tokens.find_header(entry, steps) {
        headers.push((name, format!("{{{placeholder}}}")));
    }
    let body = build_body(entry, tokens, steps);
    let mut draft = DraftStep {
        name: clip(&format!("{} {}", entry.method, derive_url_template(&entry.target)), 120).to_owned(),
        method: entry.method.clone(),
        path: escape_braces(&entry.target),
        ..DraftStep::default()
    };
    if entry.headers.iter().any(|(name, _)| name == "authorization") {
        draft.remarks.push(
            "It was recorded with an Authorization header, which was not imported. Set it with headers.authorization = \"…\".".to_owned(),
        );
    }
    let StepBody { headers: body_headers, settings, secrets } = body;
    headers.extend(body_headers);
    if !headers.is_empty() {
        draft.settings.push(("headers".to_owned(), inline_table(&headers)));
    }
    draft.settings.extend(settings);
    draft.settings.push(("expect".to_owned(), format!("{{ status = [{}] }}", entry.status)));
    if pause_ms >= MIN_PAUSE_MS && !steps.is_empty() {
        let rounded = (pause_ms.min(MAX_PAUSE_MS) + 50) / 100 * 100;
        draft.settings.push(("think".to_owned(), format!("{{ ms = {} }}", rounded.min(MAX_PAUSE_MS))));
    }
    if entry.kind == EntryKind::Page && entry.method == "GET" {
        tokens.record_page(steps.len());
    }
    steps.push(draft);
    secrets
}

fn build_body(entry: &HarEntry, tokens: &mut CsrfTokens, steps: &mut [DraftStep]) -> StepBody {
    let Some((content_type, text)) =
        entry.body.as_ref().filter(|_| !matches!(entry.method.as_str(), "GET" | "HEAD"))
    else {
        return StepBody::default();
    };
    if content_type.starts_with("application/x-www-form-urlencoded") {
        let fields: Vec<(String, String)> =
            url::form_urlencoded::parse(text.as_bytes()).into_owned().collect();
        let placeholders: Vec<(String, String)> = fields
            .iter()
            .filter_map(|(name, _)| Some((name.clone(), tokens.find_field(name, steps)?)))
            .collect();
        let placeholder_for = |name: &str| {
            placeholders.iter().find(|(field, _)| field == name).map(|(_, placeholder)| placeholder.clone())
        };
        step_body::render_form(&fields, &placeholder_for)
    } else if content_type.contains("json") {
        step_body::render_json(text, content_type)
    } else {
        step_body::render_plain(text, content_type)
    }
}

/// Adds an extract to a step.
fn add_extract(draft: &mut DraftStep, placeholder: &str, source: &str) {
    draft.settings.push((format!("extract.{placeholder}"), source.to_owned()));
}

/// The source of an extract: `{ css = "…", attr = "…" }`.
fn format_css_source(selector: &str, attr: &str) -> String {
    format!("{{ css = {}, attr = {} }}", quote_toml(selector), quote_toml(attr))
}
