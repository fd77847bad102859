//! What the crates promise, against a real server.

#![cfg(test)]

mod cache;
mod certainty;
mod conformance;
mod connection;
mod feed;
mod gather;
mod harness;
mod lock;
mod metrics;
mod ratelimit;
mod support;
