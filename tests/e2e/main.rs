//! The example service as its users meet it: a process of its own, over HTTP.

#![cfg(test)]

mod coordination;
mod dashboard;
mod examples;
mod limits;
mod marketplace;
mod payments;
mod prices;
mod prometheus;
mod service;
mod state;
mod topology;
mod warming;
