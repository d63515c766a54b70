"""Python 2: Autobahn's wstest, with at most so many messages a case in sections 12 and 13 (1,000 otherwise).

fewer_messages.py COUNT [words for wstest]
"""
import sys

count = int(sys.argv.pop(1))

from autobahntestsuite import wstest  # the first import: it chooses the reactor
from autobahntestsuite.case import Cases

for case in Cases:
    if case.__name__.startswith(("Case12_", "Case13_")):
        case.COUNT = min(case.COUNT, count)
wstest.run()
