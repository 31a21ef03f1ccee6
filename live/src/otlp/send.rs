//! One HTTP exchange with the collector, with a deadline. Its response is untrusted input: bounded, and stripped of control
//! characters before it is shown.

use std::time::Duration;

use kneepoint_model::text::{clip, remove_controls};
use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsServiceRequest, ExportMetricsServiceResponse,
};
use prost::Message as _;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Client, Response};
use tokio::runtime::{Builder, Runtime};
use url::{Host, Url};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// For the whole exchange.
const DEADLINE: Duration = Duration::from_secs(2);
/// Longest part of a response that is read, in bytes; a valid one has a few.
const MAX_BODY: usize = 16 * 1024;
/// Longest part of the collector's message that is shown, in characters.
const MAX_MESSAGE: usize = 160;

/// An HTTP client for one collector.
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
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(DEADLINE)
            .redirect(Policy::none());
        // A proxy cannot reach a collector on this machine.
        let builder = if is_on_this_machine(&collector) { builder.no_proxy() } else { builder };
        let client = builder.build().map_err(|error| error.to_string())?;
        let runtime =
            Builder::new_current_thread().enable_all().build().map_err(|error| error.to_string())?;
        Ok(Self { collector, client, runtime })
    }

    /// Sends one request; the error tells why it did not arrive.
    pub(super) fn send(&mut self, request: &ExportMetricsServiceRequest) -> Result<(), String> {
        let post = self.client.post(self.collector.clone()).body(request.encode_to_vec());
        self.runtime.block_on(async {
            let response = post.send().await.map_err(|error| describe_error(&error))?;
            let status = response.status();
            let body = read_body(response).await.map_err(|error| describe_error(&error))?;
            if !status.is_success() {
                return Err(format!(
                    "it returned {status}{}",
                    message_suffix(&String::from_utf8_lossy(&body))
                ));
            }
            check_accepted(&body)
        })
    }
}

/// A collector may accept a request and reject some of its points.
fn check_accepted(body: &[u8]) -> Result<(), String> {
    // Some respond with JSON or nothing: a 2xx status is enough then.
    let response = ExportMetricsServiceResponse::decode(body).unwrap_or_default();
    match response.partial_success {
        Some(partial) if partial.rejected_data_points > 0 => Err(format!(
            "it rejected {} points{}",
            partial.rejected_data_points,
            message_suffix(&partial.error_message)
        )),
        _ => Ok(()),
    }
}

/// The collector's message after a colon, or nothing.
fn message_suffix(text: &str) -> String {
    let text = remove_controls(text);
    let message = clip(text.trim(), MAX_MESSAGE);
    if message.is_empty() { String::new() } else { format!(": {message}") }
}

async fn read_body(mut response: Response) -> reqwest::Result<Vec<u8>> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        body.extend_from_slice(&chunk[..chunk.len().min(MAX_BODY - body.len())]);
        if body.len() == MAX_BODY {
            break;
        }
    }
    Ok(body)
}

/// The innermost cause; the outer ones only repeat the address.
fn describe_error(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return format!("no response within {DEADLINE:?}");
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    remove_controls(&cause.to_string())
}

fn is_on_this_machine(url: &Url) -> bool {
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
    fn points_that_were_rejected_did_not_arrive() {
        let response = |rejected_data_points| {
            let error_message = "too\u{1b}[2J many".to_owned();
            let partial = ExportMetricsPartialSuccess { rejected_data_points, error_message };
            ExportMetricsServiceResponse { partial_success: Some(partial) }.encode_to_vec()
        };
        assert_eq!(check_accepted(&response(7)), Err("it rejected 7 points: too[2J many".to_owned()));
        assert_eq!(check_accepted(&response(0)), Ok(()));
        assert_eq!((check_accepted(b""), check_accepted(b"{}")), (Ok(()), Ok(())));
        assert_eq!(message_suffix(&"x".repeat(900)).len(), MAX_MESSAGE + 2);
    }
}
