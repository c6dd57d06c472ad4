//! Who is asked: pages of metrics, and what can be read on this machine.

use std::fmt;
use std::sync::Arc;

use plimsoll_core::spec::{Secret, TransportSpec};
use url::Url;

use super::gpus::Gpus;
use crate::process::Process;
use crate::transport::{Origin, OriginError, PageAddress, TlsConfig};

/// Text first: it is walked without looking into what nobody wants.
pub(super) const ACCEPT: &str = "text/plain;version=0.0.4, application/openmetrics-text;q=0.7, \
    application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited;q=0.5, */*;q=0.1";

/// One who is asked.
#[derive(Clone, Debug)]
pub enum WatchTarget {
    /// A page of metrics.
    Page(Box<PageTarget>),
    /// A process of this machine.
    Process(Process),
    /// This machine.
    Host,
    /// The accelerators of this machine.
    Gpus(Arc<Gpus>),
}

impl WatchTarget {
    /// Its name in files and reports, without secrets.
    pub fn name(&self) -> String {
        match self {
            WatchTarget::Page(page) => page.name.clone(),
            WatchTarget::Process(process) => format!("process {}", process.pid()),
            WatchTarget::Host => "host".to_owned(),
            WatchTarget::Gpus(_) => "nvml".to_owned(),
        }
    }
}

impl From<PageTarget> for WatchTarget {
    fn from(page: PageTarget) -> Self {
        WatchTarget::Page(Box::new(page))
    }
}

/// A page of metrics.
#[derive(Clone)]
pub struct PageTarget {
    /// Its URL without user, password, query and fragment: each may have a secret.
    pub(super) name: String,
    pub(super) address: PageAddress,
    pub(super) transport: TransportSpec,
    pub(super) tls: Option<Arc<TlsConfig>>,
}

impl fmt::Debug for PageTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PageTarget").field(&self.name).finish()
    }
}

impl PageTarget {
    /// The page at `url`, whose user and password the caller has taken, asked with these header fields. A URL without a
    /// path means `/metrics`.
    ///
    /// # Errors
    /// It is no http or https URL with a host.
    pub fn at(
        url: &str,
        headers: Vec<(String, Secret)>,
        transport: &TransportSpec,
        tls: Option<Arc<TlsConfig>>,
    ) -> Result<PageTarget, OriginError> {
        let mut origin = Origin::parse(url)?;
        let parsed = Url::parse(url)
            .map_err(|error| OriginError::Syntax { url: url.to_owned(), reason: error.to_string() })?;
        let path = if parsed.path() == "/" { "/metrics" } else { parsed.path() };
        let query = parsed.query().map_or_else(String::new, |query| format!("?{query}"));
        origin.base_path = String::new();
        let path = format!("{path}{query}");
        Ok(PageTarget::new(
            PageAddress { origin, path, headers, api_key: None, accept: ACCEPT },
            transport,
            tls,
        ))
    }

    pub(super) fn new(
        address: PageAddress,
        transport: &TransportSpec,
        tls: Option<Arc<TlsConfig>>,
    ) -> PageTarget {
        let origin = &address.origin;
        let scheme = if origin.tls { "https" } else { "http" };
        let path = address.path.split('?').next().unwrap_or_default();
        let name = format!("{scheme}://{}{}{path}", origin.authority, origin.base_path);
        let tls = tls.filter(|_| origin.tls);
        PageTarget { name, address, transport: transport.clone(), tls }
    }

    /// Its name in files and reports.
    pub fn name(&self) -> &str {
        &self.name
    }
}

#[cfg(test)]
mod tests {
    use plimsoll_core::testing;
    use plimsoll_core::watch::PROTOBUF_TYPE;

    use super::*;

    #[test]
    fn urls_become_pages_whose_names_have_no_secrets() {
        let transport = testing::run().transport;
        for (url, name, path) in [
            ("http://h:9400", "http://h:9400/metrics", "/metrics"),
            ("https://h/a/b?token=secret", "https://h/a/b", "/a/b?token=secret"),
            ("http://[::1]:1/", "http://[::1]:1/metrics", "/metrics"),
        ] {
            let page = PageTarget::at(url, Vec::new(), &transport, None).unwrap();
            assert_eq!((page.name(), page.address.path.as_str()), (name, path), "{url}");
            assert!(!format!("{page:?}").contains("secret"));
        }
        assert!(PageTarget::at("ftp://h", Vec::new(), &transport, None).is_err());
    }

    #[test]
    fn protobuf_is_asked_for_by_the_name_that_is_understood() {
        assert!(ACCEPT.contains(PROTOBUF_TYPE), "{ACCEPT}");
    }
}
