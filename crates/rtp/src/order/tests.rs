use super::*;

fn sent(shown: &[(bool, i64)]) -> Vec<i64> {
    let mut order = Order::new();
    shown.iter().filter(|&&(key, time)| !order.is_out(key, time)).map(|&(_, time)| time).collect()
}

#[test]
fn pictures_shown_before_one_that_was_sent_are_out_of_order() {
    // I P B b b P B b b
    let shown =
        [(true, 0), (false, 4), (false, 2), (false, 1), (false, 3), (false, 8), (false, 6), (false, 5)];
    assert_eq!(sent(&shown), [0, 4, 8]);
}

#[test]
fn pictures_in_order_all_stay() {
    assert_eq!(sent(&[(true, 0), (false, 1), (false, 1), (false, 2)]), [0, 1, 1, 2]);
}

#[test]
fn leading_pictures_of_an_open_group_are_out_of_order() {
    assert_eq!(sent(&[(true, 10), (false, 8), (false, 9), (false, 12)]), [10, 12]);
}

#[test]
fn a_key_picture_behind_a_jump_back_begins_anew() {
    assert_eq!(sent(&[(true, 1_000), (false, 1_040), (true, 0), (false, 40)]), [1_000, 1_040, 0, 40]);
}
