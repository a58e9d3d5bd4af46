use super::*;

const SELF: &str = "17087 (a ) (b) R 17085 17085 8588 0 -1 4194304 118 2 3 4 50 60 7 8 20 -5 9 0 1495917 3133440 394 \
    18446744073709551615 94099238215680 94099238235561 140736975941392 11 12 0 13 14 15 16 0 0 17 1 0 0 21 22 23 \
    94099238251568 94099238253184 94100046446592 0 0 0 0 0";

fn of<'a>(stat: &'a [(&str, Value)], name: &str) -> &'a Value {
    &stat.iter().find(|(known, _)| *known == name).unwrap().1
}

#[test]
fn the_fields_of_a_process_are_found_behind_a_name_with_blanks_and_parentheses() {
    let stat = stat(SELF).unwrap();
    assert_eq!(stat.iter().map(|(name, _)| *name).collect::<Vec<_>>(), STAT);
    for (name, value) in [
        ("pid", Value::from(17087)),
        ("comm", "(a ) (b)".into()),
        ("state", "R".into()),
        ("tpgid", (-1).into()),
        ("utime", 50.into()),
        ("stime", 60.into()),
        ("nice", (-5).into()),
        ("num_threads", 9.into()),
        ("rss", 394.into()),
        ("rsslim", u64::MAX.into()),
        ("exit_signal", 17.into()),
        ("delayacct_blkio_ticks", 21.into()),
        ("cguest_time", 23.into()),
    ] {
        assert_eq!(*of(&stat, name), value, "{name}");
    }
}

#[test]
fn no_address_of_the_process_is_told() {
    let stat = stat(SELF).unwrap();
    for name in ["startcode", "endcode", "startstack", "kstkesp", "kstkeip", "wchan"] {
        assert_eq!(*of(&stat, name), 0, "{name}");
    }
}

#[test]
fn a_process_of_an_older_kernel_has_zeros_for_what_is_not_told() {
    let stat = stat("1 (init) S 0").unwrap();
    assert_eq!((of(&stat, "state"), of(&stat, "cguest_time")), (&"S".into(), &0.into()));
    assert_eq!(super::stat("nonsense"), None);
}

#[test]
fn a_line_is_found_by_its_whole_name() {
    let text = "VmPeak:\t 9 kB\nVmHWM:\t    1756 kB\nPPid:\t17085\n";
    assert_eq!((line(text, "VmHWM"), line(text, "PPid"), line(text, "Pid")), (1756, 17085, 0));
    assert_eq!(line("pgpgin 4086237\npgpgout 463\n", "pgpgout"), 463);
}

#[test]
fn ticks_of_processors_are_read_and_those_that_run_counted() {
    let text = "cpu  699 101 112 2045 31 1 18 16 5 6\ncpu0 1 2 3\ncpu1 4 5 6\nintr 7\n";
    let cpu = cpu(text);
    let expected = Cpu {
        user: 699,
        nice: 101,
        sys: 112,
        idle: 2045,
        iowait: 31,
        irq: 1,
        softirq: 18,
        steal: 16,
        guest: 5,
        online: 2,
    };
    assert_eq!(cpu, expected);
    assert_eq!(cpu.total(), 3023);
    assert_eq!(super::cpu("").total(), 0);
}

#[test]
fn ranges_of_processors_are_counted() {
    for (text, count) in
        [("0-3\n", 4), ("0", 1), ("0-1,4,6-7", 5), ("", 0), ("3-1", 0), ("0-18446744073709551615", 0)]
    {
        assert_eq!(ranges(text), count, "{text:?}");
    }
}

#[test]
fn fractions_are_read_and_never_more_than_finite() {
    assert_eq!(fractions::<3>("0.42 0.60 0.73 1/109 17091"), [0.42, 0.60, 0.73]);
    assert_eq!(fractions::<2>("inf"), [0.0, 0.0]);
}

const DEV: &str = "Inter-|   Receive  |  Transmit\n face |bytes packets errs drop fifo frame compressed multicast|bytes\n    \
    lo: 38 67 0 0 0 0 0 0 39 67 0 0 0 0 0 0\n  eth0: 435 23 0 0 0 0 0 0 182 22 0 0 0 0 0 0\n  eth1:5 1 0 0 0 0 0 0 7 1 0 0 0 0 0 0\n";

#[test]
fn interfaces_are_summed_without_loopback_and_the_public_one_apart() {
    assert_eq!(interfaces(DEV, Some("eth0")), ((435, 182), (5, 7)));
    assert_eq!(interfaces(DEV, None), ((0, 0), (440, 189)));
}

#[test]
fn the_default_route_names_its_interface() {
    let text = "Iface\tDestination\tGateway\neth1\t000200C0\t0\neth0\t00000000\t010200C0\n";
    assert_eq!(default_route(text), Some("eth0"));
    assert_eq!(default_route("Iface\tDestination\n"), None);
}

#[test]
fn sockets_are_counted_by_their_state() {
    let text =
        "sockets: used 1027\nTCP: inuse 1014 orphan 0 tw 3258 alloc 1014 mem 288\nUDP: inuse 6 mem 0\n";
    assert_eq!(
        (word(text, "TCP:", "inuse"), word(text, "TCP:", "tw"), word(text, "UDP:", "inuse")),
        (1014, 3258, 6)
    );
    assert_eq!(word(text, "RAW:", "inuse"), 0);
    let snmp = "Ip: A B\nIp: 1 2\nTcp: RtoMin CurrEstab InSegs\nTcp: 200 1010 6\n";
    assert_eq!((established(snmp), established("")), (1010, 0));
}

#[test]
fn disks_that_are_none_are_left_out() {
    let text = "   7 0 loop0 0 0 0 0 0 0 0 0 0 9 0\n 254 0 vda 1 2 3 4 5 6 7 8 9 1234 11\n";
    assert_eq!(disks(text), [("vda".to_owned(), 1234)]);
}
