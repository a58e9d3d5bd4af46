//! Offers as peers make them, shortened where lines are many of a kind.

const FINGERPRINT: &str = "a=fingerprint:sha-256 7B:8B:F0:65:5F:78:E2:51:3B:AC:6F:F3:3F:46:1B:35:\
    DC:B8:5F:64:1A:24:C2:43:F0:A1:58:D0:A1:2C:19:08";

/// The lines, with the ends that SDP has, and `%` for the fingerprint's.
fn lines(text: &str) -> String {
    let lines = text.trim().lines().map(|line| line.trim());
    lines.map(|line| if line == "%" { format!("{FINGERPRINT}\r\n") } else { format!("{line}\r\n") }).collect()
}

const CHROMIUM_VIDEO: &str = "
    c=IN IP4 0.0.0.0
    a=rtcp:9 IN IP4 0.0.0.0
    a=ice-ufrag:Jbde
    a=ice-pwd:Xh1n0Lg1sdfSDFs6lkjH3dfg
    a=ice-options:trickle
    %
    a=setup:actpass
    a=mid:1
    a=extmap:14 urn:ietf:params:rtp-hdrext:toffset
    a=extmap:2 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time
    a=extmap:13 urn:3gpp:video-orientation
    a=extmap:3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01
    a=extmap:5 http://www.webrtc.org/experiments/rtp-hdrext/playout-delay
    a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid
    a=extmap:10 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id
    a=extmap:11 urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id
    DIRECTION
    a=rtcp-mux
    a=rtcp-rsize
    a=rtpmap:96 VP8/90000
    FEEDBACK:96
    a=rtpmap:97 rtx/90000
    a=fmtp:97 apt=96
    a=rtpmap:103 H264/90000
    FEEDBACK:103
    a=fmtp:103 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42001f
    a=rtpmap:104 rtx/90000
    a=fmtp:104 apt=103
    a=rtpmap:107 H264/90000
    FEEDBACK:107
    a=fmtp:107 level-asymmetry-allowed=1;packetization-mode=0;profile-level-id=42001f
    a=rtpmap:108 rtx/90000
    a=fmtp:108 apt=107
    a=rtpmap:109 H264/90000
    FEEDBACK:109
    a=fmtp:109 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f
    a=rtpmap:114 rtx/90000
    a=fmtp:114 apt=109
    a=rtpmap:117 H264/90000
    FEEDBACK:117
    a=fmtp:117 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=4d001f
    a=rtpmap:118 rtx/90000
    a=fmtp:118 apt=117
    a=rtpmap:39 H264/90000
    FEEDBACK:39
    a=fmtp:39 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=64001f
    a=rtpmap:40 rtx/90000
    a=fmtp:40 apt=39
    a=rtpmap:45 AV1/90000
    FEEDBACK:45
    a=fmtp:45 level-idx=5;profile=0;tier=0
    a=rtpmap:46 rtx/90000
    a=fmtp:46 apt=45
    a=rtpmap:98 VP9/90000
    FEEDBACK:98
    a=fmtp:98 profile-id=0
    a=rtpmap:99 rtx/90000
    a=fmtp:99 apt=98
    a=rtpmap:100 VP9/90000
    FEEDBACK:100
    a=fmtp:100 profile-id=2
    a=rtpmap:101 rtx/90000
    a=fmtp:101 apt=100
    a=rtpmap:112 red/90000
    a=rtpmap:113 rtx/90000
    a=fmtp:113 apt=112
    a=rtpmap:123 ulpfec/90000
    a=rtpmap:49 H265/90000
    FEEDBACK:49
    a=fmtp:49 level-id=93;profile-id=1;tier-flag=0;tx-mode=SRST
    a=rtpmap:50 rtx/90000
    a=fmtp:50 apt=49
";

const CHROMIUM_AUDIO: &str = "
    v=0
    o=- 4693115206741839437 2 IN IP4 127.0.0.1
    s=-
    t=0 0
    a=group:BUNDLE 0 1
    a=extmap-allow-mixed
    a=msid-semantic: WMS
    m=audio 9 UDP/TLS/RTP/SAVPF 111 63 9 0 8 13 110 126
    c=IN IP4 0.0.0.0
    a=rtcp:9 IN IP4 0.0.0.0
    a=ice-ufrag:Jbde
    a=ice-pwd:Xh1n0Lg1sdfSDFs6lkjH3dfg
    a=ice-options:trickle
    %
    a=setup:actpass
    a=mid:0
    a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level
    a=extmap:2 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time
    a=extmap:3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01
    a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid
    DIRECTION
    a=rtcp-mux
    a=rtcp-rsize
    a=rtpmap:111 opus/48000/2
    a=rtcp-fb:111 transport-cc
    a=fmtp:111 minptime=10;useinbandfec=1
    a=rtpmap:63 red/48000/2
    a=fmtp:63 111/111
    a=rtpmap:9 G722/8000
    a=rtpmap:0 PCMU/8000
    a=rtpmap:8 PCMA/8000
    a=rtpmap:13 CN/8000
    a=rtpmap:110 telephone-event/48000
    a=rtpmap:126 telephone-event/8000
    m=video 9 UDP/TLS/RTP/SAVPF 96 97 103 104 107 108 109 114 117 118 39 40 45 46 98 99 100 101 112 113 123 49 50
";

fn chromium(direction: &str, more: &str) -> String {
    let text = format!("{}\n{}\n{more}", CHROMIUM_AUDIO.trim(), CHROMIUM_VIDEO.trim());
    let text = text.replace("DIRECTION", direction);
    let feedback = |line: &str| match line.trim().strip_prefix("FEEDBACK:") {
        Some(pt) => ["goog-remb", "transport-cc", "ccm fir", "nack", "nack pli"]
            .map(|kind| format!("a=rtcp-fb:{pt} {kind}\n"))
            .concat(),
        None => format!("{line}\n"),
    };
    lines(&text.lines().map(feedback).collect::<String>())
}

/// A page that publishes from camera and microphone.
pub fn chromium_publish() -> String {
    chromium(
        "a=sendonly\na=msid:- 6c2f8a5e",
        "a=ssrc-group:FID 2231627014 632943048\na=ssrc:2231627014 cname:4TOk42mSjXCkVIa6\n\
         a=ssrc:632943048 cname:4TOk42mSjXCkVIa6",
    )
}

/// The same with three layers.
pub fn chromium_simulcast() -> String {
    chromium("a=sendonly", "a=rid:h send\na=rid:m send\na=rid:l send\na=simulcast:send h;m;l")
}

/// A page that watches.
pub fn chromium_play() -> String {
    chromium("a=recvonly", "")
}

/// A page that watches, and wants a data channel.
pub fn chromium_data() -> String {
    let more = "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\nc=IN IP4 0.0.0.0\na=ice-ufrag:Jbde\n\
        a=ice-pwd:Xh1n0Lg1sdfSDFs6lkjH3dfg\n%\na=setup:actpass\na=mid:2\na=sctp-port:5000";
    chromium("a=recvonly", more).replace("BUNDLE 0 1", "BUNDLE 0 1 2")
}

/// Firefox, which watches: what holds for all is said once, and the feedback for all formats with a star.
pub fn firefox_play() -> String {
    lines(
        "
        v=0
        o=mozilla...THIS_IS_SDPARTA-99.0 6135743288127234 0 IN IP4 0.0.0.0
        s=-
        t=0 0
        a=sendrecv
        %
        a=group:BUNDLE 0 1
        a=ice-options:trickle
        a=msid-semantic:WMS *
        m=audio 9 UDP/TLS/RTP/SAVPF 109 9 0 8 101
        c=IN IP4 0.0.0.0
        a=recvonly
        a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level
        a=extmap:2/recvonly urn:ietf:params:rtp-hdrext:csrc-audio-level
        a=extmap:3 urn:ietf:params:rtp-hdrext:sdes:mid
        a=fmtp:109 maxplaybackrate=48000;stereo=1;useinbandfec=1
        a=ice-pwd:2d8f6fe34a5e7f0ec79c6e8c1f5b7d05
        a=ice-ufrag:6f1bd3e2
        a=mid:0
        a=rtcp-mux
        a=rtpmap:109 opus/48000/2
        a=rtpmap:9 G722/8000/1
        a=rtpmap:0 PCMU/8000
        a=rtpmap:8 PCMA/8000
        a=rtpmap:101 telephone-event/8000/1
        a=setup:actpass
        a=ssrc:3104436152 cname:{6f8a1f1e}
        m=video 9 UDP/TLS/RTP/SAVPF 120 124 121 125 126 127 97 98
        c=IN IP4 0.0.0.0
        a=recvonly
        a=extmap:3 urn:ietf:params:rtp-hdrext:sdes:mid
        a=extmap:4 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time
        a=extmap:5 urn:ietf:params:rtp-hdrext:toffset
        a=extmap:7 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01
        a=fmtp:126 profile-level-id=42e01f;level-asymmetry-allowed=1;packetization-mode=1
        a=fmtp:97 profile-level-id=42e01f;level-asymmetry-allowed=1
        a=fmtp:120 max-fs=12288;max-fr=60
        a=fmtp:124 apt=120
        a=fmtp:127 apt=126
        a=fmtp:98 apt=97
        a=ice-pwd:2d8f6fe34a5e7f0ec79c6e8c1f5b7d05
        a=ice-ufrag:6f1bd3e2
        a=mid:1
        a=rtcp-fb:120 nack
        a=rtcp-fb:126 nack
        a=rtcp-fb:126 nack pli
        a=rtcp-fb:126 ccm fir
        a=rtcp-fb:126 goog-remb
        a=rtcp-fb:126 transport-cc
        a=rtcp-fb:97 nack
        a=rtcp-mux
        a=rtcp-rsize
        a=rtpmap:120 VP8/90000
        a=rtpmap:124 rtx/90000
        a=rtpmap:121 VP9/90000
        a=rtpmap:125 rtx/90000
        a=rtpmap:126 H264/90000
        a=rtpmap:127 rtx/90000
        a=rtpmap:97 H264/90000
        a=rtpmap:98 rtx/90000
        a=setup:actpass
        a=ssrc:4030195847 cname:{6f8a1f1e}
        ",
    )
}

/// OBS Studio: libdatachannel, which repairs by sending the packet itself again.
pub fn obs() -> String {
    lines(
        "
        v=0
        o=rtc 1645837471 0 IN IP4 127.0.0.1
        s=-
        t=0 0
        a=group:BUNDLE 0 1
        a=group:LS 0 1
        a=msid-semantic:WMS *
        a=setup:actpass
        a=ice-ufrag:h6cX
        a=ice-pwd:qkvdLxJ4T2i8Pbq0g5JVsn
        a=ice-options:ice2,trickle
        %
        m=audio 9 UDP/TLS/RTP/SAVPF 111
        c=IN IP4 0.0.0.0
        a=mid:0
        a=sendonly
        a=ssrc:2531903477 cname:AbCdEf
        a=ssrc:2531903477 msid:obs obs-audio
        a=msid:obs obs-audio
        a=rtcp-mux
        a=rtpmap:111 opus/48000/2
        a=fmtp:111 minptime=10;maxaveragebitrate=160000;stereo=1;sprop-stereo=1;useinbandfec=1
        m=video 9 UDP/TLS/RTP/SAVPF 96
        c=IN IP4 0.0.0.0
        a=mid:1
        a=sendonly
        a=ssrc:2531903478 cname:AbCdEf
        a=ssrc:2531903478 msid:obs obs-video
        a=msid:obs obs-video
        a=rtcp-mux
        a=rtpmap:96 H264/90000
        a=rtcp-fb:96 nack
        a=rtcp-fb:96 nack pli
        a=rtcp-fb:96 goog-remb
        a=fmtp:96 profile-level-id=42e01f;packetization-mode=1;level-asymmetry-allowed=1
        ",
    )
}

/// ffmpeg's muxer `whip`.
pub fn ffmpeg() -> String {
    lines(
        "
        v=0
        o=FFmpeg 4489045141692799359 2 IN IP4 127.0.0.1
        s=FFmpegPublishSession
        t=0 0
        a=group:BUNDLE 0 1
        a=extmap-allow-mixed
        a=msid-semantic: WMS
        m=audio 9 UDP/TLS/RTP/SAVPF 111
        c=IN IP4 0.0.0.0
        a=ice-ufrag:f3a1b2c4
        a=ice-pwd:a1b2c3d4e5f60718293a4b5c6d7e8f90
        %
        a=setup:passive
        a=mid:0
        a=sendonly
        a=msid:FFmpeg audio
        a=rtcp-mux
        a=rtpmap:111 opus/48000/2
        a=ssrc:1231 cname:FFmpeg
        a=ssrc:1231 msid:FFmpeg audio
        m=video 9 UDP/TLS/RTP/SAVPF 106 105
        c=IN IP4 0.0.0.0
        a=ice-ufrag:f3a1b2c4
        a=ice-pwd:a1b2c3d4e5f60718293a4b5c6d7e8f90
        %
        a=setup:passive
        a=mid:1
        a=sendonly
        a=msid:FFmpeg video
        a=rtcp-mux
        a=rtcp-rsize
        a=rtpmap:106 H264/90000
        a=fmtp:106 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42c01f
        a=rtcp-fb:106 nack
        a=rtpmap:105 rtx/90000
        a=fmtp:105 apt=106
        a=ssrc-group:FID 1232 1233
        a=ssrc:1232 cname:FFmpeg
        a=ssrc:1232 msid:FFmpeg video
        ",
    )
}
