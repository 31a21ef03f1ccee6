//! Who may do what: everybody reads the public bucket, the holder of the keys does everything.

use s3s::access::{S3Access, S3AccessContext};
use s3s::path::S3Path;
use s3s::{S3Result, s3_error};

/// The bucket whose objects everybody may read, and nobody may list, without keys.
pub const PUBLIC_BUCKET: &str = "media";

/// The rule, asked before each operation. A wrong signature is refused before it comes here.
pub(crate) struct PublicRead;

#[async_trait::async_trait]
impl S3Access for PublicRead {
    async fn check(&self, context: &mut S3AccessContext<'_>) -> S3Result<()> {
        let signed = context.credentials().is_some();
        if signed || anonymous_may(context.s3_op().name(), context.s3_path()) {
            return Ok(());
        }
        Err(s3_error!(AccessDenied, "sign the request with the store's keys"))
    }
}

/// Whether a request without a signature may do this.
///
/// Keys are places in the folder, and the storage takes `..` for the folder above: `media/../private/x` is in another
/// bucket, whatever its name says.
fn anonymous_may(operation: &str, path: &S3Path) -> bool {
    let reading = matches!(operation, "GetObject" | "HeadObject");
    let plain = |key: &str| key.split('/').all(|part| part != ".." && part != ".");
    reading && matches!(path, S3Path::Object { bucket, key } if &**bucket == PUBLIC_BUCKET && plain(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_read_objects_of_the_public_bucket_and_nothing_else() {
        let (open, closed) = (S3Path::object("media", "covers/1.svg"), S3Path::object("backup", "db.sql"));
        assert!(anonymous_may("GetObject", &open) && anonymous_may("HeadObject", &open));
        assert!(!anonymous_may("PutObject", &open) && !anonymous_may("DeleteObject", &open));
        assert!(!anonymous_may("GetObject", &closed));
        assert!(!anonymous_may("GetObject", &S3Path::object("media", "../backup/db.sql")));
        assert!(!anonymous_may("ListObjectsV2", &S3Path::bucket("media")));
        assert!(!anonymous_may("ListBuckets", &S3Path::root()));
    }
}
