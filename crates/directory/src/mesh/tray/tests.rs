//! The newest of each node, and no more of them than there may be.

use super::*;
use bytes::Bytes;
use futures_util::FutureExt as _;

fn post(id: &str, number: u64) -> Post {
    let beat = Beat { id: NodeId::new(id).unwrap(), body: Bytes::new(), local: false, host: String::new() };
    Post { number, beat }
}

#[test]
fn the_newest_of_each_node_waits() {
    let tray = Tray::default();
    for (id, number) in [("a", 1), ("b", 2), ("a", 3)] {
        assert!(tray.put(post(id, number)));
    }
    assert_eq!(tray.all().now_or_never(), Some(vec![post("a", 3), post("b", 2)]));
    assert_eq!(tray.next().now_or_never(), None);
}

#[test]
fn an_older_one_does_not_replace_a_newer() {
    let tray = Tray::default();
    tray.put(post("a", 5));
    tray.put_older(post("a", 4));
    assert_eq!(tray.all().now_or_never(), Some(vec![post("a", 5)]));
}

#[test]
fn it_holds_no_more_nodes_than_there_may_be() {
    let tray = Tray::default();
    for number in 0..MAX_NODES {
        assert!(tray.put(post(&format!("n{number}"), 1)));
    }
    assert!(!tray.put(post("more", 1)));
    assert!(tray.put(post("n0", 2)));
    assert_eq!(tray.all().now_or_never().map(|posts| posts.len()), Some(MAX_NODES));
}
