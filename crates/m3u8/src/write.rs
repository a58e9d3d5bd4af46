//! Own lists, in the order and with the words of SRS.

use crate::Utc;
use crate::query::percent;
use std::fmt::{Arguments, Write as _};

/// What a media list says before its segments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Media {
    /// `EXT-X-VERSION`: 3 for all that is written here.
    pub version: u8,
    /// `EXT-X-TARGETDURATION` in seconds; no segment, rounded to whole seconds, may be longer.
    pub target_duration_s: u64,
    /// The number of the first segment.
    pub media_sequence: u64,
    /// How many discontinuities were before the first segment; not written at 0, which is what its absence means.
    pub discontinuity_sequence: u64,
    /// Nothing will be added: `EXT-X-ENDLIST`.
    pub ended: bool,
}

/// How segments are encrypted from here on: AES-128 in CBC mode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// Where players fetch the 16 bytes.
    pub uri: String,
    /// The initialization vector.
    pub iv: [u8; 16],
}

/// A segment as a list names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment<'a> {
    /// Where it is.
    pub uri: &'a str,
    /// Its length.
    pub duration_ms: u64,
    /// It does not continue the one before in time or encoding.
    pub discontinuity: bool,
    /// When its first unit was made, in milliseconds since 1970.
    pub program_date_time_ms: Option<i64>,
    /// What it is encrypted with.
    pub key: Option<&'a Key>,
}

/// One of the lists that a master list offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Variant<'a> {
    /// Where the media list is.
    pub uri: &'a str,
    /// Largest bit rate of a segment, bits per second.
    pub bandwidth: u64,
    /// Bit rate over time, bits per second.
    pub average_bandwidth: u64,
    /// As RFC 6381 has it: `avc1.64001f,mp4a.40.2`.
    pub codecs: Option<&'a str>,
    /// Width and height in pixels.
    pub resolution: Option<(u32, u32)>,
}

/// Appends a media list.
pub fn write_media<'a>(media: &Media, segments: impl Iterator<Item = Segment<'a>>, out: &mut String) {
    let Media { version, target_duration_s, media_sequence, discontinuity_sequence, ended } = media;
    put(out, format_args!("#EXTM3U\n#EXT-X-VERSION:{version}\n#EXT-X-MEDIA-SEQUENCE:{media_sequence}\n"));
    put(out, format_args!("#EXT-X-TARGETDURATION:{target_duration_s}\n"));
    if *discontinuity_sequence != 0 {
        put(out, format_args!("#EXT-X-DISCONTINUITY-SEQUENCE:{discontinuity_sequence}\n"));
    }
    let mut key = None;
    for segment in segments {
        if segment.discontinuity {
            out.push_str("#EXT-X-DISCONTINUITY\n");
        }
        if segment.key != key {
            write_key(segment.key, out);
            key = segment.key;
        }
        if let Some(time) = segment.program_date_time_ms {
            put(out, format_args!("#EXT-X-PROGRAM-DATE-TIME:{}\n", Utc::from_unix_ms(time)));
        }
        let (seconds, thousandths) = (segment.duration_ms / 1_000, segment.duration_ms % 1_000);
        put(out, format_args!("#EXTINF:{seconds}.{thousandths:03},\n"));
        write_uri(segment.uri, out);
        out.push('\n');
    }
    if *ended {
        out.push_str("#EXT-X-ENDLIST\n");
    }
}

/// Appends a master list.
pub fn write_master<'a>(variants: impl IntoIterator<Item = Variant<'a>>, out: &mut String) {
    out.push_str("#EXTM3U\n");
    for Variant { uri, bandwidth, average_bandwidth, codecs, resolution } in variants {
        put(
            out,
            format_args!("#EXT-X-STREAM-INF:BANDWIDTH={bandwidth},AVERAGE-BANDWIDTH={average_bandwidth}"),
        );
        if let Some(codecs) = codecs {
            out.push_str(",CODECS=\"");
            // No codec's name holds any other character.
            out.extend(codecs.chars().filter(|c| c.is_ascii_alphanumeric() || ".,-_+".contains(*c)));
            out.push('"');
        }
        if let Some((width, height)) = resolution {
            put(out, format_args!(",RESOLUTION={width}x{height}"));
        }
        out.push('\n');
        write_uri(uri, out);
        out.push('\n');
    }
}

fn write_key(key: Option<&Key>, out: &mut String) {
    let Some(Key { uri, iv }) = key else {
        out.push_str("#EXT-X-KEY:METHOD=NONE\n");
        return;
    };
    out.push_str("#EXT-X-KEY:METHOD=AES-128,URI=\"");
    write_uri(uri, out);
    put(out, format_args!("\",IV=0x{:032x}\n", u128::from_be_bytes(*iv)));
}

/// Addresses are made of names that strangers chose: no such name becomes a line, a tag or an attribute.
fn write_uri(uri: &str, out: &mut String) {
    for (at, character) in uri.char_indices() {
        let taken = character == '"' || character.is_whitespace() || character.is_control();
        if taken || at == 0 && character == '#' {
            for byte in character.encode_utf8(&mut [0; 4]).bytes() {
                percent(byte, out);
            }
        } else {
            out.push(character);
        }
    }
}

/// Writing to a `String` cannot fail.
fn put(out: &mut String, text: Arguments<'_>) {
    let _ = out.write_fmt(text);
}

#[cfg(test)]
mod tests;
