"""HTTP/1 without I/O: bytes in, requests out; responses in, bytes out."""
