use srs_srt::packet::HEADER;

use super::super::testkit::{control, media};
use super::*;

const FIRST: u32 = 0x7fff_fff0;

struct Kit {
    follow: Follow,
    now: Instant,
    acks: u32,
}

fn kit() -> Kit {
    let now = Instant::now();
    Kit { follow: Follow::new(FIRST, FIRST, now), now, acks: 0 }
}

fn address(port: u16) -> SocketAddr {
    ([127, 0, 0, 1], port).into()
}

fn data(ahead: u32) -> Vec<u8> {
    media(SocketId(1), FIRST.wrapping_add(ahead) & MASK, b"")
}

fn numbered(kind: ControlKind, info: u32, content: &[u8]) -> Vec<u8> {
    let kind = Kind::Control(Control { kind, subtype: 0, info });
    [&Header { kind, timestamp: 0, destination: SocketId(1) }.write()[..], content].concat()
}

fn alive(timestamp: u32) -> Vec<u8> {
    let kind = Kind::Control(Control { kind: ControlKind::KEEP_ALIVE, subtype: 0, info: 0 });
    Header { kind, timestamp, destination: SocketId(1) }.write().to_vec()
}

impl Kit {
    /// An acknowledgement with a number of its own.
    fn ack(&mut self, ahead: u32) -> Vec<u8> {
        self.acks += 1;
        numbered(ControlKind::ACK, self.acks, &(FIRST.wrapping_add(ahead) & MASK).to_be_bytes())
    }

    fn heard(&mut self, datagram: &[u8]) {
        self.follow.heard(self.now, &Header::read(datagram).unwrap(), datagram);
    }

    fn says(&mut self, port: u16, datagram: &[u8]) -> Stranger {
        let header = Header::read(datagram).unwrap();
        self.follow.stranger(self.now, address(port), &header, datagram)
    }

    /// Whether it is asked something.
    fn strange(&mut self, port: u16, datagram: &[u8]) -> bool {
        matches!(self.says(port, datagram), Stranger::Perhaps(_))
    }

    /// Three that go on, upon which it is asked.
    fn asked(&mut self, port: u16, from: u32) -> Question {
        assert!(!self.strange(port, &data(from)));
        assert!(!self.strange(port, &data(from + 1)));
        match self.says(port, &data(from + 2)) {
            Stranger::Perhaps(question) => question,
            other => panic!("{other:?}"),
        }
    }

    fn answers(&mut self, port: u16, number: u32) -> Stranger {
        self.says(port, &numbered(ControlKind::ACK_ACK, number, &[]))
    }

    fn silent(&mut self) {
        self.now += SILENT;
    }
}

#[test]
fn three_that_go_on_are_asked_also_where_numbers_begin_anew_and_who_answers_is_followed() {
    let mut kit = kit();
    kit.heard(&data(10));
    kit.silent();
    let question = kit.asked(1, 15);
    assert!((1..=MASK).contains(&question.number));
    assert_eq!(kit.answers(1, question.number), Stranger::Caller);
    // Its answer was good for once.
    assert_eq!(kit.answers(1, question.number), Stranger::Nobody);
}

#[test]
fn only_the_address_that_was_asked_can_answer_and_only_with_the_number() {
    let mut kit = kit();
    kit.silent();
    assert_eq!(kit.answers(1, 0), Stranger::Nobody);
    let question = kit.asked(1, 1);
    assert_eq!(kit.answers(2, question.number), Stranger::Nobody);
    assert_eq!(kit.answers(1, question.number ^ 1), Stranger::Nobody);
    assert_eq!(kit.answers(1, question.number), Stranger::Caller);
}

#[test]
fn who_is_heard_at_the_old_address_meanwhile_is_not_followed() {
    let mut kit = kit();
    kit.silent();
    let question = kit.asked(1, 1);
    kit.heard(&control(ControlKind::KEEP_ALIVE, SocketId(1), &[0; 4]));
    assert_eq!(kit.answers(1, question.number), Stranger::Nobody);
}

#[test]
fn a_viewer_is_known_by_what_it_acknowledges() {
    let mut kit = kit();
    let ack = kit.ack(100);
    kit.heard(&ack);
    kit.silent();
    for (ahead, asked) in [(99, false), (100, false), (100, false), (101, true)] {
        let ack = kit.ack(ahead);
        assert_eq!(kit.strange(1, &ack), asked, "{ahead}");
    }
}

#[test]
fn the_same_datagram_again_and_again_is_no_sign() {
    let mut kit = kit();
    kit.silent();
    let ack = kit.ack(0);
    for _ in 0..10 {
        assert!(!kit.strange(1, &ack));
        assert!(!kit.strange(2, &data(3)));
    }
}

#[test]
fn questions_are_few_and_the_same_to_one_address() {
    let mut kit = kit();
    kit.silent();
    let mut questions = Vec::new();
    for number in 1..1000 {
        if let Stranger::Perhaps(question) = kit.says(1, &data(number)) {
            questions.push((kit.now, question));
        }
        kit.now += REST / 50;
    }
    assert_eq!(questions.len(), QUESTIONS as usize);
    assert!(questions.iter().all(|(_, question)| *question == questions[0].1));
    assert!(questions.is_sorted_by(|one, next| next.0 - one.0 >= REST));
    // The first answer is good also when it comes last.
    assert_eq!(kit.answers(1, questions[0].1.number), Stranger::Caller);
}

#[test]
fn a_question_is_smaller_than_what_led_to_it_and_says_nothing_new() {
    let mut kit = kit();
    kit.silent();
    let question = kit.asked(1, 1);
    let packet = question.write(SocketId(7), 5);
    assert_eq!(packet.len(), HEADER + 28);
    assert!(packet.len() <= 3 * data(1).len() && packet.len() <= 3 * kit.ack(1).len());
    assert!(packet.len() < 3 * alive(1).len());
    // One before its first, which it need not have sent.
    assert_eq!(packet[HEADER..HEADER + 4], (FIRST - 1).to_be_bytes());
    let header = Header::read(&packet).unwrap();
    assert_eq!((header.destination, header.timestamp), (SocketId(7), 5));
    assert_eq!(count(&header), question.number);
}

#[test]
fn what_is_acknowledged_by_a_question_stays_far_behind_but_not_forever() {
    let mut kit = kit();
    let last = 20_000;
    for number in 0..=last {
        kit.heard(&data(number));
    }
    kit.silent();
    let question = kit.asked(1, last + 1);
    assert_eq!(ahead(FIRST, question.acknowledged), last - AHEAD);
}

#[test]
fn nobody_is_followed_while_the_old_address_speaks() {
    let mut kit = kit();
    for number in 0..10 {
        kit.now += SILENT / 2;
        kit.heard(&control(ControlKind::KEEP_ALIVE, SocketId(1), &[0; 4]));
        assert!(!kit.strange(1, &data(number)));
    }
}

#[test]
fn three_must_come_from_one_address_and_others_do_not_count() {
    let mut kit = kit();
    kit.silent();
    let keep_alive = control(ControlKind::KEEP_ALIVE, SocketId(1), &[0; 4]);
    for number in 0..10 {
        assert!(!kit.strange(1, &data(number)));
        assert!(!kit.strange(2, &data(number)));
        assert!(!kit.strange(3, &keep_alive));
    }
    assert!(!kit.strange(1, &data(11)));
    // What anybody could send does not hinder either.
    assert!(!kit.strange(2, &keep_alive));
    assert!(!kit.strange(1, &data(12)));
    assert!(kit.strange(1, &data(13)));
}

#[test]
fn numbers_that_are_too_far_or_behind_do_not_count() {
    let mut kit = kit();
    kit.heard(&data(100));
    kit.silent();
    for ahead in [100, 50, 101 + AHEAD, 1 << 20, 1 << 30] {
        for _ in 0..4 {
            assert!(!kit.strange(1, &data(ahead)), "{ahead}");
        }
    }
    let short = &kit.ack(0)[..HEADER + 3];
    assert!(!kit.strange(1, short));
}

#[test]
fn a_late_datagram_does_not_move_the_numbers_back() {
    let mut kit = kit();
    kit.heard(&data(100));
    kit.heard(&data(20));
    kit.silent();
    for number in [21, 22, 23, 24] {
        assert!(!kit.strange(1, &data(number)));
    }
}

#[test]
fn who_has_nothing_but_a_sign_of_life_to_say_is_asked_at_once_and_takes_nobodys_place() {
    let mut kit = kit();
    kit.silent();
    let Stranger::Perhaps(question) = kit.says(1, &alive(1)) else { panic!("not asked") };
    assert_eq!(kit.answers(1, question.number), Stranger::Caller);
    kit.silent();
    assert!(!kit.strange(2, &data(1)) && !kit.strange(2, &data(2)));
    for timestamp in 1..9 {
        assert!(!kit.strange(3, &alive(timestamp)));
    }
    assert!(kit.strange(2, &data(3)));
}

#[test]
fn signs_of_life_leave_questions_for_who_shows_more() {
    let mut kit = kit();
    kit.silent();
    let mut asked = 0;
    for timestamp in 1..100 {
        asked += u32::from(kit.strange(1, &alive(timestamp)));
        kit.now += REST;
    }
    assert_eq!(asked, OF_SIGNS);
    let question = kit.asked(2, 1);
    assert_eq!(kit.answers(2, question.number), Stranger::Caller);
}
