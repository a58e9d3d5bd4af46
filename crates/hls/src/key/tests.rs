use super::{Key, begins_key};
use aes::Aes128;
use aes::cipher::block_padding::Pkcs7;
use aes::cipher::{BlockDecryptMut, KeyIvInit};
use proptest::prelude::*;

fn bytes<const N: usize>(hex: &str) -> [u8; N] {
    std::array::from_fn(|at| u8::from_str_radix(&hex[at * 2..at * 2 + 2], 16).unwrap())
}

/// NIST SP 800-38A, F.2.1.
fn nist() -> (Key, [u8; 64], [u8; 64]) {
    let key = Key {
        bytes: bytes("2b7e151628aed2a6abf7158809cf4f3c"),
        iv: bytes("000102030405060708090a0b0c0d0e0f"),
    };
    let plain = bytes(
        "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51\
         30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710",
    );
    let secret = bytes(
        "7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2\
         73bed6b8e3c1743b7116e69e222295163ff1caa1681fac09120eca307586e1a7",
    );
    (key, plain, secret)
}

#[test]
fn whole_blocks_are_those_of_nist_and_one_of_padding() {
    let (key, plain, secret) = nist();
    let made = key.encrypt(&plain);
    assert_eq!(made[..64], secret);
    // `openssl enc -aes-128-cbc` on the same.
    assert_eq!(made[64..], OPENSSL_PADDING);
}

const OPENSSL_PADDING: [u8; 16] =
    [0x8c, 0xb8, 0x28, 0x07, 0x23, 0x0e, 0x13, 0x21, 0xd3, 0xfa, 0xe0, 0x0d, 0x18, 0xcc, 0x20, 0x12];

#[test]
fn a_part_of_a_block_is_filled_as_openssl_does() {
    let (key, plain, _) = nist();
    assert_eq!(
        key.encrypt(&plain[..20])[..],
        bytes::<32>("7649abac8119b246cee98e9b12e9197d2e013f890472d82217b17f45f6e7f539")
    );
    assert_eq!(key.encrypt(b"").len(), 16);
}

#[test]
fn a_key_does_not_show() {
    assert_eq!(format!("{:?}", nist().0), "Key { .. }");
}

#[test]
fn a_key_serves_so_many_segments() {
    let mut since = None;
    let mut begun = Vec::new();
    for sequence in 103..=116 {
        if begins_key(sequence, since, 5) {
            since = Some(sequence);
            begun.push(sequence);
        }
    }
    assert_eq!(begun, [103, 105, 110, 115]);
    assert!(begins_key(7, Some(8), 0) && begins_key(8, Some(7), 0) && !begins_key(8, Some(8), 0));
}

proptest! {
    #[test]
    fn what_was_encrypted_comes_out_again(
        plain in proptest::collection::vec(any::<u8>(), 0..600), bytes: [u8; 16], iv: [u8; 16],
    ) {
        let secret = Key { bytes, iv }.encrypt(&plain);
        prop_assert_eq!(secret.len(), plain.len() / 16 * 16 + 16);
        let reader = cbc::Decryptor::<Aes128>::new(&bytes.into(), &iv.into());
        prop_assert_eq!(reader.decrypt_padded_vec_mut::<Pkcs7>(&secret).unwrap(), plain);
    }
}
