//! Records in SRS's field names and order (`srs_app_statistic`).

use serde_json::{Value, json};
use srs_balance::rank;
use srs_names::{AppRecord, ClientRecord, FetchRecord, Inventory, Kbps, StreamRecord, VhostRecord};
use std::collections::HashMap;

/// SRS's ids have seven characters after `vid-`.
const ID_CHARACTERS: usize = 7;

/// A vhost's id: the same for the same name, on every node.
pub(super) fn vhost_id(name: &str) -> String {
    let mut rest = rank::hash(name);
    let digits = (0..ID_CHARACTERS).map(|_| {
        let digit = u32::try_from(rest % 36).unwrap_or(0);
        rest /= 36;
        char::from_digit(digit, 36).unwrap_or('0')
    });
    std::iter::once("vid-".to_owned()).chain(digits.map(String::from)).collect()
}

/// What the streams and clients of one vhost sum up to.
#[derive(Default)]
struct Sums {
    clients: u64,
    streams: u64,
    send_bytes: u64,
    recv_bytes: u64,
    kbps: Kbps,
}

/// All vhosts with what they carry now.
pub(super) fn vhosts(inventory: &dyn Inventory) -> Vec<Value> {
    let (streams, clients) = (inventory.streams(), inventory.clients());
    let mut sums: HashMap<&str, Sums> = HashMap::new();
    for stream in &streams {
        let sum = sums.entry(stream.key.vhost()).or_default();
        sum.streams = sum.streams.saturating_add(u64::from(stream.publish.active));
        sum.send_bytes = sum.send_bytes.saturating_add(stream.send_bytes);
        sum.recv_bytes = sum.recv_bytes.saturating_add(stream.recv_bytes);
        sum.kbps.recv_30s = sum.kbps.recv_30s.saturating_add(stream.kbps.recv_30s);
        sum.kbps.send_30s = sum.kbps.send_30s.saturating_add(stream.kbps.send_30s);
    }
    for client in &clients {
        let sum = sums.entry(client.key.vhost()).or_default();
        sum.clients = sum.clients.saturating_add(1);
    }
    let none = Sums::default();
    inventory
        .vhosts()
        .iter()
        .map(|record| vhost(record, sums.get(record.name.as_str()).unwrap_or(&none)))
        .collect()
}

fn vhost(record: &VhostRecord, sums: &Sums) -> Value {
    let hls = match record.hls {
        Some(fragment) => json!({"enabled": true, "fragment": fragment}),
        None => json!({"enabled": false}),
    };
    json!({
        "id": vhost_id(&record.name),
        "name": record.name,
        "enabled": record.enabled,
        "clients": sums.clients,
        "streams": sums.streams,
        "send_bytes": sums.send_bytes,
        "recv_bytes": sums.recv_bytes,
        "kbps": kbps(sums.kbps),
        "hls": hls,
    })
}

fn kbps(rates: Kbps) -> Value {
    json!({"recv_30s": rates.recv_30s, "send_30s": rates.send_30s})
}

pub(super) fn stream(record: &StreamRecord) -> Value {
    let video = record.video.as_ref().map(|video| {
        json!({
            "codec": video.codec,
            "profile": video.profile,
            "level": video.level,
            "width": video.width,
            "height": video.height,
        })
    });
    let audio = record.audio.as_ref().map(|audio| {
        json!({
            "codec": audio.codec,
            "sample_rate": audio.sample_rate,
            "channel": audio.channel,
            "profile": audio.profile,
        })
    });
    let shown = json!({
        "id": record.id,
        "name": record.key.stream(),
        "vhost": vhost_id(record.key.vhost()),
        "app": record.key.app(),
        "tcUrl": record.tc_url,
        "url": record.url,
        "live_ms": record.live_ms,
        "clients": record.clients,
        "frames": record.frames,
        "audio_frames": record.audio_frames,
        "video_frames": record.video_frames,
        "send_bytes": record.send_bytes,
        "recv_bytes": record.recv_bytes,
        "kbps": kbps(record.kbps),
        "publish": {"active": record.publish.active, "cid": record.publish.cid},
        "video": video,
        "audio": audio,
        "held": record.held,
        "epoch": record.epoch,
    });
    let via = Some(&record.via).filter(|via| !via.is_empty());
    with(shown, [("domain", record.domain.clone().map(Value::from)), ("via", via.map(|via| json!(via)))])
}

pub(super) fn client(record: &ClientRecord) -> Value {
    let shown = json!({
        "id": record.id,
        "vhost": vhost_id(record.key.vhost()),
        "stream": record.stream,
        "ip": record.ip,
        "pageUrl": record.page_url,
        "swfUrl": record.swf_url,
        "tcUrl": record.tc_url,
        "url": record.url,
        "name": record.name,
        "type": record.kind,
        "publish": record.publish,
        "alive": std::time::Duration::from_millis(record.alive_ms).as_secs_f64(),
        "send_bytes": record.send_bytes,
        "recv_bytes": record.recv_bytes,
        "kbps": kbps(record.kbps),
    });
    with(
        shown,
        [("via", record.via.clone().map(Value::from)), ("session", record.session.clone().map(Value::from))],
    )
}

/// A stream that is fetched. SRS has none; the words are those of the cluster's view.
pub(super) fn pull(record: &FetchRecord) -> Value {
    json!({
        "key": record.key.as_str(),
        "vhost": record.key.vhost(),
        "app": record.key.app(),
        "stream": record.key.stream(),
        "url": record.url,
        "since_ms": record.since_ms,
        "state": record.state.name(),
        "viewers": record.viewers,
        "error": record.error,
    })
}

pub(super) fn application(record: &AppRecord) -> Value {
    json!({
        "vhost": record.vhost,
        "name": record.name,
        "providers": record.providers,
        "configured": record.made_ms.is_none(),
        "made_ms": record.made_ms,
        "streams": record.streams,
    })
}

/// A record, and what SRS has no word for where there is something to say.
fn with<const N: usize>(mut record: Value, more: [(&str, Option<Value>); N]) -> Value {
    if let Some(fields) = record.as_object_mut() {
        fields.extend(more.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
    }
    record
}
