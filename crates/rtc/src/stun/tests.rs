use proptest::prelude::*;

use super::attribute::USERNAME;
use super::write::Writer;
use super::*;

const PASSWORD: &str = "VOkJxbRl1RmTxUk/WvJxBt";
const TRANSACTION: [u8; 12] = [0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae];

/// RFC 5769 section 2.1.
const REQUEST: &str = "000100582112a442b7e7a701bc34d686fa87dfae802200105354554e207465737420636c69656e74\
    002400046e0001ff80290008932ff9b151263b36000600096576746a3a68367659202020\
    000800149aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a280280004e57a3bcf";
/// Section 2.2.
const RESPONSE_4: &str = "0101003c2112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220\
    002000080001a147e112a643000800142b91f599fd9e90c38c7489f92af9ba53f06be7d780280004c07d4c96";
/// Section 2.3.
const RESPONSE_6: &str = "010100482112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220\
    002000140002a1470113a9faa5d3f179bc25f4b5bed2b9d900080014a382954e4be67bf11784c97c8292c275bfe3ed4180280004c8fb0b4c";

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> =
        hex.chars().filter_map(|digit| digit.to_digit(16)).map(|digit| digit as u8).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

fn request() -> Vec<u8> {
    binding_request(TRANSACTION, "ours:theirs", PASSWORD, 0x6e00_01ff, 7, true)
}

/// A message with this type and these attributes, as they are, under a right header.
fn raw(kind: u16, attributes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(attributes.len()).unwrap();
    [&kind.to_be_bytes()[..], &length.to_be_bytes(), &COOKIE.to_be_bytes(), &TRANSACTION, attributes].concat()
}

/// The message without FINGERPRINT, which would notice any change.
fn without_fingerprint(mut message: Vec<u8>) -> Vec<u8> {
    message.truncate(message.len() - FINGERPRINT);
    let length = u16::try_from(message.len() - HEADER).unwrap();
    message[2..4].copy_from_slice(&length.to_be_bytes());
    message
}

#[test]
fn the_request_of_rfc_5769_is_read_and_verified() {
    let bytes = bytes(REQUEST);
    let message = Message::read(&bytes).unwrap();
    assert_eq!((message.kind(), message.is_binding()), (Kind::Request, true));
    assert_eq!(message.transaction(), TRANSACTION);
    assert_eq!(message.username(), Some(("evtj", "h6vY")));
    assert_eq!(message.priority(), Some(0x6e00_01ff));
    assert_eq!(message.ice_controlled(), Some(0x932f_f9b1_5126_3b36));
    assert_eq!(message.ice_controlling(), None);
    assert!(message.verify(PASSWORD));
    assert!(!message.verify("another password"));
    assert!(message.unknown_required().is_empty());
}

#[test]
fn the_responses_of_rfc_5769_are_read_and_verified() {
    for (hex, address) in
        [(RESPONSE_4, "192.0.2.1:32853"), (RESPONSE_6, "[2001:db8:1234:5678:11:2233:4455:6677]:32853")]
    {
        let bytes = bytes(hex);
        let message = Message::read(&bytes).unwrap();
        assert_eq!(message.kind(), Kind::Success);
        assert_eq!(message.mapped_address(), Some(address.parse().unwrap()));
        assert!(message.verify(PASSWORD));
    }
}

#[test]
fn the_messages_of_rfc_5769_are_made() {
    for hex in [REQUEST, RESPONSE_4, RESPONSE_6] {
        let bytes = bytes(hex);
        let before = bytes.len() - FINGERPRINT - INTEGRITY;
        let writer = Writer { out: bytes[..before].to_vec() };
        assert_eq!(writer.finish(PASSWORD), bytes);
    }
}

#[test]
fn a_request_says_what_it_was_made_with() {
    let bytes = request();
    let message = Message::read(&bytes).unwrap();
    assert_eq!(message.username(), Some(("ours", "theirs")));
    assert_eq!(message.priority(), Some(0x6e00_01ff));
    assert_eq!(message.ice_controlling(), Some(7));
    assert!(message.use_candidate());
    assert!(message.verify(PASSWORD));
    let plain = binding_request(TRANSACTION, "a:b", PASSWORD, 1, 7, false);
    assert!(!Message::read(&plain).unwrap().use_candidate());
}

#[test]
fn a_success_tells_the_address_in_its_plain_form() {
    let request = request();
    let request = Message::read(&request).unwrap();
    for (from, told) in [
        ("192.0.2.7:4000", "192.0.2.7:4000"),
        ("[::ffff:192.0.2.7]:4000", "192.0.2.7:4000"),
        ("[2001:db8::7]:4000", "[2001:db8::7]:4000"),
    ] {
        let bytes = success(&request, from.parse().unwrap(), PASSWORD);
        let message = Message::read(&bytes).unwrap();
        assert_eq!((message.kind(), message.transaction()), (Kind::Success, TRANSACTION));
        assert_eq!(message.mapped_address(), Some(told.parse().unwrap()));
        assert!(message.verify(PASSWORD));
    }
}

#[test]
fn an_error_tells_its_code() {
    let request = request();
    let request = Message::read(&request).unwrap();
    for code in [300, 420, 487, 699] {
        let bytes = error(&request, code, "Why", PASSWORD, &[0x7fff]);
        let message = Message::read(&bytes).unwrap();
        assert_eq!((message.kind(), message.error_code()), (Kind::Error, Some(code)));
        assert!(message.verify(PASSWORD));
    }
}

#[test]
fn a_message_without_integrity_is_nobodys() {
    let bytes = raw(1, &[]);
    assert!(!Message::read(&bytes).unwrap().verify(""));
}

#[test]
fn what_is_behind_the_integrity_is_not_looked_at() {
    let mut bytes = without_fingerprint(binding_request(TRANSACTION, "a:b", PASSWORD, 1, 7, false));
    // USE-CANDIDATE, a second PRIORITY, and one that nobody knows.
    bytes.extend([0x00, 0x25, 0, 0, 0x00, 0x24, 0, 4, 9, 9, 9, 9, 0x7f, 0xff, 0, 0]);
    let length = u16::try_from(bytes.len() - HEADER).unwrap();
    bytes[2..4].copy_from_slice(&length.to_be_bytes());
    let message = Message::read(&bytes).unwrap();
    assert!(message.verify(PASSWORD));
    assert!(!message.use_candidate());
    assert_eq!(message.priority(), Some(1));
    assert!(message.unknown_required().is_empty());
}

#[test]
fn of_an_attribute_that_is_there_twice_the_first_counts() {
    let names = raw(1, b"\0\x06\0\x03a:b\0\0\x06\0\x03c:d\0\0\x24\0\x04\0\0\0\x01\0\x24\0\x04\0\0\0\x02");
    let message = Message::read(&names).unwrap();
    assert_eq!(message.username(), Some(("a", "b")));
    assert_eq!(message.priority(), Some(1));
}

#[test]
fn attributes_that_must_be_understood_are_told() {
    let bytes = raw(1, &[0x7f, 0x01, 0, 0, 0xff, 0x01, 0, 0, 0x00, 0x03, 0, 4, 0, 0, 0, 0]);
    assert_eq!(Message::read(&bytes).unwrap().unknown_required(), [0x7f01, 0x0003]);
}

#[test]
fn of_many_unknown_attributes_eight_are_told() {
    let bytes = raw(1, &[0x7f, 0x01, 0, 0].repeat(400));
    assert_eq!(Message::read(&bytes).unwrap().unknown_required(), [0x7f01; MOST_UNKNOWN]);
}

#[test]
fn a_message_that_lies_about_its_length_is_none() {
    let good = request();
    for change in [-20_i32, -4, -1, 1, 4, 2000] {
        let mut bytes = good.clone();
        let length = i32::from(u16::from_be_bytes([bytes[2], bytes[3]])) + change;
        bytes[2..4].copy_from_slice(&u16::try_from(length).unwrap().to_be_bytes());
        assert!(matches!(Message::read(&bytes), Err(Error::Length { .. })), "{change}");
    }
}

#[test]
fn an_attribute_that_lies_about_its_length_makes_the_message_none() {
    let cut = Error::Cut { kind: USERNAME, said: 0xffff, left: 4 };
    assert_eq!(Message::read(&raw(1, b"\0\x06\xff\xffa:b\0")).unwrap_err(), cut);
    // Five bytes would need three more of padding.
    let cut = Error::Cut { kind: USERNAME, said: 5, left: 4 };
    assert_eq!(Message::read(&raw(1, b"\0\x06\0\x05a:bc")).unwrap_err(), cut);
}

#[test]
fn missing_padding_makes_the_message_none() {
    // A name of three bytes, and behind it at once PRIORITY; the whole is a multiple of four.
    let bytes = raw(1, b"\0\x06\0\x03a:b\0\x24\0\x04\0\0\0\x01\0");
    assert!(Message::read(&bytes).is_err());
}

#[test]
fn values_of_a_wrong_size_make_the_message_none() {
    for (kind, length) in
        [(0x24_u16, 3_u16), (0x24, 8), (0x8029, 4), (0x802a, 12), (8, 19), (8, 32), (0x20, 4), (0x20, 12)]
    {
        let value = vec![1; usize::from(length.next_multiple_of(4))];
        let attribute = [&kind.to_be_bytes()[..], &length.to_be_bytes(), &value].concat();
        assert_eq!(Message::read(&raw(1, &attribute)).unwrap_err(), Error::Value { kind });
    }
}

#[test]
fn a_user_name_that_is_no_text_makes_the_message_none() {
    let bytes = raw(1, b"\0\x06\0\x04a:\xff\xfe");
    assert_eq!(Message::read(&bytes).unwrap_err(), Error::Value { kind: USERNAME });
    let long = [&b"\0\x06\x02\x04"[..], &[b'a'; 516]].concat();
    assert_eq!(Message::read(&raw(1, &long)).unwrap_err(), Error::Value { kind: USERNAME });
}

#[test]
fn a_user_name_without_a_colon_names_no_sides() {
    assert_eq!(Message::read(&raw(1, b"\0\x06\0\x04abcd")).unwrap().username(), None);
}

#[test]
fn a_fingerprint_that_is_wrong_or_not_last_makes_the_message_none() {
    let good = request();
    let mut wrong = good.clone();
    *wrong.last_mut().unwrap() ^= 1;
    assert_eq!(Message::read(&wrong).unwrap_err(), Error::Fingerprint);
    let mut name = good.clone();
    name[HEADER + 4] ^= 1;
    assert_eq!(Message::read(&name).unwrap_err(), Error::Fingerprint);
    let mut behind = good[HEADER..].to_vec();
    behind.extend([0x80, 0x22, 0, 0]);
    assert_eq!(Message::read(&raw(1, &behind)).unwrap_err(), Error::Fingerprint);
}

#[test]
fn what_has_another_cookie_or_first_bits_is_none() {
    let mut cookie = request();
    cookie[4] ^= 1;
    assert_eq!(Message::read(&cookie).unwrap_err(), Error::Other);
    let mut bits = request();
    bits[0] |= 0x40;
    assert_eq!(Message::read(&bits).unwrap_err(), Error::Other);
    assert_eq!(Message::read(&[]).unwrap_err(), Error::Other);
}

#[test]
fn a_message_of_64_kib_is_not_looked_at() {
    let bytes = raw(1, &vec![0; 65532]);
    assert_eq!(Message::read(&bytes).unwrap_err(), Error::Long { length: 65552 });
}

#[test]
fn classes_and_methods_are_told_apart() {
    for (kind, class, binding) in [
        (0x0001, Kind::Request, true),
        (0x0011, Kind::Indication, true),
        (0x0101, Kind::Success, true),
        (0x0111, Kind::Error, true),
        (0x0003, Kind::Request, false),
        (0x0021, Kind::Request, false),
        (0x0201, Kind::Request, false),
    ] {
        let bytes = raw(kind, &[]);
        let message = Message::read(&bytes).unwrap();
        assert_eq!((message.kind(), message.is_binding()), (class, binding), "{kind:#06x}");
    }
}

/// Bytes that are often nearly a message: a right header, and attributes of which kinds and lengths are small.
fn nearly() -> impl Strategy<Value = Vec<u8>> {
    let kinds = prop_oneof![0_u16..0x30, 0x8020_u16..0x8030, any::<u16>()];
    let attribute = (kinds, 0_u16..30, prop::collection::vec(any::<u8>(), 0..32))
        .prop_map(|(kind, length, value)| [&kind.to_be_bytes()[..], &length.to_be_bytes(), &value].concat());
    (any::<u16>(), prop::collection::vec(attribute, 0..8)).prop_map(|(kind, attributes)| {
        let mut attributes = attributes.concat();
        attributes.truncate(attributes.len() / 4 * 4);
        raw(kind & 0x3fff, &attributes)
    })
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_harm(bytes in prop_oneof![prop::collection::vec(any::<u8>(), 0..3000), nearly()]) {
        if let Ok(message) = Message::read(&bytes) {
            prop_assert!(!message.verify(PASSWORD));
            prop_assert!(message.unknown_required().len() <= MOST_UNKNOWN);
        }
    }

    #[test]
    fn what_is_built_is_read_back(
        transaction in any::<[u8; 12]>(),
        ours in "[A-Za-z0-9+/]{4,256}",
        theirs in "[A-Za-z0-9+/]{4,256}",
        password in "[A-Za-z0-9+/]{22,256}",
        priority in any::<u32>(),
        tie in any::<u64>(),
        use_candidate in any::<bool>(),
    ) {
        let name = format!("{ours}:{theirs}");
        let bytes = binding_request(transaction, &name, &password, priority, tie, use_candidate);
        let message = Message::read(&bytes).unwrap();
        prop_assert_eq!(message.transaction(), transaction);
        prop_assert_eq!(message.username(), Some((ours.as_str(), theirs.as_str())));
        prop_assert_eq!((message.priority(), message.ice_controlling()), (Some(priority), Some(tie)));
        prop_assert_eq!(message.use_candidate(), use_candidate);
        prop_assert!(message.verify(&password));
        prop_assert!(!message.verify(&(password + "x")));
    }

    #[test]
    fn an_address_is_read_back(ip in any::<std::net::IpAddr>(), port in any::<u16>(), transaction in any::<[u8; 12]>()) {
        let request = binding_request(transaction, "a:b", PASSWORD, 1, 1, false);
        let bytes = success(&Message::read(&request).unwrap(), SocketAddr::new(ip, port), PASSWORD);
        let told = SocketAddr::new(ip.to_canonical(), port);
        prop_assert_eq!(Message::read(&bytes).unwrap().mapped_address(), Some(told));
    }

    #[test]
    fn a_changed_byte_breaks_the_integrity(at in 0_usize..1000, change in 1_u8..=255) {
        let mut bytes = without_fingerprint(request());
        let at = at % bytes.len();
        bytes[at] ^= change;
        let good = Message::read(&bytes).is_ok_and(|message| message.verify(PASSWORD));
        prop_assert!(!good, "byte {} is not covered", at);
    }
}
