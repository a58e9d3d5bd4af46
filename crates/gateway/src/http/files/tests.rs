use std::path::PathBuf;
use std::sync::Arc;

use srs_hub::Hub;
use srs_names::envelope::{HTTP_HEADER, Purpose};
use srs_net::http::Folder;
use tokio::io::AsyncReadExt as _;
use tokio::task::LocalSet;

use super::*;
use crate::config::{From, Play, Vhost};
use crate::hls::Settings;
use crate::testkit::{config, envelope, get_with, to_get};

/// A folder that goes with the test.
struct Root(PathBuf);

impl Drop for Root {
    fn drop(&mut self) {
        let _best_effort = std::fs::remove_dir_all(&self.0);
    }
}

/// A node whose default vhost is for the cluster alone and keeps its segments in the folder that is served, and which has
/// another vhost, for all.
fn node(name: &str) -> (Arc<Gateway>, Root) {
    let root = std::env::temp_dir().join(format!("srs-gateway-files-{}-{name}", std::process::id()));
    let _left_over = std::fs::remove_dir_all(&root);
    std::fs::create_dir_all(root.join("live")).unwrap();
    for file in ["live/x.m3u8", "live/x-0.ts", "live/x-0.key", "live/x y.key", "index.html", "live/page.html"]
    {
        std::fs::write(root.join(file), file).unwrap();
    }
    let hls = Some(Arc::new(Settings { path: Some(root.clone()), ..Settings::default() }));
    let closed = Vhost { hls, play: Play { from: From::Cluster, ..Play::default() }, ..Vhost::default() };
    let open = Vhost { name: "open.example".to_owned(), ..Vhost::default() };
    let files = Some(Folder::new(root.clone()));
    let mut config = crate::Config { files, ..config(closed) };
    config.vhosts.push(open);
    (Gateway::new(Hub::new(), config), Root(root))
}

async fn answer(gateway: &Arc<Gateway>, path: &str, more: &str) -> (u16, String) {
    let mut stream = get_with(gateway, path, "1.1", &format!("{more}Connection: close\r\n")).await;
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    (head[9..12].parse().unwrap(), body.to_owned())
}

#[tokio::test(start_paused = true)]
async fn what_is_for_the_cluster_is_not_had_by_another_spelling_or_vhost() {
    let body = async {
        let (gateway, _root) = node("spelling");
        for path in [
            "/live/x-0.key",
            "/live//x-0.key",
            "//live/x-0.key",
            "/live/x-0.k%65y",
            "/live/x%20y.key",
            "/live/x-0.t%73",
            "/live/x-0.key?vhost=open.example",
            "/live//x.m3u8?vhost=open.example",
        ] {
            let (status, words) = answer(&gateway, path, "").await;
            assert_eq!(status, 403, "{path}: {words}");
            assert!(!words.starts_with("live/x"), "{path}: {words}");
        }
    };
    LocalSet::new().run_until(body).await;
}

#[tokio::test(start_paused = true)]
async fn the_cluster_and_pages_for_all_are_served_from_the_same_folder() {
    let body = async {
        let (gateway, _root) = node("pages");
        for path in ["/index.html", "/", "/live/page.html"] {
            assert_eq!(answer(&gateway, path, "").await.0, 200, "{path}");
        }
        let path = "/live/x-0.key";
        let said = format!("{HTTP_HEADER}: {}\r\n", to_get(&envelope(Purpose::Relay), path));
        assert_eq!(answer(&gateway, path, &said).await, (200, "live/x-0.key".to_owned()));
    };
    LocalSet::new().run_until(body).await;
}
