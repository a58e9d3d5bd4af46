//! Streams whose second track begins while they are watched.

use std::future::Future;
use std::time::Duration;

use http::StatusCode;
use srs_flv::body;
use srs_flv::compose::{Coding, Composer, Unit};
use srs_hub::Publisher;
use srs_rtc::engine::Ended;
use srs_rtc::{Codec, Track};

use super::super::testkit::*;
use crate::testkit::{key, publisher};

/// A publisher that sends what it is told to, each 20 ms of the stream's time.
struct Source {
    publisher: Publisher,
    composer: Composer,
    next: u32,
}

impl Source {
    fn new(doors: &Doors) -> Source {
        Source { publisher: publisher(&doors.gateway, "a"), composer: Composer::new(), next: 0 }
    }

    fn push(&mut self, coding: Coding, data: &[u8]) {
        let (time, publisher) = (i64::from(self.next) * 20, &self.publisher);
        let unit = Unit::at(coding, time, time, data);
        self.composer.push(&unit, &mut |frame| publisher.push(frame).unwrap()).unwrap();
    }

    fn sound(&mut self) {
        let packet = opus(self.next);
        self.push(Coding::OpusPacket { channels: 2 }, &packet);
    }

    fn picture(&mut self) {
        self.push(Coding::H264, KEY);
    }

    /// A frame of VP8 as encoders send it that say nothing of it before.
    fn bare_vp8(&mut self) {
        let body = body::whole(body::Whole::Vp8, true, &[0x30, 0x2c, 0, 0x9d, 1, 0x2a, 0x62, 0, 0x42, 0]);
        crate::testkit::video(&self.publisher, i64::from(self.next) * 20, &body);
    }

    fn both(&mut self) {
        self.sound();
        self.picture();
    }

    /// Sound, and pictures that nobody is told of.
    fn bare(&mut self) {
        self.bare_vp8();
        self.sound();
    }

    fn aac(&mut self, header: bool) {
        const SILENCE: &[u8] = &[0x21, 0x00, 0x49, 0x90, 0x02, 0x19, 0x00, 0x23, 0x80];
        let body = if header { body::audio_config(&[0x11, 0x90]) } else { body::audio(SILENCE) };
        let frame = srs_flv::demux(srs_flv::AUDIO, i64::from(self.next) * 20, body).unwrap();
        self.publisher.push(frame).unwrap();
    }

    /// Sends by `each` until `what` has happened.
    async fn until<T>(&mut self, mut each: impl FnMut(&mut Source), what: impl Future<Output = T>) -> T {
        tokio::pin!(what);
        loop {
            each(self);
            self.next += 1;
            tokio::select! {
                biased;
                done = &mut what => return done,
                () = tokio::time::sleep(Duration::from_millis(10)) => {}
            }
        }
    }
}

/// A new session has both tracks.
async fn has_both(doors: &Doors, source: &mut Source, each: impl FnMut(&mut Source)) {
    let asks = async {
        let mut player = doors.play(WHEP, &BOTH).await;
        player.packet(Track::Video).await;
        player.packet(Track::Audio).await;
    };
    source.until(each, asks).await;
}

#[test]
fn who_joined_when_there_was_sound_alone_asks_anew_once_there_are_pictures() {
    run(async {
        let doors = doors();
        let mut source = Source::new(&doors);
        source.sound();
        let mut player = doors.play(WHEP, &BOTH).await;
        source.until(Source::sound, player.packet(Track::Audio)).await;
        assert_eq!(source.until(Source::both, player.ended()).await, Ended::Peer);
        has_both(&doors, &mut source, Source::both).await;
    });
}

#[test]
fn who_joined_when_there_were_pictures_alone_asks_anew_once_there_is_sound() {
    run(async {
        let doors = doors();
        let mut source = Source::new(&doors);
        source.picture();
        let mut player = doors.play(WHEP, &BOTH).await;
        source.until(Source::picture, player.packet(Track::Video)).await;
        assert_eq!(source.until(Source::both, player.ended()).await, Ended::Peer);
        has_both(&doors, &mut source, Source::both).await;
    });
}

#[test]
fn sound_that_is_made_for_players_is_asked_anew_for_as_well() {
    run(async {
        let doors = doors();
        let mut source = Source::new(&doors);
        source.picture();
        let mut player = doors.play(WHEP, &BOTH).await;
        source.until(Source::picture, player.packet(Track::Video)).await;
        source.aac(true);
        let both = |source: &mut Source| {
            source.aac(false);
            source.picture();
        };
        assert_eq!(source.until(both, player.ended()).await, Ended::Peer);
        has_both(&doors, &mut source, both).await;
    });
}

#[test]
fn who_cannot_have_the_second_track_is_left_alone() {
    run(async {
        let doors = doors();
        let mut source = Source::new(&doors);
        source.sound();
        // One wants no pictures, one knows no H.264.
        let mut deaf = doors.play(WHEP, &[Codec::Opus]).await;
        let mut other = doors.play(WHEP, &[Codec::Opus, Codec::Vp8]).await;
        let mut asks = doors.play(WHEP, &BOTH).await;
        source.until(Source::both, asks.ended()).await;
        for player in [&mut deaf, &mut other] {
            while player.has_event() {
                player.event().await;
            }
            source.until(Source::both, player.packet(Track::Audio)).await;
            assert!(!player.is_over());
        }
    });
}

#[test]
fn nobody_asks_again_and_again_for_what_nobody_is_told_of() {
    run(async {
        let doors = doors();
        let mut source = Source::new(&doors);
        source.sound();
        let codecs = [Codec::Opus, Codec::Vp8];
        let mut player = doors.play(WHEP, &codecs).await;
        for _ in 0..20 {
            source.until(Source::bare, player.packet(Track::Audio)).await;
        }
        assert!(!player.is_over());
        // As an answer has it.
        let answer = doors.ask(post(WHEP, offer_to_play(&codecs))).await;
        assert_eq!(answer.status(), StatusCode::CREATED);
        assert!(text(&answer).contains("m=video 0 "), "{}", text(&answer));
    });
}

#[test]
fn pictures_of_another_codec_that_nobody_was_told_of_end_no_session() {
    run(async {
        let doors = doors();
        let mut source = Source::new(&doors);
        source.picture();
        source.sound();
        let mut player = doors.play(WHEP, &[Codec::Opus, Codec::H264, Codec::Vp8]).await;
        player.packet(Track::Video).await;
        for _ in 0..20 {
            source.until(Source::bare, player.packet(Track::Audio)).await;
        }
        assert!(!player.is_over(), "it would be answered the same again");
    });
}

#[test]
fn what_a_publisher_before_had_agreed_on_keeps_no_player_for_good() {
    run(async {
        let doors = doors();
        let (first, mut player) = doors.watched().await;
        let agreed = &doors.gateway.rtc.as_ref().unwrap().agreed;
        let still = agreed.begin(&key("a"), BOTH.to_vec());
        let mut source = Source::new(&doors);
        assert_eq!(first.stop().await.ended().await, Ended::Peer);
        for _ in 0..100 {
            source.until(Source::bare, player.packet(Track::Audio)).await;
        }
        assert!(!player.is_over(), "it would be answered the same");
        drop(still);
        assert_eq!(player.ended().await, Ended::Peer);
    });
}
