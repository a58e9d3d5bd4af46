use std::future::poll_fn;
use std::process::{Command, Stdio};
use std::time::Duration;

use srs_media::aac::Adts;

use super::*;

/// Where the tests' streams begin on their timeline, in ms.
const BASE: i64 = 7_000;

/// Longer than any child needs for what these tests give it.
const PATIENCE: Duration = Duration::from_secs(30);

/// A tone of this many Hz that begins after a second of silence, as 16 bit samples at `rate`.
const TONE: f64 = 440.0;
const QUIET_S: f64 = 1.0;

/// Runs ffmpeg, which the tests need as `PATH` has it.
fn ffmpeg(arguments: &str) -> Vec<u8> {
    let output = Command::new("timeout")
        .args(["-k", "5", "60", "ffmpeg", "-hide_banner", "-loglevel", "error"])
        .args(arguments.split_whitespace())
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    assert!(output.status.success());
    output.stdout
}

/// Raw AAC frames of the tone with their times, and their AudioSpecificConfig.
fn aac(seconds: u32, rate: u32, channels: u8, more: &str) -> (Vec<u8>, Vec<(i64, Vec<u8>)>) {
    let all = ffmpeg(&format!(
        "-f lavfi -i sine=frequency={TONE}:sample_rate={rate}:duration={},volume=4,adelay=1000 -ac {channels} -c:a aac -b:a 128k {more} -f adts pipe:1",
        seconds - 1
    ));
    let (mut rest, mut frames, mut config) = (&all[..], Vec::new(), Vec::new());
    while let Some(adts) = Adts::read(rest) {
        // The first frame is of before the beginning.
        let samples = (frames.len() as i64 - 1) * 1_024;
        let time = BASE + (samples * 1_000 + i64::from(rate) / 2).div_euclid(i64::from(rate));
        frames.push((time, rest[adts.header..adts.length].to_vec()));
        config = adts.config.to_vec();
        rest = &rest[adts.length..];
    }
    assert!(rest.is_empty() && !frames.is_empty());
    (config, frames)
}

/// Opus packets of the tone with their times.
fn opus(seconds: u32) -> Vec<(i64, Vec<u8>)> {
    let mut encoder = opus::Encoder::new(48_000, opus::Channels::Stereo, opus::Application::Audio).unwrap();
    let lookahead = encoder.get_lookahead().unwrap() as usize;
    let tone = |sample: usize| {
        let at = sample as f64 / 48_000.0;
        let loud = if at < QUIET_S { 0.0 } else { 0.5 };
        (at * TONE * std::f64::consts::TAU).sin() * loud
    };
    let packet = |number: usize| {
        let samples: Vec<f32> =
            (0..960).flat_map(|sample| [tone(number * 960 + sample + lookahead) as f32; 2]).collect();
        (BASE + number as i64 * 20, encoder.encode_vec_float(&samples, 1_500).unwrap())
    };
    (0..seconds as usize * 50).map(packet).collect()
}

/// All that is there now.
async fn made(maker: &mut Maker) -> Vec<Made> {
    let mut out = Vec::new();
    poll_fn(|cx| {
        while let Poll::Ready(made) = maker.poll_next(cx) {
            out.push(made);
        }
        Poll::Ready(())
    })
    .await;
    out
}

/// Frames up to the one that is heard at `until` or behind it.
async fn frames_until(maker: &mut Maker, until: i64) -> (Vec<u8>, Vec<(i64, Vec<u8>)>) {
    let (mut header, mut frames) = (Vec::new(), Vec::new());
    let all = async {
        while frames.last().is_none_or(|(time, _)| *time < until) {
            match poll_fn(|cx| maker.poll_next(cx)).await {
                Made::Header(bytes) => header = bytes.to_vec(),
                Made::Frame { time, data } => frames.push((time, data.to_vec())),
            }
        }
    };
    tokio::time::timeout(PATIENCE, all).await.unwrap();
    (header, frames)
}

/// One channel at 48 kHz, from [`BASE`] on, of what is heard of Opus packets.
fn heard_of_opus(packets: &[(i64, Vec<u8>)]) -> Vec<f32> {
    let mut decoder = opus::Decoder::new(48_000, opus::Channels::Mono).unwrap();
    let mut heard = Vec::new();
    for (time, packet) in packets {
        let mut pcm = vec![0.0; 5_760];
        let count = decoder.decode_float(packet, &mut pcm, false).unwrap();
        put(&mut heard, *time, &pcm[..count]);
    }
    heard
}

/// The same of raw AAC frames.
fn heard_of_aac(config: &[u8], frames: &[(i64, Vec<u8>)]) -> Vec<f32> {
    let mut decoder = to_opus::Decoder::new(config, 48_000, 2).unwrap();
    let mut heard = Vec::new();
    for (time, frame) in frames {
        let left: Vec<f32> = decoder.decode(frame).chunks(2).map(|both| both[0]).collect();
        put(&mut heard, *time, &left);
    }
    heard
}

/// Times are rounded: what follows within a ms follows at once.
fn put(heard: &mut Vec<f32>, time: i64, samples: &[f32]) {
    let said = (time - BASE) * 48;
    let end = heard.len() as i64;
    let begin = if (said - end).abs() <= 48 { end } else { said };
    for (index, sample) in samples.iter().enumerate() {
        let Ok(at) = usize::try_from(begin + index as i64) else { continue };
        heard.resize(heard.len().max(at + 1), 0.0);
        heard[at] = *sample;
    }
}

/// When the tone begins, in ms from [`BASE`].
fn onset(heard: &[f32]) -> f64 {
    heard.iter().position(|sample| sample.abs() > 0.02).unwrap() as f64 / 48.0
}

/// How often it swings in a second, from `from` to `to` seconds.
fn frequency(heard: &[f32], from: usize, to: usize) -> f64 {
    let part = &heard[from * 48_000..to * 48_000];
    let rises = part.windows(2).filter(|pair| pair[0] < 0.0 && pair[1] >= 0.0).count();
    rises as f64 / (to - from) as f64
}

fn assert_is_tone(heard: &[f32], seconds: usize) {
    let onset = onset(heard);
    assert!((onset - 1_000.0).abs() < 10.0, "the tone begins at {onset} ms");
    let frequency = frequency(heard, 2, seconds - 1);
    assert!((frequency - TONE).abs() < 2.0, "{frequency} Hz");
    let length = heard.len() as f64 / 48_000.0;
    assert!((length - seconds as f64).abs() < 0.1, "{length} s");
}

async fn to_opus(config: &[u8], frames: &[(i64, Vec<u8>)]) -> (Vec<u8>, Vec<(i64, Vec<u8>)>) {
    let mut maker = Maker::new(Codec::Aac, config, Codec::Opus, &Settings::default()).unwrap();
    for (time, frame) in frames {
        maker.push(*time, frame);
    }
    let last = frames.last().unwrap().0;
    frames_until(&mut maker, last - 60).await
}

#[tokio::test]
async fn a_minute_of_aac_at_44_100_hz_is_heard_as_the_same_tone_at_the_same_time() {
    let (config, frames) = aac(60, 44_100, 2, "");
    let (header, packets) = to_opus(&config, &frames).await;
    assert_eq!(header, srs_media::opus::head(2).unwrap());
    assert!(packets.windows(2).all(|pair| pair[1].0 - pair[0].0 == 20));
    assert_is_tone(&heard_of_opus(&packets), 60);
}

#[tokio::test]
async fn mono_aac_at_48_000_hz_becomes_mono_opus() {
    let (config, frames) = aac(10, 48_000, 1, "");
    let (header, packets) = to_opus(&config, &frames).await;
    assert_eq!(header, srs_media::opus::head(1).unwrap());
    assert_is_tone(&heard_of_opus(&packets), 10);
}

#[tokio::test]
async fn aac_in_six_channels_is_decoded_by_a_child_and_mixed_down() {
    let (config, frames) = aac(10, 48_000, 6, "");
    let (header, packets) = to_opus(&config, &frames).await;
    assert_eq!(header, srs_media::opus::head(2).unwrap());
    assert_is_tone(&heard_of_opus(&packets), 10);
}

/// The tone in five seconds of what fdk-aac makes (no encoder of ffmpeg does), `delay` samples late of 48,000 a second.
fn he_aac(all: &[u8], delay: i64) -> Vec<(i64, Vec<u8>)> {
    let (mut rest, mut frames) = (all, Vec::new());
    while let Some(adts) = Adts::read(rest) {
        let time = BASE + (frames.len() as i64 * 2_048 - delay).div_euclid(48);
        frames.push((time, rest[adts.header..adts.length].to_vec()));
        rest = &rest[adts.length..];
    }
    assert!(rest.is_empty() && !frames.is_empty());
    frames
}

#[tokio::test]
async fn he_aac_is_decoded_by_a_child_and_heard_as_the_same_tone_at_the_same_time() {
    // 5: SBR | 6: 24 kHz | 2 channels | 3: 48 kHz | 2: LC
    let frames = he_aac(include_bytes!("tests/he-aac.adts"), 5_058);
    let (header, packets) = to_opus(&[0x2b, 0x11, 0x88, 0x00], &frames).await;
    assert_eq!(header, srs_media::opus::head(2).unwrap());
    assert_is_tone(&heard_of_opus(&packets), 5);
}

#[tokio::test]
async fn he_aac_with_parametric_stereo_is_decoded_by_a_child_in_stereo() {
    // 29: parametric stereo | 6: 24 kHz | 1 channel | 3: 48 kHz | 2: LC
    let frames = he_aac(include_bytes!("tests/he-aac-v2.adts"), 7_106);
    let (header, packets) = to_opus(&[0xeb, 0x09, 0x88, 0x00], &frames).await;
    assert_eq!(header, srs_media::opus::head(2).unwrap());
    assert_is_tone(&heard_of_opus(&packets), 5);
}

#[tokio::test]
async fn a_jump_of_the_input_is_one_of_what_is_made_and_small_steps_are_not() {
    let (config, mut frames) = aac(10, 48_000, 2, "");
    for (number, (time, _)) in frames.iter_mut().enumerate() {
        *time += if number % 2 == 0 { 15 } else { -15 } + if number > 200 { 5_000 } else { 0 };
    }
    let (_, packets) = to_opus(&config, &frames).await;
    let steps: Vec<i64> =
        packets.windows(2).map(|pair| pair[1].0 - pair[0].0).filter(|step| *step != 20).collect();
    assert!(steps.len() == 1 && (4_950..5_060).contains(&steps[0]), "{steps:?}");
}

#[tokio::test]
async fn damaged_aac_is_silence_and_ends_nothing() {
    let (config, mut frames) = aac(5, 48_000, 2, "");
    for (_, frame) in &mut frames[55..65] {
        frame.truncate(5);
    }
    let (_, packets) = to_opus(&config, &frames).await;
    assert!(packets.windows(2).all(|pair| pair[1].0 - pair[0].0 == 20));
    assert_is_tone(&heard_of_opus(&packets), 5);
}

async fn to_aac(packets: &[(i64, Vec<u8>)], settings: &Settings) -> (Vec<u8>, Vec<(i64, Vec<u8>)>) {
    let header = srs_media::opus::head(2).unwrap();
    let mut maker = Maker::new(Codec::Opus, &header, Codec::Aac, settings).unwrap();
    let (mut config, mut frames) = (Vec::new(), Vec::new());
    for (number, (time, packet)) in packets.iter().enumerate() {
        maker.push(*time, packet);
        // So that the child need not take a minute at once.
        if number % 100 == 99 {
            let (header, more) = frames_until(&mut maker, time - 200).await;
            config = if header.is_empty() { config } else { header };
            frames.extend(more);
        }
    }
    (config, frames)
}

#[tokio::test]
async fn a_minute_of_opus_is_heard_as_the_same_tone_at_the_same_time() {
    let (config, frames) = to_aac(&opus(60), &Settings::default()).await;
    assert_eq!(srs_media::aac::info(&config).unwrap().profile, "LC");
    let mut heard = heard_of_aac(&config, &frames);
    // The last frames are in the child still.
    heard.resize(heard.len().max(60 * 48_000), 0.0);
    assert_is_tone(&heard, 60);
}

#[tokio::test]
async fn lost_opus_is_made_up_for_and_shifts_nothing() {
    let mut packets = opus(10);
    let mut number = 0;
    packets.retain(|_| {
        number += 1;
        // One in seven, and once a third of a second.
        number % 7 != 3 && !(250..266).contains(&number)
    });
    let (config, frames) = to_aac(&packets, &Settings::default()).await;
    let steps: Vec<i64> = frames.windows(2).map(|pair| pair[1].0 - pair[0].0).collect();
    assert!(steps.iter().all(|step| (21..=22).contains(step)), "{steps:?}");
    let heard = heard_of_aac(&config, &frames);
    assert!((onset(&heard) - 1_000.0).abs() < 10.0, "{}", onset(&heard));
    assert!((frequency(&heard, 2, 4) - TONE).abs() < 20.0, "{}", frequency(&heard, 2, 4));
}

#[tokio::test]
async fn a_jump_of_opus_is_one_of_the_aac() {
    let mut packets = opus(10);
    packets[250..].iter_mut().for_each(|(time, _)| *time += 60_000);
    let (_, frames) = to_aac(&packets, &Settings::default()).await;
    let jumps: Vec<i64> =
        frames.windows(2).map(|pair| pair[1].0 - pair[0].0).filter(|step| *step > 22).collect();
    assert!(jumps.len() == 1 && (60_000..60_060).contains(&jumps[0]), "{jumps:?}");
}

#[tokio::test]
async fn aac_of_opus_has_no_time_before_the_first_packet() {
    let (_, frames) = to_aac(&opus(2), &Settings::default()).await;
    assert_eq!(frames[0].0, BASE);
}

#[tokio::test]
async fn a_child_that_cannot_be_started_holds_nothing_up() {
    let settings = Settings { ffmpeg: "/nowhere/ffmpeg".into(), ..Settings::default() };
    let header = srs_media::opus::head(2).unwrap();
    let mut maker = Maker::new(Codec::Opus, &header, Codec::Aac, &settings).unwrap();
    for (time, packet) in opus(2) {
        maker.push(time, &packet);
        assert!(made(&mut maker).await.is_empty());
    }
    assert_eq!(children(), 0);
}

#[tokio::test]
async fn nothing_is_made_where_no_codec_is_known() {
    let refused = |from, to, header: &[u8]| Maker::new(from, header, to, &Settings::default()).err();
    assert!(matches!(refused(Codec::Mp3, Codec::Opus, &[]), Some(Error::Codecs { .. })));
    assert_eq!(refused(Codec::Aac, Codec::Opus, &[0]), Some(Error::Header(Codec::Aac)));
    let six = srs_media::opus::head(6).unwrap();
    assert_eq!(refused(Codec::Opus, Codec::Aac, &six), Some(Error::Header(Codec::Opus)));
}

#[tokio::test]
async fn bytes_at_random_are_no_sound_and_no_harm() {
    let mut seed = 1u32;
    let mut random = move || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 24) as u8
    };
    let (config, _) = aac(2, 48_000, 2, "");
    let mut maker = Maker::new(Codec::Aac, &config, Codec::Opus, &Settings::default()).unwrap();
    for number in 0..300 {
        let bytes: Vec<u8> = (0..number % 97).map(|_| random()).collect();
        maker.push(number * 21, &bytes);
    }
    assert!(!made(&mut maker).await.is_empty());
}

#[tokio::test]
async fn aac_goes_on_in_time_behind_a_child_that_ended() {
    use std::os::unix::fs::PermissionsExt as _;
    // One that takes a second of sound, and ends.
    let program = std::env::temp_dir().join(format!("srs-sound-short-lived-{}", std::process::id()));
    std::fs::write(&program, "#!/bin/sh\nhead -c 192000 | ffmpeg \"$@\"\n").unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let settings = Settings { ffmpeg: program.clone(), ..Settings::default() };
    let header = srs_media::opus::head(2).unwrap();
    let mut maker = Maker::new(Codec::Opus, &header, Codec::Aac, &settings).unwrap();
    let packets = opus(2);
    let mut frames: Vec<i64> = Vec::new();
    let jump = |frames: &[i64]| frames.windows(2).find(|pair| pair[1] - pair[0] > 100).map(|pair| pair[1]);
    let all = async {
        for (number, (_, packet)) in packets.iter().cycle().enumerate() {
            let time = BASE + number as i64 * 20;
            maker.push(time, packet);
            // In the rhythm of a stream, so that the next child's beginning is seen.
            let rhythm = tokio::time::sleep(Duration::from_millis(20));
            tokio::pin!(rhythm);
            loop {
                tokio::select! {
                    made = poll_fn(|cx| maker.poll_next(cx)) => {
                        if let Made::Frame { time, .. } = made {
                            frames.push(time);
                        }
                    }
                    () = &mut rhythm => break,
                }
            }
            if let Some(first) = jump(&frames) {
                assert!(first <= time && (first - BASE) % 20 == 0, "{first} at {time}");
                return;
            }
        }
    };
    let ended = tokio::time::timeout(PATIENCE, all).await;
    std::fs::remove_file(program).unwrap();
    ended.unwrap();
}
