//! The programs from their first line to their last.

use std::process::ExitCode;

use srs_boot::{env, files, log};

use crate::config::{Start, start};
use crate::{Node, Role};

/// Runs the program of this role, as its arguments and its environment say, to its end.
pub fn main(role: Role) -> ExitCode {
    match run(role) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}: {error}", role.program());
            ExitCode::FAILURE
        }
    }
}

fn run(role: Role) -> Result<(), Box<dyn std::error::Error>> {
    let vars = env::current();
    let (mut config, warnings) = match start(role, std::env::args().skip(1), &vars)? {
        Start::Print(text) => {
            println!("{}", text.trim_end());
            return Ok(());
        }
        Start::Run { config, warnings } => (config, warnings),
    };
    std::env::set_current_dir(&config.work_dir)?;
    let output = log::init(&config.log.tank, config.log.level, vars.get("RUST_LOG").map(String::as_str))?;
    for warning in warnings.into_iter().chain(config.find_secret(&vars)) {
        tracing::warn!("{warning}");
    }
    if let Some(most) = files::raise_limit() {
        tracing::info!(most, "open files and sockets");
    }
    Node::bind(*config)?.run_until_signal(&output)?;
    Ok(())
}
