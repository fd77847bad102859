//! Variables over a file.

use super::*;

#[track_caller]
fn check(toml: &str, variables: &[(&str, &str)], shown: &str, secret: Option<&str>) {
    let config = over_file(&format!("[redis]\n{toml}"), variables).expect("it is right");
    assert_eq!((config.describe().as_str(), password(&config)), (shown, secret), "{toml} {variables:?}");
}

#[test]
fn variable_goes_before_its_field() {
    let file = "url = \"redis://h\"\nmode = \"standalone\"\ntimeouts.command = \"1s\"\npool.size = 5\nfallback = \"none\"";
    let config =
        over_file(&format!("[redis]\n{file}"), &[("REDIS_READ_TIMEOUT", "50"), ("REDIS_FALLBACK", "memory")]);
    let config = config.expect("it is right");
    assert_eq!(
        (config.command_timeout, config.pool_size, config.standby),
        (Duration::from_millis(50), 5, true)
    );
    check(file, &[("REDIS_MODE", "memory")], "memory", None);
    check(file, &[("REDIS_DB", "3")], "redis://h:6379/3", None);
    check("host = \"a\"\nport = 1", &[("REDIS_PORT", "2")], "redis://a:2/0", None);
    check("url = \"redis://a:1\"", &[("REDIS_PORT", "2")], "redis://a:2/0", None);
}

#[test]
fn servers_that_are_named_take_the_place_of_all_others() {
    let other = ("REDIS_URL", "redis://other");
    check("url = \"redis://a:1/3\"", &[other], "redis://other:6379/0", None);
    check("host = \"a\"\nport = 1", &[("REDIS_HOST", "other")], "redis://other:6379/0", None);
    check("nodes = [\"a\"]", &[other], "redis://other:6379/0", None);
    check("mode = \"cluster\"\nnodes = [\"a\"]", &[other], "redis://other:6379/0", None);
    check("mode = \"memory\"", &[other], "redis://other:6379/0", None);
    check("mode = \"cluster\"", &[other], "cluster other:6379", None);
    check("port = 1", &[("REDIS_HOST", "other")], "redis://other:1/0", None);
    check("url = \"redis://a\"", &[("REDIS_NODES", "b,c")], "cluster b:6379,c:6379", None);
    check("mode = \"standalone\"\nhost = \"a\"", &[("REDIS_NODES", "b")], "cluster b:6379", None);
    check("nodes = [\"a\"]\nsentinel.master = \"m\"", &[("REDIS_NODES", "b")], "sentinel m at b:26379", None);
}

#[test]
fn secrets_of_an_address_stay_with_it() {
    let file = "url = \"rediss://app:old@a/3\"";
    check(file, &[("REDIS_URL", "redis://b")], "redis://b:6379/0", None);
    check(file, &[("REDIS_HOST", "b")], "redis://b:6379/0", None);
    check(file, &[("REDIS_NODES", "b")], "cluster b:6379", None);
    check(file, &[("REDIS_PASSWORD", "new")], "rediss://app@a:6379/3", Some("new"));
    check(file, &[("REDIS_TLS", "false"), ("REDIS_USERNAME", "me")], "redis://me@a:6379/3", Some("old"));
    // What stands beside the address fills in what another one lacks.
    let file = "host = \"a\"\nusername = \"app\"\npassword = \"old\"";
    check(file, &[("REDIS_URL", "redis://b")], "redis://app@b:6379/0", Some("old"));
    check(file, &[("REDIS_URL", "redis://me:new@b")], "redis://me@b:6379/0", Some("new"));
}

#[test]
fn password_and_password_file_replace_each_other() {
    let file = "url = \"redis://:old@a\"";
    let config =
        over_file(&format!("[redis]\n{file}"), &[("REDIS_PASSWORD_FILE", "/dev/null")]).expect("it is right");
    assert!(config.password.is_none() && config.provider.is_some());
    check(
        "host = \"a\"\npassword_file = \"/dev/null\"",
        &[("REDIS_PASSWORD", "new")],
        "redis://a:6379/0",
        Some("new"),
    );
}

#[test]
fn breaker_that_is_off_keeps_its_numbers() {
    let file = "[redis]\nbreaker = { enabled = false, window = \"5s\" }";
    assert_eq!(over_file(file, &[]).expect("it is right").breaker, None);
    let config =
        over_file(file, &[("REDIS_BREAKER", "true"), ("REDIS_BREAKER_MIN", "7")]).expect("it is right");
    let breaker = config.breaker.expect("it is on");
    assert_eq!((breaker.window, breaker.min_calls), (Duration::from_secs(5), 7));
}

#[test]
fn each_problem_is_where_the_value_stands() {
    let error = over_file("[redis]\nurl = \"redis://h\"\npool.size = 0\ndb = 1", &[("REDIS_LANES", "0")]);
    let error = error.expect_err("two problems");
    let [lanes, size] = error.problems() else { panic!("{error}") };
    assert_eq!((lanes.variable(), lanes.place()), ("REDIS_LANES", None));
    assert_eq!(size.variable(), "redis.pool.size");
    assert!(size.place().is_some_and(|place| place.ends_with(":3:13")), "{size}");
    let error = over_file("[redis]\nurl = \"redis://h\"\npool.size = 0", &[("REDIS_POOL_SIZE", "0")]);
    assert_eq!(named(error), ["REDIS_POOL_SIZE"], "the variable is what counts");
}

#[test]
fn second_server_has_the_settings_of_the_first_and_a_login_of_its_own() {
    let config = over_file(
        "[redis]\nrest = { url = \"https://kv.example.org\", token = \"t\" }\nprefix = \"p\"\ntimeouts.connect = \"70ms\"",
        &[
            ("REDIS_COORDINATION_URL", "redis://me@b"),
            ("REDIS_PASSWORD", "x"),
            ("REDIS_MODE", "standalone"),
            ("REDIS_HOST", "a"),
        ],
    );
    assert_eq!(named(config), ["REDIS_COORDINATION_URL"], "a user without a password");
    let config = read(&[
        ("REDIS_URL", "redis://app:secret@a/3"),
        ("REDIS_KEY_PREFIX", "p"),
        ("REDIS_CONNECT_TIMEOUT", "70"),
        ("REDIS_COORDINATION_URL", "redis://b"),
        ("REDIS_MEMORY_POLICY", "allkeys-lru"),
    ]);
    let config = config.expect("it is right");
    let second = config.coordination().expect("it is named");
    assert_eq!((second.describe().as_str(), password(second)), ("redis://b:6379/0", None));
    assert_eq!((second.prefix.as_str(), second.connect_timeout), ("p", Duration::from_millis(70)));
    assert_eq!(second.memory_policy.as_deref(), Some("noeviction"));
    assert!(Arc::ptr_eq(&second.connections, &config.connections), "one bound on both");
    assert!(read(&[("REDIS_HOST", "a")]).expect("it is right").coordination().is_none());
}

#[test]
#[cfg(feature = "rest")]
fn second_server_beside_http_is_as_fast_as_any_other() {
    let config = read(&[
        ("REDIS_REST_URL", "https://kv.example.org"),
        ("REDIS_REST_TOKEN", "t"),
        ("REDIS_COORDINATION_URL", "redis://b"),
    ]);
    let config = config.expect("it is right");
    assert_eq!(config.command_timeout, Duration::from_secs(1));
    assert_eq!(config.coordination().expect("it is named").command_timeout, Duration::from_millis(200));
}

#[test]
fn second_server_is_encrypted_where_its_address_or_the_setting_says_so() {
    let encrypted = |variables: &[(&str, &str)]| {
        let config = read(variables).expect("it is right");
        let second = config.coordination().expect("it is named");
        (config.tls.is_some(), second.tls.as_ref().map(|tls| tls.ca_file.is_some()))
    };
    let (plain, tls) = (("REDIS_COORDINATION_URL", "redis://b"), ("REDIS_COORDINATION_URL", "rediss://b"));
    let file = ("REDIS_TLS_CA_FILE", "/dev/null");
    assert_eq!(encrypted(&[("REDIS_URL", "rediss://a"), plain]), (true, None));
    assert_eq!(encrypted(&[("REDIS_URL", "redis://a"), tls]), (false, Some(false)));
    assert_eq!(encrypted(&[("REDIS_URL", "redis://a"), ("REDIS_TLS", "true"), plain]), (true, Some(false)));
    assert_eq!(encrypted(&[("REDIS_URL", "redis://a"), file, plain]), (true, Some(true)));
    assert_eq!(
        encrypted(&[("REDIS_URL", "redis://a"), file, ("REDIS_TLS", "false"), tls]),
        (false, Some(true))
    );
}
