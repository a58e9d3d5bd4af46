use std::net::Ipv4Addr;

use super::*;

const SIZE: usize = 10;

fn to(last: u32) -> IpAddr {
    Ipv4Addr::from(last).into()
}

/// What calls were made, when a call with several datagrams ends with this error.
fn calls(
    narrow: &Narrow,
    to: IpAddr,
    run: &[u8],
    error: i32,
) -> (io::Result<usize>, Vec<(usize, Option<usize>)>) {
    let mut calls = Vec::new();
    let sent = narrow.send(to, 64, (run, SIZE), |part, several| {
        calls.push((part.len(), several));
        if several.is_some() { Err(io::Error::from_raw_os_error(error)) } else { Ok(()) }
    });
    (sent, calls)
}

#[test]
fn a_run_that_a_way_does_not_take_goes_one_by_one_and_the_next_one_at_once() {
    for error in [EMSGSIZE, EINVAL] {
        let narrow = Narrow::default();
        let run = [0; 3 * SIZE + 5];
        let one_by_one = [(SIZE, None), (SIZE, None), (SIZE, None), (5, None)];
        let (sent, tried) = calls(&narrow, to(1), &run, error);
        assert_eq!((sent.unwrap(), tried[0], &tried[1..]), (35, (35, Some(SIZE)), &one_by_one[..]));
        let (sent, tried) = calls(&narrow, to(1), &run, error);
        assert_eq!((sent.unwrap(), &tried[..]), (35, &one_by_one[..]));
        // Others are not concerned.
        assert_eq!(calls(&narrow, to(2), &run, error).1[0], (35, Some(SIZE)));
    }
}

#[test]
fn what_is_wrong_with_one_datagram_is_told() {
    let narrow = Narrow::default();
    let broken = narrow.send(to(1), 64, (&[0; 30], SIZE), |_, _| Err(io::Error::from_raw_os_error(EINVAL)));
    assert_eq!(broken.unwrap_err().raw_os_error(), Some(EINVAL));
    let full = |room: usize| {
        let mut calls = 0;
        narrow.send(to(1), 1, (&[0; 30], SIZE), |_, _| {
            calls += 1;
            if calls > room { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(()) }
        })
    };
    assert_eq!(full(0).unwrap_err().kind(), io::ErrorKind::WouldBlock);
    assert_eq!(full(2).unwrap(), 20);
}

#[test]
fn a_run_is_no_longer_than_one_call_takes() {
    let narrow = Narrow::default();
    let mut calls = Vec::new();
    let run = vec![0; 100 * 1332];
    let sent = narrow.send(to(1), 64, (&run, 1332), |part, several| {
        calls.push((part.len(), several));
        Ok(())
    });
    assert_eq!(sent.unwrap(), run.len());
    assert_eq!(calls, [(49 * 1332, Some(1332)), (49 * 1332, Some(1332)), (2 * 1332, Some(1332))]);
}

#[test]
fn what_is_known_is_bounded() {
    let narrow = Narrow::default();
    for last in 0..2000 {
        calls(&narrow, to(last), &[0; 30], EMSGSIZE).0.unwrap();
    }
    assert_eq!(narrow.0.borrow().len(), MOST);
}
