use super::*;
use crate::testkit::key;

fn wanted(query: &str) -> Wanted {
    Wanted { query: query.to_owned(), ..Wanted::by_itself(key("s")) }
}

fn order(wishes: &Wishes) -> Vec<String> {
    wishes.all().into_iter().map(|wanted| wanted.query).collect()
}

#[test]
fn the_newest_is_tried_first_and_the_one_that_was_let_in_is_never_forgotten() {
    let mut wishes = Wishes::new(wanted("good"));
    wishes.accepted(&wanted("good"));
    for query in ["1", "2", "3", "4", "5"] {
        wishes.add(&wanted(query));
    }
    assert_eq!(order(&wishes), ["5", "4", "3", "good"]);
    wishes.add(&wanted("good"));
    assert_eq!(order(&wishes), ["good", "5", "4", "3"]);
    wishes.accepted(&wanted("4"));
    for query in ["6", "7", "8", "9"] {
        wishes.add(&wanted(query));
    }
    assert_eq!(order(&wishes), ["9", "8", "7", "4"]);
}

#[test]
fn one_that_was_refused_is_tried_last() {
    let mut wishes = Wishes::new(wanted("1"));
    wishes.add(&wanted("2"));
    wishes.refused(&wanted("2"));
    assert_eq!(order(&wishes), ["1", "2"]);
}
