//! Lists as a player reads them, and where their addresses lead. The servers' reader of lists is not used here.

/// A list.
#[derive(Debug, PartialEq, Eq)]
pub enum List {
    /// A master list: the address of its first variant.
    Master(String),
    /// A list of segments.
    Media(Media),
}

/// A list of segments.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Media {
    /// Seconds that no segment is longer than, rounded.
    pub target_s: u64,
    /// The number of the first segment.
    pub sequence: u64,
    /// The segments in their order.
    pub segments: Vec<Segment>,
}

/// A segment as the list names it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Segment {
    /// Its address as written.
    pub uri: String,
    /// How long it plays.
    pub duration_ms: u64,
    /// It does not continue the one before.
    pub breaks: bool,
}

impl List {
    /// Reads a list; the error says what a player cannot do without.
    pub fn read(text: &str) -> Result<Self, &'static str> {
        let mut lines = text.lines();
        if lines.next() != Some("#EXTM3U") {
            return Err("list without #EXTM3U");
        }
        let (mut media, mut target) = (Media::default(), None);
        let (mut next, mut variant) = (Segment::default(), false);
        for line in lines {
            if let Some(value) = line.strip_prefix("#EXT-X-TARGETDURATION:") {
                target = value.parse().ok();
            } else if let Some(value) = line.strip_prefix("#EXT-X-MEDIA-SEQUENCE:") {
                media.sequence = value.parse().map_err(|_| "list with a bad media sequence")?;
            } else if let Some(value) = line.strip_prefix("#EXTINF:") {
                let seconds = value.split(',').next().and_then(|text| text.parse::<f64>().ok());
                next.duration_ms = (seconds.ok_or("list with a bad duration")? * 1e3).round() as u64;
            } else if line == "#EXT-X-DISCONTINUITY" {
                next.breaks = true;
            } else if line.starts_with("#EXT-X-STREAM-INF") {
                variant = true;
            } else if line.is_empty() || line.starts_with('#') {
            } else if variant {
                return Ok(Self::Master(line.to_owned()));
            } else {
                next.uri = line.to_owned();
                media.segments.push(std::mem::take(&mut next));
            }
        }
        media.target_s = target.ok_or("list without a target duration")?;
        Ok(Self::Media(media))
    }
}

impl Media {
    /// Whether no segment is longer than the target duration, by the rule of RFC 8216, 4.3.3.1.
    pub fn keeps_target(&self) -> bool {
        self.segments.iter().all(|segment| (segment.duration_ms + 500) / 1000 <= self.target_s)
    }

    /// The number behind the last segment.
    pub fn end(&self) -> u64 {
        self.sequence + self.segments.len() as u64
    }
}

/// The path that `uri` means in the list at `base`: of the same server always.
pub fn resolve(base: &str, uri: &str) -> String {
    if let Some((_, rest)) = uri.split_once("://") {
        return rest.find('/').map_or_else(|| "/".to_owned(), |at| rest[at..].to_owned());
    }
    if uri.starts_with('/') {
        return uri.to_owned();
    }
    let path = base.split('?').next().unwrap_or_default();
    let folder = path.rfind('/').map_or("/", |at| &path[..=at]);
    format!("{folder}{}", uri.strip_prefix("./").unwrap_or(uri))
}

#[cfg(test)]
mod tests;
