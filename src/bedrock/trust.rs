//! Whose certificates are trusted: the system's authorities, or those of a bundle.
//!
//! `AWS_CA_BUNDLE` and `ca_bundle` take the place of the system's authorities, as in the AWS CLI. The
//! SDK panics over a certificate that it cannot parse, so a bundle is read here first.

use std::path::Path;

use aws_smithy_http_client::tls::{TlsContext, TrustStore};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use super::error::ConnectError;
use super::profile::Setting;

/// Around each certificate of a PEM file.
const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

/// Names the file of the system's authorities, for the library that looks for them.
const SSL_CERT_FILE: &str = "SSL_CERT_FILE";

/// What is trusted where no bundle is named.
///
/// # Errors
/// [`ConnectError::BadBundle`], where `SSL_CERT_FILE` names a file without certificates.
pub(super) fn of_system() -> Result<TlsContext, ConnectError> {
    let named = std::env::var(SSL_CERT_FILE).ok();
    if let Some(value) = named.filter(|path| !path.is_empty()) {
        let place = SSL_CERT_FILE.to_owned();
        certificates(&Setting { value, place })?;
    }
    context(TrustStore::default())
}

/// What is trusted where this bundle is named.
///
/// # Errors
/// [`ConnectError::BadBundle`], where it cannot be read or has no certificate.
pub(super) fn of_bundle(bundle: &Setting) -> Result<TlsContext, ConnectError> {
    let mut store = TrustStore::empty();
    for certificate in certificates(bundle)? {
        store.add_pem_certificate(certificate);
    }
    context(store)
}

/// What is trusted where nothing is encrypted.
pub(super) fn none() -> Result<TlsContext, ConnectError> {
    context(TrustStore::empty())
}

fn context(store: TrustStore) -> Result<TlsContext, ConnectError> {
    let context = TlsContext::builder().with_trust_store(store).build();
    context.map_err(|error| ConnectError::Settings(error.to_string()))
}

/// The certificates of a bundle that can be used. Others are left out: bundles have many, and old
/// ones among them.
fn certificates(bundle: &Setting) -> Result<Vec<String>, ConnectError> {
    let bad = |why: String| ConnectError::BadBundle {
        place: bundle.place.clone(),
        path: bundle.value.clone(),
        why,
    };
    let path = Path::new(&bundle.value);
    if path.is_dir() {
        return Err(bad("is a directory".into()));
    }
    let read = std::fs::read(path).map_err(|error| bad(format!("cannot be read: {error}")))?;
    let text = String::from_utf8_lossy(&read);
    let usable: Vec<_> = blocks(&text).filter(|block| is_usable(block)).collect();
    match usable.is_empty() {
        true => Err(bad("has no certificate in PEM form that can be used".into())),
        false => Ok(usable.into_iter().map(str::to_owned).collect()),
    }
}

/// Each certificate of a PEM file, with its first and last line.
fn blocks(text: &str) -> impl Iterator<Item = &str> {
    text.split_inclusive(END).filter_map(|part| {
        let block = &part[part.rfind(BEGIN)?..];
        block.ends_with(END).then_some(block)
    })
}

fn is_usable(block: &str) -> bool {
    let parsed = CertificateDer::from_pem_slice(block.as_bytes());
    parsed.is_ok_and(|certificate| RootCertStore::empty().add(certificate).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_found_between_its_lines() {
        let text =
            format!("# comment\n{BEGIN}\nAA\n{END}\n\nkey\n{BEGIN}\nBB\n{END}\n{BEGIN}\nCC\n");
        let found: Vec<_> = blocks(&text).collect();
        assert_eq!(
            found,
            [format!("{BEGIN}\nAA\n{END}"), format!("{BEGIN}\nBB\n{END}")]
        );
    }

    #[test]
    fn a_bundle_without_a_certificate_is_named_with_its_setting() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ca.pem");
        let said = |value: &Path| {
            let bundle = Setting {
                value: value.display().to_string(),
                place: "AWS_CA_BUNDLE".into(),
            };
            let said = of_bundle(&bundle).expect_err("no bundle").to_string();
            said.replace(&folder.path().display().to_string(), "DIR")
        };
        let remedy = "name a file of PEM certificates, or unset it";
        assert_eq!(
            said(folder.path()),
            format!("AWS_CA_BUNDLE: DIR is a directory: {remedy}")
        );
        let missing = said(&path);
        assert!(
            missing.starts_with("AWS_CA_BUNDLE: DIR/ca.pem cannot be read: No such file"),
            "{missing}"
        );
        std::fs::write(&path, format!("{BEGIN}\nAAAA\n{END}\n")).unwrap();
        assert_eq!(
            said(&path),
            format!(
                "AWS_CA_BUNDLE: DIR/ca.pem has no certificate in PEM form that can be used: {remedy}"
            )
        );
    }
}
