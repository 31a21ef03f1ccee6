//! Images: the official ones, or, when no image registry can be reached, stand-ins that `images/build-base` builds from
//! Debian packages. The same compose file runs on both.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::Path;
use std::time::Duration;

use kneepoint_model::cancel::Cancel;
use kneepoint_model::event::EventSink;
use kneepoint_model::stage::Stage;
use kneepoint_process::{Exit, ProcessError, Program};

use super::base::BaseImage;
use super::docker::{self, Docker, SHORT};
use super::service::ComposeService;
use crate::error::StackError;
use crate::host::hash::ContentHash;
use crate::host::redact;

/// Enough for the largest image over a slow connection.
const PULL_TIMEOUT: Duration = Duration::from_mins(15);
/// Enough for debootstrap and two installations of packages.
const BUILD_TIMEOUT: Duration = Duration::from_mins(20);
/// The limit that `compose.yaml` asks for.
const MAX_OPEN_FILES: u64 = 65_536;
/// Output lines of a failed build that are reported.
const MAX_OUTPUT_LINES: usize = 8;
/// The label of images that kneepoint built.
const IMAGE_LABEL: &str = "org.kneepoint.image";

/// An image on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Image {
    /// The name by which it is referred to.
    pub(super) name: String,
    /// The id of its content.
    pub(super) id: String,
}

/// The images of a stack.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct ImageSet {
    pub(super) bases: BTreeMap<BaseImage, Image>,
    /// The site's image.
    pub(super) server: Option<Image>,
    /// Whether any of them is a stand-in.
    pub(super) stand_ins: bool,
    /// The limit of open files that the daemon can give containers.
    pub(super) open_files: u64,
}

impl ImageSet {
    /// Variables of `compose.yaml`.
    pub(super) fn variables(&self) -> Vec<(String, String)> {
        let bases = self.bases.iter().map(|(base, image)| (base.variable().to_owned(), image.name.clone()));
        let server = self.server.iter().map(|image| ("KP_SERVER_IMAGE".to_owned(), image.name.clone()));
        let files = ("KP_NOFILE".to_owned(), self.open_files.to_string());
        bases.chain(server).chain([files]).collect()
    }
}

/// Finds, pulls or builds images.
#[derive(Clone, Copy)]
pub(super) struct ImageBuilder<'a> {
    pub(super) docker: &'a Docker,
    /// The extracted stack.
    pub(super) stack: &'a Path,
    /// The label of containers that are started meanwhile.
    pub(super) label: &'a str,
    pub(super) cancel: &'a Cancel,
    pub(super) events: &'a dyn EventSink,
}

impl ImageBuilder<'_> {
    /// Makes every image that these services need available.
    ///
    /// # Errors
    /// `Image` for one that the user named and that cannot be pulled; `StandIns` when they cannot be built; `Step`.
    pub(super) fn ensure_all(&self, services: &BTreeSet<ComposeService>) -> Result<ImageSet, StackError> {
        let mut images = ImageSet::default();
        let mut missing = Vec::new();
        for base in BaseImage::required_by(services) {
            match std::env::var(base.variable()).ok().filter(|name| !name.is_empty()) {
                Some(name) => {
                    images.bases.insert(base, self.ensure_named(&name, base.variable())?);
                }
                None => match self.inspect(base.official())? {
                    Some(image) => drop(images.bases.insert(base, image)),
                    None => missing.push(base),
                },
            }
        }
        let missing = self.pull_all(missing, &mut images)?;
        if !missing.is_empty() {
            self.build_stand_ins(&missing, &mut images)?;
        }
        let python = images.bases.get(&BaseImage::Python).cloned();
        images.server = python.map(|python| self.ensure_server(&python)).transpose()?;
        if let Some(debian) = images.bases.get(&BaseImage::Debian) {
            images.open_files = self.open_files(&debian.name)?;
        }
        Ok(images)
    }

    /// The limit that a container has by default: the daemon cannot give more and refuses to start a container that asks for it.
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
        let output = self.docker.run(&args, "reading the limit of open files", SHORT, self.cancel)?;
        Ok(output.trim().parse().unwrap_or(MAX_OPEN_FILES).min(MAX_OPEN_FILES))
    }

    /// `None` when the image is not on this machine.
    pub(super) fn inspect(&self, name: &str) -> Result<Option<Image>, StackError> {
        let args = ["image", "inspect", "--format", "{{.Id}}", name];
        match self.docker.run(&args, "inspecting an image", SHORT, self.cancel) {
            Ok(id) => Ok(Some(Image { name: name.to_owned(), id: id.trim().to_owned() })),
            Err(StackError::Step { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn ensure_named(&self, name: &str, variable: &'static str) -> Result<Image, StackError> {
        if let Some(image) = self.inspect(name)? {
            return Ok(image);
        }
        let bad = |why: String| StackError::Image { image: name.to_owned(), variable, why };
        match self.pull(name) {
            Err(StackError::Step { source, .. }) => return Err(bad(error_tail(&source))),
            other => other?,
        }
        self.inspect(name)?.ok_or_else(|| bad("it was pulled but cannot be found".to_owned()))
    }

    fn pull(&self, name: &str) -> Result<(), StackError> {
        self.events.progress(Stage::Up, 0, None, &format!("pulling the image {name}"));
        self.docker.run(&["pull", "--quiet", name], "pulling an image", PULL_TIMEOUT, self.cancel).map(|_| ())
    }

    /// Pulls images and returns those that are still missing. The first failure counts for all, since either the registry can
    /// be reached or not.
    fn pull_all(&self, missing: Vec<BaseImage>, images: &mut ImageSet) -> Result<Vec<BaseImage>, StackError> {
        let mut rest = missing.into_iter();
        while let Some(base) = rest.next() {
            match self.pull(base.official()) {
                Ok(()) => {
                    if let Some(image) = self.inspect(base.official())? {
                        images.bases.insert(base, image);
                    }
                }
                Err(StackError::Step { source, .. }) => {
                    let why = error_tail(&source);
                    let note =
                        format!("no official images ({why}); using stand-ins built from Debian packages");
                    self.events.note(Stage::Up, &note);
                    return Ok(std::iter::once(base).chain(rest).collect());
                }
                Err(error) => return Err(error),
            }
        }
        Ok(Vec::new())
    }

    fn build_stand_ins(&self, missing: &[BaseImage], images: &mut ImageSet) -> Result<(), StackError> {
        let program = Program::new("bash").arg(self.stack.join("images/build-base"));
        let step = "building stand-in images from Debian packages";
        self.events.progress(Stage::Up, 0, None, step);
        let mut each = |stream, line: &str| {
            if stream == kneepoint_process::Stream::Stderr {
                self.events.progress(Stage::Up, 0, None, line.trim_start_matches("build-base: "));
            }
        };
        let made = docker::run_tool(program, step, BUILD_TIMEOUT, self.cancel, &mut each)
            .map_err(stand_ins_error)?;
        let names = parse_names(&made.stdout_text());
        for base in missing {
            let name = names.get(base.variable()).ok_or_else(|| StackError::StandIns {
                missing_tool: false,
                why: format!("images/build-base reported no {}", base.variable()),
            })?;
            images.bases.insert(*base, self.ensure_named(name, base.variable())?);
        }
        images.stand_ins = true;
        Ok(())
    }

    /// The site's image, built once for each base image and requirements.
    fn ensure_server(&self, python: &Image) -> Result<Image, StackError> {
        let index = std::env::var("PIP_INDEX_URL").unwrap_or_default();
        let name = format!("kneepoint/server:{}", &recipe_hash(&python.id, &index)[..12]);
        if let Some(image) = self.inspect(&name)? {
            return Ok(image);
        }
        let step = "building the image of the site";
        self.events.progress(Stage::Up, 0, None, step);
        let label = format!("{IMAGE_LABEL}=server");
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
            // Passed by environment, since the address of an index may contain a password.
            "--build-arg",
            "PIP_INDEX_URL",
            "--tag",
            &name,
        ];
        let program = self.docker.command(&args).env("PIP_INDEX_URL", index);
        let program = program.arg("--file").arg(file).arg(&*folder);
        let mut output_lines = VecDeque::new();
        let mut each = |_, line: &str| {
            let line = redact::redact_line(line);
            if line.starts_with("Step ") || line.contains(" RUN ") {
                self.events.progress(Stage::Up, 0, None, &format!("image of the site: {line}"));
            } else if !line.trim().is_empty() {
                output_lines.push_back(line);
                if output_lines.len() > MAX_OUTPUT_LINES {
                    output_lines.pop_front();
                }
            }
        };
        let built = docker::run_tool(program, step, BUILD_TIMEOUT, self.cancel, &mut each);
        built.map_err(|error| with_build_output(error, output_lines.make_contiguous()))?;
        let gone = || StackError::System { what: step, why: format!("{name} was built but cannot be found") };
        self.inspect(&name)?.ok_or_else(gone)
    }
}

/// Changes when the base image, the package index or the requirements change.
fn recipe_hash(python: &str, index: &str) -> String {
    let assets = crate::assets::list_all();
    let counts = |asset: &crate::assets::Asset| {
        let target = asset.target();
        let name = target.to_string_lossy();
        name == "images/server.Dockerfile" || name.starts_with("bookstore/requirements")
    };
    let hash = ContentHash::new().part(python.as_bytes()).part(index.as_bytes());
    assets.iter().filter(|asset| counts(asset)).fold(hash, |hash, asset| hash.part(asset.content())).short()
}

/// Parses lines such as `KP_NGINX_IMAGE=kneepoint/services:68da…`.
fn parse_names(lines: &str) -> BTreeMap<String, String> {
    let pairs = lines.lines().filter_map(|line| line.trim().split_once('='));
    pairs.map(|(variable, name)| (variable.to_owned(), name.to_owned())).collect()
}

/// Exit code 7 of the script: a tool, a privilege or a mirror is missing.
fn stand_ins_error(error: StackError) -> StackError {
    let StackError::Step { source, .. } = &error else { return error };
    let missing_tool = match source.as_ref() {
        ProcessError::Failed(failure) => failure.exit == Some(Exit::Code(7)),
        ProcessError::NotFound { .. } => true,
        _ => false,
    };
    StackError::StandIns { missing_tool, why: error_tail(source) }
}

/// Adds the last output of the tools within a build: the builder itself only reports that one of them failed.
fn with_build_output(error: StackError, output_lines: &[String]) -> StackError {
    let StackError::Step { step, source } = error else { return error };
    let source = match *source {
        ProcessError::Failed(mut failure) => {
            failure.output_tail = format!("{}\n{}", output_lines.join("\n"), failure.output_tail.trim());
            ProcessError::Failed(failure)
        }
        other => other,
    };
    StackError::Step { step, source: Box::new(source) }
}

/// The end of a tool's output, without the command line, which is long.
pub(super) fn error_tail(error: &ProcessError) -> String {
    match error {
        ProcessError::Failed(failure) | ProcessError::TimedOut(failure) => {
            let words = redact::redact_tail(failure.output_tail.trim(), 12, 1500);
            if words.is_empty() { error.to_string() } else { words }
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_output_of_the_script() {
        let lines =
            "KP_DEBIAN_IMAGE=kneepoint/debian:69cc593a2099\nKP_PYTHON_IMAGE=kneepoint/python:ba3e45f3493b\n";
        assert_eq!(parse_names(lines)["KP_PYTHON_IMAGE"], "kneepoint/python:ba3e45f3493b");
        let failed = |code| {
            let failure = kneepoint_process::Failure {
                argv: "bash".to_owned(),
                exit: Some(Exit::Code(code)),
                output_tail: "build-base: debootstrap is missing: apt-get install debootstrap\n".to_owned(),
                elapsed: Duration::ZERO,
            };
            stand_ins_error(StackError::Step {
                step: "x",
                source: Box::new(ProcessError::Failed(Box::new(failure))),
            })
        };
        assert!(
            matches!(&failed(7), StackError::StandIns { missing_tool: true, why } if why.contains("apt-get install debootstrap"))
        );
        assert!(matches!(failed(5), StackError::StandIns { missing_tool: false, .. }));
    }

    #[test]
    fn another_base_or_index_is_another_image() {
        assert_eq!(recipe_hash("sha256:1", ""), recipe_hash("sha256:1", ""));
        assert_ne!(recipe_hash("sha256:1", ""), recipe_hash("sha256:2", ""));
        assert_ne!(recipe_hash("sha256:1", ""), recipe_hash("sha256:1", "https://index.test/"));
    }
}
