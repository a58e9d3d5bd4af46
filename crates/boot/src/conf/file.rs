use std::io::Read;
use std::path::{Path, PathBuf};

use super::{Directive, Error, Problem, parse};

/// A configuration file is written by hand; 1 MiB is the wrong file.
const MAX_FILE: u64 = 1024 * 1024;

/// A chain of `include` deeper than this is a tangle.
const MAX_INCLUDE_DEPTH: usize = 8;

/// So many files make one configuration; bounds includes that double at every level.
const MAX_FILES: usize = 64;

/// Reads a file and, in place of each `include FILE…;`, what those files hold. An included path is taken relative to
/// the including file, and where that does not exist, as SRS does it, to the working directory.
pub fn load(path: &Path) -> Result<Vec<Directive>, Error> {
    let text = read(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
    let mut loader = Loader { chain: vec![real(path)], files: 1 };
    let directives = parse(&text, &path.display().to_string())?;
    Ok(loader.expand(directives, path)?)
}

fn read(path: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    let read = std::fs::File::open(path)?.take(MAX_FILE + 1).read_to_string(&mut text)?;
    if u64::try_from(read).unwrap_or(u64::MAX) > MAX_FILE {
        return Err(std::io::Error::new(std::io::ErrorKind::FileTooLarge, "larger than 1 MiB"));
    }
    Ok(text)
}

fn real(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

struct Loader {
    /// The files being read, from the first to the innermost include.
    chain: Vec<PathBuf>,
    files: usize,
}

impl Loader {
    fn expand(&mut self, directives: Vec<Directive>, file: &Path) -> Result<Vec<Directive>, Problem> {
        let mut out = Vec::with_capacity(directives.len());
        for mut directive in directives {
            if directive.name == "include" {
                if directive.args.is_empty() || directive.block.is_some() {
                    return Err(problem(&directive, "expected `include FILE;`".to_owned()));
                }
                for target in &directive.args {
                    out.extend(self.include(target, &directive, file)?);
                }
            } else {
                // Depth is bounded by the parser's limit on blocks.
                if let Some(block) = directive.block.take() {
                    directive.block = Some(self.expand(block, file)?);
                }
                out.push(directive);
            }
        }
        Ok(out)
    }

    fn include(&mut self, target: &str, from: &Directive, file: &Path) -> Result<Vec<Directive>, Problem> {
        let beside = file.parent().unwrap_or(Path::new("")).join(target);
        let path = if beside.exists() { beside } else { PathBuf::from(target) };
        let real = real(&path);
        if self.chain.contains(&real) {
            return Err(problem(from, format!("{target} includes itself")));
        }
        self.files += 1;
        if self.chain.len() > MAX_INCLUDE_DEPTH {
            return Err(problem(from, format!("expected includes at most {MAX_INCLUDE_DEPTH} deep")));
        }
        if self.files > MAX_FILES {
            return Err(problem(from, format!("expected at most {MAX_FILES} files in one configuration")));
        }
        let text = read(&path).map_err(|error| problem(from, format!("cannot read {target}: {error}")))?;
        self.chain.push(real);
        let directives = parse(&text, &path.display().to_string())?;
        let expanded = self.expand(directives, &path);
        self.chain.pop();
        expanded
    }
}

fn problem(directive: &Directive, text: String) -> Problem {
    Problem { at: directive.at(), text }
}
