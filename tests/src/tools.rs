//! Finding programs of others. One that is missing makes its test skip itself, aloud; with `SRS_TESTS_REQUIRE_TOOLS=1`
//! in the environment it makes the test fail, unless `SRS_TESTS_EXCUSED` has its name.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::LazyLock;

/// The program of that name in `PATH`; none after saying that the test is skipped.
pub fn find(name: &str) -> Option<PathBuf> {
    required(name, in_path(name))
}

/// ffmpeg as the PyPI wheel `imageio-ffmpeg` carries it: version 9 while Debian has 5.1.
pub fn ffmpeg9() -> Option<PathBuf> {
    static FOUND: LazyLock<Option<PathBuf>> = LazyLock::new(|| {
        let ask = "import imageio_ffmpeg; print(imageio_ffmpeg.get_ffmpeg_exe())";
        let answer = Command::new("python3").args(["-c", ask]).stderr(Stdio::null()).output().ok()?;
        let path = PathBuf::from(String::from_utf8(answer.stdout).ok()?.trim());
        path.is_file().then_some(path)
    });
    required("ffmpeg of the PyPI wheel imageio-ffmpeg", FOUND.clone())
}

/// Debian's own Python where it has GStreamer's RTSP server (`gir1.2-gst-rtsp-server-1.0`); other Pythons do not see it.
pub fn python_gst_rtsp() -> Option<PathBuf> {
    static FOUND: LazyLock<Option<PathBuf>> = LazyLock::new(|| {
        let ask =
            "import gi; gi.require_version('GstRtspServer', '1.0'); from gi.repository import GstRtspServer";
        python("/usr/bin/python3".into(), ask)
    });
    required("gir1.2-gst-rtsp-server-1.0", FOUND.clone())
}

/// The same where it has GStreamer's `webrtcbin` (`gir1.2-gst-plugins-bad-1.0`, `gstreamer1.0-nice`).
pub fn python_gst_webrtc() -> Option<PathBuf> {
    static FOUND: LazyLock<Option<PathBuf>> = LazyLock::new(|| {
        let ask = "import gi, sys; gi.require_version('GstWebRTC', '1.0'); gi.require_version('GstApp', '1.0')
from gi.repository import Gst, GstApp, GstWebRTC
Gst.init(None); sys.exit(not all(map(Gst.ElementFactory.find, ['webrtcbin', 'nicesink', 'x264enc', 'opusenc'])))";
        python("/usr/bin/python3".into(), ask)
    });
    required("gir1.2-gst-plugins-bad-1.0 and gstreamer1.0-nice", FOUND.clone())
}

/// A Python that has `aiortc`.
pub fn python_aiortc() -> Option<PathBuf> {
    static FOUND: LazyLock<Option<PathBuf>> = LazyLock::new(|| python(in_path("python3")?, "import aiortc"));
    required("aiortc of PyPI", FOUND.clone())
}

/// Node.js, and the folder of npm's `node-datachannel` where `scripts/test` puts it.
pub fn node_datachannel() -> Option<(PathBuf, PathBuf)> {
    const FOLDER: &str =
        concat!(env!("CARGO_MANIFEST_DIR"), "/../.work/datachannel/node_modules/node-datachannel");
    static FOUND: LazyLock<Option<PathBuf>> =
        LazyLock::new(|| able(in_path("node")?, "-e", &format!("require({FOLDER:?})")));
    Some((required("node-datachannel of npm", FOUND.clone())?, FOLDER.into()))
}

/// This Python, when it can do what it is asked.
fn python(path: PathBuf, ask: &str) -> Option<PathBuf> {
    able(path, "-c", ask)
}

/// This program, when it can do what it is asked behind that option.
fn able(path: PathBuf, option: &str, ask: &str) -> Option<PathBuf> {
    let asked = Command::new(&path).args([option, ask]).stderr(Stdio::null()).status().ok()?;
    asked.success().then_some(path)
}

/// `setpriv` of util-linux, without which programs run as they are.
pub(crate) fn setpriv() -> Option<PathBuf> {
    static FOUND: LazyLock<Option<PathBuf>> = LazyLock::new(|| in_path("setpriv"));
    FOUND.clone()
}

/// Sends a signal by name to one process.
pub async fn signal(pid: u32, name: &str) {
    let sent =
        tokio::process::Command::new("kill").arg(format!("-{name}")).arg(pid.to_string()).status().await;
    assert!(sent.is_ok_and(|status| status.success()), "signal {name} to {pid}");
}

fn in_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    // Where Debian keeps servers, which is not in everybody's PATH.
    let servers = PathBuf::from("/usr/sbin");
    std::env::split_paths(&path).chain([servers]).map(|folder| folder.join(name)).find(|file| file.is_file())
}

fn required<T>(name: &str, found: Option<T>) -> Option<T> {
    if found.is_none() {
        let excused =
            std::env::var("SRS_TESTS_EXCUSED").is_ok_and(|names| names.split(',').any(|one| one == name));
        let must = !excused && std::env::var_os("SRS_TESTS_REQUIRE_TOOLS").is_some_and(|value| value == "1");
        assert!(!must, "{name} is missing, and SRS_TESTS_REQUIRE_TOOLS=1 wants it");
        eprintln!("skipped: {name} is missing");
    }
    found
}
