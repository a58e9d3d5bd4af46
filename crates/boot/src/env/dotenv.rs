use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::Vars;

/// A `.env` file is written by hand; 1 MiB is the wrong file.
const MAX_FILE: u64 = 1024 * 1024;

/// What a `.env` file sets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DotEnv {
    /// Names and values; the last of a repeated name.
    pub vars: Vars,
    /// What was not understood, with its line.
    pub warnings: Vec<String>,
}

/// A `.env` file is there and cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("{}: cannot read: {source}", path.display())]
pub struct DotEnvError {
    /// The file.
    pub path: PathBuf,
    /// What the system said.
    pub source: io::Error,
}

/// Reads a `.env` file; a missing one sets nothing.
pub fn read_dotenv(path: &Path) -> Result<DotEnv, DotEnvError> {
    match read(path) {
        Ok(text) => Ok(parse_dotenv(&text)),
        Err(source) if source.kind() == io::ErrorKind::NotFound => Ok(DotEnv::default()),
        Err(source) => Err(DotEnvError { path: path.to_owned(), source }),
    }
}

fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    let read = std::fs::File::open(path)?.take(MAX_FILE + 1).read_to_string(&mut text)?;
    if u64::try_from(read).unwrap_or(u64::MAX) > MAX_FILE {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "larger than 1 MiB"));
    }
    Ok(text)
}

/// Reads lines of `NAME=VALUE`. `export ` before the name is dropped; `#` begins a comment at the start of a line or
/// after a blank; single quotes keep all, double quotes know `\n`, `\r`, `\"` and `\\`. A line without `=` is ignored.
pub fn parse_dotenv(text: &str) -> DotEnv {
    let mut dotenv = DotEnv::default();
    for (number, line) in text.strip_prefix('\u{feff}').unwrap_or(text).lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let line = match line.strip_prefix("export") {
            Some(rest) if rest.starts_with([' ', '\t']) => rest.trim_start(),
            _ => line,
        };
        let Some((name, value)) = line.split_once('=') else { continue };
        let (name, value) = (name.trim(), value.trim());
        if name.is_empty() {
            dotenv.warnings.push(format!(".env:{}: expected a name before =", number + 1));
            continue;
        }
        let value = match quoted(value) {
            Ok(value) => value,
            Err(expected) => {
                dotenv.warnings.push(format!(".env:{}: expected {expected}; {name} is not set", number + 1));
                continue;
            }
        };
        dotenv.vars.insert(name.to_owned(), value);
    }
    dotenv
}

fn quoted(value: &str) -> Result<String, &'static str> {
    let mut rest = value.chars();
    let text = match rest.next() {
        Some('\'') => {
            let (text, after) = rest.as_str().split_once('\'').ok_or("a closing '")?;
            rest = after.chars();
            text.to_owned()
        }
        Some('"') => escaped(&mut rest).ok_or("a closing \"")?,
        _ => return Ok(uncommented(value).to_owned()),
    };
    let after = rest.as_str().trim_start();
    if after.is_empty() || after.starts_with('#') {
        Ok(text)
    } else {
        Err("nothing but a comment after the quote")
    }
}

/// Reads up to the closing double quote; an unknown escape stands for itself.
fn escaped(rest: &mut std::str::Chars<'_>) -> Option<String> {
    let mut text = String::new();
    loop {
        match rest.next()? {
            '"' => return Some(text),
            '\\' => match rest.next()? {
                'n' => text.push('\n'),
                'r' => text.push('\r'),
                c @ ('"' | '\\') => text.push(c),
                c => text.extend(['\\', c]),
            },
            c => text.push(c),
        }
    }
}

fn uncommented(value: &str) -> &str {
    let end = [" #", "\t#"].iter().filter_map(|mark| value.find(mark)).min();
    let value = end.and_then(|end| value.get(..end)).unwrap_or(value);
    // `NAME= # comment`: the value was trimmed, so that its comment stands at the very start.
    if value.starts_with('#') { "" } else { value.trim_end() }
}
