//! What the environment says.

use std::{
    env, fmt,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
    str::FromStr,
    time::Duration,
};

use redstart::{
    Config, Store,
    http::{AdminToken, TrustedProxies},
    monitor::Webhook,
    ratelimit::PolicyTable,
};

use crate::{policies, tokens};

/// Everything that can be set from outside.
#[derive(Debug)]
pub(crate) struct Settings {
    /// Where to listen.
    pub(crate) address: SocketAddr,
    /// How to reach Redis.
    pub(crate) store: Config,
    /// What administrators show.
    pub(crate) admin_token: AdminToken,
    /// The rate limits.
    pub(crate) policies: PolicyTable,
    /// Whose word on the client's address counts.
    pub(crate) proxies: TrustedProxies,
    /// How long the bank takes over a royalty run.
    pub(crate) royalty_time: Duration,
    /// The file that changes the limits while the service runs.
    pub(crate) limits: Option<PathBuf>,
    /// How long the converter takes over an asset.
    pub(crate) processing_time: Duration,
    /// How many products are warmed; none for zero.
    pub(crate) warm: u32,
    /// How long the service waits for its caches to be warm before it says that it is ready.
    pub(crate) warm_wait: Duration,
    /// What signs tokens and hides codes.
    pub(crate) secret: Secret,
    /// Where messages to people go.
    pub(crate) outbox: Option<PathBuf>,
    /// How long the bank takes over a payment.
    pub(crate) payment_time: Duration,
    /// Who is told of alerts.
    pub(crate) webhooks: Vec<Webhook>,
    database: Option<PathBuf>,
}

/// A secret of all instances; it is not shown.
pub(crate) struct Secret(String);

impl Secret {
    pub(crate) fn bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}

/// One variable that this service reads by itself: name, default, meaning.
pub(crate) const VARIABLES: [(&str, &str, &str); 18] = [
    ("PORT", "3000", "Port to listen on; 0 takes any that is free."),
    ("MARKETPLACE_ADDRESS", "127.0.0.1", "Address to listen on."),
    (
        "ADMIN_HOSTS",
        "none",
        "Host names under which administrators change things, by commas; addresses and localhost always.",
    ),
    ("ADMIN_TOKEN", "none", "Token of the administrators, 16 characters or more; without it nobody is one."),
    (
        "MARKETPLACE_DB",
        "memory; on Redis a file beside the program",
        "File of the SQLite database, made at the first start; `:memory:` keeps it in memory.",
    ),
    (
        "RATE_LIMIT_<NAME>",
        "as in `policies.rs`",
        "A limit of this name, dashes as underscores: `N` in its own period, or `N/period` such as `5/15m`.",
    ),
    ("MARKETPLACE_LIMITS", "none", "TOML file with a table `limits`; read again whenever it changes."),
    ("TRUSTED_PROXIES", "none", "Networks whose `X-Forwarded-For` counts: `10.0.0.0/8, loopback, private`."),
    ("MARKETPLACE_ROYALTY_TIME", "1000", "Milliseconds that a royalty run takes."),
    ("MARKETPLACE_PROCESSING_TIME", "1000", "Milliseconds that the conversion of an asset takes."),
    (
        "MARKETPLACE_WARM",
        "200",
        "How many of the products used most are loaded at the start, and before each hour; 0 for none.",
    ),
    ("MARKETPLACE_WARM_WAIT", "1000", "Milliseconds that `/readyz` waits for that at the longest."),
    ("MARKETPLACE_PAYMENT_TIME", "0", "Milliseconds that a payment takes."),
    (
        "MARKETPLACE_SECRET",
        "another at each start",
        "What signs tokens and hides codes, 16 characters or more; the same for all instances.",
    ),
    ("MARKETPLACE_OUTBOX", "none", "File that messages to people are written to."),
    (
        "ALERT_SLACK_WEBHOOK",
        "none",
        "Address of an incoming webhook of Slack, or of a chat that takes its format.",
    ),
    ("ALERT_WEBHOOK", "none", "Address of a receiver of alerts as JSON."),
    (
        "ALERT_WEBHOOK_SECRET",
        "none",
        "What requests to `ALERT_WEBHOOK` are signed with, by Standard Webhooks.",
    ),
];

impl Settings {
    /// Reads the environment; answers everything that is wrong with it at once.
    pub(crate) fn from_env() -> Result<Self, Vec<String>> {
        let mut problems = Vec::new();
        let host = read("MARKETPLACE_ADDRESS", "an address such as 127.0.0.1", &mut problems);
        let port = read("PORT", "a number from 0 to 65535", &mut problems);
        let royalty_time = read("MARKETPLACE_ROYALTY_TIME", "a number of milliseconds", &mut problems);
        let processing_time = read("MARKETPLACE_PROCESSING_TIME", "a number of milliseconds", &mut problems);
        let warm = read("MARKETPLACE_WARM", "a number of products", &mut problems);
        let warm_wait = read("MARKETPLACE_WARM_WAIT", "a number of milliseconds", &mut problems);
        let payment_time = read("MARKETPLACE_PAYMENT_TIME", "a number of milliseconds", &mut problems);
        let secret = variable("MARKETPLACE_SECRET").unwrap_or_else(tokens::random);
        if secret.len() < 16 {
            problems.push("MARKETPLACE_SECRET is too short; right would be 16 characters or more".to_owned());
        }
        let store = Config::from_env()
            .map_err(|error| problems.extend(error.problems().iter().map(ToString::to_string)));
        let admin_token =
            variable("ADMIN_TOKEN").map_or_else(|| Ok(AdminToken::none()), |token| AdminToken::new(&token));
        let admin_token = admin_token.map_err(|error| problems.push(format!("ADMIN_TOKEN: {error}")));
        let limits = env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        let policies = policies::table().overridden_by(limits);
        let policies = policies.map_err(|error| problems.extend_from_slice(error.problems()));
        let hosts = variable("ADMIN_HOSTS").unwrap_or_default();
        let hosts: Vec<_> = hosts.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
        let admin_token = admin_token.map(|token| token.for_hosts(hosts));
        let proxies = variable("TRUSTED_PROXIES").unwrap_or_default().parse();
        let proxies = proxies.map_err(|error| problems.push(format!("TRUSTED_PROXIES, {error}")));
        let webhooks = webhooks(&mut problems);
        let (Ok(store), Ok(admin_token), Ok(policies), Ok(proxies), true) =
            (store, admin_token, policies, proxies, problems.is_empty())
        else {
            return Err(problems);
        };
        Ok(Self {
            address: SocketAddr::new(host.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST)), port.unwrap_or(3000)),
            store,
            admin_token,
            policies,
            proxies,
            royalty_time: Duration::from_millis(royalty_time.unwrap_or(1_000)),
            limits: variable("MARKETPLACE_LIMITS").map(PathBuf::from),
            processing_time: Duration::from_millis(processing_time.unwrap_or(1_000)),
            warm: warm.unwrap_or(200),
            warm_wait: Duration::from_millis(warm_wait.unwrap_or(1_000)),
            secret: Secret(secret),
            outbox: variable("MARKETPLACE_OUTBOX").map(PathBuf::from),
            payment_time: Duration::from_millis(payment_time.unwrap_or(0)),
            webhooks,
            database: variable("MARKETPLACE_DB").map(PathBuf::from),
        })
    }

    /// The file of the database; none keeps it in memory.
    ///
    /// What instances share on Redis they also share in the database: a cache in front of two
    /// different ones would tell each instance the other's truth.
    pub(crate) fn database(&self, store: &Store) -> Option<PathBuf> {
        match &self.database {
            Some(file) if file.as_os_str() == ":memory:" => None,
            Some(file) => Some(file.clone()),
            None if store.is_memory() => None,
            None => {
                let name = format!("marketplace {} {}", store.describe(), store.prefix());
                let words = name.split(|character: char| !character.is_ascii_alphanumeric());
                let words: Vec<_> = words.filter(|word| !word.is_empty()).collect();
                let folder = env::current_exe().ok().and_then(|program| Some(program.parent()?.to_owned()));
                Some(folder.unwrap_or_else(env::temp_dir).join(words.join("-")).with_extension("sqlite"))
            }
        }
    }
}

fn webhooks(problems: &mut Vec<String>) -> Vec<Webhook> {
    let slack =
        variable("ALERT_SLACK_WEBHOOK").map(|address| ("ALERT_SLACK_WEBHOOK", Webhook::slack(&address)));
    let json = variable("ALERT_WEBHOOK").map(|address| {
        let signed = Webhook::json(&address).and_then(|webhook| match variable("ALERT_WEBHOOK_SECRET") {
            Some(secret) => webhook.signed_with(&secret),
            None => Ok(webhook),
        });
        ("ALERT_WEBHOOK", signed)
    });
    let made = slack.into_iter().chain(json);
    made.filter_map(|(name, webhook)| webhook.map_err(|error| problems.push(format!("{name}: {error}"))).ok())
        .collect()
}

/// A variable that is set to something.
fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.trim().is_empty())
}

fn read<T: FromStr>(name: &str, right: &str, problems: &mut Vec<String>) -> Option<T> {
    let value = variable(name)?;
    let parsed = value.trim().parse().ok();
    if parsed.is_none() {
        problems.push(format!("{name} is '{}'; right would be {right}", value.escape_debug()));
    }
    parsed
}
