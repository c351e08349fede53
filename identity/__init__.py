"""The one seam to identity providers (OpenID Connect): their keys, and verified tokens.

It verifies with PyJWT and knows no user of ours. Nothing that a token says before its signature is
verified decides anything but which provider, and which of its known keys, is to verify it.
"""
