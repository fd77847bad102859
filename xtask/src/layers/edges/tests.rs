use super::{Edge, violations};

fn check(from: &str, to: &str, dev: bool, refusal: Option<&str>) {
    let found = violations(&[Edge { from: from.into(), to: to.into(), dev }]);
    match refusal {
        None => assert!(found.is_empty(), "{found:?}"),
        Some(part) => assert!(found.len() == 1 && found[0].contains(part), "{from} → {to}: {found:?}"),
    }
}

#[test]
fn layers_look_down_only() {
    check("redstart-connection", "redstart-keys", false, None);
    check("redstart-http", "redstart-ratelimit", false, None);
    check("redstart", "redstart-lock", false, None);
    check("redstart-tests", "redstart", true, None);
    check("redstart-bench", "redstart-lock", false, None);
    check("redstart-faults", "redstart-testkit", false, None);
    check("redstart-cli", "redstart-monitor", false, None);
    check("redstart", "redstart-cli", false, Some("lower layer"));
    check("redstart-keys", "redstart-connection", true, Some("lower layer"));
    check("redstart-cache", "redstart-lock", true, Some("siblings"));
    check("redstart-lock", "redstart-http", false, Some("lower layer"));
}

#[test]
fn testkit_stands_on_the_connection_and_under_tests() {
    check("redstart-testkit", "redstart-connection", false, None);
    check("redstart-tests", "redstart-testkit", true, None);
    check("redstart", "redstart-testkit", false, None);
    check("redstart-bench", "redstart-testkit", false, None);
    check("redstart-cli", "redstart-testkit", false, None);
    check("redstart-testkit", "redstart-lock", false, Some("siblings"));
    check("redstart-http", "redstart-testkit", false, Some("no part of a product"));
    check("redstart-lock", "redstart-testkit", true, Some("no part of a product"));
}

#[test]
fn xtask_knows_keys_only() {
    check("xtask", "redstart-keys", false, None);
    check("xtask", "clap", false, None);
    check("xtask", "redstart-connection", false, Some("xtask must build"));
}

#[test]
fn package_may_turn_on_its_own_features_for_its_examples() {
    check("redstart", "redstart", true, None);
    check("redstart", "redstart", false, Some("siblings"));
}

#[test]
fn new_crate_needs_a_place() {
    check("redstart-mail", "redstart-keys", false, Some("an ADR"));
    check("redstart", "redstart-mail", false, Some("an ADR"));
}

#[test]
fn drivers_stay_behind_the_connection() {
    check("redstart-connection", "redis", false, None);
    check("redstart-connection", "bb8-redis", false, None);
    check("redstart-bench", "redis", false, None);
    check("redstart-cache", "moka", false, None);
    check("redstart-jobs", "bullmq-official", false, None);
    check("redstart-cache", "redis", false, Some("belongs behind"));
    check("redstart-jobs", "redis", false, Some("belongs behind"));
    check("redstart-state", "bullmq-official", false, Some("belongs behind"));
    check("redstart-tests", "redis", true, Some("belongs behind"));
    check("redstart-ratelimit", "moka", false, Some("belongs behind"));
    check("redstart-cache", "quick_cache", false, None);
    check("redstart-state", "quick_cache", false, Some("belongs behind"));
}

#[test]
fn axum_stays_in_http_and_examples() {
    check("redstart-http", "axum", false, None);
    check("redstart", "axum", true, None);
    check("redstart-tests", "axum", true, None);
    check("redstart-cli", "axum", true, None);
    check("redstart", "axum", false, Some("belongs behind"));
    check("redstart-cli", "axum", false, Some("belongs behind"));
    check("redstart-monitor", "axum", false, Some("belongs behind"));
}
