use super::installs;

#[test]
fn plan_names_the_packages_to_install() {
    let plan = "Reading package lists...\n\
        Inst liblzf1 (3.6-3 Debian:12.5/oldstable [amd64])\n\
        Inst redis-server [5:7.0.11-1] (5:7.0.15-1 Debian:12.5/oldstable [amd64])\n\
        Conf liblzf1 (3.6-3 Debian:12.5/oldstable [amd64])\n";
    assert_eq!(installs(plan), ["liblzf1", "redis-server"]);
    assert!(installs("0 upgraded, 0 newly installed").is_empty());
}
