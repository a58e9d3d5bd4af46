//! A caller's side of the handshake.

use std::hash::{BuildHasher as _, RandomState};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use srs_srt::engine::{CallError, Caller, Progress};
use srs_srt::handshake::{self, Extension, ExtensionKind, Fields, Handshake, Kind, MAGIC, stream_id_words};
use srs_srt::{Reason, SocketId};

use super::agreed::{self, Agreed};
use super::engine::Peer;
use super::keys::{self, Cipher};
use super::numbers;
use super::settings::{KeyLength, Settings};

/// After how long the same is said again, by libsrt.
const AGAIN: Duration = Duration::from_millis(250);
/// What an induction has in its extension field: UDT's mark of datagrams.
const DATAGRAMS: u16 = 2;
/// Where a packet's time stands.
const TIME: std::ops::Range<usize> = 8..12;

/// A call of a listener.
#[derive(Debug)]
pub struct Call {
    settings: Settings,
    /// The stream id as an extension says it; none for none.
    stream_id: Option<Vec<u8>>,
    to: SocketAddr,
    local: SocketId,
    sequence: u32,
    start: Instant,
    /// What is said now, again and again.
    saying: Vec<u8>,
    /// When it is said next.
    due: Instant,
    /// When it was last said.
    said: Instant,
    state: State,
}

#[derive(Debug)]
enum State {
    Induction,
    Conclusion(Option<Cipher>),
    Over,
}

impl Call {
    /// Calls this listener for this stream. `local` is the socket id of this end, not 0.
    ///
    /// # Errors
    /// Those of [`stream_id_words`].
    pub fn new(
        settings: &Settings,
        stream_id: Option<&str>,
        to: SocketAddr,
        local: SocketId,
        now: Instant,
    ) -> Result<Call, handshake::Error> {
        let stream_id = stream_id.filter(|text| !text.is_empty()).map(stream_id_words).transpose()?;
        // It is to be different each time; who guesses it must still be at the peer's address.
        let sequence = RandomState::new().hash_one((to, local)) as u32 & numbers::MASK;
        let mut call = Call {
            settings: settings.clone(),
            stream_id,
            to,
            local,
            sequence,
            start: now,
            saying: Vec::new(),
            due: now,
            said: now,
            state: State::Induction,
        };
        call.saying = call.fields(4, DATAGRAMS, Kind::Induction, 0).write(SocketId::LISTENER, 0).to_vec();
        Ok(call)
    }

    /// Begins with this number instead.
    #[cfg(test)]
    pub(super) fn begin_with(&mut self, sequence: u32) {
        self.sequence = sequence;
        self.saying = self.fields(4, DATAGRAMS, Kind::Induction, 0).write(SocketId::LISTENER, 0).to_vec();
    }

    fn fields(&self, version: u32, extension: u16, kind: Kind, cookie: u32) -> Fields {
        let (sequence, mtu, window, socket) =
            (self.sequence, self.settings.mtu(), agreed::WINDOW, self.local);
        let window = window.min(u32::try_from(self.settings.receive_packets()).unwrap_or(u32::MAX));
        let peer_ip = handshake::peer_ip(self.to.ip());
        Fields { version, encryption: 0, extension, sequence, mtu, window, kind, socket, cookie, peer_ip }
    }

    /// The listener has answered the induction: what is wanted is said, with its cookie.
    fn conclude(&mut self, now: Instant, answer: &Fields) -> Result<(), CallError> {
        if answer.version < 5 || answer.extension != MAGIC {
            return Err(CallError::Refused(Reason::VERSION));
        }
        // A listener that says how long keys are to be has its way.
        let theirs = match answer.encryption {
            2..=4 => KeyLength::new(u64::from(answer.encryption) * 8),
            _ => None,
        };
        let length = theirs.unwrap_or(self.settings.key_length);
        let make = |passphrase| Cipher::make(passphrase, length, &self.settings).ok_or(CallError::Broken);
        let cipher = self.settings.passphrase.as_ref().map(make).transpose()?;

        let mut fields = self.fields(5, 0, Kind::Conclusion, answer.cookie);
        fields.encryption = cipher.as_ref().map_or(0, |cipher| cipher.km.length.said());
        let (receive, send) = (self.settings.own_latency(), agreed::longer(self.settings.peer_latency, 0));
        let word = agreed::word(&self.settings, receive, send).write();
        let mut extensions = vec![Extension { kind: ExtensionKind::HSREQ, content: &word }];
        let id = self.stream_id.as_deref();
        extensions.extend(id.map(|content| Extension { kind: ExtensionKind::STREAM_ID, content }));
        let message = cipher.as_ref().map(|cipher| cipher.message.as_slice());
        extensions.extend(message.map(|content| Extension { kind: ExtensionKind::KMREQ, content }));
        let saying =
            handshake::write(&fields, &extensions, SocketId::LISTENER, 0).map_err(|_| CallError::Broken)?;
        (self.saying, self.due, self.state) = (saying, now, State::Conclusion(cipher));
        Ok(())
    }

    /// The listener has answered the conclusion.
    fn connect(&self, now: Instant, answer: &Handshake<'_>, cipher: Option<Cipher>) -> Result<Peer, Reason> {
        let fields = &answer.fields;
        // Both ends count from the same number, or could not share a key.
        if fields.version < 5 || fields.sequence != self.sequence {
            return Err(Reason::ROGUE);
        }
        let (payload, _) = agreed::sizes(&self.settings, fields)?;
        let word = answer.srt().map_err(|_| Reason::ROGUE)?.ok_or(Reason::ROGUE)?;
        let word = agreed::check_word(word)?;
        let message = answer.extensions.iter().find(|extension| extension.kind == ExtensionKind::KMRSP);
        match (&cipher, message.map(|extension| extension.content)) {
            (None, None) => {}
            (Some(cipher), Some(content)) if content == cipher.message => {}
            (Some(_), Some(content)) => return Err(keys::refused(content).unwrap_or(Reason::BAD_SECRET)),
            (Some(_), None) | (None, Some(_)) => return Err(Reason::UNSECURE),
        }
        let theirs = if self.settings.tsbpd { word.send_delay } else { 0 };
        let agreed = Agreed {
            from: self.to,
            local: self.local,
            remote: fields.socket,
            sequence: self.sequence,
            payload,
            window: agreed::window(fields),
            receive_latency: agreed::longer(self.settings.own_latency(), theirs),
            send_latency: agreed::longer(self.settings.peer_latency, word.receive_delay),
            start: self.start,
            theirs: answer.timestamp,
            rtt: now.saturating_duration_since(self.said),
            cipher,
        };
        Peer::new(&self.settings, agreed, now).ok_or(Reason::INTERNAL_ERROR)
    }
}

impl Caller for Call {
    fn local_id(&self) -> SocketId {
        self.local
    }

    fn packet(&mut self, now: Instant, datagram: &mut [u8]) -> Progress {
        let Ok(answer) = Handshake::read(datagram) else { return Progress::Waiting };
        if answer.destination != self.local {
            return Progress::Waiting;
        }
        let (kind, state) = (answer.fields.kind, std::mem::replace(&mut self.state, State::Over));
        let failed = match (kind, state) {
            (_, State::Over) => return Progress::Waiting,
            (Kind::Rejection(reason), _) => CallError::Refused(reason),
            (Kind::Induction, State::Induction) => match self.conclude(now, &answer.fields) {
                Ok(()) => return Progress::Waiting,
                Err(error) => error,
            },
            (Kind::Conclusion, State::Conclusion(cipher)) => match self.connect(now, &answer, cipher) {
                Ok(peer) => return Progress::Connected(Box::new(peer)),
                Err(reason) => CallError::Refused(reason),
            },
            (_, state) => {
                self.state = state;
                return Progress::Waiting;
            }
        };
        Progress::Failed(failed)
    }

    fn tick(&mut self, now: Instant) -> Option<Instant> {
        let end = self.start + self.settings.connect_timeout;
        if now >= end || matches!(self.state, State::Over) { None } else { Some(self.due.min(end).max(now)) }
    }

    fn next_packet(&mut self, now: Instant, out: &mut BytesMut) -> bool {
        if now < self.due || matches!(self.state, State::Over) {
            return false;
        }
        (self.due, self.said) = (now + AGAIN, now);
        // The listener counts the time of media from the time of the conclusion that it heard.
        let time = now.saturating_duration_since(self.start).as_micros() as u32;
        if let Some(field) = self.saying.get_mut(TIME) {
            field.copy_from_slice(&time.to_be_bytes());
        }
        out.extend_from_slice(&self.saying);
        true
    }
}
