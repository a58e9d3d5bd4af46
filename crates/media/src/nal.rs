//! What the configuration records of H.264 and H.265 have in common.

/// What a configuration record holds for those who write coded frames in another form: how NAL units are laid out in
/// the frames, and the parameter sets that are sent beside them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParameterSets<'a> {
    /// Bytes of the length before each NAL unit: 1, 2 or 4.
    pub length_size: usize,
    /// In the order in which decoders need them, their NAL headers included. May be empty where frames bring their own.
    pub nals: Vec<&'a [u8]>,
}

impl<'a> ParameterSets<'a> {
    /// Parameter sets longer than this together are no encoder's: real ones are some hundred bytes, and whoever writes
    /// them before each key frame has to hold them.
    pub const MAX: usize = 8192;

    /// `None` for a length of 3 bytes, which does not exist, and for more bytes of sets than any encoder makes.
    pub(crate) fn new(size_minus_one: u8, nals: Vec<&'a [u8]>) -> Option<Self> {
        let length_size = match size_minus_one & 3 {
            0 => 1,
            1 => 2,
            3 => 4,
            _ => return None,
        };
        let bytes = nals.iter().fold(0usize, |sum, nal| sum.saturating_add(nal.len()));
        (bytes <= Self::MAX).then_some(Self { length_size, nals })
    }
}

/// Appends a set behind its length; `None` for an empty one, and where 16 bits do not hold the length.
pub(crate) fn put_set(set: &[u8], record: &mut Vec<u8>) -> Option<()> {
    let length = u16::try_from(set.len()).ok().filter(|&length| length > 0)?;
    record.extend(length.to_be_bytes());
    record.extend(set);
    Some(())
}
