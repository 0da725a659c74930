"""Requests made up from the service's own description, by Schemathesis.

The normal run makes a few hundred; ``PACBED_TEST_FUZZ=400`` makes some thousands (see
docs/benchmarks.md for a complete run).
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

#: Made-up requests for each route and phase.
EXAMPLES = int(os.environ.get("PACBED_TEST_FUZZ", "6"))

CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,"
    "response_schema_conformance,response_headers_conformance"
)


@pytest.mark.slow
def test_no_made_up_request_breaks_the_service(server, tmp_path):
    program = Path(sys.executable).with_name("schemathesis")
    result = subprocess.run(
        [program, "run", f"{server.url}/openapi.json", "--checks", CHECKS,
         "--phases", "examples,coverage,fuzzing", "--max-examples", str(EXAMPLES),
         "--generation-deterministic", "--seed", "1", "--no-color", "--continue-on-failure",
         "--workers", "1"],
        cwd=tmp_path, capture_output=True, text=True, check=False, timeout=3000,
    )  # fmt: skip
    assert result.returncode == 0, result.stdout[-6000:] + result.stderr[-2000:]
    cases = int(re.search(r"(\d+) generated", result.stdout)[1])
    print(f"{cases} made-up requests")
    assert cases >= 200, result.stdout[-2000:]
    assert server.get("/health/ready")
