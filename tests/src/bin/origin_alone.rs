//! An origin as `srs-origin` starts it, which prints the ports that the system gave it, a line each.

use std::error::Error;

use srs_boot::{env, log};
use srs_origin::config::{Start, start};
use srs_origin::{Origin, Role};

fn main() -> Result<(), Box<dyn Error>> {
    let Start::Run { config, .. } = start(Role::Origin, std::env::args().skip(1), &env::current())? else {
        return Err("this takes -c FILE alone".into());
    };
    let output = log::init(&config.log.tank, config.log.level, None)?;
    let origin = Origin::bind(*config)?;
    let all = [
        ("rtmp", origin.rtmp()),
        ("http", origin.http()),
        ("api", origin.api()),
        ("srt", origin.srt()),
        ("rtc", origin.rtc()),
    ];
    for (name, addresses) in all {
        for address in addresses {
            println!("{name} {address}");
        }
    }
    Ok(origin.run_until_signal(&output)?)
}
