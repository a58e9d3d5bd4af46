use std::collections::BTreeMap;

use super::*;

#[test]
fn a_vhost_of_which_nothing_is_said_is_served_by_the_doors_own_defaults() {
    let name = srs_names::DEFAULT_VHOST.to_owned();
    let config = Config { vhosts: BTreeMap::from([(name, config::Vhost::default())]), ..Config::default() };
    assert_eq!(vhosts(&config), [Vhost::default()]);
}
