//! HTTP/1 for live media, and the hand-over of everything else to hyper.
//!
//! A live body is written by the shard's own writer, so only its head is read here, under strict rules. What is not a
//! plain `GET` of live media goes to hyper with the bytes read so far.

mod body;
mod conn;
pub mod elsewhere;
mod folder;
mod gzip;
mod head;
mod range;
mod rest;
mod signalling;
mod stored;

pub use body::{Body, BodyError, chunk_header};
pub use conn::{Answer, Conn, Content, Next, Sent, is_plain};
pub use elsewhere::Elsewhere;
pub use folder::Folder;
pub use gzip::{gzip, takes_gzip};
pub use head::{HeadError, Received, Response, read_request, read_response, write_head};
pub use range::with_range;
pub use rest::{Rewind, serve_rest};
pub use signalling::{Answering, MOST_BYTES as MOST_SIGNALLING, Signalling};
pub use stored::Stored;
