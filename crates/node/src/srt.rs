//! SRT of a node: its ports, and its settings in the words of the rooms.

use std::sync::Arc;

use srs_gateway::Gateway;
use srs_net::shards::Handle;
use srs_net::srt::{self, Port};
use srs_net::tcp::Slots;
use srs_peer::srt::{KeyLength, Passphrase, Settings};
use srs_srt::Cookies;

use crate::config::Config;
use crate::node::Error;

/// Opens the ports that are to serve SRT.
pub(crate) fn open(config: &Config, shards: usize) -> Result<Vec<Port>, Error> {
    let listen = if config.srt.enabled { config.srt.listen.as_slice() } else { &[] };
    let open = |listen: &srs_boot::Listen| {
        Port::bind(&listen.addresses(), shards).map_err(|source| Error::Bind {
            name: "srt",
            address: *listen,
            source,
        })
    };
    listen.iter().map(open).collect()
}

/// How it is served.
pub(crate) fn settings(config: &Config) -> srs_gateway::Srt {
    let srt = &config.srt;
    let peer = Settings {
        receive_latency: srt.receive_latency,
        peer_latency: srt.peer_latency,
        tsbpd: srt.tsbpd,
        too_late_drop: srt.too_late_drop,
        mss: srt.mss.into(),
        send_buffer: srt.send_buffer,
        receive_buffer: srt.receive_buffer,
        connect_timeout: srt.connect_timeout,
        idle_timeout: srt.idle_timeout,
        // Both were checked when the file was read.
        passphrase: srt.passphrase.as_ref().and_then(|secret| Passphrase::new(secret.expose()).ok()),
        key_length: KeyLength::new(srt.key_length.into()).unwrap_or_default(),
        ..Settings::default()
    };
    srs_gateway::Srt { peer, defaults: srt.defaults.clone(), most_bandwidth: srt.most_bandwidth }
}

/// Serves callers at the ports.
pub(crate) fn serve(
    config: &Config,
    handle: &Handle,
    ports: Vec<Port>,
    gateway: &Arc<Gateway>,
    slots: &Slots,
) {
    let cookies = cookies(config);
    for port in ports {
        let gateway = Arc::clone(gateway);
        srt::serve(handle, port, cookies.clone(), slots.clone(), move |knock| {
            Arc::clone(&gateway).serve_srt(knock)
        });
    }
}

/// By the cluster's secret, or by chance where there is none.
fn cookies(config: &Config) -> Cookies {
    match &config.cluster_secret {
        Some(secret) => Cookies::of_secret(secret.expose().as_bytes()),
        None => Cookies::new(&rand::random::<[u8; 32]>()),
    }
}
