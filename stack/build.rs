//! Rebuilds the crate when a file is added to an embedded folder: `include_dir!` alone notices only changed ones.

fn main() {
    for folder in ["bookstore", "proxy", "server", "topologies", "../profiler/probes/django"] {
        println!("cargo::rerun-if-changed={folder}");
    }
}
