//! `kneepoint.toml` → [`Plan`]: finds the file upward, reads it strictly, and merges it into the defaults.

mod connection;
mod error;
mod mix;
mod plan;
mod raw;
mod required;
mod schedule;
mod value;

use std::path::{Path, PathBuf};

use kneepoint_model::ladder::LatencySlo;
use kneepoint_model::load::HttpVersion;
use kneepoint_model::load_segment::LoadSegment;

pub(crate) use connection::SocketPath;
pub(crate) use error::ConfigError;
pub(crate) use plan::{
    ExperimentPart, LadderPart, LoadPart, Mix, Plan, ProbePart, ProfilePart, ReportPart, SiteTarget, SloPart,
    StackPart, Target, WarmPart,
};
pub(crate) use raw::{Crawl as RawCrawl, DataSize, FailOn, StackDb, StackDriver};
pub(crate) use value::{ObjectiveText, OtlpUrl, Rate, SegmentText};

use raw::RawConfig;

/// The commented file of `kneepoint init`, which is also the source of the defaults.
pub(crate) const DEFAULT: &str = include_str!("config/default.toml");
/// Name of the configuration file.
pub(crate) const FILE: &str = "kneepoint.toml";

/// Values from the command line, which override the file.
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
    pub(crate) segments: Vec<LoadSegment>,
    pub(crate) replay: Option<PathBuf>,
    pub(crate) otlp: Option<OtlpUrl>,
    /// True when the command has an open phase; only then is the log of `replay` read.
    pub(crate) has_open_phase: bool,
    pub(crate) speed: Option<f64>,
    pub(crate) fail_on: Option<FailOn>,
    pub(crate) env: Vec<(String, String)>,
    pub(crate) python: Option<PathBuf>,
    pub(crate) objective: Option<LatencySlo>,
    pub(crate) rungs: Vec<String>,
    pub(crate) equal_rate: Option<Rate>,
    pub(crate) pairs: Option<u32>,
    pub(crate) block: Option<std::time::Duration>,
}

/// Finds the configuration file in `start` or a folder above it.
pub(crate) fn find(start: &Path) -> Option<PathBuf> {
    start.ancestors().map(|folder| folder.join(FILE)).find(|path| path.is_file())
}

/// Reads the file, or only the defaults, and applies the overrides.
pub(crate) fn load(file: Option<&Path>, home: &Path, overrides: &Overrides) -> Result<Plan, ConfigError> {
    let from_file = match file {
        None => None,
        Some(path) => {
            let text = std::fs::read_to_string(path).map_err(|e| ConfigError::unreadable(path, &e))?;
            // Parsed once without the defaults, so that errors have a line and column of the user's file.
            toml::from_str::<RawConfig>(&text).map_err(|e| ConfigError::from_toml(path, &text, &e))?;
            Some(toml::from_str::<toml::Table>(&text).map_err(|e| ConfigError::from_toml(path, &text, &e))?)
        }
    };
    let mut merged: toml::Table =
        toml::from_str(DEFAULT).expect("the compiled-in defaults are valid; a test checks it");
    if let Some(mut table) = from_file {
        rename_load_stages(&mut table);
        merge_tables(&mut merged, table);
    }
    let raw: RawConfig =
        merged.try_into().map_err(|e: toml::de::Error| ConfigError::Merged(e.message().to_owned()))?;
    // Paths in the file are relative to the file.
    let base = file.and_then(Path::parent).unwrap_or_else(|| Path::new("."));
    Plan::build(raw, base, home, overrides)
}

/// `[load] stages` is the older name of `segments`: one name is needed, because the defaults have the key too.
fn rename_load_stages(table: &mut toml::Table) {
    if let Some(toml::Value::Table(load)) = table.get_mut("load")
        && let Some(stages) = load.remove("stages")
    {
        load.insert("segments".to_owned(), stages);
    }
}

/// Overwrites the keys of `under` with those of `over`, table by table.
fn merge_tables(under: &mut toml::Table, over: toml::Table) {
    for (key, value) in over {
        match (under.get_mut(&key), value) {
            (Some(toml::Value::Table(below)), toml::Value::Table(above)) => merge_tables(below, above),
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
    fn the_defaults_are_complete() {
        let plan = load(None, Path::new("/nowhere"), &Overrides::default()).expect("defaults");
        assert!(matches!(plan.target, Target::Reference(_)));
        assert_eq!(plan.load.users, 32);
    }

    #[test]
    fn a_file_overrides_only_its_own_keys() {
        let plan = read("[load]\nusers = 3\n").expect("valid");
        assert_eq!(plan.load.users, 3);
        assert_eq!(plan.profile.hz, 20);
    }

    #[test]
    fn segments_may_be_written_as_stages() {
        for key in ["segments", "stages"] {
            let plan = read(&format!("[load]\n{key} = [\"hold 5/s for 1s\"]\n")).expect(key);
            assert_eq!(plan.load.stages.len(), 1, "{key}");
        }
        assert!(read("[load]\nsegments = []\nstages = []\n").is_err(), "both names at once");
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
    fn protocol_settings_are_read_strictly() {
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
    fn broken_toml_is_refused_with_its_position() {
        let shown = read("[load\nusers = 3\n").expect_err("refused").to_string();
        assert!(shown.contains("kneepoint.toml:1:"), "{shown}");
    }
}
