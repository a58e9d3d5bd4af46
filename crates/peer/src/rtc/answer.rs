//! The text of an answer, as JSEP (RFC 9429 section 5.3) and WHIP, WHEP want it: ICE-lite, one transport, no candidates yet.

use std::fmt::Write;

use srs_rtc::engine::Credentials;
use srs_rtc::sdp::Media;

use super::choose::{Chosen, Format, Offer, Way};

/// What of the answer belongs to the session rather than to one of its sections.
#[derive(Debug)]
pub(super) struct Common<'a> {
    pub(super) way: Way,
    pub(super) ours: &'a Credentials,
    /// `sha-256 AB:CD:…`.
    pub(super) fingerprint: String,
    /// This end begins DTLS.
    pub(super) active: bool,
    /// Of this session: a number that no other one has.
    pub(super) id: u64,
}

/// A section's streams of this end: its media's, and that of its repairs.
pub(super) type Streams = (u32, Option<u32>);

/// Writes it. `chosen` and their `streams` are in the order of the offer's sections.
pub(super) fn write(offer: &Offer<'_>, common: &Common<'_>, chosen: &[(Chosen, Option<Streams>)]) -> String {
    let mids = chosen.iter().filter_map(|(chosen, _)| offer.sections.get(chosen.index)?.mid);
    let mids: Vec<&str> = mids.collect();
    let mut lines = Lines::default();
    lines.add("v=0");
    lines.add(&format!("o=- {} 1 IN IP4 127.0.0.1", common.id));
    lines.add("s=-");
    lines.add("t=0 0");
    lines.add("a=ice-lite");
    if !mids.is_empty() && offer.whole.attributes("group").any(|group| group.starts_with("BUNDLE")) {
        lines.add(&format!("a=group:BUNDLE {}", mids.join(" ")));
    }
    lines.add("a=msid-semantic:WMS *");
    for (index, section) in offer.sections.iter().enumerate() {
        match chosen.iter().find(|(chosen, _)| chosen.index == index) {
            Some((chosen, streams)) => accept(&mut lines, section, common, chosen, *streams),
            None => reject(&mut lines, section),
        }
    }
    lines.0
}

/// Lines with their ends.
#[derive(Debug, Default)]
struct Lines(String);

impl Lines {
    fn add(&mut self, line: &str) {
        self.0.push_str(line);
        self.0.push_str("\r\n");
    }
}

/// Port zero: the section is not to be used, RFC 3264 section 6.
fn reject(lines: &mut Lines, section: &Media<'_>) {
    // The formats have to be some of those offered.
    let mut words = section.lines().next().unwrap_or_default().split_ascii_whitespace().skip(3);
    let format = words.next().unwrap_or("0");
    lines.add(&format!("m={} 0 {} {format}", section.kind, section.protocol));
    lines.add("c=IN IP4 0.0.0.0");
    if let Some(mid) = section.mid {
        lines.add(&format!("a=mid:{mid}"));
    }
    // There are clients that read no format without its name.
    let named = section.attributes("rtpmap").find(|map| map.split_ascii_whitespace().next() == Some(format));
    if let Some(named) = named {
        lines.add(&format!("a=rtpmap:{named}"));
    }
    lines.add("a=inactive");
}

fn accept(
    lines: &mut Lines,
    section: &Media<'_>,
    common: &Common<'_>,
    chosen: &Chosen,
    streams: Option<Streams>,
) {
    let mut types = String::new();
    for pt in chosen.formats.iter().flat_map(|format| [Some(format.pt), format.rtx]).flatten() {
        let _ = write!(types, " {pt}");
    }
    lines.add(&format!("m={} 9 {}{types}", section.kind, section.protocol));
    lines.add("c=IN IP4 0.0.0.0");
    lines.add("a=rtcp:9 IN IP4 0.0.0.0");
    lines.add(&format!("a=ice-ufrag:{}", common.ours.ufrag));
    lines.add(&format!("a=ice-pwd:{}", common.ours.password));
    lines.add(&format!("a=fingerprint:{}", common.fingerprint));
    lines.add(if common.active { "a=setup:active" } else { "a=setup:passive" });
    if let Some(mid) = section.mid {
        lines.add(&format!("a=mid:{mid}"));
    }
    for (id, uri) in &chosen.extensions {
        lines.add(&format!("a=extmap:{id} {uri}"));
    }
    lines.add(if common.way == Way::Publish { "a=recvonly" } else { "a=sendonly" });
    if common.way == Way::Play {
        // One stream for both tracks: so players keep them together.
        lines.add(&format!("a=msid:{} {}-{}", common.id, common.id, section.kind));
    }
    lines.add("a=rtcp-mux");
    if section.attributes("rtcp-rsize").next().is_some() {
        lines.add("a=rtcp-rsize");
    }
    chosen.formats.iter().for_each(|format| describe(lines, format));
    for layer in &chosen.layers {
        lines.add(&format!("a=rid:{layer} recv"));
    }
    if !chosen.layers.is_empty() {
        lines.add(&format!("a=simulcast:recv {}", chosen.layers.join(";")));
    }
    if let Some((main, rtx)) = streams {
        if let Some(rtx) = rtx {
            lines.add(&format!("a=ssrc-group:FID {main} {rtx}"));
        }
        for ssrc in [Some(main), rtx].into_iter().flatten() {
            lines.add(&format!("a=ssrc:{ssrc} cname:{}", common.id));
        }
    }
}

/// The lines of one payload type and its repairs.
fn describe(lines: &mut Lines, format: &Format) {
    let pt = format.pt;
    lines.add(&format!("a=rtpmap:{pt} {}", format.map));
    let feedback = format.feedback;
    let said = [
        (feedback.remb, "goog-remb"),
        (feedback.twcc, "transport-cc"),
        (feedback.fir, "ccm fir"),
        (feedback.nack, "nack"),
        (feedback.pli, "nack pli"),
    ];
    for (_, kind) in said.into_iter().filter(|said| said.0) {
        lines.add(&format!("a=rtcp-fb:{pt} {kind}"));
    }
    if !format.fmtp.is_empty() {
        lines.add(&format!("a=fmtp:{pt} {}", format.fmtp));
    }
    if let Some(rtx) = format.rtx {
        let clock = format.map.split('/').nth(1).unwrap_or("90000");
        lines.add(&format!("a=rtpmap:{rtx} rtx/{clock}"));
        lines.add(&format!("a=fmtp:{rtx} apt={pt}"));
    }
}
