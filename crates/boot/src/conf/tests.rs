use std::path::Path;

use super::*;

fn text_of(directives: &[Directive]) -> String {
    let mut text = String::new();
    for directive in directives {
        text.push_str(&directive.name);
        for arg in &directive.args {
            text.push_str(&format!(" {arg:?}"));
        }
        match &directive.block {
            Some(block) => text.push_str(&format!(" {{ {}}} ", text_of(block))),
            None => text.push_str("; "),
        }
    }
    text
}

fn refusal(text: &str) -> String {
    parse(text, "x.conf").unwrap_err().to_string()
}

/// A folder of its own under the build's scratch space, removed with the value.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("srs-boot-conf-{}-{name}", std::process::id()));
        std::fs::create_dir_all(path.join("sub")).unwrap();
        Self(path)
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, text).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn words_blocks_comments_and_quotes_are_read() {
    let text =
        "listen 1935 19350; # both\nvhost a.b {\n  play { mw_latency 350; }\n\tdevice 'a b' \"c;d\";\n}\n";
    let directives = parse(text, "x.conf").unwrap();
    assert_eq!(
        text_of(&directives),
        r#"listen "1935" "19350"; vhost "a.b" { play { mw_latency "350"; } device "a b" "c;d"; } "#
    );
}

#[test]
fn a_directive_knows_its_line_and_file() {
    let directives = parse("a 1;\r\n\r\nb {\r\n  c\r\n 2;\r\n}\r\n", "x.conf").unwrap();
    let places: Vec<String> =
        directives.iter().chain(directives[1].children()).map(|d| d.at().to_string()).collect();
    assert_eq!(places, ["x.conf:1", "x.conf:3", "x.conf:4"]);
}

#[test]
fn windows_line_ends_and_a_byte_order_mark_change_nothing() {
    let unix = parse("a 1;\nb { c 2; } # x\n", "x.conf").unwrap();
    let windows = parse("\u{feff}a 1;\r\nb { c 2; } # x\r\n", "x.conf").unwrap();
    assert_eq!(unix, windows);
}

#[test]
fn a_number_sign_inside_a_word_is_no_comment() {
    let directives = parse("url http://a/b#c;\nkey a\"b;", "x.conf").unwrap();
    assert_eq!(text_of(&directives), r#"url "http://a/b#c"; key "a\"b"; "#);
}

#[test]
fn an_unclosed_block_names_where_it_was_opened() {
    assert_eq!(
        refusal("listen 1;\nvhost a {\n  play {\n  }\n"),
        "x.conf:2: expected } to close `vhost a {`, found the end of the file"
    );
}

#[test]
fn a_missing_semicolon_names_its_line() {
    assert_eq!(
        refusal("http_api {\n  listen 1985\n}\n"),
        "x.conf:2: expected ; after `listen 1985`, found }"
    );
    assert_eq!(
        refusal("\nlisten 1985"),
        "x.conf:2: expected ; after `listen 1985`, found the end of the file"
    );
}

#[test]
fn stray_punctuation_says_what_was_expected() {
    assert_eq!(refusal("a 1;\n}\n"), "x.conf:2: expected no }: no block is open here");
    assert_eq!(refusal("a 1;;"), "x.conf:1: expected a directive, found ;");
    assert_eq!(refusal("{ }"), "x.conf:1: expected a directive's name before {");
    assert_eq!(refusal("a \"b\n\";"), "x.conf:1: expected a closing \" on the same line");
    assert!(refusal("a 'b'c;").starts_with("x.conf:1: expected a blank or ; after the closing '"));
    assert!(refusal("'' 1;").starts_with("x.conf:1: expected a directive's name"));
    assert!(refusal("a b\u{0}c;").contains("control character"));
}

#[test]
fn hostile_text_is_refused_and_not_followed() {
    assert!(refusal(&"a {".repeat(100_000)).contains("at most 16 deep"));
    assert!(refusal(&"a;".repeat(100_000)).contains("at most 20000 directives"));
    assert!(refusal(&"a".repeat(100_000)).contains("a word of at most"));
}

#[test]
fn an_include_stands_in_place_and_is_relative_to_its_file() {
    let folder = Folder::new("include");
    folder.file("sub/inner.conf", "b 2;\ninclude leaf.conf;\n");
    folder.file("sub/leaf.conf", "c 3;\n");
    let main = folder.file("main.conf", "a 1;\nvhost v { include sub/inner.conf; }\nd 4;\n");
    let directives = load(&main).unwrap();
    assert_eq!(text_of(&directives), r#"a "1"; vhost "v" { b "2"; c "3"; } d "4"; "#);
    let leaf = &directives[1].children()[1];
    assert!(leaf.at().to_string().ends_with("leaf.conf:1"), "{}", leaf.at());
}

#[test]
fn an_include_of_itself_is_refused() {
    let folder = Folder::new("cycle");
    folder.file("sub/b.conf", "\ninclude ../a.conf;");
    let main = folder.file("a.conf", "include sub/b.conf;");
    let error = load(&main).unwrap_err().to_string();
    assert!(error.ends_with("b.conf:2: ../a.conf includes itself"), "{error}");
}

#[test]
fn includes_that_double_at_every_level_end() {
    let folder = Folder::new("double");
    for level in 0..7 {
        folder.file(&format!("{level}.conf"), &format!("include {0}.conf {0}.conf;", level + 1));
    }
    folder.file("7.conf", "a 1;");
    let error = load(&folder.0.join("0.conf")).unwrap_err().to_string();
    assert!(error.contains("at most 64 files"), "{error}");
}

#[test]
fn a_chain_of_includes_has_a_greatest_depth() {
    let folder = Folder::new("deep");
    for level in 0..20 {
        folder.file(&format!("{level}.conf"), &format!("include {}.conf;", level + 1));
    }
    let error = load(&folder.0.join("0.conf")).unwrap_err().to_string();
    assert!(error.contains("at most 8 deep"), "{error}");
}

#[test]
fn a_missing_file_is_named() {
    let folder = Folder::new("missing");
    let main = folder.file("main.conf", "\ninclude other.conf;");
    let error = load(&main).unwrap_err().to_string();
    assert!(error.contains("main.conf:2: cannot read other.conf"), "{error}");
    let error = load(Path::new("/no/such.conf")).unwrap_err();
    assert!(matches!(error, Error::Read { .. }), "{error}");
}

#[test]
fn a_file_over_the_limit_is_refused() {
    let folder = Folder::new("large");
    let main = folder.file("main.conf", &"#".repeat(1024 * 1024 + 1));
    let error = load(&main).unwrap_err().to_string();
    assert!(error.contains("larger than 1 MiB"), "{error}");
}

#[test]
fn spellings_of_old_versions_move_to_their_place() {
    let text = "listen 1935; chunk_size 4096;\nhttp_stream { enabled on; }\nvhost v {\n  gop_cache off; queue_length 10;\n  \
                mr { enabled on; latency 500; }\n  publish_1stpkt_timeout 7000;\n  play { atc on; }\n  mode remote;\n}";
    let mut directives = parse(text, "x.conf").unwrap();
    let notes = modernise(&mut directives);
    assert_eq!(
        text_of(&directives),
        "http_server { enabled \"on\"; } \
         vhost \"v\" { play { atc \"on\"; gop_cache \"off\"; queue_length \"10\"; } \
         publish { mr \"on\"; mr_latency \"500\"; firstpkt_timeout \"7000\"; } cluster { mode \"remote\"; } } \
         rtmp { listen \"1935\"; chunk_size \"4096\"; } "
    );
    let notes: Vec<String> = notes.iter().map(ToString::to_string).collect();
    assert!(notes.contains(&"x.conf:2: `http_stream` is now called `http_server`".to_owned()), "{notes:?}");
    assert!(notes.contains(&"x.conf:4: the place of `gop_cache` is now `play { }`".to_owned()), "{notes:?}");
}

#[test]
fn a_file_of_the_present_spelling_gets_no_notes() {
    let mut directives =
        parse("listen 1935; vhost v { play { gop_cache on; } publish { mr off; } }", "x").unwrap();
    assert_eq!(modernise(&mut directives), []);
}

#[test]
fn a_section_reads_values_and_says_where_one_is_wrong() {
    let directives = parse("a { on_off on; n 7; t 350;\n bad maybe; l 1 127.0.0.1:2; }", "x.conf").unwrap();
    let section = Section::new(&directives).block("a");
    assert_eq!(section.switch("on_off").unwrap(), Some(true));
    assert_eq!(section.number::<u8>("n").unwrap(), Some(7));
    assert_eq!(
        section.time("t", crate::value::Unit::Millis).unwrap(),
        Some(std::time::Duration::from_millis(350))
    );
    assert_eq!(section.listens("l").unwrap().unwrap().len(), 2);
    assert_eq!(section.switch("none").unwrap(), None);
    assert!(section.number::<u8>("t").is_err());
    let problem = section.switch("bad").unwrap_err();
    assert_eq!(problem.to_string(), "x.conf:2: `bad maybe` is not allowed: expected on or off");
    assert_eq!(Section::new(&directives).block("b").switch("x").unwrap(), None);
}

#[test]
fn a_long_list_of_problems_is_cut() {
    let problem = Problem { at: Position { file: "x".into(), line: 1 }, text: "no".into() };
    let text = Error::Invalid(vec![problem; 23]).to_string();
    assert_eq!(text.lines().count(), 21);
    assert!(text.ends_with("and 3 more"));
}

proptest::proptest! {
    #[test]
    fn any_text_is_read_or_refused_without_a_panic(text in "([a-z0-9_ \"'#;{}\n\r\t\\\\]|listen|vhost|play|.){0,200}") {
        if let Ok(mut directives) = parse(&text, "x.conf") {
            modernise(&mut directives);
            let _ = schema::check(&directives);
        }
    }

    #[test]
    fn what_is_read_survives_being_written(text in "([a-z]+( [a-z0-9./]+| \"[a-z ;{}#]*\"){0,3};[ \n]?){0,20}") {
        let directives = parse(&text, "x.conf").unwrap();
        let again = parse(&text_of(&directives), "x.conf").unwrap();
        proptest::prop_assert_eq!(text_of(&again), text_of(&directives));
    }
}
