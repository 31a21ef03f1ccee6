//! A custom program with a custom journey and a scenario with whole pages: its run folder is rendered like any other.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use kneepoint_loadgen::{Journey, JourneyError, PhasePlan, User, async_trait, begin_run, end_run, run_phase};
use kneepoint_model::cancel::Cancel;
use kneepoint_model::event::{EventSink, NullEventSink};
use kneepoint_model::load::LoadModel;
use kneepoint_scenarios::Scenario;

use super::support::{RunDir, Sandbox, lock_machine};

struct Reader;

#[async_trait]
impl Journey for Reader {
    fn name(&self) -> &'static str {
        "reader"
    }
    fn endpoints(&self) -> Vec<String> {
        vec!["GET /words/".to_owned()]
    }
    async fn run(&self, user: &mut User<'_>) -> Result<(), JourneyError> {
        for word in ["one", "two"] {
            user.get("GET /words/", format!("/words/?q={word}")).status(&[200]).send().await?;
            user.think(Duration::from_millis(5)).await;
        }
        Ok(())
    }
}

/// Everything is a page with two pictures, one of them of another site.
fn serve(stream: TcpStream) {
    let mut lines = BufReader::new(stream.try_clone().expect("clone")).lines();
    let mut answer = stream;
    while let Some(Ok(line)) = lines.next() {
        if line.is_empty() {
            let page = "<img src=/a.png><img src=http://elsewhere.example/b.png>";
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: {}\r\n\r\n",
                page.len()
            );
            if answer.write_all(format!("{head}{page}").as_bytes()).is_err() {
                return;
            }
        }
    }
}

#[test]
fn the_run_folder_of_a_custom_program_is_rendered() {
    let _machine = lock_machine();
    let sandbox = Sandbox::new("custom_program");
    let listener = TcpListener::bind("127.0.0.1:0").expect("port");
    let base = format!("http://{}", listener.local_addr().expect("address"));
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || serve(stream));
        }
    });
    let pages = "name = \"pages\"\nassets = true\nthink = { ms = 5 }\n[[step]]\nname = \"GET /page\"\npath = \"/page\"\nrepeat = 5\n";
    let scenario = Scenario::parse("pages.toml", pages).expect("valid");
    let reader: Arc<dyn Journey> = Arc::new(Reader);
    let model = LoadModel::Closed { users: 2 };
    let mut plan = PhasePlan::new("closed", model, base.parse().expect("url"), vec![(scenario, 1)])
        .with_journeys(vec![(reader, 1)]);
    (plan.warmup, plan.duration) = (Duration::ZERO, Duration::from_secs(1));
    let run = begin_run(&sandbox.home.join("runs"), &plan).expect("folder");
    let events: Arc<dyn EventSink> = Arc::new(NullEventSink);
    let phase = run_phase(&plan, &run, &Cancel::new(), &events).expect("phase");
    assert_eq!((phase.errors, phase.pages.len()), (0, 1));
    end_run(&run, std::slice::from_ref(&phase)).expect("written");

    sandbox.run(&["report", run.root().to_str().expect("text")]).assert_exit(0);
    let report = RunDir(run.root().to_owned()).text("report.md");
    for row in ["GET /words/", "GET /page +assets", "| Page | Pages | Incomplete |"] {
        assert!(report.contains(row), "{row} is missing:\n{report}");
    }
}
