"""Objects: files of a folder, or a bucket of S3."""
