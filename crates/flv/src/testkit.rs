//! What tests of several modules need: the clip, and a decoder.

use crate::demux;
use bytes::Bytes;
use srs_media::Frame;
use srs_rtmp::chunk::Bodies;
use srs_rtmp::tag::Reader;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Where the clip is.
pub(crate) fn clip_path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../doc/source.flv")
}

/// All frames of the clip.
pub(crate) fn clip_frames() -> Vec<Frame> {
    let mut input = Bytes::from(std::fs::read(clip_path()).unwrap());
    let mut reader = Reader::new(Bodies::Shared);
    let mut frames = Vec::new();
    while let Some(tag) = reader.read(&mut input).unwrap() {
        frames.push(demux(tag.kind, i64::from(tag.timestamp), tag.body).unwrap());
    }
    frames
}

/// A file that goes away with its owner.
pub(crate) struct Temporary(pub(crate) PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// What ffprobe counts as decoded, per stream; `None` where there is no ffprobe. Whatever it complains of is a failure.
pub(crate) fn decoded(stream: &[u8], name: &str) -> Option<String> {
    let file = Temporary(std::env::temp_dir().join(format!("srs-flv-{name}-{}.ts", std::process::id())));
    std::fs::write(&file.0, stream).unwrap();
    let mut child = Command::new("ffprobe")
        .args(["-v", "warning", "-count_frames", "-of", "csv=p=0", "-f", "mpegts"])
        .args(["-show_entries", "stream=codec_name,nb_read_frames"])
        .arg(&file.0)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .ok()?;
    let deadline = Instant::now() + Duration::from_secs(60);
    while child.try_wait().unwrap().is_none() {
        if Instant::now() > deadline {
            let _ = child.kill();
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The beginnings of frames that libvpx and libaom made of pictures of 98x66: key frames, and ones that refer to them.
pub(crate) const VP8: [&[u8]; 2] =
    [&[0x30, 0x2c, 0x00, 0x9d, 0x01, 0x2a, 0x62, 0x00, 0x42, 0x00, 0x00, 0x47], &[0xb1, 0x01, 0x00, 0x05]];
/// VP9, likewise.
pub(crate) const VP9: [&[u8]; 2] = [
    &[0x82, 0x49, 0x83, 0x42, 0x00, 0x06, 0x10, 0x04, 0x16, 0x0c, 0x38, 0x24, 0x1c, 0x18, 0x42, 0x00],
    &[0x86, 0x00, 0x40, 0x92, 0xf0, 0xc1, 0x25, 0x00, 0x00],
];
/// The record that ffmpeg 9 puts before those.
pub(crate) const VP9_RECORD: &[u8] = &[1, 0, 0, 0, 0, 10, 0x82, 2, 2, 2, 0, 0];
/// AV1 with temporal delimiters, likewise; the frames cut short, with their sizes made to fit.
pub(crate) const AV1: [&[u8]; 2] = [
    &[
        0x12, 0x00, 0x0a, 0x0a, 0x00, 0x00, 0x00, 0x03, 0x36, 0x18, 0x26, 0xd7, 0xc8, 0x02, 0x32, 0x04, 0x14,
        0x00, 0x20, 0xf8,
    ],
    &[0x12, 0x00, 0x32, 0x04, 0x32, 0x01, 0xe0, 0x40],
];
/// The record that ffmpeg 9 puts before those.
pub(crate) const AV1_RECORD: &[u8] =
    &[0x81, 0x00, 0x0c, 0x00, 0x0a, 0x0a, 0x00, 0x00, 0x00, 0x03, 0x36, 0x18, 0x26, 0xd7, 0xc8, 0x02];
