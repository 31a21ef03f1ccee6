//! The data snapshot: database, the engine's books and the collected static files, made once per stack, size and seed.
//!
//! Every `up` works on a copy, so every run starts from identical data.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use kneepoint_model::cancel::Cancel;
use kneepoint_model::event::EventSink;
use kneepoint_model::stage::Stage;
use kneepoint_process::Program;

use crate::db::{self, DbServer};
use crate::error::StackError;
use crate::host::exec::{self, without_python_env};
use crate::host::folder::{self, plain_path};
use crate::topology::Size;

/// The database file of a snapshot for `SQLite`.
pub(crate) const DATABASE: &str = "db.sqlite3";
/// The engine's input.
pub(crate) const BOOKS: &str = "books.jsonl";
/// The collected static files.
pub(crate) const STATIC: &str = "static";

/// What the snapshot is made of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SnapshotRecipe<'a> {
    /// The folder of the extracted stack.
    pub(crate) stack: &'a Path,
    /// The interpreter of the virtual environment.
    pub(crate) python: &'a Path,
    /// The amount of data.
    pub(crate) size: Size,
    /// The seed of the generated data.
    pub(crate) seed: u64,
    /// The database server; `None` is `SQLite`.
    pub(crate) db: Option<&'a DbServer>,
}

impl SnapshotRecipe<'_> {
    /// `data-<stack hash>-<size>-<seed>[-<server>]`: readable, and different for each version of the code that makes the data.
    fn snapshot_name(&self) -> String {
        let stack = self.stack.file_name().unwrap_or_default().to_string_lossy();
        let hash = stack.strip_prefix("stack-").unwrap_or(&stack);
        let db = self.db.map_or_else(String::new, |server| format!("-{}", server.key()));
        format!("data-{hash}-{}-{}{db}", self.size, self.seed)
    }
}

/// Returns the folder of the snapshot, after making it when it does not exist.
pub(crate) fn ensure(
    cache: &Path,
    recipe: SnapshotRecipe<'_>,
    cancel: &Cancel,
    events: &dyn EventSink,
) -> Result<PathBuf, StackError> {
    let whole = cache.join(recipe.snapshot_name());
    if whole.is_dir() {
        return Ok(whole);
    }
    let part = folder::create_part(&whole)?;
    match recipe.db {
        None => fill(recipe, &part, &sqlite_variables(&part), cancel, events)?,
        Some(server) => fill_with_server(recipe, server, &part, cancel, events)?,
    }
    require_filled(&part, recipe.db.is_some())?;
    folder::move_into_place(&part, &whole)?;
    Ok(whole)
}

fn sqlite_variables(part: &Path) -> DbVariables {
    vec![("KP_SQLITE_PATH", part.join(DATABASE).to_string_lossy().into_owned())]
}

/// Initialises a data folder, fills it through a server, and shuts that down cleanly, so that a copy needs no recovery.
fn fill_with_server(
    recipe: SnapshotRecipe<'_>,
    server: &DbServer,
    part: &Path,
    cancel: &Cancel,
    events: &dyn EventSink,
) -> Result<(), StackError> {
    let started_at = Instant::now();
    let (plain, alias) = plain_path(part)?;
    let filled = (|| {
        let (data, run) = (plain.join(db::FOLDER), plain.join("run"));
        for folder in [&data, &run] {
            fs::create_dir(folder).map_err(StackError::io("create the folder", folder))?;
        }
        events.progress(Stage::Up, 0, None, &format!("initialising {} {}", server.name(), server.version));
        db::initialise(server, &data, &run, cancel)?;
        let server_process = db::start_server(server, &data, &run, cancel)?;
        let variables = vec![
            ("KP_DB", server.setting().to_owned()),
            ("KP_DB_HOST", "127.0.0.1".to_owned()),
            ("KP_DB_PORT", server_process.port.to_string()),
            ("KP_DB_TLS", "0".to_owned()),
        ];
        fill(recipe, part, &variables, cancel, events)?;
        server_process.shut_down()?;
        folder::remove(&run)
    })();
    if let Some(alias) = alias {
        // A link that cannot be removed does no harm.
        let _ = fs::remove_file(alias);
    }
    filled?;
    let (name, seconds) = (server.name(), started_at.elapsed().as_secs_f64());
    events.note(Stage::Up, &format!("made the data of {name} in {seconds:.1} s; every run copies them"));
    Ok(())
}

/// DbVariables by which the site finds the database.
type DbVariables = Vec<(&'static str, String)>;

fn fill(
    recipe: SnapshotRecipe<'_>,
    part: &Path,
    variables: &DbVariables,
    cancel: &Cancel,
    events: &dyn EventSink,
) -> Result<(), StackError> {
    let books = part.join(BOOKS);
    let seed = recipe.seed.to_string();
    let size = recipe.size.name();
    let books_text = books.to_string_lossy();
    let steps: [(&'static str, &[&str]); 4] = [
        ("migrating the database", &["migrate", "--verbosity=0"]),
        ("seeding the bookstore", &["seed", "--size", size, "--seed", &seed]),
        ("collecting static files", &["collectstatic", "--noinput", "--verbosity=0"]),
        ("exporting books for the engine", &["export_books", "--out", &books_text]),
    ];
    let total = Some(steps.len() as u64);
    for (done, (step, args)) in steps.into_iter().enumerate() {
        events.progress(Stage::Up, done as u64, total, step);
        let manage = manage_program(recipe, part, variables).args(args);
        exec::run(manage, step, step_timeout(recipe.size), cancel, &mut |_, _| {})?;
    }
    Ok(())
}

fn manage_program(recipe: SnapshotRecipe<'_>, part: &Path, variables: &DbVariables) -> Program {
    let folder = recipe.stack.join("bookstore");
    // Switches in the user's shell are for other stacks.
    let inherited = std::env::vars_os().map(|(name, _)| name);
    let inherited = inherited.filter(|name| name.to_string_lossy().starts_with("KP_"));
    let program = inherited
        .fold(without_python_env(Program::new(recipe.python)), Program::env_remove)
        .arg(folder.join("manage.py"))
        .cwd(folder)
        .env("DJANGO_SETTINGS_MODULE", "bookstore.settings")
        .env("KP_STATIC_ROOT", part.join(STATIC));
    variables.iter().fold(program, |program, (name, value)| program.env(name, value))
}

const fn step_timeout(size: Size) -> Duration {
    match size {
        Size::S => Duration::from_mins(2),
        Size::M => Duration::from_mins(5),
        Size::L => Duration::from_mins(30),
    }
}

/// A step may succeed without producing anything.
fn require_filled(part: &Path, with_server: bool) -> Result<(), StackError> {
    let database = if with_server { "mysql/ibdata1" } else { DATABASE };
    for name in [database, BOOKS] {
        let path = part.join(name);
        let empty = fs::metadata(&path).map_err(StackError::io("find", &path))?.len() == 0;
        if empty {
            let why = format!("{} is empty", path.display());
            return Err(StackError::System { what: "making the data snapshot", why });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_contains_stack_size_and_seed() {
        let stack = Path::new("/x/cache/stack-00ff");
        let recipe = SnapshotRecipe { stack, python: Path::new("python"), size: Size::M, seed: 7, db: None };
        assert_eq!(recipe.snapshot_name(), "data-00ff-M-7");
    }

    #[test]
    fn empty_files_are_no_snapshot() {
        let temp = tempfile::tempdir().unwrap();
        fs::write(temp.path().join(DATABASE), "x").unwrap();
        fs::write(temp.path().join(BOOKS), "").unwrap();
        assert!(require_filled(temp.path(), false).unwrap_err().to_string().contains("books.jsonl is empty"));
        fs::write(temp.path().join(BOOKS), "{}").unwrap();
        require_filled(temp.path(), false).unwrap();
        assert!(require_filled(temp.path(), true).is_err(), "no data folder of a server");
    }
}
