//! What a door shows of itself: its streams and clients, in the terms of SRS's HTTP API.
//!
//! The names here are ours; `control` gives them SRS's spelling (`tcUrl`, `pageUrl`, `type`) and ids.

use crate::StreamKey;

/// A room that has streams and clients to show, and that can be left. Calls answer from memory and do not block.
pub trait Inventory: Send + Sync {
    /// All streams that are live or watched here, in a stable order.
    fn streams(&self) -> Vec<StreamRecord>;

    /// All clients connected here, in a stable order.
    fn clients(&self) -> Vec<ClientRecord>;

    /// Ends the session of the client with this id; false when there is none.
    fn kick(&self, id: &str) -> bool;

    /// The virtual hosts that this node serves or has switched off, in the order of their names.
    fn vhosts(&self) -> Vec<VhostRecord>;

    /// Everything since the start, clients that are gone included. No number ever falls.
    fn totals(&self) -> Totals;

    /// Whether this node is to be left: publishers who came by themselves are refused then, everybody else is served on.
    fn drain(&self, on: bool);

    /// Whether this node is being left.
    fn draining(&self) -> bool;

    /// The streams that are fetched from elsewhere, in the order of their names.
    fn fetches(&self) -> Vec<FetchRecord> {
        Vec::new()
    }

    /// The applications whose streams are fetched by name, in the order of vhost and name.
    fn applications(&self) -> Vec<AppRecord> {
        Vec::new()
    }
}

/// How far a fetch is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FetchState {
    /// No frame has come yet.
    Opening,
    /// Frames come.
    Running,
    /// Upstream waits for the publisher.
    Held,
    /// Its server is lost; another is looked for.
    Lost,
}

impl FetchState {
    /// All there are.
    pub const ALL: [FetchState; 4] =
        [FetchState::Opening, FetchState::Running, FetchState::Held, FetchState::Lost];

    /// In one word.
    pub fn name(self) -> &'static str {
        match self {
            FetchState::Opening => "opening",
            FetchState::Running => "running",
            FetchState::Held => "held",
            FetchState::Lost => "lost",
        }
    }
}

/// One stream that is fetched, as `/api/v1/pulls` shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchRecord {
    /// The stream as this node keeps it.
    pub key: StreamKey,
    /// From where, without login and without what stands behind the `?` (they may be secrets); empty while that is not known.
    pub url: String,
    /// Since when it is fetched, in milliseconds since 1970.
    pub since_ms: u64,
    /// How far it is.
    pub state: FetchState,
    /// Viewers now.
    pub viewers: u64,
    /// What went wrong last; empty for nothing.
    pub error: String,
}

/// One application whose streams are fetched, as `/api/v1/pulls` shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppRecord {
    /// Its vhost.
    pub vhost: String,
    /// Its name.
    pub name: String,
    /// By what its streams may be fetched, as URLs have it: `rtmp`, `https`, …
    pub providers: Vec<String>,
    /// When it was made, in milliseconds since 1970; none for one that is configured.
    pub made_ms: Option<u64>,
    /// Streams that are fetched.
    pub streams: u64,
}

/// One virtual host as it is configured. What it carries is summed from the other two lists.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct VhostRecord {
    /// Its name.
    pub name: String,
    /// Does it serve anything?
    pub enabled: bool,
    /// Seconds of an HLS segment; none where HLS is off.
    pub hls: Option<f64>,
}

/// What doors have counted since they opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Clients that began to publish or play.
    pub clients: u64,
    /// Clients that were refused, or whose session failed; leaving is no failure.
    pub errors: u64,
    /// Bytes sent to clients.
    pub send_bytes: u64,
    /// Bytes received from clients.
    pub recv_bytes: u64,
}

/// Media rates in kbit/s over the last 30 seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kbps {
    /// Received.
    pub recv_30s: u64,
    /// Sent.
    pub send_30s: u64,
}

/// One stream, as `/api/v1/streams` shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamRecord {
    /// `vid-` and 7 characters; stays the same while the stream is known here.
    pub id: String,
    /// The stream.
    pub key: StreamKey,
    /// `/app/stream`.
    pub url: String,
    /// `tcUrl` of the publisher, `rtmp://vhost/app` where its protocol has none.
    pub tc_url: String,
    /// When it went live, in milliseconds since 1970.
    pub live_ms: u64,
    /// Viewers and publisher together, as SRS counts.
    pub clients: u64,
    /// Frames received, of all kinds.
    pub frames: u64,
    /// Audio frames received.
    pub audio_frames: u64,
    /// Video frames received.
    pub video_frames: u64,
    /// Bytes sent to viewers.
    pub send_bytes: u64,
    /// Bytes received from the publisher.
    pub recv_bytes: u64,
    /// Rates.
    pub kbps: Kbps,
    /// The publisher.
    pub publish: PublishRecord,
    /// Is its publisher gone, and awaited back?
    pub held: bool,
    /// Which of its owners this is: that of the claim by which it came here, else made of when it went live.
    pub epoch: u64,
    /// The directory that gave the claim by which it came here; none for one that came without.
    pub domain: Option<String>,
    /// The nodes through which its clients came, each once and in the order of their names.
    pub via: Vec<String>,
    /// None until a video codec header was understood.
    pub video: Option<VideoRecord>,
    /// None until an audio codec header was understood.
    pub audio: Option<AudioRecord>,
}

/// Who publishes a stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PublishRecord {
    /// Is a publisher connected now?
    pub active: bool,
    /// The publisher's client id; empty when there never was one here.
    pub cid: String,
}

/// A stream's picture. Texts are SRS's: `H264`, `High`, `3.1`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VideoRecord {
    /// `H264`, `HEVC`, `AV1`, …
    pub codec: String,
    /// `Baseline`, `Main`, `High`, …
    pub profile: String,
    /// `3.1`, `4`, …
    pub level: String,
    /// Pixels; 0 when unknown.
    pub width: u32,
    /// Pixels; 0 when unknown.
    pub height: u32,
}

/// A stream's sound. Texts are SRS's: `AAC`, `LC`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AudioRecord {
    /// `AAC`, `MP3`, `Opus`, …
    pub codec: String,
    /// Hz.
    pub sample_rate: u32,
    /// Number of channels.
    pub channel: u32,
    /// `LC`, `HE`, …
    pub profile: String,
}

/// One client, as `/api/v1/clients` shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientRecord {
    /// What kick takes.
    pub id: String,
    /// The stream it publishes or plays.
    pub key: StreamKey,
    /// [`StreamRecord::id`] of that stream.
    pub stream: String,
    /// Address of the client without the port; the forwarded one behind a trusted proxy.
    pub ip: String,
    /// `pageUrl` of the connect command; empty when not said.
    pub page_url: String,
    /// `swfUrl` of the connect command; empty when not said.
    pub swf_url: String,
    /// `tcUrl`, `rtmp://vhost/app` where the protocol has none.
    pub tc_url: String,
    /// `/app/stream`.
    pub url: String,
    /// The stream's last path part.
    pub name: String,
    /// SRS's `type`: `rtmp-play`, `flv-play`, `fmle-publish`, …
    pub kind: String,
    /// Does it publish?
    pub publish: bool,
    /// Milliseconds since it connected; SRS shows them as seconds with a fraction.
    pub alive_ms: u64,
    /// Bytes sent to it.
    pub send_bytes: u64,
    /// Bytes received from it.
    pub recv_bytes: u64,
    /// Rates.
    pub kbps: Kbps,
    /// The node that stands for it, by its envelope; none for a client that came by itself.
    pub via: Option<String>,
    /// What that node calls the client's session, when it says.
    pub session: Option<String>,
}
