//! `kneepoint.toml` → [`Plan`]: found upward, read strictly, laid over the defaults, trusted from then on.

mod error;
mod mix;
mod plan;
mod raw;
mod schedule;
mod value;
mod wire;

use std::path::{Path, PathBuf};

use kneepoint_model::crowd::AnyStage;
use kneepoint_model::ladder::Promise;
use kneepoint_model::load::HttpVersion;

pub(crate) use error::ConfigError;
pub(crate) use plan::{
    ExperimentPart, LadderPart, LoadPart, Mix, Plan, ProbePart, ProfilePart, ReportPart, SiteTarget, SloPart,
    StackPart, Target, WarmPart,
};
pub(crate) use raw::{Crawl as RawCrawl, DataSize, FailOn, StackDb, StackDriver};
pub(crate) use value::{OtlpUrl, PromiseText, Rate, StageText};
pub(crate) use wire::SocketPath;

use raw::RawConfig;

/// The defaults, explained: documentation and defaults cannot part.
pub(crate) const DEFAULT: &str = include_str!("config/default.toml");
/// Name of the file.
pub(crate) const FILE: &str = "kneepoint.toml";

/// What the command line lays over the file.
#[derive(Debug, Clone, Default)]
pub(crate) struct Overrides {
    pub(crate) attach: Option<url::Url>,
    pub(crate) unix_socket: Option<SocketPath>,
    pub(crate) ca_file: Option<PathBuf>,
    pub(crate) own_target: bool,
    pub(crate) driver: Option<StackDriver>,
    pub(crate) topology: Option<String>,
    pub(crate) db: Option<StackDb>,
    pub(crate) size: Option<DataSize>,
    pub(crate) seed: Option<u64>,
    pub(crate) http: Option<HttpVersion>,
    pub(crate) users: Option<u32>,
    pub(crate) rate: Option<Rate>,
    pub(crate) stages: Vec<AnyStage>,
    pub(crate) replay: Option<PathBuf>,
    pub(crate) otlp: Option<OtlpUrl>,
    /// Whether the verb has an open phase: only then is the log to be replayed read.
    pub(crate) loads: bool,
    pub(crate) speed: Option<f64>,
    pub(crate) fail_on: Option<FailOn>,
    pub(crate) env: Vec<(String, String)>,
    pub(crate) python: Option<PathBuf>,
    pub(crate) promise: Option<Promise>,
    pub(crate) rungs: Vec<String>,
    pub(crate) equal_rate: Option<Rate>,
    pub(crate) pairs: Option<u32>,
    pub(crate) block: Option<std::time::Duration>,
}

/// Finds the file upward from `start`.
pub(crate) fn find(start: &Path) -> Option<PathBuf> {
    start.ancestors().map(|folder| folder.join(FILE)).find(|path| path.is_file())
}

/// Reads the file (or only the defaults) into a plan.
pub(crate) fn load(file: Option<&Path>, home: &Path, overrides: &Overrides) -> Result<Plan, ConfigError> {
    let own = match file {
        None => None,
        Some(path) => {
            let text = std::fs::read_to_string(path).map_err(|e| ConfigError::unreadable(path, &e))?;
            // Read once alone: only so do errors carry the line and column of the user's own file.
            toml::from_str::<RawConfig>(&text).map_err(|e| ConfigError::from_toml(path, &text, &e))?;
            Some(toml::from_str::<toml::Table>(&text).map_err(|e| ConfigError::from_toml(path, &text, &e))?)
        }
    };
    let mut merged: toml::Table =
        toml::from_str(DEFAULT).expect("the compiled-in defaults are valid; a test holds it");
    if let Some(own) = own {
        lay_over(&mut merged, own);
    }
    let raw: RawConfig =
        merged.try_into().map_err(|e: toml::de::Error| ConfigError::Merged(e.message().to_owned()))?;
    // Paths in the file are relative to the file.
    let base = file.and_then(Path::parent).unwrap_or_else(|| Path::new("."));
    Plan::build(raw, base, home, overrides)
}

fn lay_over(under: &mut toml::Table, over: toml::Table) {
    for (key, value) in over {
        match (under.get_mut(&key), value) {
            (Some(toml::Value::Table(below)), toml::Value::Table(above)) => lay_over(below, above),
            (_, value) => {
                under.insert(key, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Plan, ConfigError> {
        let dir = tempfile::tempdir().expect("temporary folder");
        let path = dir.path().join(FILE);
        std::fs::write(&path, text).expect("write");
        load(Some(&path), dir.path(), &Overrides::default())
    }

    #[test]
    fn the_defaults_are_whole() {
        let plan = load(None, Path::new("/nowhere"), &Overrides::default()).expect("defaults");
        assert!(matches!(plan.target, Target::Reference(_)));
        assert_eq!(plan.load.users, 32);
    }

    #[test]
    fn a_file_overrides_only_what_it_says() {
        let plan = read("[load]\nusers = 3\n").expect("valid");
        assert_eq!(plan.load.users, 3);
        assert_eq!(plan.profile.hz, 20);
    }

    #[test]
    fn an_unknown_key_names_line_column_suggestion_and_example() {
        let shown = read("[load]\nuser = 3\n").expect_err("refused").to_string();
        for part in ["kneepoint.toml:2:1", "`user`", "did you mean `users`", "users = 32"] {
            assert!(shown.contains(part), "{part} is missing from:\n{shown}");
        }
    }

    #[test]
    fn a_bad_value_names_line_column_and_example() {
        let shown = read("[load]\nclosed = \"20 parsecs\"\n").expect_err("refused").to_string();
        for part in ["kneepoint.toml:2:10", "20 parsecs", "closed = \"20s\""] {
            assert!(shown.contains(part), "{part} is missing from:\n{shown}");
        }
    }

    #[test]
    fn how_the_site_is_spoken_to_is_read_strictly() {
        let plan = read("[load]\nhttp = \"2\"\naccept_encoding = [\"br\", \"gzip\"]\n").expect("valid");
        assert_eq!((plan.load.http, plan.load.accept_encoding.len()), (HttpVersion::Http2, 2));
        let slow = read("[load]\nread_rate = \"64 KiB/s\"\n").expect("valid");
        assert_eq!(slow.load.read_rate.map(|rate| rate.0.get()), Some(65_536));
        for (text, parts) in [
            ("[load]\nhttp = \"3\"\n", ["kneepoint.toml:2:8", "http = \"1.1\""]),
            ("[load]\nread_rate = \"64\"\n", ["kneepoint.toml:2:13", "64 KiB/s"]),
            ("[load]\naccept_encoding = [\"lzma\"]\n", ["kneepoint.toml:2:", "accept_encoding = [\"gzip\"]"]),
            (
                "[load]\nhttp = \"2\"\nread_rate = \"9 B/s\"\n",
                ["load.read_rate = \"9 B/s\"", "http = \"1.1\""],
            ),
            ("[load]\nhttp = \"2\"\nconnect_ahead = 4\n", ["load.connect_ahead = 4", "http = \"1.1\""]),
            (
                "[load]\nmax_in_flight = 8\nconnect_ahead = 9\n",
                ["load.max_in_flight = 8", "connect_ahead = 8"],
            ),
            ("[site]\nunix_socket = \"\"\n", ["kneepoint.toml:2:15", "unix_socket = \"/run/app.sock\""]),
        ] {
            let shown = read(text).expect_err(text).to_string();
            for part in parts {
                assert!(shown.contains(part), "{part} is missing from:\n{shown}");
            }
        }
    }

    #[test]
    fn a_bad_assertion_is_refused_before_anything_starts() {
        let shown = read("[slo]\nassert = [\"p59 < 300ms\"]\n").expect_err("refused").to_string();
        assert!(shown.contains("kneepoint.toml:2:") && shown.contains("p59"), "{shown}");
    }

    #[test]
    fn broken_toml_is_refused_with_its_place() {
        let shown = read("[load\nusers = 3\n").expect_err("refused").to_string();
        assert!(shown.contains("kneepoint.toml:1:"), "{shown}");
    }
}
