use super::*;

fn listen(port: u16) -> Listen {
    Listen { ip: Some([127, 0, 0, 1].into()), port }
}

#[test]
fn udp_and_tcp_have_the_same_port() {
    let both = Both::bind(listen(0), 2, false).unwrap();
    assert_eq!(both.udp.local_addr(), both.tcp.unwrap().local_addr().unwrap());
}

#[test]
fn a_program_that_has_the_port_of_tcp_costs_no_more_than_that() {
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = other.local_addr().unwrap().port();
    let door = Door::open(listen(port), 1, false).unwrap();
    assert_eq!(door.place().address.port(), port);
    assert!(door.both.is_some_and(|both| both.tcp.is_none()));
}

#[test]
fn a_port_that_another_process_has_is_an_error_where_ports_are_not_shared() {
    let first = Door::open(listen(0), 1, false).unwrap();
    let taken = listen(first.place().address.port());
    let error = Door::open(taken, 1, false).err().unwrap().to_string();
    assert!(error.starts_with(&format!("PROXY_WEBRTC_SERVER={taken}: cannot listen: ")), "{error}");
}

#[test]
fn of_proxies_that_share_ports_the_second_waits_for_this_one() {
    let first = Door::open(listen(0), 2, true).unwrap();
    let place = first.place();
    let second = Door::open(listen(place.address.port()), 2, true).unwrap();
    assert!(second.both.is_none() && second.place().to_string().contains("is gone"));
    assert_eq!(second.place().address, place.address);
    drop(first);
    assert!(Door::open(listen(place.address.port()), 2, true).unwrap().both.is_some());
}
