"""The release that this is: the one place that says so.

host.json repeats it as `defaultVersion` (docs/adr/0020), which a test holds to this. An orchestration
shows the release that began it, for as long as it lives.
"""

VERSION = "0.2.0"
