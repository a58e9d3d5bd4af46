//! Streams that are published, and what players of HLS get of them, over real connections.

mod fetched;

use std::path::Path;

use bytes::Bytes;
use srs_hub::{Finish, Publisher};
use srs_names::{Inventory as _, Term};
use srs_ts::check::Checker;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::LocalSet;
use tokio::time::advance;

use super::*;
use crate::testkit::{gateway, key, pair};
use crate::{Gateway, Vhost};

const AVCC: &[u8] = b"\x17\0\0\0\0\x01\x64\x00\x1f\xff\xe1\x00\x1a\x67\x64\x00\x1f\xac\xd9\x40\x50\x05\xbb\x01\x10\x00\x00\x03\x00\x10\x00\x00\
\x03\x03\x20\xf1\x83\x19\x60\x01\x00\x06\x68\xeb\xe3\xcb\x22\xc0";

/// Two seconds a segment, three of them in the list, and no marks.
fn settings() -> Settings {
    let cut = srs_hls::Settings {
        fragment: Duration::from_secs(2),
        window: Duration::from_secs(6),
        ..srs_hls::Settings::default()
    };
    Settings { cut, ctx: false, ts_ctx: false, ..Settings::default() }
}

fn serving(settings: Settings) -> Arc<Gateway> {
    gateway(Vhost { hls: Some(Arc::new(settings)), ..Vhost::default() })
}

/// A stream that is published in the time of the test.
struct Stream {
    publisher: Publisher,
    time: i64,
}

impl Stream {
    fn publish(gateway: &Arc<Gateway>, name: &str) -> Stream {
        Stream::publish_by(gateway, name, None)
    }

    /// By a claim of that epoch.
    fn publish_by(gateway: &Arc<Gateway>, name: &str, epoch: Option<u64>) -> Stream {
        let term = epoch.map(|epoch| Term { domain: "d".to_owned(), epoch, resumed: false });
        let settings = srs_hub::Settings { hold: true, term, ..srs_hub::Settings::default() };
        let publisher = gateway.hub.publish(&key(name), settings).unwrap();
        let hls = gateway.vhosts[0].hls.clone().unwrap();
        gateway.hls.begin(&gateway.hub, &key(name), &hls);
        let stream = Stream { publisher, time: 0 };
        stream.push(9, AVCC);
        stream.push(8, b"\xaf\x00\x12\x10");
        stream
    }

    fn push(&self, kind: u8, body: &[u8]) {
        self.publisher.push(srs_flv::demux(kind, self.time, Bytes::copy_from_slice(body)).unwrap()).unwrap();
    }

    /// Seconds of picture and sound, a key frame at each.
    async fn run(&mut self, seconds: i64) {
        for tick in 0..seconds * 10 {
            let key = tick % 10 == 0;
            let head: &[u8] = if key { &[0x17, 1, 0, 0, 0] } else { &[0x27, 1, 0, 0, 0] };
            let nal: &[u8] = if key { &[0, 0, 0, 3, 0x65, 1, 2] } else { &[0, 0, 0, 3, 0x41, 1, 2] };
            self.push(9, &[head, nal].concat());
            self.push(8, &[&[0xaf, 1][..], &[7; 50]].concat());
            self.time += 100;
            advance(Duration::from_millis(100)).await;
        }
    }
}

struct Got {
    status: u16,
    head: String,
    body: Bytes,
}

impl Got {
    fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// The addresses in a list.
    fn addresses(&self) -> Vec<&str> {
        self.text().lines().filter(|line| !line.starts_with('#')).collect()
    }

    fn number_of(&self, tag: &str) -> u64 {
        let line = self.text().lines().find_map(|line| line.strip_prefix(tag)).unwrap();
        line.parse().unwrap()
    }
}

/// One connection, on which requests follow each other.
struct Client(TcpStream);

impl Client {
    async fn of(gateway: &Arc<Gateway>) -> Client {
        let (ours, theirs) = pair().await;
        let peer = ours.peer_addr().unwrap();
        tokio::task::spawn_local(Arc::clone(gateway).serve_http(ours, peer, axum::Router::new));
        Client(theirs)
    }

    async fn get(&mut self, path: &str) -> Got {
        self.ask(&format!("GET {path} HTTP/1.1\r\nHost: h\r\n\r\n")).await
    }

    async fn ask(&mut self, request: &str) -> Got {
        self.0.write_all(request.as_bytes()).await.unwrap();
        let mut bytes = Vec::new();
        let end = loop {
            if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
                break at + 4;
            }
            assert!(self.0.read_buf(&mut bytes).await.unwrap() > 0, "the head broke off");
        };
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let field = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let length: usize = field.map_or(0, |length| length.parse().unwrap());
        while bytes.len() < end + length {
            assert!(self.0.read_buf(&mut bytes).await.unwrap() > 0, "the body broke off");
        }
        let status = head[9..12].parse().unwrap();
        Got { status, head, body: Bytes::from(bytes).slice(end..end + length) }
    }
}

async fn local(test: impl Future<Output = ()>) {
    LocalSet::new().run_until(test).await;
}

#[tokio::test(start_paused = true)]
async fn segments_add_up_to_the_stream_and_are_whole_transport_streams() {
    local(async {
        let gateway = serving(settings());
        let mut stream = Stream::publish(&gateway, "s");
        stream.run(7).await;
        let mut client = Client::of(&gateway).await;
        let list = client.get("/live/s.m3u8").await;
        assert_eq!(list.status, 200);
        assert_eq!(list.addresses().len(), 3);
        assert_eq!(list.text().matches("#EXTINF:2.000,").count(), 3);
        let mut checker = Checker::new();
        for address in list.addresses() {
            let segment = client.get(&format!("/live/{address}")).await;
            assert_eq!(segment.status, 200);
            assert!(segment.head.contains("content-type: video/MP2T"), "{}", segment.head);
            checker.packets(&segment.body).unwrap();
        }
        assert_eq!(checker.continuity_errors(), 0);
        assert_eq!(checker.streams().count(), 2);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_list_slides_and_what_left_it_can_still_be_asked_for() {
    local(async {
        let gateway = serving(settings());
        let mut stream = Stream::publish(&gateway, "s");
        stream.run(7).await;
        let mut client = Client::of(&gateway).await;
        let first = client.get("/live/s.m3u8").await;
        stream.run(4).await;
        let later = client.get("/live/s.m3u8").await;
        let sequence = |list: &Got| list.number_of("#EXT-X-MEDIA-SEQUENCE:");
        assert_eq!(sequence(&later), sequence(&first) + 2);
        assert_eq!(client.get(&format!("/live/{}", first.addresses()[0])).await.status, 200);
        stream.run(20).await;
        advance(Duration::from_secs(1)).await;
        stream.run(2).await;
        assert_ne!(client.get(&format!("/live/{}", first.addresses()[0])).await.status, 200);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_request_before_the_first_segment_is_held_until_it_is_there() {
    local(async {
        let gateway = serving(settings());
        let mut stream = Stream::publish(&gateway, "s");
        let mut client = Client::of(&gateway).await;
        let early = tokio::task::spawn_local(async move { client.get("/live/s.m3u8").await.status });
        stream.run(3).await;
        assert_eq!(early.await.unwrap(), 200);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_nobody_publishes_is_not_found_after_three_seconds() {
    local(async {
        let gateway = serving(settings());
        let mut client = Client::of(&gateway).await;
        let began = tokio::time::Instant::now();
        assert_eq!(client.get("/live/none.m3u8").await.status, 404);
        let waited = began.elapsed();
        assert!(waited >= Duration::from_secs(3) && waited < Duration::from_secs(4), "{waited:?}");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn each_player_has_a_mark_is_listed_by_it_and_can_be_kicked() {
    local(async {
        let gateway = serving(Settings { ctx: true, ts_ctx: true, ..settings() });
        let mut stream = Stream::publish(&gateway, "s");
        stream.run(5).await;
        let mut client = Client::of(&gateway).await;
        let master = client.get("/live/s.m3u8?token=a").await;
        assert!(master.text().contains("#EXT-X-STREAM-INF:BANDWIDTH=1,AVERAGE-BANDWIDTH=1\n"));
        let address = master.addresses()[0].to_owned();
        assert!(address.starts_with("s.m3u8?hls_ctx=") && address.ends_with("&token=a"), "{address}");
        let list = client.get(&format!("/live/{address}")).await;
        assert!(list.addresses().iter().all(|segment| segment.contains(".ts?hls_ctx=")));
        assert_eq!(client.get(&format!("/live/{}", list.addresses()[0])).await.status, 200);
        let players = || {
            let clients = gateway.clients().into_iter();
            clients.filter(|client| client.kind == "hls-play").collect::<Vec<_>>()
        };
        assert_eq!(players().len(), 1);
        assert!(players()[0].send_bytes > 0);
        assert!(gateway.kick(&players()[0].id));
        assert_eq!(client.get(&format!("/live/{address}")).await.status, 404);
        assert_eq!(client.get(&format!("/live/{}", list.addresses()[0])).await.status, 404);
        assert_eq!(players().len(), 0);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_mark_from_another_server_is_taken_in() {
    local(async {
        let gateway = serving(Settings { ctx: true, ..settings() });
        let mut stream = Stream::publish(&gateway, "s");
        stream.run(5).await;
        let mut client = Client::of(&gateway).await;
        let list = client.get("/live/s.m3u8?hls_ctx=abcd1234").await;
        assert!(list.text().contains("#EXTINF"), "{}", list.text());
        assert_eq!(gateway.clients().iter().filter(|client| client.kind == "hls-play").count(), 1);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_player_that_stays_away_is_taken_off_the_list() {
    local(async {
        let gateway = serving(Settings { ctx: true, ..settings() });
        let mut stream = Stream::publish(&gateway, "s");
        stream.run(5).await;
        let mut client = Client::of(&gateway).await;
        client.get("/live/s.m3u8").await;
        assert_eq!(gateway.clients().len(), 1);
        advance(Duration::from_secs(13)).await;
        gateway.hls.sweep();
        assert_eq!(gateway.clients().len(), 0);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_part_of_a_segment_is_sent_as_a_part() {
    local(async {
        let gateway = serving(settings());
        let mut stream = Stream::publish(&gateway, "s");
        stream.run(3).await;
        let mut client = Client::of(&gateway).await;
        let list = client.get("/live/s.m3u8").await;
        let path = format!("/live/{}", list.addresses()[0]);
        let whole = client.get(&path).await;
        let part =
            client.ask(&format!("GET {path} HTTP/1.1\r\nHost: h\r\nRange: bytes=188-375\r\n\r\n")).await;
        assert_eq!((part.status, &part.body[..]), (206, &whole.body[188..376]));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_list_is_packed_for_those_who_take_it() {
    local(async {
        let gateway = serving(settings());
        let mut stream = Stream::publish(&gateway, "s");
        stream.run(9).await;
        let mut client = Client::of(&gateway).await;
        let plain = client.get("/live/s.m3u8").await;
        let packed =
            client.ask("GET /live/s.m3u8 HTTP/1.1\r\nHost: h\r\nAccept-Encoding: br, gzip\r\n\r\n").await;
        assert!(packed.head.contains("content-encoding: gzip"), "{}", packed.head);
        let mut text = String::new();
        std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(&packed.body[..]), &mut text)
            .unwrap();
        assert_eq!(text, plain.text());
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_ends_says_so_in_its_list_and_is_disposed_of() {
    local(async {
        let gateway = serving(Settings { dispose: Duration::from_secs(30), ..settings() });
        let mut stream = Stream::publish(&gateway, "s");
        stream.run(5).await;
        let mut client = Client::of(&gateway).await;
        stream.publisher.finish(Finish::Clean);
        let list = client.get("/live/s.m3u8").await;
        assert!(list.text().ends_with("#EXT-X-ENDLIST\n"), "{}", list.text());
        tokio::time::sleep(Duration::from_secs(31)).await;
        assert_eq!(client.get("/live/s.m3u8").await.status, 404);
        assert_eq!(gateway.hub.streams().len(), 0);
        assert_eq!(gateway.hls.lock().len(), 0);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_return_within_the_hold_goes_on_in_the_same_list() {
    local(async {
        let gateway = serving(settings());
        let mut stream = Stream::publish(&gateway, "s");
        stream.run(5).await;
        let mut client = Client::of(&gateway).await;
        let before = client.get("/live/s.m3u8").await;
        stream.publisher.finish(Finish::Dropped);
        let mut stream = Stream::publish(&gateway, "s");
        stream.run(5).await;
        let after = client.get("/live/s.m3u8").await;
        assert!(after.text().contains("#EXT-X-DISCONTINUITY\n"), "{}", after.text());
        let numbers: Vec<u64> = after
            .addresses()
            .iter()
            .map(|name| name.trim_start_matches("s-").trim_end_matches(".ts").parse().unwrap())
            .collect();
        let first = before.number_of("#EXT-X-MEDIA-SEQUENCE:");
        assert!(numbers.iter().zip(&numbers[1..]).all(|(one, next)| next - one == 1), "{numbers:?}");
        assert!(numbers[0] <= first + 2, "{numbers:?}");
    })
    .await;
}

/// An epoch of that many milliseconds after one in 2026.
fn epoch(ms: u64) -> u64 {
    (1_795_000_000_000 + ms) << 16 | 3
}

/// The numbers of a list, and the discontinuity sequence of each.
fn numbers(list: &Got) -> Vec<(u64, u64)> {
    let mut number = list.number_of("#EXT-X-MEDIA-SEQUENCE:");
    let mut breaks = list.number_of("#EXT-X-DISCONTINUITY-SEQUENCE:");
    let mut found = Vec::new();
    for line in list.text().lines() {
        if line == "#EXT-X-DISCONTINUITY" {
            breaks += 1;
        } else if !line.starts_with('#') {
            found.push((number, breaks));
            number += 1;
        }
    }
    found
}

/// The number of discontinuities with which an epoch begins that has this first segment.
fn small(first: u64) -> u64 {
    first % (1 << 18)
}

#[tokio::test(start_paused = true)]
async fn numbers_are_those_of_the_claim_by_which_the_stream_came() {
    local(async {
        let gateway = serving(settings());
        let mut stream = Stream::publish_by(&gateway, "s", Some(epoch(0)));
        stream.run(5).await;
        let list = Client::of(&gateway).await.get("/live/s.m3u8").await;
        let first = srs_hls::first_sequence(1_795_000_000_000);
        assert_eq!(numbers(&list), [(first, small(first)), (first + 1, small(first))]);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn after_a_move_to_another_origin_numbers_and_discontinuities_are_above_those_before() {
    local(async {
        let (one, other) = (serving(settings()), serving(settings()));
        let mut stream = Stream::publish_by(&one, "s", Some(epoch(0)));
        stream.run(5).await;
        // A take-over by the same claim, and one by none, break too.
        stream = Stream::publish_by(&one, "s", Some(epoch(0)));
        stream.run(5).await;
        let before = numbers(&Client::of(&one).await.get("/live/s.m3u8").await);
        let mut stream = Stream::publish_by(&other, "s", Some(epoch(10_000)));
        stream.run(5).await;
        let after = numbers(&Client::of(&other).await.get("/live/s.m3u8").await);
        let most = |told: &[(u64, u64)]| (told.last().unwrap().0, told.last().unwrap().1);
        let (number, breaks) = most(&before);
        assert!(after.iter().all(|told| told.0 > number && told.1 > breaks), "{before:?} {after:?}");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_return_by_another_claim_is_a_break_even_within_the_hold() {
    local(async {
        let gateway = serving(settings());
        let mut stream = Stream::publish_by(&gateway, "s", Some(epoch(0)));
        stream.run(5).await;
        let mut client = Client::of(&gateway).await;
        stream.publisher.finish(Finish::Dropped);
        let mut stream = Stream::publish_by(&gateway, "s", Some(epoch(60_000)));
        stream.run(1).await;
        let held = client.get("/live/s.m3u8").await;
        let first = srs_hls::first_sequence(1_795_000_000_000);
        // What was open is closed under a number of its own epoch, and players keep their list until there is another.
        assert_eq!(
            numbers(&held).iter().map(|told| told.0).collect::<Vec<_>>(),
            [first, first + 1, first + 2]
        );
        stream.run(4).await;
        let after = client.get("/live/s.m3u8").await;
        assert!(after.text().contains("#EXT-X-DISCONTINUITY\n"), "{}", after.text());
        let next = srs_hls::first_sequence(1_795_000_060_000);
        assert_eq!(numbers(&after)[0], (next, small(next)));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_return_by_the_same_claim_goes_on_by_one() {
    local(async {
        let gateway = serving(settings());
        let mut stream = Stream::publish_by(&gateway, "s", Some(epoch(0)));
        stream.run(5).await;
        stream.publisher.finish(Finish::Dropped);
        let mut stream = Stream::publish_by(&gateway, "s", Some(epoch(0)));
        stream.run(5).await;
        let list = numbers(&Client::of(&gateway).await.get("/live/s.m3u8").await);
        assert!(list.windows(2).all(|pair| pair[1].0 == pair[0].0 + 1), "{list:?}");
        assert!(list.last().unwrap().0 < srs_hls::first_sequence(1_795_000_000_000) + 10, "{list:?}");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn another_publish_after_the_end_begins_another_list_with_higher_numbers() {
    local(async {
        let gateway = serving(settings());
        let mut stream = Stream::publish(&gateway, "s");
        stream.run(5).await;
        let mut client = Client::of(&gateway).await;
        let before = client.get("/live/s.m3u8").await;
        stream.publisher.finish(Finish::Clean);
        let mut stream = Stream::publish(&gateway, "s");
        stream.run(3).await;
        let after = client.get("/live/s.m3u8").await;
        assert_eq!(after.addresses().len(), 1, "{}", after.text());
        assert!(!after.text().contains("ENDLIST"));
        let first = before.number_of("#EXT-X-MEDIA-SEQUENCE:");
        assert!(after.number_of("#EXT-X-MEDIA-SEQUENCE:") >= first + before.addresses().len() as u64);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn encrypted_segments_can_be_read_with_the_key_of_the_list() {
    local(async {
        let cut = srs_hls::Settings { fragments_per_key: 1, ..settings().cut };
        let gateway = serving(Settings { keys: Some(Keys::default()), cut, ..settings() });
        let mut stream = Stream::publish(&gateway, "s");
        stream.run(5).await;
        let mut client = Client::of(&gateway).await;
        let list = client.get("/live/s.m3u8").await;
        let line = list.text().lines().find(|line| line.starts_with("#EXT-X-KEY")).unwrap();
        let address = line.split("URI=\"").nth(1).unwrap().split('"').next().unwrap();
        let iv = u128::from_str_radix(line.split("IV=0x").nth(1).unwrap(), 16).unwrap().to_be_bytes();
        let secret = client.get(&format!("/live/{address}")).await;
        let segment = client.get(&format!("/live/{}", list.addresses()[0])).await;
        assert_eq!(secret.body.len(), 16);
        assert!(secret.head.contains("private, no-store"), "{}", secret.head);
        let plain = decrypt(&segment.body, secret.body[..].try_into().unwrap(), iv);
        Checker::new().packets(&plain).unwrap();
    })
    .await;
}

/// Takes AES-128-CBC apart with nothing but the encryption of whole texts: what is encrypted again must be the same.
fn decrypt(sealed: &[u8], key: [u8; 16], iv: [u8; 16]) -> Vec<u8> {
    use aes::cipher::{BlockDecryptMut as _, KeyIvInit as _, block_padding::Pkcs7};
    let cipher = cbc::Decryptor::<aes::Aes128>::new(&key.into(), &iv.into());
    cipher.decrypt_padded_vec_mut::<Pkcs7>(sealed).unwrap()
}

/// A folder that goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("srs-gateway-hls-{}-{name}", std::process::id()));
        let _left_over = std::fs::remove_dir_all(&path);
        Folder(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _best_effort = std::fs::remove_dir_all(&self.0);
    }
}

/// Waits until the disk's thread has come so far.
async fn until(what: &str, is_so: impl Fn() -> bool) {
    for _ in 0..2000 {
        if is_so() {
            return;
        }
        std::thread::sleep(Duration::from_millis(5));
        tokio::task::yield_now().await;
    }
    panic!("never: {what}");
}

#[tokio::test(start_paused = true)]
async fn segments_and_the_list_are_on_disk_where_a_path_is_given_and_go_again() {
    local(async {
        let folder = Folder::new("disk");
        let root = folder.0.clone();
        let dispose = Duration::from_secs(30);
        let gateway = serving(Settings { path: Some(root.clone()), dispose, ..settings() });
        let mut stream = Stream::publish(&gateway, "s");
        stream.run(5).await;
        let mut client = Client::of(&gateway).await;
        let on_disk = || std::fs::read_to_string(root.join("live/s.m3u8")).unwrap_or_default();
        until("the list is written", || on_disk().matches("#EXTINF").count() == 2).await;
        let list = client.get("/live/s.m3u8").await;
        assert_eq!(on_disk(), list.text());
        for address in list.addresses() {
            let file = std::fs::read(root.join("live").join(address)).unwrap();
            assert_eq!(client.get(&format!("/live/{address}")).await.body, file);
        }
        stream.publisher.finish(Finish::Clean);
        tokio::time::sleep(Duration::from_secs(31)).await;
        let empty = |path: &Path| std::fs::read_dir(path).is_ok_and(|mut files| files.next().is_none());
        until("the folder is empty", || empty(&root.join("live"))).await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_disk_that_cannot_be_written_costs_the_players_nothing() {
    local(async {
        let gateway = serving(Settings { path: Some("/proc/nothing/here".into()), ..settings() });
        let mut stream = Stream::publish(&gateway, "s");
        stream.run(5).await;
        let mut client = Client::of(&gateway).await;
        let list = client.get("/live/s.m3u8").await;
        assert_eq!(client.get(&format!("/live/{}", list.addresses()[0])).await.status, 200);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_link_in_the_folder_does_not_lead_out_of_it() {
    local(async {
        let (folder, outside) = (Folder::new("inside"), Folder::new("outside"));
        std::fs::create_dir_all(&folder.0).unwrap();
        std::fs::create_dir_all(&outside.0).unwrap();
        std::os::unix::fs::symlink(&outside.0, folder.0.join("live")).unwrap();
        let gateway = serving(Settings { path: Some(folder.0.clone()), ..settings() });
        let mut stream = Stream::publish(&gateway, "s");
        stream.run(5).await;
        let mut other = Stream::publish(&gateway, "t");
        other.run(1).await;
        until("the disk's thread has tried", || gateway.hls.disk.is_idle()).await;
        assert_eq!(std::fs::read_dir(&outside.0).unwrap().count(), 0);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn paths_between_list_and_segments_are_relative() {
    for (list, segment, address) in [
        ("live/s.m3u8", "live/s-1.ts", "s-1.ts"),
        ("live/s/index.m3u8", "live/s/1.ts", "1.ts"),
        ("live/s/index.m3u8", "live/1.ts", "../1.ts"),
        ("live/s.m3u8", "media/a b/1.ts", "../media/a%20b/1.ts"),
        ("s.m3u8", "live/s-1.ts", "live/s-1.ts"),
        ("live/a:b.m3u8", "live/a:b-1.ts", "./a%3Ab-1.ts"),
    ] {
        assert_eq!(stream::between(list, segment), address, "{list} {segment}");
    }
}

#[tokio::test(start_paused = true)]
async fn two_streams_with_one_list_path_do_not_kill_each_other() {
    local(async {
        let gateway = serving(Settings { list_file: Template::parse("all.m3u8").unwrap(), ..settings() });
        let mut first = Stream::publish(&gateway, "a");
        first.run(3).await;
        let mut second = Stream::publish(&gateway, "b");
        second.run(3).await;
        first.publisher.finish(Finish::Dropped);
        let mut again = Stream::publish(&gateway, "a");
        again.run(3).await;
        let mut client = Client::of(&gateway).await;
        let list = client.get("/all.m3u8").await;
        assert_eq!(list.status, 200);
        assert!(list.text().contains("live/a-"), "{}", list.text());
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_publish_after_the_disposal_is_cut_again() {
    local(async {
        let gateway = serving(Settings { dispose: Duration::from_secs(5), ..settings() });
        for _ in 0..3 {
            let mut stream = Stream::publish(&gateway, "s");
            stream.run(3).await;
            let mut client = Client::of(&gateway).await;
            assert_eq!(client.get("/live/s.m3u8").await.status, 200);
            stream.publisher.finish(Finish::Clean);
            tokio::time::sleep(Duration::from_secs(6)).await;
            assert_eq!(gateway.hls.lock().len(), 0);
        }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_list_that_lies_in_the_folder_is_served_at_once() {
    local(async {
        let folder = Folder::new("vod");
        std::fs::create_dir_all(&folder.0).unwrap();
        std::fs::write(folder.0.join("film.m3u8"), "#EXTM3U\n").unwrap();
        let vhost = Vhost { hls: Some(Arc::new(settings())), ..Vhost::default() };
        let files = Some(srs_net::http::Folder::new(folder.0.clone()));
        let gateway = Gateway::new(Hub::new(), crate::Config { files, ..crate::testkit::config(vhost) });
        let mut client = Client::of(&gateway).await;
        let list = client.get("/film.m3u8").await;
        assert_eq!((list.status, list.text()), (200, "#EXTM3U\n"));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn only_who_wants_a_list_is_counted_as_a_player() {
    local(async {
        let gateway = serving(Settings { ctx: true, ..settings() });
        let mut stream = Stream::publish(&gateway, "s");
        stream.run(3).await;
        let mut client = Client::of(&gateway).await;
        let asked = client.ask("OPTIONS /live/s.m3u8 HTTP/1.1\r\nHost: h\r\n\r\n").await;
        assert!(asked.head.contains("access-control-allow-origin: *"), "{}", asked.head);
        assert_eq!((asked.status, gateway.clients().len()), (200, 0));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn segments_whose_names_come_again_are_written_again() {
    local(async {
        let folder = Folder::new("same");
        let root = folder.0.clone();
        let segment_file = Template::parse("[app]/[stream].ts").unwrap();
        let gateway = serving(Settings { path: Some(root.clone()), segment_file, ..settings() });
        let mut stream = Stream::publish(&gateway, "s");
        stream.run(9).await;
        until("the disk's thread has tried", || gateway.hls.disk.is_idle()).await;
        let list = std::fs::read_to_string(root.join("live/s.m3u8")).unwrap();
        assert!(list.matches("#EXTINF").count() >= 3, "{list}");
    })
    .await;
}
