//! The directives that SRS knows, the block each stands in, and which of them this project has built.
//!
//! An unknown or misplaced directive, a repeated one and a wrong value are errors with their place; a directive that
//! SRS has and this project has not built yet is a warning, so that SRS's own files load. One kind is refused when it
//! is switched on: rules that keep clients out (`security`, `refer`, `http_api.auth`, deciding hooks). A server that
//! reads them and lets everyone in would be worse than one that does not start.

use std::collections::BTreeMap;

use super::{Directive, Error, Problem};
use crate::nearest::nearest;
use crate::value::{self, Expected, Listen, Shards, Unit};

mod external;
mod fetch;
mod rtc;
mod table;

pub use table::GLOBAL;

/// One directive as the table knows it.
#[derive(Debug)]
pub struct Rule {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub shape: Shape,
    /// Whether it does something here.
    pub status: Status,
    /// Whether it may stand more than once in its block.
    pub many: bool,
}

/// What a directive holds.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    /// `on` or `off`.
    Switch,
    /// A whole number between two bounds, both included.
    Number(u64, u64),
    /// A time; a bare number is in this unit.
    Time(Unit),
    /// A time that may not be zero.
    Period(Unit),
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// One word or quoted text.
    Text,
    /// One word that no log or report may show.
    Secret,
    /// One or more `port`, `ip:port`.
    Listens,
    /// One or more addresses with a scheme.
    Urls,
    /// One or more words.
    Words,
    /// `auto` or a number.
    Shards,
    /// Anything; the directive is not read.
    Any,
    /// A block of directives.
    Block(Label, &'static [Rule]),
    /// A block, or values in the spelling of SRS 1 and 2.
    Either(&'static [Rule]),
}

/// What stands between a block's name and its brace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Label {
    /// Nothing.
    None,
    /// One name, not used twice.
    Required,
    /// Whatever SRS allows there.
    Any,
}

/// Whether a directive does something here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It does.
    Built,
    /// Known from SRS; warned about when it is asked for.
    Later,
    /// Known from SRS, keeps clients out, not built: refused when it is switched on.
    Guard,
}

/// Checks a whole file. Returns what is worth telling; the error lists everything wrong, not the first thing only.
pub fn check(directives: &[Directive]) -> Result<Vec<Problem>, Error> {
    let mut check = Check { errors: Vec::new(), warnings: Vec::new() };
    check.block(directives, GLOBAL, "the top level", true);
    if check.errors.is_empty() { Ok(check.warnings) } else { Err(Error::Invalid(check.errors)) }
}

struct Check {
    errors: Vec<Problem>,
    warnings: Vec<Problem>,
}

impl Check {
    fn block(&mut self, directives: &[Directive], rules: &'static [Rule], place: &str, telling: bool) {
        let mut seen: BTreeMap<(&str, &str), &Directive> = BTreeMap::new();
        for directive in directives {
            let Some(rule) = rules.iter().find(|rule| rule.name == directive.name) else {
                self.errors.push(problem(directive, unknown(&directive.name, rules, place)));
                continue;
            };
            let key = match rule.shape {
                Shape::Block(Label::Required, _) => directive.arg().unwrap_or_default(),
                _ => "",
            };
            let labelled = !key.is_empty();
            if (!rule.many || labelled)
                && let Some(first) = seen.insert((rule.name, key), directive)
            {
                let name = if labelled { format!("{} {key}", rule.name) } else { rule.name.to_owned() };
                self.errors.push(problem(directive, format!("`{name}` is already set at {}", first.at())));
            }
            self.one(directive, rule, telling);
        }
    }

    fn one(&mut self, directive: &Directive, rule: &'static Rule, telling: bool) {
        let wanted = asked_for(directive, rule);
        match rule.status {
            Status::Guard if wanted => self.errors.push(problem(directive, guarded(rule))),
            Status::Later if telling && wanted => {
                let text = format!("`{}` is known from SRS but not built yet; it does nothing", rule.name);
                self.warnings.push(problem(directive, text));
            }
            _ => {}
        }
        let telling = telling && rule.status == Status::Built;
        match rule.shape {
            Shape::Block(label, rules) => {
                if let Err(text) = braces(directive, label) {
                    self.errors.push(problem(directive, text));
                } else {
                    self.block(directive.children(), rules, &format!("`{}`", rule.name), telling);
                }
            }
            Shape::Either(rules) if directive.block.is_some() => {
                self.block(directive.children(), rules, &format!("`{}`", rule.name), telling);
            }
            Shape::Any | Shape::Either(_) => {}
            shape => {
                if let Err(text) = values(directive, shape) {
                    self.errors.push(problem(directive, text));
                }
            }
        }
    }
}

/// A block with an `enabled` switch asks for nothing until that is on, as in SRS.
fn asked_for(directive: &Directive, rule: &Rule) -> bool {
    let rules = match rule.shape {
        Shape::Block(_, rules) => rules,
        Shape::Either(rules) if directive.block.is_some() => rules,
        _ => return true,
    };
    if !rules.iter().any(|rule| rule.name == "enabled") {
        return true;
    }
    let enabled = directive.children().iter().find(|child| child.name == "enabled");
    enabled.is_some_and(|enabled| enabled.arg() != Some("off"))
}

fn guarded(rule: &Rule) -> String {
    format!(
        "`{}` keeps clients out and is not built yet: with it ignored everyone would be let in. \
         Remove it or switch it off to start without it",
        rule.name
    )
}

fn braces(directive: &Directive, label: Label) -> Result<(), String> {
    let name = &directive.name;
    if directive.block.is_none() {
        let label = if label == Label::Required { " NAME" } else { "" };
        return Err(format!("expected a block: `{name}{label} {{ … }}`"));
    }
    match (label, directive.args.len()) {
        (Label::None, 0) | (Label::Required, 1) | (Label::Any, _) => Ok(()),
        (Label::None, _) => Err(format!("expected nothing between `{name}` and {{")),
        (Label::Required, _) => Err(format!("expected one name between `{name}` and {{")),
    }
}

fn values(directive: &Directive, shape: Shape) -> Result<(), String> {
    let name = &directive.name;
    if directive.block.is_some() {
        return Err(format!("`{name}` takes a value, not a block"));
    }
    let list = matches!(shape, Shape::Listens | Shape::Urls | Shape::Words);
    // A directive's name among the values is the next line, taken in by a forgotten semicolon.
    let value = |(place, arg): (usize, &str)| (place == 0 || list) && allowed(shape, arg).is_ok();
    let mut words = directive.args.iter().map(String::as_str).enumerate();
    if let Some((_, next)) = words.find(|word| !value(*word) && !homes(word.1).is_empty()) {
        return Err(format!("expected ; after `{name}` before `{next}`"));
    }
    if directive.args.is_empty() || (!list && directive.args.len() > 1) {
        let count = if list { "one value or more" } else { "one value" };
        return Err(format!("`{name}` takes {count}, not {}", directive.args.len()));
    }
    for arg in &directive.args {
        allowed(shape, arg).map_err(|expected| refused(name, arg, shape, &expected))?;
    }
    Ok(())
}

fn allowed(shape: Shape, arg: &str) -> Result<(), Expected> {
    match shape {
        Shape::Switch => value::switch(arg).map(drop),
        Shape::Number(min, max) => value::number(arg, min, max).map(drop),
        Shape::Time(unit) => value::duration(arg, unit).map(drop),
        Shape::Period(unit) => match value::duration(arg, unit)? {
            time if time.is_zero() => Err(Expected::fixed("a time above zero")),
            _ => Ok(()),
        },
        Shape::OneOf(words) if words.contains(&arg) => Ok(()),
        Shape::OneOf(words) => Err(Expected(words.join(", ").into())),
        Shape::Listens => Listen::parse(arg).map(drop),
        Shape::Urls if !arg.contains("://") => Err(Expected::fixed("a URL")),
        Shape::Shards => Shards::parse(arg).map(drop),
        Shape::Text | Shape::Words | Shape::Secret if arg.is_empty() => {
            Err(Expected::fixed("a text that is not empty"))
        }
        _ => Ok(()),
    }
}

fn refused(name: &str, arg: &str, shape: Shape, expected: &Expected) -> String {
    let shown = if matches!(shape, Shape::Secret) { value::MASK } else { arg };
    format!("`{name} {shown}` is not allowed: expected {expected}")
}

/// Says where an unknown name belongs, or which known one was probably meant.
fn unknown(name: &str, rules: &'static [Rule], place: &str) -> String {
    let near = nearest(name, rules.iter().map(|rule| rule.name));
    let homes = homes(name);
    match (homes.as_slice(), near) {
        ([], Some(near)) => format!("unknown directive `{name}` in {place}; did you mean `{near}`?"),
        ([], None) => format!("unknown directive `{name}` in {place}"),
        (homes, _) => format!("`{name}` does not belong in {place}; it belongs in {}", homes.join(" or ")),
    }
}

/// So many places are named for a directive that stands in the wrong one.
const MAX_HOMES: usize = 3;

fn homes(name: &str) -> Vec<String> {
    let mut homes = Vec::new();
    walk(GLOBAL, &mut Vec::new(), &mut |path, rule| {
        if rule.name == name && homes.len() < MAX_HOMES {
            homes.push(match path {
                [] => "the top level".to_owned(),
                path => format!("`{}`", path.join(".")),
            });
        }
    });
    homes
}

/// Calls `visit` with every rule of the table and the names of the blocks that it stands in.
pub(super) fn walk(
    rules: &'static [Rule],
    path: &mut Vec<&'static str>,
    visit: &mut dyn FnMut(&[&'static str], &'static Rule),
) {
    for rule in rules {
        visit(path, rule);
        if let Shape::Block(_, inner) | Shape::Either(inner) = rule.shape {
            path.push(rule.name);
            walk(inner, path, visit);
            path.pop();
        }
    }
}

fn problem(directive: &Directive, text: String) -> Problem {
    Problem { at: directive.at(), text }
}

#[cfg(test)]
mod tests;
