//! What keeps and returns data, on real servers: keys, backups, drills, runbooks.

#![cfg(test)]

mod backup;
mod drill;
mod keys;
mod matching;
mod pages;
mod runbooks;
mod support;
mod warm;
