//! Rebuilds the crate when a file is added to an embedded folder: `include_dir!` alone notices only changed ones.

fn main() {
    let embedded = ["balancer", "bookstore", "cache", "db", "images", "proxy", "server", "topologies"];
    for folder in embedded.into_iter().chain(["compose.yaml", "../profiler/probes/django"]) {
        println!("cargo::rerun-if-changed={folder}");
    }
}
