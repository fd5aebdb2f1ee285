"""HTTP/1.1: messages and parsers without I/O, and both halves of a connection over a stream of either world."""
