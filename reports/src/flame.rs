//! Flame graphs in the report: each in its own sandboxed iframe, because the scripts of two flame graphs in one page
//! would find each other's elements by id.
//!
//! The iframe has no origin and inherits the page's content security policy: it can reach neither the page nor a
//! network. A flame graph that is too large is linked, not embedded.

use kneepoint_model::profile::ProfileView;
use kneepoint_model::run::names;
use kneepoint_model::text::sanitize;
use kneepoint_model::tier::Tier;
use kneepoint_model::units::Bytes;

use crate::format::{safe_path, slug};
use crate::view::block::FlameFrame;

/// Maximum size, in bytes, of one embedded flame graph.
const MAX_EMBEDDED: usize = 700 * 1024;
/// Maximum total size, in bytes, of all embedded flame graphs.
const MAX_EMBEDDED_TOTAL: usize = 2 * 1024 * 1024;

/// A flame graph as the profiler wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flame {
    /// The profiled tier; `host` for the merged profile.
    pub tier: Tier,
    /// Which samples it contains: on-CPU, wall time or GIL.
    pub view: ProfileView,
    /// Heading above the frame.
    pub title: String,
    /// The SVG document, including its scripts.
    pub svg: String,
}

pub(crate) const fn profile_view_label(view: ProfileView) -> &'static str {
    match view {
        ProfileView::Running => "on the CPU",
        ProfileView::Wall => "wall time, including waiting",
        ProfileView::Gil => "holding the Python GIL",
    }
}

/// Turns flame graphs into frames in the given order, until [`MAX_EMBEDDED_TOTAL`] is reached.
#[derive(Debug, Default)]
pub(crate) struct Framer {
    used: usize,
    made: usize,
}

impl Framer {
    /// `stem` is the file stem of the profile below `profiles/`, for the link.
    pub(crate) fn frame(&mut self, flame: &Flame, stem: Option<&str>) -> FlameFrame {
        self.made += 1;
        let size = flame.svg.len();
        let file = stem.and_then(|stem| safe_path(&names::flame_graph(stem)));
        let inner = svg_element(&flame.svg);
        let instead = match inner {
            None => Some("The flame graph file is not an SVG document, so it is not shown.".to_owned()),
            Some(_) if size > MAX_EMBEDDED || self.used + size > MAX_EMBEDDED_TOTAL => Some(format!(
                "This flame graph is {}: too large to embed. Open it from the run folder.",
                Bytes(size as u64)
            )),
            Some(_) => None,
        };
        let id = slug(&format!("flame-{}-{}", self.made, flame.tier.name()));
        let height = inner.and_then(svg_height).unwrap_or(400).clamp(80, 2_400);
        let document = match (&instead, inner) {
            (None, Some(svg)) => {
                self.used += size;
                Some(frame_document(&id, svg))
            }
            _ => None,
        };
        FlameFrame { id, title: sanitize(&flame.title, 200), height, document, instead, file }
    }
}

fn svg_element(text: &str) -> Option<&str> {
    let from = text.find("<svg")?;
    let until = text.rfind("</svg>")? + "</svg>".len();
    text.get(from..until)
}

fn svg_height(svg: &str) -> Option<u32> {
    let tag = &svg[..svg.find('>')?];
    let value = tag.split(" height=\"").nth(1)?.split('"').next()?;
    value.parse().ok()
}

/// The iframe document: kneepoint's style and script around the profiler's SVG.
fn frame_document(id: &str, svg: &str) -> String {
    // The SVG initialises itself on load, but a collapsed frame has no width yet: the frame's script calls init later.
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
    fn a_small_flame_graph_keeps_its_height() {
        let frame = Framer::default()
            .frame(&flame("<?xml?><!DOCTYPE svg><svg width=\"10\" height=\"345\"></svg>\n".into()), None);
        assert_eq!(frame.height, 345);
        let document = frame.document.expect("small enough");
        assert!(document.contains("<svg width") && !document.contains("<?xml"));
    }

    #[test]
    fn a_large_flame_graph_is_linked_with_the_reason() {
        let large = format!("<svg>{}</svg>", "x".repeat(MAX_EMBEDDED));
        let frame = Framer::default().frame(&flame(large), Some("server-running"));
        assert!(frame.document.is_none());
        assert_eq!(frame.file.as_deref(), Some("profiles/server-running.svg"));
        assert!(frame.instead.expect("a reason").contains("700.0 KiB"));
    }

    #[test]
    fn all_frames_share_one_size_limit() {
        let mut framer = Framer::default();
        let one = flame(format!("<svg>{}</svg>", "x".repeat(MAX_EMBEDDED - 100)));
        let shown = (0..5).filter(|_| framer.frame(&one, None).document.is_some()).count();
        assert_eq!(shown, 2, "two of 700 KiB fit into 2 MiB, a third would not");
    }

    #[test]
    fn a_file_that_is_not_svg_is_not_shown() {
        assert!(Framer::default().frame(&flame("not an SVG".into()), None).document.is_none());
    }
}
