//! Where requests go, and what all of them say.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, Uri, header};
use http_body_util::Full;

use crate::{Certainty, Config, Error, ErrorKind, Result, config::Address};

/// By echoing what came under this name, a caller reads its own writes on whichever replica it meets.
pub(super) const SYNC_TOKEN: HeaderName = HeaderName::from_static("upstash-sync-token");
/// Asks for strings in base64, since they may hold any bytes.
const ENCODING: HeaderName = HeaderName::from_static("upstash-encoding");

/// The server behind HTTP.
#[derive(Clone, Debug)]
pub(super) struct Endpoint {
    pub(super) address: Address,
    host: HeaderValue,
    command: Uri,
    pipeline: Uri,
}

/// What a request asks for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Ask {
    One,
    Several,
}

impl Endpoint {
    pub(super) fn new(config: &Config) -> Result<Self> {
        let address = config.address();
        let is_default = matches!(
            (&address, config.tls.is_some()),
            (Address::Tcp { port: 443, .. }, true) | (Address::Tcp { port: 80, .. }, false)
        );
        let shown = address.to_string();
        let host = if is_default { shown.rsplit_once(':').map_or(&*shown, |(host, _)| host) } else { &shown };
        let path = config.rest.as_ref().map(|rest| rest.path.as_str()).unwrap_or_default();
        let uri = |path: &str| path.parse().map_err(|_| senseless(&address));
        Ok(Self {
            host: HeaderValue::from_str(host).map_err(|_| senseless(&address))?,
            command: uri(if path.is_empty() { "/" } else { path })?,
            pipeline: uri(&format!("{path}/pipeline"))?,
            address,
        })
    }

    /// A request that lacks nothing but who asks.
    pub(super) fn request(&self, ask: Ask, body: Bytes, sync: Option<&HeaderValue>) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = match ask {
            Ask::One => self.command.clone(),
            Ask::Several => self.pipeline.clone(),
        };
        let headers = request.headers_mut();
        headers.insert(header::HOST, self.host.clone());
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(ENCODING, HeaderValue::from_static("base64"));
        let agent = concat!("redstart/", env!("CARGO_PKG_VERSION"));
        headers.insert(header::USER_AGENT, HeaderValue::from_static(agent));
        if let Some(sync) = sync {
            headers.insert(SYNC_TOKEN, sync.clone());
        }
        request
    }
}

fn senseless(address: &Address) -> Error {
    let what = format!("{address} makes no address for HTTP");
    Error::new(ErrorKind::Config, Certainty::NotSent, what)
}
