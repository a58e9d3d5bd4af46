use super::*;

fn text(path: &str) -> &'static str {
    std::str::from_utf8(find(path).unwrap().bytes).unwrap()
}

/// What stands between these marks.
fn quoted(text: &str, mark: &str) -> Vec<String> {
    text.split(mark).skip(1).filter_map(|rest| rest.split('"').next()).map(str::to_owned).collect()
}

#[test]
fn every_file_that_a_page_names_is_built_in() {
    for (page, _) in PAGES.iter().filter(|(_, page)| page.kind == HTML) {
        for name in ["src=\"", "href=\""].iter().flat_map(|mark| quoted(text(page), mark)) {
            let local = !name.starts_with("data:");
            let path = format!("/players/{}", name.trim_start_matches("./"));
            assert!(!local || find(&path).is_some(), "{page} names {name}");
        }
    }
}

#[test]
fn every_module_that_a_script_imports_is_built_in() {
    for (path, _) in own_scripts() {
        for name in quoted(text(path), " from \"") {
            let module = format!("/players/{}", name.trim_start_matches("./"));
            assert!(name.starts_with("./") && find(&module).is_some(), "{path} imports {name}");
        }
    }
}

#[test]
fn every_element_that_a_script_wants_is_in_its_page() {
    for (page, script) in [
        ("/players/", "/players/player.js"),
        ("/players/flv.html", "/players/player.js"),
        ("/players/hls.html", "/players/player.js"),
        ("/players/whep.html", "/players/whep.js"),
        ("/players/whip.html", "/players/whip.js"),
    ] {
        let wanted = text(script).split("= $").skip(1).filter_map(|rest| rest.split('"').nth(1));
        for id in wanted.chain(["state", "facts", "form"]) {
            assert!(text(page).contains(&format!("id=\"{id}\"")), "{page} has no {id}, which {script} wants");
        }
    }
}

fn own_scripts() -> impl Iterator<Item = &'static (&'static str, Page)> {
    let others = ["/players/hls.min.js", "/players/mpegts.js"];
    PAGES.iter().filter(move |(path, page)| page.kind == SCRIPT && !others.contains(path))
}

#[test]
fn the_javascript_is_the_typescript_with_blanks_for_its_types() {
    for (path, page) in own_scripts() {
        let name = path.rsplit('/').next().unwrap().replace(".js", ".ts");
        let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("ts").join(name);
        let source = std::fs::read(&file).unwrap();
        assert!(source.is_ascii(), "{path}: of other letters a blank would be shorter");
        let same = |(made, written): (&u8, &u8)| made == written || *made == b' ' && *written != b'\n';
        let first = page.bytes.iter().zip(&source).position(|pair| !same(pair));
        let line = first.map(|at| source[..at].iter().filter(|byte| **byte == b'\n').count() + 1);
        assert_eq!(
            (page.bytes.len(), line),
            (source.len(), None),
            "{path} differs from its source; run scripts/pages"
        );
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
