//! Rebuilds the crate when a file is added to an embedded folder: `include_dir!` alone notices only changed ones.
#![expect(clippy::print_stdout, reason = "a build script speaks to cargo on stdout")]

fn main() {
    for folder in ["bookstore", "proxy", "server", "topologies", "../profiler/probes/django"] {
        println!("cargo::rerun-if-changed={folder}");
    }
}
