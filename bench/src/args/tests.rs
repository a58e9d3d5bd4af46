use super::*;

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

#[test]
fn unknown_option_is_an_error() {
    assert!(Args::parse(words("--playres 3"), &["players"], &[]).is_err());
}

#[test]
fn repeated_and_comma_separated_pids_are_all_kept() {
    let args = Args::parse(words("--server-pid 1,2 --server-pid 3"), &["server-pid"], &[]).unwrap();
    assert_eq!(args.pids().unwrap(), [1, 2, 3]);
}

#[test]
fn several_app_levels_belong_to_the_app() {
    let url = Url::parse("rtmp://h:1/a/b/s?x=1").unwrap();
    assert_eq!((url.app.as_str(), url.stream.as_str(), url.query.as_str()), ("a/b", "s", "?x=1"));
}

#[test]
fn http_url_loses_its_suffix_and_gains_a_port() {
    let url = Url::parse("http://h/live/s.flv").unwrap();
    assert_eq!((url.http, url.authority.as_str(), url.name(4, 3).as_str()), (true, "h:80", "s-1"));
}
