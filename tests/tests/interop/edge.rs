//! `srs-edge` with the file that is shipped for it.

use std::os::unix::fs::symlink;
use std::path::Path;

use srs_tests::{Program, cluster::Folder, tools};

use crate::seed::built;

#[tokio::test]
async fn both_ffmpegs_record_from_an_edge_by_every_protocol() {
    let (Some(unshare), Some(_), Some(_), Some(nine)) =
        (tools::find("unshare"), tools::find("ip"), tools::find("ffmpeg"), tools::ffmpeg9())
    else {
        return;
    };
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the repository");
    let folder = Folder::new();
    std::fs::create_dir(folder.path("objs")).unwrap();
    for (from, to) in [
        (built("srs-proxy"), "srs-proxy"),
        (built("srs-edge"), "srs-edge"),
        (built("srs-origin"), "objs/srs"),
        (root.join("conf"), "conf"),
        (root.join("doc"), "doc"),
    ] {
        symlink(from, folder.path(to)).unwrap();
    }
    let script = root.join("tests/tests/interop/edge.sh");
    // All of it ends with this test, whatever ends that: the first process of its own space takes the others along.
    let options = ["--map-root-user", "--net", "--pid", "--fork", "--kill-child", "--wd"];
    let arguments = options.iter().map(std::ffi::OsStr::new);
    let (place, nine) = (folder.path(""), format!("FFMPEG9={}", nine.display()));
    let rest = [place.as_os_str(), "env".as_ref(), nine.as_ref(), "bash".as_ref(), script.as_os_str()];
    let output = Program::start(&unshare, arguments.chain(rest)).succeed().await;
    assert_eq!(output.matches("seen: ").count(), 11, "{output}");
}
