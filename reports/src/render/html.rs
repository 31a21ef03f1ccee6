//! HTML: one self-contained file that makes no request and is readable without scripts.
//!
//! The template engine escapes every value. Three things are inserted unescaped, all made by kneepoint: the style, the
//! script, and drawn charts ([`Svg`](crate::chart::Svg)), whose text is escaped when they are drawn.

use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, UndefinedBehavior};
use serde::Serialize;

use crate::error::ReportError;
use crate::view::ReportView;
use crate::view::block::Section;

/// Values that `base.html` uses, the same for each kind of report.
#[derive(Serialize)]
pub(crate) struct PageContext<'a, V, H> {
    /// The whole view, for the blocks of the template that extends `base.html`.
    pub(crate) view: &'a V,
    /// The part of the view with status, headline, reasons, facts and key figures.
    pub(crate) header: &'a H,
    /// Name of the run, ladder run or experiment.
    pub(crate) id: &'a str,
    pub(crate) kneepoint: &'a str,
    pub(crate) sections: Vec<&'a Section>,
}

#[derive(Serialize)]
struct WithAssets<'a, V, H> {
    #[serde(flatten)]
    page: PageContext<'a, V, H>,
    style: &'static str,
    script: &'static str,
}

/// Renders a template that extends `base.html`.
pub(crate) fn render_page<V: Serialize, H: Serialize>(
    template: &'static str,
    page: PageContext<'_, V, H>,
) -> Result<String, ReportError> {
    let mut templates = Environment::new();
    templates.set_auto_escape_callback(|_| AutoEscape::Html);
    templates.set_undefined_behavior(UndefinedBehavior::Strict);
    templates.add_template("blocks.html", include_str!("templates/blocks.html"))?;
    templates.add_template("base.html", include_str!("templates/base.html"))?;
    templates.add_template("page.html", template)?;
    let style = include_str!("templates/style.css");
    let script = include_str!("templates/script.js");
    Ok(templates.get_template("page.html")?.render(Serde(WithAssets { page, style, script }))?)
}

/// The report of a run as one HTML file.
pub fn html(view: &ReportView) -> Result<String, ReportError> {
    render_page(
        include_str!("templates/report.html"),
        PageContext {
            view,
            header: &view.verdict,
            id: &view.run_id,
            kneepoint: &view.kneepoint,
            sections: view.sections.in_order().into(),
        },
    )
}
