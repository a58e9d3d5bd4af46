//! What a server session says of itself.

use srs_amf::Value;

use crate::chunk::Bodies;

/// Settings of a server session.
#[derive(Debug, Clone)]
pub struct Config {
    /// Our chunk size, announced in the answer to connect, bytes.
    pub chunk_size: u32,
    /// The window in which we ask to be acknowledged, and acknowledge ourselves until the peer says otherwise, bytes.
    pub window_ack: u32,
    /// Set Peer Bandwidth, bytes.
    pub peer_bandwidth: u32,
    /// How bodies of published messages are held.
    pub bodies: Bodies,
    /// `fmsVer` of connect's answer; encoders are known to look for `FMS/`.
    pub fms_version: String,
    /// The `data` array of connect's answer.
    pub server_info: Vec<(String, Value)>,
}

impl Default for Config {
    /// SRS's values, and bodies that may be kept.
    fn default() -> Config {
        Config {
            chunk_size: 60_000,
            window_ack: 2_500_000,
            peer_bandwidth: 2_500_000,
            bodies: Bodies::Owned,
            fms_version: "FMS/3,5,3,888".to_owned(),
            server_info: vec![
                ("version".to_owned(), Value::from("3,5,3,888")),
                ("srs_sig".to_owned(), Value::from("SRS")),
                ("srs_server".to_owned(), Value::from(concat!("srs-cluster/", env!("CARGO_PKG_VERSION")))),
                ("srs_version".to_owned(), Value::from(env!("CARGO_PKG_VERSION"))),
            ],
        }
    }
}
