//! An RTMP server whose manner a test chooses.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::rc::Rc;

use bytes::BytesMut;
use srs_names::envelope::HLS_PROPERTY;
use srs_net::rtmp::{Link, Request, accept};
use srs_rtmp::{Message, chunk, server};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;
use tokio::sync::broadcast;
use tokio::task::{AbortHandle, spawn_local};

use super::{config, key_frame};
use crate::plan::HostPort;

/// What a server says to those who play there.
#[derive(Clone, Debug)]
pub(crate) enum Say {
    Send(Message),
    Status(&'static str),
    Eof,
    Close,
}

/// What a server does with who comes.
#[derive(Clone, Debug)]
pub(crate) enum Manner {
    /// Lets him play, and sends him these first.
    Play(Vec<Message>),
    /// The same, and says first that the publisher is gone and awaited.
    Held(Vec<Message>),
    /// Refuses him with this code and description.
    Refuse(&'static str, &'static str),
    /// Lets him in and says nothing.
    Mute,
}

/// A play that a server was asked for.
pub(crate) struct Asked {
    pub(crate) request: server::PlayRequest,
}

impl Asked {
    pub(crate) fn property(&self, name: &str) -> Option<&str> {
        self.request.connect.object.get(name)?.as_str()
    }
}

/// An RTMP server.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) asked: Rc<RefCell<Vec<Asked>>>,
    /// Players that are there.
    pub(crate) players: Rc<Cell<usize>>,
    pub(crate) manner: Rc<RefCell<Manner>>,
    /// Where it says that its HLS is.
    pub(crate) hls: Rc<Cell<Option<u16>>>,
    /// What must stand behind the `?` of the stream; else a player is refused. None: he is let in.
    pub(crate) only: Rc<RefCell<Option<&'static str>>>,
    /// It does not say what program it is.
    pub(crate) is_strange: Rc<Cell<bool>>,
    say: broadcast::Sender<Say>,
    listening: AbortHandle,
}

/// One player less, however his session ends.
struct Player(Rc<Cell<usize>>);

impl Drop for Player {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

impl Server {
    pub(crate) async fn new(manner: Manner) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Server::on(listener, manner)
    }

    /// One whose players get a codec header and a key frame at `time` first.
    pub(crate) async fn live(time: u32, mark: u8) -> Server {
        Server::new(Manner::Play(vec![config(0, mark), key_frame(time, mark)])).await
    }

    /// Where one was before.
    pub(crate) async fn again(address: SocketAddr, manner: Manner) -> Server {
        Server::on(TcpListener::bind(address).await.unwrap(), manner)
    }

    fn on(listener: TcpListener, manner: Manner) -> Server {
        let address = listener.local_addr().unwrap();
        let (say, _) = broadcast::channel(1024);
        let asked = Rc::new(RefCell::new(Vec::new()));
        let players = Rc::new(Cell::new(0));
        let manner = Rc::new(RefCell::new(manner));
        let hls = Rc::new(Cell::new(None));
        let only = Rc::new(RefCell::new(None));
        let (told, needed) = (Rc::clone(&hls), Rc::clone(&only));
        let is_strange = Rc::new(Cell::new(false));
        let strange = Rc::clone(&is_strange);
        let shared = (Rc::clone(&asked), Rc::clone(&players), Rc::clone(&manner), say.clone());
        let listening = spawn_local(async move {
            let (asked, players, manner, say) = shared;
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (asked, players) = (Rc::clone(&asked), Rc::clone(&players));
                let (manner, say) = (Rc::clone(&manner), say.subscribe());
                let (hls, needed) = (told.get(), *needed.borrow());
                let mut words = server::Config::default();
                if strange.get() {
                    words.server_info.clear();
                }
                spawn_local(async move {
                    let session = accept(stream, words).await;
                    let _may_leave = serve(session.ok(), &asked, players, (&manner, hls, needed), say).await;
                });
            }
        });
        Server {
            address,
            asked,
            players,
            manner,
            hls,
            only,
            is_strange,
            say,
            listening: listening.abort_handle(),
        }
    }

    pub(crate) fn at(&self) -> HostPort {
        HostPort { host: self.address.ip().to_string(), port: self.address.port() }
    }

    pub(crate) fn say(&self, say: Say) {
        let _nobody_there = self.say.send(say);
    }

    pub(crate) fn send(&self, message: Message) {
        self.say(Say::Send(message));
    }

    /// How often it was asked for a stream.
    pub(crate) fn count(&self) -> usize {
        self.asked.borrow().len()
    }

    /// Closes, and all its connections.
    pub(crate) fn die(&self) {
        self.listening.abort();
        self.say(Say::Close);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.die();
    }
}

async fn serve(
    session: Option<(Link<server::Session>, Request)>,
    asked: &RefCell<Vec<Asked>>,
    players: Rc<Cell<usize>>,
    (manner, hls, only): (&RefCell<Manner>, Option<u16>, Option<&str>),
    mut say: broadcast::Receiver<Say>,
) -> Option<()> {
    let (mut link, request) = session?;
    let Request::Play(request) = request else { return None };
    let query = request.stream.split_once('?').map(|(_, query)| query.to_owned());
    asked.borrow_mut().push(Asked { request });
    players.set(players.get() + 1);
    let _player = Player(players);
    let manner = match only {
        Some(only) if query.as_deref() != Some(only) => {
            Manner::Refuse("NetStream.Play.Failed", "a bad token")
        }
        _ => manner.borrow().clone(),
    };
    let mut first = VecDeque::new();
    match manner {
        Manner::Refuse(code, description) => {
            link.machine().reject(code, description);
            let _told = link.drain().await;
            return None;
        }
        Manner::Play(messages) => {
            let hls = hls.map(|port| (HLS_PROPERTY, f64::from(port).into()));
            link.machine().accept_play_saying(hls);
            first.extend(messages.into_iter().map(Say::Send));
        }
        Manner::Held(messages) => {
            link.machine().accept_play_saying(None);
            first.push_back(Say::Status("NetStream.Play.Held"));
            first.extend(messages.into_iter().map(Say::Send));
        }
        Manner::Mute => {}
    }
    let (mut reader, mut write, mut outbox) = link.split();
    write.write_all(&outbox.take_all()).await.ok()?;
    let writer = chunk::Writer::new(server::Config::default().chunk_size);
    loop {
        let next = match first.pop_front() {
            Some(next) => next,
            None => tokio::select! {
                next = say.recv() => next.ok()?,
                step = reader.step() => match step {
                    Ok(Some(step)) if !matches!(step.event, Some(server::Event::EndOfStream)) => continue,
                    _ => return None,
                },
            },
        };
        let mut out = BytesMut::new();
        match next {
            Say::Send(message) => writer.write(&message, &mut out),
            Say::Status(code) => reader.machine.status("status", code, ""),
            Say::Eof => reader.machine.stream_eof(),
            Say::Close => return None,
        }
        out.extend_from_slice(&reader.machine.poll_output().unwrap_or_default());
        write.write_all(&out).await.ok()?;
    }
}
