//! Checks of a target before the first request: scheme, credentials, socket, and the scope of every address.

use std::net::{IpAddr, ToSocketAddrs};
use std::os::unix::fs::FileTypeExt as _;
use std::path::Path;
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use kneepoint_model::cancel::Cancel;
use url::{Host, Url};

use super::address::address_scope;
use crate::error::StackError;
use crate::host::redact;

/// Limits the wait for a name server that does not respond.
const RESOLVE_TIMEOUT: Duration = Duration::from_secs(10);

pub(super) fn bad_target(url: &Url, why: &str) -> StackError {
    StackError::BadTarget { url: redact::redact_line(url.as_str()), why: why.to_owned() }
}

pub(super) fn require_http(url: &Url) -> Result<(), StackError> {
    if !matches!(url.scheme(), "http" | "https") {
        return Err(bad_target(url, "only http and https can be loaded"));
    }
    // The URL is written to the run folder, which must not contain secrets.
    if !url.username().is_empty() || url.password().is_some() {
        return Err(bad_target(url, "it contains a user or password; name it without them"));
    }
    Ok(())
}

pub(super) fn require_socket(path: &Path) -> Result<(), StackError> {
    let no = |why: String| StackError::NoSuchSocket { path: path.to_owned(), why };
    let found = std::fs::metadata(path).map_err(|error| no(error.to_string()))?;
    if found.file_type().is_socket() { Ok(()) } else { Err(no("it is not a socket".to_owned())) }
}

/// Every address of the URL's host. The URL parser has normalised literal addresses (`http://2130706433/` is 127.0.0.1), so no
/// spelling bypasses the check.
pub(super) fn resolve(url: &Url, cancel: &Cancel) -> Result<Vec<IpAddr>, StackError> {
    require_http(url)?;
    let name = match url.host() {
        Some(Host::Ipv4(ip)) => return Ok(vec![ip.into()]),
        Some(Host::Ipv6(ip)) => return Ok(vec![ip.into()]),
        Some(Host::Domain(name)) => name.to_owned(),
        None => return Err(bad_target(url, "it has no host")),
    };
    // The resolver has no timeout, so it runs in a thread, which may end later than this function.
    let (sender, result) = channel();
    thread::spawn(move || sender.send((name.as_str(), 0).to_socket_addrs().map(Iterator::collect::<Vec<_>>)));
    let started = Instant::now();
    loop {
        if cancel.is_cancelled() {
            return Err(StackError::Cancelled);
        }
        match result.recv_timeout(Duration::from_millis(50)) {
            Ok(Ok(found)) if !found.is_empty() => {
                return Ok(found.into_iter().map(|address| address.ip()).collect());
            }
            Ok(Ok(_)) => return Err(bad_target(url, "its host name has no address")),
            Ok(Err(error)) => {
                return Err(bad_target(url, &format!("its host name cannot be resolved: {error}")));
            }
            Err(_) if started.elapsed() > RESOLVE_TIMEOUT => {
                return Err(bad_target(url, "its host name was not resolved within 10 s"));
            }
            Err(_) => {}
        }
    }
}

pub(super) fn refuse_public(url: &Url, addresses: &[IpAddr], consent: bool) -> Result<(), StackError> {
    let public = addresses.iter().find(|ip| !address_scope(**ip).is_local());
    match public {
        Some(ip) if !consent => Err(StackError::NotPrivate {
            host: url.host_str().unwrap_or_default().to_owned(),
            address: ip.to_string(),
        }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_public_address_among_private_ones_is_enough() {
        let url = "http://shop.test/".parse().unwrap();
        let addresses = ["10.0.0.1".parse().unwrap(), "8.8.8.8".parse().unwrap()];
        assert!(refuse_public(&url, &addresses, false).is_err());
        assert!(refuse_public(&url, &addresses, true).is_ok());
        assert!(refuse_public(&url, &addresses[..1], false).is_ok());
    }
}
