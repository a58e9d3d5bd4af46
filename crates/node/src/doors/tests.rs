use std::collections::BTreeMap;

use super::*;

#[test]
fn a_vhost_of_which_nothing_is_said_is_served_by_the_doors_own_defaults() {
    let name = srs_names::DEFAULT_VHOST.to_owned();
    let config = Config { vhosts: BTreeMap::from([(name, config::Vhost::default())]), ..Config::default() };
    assert_eq!(vhosts(&config), [Vhost::default()]);
}

#[test]
fn a_mount_with_flv_has_the_other_formats_beside_it_and_others_are_alone() {
    let with = |enabled: bool, mount: &str| live(&config::HttpRemux { enabled, mount: mount.to_owned() });
    assert_eq!(with(true, "[vhost]/[app]/[stream].flv"), Live::ALL);
    assert_eq!(with(true, "[vhost]/[app]/[stream].ts"), [Live::Ts]);
    assert_eq!(with(false, "[vhost]/[app]/[stream].flv"), []);
}
