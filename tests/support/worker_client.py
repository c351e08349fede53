"""Stands for a worker of pytest-xdist: hands streams and program to the server of workers."""

import socket
import sys

with socket.socket(socket.AF_UNIX) as server:
    server.connect(sys.argv[1])
    socket.send_fds(server, [sys.argv[-1].encode()], [0, 1, 2])
    # It is closed when the worker ends.
    server.recv(1)
