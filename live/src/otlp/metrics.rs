//! Converts a second of load to OTLP metrics. Pure.
//!
//! Histograms and counts are cumulative from the start of the measured part: a lost request costs resolution over time,
//! not accuracy, and the last request equals the summary of the run. Names are those of the semantic conventions of
//! OpenTelemetry where there are any (`http.client.request.duration`, `http.client.active_requests`), in their units; all
//! others begin with `kneepoint.`. They are listed in docs/otlp.md.

use kneepoint_model::histogram::LatencyHistogram;
use kneepoint_model::live::{LiveEndpoint, LiveSecond};
use kneepoint_model::units::{Micros, UnixMillis};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value as Number;
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, ExponentialHistogram, Gauge, Metric, NumberDataPoint, ResourceMetrics,
    ScopeMetrics, Sum,
};
use opentelemetry_proto::tonic::resource::v1::Resource;

use super::buckets;

/// The export request for one second of the run named `run`.
pub(super) fn export_request(second: &LiveSecond, run: &str) -> ExportMetricsServiceRequest {
    let mut metrics = Vec::new();
    if !second.so_far.endpoints.is_empty() {
        metrics.extend(cumulative(second));
    }
    if !second.is_last() {
        metrics.extend(momentary(second));
    }
    let scope = InstrumentationScope {
        name: "kneepoint".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        ..InstrumentationScope::default()
    };
    let scope = ScopeMetrics { scope: Some(scope), metrics, ..ScopeMetrics::default() };
    let resource = Resource { attributes: resource(second, run), ..Resource::default() };
    ExportMetricsServiceRequest {
        resource_metrics: vec![ResourceMetrics {
            resource: Some(resource),
            scope_metrics: vec![scope],
            ..ResourceMetrics::default()
        }],
    }
}

fn resource(second: &LiveSecond, run: &str) -> Vec<KeyValue> {
    let scenarios = second.scenarios.iter().map(|name| any(Value::StringValue(name.clone()))).collect();
    vec![
        text("service.name", "kneepoint"),
        text("service.version", env!("CARGO_PKG_VERSION")),
        text("service.instance.id", run),
        text("kneepoint.run.id", run),
        text("kneepoint.phase", &second.phase),
        text("kneepoint.load.model", second.load.name()),
        attribute("kneepoint.scenarios", Value::ArrayValue(ArrayValue { values: scenarios })),
    ]
}

/// From the beginning of the measured part.
fn cumulative(second: &LiveSecond) -> Vec<Metric> {
    let times = (nanos(second.so_far.from_ms), nanos(second.at_ms));
    let endpoints = &second.so_far.endpoints;
    let histograms = |pick: fn(&LiveEndpoint) -> Option<&LatencyHistogram>| {
        let point = |endpoint: &LiveEndpoint| {
            Some(buckets::histogram_point(
                pick(endpoint)?,
                endpoint_attributes(&endpoint.name, &second.server),
                times,
            ))
        };
        distribution(endpoints.iter().filter_map(point).collect())
    };
    let mut metrics = vec![
        metric(
            "http.client.request.duration",
            "s",
            "From the moment of sending to the last byte.",
            histograms(|endpoint| endpoint.service.as_ref()),
        ),
        metric(
            "kneepoint.request.response_time",
            "s",
            "From the moment a request was due to the last byte: the time that a user waits, including queueing in the generator.",
            histograms(|endpoint| endpoint.response.as_ref()),
        ),
        metric("kneepoint.requests", "{request}", "Requests that ended, by outcome.", counts(second, times)),
    ];
    if let Some(lag) = &second.so_far.sched_lag {
        metrics.push(metric(
            "kneepoint.generator.lateness",
            "s",
            "The dispatcher's own lateness.",
            distribution(vec![buckets::histogram_point(lag, Vec::new(), times)]),
        ));
    }
    metrics
}

/// Of this second alone.
fn momentary(second: &LiveSecond) -> Vec<Metric> {
    let at = nanos(second.at_ms);
    let part = || attribute("kneepoint.warmup", Value::BoolValue(second.second.warmup));
    let gauge = |name, unit, about, values: Vec<(f64, Vec<KeyValue>)>| {
        let point = |(value, mut attributes): (f64, Vec<KeyValue>)| {
            attributes.push(part());
            number(Number::AsDouble(value), attributes, (0, at))
        };
        metric(name, unit, about, Data::Gauge(Gauge { data_points: values.into_iter().map(point).collect() }))
    };
    let quantiles = [
        ("p50", second.second.p50_us),
        ("p95", second.second.p95_us),
        ("p99", second.second.p99_us),
        ("max", second.second.max_us),
    ];
    let quantile = |(name, time): (&str, Micros)| (time.as_secs(), vec![text("kneepoint.quantile", name)]);
    let in_flight = Number::AsInt(i64::try_from(second.second.in_flight).unwrap_or(i64::MAX));
    let active = Sum {
        data_points: vec![number(in_flight, server(&second.server), (nanos(second.second.at_ms), at))],
        aggregation_temporality: AggregationTemporality::Cumulative as i32,
        is_monotonic: false,
    };
    let mut metrics = vec![
        gauge(
            "kneepoint.rate.achieved",
            "{request}/s",
            "Requests that ended in this second.",
            vec![(second.achieved().0, Vec::new())],
        ),
        gauge(
            "kneepoint.rate.offered",
            "{request}/s",
            "Requests that became due in this second.",
            vec![(second.offered().0, Vec::new())],
        ),
        gauge(
            "kneepoint.second.response_time",
            "s",
            "Response times of this second.",
            quantiles.map(quantile).to_vec(),
        ),
        metric("http.client.active_requests", "{request}", "Requests in flight.", Data::Sum(active)),
    ];
    if let Some(busiest) = second.busiest_thread {
        metrics.push(gauge(
            "kneepoint.generator.busiest_thread",
            "1",
            "CPU of the generator's busiest thread, of one core.",
            vec![(busiest.0, Vec::new())],
        ));
    }
    metrics
}

fn counts(second: &LiveSecond, times: (u64, u64)) -> Data {
    let of_one = |endpoint: &LiveEndpoint| {
        let point = |(outcome, count): (&kneepoint_model::outcome::Outcome, &u64)| {
            let name = outcome.name();
            let mut attributes = endpoint_attributes(&endpoint.name, &second.server);
            attributes.push(text("kneepoint.outcome", name));
            if !outcome.is_ok() {
                attributes.push(text("error.type", name));
            }
            number(Number::AsInt(i64::try_from(*count).unwrap_or(i64::MAX)), attributes, times)
        };
        endpoint.outcomes.iter().map(point).collect::<Vec<_>>()
    };
    Data::Sum(Sum {
        data_points: second.so_far.endpoints.iter().flat_map(of_one).collect(),
        aggregation_temporality: AggregationTemporality::Cumulative as i32,
        is_monotonic: true,
    })
}

fn distribution(
    data_points: Vec<opentelemetry_proto::tonic::metrics::v1::ExponentialHistogramDataPoint>,
) -> Data {
    Data::ExponentialHistogram(ExponentialHistogram {
        data_points,
        aggregation_temporality: AggregationTemporality::Cumulative as i32,
    })
}

/// An endpoint has a method and a template if its name is like `GET /books/<id>/`; scenarios may use other names.
fn endpoint_attributes(name: &str, at: &(String, u16)) -> Vec<KeyValue> {
    let mut attributes = server(at);
    attributes.push(text("kneepoint.endpoint", name));
    let method = name.split_once(' ').filter(|(method, path)| {
        path.starts_with('/') && !method.is_empty() && method.bytes().all(|byte| byte.is_ascii_uppercase())
    });
    if let Some((method, path)) = method {
        attributes.push(text("http.request.method", method));
        attributes.push(text("url.template", path));
    }
    attributes
}

fn server((host, port): &(String, u16)) -> Vec<KeyValue> {
    vec![text("server.address", host), attribute("server.port", Value::IntValue(i64::from(*port)))]
}

fn metric(name: &str, unit: &str, about: &str, data: Data) -> Metric {
    Metric {
        name: name.to_owned(),
        unit: unit.to_owned(),
        description: about.to_owned(),
        data: Some(data),
        ..Metric::default()
    }
}

fn number(value: Number, attributes: Vec<KeyValue>, (start, time): (u64, u64)) -> NumberDataPoint {
    NumberDataPoint {
        attributes,
        start_time_unix_nano: start,
        time_unix_nano: time,
        value: Some(value),
        ..NumberDataPoint::default()
    }
}

fn text(key: &str, value: &str) -> KeyValue {
    attribute(key, Value::StringValue(value.to_owned()))
}

fn attribute(key: &str, value: Value) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(any(value)), ..KeyValue::default() }
}

fn any(value: Value) -> AnyValue {
    AnyValue { value: Some(value) }
}

const fn nanos(at: UnixMillis) -> u64 {
    at.get().saturating_mul(1_000_000)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::test_seconds::second;

    /// The 30th second, with distributions.
    fn whole() -> LiveSecond {
        let mut second = second(30);
        let mut histogram = LatencyHistogram::new();
        (1..=900).for_each(|n| histogram.record(Micros(1_000 * n)));
        for endpoint in &mut second.so_far.endpoints {
            (endpoint.response, endpoint.service) = (Some(histogram.clone()), Some(histogram.clone()));
        }
        second.so_far.sched_lag = Some(histogram);
        second
    }

    fn sent(second: &LiveSecond) -> Vec<Metric> {
        let mut sent = export_request(second, "r1");
        sent.resource_metrics.remove(0).scope_metrics.remove(0).metrics
    }

    fn names(metrics: &[Metric]) -> Vec<&str> {
        metrics.iter().map(|metric| metric.name.as_str()).collect()
    }

    #[test]
    fn a_second_has_its_own_figures_and_those_so_far() {
        let metrics = sent(&whole());
        assert_eq!(
            names(&metrics),
            [
                "http.client.request.duration",
                "kneepoint.request.response_time",
                "kneepoint.requests",
                "kneepoint.generator.lateness",
                "kneepoint.rate.achieved",
                "kneepoint.rate.offered",
                "kneepoint.second.response_time",
                "http.client.active_requests",
                "kneepoint.generator.busiest_thread",
            ]
        );
        assert!(metrics.iter().all(|metric| !metric.unit.is_empty() && !metric.description.is_empty()));
        let Some(Data::ExponentialHistogram(duration)) = &metrics[0].data else { panic!("{:?}", metrics[0]) };
        let point = &duration.data_points[1];
        assert_eq!((point.count, point.start_time_unix_nano), (900, 1_004_000 * 1_000_000));
        assert_eq!(point.time_unix_nano, 1_030_000 * 1_000_000);
        let has = |key: &str, value: Value| point.attributes.contains(&attribute(key, value));
        assert!(has("http.request.method", Value::StringValue("GET".to_owned())));
        assert!(has("url.template", Value::StringValue("/books/<id>/".to_owned())));
        assert!(has("server.port", Value::IntValue(8000)));
        let Some(Data::Sum(requests)) = &metrics[2].data else { panic!("{:?}", metrics[2]) };
        let of = |point: &NumberDataPoint| match point.value {
            Some(Number::AsInt(count)) => count,
            _ => panic!("{point:?}"),
        };
        assert_eq!(requests.data_points.iter().map(of).sum::<i64>(), 3 * 900);
        let failed = requests
            .data_points
            .iter()
            .filter(|point| point.attributes.iter().any(|a| a.key == "error.type"));
        assert_eq!(failed.map(of).sum::<i64>(), 1 + 2 + 3);
    }

    #[test]
    fn the_warm_up_has_only_its_own_figures_and_the_last_only_those_so_far() {
        let mut warm = second(1);
        warm.so_far.endpoints.clear();
        assert!(names(&sent(&warm)).iter().all(|name| !name.contains("request.")));
        let mut last = whole();
        last.interval = Duration::ZERO;
        assert_eq!(names(&sent(&last)).len(), 4);
    }

    #[test]
    fn an_endpoint_of_a_name_of_its_own_has_no_method() {
        let keys = |name: &str| {
            endpoint_attributes(name, &("h".to_owned(), 80)).into_iter().map(|a| a.key).collect::<Vec<_>>()
        };
        assert_eq!(keys("check out"), ["server.address", "server.port", "kneepoint.endpoint"]);
        assert_eq!(keys("POST /cart/").len(), 5);
    }
}
