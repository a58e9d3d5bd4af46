//! From a request to a plan, by ordered rules: OvenMediaEngine's `<Origins>`.
//!
//! A request is `/app/stream`. Rules are tried in order and the first whose location matches wins; what the location left over
//! is put behind the path of each of its URLs, before their query. No clock, no socket: names are resolved by who dials.

mod location;
mod url;

use std::time::Duration;

pub use url::MapError;
pub(crate) use url::{Spot, spelt};

use crate::plan::{Order, Plan, Rules, Scheme, Target};
use crate::remote::{plain_pairs, plain_query};
use location::Rest;

/// URLs of one rule: each may take a few seconds to be found dead.
const MOST_URLS: usize = 64;

/// Rules by which streams of one vhost are found upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OriginMap {
    /// In the order of the configuration, which is the order in which they are tried.
    pub rules: Vec<Rule>,
    /// [`Rules::no_input`] of each plan.
    pub no_input: Duration,
    /// [`Rules::unused`] of each plan.
    pub unused: Duration,
    /// [`Rules::failback`] of the plans of rules that ask for it.
    pub failback_interval: Duration,
}

impl Default for OriginMap {
    /// No rules, and OvenMediaEngine's times.
    fn default() -> Self {
        Self {
            rules: Vec::new(),
            no_input: Duration::from_secs(3),
            unused: Duration::from_secs(60),
            failback_interval: Duration::from_secs(3),
        }
    }
}

/// How a location is compared with a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Matching {
    /// By whole path parts: `/app/a` matches `/app/a` and `/app/a/b`, and not `/app/ab`.
    #[default]
    Segment,
    /// As a plain beginning of the text, which is OvenMediaEngine's way: `/app/a` matches `/app/ab` too.
    String,
}

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// What requests it is for: begins with `/`. One that ends in `/` matches what is below it, and `/` is for all. It may end
    /// in a file (`/app/a.flv`), which is the stream without the extension.
    pub location: String,
    /// How that is compared.
    pub matching: Matching,
    /// The request is the location and nothing more.
    pub strict: bool,
    /// What the viewer said behind the `?` is said upstream too; not the vhost that it named here, which servers of ours and
    /// SRS would take for one of theirs.
    pub forward_query: bool,
    /// [`Rules::persistent`].
    pub persistent: bool,
    /// The first URL is returned to when it can be had again.
    pub failback: bool,
    /// OvenMediaEngine's choice between passing on and encoding anew. It is kept for show: streams are always passed on as
    /// they are.
    pub relay: Option<bool>,
    scheme: Scheme,
    targets: Vec<Target>,
}

/// What becomes of a request that a rule is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mapped {
    /// It is fetched so.
    Plan(Plan),
    /// It would be fetched by a protocol that is not built; in words for the viewer and the log, without addresses.
    NotBuilt(String),
}

impl Rule {
    /// A rule with every switch at its default: matching by segment, the query forwarded.
    ///
    /// `scheme` is in any case; `rtspc` is `rtsp`, as OvenMediaEngine has it. `urls` are `host[:port][/path][?query]`, with IPv6
    /// addresses in brackets; the scheme may stand before, where it is the same. A URL of SRT that has neither path nor `streamid`
    /// is a listener with one stream, which is called without a stream id.
    ///
    /// # Errors
    /// [`MapError`], which names the text that is wrong.
    pub fn new<S: AsRef<str>>(location: &str, scheme: &str, urls: &[S]) -> Result<Rule, MapError> {
        if !location::is_good(location) {
            return Err(MapError::Location(location.to_owned()));
        }
        let scheme = url::scheme(scheme)?;
        if urls.is_empty() {
            return Err(MapError::NoUrls(location.to_owned()));
        }
        if urls.len() > MOST_URLS {
            return Err(MapError::ManyUrls(location.to_owned(), MOST_URLS));
        }
        let targets = urls.iter().map(|text| url::target(text.as_ref(), scheme)).collect::<Result<_, _>>()?;
        Ok(Rule {
            location: location.to_owned(),
            matching: Matching::default(),
            strict: false,
            forward_query: true,
            persistent: false,
            failback: false,
            relay: None,
            scheme,
            targets,
        })
    }

    /// By which protocol it fetches.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// False for one that loads, but whose viewers are refused: worth a warning at the start.
    pub fn is_built(&self) -> bool {
        self.scheme != Scheme::Ovt
    }

    /// Where a stream would be fetched by this rule, whether its protocol is built or not. None when the rule is not for it.
    pub fn targets(&self, app: &str, stream: &str, query: &str) -> Option<Vec<Target>> {
        let request = format!("/{app}/{stream}");
        let rest = location::rest(&self.location, self.matching, self.strict, &request)?;
        Some(self.targets.iter().map(|target| self.mapped(target, &rest, query)).collect())
    }

    fn mapped(&self, target: &Target, rest: &Rest<'_>, query: &str) -> Target {
        let mut mapped = target.clone();
        append(&mut mapped, rest);
        let query = match target.scheme {
            _ if !self.forward_query => String::new(),
            Scheme::Rtmp | Scheme::Http | Scheme::Https => plain_query(query),
            Scheme::Srt => plain_pairs(query),
            Scheme::Rtsp | Scheme::Ovt => query.strip_prefix('?').unwrap_or(query).to_owned(),
        };
        if !query.is_empty() {
            if !mapped.query.is_empty() && !mapped.query.ends_with('&') {
                mapped.query.push('&');
            }
            mapped.query.push_str(&spelt(&query, target.scheme, Spot::Query));
        }
        mapped
    }
}

/// Puts the rest of a request behind a configured path, with exactly one slash where two parts of a path meet.
fn append(target: &mut Target, rest: &Rest<'_>) {
    let rest = match rest {
        Rest::Parts(rest) | Rest::Text(rest) if rest.is_empty() => return,
        Rest::Parts(rest) => {
            if !target.path.ends_with('/') {
                target.path.push('/');
            }
            rest
        }
        Rest::Text(rest) => rest,
    };
    target.path.push_str(&spelt(rest, target.scheme, Spot::Path));
    // A stream's name upstream is the file of that name there. A path that is configured in full is meant as it is.
    if matches!(target.scheme, Scheme::Http | Scheme::Https) && !rest.ends_with(".flv") {
        target.path.push_str(".flv");
    }
}

impl OriginMap {
    /// How a stream is fetched, by the first rule that is for it; None when none is. `app` may have several levels; `query` is
    /// what the viewer said behind the `?`.
    pub fn plan(&self, app: &str, stream: &str, query: &str) -> Option<Mapped> {
        let (rule, targets) = self
            .rules
            .iter()
            .find_map(|rule| rule.targets(app, stream, query).map(|targets| (rule, targets)))?;
        if !rule.is_built() {
            let name = rule.scheme.name();
            return Some(Mapped::NotBuilt(format!("origin_map {}: {name} is not built yet", rule.location)));
        }
        let rules = Rules {
            order: Order::Listed,
            no_input: self.no_input,
            unused: self.unused,
            persistent: rule.persistent,
            failback: rule.failback.then_some(self.failback_interval),
        };
        Some(Mapped::Plan(Plan { targets, rules }))
    }
}

#[cfg(test)]
mod tests;
