use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::read::{self, Refused};
use crate::limits;
use crate::quiet::Quiet;

/// Which addresses are balancers, whose connections must begin with a PROXY header.
#[derive(Clone, Default)]
pub struct Trust(Option<Arc<dyn Fn(IpAddr) -> bool + Send + Sync>>);

impl Trust {
    /// Those for which `is_balancer` is true; it is asked with IPv4 addresses in their own form.
    pub fn of(is_balancer: impl Fn(IpAddr) -> bool + Send + Sync + 'static) -> Trust {
        Trust(Some(Arc::new(is_balancer)))
    }

    /// None: no header is looked for, whoever connects.
    pub fn none() -> Trust {
        Trust::default()
    }

    fn covers(&self, peer: SocketAddr) -> bool {
        self.0.as_ref().is_some_and(|is_balancer| is_balancer(peer.ip().to_canonical()))
    }
}

impl std::fmt::Debug for Trust {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.0.is_some() { "Trust(some)" } else { "Trust(none)" })
    }
}

/// What connections come from, one after the other.
pub trait Accept {
    /// The next connection, and whose it is. Nothing is lost when the future is dropped early.
    ///
    /// # Errors
    /// As `accept(2)`.
    fn accept(&mut self) -> impl Future<Output = io::Result<(TcpStream, SocketAddr)>> + Send;
}

impl Accept for TcpListener {
    async fn accept(&mut self) -> io::Result<(TcpStream, SocketAddr)> {
        TcpListener::accept(self).await
    }
}

/// A listening socket behind balancers: a connection comes out when its header was read, with the address from there.
/// A slow or silent balancer keeps nobody else waiting.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    trust: Trust,
    name: &'static str,
    waiting: JoinSet<(TcpStream, SocketAddr, Result<Option<SocketAddr>, Refused>)>,
    complaint: Quiet,
    /// Connections that may wait for their headers.
    pub(super) most: usize,
}

impl Listener {
    /// `name` is for the log. Must be called where tasks can be spawned.
    ///
    /// # Errors
    /// When the socket cannot be used here.
    pub fn new(socket: std::net::TcpListener, trust: Trust, name: &'static str) -> io::Result<Listener> {
        let socket = TcpListener::from_std(socket)?;
        let (waiting, complaint) = (JoinSet::new(), Quiet::new(1));
        Ok(Listener { socket, trust, name, waiting, complaint, most: limits::PROXY_HEADERS })
    }

    /// Lets a balancer's connection wait for its header.
    fn wait(&mut self, mut stream: TcpStream, peer: SocketAddr) {
        let name = self.name;
        if self.waiting.len() >= self.most {
            self.complaint.say(
                |_| tracing::warn!(listener = name, %peer, "too many PROXY headers are awaited; closed"),
            );
            return;
        }
        self.waiting.spawn(async move {
            let source = read::source(&mut stream).await;
            (stream, peer, source)
        });
    }

    /// A connection whose header was read, unless it was none.
    fn pass(
        &self,
        (stream, peer, source): (TcpStream, SocketAddr, Result<Option<SocketAddr>, Refused>),
    ) -> Option<(TcpStream, SocketAddr)> {
        match source {
            Ok(source) => Some((stream, source.unwrap_or(peer))),
            Err(why) => {
                let name = self.name;
                self.complaint.say(
                    |_| tracing::warn!(listener = name, %peer, "a balancer's connection was closed: {why}"),
                );
                None
            }
        }
    }
}

impl Accept for Listener {
    async fn accept(&mut self) -> io::Result<(TcpStream, SocketAddr)> {
        loop {
            tokio::select! {
                accepted = self.socket.accept() => {
                    let (stream, peer) = accepted?;
                    if !self.trust.covers(peer) {
                        return Ok((stream, peer));
                    }
                    self.wait(stream, peer);
                }
                // A panic in there would be a defect, and costs that one connection.
                Some(done) = self.waiting.join_next() => {
                    if let Some(passed) = done.ok().and_then(|done| self.pass(done)) {
                        return Ok(passed);
                    }
                }
            }
        }
    }
}
