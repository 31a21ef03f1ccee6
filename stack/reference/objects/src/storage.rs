//! The S3 protocol over a folder, with the keys and the access rule.

use std::path::Path;

use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s_fs::FileSystem;

use crate::access::{PUBLIC_BUCKET, PublicRead};
use crate::{Keys, ObjectsError};

/// Creates the folder and its public bucket when they do not exist.
pub(crate) fn open_storage(folder: &Path, keys: Keys) -> Result<S3Service, ObjectsError> {
    let folder_error = |why: String| ObjectsError::Folder { path: folder.to_owned(), why };
    std::fs::create_dir_all(folder.join(PUBLIC_BUCKET)).map_err(|error| folder_error(error.to_string()))?;
    let storage = FileSystem::new(folder).map_err(|error| folder_error(format!("{error:?}")))?;
    let mut builder = S3ServiceBuilder::new(storage);
    builder.set_auth(SimpleAuth::from_single(keys.key, keys.secret));
    builder.set_access(PublicRead);
    Ok(builder.build())
}
