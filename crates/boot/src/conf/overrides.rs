//! `SRS_*` variables, each the path of a directive in capitals: `SRS_HTTP_API_LISTEN` is `http_api { listen }`, and
//! `SRS_VHOST_PLAY_MW_LATENCY` holds for every vhost. A variable wins over the file; an empty one is not set.

use std::collections::BTreeMap;

use super::schema::{GLOBAL, Label, Rule, Shape};
use super::{Directive, Position, Problem};
use crate::env::Vars;
use crate::nearest::nearest;

/// Variables of this prefix that are no directive: read by the role itself.
const OTHERS: &[&str] = &["SRS_ENV_ONLY", "SRS_CONFIG_FILE", "SRS_DEVICE_IP"];

/// The vhost that serves every host without one of its own.
pub const DEFAULT_VHOST: &str = "__defaultVhost__";

/// Lays the variables over the directives, making blocks where they are missing, and returns a warning for each
/// variable that names no directive. The directives must have gone through [`super::modernise`]. Values are checked with the file's, by [`super::schema::check`].
pub fn apply(directives: &mut Vec<Directive>, vars: &Vars) -> Vec<Problem> {
    let names = names();
    let mut warnings = Vec::new();
    for (name, value) in vars.iter().filter(|(name, value)| name.starts_with("SRS_") && !value.is_empty()) {
        if OTHERS.contains(&name.as_str()) {
            continue;
        }
        let at = Position { file: format!("environment variable {name}").into(), line: 0 };
        match names.get(name.as_str()) {
            Some(path) => set(directives, path, value, &at),
            None => {
                let known = names.keys().map(String::as_str).chain(OTHERS.iter().copied());
                let text = match nearest(name, known) {
                    Some(near) => format!("no such setting; did you mean {near}?"),
                    None => "no such setting".to_owned(),
                };
                warnings.push(Problem { at, text });
            }
        }
    }
    warnings
}

/// Every variable with the path it sets.
fn names() -> BTreeMap<String, Vec<&'static Rule>> {
    let mut names = BTreeMap::new();
    collect(GLOBAL, &mut Vec::new(), &mut names);
    // One setting in two spellings: modern files have it in `rtmp { }`.
    for (short, long) in [("SRS_LISTEN", "SRS_RTMP_LISTEN"), ("SRS_CHUNK_SIZE", "SRS_RTMP_CHUNK_SIZE")] {
        if let Some(path) = names.get(long).cloned() {
            names.insert(short.to_owned(), path);
        }
    }
    names
}

fn collect(
    rules: &'static [Rule],
    path: &mut Vec<&'static Rule>,
    names: &mut BTreeMap<String, Vec<&'static Rule>>,
) {
    for rule in rules {
        // Of blocks that may stand many times only vhosts can be meant all together.
        if rule.many && rule.name != "vhost" {
            continue;
        }
        path.push(rule);
        match rule.shape {
            Shape::Block(_, inner) | Shape::Either(inner) => collect(inner, path, names),
            _ => {
                let words: Vec<String> = path.iter().map(|rule| rule.name.to_ascii_uppercase()).collect();
                let name = format!("SRS_{}", words.join("_"));
                // SRS takes SRS_LOG_TANK for SRS_SRS_LOG_TANK too.
                if let Some(short) = name.strip_prefix("SRS_SRS_") {
                    names.insert(format!("SRS_{short}"), path.clone());
                }
                names.insert(name, path.clone());
            }
        }
        path.pop();
    }
}

fn set(directives: &mut Vec<Directive>, path: &[&'static Rule], value: &str, at: &Position) {
    let Some((rule, rest)) = path.split_first() else { return };
    if rest.is_empty() {
        let args = match rule.shape {
            Shape::Listens | Shape::Urls | Shape::Any => {
                value.split_whitespace().map(str::to_owned).collect()
            }
            _ => vec![value.to_owned()],
        };
        directives.retain(|known| known.name != rule.name);
        directives.push(made(rule.name, args, None, at));
        return;
    }
    if !directives.iter().any(|known| known.name == rule.name) {
        let label = match rule.shape {
            Shape::Block(Label::Required, _) => vec![DEFAULT_VHOST.to_owned()],
            _ => Vec::new(),
        };
        directives.push(made(rule.name, label, Some(Vec::new()), at));
    }
    for known in directives.iter_mut().filter(|known| known.name == rule.name) {
        set(known.block.get_or_insert_default(), rest, value, at);
    }
}

fn made(name: &str, args: Vec<String>, block: Option<Vec<Directive>>, at: &Position) -> Directive {
    Directive { name: name.to_owned(), args, block, file: at.file.clone(), line: at.line }
}

#[cfg(test)]
mod tests;
