//! Images: the official ones where they can be had, and where no image registry can be reached, stand-ins that
//! `images/build-base` makes of Debian packages. The same compose file runs on both.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::Path;
use std::time::Duration;

use kneepoint_model::cancel::Cancel;
use kneepoint_model::event::EventSink;
use kneepoint_model::stage::Stage;
use kneepoint_process::{Exit, ProcessError, Program};

use super::base::Base;
use super::docker::{self, Docker, SHORT};
use super::service::ComposeService;
use crate::hash::ContentHash;
use crate::{StackError, mask};

/// A slow line still brings the largest image within this time.
const PULL: Duration = Duration::from_mins(15);
/// debootstrap, and two rounds of packages.
const BUILD: Duration = Duration::from_mins(20);
/// As many as `compose.yaml` asks for.
const OPEN_FILES: u64 = 65_536;
/// Lines of a build that failed which are told.
const TOLD: usize = 8;
/// The label of images that kneepoint made.
const LABEL: &str = "org.kneepoint.image";

/// An image that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Image {
    /// As it is asked for.
    pub(super) name: String,
    /// Its content.
    pub(super) id: String,
}

/// The images of a stack.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Images {
    /// By what they are for.
    pub(super) bases: BTreeMap<Base, Image>,
    /// The site's.
    pub(super) server: Option<Image>,
    /// Whether any is a stand-in.
    pub(super) stand_ins: bool,
    /// The limit of open files that containers can be given.
    pub(super) open_files: u64,
}

impl Images {
    /// Variables of `compose.yaml`.
    pub(super) fn variables(&self) -> Vec<(String, String)> {
        let bases = self.bases.iter().map(|(base, image)| (base.variable().to_owned(), image.name.clone()));
        let server = self.server.iter().map(|image| ("KP_SERVER_IMAGE".to_owned(), image.name.clone()));
        let files = ("KP_NOFILE".to_owned(), self.open_files.to_string());
        bases.chain(server).chain([files]).collect()
    }
}

/// What it takes to find or make images.
#[derive(Clone, Copy)]
pub(super) struct Workshop<'a> {
    pub(super) docker: &'a Docker,
    /// The extracted stack.
    pub(super) stack: &'a Path,
    /// The label of containers that are started for it.
    pub(super) label: &'a str,
    pub(super) cancel: &'a Cancel,
    pub(super) events: &'a dyn EventSink,
}

impl Workshop<'_> {
    /// Finds, pulls or makes every image that these services need.
    ///
    /// # Errors
    /// `Image` for one that the user named and that cannot be had; `StandIns` when they cannot be made; `Step`.
    pub(super) fn images(&self, services: &BTreeSet<ComposeService>) -> Result<Images, StackError> {
        let mut images = Images::default();
        let mut missing = Vec::new();
        for base in Base::needed(services) {
            match std::env::var(base.variable()).ok().filter(|name| !name.is_empty()) {
                Some(name) => {
                    images.bases.insert(base, self.named(&name, base.variable())?);
                }
                None => match self.inspect(base.official())? {
                    Some(image) => drop(images.bases.insert(base, image)),
                    None => missing.push(base),
                },
            }
        }
        let missing = self.pulled(missing, &mut images)?;
        if !missing.is_empty() {
            self.stand_ins(&missing, &mut images)?;
        }
        let python = images.bases.get(&Base::Python).cloned();
        images.server = python.map(|python| self.server(&python)).transpose()?;
        if let Some(debian) = images.bases.get(&Base::Debian) {
            images.open_files = self.open_files(&debian.name)?;
        }
        Ok(images)
    }

    /// The limit that a container gets by itself: a daemon cannot give more than it has, and refuses to start one that asks.
    fn open_files(&self, image: &str) -> Result<u64, StackError> {
        let args = [
            "run",
            "--rm",
            "--network",
            "none",
            "--label",
            self.label,
            "--entrypoint",
            "bash",
            image,
            "-c",
            "ulimit -Hn",
        ];
        let said = self.docker.ask(&args, "asking for the limit of open files", SHORT, self.cancel)?;
        Ok(said.trim().parse().unwrap_or(OPEN_FILES).min(OPEN_FILES))
    }

    /// An image that is on this machine.
    pub(super) fn inspect(&self, name: &str) -> Result<Option<Image>, StackError> {
        let args = ["image", "inspect", "--format", "{{.Id}}", name];
        match self.docker.ask(&args, "looking for an image", SHORT, self.cancel) {
            Ok(id) => Ok(Some(Image { name: name.to_owned(), id: id.trim().to_owned() })),
            Err(StackError::Step { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn named(&self, name: &str, variable: &'static str) -> Result<Image, StackError> {
        if let Some(image) = self.inspect(name)? {
            return Ok(image);
        }
        let bad = |why: String| StackError::Image { image: name.to_owned(), variable, why };
        match self.pull(name) {
            Err(StackError::Step { source, .. }) => return Err(bad(last_words(&source))),
            other => other?,
        }
        self.inspect(name)?.ok_or_else(|| bad("it was pulled and is not there".to_owned()))
    }

    fn pull(&self, name: &str) -> Result<(), StackError> {
        self.events.progress(Stage::Up, 0, None, &format!("pulling the image {name}"));
        self.docker.ask(&["pull", "--quiet", name], "pulling an image", PULL, self.cancel).map(|_| ())
    }

    /// Pulls what can be pulled; the first refusal is taken for all, since a registry is there or not.
    fn pulled(&self, missing: Vec<Base>, images: &mut Images) -> Result<Vec<Base>, StackError> {
        let mut left = missing.into_iter();
        while let Some(base) = left.next() {
            match self.pull(base.official()) {
                Ok(()) => {
                    if let Some(image) = self.inspect(base.official())? {
                        images.bases.insert(base, image);
                    }
                }
                Err(StackError::Step { source, .. }) => {
                    let why = last_words(&source);
                    let note = format!("no official images ({why}); using stand-ins of Debian packages");
                    self.events.note(Stage::Up, &note);
                    return Ok(std::iter::once(base).chain(left).collect());
                }
                Err(error) => return Err(error),
            }
        }
        Ok(Vec::new())
    }

    fn stand_ins(&self, missing: &[Base], images: &mut Images) -> Result<(), StackError> {
        let program = Program::new("bash").arg(self.stack.join("images/build-base"));
        let step = "making stand-in images of Debian packages";
        self.events.progress(Stage::Up, 0, None, step);
        let mut each = |stream, line: &str| {
            if stream == kneepoint_process::Stream::Stderr {
                self.events.progress(Stage::Up, 0, None, line.trim_start_matches("build-base: "));
            }
        };
        let made = docker::run(program, step, BUILD, self.cancel, &mut each).map_err(refusal)?;
        let names = names(&made.stdout_text());
        for base in missing {
            let name = names.get(base.variable()).ok_or_else(|| StackError::StandIns {
                missing_tool: false,
                why: format!("images/build-base made no {}", base.variable()),
            })?;
            images.bases.insert(*base, self.named(name, base.variable())?);
        }
        images.stand_ins = true;
        Ok(())
    }

    /// The site's image: made once for what it is made of.
    fn server(&self, python: &Image) -> Result<Image, StackError> {
        let index = std::env::var("PIP_INDEX_URL").unwrap_or_default();
        let name = format!("kneepoint/server:{}", &recipe(&python.id, &index)[..12]);
        if let Some(image) = self.inspect(&name)? {
            return Ok(image);
        }
        let step = "making the image of the site";
        self.events.progress(Stage::Up, 0, None, step);
        let label = format!("{LABEL}=server");
        let base = format!("BASE={}", python.name);
        let folder = self.stack.to_string_lossy();
        let file = self.stack.join("images/server.Dockerfile");
        let args = [
            "build",
            "--force-rm",
            "--label",
            &label,
            "--build-arg",
            &base,
            // Its value is taken from the environment: an index may have a password in its address.
            "--build-arg",
            "PIP_INDEX_URL",
            "--tag",
            &name,
        ];
        let program = self.docker.command(&args).env("PIP_INDEX_URL", index);
        let program = program.arg("--file").arg(file).arg(&*folder);
        let mut said = VecDeque::new();
        let mut each = |_, line: &str| {
            let line = mask::mask_line(line);
            if line.starts_with("Step ") || line.contains(" RUN ") {
                self.events.progress(Stage::Up, 0, None, &format!("the image of the site: {line}"));
            } else if !line.trim().is_empty() {
                said.push_back(line);
                if said.len() > TOLD {
                    said.pop_front();
                }
            }
        };
        let built = docker::run(program, step, BUILD, self.cancel, &mut each);
        built.map_err(|error| with_words(error, said.make_contiguous()))?;
        let gone = || StackError::System { what: step, why: format!("{name} was made and is not there") };
        self.inspect(&name)?.ok_or_else(gone)
    }
}

/// A name for what the site's image is made of.
fn recipe(python: &str, index: &str) -> String {
    let assets = crate::assets::all();
    let counts = |asset: &crate::assets::Asset| {
        let target = asset.target();
        let name = target.to_string_lossy();
        name == "images/server.Dockerfile" || name.starts_with("bookstore/requirements")
    };
    let hash = ContentHash::new().part(python.as_bytes()).part(index.as_bytes());
    assets.iter().filter(|asset| counts(asset)).fold(hash, |hash, asset| hash.part(asset.content())).short()
}

/// `KP_NGINX_IMAGE=kneepoint/services:68da…`, a line each.
fn names(lines: &str) -> BTreeMap<String, String> {
    let pairs = lines.lines().filter_map(|line| line.trim().split_once('='));
    pairs.map(|(variable, name)| (variable.to_owned(), name.to_owned())).collect()
}

/// The script's own exit code 7: a tool, a right or a mirror is missing.
fn refusal(error: StackError) -> StackError {
    let StackError::Step { source, .. } = &error else { return error };
    let missing_tool = match source.as_ref() {
        ProcessError::Failed(failure) => failure.exit == Some(Exit::Code(7)),
        ProcessError::NotFound { .. } => true,
        _ => false,
    };
    StackError::StandIns { missing_tool, why: last_words(source) }
}

/// What the tools within a build said last: the builder itself only says that one of them failed.
fn with_words(error: StackError, said: &[String]) -> StackError {
    let StackError::Step { step, source } = error else { return error };
    let source = match *source {
        ProcessError::Failed(mut failure) => {
            failure.output_tail = format!("{}\n{}", said.join("\n"), failure.output_tail.trim());
            ProcessError::Failed(failure)
        }
        other => other,
    };
    StackError::Step { step, source: Box::new(source) }
}

/// The end of what a tool said, without the command line, which is long.
pub(super) fn last_words(error: &ProcessError) -> String {
    match error {
        ProcessError::Failed(failure) | ProcessError::TimedOut(failure) => {
            let words = mask::tail(failure.output_tail.trim(), 12, 1500);
            if words.is_empty() { error.to_string() } else { words }
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_script_says() {
        let lines =
            "KP_DEBIAN_IMAGE=kneepoint/debian:69cc593a2099\nKP_PYTHON_IMAGE=kneepoint/python:ba3e45f3493b\n";
        assert_eq!(names(lines)["KP_PYTHON_IMAGE"], "kneepoint/python:ba3e45f3493b");
        let failed = |code| {
            let failure = kneepoint_process::Failure {
                argv: "bash".to_owned(),
                exit: Some(Exit::Code(code)),
                output_tail: "build-base: debootstrap is missing: apt-get install debootstrap\n".to_owned(),
                elapsed: Duration::ZERO,
            };
            refusal(StackError::Step { step: "x", source: Box::new(ProcessError::Failed(Box::new(failure))) })
        };
        assert!(
            matches!(&failed(7), StackError::StandIns { missing_tool: true, why } if why.contains("apt-get install debootstrap"))
        );
        assert!(matches!(failed(5), StackError::StandIns { missing_tool: false, .. }));
    }

    #[test]
    fn another_base_or_index_is_another_image() {
        assert_eq!(recipe("sha256:1", ""), recipe("sha256:1", ""));
        assert_ne!(recipe("sha256:1", ""), recipe("sha256:2", ""));
        assert_ne!(recipe("sha256:1", ""), recipe("sha256:1", "https://index.test/"));
    }
}
