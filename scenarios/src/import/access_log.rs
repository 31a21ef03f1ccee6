//! A scenario from an access log: the mix that visitors really ask for, with the popularity of each page.
//!
//! Understood are the common and combined formats of Apache and nginx, and logs of one JSON object a line. A log has no
//! bodies, so what is sent to the site with POST and the like is counted and left out, as is what failed.

mod entry;
mod json;
mod mix;
mod replay;
mod sieve;
mod time;

use std::io::BufRead;

use self::entry::{Clock, Entry};
use self::mix::Mix;
use self::sieve::Sieve;
use super::draft::{Draft, Setting};
use super::lines::each_line;
use super::{Counted, ImportError, Imported};

pub use self::replay::Replay;

const KIND: &str = "access log (`127.0.0.1 - - [28/Nov/2026:14:00:00 +0000] \"GET /books/ HTTP/1.1\" 200 512`, or a JSON object a line)";

/// Makes a scenario of what an access log says was asked for; `source_name` is how the log is called in it.
///
/// # Errors
/// The log cannot be read, has no line that is understood, or none that could be asked for again.
pub fn from_access_log(reader: impl BufRead, source_name: &str) -> Result<Imported, ImportError> {
    let mut mix = Mix::default();
    let sieve = sieved(reader, source_name, |entry| mix.add(entry))?;
    let mut said = vec![format!("The mix of {} in {source_name}.", Counted(sieve.taken, "GET request"))];
    said.extend(mix.pace());
    said.extend(sieve.said());
    let (vars, steps) = mix.steps();
    let draft = Draft {
        remarks: said.clone(),
        name: "access-log".to_owned(),
        description: format!("the mix of {} in an access log", Counted(sieve.taken, "request")),
        settings: vec![
            Setting {
                remark: "Each journey is one request, chosen by its share of the log.",
                key: "pick_steps",
                value: "1".to_owned(),
            },
            Setting {
                remark: "What a redirect leads to has lines of its own in the log.",
                key: "follow_redirects",
                value: "false".to_owned(),
            },
        ],
        vars,
        steps,
    };
    Imported::checked(&draft, said)
}

/// Gives every request that can be asked for again to `each`; at least one, or it is an error.
fn sieved(
    reader: impl BufRead,
    source_name: &str,
    mut each: impl FnMut(&Entry<'_>),
) -> Result<Sieve, ImportError> {
    let (mut sieve, mut clock) = (Sieve::default(), Clock::default());
    let read = each_line(reader, |line| match line {
        Some(line) if line.iter().all(u8::is_ascii_whitespace) => {}
        Some(line) => match entry::parse(line, &mut clock) {
            Some(entry) if sieve.passes(&entry) => each(&entry),
            Some(_) => {}
            None => sieve.garbage += 1,
        },
        None => sieve.garbage += 1,
    });
    let source_name = source_name.to_owned();
    if let Err(source) = read {
        return Err(ImportError::Unreadable { source_name, source });
    }
    if sieve.lines() == 0 {
        let why = format!("none of its {} is understood", Counted(sieve.garbage, "line"));
        return Err(ImportError::NotOne { source_name, kind: KIND, why });
    }
    if sieve.taken == 0 {
        return Err(ImportError::Nothing { source_name, why: sieve.said().unwrap_or_default() });
    }
    Ok(sieve)
}
