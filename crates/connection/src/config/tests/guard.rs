//! What environments tolerate.

use super::*;

#[derive(Debug, Eq, PartialEq)]
enum Told {
    Fine,
    Warned(Vec<String>),
    Refused(Vec<String>),
}

fn told(environment: &str, variables: &[(&str, &str)]) -> Told {
    let variables = [variables, &[("ENVIRONMENT", environment)]].concat();
    match read(&variables) {
        Err(error) => Told::Refused(named(Err::<Config, _>(error))),
        Ok(config) => {
            let warnings = config.warnings();
            let mut warnings: Vec<_> = warnings.iter().map(|warning| warning.variable().to_owned()).collect();
            warnings.sort_unstable();
            if warnings.is_empty() { Told::Fine } else { Told::Warned(warnings) }
        }
    }
}

/// What is fine in development is a warning in staging and, if it is `wrong`, an error in production.
#[track_caller]
fn check(wrong: &[&str], variables: &[(&str, &str)]) {
    // What is warned of everywhere but in development is not the matter here.
    let always = [("REDIS_KEY_PREFIX", "p"), ("REDIS_DIGEST_SECRET", "s")];
    let variables = [variables, &always].concat();
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    assert_eq!(told("development", &variables), Told::Fine, "{variables:?}");
    for staging in ["staging", "Stage"] {
        let expected = if wrong.is_empty() { Told::Fine } else { Told::Warned(names(wrong)) };
        assert_eq!(told(staging, &variables), expected, "{variables:?}");
    }
    let expected = if wrong.is_empty() { Told::Fine } else { Told::Refused(names(wrong)) };
    assert_eq!(told("production", &variables), expected, "{variables:?}");
    let allowed = [variables.as_slice(), &[("REDIS_ALLOW_INSECURE", "true")]].concat();
    let expected = match wrong {
        [] => Told::Fine,
        ["REDIS_URL"] => Told::Refused(names(wrong)),
        _ => Told::Warned(names(wrong)),
    };
    assert_eq!(told("production", &allowed), expected, "{variables:?}");
}

#[test]
fn each_environment_tolerates_what_it_should() {
    check(&["REDIS_URL"], &[]);
    check(&[], &[("REDIS_MODE", "memory")]);
    check(&["REDIS_PASSWORD", "REDIS_TLS"], &[("REDIS_HOST", "10.0.0.1")]);
    check(&["REDIS_TLS"], &[("REDIS_HOST", "10.0.0.1"), ("REDIS_PASSWORD", "x")]);
    check(&["REDIS_PASSWORD"], &[("REDIS_URL", "rediss://10.0.0.1")]);
    check(&["REDIS_PASSWORD"], &[("REDIS_HOST", "127.0.0.1")]);
    check(&["REDIS_PASSWORD"], &[("REDIS_HOST", "localhost")]);
    check(&[], &[("REDIS_URL", "rediss://:x@redis.example.org")]);
    check(&[], &[("REDIS_URL", "rediss://10.0.0.1"), ("REDIS_PASSWORD_FILE", "/dev/null")]);
    let certificate = [("REDIS_TLS_CERT_FILE", "/dev/null"), ("REDIS_TLS_KEY_FILE", "/dev/null")];
    check(&[], &[&[("REDIS_HOST", "10.0.0.1")][..], &certificate].concat());
    check(&[], &[("REDIS_URL", "unix:/run/redis.sock")]);
    check(&["REDIS_PASSWORD", "REDIS_TLS"], &[("REDIS_NODES", "10.0.0.1,127.0.0.1")]);
    check(
        &["REDIS_COORDINATION_URL", "REDIS_COORDINATION_URL"],
        &[("REDIS_URL", "rediss://:x@10.0.0.1"), ("REDIS_COORDINATION_URL", "redis://10.0.0.2")],
    );
}

#[test]
#[cfg(feature = "rest")]
fn http_is_plain_text_too() {
    let token = ("REDIS_REST_TOKEN", "t");
    check(&["REDIS_TLS"], &[("REDIS_REST_URL", "http://srh:80"), token]);
    check(&[], &[("REDIS_REST_URL", "https://kv.example.org"), token]);
}

#[test]
fn what_is_only_unwise_is_warned_of() {
    let server = [("REDIS_URL", "rediss://:x@10.0.0.1")];
    let all = || Told::Warned(vec!["REDIS_DIGEST_SECRET".into(), "REDIS_KEY_PREFIX".into()]);
    assert_eq!((told("staging", &server), told("production", &server)), (all(), all()));
    assert_eq!(told("development", &server), Told::Fine);
    let sentinel = [
        ("REDIS_NODES", "10.0.0.1"),
        ("REDIS_SENTINEL_MASTER", "m"),
        ("REDIS_PASSWORD", "x"),
        ("REDIS_TLS", "true"),
        ("REDIS_KEY_PREFIX", "p"),
        ("REDIS_DIGEST_SECRET", "s"),
    ];
    assert_eq!(told("production", &sentinel), Told::Warned(vec!["REDIS_SENTINEL_PASSWORD".into()]));
    assert_eq!(told("development", &[("REDIS_HOST", "203.0.113.7")]), Told::Warned(vec!["REDIS_TLS".into()]));
}

#[test]
fn without_a_preset_nothing_is_refused() {
    let config = read(&[("REDIS_HOST", "redis.example.org")]).expect("nothing is refused");
    let warned: Vec<_> = config.warnings().iter().map(|warning| warning.variable().to_owned()).collect();
    assert_eq!(
        (config.preset(), warned),
        (None, vec!["REDIS_TLS".to_owned(), "REDIS_DIGEST_SECRET".to_owned()])
    );
}
