use super::*;

fn text(path: &str) -> &'static str {
    std::str::from_utf8(find(path).unwrap().bytes).unwrap()
}

#[test]
fn every_file_that_a_page_names_is_built_in() {
    for page in ["/players/", "/players/srs_player.html", "/players/flv.html", "/players/hls.html"] {
        for mark in ["src=\"", "href=\""] {
            for name in text(page).split(mark).skip(1).filter_map(|rest| rest.split('"').next()) {
                let local = !name.starts_with("data:");
                let path = format!("/players/{}", name.trim_start_matches("./"));
                assert!(!local || find(&path).is_some(), "{page} names {name}");
            }
        }
    }
}

#[test]
fn nothing_is_fetched_from_another_site() {
    for (path, page) in PAGES.iter().filter(|(path, _)| !path.contains("hls.min") && !path.contains("mpegts"))
    {
        let text = std::str::from_utf8(page.bytes).unwrap();
        assert!(!text.contains("//cdn") && !text.contains("src=\"http"), "{path}");
    }
}

#[test]
fn pages_have_no_script_of_their_own_inside() {
    for (path, page) in PAGES.iter().filter(|(_, page)| page.kind == HTML) {
        let text = std::str::from_utf8(page.bytes).unwrap();
        assert!(!text.contains("<script>") && !text.contains("onclick"), "{path} would break its own policy");
    }
}

#[test]
fn what_is_not_there_is_not_found() {
    assert_eq!(find("/players/../Cargo.toml"), None);
    assert_eq!(find("/players"), None);
}
