//! Media in the object store: published once by the site's own command and cached beside the data snapshot, so that every
//! later stack starts with a filled store.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use kneepoint_model::cancel::Cancel;
use kneepoint_model::event::EventSink;
use kneepoint_model::stage::Stage;

use super::site::NativeSite;
use crate::error::StackError;
use crate::host::{exec, folder, lock};

/// Uploads thousands of small files.
const PUBLISH_TIMEOUT: Duration = Duration::from_mins(15);
const LOCK_TIMEOUT: Duration = Duration::from_mins(5);

/// The cached store of this data snapshot.
fn cached_store(root: &Path, data: &Path) -> PathBuf {
    let name = data.file_name().unwrap_or_default().to_string_lossy();
    root.join("cache").join(format!("objects-{}", name.strip_prefix("data-").unwrap_or(&name)))
}

/// Called before the store starts: copies the cached store, when there is one.
pub(super) fn restore_media(site: &NativeSite, root: &Path, data: &Path) -> Result<(), StackError> {
    let cached = cached_store(root, data);
    if cached.is_dir() { folder::copy(&cached, &site.objects()) } else { Ok(()) }
}

/// Called once the store responds: publishes the media and caches the store, unless it was cached before.
pub(super) fn publish_media(
    site: &NativeSite,
    root: &Path,
    data: &Path,
    cancel: &Cancel,
    events: &dyn EventSink,
) -> Result<(), StackError> {
    let cached = cached_store(root, data);
    if cached.is_dir() {
        return Ok(());
    }
    let began = Instant::now();
    events.progress(Stage::Up, 0, None, "publishing media to the object store");
    let program = site
        .django_program()
        .env("DJANGO_SETTINGS_MODULE", "bookstore.settings")
        .arg(site.app().join("manage.py"))
        .arg("publish_media");
    exec::run(program, "publishing media", PUBLISH_TIMEOUT, cancel, &mut |_, _| {})?;
    let _lock = lock::take(&root.join("cache/prepare.lock"), LOCK_TIMEOUT, cancel, &mut || {})?;
    if !cached.is_dir() {
        let part = folder::create_part(&cached)?;
        folder::copy(&site.objects(), &part)?;
        folder::move_into_place(&part, &cached)?;
    }
    let seconds = began.elapsed().as_secs_f64();
    events.note(Stage::Up, &format!("published media in {seconds:.1} s; later stacks copy them"));
    Ok(())
}
