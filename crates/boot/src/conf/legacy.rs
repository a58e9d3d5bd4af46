use super::{Directive, Problem};

/// Directives that SRS 1 and 2 had in `vhost` and later moved into `play`.
const INTO_PLAY: &[&str] = &[
    "time_jitter",
    "mix_correct",
    "atc",
    "atc_auto",
    "mw_latency",
    "gop_cache",
    "gop_cache_max_frames",
    "queue_length",
    "send_min_interval",
    "reduce_sequence_header",
];

/// Directives that moved into `publish`, with their present names.
const INTO_PUBLISH: &[(&str, &str)] =
    &[("publish_1stpkt_timeout", "firstpkt_timeout"), ("publish_normal_timeout", "normal_timeout")];

/// Directives that moved into `cluster`.
const INTO_CLUSTER: &[&str] = &["mode", "origin", "token_traverse", "vhost", "debug_srs_upnode"];

/// Rewrites the spellings of old SRS versions that SRS itself still takes, with a note for each. A top-level `listen`
/// or `chunk_size` moves into `rtmp { }` in silence, as nearly every file is written so.
pub fn modernise(directives: &mut Vec<Directive>) -> Vec<Problem> {
    let mut notes = Vec::new();
    for name in ["listen", "chunk_size"] {
        for directive in directives.extract_if(.., |known| known.name == name).collect::<Vec<_>>() {
            settle("rtmp", directive, directives);
        }
    }
    for directive in directives.iter_mut() {
        match directive.name.as_str() {
            "http_stream" => rename(directive, "http_server", &mut notes),
            "vhost" => vhost(directive, &mut notes),
            _ => {}
        }
    }
    notes
}

fn vhost(vhost: &mut Directive, notes: &mut Vec<Problem>) {
    let Some(block) = vhost.block.take() else { return };
    let mut kept: Vec<Directive> = Vec::with_capacity(block.len());
    let mut moved: Vec<(&'static str, Directive)> = Vec::new();
    for mut directive in block {
        let publish = INTO_PUBLISH.iter().find(|(old, _)| *old == directive.name);
        if directive.name == "http" {
            rename(&mut directive, "http_static", notes);
            kept.push(directive);
        } else if INTO_PLAY.contains(&directive.name.as_str()) {
            moved.push(("play", directive));
        } else if let Some((_, new)) = publish {
            rename(&mut directive, new, notes);
            moved.push(("publish", directive));
        } else if INTO_CLUSTER.contains(&directive.name.as_str()) {
            moved.push(("cluster", directive));
        } else if directive.name == "mr" && directive.block.is_some() {
            for (old, new) in [("enabled", "mr"), ("latency", "mr_latency")] {
                if let Some(child) = directive.children().iter().find(|child| child.name == old) {
                    moved.push(("publish", Directive { name: new.to_owned(), ..child.clone() }));
                }
            }
        } else {
            kept.push(directive);
        }
    }
    for (home, directive) in moved {
        let text = format!("the place of `{}` is now `{home} {{ }}`", directive.name);
        notes.push(Problem { at: directive.at(), text });
        settle(home, directive, &mut kept);
    }
    vhost.block = Some(kept);
}

/// Puts the directive into the block of that name, which is made if it is not there.
fn settle(home: &str, directive: Directive, among: &mut Vec<Directive>) {
    match among.iter_mut().find(|known| known.name == home) {
        Some(Directive { block: Some(block), .. }) => block.push(directive),
        _ => among.push(Directive {
            name: home.to_owned(),
            args: Vec::new(),
            file: directive.file.clone(),
            line: directive.line,
            block: Some(vec![directive]),
        }),
    }
}

fn rename(directive: &mut Directive, new: &str, notes: &mut Vec<Problem>) {
    let text = format!("`{}` is now called `{new}`", directive.name);
    notes.push(Problem { at: directive.at(), text });
    directive.name = new.to_owned();
}
