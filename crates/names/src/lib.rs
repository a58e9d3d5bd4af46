//! Words that every room shares: what a stream is called in each protocol's spelling, what nodes and
//! clients are called, the questions that a door is asked or asks ([`Inventory`], [`Admit`], [`Source`]), and the record by which our
//! nodes know each other's sessions ([`envelope`]).
//!
//! Sans-IO: no sockets, no clock. RTMP, HTTP-FLV, HLS, SRT and WebRTC must all arrive at the same
//! [`StreamKey`] for the same stream, so all of them pass through the one resolver in [`key`].
//! What a name means for placement is `balance`'s matter, what it carries is `hub`'s.

pub mod admit;
pub mod envelope;
mod error;
mod host;
mod id;
pub mod inventory;
pub mod key;
mod params;
pub mod source;
mod term;
mod text;
mod upstream;

pub use admit::{Admit, AdmitAll, Refusal, RefusalKind};
pub use envelope::{Envelope, Foreign, Mark, Purpose, Seal};
pub use error::{Flaw, NameError, Part};
pub use host::host_of;
pub use id::{ClientId, NodeId};
pub use inventory::{
    AppRecord, AudioRecord, ClientRecord, FetchRecord, FetchState, Inventory, Kbps, PublishRecord,
    StreamRecord, Totals, VhostRecord, VideoRecord,
};
pub use key::{DEFAULT_APP, DEFAULT_VHOST, Extension, StreamKey};
pub use params::Params;
pub use source::{Fetch, Missing, MissingKind, Source, Wish};
pub use term::Term;
pub use text::percent_decode;
pub use upstream::{RtmpWords, upstream_vhost, without_vhost};
