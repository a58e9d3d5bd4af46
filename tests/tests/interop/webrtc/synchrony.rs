//! Lips: a flash and a beep at each full second leave together and arrive together.

use srs_tests::rtc::{publish, watch};
use srs_tests::{Cluster, Program, tools};

use crate::recording::words;

/// Players bring both together step by step, by each report of the sender: until then it is theirs.
const SETTLED: f64 = 12.0;
/// What is off by less than 30 ms they leave as it is, for as long as they play (libwebrtc's `StreamSynchronization`); and when
/// the machine is busy they lose it. So many players are looked at, one behind the other, for five beeps each.
const TRIES: usize = 5;
/// How far flash and beep may be apart, beyond what they were before.
const LIPS_MS: f64 = 40.0;

/// Measures what the publisher's page shows of its own.
const OWN: &str = "(async () => { const { Measure } = await import('./measure.js');
    window.measure = new Measure(document.getElementById('video')); })()";

/// Notes when the picture becomes bright.
const FLASHES: &str =
    "(() => { const video = document.getElementById('video'), canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [4, 4]; const to = canvas.getContext('2d', { willReadFrequently: true });
    let bright = true; window.flashes = [];
    const step = (now, meta) => { video.requestVideoFrameCallback(step); to.drawImage(video, 0, 0, 4, 4);
        const is = to.getImageData(1, 1, 1, 1).data[1] > 128;
        if (is && !bright) flashes.push(performance.timeOrigin + Math.max(now, meta.expectedDisplayTime));
        bright = is; };
    video.requestVideoFrameCallback(step); })()";

/// How much later the sound comes, in milliseconds: the median over all beeps with a flash nearby.
const APART: &str = "(() => { const all = measure.beeps.flatMap((beep) => { const near = flashes.map((flash) => beep - flash)
        .filter((apart) => Math.abs(apart) < 450); return near.length ? [near.sort((a, b) => Math.abs(a) - Math.abs(b))[0]] : []; });
    return all.sort((a, b) => a - b)[Math.floor(all.length / 2)]; })()";

#[tokio::test]
async fn lips_of_a_browser_stay_in_synchrony() {
    let cluster = Cluster::build().origins(1).rtc().start().await;
    let Some(mut publisher) = publish(cluster.http(), "one", "codec=H264").await else { return };
    publisher.eval(OWN).await;
    let mut apart = f64::NAN;
    for _ in 0..TRIES {
        let Some(mut viewer) = watch(cluster.http(), "one", "").await else { return };
        viewer.plays(SETTLED).await;
        for page in [&mut publisher, &mut viewer] {
            page.eval("measure.reset()").await;
        }
        for page in [&mut publisher, &mut viewer] {
            page.wait_for("measure.beeps.length >= 5 && measure.lipSync() !== null").await;
        }
        let (before, behind) = (publisher.measured().await, viewer.measured().await);
        apart = behind.lips.expect("beeps") - before.lips.expect("beeps");
        println!("{apart} ms: before {before:?}, behind {behind:?}");
        if apart.abs() <= LIPS_MS {
            return;
        }
    }
    panic!("{apart} ms");
}

#[tokio::test]
async fn lips_of_rtmp_stay_in_synchrony() {
    let Some(ffmpeg) = tools::find("ffmpeg") else { return };
    let cluster = Cluster::build().origins(1).rtc().start().await;
    // A flash of three pictures and a beep of the same length.
    let line = format!(
        "-v warning -nostdin -re -f lavfi -i color=black:size=320x180:rate=25,drawbox=t=fill:color=white:enable='lt(mod(n\\,25)\\,3)' \
         -re -f lavfi -i aevalsrc='if(lt(mod(t\\,1)\\,0.12)\\,0.5*sin(6283*t)\\,0)':s=48000 \
         -c:v libx264 -preset ultrafast -tune zerolatency -threads 1 -pix_fmt yuv420p -g 25 -c:a aac -ac 2 -f flv rtmp://{}/live/one",
        cluster.rtmp()
    );
    let source = Program::start(&ffmpeg, words(&line));
    cluster.holder("one").await;
    let mut apart = f64::NAN;
    for _ in 0..TRIES {
        let Some(mut viewer) = watch(cluster.http(), "one", "").await else { return };
        viewer.wait_for(&format!("document.getElementById('video').currentTime > {SETTLED}")).await;
        viewer.eval(FLASHES).await;
        viewer.eval("measure.reset()").await;
        viewer.wait_for("measure.beeps.length >= 5").await;
        apart = viewer.number(APART).await;
        println!("the sound is {apart} ms late");
        if apart.abs() <= LIPS_MS {
            return;
        }
    }
    panic!("the sound is {apart} ms late; {}", source.output());
}
