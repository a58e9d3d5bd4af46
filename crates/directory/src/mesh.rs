//! A directory that proxies make among themselves, with nothing beside them: a mesh.
//!
//! The members find each other by gossip. The claims of a key are kept by its *home*, which is the first of the members
//! that live in rendezvous order, and every operation goes there over one connection between each two members; beats and
//! notes go to all. Everything is sealed with the cluster's secret, and nothing is encrypted.
//!
//! **What is guaranteed.** While the members see each other a key has one home, which decides on its claims one after the
//! other. When a member joins, whoever was the home of a key before grants nothing from the moment on which it knows of the
//! new one, and hands its claims over when their link comes up; the new home answers for keys that it does not know only
//! after every member did so, or after 1.5 s. When a member dies, the claims that it kept are told again by the balancers
//! (the [generation](Directory::generation) changes), and for 1.5 s their new homes answer [`Unavailable`] for what they
//! do not know: streams are then placed by plain order.
//!
//! **What is not.** A member is known to be dead after about 3 s; until then its keys are unavailable. Members that do not
//! see each other decide each for itself, so that a stream may have an owner on each side of a partition, or in the moment
//! in which not all have learned of a change. That ends at most 3 s after they see each other again: claims are told again
//! to the one home, and to the lower epoch it answers [`Held`]; whoever told the lower one first is made to tell it again. A home does not inherit the last epochs of keys whose claims
//! had ended: epochs rise over a change of home because clocks do. A claim that ended while it was handed over may stand
//! for 10 s more.
//!
//! Where to read next: `swarm` (who lives), `home` (who decides, and when), `talk` (links), `link` and `seal` (what is
//! sealed, and how).
//!
//! [`Unavailable`]: srs_balance::directory::Error::Unavailable
//! [`Held`]: srs_balance::directory::Error::Held

mod desk;
mod finder;
mod home;
mod identity;
mod link;
mod seal;
mod settings;
mod strangers;
mod swarm;
mod table;
mod talk;
mod tray;
mod wire;

pub use settings::{Settings, Wrong};

use crate::{Beat, Board, News};
use desk::Desk;
use finder::Finder;
use home::Home;
use identity::{Identity, MAX_ID};
use seal::Key;
use settings::Peer;
use srs_balance::directory::{Answer, Error};
use srs_balance::{Claim, Directory, Epoch};
use srs_names::{NodeId, StreamKey};
use std::io;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::sync::Arc;
use std::time::Duration;
use strangers::Strangers;
use swarm::Swarm;
use table::Table;
use wire::{Ask, Reply};

/// Every operation is answered within this time, if only by [`Error::Unavailable`].
pub const PATIENCE: Duration = Duration::from_millis(50);
/// Longest name of a run of a node: what is longer is nobody's.
const MAX_INSTANCE: usize = 1_024;

/// This proxy as a member; see the module's text.
pub struct Mesh {
    me: NodeId,
    domain: String,
    key: Key,
    tcp: TcpListener,
    udp: UdpSocket,
    at: SocketAddr,
    patience: Duration,
    home: Arc<Home>,
    swarm: Swarm,
    links: Table,
    desk: Desk,
    strangers: Arc<Strangers>,
}

impl Mesh {
    /// Opens the sockets. Others are found, and this member is, as soon as [`run`](Self::run) does. Needs no runtime.
    ///
    /// # Errors
    /// The address that cannot be listened on, by name; a peer, or an id of more than 64 bytes, that cannot be one.
    pub fn start(settings: Settings) -> io::Result<Arc<Self>> {
        Self::start_with(settings, PATIENCE)
    }

    fn start_with(settings: Settings, patience: Duration) -> io::Result<Arc<Self>> {
        let Settings { listen, peers, secret, me } = settings;
        let invalid = |why: String| io::Error::new(io::ErrorKind::InvalidInput, why);
        if me.as_str().len() > MAX_ID {
            return Err(invalid(format!("{me} is longer than {MAX_ID} bytes")));
        }
        let (tcp, udp) = settings::bind(&listen)?;
        let at = tcp.local_addr()?;
        let peers = peers
            .into_iter()
            .map(|peer| Peer::parse(&peer, at.port()).ok_or_else(|| invalid(Wrong::Peer(peer).to_string())));
        let peers = peers.collect::<io::Result<Vec<_>>>()?;
        let key = Key::new(&secret);
        let named = key.tag(&[b"domain"]);
        let short: String = named.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
        let domain = format!("mesh:{short}");
        let who = Identity { id: me.clone(), at, bump: swarm::unix_ms() };
        let home = Arc::new(Home::new(who.clone(), &domain, !peers.is_empty()));
        let strangers = Arc::new(Strangers::default());
        let finder = Finder::new(peers);
        let swarm =
            Swarm::new(&key, who, udp.try_clone()?, Arc::clone(&home), finder, Arc::clone(&strangers));
        let key = key.derive(&[b"link"]);
        let (links, desk) = (Table::default(), Desk::new());
        Ok(Arc::new(Self { me, domain, key, tcp, udp, at, patience, home, swarm, links, desk, strangers }))
    }

    /// Takes part in the mesh for as long as this is polled, on a tokio runtime with I/O and time. It never ends, but where
    /// the runtime cannot watch the sockets. After a panic it may be begun anew.
    pub async fn run(self: Arc<Self>) {
        let sockets = || -> io::Result<_> {
            let tcp = tokio::net::TcpListener::from_std(self.tcp.try_clone()?)?;
            Ok((tcp, tokio::net::UdpSocket::from_std(self.udp.try_clone()?)?))
        };
        let (tcp, udp) = match sockets() {
            Ok(sockets) => sockets,
            Err(error) => {
                tracing::error!(%error, at = %self.at, "the mesh: the sockets cannot be used");
                return;
            }
        };
        tokio::join!(self.swarm.run(udp), self.swarm.look_up(), talk::accept(&self, tcp), talk::dial(&self));
    }

    /// Where this member listens, by TCP and UDP.
    #[must_use]
    pub fn at(&self) -> SocketAddr {
        self.at
    }

    /// Who lives as far as this member knows, itself among them, and where each is reached. Where this one listens on every
    /// address, its own is unspecified until somebody else was found.
    #[must_use]
    pub fn members(&self) -> Vec<(NodeId, SocketAddr)> {
        self.home.live().into_iter().map(|who| (who.id, who.at)).collect()
    }

    /// How many datagrams and connections were ignored so far, as they came from nobody with the secret, or too late.
    #[must_use]
    pub fn ignored(&self) -> u64 {
        self.strangers.ignored()
    }

    async fn ask(&self, ask: Ask) -> Reply {
        let Some(key) = ask.key() else { return self.home.serve(&ask) };
        let home = self.home.of(key);
        if home == self.me {
            return self.home.serve(&ask);
        }
        match self.links.get(&home) {
            Some(link) => link.ask(ask, self.patience).await,
            None => Err(Error::Unavailable(format!("no link to {home}"))),
        }
    }

    /// Keeps a note here and at every other member. One that does not answer hears of it when it is told again.
    async fn tell_all(&self, ask: Ask) -> Result<(), Error> {
        self.home.serve(&ask)?;
        let links = self.links.all();
        let told = links.iter().map(|link| link.ask(ask.clone(), self.patience));
        futures_util::future::join_all(told).await;
        Ok(())
    }

    /// The same for what changes a claim.
    async fn change(&self, ask: Ask) -> Result<(), Error> {
        if let Ask::Claim { claim, .. } | Ask::Renew { claim, .. } = &ask
            && claim.instance.len() > MAX_INSTANCE
        {
            return Err(Error::Unavailable("the node's ids are too long for it".to_owned()));
        }
        self.ask(ask).await.map(drop)
    }
}

impl Directory for Mesh {
    fn domain(&self) -> &str {
        &self.domain
    }

    fn generation(&self) -> u64 {
        self.home.generation()
    }

    fn claim<'a>(
        &'a self,
        ask: &'a Claim,
        over: Option<Epoch>,
        lease: Duration,
        _now: Duration,
    ) -> Answer<'a, ()> {
        Box::pin(self.change(Ask::Claim { claim: ask.clone(), over, lease }))
    }

    fn renew<'a>(&'a self, claim: &'a Claim, lease: Duration, _now: Duration) -> Answer<'a, ()> {
        Box::pin(self.change(Ask::Renew { claim: claim.clone(), lease }))
    }

    fn release<'a>(&'a self, claim: &'a Claim, _now: Duration) -> Answer<'a, ()> {
        Box::pin(self.change(Ask::Release { claim: claim.clone() }))
    }

    fn lookup<'a>(&'a self, key: &'a StreamKey, _now: Duration) -> Answer<'a, Option<Claim>> {
        Box::pin(self.ask(Ask::Lookup { key: key.clone() }))
    }

    fn note<'a>(&'a self, name: &'a str, text: &'a str, ttl: Duration, _now: Duration) -> Answer<'a, ()> {
        Box::pin(self.tell_all(Ask::Note { name: name.to_owned(), text: text.to_owned(), ttl }))
    }

    fn noted<'a>(&'a self, name: &'a str, _now: Duration) -> Answer<'a, Option<String>> {
        Box::pin(std::future::ready(self.home.noted(name)))
    }
}

impl Board for Mesh {
    fn post(&self, beat: Beat) {
        if let Some(post) = self.desk.post(beat) {
            self.links.all().iter().for_each(|link| link.show(post.clone()));
        }
    }

    fn news(&self) -> News<'_> {
        Box::pin(self.desk.news())
    }
}

#[cfg(test)]
mod testkit;
#[cfg(test)]
mod tests;
