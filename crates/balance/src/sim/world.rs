//! Everything that a life is made of, and how its parts reach each other.

use super::check::Judge;
use super::clock::{Ms, Task, Time};
use super::hall::{Hall, Kind, Line};
use super::heard::Beat;
use super::origin::Origin;
use super::publisher::index_of;
use super::{name_of, stream_key};
use crate::testkit::{START_MS, id};
use crate::{Balancer, Config, Node, OriginView, Registered};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    /// Things go wrong.
    Chaos,
    /// Everything works, and whoever publishes goes on.
    Calm,
    /// Everybody leaves.
    Over,
}

/// How an origin stands to the legs of a proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Life {
    Alive,
    Draining,
    Silent,
}

impl Life {
    fn of(view: &OriginView) -> Life {
        match view {
            _ if view.silent => Life::Silent,
            _ if view.node.draining => Life::Draining,
            _ => Life::Alive,
        }
    }
}

pub(super) struct Proxy {
    pub(super) run: u32,
    pub(super) up: bool,
    pub(super) started: Ms,
    pub(super) balancer: Arc<Balancer>,
    pub(super) line: Arc<Line>,
    pub(super) lives: Vec<Life>,
    /// Its legs to each origin.
    pub(super) legs: Vec<usize>,
    /// The post of each origin that was read last.
    read: BTreeMap<usize, u64>,
}

/// The newest beat of each origin: who posted it, its number, and when.
type Board = BTreeMap<usize, (usize, u64, Ms, Node)>;

pub(super) struct World {
    pub(super) time: Time,
    pub(super) hall: Arc<Hall>,
    pub(super) origins: RefCell<Vec<Origin>>,
    pub(super) proxies: RefCell<Vec<Proxy>>,
    /// Pairs of proxy and origin between which nothing passes.
    pub(super) cuts: RefCell<BTreeSet<(usize, usize)>>,
    /// Pairs between which heartbeats do not.
    pub(super) deaf: RefCell<BTreeSet<(usize, usize)>>,
    board: RefCell<Board>,
    posts: Cell<u64>,
    pub(super) stage: Cell<Stage>,
    /// When everything worked again.
    pub(super) healed: Cell<Ms>,
    pub(super) spawned: RefCell<Vec<Task>>,
    pub(super) judge: RefCell<Judge>,
    pub(super) names: usize,
    trace: Option<RefCell<VecDeque<String>>>,
}

/// Events that are shown of a life that failed.
const SHOWN: usize = 40;
/// Events that are kept of it.
const KEPT: usize = 10_000;

impl World {
    pub(super) fn new(time: Time, traced: bool) -> Rc<World> {
        let kind = match time.roll(10) {
            0..6 => Kind::Shared,
            6..8 => Kind::Mesh,
            _ => Kind::Memory,
        };
        let proxies = if kind == Kind::Memory { 1 } else { usize::try_from(time.between(2, 3)).unwrap() };
        let origins = usize::try_from(time.between(2, 5)).unwrap();
        let refuses = time.chance(30);
        let names = usize::try_from(time.between(1, 3)).unwrap();
        let hall = Hall::new(kind, time.clone(), proxies);
        let beats = |_: usize| {
            let sure = usize::try_from(time.roll(proxies as u64)).unwrap();
            (0..proxies).map(|proxy| proxy == sure || time.chance(60)).collect::<Vec<_>>()
        };
        let all = (0..origins).map(|index| Origin::new(index, refuses, beats(index))).collect();
        let world = World {
            hall,
            origins: RefCell::new(all),
            proxies: RefCell::default(),
            cuts: RefCell::default(),
            deaf: RefCell::default(),
            board: RefCell::default(),
            posts: Cell::new(0),
            stage: Cell::new(Stage::Chaos),
            healed: Cell::new(Ms::MAX),
            spawned: RefCell::default(),
            judge: RefCell::new(Judge::new(proxies, origins)),
            names,
            trace: traced.then(RefCell::default),
            time,
        };
        for index in 0..proxies {
            let proxy = world.make_proxy(index, 1, origins);
            world.proxies.borrow_mut().push(proxy);
        }
        world.note(|| {
            format!("{kind:?}: {proxies} proxies, {origins} origins, {names} streams, refuses {refuses}")
        });
        Rc::new(world)
    }

    /// Its wall clock is wrong by up to an hour.
    fn make_proxy(&self, index: usize, run: u32, origins: usize) -> Proxy {
        let started = self.time.now();
        let wrong = match self.time.roll(4) {
            0 => 0,
            1 => 7_200_000,
            _ => self.time.roll(7_200_001),
        };
        let started_unix_ms = START_MS - 3_600_000 + wrong + started;
        let line = Arc::new(Line::new(&self.hall, index, run));
        let me = id(&format!("p{index}"));
        let config = Config { started_unix_ms, me, ttl: Duration::from_secs(300) };
        let balancer = Arc::new(Balancer::new(config, Arc::clone(&line) as Arc<dyn crate::Directory>));
        let lives = vec![Life::Alive; origins];
        let legs = vec![0; origins];
        Proxy { run, up: true, started, balancer, line, lives, legs, read: BTreeMap::new() }
    }

    pub(super) fn restart_proxy(&self, index: usize) {
        let (run, origins) = {
            let proxies = self.proxies.borrow();
            (proxies[index].run + 1, proxies[index].legs.len())
        };
        let proxy = self.make_proxy(index, run, origins);
        self.proxies.borrow_mut()[index] = proxy;
        self.judge.borrow_mut().forget_proxy(index);
        self.note(|| format!("p{index} runs again"));
    }

    pub(super) fn note(&self, what: impl FnOnce() -> String) {
        if let Some(trace) = &self.trace {
            let mut trace = trace.borrow_mut();
            if trace.len() >= KEPT {
                trace.pop_front();
            }
            trace.push_back(format!("{:>7}  {}", self.time.now(), what()));
        }
    }

    pub(super) fn trace(&self) -> Vec<String> {
        let shown: usize =
            std::env::var("SRS_SIM_TRACE").ok().and_then(|text| text.parse().ok()).unwrap_or(SHOWN);
        let Some(trace) = &self.trace else { return Vec::new() };
        let trace = trace.borrow();
        trace.iter().skip(trace.len().saturating_sub(shown)).cloned().collect()
    }

    pub(super) fn fail(&self, why: String) {
        self.note(|| format!("FAILED: {why}"));
        self.judge.borrow_mut().failure.get_or_insert(why);
    }

    pub(super) fn spawn(&self, task: impl Future<Output = ()> + 'static) {
        self.spawned.borrow_mut().push(Box::pin(task));
    }

    pub(super) fn is_over(&self) -> bool {
        self.stage.get() == Stage::Over
    }

    /// The balancer of a proxy, and its clock.
    pub(super) fn balancer(&self, proxy: usize) -> (Arc<Balancer>, Duration) {
        let proxy = &self.proxies.borrow()[proxy];
        (Arc::clone(&proxy.balancer), Duration::from_millis(self.time.now() - proxy.started))
    }

    pub(super) fn runs(&self, proxy: usize, run: u32) -> bool {
        let proxy = &self.proxies.borrow()[proxy];
        proxy.up && proxy.run == run
    }

    pub(super) fn life(&self, proxy: usize, origin: usize) -> Life {
        self.proxies.borrow()[proxy].lives[origin]
    }

    pub(super) fn is_cut(&self, proxy: usize, origin: usize) -> bool {
        self.cuts.borrow().contains(&(proxy, origin))
    }

    /// A beat arrives at a proxy, from the origin or from the board.
    fn hear(&self, proxy: usize, origin: usize, node: Node, made: Ms) {
        let (balancer, now) = self.balancer(proxy);
        let beat = Beat::of(&node, made);
        let heard = balancer.register(node, now).unwrap();
        if heard == Registered::Restarted {
            self.judge.borrow_mut().dial_ok(proxy, origin);
        }
        if heard != Registered::Former {
            self.judge.borrow_mut().heard(proxy, origin, Some(beat), self.time.now());
        }
    }

    /// One beat to one proxy, with its answer.
    async fn beat(self: Rc<Self>, origin: usize, run: u32, proxy: usize, node: Node) {
        self.time.pass(self.time.roll(20)).await;
        if !self.proxies.borrow()[proxy].up {
            return;
        }
        self.hear(proxy, origin, node.clone(), self.time.now());
        if self.hall.kind == Kind::Mesh || self.hall.is_open(proxy) {
            self.posts.set(self.posts.get() + 1);
            let post = (proxy, self.posts.get(), self.time.now(), node);
            self.board.borrow_mut().insert(origin, post);
        }
        let (balancer, _) = self.balancer(proxy);
        let id = self.origins.borrow()[origin].id.clone();
        let mut fences = balancer.fenced(&id);
        fences.sort_by(|one, other| one.key.cmp(&other.key));
        self.time.pass(self.time.roll(20)).await;
        let mut origins = self.origins.borrow_mut();
        let origin = &mut origins[origin];
        if origin.run == run && origin.answers() {
            for fence in fences {
                self.note(|| format!("{} is told of {} of {}", origin.id, fence.epoch, fence.key));
                origin.fence(name_of(&fence.key), fence.epoch);
            }
        }
    }

    pub(super) async fn beats(self: Rc<Self>, origin: usize) {
        self.time.pass(self.time.roll(1_000)).await;
        while !self.is_over() {
            let (run, node) = {
                let mut origins = self.origins.borrow_mut();
                let origin = &mut origins[origin];
                let answers = origin.answers();
                if answers {
                    origin.keep(self.time.now());
                }
                (origin.run, answers.then(|| origin.node()))
            };
            if let Some(node) = node {
                for proxy in 0..self.proxies() {
                    let pair = (proxy, origin);
                    let beats = self.origins.borrow()[origin].beats[proxy];
                    if beats && !self.cuts.borrow().contains(&pair) && !self.deaf.borrow().contains(&pair) {
                        self.spawn(Rc::clone(&self).beat(origin, run, proxy, node.clone()));
                    }
                }
            }
            self.time.pass(1_000).await;
        }
    }

    /// Reads the board, judges health and asks origins whether they live: twice a second, while it runs.
    pub(super) async fn watch(self: Rc<Self>, proxy: usize, run: u32) {
        while self.runs(proxy, run) && !self.is_over() {
            self.read_board(proxy);
            self.probe(proxy);
            let (balancer, now) = self.balancer(proxy);
            let views = balancer.origins(now);
            self.judge_lives(proxy, &views);
            self.time.pass(500).await;
        }
    }

    fn judge_lives(&self, proxy: usize, views: &[OriginView]) {
        let lives = &mut self.proxies.borrow_mut()[proxy].lives;
        lives.fill(Life::Silent);
        for view in views {
            lives[index_of(&view.node.id)] = Life::of(view);
        }
    }

    /// A leg of a proxy to an origin begins.
    pub(super) fn add_leg(&self, proxy: usize, origin: usize) {
        let (balancer, now) = self.balancer(proxy);
        let views = balancer.origins(now);
        let life = views.iter().find(|view| index_of(&view.node.id) == origin).map_or(Life::Silent, Life::of);
        let proxy = &mut self.proxies.borrow_mut()[proxy];
        if proxy.legs[origin] == 0 || proxy.lives[origin] != Life::Alive {
            proxy.lives[origin] = life;
        }
        proxy.legs[origin] += 1;
    }

    pub(super) fn end_leg(&self, proxy: usize, origin: usize) {
        let legs = &mut self.proxies.borrow_mut()[proxy].legs[origin];
        *legs = legs.saturating_sub(1);
    }

    fn read_board(&self, proxy: usize) {
        let is_open = self.hall.kind == Kind::Mesh || self.hall.is_open(proxy);
        if !is_open || self.hall.kind == Kind::Memory {
            return;
        }
        let mut news = Vec::new();
        for (origin, (poster, post, at, node)) in &*self.board.borrow() {
            let read = &mut self.proxies.borrow_mut()[proxy].read;
            let is_new = read.get(origin) != Some(post) && self.time.now() < at + 15_000;
            if is_new && *poster != proxy && self.hall.sees(proxy, *poster) {
                read.insert(*origin, *post);
                news.push((*origin, node.clone(), *at));
            }
        }
        for (origin, node, made) in news {
            self.hear(proxy, origin, node, made);
        }
    }

    /// Those in use; all while the directory is gone.
    fn probe(&self, proxy: usize) {
        let all = self.hall.is_down(proxy);
        let (balancer, now) = self.balancer(proxy);
        for origin in 0..self.origins() {
            if !all && self.proxies.borrow()[proxy].legs[origin] == 0 {
                continue;
            }
            let id = self.origins.borrow()[origin].id.clone();
            let Some(node) = balancer.node(&id) else { continue };
            let answers = {
                let origins = self.origins.borrow();
                origins[origin].answers() && origins[origin].run.to_string() == node.instance
            };
            if answers && !self.is_cut(proxy, origin) {
                balancer.probe_answered(&id, now);
                self.judge.borrow_mut().heard(proxy, origin, None, self.time.now());
            } else {
                balancer.probe_failed(&id, now);
            }
        }
    }

    /// Keeps claims: twice a second, and when all is over now and then.
    pub(super) async fn tick(self: Rc<Self>, proxy: usize, run: u32) {
        let over = loop {
            let (balancer, now) = self.balancer(proxy);
            balancer.tick(now).await;
            if !self.runs(proxy, run) {
                return;
            }
            if self.is_over() {
                break self.time.now();
            }
            self.time.pass(500).await;
        };
        while self.time.now() < over + 900_000 {
            let step = if self.time.now() < over + 30_000 { 500 } else { 15_000 };
            self.time.pass(step).await;
            let (balancer, now) = self.balancer(proxy);
            balancer.tick(now).await;
        }
    }

    pub(super) fn drop_board(&self) {
        self.board.borrow_mut().clear();
    }

    pub(super) fn proxies(&self) -> usize {
        self.proxies.borrow().len()
    }

    pub(super) fn origins(&self) -> usize {
        self.origins.borrow().len()
    }

    pub(super) fn stream(&self, name: usize) -> srs_names::StreamKey {
        stream_key(name)
    }
}
