use std::io;
use std::net::SocketAddr;

use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{Bad, Header, MAX_HEADER, parse};
use crate::limits;

/// Why a connection that had to begin with a header is closed.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// It began with something else.
    #[error(transparent)]
    Bad(#[from] Bad),
    /// It ended before.
    #[error("it ended before its PROXY header was complete")]
    Ended,
    /// The header is not complete after [`limits::PROXY_HEADER`].
    #[error("its PROXY header did not come in time")]
    Late,
    /// The socket broke.
    #[error("{0}")]
    Broken(#[from] io::Error),
}

/// Takes the header from the front of a connection and leaves all bytes behind it where they are.
pub(super) async fn source(stream: &mut TcpStream) -> Result<Option<SocketAddr>, Refused> {
    match timeout(limits::PROXY_HEADER, header(stream)).await {
        Ok(header) => header.map(|header| header.source),
        Err(_) => Err(Refused::Late),
    }
}

async fn header(stream: &mut TcpStream) -> Result<Header, Refused> {
    let mut bytes = [0; MAX_HEADER];
    let mut have = 0;
    loop {
        let space = bytes.get_mut(have..).unwrap_or_default();
        let seen = have.saturating_add(stream.peek(space).await?);
        if seen == have {
            return Err(Refused::Ended);
        }
        let header = parse(bytes.get(..seen).unwrap_or_default())?;
        // While a header is not complete, all that came is part of it; taken off, it does not wake us again.
        let end = header.map_or(seen, |header| header.length);
        stream.read_exact(bytes.get_mut(have..end).unwrap_or_default()).await?;
        match header {
            Some(header) => return Ok(header),
            None => have = end,
        }
    }
}
