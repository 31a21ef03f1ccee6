//! The crontab that keeps a site warm: "configure curl to access most frequent pages using crontabs".
//!
//! A path comes from the site and is hostile: it goes through the shell in single quotes, and through cron, which reads
//! a bare `%` as the end of the command (crontab(5)). Lines that cron would cut are left out and said so.

use kneepoint_model::via::Via;
use url::Url;

use crate::address::canonical;

/// Longest command that cron takes (`MAX_COMMAND` in cron's sources is 1000, with its end).
const MAX_COMMAND: usize = 998;
/// What asks for one page: quietly, fails on an error status, throws the body away, ends by itself.
pub(crate) const CURL: &str =
    "/usr/bin/curl --silent --fail --globoff --compressed --max-time 10 --output /dev/null";

/// A crontab that asks for each path every so many minutes (at least 1; from 60 on, whole hours up to a day).
pub fn cron(base: &Url, via: &Via, paths: &[String], every_minutes: u32) -> String {
    let (schedule, way) = (schedule(every_minutes), way(via, quoted));
    let mut out = format!(
        "# Keeps the most visited pages warm, {}. Written by kneepoint.\n\
         # To install: (crontab -l 2>/dev/null; cat this-file) | crontab -\n",
        interval(every_minutes)
    );
    for url in urls(base, paths) {
        let command = format!("{CURL}{way} {}", quoted(url.as_str())).replace('%', "\\%");
        if command.len() > MAX_COMMAND {
            out.push_str("# (a page was left out: its address is too long for cron)\n");
        } else {
            out.extend([schedule.as_str(), " ", command.as_str(), "\n"]);
        }
    }
    out
}

/// What curl must be told of the way to the site; paths go through `quoted`.
pub(crate) fn way(via: &Via, quoted: impl Fn(&str) -> String) -> String {
    let options = [("--unix-socket", &via.unix_socket), ("--cacert", &via.ca_file)];
    let given = options.iter().filter_map(|(option, path)| Some((option, path.as_ref()?)));
    given
        .flat_map(|(option, path)| {
            [" ".into(), (*option).into(), " ".into(), quoted(&path.to_string_lossy())]
        })
        .collect()
}

/// The addresses to ask for; paths that lead off the site are not asked for.
pub(crate) fn urls(base: &Url, paths: &[String]) -> Vec<Url> {
    let base = canonical(base);
    let mut urls: Vec<Url> = Vec::new();
    for url in paths.iter().filter_map(|path| base.join(path).ok()).map(|url| canonical(&url)) {
        if url.origin() == base.origin() && !urls.contains(&url) {
            urls.push(url);
        }
    }
    urls
}

pub(crate) fn interval(every_minutes: u32) -> String {
    match every_minutes.max(1) {
        1 => "every minute".to_owned(),
        minutes @ 2..60 => format!("every {minutes} minutes"),
        minutes => match minutes.div_ceil(60).min(24) {
            1 => "every hour".to_owned(),
            24 => "once a day".to_owned(),
            hours => format!("every {hours} hours"),
        },
    }
}

fn schedule(every_minutes: u32) -> String {
    match every_minutes.max(1) {
        1 => "* * * * *".to_owned(),
        minutes @ 2..60 => format!("*/{minutes} * * * *"),
        minutes => match minutes.div_ceil(60).min(24) {
            1 => "0 * * * *".to_owned(),
            24 => "0 0 * * *".to_owned(),
            hours => format!("0 */{hours} * * *"),
        },
    }
}

/// In single quotes, where the shell reads nothing but the next single quote.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn base() -> Url {
        Url::parse("http://user:secret@127.0.0.1:8000/").unwrap()
    }

    #[test]
    fn a_page_is_one_line() {
        let text = cron(&base(), &Via::default(), &["/".into(), "/books/?page=2".into()], 5);
        insta::assert_snapshot!(text);
    }

    #[test]
    fn hostile_paths_stay_arguments() {
        let paths = [
            "/it's'; rm -rf ~ #",
            "/$(id)`id`",
            "/100%25?q=%0Areboot",
            "/a\nb",
            "/x&y|z;w",
            "//evil.test/",
            "/\\\"",
            "/[1-9]{a,b}",
        ];
        insta::assert_snapshot!(cron(&base(), &Via::default(), &paths.map(str::to_owned), 5));
    }

    #[test]
    fn the_way_to_the_site_is_curl_s_too() {
        let via =
            Via { unix_socket: Some("/run/it's 100%.sock".into()), ca_file: Some("/etc/ca.pem".into()) };
        let text = cron(&base(), &via, &["/".into()], 5);
        let way = r"--output /dev/null --unix-socket '/run/it'\''s 100\%.sock' --cacert '/etc/ca.pem' 'http";
        assert!(text.contains(way), "{text}");
    }

    #[test]
    fn schedules_are_what_they_say() {
        for (minutes, line) in [
            (0, "* * * * *"),
            (1, "* * * * *"),
            (5, "*/5 * * * *"),
            (59, "*/59 * * * *"),
            (60, "0 * * * *"),
            (61, "0 */2 * * *"),
            (100_000, "0 0 * * *"),
        ] {
            assert_eq!(schedule(minutes), line, "{minutes}");
        }
    }

    #[test]
    fn an_address_too_long_for_cron_is_said_not_cut() {
        let text = cron(&base(), &Via::default(), &[format!("/{}", "x".repeat(1_000))], 5);
        assert!(text.contains("left out") && !text.contains("xxx"));
    }

    proptest! {
        /// Undoes cron (`\%`), then the shell's single quotes: what is left must be the address, as one word.
        #[test]
        fn whatever_the_path_the_shell_sees_one_word(path in "/[ -~é\n\t]{0,40}") {
            let urls = urls(&base(), std::slice::from_ref(&path));
            let text = cron(&base(), &Via::default(), &[path], 5);
            let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
            prop_assert_eq!(lines.len(), urls.len());
            for (line, url) in lines.iter().zip(&urls) {
                prop_assert!(!line.replace("\\%", "").contains('%'), "a bare % ends the command");
                let command = line.strip_prefix("*/5 * * * * ").unwrap().replace("\\%", "%");
                let word = command.strip_prefix(CURL).unwrap().trim_start();
                prop_assert_eq!(unquote(word), Some(url.to_string()));
            }
        }
    }

    fn unquote(word: &str) -> Option<String> {
        let (mut out, mut quoted, mut chars) = (String::new(), false, word.chars());
        while let Some(c) = chars.next() {
            match c {
                '\'' => quoted = !quoted,
                '\\' if !quoted => out.push(chars.next()?),
                c if quoted => out.push(c),
                _ => return None,
            }
        }
        (!quoted).then_some(out)
    }
}
