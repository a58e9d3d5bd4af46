//! What a peer would be sent too, once the stream has it.

use srs_rtc::Codec;

use super::Settings;
use super::choose::{Chosen, Offer, Way, offered, play, usable};

/// Codecs that the peer offers on tracks of which nothing was chosen, as `stream` has nothing there: those on which it would
/// be agreed if the stream had them.
pub(super) fn could(
    settings: &Settings,
    offer: &Offer<'_>,
    stream: &[Codec],
    chosen: &[Chosen],
) -> Vec<Codec> {
    let mut known: Vec<Codec> = Vec::new();
    let sections = usable(offer, Way::Play).unwrap_or_default();
    let idle = sections.iter().filter(|section| !chosen.iter().any(|chosen| chosen.track == section.2));
    for (codec, ..) in idle.flat_map(|(_, section, track)| offered(section, *track)) {
        // An offer may fit together without a section and not with it.
        let with_it = || play(settings, offer, &[stream, &[codec]].concat());
        if !known.contains(&codec) && with_it().is_ok_and(|all| all.len() > chosen.len()) {
            known.push(codec);
        }
    }
    known
}
