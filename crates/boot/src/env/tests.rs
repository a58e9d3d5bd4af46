use std::path::Path;

use super::*;

static TABLE: &[Setting] = &[
    Setting::new("APP_PORT", "1935", "the port"),
    Setting::new("APP_TOKEN", "", "the token").secret(),
    Setting::new("APP_SOON", "1", "what comes").later(),
];

fn vars(pairs: &[(&str, &str)]) -> Vars {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn load(environment: &[(&str, &str)], dotenv: &str) -> Settings {
    Settings::load(TABLE, "APP_", &vars(environment), &parse_dotenv(dotenv))
}

fn dotenv(text: &str) -> Vec<(String, String)> {
    parse_dotenv(text).vars.into_iter().collect()
}

#[test]
fn the_environment_wins_over_dotenv_and_that_over_the_default() {
    let of = |environment: &[(&str, &str)], file: &str| {
        let settings = load(environment, file);
        (settings.get("APP_PORT").to_owned(), settings.source("APP_PORT"))
    };
    assert_eq!(of(&[("APP_PORT", "1")], "APP_PORT=2"), ("1".to_owned(), Source::Environment));
    assert_eq!(of(&[], "APP_PORT=2"), ("2".to_owned(), Source::DotEnv));
    assert_eq!(of(&[], ""), ("1935".to_owned(), Source::Default));
}

#[test]
fn an_empty_value_is_not_set() {
    let settings = load(&[("APP_PORT", "")], "APP_PORT=2");
    assert_eq!(settings.get("APP_PORT"), "2");
    let settings = load(&[("APP_PORT", "")], "APP_PORT=");
    assert_eq!((settings.get("APP_PORT"), settings.source("APP_PORT")), ("1935", Source::Default));
}

#[test]
fn dotenv_lines_read_as_shell_would() {
    let text = "\u{feff}# comment\r\n\r\nA=1\r\nexport B=2\nC = 'raw \\n # not a comment' # comment\n\
                D=\"line\\nnext \\\"q\\\" \\\\ \\x\"\nE=a=b=c # comment\nF=a#b\nno equals sign\nG=\nH= # only a comment\n\
                exported=1\n";
    let expected = [
        ("A", "1"),
        ("B", "2"),
        ("C", "raw \\n # not a comment"),
        ("D", "line\nnext \"q\" \\ \\x"),
        ("E", "a=b=c"),
        ("F", "a#b"),
        ("G", ""),
        ("H", ""),
        ("exported", "1"),
    ];
    assert_eq!(dotenv(text), expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
}

#[test]
fn a_dotenv_line_that_cannot_be_read_is_warned_of_and_sets_nothing() {
    let read = parse_dotenv("A=\"open\nB='open\n=1\nC='x'y\nD=1");
    assert_eq!(read.vars, vars(&[("D", "1")]));
    assert_eq!(
        read.warnings,
        [
            ".env:1: expected a closing \"; A is not set",
            ".env:2: expected a closing '; B is not set",
            ".env:3: expected a name before =",
            ".env:4: expected nothing but a comment after the quote; C is not set",
        ]
    );
}

#[test]
fn a_missing_dotenv_file_sets_nothing_and_an_unreadable_one_is_an_error() {
    assert_eq!(read_dotenv(Path::new("/no/such/.env")).unwrap(), DotEnv::default());
    assert!(read_dotenv(Path::new("/")).is_err());
}

#[test]
fn an_unknown_name_is_warned_of_with_the_nearest() {
    let settings = load(&[("APP_PROT", "1"), ("OTHER", "1")], "APP_ZZZZZZZZZZ=1");
    assert_eq!(
        settings.warnings(),
        [
            "APP_PROT (from environment) is no setting; did you mean APP_PORT?",
            "APP_ZZZZZZZZZZ (from .env) is no setting",
        ]
    );
}

#[test]
fn a_setting_that_is_not_built_is_warned_of_when_it_is_set() {
    assert_eq!(load(&[], "").warnings(), Vec::<String>::new());
    assert_eq!(load(&[("APP_SOON", "2")], "").warnings(), ["APP_SOON is not built yet; it does nothing"]);
}

#[test]
fn the_report_shows_values_and_sources_and_masks_secrets() {
    let report = load(&[("APP_TOKEN", "hunter2")], "APP_PORT=2").report();
    assert_eq!(
        report,
        "APP_PORT=2 (.env)\nAPP_TOKEN=******** (environment)\nAPP_SOON=1 (default, not built yet)\n"
    );
}

#[test]
fn help_lists_every_setting_with_its_default() {
    let help = help(TABLE);
    for setting in TABLE {
        assert!(help.contains(setting.name) && help.contains(setting.help), "{help}");
    }
    assert!(
        help.contains("APP_PORT (default: 1935)") && help.contains("APP_TOKEN (default: empty)"),
        "{help}"
    );
}

#[test]
fn a_refused_value_names_the_variable_its_value_and_what_is_allowed() {
    let settings = load(&[("APP_PORT", "maybe"), ("APP_TOKEN", "hunter2")], "");
    assert_eq!(
        settings.switch("APP_PORT").unwrap_err().to_string(),
        "APP_PORT=maybe (from environment) is not allowed: expected on or off"
    );
    assert!(!settings.switch("APP_TOKEN").unwrap_err().to_string().contains("hunter2"));
}
