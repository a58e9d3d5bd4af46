use super::*;

fn parsed(line: &str) -> Result<Task, String> {
    parse(line.split_whitespace().map(str::to_owned))
}

#[test]
fn file_and_address_are_enough_to_publish() {
    let Ok(Task::Publish { file, url, once }) = parsed("a.flv rtmp://h/live/s") else { panic!() };
    assert_eq!((file.to_str(), url.to_string().as_str(), once), (Some("a.flv"), "rtmp://h/live/s", false));
}

#[test]
fn watching_takes_its_seconds() {
    let Ok(Task::Watch { time, .. }) = parsed("--watch --seconds 7 http://h/live/s.flv") else { panic!() };
    assert_eq!(time, Duration::from_secs(7));
}

#[test]
fn help_wins_over_everything() {
    assert_eq!(parsed("--once --help"), Ok(Task::Help));
}

#[test]
fn what_makes_no_sense_is_said() {
    for (line, said) in [
        ("", "a file and a URL"),
        ("a.flv", "a file and a URL"),
        ("a.flv http://h/live/s.flv", "rtmp://"),
        ("a.flv http://h/rtc/v1/whep/?stream=s", "WHIP"),
        ("--watch http://h/rtc/v1/whip/?stream=s", "whep"),
        ("--watch", "one URL"),
        ("--watch --once rtmp://h/live/s", "--once"),
        ("--watch --seconds 0 rtmp://h/live/s", "1 to 3600"),
        ("--seconds 3 a.flv rtmp://h/live/s", "--seconds"),
        ("--twice a.flv rtmp://h/live/s", "--twice"),
    ] {
        let error = parsed(line).unwrap_err();
        assert!(error.contains(said), "{line}: {error}");
    }
}

#[test]
fn webrtc_is_published_and_watched() {
    assert!(matches!(parsed("a.flv http://h/rtc/v1/whip/?stream=s"), Ok(Task::Publish { .. })));
    assert!(matches!(parsed("--watch http://h/rtc/v1/whep/?stream=s"), Ok(Task::Watch { .. })));
}
