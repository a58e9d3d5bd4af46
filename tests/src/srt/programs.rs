//! Programs of others that speak SRT.

use std::net::UdpSocket;
use std::path::{Path, PathBuf};

use super::call::Call;
use super::tape::Tape;
use crate::cluster::Folder;
use crate::{Program as Running, tools};

/// The repository's clip: 16 s of H.264 with 25 pictures a second and a key picture every 2 s, and AAC.
const CLIP: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../doc/source.flv");

/// VLC refuses to run as root.
const NOBODY: [&str; 3] = ["--reuid=65534", "--regid=65534", "--clear-groups"];

/// A program that speaks SRT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// Debian's.
    Ffmpeg5,
    /// The wheel's, with a library of its own.
    Ffmpeg9,
    /// libsrt's own.
    LiveTransmit,
    /// `srtsink` and `srtsrc`.
    Gstreamer,
    /// It plays only.
    Vlc,
}

impl Program {
    /// Those that can publish.
    pub const PUBLISHERS: [Program; 4] =
        [Program::Ffmpeg5, Program::Ffmpeg9, Program::LiveTransmit, Program::Gstreamer];
    /// Those that can play.
    pub const PLAYERS: [Program; 5] =
        [Program::Ffmpeg5, Program::Ffmpeg9, Program::LiveTransmit, Program::Gstreamer, Program::Vlc];

    /// A name for streams and files.
    pub fn name(self) -> &'static str {
        match self {
            Program::Ffmpeg5 => "ffmpeg5",
            Program::Ffmpeg9 => "ffmpeg9",
            Program::LiveTransmit => "transmit",
            Program::Gstreamer => "gst",
            Program::Vlc => "vlc",
        }
    }

    fn find(self) -> Option<PathBuf> {
        match self {
            Program::Ffmpeg5 => tools::find("ffmpeg"),
            Program::Ffmpeg9 => tools::ffmpeg9(),
            Program::LiveTransmit => tools::find("srt-live-transmit"),
            Program::Gstreamer => tools::find("gst-launch-1.0"),
            Program::Vlc => {
                tools::find("setpriv")?;
                tools::find("cvlc")
            }
        }
    }
}

/// The clip over and over, of at least so many seconds, as an FLV file in this folder. None where ffmpeg is missing.
pub async fn media(folder: &Folder, seconds: u32) -> Option<PathBuf> {
    let ffmpeg = tools::find("ffmpeg")?;
    let path = folder.path(&format!("srt-{seconds}.flv"));
    let line = format!("-v error -nostdin -y -stream_loop {} -i {CLIP} -c copy", seconds / 16);
    let arguments = words(&line).into_iter().chain([path.display().to_string()]);
    Running::start(&ffmpeg, arguments).succeed().await;
    Some(path)
}

/// The same in small pictures with a key picture each second, of 32 s: what is published anew is to be seen soon.
pub async fn small(folder: &Folder) -> Option<PathBuf> {
    let ffmpeg = tools::find("ffmpeg")?;
    let path = folder.path("srt-small.flv");
    let line = format!(
        "-v error -nostdin -y -stream_loop 1 -i {CLIP} -s 320x180 -c:v libx264 -preset ultrafast -tune zerolatency -g 25 -b:v 150k -c:a copy"
    );
    let arguments = words(&line).into_iter().chain([path.display().to_string()]);
    Running::start(&ffmpeg, arguments).succeed().await;
    Some(path)
}

/// Transport streams to ports of loopback in real time, for `srt-live-transmit`: one program for any number of them.
pub struct Feed {
    program: Running,
    /// Where each can be received.
    pub ports: Vec<u16>,
}

impl Feed {
    /// Begins to send `file`; none where ffmpeg is missing.
    pub fn start(file: &Path, count: usize) -> Option<Feed> {
        let ffmpeg = tools::find("ffmpeg")?;
        // All at once, so that none is given twice.
        let sockets: Vec<_> =
            (0..count).map(|_| UdpSocket::bind(("127.0.0.1", 0)).expect("a port")).collect();
        let ports: Vec<u16> =
            sockets.iter().map(|socket| socket.local_addr().expect("an address").port()).collect();
        let outputs: Vec<String> = ports
            .iter()
            .map(|port| format!("[f=mpegts:onfail=ignore]udp://127.0.0.1:{port}?pkt_size=1316"))
            .collect();
        let line =
            format!("-v error -nostdin -re -stream_loop -1 -i {} -c copy -map 0 -f tee", file.display());
        let arguments = words(&line).into_iter().chain([outputs.join("|")]);
        let program = Running::start(&ffmpeg, arguments);
        Some(Feed { program, ports })
    }

    /// What it printed.
    pub fn output(&self) -> String {
        self.program.output()
    }

    /// `srt-live-transmit` that publishes what comes at one of the ports, until it loses the connection.
    pub fn publish(port: u16, call: &Call) -> Option<Running> {
        let transmit = Program::LiveTransmit.find()?;
        let from = format!("udp://127.0.0.1:{port}");
        let arguments =
            ["-a:no", "-q", "-ll:fatal", "-chunk:1316", &from, &call.transmit_url()].map(str::to_owned);
        Some(Running::start(&transmit, arguments))
    }
}

/// A program that publishes.
pub struct Publishing {
    program: Running,
    /// What it gets its media from, if that is a program.
    _feed: Option<Feed>,
}

impl Publishing {
    /// Publishes the FLV file `file` in real time. None where the program is missing.
    pub fn start(program: Program, call: &Call, file: &Path) -> Option<Publishing> {
        let found = program.find()?;
        let mut feed = None;
        let file_shown = file.display();
        let running = match program {
            Program::Ffmpeg5 | Program::Ffmpeg9 => {
                let line = format!("-v warning -nostdin -re -i {file_shown} -c copy -f mpegts");
                Running::start(&found, words(&line).into_iter().chain([call.ffmpeg_url()]))
            }
            Program::LiveTransmit => {
                let fed = feed.insert(Feed::start(file, 1)?);
                Feed::publish(fed.ports[0], call)?
            }
            Program::Gstreamer => {
                let line = format!(
                    "-q filesrc location={file_shown} ! flvdemux name=d mpegtsmux name=m alignment=7 ! srtsink sync=true \
                     wait-for-connection=false uri={} d.video ! queue ! h264parse ! m. d.audio ! queue ! aacparse ! m.",
                    call.escaped_url()
                );
                Running::start(&found, words(&line))
            }
            Program::Vlc => panic!("VLC plays only"),
        };
        Some(Publishing { program: running, _feed: feed })
    }

    /// What it printed.
    pub fn output(&self) -> String {
        self.program.output()
    }

    /// Waits for its end; the answer is what it printed.
    pub async fn finish(self) -> String {
        self.program.finish().await.1
    }

    /// Kills it, and waits until it is gone.
    pub async fn kill(self) {
        self.program.kill().await;
    }
}

/// A program that plays into a file.
pub struct Playing {
    kind: Program,
    program: Running,
    file: PathBuf,
}

impl Playing {
    /// Plays into `file`, a transport stream. None where the program is missing.
    pub fn start(program: Program, call: &Call, file: PathBuf) -> Option<Playing> {
        let found = program.find()?;
        let shown = file.display().to_string();
        let running = match program {
            Program::Ffmpeg5 | Program::Ffmpeg9 => {
                let front = words("-v warning -nostdin -y -i").into_iter().chain([call.ffmpeg_url()]);
                let back = words("-c copy -copyinkf -copyts -f mpegts -flush_packets 1");
                Running::start(&found, front.chain(back).chain([shown]))
            }
            Program::LiveTransmit => {
                // By the shell: its only file is its output.
                let line = r#"exec "$1" -a:no -q -ll:fatal "$2" file://con >"$3""#;
                let program = found.display().to_string();
                let arguments = ["-c", line, "sh", &program, &call.transmit_url(), &shown].map(str::to_owned);
                Running::start(&tools::find("sh")?, arguments)
            }
            Program::Gstreamer => {
                let line = format!(
                    "-q -e srtsrc uri={} auto-reconnect=false ! filesink buffer-mode=unbuffered location={shown}",
                    call.escaped_url()
                );
                Running::start(&found, words(&line))
            }
            Program::Vlc => {
                let sout = format!("--sout=#std{{access=file,mux=ts,dst={shown}}}");
                let arguments = [
                    "--no-color",
                    "--play-and-exit",
                    "--network-caching=200",
                    &sout,
                    &call.escaped_url(),
                    "vlc://quit",
                ]
                .map(str::to_owned);
                Running::start_as(&found, arguments, &NOBODY)
            }
        };
        Some(Playing { kind: program, program: running, file })
    }

    /// What it printed.
    pub fn output(&self) -> String {
        self.program.output()
    }

    /// Waits until it has ended by itself, for as long as it takes.
    pub async fn ended(&mut self) {
        self.program.ended().await;
    }

    /// Waits until it has recorded something.
    pub async fn recording(&self) {
        crate::until(&format!("{:?} to record; it printed: {}", self.kind, self.output()), async || {
            std::fs::metadata(&self.file).is_ok_and(|file| file.len() > 0).then_some(())
        })
        .await;
    }

    /// Ends it as a user would; the answer is what it recorded.
    pub async fn stop(self) -> Tape {
        let (_, said) = self.program.interrupt().await;
        Tape::read(&self.file, self.kind, said)
    }

    /// Waits until it has ended by itself, as its stream has ended.
    pub async fn finish(self) -> Tape {
        let (_, said) = self.program.finish().await;
        Tape::read(&self.file, self.kind, said)
    }
}

impl std::fmt::Debug for Publishing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Publishing").field("output", &self.output()).finish_non_exhaustive()
    }
}

fn words(line: &str) -> Vec<String> {
    line.split_whitespace().map(str::to_owned).collect()
}
