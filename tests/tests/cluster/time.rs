//! Timestamps at the limits of what they can say.

use srs_origin::config::TimeJitter;
use srs_tests::media::{assert_follows, coded};
use srs_tests::{Cluster, FlvPlayer, Frame, Mark, Player, Publisher, Source, Target};

/// Publishes `frames` and answers what viewers of both protocols got, and what was sent.
async fn carry(cluster: &Cluster, name: &str, frames: &[Frame]) -> (Vec<Mark>, Vec<Mark>, Vec<Mark>) {
    let target = Target::live(name);
    let mut rtmp = Player::connect(cluster.rtmp(), &target).await.expect("playing begins");
    let mut flv = FlvPlayer::request(cluster.http(), &Target::flv(name)).await;
    cluster.viewers(name, 2).await;
    let mut publisher = Publisher::connect(cluster.rtmp(), &target).await.expect("publishing begins");
    publisher.send_all(frames).await;
    let last = *publisher.sent.last().expect("frames");
    rtmp.reach(last).await;
    flv.reach(last).await;
    let sent = publisher.goodbye().await;
    rtmp.finish().await;
    flv.finish().await;
    assert_follows(&rtmp.got, &sent, 0);
    assert_follows(&flv.got, &sent, 0);
    (coded(&rtmp.got), coded(&flv.got), coded(&sent))
}

fn times(marks: &[Mark]) -> Vec<u32> {
    marks.iter().map(|mark| mark.time).collect()
}

/// With `time_jitter off` the publisher's own clock passes each of the limits, in every form of viewing.
async fn limits_are_passed(cluster: &Cluster, via: &str) {
    for (name, limit) in [("24-bits", 0x00ff_ffff_u32), ("31-bits", 1 << 31), ("32-bits", 0)] {
        let mut source = Source::new(31).starting_at(limit.wrapping_sub(20 * 40));
        source.size = 70_000;
        let (rtmp, flv, sent) = carry(cluster, &format!("{name}-{via}"), &source.clip(40)).await;
        assert_eq!(times(&rtmp), times(&sent), "{name} over RTMP");
        assert_eq!(times(&flv), times(&sent), "{name} over FLV");
    }
}

#[tokio::test]
async fn clocks_pass_24_31_and_32_bits_through_the_proxy() {
    let cluster = Cluster::build().vhost(|vhost| vhost.play.time_jitter = TimeJitter::Off).start().await;
    limits_are_passed(&cluster, "proxy").await;
}

#[tokio::test]
async fn clocks_pass_24_31_and_32_bits_at_an_origin_alone() {
    let cluster =
        Cluster::build().origins(1).without_proxy().vhost(|vhost| vhost.play.time_jitter = TimeJitter::Off);
    limits_are_passed(&cluster.start().await, "alone").await;
}

/// With the default rules a stream begins at zero and keeps its steps.
async fn steps_are_kept(cluster: &Cluster, via: &str) {
    for (name, limit) in [("full-24", 0x00ff_ffff_u32), ("full-31", 1 << 31), ("full-32", 0)] {
        let mut source = Source::new(32).starting_at(limit.wrapping_sub(20 * 40));
        let (rtmp, flv, sent) = carry(cluster, &format!("{name}-{via}"), &source.clip(40)).await;
        let want: Vec<u32> = sent.iter().map(|mark| mark.time.wrapping_sub(sent[0].time)).collect();
        assert_eq!(times(&rtmp), want, "{name} over RTMP");
        assert_eq!(times(&flv), want, "{name} over FLV");
    }
}

#[tokio::test]
async fn a_stream_that_starts_near_a_limit_begins_at_zero_through_the_proxy() {
    let cluster = Cluster::build().start().await;
    steps_are_kept(&cluster, "proxy").await;
}

#[tokio::test]
async fn a_stream_that_starts_near_a_limit_begins_at_zero_at_an_origin_alone() {
    let cluster = Cluster::build().origins(1).without_proxy().start().await;
    steps_are_kept(&cluster, "alone").await;
}

/// The publisher's clock is set back and forth.
fn with_jumps() -> Vec<Frame> {
    let mut source = Source::new(33).starting_at(60_000);
    let mut frames = source.clip(10);
    for time in [2_000, 0x0100_0000, 5_000_000] {
        source.jump_to(time);
        frames.extend((0..10).flat_map(|_| source.tick()));
    }
    frames
}

#[tokio::test]
async fn a_clock_that_jumps_keeps_every_frame_and_full_jitter_mends_the_steps() {
    let cluster = Cluster::build().start().await;
    let (rtmp, flv, sent) = carry(&cluster, "jumps-full", &with_jumps()).await;
    assert_eq!(times(&rtmp), times(&flv));
    assert_eq!(rtmp.len(), sent.len());
    for two in rtmp.windows(2) {
        let step = two[1].time.wrapping_sub(two[0].time);
        assert!(step <= 250, "a step of {step} ms is mended: {two:?}");
    }
}

#[tokio::test]
async fn a_clock_that_jumps_is_left_alone_without_jitter_correction() {
    let cluster = Cluster::build().vhost(|vhost| vhost.play.time_jitter = TimeJitter::Off).start().await;
    let (rtmp, flv, sent) = carry(&cluster, "jumps-off", &with_jumps()).await;
    assert_eq!(times(&rtmp), times(&sent));
    assert_eq!(times(&flv), times(&sent));
}
