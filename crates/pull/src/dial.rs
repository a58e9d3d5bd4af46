//! Connections to servers upstream.

use tokio::net::TcpStream;

use crate::incoming::Failed;
use crate::limits::CONNECT;

/// Connects to a server within [`CONNECT`]; of several addresses of its name the first that answers is taken.
pub(crate) async fn dial(host: &str, port: u16) -> Result<TcpStream, Failed> {
    srs_net::dial::by_name(host, port, CONNECT).await.map_err(Failed::unreachable)
}
