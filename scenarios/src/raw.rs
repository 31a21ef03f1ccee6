//! The scenario file as deserialized: unknown keys are rejected, values are not validated yet.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

/// The whole file.
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
    pub(crate) assets: Option<bool>,
    #[serde(default)]
    pub(crate) headers: BTreeMap<String, Spanned<String>>,
    pub(crate) auth: Option<Spanned<RawAuth>>,
    pub(crate) think: Option<Spanned<RawThink>>,
    pub(crate) pick_steps: Option<Spanned<i64>>,
    #[serde(default)]
    pub(crate) vars: BTreeMap<String, Spanned<RawVar>>,
    #[serde(default)]
    pub(crate) feeds: BTreeMap<String, Spanned<RawFeed>>,
    #[serde(default)]
    pub(crate) step: Vec<Spanned<RawStep>>,
}

/// The table `auth`: exactly one of its keys must be set.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawAuth {
    pub(crate) basic: Option<RawBasic>,
    pub(crate) bearer: Option<Spanned<String>>,
}

/// User and password of `auth.basic`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawBasic {
    pub(crate) user: Spanned<String>,
    pub(crate) password: Spanned<String>,
}

/// The table `think`; which keys go together is checked later.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawThink {
    pub(crate) ms: Option<u64>,
    pub(crate) min_ms: Option<u64>,
    pub(crate) max_ms: Option<u64>,
    pub(crate) mean_ms: Option<u64>,
    pub(crate) spread: Option<Spanned<String>>,
    pub(crate) deviation_ms: Option<u64>,
    pub(crate) median_ms: Option<u64>,
    pub(crate) p95_ms: Option<u64>,
}

/// One entry of `[vars]`: a list or a range.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawVar {
    pub(crate) list: Option<Vec<Spanned<toml::Value>>>,
    pub(crate) range: Option<Spanned<[i64; 2]>>,
    pub(crate) pick: Option<Spanned<String>>,
}

/// One entry of `[feeds]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawFeed {
    pub(crate) file: Spanned<String>,
    pub(crate) pick: Option<Spanned<String>>,
}

/// One `[[step]]` of the file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawStep {
    pub(crate) name: Option<Spanned<String>>,
    pub(crate) method: Option<Spanned<String>>,
    pub(crate) path: Spanned<String>,
    #[serde(default)]
    pub(crate) headers: BTreeMap<String, Spanned<String>>,
    pub(crate) auth: Option<Spanned<RawAuth>>,
    pub(crate) form: Option<BTreeMap<String, Spanned<String>>>,
    pub(crate) json: Option<Spanned<toml::Value>>,
    pub(crate) body: Option<Spanned<String>>,
    pub(crate) body_file: Option<Spanned<String>>,
    pub(crate) multipart: Option<BTreeMap<String, Spanned<toml::Value>>>,
    #[serde(default)]
    pub(crate) expect: RawExpect,
    #[serde(default)]
    pub(crate) extract: BTreeMap<String, Spanned<RawExtract>>,
    pub(crate) think: Option<Spanned<RawThink>>,
    pub(crate) repeat: Option<Spanned<toml::Value>>,
    pub(crate) r#while: Option<Spanned<String>>,
    pub(crate) for_each: Option<Spanned<String>>,
    pub(crate) at_most: Option<Spanned<i64>>,
    pub(crate) chance: Option<Spanned<f64>>,
    pub(crate) when: Option<Spanned<String>>,
    #[serde(default)]
    pub(crate) once: bool,
    pub(crate) follow_redirects: Option<bool>,
    pub(crate) assets: Option<Spanned<bool>>,
    pub(crate) weight: Option<Spanned<i64>>,
    pub(crate) group: Option<Spanned<String>>,
    pub(crate) slo: Option<BTreeMap<String, Spanned<String>>>,
}

/// The table `expect`.
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

/// One entry of `extract`: exactly one of its five sources must be set.
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
