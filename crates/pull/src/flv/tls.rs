//! TLS towards a server whose certificate the system's roots vouch for.

use std::sync::{Arc, OnceLock};

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::incoming::Failed;

/// Opens TLS to the server called `host`.
pub(crate) async fn connect(stream: TcpStream, host: &str) -> Result<TlsStream<TcpStream>, Failed> {
    static CONFIG: OnceLock<Result<Arc<ClientConfig>, String>> = OnceLock::new();
    let config = CONFIG.get_or_init(|| client_config().map(Arc::new).map_err(|error| error.to_string()));
    let config = config.as_ref().map_err(|why| Failed::unreachable(format_args!("no TLS: {why}")))?;
    let name = ServerName::try_from(host.to_owned()).map_err(Failed::unreachable)?;
    TlsConnector::from(Arc::clone(config)).connect(name, stream).await.map_err(Failed::unreachable)
}

fn client_config() -> Result<ClientConfig, rustls::Error> {
    let mut roots = RootCertStore::empty();
    // One root that cannot be read is no reason to trust none.
    let found = rustls_native_certs::load_native_certs();
    let _counts = roots.add_parsable_certificates(found.certs);
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth())
}
