//! Tasks that keep the links: one that dials each member behind this one in the order of ids, one that accepts the others,
//! and one for each connection.

use super::Mesh;
use super::identity::Identity;
use super::link::{self, Receiver, Sender, Session};
use super::seal::Foreign;
use super::table::Link;
use super::tray::Post;
use super::wire::Frame;
use srs_names::NodeId;
use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::{AbortHandle, JoinError, JoinSet};
use tokio::time::{Instant, timeout};

/// Connections that have not yet shown who they are.
const MAX_STRANGERS: usize = 64;
/// They have so long.
const HANDSHAKE: Duration = Duration::from_secs(2);
/// Between two attempts to connect: at first, and at most.
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(50), Duration::from_millis(800));
/// A link says that it is there this often,
const IDLE: Duration = Duration::from_secs(1);
/// and is broken when nothing came, or could be written, for so long.
const SILENT: Duration = Duration::from_secs(3);
/// Claims that are looked at together, and at most in one frame: none is longer than 2 kB.
const HANDFUL: usize = 256;
/// A listener that fails is tried again after this.
const REST: Duration = Duration::from_millis(50);

/// Says so when a task of ours ended by a defect.
fn note(ended: Result<(), JoinError>) {
    if ended.is_err_and(|error| error.is_panic()) {
        tracing::error!("the mesh: a link ended in a panic: a defect; others go on");
    }
}

/// Accepts connections, for ever.
pub(super) async fn accept(mesh: &Arc<Mesh>, listener: TcpListener) {
    let strangers = Arc::new(Semaphore::new(MAX_STRANGERS));
    let mut tasks = JoinSet::new();
    loop {
        tokio::select! {
            Some(ended) = tasks.join_next() => note(ended),
            accepted = listener.accept() => {
                let Ok((stream, from)) = accepted else {
                    tokio::time::sleep(REST).await;
                    continue;
                };
                // More than these are closed at once: who has the secret comes again.
                if let Ok(permit) = Arc::clone(&strangers).try_acquire_owned() {
                    let mesh = Arc::clone(mesh);
                    tasks.spawn(async move {
                        let opened = receive(&mesh, stream, from).await;
                        drop(permit);
                        if let Some((stream, peer, session)) = opened {
                            converse(&mesh, stream, peer, session).await;
                        }
                    });
                }
            }
        }
    }
}

async fn receive(
    mesh: &Mesh,
    mut stream: TcpStream,
    from: SocketAddr,
) -> Option<(TcpStream, Identity, Session)> {
    let me = mesh.swarm.me();
    let opened = timeout(HANDSHAKE, link::accept(&mut stream, &mesh.key, &me)).await;
    let Ok(Ok((peer, session))) = opened else {
        mesh.strangers.note(Foreign::Malformed, from);
        return None;
    };
    // The smaller id dials, so that there is one link between two.
    (peer.id < me.id && !mesh.strangers.is_cut(&peer.id)).then_some((stream, peer, session))
}

/// Keeps links to those who live, and to nobody else, for ever.
pub(super) async fn dial(mesh: &Arc<Mesh>) {
    let mut changes = mesh.home.changes();
    let mut keepers: HashMap<NodeId, AbortHandle> = HashMap::new();
    let mut tasks = JoinSet::new();
    loop {
        changes.borrow_and_update();
        mesh.links.end_dead(&mesh.home);
        let wanted: Vec<NodeId> =
            mesh.home.live().into_iter().map(|who| who.id).filter(|id| *id > mesh.me).collect();
        keepers.retain(|id, keeper| {
            let stays = wanted.contains(id) && !keeper.is_finished();
            if !stays {
                keeper.abort();
            }
            stays
        });
        for id in wanted {
            let (mesh, whom) = (Arc::clone(mesh), id.clone());
            keepers.entry(id).or_insert_with(|| tasks.spawn(async move { keep(&mesh, whom).await }));
        }
        tokio::select! {
            _ = changes.changed() => {}
            Some(ended) = tasks.join_next() => note(ended),
        }
    }
}

/// Dials one member again and again.
async fn keep(mesh: &Arc<Mesh>, id: NodeId) {
    let (first, most) = BACK_OFF;
    let mut pause = first;
    while let Some(who) = mesh.home.member(&id) {
        let begun = Instant::now();
        match timeout(HANDSHAKE, connect(mesh, &who)).await {
            Ok(Ok((stream, peer, session))) => converse(mesh, stream, peer, session).await,
            Ok(Err(error)) => tracing::debug!(proxy = %id, at = %who.at, %error, "the mesh: no link"),
            Err(_) => tracing::debug!(proxy = %id, at = %who.at, "the mesh: no link: no answer in time"),
        }
        pause = if begun.elapsed() > most { first } else { pause.saturating_mul(2).min(most) };
        tokio::time::sleep(pause).await;
    }
}

async fn connect(mesh: &Mesh, who: &Identity) -> io::Result<(TcpStream, Identity, Session)> {
    if mesh.strangers.is_cut(&who.id) {
        return Err(io::ErrorKind::HostUnreachable.into());
    }
    let mut stream = TcpStream::connect(who.at).await?;
    let me = mesh.swarm.me();
    let (peer, session) = link::dial(&mut stream, &mesh.key, &me, &who.id).await?;
    Ok((stream, peer, session))
}

/// Passes frames until the link breaks, the other dies, or there is a newer link to it.
async fn converse(mesh: &Mesh, stream: TcpStream, peer: Identity, session: Session) {
    // From here on it is known to live, and what it is the home of is not granted here.
    if !mesh.swarm.meet(&peer) || stream.set_nodelay(true).is_err() {
        return;
    }
    let (link, outbox) = Link::new(peer);
    mesh.links.put(&link);
    let _end = End(mesh, Arc::clone(&link));
    // It may have died between the two, unseen by who ends links.
    if !mesh.home.is_live(&link.peer) {
        return;
    }
    for post in mesh.desk.recent() {
        link.beats.put_older(post);
    }
    let (from, to) = stream.into_split();
    let (receiver, sender) = session.frames(BufReader::new(from), to);
    let why = tokio::select! {
        why = read(mesh, &link, receiver) => why,
        why = write(mesh, &link, outbox, sender) => why,
        () = link.ended() => return,
    };
    if let Err(error) = why {
        tracing::debug!(proxy = %link.peer.id, %error, "the mesh: a link broke");
    }
}

/// Takes a link away when its task ends, however it does.
struct End<'a>(&'a Mesh, Arc<Link>);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.links.take_away(&self.1);
    }
}

fn late() -> io::Error {
    io::ErrorKind::TimedOut.into()
}

async fn read<R: AsyncRead + Unpin>(mesh: &Mesh, link: &Link, mut receiver: Receiver<R>) -> io::Result<()> {
    loop {
        let says = timeout(SILENT, receiver.receive()).await.map_err(|_| late())??;
        let frame = Frame::read(&says).ok_or(io::ErrorKind::InvalidData)?;
        match frame {
            Frame::Idle => {}
            Frame::Ask(number, ask) => {
                // Where too many wait to be written, who asked has given up.
                let _ = link.say(&Frame::Reply(number, mesh.home.serve(&ask)));
            }
            Frame::Reply(number, reply) => link.answered(number, reply),
            Frame::Beat { run, number, beat } => mesh.desk.receive(run, Post { number, beat }),
            Frame::Hand(claims) => mesh.home.take(&claims),
            Frame::Handed => mesh.home.has_handed(&link.peer),
            Frame::Again => mesh.home.tell_again(),
        }
    }
}

async fn write<W: AsyncWrite + Unpin>(
    mesh: &Mesh,
    link: &Link,
    mut outbox: mpsc::Receiver<Vec<u8>>,
    mut sender: Sender<W>,
) -> io::Result<()> {
    let mut quarrels = mesh.home.quarrels();
    for handful in mesh.home.kept().chunks(HANDFUL) {
        let theirs = mesh.home.belonging(handful, &link.peer.id);
        if !theirs.is_empty() {
            send(&mut sender, &Frame::Hand(theirs.clone()).write()).await?;
            mesh.home.handed_over(&theirs);
        }
        // To look at a hundred thousand takes longer than others on this thread may wait.
        tokio::task::yield_now().await;
    }
    send(&mut sender, &Frame::Handed.write()).await?;
    loop {
        let says = tokio::select! {
            // Somebody waits for these.
            biased;
            Some(says) = outbox.recv() => says,
            Ok(()) = quarrels.changed() => Frame::Again.write(),
            post = link.beats.next() => {
                let Post { number, beat } = post;
                Frame::Beat { run: mesh.desk.run, number, beat }.write()
            }
            () = tokio::time::sleep(IDLE) => Frame::Idle.write(),
        };
        send(&mut sender, &says).await?;
    }
}

async fn send<W: AsyncWrite + Unpin>(sender: &mut Sender<W>, says: &[u8]) -> io::Result<()> {
    timeout(SILENT, sender.send(says)).await.map_err(|_| late())?
}
