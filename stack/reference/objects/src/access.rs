//! The access rule: everybody reads the public bucket, the holder of the keys may do everything.

use s3s::access::{S3Access, S3AccessContext};
use s3s::path::S3Path;
use s3s::{S3Result, s3_error};

/// The bucket whose objects can be read without keys. Listing it needs the keys.
pub const PUBLIC_BUCKET: &str = "media";

/// Checked before each operation. `s3s` refuses a wrong signature before this check.
pub(crate) struct PublicRead;

#[async_trait::async_trait]
impl S3Access for PublicRead {
    async fn check(&self, context: &mut S3AccessContext<'_>) -> S3Result<()> {
        let signed = context.credentials().is_some();
        if signed || is_allowed_anonymously(context.s3_op().name(), context.s3_path()) {
            return Ok(());
        }
        Err(s3_error!(AccessDenied, "sign the request with the store's keys"))
    }
}

/// Whether a request without a signature may do this.
///
/// Keys are paths in the folder, and the storage resolves `..`: `media/../private/x` is in another bucket.
fn is_allowed_anonymously(operation: &str, path: &S3Path) -> bool {
    let reading = matches!(operation, "GetObject" | "HeadObject");
    let plain = |key: &str| key.split('/').all(|part| part != ".." && part != ".");
    reading && matches!(path, S3Path::Object { bucket, key } if &**bucket == PUBLIC_BUCKET && plain(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anonymous_users_read_objects_of_the_public_bucket_and_nothing_else() {
        let (open, closed) = (S3Path::object("media", "covers/1.svg"), S3Path::object("backup", "db.sql"));
        assert!(is_allowed_anonymously("GetObject", &open) && is_allowed_anonymously("HeadObject", &open));
        assert!(
            !is_allowed_anonymously("PutObject", &open) && !is_allowed_anonymously("DeleteObject", &open)
        );
        assert!(!is_allowed_anonymously("GetObject", &closed));
        assert!(!is_allowed_anonymously("GetObject", &S3Path::object("media", "../backup/db.sql")));
        assert!(!is_allowed_anonymously("ListObjectsV2", &S3Path::bucket("media")));
        assert!(!is_allowed_anonymously("ListBuckets", &S3Path::root()));
    }
}
