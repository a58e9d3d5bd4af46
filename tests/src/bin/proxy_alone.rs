//! A proxy as `srs-proxy` starts it, which prints the ports that the system gave it, a line each.

use std::error::Error;
use std::path::Path;

use srs_boot::env;
use srs_boot::log::{self, Level, Tank};
use srs_proxy::Proxy;
use srs_proxy::config::{Start, start};

fn main() -> Result<(), Box<dyn Error>> {
    let args = std::env::args().skip(1);
    let Start::Run { config, .. } = start(args, &env::current(), Path::new(".env"))? else {
        return Err("this takes variables alone".into());
    };
    log::init(&Tank::Console, Level::Info, None)?;
    let proxy = Proxy::bind(*config)?;
    for (name, address) in [
        ("rtmp", proxy.rtmp()),
        ("http", proxy.http()),
        ("api", proxy.http_api()),
        ("srt", proxy.srt()),
        ("webrtc", proxy.webrtc()),
        ("system", proxy.system_api()),
    ] {
        println!("{name} {address}");
    }
    Ok(proxy.run_until_signal()?)
}
