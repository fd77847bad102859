//! What the crates promise, against a real server.

#![cfg(test)]

mod alerts;
mod batches;
mod cache;
mod cache_bounds;
mod certainty;
mod coherence;
mod config;
mod conformance;
mod connection;
mod edge;
mod feed;
mod freshness;
mod gate;
mod gather;
mod harness;
mod harness_cluster;
mod harness_sentinel;
mod harness_tls;
mod inspect;
mod jobs;
mod lock;
mod metrics;
mod prometheus;
mod ratelimit;
mod rest;
mod scheduled;
mod secure;
mod single_flight;
mod state;
mod subscription;
mod support;
mod topology;
mod warming;
