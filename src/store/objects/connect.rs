//! The client of a bucket, from its URL and what each cloud's users have in the environment.

use std::sync::Arc;
use std::time::Duration;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::{ClientConfigKey, Error, ObjectStore, RetryConfig};
use url::Url;

/// The store of `s3://BUCKET/…`, `az://CONTAINER/…` or `gs://BUCKET/…`.
///
/// # Errors
/// What its client says of the URL or of a variable.
pub(super) fn connect(url: &Url) -> Result<Arc<dyn ObjectStore>, Error> {
    crate::tls::install_provider();
    let url_text = url.as_str();
    let retry = RetryConfig {
        max_retries: 3,
        retry_timeout: Duration::from_secs(30),
        ..RetryConfig::default()
    };
    // Whatever the environment says, certificates are checked.
    let checked = (ClientConfigKey::AllowInvalidCertificates, "false");
    Ok(match url.scheme() {
        "s3" => Arc::new(
            AmazonS3Builder::from_env()
                .with_url(url_text)
                .with_config(AmazonS3ConfigKey::Client(checked.0), checked.1)
                .with_retry(retry)
                .build()?,
        ),
        "az" => Arc::new(
            MicrosoftAzureBuilder::from_env()
                .with_url(url_text)
                .with_config(AzureConfigKey::Client(checked.0), checked.1)
                .with_retry(retry)
                .build()?,
        ),
        "gs" => Arc::new(
            GoogleCloudStorageBuilder::from_env()
                .with_url(url_text)
                .with_config(GoogleConfigKey::Client(checked.0), checked.1)
                .with_retry(retry)
                .build()?,
        ),
        other => {
            return Err(Error::NotSupported {
                source: format!("`{other}://` is none of s3://, az:// and gs://").into(),
            });
        }
    })
}
