//! Several servers: a cluster, and a master that sentinels name.

use super::super::testkit::{fake, output};
use super::*;
use srs_balance::directory::contract::{self, Rig};

/// A failover takes so long at most, with the times below.
const FAILOVER: Duration = Duration::from_secs(15);

async fn masters() -> Vec<Server> {
    let arguments = ["--cluster-enabled", "yes", "--cluster-node-timeout", "1000"];
    let mut servers = Vec::new();
    for _ in 0..3 {
        servers.push(Server::start_with(&arguments).await);
    }
    let mut create: Vec<String> = ["--cluster", "create"].map(str::to_owned).to_vec();
    create.extend(servers.iter().map(Server::host));
    create.push("--cluster-yes".to_owned());
    output("redis-cli", &create);
    whole(&servers, 3).await;
    servers
}

/// Waits until all know this many others and no trouble.
async fn whole(servers: &[Server], nodes: usize) {
    for server in servers {
        until("a whole cluster", async || {
            let told = server.ask(&["CLUSTER", "INFO"]).await;
            let is_whole =
                told.contains("cluster_state:ok") && told.contains(&format!("cluster_known_nodes:{nodes}\r"));
            is_whole.then_some(())
        })
        .await;
    }
}

fn seeds(servers: &[Server]) -> Target {
    let hosts: Vec<String> = servers.iter().map(Server::host).collect();
    target(&format!("redis+cluster://{}", hosts.join(",")))
}

/// A stream whose claim is kept by this server.
async fn stream_of(server: &Server, redis: &Redis) -> String {
    for number in 0..1_000 {
        let name = format!("s{number}");
        let [claim, _] = redis.keys.stream(&key(&name));
        if !server.ask(&["GET", &claim]).await.starts_with("-MOVED") {
            return name;
        }
    }
    panic!("no stream of this server");
}

macro_rules! all_promises {
    ($servers:expr, [$($promise:ident),+ $(,)?]) => {
        $({
            let mut rig: Real<()> = Real::new((), seeds(&$servers)).await;
            contract::$promise(&mut rig as &mut dyn Rig).await;
        })+
    };
}

#[test]
fn a_cluster_keeps_every_promise() {
    run(async {
        let servers = masters().await;
        all_promises!(
            servers,
            [
                a_free_key_is_claimed_and_found,
                a_second_claim_is_told_the_first,
                a_claim_is_replaced_only_by_its_epoch,
                replacing_a_claim_that_is_gone_takes_the_free_key,
                an_epoch_below_the_last_is_refused,
                asking_again_with_the_same_claim_succeeds,
                a_claim_expires_with_its_lease,
                a_renewed_claim_lives_on,
                a_running_claim_that_was_lost_is_put_back,
                a_running_claim_ends_an_older_one,
                only_the_owner_renews_and_releases,
            ]
        );
        // Beats go their way there, too.
        let both = seeds(&servers);
        let [one, two] = [connected(both.clone(), "p1", LENIENT).await, connected(both, "p2", LENIENT).await];
        for name in ["a", "b", "c", "d"] {
            let id = NodeId::new(name).unwrap();
            one.post(Beat { id: id.clone(), body: "{}".into(), local: false, host: String::new() });
            assert_eq!(two.news().await[0].id, id);
        }
        // One stream on each of the three, by one directory.
        let redis = connected(seeds(&servers), "p1", LENIENT).await;
        for server in &servers {
            let name = stream_of(server, &redis).await;
            assert_eq!(redis.claim(&ask(&name, "a", 10), None, LEASE, NOW).await, Ok(()));
            assert_eq!(redis.lookup(&key(&name), NOW).await, Ok(Some(ask(&name, "a", 10))));
            assert_eq!(redis.release(&ask(&name, "a", 10), NOW).await, Ok(()));
        }
    });
}

#[test]
fn a_cluster_goes_on_by_failover() {
    run(async {
        let mut servers = masters().await;
        let replica =
            Server::start_with(&["--cluster-enabled", "yes", "--cluster-node-timeout", "1000"]).await;
        let id = servers[0].ask(&["CLUSTER", "MYID"]).await.lines().nth(1).unwrap().to_owned();
        let words = [
            "--cluster",
            "add-node",
            &replica.host(),
            &servers[0].host(),
            "--cluster-slave",
            "--cluster-master-id",
            &id,
        ];
        output("redis-cli", &words.map(str::to_owned));
        whole(&servers, 4).await;
        until("the replica to follow", async || {
            replica.ask(&["INFO", "replication"]).await.contains("master_link_status:up").then_some(())
        })
        .await;
        // The survivors are the seeds: what is asked of the others comes by redirection.
        let redis = connected(seeds(&servers[1..]), "p1", PATIENCE).await;
        let name = stream_of(&servers[0], &redis).await;
        let claimed = async || redis.claim(&ask(&name, "a", 10), None, LEASE, NOW).await.ok();
        until("a claim", claimed).await;
        let generation = redis.generation();
        servers[0].kill();
        let begun = Instant::now();
        until("the replica's answer", async || redis.renew(&ask(&name, "a", 10), LEASE, NOW).await.ok())
            .await;
        assert!(begun.elapsed() < FAILOVER, "{:?}", begun.elapsed());
        until("another generation", async || (redis.generation() != generation).then_some(())).await;
    });
}

#[test]
fn a_master_named_by_sentinels_is_followed_when_it_fails() {
    run(async {
        let mut master = Server::start().await;
        let port = master.port.to_string();
        let replica = Server::start_with(&["--replicaof", "127.0.0.1", &port]).await;
        until("the replica to follow", async || {
            replica.ask(&["INFO", "replication"]).await.contains("master_link_status:up").then_some(())
        })
        .await;
        let sentinel = Server::sentinel(&format!(
            "sentinel monitor one 127.0.0.1 {port} 1\nsentinel down-after-milliseconds one 1000\n\
             sentinel failover-timeout one 3000\n"
        ))
        .await;
        until("the sentinel to know the replica", async || {
            let told = sentinel.ask(&["SENTINEL", "replicas", "one"]).await;
            told.contains(&replica.port.to_string()).then_some(())
        })
        .await;
        // The first of the sentinels is down.
        let dead = testkit::free_port();
        let url = format!("redis+sentinel://127.0.0.1:{dead},{}/one", sentinel.host());
        let redis = connected(target(&url), "p1", PATIENCE).await;
        until("a claim", async || redis.claim(&ask("s", "a", 10), None, LEASE, NOW).await.ok()).await;
        let generation = redis.generation();
        master.kill();
        let begun = Instant::now();
        until("the new master's answer", async || redis.renew(&ask("s", "a", 10), LEASE, NOW).await.ok())
            .await;
        assert!(begun.elapsed() < FAILOVER, "{:?}", begun.elapsed());
        assert_ne!(redis.generation(), generation);
        assert_eq!(replica.number(&["EXISTS", &redis.keys.stream(&key("s"))[0]]).await, 1);
    });
}

#[test]
fn a_sentinel_that_names_a_replica_is_not_believed() {
    run(async {
        let master = Server::start().await;
        let replica = Server::start_with(&["--replicaof", "127.0.0.1", &master.port.to_string()]).await;
        let names = async |port: u16| {
            let port = port.to_string();
            let answer = format!("*2\r\n$9\r\n127.0.0.1\r\n${}\r\n{port}\r\n", port.len());
            fake(move |_| Some(answer.clone().into_bytes())).await
        };
        let (behind, right) = (names(replica.port).await, names(master.port).await);
        let redis = connected(target(&format!("redis+sentinel://{behind},{right}/one")), "p1", LENIENT).await;
        assert_eq!(redis.claim(&ask("s", "a", 10), None, LEASE, NOW).await, Ok(()));
    });
}
