use std::cell::{Cell, RefCell};
use std::collections::HashSet;

use super::*;

#[test]
fn ids_are_new_and_tell_their_shard() {
    for shards in [1, 2, 3, 4, 5, 64] {
        for shard in 0..shards {
            let ids = Ids::new(shard, shards);
            let taken: RefCell<HashSet<SocketId>> = RefCell::default();
            for _ in 0..100 {
                let id = ids.make(|id| taken.borrow().contains(&id));
                assert!(id != SocketId::LISTENER && id.0 <= MASK);
                assert_eq!((ids.shard(id), ids.own()), (shard, shard));
                assert!(taken.borrow_mut().insert(id));
            }
        }
    }
}

#[test]
fn an_id_that_is_taken_is_not_made() {
    let first = Cell::new(None);
    let id = Ids::new(1, 2).make(|id| first.replace(first.get().or(Some(id))).is_none());
    assert_ne!(Some(id), first.get());
}
