//! Custom journeys: the same transport, recorder and rules as scenario files, in every model.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use kneepoint_loadgen::{
    BlockLoad, Journey, JourneyError, LoadError, PhasePlan, User, async_trait, begin_run, end_run,
    recover_phase, run_phase,
};
use kneepoint_model::cancel::Cancel;
use kneepoint_model::load::{EndpointStats, LoadModel, LoadPhase};
use kneepoint_model::manifest::Manifest;
use kneepoint_model::outcome::Outcome;
use kneepoint_model::run::names;
use kneepoint_model::units::Micros;
use kneepoint_scenarios::SessionScope;

use crate::{TestRun, closed, get, open, plan, scenario, servers};

/// Does the same as the scenario of `journeys`, and counts what it did.
#[derive(Default)]
struct Member {
    session_of_user: bool,
    logins: AtomicU64,
    journeys: AtomicU64,
}

#[async_trait]
impl Journey for Member {
    fn name(&self) -> &'static str {
        "member"
    }
    fn endpoints(&self) -> Vec<String> {
        ["GET /", "GET /item/<id>", "GET /login/", "POST /login/"].map(str::to_owned).into()
    }
    fn session(&self) -> SessionScope {
        if self.session_of_user { SessionScope::User } else { SessionScope::Journey }
    }
    async fn run(&self, user: &mut User<'_>) -> Result<(), JourneyError> {
        assert!(user.number() > 0 && user.journey() > 0);
        let home = user.get("GET /", "/").status(&[200]).contains("</html>").send().await?;
        let links: Vec<String> = home
            .text()
            .split("href='")
            .skip(1)
            .filter_map(|rest| Some(rest.split_once('\'')?.0.to_owned()))
            .collect();
        let link = user.pick(&links).expect("two links").clone();
        user.think_between(Duration::from_millis(1), Duration::from_millis(3)).await;
        user.get("GET /item/<id>", link)
            .check(|item| {
                Some("an item")
                    .filter(|text| item.text() == *text)
                    .map(drop)
                    .ok_or_else(|| "no item".to_owned())
            })
            .send()
            .await?;
        if user.cookie("session").is_none() {
            let form = user.get("GET /login/", "/login/").send().await?;
            let token = form.between("value='", "'").ok_or_else(|| JourneyError::give_up("no token"))?;
            let name = format!("reader{:04}", user.number());
            let fields = [("token", token), ("name", name)];
            user.post("POST /login/", "/login/").form(fields).contains("Welcome back").send().await?;
            assert_eq!((user.cookie("session"), user.page_path()), (Some("s1"), "/me/"));
            self.logins.fetch_add(1, Ordering::Relaxed);
        }
        self.journeys.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

/// A single request.
struct One {
    endpoint: &'static str,
    path: &'static str,
}

#[async_trait]
impl Journey for One {
    fn name(&self) -> &'static str {
        "one"
    }
    fn endpoints(&self) -> Vec<String> {
        vec!["one".to_owned()]
    }
    async fn run(&self, user: &mut User<'_>) -> Result<(), JourneyError> {
        user.get(self.endpoint, self.path).send().await.map(drop)
    }
}

fn plan_with(model: LoadModel, base: &str, journey: impl Journey + 'static) -> PhasePlan {
    let journey: Arc<dyn Journey> = Arc::new(journey);
    plan(model, base, Vec::new()).with_journeys(vec![(journey, 1)])
}

fn endpoint<'a>(phase: &'a LoadPhase, name: &str) -> &'a EndpointStats {
    phase.endpoints.iter().find(|endpoint| endpoint.name == name).expect("endpoint")
}

fn assert_healthy(phase: &LoadPhase) {
    assert_eq!(phase.errors, 0, "{:?} {:#?}", phase.outcomes, phase.exemplars);
    assert!(phase.requests >= 50 && phase.journeys >= 5, "{} {}", phase.requests, phase.journeys);
    assert_eq!((phase.journeys_failed, phase.partial), (0, false));
    let item = endpoint(phase, "GET /item/<id>");
    assert_eq!(item.routes.get("item/<id>"), Some(&item.requests));
    assert_eq!(phase.scenarios.get("member"), Some(&1));
}

#[test]
fn a_user_of_the_open_model_logs_in_by_a_custom_journey() {
    let test_run = TestRun::new();
    let phase = test_run.run(&plan_with(open(60.0), &servers::calm(), Member::default()));
    assert_healthy(&phase);
    assert!(phase.sched_lag_us.count > 0 && phase.pool_wait_us.count == phase.requests);
    assert!(phase.connect_us.count < phase.requests / 2, "connections are kept");
    // Each journey is a new user.
    assert_eq!(endpoint(&phase, "GET /").requests, endpoint(&phase, "POST /login/").requests);
    let recovered = recover_phase(&test_run.run, "test").expect("readable").expect("began");
    assert_eq!((&recovered.endpoints, &recovered.scenarios), (&phase.endpoints, &phase.scenarios));
}

#[test]
fn a_user_of_the_closed_model_and_of_blocks_keeps_cookies_and_connections() {
    let member = Arc::new(Member { session_of_user: true, ..Member::default() });
    let journeys = |member: &Arc<Member>| vec![(Arc::clone(member) as Arc<dyn Journey>, 1)];
    let mut closed_plan = plan(closed(3), &servers::calm(), Vec::new()).with_journeys(journeys(&member));
    closed_plan.warmup = Duration::ZERO;
    let phase = TestRun::new().run(&closed_plan);
    assert_healthy(&phase);
    assert_eq!((endpoint(&phase, "POST /login/").requests, member.logins.load(Ordering::Relaxed)), (3, 3));
    assert_eq!(phase.connect_us.count, 3);
    // Journeys count where they end: the last of each user may end after the measured part.
    let gone = member.journeys.load(Ordering::Relaxed);
    assert!(phase.journeys <= gone && gone - phase.journeys <= 3, "{} of {gone}", phase.journeys);

    let member = Arc::new(Member { session_of_user: true, ..Member::default() });
    let plan = plan(closed(3), &servers::calm(), Vec::new()).with_journeys(journeys(&member));
    let mut load = BlockLoad::new(plan).expect("plan");
    for (logins, connections) in [(3, 3), (0, 0)] {
        let block = load.run(Duration::from_millis(300), &Cancel::new()).expect("block");
        assert_eq!((block.errors, block.connect_us.count), (0, connections), "{:#?}", block.exemplars);
        assert_eq!(endpoint(&block, "POST /login/").requests, logins);
        assert!(endpoint(&block, "GET /").requests > 20);
    }
}

#[test]
fn scenarios_and_custom_journeys_share_one_mix_and_its_endpoints() {
    let one: Arc<dyn Journey> = Arc::new(One { endpoint: "one", path: "/" });
    let file =
        scenario("name = \"file\"\n[[step]]\nname = \"one\"\npath = \"/\"\n[[step]]\npath = \"/item/1\"\n");
    let mixed = plan(open(80.0), &servers::calm(), vec![(file, 3)]).with_journeys(vec![(one, 1)]);
    let phase = TestRun::new().run(&mixed);
    assert_eq!((endpoint(&phase, "one").requests, endpoint(&phase, "GET /item/1").requests), (80, 60));
    assert_eq!((phase.scenarios["file"], phase.scenarios["one"]), (3, 1));
}

#[test]
fn equal_seeds_make_equal_journeys() {
    struct Words(std::sync::Mutex<Vec<(u64, u64)>>);
    #[async_trait]
    impl Journey for Words {
        fn name(&self) -> &'static str {
            "words"
        }
        fn endpoints(&self) -> Vec<String> {
            vec!["GET /".to_owned()]
        }
        async fn run(&self, user: &mut User<'_>) -> Result<(), JourneyError> {
            let drawn = (user.number(), user.random_below(1 << 40));
            self.0.lock().expect("lock").push(drawn);
            user.get("GET /", "/").send().await.map(drop)
        }
    }
    let base = servers::calm();
    let drawn = |seed| {
        let words = Arc::new(Words(std::sync::Mutex::default()));
        let mut plan = plan(open(40.0), &base, Vec::new())
            .with_journeys(vec![(Arc::clone(&words) as Arc<dyn Journey>, 1)]);
        plan.options.seed = seed;
        TestRun::new().run(&plan);
        let mut drawn = words.0.lock().expect("lock").clone();
        drawn.sort_unstable();
        drawn
    };
    assert_eq!(drawn(7), drawn(7));
    assert_ne!(drawn(7), drawn(8));
}

#[test]
fn failures_are_counted_by_their_kind() {
    for (path, outcome) in [
        ("/missing", Outcome::ClientError),
        ("/broken", Outcome::ServerError),
        ("/away", Outcome::CheckFailed),
        ("/loop", Outcome::CheckFailed),
        ("http://elsewhere.example/", Outcome::CheckFailed),
        ("/a b", Outcome::CheckFailed),
    ] {
        let phase =
            TestRun::new().run(&plan_with(open(20.0), &servers::calm(), One { endpoint: "one", path }));
        assert_eq!(endpoint(&phase, "one").outcomes, [(outcome, 20)].into(), "{path}");
        assert!(phase.journeys == 0 && phase.journeys_failed.abs_diff(20) <= 3, "{}", phase.journeys_failed);
    }
}

#[test]
fn deadlines_slots_and_censoring_apply_as_to_scenarios() {
    let base = servers::misbehaving();
    let phase = TestRun::new().run(&plan_with(open(20.0), &base, One { endpoint: "one", path: "/hang" }));
    assert_eq!(endpoint(&phase, "one").outcomes, [(Outcome::Timeout, 20)].into());
    assert!(phase.response_us.p50 >= Micros(400_000));

    let mut cut = plan_with(open(20.0), &base, One { endpoint: "one", path: "/hang" });
    (cut.options.timeout, cut.options.drain) = (Duration::from_secs(20), Duration::from_millis(100));
    let phase = TestRun::new().run(&cut);
    assert_eq!(endpoint(&phase, "one").outcomes, [(Outcome::Censored, 20)].into());

    let mut narrow = plan_with(open(100.0), &servers::calm(), One { endpoint: "one", path: "/slow" });
    narrow.options.max_in_flight = 1;
    let phase = TestRun::new().run(&narrow);
    // One at a time, 20 ms each: half of what comes can be served, and the wait is in the response time.
    assert_eq!((phase.requests, phase.errors), (100, 0));
    assert!(phase.response_us.max > Micros(500_000) && phase.service_us.p50 < Micros(100_000));
}

#[test]
fn an_endpoint_that_was_not_declared_and_a_panic_stop_the_phase() {
    struct Falls;
    #[async_trait]
    impl Journey for Falls {
        fn name(&self) -> &'static str {
            "falls"
        }
        fn endpoints(&self) -> Vec<String> {
            vec!["one".to_owned()]
        }
        async fn run(&self, user: &mut User<'_>) -> Result<(), JourneyError> {
            user.get("one", "/").send().await?;
            panic!("on purpose");
        }
    }
    let base = servers::calm();
    let refused = |plan: &PhasePlan| -> LoadError {
        let test_run = TestRun::new();
        let events: Arc<dyn kneepoint_model::event::EventSink> = test_run.recorded.clone();
        run_phase(plan, &test_run.run, &test_run.cancel, &events).expect_err("refused")
    };
    for model in [open(20.0), closed(2)] {
        let mut undeclared = plan_with(model, &base, One { endpoint: "another", path: "/" });
        undeclared.duration = Duration::from_secs(20);
        let began = Instant::now();
        let error = refused(&undeclared).to_string();
        assert!(error.contains("journey `one`") && error.contains("endpoint `another`"), "{error}");
        assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
        let mut falling = plan_with(model, &base, Falls);
        falling.duration = Duration::from_secs(20);
        assert!(refused(&falling).to_string().contains("it panicked"));
    }
    let blocks = plan_with(closed(2), &base, Falls);
    let error = BlockLoad::new(blocks).expect("plan").run(Duration::from_millis(300), &Cancel::new());
    assert!(error.expect_err("refused").to_string().contains("it panicked"));
    let nothing = plan(open(1.0), &base, vec![(get("/"), 0)]);
    assert!(refused(&nothing).to_string().contains("weight above zero"));
}

#[test]
fn every_method_header_and_body_arrives() {
    struct Api;
    #[async_trait]
    impl Journey for Api {
        fn name(&self) -> &'static str {
            "api"
        }
        fn endpoints(&self) -> Vec<String> {
            vec!["echo".to_owned()]
        }
        async fn run(&self, user: &mut User<'_>) -> Result<(), JourneyError> {
            let same = |wanted: &'static str| {
                move |response: &kneepoint_loadgen::Response| {
                    let text = response.text();
                    if text == wanted { Ok(()) } else { Err(format!("{text:?} instead of {wanted:?}")) }
                }
            };
            user.set_cookie("own", "c1");
            user.set_cookie("evil", "a; Path=/\r\nX: y");
            let value = serde_json::json!({"n": 1});
            let ask =
                user.put("echo", "/echo").json(&value).header("X-Own", "mine").header("Accept", "text/x");
            ask.check(same("PUT application/json mine text/x own=c1 {\"n\":1}")).send().await?;
            user.clear_cookies();
            let ask = user.patch("echo", "echo").body("text/plain", "plain");
            ask.check(same("PATCH text/plain - */* - plain")).send().await?;
            user.delete("echo", "/echo").check(same("DELETE - - */* - ")).send().await?;
            let head = user.head("echo", "/echo").send().await?;
            assert_eq!((head.status(), head.bytes().len()), (200, 0));
            let gone = user.post("echo", "/moved").form([("a", "b c")]).keep_redirect().send().await?;
            assert_eq!((gone.status(), gone.header("Location")), (303, Some("/echo")));
            // The GET of the redirect has neither the body nor its type.
            let ask = user.post("echo", "/moved").form([("a", "b c")]).header("x-own", "mine");
            let response = ask.check(same("GET - mine */* - ")).send().await?;
            assert!(response.json::<u8>().is_err());
            let refused = user.get("echo", "/echo").header("Host", "evil.example").send().await;
            assert!(
                matches!(refused, Err(JourneyError::RequestFailed { outcome: Outcome::CheckFailed, .. })),
                "{refused:?}"
            );
            Ok(())
        }
    }
    let phase = TestRun::new().run(&plan_with(open(20.0), &servers::echo(), Api));
    let echo = endpoint(&phase, "echo");
    assert_eq!(
        echo.outcomes,
        [(Outcome::Ok, 6 * 20), (Outcome::CheckFailed, 20)].into(),
        "{:#?}",
        phase.exemplars
    );
    // An error that the journey handles does not end it.
    assert_eq!(phase.journeys_failed, 0);
}

#[test]
fn a_program_without_the_harness_writes_a_run_folder() {
    let dir = tempfile::tempdir().expect("temporary folder");
    let own = plan_with(open(60.0), &servers::calm(), One { endpoint: "one", path: "/" });
    let run = begin_run(dir.path(), &own).expect("folder");
    let events: Arc<dyn kneepoint_model::event::EventSink> = Arc::new(kneepoint_model::event::NullEventSink);
    let phase = run_phase(&own, &run, &Cancel::new(), &events).expect("phase");
    let before: Manifest = run.read_json(names::MANIFEST).expect("manifest");
    end_run(&run, std::slice::from_ref(&phase)).expect("written");
    let after: Manifest = run.read_json(names::MANIFEST).expect("manifest");
    assert_eq!((before.complete, after.complete, after.stages.len()), (false, true, 1));
    let written: LoadPhase = run.read_json(&names::load("test")).expect("phase");
    assert_eq!((written.requests, written.endpoints), (phase.requests, phase.endpoints));
}
