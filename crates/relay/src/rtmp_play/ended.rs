//! How a viewer's session over RTMP ends.

use srs_net::rtmp::Error;

use crate::origins::Unserved;

/// Why a viewer's session ended, for the log.
#[derive(Debug, thiserror::Error)]
pub(super) enum Ended {
    #[error("the player left")]
    Player,
    #[error("the player: {0}")]
    Client(Error),
    #[error("the origin: {0}")]
    Origin(Error),
    #[error("the origin fell silent")]
    Silent,
    #[error("the stream ended")]
    Over,
    #[error("the origin ended it: {code} {description}")]
    Told { code: String, description: String },
    #[error("took nothing for 10 s")]
    Stalled,
    /// The stream that this leg waits for is live at another origin, or has a newer owner there.
    #[error("the stream is elsewhere")]
    Elsewhere,
    #[error("the edge drains")]
    Drains,
    #[error("the origin is lost, and the stream did not come back in time")]
    Lost,
    #[error("the origin is lost: {0}")]
    Unserved(Unserved),
}
