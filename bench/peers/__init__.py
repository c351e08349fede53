"""The servers that a user might pick instead: Mercurius with graphql-jit, and PostGraphile 5.

Both run as one process in production mode, on the same core and tables as ours, with prepared
statements, the same authentication and a pool of the same size. Their npm packages are pinned in
`package.json` beside this file.
"""
