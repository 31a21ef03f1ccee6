//! `kneepoint import`: converts a log, a recording or an API document to a scenario file, which the user then edits.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, ErrorKind, Read, Write as _};
use std::path::{Path, PathBuf};

use kneepoint_model::exit::ExitCode;
use kneepoint_scenarios::{ImportError, Imported, from_access_log, from_har, from_openapi};

use crate::cli::{ImportArgs, ImportKind};
use crate::console;
use crate::failure::Failure;

/// Largest recording or document, in bytes; it is held in memory.
const MAX_DOCUMENT: u64 = 256 << 20;
/// Buffer for reading logs, in bytes.
const BUFFER: usize = 1 << 20;

/// Converts the input, writes the file and prints the next step.
pub(super) fn import_scenario(args: &ImportArgs) -> Result<ExitCode, Failure> {
    let usage = |error: ImportError| Failure::new(ExitCode::Usage, error);
    let name = args.file.file_name().unwrap_or(args.file.as_os_str()).to_string_lossy().into_owned();
    let imported = match args.kind {
        ImportKind::AccessLog => {
            from_access_log(BufReader::with_capacity(BUFFER, open_input(&args.file)?), &name)
                .map_err(usage)?
        }
        ImportKind::Har => from_har(&read_document(&args.file)?, &name).map_err(usage)?,
        ImportKind::Openapi => {
            from_openapi(&read_document(&args.file)?, &name, args.writes).map_err(usage)?
        }
    };
    let out = args.out.clone().unwrap_or_else(|| PathBuf::from(format!("scenarios/{}.toml", imported.name)));
    if out.as_os_str() == "-" {
        console::print(imported.text.trim_end());
        return Ok(ExitCode::Ok);
    }
    write_new_file(&out, &imported)?;
    let (notes, out) = (imported.notes.join("\n"), out.display());
    console::print(&format!(
        "{notes}\nwrote {out}. Next, in kneepoint.toml:\n  [load.scenarios]\n  \"{out}\" = 1"
    ));
    Ok(ExitCode::Ok)
}

fn open_input(path: &Path) -> Result<Box<dyn Read>, Failure> {
    if path.as_os_str() == "-" {
        return Ok(Box::new(io::stdin()));
    }
    let file = File::open(path).map_err(|error| unreadable(path, &error))?;
    Ok(Box::new(file))
}

fn read_document(path: &Path) -> Result<String, Failure> {
    let mut bytes = Vec::new();
    open_input(path)?
        .take(MAX_DOCUMENT + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| unreadable(path, &error))?;
    if bytes.len() as u64 > MAX_DOCUMENT {
        return Err(Failure::new(
            ExitCode::Usage,
            format!("{} is larger than 256 MiB; import a shorter recording", path.display()),
        ));
    }
    // Bodies in a recording may be binary; its URLs are text.
    let text = String::from_utf8_lossy(&bytes);
    Ok(text.trim_start_matches('\u{feff}').to_owned())
}

fn unreadable(path: &Path, error: &io::Error) -> Failure {
    Failure::new(ExitCode::Usage, format!("cannot read {}: {error}", path.display()))
}

/// Fails when the file exists.
fn write_new_file(out: &Path, imported: &Imported) -> Result<(), Failure> {
    let failed = |error: &io::Error| match error.kind() {
        ErrorKind::AlreadyExists => Failure::new(
            ExitCode::Usage,
            format!("{} already exists; choose another file with --out FILE", out.display()),
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
