use redstart_testkit::{Cluster, RedisServer, Sentinels};

use crate::{
    support::{guarded, on, redstart},
    transcript,
};

#[test]
fn without_a_server_everything_is_embedded_and_it_says_so() {
    let answer = transcript::check("ping-embedded", "ping", || redstart("ping", &[]));
    assert_eq!(answer.code, 0, "{answer:?}");
}

#[test]
fn standalone_server_answers() {
    let server = RedisServer::start();
    let line = "ping --count 3 --interval 10ms";
    let answer = transcript::check("ping-standalone", line, || on(&server, line));
    assert_eq!(answer.code, 0, "{answer:?}");
}

#[test]
fn tls_and_login_come_from_the_environment_and_are_not_shown() {
    let server = guarded();
    let ca = server.ca_file();
    let variables = [
        ("REDIS_URL", format!("rediss://{}", server.address())),
        ("REDIS_USERNAME", "app".to_owned()),
        ("REDIS_PASSWORD", "app-eiPh0oow".to_owned()),
        ("REDIS_TLS_CA_FILE", ca.display().to_string()),
    ];
    let mut variables = variables.each_ref().map(|(name, value)| (*name, value.as_str()));
    let answer = redstart("--json ping", &variables);
    let json = answer.json();
    assert_eq!((answer.code, &json["encrypted"], &json["pings"]["answered"]), (0, &true.into(), &5.into()));
    assert!(!answer.text().contains("eiPh0oow"), "{answer:?}");

    variables[2].1 = "wrong-eiPh0oow";
    let refused = redstart("--json ping", &variables);
    assert_eq!((refused.code, &refused.json()["error"]["exitCode"]), (3, &3.into()), "{refused:?}");
    assert!(refused.text().contains("REDIS_PASSWORD") && !refused.text().contains("eiPh0oow"), "{refused:?}");
}

#[test]
fn sentinels_lead_to_the_primary() {
    let sentinels = Sentinels::start();
    let nodes: Vec<_> = sentinels.sentinel_addresses().iter().map(ToString::to_string).collect();
    let shown = "--nodes 10.0.0.1,10.0.0.2,10.0.0.3 --sentinel shop ping";
    let plain = format!("--nodes {} --sentinel {} ping", nodes.join(","), sentinels.master_name());
    transcript::check("ping-sentinel", shown, || redstart(&plain, &[]));
    let line = format!("--json --nodes {} --sentinel {} ping", nodes.join(","), sentinels.master_name());
    let answer = redstart(&line, &[]);
    let json = answer.json();
    assert_eq!((answer.code, json["mode"].as_str()), (0, Some("sentinel")), "{answer:?}");
    assert_eq!(json["servers"][0]["replicas"], 2, "{answer:?}");
}

#[test]
fn all_owners_of_a_cluster_are_named() {
    let cluster = Cluster::start();
    let line = format!("--nodes {} ping", cluster.master_of_slot(0));
    transcript::check("ping-cluster", &line, || redstart(&line, &[]));
    let answer = redstart(&format!("--json --nodes {} ping", cluster.addresses()[0]), &[]);
    let json = answer.json();
    assert_eq!((answer.code, json["mode"].as_str()), (0, Some("cluster")), "{answer:?}");
    assert_eq!(json["servers"].as_array().map(Vec::len), Some(3), "{answer:?}");
}

#[test]
fn nobody_at_home_is_told_by_the_exit_code() {
    let mut server = RedisServer::start();
    let url = server.url();
    server.kill();
    let answer = redstart(&format!("--url {url} ping"), &[]);
    assert_eq!(answer.code, 3, "{answer:?}");
    assert!(answer.stdout.is_empty() && answer.stderr.contains("→"), "{answer:?}");
    let wrong = redstart("--url http://:s3cret@there ping", &[]);
    assert_eq!(wrong.code, 2, "{wrong:?}");
    assert!(!wrong.text().contains("s3cret"), "{wrong:?}");
}
