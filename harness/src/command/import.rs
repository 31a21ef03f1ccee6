//! `kneepoint import`: a scenario file from what is there already, to be read, changed and kept.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, ErrorKind, Read, Write as _};
use std::path::{Path, PathBuf};

use kneepoint_model::exit::ExitCode;
use kneepoint_scenarios::{ImportError, Imported, from_access_log, from_har, from_openapi};

use crate::cli::{ImportArgs, ImportKind};
use crate::console;
use crate::failure::Failure;

/// Recordings and documents are held in memory; a larger one is a mistake.
const LARGEST: u64 = 256 << 20;
/// Logs are read in pieces of this size.
const PIECE: usize = 1 << 20;

/// Reads, writes the file, and says what to do with it.
pub(super) fn import(args: &ImportArgs) -> Result<ExitCode, Failure> {
    let usage = |error: ImportError| Failure::new(ExitCode::Usage, error);
    let name = args.file.file_name().unwrap_or(args.file.as_os_str()).to_string_lossy().into_owned();
    let imported = match args.kind {
        ImportKind::AccessLog => {
            from_access_log(BufReader::with_capacity(PIECE, opened(&args.file)?), &name).map_err(usage)?
        }
        ImportKind::Har => from_har(&text(&args.file)?, &name).map_err(usage)?,
        ImportKind::Openapi => from_openapi(&text(&args.file)?, &name, args.writes).map_err(usage)?,
    };
    let out = args.out.clone().unwrap_or_else(|| PathBuf::from(format!("scenarios/{}.toml", imported.name)));
    if out.as_os_str() == "-" {
        console::print(imported.text.trim_end());
        return Ok(ExitCode::Ok);
    }
    written(&out, &imported)?;
    let (said, out) = (imported.notes.join("\n"), out.display());
    console::print(&format!(
        "{said}\nwrote {out}. Next, in kneepoint.toml:\n  [load.scenarios]\n  \"{out}\" = 1"
    ));
    Ok(ExitCode::Ok)
}

fn opened(path: &Path) -> Result<Box<dyn Read>, Failure> {
    if path.as_os_str() == "-" {
        return Ok(Box::new(io::stdin()));
    }
    let file = File::open(path).map_err(|error| unreadable(path, &error))?;
    Ok(Box::new(file))
}

fn text(path: &Path) -> Result<String, Failure> {
    let mut bytes = Vec::new();
    opened(path)?.take(LARGEST + 1).read_to_end(&mut bytes).map_err(|error| unreadable(path, &error))?;
    if bytes.len() as u64 > LARGEST {
        return Err(Failure::new(ExitCode::Usage, format!("{} is larger than 256 MiB", path.display())));
    }
    // A recording may hold bytes that are no text; its addresses are.
    let text = String::from_utf8_lossy(&bytes);
    Ok(text.trim_start_matches('\u{feff}').to_owned())
}

fn unreadable(path: &Path, error: &io::Error) -> Failure {
    Failure::new(ExitCode::Usage, format!("cannot read {}: {error}", path.display()))
}

/// Writes over nothing.
fn written(out: &Path, imported: &Imported) -> Result<(), Failure> {
    let failed = |error: &io::Error| match error.kind() {
        ErrorKind::AlreadyExists => Failure::new(
            ExitCode::Usage,
            format!("{} is already here, and is not written over; --out FILE names another", out.display()),
        ),
        _ => Failure::new(ExitCode::Usage, format!("cannot write {}: {error}", out.display())),
    };
    if let Some(folder) = out.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::create_dir_all(folder).map_err(|error| failed(&error))?;
    }
    let mut file =
        OpenOptions::new().write(true).create_new(true).open(out).map_err(|error| failed(&error))?;
    file.write_all(imported.text.as_bytes()).map_err(|error| failed(&error))
}
