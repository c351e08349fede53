"""The soak: an hour of a shop's work in five minutes, in which nothing may fail, grow or be lost.

    scripts/soak              five minutes
    scripts/soak --seconds 60

64 connections, each a buyer of their own, read, add, save, submit, import and export without a pause,
against the processes of the systemd set-up: two servers and a worker behind HAProxy, on a PostgreSQL and
a Redis of their own. It ends with status 0 when every answer was right, the baskets hold exactly the
acknowledged quantities, and neither memory, file descriptors nor database connections have grown between
the end of the warm-up and the end.
"""
