//! The same as a systemd timer: two units, for machines without cron.
//!
//! In `ExecStart=` a `%` begins a specifier, a `$` a variable, and a backslash an escape, also within quotes
//! (systemd.service(5), "Command lines"; systemd.syntax(7), "Quoting").

use kneepoint_model::via::Via;
use url::Url;

use crate::cron::{CURL, interval, urls, way};

/// The units `kneepoint-warm.service` and `kneepoint-warm.timer`, in this order.
pub fn systemd_timer(base: &Url, via: &Via, paths: &[String], every_minutes: u32) -> (String, String) {
    let mut service = "# kneepoint-warm.service: asks for the most visited pages. Written by kneepoint.\n\
         [Unit]\nDescription=Keep the most visited pages warm\n\n[Service]\nType=oneshot\nDynamicUser=yes\n"
        .to_owned();
    for url in urls(base, paths) {
        // The dash: a page that fails must not keep the next from being warmed.
        service.extend(["ExecStart=-", CURL, &way(via, quoted), " ", quoted(url.as_str()).as_str(), "\n"]);
    }
    let minutes = every_minutes.max(1);
    let timer = format!(
        "# kneepoint-warm.timer: {}. Written by kneepoint.\n\
         # To install: copy both units to /etc/systemd/system, then: systemctl enable --now kneepoint-warm.timer\n\
         [Unit]\nDescription=Keep the most visited pages warm, {}\n\n\
         [Timer]\nOnBootSec=1min\nOnUnitActiveSec={minutes}min\nAccuracySec=5s\n\n\
         [Install]\nWantedBy=timers.target\n",
        interval(minutes),
        interval(minutes),
    );
    (service, timer)
}

fn quoted(text: &str) -> String {
    let mut out = String::from('"');
    for c in text.chars() {
        match c {
            '%' => out.push_str("%%"),
            '$' => out.push_str("$$"),
            '\\' => out.push_str("\\\\"),
            '"' => out.push_str("\\\""),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_whole_and_hostile_paths_stay_arguments() {
        let base = Url::parse("http://127.0.0.1:8000/").unwrap();
        let paths = ["/", "/100%25?q=$HOME", "/a\"b\\c", "/x\nExecStart=/bin/sh", "/it's"].map(str::to_owned);
        let (service, timer) = systemd_timer(&base, &Via::default(), &paths, 5);
        insta::assert_snapshot!(format!("{service}\n{timer}"));
    }

    #[test]
    fn every_escape_is_doubled() {
        assert_eq!(quoted(r#"%$\""#), r#""%%$$\\\"""#);
    }
}
