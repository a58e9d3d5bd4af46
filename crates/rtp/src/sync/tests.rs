use super::*;
use proptest::prelude::*;

const MS: u64 = 1_000;

fn stamp(rtp: u64, clock: u32, came: u64) -> Stamp {
    Stamp { rtp, clock, came: Duration::from_millis(came), report: None }
}

/// Of the sender's clock in microseconds.
fn report(ntp: u64, rtp: u64) -> Option<Report> {
    let parts = (u128::from(ntp) << 32) / 1_000_000;
    Some(Report { ntp: u64::try_from(parts).unwrap(), rtp: rtp as u32 })
}

/// A track of a sender that is simulated: times in microseconds.
struct Sender {
    clock: u32,
    /// RTP time at the sender's time 0.
    base: u64,
    /// From capture to arrival, the least.
    delay: u64,
    /// What the sender's clock shows at 0.
    ntp: u64,
    /// Reports from here on, one a second.
    reports: u64,
    /// By how much each may be off.
    waver: u64,
}

impl Sender {
    fn rtp(&self, at: u64) -> u64 {
        self.base + at * u64::from(self.clock) / 1_000_000
    }

    fn stamp(&self, at: u64, jitter: u64) -> Stamp {
        let reported = at / 1_000_000 * 1_000_000;
        let off = (reported / 1_000_000).wrapping_mul(0x9e37_79b9_7f4a_7c15) % (self.waver + 1);
        let report =
            (at >= self.reports).then(|| report(self.ntp + reported + off, self.rtp(reported))).flatten();
        Stamp {
            rtp: self.rtp(at),
            clock: self.clock,
            came: Duration::from_micros(at + self.delay + jitter),
            report,
        }
    }
}

fn senders() -> (Sender, Sender) {
    let ntp = 3_900_000_000_000_000;
    let of = |clock, base| Sender { clock, base, delay: 0, ntp, reports: u64::MAX, waver: 0 };
    (of(48_000, 5), of(90_000, 77))
}

/// Runs both from one time to another, and gives how much later pictures are than their sound, in ms, at the end. Frames
/// come in order of arrival. Times of each track must not fall.
fn run(
    sync: &mut Sync,
    audio: &Sender,
    video: &Sender,
    from: u64,
    to: u64,
    jitter: &mut impl FnMut() -> u64,
) -> i64 {
    let mut all = Vec::new();
    for (track, sender, step) in [(Track::Audio, audio, 20_000), (Track::Video, video, 33_333)] {
        let mut came = Duration::ZERO;
        for at in (from..to).step_by(step) {
            let mut stamp = sender.stamp(at, jitter());
            // A track's packets are put in order before they get here.
            came = came.max(stamp.came);
            stamp.came = came;
            all.push((track, at, stamp));
        }
    }
    all.sort_by_key(|&(_, at, stamp)| (stamp.came, at));
    let mut last = [(from, 0); 2];
    for (track, at, stamp) in all {
        let time = sync.time(track, &stamp);
        let one = &mut last[usize::from(track == Track::Video)];
        if at >= one.0 {
            *one = (at, time);
        }
    }
    let [(heard, sound), (seen, picture)] = last;
    let off = |at: u64, time: i64| time - i64::try_from(at / MS).unwrap();
    off(seen, picture) - off(heard, sound)
}

#[test]
fn the_first_frame_is_at_0_and_others_run_by_rtp_time() {
    let mut sync = Sync::new();
    let times = [(900, 5), (3_600, 90), (7_200, 70)]
        .map(|(rtp, came)| sync.time(Track::Video, &stamp(rtp, 90_000, came)));
    assert_eq!(times, [0, 30, 70]);
}

#[test]
fn the_second_track_begins_by_when_it_came() {
    let mut sync = Sync::new();
    assert_eq!(sync.time(Track::Audio, &stamp(0, 48_000, 1_000)), 0);
    assert_eq!(sync.time(Track::Video, &stamp(1 << 40, 90_000, 1_120)), 120);
}

#[test]
fn times_of_a_track_never_fall() {
    let mut sync = Sync::new();
    let times = [9_000, 18_000, 13_500, 22_500].map(|rtp| sync.time(Track::Video, &stamp(rtp, 90_000, 0)));
    assert_eq!(times, [0, 100, 100, 150]);
}

#[test]
fn reports_bring_pictures_to_their_sound() {
    let (mut audio, mut video) = senders();
    (video.delay, audio.reports, video.reports) = (200 * MS, 0, 0);
    let mut sync = Sync::new();
    let off = run(&mut sync, &audio, &video, 0, 1_000_000, &mut || 0);
    assert!((140..=170).contains(&off), "5 % of a second: {off}");
    let off = run(&mut sync, &audio, &video, 1_000_000, 5_000_000, &mut || 0);
    assert!(off.abs() <= 2, "{off}");
}

#[test]
fn what_reports_waver_is_not_seen() {
    let (mut audio, mut video) = senders();
    (audio.reports, video.reports, video.waver) = (0, 0, 40 * MS);
    let mut sync = Sync::new();
    run(&mut sync, &audio, &video, 0, 20_000_000, &mut || 0);
    let offs: Vec<i64> = (20..80)
        .map(|second| run(&mut sync, &audio, &video, second * 1_000_000, (second + 1) * 1_000_000, &mut || 0))
        .collect();
    let (least, most) = (offs.iter().min().unwrap(), offs.iter().max().unwrap());
    assert!(most - least <= 12, "{offs:?}");
}

#[test]
fn the_report_of_one_track_alone_moves_nothing() {
    let (audio, mut video) = senders();
    (video.delay, video.reports) = (200 * MS, 0);
    assert_eq!(run(&mut Sync::new(), &audio, &video, 0, 5_000_000, &mut || 0), 200);
}

#[test]
fn pictures_far_behind_their_sound_step_forward() {
    let mut sync = Sync::new();
    sync.time(Track::Audio, &stamp(0, 48_000, 0));
    sync.time(Track::Video, &stamp(0, 90_000, 0));
    // The sender has them at 2 s of the sound.
    let sound = Stamp { report: report(1_000_000, 0), ..stamp(960, 48_000, 20) };
    let picture = Stamp { report: report(3_000_000, 0), ..stamp(3_600, 90_000, 40) };
    assert_eq!(sync.time(Track::Audio, &sound), 20);
    assert_eq!(sync.time(Track::Video, &picture), 2_040);
}

#[test]
fn sound_far_behind_its_pictures_steps_forward_and_pictures_stay() {
    let mut sync = Sync::new();
    sync.time(Track::Audio, &stamp(0, 48_000, 0));
    sync.time(Track::Video, &stamp(0, 90_000, 0));
    let picture = Stamp { report: report(1_000_000, 0), ..stamp(3_600, 90_000, 40) };
    let sound = Stamp { report: report(3_000_000, 0), ..stamp(1_920, 48_000, 40) };
    assert_eq!(sync.time(Track::Video, &picture), 40);
    assert_eq!(sync.time(Track::Audio, &sound), 2_040);
    assert_eq!(sync.time(Track::Video, &Stamp { report: picture.report, ..stamp(7_200, 90_000, 80) }), 80);
}

#[test]
fn reports_of_clocks_that_have_nothing_to_do_with_each_other_are_ignored() {
    let (mut audio, mut video) = senders();
    (video.delay, audio.reports, video.reports) = (100 * MS, 0, 0);
    video.ntp = 5_000_000;
    assert_eq!(run(&mut Sync::new(), &audio, &video, 0, 5_000_000, &mut || 0), 100);
}

#[test]
fn a_report_without_a_clock_is_ignored() {
    let (mut audio, mut video) = senders();
    (video.delay, audio.reports) = (100 * MS, 0);
    let mut sync = Sync::new();
    run(&mut sync, &audio, &video, 0, 1_000_000, &mut || 0);
    video.ntp = 0;
    let zero = Stamp { report: Some(Report { ntp: 0, rtp: 0 }), ..video.stamp(1_000_000, 0) };
    assert_eq!(sync.time(Track::Video, &zero), 1_100);
}

#[test]
fn reports_over_the_wrap_of_rtp_time_are_understood() {
    let (mut audio, mut video) = senders();
    (video.delay, audio.reports, video.reports) = (150 * MS, 0, 0);
    (audio.base, video.base) = ((1 << 32) - 96_000, (3 << 32) - 200_000);
    let off = run(&mut Sync::new(), &audio, &video, 0, 6_000_000, &mut || 0);
    assert!(off.abs() <= 2, "{off}");
}

#[test]
fn a_jump_of_rtp_time_goes_on_where_the_track_was() {
    let mut sync = Sync::new();
    sync.time(Track::Video, &stamp(0, 90_000, 0));
    assert_eq!(sync.time(Track::Video, &stamp(90_000, 90_000, 1_000)), 1_000);
    assert_eq!(sync.time(Track::Video, &stamp(1 << 31, 90_000, 1_040)), 1_040);
    assert_eq!(sync.time(Track::Video, &stamp((1 << 31) + 3_600, 90_000, 1_080)), 1_080);
    assert_eq!(sync.time(Track::Video, &stamp(7, 90_000, 1_120)), 1_120);
}

#[test]
fn a_stall_of_the_network_is_no_jump() {
    let mut sync = Sync::new();
    sync.time(Track::Video, &stamp(0, 90_000, 0));
    assert_eq!(sync.time(Track::Video, &stamp(3_600, 90_000, 9_000)), 40);
}

proptest! {
    #[test]
    fn sound_and_picture_are_together_after_five_seconds(
        bases: (u32, u32), ntp in 1_u64 << 40..1 << 51, delays in (0_u64..120_000, 0_u64..120_000),
        reports in (0_u64..500_000, 0_u64..500_000), seed: u64,
    ) {
        let audio = Sender { clock: 48_000, base: bases.0.into(), delay: delays.0, ntp, reports: reports.0, waver: 0 };
        let video = Sender { clock: 90_000, base: bases.1.into(), delay: delays.1, ntp, reports: reports.1, waver: 0 };
        let mut state = seed | 1;
        let mut jitter = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state % 50_000
        };
        let off = run(&mut Sync::new(), &audio, &video, 0, 5_000_000, &mut jitter);
        prop_assert!(off.abs() < 20, "{off}");
    }

    #[test]
    fn any_numbers_give_times_that_never_fall(frames in prop::collection::vec(
        (any::<bool>(), any::<u64>(), any::<u32>(), any::<u32>(), prop::option::of((any::<u64>(), any::<u32>()))), 0..60)) {
        let (mut sync, mut last) = (Sync::new(), [0; 2]);
        for (video, rtp, clock, came, report) in frames {
            let report = report.map(|(ntp, rtp)| Report { ntp, rtp });
            let track = if video { Track::Video } else { Track::Audio };
            let time = sync.time(track, &Stamp { rtp, clock, came: Duration::from_millis(came.into()), report });
            prop_assert!(time >= last[usize::from(video)]);
            last[usize::from(video)] = time;
        }
    }
}
