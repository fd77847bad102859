//! What the crates promise while servers die, freeze and lie.

#![cfg(test)]

mod above;
mod cache;
mod cache_history;
mod cluster;
mod connection;
mod harness;
mod harness_cluster;
mod harness_sentinel;
mod limits;
mod lock;
mod lock_history;
mod lock_quorum;
mod lock_throughput;
mod sentinel;
mod standby;
mod state;
mod subscription;
mod support;
mod workers;
