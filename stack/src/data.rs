//! The data snapshot: database, the engine's books and the collected static files, made once per stack, size and seed.
//!
//! It is never used in place: every `up` works on a copy, so every run starts from identical data.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use kneepoint_model::cancel::Cancel;
use kneepoint_model::event::{EventSink, Stage};
use kneepoint_process::Program;

use crate::python::clean;
use crate::{Size, StackError, exec, folder};

/// The database file of a snapshot.
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
}

impl Recipe<'_> {
    /// `data-<stack hash>-<size>-<seed>`: readable, and different when the code that makes it is.
    fn name(&self) -> String {
        let stack = self.stack.file_name().unwrap_or_default().to_string_lossy();
        let hash = stack.strip_prefix("stack-").unwrap_or(&stack);
        format!("data-{hash}-{}-{}", self.size, self.seed)
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
        exec::run(manage(recipe, &part).args(args), step, deadline(recipe.size), cancel, &mut |_, _| {})?;
    }
    check(&part)?;
    folder::appear(&part, &whole)?;
    Ok(whole)
}

fn manage(recipe: Recipe<'_>, part: &Path) -> Program {
    let folder = recipe.stack.join("bookstore");
    clean(Program::new(recipe.python))
        .arg(folder.join("manage.py"))
        .cwd(folder)
        .env("DJANGO_SETTINGS_MODULE", "bookstore.settings")
        .env("KP_SQLITE_PATH", part.join(DATABASE))
        .env("KP_STATIC_ROOT", part.join(STATIC))
}

const fn deadline(size: Size) -> Duration {
    match size {
        Size::S => Duration::from_mins(2),
        Size::M => Duration::from_mins(5),
        Size::L => Duration::from_mins(30),
    }
}

/// A step may succeed and still leave nothing.
fn check(part: &Path) -> Result<(), StackError> {
    for name in [DATABASE, BOOKS] {
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
        let recipe = Recipe { stack, python: Path::new("python"), size: Size::M, seed: 7 };
        assert_eq!(recipe.name(), "data-00ff-M-7");
    }

    #[test]
    fn an_empty_database_is_no_snapshot() {
        let temp = tempfile::tempdir().unwrap();
        fs::write(temp.path().join(DATABASE), "x").unwrap();
        fs::write(temp.path().join(BOOKS), "").unwrap();
        assert!(check(temp.path()).unwrap_err().to_string().contains("books.jsonl is empty"));
        fs::write(temp.path().join(BOOKS), "{}").unwrap();
        check(temp.path()).unwrap();
    }
}
