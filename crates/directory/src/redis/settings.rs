//! Where Redis is and how to get in: the `PROXY_REDIS_*` variables, read strictly.

use std::fmt;

/// Redis numbers its databases from 0; a server with more than this is set up by nobody.
const MAX_DB: u32 = 65_535;
/// Longest key prefix, in bytes: it stands in every key.
const MAX_PREFIX: usize = 128;
/// Seeds of a cluster, or sentinels: more than anybody runs.
const MAX_HOSTS: usize = 64;
/// Redis's own port, and the sentinels'.
const PORT: u16 = 6379;
const SENTINEL_PORT: u16 = 26_379;

/// The variables as they are written in the environment. The default is SRS's.
#[derive(Clone)]
pub struct Settings {
    /// `PROXY_REDIS_URL`; where it is set it alone says where Redis is. One of
    /// `redis://[user:password@]host[:port][/db]`, `redis+sentinel://[user:password@]host[:port],…/master-name[/db]`,
    /// `redis+cluster://[user:password@]host[:port],…`, each with TLS as `rediss://`, `rediss+sentinel://`,
    /// `rediss+cluster://`. TLS trusts the certificates of the system (`SSL_CERT_FILE` and `SSL_CERT_DIR` name others).
    pub url: Option<String>,
    /// `PROXY_REDIS_HOST`: an address or a host name.
    pub host: String,
    /// `PROXY_REDIS_PORT`.
    pub port: String,
    /// `PROXY_REDIS_PASSWORD`; empty for none.
    pub password: String,
    /// `PROXY_REDIS_DB`: the number of the database.
    pub db: String,
    /// `PROXY_REDIS_KEY_PREFIX`: put before every key with a `:`; empty for none.
    pub key_prefix: String,
}

impl Default for Settings {
    fn default() -> Self {
        let (host, port, db) = ("127.0.0.1".to_owned(), PORT.to_string(), "0".to_owned());
        Self { url: None, host, port, password: String::new(), db, key_prefix: String::new() }
    }
}

impl fmt::Debug for Settings {
    /// Without secrets: a URL may hold some.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hidden = |is_set: bool| if is_set { "(set)" } else { "(none)" };
        let mut shown = out.debug_struct("Settings");
        shown.field("url", &hidden(self.url.is_some())).field("host", &self.host).field("port", &self.port);
        shown.field("password", &hidden(!self.password.is_empty())).field("db", &self.db);
        shown.field("key_prefix", &self.key_prefix).finish()
    }
}

/// A setting that cannot be meant. The text never holds the value of a URL or password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{variable}: {flaw}")]
pub struct Wrong {
    /// The variable's name.
    pub variable: &'static str,
    /// What is wrong with it.
    pub flaw: String,
}

/// A host and its port.
pub(super) type Host = (String, u16);

/// The ways of finding the server that takes writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Always the same one.
    One(Host),
    /// The one that sentinels name.
    Sentinel { sentinels: Vec<Host>, master: String },
    /// Many, each with a part of the keys.
    Cluster(Vec<Host>),
}

/// Settings that were understood.
#[derive(Clone, PartialEq, Eq)]
pub struct Target {
    pub(super) place: Place,
    pub(super) tls: bool,
    pub(super) user: Option<String>,
    pub(super) password: Option<String>,
    /// 0 in a cluster, which has no others.
    pub(super) db: u32,
    pub(super) prefix: String,
}

impl fmt::Debug for Target {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = out.debug_struct("Target");
        shown.field("place", &self.to_string()).field("tls", &self.tls).field("db", &self.db);
        shown.field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

/// Where it is, for people: hosts and ports, no more.
impl fmt::Display for Target {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::One(host) => out.write_str(&shown(host)),
            Place::Sentinel { sentinels, master } => write!(out, "{master} of sentinels {}", list(sentinels)),
            Place::Cluster(seeds) => write!(out, "cluster {}", list(seeds)),
        }
    }
}

fn shown((host, port): &Host) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

fn list(hosts: &[Host]) -> String {
    hosts.iter().map(shown).collect::<Vec<_>>().join(",")
}

impl Settings {
    /// Reads and checks all of them.
    ///
    /// # Errors
    /// The first variable that is wrong, by name.
    pub fn parse(&self) -> Result<Target, Wrong> {
        let prefix = in_variable("PROXY_REDIS_KEY_PREFIX", prefix(&self.key_prefix))?;
        let mut target = match self.url.as_deref().filter(|url| !url.is_empty()) {
            Some(url) => in_variable("PROXY_REDIS_URL", from_url(url))?,
            None => {
                let host = in_variable("PROXY_REDIS_HOST", host(&self.host))?;
                let port = in_variable("PROXY_REDIS_PORT", port(&self.port))?;
                let password = Some(self.password.clone()).filter(|password| !password.is_empty());
                let db = in_variable("PROXY_REDIS_DB", db(&self.db))?;
                let place = Place::One((host, port));
                Target { place, tls: false, user: None, password, db, prefix: String::new() }
            }
        };
        target.prefix = prefix;
        Ok(target)
    }
}

type Read<T> = Result<T, String>;

fn in_variable<T>(variable: &'static str, outcome: Read<T>) -> Result<T, Wrong> {
    outcome.map_err(|flaw| Wrong { variable, flaw })
}

fn prefix(text: &str) -> Read<String> {
    if text.len() > MAX_PREFIX {
        return Err(format!("longer than {MAX_PREFIX} bytes"));
    }
    // A brace would decide which server of a cluster holds the keys.
    match text.chars().find(|c| !c.is_ascii_graphic() || matches!(c, '{' | '}')) {
        Some(c) => Err(format!("holds {c:?}; printable ASCII without blanks and braces is allowed")),
        None => Ok(text.to_owned()),
    }
}

fn host(text: &str) -> Read<String> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    if bare.is_empty() {
        return Err("a host is missing".to_owned());
    }
    if bare.contains(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '.' | '-' | '_' | ':' | '%')) {
        return Err("a host is neither an address nor a name".to_owned());
    }
    Ok(bare.to_owned())
}

fn port(text: &str) -> Read<u16> {
    let number = text.parse::<u16>().ok().filter(|port| *port > 0);
    number.ok_or_else(|| "a port is no number from 1 to 65535".to_owned())
}

fn db(text: &str) -> Read<u32> {
    let number = text.parse::<u32>().ok().filter(|db| *db <= MAX_DB);
    number.ok_or_else(|| format!("the database is no number from 0 to {MAX_DB}"))
}

fn from_url(url: &str) -> Read<Target> {
    let (scheme, rest) = url.split_once("://").ok_or("no URL: it begins with redis:// or the like")?;
    if rest.contains(['?', '#']) {
        return Err(
            "holds ? or #: parameters are not known here, and in a password these are %3F and %23".to_owned()
        );
    }
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let (login, hosts) =
        authority.rsplit_once('@').map_or((None, authority), |(login, hosts)| (Some(login), hosts));
    let (user, password) = login.map(from_login).transpose()?.unwrap_or_default();
    let (tls, kind) = match scheme.strip_prefix("rediss") {
        Some(kind) => (true, kind),
        None => (false, scheme.strip_prefix("redis").unwrap_or(scheme)),
    };
    let (place, db) = match kind {
        "" => match from_hosts(hosts, PORT)?.as_slice() {
            [one] => (Place::One(one.clone()), from_path(path)?),
            _ => return Err("several hosts: redis+sentinel:// and redis+cluster:// take those".to_owned()),
        },
        "+sentinel" => {
            let (master, path) = path.split_once('/').unwrap_or((path, ""));
            if master.is_empty() || master.contains(|c: char| !c.is_ascii_graphic()) {
                return Err(
                    "the master's name is missing: redis+sentinel://host:port,host:port/NAME".to_owned()
                );
            }
            let sentinels = from_hosts(hosts, SENTINEL_PORT)?;
            (Place::Sentinel { sentinels, master: master.to_owned() }, from_path(path)?)
        }
        "+cluster" => match path {
            "" | "0" => (Place::Cluster(from_hosts(hosts, PORT)?), 0),
            _ => return Err("a cluster has no databases".to_owned()),
        },
        _ => {
            let known = "redis://, rediss://, redis+sentinel://, rediss+sentinel://, redis+cluster://, rediss+cluster://";
            return Err(format!("the scheme is none of {known}"));
        }
    };
    Ok(Target { place, tls, user, password, db, prefix: String::new() })
}

/// User and password, each escaped by `%`. Without a user the default one is meant.
fn from_login(login: &str) -> Read<(Option<String>, Option<String>)> {
    let (user, password) = login.split_once(':').ok_or("a user without a password: it is user:password@")?;
    let plain = |text| match srs_names::percent_decode(text) {
        Some(text) => Ok(text.into_owned()),
        None => Err("user or password is no UTF-8".to_owned()),
    };
    let filled = |text: String| Some(text).filter(|text| !text.is_empty());
    Ok((filled(plain(user)?), filled(plain(password)?)))
}

fn from_hosts(text: &str, usual_port: u16) -> Read<Vec<Host>> {
    let hosts = text.split(',').map(|part| from_host(part, usual_port)).collect::<Read<Vec<_>>>()?;
    if hosts.len() > MAX_HOSTS {
        return Err(format!("more than {MAX_HOSTS} hosts"));
    }
    Ok(hosts)
}

fn from_host(text: &str, usual_port: u16) -> Read<Host> {
    let (name, number) = match text.rsplit_once(':') {
        Some((name, number)) if !number.ends_with(']') => (name, port(number)?),
        _ => (text, usual_port),
    };
    if name.contains(':') && !name.starts_with('[') {
        return Err("an IPv6 address stands in brackets: [::1]:6379".to_owned());
    }
    Ok((host(name)?, number))
}

fn from_path(path: &str) -> Read<u32> {
    if path.is_empty() { Ok(0) } else { db(path) }
}

#[cfg(test)]
mod tests;
