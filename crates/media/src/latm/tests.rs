use super::*;
use proptest::prelude::*;

/// Bits most significant first.
#[derive(Default)]
struct Writer(Vec<bool>);

impl Writer {
    fn bits(mut self, value: u32, count: u32) -> Self {
        self.0.extend((0..count).rev().map(|bit| value >> bit & 1 == 1));
        self
    }

    /// The configuration of LC, 48 kHz, stereo, for so many frames.
    fn config(self, frames: u32) -> Self {
        let mux = self.bits(0, 1).bits(0, 1).bits(1, 1).bits(frames - 1, 6).bits(0, 7);
        mux.bits(2, 5).bits(3, 4).bits(2, 4).bits(0, 3).bits(0, 3).bits(0xff, 8).bits(0, 2)
    }

    fn frame(self, length: u32) -> Self {
        let lengths = (0..length / 255).fold(self, |writer, _| writer.bits(255, 8)).bits(length % 255, 8);
        (0..length).fold(lengths, |writer, at| writer.bits(at & 0xff, 8))
    }

    fn bytes(self) -> Vec<u8> {
        let byte =
            |chunk: &[bool]| (0..8).fold(0, |byte, at| byte << 1 | u8::from(chunk.get(at) == Some(&true)));
        self.0.chunks(8).map(byte).collect()
    }
}

#[test]
fn frames_come_out_whole_and_later_elements_keep_the_configuration() {
    let mut latm = Latm::new();
    assert_eq!(latm.frames(&Writer::default().bits(1, 1).frame(3).bytes()), Ok(vec![]), "nothing told yet");
    let frames = latm.frames(&Writer::default().config(2).frame(300).frame(2).bytes()).unwrap();
    assert_eq!(frames.iter().map(Vec::len).collect::<Vec<_>>(), [300, 2]);
    assert_eq!((frames[0][299], &frames[1][..]), (43, &[0, 1][..]));
    assert_eq!(latm.config(), Some(&[0x11, 0x90][..]));
    let frames = latm.frames(&Writer::default().bits(1, 1).frame(255).frame(0).bytes()).unwrap();
    assert_eq!(frames.iter().map(Vec::len).collect::<Vec<_>>(), [255, 0]);
}

#[test]
fn a_configuration_with_its_length_is_read() {
    let version = Writer::default().bits(0, 1).bits(0b10, 2).bits(0, 2).bits(9, 8).bits(1, 1).bits(0, 13);
    // 25 bits of HE-AAC: LC at 24 kHz, played at 48.
    let config =
        version.bits(0, 2).bits(25, 8).bits(5, 5).bits(6, 4).bits(2, 4).bits(3, 4).bits(2, 5).bits(0, 3);
    let bytes = config.bits(0, 3).bits(0xff, 8).bits(0, 2).frame(5).bytes();
    let mut latm = Latm::new();
    assert!(latm.frames(&bytes).is_ok());
    assert_eq!(aac::config(latm.config().unwrap()).unwrap().extension_rate, Some(48_000));
}

#[test]
fn what_is_not_read_is_said() {
    let mut latm = Latm::new();
    let layers = Writer::default().bits(0, 2).bits(1, 1).bits(0, 6).bits(1, 7).bits(0, 32).bytes();
    assert_eq!(latm.frames(&layers), Err(Error::Unsupported));
    let celp =
        Writer::default().bits(0, 2).bits(1, 1).bits(0, 13).bits(8, 5).bits(3, 4).bits(2, 4).bits(0, 30);
    assert_eq!(latm.frames(&celp.bytes()), Err(Error::Unsupported));
    let mut cut = Writer::default().config(1).frame(30).bytes();
    cut.truncate(20);
    assert_eq!(latm.frames(&cut), Err(Error::Damaged));
    assert_eq!(latm.frames(&[]), Err(Error::Damaged));
}

#[test]
fn headers_say_lengths() {
    assert_eq!(length(&[0x56, 0xe1, 0x02]), Some(258));
    assert_eq!(
        (length(&[0x56, 0xc1, 2]), length(&[0x57, 0xe1, 2]), length(&[0x56, 0xe1])),
        (None, None, None)
    );
}

proptest! {
    #[test]
    fn byte_soup_is_survived(soup in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 0..4)) {
        let mut latm = Latm::new();
        for element in soup {
            let _ = latm.frames(&element);
            let _ = latm.frames(&[&[0x20, 0, 0x11], element.as_slice()].concat());
        }
    }
}
