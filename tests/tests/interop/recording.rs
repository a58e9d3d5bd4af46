//! Clips to publish, recorders that play, and what their recordings hold.

use std::path::{Path, PathBuf};

use serde_json::Value;
use srs_tests::{Cluster, Program, tools};

/// Seconds of a clip.
pub const SECONDS: u32 = 3;
/// Video frames of a clip, at 25 per second.
pub const FRAMES: u64 = 75;

/// The arguments of `line`, parted by blanks.
pub fn words(line: &str) -> Vec<String> {
    line.split_whitespace().map(str::to_owned).collect()
}

/// Encodes a clip: pictures if `video` names an encoder, sound if `audio` does.
pub async fn clip(ffmpeg: &Path, file: &Path, video: Option<&str>, audio: Option<&str>) {
    let mut arguments = words("-v error -nostdin -y");
    if video.is_some() {
        arguments.extend(words("-f lavfi -i testsrc2=size=320x180:rate=25"));
    }
    if audio.is_some() {
        arguments.extend(words("-f lavfi -i sine=frequency=440:sample_rate=44100"));
    }
    arguments.extend(words(&format!("-t {SECONDS} -threads 1 -pix_fmt yuv420p")));
    for encoder in
        [video.map(|video| format!("-c:v {video} -g 25")), audio.map(|audio| format!("-c:a {audio}"))]
    {
        arguments.extend(words(&encoder.unwrap_or_default()));
    }
    arguments.push(file.display().to_string());
    Program::start(ffmpeg, arguments).succeed().await;
}

/// Publishes a clip in real time.
pub fn publish(ffmpeg: &Path, file: &Path, url: &str) -> Program {
    let line = format!("-v warning -nostdin -re -i {} -c copy -f flv {url}", file.display());
    Program::start(ffmpeg, words(&line))
}

/// A player that writes what it gets into a file, unchanged.
pub struct Recorder {
    program: Program,
    file: PathBuf,
}

impl Recorder {
    /// Starts `ffmpeg` on `url` with further options for reading.
    pub fn start(ffmpeg: &Path, options: &str, url: &str, file: PathBuf) -> Recorder {
        let line = format!("-v warning -nostdin -y {options} -i {url} -c copy -copyinkf {}", file.display());
        Recorder { program: Program::start(ffmpeg, words(&line)), file }
    }

    /// Waits until the stream's end has ended it; the answer is what it recorded.
    pub async fn finish(self) -> Recording {
        let (_, said) = self.program.finish().await;
        Recording::of(&self.file, &said).await
    }
}

/// What a file holds.
#[derive(Debug)]
pub struct Recording {
    /// Codec of each kind and how many frames of it can be decoded.
    pub video: Option<(String, u64)>,
    /// As `video`.
    pub audio: Option<(String, u64)>,
    /// What decoding complained about.
    pub complaints: String,
    /// What its maker said; for whoever reads why a test failed.
    #[expect(dead_code, reason = "read through Debug")]
    said: String,
}

impl Recording {
    /// Decodes a whole file.
    pub async fn of(file: &Path, said: &str) -> Recording {
        assert!(file.is_file(), "nothing was recorded: {said}");
        let ffprobe = tools::find("ffprobe").expect("it comes with ffmpeg");
        let line = format!("-v error -of json -count_frames -show_streams {}", file.display());
        let shown = Program::start(&ffprobe, words(&line)).succeed().await;
        let start = shown.find('{').expect("JSON");
        let end = shown.rfind('}').expect("JSON");
        let json: Value = serde_json::from_str(&shown[start..=end]).expect("JSON");
        let of = |kind: &str| {
            let mut streams = json["streams"].as_array().expect("streams").iter();
            let stream = streams.find(|stream| stream["codec_type"] == kind)?;
            let frames = stream["nb_read_frames"].as_str().and_then(|text| text.parse().ok()).unwrap_or(0);
            Some((stream["codec_name"].as_str().unwrap_or_default().to_owned(), frames))
        };
        let complaints = shown[..start].to_owned() + &shown[end + 1..];
        Recording {
            video: of("video"),
            audio: of("audio"),
            complaints: complaints.trim().to_owned(),
            said: said.to_owned(),
        }
    }

    /// Asserts these codecs, every frame of the video, and that all of it decodes. `lost` frames may be missing at the
    /// seams: some programs leave out the first or the last.
    pub fn assert_whole(&self, video: Option<&str>, audio: Option<&str>, lost: u64) {
        assert_eq!(self.video.as_ref().map(|(codec, _)| codec.as_str()), video, "{self:?}");
        assert_eq!(self.audio.as_ref().map(|(codec, _)| codec.as_str()), audio, "{self:?}");
        if let Some((_, frames)) = &self.video {
            assert!(*frames <= FRAMES && *frames + lost >= FRAMES, "{frames} of {FRAMES} pictures: {self:?}");
        }
        if let Some((_, frames)) = &self.audio {
            // AAC has 1024 samples a frame.
            let whole = u64::from(SECONDS) * 44_100 / 1024;
            assert!(*frames + 3 + lost >= whole, "{frames} of {whole} frames of sound: {self:?}");
        }
        assert!(self.complaints.is_empty(), "{self:?}");
    }
}

/// The addresses of a stream.
pub struct Urls {
    /// To publish and play.
    pub rtmp: String,
    /// To play.
    pub flv: String,
}

/// Where a stream of this name is in the cluster.
pub fn urls(cluster: &Cluster, name: &str) -> Urls {
    Urls {
        rtmp: format!("rtmp://{}/live/{name}", cluster.rtmp()),
        flv: format!("http://{}/live/{name}.flv", cluster.http()),
    }
}
