use super::*;

fn id(name: &str) -> NodeId {
    NodeId::new(name).unwrap()
}

#[test]
fn every_proxy_with_the_secret_opens_a_token() {
    let sealed = Tokens::new(b"one secret").seal(&id("vid-1234567")).unwrap();
    assert_eq!(Tokens::new(b"one secret").open(&sealed), Some(id("vid-1234567")));
}

#[test]
fn another_secret_opens_nothing() {
    let sealed = Tokens::new(b"one secret").seal(&id("vid-1234567")).unwrap();
    assert_eq!(Tokens::new(b"another secret").open(&sealed), None);
}

#[test]
fn all_viewers_get_the_same_token() {
    let tokens = Tokens::new(b"one secret");
    assert_eq!(tokens.seal(&id("a")), tokens.seal(&id("a")));
    assert_ne!(tokens.seal(&id("a")), tokens.seal(&id("b")));
}

#[test]
fn a_changed_token_opens_nothing() {
    let tokens = Tokens::new(b"one secret");
    let sealed = tokens.seal(&id("vid-1234567")).unwrap();
    for at in 0..sealed.len() {
        let mut changed = sealed.clone().into_bytes();
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        assert_eq!(tokens.open(std::str::from_utf8(&changed).unwrap()), None, "at {at}");
    }
    for strange in
        ["", "A", "AA", "=", "ä", &format!("{sealed}A"), &format!("{sealed}="), &"A".repeat(1 << 20)]
    {
        assert_eq!(tokens.open(strange), None, "{strange}");
    }
}

#[test]
fn the_longest_id_fits() {
    let tokens = Tokens::new(b"one secret");
    let longest = id(&"x".repeat(256));
    let sealed = tokens.seal(&longest).unwrap();
    assert_eq!(sealed.len(), MOST);
    assert!(MOST + NAME.len() + 2 <= srs_m3u8::MOST_GROWTH);
    assert_eq!(tokens.open(&sealed), Some(longest));
}

#[test]
fn base_64_is_as_the_rfc_has_it() {
    for (plain, coded) in
        [("", ""), ("f", "Zg"), ("fo", "Zm8"), ("foo", "Zm9v"), ("foob", "Zm9vYg"), ("\u{3ff}?", "z78_")]
    {
        assert_eq!(encode(plain.as_bytes()), coded);
        assert_eq!(decode(coded).as_deref(), Some(plain.as_bytes()));
    }
    assert_eq!(decode("Zh"), None, "bits that nothing was made from");
}

#[test]
fn what_an_edge_seals_is_no_token_to_a_proxy_nor_the_other_way_round() {
    let (proxy, edge) = (Tokens::new(b"one secret"), Tokens::of_edges(b"one secret"));
    let server = id("[2001:db8::7]:8080");
    assert_eq!(edge.open(&edge.seal(&server).unwrap()), Some(server.clone()));
    assert_eq!(proxy.open(&edge.seal(&server).unwrap()), None);
    assert_eq!(edge.open(&proxy.seal(&server).unwrap()), None);
}

#[test]
fn a_token_for_one_file_is_none_for_another() {
    let tokens = Tokens::of_edges(b"one secret");
    let sealed = tokens.seal_for(&id("a"), "s-1.ts").unwrap();
    assert_eq!(tokens.open_for(&sealed, "s-1.ts"), Some(id("a")));
    assert_eq!(tokens.open_for(&sealed, "s.ts"), None);
    assert_eq!(tokens.open(&sealed), None);
}
