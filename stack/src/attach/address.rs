//! The scope of an address, which decides whether it may be loaded without consent. Pure.
//!
//! Sources: RFC 1122 (loopback), RFC 1918 (private), RFC 3927 and RFC 4291 (link-local), RFC 4193 (unique local).
//! IPv4 addresses written as IPv6 have the scope of the IPv4 address. Everything not known to be local is public, such as
//! carrier-grade NAT (100.64/10), translated (64:ff9b::/96), tunnelled (2002::/16) and unspecified addresses.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Where an address can be reached from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AddressScope {
    /// Only this machine.
    Loopback,
    /// A private network.
    Private,
    /// Only the local link.
    LinkLocal,
    /// Any other address.
    Public,
}

impl AddressScope {
    /// Whether it may be loaded without consent.
    pub(crate) const fn is_local(self) -> bool {
        !matches!(self, Self::Public)
    }
}

pub(crate) fn address_scope(address: IpAddr) -> AddressScope {
    match address.to_canonical() {
        IpAddr::V4(ip) => scope_v4(ip),
        IpAddr::V6(ip) => scope_v6(ip),
    }
}

const fn scope_v4(ip: Ipv4Addr) -> AddressScope {
    if ip.is_loopback() {
        AddressScope::Loopback
    } else if ip.is_private() {
        AddressScope::Private
    } else if ip.is_link_local() {
        AddressScope::LinkLocal
    } else {
        AddressScope::Public
    }
}

const fn scope_v6(ip: Ipv6Addr) -> AddressScope {
    if ip.is_loopback() {
        AddressScope::Loopback
    } else if ip.is_unique_local() {
        AddressScope::Private
    } else if ip.is_unicast_link_local() {
        AddressScope::LinkLocal
    } else {
        AddressScope::Public
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_addresses() {
        for (text, expected) in [
            ("127.0.0.1", AddressScope::Loopback),
            ("127.255.255.254", AddressScope::Loopback),
            ("::1", AddressScope::Loopback),
            ("::ffff:127.0.0.1", AddressScope::Loopback),
            ("10.1.2.3", AddressScope::Private),
            ("172.16.0.1", AddressScope::Private),
            ("172.31.255.255", AddressScope::Private),
            ("192.168.0.1", AddressScope::Private),
            ("::ffff:10.0.0.1", AddressScope::Private),
            ("fd00::1", AddressScope::Private),
            ("fc00::1", AddressScope::Private),
            ("169.254.1.1", AddressScope::LinkLocal),
            ("fe80::1", AddressScope::LinkLocal),
            ("febf::1", AddressScope::LinkLocal),
            ("172.32.0.1", AddressScope::Public),
            ("172.15.0.1", AddressScope::Public),
            ("100.64.0.1", AddressScope::Public),
            ("0.0.0.0", AddressScope::Public),
            ("::", AddressScope::Public),
            ("::127.0.0.1", AddressScope::Public),
            ("::ffff:8.8.8.8", AddressScope::Public),
            ("64:ff9b::7f00:1", AddressScope::Public),
            ("2002:7f00:1::", AddressScope::Public),
            ("fec0::1", AddressScope::Public),
            ("fe00::1", AddressScope::Public),
            ("224.0.0.1", AddressScope::Public),
            ("255.255.255.255", AddressScope::Public),
            ("2606:4700::1111", AddressScope::Public),
        ] {
            assert_eq!(address_scope(text.parse().unwrap()), expected, "{text}");
        }
    }

    #[test]
    fn the_url_parser_normalises_spellings() {
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
