//! How far an address reaches: what may be loaded without asking. Pure.
//!
//! Sources: RFC 1122 (loopback), RFC 1918 (private), RFC 3927 and RFC 4291 (link-local), RFC 4193 (unique local).
//! IPv4 addresses written as IPv6 are judged by what they contain. Everything that is not known to be near is public:
//! carrier-grade NAT (100.64/10), translated (64:ff9b::/96), tunnelled (2002::/16) and unspecified addresses.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// How far an address reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// This machine.
    Loopback,
    /// A network of one's own.
    Private,
    /// This link only.
    LinkLocal,
    /// Everything else.
    Public,
}

impl Reach {
    /// Whether it may be loaded without consent.
    pub const fn is_near(self) -> bool {
        !matches!(self, Self::Public)
    }
}

/// How far this address reaches.
pub fn reach(address: IpAddr) -> Reach {
    match address.to_canonical() {
        IpAddr::V4(ip) => reach_v4(ip),
        IpAddr::V6(ip) => reach_v6(ip),
    }
}

const fn reach_v4(ip: Ipv4Addr) -> Reach {
    if ip.is_loopback() {
        Reach::Loopback
    } else if ip.is_private() {
        Reach::Private
    } else if ip.is_link_local() {
        Reach::LinkLocal
    } else {
        Reach::Public
    }
}

const fn reach_v6(ip: Ipv6Addr) -> Reach {
    if ip.is_loopback() {
        Reach::Loopback
    } else if ip.is_unique_local() {
        Reach::Private
    } else if ip.is_unicast_link_local() {
        Reach::LinkLocal
    } else {
        Reach::Public
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_addresses() {
        for (text, expected) in [
            ("127.0.0.1", Reach::Loopback),
            ("127.255.255.254", Reach::Loopback),
            ("::1", Reach::Loopback),
            ("::ffff:127.0.0.1", Reach::Loopback),
            ("10.1.2.3", Reach::Private),
            ("172.16.0.1", Reach::Private),
            ("172.31.255.255", Reach::Private),
            ("192.168.0.1", Reach::Private),
            ("::ffff:10.0.0.1", Reach::Private),
            ("fd00::1", Reach::Private),
            ("fc00::1", Reach::Private),
            ("169.254.1.1", Reach::LinkLocal),
            ("fe80::1", Reach::LinkLocal),
            ("febf::1", Reach::LinkLocal),
            ("172.32.0.1", Reach::Public),
            ("172.15.0.1", Reach::Public),
            ("100.64.0.1", Reach::Public),
            ("0.0.0.0", Reach::Public),
            ("::", Reach::Public),
            ("::127.0.0.1", Reach::Public),
            ("::ffff:8.8.8.8", Reach::Public),
            ("64:ff9b::7f00:1", Reach::Public),
            ("2002:7f00:1::", Reach::Public),
            ("fec0::1", Reach::Public),
            ("fe00::1", Reach::Public),
            ("224.0.0.1", Reach::Public),
            ("255.255.255.255", Reach::Public),
            ("2606:4700::1111", Reach::Public),
        ] {
            assert_eq!(reach(text.parse().unwrap()), expected, "{text}");
        }
    }

    #[test]
    fn spellings_are_normalised_by_the_url_before_they_come_here() {
        let host = |url: &str| url::Url::parse(url).unwrap().host_str().unwrap().to_owned();
        for loopback in [
            "http://2130706433/",
            "http://0x7f.1/",
            "http://0177.0.0.1/",
            "http://127.1/",
            "http://0x7f000001/",
        ] {
            assert_eq!(host(loopback), "127.0.0.1", "{loopback}");
        }
        assert_eq!(host("http://134744072/"), "8.8.8.8");
        assert_eq!(host("http://[::ffff:7f00:1]/"), "[::ffff:7f00:1]");
    }
}
