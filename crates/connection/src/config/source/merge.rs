//! All sources as one configuration.

use std::{collections::HashMap, sync::Arc};

use super::{Label, Source, login::Login, reader::Reader, servers::Servers, settings, tls::Tls};
use crate::config::{Config, ConfigError, Problem, VARIABLES, Variable, url, url::Located, validate};

/// The eviction policy of a server for locks, limits and state: what it evicts was never promised.
const COORDINATION_POLICY: &str = "noeviction";

/// Reads the sources, that of most weight first.
///
/// Two values of one setting in one source are an error; of two sources the one with more weight has the
/// last word.
pub(in crate::config) fn read(sources: &[&dyn Source]) -> Result<Config, ConfigError> {
    let (mut servers, mut login, mut tls) = (Servers::default(), Login::default(), Tls::default());
    let mut coordination = None;
    let mut problems = Vec::new();
    let mut readers: Vec<Reader<'_>> = sources.iter().map(|source| Reader::new(*source)).collect();
    // What a broken address or file leaves behind says nothing about the servers.
    let mut is_readable = sources.iter().all(|source| source.problems().is_empty());
    for reader in &mut readers {
        let (url, is_right) = located(reader, "REDIS_URL");
        is_readable &= is_right;
        let own = Servers::read(reader, url.as_ref());
        login = login.or(Login::read(reader, url.as_ref()));
        tls = tls.or(Tls::read(reader, url.as_ref()));
        // The secrets in an address are for the server at that address, and it may have been replaced.
        if let Some(url) = url.filter(|_| !servers.are_named()) {
            tls = tls.or(Tls::of(&url));
            login = login.or(Login::of(url));
        }
        servers = servers.or(own);
        let (second, _) = located(reader, "REDIS_COORDINATION_URL");
        coordination = coordination.or(second);
    }
    let mut config = servers.config().unwrap_or_else(|wrong| {
        if is_readable {
            problems.extend(wrong);
        }
        is_readable = false;
        Config::memory()
    });
    problems.extend(login.apply(&mut config).err());
    problems.extend(tls.apply(&mut config).err());
    settings::apply(&mut readers, &mut config);
    if let Some(located) = coordination {
        config.coordination = Some(Box::new(second(located, sources, &tls, &config)));
    }
    problems.extend(validate::numbers(&config));
    if is_readable {
        problems.extend(validate::servers(&config));
    }
    let only = match sources {
        [source] => Some(*source),
        _ => None,
    };
    let mut labels = HashMap::new();
    for reader in readers {
        let (read, wrong) = reader.finish();
        problems.extend(wrong.into_iter().map(|problem| labelled(problem, &read, only)));
        for (name, label) in read {
            labels.entry(name).or_insert(label);
        }
    }
    let mut problems: Vec<Problem> =
        problems.into_iter().map(|problem| labelled(problem, &labels, only)).collect();
    problems.sort_by_key(Problem::rank);
    problems.dedup();
    if problems.is_empty() { Ok(config) } else { Err(ConfigError::new(problems)) }
}

/// The second server: all settings of the first, but the login of its own address alone.
fn second(located: Located, sources: &[&dyn Source], tls: &Tls, first: &Config) -> Config {
    let is_encrypted = located.tls || tls.is_asked_for();
    let mut config = located.config();
    // What is wrong with the files and with the settings was noted for the first server.
    config.tls = is_encrypted.then(|| tls.files().unwrap_or_default());
    settings::apply(&mut sources.iter().map(|source| Reader::new(*source)).collect::<Vec<_>>(), &mut config);
    config.replica_reads = false;
    config.connections = Arc::clone(&first.connections);
    // What the variables expect of the server's memory they expect of the first.
    config.memory_policy = Some(COORDINATION_POLICY.to_owned());
    config.max_memory = None;
    config
}

/// An address, and whether it could be read if there is one.
fn located(reader: &mut Reader<'_>, name: &'static str) -> (Option<Located>, bool) {
    let Some(text) = reader.text(name) else { return (None, true) };
    match url::parse(&text) {
        Ok(located) => (Some(located), true),
        Err(problem) => {
            reader.problem(name, problem.what().to_owned(), problem.right().to_owned());
            (None, false)
        }
    }
}

/// The problem under the name by which its setting was given.
fn labelled(problem: Problem, labels: &HashMap<&'static str, Label>, only: Option<&dyn Source>) -> Problem {
    let Some(setting) = Variable::named(problem.variable()) else { return problem };
    let rank = VARIABLES.iter().position(|variable| variable.name == setting.name);
    let problem = problem.ranked(rank.unwrap_or(usize::MAX));
    match (labels.get(setting.name), only) {
        (Some(Label { name, at }), _) => problem.about(name.clone()).at(at.clone()),
        (None, Some(source)) => problem.about(source.name(setting)),
        (None, None) => problem,
    }
}
