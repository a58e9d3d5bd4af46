//! The first commands of every user, as printed: they fix ports, so they run in a network of their own.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use srs_tests::{Program, cluster::Folder, tools};

/// A program that the workspace has built, beside the folder of this test.
pub fn built(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("this test is a file");
    let path = test.ancestors().nth(2).expect("target/PROFILE/deps/TEST").join(name);
    assert!(path.is_file(), "{} is missing: cargo build --workspace", path.display());
    path
}

#[tokio::test]
async fn the_first_commands_run_word_for_word() {
    let (Some(unshare), Some(_), Some(_)) =
        (tools::find("unshare"), tools::find("ip"), tools::find("ffplay"))
    else {
        return;
    };
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the repository");
    let folder = Folder::new();
    std::fs::create_dir(folder.path("objs")).unwrap();
    for (from, to) in [
        (built("srs-proxy"), "srs-proxy"),
        (built("srs-origin"), "objs/srs"),
        (root.join("conf"), "conf"),
        (root.join("doc"), "doc"),
    ] {
        symlink(from, folder.path(to)).unwrap();
    }
    let script = root.join("tests/tests/interop/seed.sh");
    // All of it ends with this test, whatever ends that: the first process of its own space takes the others along.
    let options = ["--map-root-user", "--net", "--pid", "--fork", "--kill-child", "--wd"];
    let arguments = options.iter().map(std::ffi::OsStr::new);
    let place = folder.path("");
    let rest = [place.as_os_str(), "bash".as_ref(), script.as_os_str()];
    let output = Program::start(&unshare, arguments.chain(rest)).succeed().await;
    assert_eq!(output.matches("seen: ").count(), 6, "{output}");
}
