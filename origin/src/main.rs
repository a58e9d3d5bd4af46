//! `srs-origin`: serves the streams that are published to it.

use std::process::ExitCode;

use srs_boot::{env, files, log};
use srs_origin::Origin;
use srs_origin::config::{Start, start};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("srs-origin: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn std::error::Error>> {
    let vars = env::current();
    let (mut config, warnings) = match start(std::env::args().skip(1), &vars)? {
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
    Origin::bind(*config)?.run_until_signal(&output)?;
    Ok(())
}
