"""The guard: ends the subscriptions of those who are not let in any more."""

from models.user import Buyers, find_unusable_tokens
from web.live.session import Session

CHECK_SECONDS = 4.0
"""Seconds between two checks; a subscription ends within ten."""
REASONS = {
    "token": "The token is not valid any more.",
    "division": "Your division is inactive.",
}


class SessionGuard:
    """Looks the tokens of all sessions with subscriptions up, in one statement."""

    def __init__(self, buyers: Buyers) -> None:
        self._buyers = buyers
        self._sessions = set[Session]()

    def add(self, session: Session) -> None:
        """Watches over a session."""
        self._sessions.add(session)

    def discard(self, session: Session) -> None:
        """Forgets a session, if it is known."""
        self._sessions.discard(session)

    async def check(self) -> None:
        """Ends the sessions whose token, user or division is not active any more."""
        sessions = list(self._sessions)
        if not sessions:
            return
        # Many connections of one token are asked about once.
        given = {
            session.credential.digest: session.credential.divisions for session in sessions
        }
        unusable = await find_unusable_tokens(given)
        for digest in unusable:
            # Else a client that comes back at once would be let in for some seconds more.
            self._buyers.forget(digest)
        for session in sessions:
            reason = unusable.get(session.credential.digest)
            if session.credential.has_ended:
                reason = "token"
            if reason:
                session.end(REASONS[reason])
