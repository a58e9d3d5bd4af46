use std::fmt::Write as _;
use std::path::PathBuf;

use srs_boot::conf;
use srs_boot::env::Vars;

use crate::Role;

use super::Config;
use super::read::{Loaded, from_directives, with_default_vhost};

/// What the arguments ask for.
#[derive(Debug)]
pub enum Start {
    /// Serve with this configuration; the warnings belong in the log.
    Run {
        /// The configuration.
        config: Box<Config>,
        /// What is worth telling about it, one line each.
        warnings: Vec<String>,
    },
    /// Print this and end well.
    Print(String),
}

/// Why the program cannot start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The arguments make no sense.
    #[error("{0}\n\n{usage}", usage = usage(*.1))]
    Arguments(String, Role),
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] conf::Error),
}

const USAGE: &str = "\
  -c, --config FILE  the configuration, in SRS's syntax (or SRS_CONFIG_FILE)
  -e                 no file: SRS_* variables alone (or SRS_ENV_ONLY)
  -t                 test the configuration and exit
  -v, --version      print the version and exit
  -h, --help         print this and exit

Each directive is also a variable, and the variable wins: http_api { listen 1985; } is SRS_HTTP_API_LISTEN=1985,
and SRS_VHOST_PLAY_GOP_CACHE=off holds for every vhost.";

fn usage(role: Role) -> String {
    let (program, name) = (role.program(), role.name());
    format!("Usage: {program} -c FILE [-t]\n\n{USAGE} conf/{name}.conf shows all that is built.")
}

#[derive(Default)]
struct Arguments {
    file: Option<PathBuf>,
    env_only: bool,
    test: bool,
}

/// Reads arguments (without the program's name), the file they name and the environment.
pub fn start(role: Role, args: impl IntoIterator<Item = String>, vars: &Vars) -> Result<Start, Error> {
    let mut given = Arguments::default();
    let mut args = args.into_iter();
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "-c" | "--config" => match args.next() {
                Some(file) => given.file = Some(file.into()),
                None => return Err(Error::Arguments(format!("{arg} needs a file"), role)),
            },
            "-e" => given.env_only = true,
            "-t" => given.test = true,
            "-v" | "--version" => {
                return Ok(Start::Print(format!("{} {}", role.program(), env!("CARGO_PKG_VERSION"))));
            }
            "-h" | "--help" => return Ok(Start::Print(usage(role))),
            _ => return Err(Error::Arguments(format!("unknown argument {arg}"), role)),
        }
    }
    let set = |name: &str| vars.get(name).filter(|value| !value.is_empty());
    given.env_only |= set("SRS_ENV_ONLY").is_some();
    if let Some(file) = set("SRS_CONFIG_FILE") {
        given.file = Some(file.into());
    }
    let mut loaded = load(role, &given, vars)?;
    let fetches = loaded.config.vhosts.values().any(|vhost| vhost.enabled && crate::fetch::fetches(vhost));
    if role == Role::Edge && !loaded.config.vhosts.is_empty() && !fetches {
        let file =
            given.file.as_ref().map_or("the environment".to_owned(), |file| file.display().to_string());
        let at = conf::Position { file: file.into(), line: 0 };
        let text = "an edge that fetches nothing: no vhost has `cluster { mode remote; }` or the like, so there is nothing \
                    to watch but what is published here, and proxies send no viewers";
        loaded.warnings.push(conf::Problem { at, text: text.to_owned() });
    }
    let warnings: Vec<String> = loaded.warnings.iter().map(ToString::to_string).collect();
    if given.test {
        return Ok(Start::Print(tested(&given, &warnings)));
    }
    Ok(Start::Run { config: Box::new(loaded.config), warnings })
}

fn load(role: Role, given: &Arguments, vars: &Vars) -> Result<Loaded, Error> {
    if given.env_only {
        let mut loaded = from_directives(Vec::new(), vars)?;
        with_default_vhost(&mut loaded);
        loaded.config.role = role;
        return Ok(loaded);
    }
    let Some(file) = &given.file else {
        return Err(Error::Arguments("no configuration: name a file with -c".to_owned(), role));
    };
    let mut loaded = from_directives(conf::load(file)?, vars)?;
    loaded.config.role = role;
    if loaded.config.vhosts.is_empty() {
        let at = conf::Position { file: file.display().to_string().into(), line: 0 };
        let text = "no `vhost` is set, so every publish and play will be refused; \
                    `vhost __defaultVhost__ { }` takes all";
        loaded.warnings.push(conf::Problem { at, text: text.to_owned() });
    }
    Ok(loaded)
}

fn tested(given: &Arguments, warnings: &[String]) -> String {
    let mut text = String::new();
    for warning in warnings {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "warning: {warning}");
    }
    let what = match &given.file {
        Some(file) if !given.env_only => file.display().to_string(),
        _ => "the environment".to_owned(),
    };
    text + &format!("the configuration of {what} is ok")
}
