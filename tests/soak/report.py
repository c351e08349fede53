"""The report of a soak: latencies, growth, and the conditions that did not hold."""

from dataclasses import dataclass, field
from statistics import median

from bench.constant_rate import percentile
from tests.soak.buyer import Record

WARM_UP = 0.4
"""The share of the time after which nothing may grow any more."""
GROWTH = 1.10
"""Highest quotient of the memory at the end and after the warm-up."""


@dataclass(frozen=True)
class Sample:
    """Resident bytes, open files and database connections of all processes at one time."""

    memory: int
    files: int
    connections: int


@dataclass
class Report:
    """The findings of a soak."""

    seconds: float
    record: Record
    samples: list[Sample] = field(default_factory=list)
    pieces_stored: int = 0

    def before_and_after(self, name: str) -> tuple[float, float]:
        """Returns a measure after the warm-up and at the end, each the median of a tenth of the samples."""
        values = [float(getattr(sample, name)) for sample in self.samples]
        tenth, begin = max(1, len(values) // 10), int(len(values) * WARM_UP)
        return median(values[begin : begin + tenth]), median(values[-tenth:])

    def complaints(self) -> list[str]:
        """Returns a line for each condition that did not hold."""
        complaints = list(dict.fromkeys(self.record.wrong))[:10]
        if self.pieces_stored != self.record.pieces:
            complaints.append(
                f"{self.record.pieces} pieces were acknowledged, and {self.pieces_stored} are stored."
            )
        for name, factor, slack in (
            ("memory", GROWTH, 0),
            ("files", 1.0, 20),
            ("connections", 1.0, 8),
        ):
            before, after = self.before_and_after(name)
            if after > before * factor + slack:
                complaints.append(f"The {name} grew from {before:,.0f} to {after:,.0f}.")
        return complaints

    def lines(self) -> list[str]:
        """Returns the report in lines of text."""
        total = sum(len(times) for times in self.record.seconds.values())
        lines = [
            f"{total:,} operations in {self.seconds:.0f} s, {len(self.record.wrong)} of them wrong"
        ]
        for kind, times in self.record.seconds.items():
            shares = "".join(
                f"{percentile(times, percent):9.1f}" for percent in (50, 99, 100)
            )
            lines.append(f"{kind:8}{len(times):9,}   ms at 50 %, 99 %, 100 %:{shares}")
        for name, unit in (("memory", 2**20), ("files", 1), ("connections", 1)):
            before, after = self.before_and_after(name)
            lines.append(
                f"{name:12}{before / unit:9.1f} after the warm-up, {after / unit:9.1f} at the end"
            )
        return [
            *lines,
            f"{self.record.events:,} events told to watchers, of every basket the last one",
            f"{self.record.pieces:,} pieces acknowledged, {self.pieces_stored:,} stored",
        ]
