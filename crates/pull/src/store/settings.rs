//! Where the store is, how to get in, and under which name this node is found.

use crate::plan::HostPort;
use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

/// Redis's own port.
const PORT: u16 = 6379;
/// Redis numbers its databases from 0; a server with more than this is set up by nobody.
const MAX_DB: u32 = 65_535;
/// Longest host name, by the rules of DNS.
const MAX_NAME: usize = 253;

/// What a vhost says of its store. The `Debug` form holds no secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Settings {
    /// `host`, `host:port`, `[v6]:port` (6379 where no port is said), or a URL
    /// `redis://[user:password@]host[:port][/db]`, with TLS `rediss://`. TLS trusts the certificates of the system.
    pub redis: String,
    /// The password, where the URL holds none.
    pub auth: Option<String>,
    /// What edges dial to reach this node: a name, an IPv4 address or an IPv6 address in brackets. Without it this node
    /// looks streams up and announces none.
    pub origin_host_name: Option<String>,
    /// OvenMediaEngine's key `app/stream` is read and written beside ours. It has no vhost: two vhosts, or two sites, that
    /// use one database see each other's streams there.
    pub compatible: bool,
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = Place::read(self).map(|place| place.host.to_string());
        f.debug_struct("Settings")
            .field("redis", &place.as_deref().unwrap_or("(not to be read)"))
            .field("auth", &self.auth.as_ref().map(|_| "(set)"))
            .field("origin_host_name", &self.origin_host_name)
            .field("compatible", &self.compatible)
            .finish()
    }
}

/// A setting that cannot be meant. The text never holds a URL or a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{directive}: {flaw}")]
pub struct Wrong {
    /// The directive's name.
    pub directive: &'static str,
    /// What is wrong with it.
    pub flaw: String,
}

impl Settings {
    /// Whether they can be used.
    ///
    /// # Errors
    /// The first directive that is wrong, by name.
    pub fn check(&self) -> Result<(), Wrong> {
        Place::read(self)?;
        self.name()?;
        Ok(())
    }

    /// The name under which this node is found, without brackets.
    pub(super) fn name(&self) -> Result<Option<String>, Wrong> {
        let Some(name) = &self.origin_host_name else { return Ok(None) };
        let flaw = |flaw: &str| Wrong { directive: "origin_host_name", flaw: flaw.to_owned() };
        if let Some(inner) = name.strip_prefix('[') {
            let address = inner.strip_suffix(']').and_then(|inner| inner.parse::<Ipv6Addr>().ok());
            let address = address
                .ok_or_else(|| flaw("in brackets stands an IPv6 address and no port: [2001:db8::7]"))?;
            return match address.is_unspecified() {
                true => Err(flaw("nobody can dial [::]; it is the address that edges dial")),
                false => Ok(Some(address.to_string())),
            };
        }
        if name.parse::<Ipv6Addr>().is_ok() {
            return Err(flaw("an IPv6 address stands in brackets: [2001:db8::7]"));
        }
        if name.contains("://") || name.contains(':') {
            return Err(flaw("a name or an address alone: the port is that of `listen`, the scheme is rtmp"));
        }
        let is_of_a_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if name.is_empty() || name.len() > MAX_NAME || !name.chars().all(is_of_a_name) {
            return Err(flaw("neither a host name nor an address"));
        }
        if name.parse::<Ipv4Addr>().is_ok_and(|address| address.is_unspecified()) {
            return Err(flaw("nobody can dial 0.0.0.0; it is the address that edges dial"));
        }
        Ok(Some(name.clone()))
    }
}

/// The server and the way in.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) host: HostPort,
    pub(super) tls: bool,
    pub(super) user: Option<String>,
    pub(super) password: Option<String>,
    pub(super) db: u32,
}

impl Place {
    /// Reads `redis` and `auth`.
    pub(super) fn read(settings: &Settings) -> Result<Place, Wrong> {
        let wrong = |flaw: String| Wrong { directive: "redis", flaw };
        let mut place = match settings.redis.split_once("://") {
            Some((scheme, rest)) => from_url(scheme, rest).map_err(wrong)?,
            None => {
                let host = server(&settings.redis).map_err(wrong)?;
                Place { host, tls: false, user: None, password: None, db: 0 }
            }
        };
        if let Some(auth) = &settings.auth {
            let flaw = |flaw: &str| Wrong { directive: "auth", flaw: flaw.to_owned() };
            if auth.is_empty() {
                return Err(flaw("is empty: leave it out where the store has no password"));
            }
            if place.password.is_some() {
                return Err(flaw("the URL of `redis` holds a password already"));
            }
            place.password = Some(auth.clone());
        }
        Ok(place)
    }
}

fn server(text: &str) -> Result<HostPort, String> {
    let example = "a host with or without a port is wanted, such as 127.0.0.1:6379 or [::1]:6379";
    if text.contains('@') {
        return Err("a login stands in a URL: redis://user:password@host:port".to_owned());
    }
    HostPort::parse(text, Some(PORT)).map_err(|_| example.to_owned())
}

fn from_url(scheme: &str, rest: &str) -> Result<Place, String> {
    let tls = match scheme {
        "redis" => false,
        "rediss" => true,
        _ => return Err("the scheme is neither redis:// nor rediss://".to_owned()),
    };
    if rest.contains(['?', '#']) {
        return Err(
            "holds ? or #: parameters are not known here, and in a password these are %3F and %23".to_owned()
        );
    }
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let (login, host) =
        authority.rsplit_once('@').map_or((None, authority), |(login, host)| (Some(login), host));
    let (user, password) = login.map(from_login).transpose()?.unwrap_or_default();
    let db = match path {
        "" => 0,
        _ => path
            .parse()
            .ok()
            .filter(|db| *db <= MAX_DB)
            .ok_or_else(|| format!("behind the host stands the database, a number from 0 to {MAX_DB}"))?,
    };
    Ok(Place { host: server(host)?, tls, user, password, db })
}

/// User and password, each escaped by `%`. Without a user the default one is meant.
fn from_login(login: &str) -> Result<(Option<String>, Option<String>), String> {
    let (user, password) = login.split_once(':').ok_or("a user without a password: it is user:password@")?;
    let plain = |text| match srs_names::percent_decode(text) {
        Some(text) => Ok(Some(text.into_owned()).filter(|text| !text.is_empty())),
        None => Err("user or password is no UTF-8"),
    };
    Ok((plain(user)?, plain(password)?))
}

#[cfg(test)]
mod tests;
