use super::*;
use proptest::prelude::*;

const VHOST: &str = "v.example";

fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn apps(templates: &[(&str, &[&str])]) -> Apps {
    let templates = templates.iter().map(|(name, words)| Template::new(name, words).unwrap());
    Apps::new([(VHOST.to_owned(), templates.collect())])
}

fn names(apps: &Apps) -> Vec<String> {
    apps.list().into_iter().map(|app| app.name).collect()
}

fn gone(apps: &Apps, seconds: u64) -> Vec<String> {
    apps.sweep(at(seconds)).into_iter().map(|(_, name)| name).collect()
}

#[test]
fn an_application_that_is_configured_is_used_as_it_is() {
    let apps = apps(&[("live", &["rtsp"]), ("*", &["rtmp"])]);
    assert_eq!(apps.admit(VHOST, "live", Scheme::Rtsp, at(0)), Ok(Admitted { made: false }));
    assert!(apps.admit(VHOST, "live", Scheme::Rtmp, at(0)).is_err(), "the template is not for it");
    assert_eq!(names(&apps), ["live"]);
}

#[test]
fn what_is_not_configured_is_made_of_the_template_once() {
    let apps = apps(&[("*", &["rtmp"])]);
    assert_eq!(apps.admit(VHOST, "new", Scheme::Rtmp, at(5)), Ok(Admitted { made: true }));
    assert_eq!(apps.admit(VHOST, "new", Scheme::Rtmp, at(6)), Ok(Admitted { made: false }));
    let record = AppRecord {
        vhost: VHOST.to_owned(),
        name: "new".to_owned(),
        schemes: vec![Scheme::Rtmp],
        made: Some(at(5)),
        streams: 0,
    };
    assert_eq!(apps.list(), [record]);
}

#[test]
fn with_no_template_there_is_one_with_every_scheme_that_is_built() {
    for apps in [apps(&[("live", &["rtsp"])]), Apps::new([])] {
        for scheme in [Scheme::Rtmp, Scheme::Http, Scheme::Https, Scheme::Rtsp, Scheme::Srt] {
            assert!(apps.admit(VHOST, "new", scheme, at(0)).is_ok(), "{scheme:?}");
        }
        assert!(apps.admit(VHOST, "new", Scheme::Ovt, at(0)).is_err());
    }
}

#[test]
fn a_scheme_that_an_application_does_not_have_is_refused_by_name_and_makes_nothing() {
    let refused = |apps: &Apps, app| apps.admit(VHOST, app, Scheme::Rtsp, at(0)).unwrap_err().to_string();
    let some = apps(&[("live", &["rtmp", "flv"]), ("*", &["RTMP"])]);
    assert_eq!(refused(&some, "live"), "the application live has no provider rtsp: it has rtmp, http, https");
    assert_eq!(refused(&some, "new"), "the application new has no provider rtsp: it has rtmp");
    assert_eq!(refused(&apps(&[("*", &[])]), "new"), "the application new has no provider rtsp: it has none");
    assert_eq!(names(&some), ["live"]);
}

#[test]
fn vhosts_have_applications_of_their_own() {
    let rtmp = Template::new("*", &["rtmp"]).unwrap();
    let apps = Apps::new([(VHOST.to_owned(), vec![rtmp])]);
    assert!(apps.admit("other.example", "a", Scheme::Rtsp, at(0)).unwrap().made);
    assert!(apps.admit(VHOST, "a", Scheme::Rtsp, at(0)).is_err());
    assert!(apps.admit(VHOST, "a", Scheme::Rtmp, at(0)).unwrap().made);
}

#[test]
fn a_made_application_without_a_stream_for_a_minute_is_removed() {
    let apps = apps(&[("live", &["rtmp"])]);
    for name in ["live", "made"] {
        apps.admit(VHOST, name, Scheme::Rtmp, at(0)).unwrap();
    }
    assert!(gone(&apps, 59).is_empty());
    assert_eq!(gone(&apps, 60), ["made"]);
    assert_eq!(names(&apps), ["live"], "what is configured stays");
    assert!(apps.admit(VHOST, "made", Scheme::Rtmp, at(61)).unwrap().made);
}

#[test]
fn a_stream_keeps_its_application_and_the_minute_begins_when_the_last_one_left() {
    let apps = apps(&[]);
    apps.admit(VHOST, "made", Scheme::Rtmp, at(0)).unwrap();
    apps.used(VHOST, "made", at(1));
    apps.used(VHOST, "made", at(2));
    assert!(gone(&apps, 1000).is_empty());
    apps.left(VHOST, "made", at(1000));
    assert!(gone(&apps, 2000).is_empty(), "one is left");
    apps.left(VHOST, "made", at(2000));
    assert!(gone(&apps, 2059).is_empty());
    assert_eq!(gone(&apps, 2060), ["made"]);
}

#[test]
fn a_wish_puts_the_removal_off() {
    let apps = apps(&[]);
    apps.admit(VHOST, "made", Scheme::Rtmp, at(0)).unwrap();
    apps.admit(VHOST, "made", Scheme::Rtmp, at(59)).unwrap();
    assert!(gone(&apps, 100).is_empty());
    assert_eq!(gone(&apps, 119), ["made"]);
}

#[test]
fn a_stream_that_comes_after_the_removal_makes_its_application_again() {
    let apps = apps(&[]);
    apps.used(VHOST, "made", at(0));
    assert_eq!(apps.list().first().map(|app| app.streams), Some(1));
    apps.left(VHOST, "unknown", at(0));
    assert_eq!(names(&apps), ["made"]);
}

#[test]
fn streams_of_configured_applications_are_counted() {
    let apps = apps(&[("live", &["rtmp"])]);
    apps.used(VHOST, "live", at(0));
    assert_eq!(apps.list().first().map(|app| (app.streams, app.made)), Some((1, None)));
}

#[test]
fn the_table_is_bounded_and_the_one_that_was_left_first_makes_room() {
    let apps = apps(&[("live", &["rtmp"])]);
    for number in 0..MOST {
        apps.admit(VHOST, &format!("a{number}"), Scheme::Rtmp, at(number as u64)).unwrap();
    }
    apps.used(VHOST, "a0", at(0));
    assert!(apps.admit(VHOST, "more", Scheme::Rtmp, at(1)).unwrap().made);
    let names = names(&apps);
    assert_eq!(names.len(), MOST + 1, "with the configured one");
    assert!(names.contains(&"a0".to_owned()) && !names.contains(&"a1".to_owned()));
}

#[test]
fn no_application_is_made_when_all_have_streams() {
    let apps = apps(&[]);
    for number in 0..MOST {
        apps.used(VHOST, &format!("a{number}"), at(0));
    }
    let refused = apps.admit(VHOST, "more", Scheme::Rtmp, at(1)).unwrap_err();
    assert_eq!(refused, NotAllowed::Full { app: "more".to_owned() });
    assert!(apps.admit(VHOST, "a7", Scheme::Rtmp, at(1)).is_ok());
    apps.left(VHOST, "a7", at(2));
    assert!(apps.admit(VHOST, "more", Scheme::Rtmp, at(3)).unwrap().made);
}

#[test]
fn providers_are_words_in_any_case_and_flv_is_http_with_and_without_tls() {
    let schemes = |words: &[&str]| Template::new("a", words).map(|template| template.schemes);
    assert_eq!(schemes(&["RTMP", "Flv", "rtsp", "SRT"]).unwrap(), PULLED);
    assert_eq!(schemes(&["http", "flv", "http"]).unwrap(), [Scheme::Http, Scheme::Https]);
    assert_eq!(schemes(&["ovt"]).unwrap(), [Scheme::Ovt]);
    let error = schemes(&["rtmp", "webrtc"]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "unknown provider \"webrtc\": want rtmp, flv, http, https, rtsp, srt or ovt"
    );
}

proptest! {
    #[test]
    fn what_has_streams_is_never_removed_and_what_has_none_is_in_the_end(
        steps in prop::collection::vec((0..4_u8, 0..3_u8, 0..100_u64), 0..60)
    ) {
        let apps = apps(&[]);
        let mut now = 0;
        let mut streams = [0_usize; 3];
        for (step, app, seconds) in steps {
            now += seconds;
            let name = format!("a{app}");
            let count = &mut streams[usize::from(app)];
            match step {
                0 => drop(apps.admit(VHOST, &name, Scheme::Rtmp, at(now))),
                1 => {
                    apps.used(VHOST, &name, at(now));
                    *count += 1;
                }
                2 => {
                    apps.left(VHOST, &name, at(now));
                    *count = count.saturating_sub(1);
                }
                _ => drop(apps.sweep(at(now))),
            }
            for (app, count) in streams.iter().enumerate().filter(|(_, count)| **count > 0) {
                let known = apps.list().into_iter().find(|known| known.name == format!("a{app}"));
                prop_assert_eq!(known.map(|known| known.streams), Some(*count));
            }
        }
        for (app, count) in streams.iter().enumerate() {
            (0..*count).for_each(|_| apps.left(VHOST, &format!("a{app}"), at(now)));
        }
        apps.sweep(at(now + 60));
        prop_assert!(apps.list().is_empty());
    }
}
