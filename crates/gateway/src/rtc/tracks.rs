//! What a player was agreed on, and what it could have.

use srs_rtc::Codec;

/// The codecs that a player's session was made for, and those for which it would have been.
#[derive(Debug, Clone, Default)]
pub(super) struct Tracks {
    /// What it gets.
    pub(super) agreed: Vec<Codec>,
    /// What it offered on tracks that the stream did not have then.
    pub(super) could: Vec<Codec>,
    /// What its session was told of, and did not end for.
    idle: Vec<Codec>,
}

/// What a packet is to a player.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fit {
    /// It gets it.
    Agreed,
    /// Its pictures or its sound, which this codec was agreed on for, are of another one.
    Changed(Codec),
    /// The stream has a track by now that it did not have, and of a codec that the player offered.
    More,
    /// Nothing: it wants no such track, or knows no such codec.
    Nothing,
}

impl Tracks {
    /// These codecs were agreed on, and those could have been.
    pub(super) fn new(agreed: Vec<Codec>, could: Vec<Codec>) -> Tracks {
        Tracks { agreed, could, idle: Vec::new() }
    }

    /// Whether it knows this codec, had or not.
    pub(super) fn knows(&self, codec: Codec) -> bool {
        self.agreed.contains(&codec) || self.could.contains(&codec)
    }

    /// What packets of this codec are to it.
    pub(super) fn fit(&self, codec: Codec) -> Fit {
        if self.agreed.contains(&codec) {
            Fit::Agreed
        } else if self.idle.contains(&codec) {
            Fit::Nothing
        } else if let Some(agreed) = self.agreed.iter().find(|agreed| agreed.track() == codec.track()) {
            Fit::Changed(*agreed)
        } else if self.could.contains(&codec) {
            Fit::More
        } else {
            Fit::Nothing
        }
    }

    /// Packets of this codec are nothing from now on.
    pub(super) fn ignore(&mut self, codec: Codec) {
        self.idle.push(codec);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_codec_that_another_one_takes_the_place_of_is_a_change() {
        let mut tracks = Tracks::new(vec![Codec::H264, Codec::Opus], Vec::new());
        let fits = [Codec::H264, Codec::Opus, Codec::Vp8].map(|codec| tracks.fit(codec));
        assert_eq!(fits, [Fit::Agreed, Fit::Agreed, Fit::Changed(Codec::H264)]);
        tracks.ignore(Codec::Vp8);
        let fits = [Codec::H264, Codec::Vp8, Codec::Vp9].map(|codec| tracks.fit(codec));
        assert_eq!(fits, [Fit::Agreed, Fit::Nothing, Fit::Changed(Codec::H264)]);
    }

    #[test]
    fn a_track_that_begins_later_is_more_for_who_offered_it_in_its_codec() {
        let mut tracks = Tracks::new(vec![Codec::Opus], vec![Codec::H264, Codec::Vp8]);
        let fits = [Codec::H264, Codec::Vp8, Codec::Av1].map(|codec| tracks.fit(codec));
        assert_eq!(fits, [Fit::More, Fit::More, Fit::Nothing]);
        assert!(tracks.knows(Codec::Opus) && tracks.knows(Codec::H264) && !tracks.knows(Codec::Av1));
        tracks.ignore(Codec::H264);
        assert_eq!([Codec::H264, Codec::Vp8].map(|codec| tracks.fit(codec)), [Fit::Nothing, Fit::More]);
    }

    #[test]
    fn who_wants_one_track_alone_is_left_alone() {
        let tracks = Tracks::new(vec![Codec::H264], Vec::new());
        assert_eq!(tracks.fit(Codec::Opus), Fit::Nothing);
    }
}
