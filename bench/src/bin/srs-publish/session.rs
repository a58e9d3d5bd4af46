//! A client session and its socket.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use srs_amf::Value;
use srs_rtmp::client::{Config, Event, Role, Session};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::Outcome;
use crate::address::Address;

/// How long connecting and being let in may take together.
const START: Duration = Duration::from_secs(10);

/// A server that takes no byte for so long is gone.
const STALL: Duration = Duration::from_secs(10);

/// What one read takes at most, bytes.
const READ: usize = 64 * 1024;

/// A session that has started.
pub struct Link {
    /// The machine; what it has to say is sent by [`Link::flush`].
    pub session: Session,
    stream: TcpStream,
    block: BytesMut,
    input: Bytes,
    output: Bytes,
}

impl Link {
    /// Connects, and returns when the server says that publishing or playing has begun.
    pub async fn open(url: &Address, role: Role) -> Outcome<Link> {
        let started = async {
            let stream =
                TcpStream::connect(url.target()).await.map_err(|error| format!("cannot connect: {error}"))?;
            stream.set_nodelay(true)?;
            let connect = Value::object([
                ("app", Value::from(url.app.as_str())),
                ("type", "nonprivate".into()),
                ("flashVer", "FMLE/3.0 (compatible; srs-publish)".into()),
                ("tcUrl", url.tc_url().into()),
            ]);
            let config = Config::new(connect, url.stream.as_str(), role);
            let session = Session::new(config, rand::random());
            let (input, output) = (Bytes::new(), Bytes::new());
            let mut link = Link { session, stream, block: BytesMut::new(), input, output };
            loop {
                match link.next().await? {
                    Event::Started { .. } => return Ok(link),
                    Event::Refused { code, description, .. } => {
                        return Err(format!("refused: {code} {description}").into());
                    }
                    _ => {}
                }
            }
        };
        timeout(START, started).await.unwrap_or_else(|_| Err("no answer in time".into()))
    }

    /// The next event; the end of the connection is an error. May be dropped at any await without losing anything.
    pub async fn next(&mut self) -> Outcome<Event> {
        loop {
            if let Some(event) = self.session.handle_input(&mut self.input)? {
                return Ok(event);
            }
            self.flush().await?;
            self.block.reserve(READ);
            if self.stream.read_buf(&mut self.block).await? == 0 {
                return Err("the server closed the connection".into());
            }
            self.input = self.block.split().freeze();
        }
    }

    /// Sends what the session has to say. May be dropped as [`Link::next`] may.
    pub async fn flush(&mut self) -> Outcome<()> {
        loop {
            if self.output.is_empty() {
                let Some(output) = self.session.poll_output() else { return Ok(()) };
                self.output = output;
            }
            let sent = timeout(STALL, self.stream.write_buf(&mut self.output)).await;
            sent.map_err(|_| "the server takes no more bytes")??;
        }
    }

    /// Ends the stream in order.
    pub async fn close(mut self) -> Outcome<()> {
        self.session.close();
        self.flush().await?;
        self.stream.shutdown().await?;
        Ok(())
    }
}
