use super::Utc;

fn text(unix_ms: i64) -> String {
    Utc::from_unix_ms(unix_ms).to_string()
}

#[test]
fn known_moments_have_their_dates() {
    // Made with `date -u -d @…`.
    assert_eq!(text(0), "1970-01-01T00:00:00.000Z");
    assert_eq!(text(1_266_591_263_031), "2010-02-19T14:54:23.031Z");
    assert_eq!(text(1_709_164_799_999), "2024-02-28T23:59:59.999Z");
    assert_eq!(text(1_709_164_800_000), "2024-02-29T00:00:00.000Z");
    assert_eq!(text(1_735_689_600_000), "2025-01-01T00:00:00.000Z");
    assert_eq!(text(951_868_799_000), "2000-02-29T23:59:59.000Z");
    assert_eq!(text(4_107_542_400_000), "2100-03-01T00:00:00.000Z");
    assert_eq!(text(-1), "1969-12-31T23:59:59.999Z");
}

#[test]
fn each_day_follows_the_one_before() {
    let mut last = Utc::from_unix_ms(-86_400_000);
    for day in 0..60_000_i64 {
        let next = Utc::from_unix_ms(day * 86_400_000);
        let same_month = (next.year, next.month, next.day) == (last.year, last.month, last.day + 1);
        let new_month = next.day == 1 && (next.month == last.month + 1 && next.year == last.year);
        let new_year = (next.year, next.month, next.day) == (last.year + 1, 1, 1) && last.month == 12;
        assert!(same_month || new_month || new_year, "{last} {next}");
        last = next;
    }
}

#[test]
fn the_ends_of_time_are_dates_too() {
    Utc::from_unix_ms(i64::MIN);
    Utc::from_unix_ms(i64::MAX);
}
