//! The split bar: the time split of one endpoint as a stacked bar inside a table cell.

use kneepoint_model::summary::TimeSplit;
use kneepoint_model::units::Micros;

use crate::chart::Svg;
use crate::chart::canvas::draw_svg;
use crate::chart::theme::{Hue, Ink};
use crate::view::block::LegendItem;

/// Name and colour of each part, in the order a request passes them.
const PARTS: [(&str, u8); 6] =
    [("network + proxy", 8), ("queue", 2), ("application", 1), ("database", 5), ("cache", 4), ("engine", 3)];

/// The common legend of all split bars.
pub(crate) fn legend() -> Vec<LegendItem> {
    PARTS.map(|(name, hue)| LegendItem { name: name.to_owned(), hue, fill: true }).into()
}

/// Parts with their times; the queue is absent if it cannot be separated from the network.
fn timed_parts(split: &TimeSplit) -> Vec<(&'static str, u8, Micros)> {
    let times = [
        Some(split.network_proxy_us),
        split.queue_us,
        Some(split.app_us),
        Some(split.db_us),
        Some(split.cache_us),
        Some(split.engine_us),
    ];
    PARTS
        .into_iter()
        .zip(times)
        .filter_map(|((name, hue), time)| time.map(|time| (name, hue, time)))
        .collect()
}

/// The parts as text, without those that are zero.
pub(crate) fn describe(split: &TimeSplit) -> String {
    let parts: Vec<String> = timed_parts(split)
        .iter()
        .filter(|part| part.2.get() > 0)
        .map(|(name, _, time)| format!("{name} {time}"))
        .collect();
    if parts.is_empty() { "no time recorded".to_owned() } else { parts.join(", ") }
}

/// The bar; widths are shares of the endpoint's own total, so bars compare composition, not duration.
pub(crate) fn bar(name: &str, split: &TimeSplit) -> Svg {
    const WIDTH: f64 = 136.0;
    let parts = timed_parts(split);
    let total: f64 = parts.iter().map(|part| part.2.as_f64()).sum();
    draw_svg((WIDTH, 14.0), &format!("Time split of {name}"), &describe(split), |canvas| {
        let mut from = 0.0;
        for (_, hue, time) in &parts {
            if total <= 0.0 {
                break;
            }
            let until = from + time.as_f64() / total * WIDTH;
            if until - from >= 0.25 {
                let gap = if until - from > 2.0 { 0.75 } else { 0.0 };
                canvas.rect((from, 1.0), (until - gap, 13.0), Ink::Hue(Hue(*hue)), 1.0);
            }
            from = until;
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_split_draws_nothing_and_has_a_text() {
        let none = TimeSplit::default();
        assert!(!bar("x", &none).as_str().contains("<rect"));
        assert_eq!(describe(&none), "no time recorded");
        let some = TimeSplit { app_us: Micros(3_000), db_us: Micros(1_000), ..none };
        assert_eq!(bar("x", &some).as_str().matches("<rect").count(), 2);
        assert_eq!(describe(&some), "application 3.00 ms, database 1.00 ms");
    }
}
