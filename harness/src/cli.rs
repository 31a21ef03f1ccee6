//! The command line as clap reads it. Values are only parsed here; `command` combines them with the configuration.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use kneepoint_model::load_segment::LoadSegment;
use kneepoint_model::units::{Span, SpanError};
use url::Url;

use crate::config::{DataSize, FailOn, OtlpUrl, SocketPath, StackDb, StackDriver};

/// Bring a web stack up, crawl it, load it and profile every tier, then report what limits it, the cause and the fix.
#[derive(Debug, Parser)]
#[command(name = "kneepoint", version, arg_required_else_help = true, help_expected = true)]
pub(crate) struct Cli {
    /// The command to run.
    #[command(subcommand)]
    pub(crate) command: Command,
    /// Options of all commands.
    #[command(flatten)]
    pub(crate) common: Common,
}

/// Options that all commands have.
#[derive(Debug, Clone, Args)]
pub(crate) struct Common {
    /// Configuration file [default: kneepoint.toml in this folder or the nearest one above]
    #[arg(short, long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Folder for runs and caches.
    #[arg(long, global = true, value_name = "DIR", default_value = ".kneepoint", env = "KNEEPOINT_HOME")]
    pub(crate) home: PathBuf,
    /// Format of the results on stdout.
    #[arg(long, global = true, value_enum, default_value = "human")]
    pub(crate) format: Format,
    /// Print only warnings and errors.
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Also print notes while working.
    #[arg(short, long, global = true)]
    pub(crate) verbose: bool,
}

/// Format of results on stdout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Text and tables for a terminal.
    Human,
    /// The content of summary.json.
    Json,
    /// GitHub annotations; the Markdown report is appended to the step summary.
    Github,
}

/// All commands, in the order of the help.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the whole pipeline: up, smoke, warm, probe, load, profile, down, analyse, gate, report.
    Run(RunArgs),
    /// Write a commented kneepoint.toml into this folder.
    Init {
        /// Overwrite an existing file.
        #[arg(long)]
        force: bool,
    },
    /// Check what can be measured on this machine and print the fix for what cannot.
    Doctor,
    /// Bring the reference stack up and leave it running.
    Up(StackArgs),
    /// Stop the stack that `up` started.
    Down {
        /// Also stop everything else that kneepoint started from this folder.
        #[arg(long)]
        all: bool,
    },
    /// Show the stack that `up` started.
    Status,
    /// Crawl the site and check that every page loads.
    Smoke(TargetArgs),
    /// Crawl and warm the site, or print cron lines that keep its cache warm.
    Warm {
        /// The site to warm.
        #[command(flatten)]
        target: TargetArgs,
        /// Print crontab lines with curl and a systemd timer instead of warming.
        #[arg(long)]
        print_cron: bool,
        /// Minutes between two requests to each page in the printed schedule.
        #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=59))]
        every: u32,
    },
    /// Crawl, warm, probe and load, without profiling.
    Load(RunArgs),
    /// Crawl, warm and probe, then load and profile in one phase.
    Profile(RunArgs),
    /// Run the same workload on one topology after the other, and report the gain of each and the bottleneck that limits it.
    Ladder(LadderArgs),
    /// Repeat the stages analyse, gate and report for a stored run, complete or interrupted.
    Report {
        /// Run folder [default: the latest run]
        run: Option<PathBuf>,
    },
    /// Check a stored run against the current [slo].
    Gate {
        /// Run folder [default: the latest run]
        run: Option<PathBuf>,
        /// Fail on a finding of this severity or above.
        #[arg(long, value_enum)]
        fail_on: Option<FailOn>,
    },
    /// Test pieces of advice: measure with and without each, alternately, and give a verdict.
    ///
    /// Exits with 0 when every requested toggle has a result (also when the advice hurts), 3 when some results are invalid, 4
    /// when all are, 5 when a stack did not come up, 7 when a named toggle needs something that is missing here.
    Experiment(ExperimentArgs),
    /// Write a scenario file from an access log, a browser recording (HAR) or an OpenAPI document.
    Import(ImportArgs),
    /// List the runs of this folder with their verdicts.
    History,
    /// Print the JSON Schema of a file in the run folder.
    Schema {
        /// The file to describe.
        #[arg(value_enum)]
        which: SchemaName,
    },
    /// Print a completion script for a shell.
    Completions {
        /// The shell that reads the script.
        #[arg(value_enum)]
        shell: Shell,
    },
    /// Runs the search engine of the reference stack (started by `up`).
    #[command(hide = true)]
    Engine {
        /// Address to listen on.
        #[arg(long)]
        listen: std::net::SocketAddr,
        /// File of books, one JSON object a line.
        #[arg(long)]
        books: PathBuf,
    },
    /// Runs the object store of the reference stack (started by `up`).
    #[command(hide = true)]
    Objects {
        /// Address to listen on.
        #[arg(long)]
        listen: std::net::SocketAddr,
        /// Folder that contains the buckets.
        #[arg(long)]
        folder: PathBuf,
    },
    /// Stops the services of a killed kneepoint process (started by `run`).
    #[command(hide = true)]
    Watchdog,
    /// Removes the containers of one stack (started by the watchdog).
    #[command(hide = true)]
    Clean {
        /// Name of the stack in Docker.
        project: String,
        /// Folder for the logs of its containers.
        logs: PathBuf,
    },
}

/// Arguments of `import`.
#[derive(Debug, Clone, Args)]
pub(crate) struct ImportArgs {
    /// Type of the input file.
    #[arg(value_enum)]
    pub(crate) kind: ImportKind,
    /// Input file; `-` reads standard input.
    pub(crate) file: PathBuf,
    /// Scenario file to write; `-` writes standard output [default: scenarios/<kind>.toml]
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// OpenAPI only: include operations that change data.
    #[arg(long)]
    pub(crate) writes: bool,
}

/// Inputs that can be converted to a scenario.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ImportKind {
    /// Common or combined format (Apache, nginx), or a JSON object a line: gives the mix of requests.
    AccessLog,
    /// A browser recording: gives a journey.
    Har,
    /// OpenAPI 3 or Swagger 2 in JSON or YAML: gives a step for each operation.
    Openapi,
}

/// Files with a published schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SchemaName {
    /// Results of a run: summary.json.
    Summary,
    /// Settings and conditions of a run: manifest.json.
    Manifest,
    /// Crawled pages: site.json.
    Site,
}

/// Options that select the site.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct TargetArgs {
    /// Measure a site that already runs instead of the reference stack.
    #[arg(long, value_name = "URL")]
    pub(crate) attach: Option<Url>,
    /// Connect to that site through a unix socket; its URL still gives the Host header.
    #[arg(long, value_name = "PATH", value_parser = SocketPath::parse)]
    pub(crate) unix_socket: Option<SocketPath>,
    /// Trust these certificate authorities (PEM) instead of the system's.
    #[arg(long, value_name = "FILE")]
    pub(crate) cacert: Option<PathBuf>,
    /// Confirm that you may load this target, which is neither loopback nor private.
    #[arg(long = "i-own-this-target")]
    pub(crate) own_target: bool,
    /// Options of the reference stack.
    #[command(flatten)]
    pub(crate) stack: StackArgs,
}

/// Options of the reference stack.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct StackArgs {
    /// Run the stack as child processes or in containers.
    #[arg(long, value_enum)]
    pub(crate) driver: Option<StackDriver>,
    /// Topology: a file of stack/topologies (runserver, gunicorn, nginx, multi-app, db-apart, full, …) or auto.
    #[arg(long, value_name = "NAME")]
    pub(crate) topology: Option<String>,
    /// Database, where the topology allows a choice.
    #[arg(long, value_enum)]
    pub(crate) db: Option<StackDb>,
    /// Size of the reference data.
    #[arg(long, value_enum)]
    pub(crate) size: Option<DataSize>,
    /// Seed of the data and of the load.
    #[arg(long)]
    pub(crate) seed: Option<u64>,
    /// Python 3.11 or later for the reference stack [default: the first suitable one on PATH]
    #[arg(long, value_name = "PATH")]
    pub(crate) python: Option<PathBuf>,
    /// Set a switch of the bookstore, e.g. KP_FAULTS=n_plus_one; may be repeated.
    #[arg(long = "env", value_name = "KEY=VALUE", value_parser = parse_key_value)]
    pub(crate) env: Vec<(String, String)>,
}

/// Options of live output.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct LiveArgs {
    /// Show a full-screen view of rate, response times, errors, endpoints and CPU; q stops cleanly.
    #[arg(long)]
    pub(crate) watch: bool,
    /// Send metrics every second to this OpenTelemetry collector, e.g. http://127.0.0.1:4318; its headers are read from
    /// OTEL_EXPORTER_OTLP_HEADERS.
    #[arg(long, value_name = "URL")]
    pub(crate) otlp: Option<OtlpUrl>,
}

/// Options of `run`, `load` and `profile`.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct RunArgs {
    /// Options of live output.
    #[command(flatten)]
    pub(crate) live: LiveArgs,
    /// Options that select the site.
    #[command(flatten)]
    pub(crate) target: TargetArgs,
    /// Use HTTP/2 for the load: by ALPN with TLS, with prior knowledge without TLS.
    #[arg(long)]
    pub(crate) http2: bool,
    /// Number of users of the closed phase.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) users: Option<u32>,
    /// Journeys per second of the open phase: auto or e.g. 50/s.
    #[arg(long)]
    pub(crate) rate: Option<String>,
    /// Add a segment of load, e.g. 'ramp 0/s to 50/s over 1m' (open model) or 'hold 50 users for 2m' (closed model); may be
    /// repeated.
    #[arg(long = "segment", visible_alias = "stage", value_name = "SEGMENT")]
    pub(crate) segments: Vec<LoadSegment>,
    /// Replay this access log as the open phase, each request at its time in the log.
    #[arg(long, value_name = "LOG")]
    pub(crate) replay: Option<PathBuf>,
    /// Replay this many times faster than in the log.
    #[arg(long, value_name = "FACTOR")]
    pub(crate) speed: Option<f64>,
    /// Fail the run on a finding of this severity or above.
    #[arg(long, value_enum)]
    pub(crate) fail_on: Option<FailOn>,
}

/// Options of `ladder`.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct LadderArgs {
    /// Options of live output.
    #[command(flatten)]
    pub(crate) live: LiveArgs,
    /// Rungs to run (runserver, gunicorn, nginx, …), always lowest first [default: all]
    #[arg(value_name = "RUNG")]
    pub(crate) rungs: Vec<String>,
    /// Objective that a rung must meet while its rate is raised, e.g. 'p95 < 250ms'.
    #[arg(long, value_name = "OBJECTIVE")]
    pub(crate) slo: Option<String>,
    /// Rebuild the report of a stored ladder run, complete or interrupted [default: the latest]
    #[arg(long, value_name = "ID", num_args = 0..=1, conflicts_with_all = ["rungs", "slo"])]
    #[expect(clippy::option_option, reason = "absent, without an ID and with one are three cases")]
    pub(crate) report: Option<Option<PathBuf>>,
    /// Number of users of the closed phase.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) users: Option<u32>,
    /// Journeys per second at which all rungs are compared: auto or e.g. 20/s.
    #[arg(long)]
    pub(crate) rate: Option<String>,
    /// Options of the reference stack.
    #[command(flatten)]
    pub(crate) stack: StackArgs,
}

/// Options of `experiment`.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct ExperimentArgs {
    /// Toggles to test; --list shows them.
    #[arg(value_name = "TOGGLE", conflicts_with_all = ["all", "list"])]
    pub(crate) toggles: Vec<String>,
    /// Test all toggles.
    #[arg(long, conflicts_with = "list")]
    pub(crate) all: bool,
    /// List the toggles with their advice and requirements.
    #[arg(long)]
    pub(crate) list: bool,
    /// Pairs of blocks in each comparison, 8 to 200.
    #[arg(long, value_parser = clap::value_parser!(u32).range(8..=200))]
    pub(crate) pairs: Option<u32>,
    /// Length of a block, e.g. 1s.
    #[arg(long, value_parser = parse_block_length)]
    pub(crate) block: Option<Duration>,
    /// Options of the reference stack.
    #[command(flatten)]
    pub(crate) stack: StackArgs,
}

fn parse_block_length(text: &str) -> Result<Duration, String> {
    let Span(length) = text.parse().map_err(|error: SpanError| error.to_string())?;
    let fits = (Duration::from_millis(100)..=Duration::from_mins(1)).contains(&length);
    fits.then_some(length).ok_or_else(|| format!("`{text}` is not a length of 100ms to 60s; write e.g. `1s`"))
}

fn parse_key_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err(format!("`{text}` is not KEY=VALUE; e.g. KP_FAULTS=n_plus_one")),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_valid() {
        Cli::command().debug_assert();
    }

    #[test]
    fn segments_may_be_given_as_stages() {
        let words = ["kneepoint", "load", "--segment", "hold 5/s for 1s", "--stage", "hold 9/s for 1s"];
        let Command::Load(args) = Cli::parse_from(words).command else { panic!("another command") };
        assert_eq!(args.segments.len(), 2);
    }
}
