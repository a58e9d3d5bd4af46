//! The library's connection, and the only door to it.
//!
//! A panic inside it ends that connection and nothing else.

use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use srt_protocol::connection::{Connection, ConnectionSettings, DuplexConnection};
use srt_protocol::options::{DataRate, LiveBandwidthMode, PacketCount, PacketSize};
use srt_protocol::packet::{
    Acknowledgement, ControlTypes, DataEncryption, DataPacket, MsgNumber, Packet, PacketLocation, SeqNumber,
    SocketId, SrtControlPacket, TimeStamp,
};
use srt_protocol::protocol::handshake::Handshake;

use super::agreed::Agreed;
use super::keys;
use super::settings::Settings;

/// Bytes per second of a gigabit: the most there is where nothing else is said, as with libsrt.
const GIGABIT: u64 = 1_000_000_000 / 8;
/// For what is not to happen at all: this is judged by us.
const NEVER: Duration = Duration::from_secs(365 * 24 * 3600);

/// Calls into the library. None when that panicked.
pub(super) fn guarded<T>(call: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(call))
        .inspect_err(|_| tracing::error!("srt: a defect of the connection's core; the connection ends"))
        .ok()
}

/// What became of a packet of media.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    /// It waits for its time.
    Yes,
    /// It cannot be decrypted.
    Undecrypted,
    /// There is no room for it, or it is of no use.
    No,
}

/// A packet that leaves.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Leaving {
    /// Media with this number.
    Media(u32),
    /// An acknowledgement that says this round trip and its variance.
    Acknowledgement(Duration, Duration),
    /// Key material of the peer that was unwrapped.
    Keys(Vec<u8>),
    /// Anything else.
    Other,
}

/// Figures that the library counts.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Counted {
    pub sent: u64,
    pub resent: u64,
    pub dropped: u64,
}

/// A packet of media as the library gets it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Media<'a> {
    pub number: u32,
    /// 0 none, 1 the even, 2 the odd one.
    pub key: u8,
    pub again: bool,
    /// In our time.
    pub time: u32,
    pub payload: &'a [u8],
}

/// The library's connection; none once it has panicked.
#[derive(Debug)]
pub(super) struct Core {
    inner: Option<Box<DuplexConnection>>,
    from: SocketAddr,
    local: SocketId,
}

impl Core {
    /// None when the library panics.
    pub fn new(settings: &Settings, agreed: &mut Agreed) -> Option<Core> {
        let rate = if settings.most_bandwidth == 0 { GIGABIT } else { settings.most_bandwidth };
        let local = SocketId(agreed.local.0);
        let settings = ConnectionSettings {
            remote: agreed.from,
            remote_sockid: SocketId(agreed.remote.0),
            local_sockid: local,
            socket_start_time: agreed.start,
            rtt: agreed.rtt,
            init_seq_num: SeqNumber::new_truncate(agreed.sequence),
            max_packet_size: PacketSize(agreed.payload as u64),
            max_flow_size: PacketCount(agreed.window.into()),
            // Also how long it goes on after the peer's end: long enough for what it still has.
            send_tsbpd_latency: agreed.send_latency.max(agreed.receive_latency),
            recv_tsbpd_latency: agreed.receive_latency,
            // What comes too late is given up by `losses`.
            too_late_packet_drop: false,
            peer_idle_timeout: NEVER,
            recv_buffer_size: PacketCount(settings.receive_packets() as u64),
            send_buffer_size: PacketCount((settings.send_packets() as u64).saturating_add(16)),
            cipher: agreed.cipher.take().map(|cipher| cipher.settings),
            stream_id: None,
            bandwidth: LiveBandwidthMode::Max(DataRate(rate)),
            statistics_interval: NEVER,
        };
        let connection = Connection { settings, handshake: Handshake::Connector };
        let inner = guarded(|| Box::new(DuplexConnection::new(connection)))?;
        Some(Core { inner: Some(inner), from: agreed.from, local })
    }

    fn call<T>(&mut self, call: impl FnOnce(&mut DuplexConnection) -> T) -> Option<T> {
        let inner = self.inner.as_mut()?;
        let done = guarded(|| call(inner));
        if done.is_none() {
            self.inner = None;
        }
        done
    }

    /// Whether it goes on: after the peer's end it does until everything was given out.
    pub fn is_open(&self) -> bool {
        self.inner.as_ref().is_some_and(|inner| inner.is_open())
    }

    /// A control packet, which was looked at.
    pub fn control(&mut self, now: Instant, packet: &[u8]) {
        let from = self.from;
        self.call(|inner| {
            if let Ok(packet) = Packet::parse(&mut &*packet, false) {
                inner.handle_packet_input(now, Ok((packet, from)));
            }
        });
    }

    /// A packet of media, which was looked at. An empty one stands for what was lost, and comes out as an empty
    /// message.
    pub fn media(&mut self, now: Instant, media: Media<'_>) -> Taken {
        let (from, dest_sockid) = (self.from, self.local);
        let encryption = match media.key {
            0 => DataEncryption::None,
            1 => DataEncryption::Even,
            _ => DataEncryption::Odd,
        };
        let taken = self.call(|inner| {
            let packet = DataPacket {
                seq_number: SeqNumber::new_truncate(media.number),
                message_loc: PacketLocation::ONLY,
                in_order_delivery: false,
                encryption,
                retransmitted: media.again,
                // As different as they are to be, whatever the peer says: it looks for others of the same number.
                message_number: MsgNumber::new_truncate(media.number),
                timestamp: TimeStamp::from_micros(media.time),
                dest_sockid,
                payload: Bytes::copy_from_slice(media.payload),
            };
            let count = |inner: &DuplexConnection| {
                let counted = inner.statistics();
                (counted.rx_unique_data.wrapping_add(counted.rx_retransmit_data), counted.rx_decrypt_errors)
            };
            let before = count(inner);
            inner.handle_packet_input(now, Ok((Packet::Data(packet), from)));
            let after = count(inner);
            if after.0 != before.0 {
                Taken::Yes
            } else if after.1 != before.1 {
                Taken::Undecrypted
            } else {
                Taken::No
            }
        });
        taken.unwrap_or(Taken::No)
    }

    /// A message to be sent.
    pub fn send(&mut self, now: Instant, message: Bytes) {
        self.call(|inner| inner.handle_data_input(now, Some((now, message))));
    }

    /// Packets that wait to be sent or acknowledged.
    pub fn waiting(&mut self, now: Instant) -> u64 {
        let count = |inner: &mut DuplexConnection| {
            inner.update_statistics(now);
            inner.statistics().tx_buffered_data
        };
        self.call(count).unwrap_or(0)
    }

    /// Does what is due, and says when there is more.
    pub fn tick(&mut self, now: Instant) -> Option<Instant> {
        self.call(|inner| inner.check_timers(now))
    }

    /// Appends the next packet that is to be sent. What it asks for again is left out: that is done by `losses`.
    pub fn next_packet(&mut self, now: Instant, out: &mut BytesMut) -> Option<Leaving> {
        self.call(|inner| {
            loop {
                let (packet, _) = inner.next_packet(now)?;
                let leaving = match &packet {
                    Packet::Data(data) => Leaving::Media(data.seq_number.as_raw()),
                    Packet::Control(control) => match &control.control_type {
                        ControlTypes::Nak(_) => continue,
                        ControlTypes::Ack(Acknowledgement::Full(_, said, _)) => {
                            let micros = |span: i32| Duration::from_micros(u64::try_from(span).unwrap_or(0));
                            let (mean, variance) =
                                (said.rtt.mean().as_micros(), said.rtt.variance().as_micros());
                            Leaving::Acknowledgement(micros(mean), micros(variance))
                        }
                        ControlTypes::Srt(SrtControlPacket::KeyRefreshResponse(message)) => {
                            Leaving::Keys(keys::bytes(message.clone()))
                        }
                        _ => Leaving::Other,
                    },
                };
                packet.serialize(out);
                return Some(leaving);
            }
        })?
    }

    /// The next message whose time has come; empty where one was lost.
    pub fn next_message(&mut self, now: Instant) -> Option<Bytes> {
        self.call(|inner| inner.next_data(now))?.map(|(_, message)| message)
    }

    /// What the library counted.
    pub fn counted(&self) -> Counted {
        let Some(counted) = self.inner.as_ref().map(|inner| inner.statistics()) else {
            return Counted::default();
        };
        Counted {
            sent: counted.tx_unique_data,
            resent: counted.tx_retransmit_data,
            dropped: counted.tx_dropped_data,
        }
    }
}
