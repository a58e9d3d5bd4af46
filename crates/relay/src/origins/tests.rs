use std::time::Duration;

use srs_balance::Health;
use srs_names::StreamKey;

use super::*;
use crate::testkit::{key, nobody, node, relay};

fn health(relay: &Relay) -> Health {
    relay.balancer.origins(relay.now())[0].health
}

#[tokio::test]
async fn an_origin_without_the_endpoint_that_is_asked_for_stays_in_rotation() {
    let relay = relay(&[]);
    let mut rtmp_only = node("a", nobody().await);
    rtmp_only.endpoints.remove("http");
    relay.balancer.register(rtmp_only, relay.now()).unwrap();
    let key: StreamKey = key("s");
    assert!(matches!(relay.dial_http(&key, 0, &[], true).await, Err(Unserved::Failed(_))));
    assert_eq!(health(&relay), Health::Alive);
}

#[tokio::test]
async fn an_origin_that_refuses_connections_is_out_of_rotation_at_once() {
    let relay = relay(&[("a", nobody().await)]);
    assert!(relay.dial_http(&key("s"), 0, &[], true).await.is_err());
    let health = health(&relay);
    assert!(matches!(health, Health::Refusing { .. }), "{health:?}");
}

#[tokio::test]
async fn an_origin_that_came_back_is_alive_for_new_legs_at_once() {
    let relay = relay(&[]);
    let now = relay.now();
    let origin =
        Node { interval: Some(Duration::from_secs(1)), permanent: false, ..node("a", nobody().await) };
    relay.balancer.register(origin.clone(), now).unwrap();
    let old = relay.life_of(&origin.id);
    relay.judge(now + Duration::from_secs(10));
    assert_eq!(*old.borrow(), Life::Silent);
    relay.balancer.register(origin.clone(), relay.now()).unwrap();
    assert_eq!(*relay.life_of(&origin.id).borrow(), Life::Alive);
}

#[tokio::test]
async fn an_origin_that_is_still_silent_stays_so_for_new_legs() {
    let relay = relay(&[]);
    let origin = node("a", nobody().await);
    let _old = relay.life_of(&origin.id);
    relay.judge(relay.now());
    assert_eq!(*relay.life_of(&origin.id).borrow(), Life::Silent);
}
