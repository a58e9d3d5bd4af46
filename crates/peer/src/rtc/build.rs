//! The library, set up with what was agreed on. It never sees SDP: what it would make of it is stricter than what peers say.

use std::time::{Duration, Instant};

use srs_rtc::{Codec, Track};
use str0m::crypto::Fingerprint;
use str0m::format::{self, CodecConfig, CodecSpec, FormatParams, PayloadParams};
use str0m::media::{Frequency, MediaKind, Mid};
use str0m::rtp::{Extension, ExtensionMap};
use str0m::{Rtc, RtcConfig};

use super::choose::{Chosen, Format, MID, REPAIRED_RID, RID, SEND_TIME, TWCC, Way};
use super::{Certificate, Refused, Settings};

/// How often reports go out. Players learn from two of them which sound belongs to which picture.
const REPORTS: Duration = Duration::from_secs(1);
/// For how long a missing packet of sound is waited for, when no newer one pushes it out: without repairs none comes late.
const SOUND: Duration = Duration::from_millis(250);

/// The configuration that both kinds of ends share.
pub(super) fn config(settings: &Settings) -> Result<RtcConfig, Refused> {
    let certificate = settings.certificate.clone().or_else(Certificate::of_process);
    let Some(Certificate(certificate)) = certificate else {
        return Err(Refused::Broken("no certificate could be made".to_owned()));
    };
    let mut config = RtcConfig::new()
        .set_dtls_cert(certificate)
        .set_rtcp_report_interval_audio(REPORTS)
        .set_rtcp_report_interval_video(REPORTS)
        .set_reordering_size_audio(settings.hold_audio)
        .set_reordering_size_video(settings.hold_video)
        .set_reordering_timeout_audio(Some(SOUND))
        .set_send_buffer_audio(settings.resend_audio.max(1))
        .set_send_buffer_video(settings.resend_video.max(1))
        .set_stats_interval(settings.figures);
    if let Some(estimate) = settings.estimate {
        config = config.enable_bwe(Some(str0m::bwe::Bitrate::bps(estimate)));
    }
    Ok(config)
}

/// An end that answers, with its media declared.
pub(super) fn answering(
    settings: &Settings,
    way: Way,
    chosen: &[(Mid, Chosen)],
    theirs: Fingerprint,
    now: Instant,
) -> Result<Rtc, Refused> {
    let mut extensions = ExtensionMap::empty();
    for (id, uri) in chosen.iter().flat_map(|(_, chosen)| &chosen.extensions) {
        // Players know what belongs to which section by the answer's `a=ssrc`; the library would say it in each packet of
        // pictures, to the end.
        let said = *uri != MID || way == Way::Publish;
        if let Some(extension) = extension(uri).filter(|_| said) {
            extensions.set(*id, extension);
        }
    }
    let mut config =
        config(settings)?.set_ice_lite(true).set_rtp_mode(way == Way::Play).set_extension_map(extensions);
    let formats = chosen.iter().flat_map(|(_, chosen)| &chosen.formats).map(payload).collect();
    *config.codec_config() = CodecConfig::new_from_payload_params(formats);
    let mut rtc = config.build(now);
    let mut direct = rtc.direct_api();
    direct.set_remote_fingerprint(theirs);
    for (mid, chosen) in chosen {
        let media = direct.declare_media(*mid, kind(chosen.track));
        chosen.layers.iter().for_each(|layer| media.expect_rid_rx(layer.as_str().into()));
        if let (Way::Publish, Some((main, rtx))) = (way, chosen.theirs) {
            let format = chosen.formats.first();
            let rtx = rtx.filter(|_| format.is_some_and(|format| format.rtx.is_some()));
            // A peer without a stream for repairs may well send the packet itself again: OBS does.
            let nack = format.is_some_and(|format| format.feedback.nack);
            direct.expect_stream_rx(main.into(), rtx.map(Into::into), *mid, None).suppress_nack(!nack);
        }
    }
    if chosen.iter().any(|(_, chosen)| chosen.formats.iter().any(|format| format.feedback.twcc)) {
        direct.enable_twcc_feedback();
    }
    Ok(rtc)
}

pub(super) fn kind(track: Track) -> MediaKind {
    match track {
        Track::Audio => MediaKind::Audio,
        Track::Video => MediaKind::Video,
    }
}

/// The codec, as the library calls it.
pub(super) fn codec(codec: Codec) -> format::Codec {
    match codec {
        Codec::H264 => format::Codec::H264,
        Codec::H265 => format::Codec::H265,
        Codec::Av1 => format::Codec::Av1,
        Codec::Vp8 => format::Codec::Vp8,
        Codec::Vp9 => format::Codec::Vp9,
        Codec::Opus => format::Codec::Opus,
    }
}

/// What the library calls a codec, as we do; none where we know no such.
pub(super) fn known(codec: format::Codec) -> Option<Codec> {
    let all = [Codec::H264, Codec::H265, Codec::Av1, Codec::Vp8, Codec::Vp9, Codec::Opus];
    all.into_iter().find(|known| self::codec(*known) == codec)
}

fn payload(format: &Format) -> PayloadParams {
    let sound = format.codec == Codec::Opus;
    let spec = CodecSpec {
        codec: codec(format.codec),
        clock_rate: if sound { Frequency::FORTY_EIGHT_KHZ } else { Frequency::NINETY_KHZ },
        channels: sound.then_some(2),
        format: FormatParams::parse_line(&format.fmtp),
    };
    let mut payload = PayloadParams::new(format.pt.into(), format.rtx.map(Into::into), spec);
    payload.set_fb_nack(format.feedback.nack);
    payload.set_fb_pli(format.feedback.pli);
    payload.set_fb_fir(format.feedback.fir);
    payload.set_fb_transport_cc(format.feedback.twcc);
    payload.set_fb_remb(format.feedback.remb);
    payload
}

fn extension(uri: &str) -> Option<Extension> {
    match uri {
        MID => Some(Extension::RtpMid),
        RID => Some(Extension::RtpStreamId),
        REPAIRED_RID => Some(Extension::RepairedRtpStreamId),
        TWCC => Some(Extension::TransportSequenceNumber),
        SEND_TIME => Some(Extension::AbsoluteSendTime),
        _ => None,
    }
}
