//! An edge as `srs-edge` starts it, which prints the ports that the system gave it, a line each.

use std::error::Error;

use srs_boot::{env, log};
use srs_edge::config::{Start, start};
use srs_edge::{Edge, Role};

fn main() -> Result<(), Box<dyn Error>> {
    let Start::Run { config, .. } = start(Role::Edge, std::env::args().skip(1), &env::current())? else {
        return Err("this takes -c FILE alone".into());
    };
    let output = log::init(&config.log.tank, config.log.level, None)?;
    let edge = Edge::bind(*config)?;
    for (name, addresses) in [("rtmp", edge.rtmp()), ("http", edge.http()), ("api", edge.api())] {
        for address in addresses {
            println!("{name} {address}");
        }
    }
    Ok(edge.run_until_signal(&output)?)
}
