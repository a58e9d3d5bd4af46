//! From a host, as tcUrl, `Host` or `?vhost=` spell it, to the vhost of a key.

use crate::key::DEFAULT_VHOST;
use std::net::IpAddr;

/// Without user info, port, brackets, closing dot and case.
fn bare(host: &str) -> String {
    let host = host.trim_matches([' ', '\t', '\r', '\n']);
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    let host = match host.strip_prefix('[') {
        Some(inner) => inner.split(']').next().unwrap_or_default(),
        // An address with two or more colons is IPv6 without brackets; with one, the port follows it.
        None if host.matches(':').count() == 1 => host.split(':').next().unwrap_or_default(),
        None => host,
    };
    host.strip_suffix('.').unwrap_or(host).to_lowercase()
}

fn is_address(host: &str) -> bool {
    // A zone (`fe80::1%eth0`) belongs to the address and not to its syntax in std.
    host.split('%').next().is_some_and(|address| address.parse::<IpAddr>().is_ok())
}

/// The vhost that a connection's own host stands for: the default one for addresses, for names
/// without a dot (`localhost`) and for none at all.
pub(crate) fn of_connection(host: Option<&str>) -> String {
    let host = bare(host.unwrap_or_default());
    if !host.contains('.') || is_address(&host) { DEFAULT_VHOST.to_owned() } else { host }
}

/// The vhost that a client asked for by parameter; `None` when the parameter says nothing.
/// Names without a dot are kept, as configurations do have vhosts called so.
pub(crate) fn of_parameter(value: &str) -> Option<String> {
    if value.is_empty() || value == DEFAULT_VHOST {
        return None;
    }
    let host = bare(value);
    if host.is_empty() { None } else { Some(if is_address(&host) { DEFAULT_VHOST.to_owned() } else { host }) }
}

/// The host of `HOST:PORT`, where there is a port behind it; an IPv6 address keeps its brackets.
pub fn host_of(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) && !host.ends_with(':') => host,
        _ => authority,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_said_without_its_port() {
        for (authority, host) in [
            ("a.b", "a.b"),
            ("a.b:80", "a.b"),
            ("[::1]:80", "[::1]"),
            ("[::1]", "[::1]"),
            ("", ""),
            ("h:", "h"),
        ] {
            assert_eq!(host_of(authority), host, "{authority}");
        }
    }
}
