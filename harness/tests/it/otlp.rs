//! Metrics while load runs: a collector of the test's own gets what the run's summary says; one that fails costs nothing.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Html;
use axum::routing::{get, post};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value as Number;
use opentelemetry_proto::tonic::metrics::v1::{AggregationTemporality, Metric};
use prost::Message as _;

use super::attach::Site;
use super::support::{RunDir, Sandbox, lock_machine};

const CONFIG: &str = "[warm]\npages = 2\nmax_rounds = 2\nmax_time = \"2s\"\n[probe]\nrepeats = 1\nmax_time = \"2s\"\n\
    [load]\nclosed = \"2s\"\nusers = 2\nopen = \"3s\"\nrate = \"40/s\"\nwarmup = \"1s\"\n";
const KEY: &str = "hunter2-in-a-header";

/// One request to the collector.
struct Received {
    headers: HeaderMap,
    metrics: ExportMetricsServiceRequest,
}

/// A collector that keeps everything, and answers with a status after a while.
fn collector(status: StatusCode, after: Duration) -> (Site, Arc<Mutex<Vec<Received>>>) {
    let received = Arc::<Mutex<Vec<Received>>>::default();
    let keep = Arc::clone(&received);
    let take = move |headers: HeaderMap, body: Bytes| {
        let keep = Arc::clone(&keep);
        async move {
            let metrics = ExportMetricsServiceRequest::decode(body).expect("OTLP");
            keep.lock().expect("lock").push(Received { headers, metrics });
            tokio::time::sleep(after).await;
            status
        }
    };
    (Site::serve(Router::new().route("/v1/metrics", post(take))), received)
}

fn site() -> Site {
    let home = || async { Html("<title>Home</title><a href=/books/1/>1</a>") };
    let book = || async { Html("<title>Book</title><a href=/>home</a>") };
    Site::serve(Router::new().route("/", get(home)).route("/books/{id}/", get(book)))
}

fn text<'a>(attributes: &'a [KeyValue], key: &str) -> &'a str {
    let found = attributes.iter().find(|attribute| attribute.key == key);
    match found.and_then(|attribute| attribute.value.as_ref()?.value.as_ref()) {
        Some(Value::StringValue(text)) => text,
        other => panic!("{key} is {other:?} in {attributes:?}"),
    }
}

/// The phases, each with its requests to the collector in order.
fn by_phase(received: &[Received]) -> BTreeMap<String, Vec<Vec<Metric>>> {
    let mut phases: BTreeMap<String, Vec<Vec<Metric>>> = BTreeMap::new();
    for request in received {
        for of_resource in &request.metrics.resource_metrics {
            let resource = of_resource.resource.as_ref().expect("a resource");
            assert_eq!(text(&resource.attributes, "service.name"), "kneepoint");
            let phase = text(&resource.attributes, "kneepoint.phase").to_owned();
            let metrics = of_resource.scope_metrics[0].metrics.clone();
            phases.entry(phase).or_default().push(metrics);
        }
    }
    phases
}

fn named<'a>(metrics: &'a [Metric], name: &str) -> &'a Data {
    let metric = metrics.iter().find(|metric| metric.name == name);
    metric.unwrap_or_else(|| panic!("no {name}")).data.as_ref().expect("data")
}

/// Counts of a histogram by endpoint, and all of them together in seconds.
fn counts(metrics: &[Metric], name: &str) -> BTreeMap<String, u64> {
    let Data::ExponentialHistogram(histogram) = named(metrics, name) else { panic!("{name}") };
    assert_eq!(histogram.aggregation_temporality, AggregationTemporality::Cumulative as i32);
    let point = |point: &opentelemetry_proto::tonic::metrics::v1::ExponentialHistogramDataPoint| {
        let buckets = point.positive.as_ref().expect("buckets");
        assert_eq!(buckets.bucket_counts.iter().sum::<u64>(), point.count);
        (text(&point.attributes, "kneepoint.endpoint").to_owned(), point.count)
    };
    histogram.data_points.iter().map(point).collect()
}

fn assert_like_summary(phase: &str, sent: &[Vec<Metric>], run: &RunDir) {
    let result = run.json(&format!("load/{phase}.json"));
    let endpoints: BTreeMap<String, u64> = result["endpoints"]
        .as_array()
        .expect("endpoints")
        .iter()
        .map(|endpoint| {
            (
                endpoint["name"].as_str().expect("a name").to_owned(),
                endpoint["requests"].as_u64().unwrap_or(0),
            )
        })
        .filter(|(_, requests)| *requests > 0)
        .collect();
    let last = sent.last().expect("requests");
    assert_eq!(counts(last, "kneepoint.request.response_time"), endpoints, "{phase}");
    assert_eq!(counts(last, "http.client.request.duration"), endpoints, "{phase}");
    let Data::Sum(requests) = named(last, "kneepoint.requests") else { panic!("a sum") };
    let mut outcomes: BTreeMap<&str, i64> = BTreeMap::new();
    for point in &requests.data_points {
        let Some(Number::AsInt(count)) = point.value else { panic!("{point:?}") };
        *outcomes.entry(text(&point.attributes, "kneepoint.outcome")).or_default() += count;
    }
    let summary: BTreeMap<&str, i64> = result["outcomes"]
        .as_object()
        .expect("outcomes")
        .iter()
        .map(|(name, count)| (name.as_str(), count.as_i64().expect("a count")))
        .collect();
    assert_eq!(outcomes, summary, "{phase}");
    // Each second has figures of its own, the warm-up too.
    let seconds = result["seconds"].as_array().expect("seconds").len();
    let rates =
        sent.iter().filter(|metrics| metrics.iter().any(|metric| metric.name == "kneepoint.rate.achieved"));
    assert_eq!(rates.count(), seconds, "{phase}");
}

#[test]
fn a_collector_gets_what_the_summary_says() {
    let _machine = lock_machine();
    let (site, sandbox) = (site(), Sandbox::new("otlp"));
    let (collector, received) = collector(StatusCode::OK, Duration::ZERO);
    let otlp = collector.url();
    sandbox.config(&format!("{CONFIG}[report]\notlp = \"{}\"\n", otlp.trim_end_matches('/')));
    let mut command = sandbox.kneepoint(&["load", "--verbose", "--attach", &site.url()]);
    let output =
        command.env("OTEL_EXPORTER_OTLP_HEADERS", format!("api-key={KEY}")).output().expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(matches!(output.status.code(), Some(0 | 3 | 4)), "{said}");
    assert!(said.contains("requests with metrics arrived, 0 failed, 0 were dropped"), "{said}");
    let (run, received) = (sandbox.latest(), received.lock().expect("lock"));
    for request in received.iter() {
        assert_eq!(request.headers["api-key"], KEY);
        assert_eq!(request.headers["content-type"], "application/x-protobuf");
    }
    let phases = by_phase(&received);
    assert_eq!(phases.keys().collect::<Vec<_>>(), ["closed", "open"]);
    for (phase, sent) in &phases {
        assert_like_summary(phase, sent, &run);
    }
    let id = text(
        &received[0].metrics.resource_metrics[0].resource.as_ref().expect("a resource").attributes,
        "kneepoint.run.id",
    )
    .to_owned();
    assert_eq!(run.json("manifest.json")["run_id"], id);
    for file in ["manifest.json", "events.jsonl", "summary.json", "report.html"] {
        assert!(!run.text(file).contains(KEY), "the key is in {file}");
    }
}

#[test]
fn a_collector_that_fails_costs_a_warning_and_nothing_else() {
    let _machine = lock_machine();
    let site = site();
    let (broken, received) = collector(StatusCode::INTERNAL_SERVER_ERROR, Duration::ZERO);
    let (slow, _) = collector(StatusCode::OK, Duration::from_secs(30));
    let nobody = "http://127.0.0.1:9/".to_owned();
    let config = CONFIG.replace("closed = \"2s\"", "closed = \"0s\"");
    for (name, otlp, why) in [
        ("otlp_500", broken.url(), "it returned 500"),
        ("otlp_slow", slow.url(), "no response within 2s"),
        ("otlp_nobody", nobody, "refused"),
    ] {
        let sandbox = Sandbox::new(name);
        // One request for each of forty arrivals in each of three seconds. No closed model: this site answers so fast that
        // the generator sets the pace, and the run would rightly be invalid.
        std::fs::write(sandbox.folder.join("home.toml"), "name = \"home\"\n[[step]]\npath = \"/\"\n")
            .expect("write");
        sandbox.config(&format!("{config}[load.scenarios]\n\"home.toml\" = 1\n"));
        let began = Instant::now();
        let ended = sandbox.run(&["load", "--attach", &site.url(), "--otlp", &otlp]);
        let took = began.elapsed();
        ended.assert_success(&sandbox.latest());
        let warnings = ended.stderr.matches("metrics do not reach the collector").count();
        assert_eq!(warnings, 1, "{}", ended.stderr);
        assert!(ended.stderr.contains(why) && ended.stderr.contains("OTLP: 0 requests"), "{}", ended.stderr);
        let stages = sandbox.latest().json("manifest.json")["stages"].clone();
        let stages: f64 =
            stages.as_array().expect("stages").iter().filter_map(|stage| stage["seconds"].as_f64()).sum();
        // Only the end waits for it, and not for long.
        assert!(took.as_secs_f64() < stages + 6.0, "{took:?}, of which {stages} s are stages");
        assert_eq!(sandbox.latest().json("load/open.json")["requests"], 120, "no request is missing");
    }
    assert!(!received.lock().expect("lock").is_empty());
}

#[test]
fn a_bad_address_or_header_is_refused_before_anything_starts() {
    let sandbox = Sandbox::new("otlp_bad");
    for (otlp, why) in [
        ("localhost:4318", "http://127.0.0.1:4318"),
        ("http://me:hunter2@c.test/", "OTEL_EXPORTER_OTLP_HEADERS"),
    ] {
        let ended = sandbox.run(&["load", "--attach", "http://127.0.0.1:9/", "--otlp", otlp]);
        assert!(ended.assert_exit(2).stderr.contains(why), "{}", ended.stderr);
    }
    sandbox.config("[report]\notlp = \"soon\"\n");
    let ended = sandbox.run(&["load", "--attach", "http://127.0.0.1:9/"]);
    assert!(ended.assert_exit(2).stderr.contains("kneepoint.toml:2:8"), "{}", ended.stderr);
    let mut command =
        sandbox.kneepoint(&["load", "--attach", "http://127.0.0.1:9/", "--otlp", "http://127.0.0.1:9/"]);
    sandbox.config("");
    let output = command.env("OTEL_EXPORTER_OTLP_HEADERS", "hunter2").output().expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.code() == Some(2) && said.contains("is not a header") && !said.contains("hunter2"),
        "{said}"
    );
    assert_eq!(sandbox.runs(), 0);
}
