//! Renders the configuration templates of every tier. Pure.
//!
//! Each template has one context type for both drivers, with every address and folder as a value. A template variable without
//! a value or default is an error, never an empty string.

mod balancer;
mod db;
mod nginx;
mod server;

use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, UndefinedBehavior};
use serde::Serialize;

pub(crate) use balancer::HaproxyConf;
#[allow(
    unused_imports,
    reason = "natively the second site is behind nginx; in compose it may be behind HAProxy"
)]
pub(crate) use balancer::HaproxySite;
pub(crate) use db::{DbFlavour, DbInstall, MyCnf};
pub(crate) use nginx::{ExtraSite, Media, NginxConf};
pub(crate) use server::{GunicornConf, SupervisedProgram, SupervisorConf};

use crate::assets;
use crate::error::StackError;

/// A server in the list of a proxy or balancer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Backend {
    /// Its name in logs and in the balancer.
    pub(crate) name: String,
    /// `host:port`, or `unix:/path`.
    pub(crate) address: String,
}

/// Renders the embedded template `folder/name`.
pub(crate) fn render(folder: &str, name: &str, values: &impl Serialize) -> Result<String, StackError> {
    let bad = |why: String| StackError::Template { name: format!("{folder}/{name}"), why };
    let text = assets::read_text(folder, name).ok_or_else(|| bad("it is not embedded".to_owned()))?;
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    let syntax = SyntaxConfig::builder().keep_trailing_newline(true).build();
    environment.set_syntax(syntax.map_err(|error| bad(error.to_string()))?);
    // Configuration files are not HTML, whatever their file name extension.
    environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
    environment
        .render_named_str(name, text, minijinja::value::Serde(values))
        .map_err(|error| bad(format!("{error:#}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_is_missing_is_an_error() {
        let error = render("proxy", "nginx.conf.j2", &()).unwrap_err().to_string();
        assert!(error.contains("undefined"), "{error}");
        assert!(render("proxy", "no-such", &()).is_err());
    }
}
