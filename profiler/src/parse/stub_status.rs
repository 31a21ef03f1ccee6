//! nginx `stub_status`: seven numbers in a fixed format of four lines.

use kneepoint_model::sample::NginxSample;

/// Parses the page; `None` when it is anything else (an error page, another server).
pub(crate) fn parse_stub_status(text: &str) -> Option<NginxSample> {
    let mut lines = text.lines();
    let active = lines.next()?.trim().strip_prefix("Active connections:")?.trim().parse().ok()?;
    lines.next().filter(|line| line.contains("accepts handled requests"))?;
    let totals: Vec<u64> =
        lines.next()?.split_ascii_whitespace().map_while(|word| word.parse().ok()).collect();
    let states: Vec<u64> =
        lines.next()?.split_ascii_whitespace().filter_map(|word| word.parse().ok()).collect();
    let ([accepts, handled, requests], [reading, writing, idle]) =
        (<[u64; 3]>::try_from(totals).ok()?, <[u64; 3]>::try_from(states).ok()?);
    Some(NginxSample { active, reading, writing, waiting: idle, accepts, handled, requests })
}
