//! Flame graphs in the report: each in a sandboxed frame of its own, because the scripts of two flame graphs in one
//! page would take each other's elements for their own.
//!
//! The frame gets no origin and inherits the page's content security policy: it can reach neither the page nor a
//! network. What is too large for one file is linked, not embedded.

use kneepoint_model::profile::ProfileView;
use kneepoint_model::tier::Tier;
use kneepoint_model::units::Bytes;

use crate::format::{clean_to, safe_path, slug};
use crate::view::block::FlameFrame;

/// Largest flame graph that is embedded.
const LARGEST: usize = 700 * 1024;
/// Largest sum of embedded flame graphs.
const LARGEST_SUM: usize = 2 * 1024 * 1024;

/// A flame graph as the profiler drew it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flame {
    /// Which tier; `host` for the merged one.
    pub tier: Tier,
    /// Which threads it holds.
    pub view: ProfileView,
    /// Its title.
    pub title: String,
    /// The SVG document, scripts included.
    pub svg: String,
}

/// The name of a view in plain words.
pub(crate) const fn view_words(view: ProfileView) -> &'static str {
    match view {
        ProfileView::Running => "on the CPU",
        ProfileView::Wall => "wall time, waiting included",
        ProfileView::Gil => "holding Python's global lock",
    }
}

/// Turns flame graphs into frames, in the order given, until the room is used up.
#[derive(Debug, Default)]
pub(crate) struct Framer {
    used: usize,
    made: usize,
}

impl Framer {
    /// One frame; `stem` is the stem of the profile's files below `profiles/`.
    pub(crate) fn frame(&mut self, flame: &Flame, stem: Option<&str>) -> FlameFrame {
        self.made += 1;
        let size = flame.svg.len();
        let file = stem.and_then(|stem| safe_path(&format!("profiles/{stem}.svg")));
        let inner = inner_svg(&flame.svg);
        let instead = match inner {
            None => Some("The profiler's picture is not an SVG document, so it is not shown.".to_owned()),
            Some(_) if size > LARGEST || self.used + size > LARGEST_SUM => Some(format!(
                "This flame graph is {}: too large to be part of one file that opens quickly. It lies beside the report in the run folder.",
                Bytes(size as u64)
            )),
            Some(_) => None,
        };
        let id = slug(&format!("flame-{}-{}", self.made, flame.tier.name()));
        let height = inner.and_then(height_of).unwrap_or(400).clamp(80, 2_400);
        let document = match (&instead, inner) {
            (None, Some(svg)) => {
                self.used += size;
                Some(document(&id, svg))
            }
            _ => None,
        };
        FlameFrame { id, title: clean_to(&flame.title, 200), height, document, instead, file }
    }
}

fn inner_svg(text: &str) -> Option<&str> {
    let from = text.find("<svg")?;
    let until = text.rfind("</svg>")? + "</svg>".len();
    text.get(from..until)
}

fn height_of(svg: &str) -> Option<u32> {
    let tag = &svg[..svg.find('>')?];
    let value = tag.split(" height=\"").nth(1)?.split('"').next()?;
    value.parse().ok()
}

/// The document of a frame: our own style and script around the profiler's picture.
fn document(id: &str, svg: &str) -> String {
    // The picture starts itself when it is loaded; in a fold it has no width yet, so the frame starts it when it has.
    let svg = svg.replacen(" onload=\"init(evt)\"", "", 1);
    include_str!("render/templates/frame.html").replace("@ID@", id).replace("@SVG@", &svg)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flame(svg: String) -> Flame {
        Flame { tier: Tier::Server, view: ProfileView::Running, title: "server".into(), svg }
    }

    #[test]
    fn a_small_picture_is_framed_at_its_own_height() {
        let frame = Framer::default()
            .frame(&flame("<?xml?><!DOCTYPE svg><svg width=\"10\" height=\"345\"></svg>\n".into()), None);
        assert_eq!(frame.height, 345);
        let document = frame.document.expect("small enough");
        assert!(document.contains("<svg width") && !document.contains("<?xml"));
    }

    #[test]
    fn a_large_one_is_linked_and_said() {
        let large = format!("<svg>{}</svg>", "x".repeat(LARGEST));
        let frame = Framer::default().frame(&flame(large), Some("server-running"));
        assert!(frame.document.is_none());
        assert_eq!(frame.file.as_deref(), Some("profiles/server-running.svg"));
        assert!(frame.instead.expect("said").contains("700.0 KiB"));
    }

    #[test]
    fn the_room_is_shared() {
        let mut framer = Framer::default();
        let one = flame(format!("<svg>{}</svg>", "x".repeat(LARGEST - 100)));
        let shown = (0..5).filter(|_| framer.frame(&one, None).document.is_some()).count();
        assert_eq!(shown, 2, "two of 700 KiB fit into 2 MiB, a third would not");
    }

    #[test]
    fn what_is_no_picture_is_not_shown() {
        assert!(Framer::default().frame(&flame("no picture".into()), None).document.is_none());
    }
}
