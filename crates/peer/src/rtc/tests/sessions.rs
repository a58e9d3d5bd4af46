use std::time::Duration;

use bytes::Bytes;
use srs_rtc::engine::{Asked, Event};
use srs_rtc::{Codec, Engine};

use super::net::{BOTH, Net, frames, packet, packets, play_pictures, send_picture};
use crate::rtc::Settings;

#[test]
fn a_publisher_connects_and_its_frames_come_whole() {
    let mut net = Net::publish(&Settings::default(), &BOTH);
    net.connect();
    for number in 0..30 {
        send_picture(&mut net, number);
        let sound = vec![number as u8; 100];
        let now = net.now;
        net.client.send(now, &packet(Codec::Opus, number * 960, false, now, &sound));
        net.run(Duration::from_millis(33));
    }
    net.run(Duration::from_millis(100));
    let pictures = frames(&net, Codec::H264);
    assert_eq!(pictures.len(), 30);
    for (number, frame) in pictures.iter().enumerate() {
        let slice = [vec![0, 0, 0, 1, 0x65], vec![number as u8; 1500]].concat();
        let mut whole = vec![0, 0, 0, 1, 0x67, 0x42, 0xe0, 0x1f, 0, 0, 0, 1, 0x68, 0xce];
        whole.extend_from_slice(&slice);
        assert_eq!(frame.data, Bytes::from(whole), "picture {number}");
        assert!(frame.key && frame.follows);
        assert_eq!(frame.clock, 90_000);
    }
    let sounds = frames(&net, Codec::Opus);
    assert_eq!(sounds.len(), 30);
    assert!(sounds.iter().enumerate().all(|(number, frame)| frame.data == vec![number as u8; 100]));
    assert!(sounds.iter().any(|frame| frame.report.is_some()), "sender reports are passed on");
    let stats = net.session.stats(net.now);
    assert_eq!((stats.received_packets, stats.lost), (120, 0));
}

#[test]
fn a_publisher_that_names_no_streams_is_known_by_its_payload_types() {
    let mut net = Net::publish_with(&Settings::default(), &BOTH, |offer| {
        let names = |line: &&str| line.starts_with("a=ssrc") || line.contains("sdes:mid");
        offer.lines().filter(|line| !names(line)).map(|line| format!("{line}\r\n")).collect()
    });
    net.connect();
    for number in 0..5 {
        send_picture(&mut net, number);
        net.run(Duration::from_millis(33));
    }
    assert_eq!(frames(&net, Codec::H264).len(), 5);
}

#[test]
fn a_frame_comes_out_with_its_last_packet_while_nothing_is_missing() {
    let mut net = Net::publish(&Settings::default(), &BOTH);
    net.connect();
    send_picture(&mut net, 1);
    let sent = net.now;
    net.until(Duration::from_secs(1), |net| !frames(net, Codec::H264).is_empty());
    assert!(net.now - sent <= Duration::from_millis(12));
}

#[test]
fn a_publishers_lost_packets_are_asked_for_and_no_frame_is_missing() {
    let mut net = Net::publish(&Settings::default(), &BOTH);
    net.connect();
    net.loses = (0, 20);
    for number in 0..200 {
        send_picture(&mut net, number);
        net.run(Duration::from_millis(33));
    }
    net.loses = (0, 0);
    net.run(Duration::from_secs(1));
    let pictures = frames(&net, Codec::H264);
    assert_eq!(pictures.len(), 200);
    assert!(pictures.iter().all(|frame| frame.follows));
}

#[test]
fn a_packet_that_comes_late_is_put_in_its_place() {
    let settings = Settings { rtx: false, ..Settings::default() };
    let mut net = Net::publish(&settings, &BOTH);
    net.connect();
    net.loses = (0, 20);
    net.late = Duration::from_millis(50);
    for number in 0..100 {
        send_picture(&mut net, number);
        net.run(Duration::from_millis(33));
    }
    net.run(Duration::from_secs(1));
    let pictures = frames(&net, Codec::H264);
    assert_eq!(pictures.len(), 100);
    assert!(pictures.iter().all(|frame| frame.follows));
    assert!(net.client.stats(net.now).sent_packets == 300);
    assert_eq!(net.session.stats(net.now).lost, 0);
}

#[test]
fn a_packet_that_never_comes_is_given_up_and_what_follows_says_so() {
    let settings = Settings { rtx: false, nack: false, ..Settings::default() };
    let mut net = Net::publish(&settings, &BOTH);
    net.connect();
    for number in 0..60 {
        net.loses = if number == 20 { (0, 1) } else { (0, 0) };
        send_picture(&mut net, number);
        net.run(Duration::from_millis(33));
    }
    net.run(Duration::from_secs(1));
    let pictures = frames(&net, Codec::H264);
    assert_eq!(pictures.len(), 59);
    assert_eq!(pictures.iter().filter(|frame| !frame.follows).count(), 1);
    assert_eq!(net.session.stats(net.now).lost, 3);
}

#[test]
fn a_player_gets_each_packet_as_it_was_sent_with_numbers_without_gaps() {
    let mut net = Net::play(&Settings::default(), &BOTH, &BOTH);
    net.connect();
    play_pictures(&mut net, 50);
    let pictures = packets(&net, Codec::H264);
    assert_eq!(pictures.len(), 100);
    for (at, packet) in pictures.iter().enumerate() {
        let number = (at / 2) as u32;
        let payload = [&number.to_be_bytes()[..], &[(at % 2) as u8], &[7; 1100]].concat();
        assert_eq!(packet.payload, payload);
        assert_eq!((packet.time, packet.marker), (number * 3000, at % 2 == 1));
        assert_eq!(packet.sequence, pictures[0].sequence + at as u64);
    }
    assert_eq!(packets(&net, Codec::Opus).len(), 50);
    assert_eq!(net.session.stats(net.now).sent_packets, 150);
}

#[test]
fn a_players_lost_packets_are_sent_again() {
    let mut net = Net::play(&Settings::default(), &BOTH, &BOTH);
    net.connect();
    net.loses = (20, 0);
    play_pictures(&mut net, 300);
    let mut numbers: Vec<u64> = packets(&net, Codec::H264).iter().map(|packet| packet.sequence).collect();
    numbers.sort_unstable();
    assert_eq!(numbers.len(), 600);
    assert!(numbers.windows(2).all(|pair| pair[0] + 1 == pair[1]));
    let stats = net.session.stats(net.now);
    assert!(stats.resent > 0, "{stats:?}");
    assert!(stats.rtt > Duration::ZERO);
}

#[test]
fn what_has_no_agreed_codec_is_thrown_away_and_counted() {
    let mut net = Net::play(&Settings::default(), &BOTH, &BOTH);
    net.connect();
    net.session.send(net.now, &packet(Codec::H265, 0, true, net.now, &[1, 2, 3]));
    net.session.send(net.now, &packet(Codec::H264, 0, true, net.now, &[0; 5000]));
    net.run(Duration::from_millis(100));
    assert_eq!(net.session.stats(net.now).unsent, 2);
    assert!(packets(&net, Codec::H264).is_empty());
}

#[test]
fn a_player_that_wants_a_key_frame_is_heard() {
    let mut net = Net::play(&Settings::default(), &BOTH, &BOTH);
    net.connect();
    play_pictures(&mut net, 3);
    net.client.ask(net.now, Asked::KeyFrame(None));
    net.run(Duration::from_millis(100));
    assert!(net.session_events.iter().any(|event| matches!(event, Event::KeyFrameWanted)));
}

#[test]
fn a_publisher_is_asked_for_a_key_frame_and_for_less() {
    let mut net = Net::publish(&Settings::default(), &BOTH);
    net.connect();
    send_picture(&mut net, 0);
    net.run(Duration::from_millis(100));
    net.session.ask(net.now, Asked::KeyFrame(None));
    net.session.ask(net.now, Asked::Bandwidth(500_000));
    net.run(Duration::from_millis(100));
    assert!(net.client_events.iter().any(|event| matches!(event, Event::KeyFrameWanted)));
    let bits = net.client_events.iter().find_map(|event| match event {
        Event::Bandwidth(bits) => Some(*bits),
        _ => None,
    });
    assert!(bits.is_some_and(|bits| (490_000..=510_000).contains(&bits)), "{bits:?}");
}

#[test]
fn a_player_with_estimates_learns_what_its_way_is_good_for() {
    let settings = Settings { estimate: Some(1_000_000), ..Settings::default() };
    let mut net = Net::play(&settings, &BOTH, &BOTH);
    net.connect();
    play_pictures(&mut net, 60);
    assert!(net.session_events.iter().any(|event| matches!(event, Event::Bandwidth(1..))));
    assert_eq!(packets(&net, Codec::H264).len(), 120);
}

#[test]
fn each_codec_goes_through() {
    for codec in [Codec::H264, Codec::H265, Codec::Av1, Codec::Vp8, Codec::Vp9] {
        let mut net = Net::play(&Settings::default(), &[codec, Codec::Opus], &[codec, Codec::Opus]);
        net.connect();
        for number in 0..3 {
            net.session.send(net.now, &packet(codec, number, true, net.now, &[1, 2, 3, 4]));
            net.run(Duration::from_millis(20));
        }
        net.run(Duration::from_millis(100));
        assert_eq!(packets(&net, codec).len(), 3, "{codec:?}");
    }
}
