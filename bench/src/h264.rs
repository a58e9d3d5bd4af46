//! The smallest valid H.264 baseline pictures: one grey key frame and inter frames that skip every macroblock.
//!
//! Filler data NAL units (type 12) bring a frame to the size that a bit rate asks for, so a real decoder shows a grey
//! picture and reports no error. ISO/IEC 14496-10 7.3.

/// Macroblocks across and down: 160 x 96 pixels, small enough for a 200 kbit/s inter frame.
const WIDTH: u32 = 10;
const HEIGHT: u32 = 6;

/// AVCDecoderConfigurationRecord (ISO/IEC 14496-15 5.3.3.1).
pub fn configuration() -> Vec<u8> {
    let (sps, pps) = (sps(), pps());
    let mut record = vec![1, sps[1], sps[2], sps[3], 0xff, 0xe1];
    record.extend_from_slice(&(sps.len() as u16).to_be_bytes());
    record.extend_from_slice(&sps);
    record.push(1);
    record.extend_from_slice(&(pps.len() as u16).to_be_bytes());
    record.extend_from_slice(&pps);
    record
}

/// The sequence parameter set, a NAL unit.
pub fn sps() -> Vec<u8> {
    let mut bits = Bits::default();
    bits.put(66, 8); // profile: baseline
    bits.put(0b1100_0000, 8); // constraint sets 0 and 1
    bits.put(31, 8); // level 3.1
    bits.ue(0); // id
    bits.ue(0); // log2_max_frame_num - 4
    bits.ue(2); // pic_order_cnt_type: output order is decoding order
    bits.ue(1); // max_num_ref_frames
    bits.put(0, 1); // no gaps in frame_num
    bits.ue(WIDTH - 1);
    bits.ue(HEIGHT - 1);
    bits.put(0b1100, 4); // frame_mbs_only, direct_8x8, no cropping, no VUI
    bits.nal(0x67)
}

/// The picture parameter set, a NAL unit.
pub fn pps() -> Vec<u8> {
    let mut bits = Bits::default();
    bits.ue(0); // id
    bits.ue(0); // SPS id
    bits.put(0b00, 2); // CAVLC, no bottom field order
    bits.ue(0); // one slice group
    bits.ue(0); // num_ref_idx_l0 - 1
    bits.ue(0); // num_ref_idx_l1 - 1
    bits.put(0b000, 3); // no weighted prediction
    bits.ue(0); // QP 26, as signed zero
    bits.ue(0); // QS 26
    bits.ue(0); // chroma QP offset
    bits.put(0b000, 3); // no deblocking control, no constrained intra, no redundant pictures
    bits.nal(0x68)
}

/// The slice of frame `index` of its GOP: 0 is the key frame.
pub fn slice(index: u32, gop: u32) -> Vec<u8> {
    let mut bits = Bits::default();
    let frame_num = index % 16;
    bits.ue(0); // first macroblock
    if index > 0 {
        bits.ue(5); // P, all slices of the picture
        bits.ue(0); // PPS id
        bits.put(frame_num, 4);
        bits.put(0b000, 3); // default reference count, no reordering, sliding window
        bits.ue(0); // slice_qp_delta
        bits.ue(WIDTH * HEIGHT); // mb_skip_run: all of them
        return bits.nal(0x61);
    }
    bits.ue(7); // I, all slices of the picture
    bits.ue(0); // PPS id
    bits.put(frame_num, 4);
    bits.ue(gop % 2); // idr_pic_id differs between two key frames in a row
    bits.put(0b00, 2); // output prior pictures, no long term reference
    bits.ue(0); // slice_qp_delta
    for _ in 0..WIDTH * HEIGHT {
        bits.ue(3); // I_16x16, DC prediction, no coefficients
        bits.ue(0); // chroma DC prediction
        bits.ue(0); // mb_qp_delta
        bits.put(1, 1); // no DC levels
    }
    bits.nal(0x65)
}

/// Bytes by chance, without two zeros in a row: nothing in them is a start code, and nothing needs emulation prevention.
pub fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut last = 0;
    let mut byte = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let now = (state >> 32) as u8;
        last = if last == 0 && now == 0 { 1 } else { now };
        last
    };
    (0..length).map(|_| byte()).collect()
}

#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    used: u32,
}

impl Bits {
    fn put(&mut self, value: u32, count: u32) {
        for shift in (0..count).rev() {
            if self.used.is_multiple_of(8) {
                self.bytes.push(0);
            }
            *self.bytes.last_mut().unwrap() |= ((value >> shift & 1) as u8) << (7 - self.used % 8);
            self.used += 1;
        }
    }

    /// Exp-Golomb code, 9.1.
    fn ue(&mut self, value: u32) {
        let length = (value + 1).ilog2();
        self.put(0, length);
        self.put(value + 1, length + 1);
    }

    /// Ends the payload and puts header and emulation prevention around it.
    fn nal(mut self, header: u8) -> Vec<u8> {
        self.put(1, 1);
        let mut nal = vec![header];
        let mut zeros = 0;
        for byte in self.bytes {
            if zeros == 2 && byte <= 3 {
                nal.push(3);
                zeros = 0;
            }
            zeros = if byte == 0 { zeros + 1 } else { 0 };
            nal.push(byte);
        }
        nal
    }
}
