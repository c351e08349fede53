"""uvicorn's flow control of a connection, in which requests wait for their turn."""

from uvicorn.protocols.http.flow_control import FlowControl


class Flow(FlowControl):
    """A flow control that an application's call of `receive` does not always set going."""

    is_held = False
    """Whether nothing is parsed until the request in progress is answered, and that is read."""
    is_full = False
    """Whether so much waits that nothing is read, either, not even that the client has left."""

    def hold(self) -> None:
        """Makes further input wait."""
        self.is_held = True
        self.pause_reading()

    def fill(self) -> None:
        """Reads nothing until it is released."""
        self.is_full = True
        self.pause_reading()

    def release(self) -> None:
        """Reads and parses again."""
        self.is_held = self.is_full = False
        self.resume_reading()

    def resume_reading(self) -> None:
        """Reads again unless too much waits."""
        if self.read_paused and not self.is_full:
            super().resume_reading()
