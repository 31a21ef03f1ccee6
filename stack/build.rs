//! Rebuilds the crate when a file is added to an embedded folder: `include_dir!` alone notices only changed ones.

fn main() {
    let embedded = ["balancer", "bookstore", "cache", "compose.yaml", "db", "images", "proxy", "server"];
    for entry in embedded {
        println!("cargo::rerun-if-changed=reference/{entry}");
    }
    for folder in ["toggles", "topologies", "../profiler/probes/django"] {
        println!("cargo::rerun-if-changed={folder}");
    }
}
