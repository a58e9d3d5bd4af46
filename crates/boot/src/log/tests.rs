use std::time::{Duration, UNIX_EPOCH};

use tracing::{debug, error, info, info_span, warn};

use super::line::Escaped;
use super::*;

#[derive(Clone, Default)]
struct Memory(Arc<Mutex<Vec<u8>>>);

impl Write for Memory {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Memory {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

/// The lines logged by `act`, from the level on.
fn logged(level: Level, filter: Option<&str>, act: impl FnOnce()) -> Vec<String> {
    let memory = Memory::default();
    tracing::subscriber::with_default(subscriber(memory.clone(), level, filter).unwrap(), act);
    let text = String::from_utf8(memory.0.lock().unwrap().clone()).unwrap();
    text.lines().map(str::to_owned).collect()
}

/// A line without its time.
fn timeless(line: &str) -> &str {
    line.split_once(']').unwrap().1
}

#[test]
fn a_line_has_time_level_pid_context_and_message() {
    let lines = logged(Level::Info, None, || info!(bytes = 7, peer = "a", "client gone"));
    let pid = std::process::id();
    assert_eq!(lines.len(), 1);
    assert_eq!(timeless(&lines[0]), format!("[INFO][{pid}][-] client gone bytes=7 peer=a"));
    let stamp = lines[0].strip_prefix('[').unwrap().split_once(']').unwrap().0;
    assert_eq!(stamp.len(), "2026-11-20 12:00:00.000".len());
}

#[test]
fn the_context_id_is_that_of_the_innermost_span_and_other_fields_follow() {
    let lines = logged(Level::Info, None, || {
        let _outer = info_span!("conn", cid = "outer", peer = "1.2.3.4").entered();
        info!("one");
        let inner = info_span!("session", cid = "inner", stream = tracing::field::Empty).entered();
        inner.record("stream", "live/a");
        warn!(n = 1, "two");
        error!(cid = "own", "three");
    });
    let pid = std::process::id();
    let lines: Vec<&str> = lines.iter().map(|line| timeless(line)).collect();
    assert_eq!(
        lines,
        [
            format!("[INFO][{pid}][outer] one peer=1.2.3.4"),
            format!("[WARN][{pid}][inner] two n=1 peer=1.2.3.4 stream=live/a"),
            format!("[ERROR][{pid}][own] three peer=1.2.3.4 stream=live/a"),
        ]
    );
}

#[test]
fn the_level_bounds_what_is_logged_and_a_filter_wins_over_it() {
    let act = || {
        debug!("quiet");
        info!("loud");
    };
    assert_eq!(logged(Level::Warn, None, act).len(), 0);
    assert_eq!(logged(Level::Info, None, act).len(), 1);
    assert_eq!(logged(Level::Info, Some(""), act).len(), 1);
    assert_eq!(logged(Level::Warn, Some("debug"), act).len(), 2);
}

#[test]
fn a_wrong_filter_is_an_error() {
    let error = subscriber(Memory::default(), Level::Info, Some("a=b=c")).err().unwrap();
    assert!(matches!(&error, Error::Filter { filter, .. } if filter == "a=b=c"), "{error}");
}

#[test]
fn a_client_cannot_forge_or_flood_a_line() {
    let name = "live/x\n[2026-01-01 00:00:00.000][ERROR][1][-] forged\u{1b}[31m\u{2028}";
    let lines = logged(Level::Info, None, || info!(stream = name, "{name}"));
    assert_eq!(lines.len(), 1);
    assert!(lines[0].contains("live/x\\n[2026") && lines[0].contains("\\u{1b}[31m\\u{2028}"), "{}", lines[0]);
    let lines = logged(Level::Info, None, || info!("{}", "x".repeat(100_000)));
    assert!(lines.len() == 1 && lines[0].len() < 9000, "{}", lines[0].len());
}

#[test]
fn ordinary_text_is_not_escaped() {
    assert_eq!(Escaped("live/直播 \"a\" 'b'").to_string(), "live/直播 \"a\" 'b'");
}

#[test]
fn calendar_times_are_right() {
    for (seconds, expected) in [
        (0, "1970-01-01 00:00:00.007"),
        (951_782_400, "2000-02-29 00:00:00.007"),
        (951_868_799, "2000-02-29 23:59:59.007"),
        (4_107_542_400, "2100-03-01 00:00:00.007"),
        (1_795_176_000, "2026-11-20 12:00:00.007"),
        (1_798_761_599, "2026-12-31 23:59:59.007"),
    ] {
        assert_eq!(clock::stamp(UNIX_EPOCH + Duration::from_millis(seconds * 1000 + 7)), expected);
    }
    assert!(clock::stamp(UNIX_EPOCH - Duration::from_secs(1)).starts_with("1970-01-01"));
}

#[test]
fn a_file_is_appended_to_and_opened_anew_after_rotation() {
    let folder = std::env::temp_dir().join(format!("srs-boot-log-{}", std::process::id()));
    let path = folder.join("objs/srs.log");
    let output = Output::open(&Tank::File(path.clone())).unwrap();
    output.make_writer().write_all(b"one\n").unwrap();
    Output::open(&Tank::File(path.clone())).unwrap().make_writer().write_all(b"two\n").unwrap();
    let rotated = folder.join("srs.log.1");
    std::fs::rename(&path, &rotated).unwrap();
    output.make_writer().write_all(b"three\n").unwrap();
    output.reopen().unwrap();
    output.make_writer().write_all(b"four\n").unwrap();
    assert_eq!(std::fs::read_to_string(&rotated).unwrap(), "one\ntwo\nthree\n");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "four\n");
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_file_that_cannot_be_opened_is_named() {
    let error = Output::open(&Tank::File("/proc/none/srs.log".into())).unwrap_err();
    assert!(error.to_string().starts_with("log file /proc/none/srs.log: "), "{error}");
}

#[test]
fn both_spellings_of_levels_mean_what_srs_means() {
    assert_eq!(Level::from_srs("trace"), Some(Level::Info));
    assert_eq!(Level::from_srs("info"), Some(Level::Debug));
    assert_eq!(Level::from_srs("verbose"), Some(Level::Trace));
    assert_eq!(Level::from_name("trace"), Some(Level::Trace));
    assert_eq!(Level::from_name("info"), Some(Level::Info));
    assert_eq!(Level::from_name("verbose"), None);
}
