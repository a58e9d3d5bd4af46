use std::collections::BTreeMap;

use srs_boot::conf::overrides::{self, DEFAULT_VHOST};
use srs_boot::conf::{self, Directive, Problem, Section, modernise, schema};
use srs_boot::env::Vars;
use srs_boot::log::{Level, Tank};
use srs_boot::value::Unit;
use srs_boot::{Expected, Secret, ids};

use crate::Role;

use super::{
    Cluster, Config, Exporter, Heartbeat, Hls, HttpApi, HttpRemux, HttpServer, Log, Rtc, Rtmp, Srt, Vhost,
    VhostRtc, VhostSrt, fetch, streams,
};

/// A configuration and what is worth telling about it.
#[derive(Debug)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// Directives that do nothing, old spellings, mistyped variables.
    pub warnings: Vec<Problem>,
}

/// Reads the directives of a file, lays the `SRS_*` variables over them and checks all.
pub fn from_directives(mut directives: Vec<Directive>, vars: &Vars) -> Result<Loaded, conf::Error> {
    let mut warnings = modernise(&mut directives);
    warnings.extend(overrides::apply(&mut directives, vars));
    warnings.extend(schema::check(&directives)?);
    let top = Section::new(&directives);
    let mut config =
        config(top, vars, &mut warnings).map_err(|problem| conf::Error::Invalid(vec![problem]))?;
    config.device_ip = vars.get("SRS_DEVICE_IP").filter(|ip| !ip.is_empty()).cloned();
    Ok(Loaded { config, warnings })
}

fn config(top: Section<'_>, vars: &Vars, warnings: &mut Vec<Problem>) -> Result<Config, Problem> {
    let default = Config::default();
    if top.switch("daemon")? == Some(true) {
        warnings.push(
            top.problem("daemon", "the process stays in the foreground; let a service manager start it"),
        );
    }
    let vhosts = top.blocks("vhost").map(|(name, section)| Ok((name.to_owned(), vhost(section)?)));
    let vhosts: BTreeMap<String, Vhost> = vhosts.collect::<Result<_, Problem>>()?;
    for (name, vhost) in top.blocks("vhost") {
        warnings.extend(VhostSrt::warning(vhost.block("srt"))?);
        warnings.extend(VhostRtc::warnings(vhost.block("rtc"))?);
        let rules = vhosts.get(name).and_then(|vhost| vhost.origin_map.as_ref()).map(|map| map.rules.iter());
        for rule in rules.into_iter().flatten().filter(|rule| !rule.is_built()) {
            let text = format!(
                "`origin {}` fetches by {}, which is not built yet",
                rule.location,
                rule.scheme().name()
            );
            warnings.push(vhost.problem("origin_map", text));
        }
    }
    Ok(Config {
        role: Role::Origin,
        max_connections: top.number("max_connections")?.unwrap_or(default.max_connections),
        pid: top.text("pid").map_or(default.pid, Into::into),
        work_dir: top.text("work_dir").map_or(default.work_dir, Into::into),
        server_id: top.read("server_id", server_id)?,
        cluster_secret: top.text("cluster_secret").map(Secret::new),
        grace_final_wait: top.time("grace_final_wait", Unit::Millis)?.unwrap_or(default.grace_final_wait),
        shards: top.shards("shards")?.unwrap_or_default(),
        device_ip: None,
        log: log(top)?,
        rtmp: rtmp(top.block("rtmp"))?,
        http_server: http_server(top.block("http_server"))?,
        http_api: http_api(top.block("http_api"))?,
        srt: Srt::read(top.block("srt_server"))?,
        rtc: Rtc::read(top.block("rtc_server"), vars)?,
        exporter: exporter(top.block("exporter"))?,
        heartbeat: heartbeat(top.block("heartbeat"))?,
        vhosts,
    })
}

/// With neither file nor vhost in the environment there is one vhost for every host, as in SRS.
pub(super) fn with_default_vhost(loaded: &mut Loaded) {
    if loaded.config.vhosts.is_empty() {
        loaded.config.vhosts.insert(DEFAULT_VHOST.to_owned(), Vhost::default());
    }
}

fn server_id(text: &str) -> Result<String, Expected> {
    if ids::is_id(text) {
        Ok(text.to_owned())
    } else {
        Err(Expected("at most 64 letters, digits and - _ .".into()))
    }
}

fn log(top: Section<'_>) -> Result<Log, Problem> {
    let default = Log::default();
    let console = top.text("srs_log_tank") == Some("console");
    let tank = match top.text("srs_log_file") {
        _ if console => Tank::Console,
        Some(file) => Tank::File(file.into()),
        None => default.tank,
    };
    let known = |level: Option<Level>| level.ok_or(Expected("a level".into()));
    let level = match top.read("srs_log_level_v2", |word| known(Level::from_name(word)))? {
        Some(level) => Some(level),
        None => top.read("srs_log_level", |word| known(Level::from_srs(word)))?,
    };
    Ok(Log { tank, level: level.unwrap_or(default.level) })
}

fn rtmp(section: Section<'_>) -> Result<Rtmp, Problem> {
    let default = Rtmp::default();
    Ok(Rtmp {
        listen: section.listens("listen")?.unwrap_or(default.listen),
        chunk_size: section.number("chunk_size")?.unwrap_or(default.chunk_size),
    })
}

fn http_server(section: Section<'_>) -> Result<HttpServer, Problem> {
    let default = HttpServer::default();
    Ok(HttpServer {
        enabled: section.switch("enabled")?.unwrap_or(default.enabled),
        listen: section.listens("listen")?.unwrap_or(default.listen),
        dir: section.text("dir").map_or(default.dir, Into::into),
        crossdomain: section.switch("crossdomain")?.unwrap_or(default.crossdomain),
    })
}

fn http_api(section: Section<'_>) -> Result<HttpApi, Problem> {
    let default = HttpApi::default();
    Ok(HttpApi {
        enabled: section.switch("enabled")?.unwrap_or(default.enabled),
        listen: section.listens("listen")?.unwrap_or(default.listen),
        crossdomain: section.switch("crossdomain")?.unwrap_or(default.crossdomain),
    })
}

fn exporter(section: Section<'_>) -> Result<Exporter, Problem> {
    let default = Exporter::default();
    Ok(Exporter {
        enabled: section.switch("enabled")?.unwrap_or(default.enabled),
        listen: section.listens("listen")?.unwrap_or(default.listen),
        label: section.text("label").map_or(default.label, str::to_owned),
        tag: section.text("tag").map_or(default.tag, str::to_owned),
    })
}

fn heartbeat(section: Section<'_>) -> Result<Heartbeat, Problem> {
    let default = Heartbeat::default();
    let auth = section.block("auth");
    let token = auth.text("token").map(Secret::new);
    let authenticates = auth.switch("enabled")?.unwrap_or(false);
    if authenticates && token.is_none() {
        return Err(auth.problem("enabled", "heartbeat auth is on but has no `token`"));
    }
    Ok(Heartbeat {
        enabled: section.switch("enabled")?.unwrap_or(default.enabled),
        interval: section.time("interval", Unit::Seconds)?.unwrap_or(default.interval),
        urls: section.list("url", http_url)?.unwrap_or(default.urls),
        device_id: section.text("device_id").map_or(default.device_id, str::to_owned),
        ports: section.switch("ports")?.unwrap_or(default.ports),
        token: token.filter(|_| authenticates),
    })
}

fn http_url(text: &str) -> Result<String, Expected> {
    match text.strip_prefix("http://") {
        Some(rest) if !rest.is_empty() && !rest.starts_with('/') => Ok(text.to_owned()),
        _ => Err(Expected("a URL that begins with http:// and a host".into())),
    }
}

fn vhost(section: Section<'_>) -> Result<Vhost, Problem> {
    let default = Vhost::default();
    let min_latency = section.switch("min_latency")?.unwrap_or(default.min_latency);
    Ok(Vhost {
        enabled: section.switch("enabled")?.unwrap_or(default.enabled),
        chunk_size: section.number("chunk_size")?,
        cluster: Cluster::read(section.block("cluster"))?,
        origin_map: fetch::origin_map(section)?,
        origin_map_store: fetch::store(section)?,
        applications: fetch::applications(section)?,
        play_from_cluster: section.text("play_from") == Some("cluster"),
        min_latency,
        http_remux: http_remux(section.block("http_remux"))?,
        hls: Hls::read(section.block("hls"))?,
        srt: VhostSrt::read(section.block("srt"))?,
        rtc: VhostRtc::read(section.block("rtc"))?,
        play: streams::play(section.block("play"))?,
        publish: streams::publish(section.block("publish"))?,
    })
}

fn http_remux(section: Section<'_>) -> Result<HttpRemux, Problem> {
    let default = HttpRemux::default();
    Ok(HttpRemux {
        enabled: section.switch("enabled")?.unwrap_or(default.enabled),
        mount: section.read("mount", mount)?.unwrap_or(default.mount),
    })
}

/// SRS's own layout, with or without the vhost; others would need a table of paths that nobody has asked for.
fn mount(text: &str) -> Result<String, Expected> {
    const FORMATS: [&str; 4] = ["flv", "ts", "aac", "mp3"];
    let path = text.strip_prefix("[vhost]").unwrap_or(text);
    match path.strip_prefix("/[app]/[stream].") {
        Some(format) if FORMATS.contains(&format) => Ok(text.to_owned()),
        _ => Err(Expected("[vhost]/[app]/[stream] with .flv, .ts, .aac or .mp3 behind".into())),
    }
}
