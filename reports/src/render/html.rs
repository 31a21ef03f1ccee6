//! HTML: one self-contained file that asks nobody for anything and can be read without a script.
//!
//! Every value is escaped by the template engine. Marked safe are three things of our own making: the style, the
//! script, and pictures ([`Svg`](crate::chart::Svg)), whose words were escaped when they were drawn.

use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, UndefinedBehavior};
use serde::Serialize;

use crate::error::ReportError;
use crate::view::View;
use crate::view::block::Section;

/// What the page template is given.
#[derive(Serialize)]
struct Page<'a> {
    view: &'a View,
    sections: Vec<&'a Section>,
    style: &'static str,
    script: &'static str,
}

/// The report as one HTML file.
pub fn html(view: &View) -> Result<String, ReportError> {
    let mut templates = Environment::new();
    templates.set_auto_escape_callback(|_| AutoEscape::Html);
    templates.set_undefined_behavior(UndefinedBehavior::Strict);
    templates.add_template("blocks.html", include_str!("templates/blocks.html"))?;
    templates.add_template("report.html", include_str!("templates/report.html"))?;
    let page = templates.get_template("report.html")?;
    Ok(page.render(Serde(Page {
        view,
        sections: view.sections.in_order().into(),
        style: include_str!("templates/style.css"),
        script: include_str!("templates/script.js"),
    }))?)
}
