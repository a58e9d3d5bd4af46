//! Command lines and URLs: `--key value`, `--flag`, plain words. Unknown keys are errors, a typo must not change a run.

use std::net::{SocketAddr, ToSocketAddrs};
use std::str::FromStr;

use crate::Outcome;

/// The parsed command line of one subcommand.
pub struct Args {
    options: Vec<(String, String)>,
    flags: Vec<String>,
    words: Vec<String>,
}

impl Args {
    /// Reads `words`; `options` take a value and may repeat, `flags` do not.
    pub fn parse(words: Vec<String>, options: &[&str], flags: &[&str]) -> Outcome<Self> {
        let mut args = Self { options: Vec::new(), flags: Vec::new(), words: Vec::new() };
        let mut words = words.into_iter();
        while let Some(word) = words.next() {
            let Some(name) = word.strip_prefix("--") else {
                args.words.push(word);
                continue;
            };
            if flags.contains(&name) {
                args.flags.push(name.to_owned());
            } else if options.contains(&name) {
                let value = words.next().ok_or_else(|| format!("--{name} needs a value"))?;
                args.options.push((name.to_owned(), value));
            } else {
                return Err(format!("no option --{name}; see --help").into());
            }
        }
        Ok(args)
    }

    /// The last value given for `name`.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.options.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The value of `name`, or an error that names the option.
    pub fn need(&self, name: &str) -> Outcome<&str> {
        self.text(name).ok_or_else(|| format!("--{name} is needed").into())
    }

    /// The value of `name` as a number, or `default` when it is not given.
    pub fn number<T: FromStr>(&self, name: &str, default: T) -> Outcome<T> {
        Ok(self.maybe(name)?.unwrap_or(default))
    }

    /// The value of `name` as a number when it is given.
    pub fn maybe<T: FromStr>(&self, name: &str) -> Outcome<Option<T>> {
        let Some(text) = self.text(name) else { return Ok(None) };
        text.parse().map(Some).map_err(|_| format!("--{name}: {text:?} is no number that fits").into())
    }

    /// All values of a repeated option, each of which may itself be a comma-separated list.
    pub fn all<'a>(&'a self, name: &'a str) -> Vec<&'a str> {
        self.given(name).flat_map(|value| value.split(',')).filter(|value| !value.is_empty()).collect()
    }

    /// All values of a repeated option as they were written.
    pub fn given<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.options.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Process ids given by `--server-pid`.
    pub fn pids(&self) -> Outcome<Vec<u32>> {
        let parse =
            |text: &str| text.parse().map_err(|_| format!("--server-pid: {text:?} is no process id").into());
        self.all("server-pid").into_iter().map(parse).collect()
    }

    /// Whether the flag was given.
    pub fn flag(&self, name: &str) -> bool {
        self.flags.iter().any(|flag| flag == name)
    }

    /// The words that belong to no option.
    pub fn words(&self) -> &[String] {
        &self.words
    }
}

/// Where a stream is: enough of a URL for both protocols.
#[derive(Clone, Debug)]
pub struct Url {
    /// Whether this is HTTP-FLV; else RTMP.
    pub http: bool,
    /// `host:port` as written, for `Host` and `tcUrl`.
    pub authority: String,
    /// Everything between the host and the last path part.
    pub app: String,
    /// The last path part without `.flv`.
    pub stream: String,
    /// The query with its question mark, or nothing.
    pub query: String,
}

impl Url {
    /// Reads `rtmp://host[:port]/app/stream[?query]` or `http://host[:port]/app/stream.flv[?query]`.
    pub fn parse(text: &str) -> Outcome<Self> {
        let wrong = || format!("{text:?} is neither rtmp://host/app/stream nor http://host/app/stream.flv");
        let (scheme, rest) = text.split_once("://").ok_or_else(wrong)?;
        let http = match scheme {
            "rtmp" => false,
            "http" => true,
            _ => return Err(wrong().into()),
        };
        let (rest, query) = match rest.split_once('?') {
            Some((rest, query)) => (rest, format!("?{query}")),
            None => (rest, String::new()),
        };
        let (authority, path) = rest.split_once('/').ok_or_else(wrong)?;
        let (app, stream) = path.rsplit_once('/').ok_or_else(wrong)?;
        let stream = if http { stream.strip_suffix(".flv").ok_or_else(wrong)? } else { stream };
        let port = if http { 80 } else { 1935 };
        let authority =
            if authority.contains(':') { authority.to_owned() } else { format!("{authority}:{port}") };
        Ok(Self { http, authority, app: app.to_owned(), stream: stream.to_owned(), query })
    }

    /// The address to dial; the first one that the name resolves to.
    pub fn address(&self) -> Outcome<SocketAddr> {
        let mut found = self.authority.to_socket_addrs()?;
        found.next().ok_or_else(|| format!("{} has no address", self.authority).into())
    }

    /// The name of stream `index` of `count`: the bare name when there is one only.
    pub fn name(&self, index: usize, count: usize) -> String {
        if count <= 1 { self.stream.clone() } else { format!("{}-{}", self.stream, index % count) }
    }
}

// By its path, because an example has this file too.
#[cfg(test)]
#[path = "args/tests.rs"]
mod tests;
