//! Registration from another machine, which is a network namespace with a cable to the proxy's.

use std::os::unix::fs::symlink;
use std::path::Path;

use srs_tests::{Program, cluster::Folder, tools};

use crate::seed::built;

#[tokio::test]
async fn a_node_of_another_machine_registers_with_a_token_or_from_an_allowed_address_alone() {
    let found = ["unshare", "ip", "nsenter", "curl"].map(tools::find);
    let [Some(unshare), Some(_), Some(_), Some(_)] = found else { return };
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the repository");
    let folder = Folder::new();
    symlink(built("srs-proxy"), folder.path("srs-proxy")).unwrap();
    let script = root.join("tests/tests/interop/register.sh");
    // All of it ends with this test, whatever ends that: the first process of its own space takes the others along.
    let options = ["--map-root-user", "--net", "--pid", "--fork", "--kill-child", "--mount-proc", "--wd"];
    let arguments = options.iter().map(std::ffi::OsStr::new);
    let place = folder.path("");
    let rest = [place.as_os_str(), "bash".as_ref(), script.as_os_str()];
    let output = Program::start(&unshare, arguments.chain(rest)).succeed().await;
    assert_eq!(output.matches("seen: ").count(), 5, "{output}");
}
