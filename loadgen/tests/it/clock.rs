//! Setting the wall clock during a phase changes nothing, because it is read once, before.

use std::fs;
use std::path::Path;

/// Finds the lines that read the wall clock.
const WALL: [&str; 3] = ["SystemTime", "UnixMillis::now", "CLOCK_REALTIME"];

fn clock_reads(folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).expect("folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            clock_reads(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs") {
            let text = fs::read_to_string(&path).expect("text");
            let reads = text.lines().filter(|line| WALL.iter().any(|way| line.contains(way))).count();
            found.extend((0..reads).map(|_| path.file_name().expect("name").to_string_lossy().into_owned()));
        }
    }
}

#[test]
fn the_wall_clock_is_read_once() {
    let mut found = Vec::new();
    clock_reads(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
    assert_eq!(found, ["window.rs"]);
}
