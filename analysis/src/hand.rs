//! Hand-made facts for unit tests: a small healthy run, to be spoilt by each test in its own way.

use std::collections::BTreeMap;

use kneepoint_model::manifest::{HostInfo, Manifest};

use crate::facts::RunFacts;

/// A manifest and nothing else.
pub(crate) fn facts() -> RunFacts {
    RunFacts::new(Manifest {
        format_version: 1,
        run_id: "20250101T000000Z-abcd".into(),
        kneepoint: "0.1.0".into(),
        started: "2025-01-01T00:00:00Z".into(),
        command: vec!["kneepoint".into(), "run".into()],
        config: serde_json::Value::Null,
        seed: 1,
        commit: None,
        host: HostInfo { cores: 2, ..HostInfo::default() },
        driver: "native".into(),
        topology: "nginx".into(),
        target: "http://127.0.0.1:18080/".into(),
        versions: BTreeMap::new(),
        stages: Vec::new(),
        unmeasured: Vec::new(),
        complete: false,
        stopped_by: None,
    })
}
