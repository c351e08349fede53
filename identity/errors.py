"""The two ways to fail: a token that counts for nothing, and a provider that does not answer."""


class TokenRejected(Exception):
    """Raised for a token that is not accepted; the message is for the log and quotes no claim."""


class ProviderFailed(Exception):
    """Raised when a provider's keys could not be read; the message names the provider."""
