//! Selects the image of a `srcset` that a browser takes on an ordinary screen (one image pixel per screen pixel). Pure.
//!
//! Source: HTML standard §4.8.4.3 (parsing a srcset attribute, selecting an image source). Widths (`480w`) would need a
//! layout: of those the first is taken.

/// Descriptor of a candidate.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Descriptor {
    Density(f64),
    Width,
}

/// The address to request; `src` is that of the element, one more candidate where widths are not used.
pub(super) fn select<'a>(srcset: Option<&'a str>, src: Option<&'a str>) -> Option<&'a str> {
    let candidates: Vec<(&str, Descriptor)> = srcset.map(parse_candidates).unwrap_or_default();
    let ordinary = |(_, descriptor): &&(&str, Descriptor)| match descriptor {
        Descriptor::Density(density) => (*density - 1.0).abs() < f64::EPSILON,
        Descriptor::Width => true,
    };
    let fitting = candidates.iter().find(ordinary).map(|(address, _)| *address);
    fitting.or(src).or_else(|| candidates.first().map(|(address, _)| *address))
}

/// Further candidates are ignored.
const MAX_CANDIDATES: usize = 50;

fn parse_candidates(srcset: &str) -> Vec<(&str, Descriptor)> {
    let (mut found, mut rest) = (Vec::new(), srcset);
    while found.len() < MAX_CANDIDATES {
        rest = rest.trim_start_matches(|c: char| c == ',' || c.is_ascii_whitespace());
        if rest.is_empty() {
            break;
        }
        let (word, after) = rest.split_at(rest.find(|c: char| c.is_ascii_whitespace()).unwrap_or(rest.len()));
        let address = word.trim_end_matches(',');
        if address.len() < word.len() {
            found.push((address, Descriptor::Density(1.0)));
            rest = after;
            continue;
        }
        let (descriptors, later) = after.split_once(',').unwrap_or((after, ""));
        found.extend(parse_descriptor(descriptors).map(|descriptor| (address, descriptor)));
        rest = later;
    }
    found
}

/// `None` for what the standard calls an error: the candidate is ignored.
fn parse_descriptor(descriptors: &str) -> Option<Descriptor> {
    let mut descriptor = Descriptor::Density(1.0);
    for word in descriptors.split_ascii_whitespace() {
        let (number, unit) = word.split_at(word.len() - word.chars().next_back().map_or(0, char::len_utf8));
        match unit {
            "w" if number.parse::<u32>().is_ok() => descriptor = Descriptor::Width,
            "x" => {
                descriptor =
                    Descriptor::Density(number.parse::<f64>().ok().filter(|density| density.is_finite())?);
            }
            "h" => {}
            _ => return None,
        }
    }
    Some(descriptor)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_ordinary_screen_takes_the_ordinary_picture() {
        for (srcset, src, expected) in [
            (None, Some("a.png"), Some("a.png")),
            (Some("b.png 2x, c.png 3x"), Some("a.png"), Some("a.png")),
            (Some("b.png 2x, c.png"), Some("a.png"), Some("c.png")),
            (Some("b.png 2x,c.png 1.0x"), None, Some("c.png")),
            (Some("s.png 480w, l.png 1200w"), Some("a.png"), Some("s.png")),
            (Some(" b.png 2x "), None, Some("b.png")),
            (Some("a,b.png 1x"), None, Some("a,b.png")),
            (Some("a.png, b.png 2x"), None, Some("a.png")),
            (Some("odd.png 7q, b.png 3x"), None, Some("b.png")),
            (Some(""), Some("a.png"), Some("a.png")),
            (Some(" , "), None, None),
            (None, None, None),
        ] {
            assert_eq!(select(srcset, src), expected, "{srcset:?} {src:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_gives_one_of_its_own_words(srcset in "([a-zé,.0-9]{0,4}[ ,]{0,2}[0-9]{0,3}[wxh]?[ ,]?){0,9}") {
            if let Some(address) = select(Some(&srcset), None) {
                prop_assert!(!address.is_empty() && srcset.contains(address));
            }
        }
    }
}
