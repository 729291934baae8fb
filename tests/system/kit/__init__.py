# SPDX-License-Identifier: Apache-2.0
"""What the system tests share: processes, HTTP, Kafka, waiting, comparing."""

import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
sys.path.insert(0, os.path.join(ROOT, "tests", "oracle"))
