//! Integration tests: scenario files as users write them, imports, feeds, and fuzz tests of every parser.

mod feeds;
mod files;
mod fuzz;
mod guaranteed_values;
mod import;

/// The content of a file in `tests/captures`.
fn read_capture(name: &str) -> Vec<u8> {
    let path = format!("{}/tests/captures/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}
