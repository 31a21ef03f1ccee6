//! Which processes of a container serve users, from a list of `pid ppid args`. Pure.

use std::collections::BTreeSet;

use super::super::service::ComposeService;

struct Process {
    pid: u32,
    parent: u32,
    args: String,
}

/// The workers of nginx (which names them), of HAProxy (children of its master), or of gunicorn (children of what
/// supervisor started).
pub(super) fn parse_workers(list: &str, service: ComposeService) -> BTreeSet<u32> {
    let all: Vec<Process> = list.lines().filter_map(parse_process).collect();
    let matching =
        |is: &dyn Fn(&str) -> bool| all.iter().filter(|one| is(&one.args)).map(|one| one.pid).collect();
    let children_of = |parents: &BTreeSet<u32>| -> BTreeSet<u32> {
        all.iter().filter(|one| parents.contains(&one.parent)).map(|one| one.pid).collect()
    };
    match service {
        ComposeService::Proxy => matching(&|args| args.starts_with("nginx: worker process")),
        ComposeService::Balancer => {
            let haproxy: BTreeSet<u32> =
                matching(&|args| args.split(' ').next().is_some_and(|program| program.ends_with("haproxy")));
            children_of(&haproxy).intersection(&haproxy).copied().collect()
        }
        _ => {
            let supervisor =
                |args: &str| args.contains("supervisor.supervisord") && !args.contains("docker-init");
            children_of(&children_of(&matching(&supervisor)))
        }
    }
}

fn parse_process(line: &str) -> Option<Process> {
    let mut words = line.split_whitespace();
    let (pid, parent) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    Some(Process { pid, parent, args: words.collect::<Vec<_>>().join(" ") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workers_are_told_from_masters() {
        let nginx = "PID PPID COMMAND\n\
            101 90 /sbin/docker-init -- nginx -p /srv/kneepoint -g daemon off;\n\
            110 101 nginx: master process nginx -p /srv/kneepoint\n\
            111 110 nginx: worker process is shutting down\n\
            115 110 nginx: worker process\n\
            116 110 nginx: cache manager process\n";
        assert_eq!(parse_workers(nginx, ComposeService::Proxy), [111, 115].into());
        let haproxy = "PID PPID COMMAND\n\
            200 90 /sbin/docker-init -- haproxy -W -db -f /etc/x\n\
            201 200 haproxy -W -db -f /etc/x\n\
            202 201 haproxy -sf 199 -W -db -f /etc/x\n";
        assert_eq!(parse_workers(haproxy, ComposeService::Balancer), [202].into());
        let gunicorn = "PID PPID COMMAND\n\
            300 90 /sbin/docker-init -- python -m supervisor.supervisord -n -c /etc/x\n\
            301 300 python -m supervisor.supervisord -n -c /etc/x\n\
            302 301 /opt/venv/bin/python -m gunicorn -c /etc/y bookstore.wsgi:application\n\
            303 302 /opt/venv/bin/python -m gunicorn -c /etc/y bookstore.wsgi:application\n\
            304 302 /opt/venv/bin/python -m gunicorn -c /etc/y bookstore.wsgi:application\n";
        assert_eq!(parse_workers(gunicorn, ComposeService::Server), [303, 304].into());
        assert!(parse_workers("", ComposeService::Proxy).is_empty());
    }
}
