//! The data snapshot: database, the engine's books and the collected static files, made once per stack, size and seed.
//!
//! It is never used in place: every `up` works on a copy, so every run starts from identical data.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use kneepoint_model::cancel::Cancel;
use kneepoint_model::event::EventSink;
use kneepoint_model::stage::Stage;
use kneepoint_process::Program;

use crate::db::{self, DbServer};
use crate::native::plain_path;
use crate::python::clean;
use crate::{Size, StackError, exec, folder};

/// The database file of a snapshot for `SQLite`.
pub(crate) const DATABASE: &str = "db.sqlite3";
/// The engine's input.
pub(crate) const BOOKS: &str = "books.jsonl";
/// The collected static files.
pub(crate) const STATIC: &str = "static";

/// What the snapshot is made of, and with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Recipe<'a> {
    /// The extracted stack.
    pub(crate) stack: &'a Path,
    /// The interpreter of the virtual environment.
    pub(crate) python: &'a Path,
    /// How much.
    pub(crate) size: Size,
    /// From which number.
    pub(crate) seed: u64,
    /// The server that keeps it; `None` is `SQLite`.
    pub(crate) db: Option<&'a DbServer>,
}

impl Recipe<'_> {
    /// `data-<stack hash>-<size>-<seed>[-<server>]`: readable, and different when the code that makes it is.
    fn name(&self) -> String {
        let stack = self.stack.file_name().unwrap_or_default().to_string_lossy();
        let hash = stack.strip_prefix("stack-").unwrap_or(&stack);
        let db = self.db.map_or_else(String::new, |server| format!("-{}", server.key()));
        format!("data-{hash}-{}-{}{db}", self.size, self.seed)
    }
}

/// Gives the snapshot, making it when it is not there.
pub(crate) fn ensure(
    cache: &Path,
    recipe: Recipe<'_>,
    cancel: &Cancel,
    events: &dyn EventSink,
) -> Result<PathBuf, StackError> {
    let whole = cache.join(recipe.name());
    if whole.is_dir() {
        return Ok(whole);
    }
    let part = folder::fresh_neighbour(&whole)?;
    match recipe.db {
        None => fill(recipe, &part, &sqlite(&part), cancel, events)?,
        Some(server) => with_server(recipe, server, &part, cancel, events)?,
    }
    check(&part, recipe.db.is_some())?;
    folder::appear(&part, &whole)?;
    Ok(whole)
}

fn sqlite(part: &Path) -> Variables {
    vec![("KP_SQLITE_PATH", part.join(DATABASE).to_string_lossy().into_owned())]
}

/// Initialises a data folder, fills it through a server that runs as long, and ends that cleanly: whoever opens a copy
/// has nothing to recover.
fn with_server(
    recipe: Recipe<'_>,
    server: &DbServer,
    part: &Path,
    cancel: &Cancel,
    events: &dyn EventSink,
) -> Result<(), StackError> {
    let began = Instant::now();
    let (plain, alias) = plain_path(part)?;
    let filled = (|| {
        let (data, run) = (plain.join(db::FOLDER), plain.join("run"));
        for folder in [&data, &run] {
            fs::create_dir(folder).map_err(StackError::io("make the folder", folder))?;
        }
        events.progress(Stage::Up, 0, None, &format!("initialising {} {}", server.name(), server.version));
        db::initialise(server, &data, &run, cancel)?;
        let started = db::started(server, &data, &run, cancel)?;
        let variables = vec![
            ("KP_DB", server.setting().to_owned()),
            ("KP_DB_HOST", "127.0.0.1".to_owned()),
            ("KP_DB_PORT", started.port.to_string()),
            ("KP_DB_TLS", "0".to_owned()),
        ];
        fill(recipe, part, &variables, cancel, events)?;
        started.end_cleanly()?;
        folder::remove(&run)
    })();
    if let Some(alias) = alias {
        // A link that stays is only in the way.
        let _ = fs::remove_file(alias);
    }
    filled?;
    let (name, seconds) = (server.name(), began.elapsed().as_secs_f64());
    events.note(Stage::Up, &format!("{name}'s data were made in {seconds:.1} s; every run gets a copy"));
    Ok(())
}

/// Variables that lead the site to the database.
type Variables = Vec<(&'static str, String)>;

fn fill(
    recipe: Recipe<'_>,
    part: &Path,
    variables: &Variables,
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
        let manage = manage(recipe, part, variables).args(args);
        exec::run(manage, step, deadline(recipe.size), cancel, &mut |_, _| {})?;
    }
    Ok(())
}

fn manage(recipe: Recipe<'_>, part: &Path, variables: &Variables) -> Program {
    let folder = recipe.stack.join("bookstore");
    // Switches that the user's shell may hold are for other stacks.
    let inherited = std::env::vars_os().map(|(name, _)| name);
    let inherited = inherited.filter(|name| name.to_string_lossy().starts_with("KP_"));
    let program = inherited
        .fold(clean(Program::new(recipe.python)), Program::env_remove)
        .arg(folder.join("manage.py"))
        .cwd(folder)
        .env("DJANGO_SETTINGS_MODULE", "bookstore.settings")
        .env("KP_STATIC_ROOT", part.join(STATIC));
    variables.iter().fold(program, |program, (name, value)| program.env(name, value))
}

const fn deadline(size: Size) -> Duration {
    match size {
        Size::S => Duration::from_mins(2),
        Size::M => Duration::from_mins(5),
        Size::L => Duration::from_mins(30),
    }
}

/// A step may succeed and still leave nothing.
fn check(part: &Path, with_server: bool) -> Result<(), StackError> {
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
    fn the_name_tells_stack_size_and_seed() {
        let stack = Path::new("/x/cache/stack-00ff");
        let recipe = Recipe { stack, python: Path::new("python"), size: Size::M, seed: 7, db: None };
        assert_eq!(recipe.name(), "data-00ff-M-7");
    }

    #[test]
    fn an_empty_database_is_no_snapshot() {
        let temp = tempfile::tempdir().unwrap();
        fs::write(temp.path().join(DATABASE), "x").unwrap();
        fs::write(temp.path().join(BOOKS), "").unwrap();
        assert!(check(temp.path(), false).unwrap_err().to_string().contains("books.jsonl is empty"));
        fs::write(temp.path().join(BOOKS), "{}").unwrap();
        check(temp.path(), false).unwrap();
        assert!(check(temp.path(), true).is_err(), "no data folder of a server");
    }
}
