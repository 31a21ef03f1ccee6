//! Attach to a site that already runs: kneepoint starts and stops nothing, and requires consent before it loads a target that
//! is neither loopback nor private.
//!
//! The name is resolved first, and *every* address must be local; only then is the first request sent. A Unix socket is
//! always local: with one no name is resolved, and nothing is sent to the host of the URL.

mod address;
mod discover;
mod target;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use kneepoint_model::cancel::Cancel;
use kneepoint_model::run::FORMAT_VERSION;
use kneepoint_model::stack::{Driver, Runtime, StackInfo, TierInfo};
use kneepoint_model::text::clean;
use kneepoint_model::tier::Tier;
use kneepoint_model::via::Via;
use url::Url;

use crate::error::StackError;
use crate::host::http::{HttpClient, HttpResponse};
use address::{AddressScope, address_scope};
use target::{bad_target, refuse_public, require_http, require_socket, resolve};

/// Long, since a cold site may be slow at first.
const FIRST_RESPONSE_TIMEOUT: Duration = Duration::from_secs(15);

/// What to attach to, and what the user knows about it.
#[derive(Debug, Clone)]
pub struct AttachPlan {
    /// The site's address.
    pub url: Url,
    /// `Host` header, when it differs from the URL.
    pub host_header: Option<String>,
    /// Unix socket and certificate authorities of connections to the site.
    pub via: Via,
    /// nginx's access log in JSON.
    pub access_log: Option<PathBuf>,
    /// Root processes by tier; tiers given here are not discovered.
    pub pids: BTreeMap<Tier, Vec<u32>>,
    /// URL of the engine's `/debug/pprof/profile`.
    pub pprof: Option<Url>,
    /// URL of nginx's `stub_status`.
    pub status_url: Option<Url>,
    /// Whether the user confirmed that this target may be loaded although it is not private.
    pub consent: bool,
}

/// Sends one request and discovers the processes of the target. Blocks for at most half a minute.
///
/// # Errors
/// `NotPrivate` without consent, before anything is sent; `BadTarget` when it does not respond; `NoSuchProcess`;
/// `NoSuchSocket`.
pub fn attach(plan: &AttachPlan, cancel: &Cancel) -> Result<StackInfo, StackError> {
    require_http(&plan.url)?;
    let addresses = match &plan.via.unix_socket {
        Some(path) => {
            require_socket(path)?;
            Vec::new()
        }
        None => resolve(&plan.url, cancel)?,
    };
    refuse_public(&plan.url, &addresses, plan.consent)?;
    for url in [&plan.pprof, &plan.status_url].into_iter().flatten() {
        refuse_public(url, &resolve(url, cancel)?, plan.consent)?;
    }
    for (tier, pids) in &plan.pids {
        let missing = pids.iter().find(|pid| !PathBuf::from(format!("/proc/{pid}")).exists());
        if let Some(pid) = missing {
            return Err(StackError::NoSuchProcess { pid: *pid, tier: tier.name() });
        }
    }
    let result = HttpClient::for_site(&plan.url, &plan.via)?.get(
        &plan.url,
        plan.host_header.as_deref(),
        FIRST_RESPONSE_TIMEOUT,
        cancel,
    );
    if cancel.is_cancelled() {
        return Err(StackError::Cancelled);
    }
    let response = result.map_err(|why| bad_target(&plan.url, &with_hint(&why)))?;
    let found = if let Some(path) = &plan.via.unix_socket {
        discover::tiers_on_socket(path)
    } else if addresses.iter().all(|ip| address_scope(*ip) == AddressScope::Loopback) {
        let port = plan.url.port_or_known_default().unwrap_or(80);
        discover::tiers_on_port(&addresses, port)
    } else {
        Vec::new()
    };
    Ok(stack_info(plan, found, &response))
}

fn stack_info(plan: &AttachPlan, found: Vec<TierInfo>, response: &HttpResponse) -> StackInfo {
    let mut tiers: BTreeMap<Tier, TierInfo> = found.into_iter().map(|info| (info.tier, info)).collect();
    for (tier, pids) in &plan.pids {
        tiers.insert(*tier, discover::tier_of_pids(*tier, pids));
    }
    if plan.access_log.is_some() || plan.status_url.is_some() {
        let proxy = tiers.entry(Tier::Proxy).or_insert_with(|| discover::unknown_tier(Tier::Proxy));
        proxy.access_log = plan.access_log.as_ref().map(|path| path.display().to_string());
        proxy.status_url.clone_from(&plan.status_url);
    }
    if plan.pprof.is_some() {
        let engine = tiers.entry(Tier::Engine).or_insert_with(|| discover::unknown_tier(Tier::Engine));
        engine.pprof_url.clone_from(&plan.pprof);
        engine.runtime = Runtime::FramePointers;
    }
    let outermost = if tiers.contains_key(&Tier::Proxy) { Tier::Proxy } else { Tier::Server };
    if let Some(tier) = tiers.get_mut(&outermost) {
        tier.url = Some(plan.url.clone());
    }
    let server = response.server.as_deref().map(|server| clean(server, 80));
    StackInfo {
        format_version: FORMAT_VERSION,
        driver: Driver::Attach,
        topology: "attach".to_owned(),
        base_url: plan.url.clone(),
        host_header: plan.host_header.clone(),
        via: plan.via.clone(),
        tiers: tiers.into_values().collect(),
        toggles: BTreeMap::new(),
        versions: server.map(|server| ("Server header".to_owned(), server)).into_iter().collect(),
        statements: None,
        throw_away: false,
    }
}

/// Adds a hint on the fix to known TLS errors.
fn with_hint(why: &str) -> String {
    let hints = [
        (
            "CaUsedAsEndEntity",
            "the server's certificate is one of an authority (CA:TRUE, which `openssl req -x509` makes it); make one for a server: `-addext basicConstraints=critical,CA:FALSE`",
        ),
        (
            "UnknownIssuer",
            "no certificate authority on this machine signed the server's certificate; name one, e.g. `--cacert ca.pem`",
        ),
    ];
    let hint = hints.iter().find(|(sign, _)| why.contains(sign));
    hint.map_or_else(|| why.to_owned(), |(_, hint)| format!("{why}: {hint}"))
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::thread;

    use super::*;

    fn plan(url: &str) -> AttachPlan {
        AttachPlan {
            url: url.parse().unwrap(),
            host_header: None,
            via: Via::default(),
            access_log: None,
            pids: BTreeMap::new(),
            pprof: None,
            status_url: None,
            consent: false,
        }
    }

    #[test]
    fn known_certificate_errors_have_a_hint() {
        let authority = "invalid peer certificate: Other(OtherError(CaUsedAsEndEntity))";
        assert!(with_hint(authority).starts_with(authority) && with_hint(authority).contains("CA:FALSE"));
        assert!(with_hint("invalid peer certificate: UnknownIssuer").ends_with("e.g. `--cacert ca.pem`"));
        assert_eq!(with_hint("refused"), "refused");
    }

    #[test]
    fn a_public_target_is_refused_in_every_spelling() {
        // Nothing is sent to these: they are refused before the first packet.
        for url in [
            "http://8.8.8.8/",
            "http://134744072/",
            "http://0x08080808/",
            "http://010.8.8.8/",
            "http://[::ffff:8.8.8.8]/",
            "http://0.0.0.0/",
        ] {
            let error = attach(&plan(url), &Cancel::new()).unwrap_err();
            assert!(matches!(error, StackError::NotPrivate { .. }), "{url}: {error}");
        }
    }

    #[test]
    fn a_socket_is_local_whatever_the_url_and_must_be_one() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("app.sock");
        let over = |path: &Path| {
            let via = Via { unix_socket: Some(path.to_owned()), ..Via::default() };
            attach(&AttachPlan { via, ..plan("http://8.8.8.8/") }, &Cancel::new())
        };
        assert!(matches!(over(&path), Err(StackError::NoSuchSocket { .. })), "the path does not exist");
        assert!(matches!(over(dir.path()), Err(StackError::NoSuchSocket { .. })), "a folder");
        let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
        let site = thread::spawn(move || {
            use std::io::{Read as _, Write as _};
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 2048];
            let read = stream.read(&mut request).unwrap();
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").unwrap();
            (String::from_utf8_lossy(&request[..read]).into_owned(), listener)
        });
        let info = over(&path).unwrap();
        let (request, _listener) = site.join().unwrap();
        assert!(request.to_lowercase().contains("host: 8.8.8.8\r\n"), "{request}");
        assert_eq!(info.via.unix_socket.as_deref(), Some(path.as_path()));
        assert_eq!(info.tiers[0].roots, [std::process::id()], "found by its socket");
        // Other URLs are still checked.
        let pprof = Some("http://8.8.4.4/debug/pprof/profile".parse().unwrap());
        let via = Via { unix_socket: Some(path), ..Via::default() };
        let error =
            attach(&AttachPlan { via, pprof, ..plan("http://8.8.8.8/") }, &Cancel::new()).unwrap_err();
        assert!(matches!(error, StackError::NotPrivate { .. }), "{error}");
    }

    #[test]
    fn a_pprof_url_elsewhere_is_refused_too() {
        let pprof = Some("http://8.8.4.4/debug/pprof/profile".parse().unwrap());
        let error = attach(&AttachPlan { pprof, ..plan("http://127.0.0.1:1/") }, &Cancel::new()).unwrap_err();
        assert!(matches!(error, StackError::NotPrivate { .. }), "{error}");
    }

    #[test]
    fn an_invalid_target_is_refused_without_showing_credentials() {
        let ftp = attach(&plan("ftp://me:word@127.0.0.1/"), &Cancel::new()).unwrap_err().to_string();
        assert!(ftp.contains("only http and https") && !ftp.contains("word"), "{ftp}");
        let user = attach(&plan("http://me:hunter2@127.0.0.1:1/"), &Cancel::new()).unwrap_err().to_string();
        assert!(user.contains("without them") && !user.contains("hunter2"), "{user}");
        let pids = BTreeMap::from([(Tier::Server, vec![u32::MAX])]);
        let missing =
            attach(&AttachPlan { pids, ..plan("http://127.0.0.1:1/") }, &Cancel::new()).unwrap_err();
        assert!(matches!(missing, StackError::NoSuchProcess { .. }), "{missing}");
    }

    #[test]
    fn given_values_override_discovered_ones() {
        let given = AttachPlan {
            access_log: Some("/var/log/nginx/access.json".into()),
            pids: BTreeMap::from([(Tier::Server, vec![std::process::id()])]),
            pprof: Some("http://127.0.0.1:8300/debug/pprof/profile".parse().unwrap()),
            ..plan("http://127.0.0.1:8080/")
        };
        let response =
            HttpResponse { status: 200, server: Some("nginx/1.22.1".to_owned()), body: String::new() };
        let info = stack_info(&given, vec![discover::unknown_tier(Tier::Server)], &response);
        assert_eq!(
            info.tiers.iter().map(|tier| tier.tier).collect::<Vec<_>>(),
            [Tier::Proxy, Tier::Server, Tier::Engine]
        );
        assert_eq!(info.tier(Tier::Server).unwrap().roots, [std::process::id()]);
        assert_eq!(info.tier(Tier::Proxy).unwrap().url, Some(given.url));
        assert_eq!(info.versions["Server header"], "nginx/1.22.1");
        assert!(!info.throw_away);
    }
}
