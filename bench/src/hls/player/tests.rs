use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};

use super::*;

/// A player, and the server whose answers the test writes.
struct Stage {
    listener: TcpListener,
    crew: Crew,
    player: Player,
    server: Option<TcpStream>,
    now_ns: u64,
}

impl Stage {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut crew = Crew {
            address: listener.local_addr().unwrap(),
            authority: "h".to_owned(),
            scratch: Scratch::new(),
            errors: BTreeMap::new(),
            measuring: true,
        };
        let player = Player::begin("/live/s.m3u8", false, &mut crew, 0);
        Self { listener, crew, player, server: None, now_ns: 0 }
    }

    /// Serves the player until it has asked for something; the path.
    fn asked(&mut self) -> String {
        self.player.serve(&mut self.crew, self.now_ns);
        if self.server.is_none() {
            self.server = Some(self.listener.accept().unwrap().0);
        }
        let server = self.server.as_mut().unwrap();
        let (mut head, mut byte) = (Vec::new(), [0]);
        while !head.ends_with(b"\r\n\r\n") {
            while self.player.is_sending() {
                self.player.serve(&mut self.crew, self.now_ns);
            }
            assert_eq!(server.read(&mut byte).unwrap(), 1);
            head.push(byte[0]);
        }
        String::from_utf8(head).unwrap().split(' ').nth(1).unwrap().to_owned()
    }

    fn answer(&mut self, status: u16, fields: &str, body: &[u8]) {
        let head = format!("HTTP/1.1 {status} x\r\n{fields}Content-Length: {}\r\n\r\n", body.len());
        let server = self.server.as_mut().unwrap();
        server.write_all(&[head.as_bytes(), body].concat()).unwrap();
        let until = self.player.bytes + (head.len() + body.len()) as u64;
        while self.player.bytes < until {
            self.player.serve(&mut self.crew, self.now_ns);
        }
    }

    fn list(&mut self, first: u64, count: u64) {
        let mut text = format!("#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:{first}\n#EXT-X-TARGETDURATION:2\n");
        (first..first + count).for_each(|number| text += &format!("#EXTINF:2.000,\ns-{number}.ts\n"));
        self.answer(200, "", text.as_bytes());
    }

    fn segment(&mut self) {
        let mut packet = vec![0x47; 188];
        packet[1..4].copy_from_slice(&[0x1f, 0xff, 0x10]);
        self.answer(200, "", &packet);
    }

    fn wake(&mut self) {
        self.now_ns += 1_000_000_000;
        self.player.wake(&mut self.crew, self.now_ns);
    }

    fn errors(&self) -> Vec<&str> {
        self.crew.errors.keys().map(String::as_str).collect()
    }
}

#[test]
fn a_player_begins_at_the_third_from_the_end_and_fetches_each_segment_once() {
    let mut stage = Stage::new();
    assert_eq!(stage.asked(), "/live/s.m3u8");
    stage.list(5, 6);
    for number in 8..=10 {
        assert_eq!(stage.asked(), format!("/live/s-{number}.ts"));
        stage.segment();
    }
    stage.wake();
    assert_eq!(stage.asked(), "/live/s.m3u8");
    stage.list(5, 6);
    stage.wake();
    assert_eq!(stage.asked(), "/live/s.m3u8");
    stage.list(6, 6);
    assert_eq!(stage.asked(), "/live/s-11.ts");
    stage.segment();
    assert_eq!((stage.player.segments, stage.player.lists, stage.player.dials), (4, 3, 1));
    assert!(stage.errors().is_empty(), "{:?}", stage.errors());
}

#[test]
fn a_master_list_leads_to_the_list_that_is_polled() {
    let mut stage = Stage::new();
    stage.asked();
    stage.answer(200, "", b"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\ns.m3u8?hls_ctx=a\n");
    assert_eq!(stage.asked(), "/live/s.m3u8?hls_ctx=a");
    stage.list(1, 1);
    assert_eq!(stage.asked(), "/live/s-1.ts");
}

#[test]
fn a_gap_and_a_list_that_went_back_are_errors() {
    let mut stage = Stage::new();
    stage.asked();
    stage.list(5, 1);
    stage.asked();
    stage.segment();
    stage.wake();
    stage.asked();
    stage.list(4, 2);
    assert_eq!(stage.errors(), ["list went back"]);
    stage.wake();
    stage.asked();
    stage.list(7, 1);
    assert_eq!(stage.errors(), ["gap of segments", "list went back"]);
    assert_eq!(stage.asked(), "/live/s-7.ts");
}

#[test]
fn a_connection_that_is_closed_between_answers_is_opened_again_without_an_error() {
    let mut stage = Stage::new();
    stage.asked();
    stage.list(1, 1);
    stage.asked();
    stage.answer(200, "Connection: close\r\n", &[0x47; 188]);
    stage.wake();
    stage.server = None;
    assert_eq!(stage.asked(), "/live/s.m3u8");
    assert_eq!((stage.player.dials, stage.errors().len()), (2, 0));
}

#[test]
fn a_missing_segment_is_an_error_and_the_next_one_is_fetched() {
    let mut stage = Stage::new();
    stage.asked();
    stage.list(1, 2);
    stage.asked();
    stage.answer(404, "", b"gone");
    assert_eq!(stage.errors(), ["status 404 of a segment"]);
    assert_eq!(stage.asked(), "/live/s-2.ts");
}

#[test]
fn three_target_durations_without_a_segment_are_a_stall() {
    let mut stage = Stage::new();
    stage.asked();
    stage.list(1, 1);
    stage.asked();
    stage.segment();
    (0..7).for_each(|_| stage.wake());
    stage.asked();
    stage.list(1, 2);
    assert!(stage.player.is_starved(stage.now_ns));
    stage.asked();
    stage.segment();
    assert_eq!((stage.player.stalls, stage.player.is_starved(stage.now_ns)), (1, false));
}
