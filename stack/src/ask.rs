//! One question over HTTP: for readiness, health and a first look at a target. Never measured, never followed elsewhere.
//!
//! No proxy of the environment is used (it would answer in the site's name), redirects are answers, bodies are bounded.

use std::path::Path;
use std::time::Duration;

use kneepoint_model::cancel::Cancel;
use kneepoint_model::via::Via;
use reqwest::header::{HOST, SERVER};
use reqwest::{Certificate, ClientBuilder};
use tokio::runtime::Runtime;
use url::Url;

use crate::StackError;

/// How much of a body is kept.
const BODY: usize = 4096;

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reply {
    /// HTTP status.
    pub(crate) status: u16,
    /// The `Server` header.
    pub(crate) server: Option<String>,
    /// The beginning of the body.
    pub(crate) body: String,
}

/// Asks; has its own small runtime, so it must not be used inside another.
pub(crate) struct Asker {
    runtime: Runtime,
    client: reqwest::Client,
}

impl Asker {
    /// A new one; each question opens its own connection, so that a restarted service is really asked.
    pub(crate) fn new() -> Result<Self, StackError> {
        Self::with(|client| client)
    }

    /// One that asks over a Unix socket, whatever the URL says.
    pub(crate) fn by_socket(path: &Path) -> Result<Self, StackError> {
        Self::with(|client| client.unix_socket(path))
    }

    /// One that asks a site, on the way that leads to it.
    pub(crate) fn of_site(url: &Url, via: &Via) -> Result<Self, StackError> {
        let trusted = match &via.ca_file {
            Some(path) if url.scheme() == "https" => Some(authorities(path)?),
            _ => None,
        };
        Self::with(|client| {
            let client = match &via.unix_socket {
                Some(path) => client.unix_socket(path.as_path()),
                None => client,
            };
            match trusted {
                Some(trusted) => client.tls_certs_only(trusted),
                None => client,
            }
        })
    }

    fn with(more: impl FnOnce(ClientBuilder) -> ClientBuilder) -> Result<Self, StackError> {
        let system = |what: &'static str| move |why: String| StackError::System { what, why };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| system("starting a runtime")(error.to_string()))?;
        let client = reqwest::Client::builder()
            .no_proxy()
            .pool_max_idle_per_host(0)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("kneepoint/", env!("CARGO_PKG_VERSION")));
        let client = more(client).build();
        let client = client.map_err(|error| system("making an HTTP client")(chain(&error)))?;
        Ok(Self { runtime, client })
    }

    /// One GET. The error is a sentence for people: why there was no answer.
    pub(crate) fn get(
        &self,
        url: &Url,
        host: Option<&str>,
        deadline: Duration,
        cancel: &Cancel,
    ) -> Result<Reply, String> {
        self.runtime.block_on(async {
            tokio::select! {
                answer = tokio::time::timeout(deadline, self.exchange(url, host)) => match answer {
                    Ok(answer) => answer.map_err(|error| chain(&error)),
                    Err(_) => Err(format!("no answer within {:.1} s", deadline.as_secs_f64())),
                },
                () = stopped(cancel) => Err("stopped on request".to_owned()),
            }
        })
    }

    async fn exchange(&self, url: &Url, host: Option<&str>) -> Result<Reply, reqwest::Error> {
        let mut request = self.client.get(url.clone());
        if let Some(host) = host {
            request = request.header(HOST, host);
        }
        let mut response = request.send().await?;
        let server = response.headers().get(SERVER).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let status = response.status().as_u16();
        let mut body = Vec::new();
        while body.len() < BODY
            && let Some(chunk) = response.chunk().await?
        {
            body.extend_from_slice(&chunk);
        }
        body.truncate(BODY);
        Ok(Reply { status, server, body: String::from_utf8_lossy(&body).into_owned() })
    }
}

/// The certificate authorities of a PEM file.
fn authorities(path: &Path) -> Result<Vec<Certificate>, StackError> {
    let bad = |why: String| StackError::BadAuthorities { path: path.to_owned(), why };
    let text = std::fs::read(path).map_err(|error| bad(error.to_string()))?;
    let trusted = Certificate::from_pem_bundle(&text).map_err(|error| bad(error.to_string()))?;
    if trusted.is_empty() {
        return Err(bad("there is no certificate in it".to_owned()));
    }
    Ok(trusted)
}

async fn stopped(cancel: &Cancel) {
    while !cancel.is_cancelled() {
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
}

/// The error and its causes without the URL, which the caller names: reqwest says only "error sending request".
fn chain(error: &dyn std::error::Error) -> String {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    last.to_string()
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::thread;
    use std::time::Instant;

    use super::*;

    fn serve(answer: &'static str) -> (Url, thread::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/healthz", listener.local_addr().unwrap()).parse().unwrap();
        let handle = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 2048];
            let read = stream.read(&mut request).unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
            String::from_utf8_lossy(&request[..read]).into_owned()
        });
        (url, handle)
    }

    #[test]
    fn a_redirect_is_an_answer_and_the_host_is_as_given() {
        let (url, handle) = serve(
            "HTTP/1.1 302 Found\r\nLocation: http://example.org/\r\nServer: me\r\nContent-Length: 2\r\n\r\nok",
        );
        let asker = Asker::new().unwrap();
        let reply = asker.get(&url, Some("shop.test"), Duration::from_secs(5), &Cancel::new()).unwrap();
        assert_eq!(reply, Reply { status: 302, server: Some("me".to_owned()), body: "ok".to_owned() });
        assert!(handle.join().unwrap().to_lowercase().contains("\r\nhost: shop.test\r\n"));
    }

    #[test]
    fn no_answer_is_told_in_words_and_in_time() {
        let asker = Asker::new().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url: Url = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
        let silent = asker.get(&url, None, Duration::from_millis(120), &Cancel::new());
        assert_eq!(silent.unwrap_err(), "no answer within 0.1 s");
        let cancel = Cancel::new();
        cancel.cancel();
        let started = Instant::now();
        assert_eq!(asker.get(&url, None, Duration::from_secs(9), &cancel).unwrap_err(), "stopped on request");
        assert!(started.elapsed() < Duration::from_secs(2));
        // Nothing of a modern machine listens on port 1.
        let nobody = "http://127.0.0.1:1/".parse().unwrap();
        let refused = asker.get(&nobody, None, Duration::from_secs(5), &Cancel::new()).unwrap_err();
        assert!(refused.contains("refused"), "{refused}");
    }
}
