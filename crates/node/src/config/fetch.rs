//! `origin_map { }`, `origin_map_store { }` and `application NAME { }`: where streams are that are fetched by name.

use srs_boot::conf::{Problem, Section};
use srs_boot::value::Unit;
use srs_boot::{Expected, Secret};
use srs_pull::apps::Template;
use srs_pull::map::{Matching, OriginMap, Rule};
use srs_pull::store::Settings;

/// A Redis in which origins say what they have.
#[derive(Clone, Debug, PartialEq)]
pub struct Store {
    /// `redis`: a host with a port, or a URL.
    pub redis: String,
    /// `auth`: its password. None.
    pub auth: Option<Secret>,
    /// `origin_host_name`: under which name edges find this node. None: it only looks there.
    pub origin_host_name: Option<String>,
    /// `compatible`: whether keys are OvenMediaEngine's. Off.
    pub compatible: bool,
}

/// The rules, where there are any.
pub(super) fn origin_map(vhost: Section<'_>) -> Result<Option<OriginMap>, Problem> {
    let Some((_, section)) = vhost.blocks("origin_map").next() else { return Ok(None) };
    let default = OriginMap::default();
    let time = |name: &str| section.time(name, Unit::Millis);
    let rules = section.blocks("origin").map(|(location, section)| rule(location, section));
    Ok(Some(OriginMap {
        rules: rules.collect::<Result<_, _>>()?,
        no_input: time("no_input_failover_timeout")?.unwrap_or(default.no_input),
        unused: time("unused_stream_deletion_timeout")?.unwrap_or(default.unused),
        failback_interval: time("stream_failback_timeout")?.unwrap_or(default.failback_interval),
    }))
}

fn rule(location: &str, section: Section<'_>) -> Result<Rule, Problem> {
    let pass = section.block("pass");
    let urls = pass.list("urls", |url| Ok(url.to_owned()))?.unwrap_or_default();
    let Some(scheme) = pass.text("scheme") else {
        return Err(
            section.problem("pass", format!("`origin {location}` needs `pass {{ scheme …; urls …; }}`"))
        );
    };
    let mut rule =
        Rule::new(location, scheme, &urls).map_err(|error| pass.problem("urls", error.to_string()))?;
    // One generation of OvenMediaEngine's documentation has it here, its code there.
    let forward_query = pass.switch("forward_query_params")?.or(section.switch("forward_query_params")?);
    if section.text("location_match") == Some("string") {
        rule.matching = Matching::String;
    }
    rule.strict = section.switch("strict_location")?.unwrap_or(rule.strict);
    rule.forward_query = forward_query.unwrap_or(rule.forward_query);
    rule.persistent = section.switch("persistent")?.unwrap_or(rule.persistent);
    rule.failback = section.switch("failback")?.unwrap_or(rule.failback);
    rule.relay = section.switch("relay")?;
    Ok(rule)
}

/// The store, where there is one.
pub(super) fn store(vhost: Section<'_>) -> Result<Option<Store>, Problem> {
    let Some((_, section)) = vhost.blocks("origin_map_store").next() else { return Ok(None) };
    let Some(redis) = section.text("redis") else {
        return Err(vhost.problem("origin_map_store", "`origin_map_store` needs `redis HOST:PORT`"));
    };
    let store = Store {
        redis: redis.to_owned(),
        auth: section.text("auth").map(Secret::new),
        origin_host_name: section.text("origin_host_name").map(str::to_owned),
        compatible: section.switch("compatible")?.unwrap_or(false),
    };
    store.settings().check().map_err(|wrong| section.problem("redis", wrong.to_string()))?;
    Ok(Some(store))
}

impl Store {
    /// As it is opened.
    pub(crate) fn settings(&self) -> Settings {
        Settings {
            redis: self.redis.clone(),
            auth: self.auth.as_ref().map(|auth| auth.expose().to_owned()),
            origin_host_name: self.origin_host_name.clone(),
            compatible: self.compatible,
        }
    }
}

/// The applications that are configured.
pub(super) fn applications(vhost: Section<'_>) -> Result<Vec<Template>, Problem> {
    let read = |(name, section): (&str, Section<'_>)| {
        let words = section.list("providers", Ok::<_, Expected>)?.unwrap_or_default();
        Template::new(name, &words).map_err(|error| section.problem("providers", error.to_string()))
    };
    vhost.blocks("application").map(read).collect()
}
