use super::*;

fn with(text: &str, value: &str) -> Result<String, Error> {
    with_key(text, &Defaults::default(), "srs", value)
}

#[test]
fn a_key_is_added_behind_what_the_caller_said() {
    assert_eq!(with("#!::r=live/a,m=publish", "told").unwrap(), "#!::r=live/a,m=publish,srs=told");
    // Byte for byte, also where it is written oddly.
    assert_eq!(
        with("#!::m=publish,,r=live/a?x=1&y,", "told").unwrap(),
        "#!::m=publish,,r=live/a?x=1&y,,srs=told"
    );
}

#[test]
fn a_form_that_has_no_keys_is_written_in_pairs_first() {
    assert_eq!(with("live/a", "told").unwrap(), "#!::r=live/a,m=request,srs=told");
    assert_eq!(with("", "told").unwrap(), "#!::r=live/livestream,m=request,srs=told");
    assert_eq!(with("publish:a:bob:x", "told").unwrap(), "#!::r=live/a,m=publish,u=bob,s=x,srs=told");
    assert_eq!(with("%23!::r=live/a", "told").unwrap(), "#!::r=live/a,srs=told");
    assert_eq!(with("#!:{}", "told"), Err(Error::Nested));
}

#[test]
fn a_value_comes_out_as_it_went_in() {
    for value in ["told", "", "1;a%20b;127.0.0.1:1935;x,y;00ff", "?&=\0 ü%2C"] {
        let text = with("#!::r=live/a", value).unwrap();
        assert_eq!(strip_key(&text, "srs"), ("#!::r=live/a".to_owned(), Some(value.to_owned())), "{text}");
    }
}

#[test]
fn what_a_stranger_said_by_the_same_name_goes_with_it() {
    let stranger = "#!::srs=theirs,r=live/a, srs=theirs,m=publish";
    let text = with(stranger, "ours").unwrap();
    assert_eq!(strip_key(&text, "srs"), ("#!::r=live/a,m=publish".to_owned(), Some("ours".to_owned())));
    assert_eq!(strip_key(stranger, "srs").0, "#!::r=live/a,m=publish");
}

#[test]
fn without_the_key_nothing_changes() {
    for text in ["#!::r=live/a,srss=1,xsrs=2,srs", "live/a,srs=1", "", "#!::"] {
        assert_eq!(strip_key(text, "srs"), (text.to_owned(), None));
    }
}

#[test]
fn a_key_for_which_there_is_no_room_is_not_added() {
    let text = "#!::r=live/a";
    let most = MOST_BETWEEN_NODES - text.len() - ",srs=".len();
    assert_eq!(with(text, &"x".repeat(most)).unwrap().len(), MOST_BETWEEN_NODES);
    assert_eq!(with(text, &"x".repeat(most + 1)), Err(Error::Long { length: 1201, most: 1200 }));
}
