//! GStreamer's RTSP server, started and ended by a test.

use crate::{Program, tools};

/// What it serves: see there.
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/interop/rtsp_server.py");

/// A running server with live test streams, all of 320x180 and 25 pictures a second with a key picture each second:
/// `plain` (H.264 in order, and AAC), `reordered` (with B-frames), `hevc`, `opus` (H.264 and Opus), and `ends` (2 s of
/// H.264 alone, and then its end). With `-tcp` behind its name a stream is not to be had over UDP. Dropping it kills it.
pub struct RtspServer {
    program: Program,
    port: u16,
}

impl RtspServer {
    /// Starts one on a port of loopback that the system chooses; none where it is not installed.
    pub async fn start() -> Option<RtspServer> {
        let python = tools::python_gst_rtsp()?;
        let program = Program::start(&python, [SCRIPT]);
        let port = program.line("rtsp ").await.trim().parse().expect("a port");
        Some(RtspServer { program, port })
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Where one of its streams is.
    pub fn url(&self, stream: &str) -> String {
        format!("rtsp://127.0.0.1:{}/{stream}", self.port)
    }

    /// Sends it a signal by name.
    pub async fn signal(&self, name: &str) {
        tools::signal(self.program.pid(), name).await;
    }

    /// Kills it, and waits until it is gone.
    pub async fn kill(self) {
        self.program.kill().await;
    }
}
