//! How a registration writes where it listens, and which hosts are believed.
//!
//! | Spelling | Dialled at |
//! |---|---|
//! | `1935`, `:1935`, `tcp://1935`, `tcp://:1935`, `0.0.0.0:1935`, `[::]:1935` | the node's own `ip` |
//! | `10.0.0.7:1935`, `[fd00::7]:1935`, `tcp://origin.example:1935`, `udp:10.0.0.7:8000` | the host that is written |

use srs_balance::Endpoint;
use std::net::{IpAddr, Ipv6Addr};

/// Longest host name, RFC 1035 2.3.4.
const MAX_HOST: usize = 253;
/// Longest endpoint text that is looked at: a protocol, a host and a port.
const MAX_TEXT: usize = 300;

/// What is wrong with a host or an endpoint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Not one of the spellings in the module's table.
    #[error("bad endpoint {0:?}: want port, ip:port, [v6]:port or proto://ip:port")]
    Spelling(String),
    /// The port is not a number from 1 to 65535.
    #[error("bad port in endpoint {0:?}: want 1 to 65535")]
    Port(String),
    /// Neither an address that can be dialled nor a host name.
    #[error("bad host {0:?}: want an IP address or a host name")]
    Host(String),
    /// Another machine registered an address that means this one.
    #[error(
        "host {0:?} is a loopback address, which is good only when registered over loopback: set the address by which \
         proxies reach the node, at an origin by SRS_DEVICE_IP=<address>"
    )]
    Loopback(String),
    /// Another machine registered an address that means something else at each machine: nodes are not found by these, but
    /// what clouds tell of a machine is.
    #[error(
        "host {0:?} is a link-local address: set the address by which proxies reach the node, at an origin by \
         SRS_DEVICE_IP=<address>"
    )]
    LinkLocal(String),
}

/// Reads one endpoint. `default` is the node's host, already checked by [`host`]; `local` says that the
/// registration came over loopback.
///
/// # Errors
/// [`Error`].
pub fn parse(text: &str, default: &str, local: bool) -> Result<Endpoint, Error> {
    let bad = || Error::Spelling(text.chars().take(MAX_TEXT).collect());
    if text.len() > MAX_TEXT {
        return Err(bad());
    }
    let (proto, rest) = match text.split_once("://") {
        Some((proto, rest)) => (Some(proto), rest),
        None => legacy(text).unwrap_or((None, text)),
    };
    if proto.is_some_and(|proto| !is_proto(proto)) {
        return Err(bad());
    }
    let (written, port) = match rest.rsplit_once(':') {
        Some((host, port)) => (host, port),
        None => ("", rest),
    };
    let written = match written.strip_prefix('[') {
        Some(inner) => inner.strip_suffix(']').filter(|inner| is_inner(inner)).ok_or_else(bad)?,
        None if written.contains(':') => return Err(bad()),
        None => written,
    };
    if port.is_empty() || !port.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(bad());
    }
    let port = port.parse().ok().filter(|port| *port != 0).ok_or_else(|| Error::Port(text.to_owned()))?;
    let is_wildcard = written.is_empty() || written.parse::<IpAddr>().is_ok_and(|ip| ip.is_unspecified());
    let host = if is_wildcard { default.to_owned() } else { host(written, local)? };
    Ok(Endpoint { proto: proto.map(str::to_owned), host, port })
}

/// May this stand in brackets? An address of IPv6 has none itself.
fn is_inner(text: &str) -> bool {
    text.contains(':') && !text.contains(['[', ']'])
}

/// `proto:ip:port`, as early versions of SRS wrote it.
fn legacy(text: &str) -> Option<(Option<&str>, &str)> {
    let (proto, rest) = text.split_once(':')?;
    let is_legacy = is_proto(proto) && rest.matches(':').count() == 1;
    is_legacy.then_some((Some(proto), rest))
}

fn is_proto(text: &str) -> bool {
    !text.is_empty() && text.len() <= 8 && text.bytes().all(|byte| byte.is_ascii_lowercase())
}

/// Checks the host under which a node is to be dialled and gives its usual spelling: IPv4 in IPv6 form
/// becomes IPv4, names are folded to lower case.
///
/// # Errors
/// [`Error::Host`], [`Error::Loopback`] or [`Error::LinkLocal`].
pub fn host(text: &str, local: bool) -> Result<String, Error> {
    let bad = || Error::Host(text.chars().take(MAX_HOST).collect());
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let (host, is_loopback, is_link_local) = match bare.parse::<IpAddr>() {
        Ok(ip) => {
            let ip = ip.to_canonical();
            let is_broadcast = matches!(ip, IpAddr::V4(ip) if ip.is_broadcast());
            if ip.is_unspecified() || ip.is_multicast() || is_broadcast {
                return Err(bad());
            }
            (ip.to_string(), ip.is_loopback(), is_link_local(ip))
        }
        Err(_) if is_name(text) => {
            let name = text.trim_end_matches('.').to_ascii_lowercase();
            let is_loopback = is_local_name(&name);
            (name, is_loopback, false)
        }
        Err(_) => return Err(bad()),
    };
    if is_loopback && !local {
        return Err(Error::Loopback(host));
    }
    if is_link_local && !local {
        return Err(Error::LinkLocal(host));
    }
    Ok(host)
}

/// RFC 3927 and RFC 4291 2.5.6; clouds answer at `169.254.169.254`, and one at `fd00:ec2::254`, with their tenants'
/// credentials.
fn is_link_local(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => {
            ip.is_unicast_link_local() || ip == Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)
        }
    }
}

/// RFC 6761 6.3: `localhost` and all below it mean this machine.
pub(crate) fn is_local_name(name: &str) -> bool {
    name == "localhost" || name.ends_with(".localhost")
}

/// A host name; one whose last label looks like a number is not, since resolvers read `127.1` and
/// `0x7f000001` as addresses.
fn is_name(text: &str) -> bool {
    let text = text.strip_suffix('.').unwrap_or(text);
    let is_label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    let last = text.rsplit('.').next().unwrap_or_default();
    let is_number =
        last.bytes().all(|byte| byte.is_ascii_digit()) || last.starts_with("0x") || last.starts_with("0X");
    text.len() <= MAX_HOST && !is_number && text.split('.').all(is_label)
}

#[cfg(test)]
mod tests;
