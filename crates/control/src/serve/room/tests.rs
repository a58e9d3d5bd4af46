use super::*;

const LIMITS: Limits = Limits {
    connections: 4,
    strangers: 2,
    per_source: 3,
    head: Duration::ZERO,
    stall: Duration::ZERO,
    drain: Duration::ZERO,
};

/// Takes a place for 10.0.0.`last`.
fn take(room: &Arc<Room>, last: u8, is_known: bool) -> Result<Slot, Refused> {
    room.take(IpAddr::from([10, 0, 0, last]), is_known, LIMITS)
}

#[test]
fn strangers_leave_the_rest_to_known_callers() {
    let room = Arc::new(Room::default());
    let _strangers = [take(&room, 1, false).unwrap(), take(&room, 2, false).unwrap()];
    assert_eq!(take(&room, 3, false).err(), Some(Refused::Strangers(2)));
    let _known = [take(&room, 4, true).unwrap(), take(&room, 4, true).unwrap()];
    assert_eq!(take(&room, 5, true).err(), Some(Refused::Full(4)));
}

#[test]
fn known_callers_who_left_take_nothing_from_strangers() {
    let room = Arc::new(Room::default());
    drop(take(&room, 1, true).unwrap());
    let _strangers = [take(&room, 2, false).unwrap(), take(&room, 2, false).unwrap()];
    assert_eq!(take(&room, 2, false).err(), Some(Refused::Strangers(2)));
}

#[test]
fn one_address_does_not_take_all() {
    let room = Arc::new(Room::default());
    let _known: Vec<_> = (0..3).map(|_| take(&room, 1, true).unwrap()).collect();
    assert_eq!(take(&room, 1, true).err(), Some(Refused::Source(3)));
    assert!(take(&room, 2, true).is_ok());
}

#[test]
fn what_is_given_back_can_be_taken_again_and_leaves_nothing_behind() {
    let room = Arc::new(Room::default());
    for _ in 0..10 {
        drop([take(&room, 1, false).unwrap(), take(&room, 1, false).unwrap()]);
    }
    let counts = room.counts();
    assert_eq!((counts.all, counts.strangers, counts.sources.len()), (0, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn each_kind_of_refusal_is_said_once_in_ten_seconds() {
    let mut complaints = Complaints::default();
    let mut said = |refused| complaints.is_due(refused);
    assert!(said(Refused::Full(1)) && !said(Refused::Full(1)) && said(Refused::Strangers(1)));
    tokio::time::advance(COMPLAIN_EVERY).await;
    assert!(said(Refused::Full(1)));
}
