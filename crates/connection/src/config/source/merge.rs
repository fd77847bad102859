//! All sources as one configuration.

use std::collections::HashMap;

use super::{Label, Source, login::Login, reader::Reader, servers::Servers, settings, tls::Tls};
use crate::config::{Config, ConfigError, Problem, VARIABLES, Variable, url, url::Located, validate};

/// Reads the sources, that of most weight last; two values in one source are an error, in two the later wins.
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
        servers = Servers::read(reader, url.as_ref()).over(servers);
        login = Login::read(reader, url.as_ref()).over(login);
        tls = Tls::read(reader, url.as_ref()).over(tls);
        coordination = located(reader, "REDIS_COORDINATION_URL").0.or(coordination);
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
    for reader in &mut readers {
        settings::apply(reader, &mut config);
    }
    if let Some(second) = coordination {
        config.coordination = Some(Box::new(config.clone().moved_to(second)));
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
        labels.extend(read);
    }
    let mut problems: Vec<Problem> =
        problems.into_iter().map(|problem| labelled(problem, &labels, only)).collect();
    problems.sort_by_key(Problem::rank);
    problems.dedup();
    if problems.is_empty() { Ok(config) } else { Err(ConfigError::new(problems)) }
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
