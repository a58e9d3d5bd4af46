//! The architecture as a test: which crate may see which, what the lower floors must not touch, how long a file may be.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Code files are shorter than this; their tests, beside them in `tests.rs`, may be longer.
const MAX_LINES: usize = 400;

/// What a room may import of the house. A role may import every room.
const EDGES: &[(&str, &[&str])] = &[
    // Floor 0: words.
    ("names", &[]),
    ("media", &[]),
    ("amf", &[]),
    ("pages", &[]),
    // Floor 1: how bytes travel sees no media; what they mean stands above.
    ("rtmp", &["amf", "names"]),
    ("m3u8", &[]),
    ("srt", &["names"]),
    ("rtc", &[]),
    // `ts` too: of a transport stream both doors that take one in make the same frames.
    ("flv", &["amf", "media", "names", "rtmp", "ts"]),
    ("ts", &["media"]),
    ("rtp", &["media", "rtc"]),
    ("hls", &["m3u8"]),
    // Floor 2: the two hearts do not know each other, nor any protocol.
    ("hub", &["media", "names"]),
    ("balance", &["names"]),
    // Floor 3: machinery.
    ("net", &["amf", "names", "pages", "rtc", "rtmp", "srt"]),
    ("peer", &["rtc", "srt"]),
    ("sound", &["media"]),
    ("boot", &["names"]),
    ("directory", &["balance", "names", "net"]),
    // Floor 4: doors, which do not know each other. The relay is blind to media and has no hub.
    (
        "gateway",
        &[
            "amf", "flv", "hls", "hub", "m3u8", "media", "names", "net", "pages", "peer", "rtc", "rtmp",
            "rtp", "sound", "srt", "ts",
        ],
    ),
    ("relay", &["amf", "balance", "m3u8", "names", "net", "pages", "rtc", "rtmp", "srt"]),
    ("control", &["balance", "names", "net"]),
    ("pull", &["amf", "flv", "hub", "media", "names", "net", "peer", "rtmp", "srt", "ts"]),
    // What origins and edges are made of: all doors of a node, wired.
    (
        "node",
        &[
            "balance", "boot", "control", "gateway", "hls", "hub", "media", "names", "net", "peer", "pull",
            "relay", "rtc", "srt",
        ],
    ),
];

/// Floors 0 and 1: time and randomness are arguments there, and bytes come from the caller.
const PURE: &[&str] = &["names", "media", "amf", "rtmp", "m3u8", "srt", "rtc", "flv", "ts", "rtp", "hls"];

/// Floor 2 may use `std`'s locks and wakers, but no socket and no runtime.
const HEARTS: &[&str] = &["hub", "balance"];

/// Words that mean a socket, a runtime, a clock or a global source of chance.
const SOCKETS: &[&str] =
    &["tokio::", "std::net::Tcp", "std::net::Udp", "std::os::unix::net", "mio::", "socket2::"];
const CLOCKS: &[&str] =
    &["Instant::now", "SystemTime::now", "SystemTime::UNIX_EPOCH", "rand::rng", "rand::random", "thread_rng"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").to_owned()
}

fn manifest(folder: &Path) -> String {
    fs::read_to_string(folder.join("Cargo.toml")).expect("a manifest")
}

/// The names of `srs-*` packages and of other ones under `[dependencies]`, tests' own left out.
fn dependencies(manifest: &str) -> Vec<String> {
    let mut inside = false;
    let mut found = Vec::new();
    for line in manifest.lines().map(str::trim) {
        if let Some(section) = line.strip_prefix('[') {
            inside =
                section == "dependencies]" || section.ends_with(".dependencies]") && !section.contains("dev");
            if let Some(name) = section.strip_prefix("dependencies.") {
                found.push(name.trim_end_matches(']').to_owned());
            }
        } else if inside && !line.is_empty() && !line.starts_with('#') {
            let name = line.split(['.', '=', ' ']).next().unwrap_or_default();
            found.push(name.to_owned());
        }
    }
    found
}

fn rooms() -> BTreeMap<String, PathBuf> {
    let folders =
        fs::read_dir(root().join("crates")).expect("the crates").map(|entry| entry.expect("an entry").path());
    let crates = folders.filter(|path| path.join("Cargo.toml").is_file());
    crates.map(|path| (path.file_name().expect("a name").to_string_lossy().into_owned(), path)).collect()
}

/// All Rust files below a folder.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let Ok(entries) = fs::read_dir(folder) else { return found };
    for path in entries.map(|entry| entry.expect("an entry").path()) {
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

/// Tests and what only they use, by this project's habit of names.
fn is_test(path: &Path) -> bool {
    let has = |name: &str| path.components().any(|part| part.as_os_str() == name);
    let file = path.file_name().unwrap_or_default();
    has("tests") || file == "tests.rs" || file == "testkit.rs" || file == "sim.rs"
}

/// A file's code, without comments to the end of the line.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).expect("a source file");
    let lines = text.lines().map(|line| line.split("//").next().unwrap_or_default());
    lines.collect::<Vec<_>>().join("\n")
}

fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}

#[test]
fn every_room_has_a_floor() {
    let known: Vec<&str> = EDGES.iter().map(|(name, _)| *name).collect();
    let rooms: Vec<String> = rooms().into_keys().collect();
    let strangers: Vec<&String> = rooms.iter().filter(|room| !known.contains(&room.as_str())).collect();
    assert!(strangers.is_empty(), "give these a place in EDGES: {strangers:?}");
    let gone: Vec<&&str> = known.iter().filter(|name| !rooms.iter().any(|room| room == **name)).collect();
    assert!(gone.is_empty(), "these are in EDGES and not in crates/: {gone:?}");
}

#[test]
fn rooms_import_only_from_the_floors_below() {
    let mut wrong = Vec::new();
    let rooms = rooms();
    for (name, allowed) in EDGES {
        for dependency in dependencies(&manifest(&rooms[*name])) {
            let Some(room) = dependency.strip_prefix("srs-") else { continue };
            if !allowed.contains(&room) {
                wrong.push(format!("{name} imports {room}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn packages_are_named_by_their_folders() {
    for (room, folder) in rooms() {
        assert!(manifest(&folder).contains(&format!("name = \"srs-{room}\"")), "{room}");
    }
    for role in ["proxy", "origin"] {
        assert!(manifest(&root().join(role)).contains(&format!("name = \"srs-{role}\"")), "{role}");
    }
}

#[test]
fn the_lower_floors_depend_on_no_runtime() {
    let mut wrong = Vec::new();
    let rooms = rooms();
    for name in PURE.iter().chain(HEARTS) {
        for dependency in dependencies(&manifest(&rooms[*name])) {
            if ["tokio", "mio", "socket2", "hyper", "axum", "rand", "rustix", "futures-util"]
                .contains(&dependency.as_str())
            {
                wrong.push(format!("{name} depends on {dependency}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_lower_floors_have_no_socket_and_no_clock() {
    let mut wrong = Vec::new();
    let rooms = rooms();
    for name in PURE.iter().chain(HEARTS) {
        for path in sources(&rooms[*name].join("src")).iter().filter(|path| !is_test(path)) {
            let code = code(path);
            for word in SOCKETS.iter().chain(CLOCKS).filter(|word| code.contains(**word)) {
                wrong.push(format!("{}: {word}", shown(path)));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn who_passes_webrtc_on_can_hash_and_nothing_more() {
    // Media is between the ends: a library of DTLS, SRTP or ciphers has no use there.
    let allowed = ["base64", "bytes", "crc32fast", "hmac", "sha1", "sha2", "thiserror"];
    let dependencies = dependencies(&manifest(&rooms()["rtc"]));
    let others: Vec<_> = dependencies.iter().filter(|name| !allowed.contains(&name.as_str())).collect();
    assert!(others.is_empty(), "{others:?}");
}

#[test]
fn the_hearts_know_no_protocol() {
    let mut wrong = Vec::new();
    let rooms = rooms();
    for name in HEARTS {
        for path in sources(&rooms[*name].join("src")).iter().filter(|path| !is_test(path)) {
            let code = code(path).to_lowercase();
            for word in ["srs_rtmp", "srs_flv", "http::", "hyper", "srs_net"]
                .iter()
                .filter(|word| code.contains(**word))
            {
                wrong.push(format!("{}: {word}", shown(path)));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn code_files_are_at_most_400_lines() {
    let mut long = Vec::new();
    for folder in ["crates", "proxy", "origin", "bench", "tests", "fuzz"] {
        for path in sources(&root().join(folder)) {
            let generated = path.components().any(|part| part.as_os_str() == "target");
            if generated || path.file_name().is_some_and(|name| name == "tests.rs") {
                continue;
            }
            let lines = fs::read_to_string(&path).expect("a source file").lines().count();
            if lines > MAX_LINES {
                long.push(format!("{}: {lines} lines", shown(&path)));
            }
        }
    }
    assert!(long.is_empty(), "{long:#?}");
}

#[test]
fn mains_are_about_twenty_lines_of_wiring() {
    for role in ["proxy", "origin"] {
        let path = root().join(role).join("src/main.rs");
        let lines = code(&path).lines().filter(|line| !line.trim().is_empty()).count();
        assert!(lines <= 45, "{}: {lines} lines of code", shown(&path));
    }
}

#[test]
fn every_module_says_what_it_is() {
    let mut silent = Vec::new();
    for folder in ["crates", "proxy", "origin", "tests"] {
        for path in sources(&root().join(folder))
            .iter()
            .filter(|path| path.ends_with("lib.rs") || path.ends_with("main.rs"))
        {
            if !fs::read_to_string(path).expect("a source file").starts_with("//!") {
                silent.push(shown(path));
            }
        }
    }
    assert!(silent.is_empty(), "{silent:#?}");
}
