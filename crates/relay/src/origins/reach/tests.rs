use super::*;
use crate::testkit::{listener, nobody};

#[tokio::test]
async fn of_the_addresses_of_a_node_the_first_that_answers_is_dialled() {
    let ((_open, address), dead) = (listener().await, nobody().await);
    let stream = dial_to(&[dead, address]).await.map_err(|failure| failure.error).unwrap();
    assert_eq!(stream.peer_addr().unwrap(), address);
}

#[tokio::test]
async fn a_node_none_of_whose_addresses_answers_is_down() {
    let failure = dial_to(&[nobody().await, nobody().await]).await.unwrap_err();
    assert!(failure.down);
}
