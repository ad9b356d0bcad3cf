"""The page to upload and draw on."""
