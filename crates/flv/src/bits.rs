//! A bit reader over frame headers, which ends in `None` instead of reading past the end.

/// Reads bits, most significant first.
#[derive(Clone, Debug)]
pub(crate) struct Bits<'a> {
    data: &'a [u8],
    /// In bits.
    at: usize,
}

impl<'a> Bits<'a> {
    pub(crate) fn new(data: &'a [u8]) -> Self {
        Self { data, at: 0 }
    }

    /// Up to 32 bits.
    pub(crate) fn take(&mut self, count: u32) -> Option<u32> {
        let mut value = 0_u32;
        for _ in 0..count.min(32) {
            let byte = *self.data.get(self.at / 8)?;
            value = value << 1 | u32::from(byte >> (7 - self.at % 8) & 1);
            self.at = self.at.checked_add(1)?;
        }
        Some(value)
    }

    pub(crate) fn bit(&mut self) -> Option<bool> {
        Some(self.take(1)? == 1)
    }

    /// `uvlc()` of AV1 4.10.3, whose value nobody asks for.
    pub(crate) fn skip_uvlc(&mut self) -> Option<()> {
        let mut zeros = 0;
        while !self.bit()? {
            zeros += 1;
            if zeros >= 32 {
                return None;
            }
        }
        self.take(zeros).map(drop)
    }
}
