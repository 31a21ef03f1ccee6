//! Exactly what a scenario file says: unknown keys refused, nothing judged yet.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

/// A file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawScenario {
    pub(crate) name: Spanned<String>,
    #[serde(default)]
    pub(crate) description: String,
    pub(crate) weight: Option<Spanned<i64>>,
    pub(crate) needs_throw_away: Option<bool>,
    pub(crate) session: Option<Spanned<String>>,
    pub(crate) follow_redirects: Option<bool>,
    #[serde(default)]
    pub(crate) headers: BTreeMap<String, Spanned<String>>,
    pub(crate) think: Option<Spanned<RawThink>>,
    pub(crate) pick_steps: Option<Spanned<i64>>,
    #[serde(default)]
    pub(crate) vars: BTreeMap<String, Spanned<RawVar>>,
    #[serde(default)]
    pub(crate) step: Vec<Spanned<RawStep>>,
}

/// A pause.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawThink {
    pub(crate) ms: Option<u64>,
    pub(crate) min_ms: Option<u64>,
    pub(crate) max_ms: Option<u64>,
}

/// Where a value comes from.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawVar {
    pub(crate) list: Option<Vec<Spanned<toml::Value>>>,
    pub(crate) range: Option<Spanned<[i64; 2]>>,
    pub(crate) pick: Option<Spanned<String>>,
}

/// A step.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawStep {
    pub(crate) name: Option<Spanned<String>>,
    pub(crate) method: Option<Spanned<String>>,
    pub(crate) path: Spanned<String>,
    #[serde(default)]
    pub(crate) headers: BTreeMap<String, Spanned<String>>,
    pub(crate) form: Option<BTreeMap<String, Spanned<String>>>,
    pub(crate) json: Option<Spanned<toml::Value>>,
    pub(crate) body: Option<Spanned<String>>,
    #[serde(default)]
    pub(crate) expect: RawExpect,
    #[serde(default)]
    pub(crate) extract: BTreeMap<String, Spanned<RawExtract>>,
    pub(crate) think: Option<Spanned<RawThink>>,
    pub(crate) repeat: Option<Spanned<i64>>,
    pub(crate) chance: Option<Spanned<f64>>,
    pub(crate) when: Option<Spanned<String>>,
    #[serde(default)]
    pub(crate) once: bool,
    pub(crate) follow_redirects: Option<bool>,
    pub(crate) weight: Option<Spanned<i64>>,
}

/// What the answer must be.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawExpect {
    pub(crate) status: Option<Vec<Spanned<i64>>>,
    #[serde(default)]
    pub(crate) contains: Vec<String>,
    #[serde(default)]
    pub(crate) not_contains: Vec<String>,
    pub(crate) max_bytes: Option<u64>,
}

/// A value to take from the answer.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawExtract {
    pub(crate) css: Option<Spanned<String>>,
    pub(crate) attr: Option<Spanned<String>>,
    pub(crate) json: Option<Spanned<String>>,
    pub(crate) regex: Option<Spanned<String>>,
    pub(crate) header: Option<Spanned<String>>,
    pub(crate) cookie: Option<Spanned<String>>,
    pub(crate) required: Option<bool>,
    pub(crate) pick: Option<Spanned<String>>,
}
