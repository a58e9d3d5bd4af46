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
