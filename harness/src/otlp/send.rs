//! One HTTP exchange with the collector, with a deadline. What it answers is bounded and cleaned before it is shown.

use std::time::Duration;

use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsServiceRequest, ExportMetricsServiceResponse,
};
use prost::Message as _;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Client, Response};
use tokio::runtime::{Builder, Runtime};
use url::{Host, Url};

use crate::console::clean;

const CONNECT: Duration = Duration::from_secs(1);
/// For the whole exchange.
const DEADLINE: Duration = Duration::from_secs(2);
/// An answer is a few bytes; more of it is not read.
const LONGEST: usize = 16 * 1024;
/// Of what a collector says, this much is shown.
const SHOWN: usize = 160;

/// Sends to one collector.
pub(super) struct Sender {
    collector: Url,
    client: Client,
    runtime: Runtime,
}

impl Sender {
    pub(super) fn new(collector: Url, mut headers: HeaderMap) -> Result<Self, String> {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-protobuf"));
        let builder = Client::builder()
            .default_headers(headers)
            .connect_timeout(CONNECT)
            .timeout(DEADLINE)
            .redirect(Policy::none());
        // Nobody else reaches the collector on this machine.
        let builder = if is_here(&collector) { builder.no_proxy() } else { builder };
        let client = builder.build().map_err(|error| error.to_string())?;
        let runtime =
            Builder::new_current_thread().enable_all().build().map_err(|error| error.to_string())?;
        Ok(Self { collector, client, runtime })
    }

    /// Sends; the error says why it did not arrive.
    pub(super) fn send(&mut self, request: &ExportMetricsServiceRequest) -> Result<(), String> {
        let post = self.client.post(self.collector.clone()).body(request.encode_to_vec());
        self.runtime.block_on(async {
            let answer = post.send().await.map_err(|error| told(&error))?;
            let status = answer.status();
            let body = body(answer).await.map_err(|error| told(&error))?;
            if !status.is_success() {
                return Err(format!("it answered {status}{}", said(&String::from_utf8_lossy(&body))));
            }
            accepted(&body)
        })
    }
}

/// A collector may take a request and refuse points of it.
fn accepted(body: &[u8]) -> Result<(), String> {
    // Some answer with JSON or nothing: a success is a success.
    let answer = ExportMetricsServiceResponse::decode(body).unwrap_or_default();
    match answer.partial_success {
        Some(partial) if partial.rejected_data_points > 0 => {
            Err(format!("it refused {} points{}", partial.rejected_data_points, said(&partial.error_message)))
        }
        _ => Ok(()),
    }
}

/// What it said, after a colon.
fn said(text: &str) -> String {
    let text: String = clean(text).trim().chars().take(SHOWN).collect();
    if text.is_empty() { text } else { format!(": {text}") }
}

async fn body(mut answer: Response) -> reqwest::Result<Vec<u8>> {
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        body.extend_from_slice(&chunk[..chunk.len().min(LONGEST - body.len())]);
        if body.len() == LONGEST {
            break;
        }
    }
    Ok(body)
}

/// The cause that says most, without the address, which the user knows.
fn told(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return format!("no answer within {DEADLINE:?}");
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    clean(&cause.to_string())
}

fn is_here(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsPartialSuccess;

    use super::*;

    #[test]
    fn points_that_were_refused_did_not_arrive() {
        let answer = |rejected_data_points| {
            let error_message = "too\u{1b}[2J many".to_owned();
            let partial = ExportMetricsPartialSuccess { rejected_data_points, error_message };
            ExportMetricsServiceResponse { partial_success: Some(partial) }.encode_to_vec()
        };
        assert_eq!(accepted(&answer(7)), Err("it refused 7 points: too[2J many".to_owned()));
        assert_eq!(accepted(&answer(0)), Ok(()));
        assert_eq!((accepted(b""), accepted(b"{}")), (Ok(()), Ok(())));
        assert_eq!(said(&"x".repeat(900)).len(), SHOWN + 2);
    }
}
