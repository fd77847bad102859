//! Commands over HTTP, as Upstash takes them, for places that have no TCP.

#[cfg(not(feature = "rest"))]
mod absent;
#[cfg(feature = "rest")]
mod answer;
#[cfg(feature = "rest")]
mod endpoint;
#[cfg(feature = "rest")]
mod pool;
#[cfg(feature = "rest")]
mod request;
#[cfg(feature = "rest")]
mod transport;

#[cfg(not(feature = "rest"))]
pub(crate) use self::absent::Rest;
#[cfg(feature = "rest")]
pub(crate) use self::transport::Rest;
