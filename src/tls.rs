//! The cryptography of TLS, for each HTTP client of this process.

/// Sets what every TLS client of the process computes with. Whoever makes a client calls this first; only the first
/// call counts.
///
/// `ring`, and not the default of rustls, whose C library alone takes longer to compile than any crate of ours.
pub(crate) fn install_provider() {
    let _already_set = rustls::crypto::ring::default_provider().install_default();
}
