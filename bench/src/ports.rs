//! `ports N`: free TCP ports of the loopback address for servers that must be told theirs.

use std::net::{Ipv4Addr, TcpListener};

use crate::Outcome;

/// Prints N ports that were free a moment ago, all different.
pub fn run(words: &[String]) -> Outcome<()> {
    let count: usize = words.first().map_or(Ok(1), |word| word.parse())?;
    // All are held until the last is found, else the system may give one twice.
    let held: Vec<TcpListener> =
        (0..count).map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0))).collect::<Result<_, _>>()?;
    for listener in held {
        println!("{}", listener.local_addr()?.port());
    }
    Ok(())
}
