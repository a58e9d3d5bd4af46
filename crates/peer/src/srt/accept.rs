//! A listener's side of the handshake: what a caller asks for is looked at, and answered.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use srs_srt::handshake::{self, Extension, ExtensionKind, Handshake, Kind, Srt};
use srs_srt::{Engine, Reason, SocketId};

use super::agreed::{self, Agreed};
use super::engine::Peer;
use super::keys::Cipher;
use super::settings::{Passphrase, Settings};

/// A caller that was taken.
pub struct Accepted {
    /// Our end of the connection.
    pub engine: Box<dyn Engine>,
    /// The datagram that tells the caller: our conclusion. It is to be sent again for each repetition of the caller's.
    pub answer: Vec<u8>,
}

impl std::fmt::Debug for Accepted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Accepted").finish_non_exhaustive()
    }
}

/// "live", the congestion controller, as an extension says it.
const LIVE: &[u8] = b"evil";

/// Takes the caller of this conclusion, whose cookie was good. `local` is the socket id of this end, `rtt` a first
/// guess. Key material costs a derivation of keys, a third of a millisecond.
///
/// # Errors
/// Why it is to be refused, as libsrt would have it.
pub fn accept(
    settings: &Settings,
    asked: &Handshake<'_>,
    local: SocketId,
    from: SocketAddr,
    rtt: Duration,
    now: Instant,
) -> Result<Accepted, Reason> {
    let (word, message) = check(asked)?;
    let (payload, mtu) = agreed::sizes(settings, &asked.fields)?;
    let cipher = cipher(settings.passphrase.as_ref(), message, settings)?;
    let receive_latency =
        agreed::longer(settings.own_latency(), if settings.tsbpd { word.send_delay } else { 0 });
    let send_latency = agreed::longer(settings.peer_latency, word.receive_delay);

    let mut fields = asked.fields.answer_conclusion(local, from.ip());
    fields.encryption = cipher.as_ref().map_or(0, |cipher| cipher.km.length.said());
    fields.mtu = mtu;
    fields.window = agreed::WINDOW.min(u32::try_from(settings.receive_packets()).unwrap_or(u32::MAX));
    let said = agreed::word(settings, receive_latency, send_latency).write();
    let mut extensions = vec![Extension { kind: ExtensionKind::HSRSP, content: &said }];
    let message = cipher.as_ref().map(|cipher| cipher.message.clone());
    extensions.extend(message.iter().map(|content| Extension { kind: ExtensionKind::KMRSP, content }));
    let answer =
        handshake::write(&fields, &extensions, asked.fields.socket, 0).map_err(|_| Reason::INTERNAL_ERROR)?;

    let agreed = Agreed {
        from,
        local,
        remote: asked.fields.socket,
        sequence: asked.fields.sequence,
        payload,
        window: agreed::window(&asked.fields),
        receive_latency,
        send_latency,
        start: now,
        theirs: asked.timestamp,
        rtt,
        cipher,
    };
    let engine = Peer::new(settings, agreed, now).ok_or(Reason::INTERNAL_ERROR)?;
    Ok(Accepted { engine: Box::new(engine), answer })
}

/// What a conclusion wants: the caller's word and its key material.
fn check<'a>(asked: &Handshake<'a>) -> Result<(Srt, Option<&'a [u8]>), Reason> {
    let fields = &asked.fields;
    // Who would call at the same time (rendezvous) has nothing to say to a listener.
    if fields.kind != Kind::Conclusion {
        return Err(Reason::ROGUE);
    }
    if fields.version != 5 {
        return Err(Reason::VERSION);
    }
    if !matches!(fields.encryption, 0 | 2..=4) || fields.sequence > super::numbers::MASK {
        return Err(Reason::ROGUE);
    }
    let mut message = None;
    for Extension { kind, content } in asked.extensions.iter() {
        match kind {
            ExtensionKind::KMREQ if message.is_none() => message = Some(content),
            ExtensionKind::CONGESTION if content == LIVE => {}
            ExtensionKind::CONGESTION => return Err(Reason::CONGESTION),
            ExtensionKind::FILTER => return Err(Reason::FILTER),
            ExtensionKind::GROUP => return Err(Reason::GROUP),
            ExtensionKind::STREAM_ID if content.is_empty() => return Err(Reason::ROGUE),
            ExtensionKind::HSREQ | ExtensionKind::STREAM_ID => {}
            // Answers, a second message of keys, and what no caller says. Kinds of later versions go by, as at libsrt.
            ExtensionKind(0) | ExtensionKind::HSRSP | ExtensionKind::KMREQ | ExtensionKind::KMRSP => {
                return Err(Reason::ROGUE);
            }
            _ => {}
        }
    }
    asked.stream_id().map_err(|_| Reason::ROGUE)?;
    let word = asked.srt().map_err(|_| Reason::ROGUE)?.ok_or(Reason::ROGUE)?;
    Ok((agreed::check_word(word)?, message))
}

fn cipher(
    passphrase: Option<&Passphrase>,
    message: Option<&[u8]>,
    settings: &Settings,
) -> Result<Option<Cipher>, Reason> {
    match (passphrase, message) {
        (None, None) => Ok(None),
        (Some(passphrase), Some(message)) => Cipher::open(message, passphrase, settings).map(Some),
        (Some(_), None) | (None, Some(_)) => Err(Reason::UNSECURE),
    }
}
