use super::{Error, Facts, Template};
use proptest::prelude::*;

const FACTS: Facts<'_> = Facts {
    vhost: "__defaultVhost__",
    app: "live",
    stream: "my.ts.stream",
    sequence: 194_000_007,
    duration_ms: 9_960,
    unix_ms: 1_266_591_263_031,
};

fn name(template: &str, facts: Facts<'_>) -> Result<String, Error> {
    Template::parse(template)?.name(&facts)
}

#[test]
fn the_names_of_srs_are_made() {
    for (template, made) in [
        ("[app]/[stream].m3u8", "live/my.ts.stream.m3u8"),
        ("[app]/[stream]-[seq].ts", "live/my.ts.stream-194000007.ts"),
        (
            "/[vhost]/[stream]/[duration]-[timestamp].ts",
            "__defaultVhost__/my.ts.stream/9960-1266591263031.ts",
        ),
        ("./[2006]/[01]/[02]/[15].[04].[05].[999].ts", "2010/02/19/14.54.23.031.ts"),
        ("plain.ts", "plain.ts"),
        ("open[.ts", "open[.ts"),
    ] {
        assert_eq!(name(template, FACTS).as_deref(), Ok(made));
    }
}

#[test]
fn the_levels_of_an_app_are_folders() {
    assert_eq!(
        name("[app]/[stream].ts", Facts { app: "a/b", ..FACTS }).as_deref(),
        Ok("a/b/my.ts.stream.ts")
    );
}

#[test]
fn a_template_that_leaves_its_root_is_refused() {
    for template in ["", "/", "../[stream].ts", "[app]/../../x", "a//b", "//a", "a/", "a/./b", "a\\b", "a\0b"]
    {
        assert!(matches!(Template::parse(template), Err(Error::Component(_))), "{template:?}");
    }
}

#[test]
fn an_unknown_variable_is_named() {
    assert_eq!(Template::parse("[app]/[steam].ts"), Err(Error::Variable("steam".into())));
}

#[test]
fn names_by_strangers_do_not_leave_the_root() {
    for evil in ["", ".", "..", "../x", "/etc", "a/../b", "a\\..\\b", "a\0", "a\n", "a//b", "a/", "x/y/.."] {
        for template in ["[vhost]/x", "[stream]/x", "[app]/x", "[app]/[stream].ts"] {
            let all = Facts { vhost: evil, app: evil, stream: evil, ..FACTS };
            assert!(name(template, all).is_err(), "{template} {evil:?}");
        }
    }
    // Two good halves.
    assert_eq!(name(".[stream]", Facts { stream: "x", ..FACTS }).as_deref(), Ok(".x"));
    assert!(name(".[stream]/a", Facts { stream: ".", ..FACTS }).is_err());
    assert_eq!(name("[stream]", Facts { stream: "a/b", ..FACTS }), Err(Error::Value("a/b".into())));
}

#[test]
fn names_are_as_long_as_file_systems_take() {
    let long = "x".repeat(255);
    assert!(name("[stream]", Facts { stream: &long, ..FACTS }).is_ok());
    assert_eq!(name("[stream].ts", Facts { stream: &long, ..FACTS }), Err(Error::Long(258)));
    let deep = [long.as_str(); 9].join("/");
    assert!(matches!(name("[app]", Facts { app: &deep, ..FACTS }), Err(Error::Long(_))));
}

proptest! {
    #[test]
    fn no_name_leaves_the_root(
        template in "(\\[(app|stream|vhost|seq)\\]|[./a]){1,8}", app in "[./a\\\\]{0,6}", stream in "[./a]{0,4}",
    ) {
        let Ok(made) = name(&template, Facts { vhost: &stream, app: &app, stream: &stream, ..FACTS }) else {
            return Ok(());
        };
        prop_assert!(made.split('/').all(|part| !matches!(part, "" | "." | "..")), "{}", made);
        prop_assert!(!made.contains('\\'));
    }

    #[test]
    fn no_template_panics(template in "\\PC{0,20}", unix_ms: i64) {
        let _ = name(&template, Facts { unix_ms, ..FACTS });
    }
}

#[test]
fn the_templates_of_srs_are_what_their_text_says() {
    assert_eq!(Template::of_stream(".m3u8"), Template::parse("[app]/[stream].m3u8").unwrap());
    assert_eq!(Template::of_segment(".ts"), Template::parse("[app]/[stream]-[seq].ts").unwrap());
}
