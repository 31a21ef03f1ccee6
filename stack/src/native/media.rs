//! Media in the object store: published once through the site's own command, then kept beside the data snapshot, so that
//! every later stack starts with a filled store.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use kneepoint_model::cancel::Cancel;
use kneepoint_model::event::EventSink;
use kneepoint_model::stage::Stage;

use super::server::with_switches;
use super::up::Site;
use crate::{StackError, exec, folder, lock};

/// Thousands of small files.
const PUBLISH: Duration = Duration::from_mins(15);
const PATIENCE: Duration = Duration::from_mins(5);

/// Where the filled store of this data snapshot is kept.
fn kept(root: &Path, data: &Path) -> PathBuf {
    let name = data.file_name().unwrap_or_default().to_string_lossy();
    root.join("cache").join(format!("objects-{}", name.strip_prefix("data-").unwrap_or(&name)))
}

/// Before the store is started: what was published for this data earlier.
pub(super) fn restore(site: &Site, root: &Path, data: &Path) -> Result<(), StackError> {
    let kept = kept(root, data);
    if kept.is_dir() { folder::copy(&kept, &site.objects()) } else { Ok(()) }
}

/// Once the store answers: publishes the media, unless they are there already.
pub(super) fn publish(
    site: &Site,
    root: &Path,
    data: &Path,
    cancel: &Cancel,
    events: &dyn EventSink,
) -> Result<(), StackError> {
    let kept = kept(root, data);
    if kept.is_dir() {
        return Ok(());
    }
    let began = Instant::now();
    events.progress(Stage::Up, 0, None, "publishing media to the object store");
    let program = with_switches(site, site.program(&site.python))
        .env("DJANGO_SETTINGS_MODULE", "bookstore.settings")
        .arg(site.app().join("manage.py"))
        .arg("publish_media");
    exec::run(program, "publishing media", PUBLISH, cancel, &mut |_, _| {})?;
    let _lock = lock::take(&root.join("cache/prepare.lock"), PATIENCE, cancel, &mut || {})?;
    if !kept.is_dir() {
        let part = folder::fresh_neighbour(&kept)?;
        folder::copy(&site.objects(), &part)?;
        folder::appear(&part, &kept)?;
    }
    let seconds = began.elapsed().as_secs_f64();
    events.note(Stage::Up, &format!("media were published in {seconds:.1} s; later stacks get a copy"));
    Ok(())
}
