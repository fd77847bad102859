//! Rules about who could do what, for those who examine a server.

use super::{setting, truth};
use crate::{Admission, Exposure, Facts, Rule, Told};

pub(super) const RULES: &[Rule] = &[
    Rule::new(
        "stranger",
        "a connection without a login: 1 on this machine, 2 elsewhere",
        "the server lets in who does not say who he is",
        "Give the default user a password or turn it off, once the services have users of their own.",
    )
    .by_command("redstart security --acl")
    .needing("a connection of its own to the server")
    .advises_beyond(0.0, 0)
    .critical_beyond(1.0, 20)
    .shown(|facts| admission(facts, |exposure| exposure.anonymous))
    .measures(|facts| admitted(facts, |exposure| exposure.anonymous)),
    Rule::new(
        "wrong-password",
        "a connection with a wrong password: 1 on this machine, 2 elsewhere",
        "the server lets in who has a wrong password",
        "Give the user a password (ACL SETUSER … resetpass >…): now any does.",
    )
    .by_command("redstart security --acl")
    .needing("a connection of its own to the server")
    .advises_beyond(0.0, 0)
    .critical_beyond(1.0, 20)
    .shown(|facts| admission(facts, |exposure| exposure.wrong_password))
    .measures(|facts| admitted(facts, |exposure| exposure.wrong_password)),
    Rule::new(
        "plain-text",
        "TLS, or a server on this machine",
        "what is said to the server can be heard on the way",
        "Have the server listen with TLS (tls-port, tls-cert-file, tls-key-file) and name it by rediss://.",
    )
    .by_command("export REDIS_TLS=true")
    .needing("a server")
    .warns_beyond(0.0, 15)
    .shown(|facts| {
        let Exposure { encrypted, local, .. } = exposure(facts)?;
        let shown = if *encrypted {
            "TLS"
        } else if *local {
            "plain text, on this machine"
        } else {
            "plain text"
        };
        Some(shown.to_owned())
    })
    .measures(|facts| exposure(facts).and_then(|exposure| truth(!exposure.encrypted && !exposure.local))),
    Rule::new(
        "default-user",
        "`ACL WHOAMI`",
        "this connection is the user `default`, whom every program shares",
        "Make a user for each service, with no more rights than it needs.",
    )
    .by_command("redstart security --acl")
    .needing("ACL WHOAMI (+acl|whoami)")
    .advises_beyond(0.0, 5)
    .shown(|facts| exposure(facts)?.user.known().cloned())
    .measures(|facts| truth(exposure(facts)?.user.known()? == "default")),
    Rule::new(
        "dangerous-commands",
        "commands that this connection may send: 1 on this machine, 2 elsewhere",
        "this connection may send commands that no service needs",
        "Take them away (ACL SETUSER … -@dangerous), or use a user with no more rights than it needs.",
    )
    .by_command("redstart security --acl")
    .needing("EVAL (+eval), Redis 7 or later")
    .advises_beyond(0.0, 5)
    .warns_beyond(1.0, 10)
    .shown(|facts| {
        let reachable = exposure(facts)?.reachable()?;
        Some(if reachable.is_empty() { "none".to_owned() } else { reachable.join(", ") })
    })
    .measures(|facts| {
        let exposure = exposure(facts)?;
        Some(if exposure.reachable()?.is_empty() {
            0.0
        } else if exposure.local {
            1.0
        } else {
            2.0
        })
    }),
    Rule::new(
        "weak-users",
        "`ACL LIST`: 1 where a user may do everything, 2 where one needs no secret",
        "a user is weak: anybody could come in by its name, or it may do everything",
        "Give each user a long random password and no more rights than it needs; turn off what nobody uses.",
    )
    .by_command("redstart security --acl")
    .needing("ACL LIST (+acl|list)")
    .advises_beyond(0.0, 5)
    .warns_beyond(1.0, 15)
    .shown(|facts| {
        let mut shown = Vec::new();
        for user in exposure(facts)?.users.known()?.iter().filter(|user| user.name != "default") {
            if user.is_open() {
                shown.push(format!("{}: no password, or one of the first that are tried", user.name));
            } else if user.is_mighty() {
                shown.push(format!("{}: every command on every key", user.name));
            }
        }
        Some(if shown.is_empty() { "none".to_owned() } else { shown.join("; ") })
    })
    .measures(|facts| {
        let users = exposure(facts)?.users.known()?;
        let mut others = users.iter().filter(|user| user.name != "default");
        let is_guessable = users.iter().any(|user| user.guessable && user.enabled);
        let is_open = is_guessable || others.clone().any(|user| user.is_open());
        Some(if is_open {
            2.0
        } else if others.any(|user| user.is_mighty()) {
            1.0
        } else {
            0.0
        })
    }),
    Rule::new(
        "protected-mode",
        "`protected-mode`, with a user `default` that needs no password",
        "the server takes commands from every network, and from everybody",
        "Turn protected-mode on, or set a password; bind the server to the addresses that its clients use.",
    )
    .by_command("redis-cli CONFIG SET protected-mode yes")
    .needing("CONFIG GET (+config|get) and ACL GETUSER (+acl|getuser)")
    .critical_beyond(0.0, 20)
    .shown(|facts| Some(format!("protected-mode {}", setting(facts, "protected-mode")?)))
    .measures(|facts| {
        let is_open = facts.default_user.known()?.is_open();
        let hears_all = setting(facts, "bind")
            .is_none_or(|bind| bind.is_empty() || bind.contains('*') || bind.contains("0.0.0.0"));
        truth(is_open && hears_all && setting(facts, "protected-mode")? == "no")
    }),
    Rule::new(
        "debug-command",
        "`enable-debug-command`, `enable-module-command`",
        "commands for debugging and for loading code are turned on for every network",
        "Set both to no or local in redis.conf, and restart the server; they can't be set while it runs.",
    )
    .needing("CONFIG GET (+config|get)")
    .warns_beyond(0.0, 10)
    .shown(|facts| {
        let (debug, module) =
            (setting(facts, "enable-debug-command")?, setting(facts, "enable-module-command")?);
        Some(format!("debug {debug}, module {module}"))
    })
    .measures(|facts| {
        let is_on = |name| setting(facts, name).map(|value| value == "yes");
        truth(is_on("enable-debug-command")? || is_on("enable-module-command")?)
    }),
    // Never measured: that it can't be seen is what there is to say.
    Rule::new(
        "encryption-at-rest",
        "the disks of the server",
        "what the server writes to disk is not encrypted",
        "Encrypt the volumes that hold dump.rdb and the append-only file, and their backups.",
    )
    .needing("the disks of the server, which it does not tell of: ask who runs it"),
];

fn exposure(facts: &Facts) -> Option<&Exposure> {
    let has_server = facts.status.mode != "memory";
    facts.examined.as_ref().map(|examined| &examined.exposure).filter(|_| has_server)
}

fn admission(facts: &Facts, of: fn(&Exposure) -> Told<Admission>) -> Option<String> {
    Some(match of(exposure(facts)?).known()? {
        Admission::Refused => "refused".to_owned(),
        Admission::Admitted => "let in".to_owned(),
    })
}

fn admitted(facts: &Facts, of: fn(&Exposure) -> Told<Admission>) -> Option<f64> {
    let exposure = exposure(facts)?;
    Some(match of(exposure).known()? {
        Admission::Refused => 0.0,
        Admission::Admitted if exposure.local => 1.0,
        Admission::Admitted => 2.0,
    })
}
