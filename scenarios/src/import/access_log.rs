//! Builds a scenario from an access log: the request mix of real users, with the popularity of each page.
//!
//! Supported are the common and combined formats of Apache and nginx, and logs with one JSON object per line. A log has no
//! request bodies, so requests other than GET are counted and skipped, and so are failed requests.

mod clf;
mod entry;
mod filter;
mod json;
mod line;
mod mix;
mod replay;
mod time;

use std::io::BufRead;

use kneepoint_model::text::plural;

use self::clf::TimestampCache;
use self::entry::LogEntry;
use self::filter::RequestFilter;
use self::line::parse_line;
use self::mix::RequestMix;
use super::draft::{DraftScenario, Setting};
use super::lines::for_each_line;
use super::{ImportError, Imported};

pub use self::replay::Replay;

const KIND: &str = "an access log (`127.0.0.1 - - [28/Nov/2026:14:00:00 +0000] \"GET /books/ HTTP/1.1\" 200 512`, or one JSON object per line)";

/// Builds a scenario from the requests of an access log; `source_name` is the name of the log in texts.
///
/// # Errors
/// The log cannot be read, has no line in a supported format, or no request that can be repeated.
pub fn from_access_log(reader: impl BufRead, source_name: &str) -> Result<Imported, ImportError> {
    let mut mix = RequestMix::default();
    let filter = filter_requests(reader, source_name, |entry| mix.add(entry))?;
    let mut notes = vec![format!("The mix of {} in {source_name}.", plural(filter.accepted, "GET request"))];
    notes.extend(mix.describe_rates());
    notes.extend(filter.describe_skipped());
    let (vars, steps) = mix.build_steps();
    let draft = DraftScenario {
        remarks: notes.clone(),
        name: "access-log".to_owned(),
        description: format!("the mix of {} in an access log", plural(filter.accepted, "request")),
        settings: vec![
            Setting {
                remark: "Each journey is one request, chosen by its share of the log.",
                key: "pick_steps",
                value: "1".to_owned(),
            },
            Setting {
                remark: "The log has separate lines for the targets of redirects.",
                key: "follow_redirects",
                value: "false".to_owned(),
            },
        ],
        vars,
        steps,
    };
    Imported::from_draft(&draft, notes)
}

/// Calls `on_request` with every request that can be repeated; an error when there is none.
fn filter_requests(
    reader: impl BufRead,
    source_name: &str,
    mut on_request: impl FnMut(&LogEntry<'_>),
) -> Result<RequestFilter, ImportError> {
    let (mut filter, mut times) = (RequestFilter::default(), TimestampCache::default());
    let read = for_each_line(reader, |line| match line {
        Some(line) if line.iter().all(u8::is_ascii_whitespace) => {}
        Some(line) => match parse_line(line, &mut times) {
            Some(entry) if filter.accept(&entry) => on_request(&entry),
            Some(_) => {}
            None => filter.unparseable += 1,
        },
        None => filter.unparseable += 1,
    });
    let source_name = source_name.to_owned();
    if let Err(source) = read {
        return Err(ImportError::Unreadable { source_name, source });
    }
    if filter.request_count() == 0 {
        let why = format!("none of its {} is in a supported format", plural(filter.unparseable, "line"));
        return Err(ImportError::WrongFormat { source_name, kind: KIND, why });
    }
    if filter.accepted == 0 {
        return Err(ImportError::NothingUsable {
            source_name,
            why: filter.describe_skipped().unwrap_or_default(),
        });
    }
    Ok(filter)
}
