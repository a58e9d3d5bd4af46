//! Passwords, users and TLS.

use super::super::testkit::{output, unique};
use super::*;

async fn reason(redis: &Redis, part: &str) -> String {
    until(part, async || match redis.lookup(&key("s"), NOW).await {
        Err(Error::Unavailable(why)) if why.contains(part) => Some(why),
        Err(Error::Unavailable(_)) => None,
        other => panic!("{other:?}"),
    })
    .await
}

#[test]
fn a_password_opens_and_a_wrong_one_does_not() {
    run(async {
        let server = Server::start_with(&["--requirepass", "p@ss/1"]).await;
        let good =
            connected(target(&format!("redis://:p%40ss%2F1@{}/2", server.host())), "p1", LENIENT).await;
        assert_eq!(good.claim(&ask("s", "a", 10), None, LEASE, NOW).await, Ok(()));
        let me = NodeId::new("p2").unwrap();
        let none = Redis::start_with(server.target(), &me, LENIENT);
        reason(&none, "NOAUTH").await;
        let wrong = Redis::start_with(target(&format!("redis://:hunter2@{}", server.host())), &me, LENIENT);
        let why = reason(&wrong, "authentication failed").await;
        assert!(!why.contains("hunter2"), "{why}");
    });
}

#[test]
fn a_user_has_to_be_let_in_by_name() {
    run(async {
        let server = Server::start().await;
        server.ask(&["ACL", "SETUSER", "proxy", "on", ">secret", "~*", "+@all"]).await;
        server.ask(&["ACL", "SETUSER", "default", "off"]).await;
        let redis =
            connected(target(&format!("redis://proxy:secret@{}", server.host())), "p1", LENIENT).await;
        assert_eq!(redis.claim(&ask("s", "a", 10), None, LEASE, NOW).await, Ok(()));
    });
}

/// Says to the test below where its server is, when it runs a second time in a process that trusts the certificate.
const TLS_SERVER: &str = "SRS_DIRECTORY_TLS_SERVER";

/// Makes a certificate for 127.0.0.1 and the authority that signed it, as files in this folder.
fn certificates(folder: &str) {
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
    let authority =
        format!("req -x509 {key} -days 2 -subj /CN=a -keyout {folder}/ca.key -out {folder}/ca.pem");
    let request = format!("req {key} -subj /CN=redis -keyout {folder}/key.pem -out {folder}/request.pem");
    let by = format!("-CA {folder}/ca.pem -CAkey {folder}/ca.key -set_serial 1 -extfile {folder}/names");
    let sign = format!("x509 -req -in {folder}/request.pem {by} -days 2 -out {folder}/cert.pem");
    std::fs::write(format!("{folder}/names"), "subjectAltName=IP:127.0.0.1\n").unwrap();
    for command in [authority, request, sign] {
        output("openssl", &command.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
    }
}

#[test]
fn tls_is_spoken_with_a_server_that_the_system_trusts_and_no_other() {
    if let Ok(host) = std::env::var(TLS_SERVER) {
        return run(async {
            let redis = connected(target(&format!("rediss://{host}")), "p1", LENIENT).await;
            assert_eq!(redis.claim(&ask("s", "a", 10), None, LEASE, NOW).await, Ok(()));
        });
    }
    run(async {
        let folder = std::env::temp_dir().join(unique("srs-directory-tls-"));
        std::fs::create_dir(&folder).unwrap();
        let path = |name: &str| folder.join(name).display().to_string();
        certificates(&folder.display().to_string());
        let tls_port = testkit::free_port().to_string();
        let (cert, key_file, ca) = (path("cert.pem"), path("key.pem"), path("ca.pem"));
        let files = ["--tls-cert-file", &cert, "--tls-key-file", &key_file, "--tls-ca-cert-file", &ca];
        let arguments = [&["--tls-port", &tls_port, "--tls-auth-clients", "no"][..], &files].concat();
        let _server = Server::start_with(&arguments).await;
        let host = format!("127.0.0.1:{tls_port}");
        let stranger = target(&format!("rediss://{host}"));
        let stranger = Redis::start_with(stranger, &NodeId::new("p2").unwrap(), LENIENT);
        reason(&stranger, "certificate").await;
        let name = "redis::tests::secure::tls_is_spoken_with_a_server_that_the_system_trusts_and_no_other";
        let again = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", name])
            .env(TLS_SERVER, &host)
            .env("SSL_CERT_FILE", &ca)
            .env_remove("SSL_CERT_DIR")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&again.stdout);
        assert!(again.status.success() && said.contains("1 passed"), "{said}");
        let _ = std::fs::remove_dir_all(&folder);
    });
}
