//! `redstart load` against real servers.

mod command;
mod engine;
mod places;
mod service;
mod support;
