//! What keeps and returns data, on real servers: keys, backups, drills, runbooks.

mod backup;
mod drill;
mod keys;
mod matching;
mod runbooks;
mod support;
