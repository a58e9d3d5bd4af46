//! `srs-proxy`: routes each stream to one of many origins.

use std::path::Path;
use std::process::ExitCode;

use srs_boot::log::{self, Level, Tank};
use srs_boot::{env, files};
use srs_proxy::Proxy;
use srs_proxy::config::{Start, start};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("srs-proxy: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn std::error::Error>> {
    let vars = env::current();
    let (mut config, warnings) = match start(std::env::args().skip(1), &vars, Path::new(".env"))? {
        Start::Print(text) => {
            println!("{}", text.trim_end());
            return Ok(());
        }
        Start::Run { config, warnings } => (config, warnings),
    };
    log::init(&Tank::Console, Level::Info, vars.get("RUST_LOG").map(String::as_str))?;
    for warning in warnings.into_iter().chain(config.find_secret(&vars)) {
        tracing::warn!("{warning}");
    }
    if let Some(most) = files::raise_limit() {
        tracing::info!(most, "open files and sockets");
    }
    let proxy = Proxy::bind(*config)?;
    for line in proxy.banner() {
        tracing::info!("{line}");
    }
    Ok(proxy.run_until_signal()?)
}
