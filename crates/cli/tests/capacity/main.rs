//! `redstart load`, `bench` and `report` against real servers.

#![cfg(test)]

mod bench;
mod browser;
mod command;
mod engine;
mod places;
mod report_server;
mod report_service;
mod service;
mod support;
mod transcripts;
