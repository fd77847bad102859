//! No input panics, and no text repeats a secret.

use proptest::{collection::vec, prelude::*, sample::select};

use super::*;

const CANARY: &str = "cAnArY";

/// The variables whose values are secrets.
const SECRETS: [&str; 7] = [
    "REDIS_PASSWORD",
    "REDIS_DIGEST_SECRET",
    "REDIS_SENTINEL_PASSWORD",
    "REDIS_REST_TOKEN",
    "UPSTASH_REDIS_REST_TOKEN",
    "KV_REST_API_TOKEN",
    "REDIS_PASSWORD_FILE",
];

/// Every name by which something can be set, but for the file's own.
fn names() -> Vec<&'static str> {
    let settings = VARIABLES.iter().filter(|setting| setting.field.is_some());
    settings.flat_map(|setting| [setting.name].into_iter().chain(setting.aliases.iter().copied())).collect()
}

/// What people write into variables, right or wrong, with a secret only where there may be one.
fn value() -> impl Strategy<Value = String> {
    let url = |scheme: &'static str| {
        ("[a-z0-9]{0,4}", "[-a-z0-9.:/?#@%\\[\\]]{0,8}")
            .prop_map(move |(user, rest)| format!("{scheme}{user}:{CANARY}@h{rest}"))
    };
    prop_oneof![
        3 => "\\PC{0,12}",
        2 => "[0-9a-z.,:=/ %-]{0,12}",
        2 => select(vec!["redis://", "rediss://", "unix://", "https://", "", "://", "h,redis://"]).prop_flat_map(url),
        1 => select(vec!["true", "cluster", "sentinel", "rest", "standalone", "h", "10.0.0.1", "1", "production"])
            .prop_map(str::to_owned),
    ]
}

fn setting() -> impl Strategy<Value = (String, String)> {
    let secret = ("[ -~]{0,4}", "[ -~]{0,4}").prop_map(|(before, after)| format!("{before}{CANARY}{after}"));
    prop_oneof![
        2 => (select(names()), value()).prop_map(|(name, value)| {
            // A name is for people: who logs in, and where.
            let is_name = ["USERNAME", "MASTER"].iter().any(|end| name.ends_with(end));
            (name.to_owned(), if is_name { "app".to_owned() } else { value })
        }),
        1 => (select(SECRETS.to_vec()), secret).prop_map(|(name, value)| (name.to_owned(), value)),
    ]
}

/// All that a configuration says, whatever becomes of it.
fn texts(read: Result<Config, ConfigError>) -> String {
    match read {
        Err(error) => format!("{error} {error:?}"),
        Ok(config) => {
            format!("{config:?} {} {:?} {:?}", config.describe(), config.warnings(), config.coordination())
        }
    }
}

fn variables(settings: &[(String, String)]) -> Vec<(&str, &str)> {
    settings.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn no_variable_panics_or_tells_a_secret(settings in vec(setting(), 0..8)) {
        let told = texts(read(&variables(&settings)));
        prop_assert!(!told.contains(CANARY), "{told}");
    }

    #[test]
    fn no_field_panics_or_tells_a_secret(settings in vec(setting(), 0..8), cut in 0..400_usize, junk in "\\PC{0,3}") {
        let mut file = String::from("[redis]\n");
        for (name, value) in &settings {
            let field = Variable::named(name).and_then(|setting| setting.field).unwrap_or("unknown");
            file.push_str(&format!("{field} = {value:?}\n"));
        }
        prop_assert!(!texts(Config::from_toml(&file)).contains(CANARY));
        // A file that was broken anywhere.
        let at = file.char_indices().map(|(at, _)| at).nth(cut).unwrap_or(file.len());
        file.insert_str(at, &junk);
        let told = texts(Config::from_toml(&file));
        // What became the name of a field is none of the secrets.
        let is_key = file.lines().any(|line| line.split('=').next().is_some_and(|key| key.contains(CANARY)));
        prop_assert!(is_key || !told.contains(CANARY), "{file}\n{told}");
    }

    #[test]
    fn no_file_panics(text in "\\PC{0,60}") {
        drop(texts(Config::from_toml(&text)));
        drop(texts(Config::from_toml(&format!("[redis]\n{text}"))));
    }
}

#[test]
fn secrets_stay_out_of_debug() {
    let config = Config::from_url("redis://:hunter2@h").expect("it is right").with_digest_secret("hunter3");
    let config = config.with_sentinel_credentials(Credentials::user("u", "hunter4"));
    let second = Config::rest("https://h", "hunter5").expect("it is right").with_coordination(config.clone());
    let shown = format!("{config:?} {second:?}");
    assert!(!shown.contains("hunter"), "{shown}");
}

#[test]
fn address_in_the_place_of_a_name_is_refused_and_not_repeated() {
    let error =
        read(&[("REDIS_HOST", "a"), ("REDIS_TLS_SERVER_NAME", "redis://:cAnArY@h")]).expect_err("no name");
    let told = error.to_string();
    assert!(told.contains("REDIS_TLS_SERVER_NAME") && !told.contains(CANARY), "{told}");
}
