//! Settings from environment variables, with an optional `.env` file below them and a table of all that exist.
//!
//! A role declares its [`Setting`]s once; from that table come the values with their [`Source`], the `--help` and
//! `--check` texts, and "did you mean" for a mistyped name. The environment is an argument everywhere; [`current`]
//! alone reads the process's.

use std::collections::BTreeMap;
use std::fmt;
use std::fmt::Write as _;

use crate::nearest::nearest;
use crate::value::{self, Expected, MASK};

mod dotenv;

pub use dotenv::{DotEnv, DotEnvError, parse_dotenv, read_dotenv};

/// An environment: names and values.
pub type Vars = BTreeMap<String, String>;

/// The environment of this process; bytes that are no text are replaced, as no setting holds such.
pub fn current() -> Vars {
    std::env::vars_os()
        .map(|(name, value)| (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned()))
        .collect()
}

/// One variable that a role knows.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// The variable's name.
    pub name: &'static str,
    /// The value where it is not set; empty where there is none.
    pub default: &'static str,
    /// What it does, in one line.
    pub help: &'static str,
    /// Whether its value is masked wherever it is shown.
    pub secret: bool,
    /// Whether it does something yet; if not, setting it is a warning.
    pub built: bool,
}

impl Setting {
    /// A setting that is built and no secret.
    pub const fn new(name: &'static str, default: &'static str, help: &'static str) -> Self {
        Self { name, default, help, secret: false, built: true }
    }

    /// The same, masked wherever it is shown.
    pub const fn secret(self) -> Self {
        Self { secret: true, ..self }
    }

    /// The same, known but without effect yet.
    pub const fn later(self) -> Self {
        Self { built: false, ..self }
    }
}

/// Where a value came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The process's environment.
    Environment,
    /// The `.env` file.
    DotEnv,
    /// The table.
    Default,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Environment => "environment",
            Self::DotEnv => ".env",
            Self::Default => "default",
        })
    }
}

/// A variable holds something that it must not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name}={shown} (from {from}) is not allowed: expected {expected}")]
pub struct Wrong {
    /// The variable.
    pub name: &'static str,
    /// Its value, masked if it is a secret.
    pub shown: String,
    /// Where the value came from.
    pub from: Source,
    /// What would be allowed.
    pub expected: Expected,
}

/// The effective value of every setting of a table.
#[derive(Debug)]
pub struct Settings {
    table: &'static [Setting],
    values: BTreeMap<&'static str, (String, Source)>,
    warnings: Vec<String>,
}

impl Settings {
    /// Takes each value from the environment, else from `.env`, else from the table; an empty value is not set.
    /// Warns of names with `prefix` that the table does not have and of settings without effect yet.
    pub fn load(table: &'static [Setting], prefix: &str, vars: &Vars, dotenv: &DotEnv) -> Self {
        let mut values = BTreeMap::new();
        let mut warnings: Vec<String> = dotenv.warnings.clone();
        for setting in table {
            let set = |from: &Vars| from.get(setting.name).filter(|value| !value.is_empty()).cloned();
            let (value, source) = if let Some(value) = set(vars) {
                (value, Source::Environment)
            } else if let Some(value) = set(&dotenv.vars) {
                (value, Source::DotEnv)
            } else {
                (setting.default.to_owned(), Source::Default)
            };
            if !setting.built && source != Source::Default {
                warnings.push(format!("{} is not built yet; it does nothing", setting.name));
            }
            values.insert(setting.name, (value, source));
        }
        for (from, source) in [(vars, Source::Environment), (&dotenv.vars, Source::DotEnv)] {
            for name in from.keys().filter(|name| name.starts_with(prefix)) {
                if table.iter().any(|setting| setting.name == name) {
                    continue;
                }
                let near = nearest(name, table.iter().map(|setting| setting.name));
                let hint = near.map(|near| format!("; did you mean {near}?")).unwrap_or_default();
                warnings.push(format!("{name} (from {source}) is no setting{hint}"));
            }
        }
        Self { table, values, warnings }
    }

    /// The effective value, empty where there is none. A name outside the table has none.
    pub fn get(&self, name: &str) -> &str {
        self.values.get(name).map(|(value, _)| value.as_str()).unwrap_or_default()
    }

    /// The effective value, or `None` where it is empty.
    pub fn some(&self, name: &str) -> Option<&str> {
        Some(self.get(name)).filter(|value| !value.is_empty())
    }

    /// Where the effective value came from.
    pub fn source(&self, name: &str) -> Source {
        self.values.get(name).map_or(Source::Default, |(_, source)| *source)
    }

    /// Reads the effective value; the error names the variable, its value and what is allowed.
    pub fn read<T>(
        &self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, Expected>,
    ) -> Result<T, Wrong> {
        parse(self.get(name)).map_err(|expected| self.wrong(name, expected))
    }

    /// Reads `on` or `off`.
    pub fn switch(&self, name: &'static str) -> Result<bool, Wrong> {
        self.read(name, value::switch)
    }

    /// The error for a value that a check beyond its own text refuses.
    pub fn wrong(&self, name: &'static str, expected: Expected) -> Wrong {
        Wrong { name, shown: self.shown(name), from: self.source(name), expected }
    }

    /// What loading found worth telling.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    fn shown(&self, name: &str) -> String {
        let secret = self.table.iter().any(|setting| setting.secret && setting.name == name);
        let value = self.get(name);
        if secret && !value.is_empty() { MASK.to_owned() } else { value.to_owned() }
    }

    /// Every effective value with its source, one a line, secrets masked: the answer to `--check`.
    pub fn report(&self) -> String {
        let mut text = String::new();
        for setting in self.table {
            let later = if setting.built { "" } else { ", not built yet" };
            let shown = self.shown(setting.name);
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{}={shown} ({}{later})", setting.name, self.source(setting.name));
        }
        text
    }
}

/// Every setting with its default and meaning: the answer to `--help`.
pub fn help(table: &[Setting]) -> String {
    let mut text = String::new();
    for setting in table {
        let later = if setting.built { "" } else { " (not built yet)" };
        let default = if setting.default.is_empty() { "empty" } else { setting.default };
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  {} (default: {default})\n      {}{later}", setting.name, setting.help);
    }
    text
}

#[cfg(test)]
mod tests;
