//! The split bar: where the time of one endpoint's requests goes, as one stacked bar for a table cell.

use kneepoint_model::summary::TimeSplit;
use kneepoint_model::units::Micros;

use crate::chart::Svg;
use crate::chart::canvas::picture;
use crate::chart::theme::{Hue, Ink};
use crate::view::block::LegendItem;

/// Parts of a request's time: name and colour, in the order of the request's way.
const PARTS: [(&str, u8); 6] =
    [("network + proxy", 8), ("queue", 2), ("application", 1), ("database", 5), ("cache", 4), ("engine", 3)];

/// The legend of all split bars.
pub(crate) fn legend() -> Vec<LegendItem> {
    PARTS.map(|(name, hue)| LegendItem { name: name.to_owned(), hue, fill: true }).into()
}

/// Parts and their times; the queue is absent where it cannot be told apart.
pub(crate) fn parts(split: &TimeSplit) -> Vec<(&'static str, u8, Micros)> {
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

/// The same in words.
pub(crate) fn words(split: &TimeSplit) -> String {
    let parts: Vec<String> = parts(split)
        .iter()
        .filter(|part| part.2.get() > 0)
        .map(|(name, _, time)| format!("{name} {time}"))
        .collect();
    if parts.is_empty() { "no time was recorded".to_owned() } else { parts.join(", ") }
}

/// The bar; widths are shares of the endpoint's own total, so that bars compare where time goes, not how much.
pub(crate) fn bar(name: &str, split: &TimeSplit) -> Svg {
    const WIDTH: f64 = 136.0;
    let parts = parts(split);
    let total: f64 = parts.iter().map(|part| part.2.as_f64()).sum();
    picture((WIDTH, 14.0), &format!("Where the time of {name} goes"), &words(split), |canvas| {
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
    fn a_part_of_nothing_draws_nothing_and_says_so() {
        let none = TimeSplit::default();
        assert!(!bar("x", &none).as_str().contains("<rect"));
        assert_eq!(words(&none), "no time was recorded");
        let some = TimeSplit { app_us: Micros(3_000), db_us: Micros(1_000), ..none };
        assert_eq!(bar("x", &some).as_str().matches("<rect").count(), 2);
        assert_eq!(words(&some), "application 3.00 ms, database 1.00 ms");
    }
}
