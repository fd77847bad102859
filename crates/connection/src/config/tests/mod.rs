//! What configurations promise, without a server.

mod environment;
mod example;
mod file;
mod guard;
mod merge;
mod secrets;
mod validate;
mod variables;

use std::{collections::HashMap, io::Write as _};

use tempfile::NamedTempFile;

use super::*;

/// Reads variables alone.
fn read(variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let variables: HashMap<String, String> =
        variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Config::from_variables(|name| variables.get(name).cloned())
}

/// Reads a file, and variables over it.
fn over_file(toml: &str, variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let mut file = NamedTempFile::new().expect("there is a folder for it");
    file.write_all(toml.as_bytes()).expect("there is room");
    let path = file.path().display().to_string();
    read(&[variables, &[("REDIS_CONFIG_FILE", &path)]].concat())
}

fn described(variables: &[(&str, &str)]) -> String {
    read(variables).expect("the variables are right").describe()
}

/// The names of what is wrong.
fn named<T>(read: Result<T, ConfigError>) -> Vec<String> {
    let Err(error) = read else { return Vec::new() };
    error.problems().iter().map(|problem| problem.variable().to_owned()).collect()
}

fn password(config: &Config) -> Option<&str> {
    config.password.as_ref().map(ExposeSecret::expose_secret)
}
