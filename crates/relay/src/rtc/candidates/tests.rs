use super::*;

fn face(listen: &str, candidates: &str) -> Face {
    let candidates = Candidate::list(candidates).unwrap();
    Face { listen: listen.parse().unwrap(), has_tcp: false, candidates }
}

async fn shown(face: Face, host: &str, from: &str) -> Vec<String> {
    let all = face.shown(&Names::default(), Some(host), from.parse().unwrap()).await;
    all.iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn what_is_set_is_shown_with_the_port_that_is_listened_on() {
    let face = face("0.0.0.0:18000", "203.0.113.9,[2001:db8::1]:9000,203.0.113.9");
    assert_eq!(shown(face, "10.0.0.1", "10.0.0.2:5").await, ["203.0.113.9:18000", "[2001:db8::1]:9000"]);
}

#[tokio::test]
async fn a_name_is_shown_as_its_addresses() {
    let face = face("0.0.0.0:18000", "localhost");
    assert!(shown(face, "h", "10.0.0.2:5").await.contains(&"127.0.0.1:18000".to_owned()));
}

#[tokio::test]
async fn the_address_that_the_client_called_is_found() {
    let all = shown(face("0.0.0.0:18000", ""), "203.0.113.9:18080", "127.0.0.1:5").await;
    assert_eq!(all, ["203.0.113.9:18000", "127.0.0.1:18000"]);
    let v6 = shown(face("[::]:18000", ""), "[2001:db8::7]:18080", "127.0.0.1:5").await;
    assert_eq!(v6, ["[2001:db8::7]:18000", "127.0.0.1:18000"]);
}

#[tokio::test]
async fn a_client_of_this_machine_is_shown_its_loopback() {
    let all = shown(face("0.0.0.0:18000", ""), "localhost:18080", "127.0.0.1:5").await;
    assert_eq!(all.first().map(String::as_str), Some("127.0.0.1:18000"), "{all:?}");
    assert!(all.iter().all(|address| !address.contains("0.0.0.0")), "{all:?}");
}

#[tokio::test]
async fn a_listener_at_one_address_shows_that_one() {
    let all = shown(face("127.0.0.1:18000", "*"), "203.0.113.9", "10.0.0.1:5").await;
    assert_eq!(all, ["127.0.0.1:18000"]);
}
