//! The pages that are built in: players and publishers for the browser, with the scripts of others that they stand on.
//!
//! They need nothing from any other site, and their policy forbids them to ask for it but for media and signalling. Their
//! scripts are written in TypeScript (`ts/`); `scripts/pages` makes the JavaScript of it, which is committed, so that a
//! build needs Rust alone.

/// One file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// `Content-Type`.
    pub kind: &'static str,
    /// The file.
    pub bytes: &'static [u8],
}

/// `Content-Security-Policy` of every page: scripts and styles from here alone, media, playlists and WebRTC's signalling from
/// anywhere. hls.js starts its worker from a blob, and players hand media to the browser by one. Camera, microphone and
/// screen need no word of it: browsers keep them for a site's own pages unless told otherwise.
pub const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src *; \
     media-src * blob:; worker-src blob:; base-uri 'none'; form-action 'none'; frame-ancestors *";

const HTML: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";

macro_rules! pages {
    ($($path:literal => $kind:expr, $file:literal;)*) => {
        /// Every path there is, with its file.
        const PAGES: &[(&str, Page)] = &[$(($path, Page { kind: $kind, bytes: include_bytes!($file) })),*];
    };
}

pages! {
    "/players/" => HTML, "../files/index.html";
    "/players/index.html" => HTML, "../files/index.html";
    "/players/srs_player.html" => HTML, "../files/index.html";
    "/players/flv.html" => HTML, "../files/flv.html";
    "/players/hls.html" => HTML, "../files/hls.html";
    "/players/whep.html" => HTML, "../files/whep.html";
    "/players/rtc_player.html" => HTML, "../files/whep.html";
    "/players/whip.html" => HTML, "../files/whip.html";
    "/players/rtc_publisher.html" => HTML, "../files/whip.html";
    "/players/measure.js" => SCRIPT, "../files/measure.js";
    "/players/meter.js" => SCRIPT, "../files/meter.js";
    "/players/page.js" => SCRIPT, "../files/page.js";
    "/players/picture.js" => SCRIPT, "../files/picture.js";
    "/players/player.js" => SCRIPT, "../files/player.js";
    "/players/rtc.js" => SCRIPT, "../files/rtc.js";
    "/players/whep.js" => SCRIPT, "../files/whep.js";
    "/players/whip.js" => SCRIPT, "../files/whip.js";
    "/players/player.css" => STYLE, "../files/player.css";
    "/players/hls.min.js" => SCRIPT, "../vendor/hls.min.js";
    "/players/mpegts.js" => SCRIPT, "../vendor/mpegts.js";
}

/// The file at this path of a request, `/players/hls.html` for instance. None for everything else.
pub fn find(path: &str) -> Option<Page> {
    PAGES.iter().find(|(known, _)| *known == path).map(|(_, page)| *page)
}

#[cfg(test)]
mod tests;
