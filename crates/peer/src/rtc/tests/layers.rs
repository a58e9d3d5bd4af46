//! Simulcast: a peer of the library's own, which sends three layers of one picture.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use srs_rtc::engine::{Asked, Event};
use srs_rtc::sdp::{Candidate as Way, Description};
use srs_rtc::{Engine, Path};
use str0m::change::SdpAnswer;
use str0m::media::{Direction, MediaKind, MediaTime, Mid, Rid, Simulcast, SimulcastLayer};
use str0m::net::{Protocol, Receive};
use str0m::{Candidate, Input, Output, Rtc};

use super::net::{client_address, ours, server_address};
use crate::rtc::{Session, Settings, publish};

struct Peer {
    now: Instant,
    rtc: Rtc,
    mid: Mid,
    session: Session,
    way: VecDeque<(bool, Vec<u8>)>,
    events: Vec<Event>,
    /// Layers of which a key frame was wanted.
    wanted: Vec<Option<Rid>>,
}

impl Peer {
    fn new() -> Peer {
        let now = Instant::now();
        let mut rtc = Rtc::builder().clear_codecs().enable_h264(true).build(now);
        rtc.add_local_candidate(Candidate::host(client_address(), "udp").unwrap());
        let mut api = rtc.sdp_api();
        let mut simulcast = Simulcast::new();
        for layer in ["h", "m", "l"] {
            simulcast.add_send_layer(SimulcastLayer::new(layer));
        }
        let mid = api.add_media(MediaKind::Video, Direction::SendOnly, None, None, Some(simulcast));
        let (offer, pending) = api.apply().unwrap();
        let accepted = publish(&Settings::default(), &offer.to_sdp_string(), ours(), now).unwrap();
        assert_eq!(accepted.layers.len(), 3);
        let mut answer = Description::parse(&accepted.answer).unwrap();
        answer.set_candidates(&[Way::host(server_address(), false, 0)]);
        let answer = SdpAnswer::from_sdp_string(&answer.to_string()).unwrap();
        rtc.sdp_api().accept_answer(pending, answer).unwrap();
        let session = accepted.engine;
        Peer { now, rtc, mid, session, way: VecDeque::new(), events: Vec::new(), wanted: Vec::new() }
    }

    fn run(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            self.now += Duration::from_millis(1);
            self.rtc.handle_input(Input::Timeout(self.now)).unwrap();
            self.take();
            while let Some((to_session, mut bytes)) = self.way.pop_front() {
                if to_session {
                    let path = Path { peer: client_address(), local: None, tcp: false };
                    self.session.datagram(self.now, path, &mut bytes);
                } else {
                    let from = server_address();
                    let receive = Receive::new(Protocol::Udp, from, client_address(), &bytes).unwrap();
                    self.rtc.handle_input(Input::Receive(self.now, receive)).unwrap();
                }
                self.take();
            }
        }
    }

    fn take(&mut self) {
        loop {
            match self.rtc.poll_output().unwrap() {
                Output::Timeout(_) => break,
                Output::Transmit(transmit) => self.way.push_back((true, transmit.contents.to_vec())),
                Output::Event(str0m::Event::KeyframeRequest(wanted)) => self.wanted.push(wanted.rid),
                Output::Event(_) => {}
            }
        }
        self.session.tick(self.now);
        let mut out = BytesMut::new();
        while self.session.next_datagram(self.now, &mut out).is_some() {
            self.way.push_back((false, out.split().to_vec()));
        }
        while let Some(event) = self.session.next_event(self.now) {
            self.events.push(event);
        }
    }

    /// Sends one picture of a layer: an IDR slice, filled with the layer's letter.
    fn send(&mut self, layer: &str, number: u64) {
        let mut data = vec![0, 0, 0, 1, 0x65];
        data.resize(2000, layer.as_bytes()[0]);
        let writer = self.rtc.writer(self.mid).unwrap();
        let pt = writer.payload_params().next().unwrap().pt();
        let time = MediaTime::from_90khz(number * 3000);
        writer.rid(layer.into()).write(pt, self.now, time, data).unwrap();
        self.take();
    }
}

fn connected() -> Peer {
    let mut peer = Peer::new();
    peer.run(Duration::from_secs(1));
    assert!(peer.events.iter().any(|event| matches!(event, Event::Connected)));
    for number in 0..10 {
        for layer in ["h", "m", "l"] {
            peer.send(layer, number);
        }
        peer.run(Duration::from_millis(33));
    }
    peer
}

#[test]
fn the_frames_of_each_layer_come_under_its_name() {
    let peer = connected();
    for layer in ["h", "m", "l"] {
        let frames = peer.events.iter().filter_map(|event| match event {
            Event::Frame(frame) => Some(frame),
            _ => None,
        });
        let frames: Vec<_> = frames.filter(|frame| frame.layer.as_deref() == Some(layer)).collect();
        assert_eq!(frames.len(), 10, "{layer}");
        assert!(
            frames.iter().all(|frame| frame.data.len() == 2000 && frame.data[100] == layer.as_bytes()[0])
        );
    }
}

#[test]
fn a_key_frame_is_asked_for_of_one_layer_or_of_all() {
    let mut peer = connected();
    peer.session.ask(peer.now, Asked::KeyFrame(Some("m".into())));
    peer.run(Duration::from_millis(20));
    assert_eq!(peer.wanted, [Some(Rid::from("m"))]);
    peer.session.ask(peer.now, Asked::KeyFrame(None));
    peer.run(Duration::from_millis(20));
    assert_eq!(peer.wanted.len(), 4);
}
