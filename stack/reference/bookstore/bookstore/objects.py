"""Media in an S3-compatible store. Loaded only with `KP_OBJECTS_URL`: boto3 is slow to import."""

import mimetypes
from pathlib import Path
from urllib.parse import quote

from botocore.config import Config
from botocore.exceptions import ClientError
from storages.backends.s3 import S3Storage

from bookstore.storages import MEDIA_URL

CACHE_CONTROL = "public, max-age=3600"


class ObjectStorage(S3Storage):
    """The store behind `/media/`: pages contain the site's own URLs, and the proxy fetches."""

    def get_default_settings(self) -> dict:
        """Short timeouts, and only required checksums, because stores may not support all."""
        return super().get_default_settings() | {
            "client_config": Config(
                s3={"addressing_style": "path"},
                signature_version="s3v4",
                connect_timeout=2,
                read_timeout=5,
                retries={"total_max_attempts": 2},
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
            )
        }

    def url(self, name: str, *args, **kwargs) -> str:
        """The same URL as for files on disk, never signed."""
        return MEDIA_URL + quote(name)

    def make_bucket(self) -> None:
        """Create the bucket unless it exists."""
        client = self.connection.meta.client
        try:
            client.head_bucket(Bucket=self.bucket_name)
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] != 404:
                raise
            client.create_bucket(Bucket=self.bucket_name)

    def publish(self, name: str, path: Path) -> int:
        """Upload one small file, replacing an existing object; return its size in bytes."""
        body = path.read_bytes()
        kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
        self.connection.meta.client.put_object(
            Bucket=self.bucket_name,
            Key=name,
            Body=body,
            ContentType=kind,
            CacheControl=CACHE_CONTROL,
        )
        return len(body)
