use super::*;

fn raw(at: Instant, own_ticks: u64, idle: u64, user: u64) -> Raw {
    let cpu = Cpu { idle, user, ..Cpu::default() };
    Raw {
        at,
        own_ticks,
        cpu,
        read_kb: own_ticks * 10,
        written_kb: 0,
        disks: vec![("vda".to_owned(), own_ticks)],
    }
}

#[test]
fn shares_are_those_of_the_time_between_two_readings() {
    let start = Instant::now();
    let mut reading = Reading::default();
    reading.compare(&raw(start, 100, 1_000, 500), &raw(start + Duration::from_secs(2), 400, 1_300, 600));
    assert_eq!((reading.own_share, reading.cpu_share), (1.5, 0.25));
    assert_eq!((reading.read_per_s, reading.written_per_s, reading.disk_share), (1_500, 0, 0.15));
}

#[test]
fn without_time_between_them_shares_are_zero_and_not_nonsense() {
    let at = Instant::now();
    let mut reading = Reading::default();
    reading.compare(&raw(at, 100, 1_000, 500), &raw(at, 90, 900, 400));
    assert_eq!((reading.own_share, reading.cpu_share, reading.read_per_s), (0.0, 0.0, 0));
}

#[test]
fn memory_in_use_is_without_what_the_kernel_gives_back() {
    let memory = Memory::of(
        "MemTotal: 1000 kB\nMemFree: 300 kB\nBuffers: 100 kB\nCached: 400 kB\nSwapTotal: 50 kB\nSwapFree: 40 kB",
    );
    assert_eq!((memory.active(), memory.in_use()), (700, 200));
    assert_eq!((memory.ram_share(), memory.swap_share()), (0.2, 0.2));
    assert_eq!(Memory::default().ram_share(), 0.0);
}

#[test]
fn a_reading_of_this_process_has_its_pid_and_its_memory() {
    let machine = Machine::new();
    let reading = machine.read();
    assert!(reading.ok);
    assert_eq!(of(&reading.stat, "pid"), u64::from(std::process::id()));
    assert!(reading.rss > 0 && reading.max_rss >= reading.rss && reading.cpus > 0);
    assert!(Arc::ptr_eq(&reading, &machine.read()), "asked again at once the reading is the same");
}

#[test]
fn a_burst_of_a_second_is_not_yet_busy_and_ten_seconds_are() {
    assert_eq!(smoothed(0.0, 1.0, Duration::from_secs(1)), 0.1);
    assert_eq!(smoothed(0.2, 0.2, Duration::from_secs(3)), 0.2);
    assert_eq!(smoothed(0.0, 1.0, Duration::from_secs(60)), 1.0);
    assert!((0.0..=1.0).contains(&Machine::new().busy()));
}
