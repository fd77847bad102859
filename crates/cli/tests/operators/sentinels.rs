//! Doctor, configure and security where sentinels say who the primary is.

use redstart_testkit::Sentinels;

use crate::support::redstart;

#[test]
fn primary_is_examined_and_its_replicas_are_configured_too() {
    let mut sentinels = Sentinels::start();
    let nodes: Vec<_> = sentinels.sentinel_addresses().iter().map(ToString::to_string).collect();
    let way = format!("--nodes {} --sentinel {}", nodes.join(","), sentinels.master_name());

    let doctor = redstart(&format!("--json {way} doctor"), &[]);
    assert_eq!(doctor.code, 0, "{doctor:?}");
    let json = doctor.json();
    let checks = json["checks"].as_array().expect("checks");
    let verdict =
        |rule: &str| checks.iter().find(|check| check["rule"] == rule).expect("the rule")["verdict"].clone();
    assert_eq!(
        (verdict("unreachable"), verdict("replica-lag")),
        ("passed".into(), "passed".into()),
        "{doctor:?}"
    );

    let differs = redstart(&format!("{way} configure --for both --check --without-persistence"), &[]);
    assert_eq!(differs.code, 1, "{differs:?}");
    // A server that can't be asked stops the change before it begins.
    let replica = sentinels.addresses().into_iter().find(|address| *address != sentinels.master());
    let replica = replica.expect("there are replicas");
    sentinels.freeze(replica);
    let stopped = redstart(&format!("{way} --yes configure --for both --without-persistence"), &[]);
    assert_ne!(stopped.code, 0, "{stopped:?}");
    sentinels.thaw(replica);
    for address in sentinels.addresses() {
        let bound = sentinels.raw(address).command(&["CONFIG", "GET", "maxmemory"]).array().remove(1).text();
        assert_eq!(bound, "0", "{address}");
    }
    let applied = redstart(&format!("{way} --yes configure --for both --without-persistence"), &[]);
    assert_eq!(applied.code, 0, "{applied:?}");
    for address in sentinels.addresses() {
        let bound = sentinels.raw(address).command(&["CONFIG", "GET", "maxmemory"]).array().remove(1).text();
        assert_eq!(bound, "268435456", "{address}");
    }

    let security = redstart(&format!("--json {way} security --acl --components cache --prove"), &[]);
    assert_eq!(security.code, 0, "{security:?}");
    assert_eq!(security.json()[0]["proof"]["wrong"].as_array().map(Vec::len), Some(0), "{security:?}");
    let users = sentinels.raw(sentinels.master()).command(&["ACL", "USERS"]).array();
    assert_eq!(users.len(), 1, "the user that they were tried with is gone");
}
