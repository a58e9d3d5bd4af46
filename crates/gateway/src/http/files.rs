//! Files that are served as they lie. Those that streams are made of are for whom the streams are for, however they are
//! spelled: the folder that is served is mostly the one in which segments are kept.

use std::path::{Path, absolute};

use http::Request;
use srs_names::{Params, StreamKey};
use srs_net::http::{Answer, is_plain, with_range};

use super::{Who, refusal};
use crate::{Gateway, Refused};

/// What lists and what they name end with.
const OF_STREAMS: [&str; 9] = ["m3u8", "ts", "key", "m4s", "mp4", "m4v", "m4a", "aac", "vtt"];

impl Gateway {
    /// The file that a request names, if this node serves files.
    pub(super) async fn file(&self, request: &Request<()>, who: Who<'_>) -> Option<Answer> {
        // What is the API's is not to be hidden by a file.
        let may = is_plain(request) && !request.uri().path().starts_with("/api/");
        let folder = self.files.as_ref().filter(|_| may)?;
        let place = folder.place(request.uri().path())?;
        if let Err(refused) = self.may_see(request, &place, who) {
            return Some(refusal(&refused, who.0));
        }
        Some(with_range(request, folder.answer(request).await?))
    }

    /// Whether a file of a stream may be seen by who may not have been asked for as that stream: each vhost that keeps its
    /// segments there must let him.
    fn may_see(&self, request: &Request<()>, place: &Path, (peer, sent): Who<'_>) -> Result<(), Refused> {
        let extension = place.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        if !OF_STREAMS.contains(&extension.to_ascii_lowercase().as_str()) {
            return Ok(());
        }
        for vhost in self.vhosts.iter().filter(|vhost| vhost.enabled) {
            let path = vhost.hls.as_ref().and_then(|hls| absolute(hls.path.as_ref()?).ok());
            let Some(under) = path.and_then(|path| Some(place.strip_prefix(path).ok()?.to_owned())) else {
                continue;
            };
            let name = under.with_extension("");
            let app = name.parent().and_then(Path::to_str).filter(|app| !app.is_empty()).unwrap_or("live");
            let stream = name.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let key = StreamKey::new(&vhost.name, app, stream)?;
            let params = Params::parse(request.uri().query().unwrap_or_default())?;
            self.may_play((&key, vhost), &params, sent, peer)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
