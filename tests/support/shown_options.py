"""A program that prints the options in force, as several modules of ours find them."""

import sys

import application
import settings
from settings.options import OPTIONS, LogOptions

SHOWN = (
    *(OPTIONS, LogOptions(), vars(application)["LogOptions"]()),
    *(settings.DATABASE_URL, settings.PORT, settings.READER.problems),
    vars(application)["OPTIONS"] is OPTIONS,
)

sys.stdout.write("\n".join(map(str, SHOWN)))
