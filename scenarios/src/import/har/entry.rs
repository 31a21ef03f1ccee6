//! One entry of a HAR file, reduced to the fields that the import needs.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use url::Url;

/// The role of a request in a page load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EntryKind {
    /// A page that the user opened.
    Page,
    /// A request made by a script.
    Call,
    /// An image, script, style sheet, font or other part of a page.
    Asset,
}

/// A parsed entry.
#[derive(Debug, Clone)]
pub(super) struct HarEntry {
    /// Start of the request, since the Unix epoch.
    pub(super) began_ms: u64,
    pub(super) took_ms: u64,
    pub(super) method: String,
    pub(super) origin: String,
    /// Path and query; begins with exactly one slash.
    pub(super) target: String,
    /// All request headers, names in lower case.
    pub(super) headers: Vec<(String, String)>,
    /// Content type and text.
    pub(super) body: Option<(String, String)>,
    pub(super) status: u16,
    pub(super) kind: EntryKind,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawEntry {
    started_date_time: String,
    #[serde(default)]
    time: f64,
    request: RawRequest,
    response: RawResponse,
    #[serde(default, rename = "_resourceType")]
    resource_type: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawRequest {
    method: String,
    url: String,
    #[serde(default)]
    headers: Vec<Pair>,
    #[serde(default)]
    post_data: Option<RawBody>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawBody {
    #[serde(default)]
    mime_type: String,
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    params: Vec<Pair>,
}

#[derive(Deserialize)]
struct Pair {
    name: String,
    #[serde(default)]
    value: String,
}

#[derive(Deserialize)]
struct RawResponse {
    #[serde(default)]
    status: f64,
    #[serde(default)]
    content: RawContent,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct RawContent {
    #[serde(default)]
    mime_type: String,
}

impl HarEntry {
    /// Parses an entry; `None` when it is malformed or not HTTP.
    pub(super) fn parse(raw: Value) -> Option<Self> {
        let raw: RawEntry = serde_json::from_value(raw).ok()?;
        let url = Url::parse(&raw.request.url).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
        let began: Timestamp = raw.started_date_time.parse().ok()?;
        let kind = classify(raw.resource_type.as_deref(), &raw.response.content.mime_type, url.path());
        let target = match url.query() {
            Some(query) => format!("{}?{query}", url.path()),
            None => url.path().to_owned(),
        };
        // A path that begins with two slashes would refer to another host.
        if target.starts_with("//") {
            return None;
        }
        let body = raw.request.post_data.and_then(|body| {
            let text = body.text.filter(|text| !text.is_empty()).or_else(|| {
                let fields = body.params.iter().map(|field| (&field.name, &field.value));
                (!body.params.is_empty()).then(|| {
                    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
                })
            })?;
            Some((body.mime_type, text))
        });
        Some(Self {
            began_ms: u64::try_from(began.as_millisecond()).ok()?,
            took_ms: raw.time.clamp(0.0, 86_400_000.0) as u64,
            method: raw.request.method.to_ascii_uppercase(),
            origin: url.origin().ascii_serialization(),
            target,
            headers: raw
                .request
                .headers
                .into_iter()
                .map(|pair| (pair.name.to_ascii_lowercase(), pair.value))
                .collect(),
            body,
            status: raw.response.status as u16,
            kind,
        })
    }

    pub(super) fn is_upload(&self) -> bool {
        self.body.as_ref().is_some_and(|(content_type, _)| content_type.starts_with("multipart/"))
    }
}

/// Classifies a request by the resource type that Chromium records, or else by the content type of the response and the path.
fn classify(resource_type: Option<&str>, mime_type: &str, path: &str) -> EntryKind {
    const ASSETS: [&str; 16] = [
        "css", "js", "mjs", "map", "png", "jpg", "jpeg", "gif", "svg", "webp", "avif", "ico", "woff",
        "woff2", "ttf", "mp4",
    ];
    match resource_type {
        Some("document") => return EntryKind::Page,
        Some("xhr" | "fetch") => return EntryKind::Call,
        Some(
            "stylesheet" | "script" | "image" | "font" | "media" | "manifest" | "texttrack" | "ping"
            | "websocket",
        ) => {
            return EntryKind::Asset;
        }
        _ => {}
    }
    let extension =
        path.rsplit('/').next().and_then(|file| file.rsplit_once('.')).map(|(_, extension)| extension);
    let is_asset =
        ["image/", "font/", "audio/", "video/", "text/css"].iter().any(|start| mime_type.starts_with(start))
            || mime_type.contains("javascript")
            || extension.is_some_and(|extension| ASSETS.contains(&extension.to_ascii_lowercase().as_str()));
    if is_asset {
        EntryKind::Asset
    } else if mime_type.contains("html") || mime_type.is_empty() {
        EntryKind::Page
    } else {
        EntryKind::Call
    }
}
