//! stub
use crate::{BoxFuture, Clock, Tasks};
use redstart_keys::Ttl;
use std::time::{Duration, Instant};
#[derive(Debug)]
pub struct Renewer;
#[derive(Debug)]
pub struct Kept;
#[derive(Debug, Clone)]
pub struct Validity;
#[derive(Debug, Clone, Copy)]
pub enum Renewal {
    Kept,
    Lost,
    Unknown,
}
#[derive(Debug, Clone, Copy)]
pub enum Loss {
    Expired,
}
impl Renewer {
    pub(crate) fn new(_: Tasks, _: Clock) -> Self {
        Self
    }
    pub fn keep(
        &self,
        _: Ttl,
        _: Instant,
        _: impl Fn() -> BoxFuture<'static, Renewal> + Send + Sync + 'static,
    ) -> Kept {
        Kept
    }
}
impl Kept {
    pub fn validity(&self) -> Validity {
        Validity
    }
}
impl Validity {
    pub fn valid_for(&self) -> Duration {
        Duration::ZERO
    }
    pub fn is_valid(&self) -> bool {
        false
    }
    pub async fn lost(&self) -> Loss {
        Loss::Expired
    }
}
