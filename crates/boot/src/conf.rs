//! Configuration files in SRS's syntax.
//!
//! [`load`] reads a file and what it includes into a tree of [`Directive`]s; [`overrides::apply`] lays `SRS_*`
//! variables over it; [`schema::check`] tells unknown, misplaced, repeated and not yet built directives and wrong
//! values; [`Section`] reads typed values from it. What a value does is the role's business.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

mod file;
mod legacy;
mod lexer;
pub mod overrides;
mod parse;
pub mod schema;
mod section;

pub use file::load;
pub use legacy::modernise;
pub use parse::parse;
pub use section::Section;

/// A place in a configuration: a line of a file, or a variable of the environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// The file as it was named, or `environment variable NAME`.
    pub file: Arc<str>,
    /// The line, counted from 1; 0 where there are no lines.
    pub line: u32,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => f.write_str(&self.file),
            line => write!(f, "{}:{line}", self.file),
        }
    }
}

/// One statement: `name arg arg;` or `name arg { … }`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directive {
    /// The first word.
    pub name: String,
    /// The further words, quotes removed.
    pub args: Vec<String>,
    /// What stands between the braces, if it has braces.
    pub block: Option<Vec<Self>>,
    /// The file it stands in.
    pub file: Arc<str>,
    /// The line of its first word.
    pub line: u32,
}

impl Directive {
    /// Where it stands.
    pub fn at(&self) -> Position {
        Position { file: self.file.clone(), line: self.line }
    }

    /// The first argument.
    pub fn arg(&self) -> Option<&str> {
        self.args.first().map(String::as_str)
    }

    /// What stands between its braces, which may be nothing.
    pub fn children(&self) -> &[Self] {
        self.block.as_deref().unwrap_or_default()
    }
}

/// One thing found wrong or worth telling, with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where it was found.
    pub at: Position,
    /// What it is, and what would be allowed.
    pub text: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.at, self.text)
    }
}

impl std::error::Error for Problem {}

/// Why a configuration could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The first file could not be read.
    #[error("{}: cannot read: {source}", path.display())]
    Read {
        /// The file asked for.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The text breaks the syntax, or an `include` fails.
    #[error("{0}")]
    Syntax(Problem),
    /// The syntax is right, but these directives or values are not.
    #[error("{}", listed(.0))]
    Invalid(Vec<Problem>),
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        Self::Syntax(problem)
    }
}

/// So many problems are printed; a file with more is the wrong file.
const MAX_PRINTED: usize = 20;

fn listed(problems: &[Problem]) -> String {
    let mut lines: Vec<String> = problems.iter().take(MAX_PRINTED).map(ToString::to_string).collect();
    let more = problems.len().saturating_sub(MAX_PRINTED);
    if more > 0 {
        lines.push(format!("and {more} more"));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests;
