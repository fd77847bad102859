//! What the crates promise while servers die, freeze and lie.

#![cfg(test)]

mod above;
mod connection;
mod harness;
mod support;
