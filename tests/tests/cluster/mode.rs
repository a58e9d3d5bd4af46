//! `scripts/change_server_mode.sh`: an origin joins a cluster, and is on its own again.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use srs_boot::Secret;
use srs_proxy::Proxy;
use srs_proxy::config::Config as ProxyConfig;
use srs_tests::cluster::{Folder, SECRET, any_port};
use srs_tests::{Player, Program, Publisher, Source, Target, until};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the repository").to_owned()
}

fn change(file: &Path, arguments: &[&str]) -> Output {
    let script = root().join("scripts/change_server_mode.sh");
    Command::new(script).arg("-c").arg(file).args(arguments).output().expect("the script runs")
}

/// Runs the script and panics unless it is content; the answer is what it says.
fn changed(file: &Path, arguments: &[&str]) -> String {
    let output = change(file, arguments);
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).expect("text")
}

/// A file with this text, in a folder of its own.
fn file_of(text: &str) -> (Folder, PathBuf) {
    let folder = Folder::new();
    let file = folder.path("origin.conf");
    fs::write(&file, text).unwrap();
    (folder, file)
}

fn shipped() -> String {
    fs::read_to_string(root().join("conf/origin.conf")).expect("a file that we ship")
}

/// Configurations that are all standalone, and in many layouts.
fn layouts() -> Vec<String> {
    [
        "",
        "listen 1935;",
        "listen 1935;\n\n",
        "heartbeat { enabled off; }\n",
        "heartbeat{enabled off;url http://a/#x http://b/;ports on;}",
        "\u{feff}heartbeat {\n}\nlisten 1;\n",
        "listen 1;\r\nheartbeat {\r\n\tenabled off; # not yet; {\r\n\tauth {\r\n\t\ttype \"bearer\";\r\n}}\r\n# \\ & end",
        "  heartbeat # one {\n  {\n    url \"http://a/;{\" ; # heartbeat {\n    ports  off ; interval\t3;}\n",
        "vhost v { heartbeat { enabled on; } } daemon off; heartbeat { auth { enabled off; token 'a b'; } }",
    ]
    .map(str::to_owned)
    .into_iter()
    .chain([shipped()])
    .collect()
}

const CLUSTERS: [&[&str]; 3] = [
    &["cluster", "10.0.0.1"],
    &["cluster", "proxy:7,[::1]", "user", "pa;ss"],
    &["cluster", "http://proxy/x", "u", "-p"],
];

#[test]
fn there_and_back_gives_the_same_bytes() {
    for text in layouts() {
        for cluster in CLUSTERS {
            let (_folder, file) = file_of(&text);
            changed(&file, cluster);
            assert_ne!(fs::read_to_string(&file).unwrap(), text);
            changed(&file, &["standalone"]);
            assert_eq!(fs::read_to_string(&file).unwrap(), text, "{cluster:?}");
        }
    }
}

#[test]
fn what_is_asked_twice_is_done_once() {
    for text in layouts() {
        let (_folder, file) = file_of(&text);
        assert!(changed(&file, &["standalone"]).contains("nothing is changed"));
        for cluster in CLUSTERS {
            changed(&file, cluster);
            let once = fs::read_to_string(&file).unwrap();
            assert!(changed(&file, cluster).contains("nothing is changed"));
            assert_eq!(fs::read_to_string(&file).unwrap(), once);
        }
    }
}

#[test]
fn comments_and_layout_of_the_file_we_ship_stay() {
    let text = shipped();
    let (_folder, file) = file_of(&text);
    changed(&file, &["cluster", "10.0.0.1"]);
    let after = fs::read_to_string(&file).unwrap();
    let lines: Vec<&str> = after.lines().filter(|line| !text.lines().any(|old| old == *line)).collect();
    let expected = [
        "# change_server_mode.sh standalone puts back: ports off; url http://127.0.0.1:8085/api/v1/servers; interval 9.9; \
         enabled off;",
        "    interval            1;",
        "    url                 http://10.0.0.1:12025/api/v1/srs/register;",
        "    ports               on;",
    ];
    assert_eq!(lines, expected);
    let kept = text.lines().filter(|line| line.trim_start().starts_with('#'));
    assert!(kept.clone().count() > 20 && kept.clone().all(|line| after.lines().any(|new| new == line)));
    assert_eq!(after.lines().count(), text.lines().count() + 1);
}

#[test]
fn what_was_changed_by_hand_in_between_stays() {
    let (_folder, file) = file_of("heartbeat {\n    enabled off;\n}\n");
    changed(&file, &["cluster", "a"]);
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("enabled on;", "enabled on;\n    device_id mine;") + "listen 1;\n")
        .unwrap();
    changed(&file, &["cluster", "b"]);
    changed(&file, &["standalone"]);
    let expected = "heartbeat {\n    enabled off;\n    device_id mine;\n}\nlisten 1;\n";
    assert_eq!(fs::read_to_string(&file).unwrap(), expected);
}

#[test]
fn a_cluster_member_made_by_hand_becomes_standalone() {
    for number in 1..=3 {
        let text = fs::read_to_string(root().join(format!("conf/origin{number}-for-proxy.conf"))).unwrap();
        let (_folder, file) = file_of(&text);
        let told = changed(&file, &["standalone"]);
        assert!(told.contains(&format!("./objs/origin{number}.pid")), "{told}");
        let expected =
            text.replacen("heartbeat {\n    enabled         on;", "heartbeat {\n    enabled         off;", 1);
        assert_ne!(expected, text);
        assert_eq!(fs::read_to_string(&file).unwrap(), expected);
    }
}

#[test]
fn nothing_but_the_text_of_the_file_changes() {
    let (folder, file) = file_of(&shipped());
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    let link = folder.path("link.conf");
    symlink("origin.conf", &link).unwrap();
    changed(&link, &["cluster", "a", "user", "secret"]);
    assert!(fs::read_to_string(&file).unwrap().contains(" secret;"));
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o7777, 0o640);
    assert_eq!(fs::read_dir(folder.path("")).unwrap().count(), 2, "nothing is left beside the file");
}

#[test]
fn whoever_errs_is_told_so_and_the_file_stays() {
    let usage: [&[&str]; 8] = [
        &[],
        &["clustr", "a"],
        &["cluster"],
        &["cluster", "a", "user"],
        &["cluster", "a", "user", "pass", "more"],
        &["standalone", "a"],
        &["--cluster", "a"],
        &["-c"],
    ];
    let hosts = [
        "",
        "a b",
        "a:",
        "a:0",
        "a:65536",
        "a:b:c",
        "a,",
        "a;b",
        "[::1",
        "a/x",
        "https://a",
        "ftp://a",
        "http://",
    ];
    let (_folder, file) = file_of(&shipped());
    let mut said = Vec::new();
    for arguments in usage {
        let output = change(&file, arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        said.push(String::from_utf8(output.stderr).unwrap());
    }
    assert!(said.iter().all(|said| said.contains("usage: ")), "{said:#?}");
    for host in hosts {
        assert_eq!(change(&file, &["cluster", host]).status.code(), Some(1), "{host:?}");
    }
    let database = String::from_utf8(change(&file, &["cluster", "mongodb://a"]).stderr).unwrap();
    assert!(database.contains("no database is needed"), "{database}");
    assert_eq!(change(&file, &["cluster", "a", "u", ""]).status.code(), Some(1), "an empty token");
    assert_eq!(change(&file, &["cluster", "a", "u", "a\nb"]).status.code(), Some(1), "a token of two lines");
    assert_eq!(fs::read_to_string(&file).unwrap(), shipped());
    let missing =
        String::from_utf8(change(&file.with_file_name("none.conf"), &["standalone"]).stderr).unwrap();
    assert!(missing.contains("none.conf: no such file"), "{missing}");
}

#[test]
fn a_file_that_is_no_configuration_is_told_with_its_line_and_stays() {
    for (text, line) in [
        ("listen 1;\nheartbeat {\n", "line 2"),
        ("heartbeat { enabled off;\n} }", "line 2"),
        ("heartbeat { enabled off; }\nheartbeat { }", "line 2"),
        ("heartbeat { enabled off }\n", "line 1"),
        ("listen '1;\n", "line 1"),
    ] {
        let (folder, file) = file_of(text);
        let output = change(&file, &["cluster", "a"]);
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && said.contains(line), "{text:?}: {said}");
        assert_eq!(fs::read_to_string(&file).unwrap(), text);
        assert_eq!(fs::read_dir(folder.path("")).unwrap().count(), 1, "nothing is left beside the file");
    }
}

/// The file that we ship, with ports that the system chooses and paths in this folder.
fn on_any_port(folder: &Folder) -> String {
    let mut text = shipped();
    let at = |name: &str| folder.path(name).display().to_string();
    for (from, to) in [
        ("listen                  1935;", "listen                  127.0.0.1:0;".to_owned()),
        ("    listen              8080;", "    listen              127.0.0.1:0;".to_owned()),
        // Another address than the media's, or both would be one server.
        ("    listen              1985;", "    listen              127.0.0.2:0;".to_owned()),
        ("./objs/srs.pid", at("srs.pid")),
        ("./objs/nginx/html", at("html")),
    ] {
        assert!(text.contains(from), "{from}");
        text = text.replace(from, &to);
    }
    text + &format!("cluster_secret '{SECRET}';\n")
}

/// Starts an origin with this file; the answer is where it serves RTMP.
async fn origin(file: &Path) -> (Program, std::net::SocketAddr) {
    let program =
        Program::start(Path::new(env!("CARGO_BIN_EXE_origin-alone")), ["-c".as_ref(), file.as_os_str()]);
    let rtmp = program.line("rtmp ").await.trim().parse().expect("an address");
    (program, rtmp)
}

/// Publishes a stream and watches it at the same place.
async fn plays(address: std::net::SocketAddr, seed: u8) {
    let target = Target::live("moved");
    let mut publisher = until("publishing", async || Publisher::connect(address, &target).await.ok()).await;
    publisher.send_all(&Source::new(seed).clip(12)).await;
    let mut player = Player::connect(address, &target).await.expect("playing begins");
    player.reach(*publisher.sent.last().expect("frames")).await;
    publisher.goodbye().await;
}

#[tokio::test]
async fn an_origin_serves_a_proxys_clients_in_a_cluster_and_its_own_alone() {
    let proxy = Proxy::bind(ProxyConfig {
        rtmp: any_port(),
        http_server: any_port(),
        http_api: any_port(),
        srt: any_port(),
        webrtc: any_port(),
        system_api: any_port(),
        api_token: Some(Secret::new("pa;ss+#1!")),
        cluster_secret: Some(Secret::new(SECRET)),
        ..ProxyConfig::default()
    })
    .expect("a proxy starts");
    let (folder, file) = file_of("");
    fs::write(&file, on_any_port(&folder)).unwrap();
    let before = fs::read_to_string(&file).unwrap();

    // No heartbeat is left to come when the stream has played: the first is sent as the origin starts.
    let (alone, rtmp) = origin(&file).await;
    plays(rtmp, 81).await;
    let refused = Publisher::connect(proxy.rtmp(), &Target::live("moved")).await;
    assert!(refused.is_err(), "the proxy knows no origin");
    alone.kill().await;

    changed(&file, &["cluster", &proxy.system_api().to_string(), "somebody", "pa;ss+#1!"]);
    let (member, _) = origin(&file).await;
    plays(proxy.rtmp(), 82).await;
    member.kill().await;

    changed(&file, &["standalone"]);
    assert_eq!(fs::read_to_string(&file).unwrap(), before);
    let (alone, rtmp) = origin(&file).await;
    plays(rtmp, 83).await;
    until("the proxy to know no origin again", async || {
        Publisher::connect(proxy.rtmp(), &Target::live("moved")).await.err()
    })
    .await;
    alone.kill().await;
}
