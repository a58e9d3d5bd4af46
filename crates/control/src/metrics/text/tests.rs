use super::*;

#[test]
fn a_family_is_followed_by_its_samples() {
    let mut page = Page::default();
    page.family("a_total", Kind::Counter, "Help.");
    page.sample("a_total", &[("x", "1"), ("y", "")], 7);
    page.sample("a_total", &[], 0.5);
    assert_eq!(
        page.into_text(),
        "# HELP a_total Help.\n# TYPE a_total counter\na_total{x=\"1\",y=\"\"} 7\na_total 0.5\n"
    );
}

#[test]
fn a_label_can_neither_end_its_quotes_nor_its_line() {
    let mut page = Page::default();
    page.sample("a", &[("x", "q\"} 1\nb{z=\"\\n\\")], 2);
    assert_eq!(page.into_text(), "a{x=\"q\\\"} 1\\nb{z=\\\"\\\\n\\\\\"} 2\n");
}
